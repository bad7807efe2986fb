/* Packets of data channels between threads of sluiced: shard to shard (a relay's other side), shard
 * to who terminates SCTP, and back.
 *
 * Bounded by octets: what finds no room is dropped by the sender and counted there, as on any link;
 * SCTP sends it again and slows down. The taker gets all that is there at once, so that the lock is
 * held for two pointers or one copy and the file descriptor is written once a batch. */
#ifndef SERVER_DATA_QUEUE_H
#define SERVER_DATA_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct data_queue;

/* Room for `octets`, heads of 16 included; twice as much is allocated. ERR_INVAL, ERR_NOMEM,
 * ERR_IO.
 */
int data_queue_create(size_t octets, struct data_queue **out);
void data_queue_destroy(struct data_queue *q); /* NULL is allowed */

/* Copies one packet for the association `id` in and wakes the taker. ERR_AGAIN: full. Any thread.
 */
int data_queue_put(struct data_queue *q, uint64_t id, uint32_t kind, const void *data, size_t len);

typedef void (*data_queue_fn)(void *user, uint64_t id, uint32_t kind, const uint8_t *data,
                              size_t len);

/* Hands out all that is there, oldest first; how many. Taker's thread. */
size_t data_queue_take(struct data_queue *q, data_queue_fn each, void *user);

/* Readable when packets may be there; data_queue_take clears it. */
int data_queue_fd(const struct data_queue *q);

#endif
