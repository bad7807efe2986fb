/* The endpoint's side of RAS (H.225.0 §7.7 to 7.18, H.323 §7.2), without I/O: finds a gatekeeper,
 * registers, stays registered, asks for calls.
 *
 * The engine takes datagrams and the time and gives datagrams and events. Requests are repeated,
 * matched by sequence number and given up by its timers; RequestInProgress prolongs them.
 *
 *   create → start → on_registered → admit → on_admission → ... → disengage → stop → on_stopped
 *
 * A gatekeeper that is silent or says no is followed by its alternates in order of priority, then,
 * after retry_ms, by the configured one again. Calls that were admitted live on without it.
 *
 * With a password every message of ours carries a H.235.1 procedure I token (HMAC-SHA1-96 over the
 * whole message), and messages of the gatekeeper count only with a good one; GCF, GRJ and RRJ,
 * which come before there is anything to protect, may come without. The hash functions are
 * arguments: this folder knows no cryptographic library.
 *
 * Callbacks may call any function below but ras_destroy. Pointers in events are valid during the
 * callback only. One engine belongs to one thread. */
#ifndef SIGNALLING_H225_RAS_H
#define SIGNALLING_H225_RAS_H

#include "base/addr.h"
#include "signalling/h225/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ras;

#define RAS_PORT           1719 /* unicast */
#define RAS_DISCOVERY_PORT 1718 /* of the group 224.0.1.41 */
#define RAS_NEVER          UINT64_MAX
#define RAS_SHA1_LEN       20
#define RAS_NAMES_MAX      256 /* aliases and prefixes together */
#define RAS_ADDRESSES_MAX  8
#define RAS_DATAGRAM_MAX   4096 /* no message of ours is longer */

#define RAS_STATE_LIST(X)                       \
    X(RAS_STATE_OFF, "off")                     \
    X(RAS_STATE_DISCOVERING, "discovering")     \
    X(RAS_STATE_REGISTERING, "registering")     \
    X(RAS_STATE_REGISTERED, "registered")       \
    X(RAS_STATE_UNREGISTERING, "unregistering") \
    X(RAS_STATE_WAITING, "waiting")

enum ras_state {
#define RAS_STATE_ENUM(name, text) name,
    RAS_STATE_LIST(RAS_STATE_ENUM)
#undef RAS_STATE_ENUM
        RAS_STATE_COUNT
};

/* What H.235.1 needs. Both return 0 or a negative enum err. */
struct ras_crypto {
    int (*sha1)(const void *data, size_t len, uint8_t out[RAS_SHA1_LEN]);
    int (*hmac_sha1)(const void *key, size_t key_len, const void *data, size_t len,
                     uint8_t out[RAS_SHA1_LEN]);
};

struct ras_registration {
    struct addr gatekeeper;
    const char *gatekeeper_id; /* "" when it has none */
    const char *endpoint_id;
    uint32_t ttl_s; /* 0: the registration does not expire */
    size_t alternates;
    size_t names, names_told; /* aliases and prefixes: all, and those that it took so far */
};

/* A call that asks to be let in. */
struct ras_admission {
    uint64_t key; /* the user's name for the call, not 0 */
    uint8_t call_id[H225_GUID_LEN];
    uint8_t conference_id[H225_GUID_LEN];
    uint16_t call_ref;
    bool is_answer;                  /* an incoming call */
    uint32_t bandwidth;              /* both directions together, in 100 bit/s */
    const struct h225_alias *source; /* who calls */
    size_t source_count;
    const struct h225_alias *destination; /* who is called */
    size_t destination_count;
    struct addr source_address; /* signalling addresses; ADDR_NONE: leave out */
    struct addr destination_address;
    const uint8_t *setup; /* the Setup (Q.931), if the gatekeeper wants to see it; NULL: not yet */
    size_t setup_len;
};

enum ras_progress {
    RAS_PROGRESS_ALERTING,
    RAS_PROGRESS_CONNECTED,
};

struct ras_admitted {
    uint64_t key;
    int err;            /* 0; ERR_REFUSED, ERR_TIMEOUT, ERR_CLOSED (gatekeeper lost) */
    const char *reason; /* of a refusal: the Recommendation's name for it */
    bool is_routed;     /* the gatekeeper routes the call's signalling */
    /* Where call signalling goes: that of a call of ours that may be made; that of the caller when
     * a call that came in is refused because it should come by the gatekeeper
     * (routeCallToGatekeeper). Else ADDR_NONE. */
    struct addr destination;
    uint32_t bandwidth; /* granted, in 100 bit/s */
    /* For calls of ours, what the Setup has to say (H.225.0 §7.11.2). Empty: as it was asked. */
    struct h225_aliases destination_info; /* destinationAddress, the gatekeeper's translation */
    struct h225_aliases extra;            /* destExtraCallInfo */
    struct h225_aliases extension;        /* remoteExtensionAddress */
    struct h225_aliases source_info;      /* sourceAddress (modifiedSrcInfo) */
    const struct h225_octets *tokens;     /* each an encoded h235_ClearToken: tokens */
    size_t token_count;
};

struct ras_ops {
    /* One datagram. Mandatory. */
    void (*send)(void *arg, const struct addr *to, const uint8_t *data, size_t len);
    uint32_t (*random)(void *arg); /* mandatory */
    /* Seconds since 1970; mandatory with a password. NULL: no times of calls are told. */
    uint32_t (*unix_time)(void *arg);
    void (*on_registered)(void *arg, const struct ras_registration *registration);
    /* Not registered any more, or not let in (then `was_registered` is false); the engine goes on
     * trying by itself. */
    void (*on_lost)(void *arg, bool was_registered, const char *why);
    /* An alternate gatekeeper has taken over the registration that holds; calls live on. */
    void (*on_switched)(void *arg, const struct ras_registration *registration);
    void (*on_stopped)(void *arg); /* ras_stop is through */
    void (*on_admission)(void *arg, const struct ras_admitted *admitted);
    /* Answer to ras_set_bandwidth: 0 or as ras_admitted.err; `bandwidth` is what may be used. */
    void (*on_bandwidth)(void *arg, uint64_t key, int err, uint32_t bandwidth);
    /* The gatekeeper wants another bandwidth; NULL: agreed to. */
    bool (*on_bandwidth_wanted)(void *arg, uint64_t key, uint32_t bandwidth);
    /* The gatekeeper ends this call; it is disengaged already. */
    void (*on_disengage)(void *arg, uint64_t key);
};

/* A 0 takes the default. Texts and lists are copied. */
struct ras_config {
    struct addr gatekeeper;        /* its RAS address, or a multicast group to find one */
    const char *gatekeeper_id;     /* only this one; NULL: any */
    bool skip_discovery;           /* begin with the registration (not with a group) */
    struct addr ras_address;       /* ours */
    const struct addr *signalling; /* our call signalling addresses, 1 to RAS_ADDRESSES_MAX */
    size_t signalling_count;
    const struct h225_alias *aliases; /* at least 1; with the prefixes up to RAS_NAMES_MAX */
    size_t alias_count;
    const char *const *prefixes; /* digits */
    size_t prefix_count;
    const char *product;  /* default "Sluice" */
    const char *version;  /* default SLUICE_VERSION */
    const char *user;     /* sendersID before there is an endpoint identifier; default: alias 0 */
    const char *password; /* NULL: no authentication */
    const struct ras_crypto *crypto;
    uint32_t ttl_s;        /* wanted; default 60 */
    uint32_t request_ms;   /* until a request is repeated; default 3,000 */
    uint32_t discovery_ms; /* the same for GatekeeperRequest; default 5,000 */
    uint32_t tries;        /* of each request; default 3 */
    uint32_t retry_ms;     /* after all gatekeepers failed; default 30,000 */
    uint32_t clock_skew_s; /* tokens older or newer are refused; default 7,200 */
    uint32_t max_requests; /* of ours without an answer at a time; default 8,192 */
    size_t memory_limit;   /* one decoded message, octets; default 65,536 */
    uint32_t max_depth;    /* and its nesting, and elements of all its lists: */
    uint32_t max_elements; /* struct per_limits */
};

#define RAS_STAT_LIST(X)                                                        \
    X(messages_in)                                                              \
    X(messages_out)                                                             \
    X(undecodable)                                                              \
    X(strangers)   /* not from the gatekeeper */                                \
    X(unauthentic) /* without a good token; why: */                             \
    X(token_none)                                                               \
    X(token_other)          /* not HMAC-SHA1-96 by procedure I */               \
    X(token_hash)           /* wrong password, or a changed message */          \
    X(token_party)          /* not from this gatekeeper, or not for us */       \
    X(token_time)           /* its clock or ours is wrong */                    \
    X(token_replayed)       /* seen before */                                   \
    X(other_authentication) /* GatekeeperConfirm chose another way */           \
    X(unmatched)            /* an answer to nothing (any more) */               \
    X(unexpected)           /* no row in the state it met */                    \
    X(unknown)              /* answered with UnknownMessageResponse */          \
    X(repeated)             /* requests of ours sent again */                   \
    X(given_up)             /* requests of ours without an answer */            \
    X(duplicates)           /* requests of the gatekeeper answered as before */ \
    X(non_standard)         /* NonStandardMessage, ignored */                   \
    X(progress)             /* RequestInProgress: waits that were prolonged */  \
    X(registrations)                                                            \
    X(lost)                                                                     \
    X(switched)   /* registrations that an alternate took over */               \
    X(redirected) /* requests sent on to another gatekeeper */                  \
    X(calls_admitted)                                                           \
    X(calls_refused)                                                            \
    X(calls_pregranted)                                                         \
    X(calls_ended) /* by the gatekeeper */                                      \
    X(bandwidth_refused)                                                        \
    X(reports) /* InfoRequestResponse that nobody asked for */                  \
    X(reports_refused)                                                          \
    X(reports_dropped) /* too long, or too many without an answer */

struct ras_stats {
#define RAS_STAT_FIELD(name) uint64_t name;
    RAS_STAT_LIST(RAS_STAT_FIELD)
#undef RAS_STAT_FIELD
};

/* `config` is copied, `ops` must stay. ERR_INVAL, ERR_RANGE, ERR_NOMEM, ERR_CRYPTO. */
int ras_create(const struct ras_config *config, const struct ras_ops *ops, void *arg,
               struct ras **out);

/* Sends nothing, calls nothing back. NULL is fine. */
void ras_destroy(struct ras *ras);

/* Begins to look for a gatekeeper, or does so again at once when all had failed. ERR_STATE: it is
 * at it, or registered. */
int ras_start(struct ras *ras, uint64_t now);

/* Unregisters; on_stopped comes when the gatekeeper knows it, or does not answer. ERR_STATE: off.
 * Calls should be disengaged before. */
int ras_stop(struct ras *ras, uint64_t now);

/* One datagram. An error means that it was refused and counted. */
int ras_input(struct ras *ras, const struct addr *from, const uint8_t *data, size_t len,
              uint64_t now);

/* When on_timer wants to be called, RAS_NEVER if no timer runs. */
uint64_t ras_next_deadline(const struct ras *ras);
void ras_on_timer(struct ras *ras, uint64_t now);

/* More names: additive registrations where the gatekeeper takes them, else a full one. ERR_LIMIT:
 * more than RAS_NAMES_MAX; ERR_INVAL: an empty one. Before the registration they go with it. */
int ras_add_names(struct ras *ras, const struct h225_alias *aliases, size_t alias_count,
                  const char *const *prefixes, size_t prefix_count, uint64_t now);

/* AdmissionRequest, for a call that came in or one of ours. Of a call of ours at least one of
 * destination and destination_address must be there; the confirmation says where the Setup goes.
 * Aliases that no message can carry are left out. on_admission comes exactly once, from within
 * this call where the registration granted such calls (preGrantedARQ), unless this fails: ERR_STATE
 * (not registered), ERR_EXISTS (key in use), ERR_INVAL, ERR_LIMIT. */
int ras_admit(struct ras *ras, const struct ras_admission *admission, uint64_t now);

/* BandwidthRequest for an admitted call. ERR_NOTFOUND, ERR_STATE, ERR_LIMIT. */
int ras_set_bandwidth(struct ras *ras, uint64_t key, uint32_t bandwidth, uint64_t now);

/* The call is over: DisengageRequest, if this gatekeeper admitted it. The key is free at once; an
 * admission that runs is forgotten (no on_admission) and undone should it be granted.
 * ERR_NOTFOUND. `cause` is the Q.850 value. */
int ras_disengage(struct ras *ras, uint64_t key, unsigned cause, uint64_t now);

/* A Q.931 message of a call was sent or has come in: goes to the gatekeeper when it wants to see
 * such (uuiesRequested). Costs next to nothing when it does not. ERR_NOTFOUND. */
int ras_on_signalling(struct ras *ras, uint64_t key, bool is_sent, const uint8_t *message,
                      size_t len, uint64_t now);

/* For the times that a gatekeeper may want to know (usageSpec). ERR_NOTFOUND. */
int ras_on_progress(struct ras *ras, uint64_t key, enum ras_progress progress, uint64_t now);

/* ResourcesAvailableIndicate, when the answer has changed. ERR_STATE: not registered (told then by
 * the next registration). */
int ras_set_resources(struct ras *ras, bool is_almost_out, uint64_t now);

enum ras_state ras_state(const struct ras *ras);
const char *ras_state_to_str(enum ras_state state);
size_t ras_call_count(const struct ras *ras);
const struct ras_stats *ras_stats(const struct ras *ras);

/* The registration that holds; ERR_STATE when there is none. Texts live until the next call into
 * the engine. */
int ras_registration(const struct ras *ras, struct ras_registration *out);

#endif
