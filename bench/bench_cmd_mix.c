/* sluice-bench mix: what bench_mix.c measures, for each codec. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_mix.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TICKS 250
#define QUICK_TICKS   20
#define ROW_COUNT     (sizeof(rows) / sizeof(rows[0]))

static const char usage[] =
    "usage: sluice-bench mix [--json] [--quick] [--engine] [--ports N]\n\n"
    "  --json     one JSON object instead of a table\n"
    "  --quick    few ticks\n"
    "  --engine   the mixing engine alone (what it does without this option as well)\n"
    "  --ports N  members of all rooms together in the cases of G.711 (default: of each case)\n\n"
    "CPU time of one member and 20 ms, medians. ports_per_core is of G.711 in rooms of ten with "
    "the\n"
    "three loudest: 20 ms divided by what a port costs, without its packets' way through "
    "sluice-dp.\n";

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

static int run_json(unsigned ticks, unsigned ports)
{
    json_t *list = json_array(), *root;
    double ports_per_core = 0;
    int rc = run(ticks, ports, list, &ports_per_core);

    root = json_pack("{s:s, s:f, s:o}", "benchmark", "mix", "engine_ports_per_core", ports_per_core,
                     "engine", list);
    if (root == NULL)
        return ERR_NOMEM;
    if (rc == 0) {
        json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(root);
    return rc;
}

int bench_cmd_mix(int argc, char **argv)
{
    unsigned ticks = DEFAULT_TICKS, ports = 0;
    bool is_json = false;
    double ports_per_core;
    int rc;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            is_json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            ticks = QUICK_TICKS;
        } else if (strcmp(argv[i], "--ports") == 0 && i + 1 < argc && atoi(argv[i + 1]) > 0) {
            ports = (unsigned)atoi(argv[++i]);
        } else if (strcmp(argv[i], "--engine") != 0) {
            int is_help = strcmp(argv[i], "--help") == 0;

            fputs(usage, is_help ? stdout : stderr);
            return is_help ? 0 : 2;
        }
    }
    if (is_json) {
        rc = run_json(ticks, ports);
    } else {
        printf("%-32s %6s %9s %9s %9s %9s %5s %8s\n", "case", "ports", "packet ns", "tick ns",
               "frame ns", "ports", "own", "bytes");
        rc = run(ticks, ports, NULL, &ports_per_core);
    }
    if (rc != 0)
        fprintf(stderr, "sluice-bench mix: %s\n", err_to_str(rc));
    return rc == 0 ? 0 : 1;
}
