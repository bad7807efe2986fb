/* Mixes of a worker with packets and virtual time: who hears whom, what a mix leaves alone, and
 * what happens to members, rooms and time when something goes away. */
#include "tests/suite.h"

#include <math.h>

#include "base/err.h"
#include "dpdk-app/media.h"
#include "dpdk-app/wire.h"
#include "tests/dpdk-app/mix_rig.h"

#define SECOND 8000u
/* A tone whose envelope averages 4000 of 32768 is -18.3 dB; G.711, twice, is some 35 dB below. */
#define HEARS(i, k)     CU_ASSERT(level_of(i, party[k].hertz, SECOND / 2) > -21)
#define HEARS_NOT(i, k) CU_ASSERT(level_of(i, party[k].hertz, SECOND / 2) < -50)

static void start(unsigned workers, unsigned parties)
{
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, workers), 0);
    rig_attach(&rig);
    parties_start(parties);
}

/* Every test ends with nothing left. */
static void stop(unsigned parties)
{
    parties_stop(parties);
    rig_stop(&rig);
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

static struct link_id room_of(unsigned n)
{
    struct link_id mix = mix_make(0, PARTIES, 0);

    CU_ASSERT_NOT_EQUAL_FATAL(mix.generation, 0);
    for (unsigned i = 0; i < n; i++)
        CU_ASSERT_EQUAL_FATAL(mix_join(mix, i), 0);
    return mix;
}

static const struct link_transport_stats *stats_of(unsigned i)
{
    return worker_transport(rig.worker[0], party[i].id.index, 0)->stats;
}

static void say_rtcp(unsigned i, const uint8_t *rtcp, unsigned length)
{
    uint8_t data[64], frame[RIG_FRAME];

    memcpy(data, rtcp, length);
    length = rig_far_protect_rtcp(&party[i].say, data, length);
    rig_frame(&rig, 0, frame, rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), data, length));
}

static void close_party(unsigned i)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, party[i].id, 90);
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
}

/* ---- who hears whom ---- */

static void three_hear_each_other_and_not_themselves(void)
{
    struct link_mix_stats s;
    struct link_id mix;

    start(1, 3);
    mix = room_of(3);
    talk(3, 2000);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 3; k++) {
            if (i == k) {
                HEARS_NOT(i, k);
            } else {
                HEARS(i, k);
            }
        }
        CU_ASSERT_EQUAL(party[i].foreign, 0);
        CU_ASSERT_EQUAL(party[i].gaps, 0);
        CU_ASSERT_EQUAL(party[i].jumps, 0);
        CU_ASSERT(party[i].packets >= 98 && party[i].packets <= 101);
        CU_ASSERT_EQUAL(stats_of(i)->mix_in, 100);
        CU_ASSERT_EQUAL(stats_of(i)->mix_late, 0);
        CU_ASSERT_EQUAL(stats_of(i)->mix_refused, 0);
        CU_ASSERT_EQUAL(stats_of(i)->mix_out, party[i].packets);
        CU_ASSERT(stats_of(i)->mix_level < 30);
    }
    CU_ASSERT_EQUAL(link_client_mix(rig.client, mix, NULL, &s), 0);
    CU_ASSERT_EQUAL(s.members, 3);
    CU_ASSERT_EQUAL(s.packets_in, 300);
    CU_ASSERT_EQUAL(s.ticks_late, 0);
    CU_ASSERT_EQUAL(s.ticks_lost, 0);
    CU_ASSERT(s.ticks >= 98 && s.ticks <= 101);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mixes), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_members), 3);
    CU_ASSERT_EQUAL(mix_close(mix), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mixes), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_members), 0);
    CU_ASSERT_EQUAL(link_client_mix(rig.client, mix, NULL, &s), ERR_NOTFOUND);
    stop(3);
}

static void members_come_and_go_without_a_gap_for_the_others(void)
{
    struct link_id mix;
    uint16_t before;

    start(1, 4);
    mix = room_of(3);
    talk(4, 1000);
    CU_ASSERT_EQUAL(party[3].packets, 0);
    CU_ASSERT_EQUAL(stats_of(3)->drop_route, 50); /* nothing is done with what it says */
    CU_ASSERT_EQUAL(mix_join(mix, 3), 0);
    talk(4, 1000);
    HEARS(0, 3);
    HEARS(3, 0);
    HEARS_NOT(3, 3);
    CU_ASSERT_EQUAL(mix_leave(mix, 2), 0);
    before = party[2].last_sequence;
    talk(4, 1000);
    HEARS_NOT(0, 2);
    HEARS(0, 3);
    CU_ASSERT_EQUAL(party[2].last_sequence, before);
    /* Back under the same SSRC and keys: the numbers go on, or its SRTP would refuse them. */
    CU_ASSERT_EQUAL(mix_join(mix, 2), 0);
    talk(4, 1000);
    HEARS(0, 2);
    HEARS(2, 0);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(party[i].foreign, 0);
        CU_ASSERT_EQUAL(party[i].gaps, 0);
        CU_ASSERT_EQUAL(party[i].jumps, i == 2);
    }
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_index_reused), 0);
    stop(4);
}

static void muted_is_not_heard_and_deaf_hears_nothing(void)
{
    struct link_id mix;
    struct link_msg msg;

    start(1, 3);
    mix = room_of(3);
    talk(3, 500);
    link_msg_init(&msg, LINK_MIX_JOIN, mix, 1);
    msg.u.member = mix_member_of(0);
    msg.u.member.flags = LINK_MEMBER_MUTED;
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    msg.u.member = mix_member_of(1);
    msg.u.member.flags = LINK_MEMBER_DEAF;
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    talk(3, 1000);
    HEARS_NOT(2, 0);
    HEARS(2, 1);
    HEARS(0, 1);
    HEARS(0, 2);
    HEARS_NOT(1, 2);
    CU_ASSERT_EQUAL(party[1].gaps, 0); /* silence is sent */
    CU_ASSERT_EQUAL(mix_join(mix, 0), 0);
    CU_ASSERT_EQUAL(mix_join(mix, 1), 0);
    talk(3, 1000);
    HEARS(2, 0);
    HEARS(1, 2);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_members), 3);
    stop(3);
}

static void only_the_loudest_are_mixed(void)
{
    struct link_id mix;

    start(1, 4);
    mix = mix_make(0, 4, 2);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(mix_join(mix, i), 0);
        party[i].amplitude = i < 2 ? 6000 : 600;
    }
    talk(4, 2000);
    HEARS(3, 0);
    HEARS(3, 1);
    HEARS_NOT(3, 2);
    HEARS(0, 1);
    HEARS_NOT(0, 0);
    stop(4);
}

static void mixes_do_not_hear_each_other(void)
{
    struct link_id a, b;

    start(1, 4);
    a = mix_make(0, 8, 0);
    b = mix_make(0, 8, 0);
    CU_ASSERT_EQUAL(mix_join(a, 0), 0);
    CU_ASSERT_EQUAL(mix_join(a, 1), 0);
    CU_ASSERT_EQUAL(mix_join(b, 2), 0);
    CU_ASSERT_EQUAL(mix_join(b, 3), 0);
    talk(4, 1000);
    HEARS(0, 1);
    HEARS_NOT(0, 2);
    HEARS_NOT(0, 3);
    HEARS(2, 3);
    HEARS_NOT(2, 1);
    CU_ASSERT_EQUAL(mix_close(a), 0);
    hush(4);
    talk(4, 1000);
    CU_ASSERT_EQUAL(party[0].n, 0);
    HEARS(2, 3);
    CU_ASSERT_EQUAL(mix_join(b, 0), 0); /* a place in another one is free for it */
    talk(4, 1000);
    HEARS(0, 3);
    stop(4);
}

/* ---- what a mix leaves alone ---- */

static void other_payload_types_go_where_they_went(void)
{
    uint8_t video[172];
    struct link_id mix;

    start(1, 3);
    mix = mix_make(0, 8, 0);
    CU_ASSERT_EQUAL(mix_join(mix, 0), 0);
    rig_route(&rig, party[0].id, party[1].id);
    rig.sent_n = 0;
    say_packet(0, video, rig_rtp(video, FAR_SSRC + 0, 9, 96));
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig_sent_to(&rig, 0), 4001);
    CU_ASSERT_EQUAL(stats_of(0)->mix_in, 0);
    rig_receiver(&rig, party[0].id, party[2].id, 0x5555);
    rig.sent_n = 0;
    say_packet(0, video, rig_rtp(video, FAR_SSRC + 0, 10, 96));
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig_sent_to(&rig, 0), 4002);
    rig.sent_n = 0;
    say_packet(0, video, rig_rtp(video, FAR_SSRC + 0, 11, 8));
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    CU_ASSERT_EQUAL(stats_of(0)->mix_in, 1);
    /* No row of the member's, no route: dropped and counted. */
    CU_ASSERT_EQUAL(mix_join(mix, 1), 0);
    say_packet(1, video, rig_rtp(video, FAR_SSRC + 1, 12, 18));
    CU_ASSERT_EQUAL(stats_of(1)->drop_route, 1);
    CU_ASSERT_EQUAL(stats_of(1)->mix_in, 0);
    stop(3);
}

static void wrong_payloads_are_counted_and_harm_nobody(void)
{
    uint8_t data[172];

    start(1, 3);
    (void)room_of(3);
    talk(3, 500);
    for (uint16_t k = 0; k < 40; k++) { /* ten times its rate, and a second sender */
        say_packet(0, data, rig_rtp(data, FAR_SSRC + 0, (uint16_t)(4000 + k), 8));
        say_packet(1, data, rig_rtp(data, 0xbad, (uint16_t)(7 + k), 0));
        talk(3, 2);
    }
    CU_ASSERT(stats_of(0)->mix_refused + stats_of(0)->mix_late > 0);
    CU_ASSERT(stats_of(1)->mix_refused > 30);
    data[0] = 0x80;
    say_packet(1, data, RTP_SIZE); /* no payload */
    talk(3, 1500);
    HEARS(0, 1);
    HEARS(2, 1);
    HEARS(1, 2);
    HEARS_NOT(2, 2);
    stop(3);
}

/* 100 ms of '5' by a peer whose durations count at `clock` Hz; 0: what a link says by default. */
static void five_is_told_once(uint16_t clock)
{
    unsigned per_packet = (clock != 0 ? clock : 8000) / 50; /* 20 ms */
    const struct link_msg *told;
    unsigned since, digits = 0;
    struct link_msg msg;

    start(1, 2);
    link_msg_init(&msg, LINK_MIX_JOIN, room_of(2), 1);
    msg.u.member = mix_member_of(0);
    msg.u.member.event_clock = clock;
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    talk(2, 200);
    since = rig.events;
    for (unsigned k = 0; k < 8; k++) {
        uint8_t data[16] = {0x80, 101};

        /* RFC 4733: '5', volume 10; the last three repeat the end. */
        if (k == 0)
            data[1] |= 0x80;
        wire_put16(data + 2, party[0].sequence++);
        wire_put32(data + 4, 50000);
        wire_put32(data + 8, FAR_SSRC + 0);
        data[12] = 5;
        data[13] = (uint8_t)(k >= 5 ? 0x8a : 0x0a);
        wire_put16(data + 14, (uint16_t)(per_packet * (k < 5 ? k + 1 : 5)));
        party[0].is_absent = true;
        say_packet(0, data, sizeof(data));
        talk(2, 20);
    }
    party[0].is_absent = false;
    talk(2, 100);
    told = rig_heard(&rig, LINK_MIX_DIGIT, since);
    CU_ASSERT_PTR_NOT_NULL_FATAL(told);
    CU_ASSERT_EQUAL(told->u.mix_event.digit, '5');
    CU_ASSERT_EQUAL(told->u.mix_event.duration_ms, 100);
    CU_ASSERT_EQUAL(told->u.mix_event.member.index, party[0].id.index);
    for (unsigned n = since; n < rig.events; n++)
        digits += rig.heard[n % RIG_HEARD].type == LINK_MIX_DIGIT;
    CU_ASSERT_EQUAL(digits, 1);
    CU_ASSERT_EQUAL(stats_of(0)->mix_digits, 1);
    stop(2);
}

static void digits_are_told_once(void)
{
    five_is_told_once(0);
    five_is_told_once(48000); /* beside Opus: six times the numbers for the same time */
}

static void a_clock_that_no_peer_has_is_refused(void)
{
    struct link_msg msg;

    start(1, 2);
    link_msg_init(&msg, LINK_MIX_JOIN, room_of(2), 1);
    msg.u.member = mix_member_of(0);
    msg.u.member.event_clock = 50; /* durations by it would take minutes */
    CU_ASSERT_EQUAL(mix_ask(&msg), ERR_INVAL);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_members), 2);
    stop(2);
}

static void speaker_is_told(void)
{
    const struct link_msg *told;
    struct link_id mix;

    start(1, 3);
    mix = room_of(3);
    for (unsigned i = 0; i < 3; i++)
        party[i].is_silent = i != 1;
    talk(3, 3000);
    told = rig_heard(&rig, LINK_MIX_SPEAKER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(told);
    CU_ASSERT_EQUAL(told->transport, mix.index);
    CU_ASSERT_EQUAL(told->u.mix_event.member.index, party[1].id.index);
    party[1].is_silent = true;
    party[2].is_silent = false;
    talk(3, 3000);
    told = rig_heard(&rig, LINK_MIX_SPEAKER, 0);
    CU_ASSERT_EQUAL(told->u.mix_event.member.index, party[2].id.index);
    stop(3);
}

/* What is mixed is a stream like others to the reporter; feedback on it has no source to go to. */
static void mixed_streams_have_sender_reports(void)
{
    uint8_t nack[32] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 205, 0, 3, 0, 0, 0, 1};

    party_flags = LINK_FLAG_REPORTS;
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, 1), 0);
    rig.plane.report_ms = 1000;
    rig_attach(&rig);
    parties_start(1);
    party_flags = 0;
    (void)room_of(1);
    talk(1, 5000);
    CU_ASSERT(party[0].reports >= 3);
    CU_ASSERT_EQUAL(party[0].foreign, 0);
    CU_ASSERT_EQUAL(party[0].report_packets, party[0].heard_then);
    talk(1, 20);
    /* Its clock is that of the packets: what was sent since then, give or take a frame. */
    CU_ASSERT((int32_t)(party[0].last_timestamp - party[0].report_timestamp) <
              (int32_t)((party[0].packets - party[0].heard_then + 1) * 160));
    wire_put32(nack + 4, FAR_SSRC + 0);
    wire_put32(nack + 12, FAR_SSRC + 0);
    wire_put32(nack + 16, OUR_SSRC + 0);
    wire_put16(nack + 20, party[0].last_sequence);
    rig.sent_n = 0;
    say_rtcp(0, nack, 24);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_in), 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_feedback_gone), 1);
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    stop(1);
}

/* ---- limits and refusals ---- */

static int join_as(struct link_id mix, const struct link_mix_member *member)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_JOIN, mix, 5);
    msg.u.member = *member;
    return mix_ask(&msg);
}

static void joins_are_checked(void)
{
    struct link_mix_member m;
    struct link_id mix, other, rtcp, away;

    start(2, 3);
    mix = mix_make(0, 2, 0);
    other = mix_make(0, 2, 0);
    rtcp = rig_open_usual(&rig, 0, 20, LINK_MODE_RTCP);
    away = rig_open_usual(&rig, 1, 21, LINK_MODE_RTP);
    CU_ASSERT_EQUAL(mix_join(mix, 0), 0);
    CU_ASSERT_EQUAL(mix_join(other, 0), ERR_EXISTS);
    m = mix_member_of(1);
    m.member = rtcp;
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_INVAL);
    m.member = away;
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_RANGE);
    m.member = (struct link_id){party[1].id.index, party[1].id.generation + 1};
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_NOTFOUND);
    m = mix_member_of(1);
    m.rx[1].codec = 9;
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_UNSUPPORTED);
    m = mix_member_of(1);
    m.rx_count = 5;
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_INVAL);
    m = mix_member_of(1);
    m.rx[1].payload_type = m.rx[0].payload_type;
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_INVAL);
    m = mix_member_of(1);
    m.ptime_ms = 30;
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_UNSUPPORTED);
    m = mix_member_of(1);
    m.ssrc = 0;
    CU_ASSERT_EQUAL(join_as(mix, &m), ERR_INVAL);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_members), 1);
    CU_ASSERT_EQUAL(mix_join(mix, 1), 0);
    CU_ASSERT_EQUAL(mix_join(mix, 2), ERR_LIMIT);
    CU_ASSERT_EQUAL(mix_join(other, 2), 0);
    CU_ASSERT_EQUAL(mix_leave(mix, 2), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(mix_leave(other, 2), 0);
    CU_ASSERT_EQUAL(mix_join(mix, 0), 0); /* a change needs no place */
    stop(3);
}

static void rooms_are_limited_and_named_once(void)
{
    struct link_id mix[RIG_MIXES], again;
    struct link_msg msg;

    start(1, 1);
    for (unsigned i = 0; i < RIG_MIXES; i++) {
        mix[i] = mix_make(0, 4, 0);
        CU_ASSERT_NOT_EQUAL(mix[i].generation, 0);
    }
    link_msg_init(&msg, LINK_MIX_OPEN, (struct link_id){0, 0}, 1);
    msg.u.mix = (struct link_mix_open){.rate = 8000, .members_max = 4};
    CU_ASSERT_EQUAL(mix_ask(&msg), ERR_LIMIT);
    CU_ASSERT_EQUAL(mix_close(mix[3]), 0);
    CU_ASSERT_EQUAL(mix_close(mix[3]), ERR_NOTFOUND);
    again = mix_make(0, 4, 0);
    CU_ASSERT_EQUAL(again.index, mix[3].index);
    CU_ASSERT_NOT_EQUAL(again.generation, mix[3].generation);
    CU_ASSERT_EQUAL(mix_join(mix[3], 0), ERR_NOTFOUND); /* the name of a dead one */
    CU_ASSERT_EQUAL(mix_close(again), 0);
    msg.u.mix.rate = 44100;
    CU_ASSERT_EQUAL(mix_ask(&msg), ERR_INVAL);
    msg.u.mix = (struct link_mix_open){.rate = 8000, .members_max = 0};
    CU_ASSERT_EQUAL(mix_ask(&msg), ERR_INVAL);
    stop(1);
}

/* ---- ends ---- */

static void closed_transport_leaves_its_room(void)
{
    struct link_id mix;

    start(1, 3);
    mix = room_of(3);
    talk(3, 500);
    close_party(1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_members), 2);
    party[1].is_absent = true;
    talk(3, 1000);
    HEARS(0, 2);
    HEARS_NOT(0, 1);
    CU_ASSERT_EQUAL(mix_leave(mix, 1), ERR_NOTFOUND);
    close_party(0);
    close_party(2);
    talk(3, 100); /* an empty room is mixed, too */
    CU_ASSERT_EQUAL(mix_close(mix), 0);
    stop(3);
}

static void close_in_the_middle_of_a_tick(void)
{
    struct link_id mix;
    unsigned total = 0;

    CU_ASSERT_EQUAL_FATAL(rig_start_sized(&rig, 1, 64), 0);
    rig_attach(&rig);
    parties_start(2);
    mix = mix_make(0, 60, 0);
    for (unsigned i = 0; i < 50; i++) {
        struct link_mix_member m = mix_member_of(1);

        m.member = i < 2 ? party[i].id : rig_open_usual(&rig, 0, i, LINK_MODE_RTP);
        CU_ASSERT_EQUAL(join_as(mix, &m), 0);
    }
    rig.sent_n = 0;
    /* A turn sends a burst of 32 at most: the rest of the 50 comes with the next. */
    for (unsigned k = 0; k < 21 && rig.sent_n == 0; k++) {
        rig.now++;
        rig_turn(&rig);
    }
    CU_ASSERT_EQUAL(rig.sent_n, 32);
    CU_ASSERT_PTR_NOT_NULL(rig.worker[0]->mixing);
    close_party(0); /* who leaves does not cost another its frame */
    CU_ASSERT_EQUAL(rig.sent_n, 50);
    CU_ASSERT_PTR_NULL(rig.worker[0]->mixing);
    for (unsigned k = 0; k < 21 && rig.worker[0]->mixing == NULL; k++) {
        rig.now++;
        rig_turn(&rig);
    }
    CU_ASSERT_EQUAL(mix_close(mix), 0);
    CU_ASSERT_PTR_NULL(rig.worker[0]->mixing);
    total = rig.sent_n;
    talk(0, 100);
    CU_ASSERT_EQUAL(total, 99);
    party[0].is_absent = true;
    stop(2);
}

static void no_buffers_cost_frames_alone(void)
{
    start(1, 3);
    (void)room_of(3);
    talk(3, 500);
    rig.no_buffers = true;
    for (unsigned k = 0; k < 100; k++) {
        rig.now++;
        rig_turn(&rig);
    }
    rig.no_buffers = false;
    CU_ASSERT_EQUAL(stats_of(0)->mix_out_lost, 5);
    talk(3, 1500);
    HEARS(0, 1);
    CU_ASSERT_EQUAL(party[0].foreign, 0);
    stop(3);
}

static void frames_wait_for_keys_without_being_made(void)
{
    struct link_msg msg;
    struct link_id mix;

    start(1, 2);
    mix = room_of(2);
    link_msg_init(&msg, LINK_KEYS_CLEAR, party[0].id, 1);
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    party[0].is_absent = true;
    talk(2, 500);
    CU_ASSERT_EQUAL(party[0].packets, 0);
    CU_ASSERT_EQUAL(stats_of(0)->drop_keys, 0); /* that nothing could be sent is no loss */
    rig_keys(&rig, party[0].id, 0x20, 0x41);
    CU_ASSERT_EQUAL(mix_join(mix, 0), 0);
    talk(2, 200);
    CU_ASSERT(party[0].foreign >= 9); /* it flows, under the new keys */
    stop(2);
}

/* ---- time ---- */

static void late_worker_catches_up_to_a_bound(void)
{
    struct link_mix_stats s;
    struct link_id mix;
    unsigned before;

    start(1, 2);
    mix = room_of(2);
    talk(2, 1000);
    before = party[0].packets;
    rig.now += 60; /* three ticks missed: all are made up for, one a turn */
    for (unsigned k = 0; k < 4; k++)
        talk(2, 1);
    CU_ASSERT(party[0].packets - before >= 3);
    CU_ASSERT_EQUAL(link_client_mix(rig.client, mix, NULL, &s), 0);
    CU_ASSERT(s.ticks_late >= 2);
    CU_ASSERT_EQUAL(s.ticks_lost, 0);
    rig.now += 10000; /* ten seconds: lost but for the last */
    before = party[0].packets;
    for (unsigned k = 0; k < 10; k++)
        talk(2, 1);
    CU_ASSERT(party[0].packets - before <= MIX_CATCH_UP + 1);
    CU_ASSERT_EQUAL(link_client_mix(rig.client, mix, NULL, &s), 0);
    CU_ASSERT(s.ticks_lost >= 490 && s.ticks_lost <= 500);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_ticks_lost), s.ticks_lost);
    talk(2, 1500);
    HEARS(0, 1);
    HEARS(1, 0);
    stop(2);
}

static void rooms_are_spread_over_the_tick(void)
{
    uint64_t due[RIG_MIXES];
    unsigned same = 0;

    start(1, 1);
    for (unsigned i = 0; i < RIG_MIXES; i++) {
        struct link_id mix = mix_make(0, 2, 0);

        due[i] = rig.worker[0]->mix[mix.index & 0xffffff]->due_us % AUDIO_TICK_US;
        for (unsigned k = 0; k < i; k++) {
            uint64_t apart = due[i] > due[k] ? due[i] - due[k] : due[k] - due[i];

            same += apart < 1000 || apart > AUDIO_TICK_US - 1000;
        }
    }
    CU_ASSERT_EQUAL(same, 0);
    CU_ASSERT(mix_wait_us(rig.worker[0], 100000) <= AUDIO_TICK_US);
    CU_ASSERT_EQUAL(mix_wait_us(rig.worker[0], 0), 0);
    stop(1);
}

/* ---- control that goes and comes ---- */

static int count_mix(void *context, const struct link_mix_info *info,
                     const struct link_mix_stats *stats)
{
    struct link_mix_info *out = context;

    (void)stats;
    *out = *info;
    return 0;
}

static void rooms_outlive_control_until_nobody_claims_them(void)
{
    struct link_mix_info info;
    struct link_id mix;
    struct link_msg msg;

    start(1, 2);
    mix = room_of(2);
    rig_detach(&rig);
    talk(2, 1000);
    HEARS(0, 1);
    rig_attach(&rig);
    CU_ASSERT_EQUAL(link_client_mixes(rig.client, count_mix, &info), 1);
    CU_ASSERT_EQUAL(info.id.generation, mix.generation);
    CU_ASSERT_EQUAL(info.claimed, 0);
    CU_ASSERT_STRING_EQUAL(info.conference, "room");
    link_msg_init(&msg, LINK_MIX_CLAIM, mix, 1);
    CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    for (unsigned i = 0; i < 2; i++) {
        link_msg_init(&msg, LINK_TRANSPORT_CLAIM, party[i].id, 1);
        CU_ASSERT_EQUAL(mix_ask(&msg), 0);
    }
    CU_ASSERT_EQUAL(link_client_mixes(rig.client, count_mix, &info), 1);
    CU_ASSERT_EQUAL(info.claimed, 1);
    talk(2, 12000);
    HEARS(0, 1);
    rig_detach(&rig);
    rig_attach(&rig);
    talk(2, 12000); /* longer than the orphan timeout */
    CU_ASSERT_EQUAL(link_client_mixes(rig.client, count_mix, &info), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mixes), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_mix_members), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_transports), 0);
    stop(2);
}

SUITE("dpdk-app/mix", TEST(three_hear_each_other_and_not_themselves),
      TEST(members_come_and_go_without_a_gap_for_the_others),
      TEST(muted_is_not_heard_and_deaf_hears_nothing), TEST(only_the_loudest_are_mixed),
      TEST(mixes_do_not_hear_each_other), TEST(other_payload_types_go_where_they_went),
      TEST(wrong_payloads_are_counted_and_harm_nobody), TEST(digits_are_told_once),
      TEST(a_clock_that_no_peer_has_is_refused), TEST(speaker_is_told),
      TEST(mixed_streams_have_sender_reports), TEST(joins_are_checked),
      TEST(rooms_are_limited_and_named_once), TEST(closed_transport_leaves_its_room),
      TEST(close_in_the_middle_of_a_tick), TEST(no_buffers_cost_frames_alone),
      TEST(frames_wait_for_keys_without_being_made), TEST(late_worker_catches_up_to_a_bound),
      TEST(rooms_are_spread_over_the_tick), TEST(rooms_outlive_control_until_nobody_claims_them))
