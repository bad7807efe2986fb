/* SHA-1 and HMAC-SHA1, for H.235.1 tokens only: gatekeepers know nothing newer. Any thread. */
#ifndef CRYPTO_SHA1_H
#define CRYPTO_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_LEN 20

/* Both return 0, ERR_INVAL (too long for the library) or ERR_CRYPTO. */
int sha1_digest(const void *data, size_t len, uint8_t out[SHA1_LEN]);
int sha1_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA1_LEN]);

#endif
