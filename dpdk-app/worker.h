/* A worker: one thread that polls devices and owns its transports and streams outright.
 *
 * No DPDK here: packets come through struct io. What workers share is frozen after start (locals),
 * atomic (port table), or rare and locked (neighbours). */
#ifndef DPDK_APP_WORKER_H
#define DPDK_APP_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"
#include "crypto/srtp.h"
#include "dpdk-app/io.h"
#include "dpdk-app/local.h"
#include "dpdk-app/neighbour.h"
#include "dpdk-app/transport.h"
#include "link/link_server.h"

#define WORKER_HELD    32u /* DTLS datagrams that wait for a neighbour */
#define WORKER_HELD_MS 1000u
#define WORKER_ASKS    32u /* key frames to be asked for at the end of a turn */

/* Shared by all workers. */
struct plane {
    struct locals locals;
    struct neighbours neighbours;
    /* Local address and port → link_id.index + 1; 0 = no transport. */
    _Atomic uint32_t *port[LINK_LOCALS_MAX];
    uint16_t port_min, port_max;
    uint32_t workers;
    uint32_t transports;        /* a worker */
    uint32_t streams;           /* a worker */
    uint32_t mixes;             /* a worker */
    struct writer *writer;      /* NULL: nothing is recorded or announced */
    uint32_t media_timeout_ms;  /* 0 = never */
    uint32_t orphan_timeout_ms; /* 0 = never */
    uint32_t key_wait_ms;       /* a new source's key frame is awaited so long, 0 = not at all */
    uint32_t report_ms;         /* between reports of our own, on average; 0 = none */
    uint64_t (*clock_us)(void); /* monotonic, for round trips; NULL: a turn's milliseconds */
    uint64_t wall_offset_us;    /* wall clock less monotonic clock, for all workers the same */
    uint64_t cname_secret;
};

/* Packets on their way through the stages of one burst. */
struct burst {
    struct packet *p[PACKET_BURST];
    struct stream *stream[PACKET_BURST]; /* of p[i]; NULL: none needed */
    unsigned n;
};

/* What sluice-bench pipeline tells apart; each is a step over the whole burst. */
#define WORKER_STAGE_LIST(X)                                                                \
    X(WORKER_PARSE, "parse")             /* Ethernet, IP, UDP, checksums */                 \
    X(WORKER_LOOK_UP, "look-up")         /* port to transport */                            \
    X(WORKER_ADMIT, "admit")             /* first bytes, source, keys; the SSRC's stream */ \
    X(WORKER_UNPROTECT, "unprotect")     /* the SRTP engine alone */                        \
    X(WORKER_ACCOUNT, "account")         /* what was uncovered is checked and counted */    \
    X(WORKER_ROUTE, "route")             /* payload type to destination */                  \
    X(WORKER_DESTINATION, "destination") /* may it leave, its stream there */               \
    X(WORKER_PROTECT, "protect")         /* the SRTP engine alone */                        \
    X(WORKER_TRANSMIT, "transmit")       /* headers, checksums, statistics, sending */

enum worker_stage {
#define WORKER_STAGE_ENUM(name, text) name,
    WORKER_STAGE_LIST(WORKER_STAGE_ENUM)
#undef WORKER_STAGE_ENUM
        WORKER_STAGES
};

/* A stop-watch for benchmarks: `now` in units of its owner's choice. */
struct worker_watch {
    uint64_t (*now)(void);
    uint64_t since;
    uint64_t spent[WORKER_STAGES];
};

/* A source that shall send a key frame. */
struct report_ask {
    uint32_t from, ssrc;
};

struct held {
    struct packet *p;
    struct link_addr to;
    struct link_id id;
    uint64_t until_ms;
};

struct worker {
    struct plane *plane;
    struct io *io;
    struct link_worker *link;
    uint64_t *count; /* enum link_counter */
    struct srtp_engine *engine;
    unsigned number;
    uint64_t now_ms;                      /* read once a turn */
    struct transport *transport;          /* plane->transports */
    struct stream *stream;                /* plane->streams + 1; place 0 stays empty */
    struct stream_report *report;         /* as many (report.h) */
    uint32_t free_transport, free_stream; /* index + 1, index; 0 = none */
    uint32_t generation;
    uint32_t order;       /* of the row of a list of receivers made last (route.c) */
    uint64_t random;      /* state of worker_random, never 0 */
    uint32_t random_next; /* for the next new stream */
    /* Of the burst under way. */
    struct packet *trash[4 * PACKET_BURST];
    unsigned trash_n;
    struct srtp_job job[PACKET_BURST];
    uint8_t job_of[PACKET_BURST];
    /* Frames that leave in this turn, by device. */
    struct packet *out[DEVICES_MAX][PACKET_BURST];
    uint8_t out_n[DEVICES_MAX];
    struct held held[WORKER_HELD];
    unsigned held_n;
    struct dtls_gate_all dtls; /* hellos that went up in this moment */
    /* Housekeeping. */
    uint64_t sweep_ms;
    uint32_t sweep_at;
    uint64_t neighbours_ms;
    uint32_t epoch_seen;
    uint64_t epoch_ms;       /* when the attachment changed */
    struct timer_set timers; /* of reports */
    struct report_ask ask[WORKER_ASKS];
    unsigned ask_n;
    /* Mixes (mix.h). */
    struct mix **mix;   /* plane->mixes places, NULL = free */
    uint32_t *free_mix; /* stack of free places */
    uint32_t free_mixes, mix_generation;
    uint32_t sweep_mix;
    struct list due;          /* all rooms, by the time of their next tick */
    struct mix *mixing;       /* a tick of it is being sent; NULL = none */
    unsigned mixing_at;       /* its member that is next */
    struct writer_lane *lane; /* NULL: none */
    struct list files;
    uint64_t next_tag;
    unsigned asking;            /* producer of the command under way */
    struct link_msg up;         /* being built */
    struct worker_watch *watch; /* NULL but in benchmarks */
};

/* ---- life (worker.c) ---- */

/* Port tables and the neighbour table; `plane` has its numbers and locals set. ERR_NOMEM. */
int plane_init(struct plane *plane);
void plane_fini(struct plane *plane);

/* Heap object with all pools. `engine` is the worker's own. ERR_NOMEM, ERR_INVAL. */
int worker_create(struct plane *plane, unsigned number, struct io *io, struct link_worker *link,
                  struct srtp_engine *engine, struct worker **worker);

/* Closes every transport (keys wiped), gives packets back, frees. The engine stays the caller's. */
void worker_destroy(struct worker *worker);

/* One turn: commands, packets that others handed over, one burst of each device, housekeeping.
 * Returns the amount of work done; 0 = idle. */
unsigned worker_turn(struct worker *worker, uint64_t now_ms);

/* Tell the neighbours of each device who we are. */
void worker_announce(struct worker *worker);

/* A frame burst from a device through every stage; takes the packets. (worker_turn does it; tests
 * and the fuzzer call it directly and then worker_flush.) */
void worker_receive(struct worker *worker, unsigned device, struct packet **p, unsigned n);
void worker_flush(struct worker *worker);

/* ---- commands (command.c) ---- */

/* link_on_command_fn with a worker as context. */
void worker_on_command(void *worker, unsigned producer, const struct link_msg *msg);
/* Close a transport on our own account or by command. */
void worker_close(struct worker *worker, struct transport *t);
void worker_show(struct worker *worker, const struct transport *t);
/* Set the remote address, resolve its neighbour. Family must match the local address (or be 0). */
int worker_set_remote(struct worker *worker, struct transport *t, const struct link_addr *remote);

/* ---- streams (stream.c) ---- */

enum stream_way { STREAM_IN, STREAM_OUT };

static inline struct stream_slot *worker_slots(struct transport *t, enum stream_way way)
{
    return way == STREAM_IN ? t->rx : t->tx;
}

/* For an SSRC that has none. NULL: no place. */
struct stream *worker_make_stream(struct worker *worker, struct transport *t, enum stream_way way,
                                  uint32_t ssrc);

/* The stream of an SSRC, made when missing; NULL when there is no place. */
static inline struct stream *worker_stream(struct worker *worker, struct transport *t,
                                           enum stream_way way, uint32_t ssrc)
{
    struct stream_slot *slot = transport_find(worker_slots(t, way), ssrc);

    return slot != NULL ? &worker->stream[slot->stream] : worker_make_stream(worker, t, way, ssrc);
}

/* Take one away (it never authenticated). */
void worker_drop_stream(struct worker *worker, struct transport *t, enum stream_way way,
                        uint32_t ssrc);
void worker_drop_streams(struct worker *worker, struct transport *t);
/* Account a received packet: loss and jitter. */
void stream_received(struct stream *stream, struct link_transport_stats *stats, uint16_t sequence,
                     uint32_t timestamp, unsigned payload_type, uint64_t now_ms);

/* ---- sending (egress.c) ---- */

/* Routed plain media for transports of ours: protect, put headers on, queue to send. */
void worker_send_media(struct worker *worker, struct burst *burst);
/* A DTLS datagram of sluiced, or an answer to a STUN check, for `to`; takes p. */
void worker_send_dtls(struct worker *worker, struct transport *t, struct packet *p,
                      const struct link_addr *to);
/* Send again what waited for its neighbour. */
void worker_retry_held(struct worker *worker);
/* Queue a finished frame for p->device. */
void worker_emit(struct worker *worker, struct packet *p);
/* Give the buffers of what was dropped back, when there are many. Nothing that was dropped may be
 * looked at afterwards. */
void worker_empty_trash(struct worker *worker);
/* Ask for a neighbour if it is time to. */
void worker_ask(struct worker *worker, int hop);

/* ---- receiving (ingress.c) ---- */

/* Media that authenticated: route them, send or hand over. Takes the packets. */
void worker_take_over(struct worker *worker, struct packet **p, unsigned n);
/* Give packets to the workers that own p->transport, one ring operation for each worker. */
void worker_hand_over(struct worker *worker, struct packet **p, unsigned n);

/* ---- shared small things ---- */

/* For SSRCs, first sequence numbers and the spread of reports: unlike each other, no secrets. */
static inline uint32_t worker_random(struct worker *worker)
{
    uint64_t x = worker->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    worker->random = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1dull) >> 32);
}

/* What ran since the last mark was `stage`. */
static inline void worker_mark(struct worker *worker, enum worker_stage stage)
{
    struct worker_watch *watch = worker->watch;
    uint64_t now;

    if (__builtin_expect(watch == NULL, 1))
        return;
    now = watch->now();
    watch->spent[stage] += now - watch->since;
    watch->since = now;
}

static inline void worker_count(struct worker *worker, unsigned counter, uint64_t n)
{
    link_stat_add(&worker->count[counter], n);
}

static inline void worker_drop(struct worker *worker, struct packet *p, unsigned counter)
{
    worker_count(worker, counter, 1);
    worker->trash[worker->trash_n++] = p;
}

/* The transport of a global index if it is ours and of this generation (0 = any). */
static inline struct transport *worker_transport(struct worker *worker, uint32_t index,
                                                 uint32_t generation)
{
    uint32_t place = index & 0xffffffu;
    struct transport *t;

    if (index >> 24 != worker->number || place >= worker->plane->transports)
        return NULL;
    t = &worker->transport[place];
    if (t->mode == 0 || (generation != 0 && t->generation != generation))
        return NULL;
    return t;
}

/* The same by the lines that sending reads. */
static inline struct transport *worker_destination(struct worker *worker, uint32_t index,
                                                   uint32_t generation)
{
    uint32_t place = index & 0xffffffu;
    struct transport *t;

    if (index >> 24 != worker->number || place >= worker->plane->transports)
        return NULL;
    t = &worker->transport[place];
    if (t->send_generation == 0 || (generation != 0 && t->send_generation != generation))
        return NULL;
    return t;
}

/* p is done with, and that is no failure. */
static inline void worker_release(struct worker *worker, struct packet *p)
{
    worker->trash[worker->trash_n++] = p;
}

/* Send an event of a transport to its producer; counts when it does not fit. */
void worker_event(struct worker *worker, const struct transport *t, unsigned type,
                  unsigned direction, const struct packet *p);

#endif
