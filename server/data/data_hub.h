/* Where data channels end: SCTP of every session whose conference terminates it, and what of it
 * goes to whom.
 *
 * A room holds the members of one conference. A channel that one member opens (RFC 8832) is opened
 * to all others, to those that come later too, each on a stream of its own; what is said on it goes
 * to all others. Members whose H.245 named T.140 or H.224 open nothing: each of their streams is a
 * channel.
 *
 * Nothing here grows without bound. A reliable message waits for a reader that is slow; when too
 * much waits, packets with data of the other members of the room are not taken any more, so that
 * their SCTP slows down; a reader that takes nothing for stall_ms is given up. Messages that need
 * not arrive, and those of the control socket, find no room and are counted.
 *
 * One hub a process (sctp/sctp.h), one thread; data_thread.h runs it. */
#ifndef SERVER_DATA_HUB_H
#define SERVER_DATA_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sctp/sctp.h"

struct data_hub;

#define DATA_LABEL_MAX 256 /* with the zero */

/* What a member opens its streams by. */
enum data_use {
    DATA_USE_DCEP,
    DATA_USE_T140,
    DATA_USE_H224,
};

struct data_member_config {
    uint64_t id; /* of the association, never used twice */
    uint32_t shard;
    uint64_t room;  /* members with the same number hear each other */
    bool is_client; /* our DTLS role: decides who opens which streams */
    enum data_use use;
    uint16_t local_port, remote_port; /* of SCTP */
    uint32_t peer_message_max;        /* octets that the peer takes; 0: not said */
    bool has_pipe; /* its SCTP is not begun here, but below its DTLS (RFC 6083): it is up */
};

#define DATA_REPORT_LIST(X)                                              \
    X(DATA_UP, "up")             /* the SCTP association */              \
    X(DATA_DOWN, "down")         /* ... is over: text */                 \
    X(DATA_OPENED, "opened")     /* a channel by the peer: label, … */ \
    X(DATA_CLOSED, "closed")     /* likewise */                          \
    X(DATA_RECEIVED, "received") /* only while somebody watches */       \
    X(DATA_UNSENT, "unsent")     /* a message of the control socket: text */

enum data_report_kind {
#define DATA_REPORT_ENUM(name, text) name,
    DATA_REPORT_LIST(DATA_REPORT_ENUM)
#undef DATA_REPORT_ENUM
};

/* As much of a message as is shown. */
#define DATA_SHOWN_MAX 4096

struct data_report {
    enum data_report_kind kind;
    uint64_t id; /* of the member */
    uint16_t stream;
    uint32_t ppid;
    bool is_unordered;
    char label[DATA_LABEL_MAX];
    char protocol[DATA_LABEL_MAX];
    char text[64]; /* DOWN, UNSENT */
    size_t len;    /* of the whole message */
    size_t shown;
    uint8_t data[DATA_SHOWN_MAX];
};

/* A message of the control socket. */
struct data_message {
    uint64_t room;              /* to all its members; 0: to one */
    uint64_t member;            /* to this one */
    char label[DATA_LABEL_MAX]; /* of the channel; opened where there is none of that name */
    bool has_stream;            /* ... or on this stream, whatever it is */
    uint16_t stream;
    uint32_t ppid;
    bool is_unordered, has_retransmits;
    uint32_t retransmits, lifetime_ms;
    size_t len;
    uint8_t *data; /* by malloc; the hub's from then on */
};

struct data_hub_io {
    /* A packet for the peer. ERR_AGAIN: no room; SCTP sends it again. */
    int (*send)(void *user, uint32_t shard, uint64_t id, const uint8_t *packet, size_t len);
    void (*report)(void *user, const struct data_report *report);
    /* For members with a pipe: as sctp_send and sctp_reset_stream. May be NULL: there are none. */
    int (*pipe_send)(void *user, uint64_t id, const struct sctp_message *message);
    int (*pipe_reset)(void *user, uint64_t id, uint16_t stream);
};

/* Zero: the default. */
struct data_hub_config {
    size_t message_max;  /* octets of a message; 262,144 */
    size_t queue_octets; /* that wait for one reader beside what SCTP has; 1,048,576 */
    size_t send_octets;  /* of SCTP's own, each way; 262,144 */
    uint32_t stall_ms;   /* 5,000 */
    unsigned channels;   /* in one room; 32 */
    uint16_t mtu;        /* of an SCTP packet; 1,160: DTLS, UDP and IPv6 make 1,280 of it */
};

#define DATA_STAT_LIST(X)                                                               \
    X(members)      /* now */                                                           \
    X(rooms)        /* now */                                                           \
    X(channels)     /* now */                                                           \
    X(opened)       /* channels, by members */                                          \
    X(refused_open) /* ... not: wrong stream, too many, malformed */                    \
    X(unopened)     /* messages on a stream that nobody had opened */                   \
    X(delivered)    /* messages to one member each */                                   \
    X(dropped)      /* messages that need not arrive, to a reader without room */       \
    X(held)         /* packets with data not taken, as a reader of the room was slow */ \
    X(stalled)      /* readers given up */                                              \
    X(sent)         /* messages of the control socket, to one member each */            \
    X(not_sent)     /* ... that found no member, or no room */                          \
    X(packets_lost) /* on their way to the shard: its queue was full */

struct data_hub_stats {
#define DATA_STAT_FIELD(name) uint64_t name;
    DATA_STAT_LIST(DATA_STAT_FIELD)
#undef DATA_STAT_FIELD
    struct sctp_stats sctp;
};

/* ERR_EXISTS: there is a hub already; ERR_NOMEM. */
int data_hub_create(const struct data_hub_config *config, const struct data_hub_io *io, void *user,
                    struct data_hub **out);
void data_hub_destroy(struct data_hub *hub);

/* The DTLS connection is established. ERR_EXISTS, ERR_NOMEM. Leave: without a word when it is not a
 * member. */
int data_hub_join(struct data_hub *hub, uint64_t now, const struct data_member_config *config);
void data_hub_leave(struct data_hub *hub, uint64_t now, uint64_t id);
/* To another room, with its association: its streams of the old room's channels end by resets, and
 * the channels of the new one are opened to it. To begin SCTP anew would end the peer's channels
 * for good: stacks in the field do not begin twice. ERR_NOTFOUND, ERR_NOMEM. */
int data_hub_move(struct data_hub *hub, uint64_t now, uint64_t id, uint64_t room);

/* A packet of the member's peer; without a word when it is not a member. One that is held
 * (data_hub_is_held) is counted and left out. */
void data_hub_input(struct data_hub *hub, uint64_t now, uint64_t id, const uint8_t *packet,
                    size_t len);
/* What a pipe says, as the callbacks of sctp.h; without a word when it is not a member (any more).
 */
void data_hub_on_message(struct data_hub *hub, uint64_t now, uint64_t id,
                         const struct sctp_message *message);
void data_hub_on_stream_reset(struct data_hub *hub, uint64_t now, uint64_t id, uint16_t stream);
void data_hub_on_room(struct data_hub *hub, uint64_t now, uint64_t id);
/* Are packets with data of this member not to be taken now, as data_hub_input leaves them? */
bool data_hub_is_held(struct data_hub *hub, uint64_t id, const uint8_t *packet, size_t len);

/* Every SCTP_TICK_MS while there are members. */
void data_hub_on_timer(struct data_hub *hub, uint64_t now);
bool data_hub_is_idle(const struct data_hub *hub);

/* Takes over message->data. */
void data_hub_send(struct data_hub *hub, uint64_t now, struct data_message *message);
/* Does anybody want DATA_RECEIVED? */
void data_hub_watch(struct data_hub *hub, bool is_watched);

/* Counters since it was made, and those of the library. */
void data_hub_stats(const struct data_hub *hub, struct data_hub_stats *out);
const char *data_report_to_str(enum data_report_kind kind);

#endif
