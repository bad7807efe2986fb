/* A room where members hear each other: jitter buffers, decoding, concealment, mixing, encoding.
 *
 * Sans-I/O: RTP payloads and the time in, payloads and events out. A room and all in it belong to
 * one thread at a time; different rooms never share anything that is written. Memory is taken in
 * audio_room_create, audio_member_add, for a codec that the member had not before in
 * audio_member_set, and above 8000 Hz in audio_room_play and audio_room_tap; nowhere else is there
 * an allocation, a lock, a system call or a log line.
 *
 * Every 20 ms of the room's life, by a schedule that does not drift (a worker that is behind calls
 * once and leaves the lost ticks out):
 *
 *     audio_room_tick(room, now_us);
 *     for each member: if (audio_member_frame(member, payload, sizeof(payload), &frame)) send it;
 *     while (audio_room_next_event(room, &event)) ...
 *
 * and audio_member_packet for each packet between two ticks, in the order of arrival.
 * Peer input is counted when it is wrong and never more than that. */
#ifndef AUDIO_ROOM_H
#define AUDIO_ROOM_H

#include "audio/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIO_TICK_US       20000 /* one tick; every frame sent lasts this long or a multiple */
#define AUDIO_MEMBERS_MAX   1024  /* in a room */
#define AUDIO_RX_MAX        4     /* payload types that a member may send with */
#define AUDIO_FRAME_MAX     1275  /* capacity that audio_member_frame wants: RFC 6716 3.2.1 */
#define AUDIO_PAYLOAD_MAX   1500  /* longer payloads are malformed */
#define AUDIO_JITTER_MAX_MS 200   /* highest value of jitter_max_ms */
#define AUDIO_PT_NONE       0xff  /* no such payload type */
#define AUDIO_LEVEL_SILENT  (-96) /* dBov of digital silence; RFC 6464 ends at -127 */

struct audio_room;
struct audio_member;

/* Where a room takes its memory. Calls come from the thread that calls the room; release gets the
 * size that was asked for. Opus, spandsp and all of ours live in it; only the resamplers of
 * speexdsp (rooms above 8000 Hz) come from malloc. */
struct audio_memory {
    void *(*take)(void *user, size_t bytes); /* zeroed, aligned to 64; NULL = no memory */
    void (*release)(void *user, void *memory, size_t bytes);
    void *user;
};

struct audio_room_config {
    unsigned rate;        /* highest sample rate mixed, and that of taps: 8000, 16000 or 48000 */
    unsigned loudest;     /* members mixed at a time, 0 = all that say something */
    unsigned max_members; /* 1 to AUDIO_MEMBERS_MAX */
    bool has_agc;         /* brings talkers to one level (-20 dBov of speech, by at most +-12 dB) */
    struct audio_memory memory; /* all NULL: the C library's */
};

struct audio_payload_type {
    uint8_t payload_type; /* 0 to 127 */
    enum audio_codec codec;
};

struct audio_member_config {
    struct audio_payload_type
        rx[AUDIO_RX_MAX];       /* what it may send; ends at the first AUDIO_CODEC_NONE */
    uint8_t event_payload_type; /* telephone-event (RFC 4733), AUDIO_PT_NONE = none */
    unsigned event_clock;       /* of its durations in Hz: 0 means 8000; 48000 beside Opus */
    enum audio_codec tx_codec;  /* what it hears by; AUDIO_CODEC_NONE: it gets no frames */
    uint8_t tx_payload_type;    /* 0 to 127 */
    unsigned ptime_ms;          /* of what it hears: 20 (0 means 20); 40, 60: not for Opus */
    int gain_db;                /* of what it says: -40 to 20 */
    bool is_muted;              /* not heard; its digits count nevertheless */
    bool is_deaf;               /* hears silence */
    unsigned jitter_min_ms;     /* delay kept for jitter at least: 0 to 200 */
    unsigned jitter_max_ms;     /* and at most: to AUDIO_JITTER_MAX_MS, 0 means that */
};

/* What became of a packet. Each has its counter in audio_member_stats. */
#define AUDIO_VERDICT_LIST(X)                                                                  \
    X(AUDIO_PACKET_KEPT, "kept")                   /* will be heard */                         \
    X(AUDIO_PACKET_EVENT, "event")                 /* telephone-event, used */                 \
    X(AUDIO_PACKET_RESYNC, "resync")               /* kept, but timestamps or sender jumped */ \
    X(AUDIO_PACKET_COMFORT_NOISE, "comfort-noise") /* RFC 3389, payload type 13: ignored */    \
    X(AUDIO_PACKET_LATE, "late")                   /* its time was over */                     \
    X(AUDIO_PACKET_DUPLICATE, "duplicate")                                                     \
    X(AUDIO_PACKET_WRONG_TYPE, "wrong-type") /* payload type that the member has not */        \
    X(AUDIO_PACKET_WRONG_SSRC, "wrong-ssrc") /* a second source beside a living one */         \
    X(AUDIO_PACKET_OVER_RATE, "over-rate")   /* more audio than time passes */                 \
    X(AUDIO_PACKET_MALFORMED, "malformed")   /* a length or content that the codec forbids */

enum audio_verdict {
#define AUDIO_VERDICT_ENUM(name, text) name,
    AUDIO_VERDICT_LIST(AUDIO_VERDICT_ENUM)
#undef AUDIO_VERDICT_ENUM
        AUDIO_VERDICTS
};

/* One RTP packet without its header and padding. The payload is copied. */
struct audio_packet {
    const uint8_t *payload;
    size_t length;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    uint8_t payload_type;
    bool marker;
};

/* A frame to send. The sender keeps sequence number, timestamp and SSRC of its own. */
struct audio_frame {
    size_t length;           /* bytes of the payload */
    uint32_t timestamp_step; /* units of the codec's RTP clock since the frame before */
    uint8_t payload_type;
    bool marker;    /* first of the stream, or of another codec */
    bool is_silent; /* holds digital silence: may be left out by who wants silence suppression, the
                       timestamp has to move on nevertheless */
};

enum audio_event_kind {
    AUDIO_EVENT_SPEAKER,     /* `member` is the active speaker now; NULL: the last one has left */
    AUDIO_EVENT_DIGIT_BEGIN, /* a telephone-event has begun */
    AUDIO_EVENT_DIGIT,       /* it is over and lasted duration_ms: one for each press of a key */
    AUDIO_EVENT_PLAYED, /* an announcement has come to its end; member NULL: that of the room */
};

struct audio_event {
    enum audio_event_kind kind;
    struct audio_member *member;
    void *user;           /* of the member, NULL without one */
    char digit;           /* 0-9 * # A-D, '!' for flash */
    unsigned duration_ms; /* of the digit */
    const int16_t *pcm;   /* what was played; it may be released now */
};

struct audio_member_stats {
    uint64_t packets[AUDIO_VERDICTS]; /* by verdict */
    uint64_t lost;                    /* sequence numbers that never came (RFC 3550 6.4.1) */
    uint64_t concealed_ms;            /* made up because nothing was there to play */
    uint64_t skipped_ms;              /* left out to make the delay smaller */
    uint64_t talk_ms;                 /* time with speech */
    uint64_t encodings;               /* frames encoded for it alone; all others were shared */
    uint64_t events_dropped;          /* of the room: nobody fetched them */
    unsigned jitter_ms;               /* delay variation of the last ten seconds */
    unsigned delay_ms;                /* between arrival and playing, of the earliest packets */
    int level_dbov;                   /* of the last tick, AUDIO_LEVEL_SILENT if nothing came */
    bool is_speaking;                 /* by voice activity */
    bool is_mixed;                    /* among the loudest of the last tick */
};

/* PCM of one tick at the room's rate: the whole mix (member NULL) or what one member says (after
 * gain, also while it is muted). pcm is NULL in a tick of silence. Only inside audio_room_tick. */
typedef void (*audio_tap_fn)(void *user, struct audio_member *member, const int16_t *pcm,
                             size_t samples);

/* Makes an empty room. ERR_INVAL (rate, max_members), ERR_NOMEM. Costs audio_room_size. */
int audio_room_create(const struct audio_room_config *config, struct audio_room **room);

/* Frees the room with its members. NULL is allowed. */
void audio_room_destroy(struct audio_room *room);

/* Bytes taken for a room without members, and for a member of such a room (exact but for the
 * resamplers' own). 0 for a configuration that is refused. */
size_t audio_room_size(const struct audio_room_config *config);
size_t audio_member_size(const struct audio_room_config *room,
                         const struct audio_member_config *config);

/* Takes a member in. `user` comes back in events. The pointer is valid until it is removed.
 * ERR_INVAL (a value out of its bounds, two rows of one payload type), ERR_LIMIT (room full),
 * ERR_NOMEM. */
int audio_member_add(struct audio_room *room, const struct audio_member_config *config, void *user,
                     struct audio_member **member);

/* Changes a member without a click: gain and mute fade within a tick, streams go on. Errors as
 * above; after one the member is as before. */
int audio_member_set(struct audio_member *member, const struct audio_member_config *config);

/* Takes it out and frees it. Its events that nobody fetched disappear, its announcement too. */
void audio_member_remove(struct audio_member *member);

/* Puts a packet into the member's jitter buffer. now_us: monotonic time of arrival. O(32) at most,
 * whatever comes. */
enum audio_verdict audio_member_packet(struct audio_member *member,
                                       const struct audio_packet *packet, uint64_t now_us);

/* 20 ms of all members: decode, conceal, measure, choose, mix. Frames of the tick before that
 * nobody asked for are lost. */
void audio_room_tick(struct audio_room *room, uint64_t now_us);

/* The frame of this tick for a member, at most once a tick: false if there is none (ptime above 20
 * in between, no tx codec, capacity below AUDIO_FRAME_MAX). Encoding happens here, once for all who
 * hear the same by the same codec. */
bool audio_member_frame(struct audio_member *member, uint8_t *payload, size_t capacity,
                        struct audio_frame *frame);

/* The oldest event, false if there is none. A room keeps 64, more are dropped and counted. */
bool audio_room_next_event(struct audio_room *room, struct audio_event *event);

/* Mixes PCM at the room's rate into what one member hears, or all (member NULL), from the next tick
 * on. pcm stays the caller's and must live until AUDIO_EVENT_PLAYED or audio_room_stop. One at a
 * time for each member and for the room: a second one replaces the first without an event.
 * ERR_INVAL: nothing to play, ERR_NOMEM. */
int audio_room_play(struct audio_room *room, struct audio_member *member, const int16_t *pcm,
                    size_t samples);

/* Ends an announcement; no event. */
void audio_room_stop(struct audio_room *room, struct audio_member *member);

/* Sets (fn NULL: takes away) the tap of a member, or of the room's mix (member NULL). ERR_NOMEM. */
int audio_room_tap(struct audio_room *room, struct audio_member *member, audio_tap_fn fn,
                   void *user);

/* The active speaker, NULL as long as nobody has spoken. */
struct audio_member *audio_room_speaker(const struct audio_room *room);

void audio_member_get_stats(const struct audio_member *member, struct audio_member_stats *stats);

/* Text of a verdict, "unknown" for a value outside. Static storage, any thread. */
const char *audio_verdict_to_str(enum audio_verdict verdict);

#endif
