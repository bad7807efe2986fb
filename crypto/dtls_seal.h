/* Record protection of an established association that carries data (RFC 6347 §4.1.2): AES-GCM by
 * RFC 5288, ChaCha20-Poly1305 by RFC 7905. The library needs its whole machine for a record (a
 * buffer allocated and wiped, its handshake state asked, 15 KiB of state kept): three quarters of
 * what a short one costs. Here a record costs its cipher, and an association two key schedules.
 *
 * Sans-I/O, no allocation after create, private to crypto/. One thread at a time. */
#ifndef CRYPTO_DTLS_SEAL_H
#define CRYPTO_DTLS_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_seal;

enum dtls_cipher { DTLS_AES_GCM, DTLS_CHACHA20_POLY1305 };

#define DTLS_SEAL_KEY_MAX 32
#define DTLS_SEAL_IV_MAX  12
/* Header, explicit part of the nonce, tag. */
#define DTLS_SEAL_OVERHEAD_MAX (13 + 8 + 16)
/* Records further behind the newest one than this are taken for replays. */
#define DTLS_SEAL_WINDOW 64

/* One direction as the handshake left it. */
struct dtls_seal_way {
    uint8_t key[DTLS_SEAL_KEY_MAX];
    uint8_t iv[DTLS_SEAL_IV_MAX]; /* GCM: its first four octets, the implicit part */
    uint64_t next;                /* number of the next record (48 bits) */
};

struct dtls_seal_keys {
    enum dtls_cipher cipher;
    uint8_t key_len; /* 16 or 32 */
    uint16_t epoch;
    bool is_unguarded; /* no window against replays: what is below delivers once, in any order */
    struct dtls_seal_way out;
    struct dtls_seal_way in; /* records with numbers below `next` are taken for replays */
};

enum dtls_opened {
    DTLS_OPENED,
    DTLS_OPEN_REPLAY, /* seen already, or too old to tell */
    DTLS_OPEN_BAD     /* another epoch, too short, or its tag is wrong */
};

/* The keys may be wiped behind it. ERR_NOMEM, ERR_CRYPTO. */
int dtls_seal_create(const struct dtls_seal_keys *keys, struct dtls_seal **out);
void dtls_seal_destroy(struct dtls_seal *seal); /* wipes; NULL is allowed */

/* A whole record into `out`, which has len + DTLS_SEAL_OVERHEAD_MAX octets; `data` may not overlap
 * it. Returns its length; 0: no more numbers (they are 48 bits), or the cipher failed. */
size_t dtls_seal_protect(struct dtls_seal *seal, uint8_t type, const uint8_t *data, size_t len,
                         uint8_t *out);

/* One whole record. `out` has room for `len` octets and may not overlap it; what is in it is worth
 * something only after DTLS_OPENED. */
enum dtls_opened dtls_seal_open(struct dtls_seal *seal, const uint8_t *record, size_t len,
                                uint8_t *out, size_t *out_len);

#endif
