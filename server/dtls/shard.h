/* A shard's thread: shard_core.h between a queue of commands, the shard's own producer on the link
 * and a queue of reports to the main thread.
 *
 * The thread sleeps in poll(2) until one of them has something or a DTLS timer is due. All it
 * shares with the main thread are the two queues; associations, keys and the link port are its
 * own. */
#ifndef SERVER_SHARD_H
#define SERVER_SHARD_H

#include "server/data/data_queue.h"
#include "server/dtls/shard_core.h"
#include "server/dtls/shard_queue.h"

struct shard;
struct link_port;

/* Queues of packets of data channels between the threads, made before any of them starts. */
struct shard_ways {
    struct data_queue *shard[LINK_PRODUCERS_MAX]; /* to the shard of that number, 0-based */
    struct data_queue *up;                        /* to who terminates SCTP; NULL: nobody */
};

struct shard_config {
    unsigned number;         /* 1..: producer on the link */
    struct link_port *port;  /* that producer's port; the thread's own from now on */
    struct dtls_config dtls; /* certificate outlives the shard */
    size_t associations_max;
    struct shard_queue *reports;   /* of struct shard_report; shared by all shards */
    const struct shard_ways *ways; /* outlives the shard */
};

/* Makes the shard and starts its thread. */
int shard_start(const struct shard_config *config, struct shard **out);

/* Its counters as of its last turn. Any thread. */
void shard_stats_of(const struct shard *shard, struct shard_stats *out);

/* Gives a command; ERR_AGAIN when the queue is full. Any thread. */
int shard_command(struct shard *shard, const struct shard_command *command);

/* Waits for the thread (SHARD_STOP was given and SHARD_STOPPED reported, or a stop is forced
 * here) and frees all. NULL is allowed. */
void shard_destroy(struct shard *shard);

#endif
