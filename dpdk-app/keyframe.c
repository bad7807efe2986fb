#include "dpdk-app/keyframe.h"

/* H.264 table 7-1, RFC 6184 table 1. */
#define NAL_TYPE   0x1fu
#define NAL_IDR    5u
#define NAL_SPS    7u
#define NAL_STAP_A 24u
#define NAL_STAP_B 25u
#define NAL_FU_A   28u
#define NAL_FU_B   29u
#define FU_START   0x80u

/* H.265 table 7-1: BLA, IDR and CRA pictures; VPS and SPS. RFC 7798 4.4.2 and 4.4.3. */
#define HEVC_TYPE(octet) ((unsigned)(octet) >> 1 & 0x3fu)
#define HEVC_BLA_FIRST   16u
#define HEVC_CRA         21u
#define HEVC_VPS         32u
#define HEVC_SPS         33u
#define HEVC_AP          48u
#define HEVC_FU          49u

static bool is_key_unit(unsigned header)
{
    return (header & NAL_TYPE) == NAL_IDR || (header & NAL_TYPE) == NAL_SPS;
}

static bool is_hevc_key(unsigned type)
{
    return (type >= HEVC_BLA_FIRST && type <= HEVC_CRA) || type == HEVC_VPS || type == HEVC_SPS;
}

static bool is_hevc_key_unit(unsigned header)
{
    return is_hevc_key(HEVC_TYPE(header));
}

/* Any of the units behind `at`, each with 16 bits of size (RFC 6184 5.7.1, RFC 7798 4.4.2). */
static bool any_unit(const uint8_t *p, size_t length, size_t at, bool (*is_key)(unsigned header))
{
    while (at + 2 < length) {
        size_t size = (size_t)p[at] << 8 | p[at + 1];

        if (size == 0 || size > length - at - 2)
            return false;
        if (is_key(p[at + 2]))
            return true;
        at += 2 + size;
    }
    return false;
}

static bool h264_begins(const uint8_t *p, size_t length)
{
    switch (p[0] & NAL_TYPE) {
    case NAL_STAP_A:
        return any_unit(p, length, 1, is_key_unit);
    case NAL_STAP_B: /* with a decoding order number */
        return any_unit(p, length, 3, is_key_unit);
    case NAL_FU_A:
    case NAL_FU_B:
        return length > 2 && (p[1] & FU_START) && is_key_unit(p[1]);
    default:
        return is_key_unit(p[0]);
    }
}

static bool h265_begins(const uint8_t *p, size_t length)
{
    switch (HEVC_TYPE(p[0])) {
    case HEVC_AP:
        return any_unit(p, length, 2, is_hevc_key_unit);
    case HEVC_FU:
        return length > 3 && (p[2] & FU_START) && is_hevc_key(p[2] & 0x3fu);
    default:
        return is_hevc_key_unit(p[0]);
    }
}

/* The picture start code's 22 bits: 16 zeros, 1, 5 zeros (H.263 5.1.1). */
static bool is_picture_start(const uint8_t *p)
{
    return p[0] == 0 && p[1] == 0 && (p[2] & 0xfc) == 0x80;
}

/* RFC 2190: F and P tell the mode, hence where the payload's own header ends. Bit I is 0 for
 * intra-coded there; only the packet with the picture's start code begins a frame. */
static bool h263_begins(const uint8_t *p, size_t length)
{
    bool is_a = (p[0] & 0x80) == 0;
    size_t size = is_a ? 4 : (p[0] & 0x40) == 0 ? 8 : 12;
    unsigned inter;

    if (length < size + 3)
        return false;
    inter = is_a ? p[1] & 0x10 : p[4] & 0x80;
    return inter == 0 && is_picture_start(p + size);
}

/* H.263 5.1.3 and 5.1.4; `p` is the octet with the last 6 bits of the start code. PLUSPTYPE (source
 * format 7) has the picture's type behind its optional part, which is there if UFEP is 1. */
static bool is_intra_header(const uint8_t *p, size_t length)
{
    uint64_t bits = 0;
    unsigned format, ufep, type;

    if (length < 7)
        return false;
    for (unsigned i = 0; i < 7; i++)
        bits = bits << 8 | p[i]; /* 56 bits: 6 of the start code, 8 TR, then PTYPE */
    format = (unsigned)(bits >> (56 - 22)) & 7;
    if (format != 7)
        return ((bits >> (56 - 23)) & 1) == 0;
    ufep = (unsigned)(bits >> (56 - 25)) & 7;
    if (ufep > 1)
        return false;
    /* MPPTYPE begins with 3 bits of type, 0 = intra; OPPTYPE has 18 bits. */
    type = (unsigned)(bits >> (56 - 28 - (ufep == 1 ? 18 : 0))) & 7;
    return type == 0;
}

/* RFC 4629 5.1: 5 bits reserved, P, V, 6 bits PLEN, 3 bits PEBIT. P stands for the two zero octets
 * of the start code, which are left out. */
static bool h263_plus_begins(const uint8_t *p, size_t length)
{
    size_t at = 2;

    if (length < 3 || !(p[0] & 0x04))
        return false;
    at += p[0] & 0x02 ? 1 : 0;
    at += (size_t)(p[0] & 0x01) << 5 | p[1] >> 3;
    return at < length && (p[at] & 0xfc) == 0x80 && is_intra_header(p + at, length - at);
}

bool keyframe_begins(enum link_key format, const uint8_t *payload, size_t length)
{
    if (length == 0)
        return false;
    switch (format) {
    case LINK_KEY_H264:
        return h264_begins(payload, length);
    case LINK_KEY_H263:
        return h263_begins(payload, length);
    case LINK_KEY_H263_PLUS:
        return h263_plus_begins(payload, length);
    case LINK_KEY_H265:
        return h265_begins(payload, length);
    default:
        return true; /* not known: nothing to wait for */
    }
}
