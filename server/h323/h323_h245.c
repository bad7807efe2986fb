/* The H.245 connection of a call: a listener of its own, or a connection that the peer asked for.
 *
 * When both sides open one at the same time, each to the address that the other has told, H.323
 * 8.2.3 keeps one: the side whose own address is the smaller number (address first, then port)
 * closes the connection that it opened and uses the other one. Who opens a connection does not know
 * yet whether there will be another, and H.245 begins on it at once; so what was said on it is kept
 * until the peer says something there, and said again on the other one if that is to be used. A
 * peer that does not keep to the rule is followed where ours would have stayed: the connection that
 * it speaks on first is it. */
#include "server/h323/h323_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/media/ports.h"

/* Octets said on a connection of ours before the peer has said anything: capabilities and
 * master-slave determination, some hundred of them. With more it is not given up any more. */
#define REPLAY_MAX 16384

static const struct tcp_callbacks h245_callbacks, h245_spare_callbacks;

/* ---- what was said ---- */

static void replay_forget(struct leg *leg)
{
    free(leg->replay);
    leg->replay = NULL;
    leg->replay_len = 0;
}

/* Each PDU behind its length. False: there is no room. */
static bool replay_keep(struct leg *leg, const uint8_t *pdu, size_t len)
{
    size_t need = leg->replay_len + sizeof(len) + len;
    /* Bounded: who says more before the peer has said anything is not in the middle of a
     * crossing. */
    uint8_t *grown = need <= REPLAY_MAX ? realloc(leg->replay, need) : NULL;

    if (grown == NULL)
        return false;
    memcpy(grown + leg->replay_len, &len, sizeof(len));
    memcpy(grown + leg->replay_len + sizeof(len), pdu, len);
    leg->replay = grown;
    leg->replay_len = need;
    return true;
}

static void replay_say(struct leg *leg)
{
    for (size_t at = 0; at < leg->replay_len;) {
        size_t len;

        memcpy(&len, leg->replay + at, sizeof(len));
        at += sizeof(len);
        (void)tcp_conn_send(leg->h245, leg->replay + at, len);
        at += len;
    }
}

/* ---- which one ---- */

/* Without flush: on what is given up nothing was said that is not said again. */
static void h245_out_close(struct leg *leg)
{
    tcp_conn_close(leg->h245_out, false);
    leg->h245_out = NULL;
}

static void h245_spare_close(struct leg *leg)
{
    tcp_conn_close(leg->h245_spare, false);
    leg->h245_spare = NULL;
}

static void h245_listener_close(struct leg *leg)
{
    tcp_listener_close(leg->h245_listener);
    leg->h245_listener = NULL;
}

/* There is one connection, and there will be no other. */
static void h245_settle(struct leg *leg)
{
    leg->is_h245_settled = true;
    h245_listener_close(leg);
    h245_spare_close(leg);
    h245_out_close(leg);
    replay_forget(leg);
}

static void h245_is_up(struct leg *leg, struct tcp_conn *conn, bool is_own)
{
    /* From here on session messages go to it, as on_h245_up begins to send at once. */
    leg->h245 = conn;
    tcp_conn_attach(conn, &h245_callbacks, leg);
    /* The peer may be on its way to us, too, if it knows where we listen. */
    if (!is_own || leg->h245_listener == NULL)
        h245_settle(leg);
    /* Before "up": what is said first depends on whether TLS protects it. */
    session_set_h245_tls(leg->session, tcp_conn_tls(conn));
    session_on_h245_up(leg->session, tcp_conn_peer(conn), clock_mono_ms());
}

/* From the connection that we opened to the one that the peer did. */
static void h245_move(struct leg *leg, struct tcp_conn *to)
{
    if (leg->h245_spare == to)
        leg->h245_spare = NULL;
    tcp_conn_close(leg->h245, false);
    leg->h245 = to;
    tcp_conn_attach(to, &h245_callbacks, leg);
    session_set_h245_tls(leg->session, tcp_conn_tls(to));
    /* On the new one the peer knows nothing of us yet. */
    replay_say(leg);
    h245_settle(leg);
}

static void on_h245_packet(void *user, const uint8_t *data, size_t len)
{
    struct leg *leg = user;

    if (!leg->is_h245_settled)
        /* The peer speaks here: there is no doubt left. */
        h245_settle(leg);
    session_on_h245(leg->session, data, len, clock_mono_ms());
}

static void on_h245_closed(void *user, int err, const char *why)
{
    struct leg *leg = user;

    (void)err;
    leg->h245 = NULL;
    /* The peer closed the one that we kept, as a peer may that counts otherwise. */
    if (leg->h245_spare != NULL)
        h245_move(leg, leg->h245_spare); /* the peer has decided */
    else
        session_on_h245_lost(leg->session, why, clock_mono_ms());
}

static const struct tcp_callbacks h245_callbacks = {
    .on_packet = on_h245_packet,
    .on_closed = on_h245_closed,
};

static void on_h245_spare_packet(void *user, const uint8_t *data, size_t len)
{
    struct leg *leg = user;

    if (leg->h245 != NULL) {
        h245_move(leg, leg->h245_spare);
    } else {
        struct tcp_conn *conn = leg->h245_spare;

        leg->h245_spare = NULL;
        h245_is_up(leg, conn, false);
    }
    /* The octets that told us so are its first message. */
    on_h245_packet(leg, data, len);
}

static void on_h245_spare_closed(void *user, int err, const char *why)
{
    struct leg *leg = user;

    (void)err;
    (void)why;
    leg->h245_spare = NULL;
}

static const struct tcp_callbacks h245_spare_callbacks = {
    .on_packet = on_h245_spare_packet,
    .on_closed = on_h245_spare_closed,
};

/* Its connection crosses one of ours. */
static void h245_crossed(struct leg *leg, struct tcp_conn *conn)
{
    leg->h->stats.h245_crossed++;
    /* Ours is the greater number: H.323 8.2.3 has the smaller one give up its own. */
    if (addr_compare(&leg->h245_at, &leg->h245_to) > 0) {
        /* Ours is it; the peer closes its own, unless ours comes to nothing. */
        h245_spare_close(leg);
        leg->h245_spare = conn;
        tcp_conn_attach(conn, &h245_spare_callbacks, leg);
    } else if (leg->h245 != NULL) {
        h245_move(leg, conn);
    } else {
        h245_is_up(leg, conn, false);
    }
}

static bool on_h245_accept(void *user, struct tcp_conn *conn)
{
    struct leg *leg = user;
    bool is_late = leg->h245 != NULL && leg->is_h245_settled;

    /* A stranger's connection could say anything in the call's name: only the signalling peer, or
     * the host that Setup named. */
    if (is_late || !session_expects(leg->session, tcp_conn_peer(conn))) {
        leg->h->stats.h245_strangers++;
        log_limited(&leg->h->limit, clock_mono_ms(), LOG_AREA_H245, LOG_LEVEL_WARN, leg->id,
                    "H.245 connection of a stranger refused",
                    LOG_ADDR("from", tcp_conn_peer(conn)));
        return false;
    }
    if (leg->h245 != NULL || leg->h245_out != NULL)
        h245_crossed(leg, conn);
    else
        h245_is_up(leg, conn, false);
    return true;
}

static void on_h245_out_connected(void *user)
{
    struct leg *leg = user;
    struct tcp_conn *conn = leg->h245_out;

    leg->h245_out = NULL;
    h245_is_up(leg, conn, true);
}

static void on_h245_out_closed(void *user, int err, const char *why)
{
    struct leg *leg = user;
    struct tcp_conn *spare = leg->h245_spare;

    (void)err;
    leg->h245_out = NULL;
    leg->h245_spare = NULL;
    /* Ours has come to nothing; the peer's was kept for that. */
    if (spare != NULL)
        h245_is_up(leg, spare, false);
    else
        session_on_h245_failed(leg->session, why, clock_mono_ms());
}

static const struct tcp_callbacks h245_out_callbacks = {
    .on_packet = on_h245_packet,
    .on_closed = on_h245_out_closed,
    .on_connected = on_h245_out_connected,
};

/* With what H.245 of this call is protected; NULL: it is in the clear. */
static const struct tls_keys *keys_of(const struct leg *leg)
{
    return session_is_secured(leg->session) ? leg->h->keys : NULL;
}

int h323_h245_connect(struct h323 *h, struct session *s, const struct addr *to)
{
    struct leg *leg = session_owner(s);
    struct addr from;

    if (leg->h245 != NULL || leg->h245_out != NULL)
        return ERR_EXISTS;
    /* H.245 begins with what is known from a call that still has its signalling. */
    if (leg->line == NULL || leg->line->conn == NULL)
        return ERR_CLOSED;
    /* From the address that the peer knows, so that firewalls and session_expects on its side let
     * it pass. */
    from = addr_with_port(*tcp_conn_local(leg->line->conn), 0);
    leg->h245_to = *to;
    return tcp_connect_tls(h->tcp, to, from.family == to->family ? &from : NULL, keys_of(leg),
                           &h245_out_callbacks, leg, &leg->h245_out);
}

static int listen_on(struct leg *leg, struct addr at, struct addr *bound)
{
    int err =
        tcp_listen_tls(leg->h->tcp, &at, keys_of(leg), on_h245_accept, leg, &leg->h245_listener);

    if (err == 0)
        /* The port as bound: 0 was asked for where there is no range. */
        leg->h245_at = *bound = tcp_listener_addr(leg->h245_listener);
    return err;
}

int h323_h245_listen(struct h323 *h, struct session *s, struct addr *at)
{
    struct leg *leg = session_owner(s);
    struct addr here = leg->door->settings->h245_address;
    struct ports *ports = leg->door->h245_ports;
    uint64_t now = clock_mono_ms();
    int err;

    if (leg->h245_listener != NULL)
        return ERR_EXISTS;
    if (leg->line == NULL || leg->line->conn == NULL)
        return ERR_CLOSED;
    /* By the address that the peer has reached us by: it will again. */
    if (here.family == ADDR_NONE)
        here = *tcp_conn_local(leg->line->conn);
    if (ports == NULL)
        return listen_on(leg, addr_with_port(here, 0), at);
    /* A number that another program holds is passed over, as often as there are numbers. */
    for (size_t i = 0; i < ports_capacity(ports); i++) {
        uint16_t port = 0;

        err = ports_take(ports, now, &port);
        if (err != 0)
            break;
        err = listen_on(leg, addr_with_port(here, port), at);
        if (err == 0) {
            leg->h245_port = port;
            return 0;
        }
        ports_release(ports, port, now);
        /* Only "in use" is worth another number. */
        if (err != ERR_EXISTS)
            return err;
    }
    h->stats.h245_no_port++;
    return ERR_LIMIT;
}

void h323_h245_close(struct h323 *h, struct session *s)
{
    struct leg *leg = session_owner(s);

    (void)h;
    h245_settle(leg);
    /* With flush: EndSession may be on its way. */
    tcp_conn_close(leg->h245, true);
    leg->h245 = NULL;
    leg->is_h245_settled = false; /* a call that is forwarded begins anew */
    if (leg->h245_port != 0)
        ports_release(leg->door->h245_ports, leg->h245_port, clock_mono_ms());
    leg->h245_port = 0;
}

int h323_h245_send(struct h323 *h, struct session *s, const uint8_t *pdu, size_t len)
{
    struct leg *leg = session_owner(s);

    (void)h;
    if (leg->h245 == NULL)
        return ERR_CLOSED;
    /* No room to keep it: there is no way back to another connection. */
    if (!leg->is_h245_settled && !replay_keep(leg, pdu, len))
        h245_settle(leg);
    return tcp_conn_send(leg->h245, pdu, len);
}
