/* sluice-bench fanout: options, table and JSON around bench_fanout.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_fanout.h"
#include "bench/bench_machine.h"
#include "bench/bench_options.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#define ROWS_MAX      16u
#define RECEIVERS_MAX 1024u /* of a source: the link's limit */
#define TOTAL         1024u
#define QUICK_TOTAL   16u

static const char usage[] =
    "usage: sluice-bench fanout [--json] [--quick] [--receivers N]... [--total N] [--bytes B]\n"
    "                           [--suite S] [--path P]\n\n"
    "  --json         one JSON object instead of a table\n"
    "  --quick        short and small\n"
    "  --receivers N  of a source; may be given several times (default 1 2 4 8 16 32 64 128 256)\n"
    "  --total N      receivers of all sources together, about (default 1024)\n"
    "  --bytes B      RTP packet with its header, before protection (default 172)\n"
    "  --suite S      as in sluice-bench relay (default AES128_CM_SHA1_80)\n"
    "  --path P       rtp-rtp, rtp-srtp, srtp-srtp (default)\n\n"
    "One stream to n receivers through a real sluice-dp with one worker over memif: each packet "
    "is\n"
    "opened once and sealed n times. Rates are those of a ring that is always full.\n";

struct options {
    struct bench_lane_config lane;
    bool is_json;
    uint32_t receivers[ROWS_MAX];
    unsigned rows;
    uint32_t total;
};

static bool set_option(struct options *o, int letter, const char *text)
{
    double value;

    switch (letter) {
    case 'j':
        return o->is_json = true;
    case 'q':
        return o->lane.quick = true;
    case 'n':
        if (o->rows == ROWS_MAX || !bench_read_number("fanout", text, 1, RECEIVERS_MAX, &value))
            return false;
        o->receivers[o->rows++] = (uint32_t)value;
        return true;
    case 't':
        if (!bench_read_number("fanout", text, 1, 20000, &value))
            return false;
        o->total = (uint32_t)value;
        return true;
    case 'b':
        if (!bench_read_number("fanout", text, BENCH_LOAD_BYTES_MIN, BENCH_LOAD_BYTES_MAX, &value))
            return false;
        o->lane.bytes = (uint16_t)value;
        return true;
    case 's':
        return bench_read_suite("fanout", text, &o->lane.calls.profile);
    case 'p':
        return bench_read_path("fanout", text, &o->lane.calls.path);
    default:
        return false;
    }
}

static void add_defaults(struct options *o)
{
    if (o->total == 0)
        o->total = o->lane.quick ? QUICK_TOTAL : TOTAL;
    if (o->rows > 0)
        return;
    for (uint32_t n = 1; n <= (o->lane.quick ? 8 : 256); n *= o->lane.quick ? 8 : 2)
        o->receivers[o->rows++] = n;
}

/* 0: go on; otherwise the exit status plus 1. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {{"json", no_argument, NULL, 'j'},
                                          {"quick", no_argument, NULL, 'q'},
                                          {"receivers", required_argument, NULL, 'n'},
                                          {"total", required_argument, NULL, 't'},
                                          {"bytes", required_argument, NULL, 'b'},
                                          {"suite", required_argument, NULL, 's'},
                                          {"path", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int letter;

    *o = (struct options){.lane = bench_lane_defaults()};
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
    add_defaults(o);
    return 0;
}

static json_t *row_json(const struct bench_fanout_result *r)
{
    return json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:b, s:{s:I, s:I}}", "receivers",
                     (int)r->receivers, "groups", (int)r->groups, "in_mpps", r->in_mpps, "out_mpps",
                     r->out_mpps, "ns_per_copy", r->ns_per_copy, "ns_per_packet", r->ns_per_packet,
                     "loss_at_80", r->loss_at_80, "generator_limited", (int)r->generator_limited,
                     "verified", "packets", (json_int_t)r->verdict.checked, "wrong",
                     (json_int_t)r->verdict.wrong);
}

static void print_row(const struct bench_fanout_result *r)
{
    printf("%9u %7u %10.3f %10.3f %12.1f %12.3f %9llu%s\n", r->receivers, r->groups, r->in_mpps,
           r->out_mpps, r->ns_per_copy, 100 * r->loss_at_80, (unsigned long long)r->verdict.checked,
           r->generator_limited ? "  (the generator was the limit)" : "");
}

static void print_json(const struct options *o, json_t *rows)
{
    json_t *root = json_pack("{s:s, s:s, s:s, s:i, s:b, s:O}", "benchmark", "fanout", "path",
                             bench_pipeline_path_to_str(o->lane.calls.path), "suite",
                             bench_suite_name(&o->lane.calls), "bytes", (int)o->lane.bytes, "quick",
                             (int)o->lane.quick, "rows", rows);

    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

static int run_rows(const struct options *o, json_t *rows)
{
    int rc = 0;

    if (!o->is_json)
        printf("%s, %s, %u bytes\n%9s %7s %10s %10s %12s %12s %9s\n",
               bench_pipeline_path_to_str(o->lane.calls.path), bench_suite_name(&o->lane.calls),
               o->lane.bytes, "receivers", "sources", "Mpps in", "Mpps out", "ns a copy",
               "% lost at 80", "verified");
    for (unsigned i = 0; i < o->rows && rc == 0; i++) {
        struct bench_fanout_result r;
        char text[32];

        snprintf(text, sizeof(text), "1 to %u", o->receivers[i]);
        bench_progress(i, o->rows, text);
        rc = bench_fanout_run(&o->lane, o->receivers[i], o->total, &r);
        bench_progress(0, 0, "");
        if (rc == 0 && o->is_json)
            json_array_append_new(rows, row_json(&r));
        else if (rc == 0)
            print_row(&r);
    }
    return rc;
}

int bench_cmd_fanout(int argc, char **argv)
{
    struct options o;
    json_t *rows;
    int rc = read_options(argc, argv, &o);

    if (rc != 0)
        return rc - 1;
    bench_machine_catch_signals();
    rows = json_array();
    rc = run_rows(&o, rows);
    if (rc != 0)
        fprintf(stderr, "sluice-bench fanout: %s\n",
                bench_machine_interrupted() ? "interrupted"
                : rc == ERR_AUTH            ? "packets came back wrong"
                                            : err_to_str(rc));
    else if (o.is_json)
        print_json(&o, rows);
    json_decref(rows);
    return rc == 0 ? 0 : 1;
}
