/* What a port of a mix costs the worker: its own time alone, the rest of time is virtual. */
#include "base/err.h"
#include "bench/bench_mix_priv.h"
#include "bench/bench_stats.h"

#include <stdlib.h>
#include <time.h>

#define STEPS 20u /* of a millisecond in a tick */

static uint64_t virtual_us;

/* Of this thread: what others take of the core meanwhile is not what a port costs. */
static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_virtual(void)
{
    return virtual_us;
}

/* Three of a room talk, a second in turn. */
static const uint8_t *payload_of(const struct bench_mix_load *l, unsigned i, uint64_t tick)
{
    unsigned k = i % l->members;

    return (k + tick / 50) % l->members < 3 ? l->talk : l->quiet;
}

/* ---- cost ---- */

/* Packets of the ports [from, to), in bursts; nanoseconds of the worker's part. */
static int feed(struct bench_mix_load *l, unsigned from, unsigned to, uint64_t tick, uint64_t *ns)
{
    while (from < to) {
        struct packet *p[PACKET_BURST];
        unsigned n = 0;
        uint64_t begin;

        while (n < PACKET_BURST && from < to) {
            int rc;

            p[n] = bench_mix_take(l);
            if (p[n] == NULL)
                return ERR_NOMEM;
            rc = bench_mix_make_frame(l, from, payload_of(l, from, tick), p[n]);
            if (rc != 0)
                return rc;
            n++;
            from++;
        }
        begin = cpu_ns();
        worker_receive(l->worker, 0, p, n);
        worker_flush(l->worker);
        *ns += cpu_ns() - begin;
    }
    return 0;
}

/* 20 ms of the worker's life; nanoseconds that it worked. */
static int cost_tick(struct bench_mix_load *l, uint64_t tick, double *port_ns)
{
    uint64_t ns = 0, begin;
    int rc = 0;

    l->sent = 0;
    for (unsigned step = 0; step < STEPS && rc == 0; step++) {
        virtual_us += 1000;
        l->worker->now_ms = virtual_us / 1000;
        rc = feed(l, l->ports * step / STEPS, l->ports * (step + 1) / STEPS, tick, &ns);
        begin = cpu_ns();
        while (worker_turn(l->worker, virtual_us / 1000) > 0)
            continue;
        ns += cpu_ns() - begin;
    }
    *port_ns = (double)ns / l->ports;
    return rc != 0 ? rc : l->sent == l->ports ? 0 : ERR_STATE;
}

int bench_mix_cost(const struct bench_mix_cost_case *c, struct bench_mix_cost *result)
{
    struct bench_mix_load *l = calloc(1, sizeof(*l));
    double *ns = calloc(c->ticks + 1, sizeof(*ns));
    int rc = ERR_NOMEM;

    if (l != NULL && ns != NULL && c->ticks > 0) {
        l->members = c->members;
        l->ports = c->ports / c->members * c->members;
        l->loudest = c->loudest;
        l->profile = c->profile;
        l->engine_name = c->engine;
        l->clock_us = now_virtual;
        virtual_us = 1000000;
        rc = bench_mix_load_open(l);
        for (unsigned t = 0; rc == 0 && t < BENCH_MIX_WARM_UP + c->ticks; t++) {
            rc = cost_tick(l, t, &ns[t < BENCH_MIX_WARM_UP ? 0 : t - BENCH_MIX_WARM_UP]);
            if (t < 2 && rc == ERR_STATE)
                rc = 0; /* rooms that were opened behind their phase tick from the next on */
        }
        if (rc == 0) {
            result->ports = l->ports;
            result->port_ns = bench_median(ns, c->ticks);
            result->ports_per_core = (double)BENCH_MIX_TICK_NS / result->port_ns;
        }
        bench_mix_load_close(l);
    }
    free(ns);
    free(l);
    return rc;
}
