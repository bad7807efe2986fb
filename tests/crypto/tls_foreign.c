#include "tests/crypto/tls_foreign.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct tls_foreign {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out; /* of `ssl` */
};

struct tls_foreign *tls_foreign_create(int minor)
{
    struct tls_foreign *f = calloc(1, sizeof(*f));
    int version = TLS1_VERSION + minor;

    if (f == NULL)
        return NULL;
    f->ctx = SSL_CTX_new(TLS_client_method());
    f->in = BIO_new(BIO_s_mem());
    f->out = BIO_new(BIO_s_mem());
    if (f->ctx == NULL || f->in == NULL || f->out == NULL ||
        SSL_CTX_set_min_proto_version(f->ctx, version) != 1 ||
        SSL_CTX_set_max_proto_version(f->ctx, version) != 1)
        abort();
    SSL_CTX_set_security_level(f->ctx, 0); /* so that it can offer what we have to refuse */
    f->ssl = SSL_new(f->ctx);
    if (f->ssl == NULL)
        abort();
    SSL_set_bio(f->ssl, f->in, f->out);
    SSL_set_connect_state(f->ssl);
    return f;
}

void tls_foreign_destroy(struct tls_foreign *f)
{
    SSL_free(f->ssl);
    SSL_CTX_free(f->ctx);
    ERR_clear_error();
    free(f);
}

bool tls_foreign_set_ciphers(struct tls_foreign *f, const char *list)
{
    return SSL_set_cipher_list(f->ssl, list) == 1;
}

bool tls_foreign_shake(struct tls_foreign *f)
{
    return SSL_do_handshake(f->ssl) == 1;
}

bool tls_foreign_renegotiate(struct tls_foreign *f)
{
    return SSL_renegotiate(f->ssl) == 1;
}

size_t tls_foreign_take(struct tls_foreign *f, uint8_t *data, size_t room)
{
    int n = BIO_read(f->out, data, (int)room);

    return n > 0 ? (size_t)n : 0;
}

void tls_foreign_give(struct tls_foreign *f, const uint8_t *data, size_t len)
{
    if (BIO_write(f->in, data, (int)len) != (int)len)
        abort();
}

bool tls_foreign_write(struct tls_foreign *f, const void *data, size_t len)
{
    return SSL_write(f->ssl, data, (int)len) == (int)len;
}

size_t tls_foreign_read(struct tls_foreign *f, void *data, size_t room)
{
    int n = SSL_read(f->ssl, data, (int)room);

    return n > 0 ? (size_t)n : 0;
}

const char *tls_foreign_version(const struct tls_foreign *f)
{
    return SSL_get_version(f->ssl);
}

bool tls_foreign_has_ticket(const struct tls_foreign *f)
{
    return SSL_SESSION_has_ticket(SSL_get0_session(f->ssl)) == 1;
}

bool tls_foreign_resume(struct tls_foreign *f, const struct tls_foreign *other)
{
    return SSL_set_session(f->ssl, SSL_get0_session(other->ssl)) == 1;
}

bool tls_foreign_is_resumed(const struct tls_foreign *f)
{
    return SSL_session_reused(f->ssl) == 1;
}
