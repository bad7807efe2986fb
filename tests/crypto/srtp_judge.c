#include "tests/crypto/srtp_judge.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>

static void must(bool good)
{
    if (!good)
        abort(); /* the judge itself is broken: no verdict is worth anything */
}

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void judge_aes_ctr(const uint8_t *key, size_t key_len, const uint8_t *iv, uint8_t *data, size_t len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    must(ctx && EVP_EncryptInit_ex(ctx, key_len == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr(), NULL,
                                   key, iv) == 1);
    must(EVP_EncryptUpdate(ctx, data, &n, data, (int)len) == 1 && n == (int)len);
    EVP_CIPHER_CTX_free(ctx);
}

void judge_derive(const struct srtp_master *master, enum judge_label label, uint8_t *out,
                  size_t len)
{
    const struct srtp_profile_info *info = srtp_profile_find(master->profile);
    uint8_t iv[16] = {0};

    /* A 96-bit salt of RFC 7714 counts as 112 bits with zeros at its end. */
    memcpy(iv, master->salt, info->salt_len);
    iv[7] ^= (uint8_t)label;
    memset(out, 0, len);
    judge_aes_ctr(master->key, info->key_len, iv, out, len);
}

void judge_session(const struct srtp_master *master, bool is_rtcp, struct judge_keys *out)
{
    enum judge_label base = is_rtcp ? JUDGE_RTCP_CIPHER : JUDGE_RTP_CIPHER;

    memset(out, 0, sizeof(*out));
    out->info = srtp_profile_find(master->profile);
    judge_derive(master, base, out->cipher, out->info->key_len);
    judge_derive(master, base + 1, out->auth, sizeof(out->auth));
    judge_derive(master, base + 2, out->salt, out->info->salt_len);
}

static void gcm(const struct judge_keys *keys, const uint8_t *iv, const uint8_t *aad,
                size_t aad_len, uint8_t *data, size_t len, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    must(ctx &&
         EVP_EncryptInit_ex(ctx, keys->info->key_len == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(),
                            NULL, keys->cipher, iv) == 1);
    must(EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len) == 1);
    must(EVP_EncryptUpdate(ctx, data, &n, data, (int)len) == 1);
    must(EVP_EncryptFinal_ex(ctx, data + len, &n) == 1);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void hmac(const struct judge_keys *keys, const uint8_t *data, size_t len, uint8_t *tag,
                 size_t tag_len)
{
    uint8_t full[20];
    unsigned n = sizeof(full);

    must(HMAC(EVP_sha1(), keys->auth, sizeof(keys->auth), data, len, full, &n) != NULL);
    memcpy(tag, full, tag_len);
}

/* RFC 3711 §4.1.1: (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16). */
static void cm_iv(const struct judge_keys *keys, const uint8_t *ssrc, uint32_t high, uint16_t low,
                  uint8_t *iv)
{
    uint8_t index[6];

    put_u32(index, high);
    index[4] = (uint8_t)(low >> 8);
    index[5] = (uint8_t)low;
    memset(iv, 0, 16);
    memcpy(iv, keys->salt, 14);
    for (int i = 0; i < 4; i++)
        iv[4 + i] ^= ssrc[i];
    for (int i = 0; i < 6; i++)
        iv[8 + i] ^= index[i];
}

/* RFC 7714 §8.1: 00 00 SSRC, ROC, SEQ, XOR the salt (and §9.1 for RTCP). */
static void gcm_iv(const struct judge_keys *keys, const uint8_t *ssrc, uint32_t high, uint16_t low,
                   uint8_t *iv)
{
    memset(iv, 0, 12);
    memcpy(iv + 2, ssrc, 4);
    put_u32(iv + 6, high);
    iv[10] = (uint8_t)(low >> 8);
    iv[11] = (uint8_t)low;
    for (int i = 0; i < 12; i++)
        iv[i] ^= keys->salt[i];
}

size_t judge_rtp(const struct judge_keys *keys, uint32_t roc, uint8_t *packet, size_t len)
{
    uint16_t seq = (uint16_t)(packet[2] << 8 | packet[3]);
    uint8_t iv[16];

    if (keys->info->salt_len == 12) {
        gcm_iv(keys, packet + 8, roc, seq, iv);
        gcm(keys, iv, packet, 12, packet + 12, len - 12, packet + len);
        return len + 16;
    }
    cm_iv(keys, packet + 8, roc, seq, iv);
    judge_aes_ctr(keys->cipher, keys->info->key_len, iv, packet + 12, len - 12);
    put_u32(packet + len, roc);
    hmac(keys, packet, len + 4, packet + len, keys->info->rtp_tag_len);
    return len + keys->info->rtp_tag_len;
}

size_t judge_rtcp(const struct judge_keys *keys, uint32_t index, uint8_t *packet, size_t len)
{
    uint8_t iv[16], aad[12];

    memcpy(aad, packet, 8);
    put_u32(aad + 8, index | 0x80000000u);
    if (keys->info->salt_len == 12) {
        gcm_iv(keys, packet + 4, index >> 16, (uint16_t)index, iv);
        gcm(keys, iv, aad, 12, packet + 8, len - 8, packet + len);
        memcpy(packet + len + 16, aad + 8, 4);
        return len + 20;
    }
    cm_iv(keys, packet + 4, index >> 16, (uint16_t)index, iv);
    judge_aes_ctr(keys->cipher, keys->info->key_len, iv, packet + 8, len - 8);
    memcpy(packet + len, aad + 8, 4);
    hmac(keys, packet, len + 4, packet + len + 4, keys->info->rtcp_tag_len);
    return len + 4 + keys->info->rtcp_tag_len;
}

size_t judge_rtcp_clear(const struct judge_keys *keys, uint32_t index, uint8_t *packet, size_t len)
{
    uint8_t iv[16], tag[16];

    put_u32(packet + len, index);
    if (keys->info->salt_len == 12) {
        gcm_iv(keys, packet + 4, index >> 16, (uint16_t)index, iv);
        gcm(keys, iv, packet, len + 4, packet, 0, tag);
        memcpy(packet + len, tag, 16);
        put_u32(packet + len + 16, index);
        return len + 20;
    }
    hmac(keys, packet, len + 4, packet + len + 4, keys->info->rtcp_tag_len);
    return len + 4 + keys->info->rtcp_tag_len;
}
