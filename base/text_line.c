/* Text lines of bounded length for command-line programs and logs: what does not fit is cut, and
 * the text always ends in a zero byte. */
#include "base/text_line.h"

#include <stdarg.h>
#include <stdio.h>

void text_line_init(struct text_line *l, char *text, size_t cap)
{
    *l = (struct text_line){.text = text, .cap = cap};
    if (cap > 0)
        text[0] = '\0';
}

void text_line_put(struct text_line *l, const char *format, ...)
{
    va_list args;
    int n;

    if (l->at + 1 >= l->cap)
        return;
    va_start(args, format);
    n = vsnprintf(l->text + l->at, l->cap - l->at, format, args);
    va_end(args);
    if (n > 0)
        /* vsnprintf returns what it wanted to write: never move beyond what it did write. */
        l->at += (size_t)n < l->cap - l->at ? (size_t)n : l->cap - l->at - 1;
}

void text_line_put_addr(struct text_line *l, const char *name, const struct addr *address)
{
    char text[ADDR_TEXT_MAX];

    if (address->family != ADDR_NONE)
        text_line_put(l, " %s=%s", name, addr_format(address, text));
}
