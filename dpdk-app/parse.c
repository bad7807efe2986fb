/* Ethernet, IP and UDP headers of what comes in. Everything that is not whole, not for us or a
 * fragment ends here under its own counter: the stages behind see datagrams only. */
#include "dpdk-app/parse.h"

#include <string.h>

#include "dpdk-app/wire.h"
#include "link/link_stats.h"

#define IP4_DF       0x4000u
#define IP4_RESERVED 0x8000u
#define MTU_MAX      1500u /* what an Ethernet carries; larger is a jumbo */

/* The payload's sum stays with the packet: plain media leave with the payload that they came with.
 * False: wrong. */
static bool check_udp(struct packet *p, const uint8_t *udp, uint32_t length,
                      const uint8_t *addresses)
{
    uint64_t sum = p->family == 6 ? wire_pseudo(addresses, 32, PROTO_UDP, length)
                                  : wire_pseudo(addresses, 8, PROTO_UDP, length);
    uint64_t payload = wire_sum(udp + UDP_SIZE, length - UDP_SIZE, 0);

    /* Header and payload apart: the payload's sum is used again when it leaves unchanged. */
    if (!wire_is_whole(wire_sum(udp, UDP_SIZE, sum) + payload))
        return false;
    payload = (payload & 0xffffffffu) + (payload >> 32);
    p->sum = (uint32_t)(payload + (payload >> 32));
    p->summed = 1;
    return true;
}

/* UDP header at `udp`, `room` bytes of IP payload there; the pseudo header's addresses lie at
 * `addresses`. */
static int parse_udp(struct packet *p, uint8_t *udp, uint32_t room, const uint8_t *addresses)
{
    uint32_t length;

    if (room < UDP_SIZE)
        return LINK_COUNTER_udp_malformed;
    length = wire_get16(udp + 4);
    if (length < UDP_SIZE || length > room)
        return LINK_COUNTER_udp_malformed;
    /* 0 means that the sender computed none (RFC 768), IPv4 alone. */
    if (udp[6] == 0 && udp[7] == 0) {
        if (p->family == 6)
            return LINK_COUNTER_udp_checksum; /* RFC 8200 8.1: not optional */
    } else if (!check_udp(p, udp, length, addresses)) {
        return LINK_COUNTER_udp_checksum;
    }
    p->source_port = wire_get16(udp);
    p->dest_port = wire_get16(udp + 2);
    /* The packet begins with the payload from here on; the headers stay in front of it, unread. */
    packet_shift(p, (int)(udp + UDP_SIZE - p->data));
    packet_resize(p, (uint16_t)(length - UDP_SIZE));
    return PARSE_UDP;
}

/* Cut what follows the IP packet: Ethernet pads short frames. */
static void trim(struct packet *p, uint8_t *end)
{
    packet_resize(p, (uint16_t)(end - p->data));
}

/* The header says more than there is. Devices that know no jumbo frames cut them to a buffer, which
 * is full then; others lie. */
static int cut_short(uint32_t total, uint32_t room)
{
    return total > MTU_MAX && room >= MTU_MAX ? LINK_COUNTER_frame_jumbo
                                              : LINK_COUNTER_ip_malformed;
}

static int parse_ip4(const struct locals *locals, struct packet *p)
{
    uint8_t *ip = p->data + ETH_SIZE;
    uint32_t room = p->length - ETH_SIZE, total, header;
    int local;

    if (room < IP4_SIZE || ip[0] >> 4 != 4)
        return LINK_COUNTER_ip_malformed;
    header = (ip[0] & 15u) * 4;
    total = wire_get16(ip + 2);
    if (header < IP4_SIZE || header > total)
        return LINK_COUNTER_ip_malformed;
    /* After the header's own checks: the more usual faults have their own names. */
    if (total > room)
        return cut_short(total, room);
    /* Nearly always the constant, which the compiler makes five instructions of. The checksum
     * before the address: a damaged header must not look like somebody else's packet. */
    if (!wire_is_whole(header == IP4_SIZE ? wire_sum(ip, IP4_SIZE, 0) : wire_sum(ip, header, 0)))
        return LINK_COUNTER_ip_checksum;
    local = local_find(locals, p->device, 4, ip + 16);
    if (local < 0)
        return LINK_COUNTER_ip_foreign;
    if (header != IP4_SIZE)
        return LINK_COUNTER_ip_options;
    /* No reassembly: media never need it, and fragments are the cheapest way to exhaust a receiver.
     * DTLS keeps below the MTU by itself. */
    if ((wire_get16(ip + 6) & ~(IP4_DF | IP4_RESERVED)) != 0)
        return LINK_COUNTER_ip_fragment;
    p->local = (uint8_t)local;
    p->family = 4;
    trim(p, ip + total);
    if (ip[9] == PROTO_ICMP)
        return wire_fold(wire_sum(ip + IP4_SIZE, total - IP4_SIZE, 0)) == 0
                   ? PARSE_ICMP
                   : LINK_COUNTER_l4_checksum;
    if (ip[9] != PROTO_UDP)
        return LINK_COUNTER_ip_protocol;
    memcpy(p->source_ip, ip + 12, 4);
    /* Zeros behind the four bytes: addresses are compared as sixteen (is_remote). */
    memset(p->source_ip + 4, 0, sizeof(p->source_ip) - 4);
    return parse_udp(p, ip + IP4_SIZE, total - IP4_SIZE, ip + 12);
}

static int parse_ip6(const struct locals *locals, struct packet *p)
{
    uint8_t *ip = p->data + ETH_SIZE;
    uint32_t room = p->length - ETH_SIZE, length;
    int local;

    if (room < IP6_SIZE || ip[0] >> 4 != 6)
        return LINK_COUNTER_ip_malformed;
    length = wire_get16(ip + 4);
    if (length > room - IP6_SIZE)
        return cut_short(length + IP6_SIZE, room);
    local = local_find(locals, p->device, 6, ip + 24);
    if (local < 0 && (ip[24] != 0xff || ip[6] != PROTO_ICMP6))
        return LINK_COUNTER_ip_foreign; /* groups are listened to for neighbour discovery only */
    p->local = (uint8_t)(local < 0 ? 0 : local);
    p->family = 6;
    trim(p, ip + IP6_SIZE + length);
    if (ip[6] == PROTO_ICMP6)
        return wire_fold(wire_sum(ip + IP6_SIZE, length,
                                  wire_pseudo(ip + 8, 32, PROTO_ICMP6, length))) == 0
                   ? PARSE_ICMP6
                   : LINK_COUNTER_l4_checksum;
    if (ip[6] == 44) /* fragment header */
        return LINK_COUNTER_ip_fragment;
    /* Hop-by-hop, routing, destination options, authentication: nobody puts media behind them. */
    if (ip[6] == 0 || ip[6] == 43 || ip[6] == 60 || ip[6] == 51)
        return LINK_COUNTER_ip_options;
    if (ip[6] != PROTO_UDP)
        return LINK_COUNTER_ip_protocol;
    memcpy(p->source_ip, ip + 8, 16);
    return parse_udp(p, ip + IP6_SIZE, length, ip + 8);
}

/* A tag of VLAN 0 carries a priority alone (802.1Q 6.9): take it out by moving the addresses. */
static bool strip_priority_tag(struct packet *p)
{
    if (p->length < ETH_SIZE + VLAN_SIZE || (wire_get16(p->data + ETH_SIZE) & 0xfffu) != 0)
        return false;
    /* The type behind the tag stays where it is; twelve bytes of addresses move up to it. */
    memmove(p->data + VLAN_SIZE, p->data, 12);
    packet_shift(p, VLAN_SIZE);
    return true;
}

int parse_frame(const struct locals *locals, struct packet *p)
{
    unsigned type;

    p->summed = 0;
    if (p->length < ETH_SIZE)
        return LINK_COUNTER_eth_truncated;
    /* Groups pass here: ARP and neighbour discovery use them, IP decides by its own address.
     * Promiscuous devices, or a flooding switch: not our address. */
    if (!(p->data[0] & 1) && memcmp(p->data, locals->device[p->device].mac, 6) != 0)
        return LINK_COUNTER_eth_foreign;
    type = wire_get16(p->data + 12);
    if (type == ETHERTYPE_VLAN) {
        if (!strip_priority_tag(p))
            return p->length < ETH_SIZE + VLAN_SIZE ? LINK_COUNTER_eth_truncated
                                                    : LINK_COUNTER_vlan_tagged;
        type = wire_get16(p->data + 12);
    }
    if (type == ETHERTYPE_IP4)
        return parse_ip4(locals, p);
    if (type == ETHERTYPE_IP6)
        return parse_ip6(locals, p);
    if (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ)
        return LINK_COUNTER_vlan_tagged;
    return type == ETHERTYPE_ARP ? PARSE_ARP : LINK_COUNTER_eth_type;
}
