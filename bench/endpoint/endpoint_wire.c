#include "bench/endpoint/endpoint_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FLUSH_BYTES 4096

struct wire_write {
    uv_write_t request;
    uint8_t bytes[];
};

static void lose(struct wire *w, const char *why)
{
    if (w->is_closing)
        return;
    wire_close(w);
    w->ops->on_lost(w->arg, why);
}

static void on_written(uv_write_t *request, int status)
{
    struct wire *w = request->handle->data;
    free(request->data);
    if (status < 0 && status != UV_ECANCELED)
        lose(w, uv_strerror(status));
}

/* Takes `out` over. */
static void write_out(struct wire *w, struct wire_write *out, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)out->bytes, (unsigned)len);
    out->request.data = out;
    /* Most messages go out at once; only what the kernel does not take is queued. */
    int sent = uv_try_write((uv_stream_t *)&w->tcp, &buf, 1);
    if (sent > 0) {
        buf.base += sent;
        buf.len -= (size_t)sent;
    }
    if (buf.len == 0 || uv_write(&out->request, (uv_stream_t *)&w->tcp, &buf, 1, on_written) != 0)
        free(out);
}

static void flush_tls(struct wire *w)
{
    for (;;) {
        struct wire_write *out = malloc(sizeof(*out) + FLUSH_BYTES);
        size_t n = out && !w->is_closing ? tls_stream_take(w->tls, out->bytes, FLUSH_BYTES) : 0;
        if (n == 0) {
            free(out);
            return;
        }
        write_out(w, out, n);
    }
}

void wire_send(struct wire *w, const uint8_t *data, size_t len)
{
    if (!w->is_open || w->is_closing)
        return;
    struct wire_write *out = malloc(sizeof(*out) + TPKT_HEADER_LEN + len);
    if (!out || tpkt_write_header(len, out->bytes) != 0) {
        free(out);
        return;
    }
    memcpy(out->bytes + TPKT_HEADER_LEN, data, len);
    if (!w->tls) {
        write_out(w, out, TPKT_HEADER_LEN + len);
        return;
    }
    tls_stream_write(w->tls, out->bytes, TPKT_HEADER_LEN + len);
    free(out);
    flush_tls(w);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct wire *w = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)w->buffer, sizeof(w->buffer));
}

static void feed(struct wire *w, const uint8_t *at, size_t left)
{
    while (left > 0 && !w->is_closing) {
        struct tpkt_packet packet;
        size_t used;
        if (tpkt_push(&w->tpkt, at, left, &used, &packet) != 0) {
            lose(w, tpkt_reason_to_str(w->tpkt.reason));
            return;
        }
        at += used;
        left -= used;
        if (packet.data && packet.len)
            w->ops->on_message(w->arg, packet.data, packet.len);
    }
}

static void opened(struct wire *w)
{
    w->is_open = true;
    w->ops->on_open(w->arg);
}

static void shake(struct wire *w)
{
    int rc = tls_stream_shake(w->tls);
    flush_tls(w); /* the alert, too */
    if (rc < 0) {
        lose(w, tls_stream_problem(w->tls));
    } else if (rc == 1) {
        snprintf(w->tls_version, sizeof(w->tls_version), "%s", tls_stream_version(w->tls));
        opened(w);
    }
}

static void on_tls_octets(struct wire *w, const uint8_t *data, size_t len)
{
    uint8_t plain[4096];
    tls_stream_give(w->tls, data, len);
    if (!w->is_open)
        shake(w);
    while (w->is_open && !w->is_closing) {
        int n = tls_stream_read(w->tls, plain, sizeof(plain));
        flush_tls(w);
        if (n == 0)
            return;
        if (n > 0)
            feed(w, plain, (size_t)n);
        else
            lose(w, n == ERR_CLOSED ? "closed by the peer" : tls_stream_problem(w->tls));
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct wire *w = stream->data;
    if (n < 0)
        lose(w, n == UV_EOF ? "closed by the peer" : uv_strerror((int)n));
    else if (w->tls)
        on_tls_octets(w, (const uint8_t *)buf->base, (size_t)n);
    else
        feed(w, (const uint8_t *)buf->base, (size_t)n);
}

static void wire_begin(struct wire *w)
{
    uv_tcp_nodelay(&w->tcp, 1);
    uv_read_start((uv_stream_t *)&w->tcp, on_alloc, on_read);
    if (w->tls)
        shake(w);
    else
        opened(w);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct wire *w = request->data;
    if (w->is_closing)
        return;
    if (status < 0)
        lose(w, uv_strerror(status));
    else
        wire_begin(w);
}

static int wire_init(struct wire *w, uv_loop_t *loop, const struct endpoint_tls *tls,
                     bool is_server, const struct wire_ops *ops, void *arg)
{
    memset(w, 0, sizeof(*w));
    w->ops = ops;
    w->arg = arg;
    tpkt_init(&w->tpkt, 0);
    if (uv_tcp_init(loop, &w->tcp) != 0)
        return ERR_IO;
    w->tcp.data = w;
    w->is_used = true;
    return tls ? tls_stream_create(tls, is_server, &w->tls) : 0;
}

int wire_connect(struct wire *w, uv_loop_t *loop, const struct addr *local,
                 const struct addr *remote, const struct endpoint_tls *tls,
                 const struct wire_ops *ops, void *arg)
{
    struct sockaddr_storage from, to;
    if (wire_init(w, loop, tls, false, ops, arg) != 0)
        return ERR_IO;
    if (local->family == remote->family) {
        struct addr any_port = addr_with_port(*local, 0);
        addr_to_sockaddr(&any_port, &from);
        if (uv_tcp_bind(&w->tcp, (struct sockaddr *)&from, 0) != 0)
            return ERR_IO;
    }
    addr_to_sockaddr(remote, &to);
    w->connect.data = w;
    return uv_tcp_connect(&w->connect, &w->tcp, (struct sockaddr *)&to, on_connected) == 0 ? 0
                                                                                           : ERR_IO;
}

static void on_wire_closed(uv_handle_t *handle)
{
    struct wire *w = handle->data;
    tpkt_fini(&w->tpkt);
    tls_stream_destroy(w->tls);
    w->tls = NULL;
}

void wire_hold(struct wire *w, bool hold)
{
    if (!w->is_used || w->is_closing)
        return;
    if (hold)
        uv_read_stop((uv_stream_t *)&w->tcp);
    else
        uv_read_start((uv_stream_t *)&w->tcp, on_alloc, on_read);
}

void wire_close(struct wire *w)
{
    if (!w->is_used || w->is_closing)
        return;
    if (w->tls) {
        tls_stream_end(w->tls);
        flush_tls(w);
    }
    w->is_closing = true;
    uv_close((uv_handle_t *)&w->tcp, on_wire_closed);
}

int wire_local(const struct wire *w, struct addr *out)
{
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    if (uv_tcp_getsockname(&w->tcp, (struct sockaddr *)&sa, &len) != 0)
        return ERR_IO;
    return addr_from_sockaddr((struct sockaddr *)&sa, (socklen_t)len, out);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct wire_listener *l = server->data;
    struct wire *w = l->accepted;
    if (status < 0 || w->is_used)
        return;
    if (wire_init(w, server->loop, l->tls, true, l->ops, l->arg) != 0 ||
        uv_accept(server, (uv_stream_t *)&w->tcp) != 0) {
        lose(w, "cannot accept the connection");
        return;
    }
    wire_listener_close(l);
    wire_begin(w);
}

int wire_listen(struct wire_listener *l, uv_loop_t *loop, const struct addr *address,
                const struct endpoint_tls *tls, struct wire *accepted, const struct wire_ops *ops,
                void *arg, struct addr *bound)
{
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    *l = (struct wire_listener){.accepted = accepted, .tls = tls, .ops = ops, .arg = arg};
    addr_to_sockaddr(address, &sa);
    if (uv_tcp_init(loop, &l->tcp) != 0)
        return ERR_IO;
    l->tcp.data = l;
    l->is_used = true;
    if (uv_tcp_bind(&l->tcp, (struct sockaddr *)&sa, 0) != 0 ||
        uv_listen((uv_stream_t *)&l->tcp, 1, on_connection) != 0 ||
        uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&sa, &len) != 0)
        return ERR_IO;
    return addr_from_sockaddr((struct sockaddr *)&sa, (socklen_t)len, bound);
}

void wire_listener_close(struct wire_listener *l)
{
    if (!l->is_used || l->is_closing)
        return;
    l->is_closing = true;
    uv_close((uv_handle_t *)&l->tcp, NULL);
}
