/* sluice-bench hear: options, table and JSON around bench_hear.c. */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_hear.h"
#include "bench/endpoint/endpoint_wav.h"

static const char usage[] =
    "usage: sluice-bench hear [--json] RECORDING TALKER...\n\n"
    "  --json  one JSON object instead of a table\n\n"
    "Which talkers are heard in a recording, by correlation of each second of their files with\n"
    "it. All are WAV files of 8 kHz, mono. For tests of conferences: who hears whom.\n";

static int read_file(const char *path, int16_t **samples, size_t *count)
{
    char why[256];
    int rc = wav_read(path, samples, count, why, sizeof(why));

    if (rc != 0)
        fprintf(stderr, "sluice-bench hear: %s\n", why);
    return rc;
}

static json_t *talker_json(const char *path, const struct bench_hear *h)
{
    return json_pack("{s:s,s:i,s:i,s:f,s:f,s:I}", "file", path, "seconds", (int)h->seconds, "found",
                     (int)h->found, "mean", h->mean, "best", h->best, "first_ms",
                     (json_int_t)h->first_ms);
}

static int judge(const int16_t *recording, size_t count, const char *path, json_t *list)
{
    struct bench_hear h;
    int16_t *talker = NULL;
    size_t talker_count = 0;
    int rc = read_file(path, &talker, &talker_count);

    if (rc != 0)
        return rc;
    rc = bench_hear(recording, count, talker, talker_count, &h);
    free(talker);
    if (rc == ERR_RANGE)
        fprintf(stderr, "sluice-bench hear: %s: no loud second, or the recording is shorter\n",
                path);
    else if (rc != 0)
        fprintf(stderr, "sluice-bench hear: %s: %s\n", path, err_to_str(rc));
    if (rc == 0)
        json_array_append_new(list, talker_json(path, &h));
    return rc;
}

static void print_table(const json_t *list)
{
    size_t i;
    json_t *row;

    printf("%-40s %8s %6s %6s %6s %9s\n", "talker", "seconds", "found", "mean", "best", "from ms");
    json_array_foreach (list, i, row)
        printf("%-40s %8lld %6lld %6.2f %6.2f %9lld\n",
               json_string_value(json_object_get(row, "file")),
               (long long)json_integer_value(json_object_get(row, "seconds")),
               (long long)json_integer_value(json_object_get(row, "found")),
               json_real_value(json_object_get(row, "mean")),
               json_real_value(json_object_get(row, "best")),
               (long long)json_integer_value(json_object_get(row, "first_ms")));
}

static int run(char **files, int file_count, bool is_json)
{
    int16_t *recording = NULL;
    size_t count = 0;
    json_t *list = json_array();
    int rc = read_file(files[0], &recording, &count);

    for (int i = 1; i < file_count && rc == 0; i++)
        rc = judge(recording, count, files[i], list);
    free(recording);
    if (rc == 0 && !is_json)
        print_table(list);
    if (rc == 0 && is_json) {
        json_t *root = json_pack("{s:s,s:s,s:f,s:O}", "benchmark", "hear", "recording", files[0],
                                 "threshold", BENCH_HEAR_FOUND, "talkers", list);

        json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4));
        putchar('\n');
        json_decref(root);
    }
    json_decref(list);
    return rc == 0 ? 0 : 1;
}

int bench_cmd_hear(int argc, char **argv)
{
    static const struct option table[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool is_json = false;
    int letter;

    while ((letter = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (letter != 'j') {
            fputs(usage, stderr);
            return 2;
        }
        is_json = true;
    }
    if (argc - optind < 2) {
        fputs(usage, stderr);
        return 2;
    }
    return run(argv + optind, argc - optind, is_json);
}
