/* Inside of the hub: data_hub.c (members, rooms), data_channel.c (channels and what is said). */
#ifndef SERVER_DATA_HUB_PRIV_H
#define SERVER_DATA_HUB_PRIV_H

#include <uthash.h>

#include "base/list.h"
#include "sctp/dcep.h"
#include "sctp/kept.h"
#include "server/data/data_hub.h"

/* Streams of an association, both ways: a browser opens up to 1,024, and each costs memory in the
 * library for as long as the association lives. */
#define DATA_STREAMS 64

enum stream_state {
    STREAM_FREE,
    STREAM_OPENING, /* by us; DATA_CHANNEL_ACK is awaited: ordered until then (RFC 8832 section 6)
                     */
    STREAM_OPEN,
    STREAM_CLOSING, /* we have reset ours, the peer's is awaited (RFC 8831 6.7) */
};

struct data_stream {
    enum stream_state state;
    struct data_channel *channel; /* NULL when free or closing */
    bool is_reset_due;            /* another reset was on its way */
};

/* A channel of a room; on each member it has a stream. */
struct data_channel {
    struct list link;
    struct data_room *room;
    uint64_t opener;  /* member id; 0: the control socket */
    bool is_implicit; /* of members that open nothing: the number is common to all */
    uint16_t stream;  /* then */
    struct dcep_open open;
};

struct data_member {
    struct data_hub *hub;
    struct data_room *room;
    struct list link; /* in the room */
    struct data_member_config config;
    struct sctp *sctp; /* NULL: over, or a pipe */
    bool is_up, is_over;
    struct data_stream stream[DATA_STREAMS];
    struct list waiting;
    size_t waiting_octets;
    uint64_t progress_at; /* the last message that waited went out, or the first came to wait */
    UT_hash_handle hh;
};

struct data_room {
    uint64_t number;
    struct list members, channels;
    unsigned channel_count;
    unsigned blocked; /* members for whom too much waits */
    UT_hash_handle hh;
};

struct data_hub {
    struct data_hub_config config;
    struct data_hub_io io;
    void *user;
    uint64_t now, ticked;
    bool is_watched;
    struct data_member *members;
    struct data_room *rooms;
    struct data_hub_stats stats;
};

#define DATA_EACH_MEMBER(room, m)           \
    LIST_FOREACH (m##_it, &(room)->members) \
        for (struct data_member *m = LIST_ENTRY(m##_it, struct data_member, link); m; m = NULL)

struct data_member *data_member_find(const struct data_hub *hub, uint64_t id);
void data_report(const struct data_member *m, enum data_report_kind kind,
                 const struct data_channel *channel, uint16_t stream,
                 const struct sctp_message *message, const char *text);
/* Sends or lets it wait. `must_arrive`: beyond the bound too, the caller holds the senders back;
 * else ERR_AGAIN. */
int data_member_send(struct data_member *m, const struct sctp_message *message, bool must_arrive);
int data_member_reset(struct data_member *m, uint16_t stream);
bool data_member_is_blocked(const struct data_member *m);

/* data_channel.c */
void data_channel_on_message(struct data_member *m, const struct sctp_message *message);
void data_channel_on_reset(struct data_member *m, uint16_t stream);
/* It has joined: all channels of its room are opened to it, and what is said waits until its SCTP
 * is up. It goes: those that it opened end.
 */
void data_channel_on_join(struct data_member *m);
void data_channel_on_leave(struct data_member *m);
/* It goes elsewhere, and its association with it: the streams that it has here end. */
void data_channel_on_part(struct data_member *m);
void data_channel_send(struct data_hub *hub, const struct data_message *message);
void data_channel_retry_resets(struct data_member *m);
void data_channel_forget_all(struct data_room *room);

#endif
