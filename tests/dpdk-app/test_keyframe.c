#include "tests/suite.h"

#include <stdlib.h>

#include "dpdk-app/keyframe.h"
#include "dpdk-app/route.h"
#include "tests/dpdk-app/rig.h"

#define STREAM  0xabcdu
#define TYPE    99
#define WAIT_MS 2000u

/* First octets of payloads as encoders send them. */
static const struct sample {
    enum link_key format;
    uint8_t length;
    uint8_t octets[16];
    bool begins;
} samples[] = {
    {LINK_KEY_H264, 8, {0x65, 0x88, 0x84, 0x00, 0x33, 0xff, 0x10, 0x20}, true},  /* IDR */
    {LINK_KEY_H264, 8, {0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6}, true},  /* SPS, baseline */
    {LINK_KEY_H264, 4, {0x68, 0xce, 0x3c, 0x80}, false},                         /* PPS alone */
    {LINK_KEY_H264, 8, {0x41, 0x9a, 0x24, 0x6c, 0x41, 0x4f, 0xfe, 0x8d}, false}, /* P slice */
    {LINK_KEY_H264, 3, {0x06, 0x05, 0x11}, false},                               /* SEI */
    /* STAP-A: access unit delimiter then SPS; SEI then slice; a size that lies; none at all */
    {LINK_KEY_H264, 11, {0x78, 0, 2, 0x09, 0x10, 0, 4, 0x67, 0x42, 0xc0, 0x1e}, true},
    {LINK_KEY_H264, 9, {0x78, 0, 2, 0x06, 0x05, 0, 2, 0x41, 0x9a}, false},
    {LINK_KEY_H264, 8, {0x78, 0, 2, 0x06, 0x05, 0, 9, 0x67}, false},
    {LINK_KEY_H264, 5, {0x78, 0, 0, 0x67, 0x42}, false},
    {LINK_KEY_H264, 3, {0x78, 0, 1}, false},
    {LINK_KEY_H264, 1, {0x78}, false},
    /* FU-A: start of an IDR, its middle, its end, start of another slice, cut short */
    {LINK_KEY_H264, 6, {0x7c, 0x85, 0x88, 0x84, 0x00, 0x21}, true},
    {LINK_KEY_H264, 6, {0x7c, 0x05, 0x88, 0x84, 0x00, 0x21}, false},
    {LINK_KEY_H264, 6, {0x7c, 0x45, 0x88, 0x84, 0x00, 0x21}, false},
    {LINK_KEY_H264, 6, {0x5c, 0x81, 0x9a, 0x24, 0x6c, 0x41}, false},
    {LINK_KEY_H264, 2, {0x7c, 0x85}, false},
    {LINK_KEY_H264, 0, {0}, false},
    /* the interleaved mode's: STAP-B with its number, FU-B */
    {LINK_KEY_H264, 9, {0x79, 0, 7, 0, 4, 0x67, 0x42, 0xc0, 0x1e}, true},
    {LINK_KEY_H264, 7, {0x79, 0, 7, 0, 2, 0x41, 0x9a}, false},
    {LINK_KEY_H264, 6, {0x7d, 0x85, 0x00, 0x07, 0x88, 0x84}, true},
    /* H.265: IDR_W_RADL, CRA, VPS, SPS; PPS, a trailing picture, a leading one */
    {LINK_KEY_H265, 4, {0x26, 0x01, 0xaf, 0x08}, true},
    {LINK_KEY_H265, 4, {0x2a, 0x01, 0xaf, 0x08}, true},
    {LINK_KEY_H265, 4, {0x40, 0x01, 0x0c, 0x01}, true},
    {LINK_KEY_H265, 4, {0x42, 0x01, 0x01, 0x01}, true},
    {LINK_KEY_H265, 4, {0x44, 0x01, 0xc1, 0x72}, false},
    {LINK_KEY_H265, 4, {0x02, 0x01, 0xd0, 0x09}, false},
    {LINK_KEY_H265, 4, {0x10, 0x01, 0xd0, 0x09}, false},
    /* AP with SEI and VPS, with SEI alone; FU: start of IDR_N_LP, its middle, start of another */
    {LINK_KEY_H265, 11, {0x60, 0x01, 0, 2, 0x4e, 0x01, 0, 3, 0x40, 0x01, 0x0c}, true},
    {LINK_KEY_H265, 6, {0x60, 0x01, 0, 2, 0x4e, 0x01}, false},
    {LINK_KEY_H265, 5, {0x62, 0x01, 0x94, 0xaf, 0x08}, true},
    {LINK_KEY_H265, 5, {0x62, 0x01, 0x14, 0xaf, 0x08}, false},
    {LINK_KEY_H265, 5, {0x62, 0x01, 0x81, 0xd0, 0x09}, false},
    {LINK_KEY_H265, 3, {0x62, 0x01, 0x94}, false},
    /* RFC 2190 mode A: I bit 0 is intra; without a start code it is a later packet of a frame */
    {LINK_KEY_H263, 10, {0x00, 0x40, 0, 0, 0x00, 0x00, 0x80, 0x02, 0x08, 0x04}, true},
    {LINK_KEY_H263, 10, {0x00, 0x50, 0, 0, 0x00, 0x00, 0x80, 0x02, 0x0a, 0x04}, false},
    {LINK_KEY_H263, 10, {0x00, 0x40, 0, 0, 0x00, 0x00, 0x86, 0x02, 0x08, 0x04}, false},
    {LINK_KEY_H263, 6, {0x00, 0x40, 0, 0, 0x00, 0x00}, false},
    /* modes B and C: the bit is in the second word */
    {LINK_KEY_H263, 12, {0x80, 0x45, 0, 0, 0x00, 0, 0, 0, 0x00, 0x00, 0x80, 0x02}, true},
    {LINK_KEY_H263, 12, {0x80, 0x45, 0, 0, 0x80, 0, 0, 0, 0x00, 0x00, 0x80, 0x02}, false},
    {LINK_KEY_H263, 16, {0xc0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x00, 0x80, 0x02}, true},
    {LINK_KEY_H263, 12, {0xc0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x02}, false},
    /* RFC 4629, CIF (011): P, start code's end, TR, PTYPE 1 0 0 0 0 | 011 | coding type */
    {LINK_KEY_H263_PLUS, 9, {0x04, 0x00, 0x80, 0x02, 0x0c, 0x04, 0x26, 0x20, 0x00}, true},
    {LINK_KEY_H263_PLUS, 9, {0x04, 0x00, 0x80, 0x02, 0x0e, 0x04, 0x26, 0x20, 0x00}, false},
    {LINK_KEY_H263_PLUS, 9, {0x00, 0x00, 0x80, 0x02, 0x0c, 0x04, 0x26, 0x20, 0x00}, false},
    {LINK_KEY_H263_PLUS, 9, {0x04, 0x00, 0x84, 0x02, 0x0c, 0x04, 0x26, 0x20, 0x00}, false},
    {LINK_KEY_H263_PLUS, 8, {0x04, 0x00, 0x80, 0x02, 0x0c, 0x04, 0x26, 0x20}, false},
    /* PLUSPTYPE with UFEP 1, OPPTYPE, then MPPTYPE 000 (intra) and 001; with UFEP 0 */
    {LINK_KEY_H263_PLUS, 9, {0x04, 0x00, 0x80, 0x02, 0x1c, 0x9a, 0x00, 0x02, 0x02}, true},
    {LINK_KEY_H263_PLUS, 9, {0x04, 0x00, 0x80, 0x02, 0x1c, 0x98, 0x00, 0x04, 0x40}, false},
    {LINK_KEY_H263_PLUS, 9, {0x04, 0x00, 0x80, 0x02, 0x1c, 0x00, 0x80, 0x00, 0x00}, true},
    {LINK_KEY_H263_PLUS, 9, {0x04, 0x00, 0x80, 0x02, 0x1c, 0x10, 0x80, 0x00, 0x00}, false},
    {LINK_KEY_NONE, 1, {0x41}, true},
};

static void first_octets_tell_where_a_key_frame_begins(void)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        uint8_t *exact = malloc(samples[i].length > 0 ? samples[i].length : 1); /* for ASan */

        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, samples[i].octets, samples[i].length);
        if (keyframe_begins(samples[i].format, exact, samples[i].length) != samples[i].begins) {
            fprintf(stderr, "sample %zu\n", i);
            CU_FAIL("wrong about a sample");
        }
        free(exact);
    }
    CU_PASS("all samples");
}

/* ---- through a worker: a, b and d send, c sees one stream ---- */

static struct rig rig;
static struct link_id a, b, c, d;
static uint8_t frame[RIG_FRAME], rtp[300], out[RIG_FRAME];
static const uint8_t idr[] = {0x65, 0x88, 0x84, 0x00, 0x33};
static const uint8_t slice[] = {0x41, 0x9a, 0x24, 0x6c, 0x41};

static void start(void)
{
    CU_ASSERT_EQUAL_FATAL(rig_start_sized(&rig, 1, 32), 0);
    rig.plane.key_wait_ms = WAIT_MS;
    a = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    b = rig_open_usual(&rig, 0, 1, LINK_MODE_RTP);
    c = rig_open_usual(&rig, 0, 2, LINK_MODE_RTP);
    d = rig_open_usual(&rig, 0, 3, LINK_MODE_RTP);
    rig.sent_n = 0;
}

static void stop(void)
{
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 0);
    rig_stop(&rig);
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

static void later(unsigned ms)
{
    rig.now += ms;
    rig_turn(&rig);
}

static void watch(struct link_id source, struct link_id before)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_SOURCE_SWITCH, source, 1);
    msg.u.change = (struct link_switch){
        .from = before,
        .receiver = {.to = c,
                     .ssrc_out = STREAM,
                     .clock_rate = 90000,
                     .flags = LINK_RECEIVER_VIDEO | LINK_RECEIVER_KEY(LINK_KEY_H264),
                     .pt_in = TYPE,
                     .pt_out = LINK_PT_ANY}};
    rig_command(&rig, &msg);
}

/* What c sees of a packet from the i-th: its sequence number, or -1. */
static int seen(unsigned i, uint16_t sequence, const uint8_t *payload)
{
    unsigned before = rig.sent_n;

    rig_rtp(rtp, 100 + i, sequence, TYPE);
    memcpy(rtp + 12, payload, sizeof(idr));
    rig_frame(&rig, 0, frame, rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), rtp, 172));
    if (rig.sent_n == before)
        return -1;
    CU_ASSERT_EQUAL(rig.sent_n, before + 1);
    CU_ASSERT_EQUAL(rig_payload(&rig, before, out), 172);
    CU_ASSERT_EQUAL(wire_get32(out + 8), STREAM);
    CU_ASSERT_EQUAL(memcmp(out + 12, rtp + 12, 160), 0);
    return wire_get16(out + 2);
}

static void the_old_source_is_seen_until_the_key_frame(void)
{
    int first;

    start();
    watch(a, (struct link_id){0, 0});
    CU_ASSERT_EQUAL(seen(0, 10, slice), -1); /* nobody was seen before: from the key frame on too */
    first = seen(0, 11, idr);
    CU_ASSERT_TRUE_FATAL(first >= 0);
    CU_ASSERT_EQUAL(seen(0, 12, slice), first + 1);
    watch(b, a);
    later(20);
    CU_ASSERT_EQUAL(seen(1, 500, slice), -1);
    CU_ASSERT_EQUAL(seen(0, 13, slice), first + 2);
    CU_ASSERT_EQUAL(seen(1, 501, slice), -1);
    CU_ASSERT_EQUAL(seen(0, 14, idr), first + 3); /* its own key frame changes nothing */
    later(20);
    CU_ASSERT_EQUAL(seen(1, 502, idr), first + 4);
    CU_ASSERT_EQUAL(seen(0, 15, idr), -1);
    CU_ASSERT_EQUAL(seen(1, 503, slice), first + 5);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_waits), 3);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_switches), 2);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_blind), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_late), 0);
    stop();
}

static void the_wait_ends_by_itself(void)
{
    int first;

    start();
    watch(a, (struct link_id){0, 0});
    first = seen(0, 10, idr);
    watch(b, a);
    later(WAIT_MS - 10);
    CU_ASSERT_EQUAL(seen(1, 500, slice), -1);
    CU_ASSERT_EQUAL(seen(0, 11, slice), first + 1);
    later(20);
    CU_ASSERT_EQUAL(seen(0, 12, slice), -1); /* also when the new one is silent */
    CU_ASSERT_EQUAL(seen(1, 501, slice), first + 2);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_blind), 1);
    stop();
}

static void a_source_may_come_back_before_it_is_gone(void)
{
    int first;

    start();
    watch(a, (struct link_id){0, 0});
    first = seen(0, 10, idr);
    watch(b, a);
    watch(a, b);
    CU_ASSERT_EQUAL(seen(1, 500, idr), -1); /* b was never seen and is not */
    CU_ASSERT_EQUAL(seen(0, 11, slice), first + 1);
    later(WAIT_MS + 10);
    CU_ASSERT_EQUAL(seen(0, 12, slice), first + 2);
    watch(b, a);
    CU_ASSERT_EQUAL(seen(1, 501, idr), first + 3);
    watch(a, b); /* now it was gone: with a key frame again */
    CU_ASSERT_EQUAL(seen(0, 13, slice), -1);
    CU_ASSERT_EQUAL(seen(1, 502, slice), first + 4);
    CU_ASSERT_EQUAL(seen(0, 14, idr), first + 5);
    stop();
}

static void of_two_switches_the_last_counts(void)
{
    int first;

    start();
    watch(a, (struct link_id){0, 0});
    first = seen(0, 10, idr);
    watch(b, a);
    watch(d, b);
    CU_ASSERT_EQUAL(seen(1, 500, idr), -1);
    CU_ASSERT_EQUAL(seen(0, 11, slice), first + 1); /* until d is there */
    CU_ASSERT_EQUAL(seen(3, 900, idr), first + 2);
    CU_ASSERT_EQUAL(seen(0, 12, slice), -1);
    stop();
}

/* Without a wait, and where it may not be held: at once, or with the last picture standing. */
static void a_source_that_is_let_go_leaves_its_last_picture(void)
{
    struct link_msg msg;
    int first;

    start();
    watch(a, (struct link_id){0, 0});
    first = seen(0, 10, idr);
    watch(b, a);
    CU_ASSERT_EQUAL(seen(0, 11, slice), first + 1);
    link_msg_init(&msg, LINK_RECEIVER_REMOVE, a, 1);
    msg.u.receiver = (struct link_receiver){
        .to = c, .ssrc_out = STREAM, .clock_rate = 90000, .pt_in = TYPE, .pt_out = LINK_PT_ANY};
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(seen(0, 12, slice), -1);
    CU_ASSERT_EQUAL(seen(1, 500, slice), -1);
    CU_ASSERT_EQUAL(seen(1, 501, idr), first + 2);
    rig.plane.key_wait_ms = 0;
    watch(d, b);
    CU_ASSERT_EQUAL(seen(1, 502, slice), -1);
    CU_ASSERT_EQUAL(seen(3, 900, slice), first + 3);
    stop();
}

SUITE("dpdk-app/keyframe", TEST(a_source_that_is_let_go_leaves_its_last_picture),
      TEST(first_octets_tell_where_a_key_frame_begins),
      TEST(the_old_source_is_seen_until_the_key_frame), TEST(the_wait_ends_by_itself),
      TEST(a_source_may_come_back_before_it_is_gone), TEST(of_two_switches_the_last_counts))
