/* How values of the built-in ASN.1 types look in C; the generated types are made of these.
 *
 * All memory behind pointers belongs to the arena that decoded the value, or to whoever filled a
 * fresh one; nothing here is freed alone. All-zero bytes are a valid empty value of each. */
#ifndef SIGNALLING_PER_VALUE_H
#define SIGNALLING_PER_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* OCTET STRING (one of a fixed size of up to 16 is an array in its struct instead). */
struct per_octets {
    size_t len;
    uint8_t *p;
};

/* BIT STRING: n bits, the first one is the top bit of p[0]; unused bits of the last octet are 0. */
struct per_bits {
    size_t n;
    uint8_t *p;
};

/* IA5String, GeneralString, NumericString, PrintableString: len characters. Decoded ones have a
 * zero octet after the last character; the length counts, as a peer may send zeros inside. */
struct per_string {
    size_t len;
    char *p;
};

/* BMPString: len 16-bit characters in the machine's byte order. */
struct per_bmp {
    size_t len;
    uint16_t *p;
};

/* OBJECT IDENTIFIER: n arcs. */
struct per_oid {
    uint32_t n;
    const uint32_t *arc;
};

/* A constant identifier: struct per_oid x = PER_OID(0, 0, 8, 245, 0, 17); lives as long as the
 * enclosing block (or for ever, at file scope). */
#define PER_OID(...)                                                              \
    ((struct per_oid){sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
                      (const uint32_t[]){__VA_ARGS__}})

/* SEQUENCE OF / SET OF: n elements at v. Lists of generated types are generated with them. */
/* NOLINTBEGIN(bugprone-macro-parentheses): `element` is a type */
#define PER_LIST_TYPE(name, element) \
    struct name {                    \
        uint32_t n;                  \
        element *v;                  \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
PER_LIST_TYPE(per_bool_list, bool);
PER_LIST_TYPE(per_u8_list, uint8_t);
PER_LIST_TYPE(per_u16_list, uint16_t);
PER_LIST_TYPE(per_u32_list, uint32_t);
PER_LIST_TYPE(per_i32_list, int32_t);
PER_LIST_TYPE(per_i64_list, int64_t);
PER_LIST_TYPE(per_octets_list, struct per_octets);
PER_LIST_TYPE(per_bits_list, struct per_bits);
PER_LIST_TYPE(per_string_list, struct per_string);
PER_LIST_TYPE(per_bmp_list, struct per_bmp);
PER_LIST_TYPE(per_oid_list, struct per_oid);

struct per_octets4_list { /* route of IPv4 addresses */
    uint32_t n;
    uint8_t (*v)[4];
};

struct per_octets16_list { /* route of IPv6 addresses */
    uint32_t n;
    uint8_t (*v)[16];
};

/* A CHOICE alternative from a later version of the module: the index-th extension addition,
 * counted from 0, and the octets of its open type. Encoded again as it came. */
struct per_unknown {
    uint32_t index;
    struct per_octets data;
};

/* What a decoded SEQUENCE had in its extension part beyond the members that we know. */
struct per_ext {
    uint32_t bitmap_bits; /* length of the presence bitmap as received */
    uint32_t n;           /* unknown additions that were present */
    struct per_unknown *v;
};

#endif
