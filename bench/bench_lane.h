/* A server under load: sluice-dp (or another one) with its calls, the wire to it and a generator at
 * the other end, each on a core of its own. What relay and fanout have in common. */
#ifndef BENCH_BENCH_LANE_H
#define BENCH_BENCH_LANE_H

#include "bench/bench_dp.h"
#include "bench/bench_load.h"

#include <stdbool.h>
#include <stddef.h>

#define BENCH_LOSS 0.001 /* what a rate may lose */

struct bench_lane_config {
    struct bench_calls calls;
    uint16_t bytes;
    const char *engine;  /* of sluice-dp */
    const char *program; /* sluice-dp; NULL: found */
    size_t memory_bytes; /* for packets made ahead */
    bool huge_pages;
    bool quick;                    /* few short trials */
    bool counters;                 /* print sluice-dp's counters at the end */
    int worker_cpu, generator_cpu; /* -1: chosen */
    /* Over a network interface instead of memif; NULL: memif. */
    const char *interface;               /* the generator's */
    const char *dp_interface, *dp_netns; /* as in bench_dp_config */
    /* Another server whose calls are up already; NULL: sluice-dp. */
    const char *legs_file; /* bench_legs_load */
    pid_t pid;             /* its process; 0: CPU time is not asked for */
};

struct bench_lane {
    struct bench_lane_config c;
    unsigned worker_cpu, generator_cpu;
    struct bench_dp *dp; /* NULL: another server */
    struct bench_wire *wire;
    struct bench_leg *legs;
    uint32_t leg_count;
    struct bench_load *load;
    struct bench_trial_result trial; /* of the last one */
    struct bench_verdict verdict;    /* of all */
    unsigned trials;
    uint16_t cpus[64];
    unsigned cpu_count;
};

/* With a ring that is always full. */
struct bench_saturated {
    double mpps;            /* received */
    double ns_per_packet;   /* CPU time of the server a packet received */
    double busy;            /* share of a core that this was */
    bool generator_limited; /* the ring was not always full: the server could do more */
};

/* Defaults: 1,000 calls, AES128_CM_SHA1_80 both ways, 172 bytes, memif. */
struct bench_lane_config bench_lane_defaults(void);

/* Start everything and wait until every leg heard something. What fails is told on standard error.
 * As bench_dp_start, bench_calls_open, bench_load_create, bench_load_warm_up. */
int bench_lane_open(const struct bench_lane_config *config, struct bench_lane **lane);

/* End everything that open started. NULL is allowed. */
void bench_lane_close(struct bench_lane *lane);

/* A trial into lane->trial, and the judge's word on what was kept of it. */
int bench_lane_trial(struct bench_lane *lane, const struct bench_trial *trial);

/* The best of some short trials at full speed. ERR_IO: nothing came back. */
int bench_lane_saturate(struct bench_lane *lane, struct bench_saturated *out);

#endif
