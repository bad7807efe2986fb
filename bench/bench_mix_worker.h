/* Mixes in a worker of sluice-dp, whose device is memory: what a port costs with its packets' way
 * in and out, how long sound takes, and what relayed packets on the same worker notice.
 *
 * Cost: time is virtual, rooms tick at their phases, and only the worker's own work is timed (the
 * frames of the far ends are made before). Delay and disturbance: packets are there at their time
 * by the clock, spread evenly over the 20 ms; what leaves is looked at as it leaves. That clock is
 * the CPU time of the polling thread: real time on a core of its own. */
#ifndef BENCH_BENCH_MIX_WORKER_H
#define BENCH_BENCH_MIX_WORKER_H

#include "crypto/srtp_profile.h"

#include <stdint.h>

struct bench_mix_cost_case {
    unsigned ports, members, loudest;
    enum srtp_profile profile; /* SRTP_PROFILE_NONE: plain RTP */
    const char *engine;        /* of SRTP: "mb", "libsrtp" */
    unsigned ticks;            /* of 20 ms, measured */
};

struct bench_mix_cost {
    unsigned ports;
    double port_ns;        /* of the worker's time, a port and 20 ms: median of the ticks */
    double ports_per_core; /* 20 ms divided by that */
};

/* PCMA in rooms of `members`. ERR_STATE: a frame got lost, the figures would be worthless;
 * ERR_UNSUPPORTED, ERR_INVAL, ERR_NOMEM, ERR_CRYPTO. */
int bench_mix_cost(const struct bench_mix_cost_case *c, struct bench_mix_cost *result);

struct bench_mix_live_case {
    unsigned ports, members, loudest; /* ports 0: no rooms */
    unsigned calls;                   /* relayed, two transports each, RTP both ways */
    unsigned seconds;
};

struct bench_mix_live {
    unsigned ports;
    uint64_t sounds; /* whose delay was measured */
    double delay_p50_ms, delay_p99_ms, delay_max_ms;
    uint64_t relayed;
    double relay_p50_us, relay_p99_us, relay_p999_us;
    double load; /* share of the time that the worker had something to do */
    uint64_t ticks_late, ticks_lost;
};

/* Delay: from the moment that a packet is there to that in which the first packet with its sound
 * leaves for another member. Relay: from being there to leaving. Errors as above. */
int bench_mix_live(const struct bench_mix_live_case *c, struct bench_mix_live *result);

#endif
