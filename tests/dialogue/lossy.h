/* lossy: seeded lives over a wire that loses, doubles, delays and spoils: what both versions of IKE share. */
#ifndef TESTS_DIALOGUE_LOSSY_H
#define TESTS_DIALOGUE_LOSSY_H

#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* A number below n that seed and salt decide. */
static inline unsigned pick(uint64_t seed, unsigned salt, unsigned n)
{
    uint64_t z = (seed + 1) * 0x9e3779b97f4a7c15ull + salt * 0xbf58476d1ce4e5b9ull;
    return (unsigned)((z ^ z >> 29) >> 7) % n;
}

/* Some of what operators and lifetimes do, at moments that the seed says, less than pause_ms apart. */
static inline void live(struct wire *w, uint64_t seed, unsigned pause_ms)
{
    char err[SEL_TEXT_MAX];
    for (unsigned step = 0; step < 6; step++) {
        enum wire_end end = pick(seed, 10 + step, 2) ? A : B;
        switch (pick(seed, 20 + step, 6)) {
        case 0:
        case 1:
            (void)ike_rekey(w->side[end].ike, "Tunnel1", false, err, sizeof err);
            break;
        case 2:
            (void)ike_rekey(w->side[end].ike, "Tunnel1", true, err, sizeof err);
            break;
        case 3:
            wire_packet(w, end);
            break;
        case 4:
            (void)ike_rekey(w->side[A].ike, "Tunnel1", pick(seed, 30 + step, 2), err, sizeof err);
            (void)ike_rekey(w->side[B].ike, "Tunnel1", pick(seed, 40 + step, 2), err, sizeof err);
            break;
        default:
            break;
        }
        wire_run(w, pick(seed, 50 + step, pause_ms));
    }
}

struct tally {
    unsigned up, failed, silent, inconsistent;
};

/* WIRE_SEED: one life, to be looked at (with WIRE_VERBOSE); WIRE_RUNS: so many instead of `usual`. */
static inline void lives_over_a_bad_wire(void (*one_life)(uint64_t seed, struct tally *t), unsigned usual)
{
    struct tally t = {0};
    const char *only = getenv("WIRE_SEED"), *more = getenv("WIRE_RUNS");
    uint64_t first = only ? strtoull(only, NULL, 10) : 0, runs = only   ? 1
                                                                 : more ? strtoull(more, NULL, 10)
                                                                        : unit_rounds(usual);
    for (uint64_t seed = first; seed < first + runs; seed++)
        one_life(seed, &t);
    printf("%u up, %u failed with a reason on both sides, %u without, %u inconsistent ... ", t.up, t.failed,
           t.silent, t.inconsistent);
    CU_ASSERT_EQUAL(t.up + t.failed, runs);
    CU_ASSERT_EQUAL(t.silent, 0);
    CU_ASSERT_EQUAL(t.inconsistent, 0);
    CU_ASSERT(only || t.failed > runs / 20);
}

#endif
