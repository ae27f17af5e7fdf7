#include "dataplane/ip/ip_mss.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_wire.h"

#include <string.h>

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    EXT_MIN = 8,
    PROTO_TCP = 6,
    TCP_HEADER = 20,
    TCP_SYN = 0x02,
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_MSS_LEN = 4,
};

/* Where TCP begins; 0: it is none, or a later fragment, or cut short. */
static uint32_t tcp_at4(const uint8_t *ip, uint32_t len)
{
    if (len < IP4_HEADER || ip[9] != PROTO_TCP || (ip_get16(ip + 6) & 0x1fff))
        return 0;
    const uint32_t header = (ip[0] & 15u) * 4u;
    return header < IP4_HEADER || header > len ? 0 : header;
}

static uint32_t tcp_at6(const uint8_t *ip, uint32_t len)
{
    if (len < IP6_HEADER)
        return 0;
    uint32_t at = IP6_HEADER;
    uint8_t next = ip[6];
    for (unsigned i = 0; i <= IP_EXT_HEADERS_MAX; i++) {
        if (next == PROTO_TCP)
            return at;
        if ((next != IP_NEXT_HOP_BY_HOP && next != IP_NEXT_ROUTING && next != IP_NEXT_DEST_OPTIONS &&
             next != IP_NEXT_FRAGMENT) ||
            len - at < EXT_MIN)
            return 0;
        const bool fragment = next == IP_NEXT_FRAGMENT;
        if (fragment && (ip_get16(ip + at + 2) & 0xfff8))
            return 0;
        next = ip[at];
        at += fragment ? EXT_MIN : (ip[at + 1] + 1u) * 8u;
        if (at > len)
            return 0;
    }
    return 0;
}

/* RFC 1624 3, for two octets at any place: at an odd one they lie in two words, as the octets of a word swapped do. */
static void checksum_change(uint8_t *sum, uint32_t was, uint32_t is, bool odd)
{
    if (odd) {
        was = (was & 0xff) << 8 | was >> 8;
        is = (is & 0xff) << 8 | is >> 8;
    }
    uint32_t s = (~ip_get16(sum) & 0xffff) + (~was & 0xffff) + is;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    s = ~s & 0xffff;
    sum[0] = (uint8_t)(s >> 8);
    sum[1] = (uint8_t)s;
}

/* tcp: a header of `header` octets, options included. */
static bool options_clamp(uint8_t *tcp, uint32_t header, uint16_t mss)
{
    bool changed = false;
    for (uint32_t at = TCP_HEADER; at < header;) {
        const uint8_t kind = tcp[at];
        if (kind == OPTION_END)
            break;
        if (kind == OPTION_NOP) {
            at++;
            continue;
        }
        if (header - at < 2 || tcp[at + 1] < 2 || tcp[at + 1] > header - at)
            break; /* what follows cannot be told apart */
        uint8_t *value = tcp + at + 2;
        if (kind == OPTION_MSS && tcp[at + 1] == OPTION_MSS_LEN && ip_get16(value) > mss) {
            checksum_change(tcp + 16, ip_get16(value), mss, at & 1);
            value[0] = (uint8_t)(mss >> 8);
            value[1] = (uint8_t)mss;
            changed = true;
        }
        at += tcp[at + 1];
    }
    return changed;
}

bool ip_mss_clamp(struct rte_mbuf *m, uint16_t mss)
{
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    const uint32_t len = m->data_len;
    if (len < IP4_HEADER || mss == 0)
        return false;
    const bool v4 = ip[0] >> 4 == 4;
    const uint32_t at = v4 ? tcp_at4(ip, len) : tcp_at6(ip, len);
    if (at == 0 || len - at < TCP_HEADER || !(ip[at + 13] & TCP_SYN))
        return false;
    const uint32_t header = (uint32_t)(ip[at + 12] >> 4) * 4;
    return header <= len - at && options_clamp(ip + at, header, mss);
}
