/* TLS under a connection of server/h323/tcp.h: octets of libuv go through crypto/tls.h. The owner
 * sees packets as ever. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/h323/tcp_priv.h"
#include "server/h323/tls_keys.h"

/* Our octets are in the clear up to here: what comes from crypto/tls.h are records. */
static void on_send(void *user, const uint8_t *data, size_t len)
{
    struct tcp_conn *c = user;
    int err = tcp_conn_write(c, data, len);

    /* A gap in the stream cannot be mended. Not from in here: the library is on the stack. */
    if (err != 0 && err != ERR_CLOSED)
        tcp_conn_doom(c, 0, err, "octets of TLS could not be written");
}

static void on_open(void *user)
{
    struct tcp_conn *c = user;
    struct tcp_listener *l = c->listener;
    const struct tls_info *info = tls_conn_info(c->tls);

    c->tcp->stats.tls_established++;
    /* The handshake's time; packets have their own. */
    timer_cancel(c->tcp->config.timers, &c->timer);
    log_debug(LOG_AREA_CRYPTO, 0, "TLS connection", LOG_ADDR("peer", &c->peer),
              LOG_S("version", tls_version_to_str(info->version)), LOG_S("cipher", info->cipher),
              LOG_B("verified", info->is_peer_verified), LOG_S("name", info->peer));
    if (l != NULL) {
        /* The owner takes over: on_accept was held back until the peer had shown what it has. */
        c->listener = NULL;
        if (!l->on_accept(l->user, c)) {
            c->tcp->stats.refused_owner++;
            tcp_conn_shut(c);
        }
    } else if (c->callbacks != NULL && c->callbacks->on_connected != NULL) {
        c->callbacks->on_connected(c->user);
    }
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    tcp_conn_feed(user, data, len);
}

static const struct tls_callbacks callbacks = {
    .on_send = on_send,
    .on_open = on_open,
    .on_data = on_data,
};

/* The alert that says why must reach the peer, hence the polite close. */
static void failed(struct tcp_conn *c, int err, const char *reason, const char *text)
{
    const struct tcp_callbacks *owner = c->callbacks;

    log_limited(&c->tcp->limit, clock_mono_ms(), LOG_AREA_CRYPTO, LOG_LEVEL_WARN, 0,
                "TLS connection failed", LOG_ADDR("peer", &c->peer), LOG_ADDR("local", &c->local),
                LOG_S("reason", reason), LOG_S("text", text));
    /* Before the owner is told: it may give the connection up in on_closed. */
    tcp_conn_close(c, true);
    if (owner != NULL)
        owner->on_closed(c->user, err, text);
}

static void on_result(struct tcp_conn *c, int err)
{
    const char *text;
    enum tls_failure why;

    /* The owner has closed it from within on_data. */
    if (c->is_closing || c->is_flushing)
        return;
    if (err == ERR_CLOSED) {
        c->tcp->stats.peer_closed++;
        tcp_conn_abort(c, ERR_CLOSED, "connection closed by peer");
    } else if (err != 0) {
        /* Which of a peer's faults it was is told by counters too: certificates are configured
         * wrongly more often than not. */
        why = tls_conn_failure(c->tls, &text);
        c->tcp->stats.tls_failed++;
        c->tcp->stats.tls_failures[why]++;
        failed(c, ERR_REFUSED, tls_failure_to_str(why), text);
    } else if (tls_conn_is_open(c->tls)) {
        /* A record that is not whole is under time like a packet. */
        tcp_conn_watch(c);
    }
}

int tcp_tls_begin(struct tcp_conn *c, const struct tls_keys *keys, bool is_client)
{
    /* The keys as they are now: a reload changes what comes later, and not what runs. */
    struct tls_ctx *ctx = tls_keys_ctx(keys, is_client ? TLS_CLIENT : TLS_SERVER);
    int err = ctx != NULL ? tls_conn_create(ctx, &callbacks, c, &c->tls) : ERR_STATE;

    if (err != 0)
        return err;
    timer_start(c->tcp->config.timers, &c->timer, clock_mono_ms() + c->tcp->config.tls_ms);
    /* A server waits for the ClientHello. */
    if (is_client)
        on_result(c, tls_conn_start(c->tls));
    return 0;
}

void tcp_tls_input(struct tcp_conn *c, const uint8_t *data, size_t len)
{
    on_result(c, tls_conn_input(c->tls, data, len));
}

int tcp_tls_send(struct tcp_conn *c, const uint8_t *header, const uint8_t *data, size_t len)
{
    uint8_t *plain = c->tcp->plain;

    /* One packet is one write, and so one record if it fits. */
    memcpy(plain, header, TPKT_HEADER_LEN);
    memcpy(plain + TPKT_HEADER_LEN, data, len);
    return tls_conn_send(c->tls, plain, TPKT_HEADER_LEN + len);
}

void tcp_tls_timeout(struct tcp_conn *c)
{
    c->tcp->stats.tls_timeout++;
    failed(c, ERR_TIMEOUT, "timeout", "no end of the TLS handshake in time");
}
