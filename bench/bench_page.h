/* The page of a report: one HTML file that needs nothing else, no script and no network. */
#ifndef BENCH_BENCH_PAGE_H
#define BENCH_BENCH_PAGE_H

#include <jansson.h>
#include <stdio.h>

/* `report` as bench_report.h describes it. */
void bench_page_write(const json_t *report, FILE *to);

#endif
