/* The one door to wolfSSL's DTLS: sessions that are fed with datagrams and say what came of it.
 * Private to crypto/. Knows nothing of fingerprints to come, timers and states: dtls_assoc.c does.
 *
 * What wolfSSL 5.5.4 needs that one would not guess is told in wolf.c at the place. */
#ifndef CRYPTO_WOLF_H
#define CRYPTO_WOLF_H

#include "crypto/cert.h"
#include "crypto/dtls.h"

struct WOLFSSL_CTX;
struct dtls_seal_keys; /* crypto/dtls_seal.h */
struct wolf_ctx;
struct wolf_session;

/* What a session asks of its user; called from within the functions below. */
struct wolf_callbacks {
    void (*on_send)(void *user, const uint8_t *data, size_t len);
    /* The peer's certificate came; false refuses it. May be called more than once. */
    bool (*on_certificate)(void *user, const uint8_t *der, size_t len);
    /* Server: a ClientHello with a good cookie is about to be answered; false stops here. */
    bool (*on_hello)(void *user);
    void (*on_data)(void *user, const uint8_t *data, size_t len);
    /* Server: a client asks for this session; false: a full handshake. `blob` has
     * WOLF_SESSION_MAX octets for what wolf_session_save gave. */
    bool (*on_resume)(void *user, const uint8_t *id, size_t id_len, uint8_t *blob, size_t *len);
};

enum wolf_result {
    WOLF_WANT,   /* needs more datagrams */
    WOLF_DONE,   /* the handshake has come to its end (with this very call or earlier) */
    WOLF_CLOSED, /* the peer sent close_notify */
    WOLF_ERROR   /* dead: wolf_session_failure says why */
};

#define WOLF_COOKIE_SECRET_BYTES 32
#define WOLF_SESSION_ID_BYTES    32
#define WOLF_SESSION_MAX         256 /* of one that is kept */

/* Process-wide initialisation; any number of times, any thread. ERR_CRYPTO. */
int wolf_start(void);

/* Puts certificate and key into a library context. (cert.c) */
int cert_install(const struct cert *cert, struct WOLFSSL_CTX *ctx);

/* The same with the certificates behind the first. (cert.c) */
int cert_install_chain(const struct cert *cert, struct WOLFSSL_CTX *ctx);

/* Adds the CA certificates of a PEM file to those that peers are checked with. ERR_IO,
 * ERR_MALFORMED, ERR_NOMEM. (cert.c) */
int cert_read_authorities(const char *path, struct WOLFSSL_CTX *ctx, struct cert_problem *problem);

/* Fills with random bytes. ERR_CRYPTO. */
int wolf_random(uint8_t *out, size_t len);

/* `has_sessions`: on_resume is asked, and sessions can be saved. */
int wolf_ctx_create(enum dtls_role role, const struct cert *cert, uint16_t mtu, bool has_sessions,
                    struct wolf_ctx **out);
void wolf_ctx_destroy(struct wolf_ctx *ctx);

/* One connection of the context, which has to outlive it. */
int wolf_session_create(struct wolf_ctx *ctx, const struct wolf_callbacks *callbacks,
                        struct wolf_session **out);
void wolf_session_destroy(struct wolf_session *session);

/* Who gets the callbacks from now on. */
void wolf_session_set_user(struct wolf_session *session, void *user);

/* Profiles to offer or take; n 0: no use_srtp. */
void wolf_session_set_profiles(struct wolf_session *session, const enum srtp_profile *profiles,
                               size_t n);

/* Adds to the numbers of the records that go out in the clear (modulo 2^48). */
void wolf_session_shift_records(struct wolf_session *session, uint64_t shift);

/* Client, before the first input: offers a session that was saved. ERR_CRYPTO. */
int wolf_session_offer(struct wolf_session *session, const uint8_t *blob, size_t len);

/* Has the handshake taken up an earlier session? Server: after a good hello; client: at the end. */
bool wolf_session_is_resumed(const struct wolf_session *session);

/* After a full handshake, before any data: what the session can be taken up with again, secrets in
 * the clear. `id` has WOLF_SESSION_ID_BYTES. ERR_NOTFOUND: the server gave it no id. */
int wolf_session_save(struct wolf_session *session, uint8_t *id, uint8_t *blob, size_t *len);

/* Where the peer is: a server binds its cookie to that, and without it nothing can be frozen. */
int wolf_session_set_peer(struct wolf_session *session, const struct addr *peer);

/* Server: the secret that the cookies are made with. */
int wolf_session_set_cookie(struct wolf_session *session, const uint8_t *secret);

/* Feeds one datagram (NULL: none, a client's start). Handshake messages are answered, records of
 * data are handed out. */
enum wolf_result wolf_session_input(struct wolf_session *session, const uint8_t *data, size_t len);

/* Sends the last flight again. */
enum wolf_result wolf_session_retransmit(struct wolf_session *session);

/* Why WOLF_ERROR; text is static or lives as long as the session. */
enum dtls_failure wolf_session_failure(const struct wolf_session *session, const char **text);

/* After WOLF_DONE, before any data: the profile, RFC 5764 §4.2 material as it comes out of the
 * exporter (client key, server key, client salt, server salt). ERR_NOTFOUND: no profile. */
int wolf_session_export(struct wolf_session *session, enum srtp_profile *profile, uint8_t *material,
                        size_t *len);

/* After WOLF_DONE, before any data: the client's random and the master secret; they are the
 * library's. ERR_CRYPTO. */
int wolf_session_secret(struct wolf_session *session, const uint8_t **client_random,
                        const uint8_t **master);

/* In the handshake, once there is a master secret: RFC 5705 without a context. ERR_STATE: none yet;
 * ERR_CRYPTO. */
int wolf_session_exporter(struct wolf_session *session, const char *label, uint8_t *out,
                          size_t len);

/* After WOLF_DONE: the peer's certificate, to be freed. ERR_NOTFOUND: it sent none. */
int wolf_session_peer_der(struct wolf_session *session, uint8_t **der, size_t *len);
const char *wolf_session_cipher(struct wolf_session *session);

/* One record of data. ERR_RANGE, ERR_IO. */
int wolf_session_send(struct wolf_session *session, const uint8_t *data, size_t len);

/* Largest datagram that a record may make; begins as the context's. */
void wolf_session_set_mtu(struct wolf_session *session, uint16_t mtu);

/* Sends close_notify. */
void wolf_session_shutdown(struct wolf_session *session);

/* The state of an established session, to be imported by a fresh one of the same role. */
int wolf_session_freeze(struct wolf_session *session, uint8_t *blob, size_t *len);
int wolf_session_thaw(struct wolf_session *session, const uint8_t *blob, size_t len);

/* Once established: what its records are protected with from here on; the session is of no more use
 * then. ERR_UNSUPPORTED: a cipher or a library that dtls_seal.h does not know; ERR_STATE,
 * ERR_CRYPTO. (wolf_keys.c) */
int wolf_session_record_keys(struct wolf_session *session, enum dtls_role role,
                             struct dtls_seal_keys *out);

/* AES-256-GCM; out has len + WOLF_SEAL_OVERHEAD bytes (open: len - it). The nonce is random. */
#define WOLF_SEAL_KEY_BYTES 32
#define WOLF_SEAL_OVERHEAD  28
int wolf_seal(const uint8_t *key, const uint8_t *plain, size_t len, uint8_t *out);
int wolf_open(const uint8_t *key, const uint8_t *sealed, size_t len, uint8_t *out);

#endif
