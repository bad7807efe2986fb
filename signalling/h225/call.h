/* One H.225.0 call (Q.931 as profiled by H.225.0 §7): caller's or callee's side, without I/O.
 *
 * The engine takes whole Q.931 messages (the payload of one TPKT, see tpkt.h) and the time, and
 * gives whole Q.931 messages to send and events. Several calls on one TCP connection are several
 * of these: h225_call_peek reads the call reference that tells them apart.
 *
 *   callee: create → input(Setup) → on_setup → proceeding, alerting, connect → ... → on_released
 *   caller: create → start → on_proceeding, on_alerting, on_connect → ... → on_released
 *
 * H.245 inside call signalling (tunnelling, H.323 §8.2.1) goes through h225_call_send_h245 and
 * on_h245_pdu, so that the H.245 engine does not know which carrier it has.
 *
 * on_released comes exactly once for a call that was started or received; the call is then dead
 * and only h225_call_destroy is allowed. Destroying from within a callback is allowed. Pointers in
 * events are valid during the callback only. One call belongs to one thread. */
#ifndef SIGNALLING_H225_CALL_H
#define SIGNALLING_H225_CALL_H

#include "base/addr.h"
#include "signalling/h225/q931.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h225_call;

#define H225_GUID_LEN 16
#define H225_VERSION  7 /* protocolIdentifier 0.0.8.2250.0.7 */
#define H225_NEVER    UINT64_MAX

/* Call states with their Q.931 numbers (what a Status message carries). */
#define H225_STATE_LIST(X)                                 \
    X(H225_STATE_NULL, 0, "null")                          \
    X(H225_STATE_INITIATED, 1, "initiated")                \
    X(H225_STATE_OUT_PROCEEDING, 3, "outgoing proceeding") \
    X(H225_STATE_DELIVERED, 4, "delivered")                \
    X(H225_STATE_PRESENT, 6, "present")                    \
    X(H225_STATE_RECEIVED, 7, "received")                  \
    X(H225_STATE_IN_PROCEEDING, 9, "incoming proceeding")  \
    X(H225_STATE_ACTIVE, 10, "active")                     \
    X(H225_STATE_RELEASING, 19, "releasing")               \
    X(H225_STATE_RELEASED, 0, "released")

enum h225_state {
#define H225_STATE_ENUM(name, number, text) name,
    H225_STATE_LIST(H225_STATE_ENUM)
#undef H225_STATE_ENUM
        H225_STATE_COUNT
};

/* Why a call ends: our name, its Q.931 cause (H.225.0 Table 5; what the table leaves open follows
 * the field's practice) and its text, which is the ReleaseCompleteReason where there is one. */
#define H225_REASON_LIST(X)                                                                        \
    X(H225_REASON_NORMAL, Q931_CAUSE_NORMAL, "normal")                                             \
    X(H225_REASON_BUSY, Q931_CAUSE_BUSY, "inConf")                                                 \
    X(H225_REASON_NO_ANSWER, Q931_CAUSE_NO_ANSWER, "noAnswer")                                     \
    X(H225_REASON_TIMEOUT, Q931_CAUSE_TIMER_EXPIRY, "timeout")                                     \
    X(H225_REASON_PROTOCOL_ERROR, Q931_CAUSE_PROTOCOL_ERROR, "protocolError")                      \
    X(H225_REASON_NO_BANDWIDTH, Q931_CAUSE_NO_CIRCUIT, "noBandwidth")                              \
    X(H225_REASON_GATEKEEPER_RESOURCES, Q931_CAUSE_NO_RESOURCE, "gatekeeperResources")             \
    X(H225_REASON_UNREACHABLE, Q931_CAUSE_NO_ROUTE, "unreachableDestination")                      \
    X(H225_REASON_REJECTED, Q931_CAUSE_REJECTED, "destinationRejection")                           \
    X(H225_REASON_INVALID_REVISION, Q931_CAUSE_INCOMPATIBLE, "invalidRevision")                    \
    X(H225_REASON_NO_PERMISSION, Q931_CAUSE_INTERWORKING, "noPermission")                          \
    X(H225_REASON_UNREACHABLE_GATEKEEPER, Q931_CAUSE_NETWORK_OUT_OF_ORDER,                         \
      "unreachableGatekeeper")                                                                     \
    X(H225_REASON_GATEWAY_RESOURCES, Q931_CAUSE_CONGESTION, "gatewayResources")                    \
    X(H225_REASON_BAD_ADDRESS, Q931_CAUSE_INVALID_FORMAT, "badFormatAddress")                      \
    X(H225_REASON_ADAPTIVE_BUSY, Q931_CAUSE_TEMPORARY_FAILURE, "adaptiveBusy")                     \
    X(H225_REASON_UNDEFINED, Q931_CAUSE_NORMAL_UNSPECIFIED, "undefinedReason")                     \
    X(H225_REASON_DEFLECTED, Q931_CAUSE_NORMAL, "facilityCallDeflection")                          \
    X(H225_REASON_SECURITY_DENIED, Q931_CAUSE_NORMAL_UNSPECIFIED, "securityDenied")                \
    X(H225_REASON_CALLED_NOT_REGISTERED, Q931_CAUSE_SUBSCRIBER_ABSENT, "calledPartyNotRegistered") \
    X(H225_REASON_CALLER_NOT_REGISTERED, Q931_CAUSE_NORMAL_UNSPECIFIED, "callerNotRegistered")     \
    X(H225_REASON_NEW_CONNECTION, Q931_CAUSE_NO_RESOURCE, "newConnectionNeeded")                   \
    X(H225_REASON_FEATURE_NEEDED, Q931_CAUSE_NOT_IMPLEMENTED, "neededFeatureNotSupported")         \
    X(H225_REASON_INVALID_CID, Q931_CAUSE_INVALID_CALL_REFERENCE, "invalidCID")                    \
    X(H225_REASON_HOP_COUNT, Q931_CAUSE_NORMAL_UNSPECIFIED, "hopCountExceeded")                    \
    X(H225_REASON_GENERIC_DATA, Q931_CAUSE_NORMAL_UNSPECIFIED, "genericDataReason")                \
    X(H225_REASON_TUNNEL_REJECTED, Q931_CAUSE_INTERWORKING, "tunnelledSignallingRejected")         \
    X(H225_REASON_REPLACED, Q931_CAUSE_NORMAL_UNSPECIFIED, "replaceWithConferenceInvite")          \
    X(H225_REASON_SECURITY_ERROR, Q931_CAUSE_NORMAL_UNSPECIFIED, "securityError")                  \
    X(H225_REASON_NON_STANDARD, Q931_CAUSE_INTERWORKING, "nonStandardReason")                      \
    X(H225_REASON_OTHER, Q931_CAUSE_NORMAL_UNSPECIFIED, "other")

enum h225_reason {
#define H225_REASON_ENUM(name, cause, text) name,
    H225_REASON_LIST(H225_REASON_ENUM)
#undef H225_REASON_ENUM
        H225_REASON_COUNT
};

#define H225_ALIAS_LIST(X)             \
    X(H225_ALIAS_DIGITS, "digits")     \
    X(H225_ALIAS_H323_ID, "h323-id")   \
    X(H225_ALIAS_URL, "url")           \
    X(H225_ALIAS_EMAIL, "email")       \
    X(H225_ALIAS_TRANSPORT, "address") \
    X(H225_ALIAS_PARTY, "party-number")

enum h225_alias_kind {
#define H225_ALIAS_ENUM(name, text) name,
    H225_ALIAS_LIST(H225_ALIAS_ENUM)
#undef H225_ALIAS_ENUM
        H225_ALIAS_COUNT
};

struct h225_alias {
    enum h225_alias_kind kind;
    const char *text; /* UTF-8 */
};

/* What a Setup wants of the conference. */
#define H225_GOAL_LIST(X)                                                \
    X(H225_GOAL_CREATE, "create")                                        \
    X(H225_GOAL_JOIN, "join")     /* one that runs */                    \
    X(H225_GOAL_INVITE, "invite") /* the called one into the caller's */ \
    X(H225_GOAL_CAPABILITIES, "capability-negotiation")                  \
    X(H225_GOAL_SUPPLEMENTARY, "call-independent-supplementary-service")

enum h225_goal {
#define H225_GOAL_ENUM(name, text) name,
    H225_GOAL_LIST(H225_GOAL_ENUM)
#undef H225_GOAL_ENUM
        H225_GOAL_COUNT
};

#define H225_ALIASES_MAX 16 /* more in a message are ignored and counted */

struct h225_aliases {
    struct h225_alias list[H225_ALIASES_MAX];
    size_t count;
};

/* An encoded OpenLogicalChannel (fastStart) or H.245 PDU. */
struct h225_octets {
    const uint8_t *data;
    size_t len;
};

/* A Setup that came in. */
struct h225_setup {
    uint16_t call_ref;
    uint8_t call_id[H225_GUID_LEN];       /* callIdentifier.guid; zero: absent (version 1) */
    uint8_t conference_id[H225_GUID_LEN]; /* conferenceID */
    unsigned version;                     /* last arc of protocolIdentifier */
    struct h225_aliases destination;      /* destinationAddress, then the Called party number */
    struct h225_aliases source;           /* sourceAddress, then the Calling party number */
    const char *display;                  /* Display element as text, "" when absent */
    const char *product;                  /* sourceInfo.vendor, "" when absent */
    const char *product_version;
    struct addr destination_address; /* destCallSignalAddress, ADDR_NONE when absent */
    struct addr source_address;      /* sourceCallSignalAddress */
    struct addr h245_address;        /* caller listens for H.245 here already */
    bool tunnelling;                 /* caller offers H.245 tunnelling */
    bool h245_tls;                   /* h245SecurityCapability names TLS */
    bool media_wait_for_connect;
    enum h225_goal goal;
    const struct h225_octets *fast_start; /* encoded OpenLogicalChannels offered */
    size_t fast_start_count;
};

/* What CallProceeding, Progress, Alerting or Connect said. */
struct h225_answer {
    uint8_t type;                         /* enum q931_type */
    uint8_t conference_id[H225_GUID_LEN]; /* Connect only */
    unsigned version;                     /* of protocolIdentifier, 0 when there is none */
    struct addr h245_address;             /* ADDR_NONE: not given (yet) */
    bool tunnelling;                      /* both sides want it and it is in force */
    bool h245_tls;                        /* h245SecurityMode is TLS: connect so */
    bool fast_connect_refused;
    const char *display;
    const char *product;
    const char *product_version;
    const struct h225_octets *fast_start;
    size_t fast_start_count;
};

/* Why a Facility comes. */
#define H225_FACILITY_LIST(X)                                     \
    X(H225_FACILITY_ROUTE_TO_GATEKEEPER, "routeCallToGatekeeper") \
    X(H225_FACILITY_FORWARDED, "callForwarded")                   \
    X(H225_FACILITY_ROUTE_TO_MC, "routeCallToMC")                 \
    X(H225_FACILITY_UNDEFINED, "undefinedReason")                 \
    X(H225_FACILITY_CONFERENCE_LIST, "conferenceListChoice")      \
    X(H225_FACILITY_START_H245, "startH245")                      \
    X(H225_FACILITY_NO_H245, "noH245")                            \
    X(H225_FACILITY_NEW_TOKENS, "newTokens")                      \
    X(H225_FACILITY_FEATURE_SET, "featureSetUpdate")              \
    X(H225_FACILITY_FORWARDED_ELEMENTS, "forwardedElements")      \
    X(H225_FACILITY_TRANSPORTED, "transportedInformation")

enum h225_facility_reason {
#define H225_FACILITY_ENUM(name, text) name,
    H225_FACILITY_LIST(H225_FACILITY_ENUM)
#undef H225_FACILITY_ENUM
        H225_FACILITY_COUNT
};

struct h225_facility {
    enum h225_facility_reason reason;
    struct addr address;         /* alternativeAddress: call this one instead */
    struct h225_aliases aliases; /* alternativeAliasAddress */
    bool has_conference_id;      /* else, when building, the call's own is told */
    uint8_t conference_id[H225_GUID_LEN];
    struct addr h245_address;
};

struct h225_release {
    bool by_peer;            /* false: our release, a timer, or a protocol error */
    unsigned cause;          /* Q.850 value, also when only a reason was received */
    enum h225_reason reason; /* from the reason when there is one, else from the cause */
    const char *text;        /* for people */
};

struct h225_call_ops {
    /* One Q.931 message to put into a TPKT. Mandatory; never destroys the call. */
    void (*send)(void *arg, const uint8_t *message, size_t len);
    void (*on_setup)(void *arg, const struct h225_setup *setup);
    /* Also Progress, Facility(forwardedElements), and an answer that comes again with something
     * in it that the first had not: answer->type tells. */
    void (*on_proceeding)(void *arg, const struct h225_answer *answer);
    void (*on_alerting)(void *arg, const struct h225_answer *answer);
    void (*on_connect)(void *arg, const struct h225_answer *answer);
    /* Facility(startH245): the peer listens there, connect to it (H.323 §8.2.3). */
    void (*on_start_h245)(void *arg, const struct addr *h245_address);
    /* Any other Facility with a reason. The call must not be destroyed, nor another begun, in it.
     */
    void (*on_facility)(void *arg, const struct h225_facility *facility);
    void (*on_h245_pdu)(void *arg, const uint8_t *pdu, size_t len); /* tunnelled */
    void (*on_keypad)(void *arg, const char *digits); /* Information with Keypad facility */
    void (*on_released)(void *arg, const struct h225_release *release);
};

/* Every field has a default when zero, but `random` where said. */
struct h225_call_config {
    const char *product; /* vendor.productId; default "Sluice" */
    const char *version; /* vendor.versionId; default SLUICE_VERSION */
    uint8_t t35_country; /* vendor's T.35 codes */
    uint8_t t35_extension;
    uint16_t manufacturer;
    const char *display;            /* Display element; NULL: none */
    bool is_mcu;                    /* endpoint type mcu with mc, else terminal */
    bool tunnelling;                /* offer and accept H.245 tunnelling */
    bool h245_tls;                  /* caller: h245SecurityCapability offers TLS, and only TLS */
    bool refuse_fast_connect;       /* say fastConnectRefused in CallProceeding and Connect */
    uint32_t setup_timeout_ms;      /* T303: Setup sent, nothing heard; default 4,000 */
    uint32_t proceeding_timeout_ms; /* T310: CallProceeding heard, then nothing; default 10,000 */
    uint32_t alerting_timeout_ms;   /* T301: Alerting heard, no Connect; default 180,000 */
    uint32_t answer_timeout_ms;     /* callee: Setup came, nobody connects; default 180,000 */
    uint32_t release_timeout_ms; /* our ReleaseComplete is out, wait for theirs; 0: do not wait */
    bool multiple_calls;         /* say that other calls may share the connection */
    bool maintain_connection;    /* say that the connection shall outlive its calls */
    size_t memory_limit;         /* one decoded message, octets; default 262,144 */
    uint32_t max_depth;          /* and its nesting, and elements of all its lists: see */
    uint32_t max_elements;       /* struct per_limits */
    size_t tunnel_queue_max;     /* H.245 PDUs that wait for a carrier message; default 32 */
};

/* An outgoing call. */
struct h225_outgoing {
    uint8_t call_id[H225_GUID_LEN];       /* fresh random */
    uint8_t conference_id[H225_GUID_LEN]; /* fresh random for goal create */
    enum h225_goal goal;
    const struct h225_alias *destination;
    size_t destination_count;
    const struct h225_alias *source;
    size_t source_count;
    const struct h225_alias *extra; /* destExtraCallInfo */
    size_t extra_count;
    const struct h225_alias *extension; /* remoteExtensionAddress; NULL: none */
    const struct h225_octets *tokens;   /* encoded h235_ClearToken, as a gatekeeper gave them */
    size_t token_count;
    struct addr destination_address; /* signalling address called; ADDR_NONE: leave out */
    struct addr source_address;      /* our own; ADDR_NONE: leave out */
    struct addr h245_address;        /* where we listen already; ADDR_NONE: leave out */
    const struct h225_octets *fast_start;
    size_t fast_start_count;
};

struct h225_call_stats {
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t undecodable; /* Q.931 or PER refused */
    uint64_t unexpected;  /* not allowed in the state it met; answered as Q.931 §5.8 says */
    uint64_t unknown;     /* message type not known */
    uint64_t foreign_id;  /* callIdentifier of another call: answered with a Status, not obeyed */
    uint64_t repeated;    /* Setup that came again */
    uint64_t elements_skipped;
    uint64_t tunnel_refused; /* H.245 PDUs that found no room or no tunnel */
};

/* `call_ref` is for a caller: 1..32767, unused on its connection. A callee gives 0 and takes it
 * from the Setup. `config` is copied (texts too), `ops` must stay. NULL: out of memory. */
struct h225_call *h225_call_create(const struct h225_call_config *config,
                                   const struct h225_call_ops *ops, void *arg, uint16_t call_ref);

/* Sends nothing, calls nothing back. NULL is fine. */
void h225_call_destroy(struct h225_call *call);

/* Call reference of a message: which call of a connection it is for. `*from_destination` tells
 * whose flag it carries (false: the sender is the caller). ERR_MALFORMED, ERR_TRUNCATED. */
int h225_call_peek(const uint8_t *message, size_t len, uint16_t *call_ref, bool *from_destination,
                   uint8_t *type);

/* One Q.931 message from the peer. An error means that the message was refused and counted (and
 * answered where Q.931 §5.8 says so); the call lives on unless on_released came. */
int h225_call_input(struct h225_call *call, const uint8_t *message, size_t len, uint64_t now);

/* When on_timer wants to be called, H225_NEVER if no timer runs. */
uint64_t h225_call_next_deadline(const struct h225_call *call);
void h225_call_on_timer(struct h225_call *call, uint64_t now);

/* Actions. ERR_STATE where the call's state has no place for them. */
int h225_call_start(struct h225_call *call, const struct h225_outgoing *outgoing, uint64_t now);
int h225_call_proceeding(struct h225_call *call, uint64_t now);
int h225_call_alerting(struct h225_call *call, uint64_t now);
/* Fast connect: a callee that has not answered yet says no (fastConnectRefused in every answer), or
 * yes, with the encoded OpenLogicalChannels (copied) that go into Connect. Before either of them
 * config.refuse_fast_connect holds. ERR_LIMIT, ERR_NOMEM, ERR_STATE. */
void h225_call_refuse_fast_connect(struct h225_call *call, bool refuse);
int h225_call_set_fast_start(struct h225_call *call, const struct h225_octets *list, size_t count);
/* The first message that carries it: Q931_CALL_PROCEEDING, Q931_ALERTING or Q931_CONNECT, which is
 * the standard. Those after it repeat it unchanged, for a caller that missed it on its way. */
void h225_call_fast_start_from(struct h225_call *call, uint8_t type);
/* Where we listen for H.245, told by CallProceeding and Alerting already (copied): a caller may
 * open the connection before Connect (H.323 8.2). Connect still needs it as an argument. */
void h225_call_announce_h245(struct h225_call *call, const struct addr *h245_address);
/* H.245 connections of our own making or address are by TLS: h245SecurityMode says so wherever an
 * h245Address goes out from now on (H.235.0; callee: only if Setup offered it). */
void h225_call_secure_h245(struct h225_call *call);
/* `h245_address`: where the caller shall connect to; NULL or ADDR_NONE when tunnelling. */
int h225_call_connect(struct h225_call *call, const struct addr *h245_address, uint64_t now);
/* ReleaseComplete; on_released follows at once or, with release_timeout_ms, when the peer's came.
 */
int h225_call_release(struct h225_call *call, enum h225_reason reason, uint64_t now);
/* Facility(startH245) with our own listening address. */
int h225_call_start_h245(struct h225_call *call, const struct addr *h245_address, uint64_t now);
/* Facility with any reason; a callee's callForwarded sends the caller elsewhere. */
int h225_call_facility(struct h225_call *call, const struct h225_facility *facility, uint64_t now);
/* DTMF without H.245: Information with a Keypad facility element. */
int h225_call_send_keypad(struct h225_call *call, const char *digits, uint64_t now);

/* An encoded H.245 PDU into the tunnel. It goes out in a Facility(empty) at once when the call may
 * carry it, else with the next message of ours. ERR_STATE: no tunnel; ERR_LIMIT: queue full. */
int h225_call_send_h245(struct h225_call *call, const uint8_t *pdu, size_t len);

/* While hold is on, tunnelled PDUs are collected for one message; releasing it sends them. */
void h225_call_hold_h245(struct h225_call *call, bool hold);

/* The connection is gone: on_released (if it has not come), nothing is sent. */
void h225_call_lost(struct h225_call *call, uint64_t now);

/* Its state; did we begin the call? */
enum h225_state h225_call_state(const struct h225_call *call);
bool h225_call_is_caller(const struct h225_call *call);
bool h225_call_is_tunnelling(const struct h225_call *call); /* agreed by both sides */
uint16_t h225_call_ref(const struct h225_call *call);
/* H.323 7.3: have both sides said that other calls may share the connection, and that it outlives
 * its calls? */
bool h225_call_shares_connection(const struct h225_call *call);
bool h225_call_keeps_connection(const struct h225_call *call);
const struct h225_call_stats *h225_call_stats(const struct h225_call *call);

const char *h225_state_to_str(enum h225_state state);
unsigned h225_state_to_q931(enum h225_state state);
const char *h225_reason_to_str(enum h225_reason reason); /* for people and JSON */
const char *h225_alias_kind_to_str(enum h225_alias_kind kind);
const char *h225_facility_to_str(enum h225_facility_reason reason);
const char *h225_goal_to_str(enum h225_goal goal);
/* The alias that people mean by a text: digits, a URL ("h323:..."), else an H.323 identifier. Keeps
 * the pointer. */
struct h225_alias h225_alias_from_text(const char *text);
enum q931_cause h225_reason_to_cause(enum h225_reason reason);
enum h225_reason h225_cause_to_reason(unsigned cause);

/* The same with a ReleaseCompleteReason in it, to a caller. 128 octets always fit. */
int h225_build_refusal_reason(uint16_t call_ref, enum h225_reason reason, uint8_t *out, size_t cap,
                              size_t *len);

/* Q.931 ReleaseComplete for a message that belongs to no call (unknown call reference, no more
 * calls): written to `out`, `*len` octets. ERR_RANGE: cap too small (64 always fits). */
int h225_build_refusal(uint16_t call_ref, bool to_caller, enum q931_cause cause, uint8_t *out,
                       size_t cap, size_t *len);

#endif
