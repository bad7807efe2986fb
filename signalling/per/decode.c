/* Decoding of the types that hold others: SEQUENCE, CHOICE, SEQUENCE OF and open types.
 *
 * One interpreter walks the tables of the generator (type.h) beside the bits; nothing is generated
 * for a type but its table, so that the reader of octets from the net is this code alone. Three
 * budgets hold against hostile input: depth (stack), elements and memory, each taken before it is
 * used. The rest follows from the bits themselves: whatever the input claims to contain must still
 * be in it. */
#include "signalling/per/decoder.h"

static int decode_value(struct per_decoder *d, const struct per_type *t, void *value);

static int enter(struct per_decoder *d)
{
    /* Depth is the peer's to choose, the stack is ours. */
    if (d->depth_left == 0)
        return per_decoder_fail(d, ERR_LIMIT, "nested too deep");
    d->depth_left--;
    return 0;
}

/* What may stand behind a value: nothing, or zero octets. */
static int check_rest(struct per_decoder *d)
{
    /* Zero octets are padding that some encoders put behind; anything else is a second message or a
     * fault. */
    per_reader_align(&d->in);
    for (size_t i = d->in.pos / 8; i < d->in.end / 8; i++)
        if (d->in.p[i] != 0)
            return per_decoder_fail(d, ERR_MALFORMED, "%zu octets behind the value",
                                    d->in.end / 8 - i);
    return 0;
}

/* A value inside an open type: its own bounds, then back to what follows. */
static int decode_open(struct per_decoder *d, const struct per_type *t, void *value)
{
    struct per_reader outer;
    const uint8_t *p;
    size_t len;
    int rc = per_read_open(d, &p, &len);

    if (rc != 0 || (rc = enter(d)) != 0)
        return rc;
    /* Clause 11.1: even an empty value has one octet. */
    if (len == 0)
        return per_decoder_fail(d, ERR_MALFORMED, "an open type of no octets");
    outer = d->in;
    /* In one piece: read where it lies. Gathered fragments are a buffer of their own. */
    if (p >= outer.p && p < outer.p + outer.octets) {
        d->in.pos = (size_t)(p - outer.p) * 8;
        d->in.end = d->in.pos + len * 8;
    } else {
        d->in = (struct per_reader){.p = p, .octets = len, .end = len * 8};
    }
    rc = decode_value(d, t, value);
    /* The inner length is the outer's word: what it leaves over is checked as at the end of a
     * message. */
    if (rc == 0)
        rc = check_rest(d);
    if (rc != 0)
        return rc; /* in stays: the error's offset is made from it */
    d->in = outer;
    d->depth_left++;
    return 0;
}

/* A member where the struct wants it: behind a pointer, or in place with its flag. */
static int decode_member(struct per_decoder *d, const struct per_member *m, void *parent,
                         bool is_open)
{
    char *base = parent;
    void *value = base + m->offset;
    int rc;

    if (m->pointer) {
        void *object;

        rc = per_decoder_alloc(d, m->type->size, true, &object);
        if (rc != 0)
            return rc;
        /* memcpy, as a pointer in a generated struct has the type of its target. */
        memcpy(value, &object, sizeof(object));
        value = object;
    } else if (m->optional) {
        *(bool *)(base + m->has) = true;
    }
    return is_open ? decode_open(d, m->type, value) : decode_value(d, m->type, value);
}

static int keep_unknown(struct per_decoder *d, uint32_t index, struct per_unknown *to)
{
    const uint8_t *p;
    size_t len;
    void *copy;
    int rc = per_read_open(d, &p, &len);

    if (rc != 0)
        return rc;
    /* Kept octets count as elements: the table of unknown additions grows by the peer's wish. */
    if (d->elements_left == 0)
        return per_decoder_fail(d, ERR_LIMIT, "too many elements");
    d->elements_left--;
    rc = per_decoder_alloc(d, len, false, &copy);
    if (rc != 0)
        return rc;
    memcpy(copy, p, len);
    *to = (struct per_unknown){index, {len, copy}};
    return 0;
}

/* Length of the presence bitmap (clause 11.9.3.4): a normally small length. */
static int read_bitmap_size(struct per_decoder *d, size_t *bits)
{
    static const struct per_bound any = {.form = PER_FORM_LENGTH, .hi = INT64_MAX};
    uint64_t v;
    bool more = false;
    int rc = 0;

    if (!per_reader_bits(&d->in, 7, &v))
        return per_decoder_short(d);
    if (v < 64) {
        *bits = (size_t)v + 1;
    } else {
        /* Back to the second bit: the general length is aligned from there. */
        d->in.pos -= 6;
        rc = per_read_length(d, &any, bits, &more);
    }
    if (rc == 0 && (more || *bits == 0))
        return per_decoder_fail(d, ERR_MALFORMED, "an extension bitmap of %zu bits", *bits);
    /* Checked before it is read: bit_at() has no end of its own. */
    if (rc == 0 && *bits > per_reader_left(&d->in))
        return per_decoder_short(d);
    return rc;
}

static bool bit_at(const struct per_decoder *d, size_t bit)
{
    return d->in.p[bit >> 3] >> (7 - (bit & 7)) & 1;
}

/* Room for the additions that we do not know; their number is counted from the bitmap. */
static int make_ext(struct per_decoder *d, size_t bitmap, size_t bits, size_t known,
                    struct per_ext **out)
{
    struct per_ext *ext;
    uint32_t n = 0;
    void *p;
    int rc = per_decoder_alloc(d, sizeof(*ext), true, &p);

    if (rc != 0)
        return rc;
    ext = p;
    ext->bitmap_bits = (uint32_t)bits;
    /* Exactly as many as have a bit: no more memory than octets came. */
    for (size_t i = known; i < bits; i++)
        n += bit_at(d, bitmap + i);
    if (n > 0) {
        rc = per_decoder_alloc(d, n * sizeof(*ext->v), true, &p);
        if (rc != 0)
            return rc;
        ext->v = p;
    }
    *out = ext;
    return 0;
}

/* Clause 19.7 to 19.9: additions stand behind the root, each as an open type, so that a decoder of
 * an older version can skip what it does not know. Those that we know are decoded into their
 * members, the others are kept as octets. */
static int decode_additions(struct per_decoder *d, const struct per_type *t, void *value,
                            struct per_frame *frame)
{
    size_t known = (size_t)(t->n_members - t->n_root);
    size_t bitmap;
    size_t bits;
    struct per_ext *ext;
    int rc = read_bitmap_size(d, &bits);

    if (rc != 0)
        return rc;
    bitmap = d->in.pos;
    /* Behind the bitmap: additions follow in its order. */
    d->in.pos += bits;
    rc = make_ext(d, bitmap, bits, known, &ext);
    if (rc != 0)
        return rc;
    memcpy((char *)value + t->ext, &ext, sizeof(ext));
    for (size_t i = 0; i < bits; i++) {
        if (!bit_at(d, bitmap + i))
            continue;
        if (i < known) {
            frame->name = t->members[t->n_root + i].name;
            rc = decode_member(d, &t->members[t->n_root + i], value, true);
        } else {
            frame->name = "unknown addition";
            /* Unknown ones are kept for who sends the message on. */
            rc = keep_unknown(d, (uint32_t)i, &ext->v[ext->n]);
            ext->n += rc == 0;
        }
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Clause 19: an extension bit, a bit for each optional member of the root, the root in order, then
 * the additions. The struct was cleared by the allocator: what is not there stays absent. */
static int decode_seq(struct per_decoder *d, const struct per_type *t, void *value)
{
    struct per_frame frame = {.up = d->at, .name = ""};
    bool extended = false;
    uint64_t present;
    int rc;

    if (t->extensible && !per_reader_bit(&d->in, &extended))
        return per_decoder_short(d);
    if (!per_reader_bits(&d->in, t->n_optional, &present))
        return per_decoder_short(d);
    /* 64 optional members at most: the first is the top bit. & 63: a shift by 64 is undefined. */
    present <<= (64 - t->n_optional) & 63;
    d->at = &frame;
    for (const struct per_member *m = t->members, *end = m + t->n_root; m < end; m++) {
        if (m->optional) {
            bool here = present >> 63;

            present <<= 1;
            if (!here)
                continue;
        }
        frame.name = m->name;
        rc = decode_member(d, m, value, false);
        if (rc != 0)
            return rc;
    }
    if (extended) {
        rc = decode_additions(d, t, value, &frame);
        if (rc != 0)
            return rc;
    }
    d->at = frame.up;
    return 0;
}

static int decode_unknown(struct per_decoder *d, const struct per_type *t, void *value,
                          uint32_t index)
{
    void *p;
    int rc = per_decoder_alloc(d, sizeof(struct per_unknown), true, &p);

    if (rc != 0)
        return rc;
    *(uint32_t *)value = t->n_members + 1U; /* the UNKNOWN enumerator */
    memcpy((char *)value + t->ext, &p, sizeof(p));
    return keep_unknown(d, index, p);
}

/* Clause 23: the index of the alternative in canonical order, or behind the extension bit the
 * number of an addition, whose value is an open type. */
static int decode_choice(struct per_decoder *d, const struct per_type *t, void *value)
{
    struct per_frame frame = {.up = d->at};
    const struct per_member *m;
    bool extended = false;
    int64_t index;
    uint32_t addition;
    int rc;

    if (t->extensible && !per_reader_bit(&d->in, &extended))
        return per_decoder_short(d);
    if (extended) {
        rc = per_read_small(d, &addition);
        if (rc != 0)
            return rc;
        index = (int64_t)t->n_root + addition;
        /* An alternative of a later version is told as UNKNOWN, with its octets. */
        if (index >= t->n_members)
            return decode_unknown(d, t, value, addition);
    } else {
        rc = per_read_number(d, &t->bound, &index);
        if (rc != 0)
            return rc;
    }
    m = &t->members[index];
    frame.name = m->name;
    d->at = &frame;
    *(uint32_t *)value = (uint32_t)index + 1;
    rc = decode_member(d, m, value, extended);
    /* After an error `at` stays: the path of the error is made from it. */
    if (rc == 0)
        d->at = frame.up;
    return rc;
}

/* Make room for n more elements. The shortest encoding of an element bounds what a few octets can
 * claim, so memory stays in proportion to the input. */
static int grow(struct per_decoder *d, const struct per_type *elem, struct per_any_list *list,
                size_t n, size_t *room)
{
    size_t want = list->n + n;
    void *v;
    int rc;

    if (n == 0)
        return 0;
    if (n > d->elements_left)
        return per_decoder_fail(d, ERR_LIMIT, "too many elements");
    /* Before memory is taken: what could not be there is not reserved. */
    if (n * elem->min_bits > per_reader_left(&d->in))
        return per_decoder_short(d);
    d->elements_left -= (uint32_t)n;
    if (want <= *room)
        return 0;
    if (list->n > 0 && want < 2 * *room)
        /* Doubling, so that fragments do not cost a copy of all each time. */
        want = 2 * *room;
    rc = per_decoder_alloc(d, want * elem->size, true, &v);
    if (rc != 0)
        return rc;
    if (list->n > 0)
        memcpy(v, list->v, (size_t)list->n * elem->size);
    list->v = v;
    *room = want;
    return 0;
}

static int decode_elements(struct per_decoder *d, const struct per_type *elem,
                           struct per_any_list *list, size_t n, struct per_frame *frame)
{
    for (; n > 0; n--) {
        int rc;

        frame->index = list->n;
        rc = decode_value(d, elem, (char *)list->v + (size_t)list->n * elem->size);
        if (rc != 0)
            return rc;
        list->n++;
    }
    return 0;
}

/* Clause 20: a length in pieces, each followed by its elements. Room is made piece by piece, never
 * for what later pieces might bring. */
static int decode_list(struct per_decoder *d, const struct per_type *t, struct per_any_list *list)
{
    struct per_frame frame = {.up = d->at};
    size_t room = 0;
    bool more = true;

    while (more) {
        size_t n;
        int rc = per_read_length(d, &t->bound, &n, &more);

        if (rc == 0)
            rc = grow(d, t->elem, list, n, &room);
        if (rc != 0)
            return rc;
        d->at = &frame;
        rc = decode_elements(d, t->elem, list, n, &frame);
        if (rc != 0)
            return rc;
        d->at = frame.up;
    }
    /* Fragments can sum up to more than a bound allows. */
    if (list->n < (uint64_t)t->bound.lo || list->n > (uint64_t)t->bound.hi)
        return per_decoder_fail(d, ERR_RANGE, "%u elements are not within the bounds", list->n);
    return 0;
}

static int decode_value(struct per_decoder *d, const struct per_type *t, void *value)
{
    int rc;

    if (t->kind < PER_SEQ)
        return per_read_simple(d, t, value);
    if (t->kind == PER_OPEN)
        return decode_open(d, t->elem, value);
    rc = enter(d);
    if (rc != 0)
        return rc;
    if (t->kind == PER_SEQ)
        rc = decode_seq(d, t, value);
    else if (t->kind == PER_CHOICE)
        rc = decode_choice(d, t, value);
    else
        rc = decode_list(d, t, value);
    d->depth_left++;
    return rc;
}

int per_decode(const struct per_type *t, const uint8_t *buf, size_t len,
               const struct per_limits *limits, struct arena *arena, void **out,
               struct per_error *err)
{
    static const struct per_limits defaults = {0};
    const struct per_limits *l = limits != NULL ? limits : &defaults;
    struct per_decoder d = {
        .in = {.p = buf, .octets = len, .end = len * 8},
        .arena = arena,
        .memory_start = arena->used,
        .max_memory = l->max_memory ? l->max_memory : PER_DEFAULT_MAX_MEMORY,
        .elements_left = l->max_elements ? l->max_elements : PER_DEFAULT_MAX_ELEMENTS,
        .depth_left = l->max_depth ? l->max_depth : PER_DEFAULT_MAX_DEPTH,
        .err = err,
    };
    void *value;
    int rc;

    /* Positions are counted in bits. */
    if (len > SIZE_MAX / 8)
        return per_decoder_fail(&d, ERR_LIMIT, "%zu octets of input", len);
    if (len == 0)
        return per_decoder_short(&d);
    /* Types without members have no size, and still an address. */
    rc = per_decoder_alloc(&d, t->size ? t->size : 1, true, &value);
    if (rc == 0)
        rc = decode_value(&d, t, value);
    if (rc == 0)
        rc = check_rest(&d);
    if (rc == 0)
        *out = value;
    return rc;
}
