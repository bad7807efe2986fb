/* The gatekeeper of this server: a RAS engine (signalling/h225/ras.h) with its UDP socket and its
 * timer on the loop. Main thread.
 *
 * Files: gatekeeper.c (life, socket, registration), gatekeeper_call.c (calls), gatekeeper_rpc.c
 * (methods and JSON). All functions take NULL: no gatekeeper in the settings. */
#ifndef SERVER_GATEKEEPER_H
#define SERVER_GATEKEEPER_H

#include <jansson.h>
#include <uv.h>

#include "server/control/rpc.h"
#include "server/session/session.h"
#include "settings/settings.h"

struct gatekeeper;

struct gatekeeper_config {
    uv_loop_t *loop;
    struct timer_set *timers;
    const struct settings *settings;
    uint32_t (*random)(void *user);
    /* An event for the control socket; takes over `data`. */
    void (*publish)(void *user, const char *type, json_t *data);
    /* The session of that number, NULL: gone. */
    struct session *(*find)(void *user, uint64_t id);
    /* How much of what can be used is used, percent. */
    unsigned (*load)(void *user);
    void *user;
};

/* Without an address in the settings *out becomes NULL. Opens the socket and begins to register.
 * ERR_IO, ERR_INVAL, ERR_NOMEM. */
int gatekeeper_create(const struct gatekeeper_config *config, struct gatekeeper **out);

/* struct session_ops.admit and .disengage. A session asks once, with an AdmissionRequest
 * (answerCall for a call that came in; for one of ours with its destinationInfo and, when known,
 * destCallSignalAddress) and hears session_on_admitted: of a call of ours with the address that
 * the Setup goes to. Without a gatekeeper in the settings, or without a registration when
 * gatekeeper.required is false, gatekeeper_admit says ERR_NOTFOUND: the session goes on as if it
 * were let in, which a call of ours can only when it has an address. From then on every session
 * that asked, and was not refused, ends with gatekeeper_disengage.
 *
 * Where the registration granted calls beforehand (preGrantedARQ) nobody is asked and
 * session_on_admitted comes from within gatekeeper_admit. */
int gatekeeper_admit(struct gatekeeper *g, struct session *s,
                     const struct session_admission *admission);
void gatekeeper_disengage(struct gatekeeper *g, struct session *s, unsigned cause);

/* session_ops.bandwidth, .signalling and .progress. */
void gatekeeper_bandwidth(struct gatekeeper *g, struct session *s, uint32_t needed);
void gatekeeper_signalling(struct gatekeeper *g, struct session *s, bool is_sent,
                           const uint8_t *message, size_t len);
void gatekeeper_progress(struct gatekeeper *g, struct session *s, enum session_progress progress);

/* Unregisters. is_stopped: the gatekeeper knows, or does not answer. */
void gatekeeper_stop(struct gatekeeper *g);
bool gatekeeper_is_stopped(const struct gatekeeper *g);

/* Closes the socket; the memory goes with the loop's next round. */
void gatekeeper_destroy(struct gatekeeper *g);

/* For server.info and server.stats. New references; null without a gatekeeper. */
json_t *gatekeeper_to_json(const struct gatekeeper *g);
json_t *gatekeeper_stats_json(const struct gatekeeper *g);

/* gatekeeper.get, .register and .unregister. `g` is where the gatekeeper will be: methods may be
 * registered before it is made. */
int gatekeeper_rpc_register(struct rpc *rpc, struct gatekeeper **g);

#endif
