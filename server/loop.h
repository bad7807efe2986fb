/* The main thread's loop: libuv with a base/timer.h set in it, so that engines and sessions have
 * one kind of timer wherever they run. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include <uv.h>

#include "base/timer.h"

struct loop {
    uv_loop_t uv;
    struct timer_set timers; /* milliseconds of clock_mono_ms */
    uv_timer_t wake;
    uv_prepare_t prepare;
};

/* ERR_IO, ERR_NOMEM. */
int loop_init(struct loop *l);

/* Runs until loop_stop; timers are served before every wait. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Closes the loop's own handles and runs until every handle is closed. Others must be closing. */
void loop_fini(struct loop *l);

#endif
