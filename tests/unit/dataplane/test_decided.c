/* What is kept of decisions (dp_decided.h) changes none: seeded bursts of common and odd packets, in clear and out of an SA, both ways through a port with a
 * random policy, are worked on with decisions kept and without, while tables stay as they are and while they change. Every frame, in order, and all
 * counters are the same; and most packets are not asked about again. */
#include "dataplane/dp_decided.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_protect.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/unit/dataplane/ring_fix.h"
#include "tests/unit/dataplane/run_change.h"
#include "tests/unit/dataplane/run_frames.h"

#include <netinet/in.h>

enum {
    FLOW = CHANGE_TUNNEL, /* interfaces */
    OTHER = CHANGE_OTHER,
    IFS,
    ROWS_MOST = 12,
    SEEDS = 24,
    BURSTS = 240,
    BURST = IO_BURST,
    KINDS = 48,  /* flows of a pass */
    MSS_AT = 22, /* in a TCP header whose first option it is */
    MSS_SENT = 1460,
    SA_OUT = 1, /* slots */
    SA_IN,
    SA_OTHER,
    V6 = 40,
};

static struct dp_worker *worker;

/* How many packets the policy was asked about, going out and coming in. */
static uint64_t asked[2];
bool __real_dp_protect_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy);
bool __wrap_dp_protect_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy);
bool __wrap_dp_protect_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy)
{
    asked[0]++;
    return __real_dp_protect_out(w, m, policy);
}
const struct ip_policy_row *__real_ip_policy_match(const struct ip_policy *p, uint8_t family,
                                                   const struct ip_policy_key *key);
const struct ip_policy_row *__wrap_ip_policy_match(const struct ip_policy *p, uint8_t family,
                                                   const struct ip_policy_key *key);
const struct ip_policy_row *__wrap_ip_policy_match(const struct ip_policy *p, uint8_t family,
                                                   const struct ip_policy_key *key)
{
    asked[1]++;
    return __real_ip_policy_match(p, family, key);
}

/* ---- policies -------------------------------------------------------------------------------------------------------- */
static const char *const nears[] = {"192.168.1.0/24", "192.168.1.64/26", "0.0.0.0/0"},
                         *const fars[] = {"10.20.1.0/24", "10.20.0.0/16", "10.20.2.0/25", "0.0.0.0/0"},
                         *const nears6[] = {"fd01::/64", "::/0"},
                         *const fars6[] = {"fd20:1::/64", "fd20::/16", "::/0", "fd20:1::/126"};

static struct ts side(const char *prefix, uint8_t proto, bool ports)
{
    struct ip_prefix p;
    const uint16_t first = (uint16_t)(1000 + rnd(4));
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(prefix, &p));
    return ports ? ts_from_prefix(&p, proto, first, (uint16_t)(first + rnd(3)))
                 : ts_from_prefix(&p, proto, 0, 65535);
}

/* plain: nothing but addresses is named. */
static void selectors(bool v6, bool plain, struct ts *local, struct ts *remote)
{
    static const uint8_t protos[] = {0, 0, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_GRE};
    const uint8_t proto = plain ? 0 : protos[rnd(RTE_DIM(protos))];
    const bool ports = proto == IPPROTO_UDP || proto == IPPROTO_TCP;
    *local = side(v6 ? nears6[rnd(2)] : nears[rnd(3)], proto, ports && rnd(3) == 0);
    *remote = side(v6 ? fars6[rnd(4)] : fars[rnd(4)], proto, ports && rnd(3) == 0);
}

static void policy_set(uint32_t port, unsigned rows)
{
    static const uint8_t actions[] = {CV_POLICY_PROTECT,    CV_POLICY_PROTECT,      CV_POLICY_PROTECT,
                                      CV_POLICY_PROTECT_IF, CV_POLICY_PROTECT_ONLY, CV_POLICY_BYPASS,
                                      CV_POLICY_DISCARD};
    struct cv_cmd c = {.type = CV_CMD_POLICY_BEGIN};
    const bool plain = rnd(3) == 0;
    c.u.if_id = port;
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
    for (unsigned i = 0; i < rows; i++) {
        struct cv_cmd r = {.type = CV_CMD_POLICY_ADD};
        struct cv_policy *p = &r.u.policy;
        *p = (struct cv_policy){.if_id = port, .order = i, .action = actions[rnd(RTE_DIM(actions))]};
        if (port != OUTSIDE)
            p->action = rnd(4) ? CV_POLICY_BYPASS : CV_POLICY_DISCARD;
        if (p->action != CV_POLICY_BYPASS && p->action != CV_POLICY_DISCARD)
            p->flow_if = rnd(3) ? FLOW : OTHER;
        selectors(rnd(4) == 0, plain, &p->local, &p->remote);
        CU_ASSERT_EQUAL_FATAL(mgr_cmd(&r), CV_OK);
    }
    struct cv_cmd end = {.type = CV_CMD_POLICY_COMMIT};
    end.u.if_id = port;
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&end), CV_OK);
}

/* ---- the site -------------------------------------------------------------------------------------------------------- */
static cv_result flow_set(uint32_t id, bool up, bool policed)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    *i = (struct cv_if){.if_id = id, .kind = CV_IF_FLOW, .up = up, .flow_port = OUTSIDE};
    snprintf(i->name, sizeof i->name, "M#10.%u", id);
    if (policed) /* so many octets pass, and hardly any more as time goes by */
        i->police[CV_DIR_OUT] = (struct cv_police){.bps = 8, .burst = 20000};
    return mgr_cmd(&c);
}

/* Of what comes out of its SA nothing passes, whatever the time is: a header is longer than the burst. */
static void police_in(struct cv_if *i)
{
    i->police[CV_DIR_IN] = (struct cv_police){.bps = 64, .burst = 19};
}
static void police_none(struct cv_if *i)
{
    i->police[CV_DIR_IN] = (struct cv_police){0};
}

static struct cv_sa sa_of(enum cv_dir dir, uint32_t slot, uint32_t flow)
{
    struct cv_sa sa = mgr_sa(dir, slot, flow);
    memset(sa.encr_key, (int)slot, sizeof sa.encr_key);
    sa.ts_count = 2;
    sa.ts_local[1] = sa.ts_remote[1] = ts_any(IP_V6);
    return sa;
}

/* With other selectors each time. */
static void sa_renew(uint32_t slot, uint32_t flow)
{
    struct cv_sa sa = sa_of(CV_DIR_OUT, slot, flow);
    (void)mgr_sa_del(&sa);
    if (rnd(6) == 0)
        return;
    if (rnd(3))
        selectors(false, rnd(2), &sa.ts_local[0], &sa.ts_remote[0]);
    if (rnd(3) == 0)
        selectors(true, rnd(2), &sa.ts_local[1], &sa.ts_remote[1]);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    dp_sad_set_mtu(&mgr_dp.sad, slot, 1400);
}

static void site_make(void)
{
    const struct ip_addr far[] = {mgr_addr("10.0.0.254"), mgr_addr("2001:db8::fe"), mgr_addr("192.168.1.77"),
                                  mgr_addr("fd01::77")};
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_addr_add(1, "2001:db8::1", 64) | mgr_route("::/0", 1, "2001:db8::fe"), CV_OK);
    CU_ASSERT_EQUAL(mgr_addr_add(2, "fd01::1", 64), CV_OK);
    for (unsigned i = 0; i < RTE_DIM(far); i++)
        ip_nbr_claim(&mgr_dp.nbrs, i < 2 ? OUTSIDE : INSIDE, &far[i], far_mac, mgr->now_ms, &nbr_fix_calls);
    CU_ASSERT_EQUAL(flow_set(FLOW, true, false) | flow_set(OTHER, true, false), CV_OK);
    const struct cv_sa in = sa_of(CV_DIR_IN, SA_IN, FLOW);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&in), CV_OK);
    sa_renew(SA_OUT, FLOW);
    sa_renew(SA_OTHER, OTHER);
    policy_set(OUTSIDE, 1 + rnd(ROWS_MOST));
}

static void worker_fresh(bool keeps, bool runs)
{
    dp_worker_free(worker);
    mgr_dp.engine = fix_engine();
    mgr_dp.mbuf_room = 2048;
    dp_owners_init(&mgr_dp.owners, 1);
    CU_ASSERT_EQUAL_FATAL(dp_worker_new(&mgr_dp, 0, 0, &worker), CV_OK);
    memset(worker->stats, 0, sizeof *worker->stats);
    memset(worker->if_stats, 0, IFS * sizeof *worker->if_stats);
    memset(shm_if_drops(&mgr_dp.shm, 0, 0), 0, IFS * sizeof(struct cv_if_drops));
    worker->run_pause = worker->group_pause = runs ? 0 : UINT32_MAX;
    for (unsigned i = 0; i < DP_GATE_OPEN; i++) /* what passes is no matter of time */
        worker->gates.rate[i] = io_bucket_rate_make(rte_get_tsc_hz(), 1000000000, 1000000);
    if (keeps)
        return;
    dp_decided_free(worker->decided);
    worker->decided = NULL;
}

/* ---- frames ---------------------------------------------------------------------------------------------------------- */
/* One in which most packets of a burst are. */
struct kind {
    bool v6, in; /* in: to a host inside */
    uint8_t proto, src, dst, net;
    uint16_t sport, dport, len;
    bool syn; /* with an MSS of MSS_SENT */
};
static struct kind kinds[KINDS];

static struct kind kind_make(void)
{
    static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_UDP,  IPPROTO_UDP, IPPROTO_TCP,     IPPROTO_TCP,
                                     IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ESP, IPPROTO_UDPLITE, 135};
    struct kind k = {.v6 = rnd(4) == 0, .in = rnd(2), .proto = protos[rnd(RTE_DIM(protos))]};
    k.src = (uint8_t)(rnd(8) ? 77 : 1); /* one that is an address of this host */
    k.dst = (uint8_t)(rnd(2) ? 5 : 200);
    k.net = (uint8_t)(1 + rnd(3));
    k.sport = (uint16_t)(1000 + rnd(5));
    k.dport = (uint16_t)(rnd(16) ? 1000 + rnd(5) : 500);
    k.len = (uint16_t)(rnd(3) ? 100 + rnd(400) : 1300 + rnd(78));
    if (k.proto == IPPROTO_ICMP && k.v6)
        k.proto = IPPROTO_ICMPV6;
    return k;
}

/* One that differs from k in one thing alone. */
static struct kind kind_like(struct kind k)
{
    switch (rnd(6)) {
    case 0:
        k.src ^= 4;
        break;
    case 1:
        k.dst ^= 4;
        break;
    case 2:
        k.net ^= 3;
        break;
    case 3:
        k.sport ^= 1;
        break;
    case 4:
        k.dport ^= 1;
        break;
    default:
        k.proto = k.proto == IPPROTO_UDP ? IPPROTO_TCP : k.proto;
        break;
    }
    return k;
}

static void upper_write(uint8_t *p, const struct kind *k, unsigned room)
{
    const bool icmp = k->proto == IPPROTO_ICMP || k->proto == IPPROTO_ICMPV6;
    ip_put16(p, k->sport);
    ip_put16(p + 2, k->dport);
    ip_put16(p + 4, k->proto == IPPROTO_UDP || k->proto == IPPROTO_UDPLITE ? room : 0);
    if (icmp) /* an echo, or an error */
        ip_put16(p, k->sport % 2 ? 0x0800 : k->v6 ? 0x0100 : 0x0300);
}

static void syn_write(uint8_t *tcp)
{
    tcp[12] = 6 << 4;
    tcp[13] = 2;
    ip_put16(tcp + MSS_AT - 2, 0x0204);
    ip_put16(tcp + MSS_AT, MSS_SENT);
}

/* What an ICMP error quotes, now this and now that (RFC 4301 6.2): the ends are those of the error, turned about. */
static void quote_write(uint8_t *q, const uint8_t *ip, bool v6, unsigned nth)
{
    const unsigned at = v6 ? 8 : 12, n = v6 ? 16 : 4;
    memset(q, 0, (v6 ? V6 : 20) + 8u);
    memcpy(q + at, ip + at + n, n);
    memcpy(q + at + n, ip + at, n);
    q[0] = v6 ? 0x60 : 0x45;
    q[v6 ? 6 : 9] = nth % 3 ? IPPROTO_UDP : IPPROTO_TCP;
    ip_put16(q + (v6 ? V6 : 20), 1000 + nth % 5);
    ip_put16(q + (v6 ? V6 : 20) + 2, 1000 + nth / 5 % 5);
}

/* The IP packet; gives its length. */
static unsigned packet_write(uint8_t *b, const struct kind *k, unsigned nth)
{
    const unsigned head = k->v6 ? V6 : 20;
    memset(b, 0, k->len);
    for (unsigned i = head + 8; i < k->len; i++)
        b[i] = (uint8_t)(i + nth);
    upper_write(b + head, k, k->len - head);
    if (k->syn)
        syn_write(b + head);
    if (k->v6) {
        const uint8_t near[16] = {0xfd, 1, [15] = k->src}, far[16] = {0xfd, 0x20, 0, k->net, [15] = k->dst};
        b[0] = 0x60;
        ip_put16(b + 4, k->len - V6);
        b[6] = k->proto;
        b[7] = 64;
        memcpy(b + (k->in ? 24 : 8), near, 16);
        memcpy(b + (k->in ? 8 : 24), far, 16);
        if (k->proto == IPPROTO_ICMPV6)
            quote_write(b + V6 + 8, b, true, nth);
        return k->len;
    }
    const uint8_t near[4] = {192, 168, 1, k->src}, far[4] = {10, 20, k->net, k->dst};
    b[0] = 0x45;
    ip_put16(b + 2, k->len);
    ip_put16(b + 4, nth);
    b[8] = 64;
    b[9] = k->proto;
    memcpy(b + (k->in ? 16 : 12), near, 4);
    memcpy(b + (k->in ? 12 : 16), far, 4);
    if (k->proto == IPPROTO_ICMP)
        quote_write(b + 28, b, false, nth);
    checksum(b);
    return k->len;
}

/* What makes it another packet than the one of its flow, whose decision may be known. */
static unsigned packet_odd(uint8_t *b, unsigned len)
{
    const bool v6 = b[0] >> 4 == 6;
    if (!v6 && rnd(3))
        return inner_odd(b, len);
    switch (rnd(8)) {
    case 0:
        b[v6 ? 7 : 8] = (uint8_t)(1 + rnd(2)); /* hop limit */
        break;
    case 1:
        b[v6 ? 6 : 9] = v6 ? IP_NEXT_FRAGMENT : 4;
        break;
    case 2:
        b[v6 ? 6 : 6] = v6 ? 60 : 0x20; /* destination options; more fragments */
        break;
    case 3:
        b[v6 ? 24 : 16] = v6 ? 0xff : 224; /* a group */
        break;
    case 4:
        b[(v6 ? V6 : 20) + rnd(4)] ^= (uint8_t)(1 << rnd(8)); /* another port */
        break;
    case 5:
        b[(v6 ? V6 : 20) + 4 + rnd(2)] ^= 0x83; /* UDP's length */
        break;
    case 6:
        b[v6 ? 5 : 3] ^= (uint8_t)(1 << rnd(5)); /* its own */
        break;
    default:
        len -= rnd(len); /* cut off */
        break;
    }
    if (!v6 && len >= 20 && b[0] == 0x45)
        checksum(b);
    return RTE_MAX(len, 1u);
}

static struct esp_worker far;
static struct esp_out_sa *far_sa;
static struct cv_sa_counters far_counters;

static void far_start(void)
{
    struct cv_sa sa = sa_of(CV_DIR_OUT, SA_IN, FLOW);
    const struct ip_endpoint here = sa.local;
    sa.local = sa.remote;
    sa.remote = here;
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&sa, mgr_dp.engine, -1, &far_counters, &far_sa), CV_OK);
}

/* NULL: it is none that a peer's SA would take. */
static struct rte_mbuf *esp_make(const uint8_t *b, unsigned len)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pkt_pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memcpy(rte_pktmbuf_append(m, (uint16_t)len), b, len);
    dp_meta(m)->family = b[0] >> 4 == 6 ? IP_V6 : IP_V4;
    far.now_tsc = rte_rdtsc();
    if (esp_out_burst(&far, &m, &far_sa, 1) == 1)
        return m;
    rte_pktmbuf_free(m);
    return NULL;
}

static void frame_put(const struct kind *k, bool tunnelled, unsigned nth, bool odd)
{
    static const uint8_t station[6] = {2, 0, 0, 0, 0, 1};
    static uint8_t b[ROOM];
    unsigned len = packet_write(b, k, nth);
    if (odd)
        len = packet_odd(b, len);
    struct rte_mbuf *m = tunnelled ? esp_make(b, len) : pkt_of(b, len);
    if (!m)
        return;
    uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, ETHER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(frame);
    memcpy(frame, station, 6);
    memcpy(frame + 6, far_mac, 6);
    const bool v6 = frame[ETHER] >> 4 == 6;
    ip_put16(frame + 12, v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
    CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[tunnelled || k->in ? 0 : 1], m), 0);
}

/* ---- what became of them ----------------------------------------------------------------------------------------------- */
struct outcome {
    struct cv_worker_stats stats;
    struct cv_if_stats ifs[IFS];
    struct cv_if_drops lost[IFS];
    struct cv_sa_counters in, out, other;
    uint64_t frames[RING_PORTS], hash[RING_PORTS], slow;
};

static uint64_t frame_hash(uint8_t *ip, unsigned len)
{
    const bool v6 = ip[0] >> 4 == 6;
    if (v6 && ip[6] == IP_NEXT_FRAGMENT) { /* identifications of fragments are anything */
        memset(ip + 44, 0, 4);
    } else if (!v6 && ip_get16(ip + 6) & 0x3fff) {
        memset(ip + 4, 0, 2);
        memset(ip + 10, 0, 2);
    }
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < len; i++)
        hash = (hash ^ ip[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void outcome_add(struct outcome *o, bool ordered)
{
    struct rte_mbuf *m;
    struct cv_evt e;
    for (unsigned p = 0; p < RING_PORTS; p++)
        while (rte_ring_dequeue(tx[p], (void **)&m) == 0) {
            uint8_t *f = rte_pktmbuf_mtod(m, uint8_t *);
            const uint64_t ether = frame_hash(f, 12), ip = frame_hash(f + ETHER, m->data_len - ETHER);
            o->frames[p]++;
            o->hash[p] = (ordered ? o->hash[p] * 31 : o->hash[p]) + ip * 3 + ether;
            rte_pktmbuf_free(m);
        }
    while (rte_ring_dequeue(mgr_dp.rings.slow, (void **)&m) == 0 ||
           rte_ring_dequeue(mgr_dp.rings.urgent, (void **)&m) == 0) {
        o->slow++;
        rte_pktmbuf_free(m);
    }
    while (ring_evt_get(&mgr_dp.shm, &e))
        ;
}

static void outcome_end(struct outcome *o)
{
    o->stats = *worker->stats;
    o->stats.drops[CV_DROP_PUNT_FULL] = o->stats.drops[CV_DROP_PUNT_LIMIT] = 0; /* a matter of time */
    memcpy(o->ifs, worker->if_stats, sizeof o->ifs);
    memcpy(o->lost, shm_if_drops(&mgr_dp.shm, 0, 0), sizeof o->lost);
    o->in = *shm_counters_in(&mgr_dp.shm, SA_IN);
    o->out = *shm_counters_out(&mgr_dp.shm, SA_OUT, 0);
    o->other = *shm_counters_out(&mgr_dp.shm, SA_OTHER, 0);
    o->in.last_tsc = o->out.last_tsc = o->other.last_tsc = 0;
}

/* ---- changes ----------------------------------------------------------------------------------------------------------- */
static bool toggled[16];
static void site_change(void)
{
    const unsigned what = rnd(14);
    const bool on = toggled[what] = !toggled[what];
    cv_result r = CV_OK;
    switch (what) {
    case 0:
    case 1:
        policy_set(OUTSIDE, rnd(8) ? 1 + rnd(ROWS_MOST) : 0);
        break;
    case 2:
        policy_set(INSIDE, on ? 1 + rnd(4) : 0);
        break;
    case 3:
        r = flow_set(FLOW, !on, false);
        break;
    case 4:
        r = flow_set(OTHER, true, on);
        break;
    case 5:
        sa_renew(SA_OUT, FLOW);
        break;
    case 6:
        sa_renew(SA_OTHER, OTHER);
        break;
    case 7:
        r = change_route("10.20.2.0/24", INSIDE, "192.168.1.77", on);
        break;
    case 8:
        r = change_nbr(OUTSIDE, "10.0.0.254", on);
        break;
    case 9:
        r = change_if(OUTSIDE, change_mtu, on);
        break;
    case 10:
        r = change_if(OUTSIDE, change_mss, on);
        break;
    case 11: /* a host inside that goes elsewhere */
        r = change_route("192.168.1.77/32", OUTSIDE, "10.0.0.254", on);
        break;
    case 12: /* of what its SA takes in */
        r = change_if(FLOW, on ? police_in : police_none, true);
        break;
    default:
        dp_sad_set_mtu(&mgr_dp.sad, SA_OUT, on ? 500 : 1400);
        break;
    }
    CU_ASSERT_EQUAL(r, CV_OK);
}

/* ---- the comparison ---------------------------------------------------------------------------------------------------- */
struct how {
    bool keeps, runs, changing;
    unsigned oddity; /* one packet in so many */
    uint64_t mask;   /* of places */
};

static void pass(uint64_t from, const struct how *h, struct outcome *o)
{
    unsigned nth = 0;
    memset(o, 0, sizeof *o);
    memset(toggled, 0, sizeof toggled);
    seed = from;
    site_make();
    worker_fresh(h->keeps, h->runs);
    far_start();
    if (worker->decided)
        worker->decided->mask = h->mask;
    for (unsigned i = 0; i < KINDS; i++)
        kinds[i] = i % 2 ? kind_like(kinds[i - 1]) : kind_make();
    for (unsigned r = 0; r < BURSTS; r++) {
        const bool tunnelled = rnd(3) == 0;
        const unsigned n = 1 + rnd(BURST), few = 1 + rnd(KINDS);
        if (rnd(20) == 0)
            kinds[rnd(KINDS)] = kind_make();
        for (unsigned i = 0; i < n; i++)
            frame_put(&kinds[rnd(few)], tunnelled, nth++, rnd(h->oddity) == 0);
        worker->mixed = false;
        (void)dp_worker_turn(worker);
        outcome_add(o, !h->runs);
        if (h->changing && rnd(3) == 0)
            site_change();
        if (h->runs && worker->run_pause > 4)
            worker->run_pause = 4;
        if (h->runs)
            worker->group_pause = 0;
    }
    outcome_end(o);
    esp_out_sa_free(far_sa);
}

static struct outcome with, without;
static uint64_t sent, protected, dropped;

static void same(uint64_t from, bool runs, bool changing, unsigned oddity, uint64_t mask, uint64_t saved[2])
{
    struct how h = {.runs = runs, .changing = changing, .oddity = oddity, .mask = mask};
    memset(asked, 0, sizeof asked);
    pass(from, &h, &without);
    for (unsigned i = 0; i < 2; i++)
        saved[i] += asked[i];
    memset(asked, 0, sizeof asked);
    h.keeps = true;
    pass(from, &h, &with);
    for (unsigned i = 0; i < 2; i++)
        saved[i] -= asked[i];
    CU_ASSERT_EQUAL(memcmp(&with.stats, &without.stats, sizeof with.stats), 0);
    CU_ASSERT_EQUAL(memcmp(with.ifs, without.ifs, sizeof with.ifs), 0);
    CU_ASSERT_EQUAL(memcmp(with.lost, without.lost, sizeof with.lost), 0);
    CU_ASSERT_EQUAL(memcmp(&with.in, &without.in, sizeof with.in), 0);
    CU_ASSERT_EQUAL(memcmp(&with.out, &without.out, sizeof with.out), 0);
    CU_ASSERT_EQUAL(memcmp(&with.other, &without.other, sizeof with.other), 0);
    CU_ASSERT_EQUAL(memcmp(with.frames, without.frames, sizeof with.frames), 0);
    CU_ASSERT_EQUAL(memcmp(with.hash, without.hash, sizeof with.hash), 0);
    CU_ASSERT_EQUAL(with.slow, without.slow);
    sent += with.frames[0] + with.frames[1];
    protected += with.ifs[FLOW].tx_packets + with.ifs[OTHER].tx_packets;
    dropped += with.stats.drops[CV_DROP_POLICY_DENY] + with.stats.drops[CV_DROP_POLICY_CLEAR];
}

static void start(void)
{
    if (worker)
        return;
    mgr_start();
    ports_open(RING_RX_SLOTS);
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&far, fix_engine(), 0, -1), CV_OK);
    far.sole = true;
}

static void RFC_4301_5_1_what_is_kept_is_what_the_policy_says(void)
{
    start();
    sent = protected = dropped = 0;
    for (unsigned runs = 0; runs < 2; runs++) {
        uint64_t saved[2] = {0};
        for (unsigned i = 0; i < SEEDS; i++)
            same(0xdec1ded + 77 * i, runs, false, i % 2 ? 12 : 100000, i % 4 < 2 ? DP_DECISIONS - 1 : 3,
                 saved);
        CU_ASSERT_TRUE(saved[0] > 10000 && saved[1] > 10000);
    }
    CU_ASSERT_TRUE(sent > 50000 && protected > 20000 && dropped > 20000);
}

static void the_next_burst_goes_by_what_tables_say_then(void)
{
    uint64_t saved[2] = {0};
    start();
    sent = protected = dropped = 0;
    for (unsigned i = 0; i < 4 * SEEDS; i++)
        same(0xc4a46e + 91 * i, i % 4 == 3, true, i % 2 ? 12 : 60, i % 3 ? DP_DECISIONS - 1 : 3, saved);
    CU_ASSERT_TRUE(saved[0] > 10000 && saved[1] > 10000);
    CU_ASSERT_TRUE(sent > 50000 && protected > 20000 && dropped > 20000);
}

/* By a port with a policy that says nothing of the packets here. */
static void policy_set_elsewhere(void)
{
    static const char *const elsewhere = "203.0.113.0/24";
    struct cv_cmd c = {.type = CV_CMD_POLICY_BEGIN}, r = {.type = CV_CMD_POLICY_ADD},
                  e = {.type = CV_CMD_POLICY_COMMIT};
    policy_set(OUTSIDE, 0);
    c.u.if_id = e.u.if_id = OUTSIDE;
    r.u.policy = (struct cv_policy){.if_id = OUTSIDE, .order = 1, .action = CV_POLICY_DISCARD};
    r.u.policy.local = r.u.policy.remote = side(elsewhere, IPPROTO_UDP, false);
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c) | mgr_cmd(&r) | mgr_cmd(&e), CV_OK);
}

/* How many SYNs left by the port, each with its family's MSS. */
static unsigned clamped(void)
{
    struct rte_mbuf *m;
    unsigned n = 0;
    for (; rte_ring_dequeue(tx[0], (void **)&m) == 0; n++) {
        const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETHER);
        const bool v6 = ip[0] >> 4 == 6;
        CU_ASSERT_EQUAL(ip_get16(ip + (v6 ? V6 : 20) + MSS_AT), v6 ? CHANGE_MSS6 : CHANGE_MSS);
        rte_pktmbuf_free(m);
    }
    return n;
}

/* By the whole way, by a flow's, by a decision that is kept. */
static void each_family_has_its_MSS_by_every_way(void)
{
    struct kind k = {
        .proto = IPPROTO_TCP, .src = 77, .dst = 5, .net = 1, .sport = 1, .dport = 1, .syn = true};
    start();
    seed = 1;
    for (unsigned keeps = 0; keeps < 2; keeps++) {
        site_make();
        policy_set_elsewhere();
        CU_ASSERT_EQUAL_FATAL(change_if(OUTSIDE, change_mss, true), CV_OK);
        worker_fresh(keeps, false);
        asked[0] = 0;
        for (unsigned burst = 0; burst < 3; burst++) {
            for (unsigned i = 0; i < BURST; i++) {
                k.v6 = burst == 0 ? i % 2 : i > BURST / 2;
                k.len = k.v6 ? 80 : 60;
                frame_put(&k, false, i, false);
            }
            (void)dp_worker_turn(worker);
            CU_ASSERT_EQUAL(clamped(), BURST);
        }
        CU_ASSERT_EQUAL(asked[0] < BURST, keeps);
        const struct ip_if *flow = ip_if_get(&mgr_dp.ifs, FLOW); /* a crypto map's: what its port says */
        CU_ASSERT_EQUAL(dp_flow_mss(worker, flow, IP_V4), CHANGE_MSS);
        CU_ASSERT_EQUAL(dp_flow_mss(worker, flow, IP_V6), CHANGE_MSS6);
    }
}

/* Many flows, each of which comes once, must not cost what looking for each does. */
static void where_all_are_new_the_table_is_left_alone_for_a_while(void)
{
    struct kind k = {.proto = IPPROTO_UDP, .src = 77, .dst = 5, .net = 1, .sport = 1, .dport = 1, .len = 100};
    unsigned looked = 0, bursts = 10 * DP_DECIDED_PAUSE;
    struct outcome o = {0};
    start();
    seed = 1;
    site_make();
    policy_set_elsewhere();
    worker_fresh(true, false);
    for (unsigned i = 0; i < bursts; i++) {
        for (unsigned p = 0; p < BURST; p++, k.sport++)
            frame_put(&k, false, p, false);
        looked += worker->decided_pause == 0;
        (void)dp_worker_turn(worker);
        outcome_add(&o, true);
    }
    CU_ASSERT_TRUE(looked >= DP_DECIDED_VAIN + 8 && looked < DP_DECIDED_VAIN + 12);
    CU_ASSERT_EQUAL(o.frames[0], bursts * BURST);
    /* One flow: at the latest after one more pause nobody is asked about it. */
    for (unsigned i = 0; i < DP_DECIDED_PAUSE + 2; i++) {
        asked[0] = 0;
        for (unsigned p = 0; p < BURST; p++)
            frame_put(&k, false, p, false);
        (void)dp_worker_turn(worker);
        outcome_add(&o, true);
    }
    CU_ASSERT_EQUAL(asked[0], 0);
    CU_ASSERT_EQUAL(o.frames[0], (bursts + DP_DECIDED_PAUSE + 2) * BURST);
}

static void everything_ends(void)
{
    dp_worker_free(worker);
    esp_worker_fini(&far);
    for (unsigned p = 0; p < RING_PORTS; p++)
        rte_eth_dev_stop(mgr_dp.ports[p].id);
    mgr_stop();
}

PKT_MAIN("dp_decided", UNIT_TEST(RFC_4301_5_1_what_is_kept_is_what_the_policy_says),
         UNIT_TEST(the_next_burst_goes_by_what_tables_say_then),
         UNIT_TEST(each_family_has_its_MSS_by_every_way),
         UNIT_TEST(where_all_are_new_the_table_is_left_alone_for_a_while), UNIT_TEST(everything_ends))
