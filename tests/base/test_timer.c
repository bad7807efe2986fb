#include "base/timer.h"

#include <stdlib.h>

#include "tests/suite.h"

#define MANY 100000

struct object {
    struct timer timer;
    int calls;
    uint64_t called_at;
};

static struct timer_set set;
static int order[16];
static int order_count;

static void on_record(struct timer *timer, void *ctx, uint64_t now)
{
    struct object *o = ctx;
    CU_ASSERT_PTR_EQUAL(timer, &o->timer);
    CU_ASSERT(!timer_is_running(timer));
    o->calls++;
    o->called_at = now;
}

static void on_number(struct timer *timer, void *ctx, uint64_t now)
{
    (void)timer;
    (void)now;
    order[order_count++] = *(int *)ctx;
}

static void start_many_all_expire_in_order(void)
{
    struct object *objects = calloc(MANY, sizeof(*objects));
    uint32_t seed = 1;
    timer_set_init(&set);
    for (size_t i = 0; i < MANY; i++) {
        seed = seed * 1664525 + 1013904223;
        timer_init(&objects[i].timer, on_record, &objects[i]);
        timer_start(&set, &objects[i].timer, seed % 50000);
    }
    CU_ASSERT_EQUAL(set.count, MANY);
    size_t called = 0;
    uint64_t now = 0, next;
    while ((next = timer_set_next(&set)) != TIMER_NEVER) {
        CU_ASSERT_FATAL(next > now || now == 0); /* nothing due was left behind */
        now = next;
        called += timer_set_run(&set, now);
    }
    CU_ASSERT_EQUAL(called, MANY);
    int wrong = 0;
    for (size_t i = 0; i < MANY; i++)
        wrong += objects[i].calls != 1 || objects[i].called_at != objects[i].timer.deadline;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(set.count, 0);
    free(objects);
}

static void cancel_half_only_the_rest_expires(void)
{
    struct object *objects = calloc(MANY, sizeof(*objects));
    timer_set_init(&set);
    for (size_t i = 0; i < MANY; i++) { /* ascending: the heap's worst shape */
        timer_init(&objects[i].timer, on_record, &objects[i]);
        timer_start(&set, &objects[i].timer, i);
    }
    for (size_t i = 0; i < MANY; i += 2)
        timer_cancel(&set, &objects[(i * 7919) % MANY / 2 * 2].timer);
    size_t left = set.count;
    CU_ASSERT_EQUAL(timer_set_run(&set, MANY), left);
    int wrong = 0;
    for (size_t i = 1; i < MANY; i += 2)
        wrong += objects[i].calls != 1;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(timer_set_next(&set), TIMER_NEVER);
    free(objects);
}

/* Against a plain array: the same operations, the same answers. */
static void random_operations_match_a_plain_model(void)
{
    enum { N = 64 };
    struct object objects[N];
    uint64_t model[N];
    uint64_t now = 0;
    srand(4711);
    timer_set_init(&set);
    for (int i = 0; i < N; i++) {
        objects[i] = (struct object){0};
        timer_init(&objects[i].timer, on_record, &objects[i]);
        model[i] = TIMER_NEVER;
    }
    for (int step = 0; step < 50000; step++) {
        int i = rand() % N, what = rand() % 4;
        if (what < 2) {
            model[i] = now + (uint64_t)(rand() % 100);
            timer_start(&set, &objects[i].timer, model[i]);
        } else if (what == 2) {
            model[i] = TIMER_NEVER;
            timer_cancel(&set, &objects[i].timer);
        } else {
            now += (uint64_t)(rand() % 20);
            size_t due = 0;
            for (int j = 0; j < N; j++) {
                due += model[j] <= now;
                model[j] = model[j] <= now ? TIMER_NEVER : model[j];
            }
            CU_ASSERT_EQUAL_FATAL(timer_set_run(&set, now), due);
        }
        uint64_t least = TIMER_NEVER;
        for (int j = 0; j < N; j++) {
            least = model[j] < least ? model[j] : least;
            CU_ASSERT_EQUAL_FATAL(timer_is_running(&objects[j].timer), model[j] != TIMER_NEVER);
        }
        CU_ASSERT_EQUAL_FATAL(timer_set_next(&set), least);
    }
}

static void equal_deadlines_expire_in_order_of_start(void)
{
    struct timer timers[5];
    int numbers[5];
    order_count = 0;
    timer_set_init(&set);
    for (int i = 0; i < 5; i++) {
        numbers[i] = i;
        timer_init(&timers[i], on_number, &numbers[i]);
        timer_start(&set, &timers[i], 10);
    }
    timer_start(&set, &timers[0], 10); /* started anew: now the last */
    CU_ASSERT_EQUAL(timer_set_run(&set, 9), 0);
    CU_ASSERT_EQUAL(timer_set_run(&set, 10), 5);
    CU_ASSERT_EQUAL(order[0], 1);
    CU_ASSERT_EQUAL(order[3], 4);
    CU_ASSERT_EQUAL(order[4], 0);
}

static struct object victim, again, freed_later;

static void on_cancel_victim(struct timer *timer, void *ctx, uint64_t now)
{
    (void)timer;
    (void)ctx;
    (void)now;
    timer_cancel(&set, &victim.timer);
}

static void cancel_within_callback_prevents_due_timer(void)
{
    struct timer killer;
    timer_set_init(&set);
    victim = (struct object){0};
    timer_init(&killer, on_cancel_victim, NULL);
    timer_init(&victim.timer, on_record, &victim);
    timer_start(&set, &killer, 5);
    timer_start(&set, &victim.timer, 5);
    CU_ASSERT_EQUAL(timer_set_run(&set, 5), 1);
    CU_ASSERT_EQUAL(victim.calls, 0);
    CU_ASSERT_EQUAL(set.count, 0);
}

static void on_again(struct timer *timer, void *ctx, uint64_t now)
{
    struct object *o = ctx;
    o->calls++;
    timer_start(&set, timer, now); /* due at once */
    CU_ASSERT_EQUAL(timer_set_run(&set, now + 100), 0);
}

static void restart_within_callback_waits_for_next_run(void)
{
    timer_set_init(&set);
    again = (struct object){0};
    timer_init(&again.timer, on_again, &again);
    timer_start(&set, &again.timer, 1);
    CU_ASSERT_EQUAL(timer_set_run(&set, 1), 1);
    CU_ASSERT_EQUAL(again.calls, 1);
    CU_ASSERT_EQUAL(timer_set_next(&set), 1);
    CU_ASSERT_EQUAL(timer_set_run(&set, 1), 1);
    CU_ASSERT_EQUAL(again.calls, 2);
}

static void on_free(struct timer *timer, void *ctx, uint64_t now)
{
    (void)timer;
    (void)now;
    free(ctx);
    freed_later.calls++;
}

static void free_within_callback_is_safe(void)
{
    timer_set_init(&set);
    freed_later = (struct object){0};
    for (int i = 0; i < 100; i++) {
        struct object *o = calloc(1, sizeof(*o));
        timer_init(&o->timer, on_free, o);
        timer_start(&set, &o->timer, (uint64_t)(i % 7));
    }
    CU_ASSERT_EQUAL(timer_set_run(&set, 100), 100);
    CU_ASSERT_EQUAL(freed_later.calls, 100);
}

static void wait_is_bounded_on_both_sides(void)
{
    struct timer t;
    timer_set_init(&set);
    CU_ASSERT_EQUAL(timer_set_wait(&set, 100, 1000), 1000);
    timer_init(&t, on_record, NULL);
    timer_start(&set, &t, 150);
    CU_ASSERT_EQUAL(timer_set_wait(&set, 100, 1000), 50);
    CU_ASSERT_EQUAL(timer_set_wait(&set, 100, 20), 20);
    CU_ASSERT_EQUAL(timer_set_wait(&set, 151, 20), 0);
    timer_cancel(&set, &t);
    timer_cancel(&set, &t);
    CU_ASSERT_EQUAL(timer_set_next(&set), TIMER_NEVER);
}

SUITE("base/timer", TEST(start_many_all_expire_in_order), TEST(cancel_half_only_the_rest_expires),
      TEST(random_operations_match_a_plain_model), TEST(equal_deadlines_expire_in_order_of_start),
      TEST(cancel_within_callback_prevents_due_timer),
      TEST(restart_within_callback_waits_for_next_run), TEST(free_within_callback_is_safe),
      TEST(wait_is_bounded_on_both_sides))
