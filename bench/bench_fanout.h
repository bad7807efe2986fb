/* sluice-bench fanout: one stream to n receivers through a real sluice-dp with one worker.
 *
 * Each packet is opened once and sealed n times, each receiver seeing an SSRC of its own. As many
 * groups run as give about the same number of receivers in each row, so that the rows differ in how
 * the work is cut, not in how many keys there are. */
#ifndef BENCH_BENCH_FANOUT_H
#define BENCH_BENCH_FANOUT_H

#include "bench/bench_lane.h"

struct bench_fanout_result {
    uint32_t receivers, groups;
    double in_mpps, out_mpps; /* with a ring that is always full */
    double ns_per_copy;       /* CPU time of the worker a packet sent */
    double ns_per_packet;     /* and a packet received, with all its copies */
    double loss_at_80;        /* at 80 % of that rate */
    bool generator_limited;
    struct bench_verdict verdict;
};

/* Measure `n` receivers for each source, about `total` receivers in all; config.calls' numbers are
 * not used. ERR_AUTH: what came back was wrong (result is written). Otherwise as bench_lane_open.
 */
int bench_fanout_run(const struct bench_lane_config *config, uint32_t n, uint32_t total,
                     struct bench_fanout_result *result);

#endif
