#include "tests/suite.h"

#include <string.h>

#include "bench/endpoint/endpoint_rtp.h"
#include "bench/endpoint/endpoint_video.h"

static struct video a, b, viewer;

static struct video source_of(enum video_format format, uint32_t ssrc)
{
    return (struct video){.format = format, .tx_type = 97, .sender = {.ssrc = ssrc, .seq = 0xfff0}};
}

static void begin(enum video_format format)
{
    a = source_of(format, 0xaaaa0001);
    b = source_of(format, 0xbbbb0002);
    viewer =
        (struct video){.rx_format = format, .rx_type = 97, .has_rx_type = true, .rx_open = true};
}

/* One packet of `from`, as a server sends it on: SSRC and number are the receiver's. */
static enum video_taken pass(struct video *from)
{
    static uint8_t bytes[VIDEO_PACKET];
    struct rtp_packet p;

    video_next(from, bytes);
    CU_ASSERT_EQUAL_FATAL(rtp_parse(bytes, sizeof(bytes), &p), 0);
    p.ssrc = 0x1234;
    p.seq = (uint16_t)viewer.packets_in;
    return video_take(&viewer, &p, 1000 * viewer.packets_in);
}

static void check_key_frame(enum video_format format, const uint8_t first[6])
{
    uint32_t ts[6];
    uint8_t bytes[VIDEO_PACKET];
    struct rtp_packet p;

    begin(format);
    for (unsigned i = 0; i < 6; i++) {
        video_next(&a, bytes);
        CU_ASSERT_EQUAL_FATAL(rtp_parse(bytes, sizeof(bytes), &p), 0);
        CU_ASSERT_EQUAL(p.payload[0], first[i]);
        CU_ASSERT_EQUAL(p.marker, i >= 3);
        ts[i] = p.ts;
    }
    CU_ASSERT_EQUAL(ts[3], ts[0]); /* one picture */
    CU_ASSERT_EQUAL(ts[4] - ts[3], 4 * 1800);
    CU_ASSERT_EQUAL(ts[5] - ts[4], 1800);
}

static void a_key_frame_is_parameter_sets_and_three_fragments(void)
{
    static const uint8_t h264[] = {0x78, 0x7c, 0x7c, 0x7c, 0x61, 0x61};
    static const uint8_t h265[] = {0x60, 0x62, 0x62, 0x62, 0x02, 0x02}; /* AP, FU, TRAIL_R */

    check_key_frame(VIDEO_H264, h264);
    check_key_frame(VIDEO_H265, h265);
}

/* RFC 7798 4.4.2: sizes of the units fill the packet exactly; VPS, SPS, PPS and SEI, once each. */
static void h265_parameter_sets_are_an_aggregation_packet(void)
{
    static const unsigned types[] = {32, 33, 34, 39};
    uint8_t bytes[VIDEO_PACKET];
    struct rtp_packet p;
    size_t at = 2, n = 0;

    begin(VIDEO_H265);
    video_next(&a, bytes);
    CU_ASSERT_EQUAL_FATAL(rtp_parse(bytes, sizeof(bytes), &p), 0);
    CU_ASSERT_EQUAL(p.payload[1], 1); /* layer 0, temporal id 0 */
    while (at + 4 <= p.payload_len && n < 4) {
        CU_ASSERT_EQUAL(p.payload[at + 2] >> 1, types[n++]);
        CU_ASSERT_EQUAL(p.payload[at + 3], 1);
        at += 2 + ((size_t)p.payload[at] << 8 | p.payload[at + 1]);
    }
    CU_ASSERT_EQUAL(n, 4);
    CU_ASSERT_EQUAL(at, p.payload_len);
}

static void whoever_asks_gets_a_key_frame_next(void)
{
    begin(VIDEO_H264);
    for (unsigned i = 0; i < 10; i++)
        (void)pass(&a);
    CU_ASSERT_EQUAL(viewer.keys_in, 1);
    a.fast_updates++;
    a.plis++; /* both of one moment: one picture serves them */
    for (unsigned i = 0; i < 10; i++)
        (void)pass(&a);
    CU_ASSERT_EQUAL(viewer.keys_in, 2);
    for (unsigned i = 0; i < 500; i++)
        (void)pass(&a);
    CU_ASSERT_EQUAL(viewer.keys_in, 3); /* unasked, after 10 s */
    CU_ASSERT_EQUAL(a.keys_out, 3);
    CU_ASSERT_EQUAL(viewer.wrong, 0);
}

static void another_source_is_noticed_and_how_it_began(enum video_format format)
{
    begin(format);
    CU_ASSERT_EQUAL(pass(&a), VIDEO_SWITCHED);
    CU_ASSERT_EQUAL(viewer.from, a.sender.ssrc);
    CU_ASSERT(viewer.from_key);
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(pass(&a), VIDEO_TAKEN);
    CU_ASSERT_EQUAL(pass(&b), VIDEO_SWITCHED);
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(pass(&b), VIDEO_TAKEN);
    CU_ASSERT_EQUAL(pass(&a), VIDEO_SWITCHED); /* amid its pictures */
    CU_ASSERT_FALSE(viewer.from_key);
    CU_ASSERT_EQUAL(viewer.switches, 2);
    CU_ASSERT_EQUAL(viewer.key_switches, 1);
    CU_ASSERT_EQUAL(viewer.wrong, 0);
    CU_ASSERT_EQUAL(rtp_lost(&viewer.reception), 0);
}

static void switches_of_h264_are_noticed(void)
{
    another_source_is_noticed_and_how_it_began(VIDEO_H264);
}

static void switches_of_h265_are_noticed(void)
{
    another_source_is_noticed_and_how_it_began(VIDEO_H265);
}

static void switches_of_h263_are_noticed(void)
{
    another_source_is_noticed_and_how_it_began(VIDEO_H263);
}

static void what_no_source_made_is_wrong(void)
{
    uint8_t bytes[VIDEO_PACKET];
    struct rtp_packet p;

    begin(VIDEO_H264);
    video_next(&a, bytes);
    CU_ASSERT_EQUAL_FATAL(rtp_parse(bytes, sizeof(bytes), &p), 0);
    bytes[sizeof(bytes) - 1] ^= 1;
    CU_ASSERT_EQUAL(video_take(&viewer, &p, 0), VIDEO_TAKEN);
    bytes[sizeof(bytes) - 1] ^= 1;
    bytes[RTP_HEADER] = 0x65;
    CU_ASSERT_EQUAL(video_take(&viewer, &p, 0), VIDEO_TAKEN);
    p.payload_len = 3;
    CU_ASSERT_EQUAL(video_take(&viewer, &p, 0), VIDEO_TAKEN);
    CU_ASSERT_EQUAL(viewer.wrong, 3);
    CU_ASSERT_EQUAL(viewer.switches, 0);
    p.pt = 96;
    CU_ASSERT_EQUAL(video_take(&viewer, &p, 0), VIDEO_NOT_OURS);
}

static void requests_by_rtcp_are_counted_for_their_source(void)
{
    static const uint8_t compound[] = {
        0x80, 201,  0, 1, 0, 0, 0, 9,                                    /* RR */
        0x81, 206,  0, 2, 0, 0, 0, 9, 0xaa, 0xaa, 0x00, 0x01,            /* PLI */
        0x81, 206,  0, 2, 0, 0, 0, 9, 0xbb, 0xbb, 0x00, 0x02,            /* of another */
        0x84, 206,  0, 4, 0, 0, 0, 9, 0,    0,    0,    0,               /* FIR, */
        0xaa, 0xaa, 0, 1, 7, 0, 0, 0,                                    /* its entry */
        0x8f, 206,  0, 3, 0, 0, 0, 9, 0xaa, 0xaa, 0x00, 0x01, 0, 0, 0, 0 /* something else */
    };

    CU_ASSERT_EQUAL(rtcp_asks_picture(compound, sizeof(compound), 0xaaaa0001), 2);
    CU_ASSERT_EQUAL(rtcp_asks_picture(compound, sizeof(compound), 0xbbbb0002), 1);
    CU_ASSERT_EQUAL(rtcp_asks_picture(compound, 19, 0xaaaa0001), 0); /* cut within the PLI */
    CU_ASSERT_EQUAL(rtcp_asks_picture(compound, sizeof(compound), 9), 0);
}

SUITE("bench/endpoint_video", TEST(a_key_frame_is_parameter_sets_and_three_fragments),
      TEST(h265_parameter_sets_are_an_aggregation_packet), TEST(whoever_asks_gets_a_key_frame_next),
      TEST(switches_of_h264_are_noticed), TEST(switches_of_h265_are_noticed),
      TEST(switches_of_h263_are_noticed), TEST(what_no_source_made_is_wrong),
      TEST(requests_by_rtcp_are_counted_for_their_source))
