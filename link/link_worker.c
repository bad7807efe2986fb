/* A worker's end: what the packet loop may call. Nothing here waits, allocates or fails loudly; the
 * only system call is the wake of a sleeping producer, once a burst (link_worker_flush). */
#include <string.h>

#include "base/secret.h"
#include "link/link_server_priv.h"

/* Follow the server to its present session. */
static void sync_worker(struct link_worker *worker)
{
    struct link_session *session = atomic_load(&worker->server->session);

    /* One load a turn of the loop when nothing changed. */
    if (session == worker->session)
        return;
    /* Say which one we use, then look whether it was not retired meanwhile: from then on the
     * server keeps it until we say another one. */
    for (;;) {
        struct link_session *again;

        atomic_store(&worker->using, session);
        again = atomic_load(&worker->server->session);
        if (again == session)
            break;
        session = again;
    }
    worker->session = session;
    worker->to_wake = 0; /* of the old session's producers */
    if (session != NULL) {
        /* A quarter of each ring up is kept for replies: events and DTLS records stop earlier, so
         * that a command that was carried out can always be answered. */
        worker->reserve = session->layout.slots / 4;
        for (unsigned p = 0; p < session->layout.producers; p++) {
            link_layout_ring(&session->layout, session->rings, worker->number, p, LINK_DOWN,
                             &worker->down[p]);
            link_layout_ring(&session->layout, session->rings, worker->number, p, LINK_UP,
                             &worker->up[p]);
        }
    }
}

/* Messages of one producer, as long as their replies have room. */
static unsigned poll_producer(struct link_worker *worker, unsigned p, unsigned budget,
                              link_on_command_fn on_command, void *context)
{
    unsigned n = 0;

    while (n < budget) {
        /* A command is taken only when its answer has a place: done without an answer it would look
         * failed to control, which would do it again. */
        if (link_ring_room(&worker->up[p], 1) == 0) {
            link_ring_set_want(&worker->up[p]);
            /* asked for a wake: look once more before believing it */
            if (link_ring_room(&worker->up[p], 1) == 0)
                break;
        }
        if (!link_ring_pop(&worker->down[p], &worker->msg))
            break;
        n++;
        on_command(context, p, &worker->msg);
        /* on_command copied what it needs into the stream's own memory. */
        if (worker->msg.type == LINK_KEYS_SET)
            secret_wipe(&worker->msg, sizeof(worker->msg)); /* the slot was wiped by the ring */
    }
    /* The producer waits in its queue for this room; the wake goes out with the burst's others. */
    if (n > 0 && link_ring_take_want(&worker->down[p]))
        worker->to_wake |= 1u << p;
    if (worker->down[p].broken || worker->up[p].broken)
        atomic_store(&worker->broken, true);
    return n;
}

unsigned link_worker_poll(struct link_worker *worker, unsigned budget,
                          link_on_command_fn on_command, void *context)
{
    unsigned n = 0;

    sync_worker(worker);
    if (worker->session == NULL)
        return 0;
    for (unsigned p = 0; p < worker->session->layout.producers && n < budget; p++)
        n += poll_producer(worker, p, budget - n, on_command, context);
    return n;
}

void link_worker_reply(struct link_worker *worker, unsigned producer,
                       const struct link_msg *command, int error, const struct link_id *id,
                       const struct link_transport_stats *stats)
{
    struct link_msg *answer = &worker->answer;

    if (worker->session == NULL || producer >= worker->session->layout.producers)
        return;
    /* Only what is sent is cleared: this runs in the packet loop. */
    memset(answer, 0, offsetof(struct link_msg, u) + sizeof(answer->u.reply));
    answer->type = LINK_REPLY;
    answer->error = error;
    answer->transport = id != NULL ? id->index : command->transport;
    answer->generation = id != NULL ? id->generation : command->generation;
    answer->cookie = command->cookie;
    answer->u.reply.command = command->type;
    if (stats != NULL)
        answer->u.reply.stats = *stats;
    /* poll_producer saw the room and nobody else pushes here, so that this never fails in use. */
    if (link_ring_push(&worker->up[producer], answer))
        worker->to_wake |= 1u << producer;
}

bool link_worker_send(struct link_worker *worker, unsigned producer, const struct link_msg *msg)
{
    if (worker->session == NULL || producer >= worker->session->layout.producers)
        return false;
    /* Room beyond the reserve, or the message is the caller's to count as dropped. */
    if (link_ring_room(&worker->up[producer], worker->reserve + 1) <= worker->reserve)
        return false;
    if (!link_ring_push(&worker->up[producer], msg))
        return false;
    worker->to_wake |= 1u << producer;
    return true;
}

void link_worker_flush(struct link_worker *worker)
{
    struct link_session *session = worker->session;

    if (worker->to_wake == 0)
        return;
    for (unsigned p = 0; p < session->layout.producers; p++) {
        if (!(worker->to_wake & (1u << p)))
            continue;
        /* One wake a producer and burst, however many messages went to it. */
        if (link_sleep_take(link_layout_producer(&session->layout, session->rings, p)))
            link_wake(session->producer_fd[p]);
    }
    worker->to_wake = 0;
}

uint32_t link_worker_epoch(const struct link_worker *worker)
{
    return worker->session != NULL ? worker->session->epoch : 0;
}

bool link_worker_sleep_begin(struct link_worker *worker)
{
    struct link_session *session = worker->session;

    /* A new session would not wake us by the old one's flag: do not sleep, sync first. */
    if (atomic_load(&worker->server->session) != session)
        return false;
    if (session == NULL)
        return true;
    link_sleep_set(link_layout_worker(&session->layout, session->rings, worker->number), 1);
    for (unsigned p = 0; p < session->layout.producers; p++)
        /* Commands whose answer has no room do not keep us awake: the producer wakes us when it
         * made some. */
        if (link_ring_ready(&worker->down[p]) && link_ring_room(&worker->up[p], 1) > 0)
            return false;
    return true;
}

void link_worker_sleep_end(struct link_worker *worker)
{
    struct link_session *session = worker->session;

    link_wake_clear(worker->fd); /* before the flag: a wake between the two must last */
    if (session != NULL)
        link_sleep_set(link_layout_worker(&session->layout, session->rings, worker->number), 0);
}

int link_worker_fd(const struct link_worker *worker)
{
    return worker->fd;
}

struct link_counters *link_worker_counters(struct link_worker *worker)
{
    return link_stats_counters(worker->server->stats, worker->number);
}

static struct link_entry *entry_of(struct link_worker *worker, unsigned transport)
{
    const struct link_info *info = &worker->server->info;

    return link_stats_entry(worker->server->stats, info->workers, info->transports, worker->number,
                            transport);
}

struct link_transport_stats *link_worker_stats(struct link_worker *worker, unsigned transport)
{
    /* The writer's own pointer: counts in place, without versions (each counter is one word). */
    return &entry_of(worker, transport)->stats;
}

void link_worker_show(struct link_worker *worker, unsigned transport,
                      const struct link_transport_info *info)
{
    link_entry_write(entry_of(worker, transport), info);
}

static struct link_mix_entry *mix_of(struct link_worker *worker, unsigned mix)
{
    const struct link_info *info = &worker->server->info;

    return link_stats_mix(worker->server->stats, info->workers, info->transports, info->mixes,
                          worker->number, mix);
}

struct link_mix_stats *link_worker_mix_stats(struct link_worker *worker, unsigned mix)
{
    return &mix_of(worker, mix)->stats;
}

void link_worker_show_mix(struct link_worker *worker, unsigned mix,
                          const struct link_mix_info *info)
{
    link_mix_write(mix_of(worker, mix), info);
}
