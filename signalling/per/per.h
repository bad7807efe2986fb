/* Aligned PER (ITU-T X.691, basic, aligned variant) for H.245, H.225.0 and H.235.
 *
 * Values are generated C structs (signalling/schema/h245.h, h225.h, h235.h); tables made from the
 * same schemas drive one decoder, one encoder and one printer. No I/O, no global state, any
 * thread; a decoded message lives in an arena and is given back as a whole.
 *
 * How a type of the Recommendation looks in C. Names are the Recommendation's, `-` becomes `_`,
 * and a member that is a C keyword gets a `_` behind it (`default_`, `continue_`).
 *
 *  Foo ::= SEQUENCE/CHOICE    struct h245_Foo, table h245_Foo_type
 *  nested without a name      struct h245_Parent_member (also for the element of a nested list)
 *  SEQUENCE member            by value if it is always there.
 *    OPTIONAL or addition     SEQUENCE, CHOICE: a pointer, NULL = absent.
 *                             All others: `bool has_x` in front of `x`. Optional NULL: `has_x`
 * alone. Additions are all optional, as older senders lack them. CHOICE                     { enum
 * h245_Foo_kind kind; union { ... } u; }. Enumerators are h245_Foo_alternative; h245_Foo_UNSET (0)
 * is no valid value, and h245_Foo_UNKNOWN an alternative of a later version, kept in u.unknown_.
 *                             SEQUENCE and CHOICE alternatives are pointers (never NULL when
 *                             decoded), others are by value, NULL alternatives have none.
 *  SEQUENCE OF, SET OF        { uint32_t n; T *v; }: struct h245_T_list, or struct per_u16_list,
 *                             per_octets_list ... of value.h, or struct h245_Foo if it has a name
 *  INTEGER                    uint8_t, uint16_t, uint32_t or int32_t, the smallest that holds the
 *                             range; int64_t where the range is open or extensible
 *  ENUMERATED                 enum h225_Foo, values h225_Foo_name from 0
 *  BOOLEAN                    bool
 *  OCTET STRING               struct per_octets, but uint8_t x[n] for a fixed size of up to 16
 *  BIT STRING, strings, OID   struct per_bits, per_string, per_bmp, per_oid
 *  open type around T         just T
 *  Foo ::= Bar, Foo ::= INTEGER   no C type of its own: Bar or the integer is used
 *
 * Extensible SEQUENCEs have a last member `ext_`. It is NULL in fresh values: the encoder writes a
 * bitmap of one bit for each addition of the published module, as X.691 wants it. Decoded values
 * have it when extensions came: the bitmap length as received and the additions that we do not
 * know, so that encoding again gives the octets that came. Clear it to get the strict form.
 *
 * Fresh values start zeroed: `struct h245_OpenLogicalChannel olc = {0};`. */
#ifndef SIGNALLING_PER_PER_H
#define SIGNALLING_PER_PER_H

#include "base/arena.h"
#include "signalling/per/value.h"

struct per_type;
struct per_module;

/* Bounds on what one message may cost. A 0 takes the default. */
struct per_limits {
    uint32_t max_depth;    /* nested SEQUENCE, CHOICE, SEQUENCE OF and open types */
    uint32_t max_elements; /* elements of all SEQUENCE OF and unknown additions together */
    size_t max_memory;     /* bytes taken from the arena */
};

#define PER_DEFAULT_MAX_DEPTH    64
#define PER_DEFAULT_MAX_ELEMENTS 65536
#define PER_DEFAULT_MAX_MEMORY   (4U << 20)
#define PER_ENCODE_MAX_DEPTH     256

/* What was wrong. Filled by a failing call; text is always zero-terminated. */
struct per_error {
    int code;       /* enum err: ERR_TRUNCATED, ERR_MALFORMED, ERR_RANGE, ERR_LIMIT, ERR_NOMEM */
    size_t bit;     /* offset of the offending item in the input (or output) in bits */
    char path[192]; /* field: "request.openLogicalChannel.forwardLogicalChannelNumber" */
    char what[96];  /* what was expected or found: "length 300 is above 256" */
};

/* Decode one value of type t from buf[0..len). On success *out points to the generated struct in
 * the arena. The input may be freed afterwards: nothing points into it.
 * Octets behind the value are an error, except zero octets that pad it (a peer's habit that does
 * no harm). limits may be NULL for the defaults, err NULL if nobody asks.
 * Returns 0, ERR_TRUNCATED, ERR_MALFORMED, ERR_RANGE (outside a constraint), ERR_LIMIT or
 * ERR_NOMEM. After an error the arena holds a partial value: reset it. */
int per_decode(const struct per_type *t, const uint8_t *buf, size_t len,
               const struct per_limits *limits, struct arena *arena, void **out,
               struct per_error *err);

/* Encode value (a generated struct of type t) into buf[0..cap); *len becomes the octets written.
 * Constraints are checked. Allocates nothing: open types are written in place and moved by the
 * size of their length.
 * Returns 0, ERR_AGAIN (buf is too small), ERR_RANGE (a constraint does not hold), ERR_INVAL
 * (CHOICE unset or a pointer missing) or ERR_LIMIT (nested deeper than PER_ENCODE_MAX_DEPTH: a
 * cycle). */
int per_encode(const struct per_type *t, const void *value, uint8_t *buf, size_t cap, size_t *len,
               struct per_error *err);

/* Receives pieces of text; returns 0 to go on, a negative enum err to stop. */
typedef int (*per_on_text_fn)(void *user, const char *text, size_t len);

/* Write value in ASN.1 value notation, indented by two spaces a level, without a newline at the
 * end. Returns 0, what on_text returned, or ERR_INVAL as per_encode. */
int per_print(const struct per_type *t, const void *value, per_on_text_fn on_text, void *user);

/* "path (bit N): what" into text[0..size), for a log line. Returns text. */
const char *per_error_to_str(const struct per_error *err, char *text, size_t size);

/* Type by name: "TerminalCapabilitySet" is looked up in H.245, then H.225.0, then H.235;
 * "H323-MESSAGES:AliasAddress" or "h225:AliasAddress" in one of them. NULL if there is none. */
const struct per_type *per_find(const char *name);

/* The name of a type. */
const char *per_type_name(const struct per_type *t);

/* Size of the C value of a type in bytes: what per_decode returns, what per_encode takes. */
size_t per_type_size(const struct per_type *t);

/* Same identifier? */
bool per_oid_equal(struct per_oid a, struct per_oid b);

/* Strings that point to text (len = strlen), not copied. */
struct per_string per_string_of(const char *text);

/* Octets that point to p, not copied. */
struct per_octets per_octets_of(const void *p, size_t len);

#endif
