/* Message queue between two threads of sluiced: main to shard, or shard to main.
 *
 * Whole messages change hands, nothing is shared afterwards; this queue is the only place where
 * two threads of sluiced meet, so that associations and sessions need no lock. Bounded: a full
 * queue refuses, the sender decides. The receiver sleeps on a file descriptor (an eventfd, so that
 * it fits into poll and into libuv alike). */
#ifndef SERVER_SHARD_QUEUE_H
#define SERVER_SHARD_QUEUE_H

#include <stddef.h>

struct shard_queue;

/* Queue of messages of `size` bytes each, at most `capacity` of them at a time. Slots are
 * wiped when a message is taken out: some carry keys. */
int shard_queue_create(size_t size, size_t capacity, struct shard_queue **out);

/* NULL is allowed. Messages still inside are wiped. Nobody may use the queue any more. */
void shard_queue_destroy(struct shard_queue *q);

/* Copy one message in and wake the receiver. ERR_AGAIN when the queue is full. Any thread. */
int shard_queue_put(struct shard_queue *q, const void *message);

/* Take the oldest message out. ERR_AGAIN when there is none. Receiver's thread. */
int shard_queue_take(struct shard_queue *q, void *message);

/* Readable when messages may be there. Call shard_queue_clear before taking them all. */
int shard_queue_fd(const struct shard_queue *q);
void shard_queue_clear(struct shard_queue *q);

#endif
