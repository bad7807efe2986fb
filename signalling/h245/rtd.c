/* Round-trip delay, H.245 C.10; repeated as a keep-alive where the user wants it. */
#include "signalling/h245/internal.h"

enum { IDLE, AWAITING };
enum { TRANSFER, RESPONSE, T105, NOT_SUPPORTED };

static void schedule_next(struct h245_engine *e)
{
    e->rtd.next =
        /* 0: only when somebody asks. */
        e->config.rtd_interval_ms == 0 ? H245_NEVER : h245_after(e, e->config.rtd_interval_ms);
}

static void do_transfer(void *machine, const void *input)
{
    struct h245_engine *e = machine;
    struct h245_RoundTripDelayRequest request = {.sequenceNumber = ++e->rtd.sequence};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_roundTripDelayRequest,
                                    .u.roundTripDelayRequest = &request};

    (void)input;
    /* By the time of the engine's own clock: what lies in the receiver's queue counts, too. */
    e->rtd.sent_at = e->now;
    e->rtd.deadline = h245_after(e, e->config.rtd_timeout_ms);
    /* Not before this one is answered or lost. */
    e->rtd.next = H245_NEVER;
    h245_emit_request(e, &m);
}

static void do_answered(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    e->rtd.deadline = H245_NEVER;
    /* Any answer is a sign of life. */
    e->rtd.lost = 0;
    /* The next one after the interval, not after the answer's due time. */
    schedule_next(e);
    H245_CALL(e, on_round_trip, (uint32_t)(e->now - e->rtd.sent_at));
}

static void do_expired(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    /* In a row: the user decides how many end the call. */
    e->rtd.lost++;
    schedule_next(e);
    /* How many in a row is told, not judged. */
    H245_CALL(e, on_round_trip_lost, e->rtd.lost);
}

static void do_not_supported(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    e->rtd.deadline = H245_NEVER;
    e->rtd.lost = 0;
    /* It lives, and cannot measure: asked again all the same, for the sign of life. */
    schedule_next(e);
    h245_fail(e, H245_PROC_RTD, H245_ERROR_REFUSED, 0);
}

static const char *const states[] = {"idle", "awaiting response"};
static const char *const events[] = {"TRANSFER.request", "RoundTripDelayResponse", "T105 expires",
                                     "FunctionNotSupported"};
/* C.10 also lets a second TRANSFER.request replace the first; our user is refused instead. */
static const struct fsm_row rows[] = {
    {IDLE, TRANSFER, AWAITING, do_transfer, "send RoundTripDelayRequest, start T105"},
    {AWAITING, RESPONSE, IDLE, do_answered, "TRANSFER.confirm"},
    {AWAITING, T105, IDLE, do_expired, "EXPIRED.indication"},
    {AWAITING, NOT_SUPPORTED, IDLE, do_not_supported,
     "ERROR.indication: a sign of life all the same"},
};
const struct fsm h245_rtd_fsm = {
    "Round-trip delay", "H.245 C.10", states,         FSM_COUNT(states), events,
    FSM_COUNT(events),  rows,         FSM_COUNT(rows)};

/* Answered in every state: the peer lives by it. */
void h245_rtd_on_request(struct h245_engine *e, const void *body)
{
    const struct h245_RoundTripDelayRequest *request = body;
    struct h245_RoundTripDelayResponse response = {.sequenceNumber = request->sequenceNumber};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_roundTripDelayResponse,
                                     .u.roundTripDelayResponse = &response};

    h245_emit_response(e, &m);
}

void h245_rtd_on_response(struct h245_engine *e, const void *body)
{
    const struct h245_RoundTripDelayResponse *response = body;

    /* A late answer to one that was given up would be a wrong time. */
    if (response->sequenceNumber != e->rtd.sequence ||
        !fsm_run(&h245_rtd_fsm, &e->rtd.state, RESPONSE, e, body))
        h245_unexpected(e);
}

bool h245_rtd_not_supported(struct h245_engine *e)
{
    return fsm_run(&h245_rtd_fsm, &e->rtd.state, NOT_SUPPORTED, e, NULL) != 0;
}

void h245_rtd_on_timer(struct h245_engine *e)
{
    if (e->rtd.deadline <= e->now) {
        e->rtd.deadline = H245_NEVER;
        e->stats.timeouts++;
        fsm_run(&h245_rtd_fsm, &e->rtd.state, T105, e, NULL);
    }
    /* Both may be due in one call. */
    if (!e->destroyed && e->rtd.next <= e->now) {
        e->rtd.next = H245_NEVER;
        /* Refused while one is under way: the next answer schedules anew. */
        fsm_run(&h245_rtd_fsm, &e->rtd.state, TRANSFER, e, NULL);
    }
}

void h245_rtd_session_up(struct h245_engine *e)
{
    /* One may be under way already, from before the roles were known. */
    if (e->rtd.state == IDLE)
        schedule_next(e);
}

int h245_rtd_start(struct h245_engine *e, uint64_t now)
{
    int err = 0;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    h245_enter(e, now);
    if (!fsm_run(&h245_rtd_fsm, &e->rtd.state, TRANSFER, e, NULL))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}
