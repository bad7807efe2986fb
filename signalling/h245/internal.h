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

void h245_fail(struct h245_engine *e, enum h245_procedure procedure, enum h245_error error,
               uint16_t lcn);
void h245_unexpected(struct h245_engine *e);
void h245_check_ready(struct h245_engine *e);

/* Calls an operation if the user has it and has not destroyed the engine. */
#define H245_CALL(e, op, ...)                                  \
    do {                                                       \
        if (!(e)->destroyed && (e)->ops->op != NULL)           \
            (e)->ops->op((e)->arg __VA_OPT__(, ) __VA_ARGS__); \
    } while (0)

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

/* Refusals of what this server does not do, and events (other.c). */
void h245_other_on_multiplex_entry_send(struct h245_engine *e, const void *body);
void h245_other_on_request_multiplex_entry(struct h245_engine *e, const void *body);
void h245_other_on_request_mode(struct h245_engine *e, const void *body);
void h245_other_on_maintenance_loop(struct h245_engine *e, const void *body);
void h245_other_on_channel_rate(struct h245_engine *e, const void *body);
void h245_other_on_user_input(struct h245_engine *e, const void *body);
void h245_other_on_misc_command(struct h245_engine *e, const void *body);
void h245_other_on_flow_control(struct h245_engine *e, const void *body);
void h245_other_on_send_capabilities(struct h245_engine *e, const void *body);
void h245_other_on_not_understood(struct h245_engine *e, const void *body);
void h245_other_on_not_supported(struct h245_engine *e, const void *body);
void h245_other_ignore(struct h245_engine *e, const void *body);
void h245_other_unexpected(struct h245_engine *e, const void *body);

/* functionNotSupported with the message that came. */
void h245_refuse_function(struct h245_engine *e, enum h245_FunctionNotSupported_cause_kind cause);

/* Timers: each procedure's next expiry, and what is due at e->now. */
uint64_t h245_lcse_next(const struct h245_engine *e);
void h245_msd_on_timer(struct h245_engine *e);
void h245_ces_on_timer(struct h245_engine *e);
void h245_lcse_on_timer(struct h245_engine *e);
void h245_clc_on_timer(struct h245_engine *e, struct channel *c);
void h245_rtd_on_timer(struct h245_engine *e);
void h245_session_on_timer(struct h245_engine *e);
void h245_rtd_session_up(struct h245_engine *e);
void h245_stop_timers(struct h245_engine *e);

struct channel *h245_channel_find(const struct h245_engine *e, uint16_t lcn,
                                  enum h245_direction direction);
int h245_lcse_release(struct h245_engine *e, struct channel *c);
int h245_clc_start(struct h245_engine *e, struct channel *c);
void h245_clc_forget(struct channel *c);

/* For the docs and the tests that walk over every pair. */
extern const struct fsm h245_msd_fsm, h245_ces_out_fsm, h245_ces_in_fsm, h245_lcse_out_fsm,
    h245_lcse_in_fsm, h245_blcse_out_fsm, h245_blcse_in_fsm, h245_clc_out_fsm, h245_rtd_fsm,
    h245_session_fsm;

#endif
