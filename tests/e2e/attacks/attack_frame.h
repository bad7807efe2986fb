/* Frames by hand: a packet socket on one interface, UDP in IPv4 with any source. For attack scripts
 * inside the private network of a test; nothing of the product uses it. */
#ifndef ATTACK_FRAME_H
#define ATTACK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX     2048u
#define FRAME_HEADERS 42u /* Ethernet, IPv4, UDP */

struct end {
    uint32_t ip;   /* host order */
    uint16_t port; /* host order */
};

/* What was seen: a UDP datagram or a TCP segment (with an empty payload, perhaps). */
struct seen {
    bool is_tcp;
    bool is_outgoing; /* left by this interface (towards what is behind it) */
    struct end from, to;
    const uint8_t *data; /* in the caller's buffer */
    size_t len;
};

/* A packet socket that sees all of `interface`, both directions, but what it sends itself. Ends the
 * program with a message when that cannot be. */
int frame_open(const char *interface);

/* The next frame that is UDP or TCP in IPv4; false: nothing waits. */
bool frame_receive(int fd, uint8_t buffer[FRAME_MAX], struct seen *out);

/* Builds a frame around `len` bytes of payload; returns its length. */
size_t frame_udp(uint8_t out[FRAME_MAX], const uint8_t from_mac[6], const uint8_t to_mac[6],
                 struct end from, struct end to, const uint8_t *data, size_t len);

bool frame_parse_mac(const char *text, uint8_t out[6]);
bool frame_parse_ip(const char *text, uint32_t *out);

#endif
