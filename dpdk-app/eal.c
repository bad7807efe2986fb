/* EAL's command line from our configuration. Options that would fail late, make EAL print a page of
 * usage or exit the process are refused before it starts. */
#include "dpdk-app/eal.h"

#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "dpdk-app/dpdk_io.h"
#include "dpdk-app/rings.h"

#define ARGS_MAX 64u
#define ARG_SIZE 1024u

/* What a configuration may add. The rest is decided here, or would make EAL print its usage. */
static const char *const allowed[] = {
    "--log-level=",        "--file-prefix=",
    "--socket-mem=",       "--iova-mode=",
    "--huge-dir=",         "--single-file-segments",
    "--legacy-mem",        "--base-virtaddr=",
    "--match-allocations", "--force-max-simd-bitwidth=",
};

static char runtime_dir[64]; /* ours while EAL starts; "" = the environment's */

struct args {
    int n;
    char *arg[ARGS_MAX + 1];
    char space[ARGS_MAX][ARG_SIZE];
};

__attribute__((format(printf, 2, 3))) static void add(struct args *args, const char *format, ...)
{
    va_list list;

    if (args->n == (int)ARGS_MAX)
        return;
    va_start(list, format);
    vsnprintf(args->space[args->n], ARG_SIZE, format, list);
    va_end(list);
    args->arg[args->n] = args->space[args->n];
    args->n++;
}

/* "0000:03:00.0" or "03:00.0". */
static bool is_pci(const char *eal)
{
    unsigned a, b, c, d;

    /* sscanf is enough: what passes and is no device is refused by EAL with a message. */
    return sscanf(eal, "%x:%x:%x.%x", &a, &b, &c, &d) == 4 ||
           sscanf(eal, "%x:%x.%x", &a, &b, &c) == 3;
}

void eal_device_name(const char *eal, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)strcspn(eal, ","), eal);
}

static bool is_allowed(const char *arg)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        /* Whole option or prefix with '=': "--huge-dirty" is not "--huge-dir=". */
        size_t length = strlen(allowed[i]);

        if (allowed[i][length - 1] == '=' ? strncmp(arg, allowed[i], length) == 0
                                          : strcmp(arg, allowed[i]) == 0)
            return true;
    }
    return false;
}

/* Without them the first such instruction kills the process, without a word. What DPDK and the
 * libsrtp engine need on other processors, every one that runs 64-bit Linux has. */
static int check_processor(char *text, size_t size)
{
    const char *missing = NULL;

#ifdef __x86_64__
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2"))
        missing = "SSE4.2";
    else if (!__builtin_cpu_supports("aes"))
        missing = "AES-NI";
    else if (!__builtin_cpu_supports("pclmul"))
        missing = "PCLMULQDQ";
#endif
    if (missing == NULL)
        return 0;
    snprintf(text, size, "this processor lacks %s, which sluice-dp needs", missing);
    return ERR_UNSUPPORTED;
}

static int check_cpus(const struct settings_data_plane *config, char *text, size_t size)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 0; /* EAL will say */
    for (uint32_t i = 0; i < config->cpu_count; i++) {
        /* Pinning to a CPU outside our cpuset makes EAL abort. */
        if (config->cpus[i] < CPU_SETSIZE && CPU_ISSET(config->cpus[i], &set))
            continue;
        snprintf(text, size, "data_plane.cpus[%u]: this process may not run on CPU %u", i,
                 config->cpus[i]);
        return ERR_RANGE;
    }
    return 0;
}

static int check_devices(const struct settings_data_plane *config, char *text, size_t size)
{
    for (uint32_t d = 0; d < config->device_count; d++) {
        const char *eal = config->devices[d].eal;

        /* Anything else would be taken for the name of a shared object to load. */
        if (is_pci(eal) || strncmp(eal, "net_", 4) == 0)
            continue;
        snprintf(text, size,
                 "data_plane.devices[%u].eal: \"%s\" is neither a PCI address nor net_…", d, eal);
        return ERR_INVAL;
    }
    return 0;
}

int eal_check(const struct settings_data_plane *config, char *text, size_t size)
{
    int err = check_processor(text, size);

    if (err == 0)
        err = check_cpus(config, text, size);
    if (err == 0)
        err = check_devices(config, text, size);
    if (err != 0)
        return err;
    if (config->workers == 0 || config->workers > LINK_WORKERS_MAX) {
        snprintf(text, size, "data_plane.workers: 1 to %u, not %u", LINK_WORKERS_MAX,
                 config->workers);
        return ERR_RANGE;
    }
    for (uint32_t i = 0; i < config->eal_arg_count; i++) {
        if (is_allowed(config->eal_args[i]))
            continue;
        snprintf(text, size, "data_plane.eal_args[%u]: \"%s\" is not an option that may be given",
                 i, config->eal_args[i]);
        return ERR_INVAL;
    }
    return 0;
}

int dpdk_check(const struct settings_data_plane *config, char *text, size_t size)
{
    return eal_check(config, text, size);
}

/* "(0,1,5)": every CPU that we may use; threads on it float. */
static void print_allowed_cpus(char *out, size_t size)
{
    cpu_set_t set;
    size_t at = 0;

    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    out[0] = '\0';
    /* 8: a comma and up to five digits with room to spare. */
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && at + 8 < size; cpu++)
        if (CPU_ISSET(cpu, &set))
            at += (size_t)snprintf(out + at, size - at, "%s%u", at == 0 ? "(" : ",", cpu);
    snprintf(out + at, size - at, ")");
}

/* Logical core 0 is the control thread; 1…n the workers, pinned where CPUs are given. */
static void add_lcores(struct args *args, const struct settings_data_plane *config)
{
    char all[600], list[ARG_SIZE];
    size_t at;

    print_allowed_cpus(all, sizeof(all));
    at = (size_t)snprintf(list, sizeof(list), "0@%s", all);
    for (uint32_t i = 0; i < config->workers && at < sizeof(list); i++) {
        /* Workers without a CPU of their own float over all that we may use: right for a laptop,
         * and said so in the documentation. */
        if (i < config->cpu_count)
            at += (size_t)snprintf(list + at, sizeof(list) - at, ",%u@%u", i + 1, config->cpus[i]);
        else
            at += (size_t)snprintf(list + at, sizeof(list) - at, ",%u@%s", i + 1, all);
    }
    add(args, "--lcores=%s", list);
}

/* Logged here, where it is decided, and once. */
static unsigned choose_frames(const struct settings_data_plane *config)
{
    unsigned frames = rings_frames(config, rings_can_lock);

    if (frames < RINGS_FRAMES_BEST)
        log_warn(LOG_AREA_DATAPLANE, 0,
                 "short rings of af_packet: this process may not lock more memory (RLIMIT_MEMLOCK)",
                 LOG_U("framecnt", frames), LOG_U("wanted", RINGS_FRAMES_BEST));
    return frames;
}

static void add_af_packet(struct args *args, const char *eal, unsigned queues, unsigned frames)
{
    char text[ARG_SIZE];
    size_t at = (size_t)snprintf(text, sizeof(text), "--vdev=%s", eal);

    /* What the configuration says itself is left alone. */
    if (strstr(eal, "qpairs=") == NULL)
        at += (size_t)snprintf(text + at, sizeof(text) - at, ",qpairs=%u", queues);
    if (strstr(eal, "framecnt=") == NULL)
        snprintf(text + at, sizeof(text) - at, ",framecnt=%u", frames);
    add(args, "%s", text);
}

static void add_device(struct args *args, const struct settings_data_plane *config,
                       const struct settings_device *device, unsigned frames)
{
    if (is_pci(device->eal)) {
        add(args, "-a");
        add(args, "%s", device->eal);
        return;
    }
    /* af_packet has as many queues of both kinds as it is told, and the kernel spreads packets over
     * all of them: one pair a worker, whatever `queues` says. Its ring of 512 frames by default
     * loses the tail of a burst. */
    if (strncmp(device->eal, "net_af_packet", 13) == 0)
        add_af_packet(args, device->eal, config->workers, frames);
    else
        add(args, "--vdev=%s", device->eal);
}

static void fill_args(struct args *args, const struct settings_data_plane *config)
{
    bool pci = false, needs_frames = false;
    /* Asked only when it is needed: finding it out locks and unlocks memory. */
    unsigned frames;

    add(args, "sluice-dp");
    for (uint32_t d = 0; d < config->device_count; d++) {
        const char *eal = config->devices[d].eal;

        pci |= is_pci(eal);
        needs_frames |= strncmp(eal, "net_af_packet", 13) == 0 && strstr(eal, "framecnt=") == NULL;
    }
    frames = needs_frames ? choose_frames(config) : RINGS_FRAMES_BEST;
    if (!pci)
        add(args, "--no-pci"); /* or EAL would probe every NIC of the machine */
    add(args, "--no-telemetry");
    add(args, "-m");
    add(args, "%u", config->memory_mb);
    if (config->huge_pages) {
        /* In memory only: no files that another start would stumble over. Not together with
         * --no-huge: EAL aborts. */
        add(args, "--in-memory");
    } else {
        add(args, "--no-huge");
        add(args, "--no-shconf"); /* several side by side */
    }
    add(args, "--log-level=warning");
    add_lcores(args, config);
    for (uint32_t d = 0; d < config->device_count; d++)
        /* The user's own options last, so that they win where EAL takes the later one. */
        add_device(args, config, &config->devices[d], frames);
    for (uint32_t i = 0; i < config->eal_arg_count; i++)
        add(args, "%s", config->eal_args[i]);
}

/* EAL wants a directory of its own even when nothing is put there; not /var/run for everybody. */
static void make_runtime_dir(void)
{
    if (getenv("RUNTIME_DIRECTORY") != NULL)
        return; /* systemd's */
    /* EAL would make /var/run/dpdk or fail; ours is private and goes at once. */
    snprintf(runtime_dir, sizeof(runtime_dir), "/tmp/sluice-dp-XXXXXX");
    if (mkdtemp(runtime_dir) != NULL)
        setenv("RUNTIME_DIRECTORY", runtime_dir, 1);
    else
        runtime_dir[0] = '\0';
}

static void remove_runtime_dir(void)
{
    char path[sizeof(runtime_dir) + 16];

    if (runtime_dir[0] == '\0')
        return;
    snprintf(path, sizeof(path), "%s/dpdk/rte", runtime_dir);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/dpdk", runtime_dir);
    rmdir(path);
    rmdir(runtime_dir);
    runtime_dir[0] = '\0';
}

int eal_start(const struct settings_data_plane *config, char *text, size_t size)
{
    /* Static: EAL keeps pointers into argv beyond this call, and starts once in a process. */
    static struct args args; /* EAL keeps pointers into them */
    int err = eal_check(config, text, size);

    if (err != 0)
        return err;
    fill_args(&args, config);
    make_runtime_dir();
    err = rte_eal_init(args.n, args.arg);
    remove_runtime_dir(); /* empty, and a crash must not leave it behind */
    if (err >= 0)
        return 0;
    snprintf(text, size, "EAL does not start: %s", rte_strerror(rte_errno));
    return ERR_IO;
}

void eal_stop(void)
{
    rte_eal_cleanup();
}
