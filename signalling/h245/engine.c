#include "signalling/h245/internal.h"

#include <stdlib.h>
#include <string.h>

/* Every alternative of the four message classes has its line: adding a procedure is adding its
 * handlers here. What none of our procedures is for is refused by name in other.c. By the kind: an
 * index is cheaper than a search, and no kind is forgotten unseen. */
static const h245_handler_fn requests[h245_RequestMessage_UNKNOWN] = {
    [h245_RequestMessage_masterSlaveDetermination] = h245_msd_on_request,
    [h245_RequestMessage_terminalCapabilitySet] = h245_ces_on_request,
    [h245_RequestMessage_openLogicalChannel] = h245_lcse_on_open,
    [h245_RequestMessage_closeLogicalChannel] = h245_lcse_on_close,
    [h245_RequestMessage_requestChannelClose] = h245_clc_on_request,
    [h245_RequestMessage_multiplexEntrySend] = h245_other_on_multiplex_entry_send,
    [h245_RequestMessage_requestMultiplexEntry] = h245_other_on_request_multiplex_entry,
    [h245_RequestMessage_requestMode] = h245_mode_on_request,
    [h245_RequestMessage_roundTripDelayRequest] = h245_rtd_on_request,
    [h245_RequestMessage_maintenanceLoopRequest] = h245_loop_on_request,
    [h245_RequestMessage_communicationModeRequest] = h245_communication_mode_on_request,
    [h245_RequestMessage_conferenceRequest] = h245_conference_on_request,
    [h245_RequestMessage_multilinkRequest] = h245_other_on_multilink,
    [h245_RequestMessage_logicalChannelRateRequest] = h245_rate_on_request,
    [h245_RequestMessage_genericRequest] = h245_generic_on_request,
};

/* A response to something that we never ask is out of place, not unknown. */
static const h245_handler_fn responses[h245_ResponseMessage_UNKNOWN] = {
    [h245_ResponseMessage_masterSlaveDeterminationAck] = h245_msd_on_ack,
    [h245_ResponseMessage_masterSlaveDeterminationReject] = h245_msd_on_reject,
    [h245_ResponseMessage_terminalCapabilitySetAck] = h245_ces_on_ack,
    [h245_ResponseMessage_terminalCapabilitySetReject] = h245_ces_on_reject,
    [h245_ResponseMessage_openLogicalChannelAck] = h245_lcse_on_ack,
    [h245_ResponseMessage_openLogicalChannelReject] = h245_lcse_on_reject,
    [h245_ResponseMessage_closeLogicalChannelAck] = h245_lcse_on_close_ack,
    [h245_ResponseMessage_requestChannelCloseAck] = h245_clc_on_ack,
    [h245_ResponseMessage_requestChannelCloseReject] = h245_clc_on_reject,
    [h245_ResponseMessage_multiplexEntrySendAck] = h245_other_unexpected,
    [h245_ResponseMessage_multiplexEntrySendReject] = h245_other_unexpected,
    [h245_ResponseMessage_requestMultiplexEntryAck] = h245_other_unexpected,
    [h245_ResponseMessage_requestMultiplexEntryReject] = h245_other_unexpected,
    [h245_ResponseMessage_requestModeAck] = h245_mode_on_ack,
    [h245_ResponseMessage_requestModeReject] = h245_mode_on_reject,
    [h245_ResponseMessage_roundTripDelayResponse] = h245_rtd_on_response,
    [h245_ResponseMessage_maintenanceLoopAck] = h245_loop_on_ack,
    [h245_ResponseMessage_maintenanceLoopReject] = h245_loop_on_reject,
    [h245_ResponseMessage_communicationModeResponse] = h245_communication_mode_on_response,
    [h245_ResponseMessage_conferenceResponse] = h245_conference_on_response,
    [h245_ResponseMessage_multilinkResponse] = h245_other_unexpected,
    [h245_ResponseMessage_logicalChannelRateAcknowledge] = h245_rate_on_ack,
    [h245_ResponseMessage_logicalChannelRateReject] = h245_rate_on_reject,
    [h245_ResponseMessage_genericResponse] = h245_generic_on_response,
};

static const h245_handler_fn commands[h245_CommandMessage_UNKNOWN] = {
    [h245_CommandMessage_maintenanceLoopOffCommand] = h245_loop_on_off,
    [h245_CommandMessage_sendTerminalCapabilitySet] = h245_other_on_send_capabilities,
    [h245_CommandMessage_encryptionCommand] = h245_other_on_encryption,
    [h245_CommandMessage_flowControlCommand] = h245_other_on_flow_control,
    [h245_CommandMessage_endSessionCommand] = h245_session_on_end,
    [h245_CommandMessage_miscellaneousCommand] = h245_other_on_misc_command,
    [h245_CommandMessage_communicationModeCommand] = h245_communication_mode_on_command,
    [h245_CommandMessage_conferenceCommand] = h245_conference_on_command,
    [h245_CommandMessage_h223MultiplexReconfiguration] = h245_other_on_h223,
    [h245_CommandMessage_newATMVCCommand] = h245_other_on_atm,
    [h245_CommandMessage_mobileMultilinkReconfigurationCommand] = h245_other_on_mobile,
    [h245_CommandMessage_genericCommand] = h245_generic_on_command,
};

/* Indications need no answer (H.245 §6.1): what has no handler here is the user's. */
static const h245_handler_fn indications[h245_IndicationMessage_UNKNOWN] = {
    [h245_IndicationMessage_functionNotUnderstood] = h245_other_on_not_understood,
    [h245_IndicationMessage_masterSlaveDeterminationRelease] = h245_msd_on_release,
    [h245_IndicationMessage_terminalCapabilitySetRelease] = h245_ces_on_release,
    [h245_IndicationMessage_openLogicalChannelConfirm] = h245_lcse_on_confirm,
    [h245_IndicationMessage_requestChannelCloseRelease] = h245_clc_on_release,
    [h245_IndicationMessage_requestModeRelease] = h245_mode_on_release,
    [h245_IndicationMessage_logicalChannelRateRelease] = h245_rate_on_release,
    [h245_IndicationMessage_userInput] = h245_user_input_on_indication,
    [h245_IndicationMessage_genericIndication] = h245_generic_on_indication,
    [h245_IndicationMessage_functionNotSupported] = h245_other_on_not_supported,
};

/* Each alternative of a class is a struct of its own, so the union holds one pointer. */
static const void *body_of(const void *alternative)
{
    const void *body;

    memcpy(&body, alternative, sizeof(body));
    return body;
}

static void not_understood(struct h245_engine *e, struct h245_FunctionNotUnderstood *f,
                           bool is_non_standard)
{
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_functionNotUnderstood,
                                       .u.functionNotUnderstood = f};

    e->stats.unknown++;
    e->stats.refused[is_non_standard ? H245_REFUSED_NON_STANDARD : H245_REFUSED_LATER_VERSION]++;
    h245_emit_indication(e, &m);
}

static void on_request(struct h245_engine *e, struct h245_RequestMessage *r)
{
    struct h245_FunctionNotUnderstood f = {.kind = h245_FunctionNotUnderstood_request,
                                           .u.request = r};

    /* Wrapped as it came: the peer finds its own message in it (H.245 B.15). */
    if (r->kind == h245_RequestMessage_UNKNOWN || r->kind == h245_RequestMessage_nonStandard)
        not_understood(e, &f, r->kind == h245_RequestMessage_nonStandard);
    else
        requests[r->kind](e, body_of(&r->u));
}

static void on_response(struct h245_engine *e, struct h245_ResponseMessage *r)
{
    struct h245_FunctionNotUnderstood f = {.kind = h245_FunctionNotUnderstood_response,
                                           .u.response = r};

    if (r->kind == h245_ResponseMessage_UNKNOWN || r->kind == h245_ResponseMessage_nonStandard)
        not_understood(e, &f, r->kind == h245_ResponseMessage_nonStandard);
    else
        responses[r->kind](e, body_of(&r->u));
}

static void on_command(struct h245_engine *e, struct h245_CommandMessage *c)
{
    struct h245_FunctionNotUnderstood f = {.kind = h245_FunctionNotUnderstood_command,
                                           .u.command = c};

    if (c->kind == h245_CommandMessage_UNKNOWN || c->kind == h245_CommandMessage_nonStandard)
        not_understood(e, &f, c->kind == h245_CommandMessage_nonStandard);
    else
        commands[c->kind](e, body_of(&c->u));
}

static void on_indication(struct h245_engine *e, const struct h245_IndicationMessage *i)
{
    if (i->kind != h245_IndicationMessage_UNKNOWN && indications[i->kind] != NULL)
        indications[i->kind](e, body_of(&i->u));
    else
        /* Whatever it is: an indication is not answered. */
        H245_CALL(e, on_indication, i);
}

/* After endSession only the peer's own endSession is of interest. */
static bool is_end_session(const struct h245_MultimediaSystemControlMessage *m)
{
    return m->kind == h245_MultimediaSystemControlMessage_command &&
           m->u.command->kind == h245_CommandMessage_endSessionCommand;
}

static void dispatch(struct h245_engine *e, struct h245_MultimediaSystemControlMessage *m)
{
    /* Before anything acts on it: traces show what came, not what became of it. */
    H245_CALL(e, on_pdu, false, m, e->in_len);
    if (e->destroyed)
        return;
    if (h245_is_ended(e) && !is_end_session(m)) {
        h245_unexpected(e);
        return;
    }
    /* In the order of the ASN.1. */
    switch (m->kind) {
    case h245_MultimediaSystemControlMessage_request:
        on_request(e, m->u.request);
        break;
    case h245_MultimediaSystemControlMessage_response:
        on_response(e, m->u.response);
        break;
    case h245_MultimediaSystemControlMessage_command:
        on_command(e, m->u.command);
        break;
    case h245_MultimediaSystemControlMessage_indication:
        on_indication(e, m->u.indication);
        break;
    default: /* a fifth class of a later version */
        e->stats.unknown++;
        e->stats.refused[H245_REFUSED_LATER_VERSION]++;
        /* There is no message to wrap: the class itself is not known. */
        h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
        break;
    }
}

int h245_engine_input(struct h245_engine *e, const uint8_t *pdu, size_t len, uint64_t now)
{
    struct per_limits limits = {.max_depth = e->config.max_depth,
                                .max_elements = e->config.max_elements,
                                .max_memory = e->config.memory_limit};
    void *out = NULL;
    int err;

    /* A callback that feeds the next PDU would reset the arena under this one. */
    if (e->in_input)
        return ERR_STATE;
    h245_enter(e, now);
    e->in_input = true;
    /* For refusals, which return the octets as they came. */
    e->in = pdu;
    e->in_len = len;
    e->stats.pdus_in++;
    /* What was decoded lives until the next PDU: callbacks copy what they keep. */
    arena_reset(&e->arena);
    err = per_decode(&h245_MultimediaSystemControlMessage_type, pdu, len, &limits, &e->arena, &out,
                     NULL);
    if (err == 0) {
        dispatch(e, out);
        /* No answer to what was not a message after the end. */
    } else {
        e->stats.undecodable++;
        if (!h245_is_ended(e))
            /* After endSession nobody is to be told any more. */
            h245_refuse_function(e, h245_FunctionNotSupported_cause_syntaxError);
    }
    e->in = NULL;
    e->in_input = false;
    h245_leave(e);
    return err;
}

/* ---- sending ---- */

/* The octets belong to this call alone: on_pdu may make the user send something else meanwhile. */
static void deliver(struct h245_engine *e, const struct h245_MultimediaSystemControlMessage *pdu,
                    const uint8_t *octets, size_t len)
{
    e->stats.pdus_out++;
    H245_CALL(e, on_pdu, true, pdu, len);
    if (!e->destroyed)
        e->ops->send(e->arg, octets, len);
}

#define PDU_USUAL 1024u /* nearly every PDU fits; a session keeps no buffer for the others */

int h245_emit(struct h245_engine *e, const struct h245_MultimediaSystemControlMessage *pdu)
{
    uint8_t usual[PDU_USUAL];
    uint8_t *large = NULL;
    size_t len = 0;
    int err;

    /* Destroyed by a callback: the structure is there until leave(), its owner is not. */
    if (e->destroyed)
        return ERR_CLOSED;
    err = per_encode(&h245_MultimediaSystemControlMessage_type, pdu, usual, sizeof(usual), &len,
                     NULL);
    /* ERR_AGAIN: the buffer is too small. Memory for a large one is the exception. */
    if (err == ERR_AGAIN) {
        large = malloc(e->config.pdu_max);
        err = large == NULL ? ERR_NOMEM
                            : per_encode(&h245_MultimediaSystemControlMessage_type, pdu, large,
                                         e->config.pdu_max, &len, NULL);
    }
    if (err == 0)
        /* From the stack or the heap: `deliver` does not keep it. */
        deliver(e, pdu, large != NULL ? large : usual, len);
    else
        /* Encoding failed: a value of ours that ASN.1 does not allow, or more than pdu_max. */
        h245_fail(e, H245_PROC_SESSION, H245_ERROR_ENCODE, 0);
    free(large);
    return err;
}

int h245_emit_request(struct h245_engine *e, struct h245_RequestMessage *m)
{
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_request, .u.request = m};

    return h245_emit(e, &pdu);
}

int h245_emit_response(struct h245_engine *e, struct h245_ResponseMessage *m)
{
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_response, .u.response = m};

    return h245_emit(e, &pdu);
}

int h245_emit_command(struct h245_engine *e, struct h245_CommandMessage *m)
{
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_command, .u.command = m};

    return h245_emit(e, &pdu);
}

int h245_emit_indication(struct h245_engine *e, struct h245_IndicationMessage *m)
{
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_indication, .u.indication = m};

    return h245_emit(e, &pdu);
}

int h245_engine_send(struct h245_engine *e, const struct h245_MultimediaSystemControlMessage *pdu)
{
    int err;

    /* Each of these four wraps one class; ended engines send nothing. */
    if (h245_is_ended(e))
        return ERR_CLOSED;
    h245_enter(e, e->now);
    err = h245_emit(e, pdu);
    h245_leave(e);
    return err;
}

int h245_send_command(struct h245_engine *e, struct h245_CommandMessage *command)
{
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_command, .u.command = command};

    return h245_engine_send(e, &pdu);
}

int h245_send_indication(struct h245_engine *e, struct h245_IndicationMessage *indication)
{
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_indication, .u.indication = indication};

    return h245_engine_send(e, &pdu);
}

int h245_send_response(struct h245_engine *e, struct h245_ResponseMessage *response)
{
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_response, .u.response = response};

    return h245_engine_send(e, &pdu);
}

/* ---- what all procedures use ---- */

void h245_fail(struct h245_engine *e, enum h245_procedure procedure, enum h245_error error,
               uint16_t lcn)
{
    H245_CALL(e, on_failed, procedure, error, lcn);
}

void h245_unexpected(struct h245_engine *e)
{
    e->stats.unexpected++;
}

void h245_refused(struct h245_engine *e, enum h245_refusal what)
{
    e->stats.unsupported++;
    e->stats.refused[what]++;
}

void h245_check_ready(struct h245_engine *e)
{
    /* Once: a later set is a change, and no beginning. */
    if (e->ready.is_told || !e->ready.our_set || !e->ready.peer_set || !e->msd.is_done)
        return;
    /* Before the callback, in which the user may send a new set. */
    e->ready.is_told = true;
    H245_CALL(e, on_ready);
}

void h245_stop_timers(struct h245_engine *e)
{
    /* At the beginning and at the end alike. */
    e->msd.deadline = e->ces.deadline = e->rtd.deadline = e->rtd.next = H245_NEVER;
    e->session.deadline = e->mode_out.deadline = H245_NEVER;
    for (unsigned i = 0; i < 2 * e->config.channels_max; i++)
        e->channels[i].deadline = e->channels[i].clc_deadline = e->channels[i].rate_out.deadline =
            H245_NEVER;
    for (unsigned i = 0; i < H245_LOOPS_MAX; i++)
        e->loops[H245_OUTGOING][i].deadline = e->loops[H245_INCOMING][i].deadline = H245_NEVER;
    for (unsigned i = 0; i < H245_ASKS_MAX; i++)
        e->asks[i].deadline = H245_NEVER;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* All of them: the user has one timer for the whole engine. */
uint64_t h245_engine_next_deadline(const struct h245_engine *e)
{
    uint64_t next = earlier(e->msd.deadline, e->ces.deadline);

    next = earlier(next, earlier(e->rtd.deadline, e->rtd.next));
    next = earlier(next, earlier(e->mode_out.deadline, h245_loop_next(e)));
    next = earlier(next, h245_ask_next(e));
    return earlier(next, earlier(e->session.deadline, h245_lcse_next(e)));
}

void h245_engine_on_timer(struct h245_engine *e, uint64_t now)
{
    static void (*const procedures[])(struct h245_engine *) = {
        h245_msd_on_timer,  h245_ces_on_timer,  h245_lcse_on_timer, h245_rtd_on_timer,
        h245_mode_on_timer, h245_loop_on_timer, h245_ask_on_timer,  h245_session_on_timer};

    h245_enter(e, now);
    /* A callback of one may destroy the engine for the others. */
    for (unsigned i = 0; i < FSM_COUNT(procedures) && !e->destroyed; i++)
        procedures[i](e);
    h245_leave(e);
}

/* ---- life ---- */

static void set_default(uint32_t *value, uint32_t standard)
{
    /* 0: the caller has no opinion. */
    if (*value == 0)
        *value = standard;
}

static void fill_defaults(struct h245_engine_config *c)
{
    if (c->terminal_type == 0)
        /* 50: a terminal (H.323 table 1); MCUs say more, and become master. */
        c->terminal_type = 50;
    /* All of Annex C's timers have no value in H.245; ten seconds is longer than any peer takes
     * that still lives. */
    set_default(&c->msd_timeout_ms, 10000);
    set_default(&c->ces_timeout_ms, 10000);
    set_default(&c->channel_timeout_ms, 10000);
    set_default(&c->close_request_timeout_ms, 10000);
    set_default(&c->rtd_timeout_ms, 10000);
    set_default(&c->mode_timeout_ms, 10000);
    set_default(&c->loop_timeout_ms, 10000);
    set_default(&c->rate_timeout_ms, 10000);
    set_default(&c->request_timeout_ms, 10000);
    /* H.323 8.5 wants to see the peer's own: a moment for it, then the call ends anyway. */
    set_default(&c->end_session_timeout_ms, 3000);
    if (c->msd_retries == 0)
        c->msd_retries = 8;
    if (c->channels_max == 0)
        c->channels_max = 32;
    /* Replacements cost the peer a decoder each while both are there. */
    if (c->replacements_max == 0)
        c->replacements_max = 4;
    /* Above what peers use for their own: traces are easier to read. */
    if (c->first_lcn == 0)
        c->first_lcn = 101;
    /* For what one PDU may decode to. */
    if (c->memory_limit == 0)
        c->memory_limit = 262144;
    if (c->pdu_max == 0)
        c->pdu_max = 16384;
}

static void engine_free(struct h245_engine *e)
{
    arena_fini(&e->arena);
    free(e->channels);
    free(e);
}

struct h245_engine *h245_engine_create(const struct h245_engine_config *config,
                                       const struct h245_engine_ops *ops, void *arg)
{
    struct h245_engine *e;

    /* Without these nothing works; all other callbacks may be absent. */
    if (config->random == NULL || ops->send == NULL)
        return NULL;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->config = *config;
    fill_defaults(&e->config);
    e->ops = ops;
    e->arg = arg;
    e->next_lcn = e->config.first_lcn;
    arena_init(&e->arena, 4096, e->config.memory_limit);
    /* Once: a call opens few channels, and never more than the limit. */
    e->channels = calloc(2 * (size_t)e->config.channels_max, sizeof(*e->channels));
    if (e->channels == NULL) {
        engine_free(e);
        return NULL;
    }
    h245_stop_timers(e);
    return e;
}

void h245_engine_destroy(struct h245_engine *e)
{
    if (e == NULL || e->destroyed)
        return;
    /* In a callback: leave() frees it, when the last step on the stack is done. */
    if (e->depth == 0)
        engine_free(e);
    else
        e->destroyed = true;
}

void h245_enter(struct h245_engine *e, uint64_t now)
{
    /* Depth: callbacks may call the engine again. */
    e->depth++;
    e->now = now;
}

void h245_leave(struct h245_engine *e)
{
    if (--e->depth == 0 && e->destroyed)
        engine_free(e);
}

const struct h245_engine_stats *h245_engine_stats(const struct h245_engine *e)
{
    return &e->stats;
}

/* ---- names ---- */

const char *h245_procedure_to_str(enum h245_procedure procedure)
{
    static const char *const text[] = {
#define PROCEDURE_TEXT(name, words) [name] = words,
        H245_PROCEDURE_LIST(PROCEDURE_TEXT)
#undef PROCEDURE_TEXT
    };

    return procedure < H245_PROC_COUNT ? text[procedure] : "unknown procedure";
}

const char *h245_error_to_str(enum h245_error error)
{
    static const char *const text[] = {
#define ERROR_TEXT(name, words) [name] = words,
        H245_ERROR_LIST(ERROR_TEXT)
#undef ERROR_TEXT
    };

    return error < H245_ERROR_COUNT ? text[error] : "unknown error";
}

const char *h245_olc_cause_to_str(enum h245_olc_cause cause)
{
    static const char *const text[] = {
#define CAUSE_TEXT(name, words) [name] = words,
        H245_OLC_CAUSE_LIST(CAUSE_TEXT)
#undef CAUSE_TEXT
    };

    return cause < H245_OLC_CAUSE_COUNT ? text[cause] : "unknown cause";
}

const char *h245_refusal_to_str(enum h245_refusal refusal)
{
    static const char *const text[] = {
#define REFUSAL_TEXT(name, words) [name] = words,
        H245_REFUSAL_LIST(REFUSAL_TEXT)
#undef REFUSAL_TEXT
    };

    return refusal < H245_REFUSAL_COUNT ? text[refusal] : "unknown";
}
