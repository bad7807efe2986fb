/* Libuv's loop with our own timers in it: one timer of libuv's serves all of a timer_set. */
#include "server/loop.h"

#include "base/clock.h"
#include "base/err.h"

/* A minute: something is due sooner in a server that has a session; a turn without work costs
 * nothing. */
#define WAIT_MAX_MS 60000

static void serve_timers(struct loop *l)
{
    uint64_t now = clock_mono_ms();

    timer_set_run(&l->timers, now);
    /* What ran may have taken time, and libuv's own timers go by the loop's clock. */
    uv_update_time(&l->uv);
}

static void on_wake(uv_timer_t *timer)
{
    serve_timers(timer->data);
}

/* Just before libuv waits: serve what is due, and see that the wait ends when the next one is.
 * A timer that a callback has started for "now" gets a wait of 0 and its turn in the next round. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *l = prepare->data;

    serve_timers(l);
    uv_timer_start(&l->wake, on_wake, timer_set_wait(&l->timers, clock_mono_ms(), WAIT_MAX_MS), 0);
}

int loop_init(struct loop *l)
{
    timer_set_init(&l->timers);
    if (uv_loop_init(&l->uv) != 0)
        return ERR_IO;
    uv_timer_init(&l->uv, &l->wake);
    uv_prepare_init(&l->uv, &l->prepare);
    l->wake.data = l;
    l->prepare.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    return 0;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_fini(struct loop *l)
{
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    /* Runs what has been closed to its end: handles are freed in their callbacks. */
    uv_run(&l->uv, UV_RUN_DEFAULT);
    /* Fails if a handle was forgotten; the process ends here in any case. */
    (void)uv_loop_close(&l->uv);
}
