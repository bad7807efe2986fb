#include "bench/bench_packet.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SLOT   2048u
#define SLOTS  8192u /* 50 ms of what veth can carry */
#define BLOCK  (1u << 20)
#define PIECES 8u /* sendmmsg calls for a burst, at most */

struct packet_wire {
    struct bench_wire wire;
    int fd;
    uint8_t *ring;
    unsigned seen, given_back;
};

static struct tpacket2_hdr *slot_of(const struct packet_wire *w, unsigned i)
{
    return (struct tpacket2_hdr *)(void *)(w->ring + (size_t)(i % SLOTS) * SLOT);
}

static unsigned packet_send(struct bench_wire *wire, const struct bench_frame *frames, unsigned n)
{
    struct packet_wire *w = (struct packet_wire *)(void *)wire;
    struct mmsghdr messages[BENCH_WIRE_BURST];
    struct iovec iov[BENCH_WIRE_BURST];
    unsigned sent = 0;

    memset(messages, 0, sizeof(messages));
    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec){(void *)(uintptr_t)frames[i].bytes, frames[i].length};
        messages[i].msg_hdr.msg_iov = &iov[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (unsigned piece = 0; piece < PIECES && sent < n; piece++) {
        int rc = sendmmsg(w->fd, messages + sent, n - sent, MSG_DONTWAIT);

        if (rc < 0)
            break;
        sent += (unsigned)rc;
    }
    return sent;
}

/* Slots of the call before go back to the kernel first: their bytes were the caller's. */
static unsigned packet_receive(struct bench_wire *wire, struct bench_frame *frames, unsigned n)
{
    struct packet_wire *w = (struct packet_wire *)(void *)wire;
    unsigned got = 0;

    for (; w->given_back != w->seen; w->given_back++)
        __atomic_store_n(&slot_of(w, w->given_back)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    for (; got < n; got++, w->seen++) {
        struct tpacket2_hdr *h = slot_of(w, w->seen);

        if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
            break;
        frames[got] = (struct bench_frame){(const uint8_t *)h + h->tp_mac, h->tp_snaplen};
    }
    return got;
}

static void packet_destroy(struct bench_wire *wire)
{
    struct packet_wire *w = (struct packet_wire *)(void *)wire;

    if (w->ring)
        munmap(w->ring, (size_t)SLOTS * SLOT);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

static int open_ring(struct packet_wire *w)
{
    struct tpacket_req request = {.tp_block_size = BLOCK,
                                  .tp_block_nr = SLOTS / (BLOCK / SLOT),
                                  .tp_frame_size = SLOT,
                                  .tp_frame_nr = SLOTS};
    int version = TPACKET_V2, yes = 1;
    void *ring;

    if (setsockopt(w->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
        setsockopt(w->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
        return ERR_NOMEM;
    /* Not everywhere, and only a matter of speed. */
    (void)setsockopt(w->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes));
    ring = mmap(NULL, (size_t)SLOTS * SLOT, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
    if (ring == MAP_FAILED)
        return ERR_NOMEM;
    w->ring = ring;
    return 0;
}

int bench_packet_open(const char *interface, struct bench_wire **out)
{
    struct sockaddr_ll sa = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = (int)if_nametoindex(interface)};
    struct packet_wire *w;
    int rc;

    if (sa.sll_ifindex == 0)
        return ERR_NOTFOUND;
    w = calloc(1, sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    w->wire = (struct bench_wire){packet_send, packet_receive, packet_destroy};
    /* Protocol 0 until it is bound: nothing of other interfaces may slip in. */
    w->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    rc = w->fd < 0 ? ERR_IO : open_ring(w);
    if (rc == 0 && bind(w->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        rc = ERR_IO;
    if (rc != 0) {
        packet_destroy(&w->wire);
        return rc;
    }
    *out = &w->wire;
    return 0;
}
