#include "server/media/ports.h"

#include "base/err.h"
#include "tests/suite.h"

static void pairs_are_even_and_distinct(void)
{
    struct ports *p = NULL;
    uint16_t a = 0;
    uint16_t b = 0;
    uint16_t c = 0;

    CU_ASSERT_EQUAL(ports_create(10001, 10005, 2, 0, &p), 0);
    CU_ASSERT_EQUAL(ports_capacity(p), 2); /* 10002/3 and 10004/5 */
    CU_ASSERT_EQUAL(ports_take(p, 0, &a), 0);
    CU_ASSERT_EQUAL(ports_take(p, 0, &b), 0);
    CU_ASSERT_EQUAL(a, 10002);
    CU_ASSERT_EQUAL(b, 10004);
    CU_ASSERT_EQUAL(ports_take(p, 0, &c), ERR_LIMIT);
    CU_ASSERT_EQUAL(ports_in_use(p), 2);
    ports_destroy(p);
}

static void released_port_rests_before_reuse(void)
{
    struct ports *p = NULL;
    uint16_t a = 0;

    CU_ASSERT_EQUAL(ports_create(500, 500, 1, 1000, &p), 0);
    CU_ASSERT_EQUAL(ports_take(p, 0, &a), 0);
    ports_release(p, a, 50);
    CU_ASSERT_EQUAL(ports_in_use(p), 0);
    CU_ASSERT_EQUAL(ports_take(p, 1049, &a), ERR_LIMIT);
    CU_ASSERT_EQUAL(ports_take(p, 1050, &a), 0);
    CU_ASSERT_EQUAL(a, 500);
    ports_destroy(p);
}

static void foreign_and_double_release_change_nothing(void)
{
    struct ports *p = NULL;
    uint16_t a = 0;

    CU_ASSERT_EQUAL(ports_create(500, 503, 2, 0, &p), 0);
    CU_ASSERT_EQUAL(ports_take(p, 0, &a), 0);
    ports_release(p, 501, 0);
    ports_release(p, 499, 0);
    ports_release(p, 504, 0);
    ports_release(p, 502, 0);
    CU_ASSERT_EQUAL(ports_in_use(p), 1);
    ports_release(p, a, 0);
    ports_release(p, a, 0);
    CU_ASSERT_EQUAL(ports_in_use(p), 0);
    ports_destroy(p);
}

static void claimed_port_is_not_given_out(void)
{
    struct ports *p = NULL;
    uint16_t a = 0;

    CU_ASSERT_EQUAL(ports_create(500, 503, 2, 0, &p), 0);
    CU_ASSERT_EQUAL(ports_claim(p, 500), 0);
    CU_ASSERT_EQUAL(ports_claim(p, 500), ERR_EXISTS);
    CU_ASSERT_EQUAL(ports_claim(p, 503), ERR_RANGE);
    CU_ASSERT_EQUAL(ports_claim(p, 600), ERR_RANGE);
    CU_ASSERT_EQUAL(ports_take(p, 0, &a), 0);
    CU_ASSERT_EQUAL(a, 502);
    ports_destroy(p);
}

static void bad_ranges_are_refused(void)
{
    struct ports *p = NULL;

    CU_ASSERT_EQUAL(ports_create(10, 9, 1, 0, &p), ERR_RANGE);
    CU_ASSERT_EQUAL(ports_create(11, 12, 2, 0, &p), ERR_RANGE);
    CU_ASSERT_EQUAL(ports_create(10, 12, 3, 0, &p), ERR_INVAL);
    CU_ASSERT_PTR_NULL(p);
}

SUITE("server/ports", TEST(pairs_are_even_and_distinct), TEST(released_port_rests_before_reuse),
      TEST(foreign_and_double_release_change_nothing), TEST(claimed_port_is_not_given_out),
      TEST(bad_ranges_are_refused))
