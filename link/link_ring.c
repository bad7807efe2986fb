/* The ring itself. Two positions that only grow (modulo 2^32), each written by one side: full and
 * empty cannot be confused, and no lock is needed. The other side's position comes from another
 * process: it is believed only as far as it is possible. */
#include "link/link_ring.h"

#include <stddef.h>
#include <string.h>

#include "base/secret.h"

#define HEAD_SIZE offsetof(struct link_msg, u)

void link_ring_init(struct link_ring *ring, struct link_ring_shared *shared, struct link_msg *slot,
                    uint32_t slots)
{
    *ring = (struct link_ring){.shared = shared, .slot = slot, .mask = slots - 1};
}

/* Bytes of the union that a message of this type uses; 0 for one that we do not know.
 * A KEYS_SET has 2 KB of union around it, a close has none: copying only what a type uses is what
 * makes small messages cheap. A type without a line here carries its head alone. */
static size_t body_size(unsigned type)
{
    switch (type) {
    case LINK_TRANSPORT_OPEN:
        return sizeof(struct link_open);
    case LINK_TRANSPORT_CLAIM:
        return sizeof(struct link_claim);
    case LINK_TRANSPORT_REMOTE:
        return sizeof(struct link_addr);
    case LINK_KEYS_SET:
        return sizeof(struct link_keys);
    case LINK_ROUTE_SET:
        return sizeof(struct link_routes);
    case LINK_RECEIVER_ADD:
    case LINK_RECEIVER_REMOVE:
        return sizeof(struct link_receiver);
    case LINK_SOURCE_SWITCH:
        return sizeof(struct link_switch);
    case LINK_TRANSPORT_PAIR:
        return sizeof(struct link_pair);
    case LINK_TRANSPORT_DATA:
        return sizeof(struct link_data);
    case LINK_ICE_SET:
        return sizeof(struct link_ice);
    case LINK_MIX_OPEN:
        return sizeof(struct link_mix_open);
    case LINK_MIX_CLAIM:
        return sizeof(struct link_claim);
    case LINK_MIX_JOIN:
        return sizeof(struct link_mix_member);
    case LINK_MIX_LEAVE:
    case LINK_MIX_PLAY_STOP:
    case LINK_MIX_RECORD_STOP:
        return sizeof(struct link_mix_target);
    case LINK_MIX_PLAY:
    case LINK_MIX_RECORD:
    case LINK_CAPTURE:
        return sizeof(struct link_file);
    case LINK_MIX_SPEAKER:
    case LINK_MIX_DIGIT:
    case LINK_MIX_PLAYED:
    case LINK_MIX_RECORDED:
    case LINK_MIX_GONE:
    case LINK_CAPTURED:
        return sizeof(struct link_mix_event);
    case LINK_REPLY:
        return sizeof(struct link_reply);
    case LINK_FIRST_PACKET:
    case LINK_MEDIA_TIMEOUT:
    case LINK_REMOTE_MISMATCH:
    case LINK_REMOTE_LATCHED:
    case LINK_TRANSPORT_GONE:
    case LINK_ICE_SELECTED:
        return sizeof(struct link_event);
    case LINK_DTLS_TX:
    case LINK_DTLS_RX:
        return offsetof(struct link_dtls, data);
    default:
        return 0;
    }
}

/* Copy with the lengths taken from the copy: what lies in shared memory may change under us. */
static void copy_msg(struct link_msg *to, const struct link_msg *from)
{
    memcpy(to, from, HEAD_SIZE);
    /* The type of the copy, not of the slot: between two reads a broken writer could change it. */
    memcpy(&to->u, &from->u, body_size(to->type));
    if (to->type != LINK_DTLS_TX && to->type != LINK_DTLS_RX)
        return;
    /* Longer than the room: a message without content, which DTLS drops, rather than a read beyond
     * it. */
    if (to->u.dtls.length > LINK_DTLS_MAX)
        to->u.dtls.length = 0;
    memcpy(to->u.dtls.data, from->u.dtls.data, to->u.dtls.length);
}

uint32_t link_ring_room(struct link_ring *ring, uint32_t wanted)
{
    uint32_t size = ring->mask + 1;
    /* Modulo 2^32, so that it holds across the wrap. */
    uint32_t used = ring->position - ring->other;

    if (ring->broken)
        return 0;
    /* The cached position saves the shared cache line as long as there is room by what we know. */
    if (size - used < wanted) {
        uint32_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);

        if (ring->position - head > used) {
            ring->broken = true; /* a head only moves towards our tail */
            return 0;
        }
        ring->other = head;
        used = ring->position - head;
    }
    return size - used;
}

bool link_ring_push(struct link_ring *ring, const struct link_msg *msg)
{
    if (link_ring_room(ring, 1) == 0)
        return false;
    /* Written before the tail is published (release): whoever sees the tail sees the message. */
    copy_msg(&ring->slot[ring->position & ring->mask], msg);
    ring->position++;
    atomic_store_explicit(&ring->shared->tail, ring->position, memory_order_release);
    return true;
}

bool link_ring_ready(struct link_ring *ring)
{
    uint32_t tail;

    if (ring->broken)
        return false;
    if (ring->other != ring->position)
        return true;
    tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
    /* More in the ring than it holds: the other side is broken, nothing behind it may be
     * believed. */
    if (tail - ring->position > ring->mask + 1) {
        ring->broken = true;
        return false;
    }
    ring->other = tail;
    return tail != ring->position;
}

bool link_ring_pop(struct link_ring *ring, struct link_msg *msg)
{
    struct link_msg *slot;

    if (!link_ring_ready(ring))
        return false;
    slot = &ring->slot[ring->position & ring->mask];
    copy_msg(msg, slot);
    /* Keys stay nowhere longer than they must: a ring of 256 slots would otherwise hold the keys of
     * the last calls until they come around. */
    if (msg->type == LINK_KEYS_SET)
        secret_wipe(slot, sizeof(*slot));
    /* The slot is given back after the copy (release): the producer may overwrite it from here
     * on. */
    ring->position++;
    atomic_store_explicit(&ring->shared->head, ring->position, memory_order_release);
    return true;
}

bool link_ring_take_want(struct link_ring *ring)
{
    if (ring->broken)
        return false;
    /* Pairs with the fence of link_ring_set_want: either we see the flag or the producer, which
     * looks again after setting it, sees the room. */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&ring->shared->want_room, memory_order_relaxed) == 0)
        return false;
    /* Relaxed is enough: a wake that comes once too often costs a system call, nothing else. */
    atomic_store_explicit(&ring->shared->want_room, 0, memory_order_relaxed);
    return true;
}

void link_ring_set_want(struct link_ring *ring)
{
    atomic_store_explicit(&ring->shared->want_room, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}
