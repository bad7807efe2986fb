/* WAV files: formats, lies about lengths, conversion, what is written is read again. */
#include "audio/g711.h"
#include "audio/wav.h"
#include "base/err.h"
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define SAMPLES 800

static int16_t tone(unsigned i, unsigned rate)
{
    return (int16_t)lrint(8000 * sin(2 * M_PI * 440 * i / rate));
}

/* A file of 16-bit PCM in memory. */
static size_t make(uint8_t *file, unsigned rate, unsigned channels)
{
    size_t bytes = (size_t)SAMPLES * channels * 2;

    audio_wav_header(file, rate, channels, bytes);
    for (unsigned i = 0; i < SAMPLES; i++)
        for (unsigned c = 0; c < channels; c++) {
            int16_t x = tone(i, rate);

            memcpy(file + AUDIO_WAV_HEADER_BYTES + (i * channels + c) * 2, &x, 2);
        }
    return AUDIO_WAV_HEADER_BYTES + bytes;
}

static void written_header_is_read_again(void)
{
    uint8_t file[AUDIO_WAV_HEADER_BYTES + SAMPLES * 4];
    int16_t pcm[SAMPLES];
    struct audio_wav wav;

    for (unsigned channels = 1; channels <= 2; channels++) {
        size_t n = make(file, 16000, channels);

        CU_ASSERT_EQUAL_FATAL(audio_wav_parse(file, n, &wav), 0);
        CU_ASSERT_EQUAL(wav.rate, 16000);
        CU_ASSERT_EQUAL(wav.channels, channels);
        CU_ASSERT_EQUAL(wav.frames, SAMPLES);
        audio_wav_decode(&wav, 0, SAMPLES, pcm);
        for (unsigned i = 0; i < SAMPLES; i++)
            CU_ASSERT_EQUAL(pcm[i], tone(i, 16000));
    }
}

static void every_truncation_is_survived(void)
{
    uint8_t file[AUDIO_WAV_HEADER_BYTES + SAMPLES * 4];
    size_t n = make(file, 8000, 2);
    struct audio_wav wav;

    for (size_t length = 0; length < n; length++) {
        uint8_t *copy = malloc(length + 1);
        int rc;

        memcpy(copy, file, length);
        rc = audio_wav_parse(copy, length, &wav);
        if (length < AUDIO_WAV_HEADER_BYTES + 4)
            CU_ASSERT_TRUE(rc == ERR_MALFORMED || rc == ERR_TRUNCATED)
        else
            CU_ASSERT_TRUE(rc == 0 && wav.frames == (length - AUDIO_WAV_HEADER_BYTES) / 4)
        free(copy);
    }
}

static void unsupported_formats_are_refused(void)
{
    static const struct {
        unsigned at, value;
    } changes[] = {{20, 3}, {22, 9}, {22, 0}, {34, 24}, {24, 7}};
    static const char *const found[] = {"16 bits of format 3", "9 channels", "0 channels",
                                        "24 bits of format 1", "7 Hz"};
    uint8_t file[AUDIO_WAV_HEADER_BYTES + SAMPLES * 4];
    size_t n = make(file, 8000, 1);
    struct audio_wav wav;
    char text[128];

    for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        make(file, 8000, 1);
        file[changes[i].at] = (uint8_t)changes[i].value;
        file[changes[i].at + 1] = 0;
        CU_ASSERT_EQUAL(audio_wav_parse(file, n, &wav), ERR_UNSUPPORTED);
        audio_wav_complain(file, n, text, sizeof(text));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "expected 16 bit PCM"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, found[i]));
    }
    make(file, 8000, 1);
    file[0] = 'X';
    CU_ASSERT_EQUAL(audio_wav_parse(file, n, &wav), ERR_MALFORMED);
    audio_wav_complain(file, n, text, sizeof(text));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "no RIFF/WAVE file"));
}

static void alaw_is_decoded_by_its_law(void)
{
    uint8_t file[AUDIO_WAV_HEADER_BYTES + 256];
    int16_t pcm[256];
    struct audio_wav wav;

    audio_wav_header(file, 8000, 1, 256);
    file[20] = AUDIO_WAV_ALAW;
    file[34] = 8;
    for (unsigned i = 0; i < 256; i++)
        file[AUDIO_WAV_HEADER_BYTES + i] = (uint8_t)i;
    CU_ASSERT_EQUAL_FATAL(audio_wav_parse(file, sizeof(file), &wav), 0);
    audio_wav_decode(&wav, 0, 256, pcm);
    CU_ASSERT_EQUAL(memcmp(pcm, audio_g711_alaw()->to_linear, sizeof(pcm)), 0);
    CU_ASSERT_EQUAL(pcm[0xd5], 8); /* G.711 table 1a: the smallest positive value */
}

static void loaded_file_is_converted(void)
{
    uint8_t file[AUDIO_WAV_HEADER_BYTES + SAMPLES * 4];
    char path[] = "/tmp/sluice-test-wav-XXXXXX";
    size_t n = make(file, 16000, 1), samples;
    int fd = mkstemp(path);
    double error = 0;
    int16_t *pcm;

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, file, n), (ssize_t)n);
    close(fd);
    CU_ASSERT_EQUAL_FATAL(audio_wav_load(path, 8000, 1, &pcm, &samples), 0);
    CU_ASSERT_EQUAL(samples, SAMPLES / 2);
    for (unsigned i = 50; i + 50 < samples; i++)
        error += pow(pcm[i] - tone(i, 8000), 2) / (double)(samples - 100);
    CU_ASSERT_TRUE(sqrt(error) < 80); /* of 8000: 40 dB */
    free(pcm);
    CU_ASSERT_EQUAL(audio_wav_load(path, 8000, 0, &pcm, &samples), ERR_LIMIT);
    unlink(path);
    CU_ASSERT_EQUAL(audio_wav_load(path, 8000, 1, &pcm, &samples), ERR_IO);
}

SUITE("audio/wav", TEST(written_header_is_read_again), TEST(every_truncation_is_survived),
      TEST(unsupported_formats_are_refused), TEST(alaw_is_decoded_by_its_law),
      TEST(loaded_file_is_converted))
