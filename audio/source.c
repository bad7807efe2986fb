/* A member's voice: packets of the jitter buffer to 20 ms frames, with what is missing made up,
 * what is too much left out, and delay given or taken where nobody hears it. */
#include "audio/source.h"

#include "audio/mix.h"

#include <string.h>

#define STARVED_US                                                                               \
    200000               /* nothing for so long: the talker has paused, wait for a new beginning \
                          */
#define SLACK_US    5000 /* margin beyond frame and target before anything is left out */
#define PATIENCE_US 3000000 /* how long to wait for a quiet moment to leave something out */
#define EXCESS_US   60000   /* delay beyond all need that is cut at once */
#define OPUS_SLOT   AUDIO_PAYLOAD_MAX
#define PLAIN_SLOT  480 /* 60 ms of 64 kbit/s */
#define PACKET_MS   120 /* longest packet decoded */

static size_t slot_bytes(unsigned codecs)
{
    return codecs & 1U << AUDIO_CODEC_OPUS ? OPUS_SLOT : PLAIN_SLOT;
}

static unsigned highest_rate(unsigned codecs, unsigned room_rate)
{
    /* At least 8000: a member without codecs needs a buffer of some size. */
    unsigned rate = 8000;

    for (unsigned c = 0; c < AUDIO_CODECS; c++)
        if (codecs >> c & 1 && audio_codec_rate((enum audio_codec)c) > rate)
            rate = audio_codec_rate((enum audio_codec)c);
    return rate < room_rate ? rate : room_rate;
}

/* Two frames that are played or skipped, and a packet on top. */
static size_t pcm_samples(unsigned codecs, unsigned room_rate)
{
    return highest_rate(codecs, room_rate) / 1000 * (2 * 20 + PACKET_MS);
}

size_t audio_source_size(unsigned codecs, unsigned room_rate)
{
    return audio_align(AUDIO_JITTER_PACKETS * slot_bytes(codecs)) +
           audio_align(pcm_samples(codecs, room_rate) * sizeof(int16_t)) +
           audio_decoder_size(codecs, room_rate);
}

void audio_source_init(struct audio_source *s, void *memory, unsigned codecs, unsigned room_rate)
{
    char *at = memory;

    memset(s, 0, sizeof(*s));
    s->room_rate = room_rate;
    s->decoder = audio_decoder_init(at, codecs, room_rate);
    at += audio_decoder_size(codecs, room_rate);
    s->capacity = pcm_samples(codecs, room_rate);
    s->pcm = (void *)at;
    at += audio_align(s->capacity * sizeof(int16_t));
    audio_jitter_init(&s->jitter, (uint8_t *)at, (uint16_t)slot_bytes(codecs));
    audio_source_restart(s);
}

void audio_source_restart(struct audio_source *s)
{
    audio_jitter_restart(&s->jitter);
    audio_decoder_reset(s->decoder);
    s->head = s->fill = 0;
    s->is_playing = false;
    s->was_quiet = true;
    s->starved_us = s->long_us = 0;
}

static uint32_t to_us(size_t samples, unsigned rate)
{
    return (uint32_t)(samples * 1000000 / rate);
}

static int64_t to_units(const struct audio_source *s, size_t samples)
{
    return (int64_t)(samples * s->jitter.clock / s->rate);
}

static size_t to_samples(const struct audio_source *s, int64_t units)
{
    return (size_t)(units * s->rate / s->jitter.clock);
}

/* Moves what is left to the front, so that `samples` more have room. The ring is straight memory:
 * decoders write in one piece. */
static int16_t *make_room(struct audio_source *s, size_t samples)
{
    if (s->head + s->fill + samples > s->capacity) {
        memmove(s->pcm, s->pcm + s->head, s->fill * sizeof(*s->pcm));
        s->head = 0;
    }
    return s->pcm + s->head + s->fill;
}

/* Another codec may have another rate: what is left of the old one is not worth resampling. */
static void set_codec(struct audio_source *s, uint8_t codec)
{
    unsigned rate = audio_decoder_rate(s->decoder, (enum audio_codec)codec);

    if (rate != s->rate)
        s->head = s->fill = 0;
    s->rate = rate;
    s->codec = codec;
}

static void decode_first(struct audio_source *s, uint64_t now_us)
{
    const struct audio_jitter_packet *p = audio_jitter_first(&s->jitter);
    size_t room, n, skip = 0;
    int16_t *pcm;

    set_codec(s, p->codec);
    room = s->rate / 1000 * PACKET_MS;
    pcm = make_room(s, room);
    n = audio_decode(s->decoder, (enum audio_codec)p->codec, audio_jitter_payload(&s->jitter, p),
                     p->length, pcm, room);
    /* For statistics: how long the packet lay here. */
    s->margin_us = audio_jitter_margin_us(&s->jitter, p->ts, now_us);
    if (p->ts < s->jitter.next_ts) /* its beginning was made up already */
        skip = to_samples(s, s->jitter.next_ts - p->ts);
    skip = skip < n ? skip : n;
    memmove(pcm, pcm + skip, (n - skip) * sizeof(*pcm) * (skip > 0));
    s->fill += n - skip;
    /* The library refused it: what was asked for stays missing and is concealed. */
    if (n > 0) /* else the library refused it: a gap like any other */
        s->jitter.next_ts = s->jitter.real_end = p->ts + p->units;
    s->starved_us = 0;
    audio_jitter_drop_first(&s->jitter);
}

/* Fills up to `wanted` samples with what is made up. */
static void conceal(struct audio_source *s, size_t n, bool moves_on)
{
    const struct audio_jitter_packet *next = audio_jitter_first(&s->jitter);
    const uint8_t *payload = NULL;
    size_t made, length = 0;

    /* The packet behind the gap may carry a copy of what is lost (in-band FEC): only Opus has that,
     * and only for the frame right before it. */
    if (next != NULL && next->codec == s->codec && s->codec == AUDIO_CODEC_OPUS && moves_on) {
        size_t gap = to_samples(s, next->ts - s->jitter.next_ts);

        if (gap >= n && gap <= s->rate / 1000 * 60) {
            /* The gap as a whole: FEC replaces the end of it, concealment the rest. */
            payload = audio_jitter_payload(&s->jitter, next);
            length = next->length;
            n = gap;
        }
    }
    made = audio_conceal(s->decoder, (enum audio_codec)s->codec,
                         make_room(s, s->rate / 1000 * PACKET_MS), n, payload, length);
    s->fill += made;
    s->concealed_us += to_us(made, s->rate);
    /* Made-up audio counts as played: late packets for it are late. */
    if (moves_on)
        s->jitter.next_ts += to_units(s, made);
}

/* Decodes or makes up until so many frames are there. False: it may not make up and nothing more
 * has come. */
static bool fill_up(struct audio_source *s, unsigned frames, uint64_t now_us, bool may_conceal)
{
    /* Each turn decodes a packet or makes up what is missing before one; the rate may change.
     * Bounded by what the buffer holds, twice: each packet may have a gap before it. */
    for (unsigned turn = 0; turn < 2 * AUDIO_JITTER_PACKETS; turn++) {
        const struct audio_jitter_packet *p = audio_jitter_first(&s->jitter);
        size_t wanted = frames * (s->rate / 50), missing, gap;

        if (s->fill >= wanted)
            return true;
        missing = gap = wanted - s->fill;
        if (p != NULL && p->ts <= s->jitter.next_ts) {
            /* Due, or its beginning was made up. */
            decode_first(s, now_us);
            continue;
        }
        if (!may_conceal)
            return false;
        if (p != NULL)
            gap = to_samples(s, p->ts - s->jitter.next_ts);
        /* Up to the next packet at most: what is there must not be replaced. */
        conceal(s, gap < missing && gap > 0 ? gap : missing, true);
    }
    return false;
}

/* Packets that are no multiple of 20 ms are not all needed at the same moment of a tick: what the
 * margin of the first one must be more, so that it does for all of them. */
static int64_t uneven_us(const struct audio_jitter_packet *p, uint32_t clock)
{
    uint32_t frame = clock / 50, a = frame, b = p->units % frame;

    for (unsigned i = 0; b != 0 && i < 32; i++) { /* their greatest common divisor */
        uint32_t rest = a % b;

        a = b;
        b = rest;
    }
    return (int64_t)(frame - a) * 1000000 / clock;
}

/* A talker begins: not before its first packet has the margin that late ones will need. */
static bool may_start(struct audio_source *s, uint64_t now_us)
{
    const struct audio_jitter_packet *p = audio_jitter_first(&s->jitter);
    int64_t margin;

    if (p == NULL)
        return false;
    margin = audio_jitter_margin_us(&s->jitter, p->ts, now_us);
    s->uneven_us = uneven_us(p, s->jitter.clock);
    /* The margin that is needed: spread of transit, and what packets of odd lengths ask for. */
    if (margin < audio_jitter_target_us(&s->jitter) + s->uneven_us)
        return false;
    /* The sender's clock stood still while it was silent, or the way has become much longer. Beyond
     * all bounds: the spread of before does not apply to this talker's clock. */
    if (margin > s->jitter.max_us + EXCESS_US)
        audio_jitter_rebase(&s->jitter);
    s->jitter.next_ts = p->ts;
    s->is_playing = true;
    s->was_quiet = true;
    s->starved_us = s->long_us = 0;
    s->head = s->fill = 0;
    return true;
}

/* Something far too long has piled up (a stalled network, a clock far too fast): goes on with what
 * is due now. */
static void cut(struct audio_source *s, int64_t margin_us)
{
    const struct audio_jitter_packet *p;
    int64_t excess = margin_us - audio_jitter_target_us(&s->jitter);
    int64_t to = s->jitter.next_ts + excess * (int64_t)s->jitter.clock / 1000000;

    /* Whole packets go; the one that is due in part stays. */
    while ((p = audio_jitter_first(&s->jitter)) != NULL && p->ts + p->units <= to)
        audio_jitter_drop_first(&s->jitter);
    s->skipped_us += (uint64_t)excess;
    s->jitter.next_ts = p != NULL && p->ts < to ? p->ts : to;
    s->head = s->fill = 0;
}

/* Leaves 20 ms out if the margin is longer than jitter asks for: where nobody speaks, and after
 * some seconds in any case. The two sides are crossed over within 5 ms. */
static void shrink(struct audio_source *s, uint64_t now_us)
{
    int64_t margin = audio_jitter_margin_us(&s->jitter, s->jitter.next_ts, now_us);
    int64_t needed = audio_jitter_target_us(&s->jitter) + s->uneven_us;
    int64_t excess = margin - needed - AUDIO_TICK_US - SLACK_US;
    size_t frame = s->rate / 50;
    int16_t *pcm;

    /* So far beyond need that waiting for silence would take minutes. */
    if (margin > s->jitter.max_us + EXCESS_US + AUDIO_TICK_US) {
        cut(s, margin);
        return;
    }
    s->long_us = excess > 0 ? s->long_us + AUDIO_TICK_US : 0;
    /* Where nobody speaks it is not heard; after three seconds it must be done anyway. */
    if (excess <= 0 || (!s->was_quiet && s->long_us < PATIENCE_US))
        return;
    /* It may not conceal to get the second frame: what would be left out must be real. */
    if (!fill_up(s, 2, now_us, false) || s->rate / 50 != frame)
        return;
    pcm = s->pcm + s->head;
    audio_mix_cross(pcm + frame, pcm, pcm + frame, frame / 4);
    s->head += frame;
    s->fill -= frame;
    s->skipped_us += AUDIO_TICK_US;
    s->long_us = 0;
}

/* Packets came too late lately and the margin is not what they need: 20 ms are put in. */
static bool grow(struct audio_source *s, uint64_t now_us)
{
    int64_t margin = audio_jitter_margin_us(&s->jitter, s->jitter.next_ts, now_us);

    /* Only after something was late, once each time: delay is what people notice. */
    if (!s->jitter.was_late || margin >= audio_jitter_target_us(&s->jitter))
        return false;
    s->jitter.was_late = false;
    conceal(s, s->rate / 50, false);
    return true;
}

static void pause_playing(struct audio_source *s)
{
    s->is_playing = false;
    s->head = s->fill = 0;
    /* The delay will be chosen anew at the next beginning. */
    s->jitter.next_ts =
        s->jitter.real_end; /* what was made up is no reason to call anything late */
}

enum audio_verdict audio_source_put(struct audio_source *s, const struct audio_jitter_input *in,
                                    uint64_t now_us)
{
    enum audio_verdict verdict = audio_jitter_put(&s->jitter, in, now_us);

    if (verdict == AUDIO_PACKET_RESYNC)
        pause_playing(s); /* and begin with the margin that a beginning needs */
    return verdict;
}

const int16_t *audio_source_pull(struct audio_source *s, uint64_t now_us)
{
    const int16_t *frame;
    size_t n;

    if (!s->is_playing && !may_start(s, now_us))
        return NULL;
    if (s->rate == 0)
        /* The first packet of all tells codec and rate. */
        set_codec(s, audio_jitter_first(&s->jitter)->codec);
    n = s->rate / 50;
    if (s->fill < n) {
        if (audio_jitter_first(&s->jitter) == NULL)
            s->starved_us += AUDIO_TICK_US;
        /* Nothing for 200 ms: a pause of the talker. Concealing on would be a drone. */
        if (s->starved_us > STARVED_US) {
            pause_playing(s);
            return NULL;
        }
        if (!grow(s, now_us))
            shrink(s, now_us);
        fill_up(s, 1, now_us, true);
        n = s->rate / 50; /* the rate may be another one now */
    }
    frame = s->pcm + s->head;
    s->fill -= n;
    s->head = s->fill == 0 ? 0 : s->head + n;
    return frame;
}
