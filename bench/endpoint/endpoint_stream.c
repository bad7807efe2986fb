#include "bench/endpoint/endpoint_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sctp/frames.h"

#define FRAME_MAX 16384
#define BACKLOG   4
/* Written and not taken yet: beyond it frames are dropped, SCTP sends what was in them again. */
#define QUEUE_MAX (1u << 20)

struct stream {
    const struct stream_ops *ops;
    void *arg;
    uv_tcp_t listener, tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    bool is_tcp_used, is_awaited, is_connected, is_started, is_closed;
    struct addr local, remote;
    struct dtls_peer_config cfg;
    struct dtls_peer *dtls;
    struct frames frames;
};

struct out {
    uv_write_t request;
    uint8_t data[];
};

static void on_timer(uv_timer_t *timer);

static void moved(struct stream *s, enum dtls_peer_state before)
{
    int ms = dtls_peer_timeout_ms(s->dtls);
    if (ms >= 0 && !s->is_closed)
        uv_timer_start(&s->timer, on_timer, (uint64_t)ms + 1, 0);
    else
        uv_timer_stop(&s->timer);
    if (dtls_peer_state(s->dtls) != before)
        s->ops->on_moved(s->arg);
}

static void on_timer(uv_timer_t *timer)
{
    struct stream *s = timer->data;
    enum dtls_peer_state before = dtls_peer_state(s->dtls);
    dtls_peer_on_timer(s->dtls);
    moved(s, before);
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

static void on_dtls_send(void *arg, const uint8_t *bytes, size_t len)
{
    struct stream *s = arg;
    struct out *o;
    if (!s->is_connected || len > FRAME_MAX ||
        uv_stream_get_write_queue_size((uv_stream_t *)&s->tcp) > QUEUE_MAX)
        return;
    o = malloc(sizeof(*o) + FRAMES_HEADER + len);
    if (!o)
        return;
    frames_header(o->data, (uint16_t)len);
    memcpy(o->data + FRAMES_HEADER, bytes, len);
    uv_buf_t buf = uv_buf_init((char *)o->data, (unsigned)(FRAMES_HEADER + len));
    if (uv_write(&o->request, (uv_stream_t *)&s->tcp, &buf, 1, on_written) != 0)
        free(o);
}

static void on_dtls_data(void *arg, const uint8_t *bytes, size_t len)
{
    struct stream *s = arg;
    s->ops->on_data(s->arg, bytes, len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct stream *s = handle->data;
    size_t room;
    uint8_t *to = frames_room(&s->frames, &room);
    (void)suggested;
    *buf = uv_buf_init((char *)to, (unsigned)room);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = tcp->data;
    const uint8_t *data;
    size_t len;
    (void)buf;
    if (n < 0) {
        uv_read_stop(tcp);
        s->is_connected = false;
        s->ops->on_lost(s->arg, n == UV_EOF ? "TCP connection closed" : "TCP connection lost");
        return;
    }
    frames_add(&s->frames, (size_t)n);
    while (!s->is_closed && frames_next(&s->frames, &data, &len) == 0) {
        enum dtls_peer_state before = dtls_peer_state(s->dtls);
        dtls_peer_input(s->dtls, data, len);
        moved(s, before);
    }
}

static void begin(struct stream *s)
{
    s->is_connected = true;
    if (dtls_peer_create(&s->cfg, &s->dtls) != 0 ||
        uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read) != 0) {
        s->ops->on_lost(s->arg, "no DTLS");
        return;
    }
    dtls_peer_start(s->dtls);
    moved(s, DTLS_HANDSHAKE);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct stream *s = connect->data;
    if (status == UV_ECANCELED)
        return;
    if (status != 0)
        s->ops->on_lost(s->arg, "TCP connection refused");
    else
        begin(s);
}

/* The first that comes is the peer; the server never opens another. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct stream *s = listener->data;
    if (status != 0 || s->is_tcp_used)
        return;
    if (!s->is_started) {
        s->is_awaited = true; /* libuv keeps it */
        return;
    }
    if (uv_tcp_init(listener->loop, &s->tcp) != 0)
        return;
    s->is_tcp_used = true;
    s->tcp.data = s;
    if (uv_accept(listener, (uv_stream_t *)&s->tcp) == 0)
        begin(s);
}

static int bind_to(struct stream *s, uv_loop_t *loop, const struct addr *address)
{
    struct addr any = addr_with_port(*address, 0);
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    addr_to_sockaddr(&any, &sa);
    if (uv_tcp_init(loop, &s->listener) != 0)
        return ERR_IO;
    s->listener.data = s;
    if (uv_tcp_bind(&s->listener, (struct sockaddr *)&sa, 0) != 0 ||
        uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection) != 0 ||
        uv_tcp_getsockname(&s->listener, (struct sockaddr *)&sa, &len) != 0)
        return ERR_IO;
    return addr_from_sockaddr((struct sockaddr *)&sa, (socklen_t)len, &s->local);
}

int stream_create(uv_loop_t *loop, const struct addr *address, const struct stream_ops *ops,
                  void *arg, struct stream **out)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (!s || frames_init(&s->frames, FRAME_MAX) != 0) {
        free(s);
        return ERR_NOMEM;
    }
    s->ops = ops;
    s->arg = arg;
    uv_timer_init(loop, &s->timer);
    s->timer.data = s->connect.data = s;
    *out = s; /* also when it fails: its handles have to be closed by the loop */
    return bind_to(s, loop, address);
}

struct addr stream_local(const struct stream *s)
{
    return s->local;
}

int stream_start(struct stream *s, const struct addr *remote, const struct dtls_peer_config *cfg)
{
    struct sockaddr_storage sa;
    if (s->is_started)
        return 0;
    s->is_started = true;
    s->remote = *remote;
    s->cfg = *cfg;
    s->cfg.on_send = on_dtls_send;
    s->cfg.on_data = on_dtls_data;
    s->cfg.arg = s;
    if (!cfg->is_client) {
        if (s->is_awaited) /* one that came before its OLC */
            on_connection((uv_stream_t *)&s->listener, 0);
        return 0;
    }
    if (uv_tcp_init(s->listener.loop, &s->tcp) != 0)
        return ERR_IO;
    s->is_tcp_used = true;
    s->tcp.data = s;
    struct addr from = addr_with_port(s->local, 0); /* the server takes no other */
    addr_to_sockaddr(&from, &sa);
    if (uv_tcp_bind(&s->tcp, (struct sockaddr *)&sa, 0) != 0)
        return ERR_IO;
    addr_to_sockaddr(remote, &sa);
    return uv_tcp_connect(&s->connect, &s->tcp, (struct sockaddr *)&sa, on_connected) == 0 ? 0
                                                                                           : ERR_IO;
}

struct dtls_peer *stream_dtls(const struct stream *s)
{
    return s->dtls;
}

int stream_send(struct stream *s, const uint8_t *bytes, size_t len)
{
    return s->dtls ? dtls_peer_send(s->dtls, bytes, len) : ERR_STATE;
}

static void shut(uv_handle_t *handle)
{
    if (handle->loop && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

void stream_close(struct stream *s)
{
    if (!s || s->is_closed)
        return;
    if (s->dtls)
        dtls_peer_close(s->dtls);
    s->is_closed = true;
    shut((uv_handle_t *)&s->timer);
    shut((uv_handle_t *)&s->listener);
    if (s->is_tcp_used)
        shut((uv_handle_t *)&s->tcp);
}

void stream_destroy(struct stream *s)
{
    if (!s)
        return;
    dtls_peer_destroy(s->dtls);
    frames_fini(&s->frames);
    free(s);
}
