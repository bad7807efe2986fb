/* Ethernet, IP and UDP headers of what a transport sends, built once and stamped on each packet. */
#ifndef DPDK_APP_HEADER_H
#define DPDK_APP_HEADER_H

#include "dpdk-app/local.h"
#include "dpdk-app/packet.h"
#include "dpdk-app/wire.h"

#define HEADER_SIZE_IP4 42u /* Ethernet, IPv4, UDP */
#define HEADER_SIZE_MAX 62u /* Ethernet, IPv6, UDP */

/* The bytes fill one cache line with their size; the sums of what does not change follow. */
struct header {
    _Alignas(8) uint8_t bytes[HEADER_SIZE_MAX];
    uint8_t size; /* 42 or 62, 0 = not built */
    uint8_t device;
    uint64_t ip_sum;  /* IPv4 header with length and checksum zero */
    uint64_t udp_sum; /* pseudo header and UDP header with lengths zero */
};

/* Build for `local` (its port `port`) → `remote` through the Ethernet address `mac`. */
void header_build(struct header *header, const struct locals *locals, unsigned local, uint16_t port,
                  const struct link_addr *remote, const uint8_t mac[6], unsigned dscp);

/* Longest UDP payload that fits the device's MTU. */
static inline unsigned header_room(const struct locals *locals, const struct header *header)
{
    return locals->device[header->device].mtu - (header->size - ETH_SIZE);
}

/* Put the headers in front of a payload of `size` bytes whose sum is `payload`, the first of them
 * at p->data. */
static inline void header_put(const struct header *header, struct packet *p, uint32_t size,
                              uint64_t payload)
{
    uint32_t length = size + UDP_SIZE;
    uint16_t check = wire_fold(header->udp_sum + 2 * wire_word(length) + payload);
    uint8_t *ip, *udp = p->data - UDP_SIZE;

    if (check == 0)
        check = 0xffff; /* 0 would mean: no checksum (RFC 768) */
    packet_shift(p, -(int)header->size);
    ip = p->data + ETH_SIZE;
    /* Constant sizes: three moves instead of a slow string instruction. */
    if (header->size == HEADER_SIZE_IP4) {
        memcpy(p->data, header->bytes, HEADER_SIZE_IP4);
        wire_put16(ip + 2, length + IP4_SIZE);
        wire_put16(udp + 4, length);
        memcpy(udp + 6, &check, 2);
        check = wire_fold(header->ip_sum + wire_word(length + IP4_SIZE));
        memcpy(ip + 10, &check, 2);
    } else {
        memcpy(p->data, header->bytes, HEADER_SIZE_MAX);
        wire_put16(ip + 4, length);
        wire_put16(udp + 4, length);
        memcpy(udp + 6, &check, 2);
    }
    p->device = header->device;
}

/* p becomes a frame for header->device. The caller has checked head room (HEADER_SIZE_MAX) and
 * header_room, and set p->summed. */
static inline void header_stamp(const struct header *header, struct packet *p)
{
    header_put(header, p, p->length, p->summed ? p->sum : wire_sum(p->data, p->length, 0));
}

/* Likewise for PACKET_SHARED, where p->sum is that of the payload alone. An RTP header is whole
 * words, so that the two sums add up. */
static inline void header_stamp_shared(const struct header *header, struct packet *p)
{
    header_put(header, p, (uint32_t)p->length + p->more, wire_sum(p->data, p->length, p->sum));
}

#endif
