/* Between the packet loops and the disk: lanes of blocks down (one a worker), results up. The
 * worker never waits and never frees large memory; what finds no room is counted and shows as
 * silence. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "dpdk-app/writer_priv.h"

/* While files are open the thread looks so often, without being woken: a worker makes no system
 * call for a block. At 5 ms a lane of 2,048 blocks is a tenth full with 1,000 recordings. */
#define LOOK_MS 5
#define IDLE_MS 1000
#define BATCH   256u /* blocks of a lane before the next lane has its turn */

/* ---- rings ---- */

/* The slot to be filled in next; NULL: full. `reserve` slots stay free. */
static struct writer_slot *next_slot(struct writer_lane *lane, uint32_t reserve)
{
    uint32_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&lane->tail, memory_order_acquire);

    /* Commands may use the reserve, blocks may not: a stop must get through when the disk is
     * slow. */
    if (head - tail + reserve >= WRITER_SLOTS)
        return NULL;
    return &lane->slot[head % WRITER_SLOTS];
}

static void put_slot(struct writer_lane *lane)
{
    uint32_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);

    atomic_store_explicit(&lane->head, head + 1, memory_order_release);
}

void writer_put_result(struct writer_lane *lane, const struct writer_result *result)
{
    uint32_t head = atomic_load_explicit(&lane->up_head, memory_order_relaxed);

    /* Cannot be full: see the assertion on WRITER_RESULTS. */
    lane->result[head % WRITER_RESULTS] = *result;
    atomic_store_explicit(&lane->up_head, head + 1, memory_order_release);
}

static bool take_result(struct writer_lane *lane, struct writer_result *result)
{
    uint32_t tail = atomic_load_explicit(&lane->up_tail, memory_order_relaxed);

    if (atomic_load_explicit(&lane->up_head, memory_order_acquire) == tail)
        return false;
    *result = lane->result[tail % WRITER_RESULTS];
    atomic_store_explicit(&lane->up_tail, tail + 1, memory_order_release);
    return true;
}

/* ---- the worker's side ---- */

/* Commands come from control, not from packets: they may cost a system call. */
static void wake(struct writer *writer)
{
    uint64_t one = 1;
    ssize_t n = write(writer->wake, &one, sizeof(one));

    (void)n; /* EAGAIN: it is awake */
}

static bool is_name(const char *name)
{
    size_t n = strnlen(name, WRITER_NAME_SIZE);

    /* No path and no hidden file: names come over the control interface and must stay in their
     * directory. O_NOFOLLOW does the rest (writer_disk.c). */
    return n > 0 && n < WRITER_NAME_SIZE && name[0] != '.' && memchr(name, '/', n) == NULL;
}

static int find_place(const struct writer_lane *lane)
{
    for (unsigned i = 0; i < lane->writer->config.files; i++)
        if (!lane->place[i].is_used)
            return (int)i;
    return ERR_LIMIT;
}

int writer_open(struct writer_lane *lane, const struct writer_file *what, unsigned *file)
{
    struct writer_slot *slot;
    int place;

    if (lane->writer->recordings[0] == '\0')
        return ERR_UNSUPPORTED;
    if (what->kind == WRITER_PCAP && !lane->writer->config.captures)
        return ERR_REFUSED;
    if (!is_name(what->name))
        return ERR_INVAL;
    place = find_place(lane);
    if (place < 0)
        return place;
    slot = next_slot(lane, 0);
    if (slot == NULL)
        return ERR_AGAIN;
    memset(slot, 0, offsetof(struct writer_slot, data));
    slot->type = SLOT_OPEN;
    /* The length is not needed: blocks bring their own. */
    slot->kind = (uint8_t)what->kind;
    slot->file = (uint16_t)place;
    slot->rate = what->rate;
    slot->tag = what->tag;
    slot->max_seconds = what->max_seconds;
    snprintf((char *)slot->data, WRITER_NAME_SIZE, "%s", what->name);
    lane->place[place] = (struct writer_place){.is_used = true};
    put_slot(lane);
    wake(lane->writer);
    *file = (unsigned)place;
    return 0;
}

static struct writer_place *place_of(struct writer_lane *lane, unsigned file)
{
    struct writer_place *place = file < WRITER_FILES_MAX ? &lane->place[file] : NULL;

    /* Stopped ones take nothing more, though their place waits for the result. */
    return place != NULL && place->is_used && !place->is_stopped ? place : NULL;
}

bool writer_pcm(struct writer_lane *lane, unsigned file, const int16_t *pcm, unsigned samples)
{
    struct writer_place *place = place_of(lane, file);
    struct writer_slot *slot;

    if (place == NULL || samples * sizeof(*pcm) > WRITER_BLOCK_MAX)
        return false;
    slot = next_slot(lane, WRITER_RESERVE);
    /* Counted before the room is known: a dropped block is a gap in time, not a shorter
     * recording. */
    place->position += samples;
    if (slot == NULL) {
        place->dropped++;
        return false;
    }
    slot->type = SLOT_PCM;
    slot->file = (uint16_t)file;
    slot->samples = samples;
    slot->position = place->position - samples;
    slot->is_silent = pcm == NULL;
    if (pcm != NULL)
        memcpy(slot->data, pcm, samples * sizeof(*pcm));
    put_slot(lane);
    return true;
}

bool writer_packet(struct writer_lane *lane, unsigned file, const struct writer_packet *p)
{
    struct writer_place *place = place_of(lane, file);
    size_t length = (size_t)p->length[0] + p->length[1];
    struct writer_slot *slot;

    if (place == NULL)
        return false;
    slot = next_slot(lane, WRITER_RESERVE);
    /* A larger packet than a slot cannot come from a device of ours. */
    if (slot == NULL || length > sizeof(slot->data)) {
        place->dropped++;
        return false;
    }
    slot->type = SLOT_PACKET;
    slot->file = (uint16_t)file;
    slot->family = p->family;
    slot->position = p->wall_us;
    slot->length = (uint16_t)length;
    slot->source_port = p->source_port;
    slot->destination_port = p->destination_port;
    memcpy(slot->source, p->source, sizeof(slot->source));
    memcpy(slot->destination, p->destination, sizeof(slot->destination));
    memcpy(slot->data, p->data[0], p->length[0]);
    if (p->length[1] > 0)
        memcpy(slot->data + p->length[0], p->data[1], p->length[1]);
    put_slot(lane);
    return true;
}

static void send_stop(struct writer_lane *lane, unsigned file)
{
    struct writer_place *place = &lane->place[file];
    struct writer_slot *slot = next_slot(lane, 0);

    /* Tried again with the next look at the results. */
    place->must_stop = slot == NULL;
    if (slot == NULL)
        return;
    slot->type = SLOT_STOP;
    slot->file = (uint16_t)file;
    slot->position = place->dropped; /* blocks lost so far, for the file's report */
    put_slot(lane);
}

void writer_stop(struct writer_lane *lane, unsigned file)
{
    struct writer_place *place = place_of(lane, file);

    if (place == NULL)
        return;
    place->is_stopped = true;
    send_stop(lane, file);
}

int writer_load(struct writer_lane *lane, const char *name, uint32_t rate, uint64_t tag)
{
    struct writer_slot *slot;

    if (lane->writer->announcements[0] == '\0')
        return ERR_UNSUPPORTED;
    if (!is_name(name))
        return ERR_INVAL;
    /* Bounded: every load may be megabytes of PCM. */
    if (lane->loads == WRITER_LOADS_MAX)
        return ERR_LIMIT;
    slot = next_slot(lane, 0);
    if (slot == NULL)
        return ERR_AGAIN;
    memset(slot, 0, offsetof(struct writer_slot, data));
    slot->type = SLOT_LOAD;
    slot->rate = rate;
    slot->tag = tag;
    snprintf((char *)slot->data, WRITER_NAME_SIZE, "%s", name);
    lane->loads++;
    put_slot(lane);
    wake(lane->writer);
    return 0;
}

void writer_free(struct writer_lane *lane, int16_t *pcm)
{
    /* free() of megabytes is a system call (munmap): not in a packet loop. */
    struct writer_slot *slot = next_slot(lane, 0);

    if (pcm == NULL)
        return;
    if (slot == NULL) {
        /* A ring of 2,048 that is full of blocks keeps 512 slots for such as this; beyond that
         * and the list here freeing it ourselves is the lesser evil. */
        if (lane->frees < sizeof(lane->free_list) / sizeof(lane->free_list[0]))
            lane->free_list[lane->frees++] = pcm;
        else
            free(pcm);
        return;
    }
    slot->type = SLOT_FREE;
    slot->pcm = pcm;
    put_slot(lane);
}

/* What found no room before. */
static void send_again(struct writer_lane *lane)
{
    for (unsigned i = 0; i < lane->writer->config.files; i++)
        if (lane->place[i].must_stop)
            send_stop(lane, i);
    while (lane->frees > 0 && next_slot(lane, 0) != NULL)
        writer_free(lane, lane->free_list[--lane->frees]);
}

bool writer_next_result(struct writer_lane *lane, struct writer_result *result)
{
    if (!take_result(lane, result)) {
        send_again(lane);
        return false;
    }
    if (result->is_load) {
        lane->loads--;
    } else {
        /* The place is free from now on; the disk's thread has closed the file. */
        result->dropped = lane->place[result->file].dropped;
        lane->place[result->file].is_used = false;
        lane->place[result->file].must_stop = false;
    }
    return true;
}

uint64_t writer_dropped(const struct writer_lane *lane, unsigned file)
{
    return file < WRITER_FILES_MAX ? lane->place[file].dropped : 0;
}

/* ---- the thread ---- */

static unsigned drain_lane(struct writer *writer, struct writer_lane *lane, unsigned limit)
{
    unsigned n = 0;

    while (n < limit) {
        uint32_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);

        if (atomic_load_explicit(&lane->head, memory_order_acquire) == tail)
            break;
        writer_disk_take(writer, lane, &lane->slot[tail % WRITER_SLOTS]);
        /* Given back after it was written out: the worker may overwrite the slot. */
        atomic_store_explicit(&lane->tail, tail + 1, memory_order_release);
        n++;
    }
    return n;
}

static void sleep_until_woken(struct writer *writer)
{
    struct pollfd pfd = {.fd = writer->wake, .events = POLLIN};
    uint64_t value;

    /* Recording: look often, workers wake nobody for a block. */
    if (poll(&pfd, 1, writer->open_files > 0 ? LOOK_MS : IDLE_MS) > 0 &&
        read(writer->wake, &value, sizeof(value)) < 0)
        return; /* EAGAIN: nobody meant us */
}

static void *run(void *context)
{
    struct writer *writer = context;

    for (;;) {
        /* Read before the lanes: what was put in before it was set is found and written. */
        bool must_end = atomic_load(&writer->must_end);
        unsigned n = 0;

        for (unsigned i = 0; i < writer->config.lanes; i++)
            n += drain_lane(writer, &writer->lane[i], BATCH);
        if (n > 0)
            continue;
        if (must_end)
            break; /* it was set before all lanes were found empty */
        sleep_until_woken(writer);
    }
    for (unsigned i = 0; i < writer->config.lanes; i++)
        writer_disk_end_all(writer, &writer->lane[i]);
    return NULL;
}

/* ---- life ---- */

struct writer_lane *writer_lane(struct writer *writer, unsigned number)
{
    return writer != NULL && number < writer->config.lanes ? &writer->lane[number] : NULL;
}

static int start(struct writer *writer)
{
    unsigned lanes = writer->config.lanes;

    writer->lane = aligned_alloc(64, lanes * sizeof(*writer->lane));
    if (writer->lane == NULL)
        return ERR_NOMEM;
    memset(writer->lane, 0, lanes * sizeof(*writer->lane));
    for (unsigned i = 0; i < lanes; i++) {
        struct writer_lane *lane = &writer->lane[i];

        lane->writer = writer;
        /* Not cleared: a slot is read only after it was written. */
        lane->slot = aligned_alloc(64, WRITER_SLOTS * sizeof(*lane->slot));
        if (lane->slot == NULL)
            return ERR_NOMEM;
    }
    writer->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (writer->wake < 0 || pthread_create(&writer->thread, NULL, run, writer) != 0)
        return ERR_IO;
    writer->is_started = true;
    return 0;
}

int writer_create(const struct writer_config *config, struct writer **out)
{
    struct writer *writer;
    int err;

    if (config->lanes == 0 || config->files == 0 || config->files > WRITER_FILES_MAX ||
        strlen(config->recordings) >= sizeof(writer->recordings) ||
        strlen(config->announcements) >= sizeof(writer->announcements))
        return ERR_INVAL;
    writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return ERR_NOMEM;
    writer->config = *config;
    writer->wake = -1;
    snprintf(writer->recordings, sizeof(writer->recordings), "%s", config->recordings);
    snprintf(writer->announcements, sizeof(writer->announcements), "%s", config->announcements);
    err = start(writer);
    if (err != 0) {
        writer_destroy(writer);
        return err;
    }
    *out = writer;
    return 0;
}

/* PCM that was read and that nobody fetched. */
static void free_results(struct writer_lane *lane)
{
    struct writer_result result;

    while (take_result(lane, &result))
        free(result.pcm);
    while (lane->frees > 0)
        free(lane->free_list[--lane->frees]);
}

void writer_destroy(struct writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->is_started) {
        atomic_store(&writer->must_end, true);
        wake(writer);
        pthread_join(writer->thread, NULL);
    }
    for (unsigned i = 0; writer->lane != NULL && i < writer->config.lanes; i++) {
        free_results(&writer->lane[i]);
        free(writer->lane[i].slot);
    }
    if (writer->wake >= 0)
        close(writer->wake);
    free(writer->lane);
    free(writer);
}
