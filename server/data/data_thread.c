/* The thread of the data channels: commands from the main thread, packets from the shards, reports
 * to the main thread. The hub is this thread's alone. */
#include "server/data/data_thread.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#define COMMANDS_MAX 1024
#define REPORT_TRIES 2000 /* 1 ms apart, for what must not be lost */
#define IDLE_MS      1000

enum command_kind {
    COMMAND_JOIN,
    COMMAND_LEAVE,
    COMMAND_MOVE,
    COMMAND_SEND,
    COMMAND_WATCH,
    COMMAND_WIRE,
    COMMAND_STOP,
};

struct command {
    enum command_kind kind;
    union {
        struct data_member_config join;
        uint64_t leave;
        struct {
            uint64_t id, room;
        } move;
        struct data_message send;
        bool is_watched;
        struct wire_command wire;
    } u;
};

struct data_thread {
    struct data_hub *hub;
    struct wires *wires;
    const struct shard_ways *ways;
    struct shard_queue *commands, *reports, *wire_reports;
    pthread_t thread;
    bool is_stopping; /* its thread's own */
    atomic_bool is_main_gone;
    uint64_t ticked;
    _Atomic uint64_t stats[sizeof(struct data_thread_stats) / sizeof(uint64_t)];
};

/* ---- of the hub ---- */

static int on_send(void *user, uint32_t shard, uint64_t id, const uint8_t *packet, size_t len)
{
    struct data_thread *t = user;
    struct data_queue *to = shard < LINK_PRODUCERS_MAX ? t->ways->shard[shard] : NULL;

    if (shard == WIRES_SHARD && t->wires == NULL)
        return ERR_CLOSED;
    if (shard == WIRES_SHARD)
        return wires_send(t->wires, clock_mono_ms(), id, packet, len);
    /* To a shard that never was: lost like a packet. */
    return to != NULL ? data_queue_put(to, id, 0, packet, len) : ERR_AGAIN;
}

/* What somebody looks at may be lost when there is too much of it, and so may what he is told of
 * his own flood; states may not. */
static void on_report(void *user, const struct data_report *report)
{
    struct data_thread *t = user;

    for (int i = 0; i < REPORT_TRIES; i++) {
        /* The main thread may be waiting for this one to end: nobody would take it then. */
        if (shard_queue_put(t->reports, report) == 0 || report->kind == DATA_RECEIVED ||
            report->kind == DATA_UNSENT || atomic_load(&t->is_main_gone))
            return;
        poll(NULL, 0, 1);
    }
    log_error(LOG_AREA_MEDIA, 0, "report of data lost: main thread does not take them",
              LOG_S("report", data_report_to_str(report->kind)));
}

/* ---- of the wires ---- */

static void on_wire_report(void *user, const struct shard_report *report)
{
    struct data_thread *t = user;

    for (int i = 0; i < REPORT_TRIES; i++) {
        if (shard_queue_put(t->wire_reports, report) == 0 || report->kind == SHARD_STRANGER ||
            atomic_load(&t->is_main_gone))
            return;
        poll(NULL, 0, 1);
    }
    log_error(LOG_AREA_MEDIA, 0, "report of a connection lost: main thread does not take them",
              LOG_S("report", shard_report_to_str(report->kind)));
}

static void on_wire_packet(void *user, uint64_t now, uint64_t id, const uint8_t *packet, size_t len)
{
    struct data_thread *t = user;

    data_hub_input(t->hub, now, id, packet, len);
}

static void on_wire_message(void *user, uint64_t now, uint64_t id,
                            const struct sctp_message *message)
{
    struct data_thread *t = user;

    data_hub_on_message(t->hub, now, id, message);
}

static void on_wire_reset(void *user, uint64_t now, uint64_t id, uint16_t stream)
{
    struct data_thread *t = user;

    data_hub_on_stream_reset(t->hub, now, id, stream);
}

static void on_wire_room(void *user, uint64_t now, uint64_t id)
{
    struct data_thread *t = user;

    data_hub_on_room(t->hub, now, id);
}

static bool is_wire_held(void *user, uint64_t id, const uint8_t *packet, size_t len)
{
    struct data_thread *t = user;

    return data_hub_is_held(t->hub, id, packet, len);
}

static int on_pipe_send(void *user, uint64_t id, const struct sctp_message *message)
{
    struct data_thread *t = user;

    if (t->wires == NULL)
        return ERR_CLOSED; /* the thread's end: the hub goes after them */
    return wires_send_message(t->wires, clock_mono_ms(), id, message);
}

static int on_pipe_reset(void *user, uint64_t id, uint16_t stream)
{
    struct data_thread *t = user;

    return t->wires != NULL ? wires_reset_stream(t->wires, id, stream) : ERR_CLOSED;
}

/* ---- the loop ---- */

static int join(struct data_thread *t, uint64_t now, struct data_member_config *config)
{
    int err;

    config->has_pipe = config->shard == WIRES_SHARD && wires_is_pipe(t->wires, config->id);
    err = data_hub_join(t->hub, now, config);
    if (err == 0 && config->has_pipe)
        wires_attach(t->wires, now, config->id);
    return err;
}

/* SCTP's clock has stood still while there was none: it starts from now. */
static void run_wire(struct data_thread *t, uint64_t now, const struct wire_command *c)
{
    if (!wires_need_ticks(t->wires))
        data_hub_on_timer(t->hub, now);
    wires_on_command(t->wires, now, c);
}

static void run_command(struct data_thread *t, struct command *c, uint64_t now)
{
    int err = 0;

    switch (c->kind) {
    case COMMAND_JOIN:
        err = join(t, now, &c->u.join);
        break;
    case COMMAND_LEAVE:
        data_hub_leave(t->hub, now, c->u.leave);
        wires_detach(t->wires, c->u.leave);
        break;
    case COMMAND_MOVE:
        err = data_hub_move(t->hub, now, c->u.move.id, c->u.move.room);
        break;
    case COMMAND_SEND:
        data_hub_send(t->hub, now, &c->u.send);
        break;
    case COMMAND_WATCH:
        data_hub_watch(t->hub, c->u.is_watched);
        break;
    case COMMAND_WIRE:
        run_wire(t, now, &c->u.wire);
        break;
    case COMMAND_STOP:
        t->is_stopping = true;
        break;
    }
    if (err != 0)
        log_error(LOG_AREA_MEDIA, 0, c->kind == COMMAND_JOIN ? "SCTP not begun" : "SCTP not moved",
                  LOG_U("association", c->kind == COMMAND_JOIN ? c->u.join.id : c->u.move.id),
                  LOG_E("error", err));
}

static void take_commands(struct data_thread *t)
{
    struct command c;

    shard_queue_clear(t->commands);
    while (!t->is_stopping && shard_queue_take(t->commands, &c) == 0)
        run_command(t, &c, clock_mono_ms());
}

static void on_packet(void *user, uint64_t id, uint32_t shard, const uint8_t *packet, size_t len)
{
    struct data_thread *t = user;

    (void)shard;
    /* The tick's time will do: SCTP's timers are no finer. */
    data_hub_input(t->hub, t->ticked, id, packet, len);
}

static void publish_stats(struct data_thread *t)
{
    union {
        struct data_thread_stats stats;
        uint64_t word[sizeof(t->stats) / sizeof(t->stats[0])];
    } now;

    data_hub_stats(t->hub, &now.stats.hub);
    wires_stats(t->wires, &now.stats.wires);
    wires_dtls_stats(t->wires, &now.stats.dtls);
    for (size_t i = 0; i < sizeof(t->stats) / sizeof(t->stats[0]); i++)
        atomic_store_explicit(&t->stats[i], now.word[i], memory_order_relaxed);
}

void data_thread_stats(const struct data_thread *t, struct data_thread_stats *out)
{
    union {
        struct data_thread_stats stats;
        uint64_t word[sizeof(t->stats) / sizeof(t->stats[0])];
    } now;

    for (size_t i = 0; i < sizeof(t->stats) / sizeof(t->stats[0]); i++)
        now.word[i] = atomic_load_explicit(&t->stats[i], memory_order_relaxed);
    *out = now.stats;
}

static int wait_ms(const struct data_thread *t)
{
    uint64_t now = clock_mono_ms(), since = now - t->ticked, next = wires_next_deadline(t->wires);
    uint64_t wait = IDLE_MS;

    if (!data_hub_is_idle(t->hub) || wires_need_ticks(t->wires))
        wait = since >= SCTP_TICK_MS ? 0 : SCTP_TICK_MS - since;
    if (next <= now)
        return 0;
    return (int)(next - now < wait ? next - now : wait);
}

static void *run(void *arg)
{
    struct data_thread *t = arg;
    struct pollfd fds[3] = {
        {.fd = shard_queue_fd(t->commands), .events = POLLIN},
        {.fd = data_queue_fd(t->ways->up), .events = POLLIN},
        {.fd = wires_fd(t->wires), .events = POLLIN},
    };

    while (!t->is_stopping) {
        (void)poll(fds, 3, wait_ms(t));
        if ((fds[0].revents & POLLIN) != 0)
            take_commands(t);
        if ((fds[1].revents & POLLIN) != 0)
            (void)data_queue_take(t->ways->up, on_packet, t);
        if ((fds[2].revents & POLLIN) != 0)
            wires_on_ready(t->wires, clock_mono_ms());
        wires_on_timer(t->wires, clock_mono_ms());
        if (clock_mono_ms() - t->ticked >= SCTP_TICK_MS) {
            /* Measured, not added: a turn that took long is told in full. */
            t->ticked = clock_mono_ms();
            data_hub_on_timer(t->hub, t->ticked);
            wires_on_tick(t->wires, t->ticked);
            publish_stats(t);
        }
    }
    return NULL;
}

/* ---- from elsewhere ---- */

static int give(struct data_thread *t, struct command *c)
{
    return shard_queue_put(t->commands, c);
}

int data_thread_join(struct data_thread *t, const struct data_member_config *config)
{
    struct command c = {.kind = COMMAND_JOIN, .u.join = *config};

    return give(t, &c);
}

int data_thread_leave(struct data_thread *t, uint64_t id)
{
    struct command c = {.kind = COMMAND_LEAVE, .u.leave = id};

    return give(t, &c);
}

int data_thread_move(struct data_thread *t, uint64_t id, uint64_t room)
{
    struct command c = {.kind = COMMAND_MOVE, .u.move = {id, room}};

    return give(t, &c);
}

int data_thread_send(struct data_thread *t, const struct data_message *message)
{
    struct command c = {.kind = COMMAND_SEND, .u.send = *message};

    return give(t, &c);
}

int data_thread_watch(struct data_thread *t, bool is_watched)
{
    struct command c = {.kind = COMMAND_WATCH, .u.is_watched = is_watched};

    return give(t, &c);
}

int data_thread_wire(struct data_thread *t, const struct wire_command *command)
{
    struct command c = {.kind = COMMAND_WIRE, .u.wire = *command};

    return give(t, &c);
}

/* ---- life ---- */

int data_thread_start(const struct data_thread_config *config, struct data_thread **out)
{
    static const struct data_hub_io io = {.send = on_send,
                                          .report = on_report,
                                          .pipe_send = on_pipe_send,
                                          .pipe_reset = on_pipe_reset};
    static const struct wires_io wires_io = {.report = on_wire_report,
                                             .message = on_wire_message,
                                             .stream_reset = on_wire_reset,
                                             .room = on_wire_room,
                                             .is_held = is_wire_held,
                                             .input = on_wire_packet};
    struct data_thread *t = calloc(1, sizeof(*t));
    int err;

    if (t == NULL)
        return ERR_NOMEM;
    t->ways = config->ways;
    t->reports = config->reports;
    t->wire_reports = config->wire_reports;
    t->ticked = clock_mono_ms();
    err = shard_queue_create(sizeof(struct command), COMMANDS_MAX, &t->commands);
    if (err == 0)
        err = data_hub_create(&config->hub, &io, t, &t->hub);
    if (err == 0)
        err = wires_create(&config->dtls, config->wires_max, &wires_io, t, &t->wires);
    if (err == 0)
        err = pthread_create(&t->thread, NULL, run, t) == 0 ? 0 : ERR_NOMEM;
    if (err != 0) {
        wires_destroy(t->wires);
        data_hub_destroy(t->hub);
        shard_queue_destroy(t->commands);
        free(t);
        return err;
    }
    /* For `top -H` and debuggers. */
    (void)pthread_setname_np(t->thread, "data");
    *out = t;
    return 0;
}

/* What a command has with it that nobody took. */
static void forget(struct command *c)
{
    if (c->kind == COMMAND_SEND)
        free(c->u.send.data);
    else if (c->kind == COMMAND_WIRE && c->u.wire.kind == WIRE_OPEN)
        close(c->u.wire.fd);
}

void data_thread_destroy(struct data_thread *t)
{
    struct command stop = {.kind = COMMAND_STOP};
    struct command left;

    if (t == NULL)
        return;
    /* First: the thread may be in on_report. */
    atomic_store(&t->is_main_gone, true);
    while (give(t, &stop) == ERR_AGAIN)
        poll(NULL, 0, 1); /* it takes them all the time */
    pthread_join(t->thread, NULL);
    /* Messages own their octets. */
    while (shard_queue_take(t->commands, &left) == 0)
        forget(&left);
    wires_destroy(t->wires);
    t->wires = NULL;
    data_hub_destroy(t->hub);
    shard_queue_destroy(t->commands);
    free(t);
}
