#include "dataplane/dp_gate.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_nd.h"

/* Packets per second and in one burst, for each worker. The bursts of the urgent classes fit their ring. */
static const struct {
    uint32_t per_second, burst;
} rates[DP_GATE_COUNT] = {
    [DP_GATE_ARP] = {20000, 512},        [DP_GATE_ND] = {20000, 512},
    [DP_GATE_RESOLVE_OWN] = {5000, 256}, [DP_GATE_RESOLVE... DP_GATE_RESOLVE_LAST] = {2000, 64},
    [DP_GATE_LOCAL] = {20000, 1024},     [DP_GATE_ERROR] = {2000, 128},
    [DP_GATE_TOO_BIG] = {2000, 128},     [DP_GATE_TROUBLE] = {2000, 128},
};

void dp_gate_init(struct dp_gates *g, uint64_t tsc_hz)
{
    memset(g, 0, sizeof *g);
    for (unsigned i = 0; i < DP_GATE_OPEN; i++)
        g->rate[i] = io_bucket_rate_make(tsc_hz, rates[i].per_second, rates[i].burst);
}

static bool is_nd(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    if (meta->family != IP_V6 || meta->proto != IP_PROTO_ICMP6 || m->data_len <= meta->l3_len)
        return false;
    uint8_t type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len);
    return type == IP_ND_SOLICIT || type == IP_ND_ADVERT;
}

/* RFC 792, RFC 4443 2.1 */
static bool is_icmp_error(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const bool v4 = meta->family == IP_V4;
    if (meta->proto != (v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6) || m->data_len <= meta->l3_len)
        return false;
    const uint8_t type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len);
    return v4 ? type == IP_ICMP_UNREACHABLE || type == IP_ICMP_TIME_EXCEEDED : type < IP_ICMP6_ECHO;
}

static bool is_too_big(const struct dp_meta *meta)
{
    if (meta->family == IP_V6)
        return meta->icmp_type == IP_ICMP6_TOO_BIG;
    return meta->icmp_type == IP_ICMP_UNREACHABLE && meta->icmp_code == IP_ICMP_FRAG_NEEDED;
}

enum dp_gate dp_gate_of(const struct rte_mbuf *m, enum dp_slow what)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    switch (what) {
    case DP_SLOW_ARP:
        return DP_GATE_ARP;
    case DP_SLOW_ASK:
    case DP_SLOW_RESOLVE: /* our ICMP answers are made when others ask for them */
        if (meta->local_out != DP_TRANSIT && meta->local_out != DP_LOCAL)
            return DP_GATE_RESOLVE_OWN;
        return DP_GATE_RESOLVE + meta->if_out % (DP_GATE_RESOLVE_LAST - DP_GATE_RESOLVE + 1);
    case DP_SLOW_LOCAL:
        if (is_icmp_error(m, meta))
            return DP_GATE_ERROR;
        return is_nd(m, meta) ? DP_GATE_ND : DP_GATE_LOCAL;
    case DP_SLOW_ICMP:
        return is_too_big(meta) ? DP_GATE_TOO_BIG : DP_GATE_TROUBLE;
    case DP_SLOW_PING_LOST:
        break;
    }
    return DP_GATE_OPEN;
}

bool dp_gate_pass(struct dp_gates *g, enum dp_gate class, uint64_t now)
{
    return class == DP_GATE_OPEN || io_bucket_take(&g->rate[class], &g->horizon[class], now);
}
