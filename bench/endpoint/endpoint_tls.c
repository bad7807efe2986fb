#include "bench/endpoint/endpoint_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE openssl_err_state
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#include "base/err.h"
#include "bench/endpoint/endpoint_dtls.h"

struct endpoint_tls {
    SSL_CTX *ctx;
    struct dtls_identity *identity; /* NULL: the certificate is from files */
};

struct tls_stream {
    SSL *ssl;
    BIO *in, *out; /* of `ssl` */
    char problem[160];
};

static int set_versions(SSL_CTX *ctx, const char *version)
{
    int least = version && strcmp(version, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    int most = version && strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    if (version && least != most)
        return ERR_INVAL;
    return SSL_CTX_set_min_proto_version(ctx, least) && SSL_CTX_set_max_proto_version(ctx, most)
               ? 0
               : ERR_CRYPTO;
}

static int set_certificate(struct endpoint_tls *tls, const struct endpoint_tls_config *c)
{
    if (c->certificate)
        return SSL_CTX_use_certificate_chain_file(tls->ctx, c->certificate) == 1 &&
                       SSL_CTX_use_PrivateKey_file(tls->ctx, c->key, SSL_FILETYPE_PEM) == 1 &&
                       SSL_CTX_check_private_key(tls->ctx) == 1
                   ? 0
                   : ERR_CRYPTO;
    if (!c->is_listening)
        return 0;
    int rc = dtls_identity_create(&tls->identity);
    return rc == 0 && dtls_identity_use(tls->identity, tls->ctx) ? 0 : ERR_CRYPTO;
}

static int configure(struct endpoint_tls *tls, const struct endpoint_tls_config *c,
                     const char **why)
{
    *why = "--tls-cert and --tls-key go together";
    if ((c->certificate == NULL) != (c->key == NULL))
        return ERR_INVAL;
    *why = "--tls-version must be 1.2 or 1.3";
    if (set_versions(tls->ctx, c->version) != 0)
        return ERR_INVAL;
    *why = "--tls-cert and --tls-key do not work";
    if (set_certificate(tls, c) != 0)
        return ERR_CRYPTO;
    *why = "--tls-ca does not work";
    if (!c->authorities)
        return 0;
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return SSL_CTX_load_verify_file(tls->ctx, c->authorities) == 1 ? 0 : ERR_CRYPTO;
}

int endpoint_tls_create(const struct endpoint_tls_config *config, struct endpoint_tls **out,
                        const char **why)
{
    struct endpoint_tls *tls = calloc(1, sizeof(*tls));
    *why = "out of memory";
    if (!tls)
        return ERR_NOMEM;
    tls->ctx = SSL_CTX_new(TLS_method());
    int rc = tls->ctx ? configure(tls, config, why) : ERR_NOMEM;
    if (rc) {
        endpoint_tls_destroy(tls);
        return rc;
    }
    *out = tls;
    return 0;
}

void endpoint_tls_destroy(struct endpoint_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ctx);
    dtls_identity_destroy(tls->identity);
    free(tls);
}

int tls_stream_create(const struct endpoint_tls *tls, bool is_server, struct tls_stream **out)
{
    struct tls_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->ssl = SSL_new(tls->ctx);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    if (!s->ssl || !s->in || !s->out) {
        SSL_free(s->ssl);
        BIO_free(s->in);
        BIO_free(s->out);
        free(s);
        return ERR_NOMEM;
    }
    SSL_set_bio(s->ssl, s->in, s->out);
    if (is_server)
        SSL_set_accept_state(s->ssl);
    else
        SSL_set_connect_state(s->ssl);
    *out = s;
    return 0;
}

void tls_stream_destroy(struct tls_stream *s)
{
    if (!s)
        return;
    SSL_free(s->ssl);
    free(s);
}

void tls_stream_give(struct tls_stream *s, const uint8_t *data, size_t len)
{
    BIO_write(s->in, data, (int)len); /* memory: it takes all */
}

size_t tls_stream_take(struct tls_stream *s, uint8_t *data, size_t room)
{
    int n = BIO_read(s->out, data, (int)room);
    return n > 0 ? (size_t)n : 0;
}

static int judge(struct tls_stream *s, int result)
{
    int why = SSL_get_error(s->ssl, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return 0;
    if (why == SSL_ERROR_ZERO_RETURN)
        return ERR_CLOSED;
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    snprintf(s->problem, sizeof(s->problem), "TLS: %s", text ? text : "failed");
    ERR_clear_error();
    return ERR_REFUSED;
}

int tls_stream_shake(struct tls_stream *s)
{
    int n = SSL_do_handshake(s->ssl);
    return n == 1 ? 1 : judge(s, n) == 0 ? 0 : ERR_REFUSED;
}

int tls_stream_read(struct tls_stream *s, uint8_t *data, size_t room)
{
    int n = SSL_read(s->ssl, data, (int)room);
    return n > 0 ? n : judge(s, n);
}

int tls_stream_write(struct tls_stream *s, const uint8_t *data, size_t len)
{
    return SSL_write(s->ssl, data, (int)len) == (int)len ? 0 : ERR_IO;
}

void tls_stream_end(struct tls_stream *s)
{
    if (SSL_is_init_finished(s->ssl))
        SSL_shutdown(s->ssl);
    ERR_clear_error();
}

const char *tls_stream_problem(const struct tls_stream *s)
{
    return s->problem;
}

const char *tls_stream_version(const struct tls_stream *s)
{
    return SSL_get_version(s->ssl);
}

const char *tls_stream_cipher(const struct tls_stream *s)
{
    return SSL_get_cipher_name(s->ssl);
}
