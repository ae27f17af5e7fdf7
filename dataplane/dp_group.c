#include "dataplane/dp_group.h"

#include "dataplane/dp_drop.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_policy.h"
#include "dataplane/dp_way6.h"

#include <rte_malloc.h>
#include <rte_random.h>

enum {
    SET_BITS = 13,
    SETS = 1 << SET_BITS,
    PLACES = 2, /* ways whose flows fall into one set */
    LEADS = 8,  /* packets of a burst that may become leaders */
    AHEAD = 8,  /* packets whose lines are fetched */
    AGAIN =
        64, /* segments without a packet, after which a way that stands is made anew by one that cannot go it */
    FEW = 8, /* groups, or ways: all that is read of them is near */
    RECENT =
        4096, /* segments for which a way is kept for its flow, and for which nobody tries again a flow that cannot be followed */
    CREDIT = 1 << 14, /* packets without a way, less those with one, before groups are left alone */
};

enum state { UNUSED, OUT, IN, REFUSED };

struct dp_groups {
    uint64_t key[2]; /* odd, random: nobody knows which flows share a set */
    uint64_t segment;
    int credit;
    unsigned used, hand;             /* ways that ever were; where the next one is looked for once all are */
    uint16_t set[SETS][PLACES];      /* 1 + which way; 0: none */
    uint32_t inbound[DP_GROUP_WAYS]; /* the SPI of the SA whose only way it is; 0: of none */
    struct dp_way way[DP_GROUP_WAYS];
};

/* Packets of one way in a segment: pkts[at..at + n) of it. */
struct group {
    struct dp_way *way;
    uint16_t n, at;
    bool refused; /* to go the long way */
};

/* Packets that follow one another, whose ways are known. */
struct segment {
    unsigned groups;
    uint64_t frames;                    /* octets received */
    struct rte_mbuf *pkts[ESP_RUN_MAX]; /* sorted by group */
    struct esp_run_pkt p[ESP_RUN_MAX];
    struct group group[ESP_RUN_MAX];
    unsigned goods, bads; /* that came out of an SA otherwise than most, and those that were refused */
    struct rte_mbuf *good[ESP_RUN_MAX], *bad[ESP_RUN_MAX];
};

cv_result dp_groups_new(int socket, struct dp_groups **out)
{
    struct dp_groups *g = rte_zmalloc_socket("groups", sizeof *g, RTE_CACHE_LINE_SIZE, socket);
    *out = g;
    if (!g)
        return CV_ENOMEM;
    for (unsigned i = 0; i < RTE_DIM(g->key); i++)
        g->key[i] = rte_rand() | 1;
    return CV_OK;
}

void dp_groups_free(struct dp_groups *g)
{
    rte_free(g);
}

/* ---- which way ----------------------------------------------------------------------------------------------------- */
/* What tells flows apart: the addresses, and of ESP the SPI, of the rest the protocol and the DSCP (but for ECN, which changes within a flow). A way
 * of ours has `more` in place of its front's SPI, which only ESP is compared by. Of IPv6 `ends` are the second half of the source; what else tells flows in clear
 * apart is `more`, as a hash: should two have the same, one of them goes the long way. */
struct flow {
    uint64_t ends;
    uint32_t more;
};

static inline struct flow flow_of(uint64_t ends, uint32_t spi, uint32_t tos, uint32_t proto)
{
    return (struct flow){ends, proto == IP_PROTO_ESP ? spi : (tos & 0xfc) << 8 | proto};
}

/* Of 14 + 40 octets and more of a mbuf's, if not of the packet. */
static __rte_noinline struct flow flow_of6(const struct dp_groups *g, const uint8_t *ip)
{
    enum { DSCP = 0xc00f }; /* of the first two octets as they stand there */
    const uint64_t key = g->key[0], near = dp_load64(ip + DP_V6_SRC + 8);
    if (ip[6] == IP_PROTO_ESP)
        return (struct flow){near, dp_load32(ip + DP_WAY_V6)};
    uint64_t x = (dp_load64(ip + DP_V6_DST + 8) ^ (dp_load16(ip) & DSCP) << 8 ^ ip[6]) * key;
    x = (x ^ x >> 32 ^ dp_load64(ip + DP_V6_DST)) * key;
    x = (x ^ x >> 32 ^ dp_load64(ip + DP_V6_SRC)) * key;
    return (struct flow){near, (uint32_t)(x >> 32)};
}

static inline bool is_v6(const uint8_t *ip)
{
    return dp_load16(ip - 2) == RTE_BE16(RTE_ETHER_TYPE_IPV6);
}

static inline struct flow flow_of_frame(const struct dp_groups *g, const struct rte_mbuf *m)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);
    if (unlikely(is_v6(ip)))
        return flow_of6(g, ip);
    if (dp_natt_at(ip))
        return flow_of(dp_load64(ip + 12), dp_load32(ip + DP_WAY_V4 + DP_WAY_UPPER), 0, IP_PROTO_ESP);
    return flow_of(dp_load64(ip + 12), dp_load32(ip + DP_WAY_V4), ip[1], ip[9]);
}

static inline bool is_esp(const struct rte_mbuf *m)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);
    if (is_v6(ip))
        return ip[6] == IP_PROTO_ESP;
    return ip[9] == IP_PROTO_ESP || dp_natt_at(ip);
}

static inline bool is_flow(const struct dp_way *k, struct flow flow)
{
    return dp_front_ends(&k->front) == flow.ends && k->front.spi == flow.more;
}

static inline unsigned set_of(const struct dp_groups *g, struct flow f)
{
    const uint64_t x = f.ends + f.more * g->key[1];
    return (unsigned)(((x ^ x >> 32) * g->key[0]) >> (64 - SET_BITS));
}

static inline struct dp_way *at_place(struct dp_groups *g, unsigned set, unsigned place)
{
    const uint16_t which = g->set[set][place];
    return &g->way[which ? which - 1u : 0];
}

static __rte_always_inline struct dp_way *find(struct dp_groups *g, unsigned set, const struct rte_mbuf *m)
{
    const struct flow flow = flow_of_frame(g, m);
    struct dp_way *k = at_place(g, set, 0);
    if (likely(is_flow(k, flow)))
        return k;
    k = at_place(g, set, 1);
    return is_flow(k, flow) ? k : NULL;
}

/* Lines of the way that a packet of the set goes mostly. */
static inline void way_fetch(struct dp_groups *g, unsigned set)
{
    const struct dp_way *k = at_place(g, set, 0);
    rte_prefetch0(&k->front);
    rte_prefetch0(&k->segment);
    rte_prefetch0(&k->esp.out);
    rte_prefetch0(&k->esp.out.t);
}

/* As below, of IPv6; apart, for what compares IPv4 to stay as short as it is. */
static __rte_noinline bool follows6(const struct dp_way *k, const struct rte_mbuf *m, struct esp_run_pkt *p)
{
    return dp_way_alike_of(k, m, k->front.span, (enum dp_way_kind)k->kind, p);
}

/* m goes the way k: what of it has to be changed, in *p. */
static __rte_always_inline bool follows(const struct dp_way *k, const struct rte_mbuf *m,
                                        struct esp_run_pkt *p)
{
    switch ((enum dp_way_kind)k->kind) {
    case DP_WAY_PLAIN:
        return dp_front_alike(&k->front, m, k->front.span, DP_WAY_PLAIN, p);
    case DP_WAY_UDP:
        return dp_front_alike(&k->front, m, k->front.span, DP_WAY_UDP, p);
    case DP_WAY_ESP:
        return dp_front_alike(&k->front, m, k->front.span, DP_WAY_ESP, p);
    case DP_WAY_NATT:
        return dp_front_alike(&k->front, m, k->front.span, DP_WAY_NATT, p);
    default:
        return follows6(k, m, p);
    }
}

/* What no table says of a way, once in a segment. */
static bool goes_on(const struct dp_worker *w, const struct dp_way *k)
{
    if (k->state == OUT)
        return esp_out_run_again(&k->esp.out);
    return k->state == IN && dp_owner_is(&w->dp->owners, k->spi, w->id) && esp_in_run_again(&k->esp.in);
}

/* The packets of pkts[0..n) are put together by the groups that they are of. */
static void segment_sort(struct segment *s, const uint8_t *of, const struct esp_run_pkt *p,
                         struct rte_mbuf **pkts, unsigned n)
{
    unsigned at = 0;
    for (unsigned j = 0; j < s->groups; j++) {
        s->group[j].at = (uint16_t)at;
        at += s->group[j].n;
        s->group[j].n = 0;
    }
    for (unsigned i = 0; i < n; i++) {
        struct group *to = &s->group[of[i]];
        s->pkts[to->at + to->n] = pkts[i];
        s->p[to->at + to->n++] = p[i];
    }
}

/* How many of pkts[0..n) have a way, from the front on; s has them, sorted. set: where their ways are found. open: the port asks nothing of packets in
 * clear. */
static unsigned segment_of(struct dp_worker *w, struct segment *s, const struct ip_if *in, bool open,
                           uint64_t changes, struct rte_mbuf **pkts, const uint16_t *set, unsigned n)
{
    struct dp_groups *g = w->groups;
    const uint64_t now = ++g->segment;
    struct esp_run_pkt p[ESP_RUN_MAX];
    uint8_t of[ESP_RUN_MAX];
    unsigned i, groups = 0;
    s->frames = 0;
    for (i = 0; i < RTE_MIN(n, (unsigned)ESP_RUN_MAX); i++) {
        struct rte_mbuf *m = pkts[i];
        struct dp_way *k = find(g, set[i], m);
        if (unlikely(!k) || unlikely(k->changes != changes) || unlikely(k->front.if_in != in->id) ||
            unlikely(k->state == REFUSED) || unlikely(k->state == OUT && !open) ||
            unlikely(!follows(k, m, &p[i])))
            break;
        if (k->segment != now) {
            k->segment = now;
            k->group = (uint8_t)groups;
            s->group[groups++] = (struct group){.way = k};
        } else if (k->state == IN && unlikely(p[i].word <= k->last)) {
            break;
        }
        k->last = p[i].word;
        s->group[k->group].n++;
        of[i] = k->group;
        s->frames += m->pkt_len;
    }
    s->groups = groups;
    segment_sort(s, of, p, pkts, i);
    return i;
}

/* What is read of the SAs of many groups is asked for together. */
static void segment_fetch(const struct dp_worker *w, const struct segment *s)
{
    for (unsigned i = 0; i < s->groups; i++) {
        const struct dp_way *k = s->group[i].way;
        if (k->state == OUT)
            esp_out_run_fetch(&k->esp.out);
        else
            esp_in_run_fetch(&k->esp.in);
        rte_prefetch0(&w->if_stats[k->through]);
    }
}

/* ---- on it ----------------------------------------------------------------------------------------------------------- */
/* What left by one exit, not counted yet. */
struct left {
    const struct dp_way *by; /* NULL: nothing */
    struct dp_run run;
};

static inline void left_count(struct dp_worker *w, struct left *l)
{
    if (l->by)
        dp_way_count(w, l->by, &l->run);
    l->by = NULL;
}

static inline void left_add(struct dp_worker *w, struct left *l, const struct dp_way *by,
                            const struct dp_run *r)
{
    if (likely(l->by) && likely(l->by->exit_if == by->exit_if)) {
        l->run.packets += r->packets;
        l->run.left += r->left;
        return;
    }
    left_count(w, l);
    *l = (struct left){by, *r};
}

/* left: what has left by the exit of the groups before. */
static void out_end(struct dp_worker *w, struct segment *s, const struct group *g, struct left *left)
{
    const struct dp_way *y = g->way;
    struct rte_mbuf **pkts = s->pkts + g->at;
    struct dp_run r = {0};
    r.packets = esp_out_run_end(&w->esp, &y->esp.out, s->pkts, s->p, g->at, g->n, &r.inner);
    for (unsigned i = 0; i < r.packets; i++)
        r.left += pkts[i]->pkt_len - RTE_ETHER_HDR_LEN;
    dp_way_frames(w, pkts, (unsigned)r.packets, y->exit_port);
    if (unlikely(r.packets < g->n))
        dp_way_refused(w, y, pkts + r.packets, g->n - (unsigned)r.packets);
    dp_count(&w->if_stats[y->through].tx_packets, g->n);
    dp_count(&w->if_stats[y->through].tx_bytes, r.inner);
    left_add(w, left, y, &r);
}

/* Accepted packets leave. What is otherwise waits until all groups are done with: where it is routed it may be encrypted, and what esp keeps of the
 * other groups' packets would be written over. */
static void in_end(struct dp_worker *w, struct segment *s, const struct group *g, const struct ip_if *in,
                   struct left *left)
{
    const struct dp_way *y = g->way;
    struct dp_run r = {0};
    unsigned n = 0;
    /* Of an SA one way stands (is_only): nobody else has marked its numbers since they were checked. It is asked all the same, for what is at stake is a
     * packet that is taken twice. */
    if (likely(esp_in_run_still(&w->esp, &y->esp.in, s->p, g->at, g->n)))
        n = esp_in_run_accept(&w->esp, &y->esp.in, s->pkts, s->p, g->at, g->n, &r.left);
    dp_way_frames(w, s->pkts + g->at, n, y->exit_port);
    r.packets = n;
    if (likely(n > 0))
        esp_in_run_end(&w->esp, &y->esp.in, s->p, g->at, n, r.left);
    if (unlikely(n < g->n)) {
        struct rte_mbuf *rest[ESP_RUN_MAX];
        unsigned bads;
        const unsigned good =
            dp_way_sift(w, y, s->pkts, s->p, g->at + n, (unsigned)g->at + g->n, in, rest, &bads);
        memcpy(s->good + s->goods, rest, good * sizeof *rest);
        memcpy(s->bad + s->bads, rest + good, bads * sizeof *rest);
        s->goods += good;
        s->bads += bads;
    }
    if (!w->esp.sole)
        dp_count(&w->steer->worked[cv_spi_bucket(y->spi)], g->n);
    dp_count(&w->if_stats[y->through].rx_packets, n);
    dp_count(&w->if_stats[y->through].rx_bytes, r.left);
    left_add(w, left, y, &r);
}

/* What waits for its SA goes on. */
static void settle(struct dp_worker *w)
{
    dp_worker_decapsulate(w);
    dp_encapsulate(w);
}

static __rte_noinline void the_long_way(struct dp_worker *w, const struct segment *s, const struct group *g,
                                        const struct ip_if *in, const struct ip_arrival *a)
{
    for (unsigned i = g->at; i < (unsigned)g->at + g->n; i++)
        dp_worker_received(w, s->pkts[i], a, in);
    if (g->way->state == OUT ||
        !goes_on(w, g->way)) /* else numbers came that are not new: the way is as good as before */
        g->way->changes = 0;
}

/* Numbers; false: nothing has been done. */
static bool numbered(struct dp_worker *w, struct segment *s, const struct group *g)
{
    const struct dp_way *y = g->way;
    return y->state == OUT ? esp_out_run_reserve(&w->esp, &y->esp.out, g->at, g->n)
                           : esp_in_run_check(&w->esp, &y->esp.in, s->pkts, s->p, g->at, g->at, g->n);
}

/* What workers write of outbound SAs comes from whoever was there last, and a number that is taken where others may take one waits for every store in front of it: all
 * numbers first, then headers. */
static unsigned segment_prepare(struct dp_worker *w, struct segment *s)
{
    unsigned refused = 0;
    for (unsigned i = 0; i < s->groups && !w->esp.sole; i++)
        if (s->group[i].way->state == OUT)
            esp_out_run_own(&s->group[i].way->esp.out);
    for (unsigned i = 0; i < s->groups; i++) {
        struct group *g = &s->group[i];
        g->refused = !goes_on(w, g->way) || !numbered(w, s, g);
        refused += g->refused;
    }
    for (unsigned i = 0; i < s->groups; i++) {
        const struct group *g = &s->group[i];
        if (g->way->state == OUT && likely(!g->refused))
            esp_out_run_build(&w->esp, &g->way->esp.out, s->pkts, s->p, g->at, g->n);
    }
    return refused;
}

static void segment_go(struct dp_worker *w, struct segment *s, const struct ip_if *in,
                       const struct ip_arrival *a)
{
    struct esp_runs together;
    together.fn = NULL;
    together.count = 0;
    s->goods = s->bads = 0;
    if (s->groups > FEW)
        segment_fetch(w, s);
    dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
    const unsigned refused = segment_prepare(w, s);
    dp_clock_mark(w->esp.clock, DP_CLOCK_BUILD);
    for (unsigned i = 0; i < s->groups; i++) {
        const struct group *g = &s->group[i];
        if (unlikely(g->refused))
            continue;
        if (g->way->state == OUT)
            esp_out_run_crypt_with(&w->esp, &g->way->esp.out, g->at, g->n, &together);
        else
            esp_in_run_crypt_with(&w->esp, &g->way->esp.in, g->at, g->n, &together);
    }
    esp_runs_flush(&w->esp, &together);
    dp_clock_mark(w->esp.clock, DP_CLOCK_CRYPTO);
    struct left left = {.by = NULL};
    unsigned packets = 0;
    for (unsigned i = 0; i < s->groups; i++) {
        const struct group *g = &s->group[i];
        if (unlikely(g->refused))
            continue;
        packets += g->n;
        if (g->way->state == OUT)
            out_end(w, s, g, &left);
        else
            in_end(w, s, g, in, &left);
    }
    left_count(w, &left);
    dp_count(&w->stats->crypto_packets, packets);
    if (unlikely(s->goods))
        dp_worker_decapsulated(w, s->good, s->goods);
    for (unsigned i = 0; i < s->bads; i++)
        dp_drop_esp(w, s->bad[i]);
    for (unsigned i = 0; unlikely(refused) && i < s->groups; i++)
        if (s->group[i].refused)
            the_long_way(w, s, &s->group[i], in, a);
    dp_clock_mark(w->esp.clock, DP_CLOCK_FINISH);
}

/* ---- leaders ----------------------------------------------------------------------------------------------------------- */
static bool is_at(const struct dp_groups *g, uint16_t which, uint32_t place)
{
    return which != 0 && g->way[which - 1u].place == place;
}

/* A way that nobody has, or nobody used lately. */
static struct dp_way *unused(struct dp_groups *g)
{
    if (g->used < DP_GROUP_WAYS)
        return &g->way[g->used++];
    for (unsigned i = 0; i < 4; i++) {
        struct dp_way *k = &g->way[g->hand++ % DP_GROUP_WAYS];
        if (g->segment - k->segment > RECENT)
            return k;
    }
    return NULL;
}

/* Where the way of this flow is, or may be made. NULL: nowhere now. */
static struct dp_way *place_for(struct dp_groups *g, struct flow flow)
{
    const unsigned at = set_of(g, flow);
    uint16_t *free = NULL;
    unsigned which = 0;
    for (unsigned i = 0; i < PLACES; i++) {
        uint16_t *p = &g->set[at][i];
        const bool taken = is_at(g, *p, 1 + at * PLACES + i);
        if (taken && is_flow(&g->way[*p - 1u], flow))
            return &g->way[*p - 1u];
        if (!free && (!taken || g->segment - g->way[*p - 1u].segment > RECENT)) {
            free = p;
            which = i;
        }
    }
    struct dp_way *k = !free                                      ? NULL
                       : is_at(g, *free, 1 + at * PLACES + which) ? &g->way[*free - 1u]
                                                                  : unused(g);
    if (!k)
        return NULL;
    k->state = UNUSED;
    k->changes = 0;
    g->inbound[k - g->way] = 0;
    k->place = 1 + at * PLACES + which;
    *free = (uint16_t)(1 + (k - g->way));
    return k;
}

static enum dp_way_kind kind_of(const struct dp_front *f, enum state state)
{
    return state == IN ? dp_front_kind(f) : dp_front_kind_in_clear(f);
}

/* Of an inbound SA one way stands at a time: its packets of two would be in two groups, of which one is checked after the other, and the older ones of the
 * second would be behind the window. What comes from elsewhere (a peer with two addresses, somebody who copies packets and writes another source over
 * them) goes the long way, in its place among the others; when nobody goes the first way any more, the way from there takes its place. Asked when a way is
 * made, so that groups need not ask. */
static bool is_only(struct dp_groups *g, const struct dp_way *k, uint64_t changes)
{
    uint32_t *of = &g->inbound[k - g->way];
    for (unsigned i = 0; *of != k->spi && i < g->used; i++) {
        struct dp_way *other = &g->way[i];
        if (g->inbound[i] != k->spi)
            continue;
        if (other->state == IN && other->changes == changes && g->segment - other->segment <= AGAIN)
            return false;
        other->changes = 0;
        g->inbound[i] = 0;
    }
    *of = k->spi;
    return true;
}

/* The leader, which waits for its SA alone, or has gone: may others follow it? A multi-buffer engine has a burst in one call when it goes the long way, whatever
 * stands between its packets. */
static enum state lead(struct dp_worker *w, struct dp_way *k, bool open, uint64_t changes,
                       struct rte_mbuf *leader)
{
    if (open && w->out_count == 1 && w->out_pkts[0] == leader)
        return !esp_out_multi_buffer(w->out_sas[0]) && !k->front.natt && dp_way_out(w, k, leader) ? OUT
                                                                                                  : REFUSED;
    if (w->in_count == 1 && w->in_pkts[0] == leader && dp_front_is_esp(&k->front)) {
        struct esp_in_sa *sa = w->in_sas[0];
        if (esp_in_multi_buffer(sa))
            return REFUSED;
        const uint64_t before = sa->counters->packets;
        const bool leads = dp_way_in(w, k, sa, leader);
        if (unlikely(sa->counters->packets == before)) {
            k->changes = 0; /* anybody's, with the SPI of another: it leaves no way */
            return UNUSED;
        }
        return leads && is_only(w->groups, k, changes) ? IN : REFUSED;
    }
    return REFUSED;
}

/* Where a way for m may be made, its front in *y. NULL: nowhere, or there is one that others go, but not this packet. Where nobody goes it any more,
 * headers have changed: another TTL, another mark of ECN. */
static struct dp_way *to_lead(struct dp_groups *g, const struct ip_if *in, uint64_t changes,
                              const struct rte_mbuf *m, struct dp_way *y)
{
    struct dp_way *k = dp_way_of(y, m) && dp_way_alike_any(y, m) ? place_for(g, flow_of_frame(g, m)) : NULL;
    const bool stands = k && k->changes == changes && k->front.if_in == in->id;
    const uint64_t since = k ? g->segment - k->segment : 0;
    /* What was refused because it came from where the peer is not says nothing of what comes from elsewhere. */
    const bool refused = k && k->state == REFUSED && k->front.natt == y->front.natt;
    return stands && since <= (refused ? (uint64_t)RECENT : (uint64_t)AGAIN) ? NULL : k;
}

/* m has no way, and goes the whole way. True: it led. */
static bool the_whole_way(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a, bool open,
                          uint64_t changes, struct rte_mbuf *m, bool may_lead)
{
    struct dp_groups *g = w->groups;
    struct dp_way y; /* its front alone */
    const struct flow flow = flow_of_frame(g, m);
    const bool may = may_lead && (open || is_esp(m));
    struct dp_way *k = may ? to_lead(g, in, changes, m, &y) : NULL;
    if (k)
        settle(w);
    dp_worker_received(w, m, a, in);
    if (!k)
        return false;
    k->front = y.front;
    memcpy(k->far6, y.far6, sizeof k->far6);
    k->front.spi = flow.more;
    k->changes = changes;
    k->front.if_in = (uint16_t)in->id;
    k->state = (uint8_t)lead(w, k, open, changes, m);
    if (!goes_on(w, k))
        k->state = REFUSED;
    k->kind = (uint8_t)kind_of(&y.front, (enum state)k->state);
    k->segment = g->segment;
    return true;
}

/* ---- both -------------------------------------------------------------------------------------------------------------- */
unsigned dp_group_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                       struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct dp_groups *g = w->groups;
    const uint64_t changes = w->changes; /* before anything of this burst was looked up */
    const bool open = !dp_policy_get(w->dp, in->id) && !in->tcp_mss.any;
    struct segment s;
    uint16_t set[ESP_BURST_MAX];
    unsigned done = 0, ways = 0, groups = 0, leads = 0;
    if (w->group_pause > 0) {
        w->group_pause--;
        return 0;
    }
    for (unsigned i = 0; i < RTE_MIN(n, (unsigned)AHEAD); i++)
        dp_way_fetch(pkts[i], DP_WAY_PLAIN);
    for (unsigned i = 0; i < n; i++) {
        if (i + AHEAD < n)
            dp_way_fetch(pkts[i + AHEAD], DP_WAY_PLAIN);
        set[i] = (uint16_t)set_of(g, flow_of_frame(g, pkts[i]));
    }
    for (unsigned i = 0; g->used > FEW && i < n; i++)
        way_fetch(g, set[i]);
    while (done < n) {
        const unsigned k = segment_of(w, &s, in, open, changes, pkts + done, set + done, n - done);
        if (k > 0) {
            settle(w);
            segment_go(w, &s, in, a);
            *bytes += s.frames;
            done += k;
            ways += k;
            groups += s.groups;
        }
        if (k < ESP_RUN_MAX && done < n) {
            *bytes += pkts[done]->pkt_len;
            leads += the_whole_way(w, in, a, open, changes, pkts[done++], leads < LEADS);
        }
    }
    g->credit = RTE_MAX(RTE_MIN(g->credit + 2 * (int)ways - (int)n, CREDIT), -CREDIT);
    if (unlikely(g->credit == -CREDIT)) {
        w->group_pause = DP_GROUP_PAUSE;
        g->credit = 0;
        w->mixed = false; /* what goes into no SA would leave it as it is: see dp_worker_mixed */
    }
    if (groups > 0)
        w->mixed = groups > 1;
    w->far &= w->mixed; /* no longer bursts without it */
    return done;
}
