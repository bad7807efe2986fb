/* Clocks. Only programs and event loops read them; engines get the time as an argument. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Time since some fixed moment that never jumps (CLOCK_MONOTONIC): the same one in every process of
 * the machine, so that both may stamp what they share. Any thread. */
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
uint64_t clock_mono_ns(void);

/* Wall clock in microseconds since 1970-01-01 UTC; jumps when somebody sets it. */
uint64_t clock_wall_us(void);

/* Room for clock_wall_format with its zero: "2026-11-23T04:08:12.123456Z". */
#define CLOCK_TEXT_MAX 32

/* RFC 3339 text in UTC of a clock_wall_us value. Returns buf. Any thread. */
char *clock_wall_format(uint64_t wall_us, char buf[CLOCK_TEXT_MAX]);

#endif
