/* Names, clocks and rates of the codecs, from the list in codec.h. */
#include "audio/codec.h"

#include <strings.h>

#define CODEC_TEXT(name, text, clock, rate)  text,
#define CODEC_CLOCK(name, text, clock, rate) clock,
#define CODEC_RATE(name, text, clock, rate)  rate,

static const char *const texts[] = {AUDIO_CODEC_LIST(CODEC_TEXT)};
static const unsigned clocks[] = {AUDIO_CODEC_LIST(CODEC_CLOCK)};
static const unsigned rates[] = {AUDIO_CODEC_LIST(CODEC_RATE)};

/* The list's first is "none", which has a text and no clock. */
static int is_codec(enum audio_codec codec)
{
    return (unsigned)codec < AUDIO_CODECS;
}

const char *audio_codec_to_str(enum audio_codec codec)
{
    return is_codec(codec) ? texts[codec] : "unknown";
}

enum audio_codec audio_codec_from_str(const char *name)
{
    for (unsigned i = 1; i < AUDIO_CODECS; i++)
        if (strcasecmp(name, texts[i]) == 0)
            return (enum audio_codec)i;
    return AUDIO_CODEC_NONE;
}

unsigned audio_codec_clock(enum audio_codec codec)
{
    return is_codec(codec) ? clocks[codec] : 0;
}

unsigned audio_codec_rate(enum audio_codec codec)
{
    return is_codec(codec) ? rates[codec] : 0;
}
