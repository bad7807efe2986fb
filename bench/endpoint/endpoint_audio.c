#include "bench/endpoint/endpoint_audio.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Samples of the expected file that must be found in one piece to call it located. */
#define LOCATE_WINDOW 400

void player_init(struct player *p, const int16_t *samples, size_t count)
{
    /* Whole frames only, so that the last one is not mixed with silence. */
    *p = (struct player){.samples = samples,
                         .count = samples != NULL ? count - count % AUDIO_FRAME : 0};
}

void player_start(struct player *p)
{
    if (p->state != PLAYER_PLAYING)
        p->state = p->count ? PLAYER_PLAYING : PLAYER_DONE;
}

void player_next(struct player *p, int16_t frame[AUDIO_FRAME])
{
    if (p->state != PLAYER_PLAYING) {
        for (unsigned i = 0; i < AUDIO_FRAME; i++)
            frame[i] = p->hearing ? AUDIO_HEARING : AUDIO_IDLE;
        return;
    }
    memcpy(frame, p->samples + p->at, AUDIO_FRAME * sizeof(*frame));
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

bool recorder_put(struct recorder *r, uint32_t ts, unsigned units, const int16_t *samples,
                  size_t count)
{
    bool hears_us = count > 0;
    if (!r->started) {
        r->started = true;
        r->first_ts = ts;
    }
    uint32_t offset = (ts - r->first_ts) / units;
    if (offset > AUDIO_REC_LIMIT || !recorder_reserve(r, offset + count))
        return false;
    if (offset > r->count) {
        memset(r->samples + r->count, 0, (offset - r->count) * sizeof(*r->samples));
        r->gap_samples += offset - r->count;
        r->count = offset;
    }
    for (size_t i = 0; i < count; i++) {
        r->samples[offset + i] = samples[i];
        hears_us = hears_us && samples[i] == AUDIO_HEARING;
    }
    if (offset + count > r->count)
        r->count = offset + count;
    matcher_run(r);
    return hears_us;
}

void audio_through_g711(enum law law, int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = law_decode(law, law_encode(law, samples[i]));
}
