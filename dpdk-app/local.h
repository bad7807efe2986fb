/* Our own addresses: which packets are for us, and where packets go next. Frozen after start. */
#ifndef DPDK_APP_LOCAL_H
#define DPDK_APP_LOCAL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "link/link_msg.h"

#define DEVICES_MAX 16u

struct local {
    uint8_t family; /* 4 or 6 */
    uint8_t device;
    uint8_t prefix_bits;
    bool has_gateway;
    uint8_t ip[16];
    uint8_t gateway[16];
};

struct device {
    uint8_t mac[6];
    uint16_t mtu; /* of IP packets */
};

struct locals {
    unsigned count, devices;
    uint8_t ttl; /* of packets that leave; 0 = 64 */
    struct local local[LINK_LOCALS_MAX];
    struct device device[DEVICES_MAX];
};

/* Bytes of an address of a family. */
static inline unsigned local_ip_size(unsigned family)
{
    return family == 4 ? 4u : 16u;
}

/* Index of the local address `ip` on `device`, -1 when it is not ours. */
static inline int local_find(const struct locals *locals, unsigned device, unsigned family,
                             const uint8_t *ip)
{
    for (unsigned i = 0; i < locals->count; i++) {
        const struct local *l = &locals->local[i];

        if (l->family == family && l->device == device &&
            (family == 4 ? memcmp(l->ip, ip, 4) : memcmp(l->ip, ip, 16)) == 0)
            return (int)i;
    }
    return -1;
}

/* Address of the neighbour that gets packets for `ip`: itself when on link, else the gateway.
 * False: no way there. */
bool local_next_hop(const struct local *local, const uint8_t *ip, uint8_t next[16]);

#endif
