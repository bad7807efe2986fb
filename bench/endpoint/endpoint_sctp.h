/* The other way round for an endpoint's data channel: OpenSSL's DTLS over SCTP (sctp-dtls, RFC
 * 6083), SCTP in UDP (RFC 6951). To its user it is an association whose messages are private. On
 * libuv; one thread. */
#ifndef BENCH_ENDPOINT_SCTP_H
#define BENCH_ENDPOINT_SCTP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "bench/endpoint/endpoint_dtls.h"
#include "sctp/sctp.h"

struct secured;

struct secured_ops {
    void (*on_moved)(void *arg); /* dtls_peer_state of secured_dtls has changed */
    void (*on_message)(void *arg, const struct sctp_message *message);
    void (*on_reset)(void *arg, uint16_t stream);
    void (*on_room)(void *arg);
    void (*on_lost)(void *arg, const char *why);
};

/* A UDP socket at the address (its port is ignored). ERR_NOMEM, ERR_IO. */
int secured_create(uv_loop_t *loop, const struct addr *address, const struct secured_ops *ops,
                   void *arg, struct secured **out);
struct addr secured_local(const struct secured *s);
/* sctp_start was called, and sctp_on_timer will be. `cfg` as stream_start. */
int secured_start(struct secured *s, const struct addr *remote, uint16_t local_port,
                  uint16_t remote_port, const struct dtls_peer_config *cfg);
struct dtls_peer *secured_dtls(const struct secured *s);
int secured_send(struct secured *s, const struct sctp_message *message);
int secured_reset(struct secured *s, uint16_t stream);
/* close_notify and the end of the association; the loop runs once more, then secured_destroy. */
void secured_close(struct secured *s);
void secured_destroy(struct secured *s);

#endif
