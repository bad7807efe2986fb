/* Inside of a session: shared by the session_*.c files alone. */
#ifndef SERVER_SESSION_PRIV_H
#define SERVER_SESSION_PRIV_H

#include "base/log.h"
#include "server/session.h"
#include "settings/settings.h"
#include "signalling/h245/engine.h"

#define SESSION_TEXT_MAX    128
#define SESSION_ALIASES_MAX 4
#define SESSION_ERRORS_MAX  8
#define SESSION_AUDIO_ID    1 /* H.245 sessionID of the primary audio session */
#define SESSION_NEVER       TIMER_NEVER

/* Own timers, beside those of the engines. */
#define SESSION_TIMER_LIST(X)                                                     \
    X(SESSION_TIMER_SETUP)      /* connection up to Setup */                      \
    X(SESSION_TIMER_H245)       /* Connect to the peer's H.245 connection */      \
    X(SESSION_TIMER_TCS)        /* H.245 up to the peer's capabilities */         \
    X(SESSION_TIMER_MIRROR)     /* we open a channel though the peer has not */   \
    X(SESSION_TIMER_NO_CHANNEL) /* active without any channel */                  \
    X(SESSION_TIMER_DTLS)       /* agreed, but the remote address is not known */ \
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

/* One logical channel; a relay session has one audio channel each way. */
struct session_channel {
    enum channel_state state;
    bool was_open; /* counted as opened, not yet as closed */
    uint16_t lcn;
    struct h245_audio audio;
    uint8_t session_id; /* as in the OLC; 0: we assign it in the Ack */
    int payload_type;
    bool is_protected;
    struct addr media; /* where its sender sends to */
    struct addr media_control;
};

#define ASSOCIATION_STATE_LIST(X)         \
    X(ASSOCIATION_NONE, "none")           \
    X(ASSOCIATION_HANDSHAKE, "handshake") \
    X(ASSOCIATION_VERIFIED, "verified")   \
    X(ASSOCIATION_KEYED, "keyed")         \
    X(ASSOCIATION_FAILED, "failed")       \
    X(ASSOCIATION_CLOSED, "closed")

enum association_state {
#define ASSOCIATION_STATE_ENUM(name, text) name,
    ASSOCIATION_STATE_LIST(ASSOCIATION_STATE_ENUM)
#undef ASSOCIATION_STATE_ENUM
};

/* The transport of a session and its association; values stay readable after the close. */
struct session_transport {
    struct media_port *port; /* NULL: none, or given up */
    unsigned closing;        /* ports that wait for on_closed */
    bool is_open;            /* on_opened came */
    enum media_kind kind;
    struct addr local;  /* announced to the peer */
    struct addr remote; /* of media; ADDR_NONE until known */
    struct addr remote_control;
    bool has_remote_from_ack; /* the peer named it itself, not guessed from its RTCP address */
    struct h23510_agreement agreement;
    enum association_state association;
    bool is_verified;
    char cipher[64];
    enum srtp_profile profile;
    uint32_t handshake_ms;
    struct fingerprint peer_fingerprint;
    enum dtls_failure failure;
    char failure_text[96];
    uint64_t strangers;
    struct link_transport_stats final;
    bool has_final;
};

struct session_error {
    uint64_t at; /* ms since the session began */
    char text[SESSION_TEXT_MAX];
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
    bool is_admission_asked; /* the gatekeeper has to hear of the end */
    bool is_answered;        /* Connect is out, or was tried */
    bool is_released;        /* on_released came */
    bool is_signalling_up;   /* connection is there */
    struct addr source;      /* Setup: sourceCallSignalAddress */
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
    bool is_fast;                          /* channels by fast connect */
    struct h245_channel fast_in, fast_out; /* as the Setup offered them */
    bool is_tunnelled;                     /* H.245 travels in the call signalling */
    unsigned start_requests;               /* Facility(startH245) that made us connect */
    bool is_h245_ended; /* both sides have said endSession, or the connection is gone */
    struct addr h245_peer;
    unsigned h245_version; /* of the peer; 0 = not known */
    bool is_capable;       /* the peer has our capabilities */
    bool has_peer_caps;
    struct h245_peer_caps peer_caps;
    struct h23510 dtls;
    bool is_downgraded;
    enum h23510_verdict tcs_verdict;

    struct session_channel in, out;
    struct session_transport transport;

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
void session_end(struct session *s, enum session_end why, const char *text);
void session_check_closed(struct session *s);
/* Publishes when somebody listens; takes over `data`. */
void session_event(struct session *s, const char *type, json_t *data);
bool session_wants_events(const struct session *s);
bool session_is_alive(const struct session *s); /* neither closing nor closed */

/* session_call.c */
int session_call_create(struct session *s);
void session_connect(struct session *s); /* H.245 gets its carrier, Connect is sent */

/* session_fast.c */
bool session_fast_choose(struct session *s, const struct h225_setup *setup);
int session_fast_begin(struct session *s);   /* the port is asked for */
void session_fast_opened(struct session *s); /* it is there: Connect with both channels */

/* session_h245.c */
int session_h245_create(struct session *s);
void session_h245_begin(struct session *s); /* connection is up: capabilities, master and slave */
/* One PDU, whatever carried it; the caller arms the timers. */
void session_h245_input(struct session *s, const uint8_t *pdu, size_t len);
void session_active(struct session *s);
void session_downgrade(struct session *s, const char *why); /* policy preferred: plain RTP */
void session_user_input(struct session *s, const char *text, uint32_t duration_ms, const char *via);

/* session_media.c */
void session_on_open_request(struct session *s, uint16_t lcn,
                             const struct h245_OpenLogicalChannel *olc);
void session_on_opened(struct session *s, uint16_t lcn,
                       const struct h245_OpenLogicalChannelAck *ack);
void session_on_refused(struct session *s, uint16_t lcn, enum h245_olc_cause cause);
void session_on_channel_gone(struct session *s, uint16_t lcn, enum h245_direction direction,
                             enum h245_closer by);
void session_open_outgoing(struct session *s);
void session_media_on_active(struct session *s);
void session_media_close(struct session *s);
void session_media_progress(struct session *s);
int session_port_need(struct session *s, enum media_kind kind);
void session_set_remote(struct session *s, const struct addr *rtp, const struct addr *rtcp);
void session_channel_is_open(struct session *s, struct session_channel *c, const char *direction);
void session_drop_connection(struct session *s);
void session_dtls_lost(struct session *s, enum dtls_failure why, const char *text);

/* session_json.c: a peer's text, null when it is no UTF-8 */
json_t *session_text_json(const char *text);

/* session_port.c */
extern const struct media_callbacks session_media_callbacks;

const char *session_channel_state_to_str(enum channel_state state);
const char *session_association_state_to_str(enum association_state state);
const char *session_step_to_str(enum session_step step);
enum h23510_mode session_mode(const struct session *s);

#endif
