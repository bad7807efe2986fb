/* What the files of this folder share. Not for anybody else. */
#ifndef SIGNALLING_H245_INTERNAL_H
#define SIGNALLING_H245_INTERNAL_H

#include "base/arena.h"
#include "base/err.h"
#include "signalling/fsm.h"
#include "signalling/h245/engine.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

struct channel {
    uint16_t lcn; /* 0: free */
    uint8_t state;
    uint8_t clc_state; /* request channel close: outgoing side for incoming channels */
    enum h245_direction direction;
    bool is_bidirectional;
    uint8_t session_id;    /* of the RTP session, 0: unknown */
    uint16_t kind;         /* of the data, for conflicts */
    uint16_t reverse_lcn;  /* of the half from who answers to who opens; 0: none yet */
    uint16_t replaces;     /* the channel that ends when this one is opened; 0: none */
    uint64_t deadline;     /* T103 */
    uint64_t clc_deadline; /* T108 */
    struct {
        uint8_t state, sequence;
        uint64_t deadline;
    } rate_out;
    struct {
        uint8_t state, sequence;
        uint32_t rate; /* as asked for */
    } rate_in;
};

#define H245_LOOPS_MAX 4

struct loop {
    uint8_t state; /* 0: free */
    enum h245_loop type;
    uint16_t lcn;
    uint64_t deadline; /* T102 */
};

#define H245_ASKS_MAX 8

enum ask_type { ASK_CONFERENCE, ASK_COMMUNICATION_MODE, ASK_GENERIC };

/* A request without an entity of its own, waiting for its answer. */
struct ask {
    uint8_t state; /* 0: free */
    enum ask_type type;
    bool is_silent; /* success has no answer */
    uint64_t kind;  /* alternative of ConferenceRequest, identity of a generic message */
    uint64_t deadline;
};

struct h245_engine {
    struct h245_engine_config config;
    const struct h245_engine_ops *ops;
    void *arg;
    struct h245_engine_stats stats;
    uint64_t now;
    unsigned depth; /* entries from outside that are running */
    bool in_input;  /* `arena` holds a message in use */
    bool destroyed; /* from within a callback: freed when depth is 0 */
    struct arena arena;
    const uint8_t *in;
    size_t in_len; /* message being handled, to be returned when it is not supported */

    struct {
        uint8_t state;
        bool is_done, is_master;
        bool pending_master; /* our view while the peer's Ack is awaited */
        uint32_t number;     /* statusDeterminationNumber */
        uint32_t peer_number;
        unsigned count; /* NCOUNT */
        uint64_t deadline;
    } msd;
    struct {
        uint8_t state;
        uint8_t sequence;
        uint64_t deadline;
    } ces;
    struct {
        uint8_t state;
        uint8_t sequence;
        unsigned lost;
        uint64_t sent_at, deadline;
        uint64_t next; /* keep-alive */
    } rtd;
    struct {
        uint8_t state;
        uint64_t deadline;
    } session;
    struct {
        uint8_t state;
        uint8_t sequence;
        uint64_t deadline; /* T109 */
    } mode_out;
    struct {
        uint8_t state;
        uint8_t sequence; /* of the peer's request */
    } mode_in;
    struct loop loops[2][H245_LOOPS_MAX]; /* by who asked: us (H245_OUTGOING), the peer */
    struct ask asks[H245_ASKS_MAX];
    uint8_t rate_sequence;
    struct {
        bool our_set, peer_set, is_told;
    } ready;
    struct channel *channels; /* 2 * channels_max */
    uint16_t next_lcn;
};

/* Entry and exit of every public function that may call back; exit frees a destroyed engine. */
void h245_enter(struct h245_engine *e, uint64_t now);
void h245_leave(struct h245_engine *e);

/* Encodes and sends. A failure to encode is reported by on_failed(procedure). */
int h245_emit(struct h245_engine *e, const struct h245_MultimediaSystemControlMessage *pdu);
int h245_emit_request(struct h245_engine *e, struct h245_RequestMessage *m);
int h245_emit_response(struct h245_engine *e, struct h245_ResponseMessage *m);
int h245_emit_command(struct h245_engine *e, struct h245_CommandMessage *m);
int h245_emit_indication(struct h245_engine *e, struct h245_IndicationMessage *m);

/* A response that the user gives: as h245_send_command. */
int h245_send_response(struct h245_engine *e, struct h245_ResponseMessage *response);

void h245_fail(struct h245_engine *e, enum h245_procedure procedure, enum h245_error error,
               uint16_t lcn);
void h245_unexpected(struct h245_engine *e);
void h245_refused(struct h245_engine *e, enum h245_refusal what); /* counts */
void h245_check_ready(struct h245_engine *e);

/* Calls an operation if the user has it and has not destroyed the engine. */
#define H245_CALL(e, op, ...)                                  \
    do {                                                       \
        if (!(e)->destroyed && (e)->ops->op != NULL)           \
            (e)->ops->op((e)->arg __VA_OPT__(, ) __VA_ARGS__); \
    } while (0)

/* Asks the user whether he takes a message; no, if he has no such operation or is gone. */
#define H245_TAKES(e, op, ...) \
    (!(e)->destroyed && (e)->ops->op != NULL && (e)->ops->op((e)->arg __VA_OPT__(, ) __VA_ARGS__))

static inline uint64_t h245_after(const struct h245_engine *e, uint32_t ms)
{
    return e->now + ms;
}

/* One handler a message: `body` is the alternative's struct. */
typedef void (*h245_handler_fn)(struct h245_engine *e, const void *body);

void h245_msd_on_request(struct h245_engine *e, const void *body);
void h245_msd_on_ack(struct h245_engine *e, const void *body);
void h245_msd_on_reject(struct h245_engine *e, const void *body);
void h245_msd_on_release(struct h245_engine *e, const void *body);
void h245_ces_on_request(struct h245_engine *e, const void *body);
void h245_ces_on_ack(struct h245_engine *e, const void *body);
void h245_ces_on_reject(struct h245_engine *e, const void *body);
void h245_ces_on_release(struct h245_engine *e, const void *body);
void h245_lcse_on_open(struct h245_engine *e, const void *body);
void h245_lcse_on_ack(struct h245_engine *e, const void *body);
void h245_lcse_on_reject(struct h245_engine *e, const void *body);
void h245_lcse_on_close(struct h245_engine *e, const void *body);
void h245_lcse_on_close_ack(struct h245_engine *e, const void *body);
void h245_lcse_on_confirm(struct h245_engine *e, const void *body);
void h245_clc_on_request(struct h245_engine *e, const void *body);
void h245_clc_on_ack(struct h245_engine *e, const void *body);
void h245_clc_on_reject(struct h245_engine *e, const void *body);
void h245_clc_on_release(struct h245_engine *e, const void *body);
void h245_rtd_on_request(struct h245_engine *e, const void *body);
void h245_rtd_on_response(struct h245_engine *e, const void *body);
void h245_session_on_end(struct h245_engine *e, const void *body);

void h245_mode_on_request(struct h245_engine *e, const void *body);
void h245_mode_on_ack(struct h245_engine *e, const void *body);
void h245_mode_on_reject(struct h245_engine *e, const void *body);
void h245_mode_on_release(struct h245_engine *e, const void *body);
void h245_loop_on_request(struct h245_engine *e, const void *body);
void h245_loop_on_ack(struct h245_engine *e, const void *body);
void h245_loop_on_reject(struct h245_engine *e, const void *body);
void h245_loop_on_off(struct h245_engine *e, const void *body);
void h245_rate_on_request(struct h245_engine *e, const void *body);
void h245_rate_on_ack(struct h245_engine *e, const void *body);
void h245_rate_on_reject(struct h245_engine *e, const void *body);
void h245_rate_on_release(struct h245_engine *e, const void *body);
void h245_conference_on_request(struct h245_engine *e, const void *body);
void h245_conference_on_response(struct h245_engine *e, const void *body);
void h245_conference_on_command(struct h245_engine *e, const void *body);
void h245_communication_mode_on_request(struct h245_engine *e, const void *body);
void h245_communication_mode_on_response(struct h245_engine *e, const void *body);
void h245_communication_mode_on_command(struct h245_engine *e, const void *body);
void h245_generic_on_request(struct h245_engine *e, const void *body);
void h245_generic_on_response(struct h245_engine *e, const void *body);
void h245_generic_on_command(struct h245_engine *e, const void *body);
void h245_generic_on_indication(struct h245_engine *e, const void *body);
void h245_user_input_on_indication(struct h245_engine *e, const void *body);

/* Refusals of what no procedure here is for, and plain events (other.c). */
void h245_other_on_multiplex_entry_send(struct h245_engine *e, const void *body);
void h245_other_on_request_multiplex_entry(struct h245_engine *e, const void *body);
void h245_other_on_multilink(struct h245_engine *e, const void *body);
void h245_other_on_encryption(struct h245_engine *e, const void *body);
void h245_other_on_h223(struct h245_engine *e, const void *body);
void h245_other_on_atm(struct h245_engine *e, const void *body);
void h245_other_on_mobile(struct h245_engine *e, const void *body);
void h245_other_on_misc_command(struct h245_engine *e, const void *body);
void h245_other_on_flow_control(struct h245_engine *e, const void *body);
void h245_other_on_send_capabilities(struct h245_engine *e, const void *body);
void h245_other_on_not_understood(struct h245_engine *e, const void *body);
void h245_other_on_not_supported(struct h245_engine *e, const void *body);
void h245_other_unexpected(struct h245_engine *e, const void *body);

/* functionNotSupported with the message that came. */
void h245_refuse_function(struct h245_engine *e, enum h245_FunctionNotSupported_cause_kind cause);

/* The peer answered functionNotSupported or functionNotUnderstood. False: we have not asked. */
bool h245_msd_not_supported(struct h245_engine *e);
bool h245_ces_not_supported(struct h245_engine *e);
bool h245_lcse_not_supported(struct h245_engine *e, uint16_t lcn);
bool h245_clc_not_supported(struct h245_engine *e, uint16_t lcn);
bool h245_rtd_not_supported(struct h245_engine *e);
bool h245_mode_not_supported(struct h245_engine *e);
bool h245_loop_not_supported(struct h245_engine *e);
bool h245_rate_not_supported(struct h245_engine *e);
bool h245_ask_not_supported(struct h245_engine *e, enum ask_type type, uint64_t kind);
bool h245_generic_not_supported(struct h245_engine *e, const struct h245_GenericMessage *message);

/* Sends a request that waits for its answer in a place of its own. ERR_STATE: one of this kind
 * waits already; ERR_LIMIT. */
int h245_ask(struct h245_engine *e, enum ask_type type, uint64_t kind, bool is_silent,
             struct h245_RequestMessage *m, uint64_t now);
/* The answer has come; false: nobody asked (counted). */
bool h245_ask_answered(struct h245_engine *e, enum ask_type type, uint64_t kind);

/* Timers: each procedure's next expiry, and what is due at e->now. */
uint64_t h245_lcse_next(const struct h245_engine *e);
void h245_msd_on_timer(struct h245_engine *e);
void h245_ces_on_timer(struct h245_engine *e);
void h245_lcse_on_timer(struct h245_engine *e);
void h245_clc_on_timer(struct h245_engine *e, struct channel *c);
void h245_rtd_on_timer(struct h245_engine *e);
void h245_session_on_timer(struct h245_engine *e);
void h245_mode_on_timer(struct h245_engine *e);
void h245_loop_on_timer(struct h245_engine *e);
void h245_rate_on_timer(struct h245_engine *e, struct channel *c);
void h245_ask_on_timer(struct h245_engine *e);
uint64_t h245_loop_next(const struct h245_engine *e);
uint64_t h245_ask_next(const struct h245_engine *e);
void h245_rtd_session_up(struct h245_engine *e);
void h245_stop_timers(struct h245_engine *e);

struct channel *h245_channel_find(const struct h245_engine *e, uint16_t lcn,
                                  enum h245_direction direction);
bool h245_channel_number_is_taken(const struct h245_engine *e, uint16_t lcn,
                                  enum h245_direction direction);
void h245_loop_channel_gone(struct h245_engine *e, uint16_t lcn, enum h245_direction direction);
int h245_lcse_release(struct h245_engine *e, struct channel *c);
int h245_clc_start(struct h245_engine *e, struct channel *c);
void h245_clc_forget(struct channel *c);

/* For the docs and the tests that walk over every pair. */
extern const struct fsm h245_msd_fsm, h245_ces_out_fsm, h245_ces_in_fsm, h245_lcse_out_fsm,
    h245_lcse_in_fsm, h245_blcse_out_fsm, h245_blcse_in_fsm, h245_clc_out_fsm, h245_rtd_fsm,
    h245_mode_out_fsm, h245_mode_in_fsm, h245_loop_out_fsm, h245_loop_in_fsm, h245_rate_out_fsm,
    h245_rate_in_fsm, h245_ask_fsm, h245_session_fsm;

#endif
