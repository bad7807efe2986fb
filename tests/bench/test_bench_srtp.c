/* sluice-bench srtp measures what it says: packets come out right, ratios follow from the costs. */
#include "base/err.h"
#include "bench/bench_srtp.h"
#include "tests/suite.h"

#include <math.h>

static double both(const struct bench_srtp_cost *cost)
{
    return cost->protect_ns + cost->unprotect_ns;
}

static void every_suite_one_round_ratios_follow_from_costs(void)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        /* A number of sessions that does not fill the last burst. */
        const struct bench_srtp_case c = {srtp_profile_preference[i], 172, 70, 1};
        struct bench_srtp_result r;
        int rc = bench_srtp_run(&c, &r);

        CU_ASSERT_TRUE(r.cost[BENCH_SRTP_LIBSRTP].protect_ns > 0);
        CU_ASSERT_TRUE(r.cost[BENCH_SRTP_LIBSRTP].unprotect_ns > 0);
        if (rc == ERR_UNSUPPORTED) /* no mb on this machine */
            continue;
        CU_ASSERT_EQUAL_FATAL(rc, 0);
        CU_ASSERT_TRUE(both(&r.cost[BENCH_SRTP_MB]) > 0);
        CU_ASSERT_TRUE(fabs(r.mb_over_libsrtp * both(&r.cost[BENCH_SRTP_MB]) -
                            both(&r.cost[BENCH_SRTP_LIBSRTP])) < 0.01);
        CU_ASSERT_TRUE(fabs(r.mb_over_raw * both(&r.cost[BENCH_SRTP_MB]) -
                            both(&r.cost[BENCH_SRTP_RAW])) < 0.01);
        CU_ASSERT_TRUE(r.paths[0] != '\0');
    }
}

static void impossible_cases_are_refused(void)
{
    static const struct bench_srtp_case cases[] = {
        {SRTP_PROFILE_NONE, 172, 10, 1},
        {SRTP_PROFILE_AES128_CM_SHA1_80, 12, 10, 1},
        {SRTP_PROFILE_AES128_CM_SHA1_80, 5000, 10, 1},
        {SRTP_PROFILE_AES128_CM_SHA1_80, 172, 0, 1},
        {SRTP_PROFILE_AES128_CM_SHA1_80, 172, 10, 0},
    };
    struct bench_srtp_result r;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CU_ASSERT_EQUAL(bench_srtp_run(&cases[i], &r), ERR_INVAL);
}

SUITE("bench/srtp", TEST(every_suite_one_round_ratios_follow_from_costs),
      TEST(impossible_cases_are_refused))
