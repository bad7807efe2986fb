/* sluice-bench report: every benchmark in one run, kept as JSON.
 *
 *   {"benchmark": "report", "version", "started", "mode": "full" | "quick", "seconds",
 *    "machine": {...}, "results": {STEP: what the command printed, or {"missing": reason}},
 *    "figures": [...] (bench_figures.h), "against": [...] if compared}
 *
 * Each step is a process of its own, the command as a user would give it: what one does to the
 * memory or the CPU of its process cannot reach the next. */
#ifndef BENCH_BENCH_REPORT_H
#define BENCH_BENCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define BENCH_REPORT_ONLY_MAX 16u

struct bench_report_options {
    bool is_quick;
    const char *program; /* sluice-bench itself */
    const char *peers;   /* the script of the peer comparison; NULL: found beside the build */
    const char *only[BENCH_REPORT_ONLY_MAX]; /* names of steps; none: all */
    unsigned only_count;
};

/* Before each step, and with an empty name at the end. */
typedef void (*bench_report_on_step_fn)(unsigned done, unsigned of, const char *name);

/* Runs the steps. A step that fails is "missing" with what it said; the others go on. ERR_CLOSED:
 * interrupted; ERR_NOTFOUND: no such step; ERR_NOMEM. *report is a new reference. */
int bench_report_run(const struct bench_report_options *options, bench_report_on_step_fn on_step,
                     json_t **report);

/* Names of the steps, one a line. */
void bench_report_print_steps(FILE *to);

#endif
