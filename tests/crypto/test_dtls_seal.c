/* Record protection: OpenSSL's ciphers are the judge of the bytes; replays, forgeries, ends. */
#include "crypto/dtls_seal.h"
#include "tests/suite.h"

#include <openssl/evp.h>
#include <string.h>

#define HEADER 13
#define DATA   23
#define TAG    16

static struct dtls_seal_keys near_keys, far_keys;

static void make_keys(enum dtls_cipher cipher, uint8_t key_len)
{
    struct dtls_seal_keys k = {.cipher = cipher, .key_len = key_len, .epoch = 1};

    for (uint8_t i = 0; i < DTLS_SEAL_KEY_MAX; i++) {
        k.out.key[i] = (uint8_t)(i * 7 + 1);
        k.in.key[i] = (uint8_t)(i * 5 + 2);
    }
    for (uint8_t i = 0; i < DTLS_SEAL_IV_MAX; i++) {
        k.out.iv[i] = (uint8_t)(0xa0 + i);
        k.in.iv[i] = (uint8_t)(0xc0 + i);
    }
    k.out.next = k.in.next = 1; /* the Finished messages had 0 */
    near_keys = far_keys = k;
    far_keys.out = k.in;
    far_keys.in = k.out;
}

struct pair {
    struct dtls_seal *near, *far;
};

static struct pair open_pair(enum dtls_cipher cipher, uint8_t key_len)
{
    struct pair p = {0};

    make_keys(cipher, key_len);
    CU_ASSERT_EQUAL_FATAL(dtls_seal_create(&near_keys, &p.near), 0);
    CU_ASSERT_EQUAL_FATAL(dtls_seal_create(&far_keys, &p.far), 0);
    return p;
}

static void close_pair(struct pair *p)
{
    dtls_seal_destroy(p->near);
    dtls_seal_destroy(p->far);
}

static const struct {
    enum dtls_cipher cipher;
    uint8_t key_len;
    const char *judge;
    size_t explicit_len;
} ciphers[] = {{DTLS_AES_GCM, 16, "AES-128-GCM", 8},
               {DTLS_AES_GCM, 32, "AES-256-GCM", 8},
               {DTLS_CHACHA20_POLY1305, 32, "ChaCha20-Poly1305", 0}};
#define CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

/* What RFC 5288, RFC 7905 and RFC 6347 §4.1.2.1 make of a record, by OpenSSL. */
static size_t judge(size_t c, const struct dtls_seal_way *way, uint64_t number, const uint8_t *data,
                    size_t len, uint8_t *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, ciphers[c].judge, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nonce[12], aad[13] = {0, 1, 0, 0, 0, 0, 0, 0, DATA, 0xfe, 0xfd};
    size_t around = ciphers[c].explicit_len, body = around + len + TAG;
    int n;

    for (int i = 0; i < 6; i++)
        aad[2 + i] = (uint8_t)(number >> 8 * (5 - i));
    aad[11] = (uint8_t)(len >> 8);
    aad[12] = (uint8_t)len;
    memcpy(nonce, way->iv, 12);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] = around > 0 ? aad[i] : nonce[4 + i] ^ aad[i];
    memcpy(out, (uint8_t[]){DATA, 0xfe, 0xfd}, 3);
    memcpy(out + 3, aad, 8);
    out[11] = (uint8_t)(body >> 8);
    out[12] = (uint8_t)body;
    memcpy(out + HEADER, aad, around);
    CU_ASSERT_EQUAL(EVP_EncryptInit_ex(ctx, cipher, NULL, way->key, nonce), 1);
    CU_ASSERT_EQUAL(EVP_EncryptUpdate(ctx, NULL, &n, aad, 13), 1);
    CU_ASSERT_EQUAL(EVP_EncryptUpdate(ctx, out + HEADER + around, &n, data, (int)len), 1);
    CU_ASSERT_EQUAL(EVP_EncryptFinal_ex(ctx, out + HEADER + around + len, &n), 1);
    CU_ASSERT_EQUAL(
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + HEADER + around + len), 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return HEADER + body;
}

static void records_every_cipher_are_those_of_openssl(void)
{
    static const size_t sizes[] = {1, 15, 16, 17, 64, 255, 1160, 1379};
    uint8_t data[1379], ours[1500], theirs[1500];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31);
    for (size_t c = 0; c < CIPHERS; c++) {
        struct pair p = open_pair(ciphers[c].cipher, ciphers[c].key_len);

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            size_t n = dtls_seal_protect(p.near, DATA, data, sizes[i], ours);

            CU_ASSERT_EQUAL(n, judge(c, &near_keys.out, 1 + i, data, sizes[i], theirs));
            CU_ASSERT_EQUAL(memcmp(ours, theirs, n), 0);
        }
        close_pair(&p);
    }
}

static void records_every_cipher_open_at_the_far_end(void)
{
    uint8_t record[1500], plain[1500];
    size_t n, len;

    for (size_t c = 0; c < CIPHERS; c++) {
        struct pair p = open_pair(ciphers[c].cipher, ciphers[c].key_len);

        for (int i = 0; i < 1000; i++) {
            n = dtls_seal_protect(p.far, DATA, (const uint8_t *)&i, sizeof(i), record);
            CU_ASSERT_EQUAL(dtls_seal_open(p.near, record, n, plain, &len), DTLS_OPENED);
            CU_ASSERT_EQUAL(len, sizeof(i));
            CU_ASSERT_EQUAL(memcmp(plain, &i, sizeof(i)), 0);
        }
        close_pair(&p);
    }
}

static void record_any_octet_changed_is_bad_and_the_true_one_still_opens(void)
{
    uint8_t record[128], plain[128];
    size_t n, len;

    for (size_t c = 0; c < CIPHERS; c++) {
        struct pair p = open_pair(ciphers[c].cipher, ciphers[c].key_len);

        n = dtls_seal_protect(p.near, DATA, (const uint8_t *)"seventeen letters", 17, record);
        for (size_t i = 0; i < n; i++) {
            /* The length is the datagram's business: dtls_record_parse has compared it. */
            if (i == 11 || i == 12)
                continue;
            record[i] ^= 0x40;
            CU_ASSERT_NOT_EQUAL(dtls_seal_open(p.far, record, n, plain, &len), DTLS_OPENED);
            record[i] ^= 0x40;
        }
        for (size_t cut = 0; cut < n; cut++)
            CU_ASSERT_EQUAL(dtls_seal_open(p.far, record, cut, plain, &len), DTLS_OPEN_BAD);
        CU_ASSERT_EQUAL(dtls_seal_open(p.far, record, n, plain, &len), DTLS_OPENED);
        close_pair(&p);
    }
}

#define KEPT 200

static void replays_and_old_records_are_refused_late_ones_taken(void)
{
    static uint8_t record[KEPT][64];
    struct pair p = open_pair(DTLS_AES_GCM, 16);
    uint8_t plain[64];
    size_t n = 0, len;

    for (int i = 0; i < KEPT; i++)
        n = dtls_seal_protect(p.near, DATA, (const uint8_t *)"x", 1, record[i]);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[100], n, plain, &len), DTLS_OPENED);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[100], n, plain, &len), DTLS_OPEN_REPLAY);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[100 - 63], n, plain, &len), DTLS_OPENED);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[100 - 63], n, plain, &len), DTLS_OPEN_REPLAY);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[100 - 64], n, plain, &len), DTLS_OPEN_REPLAY);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[101], n, plain, &len), DTLS_OPENED);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[99], n, plain, &len), DTLS_OPENED);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[199], n, plain, &len), DTLS_OPENED);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[102], n, plain, &len), DTLS_OPEN_REPLAY);
    CU_ASSERT_EQUAL(dtls_seal_open(p.far, record[198], n, plain, &len), DTLS_OPENED);
    close_pair(&p);
}

static void records_the_library_may_have_taken_are_refused(void)
{
    struct dtls_seal *old, *taking;
    uint8_t record[64], plain[64];
    size_t n = 0, len;

    make_keys(DTLS_AES_GCM, 16);
    CU_ASSERT_EQUAL_FATAL(dtls_seal_create(&near_keys, &old), 0);
    far_keys.in.next = 5;
    CU_ASSERT_EQUAL_FATAL(dtls_seal_create(&far_keys, &taking), 0);
    for (int number = 1; number < 5; number++) {
        n = dtls_seal_protect(old, DATA, (const uint8_t *)"x", 1, record);
        CU_ASSERT_EQUAL(dtls_seal_open(taking, record, n, plain, &len), DTLS_OPEN_REPLAY);
    }
    n = dtls_seal_protect(old, DATA, (const uint8_t *)"x", 1, record);
    CU_ASSERT_EQUAL(dtls_seal_open(taking, record, n, plain, &len), DTLS_OPENED);
    dtls_seal_destroy(old);
    dtls_seal_destroy(taking);
}

static void numbers_used_up_protect_nothing(void)
{
    struct dtls_seal *s;
    uint8_t record[64];

    make_keys(DTLS_AES_GCM, 16);
    near_keys.out.next = (UINT64_C(1) << 48) - 1;
    CU_ASSERT_EQUAL_FATAL(dtls_seal_create(&near_keys, &s), 0);
    CU_ASSERT_TRUE(dtls_seal_protect(s, DATA, (const uint8_t *)"x", 1, record) > 0);
    CU_ASSERT_EQUAL(dtls_seal_protect(s, DATA, (const uint8_t *)"x", 1, record), 0);
    dtls_seal_destroy(s);
}

SUITE("crypto/dtls_seal", TEST(records_every_cipher_are_those_of_openssl),
      TEST(records_every_cipher_open_at_the_far_end),
      TEST(record_any_octet_changed_is_bad_and_the_true_one_still_opens),
      TEST(replays_and_old_records_are_refused_late_ones_taken),
      TEST(records_the_library_may_have_taken_are_refused), TEST(numbers_used_up_protect_nothing))
