/* Audio codecs: their names, and how H.245 writes them. */
#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/identifier.h"
#include "signalling/h245/media.h"
#include "signalling/schema/h245.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct codec {
    const char *name;
    int payload_type;
    uint32_t clock;
} codecs[] = {
#define CODEC_ROW(name, text, pt, clock, frame_us) [name] = {text, pt, clock},
    H245_CODEC_LIST(CODEC_ROW)
/* By the list of codec.h, in the order of the enumeration. */
#undef CODEC_ROW
};

const char *h245_codec_to_str(enum h245_codec codec)
{
    return codec < H245_CODEC_COUNT ? codecs[codec].name : "unknown";
}

int h245_codec_from_str(const char *name, enum h245_codec *codec)
{
    for (unsigned i = 0; i < H245_CODEC_COUNT; i++) {
        if (strcasecmp(codecs[i].name, name) == 0) {
            *codec = (enum h245_codec)i;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

int h245_codec_payload_type(enum h245_codec codec)
{
    return codec < H245_CODEC_COUNT ? codecs[codec].payload_type : H245_PT_DYNAMIC;
}

uint32_t h245_codec_clock(enum h245_codec codec)
{
    return codec < H245_CODEC_COUNT ? codecs[codec].clock : 0;
}

/* Capabilities that are a number of frames and nothing else. All of them share the union's first
 * two octets (see the generated header), so one member stands for all. Names, numbers and clocks of
 * RFC 3551 for those that have static ones. */
static const struct simple {
    enum h245_AudioCapability_kind kind;
    enum h245_codec codec;
} simple[] = {
    {h245_AudioCapability_g711Alaw64k, H245_CODEC_PCMA},
    {h245_AudioCapability_g711Ulaw64k, H245_CODEC_PCMU},
    {h245_AudioCapability_g722_64k, H245_CODEC_G722},
    {h245_AudioCapability_g728, H245_CODEC_G728},
    {h245_AudioCapability_g729, H245_CODEC_G729},
    {h245_AudioCapability_g729AnnexA, H245_CODEC_G729A},
    {h245_AudioCapability_g729wAnnexB, H245_CODEC_G729B},
    {h245_AudioCapability_g729AnnexAwAnnexB, H245_CODEC_G729AB},
};
#define SIMPLE_COUNT (sizeof(simple) / sizeof(simple[0]))

/* ---- generic capabilities ---- */

#define OPUS_BIT_RATE 640 /* most that we want to receive, in 100 bit/s */

/* One for the process: the registered identifier of Opus is none, so the configuration says it. */
static char opus_identifier[H245_IDENTIFIER_MAX] = H245_OPUS_IDENTIFIER;

int h245_set_opus_identifier(const char *identifier)
{
    return h245_identifier_set(opus_identifier, identifier);
}

static int read_generic(const struct h245_GenericCapability *generic, struct h245_audio *audio)
{
    int err;

    audio->codec = H245_CODEC_GENERIC;
    audio->frames = 1;
    err = h245_identifier_read(&generic->capabilityIdentifier, audio->generic_oid,
                               sizeof(audio->generic_oid));
    if (err == 0 && strcmp(audio->generic_oid, opus_identifier) == 0) {
        audio->codec = H245_CODEC_OPUS;
        /* Opus has no more to say: codec tells it all. */
        audio->generic_oid[0] = '\0';
    }
    return err;
}

int h245_read_audio(const struct h245_AudioCapability *cap, struct h245_audio *audio)
{
    struct h245_audio found = {.codec = H245_CODEC_UNKNOWN};
    int err = 0;

    for (size_t i = 0; i < SIMPLE_COUNT; i++) {
        if (simple[i].kind == cap->kind) {
            found.codec = simple[i].codec;
            /* Through any one of them: see `simple`. */
            found.frames = cap->u.g711Alaw64k;
        }
    }
    if (cap->kind == h245_AudioCapability_g7231) {
        found.codec = H245_CODEC_G7231;
        found.frames = cap->u.g7231->maxAl_sduAudioFrames;
    } else if (cap->kind == h245_AudioCapability_gsmFullRate) {
        found.codec = H245_CODEC_GSM;
        found.frames = cap->u.gsmFullRate->audioUnitSize;
    } else if (cap->kind == h245_AudioCapability_genericAudioCapability) {
        err = read_generic(cap->u.genericAudioCapability, &found);
    }
    /* Unknown: passed over by the caller, not an error of the set. */
    if (err == 0 && found.codec == H245_CODEC_UNKNOWN)
        err = ERR_UNSUPPORTED;
    if (err == 0)
        *audio = found;
    return err;
}

static int build_structured(struct arena *a, const struct h245_audio *audio,
                            struct h245_AudioCapability *cap)
{
    if (audio->codec == H245_CODEC_G7231) {
        cap->kind = h245_AudioCapability_g7231;
        cap->u.g7231 = arena_zalloc(a, sizeof(*cap->u.g7231));
        if (cap->u.g7231 == NULL)
            return ERR_NOMEM;
        cap->u.g7231->maxAl_sduAudioFrames = audio->frames;
        return 0;
    }
    if (audio->codec == H245_CODEC_GSM) {
        cap->kind = h245_AudioCapability_gsmFullRate;
        cap->u.gsmFullRate = arena_zalloc(a, sizeof(*cap->u.gsmFullRate));
        if (cap->u.gsmFullRate == NULL)
            return ERR_NOMEM;
        cap->u.gsmFullRate->audioUnitSize = audio->frames;
        return 0;
    }
    if (audio->codec == H245_CODEC_GENERIC || audio->codec == H245_CODEC_OPUS) {
        bool is_opus = audio->codec == H245_CODEC_OPUS;
        struct h245_GenericCapability *generic = arena_zalloc(a, sizeof(*generic));

        if (generic == NULL)
            return ERR_NOMEM;
        cap->kind = h245_AudioCapability_genericAudioCapability;
        cap->u.genericAudioCapability = generic;
        generic->has_maxBitRate = is_opus;
        generic->maxBitRate = is_opus ? OPUS_BIT_RATE : 0;
        return h245_identifier_build(a, is_opus ? opus_identifier : audio->generic_oid,
                                     &generic->capabilityIdentifier);
    }
    return ERR_UNSUPPORTED;
}

int h245_build_audio(struct arena *a, const struct h245_audio *audio,
                     struct h245_AudioCapability **out)
{
    struct h245_AudioCapability *cap = arena_zalloc(a, sizeof(*cap));
    int err;

    if (cap == NULL)
        return ERR_NOMEM;
    /* From our enumeration to H.245's, by the same table. */
    for (size_t i = 0; i < SIMPLE_COUNT && cap->kind == h245_AudioCapability_UNSET; i++) {
        if (simple[i].codec == audio->codec) {
            cap->kind = simple[i].kind;
            cap->u.g711Alaw64k = audio->frames;
        }
    }
    err = cap->kind != h245_AudioCapability_UNSET ? 0 : build_structured(a, audio, cap);
    if (err == 0)
        *out = cap;
    return err;
}
