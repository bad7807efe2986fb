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

SUITE("sdp/h264", TEST(parameters_are_read), TEST(nonsense_is_refused), TEST(h241_says_the_same),
      TEST(what_we_usually_offer_is_level_3_1))
