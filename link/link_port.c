/* A producer's end of the rings, on its own thread. Commands must all arrive, in order: what finds
 * its ring full waits in a bounded queue here. DTLS records may be lost, and then DTLS itself
 * repeats them: they never wait, so that a flood of handshakes cannot delay a hang-up. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "link/link.h"
#include "link/link_client_priv.h"

int link_port_init(struct link_port *port, struct link_client *client, unsigned number)
{
    port->client = client;
    port->number = number;
    for (unsigned w = 0; w < LINK_WORKERS_MAX; w++)
        port->worker[w].last = &port->worker[w].first;
    port->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return port->fd < 0 ? ERR_IO : 0;
}

static void free_waiting(struct link_waiting *waiting)
{
    /* free() wipes nothing */
    secret_wipe(waiting, sizeof(*waiting)); /* it may be keys */
    free(waiting);
}

static void drop_queue(struct link_port *port)
{
    for (unsigned w = 0; w < LINK_WORKERS_MAX; w++) {
        struct link_port_worker *worker = &port->worker[w];

        while (worker->first != NULL) {
            struct link_waiting *waiting = worker->first;

            worker->first = waiting->next;
            free_waiting(waiting);
        }
        worker->last = &worker->first;
    }
    port->queued = 0;
}

void link_port_fini(struct link_port *port)
{
    drop_queue(port);
    if (port->client != NULL) {
        pthread_mutex_lock(&port->client->lock);
        link_attachment_put(port->attachment);
        pthread_mutex_unlock(&port->client->lock);
    }
    if (port->fd >= 0)
        close(port->fd);
}

/* Follow the client to its present attachment; cheap when nothing changed. */
static void sync_port(struct link_port *port)
/* An atomic load a message is the price of not needing a lock in the common case. */
{
    struct link_client *client = port->client;

    if (atomic_load(&client->epoch) == port->seen)
        return;
    /* Commands for the old data plane mean nothing to a new one: its transports have other ids. */
    drop_queue(port);
    pthread_mutex_lock(&client->lock);
    link_attachment_put(port->attachment);
    port->attachment = client->attachment;
    if (port->attachment != NULL)
        port->attachment->references++;
    /* Read again under the lock: attachment and number must belong together. */
    port->seen = atomic_load(&client->epoch);
    pthread_mutex_unlock(&client->lock);
    port->news = true;
    /* A new attachment starts with a clean record. */
    __atomic_store_n(&port->broken, false, __ATOMIC_RELAXED);
    if (port->attachment == NULL)
        return;
    for (unsigned w = 0; w < port->attachment->layout.workers; w++) {
        const struct link_layout *layout = &port->attachment->layout;

        /* Positions start from zero on both ends: the rings' memory is new at each attach. */
        link_layout_ring(layout, port->attachment->rings, w, port->number, LINK_DOWN,
                         &port->worker[w].down);
        link_layout_ring(layout, port->attachment->rings, w, port->number, LINK_UP,
                         &port->worker[w].up);
    }
}

static void tell_state(struct link_port *port)
{
    if (!port->news)
        return;
    port->news = false;
    /* Two changes between two polls look like one: say the end of the old before the start of the
     * new, or the user would keep what the old data plane held. */
    if (port->told && port->on_state != NULL)
        port->on_state(port->context, 0);
    port->told = port->attachment != NULL;
    if (port->told && port->on_state != NULL)
        port->on_state(port->context, 1);
}

void link_port_listen(struct link_port *port, link_on_msg_fn on_msg, link_on_state_fn on_state,
                      void *context)
{
    port->on_msg = on_msg;
    port->on_state = on_state;
    port->context = context;
}

int link_port_fd(const struct link_port *port)
{
    return port->fd;
}

unsigned link_port_queued(const struct link_port *port)
{
    return port->queued;
}

uint64_t link_port_dropped(const struct link_port *port)
{
    return port->dropped;
}

void link_msg_init(struct link_msg *msg, unsigned type, struct link_id id, uint64_t cookie)
{
    memset(msg, 0, sizeof(*msg));
    msg->type = (uint16_t)type;
    msg->transport = id.index;
    msg->generation = id.generation;
    msg->cookie = cookie;
}

static void wake_worker(struct link_port *port, unsigned w)
{
    struct link_attachment *a = port->attachment;

    /* Only a sleeper costs a system call; a polling worker sees the ring by itself. */
    if (link_sleep_take(link_layout_worker(&a->layout, a->rings, w)))
        link_wake(a->worker_fd[w]);
}

/* Move waiting commands into their rings as far as there is room. */
static void flush(struct link_port *port)
{
    if (port->queued == 0 || port->attachment == NULL)
        return;
    for (unsigned w = 0; w < port->attachment->layout.workers; w++) {
        struct link_port_worker *worker = &port->worker[w];
        bool pushed = false;

        if (worker->first == NULL)
            continue;
        /* First ask to be woken, then push: had the worker made room between a failed push and the
         * asking, nobody would ever wake us. */
        link_ring_set_want(&worker->down);
        while (worker->first != NULL && link_ring_push(&worker->down, &worker->first->msg)) {
            struct link_waiting *waiting = worker->first;

            worker->first = waiting->next;
            if (worker->first == NULL)
                worker->last = &worker->first; /* or the next enqueue writes into freed memory */
            free_waiting(waiting);
            port->queued--;
            pushed = true;
        }
        if (pushed)
            wake_worker(port, w);
    }
}

static int enqueue(struct link_port *port, unsigned w, const struct link_msg *msg)
{
    struct link_waiting *waiting;

    /* Bounded: when the data plane stands still, its users must hear of it (ERR_AGAIN) instead of
     * memory filling up. */
    if (port->queued >= port->client->queue_max)
        return ERR_AGAIN;
    waiting = malloc(sizeof(*waiting));
    if (waiting == NULL)
        return ERR_NOMEM;
    waiting->next = NULL;
    waiting->msg = *msg;
    *port->worker[w].last = waiting;
    port->worker[w].last = &waiting->next;
    port->queued++;
    return 0;
}

static int send_to(struct link_port *port, unsigned w, const struct link_msg *msg)
{
    struct link_port_worker *worker;
    int err;

    /* Not only in the poll: a thread that sends before it polls would write into dead rings. */
    sync_port(port);
    if (port->attachment == NULL || atomic_load(&port->attachment->dead))
        return ERR_CLOSED;
    if (w >= port->attachment->layout.workers)
        return ERR_INVAL;
    worker = &port->worker[w];
    /* What waits goes first: a close must not overtake the open it belongs to. */
    flush(port);
    if (worker->first == NULL && link_ring_push(&worker->down, msg)) {
        wake_worker(port, w);
        return 0;
    }
    if (worker->down.broken) {
        /* The main thread detaches (link_client_poll): one broken ring condemns all of them,
         * because the process behind them is out of its mind. */
        __atomic_store_n(&port->broken, true, __ATOMIC_RELAXED);
        return ERR_CLOSED;
    }
    if (msg->type == LINK_DTLS_TX) {
        /* Atomic for whoever reads the figure from another thread; nobody else writes it. */
        atomic_fetch_add_explicit(&port->dropped, 1, memory_order_relaxed);
        return ERR_AGAIN;
    }
    err = enqueue(port, w, msg);
    flush(port); /* asks to be woken, and looks once more */
    return err;
}

int link_port_open(struct link_port *port, unsigned worker, const struct link_open *open,
                   uint64_t cookie)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_TRANSPORT_OPEN, (struct link_id){0, 0}, cookie);
    msg.u.open = *open;
    return send_to(port, worker, &msg);
}

int link_port_send(struct link_port *port, const struct link_msg *msg)
{
    /* LINK_TRANSPORT_OPEN has no transport yet to take the worker from: link_port_open. */
    if (msg->type <= LINK_TRANSPORT_OPEN || msg->type > LINK_COMMAND_LAST)
        return ERR_INVAL;
    /* The ring copies by this length: it must not reach beyond the message. */
    if (msg->type == LINK_DTLS_TX && msg->u.dtls.length > LINK_DTLS_MAX)
        return ERR_INVAL;
    return send_to(port, msg->transport >> 24, msg);
}

int link_port_dtls(struct link_port *port, struct link_id id, const struct link_addr *peer,
                   const void *data, size_t length)
{
    static const struct link_addr unset;
    struct link_msg msg; /* not cleared: only the bytes in use are copied */

    if (length > LINK_DTLS_MAX)
        return ERR_INVAL;
    memset(&msg, 0, offsetof(struct link_msg, u));
    msg.type = LINK_DTLS_TX;
    msg.transport = id.index;
    msg.generation = id.generation;
    msg.u.dtls.peer = peer != NULL ? *peer : unset;
    msg.u.dtls.length = (uint16_t)length;
    msg.u.dtls.reserved = 0;
    memcpy(msg.u.dtls.data, data, length);
    return send_to(port, id.index >> 24, &msg);
}

/* Deliver from one worker's ring. The attachment may change inside a callback (a send syncs):
 * then the rest belongs to the past. */
static unsigned deliver(struct link_port *port, unsigned w, unsigned budget)
{
    unsigned seen = port->seen, n = 0;

    /* A callback that takes long does not matter for the budget; one that detaches (seen changes)
     * does. */
    while (n < budget && port->seen == seen && link_ring_pop(&port->worker[w].up, &port->msg)) {
        n++;
        if (port->on_msg != NULL)
            port->on_msg(port->context, &port->msg);
    }
    /* Nothing of this ring may be touched any more: it may be unmapped. */
    if (port->seen != seen)
        return n;
    if (port->worker[w].up.broken)
        __atomic_store_n(&port->broken, true, __ATOMIC_RELAXED);
    /* The worker holds commands back when it finds no room for the reply. */
    if (n > 0 && link_ring_take_want(&port->worker[w].up))
        link_wake(port->attachment->worker_fd[w]);
    return n;
}

static unsigned deliver_all(struct link_port *port, unsigned budget)
{
    unsigned n = 0;

    /* A budget that is used up ends the walk by itself: the rest of the workers get 0. */
    for (unsigned w = 0; port->attachment != NULL && w < port->attachment->layout.workers; w++)
        n += deliver(port, w, budget - n);
    return n;
}

static bool anything_left(struct link_port *port)
{
    for (unsigned w = 0; w < port->attachment->layout.workers; w++)
        if (link_ring_ready(&port->worker[w].up))
            return true;
    return false;
}

unsigned link_port_poll(struct link_port *port, unsigned budget)
{
    unsigned limit = budget != 0 ? budget : UINT32_MAX, n = 0, got;

    /* Before reading the rings: a wake that comes while we read must survive. */
    link_wake_clear(port->fd);
    do {
        struct link_attachment *a;

        sync_port(port);
        tell_state(port);
        got = deliver_all(port, limit - n);
        n += got;
        flush(port);
        a = port->attachment;
        /* Detached: nobody to sleep for. got is 0 or what the old rings still gave; the next turn
         * ends it. */
        if (a == NULL)
            continue;
        /* Say that we sleep, then look again: nothing can slip between. */
        link_sleep_set(link_layout_producer(&a->layout, a->rings, port->number), 1);
        if (anything_left(port)) {
            link_sleep_set(link_layout_producer(&a->layout, a->rings, port->number), 0);
            if (n >= limit) {
                /* Readable again at once: the event loop gets its turn between, other sources do
                 * not starve. */
                link_wake(port->fd);
                return n;
            }
            got = 1;
        } else {
            got = 0;
        }
    } while (got > 0);
    return n;
}
