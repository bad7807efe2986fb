/* Control's end of the link to the data plane (sluice-dp).
 *
 * One link_client a process; it owns the Unix socket and lives on the main thread. One link_port a
 * producer (0 = main thread, 1… = DTLS shards): a port belongs to its thread, and different ports
 * never share a lock on the message path. No event loop inside: watch the fds for reading, call
 * the poll functions when one is readable or when the time that they returned has come.
 *
 *   main:   link_client_create → watch link_client_fd → link_client_poll(now) …
 *   thread: port = link_client_port(client, i), link_port_listen(port, on_msg, …),
 *           watch link_port_fd(port) → link_port_poll(port)
 *
 * The data plane may die and come back: on_detached, then on_attached again; ports notice at their
 * next poll (their fd becomes readable). Commands without a reply at that moment are void. When
 * this process dies instead, media keep flowing: after the next attach link_client_transports
 * lists what is open; claim (LINK_TRANSPORT_CLAIM) or close each one before the orphan timeout. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "link/link_msg.h"
#include "link/link_stats.h"

struct link_client;
struct link_port;

/* What the data plane said at attach. */
struct link_info {
    uint32_t version; /* LINK_VERSION of both */
    uint32_t workers;
    uint32_t locals; /* local media addresses in use */
    uint16_t port_min, port_max;
    uint32_t transports; /* that a worker can hold */
    uint32_t mixes;      /* likewise */
    uint32_t orphan_timeout_ms;
    uint32_t orphans;                        /* transports that are open already */
    struct link_addr local[LINK_LOCALS_MAX]; /* port 0 */
    char program[64];                        /* "sluice-dp 0.1.0" */
    int32_t pid;
};

/* Attached; `info` lives until the next on_detached. */
typedef void (*link_on_attached_fn)(void *context, const struct link_info *info);

/* Detached, or an attach was refused: `error` ERR_CLOSED, ERR_VERSION, ERR_EXISTS (another sluiced
 * is attached), ERR_MALFORMED…; `text` says it for the log. Tried again after retry_ms. Failing to
 * connect at all is reported once, then silent until it changes. */
typedef void (*link_on_detached_fn)(void *context, int error, const char *text);

/* A reply, event or datagram from the data plane; `msg` lives until the call returns. */
typedef void (*link_on_msg_fn)(void *context, const struct link_msg *msg);

/* The port's view of attach (attached 1) and detach (0), on the port's thread. */
typedef void (*link_on_state_fn)(void *context, int attached);

struct link_client_config {
    const char *path;                /* Unix socket of sluice-dp; copied */
    const char *program;             /* for the other side's log; copied */
    unsigned producers;              /* 1 + shards, at most LINK_PRODUCERS_MAX */
    unsigned ring_slots;             /* messages in a ring, power of two, 0 = 256 */
    unsigned queue_max;              /* commands that wait for a full ring, a port; 0 = 1024 */
    unsigned retry_ms;               /* between attempts to attach, 0 = 500 */
    link_on_attached_fn on_attached; /* may be NULL */
    link_on_detached_fn on_detached; /* may be NULL */
    void *context;
};

/* Make a client; connects at the first link_client_poll. ERR_INVAL, ERR_NOMEM, ERR_IO. */
int link_client_create(const struct link_client_config *config, struct link_client **out);

/* Close the socket (media keep flowing), unmap, free. No port may be in use by then. NULL is ok. */
void link_client_destroy(struct link_client *client);

/* fd to watch for reading, the same for the client's whole life. */
int link_client_fd(const struct link_client *client);

/* Attach, take the welcome, notice the end. `now` in milliseconds, monotonic. Returns when to call
 * again at the latest (UINT64_MAX: only when the fd is readable). Main thread. */
uint64_t link_client_poll(struct link_client *client, uint64_t now);

/* 1 when attached; then *info (may be NULL) is set. Main thread. */
int link_client_attached(const struct link_client *client, const struct link_info **info);

/* Port of producer `i` (NULL when out of range). */
struct link_port *link_client_port(struct link_client *client, unsigned i);

/* Set who hears of messages and attach/detach. Before the first poll, or on the port's thread. */
void link_port_listen(struct link_port *port, link_on_msg_fn on_msg, link_on_state_fn on_state,
                      void *context);

/* fd to watch for reading (an eventfd), the same for the port's whole life. */
int link_port_fd(const struct link_port *port);

/* Deliver what has arrived, send what waits. Returns the number of messages delivered. At most
 * `budget` messages (0 = all that is there); when more wait the fd stays readable. */
unsigned link_port_poll(struct link_port *port, unsigned budget);

/* Send LINK_TRANSPORT_OPEN to `worker`. As link_port_send. */
int link_port_open(struct link_port *port, unsigned worker, const struct link_open *open,
                   uint64_t cookie);

/* Send a message about an open transport or mix (msg->transport, ->generation) to its worker, or a
 * LINK_MIX_OPEN to the worker in the top byte of msg->transport; the message is copied. 0;
 * ERR_CLOSED: not attached; ERR_AGAIN: a command, ring and waiting queue are full; or a DTLS
 * datagram, the ring is full (counted, DTLS sends again); ERR_INVAL: no such worker, wrong type.
 * Order is kept between messages of one port to one worker. */
int link_port_send(struct link_port *port, const struct link_msg *msg);

/* Convenience: send one DTLS datagram. `peer` NULL = the transport's remote. ERR_INVAL when longer
 * than LINK_DTLS_MAX; otherwise as link_port_send. */
int link_port_dtls(struct link_port *port, struct link_id id, const struct link_addr *peer,
                   const void *data, size_t length);

/* Convenience: zero a message and fill its head. */
void link_msg_init(struct link_msg *msg, unsigned type, struct link_id id, uint64_t cookie);

/* Addresses of the two kinds; ADDR_NONE and an unset link_addr correspond. */
struct link_addr link_addr_from(const struct addr *addr);
struct addr link_addr_to(const struct link_addr *addr);

/* Commands that wait for room, and DTLS datagrams dropped for want of it since create. */
unsigned link_port_queued(const struct link_port *port);
uint64_t link_port_dropped(const struct link_port *port);

/* Called for each open transport; a non-zero return stops the walk. */
typedef int (*link_on_transport_fn)(void *context, const struct link_transport_info *info,
                                    const struct link_transport_stats *stats);

/* Walk the open transports of all workers. Returns how many were shown, ERR_CLOSED when not
 * attached. Stops nobody; a transport that changes meanwhile shows its old or new self, whole.
 * Main thread. */
int link_client_transports(struct link_client *client, link_on_transport_fn on_transport,
                           void *context);

/* One transport's info and statistics (either may be NULL). ERR_NOTFOUND: closed meanwhile;
 * ERR_CLOSED: not attached. Main thread. */
int link_client_transport(struct link_client *client, struct link_id id,
                          struct link_transport_info *info, struct link_transport_stats *stats);

/* The same for mixes. */
typedef int (*link_on_mix_fn)(void *context, const struct link_mix_info *info,
                              const struct link_mix_stats *stats);
int link_client_mixes(struct link_client *client, link_on_mix_fn on_mix, void *context);
int link_client_mix(struct link_client *client, struct link_id id, struct link_mix_info *info,
                    struct link_mix_stats *stats);

/* Counters of one worker. ERR_RANGE, ERR_CLOSED. Main thread. */
int link_client_counters(struct link_client *client, unsigned worker,
                         struct link_counters *counters);

#endif
