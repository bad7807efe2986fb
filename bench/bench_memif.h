/* The client's side of a memif (shared memory packet interface), without DPDK.
 *
 * memif lets the client own the memory: it lays out rings and buffers, the server (sluice-dp by
 * DPDK's driver) copies in and out of them. So the generator spends next to nothing on a packet,
 * needs no huge pages, and a server that exits leaves it with memory that is still mapped (DPDK's
 * own client may crash then). */
#ifndef BENCH_BENCH_MEMIF_H
#define BENCH_BENCH_MEMIF_H

#include "bench/bench_wire.h"

/* Connect to the server that listens on the Unix socket `path`, interface id 0, with a ring pair
 * for each of `queues` workers; frames are sent over all of them in turns of a burst. Blocks until
 * the server has mapped everything, at most `timeout_ms`. Buffers hold frames of `frame_max`
 * bytes and lie close together, as in a network card's ring for such packets; what is longer comes
 * in parts and is received as a frame of length 0. ERR_IO: nobody there (yet);
 * ERR_MALFORMED: it speaks something else; ERR_REFUSED: it said no; ERR_TIMEOUT, ERR_NOMEM,
 * ERR_INVAL. */
int bench_memif_connect(const char *path, unsigned queues, unsigned frame_max, unsigned timeout_ms,
                        struct bench_wire **wire);

#endif
