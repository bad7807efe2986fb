/* The process: starts DPDK, the link's server, the writer and the workers in the order in which
 * they need each other, then serves the link on this thread until a signal, and takes all down in
 * the reverse order. */
#include "dpdk-app/app.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "dpdk-app/mix.h"

#define STREAMS_PER_TRANSPORT 4u   /* on the average; one may have TRANSPORT_STREAMS each way */
#define SPIN_TURNS            200u /* idle turns before the first sleep */
#define SLEEP_FIRST_US        50u
#define SLEEP_MAX_US          500u /* bounds what sleeping adds to a packet's delay */
#define END_SECONDS           10u  /* an end that hangs is cut off by SIGALRM */

/* ---- a worker's thread ---- */

/* Packets cannot wake us (af_packet and most virtual devices have no receive interrupt), so a
 * sleep is short; commands and packets of other workers do. */
static void worker_sleep(struct app_worker *w, unsigned idle)
{
    struct app *app = w->app;
    struct pollfd pfd = {.fd = link_worker_fd(w->link), .events = POLLIN};
    struct timespec time = {0};
    unsigned us = SLEEP_FIRST_US;

    /* Twice as long for each eight more idle turns: a call that pauses for a moment costs no
     * latency, a server at night next to no CPU. */
    for (unsigned more = idle - SPIN_TURNS; more > 8 && us < SLEEP_MAX_US; more /= 2)
        us *= 2;
    us = mix_wait_us(w->worker, us < SLEEP_MAX_US ? us : SLEEP_MAX_US);
    if (us == 0)
        return; /* a room is due */
    time.tv_nsec = us * 1000L;
    /* Both ends are told that we sleep before we look once more: a command or packet of another
     * worker cannot slip in between (see link_shm.c, dpdk_io.c). */
    if (dpdk_sleep_begin(app->dpdk, w->number) && link_worker_sleep_begin(w->link)) {
        worker_count(w->worker, LINK_COUNTER_sleeps, 1);
        ppoll(&pfd, 1, &time, NULL); /* no sooner than the timer or an eventfd */
    }
    link_worker_sleep_end(w->link);
    dpdk_sleep_end(app->dpdk, w->number);
}

static int worker_loop(void *context)
{
    struct app_worker *w = context;
    struct app *app = w->app;
    bool adaptive = app->settings->data_plane.idle == SETTINGS_IDLE_ADAPTIVE;
    unsigned idle = 0;

    /* Once for the plane: switches learn where our addresses are, and neighbours drop what they
     * knew of the machine that had them before us. */
    if (w->number == 0)
        worker_announce(w->worker);
    /* Relaxed: it only has to be seen some turn soon. */
    while (!atomic_load_explicit(&app->stop, memory_order_relaxed)) {
        /* The only clock reading for the time of day of a whole turn: all that happens in it has
         * the same now. */
        if (worker_turn(w->worker, clock_mono_ms()) > 0)
            idle = 0;
        else if (idle < 1000000) /* no overflow in a night of polling */
            idle++;
        if (idle == 0)
            continue;
        if (adaptive && idle > SPIN_TURNS)
            worker_sleep(w, idle);
        else
            dpdk_pause();
    }
    return 0;
}

/* ---- start ---- */

static void on_link_change(void *context, int error, const char *text)
{
    (void)context;
    if (error == 0)
        log_info(LOG_AREA_LINK, 0, "attached", LOG_S("detail", text));
    else if (error == ERR_CLOSED)
        log_warn(LOG_AREA_LINK, 0, "detached", LOG_S("detail", text));
    /* A foreign attach is refused and the one that is there stays; that is worth an error, since
     * somebody has two servers running. */
    else
        log_error(LOG_AREA_LINK, 0, "attach refused", LOG_E("error", error), LOG_S("detail", text));
}

/* From the file's shape to what the packet path wants: addresses as bytes, the device as an
 * index. */
static void fill_locals(struct plane *plane, const struct settings_data_plane *config)
{
    struct locals *locals = &plane->locals;

    locals->count = config->address_count;
    for (uint32_t i = 0; i < config->address_count; i++) {
        const struct settings_address *from = &config->addresses[i];
        struct local *to = &locals->local[i];

        to->family = from->prefix.addr.family;
        to->device = (uint8_t)from->device_index;
        to->prefix_bits = from->prefix.bits;
        memcpy(to->ip, from->prefix.addr.ip, sizeof(to->ip));
        to->has_gateway = from->gateway.family != ADDR_NONE;
        memcpy(to->gateway, from->gateway.ip, sizeof(to->gateway));
    }
}

static void fill_plane(struct app *app)
{
    const struct settings_data_plane *config = &app->settings->data_plane;
    struct plane *plane = &app->plane;

    fill_locals(plane, config);
    plane->port_min = config->ports.first;
    plane->port_max = config->ports.last;
    plane->workers = config->workers;
    plane->transports = config->max_transports;
    plane->streams = config->max_transports * STREAMS_PER_TRANSPORT;
    /* One transport must always find its streams, however small the table is configured. */
    if (plane->streams < 2 * TRANSPORT_STREAMS)
        plane->streams = 2 * TRANSPORT_STREAMS;
    plane->mixes = config->max_mixes;
    plane->media_timeout_ms = app->settings->media.no_media_timeout_ms;
    plane->key_wait_ms = app->settings->media.key_frame_wait_ms;
    plane->report_ms = app->settings->media.rtcp_interval_ms;
    plane->clock_us = clock_mono_us; /* a pointer, so that tests turn it by hand */
    plane->locals.ttl = app->settings->media.ttl;
    plane->orphan_timeout_ms = app->settings->link.orphan_timeout_ms;
}

static void fill_neighbours(struct app *app)
{
    const struct settings_data_plane *config = &app->settings->data_plane;
    struct plane *plane = &app->plane;

    /* A static neighbour belongs to every local address on its device and of its family: which of
     * them a transport will use is not known yet. */
    for (uint32_t i = 0; i < config->neighbour_count; i++) {
        const struct settings_neighbour *from = &config->neighbours[i];

        for (unsigned l = 0; l < plane->locals.count; l++)
            if (plane->locals.local[l].family == from->address.family &&
                plane->locals.local[l].device == from->device_index)
                neighbour_set_static(&plane->neighbours, l, from->address.ip, from->mac);
    }
}

static int start_server(struct app *app)
{
    const struct settings_data_plane *config = &app->settings->data_plane;
    struct link_server_config server = {.path = app->settings->link.path,
                                        .program = "sluice-dp " SLUICE_VERSION,
                                        .mode = app->settings->link.mode,
                                        .workers = config->workers,
                                        .transports = app->plane.transports,
                                        .mixes = app->plane.mixes,
                                        .locals = app->plane.locals.count,
                                        .port_min = app->plane.port_min,
                                        .port_max = app->plane.port_max,
                                        .orphan_timeout_ms = app->plane.orphan_timeout_ms,
                                        .huge_pages = config->huge_pages,
                                        .on_change = on_link_change,
                                        .context = app};
    int err;

    for (unsigned i = 0; i < app->plane.locals.count; i++) {
        server.local[i].family = app->plane.locals.local[i].family;
        memcpy(server.local[i].ip, app->plane.locals.local[i].ip, 16);
    }
    err = link_server_create(&server, &app->server);
    if (err != 0)
        log_error(LOG_AREA_LINK, 0, "cannot listen", LOG_S("path", server.path),
                  LOG_E("error", err));
    return err;
}

/* H-KEYS: libsrtp keeps keys and schedules in memory of its own, which is not left out of core
 * files as ours is: then there is none. RLIMIT_CORE would not do, a pipe for core files ignores it.
 */
static void keep_from_core(const struct srtp_engine *engine)
{
    if (strcmp(srtp_engine_name(engine), "libsrtp") == 0 && prctl(PR_SET_DUMPABLE, 0) != 0)
        log_warn(LOG_AREA_DATAPLANE, 0, "core files of this process would have keys in them");
}

static int start_worker(struct app *app, unsigned number)
{
    struct app_worker *w = &app->worker[number];
    /* Each transport may have keys both ways; two more, so that a re-key can hold old and new for a
     * moment. */
    struct srtp_limits limits = {.keys = 2 * app->plane.transports + 2,
                                 .streams = app->plane.streams};
    int err;

    w->app = app;
    w->number = number;
    w->link = link_server_worker(app->server, number);
    /* An engine of its own for each worker: pools and batch state are never shared, hence need no
     * lock. */
    err = srtp_engine_create(settings_srtp_engine_to_str(app->settings->data_plane.srtp_engine),
                             &limits, &w->engine);
    if (err == 0)
        log_info(LOG_AREA_DATAPLANE, 0, "SRTP engine", LOG_U("worker", number),
                 LOG_S("engine", srtp_engine_name(w->engine)),
                 LOG_S("paths", srtp_engine_describe(w->engine)));
    if (err == 0)
        keep_from_core(w->engine);
    if (err == 0)
        err = worker_create(&app->plane, number, dpdk_io(app->dpdk, number, app->server), w->link,
                            w->engine, &w->worker);
    if (err != 0)
        log_error(LOG_AREA_DATAPLANE, 0, "worker does not start", LOG_U("worker", number),
                  LOG_E("error", err));
    return err;
}

/* Files need a thread of their own, if there are to be any. */
static int start_writer(struct app *app)
{
    const struct settings_data_plane *config = &app->settings->data_plane;
    const struct writer_config writer = {.recordings = config->recording.directory,
                                         .announcements = config->announcements,
                                         .max_seconds = config->recording.max_seconds,
                                         .max_bytes = config->recording.max_mb * 1000000ull,
                                         .files = config->recording.max_files,
                                         .captures = config->recording.captures,
                                         .lanes = app->plane.workers};
    int err;

    /* Without directories nothing is ever written or read: no thread, and the commands say so. */
    if (writer.recordings[0] == '\0' && writer.announcements[0] == '\0')
        return 0;
    err = writer_create(&writer, &app->writer);
    if (err != 0)
        log_error(LOG_AREA_DATAPLANE, 0, "writer does not start", LOG_E("error", err));
    app->plane.writer = app->writer;
    return err;
}

static int start_all(struct app *app)
{
    char text[512] = "";
    /* The order is that of need: devices and their addresses, tables, the link (which tells them to
     * sluiced), files, and workers last, as they use all of it. */
    int err =
        dpdk_start(&app->settings->data_plane, &app->plane.locals, &app->dpdk, text, sizeof(text));

    if (err != 0) {
        log_error(LOG_AREA_DATAPLANE, 0, "DPDK does not start", LOG_S("detail", text));
        return err;
    }
    err = plane_init(&app->plane);
    if (err == 0)
        err = start_server(app);
    if (err == 0)
        err = start_writer(app);
    if (err == 0)
        fill_neighbours(app);
    for (unsigned i = 0; err == 0 && i < app->plane.workers; i++)
        err = start_worker(app, i);
    /* Launched when all of them exist: a worker may hand over to any other from its first turn. */
    for (unsigned i = 0; err == 0 && i < app->plane.workers; i++)
        err = dpdk_launch(app->dpdk, i, worker_loop, &app->worker[i]);
    return err;
}

/* ---- end ---- */

static void log_totals(struct app *app)
{
    uint64_t total[LINK_COUNTERS] = {0};

    /* The last that is heard of the counters: they die with the process. */
    for (unsigned w = 0; w < app->plane.workers; w++) {
        struct link_counters counters;

        link_server_counters(app->server, w, &counters);
        for (unsigned i = 0; i < LINK_COUNTERS; i++)
            total[i] += counters.value[i];
    }
    log_info(LOG_AREA_DATAPLANE, 0, "ended", LOG_U("rx_frames", total[LINK_COUNTER_rx_frames]),
             LOG_U("tx_frames", total[LINK_COUNTER_tx_frames]),
             LOG_U("rtp_in", total[LINK_COUNTER_rtp_in]),
             LOG_U("rtp_out", total[LINK_COUNTER_rtp_out]));
}

static void end_all(struct app *app)
{
    /* A driver that hangs in its stop must not keep systemd waiting for minutes. */
    alarm(END_SECONDS);
    atomic_store(&app->stop, true);
    /* Sleepers would notice `stop` only at their next timeout. */
    for (unsigned i = 0; app->server != NULL && i < app->plane.workers; i++)
        link_server_wake(app->server, i);
    if (app->dpdk != NULL)
        dpdk_join(app->dpdk);
    /* After the join: nobody polls any more. Streams and keys go before the engine whose pools hold
     * them. */
    for (unsigned i = 0; i < app->plane.workers; i++) {
        worker_destroy(app->worker[i].worker);
        if (app->worker[i].engine != NULL)
            srtp_engine_destroy(app->worker[i].engine);
    }
    writer_destroy(app->writer); /* writes out what the workers left, then ends its thread */
    if (app->server != NULL)
        log_totals(app);
    link_server_destroy(app->server); /* closes the link: sluiced sees the end now */
    plane_fini(&app->plane);
    dpdk_stop(app->dpdk);
    alarm(0);
}

/* ---- control thread ---- */

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    /* Blocked in main() before EAL made its threads: they arrive here and nowhere else. */
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void serve(struct app *app)
{
    struct pollfd pfd[2] = {{.fd = app->signals, .events = POLLIN},
                            {.fd = link_server_fd(app->server), .events = POLLIN}};

    for (;;) {
        uint64_t now = clock_mono_ms(), next = link_server_poll(app->server, now);
        int timeout = next == UINT64_MAX ? -1 : next > now ? (int)(next - now) : 0;

        /* At most a second: the link's timers are coarse, and a missed wake must not last. */
        if (poll(pfd, 2, timeout < 0 || timeout > 1000 ? 1000 : timeout) < 0)
            continue;
        if (pfd[0].revents != 0) {
            struct signalfd_siginfo info;

            if (read(app->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                log_info(LOG_AREA_MAIN, 0, "ending", LOG_U("signal", info.ssi_signo));
                return;
            }
        }
    }
}

int app_run(const struct settings *settings)
{
    /* Workers' structs begin cache lines (see app.h); malloc promises 16 bytes. */
    struct app *app = aligned_alloc(64, (sizeof(*app) + 63) & ~(size_t)63);
    int err;

    if (app == NULL)
        return ERR_NOMEM;
    memset(app, 0, sizeof(*app));
    app->settings = settings;
    fill_plane(app);
    app->signals = open_signals();
    err = app->signals < 0 ? ERR_IO : start_all(app);
    if (err == 0) {
        log_info(LOG_AREA_DATAPLANE, 0, "ready", LOG_S("link", settings->link.path),
                 LOG_U("workers", app->plane.workers), LOG_U("devices", app->plane.locals.devices),
                 LOG_U("port_min", app->plane.port_min), LOG_U("port_max", app->plane.port_max));
        serve(app);
    }
    /* Also after a start that failed half-way: everything in it may be missing. */
    end_all(app);
    if (app->signals >= 0)
        close(app->signals);
    free(app);
    return err;
}
