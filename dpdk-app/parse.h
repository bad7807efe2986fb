/* Frames to datagrams: everything that is checked before a port number is believed.
 *
 * Devices such as af_packet verify nothing, so the IPv4 header and UDP checksums are verified
 * here. Pure functions on bytes. */
#ifndef DPDK_APP_PARSE_H
#define DPDK_APP_PARSE_H

#include "dpdk-app/local.h"
#include "dpdk-app/packet.h"

/* Results besides the counter of a refusal (enum link_counter, ≥ 0). */
enum parse_result {
    PARSE_UDP = -1,   /* data, source, dest_port, local, family are set */
    PARSE_ARP = -2,   /* the frame is unchanged, its Ethernet header has been checked */
    PARSE_ICMP = -3,  /* IPv4, for us, checksums right; data is the frame without VLAN tag */
    PARSE_ICMP6 = -4, /* IPv6, for us or a group, checksum right; as above */
};

/* Look at a frame that came from p->device. On PARSE_UDP p->data is the UDP payload. */
int parse_frame(const struct locals *locals, struct packet *p);

#endif
