#include "base/bytes.h"

#include <stdlib.h>

#include "base/err.h"
#include "tests/suite.h"

static const uint8_t sample[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};

static void read_all(struct bytes_reader *r)
{
    CU_ASSERT_EQUAL(bytes_read_u8(r), 1);
    CU_ASSERT_EQUAL(bytes_read_u16(r), 0x0203);
    CU_ASSERT_EQUAL(bytes_read_u24(r), 0x040506);
    CU_ASSERT_EQUAL(bytes_read_u32(r), 0x0708090a);
    CU_ASSERT_EQUAL(bytes_read_u48(r), 0x0b0c0d0e0f10u);
    CU_ASSERT_EQUAL(bytes_read_u64(r), 0x1112131415161718u);
}

static void read_whole_is_big_endian(void)
{
    struct bytes_reader r = bytes_reader(sample, sizeof(sample));
    read_all(&r);
    CU_ASSERT_EQUAL(r.err, 0);
    CU_ASSERT_EQUAL(bytes_left(&r), 0);
}

static void read_truncated_at_every_byte_sticks(void)
{
    for (size_t size = 0; size < sizeof(sample); size++) {
        /* an exact heap copy: the address sanitizer sees any byte too far */
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, sample, size);
        struct bytes_reader r = bytes_reader(copy, size);
        (void)bytes_read_u8(&r);
        (void)bytes_read_u16(&r);
        (void)bytes_read_u24(&r);
        (void)bytes_read_u32(&r);
        (void)bytes_read_u48(&r);
        (void)bytes_read_u64(&r);
        CU_ASSERT_EQUAL(r.err, ERR_TRUNCATED);
        CU_ASSERT(r.pos <= size);
        CU_ASSERT_EQUAL(bytes_read_u8(&r), 0);
        CU_ASSERT_PTR_NULL(bytes_read_span(&r, 0));
        CU_ASSERT_EQUAL(bytes_left(&r), 0);
        free(copy);
    }
}

static void read_huge_length_does_not_wrap(void)
{
    struct bytes_reader r = bytes_reader(sample, sizeof(sample));
    bytes_skip(&r, 5);
    CU_ASSERT_PTR_NULL(bytes_read_span(&r, SIZE_MAX));
    CU_ASSERT_EQUAL(r.err, ERR_TRUNCATED);
    CU_ASSERT_EQUAL(r.pos, 5);
}

static void read_sub_is_bounded_by_its_length(void)
{
    struct bytes_reader r = bytes_reader(sample, sizeof(sample));
    struct bytes_reader sub = bytes_read_sub(&r, 3);
    CU_ASSERT_EQUAL(bytes_read_u16(&sub), 0x0102);
    CU_ASSERT_EQUAL(bytes_read_u16(&sub), 0);
    CU_ASSERT_EQUAL(sub.err, ERR_TRUNCATED);
    CU_ASSERT_EQUAL(r.err, 0);
    CU_ASSERT_EQUAL(bytes_read_u8(&r), 4);
    sub = bytes_read_sub(&r, 100);
    CU_ASSERT_EQUAL(sub.err, ERR_TRUNCATED);
    CU_ASSERT_EQUAL(r.err, ERR_TRUNCATED);
}

static void read_empty_is_no_error(void)
{
    struct bytes_reader r = bytes_reader(NULL, 0);
    CU_ASSERT_PTR_NOT_NULL(bytes_read_span(&r, 0));
    bytes_read_copy(&r, NULL, 0);
    CU_ASSERT_EQUAL(r.err, 0);
    uint8_t byte = 42;
    bytes_read_copy(&r, &byte, 1);
    CU_ASSERT_EQUAL(r.err, ERR_TRUNCATED);
    CU_ASSERT_EQUAL(byte, 42);
}

static void write_all(struct bytes_writer *w)
{
    bytes_write_u8(w, 1);
    bytes_write_u16(w, 0x0203);
    bytes_write_u24(w, 0x040506);
    bytes_write_u32(w, 0x0708090a);
    bytes_write_u48(w, 0x0b0c0d0e0f10u);
    bytes_write_u64(w, 0x1112131415161718u);
}

static void write_then_read_gives_the_same(void)
{
    uint8_t out[sizeof(sample)];
    struct bytes_writer w = bytes_writer(out, sizeof(out));
    write_all(&w);
    CU_ASSERT_EQUAL(w.err, 0);
    CU_ASSERT_EQUAL(bytes_room(&w), 0);
    CU_ASSERT_EQUAL(memcmp(out, sample, sizeof(sample)), 0);
}

static void write_without_room_sticks_and_stays_inside(void)
{
    for (size_t size = 0; size < sizeof(sample); size++) {
        uint8_t *out = calloc(1, size + 1);
        struct bytes_writer w = bytes_writer(out, size);
        write_all(&w);
        CU_ASSERT_EQUAL(w.err, ERR_LIMIT);
        CU_ASSERT(w.pos <= size);
        CU_ASSERT_EQUAL(out[size], 0);
        bytes_write_copy(&w, sample, 0);
        CU_ASSERT_EQUAL(bytes_room(&w), 0);
        free(out);
    }
}

static void patch_changes_only_what_was_written(void)
{
    uint8_t out[8] = {0};
    struct bytes_writer w = bytes_writer(out, sizeof(out));
    bytes_write_u16(&w, 0);
    bytes_write_fill(&w, 0xaa, 3);
    bytes_patch_u16(&w, 0, (uint16_t)w.pos);
    CU_ASSERT_EQUAL(w.err, 0);
    CU_ASSERT_EQUAL(memcmp(out, "\0\5\xaa\xaa\xaa\0", 6), 0);
    bytes_patch_u16(&w, 4, 0xffff);
    CU_ASSERT_EQUAL(w.err, ERR_LIMIT);
    CU_ASSERT_EQUAL(out[5], 0);
}

SUITE("base/bytes", TEST(read_whole_is_big_endian), TEST(read_truncated_at_every_byte_sticks),
      TEST(read_huge_length_does_not_wrap), TEST(read_sub_is_bounded_by_its_length),
      TEST(read_empty_is_no_error), TEST(write_then_read_gives_the_same),
      TEST(write_without_room_sticks_and_stays_inside), TEST(patch_changes_only_what_was_written))
