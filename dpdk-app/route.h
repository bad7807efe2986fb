/* Where media go: a transport's table (one destination for a packet) and its list of receivers
 * (each gets every packet). */
#ifndef DPDK_APP_ROUTE_H
#define DPDK_APP_ROUTE_H

#include <stdint.h>

#include "dpdk-app/worker.h"

/* A row of the list: half a cache line. */
struct receiver {
    uint32_t to, generation;
    uint32_t ssrc_in, ssrc_out; /* 0: any, unchanged */
    uint32_t order;             /* rises with each row that is made: later ones take over */
    uint16_t clock;             /* PACKET_CLOCK, 0 = by payload type */
    uint8_t pt_in, pt_out;
    uint8_t is_video;
    uint8_t key;        /* enum link_key: takes over with a key frame of this format */
    uint8_t is_leaving; /* another takes over: goes on until it does, `until` at most */
    uint8_t reserved;
    uint32_t until; /* ms, low half */
};

/* On the heap, because few transports have one and it may be long; it changes by commands alone. */
struct fan {
    uint32_t count, room;
    uint8_t pad[24];
    struct receiver row[];
};

_Static_assert(sizeof(struct receiver) == 32, "two rows a cache line");
_Static_assert(offsetof(struct fan, row) == 32, "row 1 begins a cache line");

/* Commands: table, list, switch. As the handlers of command.c. */
int route_set(struct worker *worker, struct transport *t, const struct link_msg *msg);
int route_clear(struct worker *worker, struct transport *t, const struct link_msg *msg);
int route_add(struct worker *worker, struct transport *t, const struct link_msg *msg);
int route_remove(struct worker *worker, struct transport *t, const struct link_msg *msg);
int route_switch(struct worker *worker, struct transport *t, const struct link_msg *msg);

/* A number for a row that is later than all before, those of other workers too: their clock is the
 * same. */
uint32_t route_next_order(struct worker *worker);

/* Free the list of a transport that closes. */
void route_drop(struct transport *t);

/* Plain packets, accounted, of transports with receivers: to all of them. Takes the packets. */
void route_fan_out(struct worker *worker, struct packet **p, unsigned n);

#endif
