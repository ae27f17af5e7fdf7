/* run_frames: seeded frames for test_run.c: stretches of one flow in clear, common and odd. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_FRAMES_H
#define TESTS_UNIT_DATAPLANE_RUN_FRAMES_H

#include "dataplane/ip/ip_csum.h"
#include "tests/unit/ip/pkt.h"

#include <rte_ether.h>

enum {
    LONGEST = 1378,
    JUMBO = 9000,
    ROOM = JUMBO + 300,
    ETHER = RTE_ETHER_HDR_LEN,
    HEADER6 = 40,
    MORE6 = 20, /* octets that an IPv6 header is longer by */
};

static unsigned longest = LONGEST; /* inner packet */
static const uint8_t far_mac[6] = {2, 1, 1, 1, 1, 1};
static uint64_t seed;
static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

struct frame {
    uint16_t len;
    uint8_t b[ROOM];
};

static void checksum(uint8_t *ip)
{
    memset(ip + 10, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, 2);
}

static void ether(struct frame *f, unsigned len, uint16_t type)
{
    static const uint8_t station[6] = {2, 0, 0, 0, 0, 1};
    memcpy(f->b, station, 6);
    memcpy(f->b + 6, far_mac, 6);
    f->b[12] = (uint8_t)(type >> 8);
    f->b[13] = (uint8_t)type;
    f->len = (uint16_t)(len + ETHER);
}

/* What is the same in a stretch of packets of one flow. */
struct flow {
    uint8_t src[4], dst[4], proto, tos, ttl, df;
    unsigned len;
    bool varied; /* in length */
    bool v6;     /* between the addresses that addr6 makes of these */
};

static bool flows6; /* some flows are of IPv6 */

/* 192.168.1.77 is 2001:db8:c0a8:100::4d: what routes say of a /16 or /24 they say of a /48 or /56. */
static inline void addr6(uint8_t out[16], const uint8_t v4[4])
{
    const uint8_t prefix[7] = {0x20, 0x01, 0x0d, 0xb8, v4[0], v4[1], v4[2]};
    memset(out, 0, 16);
    memcpy(out, prefix, sizeof prefix);
    out[15] = v4[3];
}

static inline struct flow flow_make(bool in)
{
    static const uint8_t protos[] = {17, 17, 6, 1, 50}, ttls[] = {64, 64, 255, 2};
    struct flow f = {.proto = protos[rnd(5)], .ttl = ttls[rnd(4)], .df = rnd(2) ? 0x40 : 0};
    const uint8_t near[4] = {192, 168, 1, 77},
                  far_end[4] = {10, (uint8_t)(in || rnd(4) ? 20 : 21), 1, (uint8_t)(1 + rnd(2))};
    memcpy(in ? f.dst : f.src, near, 4);
    memcpy(in ? f.src : f.dst, far_end, 4);
    f.tos = (uint8_t)(rnd(3) ? 0 : rnd(256));
    f.varied = rnd(2);
    f.len = rnd(2) ? 28 + rnd(100) : 28 + rnd(longest - 28);
    f.v6 = flows6 && rnd(4);
    return f;
}

static inline uint8_t proto6(uint8_t proto)
{
    return proto == IP_PROTO_ICMP ? IP_PROTO_ICMP6 : proto;
}

/* No two in a row have the same flow label. */
static inline unsigned inner_make6(uint8_t *b, const struct flow *f, unsigned nth)
{
    const unsigned upper = (f->varied ? 28 + rnd(600) : f->len) - MORE6,
                   len = HEADER6 + RTE_MIN(upper, longest - HEADER6);
    for (unsigned i = HEADER6; i < len; i++)
        b[i] = (uint8_t)(i * 7 + nth);
    b[0] = (uint8_t)(0x60 | f->tos >> 4);
    b[1] = (uint8_t)(f->tos << 4 | (nth & 15));
    b[2] = (uint8_t)(nth >> 8);
    b[3] = (uint8_t)nth;
    b[4] = (uint8_t)((len - HEADER6) >> 8);
    b[5] = (uint8_t)(len - HEADER6);
    b[6] = proto6(f->proto);
    b[7] = f->ttl;
    addr6(b + 8, f->src);
    addr6(b + 24, f->dst);
    if (f->proto == IP_PROTO_UDP) {
        memcpy(b + 44, b + 4, 2);
        b[42] = 1; /* no port of ESP's */
    }
    return len;
}

static unsigned inner_make(uint8_t *b, const struct flow *f, unsigned nth)
{
    if (f->v6)
        return inner_make6(b, f, nth);
    const unsigned len = f->varied ? 28 + rnd(600) : f->len;
    for (unsigned i = 20; i < len; i++)
        b[i] = (uint8_t)(i * 7 + nth);
    memset(b, 0, 20);
    b[0] = 0x45;
    b[1] = f->tos;
    b[2] = (uint8_t)(len >> 8);
    b[3] = (uint8_t)len;
    b[4] = (uint8_t)(nth >> 8);
    b[5] = (uint8_t)nth;
    b[6] = f->df;
    b[8] = f->ttl;
    b[9] = f->proto;
    memcpy(b + 12, f->src, 4);
    memcpy(b + 16, f->dst, 4);
    if (f->proto == IP_PROTO_UDP) {
        b[24] = (uint8_t)((len - 20) >> 8);
        b[25] = (uint8_t)(len - 20);
        b[22] = 1; /* no port of ESP's */
    }
    checksum(b);
    return len;
}

/* A header that is none of the upper layer, sound or not. */
static inline void next_odd(uint8_t *b)
{
    static const uint8_t next[] = {0, 43, 44, 60, 60, 51, 50, 59, 4, 41, 135, 17, 6};
    b[6] = next[rnd(sizeof next)];
    if (rnd(4) == 0)
        return;
    const uint8_t sound[8] = {
        17, 0, 1, 4}; /* what pads; a routing header that has arrived; a fragment of 8 octets from 256 on */
    memcpy(b + HEADER6, sound, sizeof sound);
    if (b[6] == 44 && rnd(2))
        memset(b + HEADER6 + 2, 0, 2); /* not cut at all (RFC 6946) */
}

/* As below, of IPv6. */
static inline unsigned inner_odd6(uint8_t *b, unsigned len)
{
    switch (rnd(18)) {
    case 0:
        b[7] = (uint8_t)rnd(2); /* hop limit */
        break;
    case 1:
        b[7] ^= (uint8_t)(1 + rnd(255));
        break;
    case 2:
        b[0] ^= (uint8_t)(1 + rnd(15)); /* traffic class */
        break;
    case 3:
        b[1] ^= (uint8_t)(0x10 << rnd(4));
        break;
    case 4:
        b[1 + rnd(3)] ^= 1; /* flow label */
        break;
    case 5:
        b[8 + rnd(16)] ^= (uint8_t)(1 << rnd(8));
        break;
    case 6:
        b[24 + rnd(16)] ^= (uint8_t)(1 << rnd(8));
        break;
    case 7:
        b[5] = (uint8_t)(b[5] + 1 + rnd(9)); /* longer than it is, or shorter */
        break;
    case 8:
        b[4] = b[5] = 0; /* a jumbogram's, if it were one (RFC 2675) */
        break;
    case 9:
        b[4] = 0;
        b[5] = (uint8_t)rnd(9);
        break;
    case 10:
        b[0] = rnd(2) ? 0x45 : 0x4f;
        break;
    case 11:
        b[8] = rnd(2) ? 0xff : 0xfe;
        b[9] = 0x80;
        break;
    case 12:
        b[24] = rnd(2) ? 0xff : 0xfe;
        b[25] = 0x80;
        break;
    case 13:
        b[6] = rnd(2) ? 17 : 50;
        b[42] = 4500 >> 8;
        b[43] = (uint8_t)4500;
        break;
    case 14:
        b[44] = 255; /* a UDP length */
        break;
    default:
        next_odd(b);
        break;
    }
    return len;
}

/* An odd one among them. Gives its length. */
static unsigned inner_odd(uint8_t *b, unsigned len)
{
    if (b[0] >> 4 == 6)
        return inner_odd6(b, len);
    switch (rnd(14)) {
    case 0:
        b[8] = 1; /* TTL */
        break;
    case 1:
        b[1] ^= (uint8_t)(1 + rnd(255));
        break;
    case 2:
        b[6] ^= 0x40;
        break;
    case 3:
        b[19] ^= 1;
        break;
    case 4:
        b[15] ^= 1;
        break;
    case 5:
        b[10] ^= 0x10;
        return len; /* a wrong checksum */
    case 6:
        b[3] = (uint8_t)(b[3] + 1 + rnd(9)); /* longer than it is, or shorter */
        break;
    case 7:
        b[2] = 0;
        b[3] = 19;
        break;
    case 8:
        b[0] = 0x46;
        break;
    case 9:
        b[6] = 0x20; /* a fragment */
        break;
    case 10:
        b[9] = rnd(2) ? 17 : 50;
        b[22] = 4500 >> 8;
        b[23] = (uint8_t)4500;
        break;
    case 11:
        b[12] = rnd(2) ? 127 : 224;
        break;
    case 12:
        b[0] = 0x65;
        break;
    default:
        b[24] = 255; /* a UDP length */
        break;
    }
    if (b[0] == 0x45)
        checksum(b);
    return len;
}

static void frame_odd(struct frame *f)
{
    switch (rnd(6)) {
    case 0:
        f->b[5] ^= 1; /* another station's */
        break;
    case 1:
        f->b[0] = 1;
        break;
    case 2:
        f->len = (uint16_t)(f->len - rnd(20));
        break;
    case 3:
        if (f->b[12] == 0x86)
            memcpy(f->b + 12, (const uint8_t[]){0x08, 0x00}, 2);
        else
            memcpy(f->b + 12, (const uint8_t[]){0x86, 0xdd}, 2);
        break;
    default: /* link padding */
        memset(f->b + f->len, 0xaa, 20);
        f->len = (uint16_t)(f->len + rnd(20));
        break;
    }
}

static inline void clear_make(struct frame *f, const struct flow *flow, unsigned nth, bool odd)
{
    unsigned len = inner_make(f->b + ETHER, flow, nth);
    if (odd && rnd(3))
        len = inner_odd(f->b + ETHER, len);
    ether(f, len, flow->v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
    if (odd && rnd(3) == 0)
        frame_odd(f);
}

#endif
