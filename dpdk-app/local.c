#include "dpdk-app/local.h"

#include <string.h>

static bool on_link(const struct local *local, const uint8_t *ip)
{
    unsigned whole = local->prefix_bits / 8, rest = local->prefix_bits % 8;

    if (local->family == 6 && ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80)
        return true; /* link-local */
    if (memcmp(local->ip, ip, whole) != 0)
        return false;
    return rest == 0 || ((local->ip[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

bool local_next_hop(const struct local *local, const uint8_t *ip, uint8_t next[16])
{
    const uint8_t *hop = ip;

    if (!on_link(local, ip)) {
        if (!local->has_gateway)
            return false;
        hop = local->gateway;
    }
    memset(next, 0, 16);
    memcpy(next, hop, local_ip_size(local->family));
    return true;
}
