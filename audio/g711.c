/* G.711 by tables made once in a process: 64 K entries each way are read-only and shared by all
 * rooms. */
#include "audio/g711.h"

#include <pthread.h>

#include "audio/spandsp.h"

static struct audio_g711 alaw, ulaw;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (int i = 0; i < 256; i++) {
        alaw.to_linear[i] = alaw_to_linear((uint8_t)i);
        ulaw.to_linear[i] = ulaw_to_linear((uint8_t)i);
    }
    for (int i = INT16_MIN; i <= INT16_MAX; i++) {
        alaw.from_linear[(uint16_t)i] = linear_to_alaw(i);
        ulaw.from_linear[(uint16_t)i] = linear_to_ulaw(i);
    }
}

const struct audio_g711 *audio_g711_alaw(void)
{
    pthread_once(&once, make_tables);
    return &alaw;
}

const struct audio_g711 *audio_g711_ulaw(void)
{
    pthread_once(&once, make_tables);
    return &ulaw;
}

void audio_g711_decode(const struct audio_g711 *law, int16_t *restrict pcm,
                       const uint8_t *restrict payload, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pcm[i] = law->to_linear[payload[i]];
}

void audio_g711_encode(const struct audio_g711 *law, uint8_t *restrict payload,
                       const int16_t *restrict pcm, size_t n)
{
    for (size_t i = 0; i < n; i++)
        payload[i] = law->from_linear[(uint16_t)pcm[i]];
}
