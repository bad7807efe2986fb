/* C-PASS in the data plane: DTLS, SRTP and SRTCP between two peers, unopened; and ICE-lite, by
 * which a peer of either kind of transport may say where it is. */
#include "base/err.h"
#include "dpdk-app/dtls_gate.h"
#include "tests/crypto/stun_peer.h"
#include "tests/dpdk-app/rig.h"
#include "tests/suite.h"

#define PASSWORD "0123456789abcdefghijklmn"

static struct rig rig;
static uint8_t frame[RIG_FRAME], data[1500], got[1500];
static struct link_id id[2];

/* Two transports of the mode, each the other's destination; far ends 0 and 1. */
static void start(unsigned worker_b)
{
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, worker_b + 1), 0);
    id[0] = rig_open_usual(&rig, 0, 0, LINK_MODE_PASS);
    id[1] = rig_open_usual(&rig, worker_b, 1, LINK_MODE_PASS);
    rig_route(&rig, id[0], id[1]);
    rig_route(&rig, id[1], id[0]);
    rig.sent_n = 0;
}

static void stop(void)
{
    rig_stop(&rig);
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

/* `n` octets of `data` from far end `from` (its number; 5: somebody else) to transport `to`. */
static void feed(unsigned from, unsigned to, unsigned n)
{
    rig_frame(&rig, 0, frame, rig_udp(frame, from, (uint16_t)(RIG_PORT + 2 * to), data, n));
}

static uint64_t count(unsigned counter)
{
    return rig_count(&rig, 0, counter);
}

/* The last frame holds the `n` octets of `data` and went to far end 1. */
static bool passed(unsigned n)
{
    return rig.sent_n > 0 && rig_payload(&rig, rig.sent_n - 1, got) == n &&
           memcmp(got, data, n) == 0 && rig_sent_to(&rig, rig.sent_n - 1) == 4001;
}

static void fill(uint8_t first, uint8_t second, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7 + 3);
    data[0] = first;
    data[1] = second;
}

static void c_pass_datagrams_leave_as_they_came(void)
{
    static const struct {
        uint8_t first, second;
        unsigned n;
    } rows[] = {
        {22, 254, 300}, {20, 254, 14},    {21, 254, 15},   {23, 254, 900}, /* DTLS */
        {0x80, 8, 182}, {0x80, 96, 1400}, {0x80, 200, 50}, {0x81, 201, 46},
        {0xa0, 8, 60}, /* padding bit: how much stands in the ciphertext */
    };

    start(0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fill(rows[i].first, rows[i].second, rows[i].n);
        feed(0, 0, rows[i].n);
        CU_ASSERT_EQUAL(rig.sent_n, i + 1);
        CU_ASSERT_TRUE(passed(rows[i].n));
    }
    CU_ASSERT_EQUAL(count(LINK_COUNTER_dtls_passed), 4);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_media_passed), 5);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_rtp_out), 3);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_rtcp_out), 2);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_dtls_up) + count(LINK_COUNTER_dtls_up_full), 0);
    stop();
}

static void c_pass_statistics_tell_both_directions(void)
{
    struct link_transport_stats *in, *out;

    start(0);
    in = rig.worker[0]->transport[id[0].index & 0xffffff].stats;
    out = rig.worker[0]->transport[id[1].index & 0xffffff].stats;
    fill(22, 254, 100);
    feed(0, 0, 100);
    CU_ASSERT_EQUAL(in->last_in_ms, 0); /* a handshake is no media */
    for (unsigned i = 0; i < 10; i++) {
        unsigned n = rig_rtp(data, 77, (uint16_t)(100 + i + (i > 5)), 8);

        feed(0, 0, n);
    }
    CU_ASSERT_EQUAL(in->dtls_in, 1);
    CU_ASSERT_EQUAL(out->dtls_out, 1);
    CU_ASSERT_EQUAL(in->rtp_in, 10);
    CU_ASSERT_EQUAL(out->rtp_out, 10);
    CU_ASSERT_EQUAL(in->ssrc_in, 77);
    CU_ASSERT_EQUAL(in->lost, 1);
    CU_ASSERT_EQUAL(out->rtp_out_bytes, 1720);
    stop();
}

static void c_pass_no_key_and_no_datagram_of_ours_gets_in(void)
{
    struct link_msg msg;

    start(0);
    rig_keys(&rig, id[0], 1, 2);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_link_refused), 1);
    CU_ASSERT_PTR_NULL(rig.worker[0]->transport[id[0].index & 0xffffff].rx_key);
    link_msg_init(&msg, LINK_DTLS_TX, id[0], 0);
    msg.u.dtls.length = 20;
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_dtls_down_refused), 1);
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    stop();
}

static void c_pass_options_that_would_need_keys_are_refused(void)
{
    struct link_open open = {.mode = LINK_MODE_PASS, .port = RIG_PORT + 8};
    struct link_msg msg;

    start(0);
    open.flags = LINK_FLAG_LATCH;
    CU_ASSERT_EQUAL(rig_open(&rig, 0, &open).generation, 0);
    open.flags = LINK_FLAG_REPORTS;
    CU_ASSERT_EQUAL(rig_open(&rig, 0, &open).generation, 0);
    link_msg_init(&msg, LINK_ROUTE_SET, id[0], 1);
    msg.u.routes.count = 1;
    msg.u.routes.row[0] = (struct link_route){.to = id[1], .pt_in = 8, .pt_out = LINK_PT_ANY};
    rig_command(&rig, &msg);
    msg.u.routes.row[0].pt_in = LINK_PT_ANY;
    msg.u.routes.row[0].pt_out = 0;
    rig_command(&rig, &msg);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_link_refused), 4);
    rig_receiver(&rig, id[0], id[1], 9);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_link_refused), 5);
    stop();
}

static void c_pass_h_latch_strangers_reach_nobody(void)
{
    start(0);
    fill(22, 254, 100);
    feed(5, 0, 100);
    fill(0x80, 8, 100);
    feed(5, 0, 100);
    fill(0x80, 200, 100);
    feed(5, 0, 100);
    feed(1, 0, 100); /* the other peer, at the wrong port of ours */
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_remote_mismatch), 4);
    stop();
}

static void c_pass_handshakes_and_records_have_a_rate(void)
{
    start(0);
    fill(22, 254, 60);
    for (unsigned i = 0; i < DTLS_GATE_REMOTE + 100; i++)
        feed(0, 0, 60);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_dtls_passed), DTLS_GATE_REMOTE);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_dtls_rate), 100);
    rig.sent_n = 0;
    fill(23, 254, 60); /* data have a bound of their own */
    for (unsigned i = 0; i < 300; i++)
        feed(0, 0, 60);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_dtls_passed), DTLS_GATE_REMOTE + 300);
    stop();
}

static void c_pass_forged_ssrcs_stop_nobody(void)
{
    start(0);
    for (uint32_t ssrc = 1; ssrc <= 40; ssrc++) {
        unsigned n = rig_rtp(data, ssrc, 1, 8);

        feed(0, 0, n);
    }
    CU_ASSERT_EQUAL(rig.sent_n, 40); /* though 16 streams have a place */
    CU_ASSERT_EQUAL(count(LINK_COUNTER_streams_full), 0);
    stop();
}

static void c_pass_nothing_crosses_between_the_modes(void)
{
    struct link_id plain;

    start(0);
    plain = rig_open_usual(&rig, 0, 2, LINK_MODE_RTP);
    rig_route(&rig, plain, id[1]);
    feed(2, 2, rig_rtp(data, 1, 1, 8));
    CU_ASSERT_EQUAL(count(LINK_COUNTER_route_mode), 1);
    rig_route(&rig, id[0], plain);
    feed(0, 0, rig_rtp(data, 1, 1, 8));
    CU_ASSERT_EQUAL(count(LINK_COUNTER_route_mode), 2);
    fill(22, 254, 60);
    feed(0, 0, 60);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_route_mode), 3);
    stop();
}

static void c_pass_over_two_workers(void)
{
    start(1);
    fill(22, 254, 100);
    feed(0, 0, 100);
    rig_turn(&rig);
    CU_ASSERT_TRUE(passed(100));
    fill(0x80, 8, 100);
    feed(0, 0, 100);
    rig_turn(&rig);
    CU_ASSERT_TRUE(passed(100));
    CU_ASSERT_EQUAL(rig_count(&rig, 1, LINK_COUNTER_dtls_passed), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 1, LINK_COUNTER_media_passed), 1);
    stop();
}

/* ---- ICE ---- */

static void set_ice(struct link_id of, const char *ufrag, const char *password)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_ICE_SET, of, 1);
    msg.u.ice.ufrag_length = (uint8_t)strlen(ufrag);
    msg.u.ice.password_length = (uint8_t)strlen(password);
    memcpy(msg.u.ice.ufrag, ufrag, strlen(ufrag));
    memcpy(msg.u.ice.password, password, strlen(password));
    rig_command(&rig, &msg);
}

/* A transport of the mode without remote but with credentials; the port is RIG_PORT. */
static void start_ice(unsigned mode)
{
    struct link_open open = {.mode = (uint8_t)mode, .port = RIG_PORT};

    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, 1), 0);
    id[0] = rig_open(&rig, 0, &open);
    /* Neighbours are known: far ends 0 to 5 are answered at once. */
    for (uint8_t i = 0; i < 6; i++) {
        struct link_open known = {.mode = (uint8_t)mode,
                                  .port = (uint16_t)(RIG_PORT + 20 + i),
                                  .remote = {.family = 4,
                                             .port = (uint16_t)(4000 + i),
                                             .ip = {192, 0, 2, (uint8_t)(10 + i)}}};

        rig_resolve(&rig, rig_open(&rig, 0, &known));
    }
    set_ice(id[0], "abcdefgh", PASSWORD);
    rig.sent_n = 0;
}

static struct transport *ours(void)
{
    return &rig.worker[0]->transport[id[0].index & 0xffffff];
}

/* A check from far end `from`; 0: answered with success, the error code, or -1: no answer. */
static int check_from(unsigned from, const struct stun_peer_check *check)
{
    unsigned before = rig.sent_n;
    struct addr mapped;
    size_t n = stun_peer_request(check, data);
    int result;

    rig_frame(&rig, 0, frame, rig_udp(frame, from, RIG_PORT, data, (unsigned)n));
    if (rig.sent_n == before)
        return -1;
    n = rig_payload(&rig, rig.sent_n - 1, got);
    result = stun_peer_answer(got, n, PASSWORD, check->transaction, &mapped);
    if (result == 0) {
        CU_ASSERT_EQUAL(mapped.port, 4000 + from);
        CU_ASSERT_EQUAL(mapped.ip[3], 10 + from);
    }
    CU_ASSERT_EQUAL(rig_sent_to(&rig, rig.sent_n - 1), 4000 + from);
    return result;
}

static const struct stun_peer_check good = {
    .username = "abcdefgh:them", .password = PASSWORD, .priority = 1000, .transaction = 5};

static void ice_checks_are_answered_and_select_the_remote(void)
{
    static const unsigned modes[] = {LINK_MODE_DTLS_SRTP, LINK_MODE_PASS};
    struct stun_peer_check nominate = good;

    nominate.use_candidate = true;
    for (unsigned i = 0; i < 2; i++) {
        start_ice(modes[i]);
        CU_ASSERT_EQUAL(check_from(0, &good), 0);
        CU_ASSERT_EQUAL(ours()->remote_family, 0); /* not nominated */
        CU_ASSERT_EQUAL(check_from(1, &nominate), 0);
        CU_ASSERT_EQUAL(ours()->remote_port, 4001);
        CU_ASSERT_EQUAL(count(LINK_COUNTER_ice_selected), 1);
        CU_ASSERT_EQUAL(check_from(1, &good), 0); /* consent: again and again */
        CU_ASSERT_EQUAL(count(LINK_COUNTER_ice_selected), 1);
        CU_ASSERT_EQUAL(count(LINK_COUNTER_stun_answered), 3);
        stop();
    }
}

/* Control hears of it, by the link itself. */
static void ice_selection_is_told(void)
{
    struct stun_peer_check nominate = good;
    struct link_msg msg;

    nominate.use_candidate = true;
    start_ice(LINK_MODE_PASS);
    rig_attach(&rig);
    link_msg_init(&msg, LINK_TRANSPORT_CLAIM, id[0], 1);
    CU_ASSERT_EQUAL(link_port_send(link_client_port(rig.client, 0), &msg), 0);
    rig_turn(&rig);
    CU_ASSERT_EQUAL(check_from(1, &nominate), 0);
    rig_turn(&rig);
    CU_ASSERT_EQUAL_FATAL(rig.events, 1);
    CU_ASSERT_EQUAL(rig.event.type, LINK_ICE_SELECTED);
    CU_ASSERT_EQUAL(rig.event.transport, id[0].index);
    CU_ASSERT_EQUAL(rig.event.u.event.source.family, 4);
    CU_ASSERT_EQUAL(rig.event.u.event.source.port, 4001);
    CU_ASSERT_EQUAL(rig.event.u.event.source.ip[3], 11);
    rig_detach(&rig);
    stop();
}

static void ice_nomination_moves_the_remote(void)
{
    struct stun_peer_check nominate = good, better;

    nominate.use_candidate = true;
    better = nominate;
    better.priority = 2000;
    start_ice(LINK_MODE_DTLS_SRTP);
    CU_ASSERT_EQUAL(check_from(0, &good), 0);
    CU_ASSERT_EQUAL(check_from(1, &nominate), 0);
    CU_ASSERT_EQUAL(ours()->remote_port, 4001);
    CU_ASSERT_EQUAL(check_from(2, &nominate), 0); /* of no higher priority */
    CU_ASSERT_EQUAL(ours()->remote_port, 4001);
    CU_ASSERT_EQUAL(check_from(2, &better), 0);
    CU_ASSERT_EQUAL(ours()->remote_port, 4002);
    CU_ASSERT_EQUAL(check_from(1, &nominate), 0);
    CU_ASSERT_EQUAL(ours()->remote_port, 4002);
    rig.worker[0]->now_ms += 31000; /* consent of the selected one is over */
    CU_ASSERT_EQUAL(check_from(1, &nominate), 0);
    CU_ASSERT_EQUAL(ours()->remote_port, 4001);
    stop();
}

static void ice_forged_checks_are_not_answered(void)
{
    struct stun_peer_check bad;

    start_ice(LINK_MODE_PASS);
    bad = good;
    bad.password = "not what signalling told";
    CU_ASSERT_EQUAL(check_from(0, &bad), -1);
    bad = good;
    bad.username = "abcdefgi:them";
    CU_ASSERT_EQUAL(check_from(0, &bad), -1);
    bad = good;
    bad.username = NULL;
    CU_ASSERT_EQUAL(check_from(0, &bad), -1);
    bad = good;
    bad.no_integrity = true;
    CU_ASSERT_EQUAL(check_from(0, &bad), -1);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_stun_foreign), 4);
    bad = good;
    bad.no_priority = true;
    CU_ASSERT_EQUAL(check_from(0, &bad), -1);
    memset(data, 0, 20);
    feed(0, 0, 20);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_stun_malformed), 2);
    CU_ASSERT_EQUAL(ours()->remote_family, 0);
    stop();
}

static void ice_errors_that_a_lite_agent_gives(void)
{
    struct stun_peer_check check = good;

    start_ice(LINK_MODE_PASS);
    check.is_controlled = true;
    CU_ASSERT_EQUAL(check_from(0, &check), 487);
    check = good;
    check.attribute = 0x7fff;
    CU_ASSERT_EQUAL(check_from(0, &check), 420);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_stun_refused), 2);
    CU_ASSERT_EQUAL(ours()->remote_family, 0);
    check.attribute = 0xc057; /* nobody must understand it */
    CU_ASSERT_EQUAL(check_from(0, &check), 0);
    stop();
}

static void ice_checks_have_a_rate(void)
{
    start_ice(LINK_MODE_DTLS_SRTP);
    for (unsigned i = 0; i < 150; i++)
        (void)check_from(0, &good);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_stun_answered), 100);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_stun_rate), 50);
    stop();
}

static void ice_only_where_it_was_negotiated(void)
{
    struct link_id plain;

    start(0);
    CU_ASSERT_EQUAL(check_from(0, &good), -1);
    CU_ASSERT_EQUAL(count(LINK_COUNTER_stun_in), 1);
    plain = rig_open_usual(&rig, 0, 2, LINK_MODE_RTP);
    set_ice(plain, "abcdefgh", PASSWORD);
    set_ice(id[0], "abc", PASSWORD);
    set_ice(id[0], "abcdefgh", "too short");
    CU_ASSERT_EQUAL(count(LINK_COUNTER_link_refused), 3);
    stop();
}

static void ice_restart_takes_other_credentials(void)
{
    struct stun_peer_check other = good, nominate = good;

    other.username = "ijklmnop:them";
    other.use_candidate = true;
    start_ice(LINK_MODE_DTLS_SRTP);
    nominate.use_candidate = true;
    CU_ASSERT_EQUAL(check_from(0, &nominate), 0);
    set_ice(id[0], "ijklmnop", PASSWORD);
    CU_ASSERT_EQUAL(check_from(0, &good), -1);
    CU_ASSERT_EQUAL(ours()->remote_port, 4000); /* media go on meanwhile */
    CU_ASSERT_EQUAL(check_from(3, &other), 0);
    CU_ASSERT_EQUAL(ours()->remote_port, 4003);
    stop();
}

SUITE("dpdk-app/pass", TEST(c_pass_datagrams_leave_as_they_came),
      TEST(c_pass_statistics_tell_both_directions),
      TEST(c_pass_no_key_and_no_datagram_of_ours_gets_in),
      TEST(c_pass_options_that_would_need_keys_are_refused),
      TEST(c_pass_h_latch_strangers_reach_nobody), TEST(c_pass_handshakes_and_records_have_a_rate),
      TEST(c_pass_forged_ssrcs_stop_nobody), TEST(c_pass_nothing_crosses_between_the_modes),
      TEST(c_pass_over_two_workers), TEST(ice_checks_are_answered_and_select_the_remote),
      TEST(ice_selection_is_told), TEST(ice_nomination_moves_the_remote),
      TEST(ice_forged_checks_are_not_answered), TEST(ice_errors_that_a_lite_agent_gives),
      TEST(ice_checks_have_a_rate), TEST(ice_only_where_it_was_negotiated),
      TEST(ice_restart_takes_other_credentials))
