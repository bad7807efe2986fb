/* The control socket: JSON-RPC 2.0 over a Unix stream socket, one object (or batch) a line.
 *
 * Who may connect: the file's mode, then SO_PEERCRED against the allowed user and group ids (root
 * and the server's own user always may). Memory is bounded per client: a line longer than
 * max_message_bytes is refused and skipped; while more than max_backlog_bytes of answers wait, a
 * client is not read; events that find no room are dropped, and an event "events.lost" with their
 * number follows when there is room again.
 *
 * Methods of this module: rpc.methods, server.info, log.get, log.set, events.subscribe,
 * events.unsubscribe, events.types. The rest of the server adds its own:
 *
 *     static const struct rpc_method methods[] = {
 *         {"session.close", "end a session", params, 1, on_session_close}, ...};
 *     rpc_register(control_rpc(control), methods, 4, server);
 *     control_register_events(control, events, 12);
 *     control_start(control);
 *     ...
 *     control_publish(control, "session.connected", session->id, json_pack("{s:s}", ...));
 *
 * Main thread (that of the loop) only. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "server/control/rpc.h"
#include "settings/settings.h"

struct control;

/* An event type that may be published. */
struct control_event {
    const char *type;  /* "session.connected": lower case, dots */
    const char *help;  /* one line: when, and what data holds */
    bool is_asked_for; /* only for who names it, or its part before the dot: "*" has it not */
};

/* Makes the control API on a loop; listens only after control_start. `settings` is copied; `node`
 * names the server in server.info. ERR_NOMEM. */
int control_create(uv_loop_t *loop, const struct settings_control *settings,
                   const struct settings_node *node, struct control **out);

/* The registry for the methods of others. */
struct rpc *control_rpc(struct control *control);

/* Adds event types; the table must live as long as the control API. ERR_LIMIT, ERR_EXISTS. */
int control_register_events(struct control *control, const struct control_event *events, size_t n);

/* Adds a member to the answer of server.info: called for each answer, returns a new reference. */
typedef json_t *(*control_info_fn)(void *ctx);
int control_register_info(struct control *control, const char *name, control_info_fn fn, void *ctx);

/* Binds and listens. A socket file that nobody listens on any more is replaced; one with a living
 * server behind it is ERR_EXISTS. ERR_IO, ERR_LIMIT (path too long); *text (may be NULL) then says
 * what failed, static storage. */
int control_start(struct control *control, const char **text);

/* Stops listening, removes the file, sends what can be sent at once, closes every client. The
 * object is freed when the loop has closed its handles; then `on_stopped` (may be NULL) is called,
 * once. Legal before control_start too. */
typedef void (*control_on_stopped_fn)(void *ctx);
void control_stop(struct control *control, control_on_stopped_fn on_stopped, void *ctx);

/* Sends an event to whoever subscribed to its type and session. Takes over the reference of `data`
 * (an object or NULL). `session` 0 = none. `type` must be registered. Costs nothing (but the
 * caller's data) without subscribers: ask control_is_watched before building much. */
void control_publish(struct control *control, const char *type, uint64_t session, json_t *data);
bool control_is_watched(const struct control *control, const char *type, uint64_t session);

/* Is there anybody at all who subscribed to it, for whatever session? And: called when that may
 * have changed, for whoever makes something only when it is wanted. */
bool control_is_wanted(const struct control *control, const char *type);
void control_on_watch(struct control *control, void (*on_watch)(void *ctx), void *ctx);

struct control_stats {
    uint64_t accepted, refused_credentials, refused_full; /* connections */
    uint64_t oversize, incomplete;                        /* lines */
    uint64_t throttled;                                   /* pauses for the rate limit */
    uint64_t events, events_lost;                         /* sent and dropped, per subscriber */
    uint64_t clients;                                     /* connected now */
};
const struct control_stats *control_stats(const struct control *control);

#endif
