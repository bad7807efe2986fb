#include "tests/fuzz/per_value.h"

#include <string.h>

uint32_t per_random_next(struct per_random *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)(r->state >> 16);
}

static uint32_t below(struct per_random *r, uint32_t n)
{
    return n ? per_random_next(r) % n : 0;
}

/* Mostly the ends of a range: that is where encodings change. */
static int64_t pick_number(struct per_random *r, const struct per_bound *b)
{
    static const int64_t edges[] = {
        0,  1,    127,  128,       255,      256, 65535, 65536, INT64_C(1) << 32,
        -1, -128, -129, INT64_MAX, INT64_MIN};
    uint64_t span;

    if (b->form == PER_FORM_UNBOUND)
        return edges[below(r, sizeof(edges) / sizeof(edges[0]))];
    if (b->form == PER_FORM_SEMI)
        return b->lo + (below(r, 3) ? (int64_t)below(r, 70000) : INT64_C(1) << below(r, 62));
    span = (uint64_t)(b->hi - b->lo);
    switch (below(r, 4)) {
    case 0:
        return b->lo;
    case 1:
        return b->hi;
    default:
        return b->lo +
               (int64_t)(((uint64_t)per_random_next(r) << 32 | per_random_next(r)) % (span + 1));
    }
}

static size_t pick_length(struct per_random *r, const struct per_bound *b)
{
    size_t extra = below(r, 16) ? below(r, 6) : below(r, 8) ? below(r, 300) : below(r, 40000);

    if ((uint64_t)b->hi - (uint64_t)b->lo < extra)
        extra = (size_t)(b->hi - b->lo);
    return (size_t)b->lo + extra;
}

static void store(void *to, unsigned size, int64_t v)
{
    /* little endian and two's complement: the low octets are the number */
    memcpy(to, &v, size);
}

static char pick_character(struct per_random *r, const struct per_type *t)
{
    if (t->alphabet != NULL)
        return t->alphabet[below(r, (uint32_t)strlen(t->alphabet))];
    return (char)below(r, t->top + 1U);
}

static int fill_string(struct per_random *r, const struct per_type *t, struct per_string *s)
{
    s->len = pick_length(r, &t->bound);
    s->p = arena_zalloc(r->arena, s->len + 1);
    for (size_t i = 0; s->p != NULL && i < s->len; i++)
        s->p[i] = pick_character(r, t);
    return s->p ? 0 : -1;
}

static int fill_octets(struct per_random *r, uint8_t **p, size_t n)
{
    *p = arena_zalloc(r->arena, n + 1);
    for (size_t i = 0; *p != NULL && i < n; i++)
        (*p)[i] = (uint8_t)per_random_next(r);
    return *p ? 0 : -1;
}

static int fill_bits(struct per_random *r, const struct per_type *t, struct per_bits *b)
{
    b->n = pick_length(r, &t->bound);
    if (fill_octets(r, &b->p, b->n / 8 + 1) != 0)
        return -1;
    if (b->n % 8)
        b->p[b->n / 8] &= (uint8_t)(0xff << (8 - b->n % 8));
    return 0;
}

static int fill_bmp(struct per_random *r, const struct per_type *t, struct per_bmp *s)
{
    s->len = pick_length(r, &t->bound);
    s->p = arena_array(r->arena, s->len + 1, sizeof(*s->p));
    for (size_t i = 0; s->p != NULL && i < s->len; i++)
        s->p[i] = (uint16_t)below(r, below(r, 2) ? 0x80 : 0xd800);
    return s->p ? 0 : -1;
}

static int fill_oid(struct per_random *r, struct per_oid *oid)
{
    uint32_t n = 2 + below(r, 8);
    uint32_t *arcs = arena_array(r->arena, n, sizeof(*arcs));

    if (arcs == NULL)
        return -1;
    for (uint32_t i = 2; i < n; i++)
        arcs[i] = per_random_next(r) >> below(r, 32);
    arcs[0] = below(r, 3);
    arcs[1] = below(r, 40);
    oid->n = n;
    oid->arc = arcs;
    return 0;
}

static int fill_simple(struct per_random *r, const struct per_type *t, void *value)
{
    struct per_octets *o = value;
    int64_t v;

    switch (t->kind) {
    case PER_BOOL:
        *(bool *)value = below(r, 2);
        return 0;
    case PER_INT:
        v = pick_number(r, &t->bound);
        if (t->extensible && below(r, 2))
            v = (int64_t)per_random_next(r) << below(r, 32);
        store(value, t->size, v);
        return 0;
    case PER_ENUM:
        *(uint32_t *)value = below(r, t->n_members + 2U * t->extensible);
        return 0;
    case PER_OCTETS:
        o->len = pick_length(r, &t->bound);
        return fill_octets(r, &o->p, o->len);
    case PER_INLINE:
        store(value, t->size < 4 ? t->size : 4, per_random_next(r));
        return 0;
    case PER_BITS:
        return fill_bits(r, t, value);
    case PER_STRING:
        return fill_string(r, t, value);
    case PER_BMP:
        return fill_bmp(r, t, value);
    case PER_OID:
        return fill_oid(r, value);
    default:
        return 0;
    }
}

static int fill_member(struct per_random *r, const struct per_member *m, void *parent,
                       unsigned depth)
{
    char *base = parent;
    void *value = base + m->offset;

    if (m->pointer) {
        void *p = arena_zalloc(r->arena, m->type->size);

        if (p == NULL)
            return -1;
        memcpy(value, &p, sizeof(p));
        value = p;
    } else if (m->optional) {
        *(bool *)(base + m->has) = true;
    }
    return per_random_fill(r, m->type, value, depth ? depth - 1 : 0);
}

static int fill_seq(struct per_random *r, const struct per_type *t, void *value, unsigned depth)
{
    for (const struct per_member *m = t->members; m < t->members + t->n_members; m++) {
        if (m->optional && (depth == 0 || below(r, 3)))
            continue;
        if (fill_member(r, m, value, depth) != 0)
            return -1;
    }
    return 0;
}

/* Without depth left the plainest alternative is taken, so that recursion comes to an end. */
static int fill_choice(struct per_random *r, const struct per_type *t, void *value, unsigned depth)
{
    uint32_t i = below(r, t->n_members);

    if (depth == 0) {
        uint32_t best = 0;

        for (i = 0; i < t->n_members; i++)
            if (t->members[i].type->kind < t->members[best].type->kind)
                best = i;
        i = best;
    }
    memset(value, 0, t->size);
    *(uint32_t *)value = i + 1;
    return fill_member(r, &t->members[i], value, depth);
}

static int fill_list(struct per_random *r, const struct per_type *t, struct per_any_list *list,
                     unsigned depth)
{
    uint32_t n = (uint32_t)t->bound.lo + (depth ? below(r, 3) : 0);

    if (n > (uint64_t)t->bound.hi)
        n = (uint32_t)t->bound.hi;
    list->v = arena_array(r->arena, n + 1, t->elem->size);
    list->n = list->v ? n : 0;
    for (uint32_t i = 0; i < list->n; i++)
        if (per_random_fill(r, t->elem, (char *)list->v + (size_t)i * t->elem->size,
                            depth ? depth - 1 : 0) != 0)
            return -1;
    return list->v ? 0 : -1;
}

int per_random_fill(struct per_random *r, const struct per_type *t, void *value, unsigned depth)
{
    switch (t->kind) {
    case PER_SEQ:
        return fill_seq(r, t, value, depth);
    case PER_CHOICE:
        return fill_choice(r, t, value, depth);
    case PER_LIST:
        return fill_list(r, t, value, depth);
    case PER_OPEN:
        return per_random_fill(r, t->elem, value, depth);
    default:
        return fill_simple(r, t, value);
    }
}

/* One node of the value, each as likely as any other. */
struct pick {
    const struct per_type *type;
    void *value;
    uint32_t seen;
};

static void visit(struct per_random *r, const struct per_type *t, void *value, struct pick *pick)
{
    struct per_any_list *list = value;
    void *inner;

    if (below(r, ++pick->seen) == 0) {
        pick->type = t;
        pick->value = value;
    }
    if (t->kind == PER_OPEN)
        visit(r, t->elem, value, pick);
    for (uint32_t i = 0; t->kind == PER_LIST && i < list->n && i < 64; i++)
        visit(r, t->elem, (char *)list->v + (size_t)i * t->elem->size, pick);
    if (t->kind != PER_SEQ && t->kind != PER_CHOICE)
        return;
    for (uint32_t i = 0; i < t->n_members; i++) {
        if (t->kind == PER_CHOICE && *(uint32_t *)value != i + 1)
            continue;
        inner = (void *)(uintptr_t)per_member_value(&t->members[i], value);
        if (inner != NULL)
            visit(r, t->members[i].type, inner, pick);
    }
}

static int change_seq(struct per_random *r, const struct per_type *t, void *value)
{
    const struct per_member *m = &t->members[below(r, t->n_members)];
    void *none = NULL;

    if (t->n_members == 0 || !m->optional)
        return 0;
    if (per_member_value(m, value) == NULL)
        return fill_member(r, m, value, below(r, 4));
    if (m->pointer)
        memcpy((char *)value + m->offset, &none, sizeof(none));
    else
        *(bool *)((char *)value + m->has) = false;
    return 0;
}

static int change_list(struct per_random *r, const struct per_type *t, struct per_any_list *list)
{
    size_t size = t->elem->size;
    uint32_t copies = 1 + (below(r, 8) ? 0 : below(r, 200));
    char *v;

    if (list->n > 0 && below(r, 2)) {
        list->n--;
        return 0;
    }
    v = arena_array(r->arena, list->n + copies, size);
    if (v == NULL)
        return -1;
    if (list->n > 0)
        memcpy(v, list->v, list->n * size);
    list->v = v;
    for (; copies > 0; copies--, list->n++) {
        if (list->n > 0)
            memcpy(v + list->n * size, v, size);
        else if (per_random_fill(r, t->elem, v, 2) != 0)
            return -1;
    }
    return 0;
}

int per_random_change(struct per_random *r, const struct per_type *t, void *value)
{
    struct pick pick = {0};

    visit(r, t, value, &pick);
    if (pick.type->kind == PER_SEQ)
        return change_seq(r, pick.type, pick.value);
    if (pick.type->kind == PER_LIST)
        return change_list(r, pick.type, pick.value);
    return per_random_fill(r, pick.type, pick.value, below(r, 4));
}
