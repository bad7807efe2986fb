/* What a report says in numbers: one flat list, so that two reports can be compared. */
#ifndef BENCH_BENCH_FIGURES_H
#define BENCH_BENCH_FIGURES_H

#include <jansson.h>
#include <stdio.h>

/* Figures in `results` (step name -> what that command printed), an array of
 *   {"section", "name", "value", "unit", "more_is_better"}
 * names are unique within a report and the same in every report. A new reference. */
json_t *bench_figures_make(const json_t *results);

/* Ratios new / old of the figures that both have, an array of
 *   {"name", "unit", "old", "new", "ratio", "verdict"}, verdict "same" within `noise` (0.05), else
 * "better" or "worse". A new reference. */
json_t *bench_figures_compare(const json_t *now, const json_t *old, double noise);

/* As a table for people. */
void bench_figures_print_comparison(const json_t *comparison, FILE *to);

#endif
