/* buf: bounds-checked cursors over bytes, the only way wire data is read or written in control/.
 *
 * A cursor that ran over its end is `bad` and stays so; every later call on it fails, so a run of reads
 * may be checked once at its end, before any of the values is used. Integers are big-endian on the wire.
 * No allocation, no ownership: the caller keeps the memory alive. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns. p may be NULL only when n is 0. */
struct slice {
    const uint8_t *p;
    size_t n;
};

/* Copies s to out, which has room for `room` octets. Returns s.n; 0, and nothing copied, when it does not fit. */
size_t slice_copy(struct slice s, uint8_t *out, size_t room);
/* A copy for free(); at least one octet, so that NULL means only that memory ran out. */
uint8_t *slice_dup(struct slice s);

struct buf_reader {
    const uint8_t *p;
    size_t len; /* bytes in all */
    size_t off; /* bytes consumed */
    bool bad;
};

struct buf_writer {
    uint8_t *p;
    size_t cap;
    size_t len; /* bytes written */
    bool bad;   /* something did not fit; len stays at the last good write */
};

struct buf_reader buf_reader_init(const void *p, size_t len);
size_t buf_left(const struct buf_reader *r);
CV_MUST_USE bool buf_u8(struct buf_reader *r, uint8_t *out);
CV_MUST_USE bool buf_u16(struct buf_reader *r, uint16_t *out);
CV_MUST_USE bool buf_u32(struct buf_reader *r, uint32_t *out);
CV_MUST_USE bool buf_u64(struct buf_reader *r, uint64_t *out);
CV_MUST_USE bool buf_bytes(struct buf_reader *r, void *out, size_t n);
/* A view of the next n bytes; lives as long as the memory under the reader. */
CV_MUST_USE bool buf_slice(struct buf_reader *r, size_t n, struct slice *out);
/* A reader over the next n bytes; the outer reader moves past them. */
CV_MUST_USE bool buf_sub(struct buf_reader *r, size_t n, struct buf_reader *out);
CV_MUST_USE bool buf_skip(struct buf_reader *r, size_t n);

struct buf_writer buf_writer_init(void *p, size_t cap);
void buf_put_u8(struct buf_writer *w, uint8_t v);
void buf_put_u16(struct buf_writer *w, uint16_t v);
void buf_put_u32(struct buf_writer *w, uint32_t v);
void buf_put_u64(struct buf_writer *w, uint64_t v);
void buf_put(struct buf_writer *w, const void *p, size_t n);
void buf_put_zero(struct buf_writer *w, size_t n);
/* Overwrite already written bytes, for lengths known late. Outside of what was written: marks bad. */
void buf_patch_u8(struct buf_writer *w, size_t at, uint8_t v);
void buf_patch_u16(struct buf_writer *w, size_t at, uint16_t v);
void buf_patch_u32(struct buf_writer *w, size_t at, uint32_t v);

#endif
