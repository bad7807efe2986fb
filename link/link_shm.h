/* Shared memory of the link (inside link/ only): where everything lies, and the attach messages.
 *
 * Two memfds, both made by the data plane and sealed so that nobody can shrink them under the
 * other's feet. The rings' one is made anew at each attach: a dying sluiced cannot harm its
 * successor. The statistics' one lives as long as the data plane; control can only read it. */
#ifndef LINK_LINK_SHM_H
#define LINK_LINK_SHM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/link.h"
#include "link/link_ring.h"

#define LINK_MAGIC          0x53554c43u /* "SLUC" */
#define LINK_SLOTS_MAX      65536u
#define LINK_TRANSPORTS_MAX 65536u /* a worker */
#define LINK_MIXES_MAX      65536u /* a worker */

/* ---- rings ---- */

struct link_layout {
    uint32_t workers, producers, slots;
    size_t rings; /* offset of the ring heads */
    size_t slot;  /* offset of the slots */
    size_t size;  /* of the whole */
};

/* A consumer says here that it is about to sleep: only then is its eventfd written. */
struct link_sleep {
    _Alignas(64) _Atomic uint32_t sleeping;
};

enum link_way { LINK_DOWN, LINK_UP };

/* ERR_RANGE when a number is out of bounds. */
int link_layout_make(uint32_t workers, uint32_t producers, uint32_t slots, struct link_layout *out);
struct link_sleep *link_layout_worker(const struct link_layout *layout, void *base, unsigned w);
struct link_sleep *link_layout_producer(const struct link_layout *layout, void *base, unsigned p);
void link_layout_ring(const struct link_layout *layout, void *base, unsigned worker,
                      unsigned producer, enum link_way way, struct link_ring *ring);

/* Publish before sleeping, then look at the rings once more. */
void link_sleep_set(struct link_sleep *sleep, uint32_t sleeping);
/* After a push: true when the consumer slept and must be woken (once). */
_Bool link_sleep_take(struct link_sleep *sleep);

/* ---- statistics ---- */

struct link_entry {
    _Alignas(64) _Atomic uint32_t version; /* odd while the info changes */
    uint32_t used;
    uint64_t reserved[3];
    struct link_transport_info info;
    _Alignas(64) struct link_transport_stats stats;
};

_Static_assert(offsetof(struct link_entry, info) == 32, "info follows the head");
_Static_assert(sizeof(struct link_entry) == 576, "an odd number of cache lines a transport");

/* The same for mixes; they lie behind the transports. */
struct link_mix_entry {
    _Alignas(64) _Atomic uint32_t version;
    uint32_t used;
    uint64_t reserved[5];
    struct link_mix_info info;
    _Alignas(64) struct link_mix_stats stats;
};

_Static_assert(offsetof(struct link_mix_entry, info) == 48, "info follows the head");
_Static_assert(sizeof(struct link_mix_entry) == 192, "three cache lines a mix");

/* Octets of the shared statistics, and where a worker's counters, a transport's and a mix's entry
 * lie in them. The numbers are those that the memory was made with; indices are not checked. */
size_t link_stats_size(uint32_t workers, uint32_t transports, uint32_t mixes);
struct link_counters *link_stats_counters(void *base, unsigned worker);
struct link_entry *link_stats_entry(void *base, uint32_t workers, uint32_t transports,
                                    unsigned worker, unsigned transport);
struct link_mix_entry *link_stats_mix(void *base, uint32_t workers, uint32_t transports,
                                      uint32_t mixes, unsigned worker, unsigned mix);
/* Copies of what another thread or process writes meanwhile, word by word. */
void link_words_load(void *to, const void *from, size_t bytes);
void link_words_store(void *to, const void *from, size_t bytes);
/* A consistent copy of an entry; 0, ERR_NOTFOUND when unused or never at rest. */
int link_entry_read(const struct link_entry *entry, struct link_transport_info *info,
                    struct link_transport_stats *stats);
/* Writer: set (info) or clear (NULL). */
void link_entry_write(struct link_entry *entry, const struct link_transport_info *info);
int link_mix_read(const struct link_mix_entry *entry, struct link_mix_info *info,
                  struct link_mix_stats *stats);
void link_mix_write(struct link_mix_entry *entry, const struct link_mix_info *info);

/* ---- memfd ---- */

/* Make, size, seal, map read-write; in huge pages of 2 MB when `huge` and there are some left, then
 * *size grows to whole ones. ERR_IO. */
int link_memfd_make(const char *name, bool huge, size_t *size, int *fd, void **base);
/* Forbid writing by anybody who maps it from now on. */
int link_memfd_protect(int fd);
/* Map a received memfd after checking that it has the wanted size and its seal; *size bytes are
 * mapped. ERR_MALFORMED, ERR_IO. */
int link_memfd_map(int fd, size_t wanted, int writable, size_t *size, void **base);

/* ---- attach ---- */

struct link_sizes {
    uint32_t version;
    uint32_t msg, info, stats, counters;
};

#define LINK_SIZES_OURS                                                                           \
    ((struct link_sizes){LINK_VERSION, sizeof(struct link_msg),                                   \
                         sizeof(struct link_transport_info), sizeof(struct link_transport_stats), \
                         LINK_COUNTERS})

/* Client → server, with one eventfd a producer. Magic and sizes stay where they are for ever. */
struct link_hello {
    uint32_t magic;
    struct link_sizes sizes;
    uint32_t producers, slots;
    int32_t pid;
    char program[64];
};

/* Server → client, with the rings' memfd, the statistics' memfd and one eventfd a worker. */
struct link_welcome {
    uint32_t magic;
    struct link_sizes sizes;
    int32_t error; /* 0 or why the attach is refused */
    char text[256];
    struct link_info info;
    uint32_t producers, slots;
};

#define LINK_FDS_MAX (LINK_WORKERS_MAX + 2)

/* "link version 1 (message 2048, info 160, stats 192, counters 64)". */
void link_sizes_print(const struct link_sizes *sizes, char *out, size_t size);
/* One SEQPACKET message with fds. 0, ERR_AGAIN, ERR_CLOSED, ERR_IO. */
int link_send_fds(int sock, const void *data, size_t length, const int *fd, unsigned fds);
/* As above; *length in: room, out: bytes. *fds in: room, out: number; the caller closes them. */
int link_recv_fds(int sock, void *data, size_t *length, int *fd, unsigned *fds);
/* Write 1 to an eventfd / empty it; errors do not matter (it is full = it is readable). */
void link_wake(int fd);
void link_wake_clear(int fd);

#endif
