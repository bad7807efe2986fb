/* The sample loops of the mixer, at the edges of their numbers. */
#include "audio/mix.h"
#include "tests/suite.h"

#include <stdlib.h>

#define FRAME 160

static void energy_is_the_sum_of_squares(void)
{
    int16_t pcm[FRAME];

    for (unsigned i = 0; i < FRAME; i++)
        pcm[i] = INT16_MIN;
    CU_ASSERT_EQUAL(audio_mix_energy(pcm, FRAME), (uint64_t)FRAME << 30);
    for (unsigned i = 0; i < FRAME; i++)
        pcm[i] = (int16_t)(i & 1 ? 100 : -100);
    CU_ASSERT_EQUAL(audio_mix_energy(pcm, FRAME), FRAME * 10000);
    CU_ASSERT_EQUAL(audio_mix_energy(pcm, 0), 0);
    CU_ASSERT_EQUAL(audio_mix_energy(pcm, 33), 33 * 10000);
}

static void sum_below_the_knee_passes_unchanged(void)
{
    int32_t sum[FRAME];
    int16_t out[FRAME], minus[FRAME];

    for (int i = 0; i < FRAME; i++) {
        minus[i] = (int16_t)(i * 200 - 16000);
        sum[i] = AUDIO_LIMIT_KNEE - i + minus[i];
    }
    audio_mix_finish(out, sum, minus, FRAME);
    for (int i = 0; i < FRAME; i++)
        CU_ASSERT_EQUAL(out[i], AUDIO_LIMIT_KNEE - i);
}

/* Never beyond full scale, never down while the sum goes up, no step at the knee, the same both
 * ways. */
static void limiter_bends_without_a_step(void)
{
    int before = 0;

    for (int32_t x = 0; x < 40000000; x += x < 100000 ? 1 : 9973) {
        int32_t sum[] = {x, -x};
        int16_t out[2];

        audio_mix_finish(out, sum, NULL, 2);
        if (out[0] < before || out[0] != -out[1] || (x < 100000 && out[0] > before + 1)) {
            CU_FAIL("limiter");
            break;
        }
        before = out[0];
    }
    CU_ASSERT_TRUE(before > 32700 && before <= INT16_MAX);
}

static void finish_works_at_every_length(void)
{
    static const size_t lengths[] = {0, 1, 159, 160, 161, 320, 960};
    int32_t *sum = calloc(960, sizeof(*sum));
    int16_t *minus = calloc(960, sizeof(*minus)), *out = calloc(961, sizeof(*out));

    for (int i = 0; i < 960; i++) {
        sum[i] = i * 10;
        minus[i] = (int16_t)(i * 4);
    }
    for (unsigned k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
        size_t n = lengths[k];

        out[n] = 12345;
        audio_mix_finish(out, sum, minus, n);
        CU_ASSERT_EQUAL(out[n], 12345);
        for (size_t i = 0; i < n; i++)
            CU_ASSERT_EQUAL(out[i], (int)i * 6);
    }
    free(sum);
    free(minus);
    free(out);
}

static void gain_ramps_and_saturates(void)
{
    int16_t in[FRAME], out[FRAME];

    for (int i = 0; i < FRAME; i++)
        in[i] = 1000;
    audio_mix_gain(out, in, FRAME, 0, AUDIO_GAIN_ONE, FRAME / 4);
    CU_ASSERT_EQUAL(out[0], 0);
    CU_ASSERT_EQUAL(out[FRAME / 8], 500);
    CU_ASSERT_EQUAL(out[FRAME / 4], 1000);
    CU_ASSERT_EQUAL(out[FRAME - 1], 1000);
    for (int i = 1; i < FRAME; i++)
        CU_ASSERT_TRUE(abs(out[i] - out[i - 1]) <= 26); /* no click */
    for (int i = 0; i < FRAME; i++)
        in[i] = i & 1 ? INT16_MIN : INT16_MAX;
    audio_mix_gain(out, in, FRAME, AUDIO_GAIN_MAX, AUDIO_GAIN_MAX, 0);
    CU_ASSERT_EQUAL(out[0], INT16_MAX);
    CU_ASSERT_EQUAL(out[1], INT16_MIN);
    audio_mix_gain(out, in, FRAME, AUDIO_GAIN_ONE, AUDIO_GAIN_ONE, FRAME);
    CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
}

static void crossing_goes_from_one_to_the_other(void)
{
    int16_t from[40], to[40];

    for (int i = 0; i < 40; i++) {
        from[i] = 8000;
        to[i] = -8000;
    }
    audio_mix_cross(to, from, to, 40);
    CU_ASSERT_EQUAL(to[0], 8000);
    CU_ASSERT_EQUAL(to[20], 0);
    CU_ASSERT_EQUAL(to[39], -7600);
}

SUITE("audio/mix", TEST(energy_is_the_sum_of_squares), TEST(sum_below_the_knee_passes_unchanged),
      TEST(limiter_bends_without_a_step), TEST(finish_works_at_every_length),
      TEST(gain_ramps_and_saturates), TEST(crossing_goes_from_one_to_the_other))
