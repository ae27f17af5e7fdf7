/* run_site: the site of test_run.c: two ports, two tunnels and their SAs, and the worker. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_SITE_H
#define TESTS_UNIT_DATAPLANE_RUN_SITE_H

#include "dataplane/dp_owner.h"
#include "dataplane/dp_worker.h"
#include "tests/unit/dataplane/ring_fix.h"
#include "tests/unit/dataplane/run_forms.h"
#include "tests/unit/dataplane/run_frames.h"

enum {
    TUNNEL = 20, /* an interface */
    OTHER,
    IFS,
    OUT_SLOT = 1,
    IN_SLOT,
    OTHER_SLOT,
};

/* How packets go that could go together: each by itself, in runs, or in groups. */
enum way { LONG, RUNS, GROUPS };

static struct dp_worker *worker;
static const struct eng_ops *site_engine; /* of the SAs and the worker; NULL: the usual one of tests */
static const struct form *site_form;
static bool mixed; /* several flows by turns, and what leaves by SAs is opened and looked at flow by flow */

/* RFC 2404 3, RFC 4868 2.1.1 */
static uint8_t integ_key_len(uint16_t integ)
{
    switch (integ) {
    case CV_INTEG_HMAC_SHA1_96:
        return 20;
    case CV_INTEG_HMAC_SHA2_384_192:
        return 48;
    case CV_INTEG_HMAC_SHA2_512_256:
        return 64;
    default:
        return 32;
    }
}

static struct cv_sa sa_ends(struct cv_sa sa, bool outer6)
{
    if (outer6) {
        sa.local.addr = mgr_addr("2001:db8::1");
        sa.remote.addr = mgr_addr("2001:db8:9::9");
    }
    return sa;
}

static struct cv_sa sa_of(const struct form *f, enum cv_dir dir, uint32_t slot, uint32_t if_id)
{
    struct cv_sa sa = mgr_sa(dir, slot, if_id);
    sa.flags = f->flags;
    sa.seq = f->seq;
    sa.encr = f->encr;
    sa.replay_window = f->window;
    sa.hard_packets = f->hard_packets;
    sa.soft_packets = f->soft_packets;
    sa.df = f->df;
    memset(sa.encr_key, (int)slot, sizeof sa.encr_key);
    if (f->key_len)
        sa.encr_key_len = f->key_len;
    if (!is_aead(f)) {
        sa.encr_key_len = f->encr == CV_ENCR_3DES ? 24 : f->encr == CV_ENCR_NULL ? 0 : sa.encr_key_len;
        sa.salt_len = 0;
        sa.integ = f->integ ? f->integ : CV_INTEG_HMAC_SHA2_256_128;
        sa.integ_key_len = integ_key_len(sa.integ);
    }
    if (f->flags & CV_SA_NATT)
        sa.local.port = sa.remote.port = 4500;
    if (f->narrow) {
        struct ip_prefix near, beyond;
        CU_ASSERT_TRUE_FATAL(ip_prefix_parse("192.168.1.0/24", &near) &&
                             ip_prefix_parse("10.20.1.0/24", &beyond));
        sa.ts_local[0] = ts_from_prefix(&near, 0, 0, 65535);
        sa.ts_remote[0] = ts_from_prefix(&beyond, 0, 0, 65535);
    }
    if (f->inner6) {
        struct ip_prefix near, beyond;
        CU_ASSERT_TRUE_FATAL(ip_prefix_parse(f->narrow ? "2001:db8:c0a8:100::/56" : "::/0", &near) &&
                             ip_prefix_parse(f->narrow ? "2001:db8:a14:100::/56" : "::/0", &beyond));
        sa.ts_count = 2;
        sa.ts_local[1] = ts_from_prefix(&near, 0, 0, 65535);
        sa.ts_remote[1] = ts_from_prefix(&beyond, 0, 0, 65535);
    }
    return sa_ends(sa, dir == CV_DIR_IN ? f->in6 : f->outer6);
}

static void sa_install(struct cv_sa sa)
{
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa), CV_OK);
    if (sa.ref.dir == CV_DIR_OUT) {
        CU_ASSERT_EQUAL_FATAL(mgr_sa_activate(&sa), CV_OK);
        dp_sad_set_mtu(&mgr_dp.sad, sa.ref.sa_id, longest > LONGEST ? JUMBO + 100 : 1400);
    }
}

/* Of the SA that leads elsewhere. */
static const struct form *other_form(const struct form *f)
{
    return f->inner6 ? &forms6[0] : &forms[0];
}

static void site_make(const struct form *f)
{
    const struct ip_addr nbr[] = {mgr_addr("10.0.0.254"), mgr_addr("2001:db8::fe"), mgr_addr("192.168.1.77"),
                                  mgr_addr("2001:db8:c0a8:100::4d")};
    site_form = f;
    mgr_fresh();
    mgr_dp.sad.engine = site_engine ? site_engine : fix_engine();
    CU_ASSERT_EQUAL(mgr_addr_add(1, "2001:db8::1", 64) | mgr_route("::/0", 1, "2001:db8::fe"), CV_OK);
    CU_ASSERT_EQUAL(mgr_addr_add(2, "2001:db8:c0a8:100::1", 64), CV_OK);
    for (unsigned i = 0; i < 4; i++)
        ip_nbr_claim(&mgr_dp.nbrs, i < 2 ? OUTSIDE : INSIDE, &nbr[i], far_mac, mgr->now_ms, &nbr_fix_calls);
    for (uint32_t i = TUNNEL; i < IFS; i++) {
        struct cv_cmd c = {.type = CV_CMD_IF_SET};
        c.u.interface = (struct cv_if){
            .if_id = i, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = CV_TUNNEL_IPSEC4, .name = "T"};
        c.u.interface.name[1] = (char)('a' + i - TUNNEL);
        c.u.interface.tcp_mss = f->tcp_mss ? 1200 : 0;
        CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
    }
    CU_ASSERT_EQUAL(mgr_route("10.20.0.0/16", TUNNEL, NULL) | mgr_route("10.21.0.0/16", OTHER, NULL), CV_OK);
    CU_ASSERT_EQUAL(
        mgr_route("2001:db8:a14::/48", TUNNEL, NULL) | mgr_route("2001:db8:a15::/48", OTHER, NULL), CV_OK);
    sa_install(sa_of(f, CV_DIR_OUT, OUT_SLOT, TUNNEL));
    sa_install(sa_of(f, CV_DIR_IN, IN_SLOT, TUNNEL));
    sa_install(sa_of(other_form(f), CV_DIR_OUT, OTHER_SLOT, OTHER));
    if (mixed)
        sa_install(sa_of(f, CV_DIR_IN, OTHER_SLOT, OTHER));
}

static void worker_fresh(enum way way)
{
    dp_worker_free(worker);
    mgr_dp.engine = mgr_dp.sad.engine;
    mgr_dp.mbuf_room = longest > LONGEST ? ROOM : 2048;
    dp_owners_init(&mgr_dp.owners, 1);
    CU_ASSERT_EQUAL_FATAL(dp_worker_new(&mgr_dp, 0, 0, &worker), CV_OK);
    memset(worker->stats, 0, sizeof *worker->stats);
    memset(worker->if_stats, 0, IFS * sizeof *worker->if_stats);
    memset(shm_if_drops(&mgr_dp.shm, 0, 0), 0, IFS * sizeof(struct cv_if_drops));
    worker->run_pause = way == RUNS ? 0 : UINT32_MAX;
    worker->group_pause = way == GROUPS ? 0 : UINT32_MAX;
}

#endif
