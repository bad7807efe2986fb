/* Inside of the media ports: shared by media_port.c (the ports) and media_link.c (the data plane,
 * the shards and the loop). */
#ifndef SERVER_MEDIA_PRIV_H
#define SERVER_MEDIA_PRIV_H

#include <uthash.h>

#include "base/list.h"
#include "server/data/data_thread.h"
#include "server/dtls/shard.h"
#include "server/media/media_link.h"
#include "server/media/ports.h"

enum port_state {
    PORT_OPENING,
    PORT_OPEN,
    PORT_FAILED,  /* on_opened said so, or on_gone: waits for close */
    PORT_CLOSING, /* waits for the data plane's or the shard's answer */
    PORT_CLOSED,  /* on_closed is due */
};

/* One transport of a port. */
struct port_leg {
    uint64_t id; /* ours: cookie on the link, number of the association on the shard */
    struct link_id transport;
    bool is_open;
    bool is_waiting; /* for the answer to OPEN or CLOSE */
    struct addr remote;
    struct media_port *port;
    UT_hash_handle by_id;
    UT_hash_handle by_transport; /* in it while is_named */
    bool is_named;
};

struct port_route {
    struct list link; /* in to->sources */
    struct media_port *from, *to;
    uint8_t pt_in, pt_out;
    uint8_t lane;
    bool is_video;
    uint32_t clock_rate;
};

/* A row of media_ops.forward. */
struct port_receiver {
    struct list link;     /* in from->receivers */
    struct list fed_link; /* in row.to->fed */
    struct media_port *from;
    struct media_receiver row;
};

/* A recording, an announcement or a capture that has been asked for and has not ended. */
struct media_file {
    struct list link; /* in mix->files */
    uint64_t cookie;
    enum link_type command;
    struct media_port *port; /* NULL: the whole mix */
    bool is_orphan;          /* the port has closed meanwhile */
    char name[LINK_FILE_SIZE];
};

struct mix_member {
    struct list link; /* in mix->members */
    struct media_mix *mix;
    struct media_port *port;
    uint64_t cookie; /* of the newest JOIN */
    bool is_joined;  /* one was accepted: a refusal of the next changes nothing */
};

/* A command that waits until the mix has its name. */
struct mix_waiting {
    struct list link;
    struct link_msg msg;
};

enum mix_state {
    MIX_OPENING,
    MIX_OPEN,
    MIX_FAILED,   /* on_opened said so, or on_gone: waits for close */
    MIX_CLOSING,  /* waits for the data plane's answer to OPEN or CLOSE */
    MIX_DRAINING, /* closed; waits for the ends of its recordings */
    MIX_CLOSED,   /* on_closed is due */
};

struct media_mix {
    struct media_link *m;
    struct list link;
    const struct media_mix_callbacks *callbacks;
    void *owner;
    enum mix_state state;
    int error;          /* MIX_FAILED: for on_opened */
    bool was_told_open; /* on_opened came */
    bool is_void;       /* the data plane that knew it is gone */
    bool is_waiting;    /* for the answer to OPEN or CLOSE */
    uint64_t id;        /* ours: cookie of OPEN and CLOSE */
    struct link_id name;
    unsigned worker;
    struct list members;
    struct list files;
    struct list waiting;
    size_t waiting_count;
    struct timer timer;
};

struct media_port {
    struct media_link *m;
    struct list link;
    const struct media_callbacks *callbacks;
    void *owner;
    enum media_kind kind;
    enum port_state state;
    int error;    /* PORT_FAILED: for on_opened */
    bool is_void; /* the data plane that knew it is gone */
    bool is_lab;
    bool is_associated;
    bool is_active;
    bool has_ice;
    struct media_ice ice;
    bool was_told_open; /* on_opened came */
    struct fingerprint fingerprint;
    struct fingerprint others[FINGERPRINT_OTHERS_MAX];
    uint8_t other_count;
    struct shard_data data;           /* as last told */
    bool has_data;                    /* there was a data channel */
    bool is_established;              /* DTLS is */
    bool is_member;                   /* of the hub, */
    struct data_member_config sctp;   /* like this */
    uint16_t sctp_local, sctp_remote; /* of MEDIA_DATA_SCTP */
    unsigned worker;
    unsigned shard; /* 0-based */
    uint16_t number;
    struct addr local;
    unsigned legs; /* 1, or 2 for RTP and RTCP apart */
    bool
        own_rtcp; /* settings.media.own_rtcp as it was at open: the flag stays with the transport */
    uint32_t ssrc; /* of what is sent then, whoever is behind it */
    struct port_leg leg[2];
    struct port_route route[MEDIA_ROUTES_MAX]; /* where its media go, as last told */
    size_t routes;
    bool is_table_unsent;       /* the data plane has another table: a command was refused */
    struct list sources;        /* routes of others that lead here */
    struct list receivers, fed; /* rows of media_forward: of ours, of others to us */
    struct mix_member *member;  /* NULL: in no mix */
    struct media_file *capture; /* NULL: none */
    bool was_drained;           /* closed, and its capture's end has been waited for */
    struct link_transport_stats final;
    struct timer timer;
};

struct media_link {
    struct media_link_config config;
    struct link_client *client;
    struct link_port *port; /* producer 0 */
    struct shard_queue *reports;
    struct shard *shards[LINK_PRODUCERS_MAX];
    struct dtls_sessions *sessions; /* of all shards; NULL: none are resumed */
    struct shard_ways ways;
    struct data_thread *data; /* the hub */
    struct shard_queue *data_reports;
    bool is_shard_stopped[LINK_PRODUCERS_MAX];
    unsigned shard_count;
    bool is_attached;
    struct link_info info;
    struct ports *numbers;
    uint16_t *orphans; /* numbers that an earlier sluiced's transports hold */
    size_t orphan_count;
    unsigned next_wire_port; /* counts through media.data_ports */
    struct list all;
    struct list mixes;
    struct port_leg *by_id;
    struct port_leg *by_transport;
    uint64_t next_id;
    uv_poll_t poll_client, poll_port, poll_reports, poll_data;
    unsigned handles; /* polls not closed yet */
    struct timer client_timer, tick, stop_timer;
    bool is_stopping, is_stopped;
    void (*on_stopped)(void *user);
    void *stop_user;
    struct media_link_stats stats;
};

/* Transport by our number, or by the data plane's name; NULL. */
struct port_leg *media_leg_find(struct media_link *m, uint64_t id);
struct port_leg *media_leg_of_transport(struct media_link *m, struct link_id id);

/* media_data.c. The port has a channel: what the data plane lets through. Its DTLS connection is
 * there; it is gone, or the port goes. */
int media_data_allow(struct media_port *p);
int media_data_set(struct media_port *p, const struct media_data *data);
int media_data_send(void *media, const struct media_port *port, const struct data_message *message);
void media_data_on_established(struct media_port *p);
void media_data_on_lost(struct media_port *p);
/* Before the shards; stop after them. `dtls`: as the shards have it. */
int media_data_start(struct media_link *m, const struct dtls_config *dtls);
void media_data_stop(struct media_link *m);
void media_data_free(struct media_link *m);
void media_data_take_reports(struct media_link *m);

/* Answers to OPEN and CLOSE. */
void media_leg_on_open_reply(struct port_leg *leg, const struct link_msg *msg);
void media_leg_on_close_reply(struct port_leg *leg, const struct link_transport_stats *final);

/* The data plane is gone: every port is void, its owner is told. */
void media_port_lose_all(struct media_link *m);

/* A port with its first leg, in the list; NULL: out of memory. */
struct media_port *media_port_make(struct media_link *m, const struct media_request *r,
                                   const struct media_callbacks *callbacks, void *owner);
void media_port_free(struct media_port *p);
/* The table of a port, here; the data plane's is the caller's business. */
void media_forget_routes(struct media_port *p);

/* ---- media_wire.c: ports that are sockets of ours (wires.h) ---- */

bool media_is_wire(enum media_kind kind);
int media_wire_open(struct media_link *m, const struct media_request *r,
                    const struct media_callbacks *callbacks, void *owner, struct media_port **out);
int media_wire_start(struct media_port *p);
int media_wire_close(struct media_port *p);
int media_sctp_ports(struct media_port *p, uint16_t local, uint16_t remote);

/* ---- media_forward.c ---- */

int media_forward(struct media_port *from, const struct media_receiver *rows, size_t count);
int media_switch_source(struct media_port *from, struct media_port *before,
                        const struct media_receiver *row);
int media_let_go(struct media_port *from, const struct media_receiver *row);
/* Forget the rows of a port, in its list; the data plane's list is the caller's business. */
void media_forward_forget(struct media_port *from);
/* The port closes: nobody sends to it any more, here and on the data plane. */
void media_forward_leave(struct media_port *p);

/* ---- media_mix.c ---- */

/* As media_ops.mix_open and the others of its name say. */
int media_mix_open(void *media, const struct media_mix_request *r,
                   const struct media_mix_callbacks *callbacks, void *owner,
                   struct media_mix **out);
bool media_is_near(const struct media_port *port, uint32_t place);
int media_mix_join(struct media_mix *mix, struct media_port *port,
                   const struct media_mix_member *member);
int media_mix_leave(struct media_mix *mix, struct media_port *port);
int media_mix_stats(struct media_mix *mix, struct link_mix_stats *stats);
void media_mix_close(struct media_mix *mix);
void media_mix_free(struct media_mix *mix);
/* A command about the mix, sent now or when it has its name. ERR_STATE: it has ended; ERR_AGAIN. */
int media_mix_send(struct media_mix *mix, struct link_msg *msg);

/* The port closes: it leaves its mix, its capture is not waited for. */
void media_mix_port_gone(struct media_port *p);
/* A reply to, or an event of, a mix or a capture. False: about something else. */
bool media_mix_on_msg(struct media_link *m, const struct link_msg *msg);
/* The data plane is gone: owners are told. */
void media_mix_lose_all(struct media_link *m);

/* ---- media_file.c ---- */

/* As media_ops.mix_play and the others of its name say. */
int media_mix_play(struct media_mix *mix, struct media_port *port, const char *file);
int media_mix_stop_play(struct media_mix *mix, struct media_port *port);
int media_mix_record(struct media_mix *mix, struct media_port *port, const char *file,
                     uint32_t seconds);
int media_mix_stop_record(struct media_mix *mix, struct media_port *port);
int media_capture(struct media_port *port, const char *file, uint32_t seconds);
int media_stop_capture(struct media_port *port);

/* The file with this cookie; NULL. */
struct media_file *media_file_find(struct media_mix *mix, uint64_t cookie);
void media_file_free(struct media_file *f);
/* Tell the owner that it ended, and free it. */
void media_file_end(struct media_mix *mix, struct media_file *f, const struct link_mix_event *e);
/* The same without a word from the data plane. */
void media_file_lose(struct media_mix *mix, struct media_file *f, int err, const char *why);
/* Why the data plane does not take a file, in words for an operator. */
const char *media_file_refusal(enum link_type command, int err);
void media_capture_end(struct media_port *p, const struct link_mix_event *e);
void media_capture_lose(struct media_port *p, int err, const char *why);

#endif
