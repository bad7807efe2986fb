#include "server/data_thread.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#define COMMANDS_MAX 1024
#define REPORT_TRIES 2000 /* 1 ms apart, for what must not be lost */
#define IDLE_MS      1000

enum command_kind { COMMAND_JOIN, COMMAND_LEAVE, COMMAND_SEND, COMMAND_WATCH, COMMAND_STOP };

struct command {
    enum command_kind kind;
    union {
        struct data_member_config join;
        uint64_t leave;
        struct data_message send;
        bool is_watched;
    } u;
};

struct data_thread {
    struct data_hub *hub;
    const struct shard_ways *ways;
    struct shard_queue *commands, *reports;
    pthread_t thread;
    bool is_stopping; /* its thread's own */
    atomic_bool is_main_gone;
    uint64_t ticked;
    _Atomic uint64_t stats[sizeof(struct data_hub_stats) / sizeof(uint64_t)];
};

/* ---- of the hub ---- */

static int on_send(void *user, uint32_t shard, uint64_t id, const uint8_t *packet, size_t len)
{
    struct data_thread *t = user;
    struct data_queue *to = shard < LINK_PRODUCERS_MAX ? t->ways->shard[shard] : NULL;

    return to != NULL ? data_queue_put(to, id, 0, packet, len) : ERR_AGAIN;
}

/* What somebody looks at may be lost when there is too much of it; states may not. */
static void on_report(void *user, const struct data_report *report)
{
    struct data_thread *t = user;

    for (int i = 0; i < REPORT_TRIES; i++) {
        if (shard_queue_put(t->reports, report) == 0 || report->kind == DATA_RECEIVED ||
            atomic_load(&t->is_main_gone))
            return;
        poll(NULL, 0, 1);
    }
    log_error(LOG_AREA_MEDIA, 0, "report of data lost: main thread does not take them",
              LOG_S("report", data_report_to_str(report->kind)));
}

/* ---- the loop ---- */

static void run_command(struct data_thread *t, struct command *c, uint64_t now)
{
    int err = 0;

    switch (c->kind) {
    case COMMAND_JOIN:
        err = data_hub_join(t->hub, now, &c->u.join);
        break;
    case COMMAND_LEAVE:
        data_hub_leave(t->hub, now, c->u.leave);
        break;
    case COMMAND_SEND:
        data_hub_send(t->hub, now, &c->u.send);
        break;
    case COMMAND_WATCH:
        data_hub_watch(t->hub, c->u.is_watched);
        break;
    case COMMAND_STOP:
        t->is_stopping = true;
        break;
    }
    if (err != 0)
        log_error(LOG_AREA_MEDIA, 0, "SCTP not begun", LOG_U("association", c->u.join.id),
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
    data_hub_input(t->hub, t->ticked, id, packet, len);
}

static void publish_stats(struct data_thread *t)
{
    union {
        struct data_hub_stats stats;
        uint64_t word[sizeof(t->stats) / sizeof(t->stats[0])];
    } now;

    data_hub_stats(t->hub, &now.stats);
    for (size_t i = 0; i < sizeof(t->stats) / sizeof(t->stats[0]); i++)
        atomic_store_explicit(&t->stats[i], now.word[i], memory_order_relaxed);
}

void data_thread_stats(const struct data_thread *t, struct data_hub_stats *out)
{
    union {
        struct data_hub_stats stats;
        uint64_t word[sizeof(t->stats) / sizeof(t->stats[0])];
    } now;

    for (size_t i = 0; i < sizeof(t->stats) / sizeof(t->stats[0]); i++)
        now.word[i] = atomic_load_explicit(&t->stats[i], memory_order_relaxed);
    *out = now.stats;
}

static int wait_ms(const struct data_thread *t)
{
    uint64_t since = clock_mono_ms() - t->ticked;

    if (data_hub_is_idle(t->hub))
        return IDLE_MS;
    return since >= SCTP_TICK_MS ? 0 : (int)(SCTP_TICK_MS - since);
}

static void *run(void *arg)
{
    struct data_thread *t = arg;
    struct pollfd fds[2] = {
        {.fd = shard_queue_fd(t->commands), .events = POLLIN},
        {.fd = data_queue_fd(t->ways->up), .events = POLLIN},
    };

    while (!t->is_stopping) {
        (void)poll(fds, 2, wait_ms(t));
        if ((fds[0].revents & POLLIN) != 0)
            take_commands(t);
        if ((fds[1].revents & POLLIN) != 0)
            (void)data_queue_take(t->ways->up, on_packet, t);
        if (clock_mono_ms() - t->ticked >= SCTP_TICK_MS) {
            t->ticked = clock_mono_ms();
            data_hub_on_timer(t->hub, t->ticked);
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

/* ---- life ---- */

int data_thread_start(const struct data_hub_config *config, const struct shard_ways *ways,
                      struct shard_queue *reports, struct data_thread **out)
{
    static const struct data_hub_io io = {.send = on_send, .report = on_report};
    struct data_thread *t = calloc(1, sizeof(*t));
    int err;

    if (t == NULL)
        return ERR_NOMEM;
    t->ways = ways;
    t->reports = reports;
    t->ticked = clock_mono_ms();
    err = shard_queue_create(sizeof(struct command), COMMANDS_MAX, &t->commands);
    if (err == 0)
        err = data_hub_create(config, &io, t, &t->hub);
    if (err == 0)
        err = pthread_create(&t->thread, NULL, run, t) == 0 ? 0 : ERR_NOMEM;
    if (err != 0) {
        data_hub_destroy(t->hub);
        shard_queue_destroy(t->commands);
        free(t);
        return err;
    }
    (void)pthread_setname_np(t->thread, "data");
    *out = t;
    return 0;
}

void data_thread_destroy(struct data_thread *t)
{
    struct command stop = {.kind = COMMAND_STOP};
    struct command left;

    if (t == NULL)
        return;
    atomic_store(&t->is_main_gone, true);
    while (give(t, &stop) == ERR_AGAIN)
        poll(NULL, 0, 1); /* it takes them all the time */
    pthread_join(t->thread, NULL);
    while (shard_queue_take(t->commands, &left) == 0)
        if (left.kind == COMMAND_SEND)
            free(left.u.send.data);
    data_hub_destroy(t->hub);
    shard_queue_destroy(t->commands);
    free(t);
}
