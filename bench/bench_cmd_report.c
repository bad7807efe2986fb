/* sluice-bench report: options and files around bench_report.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_figures.h"
#include "bench/bench_machine.h"
#include "bench/bench_options.h"
#include "bench/bench_page.h"
#include "bench/bench_report.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOISE 0.05

static const char usage[] =
    "usage: sluice-bench report [--quick] [--out PREFIX] [--against OLD.json] [--only STEP]...\n"
    "                           [--peers FILE] [--json]\n\n"
    "  --quick         a minute or two: that everything runs; otherwise about ten minutes\n"
    "  --out PREFIX    writes PREFIX.json and PREFIX.html (default sluice-benchmarks)\n"
    "  --against FILE  an older report: ratios of all figures, on standard output and the page\n"
    "  --only STEP     may be given several times; --steps lists them\n"
    "  --peers FILE    script of the peer comparison (default: bench/peers/rtpengine.py of the\n"
    "                  sources that this was built from)\n"
    "  --json          the report on standard output as well\n\n"
    "Runs every benchmark, each as a process of its own, and describes the machine. The page "
    "needs\n"
    "nothing but itself. Let nothing else run meanwhile.\n";

struct options {
    struct bench_report_options report;
    const char *out, *against;
    bool is_json;
};

static bool set_option(struct options *o, int letter, const char *text)
{
    struct bench_report_options *r = &o->report;

    switch (letter) {
    case 'j':
        return o->is_json = true;
    case 'q':
        return r->is_quick = true;
    case 'o':
        o->out = text;
        return true;
    case 'a':
        o->against = text;
        return true;
    case 'p':
        r->peers = text;
        return true;
    case 's':
        if (r->only_count == BENCH_REPORT_ONLY_MAX)
            return false;
        r->only[r->only_count++] = text;
        return true;
    default:
        return false;
    }
}

/* 0: go on; otherwise the exit status plus 1. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {{"json", no_argument, NULL, 'j'},
                                          {"quick", no_argument, NULL, 'q'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"against", required_argument, NULL, 'a'},
                                          {"only", required_argument, NULL, 's'},
                                          {"peers", required_argument, NULL, 'p'},
                                          {"steps", no_argument, NULL, 'S'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int letter;

    *o = (struct options){.out = "sluice-benchmarks"};
    while ((letter = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 1;
        }
        if (letter == 'S') {
            bench_report_print_steps(stdout);
            return 1;
        }
        if (!set_option(o, letter, optarg)) {
            fputs(usage, stderr);
            return 3;
        }
    }
    return 0;
}

/* Read before anything is measured: a wrong name must not cost ten minutes. */
static json_t *load_old(const char *path)
{
    json_error_t error;
    json_t *old = json_load_file(path, 0, &error);

    if (old && json_is_array(json_object_get(old, "figures")))
        return old;
    fprintf(stderr, "sluice-bench report: %s is no report%s%s\n", path, old ? "" : ": ",
            old ? "" : error.text);
    json_decref(old);
    return NULL;
}

static FILE *open_file(const char *prefix, const char *suffix)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path), "%s.%s", prefix, suffix);
    file = fopen(path, "we");
    if (!file)
        fprintf(stderr, "sluice-bench report: cannot write %s\n", path);
    return file;
}

static int write_files(const struct options *o, const json_t *report)
{
    FILE *json = open_file(o->out, "json"), *page = open_file(o->out, "html");
    int rc = json && page ? 0 : ERR_IO;

    if (json)
        rc |= json_dumpf(report, json, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    if (page)
        bench_page_write(report, page);
    if (json && fclose(json) != 0)
        rc = ERR_IO;
    if (page && fclose(page) != 0)
        rc = ERR_IO;
    if (rc == 0 && !o->is_json)
        printf("%s.json, %s.html\n", o->out, o->out);
    return rc == 0 ? 0 : ERR_IO;
}

/* A step that did not run is told; it fails the report unless it is the peer, which not everybody
 * has. */
static int tell_missing(const json_t *report)
{
    const char *step, *reason;
    json_t *r;
    int rc = 0;

    json_object_foreach (json_object_get(report, "results"), step, r) {
        reason = json_string_value(json_object_get(r, "missing"));
        if (!reason)
            continue;
        fprintf(stderr, "%s did not run: %s%s", step, reason,
                reason[strlen(reason) - 1] == '\n' ? "" : "\n");
        if (strcmp(step, "peers") != 0)
            rc = ERR_IO;
    }
    return rc;
}

static int run(struct options *o, const json_t *old)
{
    json_t *report, *comparison = NULL;
    int rc = bench_report_run(&o->report, bench_progress, &report);

    if (rc != 0)
        return rc;
    if (old) {
        comparison = bench_figures_compare(json_object_get(report, "figures"),
                                           json_object_get(old, "figures"), NOISE);
        json_object_set(report, "against", comparison);
    }
    rc = write_files(o, report);
    if (o->is_json) {
        json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
        putchar('\n');
    } else if (comparison) {
        bench_figures_print_comparison(comparison, stdout);
    }
    if (rc == 0)
        rc = tell_missing(report);
    json_decref(comparison);
    json_decref(report);
    return rc;
}

int bench_cmd_report(int argc, char **argv)
{
    char self[1024];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    struct options o;
    json_t *old = NULL;
    int rc = read_options(argc, argv, &o);

    if (rc != 0)
        return rc - 1;
    if (n <= 0 || (o.against && !(old = load_old(o.against))))
        return 1;
    self[n] = '\0';
    o.report.program = self;
    bench_machine_catch_signals();
    rc = run(&o, old);
    bench_progress(0, 0, "");
    if (rc == ERR_NOTFOUND)
        fputs("sluice-bench report: no such step; --steps lists them\n", stderr);
    else if (rc != 0)
        fprintf(stderr, "sluice-bench report: %s\n",
                bench_machine_interrupted() ? "interrupted" : err_to_str(rc));
    json_decref(old);
    return rc == ERR_NOTFOUND ? 2 : rc == 0 ? 0 : 1;
}
