/* WAV files of any bytes: what is found must lie inside of them. */
#include "audio/wav.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int16_t pcm[256];
    struct audio_wav wav;

    if (audio_wav_parse(data, size, &wav) != 0)
        return 0;
    if (wav.data < data || wav.frames == 0 || wav.frames > size || wav.channels == 0)
        abort();
    for (size_t at = 0; at < wav.frames; at += 256)
        audio_wav_decode(&wav, at, wav.frames - at < 256 ? wav.frames - at : 256, pcm);
    return 0;
}
