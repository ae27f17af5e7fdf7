#include "dataplane/dp_bench_site.h"

#include "dataplane/dp_rcu.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_gre.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    INSIDE = 1, /* logical interfaces */
    OUTSIDE = 2,
    TUNNEL0 = 16,
    PORT_IN = 0,
    PORT_OUT = 1,
    MTU = 2000, /* the longest outer packet is a little over 1500 */
    SPI_GENERATION = 0x00500000,
    INDEX_BITS_MIN = 14,
    PROGRESS_S = 3,
};
static_assert((SPI_GENERATION & ((1 << 20) - 1)) == 0 && BENCH_SAS_MAX <= 1 << 20, "the SPI holds the index");
static_assert(BENCH_SAS_MAX / BENCH_PER_IF + TUNNEL0 < CV_MAX_IFS && BENCH_OWN_IF + TUNNEL0 < CV_MAX_IFS,
              "interfaces");

const uint8_t dp_bench_own_mac[6] = {2, 0, 0, 0, 0, 1}, dp_bench_far_mac[6] = {2, 0, 0, 0, 0, 2};

void dp_bench_progress(const struct bench_case *c, const char *what, unsigned done, unsigned all)
{
    static time_t told;
    const time_t now = time(NULL);
    char size[16] = "imix";
    if (told == 0)
        told = now;
    if (now - told < PROGRESS_S)
        return;
    told = now;
    if (c->size != BENCH_IMIX)
        snprintf(size, sizeof size, "%u", c->size);
    fprintf(stderr, "culvert-dp: --bench: %s %s: %s: %u of %u\n", dp_bench_dir_name(c->dir), size, what, done,
            all);
}

/* ---- addresses ------------------------------------------------------------------------------------------------- */
static bool shared_ifs(const struct bench_case *c)
{
    return c->sas > BENCH_OWN_IF;
}

static struct ip_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    uint8_t octets[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return ip_addr_v4(octets);
}

/* HEAD::TAIL, with i in the second group of 32 bits. */
static struct ip_addr v6(unsigned head, uint32_t i, unsigned tail)
{
    uint8_t octets[16] = {(uint8_t)(head >> 8), (uint8_t)head,     0,         0, (uint8_t)(i >> 24),
                          (uint8_t)(i >> 16),   (uint8_t)(i >> 8), (uint8_t)i};
    octets[15] = (uint8_t)tail;
    return ip_addr_v6(octets);
}

/* IPv4: NET.x.y.0/24 for each SA, or NET.x.y.z/28 where there are many. */
static struct ip_addr host(const struct bench_case *c, unsigned net, unsigned i)
{
    if (c->inner == IP_V6)
        return v6(0xfd00 | net, i, 1);
    const uint32_t low = i << (shared_ifs(c) ? 4 : 8) | 1;
    return v4(net, low >> 16, low >> 8 & 255, low & 255);
}

struct ip_addr dp_bench_far_host(const struct bench_case *c, unsigned i)
{
    return host(c, 10, i);
}

struct ip_addr dp_bench_near_host(const struct bench_case *c, unsigned i)
{
    return host(c, 20, i);
}

struct ip_addr dp_bench_clear_host(const struct bench_case *c, unsigned i)
{
    return host(c, 50, i);
}

/* Of the network that is one SA's. */
static unsigned sa_prefix_len(const struct bench_case *c)
{
    return c->inner == IP_V6 ? 64 : shared_ifs(c) ? 28 : 24;
}

/* Of the network that an interface's SAs make up. */
static unsigned if_prefix_len(const struct bench_case *c)
{
    return sa_prefix_len(c) - (shared_ifs(c) ? 8 : 0);
}
static_assert(BENCH_PER_IF == 1 << 8, "an interface's network has 8 bits more");

static struct ip_addr outer_end(const struct bench_case *c, bool far_end)
{
    return c->outer == IP_V4 ? v4(192, 0, 2, far_end ? 2 : 1) : v6(0x2001, 0, far_end ? 2 : 1);
}

/* ---- SAs and interfaces ----------------------------------------------------------------------------------------- */
static uint32_t if_of(const struct bench_case *c, unsigned i)
{
    return TUNNEL0 + (shared_ifs(c) ? i / BENCH_PER_IF : i);
}

static void selectors(const struct bench_case *c, unsigned i, struct cv_sa *sa)
{
    sa->ts_count = 1;
    sa->ts_local[0] = sa->ts_remote[0] = ts_any(c->inner);
    if (c->path == BENCH_GRE) {
        const struct ip_prefix near = {sa->local.addr, 32}, far = {sa->remote.addr, 32};
        sa->mode = CV_MODE_TRANSPORT;
        sa->ts_local[0] = ts_from_prefix(&near, IP_PROTO_GRE, 0, UINT16_MAX);
        sa->ts_remote[0] = ts_from_prefix(&far, IP_PROTO_GRE, 0, UINT16_MAX);
    } else if (shared_ifs(c)) {
        struct ip_prefix far;
        const struct ip_addr a = dp_bench_far_host(c, i);
        if (ip_prefix_make(&a, sa_prefix_len(c), &far))
            sa->ts_remote[0] = ts_from_prefix(&far, 0, 0, UINT16_MAX);
    }
}

void dp_bench_sa(const struct bench_case *c, unsigned i, enum cv_dir dir, struct cv_sa *sa)
{
    const struct bench_transform *t = c->transform;
    memset(sa, 0, sizeof *sa);
    sa->ref = (struct cv_sa_ref){.dir = (uint8_t)dir, .sa_id = i, .spi = SPI_GENERATION | i};
    sa->if_id = if_of(c, i);
    sa->encr = t->encr;
    sa->integ = t->integ;
    sa->proto = t->proto;
    sa->encr_key_len = t->key_len;
    sa->salt_len = t->salt_len;
    sa->integ_key_len = t->integ_len;
    sa->flags = (c->natt ? CV_SA_NATT : 0u) | (c->esn ? CV_SA_ESN : 0u);
    if (dir == CV_DIR_IN && c->window == 0)
        sa->flags |= CV_SA_NO_REPLAY;
    sa->replay_window = (__typeof__(sa->replay_window))(c->window ? c->window : 64);
    sa->local.addr = outer_end(c, false);
    sa->remote.addr = outer_end(c, true);
    sa->local.port = sa->remote.port = c->natt ? IP_PORT_NATT : 0;
    selectors(c, i, sa);
    for (unsigned k = 0; k < sizeof sa->encr_key; k++)
        sa->encr_key[k] = (uint8_t)(k + i);
    for (unsigned k = 0; k < sizeof sa->integ_key; k++)
        sa->integ_key[k] = (uint8_t)(2 * k + i);
}

/* The interface with the crypto map: clear packets leave by it; where all are decrypted, they come in by it. */
static uint32_t map_port(const struct bench_case *c)
{
    return dp_bench_encaps(c) ? OUTSIDE : INSIDE;
}

struct cv_if dp_bench_if(const struct bench_case *c, unsigned i, bool far_end)
{
    struct cv_if f = {.if_id = if_of(c, i), .kind = CV_IF_TUNNEL, .up = 1};
    f.tunnel_mode = c->outer == IP_V4 ? CV_TUNNEL_IPSEC4 : CV_TUNNEL_IPSEC6;
    snprintf(f.name, sizeof f.name, "if%u", f.if_id);
    if (dp_bench_mapped(c)) {
        f.kind = CV_IF_FLOW;
        f.flow_port = map_port(c);
    } else if (c->path == BENCH_GRE) {
        f.tunnel_mode = CV_TUNNEL_GRE;
        f.tunnel_src = outer_end(c, far_end);
        f.tunnel_dst = outer_end(c, !far_end);
        f.gre_ttl = 255;
        f.is_protected = 1;
        f.gre_keyed = c->sas > 1;
        f.gre_key = i;
    }
    return f;
}

unsigned dp_bench_index_bits(const struct bench_case *c)
{
    unsigned bits = INDEX_BITS_MIN;
    while (1u << bits < c->sas)
        bits++;
    return bits;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */
static cv_result if_add(struct dp *dp, uint32_t id, uint16_t port, uint16_t mtu)
{
    struct cv_if c = {.if_id = id, .kind = CV_IF_PORT, .up = 1};
    snprintf(c.name, sizeof c.name, "if%u", id);
    return ip_if_set(&dp->ifs, &c, port, dp_bench_own_mac, mtu);
}

static cv_result route_add(struct dp *dp, enum ip_route_kind kind, struct ip_addr a, unsigned len,
                           uint32_t id, const struct ip_addr *via)
{
    struct cv_route r = {.if_id = id};
    if (!ip_prefix_make(&a, len, &r.prefix))
        return CV_EINVAL;
    if (via)
        r.next_hop = *via;
    return ip_route_add(&dp->routes, kind, &r);
}

static void no_ask(void *ctx, uint32_t if_id, const struct ip_addr *addr, const uint8_t *mac)
{
    (void)ctx, (void)if_id, (void)addr, (void)mac;
}

static void no_packet(void *ctx, struct rte_mbuf *m)
{
    (void)ctx;
    rte_pktmbuf_free(m);
}

static cv_result policy_row(const struct bench_case *c, struct cv_policy *r, uint32_t order, uint32_t flow,
                            struct ip_addr near, struct ip_addr far)
{
    struct ip_prefix l, o;
    if (!ip_prefix_make(&near, sa_prefix_len(c), &l) || !ip_prefix_make(&far, sa_prefix_len(c), &o))
        return CV_EINVAL;
    *r = (struct cv_policy){
        .if_id = map_port(c), .order = order, .flow_if = flow, .action = CV_POLICY_PROTECT};
    r->local = ts_from_prefix(&l, IP_PROTO_UDP, 0, UINT16_MAX);
    r->remote = ts_from_prefix(&o, IP_PROTO_UDP, 0, UINT16_MAX);
    return CV_OK;
}

/* The lines of others come first. */
static cv_result policy_fill(struct dp *dp, const struct bench_case *c)
{
    struct cv_policy *rows = calloc(c->lines, sizeof *rows);
    cv_result r = rows ? CV_OK : CV_ENOMEM;
    for (unsigned i = 0; r == CV_OK && i < c->lines; i++) {
        const unsigned others = c->lines - c->sas, sa = i - others;
        r = i < others ? policy_row(c, &rows[i], i, TUNNEL0, host(c, 30, i), host(c, 40, i))
                       : policy_row(c, &rows[i], i, if_of(c, sa), dp_bench_near_host(c, sa),
                                    dp_bench_far_host(c, sa));
    }
    if (r == CV_OK)
        r = ip_policy_new(rows, c->lines, 0, &dp->policies[map_port(c)]);
    free(rows);
    return r;
}

/* The interface of SA i and the route into it, when i is its first. */
static cv_result tunnel_fill(struct dp *dp, const struct bench_case *c, unsigned i, const struct ip_addr *far)
{
    const bool map = dp_bench_mapped(c);
    const struct cv_if f = dp_bench_if(c, i, false);
    if (i > 0 && if_of(c, i - 1) == f.if_id)
        return CV_OK;
    CV_TRY(ip_if_set(&dp->ifs, &f, IP_NO_PORT, NULL, 0));
    return route_add(dp, IP_ROUTE_STATIC, dp_bench_far_host(c, i), if_prefix_len(c), map ? OUTSIDE : f.if_id,
                     map ? far : NULL);
}

static cv_result sa_add(struct dp *dp, const struct bench_case *c, unsigned i, enum cv_dir dir)
{
    struct cv_sa sa;
    dp_bench_sa(c, i, dir, &sa);
    CV_TRY(dp_sad_add(&dp->sad, &sa));
    return dir == CV_DIR_OUT ? dp_sad_activate(&dp->sad, &sa.ref) : CV_OK;
}

cv_result dp_bench_site_fill(struct dp *dp, const struct bench_case *c)
{
    struct ip_nbr_calls calls = {NULL, no_ask, no_packet, no_packet};
    const struct ip_addr own = outer_end(c, false), far = outer_end(c, true);
    const unsigned link = c->outer == IP_V4 ? 24 : 64;
    /* Where decapsulated packets go: a neighbour of their own family. */
    const struct ip_addr inner_far = c->inner == IP_V4 ? v4(192, 0, 2, 2) : v6(0x2001, 0, 2);
    const uint16_t mtu = dp_bench_jumbo(c) ? (uint16_t)IP_MTU_MAX : (uint16_t)MTU;
    CV_TRY(if_add(dp, INSIDE, PORT_IN, mtu));
    CV_TRY(if_add(dp, OUTSIDE, PORT_OUT, mtu));
    CV_TRY(route_add(dp, IP_ROUTE_LOCAL, own, (unsigned)ip_addr_bits(&own), OUTSIDE, NULL));
    CV_TRY(route_add(dp, IP_ROUTE_CONNECTED, own, link, OUTSIDE, NULL));
    CV_TRY(route_add(dp, IP_ROUTE_STATIC, dp_bench_near_host(c, 0), c->inner == IP_V4 ? 8 : 16, OUTSIDE,
                     &inner_far));
    ip_nbr_claim(&dp->nbrs, OUTSIDE, &far, dp_bench_far_mac, 0, &calls);
    if (c->inner != c->outer)
        ip_nbr_claim(&dp->nbrs, OUTSIDE, &inner_far, dp_bench_far_mac, 0, &calls);
    for (unsigned i = 0; i < c->sas; i++) {
        CV_TRY(tunnel_fill(dp, c, i, &inner_far));
        if (dp_bench_encaps(c))
            CV_TRY(sa_add(dp, c, i, CV_DIR_OUT));
        if (dp_bench_decaps(c))
            CV_TRY(sa_add(dp, c, i, CV_DIR_IN));
        if ((i & 1023) == 1023) {
            dp_rcu_poll(); /* lists of SAs that a longer one has replaced */
            dp_bench_progress(c, "SAs made", i + 1, c->sas);
        }
    }
    if (c->path == BENCH_CLEAR)
        CV_TRY(route_add(dp, IP_ROUTE_STATIC, dp_bench_clear_host(c, 0), c->inner == IP_V4 ? 8 : 16, OUTSIDE,
                         &inner_far));
    return dp_bench_mapped(c) ? policy_fill(dp, c) : CV_OK;
}
