/* The hub's thread: data_hub.h and wires.h between a queue of commands, the packets that shards
 * send up, the wires' sockets, and queues of reports to the main thread. usrsctp's state is one for
 * a process, so there is one. */
#ifndef SERVER_DATA_THREAD_H
#define SERVER_DATA_THREAD_H

#include "server/data/data_hub.h"
#include "server/dtls/shard.h"
#include "server/dtls/shard_queue.h"
#include "server/media/wires.h"

struct data_thread;

struct data_thread_config {
    struct data_hub_config hub;
    struct dtls_config
        dtls; /* of the wires, as the shards have it; certificate outlives the thread */
    size_t wires_max;
    const struct shard_ways *ways;    /* with the queue `up`; outlives the thread */
    struct shard_queue *reports;      /* of struct data_report */
    struct shard_queue *wire_reports; /* of struct shard_report, as the shards' */
};

/* Makes the hub and the wires, and starts their thread. */
int data_thread_start(const struct data_thread_config *config, struct data_thread **out);
/* Waits for the thread; members are gone without a word. NULL is allowed. */
void data_thread_destroy(struct data_thread *t);

/* As data_hub.h, done later on its thread; ERR_AGAIN: the queue is full. Any thread. */
int data_thread_join(struct data_thread *t, const struct data_member_config *config);
int data_thread_move(struct data_thread *t, uint64_t id, uint64_t room);
int data_thread_leave(struct data_thread *t, uint64_t id);
/* Takes over message->data when it returns 0. */
int data_thread_send(struct data_thread *t, const struct data_message *message);
int data_thread_watch(struct data_thread *t, bool is_watched);
/* As wires_on_command. A socket stays the caller's when it does not return 0. */
int data_thread_wire(struct data_thread *t, const struct wire_command *command);

/* As of its last turn. Any thread. */
struct data_thread_stats {
    struct data_hub_stats hub;
    struct wires_stats wires;
    struct dtls_stats dtls; /* of the wires */
};
void data_thread_stats(const struct data_thread *t, struct data_thread_stats *out);

#endif
