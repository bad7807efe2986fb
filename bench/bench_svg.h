/* Plots as inline SVG: bars and lines, colours from the page's style sheet (classes c0 ... c7), so
 * that they follow its light and dark form. Values that are NAN are left out. */
#ifndef BENCH_BENCH_SVG_H
#define BENCH_BENCH_SVG_H

#include <stdbool.h>
#include <stdio.h>

#define BENCH_SVG_SERIES 8u

struct bench_svg_series {
    const char *name;
    const double *values; /* [n] */
    bool is_dashed;       /* lines: computed, not measured */
};

struct bench_svg_plot {
    const char *title, *unit; /* of the values */
    const char *x_title;      /* lines; may be NULL */
    unsigned n, series_count;
    const struct bench_svg_series *series; /* at most BENCH_SVG_SERIES */
    const char *const *labels;             /* bars: a group each */
    const double *x;                       /* lines: ascending, above 0 */
    bool is_log;                           /* values; x of lines is always logarithmic */
    bool is_stacked;                       /* bars */
};

/* Text with the characters of HTML escaped. */
void bench_svg_text(FILE *to, const char *text);

void bench_svg_bars(FILE *to, const struct bench_svg_plot *plot);
void bench_svg_lines(FILE *to, const struct bench_svg_plot *plot);

#endif
