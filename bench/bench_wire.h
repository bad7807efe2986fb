/* Frames to and from what is measured: the far end of its network device.
 *
 * One thread. Two kinds: memif (shared memory, bench_memif.h) and a packet socket
 * (bench_packet.h), so that one generator drives any server over either. */
#ifndef BENCH_BENCH_WIRE_H
#define BENCH_BENCH_WIRE_H

#include <stdint.h>

#define BENCH_WIRE_BURST 32u
#define BENCH_FRAME_MAX  1514u

struct bench_frame {
    const uint8_t *bytes;
    uint32_t length;
};

struct bench_wire {
    /* Copies what there is room for; returns how many, the first ones. Never blocks. */
    unsigned (*send)(struct bench_wire *wire, const struct bench_frame *frames, unsigned n);
    /* At most `n` frames that have arrived; they stay valid until the next call. Never blocks. */
    unsigned (*receive)(struct bench_wire *wire, struct bench_frame *frames, unsigned n);
    void (*destroy)(struct bench_wire *wire);
};

#endif
