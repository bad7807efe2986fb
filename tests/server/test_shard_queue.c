#include "server/dtls/shard_queue.h"

#include <poll.h>
#include <pthread.h>

#include "base/err.h"
#include "tests/suite.h"

static int is_readable(struct shard_queue *q)
{
    struct pollfd p = {.fd = shard_queue_fd(q), .events = POLLIN};

    return poll(&p, 1, 0);
}

static void messages_come_out_in_order(void)
{
    struct shard_queue *q = NULL;
    int v = 0;

    CU_ASSERT_EQUAL_FATAL(shard_queue_create(sizeof(int), 4, &q), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(shard_queue_put(q, &i), 0);
        CU_ASSERT_EQUAL(shard_queue_put(q, &v), ERR_AGAIN);
        for (int i = 0; i < 4; i++) {
            CU_ASSERT_EQUAL(shard_queue_take(q, &v), 0);
            CU_ASSERT_EQUAL(v, i);
        }
        CU_ASSERT_EQUAL(shard_queue_take(q, &v), ERR_AGAIN);
    }
    shard_queue_destroy(q);
}

static void fd_is_readable_while_messages_wait(void)
{
    struct shard_queue *q = NULL;
    int v = 1;

    CU_ASSERT_EQUAL_FATAL(shard_queue_create(sizeof(int), 4, &q), 0);
    CU_ASSERT_EQUAL(is_readable(q), 0);
    shard_queue_put(q, &v);
    CU_ASSERT_EQUAL(is_readable(q), 1);
    shard_queue_clear(q);
    CU_ASSERT_EQUAL(is_readable(q), 0);
    shard_queue_destroy(q);
}

#define EACH 20000

static void *producer(void *arg)
{
    for (int i = 0; i < EACH;) {
        if (shard_queue_put(arg, &i) == 0)
            i++;
        else
            poll(NULL, 0, 0);
    }
    return NULL;
}

static void two_threads_lose_nothing(void)
{
    struct shard_queue *q = NULL;
    pthread_t a, b;
    long sum = 0;
    int v = 0;

    CU_ASSERT_EQUAL_FATAL(shard_queue_create(sizeof(int), 16, &q), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&a, NULL, producer, q), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&b, NULL, producer, q), 0);
    for (int taken = 0; taken < 2 * EACH;) {
        struct pollfd p = {.fd = shard_queue_fd(q), .events = POLLIN};

        if (poll(&p, 1, 10000) <= 0)
            break;
        shard_queue_clear(q);
        while (shard_queue_take(q, &v) == 0) {
            sum += v;
            taken++;
        }
    }
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    CU_ASSERT_EQUAL(sum, (long)EACH * (EACH - 1));
    shard_queue_destroy(q);
}

SUITE("server/shard_queue", TEST(messages_come_out_in_order),
      TEST(fd_is_readable_while_messages_wait), TEST(two_threads_lose_nothing))
