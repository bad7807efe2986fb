/* The hub's thread: data_hub.h between a queue of commands, the packets that shards send up, and a
 * queue of reports to the main thread. usrsctp's state is one for a process, so there is one. */
#ifndef SERVER_DATA_THREAD_H
#define SERVER_DATA_THREAD_H

#include "server/data_hub.h"
#include "server/shard.h"
#include "server/shard_queue.h"

struct data_thread;

/* Makes the hub and starts its thread. `ways` with the queue `up` outlive it; `reports`: of struct
 * data_report. */
int data_thread_start(const struct data_hub_config *config, const struct shard_ways *ways,
                      struct shard_queue *reports, struct data_thread **out);
/* Waits for the thread; members are gone without a word. NULL is allowed. */
void data_thread_destroy(struct data_thread *t);

/* As data_hub.h, done later on its thread; ERR_AGAIN: the queue is full. Any thread. */
int data_thread_join(struct data_thread *t, const struct data_member_config *config);
int data_thread_leave(struct data_thread *t, uint64_t id);
/* Takes over message->data when it returns 0. */
int data_thread_send(struct data_thread *t, const struct data_message *message);
int data_thread_watch(struct data_thread *t, bool is_watched);

/* As of its last turn. Any thread. */
void data_thread_stats(const struct data_thread *t, struct data_hub_stats *out);

#endif
