/* What is timed in one engine: a lane protects and unprotects bursts. Private to bench_srtp*.c. */
#ifndef BENCH_BENCH_SRTP_LANE_H
#define BENCH_BENCH_SRTP_LANE_H

#include "bench/bench_srtp.h"

#define BENCH_SRTP_SLOT \
    2112 /* room of a packet buffer; an odd number of cache lines, as in a pool */

struct bench_srtp_lane {
    void *state;
    /* Makes burst number `burst` ready, for the sessions that it names: not timed. */
    void (*prepare)(void *state, const uint32_t *sessions, size_t n);
    /* Timed. Return false when a packet did not come out right. */
    _Bool (*protect)(void *state, size_t n);
    _Bool (*unprotect)(void *state, size_t n);
    void (*close)(void *state);
};

/* Lane of an SRTP engine of crypto/, by its name; `paths` takes what it says of itself. */
int bench_srtp_open_engine(const char *name, const struct bench_srtp_case *c, char *paths,
                           size_t paths_size, struct bench_srtp_lane *out);

/* Lane of intel-ipsec-mb alone; ERR_UNSUPPORTED where it is not built in. */
int bench_srtp_open_raw(const struct bench_srtp_case *c, struct bench_srtp_lane *out);

#endif
