#include "bench/bench_relay.h"

#include "base/err.h"
#include "bench/bench_srtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS       7u /* of the search: to 0.6 % of the rate */
#define QUICK_STEPS 2u
#define SPAN_LOW    0.5 /* of the saturated rate, where the search begins */
#define SPAN_HIGH   1.25
#define RAISES      2u
#define CALM_MS     100u

struct search {
    const struct bench_relay_options *o;
    struct bench_lane *lane;
};

/* ---- the highest rate ---- */

/* One trial may meet a core that the machine's host took away: a rate gets a second chance. */
static int try_rate(const struct search *s, double pps, bool *good)
{
    struct bench_trial trial = {.pps = pps, .seconds = s->o->seconds};
    int rc = 0;

    *good = false;
    for (unsigned i = 0; i < 2 && rc == 0 && !*good; i++) {
        rc = bench_lane_trial(s->lane, &trial);
        *good = rc == 0 && s->lane->trial.loss < BENCH_LOSS;
    }
    return rc;
}

static void take(const struct bench_lane *lane, struct bench_relay_result *r)
{
    r->mpps = lane->trial.pps / 1e6;
    r->loss = lane->trial.loss;
}

/* Halves [low, high], of which low may hold; the highest rate that held goes to *r. */
static int bisect(const struct search *s, double *low, double high, struct bench_relay_result *r)
{
    unsigned steps = s->o->lane.quick ? QUICK_STEPS : STEPS;
    int rc = 0;

    for (unsigned i = 0; i < steps && rc == 0; i++) {
        double pps = (*low + high) / 2;
        bool good;

        rc = try_rate(s, pps, &good);
        if (rc == 0 && good) {
            *low = pps;
            take(s->lane, r);
        } else {
            high = pps;
        }
    }
    return rc;
}

static int search(const struct search *s, struct bench_relay_result *r)
{
    double low = r->saturated.mpps * 1e6 * SPAN_LOW, high = r->saturated.mpps * 1e6 * SPAN_HIGH;
    bool good = false;
    int rc;

    r->mpps = 0;
    r->loss = 1;
    rc = bisect(s, &low, high, r);
    /* A server that is flooded may do less than one that is not. */
    for (unsigned i = 0; i < RAISES && rc == 0 && low > 0.95 * high && !s->o->lane.quick; i++) {
        high *= SPAN_HIGH * SPAN_HIGH;
        rc = bisect(s, &low, high, r);
    }
    for (double pps = low; rc == 0 && r->mpps == 0 && pps > low / 16; pps /= 2) {
        rc = try_rate(s, pps, &good);
        if (rc == 0 && (good || pps / 2 <= low / 16))
            take(s->lane, r);
    }
    return rc;
}

/* ---- delays, overload ---- */

static void take_delays(const struct bench_lane *lane, struct bench_relay_delay *out)
{
    out->mpps = lane->trial.pps / 1e6;
    out->loss = lane->trial.loss;
    out->p50 = bench_histogram_us(&lane->trial.delay, 0.5);
    out->p99 = bench_histogram_us(&lane->trial.delay, 0.99);
    out->p999 = bench_histogram_us(&lane->trial.delay, 0.999);
}

static int delays(const struct search *s, double share, double mpps, struct bench_relay_delay *out)
{
    struct bench_trial trial = {.pps = mpps * 1e6 * share, .seconds = s->o->seconds};
    int rc = bench_lane_trial(s->lane, &trial);

    take_delays(s->lane, out);
    return rc;
}

double bench_relay_recovery(const struct bench_timeline *t, uint32_t after, uint32_t end)
{
    uint32_t calm = 0;

    for (uint32_t ms = after; ms < end && ms < BENCH_LOAD_TIMELINE_MS; ms++) {
        calm = t->received[ms] >= t->offered[ms] ? calm + 1 : 0;
        if (calm == CALM_MS)
            return ms + 1 - CALM_MS - after;
    }
    return -1;
}

static double lost_share(const struct bench_timeline *t, uint32_t from, uint32_t end)
{
    uint64_t offered = 0, received = 0;

    for (uint32_t ms = from; ms < end && ms < BENCH_LOAD_TIMELINE_MS; ms++) {
        offered += t->offered[ms];
        received += t->received[ms];
    }
    return offered > received ? 1 - (double)received / (double)offered : 0;
}

static double sum_mpps(const uint32_t *by_ms, uint32_t from, uint32_t end)
{
    uint64_t sum = 0;

    for (uint32_t ms = from; ms < end; ms++)
        sum += by_ms[ms];
    return end > from ? (double)sum / (end - from) / 1000 : 0;
}

static void judge_overload(const struct bench_timeline *t, const struct bench_trial_result *r,
                           struct bench_relay_overload *out)
{
    uint32_t after = r->after_ms < BENCH_LOAD_TIMELINE_MS ? r->after_ms : BENCH_LOAD_TIMELINE_MS;
    uint32_t end = (uint32_t)(r->seconds * 1000);

    end = end < BENCH_LOAD_TIMELINE_MS ? end : BENCH_LOAD_TIMELINE_MS;
    out->seconds = after / 1000.0;
    out->offered_mpps = sum_mpps(t->offered, 0, after);
    out->relayed_mpps = sum_mpps(t->received, 0, after);
    out->after_mpps = sum_mpps(t->offered, after, end);
    out->recovery_ms = bench_relay_recovery(t, after, end);
    out->loss_after =
        out->recovery_ms < 0 ? 1 : lost_share(t, after + (uint32_t)out->recovery_ms, end);
}

/* Twice what it can do, then half of it. A memif refuses what does not fit its ring; an interface
 * takes all, so that all of it must be made ahead. */
static int overload(const struct search *s, double mpps, struct bench_relay_overload *out)
{
    bool quick = s->o->lane.quick;
    struct bench_trial trial = {.pps = 2e6 * mpps,
                                .seconds = quick ? 0.15 : s->o->overload_seconds,
                                .taken_pps = s->o->lane.interface ? 0 : 1.25e6 * mpps,
                                .after_pps = 0.5e6 * mpps,
                                .after_seconds = quick ? 0.3 : 1,
                                .timeline = calloc(1, sizeof(struct bench_timeline))};
    int rc = trial.timeline ? bench_lane_trial(s->lane, &trial) : ERR_NOMEM;

    if (rc == 0)
        judge_overload(trial.timeline, &s->lane->trial, out);
    free(trial.timeline);
    return rc;
}

/* ---- all of it ---- */

static void say(bench_relay_on_step_fn on_step, const char *text)
{
    if (on_step)
        on_step(text);
}

static int measure_rate(const struct search *s, struct bench_relay_result *r)
{
    struct bench_trial trial = {.pps = s->o->rate, .seconds = s->o->seconds};
    const struct bench_trial_result *t = &s->lane->trial;
    int rc = bench_lane_trial(s->lane, &trial);

    if (rc != 0)
        return rc;
    take(s->lane, r);
    take_delays(s->lane, &r->half);
    r->saturated.mpps = r->mpps;
    r->saturated.busy = (double)t->busy_ns / 1e9 / t->seconds;
    r->saturated.ns_per_packet = t->received > 0 ? (double)t->busy_ns / (double)t->received : 0;
    /* Being held up for some milliseconds does not make a rate another one. */
    r->saturated.generator_limited = t->offered_pps < 0.9 * s->o->rate;
    return s->o->with_overload ? overload(s, s->o->rate / 1e6, &r->overload) : 0;
}

static int measure(const struct search *s, bench_relay_on_step_fn on_step,
                   struct bench_relay_result *r)
{
    int rc;

    say(on_step, "highest rate");
    rc = bench_lane_saturate(s->lane, &r->saturated);
    if (rc == 0)
        rc = search(s, r);
    say(on_step, "delays");
    if (rc == 0)
        rc = delays(s, 0.5, r->mpps, &r->half);
    if (rc == 0)
        rc = delays(s, 0.9, r->mpps, &r->ninety);
    say(on_step, "overload");
    if (rc == 0)
        rc = overload(s, r->mpps, &r->overload);
    return rc;
}

static int measure_main(const struct bench_relay_options *o, bench_relay_on_step_fn on_step,
                        struct bench_relay_result *r)
{
    struct search s = {.o = o};
    int rc = bench_lane_open(&o->lane, &s.lane);

    if (rc != 0)
        return rc;
    r->worker_cpu = s.lane->worker_cpu;
    r->generator_cpu = s.lane->generator_cpu;
    rc = o->rate > 0 ? measure_rate(&s, r) : measure(&s, on_step, r);
    r->verdict = s.lane->verdict;
    r->trials = s.lane->trials;
    if (s.lane->dp) {
        r->memory = bench_dp_memory(s.lane->dp);
        snprintf(r->engine, sizeof(r->engine), "%s", bench_dp_engine(s.lane->dp));
    }
    bench_lane_close(s.lane);
    return rc;
}

static int measure_ceiling(const struct bench_relay_options *o, struct bench_relay_result *r)
{
    struct bench_lane_config plain_lane = o->lane;
    struct bench_relay_result plain = {.mpps = 0};
    struct search s = {.o = o};
    int rc;

    plain_lane.calls.path = BENCH_PIPELINE_RTP_RTP;
    rc = bench_lane_open(&plain_lane, &s.lane);
    if (rc != 0)
        return rc;
    rc = bench_lane_saturate(s.lane, &plain.saturated);
    if (rc == 0)
        rc = search(&s, &plain);
    r->ceiling_mpps = plain.mpps;
    r->verdict.checked += s.lane->verdict.checked;
    r->verdict.wrong += s.lane->verdict.wrong;
    r->trials += s.lane->trials;
    bench_lane_close(s.lane);
    return rc;
}

static int engine_alone(const struct bench_relay_options *o, struct bench_relay_result *r)
{
    struct bench_srtp_case c = {.profile = o->lane.calls.profile,
                                .bytes = o->lane.bytes,
                                .sessions = bench_calls_legs(&o->lane.calls),
                                .rounds = o->lane.quick ? 1 : 9};
    struct bench_srtp_result result;
    int rc = bench_srtp_run(&c, &result);
    const struct bench_srtp_cost *cost =
        &result.cost[rc == ERR_UNSUPPORTED ? BENCH_SRTP_LIBSRTP : BENCH_SRTP_MB];
    double ns = cost->protect_ns + cost->unprotect_ns;

    if (rc != 0 && rc != ERR_UNSUPPORTED)
        return rc;
    /* Of rtp-srtp one half of the packets is opened, the other half sealed. */
    if (o->lane.calls.path == BENCH_PIPELINE_RTP_SRTP)
        ns /= 2;
    r->crypto_only_mpps = 1000 / ns;
    return 0;
}

int bench_relay_run(const struct bench_relay_options *o, bench_relay_on_step_fn on_step,
                    struct bench_relay_result *r)
{
    bool is_plain = o->lane.calls.path == BENCH_PIPELINE_RTP_RTP;
    bool is_whole = !o->alone && o->rate <= 0 && !o->lane.legs_file;
    int rc;

    memset(r, 0, sizeof(*r));
    rc = measure_main(o, on_step, r);
    if (rc == 0 && is_whole && is_plain)
        r->ceiling_mpps = r->mpps;
    if (rc == 0 && is_whole && !is_plain) {
        say(on_step, "the same without cryptography");
        rc = measure_ceiling(o, r);
        say(on_step, "the SRTP engine alone");
        if (rc == 0)
            rc = engine_alone(o, r);
        if (rc == 0)
            r->composite_mpps = 1 / (1 / r->ceiling_mpps + 1 / r->crypto_only_mpps);
    }
    return rc == 0 && r->verdict.wrong > 0 ? ERR_AUTH : rc;
}
