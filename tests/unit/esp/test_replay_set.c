/* The anti-replay window against a naive set of all that ever came: reordered, lost, duplicated and replayed
 * numbers, one by one and in runs, of every window size, over the roll-overs of the 32 bits that the wire carries (RFC 4303 3.4.3, A2). */
#include "dataplane/esp/esp_replay.h"
#include "tests/unit/esp/esp_fix.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of one stream: BASE to BASE + SPAN, so that 2^32 lies in the middle. */
enum { SPAN = 1 << 20, RUN_MAX = 64 };
#define EDGE UINT64_C(0x700000000)
#define BASE (EDGE - SPAN / 2)

struct stream {
    struct esp_replay window;
    uint64_t bits[CV_REPLAY_WINDOW_MAX / 32];
    uint8_t seen[SPAN + CV_REPLAY_WINDOW_MAX]; /* the naive set */
    uint64_t top;
    uint64_t rng;
    unsigned took, old, dup, runs, runs_over;
};

static uint32_t draw(struct stream *s, uint32_t below)
{
    s->rng = s->rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s->rng >> 33) % below;
}

/* A2 in other words: the smallest number that has these 32 bits and is not left of the window. */
static uint64_t number_of(const struct stream *s, uint32_t lo, uint32_t window)
{
    uint64_t seq = ((s->top >> 32) - 1) << 32 | lo;
    while (seq + window <= s->top)
        seq += UINT64_C(1) << 32;
    return seq;
}

static enum cv_drop naive(struct stream *s, uint64_t seq, uint32_t window)
{
    if (seq + window <= s->top)
        return CV_DROP_REPLAY_OLD;
    if (s->seen[seq - BASE])
        return CV_DROP_REPLAY_DUP;
    s->seen[seq - BASE] = 1;
    if (seq > s->top)
        s->top = seq;
    return CV_DROP_NONE;
}

/* Esn: the number is inferred of its low half, else it comes whole. False: they differ. */
static bool arrives(struct stream *s, uint64_t sent, uint32_t window, bool esn)
{
    uint64_t seq = sent;
    if (esn &&
        (!esp_replay_infer(&s->window, (uint32_t)sent, &seq) || seq != number_of(s, (uint32_t)sent, window)))
        return false;
    if (esn && seq != sent) {
        s->old++; /* taken for one of the next subspace: the ICV, computed over the high half, fails */
        return sent + window <= s->top;
    }
    enum cv_drop got = esp_replay_check(&s->window, seq);
    if (got == CV_DROP_NONE)
        esp_replay_advance(&s->window, seq);
    s->took += got == CV_DROP_NONE;
    s->old += got == CV_DROP_REPLAY_OLD;
    s->dup += got == CV_DROP_REPLAY_DUP;
    return got == naive(s, seq, window);
}

/* One step of a network that holds packets back by up to a window and a half, loses runs of them, sends some twice,
 * and of an attacker who replays what he saw. */
static uint64_t step(struct stream *s, uint64_t *head, uint32_t window)
{
    const uint32_t kind = draw(s, 100);
    if (kind < 60)
        return ++*head;
    if (kind < 62)
        return *head += 1 + draw(s, 64);
    if (kind == 62)
        return *head += draw(s, 300) ? 1 : 2 * window + draw(s, 64); /* over the whole ring */
    uint64_t back = kind < 85 ? draw(s, 64) : draw(s, window + window / 2);
    return *head - BASE > back + 1 ? *head - back : *head;
}

/* So near in front of the roll-over that the next step could be beyond. */
static bool near_edge(uint64_t head)
{
    return head < EDGE - RUN_MAX && EDGE - head <= 4 * RUN_MAX;
}

/* n numbers that follow one another, all above the top, marked at once as runs do it; each was asked for before. False: they differ. */
static bool run_arrives(struct stream *s, uint64_t first, unsigned n, uint32_t window, bool esn)
{
    bool same = true;
    for (unsigned i = 0; i < n; i++) {
        uint64_t seq = first + i;
        same = same && (!esn || (esp_replay_infer(&s->window, (uint32_t)seq, &seq) && seq == first + i)) &&
               esp_replay_check(&s->window, seq) == CV_DROP_NONE;
    }
    esp_replay_advance_run(&s->window, first, n);
    for (unsigned i = 0; i < n; i++)
        same = same && naive(s, first + i, window) == CV_DROP_NONE && s->top == first + i;
    s->runs++;
    s->runs_over += first >> 32 != (first + n - 1) >> 32;
    return same && s->window.top == s->top;
}

/* A stretch of 1 to RUN_MAX numbers that nobody has seen: behind the head, behind a gap, or behind one that is wider than the ring; one goes over
 * the roll-over. */
static bool stretch(struct stream *s, uint64_t *head, uint32_t window, bool esn)
{
    const uint32_t kind = draw(s, 2000);
    unsigned n = 1 + draw(s, RUN_MAX);
    uint64_t first = *head + 1 + (kind % 2 ? draw(s, 2 * RUN_MAX) : kind ? 0 : 2 * window + draw(s, RUN_MAX));
    if (near_edge(*head)) {
        n = RUN_MAX;
        first = EDGE - 1 - draw(s, RUN_MAX - 1);
    }
    *head = first + n - 1;
    return run_arrives(s, first, n, window, esn);
}

static void run(uint32_t window, bool esn)
{
    static struct stream s;
    memset(&s, 0, sizeof s);
    memset(s.bits, 0xa5, sizeof s.bits);
    s.rng = window * 2 + esn;
    uint64_t head = s.top = BASE;
    esp_replay_init(&s.window, window, s.bits, BASE);
    memset(s.seen, 1, 1);
    unsigned wrong = 0, steps = 0;
    /* What was before BASE counts as seen by both. */
    for (; head < BASE + SPAN - 3 * window && steps < 1500000; steps++) {
        if (draw(&s, 50) == 0 || near_edge(head)) {
            wrong += !stretch(&s, &head, window, esn);
            continue;
        }
        uint64_t seq = step(&s, &head, window);
        if (seq > BASE)
            wrong += !arrives(&s, seq, window, esn);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(head > EDGE); /* the roll-over was passed */
    CU_ASSERT(s.took > 10000 && s.old > 1000 && s.dup > 10000);
    CU_ASSERT(s.runs > 1000 &&
              (s.runs_over == 1 || !esn)); /* a wide gap may lie over it, without ESN a number like others */
}

static void RFC_4303_3_4_3_every_window_agrees_with_a_naive_set(void)
{
    for (uint32_t window = CV_REPLAY_WINDOW_MIN; window <= CV_REPLAY_WINDOW_MAX; window *= 2)
        run(window, false);
}

static void RFC_4303_A2_every_window_agrees_with_a_naive_set_over_a_roll_over(void)
{
    for (uint32_t window = CV_REPLAY_WINDOW_MIN; window <= CV_REPLAY_WINDOW_MAX; window *= 2)
        run(window, true);
}

/* Real packets: the first of an SA is held back until the window's last place, and one beyond. */
static void late_packets(uint32_t window, uint32_t flags, enum cv_drop at_edge, enum cv_drop behind)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, flags);
    struct fix f;
    sa.replay_window = window;
    sa.seq = flags & CV_SA_ESN ? EDGE - 1000 : 0;
    fix_open(&f, &sa);
    struct rte_mbuf *late[3];
    for (unsigned i = 0; i < 3; i++) {
        late[i] = fix_inner(&f, IP_V4, 100, 0);
        CU_ASSERT_EQUAL_FATAL(fix_out(&f, late[i]), CV_DROP_NONE);
    }
    for (uint32_t i = 0; i < window - 2; i++) { /* the last has number `window` + 1 */
        struct rte_mbuf *m = fix_inner(&f, IP_V4, 100, 0);
        if (fix_out(&f, m) != CV_DROP_NONE || fix_in(&f, m) != CV_DROP_NONE)
            CU_FAIL_FATAL("a packet in order was dropped");
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(fix_in(&f, late[1]), at_edge);
    CU_ASSERT_EQUAL(fix_in(&f, late[0]), behind);
    for (unsigned i = 0; i < 3; i++)
        rte_pktmbuf_free(late[i]);
    fix_close(&f);
}

static void a_late_packet_is_taken_to_the_windows_last_place(void)
{
    for (uint32_t window = CV_REPLAY_WINDOW_MIN; window <= CV_REPLAY_WINDOW_MAX; window *= 2) {
        late_packets(window, 0, CV_DROP_NONE, CV_DROP_REPLAY_OLD);
        /* with ESN it is taken for a number of the next subspace, which the ICV refutes */
        late_packets(window, CV_SA_ESN, CV_DROP_NONE, CV_DROP_ESP_AUTH);
    }
}

static void without_a_window_any_late_packet_is_taken_with_ESN_too(void)
{
    late_packets(64, CV_SA_NO_REPLAY, CV_DROP_NONE, CV_DROP_NONE);
    late_packets(64, CV_SA_NO_REPLAY | CV_SA_ESN, CV_DROP_NONE, CV_DROP_NONE);
    late_packets(4096, CV_SA_NO_REPLAY | CV_SA_ESN, CV_DROP_NONE, CV_DROP_NONE);
}

UNIT_MAIN_EAL("esp_replay_set", UNIT_TEST(RFC_4303_3_4_3_every_window_agrees_with_a_naive_set),
              UNIT_TEST(RFC_4303_A2_every_window_agrees_with_a_naive_set_over_a_roll_over),
              UNIT_TEST(a_late_packet_is_taken_to_the_windows_last_place),
              UNIT_TEST(without_a_window_any_late_packet_is_taken_with_ESN_too))
