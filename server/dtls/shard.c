/* A shard as a thread: its queue of commands, its port of the link, its timers around shard_core.c,
 * which has the logic. Everything that crosses threads crosses it by value through a queue; the
 * associations themselves are never seen by another thread. */
#include "server/dtls/shard.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "link/link.h"

#define COMMANDS_MAX 4096 /* a burst of call set-ups; beyond it the main thread is told to wait */
/* Work taken from one source before the others are looked at. */
#define COMMAND_BUDGET 64
#define LINK_BUDGET    64
/* How often a report that finds no room is tried again before it is given up, 1 ms apart. */
#define REPORT_TRIES 2000

struct shard {
    struct shard_config config;
    struct shard_queue *commands;
    struct shard_core *core;
    pthread_t thread;
    _Atomic uint64_t stats[sizeof(struct shard_stats) / sizeof(uint64_t)]; /* for other threads */
    atomic_bool is_forced;    /* stop without waiting for the data plane */
    atomic_bool is_main_gone; /* nobody takes reports any more */
};

/* Reports block for a moment where packets do not: a lost report would leave a call in a state for
 * ever, a lost packet is sent again by its protocol. */
static int send_message(void *user, const struct link_msg *msg)
{
    struct shard *s = user;

    return link_port_send(s->config.port, msg);
}

/* Reports are state changes: none may be lost while somebody listens. The main thread takes them
 * all the time, so that a full queue empties within milliseconds; the bound is for its death. */
static void report(void *user, const struct shard_report *r)
{
    struct shard *s = user;

    for (int i = 0; i < REPORT_TRIES; i++) {
        if (shard_queue_put(s->config.reports, r) == 0)
            return;
        if (atomic_load(&s->is_main_gone))
            return;
        poll(NULL, 0, 1);
    }
    log_error(LOG_AREA_DTLS, 0, "report of a shard lost: main thread does not take them",
              LOG_U("shard", s->config.number), LOG_S("report", shard_report_to_str(r->kind)));
}

static int data_up(void *user, uint64_t id, const uint8_t *packet, size_t len)
{
    struct shard *s = user;
    struct data_queue *up = s->config.ways->up;

    /* Shards count from 1 as producers of the link (0 is the main thread), from 0 everywhere
     * else. */
    return up != NULL ? data_queue_put(up, id, s->config.number - 1, packet, len) : ERR_AGAIN;
}

static int data_across(void *user, unsigned shard, uint64_t id, const uint8_t *packet, size_t len)
{
    struct shard *s = user;
    struct data_queue *to = shard < LINK_PRODUCERS_MAX ? s->config.ways->shard[shard] : NULL;

    return to != NULL ? data_queue_put(to, id, 0, packet, len) : ERR_AGAIN;
}

static void on_data(void *user, uint64_t id, uint32_t kind, const uint8_t *packet, size_t len)
{
    struct shard *s = user;

    (void)kind;
    shard_core_on_data(s->core, clock_mono_ms(), id, packet, len);
}

static void on_link(void *ctx, const struct link_msg *msg)
{
    struct shard *s = ctx;

    shard_core_on_link(s->core, clock_mono_ms(), msg);
}

static void on_link_state(void *ctx, int attached)
{
    struct shard *s = ctx;

    /* Attaching needs no word here: transports of a new data plane come by commands. */
    if (!attached)
        shard_core_on_detached(s->core);
}

static bool take_commands(struct shard *s)
{
    struct shard_command command;

    /* Cleared before the queue is read: what is put in meanwhile makes it readable again. */
    shard_queue_clear(s->commands);
    for (int i = 0; i < COMMAND_BUDGET; i++) {
        if (shard_queue_take(s->commands, &command) != 0)
            return false;
        shard_core_on_command(s->core, clock_mono_ms(), &command);
    }
    return true;
}

/* Each counter for itself: readers need no moment at which all of them hold. */
static void publish_stats(struct shard *s)
{
    union {
        struct shard_stats stats;
        uint64_t word[sizeof(s->stats) / sizeof(s->stats[0])];
    } now;

    shard_core_stats(s->core, &now.stats);
    for (size_t i = 0; i < sizeof(s->stats) / sizeof(s->stats[0]); i++)
        atomic_store_explicit(&s->stats[i], now.word[i], memory_order_relaxed);
}

void shard_stats_of(const struct shard *s, struct shard_stats *out)
{
    union {
        struct shard_stats stats;
        uint64_t word[sizeof(s->stats) / sizeof(s->stats[0])];
    } now;

    for (size_t i = 0; i < sizeof(s->stats) / sizeof(s->stats[0]); i++)
        now.word[i] = atomic_load_explicit(&s->stats[i], memory_order_relaxed);
    *out = now.stats;
}

static int wait_ms(const struct shard *s, bool is_busy)
{
    /* At most a second, so that a lost wake-up shows as slowness and not as a hang. */
    uint64_t deadline = shard_core_next_deadline(s->core);
    uint64_t now = clock_mono_ms();

    if (is_busy || deadline <= now)
        return 0;
    return deadline - now > 1000 ? 1000 : (int)(deadline - now);
}

static void *run(void *arg)
{
    struct shard *s = arg;
    struct data_queue *packets = s->config.ways->shard[s->config.number - 1];
    struct pollfd fds[3] = {
        {.fd = shard_queue_fd(s->commands), .events = POLLIN},
        {.fd = link_port_fd(s->config.port), .events = POLLIN},
        {.fd = data_queue_fd(packets), .events = POLLIN},
    };
    bool is_busy = false;

    /* is_forced: the main thread gave up waiting for an orderly stop. */
    while (!shard_core_is_stopped(s->core) && !atomic_load(&s->is_forced)) {
        (void)poll(fds, 3, wait_ms(s, is_busy));
        /* Commands first: a close that we were told to do goes out before the peer's, which may
         * be waiting on the link already. */
        is_busy = take_commands(s);
        (void)link_port_poll(s->config.port, LINK_BUDGET);
        if ((fds[2].revents & POLLIN) != 0)
            /* Only when it is readable: taking clears the eventfd, a system call a turn. */
            (void)data_queue_take(packets, on_data, s);
        shard_core_on_timer(s->core, clock_mono_ms());
        /* Every turn: a dozen stores to memory that only readers want. */
        publish_stats(s);
    }
    return NULL;
}

int shard_start(const struct shard_config *config, struct shard **out)
{
    const struct shard_io io = {.send = send_message,
                                .report = report,
                                .data_up = data_up,
                                .data_across = data_across,
                                .number = config->number - 1};
    struct shard *s = calloc(1, sizeof(*s));
    char name[16];
    int err;

    if (s == NULL)
        return ERR_NOMEM;
    s->config = *config;
    err = shard_queue_create(sizeof(struct shard_command), COMMANDS_MAX, &s->commands);
    if (err == 0)
        err = shard_core_create(&config->dtls, config->associations_max, &io, s, &s->core);
    if (err == 0) {
        /* Before the thread exists: nothing can arrive unheard. */
        link_port_listen(config->port, on_link, on_link_state, s);
        err = pthread_create(&s->thread, NULL, run, s) == 0 ? 0 : ERR_NOMEM;
    }
    if (err != 0) {
        shard_core_destroy(s->core);
        shard_queue_destroy(s->commands);
        free(s);
        return err;
    }
    /* names are for top and gdb: 15 characters */
    snprintf(name, sizeof(name), "shard-%u", config->number % 1000);
    (void)pthread_setname_np(s->thread, name);
    *out = s;
    return 0;
}

int shard_command(struct shard *s, const struct shard_command *command)
{
    return shard_queue_put(s->commands, command);
}

void shard_destroy(struct shard *s)
{
    const struct shard_command nudge = {.kind = SHARD_STATS};

    if (s == NULL)
        return;
    /* In this order: a report that finds no room must not wait for a thread that is joining it. */
    atomic_store(&s->is_main_gone, true);
    atomic_store(&s->is_forced, true);
    (void)shard_queue_put(s->commands, &nudge); /* wakes it */
    pthread_join(s->thread, NULL);
    shard_core_destroy(s->core);
    shard_queue_destroy(s->commands);
    free(s);
}
