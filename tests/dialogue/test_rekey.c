/* Rekeying of children and IKE SAs: from each side, crossing each other, refused, put off; under traffic without loss. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETTLE_MS = 1000,
    LINGER_MS = 6000,
    ORPHAN_MS = 260000 /* an SA that its creator never learnt of is dropped by then */
};

static struct wire *up(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b)
{
    struct wire *w = wire_new(seed, a, b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

static enum ike_cmd_outcome rekey(struct wire *w, enum wire_end end, bool ike_sa)
{
    char err[SEL_TEXT_MAX];
    return ike_rekey(w->side[end].ike, "Tunnel1", ike_sa, err, sizeof err);
}

/* One child pair, one IKE SA, the same at both ends; nothing left over. */
static bool settled(struct wire *w)
{
    bool ok = wire_both_up(w) && wire_consistent(w, true) && wire_children(w, A) == 1 &&
              wire_children(w, B) == 1 && wire_sas(w, A) == 1 && wire_sas(w, B) == 1 &&
              wire_child(w, A)->out.spi == wire_child(w, B)->in.spi &&
              wire_child(w, A)->in.spi == wire_child(w, B)->out.spi &&
              wire_child(w, A)->owner == wire_sa(w, A)->conn_id &&
              memcmp(wire_sa(w, A)->spi_i, wire_sa(w, B)->spi_i, 8) == 0;
    if (!ok)
        fprintf(stderr, "seed %llu: A %u children %u SAs, B %u children %u SAs\n%s",
                (unsigned long long)w->seed, wire_children(w, A), wire_sas(w, A), wire_children(w, B),
                wire_sas(w, B), w->trace);
    return ok;
}

static bool no_loss(struct wire *w, uint64_t ms)
{
    unsigned lost = wire_traffic(w, ms);
    if (lost)
        fprintf(stderr, "seed %llu: %u packets lost\n%s", (unsigned long long)w->seed, lost, w->trace);
    return lost == 0;
}

static void child_rekey_from_each_side_loses_no_packet(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up(1, NULL, NULL);
        char expected[512], i = "AB"[end], r = "BA"[end];
        uint32_t before = wire_child(w, A)->in.spi, before_b = wire_child(w, B)->in.spi;
        CU_ASSERT_EQUAL(rekey(w, end, false), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 200));
        unsigned id = end == A ? 2 : 0;
        snprintf(expected, sizeof expected,
                 "%c CREATE_CHILD_SA req %u: N(REKEY_SA) SA Nonce TSi TSr\n"
                 "%c CREATE_CHILD_SA resp %u: SA Nonce TSi TSr\n"
                 "%c INFORMATIONAL req %u: D(ESP:1)\n"
                 "%c INFORMATIONAL resp %u: D(ESP:1)\n",
                 i, id, r, id, i, id + 1, r, id + 1);
        CU_ASSERT(wire_dialogue(w, expected));
        wire_run(w, LINGER_MS);
        CU_ASSERT(settled(w));
        CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
        /* Old and new are one worker's, at both ends: no packet overtakes another. */
        CU_ASSERT_EQUAL(cv_spi_bucket(wire_child(w, A)->in.spi), cv_spi_bucket(before));
        CU_ASSERT_EQUAL(cv_spi_bucket(wire_child(w, B)->in.spi), cv_spi_bucket(before_b));
        CU_ASSERT_EQUAL(w->side[end].ike->counters.children_rekeyed, 1);
        wire_free(w);
    }
}

static void idle_child_rekey_moves_both_ends(void)
{
    struct wire *w = up(2, NULL, NULL);
    rekey(w, A, false);
    wire_run(w, LINGER_MS); /* no packet that would tell the responder: the delete does */
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void slow_network_loses_no_packet_in_a_rekey(void)
{
    struct wire *w = up(3, NULL, NULL);
    w->latency_ms = 400;
    rekey(w, B, false);
    CU_ASSERT(no_loss(w, 5000));
    wire_run(w, LINGER_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void child_rekey_with_PFS_and_group_retry(void)
{
    struct wire_conf pfs = {.ipsec = " set pfs group14\n"};
    struct wire *w = up(4, &pfs, &pfs);
    CU_ASSERT_EQUAL(wire_child(w, A)->dh, 0); /* the first child has no KE (1.2) */
    rekey(w, A, false);
    wire_run(w, LINGER_MS);
    CU_ASSERT(wire_saw(w, "A CREATE_CHILD_SA req 2: N(REKEY_SA) SA Nonce KE TSi TSr\n"
                          "B CREATE_CHILD_SA resp 2: SA Nonce KE TSi TSr\n"));
    CU_ASSERT_EQUAL(wire_child(w, A)->dh, 14);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void soft_lifetimes_rekey_again_and_again(void)
{
    struct wire_conf c = {.ipsec = " set security-association lifetime seconds 120\n"};
    struct wire *w = up(5, &c, &c);
    unsigned lost = 0;
    for (unsigned s = 0; s < 3600; s++) {
        lost += !wire_packet(w, A);
        lost += !wire_packet(w, B);
        wire_run(w, 1000);
    }
    CU_ASSERT_EQUAL(lost, 0);
    CU_ASSERT(w->side[A].ike->counters.children_rekeyed >= 30);
    wire_run(w, LINGER_MS);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void a_day_with_both_kinds_of_rekey(void)
{
    struct wire_conf c = {.ipsec = " set security-association lifetime seconds 600\n",
                          .profile = " lifetime 1800\n"};
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct wire *w = up(100 + seed, &c, &c);
        unsigned lost = 0;
        for (unsigned s = 0; s < 86400 / 10; s++) {
            lost += !wire_packet(w, A);
            lost += !wire_packet(w, B);
            wire_run(w, 10000);
            wire_trace_clear(w);
        }
        CU_ASSERT_EQUAL(lost, 0);
        CU_ASSERT(w->side[A].ike->counters.sas_rekeyed >= 40);
        CU_ASSERT_EQUAL(w->side[A].ike->counters.sas_established, 1);
        CU_ASSERT_EQUAL(w->side[A].ike->counters.sas_failed, 0);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void volume_limit_rekeys(void)
{
    struct wire *w = up(6, NULL, NULL);
    struct mock_sa *out = mock_dp_sending(w->side[B].dp, WIRE_TUNNEL_IF);
    struct cv_evt ev;
    memset(&ev, 0, sizeof ev);
    ev.type = CV_EVT_SA_SOFT;
    ev.u.sa_event.ref = out->sa.ref;
    ev.u.sa_event.cookie = out->sa.cookie;
    mock_dp_push(w->side[B].dp, &ev);
    CU_ASSERT(no_loss(w, 100));
    CU_ASSERT(wire_saw(w, "B CREATE_CHILD_SA req 0: N(REKEY_SA)"));
    wire_run(w, LINGER_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void responder_only_leaves_rekeying_to_the_peer(void)
{
    struct wire_conf b = {.ipsec = " responder-only\n set security-association lifetime seconds 120\n"},
                     a = {.ipsec = " set security-association lifetime seconds 300\n"};
    struct wire *w = up(7, &a, &b);
    wire_run(w, 110000);
    CU_ASSERT_FALSE(wire_saw(w, "B CREATE_CHILD_SA req"));
    wire_free(w);
}

/* Which exchange holds the lowest of the four nonces, read from the wire and not from the engines: [A] what A asked and B
 * answered, [B] the other. */
struct nonces {
    uint8_t low[2][64];
    size_t len[2];
    enum wire_end asker;
};

static void read_nonce(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    struct nonces *n = ctx;
    struct pld_message *m = calloc(1, sizeof *m);
    const char *err;
    (void)cap;
    if (m && pld_inner((struct slice){plain, *len}, *first, m, &err) == CV_OK && m->nonce.n &&
        m->nonce.n <= sizeof n->low[0]) {
        size_t had = n->len[n->asker], common = had < m->nonce.n ? had : m->nonce.n;
        int c = had ? memcmp(m->nonce.p, n->low[n->asker], common) : -1;
        if (c < 0 || (c == 0 && m->nonce.n < had)) {
            memcpy(n->low[n->asker], m->nonce.p, m->nonce.n);
            n->len[n->asker] = m->nonce.n;
        }
    }
    free(m);
}

static bool watch_nonces(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct nonces *n = ctx;
    n->asker = p->data[19] & PLD_FLAG_RESPONSE ? (p->from == A ? B : A) : p->from;
    (void)wire_reseal(w, p, read_nonce, n);
    return true;
}

static enum wire_end holder_of_the_lowest(const struct nonces *n)
{
    return memcmp(n->low[A], n->low[B], n->len[A] < n->len[B] ? n->len[A] : n->len[B]) < 0 ? A : B;
}

/* ---- 2.8.1 ------------------------------------------------------------------------------------------------------------- */
static void RFC7296_2_8_1_crossing_child_rekeys_leave_one_child(void)
{
    unsigned a_won = 0, b_won = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct wire *w = up(200 + seed, NULL, NULL);
        struct nonces n = {.asker = A};
        w->filter = watch_nonces;
        w->filter_ctx = &n;
        rekey(w, A, false);
        rekey(w, B, false);
        CU_ASSERT(no_loss(w, 200));
        CU_ASSERT(wire_saw(w, "A CREATE_CHILD_SA req"));
        CU_ASSERT(wire_saw(w, "B CREATE_CHILD_SA req"));
        CU_ASSERT_EQUAL(wire_count(w, "INFORMATIONAL req"), 2); /* the old child, and the redundant one */
        wire_run(w, LINGER_MS);
        CU_ASSERT(settled(w));
        CU_ASSERT_EQUAL(wire_child(w, A)->initiator, holder_of_the_lowest(&n) == B); /* the lowest loses */
        a_won += wire_child(w, A)->initiator;
        b_won += wire_child(w, B)->initiator;
        wire_free(w);
    }
    CU_ASSERT_EQUAL(a_won + b_won, 40); /* the nonces decide, so either wins now and then */
    CU_ASSERT(a_won > 5 && b_won > 5);
}

static bool lose_nth_of_A(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    unsigned *n = ctx;
    return p->from != A || --*n != 0;
}

static bool lose_nth_of_B(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    unsigned *n = ctx;
    return p->from != B || --*n != 0;
}

/* RFC 7296 2.8.1, second sequence: one request is lost and comes when the other rekey is over. */
static void RFC7296_2_8_1_late_request_finds_no_child(void)
{
    struct wire *w = up(8, NULL, NULL);
    unsigned n = 1;
    w->filter = lose_nth_of_A;
    w->filter_ctx = &n;
    rekey(w, A, false);
    rekey(w, B, false);
    CU_ASSERT(no_loss(w, 3000));
    CU_ASSERT(wire_saw(w, "B CREATE_CHILD_SA resp 2: N(CHILD_SA_NOT_FOUND)") ||
              wire_saw(w, "B CREATE_CHILD_SA resp 2: N(TEMPORARY_FAILURE)"));
    wire_run(w, LINGER_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void crossing_rekeys_survive_every_single_loss(void)
{
    for (unsigned kind = 0; kind < 4; kind++)
        for (unsigned nth = 1; nth <= 6; nth++)
            for (unsigned side = 0; side < 2; side++) {
                struct wire *w = up(300 + nth + kind * 10, NULL, NULL);
                unsigned n = nth;
                w->filter = side ? lose_nth_of_A : lose_nth_of_B;
                w->filter_ctx = &n;
                rekey(w, A, kind & 1);
                rekey(w, B, kind >> 1);
                CU_ASSERT(no_loss(w, 4000));
                wire_run(w, ORPHAN_MS);
                CU_ASSERT(settled(w));
                wire_free(w);
            }
}

/* A second rekey begins while the delete of the first child is still lost, and its answer is lost, too: the responder must
 * not send on the third child, which the initiator does not have yet. */
static bool lose_delete_and_second_answer(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)p;
    (void)w;
    unsigned *n = ctx;
    ++*n;
    return *n != 3 && *n != 5;
}

static void responder_sends_on_no_child_that_the_peer_does_not_have(void)
{
    struct wire *w = up(9, NULL, NULL);
    unsigned n = 0;
    w->filter = lose_delete_and_second_answer;
    w->filter_ctx = &n;
    rekey(w, A, false);
    wire_run(w, 100);
    rekey(w, A, false);
    for (unsigned i = 0; i < 10000; i++) { /* only B sends: no first packet tells it that A has the new one */
        CU_ASSERT(wire_packet(w, B));
        wire_run(w, 1);
    }
    CU_ASSERT_EQUAL(w->side[A].ike->counters.children_rekeyed, 2);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void both_rekey_with_jittered_delays(void)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct wire *w = up(400 + seed, NULL, NULL);
        w->reorder = 50;
        w->dup = 20;
        w->latency_ms = (unsigned)(1 + seed % 50);
        rekey(w, A, seed & 1);
        wire_run(w, seed % 60);
        rekey(w, B, (seed >> 1) & 1);
        CU_ASSERT(no_loss(w, 2000));
        wire_run(w, ORPHAN_MS);
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

/* ---- the IKE SA ---------------------------------------------------------------------------------------------------------- */
static void IKE_rekey_from_each_side_keeps_the_child(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up(9, NULL, NULL);
        char expected[512], i = "AB"[end], r = "BA"[end];
        unsigned id = end == A ? 2 : 0;
        uint32_t child = wire_child(w, A)->in.spi, conn = wire_sa(w, A)->conn_id;
        CU_ASSERT_EQUAL(rekey(w, end, true), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 200));
        snprintf(expected, sizeof expected,
                 "%c CREATE_CHILD_SA req %u: SA Nonce KE\n"
                 "%c CREATE_CHILD_SA resp %u: SA Nonce KE\n"
                 "%c INFORMATIONAL req %u: D(IKE)\n"
                 "%c INFORMATIONAL resp %u:\n",
                 i, id, r, id, i, id + 1, r, id + 1);
        CU_ASSERT(wire_dialogue(w, expected));
        CU_ASSERT(settled(w));
        CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, child);
        CU_ASSERT_NOT_EQUAL(wire_sa(w, A)->conn_id, conn);
        CU_ASSERT_EQUAL(wire_sa(w, A)->initiator,
                        end == A); /* 2.18: who rekeyed is the new original initiator */
        CU_ASSERT_EQUAL(wire_sa(w, A)->peer_id_len, 4);
        /* everything works on the new SA: a child rekey from each side, and another IKE rekey */
        rekey(w, A, false);
        wire_run(w, LINGER_MS);
        rekey(w, B, false);
        wire_run(w, LINGER_MS);
        rekey(w, B, true);
        wire_run(w, LINGER_MS);
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

static void IKE_rekey_with_another_group(void)
{
    struct wire_conf a = {.ike = " encryption aes-gcm-128\n prf sha256\n group 19 14\n"};
    struct wire_conf b = {.ike = " encryption aes-gcm-128\n prf sha256\n group 14\n"};
    struct wire *w = up(10, &a, &b);
    rekey(w, A, true); /* 14 was learnt in IKE_SA_INIT */
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FALSE(wire_saw(w, "INVALID_KE_PAYLOAD"));
    CU_ASSERT(settled(w));
    wire_sa(w, A)->keys.suite.dh = 19; /* as if it had been another one */
    rekey(w, A, true);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "N(INVALID_KE_PAYLOAD)"));
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void RFC7296_2_8_2_crossing_IKE_rekeys_leave_one_SA(void)
{
    unsigned a_won = 0, b_won = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct wire *w = up(500 + seed, NULL, NULL);
        struct nonces n = {.asker = A};
        w->filter = watch_nonces;
        w->filter_ctx = &n;
        uint32_t child = wire_child(w, A)->in.spi;
        rekey(w, A, true);
        rekey(w, B, true);
        CU_ASSERT(no_loss(w, 200));
        CU_ASSERT_EQUAL(wire_count(w, "D(IKE)"), 2);
        wire_run(w, LINGER_MS);
        CU_ASSERT(settled(w));
        CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, child);
        CU_ASSERT_EQUAL(wire_sa(w, A)->initiator, holder_of_the_lowest(&n) == B);
        a_won += wire_sa(w, A)->initiator;
        b_won += wire_sa(w, B)->initiator;
        wire_free(w);
    }
    CU_ASSERT_EQUAL(a_won + b_won, 40);
    CU_ASSERT(a_won > 5 && b_won > 5);
}

/* RFC 7296 2.8.2: the peer never noticed our crossing request and closes the old SA. */
static void RFC7296_2_8_2_one_sided_notice(void)
{
    struct wire *w = up(11, NULL, NULL);
    unsigned n = 1;
    w->filter = lose_nth_of_B; /* B's request is lost; B answers A's */
    w->filter_ctx = &n;
    rekey(w, A, true);
    rekey(w, B, true);
    wire_run(w, 60000);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void RFC7296_2_25_rekeys_of_IKE_SA_and_child_that_cross_are_put_off(void)
{
    struct wire *w = up(12, NULL, NULL);
    rekey(w, A, true);
    rekey(w, B, false);
    CU_ASSERT(no_loss(w, 200));
    CU_ASSERT(wire_saw(w, "N(TEMPORARY_FAILURE)"));
    wire_run(w, 30000);
    CU_ASSERT(settled(w));
    CU_ASSERT_EQUAL(w->side[B].ike->counters.children_rekeyed, 1); /* it was tried again, and done */
    wire_free(w);
}

static void RFC7296_2_25_2_delete_of_a_child_that_crosses_an_IKE_rekey(void)
{
    for (uint64_t seed = 0; seed < 60; seed++)
        for (enum wire_end end = A; end <= B; end++) {
            struct wire *w = up(700 + seed, NULL, NULL);
            w->reorder = seed ? 50 : 0;
            w->loss = seed > 30 ? 20 : 0;
            rekey(w, end, true);
            CU_ASSERT_EQUAL(v2_delete_child(w->side[A].ike, wire_sa(w, A), wire_child(w, A)), CV_OK);
            wire_run(w, 100000);
            /* now and then five transmissions in a row are lost, and the session starts anew */
            bool anew =
                w->side[A].ike->counters.sas_established + w->side[B].ike->counters.sas_established > 2;
            CU_ASSERT(anew || wire_children(w, A) == 0);
            CU_ASSERT(anew || wire_children(w, B) == 0);
            w->loss = w->reorder = 0;
            wire_packet(w, A);
            wire_run(w, ORPHAN_MS);
            CU_ASSERT(settled(w));
            wire_free(w);
        }
}

static void lifetime_of_the_IKE_SA_is_kept(void)
{
    struct wire_conf c = {.profile = " lifetime 120\n"};
    struct wire *w = up(13, &c, &c);
    CU_ASSERT(no_loss(w, 130000 / 50));
    wire_run(w, 120000);
    CU_ASSERT(w->side[A].ike->counters.sas_rekeyed >= 1);
    CU_ASSERT_EQUAL(w->side[A].ike->counters.sas_established, 1);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- refusals played by a peer ---------------------------------------------------------------------------------------- */
struct refusal {
    uint16_t notify;
};

static void put_refusal(struct pld_builder *b, void *ctx)
{
    const struct refusal *r = ctx;
    static const uint8_t group[2] = {4, 1}; /* 1025, never offered */
    struct slice none = {NULL, 0}, data = {group, sizeof group};
    pld_put_notify(b, PLD_PROTO_NONE, none, r->notify, r->notify == PLD_N_INVALID_KE_PAYLOAD ? data : none);
}

static void drop_queue(struct wire *w)
{
    for (unsigned i = 0; i < w->queued; i++)
        free(w->queue[i].data);
    w->queued = 0;
}

static void refused_rekey_keeps_the_old_child_and_is_tried_again(void)
{
    static const uint16_t notifies[] = {PLD_N_NO_PROPOSAL_CHOSEN, PLD_N_TS_UNACCEPTABLE,
                                        PLD_N_TEMPORARY_FAILURE,  PLD_N_NO_ADDITIONAL_SAS,
                                        PLD_N_INVALID_KE_PAYLOAD, 9999};
    for (unsigned i = 0; i < sizeof notifies / sizeof *notifies; i++) {
        struct wire *w = up(600 + i, NULL, NULL);
        struct refusal r = {.notify = notifies[i]};
        w->side[B].deaf = true;
        rekey(w, A, false);
        drop_queue(w);
        wire_forge(w, B, wire_sa(w, B), PLD_CREATE_CHILD_SA, true, v2_of(wire_sa(w, A))->next_send - 1,
                   put_refusal, &r);
        v2_of(wire_sa(w, B))->next_recv = v2_of(wire_sa(w, A))->next_send;
        w->side[B].deaf = false;
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        CU_ASSERT_EQUAL(wire_count(w, "CREATE_CHILD_SA req"), 1); /* not at once */
        wire_run(w, 20000);
        CU_ASSERT_EQUAL(wire_count(w, "CREATE_CHILD_SA req"), 2);
        CU_ASSERT(settled(w));
        CU_ASSERT_EQUAL(w->side[A].ike->counters.children_rekeyed, 1);
        wire_free(w);
    }
}

static void child_that_the_peer_has_lost_is_made_anew(void)
{
    struct wire *w = up(14, NULL, NULL);
    sam_child_delete(w->side[B].ike->sam, wire_child(w, B), 0); /* silently */
    rekey(w, A, false);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "B CREATE_CHILD_SA resp 2: N(CHILD_SA_NOT_FOUND)\n"
                          "A CREATE_CHILD_SA req 3: SA Nonce TSi TSr\n"));
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void endless_TEMPORARY_FAILURE_closes_the_IKE_SA_after_minutes(void)
{
    struct wire *w = up(15, NULL, NULL);
    uint64_t start = w->now;
    unsigned tries = 0;
    struct refusal r = {.notify = PLD_N_TEMPORARY_FAILURE};
    w->side[B].deaf = true;
    rekey(w, A, false);
    while (wire_sa(w, A) && wire_sa(w, A)->established && v2_of(wire_sa(w, A))->state == V2_ESTABLISHED &&
           tries < 100) {
        struct v2_task *t = v2_task_find(wire_sa(w, A), V2_TASK_REKEY_CHILD, 0);
        drop_queue(w);
        if (t) {
            tries++;
            wire_forge(w, B, wire_sa(w, B), PLD_CREATE_CHILD_SA, true, t->message_id, put_refusal, &r);
        }
        wire_run(w, 500);
    }
    CU_ASSERT(tries > 5 && tries < 30);
    CU_ASSERT(w->now - start > 120000 && w->now - start < 600000);
    wire_free(w);
}

UNIT_MAIN("rekey", UNIT_TEST(child_rekey_from_each_side_loses_no_packet),
          UNIT_TEST(idle_child_rekey_moves_both_ends), UNIT_TEST(slow_network_loses_no_packet_in_a_rekey),
          UNIT_TEST(child_rekey_with_PFS_and_group_retry), UNIT_TEST(soft_lifetimes_rekey_again_and_again),
          UNIT_TEST(a_day_with_both_kinds_of_rekey), UNIT_TEST(volume_limit_rekeys),
          UNIT_TEST(responder_only_leaves_rekeying_to_the_peer),
          UNIT_TEST(RFC7296_2_8_1_crossing_child_rekeys_leave_one_child),
          UNIT_TEST(RFC7296_2_8_1_late_request_finds_no_child),
          UNIT_TEST(crossing_rekeys_survive_every_single_loss),
          UNIT_TEST(responder_sends_on_no_child_that_the_peer_does_not_have),
          UNIT_TEST(both_rekey_with_jittered_delays), UNIT_TEST(IKE_rekey_from_each_side_keeps_the_child),
          UNIT_TEST(IKE_rekey_with_another_group), UNIT_TEST(RFC7296_2_8_2_crossing_IKE_rekeys_leave_one_SA),
          UNIT_TEST(RFC7296_2_8_2_one_sided_notice),
          UNIT_TEST(RFC7296_2_25_rekeys_of_IKE_SA_and_child_that_cross_are_put_off),
          UNIT_TEST(RFC7296_2_25_2_delete_of_a_child_that_crosses_an_IKE_rekey),
          UNIT_TEST(lifetime_of_the_IKE_SA_is_kept),
          UNIT_TEST(refused_rekey_keeps_the_old_child_and_is_tried_again),
          UNIT_TEST(child_that_the_peer_has_lost_is_made_anew),
          UNIT_TEST(endless_TEMPORARY_FAILURE_closes_the_IKE_SA_after_minutes))
