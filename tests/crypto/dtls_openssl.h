/* OpenSSL as the far end of a dtls_link: datagrams through a BIO of our own, and its clock is the
 * link's (gettimeofday of this program is ours; libssl asks no other clock for its timers). */
#ifndef TESTS_CRYPTO_DTLS_OPENSSL_H
#define TESTS_CRYPTO_DTLS_OPENSSL_H

#include "tests/crypto/dtls_link.h"

#include <openssl/ssl.h>

enum ossl_cert {
    OSSL_EC,
    OSSL_RSA,
    OSSL_EXPIRED,
    OSSL_CHAIN,
    OSSL_P384,
    OSSL_RSA3072,
    OSSL_ED25519,
    OSSL_NONE
};

struct ossl {
    struct link *link;
    int index;
    SSL_CTX *ctx;
    SSL *ssl;
    struct fingerprint fp; /* of its certificate */
    uint8_t input[4096];
    size_t input_len;
    bool has_input;
    int done, failed, closed;
    uint8_t material[88];
    enum srtp_profile profile;
    int echoed; /* records read */
};

/* profiles as OpenSSL's list "SRTP_...:SRTP_...", NULL for no use_srtp. */
void ossl_init(struct ossl *o, struct link *link, int index, enum dtls_role role,
               enum ossl_cert kind, const char *profiles);
/* Another connection of the same context; a client offers the session, NULL: none. */
void ossl_again(struct ossl *o, enum dtls_role role, SSL_SESSION *session);
void ossl_start(struct ossl *o);
void ossl_fini(struct ossl *o);

#endif
