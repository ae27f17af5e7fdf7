/* esp_front: the headers that stay in front of ESP or AH in transport mode (RFC 4303 3.1.1, RFC 4302 3.1.1), and what of
 * them changes when one of the two is put in or taken out.
 *
 * Internal to esp; pure functions. */
#ifndef DATAPLANE_ESP_ESP_FRONT_H
#define DATAPLANE_ESP_ESP_FRONT_H

#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_tunnel.h"

#include <string.h>

enum {
    ESP_V4_LEN_AT = 2, /* octets into the header */
    ESP_V4_FRAG_AT = 6,
    ESP_V4_PROTO_AT = 9,
    ESP_V4_SUM_AT = 10,
    ESP_V4_ADDRS_AT = 12,
    ESP_V4_ADDRS_LEN = 8,
    ESP_V6_LEN_AT = 4,
    ESP_V6_NEXT_AT = 6,
    ESP_V6_ADDRS_AT = 8,
    ESP_V6_ADDRS_LEN = 32,
    ESP_EXT_MIN = 8,
    ESP_EXT_MAX = 8, /* extension headers that are walked */
    ESP_NEXT_HOP_BY_HOP = 0,
    ESP_NEXT_ROUTING = 43,
    ESP_NEXT_FRAGMENT = 44,
    ESP_NEXT_DEST_OPTIONS = 60,
};

static inline uint32_t esp_get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static inline void esp_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* What goes outside, and where the field that names ESP is. */
struct esp_front {
    uint32_t len;  /* octets: IP header and extension headers */
    uint32_t next; /* octets into it: the last next header field */
};

/* ---- IPv4 -------------------------------------------------------------------------------------------------- */
static inline enum cv_drop esp_front_v4(const uint8_t *ip, uint32_t len, struct esp_front *f)
{
    f->len = (ip[0] & 15u) * 4u;
    f->next = ESP_V4_PROTO_AT;
    if (f->len < ESP_V4_LEN || f->len > len)
        return CV_DROP_MALFORMED_IP;
    return esp_get16(ip + ESP_V4_FRAG_AT) & 0x3fff ? CV_DROP_FRAGMENT : CV_DROP_NONE; /* MF or an offset */
}

static inline void esp_length_v4(uint8_t *ip, const struct esp_front *f, uint32_t total)
{
    esp_put16(ip + ESP_V4_LEN_AT, total);
    memset(ip + ESP_V4_SUM_AT, 0, 2);
    const uint16_t sum = esp_sum_fold(esp_sum(ip, f->len, 0));
    memcpy(ip + ESP_V4_SUM_AT, &sum, sizeof sum);
}

/* ---- IPv6 -------------------------------------------------------------------------------------------------- */
static inline bool esp_front_is_extension(uint8_t next)
{
    return next == ESP_NEXT_HOP_BY_HOP || next == ESP_NEXT_ROUTING || next == ESP_NEXT_FRAGMENT ||
           next == ESP_NEXT_DEST_OPTIONS;
}

static inline uint32_t esp_extension_len(const uint8_t *ext, uint8_t type)
{
    return type == ESP_NEXT_FRAGMENT ? ESP_EXT_MIN : (ext[1] + 1u) * 8u;
}

/* RFC 4303 3.1.1, RFC 8200 4.1: hop-by-hop, routing and fragment headers, and destination options that come before
 * one of these, are for hosts on the way. */
static inline enum cv_drop esp_front_v6(const uint8_t *ip, uint32_t len, struct esp_front *f)
{
    uint32_t at = ESP_V6_LEN, field = ESP_V6_NEXT_AT;
    *f = (struct esp_front){ESP_V6_LEN, ESP_V6_NEXT_AT};
    for (unsigned i = 0; i <= ESP_EXT_MAX; i++) {
        const uint8_t type = ip[field];
        if (!esp_front_is_extension(type))
            return CV_DROP_NONE;
        if (len - at < ESP_EXT_MIN || len - at < esp_extension_len(ip + at, type))
            return CV_DROP_MALFORMED_IP;
        if (type == ESP_NEXT_FRAGMENT && (esp_get16(ip + at + 2) & 0xfff9))
            return CV_DROP_FRAGMENT;
        field = at;
        at += esp_extension_len(ip + at, type);
        if (type != ESP_NEXT_DEST_OPTIONS)
            *f = (struct esp_front){at, field};
    }
    return CV_DROP_MALFORMED_IP;
}

/* The field that named ESP, or UDP, in a received packet whose headers up to it have l3_len octets. */
static inline bool esp_front_received(const uint8_t *ip, uint32_t l3_len, struct esp_front *f)
{
    uint32_t at = ESP_V6_LEN;
    *f = (struct esp_front){l3_len, ESP_V6_NEXT_AT};
    for (unsigned i = 0; i < ESP_EXT_MAX && at + ESP_EXT_MIN <= l3_len; i++) {
        const uint8_t type = ip[f->next];
        f->next = at;
        at += esp_extension_len(ip + at, type);
    }
    return at == l3_len;
}

static inline void esp_length_v6(uint8_t *ip, uint32_t total)
{
    esp_put16(ip + ESP_V6_LEN_AT, total - ESP_V6_LEN);
}

/* Where ECN stays inside, it does not stand in the header in front either, which GRE has copied it to (RFC 6040 4.1). Before the checksum. */
static inline void esp_front_ecn(uint8_t *ip, const struct esp_template *t, bool v4)
{
    if (v4)
        ip[1] &= t->ecn_mask;
    else if (t->ecn_mask != UINT8_MAX)
        esp_ecn_set_v6(ip, 0);
}

/* Anybody else's packet would go with its addresses readable, and to where the SA does not end. */
static inline bool esp_between_ends(const struct esp_template *t, const uint8_t *ip, bool v4)
{
    return v4 ? memcmp(ip + ESP_V4_ADDRS_AT, t->addrs, ESP_V4_ADDRS_LEN) == 0
              : memcmp(ip + ESP_V6_ADDRS_AT, t->addrs, ESP_V6_ADDRS_LEN) == 0;
}

static inline bool esp_from_end(const struct esp_in_sa *sa, const uint8_t *ip, bool v4)
{
    const uint8_t *end = sa->conf.remote.addr.b; /* never changes in this mode (esp_peer_ok) */
    return v4 ? memcmp(ip + ESP_V4_ADDRS_AT, end, 4) == 0 : memcmp(ip + ESP_V6_ADDRS_AT, end, 16) == 0;
}

#endif
