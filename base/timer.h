/* Timers embedded in the objects that they belong to.
 *
 * A timer_set orders any number of timers by deadline (a pairing heap: start O(1), cancel and
 * expiry O(log n) amortised). It allocates nothing, so starting a timer cannot fail, and it reads
 * no clock: time comes in as an argument in whatever unit the owner chose (milliseconds as a rule).
 * One set belongs to one thread. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;

/* Called by timer_set_run after the timer was taken out of the set: it may start its timer again,
 * start and cancel any others, and free the object that holds the timer. */
typedef void (*timer_on_expiry_fn)(struct timer *timer, void *ctx, uint64_t now);

struct timer {
    uint64_t deadline;
    uint64_t order; /* of the start: equal deadlines expire in the order of their starts */
    timer_on_expiry_fn on_expiry;
    void *ctx;
    struct timer *child, *next, *prev; /* heap links; prev is the parent for a first child */
    uint8_t state;                     /* enum in timer.c; 0 = not running */
};

struct timer_set {
    struct timer *root;
    struct timer *due_head, *due_tail; /* expired, callback not yet called */
    uint64_t starts;
    size_t count; /* timers running */
    bool is_running;
};

#define TIMER_NEVER UINT64_MAX

/* An empty set; without memory of its own, so that there is no fini. */
void timer_set_init(struct timer_set *set);

/* Gives an idle timer its callback. Zeroed memory with timer_init is a valid idle timer. */
void timer_init(struct timer *timer, timer_on_expiry_fn on_expiry, void *ctx);

/* (Re)starts: the callback comes once, from the first timer_set_run with now >= deadline. A timer
 * that runs is moved to the new deadline. */
void timer_start(struct timer_set *set, struct timer *timer, uint64_t deadline);

/* Stops; nothing happens when it does not run. Safe within callbacks, also for a timer that has
 * expired in this very run and waits for its turn: its callback will not come. */
void timer_cancel(struct timer_set *set, struct timer *timer);

/* Started, and neither run out nor cancelled? */
bool timer_is_running(const struct timer *timer);

/* Earliest deadline, TIMER_NEVER when none runs. */
uint64_t timer_set_next(const struct timer_set *set);

/* Milliseconds from now to the next deadline, at most max (for an event loop's wait). */
uint64_t timer_set_wait(const struct timer_set *set, uint64_t now, uint64_t max);

/* Calls every timer with deadline <= now, earliest first; returns how many. A timer that a callback
 * starts with such a deadline waits for the next run, so that a run always ends. A call from within
 * a callback does nothing. */
size_t timer_set_run(struct timer_set *set, uint64_t now);

#endif
