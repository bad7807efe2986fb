/* Session keys of SRTP (RFC 3711 §4.3, RFC 7714 §11): AES counter mode as pseudo-random function,
 * key derivation rate 0. Private to crypto/. */
#ifndef CRYPTO_SRTP_KDF_H
#define CRYPTO_SRTP_KDF_H

#include "crypto/srtp_profile.h"

#include <stdint.h>

/* RFC 3711 §4.3.1, table: what a session key is for. */
enum srtp_kdf_label {
    SRTP_KDF_RTP_CIPHER,
    SRTP_KDF_RTP_AUTH,
    SRTP_KDF_RTP_SALT,
    SRTP_KDF_RTCP_CIPHER,
    SRTP_KDF_RTCP_AUTH,
    SRTP_KDF_RTCP_SALT
};

#define SRTP_KDF_MAX 32 /* bytes of the longest session key */

/* Encrypts len bytes in place: AES in counter mode, iv is the 16-byte start of the counter. */
typedef void (*srtp_kdf_ctr_fn)(void *ctx, const uint8_t *key, size_t key_len, const uint8_t iv[16],
                                uint8_t *data, size_t len);

/* Derives len (at most SRTP_KDF_MAX) bytes for one label. */
void srtp_kdf(const struct srtp_master *master, enum srtp_kdf_label label, uint8_t *out, size_t len,
              srtp_kdf_ctr_fn ctr, void *ctx);

#endif
