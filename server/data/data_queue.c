/* Packets between threads: any number of senders, one taker. Two buffers change places, so that the
 * taker works without the lock and senders wait for a copy at most. */
#include "server/data/data_queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"

struct head {
    uint64_t id;
    uint32_t kind;
    uint32_t len;
};

struct data_queue {
    pthread_mutex_t lock; /* guards filling and used */
    int fd;
    size_t size;
    size_t used;       /* of `filling` */
    uint8_t *filling;  /* by senders */
    uint8_t *emptying; /* the taker's own */
};

/* Every head begins aligned. */
static size_t padded(size_t len)
{
    return (len + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

int data_queue_create(size_t octets, struct data_queue **out)
{
    struct data_queue *q;

    /* Lengths are 32 bits in the head. */
    if (octets < sizeof(struct head) || octets > UINT32_MAX)
        return ERR_INVAL;
    q = calloc(1, sizeof(*q));
    if (q == NULL)
        return ERR_NOMEM;
    q->size = octets;
    q->filling = malloc(octets);
    q->emptying = malloc(octets);
    q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (q->filling == NULL || q->emptying == NULL || q->fd < 0 ||
        pthread_mutex_init(&q->lock, NULL) != 0) {
        int err = q->fd < 0 ? ERR_IO : ERR_NOMEM;

        if (q->fd >= 0)
            close(q->fd);
        free(q->filling);
        free(q->emptying);
        free(q);
        return err;
    }
    *out = q;
    return 0;
}

void data_queue_destroy(struct data_queue *q)
{
    if (q == NULL)
        return;
    pthread_mutex_destroy(&q->lock);
    close(q->fd);
    /* What peers say to each other in private was in there. */
    secret_wipe(q->filling, q->size);
    secret_wipe(q->emptying, q->size);
    free(q->filling);
    free(q->emptying);
    free(q);
}

int data_queue_put(struct data_queue *q, uint64_t id, uint32_t kind, const void *data, size_t len)
{
    const struct head head = {id, kind, (uint32_t)len};
    const uint64_t one = 1;
    size_t need = sizeof(head) + padded(len);
    bool is_first = false;
    int err = ERR_AGAIN;

    if (len > UINT32_MAX / 2)
        return ERR_RANGE;
    pthread_mutex_lock(&q->lock);
    if (need <= q->size - q->used) {
        memcpy(q->filling + q->used, &head, sizeof(head));
        if (len > 0)
            memcpy(q->filling + q->used + sizeof(head), data, len);
        /* Woken for the first alone: the taker empties all of it at once. */
        is_first = q->used == 0;
        q->used += need;
        err = 0;
    }
    pthread_mutex_unlock(&q->lock);
    /* The counter of an eventfd cannot overflow by ones. */
    if (is_first && write(q->fd, &one, sizeof(one)) < 0)
        return 0;
    return err;
}

size_t data_queue_take(struct data_queue *q, data_queue_fn each, void *user)
{
    struct head head;
    uint8_t *batch;
    uint64_t n;
    size_t used, count = 0;

    /* Cleared before the batch is taken: a sender that comes between wakes us for nothing, not too
     * late. */
    if (read(q->fd, &n, sizeof(n)) < 0)
        n = 0; /* not woken: the caller came by itself */
    pthread_mutex_lock(&q->lock);
    batch = q->filling;
    used = q->used;
    q->filling = q->emptying;
    q->emptying = batch;
    q->used = 0;
    pthread_mutex_unlock(&q->lock);
    for (size_t at = 0; at < used; at += sizeof(head) + padded(head.len)) {
        memcpy(&head, batch + at, sizeof(head));
        each(user, head.id, head.kind, batch + at + sizeof(head), head.len);
        count++;
    }
    return count;
}

int data_queue_fd(const struct data_queue *q)
{
    return q->fd;
}
