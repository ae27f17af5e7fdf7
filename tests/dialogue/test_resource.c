/* Child SAs for single workers (RFC 9611): one for each beside the one for all, asked for one at a time; refused, lost, rekeyed. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 8000, HOUR_MS = 3600000 };

static const struct wire_conf each = {.ipsec = " set security-association per-worker\n"};

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

static unsigned of_worker(struct wire *w, enum wire_end end, uint8_t worker)
{
    unsigned n = 0;
    for (const struct sam_child *c = sam_children(w->side[end].ike->sam); c; c = c->next)
        n += c->state == SAM_INSTALLED && c->worker == worker;
    return n;
}

static struct sam_child *child_of(struct wire *w, enum wire_end end, uint8_t worker)
{
    for (struct sam_child *c = sam_children(w->side[end].ike->sam); c; c = c->next)
        if (c->state == SAM_INSTALLED && c->worker == worker)
            return c;
    return NULL;
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
          UNIT_TEST(a_peer_that_asks_for_thousands_gets_its_share))
