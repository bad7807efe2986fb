#include "bench/bench_relay.h"

#include "base/err.h"
#include "bench/bench_legs.h"
#include "bench/bench_machine.h"
#include "bench/bench_packet.h"
#include "bench/bench_srtp.h"
#include "dpdk-app/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SATURATE_SECONDS 0.25
#define SATURATE_TIMES   4u
#define STEPS            7u /* of the search: to 0.6 % of the rate */
#define QUICK_STEPS      2u
#define SPAN_LOW         0.5 /* of the saturated rate, where the search begins */
#define SPAN_HIGH        1.25
#define RAISES           2u
#define CALM_MS          100u
#define WARM_UP_PPS      200000.0

struct lane {
    const struct bench_relay_options *o;
    struct bench_calls calls;
    struct bench_dp *dp;
    struct bench_wire *wire;
    struct bench_leg *legs;
    struct bench_load *load;
    struct bench_trial_result trial; /* the last one; large */
    struct bench_timeline *timeline;
    struct bench_verdict *verdict;
    unsigned trials;
};

static uint64_t busy_ns(void *context)
{
    const struct lane *lane = context;

    return lane->dp ? bench_dp_busy_ns(lane->dp) : bench_machine_process_ns(lane->o->pid);
}

static int open_load(struct lane *lane)
{
    struct bench_load_config config = {.legs = lane->legs,
                                       .count = 2 * lane->calls.calls,
                                       .bytes = lane->o->bytes,
                                       .engine = "auto",
                                       .memory_bytes = lane->o->memory_bytes,
                                       .wire = lane->wire,
                                       .busy_ns = busy_ns,
                                       .context = lane};
    uint32_t silent = 0;
    int rc;

    memcpy(config.near_mac, bench_dp_near_mac, 6);
    memcpy(config.far_mac, bench_dp_far_mac, 6);
    rc = bench_load_create(&config, &lane->load);
    if (rc == 0)
        rc = bench_load_warm_up(lane->load, lane->o->interface ? WARM_UP_PPS / 20 : WARM_UP_PPS,
                                &silent);
    if (rc == ERR_TIMEOUT) {
        fprintf(stderr, "sluice-bench: nothing came out for %u of %u legs\n", silent, config.count);
        if (lane->dp)
            bench_dp_print_counters(lane->dp, stderr);
    }
    return rc;
}

static int open_wire(struct lane *lane)
{
    if (lane->o->interface)
        return bench_packet_open(lane->o->interface, &lane->wire);
    return bench_dp_wire(lane->dp, HEADER_SIZE_IP4 + lane->o->bytes + SRTP_RTP_OVERHEAD_MAX,
                         &lane->wire);
}

/* An interface is shared with the generator: a worker that spins on it would only take the locks
 * that the generator needs. */
static int start_server(struct lane *lane, unsigned worker_cpu)
{
    const struct bench_relay_options *o = lane->o;
    struct bench_dp_config config = {.program = o->program,
                                     .interface = o->dp_interface,
                                     .netns = o->dp_netns,
                                     .engine = o->engine,
                                     .idle = o->interface ? "adaptive" : "poll",
                                     .workers = 1,
                                     .cpus = {(uint16_t)worker_cpu},
                                     .transports = 2 * lane->calls.calls,
                                     .huge_pages = o->huge_pages};
    int rc = bench_dp_start(&config, &lane->dp);

    return rc == 0 ? bench_calls_open(lane->dp, &lane->calls, &lane->legs) : rc;
}

/* The generator's thread is pinned after the fork: sluice-dp must be free to choose. */
static int open_lane(struct lane *lane, unsigned worker_cpu, unsigned generator_cpu)
{
    int rc = lane->o->legs_file
                 ? bench_legs_load(lane->o->legs_file, &lane->legs, &lane->calls.calls)
                 : start_server(lane, worker_cpu);

    if (rc == 0)
        rc = open_wire(lane);
    if (rc == 0)
        rc = bench_machine_pin(generator_cpu);
    return rc == 0 ? open_load(lane) : rc;
}

/* sluice-dp ends before its wire: a memif whose far end goes away while it polls may crash it. */
static void close_lane(struct lane *lane, const uint16_t *cpus, unsigned n)
{
    bench_dp_stop(lane->dp);
    bench_load_destroy(lane->load);
    bench_calls_free(lane->legs, 2 * lane->calls.calls);
    if (lane->wire)
        lane->wire->destroy(lane->wire);
    bench_machine_unpin(cpus, n);
}

static int run_trial(struct lane *lane, const struct bench_trial *trial)
{
    int rc = bench_load_trial(lane->load, trial, &lane->trial);

    lane->trials++;
    if (rc == 0)
        rc = !lane->dp || bench_dp_alive(lane->dp) ? bench_load_verify(lane->load, lane->verdict)
                                                   : ERR_CLOSED;
    return rc;
}

/* ---- the highest rate ---- */

/* The best of some: what else the machine does only ever slows it down. The first one also fills
 * caches and wakes the cores from whatever they slept in. */
static int saturate(struct lane *lane, struct bench_relay_result *r)
{
    struct bench_trial trial = {.seconds = lane->o->quick ? 0.05 : SATURATE_SECONDS};
    int rc = 0;

    for (unsigned i = 0; i < (lane->o->quick ? 2 : SATURATE_TIMES) && rc == 0; i++) {
        double ns;

        rc = run_trial(lane, &trial);
        if (rc == 0 && lane->trial.received == 0)
            rc = ERR_IO;
        if (rc != 0)
            break;
        ns = (double)lane->trial.busy_ns / (double)lane->trial.received;
        if (r->ns_per_packet == 0 || ns < r->ns_per_packet) {
            r->ns_per_packet = ns;
            r->busy = (double)lane->trial.busy_ns / 1e9 / lane->trial.seconds;
        }
        if (lane->trial.pps / 1e6 > r->saturated_mpps) {
            r->saturated_mpps = lane->trial.pps / 1e6;
            /* An interface takes everything and drops what nobody reads. */
            r->generator_limited =
                lane->o->interface ? lane->trial.loss < BENCH_RELAY_LOSS : lane->trial.full < 0.05;
        }
    }
    return rc;
}

/* One trial may meet a core that the machine's host took away: a rate gets a second chance. */
static int try_rate(struct lane *lane, double pps, bool *good)
{
    struct bench_trial trial = {.pps = pps, .seconds = lane->o->seconds};
    int rc = 0;

    *good = false;
    for (unsigned i = 0; i < 2 && rc == 0 && !*good; i++) {
        rc = run_trial(lane, &trial);
        *good = rc == 0 && lane->trial.loss < BENCH_RELAY_LOSS;
    }
    return rc;
}

static void take(const struct lane *lane, struct bench_relay_result *r)
{
    r->mpps = lane->trial.pps / 1e6;
    r->loss = lane->trial.loss;
}

/* Halves [low, high], of which low may hold; the highest rate that held goes to *r. */
static int bisect(struct lane *lane, double *low, double high, struct bench_relay_result *r)
{
    unsigned steps = lane->o->quick ? QUICK_STEPS : STEPS;
    int rc = 0;

    for (unsigned i = 0; i < steps && rc == 0; i++) {
        double pps = (*low + high) / 2;
        bool good;

        rc = try_rate(lane, pps, &good);
        if (rc == 0 && good) {
            *low = pps;
            take(lane, r);
        } else {
            high = pps;
        }
    }
    return rc;
}

static int search(struct lane *lane, struct bench_relay_result *r)
{
    double low = r->saturated_mpps * 1e6 * SPAN_LOW, high = r->saturated_mpps * 1e6 * SPAN_HIGH;
    bool good = false;
    int rc;

    r->mpps = 0;
    r->loss = 1;
    rc = bisect(lane, &low, high, r);
    /* A server that is flooded may do less than one that is not. */
    for (unsigned i = 0; i < RAISES && rc == 0 && low > 0.95 * high && !lane->o->quick; i++) {
        high *= SPAN_HIGH * SPAN_HIGH;
        rc = bisect(lane, &low, high, r);
    }
    for (double pps = low; rc == 0 && r->mpps == 0 && pps > low / 16; pps /= 2) {
        rc = try_rate(lane, pps, &good);
        if (rc == 0 && (good || pps / 2 <= low / 16))
            take(lane, r);
    }
    return rc;
}

/* ---- delays, overload ---- */

static void take_delays(const struct lane *lane, struct bench_relay_delay *out)
{
    out->mpps = lane->trial.pps / 1e6;
    out->loss = lane->trial.loss;
    out->p50 = bench_histogram_us(&lane->trial.delay, 0.5);
    out->p99 = bench_histogram_us(&lane->trial.delay, 0.99);
    out->p999 = bench_histogram_us(&lane->trial.delay, 0.999);
}

static int delays(struct lane *lane, double share, double mpps, struct bench_relay_delay *out)
{
    struct bench_trial trial = {.pps = mpps * 1e6 * share, .seconds = lane->o->seconds};
    int rc = run_trial(lane, &trial);

    take_delays(lane, out);
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

/* Twice what it can do, then half of it. */
static int overload(struct lane *lane, double mpps, struct bench_relay_overload *out)
{
    double seconds = lane->o->quick ? 0.15 : lane->o->overload_seconds;
    struct bench_trial trial = {.pps = 2e6 * mpps,
                                .seconds = seconds,
                                .taken_pps = 1.25e6 * mpps,
                                .after_pps = 0.5e6 * mpps,
                                .after_seconds = lane->o->quick ? 0.3 : 1,
                                .timeline = lane->timeline};
    uint32_t after, end;
    int rc;

    memset(lane->timeline, 0, sizeof(*lane->timeline));
    rc = run_trial(lane, &trial);
    if (rc != 0)
        return rc;
    after = lane->trial.after_ms < BENCH_LOAD_TIMELINE_MS ? lane->trial.after_ms
                                                          : BENCH_LOAD_TIMELINE_MS;
    end = (uint32_t)(lane->trial.seconds * 1000);
    end = end < BENCH_LOAD_TIMELINE_MS ? end : BENCH_LOAD_TIMELINE_MS;
    out->seconds = after / 1000.0;
    out->offered_mpps = sum_mpps(lane->timeline->offered, 0, after);
    out->relayed_mpps = sum_mpps(lane->timeline->received, 0, after);
    out->after_mpps = sum_mpps(lane->timeline->offered, after, end);
    out->recovery_ms = bench_relay_recovery(lane->timeline, after, end);
    out->loss_after = out->recovery_ms < 0
                          ? 1
                          : lost_share(lane->timeline, after + (uint32_t)out->recovery_ms, end);
    return 0;
}

/* ---- all of it ---- */

static void say(bench_relay_on_step_fn on_step, const char *text)
{
    if (on_step)
        on_step(text);
}

static int measure_rate(struct lane *lane, struct bench_relay_result *r)
{
    struct bench_trial trial = {.pps = lane->o->rate, .seconds = lane->o->seconds};
    int rc = run_trial(lane, &trial);

    take(lane, r);
    take_delays(lane, &r->half);
    r->busy = (double)lane->trial.busy_ns / 1e9 / lane->trial.seconds;
    r->ns_per_packet =
        lane->trial.received > 0 ? (double)lane->trial.busy_ns / (double)lane->trial.received : 0;
    /* Being held up for some milliseconds does not make a rate another one. */
    r->generator_limited = lane->trial.offered_pps < 0.9 * lane->o->rate;
    if (rc == 0 && lane->o->with_overload)
        rc = overload(lane, lane->o->rate / 1e6, &r->overload);
    return rc;
}

static int measure(struct lane *lane, bench_relay_on_step_fn on_step, struct bench_relay_result *r)
{
    int rc;

    say(on_step, "highest rate");
    rc = saturate(lane, r);
    if (rc == 0)
        rc = search(lane, r);
    say(on_step, "delays");
    if (rc == 0)
        rc = delays(lane, 0.5, r->mpps, &r->half);
    if (rc == 0)
        rc = delays(lane, 0.9, r->mpps, &r->ninety);
    say(on_step, "overload");
    if (rc == 0)
        rc = overload(lane, r->mpps, &r->overload);
    if (lane->dp) {
        r->memory = bench_dp_memory(lane->dp);
        snprintf(r->engine, sizeof(r->engine), "%s", bench_dp_engine(lane->dp));
    }
    return rc;
}

static int ceiling(struct lane *lane, struct bench_relay_result *r)
{
    struct bench_relay_result plain = {0};
    int rc = saturate(lane, &plain);

    if (rc == 0)
        rc = search(lane, &plain);
    r->ceiling_mpps = plain.mpps;
    return rc;
}

static int with_lane(const struct bench_relay_options *o, enum bench_pipeline_path path,
                     bench_relay_on_step_fn on_step, struct bench_relay_result *r)
{
    struct lane *lane = calloc(1, sizeof(*lane));
    uint16_t cpus[BENCH_CPUS_MAX];
    unsigned n = bench_machine_cpus(cpus);
    int rc;

    if (!lane)
        return ERR_NOMEM;
    lane->o = o;
    lane->calls = o->calls;
    lane->calls.path = path;
    lane->verdict = &r->verdict;
    lane->timeline = calloc(1, sizeof(*lane->timeline));
    rc = lane->timeline ? open_lane(lane, r->worker_cpu, r->generator_cpu) : ERR_NOMEM;
    if (rc == 0)
        rc = o->rate > 0             ? measure_rate(lane, r)
             : path == o->calls.path ? measure(lane, on_step, r)
                                     : ceiling(lane, r);
    r->trials += lane->trials;
    if (o->counters && lane->dp)
        bench_dp_print_counters(lane->dp, stderr);
    close_lane(lane, cpus, n);
    free(lane->timeline);
    free(lane);
    return rc;
}

static int engine_alone(const struct bench_relay_options *o, struct bench_relay_result *r)
{
    struct bench_srtp_case c = {.profile = o->calls.profile,
                                .bytes = o->bytes,
                                .sessions = 2 * o->calls.calls,
                                .rounds = o->quick ? 1 : 9};
    struct bench_srtp_result result;
    int rc = bench_srtp_run(&c, &result);
    const struct bench_srtp_cost *cost =
        &result.cost[rc == ERR_UNSUPPORTED ? BENCH_SRTP_LIBSRTP : BENCH_SRTP_MB];
    double ns = cost->protect_ns + cost->unprotect_ns;

    if (rc != 0 && rc != ERR_UNSUPPORTED)
        return rc;
    /* Of rtp-srtp one half of the packets is opened, the other half sealed. */
    if (o->calls.path == BENCH_PIPELINE_RTP_SRTP)
        ns /= 2;
    r->crypto_only_mpps = 1000 / ns;
    return 0;
}

/* The generator keeps away from the worker's core where there is another. */
static int choose_cpus(const struct bench_relay_options *o, struct bench_relay_result *r)
{
    uint16_t cpus[BENCH_CPUS_MAX];
    unsigned n = bench_machine_cpus(cpus);

    if (n == 0)
        return ERR_IO;
    r->generator_cpu = o->generator_cpu >= 0 ? (unsigned)o->generator_cpu : cpus[0];
    r->worker_cpu = o->worker_cpu >= 0 ? (unsigned)o->worker_cpu : cpus[n - 1];
    return 0;
}

int bench_relay_run(const struct bench_relay_options *o, bench_relay_on_step_fn on_step,
                    struct bench_relay_result *r)
{
    int rc;

    memset(r, 0, sizeof(*r));
    rc = choose_cpus(o, r);
    if (rc == 0)
        rc = with_lane(o, o->calls.path, on_step, r);
    if (rc == 0 && !o->alone && o->rate <= 0 && !o->legs_file &&
        o->calls.path != BENCH_PIPELINE_RTP_RTP) {
        say(on_step, "the same without cryptography");
        rc = with_lane(o, BENCH_PIPELINE_RTP_RTP, on_step, r);
        say(on_step, "the SRTP engine alone");
        if (rc == 0)
            rc = engine_alone(o, r);
        if (rc == 0)
            r->composite_mpps = 1 / (1 / r->ceiling_mpps + 1 / r->crypto_only_mpps);
    } else {
        r->ceiling_mpps =
            o->calls.path == BENCH_PIPELINE_RTP_RTP && o->rate <= 0 && !o->legs_file ? r->mpps : 0;
    }
    return rc == 0 && r->verdict.wrong > 0 ? ERR_AUTH : rc;
}
