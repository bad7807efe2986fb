/* Video and data capabilities as names and octets. */
#include "signalling/h245/relayed.h"

#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/data.h"
#include "signalling/h245/h239.h"
#include "signalling/h245/video.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

#include <stdio.h>
#include <string.h>

/* H.241 8.3.2: H.264's profile and level. */
#define H264_PROFILE_BASELINE 64
#define H264_LEVEL_3_1        71
/* What an H.323 room system takes without a thought. */
#define USUAL_BIT_RATE 20000 /* 2 Mbit/s, in units of 100 bit/s */

/* itu-t(0) recommendation(0) h(8) 241 specificVideoCodecCapabilities(0) h264(0)
 * generic-capabilities(1) */
static const uint32_t h264_arcs[] = {0, 0, 8, 241, 0, 0, 1};
static const struct per_oid h264_oid = {sizeof(h264_arcs) / sizeof(h264_arcs[0]), h264_arcs};

const char *h245_media_to_str(enum h245_media media)
{
    static const char *const text[] = {
#define MEDIA_TEXT(name, words) [name] = words,
        H245_MEDIA_LIST(MEDIA_TEXT)
#undef MEDIA_TEXT
    };

    return media < H245_MEDIA_COUNT ? text[media] : "unknown";
}

/* ---- names ---- */

/* The dotted identifier; false: it has none, or a longer one than anybody registers. */
static bool name_generic(const struct h245_GenericCapability *cap, char *name)
{
    const struct per_oid *oid = &cap->capabilityIdentifier.u.standard;
    size_t n = 0;

    if (cap->capabilityIdentifier.kind == h245_CapabilityIdentifier_standard &&
        per_oid_equal(*oid, h264_oid)) { /* before H.265, which a mistaken setting may call so */
        snprintf(name, H245_RELAYED_NAME, "H264");
        return true;
    }
    if (h245_is_h265(&cap->capabilityIdentifier)) {
        snprintf(name, H245_RELAYED_NAME, "H265");
        return true;
    }
    if (cap->capabilityIdentifier.kind != h245_CapabilityIdentifier_standard || oid->n == 0)
        return false;
    for (uint32_t i = 0; i < oid->n; i++) {
        int wrote = snprintf(name + n, H245_RELAYED_NAME - n, "%s%u", i == 0 ? "" : ".",
                             (unsigned)oid->arc[i]);

        if (wrote < 0 || (size_t)wrote >= H245_RELAYED_NAME - n)
            return false;
        n += (size_t)wrote;
    }
    return true;
}

static bool name_video(const struct h245_VideoCapability *cap, struct h245_relayed *out)
{
    const char *fixed = NULL;

    switch (cap->kind) {
    case h245_VideoCapability_h261VideoCapability:
        fixed = "H261";
        /* The numbers of RFC 3551; generic ones have a dynamic type. */
        out->payload_type = 31;
        break;
    case h245_VideoCapability_h262VideoCapability:
        fixed = "H262";
        out->payload_type = 32;
        break;
    case h245_VideoCapability_h263VideoCapability:
        fixed = "H263";
        out->payload_type = 34;
        break;
    case h245_VideoCapability_genericVideoCapability:
        return name_generic(cap->u.genericVideoCapability, out->name);
    default:
        return false;
    }
    snprintf(out->name, sizeof(out->name), "%s", fixed);
    return true;
}

/* Only what runs over RTP: T.120 and its like have stacks of their own. */
static bool name_data(const struct h245_DataApplicationCapability *cap, struct h245_relayed *out)
{
    const char *fixed = NULL;

    switch (cap->application.kind) {
    case h245_DataApplicationCapability_application_h224:
        if (h245_data_is_sctp(cap->application.u.h224))
            return false; /* data.h's */
        fixed = "h224";
        break;
    case h245_DataApplicationCapability_application_t140:
        if (h245_data_is_sctp(cap->application.u.t140))
            return false;
        fixed = "t140";
        break;
    case h245_DataApplicationCapability_application_genericDataCapability:
        return name_generic(cap->application.u.genericDataCapability, out->name);
    default:
        return false;
    }
    snprintf(out->name, sizeof(out->name), "%s", fixed);
    return true;
}

/* ---- from H.245 ---- */

static int keep(const struct per_type *type, const void *value, struct h245_relayed *out)
{
    size_t len = 0;

    /* Larger than we keep: not relayed, rather than cut. */
    if (per_encode(type, value, out->octets, sizeof(out->octets), &len, NULL) != 0)
        return ERR_LIMIT;
    out->len = (uint16_t)len;
    return 0;
}

int h245_relayed_of_video(const struct h245_VideoCapability *cap, struct h245_relayed *out)
{
    struct h245_relayed found = {.media = H245_MEDIA_VIDEO};
    const struct h245_VideoCapability *inside = NULL;
    int err;

    /* A second "live" stream has no token and no place in a layout. */
    if ((h239_video_roles(cap, &inside) & H239_ROLE_PRESENTATION) != 0 && inside != NULL) {
        found.media = H245_MEDIA_PRESENTATION;
        cap = inside;
    }

    /* Without a name nobody could say whether two are the same. */
    if (!name_video(cap, &found))
        return ERR_UNSUPPORTED;
    err = keep(&h245_VideoCapability_type, cap, &found);
    if (err == 0)
        *out = found;
    return err;
}

int h245_relayed_of_data(const struct h245_DataApplicationCapability *cap, struct h245_relayed *out)
{
    struct h245_relayed found = {.media = H245_MEDIA_DATA};
    int err;

    if (!name_data(cap, &found))
        return ERR_UNSUPPORTED;
    err = keep(&h245_DataApplicationCapability_type, cap, &found);
    if (err == 0)
        *out = found;
    return err;
}

int h245_relayed_of_capability(const struct h245_Capability *cap, struct h245_relayed *out)
{
    switch (cap->kind) {
    case h245_Capability_receiveVideoCapability:
        return h245_relayed_of_video(cap->u.receiveVideoCapability, out);
    case h245_Capability_receiveAndTransmitVideoCapability:
        return h245_relayed_of_video(cap->u.receiveAndTransmitVideoCapability, out);
    case h245_Capability_receiveDataApplicationCapability:
        return h245_relayed_of_data(cap->u.receiveDataApplicationCapability, out);
    case h245_Capability_receiveAndTransmitDataApplicationCapability:
        return h245_relayed_of_data(cap->u.receiveAndTransmitDataApplicationCapability, out);
    default:
        return ERR_UNSUPPORTED;
    }
}

int h245_relayed_of_type(const struct h245_DataType *type, struct h245_relayed *out)
{
    const struct h245_H235Media_mediaType *inner;

    if (type->kind == h245_DataType_videoData)
        return h245_relayed_of_video(type->u.videoData, out);
    if (type->kind == h245_DataType_data)
        return h245_relayed_of_data(type->u.data, out);
    if (type->kind != h245_DataType_h235Media)
        return ERR_UNSUPPORTED;
    inner = &type->u.h235Media->mediaType;
    if (inner->kind == h245_H235Media_mediaType_videoData)
        return h245_relayed_of_video(inner->u.videoData, out);
    if (inner->kind == h245_H235Media_mediaType_data)
        return h245_relayed_of_data(inner->u.data, out);
    return ERR_UNSUPPORTED;
}

/* ---- to H.245 ---- */

static int restore(struct arena *a, const struct h245_relayed *r, void **out)
{
    /* In the octets of the capability itself: what the one side said is what the other hears. */
    const struct per_type *type = h245_media_is_video(r->media)
                                      ? &h245_VideoCapability_type
                                      : &h245_DataApplicationCapability_type;
    struct h245_VideoCapability *wrapped = NULL;
    int err = per_decode(type, r->octets, r->len, NULL, a, out, NULL);

    if (err == 0 && r->media == H245_MEDIA_PRESENTATION) {
        err = h239_build_video(a, *out, H239_ROLE_PRESENTATION, &wrapped);
        *out = wrapped;
    }
    return err;
}

int h245_relayed_to_capability(struct arena *a, const struct h245_relayed *r,
                               struct h245_Capability *cap)
{
    void *value = NULL;
    int err = restore(a, r, &value);

    if (err != 0)
        return err;
    if (h245_media_is_video(r->media)) {
        cap->kind = h245_Capability_receiveVideoCapability;
        cap->u.receiveVideoCapability = value;
    } else {
        cap->kind = h245_Capability_receiveDataApplicationCapability;
        cap->u.receiveDataApplicationCapability = value;
    }
    return 0;
}

int h245_relayed_to_type(struct arena *a, const struct h245_relayed *r, struct h245_DataType *type)
{
    void *value = NULL;
    int err = restore(a, r, &value);

    if (err != 0)
        return err;
    if (h245_media_is_video(r->media)) {
        type->kind = h245_DataType_videoData;
        type->u.videoData = value;
    } else {
        type->kind = h245_DataType_data;
        type->u.data = value;
    }
    return 0;
}

/* ---- ours ---- */

static int usual_h261(struct h245_relayed *out)
{
    struct h245_H261VideoCapability h261 = {
        .has_qcifMPI = true,
        /* 30 pictures a second (an MPI counts in 1/29.97 s): a limit, not a wish. */
        .qcifMPI = 1,
        .has_cifMPI = true,
        .cifMPI = 1,
        /* H.261's own maximum, 1.92 Mbit/s. */
        .maxBitRate = 19200,
    };
    const struct h245_VideoCapability video = {.kind = h245_VideoCapability_h261VideoCapability,
                                               .u.h261VideoCapability = &h261};

    return h245_relayed_of_video(&video, out);
}

static int usual_h263(struct h245_relayed *out)
{
    struct h245_H263VideoCapability h263 = {
        .has_sqcifMPI = true,
        .sqcifMPI = 1,
        .has_qcifMPI = true,
        .qcifMPI = 1,
        .has_cifMPI = true,
        .cifMPI = 1,
        .has_cif4MPI = true,
        .cif4MPI = 1,
        .maxBitRate = USUAL_BIT_RATE,
    };
    const struct h245_VideoCapability video = {.kind = h245_VideoCapability_h263VideoCapability,
                                               .u.h263VideoCapability = &h263};

    return h245_relayed_of_video(&video, out);
}

int h245_relayed_h264_of(struct h245_GenericParameter *parameters, uint32_t count, uint32_t rate,
                         struct h245_relayed *out)
{
    struct h245_GenericCapability h264 = {.has_maxBitRate = rate != 0, .maxBitRate = rate};
    const struct h245_VideoCapability video = {.kind = h245_VideoCapability_genericVideoCapability,
                                               .u.genericVideoCapability = &h264};

    h264.capabilityIdentifier.kind = h245_CapabilityIdentifier_standard;
    h264.capabilityIdentifier.u.standard = h264_oid;
    h264.has_collapsing = true;
    h264.collapsing.n = count;
    h264.collapsing.v = parameters;
    return h245_relayed_of_video(&video, out);
}

static int usual_h264(struct arena *a, struct h245_relayed *out)
{
    /* Baseline at level 3.1 (720p): what is decoded everywhere. */
    const struct h245_video_set set = {
        .profiles = H264_PROFILE_BASELINE, .level = H264_LEVEL_3_1, .bit_rate = USUAL_BIT_RATE};

    return h245_video_set_build(a, &set, out);
}

static int usual_h265(struct arena *a, struct h245_relayed *out)
{
    /* The same pictures: what RFC 7798 takes for granted where nothing is said. */
    const struct h245_video_set set = {.codec = H245_VIDEO_H265,
                                       .profiles = H245_H265_MAIN,
                                       .level = H245_H265_LEVEL_3_1,
                                       .bit_rate = USUAL_BIT_RATE};

    return h245_video_set_build(a, &set, out);
}

int h245_relayed_usual(struct arena *a, const char *name, struct h245_relayed *out)
{
    if (strcmp(name, "H261") == 0)
        return usual_h261(out);
    if (strcmp(name, "H263") == 0)
        return usual_h263(out);
    if (strcmp(name, "H264") == 0)
        return usual_h264(a, out);
    if (strcmp(name, "H265") == 0)
        return usual_h265(a, out);
    return ERR_NOTFOUND;
}

bool h245_media_is_video(enum h245_media media)
{
    return media == H245_MEDIA_VIDEO || media == H245_MEDIA_PRESENTATION;
}

bool h245_relayed_is_same(const struct h245_relayed *a, const struct h245_relayed *b)
{
    /* By name alone: parameters are the peers' to negotiate (h245_video_common for mixes). */
    return a->media == b->media && strcmp(a->name, b->name) == 0;
}
