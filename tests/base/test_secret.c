#include "base/secret.h"
#include "tests/suite.h"

#include <stdint.h>

static void alloc_any_size_is_zeroed_and_aligned(void)
{
    /* Around a page, and around the size from which huge pages are asked for. */
    static const size_t sizes[] = {1,       4095,    4096,    4097,    2097151,
                                   2097152, 2097153, 3000001, 4194304, 5000000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *p = secret_alloc(sizes[i]);
        size_t sum = 0;

        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        CU_ASSERT_EQUAL((uintptr_t)p % (sizes[i] >= 2097152 ? 2097152 : 4096), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            sum += p[k];
        CU_ASSERT_EQUAL(sum, 0);
        memset(p, 0xa5, sizes[i]);
        CU_ASSERT_EQUAL(p[sizes[i] - 1], 0xa5);
        secret_free(p, sizes[i]);
    }
}

static void alloc_impossible_size_gives_null(void)
{
    CU_ASSERT_PTR_NULL(secret_alloc(0));
    CU_ASSERT_PTR_NULL(secret_alloc(SIZE_MAX));
    CU_ASSERT_PTR_NULL(secret_alloc(SIZE_MAX / 2));
    secret_free(NULL, 0);
}

static void wipe_leaves_zeros_and_neighbours(void)
{
    uint8_t data[64];

    memset(data, 0xff, sizeof(data));
    secret_wipe(data + 1, 62);
    CU_ASSERT_EQUAL(data[0], 0xff);
    CU_ASSERT_EQUAL(data[63], 0xff);
    for (size_t i = 1; i < 63; i++)
        CU_ASSERT_EQUAL(data[i], 0);
    secret_wipe(NULL, 0);
}

static void equal_every_bit_counts(void)
{
    uint8_t a[20] = {0}, b[20] = {0};

    CU_ASSERT_TRUE(secret_equal(a, b, sizeof(a)));
    CU_ASSERT_TRUE(secret_equal(a, b, 0));
    for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
        b[bit / 8] = (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(secret_equal(a, b, sizeof(a)));
        b[bit / 8] = 0;
    }
}

SUITE("base/secret", TEST(alloc_any_size_is_zeroed_and_aligned),
      TEST(alloc_impossible_size_gives_null), TEST(wipe_leaves_zeros_and_neighbours),
      TEST(equal_every_bit_counts))
