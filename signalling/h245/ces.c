/* Capability exchange, H.245 C.3: ours out, the peer's in; both run side by side. */
#include "signalling/h245/internal.h"

/* Two machines: ours may be under way while the peer's arrives. */
enum { IDLE, AWAITING };
enum { TRANSFER, ACK, REJECT, T101, NOT_SUPPORTED };
enum { IN_TCS, IN_RELEASE };

static void do_transfer(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_terminalCapabilitySet,
                                    .u.terminalCapabilitySet = (void *)(uintptr_t)input};

    /* Before the send: an error of it ends the exchange by the timer as well. */
    e->ces.deadline = h245_after(e, e->config.ces_timeout_ms);
    h245_emit_request(e, &m);
}

static void do_acked(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    e->ces.deadline = H245_NEVER;
    H245_CALL(e, on_capabilities_acked);
    /* Ready needs both sets and the roles (h245_check_ready). */
    e->ready.our_set = true;
    h245_check_ready(e);
}

static void do_rejected(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    e->ces.deadline = H245_NEVER;
    /* No timer: what follows is the user's decision. */
    H245_CALL(e, on_capabilities_rejected);
}

static void do_timeout(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    struct h245_TerminalCapabilitySetRelease release = {0};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_terminalCapabilitySetRelease,
                                       .u.terminalCapabilitySetRelease = &release};

    (void)input;
    /* Release: an answer that comes later is not meant for the next set. */
    h245_emit_indication(e, &m);
    h245_fail(e, H245_PROC_CES_OUT, H245_ERROR_TIMEOUT, 0);
}

static void do_not_supported(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    e->ces.deadline = H245_NEVER;
    h245_fail(e, H245_PROC_CES_OUT, H245_ERROR_REFUSED, 0);
}

static const char *const states[] = {"idle", "awaiting response"};
static const char *const events[] = {
    "TRANSFER.request", "TerminalCapabilitySetAck", "TerminalCapabilitySetReject",
    "T101 expires",     "FunctionNotSupported",
};
/* Answers with another sequence number belong to an earlier set and never come here. */
static const struct fsm_row rows[] = {
    {IDLE, TRANSFER, AWAITING, do_transfer, "send TerminalCapabilitySet, start T101"},
    {AWAITING, ACK, IDLE, do_acked, "TRANSFER.confirm"},
    {AWAITING, REJECT, IDLE, do_rejected, "REJECT.indication"},
    {AWAITING, T101, IDLE, do_timeout, "send Release, REJECT.indication"},
    {AWAITING, NOT_SUPPORTED, IDLE, do_not_supported, "ERROR.indication"},
};
const struct fsm h245_ces_out_fsm = {"Capability exchange, outgoing",
                                     "H.245 C.3",
                                     states,
                                     FSM_COUNT(states),
                                     events,
                                     FSM_COUNT(events),
                                     rows,
                                     FSM_COUNT(rows)};

static void send_ack(struct h245_engine *e, uint8_t sequence)
{
    struct h245_TerminalCapabilitySetAck ack = {.sequenceNumber = sequence};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_terminalCapabilitySetAck,
                                     .u.terminalCapabilitySetAck = &ack};

    h245_emit_response(e, &m);
}

static void send_reject(struct h245_engine *e, uint8_t sequence, enum h245_tcs_answer why)
{
    struct h245_TerminalCapabilitySetReject_cause_tableEntryCapacityExceeded none = {
        .kind = h245_TerminalCapabilitySetReject_cause_tableEntryCapacityExceeded_noneProcessed};
    struct h245_TerminalCapabilitySetReject reject = {.sequenceNumber = sequence};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_terminalCapabilitySetReject,
                                     .u.terminalCapabilitySetReject = &reject};

    /* "Unspecified" for what has no cause of its own. */
    reject.cause.kind = h245_TerminalCapabilitySetReject_cause_unspecified;
    if (why == H245_TCS_UNDEFINED_ENTRY)
        reject.cause.kind = h245_TerminalCapabilitySetReject_cause_undefinedTableEntryUsed;
    if (why == H245_TCS_DESCRIPTORS_FULL)
        reject.cause.kind = h245_TerminalCapabilitySetReject_cause_descriptorCapacityExceeded;
    if (why == H245_TCS_TABLE_FULL) {
        reject.cause.kind = h245_TerminalCapabilitySetReject_cause_tableEntryCapacityExceeded;
        reject.cause.u.tableEntryCapacityExceeded = &none;
    }
    h245_emit_response(e, &m);
}

/* The user answers within the callback, so the Recommendation's second state is never seen from
 * outside. What the user wants to do next belongs into on_ready: there the answer is out. */
static void do_peer_set(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    const struct h245_TerminalCapabilitySet *tcs = input;
    enum h245_tcs_answer answer = H245_TCS_ACK;

    if (!e->destroyed && e->ops->on_peer_capabilities != NULL)
        /* The answer is the user's: only it knows what it can do with the set. */
        answer = e->ops->on_peer_capabilities(e->arg, tcs);
    if (answer != H245_TCS_ACK) {
        send_reject(e, tcs->sequenceNumber, answer);
        return;
    }
    send_ack(e, tcs->sequenceNumber);
    e->ready.peer_set = true;
    h245_check_ready(e);
}

static const char *const in_states[] = {"idle"};
static const char *const in_events[] = {"TerminalCapabilitySet", "TerminalCapabilitySetRelease"};
static const struct fsm_row in_rows[] = {
    /* One state: the answer leaves before the step is over. */
    {IDLE, IN_TCS, IDLE, do_peer_set,
     "TRANSFER.indication, answered at once: send Ack, or Reject with the cause"},
    {IDLE, IN_RELEASE, IDLE, NULL, "ignored: the set was answered already"},
};
const struct fsm h245_ces_in_fsm = {"Capability exchange, incoming",
                                    "H.245 C.3",
                                    in_states,
                                    FSM_COUNT(in_states),
                                    in_events,
                                    FSM_COUNT(in_events),
                                    in_rows,
                                    FSM_COUNT(in_rows)};

static void receive_in(struct h245_engine *e, unsigned event, const void *body)
{
    uint8_t state = IDLE;

    fsm_run(&h245_ces_in_fsm, &state, event, e, body);
}

void h245_ces_on_request(struct h245_engine *e, const void *body)
{
    receive_in(e, IN_TCS, body);
}

/* What it releases was answered when it came. */
void h245_ces_on_release(struct h245_engine *e, const void *body)
{
    receive_in(e, IN_RELEASE, body);
}

static void receive(struct h245_engine *e, unsigned event, uint8_t sequence, const void *body)
{
    /* Sequence numbers tell sets apart (C.3.1): an answer to an older one changes nothing. */
    if (sequence != e->ces.sequence || !fsm_run(&h245_ces_out_fsm, &e->ces.state, event, e, body))
        h245_unexpected(e);
}

void h245_ces_on_ack(struct h245_engine *e, const void *body)
{
    const struct h245_TerminalCapabilitySetAck *ack = body;

    receive(e, ACK, ack->sequenceNumber, body);
}

void h245_ces_on_reject(struct h245_engine *e, const void *body)
{
    const struct h245_TerminalCapabilitySetReject *reject = body;

    receive(e, REJECT, reject->sequenceNumber, body);
}

bool h245_ces_not_supported(struct h245_engine *e)
{
    return fsm_run(&h245_ces_out_fsm, &e->ces.state, NOT_SUPPORTED, e, NULL) != 0;
}

void h245_ces_on_timer(struct h245_engine *e)
{
    if (e->ces.deadline > e->now)
        return;
    e->ces.deadline = H245_NEVER;
    e->stats.timeouts++;
    fsm_run(&h245_ces_out_fsm, &e->ces.state, T101, e, NULL);
}

int h245_ces_send(struct h245_engine *e, struct h245_TerminalCapabilitySet *tcs, uint64_t now)
{
    /* itu-t recommendation h 245 version(0): the version that our tables were made from. */
    static const uint32_t version[] = {0, 0, 8, 245, 0, H245_VERSION};
    int err = 0;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    /* One set at a time: the second would cross with the first one's answer. */
    if (e->ces.state != IDLE)
        return ERR_STATE;
    h245_enter(e, now);
    /* Eight bits, and they wrap: one is under way at most. */
    tcs->sequenceNumber = ++e->ces.sequence;
    tcs->protocolIdentifier = (struct per_oid){FSM_COUNT(version), version};
    if (!fsm_run(&h245_ces_out_fsm, &e->ces.state, TRANSFER, e, tcs))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}
