#include "tests/suite.h"

#include <string.h>

#include "dpdk-app/media.h"
#include "dpdk-app/report.h"
#include "dpdk-app/route.h"
#include "tests/dpdk-app/rig.h"

#define SOURCE  0x1111u
#define STREAM  0xabcdu /* as the receiver knows it */
#define RATE    8000u
#define REPORTS (LINK_FLAG_REPORTS)

static struct rig rig;
static uint8_t frame[RIG_FRAME], rtp[300], out[RIG_FRAME];
static struct link_id a, b, c; /* two sources and a receiver, plain unless told */

static struct link_id open_one(unsigned worker, unsigned i, unsigned mode, uint16_t flags)
{
    struct link_open open = {.mode = (uint8_t)mode,
                             .flags = flags,
                             .port = (uint16_t)(RIG_PORT + 2 * i),
                             .session = "one",
                             .remote = {.family = 4,
                                        .port = (uint16_t)(4000 + i),
                                        .ip = {192, 0, 2, (uint8_t)(10 + i)}}};
    struct link_id id = rig_open(&rig, worker, &open);

    CU_ASSERT_NOT_EQUAL_FATAL(id.generation, 0);
    rig_resolve(&rig, id);
    return id;
}

/* RTP and RTCP of one transport on one port need a mode that has both: a secure one. */
static struct rig_far far_a, far_b, far_c;

static void start(void)
{
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, 1), 0);
    rig.plane.report_ms = REPORT_DEFAULT_MS;
    rig.plane.media_timeout_ms = 0;
    a = open_one(0, 0, LINK_MODE_DTLS_SRTP, REPORTS);
    b = open_one(0, 1, LINK_MODE_DTLS_SRTP, REPORTS);
    c = open_one(0, 2, LINK_MODE_DTLS_SRTP, REPORTS);
    rig_keys(&rig, a, 0x11, 0x12);
    rig_keys(&rig, b, 0x21, 0x22);
    rig_keys(&rig, c, 0x31, 0x32);
    CU_ASSERT_EQUAL(rig_far_start(&far_a, 0x11, 0x12, SOURCE), 0);
    CU_ASSERT_EQUAL(rig_far_start(&far_b, 0x21, 0x22, SOURCE + 1), 0);
    CU_ASSERT_EQUAL(rig_far_start(&far_c, 0x31, 0x32, 0x3333), 0);
    rig.sent_n = 0;
}

static void stop(void)
{
    rig_far_stop(&far_a);
    rig_far_stop(&far_b);
    rig_far_stop(&far_c);
    rig_stop(&rig);
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

static struct transport *transport(struct link_id id)
{
    return worker_transport(rig.worker[0], id.index, id.generation);
}

static const struct link_transport_stats *stats(struct link_id id)
{
    return link_worker_stats(link_server_worker(rig.server, 0), id.index);
}

static void send_media(struct rig_far *far, unsigned i, uint32_t ssrc, uint16_t sequence)
{
    unsigned n = rig_far_protect(far, rtp, rig_rtp(rtp, ssrc, sequence, 8));

    rig_frame(&rig, 0, frame, rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), rtp, n));
}

/* A compound packet of the far end. */
static void send_rtcp(struct rig_far *far, unsigned i, const struct rtcp_writer *w)
{
    unsigned n = rig_far_protect_rtcp(far, w->data, (unsigned)w->length);

    CU_ASSERT_NOT_EQUAL(n, 0);
    rig_frame(&rig, 0, frame, rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), w->data, n));
}

/* The last RTCP packet to remote `i`, in the clear, by a stream of its own for its SSRC. Its
 * length; 0: none. */
static unsigned last_rtcp(unsigned i, uint8_t rx, uint8_t tx)
{
    struct rig_far far;
    unsigned n = 0, found = RIG_SENT;

    for (unsigned k = 0; k < rig.sent_n; k++)
        if (rig_sent_to(&rig, k) == 4000 + i && rig_payload(&rig, k, out) > 8 && out[1] >= 192 &&
            out[1] <= 223)
            found = k;
    if (found == RIG_SENT)
        return 0;
    n = rig_payload(&rig, found, out);
    CU_ASSERT_EQUAL(rig_far_start(&far, rx, tx, wire_get32(out + 4)), 0);
    n = rig_far_unprotect_rtcp(&far, out, n);
    rig_far_stop(&far);
    CU_ASSERT_TRUE(n == 0 || media_check_rtcp(out, n));
    return n;
}

static bool find(unsigned n, unsigned type, struct rtcp_packet *p)
{
    size_t at = 0;

    while (rtcp_next(out, n, &at, p))
        if (p->type == type)
            return true;
    return false;
}

/* Turns of 20 ms until so much time has passed. */
static void pass_time(unsigned ms)
{
    for (unsigned t = 0; t < ms; t += 20) {
        rig.now += 20;
        rig_turn(&rig);
        if (transport(c) != NULL)
            rig_resolve(&rig, c);
        rig_resolve(&rig, a);
        rig_resolve(&rig, b);
    }
}

static void only_who_gets_media_is_reported_to(void)
{
    struct rtcp_packet p;
    struct rtcp_block block;
    unsigned n;

    start();
    for (uint16_t i = 0; i < 100; i++)
        if (i % 10 != 3)
            send_media(&far_a, 0, SOURCE, (uint16_t)(65500 + i));
    pass_time(3200);
    n = last_rtcp(0, 0x11, 0x12);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE(find(n, RTCP_SDES, &p));
    CU_ASSERT_TRUE_FATAL(find(n, RTCP_RR, &p));
    CU_ASSERT_EQUAL(wire_get32(p.data + 4), transport(a)->reporter->ssrc);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_rtcp_reports), stats(a)->reports_out);
    if (stats(a)->reports_out == 1) { /* a second one has no block: nothing came meanwhile */
        CU_ASSERT_TRUE_FATAL(rtcp_read_block(&p, 0, &block));
        CU_ASSERT_EQUAL(block.lost, 10);
    }
    CU_ASSERT_EQUAL(stats(b)->reports_out, 0); /* nothing came, nothing to say */
    stop();
}

/* All blocks that were sent add up to what was lost. */
static void fractions_and_sums_are_right(void)
{
    struct rtcp_packet p;
    struct rtcp_block block = {0};
    unsigned blocks = 0;

    start();
    for (uint16_t i = 0; i < 600; i++) {
        if (i % 4 != 2)
            send_media(&far_a, 0, SOURCE, (uint16_t)(65500 + i));
        pass_time(20);
        for (unsigned k = 0; k < rig.sent_n; k++) {
            unsigned n = last_rtcp(0, 0x11, 0x12);
            uint32_t expected;

            if (n == 0 || !find(n, RTCP_RR, &p) || !rtcp_read_block(&p, 0, &block))
                continue;
            blocks++;
            expected = block.highest - 65500 + 1;
            CU_ASSERT_EQUAL(block.ssrc, SOURCE);
            CU_ASSERT_EQUAL(block.highest - 65500, i - (i % 4 == 2));
            CU_ASSERT_TRUE(block.lost >= (int32_t)(expected / 4) - 1 &&
                           block.lost <= (int32_t)(expected / 4) + 1);
            CU_ASSERT_TRUE(block.fraction >= 60 && block.fraction <= 68); /* a quarter: 64 */
            break;
        }
        rig.sent_n = 0;
    }
    /* 12 s at 5 s on the average (2.05 to 6.2), the first after half of it. */
    CU_ASSERT_TRUE(blocks >= 2 && blocks <= 6);
    CU_ASSERT_EQUAL(block.jitter, 0); /* the rig's clock and the source's go together */
    stop();
}

static void intervals_are_spread(void)
{
    uint64_t last = 0, least = UINT64_MAX, most = 0, seen = 0;

    start();
    for (unsigned i = 0; i < 20000 && seen < 40; i++) {
        uint64_t before = stats(a)->reports_out;

        send_media(&far_a, 0, SOURCE, (uint16_t)i);
        pass_time(20);
        rig.sent_n = 0;
        if (stats(a)->reports_out == before)
            continue;
        if (last != 0 && ++seen > 0) {
            least = rig.now - last < least ? rig.now - last : least;
            most = rig.now - last > most ? rig.now - last : most;
        }
        last = rig.now;
    }
    CU_ASSERT_EQUAL(seen, 40);
    CU_ASSERT_TRUE(least >= 2052 && least < 3300); /* T/2 by e - 3/2 */
    CU_ASSERT_TRUE(most <= 6180 && most > 5000);
    stop();
}

/* The receiver's stream: sender reports of ours, whose clock is the source's. */
static void senders_reports_show_the_sources_clock(void)
{
    struct rtcp_writer w = {.data = rtp, .room = 200};
    struct rtcp_sender sender = {.ssrc = SOURCE, .ntp = 0x123456789abcull, .rtp = 5000};
    struct rtcp_packet p;
    struct rtcp_block block;
    uint32_t add = 0;
    unsigned n;

    start();
    rig_receiver(&rig, a, c, STREAM);
    for (uint16_t i = 0; i < 3; i++)
        send_media(&far_a, 0, SOURCE, (uint16_t)(100 + i));
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 3);
    rig_payload(&rig, 2, out);
    add = wire_get32(out + 4) - 102 * 160u;
    rtcp_put_sr(&w, &sender, NULL, 0);
    send_rtcp(&far_a, 0, &w);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_rtcp_taken), 1);
    rig.sent_n = 0;
    pass_time(3200);
    n = last_rtcp(2, 0x31, 0x32);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE(find(n, RTCP_SR, &p));
    CU_ASSERT_TRUE_FATAL(rtcp_read_sender(&p, &sender));
    CU_ASSERT_EQUAL(sender.ssrc, STREAM);
    CU_ASSERT_EQUAL(sender.packets, 3);
    CU_ASSERT_EQUAL(sender.octets, 3 * 160);
    /* 5000 when the source said so, and eight ticks a millisecond since. */
    CU_ASSERT_TRUE(sender.rtp - add - 5000 > 0 && sender.rtp - add - 5000 <= 3200 * 8);
    CU_ASSERT_EQUAL((sender.rtp - add - 5000) % 160, 0);
    CU_ASSERT_EQUAL(p.count, 0);
    /* The source hears when its report came: LSR and DLSR. */
    n = last_rtcp(0, 0x11, 0x12);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE(find(n, RTCP_RR, &p));
    CU_ASSERT_TRUE_FATAL(rtcp_read_block(&p, 0, &block));
    CU_ASSERT_EQUAL(block.lsr, 0x12345678u);
    CU_ASSERT_TRUE(block.dlsr > 0 && block.dlsr <= 65536u * 3200 / 1000);
    stop();
}

static void round_trips_come_from_the_peers_reports(void)
{
    struct rtcp_writer w = {.data = rtp, .room = 200};
    struct rtcp_sender sender;
    struct rtcp_block block = {.ssrc = STREAM, .fraction = 12, .lost = 34, .jitter = 56};
    struct rtcp_packet p;
    unsigned n;

    start();
    rig_receiver(&rig, a, c, STREAM);
    send_media(&far_a, 0, SOURCE, 100);
    rig.sent_n = 0;
    for (unsigned i = 0; i < 200 && last_rtcp(2, 0x31, 0x32) == 0; i++)
        pass_time(20);
    n = last_rtcp(2, 0x31, 0x32);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE(find(n, RTCP_SR, &p));
    CU_ASSERT_TRUE_FATAL(rtcp_read_sender(&p, &sender));
    pass_time(500);
    block.lsr = rtcp_ntp_middle(sender.ntp);
    block.dlsr = 65536u * 400 / 1000;
    rtcp_put_rr(&w, 0x3333, &block, 1);
    send_rtcp(&far_c, 2, &w);
    CU_ASSERT_TRUE(stats(c)->rtt_us >= 99900 && stats(c)->rtt_us <= 100100);
    CU_ASSERT_EQUAL(stats(c)->peer_lost, 34);
    CU_ASSERT_EQUAL(stats(c)->peer_fraction, 12);
    CU_ASSERT_EQUAL(stats(c)->peer_jitter, 56);
    CU_ASSERT_EQUAL(stats(c)->reports_in, 1);
    stop();
}

/* Two sources one after the other to c; returns the sequence number that c saw last. */
static uint16_t feed(struct rtcp_writer *w)
{
    struct link_msg msg;
    uint16_t sequence = 0;

    rig_receiver(&rig, a, c, STREAM);
    for (uint16_t i = 0; i < 3; i++)
        send_media(&far_a, 0, SOURCE, (uint16_t)(100 + i));
    link_msg_init(&msg, LINK_SOURCE_SWITCH, b, 1);
    msg.u.change = (struct link_switch){.from = a,
                                        .receiver = {.to = c,
                                                     .ssrc_out = STREAM,
                                                     .clock_rate = RATE,
                                                     .flags = LINK_RECEIVER_VIDEO,
                                                     .pt_in = LINK_PT_ANY,
                                                     .pt_out = LINK_PT_ANY}};
    rig_command(&rig, &msg);
    for (uint16_t i = 0; i < 5; i++)
        send_media(&far_b, 1, SOURCE + 1, (uint16_t)(40000 + i));
    rig_payload(&rig, rig.sent_n - 1, out);
    sequence = wire_get16(out + 2);
    rig.sent_n = 0;
    *w = (struct rtcp_writer){.data = rtp, .room = 250};
    rtcp_put_rr(w, 0x3333, NULL, 0);
    return sequence;
}

static void a_new_source_of_video_is_asked_for_a_key_frame(void)
{
    struct rtcp_writer w;
    struct rtcp_packet p;
    struct rtcp_feedback f;
    unsigned n;

    start();
    feed(&w);
    rig_turn(&rig);
    n = last_rtcp(1, 0x21, 0x22);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE_FATAL(find(n, RTCP_PSFB, &p));
    CU_ASSERT_TRUE(rtcp_read_feedback(&p, &f));
    CU_ASSERT_EQUAL(f.format, RTCP_PLI);
    CU_ASSERT_EQUAL(f.media, SOURCE + 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_keyframes_asked), 1);
    stop();
}

static void feedback_goes_to_the_source_with_its_numbers(void)
{
    uint8_t fci[8];
    struct rtcp_feedback f = {.type = RTCP_RTPFB,
                              .format = RTCP_NACK,
                              .sender = 0x3333,
                              .media = STREAM,
                              .fci = fci,
                              .fci_length = 4};
    struct rtcp_writer w;
    struct rtcp_packet p;
    uint16_t last;
    unsigned n;

    start();
    last = feed(&w);
    /* The last two of b, the first of b, and the last of a, which b cannot send again. */
    wire_put16(fci, (uint16_t)(last - 5));
    wire_put16(fci + 2, 1u << 0 | 1u << 3 | 1u << 4);
    rtcp_put_feedback(&w, &f);
    send_rtcp(&far_c, 2, &w);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_in), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_passed), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_gone), 1);
    n = last_rtcp(1, 0x21, 0x22);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE_FATAL(find(n, RTCP_RTPFB, &p));
    CU_ASSERT_TRUE(rtcp_read_feedback(&p, &f));
    CU_ASSERT_EQUAL(f.media, SOURCE + 1);
    CU_ASSERT_EQUAL(f.sender, transport(b)->reporter->ssrc);
    CU_ASSERT_EQUAL(f.fci_length, 4);
    CU_ASSERT_EQUAL(wire_get16(f.fci), 40000);
    CU_ASSERT_EQUAL(wire_get16(f.fci + 2), 1u << 2 | 1u << 3);
    stop();
}

static void picture_requests_are_merged(void)
{
    struct rtcp_feedback f = {
        .type = RTCP_PSFB, .format = RTCP_PLI, .sender = 0x3333, .media = STREAM};
    uint8_t fci[8] = {0};
    struct rtcp_writer w;
    struct rtcp_packet p;
    unsigned n;

    start();
    feed(&w);
    rtcp_put_feedback(&w, &f);
    rtcp_put_feedback(&w, &f);
    send_rtcp(&far_c, 2, &w);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_passed), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_merged), 1);
    pass_time(400);
    rig.sent_n = 0;
    w = (struct rtcp_writer){.data = rtp, .room = 250};
    rtcp_put_rr(&w, 0x3333, NULL, 0);
    wire_put32(fci, STREAM);
    fci[4] = 200;
    f = (struct rtcp_feedback){
        .type = RTCP_PSFB, .format = RTCP_FIR, .sender = 0x3333, .fci = fci, .fci_length = 8};
    rtcp_put_feedback(&w, &f);
    send_rtcp(&far_c, 2, &w);
    n = last_rtcp(1, 0x21, 0x22);
    CU_ASSERT_TRUE_FATAL(find(n, RTCP_PSFB, &p));
    CU_ASSERT_TRUE(rtcp_read_feedback(&p, &f));
    CU_ASSERT_EQUAL(f.format, RTCP_FIR);
    CU_ASSERT_EQUAL(wire_get32(f.fci), SOURCE + 1);
    CU_ASSERT_EQUAL(f.fci[4], 0); /* numbers of our own */
    stop();
}

static void rates_are_passed_and_riddles_are_not(void)
{
    uint8_t fci[20] = {'R', 'E', 'M', 'B', 3, 0x12, 0x34, 0x56};
    struct rtcp_feedback f = {.type = RTCP_PSFB,
                              .format = RTCP_APP_LAYER,
                              .sender = 0x3333,
                              .fci = fci,
                              .fci_length = 20};
    struct rtcp_writer w;
    struct rtcp_packet p;
    unsigned n;

    start();
    feed(&w);
    wire_put32(fci + 8, STREAM);
    wire_put32(fci + 12, 77); /* nothing of ours */
    wire_put32(fci + 16, 78);
    rtcp_put_feedback(&w, &f);
    send_rtcp(&far_c, 2, &w);
    n = last_rtcp(1, 0x21, 0x22);
    CU_ASSERT_TRUE_FATAL(find(n, RTCP_PSFB, &p));
    CU_ASSERT_TRUE(rtcp_read_feedback(&p, &f));
    CU_ASSERT_EQUAL(f.fci_length, 12);
    CU_ASSERT_EQUAL(f.fci[4], 1);
    CU_ASSERT_EQUAL(memcmp(f.fci + 5, "\x12\x34\x56", 3), 0);
    CU_ASSERT_EQUAL(wire_get32(f.fci + 8), SOURCE + 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_stray), 2);
    /* Slice losses, application packets: nobody here can use them. */
    w = (struct rtcp_writer){.data = rtp, .room = 250};
    rtcp_put_rr(&w, 0x3333, NULL, 0);
    f = (struct rtcp_feedback){.type = RTCP_PSFB, .format = 2, .media = STREAM};
    rtcp_put_feedback(&w, &f);
    rtcp_put_copy(&w, (const uint8_t *)"\x80\xcc\x00\x02\x00\x00\x33\x33name", 12);
    send_rtcp(&far_c, 2, &w);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_unserved), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_rtcp_unserved), 1);
    /* Transport-wide numbers: fine with one receiver, meaningless with two. */
    for (int receivers = 1; receivers <= 2; receivers++) {
        w = (struct rtcp_writer){.data = rtp, .room = 250};
        rtcp_put_rr(&w, 0x3333, NULL, 0);
        f = (struct rtcp_feedback){.type = RTCP_RTPFB,
                                   .format = RTCP_TRANSPORT_CC,
                                   .media = STREAM,
                                   .fci = fci,
                                   .fci_length = 12};
        rtcp_put_feedback(&w, &f);
        send_rtcp(&far_c, 2, &w);
        CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_passed), 2);
        rig_receiver(&rig, b, a, 99);
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_unserved), 2);
    stop();
}

/* Streams that pass unchanged keep the sender's own reports, without what is about others. */
static void unchanged_streams_keep_their_reports(void)
{
    const struct rtcp_block block = {.ssrc = 5};
    const struct rtcp_sender sender = {.ssrc = SOURCE, .ntp = 1ull << 40, .rtp = 5, .packets = 6};
    const uint32_t ssrc = SOURCE;
    struct rtcp_writer w = {.data = rtp, .room = 250};
    struct rtcp_packet p;
    struct rtcp_sender seen;
    unsigned n;

    start();
    rig_receiver(&rig, a, c, 0);
    rig_receiver(&rig, a, b, STREAM);
    send_media(&far_a, 0, SOURCE, 100);
    rig.sent_n = 0;
    rtcp_put_sr(&w, &sender, &block, 1);
    rtcp_put_sdes(&w, &ssrc, 1, "somebody@example");
    rtcp_put_bye(&w, &ssrc, 1);
    send_rtcp(&far_a, 0, &w);
    CU_ASSERT_EQUAL(rig.sent_n, 1); /* to c alone */
    n = last_rtcp(2, 0x31, 0x32);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE(find(n, RTCP_SR, &p));
    CU_ASSERT_EQUAL(p.count, 0);
    CU_ASSERT_TRUE(rtcp_read_sender(&p, &seen));
    CU_ASSERT_TRUE(seen.ssrc == SOURCE && seen.ntp == sender.ntp && seen.rtp == 5 &&
                   seen.packets == 6 && seen.octets == 0);
    CU_ASSERT_TRUE(find(n, RTCP_SDES, &p));
    CU_ASSERT_EQUAL(memcmp(p.data + 10, "somebody@example", 16), 0);
    CU_ASSERT_TRUE(find(n, RTCP_BYE, &p));
    stop();
}

static void leaving_says_bye(void)
{
    struct link_msg msg;
    struct rtcp_packet p;
    unsigned n;

    start();
    rig_receiver(&rig, a, c, STREAM);
    send_media(&far_a, 0, SOURCE, 100);
    pass_time(3200);
    CU_ASSERT_TRUE(stats(c)->reports_out > 0);
    rig.sent_n = 0;
    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, c, 1);
    rig_command(&rig, &msg);
    n = last_rtcp(2, 0x31, 0x32);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE_FATAL(find(n, RTCP_BYE, &p));
    CU_ASSERT_EQUAL(wire_get32(p.data + 4), STREAM);
    stop();
}

/* Plain media: reports leave by the RTCP transport of the pair, and the peer's arrive there. */
static void plain_transports_report_on_the_odd_port(void)
{
    struct link_id plain, control;
    struct rtcp_writer w = {.data = rtp, .room = 250};
    const struct rtcp_block block = {.ssrc = STREAM, .lost = 3};
    struct rtcp_packet p;
    struct link_msg msg;
    unsigned n = 0;

    start();
    plain = open_one(0, 3, LINK_MODE_RTP, REPORTS);
    control = open_one(0, 4, LINK_MODE_RTCP, REPORTS);
    link_msg_init(&msg, LINK_TRANSPORT_PAIR, plain, 1);
    msg.u.pair.rtcp = control;
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 0);
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1); /* once */
    rig_receiver(&rig, a, plain, STREAM);
    send_media(&far_a, 0, SOURCE, 100);
    rig.sent_n = 0;
    pass_time(3200);
    for (unsigned k = 0; k < rig.sent_n; k++)
        if (rig_sent_to(&rig, k) == 4004)
            n = rig_payload(&rig, k, out);
    CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
    CU_ASSERT_TRUE(find(n, RTCP_SR, &p));
    rtcp_put_rr(&w, 0x4444, &block, 1);
    rig_frame(&rig, 0, frame, rig_udp(frame, 4, RIG_PORT + 8, rtp, (unsigned)w.length));
    CU_ASSERT_EQUAL(stats(plain)->peer_lost, 3);
    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, control, 1);
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(transport(plain)->pair, 0);
    pass_time(6400); /* reports have nowhere to go, and nothing breaks */
    stop();
}

static void without_the_flag_rtcp_passes_as_it_is(void)
{
    struct rtcp_writer w = {.data = rtp, .room = 250};
    const struct rtcp_block block = {.ssrc = 5};
    struct link_id from, to;
    uint8_t copy[64];
    size_t length;
    struct rig_far far;

    start();
    from = open_one(0, 3, LINK_MODE_DTLS_SRTP, 0);
    to = open_one(0, 4, LINK_MODE_DTLS_SRTP, 0);
    rig_keys(&rig, from, 0x41, 0x42);
    rig_keys(&rig, to, 0x51, 0x52);
    rig_route(&rig, from, to);
    CU_ASSERT_EQUAL(rig_far_start(&far, 0x41, 0x42, 9), 0);
    rtcp_put_rr(&w, 9, &block, 1);
    length = w.length;
    memcpy(copy, rtp, length);
    send_rtcp(&far, 3, &w);
    CU_ASSERT_EQUAL(last_rtcp(4, 0x51, 0x52), length);
    CU_ASSERT_EQUAL(memcmp(out, copy, length), 0);
    CU_ASSERT_PTR_NULL(transport(from)->reporter);
    pass_time(10000);
    CU_ASSERT_EQUAL(stats(from)->reports_out, 0);
    rig_far_stop(&far);
    stop();
}

static void our_ssrc_gives_way_to_a_peers(void)
{
    struct rtcp_writer w = {.data = rtp, .room = 250};
    struct rig_far far;
    uint32_t ssrc;

    start();
    ssrc = transport(a)->reporter->ssrc;
    CU_ASSERT_EQUAL(rig_far_start(&far, 0x11, 0x12, ssrc), 0);
    rtcp_put_rr(&w, ssrc, NULL, 0);
    send_rtcp(&far, 0, &w);
    CU_ASSERT_NOT_EQUAL(transport(a)->reporter->ssrc, ssrc);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_rtcp_collisions), 1);
    rig_far_stop(&far);
    stop();
}

SUITE("dpdk-app/report", TEST(only_who_gets_media_is_reported_to),
      TEST(fractions_and_sums_are_right), TEST(intervals_are_spread),
      TEST(senders_reports_show_the_sources_clock), TEST(round_trips_come_from_the_peers_reports),
      TEST(a_new_source_of_video_is_asked_for_a_key_frame),
      TEST(feedback_goes_to_the_source_with_its_numbers), TEST(picture_requests_are_merged),
      TEST(rates_are_passed_and_riddles_are_not), TEST(unchanged_streams_keep_their_reports),
      TEST(leaving_says_bye), TEST(plain_transports_report_on_the_odd_port),
      TEST(without_the_flag_rtcp_passes_as_it_is), TEST(our_ssrc_gives_way_to_a_peers))
