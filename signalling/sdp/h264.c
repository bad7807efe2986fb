/* Profile-level-id and its like of H.264 (RFC 6184 section 8.1), between the words of SDP and those
 * of H.245. */
#include "signalling/sdp/h264.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "signalling/sdp/fmtp.h"

#define CONSTRAINT_SET1 0x40u /* of Baseline: Constrained Baseline, which all decode */
#define CONSTRAINT_SET3 0x10u /* with level 11: level 1b */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int profile_level(const char *fmtp, uint8_t out[3])
{
    size_t len;
    const char *value = sdp_fmtp_find(fmtp, "profile-level-id", &len);

    /* Baseline, level 1: what RFC 6184 takes for granted. */
    memcpy(out, "\x42\x00\x0a", 3);
    if (value == NULL)
        return 0;
    if (len < 6)
        return ERR_MALFORMED;
    for (size_t i = 0; i < 3; i++) {
        int high = hex_digit(value[2 * i]), low = hex_digit(value[2 * i + 1]);

        if (high < 0 || low < 0)
            return ERR_MALFORMED;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

int sdp_h264_read(const char *fmtp, struct h245_h264 *out)
{
    struct h245_h264 h;
    uint8_t id[3];
    int err = profile_level(fmtp, id);

    if (err != 0)
        return err;
    memset(&h, 0, sizeof(h));
    h.profile_idc = id[0];
    h.is_constrained = (id[1] & CONSTRAINT_SET1) != 0;
    h.level_idc = id[2];
    /* Level 1b: its number is 11 with a flag, but for High, which has 9. */
    if (id[0] != 100 && id[2] == 11 && (id[1] & CONSTRAINT_SET3) != 0)
        h.level_idc = H245_H264_LEVEL_1B;
    h.packetization = (uint8_t)sdp_fmtp_number(fmtp, "packetization-mode", 0, 2);
    h.max_mbps = sdp_fmtp_number(fmtp, "max-mbps", 0, 10000000);
    h.max_fs = sdp_fmtp_number(fmtp, "max-fs", 0, 1000000);
    /* A profile or level that H.241 has no word for cannot be told to an H.323 peer. */
    if (!h245_h264_is_known(&h))
        return ERR_UNSUPPORTED;
    *out = h;
    return 0;
}

void sdp_h264_write(const struct h245_h264 *h, char *fmtp, size_t room)
{
    /* constraint_set0: Baseline says that it is one. */
    unsigned constraints = h->profile_idc == 66 ? 0x80u : 0;
    unsigned level = h->level_idc;
    int n;

    if (h->is_constrained)
        constraints |= CONSTRAINT_SET1;
    if (level == H245_H264_LEVEL_1B && h->profile_idc != 100) { /* High says it as 9 */
        level = 11;
        constraints |= CONSTRAINT_SET3;
    }
    n = snprintf(fmtp, room, "profile-level-id=%02x%02x%02x;packetization-mode=%u", h->profile_idc,
                 constraints, level, h->packetization);
    if (n > 0 && (size_t)n < room && h->max_mbps != 0)
        n += snprintf(fmtp + n, room - (size_t)n, ";max-mbps=%u", h->max_mbps);
    if (n > 0 && (size_t)n < room && h->max_fs != 0)
        n += snprintf(fmtp + n, room - (size_t)n, ";max-fs=%u", h->max_fs);
    if (n < 0 || (size_t)n >= room)
        fmtp[0] = '\0'; /* half of it would lie */
}

/* H.241 table 8-1, by profile_idc. */
static uint8_t profile_bit(unsigned profile_idc)
{
    static const struct {
        uint8_t idc, bit;
    } row[] = {{66, 64}, {77, 32}, {88, 16}, {100, 8}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].idc == profile_idc)
            return row[i].bit;
    return 0;
}

bool sdp_h264_fits(const struct h245_h264 *theirs, uint8_t profiles)
{
    /* H.264 A.2: decoders of every profile of ours take the constrained Baseline. */
    if (theirs->profile_idc == 66 && theirs->is_constrained && profiles != 0)
        return true;
    return (profiles & profile_bit(theirs->profile_idc)) != 0;
}

/* Levels in their order: 1b lies between 1 and 1.1, its number does not. */
static unsigned rank(unsigned level_idc)
{
    return level_idc == H245_H264_LEVEL_1B ? 21 : 2 * level_idc;
}

int sdp_h264_answer(const char *offered, const struct h245_h264 *ours, char *fmtp, size_t room)
{
    char text[96];
    struct h245_h264 h;
    uint8_t id[3];
    int err = sdp_h264_read(offered, &h), n;

    if (err == 0)
        err = profile_level(offered, id);
    if (err != 0)
        return err;
    /* Ours are said below, or those of the level hold. */
    h.max_mbps = h.max_fs = 0;
    /* An answer may lower the level, never raise it (RFC 6184 8.2.2). */
    if (rank(ours->level_idc) <= rank(h.level_idc)) {
        h.level_idc = ours->level_idc;
        h.max_mbps = ours->max_mbps;
        h.max_fs = ours->max_fs;
    }
    /* The constraint flags name the sub-profile (RFC 6184 table 5) and stay; but constraint_set3 is
     * a part of the level where it makes 1b of 1.1. */
    id[2] = h.level_idc;
    if (id[0] != 100) {
        id[1] &= (uint8_t)~CONSTRAINT_SET3;
        if (h.level_idc == H245_H264_LEVEL_1B) {
            id[1] |= CONSTRAINT_SET3;
            id[2] = 11;
        }
    }
    n = snprintf(text, sizeof(text), "profile-level-id=%02x%02x%02x;packetization-mode=%u", id[0],
                 id[1], id[2], h.packetization);
    if (h.max_mbps != 0)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ";max-mbps=%u", h.max_mbps);
    if (h.max_fs != 0)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ";max-fs=%u", h.max_fs);
    if ((size_t)n >= room)
        return ERR_RANGE;
    memcpy(fmtp, text, (size_t)n + 1);
    return 0;
}
