/* Inside of the writer: the lanes (writer.c) and the files of the thread (writer_disk.c). */
#ifndef DPDK_APP_WRITER_PRIV_H
#define DPDK_APP_WRITER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "dpdk-app/writer.h"

#define WRITER_RESULTS 1024u /* more than can be under way: files and loads of a lane */
#define WRITER_RESERVE 512u  /* slots that blocks leave to commands */

_Static_assert(WRITER_RESULTS > WRITER_FILES_MAX + WRITER_LOADS_MAX, "no result waits");

enum writer_slot_type {
    SLOT_OPEN,
    SLOT_PCM,
    SLOT_PACKET,
    SLOT_STOP,
    SLOT_LOAD,
    SLOT_FREE,
};

/* One ring slot, 2 KB. */
struct writer_slot {
    uint8_t type; /* enum writer_slot_type */
    uint8_t kind; /* SLOT_OPEN: enum writer_kind */
    uint8_t family;
    uint8_t is_silent; /* SLOT_PCM: nothing in data */
    uint16_t file;
    uint16_t length;   /* bytes in data */
    uint32_t samples;  /* SLOT_PCM */
    uint32_t rate;     /* SLOT_OPEN, SLOT_LOAD */
    uint64_t tag;      /* likewise */
    uint64_t position; /* SLOT_PCM: first sample; SLOT_PACKET: wall clock, us; SLOT_STOP: drops */
    int16_t *pcm;      /* SLOT_FREE */
    uint32_t max_seconds;
    uint16_t source_port, destination_port;
    uint8_t source[16], destination[16];
    uint8_t data[1968];
};

_Static_assert(sizeof(struct writer_slot) == 2048, "a power of two");
_Static_assert(WRITER_BLOCK_MAX <= sizeof(((struct writer_slot *)0)->data), "a block fits");

/* A file as its worker sees it. */
struct writer_place {
    bool is_used, is_stopped;
    bool must_stop; /* the ring had no room for SLOT_STOP */
    uint64_t position;
    uint64_t dropped;
};

/* A file as the thread sees it. */
struct writer_disk {
    bool is_open;
    int fd;
    uint8_t kind;
    uint32_t rate;
    uint64_t tag;
    uint64_t bytes;   /* written or in `buffer` */
    uint64_t samples; /* WRITER_WAV */
    uint64_t limit_bytes, limit_samples;
    uint64_t first_us, limit_us; /* WRITER_PCAP: wall clock of the first packet */
    size_t used;
    uint8_t *buffer;
};

struct writer_lane {
    struct writer *writer;
    /* Down: the worker writes `head`, the thread `tail`. */
    _Alignas(64) _Atomic uint32_t head;
    _Alignas(64) _Atomic uint32_t tail;
    /* Up: the reverse. */
    _Alignas(64) _Atomic uint32_t up_head;
    _Alignas(64) _Atomic uint32_t up_tail;
    /* The worker's. */
    _Alignas(64) struct writer_place place[WRITER_FILES_MAX];
    unsigned loads;
    uint32_t frees; /* waiting for room */
    int16_t *free_list[WRITER_LOADS_MAX * 2];
    /* The thread's. */
    _Alignas(64) struct writer_disk disk[WRITER_FILES_MAX];
    struct writer_slot *slot;
    struct writer_result result[WRITER_RESULTS];
};

struct writer {
    struct writer_config config;
    char recordings[256], announcements[256];
    pthread_t thread;
    bool is_started;
    int wake; /* eventfd */
    atomic_bool must_end;
    unsigned open_files; /* the thread's */
    struct writer_lane *lane;
};

/* ---- writer_disk.c: the thread alone ---- */

/* One slot of a lane. What ends is put to its results. */
void writer_disk_take(struct writer *writer, struct writer_lane *lane,
                      const struct writer_slot *slot);
/* End of the program: what is open ends without a result. */
void writer_disk_end_all(struct writer *writer, struct writer_lane *lane);

/* writer.c; never full. */
void writer_put_result(struct writer_lane *lane, const struct writer_result *result);

/* writer_load.c: mono PCM at `rate`, from malloc. Errors as those of a result, with its text. */
int writer_load_file(const char *directory, const char *name, uint32_t rate, int16_t **pcm,
                     size_t *samples, char text[WRITER_NAME_SIZE]);

/* A file of a directory, never through a link: its descriptor or an error, with a text. */
int writer_open_at(const char *directory, const char *name, int flags, int *fd,
                   char text[WRITER_NAME_SIZE]);

#endif
