#include "tests/suite.h"

#include "base/err.h"
#include "dpdk-app/parse.h"
#include "dpdk-app/wire.h"
#include "tests/dpdk-app/rig.h"

static struct rig rig;
static uint8_t frame[RIG_FRAME], rtp[300];

static void start(unsigned workers)
{
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, workers), 0);
}

/* Every test ends with nothing left. */
static void stop(void)
{
    rig_stop(&rig);
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

/* Payload of the last frame sent, as the far end would take it; its length. */
static unsigned last_payload(uint8_t *out)
{
    struct locals far = {.count = 1, .devices = 1};
    struct packet p;

    if (rig.sent_n == 0)
        return 0;
    p = (struct packet){.data = rig.sent[rig.sent_n - 1],
                        .length = (uint16_t)rig.sent_length[rig.sent_n - 1]};
    memcpy(far.device[0].mac, p.data, 6);
    far.local[0].family = 4;
    memcpy(far.local[0].ip, p.data + 30, 4);
    if (parse_frame(&far, &p) != PARSE_UDP)
        return 0;
    memcpy(out, p.data, p.length);
    return p.length;
}

/* Two secure transports routed to each other; far ends in `far`. */
static void start_relay(struct link_id id[2], struct rig_far far[2], unsigned worker_b)
{
    id[0] = rig_open_usual(&rig, 0, 0, LINK_MODE_DTLS_SRTP);
    id[1] = rig_open_usual(&rig, worker_b, 1, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, id[0], 0x11, 0x12);
    rig_keys(&rig, id[1], 0x21, 0x22);
    rig_route(&rig, id[0], id[1]);
    rig_route(&rig, id[1], id[0]);
    CU_ASSERT_EQUAL(rig_far_start(&far[0], 0x11, 0x12, 7), 0);
    CU_ASSERT_EQUAL(rig_far_start(&far[1], 0x21, 0x22, 7), 0);
    rig.sent_n = 0;
}

static void send_secure(struct rig_far *far, unsigned i, uint32_t ssrc, uint16_t sequence)
{
    unsigned n = rig_far_protect(far, rtp, rig_rtp(rtp, ssrc, sequence, 8));

    rig_frame(&rig, 0, frame, rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), rtp, n));
}

static void open_is_checked_and_ports_are_exclusive(void)
{
    struct link_open open = {.mode = LINK_MODE_RTP, .port = RIG_PORT};

    start(1);
    CU_ASSERT_NOT_EQUAL(rig_open(&rig, 0, &open).generation, 0);
    rig_attach(&rig);
    CU_ASSERT_EQUAL_FATAL(rig.replies, 0);
    for (int bad = 0; bad < 7; bad++) {
        struct link_open o = open;
        static const int expected[] = {ERR_EXISTS, ERR_RANGE, ERR_RANGE, ERR_INVAL,
                                       ERR_INVAL,  ERR_INVAL, ERR_INVAL};

        o.port = bad == 0 ? RIG_PORT : RIG_PORT + 10;
        if (bad == 1)
            o.port = RIG_PORT + 1000;
        if (bad == 2)
            o.local = 2;
        if (bad == 3)
            o.mode = 9;
        if (bad == 4)
            o.flags = LINK_FLAG_LATCH; /* of plain RTP */
        if (bad == 5)
            o.dscp = 64;
        if (bad == 6)
            o.remote = (struct link_addr){.family = 6, .port = 1}; /* of an IPv4 address */
        CU_ASSERT_EQUAL(link_port_open(link_client_port(rig.client, 0), 0, &o, 5), 0);
        rig_turn(&rig);
        CU_ASSERT_EQUAL(rig.reply.error, expected[bad]);
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_transports), 1);
    stop();
}

static void pool_is_bounded_and_given_back(void)
{
    struct link_open open = {.mode = LINK_MODE_RTP};
    struct link_id id[33];
    struct link_msg msg;

    start(1);
    for (int round = 0; round < 3; round++) {
        for (uint16_t i = 0; i < 33; i++) {
            open.port = (uint16_t)(RIG_PORT + i);
            id[i] = rig_open(&rig, 0, &open);
            CU_ASSERT_EQUAL(id[i].generation != 0, i < 32);
        }
        for (unsigned i = 0; i < 32; i++) {
            link_msg_init(&msg, LINK_TRANSPORT_CLOSE, id[i], 1);
            rig_command(&rig, &msg);
        }
        CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_transports), 0);
    }
    stop();
}

static void stale_ids_touch_nobody(void)
{
    struct link_id id, newer;
    struct link_msg msg;

    start(1);
    id = rig_open_usual(&rig, 0, 0, LINK_MODE_DTLS_SRTP);
    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, id, 1);
    rig_command(&rig, &msg);
    newer = rig_open_usual(&rig, 0, 0, LINK_MODE_DTLS_SRTP);
    CU_ASSERT_EQUAL(newer.index, id.index);
    CU_ASSERT_NOT_EQUAL(newer.generation, id.generation);
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_transports), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1);
    stop();
}

static void secure_media_are_relayed_with_other_keys(void)
{
    struct rig_far far[2];
    struct link_id id[2];
    uint8_t out[300], plain[300];
    unsigned n;

    start(1);
    start_relay(id, far, 0);
    send_secure(&far[0], 0, 7, 100);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 1);
    n = last_payload(out);
    CU_ASSERT_EQUAL(n, 182);
    CU_ASSERT_NOT_EQUAL(memcmp(out + 12, rtp + 12, 160), 0);
    CU_ASSERT_EQUAL(rig_far_unprotect(&far[1], out, n), 172);
    rig_rtp(plain, 7, 100, 8);
    CU_ASSERT_EQUAL(memcmp(out, plain, 172), 0);
    rig_far_stop(&far[0]);
    rig_far_stop(&far[1]);
    stop();
}

static void media_cross_workers_by_hand_over(void)
{
    struct rig_far far[2];
    struct link_id id[2];
    uint8_t out[300];
    unsigned n;

    start(2);
    start_relay(id, far, 1);
    send_secure(&far[0], 0, 7, 100); /* worker 0 owns it, the destination is worker 1's */
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    rig_turn(&rig);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 1);
    n = last_payload(out);
    CU_ASSERT_EQUAL(rig_far_unprotect(&far[1], out, n), 172);
    send_secure(&far[1], 1, 7, 500); /* arrives at worker 0, belongs to 1, leaves at 0 */
    rig_turn(&rig);
    rig_turn(&rig);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 2);
    n = last_payload(out);
    CU_ASSERT_EQUAL(rig_far_unprotect(&far[0], out, n), 172);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_handed_over), 2);
    CU_ASSERT_EQUAL(rig_count(&rig, 1, LINK_COUNTER_handed_over), 1);
    rig_far_stop(&far[0]);
    rig_far_stop(&far[1]);
    stop();
}

static void the_same_key_is_not_installed_twice(void)
{
    struct link_id id;

    start(1);
    id = rig_open_usual(&rig, 0, 0, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, id, 1, 2);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 0);
    rig_keys(&rig, id, 1, 2); /* indices would start again: two-time pad */
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1);
    rig_keys(&rig, id, 1, 3);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1);
    stop();
}

static void two_sources_with_one_ssrc_never_reuse_an_index(void)
{
    struct rig_far far[2], third;
    struct link_id id[2], other;
    uint8_t copy[300];

    start(1);
    start_relay(id, far, 0);
    other = rig_open_usual(&rig, 0, 2, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, other, 0x31, 0x32);
    rig_route(&rig, other, id[1]);
    CU_ASSERT_EQUAL(rig_far_start(&third, 0x31, 0x32, 7), 0);
    rig.sent_n = 0;
    send_secure(&far[0], 0, 7, 100);
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    send_secure(&third, 2, 7, 100); /* other payload, same SSRC and sequence number */
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_index_reused), 1);
    memcpy(copy, rtp, sizeof(copy));
    rig_far_stop(&far[0]);
    rig_far_stop(&far[1]);
    rig_far_stop(&third);
    stop();
}

static void forged_ssrcs_leave_no_streams(void)
{
    struct rig_far far[2];
    struct link_id id[2];
    uint64_t before;

    start(1);
    start_relay(id, far, 0);
    send_secure(&far[0], 0, 7, 1);
    before = rig_count(&rig, 0, LINK_COUNTER_streams);
    for (uint32_t i = 0; i < 200; i++) {
        unsigned n = rig_rtp(rtp, 1000 + i, 1, 8);

        rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, n + 10));
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_auth_failed), 200);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_streams), before);
    send_secure(&far[0], 0, 7, 2);
    CU_ASSERT_EQUAL(rig.sent_n, 2);
    rig_far_stop(&far[0]);
    rig_far_stop(&far[1]);
    stop();
}

/* Plain RTP: whoever holds the remote address may send any SSRC. */
static void ssrcs_are_bounded_and_idle_ones_give_way(void)
{
    struct link_id plain, secure;

    start(1);
    plain = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    secure = rig_open_usual(&rig, 0, 1, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, secure, 1, 2);
    rig_route(&rig, plain, secure);
    rig.sent_n = 0;
    for (uint32_t i = 0; i < TRANSPORT_STREAMS + 4; i++)
        rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, rig_rtp(rtp, i, 9, 0)));
    CU_ASSERT_EQUAL(rig.sent_n, TRANSPORT_STREAMS);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_streams_full), 4);
    rig.now += STREAM_IDLE_MS;
    rig_turn(&rig);
    rig_resolve(&rig, secure);
    rig.sent_n = 0;
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, rig_rtp(rtp, 99, 9, 0)));
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_streams_evicted), 2);
    /* SSRC 0 gave way as a sent stream; it may not come back under the same key. */
    rig.now += STREAM_IDLE_MS;
    rig_turn(&rig);
    rig.sent_n = 0;
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, rig_rtp(rtp, 0, 10, 0)));
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_streams_full), 5);
    stop();
}

static void remote_is_learnt_once_from_a_packet_that_authenticates(void)
{
    struct link_open open = {
        .mode = LINK_MODE_DTLS_SRTP, .port = RIG_PORT, .flags = LINK_FLAG_LATCH};
    struct rig_far far;
    struct link_id id;
    struct transport *t;

    PROVES_FOR("H-LATCH", "part=once");
    start(1);
    id = rig_open(&rig, 0, &open);
    t = worker_transport(rig.worker[0], id.index, id.generation);
    rig_frame(&rig, 0, frame, rig_udp(frame, 5, RIG_PORT, rtp, rig_rtp(rtp, 7, 1, 8)));
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_remote_mismatch), 1); /* no keys yet */
    rig_keys(&rig, id, 0x11, 0x12);
    CU_ASSERT_EQUAL(rig_far_start(&far, 0x11, 0x12, 7), 0);
    rig_frame(&rig, 0, frame, rig_udp(frame, 5, RIG_PORT, rtp, 182)); /* forged */
    CU_ASSERT_EQUAL(t->remote_family, 0);
    rig_frame(&rig, 0, frame,
              rig_udp(frame, 3, RIG_PORT, rtp, rig_far_protect(&far, rtp, rig_rtp(rtp, 7, 2, 8))));
    CU_ASSERT_EQUAL(t->remote_port, 4003);
    rig_frame(&rig, 0, frame,
              rig_udp(frame, 4, RIG_PORT, rtp, rig_far_protect(&far, rtp, rig_rtp(rtp, 7, 3, 8))));
    CU_ASSERT_EQUAL(t->remote_port, 4003);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_remote_mismatch), 2);
    rig_far_stop(&far);
    stop();
}

static void strangers_dtls_is_rate_limited(void)
{
    uint8_t record[60] = {22};

    start(1);
    rig_attach(&rig);
    rig_open_usual(&rig, 0, 0, LINK_MODE_DTLS_SRTP);
    rig.events = 0;
    for (int i = 0; i < 50; i++) {
        rig_frame(&rig, 0, frame, rig_udp(frame, 9, RIG_PORT, record, sizeof(record)));
        rig_turn(&rig);
    }
    CU_ASSERT_EQUAL(rig.events, 20);
    CU_ASSERT_EQUAL(rig.event.type, LINK_DTLS_RX);
    CU_ASSERT_EQUAL(rig.event.u.dtls.peer.port, 4009);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_dtls_rate), 30);
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, record, sizeof(record)));
    rig_turn(&rig);
    CU_ASSERT_EQUAL(rig.events, 21); /* the remote has its own allowance */
    stop();
}

static void dtls_waits_for_the_neighbour(void)
{
    struct link_open open = {.mode = LINK_MODE_DTLS_SRTP,
                             .port = RIG_PORT,
                             .remote = {.family = 4, .port = 5, .ip = {192, 0, 2, 77}}};
    struct link_msg msg;
    struct link_id id;
    uint8_t out[300];

    start(1);
    id = rig_open(&rig, 0, &open);
    CU_ASSERT_EQUAL(rig.sent_n, 1); /* the ARP request */
    link_msg_init(&msg, LINK_DTLS_TX, id, 0);
    msg.u.dtls.length = 99;
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    rig_resolve(&rig, id);
    rig_turn(&rig);
    CU_ASSERT_EQUAL(rig.sent_n, 2);
    CU_ASSERT_EQUAL(last_payload(out), 99);
    msg.u.dtls.peer = (struct link_addr){.family = 4, .port = 9, .ip = {192, 0, 2, 88}};
    rig_command(&rig, &msg);
    rig.now += WORKER_HELD_MS; /* that one never answers */
    rig_turn(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_no_neighbour), 1);
    stop();
}

static void silence_is_reported_once(void)
{
    start(1);
    rig_attach(&rig);
    rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, rig_rtp(rtp, 1, 1, 0)));
    rig_turn(&rig);
    rig.events = 0;
    for (int i = 0; i < 100; i++) {
        rig.now += 100;
        rig_turn(&rig);
    }
    CU_ASSERT_EQUAL(rig.events, 1);
    CU_ASSERT_EQUAL(rig.event.type, LINK_MEDIA_TIMEOUT);
    stop();
}

static void orphans_are_closed_when_nobody_claims_them(void)
{
    struct link_open open = {.mode = LINK_MODE_RTP, .port = RIG_PORT};
    struct link_msg msg;

    start(1);
    rig_attach(&rig);
    link_port_open(link_client_port(rig.client, 0), 0, &open, 1);
    open.port++;
    link_port_open(link_client_port(rig.client, 0), 0, &open, 2);
    rig_turn(&rig);
    rig_detach(&rig);
    rig.now += 9000;
    rig_turn(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_transports), 2);
    rig_attach(&rig);
    link_msg_init(&msg, LINK_TRANSPORT_CLAIM,
                  (struct link_id){rig.reply.transport, rig.reply.generation}, 3);
    CU_ASSERT_EQUAL(link_port_send(link_client_port(rig.client, 0), &msg), 0);
    rig_turn(&rig);
    for (int i = 0; i < 3; i++) {
        rig.now += 6000;
        rig_turn(&rig);
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_transports), 1);
    CU_ASSERT_EQUAL(rig.event.type, LINK_TRANSPORT_GONE);
    stop();
}

/* UDP checksum of the last IPv4 frame. */
static bool last_sum_holds(void)
{
    const uint8_t *ip = rig.sent[rig.sent_n - 1] + ETH_SIZE, *udp = ip + IP4_SIZE;
    uint32_t n = wire_get16(udp + 4);

    return wire_fold(wire_sum(udp, n, wire_pseudo(ip + 12, 8, PROTO_UDP, n))) == 0;
}

static void payload_types_are_mapped_or_dropped(void)
{
    struct link_id a, b;
    struct link_msg msg;
    uint8_t out[300];

    start(1);
    a = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    b = rig_open_usual(&rig, 0, 1, LINK_MODE_RTP);
    link_msg_init(&msg, LINK_ROUTE_SET, a, 1);
    msg.u.routes.count = 2;
    msg.u.routes.row[0] = (struct link_route){b, 8, 0, {0, 0}};
    msg.u.routes.row[1] = (struct link_route){b, 9, LINK_PT_ANY, {0, 0}};
    rig_command(&rig, &msg);
    rig.sent_n = 0;
    rig_rtp(rtp, 1, 1, 8 | 0x80);
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, 172));
    last_payload(out);
    CU_ASSERT_EQUAL(out[1], 0x80); /* marker kept */
    CU_ASSERT_TRUE(last_sum_holds());
    rig_rtp(rtp, 1, 2, 9);
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, 172));
    last_payload(out);
    CU_ASSERT_EQUAL(out[1], 9);
    CU_ASSERT_TRUE(last_sum_holds());
    rig_rtp(rtp, 1, 3, 18);
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, 172));
    CU_ASSERT_EQUAL(rig.sent_n, 2);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_no_route), 1);
    msg.u.routes.row[0].pt_in = 200;
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1);
    stop();
}

static void modes_are_kept_apart(void)
{
    uint8_t rtcp[28] = {0x80, 200, 0, 6}, dtls[20] = {22};
    struct link_id a, b;

    start(1);
    a = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    b = rig_open_usual(&rig, 0, 1, LINK_MODE_RTCP);
    rig_route(&rig, a, b);
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtcp, sizeof(rtcp)));
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, dtls, sizeof(dtls)));
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_wrong_mode), 2);
    rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, rig_rtp(rtp, 1, 1, 0)));
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_route_mode), 1);
    rig_keys(&rig, a, 1, 2); /* plain transports take no keys */
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_link_refused), 1);
    stop();
}

static void bad_media_are_counted_by_reason(void)
{
    static const struct {
        unsigned plain, secure; /* the transport that it comes to: counter, 0 = not sent there */
        uint16_t length;
        uint8_t data[20];
    } bad[] = {
        {LINK_COUNTER_first_byte, LINK_COUNTER_first_byte, 0, {0}},
        {LINK_COUNTER_stun_in, LINK_COUNTER_stun_in, 20, {0, 1}},
        {LINK_COUNTER_rtp_version, LINK_COUNTER_first_byte, 40, {0x10}}, /* version 0 */
        {LINK_COUNTER_rtp_version, LINK_COUNTER_rtp_version, 40, {0x40, 8}},
        {LINK_COUNTER_rtp_version, LINK_COUNTER_rtp_version, 40, {0xc0, 8}},
        {LINK_COUNTER_first_byte, LINK_COUNTER_first_byte, 1, {0x80}},
        {LINK_COUNTER_rtp_malformed, LINK_COUNTER_rtp_malformed, 11, {0x80, 8}},
        {LINK_COUNTER_rtp_csrc, LINK_COUNTER_rtp_csrc, 71, {0x8f, 8}},
        {LINK_COUNTER_rtp_extension, LINK_COUNTER_rtp_extension, 15, {0x90, 8}},
        {LINK_COUNTER_rtp_extension,
         LINK_COUNTER_rtp_extension,
         40,
         {0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}},
        {LINK_COUNTER_rtp_padding, LINK_COUNTER_auth_failed, 40, {0xa0, 8}}, /* 0 of it */
        {LINK_COUNTER_rtp_padding,
         LINK_COUNTER_rtp_malformed, /* shorter than a tag */
         17,
         {0xa0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6}},
        {LINK_COUNTER_wrong_mode, LINK_COUNTER_rtcp_malformed, 7, {0x80, 200}},
        {LINK_COUNTER_wrong_mode, LINK_COUNTER_dtls_up_full, 30, {22}}, /* nobody is attached */
    };
    struct link_id secure;
    uint8_t data[80];

    start(1);
    rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    secure = rig_open_usual(&rig, 0, 1, LINK_MODE_DTLS_SRTP);
    rig_keys(&rig, secure, 1, 2);
    rig.sent_n = 0;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (unsigned to = 0; to < 2; to++) {
            unsigned counter = to == 0 ? bad[i].plain : bad[i].secure;
            uint64_t before = rig_count(&rig, 0, counter);

            memset(data, 0, sizeof(data));
            memcpy(data, bad[i].data, sizeof(bad[i].data));
            rig_frame(&rig, 0, frame,
                      rig_udp(frame, to, (uint16_t)(RIG_PORT + 2 * to), data, bad[i].length));
            CU_ASSERT_EQUAL(rig_count(&rig, 0, counter), before + 1);
        }
    }
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    stop();
}

/* Compound packets whose parts do not add up, under right authentication too. */
static void broken_compounds_are_counted(void)
{
    static const uint8_t broken[][20] = {
        {0x80, 200, 0, 200, 0, 0, 0, 7},                         /* longer than it is */
        {0x80, 201, 0, 1, 0, 0, 0, 7, 0x41, 202},                /* version 1 behind */
        {0x80, 201, 0, 1, 0, 0, 0, 7, 0x80, 100},                /* no RTCP type behind */
        {0xa0, 201, 0, 1, 0, 0, 0, 7, 0x80, 202},                /* padding in the middle */
        {0xa0, 201, 0, 4, 0, 0, 0, 7, [19] = 40},                /* more padding than packet */
        {0x80, 201, 0, 1, 0, 0, 0, 7, 0x80, 202, 0xff, 0xff, 0}, /* a length that would wrap */
    };
    struct rig_far far[2];
    struct link_id id[2], plain;
    uint8_t data[64];

    start(1);
    start_relay(id, far, 0);
    plain = rig_open_usual(&rig, 0, 2, LINK_MODE_RTCP);
    rig_route(&rig, plain, id[1]);
    rig.sent_n = 0;
    for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        unsigned n;

        memcpy(data, broken[i], 20);
        rig_frame(&rig, 0, frame, rig_udp(frame, 2, RIG_PORT + 4, data, 20));
        CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_rtcp_malformed), 2 * i + 1);
        memcpy(data, broken[i], 20);
        n = rig_far_protect_rtcp(&far[0], data, 20);
        CU_ASSERT_EQUAL(n, 34);
        rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, data, n));
        CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_rtcp_malformed), 2 * i + 2);
    }
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    rig_far_stop(&far[0]);
    rig_far_stop(&far[1]);
    stop();
}

static void lost_packets_are_counted_and_come_back(void)
{
    static const uint16_t order[] = {65533, 65534, 1, 0, 65535, 5};
    static const uint64_t lost[] = {0, 0, 2, 1, 0, 3};
    struct link_id a;

    start(1);
    a = rig_open_usual(&rig, 0, 0, LINK_MODE_RTP);
    for (unsigned i = 0; i < 6; i++) {
        rig_frame(&rig, 0, frame, rig_udp(frame, 0, RIG_PORT, rtp, rig_rtp(rtp, 1, order[i], 0)));
        CU_ASSERT_EQUAL(link_worker_stats(link_server_worker(rig.server, 0), a.index)->lost,
                        lost[i]);
    }
    stop();
}

static void empty_buffer_pool_drops_and_goes_on(void)
{
    struct link_msg msg;
    struct link_id id;

    start(1);
    id = rig_open_usual(&rig, 0, 0, LINK_MODE_DTLS_SRTP);
    link_msg_init(&msg, LINK_DTLS_TX, id, 0);
    msg.u.dtls.length = 50;
    rig.no_buffers = true;
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_no_buffer), 1);
    rig.no_buffers = false;
    rig.sent_n = 0;
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    stop();
}

SUITE("dpdk-app/worker", TEST(open_is_checked_and_ports_are_exclusive),
      TEST(pool_is_bounded_and_given_back), TEST(stale_ids_touch_nobody),
      TEST(secure_media_are_relayed_with_other_keys), TEST(media_cross_workers_by_hand_over),
      TEST(the_same_key_is_not_installed_twice),
      TEST(two_sources_with_one_ssrc_never_reuse_an_index), TEST(forged_ssrcs_leave_no_streams),
      TEST(ssrcs_are_bounded_and_idle_ones_give_way),
      TEST(remote_is_learnt_once_from_a_packet_that_authenticates),
      TEST(strangers_dtls_is_rate_limited), TEST(dtls_waits_for_the_neighbour),
      TEST(silence_is_reported_once), TEST(orphans_are_closed_when_nobody_claims_them),
      TEST(payload_types_are_mapped_or_dropped), TEST(modes_are_kept_apart),
      TEST(bad_media_are_counted_by_reason), TEST(broken_compounds_are_counted),
      TEST(lost_packets_are_counted_and_come_back), TEST(empty_buffer_pool_drops_and_goes_on))
