/* What was wrong with a message, and where: the path through the type, made of the frames that the
 * codec keeps on its stack, is written only when an error is told. */
#include "signalling/per/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_PATH_FRAMES 80

/* Text that grows to the right and is cut at the end of its room. */
static size_t append(char *to, size_t at, size_t room, const struct per_frame *f)
{
    int n;

    /* Full: the rest of the path is not shown, nor counted. */
    if (at + 1 >= room)
        return at;
    if (f->name == NULL)
        n = snprintf(to + at, room - at, "[%u]", f->index);
    else
        n = snprintf(to + at, room - at, "%s%s", at ? "." : "", f->name);
    return n < 0 ? at : at + (size_t)n;
}

static void write_path(char *to, size_t room, const struct per_frame *at)
{
    const struct per_frame *chain[MAX_PATH_FRAMES];
    size_t n = 0;
    size_t len = 0;

    /* From the inside to the outside; printed the other way round. */
    for (; at != NULL && n < MAX_PATH_FRAMES; at = at->up)
        if (at->name == NULL || at->name[0] != '\0')
            chain[n++] = at;
    to[0] = '\0';
    while (n > 0)
        len = append(to, len, room, chain[--n]);
    if (len >= room) /* the outer part says which message; show that the rest is missing */
        memcpy(to + room - 4, "...", 4);
}

int per_fail(struct per_error *err, const struct per_frame *at, size_t bit, int code,
             const char *format, ...)
{
    va_list ap;

    if (err == NULL)
        /* Who asks for no text gets the code alone. */
        return code;
    err->code = code;
    err->bit = bit;
    write_path(err->path, sizeof(err->path), at);
    va_start(ap, format);
    vsnprintf(err->what, sizeof(err->what), format, ap);
    va_end(ap);
    return code;
}

const char *per_error_to_str(const struct per_error *err, char *text, size_t size)
{
    snprintf(text, size, "%s (bit %zu): %s", err->path[0] ? err->path : "message", err->bit,
             err->what);
    return text;
}
