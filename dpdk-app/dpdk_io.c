/* DPDK behind the interface `io` (worker.h): devices, buffers, the rings between workers. The rest
 * of the plane knows packets only, and runs in tests over a fake of the same interface. */
#include "dpdk-app/dpdk_io.h"

#include <rte_config.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dpdk-app/eal.h"
#include "dpdk-app/wire.h"

#define HAND_OVER_RING 1024u /* packets a pair of workers: 20 ms at 50,000 a second */
#define BUFFERS        8191u /* and as many more for each further worker */
#define BUFFER_CACHE   256u
#define ANY_SOCKET     ((unsigned)SOCKET_ID_ANY)

_Static_assert(sizeof(struct rte_mbuf) == 128, "the packet begins a cache line of its own");

struct dpdk_worker {
    struct io io;
    struct dpdk *dpdk;
    struct link_server *server;
    unsigned number;
    _Alignas(64) atomic_bool sleeping;
};

struct dpdk {
    unsigned workers, devices;
    uint16_t port[DEVICES_MAX];
    uint16_t queues[DEVICES_MAX]; /* receive queues; worker n polls queue n if there is one */
    bool started[DEVICES_MAX];
    bool can_chain; /* every device sends packets of several buffers */
    struct rte_mempool *pool;
    struct rte_mempool *references; /* buffers without room, that point into others */
    struct rte_ring *ring[LINK_WORKERS_MAX][LINK_WORKERS_MAX]; /* [from][to] */
    struct dpdk_worker worker[LINK_WORKERS_MAX];
};

/* ---- packets ---- */

/* The packet lies in the mbuf's private area: one pointer for both, and the mbuf's own line stays
 * untouched until it is sent. */
static inline struct rte_mbuf *mbuf_of(struct packet *p)
{
    return (struct rte_mbuf *)(void *)((char *)p - sizeof(struct rte_mbuf));
}

static inline struct packet *packet_of(struct rte_mbuf *m)
{
    struct packet *p = rte_mbuf_to_priv(m);

    /* Copied out of the mbuf once: the stages read the packet's line only. */
    p->data = rte_pktmbuf_mtod(m, uint8_t *);
    p->length = m->data_len;
    p->head = m->data_off;
    p->tail = (uint16_t)(m->buf_len - m->data_off - m->data_len);
    return p;
}

static inline struct packet *fresh_packet(struct rte_mbuf *m)
{
    struct packet *p = packet_of(m);

    p->bits = 0;
    p->summed = 0;
    return p;
}

static inline struct dpdk_worker *worker_of(struct io *io)
{
    return (struct dpdk_worker *)(void *)io; /* its first member */
}

static unsigned io_receive(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    struct dpdk_worker *worker = worker_of(io);
    struct dpdk *dpdk = worker->dpdk;
    struct rte_mbuf *m[PACKET_BURST];
    uint16_t got;
    unsigned kept = 0;

    /* Fewer queues than workers: those without one live from hand-overs. */
    if (worker->number >= dpdk->queues[device])
        return 0;
    got = rte_eth_rx_burst(dpdk->port[device], (uint16_t)worker->number, m,
                           (uint16_t)(n < PACKET_BURST ? n : PACKET_BURST));
    for (uint16_t i = 0; i < got; i++) {
        /* Our buffers hold any frame of 1,500 bytes; a chain is a jumbo frame that the device let
         * in. */
        if (likely(m[i]->nb_segs == 1)) {
            p[kept++] = packet_of(m[i]);
        } else { /* longer than a frame of ours can be */
            rte_pktmbuf_free(m[i]);
            io->oversized++;
        }
    }
    return kept;
}

static unsigned io_send(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    struct dpdk_worker *worker = worker_of(io);
    struct rte_mbuf *m[PACKET_BURST];
    uint16_t sent;

    for (unsigned i = 0; i < n; i++) {
        m[i] = mbuf_of(p[i]);
        /* Headers have moved the front while the packet was worked on. */
        m[i]->data_off = (uint16_t)(p[i]->data - (uint8_t *)m[i]->buf_addr);
        m[i]->data_len = p[i]->length;
        m[i]->pkt_len = p[i]->length;
        if (p[i]->bits & PACKET_CHAINED)
            /* Of a chain the second part was set when it was attached. */
            m[i]->pkt_len += p[i]->more;
        m[i]->ol_flags = 0;
    }
    sent = rte_eth_tx_burst(worker->dpdk->port[device], (uint16_t)worker->number, m, (uint16_t)n);
    /* What the device does not take is lost, as on any full wire; waiting would stall every other
     * call. */
    if (sent < n)
        rte_pktmbuf_free_bulk(&m[sent], n - sent);
    return sent;
}

static struct packet *io_alloc(struct io *io)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(worker_of(io)->dpdk->pool);

    return m != NULL ? fresh_packet(m) : NULL;
}

static bool io_alloc_many(struct io *io, struct packet **p, unsigned n)
{
    struct rte_mbuf *m[PACKET_BURST];

    if (rte_pktmbuf_alloc_bulk(worker_of(io)->dpdk->pool, m, n) != 0)
        return false;
    /* Two passes: the private areas are cold, all of them are fetched before the first is
     * written. */
    for (unsigned i = 0; i < n; i++)
        rte_prefetch0(rte_mbuf_to_priv(m[i]));
    for (unsigned i = 0; i < n; i++)
        p[i] = fresh_packet(m[i]);
    return true;
}

/* For a device that takes one buffer a packet. */
static bool copy_shared(struct packet *p)
{
    if (p->tail < p->more)
        /* No room for the payload: dropped by the caller, which counts it. */
        return false;
    memcpy(p->data + p->length, p->shared, p->more);
    p->sum = wire_half(wire_sum(p->data, p->length, p->sum));
    packet_resize(p, (uint16_t)(p->length + p->more));
    p->bits &= (uint8_t)~PACKET_SHARED;
    return true;
}

static bool io_chain(struct io *io, struct packet *p, struct packet *owner)
{
    struct dpdk *dpdk = worker_of(io)->dpdk;
    struct rte_mbuf *m = mbuf_of(p), *of = mbuf_of(owner), *more;

    /* Where one device cannot send chains, none gets them: a packet does not know yet by which it
     * leaves. */
    if (!dpdk->can_chain)
        return copy_shared(p);
    more = rte_pktmbuf_alloc(dpdk->references);
    if (more == NULL)
        return false;
    /* A reference counts on the original's buffer: it lives until the last copy has left the
     * device. */
    rte_pktmbuf_attach(more, of);
    more->data_off = (uint16_t)(p->shared - (uint8_t *)of->buf_addr);
    more->data_len = p->more;
    more->pkt_len = p->more;
    m->next = more;
    m->nb_segs = 2;
    p->bits |= PACKET_CHAINED;
    return true;
}

static void io_unchain(struct io *io, struct packet *p)
{
    /* Before a copy is encrypted it must stand alone, or the others' payload would change with
     * it. */
    struct rte_mbuf *m = mbuf_of(p), *more = m->next;

    (void)io;
    m->next = NULL;
    m->nb_segs = 1;
    rte_pktmbuf_free(more);
}

static void io_release(struct io *io, struct packet **p, unsigned n)
{
    (void)io;
    for (unsigned i = 0; i < n; i++)
        rte_pktmbuf_free(mbuf_of(p[i]));
}

static unsigned io_hand_over(struct io *io, unsigned to, struct packet **p, unsigned n)
{
    struct dpdk_worker *worker = worker_of(io);
    struct dpdk_worker *other = &worker->dpdk->worker[to];
    unsigned taken =
        /* Single producer: one ring for each ordered pair of workers. */
        rte_ring_sp_enqueue_burst(worker->dpdk->ring[worker->number][to], (void **)p, n, NULL);

    /* Pairs with dpdk_sleep_begin: either it sees the packets or we see that it sleeps. */
    atomic_thread_fence(memory_order_seq_cst);
    if (taken > 0 && atomic_load_explicit(&other->sleeping, memory_order_relaxed))
        link_server_wake(worker->server, to);
    return taken;
}

static unsigned io_take_over(struct io *io, struct packet **p, unsigned n)
{
    struct dpdk_worker *worker = worker_of(io);
    struct dpdk *dpdk = worker->dpdk;
    unsigned got = 0;

    for (unsigned from = 0; from < dpdk->workers && got < n; from++)
        /* Each ring gives what it has until the burst is full. */
        if (from != worker->number)
            got += rte_ring_sc_dequeue_burst(dpdk->ring[from][worker->number], (void **)(p + got),
                                             n - got, NULL);
    return got;
}

struct io *dpdk_io(struct dpdk *dpdk, unsigned number, struct link_server *server)
{
    struct dpdk_worker *worker = &dpdk->worker[number];

    worker->io = (struct io){.receive = io_receive,
                             .send = io_send,
                             .alloc = io_alloc,
                             .release = io_release,
                             .hand_over = io_hand_over,
                             .take_over = io_take_over,
                             .alloc_many = io_alloc_many,
                             .chain = io_chain,
                             .unchain = io_unchain};
    worker->dpdk = dpdk;
    worker->server = server;
    worker->number = number;
    return &worker->io;
}

bool dpdk_sleep_begin(struct dpdk *dpdk, unsigned number)
{
    /* Pairs with io_hand_over. */
    atomic_store_explicit(&dpdk->worker[number].sleeping, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned from = 0; from < dpdk->workers; from++)
        if (from != number && !rte_ring_empty(dpdk->ring[from][number]))
            return false;
    return true;
}

void dpdk_sleep_end(struct dpdk *dpdk, unsigned number)
{
    atomic_store_explicit(&dpdk->worker[number].sleeping, false, memory_order_relaxed);
}

void dpdk_pause(void)
{
    rte_pause();
}

/* ---- start ---- */

static int make_rings(struct dpdk *dpdk, char *text, size_t size)
{
    for (unsigned from = 0; from < dpdk->workers; from++) {
        for (unsigned to = 0; to < dpdk->workers; to++) {
            char name[32];

            if (from == to)
                continue;
            snprintf(name, sizeof(name), "over_%u_%u", from, to);
            dpdk->ring[from][to] =
                rte_ring_create(name, HAND_OVER_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
            if (dpdk->ring[from][to] == NULL) {
                snprintf(text, size, "no memory for the rings between workers; raise memory_mb");
                return ERR_NOMEM;
            }
        }
    }
    return 0;
}

static int make_pool(struct dpdk *dpdk, char *text, size_t size)
{
    unsigned n = (BUFFERS + 1) * dpdk->workers - 1;

    /* One pool for all workers: whoever frees need not be who allocated, and the caches keep them
     * apart. */
    dpdk->pool = rte_pktmbuf_pool_create("packets", n, BUFFER_CACHE, sizeof(struct packet),
                                         RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    /* Without data room: they point into others' (io_chain). */
    dpdk->references = rte_pktmbuf_pool_create("references", n, BUFFER_CACHE, 0, 0, SOCKET_ID_ANY);
    if (dpdk->pool != NULL && dpdk->references != NULL)
        return 0;
    snprintf(text, size, "no memory for %u packet buffers of %u bytes; raise memory_mb", n,
             RTE_MBUF_DEFAULT_BUF_SIZE);
    return ERR_NOMEM;
}

/* Queues of a device: a sending one for each worker, receiving ones as many as it has. */
static int choose_queues(struct dpdk *dpdk, unsigned d, const struct settings_device *device,
                         const struct rte_eth_dev_info *info, char *text, size_t size)
{
    unsigned wanted = device->queues != 0 ? device->queues : dpdk->workers;

    if (info->max_tx_queues < dpdk->workers) {
        snprintf(text, size, "device %s has %u sending queues, %u workers need one each",
                 device->name, info->max_tx_queues, dpdk->workers);
        return ERR_UNSUPPORTED;
    }
    if (strncmp(device->eal, "net_af_packet", 13) == 0) {
        /* The kernel spreads packets over the sockets of all pairs, used or not. */
        wanted = info->max_rx_queues;
        if (wanted != dpdk->workers) {
            snprintf(text, size,
                     "device %s has qpairs=%u; af_packet needs a pair for each worker, %u",
                     device->name, wanted, dpdk->workers);
            return ERR_INVAL;
        }
    }
    if (wanted > dpdk->workers)
        /* Packets in a queue that nobody polls would vanish without a counter. */
        wanted = dpdk->workers; /* nobody would poll the others */
    dpdk->queues[d] =
        (uint16_t)(wanted < info->max_rx_queues ? wanted : (unsigned)info->max_rx_queues);
    return 0;
}

static int set_up_queues(struct dpdk *dpdk, unsigned d, const struct settings_device *device)
{
    uint16_t port = dpdk->port[d], rx = device->descriptors, tx = device->descriptors;

    if (rx == 0)
        rx = tx = 512;
    /* Drivers have minima and multiples; asking for the nearest is better than failing. */
    if (rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx) < 0)
        return ERR_IO;
    for (uint16_t q = 0; q < dpdk->queues[d]; q++)
        if (rte_eth_rx_queue_setup(port, q, rx, ANY_SOCKET, NULL, dpdk->pool) < 0)
            return ERR_IO;
    for (uint16_t q = 0; q < dpdk->workers; q++)
        if (rte_eth_tx_queue_setup(port, q, tx, ANY_SOCKET, NULL) < 0)
            return ERR_IO;
    return 0;
}

static int fill_device(struct dpdk *dpdk, unsigned d, const struct settings_device *device,
                       struct device *out)
{
    struct rte_ether_addr mac;
    uint16_t mtu = 1500;

    if (rte_eth_macaddr_get(dpdk->port[d], &mac) < 0)
        return ERR_IO;
    memcpy(out->mac, mac.addr_bytes, 6);
    if (device->mtu != 0)
        rte_eth_dev_set_mtu(dpdk->port[d], device->mtu); /* what holds is asked for next */
    rte_eth_dev_get_mtu(dpdk->port[d], &mtu);
    /* The smaller of what is wished for and what the device has: packets up to it leave whole. */
    out->mtu = device->mtu != 0 && device->mtu < mtu ? device->mtu : mtu;
    if (out->mtu > 1500)
        out->mtu = 1500; /* the buffers' size */
    return 0;
}

static int start_device(struct dpdk *dpdk, unsigned d, const struct settings_device *device,
                        struct device *out, char *text, size_t size)
{
    struct rte_eth_conf conf;
    struct rte_eth_dev_info info;
    char name[SETTINGS_PATH_MAX];
    uint16_t port;
    int err;

    eal_device_name(device->eal, name, sizeof(name));
    /* By the name that EAL gave it: port numbers depend on the order of probing. */
    if (rte_eth_dev_get_port_by_name(name, &port) != 0 || rte_eth_dev_info_get(port, &info) != 0) {
        snprintf(text, size, "device %s: EAL found no \"%s\"", device->name, name);
        return ERR_NOTFOUND;
    }
    dpdk->port[d] = port;
    err = choose_queues(dpdk, d, device, &info, text, size);
    if (err != 0)
        return err;
    memset(&conf, 0, sizeof(conf));
    /* Chains save the copy of the payload for each clear receiver of a conference. */
    if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    else
        dpdk->can_chain = false;
    /* RSS where the device can: neighbours of a conference may then land on different workers, and
     * the port table brings them together. */
    if (dpdk->queues[d] > 1 && info.reta_size > 0 && info.flow_type_rss_offloads != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf =
            (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) & info.flow_type_rss_offloads;
    }
    if (rte_eth_dev_configure(port, dpdk->queues[d], (uint16_t)dpdk->workers, &conf) < 0 ||
        set_up_queues(dpdk, d, device) != 0 || rte_eth_dev_start(port) < 0) {
        snprintf(text, size, "device %s (%s) does not start with %u receiving, %u sending queues",
                 device->name, name, dpdk->queues[d], dpdk->workers);
        return ERR_IO;
    }
    dpdk->started[d] = true;
    rte_eth_allmulticast_enable(port); /* neighbour discovery; not every device can or needs to */
    err = fill_device(dpdk, d, device, out);
    if (err != 0)
        snprintf(text, size, "device %s does not tell its Ethernet address", device->name);
    return err;
}

static int start_all(struct dpdk *dpdk, const struct settings_data_plane *config,
                     struct locals *locals, char *text, size_t size)
{
    int err = make_pool(dpdk, text, size);

    if (err == 0)
        err = make_rings(dpdk, text, size);
    for (unsigned d = 0; err == 0 && d < config->device_count; d++)
        err = start_device(dpdk, d, &config->devices[d], &locals->device[d], text, size);
    return err;
}

int dpdk_start(const struct settings_data_plane *config, struct locals *locals, struct dpdk **out,
               char *text, size_t size)
{
    struct dpdk *dpdk;
    int err = eal_start(config, text, size);

    if (err != 0)
        return err;
    dpdk = aligned_alloc(64, sizeof(*dpdk));
    if (dpdk == NULL)
        return ERR_NOMEM;
    memset(dpdk, 0, sizeof(*dpdk));
    dpdk->workers = config->workers;
    dpdk->can_chain = true;
    dpdk->devices = config->device_count;
    locals->devices = config->device_count;
    err = start_all(dpdk, config, locals, text, size);
    if (err != 0) {
        dpdk_stop(dpdk);
        return err;
    }
    *out = dpdk;
    return 0;
}

/* ---- threads, end ---- */

/* EAL's logical cores 1… are the workers; 0 is the control thread. */
int dpdk_launch(struct dpdk *dpdk, unsigned worker, int (*body)(void *), void *context)
{
    (void)dpdk;
    return rte_eal_remote_launch(body, context, worker + 1) == 0 ? 0 : ERR_IO;
}

void dpdk_join(struct dpdk *dpdk)
{
    (void)dpdk;
    rte_eal_mp_wait_lcore();
}

static void drain_rings(struct dpdk *dpdk)
{
    for (unsigned from = 0; from < dpdk->workers; from++) {
        for (unsigned to = 0; to < dpdk->workers; to++) {
            void *p;

            /* Packets that nobody took over before the end belong to the pool that is freed
             * below. */
            while (dpdk->ring[from][to] != NULL && rte_ring_dequeue(dpdk->ring[from][to], &p) == 0)
                rte_pktmbuf_free(mbuf_of(p));
            rte_ring_free(dpdk->ring[from][to]);
        }
    }
}

/* Rings, devices, pools: each holds buffers of the next. */
void dpdk_stop(struct dpdk *dpdk)
{
    if (dpdk == NULL)
        return;
    drain_rings(dpdk);
    for (unsigned d = 0; d < dpdk->devices; d++) {
        if (!dpdk->started[d])
            continue;
        rte_eth_dev_stop(dpdk->port[d]);
        rte_eth_dev_close(dpdk->port[d]);
    }
    rte_mempool_free(dpdk->references);
    rte_mempool_free(dpdk->pool);
    free(dpdk);
    eal_stop();
}
