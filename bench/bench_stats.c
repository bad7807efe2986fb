#include "bench/bench_stats.h"

#include "base/clock.h"

#include <stdlib.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define CALIBRATE_NS 5000000u

uint64_t bench_ticks(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return clock_mono_ns();
#endif
}

double bench_tick_ns(void)
{
    static double known;
    uint64_t ns = clock_mono_ns(), at = bench_ticks(), end;

    if (known > 0)
        return known;
    do
        end = clock_mono_ns();
    while (end - ns < CALIBRATE_NS);
    known = (double)(end - ns) / (double)(bench_ticks() - at);
    return known;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *values, unsigned n)
{
    qsort(values, n, sizeof(*values), compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
