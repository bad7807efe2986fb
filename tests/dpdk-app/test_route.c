#include "tests/suite.h"

#include "base/err.h"
#include "dpdk-app/route.h"
#include "tests/dpdk-app/rig.h"

static struct rig rig;
static uint8_t frame[RIG_FRAME], rtp[300], out[RIG_FRAME];

static void start(unsigned workers, unsigned transports)
{
    CU_ASSERT_EQUAL_FATAL(rig_start_sized(&rig, workers, transports), 0);
}

static void stop(void)
{
    rig_stop(&rig);
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

static void send_plain(unsigned i, uint32_t ssrc, uint16_t sequence, uint8_t payload_type)
{
    rig_frame(&rig, 0, frame,
              rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), rtp,
                      rig_rtp(rtp, ssrc, sequence, payload_type)));
}

static void send_secure(struct rig_far *far, unsigned i, uint32_t ssrc, uint16_t sequence)
{
    unsigned n = rig_far_protect(far, rtp, rig_rtp(rtp, ssrc, sequence, 8));

    rig_frame(&rig, 0, frame, rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), rtp, n));
}

/* A secure source to n secure and clear receivers: the same payload everywhere. */
static void everybody_gets_the_payload(void)
{
    enum { N = 9 };
    struct rig_far source, far[N];
    struct link_id from, to[N];

    start(1, 32);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, from, 1, 2);
    CU_ASSERT_EQUAL(rig_far_start(&source, 1, 2, 7), 0);
    for (unsigned i = 0; i < N; i++) {
        to[i] = rig_open_usual(&rig, 0, i + 1, i % 3 == 2 ? LINK_MODE_RTP : LINK_MODE_DTLS_SRTP);
        if (i % 3 != 2)
            rig_keys(&rig, to[i], (uint8_t)(10 + i), (uint8_t)(50 + i));
        CU_ASSERT_EQUAL(rig_far_start(&far[i], (uint8_t)(10 + i), (uint8_t)(50 + i), 7), 0);
        rig_receiver(&rig, from, to[i], 0);
    }
    for (uint16_t sequence = 100; sequence < 104; sequence++) {
        rig.sent_n = 0;
        send_secure(&source, 0, 7, sequence);
        CU_ASSERT_EQUAL_FATAL(rig.sent_n, N);
        rig_rtp(rtp, 7, sequence, 8);
        for (unsigned i = 0; i < N; i++) {
            unsigned n = rig_payload(&rig, i, out); /* rows' order, checksums right */

            CU_ASSERT_EQUAL(rig_sent_to(&rig, i), 4001 + i);
            if (i % 3 != 2)
                n = rig_far_unprotect(&far[i], out, n);
            CU_ASSERT_EQUAL(n, 172);
            CU_ASSERT_EQUAL(memcmp(out, rtp, 172), 0);
        }
    }
    CU_ASSERT_EQUAL(rig.chained, 4 * 3); /* the clear ones refer to the payload */
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_fanout_in), 4);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_fanout_out), 4 * N);
    for (unsigned i = 0; i < N; i++)
        rig_far_stop(&far[i]);
    rig_far_stop(&source);
    stop();
}

static void a_clear_source_reaches_256_secure_receivers(void)
{
    enum { N = 256 };
    static struct link_id to[N];
    struct rig_far far;
    struct link_id from;

    start(1, N + 1);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    for (unsigned i = 0; i < N; i++) {
        struct link_open open = {.mode = LINK_MODE_DTLS_SRTP,
                                 .port = (uint16_t)(RIG_PORT + 1 + i),
                                 .remote = {.family = 4,
                                            .port = (uint16_t)(5000 + i),
                                            .ip = {192, 0, 2, (uint8_t)(2 + i % 200)}}};

        to[i] = rig_open(&rig, 0, &open);
        rig_resolve(&rig, to[i]);
        rig_keys(&rig, to[i], (uint8_t)i, (uint8_t)(i + 1));
        rig_receiver(&rig, from, to[i], 0x10000 + i);
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 0);
    rig.sent_n = 0;
    for (uint16_t sequence = 0; sequence < 3; sequence++)
        send_plain(0, 7, sequence, 8);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 3 * N);
    for (unsigned i = 0; i < N; i += 51) {
        CU_ASSERT_EQUAL(rig_far_start(&far, (uint8_t)i, (uint8_t)(i + 1), 0x10000 + i), 0);
        for (unsigned k = 0; k < 3; k++) {
            static uint16_t first;
            unsigned n = rig_payload(&rig, k * N + i, out);

            CU_ASSERT_EQUAL(rig_sent_to(&rig, k * N + i), 5000 + i);
            CU_ASSERT_EQUAL(rig_far_unprotect(&far, out, n), 172);
            first = k == 0 ? wire_get16(out + 2) : first;
            CU_ASSERT_EQUAL((uint16_t)(wire_get16(out + 2) - first), k);
            CU_ASSERT_EQUAL(memcmp(out + 12, rtp + 12, 160), 0);
        }
        rig_far_stop(&far);
    }
    stop();
}

static void extensions_and_csrcs_go_to_all(void)
{
    uint8_t big[100] = {0x92, 8, 0, 5};
    struct link_id from, to[2];

    start(1, 32);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    for (unsigned i = 0; i < 2; i++) {
        to[i] = rig_open_usual(&rig, 0, i + 1, LINK_MODE_RTP);
        rig_receiver(&rig, from, to[i], i * 77);
    }
    wire_put32(big + 8, 7);
    for (unsigned i = 12; i < 24; i++)
        big[i] = (uint8_t)i;
    wire_put16(big + 22, 3); /* words of extension */
    for (unsigned i = 24; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 3);
    rig.sent_n = 0;
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, big, 36)); /* no payload at all */
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, big, 99));
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 4);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(rig_payload(&rig, i, out), i < 2 ? 36 : 99);
        CU_ASSERT_EQUAL(memcmp(out + 12, big + 12, (i < 2 ? 36 : 99) - 12), 0);
        CU_ASSERT_EQUAL(wire_get32(out + 8), i % 2 == 0 ? 7 : 77);
    }
    stop();
}

static void rows_choose_by_type_and_ssrc(void)
{
    struct link_id from, to[3];
    struct link_msg msg;

    start(1, 32);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    for (unsigned i = 0; i < 3; i++)
        to[i] = rig_open_usual(&rig, 0, i + 1, LINK_MODE_RTP);
    link_msg_init(&msg, LINK_RECEIVER_ADD, from, 1);
    msg.u.receiver = (struct link_receiver){.to = to[0], .pt_in = 8, .pt_out = 0};
    rig_command(&rig, &msg);
    msg.u.receiver = (struct link_receiver){.to = to[1], .pt_in = 8, .pt_out = LINK_PT_ANY};
    rig_command(&rig, &msg);
    msg.u.receiver = (struct link_receiver){
        .to = to[2], .ssrc_in = 99, .pt_in = LINK_PT_ANY, .pt_out = LINK_PT_ANY};
    rig_command(&rig, &msg);
    rig.sent_n = 0;
    send_plain(0, 7, 1, 8);
    CU_ASSERT_EQUAL(rig.sent_n, 2);
    CU_ASSERT_EQUAL(rig_payload(&rig, 0, out), 172);
    CU_ASSERT_EQUAL(out[1], 0);
    CU_ASSERT_EQUAL(rig_payload(&rig, 1, out), 172);
    CU_ASSERT_EQUAL(out[1], 8);
    send_plain(0, 99, 1, 0);
    CU_ASSERT_EQUAL(rig.sent_n, 3);
    CU_ASSERT_EQUAL(rig_sent_to(&rig, 2), 4003);
    send_plain(0, 7, 2, 0);
    CU_ASSERT_EQUAL(rig.sent_n, 3);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_no_route), 1);
    stop();
}

static void receivers_come_and_go(void)
{
    struct link_id from, to[3];
    struct link_msg msg;

    start(1, 32);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    for (unsigned i = 0; i < 3; i++)
        to[i] = rig_open_usual(&rig, 0, i + 1, LINK_MODE_RTP);
    rig_route(&rig, from, to[2]);
    rig_receiver(&rig, from, to[0], 0);
    rig_receiver(&rig, from, to[0], 0); /* the same row */
    rig_receiver(&rig, from, to[1], 0);
    rig.sent_n = 0;
    send_plain(0, 7, 1, 8);
    CU_ASSERT_EQUAL(rig.sent_n, 2);
    rig_unreceive(&rig, from, to[0], 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 0);
    rig_unreceive(&rig, from, to[0], 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1);
    rig.sent_n = 0;
    send_plain(0, 7, 2, 8);
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig_sent_to(&rig, 0), 4002);
    rig_unreceive(&rig, from, to[1], 0);
    rig.sent_n = 0;
    send_plain(0, 7, 3, 8); /* the list is empty: the table is back */
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig_sent_to(&rig, 0), 4003);
    rig_receiver(&rig, from, to[0], 0);
    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, to[0], 1);
    rig_command(&rig, &msg);
    send_plain(0, 7, 4, 8);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_no_destination), 1);
    for (unsigned bad = 0; bad < 5; bad++) {
        link_msg_init(&msg, bad == 4 ? LINK_SOURCE_SWITCH : LINK_RECEIVER_ADD, from, 1);
        msg.u.receiver = (struct link_receiver){.to = to[1]};
        if (bad == 0)
            msg.u.receiver.to.generation = 0;
        else if (bad == 1)
            msg.u.receiver.pt_in = 200;
        else if (bad == 2)
            msg.u.receiver.flags = 128;
        else if (bad == 3)
            msg.u.receiver.clock_rate = 2000000;
        rig_command(&rig, &msg);
        CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 2 + bad);
    }
    stop();
}

static void the_list_is_bounded(void)
{
    struct link_id from, to;

    start(1, 32);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    to = rig_open_usual(&rig, 0, 1, LINK_MODE_RTP);
    for (uint32_t i = 0; i < LINK_RECEIVERS_MAX; i++)
        rig_receiver(&rig, from, to, 1 + i);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 0);
    rig_receiver(&rig, from, to, 5000);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1);
    rig.sent_n = 0;
    send_plain(0, 7, 1, 8); /* one receiver has no place for so many SSRCs */
    CU_ASSERT_EQUAL(rig.sent_n, TRANSPORT_STREAMS);
    stop();
}

static void a_full_house_of_failures_leaves_nothing_behind(void)
{
    struct link_id from, to[31];

    start(1, 128);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    for (unsigned i = 0; i < 31; i++) {
        to[i] = rig_open_usual(&rig, 0, i + 1, LINK_MODE_RTP);
        for (uint32_t k = 0; k < 16; k++)
            rig_receiver(&rig, from, to[i], k + 1);
    }
    rig.sent_n = 0;
    rig.no_chains = true;
    send_plain(0, 7, 1, 8);
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_no_buffer), 31 * 16);
    rig.no_chains = false;
    send_plain(0, 7, 2, 8);
    CU_ASSERT_EQUAL(rig.sent_n, 31 * 16);
    stop();
}

/* Two sources, one receiver that sees one stream. */
static void a_switch_of_source_is_one_stream_to_the_receiver(void)
{
    struct rig_far far;
    struct link_id a, b, to;
    struct link_msg msg;
    uint16_t sequence;
    uint32_t timestamp;

    start(1, 32);
    a = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    b = rig_open_usual(&rig, 0, 1, LINK_MODE_RTP);
    to = rig_open_usual(&rig, 0, 2, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, to, 1, 2);
    CU_ASSERT_EQUAL(rig_far_start(&far, 1, 2, 0xabcd), 0);
    rig_receiver(&rig, a, to, 0xabcd);
    rig.sent_n = 0;
    send_plain(0, 7, 65535, 8);
    CU_ASSERT_EQUAL(rig_far_unprotect(&far, out, rig_payload(&rig, 0, out)), 172);
    CU_ASSERT_EQUAL(wire_get32(out + 8), 0xabcd);
    sequence = wire_get16(out + 2);
    timestamp = wire_get32(out + 4);
    link_msg_init(&msg, LINK_SOURCE_SWITCH, b, 1);
    msg.u.change = (struct link_switch){.from = a,
                                        .receiver = {.to = to,
                                                     .ssrc_out = 0xabcd,
                                                     .clock_rate = 8000,
                                                     .pt_in = LINK_PT_ANY,
                                                     .pt_out = LINK_PT_ANY}};
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 0);
    rig.now += 40;
    rig_turn(&rig);
    send_plain(0, 7, 0, 8); /* nobody listens any more */
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_no_route), 1);
    send_plain(1, 9, 777, 8);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 2);
    CU_ASSERT_EQUAL(rig_far_unprotect(&far, out, rig_payload(&rig, 1, out)), 172);
    CU_ASSERT_EQUAL(wire_get32(out + 8), 0xabcd);
    CU_ASSERT_EQUAL(wire_get16(out + 2), (uint16_t)(sequence + 1));
    CU_ASSERT_EQUAL(wire_get32(out + 4), timestamp + 320);
    CU_ASSERT_EQUAL(out[1], 0x88);
    send_plain(1, 9, 776, 8);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_late), 1);
    CU_ASSERT_EQUAL(link_worker_stats(link_server_worker(rig.server, 0), 2)->drop_source, 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_switches), 2);
    rig_far_stop(&far);
    stop();
}

/* Speech and comfort noise: two payload types, two rows, one stream. */
static void rows_of_one_stream_do_not_take_over_from_each_other(void)
{
    static const uint8_t type[] = {8, 13, 8, 8, 13, 8};
    struct link_id from, to;
    struct link_msg msg;
    uint16_t first = 0;

    start(1, 32);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    to = rig_open_usual(&rig, 0, 1, LINK_MODE_RTP);
    link_msg_init(&msg, LINK_RECEIVER_ADD, from, 1);
    for (unsigned i = 0; i < 2; i++) {
        msg.u.receiver = (struct link_receiver){
            .to = to, .ssrc_out = 5, .pt_in = type[i], .pt_out = LINK_PT_ANY};
        rig_command(&rig, &msg);
    }
    rig.sent_n = 0;
    for (unsigned i = 0; i < 6; i++) {
        send_plain(0, 7, (uint16_t)(i + 1), type[i]);
        CU_ASSERT_EQUAL_FATAL(rig.sent_n, i + 1);
        rig_payload(&rig, i, out);
        first = i == 0 ? wire_get16(out + 2) : first;
        CU_ASSERT_EQUAL((uint16_t)(wire_get16(out + 2) - first), i);
        CU_ASSERT_EQUAL(out[1] & 0x7f, type[i]);
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_source_switches), 1);
    stop();
}

/* Receivers on another worker: the copy carries a reference to the payload there. */
static void copies_cross_workers(void)
{
    struct rig_far far[2];
    struct link_id from, to[4];

    start(2, 32);
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    for (unsigned i = 0; i < 4; i++) {
        to[i] = rig_open_usual(&rig, i / 2, i + 1, i % 2 ? LINK_MODE_RTP : LINK_MODE_DTLS_SRTP);
        if (i % 2 == 0) {
            rig_keys(&rig, to[i], 1, 2);
            CU_ASSERT_EQUAL(rig_far_start(&far[i / 2], 1, 2, 100 + i), 0);
        }
        rig_receiver(&rig, from, to[i], 100 + i);
    }
    rig.sent_n = 0;
    send_plain(0, 7, 1, 8);
    CU_ASSERT_EQUAL(rig.sent_n, 2);
    CU_ASSERT_TRUE(rig.buffers > 0); /* the original waits for the other worker */
    rig_turn(&rig);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 4);
    for (unsigned i = 0; i < 4; i++) {
        unsigned n = rig_payload(&rig, i, out);

        if (i % 2 == 0)
            n = rig_far_unprotect(&far[i / 2], out, n);
        CU_ASSERT_EQUAL(n, 172);
        CU_ASSERT_EQUAL(wire_get32(out + 8), 100 + i);
        CU_ASSERT_EQUAL(memcmp(out + 12, rtp + 12, 160), 0);
    }
    CU_ASSERT_EQUAL(rig.buffers, 0);
    rig_far_stop(&far[0]);
    rig_far_stop(&far[1]);
    stop();
}

/* What the tag would carry over the path's MTU is dropped before an index is spent on it. */
static void the_mtu_counts_what_protection_adds(void)
{
    struct rig_far far;
    struct link_id from, to;
    unsigned n = 0;

    start(1, 32);
    rig.plane.locals.device[0].mtu = 200; /* room for 172 bytes and no tag */
    from = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    to = rig_open_usual(&rig, 0, 1, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, to, 1, 2);
    rig_route(&rig, from, to);
    CU_ASSERT_EQUAL(rig_far_start(&far, 1, 2, 7), 0);
    rig.sent_n = 0;
    for (uint16_t sequence = 1; sequence < 4; sequence++) {
        n = rig_rtp(rtp, 7, sequence, 8) - (sequence == 3 ? 10 : 9);
        rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, n));
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mtu_exceeded), 2);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig.sent_length[0], 214);
    CU_ASSERT_EQUAL(rig_far_unprotect(&far, out, rig_payload(&rig, 0, out)), 162);
    rig_far_stop(&far);
    stop();
}

SUITE("dpdk-app/route", TEST(everybody_gets_the_payload),
      TEST(a_clear_source_reaches_256_secure_receivers), TEST(extensions_and_csrcs_go_to_all),
      TEST(rows_choose_by_type_and_ssrc), TEST(receivers_come_and_go), TEST(the_list_is_bounded),
      TEST(a_full_house_of_failures_leaves_nothing_behind),
      TEST(a_switch_of_source_is_one_stream_to_the_receiver), TEST(copies_cross_workers),
      TEST(rows_of_one_stream_do_not_take_over_from_each_other),
      TEST(the_mtu_counts_what_protection_adds))
