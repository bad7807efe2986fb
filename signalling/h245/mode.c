/* Mode request, H.245 C.9: a receiver says in which modes it would like to be sent to. */
#include "signalling/h245/internal.h"

/* ---- outgoing ---- */

enum { IDLE, AWAITING };
enum { TRANSFER, ACK, REJECT, T109, NOT_SUPPORTED };

static void do_transfer(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_requestMode,
                                    .u.requestMode = (void *)(uintptr_t)input};

    e->mode_out.deadline = h245_after(e, e->config.mode_timeout_ms);
    if (h245_emit_request(e, &m) == 0)
        return;
    /* Not encoded: taken back, the user hears it by the return value. */
    e->mode_out.deadline = H245_NEVER;
    e->mode_out.state = IDLE;
}

static void do_acked(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    const struct h245_RequestModeAck *ack = input;

    /* Whichever: the channels that the peer opens are what counts. */
    e->mode_out.deadline = H245_NEVER;
    H245_CALL(e, on_mode_answer,
              ack->response.kind == h245_RequestModeAck_response_willTransmitMostPreferredMode
                  ? H245_MODE_MOST_PREFERRED
                  : H245_MODE_LESS_PREFERRED);
}

static void do_rejected(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    const struct h245_RequestModeReject *reject = input;
    enum h245_mode_answer answer = H245_MODE_DENIED; /* also what a later version may say */

    e->mode_out.deadline = H245_NEVER;
    if (reject->cause.kind == h245_RequestModeReject_cause_modeUnavailable)
        answer = H245_MODE_UNAVAILABLE;
    if (reject->cause.kind == h245_RequestModeReject_cause_multipointConstraint)
        answer = H245_MODE_MULTIPOINT;
    H245_CALL(e, on_mode_answer, answer);
}

static void do_timeout(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    struct h245_RequestModeRelease release = {0};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_requestModeRelease,
                                       .u.requestModeRelease = &release};

    (void)input;
    /* Release: an answer that comes later is for nobody. */
    h245_emit_indication(e, &m);
    h245_fail(e, H245_PROC_MODE_OUT, H245_ERROR_TIMEOUT, 0);
}

static void do_not_supported(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    e->mode_out.deadline = H245_NEVER;
    h245_fail(e, H245_PROC_MODE_OUT, H245_ERROR_REFUSED, 0);
}

static const char *const states[] = {"idle", "awaiting response"};
static const char *const events[] = {"TRANSFER.request", "RequestModeAck", "RequestModeReject",
                                     "T109 expires", "FunctionNotSupported"};
/* Answers with another sequence number belong to a request that was replaced: never seen here. */
static const struct fsm_row rows[] = {
    {IDLE, TRANSFER, AWAITING, do_transfer, "send RequestMode, start T109"},
    /* A newer wish replaces the older one (C.9): its answer would be for nobody. */
    {AWAITING, TRANSFER, AWAITING, do_transfer, "send RequestMode anew, start T109 anew"},
    {AWAITING, ACK, IDLE, do_acked, "TRANSFER.confirm"},
    {AWAITING, REJECT, IDLE, do_rejected, "REJECT.indication"},
    {AWAITING, T109, IDLE, do_timeout, "send RequestModeRelease, REJECT.indication"},
    {AWAITING, NOT_SUPPORTED, IDLE, do_not_supported, "ERROR.indication"},
};
const struct fsm h245_mode_out_fsm = {
    "Mode request, outgoing", "H.245 C.9", states,         FSM_COUNT(states), events,
    FSM_COUNT(events),        rows,        FSM_COUNT(rows)};

static void receive(struct h245_engine *e, unsigned event, uint8_t sequence, const void *body)
{
    if (sequence != e->mode_out.sequence ||
        !fsm_run(&h245_mode_out_fsm, &e->mode_out.state, event, e, body))
        h245_unexpected(e);
}

void h245_mode_on_ack(struct h245_engine *e, const void *body)
{
    receive(e, ACK, ((const struct h245_RequestModeAck *)body)->sequenceNumber, body);
}

void h245_mode_on_reject(struct h245_engine *e, const void *body)
{
    receive(e, REJECT, ((const struct h245_RequestModeReject *)body)->sequenceNumber, body);
}

bool h245_mode_not_supported(struct h245_engine *e)
{
    return fsm_run(&h245_mode_out_fsm, &e->mode_out.state, NOT_SUPPORTED, e, NULL) != 0;
}

void h245_mode_on_timer(struct h245_engine *e)
{
    if (e->mode_out.deadline > e->now)
        return;
    e->mode_out.deadline = H245_NEVER;
    e->stats.timeouts++;
    fsm_run(&h245_mode_out_fsm, &e->mode_out.state, T109, e, NULL);
}

int h245_mode_request(struct h245_engine *e, struct h245_RequestMode *request, uint64_t now)
{
    int err;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    h245_enter(e, now);
    /* Sequence numbers tell an answer to the newest. */
    request->sequenceNumber = ++e->mode_out.sequence;
    fsm_run(&h245_mode_out_fsm, &e->mode_out.state, TRANSFER, e, request);
    /* Destroyed meanwhile is no fault of the request. */
    err = e->destroyed || e->mode_out.state == AWAITING ? 0 : ERR_INVAL;
    h245_leave(e);
    return err;
}

/* ---- incoming ---- */

enum { IN_REQUEST, IN_RELEASE, IN_ACCEPT, IN_REFUSE };

static void send_reject(struct h245_engine *e, enum h245_mode_answer answer)
{
    struct h245_RequestModeReject reject = {.sequenceNumber = e->mode_in.sequence};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_requestModeReject,
                                     .u.requestModeReject = &reject};

    reject.cause.kind =
        answer == H245_MODE_UNAVAILABLE  ? h245_RequestModeReject_cause_modeUnavailable
        : answer == H245_MODE_MULTIPOINT ? h245_RequestModeReject_cause_multipointConstraint
                                         : h245_RequestModeReject_cause_requestDenied;
    h245_emit_response(e, &m);
}

static void do_requested(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    const struct h245_RequestMode *request = input;

    /* Kept: the answer names the request that it is for. */
    e->mode_in.sequence = request->sequenceNumber;
    if (e->ops->on_mode_request != NULL) {
        H245_CALL(e, on_mode_request, request);
        return;
    }
    e->mode_in.state = IDLE;
    h245_refused(e, H245_REFUSED_MODE);
    send_reject(e, H245_MODE_DENIED);
}

static void do_withdrawn(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    H245_CALL(e, on_mode_withdrawn);
}

/* The user that was told to forget may have answered by then: the new request is the new state. */
static void do_replaced(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    /* Idle for the moment of the callback: an answer of the user's is for nothing then. */
    e->mode_in.state = IDLE;
    do_withdrawn(machine, NULL);
    if (e->destroyed)
        return;
    e->mode_in.state = AWAITING;
    do_requested(machine, input);
}

static void do_accept(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    const enum h245_mode_answer *answer = input;
    struct h245_RequestModeAck ack = {.sequenceNumber = e->mode_in.sequence};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_requestModeAck,
                                     .u.requestModeAck = &ack};

    /* Which of the modes it is, is seen by what is sent. */
    ack.response.kind = *answer == H245_MODE_MOST_PREFERRED
                            ? h245_RequestModeAck_response_willTransmitMostPreferredMode
                            : h245_RequestModeAck_response_willTransmitLessPreferredMode;
    h245_emit_response(e, &m);
}

static void do_refuse(void *machine, const void *input)
{
    const enum h245_mode_answer *answer = input;

    send_reject(machine, *answer);
}

static const char *const in_events[] = {"RequestMode", "RequestModeRelease", "TRANSFER.response",
                                        "REJECT.request"};
static const struct fsm_row in_rows[] = {
    {IDLE, IN_REQUEST, AWAITING, do_requested,
     "TRANSFER.indication; no user for it: send RequestModeReject(requestDenied), idle"},
    {IDLE, IN_RELEASE, IDLE, NULL, "ignored: answered already"},
    {AWAITING, IN_REQUEST, AWAITING, do_replaced, "REJECT.indication, TRANSFER.indication"},
    {AWAITING, IN_RELEASE, IDLE, do_withdrawn, "REJECT.indication"},
    {AWAITING, IN_ACCEPT, IDLE, do_accept, "send RequestModeAck"},
    {AWAITING, IN_REFUSE, IDLE, do_refuse, "send RequestModeReject with the cause"},
};
const struct fsm h245_mode_in_fsm = {"Mode request, incoming",
                                     "H.245 C.9",
                                     states,
                                     FSM_COUNT(states),
                                     in_events,
                                     FSM_COUNT(in_events),
                                     in_rows,
                                     FSM_COUNT(in_rows)};

void h245_mode_on_request(struct h245_engine *e, const void *body)
{
    fsm_run(&h245_mode_in_fsm, &e->mode_in.state, IN_REQUEST, e, body);
}

void h245_mode_on_release(struct h245_engine *e, const void *body)
{
    fsm_run(&h245_mode_in_fsm, &e->mode_in.state, IN_RELEASE, e, body);
}

int h245_mode_answer(struct h245_engine *e, enum h245_mode_answer answer)
{
    unsigned event = answer <= H245_MODE_LESS_PREFERRED ? IN_ACCEPT : IN_REFUSE;
    int err = 0;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    if (answer >= H245_MODE_ANSWER_COUNT)
        return ERR_INVAL;
    h245_enter(e, e->now);
    if (!fsm_run(&h245_mode_in_fsm, &e->mode_in.state, event, e, &answer))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}

const char *h245_mode_answer_to_str(enum h245_mode_answer answer)
{
    static const char *const text[] = {
#define ANSWER_TEXT(name, words) [name] = words,
        H245_MODE_ANSWER_LIST(ANSWER_TEXT)
#undef ANSWER_TEXT
    };

    return answer < H245_MODE_ANSWER_COUNT ? text[answer] : "unknown answer";
}
