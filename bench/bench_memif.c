#include "bench/bench_memif.h"

#include "base/err.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* memif version 2.0 as DPDK 22.11 speaks it. */
#define COOKIE        0x3E31F20u
#define VERSION       0x0200u
#define FLAG_TO_THEM  1u /* of ADD_RING: from client to server */
#define FLAG_MASK_INT 1u /* of a ring: its reader polls, do not wake it */
#define FLAG_CHAINED  1u /* of a descriptor */

/* A millisecond of two million packets a second: a neighbour on the same machine may take the
 * core for that long and nothing is lost. Longer rings would leave the second-level cache. */
#define LOG2_RING 11u
#define RING      (1u << LOG2_RING)
#define QUEUES    32u

enum message_type { ACK = 1, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT };

struct __attribute__((packed)) message {
    uint16_t type;
    union {
        struct __attribute__((packed)) {
            uint8_t name[32];
            uint16_t min_version, max_version, max_region, max_ring_down, max_ring_up;
            uint8_t max_log2_ring;
        } hello;
        struct __attribute__((packed)) {
            uint16_t version;
            uint32_t id;
            uint8_t mode; /* 0: Ethernet */
            uint8_t secret[24], name[32];
        } init;
        struct __attribute__((packed)) {
            uint16_t index;
            uint64_t size;
        } region;
        struct __attribute__((packed)) {
            uint16_t flags, index, region;
            uint32_t offset;
            uint8_t log2_ring;
            uint16_t private_header;
        } ring;
        uint8_t if_name[32];
        struct __attribute__((packed)) {
            uint32_t code;
            char text[96];
        } disconnect;
        uint8_t fill[126];
    } u;
};
_Static_assert(sizeof(struct message) == 128, "a message of the control channel");

struct __attribute__((packed)) descriptor {
    uint16_t flags, region;
    uint32_t length, offset, metadata;
};
_Static_assert(sizeof(struct descriptor) == 16, "as the other side reads it");

/* The client is the writer of head in both kinds of ring: frames for the server, empty buffers for
 * the server to fill. The server answers with tail. */
struct ring {
    _Alignas(64) uint32_t cookie;
    uint16_t flags;
    _Atomic uint16_t head;
    _Alignas(64) _Atomic uint16_t tail;
    _Alignas(64) struct descriptor slot[RING];
};
_Static_assert(offsetof(struct ring, head) == 6, "as the other side reads it");
_Static_assert(offsetof(struct ring, tail) == 64, "as the other side reads it");
_Static_assert(offsetof(struct ring, slot) == 128, "as the other side reads it");

struct queue {
    struct ring *down, *up; /* to the server, from it */
    int down_fd, up_fd;     /* wake-ups that nobody asks for; the protocol wants them */
    uint16_t seen, given;   /* of up: frames before were handed out, buffers before given back */
};

struct memif {
    struct bench_wire wire;
    int sock, region_fd;
    uint8_t *region;
    size_t size;
    uint32_t slot; /* bytes of a buffer */
    unsigned queues, send_turn, receive_turn;
    struct queue queue[QUEUES];
};

/* ---- frames ---- */

static unsigned memif_send(struct bench_wire *wire, const struct bench_frame *frames, unsigned n)
{
    struct memif *m = (struct memif *)(void *)wire;
    struct ring *ring = m->queue[m->send_turn].down;
    uint16_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    unsigned room =
        RING - (uint16_t)(head - atomic_load_explicit(&ring->tail, memory_order_acquire));

    if (n > room)
        n = room;
    for (unsigned i = 0; i < n; i++, head++) {
        struct descriptor *d = &ring->slot[head % RING];

        memcpy(m->region + d->offset, frames[i].bytes, frames[i].length);
        d->length = frames[i].length;
        d->flags = 0;
    }
    atomic_store_explicit(&ring->head, head, memory_order_release);
    m->send_turn = m->send_turn + 1 < m->queues ? m->send_turn + 1 : 0;
    return n;
}

/* Bytes handed out are the caller's until the next call. The server has written a frame's length
 * where it looks for a buffer's: without its own one back, a longer frame would come in parts. */
static void give_back(const struct memif *m, struct queue *q)
{
    for (; q->given != q->seen; q->given++)
        q->up->slot[q->given % RING].length = m->slot;
    atomic_store_explicit(&q->up->head, (uint16_t)(q->seen + RING), memory_order_release);
}

static unsigned memif_receive(struct bench_wire *wire, struct bench_frame *frames, unsigned n)
{
    struct memif *m = (struct memif *)(void *)wire;
    struct queue *q = &m->queue[m->receive_turn];
    struct ring *ring;
    unsigned got;

    give_back(m, q);
    m->receive_turn = m->receive_turn + 1 < m->queues ? m->receive_turn + 1 : 0;
    q = &m->queue[m->receive_turn];
    ring = q->up;
    got = (uint16_t)(atomic_load_explicit(&ring->tail, memory_order_acquire) - q->seen);
    if (got > n)
        got = n;
    for (unsigned i = 0; i < got; i++, q->seen++) {
        const struct descriptor *d = &ring->slot[q->seen % RING];

        /* What the server wrote is checked like any input: it may be the thing under test that is
         * wrong. */
        frames[i].bytes = m->region + d->offset;
        frames[i].length =
            d->offset <= m->size - m->slot && d->length <= m->slot && !(d->flags & FLAG_CHAINED)
                ? d->length
                : 0;
    }
    return got;
}

/* ---- control channel ---- */

static int send_message(struct memif *m, const struct message *message, int fd)
{
    struct iovec iov = {(void *)(uintptr_t)message, sizeof(*message)};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        memset(&control, 0, sizeof(control));
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    }
    return sendmsg(m->sock, &header, MSG_NOSIGNAL) == (ssize_t)sizeof(*message) ? 0 : ERR_IO;
}

/* The next message but acknowledgements must be `type`. */
static int await(struct memif *m, enum message_type type, unsigned timeout_ms,
                 struct message *message)
{
    for (;;) {
        struct pollfd pfd = {.fd = m->sock, .events = POLLIN};
        int ready = poll(&pfd, 1, (int)timeout_ms);

        if (ready <= 0)
            return ready == 0 ? ERR_TIMEOUT : ERR_IO;
        if (recv(m->sock, message, sizeof(*message), 0) != (ssize_t)sizeof(*message))
            return ERR_CLOSED;
        if (message->type == type)
            return 0;
        if (message->type == DISCONNECT)
            return ERR_REFUSED;
        if (message->type != ACK)
            return ERR_MALFORMED;
    }
}

/* Client: INIT, memory, rings, CONNECT; the server acknowledges each but says nothing new before
 * CONNECTED, so all of it is sent at once. */
static int introduce(struct memif *m, unsigned timeout_ms)
{
    struct message message;
    int rc = await(m, HELLO, timeout_ms, &message);

    if (rc == 0 &&
        (message.u.hello.min_version > VERSION || message.u.hello.max_version < VERSION ||
         message.u.hello.max_log2_ring < LOG2_RING))
        rc = ERR_VERSION;
    if (rc != 0)
        return rc;
    message = (struct message){.type = INIT, .u.init = {.version = VERSION}};
    snprintf((char *)message.u.init.name, sizeof(message.u.init.name), "sluice-bench");
    rc = send_message(m, &message, -1);
    message = (struct message){.type = ADD_REGION, .u.region = {.size = m->size}};
    if (rc == 0)
        rc = send_message(m, &message, m->region_fd);
    for (unsigned i = 0; i < 2 * m->queues && rc == 0; i++) {
        const struct queue *q = &m->queue[i / 2];
        bool down = i % 2 == 0;
        const uint8_t *ring = (const uint8_t *)(down ? q->down : q->up);

        message = (struct message){.type = ADD_RING,
                                   .u.ring = {.flags = down ? FLAG_TO_THEM : 0,
                                              .index = (uint16_t)(i / 2),
                                              .offset = (uint32_t)(ring - m->region),
                                              .log2_ring = LOG2_RING}};
        rc = send_message(m, &message, down ? q->down_fd : q->up_fd);
    }
    message = (struct message){.type = CONNECT};
    snprintf((char *)message.u.if_name, sizeof(message.u.if_name), "generator");
    if (rc == 0)
        rc = send_message(m, &message, -1);
    return rc != 0 ? rc : await(m, CONNECTED, timeout_ms, &message);
}

/* ---- life ---- */

static void memif_destroy(struct bench_wire *wire)
{
    struct memif *m = (struct memif *)(void *)wire;

    if (m->sock >= 0)
        close(m->sock);
    for (unsigned i = 0; i < m->queues; i++) {
        if (m->queue[i].down_fd >= 0)
            close(m->queue[i].down_fd);
        if (m->queue[i].up_fd >= 0)
            close(m->queue[i].up_fd);
    }
    if (m->region)
        munmap(m->region, m->size);
    if (m->region_fd >= 0)
        close(m->region_fd);
    free(m);
}

static struct ring *make_ring(struct memif *m, unsigned number)
{
    size_t buffers = 2 * m->queues * sizeof(struct ring) + (size_t)number * RING * m->slot;
    struct ring *ring = (struct ring *)(void *)(m->region + number * sizeof(struct ring));

    ring->cookie = COOKIE;
    ring->flags = FLAG_MASK_INT;
    for (uint32_t i = 0; i < RING; i++)
        ring->slot[i] = (struct descriptor){.length = m->slot,
                                            .offset = (uint32_t)(buffers + (size_t)i * m->slot)};
    return ring;
}

static int make_memory(struct memif *m)
{
    m->size = 2 * m->queues * (sizeof(struct ring) + (size_t)RING * m->slot);
    m->region_fd = memfd_create("sluice-bench memif", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m->region_fd < 0 || ftruncate(m->region_fd, (off_t)m->size) < 0)
        return ERR_NOMEM;
    m->region =
        mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, m->region_fd, 0);
    if (m->region == MAP_FAILED) {
        m->region = NULL;
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < m->queues; i++) {
        struct queue *q = &m->queue[i];

        q->down = make_ring(m, 2 * i);
        q->up = make_ring(m, 2 * i + 1);
        q->down_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        q->up_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (q->down_fd < 0 || q->up_fd < 0)
            return ERR_NOMEM;
    }
    return 0;
}

static int connect_to(struct memif *m, const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    m->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (m->sock < 0 || connect(m->sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        return ERR_IO;
    return 0;
}

int bench_memif_connect(const char *path, unsigned queues, unsigned frame_max, unsigned timeout_ms,
                        struct bench_wire **out)
{
    struct memif *m;
    int rc;

    if (queues == 0 || queues > QUEUES || frame_max > BENCH_FRAME_MAX ||
        strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return ERR_INVAL;
    m = calloc(1, sizeof(*m));
    if (!m)
        return ERR_NOMEM;
    m->wire = (struct bench_wire){memif_send, memif_receive, memif_destroy};
    m->sock = m->region_fd = -1;
    m->queues = queues;
    /* An odd number of cache lines: with a power of two all buffers would share a few sets. */
    m->slot = ((frame_max + 63) & ~63u) | 64u;
    for (unsigned i = 0; i < queues; i++)
        m->queue[i].down_fd = m->queue[i].up_fd = -1;
    rc = connect_to(m, path);
    if (rc == 0)
        rc = make_memory(m);
    if (rc == 0)
        rc = introduce(m, timeout_ms);
    /* Only now: the server sets heads and tails to zero when it connects. */
    for (unsigned i = 0; i < queues && rc == 0; i++)
        atomic_store_explicit(&m->queue[i].up->head, RING, memory_order_release);
    if (rc != 0) {
        memif_destroy(&m->wire);
        return rc;
    }
    *out = &m->wire;
    return 0;
}
