/* manager: a data plane without ports, workers or culvertd's process, for tests of the manager: what it is told by
 * commands, what it is given by workers, and what it hands them. */
#ifndef TESTS_UNIT_DATAPLANE_MANAGER_H
#define TESTS_UNIT_DATAPLANE_MANAGER_H

#include "dataplane/dp_cmd.h"
#include "dataplane/dp_manager.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_slow.h"
#include "tests/unit/engine/fix_engine.h"
#include "tests/unit/ip/pkt.h"

#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>

enum { MGR_BITS = 11 };

static struct dp mgr_dp;
static struct dp_manager *mgr;
static uint32_t mgr_seq;

static inline void mgr_start(void)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    if (mgr)
        return;
    mgr_dp.workers = 1;
    CU_ASSERT_EQUAL_FATAL(shm_create(1, MGR_BITS, &mgr_dp.shm), CV_OK);
    shm_set_clock(&mgr_dp.shm, rte_get_tsc_hz());
    CU_ASSERT_EQUAL_FATAL(dp_rcu_init(1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(io_rings_new(&mgr_dp.rings, 1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_init(&mgr_dp.sad, &mgr_dp.shm, fix_engine()), CV_OK);
    CU_ASSERT_EQUAL_FATAL(ip_pmtu_init(&mgr_dp.pmtus, mgr_dp.shm.at.path_mtus), CV_OK);
    mgr_dp.pool = mgr_dp.big_pool = mgr_dp.jumbo_pool = pkt_pool;
    mgr_dp.port_count = 2;
    for (unsigned i = 0; i < mgr_dp.port_count; i++) {
        struct io_port *p = &mgr_dp.ports[i];
        snprintf(p->name, sizeof p->name, "E%u", i);
        p->index = (uint16_t)i;
        p->mtu = 1500;
        memcpy(p->mac, mac, 6);
    }
    CU_ASSERT_EQUAL_FATAL(dp_manager_new(&mgr_dp, &mgr), CV_OK);
    mgr->greeted = true;
    mgr_dp.connected = 1;
    mgr->now = rte_rdtsc();
    mgr->now_ms = 1000000;
}

/* The result in the reply to c. */
static inline cv_result mgr_cmd(struct cv_cmd *c)
{
    struct cv_evt e;
    cv_result r = CV_EIO;
    c->seq = ++mgr_seq;
    mgr->cmd = *c;
    dp_cmd_run(mgr);
    while (dp_rcu_poll() > 0)
        ;
    while (ring_evt_get(&mgr_dp.shm, &e))
        if (e.type == CV_EVT_REPLY && e.seq == mgr_seq)
            r = e.u.reply.result;
    return r;
}

static inline struct ip_addr mgr_addr(const char *text)
{
    struct ip_addr a;
    CU_ASSERT_TRUE_FATAL(ip_addr_parse(text, &a));
    return a;
}

static inline cv_result mgr_if(uint32_t id, enum cv_if_kind kind, uint16_t vrf, const char *port)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    *i = (struct cv_if){.if_id = id, .kind = (uint8_t)kind, .up = 1, .vrf = vrf};
    i->tunnel_mode = kind == CV_IF_TUNNEL ? CV_TUNNEL_IPSEC4 : 0;
    snprintf(i->name, sizeof i->name, "if%u", id);
    snprintf(i->port, sizeof i->port, "%s", port ? port : "");
    return mgr_cmd(&c);
}

static inline cv_result mgr_if_del(uint32_t id)
{
    struct cv_cmd c = {.type = CV_CMD_IF_DEL};
    c.u.if_id = id;
    return mgr_cmd(&c);
}

static inline cv_result mgr_addr_add(uint32_t id, const char *addr, uint8_t len)
{
    struct cv_cmd c = {.type = CV_CMD_ADDR_ADD};
    c.u.addr = (struct cv_addr){.if_id = id, .addr = mgr_addr(addr), .len = len};
    return mgr_cmd(&c);
}

static inline cv_result mgr_route(const char *prefix, uint32_t id, const char *via)
{
    struct cv_cmd c = {.type = CV_CMD_ROUTE_ADD};
    c.u.route.if_id = id;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(prefix, &c.u.route.prefix));
    if (via)
        c.u.route.next_hop = mgr_addr(via);
    return mgr_cmd(&c);
}

static inline struct cv_sa mgr_sa(enum cv_dir dir, uint32_t slot, uint32_t if_id)
{
    struct cv_sa sa = {.ref = {.dir = (uint8_t)dir, .sa_id = slot, .spi = (5u << MGR_BITS) | slot},
                       .if_id = if_id};
    sa.encr = CV_ENCR_AES_GCM_16;
    sa.encr_key_len = 16;
    sa.salt_len = 4;
    sa.replay_window = 64;
    sa.local.addr = mgr_addr("10.0.0.1");
    sa.remote.addr = mgr_addr("198.51.100.9");
    sa.ts_count = 1;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    return sa;
}

static inline cv_result mgr_sa_add(const struct cv_sa *sa)
{
    struct cv_cmd c = {.type = CV_CMD_SA_ADD};
    c.u.sa = *sa;
    return mgr_cmd(&c);
}

static inline cv_result mgr_sa_activate(const struct cv_sa *sa)
{
    struct cv_cmd c = {.type = CV_CMD_SA_ACTIVATE};
    c.u.sa_ref = sa->ref;
    return mgr_cmd(&c);
}

static inline cv_result mgr_sa_del(const struct cv_sa *sa)
{
    struct cv_cmd c = {.type = CV_CMD_SA_DEL};
    c.u.sa_ref = sa->ref;
    return mgr_cmd(&c);
}

/* Frees what the manager handed to the worker; how many of `stage` (-1: any). */
static inline unsigned mgr_given(int stage)
{
    struct rte_mbuf *m;
    unsigned n = 0;
    while (io_take(mgr_dp.rings.inbox[0], &m, 1) == 1) {
        n += stage < 0 || dp_meta(m)->stage == stage;
        rte_pktmbuf_free(m);
    }
    return n;
}

/* Two ports (ids 1 and 2) with addresses, the default route over the first. */
static inline void mgr_fresh(void)
{
    struct cv_cmd c = {.type = CV_CMD_FLUSH};
    mgr_start();
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    mgr_given(-1);
    CU_ASSERT_EQUAL(mgr_if(1, CV_IF_PORT, 0, "E0") | mgr_if(2, CV_IF_PORT, 0, "E1"), CV_OK);
    CU_ASSERT_EQUAL(mgr_addr_add(1, "10.0.0.1", 24) | mgr_addr_add(2, "192.168.1.1", 24), CV_OK);
    CU_ASSERT_EQUAL(mgr_route("0.0.0.0/0", 1, "10.0.0.254"), CV_OK);
}

static inline void mgr_stop(void)
{
    struct cv_cmd c = {.type = CV_CMD_FLUSH};
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    mgr_given(-1);
    dp_manager_free(mgr);
    dp_sad_fini(&mgr_dp.sad);
    io_rings_free(&mgr_dp.rings, 1);
    dp_rcu_fini();
    shm_close(&mgr_dp.shm);
    for (unsigned v = 0; v < CV_MAX_VRFS; v++) {
        free(mgr_dp.routes.root[v][0]);
        free(mgr_dp.routes.root[v][1]);
    }
}

#endif
