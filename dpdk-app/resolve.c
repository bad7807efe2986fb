/* ARP, neighbour discovery and echo: what a host must answer so that others can send to it. Frames
 * are answered in place; nothing is kept but the table of neighbours. */
#include "dpdk-app/resolve.h"

#include <string.h>

#include "dpdk-app/wire.h"
#include "link/link_stats.h"

#define ARP_SIZE    28u
#define ARP_REQUEST 1u
#define ARP_REPLY   2u

#define ICMP_ECHO_REPLY  0u
#define ICMP_ECHO        8u
#define ICMP6_ECHO       128u
#define ICMP6_ECHO_REPLY 129u
#define ICMP6_SOLICIT    135u
#define ICMP6_ADVERT     136u
#define ND_SIZE          24u /* header, flags, target */
#define ND_OPTION_SIZE   8u
#define ND_SOURCE_MAC    1u
#define ND_TARGET_MAC    2u
#define ND_SOLICITED     0x40000000u
#define ND_OVERRIDE      0x20000000u
#define ND_HOPS          255u

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void put_eth(uint8_t *eth, const uint8_t to[6], const uint8_t from[6], unsigned type)
{
    memcpy(eth, to, 6);
    memcpy(eth + 6, from, 6);
    wire_put16(eth + 12, type);
}

/* Back to where it came from. */
static void put_back(struct packet *p, const uint8_t from[6])
{
    uint8_t *eth = p->data;

    memcpy(eth, eth + 6, 6);
    memcpy(eth + 6, from, 6);
}

/* ---- ARP ---- */

static void put_arp(uint8_t *arp, unsigned operation, const uint8_t mac[6], const uint8_t ip[4],
                    const uint8_t target_mac[6], const uint8_t target_ip[4])
{
    static const uint8_t head[6] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4, their lengths */

    memcpy(arp, head, sizeof(head));
    wire_put16(arp + 6, operation);
    memcpy(arp + 8, mac, 6);
    memcpy(arp + 14, ip, 4);
    memcpy(arp + 18, target_mac, 6);
    memcpy(arp + 24, target_ip, 4);
}

struct resolve_result resolve_arp(const struct locals *locals, struct neighbours *table,
                                  struct packet *p, uint64_t now)
{
    static const uint8_t expected[6] = {0, 1, 8, 0, 6, 4};
    struct resolve_result result = {LINK_COUNTER_arp_in, false};
    uint8_t *arp = p->data + ETH_SIZE, sender[16] = {0}, mac[6];
    unsigned operation;
    int local;

    /* Other hardware or protocol than Ethernet and IPv4 is not ours to answer. */
    if (p->length < ETH_SIZE + ARP_SIZE || memcmp(arp, expected, sizeof(expected)) != 0) {
        result.counter = LINK_COUNTER_eth_truncated;
        return result;
    }
    operation = wire_get16(arp + 6);
    memcpy(mac, arp + 8, 6);
    memcpy(sender, arp + 14, 4);
    local = local_find(locals, p->device, 4, arp + 24);
    if (mac[0] & 1)
        return result; /* a group is nobody's address */
    /* Gratuitous ones (target = sender) tell of a neighbour that moved. For each local address on
     * the device: transports ask by theirs. Only entries that are wanted take it up. */
    for (unsigned i = 0; i < locals->count; i++)
        if (locals->local[i].family == 4 && locals->local[i].device == p->device)
            neighbour_learn(table, i, sender, mac, now);
    if (operation != ARP_REQUEST || local < 0)
        return result;
    put_eth(p->data, mac, locals->device[p->device].mac, ETHERTYPE_ARP);
    put_arp(arp, ARP_REPLY, locals->device[p->device].mac, locals->local[local].ip, mac, sender);
    packet_resize(p, ETH_SIZE + ARP_SIZE);
    result.reply = true;
    return result;
}

/* ---- ICMP ---- */

struct resolve_result resolve_icmp(const struct locals *locals, struct packet *p)
{
    struct resolve_result result = {LINK_COUNTER_icmp_other, false};
    uint8_t *ip = p->data + ETH_SIZE, *icmp = ip + IP4_SIZE;
    uint16_t check;

    /* Only plain requests to our own address: an answer to a group or broadcast would make an
     * amplifier of us (RFC 1122 §3.2.2.6). */
    if (p->length < ETH_SIZE + IP4_SIZE + 8 || icmp[0] != ICMP_ECHO || icmp[1] != 0 ||
        (ip[12] & 0xf0) == 0xe0 || (p->data[0] & 1))
        return result;
    put_back(p, locals->device[p->device].mac);
    /* From and to change places; ours is written anew, not trusted. */
    memcpy(ip + 16, ip + 12, 4);
    memcpy(ip + 12, locals->local[p->local].ip, 4);
    ip[8] = 64;
    memset(ip + 10, 0, 2);
    /* The whole header again: TTL has changed with it. */
    check = wire_fold(wire_sum(ip, IP4_SIZE, 0));
    memcpy(ip + 10, &check, 2);
    icmp[0] = ICMP_ECHO_REPLY;
    memset(icmp + 2, 0, 2);
    check = wire_fold(wire_sum(icmp, p->length - ETH_SIZE - IP4_SIZE, 0));
    memcpy(icmp + 2, &check, 2);
    result.counter = LINK_COUNTER_echo_in;
    result.reply = true;
    return result;
}

/* ---- ICMPv6 ---- */

static void put_icmp6_check(uint8_t *ip, uint32_t length)
{
    uint8_t *icmp = ip + IP6_SIZE;
    uint16_t check;

    /* The field counts as zero in its own sum. */
    memset(icmp + 2, 0, 2);
    check = wire_fold(wire_sum(icmp, length, wire_pseudo(ip + 8, 32, PROTO_ICMP6, length)));
    memcpy(icmp + 2, &check, 2);
}

static void put_ip6(uint8_t *ip, uint32_t length, unsigned hops, const uint8_t from[16],
                    const uint8_t to[16])
{
    wire_put32(ip, 0x60000000u);
    wire_put16(ip + 4, length);
    ip[6] = PROTO_ICMP6;
    ip[7] = (uint8_t)hops;
    /* memmove: `to` may be the source field of the very header that is being written. */
    memmove(ip + 24, to, 16);
    memcpy(ip + 8, from, 16);
}

/* Ethernet address in an option of a solicitation or advertisement, NULL without one. Malformed
 * options end the search: lengths of 0 would never end. */
static const uint8_t *find_option(const uint8_t *at, size_t length, unsigned kind)
{
    while (length >= ND_OPTION_SIZE) {
        size_t size = at[1] * (size_t)8;

        if (size == 0 || size > length)
            return NULL;
        if (at[0] == kind && size == ND_OPTION_SIZE)
            return at + 2;
        at += size;
        length -= size;
    }
    return NULL;
}

static void learn6(const struct locals *locals, struct neighbours *table, const struct packet *p,
                   const uint8_t ip[16], const uint8_t *mac, uint64_t now)
{
    /* A group address is nobody's. */
    if (mac == NULL || (mac[0] & 1))
        return;
    for (unsigned i = 0; i < locals->count; i++)
        if (locals->local[i].family == 6 && locals->local[i].device == p->device)
            neighbour_learn(table, i, ip, mac, now);
}

static struct resolve_result on_solicit(const struct locals *locals, struct neighbours *table,
                                        struct packet *p, uint64_t now)
{
    static const uint8_t unspecified[16];
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
    struct resolve_result result = {LINK_COUNTER_nd_in, false};
    uint8_t *ip = p->data + ETH_SIZE, *icmp = ip + IP6_SIZE, asker[16], mac[6];
    /* From "::": the asker has no address yet, the answer goes to all nodes (RFC 4861 §7.2.4). */
    bool probe = memcmp(ip + 8, unspecified, 16) == 0; /* duplicate address detection */
    const uint8_t *source_mac;
    int local = local_find(locals, p->device, 6, icmp + 8);

    source_mac =
        find_option(icmp + ND_SIZE, p->length - ETH_SIZE - IP6_SIZE - ND_SIZE, ND_SOURCE_MAC);
    if (!probe)
        learn6(locals, table, p, ip + 8, source_mac, now);
    /* A larger answer than the question must fit its buffer. */
    if (local < 0 || p->tail + p->length < RESOLVE_FRAME_MAX)
        return result;
    memcpy(asker, probe ? all_nodes : ip + 8, 16);
    memcpy(mac, p->data + 6, 6);
    if (probe)
        memcpy(mac, (const uint8_t[6]){0x33, 0x33, 0, 0, 0, 1}, 6);
    put_eth(p->data, mac, locals->device[p->device].mac, ETHERTYPE_IP6);
    put_ip6(ip, ND_SIZE + ND_OPTION_SIZE, ND_HOPS, locals->local[local].ip, asker);
    icmp[0] = ICMP6_ADVERT;
    icmp[1] = 0;
    wire_put32(icmp + 4, probe ? ND_OVERRIDE : ND_SOLICITED | ND_OVERRIDE);
    icmp[ND_SIZE] = ND_TARGET_MAC;
    icmp[ND_SIZE + 1] = 1;
    memcpy(icmp + ND_SIZE + 2, locals->device[p->device].mac, 6);
    put_icmp6_check(ip, ND_SIZE + ND_OPTION_SIZE);
    packet_resize(p, ETH_SIZE + IP6_SIZE + ND_SIZE + ND_OPTION_SIZE);
    result.reply = true;
    return result;
}

static struct resolve_result on_echo6(const struct locals *locals, struct packet *p)
{
    struct resolve_result result = {LINK_COUNTER_icmp_other, false};
    uint8_t *ip = p->data + ETH_SIZE, *icmp = ip + IP6_SIZE;
    uint32_t length = p->length - ETH_SIZE - IP6_SIZE;

    /* Never to or from groups, see resolve_icmp. */
    if (icmp[1] != 0 || length < 8 || ip[24] == 0xff || ip[8] == 0xff)
        return result;
    put_back(p, locals->device[p->device].mac);
    put_ip6(ip, length, 64, locals->local[p->local].ip, ip + 8);
    icmp[0] = ICMP6_ECHO_REPLY;
    put_icmp6_check(ip, length);
    result.counter = LINK_COUNTER_echo_in;
    result.reply = true;
    return result;
}

struct resolve_result resolve_icmp6(const struct locals *locals, struct neighbours *table,
                                    struct packet *p, uint64_t now)
{
    struct resolve_result result = {LINK_COUNTER_icmp_other, false};
    uint8_t *ip = p->data + ETH_SIZE, *icmp = ip + IP6_SIZE;
    uint32_t length = p->length - ETH_SIZE - IP6_SIZE;

    if (length < 8)
        return result;
    if (icmp[0] == ICMP6_ECHO)
        return on_echo6(locals, p);
    /* Hop limit 255: it comes from this link (RFC 4861 7.1). */
    if (ip[7] != ND_HOPS || icmp[1] != 0 || length < ND_SIZE)
        return result;
    if (icmp[0] == ICMP6_SOLICIT)
        return on_solicit(locals, table, p, now);
    /* Advertisements are believed if somebody here asked (neighbour_learn knows): unsolicited ones
     * for strangers leave no trace. */
    if (icmp[0] == ICMP6_ADVERT) {
        learn6(locals, table, p, icmp + 8,
               find_option(icmp + ND_SIZE, length - ND_SIZE, ND_TARGET_MAC), now);
        result.counter = LINK_COUNTER_nd_in;
    }
    return result;
}

/* ---- what we say on our own ---- */

static void nd_message(const struct locals *locals, unsigned local, unsigned type, uint32_t flags,
                       const uint8_t target[16], const uint8_t to[16], const uint8_t to_mac[6],
                       struct packet *p)
{
    const struct local *l = &locals->local[local];
    uint8_t *ip = p->data + ETH_SIZE, *icmp = ip + IP6_SIZE;

    put_eth(p->data, to_mac, locals->device[l->device].mac, ETHERTYPE_IP6);
    put_ip6(ip, ND_SIZE + ND_OPTION_SIZE, ND_HOPS, l->ip, to);
    icmp[0] = (uint8_t)type;
    icmp[1] = 0;
    wire_put32(icmp + 4, flags);
    memcpy(icmp + 8, target, 16);
    /* A solicitation carries the asker's address, an advertisement the target's. */
    icmp[ND_SIZE] = type == ICMP6_SOLICIT ? ND_SOURCE_MAC : ND_TARGET_MAC;
    icmp[ND_SIZE + 1] = 1;
    memcpy(icmp + ND_SIZE + 2, locals->device[l->device].mac, 6);
    put_icmp6_check(ip, ND_SIZE + ND_OPTION_SIZE);
    packet_resize(p, ETH_SIZE + IP6_SIZE + ND_SIZE + ND_OPTION_SIZE);
    p->device = l->device;
}

static void arp_message(const struct locals *locals, unsigned local, const uint8_t ip[4],
                        struct packet *p)
{
    static const uint8_t nothing[6];
    const struct local *l = &locals->local[local];
    const uint8_t *mac = locals->device[l->device].mac;

    put_eth(p->data, broadcast, mac, ETHERTYPE_ARP);
    put_arp(p->data + ETH_SIZE, ARP_REQUEST, mac, l->ip, nothing, ip);
    packet_resize(p, ETH_SIZE + ARP_SIZE);
    p->device = l->device;
}

void resolve_request(const struct locals *locals, unsigned local, const uint8_t ip[16],
                     struct packet *p)
{
    uint8_t group[16] = {0xff, 2, [11] = 1, [12] = 0xff};
    uint8_t mac[6] = {0x33, 0x33, 0xff};

    if (locals->local[local].family == 4) {
        arp_message(locals, local, ip, p);
        return;
    }
    memcpy(group + 13, ip + 13, 3); /* solicited-node group (RFC 4291 2.7.1) */
    memcpy(mac + 3, ip + 13, 3);
    nd_message(locals, local, ICMP6_SOLICIT, 0, ip, group, mac, p);
}

/* Gratuitous: target and sender are the same. */
void resolve_announce(const struct locals *locals, unsigned local, struct packet *p)
{
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
    static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
    const struct local *l = &locals->local[local];

    if (l->family == 4)
        arp_message(locals, local, l->ip, p);
    else
        nd_message(locals, local, ICMP6_ADVERT, ND_OVERRIDE, l->ip, all_nodes, all_nodes_mac, p);
}
