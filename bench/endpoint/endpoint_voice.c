#include "bench/endpoint/endpoint_voice.h"

#include <opus/opus.h>
#include <spandsp.h>
#include <stdlib.h>

#include "base/err.h"
#include "bench/endpoint/endpoint_g711.h"

#define G722_RATE 64000

/* G.711 has no state, the others one of these. */
struct voice_encoder {
    enum voice_codec codec;
    g722_encode_state_t *g722;
    OpusEncoder *opus;
};

struct voice_decoder {
    enum voice_codec codec;
    g722_decode_state_t *g722;
    OpusDecoder *opus;
};

static const struct {
    const char *name;
    uint8_t payload_type, units;
} codecs[VOICE_CODECS] = {
#define VOICE_CODEC_ROW(name, text, pt, units) [name] = {text, pt, units},
    VOICE_CODEC_LIST(VOICE_CODEC_ROW)
#undef VOICE_CODEC_ROW
};

const char *voice_to_str(enum voice_codec codec)
{
    return codecs[codec].name;
}

uint8_t voice_payload_type(enum voice_codec codec)
{
    return codecs[codec].payload_type;
}

unsigned voice_units(enum voice_codec codec)
{
    return codecs[codec].units;
}

int voice_encoder_create(enum voice_codec codec, struct voice_encoder **out)
{
    struct voice_encoder *e = calloc(1, sizeof(*e));
    int opus_error = 0;

    if (e == NULL)
        return ERR_NOMEM;
    e->codec = codec;
    if (codec == VOICE_G722)
        e->g722 = g722_encode_init(NULL, G722_RATE, G722_SAMPLE_RATE_8000);
    else if (codec == VOICE_OPUS)
        e->opus = opus_encoder_create(8000, 1, OPUS_APPLICATION_VOIP, &opus_error);
    if ((codec == VOICE_G722 && e->g722 == NULL) || (codec == VOICE_OPUS && e->opus == NULL)) {
        voice_encoder_destroy(e);
        return ERR_NOMEM;
    }
    *out = e;
    return 0;
}

void voice_encoder_destroy(struct voice_encoder *e)
{
    if (e == NULL)
        return;
    if (e->g722 != NULL)
        g722_encode_free(e->g722);
    if (e->opus != NULL)
        opus_encoder_destroy(e->opus);
    free(e);
}

static enum law law_of(enum voice_codec codec)
{
    return codec == VOICE_PCMU ? LAW_MU : LAW_A;
}

size_t voice_encode(struct voice_encoder *e, const int16_t pcm[VOICE_FRAME],
                    uint8_t out[VOICE_BYTES])
{
    int n;

    if (e->opus != NULL) {
        n = opus_encode(e->opus, pcm, VOICE_FRAME, out, VOICE_BYTES);
        return n > 0 ? (size_t)n : 0;
    }
    if (e->g722 != NULL) {
        n = g722_encode(e->g722, out, pcm, VOICE_FRAME);
        return n > 0 ? (size_t)n : 0;
    }
    for (unsigned i = 0; i < VOICE_FRAME; i++)
        out[i] = law_encode(law_of(e->codec), pcm[i]);
    return VOICE_FRAME;
}

int voice_decoder_create(enum voice_codec codec, struct voice_decoder **out)
{
    struct voice_decoder *d = calloc(1, sizeof(*d));
    int opus_error = 0;

    if (d == NULL)
        return ERR_NOMEM;
    d->codec = codec;
    if (codec == VOICE_G722)
        d->g722 = g722_decode_init(NULL, G722_RATE, G722_SAMPLE_RATE_8000);
    else if (codec == VOICE_OPUS)
        d->opus = opus_decoder_create(8000, 1, &opus_error);
    if ((codec == VOICE_G722 && d->g722 == NULL) || (codec == VOICE_OPUS && d->opus == NULL)) {
        voice_decoder_destroy(d);
        return ERR_NOMEM;
    }
    *out = d;
    return 0;
}

void voice_decoder_destroy(struct voice_decoder *d)
{
    if (d == NULL)
        return;
    if (d->g722 != NULL)
        g722_decode_free(d->g722);
    if (d->opus != NULL)
        opus_decoder_destroy(d->opus);
    free(d);
}

size_t voice_decode(struct voice_decoder *d, const uint8_t *payload, size_t len,
                    int16_t pcm[VOICE_SPAN])
{
    int n;

    if (d->opus != NULL) {
        if (len == 0 || len > 4000)
            return 0; /* to libopus an empty payload is a lost one */
        n = opus_decode(d->opus, payload, (opus_int32)len, pcm, VOICE_SPAN, 0);
        return n > 0 ? (size_t)n : 0;
    }
    if (len > VOICE_SPAN)
        return 0;
    if (d->g722 != NULL) {
        n = g722_decode(d->g722, pcm, payload, (int)len);
        return n > 0 ? (size_t)n : 0;
    }
    for (size_t i = 0; i < len; i++)
        pcm[i] = law_decode(law_of(d->codec), payload[i]);
    return len;
}
