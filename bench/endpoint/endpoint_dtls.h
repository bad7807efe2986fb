/* The endpoint's own DTLS 1.2 with use_srtp, on OpenSSL: the far side of the server's wolfSSL.
 *
 * Sans I/O: datagrams go in by dtls_peer_input and come out by `on_send`; the owner arms a timer
 * with dtls_peer_timeout_ms. One thread. */
#ifndef BENCH_ENDPOINT_DTLS_H
#define BENCH_ENDPOINT_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Self-signed ECDSA P-256 certificate with its key. */
struct dtls_identity;
struct ssl_ctx_st;
/* One connection. */
struct dtls_peer;

#define DTLS_FINGERPRINT_TEXT 192 /* "AB:" for each of at most 64 bytes */
#define DTLS_KEY_MAX          32
#define DTLS_SALT_MAX         14

int dtls_identity_create(struct dtls_identity **out);
void dtls_identity_destroy(struct dtls_identity *id);
/* Into a context of OpenSSL (struct ssl_ctx_st is its SSL_CTX). */
bool dtls_identity_use(const struct dtls_identity *id, struct ssl_ctx_st *ctx);
/* Fingerprint with an RFC 4572 hash token, as upper-case hex. ERR_NOTFOUND: token unknown. */
int dtls_identity_fingerprint(const struct dtls_identity *id, const char *hash,
                              char text[DTLS_FINGERPRINT_TEXT]);

struct dtls_peer_config {
    const struct dtls_identity *identity;
    bool no_certificate; /* fault: present none */
    bool is_client;
    const char *profiles; /* colon-separated, OpenSSL's names, best first; "": no use_srtp */
    char peer_hash[16];   /* what H.245 signalled of the far side */
    char peer_fingerprint[DTLS_FINGERPRINT_TEXT];
    void (*on_send)(void *arg, const uint8_t *bytes, size_t len);
    void (*on_data)(void *arg, const uint8_t *bytes, size_t len); /* a record; NULL: of no use */
    void *arg;
};

enum dtls_peer_state { DTLS_HANDSHAKE, DTLS_ESTABLISHED, DTLS_CLOSED, DTLS_FAILED };

/* SRTP keys by direction (RFC 5764 §4.2); `profile` is the IANA number. */
struct dtls_srtp_keys {
    unsigned profile;
    size_t key_len, salt_len;
    uint8_t local_key[DTLS_KEY_MAX], local_salt[DTLS_SALT_MAX];
    uint8_t remote_key[DTLS_KEY_MAX], remote_salt[DTLS_SALT_MAX];
};

int dtls_peer_create(const struct dtls_peer_config *cfg, struct dtls_peer **out);
/* Sends nothing; call dtls_peer_close first for an alert. NULL is allowed. */
void dtls_peer_destroy(struct dtls_peer *d);
/* The client's first flight; nothing for a server. */
void dtls_peer_start(struct dtls_peer *d);
void dtls_peer_input(struct dtls_peer *d, const uint8_t *bytes, size_t len);
/* Milliseconds until dtls_peer_on_timer is due, -1 for never. */
int dtls_peer_timeout_ms(struct dtls_peer *d);
void dtls_peer_on_timer(struct dtls_peer *d);
void dtls_peer_close(struct dtls_peer *d);
/* One record of data. ERR_CLOSED: not established; ERR_RANGE: too long for one datagram. */
int dtls_peer_send(struct dtls_peer *d, const uint8_t *bytes, size_t len);

/* RFC 5705 without a context, from the moment that there is a master secret. ERR_STATE: none yet.
 */
int dtls_peer_export(struct dtls_peer *d, const char *label, uint8_t *out, size_t len);

enum dtls_peer_state dtls_peer_state(const struct dtls_peer *d);
/* True once the peer's certificate was seen and hashed to the signalled fingerprint. */
bool dtls_peer_is_verified(const struct dtls_peer *d);
/* Why it failed or closed; "" before that. */
const char *dtls_peer_reason(const struct dtls_peer *d);
const char *dtls_peer_cipher(const struct dtls_peer *d);
const char *dtls_peer_profile(const struct dtls_peer *d);
/* Keys of an established connection; ERR_NOTFOUND when use_srtp was not negotiated. */
int dtls_peer_keys(struct dtls_peer *d, struct dtls_srtp_keys *out);

#endif
