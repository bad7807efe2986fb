/* The H.245 connection of a call: a listener of its own, or a connection that the peer asked for.
 * Whichever comes first is the one; the other is closed. */
#include "server/h323_priv.h"

#include "base/clock.h"
#include "base/err.h"
#include "server/ports.h"

static void on_h245_packet(void *user, const uint8_t *data, size_t len)
{
    struct leg *leg = user;

    session_on_h245(leg->session, data, len, clock_mono_ms());
}

static void on_h245_closed(void *user, int err, const char *why)
{
    struct leg *leg = user;

    (void)err;
    leg->h245 = NULL;
    session_on_h245_lost(leg->session, why, clock_mono_ms());
}

static const struct tcp_callbacks h245_callbacks = {
    .on_packet = on_h245_packet,
    .on_closed = on_h245_closed,
};

static void h245_out_close(struct leg *leg)
{
    tcp_conn_close(leg->h245_out, false);
    leg->h245_out = NULL;
}

static void h245_is_up(struct leg *leg, struct tcp_conn *conn)
{
    leg->h245 = conn;
    tcp_conn_attach(conn, &h245_callbacks, leg);
    tcp_listener_close(leg->h245_listener);
    leg->h245_listener = NULL;
    session_set_h245_tls(leg->session, tcp_conn_tls(conn));
    session_on_h245_up(leg->session, tcp_conn_peer(conn), clock_mono_ms());
}

static bool on_h245_accept(void *user, struct tcp_conn *conn)
{
    struct leg *leg = user;

    if (leg->h245 != NULL || !session_expects(leg->session, tcp_conn_peer(conn))) {
        leg->h->stats.h245_strangers++;
        log_limited(&leg->h->limit, clock_mono_ms(), LOG_AREA_H245, LOG_LEVEL_WARN, leg->id,
                    "H.245 connection of a stranger refused",
                    LOG_ADDR("from", tcp_conn_peer(conn)));
        return false;
    }
    h245_out_close(leg);
    h245_is_up(leg, conn);
    return true;
}

static void on_h245_out_connected(void *user)
{
    struct leg *leg = user;
    struct tcp_conn *conn = leg->h245_out;

    leg->h245_out = NULL;
    h245_is_up(leg, conn);
}

static void on_h245_out_closed(void *user, int err, const char *why)
{
    struct leg *leg = user;

    (void)err;
    leg->h245_out = NULL;
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
    if (leg->line == NULL || leg->line->conn == NULL)
        return ERR_CLOSED;
    from = addr_with_port(*tcp_conn_local(leg->line->conn), 0);
    return tcp_connect_tls(h->tcp, to, from.family == to->family ? &from : NULL, keys_of(leg),
                           &h245_out_callbacks, leg, &leg->h245_out);
}

static int listen_on(struct leg *leg, struct addr at, struct addr *bound)
{
    int err =
        tcp_listen_tls(leg->h->tcp, &at, keys_of(leg), on_h245_accept, leg, &leg->h245_listener);

    if (err == 0)
        *bound = tcp_listener_addr(leg->h245_listener);
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
    tcp_listener_close(leg->h245_listener);
    leg->h245_listener = NULL;
    h245_out_close(leg);
    tcp_conn_close(leg->h245, true);
    leg->h245 = NULL;
    if (leg->h245_port != 0)
        ports_release(leg->door->h245_ports, leg->h245_port, clock_mono_ms());
    leg->h245_port = 0;
}

int h323_h245_send(struct h323 *h, struct session *s, const uint8_t *pdu, size_t len)
{
    struct leg *leg = session_owner(s);

    (void)h;
    return leg->h245 != NULL ? tcp_conn_send(leg->h245, pdu, len) : ERR_CLOSED;
}
