/* PCM to payloads: one signal, one codec. spandsp and libopus do it.
 *
 * The state is flat memory: a copy goes on where the original is, which is how a listener that gets
 * a mix of its own takes over from the encoder that it shared, without its decoder noticing. */
#ifndef AUDIO_ENCODER_H
#define AUDIO_ENCODER_H

#include "audio/codec.h"

#include <stdbool.h>
#include <stdint.h>

struct audio_encoder;

/* Bytes of an encoder. */
size_t audio_encoder_size(enum audio_codec codec);

/* Makes one in memory of that size, aligned to 64. rate: of the PCM, see audio_encoder_rate. */
struct audio_encoder *audio_encoder_init(void *memory, enum audio_codec codec, unsigned room_rate);

/* Samples a second that it takes in a room of this rate. */
unsigned audio_encoder_rate(enum audio_codec codec, unsigned room_rate);

/* Has the encoder a memory? Without one (G.711), any may go on for any other. */
bool audio_encoder_has_state(enum audio_codec codec);

/* to goes on where from is; both of one codec and rate. */
void audio_encoder_copy(struct audio_encoder *to, const struct audio_encoder *from);

/* Are they in the same state, so that the one may go on for the other? */
bool audio_encoder_is_equal(const struct audio_encoder *a, const struct audio_encoder *b);

/* Encodes 20 ms; returns the bytes, at most capacity (AUDIO_FRAME_MAX is enough); 0: the library
 * refused. is_silent: pcm is digital silence; a long row of that is encoded only at its beginning.
 */
size_t audio_encode(struct audio_encoder *e, const int16_t *pcm, size_t n, bool is_silent,
                    uint8_t *payload, size_t capacity);

#endif
