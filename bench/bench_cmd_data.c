/* sluice-bench data: prints what bench_data.c measures. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_data.h"
#include "bench/bench_options.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_MS 1500
#define QUICK_MS   150

struct row {
    unsigned associations;
    size_t size;
    struct bench_data_result dtls, alone;
};

static struct row rows[] = {{1, 64}, {1, 16384}, {1000, 64}, {1000, 16384}};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const size_t relay_sizes[] = {100, 1160};
#define RELAYS (sizeof(relay_sizes) / sizeof(relay_sizes[0]))

static double ratio(const struct row *r)
{
    return r->alone.messages_s > 0 ? r->dtls.messages_s / r->alone.messages_s : 0;
}

static int run(unsigned ms, unsigned most, double *relay)
{
    int err = 0;

    for (size_t i = 0; i < ROWS && err == 0; i++) {
        struct bench_data_config c = {.size = rows[i].size, .has_dtls = true, .ms = ms};

        if (rows[i].associations > most)
            rows[i].associations = most;
        c.associations = rows[i].associations;
        bench_progress((unsigned)i, ROWS + RELAYS, "SCTP over DTLS");
        err = bench_data_run(&c, &rows[i].dtls);
        c.has_dtls = false;
        if (err == 0)
            err = bench_data_run(&c, &rows[i].alone);
    }
    for (size_t i = 0; i < RELAYS && err == 0; i++) {
        bench_progress((unsigned)(ROWS + i), ROWS + RELAYS, "relay of records");
        err = bench_data_relay(relay_sizes[i], ms, &relay[i]);
    }
    bench_progress(0, 0, "");
    return err;
}

static json_t *result_json(const struct bench_data_result *r)
{
    return json_pack("{s:f, s:f, s:f, s:i, s:i, s:f}", "mbit_s", r->mbit_s, "messages_s",
                     r->messages_s, "p99_ms", r->p99_ms, "window", (int)r->window, "up", (int)r->up,
                     "kib_each", r->kib_each);
}

static void print_json(const double *relay)
{
    json_t *list = json_array(), *relays = json_array();
    json_t *root = json_pack("{s:s, s:o, s:o}", "benchmark", "data", "rows", list, "relay", relays);

    for (size_t i = 0; i < ROWS; i++)
        json_array_append_new(
            list, json_pack("{s:i, s:I, s:o, s:o, s:f}", "associations", (int)rows[i].associations,
                            "size", (json_int_t)rows[i].size, "dtls", result_json(&rows[i].dtls),
                            "alone", result_json(&rows[i].alone), "ratio", ratio(&rows[i])));
    for (size_t i = 0; i < RELAYS; i++)
        json_array_append_new(relays, json_pack("{s:I, s:f}", "size", (json_int_t)relay_sizes[i],
                                                "records_s", relay[i]));
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

static void print_table(const double *relay)
{
    printf("%12s %7s %10s %12s %9s %12s %7s\n", "associations", "octets", "Mbit/s", "messages/s",
           "p99 ms", "alone Mbit/s", "ratio");
    for (size_t i = 0; i < ROWS; i++)
        printf("%12u %7zu %10.1f %12.0f %9.3f %12.1f %7.2f\n", rows[i].associations, rows[i].size,
               rows[i].dtls.mbit_s, rows[i].dtls.messages_s, rows[i].dtls.p99_ms,
               rows[i].alone.mbit_s, ratio(&rows[i]));
    for (size_t i = 0; i < RELAYS; i++)
        printf("relay of records of %zu octets: %.0f a second and core\n", relay_sizes[i],
               relay[i]);
}

int bench_cmd_data(int argc, char **argv)
{
    unsigned ms = DEFAULT_MS, most = 1000;
    double relay[RELAYS] = {0};
    bool is_json = false;
    int err;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            is_json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            ms = QUICK_MS;
            most = 20;
        } else {
            int is_help = strcmp(argv[i], "--help") == 0;

            fprintf(is_help ? stdout : stderr, "usage: sluice-bench data [--json] [--quick]\n");
            return is_help ? 0 : 2;
        }
    }
    err = run(ms, most, relay);
    if (err != 0) {
        fprintf(stderr, "sluice-bench data: %s\n", err_to_str(err));
        return 1;
    }
    if (is_json)
        print_json(relay);
    else
        print_table(relay);
    return 0;
}
