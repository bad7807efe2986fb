#include "bench/bench_machine.h"

#include "base/err.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t asked;

unsigned bench_machine_cpus(uint16_t cpus[BENCH_CPUS_MAX])
{
    cpu_set_t set;
    unsigned n = 0;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && n < BENCH_CPUS_MAX; cpu++)
        if (CPU_ISSET(cpu, &set))
            cpus[n++] = (uint16_t)cpu;
    return n;
}

int bench_machine_pin(unsigned cpu)
{
    cpu_set_t set;

    if (cpu >= CPU_SETSIZE)
        return ERR_RANGE;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : ERR_RANGE;
}

void bench_machine_unpin(const uint16_t *cpus, unsigned n)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (unsigned i = 0; i < n; i++)
        CPU_SET(cpus[i], &set);
    if (n > 0)
        sched_setaffinity(0, sizeof(set), &set);
}

static void on_signal(int number)
{
    (void)number;
    asked = 1;
}

void bench_machine_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool bench_machine_interrupted(void)
{
    return asked != 0;
}

uint64_t bench_machine_thread_ns(pid_t pid, pid_t thread)
{
    char path[64];
    uint64_t ns = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, (int)thread);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%" SCNu64, &ns) != 1)
        ns = 0;
    fclose(file);
    return ns;
}

uint64_t bench_machine_process_ns(pid_t pid)
{
    char path[64];
    const struct dirent *entry;
    uint64_t sum = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    dir = opendir(path);
    while (dir && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            sum += bench_machine_thread_ns(pid, atoi(entry->d_name));
    if (dir)
        closedir(dir);
    return sum;
}
