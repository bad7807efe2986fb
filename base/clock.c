/* The only reader of clocks in the tree. Engines never call it, they are given `now`: a test can
 * then let a day pass in a microsecond. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec ts;
    /* cannot fail for these two clocks (they are compiled in, the pointer is ours) */
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t clock_mono_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000;
}

char *clock_wall_format(uint64_t wall_us, char buf[CLOCK_TEXT_MAX])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    size_t n = 0;
    if (gmtime_r(&seconds, &tm) != NULL)
        n = strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    if (n == 0 || n + 9 > CLOCK_TEXT_MAX) { /* a year that does not fit */
        snprintf(buf, CLOCK_TEXT_MAX, "@%llu", (unsigned long long)wall_us);
        return buf;
    }
    snprintf(buf + n, CLOCK_TEXT_MAX - n, ".%06uZ", (unsigned)(wall_us % 1000000));
    return buf;
}
