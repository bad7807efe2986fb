/* Encoding of everything that has no members: numbers, lengths, strings, identifiers. Values are
 * checked against their bounds here: a message of ours that a peer could not decode would be
 * refused there without a reason. */
#include "signalling/per/encoder.h"

#include <inttypes.h>

int per_encoder_full(struct per_encoder *e)
{
    return per_encoder_fail(e, ERR_AGAIN, "the buffer of %zu octets is too small", e->cap);
}

int per_write_octets(struct per_encoder *e, const uint8_t *p, size_t n)
{
    int rc = 0;

    /* At whole octets, as mostly: in one copy. */
    if ((e->pos & 7) == 0) {
        if (n > e->cap - e->pos / 8)
            return per_encoder_full(e);
        if (n > 0)
            memcpy(e->p + e->pos / 8, p, n);
        e->pos += n * 8;
        return 0;
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = per_write_bits(e, 8, p[i]);
    return rc;
}

/* The low n octets of v, aligned. */
static int write_aligned(struct per_encoder *e, unsigned n, uint64_t v)
{
    int rc = per_write_align(e);

    for (; n > 0 && rc == 0; n--)
        rc = per_write_bits(e, 8, v >> (8 * (n - 1)) & 0xff);
    return rc;
}

/* Octets of the shortest form of an unsigned number; 0 takes one. */
static unsigned octets_of(uint64_t v)
/* A length of no octets is not allowed. */
{
    return v == 0 ? 1 : (unsigned)(64 - __builtin_clzll(v) + 7) / 8;
}

static int write_long(struct per_encoder *e, const struct per_bound *b, uint64_t v)
{
    unsigned n = octets_of(v);
    int rc = per_write_bits(e, b->bits, n - 1);

    return rc != 0 ? rc : write_aligned(e, n, v);
}

static int write_unbound(struct per_encoder *e, const struct per_bound *b, int64_t value)
{
    unsigned n = 1;
    uint64_t v = (uint64_t)value;
    int rc;

    if (b->form == PER_FORM_SEMI) {
        v -= (uint64_t)b->lo;
        n = octets_of(v);
    } else {
        /* As few octets as keep the sign. */
        while (n < 8 &&
               (value < -(INT64_C(1) << (8 * n - 1)) || value >= INT64_C(1) << (8 * n - 1)))
            n++;
    }
    rc = write_aligned(e, 1, n);
    return rc != 0 ? rc : write_aligned(e, n, v);
}

int per_write_number(struct per_encoder *e, const struct per_bound *b, int64_t value)
/* As unsigned: the difference of two int64_t may not fit one. */
{
    uint64_t v = (uint64_t)value - (uint64_t)b->lo;

    if (b->form != PER_FORM_UNBOUND &&
        (value < b->lo || (b->form != PER_FORM_SEMI && value > b->hi)))
        return per_encoder_fail(e, ERR_RANGE, "%" PRId64 " is not within %" PRId64 "..%" PRId64,
                                value, b->lo, b->form == PER_FORM_SEMI ? INT64_MAX : b->hi);
    switch (b->form) {
    case PER_FORM_FIXED:
        return 0;
    case PER_FORM_BITS:
        return per_write_bits(e, b->bits, v);
    case PER_FORM_ONE:
    case PER_FORM_TWO:
        return write_aligned(e, b->bits / 8, v);
    case PER_FORM_LONG:
        return write_long(e, b, v);
    default:
        return write_unbound(e, b, value);
    }
}

int per_check_length(struct per_encoder *e, const struct per_bound *b, size_t n)
/* Even without an upper bound one stands here (INT64_MAX). */
{
    if (n < (uint64_t)b->lo || n > (uint64_t)b->hi)
        return per_encoder_fail(e, ERR_RANGE, "length %zu is not within %" PRId64 "..%" PRId64, n,
                                b->lo, b->hi);
    return 0;
}

int per_write_length(struct per_encoder *e, const struct per_bound *b, size_t left, size_t *n,
                     bool *more)
{
    *n = left;
    *more = false;
    if (b->form != PER_FORM_LENGTH)
        return per_write_number(e, b, (int64_t)left);
    if (left < 0x80)
        return write_aligned(e, 1, left);
    if (left < PER_FRAGMENT)
        return write_aligned(e, 2, 0x8000 | left);
    /* Four fragments of 16K are the most that one field tells. */
    *n = left / PER_FRAGMENT > 4 ? 4 : left / PER_FRAGMENT;
    *more = true;
    left = *n;
    *n *= PER_FRAGMENT;
    return write_aligned(e, 1, 0xc0 | left);
}

int per_write_small(struct per_encoder *e, uint32_t value)
{
    static const struct per_bound semi = {.form = PER_FORM_SEMI};
    int rc;

    /* Above 63 by a general number: such extensions are not in our modules, but in others'. */
    if (value < 64)
        return per_write_bits(e, 7, value);
    rc = per_write_bits(e, 1, 1);
    return rc != 0 ? rc : write_unbound(e, &semi, value);
}

/* Write item i.. of a string; the items of a piece follow each other. */
typedef int (*write_items_fn)(struct per_encoder *e, const struct per_type *t, const void *from,
                              size_t first, size_t n);

static int write_run(struct per_encoder *e, const struct per_type *t, unsigned unit,
                     const void *from, size_t total, write_items_fn write_items)
{
    const struct per_bound *b = &t->bound;
    size_t done = 0;
    bool more = true;
    int rc = per_check_length(e, b, total);

    if (rc == 0 && total > 0 && from == NULL)
        rc = per_encoder_fail(e, ERR_INVAL, "%zu items but no pointer to them", total);
    while (rc == 0 && more) {
        size_t n;

        rc = per_write_length(e, b, total - done, &n, &more);
        if (rc == 0 && !per_is_unaligned(b, unit))
            rc = per_write_align(e);
        /* Nothing is aligned, or written, for no items. */
        if (rc == 0 && n > 0)
            rc = write_items(e, t, from, done, n);
        done += n;
    }
    return rc;
}

static int write_octet_items(struct per_encoder *e, const struct per_type *t, const void *from,
                             size_t first, size_t n)
{
    (void)t;
    return per_write_octets(e, (const uint8_t *)from + first, n);
}

/* Pieces start at whole octets: fragments hold multiples of 16K bits. */
static int write_bit_items(struct per_encoder *e, const struct per_type *t, const void *from,
                           size_t first, size_t n)
{
    const uint8_t *p = (const uint8_t *)from + first / 8;
    int rc = n < 8 ? 0 : per_write_octets(e, p, n / 8);

    (void)t;
    if (rc == 0 && n % 8 != 0)
        rc = per_write_bits(e, n % 8, (uint64_t)p[n / 8] >> (8 - n % 8));
    return rc;
}

static int bad_character(struct per_encoder *e, unsigned c, size_t i)
{
    return per_encoder_fail(e, ERR_RANGE, "character %zu has the code %u, which is not permitted",
                            i, c);
}

static int write_characters(struct per_encoder *e, const struct per_type *t, const void *from,
                            size_t first, size_t n)
{
    const unsigned char *p = (const unsigned char *)from + first;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const char *at = NULL;
        unsigned v = p[i];

        if (t->alphabet != NULL) {
            at = v ? strchr(t->alphabet, (int)v) : NULL;
            if (at == NULL)
                return bad_character(e, v, first + i);
            if (t->indexed)
                v = (unsigned)(at - t->alphabet);
        } else if (v > t->top) {
            return bad_character(e, v, first + i);
        }
        rc = per_write_bits(e, t->width, v);
    }
    return rc;
}

static int write_bmp_items(struct per_encoder *e, const struct per_type *t, const void *from,
                           size_t first, size_t n)
{
    const uint16_t *p = (const uint16_t *)from + first;
    int rc = 0;

    (void)t;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = per_write_bits(e, 16, p[i]);
    return rc;
}

/* Base 128, high groups first, all but the last with the top bit (X.690 clause 8.19). */
static unsigned put_arc(uint64_t v, uint8_t *to)
{
    unsigned n = 1;

    for (uint64_t rest = v >> 7; rest != 0; rest >>= 7)
        n++;
    for (unsigned i = n; i-- > 0; v >>= 7)
        to[i] = (uint8_t)((v & 0x7f) | (i + 1 < n ? 0x80 : 0));
    return n;
}

static int write_oid(struct per_encoder *e, const struct per_oid *oid)
{
    static const struct per_bound any = {.form = PER_FORM_LENGTH, .hi = INT64_MAX};
    /* 10 of 7 bits hold any 64. */
    uint8_t arc[10];
    size_t len = 0;
    size_t n;
    bool more;
    int rc;

    /* The first two arcs share a number: less cannot be written. */
    if (oid->n < 2 || oid->arc == NULL)
        return per_encoder_fail(e, ERR_INVAL, "an identifier of %u arcs", oid->n);
    /* X.660: under itu-t and iso there are 40 each. */
    if (oid->arc[0] > 2 || (oid->arc[0] < 2 && oid->arc[1] > 39))
        return per_encoder_fail(e, ERR_RANGE, "no identifier starts with %u %u", oid->arc[0],
                                oid->arc[1]);
    len = put_arc(UINT64_C(40) * oid->arc[0] + oid->arc[1], arc);
    for (uint32_t i = 2; i < oid->n; i++)
        len += put_arc(oid->arc[i], arc);
    if (len >= PER_FRAGMENT)
        return per_encoder_fail(e, ERR_LIMIT, "an identifier of %zu octets", len);
    rc = per_write_length(e, &any, len, &n, &more);
    for (uint32_t i = 1; rc == 0 && i < oid->n; i++) {
        uint64_t v = i == 1 ? UINT64_C(40) * oid->arc[0] + oid->arc[1] : oid->arc[i];

        n = put_arc(v, arc);
        rc = per_write_octets(e, arc, n);
    }
    return rc;
}

/* An extensible INTEGER says first whether the value is within the root (clause 13.1). */
static int write_int(struct per_encoder *e, const struct per_type *t, const void *value)
{
    static const struct per_bound unbound = {.form = PER_FORM_UNBOUND};
    int64_t v = per_load_int(t, value);
    bool outside;
    int rc;

    if (!t->extensible)
        return per_write_number(e, &t->bound, v);
    outside = v < t->bound.lo || v > t->bound.hi;
    /* The bit first: the form of the number follows from it. */
    rc = per_write_bits(e, 1, outside);
    return rc != 0 ? rc : per_write_number(e, outside ? &unbound : &t->bound, v);
}

/* Clause 14: numbers in the order of the values; additions counted from the end of the root. */
static int write_enum(struct per_encoder *e, const struct per_type *t, const void *value)
{
    uint32_t v = *(const uint32_t *)value;
    bool addition = t->extensible && v >= t->n_root;
    int rc = t->extensible ? per_write_bits(e, 1, addition) : 0;

    if (rc != 0)
        return rc;
    return addition ? per_write_small(e, v - t->n_root) : per_write_number(e, &t->bound, v);
}

int per_write_simple(struct per_encoder *e, const struct per_type *t, const void *value)
{
    const struct per_octets *octets = value;
    const struct per_bits *bits = value;
    const struct per_string *string = value;
    const struct per_bmp *bmp = value;

    switch (t->kind) {
    case PER_NULL:
        return 0;
    case PER_BOOL:
        return per_write_bits(e, 1, *(const bool *)value);
    case PER_INT:
        return write_int(e, t, value);
    case PER_ENUM:
        return write_enum(e, t, value);
    case PER_OCTETS:
        return write_run(e, t, 8, octets->p, octets->len, write_octet_items);
    case PER_INLINE:
        return write_run(e, t, 8, value, t->size, write_octet_items);
    case PER_BITS:
        return write_run(e, t, 1, bits->p, bits->n, write_bit_items);
    case PER_STRING:
        return write_run(e, t, t->width, string->p, string->len, write_characters);
    case PER_BMP:
        return write_run(e, t, 16, bmp->p, bmp->len, write_bmp_items);
    case PER_OID:
        return write_oid(e, value);
    default:
        return per_encoder_fail(e, ERR_UNSUPPORTED, "type %s has no encoder", t->name);
    }
}
