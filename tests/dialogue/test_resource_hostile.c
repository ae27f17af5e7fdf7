/* Child SAs for single workers (RFC 9611) with a peer that asks too much, says it twice, takes it back, or answers nonsense. */
#include "tests/dialogue/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED = 10000, NOTIFY_HEAD = 8, WORKERS = 2 };

static const struct slice nothing = {NULL, 0};

static struct wire *up(uint64_t seed, const struct wire_conf *b)
{
    struct wire *w = wire_new(seed, &each, b);
    w->side[A].dp->workers = w->side[B].dp->workers = WORKERS;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    return w;
}

static bool one_each(struct wire *w)
{
    bool ok = wire_both_up(w) && wire_consistent(w, false);
    for (enum wire_end end = A; end <= B; end++)
        for (uint8_t k = 0; k <= WORKERS; k++)
            ok = ok && of_worker(w, end, k) == 1;
    return ok;
}

/* ---- requests in A's name ---------------------------------------------------------------------------------------------- */
struct request {
    uint32_t spi;
    unsigned infos;     /* so many SA_RESOURCE_INFO */
    struct slice named; /* what they say */
    uint32_t rekeys;
};

static void put_request(struct pld_builder *b, void *ctx)
{
    const struct request *q = ctx;
    static const uint8_t nonce[32] = {1, 2, 3};
    struct pld_build_proposal p = {.number = 1, .proto = PLD_PROTO_ESP, .spi_len = 4, .count = 2};
    struct ts any = ts_any(IP_V4);
    uint8_t old[4];
    for (unsigned i = 0; i < 4; i++) {
        p.spi[i] = (uint8_t)(q->spi >> (24 - 8 * i));
        old[i] = (uint8_t)(q->rekeys >> (24 - 8 * i));
    }
    p.transforms[0] = (struct pld_build_transform){1, CV_ENCR_AES_GCM_16, 128};
    p.transforms[1] = (struct pld_build_transform){5, 0, 0};
    if (q->rekeys)
        pld_put_notify(b, PLD_PROTO_ESP, (struct slice){old, sizeof old}, PLD_N_REKEY_SA, nothing);
    pld_put_sa(b, &p, 1);
    pld_put_nonce(b, (struct slice){nonce, sizeof nonce});
    pld_put_ts(b, PLD_TSI, &any, 1);
    pld_put_ts(b, PLD_TSR, &any, 1);
    for (unsigned i = 0; i < q->infos; i++)
        pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_SA_RESOURCE_INFO, q->named);
}

static void ask(struct wire *w, struct request q)
{
    struct ike_sa *sa = wire_sa(w, A);
    wire_trace_clear(w);
    wire_forge(w, A, sa, PLD_CREATE_CHILD_SA, false, v2_of(sa)->next_send++, put_request, &q);
    wire_run(w, 0);
}

static void ten_thousand_requests_get_none_more(void)
{
    struct wire *w = up(1, &each);
    unsigned refused = 0;
    static const uint8_t number[4] = {0, 0, 0, 1};
    CU_ASSERT_TRUE(one_each(w));
    for (uint32_t i = 0; i < ASKED; i++) {
        ask(w, (struct request){.spi = 0x30000000 + i, .infos = 1, .named = {number, sizeof number}});
        refused += wire_saw(w, "N(TS_MAX_QUEUE)");
    }
    CU_ASSERT_EQUAL(refused, ASKED);
    CU_ASSERT_TRUE(one_each(w));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), WORKERS + 1);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_OUT), WORKERS + 1);
    CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_NONE);
    uint32_t spi; /* no refused request holds on to a slot */
    for (unsigned i = 0; i < MOCK_SLOTS - WORKERS - 1; i++)
        CU_ASSERT_EQUAL_FATAL(sam_spi_reserve(w->side[B].ike->sam, &spi), CV_OK);
    wire_free(w);
}

/* Opaque, RFC 9611 5.1: two requests may name the same resource, and one request may say it again and again. */
static void what_a_request_names_decides_nothing(void)
{
    static uint8_t long_name[256];
    static const struct slice names[] = {
        {NULL, 0}, {long_name, 4}, {long_name, 1}, {long_name, sizeof long_name}};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        for (unsigned infos = 1; infos <= 32; infos += 31) {
            struct wire *w = wire_new(2, NULL, &each);
            w->side[B].dp->workers = WORKERS;
            wire_up(w, A); /* A says nothing of it in IKE_AUTH: the first that does is for all */
            wire_run(w, SETTLE_MS);
            for (unsigned k = 0; k < WORKERS + 1; k++) {
                ask(w, (struct request){.spi = 0x30000000 + k, .infos = infos, .named = names[i]});
                CU_ASSERT_EQUAL(wire_count(w, "N(SA_RESOURCE_INFO)"),
                                1); /* of the answer: what is forged is not traced */
                CU_ASSERT_EQUAL(of_worker(w, B, (uint8_t)k), k ? 1 : 2);
            }
            ask(w, (struct request){.spi = 0x30000010, .infos = infos, .named = names[i]});
            CU_ASSERT_TRUE(wire_saw(w, "N(TS_MAX_QUEUE)"));
            CU_ASSERT_EQUAL(wire_children(w, B), WORKERS + 2);
            wire_free(w);
        }
}

/* Of the 64 children of an IKE SA half are for what carries traffic without single workers' ones, and a rekey is no further one. */
static void SAs_of_workers_leave_room_for_others_and_for_rekeys(void)
{
    enum { MAX = 64 };
    struct wire *w = wire_new(11, NULL, &each);
    uint32_t spi = 0x30000000;
    w->side[B].dp->workers = WORKERS;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    while (wire_children(w, B) < MAX / 2 && spi < 0x30000000 + MAX)
        ask(w, (struct request){.spi = spi++});
    ask(w, (struct request){.spi = spi++, .infos = 1}); /* the first of its group is for all */
    CU_ASSERT_EQUAL(wire_children(w, B), MAX / 2 + 1);
    ask(w, (struct request){.spi = spi++, .infos = 1});
    CU_ASSERT_TRUE(wire_saw(w, "N(TS_MAX_QUEUE)"));
    CU_ASSERT_EQUAL(of_worker(w, B, 1), 0);
    for (unsigned i = MAX / 2 + 1; i < MAX; i++)
        ask(w, (struct request){.spi = spi++});
    CU_ASSERT_EQUAL(wire_children(w, B), MAX);
    ask(w, (struct request){.spi = spi++});
    CU_ASSERT_TRUE(wire_saw(w, "N(NO_ADDITIONAL_SAS)"));
    ask(w, (struct request){.spi = spi++, .rekeys = 0x30000000});
    CU_ASSERT_FALSE(wire_saw(w, "N(NO_ADDITIONAL_SAS)"));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), MAX + 1);
    wire_free(w);
}

static void more_notifies_than_a_message_may_have_are_refused_and_harm_nothing(void)
{
    struct wire *w = up(3, &each);
    ask(w, (struct request){.spi = 0x30000000, .infos = 33});
    CU_ASSERT_TRUE(wire_saw(w, "N(INVALID_SYNTAX)") || !wire_saw(w, "B CREATE_CHILD_SA resp"));
    CU_ASSERT_TRUE(of_worker(w, B, 0) + of_worker(w, B, 1) + of_worker(w, B, 2) <= WORKERS + 1);
    wire_free(w);
}

/* A rekey says SA_RESOURCE_INFO or not, of whatever resource: the worker is the old one's (RFC 9611 3). */
static void a_rekey_that_names_another_resource_keeps_its_worker(void)
{
    for (unsigned infos = 0; infos < 2; infos++) {
        static const uint8_t number[4] = {0, 0, 0, 0};
        struct wire *w = up(4, &each);
        const uint32_t old = child_of(w, A, 2)->in.spi;
        ask(w, (struct request){
                   .spi = 0x30000000, .infos = infos, .named = {number, sizeof number}, .rekeys = old});
        CU_ASSERT_EQUAL(of_worker(w, B, 2), 2);
        CU_ASSERT_EQUAL(of_worker(w, B, 1), 1);
        CU_ASSERT_EQUAL(of_worker(w, B, 0), 1);
        wire_free(w);
    }
}

/* ---- made and deleted, again and again ----------------------------------------------------------------------------- */
static void churn_is_asked_for_ever_more_seldom(void)
{
    struct wire *w = up(5, &each);
    uint64_t made = w->side[B].ike->counters.children_established;
    for (unsigned i = 0; i < 7200; i++) { /* two hours; B deletes whatever A got for its workers */
        for (uint8_t k = 1; k <= WORKERS; k++) {
            struct sam_child *c = child_of(w, B, k);
            if (c)
                (void)v2_delete_child(w->side[B].ike, wire_sa(w, B), c);
        }
        wire_run(w, 1000);
        CU_ASSERT_FATAL(mock_dp_count(w->side[B].dp, CV_DIR_IN) <= 64);
    }
    made = w->side[B].ike->counters.children_established - made;
    CU_ASSERT_TRUE(made <= 300); /* 16 in a row, then waits of one minute, two, ..., an hour */
    CU_ASSERT_TRUE(wire_both_up(w));
    CU_ASSERT_EQUAL(of_worker(w, A, 0), 1);
    wire_free(w);
}

/* The asked end bears a peer that makes and deletes without end. */
static void slots_come_back_from_churn(void)
{
    struct wire *w = up(6, &each);
    for (uint32_t i = 0; i < 3000; i++) {
        for (uint8_t k = 1; k <= WORKERS; k++) {
            struct sam_child *c = child_of(w, A, k);
            if (c)
                (void)v2_delete_child(w->side[A].ike, wire_sa(w, A), c);
        }
        v2_of(wire_sa(w, A))->resource_from = 0;
        v2_of(wire_sa(w, A))->resource_asked = 0;
        v2_of(wire_sa(w, A))->resource_at = w->now;
        v2_schedule(w->side[A].ike, wire_sa(w, A));
        wire_run(w, 200);
        CU_ASSERT_FATAL(mock_dp_count(w->side[B].dp, CV_DIR_IN) <= MOCK_SLOTS / 2);
    }
    wire_run(w, 120000);
    CU_ASSERT_TRUE(mock_dp_count(w->side[B].dp, CV_DIR_IN) <= WORKERS + 1);
    CU_ASSERT_EQUAL(of_worker(w, B, 0), 1);
    CU_ASSERT_TRUE(wire_both_up(w));
    wire_free(w);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------- */
struct held {
    uint32_t message_id;
    unsigned done;
};

/* The first CREATE_CHILD_SA request of A never arrives. */
static bool hold(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct held *h = ctx;
    (void)w;
    if (h->done || p->from != A || p->data[18] != PLD_CREATE_CHILD_SA || (p->data[19] & PLD_FLAG_RESPONSE))
        return true;
    h->done = 1;
    h->message_id = p->data[23]; /* all that this dialogue comes to */
    return false;
}

static void put_notify(struct pld_builder *b, void *ctx)
{
    pld_put_notify(b, PLD_PROTO_NONE, nothing, *(const uint16_t *)ctx, nothing);
}

/* Its answer is this notify alone. */
static void answer(struct wire *w, const struct held *h, uint16_t notify)
{
    CU_ASSERT_EQUAL(h->done, 1);
    wire_forge(w, B, wire_sa(w, B), PLD_CREATE_CHILD_SA, true, h->message_id, put_notify, &notify);
    wire_run(w, 0);
}

/* Whatever refuses a worker's SA, the tunnel is up, says nothing of a failure, and asks again later. */
static void every_refusal_leaves_the_tunnel_up(void)
{
    static const uint16_t refusals[] = {PLD_N_TS_MAX_QUEUE,
                                        PLD_N_NO_ADDITIONAL_SAS,
                                        PLD_N_TS_UNACCEPTABLE,
                                        PLD_N_NO_PROPOSAL_CHOSEN,
                                        PLD_N_TEMPORARY_FAILURE,
                                        40,
                                        12345};
    for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct held h = {0};
        struct wire *w = wire_new(7, &each, &each);
        w->side[A].dp->workers = w->side[B].dp->workers = WORKERS;
        w->filter = hold;
        w->filter_ctx = &h;
        wire_up(w, A);
        wire_run(w, 100);
        answer(w, &h, refusals[i]);
        wire_run(w, 30000);
        CU_ASSERT_TRUE(of_worker(w, A, 0) == 1 && of_worker(w, A, 1) == 0 && wire_both_up(w));
        CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
        CU_ASSERT_TRUE(wire_packet(w, A) && wire_packet(w, B));
        wire_run(w, 200000);
        CU_ASSERT_TRUE(one_each(w));
        CU_ASSERT_TRUE(wire_packet(w, A) && wire_packet(w, B));
        wire_free(w);
    }
}

/* TS_MAX_QUEUE where it has no place: in answer to a rekey. */
static void TS_MAX_QUEUE_to_a_rekey_is_a_refusal_like_others(void)
{
    char err[SEL_TEXT_MAX];
    struct held h = {0};
    struct wire *w = up(8, &each);
    w->filter = hold;
    w->filter_ctx = &h;
    (void)ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err);
    wire_run(w, 100);
    answer(w, &h, PLD_N_TS_MAX_QUEUE);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE(wire_both_up(w) && wire_packet(w, A) && wire_packet(w, B));
    CU_ASSERT_TRUE(one_each(w));
    wire_free(w);
}

/* The asked end sends on a worker's SA only when the asking one has it: by a packet, or some seconds after. */
static bool lose_answers(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)ctx;
    (void)w;
    return !(p->from == B && p->data[18] == PLD_CREATE_CHILD_SA);
}

static void an_answer_under_way_loses_no_packets(void)
{
    struct wire *w = wire_new(10, &each, &each);
    w->side[A].dp->workers = w->side[B].dp->workers = WORKERS;
    w->filter = lose_answers;
    wire_up(w, A);
    wire_run(w, 1000);
    CU_ASSERT_TRUE(of_worker(w, A, 1) == 0 && of_worker(w, B, 1) == 1);
    CU_ASSERT_FALSE(child_of(w, B, 1)->active);
    CU_ASSERT_EQUAL(wire_traffic(w, 1000), 0);
    w->filter = NULL;
    wire_run(w, 3000); /* A asks again, and B answers again */
    CU_ASSERT_EQUAL(wire_traffic(w, 10000), 0);
    CU_ASSERT_TRUE(one_each(w));
    CU_ASSERT_TRUE(child_of(w, B, 1)->active && child_of(w, B, 2)->active);
    wire_free(w);
}

/* RFC 9611 4: one that all workers can use is to be there. A peer that deletes it anyway has taken its SAs of workers for all. */
static void traffic_goes_on_without_the_one_for_all(void)
{
    struct wire *w = up(9, &each);
    CU_ASSERT_EQUAL(v2_delete_child(w->side[B].ike, wire_sa(w, B), child_of(w, B, 0)), CV_OK);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE(of_worker(w, A, 0) == 0 && of_worker(w, A, 1) == 1 && of_worker(w, A, 2) == 1);
    CU_ASSERT_TRUE(wire_packet(w, A) && wire_packet(w, B));
    struct ike_session *t = ike_session_get(w->side[A].ike, "Tunnel1");
    CU_ASSERT_EQUAL(v2_child_initiate(w->side[A].ike, wire_sa(w, A), t, NULL), CV_OK);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE(one_each(w)); /* the new first one leads, and nothing is wanting */
    wire_free(w);
}

UNIT_MAIN("resource_hostile", UNIT_TEST(ten_thousand_requests_get_none_more),
          UNIT_TEST(what_a_request_names_decides_nothing),
          UNIT_TEST(SAs_of_workers_leave_room_for_others_and_for_rekeys),
          UNIT_TEST(more_notifies_than_a_message_may_have_are_refused_and_harm_nothing),
          UNIT_TEST(a_rekey_that_names_another_resource_keeps_its_worker),
          UNIT_TEST(churn_is_asked_for_ever_more_seldom), UNIT_TEST(slots_come_back_from_churn),
          UNIT_TEST(every_refusal_leaves_the_tunnel_up),
          UNIT_TEST(TS_MAX_QUEUE_to_a_rekey_is_a_refusal_like_others),
          UNIT_TEST(an_answer_under_way_loses_no_packets), UNIT_TEST(traffic_goes_on_without_the_one_for_all))
