/* Values to JSON, in the form that json_read.c reads: what is written and read again encodes to the
 * same octets, unknown alternatives included; unknown additions of a SEQUENCE are left out. NULL
 * anywhere means that memory ran out. */
#include "signalling/per/bmp.h"
#include "signalling/per/json.h"
#include "signalling/per/type.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *hex_of(const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * n + 1);
    json_t *j;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 15];
    }
    j = json_stringn(text, 2 * n);
    free(text);
    return j;
}

static json_t *bits_of(const struct per_bits *b)
{
    char *text = malloc(b->n + 1);
    /* malloc, as its length is the peer's: no stack is large enough. */
    json_t *j;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < b->n; i++)
        text[i] = (b->p[i / 8] >> (7 - i % 8) & 1) ? '1' : '0';
    j = json_pack("{s:s#}", "bits", text, (int)b->n);
    free(text);
    return j;
}

static json_t *oid_of(const struct per_oid *oid)
{
    /* Ten digits and a dot for each arc. */
    char *text = malloc((size_t)oid->n * 11 + 1);
    size_t len = 0;
    json_t *j;

    if (text == NULL)
        return NULL;
    for (uint32_t i = 0; i < oid->n; i++)
        len += (size_t)sprintf(text + len, "%s%" PRIu32, i ? "." : "", oid->arc[i]);
    j = json_stringn(text, len);
    free(text);
    return j;
}

static json_t *bmp_of(const struct per_bmp *s)
{
    /* Three octets for a unit at most: a pair has four. */
    char *text = malloc(s->len * 3 + 1);
    size_t len = 0;
    json_t *j;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < s->len;)
        len += per_utf8_put(text + len, per_bmp_next(s, &i));
    j = json_stringn(text, len);
    free(text);
    return j;
}

static json_t *string_of(const struct per_string *s)
{
    /* Latin-1: each octet is the character of that number. */
    char *text = malloc(s->len * 2 + 1);
    size_t len = 0;
    json_t *j;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < s->len; i++)
        len += per_utf8_put(text + len, (unsigned char)s->p[i]);
    j = json_stringn(text, len);
    free(text);
    return j;
}

static json_t *enum_of(const struct per_type *t, uint32_t v)
{
    /* Numbers beyond the names are those of later versions. */
    if (v < t->n_members)
        return json_string(t->names[v]);
    return json_sprintf("_ext_%" PRIu32, v - t->n_root);
}

static json_t *simple_of(const struct per_type *t, const void *value)
{
    const struct per_octets *octets = value;

    switch (t->kind) {
    case PER_BOOL:
        return json_boolean(*(const bool *)value);
    case PER_INT:
        return json_integer(per_load_int(t, value));
    case PER_ENUM:
        return enum_of(t, *(const uint32_t *)value);
    case PER_OCTETS:
        return hex_of(octets->p, octets->len);
    case PER_INLINE:
        return hex_of(value, t->size);
    case PER_BITS:
        return bits_of(value);
    case PER_STRING:
        return string_of(value);
    case PER_BMP:
        return bmp_of(value);
    case PER_OID:
        return oid_of(value);
    default:
        return json_null();
    }
}

static json_t *seq_of(const struct per_type *t, const void *value)
{
    json_t *j = json_object();

    for (const struct per_member *m = t->members; j != NULL && m < t->members + t->n_members; m++) {
        const void *p = per_member_value(m, value);

        if (p == NULL)
            continue;
        /* json_object_set_new takes NULL for an error of the value, too. */
        if (json_object_set_new(j, m->name, per_to_json(m->type, p)) != 0) {
            json_decref(j);
            return NULL;
        }
    }
    return j;
}

static json_t *unknown_of(const struct per_type *t, const void *value)
{
    const struct per_unknown *u;
    char name[24];
    json_t *hex;

    u = per_load_pointer((const char *)value + t->ext);
    /* A choice that says UNKNOWN without octets was made by hand, and wrongly. */
    if (u == NULL)
        return NULL;
    snprintf(name, sizeof(name), "_ext_%" PRIu32, u->index);
    hex = hex_of(u->data.p, u->data.len);
    return hex ? json_pack("{s:o}", name, hex) : NULL;
}

static json_t *choice_of(const struct per_type *t, const void *value)
{
    uint32_t kind = *(const uint32_t *)value;
    const struct per_member *m;
    const void *p;
    json_t *inner;

    if (t->extensible && kind == t->n_members + 1U)
        return unknown_of(t, value);
    if (kind == 0 || kind > t->n_members)
        return NULL;
    m = &t->members[kind - 1];
    p = per_member_value(m, value);
    inner = p ? per_to_json(m->type, p) : NULL;
    return inner ? json_pack("{s:o}", m->name, inner) : NULL;
}

static json_t *list_of(const struct per_type *t, const struct per_any_list *list)
{
    json_t *j = json_array();

    for (uint32_t i = 0; j != NULL && i < list->n; i++) {
        if (json_array_append_new(
                j, per_to_json(t->elem, (const char *)list->v + (size_t)i * t->elem->size))) {
            json_decref(j);
            return NULL;
        }
    }
    return j;
}

json_t *per_to_json(const struct per_type *t, const void *value)
{
    json_t *inner;

    switch (t->kind) {
    case PER_SEQ:
        return seq_of(t, value);
    case PER_CHOICE:
        return choice_of(t, value);
    case PER_LIST:
        return list_of(t, value);
    case PER_OPEN:
        inner = per_to_json(t->elem, value);
        return inner ? json_pack("{s:o}", t->name, inner) : NULL;
    default:
        return simple_of(t, value);
    }
}
