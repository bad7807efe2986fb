/* From one sample rate to another, 20 ms at a time: speexdsp. */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

struct audio_resampler;

/* A converter between two of 8000, 16000 and 48000 Hz. ERR_NOMEM. */
int audio_resampler_create(unsigned from, unsigned to, struct audio_resampler **resampler);
void audio_resampler_destroy(struct audio_resampler *resampler); /* NULL is allowed */

/* Forgets the signal: what comes next is another one. */
void audio_resampler_reset(struct audio_resampler *resampler);

/* n samples in, out_n out, which must be n * to / from. Late by at most 3 ms. */
void audio_resample(struct audio_resampler *resampler, const int16_t *in, size_t n, int16_t *out,
                    size_t out_n);

/* A whole recording, for announcements: not for the packet path. The result is malloc'd and the
 * caller's. ERR_NOMEM, ERR_INVAL (a rate of 0 or above 384000, nothing to convert). */
int audio_resample_all(const int16_t *in, size_t n, unsigned from, unsigned to, int16_t **out,
                       size_t *out_n);

#endif
