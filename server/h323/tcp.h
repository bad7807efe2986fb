/* TCP of sluiced on libuv: listeners, connections that carry TPKT packets, and the limits on both.
 *
 * Everything is bounded: connections in all and from one address, bytes that wait for a slow
 * reader, the size of a packet, the time that a begun packet may take. What is refused is counted
 * by reason. All of it runs on the loop's thread. */
#ifndef SERVER_TCP_H
#define SERVER_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/timer.h"
#include "crypto/tls.h"

struct tls_keys; /* server/h323/tls_keys.h */
struct tcp;
struct tcp_conn;
struct tcp_listener;

struct tcp_config {
    uv_loop_t *loop;
    struct timer_set *timers; /* milliseconds of base/clock */
    size_t connections_max;
    size_t per_address_max; /* 0 = no limit */
    size_t packet_max;      /* octets of one TPKT payload */
    size_t backlog_max;     /* octets of memory for what waits for a peer to read */
    uint32_t packet_ms;     /* from a packet's first octet to its last */
    uint32_t flush_ms;      /* a polite close may take so long */
    uint32_t tls_ms;        /* from a connection to the end of its TLS handshake */
    /* Called before anything that came from a peer is looked at, its end too. May close the
     * connection. NULL: nobody. */
    void (*before_input)(void *user);
    void *user;
};

/* Counters by reason; `connections` and `listeners` are what is open now. */
#define TCP_STAT_LIST(X)                                                \
    X(connections)                                                      \
    X(listeners)                                                        \
    X(accepted)                                                         \
    X(connected)                                                        \
    X(connect_failed)                                                   \
    X(refused_limit)   /* connections_max */                            \
    X(refused_address) /* per_address_max */                            \
    X(refused_owner)   /* the listener's owner did not want the peer */ \
    X(packets_in)                                                       \
    X(packets_out)                                                      \
    X(keepalives)                                                       \
    X(tpkt_malformed) /* version, length 0..3 */                        \
    X(tpkt_too_long)                                                    \
    X(packet_timeout)                                                   \
    X(backlog_exceeded)                                                 \
    X(peer_closed)                                                      \
    X(io_errors)                                                        \
    X(tls_established)                                                  \
    X(tls_failed)                                                       \
    X(tls_timeout)  /* no end of the handshake in time */               \
    X(tls_on_plain) /* a TLS handshake where there is no TLS */

struct tcp_stats {
#define TCP_STAT_FIELD(name) uint64_t name;
    TCP_STAT_LIST(TCP_STAT_FIELD)
#undef TCP_STAT_FIELD
    uint64_t tls_failures[TLS_FAILURE_COUNT];
};

struct tcp_callbacks {
    /* One packet; the octets live until the call returns. May close the connection. */
    void (*on_packet)(void *user, const uint8_t *data, size_t len);
    /* The connection ended, though not by tcp_conn_close. Once; it is dead afterwards. `why` is
     * static text. */
    void (*on_closed)(void *user, int err, const char *why);
    /* Outgoing connection is up. May be NULL for accepted ones. */
    void (*on_connected)(void *user);
};

/* A peer has connected. Return true to keep the connection (after tcp_conn_attach), false to have
 * it closed. `user` is the listener's. */
typedef bool (*tcp_on_accept_fn)(void *user, struct tcp_conn *conn);

/* The loop and what else is in `config` outlive it. ERR_NOMEM. */
int tcp_create(const struct tcp_config *config, struct tcp **out);

/* Other limits from now on; loop, timers and before_input stay. Connections that are there keep the
 * size of their packets, and stay when they are more than are allowed now. */
void tcp_set_limits(struct tcp *t, const struct tcp_config *config);

/* Closes all connections and listeners without a word. The loop must run once more afterwards to
 * let libuv finish; then call tcp_destroy. */
void tcp_stop(struct tcp *t);

/* After tcp_stop and when tcp_is_idle. NULL is allowed. */
void tcp_destroy(struct tcp *t);
bool tcp_is_idle(const struct tcp *t);

/* Counters; valid as long as `t`. */
const struct tcp_stats *tcp_stats_of(const struct tcp *t);

/* Listens on `at` (port 0: any). ERR_EXISTS: address in use; ERR_IO. */
int tcp_listen(struct tcp *t, const struct addr *at, tcp_on_accept_fn on_accept, void *user,
               struct tcp_listener **out);
/* The same with TLS (keys NULL: without): the owner hears of a connection when its handshake is
 * whole, and never of one that fails. `keys` must outlive the listener. */
int tcp_listen_tls(struct tcp *t, const struct addr *at, const struct tls_keys *keys,
                   tcp_on_accept_fn on_accept, void *user, struct tcp_listener **out);
/* Why the last tcp_listen or tcp_connect failed, in the system's words. */
const char *tcp_last_error(const struct tcp *t);
struct addr tcp_listener_addr(const struct tcp_listener *l);
void tcp_listener_close(struct tcp_listener *l);

/* Connects to `to`; on_connected or on_closed follows. `from` NULL: any local address. ERR_LIMIT,
 * ERR_IO, ERR_NOMEM. */
int tcp_connect(struct tcp *t, const struct addr *to, const struct addr *from,
                const struct tcp_callbacks *callbacks, void *user, struct tcp_conn **out);

/* The same with TLS (keys NULL: without): on_connected comes when the handshake is whole. `keys`
 * must live until then. */
int tcp_connect_tls(struct tcp *t, const struct addr *to, const struct addr *from,
                    const struct tls_keys *keys, const struct tcp_callbacks *callbacks, void *user,
                    struct tcp_conn **out);

/* Who hears of the connection. */
void tcp_conn_attach(struct tcp_conn *c, const struct tcp_callbacks *callbacks, void *user);

/* Sends one packet (the TPKT header is added here; the octets are copied). ERR_LIMIT: the peer
 * does not read and the backlog is full, the connection is closed soon by on_closed; ERR_CLOSED;
 * ERR_RANGE: longer than a packet can be; ERR_NOMEM. */
int tcp_conn_send(struct tcp_conn *c, const uint8_t *data, size_t len);

/* Ends the connection; no callback comes any more. With `flush` what was sent goes out before, for
 * flush_ms at most. */
void tcp_conn_close(struct tcp_conn *c, bool flush);

/* The other end; valid as long as the connection. */
const struct addr *tcp_conn_peer(const struct tcp_conn *c);
/* What TLS has agreed on; NULL: the connection is in the clear. */
const struct tls_info *tcp_conn_tls(const struct tcp_conn *c);
const struct addr *tcp_conn_local(const struct tcp_conn *c);

#endif
