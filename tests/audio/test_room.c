/* Rooms of G.711: who hears whom, configurations that are refused, counted packets, events. */
#include "audio/room.h"
#include "base/err.h"
#include "tests/suite.h"

#include <math.h>
#include <spandsp/telephony.h>

#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>
#include <stdlib.h>

#define FRAME   160
#define MEMBERS 5

/* A room of talkers with a tone each, driven tick by tick. */
struct rig {
    struct audio_room *room;
    struct audio_member *member[MEMBERS];
    unsigned n;
    uint64_t now_us;
    uint16_t sequence;
    uint32_t timestamp;
    int16_t heard[MEMBERS][FRAME]; /* of the last tick */
    struct audio_frame frame[MEMBERS];
};

static struct audio_member_config pcma(void)
{
    return (struct audio_member_config){.rx = {{8, AUDIO_CODEC_PCMA}, {0, AUDIO_CODEC_PCMU}},
                                        .event_payload_type = 101,
                                        .tx_codec = AUDIO_CODEC_PCMA,
                                        .tx_payload_type = 8};
}

static void rig_start(struct rig *r, unsigned n, unsigned loudest)
{
    struct audio_room_config config = {.rate = 8000, .loudest = loudest, .max_members = MEMBERS};
    struct audio_member_config member = pcma();

    memset(r, 0, sizeof(*r));
    r->now_us = 1000000;
    r->n = n;
    CU_ASSERT_EQUAL_FATAL(audio_room_create(&config, &r->room), 0);
    for (unsigned i = 0; i < n; i++)
        CU_ASSERT_EQUAL_FATAL(audio_member_add(r->room, &member, &r->heard[i], &r->member[i]), 0);
}

static double pitch(unsigned i)
{
    return 300 + 170 * i;
}

static enum audio_verdict send(struct rig *r, unsigned i, double amplitude)
{
    uint8_t payload[FRAME];
    struct audio_packet p = {.payload = payload,
                             .length = FRAME,
                             .sequence = r->sequence,
                             .timestamp = r->timestamp,
                             .ssrc = 1000 + i,
                             .payload_type = 8};

    for (unsigned k = 0; k < FRAME; k++)
        payload[k] = linear_to_alaw(
            (int)lrint(amplitude * sin(2 * M_PI * pitch(i) * (double)(r->timestamp + k) / 8000)));
    return audio_member_packet(r->member[i], &p, r->now_us);
}

/* Members whose bit is set in `talkers` send; then a tick; then all hear. */
static void rig_tick(struct rig *r, unsigned talkers)
{
    uint8_t payload[AUDIO_FRAME_MAX];

    for (unsigned i = 0; i < r->n; i++)
        if (talkers >> i & 1)
            send(r, i, 4000);
    r->sequence++;
    r->timestamp += FRAME;
    r->now_us += 1000;
    audio_room_tick(r->room, r->now_us);
    r->now_us += AUDIO_TICK_US - 1000;
    for (unsigned i = 0; i < r->n; i++) {
        CU_ASSERT_TRUE(audio_member_frame(r->member[i], payload, sizeof(payload), &r->frame[i]));
        CU_ASSERT_EQUAL(r->frame[i].length, FRAME);
        for (unsigned k = 0; k < FRAME; k++)
            r->heard[i][k] = alaw_to_linear(payload[k]);
    }
}

/* Amplitude of talker i's tone in what member `ear` heard in the last tick (Goertzel). */
static double tone(const struct rig *r, unsigned ear, unsigned i)
{
    double re = 0, im = 0;

    for (unsigned k = 0; k < FRAME; k++) {
        re += r->heard[ear][k] * cos(2 * M_PI * pitch(i) * k / 8000);
        im += r->heard[ear][k] * sin(2 * M_PI * pitch(i) * k / 8000);
    }
    return 2 * hypot(re, im) / FRAME;
}

static void everybody_hears_the_others_and_not_itself(void)
{
    struct rig r;

    rig_start(&r, 3, 0);
    for (unsigned t = 0; t < 50; t++)
        rig_tick(&r, 7);
    for (unsigned ear = 0; ear < 3; ear++)
        for (unsigned i = 0; i < 3; i++) {
            double level = tone(&r, ear, i);

            CU_ASSERT_TRUE(ear == i ? level < 700 : level > 3300 && level < 4700);
        }
    audio_room_destroy(r.room);
}

static void listeners_share_one_encoding(void)
{
    struct audio_member_stats stats;
    struct rig r;

    rig_start(&r, 5, 0);
    for (unsigned t = 0; t < 50; t++)
        rig_tick(&r, 1);
    audio_member_get_stats(r.member[0], &stats);
    CU_ASSERT_EQUAL(stats.encodings, 50); /* the talker: all but itself */
    for (unsigned i = 1; i < 5; i++) {
        audio_member_get_stats(r.member[i], &stats);
        CU_ASSERT_EQUAL(stats.encodings, 0);
        CU_ASSERT_EQUAL(memcmp(r.heard[i], r.heard[1], sizeof(r.heard[1])), 0);
    }
    CU_ASSERT_TRUE(tone(&r, 1, 0) > 3300);
    audio_room_destroy(r.room);
}

static void silent_room_sends_silence_in_step(void)
{
    struct rig r;

    rig_start(&r, 2, 3);
    for (unsigned t = 0; t < 10; t++) {
        rig_tick(&r, 0);
        CU_ASSERT_TRUE(r.frame[0].is_silent);
        CU_ASSERT_EQUAL(r.frame[0].timestamp_step, FRAME);
        CU_ASSERT_EQUAL(r.frame[0].marker, t == 0);
        CU_ASSERT_TRUE(abs(r.heard[0][17]) <= 8);
    }
    audio_room_destroy(r.room);
}

static void muted_member_is_not_heard_and_deaf_one_hears_nothing(void)
{
    struct audio_member_config muted = pcma(), deaf = pcma();
    struct rig r;

    rig_start(&r, 3, 0);
    muted.is_muted = true;
    deaf.is_deaf = true;
    for (unsigned t = 0; t < 20; t++)
        rig_tick(&r, 7);
    CU_ASSERT_EQUAL(audio_member_set(r.member[0], &muted), 0);
    CU_ASSERT_EQUAL(audio_member_set(r.member[1], &deaf), 0);
    for (unsigned t = 0; t < 5; t++)
        rig_tick(&r, 7);
    CU_ASSERT_TRUE(tone(&r, 2, 0) < 700);
    CU_ASSERT_TRUE(tone(&r, 2, 1) > 3300);
    CU_ASSERT_TRUE(tone(&r, 1, 2) < 20);
    CU_ASSERT_TRUE(r.frame[1].is_silent);
    audio_room_destroy(r.room);
}

static void refused_configurations_change_nothing(void)
{
    struct audio_member_config good = pcma(), bad;
    struct audio_member *m = NULL;
    struct audio_room *room = NULL;
    struct audio_room_config config = {.rate = 11025, .max_members = 2};

    CU_ASSERT_EQUAL(audio_room_create(&config, &room), ERR_INVAL);
    CU_ASSERT_EQUAL(audio_room_size(&config), 0);
    config.rate = 8000;
    config.max_members = 0;
    CU_ASSERT_EQUAL(audio_room_create(&config, &room), ERR_INVAL);
    config.max_members = 1;
    CU_ASSERT_EQUAL_FATAL(audio_room_create(&config, &room), 0);
    bad = good;
    bad.rx[1].payload_type = 8; /* two codecs of one type */
    CU_ASSERT_EQUAL(audio_member_add(room, &bad, NULL, &m), ERR_INVAL);
    bad = good;
    bad.event_payload_type = 8;
    CU_ASSERT_EQUAL(audio_member_add(room, &bad, NULL, &m), ERR_INVAL);
    bad = good;
    bad.ptime_ms = 30;
    CU_ASSERT_EQUAL(audio_member_add(room, &bad, NULL, &m), ERR_INVAL);
    bad = good;
    bad.gain_db = 21;
    CU_ASSERT_EQUAL(audio_member_add(room, &bad, NULL, &m), ERR_INVAL);
    bad = good;
    bad.jitter_max_ms = 201;
    CU_ASSERT_EQUAL(audio_member_add(room, &bad, NULL, &m), ERR_INVAL);
    CU_ASSERT_EQUAL_FATAL(audio_member_add(room, &good, NULL, &m), 0);
    CU_ASSERT_EQUAL(audio_member_set(m, &bad), ERR_INVAL);
    CU_ASSERT_EQUAL(audio_member_add(room, &good, NULL, &m), ERR_LIMIT);
    audio_room_destroy(room);
}

static void foreign_packets_are_counted_by_reason(void)
{
    uint8_t payload[AUDIO_PAYLOAD_MAX + 1] = {0};
    struct audio_packet p = {.payload = payload, .length = FRAME, .ssrc = 7, .payload_type = 8};
    struct audio_member_stats stats;
    struct rig r;

    rig_start(&r, 1, 0);
    CU_ASSERT_EQUAL(audio_member_packet(r.member[0], &p, r.now_us), AUDIO_PACKET_KEPT);
    CU_ASSERT_EQUAL(audio_member_packet(r.member[0], &p, r.now_us), AUDIO_PACKET_DUPLICATE);
    p.sequence++;
    p.payload_type = 96;
    CU_ASSERT_EQUAL(audio_member_packet(r.member[0], &p, r.now_us), AUDIO_PACKET_WRONG_TYPE);
    p.payload_type = 13;
    CU_ASSERT_EQUAL(audio_member_packet(r.member[0], &p, r.now_us), AUDIO_PACKET_COMFORT_NOISE);
    p.payload_type = 8;
    p.sequence++;
    p.length = 481;
    CU_ASSERT_EQUAL(audio_member_packet(r.member[0], &p, r.now_us), AUDIO_PACKET_MALFORMED);
    p.sequence++;
    p.length = AUDIO_PAYLOAD_MAX + 1;
    CU_ASSERT_EQUAL(audio_member_packet(r.member[0], &p, r.now_us), AUDIO_PACKET_MALFORMED);
    p.length = FRAME;
    p.ssrc = 8;
    CU_ASSERT_EQUAL(audio_member_packet(r.member[0], &p, r.now_us), AUDIO_PACKET_WRONG_SSRC);
    audio_member_get_stats(r.member[0], &stats);
    for (unsigned v = 0; v < AUDIO_VERDICTS; v++) {
        static const uint64_t wanted[AUDIO_VERDICTS] = {
            [AUDIO_PACKET_KEPT] = 1,       [AUDIO_PACKET_DUPLICATE] = 1,
            [AUDIO_PACKET_WRONG_TYPE] = 1, [AUDIO_PACKET_COMFORT_NOISE] = 1,
            [AUDIO_PACKET_MALFORMED] = 2,  [AUDIO_PACKET_WRONG_SSRC] = 1};

        CU_ASSERT_EQUAL(stats.packets[v], wanted[v]);
        CU_ASSERT_STRING_NOT_EQUAL(audio_verdict_to_str((enum audio_verdict)v), "unknown");
    }
    audio_room_destroy(r.room);
}

SUITE("audio/room", TEST(everybody_hears_the_others_and_not_itself),
      TEST(listeners_share_one_encoding), TEST(silent_room_sends_silence_in_step),
      TEST(muted_member_is_not_heard_and_deaf_one_hears_nothing),
      TEST(refused_configurations_change_nothing), TEST(foreign_packets_are_counted_by_reason))
