/* Frame headers of a transport, built once: a packet then gets a copy and three fields (lengths,
 * checksums) filled in. */
#include "dpdk-app/header.h"

#include <string.h>

#include "dpdk-app/wire.h"

#define TTL_DEFAULT 64u

static void build_udp(struct header *header, uint8_t *udp, const uint8_t *addresses, size_t both,
                      uint16_t port, const struct link_addr *remote)
{
    wire_put16(udp, port);
    wire_put16(udp + 2, remote->port);
    /* Sums of all that does not change; the payload's part is added per packet. */
    header->udp_sum = wire_pseudo(addresses, both, PROTO_UDP, 0);
    header->udp_sum = wire_sum(udp, 4, header->udp_sum);
}

void header_build(struct header *header, const struct locals *locals, unsigned local, uint16_t port,
                  const struct link_addr *remote, const uint8_t mac[6], unsigned dscp)
{
    const struct local *l = &locals->local[local];
    uint8_t *eth = header->bytes, *ip = eth + ETH_SIZE;
    uint8_t ttl = locals->ttl != 0 ? locals->ttl : TTL_DEFAULT;

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
        ip[8] = ttl;
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
    ip[7] = ttl;
    memcpy(ip + 8, l->ip, 16);
    memcpy(ip + 24, remote->ip, 16);
    build_udp(header, ip + IP6_SIZE, ip + 8, 32, port, remote);
    header->size = ETH_SIZE + IP6_SIZE + UDP_SIZE;
}
