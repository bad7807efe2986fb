/* TLS 1.2 and 1.3 for signalling streams (H.323 call signalling on port 1300, H.245), sans-I/O:
 * octets of the connection go in, octets for it and the plain stream come out.
 *
 *   ctx  = tls_ctx_create(config)            certificates, once; again for new ones
 *   conn = tls_conn_create(ctx, callbacks)   once a connection; ctx may go while conn lives
 *   tls_conn_start(conn)                     client: sends its ClientHello
 *   tls_conn_input(conn, octets)             as they come, in any pieces
 *   tls_conn_send(conn, octets)              after on_open
 *   tls_conn_close, tls_conn_destroy
 *
 * A connection takes no memory of the library before its first octets look like a handshake, and
 * never more than one record and one handshake message of the largest size afterwards. How long a
 * handshake may take is the caller's business. Renegotiation and resumption are off: a connection
 * is what its one handshake made it.
 *
 * A context and its connections belong to one thread. Callbacks run inside the calls below; they
 * may call tls_conn_send and tls_conn_close, but not tls_conn_input and tls_conn_destroy. */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/cert.h"

struct tls_ctx;
struct tls_conn;

/* Octets of a record: header, content (RFC 8446 §5.2: 2^14 + 256; RFC 5246 §6.2.3: + 2048). */
#define TLS_RECORD_HEADER_LEN  5
#define TLS_RECORD_CONTENT_MAX (16384 + 2048)
#define TLS_NAME_MAX           128
/* First octet of a client's stream: record type handshake. */
#define TLS_HANDSHAKE_OCTET 22

enum tls_role { TLS_CLIENT, TLS_SERVER };

#define TLS_VERSION_LIST(X)   \
    X(TLS_VERSION_1_2, "1.2") \
    X(TLS_VERSION_1_3, "1.3")

enum tls_version {
#define TLS_VERSION_ENUM(name, text) name,
    TLS_VERSION_LIST(TLS_VERSION_ENUM)
#undef TLS_VERSION_ENUM
};

/* What protects records: authenticated encryption alone, always with an ephemeral key exchange.
 * Each stands for its suites of both versions, with ECDSA and RSA certificates. */
#define TLS_CIPHER_LIST(X)                                                      \
    X(TLS_CIPHER_AES_128_GCM, "aes-128-gcm", "TLS_AES_128_GCM_SHA256",          \
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:"                                \
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")                                  \
    X(TLS_CIPHER_AES_256_GCM, "aes-256-gcm", "TLS_AES_256_GCM_SHA384",          \
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:"                                \
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")                                  \
    X(TLS_CIPHER_CHACHA20, "chacha20-poly1305", "TLS_CHACHA20_POLY1305_SHA256", \
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:"                          \
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")

enum tls_cipher {
#define TLS_CIPHER_ENUM(name, text, suite_1_3, suites_1_2) name,
    TLS_CIPHER_LIST(TLS_CIPHER_ENUM)
#undef TLS_CIPHER_ENUM
        TLS_CIPHER_COUNT
};

/* Is a peer held to its certificate? Chains end at one of `authorities`; names are not compared
 * (H.323 knows endpoints by address and alias, and neither stands in certificates as a rule). */
enum tls_check {
    TLS_CHECK_NONE,    /* server: not asked for; client: whatever comes is taken */
    TLS_CHECK_IF_SENT, /* server: asked for, and refused when it is there and bad */
    TLS_CHECK_REQUIRED
};

/* Why a connection failed: names of counters, texts of events. */
#define TLS_FAILURE_LIST(X)                                                                   \
    X(TLS_FAIL_NONE, "none")                                                                  \
    X(TLS_FAIL_NOT_TLS, "not_tls") /* the first octets are no handshake */                    \
    X(TLS_FAIL_VERSION, "version") /* too old for us, or we for the peer */                   \
    X(TLS_FAIL_CIPHER, "no_common_cipher")                                                    \
    X(TLS_FAIL_NO_CERTIFICATE, "no_certificate") /* required and not sent */                  \
    X(TLS_FAIL_CERTIFICATE, "certificate")       /* chain, dates, key */                      \
    X(TLS_FAIL_PEER_ALERT, "peer_alert")         /* the peer gave up, e.g. our certificate */ \
    X(TLS_FAIL_PROTOCOL, "protocol")             /* the peer broke the protocol */            \
    X(TLS_FAIL_INTERNAL, "internal")             /* out of memory, library failure */

enum tls_failure {
#define TLS_FAILURE_ENUM(name, text) name,
    TLS_FAILURE_LIST(TLS_FAILURE_ENUM)
#undef TLS_FAILURE_ENUM
        TLS_FAILURE_COUNT
};

struct tls_config {
    enum tls_role role;
    const struct cert *cert; /* copied into the context; NULL: a client without one */
    const char *authorities; /* PEM file of CA certificates; NULL or "": none */
    enum tls_check check;    /* needs authorities unless NONE */
    enum tls_version min_version;
    enum tls_cipher ciphers[TLS_CIPHER_COUNT]; /* best first; all when count is 0 */
    size_t cipher_count;
};

/* What a whole handshake has made. */
struct tls_info {
    enum tls_version version;
    const char *cipher;      /* IANA name, static storage */
    bool is_peer_verified;   /* its chain ends at our authorities */
    char peer[TLS_NAME_MAX]; /* common name of its certificate, "" without one; not escaped */
};

struct tls_callbacks {
    /* Octets to be written to the connection; the callee's only during the call. */
    void (*on_send)(void *user, const uint8_t *data, size_t len);
    /* Once: the handshake is whole. */
    void (*on_open)(void *user);
    /* Octets of the plain stream. */
    void (*on_data)(void *user, const uint8_t *data, size_t len);
};

/* ERR_IO, ERR_MALFORMED (authorities; see *problem), ERR_INVAL (check without authorities),
 * ERR_UNSUPPORTED (version that this build has not), ERR_CRYPTO, ERR_NOMEM. `problem` may be NULL.
 */
int tls_ctx_create(const struct tls_config *config, struct tls_ctx **out,
                   struct cert_problem *problem);
/* NULL is allowed. Connections made of it live on. */
void tls_ctx_destroy(struct tls_ctx *ctx);

/* ERR_NOMEM. */
int tls_conn_create(struct tls_ctx *ctx, const struct tls_callbacks *callbacks, void *user,
                    struct tls_conn **out);
/* Wipes and frees; sends nothing. NULL is allowed. */
void tls_conn_destroy(struct tls_conn *conn);

/* Client: 0, or as tls_conn_input. */
int tls_conn_start(struct tls_conn *conn);

/* 0: more is wanted. ERR_CLOSED: the peer has ended the stream (close_notify), or we have.
 * ERR_REFUSED: failed, see tls_conn_failure; an alert has been given to on_send. */
int tls_conn_input(struct tls_conn *conn, const uint8_t *data, size_t len);

/* ERR_STATE before on_open, ERR_CLOSED after the end, ERR_IO. */
int tls_conn_send(struct tls_conn *conn, const uint8_t *data, size_t len);

/* close_notify; nothing is handed out any more. Again, or before on_open: nothing is sent. */
void tls_conn_close(struct tls_conn *conn);

/* Between on_open and the end, from whichever side that came? */
bool tls_conn_is_open(const struct tls_conn *conn);
/* Has a record begun that is not whole yet? */
bool tls_conn_is_partial(const struct tls_conn *conn);
/* After on_open. */
const struct tls_info *tls_conn_info(const struct tls_conn *conn);
/* `text` (for people) lives as long as the connection. */
enum tls_failure tls_conn_failure(const struct tls_conn *conn, const char **text);

bool tls_has_version(enum tls_version version); /* does this build speak it? */
const char *tls_version_to_str(enum tls_version version);
const char *tls_cipher_to_str(enum tls_cipher cipher);
const char *tls_failure_to_str(enum tls_failure failure);

#endif
