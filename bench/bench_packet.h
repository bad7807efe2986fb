/* A wire that is a network interface of the kernel (veth): frames by a packet socket.
 *
 * For comparisons with servers that live on kernel sockets. The kernel carries a frame to the other
 * end within our call to send it, so that the generator's core does a good part of the work. */
#ifndef BENCH_BENCH_PACKET_H
#define BENCH_BENCH_PACKET_H

#include "bench/bench_wire.h"

/* Open the interface for IPv4 frames; needs CAP_NET_RAW. ERR_NOTFOUND: no such interface; ERR_IO,
 * ERR_NOMEM. */
int bench_packet_open(const char *interface, struct bench_wire **wire);

#endif
