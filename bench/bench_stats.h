/* Medians and a clock that costs little, for benchmarks in memory. */
#ifndef BENCH_BENCH_STATS_H
#define BENCH_BENCH_STATS_H

#include <stdint.h>

/* Sorts `values`. */
double bench_median(double *values, unsigned n);

/* Processor ticks where there are some (a burst is over in two microseconds and has nine stages:
 * reading the clock must cost little), otherwise nanoseconds. */
uint64_t bench_ticks(void);

/* Nanoseconds of a tick; measured once, in five milliseconds. */
double bench_tick_ns(void);

#endif
