/* sluice-bench dtls: options, table and JSON around bench_dtls.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_dtls.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define QUICK_HANDSHAKES 100

static const char usage[] =
    "usage: sluice-bench dtls [--json] [--handshakes N] [--loss P] [--duplicate P] [--reorder P]\n"
    "                         [--delay MS] [--seed S] [--resumed] [--quick]\n\n"
    "  --json          one JSON object instead of a table\n"
    "  --handshakes N  so many, one after the other (default 2000)\n"
    "  --loss P        share of the datagrams that are lost (default 0)\n"
    "  --duplicate P   that come twice (default 0)\n"
    "  --reorder P     that are overtaken by others (default 0)\n"
    "  --delay MS      one way (default 10)\n"
    "  --seed S        of the losses (default 1)\n"
    "  --resumed       abbreviated handshakes, but for the first\n"
    "  --quick         a hundred of them\n\n"
    "Two ends of ours with ECDSA P-256 over a network in memory. Times to establishment are those "
    "of\n"
    "a virtual clock; the rates are per second of processor time.\n";

static bool read_share(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out < 0.95;
}

static bool read_count(const char *text, unsigned max, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *out = (unsigned)value;
    return end != text && *end == '\0' && value <= max;
}

static bool take_option(int c, struct bench_dtls_options *o, bool *is_json)
{
    unsigned n;
    bool is_good = true;

    switch (c) {
    case 'j':
        *is_json = true;
        return true;
    case 'r':
        o->is_resumed = true;
        return true;
    case 'q':
        o->handshakes = QUICK_HANDSHAKES;
        return true;
    case 'n':
        return read_count(optarg, 1000000, &o->handshakes) && o->handshakes > 0;
    case 'l':
        return read_share(optarg, &o->loss);
    case 'd':
        return read_share(optarg, &o->duplicate);
    case 'o':
        return read_share(optarg, &o->reorder);
    case 't':
        return read_count(optarg, 10000, &o->delay_ms);
    case 's':
        is_good = read_count(optarg, UINT32_MAX, &n);
        o->seed = n;
        return is_good;
    default:
        return false;
    }
}

static void print_json(const struct bench_dtls_options *o, const struct bench_dtls_result *r)
{
    json_t *j = json_pack(
        "{s:s,s:i,s:i,s:i,s:f,s:f,s:f,s:i,s:i,s:i,s:i,s:f,s:f,s:f,s:f,s:I,s:I}", "benchmark",
        "dtls", "handshakes", (int)o->handshakes, "completed", (int)r->completed, "resumed",
        (int)r->resumed, "loss", o->loss, "duplicate", o->duplicate, "reorder", o->reorder,
        "delay_ms", (int)o->delay_ms, "p50_ms", (int)r->p50_ms, "p99_ms", (int)r->p99_ms, "max_ms",
        (int)r->max_ms, "handshakes_per_s", r->handshakes_per_s, "client_per_s", r->client_per_s,
        "server_per_s", r->server_per_s, "datagrams", r->datagrams, "heap_bytes",
        (json_int_t)r->heap_bytes, "parked_bytes", (json_int_t)r->parked_bytes);

    json_dumpf(j, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(j);
}

static void print_table(const struct bench_dtls_options *o, const struct bench_dtls_result *r)
{
    printf("handshakes     %u of %u complete, %u resumed\n", r->completed, o->handshakes,
           r->resumed);
    printf("network        loss %.0f %%, duplicates %.0f %%, overtaken %.0f %%, %u ms one way\n",
           o->loss * 100, o->duplicate * 100, o->reorder * 100, o->delay_ms);
    printf("time           p50 %u ms, p99 %u ms, max %u ms\n", r->p50_ms, r->p99_ms, r->max_ms);
    printf("datagrams      %.1f a handshake\n", r->datagrams);
    printf("rate           %.0f a second of processor time, both ends; %.0f as the server, %.0f as "
           "the "
           "client alone\n",
           r->handshakes_per_s, r->server_per_s, r->client_per_s);
    printf("memory         %zu bytes established, %zu parked\n", r->heap_bytes, r->parked_bytes);
}

int bench_cmd_dtls(int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'},          {"resumed", no_argument, NULL, 'r'},
        {"quick", no_argument, NULL, 'q'},         {"handshakes", required_argument, NULL, 'n'},
        {"loss", required_argument, NULL, 'l'},    {"duplicate", required_argument, NULL, 'd'},
        {"reorder", required_argument, NULL, 'o'}, {"delay", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},    {NULL, 0, NULL, 0}};
    struct bench_dtls_options o = {.handshakes = 2000, .delay_ms = 10, .seed = 1};
    struct bench_dtls_result r;
    bool is_json = false;
    int c, rc;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (!take_option(c, &o, &is_json)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    rc = bench_dtls_run(&o, &r);
    if (rc != 0) {
        fprintf(stderr, "sluice-bench dtls: %s\n", err_to_str(rc));
        return 1;
    }
    if (is_json)
        print_json(&o, &r);
    else
        print_table(&o, &r);
    return r.completed == o.handshakes ? 0 : 1;
}
