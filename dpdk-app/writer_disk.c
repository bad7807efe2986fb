/* Errors are told by the first word of what failed; errno is the disk's, the code is ours. */
/* Files as the writer's thread sees them: WAV (RIFF, 16 bit PCM) and pcap. A disk that fails ends
 * its file with a result that says why; what is in the file by then stays. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/wav.h"
#include "base/err.h"
#include "dpdk-app/wire.h"
#include "dpdk-app/writer_priv.h"

#define BUFFER        32768u
#define WAV_HEADER    AUDIO_WAV_HEADER_BYTES
#define PCAP_MAGIC    0xa1b2c3d4u /* microseconds, our byte order */
#define PCAP_RAW      101u        /* LINKTYPE_RAW: begins with an IP header */
#define PCAP_SNAP     65535u
#define US_PER_SECOND 1000000u

/* ---- opening ---- */

/* What an operator can tell apart: not there, there already, no room, not allowed. */
static int errno_to_err(int number)
{
    switch (number) {
    case ENOENT:
        return ERR_NOTFOUND;
    case EEXIST:
        return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_LIMIT;
    case EACCES:
    case EPERM:
    case ELOOP:
        return ERR_REFUSED;
    default:
        return ERR_IO;
    }
}

static int explain(int number, const char *what, char text[WRITER_NAME_SIZE])
{
    char buf[64];

    snprintf(text, WRITER_NAME_SIZE, "%s: %s", what, strerror_r(number, buf, sizeof(buf)));
    return errno_to_err(number);
}

int writer_open_at(const char *directory, const char *name, int flags, int *fd,
                   char text[WRITER_NAME_SIZE])
{
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), number;

    if (dir < 0)
        return explain(errno, "directory", text);
    /* Relative to the open directory, no symbolic link, no waiting for a FIFO. */
    *fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    number = errno;
    close(dir);
    return *fd < 0 ? explain(number, "open", text) : 0;
}

/* ---- bytes ---- */

static int write_all(int fd, const uint8_t *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, data, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? errno : EIO;
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

static int flush(struct writer_disk *d)
{
    int number = write_all(d->fd, d->buffer, d->used);

    /* Also after an error: the buffer must not be written again at the end. */
    d->used = 0;
    return number;
}

/* NULL: zeros. Returns 0 or an errno. */
static int put(struct writer_disk *d, const void *data, size_t n)
{
    const uint8_t *from = data;

    d->bytes += n;
    while (n > 0) {
        size_t part = BUFFER - d->used < n ? BUFFER - d->used : n;

        if (from != NULL)
            memcpy(d->buffer + d->used, from, part);
        else
            memset(d->buffer + d->used, 0, part);
        from = from != NULL ? from + part : NULL;
        d->used += part;
        n -= part;
        if (d->used == BUFFER) {
            int number = flush(d);

            if (number != 0)
                return number;
        }
    }
    return 0;
}

static int begin_wav(struct writer_disk *d)
{
    uint8_t h[WAV_HEADER];

    /* Lengths 0 for now: players take such a file to its end, should we be killed. */
    audio_wav_header(h, d->rate, 1, d->samples * 2);
    return put(d, h, sizeof(h));
}

static int begin_pcap(struct writer_disk *d)
{
    const uint32_t h[6] = {PCAP_MAGIC, 4u << 16 | 2u, 0, 0, PCAP_SNAP, PCAP_RAW};

    return put(d, h, sizeof(h));
}

/* ---- ends ---- */

static void close_disk(struct writer *writer, struct writer_disk *d)
{
    close(d->fd);
    free(d->buffer);
    memset(d, 0, sizeof(*d));
    writer->open_files--;
}

/* The lengths in a WAV header are known only now. */
static int finish(struct writer_disk *d)
{
    int number = flush(d);
    uint8_t h[WAV_HEADER];

    if (number != 0 || d->kind != WRITER_WAV)
        return number;
    audio_wav_header(h, d->rate, 1, d->samples * 2);
    return pwrite(d->fd, h, sizeof(h), 0) == (ssize_t)sizeof(h) ? 0 : errno;
}

/* A disk that is full has no room for the last blocks, but the header is there already: what lies
 * behind it can be heard. */
static uint64_t rescue(struct writer_disk *d)
{
    off_t size = lseek(d->fd, 0, SEEK_END);
    uint8_t h[WAV_HEADER];

    if (size < 0)
        /* An empty file has nothing to rescue. */
        return 0;
    if (d->kind == WRITER_WAV && size >= (off_t)WAV_HEADER) {
        d->samples = ((uint64_t)size - WAV_HEADER) / 2;
        audio_wav_header(h, d->rate, 1, d->samples * 2);
        if (pwrite(d->fd, h, sizeof(h), 0) != (ssize_t)sizeof(h))
            return (uint64_t)size;
    }
    return (uint64_t)size;
}

static void end(struct writer *writer, struct writer_lane *lane, struct writer_disk *d, int number)
{
    struct writer_result result = {.tag = d->tag, .file = (unsigned)(d - lane->disk)};

    if (number == 0)
        number = finish(d);
    if (number != 0) {
        result.error = explain(number, "write", result.text);
        d->bytes = rescue(d);
    }
    result.bytes = d->bytes;
    if (d->kind == WRITER_WAV)
        result.duration_ms = (uint32_t)(d->samples * 1000 / d->rate);
    close_disk(writer, d);
    writer_put_result(lane, &result);
}

void writer_disk_end_all(struct writer *writer, struct writer_lane *lane)
{
    for (unsigned i = 0; i < WRITER_FILES_MAX; i++) {
        if (!lane->disk[i].is_open)
            /* At the end of the process nobody reads results. */
            continue;
        (void)finish(&lane->disk[i]);
        close_disk(writer, &lane->disk[i]);
    }
}

/* ---- slots ---- */

static void set_limits(const struct writer_config *config, const struct writer_slot *slot,
                       struct writer_disk *d)
{
    uint32_t seconds = config->max_seconds;

    if (slot->max_seconds != 0 && (seconds == 0 || slot->max_seconds < seconds))
        seconds = slot->max_seconds;
    /* RIFF counts in 32 bits. 32-bit lengths of RIFF with some room for its header. */
    d->limit_bytes = config->max_bytes != 0 ? config->max_bytes : UINT32_MAX - 4096u;
    d->limit_samples = seconds != 0 ? (uint64_t)seconds * d->rate : UINT64_MAX;
    d->limit_us = seconds != 0 ? (uint64_t)seconds * US_PER_SECOND : UINT64_MAX;
}

static void on_open(struct writer *writer, struct writer_lane *lane, const struct writer_slot *slot)
{
    struct writer_disk *d = &lane->disk[slot->file];
    struct writer_result result = {.tag = slot->tag, .file = slot->file};
    int number;

    memset(d, 0, sizeof(*d));
    result.error = writer_open_at(writer->recordings, (const char *)slot->data,
                                  O_WRONLY | O_CREAT | O_EXCL, &d->fd, result.text);
    if (result.error != 0) {
        writer_put_result(lane, &result);
        return;
    }
    writer->open_files++;
    d->is_open = true;
    d->kind = slot->kind;
    d->rate = slot->rate;
    d->tag = slot->tag;
    /* Before the first byte: limits hold for it as well. */
    set_limits(&writer->config, slot, d);
    d->buffer = malloc(BUFFER);
    if (d->buffer == NULL) {
        end(writer, lane, d, ENOMEM);
        return;
    }
    number = d->kind == WRITER_WAV ? begin_wav(d) : begin_pcap(d);
    if (number != 0)
        end(writer, lane, d, number);
}

static void on_pcm(struct writer *writer, struct writer_lane *lane, const struct writer_slot *slot)
{
    struct writer_disk *d = &lane->disk[slot->file];
    uint64_t until = slot->position + slot->samples, gap;
    int number = 0;

    /* Ended by its limit or by the disk; the worker may not know yet. */
    if (!d->is_open || slot->position < d->samples)
        return;
    /* Blocks that were dropped: time goes on. */
    gap = slot->position - d->samples;
    if (until > d->limit_samples || d->bytes + (gap + slot->samples) * 2 > d->limit_bytes) {
        /* A file that is full is a success: it has what was asked for. */
        end(writer, lane, d, 0);
        return;
    }
    if (gap > 0)
        number = put(d, NULL, gap * 2);
    if (number == 0)
        number = put(d, slot->is_silent ? NULL : slot->data, slot->samples * 2u);
    d->samples = until;
    if (number != 0)
        end(writer, lane, d, number);
}

/* IP and UDP headers as the datagram had them, so that every tool finds the RTP. */
static size_t make_ip(const struct writer_slot *slot, uint8_t h[IP6_SIZE + UDP_SIZE])
{
    size_t size = slot->family == 4 ? IP4_SIZE : IP6_SIZE, udp = UDP_SIZE + (size_t)slot->length;
    uint16_t check;

    memset(h, 0, IP6_SIZE + UDP_SIZE);
    if (slot->family == 4) {
        h[0] = 0x45;
        wire_put16(h + 2, (uint16_t)(IP4_SIZE + udp));
        h[8] = 64;
        h[9] = PROTO_UDP;
        memcpy(h + 12, slot->source, 4);
        memcpy(h + 16, slot->destination, 4);
        check = wire_fold(wire_sum(h, IP4_SIZE, 0));
        memcpy(h + 10, &check, 2);
    } else {
        h[0] = 0x60;
        wire_put16(h + 4, (uint16_t)udp);
        h[6] = PROTO_UDP;
        h[7] = 64;
        memcpy(h + 8, slot->source, 16);
        memcpy(h + 24, slot->destination, 16);
    }
    wire_put16(h + size, slot->source_port);
    wire_put16(h + size + 2, slot->destination_port);
    wire_put16(h + size + 4, (uint16_t)udp);
    /* Over IPv4 a checksum of 0 says that there is none; IPv6 knows no such thing (RFC 8200 8.1),
     * and the tools that are to read this would call every packet damaged. */
    if (slot->family == 6) {
        uint64_t sum = wire_pseudo(h + 8, 32, PROTO_UDP, (uint32_t)udp);

        check = wire_fold(wire_sum(slot->data, slot->length, wire_sum(h + size, UDP_SIZE, sum)));
        check = check != 0 ? check : 0xffff;
        memcpy(h + size + 6, &check, 2);
    }
    return size + UDP_SIZE;
}

static void on_packet(struct writer *writer, struct writer_lane *lane,
                      const struct writer_slot *slot)
{
    struct writer_disk *d = &lane->disk[slot->file];
    uint8_t h[IP6_SIZE + UDP_SIZE];
    uint32_t record[4], size;
    size_t head;
    int number;

    if (!d->is_open)
        return;
    head = make_ip(slot, h);
    size = (uint32_t)(head + slot->length);
    /* The limit in time counts from the first packet, not from the command. */
    if (d->first_us == 0)
        d->first_us = slot->position;
    if (d->bytes + sizeof(record) + size > d->limit_bytes ||
        slot->position - d->first_us > d->limit_us) {
        end(writer, lane, d, 0);
        return;
    }
    record[0] = (uint32_t)(slot->position / US_PER_SECOND);
    record[1] = (uint32_t)(slot->position % US_PER_SECOND);
    /* Captured and original length: nothing is cut. */
    record[2] = record[3] = size;
    number = put(d, record, sizeof(record));
    if (number == 0)
        number = put(d, h, head);
    if (number == 0)
        number = put(d, slot->data, slot->length);
    if (number != 0)
        end(writer, lane, d, number);
}

static void on_load(struct writer *writer, struct writer_lane *lane, const struct writer_slot *slot)
{
    struct writer_result result = {.tag = slot->tag, .is_load = true};

    result.error = writer_load_file(writer->announcements, (const char *)slot->data, slot->rate,
                                    &result.pcm, &result.samples, result.text);
    if (result.error == 0)
        result.duration_ms = (uint32_t)(result.samples * 1000 / slot->rate);
    writer_put_result(lane, &result);
}

void writer_disk_take(struct writer *writer, struct writer_lane *lane,
                      const struct writer_slot *slot)
{
    switch (slot->type) {
    case SLOT_OPEN:
        on_open(writer, lane, slot);
        break;
    case SLOT_PCM:
        on_pcm(writer, lane, slot);
        break;
    case SLOT_PACKET:
        on_packet(writer, lane, slot);
        break;
    case SLOT_STOP:
        if (lane->disk[slot->file].is_open)
            end(writer, lane, &lane->disk[slot->file], 0);
        break;
    case SLOT_LOAD:
        on_load(writer, lane, slot);
        break;
    default:
        free(slot->pcm);
    }
}
