/* The DTLS of an endpoint's data channel over TCP (tcp-dtls-sctp, RFC 8841): who is active connects
 * and sends the ClientHello, records are framed as in RFC 4571. On libuv; one thread. */
#ifndef BENCH_ENDPOINT_STREAM_H
#define BENCH_ENDPOINT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "bench/endpoint/endpoint_dtls.h"

struct stream;

struct stream_ops {
    void (*on_moved)(void *arg); /* dtls_peer_state of stream_dtls has changed */
    void (*on_data)(void *arg, const uint8_t *bytes, size_t len);
    void (*on_lost)(void *arg, const char *why);
};

/* Listens at the address (its port is ignored). ERR_NOMEM, ERR_IO. */
int stream_create(uv_loop_t *loop, const struct addr *address, const struct stream_ops *ops,
                  void *arg, struct stream **out);
struct addr stream_local(const struct stream *s);
/* `cfg`: on_send, on_data and arg are filled here. Later calls do nothing. */
int stream_start(struct stream *s, const struct addr *remote, const struct dtls_peer_config *cfg);
/* NULL: not started, or no connection yet. */
struct dtls_peer *stream_dtls(const struct stream *s);
int stream_send(struct stream *s, const uint8_t *bytes, size_t len);
/* close_notify; the loop runs once more, then stream_destroy. NULL is allowed. */
void stream_close(struct stream *s);
void stream_destroy(struct stream *s);

#endif
