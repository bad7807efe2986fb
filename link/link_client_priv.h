/* What link_client.c (main thread) and link_port.c (a producer's thread) share. */
#ifndef LINK_LINK_CLIENT_PRIV_H
#define LINK_LINK_CLIENT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "link/link_shm.h"

/* One attachment: lives until the client and every port have let go of it. */
struct link_attachment {
    unsigned references; /* under link_client.lock */
    atomic_bool dead;    /* set by the main thread when the socket ends */
    struct link_info info;
    struct link_layout layout;
    void *rings;
    const void *stats; /* read-only mapping */
    size_t rings_size, stats_size;
    unsigned worker_fds;
    int worker_fd[LINK_WORKERS_MAX];
};

/* A command that waits for room in its ring. */
struct link_waiting {
    struct link_waiting *next;
    struct link_msg msg;
};

struct link_port_worker {
    struct link_ring down, up;
    struct link_waiting *first, **last;
};

struct link_port {
    struct link_client *client;
    unsigned number;
    int fd; /* eventfd, the data plane writes it */
    struct link_attachment *attachment;
    unsigned seen; /* value of link_client.epoch that `attachment` belongs to */
    bool told;     /* on_state(1) was the last word */
    bool news;     /* attachment changed since */
    bool broken;
    unsigned queued;
    _Atomic uint64_t dropped;
    link_on_msg_fn on_msg;
    link_on_state_fn on_state;
    void *context;
    struct link_port_worker worker[LINK_WORKERS_MAX];
    struct link_msg msg; /* being delivered */
};

struct link_client {
    char path[108];
    char program[64];
    unsigned producers, slots, queue_max, retry_ms;
    link_on_attached_fn on_attached;
    link_on_detached_fn on_detached;
    void *context;
    int epoll; /* what the caller watches: the socket comes and goes inside */
    int sock;
    enum { LINK_IDLE, LINK_HELLO_SENT, LINK_ATTACHED } state;
    uint64_t next_try;
    int last_error; /* told; the same one again is not told twice */
    pthread_mutex_t lock;
    struct link_attachment *attachment; /* under lock */
    atomic_uint epoch;                  /* raised at each change of `attachment` */
    struct link_port *port;             /* array of `producers` */
};

/* Under the client's lock. */
void link_attachment_put(struct link_attachment *attachment);

/* Ports of a client: made with it, their fds too. */
int link_port_init(struct link_port *port, struct link_client *client, unsigned number);
void link_port_fini(struct link_port *port);

#endif
