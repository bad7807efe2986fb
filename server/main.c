/* sluiced: the control process of Sluice. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "server/server.h"

static const char usage[] =
    "usage: sluiced --config FILE [--check]\n"
    "       sluiced --print-config-reference | --print-config-schema\n"
    "The control process of Sluice: signalling, DTLS, the control socket.\n"
    "\n"
    "  -c, --config FILE             configuration (JSON; docs/configuration.md)\n"
    "      --check                   check the file and exit: 0 when it is fine\n"
    "      --print-config-reference  every key, as Markdown\n"
    "      --print-config-schema     JSON Schema of the configuration\n"
    "  -h, --help                    this text\n"
    "  -V, --version                 print the version\n"
    "\n"
    "SIGTERM, SIGINT: end all sessions politely, then exit. SIGHUP: read the file again; what "
    "holds\n"
    "without a restart is taken over, the log says what does not (docs/configuration.md).\n"
    "Exit status, as sluice-dp's: 0 = ended well, 1 = could not start, 2 = wrong options or\n"
    "configuration.\n";

/* As in sluice-dp. STATUS_GO_ON is no exit status. */
enum status { STATUS_WELL, STATUS_NOT_STARTED, STATUS_WRONG, STATUS_GO_ON };

struct options {
    const char *config;
    bool check;
};

static enum status printed(int err)
{
    return err == 0 ? STATUS_WELL : STATUS_NOT_STARTED;
}

/* Answers what needs no configuration. */
static enum status parse(int argc, char **argv, struct options *o)
{
    static const struct option list[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"print-config-reference", no_argument, NULL, 'r'},
        {"print-config-schema", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:hV", list, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'k':
            o->check = true;
            break;
        case 'r':
            return printed(settings_print_reference(stdout));
        case 's':
            return printed(settings_print_schema(stdout));
        case 'h':
            fputs(usage, stdout);
            return STATUS_WELL;
        case 'V':
            puts("sluiced " SLUICE_VERSION);
            return STATUS_WELL;
        default:
            fputs("sluiced: try --help\n", stderr);
            return STATUS_WRONG;
        }
    }
    /* Needed although a default path would be possible: what a server runs by should be seen in
     * `ps`. */
    if (optind < argc || o->config == NULL) {
        fputs(optind < argc ? "sluiced: unexpected argument; try --help\n"
                            : "sluiced: --config FILE is needed; try --help\n",
              stderr);
        return STATUS_WRONG;
    }
    return STATUS_GO_ON;
}

static struct settings *load(const char *path)
{
    struct settings *settings = malloc(sizeof(*settings));
    struct settings_report *report = malloc(sizeof(*report));
    int err = -1;

    /* All of the file's faults in one report. */
    if (settings != NULL && report != NULL) {
        err = settings_load_file(path, settings, report);
        if (err != 0)
            settings_report_print(report, path, stderr);
    }
    if (err != 0) {
        free(settings);
        settings = NULL;
    }
    free(report);
    return settings;
}

/* Keys live in this process: no core file, no debugger of the same user (H-KEYS). */
static void harden(void)
{
    /* A core file would hold the keys of all calls; no debugger attaches to a process that is not
     * dumpable. */
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    /* A peer that closes while we write is an error of that write, not the end of the server. */
    (void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    /* Static: it is large, and lives as long as the process. */
    static struct server server;
    struct options options = {NULL, false};
    struct settings *settings;
    enum status status = parse(argc, argv, &options);

    if (status != STATUS_GO_ON)
        return (int)status;
    settings = load(options.config);
    if (settings == NULL)
        return STATUS_WRONG;
    /* After the same load as a start's, so that "fine" means that it would start. */
    if (options.check) {
        free(settings);
        puts("configuration is fine");
        return STATUS_WELL;
    }
    /* Before the first key is made. */
    harden();
    settings_apply_log(&settings->log);
    if (server_init(&server, settings, options.config) != 0)
        return STATUS_NOT_STARTED;
    server_run(&server);
    server_fini(&server);
    return STATUS_WELL;
}
