/* Certificate fingerprints as H.235.10 §7.2 carries them: the hash is named by one RFC 4572 §5
 * token (`hashFunction`), the value is the bare upper-case hex of the digest (`AB:CD:...`).
 *
 * Pure values, no library behind them but for fingerprint_of_der (which dtls_dep brings). Any
 * thread. */
#ifndef CRYPTO_FINGERPRINT_H
#define CRYPTO_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hash functions that we can check, with their RFC 4572 token and digest length in bytes. The
 * order is that of strength. SHA-1 is for reading only and only where the policy allows it. */
#define FINGERPRINT_HASH_LIST(X)         \
    X(FINGERPRINT_SHA1, "sha-1", 20)     \
    X(FINGERPRINT_SHA256, "sha-256", 32) \
    X(FINGERPRINT_SHA384, "sha-384", 48) \
    X(FINGERPRINT_SHA512, "sha-512", 64)

enum fingerprint_hash {
#define FINGERPRINT_HASH_ENUM(name, token, len) name,
    FINGERPRINT_HASH_LIST(FINGERPRINT_HASH_ENUM)
#undef FINGERPRINT_HASH_ENUM
        FINGERPRINT_HASH_COUNT
};

#define FINGERPRINT_MAX_BYTES 64
/* "AB:" for each byte; the last colon's place is the terminating zero's. */
#define FINGERPRINT_TEXT_MAX (FINGERPRINT_MAX_BYTES * 3)

struct fingerprint {
    enum fingerprint_hash hash;
    uint8_t digest[FINGERPRINT_MAX_BYTES]; /* fingerprint_hash_len(hash) bytes of it are used */
};

/* Beside the first: RFC 8122 section 5.1 lets one side have several certificates, and so several
 * fingerprints by one hash, any of which will do. */
#define FINGERPRINT_OTHERS_MAX 3

/* RFC 4572 token of a hash in lower case, "unknown" for a foreign value. Static storage. */
const char *fingerprint_hash_to_str(enum fingerprint_hash hash);

/* Digest length in bytes, 0 for a foreign value. */
size_t fingerprint_hash_len(enum fingerprint_hash hash);

/* Reads a token of `len` bytes (any case, not zero-terminated). ERR_REFUSED: md2 or md5, which
 * must not be used; ERR_NOTFOUND: a token that we do not know and the caller may ignore. */
int fingerprint_hash_parse(const char *token, size_t len, enum fingerprint_hash *out);

/* Reads `2UHEX *(":" 2UHEX)` of `len` bytes made with `hash`. Any case is taken; a leading
 * `hash-func SP` is taken if it names the same hash (P-FP). ERR_MALFORMED: not hex pairs, or
 * another hash named; ERR_RANGE: the length does not fit the hash. */
int fingerprint_parse(enum fingerprint_hash hash, const char *text, size_t len,
                      struct fingerprint *out);

/* Writes the value as bare upper-case hex, zero-terminated. ERR_RANGE when `cap` is too small:
 * FINGERPRINT_TEXT_MAX always fits. ERR_INVAL: foreign hash. */
int fingerprint_format(const struct fingerprint *fp, char *text, size_t cap);

/* Same hash and same digest; takes the same time wherever they differ. */
bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);

/* Digest over a certificate's DER. ERR_INVAL or ERR_CRYPTO. (dtls_dep) */
int fingerprint_of_der(enum fingerprint_hash hash, const uint8_t *der, size_t len,
                       struct fingerprint *out);

#endif
