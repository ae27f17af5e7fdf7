#include "dataplane/dp_decided.h"
#include "dataplane/dp_flow.h"

#include <netinet/in.h>
#include <rte_malloc.h>

enum { PROTO_DCCP = 33 };

struct dp_decided *dp_decided_new(int socket)
{
    struct dp_decided *d = rte_zmalloc_socket("decided", sizeof *d, 2 * RTE_CACHE_LINE_SIZE, socket);
    if (!d || !ip_hash_key_make(&d->hash)) {
        rte_free(d);
        return NULL;
    }
    d->mask = DP_DECISIONS - 1;
    return d;
}

void dp_decided_free(struct dp_decided *d)
{
    rte_free(d);
}

/* Their ports, or what stands there, are in the first four octets, and no header of theirs says more to rows or selectors. */
static bool is_kept(uint32_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
    case PROTO_DCCP:
    case IPPROTO_GRE:
    case IPPROTO_ESP:
        return true;
    default:
        return false;
    }
}

/* The place of packets like m, taken for them; NULL: nothing is kept of them. */
static struct dp_decision *place(struct dp_worker *w, const struct rte_mbuf *m, uint32_t by)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    struct dp_decided_key key;
    if (!w->decided || w->changes == 0 || w->decided_pause ||
        (meta->local_out != DP_TRANSIT && meta->local_out != DP_LOCAL_GRE) ||
        !dp_decided_read(m, meta, by, true, &key) || !is_kept(key.proto))
        return NULL;
    struct dp_decision *d = dp_decided_at(w->decided, &key, meta->family);
    d->changes = w->changes;
    w->decided_changes = w->changes + 1;
    w->decided_kept++;
    d->ends = key.ends;
    d->kind = key.kind;
    d->upper = key.upper;
    d->by = key.by;
    d->proto = (uint8_t)key.proto;
    d->transit = meta->local_out == DP_TRANSIT;
    if (meta->family == IP_V6)
        memcpy(d->more, key.more, sizeof d->more);
    return d;
}

static uint8_t family_of(const struct rte_mbuf *m)
{
    return dp_meta((struct rte_mbuf *)(uintptr_t)m)->family;
}

void dp_decided_keep_sa(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *flow,
                        struct esp_out_sa *sa, uint32_t mtu, bool by_address)
{
    struct dp_decision *d = place(w, m, 0);
    if (!d)
        return;
    d->if_id = flow->id;
    d->tcp_mss = dp_flow_mss(w, flow, family_of(m));
    d->sa = sa;
    d->mtu = mtu;
    d->by_address = by_address;
}

void dp_decided_keep_port(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *out,
                          const struct ip_nbr *nbr, uint16_t mtu)
{
    struct dp_decision *d = place(w, m, 0);
    if (!d)
        return;
    d->if_id = out->id;
    d->tcp_mss = ip_mss_of(out->tcp_mss, family_of(m));
    d->sa = NULL;
    d->by_address = false;
    d->port = out->port;
    d->mtu = mtu;
    dp_ether_write(d->ether, out, nbr, family_of(m));
}

void dp_decided_keep_in(struct dp_worker *w, const struct rte_mbuf *m)
{
    (void)place(w, m, dp_meta((struct rte_mbuf *)(uintptr_t)m)->if_in);
}
