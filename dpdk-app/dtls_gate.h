/* How many DTLS datagrams of one transport go up to control in a moment.
 *
 * Whoever can write the remote's address on a packet is told from the remote by control alone
 * (H-RACE), so that all of it must go up; but not more than a shard bears, and a flood of one kind
 * must not use up the room of another: a ClientHello without a cookie is cheap to make up for
 * anybody, one with a cookie less so, and what follows it belongs to a handshake that is under way.
 * Hellos without a cookie also have a bound for the whole worker (H-COOKIE), beyond which each
 * transport still gets a few: a flood on one port leaves the others their calls. */
#ifndef DPDK_APP_DTLS_GATE_H
#define DPDK_APP_DTLS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds hold for each span of this length. */
#define DTLS_GATE_MS 100u
/* Of each kind from the remote: 2,000 a second and transport. */
#define DTLS_GATE_REMOTE 200u
/* Application data: 10,000 a second and transport, unless a data channel is open (dtls_gate_open).
 */
#define DTLS_GATE_DATA 1000u
/* From anybody else, in ten spans: they are counted and reported, never answered. */
#define DTLS_GATE_STRANGER 20u
#define DTLS_GATE_SPANS    10u
/* ClientHellos without a cookie of all transports of a worker: 20,000 a second... */
#define DTLS_GATE_HELLOS 2000u
/* ... beyond which each transport has so many of its own. */
#define DTLS_GATE_HELLOS_OWN 4u

enum dtls_kind {
    DTLS_KIND_HELLO,  /* ClientHello without a cookie, or the beginning of one */
    DTLS_KIND_COOKIE, /* ClientHello with one */
    DTLS_KIND_OTHER,
    DTLS_KIND_DATA, /* application data */
    DTLS_KIND_STRANGER,
    DTLS_KINDS
};

/* Of a transport; all zero at first. */
struct dtls_gate {
    uint32_t span, stranger_span; /* number of the span that the counts are of */
    uint16_t used[DTLS_KINDS];
    uint16_t data; /* of a data channel, a span; 0: the usual */
};

/* Of a worker. */
struct dtls_gate_all {
    uint32_t span;
    uint32_t hellos;
};

/* A data channel is open: so many records a second of it may come. 0: none is open any more. */
void dtls_gate_open(struct dtls_gate *gate, uint32_t records_s);

/* What a datagram from the remote is, by its first record. */
enum dtls_kind dtls_gate_kind(const uint8_t *data, size_t length);

/* May one more go up? Counts it if so. */
bool dtls_gate_admit(struct dtls_gate *gate, struct dtls_gate_all *all, uint64_t now_ms,
                     enum dtls_kind kind);

#endif
