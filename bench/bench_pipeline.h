/* Speed of a worker's way of a packet on one core, for sluice-bench pipeline.
 *
 * A worker as in sluice-dp, whose device is memory: calls of two transports, media both ways,
 * visited in a shuffled order in bursts of 32, so that between two visits of a call all others have
 * gone through the caches. Frames are put into packet buffers 512 at a time before the clock
 * starts: they are in the second-level cache at best, as behind a network card. All cases take
 * turns, round by round. */
#ifndef BENCH_BENCH_PIPELINE_H
#define BENCH_BENCH_PIPELINE_H

#include "crypto/srtp_profile.h"
#include "dpdk-app/worker.h"

#include <stddef.h>
#include <stdint.h>

#define BENCH_PIPELINE_CALLS_MAX 30000
#define BENCH_PIPELINE_BYTES_MIN 12
#define BENCH_PIPELINE_BYTES_MAX 1440
#define BENCH_PIPELINE_CASES_MAX 32

#define BENCH_PIPELINE_PATH_LIST(X)                                                  \
    X(BENCH_PIPELINE_RTP_RTP, "rtp-rtp")   /* no cryptography */                     \
    X(BENCH_PIPELINE_RTP_SRTP, "rtp-srtp") /* half is protected, half unprotected */ \
    X(BENCH_PIPELINE_SRTP_SRTP, "srtp-srtp")

enum bench_pipeline_path {
#define BENCH_PIPELINE_PATH_ENUM(name, text) name,
    BENCH_PIPELINE_PATH_LIST(BENCH_PIPELINE_PATH_ENUM)
#undef BENCH_PIPELINE_PATH_ENUM
        BENCH_PIPELINE_PATHS
};

struct bench_pipeline_case {
    enum bench_pipeline_path path;
    enum srtp_profile profile; /* SRTP_PROFILE_NONE with rtp-rtp */
    const char *engine;        /* "mb", "libsrtp"; not used with rtp-rtp */
    uint32_t calls;
    uint16_t bytes; /* of an RTP packet with its 12-byte header, before protection */
};

struct bench_pipeline_result {
    double ns_per_packet; /* median of the rounds, which are medians of 512 packets */
    double stages[WORKER_STAGES];
    double without_crypto_ns; /* the stages but unprotect and protect */
};

/* Measures all cases in turns; results[i] is of cases[i]. Every packet must come out, otherwise
 * ERR_STATE. ERR_UNSUPPORTED: an engine does not work here; ERR_INVAL, ERR_NOMEM, ERR_CRYPTO. */
int bench_pipeline_run(const struct bench_pipeline_case *cases, size_t n, unsigned rounds,
                       struct bench_pipeline_result *results);

const char *bench_pipeline_path_to_str(enum bench_pipeline_path path);
const char *bench_pipeline_stage_to_str(enum worker_stage stage);

/* ---- a lane: one case set up (bench_pipeline_lane.c) ---- */

struct bench_pipeline_lane;

int bench_pipeline_open(const struct bench_pipeline_case *c, struct bench_pipeline_lane **out);
void bench_pipeline_close(struct bench_pipeline_lane *lane);

/* Passes over all calls that one preparation is good for, packets of a pass, and batches. */
unsigned bench_pipeline_passes(const struct bench_pipeline_lane *lane);
uint32_t bench_pipeline_pass_packets(const struct bench_pipeline_lane *lane);
unsigned bench_pipeline_pass_batches(const struct bench_pipeline_lane *lane);

/* Make the frames of the next passes. ERR_CRYPTO. */
int bench_pipeline_prepare(struct bench_pipeline_lane *lane);

/* Let pass number `pass` through the worker. Nanoseconds a packet of each batch go to `batch`;
 * with `watch` the stages are timed as well. ERR_STATE: a packet did not come out. */
int bench_pipeline_pass(struct bench_pipeline_lane *lane, unsigned pass, struct worker_watch *watch,
                        double *batch);

#endif
