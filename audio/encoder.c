/* From the mix to payloads. An encoder that hears only silence repeats its last frame after a
 * while: idle listeners of a large room then cost a copy. */
#include "audio/encoder.h"

#include "audio/g711.h"
#include "audio/room.h"
#include "audio/spandsp.h"

#include <opus/opus.h>
#include <string.h>

/* Below these (at 5 % loss) libopus 1.3 has no bits for copies of frames and leaves them out. */
#define OPUS_BITRATE_8K  20000
#define OPUS_BITRATE_16K 32000
#define OPUS_BITRATE_48K 40000
#define OPUS_COMPLEXITY  5  /* half of the highest costs half the time; speech hardly tells */
#define OPUS_LOSS        5  /* per cent: makes the encoder add its in-band copies */
#define SILENT_ENOUGH    10 /* frames of silence behind which an encoder has nothing more to tell */
#define REST_BYTES       200 /* a frame of silence: G.722 needs 160, Opus a few */

struct audio_encoder {
    enum audio_codec codec;
    unsigned rate;
    const struct audio_g711 *law; /* NULL: another codec */
    void *state;                  /* of the library, behind this struct; NULL for G.711 */
    size_t state_bytes;
    /* What a silent frame looks like, once there were enough of them. */
    unsigned silent_run;
    size_t rest_bytes;
    uint8_t rest[REST_BYTES];
};

static size_t state_size(enum audio_codec codec)
{
    if (codec == AUDIO_CODEC_G722)
        return sizeof(g722_encode_state_t);
    return codec == AUDIO_CODEC_OPUS ? (size_t)opus_encoder_get_size(1) : 0;
}

size_t audio_encoder_size(enum audio_codec codec)
{
    return audio_align(sizeof(struct audio_encoder)) + audio_align(state_size(codec));
}

unsigned audio_encoder_rate(enum audio_codec codec, unsigned room_rate)
{
    unsigned rate = audio_codec_rate(codec);

    return rate < room_rate ? rate : room_rate;
}

bool audio_encoder_has_state(enum audio_codec codec)
{
    return state_size(codec) > 0;
}

static void init_opus(OpusEncoder *opus, unsigned rate)
{
    /* Set together with the bit rates above: below them libopus has no room for in-band copies. */
    int bitrate = rate == 8000    ? OPUS_BITRATE_8K
                  : rate == 16000 ? OPUS_BITRATE_16K
                                  : OPUS_BITRATE_48K;

    opus_encoder_init(opus, (opus_int32)rate, 1, OPUS_APPLICATION_VOIP);
    opus_encoder_ctl(opus, OPUS_SET_BITRATE(bitrate));
    opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(OPUS_COMPLEXITY));
    opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(1));
    opus_encoder_ctl(opus, OPUS_SET_PACKET_LOSS_PERC(OPUS_LOSS));
    opus_encoder_ctl(opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
}

struct audio_encoder *audio_encoder_init(void *memory, enum audio_codec codec, unsigned room_rate)
{
    struct audio_encoder *e = memory;

    memset(e, 0, sizeof(*e));
    e->codec = codec;
    e->rate = audio_encoder_rate(codec, room_rate);
    e->state_bytes = state_size(codec);
    if (e->state_bytes > 0)
        e->state = (char *)memory + audio_align(sizeof(*e));
    if (codec == AUDIO_CODEC_PCMA)
        e->law = audio_g711_alaw();
    else if (codec == AUDIO_CODEC_PCMU)
        e->law = audio_g711_ulaw();
    else if (codec == AUDIO_CODEC_G722)
        /* G.722 in a room of 8 kHz: the upper band would be zeros anyway. */
        g722_encode_init(e->state, 64000, e->rate == 8000 ? G722_SAMPLE_RATE_8000 : 0);
    else if (codec == AUDIO_CODEC_OPUS)
        init_opus(e->state, e->rate);
    return e;
}

void audio_encoder_copy(struct audio_encoder *to, const struct audio_encoder *from)
{
    /* State and rest alike: a listener that changes the encoder must notice nothing
     * (room_tick.c). */
    to->silent_run = from->silent_run;
    to->rest_bytes = from->rest_bytes;
    memcpy(to->rest, from->rest, from->rest_bytes);
    if (to->state_bytes > 0)
        memcpy(to->state, from->state, from->state_bytes);
}

bool audio_encoder_is_equal(const struct audio_encoder *a, const struct audio_encoder *b)
{
    /* Not the struct: only the codec's memory decides what it says next. */
    return a->state_bytes == 0 || memcmp(a->state, b->state, a->state_bytes) == 0;
}

static size_t encode(struct audio_encoder *e, const int16_t *pcm, size_t n, uint8_t *payload,
                     size_t capacity)
{
    int bytes = 0;

    if (e->law != NULL) {
        /* a table look-up a sample: 64 KB for each law */
        audio_g711_encode(e->law, payload, pcm, n);
        return n;
    }
    if (e->codec == AUDIO_CODEC_G722)
        bytes = g722_encode(e->state, payload, pcm, (int)n);
    else if (e->codec == AUDIO_CODEC_OPUS)
        bytes = opus_encode(e->state, pcm, (int)n, payload, (opus_int32)capacity);
    return bytes > 0 ? (size_t)bytes : 0;
}

size_t audio_encode(struct audio_encoder *e, const int16_t *pcm, size_t n, bool is_silent,
                    uint8_t *payload, size_t capacity)
{
    size_t bytes;

    if (!is_silent) {
        e->silent_run = 0;
        return encode(e, pcm, n, payload, capacity);
    }
    /* After so many equal inputs the output is the same but for comfort noise that nobody
     * misses. */
    if (e->silent_run >= SILENT_ENOUGH && e->rest_bytes > 0) {
        memcpy(payload, e->rest, e->rest_bytes);
        return e->rest_bytes;
    }
    bytes = encode(e, pcm, n, payload, capacity);
    e->rest_bytes = bytes <= sizeof(e->rest) ? bytes : 0;
    memcpy(e->rest, payload, e->rest_bytes);
    e->silent_run++;
    return bytes;
}
