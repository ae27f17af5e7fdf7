#include "tests/unit/esp/ah_reference.h"

#include <string.h>

enum { V4_HEADER = 20, V6_HEADER = 40, FRAGMENT_HEADER = 44, FRAGMENT_HEADER_LEN = 8 };

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

uint32_t ref_ah_len(const struct cv_sa *sa, uint32_t unit)
{
    uint32_t n = REF_AH_FIXED + ref_icv_len(sa);
    while (n % unit)
        n++;
    return n;
}

/* ---- what is authenticated ----------------------------------------------------------------------------------------- */
/* RFC 4302 A1, IMMUTABLE, as number and as octet with the copied flag. */
static bool is_immutable(uint8_t option)
{
    static const uint8_t numbers[] = {130, 133, 134, 148, 149};
    return memchr(numbers, option, sizeof numbers) != NULL;
}

/* "the entire option is zeroed" (3.3.3.1.1.2). */
static bool options_v4(const uint8_t *from, uint8_t *to, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && from[i] != 0) {
        if (from[i] == 1) {
            to[i++] = 1;
            continue;
        }
        const uint32_t size = i + 1 < n ? from[i + 1] : 0;
        if (size < 2 || i + size > n)
            return false;
        if ((from[i] == 131 || from[i] == 137) && (size < 3 || from[i + 2] <= size)) /* RFC 791 3.1 */
            return false;
        for (uint32_t k = 0; k < size; k++)
            to[i + k] = is_immutable(from[i]) ? from[i + k] : 0;
        i += size;
    }
    memcpy(to + i, from + i, n - i); /* End of Option List stays, and so does what fills the header */
    return true;
}

/* 3.3.3.1.1.1: immutable are version, IHL, total length, identification, protocol, source, and the destination at its end. */
static bool header_v4(const uint8_t *from, uint8_t *to, uint32_t l3)
{
    memset(to, 0, V4_HEADER);
    to[0] = from[0];
    memcpy(to + 2, from + 2, 4);
    to[9] = from[9];
    memcpy(to + 12, from + 12, 8);
    return options_v4(from + V4_HEADER, to + V4_HEADER, l3 - V4_HEADER);
}

/* 3.3.3.1.2.2: of an option whose third bit says that it changes, the data is zero; type and length are not. */
static bool options_v6(const uint8_t *from, uint8_t *to, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        to[i] = from[i];
        if (from[i] == 0) {
            i++;
            continue;
        }
        if (i + 1 == n || i + 2 + from[i + 1] > n)
            return false;
        to[i + 1] = from[i + 1];
        for (uint32_t k = 0; k < from[i + 1]; k++)
            to[i + 2 + k] = from[i] >> 5 & 1 ? 0 : from[i + 2 + k];
        i += 2u + from[i + 1];
    }
    return true;
}

/* 3.3.3.1.2.1: immutable are version, payload length, next header, source, and the destination at its end. */
static bool header_v6(const uint8_t *from, uint8_t *to, uint32_t l3)
{
    memset(to, 0, V6_HEADER);
    to[0] = from[0] & 0xf0;
    memcpy(to + 4, from + 4, 3);
    memcpy(to + 8, from + 8, 32);
    uint8_t type = from[6];
    for (uint32_t at = V6_HEADER; at < l3;) {
        const uint32_t size = at + 8 <= l3 ? (from[at + 1] + 1u) * 8 : l3 + 1;
        if (at + size > l3)
            return false;
        memcpy(to + at, from + at, size);
        if (type == 0 || type == 60) {
            if (!options_v6(from + at + 2, to + at + 2, size - 2))
                return false;
        } else if (type != 43 || from[at + 3] != 0) {
            return false;
        }
        type = from[at];
        at += size;
    }
    return true;
}

bool ref_ah_icv(const struct cv_sa *sa, uint64_t seq, const struct ref_packet *p, uint32_t l3,
                uint32_t ah_len, uint8_t icv[REF_ICV_MAX])
{
    static uint8_t text[REF_PACKET_MAX];
    const uint32_t filled = l3 + REF_AH_FIXED + ref_icv_len(sa);
    uint8_t full[REF_MAC_MAX];
    if (!(sa->local.addr.family == IP_V4 ? header_v4 : header_v6)(p->b, text, l3))
        return false;
    memcpy(text + l3, p->b + l3, REF_AH_FIXED);
    memset(text + l3 + REF_AH_FIXED, 0, ref_icv_len(sa)); /* 3.3.3.1: "set to zero for this computation" */
    memcpy(text + filled, p->b + filled, l3 + ah_len - filled); /* what fills AH up is not */
    memcpy(text + l3 + ah_len, p->b + l3 + ah_len, p->len - l3 - ah_len);
    ref_hmac(sa, seq, text, p->len, full);
    memcpy(icv, full, ref_icv_len(sa));
    return true;
}

/* ---- packets ------------------------------------------------------------------------------------------------------- */
uint32_t ref_ah_whole(struct ref_packet *p, uint32_t l3)
{
    uint32_t field = 6;
    for (uint32_t at = V6_HEADER; at + 8 <= l3; at += (p->b[at + 1] + 1u) * 8) {
        if (p->b[field] == FRAGMENT_HEADER) {
            p->b[field] = p->b[at];
            put16(p->b + 4, ((uint32_t)p->b[4] << 8 | p->b[5]) - FRAGMENT_HEADER_LEN);
            p->len -= FRAGMENT_HEADER_LEN;
            memmove(p->b + at, p->b + at + FRAGMENT_HEADER_LEN, p->len - at);
            return l3 - FRAGMENT_HEADER_LEN;
        }
        field = at;
    }
    return l3;
}

bool ref_ah_seal(const struct cv_sa *sa, uint64_t seq, uint8_t next, uint32_t l3, uint32_t ah_len,
                 uint8_t filling, const uint8_t *data, uint32_t len, struct ref_packet *p)
{
    uint8_t *ah = p->b + l3, icv[REF_ICV_MAX] = {0};
    const bool v4 = sa->local.addr.family == IP_V4;
    memset(ah, filling, ah_len);
    ah[0] = next;
    ah[1] = (uint8_t)(ah_len / 4 - 2);
    put16(ah + 2, 0);
    put16(ah + 4, sa->ref.spi >> 16);
    put16(ah + 6, sa->ref.spi);
    put16(ah + 8, (uint32_t)seq >> 16);
    put16(ah + 10, (uint32_t)seq);
    memcpy(ah + ah_len, data, len);
    p->len = l3 + ah_len + len;
    put16(p->b + (v4 ? 2 : 4), v4 ? p->len : p->len - V6_HEADER);
    const bool ok = ref_ah_icv(sa, seq, p, l3, ah_len, icv);
    memcpy(ah + REF_AH_FIXED, icv, ref_icv_len(sa));
    return ok;
}
