/* Inside of server/h323/tcp.h: shared by tcp.c and tcp_tls.c alone. */
#ifndef SERVER_TCP_PRIV_H
#define SERVER_TCP_PRIV_H

#include "base/list.h"
#include "base/log.h"
#include "server/h323/tcp.h"
#include "signalling/h225/tpkt.h"

#define TCP_READ_BYTES 65536

struct tcp_address_count;

struct tcp {
    struct tcp_config config;
    struct tcp_stats stats;
    struct list conns;
    struct list listeners;
    size_t handles; /* libuv handles that are not closed yet */
    struct tcp_address_count *by_address;
    struct log_limit limit;
    int last_error;                /* of libuv, of the last call that failed */
    char read[TCP_READ_BYTES];     /* one read at a time on one thread */
    uint8_t plain[TCP_READ_BYTES]; /* one packet on its way into TLS */
};

struct tcp_listener {
    uv_tcp_t handle;
    struct tcp *tcp;
    struct list link;
    struct addr at;
    const struct tls_keys *keys; /* NULL: in the clear */
    tcp_on_accept_fn on_accept;
    void *user;
};

struct tcp_conn {
    uv_tcp_t handle;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct tcp *tcp;
    struct list link;
    struct addr peer, local;
    struct tpkt tpkt;
    size_t backlog; /* memory of what was given to libuv and is not yet written */
    struct timer timer;
    const char *doom; /* the timer ends the connection for this reason */
    int doom_err;
    bool is_counted;               /* in connections and by_address */
    bool is_closing;               /* uv_close was called */
    bool is_flushing;              /* closed by us, the rest goes out */
    bool has_input;                /* octets have come */
    const struct tls_keys *keys;   /* outgoing: not NULL asks for TLS */
    struct tls_conn *tls;          /* NULL: in the clear */
    struct tcp_listener *listener; /* whose owner is told once the TLS handshake is whole */
    const struct tcp_callbacks *callbacks;
    void *user;
};

/* Writes octets as they are. ERR_CLOSED, ERR_NOMEM, ERR_IO. */
int tcp_conn_write(struct tcp_conn *c, const uint8_t *data, size_t len);
/* Octets of the plain stream: packets are handed out. */
void tcp_conn_feed(struct tcp_conn *c, const uint8_t *data, size_t len);
/* A packet or record that has begun must end in time: no peer holds our memory by dribbling. */
void tcp_conn_watch(struct tcp_conn *c);
/* Ends it at once (conn_abort) or soon, from the loop (conn_doom); the owner is told. */
void tcp_conn_abort(struct tcp_conn *c, int err, const char *why);
void tcp_conn_doom(struct tcp_conn *c, uint64_t in_ms, int err, const char *why);
void tcp_conn_shut(struct tcp_conn *c);

/* tcp_tls.c */
int tcp_tls_begin(struct tcp_conn *c, const struct tls_keys *keys, bool is_client);
void tcp_tls_input(struct tcp_conn *c, const uint8_t *data, size_t len);
int tcp_tls_send(struct tcp_conn *c, const uint8_t *header, const uint8_t *data, size_t len);
void tcp_tls_timeout(struct tcp_conn *c);

#endif
