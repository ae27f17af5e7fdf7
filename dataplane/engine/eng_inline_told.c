#include "dataplane/engine/eng_inline_told.h"

#include <stdlib.h>

enum { EVENT_BITS = 8, EVENT_MASK = (1 << EVENT_BITS) - 1 };

/* A slot's word is generation << 8 | events; a userdata is generation << 16 | slot, and its generation is odd: the session lives. */
struct told {
    uint32_t due;  /* atomic: some slot has events */
    uint32_t next; /* where the search for a free slot begins */
    uint64_t word[TOLD_SLOTS];
    void *owner[TOLD_SLOTS];
    uint32_t spi[TOLD_SLOTS]; /* atomic */
};

static uint32_t slot_of(uint64_t userdata)
{
    return (uint32_t)userdata & (TOLD_SLOTS - 1);
}

static uint64_t generation_of(uint64_t userdata)
{
    return userdata >> TOLD_BITS;
}

cv_result told_new(struct told **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? CV_OK : CV_ENOMEM;
}

void told_free(struct told *t)
{
    free(t);
}

uint64_t told_take(struct told *t, void *owner, uint32_t spi)
{
    for (uint32_t i = 0; i < TOLD_SLOTS; i++) {
        const uint32_t at = (t->next + i) % TOLD_SLOTS;
        if (t->owner[at])
            continue;
        const uint64_t generation = (__atomic_load_n(&t->word[at], __ATOMIC_RELAXED) >> EVENT_BITS) + 1;
        t->owner[at] = owner;
        __atomic_store_n(&t->spi[at], spi, __ATOMIC_RELAXED);
        t->next = at + 1;
        __atomic_store_n(&t->word[at], generation << EVENT_BITS, __ATOMIC_RELEASE);
        return generation << TOLD_BITS | at;
    }
    return 0;
}

void *told_owner(const struct told *t, uint64_t userdata)
{
    const uint32_t at = slot_of(userdata);
    const uint64_t word = __atomic_load_n(&t->word[at], __ATOMIC_RELAXED);
    return (word >> EVENT_BITS & 1) && word >> EVENT_BITS == generation_of(userdata) ? t->owner[at] : NULL;
}

uint32_t told_spi(const struct told *t, uint64_t userdata)
{
    const uint32_t at = slot_of(userdata);
    const uint64_t word = __atomic_load_n(&t->word[at], __ATOMIC_ACQUIRE);
    const uint32_t spi = __atomic_load_n(&t->spi[at], __ATOMIC_RELAXED);
    return (word >> EVENT_BITS & 1) && word >> EVENT_BITS == generation_of(userdata) ? spi : 0;
}

void told_drop(struct told *t, uint64_t userdata)
{
    const uint32_t at = slot_of(userdata);
    if (!told_owner(t, userdata))
        return;
    __atomic_store_n(&t->word[at], (generation_of(userdata) + 1) << EVENT_BITS, __ATOMIC_RELEASE);
    t->owner[at] = NULL;
}

bool told_set(struct told *t, uint64_t userdata, unsigned event)
{
    uint64_t *word = &t->word[slot_of(userdata)], old = __atomic_load_n(word, __ATOMIC_RELAXED);
    do {
        if (!(old >> EVENT_BITS & 1) || old >> EVENT_BITS != generation_of(userdata))
            return false;
    } while (!__atomic_compare_exchange_n(word, &old, old | 1u << event, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    __atomic_store_n(&t->due, 1, __ATOMIC_RELEASE);
    return true;
}

void told_each(struct told *t, told_fn *fn, void *ctx)
{
    if (!__atomic_exchange_n(&t->due, 0, __ATOMIC_ACQUIRE))
        return;
    for (uint32_t i = 0; i < TOLD_SLOTS; i++) {
        if (!(__atomic_load_n(&t->word[i], __ATOMIC_RELAXED) & EVENT_MASK) || !t->owner[i])
            continue;
        const uint64_t was = __atomic_fetch_and(&t->word[i], ~(uint64_t)EVENT_MASK, __ATOMIC_ACQUIRE);
        fn(ctx, t->owner[i], (unsigned)(was & EVENT_MASK));
    }
}
