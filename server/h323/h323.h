/* H.323 over TCP: signalling listeners, the connections of calls, and a listener of its own for the
 * H.245 of each call. Gives sessions (session.h) their sockets. Main thread. */
#ifndef SERVER_H323_H
#define SERVER_H323_H

#include <stddef.h>
#include <stdint.h>

#include "server/h323/tcp.h"
#include "server/session/session.h"
#include "settings/settings.h"

struct h323;

/* Counters by reason; `sessions` is now. */
#define H323_STAT_LIST(X)                                                       \
    X(sessions)                                                                 \
    X(setups)                                                                   \
    X(dialled)          /* connections opened for calls of ours */              \
    X(refused_sessions) /* max_sessions */                                      \
    X(refused_rate)     /* setups_per_second of one address */                  \
    X(undecodable)      /* no Q.931 message */                                  \
    X(unknown_call)     /* for a call that is not there */                      \
    X(silent)           /* connected and sent no Setup */                       \
    X(idle_closed)      /* kept connections that had no further call */         \
    X(noisy)            /* connections closed for messages of no use */         \
    X(reused)           /* calls of ours on a connection that was there */      \
    X(refused_shared)   /* second call of a connection, multiple_calls off */   \
    X(h245_crossed)     /* both sides opened an H.245 connection at once */     \
    X(h245_strangers)   /* H.245 connection from a host that is not the peer */ \
    X(h245_no_port)

struct h323_stats {
#define H323_STAT_FIELD(name) uint64_t name;
    H323_STAT_LIST(H323_STAT_FIELD)
#undef H323_STAT_FIELD
};

/* `env` gets its signalling operations from here: h323_ops. All outlive this. */
int h323_create(struct session_env *env, struct tcp *tcp, struct h323 **out);

/* What listeners and H.245 connections by TLS are made with; before h323_listen. */
void h323_use_tls(struct h323 *h, const struct tls_keys *keys);

/* Opens every listener of the configuration, or none. *which names the one that failed. */
int h323_listen(struct h323 *h);

/* No new calls; ends all sessions for the given reason. */
void h323_stop(struct h323 *h, enum session_end why);

/* Frees what is left. NULL is allowed. */
void h323_destroy(struct h323 *h);

/* The data plane is there (new calls are taken) or not (they are refused). */
void h323_set_ready(struct h323 *h, bool is_ready);

/* A call of ours. */
struct h323_request {
    struct session_dial dial;
    const char *listener; /* name; NULL: the first of the address's family */
    bool has_dtls;        /* false: the listener's policy */
    enum settings_dtls dtls;
    bool has_tls; /* false: as the listener */
    bool tls;
};

/* Begins a call; *out is its session, which may have ended already (session_end_reason). ERR_LIMIT,
 * ERR_NOTFOUND, ERR_NOMEM: no session was made, and *why says it in words. */
int h323_call(struct h323 *h, const struct h323_request *request, struct session **out,
              const char **why);

/* A leg by SDP. */
struct h323_sdp_request {
    const char *alias;    /* of the conference */
    const char *listener; /* name; NULL: the first */
    uint8_t family;       /* enum addr_family of its media */
    struct session_sdp_options options;
    bool has_dtls; /* false: the listener's policy */
    enum settings_dtls dtls;
};

/* A session that waits for a description (session_sdp_answer, _offer). Errors as of h323_call. */
int h323_sdp(struct h323 *h, const struct h323_sdp_request *request, struct session **out,
             const char **why);

/* The session of this id, until it is freed; NULL: none. */
struct session *h323_find(struct h323 *h, uint64_t id);

/* Every session in the order of their making; a non-zero answer ends the walk. */
typedef int (*h323_on_session_fn)(void *ctx, struct session *s);
void h323_each(struct h323 *h, h323_on_session_fn fn, void *ctx);

/* Counters; valid as long as `h`. */
const struct h323_stats *h323_stats_of(const struct h323 *h);

/* The signalling part of struct session_ops. `user` of the env must start with a struct h323
 * pointer: see struct server. */
int h323_h225_connect(struct h323 *h, struct session *s, const struct addr *to);
int h323_h225_send(struct h323 *h, struct session *s, const uint8_t *message, size_t len);
int h323_h245_send(struct h323 *h, struct session *s, const uint8_t *pdu, size_t len);
int h323_h245_connect(struct h323 *h, struct session *s, const struct addr *to);
int h323_h245_listen(struct h323 *h, struct session *s, struct addr *at);
void h323_h245_close(struct h323 *h, struct session *s);
void h323_h225_close(struct h323 *h, struct session *s);
void h323_closed(struct h323 *h, struct session *s);

#endif
