/* The 20 ms: what everybody says, who is chosen, the sums. */
#include "audio/room_priv.h"

#include <math.h>
#include <string.h>

/* Below this (an amplitude of 16) a line counts as silent: A-law has no better silence than -72. */
#define SILENT_DB   (-66.0F)
#define ALIKE_TICKS 40 /* encoders that got the same for so long are as good as equal */

bool audio_room_needs(const struct audio_room *room, unsigned rate)
{
    /* A rate that nobody listens to is not mixed. */
    return room->listeners[rate] > 0 || (room->tap.fn != NULL && rate == room->rate);
}

/* --- What a member says --------------------------------------------------------------------- */

static void push_digit(struct audio_member *m, enum audio_event_kind kind,
                       const struct audio_digit *d)
{
    audio_push_event(
        m->room, &(struct audio_event){.kind = kind,
                                       .member = m,
                                       .user = m->user,
                                       .digit = audio_digit_to_char(d->event),
                                       .duration_ms = audio_digit_ms(d, m->config.event_clock)});
}

/* A member that sends nothing costs a few comparisons. */
static bool is_at_rest(const struct audio_member *m)
{
    /* Everything decayed: until something comes it stays as it is. */
    return m->frame == NULL && m->voice.score <= AUDIO_LEVEL_SILENT && m->voice.hang == 0;
}

static void listen(struct audio_member *m, uint64_t now_us)
{
    /* has_begun: its first frame after silence needs no fade from the gain of before. */
    m->has_begun = m->frame != NULL;
    m->frame = audio_source_pull(&m->source, now_us);
    if (audio_digit_expire(&m->digit, now_us))
        push_digit(m, AUDIO_EVENT_DIGIT, &m->digit);
    /* The key's tone may be in the audio as well: nobody shall hear it, or take it for a second
     * press. */
    if (m->digit.is_pressed)
        m->frame = NULL;
    memset(m->heard, 0, sizeof(m->heard));
    if (is_at_rest(m)) {
        m->voice.is_mixed = false;
        m->voice.level = AUDIO_LEVEL_SILENT;
        return;
    }
    audio_voice_tick(&m->voice, m->frame, m->source.rate / 50);
    /* The source leaves something out where nobody speaks (source.c). */
    m->source.was_quiet = !m->voice.is_loud;
    m->talk_ticks += m->voice.is_speaking;
    /* Silent lines do not even enter the sum. */
    if (m->voice.level < SILENT_DB)
        m->frame = NULL;
    if (m->frame == NULL || m->config.is_muted) {
        m->voice.is_mixed = false;
        m->voice.hold = 0;
    }
}

/* --- The mix -------------------------------------------------------------------------------- */

static const int16_t *convert(struct audio_member *m, const int16_t *pcm, unsigned from,
                              unsigned to)
{
    if (from == to)
        return pcm;
    /* Not used in the tick before: what it remembers is from another time. */
    if (m->converted[to] + 1 != m->room->tick)
        audio_resampler_reset(m->convert[from][to]);
    m->converted[to] = m->room->tick;
    audio_resample(m->convert[from][to], pcm, audio_rate_samples(from), m->pcm[to],
                   audio_rate_samples(to));
    return m->pcm[to];
}

/* The gain that the member should have now, its automatic part included. */
static int32_t wanted_gain(const struct audio_member *m)
{
    float gain = (float)m->gain_wanted;

    /* No automatic gain: the configured one. */
    if (!m->room->config.has_agc)
        return m->gain_wanted;
    gain *= powf(10.0F, m->voice.agc / 20.0F);
    return gain < AUDIO_GAIN_MAX ? (int32_t)gain : AUDIO_GAIN_MAX;
}

/* The frame with its gain. Who comes in is brought up within 5 ms and who goes fades for a whole
 * tick: the beginning of a word matters more than its end. */
static const int16_t *amplify(struct audio_member *m, unsigned rate)
{
    size_t n = audio_rate_samples(rate);
    int32_t to = m->voice.is_mixed ? wanted_gain(m) : 0;
    /* Coming out of silence: no ramp from a gain that belonged to something else. */
    int32_t from = m->has_begun ? m->gain_now : to;

    m->gain_now = to;
    if (from == 0 && to == 0)
        return NULL;
    if (from == AUDIO_GAIN_ONE && to == AUDIO_GAIN_ONE)
        return m->frame;
    /* A quarter tick in, a whole tick out. */
    audio_mix_gain(m->pcm[rate], m->frame, n, from, to, from == 0 ? n / 4 : n);
    return m->pcm[rate];
}

static void add_to_mix(struct audio_member *m)
{
    struct audio_room *r = m->room;
    unsigned from;
    const int16_t *pcm;

    if (m->frame == NULL)
        return;
    from = audio_rate_index(m->source.rate);
    pcm = amplify(m, from);
    if (pcm == NULL)
        return;
    r->talkers++;
    for (unsigned to = 0; to <= r->rate; to++) {
        /* Only rates that somebody hears. */
        if (!audio_room_needs(r, to))
            continue;
        m->heard[to] = convert(m, pcm, from, to);
        audio_mix_add(r->sum[to], m->heard[to], audio_rate_samples(to));
    }
}

static void add_announcement(struct audio_room *r)
{
    if (!audio_play_tick(r, NULL, &r->play))
        return;
    for (unsigned to = 0; to <= r->rate; to++) {
        size_t n = audio_rate_samples(to);

        if (!audio_room_needs(r, to))
            continue;
        if (to == r->rate) {
            audio_mix_add(r->sum[to], r->play.now, r->play.now_samples);
        } else if (r->play.to[to] != NULL) {
            memset(r->scratch, 0, audio_rate_samples(r->rate) * sizeof(*r->scratch));
            memcpy(r->scratch, r->play.now, r->play.now_samples * sizeof(*r->scratch));
            /* common[] is not in use before the first frame is asked for. */
            audio_resample(r->play.to[to], r->scratch, audio_rate_samples(r->rate), r->common[to],
                           n);
            audio_mix_add(r->sum[to], r->common[to], n);
        }
    }
}

static size_t list_candidates(struct audio_room *r)
{
    /* Muted members are not chosen: a muted loud one would keep a place from others. */
    size_t n = 0;

    for (size_t i = 0; i < r->count; i++) {
        struct audio_member *m = r->members[i];

        if (m->frame != NULL && !m->config.is_muted)
            r->candidates[n++] = (struct audio_candidate){m, &m->voice};
    }
    return n;
}

static void choose(struct audio_room *r)
{
    size_t n = list_candidates(r);
    struct audio_event event = {.kind = AUDIO_EVENT_SPEAKER};

    audio_choose_loudest(r->candidates, n, r->config.loudest);
    /* The speaker is a matter of events and video; the sum does not depend on it. */
    if (!audio_choose_speaker(&r->speaker, r->candidates, n))
        return;
    event.member = r->speaker.member;
    event.user = event.member->user;
    audio_push_event(r, &event);
}

/* --- Taps ----------------------------------------------------------------------------------- */

static void tap_member(struct audio_member *m)
{
    struct audio_room *r = m->room;
    size_t n = audio_rate_samples(r->rate);
    unsigned from = audio_rate_index(m->source.rate);
    const int16_t *pcm = m->frame;

    if (m->tap.fn == NULL)
        return;
    if (pcm == NULL) {
        m->tap.fn(m->tap.user, m, NULL, n);
        return;
    }
    /* By a resampler of its own: that of the mix has pauses and fades in it. */
    if (from != r->rate && m->tap.from[from] != NULL) {
        audio_resample(m->tap.from[from], pcm, audio_rate_samples(from), r->scratch, n);
        pcm = r->scratch;
    }
    audio_mix_gain(r->common[r->rate], pcm, n, m->gain_wanted, m->gain_wanted, 0);
    m->tap.fn(m->tap.user, m, r->common[r->rate], n);
}

static void tap_room(struct audio_room *r)
{
    size_t n = audio_rate_samples(r->rate);

    if (r->tap.fn == NULL)
        return;
    /* NULL for silence: the writer fills in zeros without a copy. */
    if (r->talkers == 0 && r->play.now == NULL) {
        r->tap.fn(r->tap.user, NULL, NULL, n);
        return;
    }
    audio_mix_finish(r->common[r->rate], r->sum[r->rate], NULL, n);
    r->has_common[r->rate] = true;
    r->tap.fn(r->tap.user, NULL, r->common[r->rate], n);
}

/* --- Encoders ------------------------------------------------------------------------------- */

bool audio_member_is_alone(const struct audio_member *m)
{
    /* Its own voice is in the sum, or something that only it may hear. */
    return m->heard[m->tx_rate] != NULL || m->play.now != NULL || m->config.is_deaf;
}

/* Which encoder a member with a codec that has a memory hears by. Leaving the shared one it takes a
 * copy of its state, and the listener's decoder notices nothing. Coming back, the two have seen
 * different signals: it goes on with its own until they have become equal (both codecs forget), or
 * for 400 ms. This is done before anything of this tick is encoded: all states are of the tick
 * before. */
static void choose_encoder(struct audio_member *m)
{
    struct audio_shared *s;

    if (m->encoder == NULL)
        return;
    s = m->room->shared[m->config.tx_codec];
    if (audio_member_is_alone(m)) {
        if (!m->is_apart)
            audio_encoder_copy(m->encoder, s->encoder);
        m->is_apart = true;
        m->alike = 0;
        return;
    }
    if (!m->is_apart)
        return;
    /* Nobody used the shared one in the tick before: its memory is as old as that. */
    if (s->tick + 1 < m->room->tick) { /* nobody used it: it may go on from here */
        audio_encoder_copy(s->encoder, m->encoder);
        s->tick = m->room->tick - 1;
        m->is_apart = false;
    } else if (m->alike++ >= ALIKE_TICKS || audio_encoder_is_equal(m->encoder, s->encoder)) {
        m->is_apart = false;
    }
}

void audio_room_tick(struct audio_room *room, uint64_t now_us)
{
    room->tick++;
    /* Counted anew each tick: who talks decides whether the common mix is silent. */
    room->talkers = 0;
    for (size_t i = 0; i < room->count; i++)
        listen(room->members[i], now_us);
    /* Before the sums: who is not chosen fades out within this very tick. */
    choose(room);
    for (unsigned i = 0; i <= room->rate; i++) {
        room->has_common[i] = false;
        if (audio_room_needs(room, i))
            memset(room->sum[i], 0, audio_rate_samples(i) * sizeof(*room->sum[i]));
    }
    /* The sums are clear now; announcements come first and are for all. */
    add_announcement(room);
    for (size_t i = 0; i < room->count; i++) {
        struct audio_member *m = room->members[i];

        add_to_mix(m);
        tap_member(m);
        audio_play_tick(room, m, &m->play);
    }
    tap_room(room);
    /* After all frames are known and before any is fetched. */
    for (size_t i = 0; i < room->count; i++)
        choose_encoder(room->members[i]);
}
