/* A media port: one DTLS transport, or the RTP and RTCP transports of a plain one. States: OPENING
 * (asked, not answered), OPEN, FAILED (owner told, waits for close), CLOSING, CLOSED. Whoever
 * opened it gets exactly one on_opened and, after close, exactly one on_closed; it is freed behind
 * that. */
#include "server/media/media_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "server/media/link_addr.h"
#include "settings/settings.h"

/* No room for a command: tried again after so long. */
#define RETRY_MS 10
/* A disk may be slow: so long the end of a capture is waited for when its port has closed. */
#define CAPTURE_DRAIN_MS 1000

/* ---- ports: life ---- */

/* Never calls back from within a call: what has to be told at once is told by a timer of 0 ms. */
static void wake(struct media_port *p, uint32_t in_ms)
{
    timer_start(p->m->config.timers, &p->timer, clock_mono_ms() + in_ms);
}

static void leg_name(struct port_leg *leg, struct link_id transport)
{
    struct media_link *m = leg->port->m;

    leg->transport = transport;
    leg->is_named = true;
    /* Known by name from the answer on: events and replies of its transport find it. */
    HASH_ADD(by_transport, m->by_transport, transport, sizeof(leg->transport), leg);
}

static void leg_forget(struct port_leg *leg)
{
    struct media_link *m = leg->port->m;

    if (leg->is_named)
        HASH_DELETE(by_transport, m->by_transport, leg);
    leg->is_named = false;
}

void media_forget_routes(struct media_port *p)
{
    for (size_t i = 0; i < p->routes; i++)
        list_remove(&p->route[i].link);
    p->routes = 0;
}

/* The data plane drops what goes to a transport that is no more; here no pointer may stay behind.
 * Routes point from source to destination and are linked there, so that the end of either finds all
 * of them. */
static void forget_route(struct port_route *r)
{
    struct media_port *p = r->from;
    size_t place = (size_t)(r - p->route);

    for (size_t i = 0; i < p->routes; i++)
        list_remove(&p->route[i].link);
    /* The array moves: list links inside it must be taken out first and put in again. */
    memmove(r, r + 1, (p->routes - place - 1) * sizeof(*r));
    p->routes--;
    for (size_t i = 0; i < p->routes; i++)
        list_push_back(&p->route[i].to->sources, &p->route[i].link);
}

void media_port_free(struct media_port *p)
{
    struct media_link *m = p->m;

    for (unsigned i = 0; i < p->legs; i++) {
        leg_forget(&p->leg[i]);
        HASH_DELETE(by_id, m->by_id, &p->leg[i]);
    }
    media_forget_routes(p);
    while (!list_is_empty(&p->sources))
        forget_route(LIST_ENTRY(list_first(&p->sources), struct port_route, link));
    media_forward_leave(p);
    media_mix_port_gone(p);
    if (p->capture != NULL)
        media_file_free(p->capture);
    /* Void: the pool of numbers was made anew with the next data plane. */
    if (!p->is_void && m->numbers != NULL && !media_is_wire(p->kind))
        ports_release(m->numbers, p->number, clock_mono_ms());
    timer_cancel(m->config.timers, &p->timer);
    list_remove(&p->link);
    m->stats.ports_open--;
    secret_wipe(p, sizeof(*p)); /* the DTLS fingerprint is public, the ICE password is not */
    free(p);
}

static struct link_msg *message(struct link_msg *msg, enum link_type type,
                                const struct port_leg *leg)
{
    link_msg_init(msg, type, leg->transport, leg->id);
    return msg;
}

/* Ask the data plane, or the shard that has the association, to close; false: no room, later. */
static bool send_close(struct media_port *p)
{
    struct media_link *m = p->m;
    struct shard_command command;
    struct link_msg msg;

    for (unsigned i = 0; i < p->legs; i++) {
        struct port_leg *leg = &p->leg[i];
        int err;

        /* Waiting for an OPEN's or CLOSE's answer: one thing at a time for each leg. */
        if (!leg->is_open || leg->is_waiting)
            continue;
        if (media_is_wire(p->kind)) {
            err = media_wire_close(p);
        } else if (p->kind == MEDIA_DTLS_SRTP) {
            memset(&command, 0, sizeof(command));
            command.kind = SHARD_CLOSE;
            command.id = leg->id;
            command.transport = leg->transport;
            err = shard_command(m->shards[p->shard], &command);
        } else {
            err = link_port_send(m->port, message(&msg, LINK_TRANSPORT_CLOSE, leg));
        }
        /* Already asked legs keep their mark: the retry goes on from here. */
        if (err == ERR_AGAIN)
            return false;
        leg->is_waiting = err == 0;
        leg->is_open = err == 0;
    }
    return true;
}

static bool is_waiting(const struct media_port *p)
{
    return p->leg[0].is_waiting || p->leg[1].is_waiting;
}

static void close_step(struct media_port *p)
{
    if (p->state != PORT_CLOSING)
        return;
    /* Void: there is nobody to ask. */
    if (p->is_void) {
        p->leg[0].is_waiting = p->leg[1].is_waiting = false;
    } else if (!send_close(p)) {
        wake(p, RETRY_MS);
        return;
    }
    if (!is_waiting(p)) {
        p->state = PORT_CLOSED;
        wake(p, 0);
    }
}

static void on_port_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct media_port *p = ctx;

    (void)timer;
    (void)now;
    if (p->state == PORT_CLOSING) {
        close_step(p);
    } else if (p->state == PORT_FAILED && !p->was_told_open) {
        /* Failed before it was told open: on_opened with the error comes first, never from inside
         * port_open. */
        p->was_told_open = true;
        p->callbacks->on_opened(p->owner, p->error);
    } else if (p->state == PORT_OPENING && media_is_wire(p->kind)) {
        p->state = PORT_OPEN;
        p->was_told_open = true;
        p->m->stats.opened++;
        p->callbacks->on_opened(p->owner, 0);
    } else if (p->state == PORT_CLOSED && p->capture != NULL && !p->is_void && !p->was_drained) {
        p->was_drained = true; /* the writer's last word is worth a moment */
        wake(p, CAPTURE_DRAIN_MS);
    } else if (p->state == PORT_CLOSED) {
        if (p->capture != NULL)
            media_capture_lose(p, ERR_CLOSED, "the data plane did not tell its end");
        p->callbacks->on_closed(p->owner, &p->final);
        media_port_free(p);
    }
}

static void port_close(struct media_port *p)
{
    if (p->state == PORT_CLOSING || p->state == PORT_CLOSED)
        return;
    /* One whose OPEN is not answered yet waits for that answer first. */
    p->state = PORT_CLOSING;
    /* Everybody who points at it lets go now; only the answers of the data plane are still
     * awaited. */
    media_data_on_lost(p);
    media_forward_leave(p);
    media_mix_port_gone(p);
    if (!is_waiting(p) || p->is_void)
        close_step(p);
}

/* ---- ports: opening ---- */

static int local_of(const struct media_link *m, uint8_t family, uint8_t *index)
{
    for (uint32_t i = 0; i < m->info.locals && i < LINK_LOCALS_MAX; i++) {
        if (m->info.local[i].family == family) {
            *index = (uint8_t)i;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

static void leg_make(struct media_port *p, unsigned i)
{
    struct media_link *m = p->m;
    struct port_leg *leg = &p->leg[i];

    leg->id = ++m->next_id;
    leg->port = p;
    HASH_ADD(by_id, m->by_id, id, sizeof(leg->id), leg);
    p->legs = i + 1;
}

static int leg_open(struct media_port *p, unsigned i, const struct media_request *r, uint8_t local)
{
    struct media_link *m = p->m;
    struct port_leg *leg = &p->leg[i];
    struct link_open open;
    int err;

    memset(&open, 0, sizeof(open));
    open.local = local;
    open.dscp = r->dscp;
    open.flags = p->own_rtcp ? LINK_FLAG_REPORTS : 0;
    open.port = (uint16_t)(p->number + i);
    if (p->kind == MEDIA_DTLS_SRTP) {
        open.mode = LINK_MODE_DTLS_SRTP;
        /* The data plane lets a port have one way to find its remote: latching or ICE. */
        if (m->config.settings->media.latch && !r->is_by_sdp)
            open.flags |= LINK_FLAG_LATCH;
        open.producer = (uint8_t)(p->shard + 1);
    } else if (p->kind == MEDIA_PASS) {
        open.mode = LINK_MODE_PASS;
    } else {
        open.mode = i == 0 ? LINK_MODE_RTP : LINK_MODE_RTCP;
    }
    snprintf(open.session, sizeof(open.session), "%s", r->session != NULL ? r->session : "");
    snprintf(open.conference, sizeof(open.conference), "%s",
             r->conference != NULL ? r->conference : "");
    if (i > 0)
        leg_make(p, i);
    err = link_port_open(m->port, p->worker, &open, leg->id);
    leg->is_waiting = err == 0;
    return err;
}

struct media_port *media_port_make(struct media_link *m, const struct media_request *r,
                                   const struct media_callbacks *callbacks, void *owner)
{
    struct media_port *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->m = m;
    p->callbacks = callbacks;
    p->owner = owner;
    p->kind = r->kind;
    p->is_lab = r->is_lab;
    timer_init(&p->timer, on_port_timer, p);
    list_init(&p->sources);
    list_init(&p->receivers);
    list_init(&p->fed);
    list_push_back(&m->all, &p->link);
    m->stats.ports_open++;
    leg_make(p, 0);
    return p;
}

static int port_open(void *media, const struct media_request *r,
                     const struct media_callbacks *callbacks, void *owner, struct media_port **out)
{
    struct media_link *m = media;
    struct media_port *p;
    uint16_t number = 0;
    uint8_t local = 0;
    int err;

    /* No ports without a data plane: better refused than opened nowhere. */
    if (!m->is_attached || m->is_stopping || m->info.workers == 0)
        return ERR_CLOSED;
    if (media_is_wire(r->kind))
        return media_wire_open(m, r, callbacks, owner, out);
    /* The first local address of the family: which one is the configuration's choice by order. */
    err = local_of(m, r->family, &local);
    if (err == 0)
        err = ports_take(m->numbers, clock_mono_ms(), &number);
    if (err != 0)
        return err;
    p = media_port_make(m, r, callbacks, owner);
    if (p == NULL) {
        /* now 0: it was never in use and need not rest. */
        ports_release(m->numbers, number, 0);
        return ERR_NOMEM;
    }
    p->number = number;
    p->own_rtcp = (m->config.settings->media.own_rtcp || r->ends_rtcp) && r->kind != MEDIA_PASS;
    /* SSRCs of our streams to this port: 24 random bits and a lane. The top bit keeps them apart
     * from those that peers like to choose (small numbers) in captures. */
    if (getentropy(&p->ssrc, sizeof(p->ssrc)) != 0 || p->ssrc == 0)
        p->ssrc = number;
    p->ssrc &= ~0xffu; /* one for each lane, none of them 0 */
    p->ssrc |= 0x80000000u;
    /* A place is a conference's: its members meet on one worker. */
    p->worker = r->place % m->info.workers;
    /* By place, not in turn: the two sides of a relay are on one shard, and what one sends goes to
     * the other without a queue between. */
    p->shard = r->place % m->shard_count;
    p->local = addr_with_port(addr_of_link(&m->info.local[local]), number);
    err = leg_open(p, 0, r, local);
    if (err == 0 && p->kind == MEDIA_PLAIN_RTP)
        err = leg_open(p, 1, r, local);
    if (err != 0) {
        p->error = err;
        /* Told by timer: the caller has not got *out yet. */
        p->state = PORT_FAILED;
        m->stats.open_failed++;
        wake(p, 0);
    }
    *out = p;
    return 0;
}

static struct addr port_local(const struct media_port *p)
{
    return p->local;
}

/* ---- ports: remote, association, route ---- */

static int send_remote(struct media_port *p)
{
    struct link_msg msg;
    int err = 0;

    /* Legs that are not open yet get it with their answer. */
    for (unsigned i = 0; i < p->legs && err == 0; i++) {
        if (!p->leg[i].is_open || p->leg[i].remote.family == ADDR_NONE)
            continue;
        message(&msg, LINK_TRANSPORT_REMOTE, &p->leg[i]);
        msg.u.remote = link_of_addr(&p->leg[i].remote);
        err = link_port_send(p->m->port, &msg);
    }
    return err;
}

static int port_set_remote(struct media_port *p, const struct addr *rtp, const struct addr *rtcp)
{
    p->leg[0].remote = *rtp;
    if (p->legs == 2 && rtcp != NULL)
        p->leg[1].remote = *rtcp;
    if (media_is_wire(p->kind))
        return 0; /* told when it starts */
    /* With ICE the data plane has it from the check itself, perhaps a newer one already. A port
     * that is not open keeps it until then. */
    return p->state == PORT_OPEN && !p->has_ice ? send_remote(p) : 0;
}

static int send_ice(struct media_port *p)
{
    struct link_msg msg;
    int err;

    if (!p->has_ice)
        return 0;
    message(&msg, LINK_ICE_SET, &p->leg[0]);
    msg.u.ice.ufrag_length = (uint8_t)strlen(p->ice.ufrag);
    msg.u.ice.password_length = (uint8_t)strlen(p->ice.password);
    /* Lengths in the message: strings of the peer's may use all of the room. */
    memcpy(msg.u.ice.ufrag, p->ice.ufrag, msg.u.ice.ufrag_length);
    memcpy(msg.u.ice.password, p->ice.password, msg.u.ice.password_length);
    err = link_port_send(p->m->port, &msg);
    /* The copy in the message is keys; the link wipes its own. */
    secret_wipe(&msg.u.ice, sizeof(msg.u.ice));
    return err;
}

static int port_ice(struct media_port *p, const struct media_ice *ice)
{
    if (p->kind == MEDIA_PLAIN_RTP || media_is_wire(p->kind))
        return ERR_INVAL;
    p->has_ice = true;
    p->ice = *ice;
    return p->state == PORT_OPEN ? send_ice(p) : 0;
}

static int send_associate(struct media_port *p)
{
    struct shard_command command;

    memset(&command, 0, sizeof(command));
    command.kind = SHARD_OPEN;
    command.id = p->leg[0].id;
    command.transport = p->leg[0].transport;
    command.is_active = p->is_active;
    command.is_lab = p->is_lab;
    command.has_fingerprint = true;
    command.fingerprint = p->fingerprint;
    memcpy(command.others, p->others, sizeof(command.others));
    command.other_count = p->other_count;
    command.remote = p->leg[0].remote;
    command.has_data = p->has_data;
    command.data = p->data;
    return shard_command(p->m->shards[p->shard], &command);
}

static int port_associate(struct media_port *p, bool is_active, const struct fingerprint *peer,
                          size_t count)
{
    if (p->kind != MEDIA_DTLS_SRTP && !media_is_wire(p->kind))
        return ERR_INVAL;
    /* One association a port: another fingerprint is another port. */
    if (p->is_associated)
        return ERR_EXISTS;
    /* Whom to talk to must be known: a handshake cannot be aimed later. */
    if (p->leg[0].remote.family == ADDR_NONE)
        return ERR_STATE;
    if (count == 0 || count - 1 > FINGERPRINT_OTHERS_MAX)
        return ERR_LIMIT;
    p->is_associated = true;
    p->is_active = is_active;
    p->fingerprint = peer[0];
    p->other_count = (uint8_t)(count - 1);
    memcpy(p->others, peer + 1, p->other_count * sizeof(p->others[0]));
    if (media_is_wire(p->kind))
        return media_wire_start(p);
    return p->state == PORT_OPEN ? send_associate(p) : 0;
}

/* RTCP ends on each side: RTP alone is sent on, each lane as a stream of the receiver's own. */
static int send_receivers(struct media_port *p)
{
    struct link_msg msg;
    int err = link_port_send(p->m->port, message(&msg, LINK_ROUTE_CLEAR, &p->leg[0]));

    for (size_t k = 0; k < p->routes && err == 0; k++) {
        const struct port_route *r = &p->route[k];

        message(&msg, LINK_RECEIVER_ADD, &p->leg[0]);
        /* The receiver's stream: its own SSRC space, one number for each lane. */
        msg.u.receiver = (struct link_receiver){.to = r->to->leg[0].transport,
                                                .ssrc_out = r->to->ssrc + r->lane,
                                                .clock_rate = r->clock_rate,
                                                .pt_in = r->pt_in,
                                                .pt_out = r->pt_out,
                                                .flags = r->is_video ? LINK_RECEIVER_VIDEO : 0};
        err = link_port_send(p->m->port, &msg);
    }
    return err;
}

/* Both legs of a plain port get the same table: RTP matches its row, RTCP goes by `rtcp`. */
static int send_routes(struct media_port *p)
{
    struct link_msg msg;
    int err = 0;

    if (p->own_rtcp)
        return send_receivers(p);
    /* Both legs: RTCP of a plain peer arrives at the second and goes by the same table. */
    for (unsigned i = 0; i < p->legs && err == 0; i++) {
        message(&msg, p->routes > 0 ? LINK_ROUTE_SET : LINK_ROUTE_CLEAR, &p->leg[i]);
        msg.u.routes.count = (uint32_t)p->routes;
        for (size_t k = 0; k < p->routes; k++) {
            const struct port_route *r = &p->route[k];

            msg.u.routes.row[k].to = r->to->leg[0].transport;
            msg.u.routes.row[k].pt_in = r->pt_in;
            msg.u.routes.row[k].pt_out = r->pt_out;
        }
        if (p->routes > 0)
            /* The last leg: RTCP of a plain destination, the only one of a DTLS one. */
            msg.u.routes.rtcp = p->route[0].to->leg[p->route[0].to->legs - 1].transport;
        err = link_port_send(p->m->port, &msg);
    }
    return err;
}

static bool is_routed(const struct media_port *p, const struct media_route *rows, size_t count)
{
    /* Asking for what is there already costs the data plane nothing and this one comparison. */
    bool is_same = p->routes == count && list_is_empty(&p->receivers);

    for (size_t i = 0; i < count && is_same; i++)
        is_same = p->route[i].to == rows[i].to && p->route[i].pt_in == rows[i].pt_in &&
                  p->route[i].pt_out == rows[i].pt_out;
    return is_same;
}

/* While the data plane has a list it does not look at the table. */
static int leave_receivers(struct media_port *p)
{
    struct link_msg msg;
    int err;

    if (list_is_empty(&p->receivers))
        return 0;
    err = link_port_send(p->m->port, message(&msg, LINK_ROUTE_CLEAR, &p->leg[0]));
    if (err == 0)
        media_forward_forget(p);
    return err;
}

static int port_route(struct media_port *from, const struct media_route *rows, size_t count)
{
    int err;

    if (count > MEDIA_ROUTES_MAX)
        return ERR_LIMIT;
    if (from->state != PORT_OPEN || media_is_wire(from->kind))
        return ERR_STATE;
    /* All of them open: half a table would route to nowhere. */
    for (size_t i = 0; i < count; i++)
        if (rows[i].to->state != PORT_OPEN)
            return ERR_STATE;
    if (!from->is_table_unsent && is_routed(from, rows, count))
        return 0;
    err = leave_receivers(from);
    if (err != 0)
        return err;
    /* Before the rows are written: the links of the old ones are inside the same array. */
    media_forget_routes(from);
    for (size_t i = 0; i < count; i++) {
        struct port_route *r = &from->route[i];

        *r = (struct port_route){.from = from,
                                 .to = rows[i].to,
                                 .pt_in = rows[i].pt_in,
                                 .pt_out = rows[i].pt_out,
                                 .lane = rows[i].lane,
                                 .is_video = rows[i].is_video,
                                 .clock_rate = rows[i].clock_rate};
        list_init(&r->link);
        list_push_back(&r->to->sources, &r->link);
    }
    from->routes = count;
    err = send_routes(from);
    /* Of a table that is said to be there no later call would send anything: media would go on to
     * whom they went before. */
    from->is_table_unsent = err != 0;
    return err;
}

static void add_stats(struct link_transport_stats *sum, const struct link_transport_stats *one)
{
    const uint64_t *from = (const uint64_t *)one;
    uint64_t *to = (uint64_t *)sum;

    /* Only counters of both legs can add up; times and SSRCs stay those of the RTP leg. */
    sum->rtcp_in += one->rtcp_in;
    sum->rtcp_out += one->rtcp_out;
    for (size_t i = offsetof(struct link_transport_stats, drop_remote) / 8;
         i <= offsetof(struct link_transport_stats, drop_source) / 8; i++)
        to[i] += from[i];
}

static int port_stats(struct media_port *p, struct link_transport_stats *stats)
{
    struct link_transport_stats rtcp;
    int err;

    /* Void: the statistics' memory is that of another data plane. */
    if (p->is_void || p->state != PORT_OPEN || media_is_wire(p->kind))
        return ERR_NOTFOUND;
    err = link_client_transport(p->m->client, p->leg[0].transport, NULL, stats);
    if (err == 0 && p->legs == 2 &&
        link_client_transport(p->m->client, p->leg[1].transport, NULL, &rtcp) == 0)
        add_stats(stats, &rtcp);
    return err;
}

/* The reports of a plain port's RTP leave by its RTCP leg. */
static int send_pair(struct media_port *p)
{
    struct link_msg msg;

    if (!p->own_rtcp || p->legs != 2)
        return 0;
    message(&msg, LINK_TRANSPORT_PAIR, &p->leg[0]);
    msg.u.pair.rtcp = p->leg[1].transport;
    return link_port_send(p->m->port, &msg);
}

struct port_leg *media_leg_find(struct media_link *m, uint64_t id)
{
    struct port_leg *leg = NULL;

    HASH_FIND(by_id, m->by_id, &id, sizeof(id), leg);
    return leg;
}

struct port_leg *media_leg_of_transport(struct media_link *m, struct link_id id)
{
    struct port_leg *leg = NULL;

    HASH_FIND(by_transport, m->by_transport, &id, sizeof(id), leg);
    return leg;
}

static void fail_open(struct media_port *p, int err)
{
    if (p->state == PORT_OPENING) {
        p->state = PORT_FAILED;
        p->error = err;
        p->m->stats.open_failed++;
    }
}

void media_leg_on_open_reply(struct port_leg *leg, const struct link_msg *msg)
{
    struct media_port *p = leg->port;

    leg->is_waiting = false;
    if (msg->error == 0) {
        leg->is_open = true;
        leg_name(leg, (struct link_id){msg->transport, msg->generation});
    } else {
        fail_open(p, msg->error);
    }
    /* Both legs first: a plain port is open when it has both ports. */
    if (is_waiting(p))
        return;
    if (p->state == PORT_CLOSING) {
        close_step(p);
    } else if (p->state == PORT_FAILED) {
        /* As the timer would: told at once, we are in nobody's call. */
        on_port_timer(&p->timer, p, 0);
    } else if (p->state == PORT_OPENING) {
        p->state = PORT_OPEN;
        p->m->stats.opened++;
        /* In the order of need: whom, reports, ICE, data, and only then the handshake. */
        if (send_remote(p) != 0 || send_pair(p) != 0 || send_ice(p) != 0 ||
            (p->has_data && media_data_allow(p) != 0) ||
            (p->is_associated && send_associate(p) != 0))
            log_error(LOG_AREA_LINK, 0, "command to the data plane lost: queue full",
                      LOG_U("port", p->number));
        p->was_told_open = true;
        p->callbacks->on_opened(p->owner, 0);
    }
}

void media_leg_on_close_reply(struct port_leg *leg, const struct link_transport_stats *final)
{
    /* A reply for a leg that was not asked (a lost one that came back): nobody waits. */
    struct media_port *p = leg->port;

    if (p->state != PORT_CLOSING)
        return;
    leg->is_waiting = false;
    leg->is_open = false;
    /* The RTP leg's times and SSRCs are the call's. */
    if (leg == &p->leg[0])
        p->final = *final;
    else
        add_stats(&p->final, final);
    close_step(p);
}

void media_port_lose_all(struct media_link *m)
{
    media_mix_lose_all(m);
    LIST_FOREACH_SAFE (it, &m->all) {
        struct media_port *p = LIST_ENTRY(it, struct media_port, link);

        if (media_is_wire(p->kind))
            continue; /* nothing of it was there */
        /* Safe against on_gone: the owner closes the port in it, and the list is walked by
         * copies. */
        p->is_void = true;
        media_data_on_lost(p);
        leg_forget(&p->leg[0]); /* the same name may come again with the next data plane */
        if (p->legs == 2)
            leg_forget(&p->leg[1]);
        if (p->state == PORT_CLOSING) {
            close_step(p);
        } else if (p->state == PORT_OPENING) {
            p->leg[0].is_waiting = p->leg[1].is_waiting = false;
            fail_open(p, ERR_CLOSED);
            wake(p, 0);
        } else if (p->state == PORT_OPEN) {
            p->state = PORT_FAILED;
            /* Not closed here: the owner does that, and gets its on_closed as ever. */
            p->callbacks->on_gone(p->owner, "data plane lost");
        }
    }
}

const struct media_ops media_link_ops = {
    .open = port_open,
    .local = port_local,
    .set_remote = port_set_remote,
    .associate = port_associate,
    .sctp_ports = media_sctp_ports,
    .ice = port_ice,
    .route = port_route,
    .forward = media_forward,
    .switch_source = media_switch_source,
    .let_go = media_let_go,
    .data = media_data_set,
    .data_send = media_data_send,
    .stats = port_stats,
    .is_near = media_is_near,
    .close = port_close,
    .capture = media_capture,
    .stop_capture = media_stop_capture,
    .mix_open = media_mix_open,
    .mix_join = media_mix_join,
    .mix_leave = media_mix_leave,
    .mix_play = media_mix_play,
    .mix_stop_play = media_mix_stop_play,
    .mix_record = media_mix_record,
    .mix_stop_record = media_mix_stop_record,
    .mix_stats = media_mix_stats,
    .mix_close = media_mix_close,
};
