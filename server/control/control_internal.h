/* Inside of the control socket: shared by control*.c only. */
#ifndef SERVER_CONTROL_INTERNAL_H
#define SERVER_CONTROL_INTERNAL_H

#include <sys/types.h>

#include "base/clock.h"
#include "base/list.h"
#include "server/control/control.h"

#define CONTROL_EVENTS_MAX        256
#define CONTROL_SUBSCRIPTIONS_MAX 16 /* of one client */
#define CONTROL_INFOS_MAX         16

struct control_subscription {
    uint64_t id;      /* 0 = free */
    uint64_t session; /* 0 = any */
    uint64_t types[CONTROL_EVENTS_MAX / 64];
};

struct control_client {
    struct list link; /* in control->clients */
    struct control *control;
    uv_pipe_t pipe;
    uv_timer_t resume; /* for a client that used up its requests of the second */
    int open_handles;  /* the two above; the memory goes with the last */
    char *in;          /* bytes read and not handled yet */
    size_t in_len, in_size;
    bool is_skipping; /* within a line that is too long */
    bool is_reading;
    bool is_ended; /* the client has sent its last byte */
    bool is_closing;
    int64_t tokens; /* requests that it may send now, in thousandths */
    uint64_t tokens_at;
    uint64_t events_lost; /* not yet told */
    struct control_subscription subscriptions[CONTROL_SUBSCRIPTIONS_MAX];
    pid_t pid;
    uid_t uid;
};

struct control {
    uv_loop_t *loop;
    struct settings_control settings;
    struct settings_node node;
    struct rpc *rpc;
    uv_pipe_t listener;
    bool has_listener; /* the handle lives: memory waits for its close */
    bool is_stopping;
    struct list clients;
    size_t client_count; /* with those that close */
    const struct control_event *events[CONTROL_EVENTS_MAX];
    size_t event_count;
    struct {
        const char *name;
        control_info_fn fn;
        void *ctx;
    } infos[CONTROL_INFOS_MAX];
    size_t info_count;
    uint64_t next_subscription;
    uint64_t event_sequence;
    uint64_t started_ms;
    char started[CLOCK_TEXT_MAX]; /* the same by the wall clock; told as it was then */
    void (*on_watch)(void *ctx);
    void *watch_ctx;
    control_on_stopped_fn on_stopped;
    void *stopped_ctx;
    struct control_stats stats;
};

/* control_client.c */

/* Takes the waiting connection from the listener, or refuses it. */
void control_client_accept(struct control *control);
void control_client_close(struct control_client *client);

/* Sends a line; takes over `line` (made by malloc). */
void control_client_send(struct control_client *client, char *line, size_t len);

/* Bytes that wait for the client to read. */
size_t control_client_backlog(const struct control_client *client);

/* control_events.c */

/* Subscriptions have changed. */
void control_events_changed(struct control *control);
/* Tells of events that found no room, once there is room again. */
void control_events_recover(struct control_client *client);
extern const struct rpc_method control_event_methods[];
extern const size_t control_event_method_count;

/* control_methods.c */
extern const struct rpc_method control_own_methods[];
extern const size_t control_own_method_count;

/* control.c: called when a client's memory is gone. */
void control_on_client_gone(struct control *control);

#endif
