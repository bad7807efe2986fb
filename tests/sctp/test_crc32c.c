/* The processor's check sums beside those of the library. */
#include "sctp/crc32c.h"
#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include <usrsctp.h>

#define LONGEST 1500

static bool is_possible(void)
{
    if (!crc32c_is_fast())
        fprintf(stderr, "this processor has no instruction for CRC32c\n");
    return crc32c_is_fast();
}

static void packets_of_every_length_as_by_the_library(void)
{
    uint8_t packet[LONGEST];

    for (size_t i = 0; i < sizeof(packet); i++)
        packet[i] = (uint8_t)(i * 131 + 7);
    memset(packet + SCTP_CHECKSUM_AT, 0, 4); /* what the library wants there */
    for (size_t len = 12; len <= sizeof(packet); len++)
        CU_ASSERT_EQUAL(crc32c_of_packet(packet, len), usrsctp_crc32c(packet, len));
}

static void check_sum_in_the_packet_is_not_counted(void)
{
    uint8_t packet[64] = {1, 2, 3};
    uint32_t crc = crc32c_of_packet(packet, sizeof(packet));

    memcpy(packet + SCTP_CHECKSUM_AT, &crc, sizeof(crc));
    CU_ASSERT_EQUAL(crc32c_of_packet(packet, sizeof(packet)), crc);
}

/* RFC 3720 B.4 has 32 octets of zero: 0x8a9136aa. A packet may be all zero too. */
static void zeros_as_in_rfc_3720(void)
{
    const uint8_t zeros[32] = {0};

    CU_ASSERT_EQUAL(crc32c_of_packet(zeros, sizeof(zeros)), 0x8a9136aau);
}

static void any_bit_changed_is_seen(void)
{
    uint8_t packet[48];
    uint32_t crc;

    memset(packet, 0x5c, sizeof(packet));
    crc = crc32c_of_packet(packet, sizeof(packet));
    for (size_t bit = 0; bit < 8 * sizeof(packet); bit++) {
        if (bit / 8 >= SCTP_CHECKSUM_AT && bit / 8 < SCTP_CHECKSUM_AT + 4)
            continue;
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_NOT_EQUAL(crc32c_of_packet(packet, sizeof(packet)), crc);
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

SUITE_IF("sctp/crc32c", is_possible, NULL, NULL, TEST(packets_of_every_length_as_by_the_library),
         TEST(check_sum_in_the_packet_is_not_counted), TEST(zeros_as_in_rfc_3720),
         TEST(any_bit_changed_is_seen))
