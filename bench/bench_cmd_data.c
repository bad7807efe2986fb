/* sluice-bench data: prints what bench_data.c measures. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_data.h"
#include "bench/bench_machine.h"
#include "bench/bench_options.h"
#include "bench/bench_records.h"

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

#define LINK_RELAYS 8
#define LINK_WINDOW 128 /* the link's rings have 256 messages by default, a fourth for replies */

static struct bench_records_result link_results[RELAYS];

static int run_link(unsigned ms)
{
    int err = 0;

    for (size_t i = 0; i < RELAYS && err == 0; i++) {
        const struct bench_records_config c = {
            .relays = LINK_RELAYS, .size = relay_sizes[i], .window = LINK_WINDOW, .ms = ms};

        bench_progress((unsigned)i, RELAYS, "records through the link");
        err = bench_records_run(&c, &link_results[i]);
    }
    bench_progress(0, 0, "");
    return err;
}

/* Of a core that does nothing else. */
static double a_core(double ns)
{
    return ns > 0 ? 1e9 / ns : 0;
}

static void print_link_json(void)
{
    json_t *list = json_array();
    json_t *root = json_pack("{s:s, s:o}", "benchmark", "data --link", "rows", list);

    for (size_t i = 0; i < RELAYS; i++) {
        const struct bench_records_result *r = &link_results[i];

        json_array_append_new(
            list, json_pack("{s:I, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "size",
                            (json_int_t)relay_sizes[i], "relays", LINK_RELAYS, "window",
                            LINK_WINDOW, "records_s", r->records_s, "shard_ns", r->shard_ns,
                            "shard_records_s", a_core(r->shard_ns), "worker_ns", r->worker_ns,
                            "worker_records_s", a_core(r->worker_ns), "records_s_core",
                            a_core(r->shard_ns + r->worker_ns), "lost", r->lost, "records",
                            (json_int_t)r->records, "checked", (json_int_t)r->checked));
    }
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

static void print_link_table(void)
{
    printf("%7s %12s %10s %14s %10s %15s %16s %8s\n", "octets", "records/s", "shard ns",
           "a shard's core", "worker ns", "a worker's core", "a core for both", "lost");
    for (size_t i = 0; i < RELAYS; i++) {
        const struct bench_records_result *r = &link_results[i];

        printf("%7zu %12.0f %10.0f %14.0f %10.0f %15.0f %16.0f %7.2f%%\n", relay_sizes[i],
               r->records_s, r->shard_ns, a_core(r->shard_ns), r->worker_ns, a_core(r->worker_ns),
               a_core(r->shard_ns + r->worker_ns), 100 * r->lost);
    }
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

static int memory_command(unsigned ms, unsigned most, bool is_json)
{
    double relay[RELAYS] = {0};
    int err = run(ms, most, relay);

    if (err == 0 && is_json)
        print_json(relay);
    else if (err == 0)
        print_table(relay);
    return err;
}

static int link_command(unsigned ms, bool is_json)
{
    int err;

    bench_machine_catch_signals();
    err = run_link(ms);
    if (err == 0 && is_json)
        print_link_json();
    else if (err == 0)
        print_link_table();
    return err;
}

static int usage(FILE *to)
{
    fprintf(to,
            "usage: sluice-bench data [--link] [--json] [--quick]\n\n"
            "SCTP over DTLS in memory beside SCTP alone, and a relay of records by DTLS alone.\n"
            "--link: a relay of records through a real sluice-dp, the link and a shard\n");
    return to == stdout ? 0 : 2;
}

int bench_cmd_data(int argc, char **argv)
{
    unsigned ms = DEFAULT_MS, most = 1000;
    bool is_json = false, is_link = false;
    int err;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            is_json = true;
        } else if (strcmp(argv[i], "--link") == 0) {
            is_link = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            ms = QUICK_MS;
            most = 20;
        } else {
            return usage(strcmp(argv[i], "--help") == 0 ? stdout : stderr);
        }
    }
    err = is_link ? link_command(ms, is_json) : memory_command(ms, most, is_json);
    if (err != 0) {
        fprintf(stderr, "sluice-bench data: %s\n", err_to_str(err));
        return 1;
    }
    return 0;
}
