/* Random values of any schema type, made and changed by the tables. */
#ifndef TESTS_FUZZ_PER_VALUE_H
#define TESTS_FUZZ_PER_VALUE_H

#include "base/arena.h"
#include "signalling/per/type.h"

struct per_random {
    struct arena *arena;
    uint64_t state; /* never 0 */
};

uint32_t per_random_next(struct per_random *r);

/* Fill the zeroed value with something valid, nested at most `depth` deep where the type allows.
 * Returns 0, or -1 when memory is short. */
int per_random_fill(struct per_random *r, const struct per_type *t, void *value, unsigned depth);

/* Change one thing, picked from the whole value: a number, a string, a presence, an alternative,
 * the elements of a list. The result is mostly valid. */
int per_random_change(struct per_random *r, const struct per_type *t, void *value);

#endif
