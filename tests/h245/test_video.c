/* H.265 in H.245: its capability and by which identifier it is known, what two have in common, what
 * fits what, and as a mode. (H.264's are in tests/server/test_conference_video.c.) */
#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/media.h"
#include "signalling/h245/video.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

#include <string.h>

static struct arena arena;

static struct h245_relayed build(uint8_t profiles, bool is_high, uint16_t level, uint32_t rate)
{
    const struct h245_video_set set = {.codec = H245_VIDEO_H265,
                                       .profiles = profiles,
                                       .is_high_tier = is_high,
                                       .level = level,
                                       .bit_rate = rate};
    struct h245_relayed r = {0};

    arena_init(&arena, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_video_set_build(&arena, &set, &r), 0);
    arena_fini(&arena);
    return r;
}

static struct h245_video_set read_back(const struct h245_relayed *r)
{
    struct h245_video_set set = {0};

    arena_init(&arena, 4096, 0);
    CU_ASSERT_EQUAL(h245_video_set_read(&arena, r, &set), 0);
    arena_fini(&arena);
    return set;
}

static const struct h245_GenericCapability *decoded(const struct h245_relayed *r)
{
    void *value = NULL;
    struct h245_VideoCapability *video;

    CU_ASSERT_EQUAL_FATAL(
        per_decode(&h245_VideoCapability_type, r->octets, r->len, NULL, &arena, &value, NULL), 0);
    video = value;
    CU_ASSERT_EQUAL_FATAL(video->kind, h245_VideoCapability_genericVideoCapability);
    return video->u.genericVideoCapability;
}

static void capability_says_profiles_tier_level_and_rate(void)
{
    struct h245_relayed r = build(H245_H265_MAIN | H245_H265_MAIN_10, true, 120, 30000);
    struct h245_video_set set = read_back(&r);

    CU_ASSERT_STRING_EQUAL(r.name, "H265");
    CU_ASSERT_EQUAL(r.payload_type, 0); /* dynamic */
    CU_ASSERT_EQUAL(set.codec, H245_VIDEO_H265);
    CU_ASSERT_EQUAL(set.profiles, H245_H265_MAIN | H245_H265_MAIN_10);
    CU_ASSERT_TRUE(set.is_high_tier);
    CU_ASSERT_EQUAL(set.level, 120);
    CU_ASSERT_EQUAL(set.bit_rate, 30000);
}

static void known_by_the_identifier_that_is_configured(void)
{
    static const char dotted[] = "0.0.8.241.0.7.1";
    struct h245_relayed ours = build(H245_H265_MAIN, false, 93, 0), theirs;
    const struct h245_GenericCapability *cap;
    struct h245_VideoCapability again;
    struct h245_relayed found;

    arena_init(&arena, 4096, 0);
    cap = decoded(&ours);
    CU_ASSERT_EQUAL(cap->capabilityIdentifier.kind, h245_CapabilityIdentifier_domainBased);
    CU_ASSERT_EQUAL(cap->capabilityIdentifier.u.domainBased.len, strlen(H245_H265_IDENTIFIER));
    arena_fini(&arena);
    CU_ASSERT_EQUAL_FATAL(h245_set_h265_identifier(dotted), 0);
    theirs = build(H245_H265_MAIN, false, 93, 0);
    arena_init(&arena, 4096, 0);
    cap = decoded(&theirs);
    CU_ASSERT_EQUAL(cap->capabilityIdentifier.kind, h245_CapabilityIdentifier_standard);
    CU_ASSERT_EQUAL(cap->capabilityIdentifier.u.standard.n, 7);
    again = (struct h245_VideoCapability){.kind = h245_VideoCapability_genericVideoCapability,
                                          .u.genericVideoCapability =
                                              (struct h245_GenericCapability *)cap};
    CU_ASSERT_EQUAL(h245_set_h265_identifier(H245_H265_IDENTIFIER), 0);
    /* By another identifier it is one of the unknown, which relays pass as they are. */
    CU_ASSERT_EQUAL(h245_relayed_of_video(&again, &found), 0);
    CU_ASSERT_STRING_EQUAL(found.name, dotted);
    arena_fini(&arena);
}

static void identifiers_that_are_none_are_refused(void)
{
    char longest[65];

    memset(longest, 'a', 64);
    longest[64] = '\0';
    CU_ASSERT_EQUAL(h245_set_h265_identifier(""), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_set_h265_identifier(longest), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_set_h265_identifier("h\x01"), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_set_h265_identifier("0..8"), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_set_h265_identifier("0.0."), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_set_h265_identifier("7.0.8"), ERR_INVAL); /* X.680: 0 to 2 */
    CU_ASSERT_EQUAL(h245_set_h265_identifier("0.0.4294967296"), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_set_h265_identifier("0.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7"), ERR_INVAL);
    CU_ASSERT_STRING_EQUAL(build(H245_H265_MAIN, false, 93, 0).name, "H265"); /* as it was */
}

static void h264_stays_h264_whatever_is_configured(void)
{
    struct h245_relayed r;

    arena_init(&arena, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_set_h265_identifier("0.0.8.241.0.0.1"), 0);
    CU_ASSERT_EQUAL(h245_relayed_usual(&arena, "H264", &r), 0);
    CU_ASSERT_STRING_EQUAL(r.name, "H264");
    CU_ASSERT_EQUAL(h245_set_h265_identifier(H245_H265_IDENTIFIER), 0);
    arena_fini(&arena);
}

static void what_is_not_said_is_main_at_level_3_1(void)
{
    struct h245_relayed r = {0};
    struct h245_video_set set;

    arena_init(&arena, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_relayed_h265_of(&arena, NULL, 0, 5000, &r), 0);
    arena_fini(&arena);
    set = read_back(&r);
    CU_ASSERT_EQUAL(set.profiles, H245_H265_MAIN);
    CU_ASSERT_FALSE(set.is_high_tier);
    CU_ASSERT_EQUAL(set.level, H245_H265_LEVEL_3_1);
    CU_ASSERT_EQUAL(set.bit_rate, 5000);
}

static void common_is_the_lower_of_each(void)
{
    struct h245_relayed a = build(H245_H265_MAIN | H245_H265_MAIN_10, true, 93, 20000);
    struct h245_relayed b = build(H245_H265_MAIN, false, 120, 6000), c, h264;
    struct h245_relayed ten = build(H245_H265_MAIN_10, true, 120, 0);
    struct h245_video_set set;

    arena_init(&arena, 4096, 0);
    CU_ASSERT_EQUAL(h245_video_common(&arena, &a, &b, &c), 0);
    CU_ASSERT_EQUAL(h245_relayed_usual(&arena, "H264", &h264), 0);
    CU_ASSERT_EQUAL(h245_video_common(&arena, &a, &h264, &c), ERR_UNSUPPORTED);
    arena_fini(&arena);
    set = read_back(&c);
    CU_ASSERT_EQUAL(set.profiles, H245_H265_MAIN);
    CU_ASSERT_FALSE(set.is_high_tier);
    CU_ASSERT_EQUAL(set.level, 93);
    CU_ASSERT_EQUAL(set.bit_rate, 6000);
    /* A decoder of Main 10 takes Main (H.265 A.3.3), whether or not it says so. */
    arena_init(&arena, 4096, 0);
    CU_ASSERT_EQUAL(h245_video_common(&arena, &ten, &b, &c), 0);
    arena_fini(&arena);
    CU_ASSERT_EQUAL(read_back(&c).profiles, H245_H265_MAIN);
}

static bool fits(const struct h245_relayed *sends, const struct h245_relayed *receives)
{
    bool is;

    arena_init(&arena, 4096, 0);
    is = h245_video_fits(&arena, sends, receives);
    arena_fini(&arena);
    return is;
}

static void what_fits(void)
{
    struct h245_relayed usual = build(H245_H265_MAIN, false, 93, 20000);
    struct h245_relayed high = build(H245_H265_MAIN, true, 93, 0);
    struct h245_relayed low = build(H245_H265_MAIN, false, 63, 0);
    struct h245_relayed ten = build(H245_H265_MAIN_10, false, 93, 0);

    CU_ASSERT_TRUE(fits(&usual, &usual));
    CU_ASSERT_TRUE(fits(&low, &usual));
    CU_ASSERT_FALSE(fits(&usual, &low));
    CU_ASSERT_TRUE(fits(&usual, &high));
    CU_ASSERT_FALSE(fits(&high, &usual));
    CU_ASSERT_TRUE(fits(&usual, &ten));
    CU_ASSERT_FALSE(fits(&ten, &usual));
}

static void can_be_asked_for_as_a_mode(void)
{
    struct h245_relayed r = build(H245_H265_MAIN, false, 63, 3000), back;
    struct h245_VideoMode mode = {.kind = h245_VideoMode_UNSET};

    arena_init(&arena, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_video_to_mode(&arena, &r, &mode), 0);
    CU_ASSERT_EQUAL(h245_video_of_mode(&mode, &back), 0);
    CU_ASSERT_TRUE(h245_relayed_is_same(&r, &back));
    arena_fini(&arena);
    CU_ASSERT_EQUAL(read_back(&back).level, 63);
}

SUITE("h245/video", TEST(capability_says_profiles_tier_level_and_rate),
      TEST(known_by_the_identifier_that_is_configured), TEST(identifiers_that_are_none_are_refused),
      TEST(h264_stays_h264_whatever_is_configured), TEST(what_is_not_said_is_main_at_level_3_1),
      TEST(common_is_the_lower_of_each), TEST(what_fits), TEST(can_be_asked_for_as_a_mode))
