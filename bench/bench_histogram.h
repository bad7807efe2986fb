/* Times of packets by logarithmic classes: 64 a doubling, so that a percentile is right to 1.6 %,
 * from a nanosecond to four seconds, without keeping the samples. */
#ifndef BENCH_BENCH_HISTOGRAM_H
#define BENCH_BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_HISTOGRAM_CLASSES (27u * 64u)

struct bench_histogram {
    uint64_t samples;
    uint64_t count[BENCH_HISTOGRAM_CLASSES];
};

static inline void bench_histogram_add(struct bench_histogram *h, uint32_t ns)
{
    /* Below 64 a class is one nanosecond; above, the six bits behind the leading one choose it. */
    unsigned lead = 31u - (unsigned)__builtin_clz(ns | 63u);
    unsigned at = ns < 64 ? ns : (lead - 5) * 64 + ((ns >> (lead - 6)) & 63u);

    h->samples++;
    h->count[at]++;
}

/* Microseconds below which `share` (0.99) of the samples lie; 0 without samples. */
double bench_histogram_us(const struct bench_histogram *h, double share);

#endif
