/* mutate: mutants of datagrams and payloads, by a seed; and what was sent in a life, to make them of. */
#ifndef TESTS_DIALOGUE_MUTATE_H
#define TESTS_DIALOGUE_MUTATE_H

#include "tests/mock/mock_wire.h"

#include <string.h>

enum { CORPUS = 64, MESSAGE_MAX = 4096 };

struct dice {
    uint64_t state;
};

static inline uint64_t roll(struct dice *d, uint64_t n)
{
    d->state = d->state * 6364136223846793005ull + 1442695040888963407ull;
    return n ? (d->state >> 33) % n : 0;
}

/* ---- mutations --------------------------------------------------------------------------------------------------------- */
static inline void flip_bits(struct dice *d, uint8_t *p, size_t len)
{
    for (uint64_t n = 1 + roll(d, 4); n && len; n--)
        p[roll(d, len)] ^= (uint8_t)(1u << roll(d, 8));
}

static inline void overwrite(struct dice *d, uint8_t *p, size_t len)
{
    static const uint8_t values[] = {0x00, 0xff, 0x80, 0x7f, 0x01};
    size_t at = roll(d, len), n = 1 + roll(d, 4);
    for (size_t i = at; i < at + n && i < len; i++)
        p[i] = values[roll(d, sizeof values)];
}

static inline void mutate(struct dice *d, uint8_t *p, size_t *len, size_t cap)
{
    if (*len == 0)
        return;
    switch (roll(d, 6)) {
    case 0:
    case 1:
        flip_bits(d, p, *len);
        break;
    case 2:
        overwrite(d, p, *len);
        break;
    case 3: /* truncated */
        *len = roll(d, *len);
        break;
    case 4: { /* a piece doubled */
        size_t at = roll(d, *len), n = roll(d, *len - at) + 1;
        if (*len + n <= cap) {
            memmove(p + at + n, p + at, *len - at);
            *len += n;
        }
        break;
    }
    default: { /* a piece cut out */
        size_t at = roll(d, *len), n = roll(d, *len - at);
        memmove(p + at, p + at + n, *len - at - n);
        *len -= n;
        break;
    }
    }
}

/* ---- without keys ------------------------------------------------------------------------------------------------------ */
struct corpus {
    unsigned count;
    struct {
        uint8_t data[MESSAGE_MAX];
        size_t len;
        enum wire_end to;
    } m[CORPUS];
};

static inline bool keep_all(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct corpus *c = ctx;
    (void)w;
    if (c->count < CORPUS && p->len <= MESSAGE_MAX) {
        memcpy(c->m[c->count].data, p->data, p->len);
        c->m[c->count].len = p->len;
        c->m[c->count++].to = p->from == A ? B : A;
    }
    return true;
}

/* Half of the mutants get a header that fits their length: they go on to the payloads. */
static inline void fit_header(struct dice *d, uint8_t *p, size_t len)
{
    if (len < 28 || roll(d, 2))
        return;
    for (unsigned i = 0; i < 4; i++)
        p[24 + i] = (uint8_t)(len >> (24 - 8 * i));
}

#endif
