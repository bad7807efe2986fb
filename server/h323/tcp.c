#include "server/h323/tcp_priv.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/err.h"
#include "crypto/tls.h"

/* Connections that wait to be accepted; the system bounds it (net.core.somaxconn). With less, a
 * burst of calls loses SYNs, and each of those callers waits a second. */
#define BACKLOG     4096
#define KEEPALIVE_S 60

struct tcp_address_count {
    struct addr key; /* port 0 */
    size_t count;
    UT_hash_handle hh;
};

struct write_request {
    uv_write_t req;
    size_t size; /* all of it, this struct too: what a peer costs that does not read */
    size_t len;
    uint8_t bytes[];
};

/* ---- counting ---- */

static struct tcp_address_count *address_find(struct tcp *t, const struct addr *peer)
{
    /* Port 0: a host is counted, whatever ports it calls from. */
    struct addr key = addr_with_port(*peer, 0);
    struct tcp_address_count *e = NULL;

    HASH_FIND(hh, t->by_address, &key, sizeof(key), e);
    return e;
}

static int conn_count(struct tcp_conn *c)
{
    struct tcp *t = c->tcp;
    struct tcp_address_count *e;

    /* The total before the host's: at the limit nobody learns more of it. */
    if (t->stats.connections >= t->config.connections_max) {
        t->stats.refused_limit++;
        return ERR_LIMIT;
    }
    e = address_find(t, &c->peer);
    if (e != NULL && t->config.per_address_max != 0 && e->count >= t->config.per_address_max) {
        t->stats.refused_address++;
        return ERR_LIMIT;
    }
    if (e == NULL) {
        e = calloc(1, sizeof(*e));
        if (e == NULL)
            return ERR_NOMEM;
        e->key = addr_with_port(c->peer, 0);
        /* The whole structure is the key: it has no padding (base/addr.h). */
        HASH_ADD(hh, t->by_address, key, sizeof(e->key), e);
    }
    e->count++;
    t->stats.connections++;
    c->is_counted = true;
    return 0;
}

static void conn_uncount(struct tcp_conn *c)
{
    struct tcp *t = c->tcp;
    /* Once only: several ways lead here. */
    struct tcp_address_count *e;

    if (!c->is_counted)
        return;
    c->is_counted = false;
    t->stats.connections--;
    e = address_find(t, &c->peer);
    if (e != NULL && --e->count == 0) {
        /* Removed with the last: a scan by many hosts would leave a row of each. */
        HASH_DELETE(hh, t->by_address, e);
        free(e);
    }
}

/* ---- end of a connection ---- */

static void on_conn_closed(uv_handle_t *handle)
{
    struct tcp_conn *c = handle->data;

    /* Here and not when the close began: the file descriptor is in use until now. */
    conn_uncount(c);
    c->tcp->handles--;
    tpkt_fini(&c->tpkt);
    tls_conn_destroy(c->tls);
    free(c);
}

void tcp_conn_shut(struct tcp_conn *c)
{
    /* Every way to the end comes through here, some twice. */
    if (c->is_closing)
        return;
    if (c->tls != NULL && !c->is_flushing)
        tls_conn_close(c->tls); /* nothing more is handed out, and the peer hears of it if it can */
    c->is_closing = true;
    timer_cancel(c->tcp->config.timers, &c->timer);
    list_remove(&c->link);
    /* Freed in the callback: libuv has the handle until then. */
    uv_close((uv_handle_t *)&c->handle, on_conn_closed);
}

void tcp_conn_abort(struct tcp_conn *c, int err, const char *why)
{
    const struct tcp_callbacks *callbacks = c->callbacks;
    bool is_flushing = c->is_flushing;

    if (c->is_closing)
        return;
    /* No callback after this one, whatever still comes from the loop. */
    c->callbacks = NULL;
    tcp_conn_shut(c); /* freed from the loop, later: `c` is still whole here */
    /* Who has closed politely himself wants to hear no more. */
    if (!is_flushing && callbacks != NULL)
        callbacks->on_closed(c->user, err, why);
}

/* Our end is closed; the peer's last octets are read and dropped until it closes its end (a close
 * with unread octets would be a reset, which can swallow what we have just sent). */
static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct tcp_conn *c = req->data;

    if (status < 0)
        tcp_conn_shut(c);
}

void tcp_conn_close(struct tcp_conn *c, bool flush)
{
    if (c == NULL || c->is_closing || c->is_flushing)
        return;
    /* The owner is gone from now on; the connection is ours until the peer has closed. */
    c->callbacks = NULL;
    c->listener = NULL;
    if (c->tls != NULL)
        tls_conn_close(c->tls);
    c->shutdown.data = c;
    /* Sends what waits, then FIN. */
    if (!flush || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->handle, on_shutdown) != 0) {
        tcp_conn_shut(c);
        return;
    }
    c->is_flushing = true;
    c->doom = NULL;
    /* A peer that never closes does not keep the connection. */
    timer_start(c->tcp->config.timers, &c->timer, clock_mono_ms() + c->tcp->config.flush_ms);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct tcp_conn *c = handle->data;

    (void)suggested;
    /* One buffer for all: what is read is used up before the next read (one thread). */
    *buf = uv_buf_init(c->tcp->read, TCP_READ_BYTES);
}

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct tcp_conn *c = ctx;

    (void)timer;
    (void)now;
    /* One timer with four meanings, which exclude each other in this order. */
    if (c->is_flushing) {
        tcp_conn_shut(c);
    } else if (c->doom != NULL) {
        tcp_conn_abort(c, c->doom_err, c->doom);
    } else if (c->tls != NULL && !tls_conn_is_open(c->tls)) {
        tcp_tls_timeout(c);
    } else {
        c->tcp->stats.packet_timeout++;
        tcp_conn_abort(c, ERR_TIMEOUT, "packet begun and not finished in time");
    }
}

void tcp_conn_doom(struct tcp_conn *c, uint64_t in_ms, int err, const char *why)
{
    c->doom = why;
    c->doom_err = err;
    /* Through the timer even for "now": the caller may be deep in the owner's own code. */
    timer_start(c->tcp->config.timers, &c->timer, clock_mono_ms() + in_ms);
}

void tcp_conn_watch(struct tcp_conn *c)
{
    /* A packet that was given out stays in the reassembler until the next call: it is whole. */
    bool is_partial = (c->tpkt.header_have != 0 && !c->tpkt.given) ||
                      (c->tls != NULL && tls_conn_is_partial(c->tls));

    if (c->is_closing || c->is_flushing || c->doom != NULL)
        return;
    if (!is_partial)
        /* Only what has begun is under time: an idle call has no packets for hours. */
        timer_cancel(c->tcp->config.timers, &c->timer);
    /* Not restarted: a peer that sends an octet a second does not renew its time. */
    else if (!timer_is_running(&c->timer))
        timer_start(c->tcp->config.timers, &c->timer, clock_mono_ms() + c->tcp->config.packet_ms);
}

/* A client that begins with TLS where there is none: it has taken the wrong port. */
static bool is_tls_hello(struct tcp_conn *c, uint8_t first)
{
    bool is_first = !c->has_input;

    c->has_input = true;
    /* TPKT begins with 3, a TLS handshake with 22: no octet could be both. */
    if (!is_first || c->tls != NULL || first != TLS_HANDSHAKE_OCTET)
        return false;
    c->tcp->stats.tls_on_plain++;
    tcp_conn_abort(c, ERR_MALFORMED, "TLS on a connection that is in the clear: the wrong port?");
    return true;
}

void tcp_conn_feed(struct tcp_conn *c, const uint8_t *data, size_t len)
{
    struct tcp *t = c->tcp;

    /* Before the reassembler, whose error would be true and no help. */
    if (len > 0 && is_tls_hello(c, data[0]))
        return;
    /* The owner may close it in the middle of what was read. */
    while (len > 0 && !c->is_closing && !c->is_flushing) {
        struct tpkt_packet packet = {NULL, 0};
        size_t used = 0;
        int err = tpkt_push(&c->tpkt, data, len, &used, &packet);

        /* What was not understood has no end to go on behind. */
        if (err != 0) {
            if (c->tpkt.reason == TPKT_REASON_LONG)
                t->stats.tpkt_too_long++;
            else
                t->stats.tpkt_malformed++;
            tcp_conn_abort(c, err, tpkt_reason_to_str(c->tpkt.reason));
            return;
        }
        data += used;
        len -= used;
        if (packet.data == NULL)
            break;
        if (c->doom == NULL)
            timer_cancel(t->config.timers, &c->timer);
        /* A packet of nothing (TPKT length 4) keeps NAT bindings alive, for H.323 endpoints as for
         * H.460.18. */
        if (packet.len == 0) {
            t->stats.keepalives++;
            continue;
        }
        t->stats.packets_in++;
        /* Attached later than the first octets of a TLS connection could come. */
        if (c->callbacks != NULL)
            c->callbacks->on_packet(c->user, packet.data, packet.len);
    }
    tcp_conn_watch(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct tcp_conn *c = stream->data;
    const struct tcp_config *config = &c->tcp->config;

    if (n != 0 && config->before_input != NULL)
        config->before_input(config->user);
    if (c->is_closing || (c->is_flushing && n > 0))
        return;
    if (n > 0 && c->tls != NULL) {
        tcp_tls_input(c, (const uint8_t *)buf->base, (size_t)n);
    } else if (n > 0) {
        tcp_conn_feed(c, (const uint8_t *)buf->base, (size_t)n);
    } else if (n == UV_EOF) {
        c->tcp->stats.peer_closed++;
        tcp_conn_abort(c, ERR_CLOSED, "connection closed by peer");
    } else if (n < 0) {
        c->tcp->stats.io_errors++;
        tcp_conn_abort(c, ERR_IO, "connection lost");
    }
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
    struct write_request *w = (struct write_request *)(void *)req;
    /* The handle's: `c` may be on its way out, and is whole until on_conn_closed. */
    struct tcp_conn *c = req->handle->data;

    c->backlog -= w->size;
    free(w);
    /* UV_ECANCELED: closed by ourselves. */
    if (status < 0 && status != UV_ECANCELED) {
        c->tcp->stats.io_errors++;
        tcp_conn_abort(c, ERR_IO, "connection lost while writing");
    }
}

/* What the system takes at once needs no request: the backlog is what waits for the peer, with all
 * that it costs. (libuv calls back for a write that is done in the next round only; who counts
 * those takes a peer that has sent a thousand small requests in one segment for one that does not
 * read.) */
static size_t write_now(struct tcp_conn *c, const uint8_t *head, size_t head_len,
                        const uint8_t *data, size_t len)
{
    uv_buf_t bufs[2] = {uv_buf_init((char *)(uintptr_t)head, (unsigned)head_len),
                        uv_buf_init((char *)(uintptr_t)data, (unsigned)len)};
    int n = c->backlog == 0 ? uv_try_write((uv_stream_t *)&c->handle, bufs, 2) : 0;

    return n > 0 ? (size_t)n : 0; /* a broken connection is found by the request, and told later */
}

/* `done` octets of the two parts have gone. */
static struct write_request *write_rest(const uint8_t *head, size_t head_len, const uint8_t *data,
                                        size_t len, size_t done)
{
    size_t rest = head_len + len - done;
    /* One allocation for packet and request: no list of what is under way. */
    struct write_request *w = malloc(sizeof(*w) + rest);

    if (w == NULL)
        return NULL;
    w->size = sizeof(*w) + rest;
    w->len = rest;
    if (done < head_len) {
        memcpy(w->bytes, head + done, head_len - done);
        memcpy(w->bytes + head_len - done, data, len);
    } else {
        memcpy(w->bytes, data + (done - head_len), rest);
    }
    return w;
}

static int write_later(struct tcp_conn *c, const uint8_t *head, size_t head_len,
                       const uint8_t *data, size_t len, size_t done)
{
    struct write_request *w = write_rest(head, head_len, data, len, done);
    uv_buf_t buf;

    if (w == NULL)
        return ERR_NOMEM;
    buf = uv_buf_init((char *)w->bytes, (unsigned)w->len);
    if (uv_write(&w->req, (uv_stream_t *)&c->handle, &buf, 1, on_written) != 0) {
        free(w);
        return ERR_IO;
    }
    c->backlog += w->size;
    return 0;
}

static int write_out(struct tcp_conn *c, const uint8_t *head, size_t head_len, const uint8_t *data,
                     size_t len)
{
    size_t done = write_now(c, head, head_len, data, len);
    int err = done == head_len + len ? 0 : write_later(c, head, head_len, data, len, done);

    if (err != 0 && done > 0) /* a gap in the stream cannot be mended */
        tcp_conn_doom(c, 0, err, "a packet could be written in part only");
    return err;
}

int tcp_conn_write(struct tcp_conn *c, const uint8_t *data, size_t len)
{
    /* tls_conn_close writes its alert before it is set. */
    if (c->is_closing || c->is_flushing)
        return ERR_CLOSED;
    return write_out(c, data, 0, data, len);
}

int tcp_conn_send(struct tcp_conn *c, const uint8_t *data, size_t len)
{
    struct tcp *t = c->tcp;
    uint8_t header[TPKT_HEADER_LEN];
    int err;

    if (c->is_closing || c->is_flushing)
        return ERR_CLOSED;
    if (tpkt_write_header(len, header) != 0)
        return ERR_RANGE;
    /* A peer that reads nothing would have our memory instead. */
    if (c->backlog + len > t->config.backlog_max) {
        t->stats.backlog_exceeded++;
        /* Told by on_closed from the loop, never from inside a send. */
        tcp_conn_doom(c, 0, ERR_LIMIT, "peer does not read what it is sent");
        return ERR_LIMIT;
    }
    err = c->tls != NULL ? tcp_tls_send(c, header, data, len)
                         : write_out(c, header, sizeof(header), data, len);
    if (err == 0)
        t->stats.packets_out++;
    return err;
}

/* ---- making connections ---- */

static struct addr name_of(const uv_tcp_t *handle, bool peer)
{
    struct sockaddr_storage ss;
    struct addr a;
    int len = sizeof(ss);
    int err;

    memset(&a, 0, sizeof(a));
    err = peer ? uv_tcp_getpeername(handle, (struct sockaddr *)&ss, &len)
               : uv_tcp_getsockname(handle, (struct sockaddr *)&ss, &len);
    if (err == 0)
        (void)addr_from_sockaddr((struct sockaddr *)&ss, (socklen_t)len, &a);
    return a;
}

static struct tcp_conn *conn_new(struct tcp *t)
{
    struct tcp_conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    if (uv_tcp_init(t->config.loop, &c->handle) != 0) {
        free(c);
        return NULL;
    }
    c->handle.data = c;
    c->tcp = t;
    tpkt_init(&c->tpkt, t->config.packet_max);
    timer_init(&c->timer, on_timer, c);
    list_push_back(&t->conns, &c->link);
    /* A handle of libuv's from here on: it can only be closed, not freed. */
    t->handles++;
    return c;
}

static int conn_begin(struct tcp_conn *c)
{
    /* The peer is known, and counted under what is known: a second look at a connection that was
     * reset meanwhile would find nobody, and its count would stay for ever. */
    c->local = name_of(&c->handle, false);
    /* Signalling is small messages and answers: Nagle would hold each second one back. */
    (void)uv_tcp_nodelay(&c->handle, 1);
    /* A peer that lost its power would keep its session otherwise; H.323 has no other sign of life
     * on this channel while a call is quiet. */
    (void)uv_tcp_keepalive(&c->handle, 1, KEEPALIVE_S);
    return uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) == 0 ? 0 : ERR_IO;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct tcp_listener *l = server->data;
    struct tcp *t = l->tcp;
    struct tcp_conn *c;

    /* The listener goes on: EMFILE passes when calls end. */
    if (status < 0) {
        t->stats.io_errors++;
        return;
    }
    c = conn_new(t);
    /* Without memory nothing is accepted here, and libuv looks for no other connection until it
     * is. */
    if (c == NULL || uv_accept(server, (uv_stream_t *)&c->handle) != 0) {
        t->stats.io_errors++;
        if (c != NULL)
            tcp_conn_shut(c);
        return;
    }
    c->peer = name_of(&c->handle, true);
    /* Counted when its address is known, and before anything is spent on it. */
    if (conn_count(c) != 0 || conn_begin(c) != 0) {
        tcp_conn_shut(c);
        return;
    }
    t->stats.accepted++;
    if (l->keys != NULL) {
        c->listener = l;
        if (tcp_tls_begin(c, l->keys, false) != 0)
            tcp_conn_shut(c);
        return; /* the owner is told when the handshake is whole */
    }
    /* An owner that does not take it has not seen it: closed without callbacks. */
    if (!l->on_accept(l->user, c)) {
        t->stats.refused_owner++;
        tcp_conn_shut(c);
    }
}

static void on_connect(uv_connect_t *req, int status)
{
    struct tcp_conn *c = req->data;

    /* Closed while it was being connected: this is the cancellation. */
    if (c->is_closing)
        return;
    if (status < 0 || conn_begin(c) != 0) {
        c->tcp->stats.connect_failed++;
        tcp_conn_abort(c, ERR_IO, status < 0 ? uv_strerror(status) : "connection not usable");
        return;
    }
    c->tcp->stats.connected++;
    if (c->keys != NULL) {
        if (tcp_tls_begin(c, c->keys, true) != 0)
            tcp_conn_abort(c, ERR_NOMEM, "out of memory");
        return;
    }
    /* By TLS on_open says so. */
    if (c->callbacks != NULL && c->callbacks->on_connected != NULL)
        c->callbacks->on_connected(c->user);
}

int tcp_connect(struct tcp *t, const struct addr *to, const struct addr *from,
                const struct tcp_callbacks *callbacks, void *user, struct tcp_conn **out)
{
    return tcp_connect_tls(t, to, from, NULL, callbacks, user, out);
}

int tcp_connect_tls(struct tcp *t, const struct addr *to, const struct addr *from,
                    const struct tls_keys *keys, const struct tcp_callbacks *callbacks, void *user,
                    struct tcp_conn **out)
{
    struct sockaddr_storage ss;
    struct tcp_conn *c = conn_new(t);
    int err;

    if (c == NULL)
        return ERR_NOMEM;
    c->peer = *to;
    c->keys = keys;
    c->connect.data = c;
    err = conn_count(c);
    /* The configured address of ours: behind several interfaces a peer knows us by it alone. */
    if (err == 0 && from != NULL && addr_to_sockaddr(from, &ss) != 0 &&
        uv_tcp_bind(&c->handle, (struct sockaddr *)&ss, 0) != 0)
        err = ERR_IO;
    if (err == 0 && (addr_to_sockaddr(to, &ss) == 0 ||
                     uv_tcp_connect(&c->connect, &c->handle, (struct sockaddr *)&ss, on_connect)))
        err = ERR_IO;
    if (err != 0) {
        tcp_conn_shut(c);
        return err;
    }
    /* Only now: nothing above may call the owner back, who has no connection yet. */
    tcp_conn_attach(c, callbacks, user);
    *out = c;
    return 0;
}

void tcp_conn_attach(struct tcp_conn *c, const struct tcp_callbacks *callbacks, void *user)
{
    c->callbacks = callbacks;
    c->user = user;
}

const struct addr *tcp_conn_peer(const struct tcp_conn *c)
{
    return &c->peer;
}

const struct tls_info *tcp_conn_tls(const struct tcp_conn *c)
{
    return c->tls != NULL ? tls_conn_info(c->tls) : NULL;
}

const struct addr *tcp_conn_local(const struct tcp_conn *c)
{
    return &c->local;
}

/* ---- listeners ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct tcp_listener *l = handle->data;

    l->tcp->handles--;
    free(l);
}

void tcp_listener_close(struct tcp_listener *l)
{
    if (l == NULL || uv_is_closing((uv_handle_t *)&l->handle))
        return;
    /* What has no owner yet but its listener (TLS handshakes). */
    LIST_FOREACH_SAFE (it, &l->tcp->conns) {
        struct tcp_conn *c = LIST_ENTRY(it, struct tcp_conn, link);

        if (c->listener == l)
            tcp_conn_shut(c); /* still shaking hands: its owner-to-be goes */
    }
    l->tcp->stats.listeners--;
    list_remove(&l->link);
    uv_close((uv_handle_t *)&l->handle, on_listener_closed);
}

int tcp_listen(struct tcp *t, const struct addr *at, tcp_on_accept_fn on_accept, void *user,
               struct tcp_listener **out)
{
    return tcp_listen_tls(t, at, NULL, on_accept, user, out);
}

int tcp_listen_tls(struct tcp *t, const struct addr *at, const struct tls_keys *keys,
                   tcp_on_accept_fn on_accept, void *user, struct tcp_listener **out)
{
    struct sockaddr_storage ss;
    struct tcp_listener *l = calloc(1, sizeof(*l));
    int err;

    if (l == NULL)
        return ERR_NOMEM;
    if (addr_to_sockaddr(at, &ss) == 0 || uv_tcp_init(t->config.loop, &l->handle) != 0) {
        free(l);
        return ERR_INVAL;
    }
    l->handle.data = l;
    l->tcp = t;
    l->keys = keys;
    l->on_accept = on_accept;
    l->user = user;
    t->handles++;
    t->stats.listeners++;
    list_push_back(&t->listeners, &l->link);
    /* SO_REUSEADDR is set by libuv: a restart does not wait for TIME_WAIT. */
    err = uv_tcp_bind(&l->handle, (struct sockaddr *)&ss, 0);
    if (err == 0)
        err = uv_listen((uv_stream_t *)&l->handle, BACKLOG, on_connection);
    if (err != 0) {
        t->last_error = err;
        tcp_listener_close(l);
        /* Told apart, as "in use" is what an operator can do something about. */
        return err == UV_EADDRINUSE ? ERR_EXISTS : ERR_IO;
    }
    /* Port 0 was asked for in tests, and for H.245 listeners. */
    l->at = name_of(&l->handle, false);
    *out = l;
    return 0;
}

const char *tcp_last_error(const struct tcp *t)
{
    return t->last_error != 0 ? uv_strerror(t->last_error) : "";
}

struct addr tcp_listener_addr(const struct tcp_listener *l)
{
    return l->at;
}

/* ---- the whole ---- */

int tcp_create(const struct tcp_config *config, struct tcp **out)
{
    struct tcp *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return ERR_NOMEM;
    t->config = *config;
    t->limit = (struct log_limit)LOG_LIMIT_INIT(20, 10000);
    list_init(&t->conns);
    list_init(&t->listeners);
    *out = t;
    return 0;
}

void tcp_set_limits(struct tcp *t, const struct tcp_config *config)
{
    struct tcp_config fresh = *config;

    /* The loop is no limit. */
    fresh.loop = t->config.loop;
    fresh.timers = t->config.timers;
    fresh.before_input = t->config.before_input;
    fresh.user = t->config.user;
    t->config = fresh;
}

void tcp_stop(struct tcp *t)
{
    LIST_FOREACH_SAFE (it, &t->conns)
        tcp_conn_shut(LIST_ENTRY(it, struct tcp_conn, link));
    LIST_FOREACH_SAFE (it, &t->listeners)
        tcp_listener_close(LIST_ENTRY(it, struct tcp_listener, link));
}

void tcp_destroy(struct tcp *t)
{
    free(t);
}

bool tcp_is_idle(const struct tcp *t)
{
    return t->handles == 0;
}

const struct tcp_stats *tcp_stats_of(const struct tcp *t)
{
    return &t->stats;
}
