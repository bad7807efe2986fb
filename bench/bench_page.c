#include "bench/bench_page.h"

#include "bench/bench_svg.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define POINTS 24u
#define LABEL  64u

static const char style[] =
    "<style>\n"
    ":root{--bg:#fff;--fg:#1b1f24;--dim:#667;--line:#d8dce2;--a:#2166ac;--b:#d6604d;--c:#4d9a5b;"
    "--d:#8e63b0;--e:#c99a2e;--f:#4aa5b5;--g:#97694f;--h:#8a9099}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e4e7eb;--dim:#99a;--line:#333a43;"
    "--a:#6aa7e0;--b:#ef8a76;--c:#7cc48a;--d:#b792d6;--e:#e0bb5e;--f:#7cc9d6;--g:#c49a80;"
    "--h:#a6acb5}}\n"
    "body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;margin:0 auto;"
    "max-width:1500px;padding:1.5rem}\n"
    "h1,h2{font-weight:600}table{border-collapse:collapse;margin:.5rem 0 1.5rem}\n"
    "td,th{border-bottom:1px solid var(--line);padding:.15rem .8rem .15rem 0;text-align:left}\n"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(520px,1fr));gap:1rem}\n"
    "svg{width:100%;height:auto;border:1px solid var(--line);border-radius:6px}\n"
    "svg text{fill:var(--fg);font-size:12px}svg .title{font-size:15px;font-weight:600}\n"
    "svg .tick{fill:var(--dim);font-size:11px}svg .value{font-size:10px}\n"
    "svg .grid{stroke:var(--line)}polyline{fill:none;stroke-width:2}\n"
    ".dashed{stroke-dasharray:6 5}.note{color:var(--dim)}.better{color:var(--c)}"
    ".worse{color:var(--b)}\n"
    ".c0{fill:var(--a)}.c1{fill:var(--b)}.c2{fill:var(--c)}.c3{fill:var(--d)}.c4{fill:var(--e)}"
    ".c5{fill:var(--f)}.c6{fill:var(--g)}.c7{fill:var(--h)}\n"
    ".l0{stroke:var(--a)}.l1{stroke:var(--b)}.l2{stroke:var(--c)}.l3{stroke:var(--d)}"
    ".l4{stroke:var(--e)}.l5{stroke:var(--f)}.l6{stroke:var(--g)}.l7{stroke:var(--h)}\n"
    "</style>\n";

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

/* NAN where there is none. */
static double real(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool is_of(const json_t *r, const char *benchmark)
{
    return strcmp(text(r, "benchmark"), benchmark) == 0;
}

static json_t *results_of(const json_t *report)
{
    return json_object_get(report, "results");
}

/* ---- plots: each takes its points from the steps that have them ---- */

struct points {
    unsigned n;
    char label[POINTS][LABEL];
    const char *labels[POINTS];
    double x[POINTS], value[BENCH_SVG_SERIES][POINTS];
};

static void add_label(struct points *p, const char *label)
{
    snprintf(p->label[p->n], LABEL, "%s", label);
    p->labels[p->n] = p->label[p->n];
    p->n++;
}

static void relay_label(const json_t *r, char *out, size_t size)
{
    if (strcmp(text(r, "suite"), "none") == 0)
        snprintf(out, size, "%s", text(r, "path"));
    else
        snprintf(out, size, "%s %.*s", text(r, "path"), 18, text(r, "suite"));
}

static bool is_main_relay(const json_t *r)
{
    return is_of(r, "relay") && json_integer_value(json_object_get(r, "calls")) == 1000;
}

static void plot_rates(const json_t *results, FILE *to)
{
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"highest rate", p.value[0], false},
                                              {"without cryptography", p.value[1], false},
                                              {"engine alone", p.value[2], false},
                                              {"composite limit", p.value[3], false}};
    struct bench_svg_plot plot = {.title = "One worker over memif, 1,000 calls",
                                  .unit = "million packets a second",
                                  .series = series,
                                  .series_count = 4,
                                  .labels = p.labels};
    const char *step;
    json_t *r;

    json_object_foreach ((json_t *)(uintptr_t)results, step, r) {
        char label[LABEL];

        if (!is_main_relay(r) || p.n == POINTS)
            continue;
        p.value[0][p.n] = real(r, "mpps");
        p.value[1][p.n] = real(r, "ceiling_mpps");
        p.value[2][p.n] = real(r, "crypto_only_mpps");
        p.value[3][p.n] = real(r, "composite_mpps");
        relay_label(r, label, sizeof(label));
        add_label(&p, label);
    }
    plot.n = p.n;
    if (p.n > 0)
        bench_svg_bars(to, &plot);
}

static void plot_delays(const json_t *results, FILE *to)
{
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {
        {"p50", p.value[0], false}, {"p99", p.value[1], false}, {"p99.9", p.value[2], false}};
    struct bench_svg_plot plot = {.title = "Delay at half the highest rate",
                                  .unit = "microseconds",
                                  .series = series,
                                  .series_count = 3,
                                  .labels = p.labels,
                                  .is_log = true};
    const char *step;
    json_t *r;

    json_object_foreach ((json_t *)(uintptr_t)results, step, r) {
        const json_t *at = json_object_get(json_object_get(r, "latency_us"), "load_50");
        char label[LABEL];

        if (!is_main_relay(r) || p.n == POINTS)
            continue;
        p.value[0][p.n] = real(at, "p50");
        p.value[1][p.n] = real(at, "p99");
        p.value[2][p.n] = real(at, "p99_9");
        relay_label(r, label, sizeof(label));
        add_label(&p, label);
    }
    plot.n = p.n;
    if (p.n > 0)
        bench_svg_bars(to, &plot);
}

/* Cost by the number of calls, for the suite that was measured with several. */
static void plot_calls(const json_t *results, FILE *to)
{
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"worker a packet", p.value[0], false}};
    struct bench_svg_plot plot = {.title = "Cost by the number of calls, srtp-srtp, AES-CM",
                                  .unit = "nanoseconds",
                                  .x_title = "calls",
                                  .series = series,
                                  .series_count = 1,
                                  .x = p.x};
    const char *step;
    json_t *r;

    json_object_foreach ((json_t *)(uintptr_t)results, step, r) {
        double calls = real(r, "calls");
        unsigned at = p.n;

        if (!is_of(r, "relay") || p.n == POINTS || strcmp(text(r, "path"), "srtp-srtp") != 0 ||
            strcmp(text(r, "suite"), "AES128_CM_SHA1_80") != 0)
            continue;
        for (; at > 0 && p.x[at - 1] > calls; at--) {
            p.x[at] = p.x[at - 1];
            p.value[0][at] = p.value[0][at - 1];
        }
        p.x[at] = calls;
        p.value[0][at] = real(r, "ns_per_packet");
        p.n++;
    }
    plot.n = p.n;
    if (p.n > 1)
        bench_svg_lines(to, &plot);
}

static void plot_stages(const json_t *r, FILE *to)
{
    static const char *const groups[][4] = {{"parse", "look-up", "admit", NULL},
                                            {"unprotect", NULL},
                                            {"account", "route", "destination", NULL},
                                            {"protect", NULL},
                                            {"transmit", NULL}};
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"parse, look-up, admit", p.value[0], false},
                                              {"unprotect", p.value[1], false},
                                              {"account, route", p.value[2], false},
                                              {"protect", p.value[3], false},
                                              {"transmit", p.value[4], false}};
    struct bench_svg_plot plot = {.title = "A worker's stages, in memory",
                                  .unit = "nanoseconds a packet",
                                  .series = series,
                                  .series_count = 5,
                                  .labels = p.labels,
                                  .is_stacked = true};
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        const json_t *stages = json_object_get(row, "stages");
        char label[LABEL];

        if (p.n == POINTS || strcmp(text(row, "engine"), "libsrtp") == 0)
            continue;
        for (unsigned g = 0; g < 5; g++) {
            p.value[g][p.n] = 0;
            for (unsigned k = 0; groups[g][k]; k++)
                p.value[g][p.n] += real(stages, groups[g][k]);
        }
        relay_label(row, label, sizeof(label));
        add_label(&p, label);
    }
    plot.n = p.n;
    bench_svg_bars(to, &plot);
}

static void plot_engines(const json_t *r, FILE *to)
{
    static const char *const engines[] = {"mb", "libsrtp", "raw"};
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"mb", p.value[0], false},
                                              {"libsrtp2", p.value[1], false},
                                              {"ipsec-mb, raw calls", p.value[2], false}};
    struct bench_svg_plot plot = {.title = "SRTP engines, protect and unprotect",
                                  .unit = "nanoseconds",
                                  .series = series,
                                  .series_count = 3,
                                  .labels = p.labels,
                                  .is_log = true};
    size_t i;
    const json_t *row;

    for (unsigned e = 0; e < 3; e++)
        for (unsigned k = 0; k < POINTS; k++)
            p.value[e][k] = NAN;
    json_array_foreach (json_object_get(r, "rows"), i, row) {
        char label[LABEL];
        unsigned at = 0;

        snprintf(label, sizeof(label), "%.18s %g", text(row, "suite"), real(row, "bytes"));
        while (at < p.n && strcmp(p.label[at], label) != 0)
            at++;
        if (at == POINTS)
            continue;
        if (at == p.n)
            add_label(&p, label);
        for (unsigned e = 0; e < 3; e++)
            if (strcmp(text(row, "engine"), engines[e]) == 0)
                p.value[e][at] = real(row, "protect_ns") + real(row, "unprotect_ns");
    }
    plot.n = p.n;
    bench_svg_bars(to, &plot);
}

static void plot_fanout(const json_t *r, FILE *to)
{
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"a copy", p.value[0], false}};
    struct bench_svg_plot plot = {.title = "Fan-out: CPU time of the worker a copy",
                                  .unit = "nanoseconds",
                                  .x_title = "receivers of a source",
                                  .series = series,
                                  .series_count = 1,
                                  .x = p.x};
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        if (p.n == POINTS)
            break;
        p.x[p.n] = real(row, "receivers");
        p.value[0][p.n++] = real(row, "ns_per_copy");
    }
    plot.n = p.n;
    bench_svg_lines(to, &plot);
}

static void plot_demux(const json_t *r, FILE *to)
{
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"to classify", p.value[0], false},
                                              {"in all", p.value[1], false}};
    struct bench_svg_plot plot = {.title = "Telling datagrams apart",
                                  .unit = "nanoseconds a frame",
                                  .series = series,
                                  .series_count = 2,
                                  .labels = p.labels};
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        if (p.n == POINTS)
            break;
        p.value[0][p.n] = real(row, "classify_ns");
        p.value[1][p.n] = real(row, "ns_per_frame");
        add_label(&p, text(row, "kind"));
    }
    plot.n = p.n;
    bench_svg_bars(to, &plot);
}

static void plot_scale(const json_t *r, FILE *to)
{
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"measured", p.value[0], false},
                                              {"predicted by the model", p.value[1], true}};
    struct bench_svg_plot plot = {.title = "Workers at once, in memory",
                                  .unit = "million packets a second",
                                  .x_title = "workers",
                                  .series = series,
                                  .series_count = 2,
                                  .x = p.x};
    const json_t *measured = json_object_get(r, "measured"), *row;
    size_t i, last = json_array_size(measured) - 1;

    json_array_foreach (measured, i, row) {
        if (p.n == POINTS)
            break;
        p.x[p.n] = real(row, "workers");
        p.value[0][p.n] = real(row, "mpps");
        /* The dashed line begins where the other ends. */
        p.value[1][p.n++] = i == last ? real(row, "mpps") : NAN;
    }
    json_array_foreach (json_object_get(r, "predicted"), i, row) {
        if (p.n == POINTS)
            break;
        p.x[p.n] = real(row, "workers");
        p.value[0][p.n] = NAN;
        p.value[1][p.n++] = real(row, "mpps");
    }
    plot.n = p.n;
    bench_svg_lines(to, &plot);
}

static void plot_peers(const json_t *r, FILE *to)
{
    static const char *const columns[] = {"rtpengine", "sluice", "sluice_memif"};
    static const char *const names[] = {"rtpengine, veth", "Sluice, veth", "Sluice, memif"};
    struct points p = {.n = 0};
    const struct bench_svg_series series[] = {{"highest rate", p.value[0], false}};
    struct bench_svg_plot plot = {.title = "The same work, one thread that moves media",
                                  .unit = "thousand packets a second",
                                  .series = series,
                                  .series_count = 1,
                                  .labels = p.labels,
                                  .is_log = true};

    for (unsigned i = 0; i < 3; i++) {
        p.value[0][p.n] = 1000 * real(json_object_get(r, columns[i]), "mpps");
        add_label(&p, names[i]);
    }
    plot.n = p.n;
    bench_svg_bars(to, &plot);
}

static void write_plots(const json_t *report, FILE *to)
{
    static const struct {
        const char *benchmark;
        void (*plot)(const json_t *r, FILE *to);
    } kinds[] = {{"pipeline", plot_stages}, {"srtp", plot_engines}, {"fanout", plot_fanout},
                 {"demux", plot_demux},     {"scale", plot_scale},  {"peers", plot_peers}};
    const char *step;
    json_t *r;

    fputs("<div class=\"plots\">\n", to);
    plot_rates(results_of(report), to);
    plot_delays(results_of(report), to);
    plot_calls(results_of(report), to);
    json_object_foreach (results_of(report), step, r)
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (is_of(r, kinds[i].benchmark))
                kinds[i].plot(r, to);
    fputs("</div>\n", to);
}

/* ---- tables ---- */

static void put_value(const json_t *value, FILE *to)
{
    char number[40];

    if (json_is_string(value)) {
        fputs("<td>", to);
        bench_svg_text(to, json_string_value(value));
    } else {
        snprintf(number, sizeof(number), "%.6g", json_number_value(value));
        fprintf(to, "<td class=\"n\">%s",
                json_is_number(value)  ? number
                : json_is_true(value)  ? "yes"
                : json_is_false(value) ? "no"
                                       : "");
    }
    fputs("</td>", to);
}

static void write_machine(const json_t *report, FILE *to)
{
    const char *key;
    json_t *value;

    fputs("<h2>Machine</h2>\n<table>\n", to);
    json_object_foreach (json_object_get(report, "machine"), key, value) {
        fputs("<tr><th>", to);
        bench_svg_text(to, key);
        fputs("</th>", to);
        put_value(value, to);
        fputs("</tr>\n", to);
    }
    fputs("</table>\n", to);
}

static void write_targets(const json_t *report, FILE *to)
{
    const char *step, *name;
    json_t *r, *target;

    fputs("<h2>Targets</h2>\n<table>\n<tr><th>step</th><th>target</th><th>measured</th>"
          "<th>wanted</th><th>ratio</th><th>met</th></tr>\n",
          to);
    json_object_foreach (results_of(report), step, r) {
        if (!is_of(r, "relay"))
            continue;
        json_object_foreach (json_object_get(r, "targets"), name, target) {
            fputs("<tr><td>", to);
            bench_svg_text(to, step);
            fprintf(to, "</td><td>%s</td>", name);
            put_value(json_object_get(target, "value"), to);
            put_value(json_object_get(target, "target"), to);
            put_value(json_object_get(target, "ratio"), to);
            put_value(json_object_get(target, "met"), to);
            fputs("</tr>\n", to);
        }
    }
    fputs("</table>\n", to);
}

/* What did not run, and why: a gap without a reason would look like an oversight. */
static void write_missing(const json_t *report, FILE *to)
{
    const char *step, *reason;
    json_t *r;

    json_object_foreach (results_of(report), step, r) {
        reason = json_string_value(json_object_get(r, "missing"));
        if (!reason)
            continue;
        fputs("<p class=\"note\">", to);
        bench_svg_text(to, step);
        fputs(" did not run: ", to);
        bench_svg_text(to, reason);
        fputs("</p>\n", to);
    }
}

static void write_comparison(const json_t *report, FILE *to)
{
    const json_t *comparison = json_object_get(report, "against"), *row;
    size_t i;

    if (!comparison)
        return;
    fputs("<h2>Against the older report</h2>\n<table>\n<tr><th>figure</th><th>old</th><th>new</th>"
          "<th>new / old</th><th></th></tr>\n",
          to);
    json_array_foreach (comparison, i, row) {
        fputs("<tr>", to);
        put_value(json_object_get(row, "name"), to);
        put_value(json_object_get(row, "old"), to);
        put_value(json_object_get(row, "new"), to);
        put_value(json_object_get(row, "ratio"), to);
        fprintf(to, "<td class=\"%s\">%s</td></tr>\n", text(row, "verdict"), text(row, "verdict"));
    }
    fputs("</table>\n", to);
}

static void write_figures(const json_t *report, FILE *to)
{
    size_t i;
    const json_t *figure;

    fputs("<h2>Figures</h2>\n<table>\n", to);
    json_array_foreach (json_object_get(report, "figures"), i, figure) {
        fputs("<tr>", to);
        put_value(json_object_get(figure, "name"), to);
        put_value(json_object_get(figure, "value"), to);
        put_value(json_object_get(figure, "unit"), to);
        fputs("</tr>\n", to);
    }
    fputs("</table>\n", to);
}

void bench_page_write(const json_t *report, FILE *to)
{
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n"
          "<title>Sluice: benchmarks</title>\n",
          to);
    fputs(style, to);
    fputs("</head><body>\n<h1>Sluice: benchmarks</h1>\n<p class=\"note\">", to);
    bench_svg_text(to, text(report, "started"));
    fputs(", version ", to);
    bench_svg_text(to, text(report, "version"));
    fprintf(to, ", %s mode. ", text(report, "mode"));
    if (strcmp(text(report, "mode"), "quick") == 0)
        fputs("Quick mode shows that everything runs; its figures are not to be relied on. ", to);
    fputs("How to repeat each figure: docs/benchmarks.md.</p>\n", to);
    write_plots(report, to);
    write_missing(report, to);
    write_targets(report, to);
    write_comparison(report, to);
    write_machine(report, to);
    write_figures(report, to);
    fputs("</body></html>\n", to);
}
