/* What a call does in each state: the table and its actions. */
#include "signalling/h225/internal.h"

#include <string.h>

static void set_timer(struct h225_call *call, uint32_t ms)
{
    call->deadline = call->now + ms;
}

static void stop_timer(struct h225_call *call)
{
    call->deadline = H225_NEVER;
}

/* ---- release ---- */

/* The last callback of a call, and the only way to it: everything that ends a call comes through
 * here. */
static void released(struct h225_call *call, const struct h225_release *release)
{
    struct h225_release told = *release;

    /* Before the callback: what it asks must find the call over. */
    call->state = H225_STATE_RELEASED;
    call->is_over = true;
    stop_timer(call);
    /* What waits to be tunnelled has no carrier any more. */
    h225_tunnel_clear(call);
    H225_CALL(call, on_released, &told);
}

static struct h225_release local_release(enum h225_reason reason)
{
    unsigned cause = h225_reason_to_cause(reason);

    return (struct h225_release){
        .by_peer = false, .cause = cause, .reason = reason, .text = q931_cause_to_str(cause)};
}

static void send_release(struct h225_call *call, enum h225_reason reason)
{
    struct h225_output o;

    /* Whatever was being built is not sent any more. */
    arena_reset(&call->out);
    if (h225_build_release(call, reason, &o) == 0)
        h225_transmit(call, &o);
}

/* Ends the call from our side, at once. */
static void fail(struct h225_call *call, enum h225_reason reason)
{
    struct h225_release release = local_release(reason);

    send_release(call, reason);
    released(call, &release);
}

static void do_release(void *machine, const void *input)
{
    struct h225_call *call = machine;
    enum h225_reason reason = *(const enum h225_reason *)input;

    call->release = local_release(reason);
    send_release(call, reason);
    /* 0: a ReleaseComplete needs no answer; with a time, one that carries H.245's EndSession is
     * waited for. */
    if (call->config.release_timeout_ms == 0)
        released(call, &call->release);
    else
        set_timer(call, call->config.release_timeout_ms);
}

/* Nobody was told of this call yet, so there is nobody to tell that it is over. */
static void do_release_unused(void *machine, const void *input)
{
    struct h225_call *call = machine;
    struct h225_release release = local_release(*(const enum h225_reason *)input);

    released(call, &release);
}

/* Reason, cause, or neither: peers send all three sorts. */
static void do_peer_released(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_release release = {.by_peer = true, .cause = q931_cause_of(in->msg)};
    const struct h225_ReleaseCompleteReason *reason = NULL;

    if (in->pdu != NULL &&
        in->pdu->h323_message_body.kind == h225_H323_UU_PDU_h323_message_body_releaseComplete)
        reason = in->pdu->h323_message_body.u.releaseComplete->reason;
    /* A reason of a later version says less than the cause beside it. */
    if (reason != NULL &&
        (reason->kind != h225_ReleaseCompleteReason_UNKNOWN || release.cause == Q931_CAUSE_NONE))
        release.reason = h225_reason_from_asn1(reason);
    else
        /* Neither: the peer just ended it. */
        release.reason = release.cause == Q931_CAUSE_NONE ? H225_REASON_NORMAL
                                                          : h225_cause_to_reason(release.cause);
    if (release.cause == Q931_CAUSE_NONE)
        release.cause = h225_reason_to_cause(release.reason);
    release.text = q931_cause_to_str(release.cause);
    h225_tunnel_deliver(call, in->pdu); /* endSession rides here */
    /* The answer to it has no carrier but a ReleaseComplete of our own (H.323 §8.5). */
    if (call->tunnel == H225_TUNNEL_ON && call->queue_len > 0)
        send_release(call, H225_REASON_NORMAL);
    released(call, &release);
}

static void do_both_released(void *machine, const void *input)
{
    struct h225_call *call = machine;

    if (input != NULL)
        /* NULL: by timer or loss. */
        h225_tunnel_deliver(call, ((const struct h225_input *)input)->pdu);
    released(call, &call->release);
}

static void do_lost(void *machine, const void *input)
{
    struct h225_call *call = machine;
    struct h225_release release = local_release(H225_REASON_ADAPTIVE_BUSY);

    (void)input;
    /* By the peer, as seen from here: we did not want it. */
    release.by_peer = true;
    release.text = "connection lost";
    released(call, &release);
}

/* Nobody answered the phone: an ordinary end, unlike a peer that is silent. */
static void do_no_answer(void *machine, const void *input)
{
    (void)input;
    fail(machine, H225_REASON_NO_ANSWER);
}

static void do_recover(void *machine, const void *input)
{
    (void)input;
    fail(machine, H225_REASON_TIMEOUT);
}

/* ---- callee ---- */

/* An answer that cannot be sent would leave the two sides with different calls. */
static void send_or_fail(struct h225_call *call, int err, struct h225_output *o)
{
    if (err == 0)
        err = h225_transmit(call, o);
    if (err != 0)
        fail(call, H225_REASON_GATEWAY_RESOURCES);
}

/* The first message of a call to us. Whatever is wrong with it the caller gets a
 * ReleaseComplete. */
static void do_setup(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_setup setup;

    /* The caller's number, with our flag from now on. */
    call->call_ref = in->msg->call_ref;
    /* Without a Setup there is nothing that could be accepted. */
    if (in->pdu == NULL ||
        in->pdu->h323_message_body.kind != h225_H323_UU_PDU_h323_message_body_setup ||
        h225_read_setup(&call->in, in->msg, in->pdu, &setup) != 0) {
        call->stats.undecodable++;
        fail(call, H225_REASON_PROTOCOL_ERROR);
        return;
    }
    memcpy(call->call_id, setup.call_id, H225_GUID_LEN);
    memcpy(call->conference_id, setup.conference_id, H225_GUID_LEN);
    /* Before the user looks: he may answer from within on_setup. */
    h225_tunnel_learn(call, in->pdu);
    set_timer(call, call->config.answer_timeout_ms);
    H225_CALL(call, on_setup, &setup);
    /* After on_setup: H.245 needs its session. */
    h225_tunnel_deliver(call, in->pdu);
}

/* A caller that has not heard our answer yet. */
static void do_setup_again(void *machine, const void *input)
{
    (void)input;
    ((struct h225_call *)machine)->stats.repeated++;
}

static void do_proceeding(void *machine, const void *input)
{
    struct h225_call *call = machine;
    struct h225_output o;

    (void)input;
    send_or_fail(call, h225_build_proceeding(call, &o), &o);
}

static void do_alerting(void *machine, const void *input)
{
    struct h225_call *call = machine;
    struct h225_output o;

    (void)input;
    send_or_fail(call, h225_build_alerting(call, &o), &o);
}

static void do_connect(void *machine, const void *input)
{
    struct h225_call *call = machine;
    struct h225_output o;

    stop_timer(call);
    send_or_fail(call, h225_build_connect(call, input, &o), &o);
}

/* ---- caller ---- */

/* The first message of a call of ours. */
static void do_start(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_outgoing *outgoing = input;
    struct h225_output o;
    int err;

    call->is_caller = true;
    memcpy(call->call_id, outgoing->call_id, H225_GUID_LEN);
    memcpy(call->conference_id, outgoing->conference_id, H225_GUID_LEN);
    /* T303 from the moment of the Setup. */
    set_timer(call, call->config.setup_timeout_ms);
    err = h225_build_setup(call, outgoing, &o);
    if (err == 0)
        err = h225_transmit(call, &o);
    if (err != 0) { /* an alias that cannot be written: the user is told by h225_call_start */
        call->state = H225_STATE_NULL;
        stop_timer(call);
    }
}

/* False: the message is no answer at all; the call stays as it was. */
static bool answered(struct h225_call *call, const struct h225_input *in,
                     struct h225_answer *answer)
{
    /* The first answer says whether the callee tunnels. */
    h225_tunnel_learn(call, in->pdu);
    if (h225_read_answer(&call->in, in, answer) != 0) {
        call->stats.undecodable++;
        return false;
    }
    answer->tunnelling = call->tunnel == H225_TUNNEL_ON;
    return true;
}

static void do_call_proceeds(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_answer answer;

    set_timer(call, call->config.proceeding_timeout_ms);
    if (answered(call, in, &answer))
        H225_CALL(call, on_proceeding, &answer);
    h225_tunnel_deliver(call, in->pdu);
}

/* A gatekeeper may have answered before the callee did, and gateways send tones with a Progress
 * after Alerting: what the first answer had not, an H.245 address or channels of fast connect,
 * counts when it comes. */
static void do_answers_again(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_answer answer;

    if (in->pdu != NULL && answered(call, in, &answer) &&
        /* Only what is new: a second "proceeding" would be told twice. */
        (answer.fast_start_count > 0 || answer.fast_connect_refused ||
         answer.h245_address.family != ADDR_NONE))
        H225_CALL(call, on_proceeding, &answer);
    h225_tunnel_deliver(call, in->pdu);
}

/* Progress says that the call lives: the timer that waits for the next answer starts anew. */
static void do_progress(void *machine, const void *input)
{
    struct h225_call *call = machine;

    /* Q.931 5.1.4: Progress before Alerting restarts T310. */
    if (call->state == H225_STATE_INITIATED || call->state == H225_STATE_OUT_PROCEEDING) {
        do_call_proceeds(machine, input);
        return;
    }
    do_answers_again(machine, input);
}

static void do_call_alerts(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_answer answer;

    set_timer(call, call->config.alerting_timeout_ms);
    if (answered(call, in, &answer))
        H225_CALL(call, on_alerting, &answer);
    h225_tunnel_deliver(call, in->pdu);
}

static void do_call_connects(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_answer answer;

    stop_timer(call);
    if (in->pdu == NULL || !answered(call, in, &answer)) {
        fail(call, H225_REASON_PROTOCOL_ERROR); /* a call without H.245 address or identifiers */
        return;
    }
    if (call->tunnel == H225_TUNNEL_UNKNOWN) /* never said: no */
        call->tunnel = H225_TUNNEL_OFF;
    H225_CALL(call, on_connect, &answer);
    h225_tunnel_deliver(call, in->pdu);
}

/* ---- both ---- */

static void do_information(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    char digits[33];
    size_t n = 0;

    /* IA5 characters; the rest is no key. */
    for (size_t i = 0; in->msg->keypad.data != NULL && i < in->msg->keypad.len; i++)
        if (n + 1 < sizeof(digits) && in->msg->keypad.data[i] > 0x20 &&
            in->msg->keypad.data[i] < 0x7f)
            digits[n++] = (char)in->msg->keypad.data[i];
    digits[n] = '\0';
    if (n > 0)
        H225_CALL(call, on_keypad, digits);
    h225_tunnel_deliver(call, in->pdu);
}

static void do_carrier(void *machine, const void *input)
{
    h225_tunnel_deliver(machine, ((const struct h225_input *)input)->pdu);
}

void h225_call_send_status(struct h225_call *call, unsigned cause)
{
    struct h225_output o;

    arena_reset(&call->out);
    if (h225_build_status(call, cause, &o) == 0)
        h225_transmit(call, &o);
}

static void do_status_inquiry(void *machine, const void *input)
{
    (void)input;
    h225_call_send_status(machine, Q931_CAUSE_STATUS_RESPONSE);
}

/* Q.931 §5.8.11: a peer in the null state has no such call; any other state is news at most. */
static void do_status(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_release release = local_release(H225_REASON_PROTOCOL_ERROR);

    if (in->msg->call_state.data != NULL && in->msg->call_state.len > 0 &&
        /* Two bits of coding standard stand above the state. */
        (in->msg->call_state.data[0] & 0x3f) == 0) {
        release.by_peer = true;
        release.text = "peer does not know the call";
        released(call, &release);
        return;
    }
    h225_tunnel_deliver(call, in->pdu);
}

#define S(name) H225_STATE_##name

/* What every state of a living call takes. A row for each in every living state: a call can end at
 * any time. */
#define COMMON_ROWS(state)                                                                         \
    {state, H225_ON_RELEASE_COMPLETE, S(RELEASED), do_peer_released, "on_released"},               \
        {state, H225_ON_FACILITY, state, h225_do_facility,                                         \
         "startH245: on_start_h245; forwardedElements: on_proceeding; others: on_facility; "       \
         "tunnelled H.245"},                                                                       \
        {state, H225_ON_INFORMATION, state, do_information, "Keypad: on_keypad; tunnelled H.245"}, \
        {state, H225_ON_NOTIFY, state, do_carrier, "tunnelled H.245"},                             \
        {state, H225_ON_STATUS, FSM_DECIDES, do_status, "call state null: released, on_released"}, \
        {state, H225_ON_STATUS_INQUIRY, state, do_status_inquiry, "send Status"},                  \
        {state, H225_ON_LOST, S(RELEASED), do_lost, "on_released"},                                \
    {                                                                                              \
        state, H225_DO_RELEASE, S(RELEASING), do_release,                                          \
            "send ReleaseComplete, wait for the peer's or not: on_released"                        \
    }

static const struct fsm_row rows[] = {
    {S(NULL), H225_DO_START, S(INITIATED), do_start, "send Setup, start T303"},
    {S(NULL), H225_ON_SETUP, S(PRESENT), do_setup,
     "on_setup, start the answer timer; unreadable: ReleaseComplete, on_released"},
    {S(NULL), H225_DO_RELEASE, S(RELEASED), do_release_unused, "on_released"},
    {S(NULL), H225_ON_LOST, S(RELEASED), do_lost, "on_released"},

    {S(INITIATED), H225_ON_SETUP_ACK, S(INITIATED), do_carrier,
     "no overlap sending here: nothing to add"},
    {S(INITIATED), H225_ON_PROCEEDING, S(OUT_PROCEEDING), do_call_proceeds,
     "on_proceeding, start T310"},
    {S(INITIATED), H225_ON_PROGRESS, S(INITIATED), do_progress, "on_proceeding, start T310"},
    {S(INITIATED), H225_ON_ALERTING, S(DELIVERED), do_call_alerts, "on_alerting, start T301"},
    {S(INITIATED), H225_ON_CONNECT, S(ACTIVE), do_call_connects, "on_connect"},
    {S(INITIATED), H225_ON_TIMER, S(RELEASED), do_recover,
     "T303: ReleaseComplete(102), on_released"},
    COMMON_ROWS(S(INITIATED)),

    {S(OUT_PROCEEDING), H225_ON_PROCEEDING, S(OUT_PROCEEDING), do_answers_again,
     "the callee's, behind a gatekeeper's: on_proceeding"},
    {S(OUT_PROCEEDING), H225_ON_PROGRESS, S(OUT_PROCEEDING), do_progress,
     "on_proceeding, start T310"},
    {S(OUT_PROCEEDING), H225_ON_ALERTING, S(DELIVERED), do_call_alerts, "on_alerting, start T301"},
    {S(OUT_PROCEEDING), H225_ON_CONNECT, S(ACTIVE), do_call_connects, "on_connect"},
    {S(OUT_PROCEEDING), H225_ON_TIMER, S(RELEASED), do_recover,
     "T310: ReleaseComplete(102), on_released"},
    COMMON_ROWS(S(OUT_PROCEEDING)),

    {S(DELIVERED), H225_ON_PROCEEDING, S(DELIVERED), do_answers_again,
     "late, repeated by a gatekeeper: on_proceeding"},
    {S(DELIVERED), H225_ON_PROGRESS, S(DELIVERED), do_progress,
     "fast connect's answer, H.245 address: on_proceeding"},
    {S(DELIVERED), H225_ON_ALERTING, S(DELIVERED), do_answers_again,
     "repeated by a gatekeeper: on_proceeding"},
    {S(DELIVERED), H225_ON_CONNECT, S(ACTIVE), do_call_connects, "on_connect"},
    {S(DELIVERED), H225_ON_TIMER, S(RELEASED), do_no_answer,
     "T301: ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(DELIVERED)),

    {S(PRESENT), H225_ON_SETUP, S(PRESENT), do_setup_again, "ignored (Q.931 5.8.3.2 f)"},
    {S(PRESENT), H225_DO_PROCEEDING, S(IN_PROCEEDING), do_proceeding, "send CallProceeding"},
    {S(PRESENT), H225_DO_ALERTING, S(RECEIVED), do_alerting, "send Alerting"},
    {S(PRESENT), H225_DO_CONNECT, S(ACTIVE), do_connect, "send Connect"},
    {S(PRESENT), H225_ON_TIMER, S(RELEASED), do_no_answer, "ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(PRESENT)),

    {S(IN_PROCEEDING), H225_ON_SETUP, S(IN_PROCEEDING), do_setup_again,
     "ignored (Q.931 5.8.3.2 f)"},
    {S(IN_PROCEEDING), H225_DO_ALERTING, S(RECEIVED), do_alerting, "send Alerting"},
    {S(IN_PROCEEDING), H225_DO_CONNECT, S(ACTIVE), do_connect, "send Connect"},
    {S(IN_PROCEEDING), H225_ON_TIMER, S(RELEASED), do_no_answer,
     "ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(IN_PROCEEDING)),

    {S(RECEIVED), H225_ON_SETUP, S(RECEIVED), do_setup_again, "ignored (Q.931 5.8.3.2 f)"},
    {S(RECEIVED), H225_DO_CONNECT, S(ACTIVE), do_connect, "send Connect"},
    {S(RECEIVED), H225_ON_TIMER, S(RELEASED), do_no_answer, "ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(RECEIVED)),

    {S(ACTIVE), H225_ON_SETUP, S(ACTIVE), do_setup_again, "ignored (Q.931 5.8.3.2 f)"},
    {S(ACTIVE), H225_ON_PROGRESS, S(ACTIVE), do_progress, "tunnelled H.245"},
    COMMON_ROWS(S(ACTIVE)),

    /* The peer's may cross ours: both mean the end. */
    {S(RELEASING), H225_ON_RELEASE_COMPLETE, S(RELEASED), do_both_released, "on_released"},
    {S(RELEASING), H225_ON_TIMER, S(RELEASED), do_both_released, "on_released"},
    {S(RELEASING), H225_ON_LOST, S(RELEASED), do_both_released, "on_released"},
};

static const char *const state_names[] = {
#define STATE_NAME(name, number, text) [name] = text,
    H225_STATE_LIST(STATE_NAME)
#undef STATE_NAME
};
static const char *const event_names[H225_EVENT_COUNT] = {
    [H225_ON_SETUP] = "Setup",
    [H225_ON_SETUP_ACK] = "SetupAcknowledge",
    [H225_ON_PROCEEDING] = "CallProceeding",
    [H225_ON_PROGRESS] = "Progress",
    [H225_ON_ALERTING] = "Alerting",
    [H225_ON_CONNECT] = "Connect",
    [H225_ON_RELEASE_COMPLETE] = "ReleaseComplete",
    [H225_ON_FACILITY] = "Facility",
    [H225_ON_INFORMATION] = "Information",
    [H225_ON_NOTIFY] = "Notify",
    [H225_ON_STATUS] = "Status",
    [H225_ON_STATUS_INQUIRY] = "StatusInquiry",
    [H225_DO_START] = "user: start",
    [H225_DO_PROCEEDING] = "user: proceeding",
    [H225_DO_ALERTING] = "user: alerting",
    [H225_DO_CONNECT] = "user: connect",
    [H225_DO_RELEASE] = "user: release",
    [H225_ON_TIMER] = "timer expires",
    [H225_ON_LOST] = "connection lost",
};
const struct fsm h225_call_fsm = {
    "Call signalling", "Q.931 5, H.225.0 7",   state_names, FSM_COUNT(state_names),
    event_names,       FSM_COUNT(event_names), rows,        FSM_COUNT(rows)};

int h225_call_run(struct h225_call *call, enum h225_event event, const void *input)
{
    return fsm_run(&h225_call_fsm, &call->state, event, call, input);
}
