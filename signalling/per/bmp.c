/* UTF-16 of BMPStrings to UTF-8, a character at a time. */
#include "signalling/per/bmp.h"

uint32_t per_bmp_next(const struct per_bmp *s, size_t *i)
{
    uint32_t c = s->p[(*i)++];

    /* Most are: one unit, one character. */
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && *i < s->len && s->p[*i] >= 0xdc00 && s->p[*i] <= 0xdfff)
        return 0x10000 + ((c - 0xd800) << 10) + (s->p[(*i)++] - 0xdc00U);
    /* Half a pair stands for no character: U+FFFD takes its place. */
    return 0xfffd;
}

/* UTF-8 (RFC 3629) of what is no surrogate. */
size_t per_utf8_put(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3f));
    to[2] = (char)(0x80 | (c >> 6 & 0x3f));
    to[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}
