#include "crypto/dtls_seal.h"

#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_record.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include <stdlib.h>
#include <string.h>

#define TAG        16
#define NONCE      12
#define IMPLICIT   4 /* octets of a GCM nonce that are not on the wire */
#define EXPLICIT   8
#define NUMBER_AT  3 /* in a record's header: epoch and number, together the 64 bits of the RFC */
#define LENGTH_AT  11
#define AAD        13
#define NUMBER_END (UINT64_C(1) << 48)

struct way {
    uint8_t key[DTLS_SEAL_KEY_MAX]; /* of ChaCha20; AES has its schedule */
    uint8_t iv[DTLS_SEAL_IV_MAX];
    uint64_t number; /* out: of the next record; in: the highest that was taken */
    Aes aes;
};

struct dtls_seal {
    enum dtls_cipher cipher;
    uint16_t epoch;
    bool is_unguarded;
    uint64_t seen; /* bit k: in.number - k was taken */
    struct way out, in;
};

static bool init_way(struct way *w, const struct dtls_seal_keys *keys,
                     const struct dtls_seal_way *from)
{
    memcpy(w->iv, from->iv, sizeof(w->iv));
    w->number = from->next;
    if (keys->cipher == DTLS_CHACHA20_POLY1305) {
        memcpy(w->key, from->key, sizeof(w->key));
        return true;
    }
    return wc_AesInit(&w->aes, NULL, INVALID_DEVID) == 0 &&
           wc_AesGcmSetKey(&w->aes, from->key, keys->key_len) == 0;
}

int dtls_seal_create(const struct dtls_seal_keys *keys, struct dtls_seal **out)
{
    struct dtls_seal *s;

    /* The library's AES takes round keys and tables by aligned loads. */
    if (posix_memalign((void **)&s, 64, sizeof(*s)) != 0)
        return ERR_NOMEM;
    memset(s, 0, sizeof(*s));
    s->cipher = keys->cipher;
    s->epoch = keys->epoch;
    s->is_unguarded = keys->is_unguarded;
    if (!init_way(&s->out, keys, &keys->out) || !init_way(&s->in, keys, &keys->in)) {
        dtls_seal_destroy(s);
        return ERR_CRYPTO;
    }
    /* Which of the numbers before were taken only the library knows: none of them is taken again,
     * those that are still on their way are lost like others. */
    if (keys->in.next > 0) {
        s->in.number = keys->in.next - 1;
        s->seen = UINT64_MAX;
    }
    *out = s;
    return 0;
}

void dtls_seal_destroy(struct dtls_seal *s)
{
    if (s == NULL)
        return;
    if (s->cipher == DTLS_AES_GCM) {
        wc_AesFree(&s->out.aes);
        wc_AesFree(&s->in.aes);
    }
    secret_wipe(s, sizeof(*s));
    free(s);
}

static void write_number(uint8_t *at, uint16_t epoch, uint64_t number)
{
    uint64_t whole = (uint64_t)epoch << 48 | number;

    for (int i = 7; i >= 0; i--, whole >>= 8)
        at[i] = (uint8_t)whole;
}

static uint64_t read_number(const uint8_t *at)
{
    uint64_t whole = 0;

    for (int i = 0; i < 8; i++)
        whole = whole << 8 | at[i];
    return whole;
}

/* RFC 5246 §6.2.3.3: what is authenticated beside the text, with the text's own length. */
static void write_aad(uint8_t *aad, const uint8_t *header, size_t len)
{
    memcpy(aad, header + NUMBER_AT, 8);
    memcpy(aad + 8, header, 3); /* type and version */
    aad[11] = (uint8_t)(len >> 8);
    aad[12] = (uint8_t)len;
}

/* RFC 7905 §2: the whole number over the end of the IV, and nothing of it on the wire. */
static void mix_nonce(uint8_t *nonce, const struct way *w, const uint8_t *header)
{
    memcpy(nonce, w->iv, NONCE);
    for (int i = 0; i < 8; i++)
        nonce[NONCE - 8 + i] ^= header[NUMBER_AT + i];
}

static void gcm_nonce(uint8_t *nonce, const struct way *w, const uint8_t *on_wire)
{
    memcpy(nonce, w->iv, IMPLICIT);
    memcpy(nonce + IMPLICIT, on_wire, EXPLICIT);
}

/* The explicit part of the nonce is epoch and number (RFC 5288 §3 allows it). The library's own
 * counts up from 0 under the same key: with an epoch above 0 in the upper octets the two never
 * meet, however many records it has sent before. */
static size_t protect_gcm(struct way *w, const uint8_t *aad, const uint8_t *data, size_t len,
                          uint8_t *out)
{
    uint8_t *body = out + DTLS_RECORD_HEADER, nonce[NONCE];

    memcpy(body, out + NUMBER_AT, EXPLICIT);
    gcm_nonce(nonce, w, body);
    if (wc_AesGcmEncrypt(&w->aes, body + EXPLICIT, data, (word32)len, nonce, NONCE,
                         body + EXPLICIT + len, TAG, aad, AAD) != 0)
        return 0;
    return EXPLICIT + len + TAG;
}

static size_t protect_chacha(struct way *w, const uint8_t *aad, const uint8_t *data, size_t len,
                             uint8_t *out)
{
    uint8_t *body = out + DTLS_RECORD_HEADER, nonce[NONCE];

    mix_nonce(nonce, w, out);
    if (wc_ChaCha20Poly1305_Encrypt(w->key, nonce, aad, AAD, data, (word32)len, body, body + len) !=
        0)
        return 0;
    return len + TAG;
}

size_t dtls_seal_protect(struct dtls_seal *s, uint8_t type, const uint8_t *data, size_t len,
                         uint8_t *out)
{
    uint8_t aad[AAD];
    size_t n;

    if (s->out.number >= NUMBER_END)
        return 0;
    out[0] = type;
    out[1] = 0xfe; /* DTLS 1.2 */
    out[2] = 0xfd;
    write_number(out + NUMBER_AT, s->epoch, s->out.number);
    write_aad(aad, out, len);
    n = s->cipher == DTLS_AES_GCM ? protect_gcm(&s->out, aad, data, len, out)
                                  : protect_chacha(&s->out, aad, data, len, out);
    if (n == 0)
        return 0;
    out[LENGTH_AT] = (uint8_t)(n >> 8);
    out[LENGTH_AT + 1] = (uint8_t)n;
    s->out.number++;
    return DTLS_RECORD_HEADER + n;
}

/* RFC 6347 §4.1.2.6. */
static bool is_replay(const struct dtls_seal *s, uint64_t number)
{
    uint64_t behind = s->in.number - number;

    return number <= s->in.number && (behind >= DTLS_SEAL_WINDOW || (s->seen >> behind & 1) != 0);
}

static void accept(struct dtls_seal *s, uint64_t number)
{
    uint64_t ahead = number - s->in.number;

    if (number <= s->in.number) {
        s->seen |= UINT64_C(1) << (s->in.number - number);
        return;
    }
    s->seen = ahead < DTLS_SEAL_WINDOW ? s->seen << ahead | 1 : 1;
    s->in.number = number;
}

static bool open_gcm(struct way *w, const uint8_t *record, size_t len, uint8_t *out)
{
    const uint8_t *body = record + DTLS_RECORD_HEADER;
    uint8_t nonce[NONCE], aad[AAD];

    gcm_nonce(nonce, w, body);
    write_aad(aad, record, len);
    return wc_AesGcmDecrypt(&w->aes, out, body + EXPLICIT, (word32)len, nonce, NONCE,
                            body + EXPLICIT + len, TAG, aad, AAD) == 0;
}

static bool open_chacha(struct way *w, const uint8_t *record, size_t len, uint8_t *out)
{
    const uint8_t *body = record + DTLS_RECORD_HEADER;
    uint8_t nonce[NONCE], aad[AAD];

    mix_nonce(nonce, w, record);
    write_aad(aad, record, len);
    return wc_ChaCha20Poly1305_Decrypt(w->key, nonce, aad, AAD, body, (word32)len, body + len,
                                       out) == 0;
}

enum dtls_opened dtls_seal_open(struct dtls_seal *s, const uint8_t *record, size_t len,
                                uint8_t *out, size_t *out_len)
{
    bool is_gcm = s->cipher == DTLS_AES_GCM;
    size_t around = (size_t)DTLS_RECORD_HEADER + TAG + (is_gcm ? EXPLICIT : 0);
    uint64_t number;

    if (len < around)
        return DTLS_OPEN_BAD;
    number = read_number(record + NUMBER_AT);
    if (number >> 48 != s->epoch)
        return DTLS_OPEN_BAD;
    number &= NUMBER_END - 1;
    if (!s->is_unguarded && is_replay(s, number))
        return DTLS_OPEN_REPLAY;
    if (!(is_gcm ? open_gcm : open_chacha)(&s->in, record, len - around, out))
        return DTLS_OPEN_BAD;
    if (!s->is_unguarded)
        accept(s, number); /* only what is authentic moves the window */
    *out_len = len - around;
    return DTLS_OPENED;
}
