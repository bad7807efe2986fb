#include "server/metrics.h"

#include <pthread.h>

#include "base/err.h"
#include "tests/suite.h"

static struct metrics *metrics;

static int setup(void)
{
    return metrics_create(&metrics);
}

static int teardown(void)
{
    metrics_destroy(metrics);
    metrics_destroy(NULL);
    return 0;
}

static void counts_appear_by_reason(void)
{
    struct metrics_family *f = metrics_family(metrics, "rejects", "reason", "h");
    metrics_count(f, "tpkt_length");
    metrics_count(f, "tpkt_length");
    metrics_add(metrics_cell_of(f, "per"), 5);
    (void)metrics_cell_of(f, "never");
    CU_ASSERT_EQUAL(metrics_value(metrics, "rejects", "tpkt_length"), 2);
    CU_ASSERT_EQUAL(metrics_value(metrics, "rejects", NULL), 7);
    CU_ASSERT_EQUAL(metrics_value(metrics, "nonsense", NULL), 0);
    json_t *o = metrics_to_json(metrics);
    const json_t *rejects = json_object_get(o, "rejects");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(rejects, "per")), 5);
    CU_ASSERT(json_is_integer(json_object_get(rejects, "never")));
    CU_ASSERT_PTR_NULL(json_object_get(rejects, "other"));
    json_decref(o);
}

static void family_of_a_name_is_made_once(void)
{
    struct metrics_family *a = metrics_family(metrics, "calls", NULL, "h");
    CU_ASSERT_PTR_EQUAL(metrics_family(metrics, "calls", NULL, "h"), a);
    metrics_count(a, NULL);
    json_t *o = metrics_to_json(metrics);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "calls")), 1);
    json_decref(o);
}

static void labels_beyond_the_limit_count_as_other(void)
{
    struct metrics_family *f = metrics_family(metrics, "flood", "peer", "h");
    char value[16];
    for (int i = 0; i < METRICS_LABELS_MAX + 50; i++) {
        snprintf(value, sizeof(value), "p%d", i);
        metrics_count(f, value);
    }
    CU_ASSERT_EQUAL(metrics_value(metrics, "flood", NULL), METRICS_LABELS_MAX + 50);
    json_t *o = metrics_to_json(metrics);
    const json_t *flood = json_object_get(o, "flood");
    CU_ASSERT_EQUAL(json_object_size(flood), METRICS_LABELS_MAX + 1);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(flood, "other")), 50);
    json_decref(o);
}

static int64_t on_gauge(void *ctx)
{
    return *(int64_t *)ctx;
}

static void gauge_is_asked_at_reading(void)
{
    int64_t value = 3;
    CU_ASSERT_EQUAL(metrics_gauge(metrics, "sessions", "h", on_gauge, &value), 0);
    CU_ASSERT_EQUAL(metrics_gauge(metrics, "sessions", "h", on_gauge, &value), ERR_EXISTS);
    value = 4;
    CU_ASSERT_EQUAL(metrics_value(metrics, "sessions", NULL), 4);
    json_t *o = metrics_to_json(metrics);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "sessions")), 4);
    json_decref(o);
    teardown(); /* the gauge's context ends with this test */
    setup();
}

static void *count_a_lot(void *ctx)
{
    struct metrics_family *f = metrics_family(ctx, "threads", "reason", "h");
    for (int i = 0; i < 20000; i++)
        metrics_count(f, i % 2 == 0 ? "even" : "odd");
    return NULL;
}

static void threads_lose_no_count(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, count_a_lot, metrics), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(metrics_value(metrics, "threads", "even"), 30000);
    CU_ASSERT_EQUAL(metrics_value(metrics, "threads", "odd"), 30000);
}

SUITE_SETUP("server/metrics", setup, teardown, TEST(counts_appear_by_reason),
            TEST(family_of_a_name_is_made_once), TEST(labels_beyond_the_limit_count_as_other),
            TEST(gauge_is_asked_at_reading), TEST(threads_lose_no_count))
