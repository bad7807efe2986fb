/* Decoding of numbers and lengths, and the way to the right decoder for every simple type. In which
 * form a number is written follows from its bounds alone (clauses 11.5 to 11.9); the generator has
 * worked that out once, and the tables name the form. */
#include "signalling/per/decoder.h"

#include <inttypes.h>

/* Clause 11.9.3.8: longer things come in pieces of one to four of these. */
#define FRAGMENT 16384U

int per_decoder_short(struct per_decoder *d)
{
    return per_decoder_fail(d, ERR_TRUNCATED, "the input ends too early");
}

int per_decoder_alloc(struct per_decoder *d, size_t size, bool clear, void **out)
{
    /* Counted in what the arena has given, its own padding included. */
    size_t used = d->arena->used - d->memory_start;
    void *p;

    if (size > d->max_memory || used > d->max_memory - size)
        return per_decoder_fail(d, ERR_LIMIT, "more than %zu bytes of memory", d->max_memory);
    p = clear ? arena_zalloc(d->arena, size) : arena_alloc(d->arena, size);
    if (p == NULL)
        return per_decoder_fail(d, ERR_NOMEM, "no memory for %zu bytes", size);
    *out = p;
    return 0;
}

/* Up to 8 aligned octets as an unsigned number. False: not that many are left. */
static bool read_octets(struct per_reader *in, size_t n, uint64_t *value)
{
    uint64_t v = 0;

    per_reader_align(in);
    if (per_reader_left(in) < n * 8)
        return false;
    for (const uint8_t *p = in->p + (in->pos >> 3), *e = p + n; p < e; p++)
        v = v << 8 | *p;
    in->pos += n * 8;
    *value = v;
    return true;
}

/* General length (clause 11.9.3): *more tells that it is a fragment. */
int per_read_general_length(struct per_decoder *d, size_t *n, bool *more)
{
    uint64_t v;

    if (!read_octets(&d->in, 1, &v))
        return per_decoder_short(d);
    *more = false;
    if (v < 0x80) {
        *n = (size_t)v;
        return 0;
    }
    if (v < 0xc0) {
        uint64_t low;

        if (!read_octets(&d->in, 1, &low))
            return per_decoder_short(d);
        *n = (size_t)((v & 0x3f) << 8 | low);
        return 0;
    }
    /* 0 would be a fragment of nothing: an endless list of them is no value. */
    if (v < 0xc1 || v > 0xc4)
        return per_decoder_fail(d, ERR_MALFORMED, "fragment multiplier %u is not 1..4",
                                (unsigned)(v & 0x3f));
    *n = (size_t)(v & 0x3f) * FRAGMENT;
    *more = true;
    return 0;
}

/* Length octet(s) of a number whose size has no bound; more than 8 octets do not fit our types. */
static int read_number_size(struct per_decoder *d, size_t *n)
{
    bool more;
    int rc = per_read_general_length(d, n, &more);

    if (rc != 0)
        return rc;
    if (*n == 0)
        return per_decoder_fail(d, ERR_MALFORMED, "an INTEGER of no octets");
    /* What does not fit 64 bits is no number that any of our types has. */
    if (more || *n > 8)
        return per_decoder_fail(d, ERR_RANGE, "an INTEGER of %zu octets, at most 8 are taken", *n);
    return 0;
}

/* A length octet, then the number: unsigned above a lower bound (clause 11.7), or in two's
 * complement where it has none (11.8). */
static int read_unbound(struct per_decoder *d, const struct per_bound *b, int64_t *value)
{
    size_t n;
    uint64_t v;
    int rc = read_number_size(d, &n);

    if (rc != 0)
        return rc;
    if (!read_octets(&d->in, n, &v))
        return per_decoder_short(d);
    if (b->form == PER_FORM_UNBOUND) { /* two's complement of n octets */
        /* Up, then down again: the sign fills the left. */
        unsigned shift = (unsigned)(64 - 8 * n);

        *value = (int64_t)(v << shift) >> shift;
        return 0;
    }
    /* Semi-constrained: counted from the lower bound. */
    if (v > (uint64_t)INT64_MAX || __builtin_add_overflow((int64_t)v, b->lo, value))
        return per_decoder_fail(d, ERR_RANGE, "an INTEGER above 2^63");
    return 0;
}

/* Clause 11.5.7.4: a range above 64K. The number of octets is itself a number within bounds, so
 * that small values stay short. */
static int read_long(struct per_decoder *d, const struct per_bound *b, uint64_t *value)
{
    uint64_t octets;
    /* Octets of the range: the length is as long as that needs. */
    unsigned max = (unsigned)(64 - __builtin_clzll((uint64_t)(b->hi - b->lo)) + 7) / 8;

    if (!per_reader_bits(&d->in, b->bits, &octets))
        return per_decoder_short(d);
    if (++octets > max)
        return per_decoder_fail(d, ERR_RANGE, "an INTEGER of %u octets, at most %u fit",
                                (unsigned)octets, max);
    return read_octets(&d->in, (size_t)octets, value) ? 0 : per_decoder_short(d);
}

int per_read_number(struct per_decoder *d, const struct per_bound *b, int64_t *value)
{
    uint64_t v = 0;
    int rc = 0;

    switch (b->form) {
    case PER_FORM_FIXED:
        break;
    case PER_FORM_BITS:
        if (!per_reader_bits(&d->in, b->bits, &v))
            return per_decoder_short(d);
        break;
    case PER_FORM_ONE:
    case PER_FORM_TWO:
        per_reader_align(&d->in);
        if (!per_reader_bits(&d->in, b->bits, &v))
            return per_decoder_short(d);
        break;
    case PER_FORM_LONG:
        rc = read_long(d, b, &v);
        if (rc != 0)
            return rc;
        break;
    default:
        return read_unbound(d, b, value);
    }
    /* Powers of two leave codes above the bound. */
    if (v > (uint64_t)(b->hi - b->lo))
        return per_decoder_fail(d, ERR_RANGE, "%" PRIu64 " is not within %" PRId64 "..%" PRId64,
                                (uint64_t)b->lo + v, b->lo, b->hi);
    *value = b->lo + (int64_t)v;
    return 0;
}

int per_read_length(struct per_decoder *d, const struct per_bound *b, size_t *n, bool *more)
{
    int64_t v;
    int rc;

    if (b->form == PER_FORM_LENGTH)
        return per_read_general_length(d, n, more);
    rc = per_read_number(d, b, &v);
    if (rc != 0)
        return rc;
    *n = (size_t)v;
    *more = false;
    return 0;
}

/* Clause 11.6: six bits for what is usually small, indices of extensions; above 63 a general number
 * follows. */
int per_read_small(struct per_decoder *d, uint32_t *value)
{
    static const struct per_bound semi = {.form = PER_FORM_SEMI};
    uint64_t v;
    int64_t large;
    int rc;

    if (!per_reader_bits(&d->in, 7, &v))
        return per_decoder_short(d);
    if (v < 64) {
        *value = (uint32_t)v;
        return 0;
    }
    d->in.pos -= 6; /* the first bit said that a general number follows */
    rc = read_unbound(d, &semi, &large);
    if (rc != 0)
        return rc;
    /* No module will ever have as many. */
    if (large > UINT16_MAX)
        return per_decoder_fail(d, ERR_LIMIT, "extension index %" PRId64 " is above 65535", large);
    *value = (uint32_t)large;
    return 0;
}

/* Walk over all pieces of something of `unit` bits an item; in.pos ends behind it. Returns the
 * total and checks it against the bound. */
int per_measure_pieces(struct per_decoder *d, const struct per_bound *b, unsigned unit,
                       size_t *total)
{
    bool more = true;
    size_t sum = 0;

    while (more) {
        size_t n;
        int rc = per_read_length(d, b, &n, &more);

        if (rc != 0)
            return rc;
        if (n > per_reader_left(&d->in) / unit)
            return per_decoder_short(d);
        d->in.pos += n * unit;
        sum += n;
    }
    /* Hi -1: none. */
    if (sum < (size_t)b->lo || (b->hi >= 0 && sum > (size_t)b->hi))
        return per_decoder_fail(d, ERR_RANGE, "length %zu is not within %" PRId64 "..%" PRId64, sum,
                                b->lo, b->hi);
    *total = sum;
    return 0;
}

/* Gather the pieces of a general length, measured before, at `to`; units of 8 bits but for BIT
 * STRINGs, whose fragments are multiples of 16K bits and so of whole octets too. */
void per_copy_pieces(struct per_decoder *d, const struct per_bound *b, unsigned unit, uint8_t *to)
{
    bool more = true;

    while (more) {
        size_t n;

        if (per_read_length(d, b, &n, &more) != 0)
            return; /* cannot be: it was measured */
        memcpy(to, d->in.p + (d->in.pos >> 3), (n * unit + 7) / 8);
        to += n * unit / 8;
        d->in.pos += n * unit;
    }
}

/* An open type's octets: where they lie if they are in one piece, else gathered. Whoever decodes
 * them asks which it is by comparing addresses (decode_open). */
int per_read_open(struct per_decoder *d, const uint8_t **p, size_t *len)
{
    static const struct per_bound any = {.form = PER_FORM_LENGTH, .hi = INT64_MAX};
    size_t start;
    bool more;
    int rc;

    per_reader_align(&d->in);
    start = d->in.pos;
    rc = per_read_general_length(d, len, &more);
    if (rc != 0)
        return rc;
    if (!more) {
        if (*len > per_reader_left(&d->in) / 8)
            return per_decoder_short(d);
        *p = d->in.p + (d->in.pos >> 3);
        d->in.pos += *len * 8;
        return 0;
    }
    d->in.pos = start;
    rc = per_measure_pieces(d, &any, 8, len);
    if (rc == 0) {
        void *to;

        rc = per_decoder_alloc(d, *len, false, &to);
        if (rc == 0) {
            /* The position ends behind it again, as after one piece. */
            d->in.pos = start;
            per_copy_pieces(d, &any, 8, to);
            *p = to;
        }
    }
    return rc;
}

static void store(void *to, unsigned size, int64_t v)
{
    switch (size) {
    case 1:
        *(uint8_t *)to = (uint8_t)v;
        break;
    case 2:
        *(uint16_t *)to = (uint16_t)v;
        break;
    case 4:
        *(uint32_t *)to = (uint32_t)v;
        break;
    default:
        *(int64_t *)to = v;
        break;
    }
}

static int read_int(struct per_decoder *d, const struct per_type *t, void *value)
{
    static const struct per_bound unbound = {.form = PER_FORM_UNBOUND};
    const struct per_bound *b = &t->bound;
    int64_t v;
    bool outside;
    int rc;

    if (t->extensible) {
        if (!per_reader_bit(&d->in, &outside))
            return per_decoder_short(d);
        /* Outside the root: by the form without bounds (clause 13.1). */
        if (outside)
            b = &unbound;
    }
    rc = per_read_number(d, b, &v);
    if (rc == 0)
        store(value, t->size, v);
    return rc;
}

static int read_enum(struct per_decoder *d, const struct per_type *t, void *value)
{
    bool addition = false;
    int64_t v;
    int rc;

    if (t->extensible && !per_reader_bit(&d->in, &addition))
        return per_decoder_short(d);
    if (addition) {
        uint32_t index;

        rc = per_read_small(d, &index);
        /* Values of a later version stand behind those that we know. */
        v = (int64_t)t->n_root + index;
    } else {
        rc = per_read_number(d, &t->bound, &v);
    }
    if (rc == 0)
        *(uint32_t *)value = (uint32_t)v;
    return rc;
}

int per_read_simple(struct per_decoder *d, const struct per_type *t, void *value)
{
    switch (t->kind) {
    case PER_NULL:
        return 0;
    case PER_BOOL:
        return per_reader_bit(&d->in, value) ? 0 : per_decoder_short(d);
    case PER_INT:
        return read_int(d, t, value);
    case PER_ENUM:
        return read_enum(d, t, value);
    case PER_OCTETS:
        return per_read_octets(d, t, NULL, value);
    case PER_INLINE:
        return per_read_octets(d, t, value, NULL);
    case PER_BITS:
        return per_read_bits(d, t, value);
    case PER_STRING:
        return per_read_string(d, t, value);
    case PER_BMP:
        return per_read_bmp(d, t, value);
    case PER_OID:
        return per_read_oid(d, value);
    default:
        return per_decoder_fail(d, ERR_UNSUPPORTED, "type %s has no decoder", t->name);
    }
}
