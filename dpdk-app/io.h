/* Packets in and out of a worker. One set of functions a worker: DPDK in sluice-dp, arrays in
 * tests and the fuzzer. Called with bursts, so that the indirect call costs nothing per packet. */
#ifndef DPDK_APP_IO_H
#define DPDK_APP_IO_H

#include <stdbool.h>

#include "dpdk-app/packet.h"

struct io {
    /* Frames of a device, at most `n`. */
    unsigned (*receive)(struct io *io, unsigned device, struct packet **p, unsigned n);
    /* Send frames; takes all of them, returns how many the device accepted. */
    unsigned (*send)(struct io *io, unsigned device, struct packet **p, unsigned n);
    /* An empty packet with head room, NULL when the pool is empty. */
    struct packet *(*alloc)(struct io *io);
    void (*release)(struct io *io, struct packet **p, unsigned n);
    /* To another worker; returns how many its ring took, the others stay the caller's. */
    unsigned (*hand_over)(struct io *io, unsigned worker, struct packet **p, unsigned n);
    /* From other workers. */
    unsigned (*take_over)(struct io *io, struct packet **p, unsigned n);
    /* Fan-out; needed where transports have receivers. All `n` packets as alloc's, or none. */
    bool (*alloc_many)(struct io *io, struct packet **p, unsigned n);
    /* Let p leave with `owner`'s bytes from p->shared on behind its own, without copying them if
     * the device can: p holds `owner`'s buffer from now on (sets PACKET_CHAINED), or got a copy
     * (clears PACKET_SHARED). False: no buffer. */
    bool (*chain)(struct io *io, struct packet *p, struct packet *owner);
    /* Give that reference back: what p holds by itself is the packet now. */
    void (*unchain)(struct io *io, struct packet *p);
    /* Frames longer than a buffer that receive threw away; the worker counts and clears them. */
    uint32_t oversized;
};

#endif
