/* The audio codecs of a mix: their names, clocks and sizes.
 *
 * PCMU, PCMA, G722: RFC 3551. OPUS: RFC 7587. The work is done by spandsp and libopus. */
#ifndef AUDIO_CODEC_H
#define AUDIO_CODEC_H

#include <stddef.h>

/* name, text, RTP clock in Hz, samples a second of its own */
#define AUDIO_CODEC_LIST(X)                                                                   \
    X(AUDIO_CODEC_NONE, "none", 0, 0)                                                         \
    X(AUDIO_CODEC_PCMU, "PCMU", 8000, 8000)                                                   \
    X(AUDIO_CODEC_PCMA, "PCMA", 8000, 8000)                                                   \
    X(AUDIO_CODEC_G722, "G722", 8000, 16000) /* clock 8000 by an old error: RFC 3551 4.5.2 */ \
    X(AUDIO_CODEC_OPUS, "opus", 48000, 48000)

enum audio_codec {
#define AUDIO_CODEC_ENUM(name, text, clock, rate) name,
    AUDIO_CODEC_LIST(AUDIO_CODEC_ENUM)
#undef AUDIO_CODEC_ENUM
        AUDIO_CODECS /* how many, none included */
};

/* The name as in an SDP rtpmap, "unknown" for a value outside. Static storage, any thread. */
const char *audio_codec_to_str(enum audio_codec codec);

/* The codec with this rtpmap name (case does not count), AUDIO_CODEC_NONE if there is none. */
enum audio_codec audio_codec_from_str(const char *name);

/* Clock of its RTP timestamps in Hz; 0 for AUDIO_CODEC_NONE and values outside. */
unsigned audio_codec_clock(enum audio_codec codec);

/* Samples a second that it carries; 0 for AUDIO_CODEC_NONE and values outside. */
unsigned audio_codec_rate(enum audio_codec codec);

/* Parts of a block of memory begin cache lines: vectors work on them. */
static inline size_t audio_align(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

#endif
