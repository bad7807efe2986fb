/* Speed of the SRTP engines on one core, for sluice-bench srtp.
 *
 * All engines of a suite and size take turns, round by round, so that what else the machine does
 * hits them alike; a ratio is the median of the ratios within the rounds. Sessions are visited in a
 * shuffled order, as packets arrive, in bursts of 64; each has a key of its own per direction, so
 * that between two visits of a session all others have gone through the caches. */
#ifndef BENCH_BENCH_SRTP_H
#define BENCH_BENCH_SRTP_H

#include "crypto/srtp_profile.h"

#include <stddef.h>
#include <stdint.h>

#define BENCH_SRTP_BURST 64

enum bench_srtp_engine {
    BENCH_SRTP_MB,
    BENCH_SRTP_LIBSRTP,
    BENCH_SRTP_RAW, /* intel-ipsec-mb alone: ready IVs, no RTP, no tags placed or compared */
    BENCH_SRTP_ENGINES
};

struct bench_srtp_case {
    enum srtp_profile profile;
    uint16_t bytes; /* of an RTP packet with its 12-byte header, before protection */
    uint32_t sessions;
    unsigned rounds;
};

struct bench_srtp_cost {
    double protect_ns; /* a packet: median of the rounds, which are medians of bursts */
    double unprotect_ns;
};

struct bench_srtp_result {
    struct bench_srtp_cost cost[BENCH_SRTP_ENGINES];
    double mb_over_libsrtp; /* how many times as fast, protect and unprotect together; 0: no mb */
    double mb_over_raw;
    char paths[192]; /* code paths that mb chose */
};

/* Measures one case; blocks for about a second. ERR_UNSUPPORTED: there is no mb here (the costs of
 * libsrtp are written all the same); ERR_NOMEM, ERR_CRYPTO, ERR_INVAL. */
int bench_srtp_run(const struct bench_srtp_case *c, struct bench_srtp_result *out);

/* "mb", "libsrtp", "raw". */
const char *bench_srtp_engine_to_str(enum bench_srtp_engine engine);

#endif
