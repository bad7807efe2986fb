/* The way in: from frames to packets that are whole, authentic, counted and aimed at where they go.
 * Stages over a burst; each keeps what may go on in front and drops the rest under a counter that
 * says why. */
#include <string.h>

#include "dpdk-app/dtls_gate.h"
#include "dpdk-app/ice.h"
#include "dpdk-app/media.h"
#include "dpdk-app/mix.h"
#include "dpdk-app/parse.h"
#include "dpdk-app/report.h"
#include "dpdk-app/resolve.h"
#include "dpdk-app/route.h"
#include "dpdk-app/wire.h"

#define PREFETCH_AHEAD 4u
#define MISMATCH_MS    1000u /* one event a second: a stray sender must not flood control */

void worker_event(struct worker *worker, const struct transport *t, unsigned type,
                  unsigned direction, const struct packet *p)
{
    struct link_msg *up = &worker->up;

    /* Only what an event uses is cleared and copied: this runs in the packet loop. */
    memset(up, 0, offsetof(struct link_msg, u) + sizeof(up->u.event));
    up->type = (uint16_t)type;
    up->transport = t->index;
    up->generation = t->generation;
    up->u.event.time_ms = worker->now_ms;
    up->u.event.direction = (uint8_t)direction;
    if (p != NULL)
        up->u.event.ssrc = p->ssrc;
    if (p != NULL && direction == 0) { /* what leaves has forgotten where it came from */
        up->u.event.source.family = p->family;
        up->u.event.source.port = p->source_port;
        memcpy(up->u.event.source.ip, p->source_ip, sizeof(p->source_ip));
    }
    /* An event is a convenience: the statistics say the same, so that losing one is a number and no
     * error. */
    if (!link_worker_send(worker->link, t->producer, up))
        worker_count(worker, LINK_COUNTER_events_full, 1);
}

/* ---- parse ---- */

static void on_host_frame(struct worker *worker, struct packet *p, int kind)
{
    struct plane *plane = worker->plane;
    struct resolve_result result;

    if (kind == PARSE_ARP)
        result = resolve_arp(&plane->locals, &plane->neighbours, p, worker->now_ms);
    else if (kind == PARSE_ICMP)
        result = resolve_icmp(&plane->locals, p);
    else
        result = resolve_icmp6(&plane->locals, &plane->neighbours, p, worker->now_ms);
    /* Taken note of, nothing to say: the frame's counter tells what it was. */
    if (!result.reply) {
        worker_drop(worker, p, (unsigned)result.counter);
        return;
    }
    worker_count(worker, (unsigned)result.counter, 1);
    worker_emit(worker, p);
}

/* Frames to datagrams with a port of ours. */
static void stage_parse(struct worker *worker, unsigned device, struct packet **p, unsigned n,
                        struct burst *out)
{
    uint64_t bytes = 0;

    out->n = 0;
    /* Three distances of prefetching: the packet's own line now, its data four packets later, the
     * port's entry when the port is known. */
    for (unsigned i = 0; i < n; i++)
        __builtin_prefetch(p[i], 1);
    for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
        __builtin_prefetch(p[i]->data);
    for (unsigned i = 0; i < n; i++) {
        int result;

        if (i + PREFETCH_AHEAD < n)
            __builtin_prefetch(p[i + PREFETCH_AHEAD]->data);
        bytes += p[i]->length;
        p[i]->device = (uint8_t)device; /* where an answer to a neighbour question leaves */
        p[i]->bits = 0;
        result = parse_frame(&worker->plane->locals, p[i]);
        if (result == PARSE_UDP) {
            /* The next stage reads it: by then it is here. */
            __builtin_prefetch(&worker->plane->port[p[i]->local][p[i]->dest_port]);
            out->p[out->n++] = p[i];
        } else if (result < 0)
            on_host_frame(worker, p[i], result);
        else
            worker_drop(worker, p[i], (unsigned)result);
    }
    worker_count(worker, LINK_COUNTER_rx_frames, n);
    worker_count(worker, LINK_COUNTER_rx_bytes, bytes);
}

/* ---- hand-over ---- */

void worker_hand_over(struct worker *worker, struct packet **p, unsigned n)
{
    while (n > 0) {
        struct packet *same[PACKET_BURST];
        /* Sorted by owner in one pass a worker: bursts mostly belong to one. */
        unsigned to = p[0]->transport >> 24, count = 0, rest = 0, taken;

        for (unsigned i = 0; i < n; i++) {
            if (p[i]->transport >> 24 == to)
                same[count++] = p[i];
            else
                p[rest++] = p[i];
        }
        n = rest;
        taken = worker->io->hand_over(worker->io, to, same, count);
        worker_count(worker, LINK_COUNTER_handed_over, taken);
        /* The ring is full: the other worker is over its limit, and waiting would take this one
         * down too. */
        for (unsigned i = taken; i < count; i++)
            worker_drop(worker, same[i], LINK_COUNTER_handover_full);
    }
}

/* Port number to transport: one array access. Keeps ours, hands the others over. */
static void stage_lookup(struct worker *worker, struct burst *burst)
{
    struct packet *foreign[PACKET_BURST];
    unsigned kept = 0, away = 0;

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];
        /* Relaxed: the entry is a number. What lies behind it is only touched by its owner, who
         * checks it. */
        uint32_t entry = atomic_load_explicit(&worker->plane->port[p->local][p->dest_port],
                                              memory_order_relaxed);

        if (entry == 0) {
            worker_drop(worker, p, LINK_COUNTER_no_transport);
            continue;
        }
        p->transport = entry - 1;
        if (p->transport >> 24 != worker->number) {
            /* The owner admits it: source and keys are in memory that only he may read. */
            p->stage = PACKET_STAGE_RECEIVED;
            foreign[away++] = p;
            continue;
        }
        __builtin_prefetch(&worker->transport[p->transport & 0xffffffu], 1);
        burst->p[kept++] = p;
    }
    burst->n = kept;
    worker_hand_over(worker, foreign, away);
}

/* ---- admit ---- */

/* All sixteen bytes: IPv4 has zeros behind its four on both sides. */
static inline bool is_remote(const struct transport *t, const struct packet *p)
{
    return p->family == t->remote_family && p->source_port == t->remote_port &&
           memcmp(p->source_ip, t->remote_ip, sizeof(p->source_ip)) == 0;
}

/* DTLS goes up with its source: control judges strangers (H-RACE), we only bound their number. */
static void dtls_up(struct worker *worker, struct transport *t, struct packet *p)
{
    enum dtls_kind kind = is_remote(t, p) ? dtls_gate_kind(p->data, p->length) : DTLS_KIND_STRANGER;
    struct link_msg *up = &worker->up;

    worker_count(worker, LINK_COUNTER_dtls_in, 1);
    link_stat_add(&t->stats->dtls_in, 1);
    /* Longer than any record of DTLS in one datagram of our MTU: not for us. */
    if (p->length > LINK_DTLS_MAX) {
        worker_drop(worker, p, LINK_COUNTER_too_long);
        return;
    }
    /* Before the copy: what is over the limit costs nothing but this. */
    if (!dtls_gate_admit(&t->dtls, &worker->dtls, worker->now_ms, kind)) {
        link_stat_add(&t->stats->drop_other, 1);
        worker_drop(worker, p, LINK_COUNTER_dtls_rate);
        return;
    }
    memset(up, 0, offsetof(struct link_msg, u) + offsetof(struct link_dtls, data));
    up->type = LINK_DTLS_RX;
    up->transport = t->index;
    up->generation = t->generation;
    up->u.dtls.peer.family = p->family;
    up->u.dtls.peer.port = p->source_port;
    memcpy(up->u.dtls.peer.ip, p->source_ip, sizeof(p->source_ip));
    up->u.dtls.length = p->length;
    memcpy(up->u.dtls.data, p->data, p->length);
    worker_drop(worker, p,
                link_worker_send(worker->link, t->producer, up) ? LINK_COUNTER_dtls_up
                                                                : LINK_COUNTER_dtls_up_full);
}

static void on_mismatch(struct worker *worker, struct transport *t, struct packet *p)
{
    link_stat_add(&t->stats->drop_remote, 1);
    /* Once a second and transport; the counter has them all. */
    if (t->mismatch_ms == 0 || worker->now_ms - t->mismatch_ms >= MISMATCH_MS) {
        t->mismatch_ms = worker->now_ms != 0 ? worker->now_ms : 1;
        worker_event(worker, t, LINK_REMOTE_MISMATCH, 0, p);
    }
    worker_drop(worker, p, LINK_COUNTER_remote_mismatch);
}

static void drop_malformed(struct worker *worker, struct transport *t, struct packet *p,
                           unsigned counter)
{
    link_stat_add(&t->stats->drop_malformed, 1);
    worker_drop(worker, p, counter);
}

/* RTP or RTCP: right mode, right source, keys there, lengths that hold. */
static bool admit_media(struct worker *worker, struct transport *t, struct packet *p, bool rtp)
{
    p->kind = rtp ? PACKET_RTP : PACKET_RTCP;
    /* RTP on a plain RTCP port or the reverse: two transports that somebody swapped. */
    if (t->mode == (rtp ? LINK_MODE_RTCP : LINK_MODE_RTP)) {
        drop_malformed(worker, t, p, LINK_COUNTER_wrong_mode);
        return false;
    }
    if (!is_remote(t, p)) {
        /* H-LATCH: a new source is only followed when its packet has passed the keys, see
         * stage_account. Without keys there is nothing that could prove it. */
        if (!(t->bits & TRANSPORT_LATCH) || t->rx_key == NULL) {
            on_mismatch(worker, t, p);
            return false;
        }
        p->bits |= PACKET_LATCH;
    }
    /* DTLS-SRTP before the handshake is done: media may overtake it (RFC 5763 §6.7.1), and are lost
     * as on any late path. */
    if (t->mode == LINK_MODE_DTLS_SRTP && t->rx_key == NULL) {
        link_stat_add(&t->stats->drop_keys, 1);
        worker_drop(worker, p, LINK_COUNTER_no_keys_in);
        return false;
    }
    /* Only lengths and version here; what the tag protects is read again when it is proven. */
    if (rtp ? !media_read_rtp(p) : !media_read_rtcp(p)) {
        drop_malformed(worker, t, p,
                       rtp ? media_rtp_fault(p->data, p->length) : LINK_COUNTER_rtcp_malformed);
        return false;
    }
    return true;
}

/* DTLS between two peers, from the one that signalling named: what a stranger sends would reach the
 * other peer with our address on it, and its stack may be less patient than ours (H-RACE). */
static bool pass_dtls(struct worker *worker, struct transport *t, struct packet *p)
{
    worker_count(worker, LINK_COUNTER_dtls_in, 1);
    if (!is_remote(t, p)) {
        on_mismatch(worker, t, p);
        return false;
    }
    /* The same budget as for records that go up: a flood must not reach the peer either. */
    if (!dtls_gate_admit(&t->dtls, &worker->dtls, worker->now_ms,
                         dtls_gate_kind(p->data, p->length))) {
        link_stat_add(&t->stats->drop_other, 1);
        worker_drop(worker, p, LINK_COUNTER_dtls_rate);
        return false;
    }
    link_stat_add(&t->stats->dtls_in, 1);
    p->kind = PACKET_DTLS;
    return true;
}

static bool shares_port(const struct transport *t)
{
    return t->mode == LINK_MODE_DTLS_SRTP || t->mode == LINK_MODE_PASS;
}

/* Where only media come (plain transports), what is nothing else is RTP of another version; where
 * protocols share the port, version 0 belongs to the others (RFC 7983). */
static bool is_other_version(const struct transport *t, const struct packet *p)
{
    return p->length > 0 && p->data[0] >> 6 != 2 && (!shares_port(t) || p->data[0] >= 64);
}

/* One datagram by its first bytes (RFC 7983); true: something to go on with. */
static bool admit(struct worker *worker, struct transport *t, struct packet *p)
{
    switch (media_classify(p->data, p->length)) {
    case MEDIA_RTP:
        worker_count(worker, LINK_COUNTER_rtp_in, 1);
        return admit_media(worker, t, p, true);
    case MEDIA_RTCP:
        worker_count(worker, LINK_COUNTER_rtcp_in, 1);
        return admit_media(worker, t, p, false);
    case MEDIA_DTLS:
        if (t->mode == LINK_MODE_PASS)
            return pass_dtls(worker, t, p);
        if (t->mode == LINK_MODE_DTLS_SRTP)
            dtls_up(worker, t, p);
        else
            drop_malformed(worker, t, p, LINK_COUNTER_wrong_mode);
        return false;
    case MEDIA_STUN:
        /* Keep-alives of peers without ICE; RFC 5245's consent is not ours to give. */
        if (t->ice != NULL)
            ice_receive(worker, t, p);
        else
            worker_drop(worker, p, LINK_COUNTER_stun_in);
        return false;
    default:
        drop_malformed(worker, t, p,
                       is_other_version(t, p) ? LINK_COUNTER_rtp_version : LINK_COUNTER_first_byte);
        return false;
    }
}

/* What is needed when a packet is plain: statistics, and (as nearly all calls have one route) the
 * destination. Asked for after the engine's work, whose keys would push it out again. */
static inline void fetch_further(struct worker *worker, const struct transport *t)
{
    uint32_t to = t->first_route.index, place = to & 0xffffffu;

    /* rtp_in is the first of the counters that account() writes. */
    __builtin_prefetch(&t->stats->rtp_in, 1);
    if (to >> 24 == worker->number && place < worker->plane->transports) {
        __builtin_prefetch(&worker->transport[place].header);
        __builtin_prefetch(&worker->transport[place].hop, 1);
    }
}

static inline void fetch_stream(struct worker *worker, struct transport *t, const struct packet *p)
{
    const struct stream_slot *slot = transport_find(t->rx, p->ssrc);

    if (slot != NULL)
        __builtin_prefetch(&worker->stream[slot->stream], 1);
}

static void stage_admit(struct worker *worker, struct burst *burst)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];
        struct transport *t = worker_transport(worker, p->transport, 0);

        /* Closed since the look-up (this worker's own commands run between bursts). */
        if (t == NULL) {
            worker_drop(worker, p, LINK_COUNTER_no_transport);
        } else if (admit(worker, t, p)) {
            if (__builtin_expect(t->mode == LINK_MODE_PASS, 0))
                p->bits |= PACKET_PASSED;
            fetch_stream(worker, t, p);
            /* Without an engine's work in between this is the right moment. */
            if (t->mode != LINK_MODE_DTLS_SRTP)
                fetch_further(worker, t);
            burst->p[kept++] = p;
        }
    }
    burst->n = kept;
}

/* ---- unprotect ---- */

/* Streams of the burst. Plain RTCP needs none; a new SSRC gets one that must prove itself. What
 * passes unopened is only counted by its: a forger who fills all places stops nothing. */
static void stage_streams(struct worker *worker, struct burst *burst)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];
        struct transport *t = worker_transport(worker, p->transport, 0);
        struct stream *s = NULL;

        if (t->mode == LINK_MODE_DTLS_SRTP || p->kind == PACKET_RTP) {
            s = worker_stream(worker, t, STREAM_IN, p->ssrc);
            /* A table of streams that is full of proven ones: somebody sends more SSRCs than a call
             * has. */
            if (s == NULL && t->mode != LINK_MODE_PASS) {
                link_stat_add(&t->stats->drop_other, 1);
                worker_drop(worker, p, LINK_COUNTER_streams_full);
                continue;
            }
            if (s != NULL)
                s->last_ms = worker->now_ms; /* keeps its place for the rest of the burst */
        }
        burst->stream[kept] = s;
        burst->p[kept++] = p;
    }
    burst->n = kept;
}

static void drop_unprotected(struct worker *worker, struct transport *t, struct packet *p,
                             unsigned status)
{
    switch (status) {
    case SRTP_AUTH_FAIL:
        link_stat_add(&t->stats->drop_auth, 1);
        worker_drop(worker, p, LINK_COUNTER_auth_failed);
        break;
    case SRTP_REPLAY:
    case SRTP_TOO_OLD:
        link_stat_add(&t->stats->drop_replay, 1);
        worker_drop(worker, p, LINK_COUNTER_replayed);
        break;
    case SRTP_MALFORMED:
        drop_malformed(worker, t, p,
                       p->kind == PACKET_RTP ? LINK_COUNTER_rtp_malformed
                                             : LINK_COUNTER_rtcp_malformed);
        break;
    case SRTP_KEY_EXPIRED:
        link_stat_add(&t->stats->drop_other, 1);
        worker_drop(worker, p, LINK_COUNTER_key_expired);
        break;
    default:
        link_stat_add(&t->stats->drop_other, 1);
        worker_drop(worker, p, LINK_COUNTER_crypto_failed);
    }
}

/* Results of the jobs; packets that failed leave the burst as NULL. Returns their number. */
static unsigned collect_jobs(struct worker *worker, struct burst *burst, unsigned jobs)
{
    unsigned failed = 0;

    for (unsigned j = 0; j < jobs; j++) {
        unsigned i = worker->job_of[j];
        struct packet *p = burst->p[i];

        if (worker->job[j].status == SRTP_OK) {
            /* Proven: it has shown a tag under our key, and keeps its place. */
            burst->stream[i]->proven = 1;
            packet_resize(p, worker->job[j].out_len);
            p->summed = 0;
            fetch_further(worker, &worker->transport[p->transport & 0xffffffu]);
            continue;
        }
        failed++;
        drop_unprotected(worker, worker_transport(worker, p->transport, 0), p,
                         worker->job[j].status);
    }
    if (failed == 0)
        return 0;
    /* Only now: several packets of the burst may share a stream that one of them proved. */
    for (unsigned j = 0; j < jobs; j++) {
        unsigned i = worker->job_of[j];
        struct packet *p = burst->p[i];
        struct transport *t;
        struct stream_slot *slot;

        if (worker->job[j].status == SRTP_OK)
            continue;
        t = worker_transport(worker, p->transport, 0);
        slot = transport_find(t->rx, p->ssrc);
        burst->p[i] = NULL;
        /* A forger's SSRC must not keep a place; a true one that merely failed once is proven
         * already. */
        if (slot != NULL && !worker->stream[slot->stream].proven)
            worker_drop_stream(worker, t, STREAM_IN, p->ssrc);
    }
    return failed;
}

static void stage_unprotect(struct worker *worker, struct burst *burst)
{
    unsigned jobs = 0, kept = 0;

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];

        /* Plain media and what passes unopened need no engine. */
        if (burst->stream[i] == NULL || burst->stream[i]->srtp == NULL)
            continue;
        worker->job_of[jobs] = (uint8_t)i;
        worker->job[jobs++] = (struct srtp_job){.stream = burst->stream[i]->srtp,
                                                .src = p->data,
                                                .dst = p->data,
                                                .len = p->length,
                                                .dst_cap = (uint16_t)(p->length + p->tail),
                                                .is_rtcp = p->kind == PACKET_RTCP};
    }
    if (jobs == 0)
        return;
    worker_mark(worker, WORKER_ADMIT);
    srtp_unprotect_burst(worker->engine, worker->job, jobs);
    worker_mark(worker, WORKER_UNPROTECT);
    if (collect_jobs(worker, burst, jobs) == 0)
        return;
    for (unsigned i = 0; i < burst->n; i++) {
        if (burst->p[i] == NULL)
            continue;
        burst->stream[kept] = burst->stream[i];
        burst->p[kept++] = burst->p[i];
    }
    burst->n = kept;
}

/* ---- account ---- */

static void latch(struct worker *worker, struct transport *t, const struct packet *p)
{
    struct link_addr remote = {.family = p->family, .port = p->source_port};

    memcpy(remote.ip, p->source_ip, sizeof(remote.ip));
    /* The remote moves by an authentic packet only, and once: then the latch is closed. */
    if (!(t->bits & TRANSPORT_LATCH) || worker_set_remote(worker, t, &remote) != 0)
        return;
    t->bits &= (uint8_t)~TRANSPORT_LATCH;
    worker_show(worker, t);
    worker_event(worker, t, LINK_REMOTE_LATCHED, 0, p);
}

static void account(struct worker *worker, struct transport *t, const struct packet *p,
                    struct stream *s)
{
    struct link_transport_stats *stats = t->stats;

    if (p->kind == PACKET_RTP) {
        link_stat_add(&stats->rtp_in, 1);
        link_stat_add(&stats->rtp_in_bytes, p->length);
        /* NULL: a passing stream beyond the table; counted for the transport, not followed. */
        if (__builtin_expect(s != NULL, 1))
            stream_received(s, stats, p->sequence, p->timestamp, p->payload_type, worker->now_ms);
    } else {
        link_stat_add(&stats->rtcp_in, 1);
    }
    link_stat_set(&stats->last_in_ms, worker->now_ms);
    /* Media again after silence: the next silence is worth an event again. */
    t->bits &= (uint8_t)~TRANSPORT_SILENT;
    if (!(t->bits & TRANSPORT_FIRST_IN)) {
        t->bits |= TRANSPORT_FIRST_IN;
        link_stat_set(&stats->first_in_ms, worker->now_ms);
        worker_event(worker, t, LINK_FIRST_PACKET, 0, p);
    }
}

/* What decryption uncovered must be well-formed too; then it counts. Of what passes unopened the
 * headers alone can be judged, which stage_admit has done. */
static void stage_account(struct worker *worker, struct burst *burst)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];
        struct transport *t = worker_transport(worker, p->transport, 0);

        if (__builtin_expect(p->bits & PACKET_PASSED, 0)) {
            if (p->kind != PACKET_DTLS)
                account(worker, t, p, burst->stream[i]);
            burst->p[kept++] = p;
            continue;
        }
        /* The header was read by stage_admit; it must also fit what the tag left. Media_read_rtp
         * once more: without the tag the packet is shorter, and extension and padding must fit what
         * is left. */
        if (p->kind == PACKET_RTP && ((burst->stream[i]->srtp != NULL && !media_read_rtp(p)) ||
                                      !media_check_padding(p->data, p->length))) {
            drop_malformed(worker, t, p, media_rtp_fault(p->data, p->length));
            continue;
        }
        if (p->kind == PACKET_RTCP && !media_check_rtcp(p->data, p->length)) {
            drop_malformed(worker, t, p, LINK_COUNTER_rtcp_malformed);
            continue;
        }
        /* After every check, or a forged packet could move the remote. */
        if (p->bits & PACKET_LATCH)
            latch(worker, t, p);
        account(worker, t, p, burst->stream[i]);
        if (__builtin_expect(t->bits & TRANSPORT_CAPTURE, 0))
            mix_captured(worker, t, p, false);
        burst->p[kept++] = p;
    }
    burst->n = kept;
}

/* ---- route ---- */

static const struct route *find_route(struct transport *t, const struct packet *p)
{
    /* RTCP has one route, whatever its payload type says. */
    if (p->kind == PACKET_RTCP && t->mode != LINK_MODE_PASS)
        return t->rtcp.generation != 0 ? &t->rtcp : NULL;
    if (t->mode == LINK_MODE_PASS)
        return t->route_count > 0 ? &t->first_route : NULL;
    for (unsigned i = 0; i < t->route_count; i++) {
        const struct route *route = transport_route(t, i);

        if (route->pt_in == p->payload_type || route->pt_in == LINK_PT_ANY)
            return route;
    }
    return NULL;
}

/* What worker_send_media reads of the destination beyond fetch_further's lines. */
static inline void fetch_destination(struct worker *worker, const struct packet *p)
{
    struct transport *t = worker_destination(worker, p->transport, p->generation);
    const struct stream_slot *slot;

    if (t == NULL)
        return;
    slot = transport_find(t->tx, p->ssrc);
    __builtin_prefetch(&t->send_stats->rtp_out, 1);
    /* The stream's line is written by translate and the engine. */
    if (slot != NULL)
        __builtin_prefetch(&worker->stream[slot->stream], 1);
}

/* What is not passed on to one destination. */
struct apart {
    struct packet *many[PACKET_BURST];  /* RTP for a list of receivers */
    struct packet *taken[PACKET_BURST]; /* RTCP that ends here */
    struct packet *mixed[PACKET_BURST]; /* RTP that its mix hears */
    unsigned many_n, taken_n, mixed_n;
};

/* True: a mix or a list of receivers has it. Mix before fan: a conference that mixes hears its
 * members even where it also forwards. */
static bool set_apart(const struct transport *t, struct packet *p, struct apart *apart)
{
    if (p->kind != PACKET_RTP)
        return false;
    if ((t->bits & TRANSPORT_MIX) && mix_wants(t->member, p->payload_type))
        apart->mixed[apart->mixed_n++] = p;
    else if (t->bits & TRANSPORT_FAN)
        apart->many[apart->many_n++] = p;
    else
        return false;
    return true;
}

static void stage_route(struct worker *worker, struct burst *burst, struct apart *apart)
{
    struct packet *foreign[PACKET_BURST];
    unsigned kept = 0, away = 0;

    apart->many_n = apart->taken_n = apart->mixed_n = 0;
    for (unsigned i = 0; i < burst->n; i++) {
        struct packet *p = burst->p[i];
        struct transport *t = worker_transport(worker, p->transport, 0);
        const struct route *route;

        if (__builtin_expect(t->bits & (TRANSPORT_FAN | TRANSPORT_MIX), 0) &&
            set_apart(t, p, apart))
            continue;
        /* Reports are ours to answer: a receiver's view of a translated stream makes no sense to
         * the source (report.c). */
        if (__builtin_expect(p->kind == PACKET_RTCP, 0) && (t->flags & LINK_FLAG_REPORTS)) {
            apart->taken[apart->taken_n++] = p;
            continue;
        }
        route = find_route(t, p);
        if (route == NULL) {
            link_stat_add(&t->stats->drop_route, 1);
            worker_drop(worker, p, LINK_COUNTER_no_route);
            continue;
        }
        /* Peers may have agreed upon different numbers for one codec. */
        if (p->kind == PACKET_RTP && route->pt_out != LINK_PT_ANY)
            media_set_type(p, route->pt_out);
        p->transport = route->index;
        p->generation = route->generation;
        if (p->transport >> 24 == worker->number) {
            fetch_destination(worker, p);
            burst->p[kept++] = p;
        } else {
            p->stage = PACKET_STAGE_ROUTED;
            foreign[away++] = p;
        }
    }
    burst->n = kept;
    worker_hand_over(worker, foreign, away);
}

static void receive_ours(struct worker *worker, struct burst *burst)
{
    struct apart apart;

    stage_admit(worker, burst);
    stage_streams(worker, burst);
    worker_mark(worker, WORKER_ADMIT);
    stage_unprotect(worker, burst);
    stage_account(worker, burst);
    worker_mark(worker, WORKER_ACCOUNT);
    stage_route(worker, burst, &apart);
    worker_mark(worker, WORKER_ROUTE);
    /* In this order: relaying is most of the work and its packets are warm; what is set apart has
     * its own bursts. */
    worker_send_media(worker, burst);
    if (apart.many_n > 0)
        route_fan_out(worker, apart.many, apart.many_n);
    if (apart.mixed_n > 0)
        mix_take(worker, apart.mixed, apart.mixed_n);
    if (apart.taken_n > 0)
        report_take(worker, apart.taken, apart.taken_n);
}

void worker_receive(struct worker *worker, unsigned device, struct packet **p, unsigned n)
{
    struct burst burst;

    stage_parse(worker, device, p, n, &burst);
    worker_mark(worker, WORKER_PARSE);
    stage_lookup(worker, &burst);
    worker_mark(worker, WORKER_LOOK_UP);
    if (burst.n > 0)
        receive_ours(worker, &burst);
}

void worker_take_over(struct worker *worker, struct packet **p, unsigned n)
{
    struct burst received, routed;

    received.n = routed.n = 0;
    for (unsigned i = 0; i < n; i++) {
        /* ROUTED: unprotected and aimed already, only the way out is missing. */
        if (p[i]->stage == PACKET_STAGE_ROUTED)
            routed.p[routed.n++] = p[i];
        else
            received.p[received.n++] = p[i];
    }
    if (received.n > 0)
        receive_ours(worker, &received);
    if (routed.n > 0)
        worker_send_media(worker, &routed);
}
