/* Streams of a transport: found by SSRC in a few slots, made at the first packet, forgotten when
 * idle. Every stream under SRTP has an engine context whose index must never start again under the
 * same key. */
#include <string.h>

#include "dpdk-app/media.h"
#include "dpdk-app/report.h"
#include "dpdk-app/translate.h"
#include "dpdk-app/worker.h"

static void free_stream(struct worker *worker, uint32_t index)
{
    struct stream *s = &worker->stream[index];

    /* NULL is fine: plain transports have no context. */
    srtp_stream_destroy(s->srtp);
    memset(s, 0, sizeof(*s));
    s->next_free = worker->free_stream;
    worker->free_stream = index;
    worker_count(worker, LINK_COUNTER_streams, (uint64_t)-1);
}

/* The used slots stay in front without gaps: a search ends at the first free one. */
static void clear_slot(struct stream_slot *slot, struct stream_slot *all)
{
    struct stream_slot *last = slot;

    /* Moved into the gap: the order of slots means nothing. */
    while (last + 1 < all + TRANSPORT_STREAMS && last[1].stream != 0)
        last++;
    *slot = *last;
    *last = (struct stream_slot){0, 0};
}

/* An SSRC that was sent under the present key and forgotten would start again at index 0 and
 * repeat key stream: it is remembered and refused (RFC 3711 section 9.1). */
static bool is_retired(const struct transport *t, uint32_t ssrc)
{
    for (uint32_t i = 0; i < t->retired_count; i++)
        if (t->retired[i] == ssrc)
            return true;
    return false;
}

/* Free the slot of the stream that rests longest, if it rests long enough. Received streams that
 * are forgotten can be replayed into, but what they carry cannot leave again: the sent stream
 * still knows its indices. */
static bool evict(struct worker *worker, struct transport *t, enum stream_way way)
{
    struct stream_slot *all = worker_slots(t, way), *oldest = NULL;
    uint64_t oldest_ms = UINT64_MAX;

    for (unsigned i = 0; i < TRANSPORT_STREAMS && all[i].stream != 0; i++) {
        uint64_t last = worker->stream[all[i].stream].last_ms;

        if (last < oldest_ms) {
            oldest_ms = last;
            oldest = &all[i];
        }
    }
    if (oldest == NULL || worker->now_ms - oldest_ms < STREAM_IDLE_MS)
        return false;
    if (way == STREAM_OUT && worker->stream[oldest->stream].srtp != NULL) {
        /* A transport that has used up its memory of retired SSRCs makes no more: refusing is safe,
         * forgetting is not. */
        if (t->retired_count == TRANSPORT_RETIRED)
            return false;
        t->retired[t->retired_count++] = oldest->ssrc;
    }
    free_stream(worker, oldest->stream);
    clear_slot(oldest, all);
    worker_count(worker, LINK_COUNTER_streams_evicted, 1);
    return true;
}

static struct stream_slot *free_slot(struct worker *worker, struct transport *t,
                                     enum stream_way way)
{
    struct stream_slot *all = worker_slots(t, way);

    /* Full is when the last is taken: slots fill from the front. */
    if (all[TRANSPORT_STREAMS - 1].stream != 0 && !evict(worker, t, way))
        return NULL;
    for (unsigned i = 0; i < TRANSPORT_STREAMS; i++)
        if (all[i].stream == 0)
            return &all[i];
    return NULL;
}

struct stream *worker_make_stream(struct worker *worker, struct transport *t, enum stream_way way,
                                  uint32_t ssrc)
{
    struct srtp_key *key = way == STREAM_IN ? t->rx_key : t->tx_key;
    struct stream_slot *slot;
    uint32_t index;
    struct stream *s;

    if (way == STREAM_OUT && is_retired(t, ssrc))
        return NULL;
    slot = free_slot(worker, t, way);
    index = worker->free_stream;
    /* index 0 is no stream: the pool begins with 1. */
    if (slot == NULL || index == 0)
        return NULL;
    s = &worker->stream[index];
    /* The engine's pool may be empty although ours is not: nothing was changed by then. */
    if (t->mode == LINK_MODE_DTLS_SRTP &&
        srtp_stream_create(key, way == STREAM_IN ? SRTP_INBOUND : SRTP_OUTBOUND, ssrc, &s->srtp) !=
            0)
        return NULL;
    worker->free_stream = s->next_free;
    s->next_free = 0;
    s->ssrc = ssrc;
    s->clock = way == STREAM_IN ? t->clock : 0;
    s->last_ms = worker->now_ms;
    /* Reports of the place's former stream. */
    memset(&worker->report[index], 0, sizeof(worker->report[index]));
    slot->ssrc = ssrc;
    slot->stream = index;
    worker_count(worker, LINK_COUNTER_streams_created, 1);
    worker_count(worker, LINK_COUNTER_streams, 1);
    return s;
}

void worker_drop_stream(struct worker *worker, struct transport *t, enum stream_way way,
                        uint32_t ssrc)
{
    struct stream_slot *slot = transport_find(worker_slots(t, way), ssrc);

    if (slot == NULL)
        return;
    free_stream(worker, slot->stream);
    clear_slot(slot, worker_slots(t, way));
}

void worker_drop_streams(struct worker *worker, struct transport *t)
{
    for (unsigned i = 0; i < TRANSPORT_STREAMS; i++) {
        if (t->rx[i].stream != 0)
            free_stream(worker, t->rx[i].stream);
        if (t->tx[i].stream != 0)
            free_stream(worker, t->tx[i].stream);
    }
    memset(t->rx, 0, sizeof(t->rx));
    memset(t->tx, 0, sizeof(t->tx));
}

static void measure_jitter(struct stream *stream, uint32_t timestamp, uint64_t now_ms)
{
    /* RFC 3550 §A.8: relative transit in ticks of the stream's clock; scaled by sixteen so that the
     * sum needs no fraction. */
    uint32_t transit = packet_ticks(now_ms, stream->clock) - timestamp;
    int32_t d = (int32_t)(transit - stream->transit);

    /* The first packet has nothing to compare with. */
    if (stream->received > 1)
        stream->jitter += (d < 0 ? 0u - (uint32_t)d : (uint32_t)d) - ((stream->jitter + 8) >> 4);
    stream->transit = transit;
}

/* The first packet; or still none whose payload type told the clock (comfort noise and digits have
 * that of their speech, RFC 3551 4.1, RFC 4733 2.1, so that the first that tells is right). */
static void begin(struct stream *stream, uint16_t sequence, unsigned payload_type, uint16_t *step)
{
    uint16_t clock = media_clock(payload_type);

    if (clock != 0)
        stream->clock = clock;
    if (stream->started)
        return;
    stream->started = 1;
    /* One cycle up, so that packets from before the first never go below zero. */
    stream->base = stream->highest = 0x10000u | sequence;
    *step = 0;
}

/* A number far from the highest: two in a row are a source that began again (RFC 3550 A.1), whose
 * losses are counted from there; one alone is not counted. */
static bool follow_restart(struct stream *stream, uint16_t sequence)
{
    if (stream->probe != (0x10000u | sequence)) {
        stream->probe = 0x10000u | (uint16_t)(sequence + 1u);
        return false;
    }
    stream->base = stream->highest = 0x10000u | sequence;
    stream->received = 0;
    stream->lost = 0; /* what was lost before stays in the transport's statistics */
    stream->started = stream->started == 1 ? 2 : 1; /* the reports' counts begin anew, too */
    stream->probe = 0;
    return true;
}

void stream_received(struct stream *stream, struct link_transport_stats *stats, uint16_t sequence,
                     uint32_t timestamp, unsigned payload_type, uint64_t now_ms)
{
    int32_t lost;
    uint16_t step;

    stream->last_ms = now_ms;
    step = (uint16_t)(sequence - (uint16_t)stream->highest);
    if (__builtin_expect(!stream->started || stream->clock == 0, 0))
        begin(stream, sequence, payload_type, &step);
    /* Ahead, within what a path loses; far ahead or behind are a restart or a straggler. */
    if (__builtin_expect(step < TRANSLATE_DROPOUT, 1))
        stream->highest += step;
    /* A straggler within TRANSLATE_MISORDER counts as received. */
    else if ((uint16_t)(0u - step) > TRANSLATE_MISORDER && !follow_restart(stream, sequence))
        return;
    stream->received++;
    lost = (int32_t)(stream->highest - stream->base + 1 - stream->received);
    if (lost != stream->lost) {
        /* Both directions: a straggler takes a loss back. */
        link_stat_add(&stats->lost, (uint64_t)(int64_t)(lost - stream->lost));
        stream->lost = lost;
    }
    if (stream->clock != 0) {
        measure_jitter(stream, timestamp, now_ms);
        link_stat_set(&stats->jitter, stream->jitter >> 4);
    }
    link_stat_set(&stats->ssrc_in, stream->ssrc);
}
