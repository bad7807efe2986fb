#include "tests/crypto/dtls_openssl.h"

#include <CUnit/CUnit.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/time.h>

static uint64_t clock_ms;

/* The clock that libssl sees in this program. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(clock_ms / 1000) + 1000000000;
    tv->tv_usec = (suseconds_t)(clock_ms % 1000) * 1000;
    return 0;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct ossl *o = BIO_get_data(bio);

    link_send(o->link, 1 - o->index, (const uint8_t *)data, (size_t)len);
    return len;
}

static int bio_read(BIO *bio, char *data, int room)
{
    struct ossl *o = BIO_get_data(bio);
    int len = (int)o->input_len;

    BIO_clear_retry_flags(bio);
    if (!o->has_input) {
        BIO_set_retry_read(bio);
        return -1;
    }
    o->has_input = false;
    memcpy(data, o->input, (size_t)(len < room ? len : room));
    return len < room ? len : room;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return 1200;
    default:
        return 0;
    }
}

static BIO *make_bio(struct ossl *o)
{
    static BIO_METHOD *method;
    BIO *bio;

    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "link");
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    bio = BIO_new(method);
    BIO_set_data(bio, o);
    BIO_set_init(bio, 1);
    return bio;
}

static X509 *make_x509(EVP_PKEY *key, EVP_PKEY *signer, const char *name, const char *issuer,
                       bool is_expired)
{
    X509 *x = X509_new();

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), is_expired ? 7 : 8);
    /* Days before 2001-09-09, which is this program's year zero and libssl's "now". */
    X509_time_adj_ex(X509_getm_notBefore(x), -400, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(x), is_expired ? -300 : 36500, 0, NULL);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)issuer, -1, -1, 0);
    X509_set_pubkey(x, key);
    if (strcmp(name, "ca") == 0) {
        X509V3_CTX v3;
        X509_EXTENSION *ext;

        X509V3_set_ctx_nodb(&v3);
        ext = X509V3_EXT_conf_nid(NULL, &v3, NID_basic_constraints, "critical,CA:TRUE");
        X509_add_ext(x, ext, -1);
        X509_EXTENSION_free(ext);
    }
    /* Ed25519 has its hash inside. */
    CU_ASSERT_TRUE(X509_sign(x, signer, EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256()) >
                   0);
    return x;
}

static EVP_PKEY *make_key(enum ossl_cert kind)
{
    switch (kind) {
    case OSSL_RSA:
        return EVP_RSA_gen(2048);
    case OSSL_RSA3072:
        return EVP_RSA_gen(3072);
    case OSSL_P384:
        return EVP_EC_gen("P-384");
    case OSSL_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return EVP_EC_gen("P-256");
    }
}

static void use_certificate(struct ossl *o, enum ossl_cert kind)
{
    EVP_PKEY *key = make_key(kind);
    EVP_PKEY *ca_key = kind == OSSL_CHAIN ? EVP_EC_gen("P-256") : NULL;
    X509 *x =
        make_x509(key, ca_key ? ca_key : key, "leaf", ca_key ? "ca" : "leaf", kind == OSSL_EXPIRED);
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);

    CU_ASSERT_EQUAL(fingerprint_of_der(FINGERPRINT_SHA256, der, (size_t)len, &o->fp), 0);
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_certificate(o->ctx, x), 1);
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_PrivateKey(o->ctx, key), 1);
    if (ca_key)
        SSL_CTX_add_extra_chain_cert(o->ctx, make_x509(ca_key, ca_key, "ca", "ca", false));
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

static int take_any(int preverify, X509_STORE_CTX *store)
{
    (void)preverify;
    (void)store;
    return 1;
}

static void on_done(struct ossl *o)
{
    SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(o->ssl);

    o->done = 1;
    o->profile = chosen ? (enum srtp_profile)chosen->id : SRTP_PROFILE_NONE;
    if (chosen)
        CU_ASSERT_EQUAL(SSL_export_keying_material(o->ssl, o->material, sizeof(o->material),
                                                   "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0),
                        1);
}

static void step(struct ossl *o)
{
    uint8_t data[2048];
    int rc = -1, error;

    if (o->failed)
        return;
    clock_ms = o->link->now;
    ERR_clear_error();
    if (!o->done) {
        rc = SSL_do_handshake(o->ssl);
        if (rc == 1)
            on_done(o);
    }
    if (o->done) {
        while ((rc = SSL_read(o->ssl, data, sizeof(data))) > 0) {
            o->echoed++;
            SSL_write(o->ssl, data, rc);
        }
    }
    error = SSL_get_error(o->ssl, rc);
    if (error == SSL_ERROR_ZERO_RETURN)
        o->closed = 1;
    else if (rc <= 0 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        o->failed = 1;
}

static void ossl_input(void *self, uint64_t now, const uint8_t *data, size_t len)
{
    struct ossl *o = self;

    (void)now;
    memcpy(o->input, data, len < sizeof(o->input) ? len : sizeof(o->input));
    o->input_len = len;
    o->has_input = true;
    step(o);
}

static uint64_t ossl_deadline(void *self)
{
    struct ossl *o = self;
    struct timeval left;

    clock_ms = o->link->now;
    if (o->failed || o->closed || DTLSv1_get_timeout(o->ssl, &left) != 1)
        return DTLS_NO_DEADLINE;
    return o->link->now + (uint64_t)left.tv_sec * 1000 + ((uint64_t)left.tv_usec + 999) / 1000;
}

static void ossl_on_timer(void *self, uint64_t now)
{
    struct ossl *o = self;

    clock_ms = now;
    if (DTLSv1_handle_timeout(o->ssl) < 0)
        o->failed = 1;
}

static void make_ssl(struct ossl *o, enum dtls_role role)
{
    o->ssl = SSL_new(o->ctx);
    SSL_set_bio(o->ssl, make_bio(o), NULL);
    BIO_up_ref(SSL_get_rbio(o->ssl));
    SSL_set0_wbio(o->ssl, SSL_get_rbio(o->ssl));
    SSL_set_options(o->ssl, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(o->ssl, 1228);
    if (role == DTLS_CLIENT)
        SSL_set_connect_state(o->ssl);
    else
        SSL_set_accept_state(o->ssl);
}

void ossl_init(struct ossl *o, struct link *link, int index, enum dtls_role role,
               enum ossl_cert kind, const char *profiles)
{
    memset(o, 0, sizeof(*o));
    o->link = link;
    o->index = index;
    clock_ms = link->now;
    o->ctx = SSL_CTX_new(DTLS_method());
    CU_ASSERT_PTR_NOT_NULL_FATAL(o->ctx);
    SSL_CTX_set_min_proto_version(o->ctx, DTLS1_2_VERSION);
    if (kind != OSSL_NONE)
        use_certificate(o, kind);
    if (profiles)
        CU_ASSERT_EQUAL_FATAL(SSL_CTX_set_tlsext_use_srtp(o->ctx, profiles), 0);
    SSL_CTX_set_verify(o->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
    SSL_CTX_set_session_id_context(o->ctx, (const unsigned char *)"link", 4);
    make_ssl(o, role);
    link->peer[index] = (struct link_peer){
        .self = o, .input = ossl_input, .deadline = ossl_deadline, .on_timer = ossl_on_timer};
}

void ossl_again(struct ossl *o, enum dtls_role role, SSL_SESSION *session)
{
    SSL_shutdown(o->ssl); /* one that was not shut down is not kept */
    SSL_free(o->ssl);
    o->done = o->failed = o->closed = 0;
    o->has_input = false;
    make_ssl(o, role);
    if (role == DTLS_CLIENT && session)
        CU_ASSERT_EQUAL(SSL_set_session(o->ssl, session), 1);
}

void ossl_start(struct ossl *o)
{
    step(o);
}

void ossl_fini(struct ossl *o)
{
    SSL_free(o->ssl);
    SSL_CTX_free(o->ctx);
}
