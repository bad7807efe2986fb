/* sluice-bench pipeline: options, table and JSON around bench_pipeline.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_pipeline.h"
#include "crypto/srtp.h"

#include <getopt.h>
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CALLS  1000
#define DEFAULT_BYTES  172
#define DEFAULT_ROUNDS 15
#define QUICK_ROUNDS   3
#define LIST_MAX       4

static const char usage[] =
    "usage: sluice-bench pipeline [--json] [--quick] [--calls N] [--bytes B] [--path P]\n"
    "                             [--suite S] [--engine E] [--rounds R]\n\n"
    "  --json      one JSON object instead of a table\n"
    "  --quick     fewer rounds\n"
    "  --calls N   calls of two transports, media both ways (default 1000)\n"
    "  --bytes B   RTP packet with its header, before protection (default 172)\n"
    "  --path P    rtp-rtp, rtp-srtp, srtp-srtp; may be given several times (default: all)\n"
    "  --suite S   AES128_CM_SHA1_80, AES128_CM_SHA1_32, AEAD_AES_128_GCM, AEAD_AES_256_GCM;\n"
    "              may be given several times (default: AES128_CM_SHA1_80, AEAD_AES_128_GCM)\n"
    "  --engine E  mb, libsrtp; may be given several times (default: what works here)\n"
    "  --rounds R  turns of each case (default 15)\n\n"
    "A worker of sluice-dp alone on one core, frames in memory for a network. Nanoseconds are\n"
    "medians a packet in bursts of 32. unprotect and protect are the SRTP engine alone, "
    "\"others\"\n"
    "is everything but these two. In rtp-srtp half of the packets is opened, half sealed.\n";

struct options {
    bool is_json;
    uint32_t calls;
    uint16_t bytes;
    unsigned rounds;
    bool path[BENCH_PIPELINE_PATHS];
    enum srtp_profile suites[LIST_MAX];
    size_t suite_count;
    const char *engines[LIST_MAX];
    size_t engine_count;
};

static bool read_number(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end != '\0' || end == text || value < min || value > max) {
        fprintf(stderr, "sluice-bench pipeline: \"%s\" is not a number from %lu to %lu\n", text,
                min, max);
        return false;
    }
    *out = value;
    return true;
}

static bool add_path(struct options *o, const char *name)
{
    for (unsigned i = 0; i < BENCH_PIPELINE_PATHS; i++)
        if (strcmp(name, bench_pipeline_path_to_str((enum bench_pipeline_path)i)) == 0)
            return o->path[i] = true;
    fprintf(stderr, "sluice-bench pipeline: no path \"%s\"\n", name);
    return false;
}

static bool add_suite(struct options *o, const char *name)
{
    if (o->suite_count == LIST_MAX || srtp_profile_parse(name, &o->suites[o->suite_count]) != 0) {
        fprintf(stderr, "sluice-bench pipeline: no suite \"%s\"\n", name);
        return false;
    }
    o->suite_count++;
    return true;
}

static bool works(const char *engine)
{
    struct srtp_limits few = {.keys = 1, .streams = 2};
    struct srtp_engine *e;

    if (srtp_engine_create(engine, &few, &e) != 0)
        return false;
    srtp_engine_destroy(e);
    return true;
}

static bool add_engine(struct options *o, const char *name)
{
    if (o->engine_count == LIST_MAX || !works(name)) {
        fprintf(stderr, "sluice-bench pipeline: no engine \"%s\" here\n", name);
        return false;
    }
    o->engines[o->engine_count++] = name;
    return true;
}

static bool set_option(struct options *o, int letter, const char *text)
{
    unsigned long value;

    switch (letter) {
    case 'j':
        return o->is_json = true;
    case 'q':
        o->rounds = QUICK_ROUNDS;
        return true;
    case 'n':
        if (!read_number(text, 1, BENCH_PIPELINE_CALLS_MAX, &value))
            return false;
        o->calls = (uint32_t)value;
        return true;
    case 'b':
        if (!read_number(text, BENCH_PIPELINE_BYTES_MIN, BENCH_PIPELINE_BYTES_MAX, &value))
            return false;
        o->bytes = (uint16_t)value;
        return true;
    case 'r':
        if (!read_number(text, 1, 10000, &value))
            return false;
        o->rounds = (unsigned)value;
        return true;
    case 'p':
        return add_path(o, text);
    case 's':
        return add_suite(o, text);
    case 'e':
        return add_engine(o, text);
    default:
        return false;
    }
}

static void add_defaults(struct options *o)
{
    bool any = false;

    for (unsigned i = 0; i < BENCH_PIPELINE_PATHS; i++)
        any |= o->path[i];
    for (unsigned i = 0; i < BENCH_PIPELINE_PATHS; i++)
        o->path[i] |= !any;
    if (o->suite_count == 0) {
        o->suites[o->suite_count++] = SRTP_PROFILE_AES128_CM_SHA1_80;
        o->suites[o->suite_count++] = SRTP_PROFILE_AEAD_AES_128_GCM;
    }
    if (o->engine_count == 0) {
        if (works("mb"))
            o->engines[o->engine_count++] = "mb";
        o->engines[o->engine_count++] = "libsrtp";
    }
}

/* 0: go on; otherwise the exit status plus 1. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"json", no_argument, NULL, 'j'},         {"quick", no_argument, NULL, 'q'},
        {"calls", required_argument, NULL, 'n'},  {"bytes", required_argument, NULL, 'b'},
        {"path", required_argument, NULL, 'p'},   {"suite", required_argument, NULL, 's'},
        {"engine", required_argument, NULL, 'e'}, {"rounds", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int letter;

    *o = (struct options){.calls = DEFAULT_CALLS, .bytes = DEFAULT_BYTES, .rounds = DEFAULT_ROUNDS};
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

static size_t make_cases(const struct options *o, struct bench_pipeline_case *cases)
{
    size_t n = 0;

    if (o->path[BENCH_PIPELINE_RTP_RTP])
        cases[n++] = (struct bench_pipeline_case){BENCH_PIPELINE_RTP_RTP, SRTP_PROFILE_NONE, "none",
                                                  o->calls, o->bytes};
    for (unsigned path = BENCH_PIPELINE_RTP_SRTP; path < BENCH_PIPELINE_PATHS; path++)
        for (size_t s = 0; o->path[path] && s < o->suite_count; s++)
            for (size_t e = 0; e < o->engine_count && n < BENCH_PIPELINE_CASES_MAX; e++)
                cases[n++] =
                    (struct bench_pipeline_case){(enum bench_pipeline_path)path, o->suites[s],
                                                 o->engines[e], o->calls, o->bytes};
    return n;
}

/* Without "SRTP_", as the option takes it. */
static const char *suite_name(enum srtp_profile profile)
{
    return profile == SRTP_PROFILE_NONE ? "none" : srtp_profile_to_str(profile) + 5;
}

static void print_table(const struct bench_pipeline_case *cases,
                        const struct bench_pipeline_result *results, size_t n)
{
    printf("%-10s %-18s %-8s %8s %8s |", "path", "suite", "engine", "ns/pkt", "others");
    for (unsigned s = 0; s < WORKER_STAGES; s++)
        printf(" %9.9s", bench_pipeline_stage_to_str((enum worker_stage)s));
    putchar('\n');
    for (size_t i = 0; i < n; i++) {
        printf("%-10s %-18s %-8s %8.1f %8.1f |", bench_pipeline_path_to_str(cases[i].path),
               suite_name(cases[i].profile), cases[i].engine, results[i].ns_per_packet,
               results[i].without_crypto_ns);
        for (unsigned s = 0; s < WORKER_STAGES; s++)
            printf(" %9.1f", results[i].stages[s]);
        putchar('\n');
    }
}

static void print_json(const struct options *o, const struct bench_pipeline_case *cases,
                       const struct bench_pipeline_result *results, size_t n)
{
    json_t *rows = json_array(), *root;

    for (size_t i = 0; i < n; i++) {
        json_t *stages = json_object();

        for (unsigned s = 0; s < WORKER_STAGES; s++)
            json_object_set_new(stages, bench_pipeline_stage_to_str((enum worker_stage)s),
                                json_real(results[i].stages[s]));
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:o}", "path",
                                              bench_pipeline_path_to_str(cases[i].path), "suite",
                                              suite_name(cases[i].profile), "engine",
                                              cases[i].engine, "calls", (int)cases[i].calls,
                                              "bytes", (int)cases[i].bytes, "ns_per_packet",
                                              results[i].ns_per_packet, "without_crypto_ns",
                                              results[i].without_crypto_ns, "stages", stages));
    }
    root = json_pack("{s:s, s:i, s:i, s:o}", "benchmark", "pipeline", "burst", (int)PACKET_BURST,
                     "rounds", (int)o->rounds, "rows", rows);
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(5));
    putchar('\n');
    json_decref(root);
}

/* A worker of sluice-dp has a core of its own; moving between cores would cost caches. */
static void stay_here(void)
{
    int cpu = sched_getcpu();
    cpu_set_t set;

    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

int bench_cmd_pipeline(int argc, char **argv)
{
    struct bench_pipeline_case cases[BENCH_PIPELINE_CASES_MAX];
    struct bench_pipeline_result results[BENCH_PIPELINE_CASES_MAX];
    struct options o;
    int rc = read_options(argc, argv, &o);
    size_t n;

    if (rc != 0)
        return rc - 1;
    stay_here();
    n = make_cases(&o, cases);
    rc = bench_pipeline_run(cases, n, o.rounds, results);
    if (rc != 0) {
        fprintf(stderr, "sluice-bench pipeline: %s\n", err_to_str(rc));
        return 1;
    }
    if (o.is_json)
        print_json(&o, cases, results, n);
    else
        print_table(cases, results, n);
    return 0;
}
