/* sluice-bench srtp: options, table and JSON around bench_srtp.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_srtp.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SESSIONS 4000
#define DEFAULT_ROUNDS   25
#define QUICK_ROUNDS     5
#define SESSIONS_MAX     100000
#define LIST_MAX         8

static const char usage[] =
    "usage: sluice-bench srtp [--json] [--quick] [--sessions N] [--bytes B] [--suite S]\n"
    "                         [--rounds R]\n\n"
    "  --json        one JSON object instead of a table\n"
    "  --quick       fewer rounds\n"
    "  --sessions N  sessions, each with a key per direction (default 4000)\n"
    "  --bytes B     RTP packet with its header; may be given several times (172, 1212)\n"
    "  --suite S     AES128_CM_SHA1_80, AES128_CM_SHA1_32, AEAD_AES_128_GCM, AEAD_AES_256_GCM;\n"
    "                may be given several times (default: all)\n"
    "  --rounds R    turns of each engine (default 25)\n\n"
    "Nanoseconds are medians a packet, one core, bursts of 64. raw is intel-ipsec-mb without SRTP\n"
    "around it. mb/libsrtp and mb/raw tell how many times as fast mb is, both ways together.\n"
    "SLUICE_SRTP_PATH in the environment pins the code path of mb and raw.\n";

struct options {
    bool is_json;
    uint32_t sessions;
    unsigned rounds;
    uint16_t bytes[LIST_MAX];
    size_t bytes_count;
    enum srtp_profile suites[LIST_MAX];
    size_t suite_count;
};

static bool read_number(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end != '\0' || end == text || value < min || value > max) {
        fprintf(stderr, "sluice-bench srtp: \"%s\" is not a number from %lu to %lu\n", text, min,
                max);
        return false;
    }
    *out = value;
    return true;
}

static bool add_suite(struct options *o, const char *name)
{
    if (o->suite_count == LIST_MAX || srtp_profile_parse(name, &o->suites[o->suite_count]) != 0) {
        fprintf(stderr, "sluice-bench srtp: no suite \"%s\"\n", name);
        return false;
    }
    o->suite_count++;
    return true;
}

static bool add_bytes(struct options *o, const char *text)
{
    unsigned long value;

    if (!read_number(text, 13, 1900, &value) || o->bytes_count == LIST_MAX)
        return false;
    o->bytes[o->bytes_count++] = (uint16_t)value;
    return true;
}

static bool set_option(struct options *o, int letter, const char *text)
{
    unsigned long value;

    switch (letter) {
    case 'j':
        o->is_json = true;
        return true;
    case 'q':
        o->rounds = QUICK_ROUNDS;
        return true;
    case 'n':
        if (!read_number(text, 1, SESSIONS_MAX, &value))
            return false;
        o->sessions = (uint32_t)value;
        return true;
    case 'r':
        if (!read_number(text, 1, 10000, &value))
            return false;
        o->rounds = (unsigned)value;
        return true;
    case 'b':
        return add_bytes(o, text);
    case 's':
        return add_suite(o, text);
    default:
        return false;
    }
}

/* 0: go on; otherwise the exit status plus 1. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"json", no_argument, NULL, 'j'},           {"quick", no_argument, NULL, 'q'},
        {"sessions", required_argument, NULL, 'n'}, {"bytes", required_argument, NULL, 'b'},
        {"suite", required_argument, NULL, 's'},    {"rounds", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0}};
    int letter;

    *o = (struct options){.sessions = DEFAULT_SESSIONS, .rounds = DEFAULT_ROUNDS};
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
    if (o->bytes_count == 0) {
        o->bytes[o->bytes_count++] = 172;
        o->bytes[o->bytes_count++] = 1212;
    }
    if (o->suite_count == 0) {
        memcpy(o->suites, srtp_profile_preference, sizeof(srtp_profile_preference));
        o->suite_count = SRTP_PROFILE_COUNT;
    }
    return 0;
}

/* Without "SRTP_", as the option takes it. */
static const char *suite_name(enum srtp_profile profile)
{
    return srtp_profile_to_str(profile) + 5;
}

static void add_rows(json_t *rows, const struct bench_srtp_case *c,
                     const struct bench_srtp_result *r)
{
    for (unsigned e = 0; e < BENCH_SRTP_ENGINES; e++)
        if (r->cost[e].protect_ns > 0)
            json_array_append_new(
                rows, json_pack("{s:s, s:i, s:i, s:s, s:f, s:f}", "suite", suite_name(c->profile),
                                "bytes", (int)c->bytes, "sessions", (int)c->sessions, "engine",
                                bench_srtp_engine_to_str((enum bench_srtp_engine)e), "protect_ns",
                                r->cost[e].protect_ns, "unprotect_ns", r->cost[e].unprotect_ns));
}

/* ratios[suite][bytes] = value */
static void add_ratio(json_t *ratios, const struct bench_srtp_case *c, double value)
{
    const char *suite = suite_name(c->profile);
    char bytes[8];

    snprintf(bytes, sizeof(bytes), "%u", c->bytes);
    if (!json_object_get(ratios, suite))
        json_object_set_new(ratios, suite, json_object());
    json_object_set_new(json_object_get(ratios, suite), bytes, json_real(value));
}

static void print_case(const struct bench_srtp_case *c, const struct bench_srtp_result *r)
{
    printf("%-20s %6u %8u", suite_name(c->profile), c->bytes, c->sessions);
    for (unsigned e = 0; e < BENCH_SRTP_ENGINES; e++)
        if (r->cost[e].protect_ns > 0)
            printf(" %8.1f %8.1f", r->cost[e].protect_ns, r->cost[e].unprotect_ns);
        else
            printf(" %8s %8s", "-", "-");
    if (r->mb_over_libsrtp > 0)
        printf(" %10.2f %7.2f\n", r->mb_over_libsrtp, r->mb_over_raw);
    else
        printf(" %10s %7s\n", "-", "-");
    fflush(stdout);
}

static void print_head(void)
{
    printf("%-20s %6s %8s", "", "", "");
    for (unsigned e = 0; e < BENCH_SRTP_ENGINES; e++)
        printf(" %17s", bench_srtp_engine_to_str((enum bench_srtp_engine)e));
    printf("\n%-20s %6s %8s", "suite", "bytes", "sessions");
    for (unsigned e = 0; e < BENCH_SRTP_ENGINES; e++)
        printf(" %8s %8s", "protect", "unprot.");
    printf(" %10s %7s\n", "mb/libsrtp", "mb/raw");
}

struct report {
    json_t *rows, *over_libsrtp, *over_raw;
    char paths[192];
};

static int run_cases(const struct options *o, struct report *report)
{
    for (size_t s = 0; s < o->suite_count; s++)
        for (size_t b = 0; b < o->bytes_count; b++) {
            const struct bench_srtp_case c = {o->suites[s], o->bytes[b], o->sessions, o->rounds};
            struct bench_srtp_result result;
            int rc = bench_srtp_run(&c, &result);

            if (rc != 0 && rc != ERR_UNSUPPORTED)
                return rc;
            memcpy(report->paths, result.paths, sizeof(report->paths));
            if (!o->is_json) {
                print_case(&c, &result);
                continue;
            }
            add_rows(report->rows, &c, &result);
            if (rc == 0) {
                add_ratio(report->over_libsrtp, &c, result.mb_over_libsrtp);
                add_ratio(report->over_raw, &c, result.mb_over_raw);
            }
        }
    return 0;
}

static void print_json(const struct options *o, const struct report *report)
{
    json_t *root = json_pack("{s:s, s:i, s:i, s:s, s:O, s:{s:O, s:O}}", "benchmark", "srtp",
                             "burst", BENCH_SRTP_BURST, "rounds", (int)o->rounds, "mb_paths",
                             report->paths, "rows", report->rows, "ratios", "mb_over_libsrtp",
                             report->over_libsrtp, "mb_over_raw", report->over_raw);

    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(5));
    putchar('\n');
    json_decref(root);
}

int bench_cmd_srtp(int argc, char **argv)
{
    struct report report = {.rows = NULL};
    struct options o;
    int rc = read_options(argc, argv, &o);

    if (rc != 0)
        return rc - 1;
    report.rows = json_array();
    report.over_libsrtp = json_object();
    report.over_raw = json_object();
    if (!o.is_json)
        print_head();
    rc = run_cases(&o, &report);
    if (rc != 0)
        fprintf(stderr, "sluice-bench srtp: %s\n", err_to_str(rc));
    else if (o.is_json)
        print_json(&o, &report);
    else
        printf("code paths of mb: %s\n", report.paths[0] ? report.paths : "none, not built in");
    json_decref(report.rows);
    json_decref(report.over_libsrtp);
    json_decref(report.over_raw);
    return rc == 0 ? 0 : 1;
}
