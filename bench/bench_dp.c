#include "bench/bench_dp.h"

#include "base/clock.h"
#include "base/err.h"
#include "bench/bench_dp_priv.h"
#include "bench/bench_machine.h"
#include "bench/bench_memif.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 30000u /* EAL takes seconds on a loaded machine */
#define END_MS   12000u /* sluice-dp cuts itself off after ten seconds */
#define TEXT_MAX 512u

const uint8_t bench_dp_near_mac[6] = {0x02, 0x53, 0x4c, 0, 0, 0x01};
const uint8_t bench_dp_far_mac[6] = {0x02, 0x53, 0x4c, 0, 0, 0x02};

struct link_addr bench_dp_near(uint32_t leg)
{
    return (struct link_addr){.family = 4,
                              .port = (uint16_t)(BENCH_DP_NEAR_PORT + leg),
                              .ip = {198, 18, 1, (uint8_t)(10 + leg / 2 % BENCH_DP_HOSTS)}};
}

struct link_addr bench_dp_far(uint32_t leg)
{
    return (struct link_addr){
        .family = 4, .port = (uint16_t)(BENCH_DP_PORT_FIRST + leg), .ip = {198, 18, 0, 2}};
}

/* ---- its configuration ---- */

static void write_device(const struct bench_dp *dp, FILE *file)
{
    const uint8_t *m = bench_dp_far_mac;

    if (dp->config.interface)
        fprintf(file, "net_af_packet0,iface=%s", dp->config.interface);
    else
        fprintf(file,
                "net_memif0,role=server,id=0,socket=%s/memif.sock,socket-abstract=no,"
                "mac=%02x:%02x:%02x:%02x:%02x:%02x",
                dp->dir, m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void write_neighbours(FILE *file)
{
    const uint8_t *m = bench_dp_near_mac;

    for (uint32_t i = 0; i < BENCH_DP_HOSTS; i++) {
        struct link_addr near = bench_dp_near(2 * i);

        fprintf(file,
                "%s{\"address\": \"%u.%u.%u.%u\", \"mac\": \"%02x:%02x:%02x:%02x:%02x:%02x\"}",
                i ? ", " : "", near.ip[0], near.ip[1], near.ip[2], near.ip[3], m[0], m[1], m[2],
                m[3], m[4], m[5]);
    }
}

/* Media timeouts are off: a benchmark's calls are silent between two trials. */
static int write_config(const struct bench_dp *dp)
{
    const struct bench_dp_config *c = &dp->config;
    char path[sizeof(dp->dir) + 16];
    FILE *file;

    snprintf(path, sizeof(path), "%s/dp.json", dp->dir);
    file = fopen(path, "we");
    if (!file)
        return ERR_IO;
    fprintf(file,
            "{\"log\": {\"format\": \"json\"}, \"link\": {\"path\": \"%s/link.sock\"},\n"
            "\"data_plane\": {\"idle\": \"%s\", \"srtp_engine\": \"%s\", \"memory_mb\": %u,\n"
            "\"huge_pages\": %s, \"max_transports\": %u, \"workers\": %u, \"cpus\": [",
            dp->dir, c->idle, c->engine, 128 * (c->workers + 1), c->huge_pages ? "true" : "false",
            c->transports < 2 ? 2 : c->transports, c->workers);
    for (unsigned i = 0; i < c->workers; i++)
        fprintf(file, "%s%u", i ? ", " : "", c->cpus[i]);
    fprintf(file,
            "],\n\"ports\": {\"first\": %u, \"last\": 65535},\n\"devices\": [{\"name\": "
            "\"media\", \"eal\": \"",
            BENCH_DP_PORT_FIRST);
    write_device(dp, file);
    fprintf(file, "\"}],\n\"addresses\": [{\"address\": \"198.18.0.2/15\"}],\n\"neighbours\": [");
    write_neighbours(file);
    fprintf(file, "]},\n\"media\": {\"no_media_timeout_ms\": 0},\n\"signalling\": {\"listeners\": "
                  "[{\"address\": \"127.0.0.1\"}]}}\n");
    return fclose(file) == 0 ? 0 : ERR_IO;
}

/* ---- finding and starting it ---- */

/* The build's own comes before an installed one: one measures what one has built. */
static void find_program(const char *given, char *out, size_t size)
{
    static const char *const places[] = {"../dpdk-app/sluice-dp", "sluice-dp"};
    char self[300];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (!given)
        given = getenv("SLUICE_DP");
    snprintf(out, size, "%s", given ? given : "sluice-dp");
    if (given || n <= 0)
        return;
    self[n] = '\0';
    strrchr(self, '/')[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char path[400];

        snprintf(path, sizeof(path), "%s%s", self, places[i]);
        if (access(path, X_OK) == 0) {
            snprintf(out, size, "%s", path);
            return;
        }
    }
}

/* In the child. */
static void become(const struct bench_dp *dp, const char *program, pid_t parent)
{
    char config[sizeof(dp->dir) + 16], log[sizeof(dp->dir) + 16];
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    snprintf(config, sizeof(config), "%s/dp.json", dp->dir);
    snprintf(log, sizeof(log), "%s/dp.log", dp->dir);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
        _exit(1);
    if (dp->config.netns) {
        int ns = open(dp->config.netns, O_RDONLY | O_CLOEXEC);

        if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) {
            fprintf(stderr, "cannot enter network namespace %s: %s\n", dp->config.netns,
                    strerror(errno));
            _exit(1);
        }
    }
    execlp(program, "sluice-dp", "--config", config, (char *)NULL);
    fprintf(stderr, "cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

static int spawn(struct bench_dp *dp)
{
    char program[400];
    pid_t parent = getpid();

    find_program(dp->config.program, program, sizeof(program));
    dp->pid = fork();
    if (dp->pid == 0)
        become(dp, program, parent);
    return dp->pid > 0 ? 0 : ERR_IO;
}

/* ---- the link ---- */

static void on_attached(void *context, const struct link_info *info)
{
    struct bench_dp *dp = context;

    (void)info;
    dp->is_attached = true;
}

static void on_detached(void *context, int error, const char *text)
{
    struct bench_dp *dp = context;

    (void)error;
    (void)text;
    dp->is_attached = false;
}

static void on_msg(void *context, const struct link_msg *msg)
{
    if (msg->type == LINK_REPLY)
        bench_dp_on_reply(context, msg);
}

bool bench_dp_alive(struct bench_dp *dp)
{
    int status;

    if (dp->pid > 0 && waitpid(dp->pid, &status, WNOHANG) == dp->pid)
        dp->pid = 0;
    return dp->pid > 0;
}

int bench_dp_poll(struct bench_dp *dp, int ms)
{
    struct pollfd pfd[2] = {{.fd = link_client_fd(dp->client), .events = POLLIN},
                            {.fd = link_port_fd(dp->port), .events = POLLIN}};

    poll(pfd, 2, ms);
    link_client_poll(dp->client, clock_mono_ms());
    link_port_poll(dp->port, 0);
    return bench_dp_alive(dp) && !bench_machine_interrupted() ? 0 : ERR_CLOSED;
}

int bench_dp_idle(struct bench_dp *dp, int ms)
{
    return bench_dp_poll(dp, ms);
}

struct link_port *bench_dp_port(struct bench_dp *dp, unsigned producer)
{
    return link_client_port(dp->client, producer);
}

static int attach(struct bench_dp *dp)
{
    char path[sizeof(dp->dir) + 16];
    struct link_client_config config = {.path = path,
                                        .program = "sluice-bench",
                                        .producers =
                                            dp->config.producers > 0 ? dp->config.producers : 1,
                                        .ring_slots = 1024,
                                        .retry_ms = 20,
                                        .on_attached = on_attached,
                                        .on_detached = on_detached,
                                        .context = dp};
    uint64_t end = clock_mono_ms() + START_MS;
    int rc;

    snprintf(path, sizeof(path), "%s/link.sock", dp->dir);
    rc = link_client_create(&config, &dp->client);
    if (rc != 0)
        return rc;
    dp->port = link_client_port(dp->client, 0);
    link_port_listen(dp->port, on_msg, NULL, dp);
    while (rc == 0 && !dp->is_attached)
        rc = clock_mono_ms() < end ? bench_dp_poll(dp, 20) : ERR_TIMEOUT;
    return rc;
}

/* ---- its threads ---- */

static void find_workers(struct bench_dp *dp)
{
    char path[64];
    DIR *dir;
    const struct dirent *entry;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)dp->pid);
    dir = opendir(path);
    while (dir && (entry = readdir(dir)) != NULL && dp->workers_found < BENCH_DP_WORKERS_MAX) {
        char comm[64] = "", file_path[400];
        FILE *file;

        snprintf(file_path, sizeof(file_path), "%s/%s/comm", path, entry->d_name);
        file = fopen(file_path, "re");
        if (!file)
            continue;
        /* DPDK names them rte-worker-N or, later, dpdk-workerN. */
        if (fgets(comm, sizeof(comm), file) && strstr(comm, "worker"))
            dp->worker[dp->workers_found++] = atoi(entry->d_name);
        fclose(file);
    }
    if (dir)
        closedir(dir);
}

uint64_t bench_dp_busy_ns(const struct bench_dp *dp)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < dp->workers_found; i++)
        sum += bench_machine_thread_ns(dp->pid, dp->worker[i]);
    return sum;
}

uint64_t bench_dp_memory(const struct bench_dp *dp)
{
    char path[64], line[200];
    unsigned long kb = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)dp->pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %lu", &kb) == 1)
            break;
    if (file)
        fclose(file);
    return (uint64_t)kb * 1024;
}

/* ---- its log ---- */

static FILE *open_log(const struct bench_dp *dp)
{
    char path[sizeof(dp->dir) + 16];

    snprintf(path, sizeof(path), "%s/dp.log", dp->dir);
    return fopen(path, "re");
}

const char *bench_dp_engine(struct bench_dp *dp)
{
    char line[TEXT_MAX];
    FILE *file = dp->engine[0] == '\0' ? open_log(dp) : NULL;

    while (file && dp->engine[0] == '\0' && fgets(line, sizeof(line), file)) {
        const char *engine = strstr(line, "\"engine\":\""), *paths = strstr(line, "\"paths\":\"");

        if (!engine || !paths)
            continue;
        engine += strlen("\"engine\":\"");
        paths += strlen("\"paths\":\"");
        snprintf(dp->engine, sizeof(dp->engine), "%.*s (%.*s)", (int)strcspn(engine, "\""), engine,
                 (int)strcspn(paths, "\""), paths);
    }
    if (file)
        fclose(file);
    return dp->engine;
}

static void print_log(const struct bench_dp *dp)
{
    char line[TEXT_MAX];
    FILE *file = open_log(dp);

    while (file && fgets(line, sizeof(line), file))
        fprintf(stderr, "  sluice-dp: %s", line);
    if (file)
        fclose(file);
}

/* ---- life ---- */

int bench_dp_start(const struct bench_dp_config *config, struct bench_dp **out)
{
    struct bench_dp *dp = calloc(1, sizeof(*dp));
    int rc;

    if (!dp)
        return ERR_NOMEM;
    dp->config = *config;
    snprintf(dp->dir, sizeof(dp->dir), "/tmp/sluice-bench-XXXXXX");
    if (!mkdtemp(dp->dir)) {
        free(dp);
        return ERR_IO;
    }
    rc = write_config(dp);
    if (rc == 0)
        rc = spawn(dp);
    if (rc == 0)
        rc = attach(dp);
    if (rc != 0) {
        if (!bench_machine_interrupted()) {
            fprintf(stderr, "sluice-bench: sluice-dp does not start: %s\n", err_to_str(rc));
            print_log(dp);
        }
        bench_dp_stop(dp);
        return rc;
    }
    find_workers(dp);
    *out = dp;
    return 0;
}

static void end_process(struct bench_dp *dp)
{
    static const struct timespec look = {.tv_nsec = 5000000};
    uint64_t end = clock_mono_ms() + END_MS;

    if (!bench_dp_alive(dp))
        return;
    kill(dp->pid, SIGTERM);
    while (bench_dp_alive(dp) && clock_mono_ms() < end)
        nanosleep(&look, NULL);
    if (!bench_dp_alive(dp))
        return;
    kill(dp->pid, SIGKILL);
    waitpid(dp->pid, NULL, 0);
    dp->pid = 0;
}

void bench_dp_stop(struct bench_dp *dp)
{
    static const char *const files[] = {"dp.json", "dp.log", "link.sock", "memif.sock"};

    if (!dp)
        return;
    end_process(dp);
    link_client_destroy(dp->client);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[sizeof(dp->dir) + 16];

        snprintf(path, sizeof(path), "%s/%s", dp->dir, files[i]);
        unlink(path);
    }
    rmdir(dp->dir);
    free(dp->id);
    free(dp);
}

int bench_dp_wire(struct bench_dp *dp, unsigned frame_max, struct bench_wire **wire)
{
    char path[sizeof(dp->dir) + 16];

    snprintf(path, sizeof(path), "%s/memif.sock", dp->dir);
    return bench_memif_connect(path, dp->config.workers, frame_max, START_MS, wire);
}

uint64_t bench_dp_counter(struct bench_dp *dp, enum link_counter counter)
{
    struct link_counters counters;
    uint64_t sum = 0;

    for (unsigned i = 0; i < dp->config.workers; i++)
        if (link_client_counters(dp->client, i, &counters) == 0)
            sum += counters.value[counter];
    return sum;
}

void bench_dp_print_counters(struct bench_dp *dp, FILE *to)
{
    for (unsigned i = 0; i < LINK_COUNTERS; i++) {
        uint64_t value = bench_dp_counter(dp, (enum link_counter)i);

        if (value != 0)
            fprintf(to, "  %-20s %12llu  %s\n", link_counter_name(i), (unsigned long long)value,
                    link_counter_text(i));
    }
}
