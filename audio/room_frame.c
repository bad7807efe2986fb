/* Packets into a member, frames out of it, events and statistics. */
#include "audio/room_priv.h"

#include <string.h>

/* A source that was quiet for so long may be followed by another (hold and resume, transfer);
 * before that a second one is a collision or an attack and must not take the place of the first. */
#define SSRC_QUIET_US    100000
#define PT_COMFORT_NOISE 13 /* RFC 3389, RFC 3551 table 4 */
#define TICKS_A_SECOND   50

#define VERDICT_TEXT(name, text) text,

const char *audio_verdict_to_str(enum audio_verdict verdict)
{
    static const char *const texts[] = {AUDIO_VERDICT_LIST(VERDICT_TEXT)};

    return (unsigned)verdict < AUDIO_VERDICTS ? texts[verdict] : "unknown";
}

/* --- Events --------------------------------------------------------------------------------- */

void audio_push_event(struct audio_room *room, const struct audio_event *event)
{
    /* Nobody fetches events: the oldest stay, as they explain what follows. */
    if (room->event_count == AUDIO_EVENTS_MAX) {
        room->events_dropped++;
        return;
    }
    room->events[(room->first_event + room->event_count++) % AUDIO_EVENTS_MAX] = *event;
}

void audio_drop_events(struct audio_room *room, const struct audio_member *member)
{
    size_t n = room->event_count;

    /* Takes each out and puts those of others back in. */
    for (size_t i = 0; i < n; i++) {
        struct audio_event event;

        audio_room_next_event(room, &event);
        if (event.member != member)
            audio_push_event(room, &event);
    }
}

bool audio_room_next_event(struct audio_room *room, struct audio_event *event)
{
    if (room->event_count == 0)
        return false;
    *event = room->events[room->first_event];
    room->first_event = (room->first_event + 1) % AUDIO_EVENTS_MAX;
    room->event_count--;
    return true;
}

struct audio_member *audio_room_speaker(const struct audio_room *room)
{
    return room->speaker.member;
}

/* --- In ------------------------------------------------------------------------------------- */

static enum audio_codec find_codec(const struct audio_member *m, uint8_t payload_type)
{
    for (unsigned i = 0; i < AUDIO_RX_MAX && m->config.rx[i].codec != AUDIO_CODEC_NONE; i++)
        if (m->config.rx[i].payload_type == payload_type)
            return m->config.rx[i].codec;
    return AUDIO_CODEC_NONE;
}

/* False: not the source that we hear. */
static bool is_our_source(struct audio_member *m, uint32_t ssrc, uint64_t now_us)
{
    if (!m->has_ssrc || m->ssrc != ssrc) {
        if (m->has_ssrc && now_us - m->ssrc_us < SSRC_QUIET_US)
            return false;
        if (m->has_ssrc) {
            /* A new source begins with an empty buffer and a fresh decoder. */
            audio_source_restart(&m->source);
            m->source.jitter.has_sequence = false;
            m->digit.has_last = false;
        }
        m->ssrc = ssrc;
        m->has_ssrc = true;
    }
    m->ssrc_us = now_us;
    return true;
}

static enum audio_verdict put_event(struct audio_member *m, const struct audio_packet *p,
                                    uint64_t now_us)
{
    struct audio_event event = {.kind = AUDIO_EVENT_DIGIT, .member = m, .user = m->user};
    enum audio_digit_news news;
    struct audio_digit ended;
    bool is_begun = m->digit.is_pressed;

    if (!audio_digit_packet(&m->digit, p->payload, p->length, p->timestamp, now_us, &news, &ended))
        return AUDIO_PACKET_MALFORMED;
    /* Another key before this one's end came: its end is told now. */
    if (ended.has_last) {
        event.digit = audio_digit_to_char(ended.event);
        event.duration_ms = audio_digit_ms(&ended, m->config.event_clock);
        audio_push_event(m->room, &event);
        is_begun = false;
    }
    event.digit = audio_digit_to_char(m->digit.event);
    event.duration_ms = 0;
    if (news != AUDIO_DIGIT_NOTHING && !is_begun) {
        event.kind = AUDIO_EVENT_DIGIT_BEGIN;
        audio_push_event(m->room, &event);
    }
    if (news == AUDIO_DIGIT_ENDED) {
        event.kind = AUDIO_EVENT_DIGIT;
        event.duration_ms = audio_digit_ms(&m->digit, m->config.event_clock);
        audio_push_event(m->room, &event);
    }
    return AUDIO_PACKET_EVENT;
}

static enum audio_verdict put_audio(struct audio_member *m, enum audio_codec codec,
                                    const struct audio_packet *p, uint64_t now_us)
{
    struct audio_jitter_input in = {.payload = p->payload,
                                    .length = p->length,
                                    .timestamp = p->timestamp,
                                    .clock = audio_codec_clock(codec),
                                    .codec = codec};

    /* Lengths are checked by the codec: no units, no packet. */
    in.units = audio_payload_units(codec, p->payload, p->length);
    if (in.units == 0)
        return AUDIO_PACKET_MALFORMED;
    return audio_source_put(&m->source, &in, now_us);
}

static enum audio_verdict put(struct audio_member *m, const struct audio_packet *p, uint64_t now_us)
{
    enum audio_codec codec = find_codec(m, p->payload_type);
    bool is_event = p->payload_type == m->config.event_payload_type;
    /* Comfort noise is heard as silence: our own noise is better than theirs. */
    bool is_noise = codec == AUDIO_CODEC_NONE && p->payload_type == PT_COMFORT_NOISE;

    if (codec == AUDIO_CODEC_NONE && !is_event && !is_noise)
        return AUDIO_PACKET_WRONG_TYPE;
    if (p->length > AUDIO_PAYLOAD_MAX)
        return AUDIO_PACKET_MALFORMED;
    if (!is_our_source(m, p->ssrc, now_us))
        return AUDIO_PACKET_WRONG_SSRC;
    /* Sequence numbers run over all payload types of a stream: events count too. */
    if (!audio_jitter_note_sequence(&m->source.jitter, p->sequence))
        return AUDIO_PACKET_DUPLICATE;
    if (is_event)
        return put_event(m, p, now_us);
    return is_noise ? AUDIO_PACKET_COMFORT_NOISE : put_audio(m, codec, p, now_us);
}

enum audio_verdict audio_member_packet(struct audio_member *member,
                                       const struct audio_packet *packet, uint64_t now_us)
{
    enum audio_verdict verdict = put(member, packet, now_us);

    /* Each verdict is a statistic of the member. */
    member->verdicts[verdict]++;
    return verdict;
}

/* --- Out ------------------------------------------------------------------------------------ */

static const int16_t *common_mix(struct audio_room *r, unsigned rate)
{
    /* Made when the first asks for it: with nobody silent it is never made. */
    if (!r->has_common[rate])
        audio_mix_finish(r->common[rate], r->sum[rate], NULL, audio_rate_samples(rate));
    r->has_common[rate] = true;
    return r->common[rate];
}

static bool is_common_silent(const struct audio_room *r)
{
    return r->talkers == 0 && r->play.now == NULL;
}

static size_t encode_shared(struct audio_member *m, uint8_t *payload)
{
    struct audio_room *r = m->room;
    struct audio_shared *s = r->shared[m->config.tx_codec];

    /* The first listener of the tick encodes, all others copy. */
    if (s->tick != r->tick) {
        s->length =
            audio_encode(s->encoder, common_mix(r, m->tx_rate), audio_rate_samples(m->tx_rate),
                         is_common_silent(r), s->payload, sizeof(s->payload));
        s->tick = r->tick;
    }
    memcpy(payload, s->payload, s->length);
    return s->length;
}

static void add_own_announcement(struct audio_member *m, int16_t *pcm)
{
    struct audio_room *r = m->room;
    /* By a resampler of the announcement's own: its history must not mix with the voice's. */
    int16_t whole[AUDIO_FRAME_48K] = {0}, part[AUDIO_FRAME_48K];
    struct audio_resampler *to = m->play.to[m->tx_rate];

    if (m->tx_rate == r->rate) {
        audio_mix_add_16(pcm, m->play.now, m->play.now_samples);
    } else if (to != NULL) {
        memcpy(whole, m->play.now, m->play.now_samples * sizeof(*whole));
        audio_resample(to, whole, audio_rate_samples(r->rate), part,
                       audio_rate_samples(m->tx_rate));
        audio_mix_add_16(pcm, part, audio_rate_samples(m->tx_rate));
    }
}

/* What it hears alone: all but itself, or its own announcement too, or nothing. */
static size_t encode_own(struct audio_member *m, uint8_t *payload, size_t capacity, bool *is_silent)
{
    struct audio_room *r = m->room;
    size_t n = audio_rate_samples(m->tx_rate);
    const int16_t *mine = m->heard[m->tx_rate], *pcm = r->scratch;
    struct audio_encoder *e = m->encoder;

    /* Talkers == (mine != NULL): only itself is heard, which it does not hear. */
    *is_silent = m->config.is_deaf || (r->talkers == (mine != NULL) && r->play.now == NULL);
    if (*is_silent)
        memset(r->scratch, 0, n * sizeof(*r->scratch));
    else if (mine != NULL)
        audio_mix_finish(r->scratch, r->sum[m->tx_rate], mine, n);
    else
        memcpy(r->scratch, common_mix(r, m->tx_rate), n * sizeof(*r->scratch));
    if (m->play.now != NULL && !m->config.is_deaf) {
        add_own_announcement(m, r->scratch);
        *is_silent = false;
    }
    if (e == NULL) /* a codec without a memory: any encoder will do */
        e = r->shared[m->config.tx_codec]->encoder;
    m->encodings++;
    /* The encoder's memory goes on even for silence: no click at the next word. */
    return audio_encode(e, pcm, n, *is_silent, payload, capacity);
}

/* Collects frames of 20 ms until there are enough for the member's ptime. */
static size_t hold_back(struct audio_member *m, uint8_t *payload, size_t length)
{
    size_t wanted = m->config.ptime_ms / 20 * length;

    /* Cannot be at valid sizes: a codec change in between. */
    if (m->held + length > sizeof(m->hold))
        m->held = 0;
    memcpy(m->hold + m->held, payload, length);
    m->held += length;
    if (m->held < wanted)
        return 0;
    length = m->held;
    m->held = 0;
    memcpy(payload, m->hold, length);
    return length;
}

bool audio_member_frame(struct audio_member *member, uint8_t *payload, size_t capacity,
                        struct audio_frame *frame)
{
    struct audio_member *m = member;
    struct audio_room *r = m->room;
    enum audio_codec codec = m->config.tx_codec;
    uint64_t ticks = r->tick - m->encoded_tick;
    bool is_silent;
    size_t length;

    /* ticks == 0: fetched already in this tick. */
    if (codec == AUDIO_CODEC_NONE || capacity < AUDIO_FRAME_MAX || ticks == 0)
        return false;
    m->encoded_tick = r->tick;
    /* The timestamp counts ticks, whether they were fetched or not: a pause is a jump of the
     * clock. */
    m->step += (uint32_t)(ticks * (audio_codec_clock(codec) / TICKS_A_SECOND));
    is_silent = is_common_silent(r);
    if (m->is_apart || audio_member_is_alone(m))
        length = encode_own(m, payload, capacity, &is_silent);
    else
        length = encode_shared(m, payload);
    if (m->config.ptime_ms > 20)
        length = hold_back(m, payload, length);
    if (length == 0)
        return false;
    *frame = (struct audio_frame){.length = length,
                                  .timestamp_step = m->step,
                                  .payload_type = m->config.tx_payload_type,
                                  .marker = m->is_marked,
                                  .is_silent = is_silent};
    m->step = 0;
    m->is_marked = false;
    return true;
}

void audio_member_get_stats(const struct audio_member *member, struct audio_member_stats *stats)
{
    const struct audio_source *s = &member->source;

    *stats = (struct audio_member_stats){
        .lost = (uint64_t)s->jitter.lost,
        .concealed_ms = s->concealed_us / 1000,
        .skipped_ms = s->skipped_us / 1000,
        .talk_ms = member->talk_ticks * (AUDIO_TICK_US / 1000),
        .encodings = member->encodings,
        .events_dropped = member->room->events_dropped,
        .jitter_ms = (unsigned)((s->jitter.transit_max_us - s->jitter.transit_min_us) / 1000),
        .delay_ms = s->margin_us > 0 ? (unsigned)(s->margin_us / 1000) : 0,
        .level_dbov = (int)member->voice.level,
        .is_speaking = member->voice.is_speaking,
        .is_mixed = member->voice.is_mixed,
    };
    memcpy(stats->packets, member->verdicts, sizeof(stats->packets));
}
