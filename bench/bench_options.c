#include "bench/bench_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR 30u

bool bench_read_number(const char *command, const char *text, double min, double max, double *out)
{
    char *end;
    double value = strtod(text, &end);

    /* Written so that "nan" is refused too. */
    if (*end != '\0' || end == text || !(value >= min && value <= max)) {
        fprintf(stderr, "sluice-bench %s: \"%s\" is not a number from %.10g to %.10g\n", command,
                text, min, max);
        return false;
    }
    *out = value;
    return true;
}

bool bench_read_path(const char *command, const char *text, enum bench_pipeline_path *out)
{
    for (unsigned i = 0; i < BENCH_PIPELINE_PATHS; i++) {
        if (strcmp(text, bench_pipeline_path_to_str((enum bench_pipeline_path)i)) != 0)
            continue;
        *out = (enum bench_pipeline_path)i;
        return true;
    }
    fprintf(stderr, "sluice-bench %s: no path \"%s\"\n", command, text);
    return false;
}

bool bench_read_suite(const char *command, const char *text, enum srtp_profile *out)
{
    if (srtp_profile_parse(text, out) == 0)
        return true;
    fprintf(stderr, "sluice-bench %s: no suite \"%s\"\n", command, text);
    return false;
}

const char *bench_suite_name(const struct bench_calls *calls)
{
    /* Without "SRTP_". */
    return calls->path == BENCH_PIPELINE_RTP_RTP ? "none" : srtp_profile_to_str(calls->profile) + 5;
}

void bench_progress(unsigned done, unsigned of, const char *text)
{
    unsigned full = of > 0 ? done * BAR / of : 0;

    if (!isatty(STDERR_FILENO))
        return;
    fputs("\r\033[K", stderr);
    if (text[0] == '\0')
        return;
    fputc('[', stderr);
    for (unsigned i = 0; i < BAR; i++)
        fputc(i < full ? '#' : '.', stderr);
    fprintf(stderr, "] %u/%u %s", done, of, text);
    fflush(stderr);
}
