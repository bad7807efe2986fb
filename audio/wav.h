/* WAV files: announcements are read from them, recordings written.
 *
 * Reading takes any bytes: PCM of 16 bits, A-law and mu-law, any number of channels (mixed to one),
 * any usual rate; every length in the file is checked against what is there. Nothing here is for
 * the packet path. */
#ifndef AUDIO_WAV_H
#define AUDIO_WAV_H

#include <stddef.h>
#include <stdint.h>

#define AUDIO_WAV_HEADER_BYTES 44
#define AUDIO_WAV_CHANNELS_MAX 8
#define AUDIO_WAV_RATE_MIN     4000
#define AUDIO_WAV_RATE_MAX     192000

enum audio_wav_format {
    AUDIO_WAV_PCM16 = 1, /* the values are those of the format tag */
    AUDIO_WAV_ALAW = 6,
    AUDIO_WAV_ULAW = 7,
};

/* What a file says. `data` points into the caller's bytes. */
struct audio_wav {
    enum audio_wav_format format;
    unsigned rate;     /* samples a second */
    unsigned channels; /* 1 to AUDIO_WAV_CHANNELS_MAX */
    const uint8_t *data;
    size_t frames; /* samples of each channel; above 0 */
};

/* Finds format and samples in the bytes of a file. A length of data beyond the end (recordings that
 * were cut off) counts as up to the end. ERR_MALFORMED (no WAV file), ERR_TRUNCATED (no samples),
 * ERR_UNSUPPORTED (another format, rate or number of channels). */
int audio_wav_parse(const uint8_t *bytes, size_t length, struct audio_wav *wav);
/* The same for people: what was expected and what found, where audio_wav_parse says no. */
void audio_wav_complain(const uint8_t *bytes, size_t length, char *text, size_t cap);

/* Decodes `frames` of them beginning at `first` (inside the file) to one channel. Any thread. */
void audio_wav_decode(const struct audio_wav *wav, size_t first, size_t frames, int16_t *pcm);

/* All of it, one channel at `rate`. *pcm is malloc'd and the caller's. ERR_NOMEM, and ERR_INVAL (a
 * length or rate beyond what audio_resample_all takes). Any thread. */
int audio_wav_convert(const struct audio_wav *wav, unsigned rate, int16_t **pcm, size_t *samples);

/* Reads a whole file, decodes it and converts it to `rate`. *pcm is malloc'd and the caller's.
 * Longer than max_seconds: ERR_LIMIT. ERR_IO (cannot be read), ERR_NOMEM, and those of
 * audio_wav_parse. */
int audio_wav_load(const char *path, unsigned rate, unsigned max_seconds, int16_t **pcm,
                   size_t *samples);

/* Writes the header of a file with 16-bit PCM. data_bytes: of all samples; what does not fit into
 * the 32 bits of the format is cut. Written again at the end, when the length is known. */
void audio_wav_header(uint8_t header[AUDIO_WAV_HEADER_BYTES], unsigned rate, unsigned channels,
                      uint64_t data_bytes);

#endif
