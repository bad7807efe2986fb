/* G.711, WAV files, the player, the recorder and its matcher: tests of the endpoint's own tools, so
 * that "audio matches" can be believed. */
#include "tests/suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "bench/endpoint/endpoint_audio.h"
#include "bench/endpoint/endpoint_voice.h"
#include "bench/endpoint/endpoint_wav.h"

static void g711_known_values_decode_as_the_tables_say(void)
{
    /* ITU-T G.711 tables 1a to 2b, scaled to 16 bits. */
    CU_ASSERT_EQUAL(law_decode(LAW_A, 0xd5), 8);
    CU_ASSERT_EQUAL(law_decode(LAW_A, 0x55), -8);
    CU_ASSERT_EQUAL(law_decode(LAW_A, 0xaa), 32256);
    CU_ASSERT_EQUAL(law_decode(LAW_A, 0x2a), -32256);
    CU_ASSERT_EQUAL(law_decode(LAW_MU, 0xff), 0);
    CU_ASSERT_EQUAL(law_decode(LAW_MU, 0x7f), 0);
    CU_ASSERT_EQUAL(law_decode(LAW_MU, 0x80), 32124);
    CU_ASSERT_EQUAL(law_decode(LAW_MU, 0x00), -32124);
}

static void g711_every_code_survives_a_round_trip(void)
{
    for (unsigned c = 0; c < 256; c++) {
        CU_ASSERT_EQUAL(law_encode(LAW_A, law_decode(LAW_A, (uint8_t)c)), c);
        if (c != 0x7f) /* minus zero */
            CU_ASSERT_EQUAL(law_encode(LAW_MU, law_decode(LAW_MU, (uint8_t)c)), c);
    }
}

/* The step is at most 1/16 of the value's segment: 3 % of the value, or the smallest step. */
static void g711_every_sample_stays_near_itself(void)
{
    for (int v = -32768; v <= 32767; v++)
        for (unsigned law = 0; law < 2; law++) {
            int got = law_decode((enum law)law, law_encode((enum law)law, (int16_t)v));
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
    CU_ASSERT_EQUAL(law_decode(LAW_A, law_encode(LAW_A, AUDIO_HEARING)), AUDIO_HEARING);
    CU_ASSERT_EQUAL(law_decode(LAW_MU, law_encode(LAW_MU, AUDIO_HEARING)), AUDIO_HEARING);
    CU_ASSERT_NOT_EQUAL(law_decode(LAW_A, law_encode(LAW_A, AUDIO_IDLE)), AUDIO_HEARING);
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
static void transmit(struct recorder *r, enum law law, int drop, int swap, int16_t *truth)
{
    int16_t samples[FILE_SAMPLES];
    int16_t frames[PRELUDE + 60][AUDIO_FRAME];
    struct player p;
    int order[PRELUDE + 60], n = PRELUDE + 60;
    make_file(samples, FILE_SAMPLES);
    memcpy(truth, samples, sizeof(samples));
    audio_through_g711(law, truth, FILE_SAMPLES);
    player_init(&p, samples, FILE_SAMPLES);
    for (int i = 0; i < n; i++) {
        if (i == PRELUDE)
            player_start(&p);
        player_next(&p, frames[i]);
        audio_through_g711(law, frames[i], AUDIO_FRAME); /* what the wire does to them */
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
            recorder_put(r, 0xffffff00u + (uint32_t)order[i] * AUDIO_FRAME, 1, frames[order[i]],
                         AUDIO_FRAME);
}

static void recorder_whole_file_is_found_and_equal(void)
{
    for (unsigned law = 0; law < 2; law++) {
        struct recorder r;
        int16_t truth[FILE_SAMPLES];
        transmit(&r, (enum law)law, 0, 0, truth);
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
    transmit(&r, LAW_A, 0, PRELUDE + 20, truth);
    CU_ASSERT_TRUE(r.complete);
    CU_ASSERT_TRUE(r.match);
    recorder_fini(&r);
}

static void recorder_lost_packet_is_no_match(void)
{
    struct recorder r;
    int16_t truth[FILE_SAMPLES];
    transmit(&r, LAW_A, PRELUDE + 20, 0, truth);
    CU_ASSERT_TRUE(r.complete);
    CU_ASSERT_FALSE(r.match);
    CU_ASSERT(r.first_difference >= 20 * AUDIO_FRAME && r.first_difference < 21 * AUDIO_FRAME);
    CU_ASSERT_EQUAL(r.gap_samples, AUDIO_FRAME);
    recorder_fini(&r);
}

static void recorder_other_file_is_never_found(void)
{
    struct recorder r;
    int16_t frame[AUDIO_FRAME];
    int16_t expect[800];
    make_file(expect, 800);
    recorder_init(&r);
    recorder_expect(&r, expect, 800);
    for (unsigned i = 0; i < AUDIO_FRAME; i++)
        frame[i] = 8;
    for (uint32_t i = 0; i < 100; i++)
        recorder_put(&r, i * AUDIO_FRAME, 1, frame, AUDIO_FRAME);
    CU_ASSERT_FALSE(r.located);
    CU_ASSERT_FALSE(r.complete);
    recorder_fini(&r);
}

static void recorder_wild_timestamp_costs_no_memory(void)
{
    struct recorder r;
    int16_t frame[AUDIO_FRAME] = {0};
    recorder_init(&r);
    recorder_put(&r, 1000, 1, frame, AUDIO_FRAME);
    size_t before = r.count;
    recorder_put(&r, 1000 + AUDIO_REC_LIMIT + 1, 1, frame, AUDIO_FRAME);
    recorder_put(&r, 0, 1, frame, AUDIO_FRAME);
    CU_ASSERT_EQUAL(r.count, before);
    recorder_fini(&r);
}

static void player_hearing_changes_the_idle_pattern(void)
{
    struct player p;
    struct recorder r;
    int16_t frame[AUDIO_FRAME];
    player_init(&p, NULL, 0);
    recorder_init(&r);
    player_next(&p, frame);
    CU_ASSERT_FALSE(recorder_put(&r, 0, 1, frame, AUDIO_FRAME));
    p.hearing = true;
    player_next(&p, frame);
    CU_ASSERT_TRUE(recorder_put(&r, AUDIO_FRAME, 1, frame, AUDIO_FRAME));
    player_start(&p);
    CU_ASSERT_EQUAL(p.state, PLAYER_DONE);
    recorder_fini(&r);
}

static void player_starts_again_after_its_end(void)
{
    int16_t samples[AUDIO_FRAME], frame[AUDIO_FRAME];
    struct player p;
    make_file(samples, AUDIO_FRAME);
    player_init(&p, samples, AUDIO_FRAME);
    for (unsigned turn = 0; turn < 2; turn++) {
        player_start(&p);
        CU_ASSERT_EQUAL(p.state, PLAYER_PLAYING);
        player_next(&p, frame);
        CU_ASSERT_EQUAL(memcmp(frame, samples, sizeof(frame)), 0);
        CU_ASSERT_EQUAL(p.state, PLAYER_DONE);
    }
}

static void recorder_opus_clock_is_six_times_the_samples(void)
{
    struct recorder r;
    int16_t frame[AUDIO_FRAME];
    recorder_init(&r);
    for (unsigned i = 0; i < AUDIO_FRAME; i++)
        frame[i] = 100;
    recorder_put(&r, 48000, 6, frame, AUDIO_FRAME);
    recorder_put(&r, 48000 + 960, 6, frame, AUDIO_FRAME);
    CU_ASSERT_EQUAL(r.count, 2 * AUDIO_FRAME);
    CU_ASSERT_EQUAL(r.gap_samples, 0);
    recorder_fini(&r);
}

/* A tone comes back as a tone of the same power through every codec. */
static void voice_every_codec_carries_a_tone(void)
{
    for (unsigned c = 0; c < VOICE_CODECS; c++) {
        struct voice_encoder *e = NULL;
        struct voice_decoder *d = NULL;
        double sent = 0, heard = 0;
        CU_ASSERT_EQUAL_FATAL(voice_encoder_create((enum voice_codec)c, &e), 0);
        CU_ASSERT_EQUAL_FATAL(voice_decoder_create((enum voice_codec)c, &d), 0);
        for (unsigned f = 0; f < 50; f++) {
            int16_t in[VOICE_FRAME], out[VOICE_SPAN];
            uint8_t bytes[VOICE_BYTES];
            for (unsigned i = 0; i < VOICE_FRAME; i++)
                in[i] = (int16_t)((f * VOICE_FRAME + i) / 8 % 2 != 0 ? 4000 : -4000); /* 500 Hz */
            size_t n = voice_encode(e, in, bytes);
            CU_ASSERT(n > 0 && n <= VOICE_BYTES);
            CU_ASSERT_EQUAL_FATAL(voice_decode(d, bytes, n, out), VOICE_FRAME);
            for (unsigned i = 0; f >= 10 && i < VOICE_FRAME; i++) {
                sent += (double)in[i] * in[i];
                heard += (double)out[i] * out[i];
            }
        }
        CU_ASSERT(heard > sent * 0.5 && heard < sent * 1.5);
        voice_encoder_destroy(e);
        voice_decoder_destroy(d);
    }
}

static void voice_foreign_payload_is_no_audio(void)
{
    static const uint8_t bytes[VOICE_SPAN + 1] = {0xff, 0xff};
    int16_t out[VOICE_SPAN];
    for (unsigned c = 0; c < VOICE_CODECS; c++) {
        struct voice_decoder *d = NULL;
        CU_ASSERT_EQUAL_FATAL(voice_decoder_create((enum voice_codec)c, &d), 0);
        CU_ASSERT_EQUAL(voice_decode(d, bytes, 0, out), 0);
        CU_ASSERT_EQUAL(voice_decode(d, bytes, sizeof(bytes), out), 0);
        voice_decoder_destroy(d);
    }
}

SUITE("bench/endpoint_audio", TEST(g711_known_values_decode_as_the_tables_say),
      TEST(g711_every_code_survives_a_round_trip), TEST(g711_every_sample_stays_near_itself),
      TEST(g711_idle_patterns_pass_unchanged), TEST(wav_written_file_reads_back),
      TEST(recorder_whole_file_is_found_and_equal), TEST(recorder_swapped_packets_are_put_right),
      TEST(recorder_lost_packet_is_no_match), TEST(recorder_other_file_is_never_found),
      TEST(recorder_wild_timestamp_costs_no_memory), TEST(player_hearing_changes_the_idle_pattern),
      TEST(player_starts_again_after_its_end), TEST(recorder_opus_clock_is_six_times_the_samples),
      TEST(voice_every_codec_carries_a_tone), TEST(voice_foreign_payload_is_no_audio))
