/* The only file that knows wolfSSL's DTLS: contexts, sessions without I/O, the export of keys, and
 * what must be done around the library's faults (docs/dtls.md). Everything above it speaks
 * of octets and results. */
#include "crypto/wolf.h"

#include "base/addr.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_join.h"

#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/random.h>

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_BYTES 12 /* of AES-GCM, as TLS uses it */
#define TAG_BYTES   16
#define TEXT_MAX    120
#define READ_MIN    2048 /* bytes of a datagram */
/* A ClientHello that was put together of fragments (dtls_join.h) is one datagram to the library. */
#define READ_SERVER_MIN (DTLS_JOIN_MAX + 256)
#define RECORD_HEADER   13
/* The table of sessions has its own, shorter limit. */
#define SESSION_SECONDS_MAX 604800

/* Forward secrecy and authenticated encryption only. No CBC, no static RSA: an attacker who gets
 * our key later must not be able to read what he kept. */
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

struct wolf_ctx {
    WOLFSSL_CTX *ctx;
    uint16_t mtu; /* of what its sessions send */
    enum dtls_role role;
};

struct wolf_session {
    WOLFSSL *ssl;
    const struct wolf_ctx *ctx;
    const struct wolf_callbacks *callbacks;
    void *user;
    const uint8_t *input; /* the datagram being fed, NULL once it was read */
    size_t input_len;
    uint64_t record_shift; /* added to the numbers of our records in the clear */
    bool is_done;
    bool is_certificate_refused;
    bool has_chain; /* the peer sent certificates above its leaf */
    bool is_hello_refused;
    int error; /* of wolfSSL, once dead */
    char text[TEXT_MAX];
};

static pthread_once_t started = PTHREAD_ONCE_INIT;
static int start_status;

/* H-KEYS: the library wipes some of its secrets before it frees them, not all: what it has read and
 * decrypted, intermediate values of key agreement, a session it has copied. Wiping whatever it
 * gives back costs less than a microsecond for each kilobyte and leaves nothing to be found. */
static void wipe_and_free(void *p)
{
    if (p == NULL)
        return;
    /* The usable size, which may exceed what was asked for: the library may have used none of it,
     * but the next owner sees all. */
    secret_wipe(p, malloc_usable_size(p));
    free(p);
}

static void *wipe_and_realloc(void *p, size_t size)
{
    size_t old = p != NULL ? malloc_usable_size(p) : 0;
    /* realloc could move the block and free the old one itself, unwiped. */
    void *grown = malloc(size);

    if (grown == NULL)
        return NULL; /* as realloc: the old one stays */
    if (p != NULL)
        memcpy(grown, p, old < size ? old : size);
    wipe_and_free(p);
    return grown;
}

static void start_once(void)
{
    /* Before wolfSSL_Init, which allocates: a block from malloc freed by our free is fine, but
     * nothing of it would be wiped. */
    (void)wolfSSL_SetAllocators(malloc, wipe_and_free, wipe_and_realloc);
    start_status = wolfSSL_Init();
}

int wolf_start(void)
{
    pthread_once(&started, start_once);
    return start_status == WOLFSSL_SUCCESS ? 0 : ERR_CRYPTO;
}

int wolf_random(uint8_t *out, size_t len)
{
    /* A generator a call: this happens at start and at a call's begin, and sharing one would need a
     * lock. */
    WC_RNG rng;
    int rc;

    if (wolf_start() != 0 || wc_InitRng(&rng) != 0)
        return ERR_CRYPTO;
    rc = wc_RNG_GenerateBlock(&rng, out, (word32)len);
    wc_FreeRng(&rng);
    return rc == 0 ? 0 : ERR_CRYPTO;
}

/* RFC 4572 §6.2, which H.235.10 8.3 builds on: a certificate with another fingerprint ends the
 * connection with bad_certificate. The library calls every refused self-signed one unknown_ca; its
 * alert is a record of its own in the clear, as the handshake has come to no keys yet. */
static void name_refusal(char *record, int len)
{
    static const char plain_alert[] = {21, (char)0xfe, (char)0xfd, 0, 0};
    const int length_at = 11, description_at = 14;
    const char bad_certificate = 42;

    /* A fatal alert in the clear, of the version that we speak, and nothing else: with keys or
     * other bytes behind it the record is left alone. */
    if (len == description_at + 1 && memcmp(record, plain_alert, sizeof(plain_alert)) == 0 &&
        record[length_at] == 0 && record[length_at + 1] == 2)
        record[description_at] = bad_certificate;
}

/* A client's records in the clear begin at a random number, as if the ones before it had been lost:
 * that is how a server's HelloVerifyRequest, which has to mirror it (RFC 6347 §4.2.1), is told from
 * a forged one. Nothing authenticates these numbers, and none of the library's own is kept here. */
static void shift_records(const struct wolf_session *session, uint8_t *data, size_t len)
{
    size_t at = 0;

    /* A datagram of ours has whole records; what does not add up is sent as it is. */
    while (len - at >= RECORD_HEADER) {
        uint8_t *r = data + at;
        uint64_t number = session->record_shift;

        if (r[3] == 0 && r[4] == 0) { /* epoch */
            for (int i = 0; i < 6; i++)
                number += (uint64_t)r[5 + i] << 8 * (5 - i);
            for (int i = 0; i < 6; i++)
                r[5 + i] = (uint8_t)(number >> 8 * (5 - i));
        }
        at += RECORD_HEADER + ((size_t)r[11] << 8 | r[12]);
        if (at > len)
            break;
    }
}

static int io_send(WOLFSSL *ssl, char *buf, int len, void *user)
{
    struct wolf_session *session = user;

    (void)ssl;
    /* The next alert is the answer to our refusal; no other alert comes before it. */
    if (session->is_certificate_refused)
        name_refusal(buf, len);
    if (session->record_shift != 0)
        shift_records(session, (uint8_t *)buf, (size_t)len);
    session->callbacks->on_send(session->user, (const uint8_t *)buf, (size_t)len);
    return len;
}

/* One datagram a call, then WANT_READ: the library must not take two for one. One that it has no
 * room for is none: cut, its rest would be taken from the next. */
static int io_receive(WOLFSSL *ssl, char *buf, int room, void *user)
{
    struct wolf_session *session = user;
    size_t len = session->input_len;

    (void)ssl;
    /* consumed, though not taken: the peer repeats it */
    if (!session->input || len > (size_t)room) {
        session->input = NULL;
        return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    memcpy(buf, session->input, len);
    session->input = NULL;
    return (int)len;
}

/* Only the leaf is asked about; whatever the library says of signers and dates is overruled, and
 * the certificates above the leaf are not looked at. The library may skip this call when it finds
 * nothing wrong, so the user checks once more at the end (wolf_session_peer_der). */
static int on_verify(int preverify, WOLFSSL_X509_STORE_CTX *store)
{
    struct wolf_session *session = store->userCtx;

    (void)preverify;
    /* Chains are allowed and ignored: trust is in the leaf's fingerprint alone (RFC 5763 §5). */
    if (store->error_depth != 0) {
        session->has_chain = true;
        return 1;
    }
    if (store->totalCerts < 1)
        return 1;
    if (session->callbacks->on_certificate(session->user, store->certs[0].buffer,
                                           store->certs[0].length))
        return 1;
    session->is_certificate_refused = true;
    return 0;
}

/* The cookie was good. Refusing here is the last moment at which nothing has been sent but a
 * question. */
static int on_good_hello(WOLFSSL *ssl, void *user)
{
    struct wolf_session *session = user;

    (void)ssl;
    if (session->callbacks->on_hello(session->user))
        return 0;
    session->is_hello_refused = true;
    return WOLFSSL_FATAL_ERROR;
}

/* What the library reads of a datagram follows from the MTU that its context has when a session is
 * made; what it sends from the session's own, which is set behind that. A peer's path may be wider
 * than ours (or its chain of certificates longer than it thinks): whatever an Ethernet carries is
 * read. */
static uint16_t largest_read(enum dtls_role role, uint16_t mtu)
{
    uint16_t least = role == DTLS_SERVER ? READ_SERVER_MIN : READ_MIN;

    return mtu > least ? mtu : least;
}

/* The library frees what is returned when it has copied it (*copy 0). */
static WOLFSSL_SESSION *on_session(WOLFSSL *ssl, const unsigned char *id, int id_len, int *copy)
{
    struct wolf_session *session = wolfSSL_GetIOReadCtx(ssl);
    WOLFSSL_SESSION *found = NULL;
    uint8_t blob[WOLF_SESSION_MAX];
    const unsigned char *at = blob;
    size_t len = 0;

    *copy = 0;
    /* Called for any id that a hello names, hence the bond behind on_resume. */
    if (session->callbacks->on_resume(session->user, id, (size_t)id_len, blob, &len))
        found = wolfSSL_d2i_SSL_SESSION(NULL, &at, (long)len);
    secret_wipe(blob, sizeof(blob));
    return found;
}

/* The library's own table of sessions would keep secrets in the clear and knows no fingerprints:
 * it is never used. */
static void configure_sessions(WOLFSSL_CTX *ctx, enum dtls_role role, bool has_sessions)
{
    /* NO_INTERNAL: callbacks only. OFF would also keep a client from offering a session. */
    wolfSSL_CTX_set_session_cache_mode(ctx, has_sessions ? WOLFSSL_SESS_CACHE_NO_INTERNAL
                                                         : WOLFSSL_SESS_CACHE_OFF);
    if (!has_sessions)
        return;
    (void)wolfSSL_CTX_set_timeout(ctx, SESSION_SECONDS_MAX);
    if (role == DTLS_SERVER)
        wolfSSL_CTX_sess_set_get_cb(ctx, on_session);
}

/* All that is the same for both roles and all sessions of a context. */
static bool configure(WOLFSSL_CTX *ctx, enum dtls_role role, uint16_t mtu)
{
    if (wolfSSL_CTX_set_cipher_list(ctx, ciphers) != WOLFSSL_SUCCESS)
        return false;
    /* Without a limit a client offers P-521 first, which costs ten times P-256. */
    if (wolfSSL_CTX_UseSupportedCurve(ctx, WOLFSSL_ECC_SECP256R1) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_UseSupportedCurve(ctx, WOLFSSL_ECC_X25519) != WOLFSSL_SUCCESS)
        return false;
    if (role == DTLS_CLIENT && wolfSSL_CTX_UseSupportedCurve(ctx, WOLFSSL_ECC_SECP384R1) !=
                                   WOLFSSL_SUCCESS) /* for a peer's P-384 certificate */
        return false;
    /* Read MTU for the context, write MTU for the session: see largest_read and
     * wolf_session_create. */
    if (wolfSSL_CTX_dtls_set_mtu(ctx, largest_read(role, mtu)) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_group_messages(ctx) != WOLFSSL_SUCCESS)
        return false;
    /* Tickets would carry the session's secret on the wire, sealed under a key that has to be
     * kept. */
    if (role == DTLS_SERVER && wolfSSL_CTX_NoTicketTLSv12(ctx) != WOLFSSL_SUCCESS)
        return false;
    /* Both sides show a certificate (RFC 5763 §5); the verdict is on_verify's. */
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           on_verify);
    wolfSSL_CTX_SetIOSend(ctx, io_send);
    wolfSSL_CTX_SetIORecv(ctx, io_receive);
    return true;
}

int wolf_ctx_create(enum dtls_role role, const struct cert *cert, uint16_t mtu, bool has_sessions,
                    struct wolf_ctx **out)
{
    struct wolf_ctx *ctx;

    if (wolf_start() != 0)
        return ERR_CRYPTO;
    ctx = calloc(1, sizeof(*ctx));
    if (!ctx)
        return ERR_NOMEM;
    ctx->role = role;
    ctx->mtu = mtu;
    ctx->ctx = wolfSSL_CTX_new(role == DTLS_CLIENT ? wolfDTLSv1_2_client_method()
                                                   : wolfDTLSv1_2_server_method());
    if (!ctx->ctx || cert_install(cert, ctx->ctx) != 0 || !configure(ctx->ctx, role, mtu)) {
        wolf_ctx_destroy(ctx);
        return ERR_CRYPTO;
    }
    configure_sessions(ctx->ctx, role, has_sessions);
    *out = ctx;
    return 0;
}

void wolf_ctx_destroy(struct wolf_ctx *ctx)
{
    if (!ctx)
        return;
    wolfSSL_CTX_free(ctx->ctx);
    free(ctx);
}

/* RFC 5746 §3.4: a client shows that it knows the extension, or a server that answers it (some do
 * whatever was asked) is refused by the library. One that is silent about it is fine (§4.1):
 * nothing is ever negotiated anew here, the library is built without. */
static bool announce_renegotiation_info(struct wolf_session *session)
{
    return session->ctx->role != DTLS_CLIENT ||
           wolfSSL_UseSecureRenegotiation(session->ssl) == WOLFSSL_SUCCESS;
}

int wolf_session_create(struct wolf_ctx *ctx, const struct wolf_callbacks *callbacks,
                        struct wolf_session **out)
{
    struct wolf_session *session = calloc(1, sizeof(*session));
    uint8_t offset[4];

    if (!session)
        return ERR_NOMEM;
    session->ctx = ctx;
    session->callbacks = callbacks;
    session->ssl = wolfSSL_new(ctx->ctx);
    /* Each session sends by the context's MTU until wolf_session_set_mtu says otherwise. */
    if (!session->ssl || wolfSSL_dtls_set_mtu(session->ssl, ctx->mtu) != WOLFSSL_SUCCESS ||
        !announce_renegotiation_info(session)) {
        wolfSSL_free(session->ssl);
        free(session);
        return ERR_NOMEM;
    }
    wolfSSL_SetIOReadCtx(session->ssl, session);
    wolfSSL_SetIOWriteCtx(session->ssl, session);
    wolfSSL_SetCertCbCtx(session->ssl, session);
    /* Or the library would wait for a socket inside a call. */
    wolfSSL_dtls_set_using_nonblock(session->ssl, 1);
    if (ctx->role == DTLS_SERVER)
        wolfDTLS_SetChGoodCb(session->ssl, on_good_hello, session);
    /* 32 bits of chance, never 0: 0 would switch the mirror check off (see shift_records). */
    else if (wc_RNG_GenerateBlock(wolfSSL_GetRNG(session->ssl), offset, sizeof(offset)) == 0)
        session->record_shift = (uint64_t)offset[0] << 24 | (uint64_t)offset[1] << 16 |
                                (uint64_t)offset[2] << 8 | offset[3] | 1;
    *out = session;
    return 0;
}

void wolf_session_destroy(struct wolf_session *session)
{
    if (!session)
        return;
    wolfSSL_free(session->ssl);
    free(session);
}

void wolf_session_set_user(struct wolf_session *session, void *user)
{
    session->user = user;
}

void wolf_session_set_profiles(struct wolf_session *session, const enum srtp_profile *profiles,
                               size_t n)
{
    char names[SRTP_PROFILE_COUNT * 32] = "";
    size_t used = 0;

    for (size_t i = 0; i < n && i < SRTP_PROFILE_COUNT; i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ":" : "",
                                 srtp_profile_to_str(profiles[i]));
    /* The list order is lost in the library; a server gives it one profile only
     * (dtls_handshake.c). */
    (void)wolfSSL_set_tlsext_use_srtp(session->ssl, names);
}

int wolf_session_offer(struct wolf_session *session, const uint8_t *blob, size_t len)
{
    /* The blob is ours and was sealed, yet parsed as if it were not: an error is a full
     * handshake. */
    WOLFSSL_SESSION *kept = wolfSSL_d2i_SSL_SESSION(NULL, &blob, (long)len);
    int rc = kept != NULL ? wolfSSL_set_session(session->ssl, kept) : WOLFSSL_FAILURE;

    wolfSSL_SESSION_free(kept);
    return rc == WOLFSSL_SUCCESS ? 0 : ERR_CRYPTO;
}

bool wolf_session_is_resumed(const struct wolf_session *session)
{
    return wolfSSL_session_reused(session->ssl) == 1;
}

int wolf_session_save(struct wolf_session *session, uint8_t *id, uint8_t *blob, size_t *len)
{
    WOLFSSL_SESSION *made = wolfSSL_get1_session(session->ssl);
    const size_t id_len_at = 9; /* behind side, time and timeout (wolfSSL_i2d_SSL_SESSION) */
    int size = made != NULL ? wolfSSL_i2d_SSL_SESSION(made, NULL) : 0;
    int rc = ERR_NOTFOUND;

    if (size > (int)id_len_at + WOLF_SESSION_ID_BYTES && (size_t)size <= *len) {
        uint8_t *out = blob;

        *len = (size_t)wolfSSL_i2d_SSL_SESSION(made, &out);
        memcpy(id, blob + id_len_at + 1, WOLF_SESSION_ID_BYTES);
        rc = blob[id_len_at] == WOLF_SESSION_ID_BYTES ? 0 : ERR_NOTFOUND;
    }
    wolfSSL_SESSION_free(made);
    return rc;
}

void wolf_session_shift_records(struct wolf_session *session, uint64_t shift)
{
    session->record_shift = shift;
}

int wolf_session_set_peer(struct wolf_session *session, const struct addr *peer)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(peer, &sa);

    return wolfSSL_dtls_set_peer(session->ssl, &sa, len) == WOLFSSL_SUCCESS ? 0 : ERR_NOMEM;
}

int wolf_session_set_cookie(struct wolf_session *session, const uint8_t *secret)
{
    int rc = wolfSSL_DTLS_SetCookieSecret(session->ssl, secret, WOLF_COOKIE_SECRET_BYTES);

    return rc == 0 ? 0 : ERR_NOMEM;
}

static enum wolf_result fail(struct wolf_session *session, int error)
{
    session->error = error;
    return WOLF_ERROR;
}

static enum wolf_result handshake(struct wolf_session *session)
{
    int rc = session->ctx->role == DTLS_CLIENT ? wolfSSL_connect(session->ssl)
                                               : wolfSSL_accept(session->ssl);
    int error;

    /* What on_verify lets pass above the leaf the library takes into the context's store of
     * authorities, for all sessions and for ever: any peer could fill our memory. Unloaded after
     * each handshake step that saw a chain: nobody else has authorities here. */
    if (session->has_chain) {
        session->has_chain = false;
        (void)wolfSSL_CTX_UnloadCAs(session->ctx->ctx);
    }
    if (rc == WOLFSSL_SUCCESS) {
        /* From here on input is records; connect and accept must not be called again. */
        session->is_done = true;
        return WOLF_DONE;
    }
    error = wolfSSL_get_error(session->ssl, rc);
    if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE)
        return WOLF_WANT;
    return fail(session, error);
}

/* Hands out the records of the datagram that is being fed. */
static enum wolf_result read_records(struct wolf_session *session)
{
    /* One datagram holds at most this much plain text. */
    uint8_t data[DTLS_DATAGRAM_MAX];

    for (;;) {
        int n = wolfSSL_read(session->ssl, data, sizeof(data));
        int error;

        if (n > 0) {
            session->callbacks->on_data(session->user, data, (size_t)n);
            secret_wipe(data, (size_t)n); /* may be SCTP with anything in it */
            continue;
        }
        error = wolfSSL_get_error(session->ssl, n);
        if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE)
            /* Records whose tag is wrong end here too: DTLS drops them without a word (RFC 6347
             * §4.1.2.7). */
            return WOLF_DONE;
        if (error == WOLFSSL_ERROR_ZERO_RETURN)
            return WOLF_CLOSED;
        return fail(session, error);
    }
}

enum wolf_result wolf_session_input(struct wolf_session *session, const uint8_t *data, size_t len)
{
    enum wolf_result result;

    if (session->error)
        return WOLF_ERROR;
    session->input = data;
    /* read_records and handshake go through io_receive, which takes it from here, once. */
    session->input_len = len;
    result = session->is_done ? read_records(session) : handshake(session);
    session->input = NULL;
    return result;
}

enum wolf_result wolf_session_retransmit(struct wolf_session *session)
{
    if (session->error)
        return WOLF_ERROR;
    /* The library's own back-off is not used: its clock counts whole seconds. */
    if (wolfSSL_dtls_retransmit(session->ssl) != 0)
        return fail(session, wolfSSL_get_error(session->ssl, WOLFSSL_FATAL_ERROR));
    return session->is_done ? WOLF_DONE : WOLF_WANT;
}

static enum dtls_failure failure_of(const struct wolf_session *session)
{
    /* Our own refusals first: the library's code for them is unspecific. */
    if (session->is_hello_refused)
        return DTLS_FAIL_NO_PROFILE;
    if (session->is_certificate_refused)
        return DTLS_FAIL_FINGERPRINT;
    switch (session->error) {
    case NO_PEER_CERT:
        return DTLS_FAIL_NO_CERTIFICATE;
    case MATCH_SUITE_ERROR:
    case UNSUPPORTED_SUITE:
        return DTLS_FAIL_NO_CIPHER;
    case VERSION_ERROR:
        return DTLS_FAIL_VERSION;
    case FATAL_ERROR:
    case WOLFSSL_ERROR_ZERO_RETURN:
    case SOCKET_PEER_CLOSED_E:
        return DTLS_FAIL_PEER_ALERT;
    case MEMORY_E:
        return DTLS_FAIL_INTERNAL;
    default:
        return DTLS_FAIL_PROTOCOL;
    }
}

enum dtls_failure wolf_session_failure(const struct wolf_session *session, const char **text)
{
    struct wolf_session *s = (struct wolf_session *)(uintptr_t)session; /* text is a cache */
    enum dtls_failure reason = failure_of(session);
    WOLFSSL_ALERT_HISTORY alerts = {0};

    if (reason == DTLS_FAIL_PEER_ALERT &&
        /* FATAL_ERROR is an alert of the peer's; its number is in the history. */
        wolfSSL_get_alert_history(s->ssl, &alerts) == WOLFSSL_SUCCESS)
        snprintf(s->text, sizeof(s->text), "peer sent alert %d", alerts.last_rx.code);
    else if (reason == DTLS_FAIL_FINGERPRINT)
        snprintf(s->text, sizeof(s->text),
                 "the peer's certificate has another fingerprint than was signalled");
    else
        snprintf(s->text, sizeof(s->text), "%s (%d)",
                 wolfSSL_ERR_reason_error_string((unsigned long)session->error), session->error);
    *text = s->text;
    return reason;
}

int wolf_session_export(struct wolf_session *session, enum srtp_profile *profile, uint8_t *material,
                        size_t *len)
{
    const WOLFSSL_SRTP_PROTECTION_PROFILE *chosen = wolfSSL_get_selected_srtp_profile(session->ssl);

    /* No profile is no error of the library: the handshake succeeds without SRTP, and only this
     * shows it (RFC 5764 §4.1). */
    if (!chosen || !srtp_profile_find((unsigned)chosen->id))
        return ERR_NOTFOUND;
    if (wolfSSL_export_dtls_srtp_keying_material(session->ssl, material, len) != WOLFSSL_SUCCESS)
        return ERR_CRYPTO;
    *profile = (enum srtp_profile)chosen->id;
    return 0;
}

int wolf_session_secret(struct wolf_session *session, const uint8_t **client_random,
                        const uint8_t **master)
{
    unsigned char *secret, *server, *client;
    unsigned secret_len = 0, server_len = 0, client_len = 0;

    /* Lab only (see tell_secret): lengths are checked so that a caller may copy blindly. */
    if (wolfSSL_get_keys(session->ssl, &secret, &secret_len, &server, &server_len, &client,
                         &client_len) != WOLFSSL_SUCCESS ||
        secret_len != DTLS_SECRET_BYTES || client_len != DTLS_RANDOM_BYTES)
        return ERR_CRYPTO;
    *client_random = client;
    *master = secret;
    return 0;
}

/* The library would make keys of a master secret that is not there yet, all zero. */
int wolf_session_exporter(struct wolf_session *session, const char *label, uint8_t *out, size_t len)
{
    const uint8_t *client_random, *master;
    uint8_t any = 0;

    if (wolf_session_secret(session, &client_random, &master) != 0)
        return ERR_STATE;
    for (size_t i = 0; i < DTLS_SECRET_BYTES; i++)
        any |= master[i];
    if (any == 0)
        return ERR_STATE;
    wolfSSL_KeepArrays(session->ssl); /* it asks for that, though they are there */
    return wolfSSL_export_keying_material(session->ssl, out, len, label, strlen(label), NULL, 0,
                                          0) == WOLFSSL_SUCCESS
               ? 0
               : ERR_CRYPTO;
}

int wolf_session_peer_der(struct wolf_session *session, uint8_t **der, size_t *len)
{
    WOLFSSL_X509 *x509 = wolfSSL_get_peer_certificate(session->ssl);
    const uint8_t *bytes;
    int n = 0, rc = 0;

    if (!x509)
        return ERR_NOTFOUND;
    /* The DER as it was received, from the library's copy: fingerprints are over these octets. */
    bytes = wolfSSL_X509_get_der(x509, &n);
    *der = bytes && n > 0 ? malloc((size_t)n) : NULL;
    if (*der) {
        memcpy(*der, bytes, (size_t)n);
        *len = (size_t)n;
    } else {
        rc = ERR_NOMEM;
    }
    wolfSSL_X509_free(x509);
    return rc;
}

const char *wolf_session_cipher(struct wolf_session *session)
{
    int suite = wolfSSL_get_current_cipher_suite(session->ssl);

    return wolfSSL_get_cipher_name_iana_from_suite((unsigned char)(suite >> 8),
                                                   (unsigned char)suite);
}

int wolf_session_send(struct wolf_session *session, const uint8_t *data, size_t len)
{
    int n = wolfSSL_write(session->ssl, data, (int)len);

    if (n == (int)len)
        return 0;
    return wolfSSL_get_error(session->ssl, n) == DTLS_SIZE_ERROR ? ERR_RANGE : ERR_IO;
}

void wolf_session_set_mtu(struct wolf_session *session, uint16_t mtu)
{
    /* For data: a record of SCTP may be larger than the handshake's datagrams. */
    (void)wolfSSL_dtls_set_mtu(session->ssl, mtu);
}

void wolf_session_shutdown(struct wolf_session *session)
{
    (void)wolfSSL_shutdown(session->ssl);
}

int wolf_session_freeze(struct wolf_session *session, uint8_t *blob, size_t *len)
{
    unsigned int size = (unsigned int)*len;
    /* Fails while a handshake message is half read: then it is not a state to be frozen. */
    int n = wolfSSL_dtls_export(session->ssl, blob, &size);

    if (n <= 0)
        return ERR_CRYPTO;
    *len = (size_t)n;
    return 0;
}

int wolf_session_thaw(struct wolf_session *session, const uint8_t *blob, size_t len)
{
    if (wolfSSL_dtls_import(session->ssl, blob, (unsigned int)len) < 0)
        return ERR_CRYPTO;
    /* Done before it begins: what comes in next are records. */
    session->is_done = true;
    return 0;
}

int wolf_seal(const uint8_t *key, const uint8_t *plain, size_t len, uint8_t *out)
{
    Aes aes;
    int rc;

    /* A random nonce for each blob: the key lives as long as the process and seals millions, far
     * below the 2^32 that random nonces of 96 bits allow (NIST SP 800-38D §8.3). */
    if (wolf_random(out, NONCE_BYTES) != 0 || wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return ERR_CRYPTO;
    rc = wc_AesGcmSetKey(&aes, key, WOLF_SEAL_KEY_BYTES);
    if (rc == 0)
        rc = wc_AesGcmEncrypt(&aes, out + NONCE_BYTES + TAG_BYTES, plain, (word32)len, out,
                              NONCE_BYTES, out + NONCE_BYTES, TAG_BYTES, NULL, 0);
    wc_AesFree(&aes);
    return rc == 0 ? 0 : ERR_CRYPTO;
}

int wolf_open(const uint8_t *key, const uint8_t *sealed, size_t len, uint8_t *out)
{
    Aes aes;
    int rc;

    /* Shorter than nonce and tag: not one of ours. */
    if (len < WOLF_SEAL_OVERHEAD || wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return ERR_CRYPTO;
    rc = wc_AesGcmSetKey(&aes, key, WOLF_SEAL_KEY_BYTES);
    if (rc == 0)
        rc = wc_AesGcmDecrypt(&aes, out, sealed + WOLF_SEAL_OVERHEAD,
                              (word32)(len - WOLF_SEAL_OVERHEAD), sealed, NONCE_BYTES,
                              sealed + NONCE_BYTES, TAG_BYTES, NULL, 0);
    wc_AesFree(&aes);
    return rc == 0 ? 0 : ERR_CRYPTO;
}
