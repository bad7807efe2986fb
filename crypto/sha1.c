/* SHA-1 by wolfSSL, for control: H.235.1 tokens are few, and the library's is faster. (hmac_sha1.c
 * serves the data plane, which has no wolfSSL.) */
#include "crypto/sha1.h"

#include "base/err.h"

#include <limits.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/hmac.h>

int sha1_digest(const void *data, size_t len, uint8_t out[SHA1_LEN])
{
    if (len > INT_MAX)
        return ERR_INVAL;
    return wc_ShaHash(data, (word32)len, out) == 0 ? 0 : ERR_CRYPTO;
}

int sha1_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA1_LEN])
{
    Hmac hmac;
    int err;

    if (len > INT_MAX || key_len > INT_MAX)
        return ERR_INVAL;
    if (wc_HmacInit(&hmac, NULL, INVALID_DEVID) != 0)
        return ERR_CRYPTO;
    err = wc_HmacSetKey(&hmac, WC_SHA, key, (word32)key_len);
    if (err == 0)
        err = wc_HmacUpdate(&hmac, data, (word32)len);
    if (err == 0)
        err = wc_HmacFinal(&hmac, out);
    wc_HmacFree(&hmac); /* wipes the key's pads */
    return err == 0 ? 0 : ERR_CRYPTO;
}
