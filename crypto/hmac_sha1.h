/* HMAC-SHA1 (RFC 2104) without a library and without allocation: for the data plane, which has no
 * wolfSSL, to verify STUN's MESSAGE-INTEGRITY. Message authentication only: nothing here relies on
 * SHA-1's resistance to collisions. Any thread. */
#ifndef CRYPTO_HMAC_SHA1_H
#define CRYPTO_HMAC_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define HMAC_SHA1_LEN 20u

struct hmac_sha1 {
    uint32_t state[5];
    uint64_t length; /* octets hashed */
    uint8_t block[64];
    uint8_t outer[64]; /* key by opad */
};

/* A key of any length (RFC 2104: longer than 64 octets is hashed), then the message in pieces. */
void hmac_sha1_init(struct hmac_sha1 *h, const void *key, size_t key_len);
void hmac_sha1_update(struct hmac_sha1 *h, const void *data, size_t len);
/* Ends it, and wipes what came from the key. */
void hmac_sha1_final(struct hmac_sha1 *h, uint8_t out[HMAC_SHA1_LEN]);

#endif
