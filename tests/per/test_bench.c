/* The benchmark measures what it says: every message decodes and encodes to the same octets. */
#include "bench/bench_per.h"
#include "tests/suite.h"

static void count(void *user, const struct bench_per_result *result)
{
    CU_ASSERT(result->bytes > 0);
    CU_ASSERT(result->decode_ns > 0);
    CU_ASSERT(result->encode_ns > 0);
    CU_ASSERT_DOUBLE_EQUAL(result->decode_mb_s * result->decode_ns, (double)result->bytes * 1e3,
                           1e-3);
    ++*(unsigned *)user;
}

static void every_message_is_measured(void)
{
    unsigned n = 0;

    CU_ASSERT_EQUAL(bench_per_run(1, count, &n), 0);
    CU_ASSERT_EQUAL(n, 8);
}

SUITE("per/bench", TEST(every_message_is_measured))
