/* Packets of a source in the order of their timestamps, and the answer to "how late may one be".
 * The delay follows the spread of transit times over the last ten seconds, all but the outliers,
 * see note_transit. */
#include "audio/jitter.h"

#include <string.h>

#define BUCKET_US   2000000
#define BUCKET_FULL 66      /* packets: from here on two late ones are outliers */
#define WINDOW_FULL 100     /* packets in ten seconds: from here on one is */
#define JUMP_US     1000000 /* a change of transit that no network makes: the clock was set anew */
#define LATE_RUN    4 /* this many late in a row, for so long: our idea of the clock is wrong */
#define LATE_US     250000
#define BURST_US    600000 /* audio that may come at once behind a pause of the network */
#define COST_MIN_US 2500   /* the shortest frame of any codec: packets cost time, not audio alone */
#define WINDOW      64     /* sequence numbers that are told from duplicates */
#define LEAP        1000   /* more than that is another count, not a loss */

void audio_jitter_init(struct audio_jitter *j, uint8_t *slots, uint16_t slot_bytes)
{
    memset(j, 0, sizeof(*j));
    j->slots = slots;
    j->slot_bytes = slot_bytes;
    /* Starts with credit: the first burst after a hold is normal. */
    j->credit_us = BURST_US;
    for (uint8_t i = 0; i < AUDIO_JITTER_PACKETS; i++)
        j->free[i] = i;
}

void audio_jitter_set_bounds(struct audio_jitter *j, unsigned min_ms, unsigned max_ms)
{
    j->min_us = (int32_t)min_ms * 1000;
    j->max_us = (int32_t)max_ms * 1000;
}

void audio_jitter_flush(struct audio_jitter *j)
{
    while (j->count > 0)
        audio_jitter_drop_first(j);
}

void audio_jitter_restart(struct audio_jitter *j)
{
    audio_jitter_flush(j);
    memset(j->bucket, 0, sizeof(j->bucket));
    j->clock = 0;
    j->late_run = 0;
    j->next_ts = j->real_end = INT64_MIN / 2; /* nothing was played: nothing can be late */
}

/* Forget the spread but go on with the stream: for clocks that were set anew. */
void audio_jitter_rebase(struct audio_jitter *j)
{
    memset(j->bucket, 0, sizeof(j->bucket));
    j->transit_min_us = j->transit_max_us = j->last_transit_us;
}

bool audio_jitter_note_sequence(struct audio_jitter *j, uint16_t sequence)
{
    int ahead = (int16_t)(uint16_t)(sequence - j->sequence);

    /* Far away: the source counts from somewhere else (a transfer), duplicates cannot be told. */
    if (!j->has_sequence || ahead >= LEAP || ahead <= -LEAP) {
        j->has_sequence = true;
        j->sequence = sequence;
        j->seen = 1;
        return true;
    }
    if (ahead > 0) {
        j->seen = ahead < WINDOW ? (j->seen << ahead) | 1 : 1;
        j->lost += ahead - 1;
        j->sequence = sequence;
        return true;
    }
    if (ahead <= -WINDOW)
        return true;
    /* Seen: the same packet twice (a network that doubles, or replay). */
    if (j->seen >> -ahead & 1)
        return false;
    j->seen |= UINT64_C(1) << -ahead;
    if (j->lost > 0)
        j->lost--;
    return true;
}

static int64_t to_us(const struct audio_jitter *j, int64_t units)
{
    return units * 1000000 / (int64_t)j->clock;
}

/* Pays for the audio of a packet out of the time that has passed. Time counts a twentieth more than
 * it is, for clocks that run fast. */
static bool pay(struct audio_jitter *j, const struct audio_jitter_input *in, uint64_t now_us)
{
    uint64_t passed = now_us - j->last_us;
    /* A peer that sends more audio than time passes would fill any buffer: it is paid for by the
     * clock. */
    int32_t cost = (int32_t)((uint64_t)in->units * 1000000 / in->clock);

    cost = cost > COST_MIN_US ? cost : COST_MIN_US;
    /* A long pause fills the credit, no more: saved-up time is no licence for minutes at once. */
    if (passed >= BURST_US)
        j->credit_us = BURST_US;
    else
        j->credit_us += (int32_t)(passed + passed / 20);
    if (j->credit_us > BURST_US)
        j->credit_us = BURST_US;
    j->last_us = now_us;
    if (j->credit_us < cost)
        return false;
    j->credit_us -= cost;
    return true;
}

/* Keeps the highest values of a bucket, highest first. */
static void note_in_bucket(struct audio_jitter_bucket *b, uint32_t epoch, int64_t transit)
{
    unsigned at = AUDIO_JITTER_HIGH;

    /* A new two seconds: what the bucket held is older than the window. */
    if (b->epoch != epoch) {
        *b = (struct audio_jitter_bucket){.epoch = epoch, .min_us = transit};
        for (unsigned i = 0; i < AUDIO_JITTER_HIGH; i++)
            b->high_us[i] = transit;
    }
    b->count++;
    b->min_us = transit < b->min_us ? transit : b->min_us;
    while (at > 0 && transit > b->high_us[at - 1])
        at--;
    for (unsigned i = AUDIO_JITTER_HIGH - 1; i > at; i--)
        b->high_us[i] = b->high_us[i - 1];
    if (at < AUDIO_JITTER_HIGH)
        b->high_us[at] = transit;
}

/* How many of the latest packets of a bucket do not count: two of the hundred in two seconds. To
 * wait for them would cost all others their delay; one in fifty is concealed without anybody
 * noticing. */
static unsigned outliers(const struct audio_jitter_bucket *b, uint32_t total)
{
    if (b->count >= BUCKET_FULL)
        return 2;
    return total >= WINDOW_FULL ? 1 : 0;
}

static void note_transit(struct audio_jitter *j, int64_t transit, uint64_t now_us)
{
    /* + AUDIO_JITTER_BUCKETS: epoch 0 marks an empty bucket. */
    uint32_t epoch = (uint32_t)(now_us / BUCKET_US) + AUDIO_JITTER_BUCKETS, total = 0;
    struct audio_jitter_bucket *b;
    int64_t low = transit, high = INT64_MIN;

    note_in_bucket(&j->bucket[epoch % AUDIO_JITTER_BUCKETS], epoch, transit);
    for (b = j->bucket; b < j->bucket + AUDIO_JITTER_BUCKETS; b++)
        total += b->epoch + AUDIO_JITTER_BUCKETS > epoch ? b->count : 0;
    for (b = j->bucket; b < j->bucket + AUDIO_JITTER_BUCKETS; b++) {
        /* The highest that is no outlier. */
        int64_t top = b->high_us[outliers(b, total)];

        if (b->epoch + AUDIO_JITTER_BUCKETS <= epoch)
            continue;
        low = b->min_us < low ? b->min_us : low;
        high = top > high ? top : high;
    }
    j->transit_min_us = low;
    j->transit_max_us = high > low ? high : low;
    j->last_transit_us = transit;
}

/* Takes this packet for the first one. */
static void begin(struct audio_jitter *j, const struct audio_jitter_input *in, uint64_t now_us)
{
    audio_jitter_restart(j);
    j->clock = in->clock;
    j->base_us = now_us;
    j->newest_ts = 0;
    j->newest_rtp = in->timestamp;
    j->last_transit_us = 0;
}

static void insert(struct audio_jitter *j, const struct audio_jitter_input *in, int64_t ts)
{
    unsigned at = j->count;
    uint8_t slot;

    /* From the end: packets mostly come in order. */
    while (at > 0 && j->packet[at - 1].ts > ts)
        at--;
    memmove(&j->packet[at + 1], &j->packet[at], (j->count - at) * sizeof(j->packet[0]));
    slot = j->free[AUDIO_JITTER_PACKETS - 1 - j->count++];
    j->packet[at] = (struct audio_jitter_packet){.ts = ts,
                                                 .units = in->units,
                                                 .length = (uint16_t)in->length,
                                                 .codec = (uint8_t)in->codec,
                                                 .slot = slot};
    memcpy(j->slots + (size_t)slot * j->slot_bytes, in->payload, in->length);
}

static bool is_held(const struct audio_jitter *j, int64_t ts)
{
    for (unsigned i = 0; i < j->count; i++)
        if (j->packet[i].ts == ts)
            return true;
    return false;
}

/* A packet behind the position. While nothing real was played since its time, the position goes
 * back to it: what was made up in between has only made the delay longer, as it must be. */
static bool is_too_late(struct audio_jitter *j, const struct audio_jitter_input *in, int64_t ts,
                        uint64_t now_us)
{
    if (ts >= j->next_ts)
        return false;
    /* Nothing real was played since: the delay grows instead of losing the packet. */
    if (ts >= j->real_end && audio_jitter_margin_us(j, ts, now_us) <= j->max_us + AUDIO_TICK_US) {
        j->next_ts = ts;
        return false;
    }
    return ts + in->units <= j->next_ts;
}

static bool is_jump(const struct audio_jitter *j, int64_t transit)
{
    return transit - j->last_transit_us > JUMP_US || j->last_transit_us - transit > JUMP_US;
}

enum audio_verdict audio_jitter_put(struct audio_jitter *j, const struct audio_jitter_input *in,
                                    uint64_t now_us)
{
    enum audio_verdict verdict = AUDIO_PACKET_KEPT;
    int64_t ts, transit;

    /* Before anything else: floods cost one comparison. */
    if (!pay(j, in, now_us))
        return AUDIO_PACKET_OVER_RATE;
    /* Another clock (a codec change): timestamps of old and new cannot be compared. */
    if (j->clock != in->clock) {
        verdict = j->clock == 0 ? AUDIO_PACKET_KEPT : AUDIO_PACKET_RESYNC;
        begin(j, in, now_us);
    }
    /* Signed 32-bit difference to the newest: unwraps the timestamp for the life of the call. */
    ts = j->newest_ts + (int32_t)(in->timestamp - j->newest_rtp);
    transit = (int64_t)(now_us - j->base_us) - to_us(j, ts);
    /* Either the path changed by more than paths do, or our position is wrong for everything that
     * comes: begin anew with this packet. */
    if (is_jump(j, transit) || (j->late_run >= LATE_RUN && now_us - j->late_since_us > LATE_US)) {
        begin(j, in, now_us);
        verdict = AUDIO_PACKET_RESYNC;
        ts = transit = 0;
    }
    note_transit(j, transit, now_us);
    if (is_held(j, ts))
        return AUDIO_PACKET_DUPLICATE;
    if (is_too_late(j, in, ts, now_us)) {
        if (j->late_run == 0)
            j->late_since_us = now_us;
        if (j->late_run < LATE_RUN)
            j->late_run++;
        j->was_late = true; /* the source grows its delay at the next chance */
        return AUDIO_PACKET_LATE;
    }
    j->late_run = 0;
    if (ts > j->newest_ts) {
        j->newest_ts = ts;
        j->newest_rtp = in->timestamp;
    }
    /* Full: the oldest goes, it would be played first and is the least missed. */
    if (j->count == AUDIO_JITTER_PACKETS)
        audio_jitter_drop_first(j);
    insert(j, in, ts);
    return verdict;
}

const struct audio_jitter_packet *audio_jitter_first(const struct audio_jitter *j)
{
    return j->count > 0 ? &j->packet[0] : NULL;
}

const uint8_t *audio_jitter_payload(const struct audio_jitter *j,
                                    const struct audio_jitter_packet *packet)
{
    return j->slots + (size_t)packet->slot * j->slot_bytes;
}

void audio_jitter_drop_first(struct audio_jitter *j)
{
    j->count--;
    j->free[AUDIO_JITTER_PACKETS - 1 - j->count] = j->packet[0].slot;
    memmove(&j->packet[0], &j->packet[1], j->count * sizeof(j->packet[0]));
}

/* How much earlier the packet came than the fastest ones demand: its time in the buffer so far. */
int64_t audio_jitter_margin_us(const struct audio_jitter *j, int64_t ts, uint64_t now_us)
{
    return (int64_t)(now_us - j->base_us) - to_us(j, ts) - j->transit_min_us;
}

int32_t audio_jitter_target_us(const struct audio_jitter *j)
{
    int64_t jitter = j->transit_max_us - j->transit_min_us;

    if (jitter < j->min_us)
        return j->min_us;
    return jitter > j->max_us ? j->max_us : (int32_t)jitter;
}
