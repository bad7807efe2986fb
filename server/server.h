/* sluiced as one object: the loop, the data plane's link, TCP, sessions, control socket. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "server/conference/conference.h"
#include "server/control/control.h"
#include "server/control/lab.h"
#include "server/h323/gatekeeper.h"
#include "server/h323/h323.h"
#include "server/h323/tcp.h"
#include "server/h323/tls_keys.h"
#include "server/loop.h"
#include "server/media/media_link.h"
#include "server/session/session.h"
#include "settings/settings.h"

struct server {
    struct loop loop;
    const char *settings_path;
    struct settings *settings;
    struct cert *cert;
    struct h23510_identity identity;
    struct tls_keys *tls;
    struct key_log *key_log; /* NULL unless dtls.key_log */
    struct session_env env;
    struct conferences *conferences;
    struct media_link *media;
    struct tcp *tcp;
    struct h323 *h323;
    struct gatekeeper *gatekeeper; /* NULL: none is used */
    struct control *control;
    struct lab *lab; /* NULL unless control.lab_methods */
    uv_signal_t sig_term, sig_int, sig_hup;
    uint64_t began;
    unsigned reloads, reloads_refused;
    int urandom;
    bool is_loop_up;
    bool is_stopping;
    bool is_control_stopped;
    struct timer stop_timer; /* steps of the shutdown */
    uint64_t stop_deadline;
    unsigned stop_step;
};

/* Takes over the settings. Everything is made and every socket open, or nothing is left behind and
 * the error is logged. */
int server_init(struct server *s, struct settings *settings, const char *settings_path);

/* Until SIGTERM or SIGINT, then the shutdown. */
void server_run(struct server *s);
void server_fini(struct server *s);

/* What the settings say about connections, without loop and timers. */
struct tcp_config server_tcp_config(const struct server *s);

/* server_reload.c: reads the configuration again and takes what can change while the server runs.
 * The answer of server.reload: taken, problems, changed, restart. A new reference. */
json_t *server_reload(struct server *s);

/* server_rpc.c: methods and events on the control socket. */
int server_rpc_register(struct server *s);
int server_conference_register(struct server *s); /* conference_rpc.c; the same */
int server_h245_register(struct server *s);       /* server_h245.c; the same */
int server_call_register(struct server *s);       /* server_call.c; by server_rpc_register */
int server_capture_register(struct server *s);    /* server_capture.c; likewise */
int server_sdp_register(struct server *s);        /* server_sdp.c; likewise */
int server_data_register(struct server *s);       /* server_data.c; likewise */
/* The session that the parameter "id" names; NULL: none, and the error has been answered. */
struct session *server_session_of(struct server *s, const json_t *params, struct rpc_reply *reply);
/* "required", "preferred" or "off"; false: none of them. (server_call.c) */
bool server_read_policy(const char *text, enum settings_dtls *out);
extern const struct control_event server_events[];
extern const size_t server_event_count;

#endif
