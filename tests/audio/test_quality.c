/* What real speech sounds like behind a room: against a reference mix, with loss, in other codecs.
 *
 * The speech is tests/data/speech (16 kHz, espeak-ng). The signal is measured at the mixer's
 * output, before the codec towards the listener, where nothing else is said. */
#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/resample.h"
#include "audio/room.h"
#include "audio/wav.h"
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>

#define VOICES      3
#define SECONDS     3
#define MAX_SAMPLES (SECONDS * 48000)
#define TICKS       (SECONDS * 50)
#define LAG_MAX_MS  80

/* What a test sends and hears by one member. */
struct voice {
    enum audio_codec codec;
    unsigned rate;               /* of speech: what its encoder takes */
    int16_t speech[MAX_SAMPLES]; /* what it says */
    size_t count;
    struct audio_member *member;
    struct audio_encoder *encoder;
    struct audio_decoder *decoder;
    int16_t heard[MAX_SAMPLES]; /* what it hears, at `rate` */
    size_t heard_count;
};

struct rig {
    struct audio_room *room;
    unsigned rate;
    struct voice voice[VOICES];
    unsigned loss_percent;
    unsigned burst_ticks;    /* voice 1 says something for so long, then nothing for so long */
    bool loses_by_zero_fill; /* a lost packet is replaced by one of silence */
    int16_t mix[MAX_SAMPLES];
    size_t mix_count;
};

static const char *const files[VOICES] = {"anna.wav", "bert.wav", "carla.wav"};

static uint32_t random_of(uint32_t n)
{
    n = (n + 0x9e3779b9U) * 0x85ebca6bU;
    n = (n ^ n >> 13) * 0xc2b2ae35U;
    return n ^ n >> 16;
}

static void on_mix(void *user, struct audio_member *member, const int16_t *pcm, size_t samples)
{
    struct rig *r = user;

    (void)member;
    for (size_t i = 0; i < samples && r->mix_count < MAX_SAMPLES; i++)
        r->mix[r->mix_count++] = pcm != NULL ? pcm[i] : 0;
}

static void load_speech(struct voice *v, const char *name)
{
    char path[512];
    int16_t *pcm;

    snprintf(path, sizeof(path), "%s/%s", SPEECH_DIR, name);
    CU_ASSERT_EQUAL_FATAL(audio_wav_load(path, v->rate, SECONDS + 1, &pcm, &v->count), 0);
    v->count = v->count < MAX_SAMPLES ? v->count : MAX_SAMPLES;
    memcpy(v->speech, pcm, v->count * sizeof(*pcm));
    free(pcm);
}

static void start_voice(struct rig *r, unsigned i, enum audio_codec codec)
{
    struct voice *v = &r->voice[i];
    struct audio_member_config config = {.rx = {{96, codec}},
                                         .event_payload_type = AUDIO_PT_NONE,
                                         .tx_codec = codec,
                                         .tx_payload_type = 96};
    size_t bytes = audio_decoder_size(1U << codec, r->rate);

    v->codec = codec;
    v->rate = audio_encoder_rate(codec, r->rate);
    load_speech(v, files[i]);
    v->encoder = audio_encoder_init(aligned_alloc(64, audio_encoder_size(codec)), codec, r->rate);
    v->decoder =
        audio_decoder_init(memset(aligned_alloc(64, bytes), 0, bytes), 1U << codec, r->rate);
    CU_ASSERT_EQUAL_FATAL(audio_member_add(r->room, &config, v, &v->member), 0);
}

static struct rig *rig_start(unsigned rate, const enum audio_codec codecs[VOICES])
{
    struct audio_room_config config = {.rate = rate, .loudest = 3, .max_members = VOICES};
    struct rig *r = calloc(1, sizeof(*r));

    r->rate = rate;
    CU_ASSERT_EQUAL_FATAL(audio_room_create(&config, &r->room), 0);
    CU_ASSERT_EQUAL_FATAL(audio_room_tap(r->room, NULL, on_mix, r), 0);
    for (unsigned i = 0; i < VOICES; i++)
        start_voice(r, i, codecs[i]);
    return r;
}

static void rig_end(struct rig *r)
{
    audio_room_destroy(r->room);
    for (unsigned i = 0; i < VOICES; i++) {
        free(r->voice[i].encoder);
        free(r->voice[i].decoder);
    }
    free(r);
}

static void speak(struct rig *r, unsigned i, unsigned tick, uint64_t now_us)
{
    struct voice *v = &r->voice[i];
    static const int16_t silence[960];
    size_t n = v->rate / 50, at = tick * n;
    bool is_lost = random_of(tick * VOICES + i) % 100 < r->loss_percent;
    const int16_t *pcm = at + n <= v->count ? v->speech + at : silence;
    uint8_t payload[AUDIO_FRAME_MAX];
    struct audio_packet p = {.payload = payload,
                             .sequence = (uint16_t)tick,
                             .timestamp = tick * (audio_codec_clock(v->codec) / 50),
                             .ssrc = i + 1,
                             .payload_type = 96};

    p.length = audio_encode(v->encoder, pcm, n, false, payload, sizeof(payload));
    if (is_lost && r->loses_by_zero_fill && v->codec != AUDIO_CODEC_OPUS)
        p.length = audio_encode(v->encoder, silence, n, false, payload, sizeof(payload));
    else if (is_lost)
        return;
    CU_ASSERT_EQUAL(audio_member_packet(v->member, &p, now_us), AUDIO_PACKET_KEPT);
}

static void hear(struct voice *v)
{
    uint8_t payload[AUDIO_FRAME_MAX];
    struct audio_frame frame;

    CU_ASSERT_TRUE_FATAL(audio_member_frame(v->member, payload, sizeof(payload), &frame));
    if (v->heard_count + 960 <= MAX_SAMPLES)
        v->heard_count += audio_decode(v->decoder, v->codec, payload, frame.length,
                                       v->heard + v->heard_count, 960);
}

/* Those whose bit is set in `talkers` speak from beginning to end. */
static void run(struct rig *r, unsigned talkers)
{
    uint64_t now_us = 9000000;

    for (unsigned tick = 0; tick < TICKS; tick++, now_us += AUDIO_TICK_US) {
        for (unsigned i = 0; i < VOICES; i++)
            if (talkers >> i & 1 && !(i == 1 && r->burst_ticks > 0 && tick % r->burst_ticks >= 10))
                speak(r, i, tick, now_us);
        audio_room_tick(r->room, now_us + 3000);
        for (unsigned i = 0; i < VOICES; i++)
            hear(&r->voice[i]);
    }
}

/* --- Measures ------------------------------------------------------------------------------- */

/* Sum of some voices' speech, as numbers without bounds: the mix as it should be. */
static void reference_mix(const struct rig *r, unsigned talkers, double *sum, size_t n)
{
    memset(sum, 0, n * sizeof(*sum));
    for (unsigned v = 0; v < VOICES; v++)
        for (size_t i = 0; talkers >> v & 1 && i < n && i < r->voice[v].count; i++)
            sum[i] += r->voice[v].speech[i];
}

/* Delay of `heard` behind `said` in samples, where they are most alike. */
static size_t find_lag(const double *said, const int16_t *heard, size_t n, size_t lag_max)
{
    size_t best_lag = 0;
    double best = -1;

    for (size_t lag = 0; lag < lag_max; lag++) {
        double sum = 0;

        for (size_t i = lag; i < n; i += 3)
            sum += said[i - lag] * heard[i];
        if (sum > best) {
            best = sum;
            best_lag = lag;
        }
    }
    return best_lag;
}

static double snr_db(const double *said, const int16_t *heard, size_t n, size_t lag)
{
    double signal = 0, noise = 0;

    for (size_t i = lag; i < n; i++) {
        double difference = said[i - lag] - heard[i];

        signal += said[i - lag] * said[i - lag];
        noise += difference * difference;
    }
    return 10 * log10(signal / (noise + 1e-9));
}

/* Energies of 13 bands of a third of an octave from 150 Hz on, in one window of 256 samples at 8
 * kHz. */
#define BANDS  13
#define WINDOW 256
#define HOP    128

static void band_energies(const double *pcm, double bands[BANDS])
{
    static double cosine[WINDOW], window[WINDOW];
    double power[WINDOW / 2];

    for (int i = 0; window[WINDOW / 2] == 0 && i < WINDOW; i++) {
        cosine[i] = cos(2 * M_PI * i / WINDOW);
        window[i] = 0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / WINDOW);
    }
    for (int k = 0; k < WINDOW / 2; k++) {
        double re = 0, im = 0;

        for (int i = 0; i < WINDOW; i++) {
            re += pcm[i] * window[i] * cosine[k * i % WINDOW];
            im += pcm[i] * window[i] * cosine[(k * i + WINDOW * 3 / 4) % WINDOW];
        }
        power[k] = re * re + im * im;
    }
    for (int b = 0; b < BANDS; b++) {
        double low = 150 * pow(2, (b - 0.5) / 3), high = 150 * pow(2, (b + 0.5) / 3);

        bands[b] = 0;
        for (int k = (int)(low * WINDOW / 8000); k <= high * WINDOW / 8000 && k < WINDOW / 2; k++)
            bands[b] += power[k];
        bands[b] = sqrt(bands[b]);
    }
}

static double correlate(const double *x, const double *y, int n, int step)
{
    double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;

    for (int i = 0; i < n; i++) {
        mx += x[i * step] / n;
        my += y[i * step] / n;
    }
    for (int i = 0; i < n; i++) {
        xy += (x[i * step] - mx) * (y[i * step] - my);
        xx += (x[i * step] - mx) * (x[i * step] - mx);
        yy += (y[i * step] - my) * (y[i * step] - my);
    }
    return xy / (sqrt(xx * yy) + 1e-9);
}

/* Short-time objective intelligibility after Taal et al. (2011), at 8 kHz and without its clipping:
 * the envelopes of 13 bands in stretches of 384 ms, correlated with those of the clean speech; mean
 * over bands and stretches in which there is speech. 1 = the same; above 0.9 listeners understand
 * all but every word. */
static double intelligibility(const double *clean, const double *degraded, size_t n)
{
    enum { STRETCH = 24 };
    size_t frames = (n - WINDOW) / HOP, counted = 0;
    double *x = malloc(frames * BANDS * sizeof(*x)), *y = malloc(frames * BANDS * sizeof(*y));
    double sum = 0, loudest = 0;

    for (size_t f = 0; f < frames; f++) {
        band_energies(clean + f * HOP, x + f * BANDS);
        band_energies(degraded + f * HOP, y + f * BANDS);
        for (size_t b = 0; b < BANDS; b++)
            loudest = fmax(loudest, x[f * BANDS + b]);
    }
    for (size_t f = 0; f + STRETCH <= frames; f++)
        for (size_t b = 0; b < BANDS; b++) {
            double most = 0;

            for (size_t i = 0; i < STRETCH; i++)
                most = fmax(most, x[(f + i) * BANDS + b]);
            if (most < loudest / 100) /* 40 dB below: no speech in this band */
                continue;
            sum += correlate(x + f * BANDS + b, y + f * BANDS + b, STRETCH, BANDS);
            counted++;
        }
    free(x);
    free(y);
    return sum / (double)counted;
}

/* Any rate to numbers at 8 kHz. */
static double *to_8k(const int16_t *pcm, size_t n, unsigned rate, size_t *count)
{
    int16_t *low = NULL;
    double *out;

    *count = n;
    if (rate != 8000)
        CU_ASSERT_EQUAL_FATAL(audio_resample_all(pcm, n, rate, 8000, &low, count), 0);
    out = malloc(*count * sizeof(*out));
    for (size_t i = 0; i < *count; i++)
        out[i] = low != NULL ? low[i] : pcm[i];
    free(low);
    return out;
}

/* --- Tests ---------------------------------------------------------------------------------- */

static void mix_of_three_talkers_is_the_reference_mix(void)
{
    static double reference[MAX_SAMPLES];
    static const enum audio_codec codecs[] = {AUDIO_CODEC_PCMA, AUDIO_CODEC_PCMU, AUDIO_CODEC_PCMA};
    struct rig *r = rig_start(8000, codecs);
    double snr, ears[VOICES];
    size_t lag;

    run(r, 7);
    reference_mix(r, 7, reference, r->mix_count);
    lag = find_lag(reference, r->mix, r->mix_count, 8 * LAG_MAX_MS);
    snr = snr_db(reference, r->mix, r->mix_count, lag);
    CU_ASSERT_TRUE(snr >= 30);
    CU_ASSERT_EQUAL(lag, 0); /* its packets came 3 ms before the tick and left in it */
    for (unsigned i = 0; i < VOICES; i++) {
        reference_mix(r, 7U & ~(1U << i), reference, r->voice[i].heard_count);
        ears[i] = snr_db(reference, r->voice[i].heard, r->voice[i].heard_count, 0);
        CU_ASSERT_TRUE(ears[i] >= 30);
    }
    printf("(mixer's output %.1f dB; behind the codec %.1f %.1f %.1f dB) ", snr, ears[0], ears[1],
           ears[2]);
    rig_end(r);
}

/* Intelligibility of the first voice in the mix with such a loss; `clean` is the mix without. */
static double measure_loss(enum audio_codec codec, unsigned rate, unsigned percent, bool is_zero)
{
    const enum audio_codec codecs[] = {codec, codec, codec};
    struct rig *clean = rig_start(rate, codecs), *r = rig_start(rate, codecs);
    size_t n, m;
    double *a, *b, result;

    r->loss_percent = percent;
    r->loses_by_zero_fill = is_zero;
    run(clean, 1);
    run(r, 1);
    a = to_8k(clean->mix, clean->mix_count, rate, &n);
    b = to_8k(r->mix, r->mix_count, rate, &m);
    CU_ASSERT_EQUAL(n, m);
    result = intelligibility(a, b, n);
    free(a);
    free(b);
    rig_end(clean);
    rig_end(r);
    return result;
}

static void five_per_cent_loss_stays_intelligible(void)
{
    double pcma = measure_loss(AUDIO_CODEC_PCMA, 8000, 5, false);
    double pcma_zero = measure_loss(AUDIO_CODEC_PCMA, 8000, 5, true);
    double g722 = measure_loss(AUDIO_CODEC_G722, 16000, 5, false);
    double opus = measure_loss(AUDIO_CODEC_OPUS, 16000, 5, false);

    printf("(PCMA %.3f, with silence instead %.3f; G722 %.3f; opus %.3f) ", pcma, pcma_zero, g722,
           opus);
    CU_ASSERT_TRUE(pcma >= 0.93);
    CU_ASSERT_TRUE(pcma > pcma_zero);
    CU_ASSERT_TRUE(g722 >= 0.92);
    CU_ASSERT_TRUE(opus >= 0.93);
}

/* How much of voice `i` is in what `ear` hears: the factor of the best fit, at the best delay. */
static double share(const struct rig *r, unsigned ear, unsigned i, double *delay_ms)
{
    const struct voice *v = &r->voice[ear];
    size_t n, m, lag;
    double *heard = to_8k(v->heard, v->heard_count, v->rate, &n), *said, xy = 0, xx = 0;
    int16_t *low = malloc(n * sizeof(*low));

    said = to_8k(r->voice[i].speech, r->voice[i].count, r->voice[i].rate, &m);
    n = n < m ? n : m;
    for (size_t k = 0; k < n; k++)
        low[k] = (int16_t)heard[k];
    lag = find_lag(said, low, n, 8 * LAG_MAX_MS);
    for (size_t k = lag; k < n; k++) {
        xy += said[k - lag] * heard[k];
        xx += said[k - lag] * said[k - lag];
    }
    *delay_ms = (double)lag / 8;
    free(said);
    free(heard);
    free(low);
    return xy / xx;
}

static void members_of_different_codecs_hear_each_other(void)
{
    static const enum audio_codec codecs[] = {AUDIO_CODEC_PCMA, AUDIO_CODEC_G722, AUDIO_CODEC_OPUS};
    static const unsigned rates[] = {8000, 16000, 48000};

    for (unsigned k = 0; k < 3; k++) {
        struct rig *r = rig_start(rates[k], codecs);
        double worst_ms = 0, own_most = 0, other_least = 2, delay;

        run(r, 7);
        for (unsigned ear = 0; ear < VOICES; ear++)
            for (unsigned i = 0; i < VOICES; i++) {
                double part = share(r, ear, i, &delay);

                if (i == ear) {
                    own_most = fmax(own_most, part);
                } else {
                    other_least = fmin(other_least, part);
                    worst_ms = fmax(worst_ms, delay);
                }
            }
        CU_ASSERT_TRUE(own_most < 0.25); /* by chance alone */
        CU_ASSERT_TRUE(other_least > 0.8);
        /* And 20 ms in the packet, 3 to the tick: below 60 mouth to ear. */
        CU_ASSERT_TRUE(worst_ms + 23 <= 60);
        printf("\n    %u Hz: others from %.2f, itself up to %.2f, codecs and resamplers %.1f ms ",
               rates[k], other_least, own_most, worst_ms);
        rig_end(r);
    }
}

/* The worst stretch of 60 ms with speech in it: how far what was heard is from what should be, in
 * dB. */
static double worst_stretch(const struct voice *v, const struct voice *wanted, double *mean)
{
    size_t n = v->rate * 60 / 1000, count = 0;
    double worst = 200;

    *mean = 0;
    for (size_t at = v->rate / 2; at + n <= v->heard_count; at += n) {
        double signal = 0, noise = 1;

        for (size_t i = at; i < at + n; i++) {
            double difference = v->heard[i] - wanted->heard[i];

            signal += (double)wanted->heard[i] * wanted->heard[i];
            noise += difference * difference;
        }
        if (signal / (double)n < 300.0 * 300.0)
            continue;
        worst = fmin(worst, 10 * log10(signal / noise));
        *mean += 10 * log10(signal / noise);
        count++;
    }
    *mean /= (double)count;
    return worst;
}

/* Voice 1 talks in bursts and so leaves and joins the shared encoder all the time, while it hears
 * voice 0: with these codecs it must not hear the change of encoders. */
static void change_of_encoders_is_not_heard(void)
{
    static const enum audio_codec codecs[] = {AUDIO_CODEC_G722, AUDIO_CODEC_G722, AUDIO_CODEC_G722};
    struct rig *quiet = rig_start(16000, codecs), *r = rig_start(16000, codecs);
    struct audio_member_stats stats;
    double worst, mean;

    r->burst_ticks = 75;
    run(quiet, 1);
    run(r, 3);
    audio_member_get_stats(r->voice[1].member, &stats);
    CU_ASSERT_TRUE(stats.encodings > 20 && stats.encodings < TICKS);
    worst = worst_stretch(&r->voice[1], &quiet->voice[1], &mean);
    printf("(mean %.1f dB, worst 60 ms %.1f dB) ", mean, worst);
    CU_ASSERT_TRUE(worst > 20);
    rig_end(quiet);
    rig_end(r);
}

SUITE("audio/quality", TEST(change_of_encoders_is_not_heard),
      TEST(mix_of_three_talkers_is_the_reference_mix), TEST(five_per_cent_loss_stays_intelligible),
      TEST(members_of_different_codecs_hear_each_other))
