/* sluice-bench scale: options, table and JSON around bench_scale.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_machine.h"
#include "bench/bench_options.h"
#include "bench/bench_scale.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#define DEFAULT_ROUNDS 15u
#define QUICK_ROUNDS   2u
#define PREDICT_MAX    32u

static const char usage[] =
    "usage: sluice-bench scale [--json] [--quick] [--calls N] [--bytes B] [--suite S] [--path P]\n"
    "                          [--workers N]\n\n"
    "  --json       one JSON object instead of a table\n"
    "  --quick      fewer rounds, ten calls\n"
    "  --calls N    of each worker (default 1000)\n"
    "  --bytes B    RTP packet with its header, before protection (default 172)\n"
    "  --suite S    as in sluice-bench relay (default AES128_CM_SHA1_80)\n"
    "  --path P     rtp-rtp, rtp-srtp, srtp-srtp (default)\n"
    "  --workers N  measure up to so many (default: as many as there are CPUs)\n\n"
    "Workers alone on a core each, all at the same time, frames in memory. What more workers "
    "would\n"
    "do is computed from a model fitted to the measured ones, and marked as predicted.\n";

struct options {
    struct bench_pipeline_case c;
    bool is_json, is_quick;
    unsigned workers, rounds;
};

static bool set_number(struct options *o, int letter, const char *text)
{
    double value;

    switch (letter) {
    case 'n':
        if (!bench_read_number("scale", text, 1, BENCH_PIPELINE_CALLS_MAX, &value))
            return false;
        o->c.calls = (uint32_t)value;
        return true;
    case 'b':
        if (!bench_read_number("scale", text, BENCH_PIPELINE_BYTES_MIN, BENCH_PIPELINE_BYTES_MAX,
                               &value))
            return false;
        o->c.bytes = (uint16_t)value;
        return true;
    case 'w':
        if (!bench_read_number("scale", text, 1, BENCH_SCALE_WORKERS_MAX, &value))
            return false;
        o->workers = (unsigned)value;
        return true;
    default:
        return false;
    }
}

static bool set_option(struct options *o, int letter, const char *text)
{
    switch (letter) {
    case 'j':
        return o->is_json = true;
    case 'q':
        o->rounds = QUICK_ROUNDS;
        o->c.calls = 10;
        return o->is_quick = true;
    case 's':
        return bench_read_suite("scale", text, &o->c.profile);
    case 'p':
        return bench_read_path("scale", text, &o->c.path);
    default:
        return set_number(o, letter, text);
    }
}

/* 0: go on; otherwise the exit status plus 1. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {{"json", no_argument, NULL, 'j'},
                                          {"quick", no_argument, NULL, 'q'},
                                          {"calls", required_argument, NULL, 'n'},
                                          {"bytes", required_argument, NULL, 'b'},
                                          {"suite", required_argument, NULL, 's'},
                                          {"path", required_argument, NULL, 'p'},
                                          {"workers", required_argument, NULL, 'w'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    uint16_t cpus[BENCH_CPUS_MAX];
    unsigned available = bench_machine_cpus(cpus);
    int letter;

    *o = (struct options){
        .c = {BENCH_PIPELINE_SRTP_SRTP, SRTP_PROFILE_AES128_CM_SHA1_80, "auto", 1000, 172},
        .rounds = DEFAULT_ROUNDS};
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
    if (o->workers == 0 || o->workers > available)
        o->workers = available;
    if (o->c.path == BENCH_PIPELINE_RTP_RTP)
        o->c.profile = SRTP_PROFILE_NONE;
    return 0;
}

static double efficiency(const struct bench_scale_row *rows, const struct bench_scale_row *row)
{
    return row->mpps / row->workers / rows[0].mpps;
}

static void print_json(const struct options *o, const struct bench_scale_row *rows,
                       const struct bench_scale_model *m)
{
    struct bench_calls calls = {.path = o->c.path, .profile = o->c.profile};
    json_t *measured = json_array(), *predicted = json_array(), *root;

    for (unsigned i = 0; i < o->workers; i++)
        json_array_append_new(measured, json_pack("{s:i, s:f, s:f, s:f}", "workers",
                                                  (int)rows[i].workers, "mpps", rows[i].mpps,
                                                  "ns_per_packet", rows[i].ns_per_packet,
                                                  "efficiency", efficiency(rows, &rows[i])));
    for (unsigned w = 1; w <= PREDICT_MAX; w *= 2)
        if (w > o->workers)
            json_array_append_new(predicted, json_pack("{s:i, s:f}", "workers", (int)w, "mpps",
                                                       bench_scale_predict(m, w)));
    root = json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:o, s:{s:s, s:f, s:f, s:f, s:i}, s:o}",
                     "benchmark", "scale", "path", bench_pipeline_path_to_str(o->c.path), "suite",
                     bench_suite_name(&calls), "calls", (int)o->c.calls, "bytes", (int)o->c.bytes,
                     "quick", (int)o->is_quick, "measured", measured, "model", "law",
                     "mpps = w one / (1 + sigma (w - 1) + kappa w (w - 1))", "one_mpps",
                     m->one_mpps, "sigma", m->sigma, "kappa", m->kappa, "points", (int)m->points,
                     "predicted", predicted);
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

static void print_table(const struct options *o, const struct bench_scale_row *rows,
                        const struct bench_scale_model *m)
{
    struct bench_calls calls = {.path = o->c.path, .profile = o->c.profile};

    printf("%s, %s, %u calls a worker, %u bytes\n%7s %10s %10s %10s\n",
           bench_pipeline_path_to_str(o->c.path), bench_suite_name(&calls), o->c.calls, o->c.bytes,
           "workers", "Mpps", "ns/packet", "efficiency");
    for (unsigned i = 0; i < o->workers; i++)
        printf("%7u %10.2f %10.1f %10.2f\n", rows[i].workers, rows[i].mpps, rows[i].ns_per_packet,
               efficiency(rows, &rows[i]));
    for (unsigned w = 1; w <= PREDICT_MAX; w *= 2)
        if (w > o->workers)
            printf("%7u %10.2f %10s %10.2f  predicted\n", w, bench_scale_predict(m, w), "",
                   bench_scale_predict(m, w) / w / m->one_mpps);
    printf("model: sigma %.4f, kappa %.5f, fitted to %u measured rows%s\n", m->sigma, m->kappa,
           m->points,
           m->points < 3 ? "; that is too few to know kappa: a prediction is a best case" : "");
}

int bench_cmd_scale(int argc, char **argv)
{
    struct bench_scale_row rows[BENCH_SCALE_WORKERS_MAX];
    struct bench_scale_model model;
    struct options o;
    int rc = read_options(argc, argv, &o);

    if (rc != 0)
        return rc - 1;
    for (unsigned i = 0; i < o.workers && rc == 0; i++)
        rc = bench_scale_run(&o.c, i + 1, o.rounds, &rows[i]);
    if (rc != 0) {
        fprintf(stderr, "sluice-bench scale: %s\n", err_to_str(rc));
        return 1;
    }
    bench_scale_fit(rows, o.workers, &model);
    (o.is_json ? print_json : print_table)(&o, rows, &model);
    return 0;
}
