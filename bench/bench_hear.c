#include "bench/bench_hear.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

/* The search runs at a quarter of the rate, which is 16 times cheaper, and the place it finds is
 * made exact at the full rate. */
#define STEP   4u
#define WINDOW BENCH_HEAR_RATE /* a second */
#define COARSE (WINDOW / STEP)
#define NEAR   (2 * STEP)
/* Mean square of a second that counts: about -40 dBov. Quieter ones are pauses. */
#define LOUD (300.0 * 300.0)
/* Power of a coarse window below which it is nobody's speech: silence must not win by a division
 * through next to nothing. */
#define FAINT (40.0 * 40.0 * COARSE)

struct signal {
    float *fine, *coarse;
    size_t count; /* of fine; a multiple of STEP */
};

static void signal_fini(struct signal *s)
{
    free(s->fine);
    free(s->coarse);
}

static int signal_init(struct signal *s, const int16_t *samples, size_t count)
{
    s->count = count - count % STEP;
    s->fine = malloc((s->count + 1) * sizeof(*s->fine));
    s->coarse = malloc((s->count / STEP + 1) * sizeof(*s->coarse));
    if (s->fine == NULL || s->coarse == NULL) {
        signal_fini(s);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->count; i++)
        s->fine[i] = samples[i];
    for (size_t i = 0; i < s->count / STEP; i++) {
        const float *x = s->fine + i * STEP;

        s->coarse[i] = x[0] + x[1] + x[2] + x[3];
    }
    return 0;
}

static double dot(const float *a, const float *b, size_t n)
{
    float sum[8] = {0};
    double total = 0;

    for (size_t i = 0; i + 8 <= n; i += 8)
        for (unsigned k = 0; k < 8; k++)
            sum[k] += a[i + k] * b[i + k];
    for (unsigned k = 0; k < 8; k++)
        total += (double)sum[k];
    return total;
}

/* Normalised, 0 where one of them is silent. */
static double correlation(const float *a, const float *b, size_t n)
{
    double power = dot(a, a, n) * dot(b, b, n);

    return power > 0 ? dot(a, b, n) / sqrt(power) : 0;
}

static size_t search(const float *in, size_t count, const float *pattern)
{
    double power = dot(in, in, COARSE), best = -2;
    size_t at = 0;

    for (size_t i = 0;; i++) {
        double value = dot(in + i, pattern, COARSE) / sqrt(power > FAINT ? power : FAINT);

        if (value > best) {
            best = value;
            at = i;
        }
        if (i + COARSE >= count)
            return at;
        power += (double)in[i + COARSE] * (double)in[i + COARSE] - (double)in[i] * (double)in[i];
    }
}

/* The best place of one second near the coarse one. */
static double refine(const struct signal *in, size_t coarse, const float *pattern, size_t *at)
{
    size_t middle = coarse * STEP, from = middle > NEAR ? middle - NEAR : 0;
    double best = -2;

    for (size_t i = from; i <= middle + NEAR && i + WINDOW <= in->count; i++) {
        double value = correlation(in->fine + i, pattern, WINDOW);

        if (value > best) {
            best = value;
            *at = i;
        }
    }
    return best;
}

static void hear_second(const struct signal *in, const struct signal *talker, size_t from,
                        struct bench_hear *h)
{
    size_t at = 0, coarse = search(in->coarse, in->count / STEP, talker->coarse + from / STEP);
    double value = refine(in, coarse, talker->fine + from, &at);

    h->seconds++;
    h->found += value > BENCH_HEAR_FOUND;
    h->mean += value;
    if (value > h->best) {
        h->best = value;
        h->first_ms = at > from ? (at - from) * 1000 / BENCH_HEAR_RATE : 0;
    }
}

int bench_hear(const int16_t *recording, size_t recording_count, const int16_t *talker,
               size_t talker_count, struct bench_hear *out)
{
    struct signal in, voice;
    struct bench_hear h = {.best = -1};
    int rc;

    if (recording_count < WINDOW || talker_count < WINDOW)
        return ERR_RANGE;
    rc = signal_init(&in, recording, recording_count);
    if (rc != 0)
        return rc;
    rc = signal_init(&voice, talker, talker_count);
    if (rc != 0) {
        signal_fini(&in);
        return rc;
    }
    for (size_t from = 0; from + WINDOW <= voice.count; from += WINDOW)
        if (dot(voice.fine + from, voice.fine + from, WINDOW) > LOUD * WINDOW)
            hear_second(&in, &voice, from, &h);
    signal_fini(&in);
    signal_fini(&voice);
    if (h.seconds == 0)
        return ERR_RANGE;
    h.mean /= h.seconds;
    *out = h;
    return 0;
}
