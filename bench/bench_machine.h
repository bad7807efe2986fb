/* The machine under a benchmark: CPUs to pin to, its description, the user who wants to stop. */
#ifndef BENCH_BENCH_MACHINE_H
#define BENCH_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_CPUS_MAX 64u

/* CPUs that this process may run on, ascending; returns how many. */
unsigned bench_machine_cpus(uint16_t cpus[BENCH_CPUS_MAX]);

/* Pin the calling thread. ERR_RANGE: that CPU is not ours. */
int bench_machine_pin(unsigned cpu);

/* Give the calling thread these CPUs back (bench_machine_cpus from before pinning). */
void bench_machine_unpin(const uint16_t *cpus, unsigned n);

/* From now on SIGINT, SIGTERM and SIGHUP are only noted, so that every path ends what it started.
 * A second one ends the program at once. */
void bench_machine_catch_signals(void);

/* Somebody asked to stop. Cheap: loops ask it at every turn. */
bool bench_machine_interrupted(void);

/* CPU time of a thread in nanoseconds, as the scheduler counts it (stolen time of a virtual machine
 * is not in it); 0 when it is gone. */
uint64_t bench_machine_thread_ns(pid_t pid, pid_t thread);

/* The same of all threads of a process. */
uint64_t bench_machine_process_ns(pid_t pid);

#endif
