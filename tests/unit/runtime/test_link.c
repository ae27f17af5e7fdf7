/* rt_link against a data plane played by the test: the same shared memory, mapped a second time. */
#include "control/runtime/rt_link.h"
#include "control/runtime/rt_loop.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
    struct event_base *base;
    struct shm dp; /* the data plane's mapping */
    int dp_conn;
    struct rt_link *link;
    unsigned events, datagrams, lost, batches;
    struct cv_evt last_event;
    struct cv_ike_pkt last_pkt;
};

static void on_event(void *ctx, const struct cv_evt *e)
{
    struct rig *r = ctx;
    r->events++;
    r->last_event = *e;
}

static void on_datagram(void *ctx, const struct cv_ike_pkt *p)
{
    struct rig *r = ctx;
    r->datagrams++;
    r->last_pkt = *p;
}

static void on_batch(void *ctx)
{
    ((struct rig *)ctx)->batches++;
}

static void on_lost(void *ctx)
{
    ((struct rig *)ctx)->lost++;
}

static void rig_attach(struct rig *r)
{
    struct shm ctl;
    int pair[2];
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    CU_ASSERT_FATAL(shm_offer(&r->dp, pair[0]) == CV_OK);
    CU_ASSERT_FATAL(shm_take(pair[1], 1000, &ctl) == CV_OK);
    CU_ASSERT_FATAL(rt_link_attach(r->link, &ctl, pair[1]) == CV_OK);
    r->dp_conn = pair[0];
}

static void rig_make(struct rig *r)
{
    memset(r, 0, sizeof *r);
    struct rt_link_up up = {r, on_event, on_datagram, on_batch, on_lost};
    r->base = rt_loop_new();
    CU_ASSERT_FATAL(r->base != NULL);
    CU_ASSERT_FATAL(shm_create(2, 8, &r->dp) == CV_OK);
    CU_ASSERT_FATAL(rt_link_new(r->base, &up, &r->link) == CV_OK);
    rig_attach(r);
}

static void rig_end(struct rig *r)
{
    rt_link_free(r->link);
    if (r->dp_conn >= 0)
        close(r->dp_conn);
    shm_close(&r->dp);
    event_base_free(r->base);
}

/* Runs what is due without waiting. */
static void turn(struct rig *r)
{
    for (int i = 0; i < 8; i++)
        event_base_loop(r->base, EVLOOP_NONBLOCK);
}

struct answer {
    unsigned calls, lost;
    int32_t result;
    uint32_t seq;
};

static void on_reply(void *ctx, const struct cv_evt *e)
{
    struct answer *a = ctx;
    a->calls++;
    if (!e) {
        a->lost++;
        return;
    }
    a->result = e->u.reply.result;
    a->seq = e->seq;
}

static void reply_to(struct rig *r, const struct cv_cmd *c, cv_result result)
{
    struct cv_evt e = {.type = CV_EVT_REPLY, .seq = c->seq};
    e.u.reply.result = result;
    e.u.reply.cmd = c->type;
    CU_ASSERT(ring_evt_put(&r->dp, &e));
    shm_ring_ctl(&r->dp);
}

static void reply_goes_to_the_caller_by_sequence_number(void)
{
    struct rig r;
    struct answer first = {0}, second = {0};
    struct cv_cmd cmd = {.type = CV_CMD_HELLO}, got[2];
    uint32_t seq[2];
    rig_make(&r);
    turn(&r);
    CU_ASSERT(rt_link_command(r.link, &cmd, on_reply, &first, &seq[0]) == CV_OK);
    CU_ASSERT(rt_link_command(r.link, &cmd, on_reply, &second, &seq[1]) == CV_OK);
    CU_ASSERT_FATAL(ring_cmd_get(&r.dp, &got[0]) && ring_cmd_get(&r.dp, &got[1]));
    CU_ASSERT(got[0].seq == seq[0] && got[1].seq == seq[1] && seq[0] != seq[1] && seq[0] != 0);
    reply_to(&r, &got[1], CV_ENOENT); /* out of order */
    reply_to(&r, &got[0], CV_OK);
    turn(&r);
    CU_ASSERT(first.calls == 1 && first.seq == seq[0] && first.result == CV_OK);
    CU_ASSERT(second.calls == 1 && second.seq == seq[1] && second.result == CV_ENOENT);
    CU_ASSERT(r.events == 0 && r.batches > 0);
    reply_to(&r, &got[0], CV_OK); /* nobody waits any more: an event like others */
    turn(&r);
    CU_ASSERT(first.calls == 1 && r.events == 1 && r.last_event.seq == seq[0]);
    rig_end(&r);
}

static void commands_beyond_the_ring_wait_and_keep_their_order(void)
{
    enum { MANY = 3 * CV_CMD_SLOTS };
    struct rig r;
    struct cv_cmd cmd = {.type = CV_CMD_IF_DEL}, got;
    unsigned n = 0;
    bool in_order = true;
    rig_make(&r);
    for (uint32_t i = 0; i < MANY; i++) {
        cmd.u.if_id = i;
        CU_ASSERT_FATAL(rt_link_command(r.link, &cmd, NULL, NULL, NULL) == CV_OK);
    }
    for (uint64_t end = rt_now_ms() + 5000; n < MANY && rt_now_ms() < end;) {
        while (ring_cmd_get(&r.dp, &got))
            in_order = got.u.if_id == n++ && in_order;
        event_base_loop(r.base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT(n == MANY && in_order);
    CU_ASSERT(!ring_cmd_get(&r.dp, &got));
    rig_end(&r);
}

static void queue_has_a_bound(void)
{
    struct rig r;
    struct cv_cmd cmd = {.type = CV_CMD_IF_DEL};
    cv_result last = CV_OK;
    unsigned taken = 0;
    rig_make(&r);
    while (taken < RT_LINK_QUEUE_MAX + 2 * CV_CMD_SLOTS &&
           (last = rt_link_command(r.link, &cmd, NULL, NULL, NULL)) == CV_OK)
        taken++;
    CU_ASSERT(last == CV_ENOSPC);
    CU_ASSERT(taken >= RT_LINK_QUEUE_MAX && taken < RT_LINK_QUEUE_MAX + CV_CMD_SLOTS);
    rig_end(&r);
}

static void sleeping_loop_is_woken_by_the_doorbell(void)
{
    struct rig r;
    struct cv_evt e = {.type = CV_EVT_ACQUIRE};
    struct cv_ike_pkt p = {.len = 3, .flags = CV_IKE_NATT, .data = {1, 2, 3}};
    rig_make(&r);
    turn(&r);
    CU_ASSERT(r.dp.head->ctl_asleep == 1); /* the word stands before the loop sleeps */
    e.u.acquire.if_id = 7;
    CU_ASSERT(ring_evt_put(&r.dp, &e) && ring_punt_put(&r.dp, &p));
    shm_ring_ctl(&r.dp);
    struct timeval patience = {5, 0};
    event_base_loopexit(r.base, &patience);
    event_base_loop(r.base, EVLOOP_ONCE); /* sleeps until the bell rings */
    CU_ASSERT(r.events == 1 && r.last_event.u.acquire.if_id == 7);
    CU_ASSERT(r.datagrams == 1 && r.last_pkt.len == 3 && r.last_pkt.data[2] == 3);
    CU_ASSERT(r.dp.head->ctl_asleep == 1);
    rig_end(&r);
}

static void datagrams_leave_and_oversized_ones_do_not(void)
{
    struct rig r;
    static struct cv_ike_pkt p, got;
    rig_make(&r);
    p.len = CV_IKE_PKT_MAX;
    p.data[CV_IKE_PKT_MAX - 1] = 9;
    CU_ASSERT(rt_link_send(r.link, &p));
    CU_ASSERT(ring_inject_get(&r.dp, &got) && got.len == CV_IKE_PKT_MAX && got.data[CV_IKE_PKT_MAX - 1] == 9);
    p.len = CV_IKE_PKT_MAX + 1;
    CU_ASSERT(!rt_link_send(r.link, &p) && !ring_inject_get(&r.dp, &got));
    rig_end(&r);
}

static void datagram_with_an_impossible_length_is_not_passed_up(void)
{
    struct rig r;
    static struct cv_ike_pkt p;
    rig_make(&r);
    p.len = CV_IKE_PKT_MAX + 1;
    CU_ASSERT(ring_punt_put(&r.dp, &p));
    shm_ring_ctl(&r.dp);
    turn(&r);
    CU_ASSERT(r.datagrams == 0);
    rig_end(&r);
}

static void hangup_ends_waiting_calls_and_is_told_once(void)
{
    struct rig r;
    struct answer a = {0};
    struct cv_cmd cmd = {.type = CV_CMD_SA_DUMP};
    rig_make(&r);
    turn(&r);
    CU_ASSERT(rt_link_command(r.link, &cmd, on_reply, &a, NULL) == CV_OK);
    close(r.dp_conn);
    r.dp_conn = -1;
    turn(&r);
    CU_ASSERT(r.lost == 1 && a.calls == 1 && a.lost == 1);
    CU_ASSERT(rt_link_shm(r.link) == NULL);
    CU_ASSERT(rt_link_command(r.link, &cmd, on_reply, &a, NULL) == CV_EAGAIN);
    CU_ASSERT(a.calls == 1);
    shm_close(&r.dp); /* another data plane: the link can be used again */
    CU_ASSERT_FATAL(shm_create(1, 8, &r.dp) == CV_OK);
    rig_attach(&r);
    CU_ASSERT(rt_link_command(r.link, &cmd, on_reply, &a, NULL) == CV_OK);
    CU_ASSERT(ring_cmd_get(&r.dp, &cmd) && cmd.type == CV_CMD_SA_DUMP);
    rig_end(&r);
    CU_ASSERT(r.lost == 1 && a.calls == 2);
}

static void last_words_before_a_hangup_are_heard(void)
{
    struct rig r;
    struct cv_evt e = {.type = CV_EVT_SA_HARD};
    rig_make(&r);
    turn(&r);
    CU_ASSERT(ring_evt_put(&r.dp, &e)); /* the bell was not rung any more */
    close(r.dp_conn);
    r.dp_conn = -1;
    turn(&r);
    CU_ASSERT(r.events == 1 && r.lost == 1);
    rig_end(&r);
}

static void counters_are_sums_and_slots_are_checked(void)
{
    struct rig r;
    struct cv_sa_counters c;
    struct cv_sa_ref out = {.dir = CV_DIR_OUT, .sa_id = 5}, beyond = {.dir = CV_DIR_IN, .sa_id = 256};
    uint64_t idle;
    rig_make(&r);
    r.dp.head->tsc_hz = 1000000;
    r.dp.head->now_tsc = 90000;
    shm_counters_out(&r.dp, 5, 0)->packets = 3;
    shm_counters_out(&r.dp, 5, 1)->packets = 4;
    shm_counters_out(&r.dp, 5, 1)->last_tsc = 40000;
    CU_ASSERT(rt_link_counters(r.link, &out, &c, &idle) == CV_OK);
    CU_ASSERT(c.packets == 7 && idle == 50);
    CU_ASSERT(rt_link_counters(r.link, &beyond, &c, &idle) == CV_EINVAL);
    CU_ASSERT(c.packets == 0 && idle == UINT64_MAX);
    out.sa_id = 6;
    CU_ASSERT(rt_link_counters(r.link, &out, &c, &idle) == CV_OK && idle == UINT64_MAX);
    rig_end(&r);
}

UNIT_MAIN("runtime link", UNIT_TEST(reply_goes_to_the_caller_by_sequence_number),
          UNIT_TEST(commands_beyond_the_ring_wait_and_keep_their_order), UNIT_TEST(queue_has_a_bound),
          UNIT_TEST(sleeping_loop_is_woken_by_the_doorbell),
          UNIT_TEST(datagrams_leave_and_oversized_ones_do_not),
          UNIT_TEST(datagram_with_an_impossible_length_is_not_passed_up),
          UNIT_TEST(hangup_ends_waiting_calls_and_is_told_once),
          UNIT_TEST(last_words_before_a_hangup_are_heard), UNIT_TEST(counters_are_sums_and_slots_are_checked))
