/* The data plane's end of the link.
 *
 * One link_server a process, on the main thread: listens on the Unix socket, takes one sluiced at
 * a time, makes the rings. One link_worker a packet worker, used by that thread alone: it polls
 * commands, answers them, sends events up and writes the statistics. The message path takes no
 * lock; a system call happens only to wake a producer that said that it sleeps.
 *
 * Attach and detach reach a worker at its next link_worker_poll; the server frees old rings only
 * after every worker has let go of them, so link_server_fini needs the workers gone. */
#ifndef LINK_LINK_SERVER_H
#define LINK_LINK_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link_msg.h"
#include "link/link_stats.h"

struct link_server;
struct link_worker;

/* What happened on the socket, for the log: error 0 attached, ERR_CLOSED detached, other codes an
 * attach that was refused. Main thread. */
typedef void (*link_on_server_fn)(void *context, int error, const char *text);

struct link_server_config {
    const char *path;    /* Unix socket to listen on; an old socket file is replaced */
    const char *program; /* "sluice-dp 0.1.0" */
    unsigned mode;       /* of the socket file, 0 = 0600 */
    unsigned workers;
    unsigned transports; /* that a worker can hold */
    unsigned mixes;      /* likewise, may be 0 */
    unsigned locals;
    struct link_addr local[LINK_LOCALS_MAX];
    uint16_t port_min, port_max;
    uint32_t orphan_timeout_ms;
    bool huge_pages;             /* statistics in huge pages, when there are some left */
    link_on_server_fn on_change; /* may be NULL */
    void *context;
};

/* Listen. Who may open the socket file may attach. ERR_EXISTS:
 * another process listens there; ERR_INVAL, ERR_RANGE, ERR_NOMEM, ERR_IO. */
int link_server_create(const struct link_server_config *config, struct link_server **out);

/* Stop listening, remove the socket file, free. No worker may be in use by then. NULL is ok. */
void link_server_destroy(struct link_server *server);

/* fd to watch for reading. */
int link_server_fd(const struct link_server *server);

/* Take connections, hellos and ends. `now` in milliseconds, monotonic. Returns when to call again
 * at the latest (UINT64_MAX: only when the fd is readable). */
uint64_t link_server_poll(struct link_server *server, uint64_t now);

/* A sluiced is attached. Main thread. */
bool link_server_attached(const struct link_server *server);

/* Counters of a worker, whole values, from any thread. */
void link_server_counters(struct link_server *server, unsigned worker,
                          struct link_counters *counters);

/* A worker's end (NULL when out of range). */
struct link_worker *link_server_worker(struct link_server *server, unsigned worker);

/* Wake a worker that sleeps (main thread: stop, attach). */
void link_server_wake(struct link_server *server, unsigned worker);

/* ---- a worker's thread ---- */

/* A command or a datagram; answer commands with link_worker_reply before returning. */
typedef void (*link_on_command_fn)(void *context, unsigned producer, const struct link_msg *msg);

/* Handle what came down, at most `budget` messages. A command is only taken when there is room for
 * its reply. Returns the number handled. */
unsigned link_worker_poll(struct link_worker *worker, unsigned budget,
                          link_on_command_fn on_command, void *context);

/* Answer a command: type, cookie, transport are taken from it, `id` (may be NULL) replaces the
 * transport, `stats` (may be NULL) are the final ones. Never fails during link_worker_poll. */
void link_worker_reply(struct link_worker *worker, unsigned producer,
                       const struct link_msg *command, int error, const struct link_id *id,
                       const struct link_transport_stats *stats);

/* Send an event or a DTLS datagram up. A quarter of the ring is kept for replies. False: full, no
 * such producer, or nobody attached. */
bool link_worker_send(struct link_worker *worker, unsigned producer, const struct link_msg *msg);

/* Wake the producers that got something and sleep; once a turn of the worker's loop. */
void link_worker_flush(struct link_worker *worker);

/* Number of the present attachment; 0 when nobody is attached; each attach has a new number. */
uint32_t link_worker_epoch(const struct link_worker *worker);

/* About to sleep on link_worker_fd: false when there is something to do after all. Call
 * link_worker_sleep_end after waking up in any case. */
bool link_worker_sleep_begin(struct link_worker *worker);
void link_worker_sleep_end(struct link_worker *worker);
int link_worker_fd(const struct link_worker *worker);

/* The worker's lines in the statistics; write them with link_stat_add and link_stat_set. */
struct link_counters *link_worker_counters(struct link_worker *worker);
struct link_transport_stats *link_worker_stats(struct link_worker *worker, unsigned transport);

/* Show a transport to control (info NULL: it is closed). Its statistics are cleared by the caller
 * before it is shown. */
void link_worker_show(struct link_worker *worker, unsigned transport,
                      const struct link_transport_info *info);

/* The same for mixes. */
struct link_mix_stats *link_worker_mix_stats(struct link_worker *worker, unsigned mix);
void link_worker_show_mix(struct link_worker *worker, unsigned mix,
                          const struct link_mix_info *info);

/* One writer, many readers: plain moves for the processor, whole values for the reader. */
static inline void link_stat_add(uint64_t *value, uint64_t n)
{
    __atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline void link_stat_set(uint64_t *value, uint64_t to)
{
    __atomic_store_n(value, to, __ATOMIC_RELAXED);
}

#endif
