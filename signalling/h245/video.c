/* H.264 in two capabilities: what both sides can do, whether one fits the other, and as a mode. */
#include "signalling/h245/video.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

/* H.241 8.3.2 */
#define PROFILE 41
#define LEVEL   42

static void read_parameter(const struct h245_GenericParameter *p, struct h245_h264_set *out)
{
    if (p->parameterIdentifier.kind != h245_ParameterIdentifier_standard)
        return;
    if (p->parameterIdentifier.u.standard == PROFILE &&
        p->parameterValue.kind == h245_ParameterValue_booleanArray)
        /* Other kinds of value would be another parameter. */
        out->profiles = p->parameterValue.u.booleanArray;
    if (p->parameterIdentifier.u.standard == LEVEL &&
        p->parameterValue.kind == h245_ParameterValue_unsignedMin)
        out->level = p->parameterValue.u.unsignedMin;
}

int h245_h264_set_read(struct arena *a, const struct h245_relayed *r, struct h245_h264_set *out)
{
    const struct h245_GenericCapability *cap;
    struct h245_VideoCapability *video;
    struct h245_h264_set found = {0};
    void *value = NULL;
    int err;

    if (!h245_media_is_video(r->media) || strcmp(r->name, "H264") != 0)
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
    if (found.profiles == 0 || found.level == 0) /* H.241: both are mandatory */
        return ERR_MALFORMED;
    *out = found;
    return 0;
}

int h245_h264_set_build(struct arena *a, const struct h245_h264_set *h264, struct h245_relayed *out)
{
    struct h245_GenericParameter *p = arena_array(a, 2, sizeof(*p));

    if (p == NULL)
        return ERR_NOMEM;
    p[0].parameterIdentifier.kind = p[1].parameterIdentifier.kind =
        h245_ParameterIdentifier_standard;
    p[0].parameterIdentifier.u.standard = PROFILE;
    p[0].parameterValue.kind = h245_ParameterValue_booleanArray;
    p[0].parameterValue.u.booleanArray = h264->profiles;
    p[1].parameterIdentifier.u.standard = LEVEL;
    p[1].parameterValue.kind = h245_ParameterValue_unsignedMin;
    p[1].parameterValue.u.unsignedMin = h264->level;
    return h245_relayed_h264_of(p, 2, h264->bit_rate, out);
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
    struct h245_h264_set x, y;
    int err;

    /* Different codecs have nothing in common. */
    if (!h245_relayed_is_same(a, b))
        return ERR_UNSUPPORTED;
    /* H.261 and H.263: what the one can send in, the other can show. */
    if (strcmp(a->name, "H264") != 0) {
        *out = *a;
        return 0;
    }
    err = h245_h264_set_read(arena, a, &x);
    if (err == 0)
        err = h245_h264_set_read(arena, b, &y);
    if (err != 0)
        return err;
    /* What both have of each. */
    x.profiles &= y.profiles;
    x.level = x.level < y.level ? x.level : y.level;
    x.bit_rate = lower_rate(x.bit_rate, y.bit_rate);
    err = x.profiles == 0 ? ERR_UNSUPPORTED : h245_h264_set_build(arena, &x, out);
    if (err == 0)
        out->media = a->media;
    return err;
}

bool h245_video_fits(struct arena *arena, const struct h245_relayed *sends,
                     const struct h245_relayed *receives)
{
    struct h245_h264_set x, y;

    if (!h245_relayed_is_same(sends, receives))
        return false;
    /* The same octets: the usual case costs no decoding. */
    if (strcmp(sends->name, "H264") != 0 ||
        (sends->len == receives->len && memcmp(sends->octets, receives->octets, sends->len) == 0))
        return true;
    /* What cannot be read does not fit. */
    return h245_h264_set_read(arena, sends, &x) == 0 &&
           h245_h264_set_read(arena, receives, &y) == 0 && (x.profiles & y.profiles) != 0 &&
           /* A lower level is within a higher one. */
           x.level <= y.level;
}

int h245_video_to_mode(struct arena *arena, const struct h245_relayed *r,
                       struct h245_VideoMode *mode)
{
    const struct h245_VideoCapability *video;
    void *value = NULL;
    int err;

    if (r->media != H245_MEDIA_VIDEO || strcmp(r->name, "H264") != 0)
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
    return err == 0 && strcmp(out->name, "H264") != 0 ? ERR_UNSUPPORTED : err;
}
