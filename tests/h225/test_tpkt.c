/* TPKT (RFC 1006 §6) from streams cut in every way. */
#include "base/err.h"
#include "signalling/h225/tpkt.h"
#include "tests/suite.h"

#include <stdlib.h>

static const uint8_t stream[] = {3, 0, 0, 7,  'a', 'b', 'c', /* a packet */
                                 3, 0, 0, 4,                 /* keep-alive */
                                 3, 0, 0, 5,  'd',           /* the shortest */
                                 3, 0, 0, 10, '1', '2', '3', '4', '5', '6'};

/* Feeds `len` octets in pieces of `step` and joins what comes out: "abc||d|123456|". */
static int feed(struct tpkt *t, const uint8_t *data, size_t len, size_t step, char *out)
{
    size_t at = 0;

    out[0] = '\0';
    while (at < len) {
        size_t piece = len - at < step ? len - at : step, used = 0;
        struct tpkt_packet packet;
        size_t from = 0;

        do {
            int err = tpkt_push(t, data + at + from, piece - from, &used, &packet);

            if (err != 0)
                return err;
            from += used;
            if (packet.data != NULL) {
                strncat(out, (const char *)packet.data, packet.len);
                strcat(out, "|");
            }
        } while (from < piece || packet.data != NULL);
        at += piece;
    }
    return 0;
}

static void packets_cut_anywhere_come_out_whole(void)
{
    for (size_t step = 1; step <= sizeof(stream); step++) {
        struct tpkt t;
        char out[64];

        tpkt_init(&t, 0);
        CU_ASSERT_EQUAL(feed(&t, stream, sizeof(stream), step, out), 0);
        CU_ASSERT_STRING_EQUAL(out, "abc||d|123456|");
        CU_ASSERT_EQUAL(t.packets, 3);
        CU_ASSERT_EQUAL(t.keepalives, 1);
        tpkt_fini(&t);
    }
}

static void lengths_below_header_are_refused(void)
{
    for (uint8_t len = 0; len < 4; len++) {
        const uint8_t bad[] = {3, 0, 0, len, 1, 2, 3};
        struct tpkt t;
        struct tpkt_packet packet = {0};
        size_t used = 99;

        tpkt_init(&t, 0);
        CU_ASSERT_EQUAL(tpkt_push(&t, bad, sizeof(bad), &used, &packet), ERR_MALFORMED);
        CU_ASSERT_EQUAL(t.reason, TPKT_REASON_SHORT);
        CU_ASSERT_EQUAL(used, 99); /* out-parameters are written on success only */
        CU_ASSERT_EQUAL(tpkt_push(&t, stream, sizeof(stream), &used, &packet), ERR_MALFORMED);
        tpkt_fini(&t);
    }
}

static void length_65535_fits_only_without_limit(void)
{
    const uint8_t header[] = {3, 0, 0xff, 0xff};
    uint8_t *big = calloc(1, 65531);
    struct tpkt t;
    struct tpkt_packet packet;
    size_t used;

    tpkt_init(&t, 0);
    CU_ASSERT_EQUAL(tpkt_push(&t, header, 4, &used, &packet), 0);
    CU_ASSERT_PTR_NULL(packet.data);
    CU_ASSERT_EQUAL(tpkt_push(&t, big, 65530, &used, &packet), 0);
    CU_ASSERT_PTR_NULL(packet.data);
    CU_ASSERT_EQUAL(tpkt_push(&t, big, 1, &used, &packet), 0);
    CU_ASSERT_PTR_NOT_NULL(packet.data);
    CU_ASSERT_EQUAL(packet.len, 65531);
    tpkt_fini(&t);

    tpkt_init(&t, 16384);
    CU_ASSERT_EQUAL(tpkt_push(&t, header, 4, &used, &packet), ERR_LIMIT);
    CU_ASSERT_EQUAL(t.reason, TPKT_REASON_LONG);
    tpkt_fini(&t);
    free(big);
}

static void limit_is_exact(void)
{
    const uint8_t fits[] = {3, 0, 0, 6, 'x', 'y'};
    const uint8_t above[] = {3, 0, 0, 7, 'x', 'y', 'z'};
    struct tpkt t;
    char out[16];

    tpkt_init(&t, 2);
    CU_ASSERT_EQUAL(feed(&t, fits, sizeof(fits), 6, out), 0);
    CU_ASSERT_STRING_EQUAL(out, "xy|");
    CU_ASSERT_EQUAL(feed(&t, above, sizeof(above), 7, out), ERR_LIMIT);
    tpkt_fini(&t);
}

static void foreign_protocol_is_refused_at_its_first_octet(void)
{
    struct tpkt t;
    struct tpkt_packet packet;
    size_t used;

    tpkt_init(&t, 0);
    CU_ASSERT_EQUAL(tpkt_push(&t, (const uint8_t *)"GET", 1, &used, &packet), ERR_MALFORMED);
    CU_ASSERT_EQUAL(t.reason, TPKT_REASON_VERSION);
    tpkt_fini(&t);
    tpkt_init(&t, 0);
    CU_ASSERT_EQUAL(tpkt_push(&t, (const uint8_t[]){3, 1}, 2, &used, &packet), ERR_MALFORMED);
    CU_ASSERT_EQUAL(t.reason, TPKT_REASON_RESERVED);
    tpkt_fini(&t);
}

static void idle_stream_holds_no_memory(void)
{
    struct tpkt t;
    struct tpkt_packet packet;
    size_t used;

    tpkt_init(&t, 0);
    CU_ASSERT_EQUAL(tpkt_push(&t, stream, 6, &used, &packet), 0);
    CU_ASSERT_PTR_NOT_NULL(t.body);
    CU_ASSERT_EQUAL(tpkt_push(&t, stream + 6, 1, &used, &packet), 0);
    CU_ASSERT_EQUAL(packet.len, 3);
    CU_ASSERT_EQUAL(tpkt_push(&t, stream, 0, &used, &packet), 0);
    CU_ASSERT_PTR_NULL(packet.data);
    CU_ASSERT_PTR_NULL(t.body);
    CU_ASSERT_EQUAL(tpkt_push(&t, stream, 4, &used, &packet), 0); /* a header alone takes none */
    CU_ASSERT_PTR_NULL(t.body);
    tpkt_fini(&t);
}

static void header_is_written_within_bounds(void)
{
    uint8_t header[TPKT_HEADER_LEN];

    CU_ASSERT_EQUAL(tpkt_write_header(0x1230, header), 0);
    CU_ASSERT_EQUAL(memcmp(header, "\3\0\x12\x34", 4), 0);
    CU_ASSERT_EQUAL(tpkt_write_header(TPKT_PAYLOAD_MAX, header), 0);
    CU_ASSERT_EQUAL(tpkt_write_header(TPKT_PAYLOAD_MAX + 1, header), ERR_RANGE);
    for (int i = 0; i <= TPKT_REASON_NOMEM; i++)
        CU_ASSERT_STRING_NOT_EQUAL(tpkt_reason_to_str((enum tpkt_reason)i), "unknown reason");
}

SUITE("h225/tpkt", TEST(packets_cut_anywhere_come_out_whole),
      TEST(lengths_below_header_are_refused), TEST(length_65535_fits_only_without_limit),
      TEST(limit_is_exact), TEST(foreign_protocol_is_refused_at_its_first_octet),
      TEST(idle_stream_holds_no_memory), TEST(header_is_written_within_bounds))
