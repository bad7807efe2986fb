/* A line of text that grows in the caller's storage: what does not fit is cut off, the text always
 * ends with a zero. For log lines and summaries. */
#ifndef BASE_TEXT_LINE_H
#define BASE_TEXT_LINE_H

#include <stddef.h>

#include "base/addr.h"

struct text_line {
    char *text;
    size_t cap; /* of `text`, with the zero */
    size_t at;  /* length so far */
};

/* Empties it; cap 0 is allowed. */
void text_line_init(struct text_line *l, char *text, size_t cap);

void text_line_put(struct text_line *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* " NAME=ADDRESS"; nothing for ADDR_NONE. */
void text_line_put_addr(struct text_line *l, const char *name, const struct addr *address);

#endif
