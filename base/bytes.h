/* Bounded byte cursors.
 *
 * A reader or writer never leaves its buffer. The first refusal sets `err`, which then sticks:
 * later reads return 0 or NULL, later writes do nothing, so that a parser may read a whole header
 * and ask once. All integers are big endian (network order). The cursors own nothing. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes_reader {
    const uint8_t *data;
    size_t size; /* bytes at data */
    size_t pos;  /* next byte; pos <= size always */
    int err;     /* 0, or ERR_TRUNCATED after a read past the end */
};

struct bytes_writer {
    uint8_t *data;
    size_t size; /* room at data */
    size_t pos;  /* bytes written; pos <= size always */
    int err;     /* 0, or ERR_LIMIT after a write that did not fit */
};

/* Over `size` octets that have to outlive it; nothing is copied. */
struct bytes_reader bytes_reader(const void *data, size_t size);
struct bytes_writer bytes_writer(void *data, size_t size);

/* Bytes left to read; 0 once an error is set. */
size_t bytes_left(const struct bytes_reader *r);

/* Numbers in network byte order; 0 from the first that is not there on (its err). */
uint8_t bytes_read_u8(struct bytes_reader *r);
uint16_t bytes_read_u16(struct bytes_reader *r);
uint32_t bytes_read_u24(struct bytes_reader *r);
uint32_t bytes_read_u32(struct bytes_reader *r);
uint64_t bytes_read_u48(struct bytes_reader *r);
uint64_t bytes_read_u64(struct bytes_reader *r);

/* The next n bytes in place (no copy), or NULL when there are fewer. NULL never means n == 0. */
const uint8_t *bytes_read_span(struct bytes_reader *r, size_t n);

/* A reader of the next n bytes, which are consumed here. Too few: it is empty with its error set.
 */
struct bytes_reader bytes_read_sub(struct bytes_reader *r, size_t n);

/* Copies the next n bytes to out; on error out is untouched. */
void bytes_read_copy(struct bytes_reader *r, void *out, size_t n);
void bytes_skip(struct bytes_reader *r, size_t n);

/* Room left to write; 0 once an error is set. */
size_t bytes_room(const struct bytes_writer *w);

/* Numbers in network byte order; what finds no room is not written (its err). */
void bytes_write_u8(struct bytes_writer *w, uint8_t v);
void bytes_write_u16(struct bytes_writer *w, uint16_t v);
void bytes_write_u24(struct bytes_writer *w, uint32_t v);
void bytes_write_u32(struct bytes_writer *w, uint32_t v);
void bytes_write_u48(struct bytes_writer *w, uint64_t v);
void bytes_write_u64(struct bytes_writer *w, uint64_t v);
void bytes_write_copy(struct bytes_writer *w, const void *data, size_t n);
void bytes_write_fill(struct bytes_writer *w, uint8_t value, size_t n);

/* Room for n bytes to be filled by the caller, or NULL. */
uint8_t *bytes_write_span(struct bytes_writer *w, size_t n);

/* Overwrites two bytes written earlier at `at` (a length field). Outside what is written: error. */
void bytes_patch_u16(struct bytes_writer *w, size_t at, uint16_t v);

#endif
