/* The speex resampler behind our names: for what is heard at another rate than it was said. */
#include "audio/resample.h"

#include "base/err.h"

#include <speex/speex_resampler.h>
#include <stdlib.h>
#include <string.h>

/* Of 0 to 10. 4 has 64 taps at 8 kHz: 3 ms late, images 70 dB down; what is above costs more time
 * than a codec for telephones can show. */
#define QUALITY  4
#define RATE_MAX 384000

static SpeexResamplerState *state_of(struct audio_resampler *r)
{
    return (SpeexResamplerState *)r;
}

int audio_resampler_create(unsigned from, unsigned to, struct audio_resampler **resampler)
{
    int error = RESAMPLER_ERR_SUCCESS;
    SpeexResamplerState *state = speex_resampler_init(1, from, to, QUALITY, &error);

    if (state == NULL)
        return ERR_NOMEM;
    *resampler = (struct audio_resampler *)state;
    return 0;
}

void audio_resampler_destroy(struct audio_resampler *resampler)
{
    if (resampler != NULL)
        speex_resampler_destroy(state_of(resampler));
}

void audio_resampler_reset(struct audio_resampler *resampler)
{
    speex_resampler_reset_mem(state_of(resampler));
}

void audio_resample(struct audio_resampler *resampler, const int16_t *in, size_t n, int16_t *out,
                    size_t out_n)
{
    spx_uint32_t taken = (spx_uint32_t)n, made = (spx_uint32_t)out_n;

    speex_resampler_process_int(state_of(resampler), 0, in, &taken, out, &made);
    /* What it has not made yet (its delay) is silence at the very beginning. */
    for (; made < out_n; made++)
        out[made] = 0;
}

int audio_resample_all(const int16_t *in, size_t n, unsigned from, unsigned to, int16_t **out,
                       size_t *out_n)
{
    struct audio_resampler *r;
    spx_uint32_t taken, made;
    size_t room;
    int16_t *pcm;

    if (n == 0 || n > UINT32_MAX / 8 || from == 0 || to == 0 || from > RATE_MAX || to > RATE_MAX)
        return ERR_INVAL;
    room = (size_t)((uint64_t)n * to / from) + 1;
    /* Bounds first: lengths go into 32 bits of the library. */
    if (room > UINT32_MAX / 2)
        return ERR_INVAL;
    pcm = calloc(room, sizeof(*pcm));
    if (pcm == NULL || audio_resampler_create(from, to, &r) != 0) {
        free(pcm);
        return ERR_NOMEM;
    }
    taken = (spx_uint32_t)n;
    made = (spx_uint32_t)room;
    /* A file has a beginning: the filter's delay is left out, unlike in a stream. */
    speex_resampler_skip_zeros(state_of(r));
    speex_resampler_process_int(state_of(r), 0, in, &taken, pcm, &made);
    audio_resampler_destroy(r);
    *out = pcm;
    *out_n = room - 1 > 0 ? room - 1 : 1;
    return 0;
}
