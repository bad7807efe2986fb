#include "tests/suite.h"

#include <string.h>

#include "dpdk-app/media.h"
#include "dpdk-app/rtcp.h"

static uint8_t data[1500];

static void what_is_written_is_read(void)
{
    const struct rtcp_sender sender = {
        .ssrc = 0x11223344, .ntp = 0x0123456789abcdefull, .rtp = 99, .packets = 7, .octets = 1120};
    const struct rtcp_block block[2] = {
        {.ssrc = 1,
         .fraction = 64,
         .lost = -5,
         .highest = 0x10005,
         .jitter = 8,
         .lsr = 9,
         .dlsr = 10},
        {.ssrc = 2, .fraction = 255, .lost = 0x7fffff + 10, .highest = 3}};
    const uint32_t ssrc[2] = {0x11223344, 55};
    struct rtcp_writer w = {.data = data, .room = sizeof(data)};
    struct rtcp_packet p;
    struct rtcp_sender s;
    struct rtcp_block b;
    size_t at = 0;

    rtcp_put_sr(&w, &sender, block, 2);
    rtcp_put_sdes(&w, ssrc, 2, "0123456789abcdef");
    rtcp_put_rr(&w, 77, block, 1);
    rtcp_put_bye(&w, ssrc, 2);
    CU_ASSERT_FALSE(w.is_full);
    CU_ASSERT_TRUE(media_check_rtcp(data, w.length));
    CU_ASSERT_TRUE(rtcp_next(data, w.length, &at, &p));
    CU_ASSERT_EQUAL(p.type, RTCP_SR);
    CU_ASSERT_TRUE(rtcp_read_sender(&p, &s));
    CU_ASSERT_TRUE(s.ssrc == sender.ssrc && s.ntp == sender.ntp && s.rtp == 99 && s.packets == 7 &&
                   s.octets == 1120);
    CU_ASSERT_TRUE(rtcp_read_block(&p, 0, &b));
    CU_ASSERT_TRUE(b.ssrc == 1 && b.fraction == 64 && b.lost == -5 && b.highest == 0x10005 &&
                   b.jitter == 8 && b.lsr == 9 && b.dlsr == 10);
    CU_ASSERT_TRUE(rtcp_read_block(&p, 1, &b));
    CU_ASSERT_EQUAL(b.lost, 0x7fffff); /* all that 24 bits hold */
    CU_ASSERT_FALSE(rtcp_read_block(&p, 2, &b));
    CU_ASSERT_TRUE(rtcp_next(data, w.length, &at, &p));
    CU_ASSERT_EQUAL(p.type, RTCP_SDES);
    CU_ASSERT_EQUAL(p.count, 2);
    CU_ASSERT_EQUAL(memcmp(p.data + 10, "0123456789abcdef", 17), 0);
    CU_ASSERT_TRUE(rtcp_next(data, w.length, &at, &p));
    CU_ASSERT_FALSE(rtcp_read_sender(&p, &s));
    CU_ASSERT_TRUE(rtcp_read_block(&p, 0, &b));
    CU_ASSERT_EQUAL(b.ssrc, 1);
    CU_ASSERT_TRUE(rtcp_next(data, w.length, &at, &p));
    CU_ASSERT_EQUAL(p.type, RTCP_BYE);
    CU_ASSERT_EQUAL(p.length, 12);
    CU_ASSERT_FALSE(rtcp_next(data, w.length, &at, &p));
}

static void what_does_not_fit_is_left_out_whole(void)
{
    const uint32_t ssrc = 1;

    for (size_t room = 0; room < 100; room++) {
        struct rtcp_writer w = {.data = data, .room = room};

        memset(data, 0xee, sizeof(data));
        rtcp_put_rr(&w, 1, NULL, 0);
        rtcp_put_sdes(&w, &ssrc, 1, "0123456789abcdef");
        rtcp_put_bye(&w, &ssrc, 1);
        CU_ASSERT_TRUE(w.length <= room);
        CU_ASSERT_EQUAL(w.is_full, room < 44);
        for (size_t i = room; i < 110; i++)
            CU_ASSERT_EQUAL(data[i], 0xee);
    }
}

/* Counts and lengths that promise more than there is. */
static void lies_are_not_believed(void)
{
    uint8_t sr[28] = {0x9f, RTCP_SR, 0, 6};
    uint8_t rr[8] = {0x9f, RTCP_RR, 0, 1};
    uint8_t fb[8] = {0x81, RTCP_RTPFB, 0, 1};
    struct rtcp_packet p;
    struct rtcp_feedback f;
    struct rtcp_block b;
    struct rtcp_sender s;
    size_t at = 0;

    CU_ASSERT_TRUE(rtcp_next(sr, sizeof(sr), &at, &p));
    CU_ASSERT_TRUE(rtcp_read_sender(&p, &s));
    CU_ASSERT_FALSE(rtcp_read_block(&p, 0, &b));
    at = 0;
    sr[3] = 5;
    CU_ASSERT_TRUE(rtcp_next(sr, 24, &at, &p));
    CU_ASSERT_FALSE(rtcp_read_sender(&p, &s));
    at = 0;
    CU_ASSERT_TRUE(rtcp_next(rr, sizeof(rr), &at, &p));
    CU_ASSERT_FALSE(rtcp_read_block(&p, 0, &b));
    at = 0;
    CU_ASSERT_TRUE(rtcp_next(fb, sizeof(fb), &at, &p));
    CU_ASSERT_FALSE(rtcp_read_feedback(&p, &f));
    at = 0;
    fb[3] = 200;
    CU_ASSERT_FALSE(rtcp_next(fb, sizeof(fb), &at, &p));
    at = 8;
    CU_ASSERT_FALSE(rtcp_next(fb, sizeof(fb), &at, &p));
}

static void padding_is_not_content(void)
{
    uint8_t fb[20] = {0xa1, RTCP_RTPFB, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 0, 0, 0, 0, 4};
    struct rtcp_packet p;
    struct rtcp_feedback f;
    size_t at = 0;

    CU_ASSERT_TRUE(media_check_rtcp(fb, sizeof(fb)));
    CU_ASSERT_TRUE(rtcp_next(fb, sizeof(fb), &at, &p));
    CU_ASSERT_TRUE(rtcp_read_feedback(&p, &f));
    CU_ASSERT_EQUAL(f.fci_length, 4);
    CU_ASSERT_EQUAL(f.sender, 1);
    CU_ASSERT_EQUAL(f.media, 2);
}

static void nacks_expand_and_pack(void)
{
    const uint8_t fci[4] = {0xff, 0xfe, 0x80, 0x05};
    const uint16_t more[] = {65534, 65535, 1, 14, 15, 40, 56, 57};
    uint16_t sequence[17];
    uint8_t out[16];

    CU_ASSERT_EQUAL(rtcp_nack_expand(fci, sequence), 4);
    CU_ASSERT_EQUAL(sequence[0], 65534);
    CU_ASSERT_EQUAL(sequence[1], 65535);
    CU_ASSERT_EQUAL(sequence[2], 1);
    CU_ASSERT_EQUAL(sequence[3], 14);
    CU_ASSERT_EQUAL(rtcp_nack_pack(sequence, 4, out, sizeof(out)), 4);
    CU_ASSERT_EQUAL(memcmp(out, fci, 4), 0);
    CU_ASSERT_EQUAL(rtcp_nack_pack(more, 8, out, sizeof(out)), 16); /* 65534…, 15, 40…56, 57 */
    CU_ASSERT_EQUAL(wire_get16(out + 4), 15);
    CU_ASSERT_EQUAL(wire_get16(out + 8), 40);
    CU_ASSERT_EQUAL(wire_get16(out + 10), 0x8000);
    CU_ASSERT_EQUAL(rtcp_nack_pack(more, 8, out, 7), 4);
}

/* RFC 3550 section 6.4.1, figure 2: the example of the round trip. */
static void round_trip_is_as_in_the_rfc(void)
{
    uint64_t ntp = rtcp_ntp((uint64_t)(0xb44db705u - RTCP_NTP_UNIX) * 1000000u + 125000u);

    CU_ASSERT_EQUAL(ntp >> 32, 0xb44db705u);
    CU_ASSERT_EQUAL((uint32_t)ntp, 0x20000000u);
    CU_ASSERT_EQUAL(rtcp_ntp_middle(ntp), 0xb7052000u);
    CU_ASSERT_EQUAL(rtcp_round_trip(0xb7108000u, 0xb7052000u, 0x00054000u), 6125000u);
    CU_ASSERT_EQUAL(rtcp_round_trip(100, 90, 20), 0);
}

SUITE("dpdk-app/rtcp", TEST(what_is_written_is_read), TEST(what_does_not_fit_is_left_out_whole),
      TEST(lies_are_not_believed), TEST(padding_is_not_content), TEST(nacks_expand_and_pack),
      TEST(round_trip_is_as_in_the_rfc))
