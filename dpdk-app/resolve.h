/* The small protocols that make us a host: ARP, ICMP echo, neighbour discovery, ICMPv6 echo
 * (RFC 826, 792, 4861, 4443). Pure functions on frames; what they learn goes into the table. */
#ifndef DPDK_APP_RESOLVE_H
#define DPDK_APP_RESOLVE_H

#include "dpdk-app/local.h"
#include "dpdk-app/neighbour.h"
#include "dpdk-app/packet.h"

/* Longest frame that resolve_request and resolve_announce make. */
#define RESOLVE_FRAME_MAX 86u

/* What became of an ARP, ICMP or ICMPv6 frame. */
struct resolve_result {
    int counter; /* enum link_counter to raise */
    bool reply;  /* p is now a frame to send out of p->device */
};

struct resolve_result resolve_arp(const struct locals *locals, struct neighbours *table,
                                  struct packet *p, uint64_t now);
struct resolve_result resolve_icmp(const struct locals *locals, struct packet *p);
struct resolve_result resolve_icmp6(const struct locals *locals, struct neighbours *table,
                                    struct packet *p, uint64_t now);

/* Write a request for `ip` (ARP or neighbour solicitation) into the empty packet p. */
void resolve_request(const struct locals *locals, unsigned local, const uint8_t ip[16],
                     struct packet *p);

/* Write a gratuitous ARP or an unsolicited neighbour advertisement for a local address. */
void resolve_announce(const struct locals *locals, unsigned local, struct packet *p);

#endif
