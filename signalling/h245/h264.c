/* H.264's generic video capability (H.241 section 8.3.2) as the values that it stands for. */
#include "signalling/h245/relayed.h"

#include "base/arena.h"
#include "base/err.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

#include <string.h>

/* Parameters of H.241 table 5, and the units of the custom ones. */
enum parameter {
    PROFILE = 41,
    LEVEL = 42,
    CUSTOM_MAX_MBPS = 3, /* 500 macroblocks a second */
    CUSTOM_MAX_FS = 4,   /* 256 macroblocks */
};
#define UNIT_MBPS 500u
#define UNIT_FS   256u

/* Bit rates that the levels of H.264 table A-1 allow, in 100 bit/s: maxBitRate has to say one. By
 * level_idc: H.241 has its own numbers, which leave room between them. */
static const struct {
    uint8_t idc, h241;
    uint32_t rate;
} levels[] = {
    {10, 15, 640},      {H245_H264_LEVEL_1B, 19, 1280},
    {11, 22, 1920},     {12, 29, 3840},
    {13, 36, 7680},     {20, 43, 20000},
    {21, 50, 40000},    {22, 57, 40000},
    {30, 64, 100000},   {31, 71, 140000},
    {32, 78, 200000},   {40, 85, 200000},
    {41, 92, 500000},   {42, 99, 500000},
    {50, 106, 1350000}, {51, 113, 2400000},
};

static const struct {
    uint8_t idc, h241;
    /* 66 Baseline, 77 Main, 88 Extended, 100 High; H.241 has a bit for each. */
} profiles[] = {{66, 64}, {77, 32}, {88, 16}, {100, 8}};

static size_t find_level(unsigned value, bool is_h241)
{
    size_t i = 0;

    while (i < sizeof(levels) / sizeof(levels[0]) &&
           (is_h241 ? levels[i].h241 : levels[i].idc) != value)
        i++;
    return i;
}

static size_t find_profile(unsigned idc)
{
    size_t i = 0;

    while (i < sizeof(profiles) / sizeof(profiles[0]) && profiles[i].idc != idc)
        i++;
    return i;
}

bool h245_h264_is_known(const struct h245_h264 *h)
{
    return find_profile(h->profile_idc) < sizeof(profiles) / sizeof(profiles[0]) &&
           find_level(h->level_idc, false) < sizeof(levels) / sizeof(levels[0]);
}

static void put(struct h245_GenericParameter *p, unsigned id, unsigned kind, unsigned value)
{
    p->parameterIdentifier.kind = h245_ParameterIdentifier_standard;
    p->parameterIdentifier.u.standard = (uint8_t)id;
    p->parameterValue.kind = kind;
    if (kind == h245_ParameterValue_booleanArray)
        p->parameterValue.u.booleanArray = (uint8_t)value;
    else
        /* What is more than H.241 can say is said as most. */
        p->parameterValue.u.unsignedMin = (uint16_t)(value < UINT16_MAX ? value : UINT16_MAX);
}

int h245_relayed_h264(struct arena *a, const struct h245_h264 *h, struct h245_relayed *out)
{
    size_t level = find_level(h->level_idc, false);
    struct h245_GenericParameter *p = arena_array(a, 4, sizeof(*p));
    uint32_t n = 2;

    if (!h245_h264_is_known(h))
        return ERR_NOTFOUND;
    if (p == NULL)
        return ERR_NOMEM;
    memset(p, 0, 4 * sizeof(*p));
    put(&p[0], PROFILE, h245_ParameterValue_booleanArray,
        profiles[find_profile(h->profile_idc)].h241);
    put(&p[1], LEVEL, h245_ParameterValue_unsignedMin, levels[level].h241);
    /* Less than one unit is less than the level itself allows: left out. */
    if (h->max_mbps >= UNIT_MBPS)
        put(&p[n++], CUSTOM_MAX_MBPS, h245_ParameterValue_unsignedMin, h->max_mbps / UNIT_MBPS);
    if (h->max_fs >= UNIT_FS)
        put(&p[n++], CUSTOM_MAX_FS, h245_ParameterValue_unsignedMin, h->max_fs / UNIT_FS);
    return h245_relayed_h264_of(p, n, levels[level].rate, out);
}

static void take(struct h245_h264 *h, const struct h245_GenericParameter *p)
{
    unsigned value;

    if (p->parameterIdentifier.kind != h245_ParameterIdentifier_standard)
        /* Parameters that are not H.241's. */
        return;
    if (p->parameterValue.kind == h245_ParameterValue_booleanArray)
        value = p->parameterValue.u.booleanArray;
    else if (p->parameterValue.kind == h245_ParameterValue_unsignedMin)
        value = p->parameterValue.u.unsignedMin;
    else
        return;
    switch (p->parameterIdentifier.u.standard) {
    case PROFILE: /* the least of those that are named: what everybody with the others decodes */
        /* From the greatest to the least: the last match stays. */
        for (size_t i = sizeof(profiles) / sizeof(profiles[0]); i-- > 0;)
            if (value & profiles[i].h241)
                h->profile_idc = profiles[i].idc;
        break;
    case LEVEL:
        for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
            if (levels[i].h241 <= value) /* a level between two is the lower one and more */
                h->level_idc = levels[i].idc;
        break;
    case CUSTOM_MAX_MBPS:
        h->max_mbps = value * UNIT_MBPS;
        break;
    case CUSTOM_MAX_FS:
        h->max_fs = value * UNIT_FS;
        break;
    default:
        break;
    }
}

int h245_relayed_read_h264(struct arena *a, const struct h245_relayed *r, struct h245_h264 *out)
{
    const struct h245_VideoCapability *video;
    const struct h245_GenericCapability *g;
    /* What is not said is the least. */
    struct h245_h264 h = {.profile_idc = 66, .level_idc = 10};
    void *value = NULL;

    if (r->media != H245_MEDIA_VIDEO || strcmp(r->name, "H264") != 0)
        return ERR_NOTFOUND;
    /* Decoded anew: a relayed capability is kept in octets. */
    if (per_decode(&h245_VideoCapability_type, r->octets, r->len, NULL, a, &value, NULL) != 0)
        return ERR_MALFORMED;
    video = value;
    if (video->kind != h245_VideoCapability_genericVideoCapability)
        return ERR_MALFORMED;
    g = video->u.genericVideoCapability;
    for (uint32_t i = 0; g->has_collapsing && i < g->collapsing.n; i++)
        take(&h, &g->collapsing.v[i]);
    /* H.241's Baseline is without the tools that Constrained Baseline leaves out in all endpoints
     * that we know of, and the constrained one is what the others insist on. */
    h.is_constrained = h.profile_idc == 66;
    *out = h;
    return 0;
}
