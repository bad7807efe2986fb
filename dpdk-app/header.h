/* Ethernet, IP and UDP headers of what a transport sends, built once and stamped on each packet. */
#ifndef DPDK_APP_HEADER_H
#define DPDK_APP_HEADER_H

#include "dpdk-app/local.h"
#include "dpdk-app/packet.h"

#define HEADER_SIZE_MAX 62u /* Ethernet, IPv6, UDP */

/* The bytes fill one cache line with their size; the sums of what does not change follow. */
struct header {
    uint8_t bytes[HEADER_SIZE_MAX];
    uint8_t size; /* 42 or 62, 0 = not built */
    uint8_t device;
    uint64_t ip_sum;  /* IPv4 header with length and checksum zero */
    uint64_t udp_sum; /* pseudo header and UDP header with lengths zero */
};

/* Build for `local` (its port `port`) → `remote` through the Ethernet address `mac`. */
void header_build(struct header *header, const struct locals *locals, unsigned local, uint16_t port,
                  const struct link_addr *remote, const uint8_t mac[6], unsigned dscp);

/* Longest UDP payload that fits the device's MTU. */
unsigned header_room(const struct locals *locals, const struct header *header);

/* Put the headers in front of the payload; p becomes a frame for header->device. The caller has
 * checked head room (HEADER_SIZE_MAX) and header_room. */
void header_stamp(const struct header *header, struct packet *p);

#endif
