/* Single-producer single-consumer ring of messages in shared memory (inside link/ only).
 *
 * Each end keeps its own position in its own memory and only publishes it; what the other end
 * published is checked before use, because the other process may be broken: a ring whose indices
 * make no sense is marked broken and never touched again. */
#ifndef LINK_LINK_RING_H
#define LINK_LINK_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "link/link_msg.h"

/* In shared memory: one line a writer. */
struct link_ring_shared {
    _Alignas(64) _Atomic uint32_t head; /* written by the consumer: next to read */
    _Atomic uint32_t want_room;         /* producer waits for room: wake it (both write) */
    _Alignas(64) _Atomic uint32_t tail; /* written by the producer: next to write */
};

_Static_assert(sizeof(struct link_ring_shared) == 128, "one line for each end");

/* One end, in its own memory. */
struct link_ring {
    struct link_ring_shared *shared;
    struct link_msg *slot;
    uint32_t mask;
    uint32_t position; /* ours: head of the consumer, tail of the producer */
    uint32_t other;    /* last checked position of the other end */
    bool broken;
};

/* Bind an end to zeroed shared memory with `slots` (power of two) messages. */
void link_ring_init(struct link_ring *ring, struct link_ring_shared *shared, struct link_msg *slot,
                    uint32_t slots);

/* Producer: messages that fit now. Asks the other end only when less than `wanted` is known. */
uint32_t link_ring_room(struct link_ring *ring, uint32_t wanted);

/* Producer: copy a message in and publish it. False when full or broken. */
bool link_ring_push(struct link_ring *ring, const struct link_msg *msg);

/* Consumer: take the next message out (only the bytes that its type uses are written). False when
 * empty or broken. A message that holds keys is wiped from the ring. */
bool link_ring_pop(struct link_ring *ring, struct link_msg *msg);

/* Consumer: anything to read? */
bool link_ring_ready(struct link_ring *ring);

/* Consumer, after popping: true once when the producer asked to be woken for room. */
bool link_ring_take_want(struct link_ring *ring);

/* Producer: ask to be woken when there is room. */
void link_ring_set_want(struct link_ring *ring);

#endif
