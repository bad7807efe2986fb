/* STUN as ICE's checks need it, against RFC 5769's test vectors. */
#include "base/err.h"
#include "crypto/hmac_sha1.h"
#include "crypto/stun.h"
#include "tests/crypto/stun_peer.h"
#include "tests/suite.h"

#define RFC_PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

/* RFC 5769 section 2.1 */
static const uint8_t rfc_request[] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};

static void hmac_of_rfc_2202_is_the_published_one(void)
{
    static const struct {
        const char *key, *data;
        uint8_t hash[4]; /* the first */
    } rows[] = {
        {"Jefe", "what do ya want for nothing?", {0xef, 0xfc, 0xdf, 0x6a}},
        {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
         "Hi There",
         {0xb6, 0x17, 0x31, 0x86}},
    };
    uint8_t out[HMAC_SHA1_LEN], key[80];
    struct hmac_sha1 h;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hmac_sha1_init(&h, rows[i].key, strlen(rows[i].key));
        hmac_sha1_update(&h, rows[i].data, strlen(rows[i].data));
        hmac_sha1_final(&h, out);
        CU_ASSERT_EQUAL(memcmp(out, rows[i].hash, 4), 0);
    }
    /* A key longer than a block, and data over the block's end in pieces. */
    memset(key, 0xaa, sizeof(key));
    hmac_sha1_init(&h, key, sizeof(key));
    for (const char *p =
             "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data";
         *p != '\0'; p++)
        hmac_sha1_update(&h, p, 1);
    hmac_sha1_final(&h, out);
    CU_ASSERT_EQUAL(memcmp(out, "\xe8\xe9\x9d\x0f\x45\x23\x7d\x78", 8), 0);
}

static void request_of_rfc_5769_is_read_and_verified(void)
{
    struct stun_request r;

    CU_ASSERT_EQUAL_FATAL(stun_read(rfc_request, sizeof(rfc_request), &r), 0);
    CU_ASSERT_TRUE(r.has_priority);
    CU_ASSERT_EQUAL(r.priority, 0x6e0001ff);
    CU_ASSERT_TRUE(r.is_controlled);
    CU_ASSERT_FALSE(r.is_controlling);
    CU_ASSERT_FALSE(r.use_candidate);
    CU_ASSERT_EQUAL(r.unknown, 0);
    CU_ASSERT_TRUE(stun_is_for(&r, "evtj", 4));
    CU_ASSERT_FALSE(stun_is_for(&r, "evt", 3));
    CU_ASSERT_FALSE(stun_is_for(&r, "evtj:h6vY", 9));
    CU_ASSERT_TRUE(stun_is_authentic(rfc_request, &r, RFC_PASSWORD, strlen(RFC_PASSWORD)));
    CU_ASSERT_FALSE(stun_is_authentic(rfc_request, &r, RFC_PASSWORD, strlen(RFC_PASSWORD) - 1));
}

static void every_flipped_bit_is_found(void)
{
    struct stun_request r;
    uint8_t data[sizeof(rfc_request)];
    unsigned passed = 0;

    for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
        memcpy(data, rfc_request, sizeof(data));
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        passed += stun_read(data, sizeof(data), &r) == 0 && r.has_fingerprint;
    }
    CU_ASSERT_EQUAL(passed, 0); /* FINGERPRINT covers all of it */
}

static void truncated_and_lengthened_requests_are_refused(void)
{
    uint8_t data[sizeof(rfc_request) + 8] = {0};
    struct stun_request r;

    for (size_t len = 0; len < sizeof(rfc_request); len++)
        CU_ASSERT_EQUAL(stun_read(rfc_request, len, &r), ERR_MALFORMED);
    memcpy(data, rfc_request, sizeof(rfc_request));
    CU_ASSERT_EQUAL(stun_read(data, sizeof(data), &r), ERR_MALFORMED);
    data[3] = 0x60; /* the length fits now, but something stands behind FINGERPRINT */
    CU_ASSERT_EQUAL(stun_read(data, sizeof(data), &r), ERR_MALFORMED);
}

static void attributes_behind_integrity_are_not_believed(void)
{
    struct stun_peer_check check = {
        .username = "abcd:x", .password = RFC_PASSWORD, .priority = 5, .transaction = 9};
    uint8_t data[256];
    size_t len = stun_peer_request(&check, data) - 8;
    struct stun_request r;

    /* USE-CANDIDATE in the place of FINGERPRINT. */
    memcpy(data + len, "\x00\x25\x00\x00", 4);
    data[3] = (uint8_t)(len + 4 - STUN_HEADER);
    CU_ASSERT_EQUAL_FATAL(stun_read(data, len + 4, &r), 0);
    CU_ASSERT_FALSE(r.use_candidate);
    CU_ASSERT_TRUE(stun_is_authentic(data, &r, RFC_PASSWORD, strlen(RFC_PASSWORD)));
}

static void other_messages_want_no_answer(void)
{
    static const uint8_t types[][2] = {{0, 0x11}, {1, 1}, {1, 0x11}, {0, 3}, {0x3f, 0xff}};
    uint8_t data[STUN_HEADER] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    struct stun_request r;

    CU_ASSERT_EQUAL(stun_read(data, sizeof(data), &r), 0);
    CU_ASSERT_FALSE(stun_is_authentic(data, &r, "", 0));
    CU_ASSERT_FALSE(stun_is_for(&r, "", 0));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        memcpy(data, types[i], 2);
        CU_ASSERT_NOT_EQUAL(stun_read(data, sizeof(data), &r), 0);
    }
}

static void answers_are_what_a_peer_verifies(void)
{
    struct stun_peer_check check = {.username = "abcd:x",
                                    .password = RFC_PASSWORD,
                                    .priority = 5,
                                    .attribute = 0x7ff0,
                                    .transaction = 9};
    static const char *const from[] = {"192.0.2.7:4711", "[2001:db8::7]:4711"};
    uint8_t data[256], out[STUN_ANSWER_MAX];
    size_t asked = stun_peer_request(&check, data), len;
    struct addr addr, mapped;
    struct stun_request r;

    CU_ASSERT_EQUAL_FATAL(stun_read(data, asked, &r), 0);
    CU_ASSERT_EQUAL(r.unknown, 0x7ff0);
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(addr_parse(from[i], &addr), 0);
        len = stun_answer(&r, 0, &addr, RFC_PASSWORD, strlen(RFC_PASSWORD), out);
        CU_ASSERT_EQUAL(stun_peer_answer(out, len, RFC_PASSWORD, 9, &mapped), 0);
        CU_ASSERT_TRUE(addr_is_equal(&addr, &mapped));
        CU_ASSERT_EQUAL(stun_peer_answer(out, len, "another", 9, &mapped), -1);
        CU_ASSERT_TRUE(len <= asked);
    }
    len = stun_answer(&r, STUN_ROLE_CONFLICT, &addr, RFC_PASSWORD, strlen(RFC_PASSWORD), out);
    CU_ASSERT_EQUAL(stun_peer_answer(out, len, RFC_PASSWORD, 9, &mapped), 487);
    len = stun_answer(&r, STUN_BAD_ATTRIBUTE, &addr, RFC_PASSWORD, strlen(RFC_PASSWORD), out);
    CU_ASSERT_EQUAL(stun_peer_answer(out, len, RFC_PASSWORD, 9, &mapped), 420);
}

SUITE("crypto/stun", TEST(hmac_of_rfc_2202_is_the_published_one),
      TEST(request_of_rfc_5769_is_read_and_verified), TEST(every_flipped_bit_is_found),
      TEST(truncated_and_lengthened_requests_are_refused),
      TEST(attributes_behind_integrity_are_not_believed), TEST(other_messages_want_no_answer),
      TEST(answers_are_what_a_peer_verifies))
