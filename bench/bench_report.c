#include "bench/bench_report.h"

#include "base/clock.h"
#include "base/err.h"
#include "bench/bench_figures.h"
#include "bench/bench_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX   24u
#define STEP_MS    600000u
#define ERROR_TEXT 600u

struct step {
    const char *name;
    const char *args[ARGS_MAX]; /* of sluice-bench; "peers": of the script */
    bool only_full;
};

/* --quick or not is added. The limits of relay are measured once a suite. */
static const struct step steps[] = {
    {"relay-cm", {"relay", "--suite", "AES128_CM_SHA1_80"}, false},
    {"relay-gcm", {"relay", "--suite", "AEAD_AES_128_GCM"}, false},
    {"relay-bridge", {"relay", "--path", "rtp-srtp", "--alone"}, true},
    {"relay-plain", {"relay", "--path", "rtp-rtp"}, true},
    {"relay-cm-10", {"relay", "--calls", "10", "--alone"}, false},
    {"relay-cm-100", {"relay", "--calls", "100", "--alone"}, true},
    {"relay-cm-10000", {"relay", "--calls", "10000", "--alone"}, true},
    {"fanout", {"fanout"}, false},
    {"pipeline", {"pipeline"}, false},
    {"pipeline-10000", {"pipeline", "--calls", "10000", "--engine", "auto"}, true},
    {"demux", {"demux"}, false},
    {"scale", {"scale"}, false},
    {"srtp", {"srtp"}, false},
    {"per", {"per"}, false},
    {"mix", {"mix"}, false},
    {"data", {"data"}, false},
    {"data-link", {"data", "--link"}, false},
    {"dtls", {"dtls"}, false},
    {"dtls-resumed", {"dtls", "--resumed"}, false},
    {"peers", {"peers"}, false},
};
#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

void bench_report_print_steps(FILE *to)
{
    for (size_t i = 0; i < STEP_COUNT; i++)
        fprintf(to, "%s%s\n", steps[i].name, steps[i].only_full ? " (full mode)" : "");
}

/* ---- the machine ---- */

/* The value of the first line "key : value"; "" if there is none. */
static void read_line(const char *path, const char *key, char *out, size_t size)
{
    char line[4096];
    FILE *file = fopen(path, "re");

    out[0] = '\0';
    while (file && out[0] == '\0' && fgets(line, sizeof(line), file)) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, key, strlen(key)) != 0 || !colon)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
    }
    if (file)
        fclose(file);
}

/* Those of the processor's abilities that matter here. */
static void find_abilities(char *out, size_t size)
{
    static const char *const wanted[] = {"aes",     "pclmulqdq", "sha_ni",     "avx2",
                                         "avx512f", "vaes",      "vpclmulqdq", "hypervisor"};
    char flags[4096];
    size_t at = 0;

    read_line("/proc/cpuinfo", "flags", flags, sizeof(flags));
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        char word[24];

        snprintf(word, sizeof(word), " %s ", wanted[i]);
        if (strstr(flags, word) && at < size)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at ? " " : "", wanted[i]);
    }
}

static void set_line(json_t *machine, const char *name, const char *path, const char *key)
{
    char value[200];

    read_line(path, key, value, sizeof(value));
    if (value[0])
        json_object_set_new(machine, name, json_string(value));
}

static json_t *describe_machine(void)
{
    json_t *machine = json_object();
    uint16_t cpus[BENCH_CPUS_MAX];
    struct utsname name;
    char text[300];

    set_line(machine, "processor", "/proc/cpuinfo", "model name");
    set_line(machine, "MHz", "/proc/cpuinfo", "cpu MHz");
    find_abilities(text, sizeof(text));
    json_object_set_new(machine, "abilities", json_string(text));
    json_object_set_new(machine, "CPUs we may use",
                        json_integer((json_int_t)bench_machine_cpus(cpus)));
    set_line(machine, "memory", "/proc/meminfo", "MemTotal");
    set_line(machine, "huge pages reserved", "/proc/meminfo", "HugePages_Total");
    if (uname(&name) == 0) {
        snprintf(text, sizeof(text), "%s %s %s", name.sysname, name.release, name.machine);
        json_object_set_new(machine, "system", json_string(text));
    }
    json_object_set_new(machine, "compiler", json_string(__VERSION__));
#ifdef __OPTIMIZE__
    json_object_set_new(machine, "optimised", json_true());
#else
    json_object_set_new(machine, "optimised", json_false());
#endif
    return machine;
}

/* ---- a step ---- */

struct child {
    pid_t pid;
    int out, err;
    char *text;
    size_t length;
    char error[ERROR_TEXT];
    size_t error_length;
};

static int spawn(struct child *c, const char *const *args)
{
    int out[2], err[2];
    pid_t parent = getpid();

    if (pipe2(out, O_CLOEXEC) < 0)
        return ERR_IO;
    if (pipe2(err, O_CLOEXEC) < 0) {
        close(out[0]);
        close(out[1]);
        return ERR_IO;
    }
    c->pid = fork();
    if (c->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() == parent && dup2(out[1], STDOUT_FILENO) >= 0 &&
            dup2(err[1], STDERR_FILENO) >= 0)
            execv(args[0], (char *const *)(uintptr_t)args);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    c->out = out[0];
    c->err = err[0];
    return c->pid > 0 ? 0 : ERR_IO;
}

/* Returns false at its end. What is said on standard error matters when a step fails: the last of
 * it is kept. */
static bool read_some(struct child *c, bool is_error)
{
    char buffer[4096];
    ssize_t n = read(is_error ? c->err : c->out, buffer, sizeof(buffer));
    char *more;

    if (n <= 0)
        return n < 0 && errno == EINTR;
    if (is_error) {
        size_t room = ERROR_TEXT - 1, keep = (size_t)n < room ? (size_t)n : room;

        if (c->error_length + keep > room)
            c->error_length = 0;
        memcpy(c->error + c->error_length, buffer + (size_t)n - keep, keep);
        c->error_length += keep;
        c->error[c->error_length] = '\0';
        return true;
    }
    more = realloc(c->text, c->length + (size_t)n + 1);
    if (!more)
        return false;
    c->text = more;
    memcpy(c->text + c->length, buffer, (size_t)n);
    c->length += (size_t)n;
    c->text[c->length] = '\0';
    return true;
}

/* Its exit status, or -1. An interrupt that reached only us is passed on; it ends by itself then.
 */
static int attend(struct child *c)
{
    struct pollfd pfd[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->err, .events = POLLIN}};
    uint64_t end = clock_mono_ms() + STEP_MS;
    bool told = false;
    int status = 0;

    while (pfd[0].fd >= 0 || pfd[1].fd >= 0) {
        poll(pfd, 2, 100);
        for (unsigned i = 0; i < 2; i++)
            if (pfd[i].fd >= 0 && pfd[i].revents != 0 && !read_some(c, i == 1))
                pfd[i].fd = -1;
        if (!told && (bench_machine_interrupted() || clock_mono_ms() > end)) {
            kill(c->pid, SIGTERM);
            told = true;
        }
    }
    if (waitpid(c->pid, &status, 0) != c->pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static json_t *missing(const char *text)
{
    return json_pack("{s:s}", "missing", text[0] ? text : "it said nothing");
}

static json_t *run_command(const char *const *args)
{
    struct child c = {.out = -1, .err = -1};
    json_t *result = NULL;
    int status;

    if (spawn(&c, args) != 0)
        return missing("cannot start a process");
    status = attend(&c);
    c.error[strcspn(c.error, "\r")] = '\0';
    if (status == 0 && c.text)
        result = json_loads(c.text, 0, NULL);
    if (!result)
        result = missing(status == 0 ? "what it printed is no JSON" : c.error);
    close(c.out);
    close(c.err);
    free(c.text);
    return result;
}

/* "…/build/bench/sluice-bench" → "…/bench/peers/rtpengine.py" of the sources, if they are there. */
static bool find_peers(const struct bench_report_options *o, char *out, size_t size)
{
    const char *slash = strrchr(o->program, '/');

    if (o->peers)
        snprintf(out, size, "%s", o->peers);
    else
        snprintf(out, size, "%.*s/../../bench/peers/rtpengine.py",
                 slash ? (int)(slash - o->program) : 0, o->program);
    return access(out, X_OK) == 0;
}

static json_t *run_step(const struct bench_report_options *o, const struct step *step)
{
    const char *args[ARGS_MAX + 4];
    char script[600];
    unsigned n = 0;

    if (strcmp(step->args[0], "peers") == 0) {
        if (!find_peers(o, script, sizeof(script)))
            return missing("the script bench/peers/rtpengine.py is not here (--peers FILE)");
        args[n++] = script;
        if (o->is_quick) {
            args[n++] = "--calls";
            args[n++] = "10";
            args[n++] = "--seconds";
            args[n++] = "0.2";
        }
    } else {
        args[n++] = o->program;
        for (unsigned i = 0; step->args[i]; i++)
            args[n++] = step->args[i];
    }
    args[n++] = "--json";
    if (o->is_quick)
        args[n++] = "--quick";
    args[n] = NULL;
    return run_command(args);
}

/* ---- all ---- */

static bool is_wanted(const struct bench_report_options *o, const struct step *step)
{
    if (o->only_count == 0)
        return !(o->is_quick && step->only_full);
    for (unsigned i = 0; i < o->only_count; i++)
        if (strcmp(o->only[i], step->name) == 0)
            return true;
    return false;
}

static bool has_step(const char *name)
{
    for (size_t i = 0; i < STEP_COUNT; i++)
        if (strcmp(steps[i].name, name) == 0)
            return true;
    return false;
}

static int run_steps(const struct bench_report_options *o, bench_report_on_step_fn on_step,
                     json_t *results)
{
    unsigned done = 0, of = 0;

    for (size_t i = 0; i < STEP_COUNT; i++)
        of += is_wanted(o, &steps[i]);
    for (size_t i = 0; i < STEP_COUNT; i++) {
        if (!is_wanted(o, &steps[i]))
            continue;
        if (on_step)
            on_step(done++, of, steps[i].name);
        json_object_set_new(results, steps[i].name, run_step(o, &steps[i]));
        if (bench_machine_interrupted())
            return ERR_CLOSED;
    }
    if (on_step)
        on_step(of, of, "");
    return 0;
}

int bench_report_run(const struct bench_report_options *o, bench_report_on_step_fn on_step,
                     json_t **out)
{
    char started[CLOCK_TEXT_MAX];
    uint64_t start = clock_mono_ms();
    json_t *results, *report;
    int rc;

    for (unsigned i = 0; i < o->only_count; i++)
        if (!has_step(o->only[i]))
            return ERR_NOTFOUND;
    results = json_object();
    clock_wall_format(clock_wall_us(), started);
    rc = run_steps(o, on_step, results);
    if (rc != 0) {
        json_decref(results);
        return rc;
    }
    report = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "benchmark", "report", "version",
                       SLUICE_VERSION, "started", started, "mode", o->is_quick ? "quick" : "full",
                       "machine", describe_machine(), "figures", bench_figures_make(results),
                       "results", results);
    if (!report)
        return ERR_NOMEM;
    json_object_set_new(report, "seconds", json_real((double)(clock_mono_ms() - start) / 1000));
    *out = report;
    return 0;
}
