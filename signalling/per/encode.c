/* Encoding of the types that hold others: SEQUENCE, CHOICE, SEQUENCE OF and open types. The mirror
 * of decode.c, over the same tables. An open type's length stands before its octets and is known
 * after them: it is written behind one octet of room and moved if that was too little, which spares
 * a second pass and a second buffer. */
#include "signalling/per/encoder.h"

static int encode_value(struct per_encoder *e, const struct per_type *t, const void *value);

/* Octets that the length fields of an open type of n octets take. */
static size_t open_overhead(size_t n)
{
    /* A fragment field for each 64K begun, and the last length. */
    size_t fragments = (n / PER_FRAGMENT + 3) / 4;

    return fragments + (n % PER_FRAGMENT < 0x80 ? 1 : 2);
}

/* Put length fields into an open type whose n octets were written behind one octet of room at
 * `start`: the pieces move right, the last one first. */
static int close_open(struct per_encoder *e, size_t start, size_t n)
{
    /* One octet is there already. */
    size_t extra = open_overhead(n) - 1;
    size_t tail = n % PER_FRAGMENT;
    size_t from = start + 1 + n;
    size_t to = from + extra;

    if (to > e->cap)
        return per_encoder_full(e);
    e->pos = to * 8;
    memmove(e->p + to - tail, e->p + from - tail, tail);
    to -= tail;
    from -= tail;
    if (tail >= 0x80) {
        e->p[--to] = (uint8_t)tail;
        e->p[--to] = (uint8_t)(0x80 | tail >> 8);
    } else {
        e->p[--to] = (uint8_t)tail;
    }
    for (n -= tail; n > 0;) { /* the last fragment is the one that may be below 64K */
        /* From the right: the last fragment may be the small one, all before are of 64K. */
        size_t units = n / PER_FRAGMENT;
        size_t piece = (units % 4 ? units % 4 : 4) * PER_FRAGMENT;

        memmove(e->p + to - piece, e->p + from - piece, piece);
        to -= piece;
        from -= piece;
        e->p[--to] = (uint8_t)(0xc0 | piece / PER_FRAGMENT);
        n -= piece;
    }
    return 0;
}

static int encode_open(struct per_encoder *e, const struct per_type *t, const void *value)
{
    size_t start;
    int rc = per_write_align(e);

    if (rc != 0)
        return rc;
    start = e->pos / 8;
    /* Room for the length, as short as it usually is: nothing moves then. */
    rc = per_write_bits(e, 8, 0);
    if (rc == 0)
        rc = encode_value(e, t, value);
    if (rc == 0 && e->pos == (start + 1) * 8)
        rc = per_write_bits(e, 8, 0); /* an empty value still has one octet */
    if (rc == 0)
        rc = per_write_align(e);
    return rc != 0 ? rc : close_open(e, start, e->pos / 8 - start - 1);
}

/* Octets that were kept from a peer, as they came: what we do not understand is passed on
 * unchanged.
 */
static int encode_raw(struct per_encoder *e, const struct per_unknown *u)
{
    size_t start;
    int rc = per_write_align(e);

    if (rc != 0)
        return rc;
    start = e->pos / 8;
    rc = per_write_bits(e, 8, 0);
    if (rc == 0)
        rc = per_write_octets(e, u->data.p, u->data.len);
    return rc != 0 ? rc : close_open(e, start, u->data.len);
}

static int encode_member(struct per_encoder *e, const struct per_member *m, const void *parent,
                         bool is_open)
{
    const void *value = (const char *)parent + m->offset;

    if (m->pointer) {
        /* memcpy'd: see decode_member. */
        value = per_load_pointer(value);
        if (value == NULL)
            return per_encoder_fail(e, ERR_INVAL, "the alternative has no value");
    }
    return is_open ? encode_open(e, m->type, value) : encode_value(e, m->type, value);
}

/* Length of the presence bitmap; 0: no addition is there. As it came if it came from a peer, else
 * one bit for each addition of the published module, more only where an addition of our own needs
 * it. */
static size_t bitmap_bits(const struct per_type *t, const void *value, const struct per_ext *ext)
{
    size_t bits = 0;

    for (size_t i = t->n_root; i < t->n_members; i++)
        /* The highest that is there decides. */
        if (per_member_value(&t->members[i], value) != NULL)
            bits = i - t->n_root + 1;
    if (ext != NULL) {
        if (ext->n > 0 && ext->v[ext->n - 1].index >= bits)
            bits = (size_t)ext->v[ext->n - 1].index + 1;
        return bits > ext->bitmap_bits ? bits : ext->bitmap_bits;
    }
    if (bits == 0 || bits > t->n_published)
        return bits;
    return t->n_published;
}

static int write_bitmap(struct per_encoder *e, const struct per_type *t, const void *value,
                        const struct per_ext *ext, size_t bits)
{
    static const struct per_bound any = {.form = PER_FORM_LENGTH, .hi = INT64_MAX};
    size_t known = (size_t)(t->n_members - t->n_root);
    uint32_t next = 0;
    size_t n;
    bool more;
    int rc;

    if (bits <= 64)
        rc = per_write_bits(e, 7, bits - 1);
    else if ((rc = per_write_bits(e, 1, 1)) == 0)
        rc = per_write_length(e, &any, bits, &n, &more);
    for (size_t i = 0; i < bits && rc == 0; i++) {
        bool here = false;

        if (i < known)
            here = per_member_value(&t->members[t->n_root + i], value) != NULL;
        else if (ext != NULL && next < ext->n && ext->v[next].index == i)
            here = ++next > 0;
        rc = per_write_bits(e, 1, here);
    }
    return rc;
}

/* In the order of their bits: known members first, as their numbers are the lower ones. */
static int encode_additions(struct per_encoder *e, const struct per_type *t, const void *value,
                            const struct per_ext *ext, struct per_frame *frame)
{
    for (size_t i = t->n_root; i < t->n_members; i++) {
        int rc;

        if (per_member_value(&t->members[i], value) == NULL)
            continue;
        frame->name = t->members[i].name;
        rc = encode_member(e, &t->members[i], value, true);
        if (rc != 0)
            return rc;
    }
    frame->name = "unknown addition";
    for (uint32_t i = 0; ext != NULL && i < ext->n; i++) {
        int rc = encode_raw(e, &ext->v[i]);

        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The additions kept from a peer must be in order and beyond those that we know. */
static int check_ext(struct per_encoder *e, const struct per_type *t, const struct per_ext *ext)
{
    size_t next = (size_t)(t->n_members - t->n_root);

    for (uint32_t i = 0; ext != NULL && i < ext->n; i++) {
        /* Out of order they could not be found again by their bits. */
        if (ext->v[i].index < next || ext->v[i].data.p == NULL)
            return per_encoder_fail(e, ERR_INVAL, "unknown addition %u is out of order",
                                    ext->v[i].index);
        next = (size_t)ext->v[i].index + 1;
    }
    /* A bitmap of fragments is nowhere allowed for. */
    if (next >= PER_FRAGMENT || (ext != NULL && ext->bitmap_bits >= PER_FRAGMENT))
        return per_encoder_fail(e, ERR_LIMIT, "an extension bitmap of 16K bits or more");
    return 0;
}

static int encode_seq(struct per_encoder *e, const struct per_type *t, const void *value)
{
    struct per_frame frame = {.up = e->at, .name = ""};
    const struct per_member *end = t->members + t->n_root;
    const struct per_ext *ext = NULL;
    size_t bits = 0;
    uint64_t preamble = 0;
    int rc;

    if (t->extensible) {
        ext = per_load_pointer((const char *)value + t->ext);
        rc = check_ext(e, t, ext);
        if (rc != 0)
            return rc;
        bits = bitmap_bits(t, value, ext);
        preamble = bits > 0;
    }
    for (const struct per_member *m = t->members; m < end; m++)
        if (m->optional)
            /* Clause 19.2: a bit for each, in order. */
            preamble = preamble << 1 | (per_member_value(m, value) != NULL);
    rc = per_write_bits(e, t->n_optional + t->extensible, preamble);
    e->at = &frame;
    for (const struct per_member *m = t->members; m < end && rc == 0; m++) {
        if (m->optional && per_member_value(m, value) == NULL)
            continue;
        frame.name = m->name;
        rc = encode_member(e, m, value, false);
    }
    if (rc == 0 && bits > 0) {
        frame.name = "";
        rc = write_bitmap(e, t, value, ext, bits);
        if (rc == 0)
            rc = encode_additions(e, t, value, ext, &frame);
    }
    if (rc == 0)
        e->at = frame.up;
    return rc;
}

static int encode_unknown(struct per_encoder *e, const struct per_type *t, const void *value)
{
    const struct per_unknown *u = per_load_pointer((const char *)value + t->ext);
    int rc;

    /* An index that we do know would be read as the known one. */
    if (u == NULL || u->data.p == NULL || u->index < (uint32_t)(t->n_members - t->n_root))
        return per_encoder_fail(e, ERR_INVAL, "an unknown alternative of %s without its octets",
                                t->name);
    rc = per_write_bits(e, 1, 1);
    if (rc == 0)
        rc = per_write_small(e, u->index);
    return rc != 0 ? rc : encode_raw(e, u);
}

static int encode_choice(struct per_encoder *e, const struct per_type *t, const void *value)
{
    struct per_frame frame = {.up = e->at};
    uint32_t kind = *(const uint32_t *)value;
    const struct per_member *m;
    bool addition;
    int rc = 0;

    /* 0 is UNSET: a value that nobody filled in. */
    if (kind == 0 || kind > t->n_members) {
        if (t->extensible && kind == t->n_members + 1U)
            return encode_unknown(e, t, value);
        return per_encoder_fail(e, ERR_INVAL, "%s has no alternative %u", t->name, kind);
    }
    m = &t->members[kind - 1];
    addition = kind > t->n_root;
    frame.name = m->name;
    if (t->extensible)
        rc = per_write_bits(e, 1, addition);
    if (rc == 0)
        rc = addition ? per_write_small(e, kind - 1 - t->n_root)
                      : per_write_number(e, &t->bound, kind - 1);
    e->at = &frame;
    if (rc == 0)
        rc = encode_member(e, m, value, addition);
    if (rc == 0)
        e->at = frame.up;
    return rc;
}

static int encode_list(struct per_encoder *e, const struct per_type *t,
                       const struct per_any_list *list)
{
    struct per_frame frame = {.up = e->at};
    bool more = true;
    size_t left = list->n;
    int rc = per_check_length(e, &t->bound, left);

    if (rc == 0 && left > 0 && list->v == NULL)
        rc = per_encoder_fail(e, ERR_INVAL, "%zu elements but no pointer to them", left);
    while (rc == 0 && more) {
        size_t n;

        rc = per_write_length(e, &t->bound, left, &n, &more);
        e->at = &frame;
        for (; n > 0 && rc == 0; n--, left--) {
            frame.index = (uint32_t)(list->n - left);
            rc = encode_value(e, t->elem,
                              (const char *)list->v + (size_t)frame.index * t->elem->size);
        }
        if (rc == 0)
            e->at = frame.up;
    }
    return rc;
}

static int encode_value(struct per_encoder *e, const struct per_type *t, const void *value)
{
    int rc;

    if (t->kind < PER_SEQ)
        return per_write_simple(e, t, value);
    /* The value is our own, but may hold a peer's message that goes on. */
    if (e->depth_left == 0)
        return per_encoder_fail(e, ERR_LIMIT, "nested too deep");
    e->depth_left--;
    if (t->kind == PER_SEQ)
        rc = encode_seq(e, t, value);
    else if (t->kind == PER_CHOICE)
        rc = encode_choice(e, t, value);
    else if (t->kind == PER_LIST)
        rc = encode_list(e, t, value);
    else
        rc = encode_open(e, t->elem, value);
    e->depth_left++;
    return rc;
}

int per_encode(const struct per_type *t, const void *value, uint8_t *buf, size_t cap, size_t *len,
               struct per_error *err)
{
    struct per_encoder e = {
        .p = buf,
        /* Positions are counted in bits. */
        .cap = cap > SIZE_MAX / 8 ? SIZE_MAX / 8 : cap,
        .depth_left = PER_ENCODE_MAX_DEPTH,
        .err = err,
    };
    int rc = encode_value(&e, t, value);

    if (rc == 0 && e.pos == 0)
        rc = per_write_bits(&e, 8, 0); /* clause 11.1.3: no empty encoding */
    if (rc == 0)
        rc = per_write_align(&e);
    if (rc == 0)
        *len = e.pos / 8;
    return rc;
}
