/* Bits of a received message: the codec's cursor. Reads whole words where it can. */
#ifndef SIGNALLING_PER_READER_H
#define SIGNALLING_PER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct per_reader {
    const uint8_t *p;
    size_t octets; /* of the buffer: words may be loaded up to here */
    size_t pos;    /* in bits */
    size_t end;    /* in bits: of the message, or of the open type being read */
};

static inline size_t per_reader_left(const struct per_reader *r)
{
    return r->end - r->pos;
}

static inline uint64_t per_reader_tail(const struct per_reader *r, size_t octet)
{
    uint64_t w = 0;

    for (size_t i = 0; i < 8; i++)
        w = w << 8 | (octet + i < r->octets ? r->p[octet + i] : 0);
    return w;
}

/* n <= 56 bits, the first one becomes the highest. False: not that many are left. */
static inline bool per_reader_bits(struct per_reader *r, unsigned n, uint64_t *value)
{
    size_t octet = r->pos >> 3;
    uint64_t w;

    if (r->end - r->pos < n)
        return false;
    if (n == 0) {
        *value = 0;
        return true;
    }
    if (octet + 8 <= r->octets) {
        memcpy(&w, r->p + octet, 8);
        w = __builtin_bswap64(w);
    } else {
        w = per_reader_tail(r, octet);
    }
    *value = w << (r->pos & 7) >> (64 - n);
    r->pos += n;
    return true;
}

static inline bool per_reader_bit(struct per_reader *r, bool *value)
{
    if (r->pos >= r->end)
        return false;
    *value = r->p[r->pos >> 3] >> (7 - (r->pos & 7)) & 1;
    r->pos++;
    return true;
}

/* Go to the next octet boundary. The bits skipped are padding and are not looked at. */
static inline void per_reader_align(struct per_reader *r)
{
    r->pos = (r->pos + 7) & ~(size_t)7;
    if (r->pos > r->end)
        r->pos = r->end;
}

#endif
