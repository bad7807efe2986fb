/* The packet path of mixes: what members say into their room, every 20 ms what they hear out. */
#include <string.h>

#include "dpdk-app/media.h"
#include "dpdk-app/mix.h"
#include "dpdk-app/report.h"
#include "dpdk-app/route.h"
#include "dpdk-app/wire.h"

#define STATS_TICKS 50u /* a member's statistics are shown once in so many */

/* ---- in ---- */

static void take(struct worker *worker, struct packet *p, uint64_t now_us)
{
    struct transport *t = worker_transport(worker, p->transport, 0);
    struct mix_member *member = t->member;
    unsigned header = media_header_size(p->data);
    /* pad lies within the packet: media_check_padding has looked. */
    unsigned pad =
        p->data[0] & 0x20 ? p->data[p->length - 1] : 0; /* it fits: media_check_padding */
    struct audio_packet packet = {.payload = p->data + header,
                                  .length = p->length - header - pad,
                                  .sequence = p->sequence,
                                  .timestamp = p->timestamp,
                                  .ssrc = p->ssrc,
                                  .payload_type = p->payload_type,
                                  .marker = (p->data[1] & 0x80) != 0};
    /* Late packets are still a stream that lives: counted, not refused. */
    enum audio_verdict verdict = audio_member_packet(member->audio, &packet, now_us);

    link_stat_add(&t->stats->mix_in, 1);
    link_stat_add(&member->mix->stats->packets_in, 1);
    switch (verdict) {
    case AUDIO_PACKET_KEPT:
    case AUDIO_PACKET_EVENT:
    case AUDIO_PACKET_RESYNC:
    case AUDIO_PACKET_COMFORT_NOISE:
        break;
    case AUDIO_PACKET_LATE:
        link_stat_add(&t->stats->mix_late, 1);
        worker_count(worker, LINK_COUNTER_mix_late, 1);
        break;
    default:
        link_stat_add(&t->stats->mix_refused, 1);
        worker_count(worker, LINK_COUNTER_mix_refused, 1);
    }
}

void mix_take(struct worker *worker, struct packet **p, unsigned n)
{
    uint64_t now_us = report_now_us(worker);

    for (unsigned i = 0; i < n; i++) {
        /* Decoding copies: the buffer may go at once. */
        take(worker, p[i], now_us);
        worker_release(worker, p[i]);
    }
    worker_count(worker, LINK_COUNTER_mix_in, n);
    worker_empty_trash(worker);
}

/* ---- out ---- */

static bool is_ready(const struct transport *t)
{
    /* As with reports: no keys, no remote, no packet. The room mixes on meanwhile. */
    return t->remote_family != 0 && (t->mode != LINK_MODE_DTLS_SRTP || t->tx_key != NULL);
}

/* An RTP packet of the member's frame, for the stages of sending. */
static void make_packet(struct worker *worker, struct mix_member *member,
                        const struct audio_frame *frame, struct packet *p)
{
    const struct transport *t = member->t;

    /* After a pause the timestamps go on by the clock, as with another source. A new order makes
     * translate.c set numbers and timestamps on anew. */
    if (!member->is_flowing)
        member->order = route_next_order(worker);
    member->is_flowing = true;
    member->timestamp += frame->timestamp_step;
    p->data[0] = 0x80;
    p->data[1] = (uint8_t)(frame->payload_type | (frame->marker ? 0x80 : 0));
    wire_put16(p->data + 2, ++member->sequence);
    wire_put32(p->data + 4, member->timestamp);
    wire_put32(p->data + 8, member->config.ssrc);
    packet_resize(p, (uint16_t)(RTP_SIZE + frame->length));
    p->kind = PACKET_RTP;
    /* As a row of a list: so it takes the same way as any copy, with translation, keys and
     * counters. */
    p->bits = PACKET_ROW | PACKET_TRANSLATE;
    p->transport = p->from = t->index;
    p->generation = t->generation;
    p->ssrc = member->config.ssrc;
    p->sequence = member->sequence;
    p->timestamp = member->timestamp;
    p->payload_type = frame->payload_type;
    p->order = member->order;
    p->clock = member->clock;
    p->summed = 0;
}

/* One member's frame of this tick. False: it has none, or cannot be sent one. */
static bool fill(struct worker *worker, struct mix_member *member, struct packet *p)
{
    struct audio_frame frame;

    if (!is_ready(member->t)) {
        member->is_flowing = false;
        return false;
    }
    /* The encoder writes right behind the header: no copy of a frame. */
    if (p->tail < RTP_SIZE + AUDIO_FRAME_MAX ||
        !audio_member_frame(member->audio, p->data + RTP_SIZE, p->tail - RTP_SIZE, &frame))
        return false;
    make_packet(worker, member, &frame, p);
    link_stat_add(&member->t->stats->mix_out, 1);
    return true;
}

static unsigned send_burst(struct worker *worker, struct mix *mix)
{
    struct packet *p[PACKET_BURST];
    struct burst burst = {.n = 0};
    unsigned n = mix->count - worker->mixing_at, used = 0;

    n = n < PACKET_BURST ? n : PACKET_BURST;
    /* None at all rather than some: who gets a frame must not depend on the place in the array. */
    if (n > 0 && !worker->io->alloc_many(worker->io, p, n)) {
        worker_count(worker, LINK_COUNTER_no_buffer, n);
        for (unsigned i = 0; i < n; i++)
            link_stat_add(&mix->member[worker->mixing_at + i]->t->stats->mix_out_lost, 1);
        worker->mixing_at += n;
        return 0;
    }
    for (unsigned i = 0; i < n; i++) {
        struct mix_member *member = mix->member[worker->mixing_at++];

        /* tx_codec NONE: hears, but is not sent to (a listener by another way). */
        if (member->config.tx_codec != LINK_CODEC_NONE && fill(worker, member, p[used]))
            burst.p[burst.n++] = p[used++];
    }
    for (unsigned i = used; i < n; i++)
        worker_release(worker, p[i]);
    worker_count(worker, LINK_COUNTER_mix_out, used);
    link_stat_add(&mix->stats->packets_out, used);
    if (burst.n > 0)
        worker_send_media(worker, &burst);
    worker_empty_trash(worker);
    return used;
}

/* ---- events and statistics ---- */

void mix_event(struct worker *worker, const struct mix *mix, unsigned type,
               const struct mix_member *member, const struct link_mix_event *more)
{
    struct link_msg *up = &worker->up;

    memset(up, 0, offsetof(struct link_msg, u) + sizeof(up->u.mix_event));
    if (more != NULL)
        up->u.mix_event = *more;
    up->type = (uint16_t)type;
    up->transport = mix->id.index;
    up->generation = mix->id.generation;
    up->u.mix_event.time_ms = worker->now_ms;
    if (member != NULL)
        up->u.mix_event.member = (struct link_id){member->t->index, member->t->generation};
    if (!link_worker_send(worker->link, mix->config.producer, up))
        worker_count(worker, LINK_COUNTER_events_full, 1);
}

static void tell_event(struct worker *worker, struct mix *mix, const struct audio_event *event)
{
    struct mix_member *member = event->user;
    struct link_mix_event more;

    switch (event->kind) {
    case AUDIO_EVENT_SPEAKER:
        link_stat_add(&mix->stats->speakers, 1);
        mix_event(worker, mix, LINK_MIX_SPEAKER, member, NULL);
        break;
    case AUDIO_EVENT_DIGIT:
        memset(&more, 0, sizeof(more));
        more.digit = event->digit;
        more.duration_ms = event->duration_ms;
        worker_count(worker, LINK_COUNTER_mix_digits, 1);
        if (member != NULL)
            link_stat_add(&member->t->stats->mix_digits, 1);
        mix_event(worker, mix, LINK_MIX_DIGIT, member, &more);
        break;
    case AUDIO_EVENT_PLAYED:
        mix_played(worker, mix, event->member != NULL ? member : NULL);
        break;
    default:
        break;
    }
}

static void show_member(const struct mix_member *member)
{
    struct link_transport_stats *stats = member->t->stats;
    struct audio_member_stats s;

    audio_member_get_stats(member->audio, &s);
    link_stat_set(&stats->mix_concealed, s.concealed_ms / 20);
    link_stat_set(&stats->mix_delay_ms, s.delay_ms);
    link_stat_set(&stats->mix_talk_ms, s.talk_ms);
    link_stat_set(&stats->mix_level, s.level_dbov > AUDIO_LEVEL_SILENT
                                         ? (uint64_t)(s.level_dbov < 0 ? -s.level_dbov : 0)
                                         /* 127: the scale of RFC 6464, which ends there. */
                                         : 127);
}

/* Some members a tick, each once a second. */
static void show_members(struct mix *mix)
{
    unsigned n = (mix->count + STATS_TICKS - 1) / STATS_TICKS;

    for (unsigned i = 0; i < n; i++)
        /* Each member about once a second, spread over the ticks: statistics of hundreds at once
         * would be a jolt. */
        show_member(mix->member[mix->shown++ % mix->count]);
}

/* All frames of the tick are out. */
static void end_tick(struct worker *worker, struct mix *mix)
{
    struct audio_event event;

    worker->mixing = NULL;
    /* After the frames: an event may remove a member, and the array was being walked. */
    while (audio_room_next_event(mix->room, &event))
        tell_event(worker, mix, &event);
    if (mix->count > 0)
        show_members(mix);
}

/* ---- time ---- */

void mix_enqueue(struct worker *worker, struct mix *mix)
{
    struct list *at = worker->due.prev;

    /* As all rooms have the same period this is the end but for new ones and those that lost
     * ticks. */
    while (at != &worker->due && LIST_ENTRY(at, struct mix, due)->due_us > mix->due_us)
        at = at->prev;
    list_insert_after(at, &mix->due);
}

static void tick(struct worker *worker, struct mix *mix, uint64_t now_us)
{
    /* Late by more than a few ticks (a debugger, an overcommitted host): time that is lost stays
     * lost. Making it all up at once would only make all rooms late. */
    uint64_t late = now_us - mix->due_us, lost = 0;

    if (late > MIX_CATCH_UP * (uint64_t)AUDIO_TICK_US) {
        lost = late / AUDIO_TICK_US;
        mix->due_us += lost * AUDIO_TICK_US;
        link_stat_add(&mix->stats->ticks_lost, lost);
        worker_count(worker, LINK_COUNTER_mix_ticks_lost, lost);
    }
    if (late > AUDIO_TICK_US / 2) {
        link_stat_add(&mix->stats->ticks_late, 1);
        worker_count(worker, LINK_COUNTER_mix_ticks_late, 1);
    }
    link_stat_add(&mix->stats->ticks, 1);
    worker_count(worker, LINK_COUNTER_mix_ticks, 1);
    audio_room_tick(mix->room, mix->due_us);
    /* By the schedule, not by now: a late tick must not shift the ones to come. */
    mix->due_us += AUDIO_TICK_US;
    list_remove(&mix->due);
    mix_enqueue(worker, mix);
    worker->mixing = mix;
    worker->mixing_at = 0;
}

static struct mix *first_due(const struct worker *worker)
{
    struct list *first = list_first(&worker->due);

    return first != NULL ? LIST_ENTRY(first, struct mix, due) : NULL;
}

unsigned mix_run(struct worker *worker)
{
    /* One burst a call: a room of hundreds must not hold relayed media up for milliseconds. */
    struct mix *mix = worker->mixing;
    unsigned n;

    if (mix == NULL) {
        uint64_t now_us;

        mix = first_due(worker);
        if (mix == NULL)
            return 0;
        now_us = report_now_us(worker);
        if (mix->due_us > now_us)
            return 0;
        tick(worker, mix, now_us);
    }
    n = send_burst(worker, mix);
    if (worker->mixing_at >= mix->count)
        end_tick(worker, mix);
    return n + 1;
}

/* Whoever changes the members finishes the tick first. */
void mix_finish(struct worker *worker, const struct mix *mix)
{
    while (worker->mixing == mix)
        mix_run(worker);
}

unsigned mix_wait_us(const struct worker *worker, unsigned limit)
{
    const struct mix *mix = first_due(worker);
    uint64_t now_us;

    if (mix == NULL)
        return limit;
    now_us = report_now_us(worker);
    if (mix->due_us <= now_us)
        return 0;
    return mix->due_us - now_us < limit ? (unsigned)(mix->due_us - now_us) : limit;
}
