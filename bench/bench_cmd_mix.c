/* sluice-bench mix: what bench_mix.c measures, for each codec. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_mix.h"
#include "bench/bench_mix_worker.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TICKS   250
#define QUICK_TICKS     20
#define DEFAULT_SECONDS 8
#define QUICK_SECONDS   3
#define ROW_COUNT       (sizeof(rows) / sizeof(rows[0]))

static const char usage[] =
    "usage: sluice-bench mix [--json] [--quick] [--engine] [--ports N] [--seconds N]\n\n"
    "  --json     one JSON object instead of a table\n"
    "  --quick    few ticks\n"
    "  --engine   the mixing engine alone, without the worker\n"
    "  --seconds N  of each live run (default 8)\n"
    "  --ports N  members of all rooms together in the cases of G.711 (default: of each case)\n\n"
    "engine: CPU time of one member and 20 ms, medians; ports: 20 ms divided by that, without the\n"
    "packets' way through sluice-dp.\n"
    "worker: the same with that way, in a worker whose device is memory. ports_per_core is that "
    "of\n"
    "G.711 in rooms of ten with the three loudest, each member secured by AEAD_AES_128_GCM.\n"
    "live: by the clock (CPU time of the polling thread), plain RTP. delay: from the arrival of a "
    "packet to the leaving of the first "
    "one\n"
    "with its sound. relay: that of packets relayed on the same worker, with and without rooms.\n";

struct row {
    const char *name;
    struct bench_mix_case c;
};

/* The first is the one that counts. */
static const struct row rows[] = {
    {"PCMA, 10 members, 3 loudest", {AUDIO_CODEC_PCMA, 8000, 4000, 10, 3, false, 0}},
    {"PCMU, 10 members, full mix", {AUDIO_CODEC_PCMU, 8000, 4000, 10, 0, false, 0}},
    {"PCMA, 100 members, 3 loudest", {AUDIO_CODEC_PCMA, 8000, 4000, 100, 3, false, 0}},
    {"PCMA, 3 members, full mix", {AUDIO_CODEC_PCMA, 8000, 3999, 3, 0, false, 0}},
    {"PCMA, 10 members, silent", {AUDIO_CODEC_PCMA, 8000, 4000, 10, 3, true, 0}},
    {"G722, 10 members, 3 loudest", {AUDIO_CODEC_G722, 16000, 400, 10, 3, false, 0}},
    {"opus, 10 members, 3 loudest", {AUDIO_CODEC_OPUS, 16000, 100, 10, 3, false, 0}},
    {"opus 48k, 10 members, 3 loudest", {AUDIO_CODEC_OPUS, 48000, 100, 10, 3, false, 0}},
};

static json_t *to_json(const struct row *row, const struct bench_mix_result *r)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:b, s:f, s:f, s:f, s:f, s:f, s:I, s:I}",
                     "case", row->name, "codec", audio_codec_to_str(row->c.codec), "rate",
                     (int)row->c.rate, "ports", (int)r->ports, "members", (int)row->c.members,
                     "loudest", (int)row->c.loudest, "silent", (int)row->c.is_silent, "packet_ns",
                     r->packet_ns, "tick_ns", r->tick_ns, "frame_ns", r->frame_ns, "ports_per_core",
                     r->ports_per_core, "own_encodings", r->own_encodings, "member_bytes",
                     (json_int_t)r->member_bytes, "room_bytes", (json_int_t)r->room_bytes);
}

static void print_row(const struct row *row, const struct bench_mix_result *r)
{
    printf("%-32s %6u %9.0f %9.0f %9.0f %9.0f %5.2f %8zu\n", row->name, r->ports, r->packet_ns,
           r->tick_ns, r->frame_ns, r->ports_per_core, r->own_encodings, r->member_bytes);
}

static int run(unsigned ticks, unsigned ports, json_t *list, double *ports_per_core)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct row row = rows[i];
        struct bench_mix_result result;
        int rc;

        row.c.ticks = ticks;
        if (ports > 0 && audio_codec_rate(row.c.codec) == 8000)
            row.c.ports = ports;
        rc = bench_mix_run(&row.c, &result);
        if (rc != 0)
            return rc;
        if (i == 0)
            *ports_per_core = result.ports_per_core;
        if (list != NULL)
            json_array_append_new(list, to_json(&row, &result));
        else
            print_row(&row, &result);
    }
    return 0;
}

/* ---- the worker ---- */

struct worker_row {
    const char *name;
    struct bench_mix_cost_case c;
};

/* The first is the one that counts. */
static const struct worker_row worker_rows[] = {
    {"PCMA, AEAD_AES_128_GCM", {4000, 10, 3, SRTP_PROFILE_AEAD_AES_128_GCM, "mb", 0}},
    {"PCMA, AES128_CM_SHA1_80", {4000, 10, 3, SRTP_PROFILE_AES128_CM_SHA1_80, "mb", 0}},
    {"PCMA, plain RTP", {4000, 10, 3, SRTP_PROFILE_NONE, "libsrtp", 0}},
};

#define LIVE_CALLS 500u /* relayed beside the rooms: 50,000 packets a second */
#define LIVE_PORTS 1000u

struct worker_results {
    struct bench_mix_cost cost[sizeof(worker_rows) / sizeof(worker_rows[0])];
    struct bench_mix_live alone, beside; /* calls without rooms, and with them */
};

static int run_worker(unsigned ticks, unsigned seconds, struct worker_results *r)
{
    struct bench_mix_live_case live = {
        .members = 10, .loudest = 3, .calls = LIVE_CALLS, .seconds = seconds};
    int rc = 0;

    for (size_t i = 0; i < sizeof(worker_rows) / sizeof(worker_rows[0]) && rc == 0; i++) {
        struct bench_mix_cost_case c = worker_rows[i].c;

        c.ticks = ticks;
        rc = bench_mix_cost(&c, &r->cost[i]);
        if (rc == ERR_UNSUPPORTED) { /* intel-ipsec-mb needs more than this CPU has */
            c.engine = "libsrtp";
            rc = bench_mix_cost(&c, &r->cost[i]);
        }
    }
    if (rc == 0)
        rc = bench_mix_live(&live, &r->alone);
    live.ports = LIVE_PORTS;
    if (rc == 0)
        rc = bench_mix_live(&live, &r->beside);
    return rc;
}

static double ratio(const struct worker_results *r)
{
    return r->alone.relay_p99_us > 0 ? r->beside.relay_p99_us / r->alone.relay_p99_us : 0;
}

static json_t *live_to_json(const struct bench_mix_live *l)
{
    return json_pack("{s:i, s:i, s:I, s:f, s:f, s:f, s:f, s:I, s:I}", "ports", (int)l->ports,
                     "calls", (int)LIVE_CALLS, "relayed", (json_int_t)l->relayed, "relay_p50_us",
                     l->relay_p50_us, "relay_p99_us", l->relay_p99_us, "relay_p999_us",
                     l->relay_p999_us, "load", l->load, "ticks_late", (json_int_t)l->ticks_late,
                     "ticks_lost", (json_int_t)l->ticks_lost);
}

static void add_worker(json_t *root, const struct worker_results *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof(worker_rows) / sizeof(worker_rows[0]); i++)
        json_array_append_new(
            list, json_pack("{s:s, s:i, s:i, s:i, s:f, s:f}", "case", worker_rows[i].name, "ports",
                            (int)r->cost[i].ports, "members", (int)worker_rows[i].c.members,
                            "loudest", (int)worker_rows[i].c.loudest, "port_ns", r->cost[i].port_ns,
                            "ports_per_core", r->cost[i].ports_per_core));
    json_object_set_new(root, "ports_per_core", json_real(r->cost[0].ports_per_core));
    json_object_set_new(root, "worker", list);
    json_object_set_new(root, "delay",
                        json_pack("{s:I, s:f, s:f, s:f}", "sounds", (json_int_t)r->beside.sounds,
                                  "p50_ms", r->beside.delay_p50_ms, "p99_ms",
                                  r->beside.delay_p99_ms, "max_ms", r->beside.delay_max_ms));
    json_object_set_new(root, "relay_alone", live_to_json(&r->alone));
    json_object_set_new(root, "relay_beside_rooms", live_to_json(&r->beside));
    json_object_set_new(root, "relay_p99_ratio", json_real(ratio(r)));
}

static void print_live(const char *name, const struct bench_mix_live *l)
{
    printf(
        "%-32s %6u ports, %u calls: relay p50 %.1f us, p99 %.1f us, p99.9 %.1f us; load %.0f %%\n",
        name, l->ports, LIVE_CALLS, l->relay_p50_us, l->relay_p99_us, l->relay_p999_us,
        100 * l->load);
}

static void print_worker(const struct worker_results *r)
{
    printf("\n%-32s %6s %9s %9s\n", "worker, 10 members, 3 loudest", "ports", "port ns", "ports");
    for (size_t i = 0; i < sizeof(worker_rows) / sizeof(worker_rows[0]); i++)
        printf("%-32s %6u %9.0f %9.0f\n", worker_rows[i].name, r->cost[i].ports, r->cost[i].port_ns,
               r->cost[i].ports_per_core);
    printf("\n");
    print_live("live, calls alone", &r->alone);
    print_live("live, calls beside rooms", &r->beside);
    printf("relay p99 with rooms / without: %.2f; ticks late %llu, lost %llu\n", ratio(r),
           (unsigned long long)r->beside.ticks_late, (unsigned long long)r->beside.ticks_lost);
    printf("delay of %llu sounds: p50 %.1f ms, p99 %.1f ms, longest %.1f ms\n",
           (unsigned long long)r->beside.sounds, r->beside.delay_p50_ms, r->beside.delay_p99_ms,
           r->beside.delay_max_ms);
}

struct options {
    unsigned ticks, ports, seconds;
    bool is_json, is_engine;
};

static int run_json(const struct options *o)
{
    json_t *list = json_array(), *root;
    struct worker_results results = {0};
    double ports_per_core = 0;
    int rc = run(o->ticks, o->ports, list, &ports_per_core);

    if (rc == 0 && !o->is_engine)
        rc = run_worker(o->ticks, o->seconds, &results);
    root = json_pack("{s:s, s:f, s:o}", "benchmark", "mix", "engine_ports_per_core", ports_per_core,
                     "engine", list);
    if (root == NULL)
        return ERR_NOMEM;
    if (rc == 0 && !o->is_engine)
        add_worker(root, &results);
    if (rc == 0) {
        json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(root);
    return rc;
}

static int run_table(const struct options *o)
{
    struct worker_results results = {0};
    double ports_per_core;
    int rc;

    printf("%-32s %6s %9s %9s %9s %9s %5s %8s\n", "engine", "ports", "packet ns", "tick ns",
           "frame ns", "ports", "own", "bytes");
    rc = run(o->ticks, o->ports, NULL, &ports_per_core);
    if (rc != 0 || o->is_engine)
        return rc;
    rc = run_worker(o->ticks, o->seconds, &results);
    if (rc == 0)
        print_worker(&results);
    return rc;
}

/* A number behind an option; false: none. */
static bool take_number(char **argv, int argc, int *i, const char *name, unsigned *out)
{
    if (strcmp(argv[*i], name) != 0 || *i + 1 >= argc || atoi(argv[*i + 1]) <= 0)
        return false;
    *out = (unsigned)atoi(argv[++*i]);
    return true;
}

int bench_cmd_mix(int argc, char **argv)
{
    struct options o = {.ticks = DEFAULT_TICKS, .seconds = DEFAULT_SECONDS};
    int rc;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            o.is_json = true;
        } else if (strcmp(argv[i], "--engine") == 0) {
            o.is_engine = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            o.ticks = QUICK_TICKS;
            o.seconds = QUICK_SECONDS;
        } else if (!take_number(argv, argc, &i, "--ports", &o.ports) &&
                   !take_number(argv, argc, &i, "--seconds", &o.seconds)) {
            int is_help = strcmp(argv[i], "--help") == 0;

            fputs(usage, is_help ? stdout : stderr);
            return is_help ? 0 : 2;
        }
    }
    rc = o.is_json ? run_json(&o) : run_table(&o);
    if (rc != 0)
        fprintf(stderr, "sluice-bench mix: %s\n", err_to_str(rc));
    return rc == 0 ? 0 : 1;
}
