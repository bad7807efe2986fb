/* What a receiver sees as one stream although its sources change: sequence numbers go on without a
 * gap, timestamps by the time that passed. The common case (the source that is followed, in order)
 * is inline in translate.h. */
#include "dpdk-app/translate.h"

/* The receiver's stream goes on with p: the next number, and the timestamp that its clock shows
 * now. A tick at least, or the packet would belong to the frame before it. */
static void take_over(struct stream *s, const struct packet *p, uint32_t source, uint32_t now_ms)
{
    /* Ticks since the last packet that was sent: a pause in the conversation must not look like one
     * packet after the other. */
    uint32_t ticks = packet_ticks(now_ms - s->out.sent_ms, s->clock);

    s->out.add_sequence = (uint16_t)(s->out.sequence + 1u - p->sequence);
    s->out.add_timestamp = s->out.timestamp + (ticks != 0 ? ticks : 1) - p->timestamp;
    s->out.source = source;
    s->out.order = p->order;
    s->out.source_sequence = p->sequence;
    s->out.span = 0;
    s->probe = 0;
}

/* The same source: overtaken, late or started anew. */
static enum translate_result same_source(struct stream *s, const struct packet *p, uint32_t source,
                                         uint32_t now_ms)
{
    /* Signed 16 bits: nearest way around the circle. */
    int step = (int16_t)(p->sequence - s->out.source_sequence);

    if (step <= 0 && -step <= (int)s->out.span)
        return TRANSLATE_OK; /* overtaken or doubled: its place is still its own */
    if (step <= 0 && -step <= TRANSLATE_MISORDER)
        return TRANSLATE_LATE;
    /* Far away: one packet may be an accident, two in a row are a source that began again. */
    if (s->probe != (0x10000u | p->sequence)) {
        s->probe = 0x10000u | (uint16_t)(p->sequence + 1u);
        return TRANSLATE_LATE;
    }
    take_over(s, p, source, now_ms);
    return TRANSLATE_SWITCHED;
}

enum translate_result translate_slow(struct stream *s, const struct packet *p, uint32_t source,
                                     uint32_t now_ms, uint32_t random)
{
    if (!s->started) {
        if (p->bits & PACKET_BLIND)
            return TRANSLATE_WAITS; /* a stream that has not begun has no last picture either */
        /* RFC 3550 5.1: random; in the lower half, so that losses at the start cannot make the
         * receiver guess the roll-over counter wrong (RFC 3711 3.3.1). */
        s->started = 1;
        s->out.sequence = (uint16_t)(random & 0x7fffu);
        s->out.timestamp = random * 0x9e3779b1u;
        s->out.sent_ms = now_ms;
        s->clock = p->clock;
        take_over(s, p, source, now_ms);
        return TRANSLATE_SWITCHED;
    }
    if (s->out.order != p->order) {
        /* Rows are numbered as they are made: an older one was switched away from, its packets
         * were under way (perhaps through another worker). */
        if ((int32_t)(p->order - s->out.order) < 0)
            return TRANSLATE_LATE;
        if (p->bits & PACKET_BLIND)
            return TRANSLATE_WAITS;
        /* 0: unknown so far; the receiver's clock stays as it was. */
        if (p->clock != 0)
            s->clock = p->clock;
        take_over(s, p, source, now_ms);
        return TRANSLATE_SWITCHED;
    }
    if (s->out.source != source) {
        /* A source that began again under another SSRC, or one that sends two: the one that is
         * followed stays until it is silent, so that they do not alternate. */
        if (now_ms - s->out.sent_ms < TRANSLATE_SILENT_MS)
            return TRANSLATE_OTHER;
        take_over(s, p, source, now_ms);
        return TRANSLATE_SWITCHED;
    }
    return same_source(s, p, source, now_ms);
}
