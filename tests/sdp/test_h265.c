/* H.265's parameters between SDP (RFC 7798) and H.245. */
#include "signalling/sdp/h265.h"

#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

static struct h245_video_set read_fmtp(const char *fmtp)
{
    struct h245_video_set set = {0};

    CU_ASSERT_EQUAL(sdp_h265_read(fmtp, &set), 0);
    return set;
}

static void parameters_are_read(void)
{
    struct h245_video_set set =
        read_fmtp("profile-id=2; TIER-FLAG=1;level-id=120;tx-mode=SRST;sprop-max-don-diff=0");

    CU_ASSERT_EQUAL(set.codec, H245_VIDEO_H265);
    CU_ASSERT_EQUAL(set.profiles, H245_H265_MAIN_10);
    CU_ASSERT_TRUE(set.is_high_tier);
    CU_ASSERT_EQUAL(set.level, 120);
    CU_ASSERT_EQUAL(set.bit_rate, 300000); /* 30 Mbit/s, H.265 table A.8 */
    set = read_fmtp("");                   /* section 7.1: Main, main tier, level 3.1 */
    CU_ASSERT_EQUAL(set.profiles, H245_H265_MAIN);
    CU_ASSERT_FALSE(set.is_high_tier);
    CU_ASSERT_EQUAL(set.level, 93);
    CU_ASSERT_EQUAL(set.bit_rate, 100000);
}

static void what_nobody_else_could_take_is_refused(void)
{
    struct h245_video_set set;

    CU_ASSERT_EQUAL(sdp_h265_read("level-id=94", &set), ERR_MALFORMED);
    CU_ASSERT_EQUAL(sdp_h265_read("level-id=99999999999", &set), ERR_MALFORMED);
    CU_ASSERT_EQUAL(sdp_h265_read("profile-id=4", &set), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h265_read("profile-id=0", &set), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h265_read("profile-space=1", &set), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h265_read("tx-mode=MRST", &set), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h265_read("tx-mode=", &set), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h265_read("sprop-max-don-diff=2", &set), ERR_UNSUPPORTED);
}

static void what_is_written_is_read_again(void)
{
    static const uint16_t levels[] = {30, 60, 63, 90, 93, 120, 123, 150, 153, 156, 180, 183, 186};
    char fmtp[96];

    for (size_t i = 0; i < 4 * sizeof(levels) / sizeof(levels[0]); i++) {
        struct h245_video_set set = {.codec = H245_VIDEO_H265,
                                     .profiles = i & 1 ? H245_H265_MAIN : H245_H265_MAIN_10,
                                     .is_high_tier = (i & 2) != 0,
                                     .level = levels[i / 4]};
        struct h245_video_set back;

        sdp_h265_write(&set, fmtp, sizeof(fmtp));
        back = read_fmtp(fmtp);
        CU_ASSERT_EQUAL(back.profiles, set.profiles);
        CU_ASSERT_EQUAL(back.is_high_tier, set.is_high_tier);
        CU_ASSERT_EQUAL(back.level, set.level);
    }
    sdp_h265_write(&(struct h245_video_set){.profiles = H245_H265_MAIN, .level = 93}, fmtp, 8);
    CU_ASSERT_STRING_EQUAL(fmtp, "");
}

static void answer_lowers_the_level_and_repeats_the_rest(void)
{
    const struct h245_video_set ours = {
        .codec = H245_VIDEO_H265, .profiles = H245_H265_MAIN, .level = 93};
    const struct h245_video_set ten = {
        .codec = H245_VIDEO_H265, .profiles = H245_H265_MAIN_10, .level = 123};
    char fmtp[192] = "interop-constraints=B00000000000;level-id=120";

    CU_ASSERT_EQUAL(sdp_h265_answer(fmtp, &ours, fmtp, sizeof(fmtp)), 0);
    CU_ASSERT_STRING_EQUAL(fmtp, "profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST;"
                                 "interop-constraints=B00000000000");
    CU_ASSERT_EQUAL(sdp_h265_answer("level-id=63", &ours, fmtp, sizeof(fmtp)), 0);
    CU_ASSERT_STRING_EQUAL(fmtp, "profile-id=1;tier-flag=0;level-id=63;tx-mode=SRST");
    /* A decoder of Main 10 takes Main, which the answer says as it was offered. */
    CU_ASSERT_EQUAL(sdp_h265_answer("profile-id=1", &ten, fmtp, sizeof(fmtp)), 0);
    CU_ASSERT_STRING_EQUAL(fmtp, "profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST");
    CU_ASSERT_EQUAL(sdp_h265_answer("profile-id=2", &ours, fmtp, sizeof(fmtp)), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h265_answer("tier-flag=1", &ours, fmtp, sizeof(fmtp)), ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h265_answer("", &ours, fmtp, 8), ERR_RANGE);
}

SUITE("sdp/h265", TEST(parameters_are_read), TEST(what_nobody_else_could_take_is_refused),
      TEST(what_is_written_is_read_again), TEST(answer_lowers_the_level_and_repeats_the_rest))
