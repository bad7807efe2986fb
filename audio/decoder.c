/* From payloads to samples at the room's rate or below, for all codecs of a member, and what is
 * made up where packets are missing. One block of memory, laid out here, so that a room can be
 * placed in huge pages. */
#include "audio/decoder.h"

#include "audio/g711.h"
#include "audio/mix.h"
#include "audio/spandsp.h"

#include <opus/opus.h>
#include <string.h>

#define G711_MS_MAX 60
#define G711_UNITS  8    /* RTP units, and bytes, in a millisecond */
#define PLC_RATE    8000 /* what spandsp's concealer is made for */
#define PLC_SAMPLES 480  /* 60 ms of that: the longest packet */
#define OPUS_CLOCK  48000
#define OPUS_PARTS  400 /* Opus conceals in steps of 2.5 ms: this many a second */

struct audio_decoder {
    unsigned room_rate;
    unsigned plc_rate; /* rate of the history in plc, 0 = none */
    const struct audio_g711 *alaw, *ulaw;
    g722_decode_state_t *g722; /* NULL: not asked for */
    OpusDecoder *opus;         /* same */
    plc_state_t plc;           /* of G.711 and G.722; Opus has its own */
};

size_t audio_decoder_size(unsigned codecs, unsigned room_rate)
{
    /* behind the struct: what the member's codecs need, no more */
    size_t bytes = audio_align(sizeof(struct audio_decoder));

    (void)room_rate;
    if (codecs & 1U << AUDIO_CODEC_G722)
        bytes += audio_align(sizeof(g722_decode_state_t));
    if (codecs & 1U << AUDIO_CODEC_OPUS)
        bytes += audio_align((size_t)opus_decoder_get_size(1));
    return bytes;
}

struct audio_decoder *audio_decoder_init(void *memory, unsigned codecs, unsigned room_rate)
{
    struct audio_decoder *d = memory;
    char *next = (char *)memory + audio_align(sizeof(*d));

    d->room_rate = room_rate;
    d->alaw = audio_g711_alaw();
    d->ulaw = audio_g711_ulaw();
    if (codecs & 1U << AUDIO_CODEC_G722) {
        d->g722 = (void *)next;
        next += audio_align(sizeof(*d->g722));
    }
    if (codecs & 1U << AUDIO_CODEC_OPUS)
        d->opus = (void *)next;
    audio_decoder_reset(d);
    return d;
}

void audio_decoder_reset(struct audio_decoder *d)
{
    plc_init(&d->plc);
    d->plc_rate = 0;
    /* In a room of 8000 Hz spandsp leaves the upper band out: cheaper, and nothing to resample. */
    if (d->g722 != NULL)
        g722_decode_init(d->g722, 64000, d->room_rate < 16000 ? G722_SAMPLE_RATE_8000 : 0);
    /* Opus decodes to any of the room's rates by itself: nothing to resample. */
    if (d->opus != NULL)
        opus_decoder_init(d->opus, (opus_int32)d->room_rate, 1);
}

unsigned audio_decoder_rate(const struct audio_decoder *d, enum audio_codec codec)
{
    unsigned rate = audio_codec_rate(codec);

    return rate < d->room_rate ? rate : d->room_rate;
}

static uint32_t opus_units(const uint8_t *payload, size_t length)
{
    int samples = opus_packet_get_nb_samples(payload, (opus_int32)length, OPUS_CLOCK);

    /* 120 ms is the longest packet that Opus has (RFC 6716 §2.1.4): longer is a broken one. */
    return samples > 0 && samples <= OPUS_CLOCK * 120 / 1000 ? (uint32_t)samples : 0;
}

uint32_t audio_payload_units(enum audio_codec codec, const uint8_t *payload, size_t length)
{
    if (length == 0)
        return 0;
    switch (codec) {
    case AUDIO_CODEC_PCMA:
    case AUDIO_CODEC_PCMU:
    case AUDIO_CODEC_G722: /* two samples of 16 kHz in a byte, but one unit of its clock */
        /* 60 ms is what people configure at most; a longer packet would have to wait for its own
         * end. */
        return length <= G711_MS_MAX * G711_UNITS ? (uint32_t)length : 0;
    case AUDIO_CODEC_OPUS:
        return opus_units(payload, length);
    default:
        return 0;
    }
}

/* spandsp looks for a pitch of 40 to 120 samples, 66 to 200 Hz at 8 kHz: at 16 kHz it would not
 * find that of a man. So G.722 is concealed at half the rate; nobody misses the upper band for 20
 * ms. What the concealer changes in the first samples behind a gap is changed at the full rate,
 * too. */
static void remember_half(plc_state_t *plc, int16_t *pcm, size_t n)
{
    int16_t low[PLC_SAMPLES], blended[PLC_SAMPLES];
    bool is_blended = plc->missing_samples > 0;
    size_t half = n / 2 < PLC_SAMPLES ? n / 2 : PLC_SAMPLES;

    for (size_t i = 0; i < half; i++)
        low[i] = blended[i] = (int16_t)((pcm[2 * i] + pcm[2 * i + 1]) / 2);
    plc_rx(plc, blended, (int)half);
    for (size_t i = 0; is_blended && i < half; i++) {
        int change = blended[i] - low[i];

        /* What the blend changed at half the rate is added at the full one: the sum has no step. */
        pcm[2 * i] = audio_mix_saturate(pcm[2 * i] + change);
        pcm[2 * i + 1] = audio_mix_saturate(pcm[2 * i + 1] + change);
    }
}

/* What the concealer needs for the next gap; blends the end of the last one into pcm. */
static void remember(struct audio_decoder *d, unsigned rate, int16_t *pcm, size_t n)
{
    if (d->plc_rate != rate) {
        plc_init(&d->plc);
        d->plc_rate = rate;
    }
    if (rate == PLC_RATE)
        plc_rx(&d->plc, pcm, (int)n);
    else
        remember_half(&d->plc, pcm, n);
}

size_t audio_decode(struct audio_decoder *d, enum audio_codec codec, const uint8_t *payload,
                    size_t length, int16_t *pcm, size_t capacity)
{
    int n = 0;

    switch (codec) {
    case AUDIO_CODEC_PCMA:
    case AUDIO_CODEC_PCMU:
        n = (int)length;
        audio_g711_decode(codec == AUDIO_CODEC_PCMA ? d->alaw : d->ulaw, pcm, payload, length);
        break;
    case AUDIO_CODEC_G722:
        n = g722_decode(d->g722, pcm, payload, (int)length);
        break;
    case AUDIO_CODEC_OPUS:
        n = opus_decode(d->opus, payload, (opus_int32)length, pcm, (int)capacity, 0);
        return n > 0 ? (size_t)n : 0;
    default:
        /* A packet that the library refuses is a gap like any other (source.c). */
        return 0;
    }
    remember(d, audio_decoder_rate(d, codec), pcm, (size_t)n);
    return (size_t)n;
}

/* Puts the ring of the history into its order, oldest first. spandsp does the same when it begins
 * to conceal, but by memcpy of what overlaps, which is right or wrong by the C library's taste. */
static void straighten(plc_state_t *plc)
{
    int16_t ordered[PLC_HISTORY_LEN];
    size_t begin = (size_t)plc->buf_ptr, old = PLC_HISTORY_LEN - begin;

    memcpy(ordered, plc->history + begin, old * sizeof(*ordered));
    memcpy(ordered + old, plc->history, begin * sizeof(*ordered));
    memcpy(plc->history, ordered, sizeof(ordered));
    plc->buf_ptr = 0;
}

static size_t conceal_half(plc_state_t *plc, int16_t *pcm, size_t n)
{
    int16_t low[PLC_SAMPLES];
    size_t half = (n + 1) / 2 < PLC_SAMPLES ? (n + 1) / 2 : PLC_SAMPLES;
    /* The newest sample of the history, which straighten() has put at its end. */
    int before = plc->missing_samples == 0 ? plc->history[PLC_HISTORY_LEN - 1] : plc->history[0];

    plc_fillin(plc, low, (int)half);
    for (size_t i = 0; i < half; i++) {
        pcm[2 * i] = (int16_t)((before + low[i]) / 2);
        pcm[2 * i + 1] = low[i];
        before = low[i];
    }
    return 2 * half;
}

static size_t conceal_opus(struct audio_decoder *d, int16_t *pcm, size_t n, const uint8_t *next,
                           size_t next_length)
{
    size_t part = d->room_rate / OPUS_PARTS, whole = (n + part - 1) / part * part;
    int made = opus_decode(d->opus, next, (opus_int32)next_length, pcm, (int)whole, next != NULL);

    return made > 0 ? (size_t)made : 0;
}

size_t audio_conceal(struct audio_decoder *d, enum audio_codec codec, int16_t *pcm, size_t n,
                     const uint8_t *next, size_t next_length)
{
    size_t made = 0;

    if (codec == AUDIO_CODEC_OPUS && d->opus != NULL) {
        made = conceal_opus(d, pcm, n, next, next_length);
        /* No history of this rate: silence is better than the wrong voice. */
    } else if (d->plc_rate == audio_decoder_rate(d, codec)) {
        straighten(&d->plc);
        made = d->plc_rate == PLC_RATE ? (size_t)plc_fillin(&d->plc, pcm, (int)n)
                                       : conceal_half(&d->plc, pcm, n);
    }
    /* Less than asked for: the rest is silence. */
    for (; made < n; made++)
        pcm[made] = 0;
    return made;
}
