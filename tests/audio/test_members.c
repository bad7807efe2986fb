/* What belongs to members: memory, announcements, taps, packet times, codecs that change, leaving.
 */
#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/g711.h"
#include "audio/resample.h"
#include "audio/room.h"
#include "audio/wav.h"
#include "base/err.h"
#include "tests/suite.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>

/* Memory that is counted, and refused from the n-th request on. */
struct purse {
    size_t taken, requests, refused_from;
};

static void *take(void *user, size_t bytes)
{
    struct purse *p = user;
    void *memory;

    if (p->refused_from > 0 && ++p->requests >= p->refused_from)
        return NULL;
    memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    p->taken += bytes;
    return memset(memory, 0, bytes);
}

static void release(void *user, void *memory, size_t bytes)
{
    struct purse *p = user;

    p->taken -= bytes;
    free(memory);
}

static struct audio_member_config config_of(enum audio_codec codec)
{
    return (struct audio_member_config){.rx = {{8, codec}},
                                        .event_payload_type = AUDIO_PT_NONE,
                                        .tx_codec = codec,
                                        .tx_payload_type = 8};
}

static struct audio_room *make_room(unsigned rate, struct purse *purse)
{
    struct audio_room_config config = {.rate = rate, .loudest = 3, .max_members = 8};
    struct audio_room *room = NULL;

    if (purse != NULL)
        config.memory = (struct audio_memory){take, release, purse};
    CU_ASSERT_EQUAL_FATAL(audio_room_create(&config, &room), 0);
    return room;
}

/* One packet of a tone from a member, then a tick. */
static void say(struct audio_member *m, enum audio_codec codec, unsigned tick, double amplitude)
{
    uint8_t payload[480];
    struct audio_packet p = {.payload = payload,
                             .length = 160,
                             .sequence = (uint16_t)tick,
                             .timestamp = tick * 160,
                             .ssrc = 1,
                             .payload_type = 8};
    const struct audio_g711 *law =
        codec == AUDIO_CODEC_PCMA ? audio_g711_alaw() : audio_g711_ulaw();

    for (unsigned i = 0; i < 160; i++)
        payload[i] = law->from_linear[(uint16_t)(int16_t)lrint(
            amplitude * sin(2 * M_PI * 400 * (tick * 160 + i) / 8000))];
    CU_ASSERT_EQUAL(audio_member_packet(m, &p, 1000000 + tick * AUDIO_TICK_US), AUDIO_PACKET_KEPT);
}

static uint64_t time_of(unsigned tick)
{
    return 1000000 + tick * AUDIO_TICK_US + 2000;
}

static void told_sizes_are_those_taken(void)
{
    static const unsigned rates[] = {8000, 16000, 48000};

    for (unsigned i = 0; i < 3; i++) {
        struct audio_room_config rc = {.rate = rates[i], .loudest = 3, .max_members = 8};
        struct purse purse = {0};
        struct audio_room *room = make_room(rates[i], &purse);

        CU_ASSERT_TRUE(purse.taken <= audio_room_size(&rc));
        for (unsigned c = 1; c < AUDIO_CODECS; c++) {
            struct audio_member_config config = config_of((enum audio_codec)c);
            struct audio_member *first, *second;
            size_t before;

            CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &first), 0);
            before = purse.taken; /* the codec's shared encoder is there now */
            CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &second), 0);
            CU_ASSERT_EQUAL(purse.taken - before, audio_member_size(&rc, &config));
            audio_member_remove(first);
            audio_member_remove(second);
        }
        CU_ASSERT_TRUE(purse.taken <= audio_room_size(&rc));
        audio_room_destroy(room);
        CU_ASSERT_EQUAL(purse.taken, 0);
    }
}

static void refused_memory_leaves_everything_as_it_was(void)
{
    struct audio_member_config pcma = config_of(AUDIO_CODEC_PCMA);
    struct audio_member_config opus = config_of(AUDIO_CODEC_OPUS);
    bool is_done = false;

    for (size_t from = 1; !is_done && from < 20; from++) {
        struct purse purse = {0};
        struct audio_room *room = make_room(16000, &purse);
        struct audio_member *m, *other;
        int rc;

        CU_ASSERT_EQUAL(audio_member_add(room, &pcma, NULL, &m), 0);
        purse.refused_from = from;
        rc = audio_member_set(m, &opus);
        CU_ASSERT_TRUE(rc == 0 || rc == ERR_NOMEM);
        if (rc == 0)
            rc = audio_member_add(room, &opus, NULL, &other);
        is_done = rc == 0;
        say(m, AUDIO_CODEC_PCMA, 0, 3000);
        audio_room_tick(room, time_of(0));
        audio_room_destroy(room);
        CU_ASSERT_EQUAL(purse.taken, 0);
    }
    CU_ASSERT_TRUE(is_done);
}

/* The heap of the C library does not move while a room works. */
static void ticks_take_no_memory(void)
{
    struct audio_room *room = make_room(16000, NULL);
    struct audio_member *m[4];
    size_t before = 0, after;

    for (unsigned c = 1; c < AUDIO_CODECS; c++) {
        struct audio_member_config config = config_of((enum audio_codec)c);

        CU_ASSERT_EQUAL_FATAL(audio_member_add(room, &config, NULL, &m[c - 1]), 0);
    }
    for (unsigned t = 0; t < 200; t++) {
        uint8_t payload[AUDIO_FRAME_MAX];
        struct audio_frame frame;

        if (t == 1)
            before = mallinfo2().uordblks;
        if (t % 10 != 3) /* with concealment */
            say(m[0], AUDIO_CODEC_PCMU, t, 5000);
        audio_room_tick(room, time_of(t));
        for (unsigned i = 0; i < 4; i++)
            CU_ASSERT_TRUE(audio_member_frame(m[i], payload, sizeof(payload), &frame));
    }
    after = mallinfo2().uordblks;
    CU_ASSERT_EQUAL(before, after);
    audio_room_destroy(room);
}

static unsigned loudness(struct audio_member *m, enum audio_codec codec)
{
    uint8_t payload[AUDIO_FRAME_MAX];
    struct audio_frame frame;
    unsigned most = 0;

    if (!audio_member_frame(m, payload, sizeof(payload), &frame))
        return 0;
    for (size_t i = 0; i < frame.length; i++) {
        int x = codec == AUDIO_CODEC_PCMA ? audio_g711_alaw()->to_linear[payload[i]]
                                          : audio_g711_ulaw()->to_linear[payload[i]];

        most = (unsigned)abs(x) > most ? (unsigned)abs(x) : most;
    }
    return most;
}

static void announcement_is_heard_by_whom_it_is_for(void)
{
    static int16_t pcm[16000 / 4 + 77];
    static const unsigned rates[] = {8000, 16000, 48000};

    for (size_t i = 0; i < sizeof(pcm) / sizeof(pcm[0]); i++)
        pcm[i] = (int16_t)lrint(9000 * sin(2 * M_PI * 0.04 * (double)i));
    for (unsigned k = 0; k < 6; k++) {
        struct audio_room *room = make_room(rates[k / 2], NULL);
        struct audio_member_config config = config_of(AUDIO_CODEC_PCMA);
        struct audio_member *m[3];
        struct audio_event event = {0};
        size_t n = sizeof(pcm) / sizeof(pcm[0]), per_tick = rates[k / 2] / 50;
        bool is_for_all = k & 1;

        for (unsigned i = 0; i < 3; i++)
            CU_ASSERT_EQUAL(audio_member_add(room, &config, &m[i], &m[i]), 0);
        CU_ASSERT_EQUAL(audio_room_play(room, m[1], pcm, 0), ERR_INVAL);
        CU_ASSERT_EQUAL(audio_room_play(room, is_for_all ? NULL : m[1], pcm, n), 0);
        for (unsigned t = 0; t < (n + per_tick - 1) / per_tick; t++) {
            CU_ASSERT_FALSE(audio_room_next_event(room, &event));
            audio_room_tick(room, time_of(t));
            for (unsigned i = 0; i < 3; i++) {
                unsigned level = loudness(m[i], AUDIO_CODEC_PCMA);

                if (!is_for_all && i != 1)
                    CU_ASSERT_TRUE(level <= 8)
                else if (t > 0 && t + 1 < n / per_tick)
                    CU_ASSERT_TRUE(level > 7000 && level < 11000)
            }
        }
        audio_room_tick(room, time_of(9999));
        CU_ASSERT_TRUE_FATAL(audio_room_next_event(room, &event));
        CU_ASSERT_EQUAL(event.kind, AUDIO_EVENT_PLAYED);
        CU_ASSERT_PTR_EQUAL(event.pcm, pcm);
        CU_ASSERT_PTR_EQUAL(event.member, is_for_all ? NULL : m[1]);
        CU_ASSERT_TRUE(loudness(m[1], AUDIO_CODEC_PCMA) <= 8);
        audio_room_destroy(room);
    }
}

struct tape {
    unsigned ticks, silent, most;
    size_t samples;
};

static void on_tap(void *user, struct audio_member *member, const int16_t *pcm, size_t samples)
{
    struct tape *t = user;

    (void)member;
    t->ticks++;
    t->silent += pcm == NULL;
    t->samples = samples;
    for (size_t i = 0; pcm != NULL && i < samples; i++)
        t->most = (unsigned)abs(pcm[i]) > t->most ? (unsigned)abs(pcm[i]) : t->most;
}

/* Also of one that is muted: it is recorded by order. */
static void taps_give_every_tick_at_the_rooms_rate(void)
{
    struct audio_room *room = make_room(48000, NULL);
    struct audio_member_config config = config_of(AUDIO_CODEC_PCMA), muted = config;
    struct audio_member *talker, *ear;
    struct tape mix = {0}, one = {0}, other = {0};

    muted.is_muted = true;
    CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &talker), 0);
    CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &ear), 0);
    CU_ASSERT_EQUAL(audio_room_tap(room, NULL, on_tap, &mix), 0);
    CU_ASSERT_EQUAL(audio_room_tap(room, talker, on_tap, &one), 0);
    CU_ASSERT_EQUAL(audio_room_tap(room, ear, on_tap, &other), 0);
    for (unsigned t = 0; t < 50; t++) {
        if (t == 25) {
            CU_ASSERT_TRUE(mix.most > 3600 && mix.most < 4400);
            CU_ASSERT_EQUAL(audio_member_set(talker, &muted), 0);
        } else if (t == 30) {
            memset(&mix, 0, sizeof(mix));
        }
        say(talker, AUDIO_CODEC_PCMA, t, 4000);
        audio_room_tick(room, time_of(t));
    }
    CU_ASSERT_EQUAL(mix.ticks, 20);
    CU_ASSERT_EQUAL(mix.silent, 20);
    CU_ASSERT_EQUAL(one.ticks, 50);
    CU_ASSERT_TRUE(one.silent <= 1);
    CU_ASSERT_EQUAL(one.samples, 960);
    CU_ASSERT_TRUE(one.most > 3600 && one.most < 4400);
    CU_ASSERT_EQUAL(other.silent, 50);
    audio_room_destroy(room);
}

static void longer_packet_times_collect_frames(void)
{
    for (unsigned ptime = 20; ptime <= 60; ptime += 20) {
        struct audio_room *room = make_room(8000, NULL);
        struct audio_member_config config = config_of(AUDIO_CODEC_PCMA);
        struct audio_member *m;
        unsigned frames = 0;

        config.ptime_ms = ptime;
        CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &m), 0);
        for (unsigned t = 0; t < 60; t++) {
            uint8_t payload[AUDIO_FRAME_MAX];
            struct audio_frame frame;

            audio_room_tick(room, time_of(t));
            if (!audio_member_frame(m, payload, sizeof(payload), &frame))
                continue;
            CU_ASSERT_EQUAL(frame.length, 8 * ptime);
            CU_ASSERT_EQUAL(frame.timestamp_step, 8 * ptime);
            CU_ASSERT_FALSE(audio_member_frame(m, payload, sizeof(payload), &frame));
            frames++;
        }
        CU_ASSERT_EQUAL(frames, 60 * 20 / ptime);
        audio_room_destroy(room);
    }
}

static void speaker_that_leaves_is_told(void)
{
    struct audio_room *room = make_room(8000, NULL);
    struct audio_member_config config = config_of(AUDIO_CODEC_PCMA);
    struct audio_member *m, *ear;
    struct audio_event event;
    int user;

    CU_ASSERT_EQUAL(audio_member_add(room, &config, &user, &m), 0);
    CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &ear), 0);
    for (unsigned t = 0; t < 40; t++) {
        say(m, AUDIO_CODEC_PCMA, t, 4000);
        audio_room_tick(room, time_of(t));
    }
    CU_ASSERT_TRUE_FATAL(audio_room_next_event(room, &event));
    CU_ASSERT_EQUAL(event.kind, AUDIO_EVENT_SPEAKER);
    CU_ASSERT_PTR_EQUAL(event.member, m);
    CU_ASSERT_PTR_EQUAL(event.user, &user);
    CU_ASSERT_PTR_EQUAL(audio_room_speaker(room), m);
    audio_member_remove(m);
    CU_ASSERT_TRUE_FATAL(audio_room_next_event(room, &event));
    CU_ASSERT_EQUAL(event.kind, AUDIO_EVENT_SPEAKER);
    CU_ASSERT_PTR_NULL(event.member);
    CU_ASSERT_PTR_NULL(audio_room_speaker(room));
    audio_room_destroy(room);
}

static void gain_changes_what_others_hear(void)
{
    struct audio_room *room = make_room(8000, NULL);
    struct audio_member_config config = config_of(AUDIO_CODEC_PCMA), louder = config;
    struct audio_member *m, *ear;
    unsigned before = 0, after = 0;

    louder.gain_db = 12;
    CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &m), 0);
    CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &ear), 0);
    for (unsigned t = 0; t < 40; t++) {
        if (t == 20)
            CU_ASSERT_EQUAL(audio_member_set(m, &louder), 0);
        say(m, AUDIO_CODEC_PCMA, t, 2000);
        audio_room_tick(room, time_of(t));
        if (t < 20)
            before = loudness(ear, AUDIO_CODEC_PCMA);
        else
            after = loudness(ear, AUDIO_CODEC_PCMA);
    }
    CU_ASSERT_DOUBLE_EQUAL(20 * log10((double)after / before), 12, 0.5);
    audio_room_destroy(room);
}

/* RFC 3551: PCMU and PCMA have the same clock and rate; a sender may change between two packets. */
static void codec_may_change_from_packet_to_packet(void)
{
    struct audio_room *room = make_room(8000, NULL);
    struct audio_member_config config = config_of(AUDIO_CODEC_PCMA);
    struct audio_member_stats stats;
    struct audio_member *m, *ear;
    uint8_t payload[160];

    config.rx[1] = (struct audio_payload_type){0, AUDIO_CODEC_PCMU};
    CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &m), 0);
    CU_ASSERT_EQUAL(audio_member_add(room, &config, NULL, &ear), 0);
    for (unsigned t = 0; t < 100; t++) {
        struct audio_packet p = {.payload = payload,
                                 .length = 160,
                                 .sequence = (uint16_t)t,
                                 .timestamp = t * 160,
                                 .ssrc = 1,
                                 .payload_type = t & 1 ? 0 : 8};
        const struct audio_g711 *law = t & 1 ? audio_g711_ulaw() : audio_g711_alaw();

        for (unsigned i = 0; i < 160; i++)
            payload[i] = law->from_linear[(uint16_t)(int16_t)lrint(
                5000 * sin(2 * M_PI * 400 * (t * 160 + i) / 8000))];
        CU_ASSERT_EQUAL(audio_member_packet(m, &p, time_of(t) - 1000), AUDIO_PACKET_KEPT);
        audio_room_tick(room, time_of(t));
        if (t > 2) {
            unsigned level = loudness(ear, AUDIO_CODEC_PCMA);

            CU_ASSERT_TRUE(level > 4700 && level < 5300);
        }
    }
    audio_member_get_stats(m, &stats);
    CU_ASSERT_EQUAL(stats.concealed_ms, 0);
    audio_room_destroy(room);
}

/* A lost packet whose copy is in the next one (RFC 6716 2.1.7) is nearer to the truth than a guess.
 */
static void opus_uses_the_copy_in_the_next_packet(void)
{
    size_t bytes = audio_decoder_size(1U << AUDIO_CODEC_OPUS, 16000);
    struct audio_encoder *e = audio_encoder_init(
        aligned_alloc(64, audio_encoder_size(AUDIO_CODEC_OPUS)), AUDIO_CODEC_OPUS, 16000);
    struct audio_decoder *d[3];
    uint8_t payload[2][AUDIO_FRAME_MAX];
    size_t length[2] = {0, 0};
    double error[2] = {0, 0};
    int16_t pcm[320], out[3][320], *speech;
    size_t n;

    for (unsigned i = 0; i < 3; i++)
        d[i] = audio_decoder_init(calloc(1, bytes), 1U << AUDIO_CODEC_OPUS, 16000);
    CU_ASSERT_EQUAL_FATAL(audio_wav_load(SPEECH_DIR "/anna.wav", 16000, 4, &speech, &n), 0);
    for (unsigned t = 0; (t + 1) * 320 <= n; t++) {
        memcpy(pcm, speech + t * 320, sizeof(pcm));
        memcpy(payload[0], payload[1], sizeof(payload[0]));
        length[0] = length[1];
        length[1] = audio_encode(e, pcm, 320, false, payload[1], sizeof(payload[1]));
        if (t == 0)
            continue;
        audio_decode(d[0], AUDIO_CODEC_OPUS, payload[0], length[0], out[0], 320);
        for (unsigned k = 1; k < 3; k++) {
            if (t % 8 != 5) {
                audio_decode(d[k], AUDIO_CODEC_OPUS, payload[0], length[0], out[k], 320);
                continue;
            }
            audio_conceal(d[k], AUDIO_CODEC_OPUS, out[k], 320, k == 1 ? payload[1] : NULL,
                          k == 1 ? length[1] : 0);
            for (unsigned i = 0; i < 320; i++)
                error[k - 1] += pow(out[k][i] - out[0][i], 2);
        }
    }
    printf("(%.1f dB less error than by a guess) ", 10 * log10(error[1] / error[0]));
    CU_ASSERT_TRUE(error[0] < error[1] / 2);
    free(speech);
    for (unsigned i = 0; i < 3; i++)
        free(d[i]);
    free(e);
}

#define RESUMED 6400 /* samples of 16 kHz behind the silence that are looked at */

/* Signal to noise in dB at the best of the delays that codecs have. */
static double snr_at_best(const int16_t *said, const int16_t *heard)
{
    double best = -99;

    for (unsigned lag = 0; lag < 400; lag++) {
        double signal = 0, noise = 1;

        for (unsigned i = lag; i < RESUMED; i++) {
            signal += (double)said[i - lag] * said[i - lag];
            noise += pow(said[i - lag] - heard[i], 2);
        }
        best = fmax(best, 10 * log10(signal / noise));
    }
    return best;
}

/* A long silence is encoded only at its beginning. What is said behind it must not suffer: how much
 * worse it is, in dB, than by an encoder that worked all the time. */
static double suffer_from_silence(enum audio_codec codec, const int16_t *speech)
{
    static const int16_t silence[320];
    static int16_t heard[2][RESUMED + 320];
    size_t bytes = audio_decoder_size(1U << codec, 16000);

    for (unsigned k = 0; k < 2; k++) {
        struct audio_encoder *e =
            audio_encoder_init(aligned_alloc(64, audio_encoder_size(codec)), codec, 16000);
        struct audio_decoder *d = audio_decoder_init(calloc(1, bytes), 1U << codec, 16000);

        for (unsigned t = 0; t < 150 + RESUMED / 320; t++) {
            bool is_silent = t >= 50 && t < 150;
            const int16_t *pcm = is_silent ? silence : speech + (t < 50 ? t : t - 150) * 320;
            int16_t *out = heard[k] + (t < 150 ? 0 : t - 150) * 320;
            uint8_t payload[AUDIO_FRAME_MAX];
            size_t n = audio_encode(e, pcm, 320, is_silent && k == 0, payload, sizeof(payload));

            audio_decode(d, codec, payload, n, out, 320);
        }
        free(e);
        free(d);
    }
    return snr_at_best(speech, heard[1]) - snr_at_best(speech, heard[0]);
}

static void speech_behind_a_silence_is_as_good_as_ever(void)
{
    double g722, opus;
    int16_t *speech;
    size_t n;

    CU_ASSERT_EQUAL_FATAL(audio_wav_load(SPEECH_DIR "/bert.wav", 16000, 4, &speech, &n), 0);
    /* It begins in the middle of the recording, with a voice at once. */
    g722 = suffer_from_silence(AUDIO_CODEC_G722, speech + 16000);
    opus = suffer_from_silence(AUDIO_CODEC_OPUS, speech + 16000);
    printf("(G722 %.1f dB worse, opus %.1f dB) ", g722, opus);
    CU_ASSERT_TRUE(g722 < 1);
    CU_ASSERT_TRUE(opus < 1);
    free(speech);
}

static void codecs_have_names_clocks_and_rates(void)
{
    for (unsigned c = 1; c < AUDIO_CODECS; c++) {
        const char *name = audio_codec_to_str((enum audio_codec)c);

        CU_ASSERT_EQUAL(audio_codec_from_str(name), (enum audio_codec)c);
        CU_ASSERT_EQUAL(audio_codec_clock((enum audio_codec)c),
                        c == AUDIO_CODEC_OPUS ? 48000 : 8000);
    }
    CU_ASSERT_EQUAL(audio_codec_rate(AUDIO_CODEC_G722), 16000);
    CU_ASSERT_EQUAL(audio_codec_from_str("g722"), AUDIO_CODEC_G722);
    CU_ASSERT_EQUAL(audio_codec_from_str("speex"), AUDIO_CODEC_NONE);
    CU_ASSERT_STRING_EQUAL(audio_codec_to_str((enum audio_codec)99), "unknown");
}

/* A tone of 1 kHz from any rate to any other: 50 dB above what the filter adds. */
static void resampling_keeps_a_tone(void)
{
    static const unsigned rates[] = {8000, 16000, 48000};

    for (unsigned k = 0; k < 9; k++) {
        unsigned from = rates[k / 3], to = rates[k % 3];
        int16_t *in = calloc(from, sizeof(*in)), *out;
        double noise = 0, signal = 0;
        size_t n;

        for (unsigned i = 0; i < from; i++)
            in[i] = (int16_t)lrint(10000 * sin(2 * M_PI * 1000 * i / from));
        CU_ASSERT_EQUAL_FATAL(audio_resample_all(in, from, from, to, &out, &n), 0);
        CU_ASSERT_EQUAL(n, to);
        for (unsigned i = to / 10; i < to - to / 10; i++) {
            double wanted = 10000 * sin(2 * M_PI * 1000 * i / to);

            signal += wanted * wanted;
            noise += pow(out[i] - wanted, 2);
        }
        CU_ASSERT_TRUE(10 * log10(signal / (noise + 1)) > 50);
        free(in);
        free(out);
    }
}

SUITE("audio/members", TEST(told_sizes_are_those_taken),
      TEST(refused_memory_leaves_everything_as_it_was), TEST(ticks_take_no_memory),
      TEST(announcement_is_heard_by_whom_it_is_for), TEST(taps_give_every_tick_at_the_rooms_rate),
      TEST(longer_packet_times_collect_frames), TEST(speaker_that_leaves_is_told),
      TEST(gain_changes_what_others_hear), TEST(codec_may_change_from_packet_to_packet),
      TEST(opus_uses_the_copy_in_the_next_packet), TEST(speech_behind_a_silence_is_as_good_as_ever),
      TEST(codecs_have_names_clocks_and_rates), TEST(resampling_keeps_a_tone))
