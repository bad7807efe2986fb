/* Base64 (RFC 4648 section 4), as data of the control socket's JSON. */
#include "server/data/data_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *data_base64(const uint8_t *data, size_t len)
{
    char *text = malloc((len + 2) / 3 * 4 + 1);
    char *p = text;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16;

        if (i + 1 < len)
            v |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < len)
            v |= data[i + 2];
        *p++ = digits[v >> 18];
        *p++ = digits[v >> 12 & 63];
        *p++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *p++ = i + 2 < len ? digits[v & 63] : '=';
    }
    *p = '\0';
    return text;
}

/* Of one character; 64: none. */
static uint32_t value_of(char c)
{
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (uint32_t)(at - digits) : 64;
}

/* Four characters to `n` octets; false: a character that is none. */
static int take_four(const char *text, size_t n, uint8_t *out)
{
    uint32_t v = 0;

    for (size_t k = 0; k < 4; k++) {
        /* Padding is not looked at beyond its place: what was cut off are zero bits. */
        uint32_t one = k <= n ? value_of(text[k]) : 0;

        if (one == 64)
            return ERR_MALFORMED;
        v = v << 6 | one;
    }
    for (size_t k = 0; k < n; k++)
        out[k] = (uint8_t)(v >> (16 - 8 * k));
    return 0;
}

int data_unbase64(const char *text, uint8_t **data, size_t *len)
{
    size_t n = strlen(text), pad = 0, total;
    uint8_t *out;

    if (n % 4 != 0)
        return ERR_MALFORMED;
    while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
        pad++;
    total = n / 4 * 3 - pad;
    /* + 1: malloc(0) may be NULL, which means something else here. */
    out = malloc(total + 1);
    if (out == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n / 4; i++) {
        /* Only the last four may be short. */
        size_t octets = i + 1 < n / 4 ? 3 : 3 - pad;

        if (take_four(text + 4 * i, octets, out + 3 * i) != 0) {
            free(out);
            return ERR_MALFORMED;
        }
    }
    *data = out;
    *len = total;
    return 0;
}
