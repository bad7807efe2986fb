/* Packets in and out of a worker. One set of functions a worker: DPDK in sluice-dp, arrays in
 * tests and the fuzzer. Called with bursts, so that the indirect call costs nothing per packet. */
#ifndef DPDK_APP_IO_H
#define DPDK_APP_IO_H

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
};

#endif
