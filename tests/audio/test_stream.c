/* What a talker's packets become when the network or the sender misbehaves (RFC 3550 6.4.1, A.1).
 */
#include "tests/audio/talk.h"
#include "tests/suite.h"

#include <math.h>

static uint32_t random_of(uint64_t n)
{
    n = (n + 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
    n = (n ^ n >> 27) * 0x94d049bb133111ebU;
    return (uint32_t)(n >> 32);
}

static int jitter_60ms(const struct talk *t, uint64_t packet)
{
    (void)t;
    /* The first one is fast, so that the buffer has everything to learn. */
    return packet == 0 ? 0 : (int)(random_of(packet) % 60000);
}

static int jitter_400ms(const struct talk *t, uint64_t packet)
{
    (void)t;
    return packet == 0 ? 0 : (int)(random_of(packet) % 400000);
}

static int rare_150ms(const struct talk *t, uint64_t packet)
{
    (void)t;
    return random_of(packet) % 100 == 3 ? 150000 : (int)(random_of(packet) % 5000);
}

static int lose_tenth(const struct talk *t, uint64_t packet)
{
    (void)t;
    return packet % 10 == 7 ? TALK_LOST : 1000;
}

static int swap_pairs(const struct talk *t, uint64_t packet)
{
    (void)t;
    return packet % 8 == 3 ? 25000 : 1000;
}

static int stall_a_second(const struct talk *t, uint64_t packet)
{
    uint64_t at = packet * t->ptime_ms;

    return at >= 5000 && at < 6000 ? (int)(6000 - at) * 1000 : 0;
}

static int longer_way(const struct talk *t, uint64_t packet)
{
    return packet * t->ptime_ms < 5000 ? 2000 : 122000;
}

static void undisturbed_stream_passes_unchanged_and_soon(void)
{
    for (unsigned phase = 0; phase < 20000; phase += 1700) {
        struct talk t = {.signal = talk_speech, .phase_us = phase};
        double delay;

        talk_start(&t);
        talk_run(&t, 500);
        talk_listen(&t);
        talk_run(&t, 2000);
        CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.999);
        /* Never longer than to the next tick: 60 ms mouth to ear are allowed, 20 of them go into
         * the packet itself. */
        CU_ASSERT_TRUE(delay >= 0 && delay <= 20000);
        CU_ASSERT_EQUAL(talk_stats(&t).concealed_ms, 0);
        CU_ASSERT_EQUAL(talk_stats(&t).skipped_ms, 0);
        talk_end(&t);
    }
}

static void every_packet_time_passes_unchanged(void)
{
    static const unsigned times[] = {10, 20, 30, 40, 50, 60};

    for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct talk t = {.signal = talk_speech, .ptime_ms = times[i], .phase_us = 3000};
        double delay;

        talk_start(&t);
        talk_run(&t, 500);
        talk_listen(&t);
        talk_run(&t, 3000);
        CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.999);
        CU_ASSERT_TRUE(delay <= 40000);
        CU_ASSERT_EQUAL(talk_stats(&t).concealed_ms, 0);
        talk_end(&t);
    }
}

static void counters_wrap_without_a_gap(void)
{
    struct talk t = {.signal = talk_speech,
                     .phase_us = 5000,
                     .sequence = 65500,
                     .timestamp = UINT32_MAX - 160 * 40};
    double delay;

    talk_start(&t);
    talk_run(&t, 2000);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
    CU_ASSERT_EQUAL(talk_stats(&t).concealed_ms, 0);
    CU_ASSERT_EQUAL(talk_stats(&t).lost, 0);
    CU_ASSERT_EQUAL(t.verdicts[AUDIO_PACKET_RESYNC], 0);
    talk_end(&t);
}

static void jitter_makes_the_buffer_grow_and_no_more_is_lost(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = jitter_60ms};
    uint64_t concealed, late;
    double delay;

    talk_start(&t);
    talk_run(&t, 5000);
    concealed = talk_stats(&t).concealed_ms;
    late = t.verdicts[AUDIO_PACKET_LATE];
    CU_ASSERT_TRUE(concealed > 0 && concealed < 300);
    talk_listen(&t);
    talk_run(&t, 20000);
    CU_ASSERT_TRUE(talk_stats(&t).concealed_ms - concealed <= 20);
    CU_ASSERT_TRUE(t.verdicts[AUDIO_PACKET_LATE] - late <= 1);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.9);
    CU_ASSERT_TRUE(delay >= 55000 && delay <= 60000 + 45000);
    printf("(%llu ms concealed, delay %.0f ms) ", (unsigned long long)concealed, delay / 1000);
    CU_ASSERT_TRUE(talk_stats(&t).jitter_ms >= 50 && talk_stats(&t).jitter_ms <= 60);
    talk_end(&t);
}

/* More jitter than the buffer may hold: what comes within its bound is heard, the rest is late, and
 * the delay stays within the bound. */
static void jitter_beyond_the_bound_is_late_and_no_more(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = jitter_400ms};
    double delay, match;

    talk_start(&t);
    talk_run(&t, 10000);
    talk_listen(&t);
    talk_run(&t, 20000);
    match = talk_match(&t, &delay);
    printf("(%.2f with a delay of %.0f ms) ", match, delay / 1000);
    CU_ASSERT_TRUE(match > 0.4);
    CU_ASSERT_TRUE(delay <= 300000);
    talk_end(&t);
}

/* One packet in a hundred is 150 ms late: it is given up, and all others keep their short delay. */
static void rare_outliers_do_not_make_everything_late(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = rare_150ms};
    uint64_t concealed;
    double delay, match;

    talk_start(&t);
    talk_run(&t, 20000);
    concealed = talk_stats(&t).concealed_ms;
    talk_listen(&t);
    talk_run(&t, 20000);
    match = talk_match(&t, &delay);
    printf("(%.2f with a delay of %.0f ms) ", match, delay / 1000);
    CU_ASSERT_TRUE(match > 0.5);
    CU_ASSERT_TRUE(delay <= 60000);
    CU_ASSERT_TRUE(talk_stats(&t).concealed_ms - concealed <= 600);
    talk_end(&t);
}

static void buffer_shrinks_when_jitter_is_over(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = jitter_60ms};
    double before, after;

    talk_start(&t);
    talk_run(&t, 10000);
    talk_listen(&t);
    talk_run(&t, 2000);
    talk_match(&t, &before);
    t.delay_us = NULL;
    talk_run(&t, 30000);
    talk_listen(&t);
    talk_run(&t, 4000);
    CU_ASSERT_TRUE(talk_match(&t, &after) > 0.99);
    CU_ASSERT_TRUE(after < before - 30000);
    CU_ASSERT_TRUE(after <= 45000);
    talk_end(&t);
}

static void lost_packets_are_counted_and_concealed(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = lose_tenth};
    double delay;

    talk_start(&t);
    talk_run(&t, 10000);
    CU_ASSERT_TRUE(talk_stats(&t).lost >= 49 && talk_stats(&t).lost <= 50);
    CU_ASSERT_TRUE(talk_stats(&t).concealed_ms >= 960 && talk_stats(&t).concealed_ms <= 1040);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.8);
    talk_end(&t);
}

static void reordered_packets_are_put_in_order(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = swap_pairs, .jitter_min_ms = 40};
    double delay;

    talk_start(&t);
    talk_run(&t, 5000);
    CU_ASSERT_EQUAL(talk_stats(&t).concealed_ms, 0);
    CU_ASSERT_EQUAL(talk_stats(&t).lost, 0);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
    talk_end(&t);
}

static void reordering_without_a_buffer_makes_one(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = swap_pairs, .phase_us = 1000};
    uint64_t concealed;
    double delay;

    talk_start(&t);
    talk_run(&t, 3000);
    concealed = talk_stats(&t).concealed_ms;
    talk_listen(&t);
    talk_run(&t, 5000);
    CU_ASSERT_EQUAL(talk_stats(&t).concealed_ms, concealed);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.99);
    CU_ASSERT_TRUE(delay <= 65000);
    talk_end(&t);
}

static void clock_jump_resynchronizes_at_once(void)
{
    static const uint32_t jumps[] = {8000 * 60, (uint32_t)-8000 * 60, 0x80000000U, 12345678};

    for (unsigned i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct talk t = {.signal = talk_speech, .phase_us = 4000};
        double delay;

        talk_start(&t);
        talk_run(&t, 2000);
        t.timestamp += jumps[i];
        talk_listen(&t);
        talk_run(&t, 2000);
        CU_ASSERT_EQUAL(t.verdicts[AUDIO_PACKET_RESYNC], 1);
        CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
        CU_ASSERT_TRUE(delay <= 40000);
        talk_end(&t);
    }
}

static void timestamps_that_stand_still_in_a_pause_are_followed(void)
{
    struct talk t = {.signal = talk_speech, .phase_us = 4000};
    double delay;

    talk_start(&t);
    talk_run(&t, 2000);
    t.is_paused = true;
    talk_run(&t, 600);
    t.is_paused = false;
    t.timestamp -= 8 * 600;
    talk_run(&t, 200);
    talk_listen(&t);
    talk_run(&t, 2000);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
    CU_ASSERT_TRUE(delay <= 60000);
    talk_end(&t);
}

static void pause_is_silence_and_not_loss(void)
{
    struct talk t = {.signal = talk_speech, .phase_us = 4000};
    struct audio_member_stats stats;
    double delay;

    talk_start(&t);
    talk_run(&t, 2000);
    t.is_paused = true;
    talk_run(&t, 5000);
    stats = talk_stats(&t);
    CU_ASSERT_TRUE(stats.concealed_ms <= 220);
    CU_ASSERT_EQUAL(stats.level_dbov, AUDIO_LEVEL_SILENT);
    t.is_paused = false;
    talk_listen(&t);
    talk_run(&t, 2000);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
    CU_ASSERT_TRUE(delay <= 20000);
    CU_ASSERT_EQUAL(talk_stats(&t).lost, 0);
    talk_end(&t);
}

static void another_source_takes_over_when_the_first_is_quiet(void)
{
    struct talk t = {.signal = talk_speech, .phase_us = 4000, .ssrc = 1};
    double delay;

    talk_start(&t);
    talk_run(&t, 2000);
    t.ssrc = 2;
    t.sequence = (uint16_t)(t.sequence + 30000);
    t.timestamp += 777777777;
    talk_run(&t, 300);
    talk_listen(&t);
    talk_run(&t, 2000);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
    /* It begins when the first one has been quiet for 100 ms. */
    CU_ASSERT_TRUE(t.verdicts[AUDIO_PACKET_WRONG_SSRC] >= 4);
    CU_ASSERT_TRUE(t.verdicts[AUDIO_PACKET_WRONG_SSRC] <= 6);
    talk_end(&t);
}

static void tenfold_rate_is_bounded_and_counted(void)
{
    struct talk t = {.signal = talk_speech, .phase_us = 4000, .times = 10};
    double delay;

    talk_start(&t);
    talk_run(&t, 10000);
    CU_ASSERT_TRUE(t.verdicts[AUDIO_PACKET_OVER_RATE] > 4200);
    t.times = 1;
    talk_run(&t, 1000);
    talk_listen(&t);
    t.said = t.packet * 160; /* the signal goes on where an honest sender would be */
    talk_run(&t, 2000);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.9);
    CU_ASSERT_TRUE(delay <= 260000);
    talk_end(&t);
}

static void stalled_network_leaves_no_delay_behind(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = stall_a_second, .phase_us = 4000};
    double delay;

    talk_start(&t);
    talk_run(&t, 6500);
    t.delay_us = NULL;
    talk_run(&t, 20000);
    talk_listen(&t);
    talk_run(&t, 2000);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
    CU_ASSERT_TRUE(delay <= 60000);
    talk_end(&t);
}

static void stalled_worker_leaves_no_delay_behind(void)
{
    static const unsigned stalls[] = {40, 100, 300, 2000};

    for (unsigned i = 0; i < sizeof(stalls) / sizeof(stalls[0]); i++) {
        struct talk t = {.signal = talk_speech, .phase_us = 4000};
        double delay;

        talk_start(&t);
        talk_run(&t, 2000);
        talk_stall(&t, stalls[i]);
        talk_run(&t, 12000);
        talk_listen(&t);
        talk_run(&t, 2000);
        CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
        CU_ASSERT_TRUE(delay <= 40000);
        talk_end(&t);
    }
}

/* Packets of a millisecond: the audio is not too much, the work would be. */
static void tiny_packets_are_bounded(void)
{
    struct talk t = {.signal = talk_speech, .ptime_ms = 1};

    talk_start(&t);
    talk_run(&t, 5000);
    CU_ASSERT_TRUE(t.verdicts[AUDIO_PACKET_KEPT] + t.verdicts[AUDIO_PACKET_LATE] < 2400);
    CU_ASSERT_TRUE(t.verdicts[AUDIO_PACKET_OVER_RATE] > 2500);
    talk_end(&t);
}

static void longer_way_is_followed_and_forgotten(void)
{
    struct talk t = {.signal = talk_speech, .delay_us = longer_way};
    double delay;

    talk_start(&t);
    talk_run(&t, 5400);
    talk_listen(&t);
    talk_run(&t, 2000);
    CU_ASSERT_TRUE(talk_match(&t, &delay) > 0.97);
    CU_ASSERT_TRUE(delay >= 120000 && delay <= 165000);
    talk_end(&t);
}

/* An hour with a sender whose clock is wrong: the delay stays, and 20 ms are put in or left out
 * once in 100 seconds (0.72 s in all), in pauses of the speech where they can be. */
static void hour_of_clock_drift_keeps_the_delay(void)
{
    static const double drifts[] = {200, -200};

    for (unsigned i = 0; i < 2; i++) {
        struct talk t = {.signal = talk_speech, .ppm = drifts[i], .phase_us = 7000};
        struct audio_member_stats stats;
        uint64_t worst = 0;

        talk_start(&t);
        for (unsigned minute = 0; minute < 60; minute++) {
            talk_run(&t, 60000);
            talk_listen(&t);
            stats = talk_stats(&t);
            worst = stats.delay_ms > worst ? stats.delay_ms : worst;
        }
        CU_ASSERT_TRUE(worst <= 50);
        CU_ASSERT_EQUAL(stats.lost, 0);
        CU_ASSERT_EQUAL(t.verdicts[AUDIO_PACKET_LATE], 0);
        CU_ASSERT_EQUAL(t.verdicts[AUDIO_PACKET_OVER_RATE], 0);
        CU_ASSERT_EQUAL(t.verdicts[AUDIO_PACKET_RESYNC], 0);
        printf("\n    drift %+.0f ppm: %llu ms concealed, %llu ms skipped, delay up to %llu ms ",
               drifts[i], (unsigned long long)stats.concealed_ms,
               (unsigned long long)stats.skipped_ms, (unsigned long long)worst);
        CU_ASSERT_TRUE(stats.concealed_ms <= 900);
        CU_ASSERT_TRUE(stats.skipped_ms <= 900);
        CU_ASSERT_TRUE(stats.concealed_ms + stats.skipped_ms >= 600);
        talk_end(&t);
    }
}

SUITE("audio/stream", TEST(undisturbed_stream_passes_unchanged_and_soon),
      TEST(every_packet_time_passes_unchanged), TEST(counters_wrap_without_a_gap),
      TEST(jitter_makes_the_buffer_grow_and_no_more_is_lost),
      TEST(jitter_beyond_the_bound_is_late_and_no_more),
      TEST(rare_outliers_do_not_make_everything_late), TEST(buffer_shrinks_when_jitter_is_over),
      TEST(lost_packets_are_counted_and_concealed), TEST(reordered_packets_are_put_in_order),
      TEST(reordering_without_a_buffer_makes_one), TEST(clock_jump_resynchronizes_at_once),
      TEST(timestamps_that_stand_still_in_a_pause_are_followed),
      TEST(pause_is_silence_and_not_loss), TEST(another_source_takes_over_when_the_first_is_quiet),
      TEST(tenfold_rate_is_bounded_and_counted), TEST(stalled_network_leaves_no_delay_behind),
      TEST(stalled_worker_leaves_no_delay_behind), TEST(tiny_packets_are_bounded),
      TEST(longer_way_is_followed_and_forgotten), TEST(hour_of_clock_drift_keeps_the_delay))
