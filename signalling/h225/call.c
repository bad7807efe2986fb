#include "signalling/h225/internal.h"

#include <stdlib.h>
#include <string.h>

/* Events of the machine: what the peer sends, what the user wants, what the clock says. */
enum event {
    SETUP,
    SETUP_ACK,
    PROCEEDING,
    PROGRESS,
    ALERTING,
    CONNECT,
    RELEASE_COMPLETE,
    FACILITY,
    INFORMATION,
    NOTIFY,
    STATUS,
    STATUS_INQUIRY,
    DO_START,
    DO_PROCEEDING,
    DO_ALERTING,
    DO_CONNECT,
    DO_RELEASE,
    TIMER,
    LOST,
    EVENT_COUNT
};

static void set_timer(struct h225_call *call, uint32_t ms)
{
    call->deadline = call->now + ms;
}

static void stop_timer(struct h225_call *call)
{
    call->deadline = H225_NEVER;
}

/* ---- release ---- */

static void released(struct h225_call *call, const struct h225_release *release)
{
    struct h225_release told = *release;

    call->state = H225_STATE_RELEASED;
    call->is_over = true;
    stop_timer(call);
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

static void do_peer_released(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_release release = {.by_peer = true, .cause = q931_cause_of(in->msg)};
    const struct h225_ReleaseCompleteReason *reason = NULL;

    if (in->pdu != NULL &&
        in->pdu->h323_message_body.kind == h225_H323_UU_PDU_h323_message_body_releaseComplete)
        reason = in->pdu->h323_message_body.u.releaseComplete->reason;
    if (reason != NULL)
        release.reason = h225_reason_from_asn1(reason);
    else
        release.reason = release.cause == Q931_CAUSE_NONE ? H225_REASON_NORMAL
                                                          : h225_cause_to_reason(release.cause);
    if (release.cause == Q931_CAUSE_NONE)
        release.cause = h225_reason_to_cause(release.reason);
    release.text = q931_cause_to_str(release.cause);
    h225_tunnel_deliver(call, in->pdu); /* endSession rides here */
    released(call, &release);
}

static void do_both_released(void *machine, const void *input)
{
    struct h225_call *call = machine;

    if (input != NULL)
        h225_tunnel_deliver(call, ((const struct h225_input *)input)->pdu);
    released(call, &call->release);
}

static void do_lost(void *machine, const void *input)
{
    struct h225_call *call = machine;
    struct h225_release release = local_release(H225_REASON_ADAPTIVE_BUSY);

    (void)input;
    release.by_peer = true;
    release.text = "connection lost";
    released(call, &release);
}

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

static void do_setup(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_setup setup;

    call->call_ref = in->msg->call_ref;
    if (in->pdu == NULL ||
        in->pdu->h323_message_body.kind != h225_H323_UU_PDU_h323_message_body_setup ||
        h225_read_setup(&call->in, in->msg, in->pdu, &setup) != 0) {
        call->stats.undecodable++;
        fail(call, H225_REASON_PROTOCOL_ERROR);
        return;
    }
    memcpy(call->call_id, setup.call_id, H225_GUID_LEN);
    memcpy(call->conference_id, setup.conference_id, H225_GUID_LEN);
    h225_tunnel_learn(call, in->pdu);
    set_timer(call, call->config.answer_timeout_ms);
    H225_CALL(call, on_setup, &setup);
    h225_tunnel_deliver(call, in->pdu);
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

static void do_start(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_outgoing *outgoing = input;
    struct h225_output o;
    int err;

    call->is_caller = true;
    memcpy(call->call_id, outgoing->call_id, H225_GUID_LEN);
    memcpy(call->conference_id, outgoing->conference_id, H225_GUID_LEN);
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

/* Progress says that the call lives: the timer that waits for the next answer starts anew. */
static void do_progress(void *machine, const void *input)
{
    struct h225_call *call = machine;

    if (call->state == H225_STATE_INITIATED || call->state == H225_STATE_OUT_PROCEEDING) {
        do_call_proceeds(machine, input);
        return;
    }
    h225_tunnel_deliver(call, ((const struct h225_input *)input)->pdu);
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

static void do_facility(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    const struct h225_Facility_UUIE *u;
    struct addr address;

    if (in->pdu == NULL)
        return;
    h225_tunnel_deliver(call, in->pdu);
    if (in->pdu->h323_message_body.kind != h225_H323_UU_PDU_h323_message_body_facility)
        return;
    u = in->pdu->h323_message_body.u.facility;
    address = h225_read_address(u->h245Address);
    if (u->reason.kind == h225_FacilityReason_startH245 && address.family != ADDR_NONE)
        H225_CALL(call, on_start_h245, &address);
}

static void do_information(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    char digits[33];
    size_t n = 0;

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

static void send_status(struct h225_call *call, unsigned cause)
{
    struct h225_output o;

    arena_reset(&call->out);
    if (h225_build_status(call, cause, &o) == 0)
        h225_transmit(call, &o);
}

static void do_status_inquiry(void *machine, const void *input)
{
    (void)input;
    send_status(machine, Q931_CAUSE_STATUS_RESPONSE);
}

/* Q.931 §5.8.11: a peer in the null state has no such call; any other state is news at most. */
static void do_status(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_release release = local_release(H225_REASON_PROTOCOL_ERROR);

    if (in->msg->call_state.data != NULL && in->msg->call_state.len > 0 &&
        (in->msg->call_state.data[0] & 0x3f) == 0) {
        release.by_peer = true;
        release.text = "peer does not know the call";
        released(call, &release);
        return;
    }
    h225_tunnel_deliver(call, in->pdu);
}

#define S(name) H225_STATE_##name

/* What every state of a living call takes. */
#define COMMON_ROWS(state)                                                                  \
    {state, RELEASE_COMPLETE, S(RELEASED), do_peer_released, "on_released"},                \
        {state, FACILITY, state, do_facility, "startH245: on_start_h245; tunnelled H.245"}, \
        {state, INFORMATION, state, do_information, "Keypad: on_keypad; tunnelled H.245"},  \
        {state, NOTIFY, state, do_carrier, "tunnelled H.245"},                              \
        {state, STATUS, FSM_DECIDES, do_status, "call state null: released, on_released"},  \
        {state, STATUS_INQUIRY, state, do_status_inquiry, "send Status"},                   \
        {state, LOST, S(RELEASED), do_lost, "on_released"},                                 \
    {                                                                                       \
        state, DO_RELEASE, S(RELEASING), do_release,                                        \
            "send ReleaseComplete, wait for the peer's or not: on_released"                 \
    }

static const struct fsm_row rows[] = {
    {S(NULL), DO_START, S(INITIATED), do_start, "send Setup, start T303"},
    {S(NULL), SETUP, S(PRESENT), do_setup,
     "on_setup, start the answer timer; unreadable: ReleaseComplete, on_released"},
    {S(NULL), DO_RELEASE, S(RELEASED), do_release_unused, "on_released"},
    {S(NULL), LOST, S(RELEASED), do_lost, "on_released"},

    {S(INITIATED), SETUP_ACK, S(INITIATED), do_carrier, "no overlap sending here: nothing to add"},
    {S(INITIATED), PROCEEDING, S(OUT_PROCEEDING), do_call_proceeds, "on_proceeding, start T310"},
    {S(INITIATED), PROGRESS, S(INITIATED), do_progress, "on_proceeding, start T310"},
    {S(INITIATED), ALERTING, S(DELIVERED), do_call_alerts, "on_alerting, start T301"},
    {S(INITIATED), CONNECT, S(ACTIVE), do_call_connects, "on_connect"},
    {S(INITIATED), TIMER, S(RELEASED), do_recover, "T303: ReleaseComplete(102), on_released"},
    COMMON_ROWS(S(INITIATED)),

    {S(OUT_PROCEEDING), PROCEEDING, S(OUT_PROCEEDING), do_carrier, "repeated by a gatekeeper"},
    {S(OUT_PROCEEDING), PROGRESS, S(OUT_PROCEEDING), do_progress, "on_proceeding, start T310"},
    {S(OUT_PROCEEDING), ALERTING, S(DELIVERED), do_call_alerts, "on_alerting, start T301"},
    {S(OUT_PROCEEDING), CONNECT, S(ACTIVE), do_call_connects, "on_connect"},
    {S(OUT_PROCEEDING), TIMER, S(RELEASED), do_recover, "T310: ReleaseComplete(102), on_released"},
    COMMON_ROWS(S(OUT_PROCEEDING)),

    {S(DELIVERED), PROCEEDING, S(DELIVERED), do_carrier, "late, repeated by a gatekeeper"},
    {S(DELIVERED), PROGRESS, S(DELIVERED), do_progress, "tunnelled H.245"},
    {S(DELIVERED), ALERTING, S(DELIVERED), do_carrier, "repeated by a gatekeeper"},
    {S(DELIVERED), CONNECT, S(ACTIVE), do_call_connects, "on_connect"},
    {S(DELIVERED), TIMER, S(RELEASED), do_no_answer, "T301: ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(DELIVERED)),

    {S(PRESENT), SETUP, S(PRESENT), NULL, "ignored (Q.931 5.8.3.2 f)"},
    {S(PRESENT), DO_PROCEEDING, S(IN_PROCEEDING), do_proceeding, "send CallProceeding"},
    {S(PRESENT), DO_ALERTING, S(RECEIVED), do_alerting, "send Alerting"},
    {S(PRESENT), DO_CONNECT, S(ACTIVE), do_connect, "send Connect"},
    {S(PRESENT), TIMER, S(RELEASED), do_no_answer, "ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(PRESENT)),

    {S(IN_PROCEEDING), SETUP, S(IN_PROCEEDING), NULL, "ignored (Q.931 5.8.3.2 f)"},
    {S(IN_PROCEEDING), DO_ALERTING, S(RECEIVED), do_alerting, "send Alerting"},
    {S(IN_PROCEEDING), DO_CONNECT, S(ACTIVE), do_connect, "send Connect"},
    {S(IN_PROCEEDING), TIMER, S(RELEASED), do_no_answer, "ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(IN_PROCEEDING)),

    {S(RECEIVED), SETUP, S(RECEIVED), NULL, "ignored (Q.931 5.8.3.2 f)"},
    {S(RECEIVED), DO_CONNECT, S(ACTIVE), do_connect, "send Connect"},
    {S(RECEIVED), TIMER, S(RELEASED), do_no_answer, "ReleaseComplete(19), on_released"},
    COMMON_ROWS(S(RECEIVED)),

    {S(ACTIVE), SETUP, S(ACTIVE), NULL, "ignored (Q.931 5.8.3.2 f)"},
    {S(ACTIVE), PROGRESS, S(ACTIVE), do_progress, "tunnelled H.245"},
    COMMON_ROWS(S(ACTIVE)),

    {S(RELEASING), RELEASE_COMPLETE, S(RELEASED), do_both_released, "on_released"},
    {S(RELEASING), TIMER, S(RELEASED), do_both_released, "on_released"},
    {S(RELEASING), LOST, S(RELEASED), do_both_released, "on_released"},
};

static const char *const state_names[] = {
#define STATE_NAME(name, number, text) [name] = text,
    H225_STATE_LIST(STATE_NAME)
#undef STATE_NAME
};
static const char *const event_names[EVENT_COUNT] = {
    [SETUP] = "Setup",
    [SETUP_ACK] = "SetupAcknowledge",
    [PROCEEDING] = "CallProceeding",
    [PROGRESS] = "Progress",
    [ALERTING] = "Alerting",
    [CONNECT] = "Connect",
    [RELEASE_COMPLETE] = "ReleaseComplete",
    [FACILITY] = "Facility",
    [INFORMATION] = "Information",
    [NOTIFY] = "Notify",
    [STATUS] = "Status",
    [STATUS_INQUIRY] = "StatusInquiry",
    [DO_START] = "user: start",
    [DO_PROCEEDING] = "user: proceeding",
    [DO_ALERTING] = "user: alerting",
    [DO_CONNECT] = "user: connect",
    [DO_RELEASE] = "user: release",
    [TIMER] = "timer expires",
    [LOST] = "connection lost",
};
const struct fsm h225_call_fsm = {
    "Call signalling", "Q.931 5, H.225.0 7",   state_names, FSM_COUNT(state_names),
    event_names,       FSM_COUNT(event_names), rows,        FSM_COUNT(rows)};

static int run(struct h225_call *call, enum event event, const void *input)
{
    return fsm_run(&h225_call_fsm, &call->state, event, call, input);
}

static void enter(struct h225_call *call, uint64_t now)
{
    call->depth++;
    call->now = now;
}

static void call_free(struct h225_call *call)
{
    h225_tunnel_fini(call);
    arena_fini(&call->in);
    arena_fini(&call->out);
    free(call);
}

static void leave(struct h225_call *call)
{
    if (--call->depth == 0 && call->destroyed)
        call_free(call);
}

/* ---- input ---- */

static const struct type_row {
    uint8_t type;
    enum event event;
} types[] = {
    {Q931_SETUP, SETUP},
    {Q931_SETUP_ACK, SETUP_ACK},
    {Q931_CALL_PROCEEDING, PROCEEDING},
    {Q931_PROGRESS, PROGRESS},
    {Q931_ALERTING, ALERTING},
    {Q931_CONNECT, CONNECT},
    {Q931_RELEASE_COMPLETE, RELEASE_COMPLETE},
    {Q931_FACILITY, FACILITY},
    {Q931_INFORMATION, INFORMATION},
    {Q931_NOTIFY, NOTIFY},
    {Q931_STATUS, STATUS},
    {Q931_STATUS_INQUIRY, STATUS_INQUIRY},
};

static enum event event_of(uint8_t type)
{
    for (unsigned i = 0; i < FSM_COUNT(types); i++)
        if (types[i].type == type)
            return types[i].event;
    return EVENT_COUNT;
}

static bool is_alive(const struct h225_call *call)
{
    return call->state != H225_STATE_NULL && call->state != H225_STATE_RELEASING &&
           call->state != H225_STATE_RELEASED;
}

/* The User-user part. A message that has none, or a broken one, still counts as a Q.931 message:
 * a ReleaseComplete releases whatever its contents. */
static int decode_uuie(struct h225_call *call, const struct q931_msg *msg,
                       const struct h225_H323_UU_PDU **pdu)
{
    struct per_limits limits = {.max_memory = call->config.memory_limit};
    void *info = NULL;
    int err;

    *pdu = NULL;
    if (msg->user_user.data == NULL)
        return 0;
    err = per_decode(&h225_H323_UserInformation_type, msg->user_user.data, msg->user_user.len,
                     &limits, &call->in, &info, NULL);
    if (err == 0)
        *pdu = &((const struct h225_H323_UserInformation *)info)->h323_uu_pdu;
    return err;
}

static void refuse(struct h225_call *call, unsigned cause, uint8_t type)
{
    if (is_alive(call) && type != Q931_STATUS)
        send_status(call, cause);
}

/* Another call's reference, or our own flag come back: whoever routed it here was wrong. */
static bool is_foreign(const struct h225_call *call, const struct q931_msg *msg)
{
    if (call->state == H225_STATE_NULL)
        return msg->from_destination;
    return msg->call_ref != call->call_ref || msg->from_destination != call->is_caller;
}

static int dispatch(struct h225_call *call, const struct q931_msg *msg)
{
    struct h225_input in = {.msg = msg};
    enum event event = event_of(msg->type);
    int err;

    call->stats.elements_skipped += msg->elements_skipped;
    if (event == EVENT_COUNT) {
        call->stats.unknown++;
        refuse(call, Q931_CAUSE_TYPE_UNKNOWN, msg->type);
        return ERR_UNSUPPORTED;
    }
    if (is_foreign(call, msg)) {
        call->stats.unexpected++;
        return ERR_NOTFOUND;
    }
    err = decode_uuie(call, msg, &in.pdu);
    if (err != 0 && event != SETUP && event != RELEASE_COMPLETE && event != CONNECT) {
        call->stats.undecodable++;
        refuse(call, Q931_CAUSE_INVALID_CONTENTS, msg->type);
        return err;
    }
    if (!run(call, event, &in)) {
        call->stats.unexpected++;
        refuse(call, Q931_CAUSE_WRONG_STATE, msg->type);
        return ERR_STATE;
    }
    return err;
}

int h225_call_input(struct h225_call *call, const uint8_t *message, size_t len, uint64_t now)
{
    struct q931_msg msg;
    int err;

    if (call->in_input)
        return ERR_STATE;
    enter(call, now);
    call->in_input = true;
    call->stats.messages_in++;
    arena_reset(&call->in);
    err = q931_decode(message, len, &msg);
    if (err != 0)
        call->stats.undecodable++;
    else
        err = dispatch(call, &msg);
    call->in_input = false;
    if (!call->destroyed)
        h225_tunnel_flush(call);
    leave(call);
    return err;
}

int h225_call_peek(const uint8_t *message, size_t len, uint16_t *call_ref, bool *from_destination,
                   uint8_t *type)
{
    struct q931_msg msg;
    int err = q931_decode(message, len, &msg);

    if (err != 0)
        return err;
    *call_ref = msg.call_ref;
    *from_destination = msg.from_destination;
    *type = msg.type;
    return 0;
}

/* ---- actions ---- */

static int act(struct h225_call *call, enum event event, const void *input, uint64_t now)
{
    int err = 0;

    enter(call, now);
    arena_reset(&call->out);
    if (!run(call, event, input))
        err = ERR_STATE;
    else if (!call->destroyed)
        h225_tunnel_flush(call);
    leave(call);
    return err;
}

int h225_call_start(struct h225_call *call, const struct h225_outgoing *outgoing, uint64_t now)
{
    int err;

    if (call->call_ref == 0 || call->call_ref > 0x7fff)
        return ERR_INVAL;
    err = act(call, DO_START, outgoing, now);
    return err == 0 && call->state == H225_STATE_NULL ? ERR_INVAL : err;
}

int h225_call_proceeding(struct h225_call *call, uint64_t now)
{
    return act(call, DO_PROCEEDING, NULL, now);
}

int h225_call_alerting(struct h225_call *call, uint64_t now)
{
    return act(call, DO_ALERTING, NULL, now);
}

int h225_call_connect(struct h225_call *call, const struct addr *h245_address, uint64_t now)
{
    return act(call, DO_CONNECT, h245_address, now);
}

int h225_call_release(struct h225_call *call, enum h225_reason reason, uint64_t now)
{
    if (reason >= H225_REASON_COUNT)
        return ERR_INVAL;
    return act(call, DO_RELEASE, &reason, now);
}

void h225_call_lost(struct h225_call *call, uint64_t now)
{
    act(call, LOST, NULL, now);
}

int h225_call_start_h245(struct h225_call *call, const struct addr *h245_address, uint64_t now)
{
    struct h225_output o;
    int err;

    if (!is_alive(call))
        return ERR_STATE;
    enter(call, now);
    arena_reset(&call->out);
    err = h225_build_start_h245(call, h245_address, &o);
    if (err == 0)
        err = h225_transmit(call, &o);
    leave(call);
    return err;
}

int h225_call_send_keypad(struct h225_call *call, const char *digits, uint64_t now)
{
    struct h225_output o;
    int err;

    if (!is_alive(call))
        return ERR_STATE;
    if (digits[0] == '\0' || strlen(digits) > 32)
        return ERR_RANGE;
    enter(call, now);
    arena_reset(&call->out);
    err = h225_build_keypad(call, digits, &o);
    if (err == 0)
        err = h225_transmit(call, &o);
    leave(call);
    return err;
}

uint64_t h225_call_next_deadline(const struct h225_call *call)
{
    return call->deadline;
}

void h225_call_on_timer(struct h225_call *call, uint64_t now)
{
    if (call->deadline > now)
        return;
    stop_timer(call);
    act(call, TIMER, NULL, now);
}

/* ---- life ---- */

static void copy_text(char *to, size_t cap, const char *from, const char *standard)
{
    size_t len;

    if (from == NULL)
        from = standard;
    len = strnlen(from, cap - 1);
    memcpy(to, from, len);
    to[len] = '\0';
}

static void set_default(uint32_t *value, uint32_t standard)
{
    if (*value == 0)
        *value = standard;
}

static void configure(struct h225_call *call, const struct h225_call_config *config)
{
    call->config = *config;
    copy_text(call->product, sizeof(call->product), config->product, "Sluice");
    copy_text(call->version, sizeof(call->version), config->version, SLUICE_VERSION);
    copy_text(call->display, sizeof(call->display), config->display, "");
    call->config.product = call->product;
    call->config.version = call->version;
    call->config.display = call->display;
    set_default(&call->config.setup_timeout_ms, 4000);
    set_default(&call->config.proceeding_timeout_ms, 10000);
    set_default(&call->config.alerting_timeout_ms, 180000);
    set_default(&call->config.answer_timeout_ms, 180000);
    if (call->config.memory_limit == 0)
        call->config.memory_limit = 262144;
    if (call->config.tunnel_queue_max == 0)
        call->config.tunnel_queue_max = 32;
    call->tunnel = config->tunnelling ? H225_TUNNEL_UNKNOWN : H225_TUNNEL_OFF;
}

struct h225_call *h225_call_create(const struct h225_call_config *config,
                                   const struct h225_call_ops *ops, void *arg, uint16_t call_ref)
{
    struct h225_call *call;

    if (ops->send == NULL)
        return NULL;
    call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    configure(call, config);
    call->ops = ops;
    call->arg = arg;
    call->call_ref = call_ref;
    call->deadline = H225_NEVER;
    arena_init(&call->in, 4096, call->config.memory_limit);
    arena_init(&call->out, 4096, 0);
    call->queue = calloc(call->config.tunnel_queue_max, sizeof(*call->queue));
    if (call->queue == NULL) {
        call_free(call);
        return NULL;
    }
    return call;
}

void h225_call_destroy(struct h225_call *call)
{
    if (call == NULL || call->destroyed)
        return;
    if (call->depth == 0)
        call_free(call);
    else
        call->destroyed = true;
}

enum h225_state h225_call_state(const struct h225_call *call)
{
    return (enum h225_state)call->state;
}

bool h225_call_is_caller(const struct h225_call *call)
{
    return call->is_caller;
}

uint16_t h225_call_ref(const struct h225_call *call)
{
    return call->call_ref;
}

const struct h225_call_stats *h225_call_stats(const struct h225_call *call)
{
    return &call->stats;
}
