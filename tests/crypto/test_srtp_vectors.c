/* The judge against RFC 3711 §B and RFC 7714 §16/§17, then the engine against the judge. */
#include "base/err.h"
#include "crypto/srtp.h"
#include "tests/crypto/srtp_judge.h"
#include "tests/crypto/srtp_possible.h"
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

static const struct srtp_limits limits = {.keys = 8, .streams = 16};

/* Hex digits and blanks to bytes. */
static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;

    while (sscanf(text, " %2x", &byte) == 1) {
        out[n++] = (uint8_t)byte;
        text += strspn(text, " ") + 2;
    }
    return n;
}

static void check_bytes(const uint8_t *got, const char *want)
{
    uint8_t bytes[256];
    size_t n = unhex(want, bytes);

    CU_ASSERT_EQUAL(memcmp(got, bytes, n), 0);
}

static void aes_cm_rfc3711_b2_gives_keystream(void)
{
    uint8_t key[16], iv[16], data[48] = {0};

    unhex("2B7E151628AED2A6ABF7158809CF4F3C", key);
    unhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", iv);
    judge_aes_ctr(key, 16, iv, data, sizeof(data));
    check_bytes(data, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"
                      "41E95B3BB0A2E8DD477901E4FCA894C0");
}

static void key_derivation_rfc3711_b3_gives_session_keys(void)
{
    struct srtp_master master = {.profile = SRTP_PROFILE_AES128_CM_SHA1_80};
    uint8_t cipher[16], salt[14], auth[94];

    unhex("E1F97A0D3E018BE0D64FA32C06DE4139", master.key);
    unhex("0EC675AD498AFEEBB6960B3AABE6", master.salt);
    judge_derive(&master, JUDGE_RTP_CIPHER, cipher, sizeof(cipher));
    judge_derive(&master, JUDGE_RTP_SALT, salt, sizeof(salt));
    judge_derive(&master, JUDGE_RTP_AUTH, auth, sizeof(auth));
    check_bytes(cipher, "C61E7A93744F39EE10734AFE3FF7A087");
    check_bytes(salt, "30CBBC08863D8C85D49DB34A9AE1");
    check_bytes(auth, "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE"
                      "E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25"
                      "6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2");
}

static const char rtp_7714[] = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973"
                               "20646976 69736120 696e2070 61727465 73207472 6573";

static void judge_gcm(enum srtp_profile profile, struct judge_keys *keys)
{
    memset(keys, 0, sizeof(*keys));
    keys->info = srtp_profile_find(profile);
    for (uint8_t i = 0; i < 32; i++)
        keys->cipher[i] = i;
    unhex("51756964 2070726f 2071756f", keys->salt);
}

static void rtp_rfc7714_16_1_gives_packet(void)
{
    struct judge_keys keys;
    uint8_t packet[96];
    size_t len = unhex(rtp_7714, packet);

    judge_gcm(SRTP_PROFILE_AEAD_AES_128_GCM, &keys);
    CU_ASSERT_EQUAL(judge_rtp(&keys, 0, packet, len), len + 16);
    check_bytes(packet, "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5"
                        "0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439"
                        "0cce");
}

static void rtp_rfc7714_16_2_gives_packet(void)
{
    struct judge_keys keys;
    uint8_t packet[96];
    size_t len = unhex(rtp_7714, packet);

    judge_gcm(SRTP_PROFILE_AEAD_AES_256_GCM, &keys);
    CU_ASSERT_EQUAL(judge_rtp(&keys, 0, packet, len), len + 16);
    check_bytes(packet, "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238"
                        "9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7"
                        "6c13");
}

static void rtcp_rfc7714_17_1_gives_packet(void)
{
    struct judge_keys keys;
    uint8_t packet[128];
    size_t len = unhex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61"
                       "deadbeef deadbeef deadbeef deadbeef deadbeef",
                       packet);

    judge_gcm(SRTP_PROFILE_AEAD_AES_128_GCM, &keys);
    CU_ASSERT_EQUAL(judge_rtcp(&keys, 0x5d4, packet, len), len + 20);
    check_bytes(packet, "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d"
                        "c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872"
                        "45d9eade 800005d4");
}

/* One stream of random packets; what the engine writes is what the judge writes. */
static void compare_profile(struct srtp_engine *engine, enum srtp_profile profile, bool is_rtcp)
{
    struct srtp_master master = {.profile = profile};
    struct srtp_stream *stream = NULL;
    struct srtp_key *key = NULL;
    struct judge_keys keys;
    unsigned seed = (unsigned)profile * 7 + is_rtcp;

    for (size_t i = 0; i < sizeof(master.key); i++)
        master.key[i] = (uint8_t)rand_r(&seed);
    for (size_t i = 0; i < sizeof(master.salt); i++)
        master.salt[i] = (uint8_t)rand_r(&seed);
    judge_session(&master, is_rtcp, &keys);
    CU_ASSERT_EQUAL_FATAL(srtp_key_create(engine, &master, &key), 0);
    CU_ASSERT_EQUAL_FATAL(srtp_stream_create(key, SRTP_OUTBOUND, 0x01020304, &stream), 0);
    for (uint32_t i = 0; i < 300; i++) {
        /* The sequence number passes 65535, so that the roll-over counter is in it. */
        uint16_t seq = (uint16_t)(65400 + i);
        uint8_t head[12] = {0x80, 8, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, 0, 1, 2, 3, 4};
        uint8_t plain[256], want[300], got[300];
        size_t len = 12 + (size_t)rand_r(&seed) % 200, want_len;
        struct srtp_job job = {.stream = stream,
                               .src = plain,
                               .dst = got,
                               .len = (uint16_t)len,
                               .dst_cap = sizeof(got),
                               .is_rtcp = is_rtcp};

        for (size_t k = 0; k < len; k++)
            plain[k] = (uint8_t)rand_r(&seed);
        if (is_rtcp)
            memcpy(plain, "\x80\xc9\0\1\1\2\3\4", 8);
        else
            memcpy(plain, head, sizeof(head));
        memcpy(want, plain, len);
        want_len = is_rtcp ? judge_rtcp(&keys, i + 1, want, len)
                           : judge_rtp(&keys, 65400 + i > 65535 ? 1 : 0, want, len);
        CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
        CU_ASSERT_EQUAL(job.out_len, want_len);
        CU_ASSERT_EQUAL(memcmp(got, want, want_len), 0);
    }
    srtp_stream_destroy(stream);
    srtp_key_destroy(key);
}

static void engine_all_profiles_writes_what_judge_writes(void)
{
    struct srtp_engine *engine = NULL;

    CU_ASSERT_EQUAL_FATAL(srtp_engine_create(srtp_test_engine(), &limits, &engine), 0);
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        compare_profile(engine, srtp_profile_preference[i], false);
        compare_profile(engine, srtp_profile_preference[i], true);
    }
    CU_ASSERT_EQUAL(srtp_engine_destroy(engine), 0);
}

SUITE_IF("crypto/srtp_vectors", srtp_test_engine_is_possible, NULL, NULL,
         TEST(aes_cm_rfc3711_b2_gives_keystream),
         TEST(key_derivation_rfc3711_b3_gives_session_keys), TEST(rtp_rfc7714_16_1_gives_packet),
         TEST(rtp_rfc7714_16_2_gives_packet), TEST(rtcp_rfc7714_17_1_gives_packet),
         TEST(engine_all_profiles_writes_what_judge_writes))
