#include "control/config/cfg_pmap.h"

#include <stdlib.h>
#include <string.h>

cv_result cfg_pmap_init(struct cfg_pmap *m, unsigned n)
{
    size_t slots = 16;
    while (slots < 2 * (size_t)n)
        slots *= 2;
    memset(m, 0, sizeof *m);
    m->slots = calloc(slots, sizeof *m->slots);
    m->mask = slots - 1;
    return m->slots ? CV_OK : CV_ENOMEM;
}

void cfg_pmap_free(struct cfg_pmap *m)
{
    free(m->slots);
    memset(m, 0, sizeof *m);
}

/* FNV-1a */
static size_t hash(unsigned space, const struct ip_prefix *p)
{
    uint64_t h = 0xcbf29ce484222325ull ^ space;
    const uint8_t *b = (const uint8_t *)p;
    for (size_t i = 0; i < sizeof *p; i++)
        h = (h ^ b[i]) * 0x100000001b3ull;
    return (size_t)(h ^ h >> 32);
}

static struct cfg_pmap_slot *find(const struct cfg_pmap *m, unsigned space, const struct ip_prefix *p)
{
    size_t i = hash(space, p) & m->mask;
    while (m->slots[i].used && (m->slots[i].space != space || !ip_prefix_equal(&m->slots[i].prefix, p)))
        i = (i + 1) & m->mask;
    return &m->slots[i];
}

unsigned *cfg_pmap_put(struct cfg_pmap *m, unsigned space, const struct ip_prefix *p, unsigned value,
                       bool *fresh)
{
    struct cfg_pmap_slot *s = find(m, space, p);
    *fresh = !s->used;
    if (!s->used)
        *s = (struct cfg_pmap_slot){.prefix = *p, .space = space, .value = value, .used = true};
    m->lengths[p->addr.family == IP_V6][p->len] = true;
    return &s->value;
}

const unsigned *cfg_pmap_longest(const struct cfg_pmap *m, unsigned space, const struct ip_addr *a, int *len)
{
    *len = -1;
    for (int n = (int)ip_addr_bits(a); n >= 0 && a->family != IP_NONE; n--) {
        struct ip_prefix p;
        if (!m->lengths[a->family == IP_V6][n] || !ip_prefix_make(a, (unsigned)n, &p))
            continue;
        const struct cfg_pmap_slot *s = find(m, space, &p);
        if (s->used) {
            *len = n;
            return &s->value;
        }
    }
    return NULL;
}
