#include "dataplane/dp_pmtu.h"
#include "dataplane/dp_cmd.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_gre.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_pmtu.h"

#include <stdlib.h>

/* Did this SA send what is quoted? */
static bool is_from(const struct esp_out_sa *sa, const struct ip_pmtu_news *n, uint16_t vrf)
{
    const struct esp_conf *conf = esp_out_sa_conf(sa);
    if (conf->ref.spi != n->spi || conf->proto != n->proto || conf->vrf_outer != vrf ||
        !ip_addr_equal(&conf->local.addr, &n->local) || !ip_addr_equal(&conf->remote.addr, &n->remote))
        return false;
    const bool natt = (conf->flags & CV_SA_NATT) != 0;
    if (natt != n->natt ||
        (natt && (conf->local.port != n->local_port || conf->remote.port != n->remote_port)))
        return false;
    const uint64_t last = esp_out_sa_seq(sa);
    const uint32_t back = (uint32_t)last - n->seq;
    return back < DP_PMTU_SEQ_BACK && back < last; /* numbers begin with one */
}

static const struct esp_out_sa *sender_of(const struct dp_sad *s, const struct ip_pmtu_news *n, uint16_t vrf)
{
    for (uint32_t l = dp_spi_first(&s->spis, n->spi); l != DP_SPI_NONE; l = s->spis.next[l - 1]) {
        const struct esp_out_sa *sa = s->out[l - 1].sa;
        if (sa && is_from(sa, n, vrf))
            return sa;
    }
    return NULL;
}

static void believe(struct dp_manager *g, const struct esp_out_sa *sa, const struct ip_pmtu_news *n,
                    const struct rte_mbuf *m)
{
    const struct esp_conf *conf = esp_out_sa_conf(sa);
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    char to[IP_TEXT_MAX], by[IP_TEXT_MAX];
    if (!ip_pmtu_learn(&g->dp->pmtus, conf->vrf_outer, &n->remote, n->mtu, g->now_ms))
        return;
    const struct ip_addr router =
        meta->family == IP_V4 ? ip_addr_v4(ip_src(m, IP_V4)) : ip_addr_v6(ip_src(m, IP_V6));
    log_info("path MTU to %s is %u now, says %s", ip_addr_text(&n->remote, to), n->mtu,
             ip_addr_text(&router, by));
    dp_cmd_refresh_sa(g, conf->ref.sa_id);
}

/* ---- GRE without IPsec -------------------------------------------------------------------------------------- */
/* Of IPv6 every path is discovered: routers never cut it. */
static const struct ip_if *gre_sender_of(const struct dp *dp, const struct ip_pmtu_news *n,
                                         const struct ip_gre *gre, uint16_t vrf)
{
    const struct ip_if *t = ip_gre_find(&dp->ifs, vrf, n->local.family, n->local.b, n->remote.b, gre);
    if (!t || !t->up || t->conf.is_protected || (n->local.family == IP_V4 && !t->conf.gre_pmtud) ||
        dp_gre_is_mapped(dp, t))
        return NULL;
    return t;
}

static void believe_gre(struct dp_manager *g, const struct ip_if *t, const struct ip_pmtu_news *n)
{
    char to[IP_TEXT_MAX];
    if (!g->dp->gre_paths)
        g->dp->gre_paths = calloc(CV_MAX_IFS, sizeof *g->dp->gre_paths);
    if (!g->dp->gre_paths)
        return;
    struct dp_gre_path *p = &g->dp->gre_paths[t->id];
    if (p->mtu != 0 && p->mtu <= n->mtu && ip_addr_equal(&p->far, &n->remote))
        return; /* never up (RFC 8201 4), nor kept alive by who repeats it */
    *p = (struct dp_gre_path){g->now_ms + IP_PMTU_AGE_MS, n->mtu, n->remote};
    g->gre_paths_known = true;
    log_info("%s: path MTU to %s is %u now", t->conf.name, ip_addr_text(&n->remote, to), n->mtu);
    dp_cmd_refresh_gre(g, t->id);
}

static bool take_gre(struct dp_manager *g, struct rte_mbuf *m)
{
    struct ip_pmtu_news n;
    struct ip_gre gre;
    if (!ip_pmtu_read_gre(m, &n, &gre))
        return false;
    const struct ip_if *t = gre_sender_of(g->dp, &n, &gre, dp_meta(m)->vrf);
    if (!t)
        dp_count(&g->stats->drops[CV_DROP_ICMP_UNPROVEN], 1);
    else if (!log_limit_ok(&g->pmtu_limit, g->now_ms))
        dp_count(&g->stats->drops[CV_DROP_SLOW_LIMIT], 1);
    else
        believe_gre(g, t, &n);
    return true;
}

static void expire_gre(struct dp_manager *g)
{
    bool some = false;
    for (uint32_t id = 1; g->gre_paths_known && id < CV_MAX_IFS; id++) {
        struct dp_gre_path *p = &g->dp->gre_paths[id];
        if (p->mtu == 0)
            continue;
        if (p->until_ms <= g->now_ms) {
            p->mtu = 0;
            dp_cmd_refresh_gre(g, id);
        } else {
            some = true;
        }
    }
    g->gre_paths_known = some;
}

void dp_pmtu_forget_gre(struct dp_manager *g)
{
    free(g->dp->gre_paths);
    g->dp->gre_paths = NULL;
    g->gre_paths_known = false;
}

/* ---- both ----------------------------------------------------------------------------------------------------- */
bool dp_pmtu_take(struct dp_manager *g, struct rte_mbuf *m, const struct ip_if *in)
{
    struct ip_pmtu_news n;
    if (in->kind != CV_IF_PORT)
        return false;
    if (!ip_pmtu_read(m, &n))
        return take_gre(g, m);
    /* The limit is for what is proven: what anybody can make up must not use it up. */
    const struct esp_out_sa *sa = sender_of(&g->dp->sad, &n, dp_meta(m)->vrf);
    if (!sa)
        dp_count(&g->stats->drops[CV_DROP_ICMP_UNPROVEN], 1);
    else if (!log_limit_ok(&g->pmtu_limit, g->now_ms))
        dp_count(&g->stats->drops[CV_DROP_SLOW_LIMIT], 1);
    else
        believe(g, sa, &n, m);
    return true;
}

void dp_pmtu_tick(struct dp_manager *g)
{
    expire_gre(g);
    if (ip_pmtu_expire(&g->dp->pmtus, g->now_ms) > 0)
        dp_cmd_refresh_mtu(g);
}
