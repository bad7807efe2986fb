#include "sctp/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

int frames_init(struct frames *f, size_t frame_max)
{
    memset(f, 0, sizeof(*f));
    f->size = FRAMES_HEADER + frame_max;
    f->frame_max = frame_max;
    f->buffer = malloc(f->size);
    return f->buffer != NULL ? 0 : ERR_NOMEM;
}

void frames_fini(struct frames *f)
{
    if (f->buffer != NULL)
        secret_wipe(f->buffer, f->size);
    free(f->buffer);
    memset(f, 0, sizeof(*f));
}

/* What is left of a frame moves to the front, so that a whole one always fits. */
uint8_t *frames_room(struct frames *f, size_t *room)
{
    if (f->begin > 0)
        memmove(f->buffer, f->buffer + f->begin, f->end - f->begin);
    f->end -= f->begin;
    f->begin = 0;
    *room = f->size - f->end;
    return f->buffer + f->end;
}

void frames_add(struct frames *f, size_t n)
{
    f->end += n <= f->size - f->end ? n : f->size - f->end;
}

int frames_next(struct frames *f, const uint8_t **data, size_t *len)
{
    while (f->end - f->begin >= FRAMES_HEADER) {
        const uint8_t *head = f->buffer + f->begin;
        size_t n = (size_t)head[0] << 8 | head[1];

        if (n > f->frame_max)
            return ERR_RANGE;
        if (f->end - f->begin < FRAMES_HEADER + n)
            return ERR_AGAIN;
        f->begin += FRAMES_HEADER + n;
        if (n == 0)
            continue;
        *data = head + FRAMES_HEADER;
        *len = n;
        return 0;
    }
    return ERR_AGAIN;
}

void frames_header(uint8_t out[FRAMES_HEADER], uint16_t len)
{
    out[0] = (uint8_t)(len >> 8);
    out[1] = (uint8_t)len;
}
