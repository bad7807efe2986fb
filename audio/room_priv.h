/* Inside of audio/room.h: for the room_*.c files only. */
#ifndef AUDIO_ROOM_PRIV_H
#define AUDIO_ROOM_PRIV_H

#include "audio/choose.h"
#include "audio/digit.h"
#include "audio/encoder.h"
#include "audio/mix.h"
#include "audio/resample.h"
#include "audio/source.h"

#define AUDIO_RATES      3   /* 8000, 16000, 48000 Hz */
#define AUDIO_FRAME_48K  960 /* samples of a tick at the highest rate */
#define AUDIO_EVENTS_MAX 64
#define AUDIO_HOLD_BYTES 480 /* 60 ms of G.711 or G.722 */

/* An announcement: the caller's PCM at the room's rate. */
struct audio_play {
    const int16_t *pcm; /* NULL: none */
    size_t samples, at;
    const int16_t *now; /* the part of this tick, NULL: none */
    size_t now_samples; /* of it: fewer than a tick at the end */
    struct audio_resampler
        *to[AUDIO_RATES]; /* from the room's rate, where somebody hears another */
};

struct audio_tap {
    audio_tap_fn fn; /* NULL: none */
    void *user;
    struct audio_resampler *from[AUDIO_RATES]; /* to the room's rate: a member's own */
};

struct audio_member {
    struct audio_room *room;
    void *user;
    size_t index;                      /* in room->members */
    const int16_t *frame;              /* said in this tick, at source.rate; NULL: nothing */
    const int16_t *heard[AUDIO_RATES]; /* its part of the mix of this tick; NULL: none */
    int16_t *pcm[AUDIO_RATES];         /* its own buffers for that */
    struct audio_resampler
        *convert[AUDIO_RATES][AUDIO_RATES]; /* from what it says to what others hear */
    uint64_t converted[AUDIO_RATES];        /* tick of the last use of these, by rate heard */
    int32_t gain_now, gain_wanted;          /* AUDIO_GAIN_ONE = 0 dB; wanted without mute */
    bool has_begun;                         /* there was a frame in the tick before */
    bool is_marked;                         /* the next frame sent is the first */
    bool is_apart;                          /* hears by its own encoder */
    uint16_t alike;                         /* ticks since its own mix is the same as that of all */
    uint8_t tx_rate;                        /* index of the rate it hears */
    uint32_t ssrc;
    bool has_ssrc;
    uint64_t ssrc_us; /* arrival of the last packet of that source */
    struct audio_voice voice;
    struct audio_digit digit;
    struct audio_encoder *encoder; /* its own, for codecs with a state; else NULL */
    struct audio_play play;
    struct audio_tap tap;
    uint64_t encoded_tick; /* of its last frame: one a tick */
    uint32_t step;         /* timestamp units since its last frame */
    uint64_t talk_ticks, encodings, verdicts[AUDIO_VERDICTS];
    struct audio_member_config config;
    struct audio_source source;
    unsigned codecs; /* that the source has memory for, bits */
    void *source_memory;
    size_t source_bytes, encoder_bytes, bytes; /* as taken */
    size_t held;
    uint8_t hold[AUDIO_HOLD_BYTES]; /* for ptime above 20 */
};

/* What all those hear who add nothing themselves, by one codec. */
struct audio_shared {
    struct audio_encoder *encoder; /* NULL: no member has had the codec yet */
    uint64_t tick;                 /* that payload is of */
    size_t length;
    uint8_t payload[AUDIO_FRAME_MAX];
};

struct audio_room {
    struct audio_room_config config;
    size_t bytes;
    uint64_t tick;
    size_t count;
    struct audio_member **members;      /* max_members */
    struct audio_candidate *candidates; /* same: scratch */
    unsigned listeners[AUDIO_RATES];    /* members that hear this rate */
    uint8_t rate;                       /* index of config.rate */
    unsigned talkers;                   /* members in the mix of this tick */
    bool has_common[AUDIO_RATES];       /* common[] is of this tick */
    int32_t *sum[AUDIO_RATES];          /* of this tick */
    int16_t *common[AUDIO_RATES];       /* sum, limited */
    int16_t *scratch;                   /* one tick at any rate */
    struct audio_speaker speaker;
    struct audio_play play;
    struct audio_tap tap;
    struct audio_shared *shared[AUDIO_CODECS];
    struct audio_event events[AUDIO_EVENTS_MAX];
    size_t first_event, event_count;
    uint64_t events_dropped;
};

unsigned audio_rate_of(unsigned index);    /* Hz */
unsigned audio_rate_index(unsigned rate);  /* AUDIO_RATES: none of ours */
size_t audio_rate_samples(unsigned index); /* of a tick */

void *audio_take(const struct audio_room *room, size_t bytes);
void audio_release(const struct audio_room *room, void *memory, size_t bytes);

/* Is this rate wanted in the mix of this room? */
bool audio_room_needs(const struct audio_room *room, unsigned rate);

/* Announcements, room_play.c. play_tick: the next 20 ms; true if there are any. play_end: without
 * an event. play_fit: the member hears another rate from now on. */
bool audio_play_tick(struct audio_room *room, struct audio_member *member, struct audio_play *p);
void audio_play_end(struct audio_play *p);
void audio_play_fit(struct audio_member *member);
void audio_tap_end(struct audio_tap *t);

/* What this member hears is not what all hear. */
bool audio_member_is_alone(const struct audio_member *m);

/* Keeps an event until it is fetched. */
void audio_push_event(struct audio_room *room, const struct audio_event *event);
void audio_drop_events(struct audio_room *room, const struct audio_member *member);

#endif
