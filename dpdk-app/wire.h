/* Bytes on the wire: big-endian loads and stores, the Internet checksum, header sizes. */
#ifndef DPDK_APP_WIRE_H
#define DPDK_APP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ETH_SIZE  14u
#define VLAN_SIZE 4u
#define IP4_SIZE  20u
#define IP6_SIZE  40u
#define UDP_SIZE  8u

#define ETHERTYPE_IP4  0x0800u
#define ETHERTYPE_ARP  0x0806u
#define ETHERTYPE_VLAN 0x8100u
#define ETHERTYPE_IP6  0x86ddu
#define ETHERTYPE_QINQ 0x88a8u

#define PROTO_ICMP  1u
#define PROTO_UDP   17u
#define PROTO_ICMP6 58u

static inline uint16_t wire_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void wire_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void wire_put32(uint8_t *p, uint32_t v)
{
    wire_put16(p, v >> 16);
    wire_put16(p + 2, v & 0xffff);
}

typedef uint64_t wire_lanes __attribute__((vector_size(16)));

/* 32 bytes a step for what is long enough; leaves *length below 32. */
static inline uint64_t wire_sum_long(const uint8_t **p, size_t *length)
{
    wire_lanes all = {0, 0}, high = {0, 0};

    while (*length >= 32) {
        wire_lanes v, w;

        memcpy(&v, *p, 16);
        memcpy(&w, *p + 16, 16);
        all += v + w;
        high += (v >> 32) + (w >> 32);
        *p += 32;
        *length -= 32;
    }
    /* `all` overflowed, but it is right modulo 2^64, and the low halves' sum is below that. */
    all += high - (high << 32);
    return all[0] + all[1];
}

/* One's complement sum (RFC 1071) in the machine's byte order, on top of `sum`. The carries are
 * kept by adding 32-bit halves into 64 bits. */
static inline uint64_t wire_sum(const void *data, size_t length, uint64_t sum)
{
    const uint8_t *p = data;

    if (length >= 32)
        sum += wire_sum_long(&p, &length);
    while (length >= 8) {
        uint64_t v;

        memcpy(&v, p, 8);
        sum += (v & 0xffffffffu) + (v >> 32);
        p += 8;
        length -= 8;
    }
    if (length >= 4) {
        uint32_t v;

        memcpy(&v, p, 4);
        sum += v;
        p += 4;
        length -= 4;
    }
    if (length >= 2) {
        uint16_t v;

        memcpy(&v, p, 2);
        sum += v;
        p += 2;
        length -= 2;
    }
    if (length > 0) {
        uint8_t last[2] = {*p, 0};
        uint16_t v;

        memcpy(&v, last, 2);
        sum += v;
    }
    return sum;
}

/* Sum folded and complemented: what goes into a header with memcpy; 0 over data that carry a right
 * checksum. */
static inline uint16_t wire_fold(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Are data with this sum, checksum included, whole? The one's complement sum is 0xffff then, that
 * is a multiple of it (a sum of 0 would be data of zeros alone). Half of what folding takes. */
static inline bool wire_is_whole(uint64_t sum)
{
    return sum % 0xffffu == 0;
}

/* A sum (below 2^32) after the 16-bit word `before`, as it lies in memory, became `after`
 * (RFC 1624). */
static inline uint32_t wire_replace(uint32_t sum, uint16_t before, uint16_t after)
{
    uint64_t s = (uint64_t)sum + (uint16_t)~before + after;

    return (uint32_t)((s & 0xffffffffu) + (s >> 32));
}

/* Below 2^32, as packets keep it. */
static inline uint32_t wire_half(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    return (uint32_t)(sum + (sum >> 32));
}

/* The same after bytes at an even offset, whose own sums are `before` and `after`, changed. */
static inline uint32_t wire_exchange(uint32_t sum, uint64_t before, uint64_t after)
{
    return wire_half((uint64_t)sum + (uint32_t)~wire_half(before) + wire_half(after));
}

/* A 16-bit number in network order as a summand. */
static inline uint64_t wire_word(uint32_t v)
{
    uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    uint16_t w;

    memcpy(&w, b, 2);
    return w;
}

/* Pseudo header of UDP and ICMPv6: addresses (adjacent in the IP header), protocol, length. */
static inline uint64_t wire_pseudo(const uint8_t *source_and_dest, size_t both, uint32_t protocol,
                                   uint32_t length)
{
    return wire_sum(source_and_dest, both, wire_word(protocol) + wire_word(length));
}

#endif
