/* Puts a ClientHello that came in fragments together again (RFC 6347 §4.2.3), so that the cookie
 * exchange sees it as one message. OpenSSL cuts its hello when it believes in a small path MTU, as
 * under GStreamer, and in two datagrams.
 *
 * The one thing that is kept before a good cookie, and only for an association that signalling has
 * announced: at most DTLS_JOIN_MAX octets, of one message at a time. Fragments of another message,
 * or that disagree about its length, begin anew: whoever can forge the peer's address can delay
 * such a client by it, never an unfragmented one. Private to crypto/. */
#ifndef CRYPTO_DTLS_JOIN_H
#define CRYPTO_DTLS_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_JOIN_MAX 4096 /* octets of a ClientHello; post-quantum shares fit */

struct dtls_join; /* NULL: nothing is kept */

/* Does the datagram begin with a fragment, less than the whole, of a ClientHello? */
bool dtls_join_is_fragment(const uint8_t *data, size_t len);

/* Takes the fragments of a datagram. True: the message is whole, `*out` and `*out_len` are a
 * datagram with it in one record, which lives until the next call. `*join` is made when needed. */
bool dtls_join_add(struct dtls_join **join, const uint8_t *data, size_t len, const uint8_t **out,
                   size_t *out_len);

/* NULL is fine. */
void dtls_join_free(struct dtls_join *join);

#endif
