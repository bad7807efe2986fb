#include "bench/endpoint/endpoint_dtls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE openssl_err_state
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#undef ERR_STATE

#include "base/err.h"

#define LINK_MTU 1400

struct dtls_identity {
    EVP_PKEY *key;
    X509 *cert;
};

struct dtls_peer {
    struct dtls_peer_config cfg;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO_METHOD *method;
    const uint8_t *in; /* the datagram being read, NULL when there is none */
    size_t in_len;
    enum dtls_peer_state state;
    bool verified;
    char reason[160];
};

/* --- identity ------------------------------------------------------------------------------ */

static X509 *make_certificate(EVP_PKEY *key)
{
    unsigned char serial[8];
    X509 *x = X509_new();
    if (!x || RAND_bytes(serial, sizeof(serial)) != 1)
        goto fail;
    uint64_t number = 0;
    memcpy(&number, serial, sizeof(number));
    X509_set_version(x, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), number >> 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400L * 30);
    X509_NAME *name = X509_get_subject_name(x);
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   (const unsigned char *)"sluice-endpoint", -1, -1, 0) != 1 ||
        X509_set_issuer_name(x, name) != 1 || X509_set_pubkey(x, key) != 1 ||
        X509_sign(x, key, EVP_sha256()) == 0)
        goto fail;
    return x;
fail:
    X509_free(x);
    return NULL;
}

int dtls_identity_create(struct dtls_identity **out)
{
    struct dtls_identity *id = calloc(1, sizeof(*id));
    if (!id)
        return ERR_NOMEM;
    id->key = EVP_EC_gen("P-256");
    id->cert = id->key ? make_certificate(id->key) : NULL;
    if (!id->cert) {
        dtls_identity_destroy(id);
        return ERR_CRYPTO;
    }
    *out = id;
    return 0;
}

void dtls_identity_destroy(struct dtls_identity *id)
{
    if (!id)
        return;
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
    free(id);
}

static const EVP_MD *digest_of_token(const char *hash)
{
    static const struct {
        const char *token, *name;
    } names[] = {{"sha-1", "SHA1"},
                 {"sha-256", "SHA256"},
                 {"sha-384", "SHA384"},
                 {"sha-512", "SHA512"},
                 {"md5", "MD5"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(hash, names[i].token) == 0)
            return EVP_get_digestbyname(names[i].name);
    return NULL;
}

static int fingerprint_text(const X509 *cert, const char *hash, char text[DTLS_FINGERPRINT_TEXT])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const EVP_MD *digest = digest_of_token(hash);
    if (!digest)
        return ERR_NOTFOUND;
    if (X509_digest(cert, digest, md, &n) != 1 || n == 0)
        return ERR_CRYPTO;
    /* The zero of the last byte stands where its colon would be: the text needs 3 n bytes. */
    for (unsigned i = 0; i < n; i++)
        snprintf(text + 3 * i, i + 1 < n ? 4 : 3, i + 1 < n ? "%02X:" : "%02X", md[i]);
    return 0;
}

bool dtls_identity_use(const struct dtls_identity *id, struct ssl_ctx_st *ctx)
{
    return SSL_CTX_use_certificate(ctx, id->cert) == 1 && SSL_CTX_use_PrivateKey(ctx, id->key) == 1;
}

int dtls_identity_fingerprint(const struct dtls_identity *id, const char *hash,
                              char text[DTLS_FINGERPRINT_TEXT])
{
    return fingerprint_text(id->cert, hash, text);
}

/* --- datagrams ----------------------------------------------------------------------------- */

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct dtls_peer *d = BIO_get_data(bio);
    d->cfg.on_send(d->cfg.arg, (const uint8_t *)bytes, (size_t)len);
    return len;
}

static int bio_read(BIO *bio, char *out, int cap)
{
    struct dtls_peer *d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int n = d->in_len < (size_t)cap ? (int)d->in_len : cap;
    memcpy(out, d->in, (size_t)n);
    d->in = NULL; /* what did not fit is gone, as with recv() */
    return n;
}

static long bio_ctrl(BIO *bio, int cmd, long larg, void *parg)
{
    (void)bio, (void)larg, (void)parg;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
        return LINK_MTU;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return 28;
    default:
        return 0;
    }
}

static int attach_bio(struct dtls_peer *d)
{
    d->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "endpoint datagrams");
    if (!d->method)
        return ERR_NOMEM;
    BIO_meth_set_write(d->method, bio_write);
    BIO_meth_set_read(d->method, bio_read);
    BIO_meth_set_ctrl(d->method, bio_ctrl);
    BIO *bio = BIO_new(d->method);
    if (!bio)
        return ERR_NOMEM;
    BIO_set_data(bio, d);
    BIO_set_init(bio, 1);
    SSL_set_bio(d->ssl, bio, bio);
    return 0;
}

/* --- the handshake ------------------------------------------------------------------------- */

/* The chain means nothing here: the only question is whether the leaf hashes to what H.245 said
 * (RFC 4572 §5). A missing fingerprint is a mismatch. */
static int on_verify(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls_peer *d = SSL_get_app_data(ssl);
    char text[DTLS_FINGERPRINT_TEXT];
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    d->verified = leaf && fingerprint_text(leaf, d->cfg.peer_hash, text) == 0 &&
                  strcasecmp(text, d->cfg.peer_fingerprint) == 0;
    if (d->verified) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    snprintf(d->reason, sizeof(d->reason),
             "certificate does not hash to the signalled fingerprint");
    return 0;
}

static SSL_CTX *make_context(const struct dtls_peer_config *cfg)
{
    SSL_CTX *ctx = SSL_CTX_new(DTLS_method());
    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, NULL);
    bool ok = cfg->profiles[0] == '\0' ||
              SSL_CTX_set_tlsext_use_srtp(ctx, cfg->profiles) == 0; /* 0 is success here */
    if (ok && !cfg->no_certificate)
        ok = dtls_identity_use(cfg->identity, ctx);
    if (!ok) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

int dtls_peer_create(const struct dtls_peer_config *cfg, struct dtls_peer **out)
{
    struct dtls_peer *d = calloc(1, sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    d->cfg = *cfg;
    d->ctx = make_context(cfg);
    d->ssl = d->ctx ? SSL_new(d->ctx) : NULL;
    if (!d->ssl || attach_bio(d) != 0) {
        dtls_peer_destroy(d);
        return ERR_CRYPTO;
    }
    SSL_set_app_data(d->ssl, d);
    DTLS_set_link_mtu(d->ssl, LINK_MTU);
    if (cfg->is_client)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    *out = d;
    return 0;
}

void dtls_peer_destroy(struct dtls_peer *d)
{
    if (!d)
        return;
    SSL_free(d->ssl);
    SSL_CTX_free(d->ctx);
    BIO_meth_free(d->method);
    free(d);
}

static void fail(struct dtls_peer *d, int ssl_error)
{
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    if (d->reason[0] == '\0')
        snprintf(d->reason, sizeof(d->reason), "%s", text ? text : "transport error");
    d->state = ssl_error == SSL_ERROR_ZERO_RETURN ? DTLS_CLOSED : DTLS_FAILED;
    ERR_clear_error();
}

/* Runs OpenSSL over whatever is in d->in. */
static void drive(struct dtls_peer *d)
{
    uint8_t data[16384]; /* of one record: what is over SCTP is as long as they get */
    if (d->state == DTLS_HANDSHAKE) {
        int rc = SSL_do_handshake(d->ssl);
        int error = SSL_get_error(d->ssl, rc);
        if (rc == 1)
            d->state = DTLS_ESTABLISHED;
        if (rc == 1)
            return;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            fail(d, error);
        return;
    }
    int rc;
    while ((rc = SSL_read(d->ssl, data, sizeof(data))) > 0)
        if (d->cfg.on_data)
            d->cfg.on_data(d->cfg.arg, data, (size_t)rc);
    int error = SSL_get_error(d->ssl, rc);
    if (error == SSL_ERROR_ZERO_RETURN)
        snprintf(d->reason, sizeof(d->reason), "close_notify received");
    if (rc <= 0 && error != SSL_ERROR_WANT_READ)
        fail(d, error);
}

static bool is_over(const struct dtls_peer *d)
{
    return d->state == DTLS_CLOSED || d->state == DTLS_FAILED;
}

void dtls_peer_start(struct dtls_peer *d)
{
    if (d->cfg.is_client && !is_over(d))
        drive(d);
}

void dtls_peer_input(struct dtls_peer *d, const uint8_t *bytes, size_t len)
{
    if (is_over(d))
        return;
    d->in = bytes;
    d->in_len = len;
    drive(d);
    d->in = NULL;
}

int dtls_peer_timeout_ms(struct dtls_peer *d)
{
    struct timeval left;
    if (is_over(d) || DTLSv1_get_timeout(d->ssl, &left) != 1)
        return -1;
    return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

void dtls_peer_on_timer(struct dtls_peer *d)
{
    if (!is_over(d) && DTLSv1_handle_timeout(d->ssl) < 0)
        fail(d, SSL_ERROR_SSL);
}

int dtls_peer_send(struct dtls_peer *d, const uint8_t *bytes, size_t len)
{
    if (d->state != DTLS_ESTABLISHED)
        return ERR_CLOSED;
    if (SSL_write(d->ssl, bytes, (int)len) == (int)len)
        return 0;
    ERR_clear_error();
    return ERR_RANGE;
}

int dtls_peer_export(struct dtls_peer *d, const char *label, uint8_t *out, size_t len)
{
    const SSL_SESSION *session = SSL_get_session(d->ssl);
    if (!session || SSL_SESSION_get_master_key(session, NULL, 0) == 0)
        return ERR_STATE;
    int rc = SSL_export_keying_material(d->ssl, out, len, label, strlen(label), NULL, 0, 0);
    ERR_clear_error();
    return rc == 1 ? 0 : ERR_STATE;
}

void dtls_peer_close(struct dtls_peer *d)
{
    if (d->state != DTLS_ESTABLISHED)
        return;
    SSL_shutdown(d->ssl);
    ERR_clear_error();
    d->state = DTLS_CLOSED;
    snprintf(d->reason, sizeof(d->reason), "close_notify sent");
}

/* --- what came of it ----------------------------------------------------------------------- */

enum dtls_peer_state dtls_peer_state(const struct dtls_peer *d)
{
    return d->state;
}

bool dtls_peer_is_verified(const struct dtls_peer *d)
{
    return d->verified;
}

const char *dtls_peer_reason(const struct dtls_peer *d)
{
    return d->reason;
}

const char *dtls_peer_cipher(const struct dtls_peer *d)
{
    return SSL_get_cipher_name(d->ssl);
}

const char *dtls_peer_profile(const struct dtls_peer *d)
{
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(d->ssl);
    return p ? p->name : "none";
}

static int key_lengths(unsigned profile, size_t *key, size_t *salt)
{
    switch (profile) {
    case SRTP_AES128_CM_SHA1_80:
    case SRTP_AES128_CM_SHA1_32:
        *key = 16, *salt = 14;
        return 0;
    case SRTP_AEAD_AES_128_GCM:
        *key = 16, *salt = 12;
        return 0;
    case SRTP_AEAD_AES_256_GCM:
        *key = 32, *salt = 12;
        return 0;
    default:
        return ERR_UNSUPPORTED;
    }
}

int dtls_peer_keys(struct dtls_peer *d, struct dtls_srtp_keys *out)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    uint8_t block[2 * (DTLS_KEY_MAX + DTLS_SALT_MAX)];
    size_t key, salt;
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(d->ssl);
    if (!p || key_lengths((unsigned)p->id, &key, &salt) != 0)
        return ERR_NOTFOUND;
    if (SSL_export_keying_material(d->ssl, block, 2 * (key + salt), label, sizeof(label) - 1, NULL,
                                   0, 0) != 1)
        return ERR_CRYPTO;
    /* client key, server key, client salt, server salt (RFC 5764 §4.2) */
    size_t local = d->cfg.is_client ? 0 : 1, remote = 1 - local;
    *out = (struct dtls_srtp_keys){.profile = (unsigned)p->id, .key_len = key, .salt_len = salt};
    memcpy(out->local_key, block + local * key, key);
    memcpy(out->remote_key, block + remote * key, key);
    memcpy(out->local_salt, block + 2 * key + local * salt, salt);
    memcpy(out->remote_salt, block + 2 * key + remote * salt, salt);
    OPENSSL_cleanse(block, sizeof(block));
    return 0;
}
