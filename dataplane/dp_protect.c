#include "dataplane/dp_protect.h"
#include "dataplane/dp_decided.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_transit.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_nd.h"
#include "dataplane/ip/ip_return.h"

enum { ND_HOP_LIMIT = 255 };

static const struct ip_policy_row *row_of(struct dp_worker *w, const struct ip_policy *policy,
                                          const struct rte_mbuf *m, bool in)
{
    const uint8_t family = dp_meta((struct rte_mbuf *)(uintptr_t)m)->family;
    struct dp_asked *a = &w->asked;
    struct ip_policy_key key;
    ip_policy_key_of(m, in, &key);
    if (a->policy == policy && a->family == family && memcmp(&a->key, &key, sizeof key) == 0)
        return a->row;
    *a = (struct dp_asked){policy, ip_policy_match(policy, family, &key), key, family};
    return a->row;
}

/* The flow of a row; NULL while its interface is away: what it protects goes nowhere then. */
static const struct ip_if *flow_of(const struct dp_worker *w, const struct ip_policy_row *row)
{
    const struct ip_if *flow = ip_if_get(&w->dp->ifs, row->flow_if);
    return flow && flow->kind == CV_IF_FLOW && flow->up ? flow : NULL;
}

/* The policy does not let m out. It is asked behind the route, which has found the port. */
static void refuse_out(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why)
{
    dp_drop_at(w, m, why, w->hop.valid && w->hop.out ? w->hop.out->id : 0, CV_DIR_OUT);
}

/* ---- going out -------------------------------------------------------------------------------------------------- */
static bool is_exempt_out(const struct dp_meta *meta)
{
    return meta->local_out == DP_LOCAL_ESP || meta->local_out == DP_LOCAL_IKE;
}

/* No SA takes m: is it a piece of something that one could? */
static bool may_be_piece(const struct dp_tunnel *t, const struct rte_mbuf *m, enum cv_dir dir)
{
    return t && dp_pick_perhaps(t, m, dp_meta((struct rte_mbuf *)(uintptr_t)m)->family, dir);
}

static bool is_icmp(const struct dp_meta *meta)
{
    return meta->proto == (meta->family == IP_V4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6);
}

/* The SA of the flow for the return traffic of what the ICMP error m quotes (RFC 4301 6.2). */
static const struct dp_tunnel_sa *by_return_of(const struct dp_tunnel *t, const struct rte_mbuf *m)
{
    struct ip_return r;
    return ip_return_make(&r, m) ? dp_pick_slow(t, &r.m, r.meta.family, CV_DIR_OUT) : NULL;
}

static bool is_protecting(const struct ip_policy_row *row)
{
    return row && row->action != CV_POLICY_BYPASS && row->action != CV_POLICY_DISCARD;
}

/* RFC 4301 6.2: is m an ICMP error that nothing takes by its header, about a packet whose return traffic is protected? It goes by the SA of
 * that, or nowhere: no SA is made for it. True: it is gone. */
static bool by_return(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy)
{
    struct ip_return r;
    if (likely(!is_icmp(dp_meta(m))) || !ip_return_make(&r, m))
        return false;
    struct ip_policy_key key;
    ip_policy_key_of(&r.m, false, &key);
    const struct ip_policy_row *row = ip_policy_match(policy, r.meta.family, &key);
    if (!is_protecting(row))
        return false;
    const struct ip_if *flow = flow_of(w, row);
    const struct dp_tunnel *t = flow ? dp_tunnel_get(&w->dp->sad, flow->id) : NULL;
    const struct dp_tunnel_sa *s = t ? dp_pick_slow(t, &r.m, r.meta.family, CV_DIR_OUT) : NULL;
    if (s)
        dp_into_sa(w, m, flow, s, false);
    else if (row->action == CV_POLICY_PROTECT_IF && flow)
        return false;
    else
        refuse_out(w, m, CV_DROP_ERROR_CLEAR);
    return true;
}

/* ---- fragments of ICMP errors ----------------------------------------------------------------------------------- */
static bool may_be_icmp(const struct dp_meta *meta)
{
    return is_icmp(meta) || ip_policy_hides_proto(meta);
}

static bool ends_hold(const struct esp_conf *conf, uint8_t family, const uint8_t *addr)
{
    const size_t n = ip_family_len(family);
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (conf->ts[i].remote.family == family && memcmp(addr, conf->ts[i].remote.lo, n) >= 0 &&
            memcmp(addr, conf->ts[i].remote.hi, n) <= 0)
            return true;
    return false;
}

/* Has a flow without an access list an SA for anything that goes there? Of many SAs it is taken for granted. */
static bool some_sa_to(const struct dp_worker *w, const struct ip_policy *policy, uint8_t family,
                       const uint8_t *addr)
{
    for (uint32_t i = 0; policy->some_if[family == IP_V6] && i < policy->count; i++) {
        const struct ip_if *flow =
            policy->rows[i].action == CV_POLICY_PROTECT_IF ? flow_of(w, &policy->rows[i]) : NULL;
        const struct dp_tunnel *t = flow ? dp_tunnel_get(&w->dp->sad, flow->id) : NULL;
        if (t && t->pick)
            return true;
        for (uint32_t k = 0; t && k < t->count; k++)
            if (ends_hold(esp_out_sa_conf(t->sas[k].sa), family, addr))
                return true;
    }
    return false;
}

/* What the ICMP error of which m is the first fragment quotes: would the answer to it be protected? */
static bool is_quote_protected(const struct dp_worker *w, const struct ip_policy *policy,
                               const struct ip_return *r)
{
    struct ip_policy_key key;
    ip_policy_key_of(&r->m, false, &key);
    const struct ip_policy_row *row = ip_policy_match(policy, r->meta.family, &key);
    if (!is_protecting(row) || row->action != CV_POLICY_PROTECT_IF)
        return is_protecting(row);
    const struct ip_if *flow = flow_of(w, row);
    return !flow || may_be_piece(dp_tunnel_get(&w->dp->sad, flow->id), &r->m, CV_DIR_OUT);
}

/* RFC 4301 6.2 of an ICMP error in fragments, which goes by no SA for what it quotes: may m be a piece of one about what is protected? The first
 * one mostly shows; of a later one nobody knows what is quoted, but an error goes to who sent that, and so where protected traffic goes. */
static bool is_piece_of_error(const struct dp_worker *w, const struct rte_mbuf *m,
                              const struct ip_policy *policy)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *to = ip_dst(m, meta->family);
    struct ip_return r;
    if (!ip_policy_is_later(m)) {
        if (!ip_return_is_error(m))
            return false;
        if (ip_return_make_first(&r, m))
            return is_quote_protected(w, policy, &r);
    }
    return ip_policy_protects_to(policy, meta->family, to) || some_sa_to(w, policy, meta->family, to);
}

/* What the policy lets out in clear. An error that quotes what is protected is none of it, but where a line says so of ICMP itself. */
static bool clear_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy,
                      const struct ip_policy_row *row)
{
    const struct dp_meta *meta = dp_meta(m);
    if (row && row->names_proto)
        return true;
    if (likely(!meta->frag || !may_be_icmp(meta)))
        return !by_return(w, m, policy);
    if (!is_piece_of_error(w, m, policy))
        return true;
    refuse_out(w, m, CV_DROP_ERROR_CLEAR);
    return false;
}

/* True: on in clear. */
static bool into_flow(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy,
                      const struct ip_policy_row *row)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct ip_if *flow = flow_of(w, row);
    const struct dp_tunnel *t = flow ? dp_tunnel_get(&w->dp->sad, flow->id) : NULL;
    const struct dp_tunnel_sa *s = t ? dp_pick(t, m, meta->family) : NULL;
    if (likely(s)) {
        dp_into_sa(w, m, flow, s, dp_tunnel_by_address(t) && dp_protect_by_address(policy, meta));
        return false;
    }
    if (!flow)
        refuse_out(w, m, CV_DROP_IF_DOWN);
    else if (t && unlikely(is_icmp(meta)) && (s = by_return_of(t, m)))
        dp_into_sa(w, m, flow, s, false);
    else if (may_be_piece(t, m, CV_DIR_OUT))
        dp_drop_at(w, m, CV_DROP_TS_OUT, flow->id, CV_DIR_OUT);
    else if (row->action == CV_POLICY_PROTECT_IF)
        return clear_out(w, m, policy, NULL);
    else if (row->action == CV_POLICY_PROTECT)
        dp_drop_no_sa(w, m, flow->id);
    else
        dp_drop_at(w, m, CV_DROP_NO_SA, flow->id, CV_DIR_OUT);
    return false;
}

bool dp_protect_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy)
{
    struct dp_meta *meta = dp_meta(m);
    if (is_exempt_out(meta))
        return true;
    /* Looked at again: of what this host made and of what came out of an SA only the family is known. */
    if (ip_classify_ip(m) == IP_CLASS_DROP) {
        refuse_out(w, m, (enum cv_drop)meta->drop);
        return false;
    }
    const struct ip_policy_row *row = row_of(w, policy, m, false);
    if (!row || row->action == CV_POLICY_BYPASS)
        return clear_out(w, m, policy, row);
    if (row->action != CV_POLICY_DISCARD)
        return into_flow(w, m, policy, row);
    refuse_out(w, m, CV_DROP_POLICY_DENY);
    return false;
}

static bool is_about_protected(const struct dp_worker *w, const struct rte_mbuf *m,
                               const struct ip_policy *policy)
{
    struct ip_return r;
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    if (unlikely(meta->frag) && may_be_icmp(meta))
        return is_piece_of_error(w, m, policy);
    return unlikely(is_icmp(meta)) && ip_return_make(&r, m) && is_quote_protected(w, policy, &r);
}

bool dp_protect_still_clear(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy)
{
    if (is_exempt_out(dp_meta(m)))
        return true;
    if (ip_classify_ip(m) == IP_CLASS_DROP)
        return false;
    const struct ip_policy_row *row = row_of(w, policy, m, false);
    if (!row || row->action == CV_POLICY_BYPASS)
        return (row && row->names_proto) || !is_about_protected(w, m, policy);
    if (row->action != CV_POLICY_PROTECT_IF)
        return false;
    const struct ip_if *flow = flow_of(w, row);
    return flow && !may_be_piece(dp_tunnel_get(&w->dp->sad, flow->id), m, CV_DIR_OUT) &&
           !is_about_protected(w, m, policy);
}

/* ---- coming in -------------------------------------------------------------------------------------------------- */
static bool is_nd(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    if (meta->family != IP_V6 || meta->proto != IP_PROTO_ICMP6 || m->data_len <= meta->l3_len)
        return false;
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    return p[7] == ND_HOP_LIMIT && p[meta->l3_len] >= IP_ND_FIRST && p[meta->l3_len] <= IP_ND_LAST;
}

/* What a router outside says about ESP of ours cannot come by the SA; dp_pmtu.h judges it. */
static bool is_path_news(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const bool v4 = meta->family == IP_V4;
    if (meta->proto != (v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6) || m->data_len < meta->l3_len + IP_ICMP_HEADER)
        return false;
    const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len);
    return v4 ? icmp[0] == IP_ICMP_UNREACHABLE && icmp[1] == IP_ICMP_FRAG_NEEDED
              : icmp[0] == IP_ICMP6_TOO_BIG;
}

/* For this host, and to be taken in clear: what sets SAs up and what comes by them. */
static bool is_exempt_in(const struct dp_worker *w, const struct rte_mbuf *m, const struct dp_meta *meta)
{
    bool ike = meta->proto == IP_PROTO_UDP && (meta->l4_dst == IP_PORT_IKE || meta->l4_dst == IP_PORT_NATT);
    if (!meta->frag && !ike && meta->proto != IP_PROTO_ESP && meta->proto != IP_PROTO_AH && !is_nd(m, meta) &&
        !is_path_news(m, meta))
        return false;
    const struct ip_route *r =
        ip_route_lookup(&w->dp->routes, meta->vrf, meta->family, ip_dst(m, meta->family));
    return r && r->kind == IP_ROUTE_LOCAL;
}

/* Does an SA of the flow carry the answers to m, so that m should have come by its peer? Nobody knows while the flow is
 * away. */
static bool has_sa_for(const struct dp_worker *w, const struct rte_mbuf *m, const struct ip_policy_row *row)
{
    const struct ip_if *flow = flow_of(w, row);
    return !flow || may_be_piece(dp_tunnel_get(&w->dp->sad, flow->id), m, CV_DIR_IN);
}

bool dp_protect_in(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy)
{
    const struct dp_meta *meta = dp_meta(m);
    if (dp_decided_in(w, m, meta))
        return true;
    const struct ip_policy_row *row = row_of(w, policy, m, true);
    if (!row || row->action == CV_POLICY_BYPASS ||
        (row->action == CV_POLICY_PROTECT_IF && !has_sa_for(w, m, row)) || is_exempt_in(w, m, meta)) {
        dp_decided_keep_in(w, m);
        return true;
    }
    dp_drop_at(w, m, row->action == CV_POLICY_DISCARD ? CV_DROP_POLICY_DENY : CV_DROP_POLICY_CLEAR,
               meta->if_in, CV_DIR_IN);
    return false;
}
