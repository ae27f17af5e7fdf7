/* run_taken: for test_run.c and test_run6.c: bursts that are given to dp_run_take and dp_group_take by themselves, and what must hold of forms of either family. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_TAKEN_H
#define TESTS_UNIT_DATAPLANE_RUN_TAKEN_H

#include "dataplane/dp_flow.h"
#include "dataplane/dp_group.h"
#include "dataplane/dp_run.h"
#include "tests/unit/dataplane/run_pass.h"

static bool from_outside; /* packets in clear come in there */

static void (*odd_make)(struct frame *f); /* of the packet that is not like the others */

static inline void another_TTL(struct frame *f)
{
    uint8_t *ip = f->b + ETHER;
    if (ip[0] >> 4 == 6) {
        ip[7] = 33;
        return;
    }
    ip[8] = 33;
    checksum(ip);
}

/* How many of a burst of n alike packets are taken as a run. */
static inline unsigned taken(bool in, unsigned n, unsigned odd)
{
    struct rte_mbuf *m[BURST];
    uint64_t bytes = 0;
    struct flow flow = {.src = {192, 168, 1, 77},
                        .dst = {10, 20, 1, 1},
                        .proto = 17,
                        .ttl = 64,
                        .len = longest > LONGEST ? JUMBO : 100,
                        .v6 = site_form->inner6};
    if (in) {
        memcpy(flow.dst, flow.src, sizeof flow.dst);
        memcpy(flow.src, (const uint8_t[]){10, 20, 1, 1}, sizeof flow.src);
    }
    for (unsigned i = 0; i < n; i++) {
        (in ? esp_make : clear_make)(&burst[i], &flow, i, false);
        if (i == odd)
            odd_make(&burst[i]);
        m[i] = pkt_of(burst[i].b, burst[i].len);
        m[i]->port = 0;
    }
    const struct ip_if *port = ip_if_get(&mgr_dp.ifs, in || from_outside ? OUTSIDE : INSIDE);
    const struct ip_arrival a = ip_arrival_of(port->mac, port->id, port->vrf);
    worker->changes = dp_rcu_changes();
    const unsigned k = dp_run_take(worker, port, &a, m, n, &bytes);
    uint64_t want = 0;
    for (unsigned i = 0; i < k; i++)
        want += burst[i].len;
    CU_ASSERT_EQUAL(bytes, want);
    for (unsigned i = k; i < n; i++)
        rte_pktmbuf_free(m[i]);
    dp_flow_end(worker);
    dp_transmit(worker);
    outcome_add(&with);
    return k;
}

/* A whole burst goes behind the leader of an earlier one: nobody looks at addresses of this host then. */
static inline bool follows(bool in)
{
    worker->source.valid = worker->hop.valid = false;
    worker->run_pause = 0;
    return taken(in, BURST, BURST) == BURST && !worker->source.valid;
}

/* A burst of two flows by turns goes in groups, all of it: nobody looks at addresses of this host then. */
static inline bool grouped(bool in)
{
    struct rte_mbuf *m[BURST];
    uint64_t bytes = 0, want = 0;
    for (unsigned i = 0; i < BURST; i++) {
        struct flow flow = {
            .src = {192, 168, 1, 77}, .dst = {10, 20, 1, 1}, .proto = 17, .ttl = 64, .len = 100};
        if (in)
            flow = (struct flow){
                .src = {10, 20, 1, 1}, .dst = {192, 168, 1, 77}, .proto = 6, .ttl = 64, .len = 99};
        flow.v6 = site_form->inner6;
        *(in ? &flow.src[3] : &flow.dst[3]) += i % 2;
        if (in)
            far_make(i % 2, &burst[i], &flow, i, false);
        else
            clear_make(&burst[i], &flow, i, false);
        m[i] = pkt_of(burst[i].b, burst[i].len);
        m[i]->port = 0;
        want += burst[i].len;
    }
    const struct ip_if *port = ip_if_get(&mgr_dp.ifs, in || from_outside ? OUTSIDE : INSIDE);
    const struct ip_arrival a = ip_arrival_of(port->mac, port->id, port->vrf);
    worker->source.valid = worker->hop.valid = false;
    worker->changes = dp_rcu_changes();
    CU_ASSERT_EQUAL(dp_group_take(worker, port, &a, m, BURST, &bytes), BURST);
    CU_ASSERT_EQUAL(bytes, want);
    const bool all = !worker->source.valid && worker->txq[0].count + worker->txq[1].count == BURST;
    dp_worker_decapsulate(worker);
    dp_encapsulate(worker);
    dp_flow_end(worker);
    dp_transmit(worker);
    outcome_add(&with);
    return all;
}

static inline void run_is_taken_as_far_as_packets_are_alike(const struct form *f)
{
    memset(&with, 0, sizeof with);
    site_make(f);
    worker_fresh(RUNS);
    far_start(f, IN_SLOT);
    odd_make = another_TTL;
    for (unsigned in = 0; in < 2; in++) {
        CU_ASSERT_EQUAL(taken(in, BURST, BURST), BURST);
        CU_ASSERT_EQUAL(taken(in, BURST, 60), 60);
        CU_ASSERT_EQUAL(taken(in, DP_RUN_MIN, BURST), DP_RUN_MIN);
        CU_ASSERT_EQUAL(taken(in, DP_RUN_MIN - 1, BURST), 0);
        CU_ASSERT_EQUAL(taken(in, BURST, 2), 2); /* they follow the leader of before */
    }
    far_end();
}

static inline void what_a_leader_of_found_is_good_until_a_table_changes(const struct form *f)
{
    const struct cv_sa out = sa_of(f, CV_DIR_OUT, OUT_SLOT, TUNNEL),
                       back = sa_of(f, CV_DIR_IN, IN_SLOT, TUNNEL);
    for (unsigned what = 0; what < CHANGES; what++) {
        memset(&with, 0, sizeof with);
        site_make(f);
        worker_fresh(RUNS);
        far_start(f, IN_SLOT);
        for (unsigned in = 0; in < 2; in++) {
            CU_ASSERT_FALSE(follows(in));
            CU_ASSERT_TRUE(follows(in));
        }
        CU_ASSERT_TRUE(follows(false));
        CU_ASSERT_EQUAL(change_do(what, true, &out, &back), CV_OK);
        if (follows(false) != (what == CHANGE_END_IN || what == CHANGE_OWNER) ||
            follows(true) != (what == CHANGE_END_OUT)) {
            CU_FAIL("a leader of before the change was followed, or one that was as good as before was not");
            fprintf(stderr, "change %u\n", what);
        }
        far_end();
    }
}

static inline void ways_of_are_good_until_a_table_changes(const struct form *f)
{
    const struct cv_sa out = sa_of(f, CV_DIR_OUT, OUT_SLOT, TUNNEL),
                       back = sa_of(f, CV_DIR_IN, IN_SLOT, TUNNEL),
                       other = sa_of(f, CV_DIR_IN, OTHER_SLOT, OTHER);
    for (unsigned what = 0; what < CHANGES; what++) {
        memset(&with, 0, sizeof with);
        mixed = true;
        site_make(f);
        mixed = false;
        worker_fresh(GROUPS);
        far_send(0, &back);
        far_send(1, &other);
        for (unsigned in = 0; in < 2; in++) {
            CU_ASSERT_FALSE(grouped(in));
            CU_ASSERT_TRUE(grouped(in));
        }
        CU_ASSERT_TRUE(grouped(false));
        from_outside = true; /* by another port: it has a way of its own */
        CU_ASSERT_FALSE(grouped(false));
        from_outside = false;
        CU_ASSERT_FALSE(grouped(false));
        CU_ASSERT_TRUE(grouped(false));
        CU_ASSERT_EQUAL(change_do(what, true, &out, &back), CV_OK);
        CU_ASSERT_EQUAL(grouped(false), what == CHANGE_END_IN || what == CHANGE_OWNER);
        CU_ASSERT_EQUAL(grouped(true), what == CHANGE_END_OUT);
        far_end();
    }
}

#endif
