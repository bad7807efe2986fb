/* The tables that drive the codec. The generator writes them; only the codec reads them. */
#ifndef SIGNALLING_PER_TYPE_H
#define SIGNALLING_PER_TYPE_H

#include "signalling/per/value.h"

#include <string.h>

enum per_kind {
    PER_BOOL,
    PER_NULL,
    PER_INT,
    PER_ENUM,
    PER_OCTETS, /* struct per_octets */
    PER_INLINE, /* OCTET STRING of a small fixed size: an array of `size` octets */
    PER_BITS,
    PER_STRING, /* 8-bit characters */
    PER_BMP,
    PER_OID,
    PER_SEQ,
    PER_CHOICE,
    PER_LIST,
    PER_OPEN, /* the value of elem, encoded as an open type */
};

/* How a whole number within bounds is written in the aligned variant (X.691 clauses 11.5..11.9). */
enum per_form {
    PER_FORM_FIXED,   /* one possible value: nothing is written */
    PER_FORM_BITS,    /* up to 255 values: a bit field */
    PER_FORM_ONE,     /* 256 values: an aligned octet */
    PER_FORM_TWO,     /* up to 64K values: two aligned octets */
    PER_FORM_LONG,    /* more: number of octets in a bit field of `bits`, then aligned octets */
    PER_FORM_SEMI,    /* no upper bound: length octet, then the value less lo */
    PER_FORM_UNBOUND, /* length octet, then two's complement */
    PER_FORM_LENGTH,  /* a length without a bound below 64K: general form, fragments from 16K */
};

struct per_bound {
    uint8_t form; /* enum per_form */
    uint8_t bits;
    int64_t lo;
    int64_t hi;
};

struct per_type;

/* A member of a SEQUENCE (root members first, then additions) or an alternative of a CHOICE. */
struct per_member {
    const char *name;
    const struct per_type *type;
    uint32_t offset; /* of the value, or of the pointer to it; alternatives: of the union */
    uint32_t has;    /* of the presence flag of an optional member that is not a pointer */
    bool optional;   /* may be absent: OPTIONAL or an addition */
    bool pointer;    /* the struct holds a pointer to the value */
};

struct per_type {
    const char *name; /* as in the Recommendation; PARENT_member for nested ones */
    uint8_t kind;     /* enum per_kind */
    bool extensible;
    bool is_signed;         /* PER_INT: the C type */
    bool indexed;           /* PER_STRING: characters are written as indexes into alphabet */
    uint8_t width;          /* PER_STRING, PER_BMP: bits of a character */
    uint8_t top;            /* PER_STRING without alphabet: highest character */
    uint32_t size;          /* of the C value */
    struct per_bound bound; /* of the value, of the length, or of the index */
    uint16_t min_bits;      /* of the shortest encoding */
    uint16_t n_root;        /* members, alternatives, names in the root */
    uint16_t n_members;     /* all of them */
    uint16_t n_published;   /* PER_SEQ: additions of the published module, the bitmap's length */
    uint16_t n_optional;    /* PER_SEQ: optional members in the root */
    uint32_t ext;           /* offset of ext_ (PER_SEQ) or of the union (PER_CHOICE) */
    const struct per_member *members;
    const struct per_type *elem; /* PER_LIST, PER_OPEN */
    const char *const *names;    /* PER_ENUM */
    const char *alphabet;        /* PER_STRING: permitted characters in order, NULL = 0..top */
};

/* Every generated list starts like this; reached under this type by the codec only. */
struct __attribute__((may_alias)) per_any_list {
    uint32_t n;
    void *v;
};

/* Clauses 16, 17, 30.5: items of `unit` bits in short fixed sizes, and strings whose longest value
 * stays below 16 bits, are not aligned. */
static inline bool per_is_unaligned(const struct per_bound *b, unsigned unit)
{
    if (b->form == PER_FORM_LENGTH)
        return false;
    if (b->form == PER_FORM_FIXED)
        return b->lo * unit <= 16;
    return b->hi * unit < 16;
}

/* The whole number at `from`, in the C type that PER_INT t takes. */
static inline int64_t per_load_int(const struct per_type *t, const void *from)
{
    switch (t->size) {
    case 1:
        return *(const uint8_t *)from;
    case 2:
        return *(const uint16_t *)from;
    case 4:
        return t->is_signed ? *(const int32_t *)from : (int64_t) * (const uint32_t *)from;
    default:
        return *(const int64_t *)from;
    }
}

/* The pointer at `from`. */
static inline const void *per_load_pointer(const void *from)
{
    const void *p;

    memcpy(&p, from, sizeof(p));
    return p;
}

/* Where member m of the value at parent is; NULL if it is absent. */
static inline const void *per_member_value(const struct per_member *m, const void *parent)
{
    const char *base = parent;

    if (m->pointer)
        return per_load_pointer(base + m->offset);
    if (m->optional && !*(const bool *)(base + m->has))
        return NULL;
    return base + m->offset;
}

struct per_named {
    const char *name;
    const struct per_type *type;
};

struct per_module {
    const char *prefix; /* of the C names: "h245" */
    const char *title;  /* in the Recommendation: "MULTIMEDIA-SYSTEM-CONTROL" */
    unsigned n;
    const struct per_named *types; /* in the order of the Recommendation */
};

#endif
