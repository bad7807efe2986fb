/* DTLS over SCTP (RFC 6083), with SCTP in UDP (RFC 6951): the transport address of H.245 is the UDP
 * one.
 *
 * The order of things is the RFC's: the association begins with an empty key and authenticated
 * data; the handshake is on stream 0, each record a message; ChangeCipherSpec and close_notify wait
 * until all before them has arrived (4.7, 4.9); Finished is the first to bear the key that the
 * handshake has made (4.8). Both sides begin the association, whoever sends the ClientHello: two
 * INITs that meet mean one association (RFC 9260 5.2.1), and nobody has to be first. */
#include "server/media/wires_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/secret.h"
#include "sctp/record.h"

#define STREAMS      64   /* as the hub's */
#define MTU          1200 /* of an SCTP packet: UDP and IPv6 make 1,248 of it */
#define SEND_OCTETS  (256u << 10)
#define HELD_OCTETS  (256u << 10)
#define HELD_COUNT   1024
#define LABEL        "EXPORTER_DTLS_OVER_SCTP"
#define KEY_BYTES    64
#define KEY          1
#define KEY_OF_BEGIN 0 /* empty */
/* 4.8 lets the key of the beginning go as soon as the peer's Finished is there. What it was sent
 * with may come again, if our acknowledgement was lost: thrown away then, it would be sent until
 * the association is given up. */
#define KEY_REST_MS 5000
#define LEAVE_MS    1000 /* for close_notify, its acknowledgement, and SCTP's own goodbye */
#define PACKET_MAX  2048
#define READ_BUDGET 64

static void advance(struct wire *wire);

/* ---- records on their way out ---- */

static bool waits_for_all_before(const struct wire *wire, uint8_t type)
{
    return type == RECORD_CHANGE_CIPHER_SPEC || (type == RECORD_ALERT && wire->is_established);
}

/* 4.8: from Finished on. */
static bool use_key(struct wire_sctp *s)
{
    if (!s->uses_key)
        s->uses_key = s->has_key && sctp_key_use(s->sctp, KEY) == 0;
    return s->uses_key;
}

/* The first record; false: it has to wait. */
static bool send_first(struct wire *wire, struct sctp_kept *w)
{
    struct wire_sctp *s = wire->s;
    const uint8_t type = w->message.data[0], epoch = w->message.data[4];

    if (waits_for_all_before(wire, type) && !s->is_dry) {
        if (!s->waits_dry)
            s->waits_dry = sctp_want_dry(s->sctp) == 0;
        return false;
    }
    if (type == RECORD_HANDSHAKE && epoch > 0 && !use_key(s)) {
        wire_fail(wire, DTLS_FAIL_INTERNAL, "no key for SCTP from the handshake");
        return false;
    }
    if (sctp_send(s->sctp, &w->message) == ERR_AGAIN)
        return false;
    s->is_dry = false;
    return true;
}

static void send_records(struct wire *wire)
{
    struct sctp_kept *w;

    while (!wire->s->is_dead && wire->s->is_up && (w = sctp_kept_first(&wire->s->out)) != NULL &&
           send_first(wire, w))
        sctp_kept_drop(w);
}

static void on_dry(void *user)
{
    struct wire *wire = user;

    wire->s->waits_dry = false;
    wire->s->is_dry = true;
    advance(wire);
}

/* ---- what DTLS says ---- */

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct wire *wire = user;
    struct wire_sctp *s = wire->s;
    struct sctp_message m = {.stream = 0};
    uint8_t type;

    (void)to;
    for (size_t n; len > 0; data += n, len -= n) {
        n = record_first(data, len, &type);
        if (n == 0)
            return; /* ours are whole */
        if (type == RECORD_DATA && s->going != NULL) {
            m = *s->going;
            m.data = data;
            m.len = n;
            s->going_err = sctp_send(s->sctp, &m);
            continue;
        }
        m.data = data;
        m.len = n;
        if (sctp_keep(&s->out, &m) != 0)
            wire->wires->stats.packets_lost++;
    }
}

static void on_established(void *user, const struct dtls_established *e)
{
    struct wire *wire = user;

    if (wire->is_over)
        return;
    wire_report_established(wire, e);
    timer_start(&wire->wires->timers, &wire->timer, wire->wires->now + KEY_REST_MS);
}

static void on_failed(void *user, enum dtls_failure why, const char *text)
{
    wire_fail(user, why, text);
}

static void on_closed(void *user)
{
    wire_report_peer_closed(user);
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct wire *wire = user;
    struct wires *w = wire->wires;
    struct sctp_message m;

    if (wire->s->in == NULL)
        return; /* only of a message that DTLS has in hand */
    m = *wire->s->in;
    m.data = data;
    m.len = len;
    w->io.message(w->user, w->now, wire->id, &m);
}

static const struct dtls_callbacks dtls_callbacks = {
    .on_send = on_send,
    .on_established = on_established,
    .on_failed = on_failed,
    .on_closed = on_closed,
    .on_data = on_data,
};

/* ---- after every call into DTLS ---- */

/* The keys' number 1 is known to SCTP as soon as there is one: the peer's Finished bears it. */
static void learn_key(struct wire *wire)
{
    struct wire_sctp *s = wire->s;
    uint8_t key[KEY_BYTES];

    if (s->has_key || wire->is_over || dtls_assoc_export(s->dtls, LABEL, key, sizeof(key)) != 0)
        return;
    s->has_key = sctp_key_add(s->sctp, KEY, key, sizeof(key)) == 0;
    secret_wipe(key, sizeof(key));
}

static void advance(struct wire *wire)
{
    struct wire_sctp *s = wire->s;
    struct wires *w = wire->wires;
    uint64_t deadline;

    if (s->is_dead || s->dtls == NULL)
        return;
    learn_key(wire);
    send_records(wire);
    if (s->is_leaving && list_is_empty(&s->out) && !s->is_shut) {
        /* close_notify has gone: SCTP ends behind it, when it has arrived. */
        s->is_shut = true;
        (void)sctp_shutdown(s->sctp);
    }
    deadline = dtls_assoc_next_deadline(s->dtls);
    if (deadline == DTLS_NO_DEADLINE)
        timer_cancel(&w->timers, &s->timer);
    else
        timer_start(&w->timers, &s->timer, deadline);
}

static void on_dtls_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct wire *wire = ctx;

    (void)timer;
    dtls_assoc_on_timer(wire->s->dtls, now);
    advance(wire);
}

static void take_record(struct wire *wire, const struct sctp_message *m)
{
    struct wire_sctp *s = wire->s;

    s->in = m;
    if (dtls_assoc_input(s->dtls, wire->wires->now, &wire->remote, m->data, m->len) ==
        ERR_MALFORMED)
        wire->wires->stats.records_bad++;
    s->in = NULL;
    advance(wire);
}

/* ---- what SCTP says ---- */

static bool is_full(const struct wire_sctp *s)
{
    return s->held_octets >= HELD_OCTETS || s->held_count >= HELD_COUNT;
}

/* Data before Finished has overtaken it on another stream (4.7); data before somebody takes them
 * wait too. */
static void hold(struct wire *wire, const struct sctp_message *m)
{
    struct wire_sctp *s = wire->s;

    if (sctp_keep(&s->held, m) != 0) {
        wire_fail(wire, DTLS_FAIL_INTERNAL, "out of memory");
        return;
    }
    s->held_octets += m->len;
    s->held_count++;
}

static void take_held(struct wire *wire)
{
    struct wire_sctp *s = wire->s;
    struct sctp_kept *w;

    while (s->is_attached && !s->is_dead && (w = sctp_kept_first(&s->held)) != NULL) {
        s->held_octets -= w->message.len;
        s->held_count--;
        take_record(wire, &w->message);
        sctp_kept_drop(w);
    }
}

static void on_message(void *user, const struct sctp_message *m)
{
    struct wire *wire = user;
    struct wire_sctp *s = wire->s;
    uint8_t type = 0;

    if (s->is_dead || wire->is_over || s->is_leaving)
        return;
    if (record_of_message(m, &type) != 0)
        wire->wires->stats.records_bad++;
    else if (type == RECORD_DATA && (!wire->is_established || !s->is_attached || s->held_count > 0))
        hold(wire, m);
    else
        take_record(wire, m);
}

static void on_up(void *user, uint16_t streams_out, uint16_t streams_in)
{
    struct wire *wire = user;
    struct wire_sctp *s = wire->s;

    (void)streams_out;
    (void)streams_in;
    s->is_up = true;
    if (dtls_assoc_start(s->dtls, wire->wires->now) != 0)
        wire_fail(wire, DTLS_FAIL_INTERNAL, "DTLS does not start");
    advance(wire);
}

static void on_down(void *user, const char *why)
{
    struct wire *wire = user;
    struct wires *w = wire->wires;
    struct wire_sctp *s = wire->s;

    if (strstr(why, "authenticate") != NULL)
        w->stats.not_authenticated++;
    s->is_up = false;
    s->is_dead = true;
    timer_cancel(&w->timers, &s->timer);
    if (s->is_leaving)
        timer_start(&w->timers, &wire->timer, w->now); /* freed from there: we are inside of SCTP */
    else
        wire_fail(wire, DTLS_FAIL_PROTOCOL, why);
}

static void on_stream_reset(void *user, uint16_t stream)
{
    struct wire *wire = user;

    if (wire->s->is_attached)
        wire->wires->io.stream_reset(wire->wires->user, wire->wires->now, wire->id, stream);
}

static void on_room(void *user)
{
    struct wire *wire = user;

    advance(wire);
    if (wire->s->is_attached)
        wire->wires->io.room(wire->wires->user, wire->wires->now, wire->id);
}

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    struct wire *wire = user;
    struct sockaddr_storage sa;
    socklen_t size = addr_to_sockaddr(&wire->remote, &sa);

    if (sendto(wire->socket.fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&sa,
               size) < 0)
        wire->wires->stats.packets_lost++; /* SCTP sends it again */
    else
        wire->wires->stats.packets_out++;
}

static const struct sctp_callbacks sctp_callbacks = {
    .on_packet = on_packet,
    .on_up = on_up,
    .on_down = on_down,
    .on_message = on_message,
    .on_stream_reset = on_stream_reset,
    .on_room = on_room,
    .on_dry = on_dry,
};

/* ---- packets ---- */

static bool is_taken(struct wire *wire, const uint8_t *packet, size_t len)
{
    struct wires *w = wire->wires;

    if (is_full(wire->s))
        return false; /* everything, until somebody takes what waits: SCTP comes again */
    return !wire->s->is_attached || !w->io.is_held(w->user, wire->id, packet, len);
}

static void on_ready(struct wire_fd *f, uint32_t events)
{
    struct wire *wire = f->wire;
    struct wires *w = wire->wires;
    uint8_t packet[PACKET_MAX];
    struct sockaddr_storage sa;
    struct addr from;

    (void)events;
    for (int i = 0; i < READ_BUDGET; i++) {
        socklen_t size = sizeof(sa);
        ssize_t n =
            recvfrom(f->fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&sa, &size);

        if (n < 0 && errno != ECONNREFUSED) /* ICMP: the peer is not there yet */
            return;
        if (n <= 0 || addr_from_sockaddr((struct sockaddr *)&sa, size, &from) != 0)
            continue;
        if (!addr_is_equal(&from, &wire->remote)) {
            wire_report_stranger(wire, &from);
            continue;
        }
        w->stats.packets_in++;
        if (wire->s->sctp != NULL && is_taken(wire, packet, (size_t)n))
            sctp_input(wire->s->sctp, packet, (size_t)n);
    }
}

/* ---- life ---- */

static int begin(struct wire *wire)
{
    struct wires *w = wire->wires;
    const struct dtls_options dtls = {.role = wire->is_active ? DTLS_CLIENT : DTLS_SERVER,
                                      .remote = &wire->remote,
                                      .fingerprint = &wire->fingerprint,
                                      .is_over_sctp = true,
                                      .callbacks = &dtls_callbacks,
                                      .user = wire};
    const struct sctp_options sctp = {.local_port = wire->sctp_local,
                                      .remote_port = wire->sctp_remote,
                                      .streams = STREAMS,
                                      .mtu = MTU,
                                      .send_octets = SEND_OCTETS,
                                      .receive_octets = SEND_OCTETS,
                                      .message_max = DTLS_SCTP_MESSAGE_MAX,
                                      .is_authenticated = true,
                                      .is_passive = !wire->is_active,
                                      .callbacks = &sctp_callbacks,
                                      .user = wire};
    int err = dtls_assoc_create(w->dtls[WIRE_SCTP], &dtls, &wire->s->dtls);

    if (err == 0)
        dtls_assoc_carry_data(wire->s->dtls, w->now);
    if (err == 0)
        err = sctp_create(&sctp, &wire->s->sctp);
    return err;
}

void wire_sctp_start(struct wire *wire)
{
    struct wires *w = wire->wires;
    int err;

    wire->s = calloc(1, sizeof(*wire->s));
    if (wire->s == NULL) {
        wire_fail(wire, DTLS_FAIL_INTERNAL, "out of memory");
        return;
    }
    w->associations++;
    list_init(&wire->s->out);
    list_init(&wire->s->held);
    timer_init(&wire->s->timer, on_dtls_timer, wire);
    wire->socket.on_ready = on_ready;
    err = wires_watch(w, &wire->socket, EPOLLIN);
    if (err == 0)
        err = begin(wire);
    if (err != 0)
        wire_fail(wire, DTLS_FAIL_INTERNAL, err_to_str(err));
}

void wire_sctp_close(struct wire *wire)
{
    struct wires *w = wire->wires;
    struct wire_sctp *s = wire->s;

    if (s == NULL)
        return;
    wire->s = NULL;
    w->associations--;
    timer_cancel(&w->timers, &s->timer);
    (void)wires_watch(w, &wire->socket, 0);
    sctp_destroy(s->sctp);
    dtls_assoc_destroy(s->dtls);
    while (!list_is_empty(&s->out))
        sctp_kept_drop(sctp_kept_first(&s->out));
    while (!list_is_empty(&s->held))
        sctp_kept_drop(sctp_kept_first(&s->held));
    free(s);
}

/* R-CLOSE: close_notify behind all that is on its way (4.9), then the association's own end. The
 * keys are wiped at once, so that nothing that comes meanwhile is read. */
bool wire_sctp_leave(struct wire *wire)
{
    struct wire_sctp *s = wire->s;
    struct wires *w = wire->wires;

    if (s == NULL || s->is_dead || !s->is_up || !wire->is_established || wire->is_over ||
        s->is_leaving)
        return false;
    s->is_leaving = true;
    s->is_attached = false;
    dtls_assoc_close(s->dtls, w->now);
    timer_start(&w->timers, &wire->timer, w->now + LEAVE_MS);
    advance(wire);
    return true;
}

void wire_sctp_on_timer(struct wire *wire)
{
    struct wire_sctp *s = wire->s;

    if (s == NULL)
        return;
    if (s->is_leaving)
        wire_free(wire);
    else if (!s->is_dead)
        (void)sctp_key_forget(s->sctp, KEY_OF_BEGIN);
}

void wire_sctp_attach(struct wire *wire)
{
    wire->s->is_attached = true;
    take_held(wire);
}

int wire_sctp_send(struct wire *wire, const struct sctp_message *message)
{
    struct wire_sctp *s = wire->s;
    int err;

    if (!wire->is_established || wire->is_over || s->is_dead || s->is_leaving)
        return ERR_CLOSED;
    if (message->len > DTLS_SCTP_RECORD_MAX)
        return ERR_RANGE;
    s->going = message;
    s->going_err = ERR_CLOSED;
    /* A record that finds no room is made again, with the next number: a gap is nothing to DTLS. */
    err = dtls_assoc_send(s->dtls, wire->wires->now, message->data, message->len);
    s->going = NULL;
    return err != 0 ? err : s->going_err;
}
