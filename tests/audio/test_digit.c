/* Digits of telephone-events (RFC 4733), alone and in a room. */
#include "audio/digit.h"
#include "audio/room.h"
#include "tests/suite.h"

#define PT 101

struct rig {
    struct audio_room *room;
    struct audio_member *member;
    uint64_t now_us;
    uint16_t sequence;
};

static void rig_start(struct rig *r)
{
    struct audio_room_config room = {.rate = 8000, .max_members = 2};
    struct audio_member_config member = {.rx = {{8, AUDIO_CODEC_PCMA}},
                                         .event_payload_type = PT,
                                         .tx_codec = AUDIO_CODEC_PCMA,
                                         .tx_payload_type = 8};

    *r = (struct rig){.now_us = 1000000};
    CU_ASSERT_EQUAL_FATAL(audio_room_create(&room, &r->room), 0);
    CU_ASSERT_EQUAL_FATAL(audio_member_add(r->room, &member, r, &r->member), 0);
}

static enum audio_verdict send(struct rig *r, uint8_t event, bool is_end, unsigned duration,
                               uint32_t timestamp)
{
    uint8_t payload[] = {event, is_end ? 0x8a : 0x0a, (uint8_t)(duration >> 8), (uint8_t)duration};
    struct audio_packet p = {.payload = payload,
                             .length = sizeof(payload),
                             .sequence = r->sequence++,
                             .timestamp = timestamp,
                             .ssrc = 1,
                             .payload_type = PT};

    r->now_us += 20000;
    return audio_member_packet(r->member, &p, r->now_us);
}

static void press(struct rig *r, uint8_t event, uint32_t timestamp, unsigned ends)
{
    for (unsigned i = 1; i <= 4; i++)
        send(r, event, false, 160 * i, timestamp);
    for (unsigned i = 0; i < ends; i++)
        send(r, event, true, 800, timestamp);
}

static void expect(struct rig *r, enum audio_event_kind kind, char digit, unsigned ms)
{
    struct audio_event event;

    CU_ASSERT_TRUE_FATAL(audio_room_next_event(r->room, &event));
    CU_ASSERT_EQUAL(event.kind, kind);
    CU_ASSERT_EQUAL(event.digit, digit);
    CU_ASSERT_EQUAL(event.duration_ms, ms);
    CU_ASSERT_PTR_EQUAL(event.member, r->member);
    CU_ASSERT_PTR_EQUAL(event.user, r);
}

static void expect_nothing(struct rig *r)
{
    struct audio_event event;

    CU_ASSERT_FALSE(audio_room_next_event(r->room, &event));
}

static void three_ends_are_one_digit(void)
{
    struct rig r;

    rig_start(&r);
    press(&r, 5, 1000, 3);
    press(&r, 5, 4000, 3); /* the same key again: another press */
    press(&r, 11, 8000, 3);
    for (unsigned i = 0; i < 3; i++) {
        expect(&r, AUDIO_EVENT_DIGIT_BEGIN, i < 2 ? '5' : '#', 0);
        expect(&r, AUDIO_EVENT_DIGIT, i < 2 ? '5' : '#', 100);
    }
    expect_nothing(&r);
    audio_room_destroy(r.room);
}

static void end_alone_is_a_digit_nevertheless(void)
{
    struct rig r;

    rig_start(&r);
    send(&r, 0, true, 640, 1000); /* all but the last packet were lost */
    expect(&r, AUDIO_EVENT_DIGIT_BEGIN, '0', 0);
    expect(&r, AUDIO_EVENT_DIGIT, '0', 80);
    expect_nothing(&r);
    audio_room_destroy(r.room);
}

static void lost_ends_are_made_up(void)
{
    struct rig r;

    rig_start(&r);
    press(&r, 7, 1000, 0);
    press(&r, 8, 4000, 0); /* a new key ends the old one */
    expect(&r, AUDIO_EVENT_DIGIT_BEGIN, '7', 0);
    expect(&r, AUDIO_EVENT_DIGIT, '7', 80);
    expect(&r, AUDIO_EVENT_DIGIT_BEGIN, '8', 0);
    for (unsigned i = 0; i < 20; i++) {
        r.now_us += AUDIO_TICK_US;
        audio_room_tick(r.room, r.now_us);
    }
    expect(&r, AUDIO_EVENT_DIGIT, '8', 80);
    send(&r, 8, true, 800, 4000); /* its end comes after all */
    expect_nothing(&r);
    audio_room_destroy(r.room);
}

static void late_and_foreign_events_are_nothing(void)
{
    struct rig r;

    rig_start(&r);
    press(&r, 1, 5000, 1);
    expect(&r, AUDIO_EVENT_DIGIT_BEGIN, '1', 0);
    expect(&r, AUDIO_EVENT_DIGIT, '1', 100);
    press(&r, 2, 1000, 1);                                               /* of before */
    CU_ASSERT_EQUAL(send(&r, 32, false, 160, 9000), AUDIO_PACKET_EVENT); /* answer tone */
    expect_nothing(&r);
    audio_room_destroy(r.room);
}

static void short_payload_is_malformed(void)
{
    uint8_t payload[3] = {1, 0x8a, 0};
    struct audio_packet p = {.payload = payload, .ssrc = 1, .payload_type = PT};
    struct rig r;

    rig_start(&r);
    for (p.length = 0; p.length < 4; p.length++, p.sequence++)
        CU_ASSERT_EQUAL(audio_member_packet(r.member, &p, r.now_us), AUDIO_PACKET_MALFORMED);
    expect_nothing(&r);
    audio_room_destroy(r.room);
}

static void flood_of_presses_is_bounded(void)
{
    struct audio_event event;
    struct rig r;
    unsigned digits = 0;

    rig_start(&r);
    for (unsigned i = 0; i < 5000; i++) {
        send(&r, 1, true, 160, 1000 + i);
        r.now_us -= 19000; /* a thousand a second */
        while (audio_room_next_event(r.room, &event))
            digits += event.kind == AUDIO_EVENT_DIGIT;
    }
    CU_ASSERT_TRUE(digits >= 100 && digits <= 120); /* five seconds of 20 and 16 at once */
    audio_room_destroy(r.room);
}

static void durations_count_by_the_clock_of_the_events(void)
{
    struct audio_digit d = {.duration = 4800};

    CU_ASSERT_EQUAL(audio_digit_ms(&d, 48000), 100);
    CU_ASSERT_EQUAL(audio_digit_ms(&d, 0), 600);
}

static void every_event_has_its_character(void)
{
    static const char wanted[] = "0123456789*#ABCD!";

    for (unsigned i = 0; i < 17; i++)
        CU_ASSERT_EQUAL(audio_digit_to_char((uint8_t)i), wanted[i]);
    CU_ASSERT_EQUAL(audio_digit_to_char(17), 0);
    CU_ASSERT_EQUAL(audio_digit_to_char(255), 0);
}

/* The tone of the key in the audio beside the events is not heard. */
static void audio_is_muted_while_a_key_is_held(void)
{
    uint8_t loud[160], payload[AUDIO_FRAME_MAX];
    struct audio_packet p = {.payload = loud, .length = 160, .ssrc = 1, .payload_type = 8};
    struct audio_member_config ear_config = {.rx = {{8, AUDIO_CODEC_PCMA}},
                                             .event_payload_type = PT,
                                             .tx_codec = AUDIO_CODEC_PCMA,
                                             .tx_payload_type = 8};
    struct audio_member *ear;
    struct audio_frame frame;
    struct rig r;

    rig_start(&r);
    CU_ASSERT_EQUAL(audio_member_add(r.room, &ear_config, NULL, &ear), 0);
    for (unsigned i = 0; i < 160; i++)
        loud[i] = i & 1 ? 0x2a : 0xaa;
    for (unsigned t = 0; t < 30; t++) {
        p.sequence = r.sequence++;
        p.timestamp = t * 160;
        CU_ASSERT_EQUAL(audio_member_packet(r.member, &p, r.now_us), AUDIO_PACKET_KEPT);
        if (t == 10)
            send(&r, 3, false, 160, 1600);
        else if (t == 20)
            send(&r, 3, true, 1600, 1600);
        else
            r.now_us += 20000;
        audio_room_tick(r.room, r.now_us);
        CU_ASSERT_TRUE(audio_member_frame(ear, payload, sizeof(payload), &frame));
        if (t >= 10 && t < 20)
            CU_ASSERT_TRUE(frame.is_silent)
        else if (t > 0)
            CU_ASSERT_FALSE(frame.is_silent)
    }
    audio_room_destroy(r.room);
}

SUITE("audio/digit", TEST(three_ends_are_one_digit), TEST(end_alone_is_a_digit_nevertheless),
      TEST(lost_ends_are_made_up), TEST(late_and_foreign_events_are_nothing),
      TEST(short_payload_is_malformed), TEST(flood_of_presses_is_bounded),
      TEST(durations_count_by_the_clock_of_the_events), TEST(every_event_has_its_character),
      TEST(audio_is_muted_while_a_key_is_held))
