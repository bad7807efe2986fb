/* State of one encoding and what its two halves (values, structure) offer each other. */
#ifndef SIGNALLING_PER_ENCODER_H
#define SIGNALLING_PER_ENCODER_H

#include "base/err.h"
#include "signalling/per/error.h"
#include "signalling/per/per.h"
#include "signalling/per/type.h"

#include <string.h>

#define PER_FRAGMENT 16384U

struct per_encoder {
    uint8_t *p;
    size_t cap; /* octets */
    size_t pos; /* bits */
    uint32_t depth_left;
    const struct per_frame *at;
    struct per_error *err;
};

#define per_encoder_fail(e, code, ...) per_fail((e)->err, (e)->at, (e)->pos, (code), __VA_ARGS__)

int per_encoder_full(struct per_encoder *e) __attribute__((cold));

/* The low n <= 56 bits of v, which has no others. */
static inline int per_write_bits(struct per_encoder *e, unsigned n, uint64_t v)
{
    size_t octet = e->pos >> 3;
    unsigned used = e->pos & 7;
    unsigned total = used + n;
    uint64_t acc;

    if (octet + (total + 7) / 8 > e->cap)
        return per_encoder_full(e);
    if (n == 0)
        return 0;
    acc = used ? (uint64_t)e->p[octet] >> (8 - used) : 0;
    acc = (acc << n | v) << (64 - total);
    if (octet + 8 <= e->cap) {
        acc = __builtin_bswap64(acc);
        memcpy(e->p + octet, &acc, 8);
    } else {
        for (; octet < e->cap; octet++, acc <<= 8)
            e->p[octet] = (uint8_t)(acc >> 56);
    }
    e->pos += n;
    return 0;
}

/* Zero bits up to the next octet boundary. */
static inline int per_write_align(struct per_encoder *e)
{
    return per_write_bits(e, (unsigned)(-e->pos & 7), 0);
}

int per_write_octets(struct per_encoder *e, const uint8_t *p, size_t n);

int per_write_number(struct per_encoder *e, const struct per_bound *b, int64_t value);

/* Length of the next piece of `left` items: *n becomes how many go into it. Call again while it
 * says *more; a last piece may be empty. */
int per_write_length(struct per_encoder *e, const struct per_bound *b, size_t left, size_t *n,
                     bool *more);

int per_write_small(struct per_encoder *e, uint32_t value);

/* Is length n permitted? */
int per_check_length(struct per_encoder *e, const struct per_bound *b, size_t n);

/* Any type but SEQUENCE, CHOICE, SEQUENCE OF and open types. */
int per_write_simple(struct per_encoder *e, const struct per_type *t, const void *value);

#endif
