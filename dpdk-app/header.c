#include "dpdk-app/header.h"

#include <string.h>

#include "dpdk-app/wire.h"

#define TTL 64u

static void build_udp(struct header *header, uint8_t *udp, const uint8_t *addresses, size_t both,
                      uint16_t port, const struct link_addr *remote)
{
    wire_put16(udp, port);
    wire_put16(udp + 2, remote->port);
    header->udp_sum = wire_pseudo(addresses, both, PROTO_UDP, 0);
    header->udp_sum = wire_sum(udp, 4, header->udp_sum);
}

void header_build(struct header *header, const struct locals *locals, unsigned local, uint16_t port,
                  const struct link_addr *remote, const uint8_t mac[6], unsigned dscp)
{
    const struct local *l = &locals->local[local];
    uint8_t *eth = header->bytes, *ip = eth + ETH_SIZE;

    memset(header, 0, sizeof(*header));
    header->device = l->device;
    memcpy(eth, mac, 6);
    memcpy(eth + 6, locals->device[l->device].mac, 6);
    if (l->family == 4) {
        wire_put16(eth + 12, ETHERTYPE_IP4);
        ip[0] = 0x45;
        ip[1] = (uint8_t)(dscp << 2);
        wire_put16(ip + 6,
                   0x4000); /* never fragmented, so the identification may be 0 (RFC 6864) */
        ip[8] = TTL;
        ip[9] = PROTO_UDP;
        memcpy(ip + 12, l->ip, 4);
        memcpy(ip + 16, remote->ip, 4);
        header->ip_sum = wire_sum(ip, IP4_SIZE, 0);
        build_udp(header, ip + IP4_SIZE, ip + 12, 8, port, remote);
        header->size = ETH_SIZE + IP4_SIZE + UDP_SIZE;
        return;
    }
    wire_put16(eth + 12, ETHERTYPE_IP6);
    wire_put16(ip, 0x6000u | dscp << 6);
    ip[6] = PROTO_UDP;
    ip[7] = TTL;
    memcpy(ip + 8, l->ip, 16);
    memcpy(ip + 24, remote->ip, 16);
    build_udp(header, ip + IP6_SIZE, ip + 8, 32, port, remote);
    header->size = ETH_SIZE + IP6_SIZE + UDP_SIZE;
}

unsigned header_room(const struct locals *locals, const struct header *header)
{
    return locals->device[header->device].mtu - (header->size - ETH_SIZE);
}

void header_stamp(const struct header *header, struct packet *p)
{
    uint32_t length = p->length + UDP_SIZE;
    uint64_t sum = header->udp_sum + 2 * wire_word(length);
    uint16_t check = wire_fold(wire_sum(p->data, p->length, sum));
    uint8_t *ip, *udp = p->data - UDP_SIZE;

    if (check == 0)
        check = 0xffff; /* 0 would mean: no checksum (RFC 768) */
    packet_shift(p, -(int)header->size);
    memcpy(p->data, header->bytes, header->size);
    wire_put16(udp + 4, length);
    memcpy(udp + 6, &check, 2);
    ip = p->data + ETH_SIZE;
    if (header->size == ETH_SIZE + IP4_SIZE + UDP_SIZE) {
        wire_put16(ip + 2, length + IP4_SIZE);
        check = wire_fold(header->ip_sum + wire_word(length + IP4_SIZE));
        memcpy(ip + 10, &check, 2);
    } else {
        wire_put16(ip + 4, length);
    }
    p->device = header->device;
}
