/* Handling of key material: wiping that the compiler keeps, comparing in constant time, memory
 * that is neither swapped nor dumped. Any thread. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites with zeros; never optimised away. NULL with 0 is allowed. */
void secret_wipe(void *data, size_t len);

/* Equal bytes? The time depends on len only. */
bool secret_equal(const void *a, const void *b, size_t len);

/* Zeroed pages for pools of keys: locked in RAM where the limit allows and left out of core dumps.
 * Page-aligned. Free with secret_free and the same size. NULL: no memory, or size 0. */
void *secret_alloc(size_t size);

/* Wipes, unlocks and gives back. NULL is allowed. */
void secret_free(void *data, size_t size);

#endif
