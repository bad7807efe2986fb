/* Files of the packet workers: recordings and captures written, announcements read, by one thread
 * that may wait for a disk so that no worker ever does.
 *
 * A worker has a lane: a ring of blocks down to the thread and a ring of results up, each with one
 * producer and one consumer. A full ring costs blocks (counted, filled in with silence), never
 * time; room for commands is kept back. Each recording ends with one result, whatever happens to
 * its disk, and each announcement that was asked for is answered by one.
 *
 *   worker:  writer_open → writer_pcm, writer_packet … → writer_stop;  writer_load → writer_free
 *            writer_next_result, once a turn */
#ifndef DPDK_APP_WRITER_H
#define DPDK_APP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRITER_FILES_MAX  256u
#define WRITER_LOADS_MAX  64u /* announcements that are being read, a lane */
#define WRITER_NAME_SIZE  96u
#define WRITER_SLOTS      2048u /* of a lane: 40 ms of 1,000 recordings */
#define WRITER_BLOCK_MAX  1920u /* bytes of a block: 20 ms at 48 kHz */
#define WRITER_LOAD_MAX_S 600u  /* longest announcement */

struct writer;
struct writer_lane;

struct writer_config {
    const char *recordings;    /* directory; "" = none */
    const char *announcements; /* likewise */
    uint32_t max_seconds;      /* of a file, 0 = no limit */
    uint64_t max_bytes;        /* likewise */
    unsigned files;            /* at a time, a lane */
    unsigned lanes;
    bool captures; /* pcap files are allowed */
};

/* Starts the thread. Directories are looked at when a file is opened, not here. ERR_INVAL,
 * ERR_NOMEM, ERR_IO. */
int writer_create(const struct writer_config *config, struct writer **out);

/* Ends all files (what was handed over is written), joins the thread, frees. No worker may use its
 * lane by then. NULL is ok. */
void writer_destroy(struct writer *writer);

/* NULL when out of range. */
struct writer_lane *writer_lane(struct writer *writer, unsigned number);

/* ---- a worker's thread ---- */

enum writer_kind {
    WRITER_WAV,  /* 16 bit PCM, one channel */
    WRITER_PCAP, /* IP packets without a link layer */
};

struct writer_file {
    enum writer_kind kind;
    const char *name;
    uint32_t rate;        /* WRITER_WAV */
    uint32_t max_seconds; /* 0 = the configuration's */
    uint64_t tag;         /* comes back in the result */
};

/* A new file; its number goes to *file. It is opened later, by the thread: a failure is its
 * result. ERR_UNSUPPORTED: no directory; ERR_REFUSED: captures are off; ERR_INVAL: name; ERR_LIMIT:
 * too many; ERR_AGAIN. */
int writer_open(struct writer_lane *lane, const struct writer_file *what, unsigned *file);

/* The next `samples` of a recording (pcm NULL: silence). False: dropped. */
bool writer_pcm(struct writer_lane *lane, unsigned file, const int16_t *pcm, unsigned samples);

/* A datagram of a capture. */
struct writer_packet {
    uint64_t wall_us;
    uint8_t family; /* 4 or 6 */
    uint8_t source[16], destination[16];
    uint16_t source_port, destination_port;
    const void *data[2]; /* one behind the other */
    uint16_t length[2];
};

bool writer_packet(struct writer_lane *lane, unsigned file, const struct writer_packet *packet);

/* No more comes; the result follows. */
void writer_stop(struct writer_lane *lane, unsigned file);

/* Reads a WAV file of the announcements and makes it mono PCM of `rate`; the result has it.
 * ERR_UNSUPPORTED: no directory; ERR_INVAL: name; ERR_LIMIT: too many at once; ERR_AGAIN. */
int writer_load(struct writer_lane *lane, const char *name, uint32_t rate, uint64_t tag);

/* PCM of a result is not needed any more. */
void writer_free(struct writer_lane *lane, int16_t *pcm);

struct writer_result {
    uint64_t tag;
    bool is_load;
    unsigned file; /* free for another one now */
    int error;     /* 0: stopped, or at a limit */
    uint64_t bytes, dropped;
    uint32_t duration_ms;
    int16_t *pcm; /* of a load: the worker's until writer_free */
    size_t samples;
    char text[WRITER_NAME_SIZE]; /* what was wrong */
};

/* The next thing that has ended; false: none. Also hands over what found no room before. */
bool writer_next_result(struct writer_lane *lane, struct writer_result *result);

/* Blocks and packets of a file that found no room so far. */
uint64_t writer_dropped(const struct writer_lane *lane, unsigned file);

#endif
