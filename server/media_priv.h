/* Inside of the media ports: shared by media_port.c (the ports) and media_link.c (the data plane,
 * the shards and the loop). */
#ifndef SERVER_MEDIA_PRIV_H
#define SERVER_MEDIA_PRIV_H

#include <uthash.h>

#include "base/list.h"
#include "server/media_link.h"
#include "server/ports.h"
#include "server/shard.h"

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
    struct list sources; /* routes of others that lead here */
    struct link_transport_stats final;
    struct timer timer;
};

struct media_link {
    struct media_link_config config;
    struct link_client *client;
    struct link_port *port; /* producer 0 */
    struct shard_queue *reports;
    struct shard *shards[LINK_PRODUCERS_MAX];
    bool is_shard_stopped[LINK_PRODUCERS_MAX];
    unsigned shard_count;
    unsigned next_shard;
    bool is_attached;
    struct link_info info;
    struct ports *numbers;
    uint16_t *orphans; /* numbers that an earlier sluiced's transports hold */
    size_t orphan_count;
    struct list all;
    struct port_leg *by_id;
    struct port_leg *by_transport;
    uint64_t next_id;
    uv_poll_t poll_client, poll_port, poll_reports;
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

/* Answers to OPEN and CLOSE. */
void media_leg_on_open_reply(struct port_leg *leg, const struct link_msg *msg);
void media_leg_on_close_reply(struct port_leg *leg, const struct link_transport_stats *final);

/* The data plane is gone: every port is void, its owner is told. */
void media_port_lose_all(struct media_link *m);

void media_port_free(struct media_port *p);

#endif
