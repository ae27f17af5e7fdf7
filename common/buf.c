#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

size_t slice_copy(struct slice s, uint8_t *out, size_t room)
{
    if (s.n == 0 || s.n > room)
        return 0;
    memcpy(out, s.p, s.n);
    return s.n;
}

uint8_t *slice_dup(struct slice s)
{
    uint8_t *copy = malloc(s.n ? s.n : 1);
    if (copy)
        slice_copy(s, copy, s.n);
    return copy;
}

struct buf_reader buf_reader_init(const void *p, size_t len)
{
    return (struct buf_reader){.p = p, .len = p ? len : 0, .bad = !p && len};
}

size_t buf_left(const struct buf_reader *r)
{
    return r->bad ? 0 : r->len - r->off;
}

/* The next n bytes, or NULL with the reader marked bad. n is compared with what is left, never added to
 * the offset first, so that no length from the wire can wrap. */
static const uint8_t *take(struct buf_reader *r, size_t n)
{
    static const uint8_t nothing;
    if (r->bad || n > r->len - r->off) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->p ? r->p + r->off : &nothing;
    r->off += n;
    return at;
}

static bool take_uint(struct buf_reader *r, size_t n, uint64_t *out)
{
    const uint8_t *p = take(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    *out = v;
    return p != NULL;
}

bool buf_u8(struct buf_reader *r, uint8_t *out)
{
    uint64_t v;
    bool ok = take_uint(r, 1, &v);
    *out = (uint8_t)v;
    return ok;
}

bool buf_u16(struct buf_reader *r, uint16_t *out)
{
    uint64_t v;
    bool ok = take_uint(r, 2, &v);
    *out = (uint16_t)v;
    return ok;
}

bool buf_u32(struct buf_reader *r, uint32_t *out)
{
    uint64_t v;
    bool ok = take_uint(r, 4, &v);
    *out = (uint32_t)v;
    return ok;
}

bool buf_u64(struct buf_reader *r, uint64_t *out)
{
    return take_uint(r, 8, out);
}

bool buf_bytes(struct buf_reader *r, void *out, size_t n)
{
    const uint8_t *p = take(r, n);
    if (p && n)
        memcpy(out, p, n);
    return p != NULL;
}

bool buf_slice(struct buf_reader *r, size_t n, struct slice *out)
{
    const uint8_t *p = take(r, n);
    *out = (struct slice){.p = p, .n = p ? n : 0};
    return p != NULL;
}

bool buf_sub(struct buf_reader *r, size_t n, struct buf_reader *out)
{
    const uint8_t *p = take(r, n);
    *out = (struct buf_reader){.p = p, .len = p ? n : 0, .bad = !p};
    return p != NULL;
}

bool buf_skip(struct buf_reader *r, size_t n)
{
    return take(r, n) != NULL;
}

struct buf_writer buf_writer_init(void *p, size_t cap)
{
    return (struct buf_writer){.p = p, .cap = p ? cap : 0};
}

/* Room for n more bytes, or NULL with the writer marked bad. */
static uint8_t *grow(struct buf_writer *w, size_t n)
{
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return NULL;
    }
    uint8_t *at = w->p + w->len;
    w->len += n;
    return at;
}

static void store_uint(uint8_t *at, size_t n, uint64_t v)
{
    for (size_t i = n; i-- > 0; v >>= 8)
        at[i] = (uint8_t)v;
}

static void put_uint(struct buf_writer *w, size_t n, uint64_t v)
{
    uint8_t *at = grow(w, n);
    if (at)
        store_uint(at, n, v);
}

void buf_put_u8(struct buf_writer *w, uint8_t v)
{
    put_uint(w, 1, v);
}

void buf_put_u16(struct buf_writer *w, uint16_t v)
{
    put_uint(w, 2, v);
}

void buf_put_u32(struct buf_writer *w, uint32_t v)
{
    put_uint(w, 4, v);
}

void buf_put_u64(struct buf_writer *w, uint64_t v)
{
    put_uint(w, 8, v);
}

void buf_put(struct buf_writer *w, const void *p, size_t n)
{
    if (n == 0)
        return;
    uint8_t *at = grow(w, n);
    if (at)
        memcpy(at, p, n);
}

void buf_put_zero(struct buf_writer *w, size_t n)
{
    if (n == 0)
        return;
    uint8_t *at = grow(w, n);
    if (at)
        memset(at, 0, n);
}

static void patch_uint(struct buf_writer *w, size_t at, size_t n, uint64_t v)
{
    if (w->bad)
        return;
    if (n > w->len || at > w->len - n)
        w->bad = true;
    else
        store_uint(w->p + at, n, v);
}

void buf_patch_u8(struct buf_writer *w, size_t at, uint8_t v)
{
    patch_uint(w, at, 1, v);
}

void buf_patch_u16(struct buf_writer *w, size_t at, uint16_t v)
{
    patch_uint(w, at, 2, v);
}

void buf_patch_u32(struct buf_writer *w, size_t at, uint32_t v)
{
    patch_uint(w, at, 4, v);
}
