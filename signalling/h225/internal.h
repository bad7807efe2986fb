/* What the files of this folder share. Not for anybody else. */
#ifndef SIGNALLING_H225_INTERNAL_H
#define SIGNALLING_H225_INTERNAL_H

#include "base/arena.h"
#include "base/err.h"
#include "signalling/fsm.h"
#include "signalling/h225/call.h"
#include "signalling/per/per.h"
#include "signalling/schema/h225.h"

enum h225_tunnel {
    H225_TUNNEL_OFF,     /* one side does not want it */
    H225_TUNNEL_UNKNOWN, /* offered, the answer is not here yet */
    H225_TUNNEL_ON,
};

struct h225_pdu { /* waits for a message that carries it */
    uint8_t *data;
    size_t len;
};

#define H225_FAST_START_MAX 8 /* channels that an answer accepts */

struct h225_call {
    struct h225_call_config config;
    const struct h225_call_ops *ops;
    void *arg;
    struct h225_call_stats stats;
    char product[64], version[64], display[82]; /* H.225.0 allows a Display of 82 octets */
    uint64_t now;
    uint64_t deadline;
    unsigned depth; /* entries from outside that are running */
    bool in_input;
    bool destroyed;
    bool is_caller;
    bool is_over;  /* on_released came */
    uint8_t state; /* enum h225_state */
    uint16_t call_ref;
    uint8_t call_id[H225_GUID_LEN];
    uint8_t conference_id[H225_GUID_LEN];
    bool peer_multiple, peer_maintains; /* as the peer said last */
    struct h225_release release;        /* for RELEASING: what to tell in the end */
    enum h225_tunnel tunnel;
    bool tunnel_hold;
    struct h225_pdu *queue; /* config.tunnel_queue_max of them */
    size_t queue_len;
    size_t queue_offered; /* so many of them stood in a Setup's parallelH245Control */
    struct h225_octets fast_start[H225_FAST_START_MAX]; /* for the answers */
    size_t fast_start_count;
    uint8_t fast_start_from; /* the first message that carries it; 0: Connect */
    struct addr h245_early;  /* for CallProceeding and Alerting; ADDR_NONE: not told there */
    struct arena in;         /* message being handled */
    struct arena out;        /* message being built */
};

/* One message while it is handled. */
struct h225_input {
    const struct q931_msg *msg;
    const struct h225_H323_UU_PDU *pdu; /* NULL: no User-user element, or not decodable */
};

/* Calls an operation if the user has it and has not destroyed the call. */
#define H225_CALL(call, op, ...)                                     \
    do {                                                             \
        if (!(call)->destroyed && (call)->ops->op != NULL)           \
            (call)->ops->op((call)->arg __VA_OPT__(, ) __VA_ARGS__); \
    } while (0)

/* What one decoded message may cost. */
static inline struct per_limits h225_limits(const struct h225_call *call)
{
    return (struct per_limits){.max_depth = call->config.max_depth,
                               .max_elements = call->config.max_elements,
                               .max_memory = call->config.memory_limit};
}

/* reading (read.c): texts and lists come from the arena. */
int h225_read_setup(struct arena *a, const struct q931_msg *msg, const struct h225_H323_UU_PDU *pdu,
                    struct h225_setup *setup);
int h225_read_answer(struct arena *a, const struct h225_input *in, struct h225_answer *answer);
/* The same of a Facility that carries elements of an answer. */
int h225_read_elements(struct arena *a, const struct h225_input *in, struct h225_answer *answer);
/* callIdentifier of a message, NULL when it has none. */
const uint8_t *h225_read_call_id(const struct h225_H323_UU_PDU *pdu);
/* Notes what the message says about its connection. */
void h225_learn_connection(struct h225_call *call, const struct h225_H323_UU_PDU *pdu);
struct addr h225_read_address(const struct h225_TransportAddress *address);
/* Those that we can use, each once; the texts are in the arena. */
void h225_read_aliases(struct arena *a, const struct h225_AliasAddress_list *list,
                       struct h225_aliases *to);
/* UTF-8 of a BMPString; NULL: out of memory. */
const char *h225_read_unicode(struct arena *a, const struct per_bmp *s);

/* Message as it is built: the Q.931 elements and the UUIE around one body. */
struct h225_output {
    struct q931_msg msg;
    struct h225_H323_UserInformation info;
};

/* Values of ours, in the arena (build.c). ADDR_NONE: *out stays as it was. */
int h225_build_unicode(struct arena *a, const char *text, struct per_bmp *out);
int h225_build_address(struct arena *a, const struct addr *address,
                       struct h225_TransportAddress **out);
int h225_build_aliases(struct arena *a, const struct h225_alias *aliases, size_t count,
                       bool *present, struct h225_AliasAddress_list *out);

/* building (build.c, facility.c): everything from call->out, which the caller resets. */
extern const struct per_oid h225_protocol;
/* Zeroed output with the call reference, and a zeroed body of `size` octets; NULL: out of memory.
 */
void *h225_build_begin(struct h225_call *call, struct h225_output *o, enum q931_type type,
                       enum h225_H323_UU_PDU_h323_message_body_kind kind, size_t size);
struct h225_CallIdentifier *h225_build_call_id(struct h225_call *call);
#define H225_BUILD_CONNECTION(call, u)                                \
    do {                                                              \
        (u)->has_multipleCalls = (u)->has_maintainConnection = true;  \
        (u)->multipleCalls = (call)->config.multiple_calls;           \
        (u)->maintainConnection = (call)->config.maintain_connection; \
    } while (0)
int h225_build_facility(struct h225_call *call, const struct h225_facility *facility,
                        struct h225_output *o);
int h225_build_setup(struct h225_call *call, const struct h225_outgoing *outgoing,
                     struct h225_output *o);
int h225_build_proceeding(struct h225_call *call, struct h225_output *o);
int h225_build_alerting(struct h225_call *call, struct h225_output *o);
int h225_build_connect(struct h225_call *call, const struct addr *h245_address,
                       struct h225_output *o);
int h225_build_release(struct h225_call *call, enum h225_reason reason, struct h225_output *o);
int h225_build_start_h245(struct h225_call *call, const struct addr *h245_address,
                          struct h225_output *o);
int h225_build_empty_facility(struct h225_call *call, struct h225_output *o);
int h225_build_keypad(struct h225_call *call, const char *digits, struct h225_output *o);
int h225_build_status(struct h225_call *call, unsigned cause, struct h225_output *o);

/* Puts the tunnel's flag and queue in, encodes, sends. The message is counted and the queue
 * emptied only if it went out. (send.c) */
int h225_transmit(struct h225_call *call, struct h225_output *o);

/* tunnel.c */
void h225_tunnel_fini(struct h225_call *call);
void h225_tunnel_learn(struct h225_call *call, const struct h225_H323_UU_PDU *pdu);
void h225_tunnel_deliver(struct h225_call *call, const struct h225_H323_UU_PDU *pdu);
void h225_tunnel_flush(struct h225_call *call);
int h225_tunnel_attach(struct h225_call *call, struct h225_H323_UU_PDU *pdu);
void h225_tunnel_clear(struct h225_call *call);

/* names.c */
enum h225_goal h225_goal_from_asn1(enum h225_Setup_UUIE_conferenceGoal_kind kind);
enum h225_Setup_UUIE_conferenceGoal_kind h225_goal_to_asn1(enum h225_goal goal);

/* reason.c */
enum h225_reason h225_reason_from_asn1(const struct h225_ReleaseCompleteReason *reason);
int h225_reason_to_asn1(enum h225_reason reason, struct h225_ReleaseCompleteReason *out);

/* facility.c */
void h225_do_facility(void *machine, const void *input);

/* machine.c */
/* What the peer sends, what the user wants, what the clock says. */
enum h225_event {
    H225_ON_SETUP,
    H225_ON_SETUP_ACK,
    H225_ON_PROCEEDING,
    H225_ON_PROGRESS,
    H225_ON_ALERTING,
    H225_ON_CONNECT,
    H225_ON_RELEASE_COMPLETE,
    H225_ON_FACILITY,
    H225_ON_INFORMATION,
    H225_ON_NOTIFY,
    H225_ON_STATUS,
    H225_ON_STATUS_INQUIRY,
    H225_DO_START,
    H225_DO_PROCEEDING,
    H225_DO_ALERTING,
    H225_DO_CONNECT,
    H225_DO_RELEASE,
    H225_ON_TIMER,
    H225_ON_LOST,
    H225_EVENT_COUNT
};

/* Runs one event; 0: the state has no place for it. `input` is a struct h225_input for messages,
 * what the action needs for the user's events, NULL for the others. */
int h225_call_run(struct h225_call *call, enum h225_event event, const void *input);
void h225_call_send_status(struct h225_call *call, unsigned cause);

extern const struct fsm h225_call_fsm;

#endif
