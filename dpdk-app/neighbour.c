/* The table of neighbours, shared by all workers: who answers for which address. Changes are rare
 * and locked; the packet path reads by version and takes no lock (as the link's statistics do). */
#include "dpdk-app/neighbour.h"

#include <string.h>

void neighbour_init(struct neighbours *table)
{
    memset(table, 0, sizeof(*table));
    atomic_flag_clear(&table->lock);
}

static void lock(struct neighbours *table)
{
    /* Spinning: held for a few hundred nanoseconds by threads that do not sleep in between. */
    while (atomic_flag_test_and_set_explicit(&table->lock, memory_order_acquire))
        ;
}

static void unlock(struct neighbours *table)
{
    atomic_flag_clear_explicit(&table->lock, memory_order_release);
}

/* Readers on the packet path see either the old or the new address. Under the lock. */
static void change(struct neighbour *entry, enum neighbour_state state, const uint8_t mac[6])
{
    uint32_t version = atomic_load_explicit(&entry->version, memory_order_relaxed);

    /* Odd while it changes: see link_shm.c for the order. */
    atomic_store_explicit(&entry->version, version + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    __atomic_store_n(&entry->state, (uint8_t)state, __ATOMIC_RELAXED);
    for (int i = 0; i < 6; i++)
        __atomic_store_n(&entry->mac[i], mac[i], __ATOMIC_RELAXED);
    atomic_store_explicit(&entry->version, version + 2, memory_order_release);
}

static bool is_for(const struct neighbour *entry, unsigned local, const uint8_t ip[16])
{
    return entry->state != NEIGHBOUR_FREE && entry->local == local &&
           memcmp(entry->ip, ip, sizeof(entry->ip)) == 0;
}

/* Index for a new entry: a free one, else the unused one that was wanted longest ago. */
static int pick(const struct neighbours *table)
{
    int oldest = -1;

    for (int i = 0; i < (int)NEIGHBOURS; i++) {
        const struct neighbour *entry = &table->entry[i];

        if (entry->state == NEIGHBOUR_FREE)
            return i;
        /* Referenced ones are headers of transports: their index must stay theirs. */
        if (entry->references == 0 && entry->state != NEIGHBOUR_STATIC &&
            (oldest < 0 || entry->used_ms < table->entry[oldest].used_ms))
            oldest = i;
    }
    return oldest;
}

/* Find or make. Under the lock. */
static int place(struct neighbours *table, unsigned local, const uint8_t ip[16])
{
    static const uint8_t nothing[6];
    struct neighbour *entry;
    int index;

    /* A linear search: the table is small, and this happens when a remote is set, not per
     * packet. */
    for (int i = 0; i < (int)NEIGHBOURS; i++)
        if (is_for(&table->entry[i], local, ip))
            return i;
    index = pick(table);
    if (index < 0)
        return -1;
    entry = &table->entry[index];
    entry->local = (uint8_t)local;
    memcpy(entry->ip, ip, sizeof(entry->ip));
    entry->references = 0;
    entry->probes = 0;
    entry->asked_ms = 0;
    entry->confirmed_ms = 0;
    /* Nothing is known of it: the version moves, so that a header built for its forerunner is built
     * anew. */
    change(entry, NEIGHBOUR_ASKING, nothing);
    return index;
}

int neighbour_hold(struct neighbours *table, unsigned local, const uint8_t ip[16], uint64_t now)
{
    int index;

    lock(table);
    index = place(table, local, ip);
    if (index >= 0) {
        table->entry[index].references++;
        table->entry[index].used_ms = now;
    }
    unlock(table);
    return index;
}

void neighbour_release(struct neighbours *table, int index)
{
    if (index < 0)
        return;
    lock(table);
    table->entry[index].references--;
    unlock(table);
}

bool neighbour_set_static(struct neighbours *table, unsigned local, const uint8_t ip[16],
                          const uint8_t mac[6])
{
    int index;

    lock(table);
    index = place(table, local, ip);
    if (index >= 0)
        change(&table->entry[index], NEIGHBOUR_STATIC, mac);
    unlock(table);
    return index >= 0;
}

void neighbour_learn(struct neighbours *table, unsigned local, const uint8_t ip[16],
                     const uint8_t mac[6], uint64_t now)
{
    lock(table);
    /* Only those that are wanted: an answer nobody asked for must not fill the table (ARP spoofing
     * could otherwise push true ones out). */
    for (int i = 0; i < (int)NEIGHBOURS; i++) {
        struct neighbour *entry = &table->entry[i];

        if (!is_for(entry, local, ip) || entry->state == NEIGHBOUR_STATIC)
            continue;
        entry->confirmed_ms = now;
        entry->probes = 0;
        /* Unchanged: no new version, or every header would be built again with each
         * confirmation. */
        if (entry->state != NEIGHBOUR_KNOWN || memcmp(entry->mac, mac, 6) != 0)
            change(entry, NEIGHBOUR_KNOWN, mac);
        break;
    }
    unlock(table);
}

bool neighbour_mac(const struct neighbours *table, int index, uint8_t mac[6], uint32_t *version)
{
    const struct neighbour *entry = &table->entry[index];

    /* A writer needs nanoseconds; beyond a hundred tries the caller drops the packet instead of
     * waiting. */
    for (int tries = 0; tries < 100; tries++) {
        uint32_t before = atomic_load_explicit(&entry->version, memory_order_acquire);
        uint8_t state = __atomic_load_n(&entry->state, __ATOMIC_RELAXED);

        for (int i = 0; i < 6; i++)
            mac[i] = __atomic_load_n(&entry->mac[i], __ATOMIC_RELAXED);
        atomic_thread_fence(memory_order_acquire);
        if ((before & 1) || atomic_load_explicit(&entry->version, memory_order_relaxed) != before)
            continue;
        *version = before;
        return state == NEIGHBOUR_KNOWN || state == NEIGHBOUR_STATIC;
    }
    return false;
}

bool neighbour_take_turn(struct neighbours *table, int index, uint64_t now)
{
    static const uint8_t nothing[6];
    struct neighbour *entry = &table->entry[index];
    bool turn = false;

    lock(table);
    /* Unknown: ask at the pace of NEIGHBOUR_ASK_MS. Known: confirm from time to time. */
    if (entry->state == NEIGHBOUR_ASKING)
        turn = true;
    else if (entry->state == NEIGHBOUR_KNOWN)
        turn = now - entry->confirmed_ms >= NEIGHBOUR_CONFIRM_MS;
    if (entry->asked_ms != 0 && now - entry->asked_ms < NEIGHBOUR_ASK_MS)
        turn = false;
    if (turn) {
        entry->asked_ms = now != 0 ? now : 1;
        /* No answer to several confirmations: it is gone, packets to it would be lost without a
         * counter. */
        if (++entry->probes > NEIGHBOUR_PROBES && entry->state == NEIGHBOUR_KNOWN)
            change(entry, NEIGHBOUR_ASKING, nothing);
    }
    unlock(table);
    return turn;
}

bool neighbour_get(struct neighbours *table, int index, unsigned *local, uint8_t ip[16])
{
    struct neighbour *entry = &table->entry[index];
    bool used;

    lock(table);
    used = entry->state != NEIGHBOUR_FREE;
    *local = entry->local;
    memcpy(ip, entry->ip, sizeof(entry->ip));
    unlock(table);
    return used;
}
