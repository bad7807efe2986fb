/* sluice-bench pipeline measures what it says: every packet comes out, figures add up. */
#include "base/err.h"
#include "bench/bench_pipeline.h"
#include "tests/suite.h"

static double crypto(const struct bench_pipeline_result *r)
{
    return r->stages[WORKER_UNPROTECT] + r->stages[WORKER_PROTECT];
}

static void every_path_one_round_stages_add_up(void)
{
    const struct bench_pipeline_case cases[] = {
        {BENCH_PIPELINE_RTP_RTP, SRTP_PROFILE_NONE, "none", 20, 172},
        {BENCH_PIPELINE_RTP_SRTP, SRTP_PROFILE_AEAD_AES_128_GCM, "libsrtp", 20, 172},
        {BENCH_PIPELINE_SRTP_SRTP, SRTP_PROFILE_AES128_CM_SHA1_80, "auto", 20, 1212},
    };
    struct bench_pipeline_result r[3];

    CU_ASSERT_EQUAL_FATAL(bench_pipeline_run(cases, 3, 1, r), 0);
    for (size_t i = 0; i < 3; i++) {
        double sum = 0;

        for (unsigned s = 0; s < WORKER_STAGES; s++)
            sum += r[i].stages[s];
        CU_ASSERT_TRUE(r[i].ns_per_packet > 0);
        CU_ASSERT_DOUBLE_EQUAL(sum - crypto(&r[i]), r[i].without_crypto_ns, 0.001);
        CU_ASSERT_TRUE(r[i].stages[WORKER_PARSE] > 0);
        CU_ASSERT_TRUE(r[i].stages[WORKER_TRANSMIT] > 0);
    }
    CU_ASSERT_EQUAL(crypto(&r[0]), 0);
    CU_ASSERT_TRUE(crypto(&r[1]) > 0);
    CU_ASSERT_TRUE(r[2].stages[WORKER_UNPROTECT] > 0 && r[2].stages[WORKER_PROTECT] > 0);
}

/* The longest RTP packet with its tag still fits 1,500 bytes of IP; odd lengths sum up right. */
static void any_size_comes_out(void)
{
    for (uint16_t bytes = BENCH_PIPELINE_BYTES_MIN; bytes <= BENCH_PIPELINE_BYTES_MAX;
         bytes = (uint16_t)(bytes + 119)) {
        const struct bench_pipeline_case c = {BENCH_PIPELINE_RTP_SRTP,
                                              SRTP_PROFILE_AEAD_AES_128_GCM, "auto", 3, bytes};
        struct bench_pipeline_result r;

        CU_ASSERT_EQUAL(bench_pipeline_run(&c, 1, 1, &r), 0);
    }
}

static void impossible_cases_are_refused(void)
{
    static const struct bench_pipeline_case cases[] = {
        {BENCH_PIPELINE_SRTP_SRTP, SRTP_PROFILE_NONE, "auto", 10, 172},
        {BENCH_PIPELINE_PATHS, SRTP_PROFILE_AEAD_AES_128_GCM, "auto", 10, 172},
        {BENCH_PIPELINE_RTP_RTP, SRTP_PROFILE_NONE, "none", 0, 172},
        {BENCH_PIPELINE_RTP_RTP, SRTP_PROFILE_NONE, "none", 10, 11},
        {BENCH_PIPELINE_RTP_RTP, SRTP_PROFILE_NONE, "none", 10, 1441},
    };
    struct bench_pipeline_result r;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CU_ASSERT_EQUAL(bench_pipeline_run(&cases[i], 1, 1, &r), ERR_INVAL);
    CU_ASSERT_EQUAL(bench_pipeline_run(&cases[2], 0, 1, &r), ERR_INVAL);
}

SUITE("bench/pipeline", TEST(every_path_one_round_stages_add_up), TEST(any_size_comes_out),
      TEST(impossible_cases_are_refused))
