/* sluice-bench demux: options, table and JSON around bench_demux.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_demux.h"
#include "bench/bench_options.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#define DEFAULT_CALLS  1000
#define DEFAULT_ROUNDS 15
#define QUICK_ROUNDS   2

static const char usage[] =
    "usage: sluice-bench demux [--json] [--quick] [--calls N] [--rounds R]\n\n"
    "  --json      one JSON object instead of a table\n"
    "  --quick     fewer rounds, ten calls\n"
    "  --calls N   calls of a plain and a secure transport (default 1000)\n"
    "  --rounds R  turns of each kind (default 15)\n\n"
    "A worker of sluice-dp alone on one core with frames in memory: each kind of datagram by\n"
    "itself, then a mixture. \"classify\" is parse, look-up and admit; the whole includes what\n"
    "follows, for srtp the cryptography. The counters must show every frame taken for what it "
    "is.\n";

struct options {
    bool is_json, is_quick;
    uint32_t calls;
    unsigned rounds;
};

static bool set_option(struct options *o, int letter, const char *text)
{
    double value;

    switch (letter) {
    case 'j':
        return o->is_json = true;
    case 'q':
        o->rounds = QUICK_ROUNDS;
        o->calls = 10;
        return o->is_quick = true;
    case 'n':
        if (!bench_read_number("demux", text, 1, BENCH_PIPELINE_CALLS_MAX, &value))
            return false;
        o->calls = (uint32_t)value;
        return true;
    case 'r':
        if (!bench_read_number("demux", text, 1, 10000, &value))
            return false;
        o->rounds = (unsigned)value;
        return true;
    default:
        return false;
    }
}

/* 0: go on; otherwise the exit status plus 1. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"json", no_argument, NULL, 'j'},        {"quick", no_argument, NULL, 'q'},
        {"calls", required_argument, NULL, 'n'}, {"rounds", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    int letter;

    *o = (struct options){.calls = DEFAULT_CALLS, .rounds = DEFAULT_ROUNDS};
    while ((letter = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 1;
        }
        if (!set_option(o, letter, optarg)) {
            fputs(usage, stderr);
            return 3;
        }
    }
    return 0;
}

static void print_json(const struct options *o, const struct bench_demux_result *results)
{
    json_t *rows = json_array(), *root;

    for (unsigned k = 0; k < BENCH_DEMUX_KINDS; k++)
        json_array_append_new(rows, json_pack("{s:s, s:f, s:f, s:f}", "kind",
                                              bench_demux_kind_to_str((enum bench_demux_kind)k),
                                              "ns_per_frame", results[k].ns_per_frame,
                                              "classify_ns", results[k].classify_ns, "mpps",
                                              1000 / results[k].ns_per_frame));
    root = json_pack("{s:s, s:i, s:i, s:b, s:o}", "benchmark", "demux", "calls", (int)o->calls,
                     "rounds", (int)o->rounds, "quick", (int)o->is_quick, "rows", rows);
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

static void print_table(const struct bench_demux_result *results)
{
    printf("%-16s %10s %10s %10s\n", "kind", "ns/frame", "classify", "Mpps");
    for (unsigned k = 0; k < BENCH_DEMUX_KINDS; k++)
        printf("%-16s %10.1f %10.1f %10.2f\n", bench_demux_kind_to_str((enum bench_demux_kind)k),
               results[k].ns_per_frame, results[k].classify_ns, 1000 / results[k].ns_per_frame);
}

int bench_cmd_demux(int argc, char **argv)
{
    struct bench_demux_result results[BENCH_DEMUX_KINDS];
    struct options o;
    int rc = read_options(argc, argv, &o);

    if (rc != 0)
        return rc - 1;
    rc = bench_demux_run(o.calls, o.rounds, results);
    if (rc != 0)
        fprintf(stderr, "sluice-bench demux: %s\n", err_to_str(rc));
    else if (o.is_json)
        print_json(&o, results);
    else
        print_table(results);
    return rc == 0 ? 0 : 1;
}
