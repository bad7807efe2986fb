#include "server/media/wires_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"

/* Members of one conference are told to join one after the other: what the first has said already
 * is for the last, too. */
#define ATTACH_MS 20
/* Sockets looked at before the thread looks at anything else. */
#define BUDGET 64
/* A third address is reported at most so often for one wire. */
#define STRANGERS_A_REPORT 1000

/* ---- sockets ---- */

int wires_watch(struct wires *w, struct wire_fd *f, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = f};
    int op = f->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

    if (f->fd < 0 || events == f->events)
        return 0;
    if (epoll_ctl(w->epoll, op, f->fd, &e) != 0) {
        w->stats.io_errors++;
        return ERR_IO;
    }
    f->events = events;
    return 0;
}

void wires_close_fd(struct wires *w, struct wire_fd *f)
{
    if (f->fd < 0)
        return;
    (void)wires_watch(w, f, 0);
    close(f->fd);
    f->fd = -1;
    f->events = 0;
}

int wires_fd(const struct wires *w)
{
    return w->epoll;
}

/* One event at a time: what it leads to may close the socket of the next. */
void wires_on_ready(struct wires *w, uint64_t now)
{
    struct epoll_event e;

    w->now = now;
    for (int i = 0; i < BUDGET && epoll_wait(w->epoll, &e, 1, 0) == 1; i++) {
        struct wire_fd *f = e.data.ptr;

        f->on_ready(f, e.events);
    }
}

/* ---- reports ---- */

static void report(const struct wire *wire, struct shard_report *r)
{
    r->id = wire->id;
    wire->wires->io.report(wire->wires->user, r);
    secret_wipe(r, sizeof(*r));
}

static void fill(struct shard_report *r, enum shard_report_kind kind)
{
    memset(r, 0, sizeof(*r));
    r->kind = kind;
}

void wire_report_established(struct wire *wire, const struct dtls_established *e)
{
    struct shard_report r;

    fill(&r, SHARD_ESTABLISHED);
    wire->is_established = true;
    timer_cancel(&wire->wires->timers, &wire->timer);
    r.profile = e->profile;
    r.handshake_ms = e->handshake_ms;
    r.is_resumed = e->is_resumed;
    r.peer = *e->peer;
    snprintf(r.text, sizeof(r.text), "%s", e->cipher != NULL ? e->cipher : "");
    report(wire, &r);
}

void wire_fail(struct wire *wire, enum dtls_failure why, const char *text)
{
    struct shard_report r;

    if (wire->is_over)
        return;
    wire->is_over = true;
    timer_cancel(&wire->wires->timers, &wire->timer);
    fill(&r, SHARD_FAILED);
    r.failure = why;
    snprintf(r.text, sizeof(r.text), "%s", text != NULL ? text : dtls_failure_to_str(why));
    report(wire, &r);
}

void wire_report_peer_closed(struct wire *wire)
{
    struct shard_report r;

    if (wire->is_over)
        return;
    wire->is_over = true;
    timer_cancel(&wire->wires->timers, &wire->timer);
    fill(&r, SHARD_PEER_CLOSED);
    report(wire, &r);
}

void wire_report_stranger(struct wire *wire, const struct addr *from)
{
    struct shard_report r;

    wire->wires->stats.refused_address++;
    if (wire->strangers++ % STRANGERS_A_REPORT != 0)
        return;
    fill(&r, SHARD_STRANGER);
    r.from = *from;
    r.count = wire->strangers;
    report(wire, &r);
}

/* ---- commands ---- */

static struct wire *find(const struct wires *w, uint64_t id)
{
    struct wire *wire = NULL;

    HASH_FIND(hh, w->all, &id, sizeof(id), wire);
    return wire;
}

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct wire *wire = ctx;

    (void)timer;
    if (wire->kind == WIRE_SCTP && (wire->is_established || wire->is_over)) {
        wire_sctp_on_timer(wire);
        return;
    }
    if (now < wire->deadline) {
        wire_tcp_on_timer(wire);
        return;
    }
    wire_tcp_close(wire);
    wire_sctp_close(wire);
    if (wire->failure != DTLS_FAIL_NONE)
        wire_fail(wire, wire->failure, wire->failure_text);
    else
        wire_fail(wire, DTLS_FAIL_TIMEOUT, "no end of the handshake in time");
}

/* Without memory the socket is closed, and START says so. */
static void open_wire(struct wires *w, const struct wire_command *c)
{
    struct wire *wire = w->stats.wires < w->limit ? calloc(1, sizeof(*wire)) : NULL;

    if (wire == NULL) {
        close(c->fd);
        return;
    }
    wire->wires = w;
    wire->id = c->id;
    wire->kind = c->wire;
    wire->local = c->local;
    wire->socket = (struct wire_fd){.fd = c->fd, .wire = wire};
    timer_init(&wire->timer, on_timer, wire);
    HASH_ADD(hh, w->all, id, sizeof(wire->id), wire);
    w->stats.wires++;
}

static void report_lost(struct wires *w, uint64_t id, enum shard_report_kind kind)
{
    struct shard_report r;

    fill(&r, kind);
    r.id = id;
    if (kind == SHARD_FAILED) {
        r.failure = DTLS_FAIL_INTERNAL;
        snprintf(r.text, sizeof(r.text), "connection not made: too many, or out of memory");
    }
    w->io.report(w->user, &r);
}

static void start_wire(struct wires *w, const struct wire_command *c)
{
    struct wire *wire = find(w, c->id);

    if (wire == NULL) {
        report_lost(w, c->id, SHARD_FAILED);
        return;
    }
    if (wire->is_started)
        return; /* D-ONCE */
    wire->is_started = true;
    wire->is_active = c->is_active;
    wire->remote = c->remote;
    wire->fingerprint = c->fingerprint;
    wire->deadline = w->now + w->config[wire->kind].handshake_timeout_ms;
    timer_start(&w->timers, &wire->timer, wire->deadline);
    w->stats.started++;
    wire->sctp_local = c->sctp_local;
    wire->sctp_remote = c->sctp_remote;
    if (wire->kind == WIRE_SCTP)
        wire_sctp_start(wire);
    else
        wire_tcp_start(wire);
}

void wire_free(struct wire *wire)
{
    struct wires *w = wire->wires;

    wire_tcp_close(wire);
    wire_sctp_close(wire);
    timer_cancel(&w->timers, &wire->timer);
    wires_close_fd(w, &wire->socket);
    HASH_DELETE(hh, w->all, wire);
    w->stats.wires--;
    free(wire);
}

void wires_on_command(struct wires *w, uint64_t now, const struct wire_command *c)
{
    struct wire *wire;

    w->now = now;
    switch (c->kind) {
    case WIRE_OPEN:
        open_wire(w, c);
        break;
    case WIRE_START:
        start_wire(w, c);
        break;
    case WIRE_CLOSE:
        wire = find(w, c->id);
        if (wire != NULL && !wire_sctp_leave(wire))
            wire_free(wire);
        report_lost(w, c->id, SHARD_CLOSED);
        break;
    }
}

int wires_send(struct wires *w, uint64_t now, uint64_t id, const uint8_t *packet, size_t len)
{
    struct wire *wire = find(w, id);

    w->now = now;
    return wire != NULL ? wire_tcp_send(wire, packet, len) : ERR_NOTFOUND;
}

bool wires_is_pipe(const struct wires *w, uint64_t id)
{
    const struct wire *wire = find(w, id);

    return wire != NULL && wire->kind == WIRE_SCTP;
}

void wires_attach(struct wires *w, uint64_t now, uint64_t id)
{
    struct wire *wire = find(w, id);

    w->now = now;
    if (wire != NULL && wire->s != NULL)
        wire->s->attach_at = now + ATTACH_MS;
}

void wires_on_tick(struct wires *w, uint64_t now)
{
    struct wire *wire, *next;

    w->now = now;
    HASH_ITER(hh, w->all, wire, next)
    {
        if (wire->s != NULL && wire->s->attach_at != 0 && now >= wire->s->attach_at) {
            wire->s->attach_at = 0;
            wire_sctp_attach(wire);
        }
    }
}

void wires_detach(struct wires *w, uint64_t id)
{
    struct wire *wire = find(w, id);

    if (wire != NULL && wire->s != NULL)
        wire->s->is_attached = false;
    if (wire != NULL && wire->s != NULL)
        wire->s->attach_at = 0;
}

int wires_send_message(struct wires *w, uint64_t now, uint64_t id,
                       const struct sctp_message *message)
{
    struct wire *wire = find(w, id);

    w->now = now;
    return wire != NULL && wire->s != NULL ? wire_sctp_send(wire, message) : ERR_NOTFOUND;
}

int wires_reset_stream(struct wires *w, uint64_t id, uint16_t stream)
{
    struct wire *wire = find(w, id);

    if (wire == NULL || wire->s == NULL || wire->s->sctp == NULL)
        return ERR_NOTFOUND;
    return sctp_reset_stream(wire->s->sctp, stream);
}

bool wires_need_ticks(const struct wires *w)
{
    return w->associations > 0;
}

/* ---- time ---- */

uint64_t wires_next_deadline(const struct wires *w)
{
    return timer_set_next(&w->timers);
}

void wires_on_timer(struct wires *w, uint64_t now)
{
    w->now = now;
    timer_set_run(&w->timers, now);
}

/* ---- life ---- */

void wires_stats(const struct wires *w, struct wires_stats *out)
{
    *out = w->stats;
}

void wires_dtls_stats(const struct wires *w, struct dtls_stats *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t kind = 0; kind < 2; kind++) {
        const uint64_t *from =
            w->dtls[kind] != NULL ? (const uint64_t *)dtls_ctx_stats(w->dtls[kind]) : NULL;

        for (size_t i = 0; from != NULL && i < sizeof(*out) / sizeof(uint64_t); i++)
            ((uint64_t *)out)[i] += from[i];
    }
}

/* What is below repeats by itself: DTLS must not (RFC 6083 section 3.6). There is no SRTP on these
 * connections, and a session taken up again would have to be bound to another transport. */
static struct dtls_config config_for(const struct dtls_config *shards, enum wire_kind kind)
{
    struct dtls_config c = *shards;

    c.profile_count = 0;
    c.sessions = NULL;
    c.park = false;
    c.retransmit_initial_ms = c.retransmit_max_ms = c.handshake_timeout_ms;
    if (kind == WIRE_SCTP)
        c.mtu = DTLS_DATAGRAM_MAX; /* no path of its own to fit in (RFC 6083 3.5) */
    return c;
}

int wires_create(const struct dtls_config *dtls, size_t limit, const struct wires_io *io,
                 void *user, struct wires **out)
{
    struct wires *w = calloc(1, sizeof(*w));
    int err;

    if (w == NULL)
        return ERR_NOMEM;
    w->io = *io;
    w->user = user;
    w->limit = limit;
    timer_set_init(&w->timers);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    err = w->epoll >= 0 ? 0 : ERR_IO;
    for (int kind = WIRE_TCP; kind <= WIRE_SCTP && err == 0; kind++) {
        w->config[kind] = config_for(dtls, (enum wire_kind)kind);
        err = dtls_ctx_create(&w->config[kind], &w->dtls[kind]);
    }
    if (err != 0) {
        wires_destroy(w);
        return err;
    }
    *out = w;
    return 0;
}

void wires_destroy(struct wires *w)
{
    struct wire *wire, *next;

    if (w == NULL)
        return;
    HASH_ITER(hh, w->all, wire, next) wire_free(wire);
    for (size_t kind = 0; kind < 2; kind++)
        dtls_ctx_destroy(w->dtls[kind]);
    if (w->epoll >= 0)
        close(w->epoll);
    free(w);
}
