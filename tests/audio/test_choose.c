/* Who is heard: voice activity, the loudest of a room, the active speaker, gain control. */
#include "audio/choose.h"
#include "tests/suite.h"

#include <math.h>

#define VOICES 6
#define FRAME  160

struct rig {
    struct audio_voice voice[VOICES];
    struct audio_candidate list[VOICES];
    struct audio_speaker speaker;
};

/* Members are known here by their number alone: any distinct addresses will do. */
static struct audio_member *name_of(unsigned i)
{
    static char names[VOICES];

    return (struct audio_member *)(void *)&names[i];
}

static void rig_start(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    for (unsigned i = 0; i < VOICES; i++) {
        audio_voice_init(&r->voice[i]);
        r->list[i] = (struct audio_candidate){name_of(i), &r->voice[i]};
    }
}

static void make_tone(int16_t *pcm, double dbov)
{
    double amplitude = 32768 * sqrt(2) * pow(10, dbov / 20);

    for (unsigned i = 0; i < FRAME; i++)
        pcm[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * 500 * i / 8000));
}

/* A tick with these levels in dBov, VOICES of them; returns whether the speaker has changed. */
static bool tick(struct rig *r, const double *levels, size_t loudest)
{
    int16_t pcm[FRAME];

    for (unsigned i = 0; i < VOICES; i++) {
        make_tone(pcm, levels[i]);
        audio_voice_tick(&r->voice[i], pcm, FRAME);
    }
    audio_choose_loudest(r->list, VOICES, loudest);
    return audio_choose_speaker(&r->speaker, r->list, VOICES);
}

static unsigned mixed(const struct rig *r)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < VOICES; i++)
        bits |= (unsigned)r->voice[i].is_mixed << i;
    return bits;
}

static void level_is_that_of_the_signal(void)
{
    struct audio_voice v;
    int16_t pcm[FRAME];

    audio_voice_init(&v);
    for (int level = -60; level <= -10; level += 5) {
        make_tone(pcm, level);
        audio_voice_tick(&v, pcm, FRAME);
        CU_ASSERT_DOUBLE_EQUAL(v.level, level, 0.3);
    }
    audio_voice_tick(&v, NULL, 0);
    CU_ASSERT_EQUAL((int)v.level, AUDIO_LEVEL_SILENT);
}

static void speech_is_found_and_hangs_over_short_pauses(void)
{
    struct audio_voice v;
    int16_t pcm[FRAME];

    audio_voice_init(&v);
    make_tone(pcm, -55);
    for (unsigned i = 0; i < 100; i++)
        audio_voice_tick(&v, pcm, FRAME);
    CU_ASSERT_FALSE(v.is_speaking);
    make_tone(pcm, -25);
    audio_voice_tick(&v, pcm, FRAME);
    CU_ASSERT_TRUE(v.is_speaking); /* the first 20 ms of a word belong to it */
    make_tone(pcm, -55);
    for (unsigned i = 0; i < 10; i++)
        audio_voice_tick(&v, pcm, FRAME);
    CU_ASSERT_TRUE(v.is_speaking);
    for (unsigned i = 0; i < 10; i++)
        audio_voice_tick(&v, pcm, FRAME);
    CU_ASSERT_FALSE(v.is_speaking);
}

static void steady_noise_is_no_speech_after_a_while(void)
{
    struct audio_voice v;
    int16_t pcm[FRAME];

    audio_voice_init(&v);
    make_tone(pcm, -40);
    for (unsigned i = 0; i < 50 * 20; i++)
        audio_voice_tick(&v, pcm, FRAME);
    CU_ASSERT_FALSE(v.is_speaking);
}

static void loudest_three_are_mixed(void)
{
    static const double levels[VOICES] = {-30, -20, -58, -25, -58, -60};
    struct rig r;

    rig_start(&r);
    for (unsigned i = 0; i < 50; i++)
        tick(&r, levels, 3);
    CU_ASSERT_EQUAL(mixed(&r), 1U << 0 | 1U << 1 | 1U << 3);
    tick(&r, levels, 0);
    CU_ASSERT_EQUAL(mixed(&r), 0x3fU);
}

static void equal_levels_do_not_change_places_all_the_time(void)
{
    unsigned before = 0, changes = 0;
    struct rig r;

    rig_start(&r);
    for (unsigned i = 0; i < 500; i++) {
        double levels[VOICES];

        /* All of them talk; who is the loudest changes from tick to tick by 4 dB. */
        for (unsigned k = 0; k < VOICES; k++)
            levels[k] = -24 + ((i * 7 + k * 5) % 9) * 0.5;
        tick(&r, levels, 3);
        changes += i > 0 && mixed(&r) != before;
        before = mixed(&r);
    }
    CU_ASSERT_TRUE(changes <= 2);
}

static void much_louder_one_takes_a_place_at_once(void)
{
    double levels[VOICES] = {-45, -45, -45, -58, -58, -58};
    struct rig r;

    rig_start(&r);
    for (unsigned i = 0; i < 100; i++)
        tick(&r, levels, 3);
    CU_ASSERT_EQUAL(mixed(&r), 7U);
    levels[5] = -18;
    tick(&r, levels, 3);
    CU_ASSERT_TRUE(mixed(&r) >> 5 & 1);
}

static unsigned ticks_until_change(struct rig *r, const double *levels, unsigned most)
{
    unsigned n = 0;

    while (n < most && !tick(r, levels, 3))
        n++;
    return n;
}

static void speaker_needs_300_ms_and_keeps_the_floor_in_pauses(void)
{
    static const double first[VOICES] = {-20, -60, -60, -60, -60, -60};
    static const double second[VOICES] = {-60, -20, -60, -60, -60, -60};
    static const double nobody[VOICES] = {-60, -60, -60, -60, -60, -60};
    struct rig r;
    unsigned n;

    rig_start(&r);
    CU_ASSERT_EQUAL(ticks_until_change(&r, nobody, 100), 100);
    n = ticks_until_change(&r, first, 100);
    CU_ASSERT_TRUE(n >= 10 && n <= 20);
    CU_ASSERT_PTR_EQUAL(r.speaker.member, name_of(0));
    ticks_until_change(&r, first, 200);
    /* Silence is no change of the speaker. */
    CU_ASSERT_EQUAL(ticks_until_change(&r, nobody, 500), 500);
    n = ticks_until_change(&r, second, 100);
    CU_ASSERT_TRUE(n >= 10 && n <= 20);
    CU_ASSERT_PTR_EQUAL(r.speaker.member, name_of(1));
}

static void short_remark_does_not_take_the_floor(void)
{
    static const double both[VOICES] = {-24, -18, -60, -60, -60, -60};
    static const double first[VOICES] = {-24, -60, -60, -60, -60, -60};
    struct rig r;

    rig_start(&r);
    ticks_until_change(&r, first, 200);
    ticks_until_change(&r, first, 200);
    for (unsigned i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(ticks_until_change(&r, both, 25), 25); /* half a second */
        CU_ASSERT_EQUAL(ticks_until_change(&r, first, 100), 100);
    }
    CU_ASSERT_PTR_EQUAL(r.speaker.member, name_of(0));
}

static void speaker_is_talked_over_after_two_seconds(void)
{
    static const double first[VOICES] = {-26, -60, -60, -60, -60, -60};
    static const double both[VOICES] = {-26, -18, -60, -60, -60, -60};
    struct rig r;
    unsigned n;

    rig_start(&r);
    ticks_until_change(&r, first, 100);
    ticks_until_change(&r, first, 200);
    n = ticks_until_change(&r, both, 300);
    CU_ASSERT_TRUE(n >= 80 && n <= 130);
    CU_ASSERT_PTR_EQUAL(r.speaker.member, name_of(1));
}

static void gain_control_brings_speech_to_one_level(void)
{
    static const double levels[] = {-32, -20, -12};

    for (unsigned k = 0; k < 3; k++) {
        struct audio_voice v;
        int16_t pcm[FRAME];

        audio_voice_init(&v);
        for (unsigned i = 0; i < 50 * 10; i++) {
            make_tone(pcm, i % 50 < 35 ? levels[k] : -70);
            audio_voice_tick(&v, pcm, FRAME);
        }
        CU_ASSERT_DOUBLE_EQUAL(levels[k] + v.agc, -20, 1);
    }
}

SUITE("audio/choose", TEST(level_is_that_of_the_signal),
      TEST(speech_is_found_and_hangs_over_short_pauses),
      TEST(steady_noise_is_no_speech_after_a_while), TEST(loudest_three_are_mixed),
      TEST(equal_levels_do_not_change_places_all_the_time),
      TEST(much_louder_one_takes_a_place_at_once),
      TEST(speaker_needs_300_ms_and_keeps_the_floor_in_pauses),
      TEST(short_remark_does_not_take_the_floor), TEST(speaker_is_talked_over_after_two_seconds),
      TEST(gain_control_brings_speech_to_one_level))
