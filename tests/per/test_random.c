/* Every type of the three schemas, with random values: what is encoded comes back the same. */
#include "base/err.h"
#include "signalling/per/json.h"
#include "signalling/schema/h225.h"
#include "signalling/schema/h235.h"
#include "signalling/schema/h245.h"
#include "tests/fuzz/per_value.h"
#include "tests/suite.h"

enum { ROOM = 1 << 20, RUNS = 24, MAX_DEPTH = 6 };

static struct arena arena;
static uint8_t room[ROOM];
static uint8_t again[ROOM];

static void say(const struct per_type *t, const char *what, const struct per_error *err)
{
    char text[400];

    fprintf(stderr, "%s: %s %s\n", per_type_name(t), what,
            per_error_to_str(err, text, sizeof(text)));
    CU_FAIL("not the same");
}

static void round_trip(const struct per_type *t, const void *value)
{
    struct per_error err = {0};
    void *back;
    json_t *before;
    json_t *after;
    size_t n;
    size_t m = 0;

    if (per_encode(t, value, room, ROOM, &n, &err) != 0) {
        say(t, "encode", &err);
        return;
    }
    if (per_decode(t, room, n, NULL, &arena, &back, &err) != 0) {
        say(t, "decode", &err);
        return;
    }
    CU_ASSERT_EQUAL(per_encode(t, back, again, ROOM, &m, &err), 0);
    CU_ASSERT(m == n && memcmp(room, again, n) == 0);
    before = per_to_json(t, value);
    after = per_to_json(t, back);
    CU_ASSERT_PTR_NOT_NULL(before);
    CU_ASSERT(json_equal(before, after) == 1);
    json_decref(before);
    json_decref(after);
}

static void run_module(const struct per_module *module)
{
    struct per_random random = {&arena, 0x9e3779b97f4a7c15};

    for (unsigned i = 0; i < module->n; i++) {
        const struct per_type *t = module->types[i].type;

        for (unsigned run = 0; run < RUNS; run++) {
            void *value;

            arena_reset(&arena);
            value = arena_zalloc(&arena, t->size ? t->size : 1);
            CU_ASSERT_PTR_NOT_NULL_FATAL(value);
            CU_ASSERT_EQUAL_FATAL(per_random_fill(&random, t, value, run % (MAX_DEPTH + 1)), 0);
            round_trip(t, value);
        }
    }
}

static void every_h245_type_returns_equal(void)
{
    CU_ASSERT(h245_module.n > 250);
    run_module(&h245_module);
}

static void every_h225_type_returns_equal(void)
{
    CU_ASSERT(h225_module.n > 150);
    run_module(&h225_module);
}

static void every_h235_type_returns_equal(void)
{
    CU_ASSERT(h235_module.n > 30);
    run_module(&h235_module);
}

/* Values changed again and again reach states that none is born in. */
static void changed_message_returns_equal(void)
{
    struct per_random random = {&arena, 4711};
    const struct per_type *t = &h245_MultimediaSystemControlMessage_type;

    for (unsigned run = 0; run < 200; run++) {
        void *value;

        arena_reset(&arena);
        value = arena_zalloc(&arena, t->size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(value);
        CU_ASSERT_EQUAL_FATAL(per_random_fill(&random, t, value, 6), 0);
        for (unsigned i = 0; i < 8; i++) {
            struct per_error err;
            size_t n;

            CU_ASSERT_EQUAL_FATAL(per_random_change(&random, t, value), 0);
            /* a change may break a SIZE; then it is refused, and the value is given up */
            if (per_encode(t, value, room, ROOM, &n, &err) == ERR_RANGE)
                break;
            round_trip(t, value);
        }
    }
}

static int setup(void)
{
    arena_init(&arena, 1 << 20, 0);
    return 0;
}

static int teardown(void)
{
    arena_fini(&arena);
    return 0;
}

SUITE_SETUP("per/random", setup, teardown, TEST(every_h245_type_returns_equal),
            TEST(every_h225_type_returns_equal), TEST(every_h235_type_returns_equal),
            TEST(changed_message_returns_equal))
