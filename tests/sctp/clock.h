/* The library's own clock, by hand: usrsctp asks gettimeofday how old a chunk is before it sends it
 * again, so that timers alone would not be enough. The test's definition takes the place of libc's
 * for the library, which is a shared one. Included once by each test that passes time. */
#ifndef TESTS_SCTP_CLOCK_H
#define TESTS_SCTP_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

static uint64_t clock_us = 1000000000;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(clock_us / 1000000);
    tv->tv_usec = (suseconds_t)(clock_us % 1000000);
    return 0;
}

#endif
