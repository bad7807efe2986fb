#include "base/arena.h"
#include "tests/suite.h"

#include <stdalign.h>
#include <stdint.h>

static void alloc_any_size_is_aligned_and_disjoint(void)
{
    struct arena a;
    unsigned char *p[64];

    arena_init(&a, 128, 0);
    for (size_t i = 0; i < 64; i++) {
        p[i] = arena_alloc(&a, i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(p[i]);
        CU_ASSERT_EQUAL((uintptr_t)p[i] % alignof(max_align_t), 0);
        memset(p[i], (int)i, i);
    }
    for (size_t i = 0; i < 64; i++)
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_EQUAL(p[i][k], i);
    arena_fini(&a);
}

static void alloc_larger_than_block_gets_its_own(void)
{
    struct arena a;
    unsigned char *p;

    arena_init(&a, 64, 0);
    p = arena_zalloc(&a, 10000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(p[9999], 0);
    p[9999] = 1;
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 1));
    arena_fini(&a);
}

static void limit_reached_refuses_and_keeps_state(void)
{
    struct arena a;

    arena_init(&a, 64, 256);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 200));
    CU_ASSERT_PTR_NULL(arena_alloc(&a, 100));
    CU_ASSERT_PTR_NULL(arena_alloc(&a, SIZE_MAX));
    CU_ASSERT_PTR_NULL(arena_alloc(&a, SIZE_MAX - 8));
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 40));
    CU_ASSERT_TRUE(a.used <= 256);
    arena_fini(&a);
}

static void reset_gives_first_block_again(void)
{
    struct arena a;
    void *first;

    arena_init(&a, 512, 600);
    first = arena_alloc(&a, 16);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 550));
    CU_ASSERT_PTR_NULL(arena_alloc(&a, 100));
    arena_reset(&a);
    CU_ASSERT_EQUAL(a.used, 0);
    CU_ASSERT_PTR_EQUAL(arena_alloc(&a, 16), first);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 550));
    arena_fini(&a);
}

static void reset_of_unused_arena_is_harmless(void)
{
    struct arena a;

    arena_init(&a, 0, 0);
    arena_reset(&a);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 5000));
    arena_fini(&a);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 1));
    arena_fini(&a);
}

static void array_product_overflow_is_refused(void)
{
    struct arena a;
    uint32_t *v;

    arena_init(&a, 0, 0);
    CU_ASSERT_PTR_NULL(arena_array(&a, SIZE_MAX / 2, 4));
    v = arena_array(&a, 8, sizeof(*v));
    CU_ASSERT_PTR_NOT_NULL_FATAL(v);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(v[i], 0);
    arena_fini(&a);
}

static void copy_and_strdup_keep_content(void)
{
    struct arena a;
    char *s;

    arena_init(&a, 0, 0);
    s = arena_strdup(&a, "sluice");
    CU_ASSERT_STRING_EQUAL(s, "sluice");
    CU_ASSERT_EQUAL(memcmp(arena_copy(&a, s, 3), "slu", 3), 0);
    CU_ASSERT_PTR_NOT_NULL(arena_copy(&a, NULL, 0));
    arena_fini(&a);
}

static void fail_after_n_lets_exactly_n_pass(void)
{
    struct arena a;

    arena_init(&a, 0, 0);
    arena_fail_after(&a, 2);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 8));
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 8));
    CU_ASSERT_PTR_NULL(arena_alloc(&a, 8));
    CU_ASSERT_PTR_NULL(arena_alloc(&a, 8));
    arena_fail_after(&a, -1);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 8));
    arena_fini(&a);
}

SUITE("base/arena", TEST(alloc_any_size_is_aligned_and_disjoint),
      TEST(alloc_larger_than_block_gets_its_own), TEST(limit_reached_refuses_and_keeps_state),
      TEST(reset_gives_first_block_again), TEST(reset_of_unused_arena_is_harmless),
      TEST(array_product_overflow_is_refused), TEST(copy_and_strdup_keep_content),
      TEST(fail_after_n_lets_exactly_n_pass))
