/* One stream to a receiver whatever is behind it: SSRC, sequence numbers and timestamps of our own.
 *
 * The state lies in the sent stream's cache line, which protecting and accounting read anyway: a
 * translated packet touches no line more than one that is passed on.
 *
 * A source is followed by adding what was found out when it took over: its numbers keep their
 * distances, so that a loss before us stays a gap that the receiver sees, and a packet that was
 * overtaken keeps its place. Only what lies before the take-over has no place left (its number
 * belongs to the source before, and under SRTP would use an index twice): it is dropped. */
#ifndef DPDK_APP_TRANSLATE_H
#define DPDK_APP_TRANSLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dpdk-app/packet.h"
#include "dpdk-app/transport.h"
#include "dpdk-app/wire.h"

#define TRANSLATE_DROPOUT   3000 /* a step beyond it is a restart (RFC 3550 A.1) */
#define TRANSLATE_MISORDER  100
#define TRANSLATE_SILENT_MS 200u /* so long the SSRC that is followed keeps others out */
#define TRANSLATE_SPAN_MAX  0x7fffu

enum translate_result {
    TRANSLATE_OK,
    TRANSLATE_SWITCHED, /* goes out, the first of another source or of a restarted one */
    TRANSLATE_LATE,     /* from before the switch */
    TRANSLATE_OTHER,    /* not the SSRC that is followed */
    TRANSLATE_WAITS,    /* of a source that takes over with its key frame */
};

/* Anything but the next packets of the source that is followed. `random` starts a new stream. */
enum translate_result translate_slow(struct stream *s, const struct packet *p, uint32_t source,
                                     uint32_t now_ms, uint32_t random);

/* The receiver's numbers into the header at p->data (whole, 12 bytes at least). */
static inline void translate_write(const struct stream *s, struct packet *p, bool marked)
{
    uint64_t before = p->summed && !(p->bits & PACKET_SHARED) ? wire_sum(p->data, 12, 0) : 0;

    p->sequence = (uint16_t)(p->sequence + s->out.add_sequence);
    p->timestamp += s->out.add_timestamp;
    if (marked)
        p->data[1] |= 0x80;
    wire_put16(p->data + 2, p->sequence);
    wire_put32(p->data + 4, p->timestamp);
    wire_put32(p->data + 8, s->ssrc);
    if (p->summed && !(p->bits & PACKET_SHARED))
        p->sum = wire_exchange(p->sum, before, wire_sum(p->data, 12, 0));
}

/* A packet for the stream `s`, its header still the source's. `size` is that of its payload. */
static inline enum translate_result translate_packet(struct stream *s, struct packet *p,
                                                     uint32_t size, uint32_t now_ms,
                                                     uint32_t random)
{
    uint32_t source = wire_get32(p->data + 8);
    uint16_t step = (uint16_t)(p->sequence - s->out.source_sequence);
    enum translate_result result = TRANSLATE_OK;

    if (__builtin_expect(!s->started || s->out.order != p->order || s->out.source != source ||
                             step - 1u >= TRANSLATE_DROPOUT,
                         0)) {
        result = translate_slow(s, p, source, now_ms, random);
        if (result >= TRANSLATE_LATE)
            return result;
    } else {
        s->out.source_sequence = p->sequence;
        s->out.span = (uint16_t)(s->out.span + step < TRANSLATE_SPAN_MAX ? s->out.span + step
                                                                         : TRANSLATE_SPAN_MAX);
    }
    translate_write(s, p, result == TRANSLATE_SWITCHED && !(p->bits & PACKET_VIDEO));
    s->out.packets++;
    s->out.octets += size;
    if ((int16_t)(p->sequence - s->out.sequence) > 0) {
        s->out.sequence = p->sequence;
        s->out.timestamp = p->timestamp;
        s->out.sent_ms = now_ms;
    }
    return result;
}

/* A receiver's sequence number as the source knows it. False: from before the switch. */
static inline bool translate_back(const struct stream *s, uint16_t sequence, uint16_t *out)
{
    uint16_t behind = (uint16_t)(s->out.sequence - sequence);

    if (!s->started || behind > s->out.span)
        return false;
    *out = (uint16_t)(sequence - s->out.add_sequence);
    return true;
}

#endif
