/* profile-id and its like of H.265 (RFC 7798 section 7.1), between the words of SDP and those of
 * H.245. */
#include "signalling/sdp/h265.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "signalling/sdp/fmtp.h"

/* H.265 table A.8: most kbit/s of main and high tier by general_level_idc; levels below 4 have no
 * high tier. */
static const struct level {
    uint8_t idc;
    uint32_t main, high;
} levels[] = {{30, 128, 128},       {60, 1500, 1500},     {63, 3000, 3000},
              {90, 6000, 6000},     {93, 10000, 10000},   {120, 12000, 30000},
              {123, 20000, 50000},  {150, 25000, 100000}, {153, 40000, 160000},
              {156, 60000, 240000}, {180, 60000, 240000}, {183, 120000, 480000},
              {186, 240000, 800000}};

static const struct level *find_level(uint32_t idc)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (levels[i].idc == idc)
            return &levels[i];
    return NULL;
}

static bool is_single_stream(const char *fmtp)
{
    size_t len;
    const char *mode = sdp_fmtp_find(fmtp, "tx-mode", &len);

    return mode == NULL || (len >= 4 && strncasecmp(mode, "SRST", 4) == 0);
}

int sdp_h265_read(const char *fmtp, struct h245_video_set *out)
{
    uint32_t profile = sdp_fmtp_number(fmtp, "profile-id", 1, 32);
    const struct level *level =
        find_level(sdp_fmtp_number(fmtp, "level-id", H245_H265_LEVEL_3_1, 256));
    struct h245_video_set set = {.codec = H245_VIDEO_H265};

    if (level == NULL)
        return ERR_MALFORMED;
    if (profile < 1 || profile > 2 || sdp_fmtp_number(fmtp, "profile-space", 0, 4) != 0 ||
        sdp_fmtp_number(fmtp, "sprop-max-don-diff", 0, 32767) != 0 || !is_single_stream(fmtp))
        return ERR_UNSUPPORTED;
    set.profiles = profile == 1 ? H245_H265_MAIN : H245_H265_MAIN_10;
    set.is_high_tier = sdp_fmtp_number(fmtp, "tier-flag", 0, 1) == 1;
    set.level = level->idc;
    set.bit_rate = (set.is_high_tier ? level->high : level->main) * 10; /* of 100 bit/s */
    *out = set;
    return 0;
}

static int write_set(unsigned profile, bool is_high, unsigned level, char *fmtp, size_t room)
{
    int n = snprintf(fmtp, room, "profile-id=%u;tier-flag=%u;level-id=%u;tx-mode=SRST", profile,
                     is_high, level);

    return n < 0 || (size_t)n >= room ? ERR_RANGE : n;
}

void sdp_h265_write(const struct h245_video_set *h265, char *fmtp, size_t room)
{
    if (write_set((h265->profiles & H245_H265_MAIN) != 0 ? 1 : 2, h265->is_high_tier, h265->level,
                  fmtp, room) < 0)
        fmtp[0] = '\0'; /* half of it would lie */
}

/* What else configures the format has to be in the answer as it was in the offer. */
static int repeat(const char *offered, const char *name, char *text, size_t room)
{
    size_t len, used = strlen(text);
    const char *value = sdp_fmtp_find(offered, name, &len);
    int n;

    if (value == NULL)
        return 0;
    n = snprintf(text + used, room - used, ";%s=%.*s", name, (int)len, value);
    return n < 0 || (size_t)n >= room - used ? ERR_RANGE : 0;
}

int sdp_h265_answer(const char *offered, const struct h245_video_set *ours, char *fmtp, size_t room)
{
    struct h245_video_set theirs, taken = *ours;
    char text[192];
    int err = sdp_h265_read(offered, &theirs);

    if (err != 0)
        return err;
    /* A level that is too high may be lowered in the answer; the rest may not. */
    if (taken.level < theirs.level)
        theirs.level = taken.level;
    if (!h245_video_set_fits(&theirs, &taken))
        return ERR_UNSUPPORTED;
    err = write_set(theirs.profiles == H245_H265_MAIN ? 1 : 2, theirs.is_high_tier, theirs.level,
                    text, sizeof(text));
    if (err >= 0)
        err = repeat(offered, "profile-compatibility-indicator", text, sizeof(text));
    if (err == 0)
        err = repeat(offered, "interop-constraints", text, sizeof(text));
    if (err == 0 && strlen(text) >= room)
        err = ERR_RANGE;
    if (err == 0)
        memcpy(fmtp, text, strlen(text) + 1);
    return err;
}
