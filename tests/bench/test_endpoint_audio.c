/* G.711, WAV files, the player, the recorder and its matcher: tests of the endpoint's own tools, so
 * that "audio matches" can be believed. */
#include "tests/suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "bench/endpoint_audio.h"
#include "bench/endpoint_wav.h"

static void g711_known_values_decode_as_the_tables_say(void)
{
    /* ITU-T G.711 tables 1a to 2b, scaled to 16 bits. */
    CU_ASSERT_EQUAL(g711_decode(G711_ALAW, 0xd5), 8);
    CU_ASSERT_EQUAL(g711_decode(G711_ALAW, 0x55), -8);
    CU_ASSERT_EQUAL(g711_decode(G711_ALAW, 0xaa), 32256);
    CU_ASSERT_EQUAL(g711_decode(G711_ALAW, 0x2a), -32256);
    CU_ASSERT_EQUAL(g711_decode(G711_ULAW, 0xff), 0);
    CU_ASSERT_EQUAL(g711_decode(G711_ULAW, 0x7f), 0);
    CU_ASSERT_EQUAL(g711_decode(G711_ULAW, 0x80), 32124);
    CU_ASSERT_EQUAL(g711_decode(G711_ULAW, 0x00), -32124);
}

static void g711_every_code_survives_a_round_trip(void)
{
    for (unsigned c = 0; c < 256; c++) {
        CU_ASSERT_EQUAL(g711_encode(G711_ALAW, g711_decode(G711_ALAW, (uint8_t)c)), c);
        if (c != 0x7f) /* minus zero */
            CU_ASSERT_EQUAL(g711_encode(G711_ULAW, g711_decode(G711_ULAW, (uint8_t)c)), c);
    }
}

/* The step is at most 1/16 of the value's segment: 3 % of the value, or the smallest step. */
static void g711_every_sample_stays_near_itself(void)
{
    for (int v = -32768; v <= 32767; v++)
        for (unsigned law = 0; law < 2; law++) {
            int got = g711_decode((enum g711_law)law, g711_encode((enum g711_law)law, (int16_t)v));
            int allowed = abs(v) / 30 + 16;
            if (abs(v) > 32000)
                allowed = 700; /* both laws clip */
            if (abs(got - v) > allowed)
                CU_FAIL("too far from its own value");
        }
    CU_PASS("all within the step");
}

static void g711_idle_patterns_pass_unchanged(void)
{
    CU_ASSERT_EQUAL(g711_decode(G711_ALAW, g711_encode(G711_ALAW, AUDIO_HEARING)), AUDIO_HEARING);
    CU_ASSERT_EQUAL(g711_decode(G711_ULAW, g711_encode(G711_ULAW, AUDIO_HEARING)), AUDIO_HEARING);
    CU_ASSERT_NOT_EQUAL(g711_decode(G711_ALAW, g711_encode(G711_ALAW, AUDIO_IDLE)), AUDIO_HEARING);
}

static void make_file(int16_t *samples, size_t count)
{
    unsigned x = 12345;
    for (size_t i = 0; i < count; i++) {
        x = x * 1103515245u + 12345u;
        samples[i] = (int16_t)(x >> 16);
    }
    for (size_t i = 0; i < count && i < 100; i++)
        samples[i] = 0; /* files begin with silence */
}

static void wav_written_file_reads_back(void)
{
    char path[] = "/tmp/sluice-wav-XXXXXX", why[200];
    int16_t out[1000], *in = NULL;
    size_t count = 0;
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    make_file(out, 1000);
    CU_ASSERT_EQUAL(wav_write(path, out, 1000), 0);
    CU_ASSERT_EQUAL_FATAL(wav_read(path, &in, &count, why, sizeof(why)), 0);
    CU_ASSERT_EQUAL(count, 1000);
    CU_ASSERT_EQUAL(memcmp(in, out, sizeof(out)), 0);
    free(in);
    CU_ASSERT_EQUAL(truncate(path, 30), 0);
    CU_ASSERT_EQUAL(wav_read(path, &in, &count, why, sizeof(why)), ERR_MALFORMED);
    unlink(path);
    CU_ASSERT_EQUAL(wav_read(path, &in, &count, why, sizeof(why)), ERR_IO);
}

#define FILE_SAMPLES (AUDIO_FRAME * 50)
#define PRELUDE      7

/* Plays a file into a recorder, after some idle frames; `drop` leaves one packet out, `swap`
 * exchanges two. Returns with the recorder's verdict in *r. */
static void transmit(struct recorder *r, enum g711_law law, int drop, int swap, int16_t *truth)
{
    int16_t samples[FILE_SAMPLES];
    uint8_t frames[PRELUDE + 60][AUDIO_FRAME];
    struct player p;
    int order[PRELUDE + 60], n = PRELUDE + 60;
    make_file(samples, FILE_SAMPLES);
    memcpy(truth, samples, sizeof(samples));
    audio_through_g711(law, truth, FILE_SAMPLES);
    CU_ASSERT_EQUAL_FATAL(player_init(&p, law, samples, FILE_SAMPLES), 0);
    for (int i = 0; i < n; i++) {
        if (i == PRELUDE)
            player_start(&p);
        player_next(&p, frames[i]);
        order[i] = i;
    }
    CU_ASSERT_EQUAL(p.state, PLAYER_DONE);
    if (swap) {
        order[swap] = swap + 1;
        order[swap + 1] = swap;
    }
    recorder_init(r);
    recorder_expect(r, truth, FILE_SAMPLES);
    for (int i = 0; i < n; i++)
        if (!drop || order[i] != drop)
            recorder_put(r, law, 0xffffff00u + (uint32_t)order[i] * AUDIO_FRAME, frames[order[i]],
                         AUDIO_FRAME);
    player_fini(&p);
}

static void recorder_whole_file_is_found_and_equal(void)
{
    for (unsigned law = 0; law < 2; law++) {
        struct recorder r;
        int16_t truth[FILE_SAMPLES];
        transmit(&r, (enum g711_law)law, 0, 0, truth);
        CU_ASSERT_TRUE(r.located);
        CU_ASSERT_EQUAL(r.at, PRELUDE * AUDIO_FRAME);
        CU_ASSERT_TRUE(r.complete);
        CU_ASSERT_TRUE(r.match);
        CU_ASSERT_EQUAL(r.gap_samples, 0);
        recorder_fini(&r);
    }
}

static void recorder_swapped_packets_are_put_right(void)
{
    struct recorder r;
    int16_t truth[FILE_SAMPLES];
    transmit(&r, G711_ALAW, 0, PRELUDE + 20, truth);
    CU_ASSERT_TRUE(r.complete);
    CU_ASSERT_TRUE(r.match);
    recorder_fini(&r);
}

static void recorder_lost_packet_is_no_match(void)
{
    struct recorder r;
    int16_t truth[FILE_SAMPLES];
    transmit(&r, G711_ALAW, PRELUDE + 20, 0, truth);
    CU_ASSERT_TRUE(r.complete);
    CU_ASSERT_FALSE(r.match);
    CU_ASSERT(r.first_difference >= 20 * AUDIO_FRAME && r.first_difference < 21 * AUDIO_FRAME);
    CU_ASSERT_EQUAL(r.gap_samples, AUDIO_FRAME);
    recorder_fini(&r);
}

static void recorder_other_file_is_never_found(void)
{
    struct recorder r;
    uint8_t frame[AUDIO_FRAME];
    int16_t expect[800];
    make_file(expect, 800);
    recorder_init(&r);
    recorder_expect(&r, expect, 800);
    memset(frame, 0xd5, sizeof(frame));
    for (uint32_t i = 0; i < 100; i++)
        recorder_put(&r, G711_ALAW, i * AUDIO_FRAME, frame, sizeof(frame));
    CU_ASSERT_FALSE(r.located);
    CU_ASSERT_FALSE(r.complete);
    recorder_fini(&r);
}

static void recorder_wild_timestamp_costs_no_memory(void)
{
    struct recorder r;
    uint8_t frame[AUDIO_FRAME] = {0};
    recorder_init(&r);
    recorder_put(&r, G711_ALAW, 1000, frame, sizeof(frame));
    size_t before = r.count;
    recorder_put(&r, G711_ALAW, 1000 + AUDIO_REC_LIMIT + 1, frame, sizeof(frame));
    recorder_put(&r, G711_ALAW, 0, frame, sizeof(frame));
    CU_ASSERT_EQUAL(r.count, before);
    recorder_fini(&r);
}

static void player_hearing_changes_the_idle_pattern(void)
{
    struct player p;
    struct recorder r;
    uint8_t frame[AUDIO_FRAME];
    CU_ASSERT_EQUAL_FATAL(player_init(&p, G711_ULAW, NULL, 0), 0);
    recorder_init(&r);
    player_next(&p, frame);
    CU_ASSERT_FALSE(recorder_put(&r, G711_ULAW, 0, frame, sizeof(frame)));
    p.hearing = true;
    player_next(&p, frame);
    CU_ASSERT_TRUE(recorder_put(&r, G711_ULAW, AUDIO_FRAME, frame, sizeof(frame)));
    player_start(&p);
    CU_ASSERT_EQUAL(p.state, PLAYER_DONE);
    recorder_fini(&r);
    player_fini(&p);
}

SUITE("bench/endpoint_audio", TEST(g711_known_values_decode_as_the_tables_say),
      TEST(g711_every_code_survives_a_round_trip), TEST(g711_every_sample_stays_near_itself),
      TEST(g711_idle_patterns_pass_unchanged), TEST(wav_written_file_reads_back),
      TEST(recorder_whole_file_is_found_and_equal), TEST(recorder_swapped_packets_are_put_right),
      TEST(recorder_lost_packet_is_no_match), TEST(recorder_other_file_is_never_found),
      TEST(recorder_wild_timestamp_costs_no_memory), TEST(player_hearing_changes_the_idle_pattern))
