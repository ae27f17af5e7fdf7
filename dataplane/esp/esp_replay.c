#include "dataplane/esp/esp_replay.h"

#include <string.h>

static uint32_t ring_words(uint32_t window)
{
    return window / 64 * 2;
}

size_t esp_replay_bytes(uint32_t window)
{
    return ring_words(window) * sizeof(uint64_t);
}

void esp_replay_init(struct esp_replay *r, uint32_t window, uint64_t *bits, uint64_t seq)
{
    *r = (struct esp_replay){.top = seq, .bits = bits, .window = window, .mask = ring_words(window) - 1};
    memset(bits, seq ? 0xff : 0, esp_replay_bytes(window));
    /* The rest of the top word is still to come. */
    bits[(seq >> 6) & r->mask] = seq ? UINT64_MAX >> (63 - (seq & 63)) : 0;
}

void esp_replay_restart(struct esp_replay *r)
{
    r->top = 0;
    memset(r->bits, 0, ((size_t)r->mask + 1) * sizeof *r->bits);
}
