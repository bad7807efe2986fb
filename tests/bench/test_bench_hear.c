/* Who is heard: found in a mix at any loudness and place, not found where it is not. */
#include "tests/suite.h"

#include "base/err.h"
#include "bench/bench_hear.h"

#define SECONDS 3u
#define TALKER  (SECONDS * BENCH_HEAR_RATE)
#define LENGTH  (12u * BENCH_HEAR_RATE)

static int16_t talker[2][TALKER], recording[LENGTH];

/* Noise through a resonance that wanders, in syllables: as alike as two talkers are. */
static void make_talker(unsigned which)
{
    unsigned x = 12345 + which;
    double y1 = 0, y2 = 0;

    for (size_t i = 0; i < TALKER; i++) {
        x = x * 1103515245u + 12345u;
        double noise = (double)((x >> 16) & 0xffff) - 32768;
        double y = 1.6 * y1 - 0.9 * y2 + noise * 0.02;

        y2 = y1;
        y1 = y;
        talker[which][i] = (int16_t)(i / (1000 + which * 137) % 2 ? y : y / 8);
    }
}

static void add(const int16_t *samples, size_t at, double gain)
{
    for (size_t i = 0; i < TALKER && at + i < LENGTH; i++)
        recording[at + i] = (int16_t)(recording[at + i] + samples[i] * gain);
}

static void prepare(void)
{
    make_talker(0);
    make_talker(1);
    for (size_t i = 0; i < LENGTH; i++)
        recording[i] = 0;
}

static void hear_quiet_talker_is_found_where_it_is(void)
{
    struct bench_hear h;

    prepare();
    add(talker[0], 5003, 0.3);
    CU_ASSERT_EQUAL_FATAL(bench_hear(recording, LENGTH, talker[0], TALKER, &h), 0);
    CU_ASSERT_EQUAL(h.seconds, SECONDS);
    CU_ASSERT_EQUAL(h.found, SECONDS);
    CU_ASSERT(h.mean > 0.95);
    CU_ASSERT_EQUAL(h.first_ms, 5003 * 1000 / BENCH_HEAR_RATE);
}

static void hear_absent_talker_is_not_found(void)
{
    struct bench_hear h;

    prepare();
    add(talker[0], 5003, 1);
    CU_ASSERT_EQUAL_FATAL(bench_hear(recording, LENGTH, talker[1], TALKER, &h), 0);
    CU_ASSERT_EQUAL(h.found, 0);
    CU_ASSERT(h.best < BENCH_HEAR_FOUND);
}

static void hear_both_of_two_at_once_stand_out(void)
{
    struct bench_hear a, b;

    prepare();
    add(talker[0], 8000, 1);
    add(talker[1], 8800, 1);
    CU_ASSERT_EQUAL_FATAL(bench_hear(recording, LENGTH, talker[0], TALKER, &a), 0);
    CU_ASSERT_EQUAL_FATAL(bench_hear(recording, LENGTH, talker[1], TALKER, &b), 0);
    CU_ASSERT(a.mean > 0.5);
    CU_ASSERT(b.mean > 0.5);
    CU_ASSERT_EQUAL(b.first_ms, 1100);
}

static void hear_silence_and_scraps_are_refused(void)
{
    static const int16_t silence[TALKER];
    struct bench_hear h;

    prepare();
    CU_ASSERT_EQUAL(bench_hear(recording, LENGTH, silence, TALKER, &h), ERR_RANGE);
    CU_ASSERT_EQUAL(bench_hear(recording, 100, talker[0], TALKER, &h), ERR_RANGE);
    CU_ASSERT_EQUAL(bench_hear(recording, LENGTH, talker[0], TALKER, &h), 0);
    CU_ASSERT_EQUAL(h.found, 0);
}

SUITE("bench/hear", TEST(hear_quiet_talker_is_found_where_it_is),
      TEST(hear_absent_talker_is_not_found), TEST(hear_both_of_two_at_once_stand_out),
      TEST(hear_silence_and_scraps_are_refused))
