/* A worker: what it owns, and one turn of its loop. Commands first, so that a close is not
 * overtaken by the burst behind it; then packets of other workers, of the devices, a room's tick,
 * and what can wait. */
#include "dpdk-app/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "dpdk-app/mix.h"
#include "dpdk-app/report.h"
#include "dpdk-app/resolve.h"

#define COMMAND_BUDGET 32u   /* commands of control in a turn: packets must not wait for more */
#define SWEEP_MS       10u   /* the sweep begins where it ended */
#define SWEEP_COUNT    64u   /* transports looked at in one sweep */
#define NEIGHBOURS_MS  1000u /* one look at each neighbour in use */

int plane_init(struct plane *plane)
{
    neighbour_init(&plane->neighbours);
    plane->wall_offset_us = clock_wall_us() - clock_mono_us();
    /* CNAMEs must not be guessable (RFC 7022 §4.2); the clock is the worse source and never
     * happens. */
    if (getentropy(&plane->cname_secret, sizeof(plane->cname_secret)) != 0)
        plane->cname_secret = clock_wall_us();
    for (unsigned i = 0; i < plane->locals.count; i++) {
        /* 65,536 entries of four bytes a local address: the look-up is an index, whatever ports are
         * configured. */
        plane->port[i] = calloc(65536, sizeof(*plane->port[i]));
        if (plane->port[i] == NULL) {
            plane_fini(plane);
            return ERR_NOMEM;
        }
    }
    return 0;
}

void plane_fini(struct plane *plane)
{
    for (unsigned i = 0; i < LINK_LOCALS_MAX; i++) {
        free(plane->port[i]);
        plane->port[i] = NULL;
    }
}

static size_t stream_bytes(const struct plane *plane)
{
    return (plane->streams + (size_t)1) * sizeof(struct stream);
}

/* Free lists in order, so that a young worker uses the front of its pools. */
static void fill_pools(struct worker *worker)
{
    const struct plane *plane = worker->plane;

    for (uint32_t i = 0; i < plane->transports; i++) {
        worker->transport[i].hop = -1;
        /* Numbers count from one in lists, 0 ends them. */
        worker->transport[i].next_free = i + 1 < plane->transports ? i + 2 : 0;
    }
    worker->free_transport = 1;
    for (uint32_t i = 1; i <= plane->streams; i++)
        worker->stream[i].next_free = i < plane->streams ? i + 1 : 0;
    worker->free_stream = plane->streams > 0 ? 1 : 0;
}

int worker_create(struct plane *plane, unsigned number, struct io *io, struct link_worker *link,
                  struct srtp_engine *engine, struct worker **out)
{
    struct worker *worker;

    /* 24 bits of an index are the place; 65,536 is what the statistics' layout allows. */
    if (plane->transports == 0 || plane->transports > 65536 || number >= plane->workers)
        return ERR_INVAL;
    worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return ERR_NOMEM;
    worker->plane = plane;
    worker->number = number;
    worker->io = io;
    worker->link = link;
    worker->engine = engine;
    /* xorshift stands still at 0. */
    if (getentropy(&worker->random, sizeof(worker->random)) != 0 || worker->random == 0)
        worker->random = (uintptr_t)worker;
    worker->random_next = worker_random(worker);
    worker->count = link_worker_counters(link)->value;
    /* Streams and transports hold keys; reports do not. */
    worker->transport = secret_alloc(plane->transports * sizeof(*worker->transport));
    worker->stream = secret_alloc(stream_bytes(plane));
    worker->report = calloc(plane->streams + (size_t)1, sizeof(*worker->report));
    timer_set_init(&worker->timers);
    if (mix_init(worker) != 0 || worker->transport == NULL || worker->stream == NULL ||
        worker->report == NULL) {
        mix_fini(worker);
        free(worker->report);
        secret_free(worker->transport, plane->transports * sizeof(*worker->transport));
        secret_free(worker->stream, stream_bytes(plane));
        free(worker);
        return ERR_NOMEM;
    }
    fill_pools(worker);
    *out = worker;
    return 0;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    /* Every transport by its own way: port, neighbour, mix and keys are let go of. */
    for (uint32_t i = 0; i < worker->plane->transports; i++)
        if (worker->transport[i].mode != 0)
            worker_close(worker, &worker->transport[i]);
    mix_fini(worker);
    for (unsigned i = 0; i < worker->held_n; i++)
        worker->io->release(worker->io, &worker->held[i].p, 1);
    worker_flush(worker);
    secret_wipe(&worker->up, sizeof(worker->up));
    /* After worker_close, whose last act was to wipe each. */
    secret_free(worker->transport, worker->plane->transports * sizeof(*worker->transport));
    secret_free(worker->stream, stream_bytes(worker->plane));
    free(worker->report);
    free(worker);
}

void worker_announce(struct worker *worker)
{
    for (unsigned i = 0; i < worker->plane->locals.count; i++) {
        struct packet *p = worker->io->alloc(worker->io);

        if (p == NULL)
            break;
        resolve_announce(&worker->plane->locals, i, p);
        worker_emit(worker, p);
    }
    worker_flush(worker);
}

/* ---- housekeeping ---- */

static void check_silence(struct worker *worker, struct transport *t)
{
    uint32_t limit = worker->plane->media_timeout_ms;

    /* Silence is said once, and never of a transport that has not spoken yet: a held call is no
     * fault. */
    if (limit == 0 || !(t->bits & TRANSPORT_FIRST_IN) || (t->bits & TRANSPORT_SILENT) ||
        worker->now_ms - t->stats->last_in_ms < limit)
        return;
    t->bits |= TRANSPORT_SILENT;
    worker_event(worker, t, LINK_MEDIA_TIMEOUT, 0, NULL);
}

/* Nobody took it over since sluiced went away (or came back without knowing it). */
static bool is_orphan(const struct worker *worker, const struct transport *t)
{
    uint32_t limit = worker->plane->orphan_timeout_ms;

    /* 0: orphans live for ever, by configuration. */
    return limit != 0 && t->epoch != worker->epoch_seen &&
           worker->now_ms - worker->epoch_ms >= limit;
}

static void sweep(struct worker *worker)
{
    uint32_t n = worker->plane->transports;

    for (uint32_t i = 0; i < SWEEP_COUNT && i < n; i++) {
        struct transport *t = &worker->transport[worker->sweep_at];

        worker->sweep_at = worker->sweep_at + 1 < n ? worker->sweep_at + 1 : 0;
        if (t->mode == 0)
            continue;
        if (is_orphan(worker, t)) {
            /* First the event, while there is still an id to name. */
            worker_event(worker, t, LINK_TRANSPORT_GONE, 0, NULL);
            worker_close(worker, t);
            continue;
        }
        check_silence(worker, t);
    }
    mix_sweep(worker);
}

/* The attachment changed: what it did not open is orphaned from now on. */
static void follow_epoch(struct worker *worker)
{
    uint32_t epoch = link_worker_epoch(worker->link);

    if (epoch == worker->epoch_seen)
        return;
    worker->epoch_seen = epoch;
    worker->epoch_ms = worker->now_ms;
    /* The mark "claimed" of all of them has changed with the attachment. */
    for (uint32_t i = 0; i < worker->plane->transports; i++)
        if (worker->transport[i].mode != 0)
            worker_show(worker, &worker->transport[i]);
    mix_show_all(worker);
}

/* Addresses that transports send to are asked for before they age out. */
static void refresh_neighbours(struct worker *worker)
{
    /* Every worker asks for its share of the table: each entry once. */
    for (uint32_t i = worker->number; i < NEIGHBOURS; i += worker->plane->workers)
        if (worker->plane->neighbours.entry[i].references != 0)
            worker_ask(worker, (int)i);
}

static void housekeeping(struct worker *worker)
{
    follow_epoch(worker);
    report_run(worker);
    /* Bounded by WORKER_HELD: a dozen at most. */
    if (worker->held_n > 0)
        worker_retry_held(worker);
    if (worker->now_ms - worker->sweep_ms >= SWEEP_MS) {
        worker->sweep_ms = worker->now_ms;
        sweep(worker);
    }
    if (worker->now_ms - worker->neighbours_ms >= NEIGHBOURS_MS) {
        worker->neighbours_ms = worker->now_ms;
        refresh_neighbours(worker);
    }
}

static void count_oversized(struct worker *worker)
{
    worker_count(worker, LINK_COUNTER_frame_jumbo, worker->io->oversized);
    worker->io->oversized = 0;
}

unsigned worker_turn(struct worker *worker, uint64_t now_ms)
{
    struct packet *p[PACKET_BURST];
    unsigned work, n;

    worker->now_ms = now_ms;
    /* Bounded: a start with thousands of opens must not stop media. */
    work = link_worker_poll(worker->link, COMMAND_BUDGET, worker_on_command, worker);
    n = worker->io->take_over(worker->io, p, PACKET_BURST);
    if (n > 0) {
        worker_take_over(worker, p, n);
        /* Out before the next burst is read: a packet's way through is one turn, not two. */
        worker_flush(worker);
        work += n;
    }
    for (unsigned device = 0; device < worker->plane->locals.devices; device++) {
        n = worker->io->receive(worker->io, device, p, PACKET_BURST);
        if (__builtin_expect(worker->io->oversized != 0, 0))
            count_oversized(worker);
        if (n == 0)
            continue;
        worker_receive(worker, device, p, n);
        worker_flush(worker);
        work += n;
    }
    /* At most one burst of frames. */
    work += mix_run(worker);
    mix_take_results(worker);
    housekeeping(worker);
    worker_flush(worker);
    /* One wake a producer for all replies and events of the turn. */
    link_worker_flush(worker->link);
    return work;
}
