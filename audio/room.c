/* Rooms and members: memory, configuration, the parts of a change that may fail before the parts
 * that may not. Everything is taken at join: a tick allocates nothing. */
#include "audio/room_priv.h"

#include "base/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GAIN_DB 20
#define MIN_GAIN_DB (-40)
#define PT_MAX      127

static const unsigned rates[AUDIO_RATES] = {8000, 16000, 48000};

unsigned audio_rate_of(unsigned index)
{
    return rates[index];
}

unsigned audio_rate_index(unsigned rate)
{
    unsigned i = 0;

    while (i < AUDIO_RATES && rates[i] != rate)
        i++;
    return i;
}

size_t audio_rate_samples(unsigned index)
{
    return rates[index] / 50;
}

static void *take_from_library(void *user, size_t bytes)
{
    void *memory = aligned_alloc(64, audio_align(bytes));

    (void)user;
    return memory != NULL ? memset(memory, 0, bytes) : NULL;
}

static void release_to_library(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(memory);
}

void *audio_take(const struct audio_room *room, size_t bytes)
{
    return room->config.memory.take(room->config.memory.user, bytes);
}

void audio_release(const struct audio_room *room, void *memory, size_t bytes)
{
    if (memory != NULL)
        room->config.memory.release(room->config.memory.user, memory, bytes);
}

/* --- Rooms ---------------------------------------------------------------------------------- */

/* Both memory functions or none: half a pair would free with the wrong one. */
static bool is_room_config(const struct audio_room_config *c)
{
    return audio_rate_index(c->rate) < AUDIO_RATES && c->max_members >= 1 &&
           c->max_members <= AUDIO_MEMBERS_MAX &&
           (c->memory.take == NULL) == (c->memory.release == NULL);
}

/* Bytes behind the struct: lists of members, sums and mixes of each rate. */
static size_t room_extra(const struct audio_room_config *c)
{
    size_t bytes = audio_align(c->max_members * sizeof(struct audio_member *)) +
                   audio_align(c->max_members * sizeof(struct audio_candidate)) +
                   audio_align(c->rate / 50 * sizeof(int16_t));

    for (unsigned i = 0; i < AUDIO_RATES && rates[i] <= c->rate; i++)
        bytes += audio_align(audio_rate_samples(i) * sizeof(int32_t)) +
                 audio_align(audio_rate_samples(i) * sizeof(int16_t));
    return bytes;
}

size_t audio_room_size(const struct audio_room_config *config)
{
    size_t bytes;

    if (!is_room_config(config))
        return 0;
    bytes = audio_align(sizeof(struct audio_room)) + room_extra(config);
    /* As if every codec were in use: the caller reserves for the worst. */
    for (unsigned c = 1; c < AUDIO_CODECS; c++)
        bytes += audio_align(sizeof(struct audio_shared)) + audio_encoder_size((enum audio_codec)c);
    return bytes;
}

static void lay_out(struct audio_room *r)
{
    char *at = (char *)r + audio_align(sizeof(*r));
    const struct audio_room_config *c = &r->config;

    r->members = (void *)at;
    at += audio_align(c->max_members * sizeof(struct audio_member *));
    r->candidates = (void *)at;
    at += audio_align(c->max_members * sizeof(struct audio_candidate));
    r->scratch = (void *)at;
    at += audio_align(c->rate / 50 * sizeof(int16_t));
    for (unsigned i = 0; i <= r->rate; i++) {
        r->sum[i] = (void *)at;
        at += audio_align(audio_rate_samples(i) * sizeof(int32_t));
        /* common[] is what all hear who say nothing: one for each rate. */
        r->common[i] = (void *)at;
        at += audio_align(audio_rate_samples(i) * sizeof(int16_t));
    }
}

int audio_room_create(const struct audio_room_config *config, struct audio_room **room)
{
    struct audio_room_config c = *config;
    struct audio_room *r;
    size_t bytes;

    if (!is_room_config(config))
        return ERR_INVAL;
    if (c.memory.take == NULL)
        c.memory = (struct audio_memory){take_from_library, release_to_library, NULL};
    bytes = audio_align(sizeof(*r)) + room_extra(&c);
    r = c.memory.take(c.memory.user, bytes);
    if (r == NULL)
        return ERR_NOMEM;
    r->config = c;
    r->bytes = bytes;
    r->rate = (uint8_t)audio_rate_index(c.rate);
    lay_out(r);
    *room = r;
    return 0;
}

void audio_room_destroy(struct audio_room *room)
{
    if (room == NULL)
        return;
    while (room->count > 0)
        audio_member_remove(room->members[room->count - 1]);
    audio_play_end(&room->play);
    audio_tap_end(&room->tap);
    for (unsigned c = 0; c < AUDIO_CODECS; c++) {
        if (room->shared[c] == NULL)
            continue;
        audio_release(room, room->shared[c],
                      audio_align(sizeof(struct audio_shared)) +
                          audio_encoder_size((enum audio_codec)c));
    }
    audio_release(room, room, room->bytes);
}

/* The encoder of all who hear the same by this codec. */
static int make_shared(struct audio_room *room, enum audio_codec codec)
{
    struct audio_shared *s;

    /* Made at the first listener of the codec and kept: rooms have few codecs. */
    if (codec == AUDIO_CODEC_NONE || room->shared[codec] != NULL)
        return 0;
    s = audio_take(room, audio_align(sizeof(*s)) + audio_encoder_size(codec));
    if (s == NULL)
        return ERR_NOMEM;
    s->encoder = audio_encoder_init((char *)s + audio_align(sizeof(*s)), codec, room->config.rate);
    room->shared[codec] = s;
    return 0;
}

/* --- Members -------------------------------------------------------------------------------- */

static bool is_codec(enum audio_codec codec)
{
    return (unsigned)codec < AUDIO_CODECS;
}

static bool has_good_types(const struct audio_member_config *c)
{
    bool is_used[PT_MAX + 1] = {false};

    for (unsigned i = 0; i < AUDIO_RX_MAX && c->rx[i].codec != AUDIO_CODEC_NONE; i++) {
        uint8_t pt = c->rx[i].payload_type;

        if (!is_codec(c->rx[i].codec) || pt > PT_MAX || is_used[pt])
            return false;
        /* A payload type can mean one codec only. */
        is_used[pt] = true;
    }
    return c->event_payload_type == AUDIO_PT_NONE ||
           (c->event_payload_type <= PT_MAX && !is_used[c->event_payload_type]);
}

static bool is_member_config(const struct audio_member_config *c)
{
    unsigned ptime = c->ptime_ms == 0 ? 20 : c->ptime_ms;

    return has_good_types(c) && is_codec(c->tx_codec) &&
           (c->tx_codec == AUDIO_CODEC_NONE || c->tx_payload_type <= PT_MAX) &&
           /* Opus frames cannot be joined into one packet by copying; G.711 and G.722 can. */
           (ptime == 20 || ((ptime == 40 || ptime == 60) && c->tx_codec != AUDIO_CODEC_OPUS)) &&
           (c->event_clock == 0 || c->event_clock >= 8000) && c->gain_db >= MIN_GAIN_DB &&
           c->gain_db <= MAX_GAIN_DB && c->jitter_max_ms <= AUDIO_JITTER_MAX_MS &&
           c->jitter_min_ms <= (c->jitter_max_ms > 0 ? c->jitter_max_ms : AUDIO_JITTER_MAX_MS);
}

static unsigned codecs_of(const struct audio_member_config *c)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < AUDIO_RX_MAX && c->rx[i].codec != AUDIO_CODEC_NONE; i++)
        bits |= 1U << c->rx[i].codec;
    return bits;
}

/* The struct and a buffer of a tick for each rate of the room. */
static size_t member_bytes(unsigned room_rate)
{
    size_t bytes = audio_align(sizeof(struct audio_member));

    for (unsigned i = 0; i < AUDIO_RATES && rates[i] <= room_rate; i++)
        bytes += audio_align(audio_rate_samples(i) * sizeof(int16_t));
    return bytes;
}

/* G.711 has no memory: whoever encodes gives the same octets. */
static size_t own_encoder_bytes(enum audio_codec codec)
{
    return audio_encoder_has_state(codec) ? audio_encoder_size(codec) : 0;
}

size_t audio_member_size(const struct audio_room_config *room,
                         const struct audio_member_config *config)
{
    if (!is_room_config(room) || !is_member_config(config))
        return 0;
    return member_bytes(room->rate) + audio_source_size(codecs_of(config), room->rate) +
           own_encoder_bytes(config->tx_codec);
}

/* What the room counts for each member. */
static void enlist(struct audio_member *m, int by)
{
    if (m->config.tx_codec == AUDIO_CODEC_NONE)
        return;
    m->tx_rate =
        /* as many listeners as the room must mix for at each rate */
        (uint8_t)audio_rate_index(audio_encoder_rate(m->config.tx_codec, m->room->config.rate));
    m->room->listeners[m->tx_rate] += (unsigned)by;
}

/* Resamplers from each rate that the codecs have to each other rate of the room. */
static int make_resamplers(struct audio_member *m, unsigned codecs)
{
    for (unsigned c = 1; c < AUDIO_CODECS; c++) {
        unsigned from =
            audio_rate_index(audio_encoder_rate((enum audio_codec)c, m->room->config.rate));

        for (unsigned to = 0; codecs >> c & 1 && to <= m->room->rate; to++)
            /* Made once and kept: a codec change back must not fail for memory. */
            if (to != from && m->convert[from][to] == NULL &&
                audio_resampler_create(rates[from], rates[to], &m->convert[from][to]) != 0)
                return ERR_NOMEM;
    }
    return 0;
}

static void free_resamplers(struct audio_member *m)
{
    for (unsigned from = 0; from < AUDIO_RATES; from++)
        for (unsigned to = 0; to < AUDIO_RATES; to++)
            audio_resampler_destroy(m->convert[from][to]);
}

/* Memory for codecs that the member had not: the only part of a change that can fail. */
static int prepare(struct audio_member *m, const struct audio_member_config *c, void **source,
                   void **encoder)
{
    /* Old codecs stay: their payload types may come for a while after a change. */
    unsigned codecs = codecs_of(c) | m->codecs;
    unsigned rate = m->room->config.rate;

    *source = *encoder = NULL;
    if (make_shared(m->room, c->tx_codec) != 0 || make_resamplers(m, codecs) != 0)
        return ERR_NOMEM;
    if (codecs != m->codecs || m->source_memory == NULL) {
        *source = audio_take(m->room, audio_source_size(codecs, rate));
        if (*source == NULL)
            return ERR_NOMEM;
    }
    if (c->tx_codec != m->config.tx_codec && own_encoder_bytes(c->tx_codec) > 0) {
        *encoder = audio_take(m->room, own_encoder_bytes(c->tx_codec));
        if (*encoder == NULL) {
            /* Undone here, so that a refused change leaves the member as it was. */
            audio_release(m->room, *source, audio_source_size(codecs, rate));
            return ERR_NOMEM;
        }
    }
    return 0;
}

static void use_source(struct audio_member *m, void *memory, unsigned codecs)
{
    audio_release(m->room, m->source_memory, m->source_bytes);
    m->source_memory = memory;
    m->source_bytes = audio_source_size(codecs, m->room->config.rate);
    m->codecs = codecs;
    audio_source_init(&m->source, memory, codecs, m->room->config.rate);
}

/* Another codec to hear by begins a stream of its own: with the state that all others are in. */
static void use_tx_codec(struct audio_member *m, enum audio_codec codec, void *memory)
{
    audio_release(m->room, m->encoder, m->encoder_bytes);
    m->encoder = NULL;
    m->encoder_bytes = own_encoder_bytes(codec);
    if (memory != NULL)
        m->encoder = audio_encoder_init(memory, codec, m->room->config.rate);
    /* Another codec begins with a marker: the receiver's jitter buffer may reset. */
    m->is_apart = false;
    m->is_marked = true;
    m->held = 0;
}

static void apply(struct audio_member *m, const struct audio_member_config *c, void *source,
                  void *encoder)
{
    unsigned max_ms = c->jitter_max_ms > 0 ? c->jitter_max_ms : AUDIO_JITTER_MAX_MS;
    uint8_t old_rate = m->tx_rate;

    if (source != NULL)
        use_source(m, source, codecs_of(c) | m->codecs);
    /* Counted out and in again, since the rate that it listens at may change. */
    enlist(m, -1);
    if (c->tx_codec != m->config.tx_codec)
        use_tx_codec(m, c->tx_codec, encoder);
    if (c->tx_payload_type != m->config.tx_payload_type)
        m->is_marked = true;
    m->config = *c;
    if (c->ptime_ms == 0)
        m->config.ptime_ms = 20;
    /* Joined frames that were collected for another ptime are thrown away: 40 ms at a
     * reconfiguration. */
    m->held = m->config.ptime_ms == 20 ? 0 : m->held;
    enlist(m, 1);
    if (m->tx_rate != old_rate)
        audio_play_fit(m);
    /* Gain in fixed point: the tick multiplies integers. */
    m->gain_wanted = (int32_t)lrintf(AUDIO_GAIN_ONE * powf(10.0F, (float)c->gain_db / 20.0F));
    audio_jitter_set_bounds(&m->source.jitter, c->jitter_min_ms, max_ms);
}

int audio_member_add(struct audio_room *room, const struct audio_member_config *config, void *user,
                     struct audio_member **member)
{
    size_t bytes = member_bytes(room->config.rate);
    void *source, *encoder;
    struct audio_member *m;
    char *at;
    int rc;

    if (!is_member_config(config))
        return ERR_INVAL;
    if (room->count == room->config.max_members)
        return ERR_LIMIT;
    m = audio_take(room, bytes);
    if (m == NULL)
        return ERR_NOMEM;
    m->room = room;
    m->user = user;
    m->bytes = bytes;
    rc = prepare(m, config, &source, &encoder);
    if (rc != 0) {
        free_resamplers(m);
        audio_release(room, m, bytes);
        return rc;
    }
    at = (char *)m + audio_align(sizeof(*m));
    for (unsigned i = 0; i <= room->rate; i++) {
        m->pcm[i] = (void *)at;
        at += audio_align(audio_rate_samples(i) * sizeof(int16_t));
    }
    audio_voice_init(&m->voice);
    apply(m, config, source, encoder);
    m->is_marked = true;
    m->encoded_tick = room->tick;
    m->index = room->count;
    room->members[room->count++] = m;
    *member = m;
    return 0;
}

int audio_member_set(struct audio_member *member, const struct audio_member_config *config)
{
    void *source, *encoder;
    int rc;

    if (!is_member_config(config))
        return ERR_INVAL;
    rc = prepare(member, config, &source, &encoder);
    if (rc == 0)
        apply(member, config, source, encoder);
    return rc;
}

void audio_member_remove(struct audio_member *member)
{
    struct audio_room *room = member->room;

    /* Events that name a member who is gone would be dangling pointers. */
    audio_drop_events(room, member);
    if (room->speaker.member == member) {
        /* The room has no speaker now: say so, or the layout would keep showing it. */
        memset(&room->speaker, 0, sizeof(room->speaker));
        audio_push_event(room, &(struct audio_event){.kind = AUDIO_EVENT_SPEAKER});
    }
    enlist(member, -1);
    audio_play_end(&member->play);
    audio_tap_end(&member->tap);
    free_resamplers(member);
    /* The last one takes the place: order means nothing. */
    room->members[member->index] = room->members[--room->count];
    room->members[member->index]->index = member->index;
    audio_release(room, member->source_memory, member->source_bytes);
    audio_release(room, member->encoder, member->encoder_bytes);
    audio_release(room, member, member->bytes);
}
