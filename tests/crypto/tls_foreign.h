/* OpenSSL's TLS client over memory, behind a door of its own: its headers and base/err.h do not
 * live together. */
#ifndef TESTS_CRYPTO_TLS_FOREIGN_H
#define TESTS_CRYPTO_TLS_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_foreign;

/* `minor`: 1, 2 or 3 of TLS 1.x, that version alone. NULL: out of memory. */
struct tls_foreign *tls_foreign_create(int minor);
void tls_foreign_destroy(struct tls_foreign *f);

/* Cipher list of TLS 1.2 in OpenSSL's notation. */
bool tls_foreign_set_ciphers(struct tls_foreign *f, const char *list);

/* Steps of the handshake; true: it is whole. Again after tls_foreign_renegotiate. */
bool tls_foreign_shake(struct tls_foreign *f);
bool tls_foreign_renegotiate(struct tls_foreign *f);

/* Octets on their way: out of it (how many, 0: none) and into it. */
size_t tls_foreign_take(struct tls_foreign *f, uint8_t *data, size_t room);
void tls_foreign_give(struct tls_foreign *f, const uint8_t *data, size_t len);

bool tls_foreign_write(struct tls_foreign *f, const void *data, size_t len);
size_t tls_foreign_read(struct tls_foreign *f, void *data, size_t room);

const char *tls_foreign_version(const struct tls_foreign *f); /* "TLSv1.2" */

/* Resumption: has a ticket; offers what `other` has; was taken. */
bool tls_foreign_has_ticket(const struct tls_foreign *f);
bool tls_foreign_resume(struct tls_foreign *f, const struct tls_foreign *other);
bool tls_foreign_is_resumed(const struct tls_foreign *f);

#endif
