/* What one talker says: packets in, 20 ms of PCM out each tick, whatever the network did. */
#ifndef AUDIO_SOURCE_H
#define AUDIO_SOURCE_H

#include "audio/decoder.h"
#include "audio/jitter.h"

struct audio_source {
    struct audio_jitter jitter;
    struct audio_decoder *decoder;
    unsigned room_rate;
    unsigned rate;       /* of what is in pcm; 0 before the first packet */
    int16_t *pcm;        /* decoded and not yet played: pcm[head] to pcm[head + fill] */
    size_t capacity;     /* samples */
    size_t head, fill;   /* samples */
    uint8_t codec;       /* of what was decoded last */
    bool is_playing;     /* else waits for packets with enough margin */
    bool was_quiet;      /* the last frame was no speech: the place to change the delay */
    int64_t uneven_us;   /* margin that packets of no multiple of 20 ms need more */
    uint32_t starved_us; /* how long nothing has come */
    uint32_t long_us;    /* how long the delay is longer than it need be */
    uint64_t concealed_us, skipped_us; /* statistics */
    int64_t margin_us;                 /* of the last packet decoded: statistics */
};

/* Bytes for the packets and PCM of a source with these codecs (bit 1 << enum audio_codec). */
size_t audio_source_size(unsigned codecs, unsigned room_rate);

/* Makes one in the caller's struct and zeroed memory of that size, aligned to 64. */
void audio_source_init(struct audio_source *s, void *memory, unsigned codecs, unsigned room_rate);

/* Another sender: nothing of the old one is played any more. */
void audio_source_restart(struct audio_source *s);

/* Takes a packet of one of its codecs, measured by audio_payload_units. */
enum audio_verdict audio_source_put(struct audio_source *s, const struct audio_jitter_input *in,
                                    uint64_t now_us);

/* 20 ms at s->rate, or NULL when there is nothing to hear. Valid until the next call. */
const int16_t *audio_source_pull(struct audio_source *s, uint64_t now_us);

#endif
