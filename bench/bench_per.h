/* Speed of the PER codec on one core, over realistic messages. */
#ifndef BENCH_BENCH_PER_H
#define BENCH_BENCH_PER_H

#include <stddef.h>
#include <stdint.h>

struct bench_per_result {
    const char *message; /* "TerminalCapabilitySet" */
    const char *type;    /* root type that is decoded */
    size_t bytes;
    double decode_ns; /* best of several runs: the others measure what else the machine did */
    double encode_ns;
    double decode_mb_s; /* 10^6 octets of input a second */
};

/* Measure every message for about `ms` milliseconds each way and hand the results to on_result.
 * Blocks. Returns 0, or a negative enum err when a message does not decode, does not encode to
 * the same octets, or memory is short. */
int bench_per_run(unsigned ms, void (*on_result)(void *user, const struct bench_per_result *result),
                  void *user);

#endif
