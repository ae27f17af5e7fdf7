/* 2^32 packets and more that were lost with ESN (RFC 4303 A3, RFC 4302 B3). */
#include "dataplane/esp/esp_in.h"
#include "tests/unit/esp/esp_fix.h"

enum { PLENTY = 200, TEXT = 100 };

static eng_burst_fn *real;
static unsigned calls;

static void counted(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    calls++;
    real(w, s, ops, n);
}

static void count_calls(struct fix *f)
{
    real = f->in->burst;
    f->in->burst = counted;
    f->in->lines.runs_max = 0;
    calls = 0;
}

static struct cv_sa esn_sa(unsigned transform, bool ah)
{
    struct cv_sa sa = fix_sa(transform, IP_V4, CV_SA_ESN);
    sa.proto = ah ? CV_PROTO_AH : CV_PROTO_ESP;
    return sa;
}

/* The sender is at seq from now on. */
static void sender_at(struct fix *f, struct cv_sa sa, uint64_t seq)
{
    esp_out_sa_free(f->out);
    sa.seq = seq;
    if (esp_out_sa_new(&sa, fix_engine(), -1, f->out_counters, &f->out) != CV_OK)
        abort();
}

static enum cv_drop taken(struct fix *f, struct rte_mbuf *m)
{
    if (esp_in_sa_conf(f->in)->proto != CV_PROTO_AH)
        return fix_in(f, m);
    struct rte_mbuf *pkts[1] = {m};
    struct esp_in_sa *sas[1] = {f->in};
    fix_classify(m);
    return esp_ah_in_burst(&f->w, pkts, sas, 1) ? CV_DROP_NONE : (enum cv_drop)dp_meta(m)->drop;
}

static struct rte_mbuf *sealed_of(struct fix *f, uint16_t octets)
{
    struct rte_mbuf *m = fix_inner(f, IP_V4, octets, 0);
    CU_ASSERT_EQUAL(fix_out(f, m), CV_DROP_NONE);
    return m;
}

static struct rte_mbuf *sealed(struct fix *f)
{
    return sealed_of(f, TEXT);
}

static void turn(struct fix *f)
{
    f->w.now_tsc += f->w.second / 200;
}

/* Is the next packet taken, as it was sent? */
static bool arrives(struct fix *f)
{
    struct rte_mbuf *m = sealed(f), *was = fix_inner(f, IP_V4, TEXT, 0);
    turn(f);
    const bool ok = taken(f, m) == CV_DROP_NONE;
    CU_ASSERT(!ok || (m->data_len == TEXT &&
                      memcmp(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(was, void *), TEXT) == 0));
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(was);
    return ok;
}

static void forge_of(struct fix *f, uint16_t octets)
{
    struct rte_mbuf *m = sealed_of(f, octets);
    rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 1] ^= 1;
    CU_ASSERT_NOT_EQUAL(taken(f, m), CV_DROP_NONE);
    rte_pktmbuf_free(m);
}

static void forge(struct fix *f)
{
    forge_of(f, TEXT);
}

/* Packets lost until one comes in again, of a sender that went on at seq; PLENTY: none does. */
static unsigned lost_until_taken(unsigned transform, bool ah, uint64_t seq)
{
    struct cv_sa sa = esn_sa(transform, ah);
    struct fix f;
    fix_open(&f, &sa);
    CU_ASSERT(arrives(&f));
    sender_at(&f, sa, seq - 1);
    unsigned lost = 0;
    while (lost < PLENTY && !arrives(&f))
        lost++;
    const uint64_t top = f.in_counters.highest_seq;
    CU_ASSERT_EQUAL(top, lost < PLENTY ? seq + lost : 1);
    CU_ASSERT_EQUAL(f.in_counters.auth_failed, lost);
    if (lost < PLENTY)
        for (unsigned i = 0; i < 100; i++)
            CU_ASSERT(arrives(&f));
    fix_close(&f);
    return lost;
}

static void RFC_4303_A3_each_transform_recovers(void)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++) {
        const unsigned lost = lost_until_taken(t, false, (UINT64_C(1) << 32) + 101);
        if (lost != ESP_RESYNC_FAILURES - 1)
            printf("%s lost %u ", fix_transforms[t].name, lost);
        CU_ASSERT_EQUAL(lost, ESP_RESYNC_FAILURES - 1);
    }
}

static void RFC_4302_B3_so_does_AH(void)
{
    for (unsigned t = FIX_NULL_MD5; t < FIX_TRANSFORMS; t++)
        CU_ASSERT_EQUAL(lost_until_taken(t, true, (UINT64_C(1) << 32) + 101), ESP_RESYNC_FAILURES - 1);
}

static void three_higher_halves_are_tried(void)
{
    for (uint64_t hi = 1; hi < 6; hi++)
        CU_ASSERT_EQUAL(lost_until_taken(FIX_GCM, false, (hi << 32) + 101),
                        hi <= ESP_RESYNC_HIGHER ? ESP_RESYNC_FAILURES - 1 : PLENTY);
}

static void what_was_there_before_stays_out(void)
{
    struct cv_sa sa = esn_sa(FIX_GCM, false);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = sealed(&f), *first = fix_copy(&f, m), *last = NULL;
    CU_ASSERT_EQUAL(taken(&f, m), CV_DROP_NONE);
    rte_pktmbuf_free(m);
    sender_at(&f, sa, (UINT64_C(1) << 32) + 100);
    for (bool in = false; !in; turn(&f)) {
        rte_pktmbuf_free(last);
        m = sealed(&f);
        last = fix_copy(&f, m);
        in = taken(&f, m) == CV_DROP_NONE;
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(taken(&f, last), CV_DROP_REPLAY_DUP);
    const uint64_t top = f.in_counters.highest_seq;
    for (unsigned i = 0; i < PLENTY;
         i++, turn(&f)) { /* its own half is none of the higher ones, however often it is sent */
        m = fix_copy(&f, first);
        CU_ASSERT_NOT_EQUAL(taken(&f, m), CV_DROP_NONE);
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(f.in_counters.highest_seq, top);
    rte_pktmbuf_free(first);
    rte_pktmbuf_free(last);
    fix_close(&f);
}

static void forgeries_move_nothing_and_cost_little(void)
{
    struct cv_sa sa = esn_sa(FIX_GCM, false);
    struct fix f;
    fix_open(&f, &sa);
    CU_ASSERT(arrives(&f));
    count_calls(&f);
    for (unsigned i = 0; i < 1000; i++) /* at once */
        forge(&f);
    CU_ASSERT_EQUAL(calls, 1000 + 2 * ESP_RESYNC_HIGHER);
    calls = 0;
    for (unsigned i = 0; i < 1000; i++) { /* within a second */
        f.w.now_tsc += f.w.second / 1000;
        forge(&f);
    }
    CU_ASSERT(calls >= 1000 + 90 * 2 * ESP_RESYNC_HIGHER && calls <= 1000 + 100 * 2 * ESP_RESYNC_HIGHER);
    CU_ASSERT_EQUAL(f.in_counters.highest_seq, 1);
    CU_ASSERT(arrives(&f));
    fix_close(&f);
}

static void forgeries_that_are_longer_cost_no_more(void)
{
    enum { LONG = 1500, TRIES = 1 + LONG / 1024 };
    struct cv_sa sa = esn_sa(FIX_GCM, false);
    struct fix f;
    fix_open(&f, &sa);
    CU_ASSERT(arrives(&f));
    for (unsigned i = 0; i < ESP_RESYNC_FAILURES - 1; i++)
        forge(&f);
    count_calls(&f);
    for (unsigned i = 0; i < 1000; i++) { /* within a second */
        f.w.now_tsc += f.w.second / 1000;
        forge_of(&f, LONG);
    }
    CU_ASSERT(calls >= 1000 + 90 / TRIES * 2 * ESP_RESYNC_HIGHER &&
              calls <= 1000 + 100 / TRIES * 2 * ESP_RESYNC_HIGHER);
    /* Of the worker's time as well: another SA waits as long. */
    f.w.now_tsc += f.w.second;
    forge_of(&f, LONG);
    calls = 0;
    f.in->resync.next_tsc = 0;
    f.w.now_tsc += f.w.second / 1000 * (TRIES - 1);
    forge(&f);
    CU_ASSERT_EQUAL(calls, 1);
    f.w.now_tsc += f.w.second / 1000;
    forge(&f);
    CU_ASSERT_EQUAL(calls, 2 + 2 * ESP_RESYNC_HIGHER);
    fix_close(&f);
}

static void a_worker_tries_for_one_SA_at_a_time(void)
{
    struct cv_sa sa = esn_sa(FIX_GCM, false);
    struct fix f;
    fix_open(&f, &sa);
    CU_ASSERT(arrives(&f));
    count_calls(&f);
    f.w.resync_tsc = f.w.now_tsc + 1; /* for another */
    for (unsigned i = 0; i < PLENTY; i++)
        forge(&f);
    CU_ASSERT_EQUAL(calls, PLENTY);
    fix_close(&f);
}

static void failures_in_a_row_count_and_ESN_alone(void)
{
    for (unsigned esn = 0; esn < 2; esn++) {
        struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, esn ? CV_SA_ESN : 0);
        struct fix f;
        fix_open(&f, &sa);
        count_calls(&f);
        unsigned n = 0;
        for (unsigned i = 0; i < 10; i++) {
            CU_ASSERT(arrives(&f));
            const unsigned times = esn ? ESP_RESYNC_FAILURES - 1 : PLENTY;
            for (unsigned k = 0; k < times; k++, turn(&f))
                forge(&f);
            n += 1 + times;
        }
        CU_ASSERT_EQUAL(calls, n);
        fix_close(&f);
    }
}

UNIT_MAIN_EAL("esp_resync", UNIT_TEST(RFC_4303_A3_each_transform_recovers), UNIT_TEST(RFC_4302_B3_so_does_AH),
              UNIT_TEST(three_higher_halves_are_tried), UNIT_TEST(what_was_there_before_stays_out),
              UNIT_TEST(forgeries_move_nothing_and_cost_little),
              UNIT_TEST(forgeries_that_are_longer_cost_no_more),
              UNIT_TEST(a_worker_tries_for_one_SA_at_a_time),
              UNIT_TEST(failures_in_a_row_count_and_ESN_alone))
