/* Small things that the commands of sluice-bench share. */
#ifndef BENCH_BENCH_OPTIONS_H
#define BENCH_BENCH_OPTIONS_H

#include "bench/bench_lane.h"

#include <stdbool.h>

/* A number from min to max; otherwise says on standard error what was expected. */
bool bench_read_number(const char *command, const char *text, double min, double max, double *out);

/* "srtp-srtp", "AES128_CM_SHA1_80". */
bool bench_read_path(const char *command, const char *text, enum bench_pipeline_path *out);
bool bench_read_suite(const char *command, const char *text, enum srtp_profile *out);

/* Suite of calls as the option takes it; "none" for rtp-rtp. */
const char *bench_suite_name(const struct bench_calls *calls);

/* A bar on a terminal (standard error), nothing elsewhere: `done` of `of`, and what runs now. An
 * empty text takes the bar away. */
void bench_progress(unsigned done, unsigned of, const char *text);

#endif
