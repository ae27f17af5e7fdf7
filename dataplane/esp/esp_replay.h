/* esp_replay: the anti-replay window of an inbound SA (RFC 4303 3.4.3) as a ring of 64-bit words that is
 * never shifted (RFC 6479), and the inference of the high half with ESN (RFC 4303 appendix A2).
 *
 * The ring holds twice the window, so the words that the window has left are free to be cleared. One
 * writer, the SA's owner worker. The functions of the path are inline. */
#ifndef DATAPLANE_ESP_ESP_REPLAY_H
#define DATAPLANE_ESP_ESP_REPLAY_H

#include "common/contract.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without anti-replay the window only serves to infer the high half: as far back as ahead. */
#define ESP_REPLAY_OFF_WINDOW (UINT32_C(1) << 31)

struct esp_replay {
    uint64_t top;    /* highest authenticated sequence number; 0: none yet */
    uint64_t *bits;  /* the ring: bit (seq & 63) of word (seq >> 6) & mask */
    uint32_t window; /* packets, 64..65536, a power of two */
    uint32_t mask;   /* words in the ring - 1 */
};

/* Words of the ring of the smallest window. */
enum { ESP_REPLAY_SMALL = 2 };

/* Octets that esp_replay_init wants at `bits` for this window. */
size_t esp_replay_bytes(uint32_t window);
/* seq 0: a new SA. Else an SA that goes on: seq is the highest seen, and all up to it count as seen. */
void esp_replay_init(struct esp_replay *r, uint32_t window, uint64_t *bits, uint64_t seq);

/* As a new SA's window. The owner worker, between two bursts; for the benchmark, whose packets come round again. */
void esp_replay_restart(struct esp_replay *r);

/* The 64-bit number that `lo` stands for (RFC 4303 A2.2); false when there is none: before the first number or
 * behind the last. */
static inline bool esp_replay_infer(const struct esp_replay *r, uint32_t lo, uint64_t *seq)
{
    uint32_t top_lo = (uint32_t)r->top, top_hi = (uint32_t)(r->top >> 32);
    uint32_t bottom = top_lo - r->window + 1; /* wraps when the window lies over two subspaces */
    uint32_t hi;
    if (top_lo >= r->window - 1) { /* case A: the window lies within one subspace */
        hi = lo >= bottom ? top_hi : top_hi + 1;
        if (hi < top_hi)
            return false;
    } else { /* case B: its lower end is in the subspace before */
        hi = lo >= bottom ? top_hi - 1 : top_hi;
        if (hi > top_hi)
            return false;
    }
    *seq = (uint64_t)hi << 32 | lo;
    return true;
}

/* CV_DROP_NONE when seq may still come; before and, a burst having several packets, again after the ICV. */
static inline enum cv_drop esp_replay_check(const struct esp_replay *r, uint64_t seq)
{
    if (seq > r->top)
        return CV_DROP_NONE;
    if (r->top - seq >= r->window || seq == 0) /* the first number is 1 (RFC 4303 3.3.3) */
        return CV_DROP_REPLAY_OLD;
    return r->bits[(seq >> 6) & r->mask] >> (seq & 63) & 1 ? CV_DROP_REPLAY_DUP : CV_DROP_NONE;
}

/* Marks seq, which was checked and whose packet is authentic. */
static inline void esp_replay_advance(struct esp_replay *r, uint64_t seq)
{
    if (seq > r->top) {
        uint64_t word = r->top >> 6, steps = (seq >> 6) - word;
        if (steps > r->mask)
            steps = (uint64_t)r->mask + 1; /* bounded by the ring */
        for (; steps; steps--)
            r->bits[++word & r->mask] = 0;
        r->top = seq;
    }
    r->bits[(seq >> 6) & r->mask] |= UINT64_C(1) << (seq & 63);
}

/* The same for n <= 64 numbers from `first` on, all above the top. */
static inline void esp_replay_advance_run(struct esp_replay *r, uint64_t first, unsigned n)
{
    const uint64_t last = first + n - 1, low = first >> 6, high = last >> 6;
    const uint64_t from = UINT64_MAX << (first & 63), to = UINT64_MAX >> (63 - (last & 63));
    esp_replay_advance(r, last); /* clears what the window leaves */
    if (low == high) {
        r->bits[low & r->mask] |= from & to;
        return;
    }
    r->bits[low & r->mask] |= from;
    r->bits[high & r->mask] |= to;
}

#endif
