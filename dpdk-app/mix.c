/* Mixes of a worker: rooms (audio/), their members, and the commands of control about them. A mix
 * and all its members live on one worker, hence no lock. */
#include "dpdk-app/mix.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dpdk-app/report.h"
#include "dpdk-app/route.h"

#define SWEEP_MIXES 16u /* looked at in one sweep for orphans */
/* Phases of rooms one after the other: the golden section of a tick, which keeps any number of them
 * apart as far as can be. */
#define PHASE_US 12361u

_Static_assert((int)LINK_CODEC_NONE == (int)AUDIO_CODEC_NONE &&
                   (int)LINK_CODEC_PCMU == (int)AUDIO_CODEC_PCMU &&
                   (int)LINK_CODEC_PCMA == (int)AUDIO_CODEC_PCMA &&
                   (int)LINK_CODEC_G722 == (int)AUDIO_CODEC_G722 &&
                   (int)LINK_CODEC_OPUS == (int)AUDIO_CODEC_OPUS,
               "the link's codecs are those of audio/");

/* ---- life ---- */

int mix_init(struct worker *worker)
{
    uint32_t n = worker->plane->mixes;

    list_init(&worker->due);
    list_init(&worker->files);
    worker->lane = writer_lane(worker->plane->writer, worker->number);
    if (n == 0)
        return 0;
    worker->mix = calloc(n, sizeof(struct mix *));
    worker->free_mix = calloc(n, sizeof(*worker->free_mix));
    if (worker->mix == NULL || worker->free_mix == NULL)
        return ERR_NOMEM;
    /* A stack of free places; the first places are on top. */
    for (uint32_t i = 0; i < n; i++)
        worker->free_mix[i] = n - 1 - i; /* the first places are given out first */
    worker->free_mixes = n;
    return 0;
}

static void show(struct worker *worker, const struct mix *mix)
{
    struct link_mix_info info;

    memset(&info, 0, sizeof(info));
    info.id = mix->id;
    info.rate = mix->config.rate;
    info.members_max = mix->config.members_max;
    info.loudest = mix->config.loudest;
    info.producer = mix->config.producer;
    info.claimed = mix->epoch == link_worker_epoch(worker->link);
    info.opened_ms = mix->opened_ms;
    memcpy(info.conference, mix->config.conference, sizeof(info.conference));
    link_worker_show_mix(worker->link, mix->id.index & 0xffffffu, &info);
}

void mix_show_all(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->plane->mixes; i++)
        if (worker->mix[i] != NULL)
            show(worker, worker->mix[i]);
}

/* Everything in it may be missing: also used for a mix that was made in part. */
static void free_mix(struct mix *mix)
{
    audio_room_destroy(mix->room);
    free(mix->member);
    free(mix);
}

static int make_mix(struct worker *worker, const struct link_mix_open *open, struct mix **out)
{
    struct audio_room_config config = {
        .rate = open->rate, .loudest = open->loudest, .max_members = open->members_max};
    struct mix *mix = calloc(1, sizeof(*mix));
    int err = mix == NULL ? ERR_NOMEM : audio_room_create(&config, &mix->room);

    if (err == 0) {
        mix->member = calloc(open->members_max, sizeof(struct mix_member *));
        err = mix->member == NULL ? ERR_NOMEM : 0;
    }
    if (err != 0) {
        if (mix != NULL)
            free_mix(mix);
        return err;
    }
    mix->worker = worker;
    /* The text is the link's: it need not end. */
    mix->config = *open;
    mix->config.conference[LINK_TAG_SIZE - 1] = '\0';
    list_init(&mix->due);
    *out = mix;
    return 0;
}

static int do_open(struct worker *worker, const struct link_mix_open *open, struct link_id *id)
{
    struct mix *mix;
    uint32_t place;
    int err;

    /* A room without places would be a timer for nobody. */
    if (open->producer >= LINK_PRODUCERS_MAX || open->members_max == 0)
        return ERR_INVAL;
    if (worker->free_mixes == 0)
        return ERR_LIMIT;
    err = make_mix(worker, open, &mix);
    if (err != 0)
        return err;
    place = worker->free_mix[--worker->free_mixes];
    worker->mix[place] = mix;
    if (++worker->mix_generation == 0)
        worker->mix_generation = 1;
    mix->id = (struct link_id){worker->number << 24 | place, worker->mix_generation};
    mix->epoch = link_worker_epoch(worker->link);
    mix->opened_ms = worker->now_ms;
    mix->stats = link_worker_mix_stats(worker->link, place);
    for (size_t i = 0; i < sizeof(*mix->stats) / sizeof(uint64_t); i++)
        link_stat_set((uint64_t *)mix->stats + i, 0);
    /* Rooms tick every 20 ms. Opened in one burst they would all tick in the same millisecond, with
     * nothing to do in the other nineteen. */
    mix->due_us = report_now_us(worker) + place * (uint64_t)PHASE_US % AUDIO_TICK_US;
    mix_enqueue(worker, mix);
    worker_count(worker, LINK_COUNTER_mixes, 1);
    show(worker, mix);
    *id = mix->id;
    return 0;
}

static void remove_member(struct worker *worker, struct mix_member *member)
{
    struct mix *mix = member->mix;

    /* A tick that is being sent out walks the array of members: it must be complete before one
     * goes. */
    mix_finish(worker, mix);
    mix_end_play(worker, mix, member, "the session has left");
    mix_end_record(worker, mix, member);
    member->t->member = NULL;
    member->t->bits &= (uint8_t)~TRANSPORT_MIX;
    /* The last one takes its place. Order matters to nobody, but place must be told. */
    mix->member[member->place] = mix->member[--mix->count];
    mix->member[member->place]->place = member->place;
    link_stat_set(&mix->stats->members, mix->count);
    worker_count(worker, LINK_COUNTER_mix_members, (uint64_t)-1);
    /* After the room has let go of it: taps and announcements name it. */
    if (member->audio != NULL)
        audio_member_remove(member->audio);
    free(member);
}

static void close_mix(struct worker *worker, struct mix *mix)
{
    uint32_t place = mix->id.index & 0xffffffu;

    while (mix->count > 0)
        remove_member(worker, mix->member[mix->count - 1]);
    mix_end_play(worker, mix, NULL, "the mix has closed");
    mix_end_record(worker, mix, NULL);
    /* mix_finish above has ended the tick; a mix without members may still be marked. */
    if (worker->mixing == mix)
        worker->mixing = NULL;
    list_remove(&mix->due);
    link_worker_show_mix(worker->link, place, NULL);
    worker->mix[place] = NULL;
    worker->free_mix[worker->free_mixes++] = place;
    worker_count(worker, LINK_COUNTER_mixes, (uint64_t)-1);
    free_mix(mix);
}

void mix_fini(struct worker *worker)
{
    for (uint32_t i = 0; worker->mix != NULL && i < worker->plane->mixes; i++)
        /* Members first let go of their transports, which are wiped by then: mix_leave_all has done
         * that for open ones. */
        if (worker->mix[i] != NULL)
            close_mix(worker, worker->mix[i]);
    mix_forget_files(worker);
    free(worker->mix);
    free(worker->free_mix);
}

/* An event says so, then it is no more: as transports that nobody claims. */
void mix_sweep(struct worker *worker)
{
    const struct plane *plane = worker->plane;
    uint32_t epoch = worker->epoch_seen;

    /* A few each sweep, as with transports: a worker must not look at thousands in one turn. */
    for (unsigned i = 0; i < SWEEP_MIXES && i < plane->mixes; i++) {
        struct mix *mix = worker->mix[worker->sweep_mix++ % plane->mixes];

        if (mix == NULL || mix->epoch == epoch || plane->orphan_timeout_ms == 0 ||
            worker->now_ms - worker->epoch_ms < plane->orphan_timeout_ms)
            continue;
        mix_event(worker, mix, LINK_MIX_GONE, NULL, NULL);
        close_mix(worker, mix);
    }
}

/* ---- members ---- */

static int check_member(const struct link_mix_member *config)
{
    /* Gains beyond these are a typing error, not a wish: 20 dB over makes every noise a speaker. */
    if (config->ssrc == 0 || config->rx_count > LINK_CODECS_MAX || config->gain_db < -40 ||
        config->gain_db > 20 || config->jitter_min_ms > AUDIO_JITTER_MAX_MS ||
        config->jitter_max_ms > AUDIO_JITTER_MAX_MS ||
        (config->flags & ~(LINK_MEMBER_MUTED | LINK_MEMBER_DEAF)) != 0 ||
        (config->event > 127 && config->event != LINK_PT_ANY))
        return ERR_INVAL;
    for (unsigned i = 0; i < config->rx_count; i++) {
        if (config->rx[i].payload_type > 127)
            return ERR_INVAL;
        if (config->rx[i].codec == LINK_CODEC_NONE || config->rx[i].codec >= LINK_CODECS)
            return ERR_UNSUPPORTED;
    }
    if (config->tx_codec >= LINK_CODECS)
        return ERR_UNSUPPORTED;
    if (config->tx_codec == LINK_CODEC_NONE)
        return 0;
    if (config->tx_type > 127)
        return ERR_INVAL;
    /* Opus makes frames of 20 ms here; G.711 and G.722 can be packed two and three to a packet. */
    return config->ptime_ms == 20 || ((config->ptime_ms == 40 || config->ptime_ms == 60) &&
                                      config->tx_codec != LINK_CODEC_OPUS)
               ? 0
               : ERR_UNSUPPORTED;
}

static void fill_audio(const struct link_mix_member *from, struct audio_member_config *to)
{
    memset(to, 0, sizeof(*to));
    for (unsigned i = 0; i < from->rx_count; i++)
        to->rx[i] = (struct audio_payload_type){from->rx[i].payload_type,
                                                (enum audio_codec)from->rx[i].codec};
    to->event_payload_type = from->event == LINK_PT_ANY ? AUDIO_PT_NONE : from->event;
    to->event_clock = from->event_clock; /* audio/ refuses what is below 8000 */
    to->tx_codec = (enum audio_codec)from->tx_codec;
    to->tx_payload_type = from->tx_type;
    to->ptime_ms = from->ptime_ms;
    to->gain_db = from->gain_db;
    to->is_muted = (from->flags & LINK_MEMBER_MUTED) != 0;
    to->is_deaf = (from->flags & LINK_MEMBER_DEAF) != 0;
    to->jitter_min_ms = from->jitter_min_ms;
    to->jitter_max_ms = from->jitter_max_ms;
}

/* What the packet path needs of a configuration that audio/ has accepted. */
static void take_config(struct worker *worker, struct mix_member *member,
                        const struct link_mix_member *config)
{
    /* Same codec and SSRC: the stream that the peer hears goes on, whatever else has changed. */
    bool is_same = member->order != 0 && member->config.tx_codec == config->tx_codec &&
                   member->config.ssrc == config->ssrc;

    member->config = *config;
    member->types[0] = member->types[1] = 0;
    /* A bit for each payload type: the packet path asks "is it for the mix" with one test. */
    for (unsigned i = 0; i < config->rx_count; i++)
        member->types[config->rx[i].payload_type >> 6] |= 1ull << (config->rx[i].payload_type & 63);
    if (config->event != LINK_PT_ANY)
        member->types[config->event >> 6] |= 1ull << (config->event & 63);
    if (is_same)
        return;
    /* Another codec has another clock: the stream goes on by the time that passed. */
    member->clock = PACKET_CLOCK(audio_codec_clock((enum audio_codec)config->tx_codec));
    member->order = route_next_order(worker);
}

static int add_member(struct worker *worker, struct mix *mix, struct transport *t,
                      const struct link_mix_member *config, const struct audio_member_config *audio)
{
    struct mix_member *member;
    int err;

    /* RTCP has no audio; what passes unopened cannot be decoded. */
    if (t->mode != LINK_MODE_DTLS_SRTP && t->mode != LINK_MODE_RTP)
        return ERR_INVAL;
    if (mix->count >= mix->config.members_max)
        return ERR_LIMIT;
    member = calloc(1, sizeof(*member));
    if (member == NULL)
        return ERR_NOMEM;
    mix_finish(worker, mix); /* who comes in between has no frame of this tick */
    err = audio_member_add(mix->room, audio, member, &member->audio);
    if (err != 0) {
        free(member);
        return err;
    }
    member->mix = mix;
    member->t = t;
    /* RFC 3550 §5.1: both begin at random. The sequence in the lower half: what a member has to
     * miss before it has its keys must not make it guess the roll-over counter wrong (RFC 3711
     * §3.3.1). */
    member->sequence = (uint16_t)(worker_random(worker) & 0x7fffu);
    member->timestamp = worker_random(worker);
    member->place = mix->count;
    mix->member[mix->count++] = member;
    t->member = member;
    t->bits |= TRANSPORT_MIX;
    take_config(worker, member, config);
    link_stat_set(&mix->stats->members, mix->count);
    worker_count(worker, LINK_COUNTER_mix_members, 1);
    return 0;
}

static int do_join(struct worker *worker, struct mix *mix, const struct link_mix_member *config)
{
    struct audio_member_config audio;
    struct transport *t;
    int err = check_member(config);

    if (err != 0)
        return err;
    /* A room hears only members on its own worker: control places them so. */
    if (config->member.index >> 24 != worker->number)
        return ERR_RANGE;
    t = worker_transport(worker, config->member.index, config->member.generation);
    if (t == NULL || config->member.generation == 0)
        return ERR_NOTFOUND;
    fill_audio(config, &audio);
    if (t->member == NULL)
        return add_member(worker, mix, t, config, &audio);
    /* A member of another room would be heard twice. */
    if (t->member->mix != mix)
        return ERR_EXISTS;
    err = audio_member_set(t->member->audio, &audio);
    if (err == 0)
        take_config(worker, t->member, config);
    return err;
}

struct mix_member *mix_find_member(struct worker *worker, const struct mix *mix, struct link_id id)
{
    struct transport *t = worker_transport(worker, id.index, id.generation);

    return t != NULL && id.generation != 0 && t->member != NULL && t->member->mix == mix ? t->member
                                                                                         : NULL;
}

static int do_leave(struct worker *worker, struct mix *mix, const struct link_mix_target *target)
{
    struct mix_member *member = mix_find_member(worker, mix, target->member);

    if (member == NULL)
        return ERR_NOTFOUND;
    remove_member(worker, member);
    return 0;
}

void mix_leave_all(struct worker *worker, struct transport *t)
{
    mix_end_capture(worker, t);
    if (t->member != NULL)
        remove_member(worker, t->member);
}

/* ---- commands ---- */

static struct mix *find_mix(struct worker *worker, const struct link_msg *msg)
{
    uint32_t place = msg->transport & 0xffffffu;
    struct mix *mix;

    if (msg->transport >> 24 != worker->number || place >= worker->plane->mixes)
        return NULL;
    mix = worker->mix[place];
    /* The generation: a place is used again. */
    return mix != NULL && mix->id.generation == msg->generation ? mix : NULL;
}

static int do_claim(struct worker *worker, struct mix *mix, const struct link_claim *claim)
{
    if (claim->producer >= LINK_PRODUCERS_MAX)
        return ERR_INVAL;
    mix->config.producer = claim->producer;
    mix->epoch = link_worker_epoch(worker->link);
    show(worker, mix);
    return 0;
}

/* CLOSE also answers for members: they need no command of their own. */
int mix_command(struct worker *worker, unsigned producer, const struct link_msg *msg,
                struct link_id *id)
{
    struct mix *mix;

    if (msg->type == LINK_MIX_OPEN)
        return do_open(worker, &msg->u.mix, id);
    mix = find_mix(worker, msg);
    if (mix == NULL)
        return ERR_NOTFOUND;
    switch (msg->type) {
    case LINK_MIX_CLAIM:
        return do_claim(worker, mix, &msg->u.claim);
    case LINK_MIX_CLOSE:
        close_mix(worker, mix);
        return 0;
    case LINK_MIX_JOIN:
        return do_join(worker, mix, &msg->u.member);
    case LINK_MIX_LEAVE:
        return do_leave(worker, mix, &msg->u.target);
    case LINK_MIX_PLAY:
        return mix_play(worker, producer, mix, msg);
    case LINK_MIX_PLAY_STOP:
        return mix_stop_play(worker, mix, msg);
    case LINK_MIX_RECORD:
        return mix_record(worker, producer, mix, msg);
    case LINK_MIX_RECORD_STOP:
        return mix_stop_record(worker, mix, msg);
    default:
        return ERR_UNSUPPORTED;
    }
}
