#include "tests/e2e/attacks/attack_frame.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETHERNET 14u
#define IP4      20u
#define UDP      8u

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, size_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value & 0xffff);
}

int frame_open(const char *interface)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
    int room = 8 << 20, one = 1;

    address.sll_ifindex = (int)if_nametoindex(interface);
    if (fd < 0 || address.sll_ifindex == 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        perror(interface);
        exit(2);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    (void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
    return fd;
}

static bool parse(const uint8_t *frame, size_t len, struct seen *out)
{
    size_t head, at, total;

    if (len < ETHERNET + IP4 || get16(frame + 12) != ETHERTYPE_IP)
        return false;
    head = (size_t)(frame[ETHERNET] & 15) * 4;
    total = get16(frame + ETHERNET + 2);
    if (head < IP4 || total < head || ETHERNET + total > len)
        return false;
    out->is_tcp = frame[ETHERNET + 9] == IPPROTO_TCP;
    if (!out->is_tcp && frame[ETHERNET + 9] != IPPROTO_UDP)
        return false;
    at = ETHERNET + head;
    if (total - head < (out->is_tcp ? 20 : UDP))
        return false;
    out->from = (struct end){get32(frame + ETHERNET + 12), get16(frame + at)};
    out->to = (struct end){get32(frame + ETHERNET + 16), get16(frame + at + 2)};
    head = out->is_tcp ? (size_t)(frame[at + 12] >> 4) * 4 : UDP;
    if (at + head > ETHERNET + total)
        return false;
    out->data = frame + at + head;
    out->len = ETHERNET + total - at - head;
    return true;
}

bool frame_receive(int fd, uint8_t buffer[FRAME_MAX], struct seen *out)
{
    struct sockaddr_ll from;
    socklen_t room;
    ssize_t n;

    do {
        room = sizeof(from);
        n = recvfrom(fd, buffer, FRAME_MAX, 0, (struct sockaddr *)&from, &room);
        if (n < 0)
            return false;
    } while (!parse(buffer, (size_t)n, out));
    out->is_outgoing = from.sll_pkttype == PACKET_OUTGOING;
    return true;
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t start)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        start += get16(p + i);
    return len % 2 ? start + (uint32_t)p[len - 1] * 256 : start;
}

static uint16_t fold(uint32_t value)
{
    value = (value >> 16) + (value & 0xffff);
    value += value >> 16;
    return (uint16_t)~value;
}

size_t frame_udp(uint8_t out[FRAME_MAX], const uint8_t from_mac[6], const uint8_t to_mac[6],
                 struct end from, struct end to, const uint8_t *data, size_t len)
{
    uint8_t *ip = out + ETHERNET, *udp = ip + IP4;
    uint16_t check;

    memcpy(out, to_mac, 6);
    memcpy(out + 6, from_mac, 6);
    put16(out + 12, ETHERTYPE_IP);
    memset(ip, 0, IP4 + UDP);
    ip[0] = 0x45;
    put16(ip + 2, IP4 + UDP + len);
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    put32(ip + 12, from.ip);
    put32(ip + 16, to.ip);
    put16(ip + 10, fold(sum(ip, IP4, 0)));
    put16(udp, from.port);
    put16(udp + 2, to.port);
    put16(udp + 4, UDP + len);
    memcpy(udp + UDP, data, len);
    check = fold(sum(udp, UDP + len, sum(ip + 12, 8, (uint32_t)(IPPROTO_UDP + UDP + len))));
    put16(udp + 6, check == 0 ? 0xffff : check);
    return FRAME_HEADERS + len;
}

bool frame_parse_mac(const char *text, uint8_t out[6])
{
    unsigned b[6];

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        return false;
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)b[i];
    return true;
}

bool frame_parse_ip(const char *text, uint32_t *out)
{
    struct in_addr a;

    if (inet_pton(AF_INET, text, &a) != 1)
        return false;
    *out = ntohl(a.s_addr);
    return true;
}
