#include "bench/bench_fanout.h"

#include "base/err.h"

#include <string.h>

#define SHARE 0.8

static int measure(struct bench_lane *lane, struct bench_fanout_result *r)
{
    struct bench_saturated saturated;
    struct bench_trial trial = {.seconds = lane->c.quick ? 0.05 : 0.5};
    int rc = bench_lane_saturate(lane, &saturated);

    if (rc != 0)
        return rc;
    r->out_mpps = saturated.mpps;
    r->in_mpps = saturated.mpps / r->receivers;
    r->ns_per_copy = saturated.ns_per_packet;
    r->ns_per_packet = saturated.ns_per_packet * r->receivers;
    r->generator_limited = saturated.generator_limited;
    trial.pps = SHARE * 1e6 * r->in_mpps;
    rc = bench_lane_trial(lane, &trial);
    r->loss_at_80 = lane->trial.loss;
    return rc;
}

int bench_fanout_run(const struct bench_lane_config *config, uint32_t n, uint32_t total,
                     struct bench_fanout_result *r)
{
    struct bench_lane_config c = *config;
    struct bench_lane *lane;
    int rc;

    memset(r, 0, sizeof(*r));
    r->receivers = n;
    r->groups = total > n ? total / n : 1;
    c.calls.calls = r->groups;
    c.calls.receivers = n;
    rc = bench_lane_open(&c, &lane);
    if (rc != 0)
        return rc;
    rc = measure(lane, r);
    r->verdict = lane->verdict;
    bench_lane_close(lane);
    return rc == 0 && r->verdict.wrong > 0 ? ERR_AUTH : rc;
}
