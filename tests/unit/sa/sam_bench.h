/* sam_bench: the SA manager over mock_dp, with a clock and a random source of the test's. */
#ifndef TESTS_UNIT_SA_SAM_BENCH_H
#define TESTS_UNIT_SA_SAM_BENCH_H

#include "control/sa/sam.h"
#include "tests/mock/mock_dp.h"
#include "tests/unit/unit.h"

struct sam_bench {
    uint64_t now;
    uint64_t rng;
    struct mock_dp *dp;
    struct sam_link link;
    struct sam *sam;
    unsigned rekeys, expired, firsts, failures, idles;
    enum sam_why why;
    uint32_t last_id;
    bool delete_in_upcall;
};

void sam_bench_start(struct sam_bench *b);
void sam_bench_random(void *b, uint8_t *out, size_t n); /* the same each time */
void sam_bench_stop(struct sam_bench *b);   /* fails the test when the mock saw the contract broken */
void sam_bench_events(struct sam_bench *b); /* hands over what the mock has to say */
void sam_bench_at(struct sam_bench *b, uint64_t ms); /* lets every timer up to that time run */
/* What installs a child of AES-128-GCM for everything, 3600 s and 4608000 KB; keys is filled and must live as long. spi_in is 0. */
struct sam_install sam_bench_proposal(struct sam_bench *b, uint8_t keys[6][64]);
struct sam_child *sam_bench_install(struct sam_bench *b, uint32_t owner, uint32_t spi_out,
                                    const char *interface);
void sam_bench_event(struct sam_bench *b, uint32_t type, const struct cv_sa_ref *ref, uint64_t cookie);

#endif
