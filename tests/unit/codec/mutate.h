/* mutate: seeded mutations of an IKE message, for the codecs of both versions. */
#ifndef TESTS_UNIT_CODEC_MUTATE_H
#define TESTS_UNIT_CODEC_MUTATE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* xorshift64*: the same sequence on every machine. */
static uint64_t random_state = 0x9e3779b97f4a7c15u;
static inline uint32_t next_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545f4914f6cdd1du >> 32);
}

/* telling: octets that mean something where this version of IKE has them. */
static inline void mutate(uint8_t *b, size_t *len, size_t cap, const uint8_t *telling, size_t telling_len)
{
    size_t at = next_random() % *len, n;
    switch (next_random() % 6) {
    case 0:
        b[at] ^= (uint8_t)(1u << next_random() % 8);
        break;
    case 1:
        b[at] = (uint8_t)next_random();
        break;
    case 2:
        b[at] = telling[next_random() % telling_len];
        break;
    case 3: /* cut something out */
        n = 1 + next_random() % 8;
        if (at + n < *len) {
            memmove(b + at, b + at + n, *len - at - n);
            *len -= n;
        }
        break;
    case 4: /* double something */
        n = 1 + next_random() % 64;
        if (at + n <= *len && *len + n <= cap) {
            memmove(b + at + n, b + at, *len - at);
            *len += n;
        }
        break;
    default: /* move a 16-bit length a little */
        if (at + 1 < *len) {
            unsigned v = (unsigned)(b[at] << 8 | b[at + 1]) + next_random() % 9 - 4;
            b[at] = (uint8_t)(v >> 8);
            b[at + 1] = (uint8_t)v;
        }
    }
}

#endif
