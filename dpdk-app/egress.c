/* The way out: from "this packet goes to that transport" to frames at a device. Stages over a burst
 * (destination, protect, stamp), each a loop with one thing to do, so that the memory of the next
 * is fetched meanwhile. */
#include <string.h>

#include "dpdk-app/media.h"
#include "dpdk-app/mix.h"
#include "dpdk-app/report.h"
#include "dpdk-app/resolve.h"
#include "dpdk-app/translate.h"
#include "dpdk-app/worker.h"

void worker_emit(struct worker *worker, struct packet *p)
{
    unsigned device = p->device;
    struct io *io = worker->io;

    worker_count(worker, LINK_COUNTER_tx_bytes, p->length);
    worker->out[device][worker->out_n[device]++] = p;
    /* A burst a device: io->send costs the same for one packet as for thirty-two. */
    if (worker->out_n[device] == PACKET_BURST) {
        unsigned sent = io->send(io, device, worker->out[device], PACKET_BURST);

        worker_count(worker, LINK_COUNTER_tx_frames, sent);
        worker_count(worker, LINK_COUNTER_tx_dropped, PACKET_BURST - sent);
        worker->out_n[device] = 0;
    }
}

void worker_flush(struct worker *worker)
{
    struct io *io = worker->io;

    for (unsigned d = 0; d < worker->plane->locals.devices; d++) {
        unsigned sent;

        if (worker->out_n[d] == 0)
            continue;
        sent = io->send(io, d, worker->out[d], worker->out_n[d]);
        worker_count(worker, LINK_COUNTER_tx_frames, sent);
        worker_count(worker, LINK_COUNTER_tx_dropped, worker->out_n[d] - sent);
        worker->out_n[d] = 0;
    }
    /* Buffers of what was dropped wait here: freeing them in the middle of a stage costs cache
     * lines that the stage needs. */
    if (worker->trash_n > 0)
        io->release(io, worker->trash, worker->trash_n);
    worker->trash_n = 0;
    worker_mark(worker, WORKER_TRANSMIT);
}

void worker_empty_trash(struct worker *worker)
{
    /* Twice a burst fits the array; beyond that it would overflow in the next stage. */
    if (worker->trash_n <= 2 * PACKET_BURST)
        return;
    worker->io->release(worker->io, worker->trash, worker->trash_n);
    worker->trash_n = 0;
}

void worker_ask(struct worker *worker, int hop)
{
    struct plane *plane = worker->plane;
    struct packet *p;
    uint8_t ip[16];
    unsigned local;

    /* One asks for all: the turn limits it to one request in NEIGHBOUR_ASK_MS, whoever wants it. */
    if (!neighbour_take_turn(&plane->neighbours, hop, worker->now_ms) ||
        !neighbour_get(&plane->neighbours, hop, &local, ip))
        return;
    p = worker->io->alloc(worker->io);
    if (p == NULL) {
        worker_count(worker, LINK_COUNTER_no_buffer, 1);
        return;
    }
    worker_count(worker, LINK_COUNTER_neighbour_asked, 1);
    resolve_request(&plane->locals, local, ip, p);
    worker_emit(worker, p);
}

/* ---- headers ---- */

/* The neighbour changed since the headers were built, or they never were. */
static bool refresh_header(struct worker *worker, struct transport *t)
{
    struct link_addr remote = {.family = t->remote_family, .port = t->remote_port};
    uint32_t version;
    uint8_t mac[6];

    t->header.size = 0;
    /* Not known (yet): ask again, the turn keeps it from being a flood. */
    if (t->hop < 0 || !neighbour_mac(&worker->plane->neighbours, t->hop, mac, &version)) {
        if (t->hop >= 0)
            worker_ask(worker, t->hop);
        return false;
    }
    memcpy(remote.ip, t->remote_ip, sizeof(remote.ip));
    header_build(&t->header, &worker->plane->locals, t->local, t->port, &remote, mac, t->dscp);
    /* Remembered, so that has_header sees a neighbour that moved by comparing two numbers. */
    t->hop_version = version;
    t->room = (uint16_t)(header_room(&worker->plane->locals, &t->header) -
                         (t->tx_key != NULL ? srtp_key_overhead(t->tx_key, false) : 0));
    return true;
}

static inline bool has_header(struct worker *worker, struct transport *t)
{
    /* The usual case: two loads, no lock. */
    return (t->header.size != 0 &&
            neighbour_version(&worker->plane->neighbours, t->hop) == t->hop_version) ||
           refresh_header(worker, t);
}

static inline void drop_out(struct worker *worker, struct transport *t, struct packet *p,
                            unsigned counter)
{
    link_stat_add(&t->send_stats->drop_other, 1);
    worker_drop(worker, p, counter);
}

/* ---- stages of media ---- */

/* Bytes that count against the room for plain RTP; SRTCP adds more than SRTP does. */
static unsigned size_on_path(const struct transport *t, const struct packet *p)
{
    unsigned size = p->length;

    if (p->bits & PACKET_SHARED)
        size += p->more;
    /* Room was computed for RTP's tag; SRTCP adds its index word. */
    if (p->kind == PACKET_RTCP && t->tx_key != NULL)
        size += srtp_key_overhead(t->tx_key, true) - srtp_key_overhead(t->tx_key, false);
    return size;
}

/* A source whose key frame did not come in time takes over without. A row's order is about the time
 * of its making, so that the wait needs no state of its own. */
static bool gives_up_waiting(const struct worker *worker, struct packet *p, const struct stream *s)
{
    int32_t waited = (int32_t)((uint32_t)worker->now_ms - p->order);
    uint32_t wait = worker->plane->key_wait_ms;

    /* Orders of rows that are made together run ahead of the clock. */
    if (!(p->bits & PACKET_BLIND) || (wait != 0 && waited < (int32_t)wait))
        return false;
    p->bits &= (uint8_t)~PACKET_BLIND;
    return !s->started || s->out.order != p->order; /* else it took over long ago */
}

/* False: dropped. */
static bool translate(struct worker *worker, struct transport *t, struct packet *p,
                      struct stream *s)
{
    uint32_t size = p->bits & PACKET_SHARED ? p->more : p->length - media_header_size(p->data);
    bool is_blind = gives_up_waiting(worker, p, s);

    /* A source that changes is a new sequence of numbers for us and must not be one for the
     * receiver. */
    switch (translate_packet(s, p, size, (uint32_t)worker->now_ms, worker->random_next)) {
    case TRANSLATE_OK:
        return true;
    case TRANSLATE_SWITCHED:
        worker->random_next = worker_random(worker);
        report_of(worker, s)->out.from = p->from;
        /* The picture cannot be decoded before the next key frame: ask the new source for one
         * now. */
        if (p->bits & PACKET_VIDEO)
            report_want_keyframe(worker, p->from, s->out.source);
        if (is_blind)
            worker_count(worker, LINK_COUNTER_source_blind, 1);
        worker_count(worker, LINK_COUNTER_source_switches, 1);
        link_stat_add(&t->send_stats->switches, 1);
        return true;
    case TRANSLATE_LATE:
        worker_count(worker, LINK_COUNTER_source_late, 1);
        break;
    case TRANSLATE_WAITS:
        /* With each packet: the request may be lost, and feedback_ask bounds the rate. */
        report_want_keyframe(worker, p->from, wire_get32(p->data + 8));
        worker_count(worker, LINK_COUNTER_source_waits, 1);
        break;
    default:
        worker_count(worker, LINK_COUNTER_source_other, 1);
    }
    link_stat_add(&t->send_stats->drop_source, 1);
    worker_release(worker, p);
    return false;
}

/* What came by a row of a list of receivers. False: dropped. */
static bool follow_row(struct worker *worker, struct transport *t, struct packet *p,
                       struct stream *s)
{
    if (p->bits & PACKET_TRANSLATE)
        return translate(worker, t, p, s);
    if ((p->bits & PACKET_ROW) && !s->started) {
        /* Feedback must find its way back, although nothing else is kept of it. */
        s->started = 1;
        s->out.source = p->ssrc;
        report_of(worker, s)->out.from = p->from;
    }
    return true;
}

/* RTCP of a plain transport leaves by the RTCP transport that it is paired with. NULL: RTP for an
 * RTCP transport, or the reverse. */
static struct transport *redirect(struct worker *worker, const struct transport *t,
                                  struct packet *p)
{
    struct transport *pair = NULL;

    /* Control opens RTCP of a plain transport beside its RTP; only there do reports belong. */
    if (p->kind == PACKET_RTCP && t->pair != 0)
        pair = worker_transport(worker, t->pair - 1, 0);
    if (pair != NULL) {
        p->transport = pair->index;
        p->generation = pair->generation;
    }
    return pair;
}

/* What passes unopened leaves as it came, needs no keys and is nobody's stream here. False:
 * dropped.
 */
static bool may_pass(struct worker *worker, struct transport *t, struct packet *p)
{
    unsigned counter = LINK_COUNTER_route_mode;

    /* Passed packets are authenticated end to end: not a byte of them is ours to change. */
    if (t->send_mode == LINK_MODE_PASS) {
        if (has_header(worker, t) && p->length <= t->room)
            return true;
        counter = t->header.size == 0 ? LINK_COUNTER_no_neighbour : LINK_COUNTER_mtu_exceeded;
    }
    drop_out(worker, t, p, counter);
    return false;
}

/* Where a packet leaves: its destination, or the transport paired with that. NULL: dropped,
 * counted. */
static inline struct transport *way_out(struct worker *worker, struct packet *p)
{
    /* The generation is checked here: the destination may have closed while the packet was
     * under way. */
    struct transport *t = worker_destination(worker, p->transport, p->generation);
    unsigned other = p->kind == PACKET_RTP ? LINK_MODE_RTCP : LINK_MODE_RTP;

    if (t == NULL || (t->header.size == 0 && t->remote_family == 0)) {
        worker_drop(worker, p, LINK_COUNTER_no_destination);
        return NULL;
    }
    if (__builtin_expect(!(p->bits & PACKET_PASSED) &&
                             (t->send_mode == other || t->send_mode == LINK_MODE_PASS),
                         0)) {
        struct transport *pair = redirect(worker, t, p);

        if (pair == NULL || pair->remote_family == 0) {
            drop_out(worker, t, p, LINK_COUNTER_route_mode);
            return NULL;
        }
        t = pair;
    }
    return t;
}

/* The stream with which a packet that is not passed may leave. NULL: dropped, counted. */
static inline struct stream *stream_out(struct worker *worker, struct transport *t,
                                        struct packet *p)
{
    /* One test for all that is not plain relaying of RTP. */
    bool is_special = (p->bits | (p->kind ^ PACKET_RTP)) != 0;
    struct stream *s;

    /* Never in the clear where keys are agreed: before they come, media wait for them by being
     * dropped. */
    if (t->send_mode == LINK_MODE_DTLS_SRTP && t->tx_key == NULL) {
        link_stat_add(&t->send_stats->drop_keys, 1);
        worker_drop(worker, p, LINK_COUNTER_no_keys_out);
        return NULL;
    }
    /* Before protecting: an index that is used up on a packet that cannot leave is a loss that
     * the other side sees. */
    if (!has_header(worker, t)) {
        drop_out(worker, t, p, LINK_COUNTER_no_neighbour);
        return NULL;
    }
    if (__builtin_expect((is_special ? size_on_path(t, p) : p->length) > t->room, 0)) {
        drop_out(worker, t, p, LINK_COUNTER_mtu_exceeded);
        return NULL;
    }
    s = worker_stream(worker, t, STREAM_OUT, p->ssrc);
    if (s == NULL) {
        drop_out(worker, t, p, LINK_COUNTER_streams_full);
        return NULL;
    }
    return __builtin_expect(is_special, 0) && !follow_row(worker, t, p, s) ? NULL : s;
}

/* May this packet leave on its transport, and with which stream? Keeps those that may. */
static void stage_destination(struct worker *worker, struct burst *burst)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];
        struct transport *t = way_out(worker, p);
        struct stream *s = NULL;

        if (t == NULL)
            continue;
        if (__builtin_expect(p->bits & PACKET_PASSED, 0)) {
            if (!may_pass(worker, t, p))
                continue;
        } else {
            s = stream_out(worker, t, p);
            if (s == NULL)
                continue;
            if (__builtin_expect(t->is_sending & TRANSPORT_SEND_CAPTURE, 0))
                mix_captured(worker, t, p, true);
            s->last_ms = worker->now_ms; /* keeps it from being evicted as idle */
        }
        burst->stream[kept] = s;
        burst->p[kept++] = p;
    }
    burst->n = kept;
}

static unsigned protect_counter(unsigned status)
{
    switch (status) {
    case SRTP_REPLAY:
    case SRTP_TOO_OLD:
        return LINK_COUNTER_index_reused;
    case SRTP_KEY_EXPIRED:
        return LINK_COUNTER_key_expired;
    case SRTP_NO_ROOM:
        return LINK_COUNTER_too_long;
    default:
        /* A failing engine is our own fault; its own counter makes it visible. */
        return LINK_COUNTER_crypto_failed;
    }
}

/* Out of place: from the payload that all copies share to behind this one's header. */
static void share_job(struct srtp_job *job, const struct packet *p)
{
    job->hdr = p->data;
    job->hdr_len = p->length;
    job->src = p->shared;
    job->len = p->more;
}

static void end_sharing(struct worker *worker, struct packet *p)
{
    if (p->bits & PACKET_CHAINED)
        worker->io->unchain(worker->io, p);
    p->bits &= (uint8_t) ~(PACKET_SHARED | PACKET_CHAINED);
}

static void stage_protect(struct worker *worker, struct burst *burst)
{
    unsigned jobs = 0, kept = 0;

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];

        /* NULL: passes unopened; no srtp: a plain transport. */
        if (burst->stream[i] == NULL || burst->stream[i]->srtp == NULL)
            continue;
        worker->job_of[jobs] = (uint8_t)i;
        worker->job[jobs] = (struct srtp_job){.stream = burst->stream[i]->srtp,
                                              .src = p->data,
                                              .dst = p->data,
                                              .len = p->length,
                                              .dst_cap = (uint16_t)(p->length + p->tail),
                                              .is_rtcp = p->kind == PACKET_RTCP};
        if (p->bits & PACKET_SHARED)
            share_job(&worker->job[jobs], p);
        jobs++;
    }
    if (jobs == 0)
        return;
    worker_mark(worker, WORKER_DESTINATION);
    srtp_protect_burst(worker->engine, worker->job, jobs);
    worker_mark(worker, WORKER_PROTECT);
    /* Results in the order of the jobs, whatever order the engine worked in. */
    for (unsigned j = 0; j < jobs; j++) {
        struct packet *p = burst->p[worker->job_of[j]];

        if (worker->job[j].status == SRTP_OK) {
            packet_resize(p, worker->job[j].out_len);
            p->summed = 0;
            if (p->bits & PACKET_SHARED)
                end_sharing(worker, p);
            /* The next stage writes there. */
            __builtin_prefetch(&worker->transport[p->transport & 0xffffffu].send_stats->rtp_out, 1);
            continue;
        }
        drop_out(worker, worker_destination(worker, p->transport, 0), p,
                 protect_counter(worker->job[j].status));
        /* Taken out behind the loop: job_of counts on the places. */
        burst->p[worker->job_of[j]] = NULL;
    }
    for (unsigned i = 0; i < burst->n; i++)
        if (burst->p[i] != NULL)
            burst->p[kept++] = burst->p[i];
    burst->n = kept;
}

static void account_sent(struct worker *worker, struct transport *t, const struct packet *p,
                         uint32_t length)
{
    struct link_transport_stats *stats = t->send_stats;

    if (__builtin_expect(p->kind == PACKET_DTLS, 0)) {
        link_stat_add(&stats->dtls_out, 1);
        worker_count(worker, LINK_COUNTER_dtls_passed, 1);
        return; /* no media: they begin later */
    }
    if (__builtin_expect(p->bits & PACKET_PASSED, 0))
        worker_count(worker, LINK_COUNTER_media_passed, 1);
    if (p->kind == PACKET_RTP) {
        link_stat_add(&stats->rtp_out, 1);
        link_stat_add(&stats->rtp_out_bytes, length);
        /* the last one wins: it is for people to look at */
        link_stat_set(&stats->ssrc_out, p->ssrc);
    } else {
        link_stat_add(&stats->rtcp_out, 1);
    }
    link_stat_set(&stats->last_out_ms, worker->now_ms);
    /* Reports of our own are no media; on a plain RTCP transport there is nothing else. */
    if (!(t->is_sending & TRANSPORT_FIRST_OUT) &&
        (p->kind == PACKET_RTP || t->send_mode == LINK_MODE_RTCP)) {
        t->is_sending |= TRANSPORT_FIRST_OUT;
        link_stat_set(&stats->first_out_ms, worker->now_ms);
        worker_event(worker, t, LINK_FIRST_PACKET, 1, p);
    }
}

static void stage_stamp(struct worker *worker, struct burst *burst)
{
    unsigned rtp = 0, rtcp = 0;
    uint64_t bytes = 0; /* that worker_emit does not see */

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];
        struct transport *t = worker_destination(worker, p->transport, 0);

        uint32_t more = p->bits & PACKET_SHARED ? p->more : 0;

        /* The parser left less than a header's room in front: frames of an odd device. */
        if (p->head < HEADER_SIZE_MAX) {
            drop_out(worker, t, p, LINK_COUNTER_too_long);
            continue;
        }
        account_sent(worker, t, p, p->length + more);
        rtp += p->kind == PACKET_RTP;
        rtcp += p->kind == PACKET_RTCP;
        bytes += more;
        if (p->bits & PACKET_SHARED)
            header_stamp_shared(&t->header, p);
        else
            header_stamp(&t->header, p);
        worker_emit(worker, p);
    }
    if (bytes > 0)
        worker_count(worker, LINK_COUNTER_tx_bytes, bytes);
    worker_count(worker, LINK_COUNTER_rtp_out, rtp);
    worker_count(worker, LINK_COUNTER_rtcp_out, rtcp);
}

void worker_send_media(struct worker *worker, struct burst *burst)
{
    stage_destination(worker, burst);
    worker_mark(worker, WORKER_DESTINATION);
    stage_protect(worker, burst);
    stage_stamp(worker, burst);
}

/* ---- DTLS ---- */

enum dtls_result { DTLS_SENT, DTLS_WAIT, DTLS_REFUSED };

/* The remote's own headers, or some made for this one datagram. */
static enum dtls_result stamp_dtls(struct worker *worker, struct transport *t, struct packet *p,
                                   const struct link_addr *to)
{
    struct plane *plane = worker->plane;
    struct header header;
    enum dtls_result result = DTLS_SENT;
    uint8_t next[16], mac[6];
    uint32_t version;
    int hop;

    p->summed = 0;
    /* Without its own headers the hop is held for this one datagram only. */
    if (to->port == t->remote_port && to->family == t->remote_family &&
        memcmp(to->ip, t->remote_ip, sizeof(to->ip)) == 0) {
        if (!has_header(worker, t))
            return DTLS_WAIT;
        header = t->header;
    } else {
        if (!local_next_hop(&plane->locals.local[t->local], to->ip, next))
            return DTLS_REFUSED;
        hop = neighbour_hold(&plane->neighbours, t->local, next, worker->now_ms);
        if (hop < 0)
            return DTLS_REFUSED;
        if (neighbour_mac(&plane->neighbours, hop, mac, &version)) {
            header_build(&header, &plane->locals, t->local, t->port, to, mac, t->dscp);
        } else {
            worker_ask(worker, hop);
            result = DTLS_WAIT;
        }
        neighbour_release(&plane->neighbours, hop);
        if (result != DTLS_SENT)
            return result;
    }
    if (p->length > header_room(&plane->locals, &header))
        return DTLS_REFUSED;
    header_stamp(&header, p);
    return DTLS_SENT;
}

/* True when p was taken. */
static bool try_dtls(struct worker *worker, struct transport *t, struct packet *p,
                     const struct link_addr *to)
{
    switch (stamp_dtls(worker, t, p, to)) {
    case DTLS_SENT:
        if (p->kind == PACKET_DTLS) {
            link_stat_add(&t->stats->dtls_out, 1);
            worker_count(worker, LINK_COUNTER_dtls_down, 1);
        }
        worker_emit(worker, p);
        return true;
    case DTLS_REFUSED:
        worker_count(worker, LINK_COUNTER_dtls_down_refused, 1);
        worker->io->release(worker->io, &p, 1);
        return true;
    /* DTLS_WAIT: still the caller's. */
    default:
        return false;
    }
}

void worker_send_dtls(struct worker *worker, struct transport *t, struct packet *p,
                      const struct link_addr *to)
{
    struct held *held;

    if (try_dtls(worker, t, p, to))
        return;
    /* A lost flight costs a second of call set-up: wait for the neighbour instead. */
    if (worker->held_n == WORKER_HELD) {
        worker_count(worker, LINK_COUNTER_no_neighbour, 1);
        worker->io->release(worker->io, &p, 1);
        return;
    }
    held = &worker->held[worker->held_n++];
    held->p = p;
    held->to = *to;
    held->id = (struct link_id){t->index, t->generation};
    held->until_ms = worker->now_ms + WORKER_HELD_MS;
}

void worker_retry_held(struct worker *worker)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < worker->held_n; i++) {
        struct held held = worker->held[i];
        struct transport *t = worker_transport(worker, held.id.index, held.id.generation);

        /* By index and generation: the transport may have closed while its datagram waited. */
        if (t != NULL && worker->now_ms < held.until_ms) {
            if (!try_dtls(worker, t, held.p, &held.to))
                worker->held[kept++] = held; /* order is kept */
            continue;
        }
        worker_count(worker, LINK_COUNTER_no_neighbour, 1);
        worker->io->release(worker->io, &held.p, 1);
    }
    worker->held_n = kept;
}
