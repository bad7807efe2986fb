/* What link_server.c (main thread) and link_worker.c (a worker's thread) share. */
#ifndef LINK_LINK_SERVER_PRIV_H
#define LINK_LINK_SERVER_PRIV_H

#include <stdatomic.h>

#include "link/link_server.h"
#include "link/link_shm.h"

/* Rings of one attach. Made and freed by the main thread, used by the workers in between. */
struct link_session {
    struct link_session *next; /* retired ones */
    uint32_t epoch;
    struct link_layout layout;
    void *rings;
    int rings_fd;
    int producer_fd[LINK_PRODUCERS_MAX];
};

struct link_worker {
    struct link_server *server;
    unsigned number;
    int fd; /* eventfd */
    /* The worker's view. */
    struct link_session *session;
    uint32_t reserve; /* slots of an up ring that are kept for replies */
    uint32_t to_wake; /* bit a producer */
    struct link_ring down[LINK_PRODUCERS_MAX], up[LINK_PRODUCERS_MAX];
    struct link_msg msg;    /* being handled */
    struct link_msg answer; /* being built */
    /* What the worker tells the server: the session that it uses now. */
    _Alignas(64) _Atomic(struct link_session *) using;
    atomic_bool broken; /* a ring made no sense */
};

struct link_server {
    struct link_info info;
    char path[108];
    unsigned mode;
    int epoll, listener;
    int peer; /* socket of the attached sluiced, or one that has not said hello; -1 = none */
    bool attached;
    uint32_t epoch;
    uint64_t hello_until;
    link_on_server_fn on_change;
    void *context;
    void *stats;
    size_t stats_size;
    int stats_fd;
    struct link_session *retired;
    _Atomic(struct link_session *) session;
    struct link_worker *worker; /* array of info.workers */
};

#endif
