/* WAV files (RIFF): announcements in, recordings out. Input may be any file of the directory:
 * chunks are bounded by the file, their number by CHUNKS_MAX. */
#include "audio/wav.h"

#include "audio/g711.h"
#include "audio/resample.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIFF_BYTES       12
#define CHUNK_BYTES      8
#define FMT_BYTES        16
#define EXTENSIBLE_BYTES 40
#define TAG_EXTENSIBLE   0xfffe /* the real tag is the beginning of a GUID */
#define GUID_AT          24
#define CHUNKS_MAX       64 /* a file of rubbish must not keep us long */
#define READ_STEP        65536

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static unsigned sample_bytes(const struct audio_wav *w)
{
    return w->format == AUDIO_WAV_PCM16 ? 2 : 1;
}

static int parse_format(const uint8_t *p, size_t length, struct audio_wav *w, unsigned *bits)
{
    unsigned tag;

    if (length < FMT_BYTES)
        return ERR_MALFORMED;
    tag = get16(p);
    *bits = get16(p + 14);
    /* Only the first two octets of the GUID differ between the formats that we read. */
    if (tag == TAG_EXTENSIBLE && length >= EXTENSIBLE_BYTES)
        tag = get16(p + GUID_AT);
    w->channels = get16(p + 2);
    w->rate = get32(p + 4);
    w->format = (enum audio_wav_format)tag;
    if (!(tag == AUDIO_WAV_PCM16 && *bits == 16) && tag != AUDIO_WAV_ALAW && tag != AUDIO_WAV_ULAW)
        return ERR_UNSUPPORTED;
    if (w->channels < 1 || w->channels > AUDIO_WAV_CHANNELS_MAX || w->rate < AUDIO_WAV_RATE_MIN ||
        w->rate > AUDIO_WAV_RATE_MAX)
        return ERR_UNSUPPORTED;
    return 0;
}

/* What was read is in *w and *bits also where it is refused. */
static int parse(const uint8_t *bytes, size_t length, struct audio_wav *w, unsigned *bits)
{
    size_t at = RIFF_BYTES;

    if (length < RIFF_BYTES || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return ERR_MALFORMED;
    for (unsigned i = 0; i < CHUNKS_MAX && length - at >= CHUNK_BYTES; i++) {
        const uint8_t *p = bytes + at + CHUNK_BYTES;
        size_t rest = length - at - CHUNK_BYTES, n = get32(bytes + at + 4);
        /* The length in the header may lie: a recording that was cut off says 0 or too much. */
        size_t held = n < rest ? n : rest;

        if (memcmp(bytes + at, "fmt ", 4) == 0) {
            int rc = parse_format(p, held, w, bits);

            if (rc != 0)
                return rc;
        } else if (memcmp(bytes + at, "data", 4) == 0) {
            /* Samples before their format: cannot be read. */
            if (w->channels == 0)
                return ERR_MALFORMED;
            w->data = p;
            w->frames = held / w->channels / sample_bytes(w);
            return w->frames == 0 ? ERR_TRUNCATED : 0;
        }
        if (held == rest)
            break;
        at += CHUNK_BYTES + n + (n & 1 && n < rest); /* chunks begin at even places */
    }
    return w->channels == 0 ? ERR_MALFORMED : ERR_TRUNCATED;
}

int audio_wav_parse(const uint8_t *bytes, size_t length, struct audio_wav *wav)
{
    struct audio_wav w = {0};
    unsigned bits = 0;
    int rc = parse(bytes, length, &w, &bits);

    if (rc == 0)
        *wav = w;
    return rc;
}

void audio_wav_complain(const uint8_t *bytes, size_t length, char *text, size_t cap)
{
    struct audio_wav w = {0};
    unsigned bits = 0;

    switch (parse(bytes, length, &w, &bits)) {
    case 0:
        (void)snprintf(text, cap, "nothing is wrong");
        break;
    case ERR_UNSUPPORTED:
        (void)snprintf(text, cap,
                       "expected 16 bit PCM, A-law or u-law; found %u bits of format %u, "
                       "%u channels, %u Hz",
                       bits, (unsigned)w.format, w.channels, (unsigned)w.rate);
        break;
    case ERR_TRUNCATED:
        (void)snprintf(text, cap, "the file has no samples");
        break;
    default:
        (void)snprintf(text, cap, "no RIFF/WAVE file with a format in front of its samples");
    }
}

void audio_wav_decode(const struct audio_wav *wav, size_t first, size_t frames, int16_t *pcm)
{
    const struct audio_g711 *law =
        wav->format == AUDIO_WAV_ALAW ? audio_g711_alaw() : audio_g711_ulaw();
    unsigned bytes = sample_bytes(wav);
    const uint8_t *p = wav->data + first * wav->channels * bytes;

    for (size_t i = 0; i < frames; i++) {
        int sum = 0;

        for (unsigned c = 0; c < wav->channels; c++, p += bytes)
            sum += bytes == 2 ? (int16_t)get16(p) : law->to_linear[*p];
        /* Channels are averaged: a stereo announcement is for one ear. */
        pcm[i] = (int16_t)(sum / (int)wav->channels);
    }
}

/* The whole file, at most `most` bytes. */
static int read_file(const char *path, size_t most, uint8_t **bytes, size_t *length)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *all = NULL, *more;
    size_t n = 0, room = 0, got = 0;
    int rc = file != NULL ? 0 : ERR_IO;

    while (rc == 0) {
        /* Doubling: a file is read in a few steps, whatever its size. */
        room = n + READ_STEP > 2 * room ? n + READ_STEP : 2 * room;
        more = realloc(all, room);
        if (more == NULL) {
            rc = ERR_NOMEM;
            break;
        }
        all = more;
        got = fread(all + n, 1, room - n, file);
        n += got;
        /* Once more to see the end: a pipe may give less than asked for. */
        if (got == 0)
            break;
        if (n > most)
            rc = ERR_LIMIT;
    }
    if (file != NULL) {
        if (rc == 0 && ferror(file))
            rc = ERR_IO;
        fclose(file);
    }
    if (rc != 0) {
        free(all);
        return rc;
    }
    *bytes = all;
    *length = n;
    return 0;
}

int audio_wav_convert(const struct audio_wav *wav, unsigned rate, int16_t **pcm, size_t *samples)
{
    int16_t *own = malloc(wav->frames * sizeof(*own));
    int rc;

    if (own == NULL)
        return ERR_NOMEM;
    audio_wav_decode(wav, 0, wav->frames, own);
    if (wav->rate == rate) {
        *pcm = own;
        *samples = wav->frames;
        return 0;
    }
    rc = audio_resample_all(own, wav->frames, wav->rate, rate, pcm, samples);
    free(own);
    return rc;
}

int audio_wav_load(const char *path, unsigned rate, unsigned max_seconds, int16_t **pcm,
                   size_t *samples)
{
    /* Stereo of 48 kHz and 16 bits, and a header with tags. */
    size_t most = (size_t)max_seconds * 48000 * 4 + READ_STEP;
    struct audio_wav wav;
    uint8_t *bytes;
    size_t length;
    int rc = read_file(path, most, &bytes, &length);

    if (rc != 0)
        return rc;
    rc = audio_wav_parse(bytes, length, &wav);
    if (rc == 0 && wav.frames > (size_t)max_seconds * wav.rate)
        rc = ERR_LIMIT;
    if (rc == 0)
        rc = audio_wav_convert(&wav, rate, pcm, samples);
    free(bytes);
    return rc;
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value & 0xffff);
    put16(p + 2, value >> 16);
}

void audio_wav_header(uint8_t header[AUDIO_WAV_HEADER_BYTES], unsigned rate, unsigned channels,
                      uint64_t data_bytes)
{
    /* RIFF counts in 32 bits: the largest that can be said, players read to the end. */
    const uint32_t most = UINT32_MAX - AUDIO_WAV_HEADER_BYTES;
    uint32_t n = data_bytes < most ? (uint32_t)data_bytes : most;

    memcpy(header, "RIFF....WAVEfmt ", 16);
    put32(header + 4, n + AUDIO_WAV_HEADER_BYTES - CHUNK_BYTES);
    put32(header + 16, FMT_BYTES);
    put16(header + 20, AUDIO_WAV_PCM16);
    put16(header + 22, channels);
    put32(header + 24, rate);
    put32(header + 28, rate * channels * 2);
    put16(header + 32, channels * 2);
    put16(header + 34, 16);
    memcpy(header + 36, "data", 4);
    put32(header + 40, n);
}
