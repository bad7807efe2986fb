/* sluice-bench scale: what 1 ... n workers relay together, and what more of them would.
 *
 * Each worker runs alone on a core with its calls and its frames in memory, as in sluice-bench
 * pipeline; all run at the same time. What they share is the machine (last-level cache, memory), as
 * the workers of a sluice-dp do behind a device that steers packets to the right queue. */
#ifndef BENCH_BENCH_SCALE_H
#define BENCH_BENCH_SCALE_H

#include "bench/bench_pipeline.h"

#define BENCH_SCALE_WORKERS_MAX 64u

struct bench_scale_row {
    unsigned workers;
    double mpps;          /* of all together */
    double ns_per_packet; /* median of the workers */
};

/* Measure `workers` at once on the CPUs that this process may use, one each; median of `rounds`.
 * ERR_RANGE: not so many CPUs. Otherwise as bench_pipeline_run. */
int bench_scale_run(const struct bench_pipeline_case *c, unsigned workers, unsigned rounds,
                    struct bench_scale_row *row);

/* Universal scalability law (Gunther): mpps(w) = w one / (1 + sigma (w - 1) + kappa w (w - 1)).
 * sigma: what workers wait for each other; kappa: what their exchange costs. */
struct bench_scale_model {
    double one_mpps, sigma, kappa;
    unsigned points; /* that it was fitted to: with one nothing is known of sigma and kappa (0),
                      * with two nothing of kappa */
};

/* Least squares over rows[0 ... n - 1], of which the first has one worker. */
void bench_scale_fit(const struct bench_scale_row *rows, unsigned n,
                     struct bench_scale_model *model);
double bench_scale_predict(const struct bench_scale_model *model, unsigned workers);

#endif
