/* Where the codec stands in a value, and how that becomes a struct per_error. */
#ifndef SIGNALLING_PER_ERROR_H
#define SIGNALLING_PER_ERROR_H

#include "signalling/per/per.h"

/* A chain on the C stack from the innermost field outwards; costs two stores a field. */
struct per_frame {
    const struct per_frame *up;
    const char *name; /* NULL: element `index` of a list */
    uint32_t index;
};

/* Fill *err (if not NULL) and return code. */
int per_fail(struct per_error *err, const struct per_frame *at, size_t bit, int code,
             const char *format, ...) __attribute__((format(printf, 5, 6), cold));

#endif
