/* sluice-bench per: prints what bench_per.c measures. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_per.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MS 200
#define QUICK_MS   20

static void add_row(void *user, const struct bench_per_result *r)
{
    json_array_append_new(user, json_pack("{s:s, s:s, s:I, s:f, s:f, s:f}", "message", r->message,
                                          "type", r->type, "bytes", (json_int_t)r->bytes,
                                          "decode_ns", r->decode_ns, "encode_ns", r->encode_ns,
                                          "decode_mb_s", r->decode_mb_s));
}

static void print_row(void *user, const struct bench_per_result *r)
{
    (void)user;
    printf("%-30s %6zu %10.0f %10.0f %12.0f\n", r->message, r->bytes, r->decode_ns, r->encode_ns,
           r->decode_mb_s);
}

static int run_json(unsigned ms)
{
    json_t *rows = json_array();
    json_t *root = json_pack("{s:s, s:o}", "benchmark", "per", "rows", rows);
    int rc = root ? bench_per_run(ms, add_row, rows) : ERR_NOMEM;

    if (rc == 0) {
        json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(root);
    return rc;
}

int bench_cmd_per(int argc, char **argv)
{
    unsigned ms = DEFAULT_MS;
    int is_json = 0, rc;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            is_json = 1;
        } else if (strcmp(argv[i], "--quick") == 0) {
            ms = QUICK_MS;
        } else {
            int is_help = strcmp(argv[i], "--help") == 0;

            fprintf(is_help ? stdout : stderr, "usage: sluice-bench per [--json] [--quick]\n");
            return is_help ? 0 : 2;
        }
    }
    if (is_json) {
        rc = run_json(ms);
    } else {
        printf("%-30s %6s %10s %10s %12s\n", "message", "bytes", "decode ns", "encode ns",
               "decode MB/s");
        rc = bench_per_run(ms, print_row, NULL);
    }
    if (rc != 0)
        fprintf(stderr, "sluice-bench per: %s\n", err_to_str(rc));
    return rc == 0 ? 0 : 1;
}
