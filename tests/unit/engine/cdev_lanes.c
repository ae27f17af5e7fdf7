#include "tests/unit/engine/cdev_lanes.h"

#include "dataplane/engine/eng_cryptodev_dev.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "tests/unit/engine/cdev_model.h"
#include "tests/unit/engine/cdev_pair.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { LANE_SAS = 4, LANE_PACKETS = 1500 };
struct lane {
    struct eng_worker *w;
    struct pair sa[LANE_SAS];
    unsigned sent, back, lost, next[LANE_SAS];
};

static void lane_take_back(struct lane *l)
{
    struct eng_job done[32];
    const unsigned n = E->poll(l->w, done, 32);
    for (unsigned i = 0; i < n; i++, l->back++) {
        struct pair *p = done[i].owner;
        CU_ASSERT_EQUAL(done[i].seq, l->back);
        l->lost += done[i].drop != CV_DROP_NONE;
        if (done[i].op.ok) {
            p->mb_dec_info.burst(mb, p->mb_dec, &done[i].op, 1);
            CU_ASSERT(done[i].op.ok);
        }
        rte_pktmbuf_free(done[i].m);
    }
}

static void lane_submit(struct lane *l, uint32_t draw)
{
    struct pair *p = &l->sa[draw % LANE_SAS];
    for (unsigned k = 1 + (draw >> 8) % 8;
         k > 0 && l->sent < LANE_PACKETS && l->sent - l->back < JOBS / LANES; k--) {
        struct eng_job job = {.owner = p, .seq = l->sent, .dir = CV_DIR_OUT};
        job.m = packet_new(&p->enc_info, 64, l->sent, &job.op);
        if (p->enc_info.submit(l->w, p->enc, &job, 1) == 0) {
            rte_pktmbuf_free(job.m);
            return;
        }
        l->sent++;
    }
}

static void lane_fail(unsigned how)
{
    if (how == 1)
        cdev_fail(CDEV_FAULT_EVENT);
    else if (how == 2)
        cdev_model.hang = true;
    else if (how == 3)
        cdev_model.error_at = (unsigned)cdev_model.taken + 1;
    else if (how == 4)
        cdev_model.lose_at = (unsigned)cdev_model.taken + 1;
}

void lanes_run(unsigned how, uint32_t seed)
{
    static struct lane lanes[LANES];
    unsigned back = 0, lost = 0;
    const unsigned fail_at = 500 + seed % 2000;
    bool failed = how == 0;
    memset(lanes, 0, sizeof lanes);
    for (unsigned i = 0; i < LANES; i++) {
        CU_ASSERT_EQUAL_FATAL(E->worker_new(-1, &lanes[i].w), CV_OK);
        for (unsigned k = 0; k < LANE_SAS; k++)
            pair_new(&lanes[i].sa[k], aeads[k % 2 ? 2 : 0], k & 1, i * LANE_SAS + k);
    }
    cdev_model_install();
    cdev_model.seed = seed;
    cdev_model.delay = seed % 40;
    cdev_model.mix_all = seed & 1;
    while (back < LANES * LANE_PACKETS) {
        seed = seed * 1103515245u + 12345u;
        struct lane *l = &lanes[(seed >> 16) % LANES];
        lane_submit(l, seed >> 8);
        lane_take_back(l);
        back = lanes[0].back + lanes[1].back + lanes[2].back;
        if (!failed && back >= fail_at) {
            lane_fail(how);
            failed = true;
        }
    }
    for (unsigned i = 0; i < LANES; i++)
        lost += lanes[i].lost;
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    CU_ASSERT_EQUAL(cdev_runs(), how == 0);
    CU_ASSERT(how == 0 ? lost == 0 : lost <= JOBS + CDEV_ERRORS_MAX * LANES);
    if (how != 3)
        CU_ASSERT_EQUAL(lost, cdev_model.taken - cdev_model.given);
    for (unsigned i = 0; i < LANES; i++) {
        for (unsigned k = 0; k < LANE_SAS; k++)
            pair_free(&lanes[i].sa[k]);
        E->worker_free(lanes[i].w);
    }
    cdev_model_remove();
}
