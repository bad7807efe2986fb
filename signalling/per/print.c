/* Values in ASN.1 value notation (X.680), for people who read logs. */
#include "base/err.h"
#include "signalling/per/bmp.h"
#include "signalling/per/per.h"
#include "signalling/per/type.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct printer {
    per_on_text_fn on_text;
    void *user;
    unsigned depth;
    int rc; /* the first failure; nothing is written after it */
};

static void print_value(struct printer *p, const struct per_type *t, const void *value);

static void put(struct printer *p, const char *text, size_t len)
{
    if (p->rc == 0 && len > 0)
        /* After a failure nothing more is given out: the receiver must not see text with a hole. */
        p->rc = p->on_text(p->user, text, len);
}

static void put_format(struct printer *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_format(struct printer *p, const char *format, ...)
{
    char text[160];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    if (n > 0)
        /* Longer than the room: cut, as a line of a log may be. */
        put(p, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void put_line(struct printer *p)
{
    put_format(p, "\n%*s", (int)(2 * p->depth), "");
}

/* `{`, then for each item open_item ... , then close_block. */
static void open_item(struct printer *p, unsigned *n)
{
    if ((*n)++ == 0)
        put(p, "{", 1);
    else
        put(p, ",", 1);
    p->depth++;
    put_line(p);
    p->depth--;
}

static void close_block(struct printer *p, unsigned n)
{
    if (n == 0) {
        put(p, "{ }", 3);
        return;
    }
    put_line(p);
    put(p, "}", 1);
}

static void put_hex(struct printer *p, const uint8_t *octets, size_t n)
{
    put(p, "'", 1);
    for (size_t i = 0; i < n; i++)
        put_format(p, "%02X", octets[i]);
    put(p, "'H", 2);
}

static void put_bits(struct printer *p, const struct per_bits *b)
{
    if (b->n > 0 && b->n % 8 == 0) { /* both notations are allowed, this one can be read */
        put_hex(p, b->p, b->n / 8);
        return;
    }
    put(p, "'", 1);
    for (size_t i = 0; i < b->n; i++)
        put(p, (b->p[i / 8] >> (7 - i % 8) & 1) ? "1" : "0", 1);
    put(p, "'B", 2);
}

/* A character of a quoted string. Control characters have no notation; they would spoil a log. */
static void put_character(struct printer *p, unsigned c)
{
    char utf8[4];

    if (c == '"')
        put(p, "\"\"", 2);
    else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000))
        put_format(p, "\\x%02X", c);
    else
        put(p, utf8, per_utf8_put(utf8, c));
}

static void put_string(struct printer *p, const struct per_string *s)
{
    put(p, "\"", 1);
    for (size_t i = 0; i < s->len; i++)
        put_character(p, (unsigned char)s->p[i]);
    put(p, "\"", 1);
}

static void put_bmp(struct printer *p, const struct per_bmp *s)
{
    put(p, "\"", 1);
    for (size_t i = 0; i < s->len; i++)
        put_character(p, s->p[i]);
    put(p, "\"", 1);
}

static void put_oid(struct printer *p, const struct per_oid *oid)
{
    put(p, "{", 1);
    for (uint32_t i = 0; i < oid->n; i++)
        put_format(p, "%s%" PRIu32, i ? " " : "", oid->arc[i]);
    put(p, "}", 1);
}

static void put_enum(struct printer *p, const struct per_type *t, uint32_t v)
{
    if (v < t->n_members)
        put(p, t->names[v], strlen(t->names[v]));
    else
        put_format(p, "unknown-%" PRIu32, v);
}

static void put_simple(struct printer *p, const struct per_type *t, const void *value)
{
    const struct per_octets *octets = value;

    switch (t->kind) {
    case PER_BOOL:
        put_format(p, "%s", *(const bool *)value ? "TRUE" : "FALSE");
        break;
    case PER_INT:
        put_format(p, "%" PRId64, per_load_int(t, value));
        break;
    case PER_ENUM:
        put_enum(p, t, *(const uint32_t *)value);
        break;
    case PER_OCTETS:
        put_hex(p, octets->p, octets->len);
        break;
    case PER_INLINE:
        put_hex(p, value, t->size);
        break;
    case PER_BITS:
        put_bits(p, value);
        break;
    case PER_STRING:
        put_string(p, value);
        break;
    case PER_BMP:
        put_bmp(p, value);
        break;
    case PER_OID:
        put_oid(p, value);
        break;
    default:
        put(p, "NULL", 4);
        break;
    }
}

/* What we do not know goes into a comment, so that the rest stays proper notation. */
static void put_unknown(struct printer *p, const struct per_unknown *u)
{
    put_format(p, "-- unknown addition %" PRIu32 ": ", u->index);
    put_hex(p, u->data.p, u->data.len);
    put(p, " --", 3);
}

static void print_seq(struct printer *p, const struct per_type *t, const void *value)
{
    const struct per_ext *ext = NULL;
    unsigned n = 0;

    for (const struct per_member *m = t->members; m < t->members + t->n_members; m++) {
        const void *member = per_member_value(m, value);

        if (member == NULL)
            continue;
        open_item(p, &n);
        put_format(p, "%s ", m->name);
        p->depth++;
        print_value(p, m->type, member);
        p->depth--;
    }
    if (t->extensible)
        ext = per_load_pointer((const char *)value + t->ext);
    for (uint32_t i = 0; ext != NULL && i < ext->n; i++) {
        open_item(p, &n);
        put_unknown(p, &ext->v[i]);
    }
    close_block(p, n);
}

static void print_choice(struct printer *p, const struct per_type *t, const void *value)
{
    uint32_t kind = *(const uint32_t *)value;
    const struct per_member *m;
    const void *inner;

    if (t->extensible && kind == t->n_members + 1U) {
        inner = per_load_pointer((const char *)value + t->ext);
        if (inner != NULL)
            put_unknown(p, inner);
        return;
    }
    if (kind == 0 || kind > t->n_members) {
        /* The first error stays. */
        p->rc = p->rc ? p->rc : ERR_INVAL;
        return;
    }
    m = &t->members[kind - 1];
    inner = per_member_value(m, value);
    put_format(p, "%s : ", m->name);
    if (inner != NULL)
        print_value(p, m->type, inner);
    else
        p->rc = p->rc ? p->rc : ERR_INVAL;
}

static void print_list(struct printer *p, const struct per_type *t, const struct per_any_list *list)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < list->n; i++) {
        open_item(p, &n);
        p->depth++;
        print_value(p, t->elem, (const char *)list->v + (size_t)i * t->elem->size);
        p->depth--;
    }
    close_block(p, n);
}

static void print_value(struct printer *p, const struct per_type *t, const void *value)
{
    switch (t->kind) {
    case PER_SEQ:
        print_seq(p, t, value);
        break;
    case PER_CHOICE:
        print_choice(p, t, value);
        break;
    case PER_LIST:
        print_list(p, t, value);
        break;
    case PER_OPEN:
        put_format(p, "%s : ", t->name);
        print_value(p, t->elem, value);
        break;
    default:
        put_simple(p, t, value);
        break;
    }
}

int per_print(const struct per_type *t, const void *value, per_on_text_fn on_text, void *user)
{
    struct printer p = {.on_text = on_text, .user = user};

    print_value(&p, t, value);
    return p.rc;
}
