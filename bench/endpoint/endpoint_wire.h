/* A signalling connection: TCP with TPKT around each message, with or without TLS below, on a libuv
 * loop. */
#ifndef BENCH_ENDPOINT_WIRE_H
#define BENCH_ENDPOINT_WIRE_H

#include <stdbool.h>
#include <uv.h>

#include "base/addr.h"
#include "bench/endpoint/endpoint_tls.h"
#include "signalling/h225/tpkt.h"

struct wire_ops {
    void (*on_open)(void *arg);
    void (*on_message)(void *arg, const uint8_t *data, size_t len);
    /* The connection could not be made, broke, or was closed by the peer. Not after wire_close. */
    void (*on_lost)(void *arg, const char *why);
};

/* Caller's storage, alive until the loop has run after wire_close. */
struct wire {
    uv_tcp_t tcp;
    uv_connect_t connect;
    const struct wire_ops *ops;
    void *arg;
    struct tpkt tpkt;
    struct tls_stream *tls; /* NULL: in the clear */
    char tls_version[16];   /* "" in the clear, and before the handshake is whole */
    bool is_used, is_open, is_closing;
    uint8_t buffer[16384];
};

/* `local`: address to come from, its port is not used; ADDR_NONE: any. `tls` NULL: in the clear. */
int wire_connect(struct wire *w, uv_loop_t *loop, const struct addr *local,
                 const struct addr *remote, const struct endpoint_tls *tls,
                 const struct wire_ops *ops, void *arg);
void wire_send(struct wire *w, const uint8_t *data, size_t len);
/* Nothing is read while it is held. */
void wire_hold(struct wire *w, bool hold);
/* What was sent goes out first. */
void wire_close(struct wire *w);
int wire_local(const struct wire *w, struct addr *out);

/* Waits for one connection; then stops listening. Caller's storage, as above. */
struct wire_listener {
    uv_tcp_t tcp;
    struct wire *accepted;
    const struct endpoint_tls *tls;
    const struct wire_ops *ops;
    void *arg;
    bool is_used, is_closing;
};

/* `address` with port 0: any port; *bound tells which. on_open comes for `accepted`. */
int wire_listen(struct wire_listener *l, uv_loop_t *loop, const struct addr *address,
                const struct endpoint_tls *tls, struct wire *accepted, const struct wire_ops *ops,
                void *arg, struct addr *bound);
void wire_listener_close(struct wire_listener *l);

#endif
