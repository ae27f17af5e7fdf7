/* Child SAs for single workers (RFC 9611): one for each beside the one for all, asked for one at a time; refused, lost, rekeyed. */
#include "control/ike/ike_child.h"
#include "tests/dialogue/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600000 };

static struct wire *up(uint64_t seed, const struct wire_conf *a, unsigned workers_a,
                       const struct wire_conf *b, unsigned workers_b)
{
    struct wire *w = wire_new(seed, a, b);
    w->side[A].dp->workers = workers_a;
    w->side[B].dp->workers = workers_b;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    return w;
}

/* One for all and one for each of so many workers, at both ends, the SPIs in the workers' buckets. */
static bool complete(struct wire *w, unsigned workers)
{
    bool ok = wire_children(w, A) == workers + 1 && wire_children(w, B) == workers + 1;
    for (enum wire_end end = A; end <= B; end++)
        for (uint8_t k = 0; k <= workers; k++) {
            const struct sam_child *c = child_of(w, end, k);
            ok = ok && of_worker(w, end, k) == 1 && c->active &&
                 (k == 0 || cv_spi_bucket(c->in.spi) % w->side[end].dp->workers == k - 1u);
        }
    if (!ok)
        fprintf(stderr, "A %u B %u\n%s", wire_children(w, A), wire_children(w, B), w->trace);
    return ok;
}

static void each_worker_gets_one_after_the_first(void)
{
    struct wire *w = up(1, &each, 3, &each, 3);
    CU_ASSERT_TRUE(complete(w, 3));
    CU_ASSERT_EQUAL(wire_count(w, "A CREATE_CHILD_SA req"), 3);
    CU_ASSERT_EQUAL(wire_count(w, "N(SA_RESOURCE_INFO)"), 8);
    CU_ASSERT_EQUAL(wire_traffic(w, 200), 0);
    wire_trace_clear(w);
    wire_run(w, HOUR_MS / 8);
    CU_ASSERT_EQUAL(wire_count(w, "CREATE_CHILD_SA"), 0); /* and that is all */
    wire_free(w);
}

/* RFC 9611 5.2: the one with fewer workers says when; it is asked again, later and later. */
static void fewer_workers_there_end_it(void)
{
    struct wire *w = up(2, &each, 4, &each, 2);
    CU_ASSERT_TRUE(wire_children(w, A) == 3 && wire_children(w, B) == 3);
    CU_ASSERT_EQUAL(wire_count(w, "N(TS_MAX_QUEUE)"), 1);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
    CU_ASSERT_TRUE(wire_both_up(w));
    wire_trace_clear(w);
    wire_run(w, 50000);
    CU_ASSERT_EQUAL(wire_count(w, "N(TS_MAX_QUEUE)"), 0);
    wire_run(w, 600000);
    const unsigned again = wire_count(w, "N(TS_MAX_QUEUE)");
    CU_ASSERT_TRUE(again >= 2 && again <= 4);
    CU_ASSERT_TRUE(wire_children(w, A) == 3 && wire_both_up(w));
    wire_free(w);
}

static void a_peer_without_it_gets_one(void)
{
    struct wire *w = up(3, &each, 3, NULL, 3);
    CU_ASSERT_TRUE(wire_children(w, A) == 1 && wire_children(w, B) == 1 && wire_both_up(w));
    CU_ASSERT_EQUAL(wire_count(w, "CREATE_CHILD_SA"), 0);
    CU_ASSERT_EQUAL(wire_count(w, "N(SA_RESOURCE_INFO)"), 1);
    wire_free(w);
    w = up(4, NULL, 3, &each, 3);
    CU_ASSERT_TRUE(wire_children(w, A) == 1 && wire_children(w, B) == 1 && wire_both_up(w));
    CU_ASSERT_EQUAL(wire_count(w, "N(SA_RESOURCE_INFO)"), 0);
    wire_free(w);
}

static void a_wire_that_loses_delays_it(void)
{
    for (uint64_t seed = 10; seed < 20; seed++) {
        struct wire *w = wire_new(seed, &each, &each);
        w->side[A].dp->workers = w->side[B].dp->workers = 2;
        w->loss = 20;
        w->dup = 10;
        wire_up(w, A);
        wire_run(w, 120000);
        w->loss = w->dup = 0;
        wire_run(w, 400000);
        CU_ASSERT_TRUE(complete(w, 2));
        wire_free(w);
    }
}

/* RFC 9611 3: the new SA is bound to what the old one was. */
static void a_rekey_keeps_the_worker(void)
{
    static const struct wire_conf brief = {
        .ipsec = " set security-association per-worker\n set security-association lifetime seconds 120\n"};
    struct wire *w = up(5, &brief, 2, &each, 2);
    CU_ASSERT_TRUE(complete(w, 2));
    const uint32_t was = child_of(w, A, 1)->in.spi;
    wire_run(w, 300000);
    CU_ASSERT_TRUE(complete(w, 2));
    CU_ASSERT_NOT_EQUAL(child_of(w, A, 1)->in.spi, was);
    wire_free(w);
}

static void an_ike_rekey_takes_them_along(void)
{
    char err[SEL_TEXT_MAX];
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up(6, &each, 2, &each, 2);
        (void)ike_rekey(w->side[end].ike, "Tunnel1", true, err, sizeof err);
        wire_run(w, 10000);
        CU_ASSERT_TRUE(complete(w, 2));
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        wire_free(w);
    }
}

/* RFC 9611 3: a peer may delete what it deems idle; the one for all goes on. */
static void one_that_the_peer_deletes_leaves_the_tunnel_up(void)
{
    struct wire *w = up(7, &each, 2, &each, 2);
    struct sam_child *c = child_of(w, B, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(v2_delete_child(w->side[B].ike, wire_sa(w, B), c), CV_OK);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE(of_worker(w, A, 2) == 0 && of_worker(w, A, 1) == 1 && of_worker(w, A, 0) == 1);
    CU_ASSERT_TRUE(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
    wire_free(w);
}

/* Both ends at once: two IKE SAs at first; each worker gets what it needs, and no end asks for ever. */
static void both_ends_at_once_end_complete(void)
{
    for (uint64_t seed = 30; seed < 40; seed++) {
        struct wire *w = wire_new(seed, &each, &each);
        w->side[A].dp->workers = w->side[B].dp->workers = 2;
        wire_up(w, A);
        wire_up(w, B);
        wire_run(w, 300000);
        for (uint8_t k = 0; k <= 2; k++)
            CU_ASSERT_TRUE(of_worker(w, A, k) >= 1 && of_worker(w, B, k) >= 1);
        CU_ASSERT_TRUE(wire_both_up(w) && wire_children(w, A) <= 6 && wire_children(w, B) <= 6);
        wire_trace_clear(w);
        wire_run(w, HOUR_MS / 8);
        CU_ASSERT_EQUAL(wire_count(w, "CREATE_CHILD_SA"), 0);
        wire_free(w);
    }
}

/* A control process that comes back finds SAs of workers; the new ones take their places. */
static void a_restart_replaces_what_was_adopted(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up(9, &each, 2, &each, 2);
        CU_ASSERT_TRUE(complete(w, 2));
        wire_restart(w, end, false);
        wire_adopt(w, end);
        wire_run(w, 200000);
        CU_ASSERT_TRUE(complete(w, 2));
        wire_free(w);
    }
}

static void it_can_be_configured_while_the_tunnel_is_up(void)
{
    char text[WIRE_CONF];
    struct wire *w = up(10, NULL, 2, &each, 2);
    CU_ASSERT_EQUAL(wire_children(w, A), 1);
    wire_conf_text(A, &each, text);
    wire_reload(w, A, text);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE(complete(w, 2));
    wire_conf_text(A, NULL, text);
    wire_reload(w, A, text);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE(wire_children(w, A) == 1 && wire_both_up(w));
    wire_free(w);
}

static void fewer_than_there_are_workers_are_asked_for(void)
{
    static const struct wire_conf two = {.ipsec = " set security-association per-worker 2\n"};
    struct wire *w = up(11, &two, 4, &each, 4);
    CU_ASSERT_TRUE(complete(w, 2));
    CU_ASSERT_EQUAL(wire_count(w, "N(TS_MAX_QUEUE)"), 0);
    wire_free(w);
    w = up(12, &each, 4, &two, 4);
    CU_ASSERT_TRUE(complete(w, 2));
    CU_ASSERT_EQUAL(wire_count(w, "N(TS_MAX_QUEUE)"), 1);
    wire_free(w);
}

static void IKEv1_has_the_one(void)
{
    const struct wire_conf v1 = {.ikev1 = true, .ipsec = each.ipsec};
    struct wire *w = up(13, &v1, 2, &v1, 2);
    CU_ASSERT_TRUE(wire_children(w, A) == 1 && wire_children(w, B) == 1 && wire_both_up(w));
    wire_free(w);
}

/* ---- an older IKE SA that the peer has forgotten ---------------------------------------------------------------------- */
/* INITIAL_CONTACT becomes a status nobody knows (RFC 7296 3.10.1: to be ignored). */
static void no_contact(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    uint8_t type = *first;
    (void)cap;
    (void)ctx;
    for (size_t at = 0; at + 8 <= *len;) {
        const size_t n = (size_t)plain[at + 2] << 8 | plain[at + 3];
        if (type == PLD_NOTIFY && plain[at + 6] == 0x40 && plain[at + 7] == 0x00)
            plain[at + 6] = 0x9f;
        type = plain[at];
        at += n > 4 ? n : 4;
    }
}

static bool without_contact(struct wire *w, struct wire_packet *p, void *ctx)
{
    if (p->from == A && p->data[18] == PLD_IKE_AUTH)
        (void)wire_reseal(w, p, no_contact, ctx);
    return true;
}

static unsigned out_of_workers(struct wire *w, enum wire_end end)
{
    unsigned n = 0;
    for (unsigned i = 0; i < MOCK_SLOTS; i++)
        n += w->side[end].dp->out[i].used && w->side[end].dp->out[i].sa.worker != CV_WORKER_ANY;
    return n;
}

/* A comes back and begins anew; B hears of no initial contact, and its workers would prefer their own SAs to A's new one until A's old IKE SA is found
 * dead. */
static void workers_leave_an_older_IKE_SA_when_the_peer_begins_anew(void)
{
    char text[WIRE_CONF];
    struct wire *w = up(14, &each, 2, &each, 2);
    CU_ASSERT_TRUE_FATAL(complete(w, 2));
    CU_ASSERT_EQUAL(out_of_workers(w, B), 2);
    const uint32_t was = child_of(w, B, 1)->id;
    wire_conf_text(A, NULL, text);
    w->side[A].muted = true;
    wire_reload(w, A, text); /* nothing else covers the old ones: A wants but one now */
    wire_restart(w, A, true);
    w->side[A].muted = false;
    w->filter = without_contact;
    wire_up(w, A);
    wire_run(w, 1000);
    CU_ASSERT_EQUAL(wire_sas(w, B), 2);
    CU_ASSERT_EQUAL(out_of_workers(w, B), 0);
    CU_ASSERT_TRUE(wire_packet(w, A) && wire_packet(w, B));
    struct sam_child *c = sam_child_by_id(w->side[B].ike->sam, was);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_TRUE(of_worker(w, B, 1) == 1 && of_worker(w, B, 2) == 1); /* what they get is taken still */
    sam_child_activate(w->side[B].ike->sam, c);                         /* for good */
    CU_ASSERT_FALSE(c->active);
    ike_sa_remove(w->side[B].ike, ike_sa_by_conn(w->side[B].ike, c->owner), IKE_REASON_DPD_DEAD, "%s",
                  "the test says so");
    wire_run(w, 10000);
    CU_ASSERT_TRUE(wire_both_up(w) && wire_consistent(w, true));
    CU_ASSERT_STRING_EQUAL(w->side[B].dp->violation, "");
    wire_free(w);
}

/* Selectors of the new one that leave out some of the old: what they leave out stays where it was. */
static void a_narrower_or_no_newer_one_ends_nothing(void)
{
    struct wire *w = up(15, &each, 2, &each, 2);
    struct ike *e = w->side[B].ike;
    struct sam_child *of_one = child_of(w, B, 1), *all = child_of(w, B, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(of_one);
    const struct ike_sa *sa = wire_sa(w, B);
    struct ike_sa newer = *sa;
    struct sam_child one = *all;
    newer.conn_id = one.owner = sa->conn_id + 1000;
    newer.created_ms = sa->established_ms + 1;
    memcpy(one.ts_remote[0].hi, one.ts_remote[0].lo, sizeof one.ts_remote[0].hi);
    ike_child_up(e, &newer, &one, "of the test", false);
    CU_ASSERT_EQUAL(out_of_workers(w, B), 2);
    one.ts_remote[0] = all->ts_remote[0];
    newer.created_ms = sa->established_ms; /* both at once: neither */
    ike_child_up(e, &newer, &one, "of the test", false);
    CU_ASSERT_EQUAL(out_of_workers(w, B), 2);
    newer.created_ms = sa->established_ms + 1;
    ike_child_up(e, &newer, &one, "of the test", true); /* a rekey says nothing new of the peer */
    CU_ASSERT_EQUAL(out_of_workers(w, B), 2);
    ike_child_up(e, &newer, &one, "of the test", false);
    wire_run(w, 10);
    CU_ASSERT_EQUAL(out_of_workers(w, B), 0);
    wire_free(w);
}

/* Any peer may come, and all of them have the group's key: one that takes more than another has says nothing of what that one has lost. */
static void another_member_of_the_group_ends_nothing(void)
{
    char a[WIRE_CONF], b[WIRE_CONF];
    wire_conf_text(A, &each, a);
    wire_conf_text(B, &each, b);
    char *from = strstr(b, " tunnel destination"), *to = from ? strchr(from, '\n') : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    memmove(from, to + 1, strlen(to + 1) + 1);
    struct wire *w = wire_new_text(19, a, b);
    w->side[A].dp->workers = w->side[B].dp->workers = 2;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE_FATAL(complete(w, 2));
    struct ike *e = w->side[B].ike;
    const struct ike_sa *sa = ike_sa_by_conn(e, child_of(w, B, 0)->owner);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
    struct ike_sa newer = *sa;
    struct sam_child wide = *child_of(w, B, 0);
    newer.conn_id = wide.owner = sa->conn_id + 1000;
    newer.created_ms = sa->established_ms + 1;
    newer.peer_id[newer.peer_id_len - 1] ^= 1;
    ike_child_up(e, &newer, &wide, "of the test", false);
    wire_run(w, 10);
    CU_ASSERT_EQUAL(out_of_workers(w, B), 2);
    newer.peer_id[newer.peer_id_len - 1] ^= 1; /* it was the same after all */
    ike_child_up(e, &newer, &wide, "of the test", false);
    wire_run(w, 10);
    CU_ASSERT_EQUAL(out_of_workers(w, B), 0);
    wire_free(w);
}

/* ---- without the one for all ------------------------------------------------------------------------------------------ */
/* RFC 9611: while workers send on their own no packet asks for the one for all; a new worker, or a lost one, would need it. */
static void the_one_for_all_comes_back(void)
{
    struct wire *w = up(16, &each, 2, &each, 2);
    CU_ASSERT_EQUAL(v2_delete_child(w->side[B].ike, wire_sa(w, B), child_of(w, B, 0)), CV_OK);
    wire_run(w, 10000);
    CU_ASSERT_TRUE(of_worker(w, A, 0) == 0 && of_worker(w, A, 1) == 1);
    wire_run(w, 120000);
    CU_ASSERT_TRUE(complete(w, 2));
    wire_free(w);
}

static void a_peer_that_deletes_it_again_and_again_is_asked_ever_more_seldom(void)
{
    struct wire *w = up(17, &each, 2, &each, 2);
    const uint64_t before = w->side[B].ike->counters.children_established;
    for (unsigned i = 0; i < 7200; i++) {
        struct sam_child *c = child_of(w, B, 0);
        if (c)
            (void)v2_delete_child(w->side[B].ike, wire_sa(w, B), c);
        wire_run(w, 1000);
    }
    const uint64_t made = w->side[B].ike->counters.children_established - before;
    CU_ASSERT_TRUE(made >= 3 && made <= 8); /* after 1, 2, 4, ... minutes */
    CU_ASSERT_TRUE(of_worker(w, A, 1) == 1 && of_worker(w, A, 2) == 1);
    wire_free(w);
}

/* SA_RESOURCE_INFO becomes a status nobody knows. */
static void no_resource(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    uint8_t type = *first;
    (void)cap;
    (void)ctx;
    for (size_t at = 0; at + 8 <= *len;) {
        const size_t n = (size_t)plain[at + 2] << 8 | plain[at + 3];
        if (type == PLD_NOTIFY && plain[at + 6] == PLD_N_SA_RESOURCE_INFO >> 8 &&
            plain[at + 7] == (PLD_N_SA_RESOURCE_INFO & 0xff))
            plain[at + 6] = 0x9f;
        type = plain[at];
        at += n > 4 ? n : 4;
    }
}

static bool knows_no_resource(struct wire *w, struct wire_packet *p, void *ctx)
{
    if (p->data[18] == PLD_CREATE_CHILD_SA)
        (void)wire_reseal(w, p, no_resource, ctx);
    return true;
}

/* The peer was told to have no more of them: the one for all comes back once, not again and again beside itself. */
static void a_peer_that_wants_workers_no_longer_gets_one_for_all(void)
{
    struct wire *w = up(20, &each, 2, &each, 2);
    const uint64_t before = w->side[B].ike->counters.children_established;
    w->filter = knows_no_resource;
    CU_ASSERT_EQUAL(v2_delete_child(w->side[B].ike, wire_sa(w, B), child_of(w, B, 0)), CV_OK);
    wire_run(w, HOUR_MS / 2);
    CU_ASSERT_EQUAL(of_worker(w, A, 0), 1);
    CU_ASSERT_EQUAL(of_worker(w, B, 0), 1);
    CU_ASSERT_EQUAL(w->side[B].ike->counters.children_established, before + 1);
    CU_ASSERT_TRUE(wire_both_up(w));
    wire_free(w);
}

/* One that we deleted ourselves, and `up`. */
static void up_makes_it_beside_those_of_workers(void)
{
    struct wire *w = up(18, &each, 2, &each, 2);
    CU_ASSERT_EQUAL(v2_delete_child(w->side[A].ike, wire_sa(w, A), child_of(w, A, 0)), CV_OK);
    wire_run(w, 1000);
    CU_ASSERT_TRUE(of_worker(w, A, 0) == 0 && of_worker(w, A, 1) == 1);
    wire_up(w, A);
    wire_run(w, 1000);
    CU_ASSERT_TRUE(complete(w, 2));
    wire_free(w);
}

/* A peer that claims to have thousands gets as many as there are workers here. */
static void a_peer_that_asks_for_thousands_gets_its_share(void)
{
    struct wire *w = up(8, &each, 16, &each, 2);
    for (unsigned i = 0; i < 2000; i++) {
        struct v2_sa *v = v2_of(wire_sa(w, A));
        v->resource_from = 0;
        v->resource_at = w->now;
        v2_schedule(w->side[A].ike, wire_sa(w, A));
        wire_run(w, 100);
    }
    CU_ASSERT_TRUE(wire_children(w, B) == 3 && wire_sas(w, B) == 1 && wire_both_up(w));
    CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_NONE);
    wire_free(w);
}

UNIT_MAIN("resource", UNIT_TEST(each_worker_gets_one_after_the_first), UNIT_TEST(fewer_workers_there_end_it),
          UNIT_TEST(a_peer_without_it_gets_one), UNIT_TEST(a_wire_that_loses_delays_it),
          UNIT_TEST(a_rekey_keeps_the_worker), UNIT_TEST(an_ike_rekey_takes_them_along),
          UNIT_TEST(one_that_the_peer_deletes_leaves_the_tunnel_up),
          UNIT_TEST(both_ends_at_once_end_complete), UNIT_TEST(a_restart_replaces_what_was_adopted),
          UNIT_TEST(it_can_be_configured_while_the_tunnel_is_up),
          UNIT_TEST(fewer_than_there_are_workers_are_asked_for), UNIT_TEST(IKEv1_has_the_one),
          UNIT_TEST(a_peer_that_asks_for_thousands_gets_its_share),
          UNIT_TEST(workers_leave_an_older_IKE_SA_when_the_peer_begins_anew),
          UNIT_TEST(a_narrower_or_no_newer_one_ends_nothing), UNIT_TEST(the_one_for_all_comes_back),
          UNIT_TEST(a_peer_that_deletes_it_again_and_again_is_asked_ever_more_seldom),
          UNIT_TEST(up_makes_it_beside_those_of_workers), UNIT_TEST(another_member_of_the_group_ends_nothing),
          UNIT_TEST(a_peer_that_wants_workers_no_longer_gets_one_for_all))
