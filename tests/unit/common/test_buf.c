/* buf: no read or write passes an end, and a bad cursor stays bad. */
#include "common/buf.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static void reads_are_big_endian(void)
{
    const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct buf_reader r = buf_reader_init(in, sizeof in);
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    CU_ASSERT(buf_u8(&r, &a) && a == 1);
    CU_ASSERT(buf_u16(&r, &b) && b == 0x0203);
    CU_ASSERT(buf_u32(&r, &c) && c == 0x04050607);
    CU_ASSERT(buf_u64(&r, &d) && d == 0x08090a0b0c0d0e0fu);
    CU_ASSERT_EQUAL(buf_left(&r), 1);
}

static void a_short_read_marks_bad_for_good(void)
{
    const uint8_t in[3] = {0xff, 0xff, 0xff};
    struct buf_reader r = buf_reader_init(in, sizeof in);
    uint32_t v = 7;
    uint8_t one = 7;
    CU_ASSERT_FALSE(buf_u32(&r, &v));
    CU_ASSERT_EQUAL(v, 0);
    CU_ASSERT_TRUE(r.bad);
    CU_ASSERT_EQUAL(buf_left(&r), 0);
    CU_ASSERT_FALSE(buf_u8(&r, &one));
    CU_ASSERT_EQUAL(one, 0);
    CU_ASSERT_FALSE(buf_skip(&r, 0));
}

static void a_huge_length_does_not_wrap(void)
{
    const uint8_t in[8] = {0};
    struct buf_reader r = buf_reader_init(in, sizeof in);
    struct slice s;
    CU_ASSERT_TRUE(buf_skip(&r, 4));
    CU_ASSERT_FALSE(buf_slice(&r, SIZE_MAX - 2, &s));
    CU_ASSERT_EQUAL(s.n, 0);
    CU_ASSERT_PTR_NULL(s.p);
}

static void a_sub_reader_ends_where_its_part_ends(void)
{
    const uint8_t in[6] = {1, 2, 3, 4, 5, 6};
    struct buf_reader r = buf_reader_init(in, sizeof in), sub;
    uint8_t v, two[2];
    uint16_t w;
    CU_ASSERT(buf_sub(&r, 3, &sub));
    CU_ASSERT(buf_bytes(&sub, two, 2) && two[1] == 2);
    CU_ASSERT_FALSE(buf_u16(&sub, &w));
    CU_ASSERT(buf_u8(&r, &v) && v == 4);
    CU_ASSERT_FALSE(buf_sub(&r, 3, &sub));
    CU_ASSERT_TRUE(sub.bad);
}

static void an_empty_reader_gives_empty_slices_only(void)
{
    struct buf_reader r = buf_reader_init(NULL, 0);
    struct slice s;
    uint8_t v;
    CU_ASSERT(buf_slice(&r, 0, &s) && s.n == 0);
    CU_ASSERT_FALSE(buf_u8(&r, &v));
    struct buf_reader lie = buf_reader_init(NULL, 5);
    CU_ASSERT_FALSE(buf_u8(&lie, &v));
}

static void writes_round_trip_and_patch(void)
{
    uint8_t out[32];
    struct buf_writer w = buf_writer_init(out, sizeof out);
    buf_put_u8(&w, 1);
    buf_put_u16(&w, 0);
    buf_put_u32(&w, 0x04050607);
    buf_put_u64(&w, 0x08090a0b0c0d0e0fu);
    buf_put(&w, "ab", 2);
    buf_put_zero(&w, 3);
    buf_patch_u16(&w, 1, 0x0203);
    const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'a', 'b', 0, 0, 0};
    CU_ASSERT_FALSE(w.bad);
    CU_ASSERT_EQUAL(w.len, sizeof want);
    CU_ASSERT_EQUAL(memcmp(out, want, sizeof want), 0);
}

static void a_write_over_the_end_changes_nothing(void)
{
    uint8_t out[4] = {9, 9, 9, 9};
    struct buf_writer w = buf_writer_init(out, 3);
    buf_put_u16(&w, 0x0102);
    buf_put_u16(&w, 0x0304);
    CU_ASSERT_TRUE(w.bad);
    CU_ASSERT_EQUAL(w.len, 2);
    CU_ASSERT_EQUAL(out[2], 9);
    buf_put_u8(&w, 5);
    CU_ASSERT_EQUAL(w.len, 2);
    CU_ASSERT_EQUAL(out[2], 9);
}

static void a_patch_outside_of_what_was_written_is_bad(void)
{
    uint8_t out[8] = {0};
    struct buf_writer w = buf_writer_init(out, sizeof out);
    buf_put_u16(&w, 1);
    buf_patch_u32(&w, 0, 0xffffffff);
    CU_ASSERT_TRUE(w.bad);
    CU_ASSERT_EQUAL(out[0], 0);
    w = buf_writer_init(out, sizeof out);
    buf_put_u32(&w, 1);
    buf_patch_u16(&w, 3, 0xffff);
    CU_ASSERT_TRUE(w.bad);
    w = buf_writer_init(out, sizeof out);
    buf_put_u32(&w, 0);
    buf_patch_u8(&w, SIZE_MAX, 0xff);
    CU_ASSERT_TRUE(w.bad);
}

static void slice_copy_never_passes_the_room(void)
{
    uint8_t out[4] = {9, 9, 9, 9};
    const uint8_t in[] = {1, 2, 3, 4, 5};
    CU_ASSERT_EQUAL(slice_copy((struct slice){in, 5}, out, sizeof out), 0);
    CU_ASSERT_EQUAL(out[0], 9);
    CU_ASSERT_EQUAL(slice_copy((struct slice){in, 4}, out, sizeof out), 4);
    CU_ASSERT_EQUAL(out[3], 4);
    CU_ASSERT_EQUAL(slice_copy((struct slice){NULL, 0}, out, sizeof out), 0);
    uint8_t *copy = slice_dup((struct slice){in, 5}), *empty = slice_dup((struct slice){NULL, 0});
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT_PTR_NOT_NULL(empty);
    CU_ASSERT_EQUAL(copy[4], 5);
    free(copy);
    free(empty);
}

UNIT_MAIN("buf", UNIT_TEST(reads_are_big_endian), UNIT_TEST(a_short_read_marks_bad_for_good),
          UNIT_TEST(a_huge_length_does_not_wrap), UNIT_TEST(a_sub_reader_ends_where_its_part_ends),
          UNIT_TEST(an_empty_reader_gives_empty_slices_only), UNIT_TEST(writes_round_trip_and_patch),
          UNIT_TEST(a_write_over_the_end_changes_nothing),
          UNIT_TEST(a_patch_outside_of_what_was_written_is_bad), UNIT_TEST(slice_copy_never_passes_the_room))
