/* Inside of h323: shared by the h323*.c files alone.
 *
 * A door is a listener, a line one signalling connection, a leg what a session has of us. */
#ifndef SERVER_H323_PRIV_H
#define SERVER_H323_PRIV_H

#include <uthash.h>

#include "base/list.h"
#include "base/log.h"
#include "server/h323/h323.h"
#include "settings/settings.h"

struct door {
    const struct settings_listener *settings;
    struct tcp_listener *listener;
    struct ports *h245_ports; /* NULL: whatever the system gives */
    struct h323 *h;
};

/* One signalling connection. */
struct line {
    struct h323 *h;
    struct list link;
    struct door *door;
    struct tcp_conn *conn; /* NULL: gone */
    struct list legs;
    size_t leg_count;
    unsigned useless;
    bool is_out; /* we opened it, or are about to */
    bool is_up;
    bool is_kept; /* both sides want it to outlive its calls */
    bool was_used;
    struct timer timer; /* connected, no Setup yet */
};

/* What a session has of us. */
struct leg {
    struct h323 *h;
    struct list in_line;
    struct list in_all;
    struct line *line; /* NULL: signalling connection is gone */
    struct door *door;
    struct settings_listener *own; /* of a call of ours: the door's, with its own policy */
    struct session *session;
    struct tcp_listener *h245_listener;
    uint16_t h245_port; /* of door->h245_ports, 0 = none */
    struct tcp_conn *h245;
    struct tcp_conn *h245_out;   /* being opened by us; the peer may still come first */
    struct tcp_conn *h245_spare; /* the peer's, which crossed ours */
    struct addr h245_at;         /* where we listen for it */
    struct addr h245_to;         /* where the peer does */
    bool is_h245_settled;        /* `h245` is the one: there will be no other */
    uint8_t *replay;             /* said on it before that; see h323_h245.c */
    size_t replay_len;
    UT_hash_handle hh;
    uint64_t id;
};

struct rate {
    struct addr key;
    uint64_t second;
    uint32_t count;
    UT_hash_handle hh;
};

struct h323 {
    struct session_env *env;
    const struct settings *settings;
    struct tcp *tcp;
    const struct tls_keys *keys;
    struct door doors[SETTINGS_LISTENERS_MAX];
    size_t door_count;
    struct list lines;
    struct list legs; /* all sessions */
    struct list dead; /* closed ones, to be freed by the reaper */
    struct timer reaper;
    struct leg *by_id;
    struct rate *rates;
    bool is_ready, is_stopping;
    uint16_t next_ref; /* call references of our calls */
    struct h323_stats stats;
    struct log_limit limit;
};

/* h323.c */
struct line *line_new(struct h323 *h, struct door *door);
void line_add_leg(struct line *l, struct leg *leg);
void line_free_if_idle(struct line *l);
struct leg *line_leg_of_ref(struct line *l, uint16_t call_ref, bool from_destination);
int leg_create(struct h323 *h, struct door *door, const struct session_config *config, uint64_t now,
               struct leg **out);
/* One that we begin, on a copy of the door's settings: it may have a policy of its own (NULL: the
 * door's). `config->listener` is not read. */
int leg_create_own(struct h323 *h, struct door *door, const struct session_config *config,
                   const enum settings_dtls *policy, struct leg **out);
void leg_leave_line(struct leg *leg);
/* The session has never been told of to anybody, and goes without a word. */
void leg_free(struct leg *leg);
/* NULL: a further call may begin. */
const char *h323_admit_locally(struct h323 *h);
extern const struct tcp_callbacks h323_line_callbacks;

/* Calls at a time on one signalling connection. */
#define LINE_CALLS_MAX 16

#endif
