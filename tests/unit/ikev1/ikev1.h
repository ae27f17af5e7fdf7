/* ikev1: what the unit tests of IKEv1 share: an engine without surroundings, that sends nothing, and one SA of it. */
#ifndef TESTS_UNIT_IKEV1_IKEV1_H
#define TESTS_UNIT_IKEV1_IKEV1_H

#include "control/config/cfg.h"
#include "control/ikev1/v1.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

struct bench {
    struct cfg cfg;
    struct ike e;
    struct ike_sa sa;
    uint64_t drawn;
};

static inline uint64_t bench_now(void *ctx)
{
    (void)ctx;
    return 1000;
}

static inline void bench_random(void *ctx, uint8_t *out, size_t n)
{
    struct bench *b = ctx;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(++b->drawn * 37);
}

static inline void bench_start(struct bench *b, bool initiator)
{
    memset(b, 0, sizeof *b);
    b->e.cfg = &b->cfg;
    b->e.env = (struct ike_env){.ctx = b, .now_ms = bench_now, .random = bench_random};
    b->sa.ops = &v1_ops;
    b->sa.initiator = initiator;
    CU_ASSERT_EQUAL_FATAL(v1_sa_new(&b->e, &b->sa), CV_OK);
}

static inline void bench_end(struct bench *b)
{
    v1_ops.sa_free(&b->sa);
}

#endif
