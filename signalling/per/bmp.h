/* BMPString to UTF-8. */
#ifndef SIGNALLING_PER_BMP_H
#define SIGNALLING_PER_BMP_H

#include <stddef.h>
#include <stdint.h>

#include "signalling/per/value.h"

/* The character at *i, which moves behind it. A BMPString should hold no surrogates, but endpoints
 * put emoji there: pairs are joined, a lone one has no UTF-8 form and becomes U+FFFD. */
uint32_t per_bmp_next(const struct per_bmp *s, size_t *i);

/* Writes a character as 1 to 4 bytes of UTF-8, no zero behind it; how many. (A BMPString never
 * takes more than 3 bytes for each of its 16-bit characters.) */
size_t per_utf8_put(char *to, uint32_t c);

#endif
