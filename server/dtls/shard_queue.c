/* Values between threads: put by many, taken by one, an eventfd to wake it. A lock and a copy,
 * since commands and reports are some hundreds a second; packets have queues of their own
 * (data_queue.c). */
#include "server/dtls/shard_queue.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"

struct shard_queue {
    pthread_mutex_t lock; /* guards head, count and the slots; held for one copy */
    int fd;
    size_t size;
    size_t capacity;
    size_t head; /* oldest */
    size_t count;
    unsigned char slots[];
};

int shard_queue_create(size_t size, size_t capacity, struct shard_queue **out)
{
    struct shard_queue *q;

    /* The product must not wrap; capacity is a constant and size a sizeof. */
    if (size == 0 || capacity == 0 || capacity > SIZE_MAX / 2 / size)
        return ERR_INVAL;
    q = calloc(1, sizeof(*q) + size * capacity);
    if (q == NULL)
        return ERR_NOMEM;
    q->size = size;
    q->capacity = capacity;
    q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (q->fd < 0) {
        free(q);
        return ERR_IO;
    }
    if (pthread_mutex_init(&q->lock, NULL) != 0) {
        close(q->fd);
        free(q);
        return ERR_NOMEM;
    }
    *out = q;
    return 0;
}

void shard_queue_destroy(struct shard_queue *q)
{
    if (q == NULL)
        return;
    pthread_mutex_destroy(&q->lock);
    close(q->fd);
    secret_wipe(q->slots, q->size * q->capacity); /* reports may hold keys */
    free(q);
}

int shard_queue_put(struct shard_queue *q, const void *message)
{
    const uint64_t one = 1;
    int err = ERR_AGAIN;

    pthread_mutex_lock(&q->lock);
    if (q->count < q->capacity) {
        memcpy(q->slots + (q->head + q->count) % q->capacity * q->size, message, q->size);
        q->count++;
        err = 0;
    }
    pthread_mutex_unlock(&q->lock);
    /* The counter of an eventfd cannot overflow by ones; a failed write means "readable already".
     * Behind the lock: the taker wakes to an unlocked queue. */
    if (err == 0 && write(q->fd, &one, sizeof(one)) < 0)
        return 0;
    return err;
}

int shard_queue_take(struct shard_queue *q, void *message)
{
    unsigned char *slot;
    int err = ERR_AGAIN;

    pthread_mutex_lock(&q->lock);
    if (q->count > 0) {
        slot = q->slots + q->head * q->size;
        memcpy(message, slot, q->size);
        /* Keys do not stay in the slot until it is used again. */
        secret_wipe(slot, q->size);
        /* Whoever keeps up with it stays in the first slots, hot in the cache; going round would
         * touch all of them, and the process would grow by queues that are empty. */
        q->head = --q->count == 0 ? 0 : (q->head + 1) % q->capacity;
        err = 0;
    }
    pthread_mutex_unlock(&q->lock);
    return err;
}

int shard_queue_fd(const struct shard_queue *q)
{
    return q->fd;
}

void shard_queue_clear(struct shard_queue *q)
{
    uint64_t n;

    while (read(q->fd, &n, sizeof(n)) > 0)
        ;
}
