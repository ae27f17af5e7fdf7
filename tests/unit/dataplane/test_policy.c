/* The policy of a port as a transaction, and which of many SAs of one flow takes a packet. */
#include "dataplane/dp_pick.h"
#include "dataplane/esp/esp_ts.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "tests/unit/dataplane/manager.h"

enum { PORT = 1, FLOW = 20, OTHER_FLOW = 21 };

static cv_result flow_set(uint32_t id, uint32_t port)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    *i = (struct cv_if){.if_id = id, .kind = CV_IF_FLOW, .up = 1, .flow_port = port};
    snprintf(i->name, sizeof i->name, "M#10.%u", id);
    return mgr_cmd(&c);
}

static cv_result begin(uint32_t port)
{
    struct cv_cmd c = {.type = CV_CMD_POLICY_BEGIN};
    c.u.if_id = port;
    return mgr_cmd(&c);
}

static cv_result commit(uint32_t port)
{
    struct cv_cmd c = {.type = CV_CMD_POLICY_COMMIT};
    c.u.if_id = port;
    return mgr_cmd(&c);
}

static cv_result row(uint32_t order, uint8_t action, uint32_t flow, const char *remote)
{
    struct cv_cmd c = {.type = CV_CMD_POLICY_ADD};
    struct ip_prefix p;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(remote, &p));
    c.u.policy = (struct cv_policy){.if_id = PORT, .order = order, .action = action, .flow_if = flow};
    c.u.policy.local = ts_any(p.addr.family);
    c.u.policy.remote = ts_from_prefix(&p, 0, 0, 65535);
    return mgr_cmd(&c);
}

static struct rte_mbuf *packet_to(const uint8_t src[4], const uint8_t dst[4])
{
    uint8_t b[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, IP_PROTO_UDP, [24] = 0, 8};
    memcpy(b + 12, src, 4);
    memcpy(b + 16, dst, 4);
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    struct rte_mbuf *m = pkt_of(b, sizeof b);
    CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_IP);
    return m;
}

/* The flow that takes a packet to 10.B.0.1; 0: in clear. */
static uint32_t flow_to(uint8_t b)
{
    const struct ip_policy *p = dp_policy_get(&mgr_dp, PORT);
    const uint8_t src[4] = {192, 168, 1, 2}, dst[4] = {10, b, 0, 1};
    struct ip_policy_key key;
    struct rte_mbuf *m = packet_to(src, dst);
    ip_policy_key_of(m, false, &key);
    rte_pktmbuf_free(m);
    const struct ip_policy_row *r = p ? ip_policy_match(p, IP_V4, &key) : NULL;
    return r ? r->flow_if : 0;
}

static void policy_fresh(void)
{
    mgr_fresh();
    CU_ASSERT_EQUAL(flow_set(FLOW, PORT) | flow_set(OTHER_FLOW, PORT), CV_OK);
}

static void rows_are_in_force_only_after_their_commit_by_their_order(void)
{
    policy_fresh();
    CU_ASSERT_EQUAL(begin(PORT), CV_OK);
    CU_ASSERT_EQUAL(row(20, CV_POLICY_PROTECT, OTHER_FLOW, "10.0.0.0/8"), CV_OK);
    CU_ASSERT_EQUAL(row(10, CV_POLICY_PROTECT, FLOW, "10.2.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(row(5, CV_POLICY_BYPASS, 0, "10.3.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(row(5, CV_POLICY_PROTECT, FLOW, "10.3.0.0/16"), CV_OK); /* the first of two */
    CU_ASSERT_PTR_NULL(dp_policy_get(&mgr_dp, PORT));
    CU_ASSERT_EQUAL(commit(PORT), CV_OK);
    CU_ASSERT_TRUE(flow_to(2) == FLOW && flow_to(3) == 0 && flow_to(4) == OTHER_FLOW);
    CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT); /* it ended */
    CU_ASSERT_EQUAL(begin(PORT) | commit(PORT), CV_OK);
    CU_ASSERT_PTR_NULL(dp_policy_get(&mgr_dp, PORT)); /* without rows: no policy */
}

static void an_error_leaves_the_old_policy_in_force(void)
{
    policy_fresh();
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.2.0.0/16") | commit(PORT), CV_OK);
    /* A row that was refused: the others alone are not what was meant. */
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(row(2, CV_POLICY_PROTECT, 0, "10.5.0.0/16"), CV_EINVAL);
    CU_ASSERT_EQUAL(commit(PORT), CV_EINVAL);
    CU_ASSERT_TRUE(flow_to(2) == FLOW && flow_to(4) == 0);
    /* A flow that is none, of another port, or away. */
    CU_ASSERT_EQUAL(flow_set(22, 2), CV_OK);
    for (uint32_t flow = 22; flow < 25; flow++) {
        CU_ASSERT_EQUAL(mgr_if(24, CV_IF_TUNNEL, 0, NULL), CV_OK);
        CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, flow, "10.4.0.0/16"), CV_OK);
        CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT);
    }
    CU_ASSERT_TRUE(flow_to(2) == FLOW && flow_to(4) == 0);
    /* Half a transaction whose culvertd died. */
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16"), CV_OK);
    dp_policy_abandon(&mgr->policies);
    CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT);
    CU_ASSERT_EQUAL(row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16"), CV_ENOENT);
    CU_ASSERT_TRUE(flow_to(2) == FLOW && flow_to(4) == 0);
    /* Begun anew: nothing of the first attempt is left. */
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16") | begin(PORT) |
                        row(1, CV_POLICY_PROTECT, FLOW, "10.6.0.0/16") | commit(PORT),
                    CV_OK);
    CU_ASSERT_TRUE(flow_to(2) == 0 && flow_to(4) == 0 && flow_to(6) == FLOW);
}

/* What is to be protected must not go in clear because its policy was refused. */
static void a_port_whose_first_policy_is_refused_lets_nothing_pass_until_one_is_taken(void)
{
    policy_fresh();
    CU_ASSERT_PTR_NULL(dp_policy_get(&mgr_dp, PORT));
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(row(2, CV_POLICY_PROTECT, 0, "10.5.0.0/16"), CV_EINVAL);
    CU_ASSERT_EQUAL(commit(PORT), CV_EINVAL);
    CU_ASSERT_PTR_EQUAL_FATAL(dp_policy_get(&mgr_dp, PORT), ip_policy_closed());
    CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT); /* it ended; nothing changes */
    CU_ASSERT_PTR_EQUAL(dp_policy_get(&mgr_dp, PORT), ip_policy_closed());
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16") | commit(PORT), CV_OK);
    CU_ASSERT_TRUE(flow_to(4) == FLOW && dp_policy_get(&mgr_dp, PORT) != ip_policy_closed());
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, 99, "10.4.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT);
    CU_ASSERT_EQUAL(flow_to(4), FLOW);
    /* Taken away, or the port itself. */
    CU_ASSERT_EQUAL(begin(PORT) | commit(PORT), CV_OK);
    CU_ASSERT_PTR_NULL(dp_policy_get(&mgr_dp, PORT));
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, 99, "10.4.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT);
    CU_ASSERT_EQUAL(mgr_if_del(PORT) | mgr_if(PORT, CV_IF_PORT, 0, "E0"), CV_OK);
    CU_ASSERT_PTR_NULL(dp_policy_get(&mgr_dp, PORT));
}

static bool six_is_dropped(void)
{
    const struct ip_policy_key key = {.state = RTE_BE32(IP_PORTS_NONE)};
    const struct ip_policy *p = dp_policy_get(&mgr_dp, PORT);
    const struct ip_policy_row *r = p ? ip_policy_match(p, IP_V6, &key) : NULL;
    return r && r->action == CV_POLICY_DISCARD;
}

/* ... nor because a policy of the other family is in force, which stays. */
static void a_refused_policy_of_another_family_closes_that_family_until_one_is_taken(void)
{
    policy_fresh();
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16") | commit(PORT), CV_OK);
    CU_ASSERT_FALSE(six_is_dropped());
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(row(2, CV_POLICY_BYPASS, 0, "2001:db8:1::/48"), CV_OK);
    CU_ASSERT_EQUAL(row(3, CV_POLICY_PROTECT, 99, "10.5.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT);
    CU_ASSERT_TRUE(flow_to(4) == FLOW && !six_is_dropped()); /* nothing of IPv6 was to be protected */
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16"), CV_OK);
    CU_ASSERT_EQUAL(row(2, CV_POLICY_PROTECT, 99, "2001:db8:2::/48"), CV_OK);
    const uint64_t changes = dp_rcu_changes();
    CU_ASSERT_EQUAL(commit(PORT), CV_ENOENT);
    CU_ASSERT_TRUE(flow_to(4) == FLOW && six_is_dropped());
    CU_ASSERT_TRUE(dp_rcu_changes() > changes); /* what workers keep of flows is asked again */
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.4.0.0/16") | commit(PORT), CV_OK);
    CU_ASSERT_TRUE(flow_to(4) == FLOW && !six_is_dropped());
}

static void a_policy_is_a_ports_and_goes_with_it(void)
{
    policy_fresh();
    CU_ASSERT_EQUAL(begin(FLOW), CV_EINVAL);
    CU_ASSERT_EQUAL(begin(99), CV_ENOENT);
    CU_ASSERT_EQUAL(begin(0), CV_ENOENT);
    CU_ASSERT_EQUAL(begin(CV_MAX_IFS), CV_ENOENT);
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.2.0.0/16") | commit(PORT), CV_OK);
    CU_ASSERT_EQUAL(mgr_if(PORT, CV_IF_PORT, 0, "E0"), CV_OK); /* the same again: it keeps it */
    CU_ASSERT_EQUAL(flow_to(2), FLOW);
    CU_ASSERT_EQUAL(mgr_if_del(FLOW), CV_OK); /* its row stays, and protects nothing away */
    CU_ASSERT_EQUAL(flow_to(2), FLOW);
    CU_ASSERT_EQUAL(mgr_if_del(PORT) | mgr_if(PORT, CV_IF_PORT, 0, "E0"), CV_OK);
    CU_ASSERT_PTR_NULL(dp_policy_get(&mgr_dp, PORT));
    CU_ASSERT_EQUAL(flow_set(FLOW, PORT), CV_OK);
    CU_ASSERT_EQUAL(begin(PORT) | row(1, CV_POLICY_PROTECT, FLOW, "10.2.0.0/16") | commit(PORT), CV_OK);
    mgr_fresh(); /* FLUSH */
    CU_ASSERT_PTR_NULL(dp_policy_get(&mgr_dp, PORT));
}

static void flow_interfaces_take_SAs_and_nothing_that_makes_no_sense(void)
{
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, 1, FLOW), in = mgr_sa(CV_DIR_IN, 2, FLOW);
    policy_fresh();
    CU_ASSERT_EQUAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa) | mgr_sa_add(&in), CV_OK);
    CU_ASSERT_PTR_NOT_NULL(dp_tunnel_get(&mgr_dp.sad, FLOW));
    CU_ASSERT_EQUAL(mgr_if_del(FLOW), CV_OK);
    CU_ASSERT_EQUAL(mgr_dp.sad.count, 0);
    CU_ASSERT_EQUAL(flow_set(30, 0), CV_EINVAL);
    CU_ASSERT_EQUAL(flow_set(30, 30), CV_EINVAL);
    CU_ASSERT_EQUAL(flow_set(30, CV_MAX_IFS), CV_EINVAL);
}

/* ---- many SAs ------------------------------------------------------------------------------------------------------ */
static uint64_t seed = 0x5eed;
static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

static unsigned one_len;

static struct ts random_side(bool remote)
{
    static const uint8_t lens[] = {0, 8, 16, 24, 24, 30, 32, 32}; /* one round in three has one length */
    const uint8_t a[4] = {10, (uint8_t)rnd(3), (uint8_t)rnd(4), (uint8_t)rnd(8)};
    struct ip_addr addr = ip_addr_v4(a);
    struct ip_prefix p;
    CU_ASSERT_TRUE_FATAL(ip_prefix_make(&addr,
                                        !remote   ? 8u * rnd(3)
                                        : one_len ? one_len
                                                  : lens[rnd(sizeof lens)],
                                        &p));
    struct ts t = ts_from_prefix(&p, rnd(4) ? 0 : IP_PROTO_UDP, 0, 65535);
    if (!one_len && rnd(8) == 0 && t.hi[3] < 250)
        t.hi[3] = (uint8_t)(t.hi[3] + 2); /* no prefix */
    return t;
}

/* RFC 4301 7: of a later fragment nobody knows the ports: an SA that names some could have taken the first one. */
static void a_later_fragment_may_belong_to_an_SA_that_names_ports(void)
{
    struct ip_prefix net;
    const uint8_t src[4] = {192, 168, 1, 2}, dst[4] = {10, 2, 0, 1}, other[4] = {10, 3, 0, 1};
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse("10.2.0.0/16", &net));
    for (unsigned n = 1; n <= DP_PICK_FROM;
         n += DP_PICK_FROM - 1) { /* looked at in turn, and found by hash */
        policy_fresh();
        for (unsigned i = 0; i < n; i++) {
            struct cv_sa sa = mgr_sa(CV_DIR_OUT, 1 + i, FLOW);
            sa.ts_remote[0] = ts_from_prefix(&net, IP_PROTO_UDP, (uint16_t)(53 + i), (uint16_t)(53 + i));
            CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
        }
        const struct dp_tunnel *t = dp_tunnel_get(&mgr_dp.sad, FLOW);
        for (unsigned later = 0; later < 2; later++) {
            struct rte_mbuf *m = packet_to(src, dst), *o = packet_to(src, other);
            rte_pktmbuf_mtod(m, uint8_t *)[7] = rte_pktmbuf_mtod(o, uint8_t *)[7] = later ? 4 : 0;
            CU_ASSERT_PTR_NULL(dp_pick(t, m, IP_V4));
            CU_ASSERT_EQUAL(dp_pick_perhaps(t, m, IP_V4, CV_DIR_OUT) != NULL, later);
            CU_ASSERT_PTR_NULL(dp_pick_perhaps(t, m, IP_V4, CV_DIR_IN)); /* not its way */
            CU_ASSERT_PTR_NULL(dp_pick_perhaps(t, o, IP_V4, CV_DIR_OUT));
            rte_pktmbuf_free(m);
            rte_pktmbuf_free(o);
        }
    }
}

/* Slots of the active SAs, the newest last. */
static uint32_t active[4096], active_count;

static void active_remove(uint32_t slot)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < active_count; i++)
        if (active[i] != slot)
            active[n++] = active[i];
    active_count = n;
}

static void active_add(const struct cv_sa *sa)
{
    CU_ASSERT_EQUAL_FATAL(mgr_sa_activate(sa), CV_OK);
    active_remove(sa->ref.sa_id);
    active[active_count++] = sa->ref.sa_id;
}

/* Newest first, one after the other. */
static const struct esp_out_sa *literal(const struct rte_mbuf *m, enum cv_dir dir)
{
    for (uint32_t i = active_count; i-- > 0;) {
        const struct esp_out_sa *sa = mgr_dp.sad.out[active[i]].sa;
        if (esp_ts_match(esp_out_sa_conf(sa), rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, dir))
            return sa;
    }
    return NULL;
}

static const struct esp_out_sa *sa_of(const struct dp_tunnel_sa *s)
{
    return s ? s->sa : NULL;
}

static unsigned compare(const struct dp_tunnel *t, unsigned packets, unsigned *found)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < packets; i++) {
        const uint8_t a[4] = {10, (uint8_t)rnd(4), (uint8_t)rnd(5), (uint8_t)rnd(10)},
                      b[4] = {10, (uint8_t)rnd(4), (uint8_t)rnd(5), (uint8_t)rnd(10)};
        struct rte_mbuf *m = packet_to(a, b);
        const struct esp_out_sa *want = literal(m, CV_DIR_OUT);
        wrong += sa_of(dp_pick(t, m, IP_V4)) != want;
        wrong += sa_of(dp_pick_at(t, dp_pick_chain(t, IP_V4, b), m, IP_V4)) != want;
        wrong += sa_of(dp_pick_slow(t, m, IP_V4, CV_DIR_IN)) != literal(m, CV_DIR_IN);
        *found += want != NULL;
        rte_pktmbuf_free(m);
    }
    return wrong;
}

static void of_many_SAs_the_newest_that_holds_the_packet_is_found(void)
{
    unsigned found = 0, wrong = 0, packets = 0;
    for (unsigned round = 0; round < 30; round++) {
        policy_fresh();
        active_count = 0;
        unsigned n = 1 + rnd(60);
        one_len = round % 3 == 0 ? 24 + 6 * (round % 2) : 0;
        for (unsigned i = 0; i < n; i++) {
            struct cv_sa sa = mgr_sa(CV_DIR_OUT, 1 + i, FLOW);
            sa.ts_count = (uint8_t)(1 + rnd(3));
            for (unsigned k = 0; k < sa.ts_count; k++) {
                sa.ts_local[k] = random_side(false);
                sa.ts_remote[k] = random_side(true);
            }
            CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa), CV_OK);
            active_add(&sa);
        }
        const struct dp_tunnel *t = dp_tunnel_get(&mgr_dp.sad, FLOW);
        CU_ASSERT_EQUAL_FATAL(t->count, n);
        CU_ASSERT_EQUAL(t->pick != NULL, n >= DP_PICK_FROM);
        wrong += compare(t, 500, &found);
        packets += 500;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(found > packets / 10 && found < packets);
    one_len = 0;
}

static void random_selectors(struct cv_sa *sa)
{
    sa->ts_count = (uint8_t)(1 + rnd(3));
    for (unsigned k = 0; k < sa->ts_count; k++) {
        sa->ts_local[k] = random_side(false);
        sa->ts_remote[k] = random_side(true);
    }
}

static void storm_step(uint32_t slot)
{
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, slot, FLOW);
    struct cv_cmd c = {.type = CV_CMD_SA_DEL};
    if (mgr_dp.sad.out[slot].sa && rnd(3) == 0) {
        c.u.sa_ref = sa.ref;
        CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
        active_remove(slot);
        return;
    }
    random_selectors(&sa);
    if (!mgr_dp.sad.out[slot].sa)
        CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa), CV_OK);
    if (rnd(4)) /* some again: to the front */
        active_add(&sa);
}

static bool names_upper(const struct esp_conf *conf)
{
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (conf->ts[i].local.proto || conf->ts[i].remote.proto)
            return true;
    return false;
}

/* SAs come, come to the front, and go, from none to many and back. */
static void the_newest_is_found_whatever_came_and_went_before(void)
{
    unsigned found = 0, wrong = 0, emptied = 0, many = 0;
    policy_fresh();
    active_count = 0;
    for (unsigned step = 0; step < 12000; step++) {
        storm_step(1 + rnd(step / 3000 % 2 ? 4 : 60)); /* now the few, now the many */
        const struct dp_tunnel *t = dp_tunnel_get(&mgr_dp.sad, FLOW);
        emptied += !t;
        CU_ASSERT_EQUAL_FATAL(t ? t->count : 0, active_count);
        if (!t)
            continue;
        bool upper = false;
        for (uint32_t i = 0; i < active_count; i++)
            upper |= names_upper(esp_out_sa_conf(mgr_dp.sad.out[active[i]].sa));
        wrong += dp_tunnel_by_address(t) == upper;
        many += t->pick != NULL;
        wrong += compare(t, 5, &found);
        if (step % 4000 == 3999) {
            CU_ASSERT_EQUAL_FATAL(mgr_if_del(FLOW) | flow_set(FLOW, PORT), CV_OK);
            active_count = 0;
            CU_ASSERT_PTR_NULL(dp_tunnel_get(&mgr_dp.sad, FLOW));
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(found > 1000 && many > 1000 && emptied > 0);
}

static void thousand_peers_sa(unsigned i, struct cv_sa *sa)
{
    const uint8_t net[4] = {10, (uint8_t)(64 + i / 256), (uint8_t)i, 0};
    struct ip_addr a = ip_addr_v4(net);
    struct ip_prefix p;
    CU_ASSERT_TRUE_FATAL(ip_prefix_make(&a, 24, &p));
    *sa = mgr_sa(CV_DIR_OUT, 1 + i, FLOW);
    sa->ts_remote[0] = ts_from_prefix(&p, 0, 0, 65535);
}

static uint64_t cycles_of(const struct dp_tunnel *t, bool by_hand, unsigned *missed)
{
    enum { LOOKS = 20000 };
    uint64_t spent = 0;
    for (unsigned i = 0; i < LOOKS; i++) {
        const unsigned n = rnd(1000);
        const uint8_t src[4] = {192, 168, 1, 2}, dst[4] = {10, (uint8_t)(64 + n / 256), (uint8_t)n, 9};
        struct rte_mbuf *m = packet_to(src, dst);
        uint64_t from = rte_rdtsc();
        const struct esp_out_sa *s = by_hand ? literal(m, CV_DIR_OUT) : sa_of(dp_pick(t, m, IP_V4));
        spent += rte_rdtsc() - from;
        *missed += !s || s != mgr_dp.sad.out[1 + n].sa;
        rte_pktmbuf_free(m);
    }
    return spent / LOOKS;
}

/* Prints what it costs; holds only that it is not as dear as looking at each. */
static void of_a_thousand_peers_none_is_looked_for_one_by_one(void)
{
    unsigned missed = 0;
    policy_fresh();
    active_count = 0;
    uint64_t from = rte_rdtsc();
    for (unsigned i = 0; i < 1000; i++) {
        struct cv_sa sa;
        thousand_peers_sa(i, &sa);
        CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa), CV_OK);
        active_add(&sa);
    }
    double ms = (double)(rte_rdtsc() - from) * 1e3 / (double)rte_get_tsc_hz();
    const struct dp_tunnel *t = dp_tunnel_get(&mgr_dp.sad, FLOW);
    CU_ASSERT_EQUAL_FATAL(t->count, 1000);
    uint64_t quick = cycles_of(t, false, &missed), slow = cycles_of(t, true, &missed);
    printf("1,000 SAs: %llu cycles, one by one %llu; installed in %.0f ms ", (unsigned long long)quick,
           (unsigned long long)slow, ms);
    CU_ASSERT_EQUAL(missed, 0);
    CU_ASSERT_TRUE(quick * 4 < slow);
}

static void everything_ends(void)
{
    mgr_stop();
}

PKT_MAIN("dp_policy", UNIT_TEST(rows_are_in_force_only_after_their_commit_by_their_order),
         UNIT_TEST(a_refused_policy_of_another_family_closes_that_family_until_one_is_taken),
         UNIT_TEST(an_error_leaves_the_old_policy_in_force),
         UNIT_TEST(a_port_whose_first_policy_is_refused_lets_nothing_pass_until_one_is_taken),
         UNIT_TEST(a_policy_is_a_ports_and_goes_with_it),
         UNIT_TEST(flow_interfaces_take_SAs_and_nothing_that_makes_no_sense),
         UNIT_TEST(a_later_fragment_may_belong_to_an_SA_that_names_ports),
         UNIT_TEST(of_many_SAs_the_newest_that_holds_the_packet_is_found),
         UNIT_TEST(the_newest_is_found_whatever_came_and_went_before),
         UNIT_TEST(of_a_thousand_peers_none_is_looked_for_one_by_one), UNIT_TEST(everything_ends))
