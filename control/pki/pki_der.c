#include "control/pki/pki_der.h"

#include <time.h>

static bool length_read(struct buf_reader *r, size_t *out)
{
    uint8_t first = 0, octet = 0;
    if (!buf_u8(r, &first))
        return false;
    if (first < 0x80) {
        *out = first;
        return true;
    }
    unsigned count = first & 0x7fu;
    size_t n = 0;
    if (count == 0 || count > 4)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!buf_u8(r, &octet) || (i == 0 && octet == 0))
            return false;
        n = n << 8 | octet;
    }
    *out = n;
    return n >= 0x80;
}

bool pki_der_next(struct buf_reader *r, struct pki_tlv *out)
{
    size_t start = r->off, n = 0;
    if (!buf_u8(r, &out->tag) || (out->tag & 0x1f) == 0x1f || !length_read(r, &n) ||
        !buf_slice(r, n, &out->body)) {
        r->bad = true;
        return false;
    }
    out->whole = (struct slice){r->p + start, r->off - start};
    return true;
}

bool pki_der_take(struct buf_reader *r, uint8_t tag, struct pki_tlv *out)
{
    if (pki_der_next(r, out) && out->tag == tag)
        return true;
    r->bad = true;
    return false;
}

uint8_t pki_der_peek(const struct buf_reader *r)
{
    return r->bad || buf_left(r) == 0 ? 0 : r->p[r->off];
}

/* `count` decimal digits. */
static bool digits(struct buf_reader *r, unsigned count, int *out)
{
    uint8_t c = 0;
    *out = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!buf_u8(r, &c) || c < '0' || c > '9')
            return false;
        *out = *out * 10 + (c - '0');
    }
    return true;
}

bool pki_der_time(const struct pki_tlv *t, int64_t *out)
{
    struct buf_reader r = buf_reader_init(t->body.p, t->body.n);
    struct tm tm = {0};
    uint8_t zone = 0;
    int year = 0, month = 0;
    bool utc = t->tag == PKI_DER_UTC_TIME;
    if ((!utc && t->tag != PKI_DER_GENERALIZED_TIME) || !digits(&r, utc ? 2 : 4, &year) ||
        !digits(&r, 2, &month) || !digits(&r, 2, &tm.tm_mday) || !digits(&r, 2, &tm.tm_hour) ||
        !digits(&r, 2, &tm.tm_min) || !digits(&r, 2, &tm.tm_sec) || !buf_u8(&r, &zone) || zone != 'Z' ||
        buf_left(&r))
        return false;
    if (utc)
        year += year < 50 ? 2000 : 1900; /* RFC 5280 4.1.2.5.1 */
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 59)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *out = timegm(&tm);
    return true;
}
