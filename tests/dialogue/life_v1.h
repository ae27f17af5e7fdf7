/* life_v1: established IKEv1 tunnels, and what must hold of them. */
#ifndef TESTS_DIALOGUE_LIFE_V1_H
#define TESTS_DIALOGUE_LIFE_V1_H

#include "tests/dialogue/rules_v1.h"

enum {
    SETTLED_MS = 20000,  /* a replaced child is gone by then */
    REPLACED_MS = 120000 /* a replaced phase 1, too */
};

/* The ordinary gateways of IKEv1, up and quiet; A began. NULL: nothing differs. */
static inline struct wire *up1(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b)
{
    static const struct wire_conf ordinary = {.ikev1 = true};
    struct wire *w = wire_new(seed, a ? a : &ordinary, b ? b : &ordinary);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

/* One child pair, one IKE SA, the same at both ends; nothing left over. */
static inline bool settled(struct wire *w)
{
    bool ok = wire_both_up(w) && wire_consistent(w, true) && wire_children(w, A) == 1 &&
              wire_children(w, B) == 1 && wire_sas(w, A) == 1 && wire_sas(w, B) == 1 &&
              wire_child(w, A)->out.spi == wire_child(w, B)->in.spi &&
              wire_child(w, A)->in.spi == wire_child(w, B)->out.spi &&
              wire_child(w, A)->owner == wire_sa(w, A)->conn_id &&
              wire_child(w, B)->owner == wire_sa(w, B)->conn_id &&
              memcmp(wire_sa(w, A)->spi_i, wire_sa(w, B)->spi_i, 8) == 0;
    if (!ok)
        fprintf(stderr, "seed %llu: A %u children %u SAs, B %u children %u SAs\n%s",
                (unsigned long long)w->seed, wire_children(w, A), wire_sas(w, A), wire_children(w, B),
                wire_sas(w, B), w->trace);
    return ok;
}

static inline bool told_loss(struct wire *w, unsigned lost)
{
    if (lost)
        fprintf(stderr, "seed %llu: %u packets lost\n%s", (unsigned long long)w->seed, lost, w->trace);
    return lost == 0;
}

static inline bool no_loss(struct wire *w, uint64_t ms)
{
    return told_loss(w, wire_traffic(w, ms));
}

/* One packet each way ten times a second. */
static inline bool no_loss_slow(struct wire *w, uint64_t seconds)
{
    unsigned lost = 0;
    for (uint64_t i = 0; i < 10 * seconds; i++) {
        lost += !wire_packet(w, A);
        lost += !wire_packet(w, B);
        wire_run(w, 100);
    }
    return told_loss(w, lost);
}

#endif
