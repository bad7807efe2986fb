/* sluice-dp's control thread: everything between the configuration and the workers' loops. */
#ifndef DPDK_APP_APP_H
#define DPDK_APP_APP_H

#include <stdatomic.h>

#include "dpdk-app/dpdk_io.h"
#include "dpdk-app/worker.h"
#include "settings/settings.h"

struct app;

struct app_worker {
    struct app *app;
    unsigned number;
    struct srtp_engine *engine;
    struct worker *worker;
    struct link_worker *link;
};

struct app {
    const struct settings *settings;
    struct plane plane;
    struct dpdk *dpdk;
    struct link_server *server;
    struct writer *writer; /* NULL: no directory is configured */
    int signals;           /* signalfd */
    atomic_bool stop;
    struct app_worker worker[LINK_WORKERS_MAX];
};

/* Start everything, serve until SIGTERM or SIGINT, end everything. 0, or an error that has been
 * logged. SIGTERM and SIGINT must be blocked in the process already. */
int app_run(const struct settings *settings);

#endif
