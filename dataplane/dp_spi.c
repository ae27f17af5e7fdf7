#include "dataplane/dp_spi.h"

#include <stdlib.h>

cv_result dp_spi_init(struct dp_spi *t, uint32_t slots)
{
    memset(t, 0, sizeof *t);
    t->mask = slots - 1;
    t->head = calloc(slots, sizeof *t->head);
    t->next = calloc(slots, sizeof *t->next);
    if (t->head && t->next && ip_hash_key_make(&t->key))
        return CV_OK;
    dp_spi_fini(t);
    return CV_ENOMEM;
}

void dp_spi_fini(struct dp_spi *t)
{
    free(t->head);
    free(t->next);
    t->head = t->next = NULL;
}

static uint32_t *chain(const struct dp_spi *t, uint32_t spi)
{
    return &t->head[(uint32_t)ip_hash_mix(t->key.k[0] ^ spi, t->key.k[1] ^ 0x9e3779b97f4a7c15ull) & t->mask];
}

void dp_spi_add(struct dp_spi *t, uint32_t spi, uint32_t slot)
{
    uint32_t *head = chain(t, spi);
    t->next[slot] = *head;
    *head = slot + 1;
}

void dp_spi_remove(struct dp_spi *t, uint32_t spi, uint32_t slot)
{
    for (uint32_t *l = chain(t, spi); *l != DP_SPI_NONE; l = &t->next[*l - 1])
        if (*l == slot + 1) {
            *l = t->next[slot];
            t->next[slot] = DP_SPI_NONE;
            return;
        }
}

uint32_t dp_spi_first(const struct dp_spi *t, uint32_t spi)
{
    return *chain(t, spi);
}
