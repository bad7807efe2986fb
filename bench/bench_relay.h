/* sluice-bench relay: what one worker of a real sluice-dp relays.
 *
 * The highest rate with loss below 0.1 % is searched between generator and worker, each on a core
 * of its own, over memif. Beside it stand what bounds it: the same path without cryptography (the
 * ceiling), and the SRTP engine alone. A perfect worker that shares one core between both reaches
 * the composite limit 1 / (1 / ceiling + 1 / crypto). */
#ifndef BENCH_BENCH_RELAY_H
#define BENCH_BENCH_RELAY_H

#include "bench/bench_lane.h"

#include <stdbool.h>
#include <stddef.h>

struct bench_relay_options {
    struct bench_lane_config lane;
    double seconds; /* of a trial */
    bool alone;     /* no ceiling, no engine alone */
    double overload_seconds;
    double rate;        /* packets a second: one trial at it instead of a search; 0: search */
    bool with_overload; /* with `rate`: overload follows */
};

struct bench_relay_delay {
    double mpps;
    double loss;
    double p50, p99, p999; /* microseconds */
};

struct bench_relay_overload {
    double offered_mpps, relayed_mpps; /* during overload */
    double after_mpps;                 /* offered afterwards */
    double seconds;                    /* of overload, as long as it lasted */
    double recovery_ms;                /* until 100 ms without loss began; -1: never */
    double loss_after;                 /* share lost of what was offered from then on */
};

struct bench_relay_result {
    double mpps, loss;
    struct bench_saturated saturated;                      /* with a given rate: at it */
    double ceiling_mpps, crypto_only_mpps, composite_mpps; /* 0: not measured */
    struct bench_relay_delay half, ninety; /* with a given rate: half is of it, ninety unused */
    struct bench_relay_overload overload;
    struct bench_verdict verdict;
    unsigned worker_cpu, generator_cpu, trials;
    uint64_t memory; /* resident, of sluice-dp */
    char engine[192];
};

/* Told what is going on (a line without its end), for a terminal; may be NULL. */
typedef void (*bench_relay_on_step_fn)(const char *text);

/* Measures; blocks for up to a minute. Everything that it starts has ended when it returns.
 * ERR_CLOSED: interrupted or sluice-dp died; ERR_AUTH: what came back was wrong (result is
 * written); otherwise as bench_dp_start, bench_calls_open, bench_load_create. */
int bench_relay_run(const struct bench_relay_options *options, bench_relay_on_step_fn on_step,
                    struct bench_relay_result *result);

/* When did the loss of an overload end? In milliseconds since `after`; -1: never. */
double bench_relay_recovery(const struct bench_timeline *timeline, uint32_t after, uint32_t end);

#endif
