#include "bench/endpoint/endpoint_sctp.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/secret.h"
#include "sctp/record.h"

#define STREAMS 64
#define MTU     1200
#define BUFFER  (1u << 20)
#define MESSAGE (16384 + 2048 + RECORD_HEADER)
#define LABEL   "EXPORTER_DTLS_OVER_SCTP"
#define KEY     64

struct kept {
    struct list link;
    struct sctp_message message; /* data lies behind */
};

struct secured {
    const struct secured_ops *ops;
    void *arg;
    uv_udp_t udp;
    struct addr local, remote;
    struct sctp *sctp;
    struct dtls_peer *dtls;
    bool is_started, is_closed, is_up, is_dry, waits_dry, has_key, uses_key;
    struct list out, held; /* records of the handshake; data before its end */
    const struct sctp_message *in, *going;
    int going_err;
    uint8_t buffer[2048];
};

static void keep(struct list *list, const struct sctp_message *m)
{
    struct kept *k = malloc(sizeof(*k) + m->len);
    if (!k)
        return;
    k->message = *m;
    memcpy(k + 1, m->data, m->len);
    k->message.data = (const uint8_t *)(k + 1);
    list_push_back(list, &k->link);
}

static void drop(struct kept *k)
{
    list_remove(&k->link);
    free(k);
}

static struct kept *first(const struct list *list)
{
    return list_is_empty(list) ? NULL : LIST_ENTRY(list_first(list), struct kept, link);
}

/* RFC 6083 4.7 and 4.8: ChangeCipherSpec waits for all before it, Finished has the new key. */
static void send_records(struct secured *s)
{
    struct kept *k;
    while (s->is_up && (k = first(&s->out)) != NULL) {
        uint8_t type = k->message.data[0];
        if (type == RECORD_CHANGE_CIPHER_SPEC && !s->is_dry) {
            if (!s->waits_dry)
                s->waits_dry = sctp_want_dry(s->sctp) == 0;
            return;
        }
        if (type == RECORD_HANDSHAKE && k->message.data[4] > 0 && !s->uses_key)
            s->uses_key = s->has_key && sctp_key_use(s->sctp, 1) == 0;
        if (sctp_send(s->sctp, &k->message) == ERR_AGAIN)
            return;
        s->is_dry = false;
        drop(k);
    }
}

static void learn_key(struct secured *s)
{
    uint8_t key[KEY];
    if (s->has_key || dtls_peer_export(s->dtls, LABEL, key, sizeof(key)) != 0)
        return;
    s->has_key = sctp_key_add(s->sctp, 1, key, sizeof(key)) == 0;
    secret_wipe(key, sizeof(key));
}

static void take_held(struct secured *s);

static void moved(struct secured *s, enum dtls_peer_state before)
{
    learn_key(s);
    send_records(s);
    if (dtls_peer_state(s->dtls) == before)
        return;
    s->ops->on_moved(s->arg);
    take_held(s);
}

static void on_dtls_send(void *arg, const uint8_t *bytes, size_t len)
{
    struct secured *s = arg;
    uint8_t type;
    for (size_t n; len > 0 && (n = record_first(bytes, len, &type)) > 0; bytes += n, len -= n) {
        struct sctp_message m = {.data = bytes, .len = n};
        if (type == RECORD_DATA && s->going) {
            m = *s->going;
            m.data = bytes;
            m.len = n;
            s->going_err = sctp_send(s->sctp, &m);
        } else {
            keep(&s->out, &m);
        }
    }
}

static void on_dtls_data(void *arg, const uint8_t *bytes, size_t len)
{
    struct secured *s = arg;
    struct sctp_message m = *s->in;
    m.data = bytes;
    m.len = len;
    s->ops->on_message(s->arg, &m);
}

static void take(struct secured *s, const struct sctp_message *m)
{
    enum dtls_peer_state before = dtls_peer_state(s->dtls);
    s->in = m;
    dtls_peer_input(s->dtls, m->data, m->len);
    s->in = NULL;
    moved(s, before);
}

static void take_held(struct secured *s)
{
    struct kept *k;
    while (dtls_peer_state(s->dtls) == DTLS_ESTABLISHED && (k = first(&s->held)) != NULL) {
        take(s, &k->message);
        drop(k);
    }
}

static void on_message(void *user, const struct sctp_message *m)
{
    struct secured *s = user;
    uint8_t type;
    if (s->is_closed || record_of_message(m, &type) != 0)
        return;
    if (type == RECORD_DATA && dtls_peer_state(s->dtls) == DTLS_HANDSHAKE)
        keep(&s->held, m);
    else
        take(s, m);
}

static void on_up(void *user, uint16_t out, uint16_t in)
{
    struct secured *s = user;
    (void)out, (void)in;
    s->is_up = true;
    dtls_peer_start(s->dtls);
    moved(s, DTLS_HANDSHAKE);
}

static void on_down(void *user, const char *why)
{
    struct secured *s = user;
    s->is_up = false;
    s->ops->on_lost(s->arg, why);
}

static void on_reset(void *user, uint16_t stream)
{
    struct secured *s = user;
    s->ops->on_reset(s->arg, stream);
}

static void on_room(void *user)
{
    struct secured *s = user;
    send_records(s);
    s->ops->on_room(s->arg);
}

static void on_dry(void *user)
{
    struct secured *s = user;
    s->waits_dry = false;
    s->is_dry = true;
    send_records(s);
}

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    struct secured *s = user;
    struct sockaddr_storage sa;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)packet, (unsigned)len);
    addr_to_sockaddr(&s->remote, &sa);
    (void)uv_udp_try_send(&s->udp, &buf, 1, (struct sockaddr *)&sa);
}

static const struct sctp_callbacks callbacks = {.on_packet = on_packet,
                                                .on_up = on_up,
                                                .on_down = on_down,
                                                .on_message = on_message,
                                                .on_stream_reset = on_reset,
                                                .on_room = on_room,
                                                .on_dry = on_dry};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct secured *s = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)s->buffer, sizeof(s->buffer));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *sa,
                        unsigned flags)
{
    struct secured *s = udp->data;
    struct addr from;
    (void)flags;
    if (n <= 0 || !sa || !s->sctp)
        return;
    socklen_t len =
        sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (addr_from_sockaddr(sa, len, &from) == 0 && addr_is_equal(&from, &s->remote))
        sctp_input(s->sctp, (uint8_t *)buf->base, (size_t)n);
}

int secured_create(uv_loop_t *loop, const struct addr *address, const struct secured_ops *ops,
                   void *arg, struct secured **out)
{
    struct secured *s = calloc(1, sizeof(*s));
    struct addr any = addr_with_port(*address, 0);
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    if (!s)
        return ERR_NOMEM;
    s->ops = ops;
    s->arg = arg;
    list_init(&s->out);
    list_init(&s->held);
    addr_to_sockaddr(&any, &sa);
    *out = s; /* also when it fails: its handle has to be closed by the loop */
    if (uv_udp_init(loop, &s->udp) != 0)
        return ERR_IO;
    s->udp.data = s;
    if (uv_udp_bind(&s->udp, (struct sockaddr *)&sa, 0) != 0 ||
        uv_udp_getsockname(&s->udp, (struct sockaddr *)&sa, &len) != 0 ||
        uv_udp_recv_start(&s->udp, on_alloc, on_datagram) != 0)
        return ERR_IO;
    return addr_from_sockaddr((struct sockaddr *)&sa, (socklen_t)len, &s->local);
}

struct addr secured_local(const struct secured *s)
{
    return s->local;
}

int secured_start(struct secured *s, const struct addr *remote, uint16_t local_port,
                  uint16_t remote_port, const struct dtls_peer_config *cfg)
{
    const struct sctp_options options = {.local_port = local_port,
                                         .remote_port = remote_port,
                                         .streams = STREAMS,
                                         .mtu = MTU,
                                         .send_octets = BUFFER,
                                         .receive_octets = BUFFER,
                                         .message_max = MESSAGE,
                                         .is_authenticated = true,
                                         .is_passive = !cfg->is_client,
                                         .callbacks = &callbacks,
                                         .user = s};
    struct dtls_peer_config c = *cfg;
    int rc;
    if (s->is_started)
        return 0;
    s->is_started = true;
    s->remote = *remote;
    c.on_send = on_dtls_send;
    c.on_data = on_dtls_data;
    c.arg = s;
    rc = dtls_peer_create(&c, &s->dtls);
    return rc ? rc : sctp_create(&options, &s->sctp);
}

struct dtls_peer *secured_dtls(const struct secured *s)
{
    return s->dtls;
}

int secured_send(struct secured *s, const struct sctp_message *message)
{
    int rc;
    s->going = message;
    s->going_err = ERR_CLOSED;
    rc = s->dtls ? dtls_peer_send(s->dtls, message->data, message->len) : ERR_STATE;
    s->going = NULL;
    return rc ? rc : s->going_err;
}

int secured_reset(struct secured *s, uint16_t stream)
{
    return s->sctp ? sctp_reset_stream(s->sctp, stream) : ERR_STATE;
}

void secured_close(struct secured *s)
{
    if (!s || s->is_closed)
        return;
    if (s->dtls && s->sctp) {
        dtls_peer_close(s->dtls);
        send_records(s);
    }
    s->is_closed = true;
    sctp_destroy(s->sctp);
    s->sctp = NULL;
    if (s->udp.loop && !uv_is_closing((uv_handle_t *)&s->udp))
        uv_close((uv_handle_t *)&s->udp, NULL);
}

void secured_destroy(struct secured *s)
{
    if (!s)
        return;
    while (!list_is_empty(&s->out))
        drop(first(&s->out));
    while (!list_is_empty(&s->held))
        drop(first(&s->held));
    dtls_peer_destroy(s->dtls);
    free(s);
}
