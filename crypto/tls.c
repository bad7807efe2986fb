/* TLS of call signalling (H.235.0): one library object a connection, fed with octets by whoever has
 * the socket. Versions, suites and checks are decided by the configuration, never by the peer. */
#include "crypto/tls.h"

#include "base/err.h"
#include "crypto/wolf.h"

#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TPKT_VERSION 3   /* RFC 1006: how H.225.0 in the clear begins */
#define ECC_BITS_MIN 256 /* P-256 and X25519; shorter ones fall in reach of computation */
#define TEXT_MAX     128 /* reason of a failure, for log and event */

struct tls_ctx {
    WOLFSSL_CTX *ctx;
    enum tls_role role;
    enum tls_check check;
};

struct tls_conn {
    WOLFSSL_CTX *ctx; /* a reference of our own until `ssl` is there */
    WOLFSSL *ssl;     /* server: NULL until the first octets look like TLS */
    enum tls_role role;
    bool is_checked; /* a peer's certificate that came was held against our authorities */
    const struct tls_callbacks *callbacks;
    void *user;
    const uint8_t *input; /* what is being fed */
    size_t input_len;
    /* Where the stream stands, counted by us: the library does not tell. */
    uint8_t header[TLS_RECORD_HEADER_LEN];
    size_t header_have;
    size_t record_rest;
    bool is_open, is_closed;
    struct tls_info info;
    enum tls_failure failure;
    char text[TEXT_MAX];
};

/* ---- names ---- */

bool tls_has_version(enum tls_version version)
{
#ifdef WOLFSSL_TLS13
    return version <= TLS_VERSION_1_3;
#else
    return version == TLS_VERSION_1_2;
/* A build without TLS 1.3 must say so at start, not fall back in silence. */
#endif
}

#define TEXT_OF(name, text, ...) [name] = (text),

const char *tls_version_to_str(enum tls_version version)
{
    static const char *const text[] = {TLS_VERSION_LIST(TEXT_OF)};

    return (size_t)version < sizeof(text) / sizeof(text[0]) ? text[version] : "unknown";
}

const char *tls_cipher_to_str(enum tls_cipher cipher)
{
    static const char *const text[] = {TLS_CIPHER_LIST(TEXT_OF)};

    return (size_t)cipher < TLS_CIPHER_COUNT ? text[cipher] : "unknown";
}

const char *tls_failure_to_str(enum tls_failure failure)
{
    static const char *const text[] = {TLS_FAILURE_LIST(TEXT_OF)};

    return (size_t)failure < TLS_FAILURE_COUNT ? text[failure] : "unknown";
}

/* ---- contexts ---- */

static int io_send(WOLFSSL *ssl, char *buf, int len, void *user)
{
    struct tls_conn *conn = user;

    (void)ssl;
    /* The transport takes everything (it queues): partial writes would have to be kept here. */
    conn->callbacks->on_send(conn->user, (const uint8_t *)buf, (size_t)len);
    return len;
}

static int io_receive(WOLFSSL *ssl, char *buf, int room, void *user)
{
    struct tls_conn *conn = user;
    size_t len = conn->input_len < (size_t)room ? conn->input_len : (size_t)room;

    (void)ssl;
    /* Everything fed is read: the library comes again with the next octets. */
    if (len == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    memcpy(buf, conn->input, len);
    conn->input += len;
    conn->input_len -= len;
    return (int)len;
}

/* Suites of the ciphers that are wanted, those of 1.3 first. One list for both versions; the
 * library takes from it what the version that is agreed upon knows. */
static int set_ciphers(WOLFSSL_CTX *ctx, const struct tls_config *config)
{
    static const char *const suites[2][TLS_CIPHER_COUNT] = {
#define SUITE_OF_1_3(name, text, suite_1_3, suites_1_2)  [name] = suite_1_3,
#define SUITES_OF_1_2(name, text, suite_1_3, suites_1_2) [name] = suites_1_2,
        {TLS_CIPHER_LIST(SUITE_OF_1_3)},
        {TLS_CIPHER_LIST(SUITES_OF_1_2)},
    };
    /* 1.2 suites are left out if 1.3 is the least: they would only widen what must be checked. */
    bool is_wanted[2] = {tls_has_version(TLS_VERSION_1_3), config->min_version == TLS_VERSION_1_2};
    size_t n = config->cipher_count != 0 ? config->cipher_count : TLS_CIPHER_COUNT;
    char list[TLS_CIPHER_COUNT * 160] = "";
    size_t at = 0;

    for (size_t v = 0; v < 2; v++) {
        for (size_t i = 0; is_wanted[v] && i < n && i < TLS_CIPHER_COUNT; i++) {
            unsigned cipher = config->cipher_count != 0 ? config->ciphers[i] : (unsigned)i;

            /* A number from a configuration of another version. */
            if (cipher >= TLS_CIPHER_COUNT)
                return ERR_INVAL;
            at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at > 0 ? ":" : "",
                                   suites[v][cipher]);
        }
    }
    return wolfSSL_CTX_set_cipher_list(ctx, list) == WOLFSSL_SUCCESS ? 0 : ERR_CRYPTO;
}

/* Groups for the key exchange; a client's list is also what it takes as keys in certificates. */
static bool set_groups(WOLFSSL_CTX *ctx)
{
    /* P-384 for certificates of authorities; larger curves cost much and no peer has them alone. */
    static const word16 groups[] = {WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_X25519,
                                    WOLFSSL_ECC_SECP384R1};

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (wolfSSL_CTX_UseSupportedCurve(ctx, groups[i]) != WOLFSSL_SUCCESS)
            return false;
    return true;
}

static bool configure(WOLFSSL_CTX *ctx, const struct tls_config *config)
{
    static const int mode[] = {
        /* Three policies: nobody is asked, those who show one are checked, everybody must show
         * one. */
        [TLS_CHECK_NONE] = WOLFSSL_VERIFY_NONE,
        [TLS_CHECK_IF_SENT] = WOLFSSL_VERIFY_PEER,
        [TLS_CHECK_REQUIRED] = WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    int least = config->min_version == TLS_VERSION_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;

    /* The floor holds for whole chains: one weak link above a strong leaf would undo it. */
    if (wolfSSL_CTX_SetMinVersion(ctx, least) != WOLFSSL_SUCCESS || !set_groups(ctx) ||
        wolfSSL_CTX_SetMinRsaKey_Sz(ctx, CERT_RSA_BITS_MIN) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_SetMinEccKey_Sz(ctx, ECC_BITS_MIN) != WOLFSSL_SUCCESS)
        return false;
    /* No resumption: a connection lives as long as its call, and each shows its certificate. */
    wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
    if (config->role == TLS_SERVER && wolfSSL_CTX_NoTicketTLSv12(ctx) != WOLFSSL_SUCCESS)
        return false;
#ifdef WOLFSSL_TLS13
    if (config->role == TLS_SERVER && wolfSSL_CTX_no_ticket_TLSv13(ctx) != 0)
        return false;
#endif
    /* NULL: the library's own judgement of a chain stands as it is, unlike with DTLS. */
    wolfSSL_CTX_set_verify(ctx, mode[config->check], NULL);
    wolfSSL_CTX_SetIOSend(ctx, io_send);
    wolfSSL_CTX_SetIORecv(ctx, io_receive);
    return true;
}

static int ctx_fill(struct tls_ctx *ctx, const struct tls_config *config,
                    struct cert_problem *problem)
{
    bool has_authorities = config->authorities != NULL && config->authorities[0] != '\0';
    int rc = 0;

    /* v23: every version that the floor lets through. */
    ctx->ctx = wolfSSL_CTX_new(config->role == TLS_CLIENT ? wolfSSLv23_client_method()
                                                          : wolfSSLv23_server_method());
    if (!ctx->ctx)
        return ERR_NOMEM;
    /* Authorities first: the message for a wrong file is the most useful one. */
    if (has_authorities)
        rc = cert_read_authorities(config->authorities, ctx->ctx, problem);
    if (rc == 0 && !configure(ctx->ctx, config))
        rc = ERR_CRYPTO;
    if (rc == 0)
        rc = set_ciphers(ctx->ctx, config);
    if (rc == 0 && config->cert != NULL)
        rc = cert_install_chain(config->cert, ctx->ctx);
    return rc;
}

int tls_ctx_create(const struct tls_config *config, struct tls_ctx **out,
                   struct cert_problem *problem)
{
    struct tls_ctx *ctx;
    int rc;

    /* A policy that checks without authorities would refuse everybody or, worse, nobody. */
    if ((config->check != TLS_CHECK_NONE &&
         (config->authorities == NULL || config->authorities[0] == '\0')) ||
        (config->role == TLS_SERVER && config->cert == NULL))
        return ERR_INVAL;
    if (!tls_has_version(config->min_version))
        return ERR_UNSUPPORTED;
    if (wolf_start() != 0)
        return ERR_CRYPTO;
    ctx = calloc(1, sizeof(*ctx));
    if (!ctx)
        return ERR_NOMEM;
    ctx->role = config->role;
    ctx->check = config->check;
    rc = ctx_fill(ctx, config, problem);
    if (rc != 0) {
        tls_ctx_destroy(ctx);
        return rc;
    }
    *out = ctx;
    return 0;
}

void tls_ctx_destroy(struct tls_ctx *ctx)
{
    if (!ctx)
        return;
    wolfSSL_CTX_free(ctx->ctx); /* the library counts the connections that still use it */
    free(ctx);
}

/* ---- connections ---- */

int tls_conn_create(struct tls_ctx *ctx, const struct tls_callbacks *callbacks, void *user,
                    struct tls_conn **out)
{
    struct tls_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        return ERR_NOMEM;
    /* The configuration may be reloaded while connections live: each holds the context it began
     * with. */
    if (wolfSSL_CTX_up_ref(ctx->ctx) != WOLFSSL_SUCCESS) {
        free(conn);
        return ERR_NOMEM;
    }
    conn->ctx = ctx->ctx;
    conn->role = ctx->role;
    conn->is_checked = ctx->check != TLS_CHECK_NONE;
    conn->callbacks = callbacks;
    conn->user = user;
    *out = conn;
    return 0;
}

void tls_conn_destroy(struct tls_conn *conn)
{
    if (!conn)
        return;
    wolfSSL_free(conn->ssl);
    wolfSSL_CTX_free(conn->ctx); /* the reference, or the last of them */
    free(conn);
}

static int fail(struct tls_conn *conn, enum tls_failure failure, const char *text)
{
    /* The first failure stays: what follows from it would only hide it. */
    conn->failure = failure;
    conn->is_open = false;
    conn->is_closed = true;
    snprintf(conn->text, sizeof(conn->text), "%s", text);
    return ERR_REFUSED;
}

static enum tls_failure failure_of(int error)
{
    /* The library's codes in the words of our events. What an operator can act on is told apart,
     * the rest is a protocol error with the library's text. */
    switch (error) {
    case VERSION_ERROR:
        return TLS_FAIL_VERSION;
    case MATCH_SUITE_ERROR:
    case UNSUPPORTED_SUITE:
    case ECC_CURVE_ERROR:
        return TLS_FAIL_CIPHER;
    case NO_PEER_CERT:
        return TLS_FAIL_NO_CERTIFICATE;
    case FATAL_ERROR:
    case SOCKET_PEER_CLOSED_E:
    case SOCKET_ERROR_E:
        return TLS_FAIL_PEER_ALERT;
    case MEMORY_E:
    case MEMORY_ERROR:
        return TLS_FAIL_INTERNAL;
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
    case ASN_SIG_CONFIRM_E:
    case ASN_BEFORE_DATE_E:
    case ASN_AFTER_DATE_E:
    case ASN_PARSE_E:
    case ASN_VERSION_E:
    case ASN_SIG_OID_E:
    case ASN_PATHLEN_INV_E:
    case ASN_PATHLEN_SIZE_E:
    case RSA_KEY_SIZE_E:
    case ECC_KEY_SIZE_E:
    case KEYUSE_SIGNATURE_E:
    case KEYUSE_ENCIPHER_E:
    case EXTKEYUSE_AUTH_E:
    case MAX_CHAIN_ERROR:
    case VERIFY_CERT_ERROR:
        return TLS_FAIL_CERTIFICATE;
    default:
        return TLS_FAIL_PROTOCOL;
    }
}

static int fail_by_library(struct tls_conn *conn, int error)
{
    enum tls_failure failure = failure_of(error);
    WOLFSSL_ALERT_HISTORY alerts = {0};
    char text[TEXT_MAX];

    /* A peer's alert says more than "fatal error". */
    if (failure == TLS_FAIL_PEER_ALERT &&
        wolfSSL_get_alert_history(conn->ssl, &alerts) == WOLFSSL_SUCCESS)
        snprintf(text, sizeof(text), "peer sent alert %d", alerts.last_rx.code);
    else
        snprintf(text, sizeof(text), "%s (%d)",
                 wolfSSL_ERR_reason_error_string((unsigned long)error), error);
    return fail(conn, failure, text);
}

/* The library's object, some 10 KB, is made for whoever talks TLS alone. */
static int begin(struct tls_conn *conn)
{
    /* Not at accept: scanners that never say a word would cost 10 KB each. */
    conn->ssl = wolfSSL_new(conn->ctx);
    /* RFC 5746 §3.4: what a client of TLS 1.2 has to say. There is no renegotiation in this build.
     */
    if (!conn->ssl ||
        (conn->role == TLS_CLIENT && wolfSSL_UseSecureRenegotiation(conn->ssl) != WOLFSSL_SUCCESS))
        return fail(conn, TLS_FAIL_INTERNAL, "out of memory");
    wolfSSL_SetIOReadCtx(conn->ssl, conn);
    wolfSSL_SetIOWriteCtx(conn->ssl, conn);
    return 0;
}

static void remember(struct tls_conn *conn)
{
    int suite = wolfSSL_get_current_cipher_suite(conn->ssl);
    /* Before the first read: the library frees the certificate with the first application data. */
    WOLFSSL_X509 *x509 = wolfSSL_get_peer_certificate(conn->ssl);
    const char *name = x509 != NULL ? wolfSSL_X509_get_subjectCN(x509) : NULL;
    const char *version = wolfSSL_get_version(conn->ssl);

    conn->info.version = strcmp(version, "TLSv1.3") == 0 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
    conn->info.cipher =
        wolfSSL_get_cipher_name_iana_from_suite((unsigned char)(suite >> 8), (unsigned char)suite);
    /* Sent and not checked is not verified: NONE lets everything through. */
    conn->info.is_peer_verified = x509 != NULL && conn->is_checked;
    snprintf(conn->info.peer, sizeof(conn->info.peer), "%s", name != NULL ? name : "");
    wolfSSL_X509_free(x509);
}

static int shake(struct tls_conn *conn)
{
    int rc = conn->role == TLS_CLIENT ? wolfSSL_connect(conn->ssl) : wolfSSL_accept(conn->ssl);
    int error;

    if (rc != WOLFSSL_SUCCESS) {
        error = wolfSSL_get_error(conn->ssl, rc);
        /* WANT_WRITE cannot be with our on_send, but it is not an error either. */
        return error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE
                   ? 0
                   : fail_by_library(conn, error);
    }
    remember(conn);
    conn->is_open = true;
    /* may close us: is_open is asked again by whoever goes on */
    conn->callbacks->on_open(conn->user);
    return 0;
}

static int read_stream(struct tls_conn *conn)
{
    uint8_t data[4096];

    /* on_data may close the connection: asked at each turn. */
    while (conn->is_open) {
        int n = wolfSSL_read(conn->ssl, data, sizeof(data));
        int error;

        if (n > 0) {
            conn->callbacks->on_data(conn->user, data, (size_t)n);
            continue;
        }
        error = wolfSSL_get_error(conn->ssl, n);
        if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE)
            return 0;
        if (error == WOLFSSL_ERROR_ZERO_RETURN) {
            /* close_notify: answer it (RFC 5246 §7.2.1), then it is an orderly end and no
             * failure. */
            tls_conn_close(conn);
            return ERR_CLOSED;
        }
        return fail_by_library(conn, error);
    }
    return ERR_CLOSED;
}

/* Counts the records as they pass: tls_conn_is_partial, and no header can promise too much. The
 * library does not say whether it stands between two records; a server needs it to tell an orderly
 * end of the stream from a cut one. */
static int follow(struct tls_conn *conn, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t n = len < conn->record_rest ? len : conn->record_rest;

        if (n == 0) {
            n = 1;
            conn->header[conn->header_have++] = *data;
        } else {
            conn->record_rest -= n;
        }
        data += n;
        len -= n;
        if (conn->header_have < TLS_RECORD_HEADER_LEN)
            continue;
        /* A header is whole: what follows is content of its length, at most
         * TLS_RECORD_CONTENT_MAX. */
        conn->header_have = 0;
        conn->record_rest = (size_t)conn->header[3] << 8 | conn->header[4];
        if (conn->record_rest > TLS_RECORD_CONTENT_MAX)
            return fail(conn, TLS_FAIL_PROTOCOL, "a record is longer than records can be");
    }
    return 0;
}

/* A server tells a peer without TLS from one whose TLS is broken by the first octet. */
static int greet(struct tls_conn *conn, uint8_t first)
{
    /* TLS_HANDSHAKE_OCTET: a ClientHello is the only thing that a TLS client can begin with. */
    if (first == TLS_HANDSHAKE_OCTET)
        return begin(conn);
    return fail(conn, TLS_FAIL_NOT_TLS,
                /* TPKT's first octet: the peer has signalling without TLS on a port with it, the
                 * most common wrong setting of all. */
                first == TPKT_VERSION ? "no TLS: this looks like call signalling in the clear"
                                      : "no TLS: the first octet begins no handshake");
}

static int advance(struct tls_conn *conn)
{
    int rc = 0;

    if (!conn->is_open)
        rc = shake(conn);
    /* Data may have come in the segment of the last handshake message. */
    if (rc == 0 && conn->is_open)
        rc = read_stream(conn);
    return rc == 0 && conn->is_closed ? ERR_CLOSED : rc;
}

int tls_conn_start(struct tls_conn *conn)
{
    if (conn->role != TLS_CLIENT || conn->ssl != NULL)
        return ERR_STATE;
    return begin(conn) != 0 ? ERR_REFUSED : advance(conn);
}

int tls_conn_input(struct tls_conn *conn, const uint8_t *data, size_t len)
{
    int rc = 0;

    if (conn->is_closed)
        /* Input behind the end: not an error of the caller, whose socket may be ahead of it. */
        return conn->failure != TLS_FAIL_NONE ? ERR_REFUSED : ERR_CLOSED;
    if (len == 0)
        return 0;
    if (!conn->ssl)
        rc = conn->role == TLS_SERVER ? greet(conn, data[0]) : ERR_STATE;
    if (rc == 0)
        rc = follow(conn, data, len);
    if (rc != 0)
        return rc;
    conn->input = data;
    conn->input_len = len;
    rc = advance(conn);
    /* The caller's octets are dead when this returns: the library has copied what it wants to
     * keep. */
    conn->input = NULL;
    conn->input_len = 0;
    return rc;
}

int tls_conn_send(struct tls_conn *conn, const uint8_t *data, size_t len)
{
    if (conn->is_closed)
        return ERR_CLOSED;
    if (!conn->is_open)
        return ERR_STATE;
    /* Our on_send takes all, so the library has nothing to keep for later. */
    return len == 0 || wolfSSL_write(conn->ssl, data, (int)len) == (int)len ? 0 : ERR_IO;
}

void tls_conn_close(struct tls_conn *conn)
{
    bool was_open = conn->is_open;

    /* First: shutdown sends through on_send, and the transport may ask is_open. */
    conn->is_open = false;
    conn->is_closed = true;
    if (was_open)
        (void)wolfSSL_shutdown(conn->ssl);
}

bool tls_conn_is_open(const struct tls_conn *conn)
{
    return conn->is_open;
}

bool tls_conn_is_partial(const struct tls_conn *conn)
{
    return conn->header_have != 0 || conn->record_rest != 0;
}

const struct tls_info *tls_conn_info(const struct tls_conn *conn)
{
    return &conn->info;
}

enum tls_failure tls_conn_failure(const struct tls_conn *conn, const char **text)
{
    *text = conn->text;
    return conn->failure;
}
