#include "bench/bench_lane.h"

#include "base/err.h"
#include "bench/bench_legs.h"
#include "bench/bench_machine.h"
#include "bench/bench_packet.h"
#include "dpdk-app/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SATURATE_SECONDS 0.25
#define SATURATE_TIMES   4u
#define WARM_UP_PPS      200000.0

_Static_assert(sizeof(((struct bench_lane *)0)->cpus) == BENCH_CPUS_MAX * sizeof(uint16_t),
               "room for all CPUs");

struct bench_lane_config bench_lane_defaults(void)
{
    return (struct bench_lane_config){.calls = {.path = BENCH_PIPELINE_SRTP_SRTP,
                                                .profile = SRTP_PROFILE_AES128_CM_SHA1_80,
                                                .calls = 1000},
                                      .bytes = 172,
                                      .engine = "auto",
                                      .memory_bytes = (size_t)2048 << 20,
                                      .worker_cpu = -1,
                                      .generator_cpu = -1};
}

static uint64_t busy_ns(void *context)
{
    const struct bench_lane *lane = context;

    return lane->dp ? bench_dp_busy_ns(lane->dp) : bench_machine_process_ns(lane->c.pid);
}

/* A receiver of a fan-out hears a packet for each that its group's source sends: the generator
 * slows down by as much, so that rings hold what comes back. */
static double warm_up_pps(const struct bench_lane *lane)
{
    double pps = lane->c.interface ? WARM_UP_PPS / 20 : WARM_UP_PPS;

    return lane->c.calls.receivers > 0 ? pps / lane->c.calls.receivers : pps;
}

static int open_load(struct bench_lane *lane)
{
    struct bench_load_config config = {.legs = lane->legs,
                                       .count = lane->leg_count,
                                       .bytes = lane->c.bytes,
                                       .engine = "auto",
                                       .memory_bytes = lane->c.memory_bytes,
                                       .wire = lane->wire,
                                       .busy_ns = busy_ns,
                                       .context = lane};
    uint32_t silent = 0;
    int rc;

    memcpy(config.near_mac, bench_dp_near_mac, 6);
    memcpy(config.far_mac, bench_dp_far_mac, 6);
    rc = bench_load_create(&config, &lane->load);
    if (rc == 0)
        rc = bench_load_warm_up(lane->load, warm_up_pps(lane), &silent);
    if (rc == ERR_TIMEOUT) {
        fprintf(stderr, "sluice-bench: nothing came out for %u of %u legs\n", silent, config.count);
        if (lane->dp)
            bench_dp_print_counters(lane->dp, stderr);
    }
    return rc;
}

static int open_wire(struct bench_lane *lane)
{
    if (lane->c.interface)
        return bench_packet_open(lane->c.interface, &lane->wire);
    return bench_dp_wire(lane->dp, HEADER_SIZE_IP4 + lane->c.bytes + SRTP_RTP_OVERHEAD_MAX,
                         &lane->wire);
}

/* An interface is shared with the generator: a worker that spins on it would only take the locks
 * that the generator needs. */
static int start_server(struct bench_lane *lane)
{
    const struct bench_lane_config *c = &lane->c;
    struct bench_dp_config config = {.program = c->program,
                                     .interface = c->dp_interface,
                                     .netns = c->dp_netns,
                                     .engine = c->engine,
                                     .idle = c->interface ? "adaptive" : "poll",
                                     .workers = 1,
                                     .cpus = {(uint16_t)lane->worker_cpu},
                                     .transports = bench_calls_legs(&c->calls),
                                     .huge_pages = c->huge_pages};
    int rc = bench_dp_start(&config, &lane->dp);

    lane->leg_count = bench_calls_legs(&c->calls);
    return rc == 0 ? bench_calls_open(lane->dp, &c->calls, &lane->legs) : rc;
}

/* The generator keeps away from the worker's core where there is another. */
static int choose_cpus(struct bench_lane *lane)
{
    const struct bench_lane_config *c = &lane->c;

    lane->cpu_count = bench_machine_cpus(lane->cpus);
    if (lane->cpu_count == 0)
        return ERR_IO;
    lane->generator_cpu = c->generator_cpu >= 0 ? (unsigned)c->generator_cpu : lane->cpus[0];
    lane->worker_cpu =
        c->worker_cpu >= 0 ? (unsigned)c->worker_cpu : lane->cpus[lane->cpu_count - 1];
    return 0;
}

int bench_lane_open(const struct bench_lane_config *config, struct bench_lane **out)
{
    struct bench_lane *lane = calloc(1, sizeof(*lane));
    int rc;

    if (!lane)
        return ERR_NOMEM;
    lane->c = *config;
    rc = choose_cpus(lane);
    if (rc == 0)
        rc = config->legs_file ? bench_legs_load(config->legs_file, &lane->legs, &lane->leg_count)
                               : start_server(lane);
    if (rc == 0)
        rc = open_wire(lane);
    /* Only now: sluice-dp inherits where we may run, and must be free to choose. */
    if (rc == 0)
        rc = bench_machine_pin(lane->generator_cpu);
    if (rc == 0)
        rc = open_load(lane);
    if (rc != 0) {
        bench_lane_close(lane);
        return rc;
    }
    *out = lane;
    return 0;
}

/* sluice-dp ends before its wire: a memif whose far end goes away while it polls may crash it. */
void bench_lane_close(struct bench_lane *lane)
{
    if (!lane)
        return;
    if (lane->c.counters && lane->dp)
        bench_dp_print_counters(lane->dp, stderr);
    bench_dp_stop(lane->dp);
    bench_load_destroy(lane->load);
    bench_calls_free(lane->legs, lane->leg_count);
    if (lane->wire)
        lane->wire->destroy(lane->wire);
    bench_machine_unpin(lane->cpus, lane->cpu_count);
    free(lane);
}

int bench_lane_trial(struct bench_lane *lane, const struct bench_trial *trial)
{
    int rc = bench_load_trial(lane->load, trial, &lane->trial);

    lane->trials++;
    if (rc == 0 && lane->dp && !bench_dp_alive(lane->dp))
        rc = ERR_CLOSED;
    return rc == 0 ? bench_load_verify(lane->load, &lane->verdict) : rc;
}

/* What else the machine does only ever slows it down. The first one also fills caches and wakes the
 * cores from whatever they slept in. */
int bench_lane_saturate(struct bench_lane *lane, struct bench_saturated *out)
{
    struct bench_trial trial = {.seconds = lane->c.quick ? 0.05 : SATURATE_SECONDS};
    const struct bench_trial_result *r = &lane->trial;
    int rc = 0;

    *out = (struct bench_saturated){.mpps = 0};
    for (unsigned i = 0; i < (lane->c.quick ? 2 : SATURATE_TIMES) && rc == 0; i++) {
        double ns;

        rc = bench_lane_trial(lane, &trial);
        if (rc != 0 || r->received == 0)
            continue;
        ns = (double)r->busy_ns / (double)r->received;
        if (out->ns_per_packet == 0 || ns < out->ns_per_packet) {
            out->ns_per_packet = ns;
            out->busy = (double)r->busy_ns / 1e9 / r->seconds;
        }
        if (r->pps / 1e6 > out->mpps) {
            out->mpps = r->pps / 1e6;
            /* An interface takes everything and drops what nobody reads. */
            out->generator_limited = lane->c.interface ? r->loss < BENCH_LOSS : r->full < 0.05;
        }
    }
    return rc == 0 && out->mpps == 0 ? ERR_IO : rc;
}
