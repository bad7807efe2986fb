/* Where what a transport receives goes: a table for one destination by payload type, a list of rows
 * for many (conferences), and the copies for that list. */
#include "dpdk-app/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dpdk-app/keyframe.h"
#include "dpdk-app/media.h"

#define FAN_ROOM 8u /* rows of a new list */

/* ---- the table ---- */

static bool is_type(unsigned pt)
{
    return pt <= 127 || pt == LINK_PT_ANY;
}

int route_set(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    const struct link_routes *routes = &msg->u.routes;

    if (routes->count > LINK_ROUTES_MAX || routes->rtcp.index >> 24 >= worker->plane->workers)
        return ERR_INVAL;
    for (uint32_t i = 0; i < routes->count; i++) {
        /* All rows are checked before the first is written: a refused command changes nothing. */
        const struct link_route *r = &routes->row[i];

        if (r->to.generation == 0 || r->to.index >> 24 >= worker->plane->workers ||
            !is_type(r->pt_in) || !is_type(r->pt_out))
            return ERR_INVAL;
        /* The payload type is under the peers' authentication tag, and all protocols go one way. */
        if (t->mode == LINK_MODE_PASS &&
            (routes->count > 1 || r->pt_in != LINK_PT_ANY || r->pt_out != LINK_PT_ANY))
            return ERR_INVAL;
    }
    for (uint32_t i = 0; i < routes->count; i++) {
        const struct link_route *r = &routes->row[i];

        *transport_route(t, i) =
            (struct route){r->to.index, r->to.generation, r->pt_in, r->pt_out, 0};
    }
    t->route_count = (uint8_t)routes->count;
    t->rtcp = (struct route){routes->rtcp.index, routes->rtcp.generation, 0, 0, 0};
    return 0;
}

int route_clear(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    (void)worker;
    (void)msg;
    t->route_count = 0;
    memset(&t->rtcp, 0, sizeof(t->rtcp));
    route_drop(t);
    return 0;
}

/* ---- the list ---- */

void route_drop(struct transport *t)
{
    free(t->fan);
    t->fan = NULL;
    t->bits &= (uint8_t)~TRANSPORT_FAN;
}

static int check_receiver(const struct worker *worker, const struct link_receiver *r)
{
    if (r->to.generation == 0 || r->to.index >> 24 >= worker->plane->workers ||
        !is_type(r->pt_in) || !is_type(r->pt_out) ||
        (r->flags & ~(LINK_RECEIVER_VIDEO | LINK_RECEIVER_KEY(15))) != 0 ||
        LINK_RECEIVER_KEY_OF(r->flags) >= LINK_KEY_COUNT || r->clock_rate > PACKET_CLOCK_MAX_HZ)
        return ERR_INVAL;
    /* Only a stream of our own can wait: what is passed on unchanged has nobody before it. */
    if (LINK_RECEIVER_KEY_OF(r->flags) != LINK_KEY_NONE && r->ssrc_out == 0)
        return ERR_INVAL;
    return 0;
}

/* A place for one more row. */
static int make_room(struct transport *t)
{
    /* Doubling: adding n receivers costs O(n) copies in all. */
    uint32_t room = t->fan != NULL ? 2 * t->fan->room : FAN_ROOM;
    struct fan *more;

    if (t->fan != NULL && t->fan->count < t->fan->room)
        return 0;
    if (t->fan != NULL && t->fan->count >= LINK_RECEIVERS_MAX)
        return ERR_LIMIT;
    /* 64: rows are read by bursts, a line holds two. */
    more = aligned_alloc(64, (sizeof(*more) + room * sizeof(more->row[0]) + 63) & ~(size_t)63);
    if (more == NULL)
        return ERR_NOMEM;
    memset(more, 0, sizeof(*more));
    if (t->fan != NULL)
        memcpy(more->row, t->fan->row, t->fan->count * sizeof(more->row[0]));
    more->count = t->fan != NULL ? t->fan->count : 0;
    more->room = room;
    free(t->fan);
    t->fan = more;
    t->bits |= TRANSPORT_FAN;
    return 0;
}

static struct receiver *find_row(struct fan *fan, const struct link_receiver *r)
{
    for (uint32_t i = 0; fan != NULL && i < fan->count; i++) {
        struct receiver *row = &fan->row[i];

        /* A row is known by all but its outgoing type and clock: adding it again changes those in
         * place. */
        if (row->to == r->to.index && row->generation == r->to.generation &&
            row->ssrc_out == r->ssrc_out && row->ssrc_in == r->ssrc_in && row->pt_in == r->pt_in)
            return row;
    }
    return NULL;
}

uint32_t route_next_order(struct worker *worker)
{
    uint32_t now = (uint32_t)worker->now_ms;

    /* At least the time, always more than the last: orders of different workers compare by when
     * they were given out, across a wrap of 32 bits too. */
    worker->order = (int32_t)(now - worker->order) > 0 ? now : worker->order + 1;
    return worker->order;
}

/* Rows of one source that feed the same stream (by several payload types) take over together, not
 * from each other. */
static uint32_t order_of(struct worker *worker, const struct fan *fan,
                         const struct link_receiver *r)
{
    for (uint32_t i = 0; i < fan->count; i++)
        if (fan->row[i].to == r->to.index && fan->row[i].generation == r->to.generation &&
            fan->row[i].ssrc_out == r->ssrc_out)
            return fan->row[i].order;
    return route_next_order(worker);
}

/* The row's clock tells that of what is received, for payload types that do not. */
static void tell_clock(struct worker *worker, struct transport *t, const struct receiver *row)
{
    if (row->clock == 0)
        return;
    /* For streams to come; those that are there follow below. */
    t->clock = row->clock;
    for (unsigned i = 0; i < TRANSPORT_STREAMS && t->rx[i].stream != 0; i++) {
        struct stream *s = &worker->stream[t->rx[i].stream];

        if (s->clock == 0 && (row->ssrc_in == 0 || row->ssrc_in == s->ssrc))
            s->clock = row->clock;
    }
}

/* Is it this row that the receiver's stream shows? Only where the stream is ours to look at. */
static bool is_followed(struct worker *worker, const struct receiver *row)
{
    struct transport *to = worker_transport(worker, row->to, row->generation);
    const struct stream_slot *slot = to != NULL ? transport_find(to->tx, row->ssrc_out) : NULL;
    const struct stream *s = slot != NULL ? &worker->stream[slot->stream] : NULL;

    return s != NULL && s->started && s->out.order == row->order;
}

/* A leaving row has done its part once the other took over; what it still carried would only be
 * counted as late. */
static bool has_left(struct worker *worker, const struct receiver *row)
{
    return row->is_leaving &&
           ((int32_t)((uint32_t)worker->now_ms - row->until) >= 0 || !is_followed(worker, row));
}

/* Rows that have left go when the list changes, so that a packet never changes it. */
static void sweep(struct worker *worker, struct transport *t)
{
    uint32_t kept = 0;

    if (t->fan == NULL)
        return;
    for (uint32_t i = 0; i < t->fan->count; i++)
        if (!has_left(worker, &t->fan->row[i]))
            t->fan->row[kept++] = t->fan->row[i];
    t->fan->count = kept;
    if (kept == 0)
        route_drop(t);
}

static bool is_stream_of(const struct receiver *row, const struct link_receiver *r)
{
    return row->to == r->to.index && row->generation == r->to.generation &&
           row->ssrc_out == r->ssrc_out;
}

/* Back before the other took over: as if nothing had happened. */
static void stay(struct transport *t, const struct link_receiver *r)
{
    for (uint32_t i = 0; t->fan != NULL && i < t->fan->count; i++)
        if (is_stream_of(&t->fan->row[i], r))
            t->fan->row[i].is_leaving = 0;
}

static int put_row(struct worker *worker, struct transport *t, const struct link_receiver *r)
{
    struct receiver *row;
    /* Nobody can translate, or pick by payload type, what passes unopened. */
    int err = t->mode == LINK_MODE_PASS ? ERR_INVAL : check_receiver(worker, r);
    uint32_t order;

    if (err != 0)
        return err;
    sweep(worker, t);
    stay(t, r);
    row = find_row(t->fan, r);
    if (row == NULL) {
        err = make_room(t);
        if (err != 0)
            return err;
    }
    order = row != NULL ? row->order : order_of(worker, t->fan, r);
    if (row == NULL)
        row = &t->fan->row[t->fan->count++];
    *row = (struct receiver){.to = r->to.index,
                             .generation = r->to.generation,
                             .ssrc_in = r->ssrc_in,
                             .ssrc_out = r->ssrc_out,
                             .order = order,
                             .clock = PACKET_CLOCK(r->clock_rate),
                             .pt_in = r->pt_in,
                             .pt_out = r->pt_out,
                             .is_video = (r->flags & LINK_RECEIVER_VIDEO) != 0,
                             .key = (uint8_t)LINK_RECEIVER_KEY_OF(r->flags)};
    tell_clock(worker, t, row);
    return 0;
}

/* Takes all rows to a receiver's stream out; the others keep their order. Returns how many. */
static uint32_t take_rows(struct transport *t, const struct link_receiver *r)
{
    uint32_t kept = 0, gone;

    if (t->fan == NULL)
        return 0;
    for (uint32_t i = 0; i < t->fan->count; i++) {
        const struct receiver *row = &t->fan->row[i];

        /* By receiver and its stream: all payload types of it go together. */
        if (!is_stream_of(row, r))
            t->fan->row[kept++] = *row;
    }
    gone = t->fan->count - kept;
    t->fan->count = kept;
    if (kept == 0)
        /* No list at all: the packet path's test for it is one bit. */
        route_drop(t);
    return gone;
}

/* The rows of a stream that another takes over with a key frame: those that it shows go on until
 * then. One that never came to be shown has nothing to hold. */
static void let_leave(struct worker *worker, struct transport *t, const struct link_receiver *r)
{
    for (uint32_t i = 0; t->fan != NULL && i < t->fan->count; i++) {
        struct receiver *row = &t->fan->row[i];

        if (!is_stream_of(row, r) || row->is_leaving)
            continue;
        row->is_leaving = 1;
        row->until = (uint32_t)worker->now_ms + worker->plane->key_wait_ms;
    }
    sweep(worker, t);
}

int route_add(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    return put_row(worker, t, &msg->u.receiver);
}

int route_remove(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    (void)worker;
    return take_rows(t, &msg->u.receiver) > 0 ? 0 : ERR_NOTFOUND;
}

int route_switch(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    const struct link_switch *change = &msg->u.change;
    struct transport *from;
    int err;

    if (change->receiver.ssrc_out == 0)
        return ERR_INVAL;
    /* The take-over is atomic for the receiver only where one worker writes both lists. */
    if (change->from.generation != 0 && change->from.index >> 24 != worker->number)
        return ERR_RANGE;
    err = put_row(worker, t, &change->receiver);
    if (err != 0 || change->from.generation == 0)
        return err;
    /* A source that has closed meanwhile took its rows along. */
    from = worker_transport(worker, change->from.index, change->from.generation);
    if (from == NULL || from == t)
        return 0;
    /* After the new row is in: the receiver is at no moment without a source. */
    if (LINK_RECEIVER_KEY_OF(change->receiver.flags) != LINK_KEY_NONE)
        let_leave(worker, from, &change->receiver);
    else
        take_rows(from, &change->receiver);
    return 0;
}

/* ---- fan-out ----
 *
 * Lines of 64 bytes for each copy: half a row, packet 1, buffer 1 and what the engine writes,
 * destination 2, its stream 1, its statistics 1, its neighbour's version 1. The payload is read
 * where it came in: by the engine once for each secure receiver, by the device for each clear one
 * (a reference that leaves with the packet). The rows of a burst are gathered first, so that their
 * destinations are on the way while the copies' headers are written. */

/* What is the same for all copies of a packet. */
struct original {
    struct packet *p;
    uint32_t from;   /* its transport */
    uint16_t header; /* bytes of RTP header */
    bool is_summed;
    uint32_t sum; /* of the payload */
};

static inline bool fits(struct worker *worker, const struct receiver *row, const struct packet *p)
{
    return (row->pt_in == p->payload_type || row->pt_in == LINK_PT_ANY) &&
           (row->ssrc_in == 0 || row->ssrc_in == p->ssrc) && !has_left(worker, row);
}

static inline void fetch_row(struct worker *worker, const struct receiver *row)
{
    uint32_t place = row->to & 0xffffffu;

    /* Destination's header and hop: what has_header will compare. */
    if (row->to >> 24 != worker->number || place >= worker->plane->transports)
        return;
    __builtin_prefetch(&worker->transport[place].header);
    __builtin_prefetch(&worker->transport[place].hop, 1);
}

/* The row's part of a packet that goes its way; data begins with the RTP header. `o` is as it came,
 * with its payload. */
static inline void aim(struct packet *p, const struct receiver *row, const struct original *o)
{
    const struct packet *whole = o->p;

    p->transport = row->to;
    p->generation = row->generation;
    p->from = o->from;
    p->bits |= PACKET_ROW;
    p->order = row->order;
    /* Dynamic types have their clock from the row, static ones from RFC 3551. */
    p->clock = row->clock != 0 ? row->clock : media_clock(p->payload_type);
    if (row->ssrc_out != 0) {
        p->ssrc = row->ssrc_out;
        p->bits |= PACKET_TRANSLATE;
    }
    if (row->key != LINK_KEY_NONE &&
        !keyframe_begins(row->key, whole->data + o->header, (size_t)whole->length - o->header))
        p->bits |= PACKET_BLIND;
    if (row->is_video)
        p->bits |= PACKET_VIDEO;
}

/* The only receiver takes the packet itself. */
static void aim_in_place(const struct original *o, const struct receiver *row)
{
    if (row->pt_out != LINK_PT_ANY)
        media_set_type(o->p, row->pt_out);
    aim(o->p, row, o);
}

static void sum_payload(struct original *o)
{
    const struct packet *p = o->p;
    uint64_t header;

    /* Only clear copies need it: secure ones get another payload. */
    if (o->is_summed)
        return;
    o->is_summed = true;
    if (p->summed) {
        header = wire_sum(p->data, o->header, 0);
        /* The sum over header and payload is known since parsing: taking the header out is cheaper
         * than adding a video payload up. */
        o->sum = wire_exchange(p->sum, header, 0);
    } else {
        o->sum = wire_half(wire_sum(p->data + o->header, (size_t)p->length - o->header, 0));
    }
}

/* q: an empty packet. Its header is copied, its payload referred to. */
static void write_copy(struct packet *q, const struct receiver *row, const struct original *o)
{
    const struct packet *p = o->p;

    memcpy(q->data, p->data, RTP_SIZE);
    if (o->header > RTP_SIZE)
        memcpy(q->data + RTP_SIZE, p->data + RTP_SIZE, (size_t)o->header - RTP_SIZE);
    packet_resize(q, o->header);
    q->kind = PACKET_RTP;
    q->bits = PACKET_SHARED;
    q->ssrc = p->ssrc;
    q->timestamp = p->timestamp;
    q->sequence = p->sequence;
    q->payload_type = p->payload_type;
    q->summed = 0;
    q->shared = p->data + o->header;
    q->more = (uint16_t)(p->length - o->header);
    if (row->pt_out != LINK_PT_ANY)
        q->data[1] = (uint8_t)((q->data[1] & 0x80) | row->pt_out);
    aim(q, row, o);
}

/* A copy that outlives the original: it leaves unencrypted or is another worker's. */
static bool hold_payload(struct worker *worker, struct packet *q, struct original *o)
{
    /* Nothing to refer to: a header alone. */
    if (q->more == 0) {
        q->bits &= (uint8_t)~PACKET_SHARED;
        return true;
    }
    sum_payload(o);
    q->sum = o->sum;
    q->summed = 1;
    return worker->io->chain(worker->io, q, o->p);
}

static inline bool is_secure(const struct transport *t)
{
    return t->send_mode == LINK_MODE_DTLS_SRTP;
}

static inline void fetch_sent(struct worker *worker, struct transport *to, uint32_t ssrc)
{
    const struct stream_slot *slot = transport_find(to->tx, ssrc);

    __builtin_prefetch(&to->send_stats->rtp_out, 1);
    if (slot != NULL)
        __builtin_prefetch(&worker->stream[slot->stream], 1);
}

/* Copies for `n` rows; ours into `out`, which has room for them. */
static void make_copies(struct worker *worker, struct original *o, const struct receiver **row,
                        unsigned n, struct burst *out)
{
    struct packet *q[PACKET_BURST], *foreign[PACKET_BURST];
    unsigned away = 0;

    /* All or none: half of a burst of copies would favour the first rows for ever. */
    if (!worker->io->alloc_many(worker->io, q, n)) {
        worker_count(worker, LINK_COUNTER_no_buffer, n);
        return;
    }
    worker_count(worker, LINK_COUNTER_fanout_out, n);
    for (unsigned i = 0; i < n; i++) {
        struct transport *to;

        if (q[i]->tail < o->header) {
            worker_drop(worker, q[i], LINK_COUNTER_too_long);
            continue;
        }
        write_copy(q[i], row[i], o);
        to = worker_destination(worker, row[i]->to, row[i]->generation);
        if (to != NULL)
            fetch_sent(worker, to, q[i]->ssrc);
        /* to == NULL: another worker's; it may be secure there, but the original is gone by
         * then. */
        if ((to == NULL || !is_secure(to)) && !hold_payload(worker, q[i], o)) {
            worker_drop(worker, q[i], LINK_COUNTER_no_buffer);
        } else if (row[i]->to >> 24 == worker->number) {
            out->p[out->n++] = q[i];
        } else {
            q[i]->stage = PACKET_STAGE_ROUTED;
            foreign[away++] = q[i];
        }
    }
    worker_hand_over(worker, foreign, away);
}

static void send_copies(struct worker *worker, struct burst *out)
{
    worker_mark(worker, WORKER_ROUTE);
    if (out->n > 0)
        worker_send_media(worker, out);
    out->n = 0;
    worker_empty_trash(worker);
}

/* To all rows that fit from `at` on. */
static void copy_to_all(struct worker *worker, struct original *o, const struct fan *fan,
                        uint32_t at, struct burst *out)
{
    worker_count(worker, LINK_COUNTER_fanout_in, 1);
    while (at < fan->count) {
        const struct receiver *row[PACKET_BURST];
        unsigned n = 0;

        /* A full burst goes first: its destinations are warm. */
        if (out->n == PACKET_BURST)
            send_copies(worker, out);
        for (; at < fan->count && n < PACKET_BURST - out->n; at++) {
            if (!fits(worker, &fan->row[at], o->p))
                continue;
            fetch_row(worker, &fan->row[at]);
            row[n++] = &fan->row[at];
        }
        if (n > 0)
            make_copies(worker, o, row, n, out);
        worker_empty_trash(worker); /* copies that failed never reach send_copies */
    }
}

static uint32_t next_fit(struct worker *worker, const struct fan *fan, const struct packet *p,
                         uint32_t at)
{
    while (at < fan->count && !fits(worker, &fan->row[at], p))
        at++;
    return at;
}

/* True: p itself went on its way. */
static bool fan_out(struct worker *worker, struct packet *p, struct burst *out)
{
    struct transport *t = worker_transport(worker, p->transport, 0);
    const struct fan *fan = t->fan;
    uint32_t first = next_fit(worker, fan, p, 0);
    struct original o = {.p = p, .from = t->index, .header = (uint16_t)media_header_size(p->data)};

    if (first == fan->count) {
        link_stat_add(&t->stats->drop_route, 1);
        worker_count(worker, LINK_COUNTER_no_route, 1);
        return false;
    }
    /* The usual small case: one receiver, no copy. */
    if (next_fit(worker, fan, p, first + 1) < fan->count) {
        copy_to_all(worker, &o, fan, first, out);
        return false;
    }
    aim_in_place(&o, &fan->row[first]);
    if (p->transport >> 24 == worker->number) {
        if (out->n == PACKET_BURST)
            send_copies(worker, out);
        out->p[out->n++] = p;
    } else {
        p->stage = PACKET_STAGE_ROUTED;
        worker_hand_over(worker, &p, 1);
    }
    return true;
}

void route_fan_out(struct worker *worker, struct packet **p, unsigned n)
{
    struct burst out;
    unsigned kept = 0;

    out.n = 0;
    for (unsigned i = 0; i < n; i++)
        if (!fan_out(worker, p[i], &out))
            p[kept++] = p[i];
    send_copies(worker, &out);
    /* Only now: the engine has read the payloads. */
    for (unsigned i = 0; i < kept; i++)
        worker_release(worker, p[i]);
}
