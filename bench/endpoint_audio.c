#include "bench/endpoint_audio.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Samples of the expected file that must be found in one piece to call it located. */
#define LOCATE_WINDOW 400

int player_init(struct player *p, enum g711_law law, const int16_t *samples, size_t count)
{
    *p = (struct player){.law = law};
    if (!samples || count == 0)
        return 0;
    /* Whole frames only, so that the last one is not mixed with silence. */
    p->count = count - count % AUDIO_FRAME;
    p->bytes = malloc(p->count + 1);
    if (!p->bytes)
        return ERR_NOMEM;
    player_set_law(p, law, samples);
    return 0;
}

void player_fini(struct player *p)
{
    free(p->bytes);
    p->bytes = NULL;
}

void player_set_law(struct player *p, enum g711_law law, const int16_t *samples)
{
    p->law = law;
    for (size_t i = 0; i < p->count; i++)
        p->bytes[i] = g711_encode(law, samples[i]);
}

void player_start(struct player *p)
{
    if (p->state == PLAYER_WAITING)
        p->state = p->count ? PLAYER_PLAYING : PLAYER_DONE;
}

void player_next(struct player *p, uint8_t frame[AUDIO_FRAME])
{
    if (p->state != PLAYER_PLAYING) {
        memset(frame, g711_encode(p->law, p->hearing ? AUDIO_HEARING : AUDIO_IDLE), AUDIO_FRAME);
        return;
    }
    memcpy(frame, p->bytes + p->at, AUDIO_FRAME);
    p->at += AUDIO_FRAME;
    if (p->at < p->count)
        return;
    p->at = 0;
    if (!p->loop)
        p->state = PLAYER_DONE;
}

void recorder_init(struct recorder *r)
{
    *r = (struct recorder){0};
}

void recorder_fini(struct recorder *r)
{
    free(r->samples);
    r->samples = NULL;
}

void recorder_expect(struct recorder *r, const int16_t *samples, size_t count)
{
    r->expect = samples;
    r->expect_count = count - count % AUDIO_FRAME;
}

static bool recorder_reserve(struct recorder *r, size_t need)
{
    if (need <= r->cap)
        return true;
    size_t cap = r->cap ? r->cap * 2 : 8000 * 16;
    if (cap < need)
        cap = need;
    int16_t *grown = realloc(r->samples, cap * sizeof(*grown));
    if (!grown)
        return false;
    r->samples = grown;
    r->cap = cap;
    return true;
}

/* Where the window starts in the file: the first sample louder than the idle pattern, so that the
 * silence before the file cannot be taken for it. */
static size_t window_start(const struct recorder *r)
{
    size_t i = 0;
    while (i < r->expect_count && abs(r->expect[i]) <= 64)
        i++;
    return i;
}

static size_t window_len(const struct recorder *r, size_t start)
{
    size_t left = r->expect_count - start;
    return left < LOCATE_WINDOW ? left : LOCATE_WINDOW;
}

static void matcher_locate(struct recorder *r)
{
    size_t start = window_start(r), n = window_len(r, start);
    if (n == 0 || r->count < n)
        return;
    for (size_t i = r->searched; i + n <= r->count; i++) {
        if (i >= start && memcmp(r->samples + i, r->expect + start, n * sizeof(*r->samples)) == 0) {
            r->located = true;
            r->at = i - start;
            return;
        }
        r->searched = i;
    }
}

static void matcher_run(struct recorder *r)
{
    if (!r->expect || r->expect_count == 0 || r->complete)
        return;
    if (!r->located)
        matcher_locate(r);
    if (!r->located || r->count < r->at + r->expect_count)
        return;
    r->complete = true;
    r->match = true;
    for (size_t i = 0; i < r->expect_count && r->match; i++) {
        r->match = r->samples[r->at + i] == r->expect[i];
        r->first_difference = i;
    }
}

bool recorder_put(struct recorder *r, enum g711_law law, uint32_t ts, const uint8_t *payload,
                  size_t len)
{
    bool hears_us = len > 0;
    if (!r->started) {
        r->started = true;
        r->first_ts = ts;
    }
    uint32_t offset = ts - r->first_ts;
    if (offset > AUDIO_REC_LIMIT || !recorder_reserve(r, offset + len))
        return false;
    if (offset > r->count) {
        memset(r->samples + r->count, 0, (offset - r->count) * sizeof(*r->samples));
        r->gap_samples += offset - r->count;
        r->count = offset;
    }
    for (size_t i = 0; i < len; i++) {
        int16_t v = g711_decode(law, payload[i]);
        r->samples[offset + i] = v;
        hears_us = hears_us && v == AUDIO_HEARING;
    }
    if (offset + len > r->count)
        r->count = offset + len;
    matcher_run(r);
    return hears_us;
}

void audio_through_g711(enum g711_law law, int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = g711_decode(law, g711_encode(law, samples[i]));
}
