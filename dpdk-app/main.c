/* Options, configuration and signals; everything else begins in app.c. */
/* sluice-dp: the data plane of Sluice. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dpdk-app/app.h"

static const char usage[] =
    "usage: sluice-dp --config FILE [--check]\n"
    "The data plane of Sluice: carries the media that sluiced directs.\n"
    "\n"
    "  -c, --config FILE  configuration (JSON): data_plane, link, media and log are used here\n"
    "      --check        check the configuration and this machine, then exit\n"
    "  -h, --help         this text\n"
    "  -V, --version      print the version\n"
    "\n"
    "It runs until SIGTERM or SIGINT. Exit status: 0 = ended well, 1 = could not start,\n"
    "2 = wrong options or configuration.\n";

struct options {
    const char *config;
    int check;
};

/* 0: go on; otherwise 1 + exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option list[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:hV", list, NULL)) != -1) {
        switch (c) {
        case 'c':
            options->config = optarg;
            break;
        case 'k':
            options->check = 1;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        case 'V':
            printf("sluice-dp %s\n", SLUICE_VERSION);
            return 1;
        default:
            fputs("sluice-dp: try --help\n", stderr);
            return 3;
        }
    }
    if (optind < argc || options->config == NULL) {
        fputs(optind < argc ? "sluice-dp: unexpected argument; try --help\n"
                            : "sluice-dp: --config FILE is needed; try --help\n",
              stderr);
        return 3;
    }
    return 0;
}

static int load(const struct options *options, struct settings *settings)
{
    static struct settings_report report; /* too large for the stack that nobody has sized */
    char text[512];

    if (settings_load_file(options->config, settings, &report) != 0) {
        settings_report_print(&report, options->config, stderr);
        return 2;
    }
    /* The part of the check that needs the machine: CPU, CPUs, devices. */
    if (dpdk_check(&settings->data_plane, text, sizeof(text)) != 0) {
        fprintf(stderr, "%s: %s\n", options->config, text);
        return 2;
    }
    if (options->check)
        printf("%s: ok\n", options->config);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct settings *settings;
    sigset_t set;
    int status = parse_options(argc, argv, &options);

    if (status != 0)
        return status - 1;
    settings = calloc(1, sizeof(*settings));
    if (settings == NULL)
        return 1;
    status = load(&options, settings);
    if (status == 0 && !options.check) {
        /* Before EAL makes threads: they inherit it, and the control thread reads a signalfd. */
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        /* The link's peer may die while we write to it. */
        signal(SIGPIPE, SIG_IGN);
        settings_apply_log(&settings->log);
        status = app_run(settings) == 0 ? 0 : 1;
    }
    free(settings);
    return status;
}
