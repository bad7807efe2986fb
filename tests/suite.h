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
 * run; without arguments all of them run.
 *
 * A test that proves requirements (tests/conformance/requirements.txt) says which:
 *
 *     PROVES("T-OLC L-UNI");
 *     PROVES_FOR("C-ROLE", "dir=in h245=slave setup=actpass/active");
 *
 * anywhere in it. When the test has ended without a failed assertion a line `proves: ID … | SUITE:
 * TEST` is written for each id, else a line `disproves: …`: scripts/conformance reads these. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <CUnit/TestDB.h>
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

/* What the running test claims. One for all files of an executable, helpers included, without a
 * file of its own: the linker keeps one of the weak definitions. */
struct suite_proofs {
    const char *title;
    unsigned failed_before;
    size_t len;
    char text[65536]; /* lines `ID` or `ID DIMENSIONS` */
};
__attribute__((weak)) struct suite_proofs suite_proofs;

#define PROVES(ids)                 suite_prove(ids, "")
#define PROVES_FOR(ids, dimensions) suite_prove(ids, dimensions)

/* `ids`: names with spaces between them; `dimensions`: words NAME=VALUE, or "". */
static inline void suite_prove(const char *ids, const char *dimensions)
{
    struct suite_proofs *p = &suite_proofs;

    while (*ids != '\0') {
        size_t len = strcspn(ids, " ");
        int n = snprintf(p->text + p->len, sizeof(p->text) - p->len, "%.*s%s%s\n", (int)len, ids,
                         dimensions[0] != '\0' ? " " : "", dimensions);

        if (n < 0 || (size_t)n >= sizeof(p->text) - p->len) {
            p->text[p->len] = '\0';
            CU_FAIL("more proofs than there is room for");
            return;
        }
        p->len += (size_t)n;
        ids += len + strspn(ids + len, " ");
    }
}

static inline void suite_before_test(void)
{
    suite_proofs.len = 0;
    suite_proofs.failed_before = CU_get_number_of_failures();
}

/* Runs also behind a fatal assertion, which leaves the test by longjmp. */
static inline void suite_after_test(void)
{
    const char *word =
        CU_get_number_of_failures() == suite_proofs.failed_before ? "proves" : "disproves";
    const char *line = suite_proofs.text;

    if (suite_proofs.len > 0)
        printf("\n"); /* CUnit's line of the test is still open */
    while (line < suite_proofs.text + suite_proofs.len) {
        int len = (int)strcspn(line, "\n");

        printf("%s: %.*s | %s: %s\n", word, len, line, suite_proofs.title,
               CU_get_current_test()->pName);
        line += len + 1;
    }
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
    suite_proofs.title = title;
    suite = CU_add_suite_with_setup_and_teardown(title, setup, teardown, suite_before_test,
                                                 suite_after_test);
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
