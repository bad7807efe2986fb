/* DTLS on TCP connections (RFC 8841 for SCTP, RFC 4571 for the frames).
 *
 * Who is active (RFC 4145) opens the connection and sends the ClientHello. A passive wire may get
 * connections from more than one at the peer's address (a router stands there, or somebody who
 * watches): each is a candidate with a DTLS of its own until one shows the signalled certificate.
 */
#include "server/media/wires_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"

/* That the connection has not taken: SCTP has its window for the rest. */
#define OUT_MAX (256u << 10)
/* Read at one event; the others wait. */
#define READ_MAX (64u << 10)

/* ---- life of a connection ---- */

static void free_link(struct wire_link *l)
{
    struct wire *wire = l->wire;
    struct wires *w = wire->wires;

    for (size_t i = 0; i < WIRE_LINKS_MAX; i++)
        if (wire->link[i] == l)
            wire->link[i] = NULL;
    if (wire->chosen == l)
        wire->chosen = NULL;
    timer_cancel(&w->timers, &l->timer);
    dtls_assoc_destroy(l->dtls);
    wires_close_fd(w, &l->socket);
    frames_fini(&l->frames);
    free(l->out); /* records: what is in them is protected */
    w->stats.links--;
    free(l);
}

void wire_tcp_close(struct wire *wire)
{
    for (size_t i = 0; i < WIRE_LINKS_MAX; i++) {
        struct wire_link *l = wire->link[i];

        if (l == NULL)
            continue;
        if (l->dtls != NULL && !l->is_dead)
            dtls_assoc_close(l->dtls, wire->wires->now);
        free_link(l);
    }
}

static void close_others(struct wire *wire, const struct wire_link *but)
{
    for (size_t i = 0; i < WIRE_LINKS_MAX; i++)
        if (wire->link[i] != NULL && wire->link[i] != but)
            free_link(wire->link[i]);
}

/* The connection is of no use any more; what that means for the wire. */
static void lose_link(struct wire_link *l, const char *text)
{
    struct wire *wire = l->wire;
    bool was_chosen = wire->chosen == l;

    free_link(l);
    if (was_chosen)
        wire_fail(wire, DTLS_FAIL_PROTOCOL, text);
    else if (wire->is_active && !wire->is_over)
        timer_start(&wire->wires->timers, &wire->timer, wire->wires->now + WIRE_RETRY_MS);
}

/* After every call into the DTLS engine: bury what died inside, follow its deadline otherwise.
 * False: the link is gone. */
static bool settle(struct wire_link *l)
{
    struct wires *w = l->wire->wires;
    uint64_t deadline;

    if (l->is_dead) {
        struct wire *wire = l->wire;

        if (wire->is_over)
            wire_tcp_close(wire); /* the certificate was another: nothing may stay open */
        else
            lose_link(l, "the DTLS connection is over");
        return false;
    }
    deadline = dtls_assoc_next_deadline(l->dtls);
    if (deadline == DTLS_NO_DEADLINE)
        timer_cancel(&w->timers, &l->timer);
    else
        timer_start(&w->timers, &l->timer, deadline);
    return true;
}

/* ---- sending ---- */

static int keep(struct wire_link *l, const struct iovec *part, size_t parts, size_t skip)
{
    size_t len = 0;
    uint8_t *grown;

    for (size_t i = 0; i < parts; i++)
        len += part[i].iov_len;
    len -= skip;
    if (len > l->out_room - l->out_len) {
        size_t room = l->out_len + len < 4096 ? 4096 : (l->out_len + len) * 2;

        grown = l->out_len + len <= OUT_MAX ? realloc(l->out, room) : NULL;
        if (grown == NULL)
            return ERR_AGAIN;
        l->out = grown;
        l->out_room = room;
    }
    for (size_t i = 0; i < parts; i++) {
        size_t leave = skip < part[i].iov_len ? skip : part[i].iov_len;

        memcpy(l->out + l->out_len, (const uint8_t *)part[i].iov_base + leave,
               part[i].iov_len - leave);
        l->out_len += part[i].iov_len - leave;
        skip -= leave;
    }
    return 0;
}

/* A frame goes whole or not at all: half of one would be the end of all that follows. */
static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct wire_link *l = user;
    struct wires *w = l->wire->wires;
    uint8_t head[FRAMES_HEADER];
    struct iovec part[] = {{head, sizeof(head)}, {(void *)(uintptr_t)data, len}};
    const struct msghdr msg = {.msg_iov = part, .msg_iovlen = 2};
    ssize_t n = 0;

    (void)to;
    frames_header(head, (uint16_t)len);
    if (l->out_len == 0 && !l->is_connecting) {
        n = sendmsg(l->socket.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return; /* the next read says why */
        n = n > 0 ? n : 0;
    }
    if ((size_t)n < len + sizeof(head)) {
        /* What has begun has to end, whatever the bound is: there is at most one such. */
        if (n == 0 && l->out_len + len + sizeof(head) > OUT_MAX) {
            w->stats.frames_lost++;
            return;
        }
        if (keep(l, part, 2, (size_t)n) != 0) {
            w->stats.frames_lost++;
            if (n > 0)
                (void)shutdown(l->socket.fd, SHUT_RDWR); /* the next read buries it */
            return;
        }
        (void)wires_watch(w, &l->socket, EPOLLIN | EPOLLOUT);
    }
    w->stats.frames_out++;
}

static void send_more(struct wire_link *l)
{
    ssize_t n = send(l->socket.fd, l->out, l->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0) {
        memmove(l->out, l->out + n, l->out_len - (size_t)n);
        l->out_len -= (size_t)n;
    }
    if (l->out_len == 0)
        (void)wires_watch(l->wire->wires, &l->socket, EPOLLIN);
}

int wire_tcp_send(struct wire *wire, const uint8_t *packet, size_t len)
{
    struct wire_link *l = wire->chosen;

    if (l == NULL || l->is_dead || wire->is_over)
        return ERR_STATE;
    /* Asked before: a record that finds no room has cost its encryption already. */
    if (l->out_len + len + 128 > OUT_MAX)
        return ERR_AGAIN;
    return dtls_assoc_send(l->dtls, wire->wires->now, packet, len);
}

/* ---- what DTLS says ---- */

static void on_established(void *user, const struct dtls_established *e)
{
    struct wire_link *l = user;
    struct wire *wire = l->wire;

    if (wire->is_over || wire->chosen != NULL) {
        l->is_dead = true;
        return;
    }
    wire->chosen = l;
    close_others(wire, l);
    wires_close_fd(wire->wires, &wire->socket);
    wire_report_established(wire, e);
}

/* H.235.10 8.3: another certificate than the signalled one ends the channel. Anything else may be
 * somebody else's doing, and is only told if nobody better comes in time. */
static void on_failed(void *user, enum dtls_failure why, const char *text)
{
    struct wire_link *l = user;
    struct wire *wire = l->wire;

    l->is_dead = true;
    if (wire->chosen == l || why == DTLS_FAIL_FINGERPRINT || why == DTLS_FAIL_NO_CERTIFICATE) {
        wire_fail(wire, why, text);
        return;
    }
    wire->failure = why;
    snprintf(wire->failure_text, sizeof(wire->failure_text), "%s", text != NULL ? text : "");
}

static void on_closed(void *user)
{
    struct wire_link *l = user;

    l->is_dead = true;
    if (l->wire->chosen == l)
        wire_report_peer_closed(l->wire);
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct wire_link *l = user;
    struct wires *w = l->wire->wires;

    if (l->wire->chosen == l)
        w->io.input(w->user, w->now, l->wire->id, data, len);
}

static const struct dtls_callbacks callbacks = {
    .on_send = on_send,
    .on_established = on_established,
    .on_failed = on_failed,
    .on_closed = on_closed,
    .on_data = on_data,
};

/* ---- receiving ---- */

/* False: the link is gone. */
static bool take_frames(struct wire_link *l)
{
    struct wires *w = l->wire->wires;
    const uint8_t *data;
    size_t len;
    int err;

    while ((err = frames_next(&l->frames, &data, &len)) == 0) {
        w->stats.frames_in++;
        err = dtls_assoc_input(l->dtls, w->now, &l->peer, data, len);
        w->stats.frames_bad += err == ERR_MALFORMED;
        l->has_spoken |= err == 0;
        if (!settle(l))
            return false;
    }
    if (err != ERR_RANGE)
        return true;
    w->stats.frames_bad++;
    lose_link(l, "a frame is longer than any record");
    return false;
}

static void read_link(struct wire_link *l)
{
    for (size_t all = 0; all < READ_MAX;) {
        size_t room;
        uint8_t *to = frames_room(&l->frames, &room);
        ssize_t n = recv(l->socket.fd, to, room, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            lose_link(l, n == 0 ? "the peer has closed the TCP connection"
                                : "the TCP connection is lost");
            return;
        }
        frames_add(&l->frames, (size_t)n);
        all += (size_t)n;
        if (!take_frames(l))
            return;
    }
}

static void start_dtls(struct wire_link *l)
{
    int err = dtls_assoc_start(l->dtls, l->wire->wires->now);

    if (err != 0)
        l->is_dead = true;
    (void)settle(l);
}

static void on_connected(struct wire_link *l)
{
    struct wires *w = l->wire->wires;
    socklen_t size = sizeof(int);
    int error = 0;

    (void)getsockopt(l->socket.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        w->stats.connect_failed++;
        lose_link(l, "not connected");
        return;
    }
    l->is_connecting = false;
    (void)wires_watch(w, &l->socket, EPOLLIN);
    start_dtls(l);
}

static void on_link_ready(struct wire_fd *f, uint32_t events)
{
    struct wire_link *l = (struct wire_link *)f;

    if (l->is_connecting) {
        on_connected(l);
        return;
    }
    if ((events & EPOLLOUT) != 0 && l->out_len > 0)
        send_more(l);
    if ((events & ~(uint32_t)EPOLLOUT) != 0)
        read_link(l);
}

static void on_link_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct wire_link *l = ctx;

    (void)timer;
    dtls_assoc_on_timer(l->dtls, now);
    (void)settle(l);
}

/* ---- new connections ---- */

static size_t free_place(const struct wire *wire)
{
    size_t i = 0;

    while (i < WIRE_LINKS_MAX && wire->link[i] != NULL)
        i++;
    return i;
}

/* Takes over the socket. */
static struct wire_link *add_link(struct wire *wire, int fd, const struct addr *peer)
{
    struct wires *w = wire->wires;
    struct dtls_options options = {.role = wire->is_active ? DTLS_CLIENT : DTLS_SERVER,
                                   .remote = peer,
                                   .fingerprint = &wire->fingerprint,
                                   .without_srtp = true,
                                   .callbacks = &callbacks};
    struct wire_link *l = calloc(1, sizeof(*l));
    const int on = 1;

    if (l == NULL) {
        close(fd);
        return NULL;
    }
    /* SCTP has its own idea of what is worth a packet. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    l->socket = (struct wire_fd){.fd = fd, .wire = wire, .on_ready = on_link_ready};
    l->wire = wire;
    l->peer = *peer;
    l->since = w->now;
    timer_init(&l->timer, on_link_timer, l);
    wire->link[free_place(wire)] = l;
    w->stats.links++;
    options.user = l;
    if (frames_init(&l->frames, DTLS_DATAGRAM_MAX) != 0 ||
        dtls_assoc_create(w->dtls[WIRE_TCP], &options, &l->dtls) != 0) {
        free_link(l);
        return NULL;
    }
    dtls_assoc_carry_data(l->dtls, w->now);
    return l;
}

/* The oldest that has had its time to speak and has said nothing. */
static bool make_room(struct wire *wire)
{
    struct wire_link *silent = NULL;

    for (size_t i = 0; i < WIRE_LINKS_MAX; i++) {
        struct wire_link *l = wire->link[i];

        if (l == NULL)
            return true;
        if (!l->has_spoken && wire->wires->now - l->since >= WIRE_HELLO_MS &&
            (silent == NULL || l->since < silent->since))
            silent = l;
    }
    if (silent == NULL)
        return false;
    wire->wires->stats.no_hello++;
    free_link(silent);
    return true;
}

static void take_connection(struct wire *wire, int fd, const struct addr *from)
{
    struct wires *w = wire->wires;
    struct wire_link *l;

    if (!addr_is_same_ip(from, &wire->remote)) {
        close(fd);
        wire_report_stranger(wire, from);
        return;
    }
    if (wire->chosen != NULL || !make_room(wire)) {
        close(fd);
        w->stats.refused_full++;
        return;
    }
    w->stats.accepted++;
    l = add_link(wire, fd, from);
    if (l == NULL)
        return;
    if (wires_watch(w, &l->socket, EPOLLIN) != 0)
        free_link(l);
    else
        start_dtls(l);
}

/* One connection an event: the listener stays readable while there are more. */
static void on_listener_ready(struct wire_fd *f, uint32_t events)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct addr from;
    int fd = accept4(f->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0)
        return;
    if (addr_from_sockaddr((struct sockaddr *)&sa, len, &from) != 0)
        close(fd);
    else
        take_connection(f->wire, fd, &from);
}

/* From the address that the peer was told, so that it knows us by it; the port is any. */
static int open_connection(const struct wire *wire, int *out)
{
    const struct addr from = addr_with_port(wire->local, 0);
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(&from, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return ERR_IO;
    if (bind(fd, (struct sockaddr *)&sa, len) != 0) {
        close(fd);
        return ERR_IO;
    }
    len = addr_to_sockaddr(&wire->remote, &sa);
    if (connect(fd, (struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS) {
        close(fd);
        return ERR_IO;
    }
    *out = fd;
    return 0;
}

static void connect_wire(struct wire *wire)
{
    struct wires *w = wire->wires;
    struct wire_link *l;
    int fd;

    w->stats.connects++;
    if (open_connection(wire, &fd) != 0) {
        w->stats.connect_failed++;
        timer_start(&w->timers, &wire->timer, w->now + WIRE_RETRY_MS);
        return;
    }
    l = add_link(wire, fd, &wire->remote);
    if (l == NULL)
        return;
    l->is_connecting = true;
    if (wires_watch(w, &l->socket, EPOLLOUT) != 0)
        free_link(l);
}

void wire_tcp_start(struct wire *wire)
{
    struct wires *w = wire->wires;

    if (wire->is_active) {
        wires_close_fd(w, &wire->socket); /* nobody is to come */
        connect_wire(wire);
        return;
    }
    wire->socket.on_ready = on_listener_ready;
    if (wires_watch(w, &wire->socket, EPOLLIN) != 0)
        wire_fail(wire, DTLS_FAIL_INTERNAL, "the listener cannot be watched");
}

void wire_tcp_on_timer(struct wire *wire)
{
    struct wires *w = wire->wires;

    if (wire->is_over || wire->is_established)
        return;
    timer_start(&w->timers, &wire->timer, wire->deadline);
    if (wire->is_active && free_place(wire) == 0)
        connect_wire(wire);
}
