/* One CUnit suite per module, with one registration table.
 *
 *     #include "tests/suite.h"
 *
 *     static void thing_condition_result(void) { CU_ASSERT_EQUAL(1, 1); }
 *
 *     SUITE("folder/module",
 *           TEST(thing_condition_result),
 *           TEST(other_condition_result))
 *
 * SUITE_SETUP adds what runs before and after the suite (int (*)(void), 0 = fine, may be NULL).
 * The macro writes main(): it prints the CUnit run summary and returns non-zero when an assertion
 * failed, when the suite could not start or when the table is empty. Arguments name the tests to
 * run; without arguments all of them run. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

struct suite_test {
    const char *name;
    void (*run)(void);
};

/* One row of the table: the function's name is the test's name. */
#define TEST(function)      \
    {                       \
#function, function \
    }

#define SUITE(title, ...) SUITE_SETUP(title, NULL, NULL, __VA_ARGS__)

#define SUITE_SETUP(title, setup, teardown, ...)                                    \
    static const struct suite_test suite_tests[] = {__VA_ARGS__};                   \
    int main(int argc, char **argv)                                                 \
    {                                                                               \
        return suite_run(title, setup, teardown, suite_tests,                       \
                         sizeof(suite_tests) / sizeof(suite_tests[0]), argc, argv); \
    }

/* For a suite that needs what not every machine has: is_possible() says on standard error what is
 * missing; the exit status is then 77, which meson shows as skipped. */
#define SUITE_SKIPPED 77
#define SUITE_IF(title, is_possible, setup, teardown, ...)                          \
    static const struct suite_test suite_tests[] = {__VA_ARGS__};                   \
    int main(int argc, char **argv)                                                 \
    {                                                                               \
        if (!is_possible())                                                         \
            return SUITE_SKIPPED;                                                   \
        return suite_run(title, setup, teardown, suite_tests,                       \
                         sizeof(suite_tests) / sizeof(suite_tests[0]), argc, argv); \
    }

static inline int suite_wants(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc < 2;
}

static inline int suite_fill(CU_pSuite suite, const struct suite_test *tests, size_t n, int argc,
                             char **argv)
{
    int added = 0;

    for (size_t i = 0; i < n; i++) {
        if (!suite_wants(tests[i].name, argc, argv))
            continue;
        if (CU_add_test(suite, tests[i].name, tests[i].run) == NULL)
            return -1;
        added++;
    }
    return added;
}

static inline int suite_run(const char *title, CU_InitializeFunc setup, CU_CleanupFunc teardown,
                            const struct suite_test *tests, size_t n, int argc, char **argv)
{
    unsigned failed;
    CU_pSuite suite;

    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    suite = CU_add_suite(title, setup, teardown);
    if (suite == NULL || suite_fill(suite, tests, n, argc, argv) <= 0) {
        fprintf(stderr, "%s: no test to run: %s\n", title, CU_get_error_msg());
        CU_cleanup_registry();
        return 2;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    if (CU_get_number_of_tests_run() == 0)
        failed++;
    CU_cleanup_registry();
    return failed == 0 ? 0 : 1;
}

#endif
