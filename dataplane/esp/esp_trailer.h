/* esp_trailer: what stands behind the payload: padding, pad length, next header (RFC 4303 2.4 to 2.6).
 *
 * Internal to esp: one writer and one reader for tunnel and transport mode. */
#ifndef DATAPLANE_ESP_ESP_TRAILER_H
#define DATAPLANE_ESP_ESP_TRAILER_H

#include "dataplane/esp/esp_tunnel.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_vect.h>

enum { ESP_PAD_MAX = 16 /* one more than the most octets of padding that are sent: the largest block */ };

/* Padding of up to 3 octets, as a word in memory: all there is where the padding unit is 4 octets, as with every AEAD. */
enum { ESP_PAD_SHORT = 4 };
static const uint32_t esp_pad_short[ESP_PAD_SHORT] = {0, 0x01, 0x0201, 0x030201};

/* pad < ESP_PAD_MAX octets of padding and the trailer; ESP_PAD_MAX + 2 octets from `end` on are written. */
static __rte_always_inline void esp_trailer_write(uint8_t *end, uint32_t pad, uint32_t next)
{
    if (likely(pad < ESP_PAD_SHORT)) { /* all of it is one word */
        const uint64_t word = esp_pad_short[pad] | (uint64_t)(pad | next << 8) << 8 * pad;
        memcpy(end, &word, sizeof word);
        return;
    }
    static const uint8_t octets[ESP_PAD_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    memcpy(end, octets, ESP_PAD_MAX); /* self-describing (RFC 4303 2.4); the tailroom takes the surplus */
    end[pad] = (uint8_t)pad;
    end[pad + 1] = (uint8_t)next;
}

/* Pad octets are 1, 2, 3, ... (RFC 4303 2.4). `end` is where they end; the 16 octets in front of it are within
 * the packet, headers included. */
static __rte_always_inline bool esp_pad_ok(const uint8_t *end, uint32_t n)
{
    if (likely(n <= 16)) { /* all at once: a loop of varying length is mispredicted */
        const __m128i ramp =
            _mm_set_epi8(0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15);
        const __m128i want = _mm_add_epi8(_mm_set1_epi8((char)n), ramp),
                      got = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
        const uint32_t same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(want, got));
        return (same | ((1u << (16 - n)) - 1)) == 0xffff;
    }
    uint8_t wrong = 0;
    for (uint32_t i = 1; i <= n; i++)
        wrong |= (uint8_t)(end[(int64_t)i - 1 - n] ^ i);
    return wrong == 0;
}

/* data: data_len authentic octets behind the IV, at least ESP_TRAILER_LEN. Gives the next header and the octets of
 * payload; false: the padding is wrong. */
static __rte_always_inline bool esp_trailer_read(const uint8_t *data, uint32_t data_len, uint32_t *next,
                                                 uint32_t *len)
{
    const uint8_t *end = data + data_len;
    uint64_t last; /* eight octets: the ESP header at least is in front of the data */
    memcpy(&last, end - sizeof last, sizeof last);
    const uint32_t pad = (uint32_t)(last >> 48) & 0xff;
    *next = (uint32_t)(last >> 56);
    *len = data_len - ESP_TRAILER_LEN - pad;
    if (likely(pad < ESP_PAD_SHORT))
        return likely(pad + ESP_TRAILER_LEN <= data_len) &&
               (last & UINT64_C(0xffffffffffff)) >> (48 - 8 * pad) == esp_pad_short[pad];
    return likely(pad + ESP_TRAILER_LEN <= data_len && esp_pad_ok(end - ESP_TRAILER_LEN, pad));
}

#endif
