/* H.264's parameters between SDP (RFC 6184) and H.245 (H.241). */
#include "signalling/sdp/h264.h"

#include "base/arena.h"
#include "base/err.h"
#include "tests/suite.h"

static struct h245_h264 read_fmtp(const char *fmtp)
{
    struct h245_h264 h;

    memset(&h, 0, sizeof(h));
    CU_ASSERT_EQUAL(sdp_h264_read(fmtp, &h), 0);
    return h;
}

static void parameters_are_read(void)
{
    struct h245_h264 h = read_fmtp("profile-level-id=42e01f;packetization-mode=1;max-mbps=108000");

    CU_ASSERT_EQUAL(h.profile_idc, 66);
    CU_ASSERT_TRUE(h.is_constrained);
    CU_ASSERT_EQUAL(h.level_idc, 31);
    CU_ASSERT_EQUAL(h.packetization, 1);
    CU_ASSERT_EQUAL(h.max_mbps, 108000);
    CU_ASSERT_EQUAL(h.max_fs, 0);
    h = read_fmtp("level-asymmetry-allowed=1; PROFILE-LEVEL-ID=640028 ;max-fs=99999999999");
    CU_ASSERT_EQUAL(h.profile_idc, 100);
    CU_ASSERT_FALSE(h.is_constrained);
    CU_ASSERT_EQUAL(h.level_idc, 40);
    CU_ASSERT_EQUAL(h.max_fs, 1000000);       /* bounded */
    h = read_fmtp("profile-level-id=42f00b"); /* level 11 with constraint_set3: 1b */
    CU_ASSERT_EQUAL(h.level_idc, H245_H264_LEVEL_1B);
    h = read_fmtp(""); /* RFC 6184 section 8.1: Baseline, level 1 */
    CU_ASSERT_EQUAL(h.profile_idc, 66);
    CU_ASSERT_EQUAL(h.level_idc, 10);
    CU_ASSERT_EQUAL(h.packetization, 0);
}

static void nonsense_is_refused(void)
{
    struct h245_h264 h;

    CU_ASSERT_EQUAL(sdp_h264_read("profile-level-id=42e0", &h), ERR_MALFORMED);
    CU_ASSERT_EQUAL(sdp_h264_read("profile-level-id=42e0zz", &h), ERR_MALFORMED);
    CU_ASSERT_EQUAL(sdp_h264_read("profile-level-id=f4001f", &h), ERR_UNSUPPORTED); /* High 4:4:4 */
    CU_ASSERT_EQUAL(sdp_h264_read("profile-level-id=4200ff", &h), ERR_UNSUPPORTED);
}

/* Every profile and level that H.241 can say goes there and back. */
static void h241_says_the_same(void)
{
    static const uint8_t levels[] = {
        10, H245_H264_LEVEL_1B, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51};
    static const uint8_t profiles[] = {66, 77, 88, 100};
    struct arena a;

    arena_init(&a, 4096, 0);
    for (size_t i = 0; i < sizeof(levels) * sizeof(profiles); i++) {
        struct h245_h264 h = {.profile_idc = profiles[i % sizeof(profiles)],
                              .level_idc = levels[i / sizeof(profiles)],
                              .max_mbps = 40500,
                              .max_fs = 8192},
                         back, again;
        struct h245_relayed r;
        char fmtp[128];

        arena_reset(&a);
        CU_ASSERT_EQUAL_FATAL(h245_relayed_h264(&a, &h, &r), 0);
        CU_ASSERT_STRING_EQUAL(r.name, "H264");
        CU_ASSERT_EQUAL_FATAL(h245_relayed_read_h264(&a, &r, &back), 0);
        CU_ASSERT_EQUAL(back.profile_idc, h.profile_idc);
        CU_ASSERT_EQUAL(back.level_idc, h.level_idc);
        CU_ASSERT_EQUAL(back.max_mbps, h.max_mbps);
        CU_ASSERT_EQUAL(back.max_fs, h.max_fs);
        sdp_h264_write(&back, fmtp, sizeof(fmtp));
        again = read_fmtp(fmtp);
        CU_ASSERT_EQUAL(memcmp(&again, &back, sizeof(back)), 0);
    }
    arena_fini(&a);
}

static void what_we_usually_offer_is_level_3_1(void)
{
    struct h245_relayed r;
    struct h245_h264 h;
    struct arena a;
    char fmtp[128], little[10];

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_relayed_usual(&a, "H264", &r), 0);
    CU_ASSERT_EQUAL_FATAL(h245_relayed_read_h264(&a, &r, &h), 0);
    sdp_h264_write(&h, fmtp, sizeof(fmtp));
    CU_ASSERT_STRING_EQUAL(fmtp, "profile-level-id=42c01f;packetization-mode=0");
    sdp_h264_write(&h, little, sizeof(little)); /* nothing rather than half of it */
    CU_ASSERT_STRING_EQUAL(little, "");
    CU_ASSERT_EQUAL_FATAL(h245_relayed_usual(&a, "H263", &r), 0);
    CU_ASSERT_EQUAL(h245_relayed_read_h264(&a, &r, &h), ERR_NOTFOUND);
    arena_fini(&a);
}

static const char *answer_to(const char *offered, struct h245_h264 ours)
{
    static char text[96];

    CU_ASSERT_EQUAL(sdp_h264_answer(offered, &ours, text, sizeof(text)), 0);
    return text;
}

/* RFC 6184 section 8.2.2. */
static void an_answer_keeps_the_profile_and_lowers_the_level(void)
{
    const struct h245_h264 low = {.profile_idc = 66, .level_idc = 12, .max_mbps = 40500};
    const struct h245_h264 high = {.profile_idc = 100, .level_idc = 40, .max_fs = 9000};
    const struct h245_h264 one_b = {.profile_idc = 66, .level_idc = H245_H264_LEVEL_1B};
    char little[20] = "as it was";

    /* Ours is lower: its level and what it takes beyond it, nothing of the offerer's own. */
    CU_ASSERT_STRING_EQUAL(
        answer_to("profile-level-id=42e01f;packetization-mode=1;max-mbps=108000;max-fs=3600;"
                  "level-asymmetry-allowed=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==",
                  low),
        "profile-level-id=42e00c;packetization-mode=1;max-mbps=40500");
    /* Theirs is lower: it stands, and what ours takes beyond a higher one is not said. */
    CU_ASSERT_STRING_EQUAL(answer_to("profile-level-id=4D0015", high),
                           "profile-level-id=4d0015;packetization-mode=0");
    /* Level 1b is below 1.1 and above 1, and is written with constraint_set3. */
    CU_ASSERT_STRING_EQUAL(answer_to("profile-level-id=42c00b", one_b),
                           "profile-level-id=42d00b;packetization-mode=0");
    CU_ASSERT_STRING_EQUAL(answer_to("profile-level-id=42c00a", one_b),
                           "profile-level-id=42c00a;packetization-mode=0");
    CU_ASSERT_STRING_EQUAL(answer_to("profile-level-id=42d00b", low),
                           "profile-level-id=42d00b;packetization-mode=0");
    CU_ASSERT_STRING_EQUAL(answer_to("", high), "profile-level-id=42000a;packetization-mode=0");
    CU_ASSERT_EQUAL(sdp_h264_answer("profile-level-id=f4001f", &low, little, sizeof(little)),
                    ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(sdp_h264_answer("", &low, little, sizeof(little)), ERR_RANGE);
    CU_ASSERT_STRING_EQUAL(little, "as it was");
}

static void profiles_fit_who_decodes_them(void)
{
    const struct h245_h264 constrained = {.profile_idc = 66, .is_constrained = true};
    const struct h245_h264 baseline = {.profile_idc = 66}, high = {.profile_idc = 100};

    CU_ASSERT_TRUE(sdp_h264_fits(&constrained, 64) && sdp_h264_fits(&constrained, 8));
    CU_ASSERT_TRUE(sdp_h264_fits(&baseline, 64 | 8));
    CU_ASSERT_FALSE(sdp_h264_fits(&baseline, 8));
    CU_ASSERT_TRUE(sdp_h264_fits(&high, 64 | 8));
    CU_ASSERT_FALSE(sdp_h264_fits(&high, 64));
    CU_ASSERT_FALSE(sdp_h264_fits(&constrained, 0));
}

SUITE("sdp/h264", TEST(parameters_are_read), TEST(nonsense_is_refused),
      TEST(an_answer_keeps_the_profile_and_lowers_the_level), TEST(profiles_fit_who_decodes_them),
      TEST(h241_says_the_same), TEST(what_we_usually_offer_is_level_3_1))
