/* Arithmetic on samples: sums in 32 bits, one limiter at the end. Plain loops that the compiler
 * vectorises (restrict, no branches inside). */
#include "audio/mix.h"

#include <string.h>

uint64_t audio_mix_energy(const int16_t *pcm, size_t n)
{
    uint64_t energy = 0;

    /* A 16th of each square, so that 32 of them fit 32 bits and the loop stays in vectors of those.
     */
    for (size_t i = 0; i < n;) {
        size_t end = n - i > 32 ? i + 32 : n;
        uint32_t part = 0;

        /* Shifted before the sum: 2^30 / 16 * 32 just fits 32 bits. */
        for (; i < end; i++)
            part += (uint32_t)(pcm[i] * pcm[i]) >> 4;
        energy += (uint64_t)part << 4;
    }
    return energy;
}

void audio_mix_add(int32_t *restrict sum, const int16_t *restrict pcm, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += pcm[i];
}

static int32_t subtract(int32_t *restrict out, const int32_t *restrict sum,
                        const int16_t *restrict minus, size_t n)
{
    int32_t peak = 0;

    /* The listener's own voice is taken out of the sum: n members need one sum and n subtractions,
     * not n sums. */
    for (size_t i = 0; i < n; i++) {
        int32_t x = sum[i] - minus[i], magnitude = x < 0 ? -x : x;

        out[i] = x;
        peak = magnitude > peak ? magnitude : peak;
    }
    return peak;
}

static int32_t find_peak(const int32_t *sum, size_t n)
{
    int32_t peak = 0;

    for (size_t i = 0; i < n; i++) {
        int32_t magnitude = sum[i] < 0 ? -sum[i] : sum[i];

        peak = magnitude > peak ? magnitude : peak;
    }
    return peak;
}

/* Excess d over the knee becomes R d / (d + R), R the rest up to full scale: the slope is 1 at the
 * knee, so that nothing clicks, and full scale is never passed. Without memory: who changes from
 * one mix to another hears no other gain. */
static int16_t bend(int32_t x)
{
    const float rest = INT16_MAX - AUDIO_LIMIT_KNEE;
    int32_t magnitude = x < 0 ? -x : x;
    float over = (float)(magnitude - AUDIO_LIMIT_KNEE);
    float bent = (float)AUDIO_LIMIT_KNEE + rest * over / (over + rest);

    if (magnitude <= AUDIO_LIMIT_KNEE)
        return (int16_t)x;
    return (int16_t)(x < 0 ? -bent : bent);
}

static void narrow(int16_t *restrict out, const int32_t *restrict in, size_t n, int32_t peak)
{
    /* Nearly every frame is below the knee: then it is a copy. */
    if (peak <= AUDIO_LIMIT_KNEE)
        for (size_t i = 0; i < n; i++)
            out[i] = (int16_t)in[i];
    else
        for (size_t i = 0; i < n; i++)
            out[i] = bend(in[i]);
}

void audio_mix_finish(int16_t *restrict out, const int32_t *restrict sum,
                      const int16_t *restrict minus, size_t n)
{
    /* 160 samples stay in the first-level cache and on the stack. */
    int32_t rest[160];

    if (minus == NULL) {
        narrow(out, sum, n, find_peak(sum, n));
        return;
    }
    for (size_t at = 0; at < n; at += 160) {
        size_t part = n - at > 160 ? 160 : n - at;
        int32_t peak = subtract(rest, sum + at, minus + at, part);

        narrow(out + at, rest, part, peak);
    }
}

void audio_mix_gain(int16_t *restrict out, const int16_t *restrict in, size_t n, int32_t from,
                    int32_t to, size_t ramp)
{
    size_t i = 0;

    /* No ramp where nothing changes. */
    if (from == to)
        ramp = 0;
    ramp = ramp > n ? n : ramp;
    for (; i < ramp; i++) {
        int32_t gain = from + (int32_t)((int64_t)(to - from) * (int64_t)i / (int64_t)ramp);

        out[i] = audio_mix_saturate((in[i] * gain) / AUDIO_GAIN_ONE);
    }
    if (to == AUDIO_GAIN_ONE)
        memcpy(out + i, in + i, (n - i) * sizeof(*out));
    else
        for (; i < n; i++)
            out[i] = audio_mix_saturate((in[i] * to) / AUDIO_GAIN_ONE);
}

void audio_mix_add_16(int16_t *restrict pcm, const int16_t *restrict more, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pcm[i] = audio_mix_saturate(pcm[i] + more[i]);
}

void audio_mix_cross(int16_t *out, const int16_t *from, const int16_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int16_t)((from[i] * (int32_t)(n - i) + to[i] * (int32_t)i) / (int32_t)n);
}
