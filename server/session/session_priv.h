/* Inside of a session: shared by the session_*.c files alone. */
#ifndef SERVER_SESSION_PRIV_H
#define SERVER_SESSION_PRIV_H

#include "base/log.h"
#include "server/session/session.h"
#include "settings/settings.h"
#include "signalling/h23510/fast.h"
#include "signalling/h245/engine.h"

#define SESSION_TEXT_MAX    128
#define SESSION_ALIASES_MAX 4
#define SESSION_ERRORS_MAX  8
#define SESSION_AUDIO_ID    1 /* H.245 sessionID of the primary audio session */
/* Both directions together, and ports at a time: more than any endpoint opens; a peer that opens
 * without end is refused (H-H245). */
#define SESSION_CHANNELS_MAX     48
#define SESSION_TRANSPORTS_USUAL 8
#define SESSION_TRANSPORTS_MAX   32 /* a forwarding conference in the clear: one for each lane */
/* Lanes of one medium: as many as a forwarding conference has others for a member. With that of
 * data four media fill the 64 bits of session_lane_bit. Of them a peer may open the first four: a
 * relay mirrors those, and a routing table of the data plane has no more rows. */
#define SESSION_LANES_MAX    15
#define SESSION_LANES_IN_MAX 4
#define SESSION_LANE_DATA    SESSION_LANES_MAX /* of H245_MEDIA_DATA: not RTP, see session_data.c */
/* H.245 sessionIDs that we give, as master, beyond the primary ones (H.245 B.3: 4…255). */
#define SESSION_ID_FIRST 32
#define SESSION_NEVER    TIMER_NEVER
/* What a call asks its gatekeeper for before it has channels: G.711 each way, in 100 bit/s. */
#define SESSION_AUDIO_BANDWIDTH 1280

/* Own timers, beside those of the engines. */
#define SESSION_TIMER_LIST(X)                                                     \
    X(SESSION_TIMER_SETUP)      /* connection up to Setup; calls of ours: TCP */  \
    X(SESSION_TIMER_H245)       /* Connect to the peer's H.245 connection */      \
    X(SESSION_TIMER_TCS)        /* H.245 up to the peer's capabilities */         \
    X(SESSION_TIMER_MIRROR)     /* we open a channel though the peer has not */   \
    X(SESSION_TIMER_NO_CHANNEL) /* active without any channel */                  \
    X(SESSION_TIMER_FOLLOW)     /* the other session of the relay has changed */  \
    X(SESSION_TIMER_DTLS)       /* agreed, but the remote address is not known */ \
    X(SESSION_TIMER_BANDWIDTH)  /* less is used, or a limit was set */            \
    X(SESSION_TIMER_REPLACE)    /* a refused replacement is tried anew */         \
    X(SESSION_TIMER_GOODBYE)    /* ReleaseComplete sent, EndSession follows */    \
    X(SESSION_TIMER_END)        /* good-bye said, not answered */

enum session_timer {
#define SESSION_TIMER_ENUM(name) name,
    SESSION_TIMER_LIST(SESSION_TIMER_ENUM)
#undef SESSION_TIMER_ENUM
        SESSION_TIMER_COUNT
};

/* The ladder of a call: when each step was first seen. */
#define SESSION_STEP_LIST(X)                      \
    X(SESSION_STEP_SETUP, "setup")                \
    X(SESSION_STEP_PROCEEDING, "call_proceeding") \
    X(SESSION_STEP_ALERTING, "alerting")          \
    X(SESSION_STEP_CONNECT, "connect")            \
    X(SESSION_STEP_H245, "h245")                  \
    X(SESSION_STEP_MSD, "msd")                    \
    X(SESSION_STEP_TCS_IN, "tcs_in")              \
    X(SESSION_STEP_TCS_ACK, "tcs_ack")            \
    X(SESSION_STEP_OLC_IN, "olc_in")              \
    X(SESSION_STEP_OLC_ACK_OUT, "olc_ack_out")    \
    X(SESSION_STEP_OLC_OUT, "olc_out")            \
    X(SESSION_STEP_OLC_ACK_IN, "olc_ack_in")      \
    X(SESSION_STEP_DTLS, "dtls")                  \
    X(SESSION_STEP_KEYS, "keys")                  \
    X(SESSION_STEP_FIRST_IN, "first_packet_in")   \
    X(SESSION_STEP_FIRST_OUT, "first_packet_out")

enum session_step {
#define SESSION_STEP_ENUM(name, text) name,
    SESSION_STEP_LIST(SESSION_STEP_ENUM)
#undef SESSION_STEP_ENUM
        SESSION_STEP_COUNT
};

#define CHANNEL_STATE_LIST(X)                                                  \
    X(CHANNEL_NONE, "none")                                                    \
    X(CHANNEL_PENDING, "pending") /* incoming: our port is being opened */     \
    X(CHANNEL_OPENING, "opening") /* outgoing: the peer's answer is awaited */ \
    X(CHANNEL_OPEN, "open")                                                    \
    X(CHANNEL_CLOSING, "closing")

enum channel_state {
#define CHANNEL_STATE_ENUM(name, text) name,
    CHANNEL_STATE_LIST(CHANNEL_STATE_ENUM)
#undef CHANNEL_STATE_ENUM
};

struct session_transport;

/* Why a channel of ours is replaced. */
enum session_replacement {
    SESSION_REPLACES_CODEC,      /* another codec */
    SESSION_REPLACES_AFTER_PEER, /* the peer has moved to another connection */
    SESSION_REPLACES_KEYS,       /* we have */
};

/* A place in the table of logical channels; free while its state is CHANNEL_NONE. Places are not
 * given back before the session ends, so that a pointer kept over a callback is never stale memory.
 */
struct session_channel {
    size_t place;
    uint32_t serial; /* in the order of their coming */
    enum channel_state state;
    enum h245_direction direction;
    enum h245_media kind;
    uint8_t index;        /* 0: the primary one of its kind; with the kind it is the lane */
    bool was_open;        /* counted as opened, not yet as closed */
    bool is_stopped;      /* outgoing: by flow control of the peer */
    bool is_data;         /* both ways over SCTP, opened as `direction` says; kind is data */
    bool is_confirmed;    /* ... an incoming one: we may send */
    uint16_t reverse_lcn; /* ... number of its other half */
    struct h245_data data;
    uint16_t lcn;
    struct h245_audio audio;     /* of audio */
    struct h245_relayed relayed; /* of video and data */
    uint8_t session_id;
    bool is_id_ours;  /* the OLC left the session id to us, as master: it goes into the Ack */
    int payload_type; /* -1: dynamic, and nobody has said which */
    bool is_protected;
    struct session_transport *transport; /* what its media run over; NULL: not known yet */
    uint32_t rate; /* of video, in 100 bit/s, as in the OLC; 0: audio, its codec's */
    bool is_rate_limited;
    uint32_t rate_limit;         /* the gatekeeper leaves no more for it */
    uint16_t replaces;           /* our channel that ends when this one is open; 0: none */
    enum h245_olc_cause refusal; /* of the peer, before it is gone */
    /* What was to replace it was refused (session_replace.c): why it was opened, how often it was
     * tried again, and when it will be (0: not). */
    enum session_replacement replace_why;
    unsigned replace_tries;
    uint64_t replace_at;
    struct addr media; /* where its sender sends to */
    struct addr media_control;
};

#define ASSOCIATION_STATE_LIST(X)         \
    X(ASSOCIATION_NONE, "none")           \
    X(ASSOCIATION_HANDSHAKE, "handshake") \
    X(ASSOCIATION_VERIFIED, "verified")   \
    X(ASSOCIATION_KEYED, "keyed")         \
    X(ASSOCIATION_FAILED, "failed")       \
    X(ASSOCIATION_CLOSED, "closed")       \
    X(ASSOCIATION_PASSED, "passed") /* between the peers: media were seen */

enum association_state {
#define ASSOCIATION_STATE_ENUM(name, text) name,
    ASSOCIATION_STATE_LIST(ASSOCIATION_STATE_ENUM)
#undef ASSOCIATION_STATE_ENUM
};

/* A transport of a session and its association: owner of a media port. Values stay readable after
 * the close, until the place is needed again. */
struct session_transport {
    struct session *session;
    size_t place;
    uint32_t id;             /* 1, 2, … in the order of their opening */
    struct media_port *port; /* NULL: given up */
    bool is_closing;         /* on_closed is awaited: the place must not be used again before it */
    bool is_open;            /* on_opened came */
    enum media_kind kind;
    uint32_t replaces;      /* id of the one that ours shall take over from (A-REPLACE), or 0 */
    enum h245_media medium; /* lane that it was opened for: of plain RTP the only one */
    uint8_t index;
    struct addr local;  /* announced to the peer */
    struct addr remote; /* of media; ADDR_NONE until known */
    struct addr remote_control;
    bool has_remote_from_ack; /* the peer named it itself, not guessed from its RTCP address */
    struct media_ice ice;     /* ours; ufrag "": the remote is what signalling named */
    uint64_t ice_mark;        /* of theirs */
    char peer_tls_id[72];     /* SDP_TLS_ID_MAX */
    bool has_label[2];        /* portNumber of the peer's OLCs, and of its Acks: the same for all */
    uint16_t label[2];        /* that share the transport (L-SHARE) */
    uint64_t remote_deadline; /* agreed, but no address yet: given up then; or SESSION_NEVER */
    struct h23510 dtls;       /* negotiation of this connection; begins as the session's */
    struct h23510_agreement agreement;
    enum association_state association;
    bool is_verified;
    char cipher[64];
    enum srtp_profile profile;
    uint32_t handshake_ms;
    bool is_resumed;
    struct fingerprint peer_fingerprint;
    enum dtls_failure failure;
    char failure_text[96];
    uint64_t strangers;
    struct link_transport_stats final;
    bool has_final;
    bool is_captured; /* its end has not been told */
    bool is_data_up;  /* data.up was told, data.down has not been */
};

struct session_error {
    uint64_t at; /* ms since the session began */
    char text[SESSION_TEXT_MAX];
};

#define SESSION_SIGNALLING_PORT 1720
/* Whoever is awaited at the other side may let a telephone ring first (as T301 of Q.931). */
#define SESSION_OTHER_MS 180000u

/* Where a peer wants a call of ours to go instead. */
struct session_forward {
    bool is_set;
    enum h225_facility_reason reason;
    struct addr address; /* ADDR_NONE: the gatekeeper knows the alias */
    char alias[SESSION_TEXT_MAX];
    bool has_conference_id;
    uint8_t conference_id[H225_GUID_LEN];
};

/* What a call of ours needs besides, see session_dial.c. */
struct session_dialled {
    struct addr address; /* as asked for, or where the call was forwarded; ADDR_NONE: an alias */
    struct addr h245;    /* of the peer, from an answer before Connect */
    char source[SESSION_TEXT_MAX];
    char display[SESSION_TEXT_MAX];
    bool tunnelling, fast_connect;
    enum h225_goal goal;
    struct session_forward forward;
    uint32_t forwards;        /* followed */
    bool is_moving;           /* between two calls */
    bool is_reused;           /* the connection was there before the call */
    struct dial_route *route; /* what the gatekeeper wants in Setup; NULL: nothing */
    bool is_connected;        /* Connect came */
    bool has_listened;        /* we asked the peer to open the H.245 connection */
};

struct session {
    struct session_env *env;
    struct session_config config;
    uint64_t id;
    enum session_state state;
    enum session_end end;
    char end_text[SESSION_TEXT_MAX]; /* what the peer or the system said */
    uint64_t began, now;
    uint64_t wall_began_us;
    bool in_callback; /* an engine is on the stack: it must not be destroyed */
    struct timer timer;
    uint64_t deadline[SESSION_TIMER_COUNT];
    uint64_t step[SESSION_STEP_COUNT]; /* absolute; 0 = not seen */

    struct h225_call *call;
    struct session_dialled dial;
    bool is_admission_asked;     /* the gatekeeper has to hear of the end */
    struct h225_octets received; /* the Q.931 message that is being handled */
    struct {
        uint32_t asked; /* in 100 bit/s, by the admission or since */
        uint32_t limit; /* granted */
        bool has_limit, is_asking, is_raised;
    } bandwidth;
    bool is_answered;      /* Connect is out, or was tried */
    bool is_released;      /* on_released came */
    bool is_signalling_up; /* connection is there */
    struct addr source;    /* Setup: sourceCallSignalAddress */
    uint8_t call_id[H225_GUID_LEN];
    uint8_t conference_guid[H225_GUID_LEN];
    unsigned h225_version;
    char alias[SESSION_TEXT_MAX]; /* called */
    char peer_aliases[SESSION_ALIASES_MAX][SESSION_TEXT_MAX];
    size_t peer_alias_count;
    char peer_display[SESSION_TEXT_MAX];
    char peer_product[SESSION_TEXT_MAX];
    char peer_version[SESSION_TEXT_MAX];
    struct conference *conference;
    char conference_name[SETTINGS_TEXT_MAX];

    struct h245_engine *h245;
    bool is_h245_up;
    bool is_fast;                               /* channels by fast connect */
    struct h23510_fast_offer fast_in, fast_out; /* as the Setup offered, or the answer took them */
    bool is_fast_open;                          /* a call that came in: the channels are there */
    struct session_proposed *proposed;          /* a call of ours: not answered yet; or NULL */
    bool is_tunnelled;                          /* H.245 travels in the call signalling */
    unsigned start_requests;                    /* Facility(startH245) that made us connect */
    bool is_h245_ended;  /* both sides have said endSession, or the connection is gone */
    bool has_clear_h245; /* call by TLS: the peer wants H.245 without, and may */
    bool has_h245_tls;   /* its connection is one, like this: */
    struct tls_info h245_tls;
    struct addr h245_peer;
    unsigned h245_version; /* of the peer; 0 = not known */
    bool is_capable;       /* the peer has our capabilities */
    bool has_peer_caps;
    bool is_paused;                  /* the peer's last set was empty (H.323 8.4.6) */
    struct h245_peer_caps peer_caps; /* the last that was not */
    uint64_t offered;                /* mark of the video and data that we have offered */
    bool is_offer_stale;             /* ... and could not change, as an earlier set is on its way */
    struct h23510 dtls; /* capabilities of both sides; each transport negotiates on a copy */
    bool is_downgraded;
    enum h23510_verdict tcs_verdict;

    uint8_t event_pt;     /* of telephone-events from the peer; 0: as our capabilities say */
    uint16_t event_clock; /* ... and of their durations; 0: 8000, as for all by H.245 */
    uint64_t split_lanes; /* the peer wants them on connections of their own */
    bool is_offer_forced; /* our capabilities have changed in what their mark does not tell */
    bool is_codec_new;    /* the conference has another codec: session_follow_codec */
    bool is_mode_asked;   /* ... for which the peer has been asked already */
    bool has_wish;        /* in a mix: the peer has asked for this codec (RequestMode) */
    enum h245_codec wish;
    bool is_reopening;      /* our audio has to close before it can be opened again */
    bool has_lanes;         /* there was more than the primary audio: routes by payload type */
    uint64_t refused_lanes; /* by the peer, or not possible: not tried again */
    struct session_channel *channels[SESSION_CHANNELS_MAX];
    struct session_transport *transports[SESSION_TRANSPORTS_MAX];
    uint32_t next_transport, next_channel;
    struct link_transport_stats gone; /* sums of transports whose place was used again */

    struct session_leg *leg; /* a leg by SDP (session_sdp.h); else NULL */
    struct {                 /* pass-through, see session_pass.c */
        bool had_other;
        bool has_sent;        /* a set of ours, if only the empty one */
        uint64_t hold_until;  /* for the peer's set, before that */
        bool is_presented;    /* the other's capabilities stand in the set that we sent */
        bool is_bound;        /* and its fingerprint is known */
        bool is_passing;      /* media were seen, on either leg */
        enum session_end why; /* why the other leg ended */
        char text[SESSION_TEXT_MAX];
    } pass;

    struct session_error errors[SESSION_ERRORS_MAX]; /* a ring, oldest overwritten */
    size_t error_count;
};

/* session.c */
void session_step_now(struct session *s, enum session_step step);
void session_step_at(struct session *s, enum session_step step, uint64_t at);
void session_note(struct session *s, enum log_level level, enum log_area area, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
void session_set_timer(struct session *s, enum session_timer timer, uint64_t in_ms);
void session_stop_timer(struct session *s, enum session_timer timer);
void session_arm(struct session *s);
/* Is there a codec of audio that its peer receives and its conference has? */
bool session_has_common_codec(const struct session *s);
void session_end(struct session *s, enum session_end why, const char *text);
void session_check_closed(struct session *s);
/* Publishes when somebody listens; takes over `data`. */
void session_event(struct session *s, const char *type, json_t *data);
bool session_wants_events(const struct session *s);
bool session_is_alive(const struct session *s); /* neither closing nor closed */

/* session_call.c */
int session_call_create(struct session *s);
void session_connect(struct session *s); /* H.245 gets its carrier, Connect is sent */
void session_begin_tunnel(struct session *s);
/* Asks the gatekeeper. 0: session_on_admitted tells; ERR_NOTFOUND: none is configured, and the call
 * needs nobody's word; errors of session_ops.admit. */
int session_ask_admission(struct session *s, const struct session_admission *a);
void session_tell_progress(struct session *s, enum session_progress progress);
json_t *session_created_data(const struct session *s);
void session_copy_text(char *to, size_t cap, const char *from);

/* session_bandwidth.c: what the channels carry, and what the gatekeeper allows */
uint32_t session_bandwidth(const struct session *s); /* in 100 bit/s */
void session_bandwidth_learn(struct session_channel *c, const struct h245_OpenLogicalChannel *olc);
void session_bandwidth_grown(struct session *s);
void session_bandwidth_shrunk(struct session *s);
void session_bandwidth_on_timer(struct session *s);

/* session_forward.c */
void session_on_facility(struct session *s, const struct h225_facility *facility);
void session_forward_follow(struct session *s);
/* A Setup on a kept connection that was dead: once more on a fresh one. False: not so. */
bool session_forward_retry(struct session *s);
void session_forward_to_gatekeeper(struct session *s, const struct addr *gatekeeper);
void session_forward_caller(struct session *s, const struct settings_conference *row);

/* session_dial.c: the caller's side of a call */
void session_dial_on_answer(struct session *s, const struct h225_answer *answer);
void session_dial_on_alerting(struct session *s, const struct h225_answer *answer);
void session_dial_on_connect(struct session *s, const struct h225_answer *answer);
void session_dial_on_admitted(struct session *s, const struct session_admitted *a);
void session_dial_forget(struct session *s);
void session_dial_send_setup(struct session *s); /* the port of fast connect is there */
int session_dial_again(struct session *s);       /* a fresh call to dial.address and alias */
void session_dial_on_h245_failed(struct session *s);
/* Why a call of ours ends before its Connect. */
enum session_end session_dial_end(const struct session *s, const struct h225_release *release);

/* session_secure.c */
bool session_secure_h245(struct session *s, const struct h225_setup *setup);    /* false: it ends */
bool session_judge_answer(struct session *s, const struct h225_answer *answer); /* the same */
void session_note_cleartext(struct session *s); /* fingerprints come in the clear */
json_t *session_tls_json(bool is_tls, const struct tls_info *info);

/* session_fast.c */
bool session_fast_choose(struct session *s, const struct h225_setup *setup);
int session_fast_begin(struct session *s); /* the port is asked for */
/* It is there: Connect with both channels. */
void session_fast_opened(struct session *s, struct session_transport *t);
void session_fast_keyed(struct session *s); /* and now it is answered, if it waited for that */
void session_fast_lost(struct session *s, const char *text); /* DTLS failed */
void session_fast_learn(struct session *s);                  /* the peer's capabilities came */
bool session_fast_is_protected(const struct session *s);
/* A channel that call signalling has opened; NULL: out of memory, or too many. */
struct session_channel *session_fast_channel(struct session *s, struct session_transport *t,
                                             enum h245_direction direction,
                                             const struct h245_channel *offer, uint16_t lcn);

/* session_fast_out.c: the caller's side */
bool session_fast_prepare(struct session *s); /* true: Setup has to wait for a port */
bool session_fast_awaits(const struct session *s, const struct session_transport *t);
/* Proposals for a Setup, none when there is no port; `list` has H23510_FAST_MAX places and points
 * into the scratch arena. */
int session_fast_propose(struct session *s, struct h225_octets *list, size_t *count);
void session_fast_on_answer(struct session *s, const struct h225_answer *answer);
void session_fast_forget(struct session *s);

/* session_h245.c */
/* The listener's policy and our fingerprints. ERR_INVAL. */
int session_policy_init(struct session *s);
int session_h245_create(struct session *s);
void session_h245_begin(struct session *s); /* connection is up: capabilities, master and slave */
/* One PDU, whatever carried it; the caller arms the timers. */
void session_h245_input(struct session *s, const uint8_t *pdu, size_t len);
void session_active(struct session *s);
/* Tell the peer of video and data that have become possible, or are not any more. */
void session_refresh_capabilities(struct session *s);
/* session_codec.c, see session_mix.h. The second part of session_change_codec; and what is done
 * about a peer that goes on in the codec before. */
void session_follow_codec(struct session *s);
void session_close_outdated(struct session *s);
/* Our audio channel has another codec than it shall have: opened anew. */
void session_change_channel(struct session *s, struct session_channel *out);
/* In a mix: what we send has this codec from now on. */
void session_send_codec(struct session *s, enum h245_codec codec);
/* session_modes.c: RequestMode for one codec of audio. ERR_UNSUPPORTED, or of the engine. */
int session_ask_mode(struct session *s, enum h245_codec codec);
int session_send_capabilities(struct session *s);
void session_check_active(struct session *s); /* both sides know each other: channels may open */
void session_downgrade(struct session *s, const char *why); /* policy preferred: plain RTP */
/* Digits that may be a PIN's; true: they were. May end the session. */
bool session_on_pin(struct session *s, const char *digits);
void session_user_input(struct session *s, const char *text, uint32_t duration_ms, const char *via);

/* session_channel.c: the table */
struct session_channel *session_channel_add(struct session *s, enum h245_direction direction);
/* With this number, in any state but none; NULL. */
struct session_channel *session_channel_find(const struct session *s, uint16_t lcn,
                                             enum h245_direction direction);
/* The newest on a lane that is not on its way out, else one that is; NULL. */
struct session_channel *session_channel_of(const struct session *s, enum h245_media kind,
                                           uint8_t index, enum h245_direction direction);
const char *session_channel_codec(const struct session_channel *c);
void session_channel_is_open(struct session *s, struct session_channel *c);
void session_channel_forget(struct session *s, struct session_channel *c);
/* Ends it without waiting for the peer: what is open is closed, what is asked for is refused. */
void session_channel_drop(struct session *s, struct session_channel *c);
void session_on_refused(struct session *s, uint16_t lcn, enum h245_olc_cause cause);
void session_on_channel_gone(struct session *s, uint16_t lcn, enum h245_direction direction,
                             enum h245_closer by);
void session_media_on_active(struct session *s);
void session_media_close(struct session *s);
/* The port is there: go on with the channels that waited for it. */
void session_media_progress(struct session *s, struct session_transport *t);

/* In the order of their places; NULL begins and ends. Channels may come and go meanwhile. */
struct session_channel *session_channel_next(const struct session *s,
                                             const struct session_channel *c);
/* NOLINTBEGIN(bugprone-macro-parentheses): `c` is the name that is declared */
#define SESSION_EACH_CHANNEL(s, c)                                               \
    for (struct session_channel *c = session_channel_next(s, NULL); (c) != NULL; \
         (c) = session_channel_next(s, c))
/* NOLINTEND(bugprone-macro-parentheses) */

/* session_incoming.c */
void session_on_open_request(struct session *s, uint16_t lcn,
                             const struct h245_OpenLogicalChannel *olc);
void session_channel_accept(struct session *s, struct session_channel *c);
/* Adds what H.235.10 wants to the Ack that was built in the scratch arena (`built`: the error of
 * that) and sends it. False: it could not be, and the channel was rejected. */
bool session_send_ack(struct session *s, struct session_channel *c, int built,
                      struct h245_OpenLogicalChannelAck *ack);
void session_reject(struct session *s, uint16_t lcn, enum h245_olc_cause cause, const char *why);
/* What is wrong with an OLC: the cause for the peer, the reason for us. NULL: nothing. */
struct session_objection {
    enum h245_olc_cause cause;
    const char *why;
};
void session_object(struct session_objection *o, enum h245_olc_cause cause, const char *why);
/* Where a channel shall be: on a transport that runs, or (NULL) on one to be opened. */
struct session_place {
    enum media_kind kind;
    struct session_transport *transport;
    struct h23510 dtls; /* negotiation with this channel: a copy, what is refused changes nothing */
    struct h23510_agreement agreement;
};
/* The connection that a protected OLC of the lane means; `c`: its medium, address and label. */
enum h23510_verdict session_find_connection(const struct session *s, enum media_kind kind,
                                            const struct h245_OpenLogicalChannel *olc,
                                            const struct h245_channel *c, uint8_t index,
                                            struct session_place *p);
/* The transport of the place, opened where there is none yet; NULL: with an objection. */
struct session_transport *session_take_transport(struct session *s, const struct session_place *p,
                                                 const struct h245_channel *c, uint8_t index,
                                                 struct session_objection *o);

/* session_caps.c: capabilities of the peer that change in a call */
void session_pause(struct session *s);           /* by an empty set */
void session_on_capabilities(struct session *s); /* by another; they are in peer_caps */
void session_release(struct session *s);         /* by one that ends a holdconn */
void session_reopen(struct session *s);          /* a channel is gone: is another one due? */

/* session_outgoing.c */
/* What the conference offers of this codec; and the number of ours under which it is sent. */
bool session_offer_of(const struct session *s, enum h245_codec codec, struct h245_audio *one);
int session_audio_payload_type(enum h245_codec codec);
void session_on_opened(struct session *s, uint16_t lcn,
                       const struct h245_OpenLogicalChannelAck *ack);
/* May an Ack to our channel stand beside what its connection has (T-BAD, L-SHARE)? Of `said` its
 * address and label count. False: the channel was dropped, to come again on a connection of its own
 * (once) or never. `agreement` is written where the channel is protected. */
bool session_take_ack(struct session_channel *c, const struct h245_OpenLogicalChannelAck *ack,
                      const struct h245_channel_ack *said, struct h23510_agreement *agreement);
/* Drops our channel for what its Ack lacks; its lane is not tried again. */
void session_refuse_ack(struct session *s, struct session_channel *c, const char *why);
void session_open_outgoing(struct session *s);
/* Our channel on the lane of the other session's `in`, with its codec; 0 also when it has to wait
 * for its port. */
int session_open_lane(struct session *s, const struct session_channel *in);
/* One with the values of `like` on this transport; it takes over from our channel `replaces` (0:
 * from none). */
int session_open_like(struct session *s, struct session_transport *t,
                      const struct session_channel *like, uint16_t replaces);

/* session_rekey.c: a connection beside the one that runs (A-REPLACE) */
/* The peer has moved the lane to a new connection: our channel goes there, too. */
void session_move_outgoing(struct session *s, const struct session_channel *in);
/* The new channel is open: the old one goes, as soon as the new one can carry media. */
void session_finish_move(struct session *s, struct session_channel *c);
void session_finish_moves(struct session_transport *t); /* its keys are there */
/* The port of a connection of ours that replaces another is there. */
void session_rekey_opened(struct session_transport *t);
/* It could not be had: true, and all stays as it was. */
bool session_rekey_failed(struct session_transport *t, int err);

/* session_replace.c: a channel that was to replace another is gone without ever having been open;
 * its entry, or a copy. The timers of what is tried again. */
void session_replacement_refused(struct session *s, const struct session_channel *fresh);
void session_replace_arm(struct session *s);
void session_replace_on_timer(struct session *s);

/* session_pass.c: what the peers of both legs say passes between them. The kind of port for
 * protected media; and may an H.323 leg send its capabilities, its fingerprint? (Always but in
 * pass-through.) */
bool session_is_passed(const struct session *s);
enum media_kind session_secure_kind(const struct session *s);
bool session_pass_may_present(const struct session *s);
/* May its first set wait for the peer's, as the other leg is there already? */
bool session_pass_holds(struct session *s);
bool session_pass_may_bind(const struct session *s);
/* Something that the other leg may wait for; the timer of it; the end. */
void session_pass_changed(struct session *s);
void session_pass_follow(struct session *s);
void session_pass_ending(struct session *s);
/* What the other side's peer says of SCTP, to be told to ours. False: it has none, or not yet. */
bool session_pass_data(const struct session *s, uint16_t *sctp_port, uint32_t *max_message_size);
/* Why a channel of this lane cannot pass to the other side; `is_joined`: on a connection that is
 * there. NULL: it can. */
const char *session_pass_lane(const struct session *s, enum h245_media medium, uint8_t index,
                              bool is_joined);
/* The payload type by which the other side's peer takes what comes in by `in`; -1: not known. */
int session_pass_number(const struct session *s, const struct session_channel *in);
/* A handshake may begin; media came. */
void session_pass_watch(struct session_transport *t);
void session_pass_media(struct session *s);
/* The fingerprint that we told this side's peer, the other's. False: none yet. */
bool session_pass_local(const struct session_transport *t, struct fingerprint *out);

/* session_mirror.c: between the two sessions of a relay */
/* Does the channel (NULL: none) bring media that others may follow; are two of one medium of one
 * codec; can the peer of `s` receive what is in the channel `c` of another? */
bool session_channel_is_source(const struct session_channel *in);
bool session_channel_is_like(const struct session_channel *a, const struct session_channel *b);
bool session_can_receive_like(const struct session *s, const struct session_channel *c);
void session_follow(struct session *s);
void session_open_mirrored(struct session *s);
void session_lane_refused(struct session *s, const struct session_channel *c);
/* The lane's bit in refused_lanes and split_lanes. */
uint64_t session_lane_bit(enum h245_media kind, uint8_t index);
void session_on_misc_command(struct session *s, const struct h245_MiscellaneousCommand *command);
void session_on_flow_control(struct session *s, const struct h245_FlowControlCommand *command);
void session_ask_picture(struct session *s, const struct session_channel *out);

/* session_transport.c: ports and associations */
struct session_transport *session_transport_next(const struct session *s,
                                                 const struct session_transport *t);
/* NOLINTBEGIN(bugprone-macro-parentheses): `t` is the name that is declared */
#define SESSION_EACH_TRANSPORT(s, t)                                                 \
    for (struct session_transport *t = session_transport_next(s, NULL); (t) != NULL; \
         (t) = session_transport_next(s, t))
/* NOLINTEND(bugprone-macro-parentheses) */

/* For a lane. Errors of media_ops.open; ERR_LIMIT: too many already. */
int session_transport_open(struct session *s, enum media_kind kind, enum h245_media medium,
                           uint8_t index, struct session_transport **out);
/* The port is closed, keys and association with it (R-CLOSE); the channels are the caller's. */
void session_transport_close(struct session_transport *t);
/* The newest whose port is not given up; NULL. */
struct session_transport *session_transport_live(const struct session *s);
/* What a lane runs over, or could: that of its channels; with DTLS else the newest connection
 * (L-SHARE), without it else none: every RTP session has its own ports. NULL. */
struct session_transport *session_transport_of(const struct session *s, enum media_kind kind,
                                               enum h245_media medium, uint8_t index);
/* The kind of transport that the lane's channels are on already. */
bool session_transport_kind_of(const struct session *s, enum h245_media medium, uint8_t index,
                               enum media_kind *kind);
bool session_transport_is_protected(const struct session_transport *t);
/* Address of RTCP beside `local`. */
struct addr session_transport_control(const struct session_transport *t);
/* L-SHARE: may a channel with this address and this label of the peer (in an OLC: 0, in an Ack: 1)
 * be on the transport? Absent ones may; what is told first is remembered. */
bool session_transport_fits(const struct session_transport *t, const struct addr *at);
bool session_transport_has_label(const struct session_transport *t, unsigned in_ack, bool has_label,
                                 uint16_t label);
/* The data plane sends to another address from now on: told, and signalling's part follows. */
void session_follow_remote(struct session_transport *t, const struct link_event *event,
                           const char *name, const char *text);
void session_transport_learn_label(struct session_transport *t, unsigned in_ack, bool has_label,
                                   uint16_t label);
void session_set_remote(struct session_transport *t, const struct addr *rtp,
                        const struct addr *rtcp);
void session_agree(struct session_transport *t, const struct h23510_agreement *agreement);
void session_try_associate(struct session_transport *t);
void session_remote_overdue(struct session *s);
/* Every channel on it goes, at once, and the port with them. */
void session_drop_connection(struct session_transport *t);
void session_dtls_lost(struct session_transport *t, enum dtls_failure why, const char *text);
void session_stats_sum(const struct session *s, struct link_transport_stats *sum);
/* Counters of one: of now while its port lives, else the last ones. */
void session_transport_stats(const struct session_transport *t, struct link_transport_stats *out);

/* session_json.c: a peer's text, null when it is no UTF-8 */
json_t *session_text_json(const char *text);

/* session_port.c. What the listener has announced in place of the port's own address. */
struct addr session_announced(const struct session *s, struct addr local);
void session_on_captured(struct session_transport *t, const struct media_file_end *end);
extern const struct media_callbacks session_media_callbacks;

const char *session_channel_state_to_str(enum channel_state state);
const char *session_direction_to_str(enum h245_direction direction);
const char *session_association_state_to_str(enum association_state state);
const char *session_step_to_str(enum session_step step);
/* The policy that holds for its media: the listener's, or the call's own. */
enum h23510_mode session_mode(const struct session *s);

#endif
