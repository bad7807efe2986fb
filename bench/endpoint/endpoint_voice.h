/* Audio codecs of the test endpoint. Everything above them is linear PCM of 16 bits at 8 kHz, so
 * the wide codecs (G.722, Opus) are driven at that rate: what they carry is telephone speech, what
 * is tested is that they are agreed on, packed and mixed rightly. G.711 is our own
 * (endpoint_g711.h), the others are spandsp and libopus. One thread at a time. */
#ifndef BENCH_ENDPOINT_VOICE_H
#define BENCH_ENDPOINT_VOICE_H

#include <stddef.h>
#include <stdint.h>

#define VOICE_FRAME 160 /* samples in 20 ms at 8 kHz */
#define VOICE_BYTES 400 /* no encoded frame of 20 ms is longer */
#define VOICE_SPAN  960 /* samples that one payload may hold: 120 ms (RFC 7587 section 4.2) */

/* Name, static RTP payload type or VOICE_PT_DYNAMIC, RTP timestamp units a sample at 8 kHz. */
#define VOICE_CODEC_LIST(X)                                                          \
    X(VOICE_PCMA, "PCMA", 8, 1)                                                      \
    X(VOICE_PCMU, "PCMU", 0, 1)                                                      \
    X(VOICE_G722, "G722", 9, 1) /* its RTP clock is 8000 (RFC 3551 section 4.5.2) */ \
    X(VOICE_OPUS, "opus", VOICE_PT_DYNAMIC, 6)

#define VOICE_PT_DYNAMIC 0xff

enum voice_codec {
#define VOICE_CODEC_ENUM(name, text, pt, units) name,
    VOICE_CODEC_LIST(VOICE_CODEC_ENUM)
#undef VOICE_CODEC_ENUM
        VOICE_CODECS
};

struct voice_encoder;
struct voice_decoder;

const char *voice_to_str(enum voice_codec codec);
uint8_t voice_payload_type(enum voice_codec codec);
unsigned voice_units(enum voice_codec codec); /* RTP timestamp units a sample */

/* ERR_NOMEM. Destroying NULL is allowed. */
int voice_encoder_create(enum voice_codec codec, struct voice_encoder **out);
void voice_encoder_destroy(struct voice_encoder *e);
/* 20 ms; the number of octets in `out`, 0 when the codec fails. */
size_t voice_encode(struct voice_encoder *e, const int16_t pcm[VOICE_FRAME],
                    uint8_t out[VOICE_BYTES]);

int voice_decoder_create(enum voice_codec codec, struct voice_decoder **out);
void voice_decoder_destroy(struct voice_decoder *d);
/* A payload of up to 120 ms; the number of samples in `pcm`, 0 when it is not this codec's. */
size_t voice_decode(struct voice_decoder *d, const uint8_t *payload, size_t len,
                    int16_t pcm[VOICE_SPAN]);

#endif
