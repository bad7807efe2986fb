/* JSON to values. */
#include "base/err.h"
#include "signalling/per/error.h"
#include "signalling/per/json.h"
#include "signalling/per/type.h"

#include <inttypes.h>
#include <string.h>

struct reader {
    struct arena *arena;
    const struct per_frame *at;
    struct per_error *err;
};

#define fail(r, code, ...) per_fail((r)->err, (r)->at, 0, (code), __VA_ARGS__)

static int read_value(struct reader *r, const struct per_type *t, const json_t *j, void *value);

static int alloc(struct reader *r, size_t n, size_t size, void **out)
{
    /* Never 0: an address is what tells "present". */
    *out = arena_array(r->arena, n ? n : 1, size ? size : 1);
    return *out != NULL ? 0 : fail(r, ERR_NOMEM, "no memory for %zu elements", n);
}

static int wrong(struct reader *r, const struct per_type *t, const char *expected)
{
    return fail(r, ERR_INVAL, "%s: expected %s", t->name, expected);
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_hex(struct reader *r, const struct per_type *t, const json_t *j,
                    struct per_octets *out)
{
    size_t len = json_string_length(j);
    const char *text = json_string_value(j);
    void *p;
    int rc;

    if (text == NULL || len % 2 != 0)
        return wrong(r, t, "pairs of hex digits");
    rc = alloc(r, len / 2, 1, &p);
    if (rc != 0)
        return rc;
    *out = (struct per_octets){len / 2, p};
    for (size_t i = 0; i < len / 2; i++) {
        int high = nibble(text[2 * i]);
        int low = nibble(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return wrong(r, t, "pairs of hex digits");
        out->p[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int read_inline(struct reader *r, const struct per_type *t, const json_t *j, void *value)
{
    struct per_octets o;
    int rc = read_hex(r, t, j, &o);

    if (rc != 0)
        return rc;
    if (o.len != t->size)
        return fail(r, ERR_RANGE, "length %zu is not %u", o.len, t->size);
    memcpy(value, o.p, o.len);
    return 0;
}

static int read_bits(struct reader *r, const struct per_type *t, const json_t *j,
                     struct per_bits *out)
{
    const json_t *bits = json_object_get(j, "bits");
    const char *text = json_string_value(bits);
    size_t n = json_string_length(bits);
    void *p;
    int rc;

    if (text == NULL || json_object_size(j) != 1)
        return wrong(r, t, "{\"bits\": \"0101\"}");
    rc = alloc(r, (n + 7) / 8, 1, &p);
    if (rc != 0)
        /* Zeroed by the arena: only ones are set. */
        return rc;
    *out = (struct per_bits){n, p};
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '0' && text[i] != '1')
            return wrong(r, t, "{\"bits\": \"0101\"}");
        if (text[i] == '1')
            out->p[i / 8] |= (uint8_t)(0x80 >> i % 8);
    }
    return 0;
}

/* jansson has checked that the text is UTF-8. */
static uint32_t next_utf8(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    unsigned more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? *p : *p & (0x3fU >> more);

    for (unsigned i = 1; i <= more; i++)
        c = c << 6 | (p[i] & 0x3f);
    *text += more + 1;
    return c;
}

/* The UTF-8 from *text to *end, and room for as many units as it has octets, and one more: no
 * character takes more units than octets. */
static int begin_text(struct reader *r, const struct per_type *t, const json_t *j, size_t unit,
                      const char **text, const char **end, void **room)
{
    *text = json_string_value(j);
    if (*text == NULL)
        return wrong(r, t, "text");
    *end = *text + json_string_length(j);
    return alloc(r, json_string_length(j) + 1, unit, room);
}

static int read_string(struct reader *r, const struct per_type *t, const json_t *j,
                       struct per_string *out)
{
    const char *text = NULL, *end = NULL;
    void *p = NULL;
    int rc = begin_text(r, t, j, 1, &text, &end, &p);

    if (rc != 0)
        return rc;
    *out = (struct per_string){0, p};
    while (text < end) {
        uint32_t c = next_utf8(&text);

        /* The schema's characters are of one octet (IA5, General, Numeric...). */
        if (c > 255)
            return fail(r, ERR_RANGE, "character U+%04X in a %s", c, t->name);
        out->p[out->len++] = (char)c;
    }
    return 0;
}

static int read_bmp(struct reader *r, const struct per_type *t, const json_t *j,
                    struct per_bmp *out)
{
    const char *text = NULL, *end = NULL;
    void *p = NULL;
    int rc = begin_text(r, t, j, sizeof(uint16_t), &text, &end, &p);

    if (rc != 0)
        return rc;
    *out = (struct per_bmp){0, p};
    while (text < end) {
        uint32_t c = next_utf8(&text);

        /* Above the BMP by surrogates: H.225.0 names are BMPString. */
        if (c >= 0x10000) {
            out->p[out->len++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        out->p[out->len++] = (uint16_t)c;
    }
    return 0;
}

static int read_oid(struct reader *r, const struct per_type *t, const json_t *j,
                    struct per_oid *out)
{
    const char *text = json_string_value(j);
    uint32_t *arcs;
    void *p;
    int rc;

    if (text == NULL)
        return wrong(r, t, "arcs such as \"0.0.8.245\"");
    /* A digit and a dot for each: half the text is enough. */
    rc = alloc(r, json_string_length(j) / 2 + 1, sizeof(*arcs), &p);
    if (rc != 0)
        return rc;
    arcs = p;
    for (out->n = 0;; text++) {
        uint64_t v = 0;

        if (*text < '0' || *text > '9')
            return wrong(r, t, "arcs such as \"0.0.8.245\"");
        for (; *text >= '0' && *text <= '9'; text++) {
            v = v * 10 + (uint64_t)(*text - '0');
            if (v > UINT32_MAX)
                return fail(r, ERR_RANGE, "an arc above 2^32-1");
        }
        arcs[out->n++] = (uint32_t)v;
        if (*text != '.')
            break;
    }
    out->arc = arcs;
    return *text == '\0' ? 0 : wrong(r, t, "arcs such as \"0.0.8.245\"");
}

static int read_int(struct reader *r, const struct per_type *t, const json_t *j, void *value)
{
    int64_t v = json_integer_value(j);
    /* By the C type: the bounds of the schema are the encoder's to check, so that wrong values can
     * be tried. */
    int64_t top = t->size == 8 ? INT64_MAX : (INT64_C(1) << (8 * t->size - t->is_signed)) - 1;
    int64_t bottom = t->is_signed ? -top - 1 : 0;

    if (!json_is_integer(j))
        return wrong(r, t, "a whole number");
    if (v < bottom || v > top)
        return fail(r, ERR_RANGE, "%" PRId64 " is not within %" PRId64 "..%" PRId64, v, t->bound.lo,
                    t->bound.hi);
    if (t->size == 1)
        *(uint8_t *)value = (uint8_t)v;
    else if (t->size == 2)
        *(uint16_t *)value = (uint16_t)v;
    else if (t->size == 4)
        *(uint32_t *)value = (uint32_t)v;
    else
        *(int64_t *)value = v;
    return 0;
}

/* N of "_ext_N", or -1. */
static int64_t extension_index(const char *name)
{
    uint32_t n = 0;
    int end = 0;

    /* Five digits: an index has no more. */
    if (sscanf(name, "_ext_%5" SCNu32 "%n", &n, &end) != 1 || name[end] != '\0')
        return -1;
    return n;
}

/* Names of the schema, or "_ext_N" for the value that a later version has at N. */
static int read_enum(struct reader *r, const struct per_type *t, const json_t *j, uint32_t *value)
{
    const char *name = json_string_value(j);
    int64_t extension;

    if (name == NULL)
        return wrong(r, t, "a name");
    for (uint32_t i = 0; i < t->n_members; i++) {
        if (strcmp(name, t->names[i]) == 0) {
            *value = i;
            return 0;
        }
    }
    extension = extension_index(name);
    /* A known one has a name. */
    if (!t->extensible || extension < t->n_members - t->n_root)
        return fail(r, ERR_INVAL, "%s has no value %s", t->name, name);
    *value = t->n_root + (uint32_t)extension;
    return 0;
}

static int read_simple(struct reader *r, const struct per_type *t, const json_t *j, void *value)
{
    switch (t->kind) {
    case PER_NULL:
        return json_is_null(j) ? 0 : wrong(r, t, "null");
    case PER_BOOL:
        *(bool *)value = json_is_true(j);
        return json_is_boolean(j) ? 0 : wrong(r, t, "true or false");
    case PER_INT:
        return read_int(r, t, j, value);
    case PER_ENUM:
        return read_enum(r, t, j, value);
    case PER_OCTETS:
        return read_hex(r, t, j, value);
    case PER_INLINE:
        return read_inline(r, t, j, value);
    case PER_BITS:
        return read_bits(r, t, j, value);
    case PER_STRING:
        return read_string(r, t, j, value);
    case PER_BMP:
        return read_bmp(r, t, j, value);
    default:
        return read_oid(r, t, j, value);
    }
}

static int read_member(struct reader *r, const struct per_member *m, const json_t *j, void *parent)
{
    struct per_frame frame = {.up = r->at, .name = m->name};
    char *base = parent;
    void *value = base + m->offset;
    int rc = 0;

    r->at = &frame;
    if (m->pointer) {
        void *p;

        rc = alloc(r, 1, m->type->size, &p);
        if (rc != 0)
            return rc;
        memcpy(value, &p, sizeof(p));
        value = p;
    } else if (m->optional) {
        *(bool *)(base + m->has) = true;
    }
    rc = read_value(r, m->type, j, value);
    if (rc == 0)
        r->at = frame.up;
    return rc;
}

static const struct per_member *find_member(const struct per_type *t, const char *name)
{
    for (const struct per_member *m = t->members; m < t->members + t->n_members; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

static int read_seq(struct reader *r, const struct per_type *t, const json_t *j, void *value)
{
    const char *name;
    json_t *inner;

    if (!json_is_object(j))
        return wrong(r, t, "an object");
    json_object_foreach ((json_t *)(uintptr_t)j, name, inner) {
        const struct per_member *m = find_member(t, name);
        int rc;

        if (m == NULL)
            return fail(r, ERR_INVAL, "%s has no member %s", t->name, name);
        rc = read_member(r, m, inner, value);
        if (rc != 0)
            return rc;
    }
    /* Members of additions are optional whatever the schema says. */
    for (const struct per_member *m = t->members; m < t->members + t->n_root; m++)
        if (!m->optional && json_object_get(j, m->name) == NULL)
            return fail(r, ERR_INVAL, "%s lacks %s", t->name, m->name);
    return 0;
}

static int read_unknown(struct reader *r, const struct per_type *t, const json_t *inner,
                        int64_t index, void *value)
{
    struct per_unknown *u;
    void *p;
    int rc = alloc(r, 1, sizeof(*u), &p);

    if (rc != 0)
        return rc;
    u = p;
    u->index = (uint32_t)index;
    memcpy((char *)value + t->ext, &p, sizeof(p));
    *(uint32_t *)value = t->n_members + 1U;
    return read_hex(r, t, inner, &u->data);
}

/* {"alternative": value}, as JSON has no tags; "_ext_N" with hex for one that is not known. */
static int read_choice(struct reader *r, const struct per_type *t, const json_t *j, void *value)
{
    void *it = json_object_iter((json_t *)(uintptr_t)j);
    const struct per_member *m;
    int64_t extension;
    const char *name;

    if (json_object_size(j) != 1)
        return wrong(r, t, "an object with one member");
    name = json_object_iter_key(it);
    m = find_member(t, name);
    if (m != NULL) {
        *(uint32_t *)value = (uint32_t)(m - t->members) + 1;
        return read_member(r, m, json_object_iter_value(it), value);
    }
    extension = extension_index(name);
    if (!t->extensible || extension < t->n_members - t->n_root)
        return fail(r, ERR_INVAL, "%s has no alternative %s", t->name, name);
    return read_unknown(r, t, json_object_iter_value(it), extension, value);
}

static int read_list(struct reader *r, const struct per_type *t, const json_t *j,
                     struct per_any_list *list)
{
    struct per_frame frame = {.up = r->at};
    size_t n = json_array_size(j);
    int rc;

    if (!json_is_array(j))
        return wrong(r, t, "an array");
    rc = alloc(r, n, t->elem->size, &list->v);
    /* Set only after the array is there. */
    r->at = &frame;
    for (size_t i = 0; i < n && rc == 0; i++) {
        frame.index = (uint32_t)i;
        rc = read_value(r, t->elem, json_array_get(j, i), (char *)list->v + i * t->elem->size);
    }
    if (rc == 0)
        r->at = frame.up;
    /* Also after an error: the value is thrown away with its arena. */
    list->n = (uint32_t)n;
    return rc;
}

static int read_value(struct reader *r, const struct per_type *t, const json_t *j, void *value)
{
    const json_t *inner;

    switch (t->kind) {
    case PER_SEQ:
        return read_seq(r, t, j, value);
    case PER_CHOICE:
        return read_choice(r, t, j, value);
    case PER_LIST:
        return read_list(r, t, j, value);
    case PER_OPEN:
        inner = json_object_get(j, t->name);
        if (inner == NULL || json_object_size(j) != 1)
            return fail(r, ERR_INVAL, "expected {\"%s\": ...}", t->name);
        return read_value(r, t->elem, inner, value);
    default:
        return read_simple(r, t, j, value);
    }
}

int per_from_json(const struct per_type *t, const json_t *json, struct arena *arena, void **out,
                  struct per_error *err)
{
    struct reader r = {.arena = arena, .err = err};
    void *value;
    int rc = alloc(&r, 1, t->size, &value);

    if (rc == 0)
        rc = read_value(&r, t, json, value);
    if (rc == 0)
        *out = value;
    return rc;
}
