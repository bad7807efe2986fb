/* The smaller procedures of H.245: mode request, maintenance loops, logical channel rate,
 * communication mode, conference control (H.243), generic messages, user input.
 *
 * Included by engine.h, which has the callbacks; the same rules hold for these functions: one
 * thread, callable from callbacks. What asks the peer for something ends in exactly one of the
 * callbacks named here, or in on_failed when the answer is not understood or does not come. */
#ifndef SIGNALLING_H245_PROCEDURES_H
#define SIGNALLING_H245_PROCEDURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h245_engine;
struct h245_RequestMode;
struct h245_ConferenceRequest;
struct h245_ConferenceResponse;
struct h245_CommandMessage;
struct h245_IndicationMessage;
struct h245_GenericMessage;
struct h245_CommunicationModeTableEntry_list;

enum h245_direction {
    H245_OUTGOING, /* we opened it and transmit */
    H245_INCOMING, /* peer opened it and transmits */
};

/* ---- mode request (C.9): "send me one of these, the first is the best" ---- */

#define H245_MODE_ANSWER_LIST(X)                                 \
    X(H245_MODE_MOST_PREFERRED, "willTransmitMostPreferredMode") \
    X(H245_MODE_LESS_PREFERRED, "willTransmitLessPreferredMode") \
    X(H245_MODE_UNAVAILABLE, "modeUnavailable")                  \
    X(H245_MODE_MULTIPOINT, "multipointConstraint")              \
    X(H245_MODE_DENIED, "requestDenied")

enum h245_mode_answer {
#define H245_MODE_ENUM(name, text) name,
    H245_MODE_ANSWER_LIST(H245_MODE_ENUM)
#undef H245_MODE_ENUM
        H245_MODE_ANSWER_COUNT
};

/* The engine writes sequenceNumber; on_mode_answer follows. A request that is not answered yet is
 * replaced by the new one. ERR_CLOSED, ERR_INVAL: cannot be encoded. */
int h245_mode_request(struct h245_engine *e, struct h245_RequestMode *request, uint64_t now);

/* Answers on_mode_request. ERR_STATE: nothing waits. */
int h245_mode_answer(struct h245_engine *e, enum h245_mode_answer answer);

const char *h245_mode_answer_to_str(enum h245_mode_answer answer);

/* ---- maintenance loops (C.11): media come back to who sent them ---- */

enum h245_loop {
    H245_LOOP_SYSTEM,  /* everything; has no channel */
    H245_LOOP_MEDIA,   /* after decoding */
    H245_LOOP_CHANNEL, /* as received */
};

/* Asks the peer for a loop; on_loop follows. ERR_EXISTS: it is asked for or on already; ERR_LIMIT:
 * four at a time; ERR_NOTFOUND: no such channel of ours. */
int h245_loop_request(struct h245_engine *e, enum h245_loop loop, uint16_t lcn, uint64_t now);

/* Ends all loops that we asked for; on_loop tells nothing. ERR_STATE: there is none. */
int h245_loop_off(struct h245_engine *e);

/* Answers on_loop_request. ERR_NOTFOUND, ERR_STATE: nothing waits. */
int h245_loop_answer(struct h245_engine *e, enum h245_loop loop, uint16_t lcn, bool is_on);

/* ---- logical channel rate: both sides agree on a channel's new maximum ---- */

/* Asks for a channel's maximum, in units of 100 bit/s; on_rate_answer follows. A request for the
 * same channel that is not answered is replaced. ERR_NOTFOUND, ERR_CLOSED. */
int h245_rate_request(struct h245_engine *e, uint16_t lcn, enum h245_direction direction,
                      uint32_t max_rate, uint64_t now);

/* Answers on_rate_request: `is_granted` with the rate asked for; else `max_rate` is what stays in
 * force (0: not said). ERR_NOTFOUND, ERR_STATE. */
int h245_rate_answer(struct h245_engine *e, uint16_t lcn, enum h245_direction direction,
                     bool is_granted, uint32_t max_rate);

/* ---- communication mode (H.323 8.3): the MC says which sessions there are ---- */

int h245_communication_mode_request(struct h245_engine *e, uint64_t now);
/* Answers on_communication_mode_request, or as a command whenever the MC wishes. */
int h245_communication_mode_send(struct h245_engine *e,
                                 const struct h245_CommunicationModeTableEntry_list *table,
                                 bool is_command);

/* ---- conference control (H.243) ---- */

/* One request of each kind may wait for its answer: ERR_STATE. dropTerminal and cancelMakeMeChair
 * have no answer when they succeed; their silence is no failure. */
int h245_conference_request(struct h245_engine *e, const struct h245_ConferenceRequest *request,
                            uint64_t now);
/* The answer to what on_conference_request gave. */
int h245_conference_respond(struct h245_engine *e, const struct h245_ConferenceResponse *response);

/* ---- generic messages ---- */

enum h245_generic_class {
    H245_GENERIC_REQUEST,
    H245_GENERIC_RESPONSE, /* to a request of ours */
    H245_GENERIC_COMMAND,
    H245_GENERIC_INDICATION,
};

/* One request of each messageIdentifier may wait for its answer: ERR_STATE. */
int h245_generic_request(struct h245_engine *e, const struct h245_GenericMessage *message,
                         uint64_t now);
/* The answer to a generic request of the peer. */
int h245_generic_respond(struct h245_engine *e, const struct h245_GenericMessage *message);

/* ---- user input ---- */

enum h245_user_input_kind {
    H245_INPUT_ALPHANUMERIC,
    H245_INPUT_SIGNAL,        /* one key, with its length where known */
    H245_INPUT_SIGNAL_UPDATE, /* the key that is held is held this much longer */
    H245_INPUT_EXTENDED,      /* text, may say that it is in the RTP stream too */
};

struct h245_user_input {
    enum h245_user_input_kind kind;
    const char *text;     /* ends with a zero octet; one inside cuts it. "" in an update */
    uint32_t duration_ms; /* 0: unknown */
    uint16_t lcn;         /* the channel whose stream it belongs to; 0: none */
    bool has_timestamp;
    uint32_t timestamp; /* RTP clock of that stream */
    bool is_in_rtp;     /* also sent as RFC 4733 events: whoever reads both must count it once */
};

/* alphanumeric. ERR_INVAL: empty. */
int h245_send_user_input(struct h245_engine *e, const char *text);
/* signal: key of "0123456789#*ABCD!"; duration 0: not said. ERR_INVAL. */
int h245_send_signal(struct h245_engine *e, char key, uint16_t duration_ms);
int h245_send_signal_update(struct h245_engine *e, uint16_t duration_ms);

/* ---- commands and indications without a procedure ---- */

int h245_send_command(struct h245_engine *e, struct h245_CommandMessage *command);
int h245_send_indication(struct h245_engine *e, struct h245_IndicationMessage *indication);

/* ---- what was refused, by what it was ---- */

#define H245_REFUSAL_LIST(X)                                \
    X(H245_REFUSED_NON_STANDARD, "nonStandard")             \
    X(H245_REFUSED_LATER_VERSION, "laterVersion")           \
    X(H245_REFUSED_MULTIPLEX_ENTRY, "multiplexEntrySend")   \
    X(H245_REFUSED_REQUEST_ENTRY, "requestMultiplexEntry")  \
    X(H245_REFUSED_CHANNEL, "bidirectionalChannel")         \
    X(H245_REFUSED_MODE, "requestMode")                     \
    X(H245_REFUSED_LOOP, "maintenanceLoop")                 \
    X(H245_REFUSED_RATE, "logicalChannelRate")              \
    X(H245_REFUSED_COMMUNICATION_MODE, "communicationMode") \
    X(H245_REFUSED_CONFERENCE, "conference")                \
    X(H245_REFUSED_MULTILINK, "multilink")                  \
    X(H245_REFUSED_GENERIC, "generic")                      \
    X(H245_REFUSED_ENCRYPTION, "encryption")                \
    X(H245_REFUSED_H223, "h223")                            \
    X(H245_REFUSED_ATM, "newATMVC")                         \
    X(H245_REFUSED_MOBILE, "mobileMultilink")               \
    X(H245_REFUSED_USER_INPUT, "encryptedUserInput")

enum h245_refusal {
#define H245_REFUSAL_ENUM(name, text) name,
    H245_REFUSAL_LIST(H245_REFUSAL_ENUM)
#undef H245_REFUSAL_ENUM
        H245_REFUSAL_COUNT
};

const char *h245_refusal_to_str(enum h245_refusal refusal);

#endif
