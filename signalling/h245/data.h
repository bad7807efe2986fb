/* Data channels: what rides on SCTP over DTLS (H.235.10 with RFC 8261, RFC 6083).
 *
 * H.245 version 17 says of such a channel what it is for (dataChannel, T.140, H.224) and which
 * stack is below it (mediaTransport, or the protocol of the data capability). It goes both ways, so
 * that its OLC has a reverse half (L-BIDIR): the address where its sender listens stands there.
 * Builders and readers as in media.h. */
#ifndef SIGNALLING_H245_DATA_H
#define SIGNALLING_H245_DATA_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct h245_Capability;
struct h245_DataApplicationCapability;
struct h245_H2250Capability;
struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;
struct h245_DataProtocolCapability;

#define H245_DATA_STACK_LIST(X)                                                               \
    X(H245_DATA_NO_STACK, "none")               /* T.120 and its like: not ours */            \
    X(H245_DATA_UDP_DTLS_SCTP, "udp-dtls-sctp") /* RFC 8261 */                                \
    X(H245_DATA_TCP_DTLS_SCTP, "tcp-dtls-sctp") /* the same, records framed as in RFC 4571 */ \
    X(H245_DATA_SCTP_DTLS, "sctp-dtls")         /* RFC 6083 */                                \
    X(H245_DATA_SCTP, "sctp")                   /* unprotected: never taken */

enum h245_data_stack {
#define H245_DATA_STACK_ENUM(name, text) name,
    H245_DATA_STACK_LIST(H245_DATA_STACK_ENUM)
#undef H245_DATA_STACK_ENUM
};

/* What it is for. */
#define H245_DATA_USE_LIST(X)           \
    X(H245_DATA_CHANNEL, "dataChannel") \
    X(H245_DATA_T140, "t140")           \
    X(H245_DATA_H224, "h224")

enum h245_data_use {
#define H245_DATA_USE_ENUM(name, text) name,
    H245_DATA_USE_LIST(H245_DATA_USE_ENUM)
#undef H245_DATA_USE_ENUM
        H245_DATA_USE_COUNT
};

#define H245_DATA_SCTP_PORT 5000 /* where nobody names one (RFC 8841 section 12) */

struct h245_data {
    enum h245_data_use use;
    enum h245_data_stack stack;
    uint16_t sctp_port;        /* of who sends this */
    uint32_t max_message_size; /* octets that it takes; 0: not said */
    uint32_t max_rate;         /* 100 bit/s */
};

/* A capability of ours, for both directions: the stack stands in the capability where it has a
 * place there. ERR_NOMEM. */
int h245_data_to_capability(struct arena *a, const struct h245_data *data,
                            struct h245_Capability *cap);
/* The stacks of the entries as transportCapability of the whole set, where those of dataChannel are
 * looked for. */
int h245_data_to_multiplex(struct arena *a, const struct h245_data *data, size_t count,
                           struct h245_H2250Capability *to);
/* The stacks that a peer's set names for the whole of it, in its order; how many. */
#define H245_DATA_STACKS_MAX 4
size_t h245_data_stacks_of(const struct h245_H2250Capability *h2250,
                           enum h245_data_stack out[H245_DATA_STACKS_MAX]);
/* `general` is one of those. ERR_UNSUPPORTED: no data over SCTP. */
int h245_data_of_capability(const struct h245_Capability *cap, enum h245_data_stack general,
                            struct h245_data *out);
/* Does the protocol name SCTP in any form? Such data are no payload of RTP. */
bool h245_data_is_sctp(const struct h245_DataProtocolCapability *protocol);

/* One bidirectional channel in an OLC or its Ack. */
struct h245_data_channel {
    uint16_t lcn;
    uint8_t session_id; /* of an OLC: 0 asks the master for one; of an Ack: 0 is absent */
    struct h245_data data;
    struct addr media; /* where the sender of the message receives */
    bool has_port_number;
    uint16_t port_number; /* L-SHARE */
    bool has_reverse;     /* read only: it goes both ways */
};

/* dataType of both halves is the same; h245_data_seal_olc makes it so once H.235.10's part is in.
 */
int h245_build_data_olc(struct arena *a, const struct h245_data_channel *c,
                        struct h245_OpenLogicalChannel **olc);
void h245_data_seal_olc(struct h245_OpenLogicalChannel *olc);
int h245_build_data_ack(struct arena *a, const struct h245_data_channel *c,
                        struct h245_OpenLogicalChannelAck **ack);

/* ERR_UNSUPPORTED: not a channel for data over SCTP; ERR_MALFORMED: an address that is none. */
int h245_read_data_olc(const struct h245_OpenLogicalChannel *olc, struct h245_data_channel *out);
int h245_read_data_ack(const struct h245_OpenLogicalChannelAck *ack, struct h245_data_channel *out);

const char *h245_data_stack_to_str(enum h245_data_stack stack);
const char *h245_data_use_to_str(enum h245_data_use use);

#endif
