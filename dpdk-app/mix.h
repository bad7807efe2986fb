/* Mixes: rooms of audio/room.h whose members are transports of one worker.
 *
 * A room is mixed every 20 ms of its own phase; the phases of a worker's rooms are spread over the
 * 20 ms, and of a room that is due one burst is sent a turn, so that a packet that is relayed waits
 * for one room's mixing and 32 frames at most. What a worker that was away has missed it catches
 * up with, up to MIX_CATCH_UP ticks; the rest is lost and counted.
 *
 * Frames leave through the same stages as relayed media, as translated streams (translate.h): the
 * numbers belong to the sent stream, so that a member that leaves and comes back goes on behind
 * what was sent before, and no SRTP index is used twice. */
#ifndef DPDK_APP_MIX_H
#define DPDK_APP_MIX_H

#include "audio/room.h"
#include "base/list.h"
#include "dpdk-app/worker.h"
#include "dpdk-app/writer.h"

#define MIX_CATCH_UP 5u /* ticks */

/* A recording, an announcement or a capture, from its command to its event. */
struct mix_file {
    struct list link; /* in worker->files */
    uint16_t command; /* LINK_MIX_PLAY, LINK_MIX_RECORD, LINK_CAPTURE */
    uint8_t producer; /* who hears of its end */
    bool is_loading;
    struct link_id owner, member; /* mix or transport; member or nobody */
    uint64_t cookie, tag;         /* control's name of it, and the writer's */
    unsigned file;                /* the writer's */
    int16_t *pcm;                 /* being played */
    uint32_t duration_ms;
    struct mix_file **slot; /* where it is pointed to from; NULL: what it was about has gone */
    struct worker *worker;
    char name[LINK_FILE_SIZE];
};

struct mix_member {
    struct mix *mix;
    struct transport *t;
    struct audio_member *audio;
    struct link_mix_member config;
    unsigned place;    /* in mix->member */
    uint64_t types[2]; /* payload types that go to the mixer, a bit each */
    uint32_t order;    /* as of a row of receivers (route.h): raised when the stream begins anew */
    uint32_t timestamp;
    uint16_t sequence;
    uint16_t clock;  /* PACKET_CLOCK */
    bool is_flowing; /* the last frame could be sent */
    struct mix_file *play, *record;
};

struct mix {
    struct list due; /* in worker->due, by due_us */
    uint64_t due_us;
    struct worker *worker;
    struct link_id id;
    uint32_t epoch; /* attachment that opened or claimed it */
    struct link_mix_open config;
    uint64_t opened_ms;
    struct audio_room *room;
    struct link_mix_stats *stats;
    struct mix_member **member;
    unsigned count;
    unsigned shown; /* member whose statistics are due next */
    struct mix_file *play, *record;
};

/* ---- life (mix.c) ---- */

/* Pools by plane->mixes. ERR_NOMEM. */
int mix_init(struct worker *worker);
/* Closes all. */
void mix_fini(struct worker *worker);

/* A command LINK_MIX_…; *id names a new mix. As the handlers of command.c. */
int mix_command(struct worker *worker, unsigned producer, const struct link_msg *msg,
                struct link_id *id);
/* The transport closes: it leaves, its capture ends. */
void mix_leave_all(struct worker *worker, struct transport *t);
/* Those that an earlier sluiced left, some at a time. */
void mix_sweep(struct worker *worker);
void mix_show_all(struct worker *worker);
struct mix_member *mix_find_member(struct worker *worker, const struct mix *mix,
                                   struct link_id transport);

/* ---- packets (mix_run.c) ---- */

/* Does RTP of this type go to the mixer? `t` has TRANSPORT_MIX. */
static inline bool mix_wants(const struct mix_member *member, uint8_t payload_type)
{
    return member->types[payload_type >> 6] >> (payload_type & 63) & 1;
}

/* Plain packets, accounted, that mix_wants; takes them. */
void mix_take(struct worker *worker, struct packet **p, unsigned n);

/* Mixes a room that is due, or sends the next burst of the one under way. Returns the number of
 * frames sent, at least 1 if there was anything to do. */
unsigned mix_run(struct worker *worker);

/* Microseconds until the next room is due, at most `limit`. */
unsigned mix_wait_us(const struct worker *worker, unsigned limit);

/* Sends what the room under way still has to send: its members are about to change. */
void mix_finish(struct worker *worker, const struct mix *mix);
/* Into worker->due. */
void mix_enqueue(struct worker *worker, struct mix *mix);
/* An event to the one who opened the mix. */
void mix_event(struct worker *worker, const struct mix *mix, unsigned type,
               const struct mix_member *member, const struct link_mix_event *more);

/* ---- files (mix_file.c) ---- */

/* The commands LINK_MIX_PLAY, _RECORD, _PLAY_STOP and _RECORD_STOP (errors: link_msg.h). What they
 * begin is told by its event to the producer that asked, once. */
int mix_play(struct worker *worker, unsigned producer, struct mix *mix, const struct link_msg *msg);
int mix_record(struct worker *worker, unsigned producer, struct mix *mix,
               const struct link_msg *msg);
int mix_stop_play(struct worker *worker, struct mix *mix, const struct link_msg *msg);
int mix_stop_record(struct worker *worker, struct mix *mix, const struct link_msg *msg);
/* What is pointed to here ends: its owner goes. NULL inside is allowed. `why` goes into the event
 * that tells the end of an announcement; "": it was played to its end. */
void mix_end_play(struct worker *worker, struct mix *mix, struct mix_member *member,
                  const char *why);
void mix_end_record(struct worker *worker, struct mix *mix, struct mix_member *member);
/* AUDIO_EVENT_PLAYED. */
void mix_played(struct worker *worker, struct mix *mix, struct mix_member *member);
/* What the writer has to say. */
void mix_take_results(struct worker *worker);
/* Forgets all files; the writer ends them. */
void mix_forget_files(struct worker *worker);

/* Handlers of LINK_CAPTURE and LINK_CAPTURE_STOP. */
int mix_capture(struct worker *worker, struct transport *t, const struct link_msg *msg);
int mix_capture_stop(struct worker *worker, struct transport *t, const struct link_msg *msg);
void mix_end_capture(struct worker *worker, struct transport *t);
/* A plain packet of a transport that is captured, received or about to be protected. */
void mix_captured(struct worker *worker, const struct transport *t, const struct packet *p,
                  bool is_sent);

#endif
