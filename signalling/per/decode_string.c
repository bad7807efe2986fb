/* Decoding of what has a length: octets, bits, characters, identifiers (X.691 clauses 16, 17, 24,
 * 30). Most are one run of items under one length and are copied from where they lie; only what is
 * longer than 16K comes in fragments and has to be gathered first. */
#include "signalling/per/decoder.h"

#include <inttypes.h>

/* Items of `unit` bits under a length: find total and first bit, leave in.pos behind them. When
 * they are in one piece `bit` is where they start, else they are gathered. */
struct run {
    size_t n;          /* items */
    size_t bit;        /* where they start if whole */
    uint8_t *gathered; /* all octets if they came in fragments */
};

static int read_run(struct per_decoder *d, const struct per_bound *b, unsigned unit, size_t extra,
                    struct run *run)
{
    size_t start = d->in.pos;
    bool more;
    void *to;
    int rc = per_read_length(d, b, &run->n, &more);

    if (rc != 0)
        return rc;
    run->gathered = NULL;
    if (!more) {
        if (!per_is_unaligned(b, unit)) /* an empty string is aligned like any other */
            per_reader_align(&d->in);
        /* By division: the product could overflow. */
        if (run->n > per_reader_left(&d->in) / unit)
            return per_decoder_short(d);
        run->bit = d->in.pos;
        d->in.pos += run->n * unit;
        /* An upper bound is in the form already; the lower one is not where the length is
         * general. */
        if (run->n < (size_t)b->lo)
            return per_decoder_fail(d, ERR_RANGE, "length %zu is below %" PRId64, run->n, b->lo);
        return 0;
    }
    /* Twice over the pieces: once for the size, once for the octets. */
    d->in.pos = start;
    rc = per_measure_pieces(d, b, unit, &run->n);
    if (rc != 0)
        return rc;
    rc = per_decoder_alloc(d, (run->n * unit + 7) / 8 + extra, false, &to);
    if (rc != 0)
        return rc;
    d->in.pos = start;
    per_copy_pieces(d, b, unit, to);
    run->gathered = to;
    return 0;
}

/* Copy n octets that start at any bit. */
static void copy_bits(struct per_decoder *d, size_t bit, uint8_t *to, size_t n)
{
    if ((bit & 7) == 0) {
        memcpy(to, d->in.p + (bit >> 3), n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t v = per_reader_tail(&d->in, (bit >> 3) + i);

        /* Eight octets at a time in a register: the string may begin at any bit. */
        to[i] = (uint8_t)(v << (bit & 7) >> 56);
    }
}

/* `fixed` is where an OCTET STRING of a fixed size has its place within the struct; otherwise *out
 * gets octets of the arena. */
int per_read_octets(struct per_decoder *d, const struct per_type *t, uint8_t *fixed,
                    struct per_octets *out)
{
    struct run run;
    void *to = fixed;
    int rc = read_run(d, &t->bound, 8, 0, &run);

    if (rc != 0)
        return rc;
    if (run.gathered != NULL) {
        *out = (struct per_octets){run.n, run.gathered};
        return 0;
    }
    /* A fixed one lies in the struct itself. */
    if (fixed == NULL) {
        rc = per_decoder_alloc(d, run.n, false, &to);
        if (rc != 0)
            return rc;
        *out = (struct per_octets){run.n, to};
    }
    copy_bits(d, run.bit, to, run.n);
    return 0;
}

int per_read_bits(struct per_decoder *d, const struct per_type *t, struct per_bits *out)
{
    struct run run;
    size_t octets;
    void *to;
    int rc = read_run(d, &t->bound, 1, 0, &run);

    if (rc != 0)
        return rc;
    octets = (run.n + 7) / 8;
    to = run.gathered;
    if (to == NULL) {
        rc = per_decoder_alloc(d, octets, false, &to);
        if (rc != 0)
            return rc;
        copy_bits(d, run.bit, to, octets);
    }
    *out = (struct per_bits){run.n, to};
    if (run.n % 8 != 0)
        /* Unused bits are zero, so that values can be compared by octets. */
        out->p[octets - 1] &= (uint8_t)(0xff << (8 - run.n % 8));
    return 0;
}

static int bad_character(struct per_decoder *d, unsigned c, size_t i)
{
    return per_decoder_fail(d, ERR_RANGE, "character %zu has the code %u, which is not permitted",
                            i, c);
}

/* Characters that were written as they are: are all of them permitted? */
static int check_characters(struct per_decoder *d, const struct per_type *t, const char *p,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned c = (unsigned char)p[i];

        /* 0 is in no alphabet, though strchr finds it at the end. */
        if (c > t->top || (t->alphabet != NULL && (c == 0 || !strchr(t->alphabet, (int)c))))
            return bad_character(d, c, i);
    }
    return 0;
}

/* Clause 30.5.4: where a permitted alphabet is so small that indices take fewer bits, characters
 * are written as their place in it (digits of a number take four bits). */
static int read_indexed(struct per_decoder *d, const struct per_type *t, const struct run *run,
                        char *to)
{
    size_t letters = strlen(t->alphabet);
    struct per_reader in = d->in;

    if (run->gathered != NULL) {
        size_t octets = (run->n * t->width + 7) / 8;

        in = (struct per_reader){.p = run->gathered, .octets = octets, .end = octets * 8};
    } else {
        in.pos = run->bit;
    }
    for (size_t i = 0; i < run->n; i++) {
        uint64_t v;

        if (!per_reader_bits(&in, t->width, &v))
            return per_decoder_short(d);
        /* An alphabet that is no power of two leaves indices without a letter. */
        if (v >= letters)
            return per_decoder_fail(d, ERR_RANGE, "character %zu has the index %u of %zu", i,
                                    (unsigned)v, letters);
        to[i] = t->alphabet[v];
    }
    return 0;
}

int per_read_string(struct per_decoder *d, const struct per_type *t, struct per_string *out)
{
    struct run run;
    void *to;
    int rc = read_run(d, &t->bound, t->width, 1, &run);

    if (rc != 0)
        return rc;
    to = run.gathered;
    if (to == NULL || t->indexed) {
        rc = per_decoder_alloc(d, run.n + 1, false, &to);
        if (rc != 0)
            return rc;
        if (!t->indexed)
            copy_bits(d, run.bit, to, run.n);
    }
    *out = (struct per_string){run.n, to};
    /* For C: an embedded zero cuts it, `len` tells the truth. */
    out->p[run.n] = '\0';
    if (t->indexed)
        return read_indexed(d, t, &run, to);
    if (t->top == 255 && t->alphabet == NULL)
        return 0;
    return check_characters(d, t, to, run.n);
}

int per_read_bmp(struct per_decoder *d, const struct per_type *t, struct per_bmp *out)
{
    struct run run;
    void *to;
    uint16_t *c;
    int rc = read_run(d, &t->bound, 16, 0, &run);

    if (rc != 0)
        return rc;
    to = run.gathered;
    if (to == NULL) {
        rc = per_decoder_alloc(d, run.n * 2, false, &to);
        if (rc != 0)
            return rc;
        copy_bits(d, run.bit, to, run.n * 2);
    }
    c = to;
    for (size_t i = 0; i < run.n; i++)
        /* Network order in the octets, the host's in the value. */
        c[i] = __builtin_bswap16(c[i]);
    *out = (struct per_bmp){run.n, c};
    return 0;
}

/* Contents octets of an identifier into arcs (X.690 clause 8.19); arcs has room for len + 1. */
static int split_arcs(struct per_decoder *d, const uint8_t *p, size_t len, uint32_t *arcs,
                      uint32_t *count)
{
    uint32_t n = 0;
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++) {
        /* The shortest form only (X.690 8.19.2): two encodings of one identifier would not be
         * equal. */
        if (v == 0 && p[i] == 0x80)
            return per_decoder_fail(d, ERR_MALFORMED, "an arc starts with 0x80");
        v = v << 7 | (p[i] & 0x7f);
        /* 80 more for the first number, which holds two arcs. */
        if (v > UINT32_MAX + (n == 0 ? UINT64_C(80) : 0))
            return per_decoder_fail(d, ERR_RANGE, "arc %u is above 2^32-1", n);
        if (p[i] & 0x80)
            continue;
        if (n == 0) { /* the first two arcs share a number */
            arcs[n++] = v < 80 ? (uint32_t)(v / 40) : 2;
            arcs[n++] = (uint32_t)(v - UINT64_C(40) * arcs[0]);
        } else {
            arcs[n++] = (uint32_t)v;
        }
        v = 0;
    }
    if (len == 0 || (p[len - 1] & 0x80))
        return per_decoder_fail(d, ERR_MALFORMED, "an identifier that ends within an arc");
    *count = n;
    return 0;
}

int per_read_oid(struct per_decoder *d, struct per_oid *out)
{
    size_t len;
    bool more;
    void *arcs;
    int rc = per_read_general_length(d, &len, &more);

    if (rc != 0)
        return rc;
    if (len > per_reader_left(&d->in) / 8)
        return per_decoder_short(d);
    if (more)
        return per_decoder_fail(d, ERR_LIMIT, "an identifier of 16K octets or more");
    rc = per_decoder_alloc(d, (len + 1) * sizeof(uint32_t), false, &arcs);
    if (rc != 0)
        return rc;
    rc = split_arcs(d, d->in.p + (d->in.pos >> 3), len, arcs, &out->n);
    d->in.pos += len * 8;
    out->arc = arcs;
    return rc;
}
