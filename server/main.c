/* sluiced: the control process of Sluice. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "server/server.h"

static const char usage[] =
    "usage: sluiced --config FILE [--check]\n"
    "       sluiced --print-config-reference | --print-config-schema\n"
    "       sluiced --version | --help\n"
    "\n"
    "  --config FILE             configuration (JSON; docs/configuration.md)\n"
    "  --check                   check the file and exit: 0 when it is fine\n"
    "  --print-config-reference  every key, as Markdown\n"
    "  --print-config-schema     JSON Schema of the configuration\n"
    "\n"
    "SIGTERM, SIGINT: end all sessions politely, then exit. SIGHUP: read the file again; log levels\n"
    "and certificates of signalling hold at once.\n";

struct options {
    const char *config;
    bool check;
};

/* Answers what needs no configuration; -1: go on. */
static int parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            o->config = argv[++i];
        } else if (strcmp(argv[i], "--check") == 0) {
            o->check = true;
        } else if (strcmp(argv[i], "--print-config-reference") == 0) {
            return settings_print_reference(stdout) == 0 ? 0 : 1;
        } else if (strcmp(argv[i], "--print-config-schema") == 0) {
            return settings_print_schema(stdout) == 0 ? 0 : 1;
        } else if (strcmp(argv[i], "--version") == 0) {
            puts("sluiced " SLUICE_VERSION);
            return 0;
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        } else {
            fprintf(stderr, "sluiced: what is \"%s\"?\n%s", argv[i], usage);
            return 2;
        }
    }
    if (o->config == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    return -1;
}

static struct settings *load(const char *path)
{
    struct settings *settings = malloc(sizeof(*settings));
    struct settings_report *report = malloc(sizeof(*report));
    int err = -1;

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
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    static struct server server;
    struct options options = {NULL, false};
    struct settings *settings;
    int status = parse(argc, argv, &options);

    if (status >= 0)
        return status;
    settings = load(options.config);
    if (settings == NULL)
        return 1;
    if (options.check) {
        free(settings);
        puts("configuration is fine");
        return 0;
    }
    harden();
    settings_apply_log(&settings->log);
    if (server_init(&server, settings, options.config) != 0)
        return 1;
    server_run(&server);
    server_fini(&server);
    return 0;
}
