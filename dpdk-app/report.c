/* RTCP of our own and what peers report (RFC 3550 §6): when to send, what is in it, what passes on
 * to others. A reporter for each transport that signalling wants reports on. */
#include "dpdk-app/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dpdk-app/media.h"
#include "dpdk-app/route.h"

#define SENDERS_MAX TRANSPORT_STREAMS /* streams that a transport can send */
/* RFC 3550 6.3.1: the interval is drawn from half to one and a half of T, divided by e - 3/2, which
 * makes up for what timer reconsideration would add in large groups. */
#define COMPENSATION_PER_MILLE 1218u

/* ---- when ---- */

static void start_timer(struct reporter *r, uint32_t interval_ms)
{
    uint64_t half = interval_ms / 2;
    uint64_t spread = interval_ms != 0 ? worker_random(r->worker) % interval_ms : 0;

    timer_start(&r->worker->timers, &r->timer,
                r->worker->now_ms + (half + spread) * 1000 / COMPENSATION_PER_MILLE);
}

static void send_report(struct worker *worker, struct transport *t, bool is_leaving);

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct reporter *r = ctx;

    (void)timer;
    (void)now;
    /* By timer and not by packets: whoever only listens must report as well. */
    send_report(r->worker, r->t, false);
    worker_empty_trash(r->worker);
    start_timer(r, r->worker->plane->report_ms);
}

/* ---- life ---- */

/* The same for all transports of a session, so that its streams belong together (6.5.1), and
 * nothing that a peer could recognise us by elsewhere (RFC 7022). */
static void make_cname(const struct worker *worker, const struct transport *t,
                       char cname[RTCP_CNAME_SIZE])
{
    static const char digit[] = "0123456789abcdef";
    uint64_t hash = worker->plane->cname_secret;

    /* Keyed by a secret of this process: session names are guessable, and peers of two calls must
     * not be able to compare. */
    for (size_t i = 0; i < sizeof(t->session); i++)
        hash = (hash ^ (uint8_t)t->session[i]) * 0x100000001b3u;
    if (t->session[0] == 0)
        hash = (hash ^ t->index ^ (uint64_t)t->generation << 32) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
    for (unsigned i = 0; i < RTCP_CNAME_SIZE; i++)
        cname[i] = digit[hash >> (4 * i) & 15];
}

int report_open(struct worker *worker, struct transport *t)
{
    struct reporter *r;

    if (!(t->flags & LINK_FLAG_REPORTS) || t->mode == LINK_MODE_RTCP)
        return 0; /* that one's reports are its pair's */
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->worker = worker;
    r->t = t;
    r->ssrc = worker_random(worker);
    make_cname(worker, t, r->cname);
    timer_init(&r->timer, on_timer, r);
    t->reporter = r;
    if (worker->plane->report_ms != 0)
        start_timer(r, worker->plane->report_ms / 2); /* 6.2: the first comes sooner */
    return 0;
}

void report_close(struct worker *worker, struct transport *t)
{
    if (t->reporter == NULL)
        return;
    timer_cancel(&worker->timers, &t->reporter->timer);
    free(t->reporter);
    t->reporter = NULL;
}

/* ---- packets of ours ---- */

static bool is_ready(const struct transport *t)
{
    return t->remote_family != 0 && (t->mode != LINK_MODE_DTLS_SRTP || t->tx_key != NULL);
}

bool report_begin(struct worker *worker, struct transport *t, struct report_out *out)
{
    unsigned room;

    out->p = is_ready(t) ? worker->io->alloc(worker->io) : NULL;
    if (out->p == NULL) {
        worker_count(worker, LINK_COUNTER_rtcp_failed, 1);
        return false;
    }
    /* Room for the tag is left out of t->room; the index word is not. 512 before the header is
     * built: below every path's MTU. */
    room = t->header.size != 0 && t->room < out->p->tail ? t->room : 512;
    out->w =
        (struct rtcp_writer){.data = out->p->data, .room = (room - SRTP_RTCP_OVERHEAD_MAX) & ~3u};
    return true;
}

void report_send(struct worker *worker, struct transport *t, struct report_out *out)
{
    struct burst burst;
    struct packet *p = out->p;

    packet_resize(p, (uint16_t)out->w.length);
    p->kind = PACKET_RTCP;
    p->bits = 0;
    p->summed = 0;
    p->transport = t->index;
    p->generation = t->generation;
    p->ssrc = wire_get32(p->data + 4);
    burst.p[0] = p;
    burst.n = 1;
    worker_send_media(worker, &burst);
}

/* ---- what is in a report ---- */

/* RFC 3550 A.3; false: nothing came since the last report (6.4: no block then). */
static bool make_block(struct worker *worker, const struct stream *s, uint64_t now_us,
                       struct rtcp_block *block)
{
    struct stream_report *r = report_of(worker, s);
    uint32_t expected = s->highest - s->base + 1, interval, got;
    int32_t lost;

    if (r->in.start != s->started) { /* the source began again: so do its counts */
        /* RFC 3550 §A.1: counts of a source that restarted begin anew. */
        r->in.start = s->started;
        r->in.expected = r->in.received = 0;
    }
    interval = expected - r->in.expected;
    got = s->received - r->in.received;
    if (got == 0)
        return false;
    r->in.expected = expected;
    r->in.received = s->received;
    /* Duplicates make it negative: no loss then (§A.3). */
    lost = (int32_t)(interval - got);
    *block = (struct rtcp_block){
        .ssrc = s->ssrc,
        .fraction = (uint8_t)(lost > 0 ? ((uint64_t)(uint32_t)lost << 8) / interval : 0),
        .lost = (int32_t)(expected - s->received),
        .highest = s->highest - 0x10000u, /* kept with one cycle more, see struct stream */
        .jitter = s->jitter >> 4,
        .lsr = r->in.lsr};
    /* lsr 0 and dlsr 0: no SR came yet (§6.4.1). */
    if (r->in.lsr_us != 0)
        block->dlsr = (uint32_t)(((now_us - r->in.lsr_us) << 16) / 1000000u);
    return true;
}

static unsigned make_blocks(struct worker *worker, struct transport *t, uint64_t now_us,
                            struct rtcp_block *block)
{
    unsigned n = 0;

    for (unsigned i = 0; i < TRANSPORT_STREAMS && t->rx[i].stream != 0; i++) {
        const struct stream *s = &worker->stream[t->rx[i].stream];

        /* Slots are filled from the front: the first empty one ends the walk. */
        if (s->started && make_block(worker, s, now_us, &block[n]))
            n++;
    }
    return n;
}

/* The receiver's clock now: by the source's own report on it if there is a fresh one (streams of
 * one source can be played in step then), else by the packet sent last. */
static uint32_t clock_of(const struct worker *worker, const struct stream *s,
                         const struct stream_report *r, uint64_t now_us)
{
    uint64_t since = now_us - r->out.map_us;

    /* The map is of one source and one order: after a switch it belongs to another clock. */
    if (r->out.map_us != 0 && r->out.map_order == s->out.order &&
        r->out.map_source == s->out.source && since < REPORT_MAP_MS * 1000ull)
        return r->out.map_rtp + packet_ticks(since, s->clock) / 1000;
    return s->out.timestamp + packet_ticks((uint32_t)worker->now_ms - s->out.sent_ms, s->clock);
}

/* Those of our streams that were sent since the last report but one (6.3.8). Only translated ones:
 * what passes unchanged has its own sender's reports. */
static unsigned make_senders(struct worker *worker, struct transport *t, uint64_t now_us,
                             struct rtcp_sender *sender)
{
    /* Two intervals by the RFC; three with the drawn length of ours. */
    uint32_t limit = 3 * worker->plane->report_ms;
    unsigned n = 0;

    for (unsigned i = 0; i < TRANSPORT_STREAMS && t->tx[i].stream != 0; i++) {
        const struct stream *s = &worker->stream[t->tx[i].stream];
        struct stream_report *r = report_of(worker, s);

        if (!s->started || s->out.packets == 0 || (uint32_t)worker->now_ms - s->out.sent_ms > limit)
            continue;
        sender[n] = (struct rtcp_sender){.ssrc = s->ssrc,
                                         .ntp = report_ntp(worker, now_us),
                                         .rtp = clock_of(worker, s, r, now_us),
                                         .packets = s->out.packets,
                                         .octets = s->out.octets};
        /* The last two: a peer's report may cross our newest. */
        r->out.sr[1] = r->out.sr[0];
        r->out.sr[0] = rtcp_ntp_middle(sender[n++].ntp);
    }
    return n;
}

static void put_report(struct reporter *r, struct rtcp_writer *w, const struct rtcp_sender *sender,
                       unsigned senders, const struct rtcp_block *block, unsigned blocks,
                       bool is_leaving)
{
    uint32_t ssrc[SENDERS_MAX + 1];
    unsigned n = 0;

    /* One compound packet for all that we are (RFC 8108 5.3.1); the blocks need to be said once. At
     * least one SSRC of ours must speak, or the blocks would have no author. */
    if (senders == 0) {
        rtcp_put_rr(w, r->ssrc, block, blocks);
        ssrc[n++] = r->ssrc;
    }
    for (unsigned i = 0; i < senders; i++) {
        rtcp_put_sr(w, &sender[i], block, i == 0 ? blocks : 0);
        ssrc[n++] = sender[i].ssrc;
    }
    rtcp_put_sdes(w, ssrc, n, r->cname);
    /* RFC 3550 §6.6: BYE comes last in the compound. */
    if (is_leaving)
        rtcp_put_bye(w, ssrc, n);
}

static void send_report(struct worker *worker, struct transport *t, bool is_leaving)
{
    struct rtcp_sender sender[SENDERS_MAX];
    struct rtcp_block block[TRANSPORT_STREAMS];
    struct report_out out;
    uint64_t now_us = report_now_us(worker);
    unsigned senders, blocks;

    if (!is_ready(t))
        return; /* no failure: keys and remote come when signalling has them */
    senders = make_senders(worker, t, now_us, sender);
    blocks = make_blocks(worker, t, now_us, block);
    /* Nothing was said before media came, and nothing needs to be. */
    if (senders + blocks == 0 && !t->reporter->is_begun)
        return;
    if (!report_begin(worker, t, &out))
        return;
    t->reporter->is_begun = true;
    put_report(t->reporter, &out.w, sender, senders, block, blocks, is_leaving);
    worker_count(worker, LINK_COUNTER_rtcp_reports, 1);
    link_stat_add(&t->stats->reports_out, 1);
    report_send(worker, t, &out);
}

void report_leave(struct worker *worker, struct transport *t)
{
    if (t->reporter != NULL && t->reporter->is_begun)
        send_report(worker, t, true);
}

/* ---- what the peer reports ---- */

/* All that the peer last said of what we send, in the transport's statistics. */
static void show_peer(struct worker *worker, struct transport *t)
{
    uint32_t jitter = 0, fraction = 0;
    int64_t lost = 0;

    for (unsigned i = 0; i < TRANSPORT_STREAMS && t->tx[i].stream != 0; i++) {
        const struct stream_report *r = &worker->report[t->tx[i].stream];

        lost += r->out.peer_lost;
        jitter = r->out.peer_jitter > jitter ? r->out.peer_jitter : jitter;
        /* The worst of the streams, as the one that people hear. */
        fraction = r->out.peer_fraction > fraction ? r->out.peer_fraction : fraction;
    }
    link_stat_set(&t->stats->peer_lost, lost > 0 ? (uint64_t)lost : 0);
    link_stat_set(&t->stats->peer_fraction, fraction);
    link_stat_set(&t->stats->peer_jitter, jitter);
}

static void take_block(struct worker *worker, struct transport *t, const struct rtcp_block *block,
                       uint64_t now_us)
{
    const struct stream *s = report_stream(worker, t->tx, block->ssrc);
    struct stream_report *r;

    if (s == NULL)
        return;
    r = report_of(worker, s);
    r->out.peer_lost = block->lost;
    r->out.peer_fraction = block->fraction;
    r->out.peer_jitter = block->jitter;
    /* An SR of ours; that of a source whose stream passes unchanged is of another clock. Compared
     * with what we sent: otherwise a source's clock would give a round trip of hours. */
    if (block->lsr != 0 && (block->lsr == r->out.sr[0] || block->lsr == r->out.sr[1]))
        link_stat_set(
            &t->stats->rtt_us,
            rtcp_round_trip(rtcp_ntp_middle(report_ntp(worker, now_us)), block->lsr, block->dlsr));
}

static void take_blocks(struct worker *worker, struct transport *t,
                        const struct rtcp_packet *packet)
{
    uint64_t now_us = report_now_us(worker);
    struct rtcp_block block;

    for (unsigned i = 0; rtcp_read_block(packet, i, &block); i++)
        take_block(worker, t, &block, now_us);
    link_stat_add(&t->stats->reports_in, 1);
    show_peer(worker, t);
}

/* The source told what its clock shows: so do the receivers' clocks that are made from it. */
static void map_clocks(struct worker *worker, const struct transport *t,
                       const struct rtcp_sender *sender, uint64_t now_us)
{
    for (uint32_t i = 0; t->fan != NULL && i < t->fan->count; i++) {
        const struct receiver *row = &t->fan->row[i];
        struct transport *to = worker_transport(worker, row->to, row->generation);
        const struct stream *s;
        struct stream_report *r;

        /* ssrc_out 0: unchanged, the source's own reports pass on (pass_on). */
        if (row->ssrc_out == 0 || to == NULL)
            continue;
        s = report_stream(worker, to->tx, row->ssrc_out);
        if (s == NULL || !s->started || s->out.order != row->order || s->out.source != sender->ssrc)
            continue;
        r = report_of(worker, s);
        r->out.map_source = s->out.source;
        r->out.map_order = s->out.order;
        /* The same difference that packets get: so its reports and its packets stay on one
         * clock. */
        r->out.map_rtp = sender->rtp + s->out.add_timestamp;
        r->out.map_us = now_us;
    }
}

static void take_sender(struct worker *worker, struct transport *t,
                        const struct rtcp_packet *packet)
{
    uint64_t now_us = report_now_us(worker);
    struct rtcp_sender sender;
    const struct stream *s;

    if (!rtcp_read_sender(packet, &sender))
        return;
    map_clocks(worker, t, &sender, now_us);
    s = report_stream(worker, t->rx, sender.ssrc);
    if (s == NULL)
        return;
    report_of(worker, s)->in.lsr = rtcp_ntp_middle(sender.ntp);
    report_of(worker, s)->in.lsr_us = now_us;
}

/* ---- what passes on ---- */

/* A stream that receivers get unchanged keeps its sender's reports, names and end; blocks and
 * feedback are about others. Returns bytes written, 0: nothing for them. */
static size_t filter(const struct packet *p, uint8_t *out, size_t room)
{
    struct rtcp_writer w = {.data = out, .room = room};
    struct rtcp_packet packet;
    struct rtcp_sender sender;
    bool is_wanted = false;
    size_t at = 0;

    while (rtcp_next(p->data, p->length, &at, &packet)) {
        if (rtcp_read_sender(&packet, &sender)) {
            rtcp_put_sr(&w, &sender, NULL, 0);
            is_wanted = true;
        } else if (w.length == 0) {
            rtcp_put_rr(&w, p->ssrc, NULL, 0); /* 6.1: a compound packet begins with a report */
        }
        /* Padding, if any, is part of the last packet's length on the wire: leave such out. */
        if ((packet.type == RTCP_SDES || packet.type == RTCP_BYE) && !(packet.data[0] & 0x20))
            rtcp_put_copy(&w, packet.data, packet.length);
        is_wanted = is_wanted || packet.type == RTCP_BYE;
    }
    return is_wanted ? w.length : 0;
}

/* A receiver that has several rows with the same transport gets the report once. */
static bool is_first_row(const struct fan *fan, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (fan->row[i].ssrc_out == 0 && fan->row[i].to == fan->row[at].to)
            return false;
    return true;
}

static void pass_on(struct worker *worker, struct transport *t, const struct packet *p)
{
    uint8_t data[1024];
    size_t length = t->fan != NULL ? filter(p, data, sizeof(data)) : 0;

    for (uint32_t i = 0; length > 0 && i < t->fan->count; i++) {
        const struct receiver *row = &t->fan->row[i];
        struct transport *to = worker_transport(worker, row->to, row->generation);
        struct report_out out;

        /* Translated ones get senders' reports of our own making (make_senders). */
        if (row->ssrc_out != 0 || (row->ssrc_in != 0 && row->ssrc_in != p->ssrc) || to == NULL ||
            !is_first_row(t->fan, i) || !report_begin(worker, to, &out))
            continue;
        /* Already filtered: what is copied names only the source itself. */
        rtcp_put_copy(&out.w, data, length);
        if (out.w.is_full)
            worker_drop(worker, out.p, LINK_COUNTER_mtu_exceeded);
        else
            report_send(worker, to, &out);
        worker_empty_trash(worker);
    }
}

/* ---- what comes ---- */

static void take_one(struct worker *worker, struct transport *t, const struct rtcp_packet *packet)
{
    switch (packet->type) {
    case RTCP_SR:
        take_sender(worker, t, packet);
        take_blocks(worker, t, packet);
        break;
    case RTCP_RR:
        take_blocks(worker, t, packet);
        break;
    case RTCP_RTPFB:
    case RTCP_PSFB:
        feedback_take(worker, t, packet);
        break;
    case RTCP_SDES: /* we name the participants of a translated stream */
    case RTCP_BYE:  /* its receivers' stream goes on with the next source */
        break;
    default:
        worker_count(worker, LINK_COUNTER_rtcp_unserved, 1);
    }
}

static struct transport *media_transport(struct worker *worker, struct transport *t)
{
    /* Reports for plain RTP arrive at the RTCP half and mean the other. */
    if (t->mode != LINK_MODE_RTCP)
        return t;
    return t->pair != 0 ? worker_transport(worker, t->pair - 1, 0) : NULL;
}

static void take(struct worker *worker, const struct packet *p, struct transport *t)
{
    struct rtcp_packet packet;
    size_t at = 0;

    /* RFC 3550 §8.2: a collision; ours changes, as theirs may have been in use first. */
    if (p->ssrc == t->reporter->ssrc) { /* 8.2: it was there with that number, we are not */
        t->reporter->ssrc = worker_random(worker);
        worker_count(worker, LINK_COUNTER_rtcp_collisions, 1);
    }
    worker_count(worker, LINK_COUNTER_rtcp_taken, 1);
    while (rtcp_next(p->data, p->length, &at, &packet))
        take_one(worker, t, &packet);
    pass_on(worker, t, p);
}

void report_take(struct worker *worker, struct packet **p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct transport *t = worker_transport(worker, p[i]->transport, 0);
        struct transport *media = media_transport(worker, t);

        /* Neither reports nor a route: counted as any packet that has nowhere to go. */
        if (media == NULL || media->reporter == NULL) {
            link_stat_add(&t->stats->drop_route, 1);
            worker_count(worker, LINK_COUNTER_no_route, 1);
        } else {
            take(worker, p[i], media);
        }
        worker_release(worker, p[i]);
        worker_empty_trash(worker);
    }
}

void report_want_keyframe(struct worker *worker, uint32_t from, uint32_t ssrc)
{
    /* Many receivers switch to one source in the same burst: one request is enough. Behind the
     * burst, not in it: asking sends a packet of its own. */
    for (unsigned i = 0; i < worker->ask_n; i++)
        if (worker->ask[i].from == from && worker->ask[i].ssrc == ssrc)
            return;
    /* Beyond that the decoders ask themselves. */
    if (worker->ask_n < WORKER_ASKS)
        worker->ask[worker->ask_n++] = (struct report_ask){from, ssrc};
}

void report_run(struct worker *worker)
{
    for (unsigned i = 0; i < worker->ask_n; i++)
        feedback_ask(worker, worker->ask[i].from, worker->ask[i].ssrc);
    worker->ask_n = 0;
    if (timer_set_next(&worker->timers) <= worker->now_ms)
        timer_set_run(&worker->timers, worker->now_ms);
}
