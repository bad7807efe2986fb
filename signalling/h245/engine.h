/* H.245 with one peer: all procedures of a session behind one door, without I/O.
 *
 * Encoded PDUs and the time go in, encoded PDUs and events come out. The engine does not know what
 * carries it: an own TCP connection (each PDU in a TPKT) or the tunnel in H.225.0 messages.
 *
 *   create → msd_start, ces_send → on_msd_done, on_peer_capabilities, on_capabilities_acked
 *          → channel_open / on_channel_open_request + channel_accept → on_channel_opened
 *          → channel_close / on_channel_closed → end_session → on_end_session → destroy
 *
 * Each procedure (msd.c, ces.c, lcse.c, ...) is a table of state × event. A message that its table
 * has no place for is counted and answered as H.245 says; nothing that a peer sends can stop the
 * process. Callbacks may call any function of the engine, also destroy. Pointers given to them are
 * valid during the callback only. One engine belongs to one thread. */
#ifndef SIGNALLING_H245_ENGINE_H
#define SIGNALLING_H245_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signalling/h245/procedures.h"

/* Made by the schema's generator: #include "signalling/schema/h245.h" to look inside. */
struct h245_MultimediaSystemControlMessage;
struct h245_TerminalCapabilitySet;
struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;
struct h245_MiscellaneousCommand;
struct h245_FlowControlCommand;
struct h245_ConferenceCommand;

struct h245_engine;

#define H245_VERSION 17 /* protocolIdentifier 0.0.8.245.0.17 */
#define H245_NEVER   UINT64_MAX

#define H245_PROCEDURE_LIST(X)                                    \
    X(H245_PROC_MSD, "master-slave determination")                \
    X(H245_PROC_CES_OUT, "outgoing capability exchange")          \
    X(H245_PROC_CES_IN, "incoming capability exchange")           \
    X(H245_PROC_LCSE_OUT, "outgoing logical channel")             \
    X(H245_PROC_LCSE_IN, "incoming logical channel")              \
    X(H245_PROC_BLCSE_OUT, "outgoing bidirectional channel")      \
    X(H245_PROC_BLCSE_IN, "incoming bidirectional channel")       \
    X(H245_PROC_CLC, "request channel close")                     \
    X(H245_PROC_RTD, "round-trip delay")                          \
    X(H245_PROC_MODE_OUT, "mode request")                         \
    X(H245_PROC_LOOP_OUT, "maintenance loop")                     \
    X(H245_PROC_RATE_OUT, "logical channel rate")                 \
    X(H245_PROC_CONFERENCE, "conference request")                 \
    X(H245_PROC_COMMUNICATION_MODE, "communication mode request") \
    X(H245_PROC_GENERIC, "generic request")                       \
    X(H245_PROC_SESSION, "session")

enum h245_procedure {
#define H245_PROCEDURE_ENUM(name, text) name,
    H245_PROCEDURE_LIST(H245_PROCEDURE_ENUM)
#undef H245_PROCEDURE_ENUM
        H245_PROC_COUNT
};

/* What an ERROR.indication of H.245 Annex C says. */
#define H245_ERROR_LIST(X)                                       \
    X(H245_ERROR_TIMEOUT, "no answer in time")                   \
    X(H245_ERROR_REMOTE_TIMEOUT, "peer had no answer in time")   \
    X(H245_ERROR_UNEXPECTED, "message does not fit the state")   \
    X(H245_ERROR_INCONSISTENT, "answers of both sides disagree") \
    X(H245_ERROR_RETRIES, "retries used up")                     \
    X(H245_ERROR_REFUSED, "peer does not know our request")      \
    X(H245_ERROR_ENCODE, "message could not be encoded")

enum h245_error {
#define H245_ERROR_ENUM(name, text) name,
    H245_ERROR_LIST(H245_ERROR_ENUM)
#undef H245_ERROR_ENUM
        H245_ERROR_COUNT
};

/* OpenLogicalChannelReject causes, in the order of the ASN.1. */
#define H245_OLC_CAUSE_LIST(X)                                    \
    X(H245_OLC_UNSPECIFIED, "unspecified")                        \
    X(H245_OLC_UNSUITABLE_REVERSE, "unsuitableReverseParameters") \
    X(H245_OLC_TYPE_NOT_SUPPORTED, "dataTypeNotSupported")        \
    X(H245_OLC_TYPE_NOT_AVAILABLE, "dataTypeNotAvailable")        \
    X(H245_OLC_TYPE_UNKNOWN, "unknownDataType")                   \
    X(H245_OLC_COMBINATION, "dataTypeALCombinationNotSupported")  \
    X(H245_OLC_MULTICAST, "multicastChannelNotAllowed")           \
    X(H245_OLC_BANDWIDTH, "insufficientBandwidth")                \
    X(H245_OLC_STACK, "separateStackEstablishmentFailed")         \
    X(H245_OLC_SESSION_ID, "invalidSessionID")                    \
    X(H245_OLC_CONFLICT, "masterSlaveConflict")                   \
    X(H245_OLC_WAIT_MODE, "waitForCommunicationMode")             \
    X(H245_OLC_DEPENDENT, "invalidDependentChannel")              \
    X(H245_OLC_REPLACEMENT, "replacementForRejected")             \
    X(H245_OLC_SECURITY_DENIED, "securityDenied")                 \
    X(H245_OLC_QOS, "qoSControlNotSupported")

enum h245_olc_cause {
#define H245_OLC_CAUSE_ENUM(name, text) name,
    H245_OLC_CAUSE_LIST(H245_OLC_CAUSE_ENUM)
#undef H245_OLC_CAUSE_ENUM
        H245_OLC_CAUSE_COUNT,
    H245_OLC_UNKNOWN_CAUSE = H245_OLC_CAUSE_COUNT /* from a later version, or a time-out */
};

/* What to answer to a TerminalCapabilitySet. */
enum h245_tcs_answer {
    H245_TCS_ACK,
    H245_TCS_UNSPECIFIED,
    H245_TCS_UNDEFINED_ENTRY,
    H245_TCS_DESCRIPTORS_FULL,
    H245_TCS_TABLE_FULL, /* tableEntryCapacityExceeded noneProcessed */
};

/* Who closed a channel. */
enum h245_closer {
    H245_CLOSED_BY_US,
    H245_CLOSED_BY_PEER,
    H245_CLOSED_BY_TIMEOUT, /* an answer did not come */
};

/* All but `send` may be NULL. */
struct h245_engine_ops {
    /* One encoded PDU. Mandatory; never destroys the engine. */
    void (*send)(void *arg, const uint8_t *pdu, size_t len);
    /* Every decoded or sent PDU, for ladders and logs. */
    void (*on_pdu)(void *arg, bool sent, const struct h245_MultimediaSystemControlMessage *pdu,
                   size_t len);
    void (*on_msd_done)(void *arg, bool is_master);
    /* The peer's capabilities; what it returns is sent afterwards. NULL: acknowledged. */
    enum h245_tcs_answer (*on_peer_capabilities)(void *arg,
                                                 const struct h245_TerminalCapabilitySet *tcs);
    void (*on_capabilities_acked)(void *arg);
    void (*on_capabilities_rejected)(void *arg);
    /* Once: roles determined, our set acknowledged, the peer's set acknowledged and the answer
     * sent. The place to open channels from. */
    void (*on_ready)(void *arg);
    /* The peer wants our set (again): h245_ces_send. */
    void (*on_capabilities_wanted)(void *arg);
    /* Answer with channel_accept or channel_reject, now or later. NULL: rejected. */
    void (*on_channel_open_request)(void *arg, uint16_t lcn,
                                    const struct h245_OpenLogicalChannel *olc);
    void (*on_channel_opened)(void *arg, uint16_t lcn,
                              const struct h245_OpenLogicalChannelAck *ack); /* outgoing */
    void (*on_channel_rejected)(void *arg, uint16_t lcn, enum h245_olc_cause cause);
    /* An incoming bidirectional channel is open: now we may send on its reverse half. NULL: all
     * requests for such channels are rejected (unsuitableReverseParameters). */
    void (*on_channel_confirmed)(void *arg, uint16_t lcn);
    /* The peer's request came while `ours` is not answered yet: can both not be? `usual` is the
     * engine's own view, also used where this is NULL: both bidirectional, same kind of data, same
     * session. In a conflict the master rejects (masterSlaveConflict), the slave goes on to
     * on_channel_open_request and its own channel is rejected by the master. */
    bool (*on_channel_conflict)(void *arg, uint16_t ours,
                                const struct h245_OpenLogicalChannel *theirs, bool usual);
    /* An open or opening channel is gone. Its number is free again. */
    void (*on_channel_closed)(void *arg, uint16_t lcn, enum h245_direction direction,
                              enum h245_closer by);
    /* The peer asks us to close our outgoing channel. Return true to have it closed (the engine
     * sends both messages), false to refuse. NULL: refused. */
    bool (*on_channel_close_request)(void *arg, uint16_t lcn);
    void (*on_round_trip)(void *arg, uint32_t ms);
    void (*on_round_trip_lost)(void *arg, unsigned in_a_row);
    void (*on_user_input)(void *arg, const struct h245_user_input *input);
    /* For a channel that exists (either half, either direction) or, multipoint mode, for all. */
    void (*on_misc_command)(void *arg, const struct h245_MiscellaneousCommand *command);
    void (*on_flow_control)(void *arg, const struct h245_FlowControlCommand *command);
    /* The peer wants to be sent something else: h245_mode_answer, now or later. NULL: denied.
     * Withdrawn: it waits no longer, or a new request follows. */
    void (*on_mode_request)(void *arg, const struct h245_RequestMode *request);
    void (*on_mode_withdrawn)(void *arg);
    void (*on_mode_answer)(void *arg, enum h245_mode_answer answer);
    /* The peer wants a loop: h245_loop_answer. NULL: rejected. `ended`: it, asked for or on, is
     * off; a channel that closes takes its loops along without a word. */
    void (*on_loop_request)(void *arg, enum h245_loop loop, uint16_t lcn);
    void (*on_loop_ended)(void *arg, enum h245_loop loop, uint16_t lcn);
    /* A loop that we asked for is on; or it was refused, or is gone. */
    void (*on_loop)(void *arg, enum h245_loop loop, uint16_t lcn, bool is_on);
    /* The peer wants another maximum for a channel, in 100 bit/s: h245_rate_answer. NULL:
     * rejected. */
    void (*on_rate_request)(void *arg, uint16_t lcn, enum h245_direction direction,
                            uint32_t max_rate);
    void (*on_rate_answer)(void *arg, uint16_t lcn, enum h245_direction direction, bool is_granted,
                           uint32_t max_rate);
    /* Callbacks that return bool: true, it is taken, and answered by the user now or later where it
     * has an answer; false or NULL: the engine refuses it as the Recommendations say. */
    bool (*on_communication_mode_request)(void *arg);
    bool (*on_communication_mode)(void *arg,
                                  const struct h245_CommunicationModeTableEntry_list *table,
                                  bool is_command);
    bool (*on_conference_request)(void *arg, const struct h245_ConferenceRequest *request);
    bool (*on_conference_command)(void *arg, const struct h245_ConferenceCommand *command);
    void (*on_conference_response)(void *arg, const struct h245_ConferenceResponse *response);
    bool (*on_generic)(void *arg, enum h245_generic_class class,
                       const struct h245_GenericMessage *message);
    /* All that no procedure has a use for: miscellaneous, jitter, skew, vendor, MC location, flow
     * control, conference, multilink... */
    void (*on_indication)(void *arg, const struct h245_IndicationMessage *indication);
    /* The peer did not know this message of ours (NULL: it does not say which). Requests have ended
     * in on_failed(REFUSED) before. */
    void (*on_not_supported)(void *arg, const struct h245_MultimediaSystemControlMessage *ours);
    /* The peer said endSession, or it answered ours. No PDU will be sent after it. */
    void (*on_end_session)(void *arg);
    /* A procedure failed. `lcn` is 0 where the procedure has no channel. */
    void (*on_failed)(void *arg, enum h245_procedure procedure, enum h245_error error,
                      uint16_t lcn);
};

/* Every field has a default when zero, but `random`. Times in milliseconds. */
struct h245_engine_config {
    uint8_t terminal_type;             /* H.245 C.2: default 50 (terminal); 190 MCU */
    uint32_t (*random)(void *arg);     /* statusDeterminationNumber; mandatory */
    uint32_t msd_timeout_ms;           /* T106, default 10,000 */
    uint32_t ces_timeout_ms;           /* T101, default 10,000 */
    uint32_t channel_timeout_ms;       /* T103, default 10,000 */
    uint32_t close_request_timeout_ms; /* T108, default 10,000 */
    uint32_t rtd_timeout_ms;           /* T105, default 10,000 */
    uint32_t rtd_interval_ms;          /* keep-alive; 0: only when asked for */
    uint32_t mode_timeout_ms;          /* T109, default 10,000 */
    uint32_t loop_timeout_ms;          /* T102, default 10,000 */
    uint32_t rate_timeout_ms;          /* logical channel rate, default 10,000 */
    uint32_t request_timeout_ms;       /* conference, communication mode, generic; default 10,000 */
    uint32_t end_session_timeout_ms;   /* wait for the peer's endSession, default 3,000 */
    unsigned msd_retries;              /* N100, default 8 */
    unsigned channels_max;             /* each direction, default 32 */
    unsigned replacements_max;         /* channels being replaced at once, default 4: what a
                                        * maxPendingReplacementFor of ours would say */
    uint16_t first_lcn;                /* of our outgoing channels, default 101 */
    size_t memory_limit;               /* one decoded message, octets; default 262,144 */
    uint32_t max_depth; /* and its nesting, and elements of all its lists: struct per_limits */
    uint32_t max_elements;
    size_t pdu_max; /* largest encoded PDU of ours, default 16,384 */
};

struct h245_engine_stats {
    uint64_t pdus_in;
    uint64_t pdus_out;
    uint64_t undecodable;      /* refused by the codec; answered functionNotUnderstood(syntax) */
    uint64_t unexpected;       /* not allowed in the state that it met */
    uint64_t unsupported;      /* answered functionNotSupported or the procedure's own reject */
    uint64_t unknown;          /* an alternative of a later version; functionNotUnderstood */
    uint64_t channels_refused; /* above channels_max */
    uint64_t conflicts;        /* requests for channels that crossed, see on_channel_conflict */
    uint64_t timeouts;
    uint64_t refused[H245_REFUSAL_COUNT]; /* unsupported and unknown by what it was */
};

/* `config` is copied, `ops` must stay. `arg` goes to every callback and to random. NULL: out of
 * memory, or no `send` or `random`. */
struct h245_engine *h245_engine_create(const struct h245_engine_config *config,
                                       const struct h245_engine_ops *ops, void *arg);

/* Sends nothing, calls nothing back. NULL is fine. */
void h245_engine_destroy(struct h245_engine *e);

/* One encoded PDU from the peer. An error means that it was refused, answered and counted; the
 * engine lives on. */
int h245_engine_input(struct h245_engine *e, const uint8_t *pdu, size_t len, uint64_t now);

/* When on_timer wants to be called; H245_NEVER if no timer runs. */
uint64_t h245_engine_next_deadline(const struct h245_engine *e);
void h245_engine_on_timer(struct h245_engine *e, uint64_t now);

/* Master-slave determination (C.2). ERR_STATE while one runs. */
int h245_msd_start(struct h245_engine *e, uint64_t now);
bool h245_msd_is_done(const struct h245_engine *e);
bool h245_msd_is_master(const struct h245_engine *e);

/* Sends our capabilities (C.3). The engine writes sequenceNumber and protocolIdentifier into
 * `tcs`. ERR_STATE while an earlier set is not answered. */
int h245_ces_send(struct h245_engine *e, struct h245_TerminalCapabilitySet *tcs, uint64_t now);

/* A free number for an outgoing channel, to be written into its OLC. ERR_LIMIT. */
int h245_channel_number(struct h245_engine *e, uint16_t *lcn);

/* Opens an outgoing channel with the number in `olc`, which must be free: with
 * reverseLogicalChannelParameters a bidirectional one (C.5), else one of ours to the peer (C.4).
 * With replacementFor it ends that channel (on_channel_closed) once it is open itself.
 * ERR_EXISTS, ERR_LIMIT; ERR_NOTFOUND: what it shall replace is not open, or is being replaced. */
int h245_channel_open(struct h245_engine *e, const struct h245_OpenLogicalChannel *olc,
                      uint64_t now);

/* Answers on_channel_open_request. The engine writes forwardLogicalChannelNumber into `ack`; the
 * Ack of a bidirectional channel has to have reverseLogicalChannelParameters, whose number the
 * engine chooses when it is 0, and on_channel_confirmed follows (or, after T103,
 * on_channel_closed). ERR_NOTFOUND, ERR_STATE: no such request is waiting; ERR_INVAL: reverse half
 * missing, or not asked for; ERR_EXISTS: its number is in use. */
int h245_channel_accept(struct h245_engine *e, uint16_t lcn, struct h245_OpenLogicalChannelAck *ack,
                        uint64_t now);
int h245_channel_reject(struct h245_engine *e, uint16_t lcn, enum h245_olc_cause cause);

/* Closes an outgoing channel; on_channel_closed comes with the peer's answer or when it does not
 * come. For an incoming one it asks the peer to (C.8 request channel close). */
int h245_channel_close(struct h245_engine *e, uint16_t lcn, enum h245_direction direction,
                       uint64_t now);

/* A channel that fast connect has opened outside of H.245 exists here too from now on, so that it
 * can be closed. ERR_EXISTS, ERR_LIMIT. */
int h245_channel_adopt(struct h245_engine *e, uint16_t lcn, enum h245_direction direction);

/* Is the channel open (answered by an Ack, and confirmed where it is bidirectional)? */
bool h245_channel_is_open(const struct h245_engine *e, uint16_t lcn, enum h245_direction direction);

/* The number of the reverse half of a bidirectional channel; 0: none. */
uint16_t h245_channel_reverse(const struct h245_engine *e, uint16_t lcn,
                              enum h245_direction direction);
unsigned h245_channel_count(const struct h245_engine *e, enum h245_direction direction);

/* Round-trip delay (C.10). ERR_STATE while one runs. */
int h245_rtd_start(struct h245_engine *e, uint64_t now);

/* endSessionCommand disconnect; on_end_session comes with the peer's or after the time-out. */
int h245_end_session(struct h245_engine *e, uint64_t now);
bool h245_is_ended(const struct h245_engine *e);

/* Any PDU that no procedure above makes (commands, indications). */
int h245_engine_send(struct h245_engine *e, const struct h245_MultimediaSystemControlMessage *pdu);

/* Counters; valid as long as the engine. */
const struct h245_engine_stats *h245_engine_stats(const struct h245_engine *e);

const char *h245_procedure_to_str(enum h245_procedure procedure);
const char *h245_error_to_str(enum h245_error error);
const char *h245_olc_cause_to_str(enum h245_olc_cause cause);

#endif
