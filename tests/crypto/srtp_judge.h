/* A second SRTP, written from RFC 3711 and RFC 7714 on OpenSSL's AES and HMAC, to judge the engine
 * by. Its own pieces are checked against the vectors of those RFCs (test_srtp_vectors.c). */
#ifndef TESTS_CRYPTO_SRTP_JUDGE_H
#define TESTS_CRYPTO_SRTP_JUDGE_H

#include "crypto/srtp_profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Labels of RFC 3711 §4.3.2. */
enum judge_label {
    JUDGE_RTP_CIPHER,
    JUDGE_RTP_AUTH,
    JUDGE_RTP_SALT,
    JUDGE_RTCP_CIPHER,
    JUDGE_RTCP_AUTH,
    JUDGE_RTCP_SALT
};

struct judge_keys {
    const struct srtp_profile_info *info;
    uint8_t cipher[32];
    uint8_t auth[20];
    uint8_t salt[14];
};

/* AES counter mode, RFC 3711 §4.1.1: keystream XOR of data. iv has 16 bytes. */
void judge_aes_ctr(const uint8_t *key, size_t key_len, const uint8_t *iv, uint8_t *data,
                   size_t len);

/* Key derivation of RFC 3711 §4.3.1 with key_derivation_rate 0. */
void judge_derive(const struct srtp_master *master, enum judge_label label, uint8_t *out,
                  size_t len);

/* All session keys of one direction. */
void judge_session(const struct srtp_master *master, bool is_rtcp, struct judge_keys *out);

/* Protects an RTP packet in place (12-byte header without CSRC and extension); returns the new
 * length. */
size_t judge_rtp(const struct judge_keys *keys, uint32_t roc, uint8_t *packet, size_t len);

/* The same for RTCP with its 31-bit index. */
size_t judge_rtcp(const struct judge_keys *keys, uint32_t index, uint8_t *packet, size_t len);

/* RTCP with E bit 0: authenticated, not encrypted (RFC 3711 §3.4, RFC 7714 §9.3). */
size_t judge_rtcp_clear(const struct judge_keys *keys, uint32_t index, uint8_t *packet, size_t len);

#endif
