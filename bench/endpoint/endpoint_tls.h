/* TLS of the endpoint's signalling connections, by OpenSSL: a stream of octets through memory. */
#ifndef BENCH_ENDPOINT_TLS_H
#define BENCH_ENDPOINT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all connections of a run have in common: certificate, authorities, versions. */
struct endpoint_tls;

struct endpoint_tls_config {
    const char *certificate, *key; /* PEM files; both NULL: one is made, as long as we listen */
    const char *authorities;       /* PEM file; the peer must have a certificate of theirs */
    const char *version;           /* "1.2" or "1.3" alone; NULL: both */
    bool is_listening;
};

/* ERR_INVAL, ERR_CRYPTO: *why (static) says what does not work. */
int endpoint_tls_create(const struct endpoint_tls_config *config, struct endpoint_tls **out,
                        const char **why);
void endpoint_tls_destroy(struct endpoint_tls *tls); /* NULL is allowed */

/* One connection. */
struct tls_stream;

int tls_stream_create(const struct endpoint_tls *tls, bool is_server, struct tls_stream **out);
void tls_stream_destroy(struct tls_stream *s); /* NULL is allowed */

/* Octets of the wire: in, and what wants to go out (how many, 0: none). */
void tls_stream_give(struct tls_stream *s, const uint8_t *data, size_t len);
size_t tls_stream_take(struct tls_stream *s, uint8_t *data, size_t room);

/* 1: the handshake is whole; 0: it needs more; ERR_REFUSED: tls_stream_problem says why. */
int tls_stream_shake(struct tls_stream *s);
/* Octets of the plain stream: how many, 0: none now, ERR_CLOSED: the peer has said goodbye,
 * ERR_REFUSED. */
int tls_stream_read(struct tls_stream *s, uint8_t *data, size_t room);
int tls_stream_write(struct tls_stream *s, const uint8_t *data, size_t len); /* 0, ERR_IO */
void tls_stream_end(struct tls_stream *s);                                   /* close_notify */

const char *tls_stream_problem(const struct tls_stream *s);
const char *tls_stream_version(const struct tls_stream *s); /* "TLSv1.3" */
const char *tls_stream_cipher(const struct tls_stream *s);

#endif
