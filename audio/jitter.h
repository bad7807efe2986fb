/* The jitter buffer of one talker: puts packets into order and says when each is to be played.
 *
 * Positions are RTP timestamps, unwrapped to 64 bits and counted from the first packet after a
 * (re)start. The transit of a packet is its arrival minus its position in time; its minimum over
 * ten seconds is the way without jitter; the maximum but for rare outliers minus the minimum is the
 * jitter, and a packet must be held back by that much to make the late ones be in time.
 * Nothing in here knows codecs. */
#ifndef AUDIO_JITTER_H
#define AUDIO_JITTER_H

#include "audio/room.h"

#define AUDIO_JITTER_PACKETS \
    32 /* held at most: 200 ms of 10 ms packets and the burst behind a pause */
#define AUDIO_JITTER_HIGH    3 /* latest packets of a bucket that are kept: two may be outliers */
#define AUDIO_JITTER_BUCKETS 5 /* of two seconds: how long a late packet is remembered */

struct audio_jitter_packet {
    int64_t ts;      /* position of its first sample, RTP units */
    uint32_t units;  /* how long it lasts, RTP units */
    uint16_t length; /* bytes */
    uint8_t codec;   /* enum audio_codec */
    uint8_t slot;    /* where its payload is */
};

/* Extremes of transit in one stretch of two seconds. */
struct audio_jitter_bucket {
    uint32_t epoch; /* which stretch; 0 = none */
    uint32_t count; /* packets in it */
    int64_t min_us;
    int64_t high_us[AUDIO_JITTER_HIGH]; /* the highest, highest first */
};

struct audio_jitter {
    uint8_t *slots;         /* AUDIO_JITTER_PACKETS of slot_bytes, the owner's */
    uint16_t slot_bytes;    /* room for one payload */
    uint8_t count;          /* packets held */
    bool was_late;          /* one was dropped for it; the owner clears this */
    uint8_t late_run;       /* late packets since the last that was in time */
    uint64_t late_since_us; /* arrival of the first of these */
    uint32_t clock;         /* RTP units a second; 0 before the first packet */
    int32_t min_us, max_us; /* bounds of the delay that is kept for jitter */

    int64_t newest_ts;   /* highest position seen */
    uint32_t newest_rtp; /* the timestamp of it on the wire */
    int64_t next_ts;     /* what is to be decoded next */
    int64_t real_end;    /* end of what was decoded from packets: no way back before it */
    uint64_t base_us;    /* arrival of position 0 */
    int64_t last_transit_us;
    int64_t transit_min_us, transit_max_us; /* over all buckets */
    struct audio_jitter_bucket bucket[AUDIO_JITTER_BUCKETS];

    uint64_t last_us;  /* arrival of the last packet, for the rate */
    int32_t credit_us; /* audio that may come now without being over the rate */

    uint16_t sequence; /* highest seen */
    bool has_sequence;
    uint64_t seen; /* bit n: sequence - n has come */
    int64_t lost;  /* sequence numbers that have not come */

    struct audio_jitter_packet packet[AUDIO_JITTER_PACKETS]; /* by position */
    uint8_t free[AUDIO_JITTER_PACKETS]; /* slots, last in first out: warm ones */
};

/* What a packet is to the buffer. */
struct audio_jitter_input {
    const uint8_t *payload;
    size_t length;
    uint32_t timestamp;
    uint32_t units; /* above 0 */
    uint32_t clock; /* Hz, above 0 */
    enum audio_codec codec;
};

/* An empty buffer on the caller's slots. */
void audio_jitter_init(struct audio_jitter *j, uint8_t *slots, uint16_t slot_bytes);

void audio_jitter_set_bounds(struct audio_jitter *j, unsigned min_ms, unsigned max_ms);

/* Forgets packets and timing, not the sequence numbers: a new source, or a clock that jumped. */
void audio_jitter_restart(struct audio_jitter *j);

/* Measures transit anew, from the last packet on. */
void audio_jitter_rebase(struct audio_jitter *j);

/* Drops what is held; timing stays. */
void audio_jitter_flush(struct audio_jitter *j);

/* Counts losses. False: this number has come before. For every packet of the source, audio or not.
 */
bool audio_jitter_note_sequence(struct audio_jitter *j, uint16_t sequence);

/* Takes a packet: KEPT, RESYNC (kept, all before is forgotten), LATE, DUPLICATE or OVER_RATE. */
enum audio_verdict audio_jitter_put(struct audio_jitter *j, const struct audio_jitter_input *in,
                                    uint64_t now_us);

/* The earliest packet, NULL if empty; its payload; and away with it. */
const struct audio_jitter_packet *audio_jitter_first(const struct audio_jitter *j);
const uint8_t *audio_jitter_payload(const struct audio_jitter *j,
                                    const struct audio_jitter_packet *packet);
void audio_jitter_drop_first(struct audio_jitter *j);

/* How long ago the packet at position ts could have come at the earliest: what packets have as time
 * to be late. */
int64_t audio_jitter_margin_us(const struct audio_jitter *j, int64_t ts, uint64_t now_us);

/* The margin that the jitter of the last ten seconds asks for, within the bounds. */
int32_t audio_jitter_target_us(const struct audio_jitter *j);

#endif
