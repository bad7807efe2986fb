/* Q.931 messages as H.225.0 §7.2 profiles them: protocol discriminator 8, a call reference of two
 * octets (RAS-less calls may use the one-octet form in reception), message type, information
 * elements. The User-user element (0x7e, two length octets, protocol discriminator 5) carries the
 * ASN.1 part.
 *
 * Decoding points into the caller's octets and copies nothing. Unknown elements are stepped over
 * and counted, an element outside the bounds refuses the message. Pure functions, any thread. */
#ifndef SIGNALLING_H225_Q931_H
#define SIGNALLING_H225_Q931_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Message types that H.225.0 uses (Table 4). */
#define Q931_TYPE_LIST(X)                             \
    X(Q931_ALERTING, 0x01, "Alerting")                \
    X(Q931_CALL_PROCEEDING, 0x02, "CallProceeding")   \
    X(Q931_PROGRESS, 0x03, "Progress")                \
    X(Q931_SETUP, 0x05, "Setup")                      \
    X(Q931_CONNECT, 0x07, "Connect")                  \
    X(Q931_SETUP_ACK, 0x0d, "SetupAcknowledge")       \
    X(Q931_CONNECT_ACK, 0x0f, "ConnectAcknowledge")   \
    X(Q931_DISCONNECT, 0x45, "Disconnect")            \
    X(Q931_RELEASE, 0x4d, "Release")                  \
    X(Q931_RELEASE_COMPLETE, 0x5a, "ReleaseComplete") \
    X(Q931_FACILITY, 0x62, "Facility")                \
    X(Q931_NOTIFY, 0x6e, "Notify")                    \
    X(Q931_STATUS_INQUIRY, 0x75, "StatusInquiry")     \
    X(Q931_INFORMATION, 0x7b, "Information")          \
    X(Q931_STATUS, 0x7d, "Status")

enum q931_type {
#define Q931_TYPE_ENUM(name, value, text) name = (value),
    Q931_TYPE_LIST(Q931_TYPE_ENUM)
#undef Q931_TYPE_ENUM
};

/* Cause values (Q.850) that we send or look at. */
#define Q931_CAUSE_LIST(X)                                                           \
    X(Q931_CAUSE_UNALLOCATED, 1, "unallocated number")                               \
    X(Q931_CAUSE_NO_ROUTE_NETWORK, 2, "no route to network")                         \
    X(Q931_CAUSE_NO_ROUTE, 3, "no route to destination")                             \
    X(Q931_CAUSE_NORMAL, 16, "normal call clearing")                                 \
    X(Q931_CAUSE_BUSY, 17, "user busy")                                              \
    X(Q931_CAUSE_NO_RESPONSE, 18, "no user responding")                              \
    X(Q931_CAUSE_NO_ANSWER, 19, "no answer from user")                               \
    X(Q931_CAUSE_SUBSCRIBER_ABSENT, 20, "subscriber absent")                         \
    X(Q931_CAUSE_REJECTED, 21, "call rejected")                                      \
    X(Q931_CAUSE_OUT_OF_ORDER, 27, "destination out of order")                       \
    X(Q931_CAUSE_INVALID_FORMAT, 28, "invalid number format")                        \
    X(Q931_CAUSE_STATUS_RESPONSE, 30, "response to status inquiry")                  \
    X(Q931_CAUSE_NORMAL_UNSPECIFIED, 31, "normal, unspecified")                      \
    X(Q931_CAUSE_NO_CIRCUIT, 34, "no circuit available")                             \
    X(Q931_CAUSE_NETWORK_OUT_OF_ORDER, 38, "network out of order")                   \
    X(Q931_CAUSE_TEMPORARY_FAILURE, 41, "temporary failure")                         \
    X(Q931_CAUSE_CONGESTION, 42, "switching equipment congestion")                   \
    X(Q931_CAUSE_NO_RESOURCE, 47, "resource unavailable")                            \
    X(Q931_CAUSE_NOT_IMPLEMENTED, 79, "service not implemented")                     \
    X(Q931_CAUSE_INVALID_CALL_REFERENCE, 81, "invalid call reference")               \
    X(Q931_CAUSE_INCOMPATIBLE, 88, "incompatible destination")                       \
    X(Q931_CAUSE_MANDATORY_MISSING, 96, "mandatory element missing")                 \
    X(Q931_CAUSE_TYPE_UNKNOWN, 97, "message type not implemented")                   \
    X(Q931_CAUSE_NOT_COMPATIBLE_STATE, 98, "message not compatible with call state") \
    X(Q931_CAUSE_INVALID_CONTENTS, 100, "invalid element contents")                  \
    X(Q931_CAUSE_WRONG_STATE, 101, "message not allowed in this state")              \
    X(Q931_CAUSE_TIMER_EXPIRY, 102, "recovery on timer expiry")                      \
    X(Q931_CAUSE_PROTOCOL_ERROR, 111, "protocol error")                              \
    X(Q931_CAUSE_INTERWORKING, 127, "interworking, unspecified")

enum q931_cause {
    Q931_CAUSE_NONE = 0, /* no Cause element */
#define Q931_CAUSE_ENUM(name, value, text) name = (value),
    Q931_CAUSE_LIST(Q931_CAUSE_ENUM)
#undef Q931_CAUSE_ENUM
};

/* Contents of one information element; data NULL: absent (an element of length 0 is present). */
struct q931_bytes {
    const uint8_t *data;
    size_t len;
};

/* One message. All pointers lead into the octets that were decoded, or to the encoder's caller. */
struct q931_msg {
    uint8_t type;                 /* enum q931_type, or a foreign value */
    uint16_t call_ref;            /* 15 bits; 0 is the global call reference */
    bool from_destination;        /* call reference flag: set by the side that received the Setup */
    struct q931_bytes bearer;     /* 0x04 Bearer capability */
    struct q931_bytes cause;      /* 0x08 Cause */
    struct q931_bytes call_state; /* 0x14 Call state */
    struct q931_bytes facility;   /* 0x1c Facility */
    struct q931_bytes progress;   /* 0x1e Progress indicator */
    struct q931_bytes notification; /* 0x27 Notification indicator */
    struct q931_bytes display;      /* 0x28 Display */
    struct q931_bytes keypad;       /* 0x2c Keypad facility */
    struct q931_bytes signal;       /* 0x34 Signal */
    struct q931_bytes connected;    /* 0x4c Connected number */
    struct q931_bytes calling;      /* 0x6c Calling party number */
    struct q931_bytes called;       /* 0x70 Called party number */
    struct q931_bytes user_user;    /* 0x7e User-user, without its protocol discriminator 5 */
    uint16_t elements_skipped;      /* unknown ones, repeated ones, other code sets */
};

/* ERR_TRUNCATED, ERR_MALFORMED: refused as a whole, `msg` untouched. */
int q931_decode(const uint8_t *data, size_t len, struct q931_msg *msg);

/* Writes `msg` to `out`; `*len` says how long it is. ERR_RANGE: an element is longer than its
 * length field can say or `cap` is too small; nothing usable is in `out` then. */
int q931_encode(const struct q931_msg *msg, uint8_t *out, size_t cap, size_t *len);

/* Cause value of a Cause element, Q931_CAUSE_NONE when there is none or it is too short. */
unsigned q931_cause_of(const struct q931_msg *msg);

/* Writes the two octets of a Cause element (user, value) to `out`; returns the element. */
struct q931_bytes q931_cause_make(unsigned cause, uint8_t out[static 2]);

/* Digits of a Calling/Called/Connected party number element as text. ERR_NOTFOUND: absent or
 * empty; ERR_RANGE: does not fit; ERR_MALFORMED: a character that no number has. */
int q931_number_of(struct q931_bytes element, char *digits, size_t cap);

/* Element of an unknown type and plan with these digits in `out` (cap >= digits + 1). */
int q931_number_make(const char *digits, uint8_t *out, size_t cap, struct q931_bytes *element);

const char *q931_type_to_str(unsigned type);
const char *q931_cause_to_str(unsigned cause);

#endif
