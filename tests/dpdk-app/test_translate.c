#include "tests/suite.h"

#include "dpdk-app/translate.h"

/* A header of the source, and what the receiver sees of it. */
struct seen {
    enum translate_result result;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    bool marker;
};

static struct stream stream;
static uint8_t rtp[12 + 20];

static void start(void)
{
    memset(&stream, 0, sizeof(stream));
    stream.ssrc = 0xaabbccdd;
}

static struct seen send_bits(uint32_t order, uint32_t source, uint16_t sequence, uint32_t timestamp,
                             uint32_t now_ms, uint8_t bits)
{
    struct packet p = {.data = rtp,
                       .length = sizeof(rtp),
                       .bits = bits,
                       .ssrc = stream.ssrc,
                       .timestamp = timestamp,
                       .sequence = sequence,
                       .order = order,
                       .clock = PACKET_CLOCK(8000u),
                       .summed = 1};
    struct seen seen = {0};

    for (unsigned i = 0; i < sizeof(rtp); i++)
        rtp[i] = (uint8_t)(i * 37 + sequence);
    rtp[0] = 0x80;
    rtp[1] = 8;
    wire_put16(rtp + 2, sequence);
    wire_put32(rtp + 4, timestamp);
    wire_put32(rtp + 8, source);
    p.sum = wire_half(wire_sum(rtp, sizeof(rtp), 0));
    seen.result = translate_packet(&stream, &p, 20, now_ms, 0x12345678);
    seen.sequence = wire_get16(rtp + 2);
    seen.timestamp = wire_get32(rtp + 4);
    seen.ssrc = wire_get32(rtp + 8);
    seen.marker = rtp[1] >> 7;
    if (!(bits & PACKET_SHARED))
        CU_ASSERT_EQUAL(wire_fold(p.sum), wire_fold(wire_sum(rtp, sizeof(rtp), 0)));
    return seen;
}

static struct seen send_one(uint32_t order, uint32_t source, uint16_t sequence, uint32_t timestamp,
                            uint32_t now_ms)
{
    return send_bits(order, source, sequence, timestamp, now_ms, PACKET_TRANSLATE);
}

static void numbers_keep_their_distances(void)
{
    static const int16_t at[] = {1, 2, 5, 4, 3, 3, 200, 2999, 7};
    struct seen first, s;

    start();
    first = send_one(1, 7, 65530, 1000, 50);
    CU_ASSERT_EQUAL(first.result, TRANSLATE_SWITCHED);
    CU_ASSERT_TRUE(first.marker);
    CU_ASSERT_EQUAL(first.ssrc, 0xaabbccdd);
    CU_ASSERT_TRUE(first.sequence <= 0x8000);
    for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        s = send_one(1, 7, (uint16_t)(65530 + at[i]), 1000u + 160u * (uint32_t)at[i], 50);
        CU_ASSERT_EQUAL(s.result, TRANSLATE_OK);
        CU_ASSERT_EQUAL((int16_t)(s.sequence - first.sequence), at[i]);
        CU_ASSERT_EQUAL(s.timestamp - first.timestamp, 160u * (uint32_t)at[i]);
        CU_ASSERT_FALSE(s.marker);
    }
    CU_ASSERT_EQUAL(stream.out.packets, 10);
    CU_ASSERT_EQUAL(stream.out.octets, 200);
}

static void another_source_goes_on_without_a_gap(void)
{
    struct seen a, b;

    start();
    send_one(1, 7, 100, 5000, 1000);
    a = send_one(1, 7, 101, 5160, 1020);
    b = send_one(2, 9, 40000, 99, 1050); /* 30 ms later = 240 ticks */
    CU_ASSERT_EQUAL(b.result, TRANSLATE_SWITCHED);
    CU_ASSERT_TRUE(b.marker);
    CU_ASSERT_EQUAL((uint16_t)(b.sequence - a.sequence), 1);
    CU_ASSERT_EQUAL(b.timestamp - a.timestamp, 240);
    CU_ASSERT_EQUAL(b.ssrc, 0xaabbccdd);
    a = send_one(2, 9, 40001, 259, 1070);
    CU_ASSERT_EQUAL(a.result, TRANSLATE_OK);
    CU_ASSERT_EQUAL(a.timestamp - b.timestamp, 160);
    CU_ASSERT_EQUAL((uint16_t)(a.sequence - b.sequence), 1);
}

static void a_switch_within_a_tick_still_moves_the_clock(void)
{
    struct seen a, b;

    start();
    a = send_one(1, 7, 100, 5000, 1000);
    b = send_bits(2, 9, 3, 99, 1000, PACKET_TRANSLATE | PACKET_VIDEO);
    CU_ASSERT_EQUAL(b.timestamp - a.timestamp, 1);
    CU_ASSERT_FALSE(b.marker); /* video: it would end a frame that never began */
}

static void packets_from_before_a_switch_are_late(void)
{
    struct seen a, b, late;

    start();
    send_one(1, 7, 100, 5000, 1000);
    b = send_one(2, 9, 500, 99, 1020);
    CU_ASSERT_EQUAL(send_one(1, 7, 101, 5160, 1021).result, TRANSLATE_LATE); /* the old row */
    CU_ASSERT_EQUAL(send_one(2, 9, 499, 0, 1022).result, TRANSLATE_LATE);    /* before it began */
    CU_ASSERT_EQUAL(send_one(2, 9, 450, 0, 1022).result, TRANSLATE_LATE);
    CU_ASSERT_EQUAL(send_one(2, 9, 451, 0, 1022).result, TRANSLATE_LATE);
    a = send_one(2, 9, 502, 419, 1060);
    CU_ASSERT_EQUAL((uint16_t)(a.sequence - b.sequence), 2);
    late = send_one(2, 9, 501, 259, 1061); /* overtaken, after it began */
    CU_ASSERT_EQUAL(late.result, TRANSLATE_OK);
    CU_ASSERT_EQUAL((uint16_t)(late.sequence - b.sequence), 1);
    CU_ASSERT_EQUAL(send_one(2, 9, 499, 0, 1062).result, TRANSLATE_LATE);
}

static void two_ssrcs_behind_one_row_do_not_alternate(void)
{
    struct seen a, b;

    start();
    a = send_one(1, 7, 100, 5000, 1000);
    for (uint16_t i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(send_one(1, 8, (uint16_t)(900 + i), 1, 1010u + i * 20u).result,
                        TRANSLATE_OTHER);
        a = send_one(1, 7, (uint16_t)(101 + i), 5160u + 160u * i, 1020u + i * 20u);
        CU_ASSERT_EQUAL(a.result, TRANSLATE_OK);
    }
    b = send_one(1, 8, 910, 1, 1200 + TRANSLATE_SILENT_MS); /* the first is silent */
    CU_ASSERT_EQUAL(b.result, TRANSLATE_SWITCHED);
    CU_ASSERT_EQUAL((uint16_t)(b.sequence - a.sequence), 1);
}

static void a_source_that_begins_again_is_followed_after_two_packets(void)
{
    struct seen a, b;

    start();
    a = send_one(1, 7, 100, 5000, 1000);
    CU_ASSERT_EQUAL(send_one(1, 7, 30000, 77, 1020).result, TRANSLATE_LATE);
    a = send_one(1, 7, 101, 5160, 1020); /* it was an accident */
    CU_ASSERT_EQUAL(a.result, TRANSLATE_OK);
    CU_ASSERT_EQUAL(send_one(1, 7, 60000, 77, 1040).result, TRANSLATE_LATE);
    b = send_one(1, 7, 60001, 237, 1060);
    CU_ASSERT_EQUAL(b.result, TRANSLATE_SWITCHED);
    CU_ASSERT_EQUAL((uint16_t)(b.sequence - a.sequence), 1);
    CU_ASSERT_EQUAL(b.timestamp - a.timestamp, 320);
}

/* Whatever comes, no number is given to two packets: under SRTP it would be an index used twice. */
static void no_number_is_used_twice(void)
{
    static uint32_t owner[65536];
    uint32_t state = 1, id = 0, order = 1, sequence[3] = {10, 40000, 65500};
    unsigned used = 0, at = 0;

    start();
    memset(owner, 0, sizeof(owner));
    for (unsigned i = 0; i < 60000; i++) {
        struct seen s;
        unsigned from;

        state = state * 1664525u + 1013904223u;
        if ((state >> 10) % 50 == 0) {
            at = (state >> 20) % 3;
            order++;
        }
        from = (state >> 8) % 16 == 0 ? (state >> 25) % 3 : at;
        if ((state >> 16) % 7 != 0)
            sequence[from]++;
        s = send_one(from == at ? order : order - 1, from + 1,
                     (uint16_t)(sequence[from] - ((state >> 12) % 9 == 0 ? (state >> 28) : 0)), i,
                     i * 5);
        if (s.result >= TRANSLATE_LATE)
            continue;
        /* A doubled packet of the source is the same packet: same source, same number. */
        id = (from + 1) << 16 | (uint16_t)(s.sequence - stream.out.add_sequence);
        CU_ASSERT_TRUE(owner[s.sequence] == 0 || owner[s.sequence] == id ||
                       (uint16_t)(stream.out.sequence - s.sequence) > 30000);
        owner[s.sequence] = id;
        owner[(uint16_t)(s.sequence + 20000)] = 0;
        used++;
    }
    CU_ASSERT_TRUE(used > 30000);
}

static void numbers_are_translated_back(void)
{
    uint16_t n = 0;
    struct seen a, b;

    start();
    CU_ASSERT_FALSE(translate_back(&stream, 1, &n));
    a = send_one(1, 7, 100, 5000, 1000);
    send_one(2, 9, 65534, 99, 1020);
    b = send_one(2, 9, 3, 899, 1120);
    CU_ASSERT_TRUE(translate_back(&stream, b.sequence, &n));
    CU_ASSERT_EQUAL(n, 3);
    CU_ASSERT_TRUE(translate_back(&stream, (uint16_t)(b.sequence - 5), &n));
    CU_ASSERT_EQUAL(n, 65534);
    CU_ASSERT_FALSE(translate_back(&stream, a.sequence, &n)); /* the source before */
    CU_ASSERT_FALSE(translate_back(&stream, (uint16_t)(b.sequence + 1), &n));
}

SUITE("dpdk-app/translate", TEST(numbers_keep_their_distances),
      TEST(another_source_goes_on_without_a_gap),
      TEST(a_switch_within_a_tick_still_moves_the_clock),
      TEST(packets_from_before_a_switch_are_late), TEST(two_ssrcs_behind_one_row_do_not_alternate),
      TEST(a_source_that_begins_again_is_followed_after_two_packets), TEST(no_number_is_used_twice),
      TEST(numbers_are_translated_back))
