/* Test vectors: JSON lines {"type", "value", "hex", ...}, in the tree and, when it is there, the
 * full set next to the tree. */
#ifndef TESTS_PER_VECTORS_H
#define TESTS_PER_VECTORS_H

#include "signalling/per/json.h"

#include <stddef.h>
#include <stdint.h>

/* Called for every line. hex is decoded; the line's other members are in `line`. */
typedef void (*vectors_on_line_fn)(void *user, const char *file, unsigned number, json_t *line,
                                   const uint8_t *octets, size_t len);

/* Run every line of DIR/name, for each DIR that holds vectors. Returns the number of lines. */
unsigned vectors_each(const char *name, vectors_on_line_fn on_line, void *user);

/* The same for a file given by its path. */
unsigned vectors_each_in(const char *path, vectors_on_line_fn on_line, void *user);

/* Hex to octets in malloc'ed memory of exactly that size (so that a sanitizer sees any read beyond
 * it); NULL if it is not hex. */
uint8_t *vectors_hex(const char *hex, size_t *len);

#endif
