#include "bench/endpoint/endpoint_wav.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "bench/endpoint/endpoint_g711.h"

#define WAV_RATE     8000
#define WAV_MAX_FILE (64u << 20)

enum { WAV_PCM = 1, WAV_ALAW = 6, WAV_ULAW = 7 };

struct wav_format {
    unsigned tag, channels, bits;
    unsigned rate;
};

static unsigned le16(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

static void put_le16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put_le32(uint8_t *p, uint32_t v)
{
    put_le16(p, v & 0xffff);
    put_le16(p + 2, v >> 16);
}

/* Whole file into memory; NULL with `why` written when that fails. */
static uint8_t *slurp(const char *path, size_t *len, char *why, size_t cap)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size = -1;
    if (f && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    if (size < 0 || size > (long)WAV_MAX_FILE || fseek(f, 0, SEEK_SET) != 0)
        snprintf(why, cap, "%s: %s", path, f ? "not a file of at most 64 MiB" : strerror(errno));
    else if (!(bytes = malloc((size_t)size + 1)) ||
             fread(bytes, 1, (size_t)size, f) != (size_t)size) {
        snprintf(why, cap, "%s: cannot be read", path);
        free(bytes);
        bytes = NULL;
    }
    if (f)
        fclose(f);
    *len = size < 0 ? 0 : (size_t)size;
    return bytes;
}

/* Walks the RIFF chunks; both chunks found = true. */
static bool find_chunks(const uint8_t *b, size_t len, struct wav_format *fmt, const uint8_t **data,
                        size_t *data_len)
{
    bool have_fmt = false;
    if (len < 12 || memcmp(b, "RIFF", 4) != 0 || memcmp(b + 8, "WAVE", 4) != 0)
        return false;
    for (size_t at = 12; at + 8 <= len;) {
        size_t n = le32(b + at + 4);
        const uint8_t *body = b + at + 8;
        if (n > len - at - 8)
            n = len - at - 8; /* a recorder that was killed leaves a wrong length behind */
        if (memcmp(b + at, "fmt ", 4) == 0 && n >= 16) {
            *fmt = (struct wav_format){le16(body), le16(body + 2), le16(body + 14), le32(body + 4)};
            have_fmt = true;
        } else if (memcmp(b + at, "data", 4) == 0) {
            *data = body;
            *data_len = n;
            return have_fmt;
        }
        at += 8 + n + (n & 1);
    }
    return false;
}

static int16_t *decode_samples(const struct wav_format *fmt, const uint8_t *data, size_t len,
                               size_t *count)
{
    size_t n = fmt->tag == WAV_PCM ? len / 2 : len;
    int16_t *out = malloc((n + 1) * sizeof(*out));
    if (!out)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (fmt->tag == WAV_PCM)
            out[i] = (int16_t)le16(data + 2 * i);
        else
            out[i] = law_decode(fmt->tag == WAV_ULAW ? LAW_MU : LAW_A, data[i]);
    }
    *count = n;
    return out;
}

int wav_read(const char *path, int16_t **samples, size_t *count, char *why, size_t cap)
{
    size_t len, data_len = 0;
    const uint8_t *data = NULL;
    struct wav_format fmt = {0};
    int rc = ERR_IO;
    uint8_t *bytes = slurp(path, &len, why, cap);
    if (!bytes)
        return ERR_IO;
    if (!find_chunks(bytes, len, &fmt, &data, &data_len)) {
        snprintf(why, cap, "%s: no RIFF/WAVE file with fmt and data chunks", path);
        rc = ERR_MALFORMED;
    } else if (fmt.rate != WAV_RATE || fmt.channels != 1 ||
               !((fmt.tag == WAV_PCM && fmt.bits == 16) ||
                 ((fmt.tag == WAV_ALAW || fmt.tag == WAV_ULAW) && fmt.bits == 8))) {
        snprintf(why, cap,
                 "%s: %u Hz, %u channels, %u bits, format %u; 8000 Hz mono of 16-bit PCM "
                 "or G.711 is needed",
                 path, fmt.rate, fmt.channels, fmt.bits, fmt.tag);
        rc = ERR_UNSUPPORTED;
    } else if ((*samples = decode_samples(&fmt, data, data_len, count)) != NULL) {
        rc = 0;
    }
    free(bytes);
    return rc;
}

int wav_write(const char *path, const int16_t *samples, size_t count)
{
    uint8_t head[44] = "RIFF....WAVEfmt ";
    uint32_t bytes = (uint32_t)(count * 2);
    put_le32(head + 4, 36 + bytes);
    put_le32(head + 16, 16);
    put_le16(head + 20, WAV_PCM);
    put_le16(head + 22, 1);
    put_le32(head + 24, WAV_RATE);
    put_le32(head + 28, WAV_RATE * 2);
    put_le16(head + 32, 2);
    put_le16(head + 34, 16);
    memcpy(head + 36, "data", 4);
    put_le32(head + 40, bytes);
    FILE *f = fopen(path, "wb");
    if (!f)
        return ERR_IO;
    bool ok = fwrite(head, 1, sizeof(head), f) == sizeof(head);
    for (size_t i = 0; ok && i < count; i++) {
        uint8_t s[2];
        put_le16(s, (unsigned)(uint16_t)samples[i]);
        ok = fwrite(s, 1, 2, f) == 2;
    }
    return fclose(f) == 0 && ok ? 0 : ERR_IO;
}
