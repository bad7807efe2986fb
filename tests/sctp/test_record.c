/* Messages of DTLS over SCTP: one record each, in its place (RFC 6083). */
#include "sctp/record.h"

#include <string.h>

#include "base/err.h"
#include "sctp/sctp.h"
#include "tests/suite.h"

static uint8_t data[2 * (RECORD_HEADER + 100)];

static size_t make(uint8_t *at, uint8_t type, uint16_t len)
{
    memset(at, 0, RECORD_HEADER + (size_t)len);
    at[0] = type;
    at[1] = 0xfe;
    at[2] = 0xfd;
    at[11] = (uint8_t)(len >> 8);
    at[12] = (uint8_t)len;
    return RECORD_HEADER + (size_t)len;
}

static struct sctp_message message(size_t len)
{
    return (struct sctp_message){.data = data, .len = len};
}

static void one_record_is_a_message(void)
{
    for (uint8_t type = RECORD_CHANGE_CIPHER_SPEC; type <= RECORD_DATA; type++) {
        struct sctp_message m = message(make(data, type, 40));
        uint8_t found = 0;

        CU_ASSERT_EQUAL(record_of_message(&m, &found), 0);
        CU_ASSERT_EQUAL(found, type);
    }
}

static void only_data_leave_stream_0_and_order(void)
{
    struct sctp_message m = message(make(data, RECORD_DATA, 40));
    uint8_t type;

    m.stream = 7;
    m.is_unordered = true;
    CU_ASSERT_EQUAL(record_of_message(&m, &type), 0);
    for (uint8_t other = RECORD_CHANGE_CIPHER_SPEC; other < RECORD_DATA; other++) {
        data[0] = other;
        m.stream = 7;
        m.is_unordered = false;
        CU_ASSERT_EQUAL(record_of_message(&m, &type), ERR_MALFORMED);
        m.stream = 0;
        m.is_unordered = true;
        CU_ASSERT_EQUAL(record_of_message(&m, &type), ERR_MALFORMED);
    }
}

static void two_records_half_a_record_and_none_are_no_message(void)
{
    size_t first = make(data, RECORD_DATA, 40);
    struct sctp_message m = message(first + make(data + first, RECORD_DATA, 9));
    uint8_t type;

    CU_ASSERT_EQUAL(record_of_message(&m, &type), ERR_MALFORMED);
    for (size_t cut = 0; cut < first; cut++) {
        m = message(cut);
        CU_ASSERT_EQUAL(record_of_message(&m, &type), ERR_MALFORMED);
    }
    CU_ASSERT_EQUAL(record_first(data, sizeof(data), &type), first);
}

static void foreign_headers_are_no_record(void)
{
    size_t len = make(data, RECORD_DATA, 40);
    uint8_t type;

    data[0] = 24;
    CU_ASSERT_EQUAL(record_first(data, len, &type), 0);
    data[0] = RECORD_HANDSHAKE;
    data[1] = 3; /* TLS */
    CU_ASSERT_EQUAL(record_first(data, len, &type), 0);
    len = make(data, RECORD_DATA, 0);
    CU_ASSERT_EQUAL(record_first(data, len, &type), 0);
}

SUITE("sctp/record", TEST(one_record_is_a_message), TEST(only_data_leave_stream_0_and_order),
      TEST(two_records_half_a_record_and_none_are_no_message), TEST(foreign_headers_are_no_record))
