#include "tests/suite.h"

#include <stdlib.h>

#include "dpdk-app/media.h"
#include "dpdk-app/wire.h"

/* On the heap with its exact length: the sanitizer sees each byte too many. */
static bool read_rtp(const uint8_t *data, unsigned length, struct packet *out)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    bool ok;

    memcpy(copy, data, length);
    *out = (struct packet){.data = copy, .length = (uint16_t)length};
    ok = media_read_rtp(out) && media_check_padding(copy, length);
    free(copy);
    return ok;
}

static bool check_rtcp(const uint8_t *data, unsigned length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    bool ok;

    memcpy(copy, data, length);
    ok = media_check_rtcp(copy, length);
    free(copy);
    return ok;
}

/* RFC 7983 section 7, all 256 values. */
static void first_byte_decides_as_in_rfc7983(void)
{
    for (unsigned b = 0; b < 256; b++) {
        uint8_t data[2] = {(uint8_t)b, 8};
        enum media_class expected = b <= 3                 ? MEDIA_STUN
                                    : b >= 20 && b <= 63   ? MEDIA_DTLS
                                    : b >= 128 && b <= 191 ? MEDIA_RTP
                                                           : MEDIA_UNKNOWN;

        CU_ASSERT_EQUAL(media_classify(data, 2), expected);
    }
    CU_ASSERT_EQUAL(media_classify(NULL, 0), MEDIA_UNKNOWN);
    CU_ASSERT_EQUAL(media_classify((const uint8_t[]){0x80}, 1), MEDIA_UNKNOWN);
}

/* RFC 5761 section 4, all 256 second bytes. */
static void second_byte_tells_rtcp_as_in_rfc5761(void)
{
    for (unsigned b = 0; b < 256; b++) {
        uint8_t data[2] = {0x80, (uint8_t)b};

        CU_ASSERT_EQUAL(media_classify(data, 2), b >= 192 && b <= 223 ? MEDIA_RTCP : MEDIA_RTP);
    }
}

static void rtp_header_fields_are_read(void)
{
    const uint8_t data[12] = {0x80, 0x88, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8};
    struct packet p;

    CU_ASSERT_TRUE(read_rtp(data, 12, &p));
    CU_ASSERT_EQUAL(p.payload_type, 8);
    CU_ASSERT_EQUAL(p.sequence, 0x1234);
    CU_ASSERT_EQUAL(p.timestamp, 0x01020304);
    CU_ASSERT_EQUAL(p.ssrc, 0x05060708);
    for (unsigned n = 0; n < 12; n++)
        CU_ASSERT_FALSE(read_rtp(data, n, &p));
}

static void rtp_versions_0_1_3_are_refused(void)
{
    uint8_t data[12] = {0};
    struct packet p;

    for (unsigned version = 0; version < 4; version++) {
        data[0] = (uint8_t)(version << 6);
        CU_ASSERT_EQUAL(read_rtp(data, 12, &p), version == 2);
    }
}

static void csrc_list_beyond_the_packet_is_refused(void)
{
    uint8_t data[12 + 15 * 4] = {0x8f};
    struct packet p;

    CU_ASSERT_TRUE(read_rtp(data, sizeof(data), &p));
    for (unsigned n = 0; n < sizeof(data); n++)
        CU_ASSERT_FALSE(read_rtp(data, n, &p));
}

static void extension_beyond_the_packet_is_refused(void)
{
    uint8_t data[12 + 4 + 8] = {0x90, [15] = 2};
    struct packet p;

    CU_ASSERT_TRUE(read_rtp(data, sizeof(data), &p));
    for (unsigned n = 0; n < sizeof(data); n++)
        CU_ASSERT_FALSE(read_rtp(data, n, &p));
    wire_put16(data + 14, 0xffff);
    CU_ASSERT_FALSE(read_rtp(data, sizeof(data), &p));
}

static void padding_beyond_the_payload_is_refused(void)
{
    uint8_t data[20] = {0xa0};
    struct packet p;

    data[19] = 0;
    CU_ASSERT_FALSE(read_rtp(data, 20, &p));
    data[19] = 8;
    CU_ASSERT_TRUE(read_rtp(data, 20, &p));
    data[19] = 9;
    CU_ASSERT_FALSE(read_rtp(data, 20, &p));
    data[0] = 0xa1; /* one CSRC leaves four bytes of payload */
    data[19] = 5;
    CU_ASSERT_FALSE(read_rtp(data, 20, &p));
}

static const uint8_t compound[] = {0x80, 200, 0, 6, 0, 0, 0, 9, 0, 0, 0,   0, 0, 0,
                                   0,    0,   0, 0, 0, 0, 0, 0, 0, 0, 0,   0, 0, 0, /* SR */
                                   0x81, 202, 0, 2, 0, 0, 0, 9, 1, 1, 'a', 0 /* SDES */};

static void rtcp_compound_adds_up(void)
{
    uint8_t copy[sizeof(compound)];

    CU_ASSERT_TRUE(check_rtcp(compound, sizeof(compound)));
    CU_ASSERT_TRUE(check_rtcp(compound, 28));
    for (unsigned n = 0; n < sizeof(compound); n++)
        if (n != 28)
            CU_ASSERT_FALSE(check_rtcp(compound, n));
    memcpy(copy, compound, sizeof(copy));
    copy[28] = 0x41; /* version 1 in the second packet */
    CU_ASSERT_FALSE(check_rtcp(copy, sizeof(copy)));
    copy[28] = 0x81;
    copy[29] = 100; /* no RTCP type */
    CU_ASSERT_FALSE(check_rtcp(copy, sizeof(copy)));
    copy[29] = 202;
    wire_put16(copy + 30, 0xffff);
    CU_ASSERT_FALSE(check_rtcp(copy, sizeof(copy)));
}

static void rtcp_padding_only_on_the_last(void)
{
    uint8_t copy[sizeof(compound)];

    memcpy(copy, compound, sizeof(copy));
    copy[0] |= 0x20;
    copy[27] = 4;
    CU_ASSERT_FALSE(check_rtcp(copy, sizeof(copy)));
    memcpy(copy, compound, sizeof(copy));
    copy[28] |= 0x20;
    for (unsigned pad = 0; pad < 256; pad++) {
        copy[39] = (uint8_t)pad;
        CU_ASSERT_EQUAL(check_rtcp(copy, sizeof(copy)), pad == 4 || pad == 8);
    }
}

static void rtcp_random_garbage_never_reads_beyond(void)
{
    uint32_t seed = 1;
    uint8_t data[64];
    unsigned taken = 0;

    for (int round = 0; round < 20000; round++) {
        unsigned n = (seed >> 8) % (sizeof(data) + 1);
        struct packet p;

        for (unsigned i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            data[i] = (uint8_t)(seed >> 24);
        }
        taken += check_rtcp(data, n);
        read_rtp(data, n, &p);
    }
    CU_ASSERT_TRUE(taken < 20);
}

SUITE("dpdk-app/media", TEST(first_byte_decides_as_in_rfc7983),
      TEST(second_byte_tells_rtcp_as_in_rfc5761), TEST(rtp_header_fields_are_read),
      TEST(rtp_versions_0_1_3_are_refused), TEST(csrc_list_beyond_the_packet_is_refused),
      TEST(extension_beyond_the_packet_is_refused), TEST(padding_beyond_the_payload_is_refused),
      TEST(rtcp_compound_adds_up), TEST(rtcp_padding_only_on_the_last),
      TEST(rtcp_random_garbage_never_reads_beyond))
