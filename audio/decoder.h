/* Payloads to PCM and what is made up for payloads that are missing. spandsp and libopus do it.
 *
 * One decoder holds the states of all codecs that a talker may use, in the caller's memory. */
#ifndef AUDIO_DECODER_H
#define AUDIO_DECODER_H

#include "audio/codec.h"

#include <stdbool.h>
#include <stdint.h>

struct audio_decoder;

/* Bytes of a decoder for these codecs (bit 1 << enum audio_codec) in a room of this rate. */
size_t audio_decoder_size(unsigned codecs, unsigned room_rate);

/* Makes one in zeroed memory of that size, aligned to 64. */
struct audio_decoder *audio_decoder_init(void *memory, unsigned codecs, unsigned room_rate);

/* Forgets the signal: another sender begins. */
void audio_decoder_reset(struct audio_decoder *d);

/* Samples a second that come out for a codec: its own, but not above the room's. */
unsigned audio_decoder_rate(const struct audio_decoder *d, enum audio_codec codec);

/* How long a payload lasts in units of the codec's RTP clock; 0: no payload of this codec, or
 * longer than 60 ms (G.711, G.722) or 120 ms (Opus). */
uint32_t audio_payload_units(enum audio_codec codec, const uint8_t *payload, size_t length);

/* Decodes a payload that audio_payload_units has measured; returns the number of samples, 0 if the
 * library refuses it. `capacity` in samples, enough for 120 ms. */
size_t audio_decode(struct audio_decoder *d, enum audio_codec codec, const uint8_t *payload,
                    size_t length, int16_t *pcm, size_t capacity);

/* Makes up at least n samples (n at most 60 ms) behind what was decoded last and returns how many:
 * Opus rounds up to 2.5 ms. `next` is the payload right behind the gap if that has come already,
 * else NULL: Opus may carry a copy of what is missing in it (RFC 6716 2.1.7), if n is the whole
 * gap. */
size_t audio_conceal(struct audio_decoder *d, enum audio_codec codec, int16_t *pcm, size_t n,
                     const uint8_t *next, size_t next_length);

#endif
