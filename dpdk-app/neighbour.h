/* Neighbours: IP address → Ethernet address, by ARP and neighbour discovery.
 *
 * One table for all workers. Changes are rare (open, answers, ageing) and take a lock; the packet
 * path only compares a version number and copies six bytes when it changed. An entry is made
 * because we want to send there, never because somebody talks to us: strangers cannot fill it. */
#ifndef DPDK_APP_NEIGHBOUR_H
#define DPDK_APP_NEIGHBOUR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NEIGHBOURS 1024u

#define NEIGHBOUR_ASK_MS     1000u  /* between requests for one address */
#define NEIGHBOUR_CONFIRM_MS 30000u /* age at which an entry is asked for again */
#define NEIGHBOUR_PROBES     3u     /* unanswered requests until a known entry is given up */

enum neighbour_state {
    NEIGHBOUR_FREE,
    NEIGHBOUR_ASKING,
    NEIGHBOUR_KNOWN,
    NEIGHBOUR_STATIC, /* configured, never asked for */
};

struct neighbour {
    _Alignas(64) _Atomic uint32_t version; /* odd while mac or state change */
    uint8_t state;                         /* enum neighbour_state */
    uint8_t local;                         /* local address that it belongs to */
    uint8_t mac[6];
    uint8_t ip[16];
    _Atomic uint32_t references;
    uint32_t probes;       /* unanswered */
    uint64_t confirmed_ms; /* last answer */
    uint64_t asked_ms;     /* last request */
    uint64_t used_ms;      /* last time that somebody wanted it */
};

struct neighbours {
    atomic_flag lock;
    struct neighbour entry[NEIGHBOURS];
};

/* An empty table. */
void neighbour_init(struct neighbours *table);

/* Index of the entry for `ip` (made when missing) with one more reference; -1: table full of
 * entries in use. */
int neighbour_hold(struct neighbours *table, unsigned local, const uint8_t ip[16], uint64_t now);
void neighbour_release(struct neighbours *table, int index);

/* Configured entry. False when the table is full. */
bool neighbour_set_static(struct neighbours *table, unsigned local, const uint8_t ip[16],
                          const uint8_t mac[6]);

/* An answer or a question told us an Ethernet address; counts only for addresses that we have. */
void neighbour_learn(struct neighbours *table, unsigned local, const uint8_t ip[16],
                     const uint8_t mac[6], uint64_t now);

/* Address of an entry; *version changes when it does. False: not known now. Packet path. */
bool neighbour_mac(const struct neighbours *table, int index, uint8_t mac[6], uint32_t *version);

static inline uint32_t neighbour_version(const struct neighbours *table, int index)
{
    return atomic_load_explicit(&table->entry[index].version, memory_order_acquire);
}

/* True when a request for this entry should be sent now (at most one a second, and none while the
 * answer is fresh); counts it as sent. */
bool neighbour_take_turn(struct neighbours *table, int index, uint64_t now);

/* Copy of an entry's local index and IP for building a request. False when free. */
bool neighbour_get(struct neighbours *table, int index, unsigned *local, uint8_t ip[16]);

#endif
