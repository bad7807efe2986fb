/* Byte cursors: the one place where a length from the network is compared with what is there.
 * Everything above reads through them and has no arithmetic on pointers of its own. */
#include "base/bytes.h"

#include <string.h>

#include "base/err.h"

struct bytes_reader bytes_reader(const void *data, size_t size)
{
    return (struct bytes_reader){.data = data, .size = size};
}

struct bytes_writer bytes_writer(void *data, size_t size)
{
    return (struct bytes_writer){.data = data, .size = size};
}

size_t bytes_left(const struct bytes_reader *r)
{
    return r->err != 0 ? 0 : r->size - r->pos;
}

const uint8_t *bytes_read_span(struct bytes_reader *r, size_t n)
{
    static const uint8_t nothing; /* what an empty span points at */
    /* The difference cannot wrap (pos <= size always); pos + n could, n being a peer's number. */
    if (r->err == 0 && n > r->size - r->pos)
        r->err = ERR_TRUNCATED; /* sticks: one check at the end of a parser is enough */
    if (r->err != 0)
        return NULL;
    if (n == 0) /* data may be NULL, and NULL would read as an error */
        return &nothing;
    const uint8_t *span = r->data + r->pos;
    r->pos += n;
    return span;
}

static uint64_t read_uint(struct bytes_reader *r, size_t n)
{
    const uint8_t *p = bytes_read_span(r, n); /* NULL after an error: then the value is 0 */
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t bytes_read_u8(struct bytes_reader *r)
{
    return (uint8_t)read_uint(r, 1);
}

uint16_t bytes_read_u16(struct bytes_reader *r)
{
    return (uint16_t)read_uint(r, 2);
}

uint32_t bytes_read_u24(struct bytes_reader *r)
{
    return (uint32_t)read_uint(r, 3);
}

uint32_t bytes_read_u32(struct bytes_reader *r)
{
    return (uint32_t)read_uint(r, 4);
}

uint64_t bytes_read_u48(struct bytes_reader *r)
{
    return read_uint(r, 6);
}

uint64_t bytes_read_u64(struct bytes_reader *r)
{
    return read_uint(r, 8);
}

struct bytes_reader bytes_read_sub(struct bytes_reader *r, size_t n)
{
    const uint8_t *p = bytes_read_span(r, n);
    struct bytes_reader sub = bytes_reader(p, p != NULL ? n : 0);
    /* The error travels into the part as well: a parser that holds only the part must not take its
     * emptiness for a message without content. */
    sub.err = r->err;
    return sub;
}

void bytes_read_copy(struct bytes_reader *r, void *out, size_t n)
{
    const uint8_t *p = bytes_read_span(r, n);
    if (p != NULL && n > 0)
        memcpy(out, p, n);
}

void bytes_skip(struct bytes_reader *r, size_t n)
{
    (void)bytes_read_span(r, n);
}

size_t bytes_room(const struct bytes_writer *w)
{
    return w->err != 0 ? 0 : w->size - w->pos;
}

uint8_t *bytes_write_span(struct bytes_writer *w, size_t n)
{
    if (w->err == 0 && n > w->size - w->pos)
        /* No part of what does not fit is written: a half-written field could look like a whole one
         * to somebody who forgets to ask for err. */
        w->err = ERR_LIMIT;
    if (w->err != 0 || w->data == NULL)
        return NULL;
    uint8_t *span = w->data + w->pos;
    w->pos += n;
    return span;
}

static void write_uint(struct bytes_writer *w, uint64_t v, size_t n)
{
    uint8_t *p = bytes_write_span(w, n);
    for (size_t i = 0; p != NULL && i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void bytes_write_u8(struct bytes_writer *w, uint8_t v)
{
    write_uint(w, v, 1);
}

void bytes_write_u16(struct bytes_writer *w, uint16_t v)
{
    write_uint(w, v, 2);
}

void bytes_write_u24(struct bytes_writer *w, uint32_t v)
{
    write_uint(w, v, 3);
}

void bytes_write_u32(struct bytes_writer *w, uint32_t v)
{
    write_uint(w, v, 4);
}

void bytes_write_u48(struct bytes_writer *w, uint64_t v)
{
    write_uint(w, v, 6);
}

void bytes_write_u64(struct bytes_writer *w, uint64_t v)
{
    write_uint(w, v, 8);
}

void bytes_write_copy(struct bytes_writer *w, const void *data, size_t n)
{
    uint8_t *p = bytes_write_span(w, n);
    if (p != NULL && n > 0)
        memcpy(p, data, n);
}

void bytes_write_fill(struct bytes_writer *w, uint8_t value, size_t n)
{
    uint8_t *p = bytes_write_span(w, n);
    if (p != NULL && n > 0)
        memset(p, value, n);
}

void bytes_patch_u16(struct bytes_writer *w, size_t at, uint16_t v)
{
    if (w->err != 0)
        return;
    /* Only what is written already may be patched; further on lies the caller's memory. */
    if (at > w->pos || w->pos - at < 2) {
        w->err = ERR_LIMIT;
        return;
    }
    w->data[at] = (uint8_t)(v >> 8);
    w->data[at + 1] = (uint8_t)v;
}
