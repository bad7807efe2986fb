/* The gatekeeper of this server: a RAS engine (signalling/h225/ras.h) with its UDP socket and its
 * timer on the loop. Main thread. */
#ifndef SERVER_GATEKEEPER_H
#define SERVER_GATEKEEPER_H

#include <jansson.h>
#include <uv.h>

#include "server/session.h"
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
    void *user;
};

/* Without an address in the settings *out becomes NULL, which all functions below take. Opens the
 * socket and begins to register. ERR_IO, ERR_INVAL, ERR_NOMEM. */
int gatekeeper_create(const struct gatekeeper_config *config, struct gatekeeper **out);

/* struct session_ops.admit and .disengage. A session asks once, with an AdmissionRequest
 * (answerCall for a call that came in; for one of ours with its destinationInfo and, when known,
 * destCallSignalAddress) and hears session_on_admitted: of a call of ours with the address that
 * the Setup goes to. Without a gatekeeper in the settings, or without a registration when
 * gatekeeper.required is false, gatekeeper_admit says ERR_NOTFOUND: the session goes on as if it
 * were let in, which a call of ours can only when it has an address. From then on every session
 * that asked, and was not refused, ends with gatekeeper_disengage. */
int gatekeeper_admit(struct gatekeeper *g, struct session *s,
                     const struct session_admission *admission);
void gatekeeper_disengage(struct gatekeeper *g, struct session *s, unsigned cause);

/* Unregisters. is_stopped: the gatekeeper knows, or does not answer. */
void gatekeeper_stop(struct gatekeeper *g);
bool gatekeeper_is_stopped(const struct gatekeeper *g);

/* Closes the socket; the memory goes with the loop's next round. */
void gatekeeper_destroy(struct gatekeeper *g);

/* For server.info. A new reference; null without a gatekeeper. */
json_t *gatekeeper_to_json(const struct gatekeeper *g);

#endif
