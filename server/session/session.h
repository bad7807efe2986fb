/* A session: one call leg with one peer, from Setup to the last release.
 *
 * Joins the H.225.0 call, the H.245 engine, H.235.10 and a media port into one life. It owns no
 * socket and no thread and reads no clock: messages and `now` (milliseconds) come in by the
 * functions below, messages and events leave by `struct session_ops`, so that the same code runs
 * under libuv and under a test with virtual time.
 *
 *   callee: create → on_h225 … (Connect is answered) → on_h245_up, on_h245 … → closed → destroy
 *   caller: create → dial → on_admitted → on_h225_up → on_h225 … → the same
 *
 * Files: session.c (life, timers), session_call.c (H.225.0), session_dial.c (calls of
 * ours), session_h245.c (H.245), session_channel.c (table of channels), session_incoming.c and
 * session_outgoing.c (how they are opened), session_rekey.c (moved to a new connection),
 * session_secure.c (TLS), session_transport.c (ports,
 * DTLS), session_port.c (what a port says), session_json.c. Main thread. */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/timer.h"
#include "crypto/tls.h"
#include "server/media/media.h"
#include "signalling/h225/call.h"
#include "signalling/h23510/h23510.h"
#include "signalling/h245/media.h"
#include "signalling/h245/procedures.h"

struct session;
struct conference;
struct conferences;
struct settings;
struct settings_conference;
struct settings_listener;

#define SESSION_STATE_LIST(X)                                                            \
    X(SESSION_SETUP, "setup")             /* call signalling is up, no Connect yet */    \
    X(SESSION_CONNECTED, "connected")     /* Connect passed, H.245 connection awaited */ \
    X(SESSION_NEGOTIATING, "negotiating") /* capabilities, master and slave */           \
    X(SESSION_ACTIVE, "active")           /* channels may be opened */                   \
    X(SESSION_CLOSING, "closing")         /* good-byes are said, ports are closing */    \
    X(SESSION_CLOSED, "closed")           /* nothing is held any more */

enum session_state {
#define SESSION_STATE_ENUM(name, text) name,
    SESSION_STATE_LIST(SESSION_STATE_ENUM)
#undef SESSION_STATE_ENUM
};

/* Why a session ended: name in events and counters, and the reason that the peer is told. */
#define SESSION_END_LIST(X)                                                             \
    X(SESSION_END_NONE, "none", H225_REASON_NORMAL)                                     \
    X(SESSION_END_PEER, "peer_released", H225_REASON_NORMAL)                            \
    X(SESSION_END_PEER_SESSION, "peer_end_session", H225_REASON_NORMAL)                 \
    X(SESSION_END_OPERATOR, "operator", H225_REASON_NORMAL)                             \
    X(SESSION_END_DROPPED, "dropped_by_chair", H225_REASON_NORMAL)                      \
    X(SESSION_END_KICKED, "kicked", H225_REASON_NORMAL)                                 \
    X(SESSION_END_CONFERENCE_ENDED, "conference_ended", H225_REASON_NORMAL)             \
    X(SESSION_END_CONFERENCE_LOCKED, "conference_locked", H225_REASON_NO_PERMISSION)    \
    X(SESSION_END_CONFERENCES_FULL, "too_many_conferences", H225_REASON_BUSY)           \
    X(SESSION_END_WRONG_PIN, "wrong_pin", H225_REASON_SECURITY_DENIED)                  \
    X(SESSION_END_SHUTDOWN, "shutdown", H225_REASON_GATEWAY_RESOURCES)                  \
    X(SESSION_END_UNKNOWN_ALIAS, "unknown_alias", H225_REASON_UNREACHABLE)              \
    X(SESSION_END_CONFERENCE_FULL, "conference_full", H225_REASON_BUSY)                 \
    X(SESSION_END_NOT_ADMITTED, "not_admitted", H225_REASON_NO_PERMISSION)              \
    X(SESSION_END_NO_GATEKEEPER, "no_gatekeeper", H225_REASON_UNREACHABLE_GATEKEEPER)   \
    X(SESSION_END_DISENGAGED, "disengaged", H225_REASON_NORMAL)                         \
    X(SESSION_END_NO_BANDWIDTH, "no_bandwidth", H225_REASON_NO_BANDWIDTH)               \
    X(SESSION_END_RESOURCES, "no_resources", H225_REASON_GATEWAY_RESOURCES)             \
    X(SESSION_END_NO_DATA_PLANE, "no_data_plane", H225_REASON_GATEWAY_RESOURCES)        \
    X(SESSION_END_DTLS_REQUIRED, "dtls_required", H225_REASON_SECURITY_DENIED)          \
    X(SESSION_END_H245_CLEAR, "h245_not_secured", H225_REASON_SECURITY_DENIED)          \
    X(SESSION_END_DTLS_FAILED, "dtls_failed", H225_REASON_SECURITY_DENIED)              \
    X(SESSION_END_NO_CODEC, "no_common_codec", H225_REASON_UNDEFINED)                   \
    X(SESSION_END_NO_CHANNEL, "no_channel", H225_REASON_TIMEOUT)                        \
    X(SESSION_END_NO_MEDIA, "no_media", H225_REASON_TIMEOUT)                            \
    X(SESSION_END_SETUP_TIMEOUT, "setup_timeout", H225_REASON_TIMEOUT)                  \
    X(SESSION_END_UNREACHABLE, "unreachable", H225_REASON_UNREACHABLE)                  \
    X(SESSION_END_NO_RESPONSE, "no_response", H225_REASON_TIMEOUT)                      \
    X(SESSION_END_NO_ANSWER, "no_answer", H225_REASON_NO_ANSWER)                        \
    X(SESSION_END_BUSY, "busy", H225_REASON_NORMAL)                                     \
    X(SESSION_END_REJECTED, "rejected", H225_REASON_NORMAL)                             \
    X(SESSION_END_FORWARDED, "forwarded", H225_REASON_DEFLECTED)                        \
    X(SESSION_END_UNSUPPORTED_GOAL, "unsupported_goal", H225_REASON_FEATURE_NEEDED)     \
    X(SESSION_END_UNKNOWN_CONFERENCE, "unknown_conference_id", H225_REASON_INVALID_CID) \
    X(SESSION_END_H245_TIMEOUT, "h245_timeout", H225_REASON_TIMEOUT)                    \
    X(SESSION_END_NEGOTIATION, "negotiation_failed", H225_REASON_PROTOCOL_ERROR)        \
    X(SESSION_END_H225_LOST, "signalling_lost", H225_REASON_UNDEFINED)                  \
    X(SESSION_END_H245_LOST, "h245_lost", H225_REASON_UNDEFINED)                        \
    X(SESSION_END_ROUND_TRIP, "peer_silent", H225_REASON_TIMEOUT)                       \
    X(SESSION_END_PROTOCOL, "protocol_error", H225_REASON_PROTOCOL_ERROR)

enum session_end {
#define SESSION_END_ENUM(name, text, reason) name,
    SESSION_END_LIST(SESSION_END_ENUM)
#undef SESSION_END_ENUM
        SESSION_END_COUNT
};

/* Counters of all sessions by what happened; refusals by reason. */
#define SESSION_STAT_LIST(X)                                                             \
    X(created)                                                                           \
    X(dialled) /* calls of ours among them */                                            \
    X(connected)                                                                         \
    X(active)                                                                            \
    X(closed)                                                                            \
    X(channels_opened)                                                                   \
    X(channels_closed)                                                                   \
    X(channels_rejected) /* by us */                                                     \
    X(channels_refused)  /* by the peer */                                               \
    X(dtls_established)                                                                  \
    X(dtls_failed)                                                                       \
    X(rekeys)     /* connections that we have begun to replace */                        \
    X(downgraded) /* policy preferred, peer without H.235.10: plain RTP */               \
    X(h225_undecodable)                                                                  \
    X(h225_unexpected)                                                                   \
    X(h225_foreign_id)  /* message under another call's identifier */                    \
    X(h225_repeated)    /* Setup that came again */                                      \
    X(forwards)         /* calls of ours that followed a peer elsewhere */               \
    X(forwards_refused) /* ... that did not */                                           \
    X(forwarded_away)   /* callers sent elsewhere */                                     \
    X(h245_undecodable)                                                                  \
    X(h245_unexpected)                                                                   \
    X(h245_start_refused)       /* Facility(startH245) to where we do not connect */     \
    X(h245_clear_refused)       /* call by TLS, no TLS for H.245 offered */              \
    X(user_inputs)              /* keys, by H.245 or in an Information message */        \
    X(h235_refused)             /* OLC or Ack with a bad dtlsSecurityCapability */       \
    X(fast_accepted)            /* calls by fast connect */                              \
    X(fast_refused)             /* fastStart that goes on by H.245 */                    \
    X(fast_undecodable)         /* OLCs of a fastStart */                                \
    X(tcs_fingerprints_ignored) /* T-NOFP */                                             \
    X(commands_passed)          /* fast update … to the media's sender */              \
    X(sdp_lines_refused)        /* m= lines of offers and answers that were not taken */ \
    X(dtls_strangers)           /* records from a third address */                       \
    X(data_channels_refused)    /* OLCs for data, by us */                               \
    X(data_up)                  /* SCTP associations that ended here */                  \
    X(data_down)

struct session_stats {
#define SESSION_STAT_FIELD(name) uint64_t name;
    SESSION_STAT_LIST(SESSION_STAT_FIELD)
#undef SESSION_STAT_FIELD
    uint64_t ended[SESSION_END_COUNT];
    uint64_t refused[H23510_VERDICT_COUNT];
    uint64_t dtls_failures[DTLS_FAILURE_COUNT];
    uint64_t h245_refused[H245_REFUSAL_COUNT]; /* what H.245 has and we do not do, by what it was */
};

/* A call that asks a gatekeeper to be let in, or, when it is ours, out. */
struct session_admission {
    bool is_outgoing;
    uint16_t call_ref;
    const uint8_t *call_id; /* H225_GUID_LEN octets */
    const uint8_t *conference_id;
    const struct h225_alias *source; /* who calls */
    size_t source_count;
    const struct h225_alias *destination; /* who is called */
    size_t destination_count;
    /* Of call signalling; `peer` of a call of ours is ADDR_NONE when only aliases are known. */
    struct addr peer, local;
    uint32_t bandwidth;       /* both directions, in 100 bit/s */
    struct h225_octets setup; /* that came in, as Q.931 message */
};

enum session_progress {
    SESSION_PROGRESS_ALERTING,
    SESSION_PROGRESS_CONNECTED,
};

/* The gatekeeper's answer. Pointers are valid during the call only. */
struct session_admitted {
    enum session_end verdict; /* SESSION_END_NONE: it may be */
    const char *text;         /* reason of a refusal, else NULL */
    uint32_t bandwidth;       /* granted, as asked for; 0: no gatekeeper counts it */
    /* Of a call of ours that may be: the signalling connection goes there, to the gatekeeper
     * perhaps. Of a call that came in and was refused: the caller shall call there instead, or
     * ADDR_NONE. */
    struct addr destination;
    bool is_routed; /* then destCallSignalAddress of the Setup is left out */
    /* For the Setup; empty: as asked. destinationAddress, destExtraCallInfo,
     * remoteExtensionAddress (the first), sourceAddress, tokens (encoded h235_ClearToken). */
    const struct h225_aliases *destination_info, *extra, *extension, *source_info;
    const struct h225_octets *tokens;
    size_t token_count;
};

/* A call that the server makes. Texts are copied. */
struct session_dial {
    const char *alias;   /* who is called; "": whoever answers at the address */
    struct addr address; /* of its call signalling; ADDR_NONE: the gatekeeper knows */
    const struct settings_conference *row;
    const char *conference; /* name, see dialplan_name */
    const char *source;     /* our alias */
    const char *display;    /* what the callee shall show */
    bool tunnelling;        /* offer H.245 in call signalling */
    bool is_invite;         /* conferenceGoal invite instead of create */
    bool fast_connect;      /* propose channels in the Setup */
};

/* What a session asks of its surroundings. None of these may destroy the session. */
struct session_ops {
    int (*h225_send)(void *user, struct session *s, const uint8_t *message, size_t len);
    int (*h245_send)(void *user, struct session *s, const uint8_t *pdu, size_t len);
    /* Listen for the peer's H.245 connection; its address goes into Connect. */
    int (*h245_listen)(void *user, struct session *s, struct addr *at);
    /* Connect to the peer's H.245 address; session_on_h245_up or _failed follows. */
    int (*h245_connect)(void *user, struct session *s, const struct addr *to);
    /* A call of ours goes there; session_on_h225_up or session_on_h225_lost follows, the former
     * perhaps from inside this call. An earlier connection of the session is left. 1 instead of 0:
     * on a connection that was there, and may be dead without anybody's knowledge. */
    int (*h225_connect)(void *user, struct session *s, const struct addr *to);
    /* Polite closes: what was sent goes out first. */
    void (*h245_close)(void *user, struct session *s);
    void (*h225_close)(void *user, struct session *s);
    /* May this call be answered, or, when it is ours, be made? 0: session_on_admitted tells, now
     * or later; ERR_NOTFOUND: nobody to be asked, go on (a call of ours then needs an address);
     * other errors: no. May be NULL. `disengage`: a call that was asked for is over, `cause` is
     * the Q.850 value. */
    int (*admit)(void *user, struct session *s, const struct session_admission *admission);
    void (*disengage)(void *user, struct session *s, unsigned cause);
    /* For a call that was asked for, each may be NULL: its channels now need so much (in
     * 100 bit/s), session_on_bandwidth tells what is allowed; a Q.931 message was sent or came in;
     * how far the call is. */
    void (*bandwidth)(void *user, struct session *s, uint32_t needed);
    void (*signalling)(void *user, struct session *s, bool is_sent, const uint8_t *message,
                       size_t len);
    void (*progress)(void *user, struct session *s, enum session_progress progress);
    /* Something that a user may care about; takes over `data`. `s` may be NULL. */
    void (*event)(void *user, struct session *s, const char *type, json_t *data);
    /* Is anybody listening to events? false: `event` is not called, data are not built. */
    bool (*wants_events)(void *user);
    /* Nothing is held any more: destroy it, though not from inside this call. */
    void (*closed)(void *user, struct session *s);
};

/* What all sessions share. */
struct session_env {
    const struct session_ops *ops;
    void *user;
    const struct media_ops *media_ops;
    void *media;
    struct timer_set *timers;
    const struct settings *settings;
    const struct h23510_identity *identity;
    struct conferences *conferences;
    uint32_t (*random)(void *user);
    uint64_t (*now)(void *user); /* milliseconds; for what a media port reports */
    struct arena scratch;        /* for one message at a time */
    struct session_stats stats;
    uint64_t next_id;
};

struct session_config {
    const struct settings_listener *listener;
    struct addr peer; /* of the signalling connection */
    struct addr local;
    bool is_tls; /* it is a TLS connection, like this; of a call of ours: it shall be */
    struct tls_info tls;
    void *owner;       /* of the connection: session_owner */
    bool is_caller;    /* a call of ours: session_dial comes next, peer and local later */
    bool is_by_sdp;    /* no H.225.0, no H.245: session_sdp_begin comes next */
    uint16_t call_ref; /* of such a call */
};

/* ERR_NOMEM. The session waits for its Setup. */
int session_create(struct session_env *env, const struct session_config *config, uint64_t now,
                   struct session **out);

/* In SESSION_CLOSED, or at any time when the surroundings are being torn down. */
void session_destroy(struct session *s);

/* Begins a call of ours in its conference. ERR_LIMIT: that is full; ERR_NOMEM; the session is then
 * only good for session_destroy. Whatever goes wrong later ends the session with its cause. */
int session_dial(struct session *s, const struct session_dial *dial, uint64_t now);

/* The connection that h225_connect opened is there. */
void session_on_h225_up(struct session *s, const struct addr *local, uint64_t now);

/* Call signalling: one Q.931 message; the connection is gone, or never came to be. */
void session_on_h225(struct session *s, const uint8_t *message, size_t len, uint64_t now);
void session_on_h225_lost(struct session *s, const char *why, uint64_t now);

/* The gatekeeper's answer to session_ops.admit. */
void session_on_admitted(struct session *s, const struct session_admitted *a, uint64_t now);

/* What the gatekeeper allows from now on, asked or by itself, in 100 bit/s. The session complies
 * (flow control, closed channels, in the end its own end) a moment later, not within this call. */
void session_on_bandwidth(struct session *s, uint32_t allowed, uint64_t now);

/* H.245 on a connection of its own: it is up, whoever opened it; it could not be opened; one PDU;
 * it is gone. */
void session_on_h245_failed(struct session *s, const char *why, uint64_t now);
void session_on_h245_up(struct session *s, const struct addr *peer, uint64_t now);
void session_on_h245(struct session *s, const uint8_t *pdu, size_t len, uint64_t now);
void session_on_h245_lost(struct session *s, const char *why, uint64_t now);

/* End it: EndSession, ReleaseComplete, close alert; `closed` follows within end_session_ms. Again:
 * nothing. */
void session_close(struct session *s, enum session_end why, uint64_t now);
/* The same with words for people. */
void session_refuse(struct session *s, enum session_end why, const char *text, uint64_t now);

/* session_secure.c: is call signalling a TLS connection, or shall it be? What its TLS has agreed on
 * (calls of ours: before session_on_h225_up). */
bool session_is_tls(const struct session *s);
void session_set_signalling_tls(struct session *s, const struct tls_info *info);
/* Is all that carries fingerprints protected: call signalling by TLS, H.245 in it or by TLS of its
 * own? Then an H.245 connection has to be a TLS one. Decided by Setup, of a call of ours by the
 * answer. What that connection's TLS has agreed on: before session_on_h245_up. */
bool session_is_secured(const struct session *s);
void session_set_h245_tls(struct session *s, const struct tls_info *info);

/* Legs by SDP (session_sdp.c): a session just created joins the conference of `alias` instead of
 * waiting for a Setup; it is destroyed by the caller when that fails. Then either the other side's
 * offer is turned into our answer in place (also later: hold, resume, other media or addresses), or
 * an offer of ours is made and the answer accepted. ERR_REFUSED with *why in words: nothing has
 * changed. ERR_AGAIN in pass-through: ours is made when the other leg is known, and event
 * session.described brings it. */
struct sdp;
enum session_sdp_mode {
    SESSION_SDP_ANY, /* as the conference does it */
    SESSION_SDP_TERMINATE,
    SESSION_SDP_PASS, /* whoever makes the conference may want it to be this */
};
struct session_sdp_options {
    enum session_sdp_mode mode;
    bool ice, video, data; /* in offers of ours */
};
int session_sdp_begin(struct session *s, const char *alias, const struct session_sdp_options *o,
                      const char **why);
int session_sdp_answer(struct session *s, struct sdp *sdp, const char **why, uint64_t now);
int session_sdp_offer(struct session *s, struct sdp *sdp, const char **why, uint64_t now);
int session_sdp_accept(struct session *s, struct sdp *sdp, const char **why, uint64_t now);

/* H.245 to the peer. ERR_STATE: not active, or a leg without H.245.
 * Keys or text; with a duration one key as a signal: ERR_INVAL. */
int session_send_user_input(struct session *s, const char *text, uint32_t duration_ms,
                            uint64_t now);
/* A miscellaneous command without parameters by its name in H.245, about a channel of either
 * direction. ERR_UNSUPPORTED: no such command; ERR_NOTFOUND: no such channel. */
int session_misc_command(struct session *s, const char *command, uint16_t lcn, uint64_t now);
/* Asks the peer to send this codec; event session.mode_answer follows. Where all of a conference
 * have one codec, all change with it. With *why in words, and nothing sent: ERR_STATE;
 * ERR_UNSUPPORTED: H.245 has no mode for it; ERR_REFUSED: not the conference's, or a member
 * cannot. */
struct session_refusal {
    char text[128];
};
int session_request_mode(struct session *s, enum h245_codec codec, struct session_refusal *why,
                         uint64_t now);
/* Asks the terminal for "terminal_id" (its own name) or "conference_id" (what it wants to be in);
 * event session.identified tells an answer. ERR_UNSUPPORTED: neither; ERR_STATE: it has not entered
 * its conference, or is asked just now. */
int session_ask(struct session *s, const char *what, uint64_t now);

/* A-REPLACE: a new DTLS connection with new keys beside each that runs; our channels move over when
 * it is keyed, the peer may follow with its own, and the old one goes with its last channel. What
 * fails leaves the old one as it is. ERR_STATE with *why in words: there is nothing to be replaced,
 * or not now; errors of media_ops.open. */
int session_rekey(struct session *s, const char **why, uint64_t now);

/* Decrypted media into a pcap file (session_capture.c); event session.capture tells how it went on.
 * ERR_REFUSED (not allowed by the configuration), ERR_STATE, ERR_EXISTS, ERR_INVAL, ERR_NOTFOUND,
 * each with *why in words. */
struct session_capture {
    uint32_t transport; /* 0: that of the audio */
    const char *file;   /* NULL: named by session and time; valid until the next call */
    uint32_t seconds;   /* 0: as long as the configuration allows */
};
int session_capture_start(struct session *s, const struct session_capture *wanted,
                          struct session_capture *out, const char **why);
/* `transport` 0: all that are being captured. */
int session_capture_stop(struct session *s, uint32_t transport, const char **why);
/* Into another conference of the same kind (session_move.c), without a PIN; *why in words when it
 * stays where it is. ERR_STATE, ERR_EXISTS, ERR_UNSUPPORTED, or as of conference_join. */
int session_move(struct session *s, const struct settings_conference *row, const char *name,
                 const char **why, uint64_t now);

/* Number of the session, never used twice; its state; why it ended (SESSION_END_NONE: it has not);
 * who has it, for session_ops; its call reference, and whether the call is ours. */
uint64_t session_id(const struct session *s);
enum session_state session_state(const struct session *s);
enum session_end session_end_reason(const struct session *s);
void *session_owner(const struct session *s);
void session_set_owner(struct session *s, void *owner);
uint16_t session_call_ref(const struct session *s);
bool session_is_caller(const struct session *s);
bool session_is_sdp(const struct session *s); /* a leg by SDP */
/* H.323 7.3: may other calls share the signalling connection, shall it outlive this one? */
bool session_shares_connection(const struct session *s);
bool session_keeps_connection(const struct session *s);
const uint8_t *session_conference_guid(const struct session *s); /* H225_GUID_LEN octets */
/* May the H.245 connection come from this host? Signalling peer's, or the one Setup named. */
bool session_expects(const struct session *s, const struct addr *from);

/* For conferences: does the peer take this codec (true while unknown)? */
bool session_can_receive(const struct session *s, enum h245_codec codec);
bool session_can_receive_relayed(const struct session *s, const struct h245_relayed *relayed);
bool session_has_channels(const struct session *s);
/* May its primary audio flow from the peer, to the peer? */
bool session_is_sending(const struct session *s);
bool session_is_receiving(const struct session *s);
/* What the peer can receive of video and data; NULL: not known. */
const struct h245_peer_caps *session_peer_caps(const struct session *s);
/* Media of its channels go to those of `to` from now on; NULL: nowhere. */
void session_route(struct session *s, const struct session *to);
/* The other session of its relay has changed: look at it soon. */
void session_kick(struct session *s);
struct session_env *session_env_of(const struct session *s);

/* JSON: a line for a list, and everything. New references. */
json_t *session_to_json_short(const struct session *s, uint64_t now);
json_t *session_to_json(const struct session *s, uint64_t now);

const char *session_state_to_str(enum session_state state);
const char *session_end_to_str(enum session_end end);
enum h225_reason session_end_to_h225(enum session_end end);

#endif
