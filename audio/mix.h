/* Sample loops of the mixer: plain C that compilers turn into vector code. Mono, 16 bits, sums
 * in 32.
 *
 * Gains are in units of 1/AUDIO_GAIN_ONE. */
#ifndef AUDIO_MIX_H
#define AUDIO_MIX_H

#include <stddef.h>
#include <stdint.h>

#define AUDIO_GAIN_ONE 4096
#define AUDIO_GAIN_MAX (16 * AUDIO_GAIN_ONE) /* 24 dB: products stay in 32 bits */

/* Above this a mix is bent (soft limiter); everything below passes unchanged. */
#define AUDIO_LIMIT_KNEE 26000

static inline int16_t audio_mix_saturate(int32_t x)
{
    x = x > INT16_MAX ? INT16_MAX : x;
    return (int16_t)(x < INT16_MIN ? INT16_MIN : x);
}

/* Sum of squares. */
uint64_t audio_mix_energy(const int16_t *pcm, size_t n);

/* sum += pcm */
void audio_mix_add(int32_t *restrict sum, const int16_t *restrict pcm, size_t n);

/* out = limit(sum - minus); minus may be NULL. */
void audio_mix_finish(int16_t *restrict out, const int32_t *restrict sum,
                      const int16_t *restrict minus, size_t n);

/* out = in * gain, which goes from `from` to `to` within the first `ramp` samples; saturates. */
void audio_mix_gain(int16_t *restrict out, const int16_t *restrict in, size_t n, int32_t from,
                    int32_t to, size_t ramp);

/* pcm += more, saturating */
void audio_mix_add_16(int16_t *restrict pcm, const int16_t *restrict more, size_t n);

/* out = from, crossing over to `to` within n samples; out may be one of them. */
void audio_mix_cross(int16_t *out, const int16_t *from, const int16_t *to, size_t n);

#endif
