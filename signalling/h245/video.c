/* H.264 and H.265 in two capabilities: what both sides can do, whether one fits the other, and as a
 * mode. */
#include "signalling/h245/video.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

/* H.241 8.3.2; TIER is H.265's alone (43 is another thing in H.264, and not read there). */
#define PROFILE 41
#define LEVEL   42
#define TIER    43

static const char *const names[] = {[H245_VIDEO_H264] = "H264", [H245_VIDEO_H265] = "H265"};

const char *h245_video_codec_to_str(enum h245_video_codec codec)
{
    return names[codec];
}

/* Whether it is one whose capabilities we read, and which. */
static bool find_codec(const char *name, enum h245_video_codec *out)
{
    for (enum h245_video_codec c = H245_VIDEO_H264; c <= H245_VIDEO_H265; c++) {
        if (strcmp(name, names[c]) == 0) {
            *out = c;
            return true;
        }
    }
    return false;
}

static bool is_read(const char *name)
{
    enum h245_video_codec codec;

    return find_codec(name, &codec);
}

static void read_parameter(const struct h245_GenericParameter *p, struct h245_video_set *out)
{
    unsigned id = p->parameterIdentifier.u.standard;

    if (p->parameterIdentifier.kind != h245_ParameterIdentifier_standard)
        return;
    /* Other kinds of value would be another parameter. */
    if (id == PROFILE && p->parameterValue.kind == h245_ParameterValue_booleanArray)
        out->profiles = p->parameterValue.u.booleanArray;
    if (p->parameterValue.kind != h245_ParameterValue_unsignedMin)
        return;
    if (id == LEVEL)
        out->level = p->parameterValue.u.unsignedMin;
    if (id == TIER && out->codec == H245_VIDEO_H265)
        out->is_high_tier = p->parameterValue.u.unsignedMin != 0;
}

int h245_video_set_read(struct arena *a, const struct h245_relayed *r, struct h245_video_set *out)
{
    const struct h245_GenericCapability *cap;
    struct h245_VideoCapability *video;
    struct h245_video_set found = {0};
    void *value = NULL;
    int err;

    if (!h245_media_is_video(r->media) || !find_codec(r->name, &found.codec))
        return ERR_UNSUPPORTED;
    err = per_decode(&h245_VideoCapability_type, r->octets, r->len, NULL, a, &value, NULL);
    if (err != 0)
        return err;
    video = value;
    cap = video->u.genericVideoCapability;
    for (uint32_t i = 0; cap->has_collapsing && i < cap->collapsing.n; i++)
        read_parameter(&cap->collapsing.v[i], &found);
    /* 0: not said. */
    found.bit_rate = cap->has_maxBitRate ? cap->maxBitRate : 0;
    if (found.codec == H245_VIDEO_H265) {
        found.profiles = found.profiles != 0 ? found.profiles : H245_H265_MAIN;
        found.level = found.level != 0 ? found.level : H245_H265_LEVEL_3_1;
    }
    if (found.profiles == 0 || found.level == 0) /* H.241: both are mandatory */
        return ERR_MALFORMED;
    *out = found;
    return 0;
}

static void put_unsigned(struct h245_GenericParameter *p, uint8_t id, uint16_t value)
{
    p->parameterIdentifier.kind = h245_ParameterIdentifier_standard;
    p->parameterIdentifier.u.standard = id;
    p->parameterValue.kind = h245_ParameterValue_unsignedMin;
    p->parameterValue.u.unsignedMin = value;
}

int h245_video_set_build(struct arena *a, const struct h245_video_set *set,
                         struct h245_relayed *out)
{
    struct h245_GenericParameter *p = arena_array(a, 3, sizeof(*p));

    if (p == NULL)
        return ERR_NOMEM;
    p[0].parameterIdentifier.kind = h245_ParameterIdentifier_standard;
    p[0].parameterIdentifier.u.standard = PROFILE;
    p[0].parameterValue.kind = h245_ParameterValue_booleanArray;
    p[0].parameterValue.u.booleanArray = set->profiles;
    put_unsigned(&p[1], LEVEL, set->level);
    if (set->codec == H245_VIDEO_H264)
        return h245_relayed_h264_of(p, 2, set->bit_rate, out);
    put_unsigned(&p[2], TIER, set->is_high_tier);
    return h245_relayed_h265_of(a, p, 3, set->bit_rate, out);
}

/* What a decoder takes: that of Main 10 takes Main as well (H.265 A.3.3). Of H.264 each profile is
 * named for itself (H.241). */
static uint8_t decoded(const struct h245_video_set *set)
{
    bool is_main_10 = set->codec == H245_VIDEO_H265 && (set->profiles & H245_H265_MAIN_10) != 0;

    return set->profiles | (is_main_10 ? H245_H265_MAIN : 0);
}

bool h245_video_set_fits(const struct h245_video_set *sends, const struct h245_video_set *receives)
{
    return sends->codec == receives->codec && (sends->profiles & decoded(receives)) != 0 &&
           /* A lower level is within a higher one; so is the main tier in the high one. */
           sends->level <= receives->level && sends->is_high_tier <= receives->is_high_tier;
}

static uint32_t lower_rate(uint32_t a, uint32_t b)
{
    /* 0 means no limit: the other's holds. */
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

int h245_video_common(struct arena *arena, const struct h245_relayed *a,
                      const struct h245_relayed *b, struct h245_relayed *out)
{
    struct h245_video_set x, y;
    int err;

    /* Different codecs have nothing in common. */
    if (!h245_relayed_is_same(a, b))
        return ERR_UNSUPPORTED;
    /* H.261 and H.263: what the one can send in, the other can show. */
    if (!is_read(a->name)) {
        *out = *a;
        return 0;
    }
    err = h245_video_set_read(arena, a, &x);
    if (err == 0)
        err = h245_video_set_read(arena, b, &y);
    if (err != 0)
        return err;
    /* What both have of each. */
    x.profiles = decoded(&x) & decoded(&y);
    x.is_high_tier = x.is_high_tier && y.is_high_tier;
    x.level = x.level < y.level ? x.level : y.level;
    x.bit_rate = lower_rate(x.bit_rate, y.bit_rate);
    err = x.profiles == 0 ? ERR_UNSUPPORTED : h245_video_set_build(arena, &x, out);
    if (err == 0)
        out->media = a->media;
    return err;
}

bool h245_video_fits(struct arena *arena, const struct h245_relayed *sends,
                     const struct h245_relayed *receives)
{
    struct h245_video_set x, y;

    if (!h245_relayed_is_same(sends, receives))
        return false;
    /* The same octets: the usual case costs no decoding. */
    if (!is_read(sends->name) ||
        (sends->len == receives->len && memcmp(sends->octets, receives->octets, sends->len) == 0))
        return true;
    /* What cannot be read does not fit. */
    return h245_video_set_read(arena, sends, &x) == 0 &&
           h245_video_set_read(arena, receives, &y) == 0 && h245_video_set_fits(&x, &y);
}

int h245_video_to_mode(struct arena *arena, const struct h245_relayed *r,
                       struct h245_VideoMode *mode)
{
    const struct h245_VideoCapability *video;
    void *value = NULL;
    int err;

    if (r->media != H245_MEDIA_VIDEO || !is_read(r->name))
        /* Modes of H.261 and H.263 have a shape of their own, which nobody asks for. */
        return ERR_UNSUPPORTED;
    err = per_decode(&h245_VideoCapability_type, r->octets, r->len, NULL, arena, &value, NULL);
    if (err != 0)
        return err;
    video = value;
    mode->kind = h245_VideoMode_genericVideoMode;
    mode->u.genericVideoMode = video->u.genericVideoCapability;
    return 0;
}

int h245_video_of_mode(const struct h245_VideoMode *mode, struct h245_relayed *out)
{
    /* Made a capability again, for the one reader of names. */
    const struct h245_VideoCapability video = {.kind = h245_VideoCapability_genericVideoCapability,
                                               .u.genericVideoCapability =
                                                   mode->u.genericVideoMode};
    int err;

    if (mode->kind != h245_VideoMode_genericVideoMode)
        return ERR_UNSUPPORTED;
    err = h245_relayed_of_video(&video, out);
    return err == 0 && !is_read(out->name) ? ERR_UNSUPPORTED : err;
}
