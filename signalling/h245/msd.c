/* Master-slave determination, H.245 C.2. */
#include "signalling/h245/internal.h"

enum { IDLE, OUTGOING, INCOMING };
enum { DETERMINE, MSD, ACK, REJECT, RELEASE, T106, NOT_SUPPORTED };

#define NUMBER_MASK 0xffffffu
#define NUMBER_HALF 0x800000u

enum outcome { SLAVE, MASTER, UNDECIDED };

/* C.2.3.2: the larger terminal type is master; of equal ones the number decides modulo 2^24. */
static enum outcome outcome_of(const struct h245_engine *e,
                               const struct h245_MasterSlaveDetermination *peer)
{
    /* By the difference and not by the greater number: nobody gains by sending the largest. */
    uint32_t diff = (peer->statusDeterminationNumber - e->msd.number) & NUMBER_MASK;

    if (e->config.terminal_type != peer->terminalType)
        return e->config.terminal_type > peer->terminalType ? MASTER : SLAVE;
    if (diff == 0 || diff == NUMBER_HALF)
        return UNDECIDED;
    return diff < NUMBER_HALF ? MASTER : SLAVE;
}

/* A new one for each try: the same two numbers would be undecided for ever. */
static void new_number(struct h245_engine *e)
{
    e->msd.number = e->config.random(e->arg) & NUMBER_MASK;
}

static void send_msd(struct h245_engine *e)
{
    struct h245_MasterSlaveDetermination msd = {.terminalType = e->config.terminal_type,
                                                .statusDeterminationNumber = e->msd.number};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_masterSlaveDetermination,
                                    .u.masterSlaveDetermination = &msd};

    /* T106 runs for the whole of a try. */
    e->msd.deadline = h245_after(e, e->config.msd_timeout_ms);
    /* Sent before the state changes: a failing encoder is told by on_failed. */
    h245_emit_request(e, &m);
}

/* `decision` in the Ack is the role of the one that receives it. */
static void send_ack(struct h245_engine *e, bool we_are_master)
{
    struct h245_MasterSlaveDeterminationAck ack = {
        .decision.kind = we_are_master ? h245_MasterSlaveDeterminationAck_decision_slave
                                       : h245_MasterSlaveDeterminationAck_decision_master};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_masterSlaveDeterminationAck,
                                     .u.masterSlaveDeterminationAck = &ack};

    h245_emit_response(e, &m);
}

static void send_reject(struct h245_engine *e)
{
    struct h245_MasterSlaveDeterminationReject reject = {
        .cause.kind = h245_MasterSlaveDeterminationReject_cause_identicalNumbers};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_masterSlaveDeterminationReject,
                                     .u.masterSlaveDeterminationReject = &reject};

    h245_emit_response(e, &m);
}

static void finish(struct h245_engine *e, bool is_master)
{
    /* IDLE before the callbacks: the user may begin another procedure at once. */
    e->msd.state = IDLE;
    e->msd.deadline = H245_NEVER;
    e->msd.is_done = true;
    e->msd.is_master = is_master;
    /* Round trips begin when the session has begun. */
    h245_rtd_session_up(e);
    H245_CALL(e, on_msd_done, is_master);
    h245_check_ready(e);
}

static void fail(struct h245_engine *e, enum h245_error error)
{
    e->msd.state = IDLE;
    e->msd.deadline = H245_NEVER;
    /* The user decides whether a call without roles is of use. */
    h245_fail(e, H245_PROC_MSD, error, 0);
}

/* Our view is settled; the peer's Ack has to agree with it. */
static void settle(struct h245_engine *e, const struct h245_MasterSlaveDetermination *peer,
                   enum outcome outcome)
{
    e->msd.state = INCOMING;
    /* Kept, to know a repetition from a change. */
    e->msd.peer_number = peer->statusDeterminationNumber;
    e->msd.pending_master = outcome == MASTER;
    e->msd.deadline = h245_after(e, e->config.msd_timeout_ms);
    send_ack(e, e->msd.pending_master);
}

static void do_determine(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    /* N100 counts tries, and this is the first. */
    e->msd.count = 1;
    new_number(e);
    send_msd(e);
}

static void do_peer_starts(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    enum outcome outcome;

    new_number(e);
    outcome = outcome_of(e, input);
    if (outcome == UNDECIDED)
        send_reject(e); /* stays idle: the peer tries again with another number */
    else
        settle(e, input, outcome);
}

static void do_retry(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    /* N100 of C.2: two random numbers meet so often only if somebody does not choose at random. */
    if (e->msd.count >= e->config.msd_retries) {
        fail(e, H245_ERROR_RETRIES);
        return;
    }
    e->msd.count++;
    new_number(e);
    send_msd(e);
}

static void do_cross(void *machine, const void *input)
{
    /* Both have begun: each computes the same result from the two numbers. */
    enum outcome outcome = outcome_of(machine, input);

    if (outcome == UNDECIDED)
        do_retry(machine, input);
    else
        settle(machine, input, outcome);
}

static bool says_master(const struct h245_MasterSlaveDeterminationAck *ack)
{
    return ack->decision.kind == h245_MasterSlaveDeterminationAck_decision_master;
}

/* The peer has decided and has told us; our Ack tells that we agree. */
static void do_answered(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    bool is_master = says_master(input);

    send_ack(e, is_master);
    finish(e, is_master);
}

static void do_confirmed(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    /* Both sides compute it: with different results one of them is wrong, and nobody can say
     * which. */
    if (says_master(input) == e->msd.pending_master)
        finish(e, e->msd.pending_master);
    else
        fail(e, H245_ERROR_INCONSISTENT);
}

/* The same request once more is a repetition and gets the same Ack; another number means that
 * the two sides are out of step. */
static void do_again(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    const struct h245_MasterSlaveDetermination *peer = input;

    if (peer->statusDeterminationNumber == e->msd.peer_number)
        send_ack(e, e->msd.pending_master);
    else
        fail(e, H245_ERROR_UNEXPECTED);
}

static void do_inconsistent(void *machine, const void *input)
{
    (void)input;
    fail(machine, H245_ERROR_INCONSISTENT);
}

/* The peer has given up: our answer did not reach it in time. */
static void do_released(void *machine, const void *input)
{
    (void)input;
    fail(machine, H245_ERROR_REMOTE_TIMEOUT);
}

static void do_timeout_out(void *machine, const void *input)
{
    struct h245_MasterSlaveDeterminationRelease release = {0};
    struct h245_IndicationMessage m = {.kind =
                                           h245_IndicationMessage_masterSlaveDeterminationRelease,
                                       .u.masterSlaveDeterminationRelease = &release};

    (void)input;
    /* Release tells the peer that its late answer is void. */
    h245_emit_indication(machine, &m);
    fail(machine, H245_ERROR_TIMEOUT);
}

static void do_timeout_in(void *machine, const void *input)
{
    (void)input;
    fail(machine, H245_ERROR_TIMEOUT);
}

static void do_not_supported(void *machine, const void *input)
{
    (void)input;
    fail(machine, H245_ERROR_REFUSED);
}

static const char *const states[] = {"idle", "outgoing awaiting response",
                                     "incoming awaiting response"};
static const char *const events[] = {
    "DETERMINE.request",
    "MasterSlaveDetermination",
    "MasterSlaveDeterminationAck",
    "MasterSlaveDeterminationReject",
    "MasterSlaveDeterminationRelease",
    "T106 expires",
    "FunctionNotSupported",
};
static const struct fsm_row rows[] = {
    {IDLE, DETERMINE, OUTGOING, do_determine, "send MasterSlaveDetermination, start T106"},
    /* A peer may begin before we do. */
    {IDLE, MSD, FSM_DECIDES, do_peer_starts,
     "decided: send Ack, start T106, incoming awaiting response; identical: send Reject, idle"},
    {OUTGOING, MSD, FSM_DECIDES, do_cross,
     "decided: send Ack, start T106, incoming awaiting response; identical: as Reject"},
    /* The peer has computed it alone: our number was in its hands. */
    {OUTGOING, ACK, IDLE, do_answered, "send Ack, DETERMINE.confirm"},
    {OUTGOING, REJECT, FSM_DECIDES, do_retry,
     "below N100: new number, send again; else ERROR.indication, idle"},
    {OUTGOING, RELEASE, IDLE, do_released, "ERROR.indication: no answer of ours in time"},
    {OUTGOING, T106, IDLE, do_timeout_out, "send Release, ERROR.indication: no answer"},
    {OUTGOING, NOT_SUPPORTED, IDLE, do_not_supported, "ERROR.indication"},
    {INCOMING, ACK, IDLE, do_confirmed, "same view: DETERMINE.confirm; else ERROR.indication"},
    {INCOMING, MSD, FSM_DECIDES, do_again,
     "same number: send Ack again; another: ERROR.indication, idle"},
    {INCOMING, REJECT, IDLE, do_inconsistent, "ERROR.indication: views differ"},
    {INCOMING, RELEASE, IDLE, do_released, "ERROR.indication: no answer of ours in time"},
    {INCOMING, T106, IDLE, do_timeout_in, "ERROR.indication: no answer"},
};
const struct fsm h245_msd_fsm = {"Master-slave determination",
                                 "H.245 C.2",
                                 states,
                                 FSM_COUNT(states),
                                 events,
                                 FSM_COUNT(events),
                                 rows,
                                 FSM_COUNT(rows)};

static int run(struct h245_engine *e, unsigned event, const void *input)
{
    return fsm_run(&h245_msd_fsm, &e->msd.state, event, e, input);
}

static void receive(struct h245_engine *e, unsigned event, const void *body)
{
    /* In a state that has no row for it nothing changes. */
    if (!run(e, event, body))
        h245_unexpected(e);
}

void h245_msd_on_request(struct h245_engine *e, const void *body)
{
    receive(e, MSD, body);
}

void h245_msd_on_ack(struct h245_engine *e, const void *body)
{
    receive(e, ACK, body);
}

void h245_msd_on_reject(struct h245_engine *e, const void *body)
{
    receive(e, REJECT, body);
}

void h245_msd_on_release(struct h245_engine *e, const void *body)
{
    receive(e, RELEASE, body);
}

/* A peer without C.2 is no H.323 endpoint; the user is told. */
bool h245_msd_not_supported(struct h245_engine *e)
{
    return run(e, NOT_SUPPORTED, NULL) != 0;
}

void h245_msd_on_timer(struct h245_engine *e)
{
    if (e->msd.deadline > e->now)
        return;
    e->msd.deadline = H245_NEVER;
    e->stats.timeouts++;
    run(e, T106, NULL);
}

int h245_msd_start(struct h245_engine *e, uint64_t now)
{
    int err = 0;

    h245_enter(e, now);
    if (h245_is_ended(e))
        err = ERR_CLOSED;
    else if (!run(e, DETERMINE, NULL))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}

bool h245_msd_is_done(const struct h245_engine *e)
{
    return e->msd.is_done;
}

bool h245_msd_is_master(const struct h245_engine *e)
{
    /* Until it is done nobody is master. */
    return e->msd.is_done && e->msd.is_master;
}
