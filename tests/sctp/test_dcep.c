/* RFC 8832: the two messages, built, read, and broken. */
#include "sctp/dcep.h"

#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

static size_t build(struct dcep_open *open, uint8_t *out)
{
    strcpy(open->label, "chat");
    strcpy(open->protocol, "t140");
    return dcep_build_open(open, out, DCEP_OPEN_MAX);
}

static void open_is_laid_out_as_in_5_1(void)
{
    static const uint8_t wanted[] = {0x03, 0x81, 1,   0,   0,   0,   0,   5,   0,   4,
                                     0,    4,    'c', 'h', 'a', 't', 't', '1', '4', '0'};
    struct dcep_open open = {
        .is_unordered = true, .has_retransmits = true, .retransmits = 5, .priority = 256};
    uint8_t out[DCEP_OPEN_MAX];

    CU_ASSERT_EQUAL(build(&open, out), sizeof(wanted));
    CU_ASSERT_EQUAL(memcmp(out, wanted, sizeof(wanted)), 0);
}

static void every_channel_type_comes_back(void)
{
    for (unsigned i = 0; i < 6; i++) {
        struct dcep_open open = {
            .is_unordered = i % 2 == 1, .has_retransmits = i / 2 == 1, .has_lifetime = i / 2 == 2};
        struct dcep_open back;
        uint8_t out[DCEP_OPEN_MAX];
        enum dcep_kind kind;
        size_t len;

        open.retransmits = open.has_retransmits ? 0xfffffffe : 0;
        open.lifetime_ms = open.has_lifetime ? 1500 : 0;
        len = build(&open, out);
        CU_ASSERT_EQUAL_FATAL(dcep_parse(out, len, &kind, &back), 0);
        CU_ASSERT_EQUAL(kind, DCEP_OPEN);
        CU_ASSERT_EQUAL(memcmp(&back, &open, sizeof(open)), 0);
    }
}

static void ack_is_one_octet(void)
{
    struct dcep_open open;
    enum dcep_kind kind;
    uint8_t out[4];

    CU_ASSERT_EQUAL(dcep_build_ack(out, sizeof(out)), 1);
    CU_ASSERT_EQUAL(out[0], 2);
    CU_ASSERT_EQUAL(dcep_parse(out, 1, &kind, &open), 0);
    CU_ASSERT_EQUAL(kind, DCEP_ACK);
    CU_ASSERT_EQUAL(dcep_build_ack(out, 0), 0);
}

static void every_cut_is_refused(void)
{
    struct dcep_open open = {.is_unordered = false};
    uint8_t out[DCEP_OPEN_MAX];
    size_t len = build(&open, out);
    enum dcep_kind kind;

    for (size_t n = 0; n < len; n++)
        CU_ASSERT_EQUAL(dcep_parse(out, n, &kind, &open), ERR_MALFORMED);
    CU_ASSERT_EQUAL(dcep_parse(out, len + 1, &kind, &open), ERR_MALFORMED);
}

static void what_is_not_known_is_told_apart(void)
{
    struct dcep_open open = {.is_unordered = false};
    uint8_t out[DCEP_OPEN_MAX];
    size_t len = build(&open, out);
    enum dcep_kind kind;

    out[1] = 0x03;
    CU_ASSERT_EQUAL(dcep_parse(out, len, &kind, &open), ERR_UNSUPPORTED);
    out[1] = 0;
    out[0] = 0x01;
    CU_ASSERT_EQUAL(dcep_parse(out, len, &kind, &open), ERR_UNSUPPORTED);
    out[0] = 0x03;
    out[13] = 0; /* a zero in the label */
    CU_ASSERT_EQUAL(dcep_parse(out, len, &kind, &open), ERR_MALFORMED);
}

static void label_of_65535_octets_is_refused(void)
{
    static uint8_t out[12 + 65535];
    struct dcep_open open;
    enum dcep_kind kind;

    memset(out, 'x', sizeof(out));
    memset(out, 0, 12);
    out[0] = 0x03;
    out[8] = out[9] = 0xff;
    CU_ASSERT_EQUAL(dcep_parse(out, sizeof(out), &kind, &open), ERR_LIMIT);
}

static void streams_are_even_for_the_client(void)
{
    CU_ASSERT_TRUE(dcep_is_own_stream(0, true));
    CU_ASSERT_FALSE(dcep_is_own_stream(1, true));
    CU_ASSERT_TRUE(dcep_is_own_stream(1, false));
    CU_ASSERT_FALSE(dcep_is_own_stream(2, false));
}

SUITE("sctp/dcep", TEST(open_is_laid_out_as_in_5_1), TEST(every_channel_type_comes_back),
      TEST(ack_is_one_octet), TEST(every_cut_is_refused), TEST(what_is_not_known_is_told_apart),
      TEST(label_of_65535_octets_is_refused), TEST(streams_are_even_for_the_client))
