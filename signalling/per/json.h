/* JSON form of values, for tools and tests.
 *
 * SEQUENCE: object, absent members left out. SEQUENCE OF: array. CHOICE: object with one member; an
 * alternative of a later version is {"_ext_N": "hex"}. ENUMERATED: its name, "_ext_N" if unknown.
 * NULL: null. OCTET STRING: hex. BIT STRING: {"bits": "0101"}. OBJECT IDENTIFIER: "0.0.8.245.0.17".
 * Character strings: text (octets above 127 of a GeneralString as Latin-1). An open type that holds
 * a T: {"T": value}. Unknown additions of a SEQUENCE are not shown. */
#ifndef SIGNALLING_PER_JSON_H
#define SIGNALLING_PER_JSON_H

#include "signalling/per/per.h"

#include <jansson.h>

/* A new reference, or NULL when memory is short or the value is not a valid one (CHOICE unset). */
json_t *per_to_json(const struct per_type *t, const void *value);

/* Build a value of type t in the arena. Structure and names are checked here, ranges that the C
 * type cannot hold too; the rest is for per_encode. err->bit is 0. Returns 0, ERR_INVAL, ERR_RANGE
 * or ERR_NOMEM. */
int per_from_json(const struct per_type *t, const json_t *json, struct arena *arena, void **out,
                  struct per_error *err);

#endif
