#include "bench/bench_histogram.h"

/* Upper end of a class, so that a percentile never flatters. */
static double class_end_ns(unsigned at)
{
    unsigned lead = at / 64 + 5;

    return at < 64 ? at : (double)((uint64_t)(64 + at % 64 + 1) << (lead - 6));
}

double bench_histogram_us(const struct bench_histogram *h, double share)
{
    double wanted = share * (double)h->samples, sum = 0;

    for (unsigned i = 0; i < BENCH_HISTOGRAM_CLASSES && h->samples > 0; i++) {
        sum += (double)h->count[i];
        if (sum >= wanted && sum > 0)
            return class_end_ns(i) / 1000;
    }
    return 0;
}
