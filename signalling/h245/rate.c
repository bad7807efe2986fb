/* Logical channel rate (H.245 B.17): both ends of a channel agree on its new maximum. Annex C has
 * no entity for it; this one follows the mode request, one machine for each channel and side. */
#include "signalling/h245/lcse.h"

enum { IDLE, AWAITING };
enum { CHANGE, ACK, REJECT, TIMER, NOT_SUPPORTED };
enum { IN_REQUEST, IN_RELEASE, IN_ACCEPT, IN_REFUSE };

struct step {
    struct h245_engine *e;
    struct channel *c;
    uint32_t rate;
};

static int run(const struct fsm *f, struct h245_engine *e, struct channel *c, unsigned event,
               uint32_t rate, const void *input)
{
    struct step s = {e, c, rate};

    /* Two machines in one channel; which of them is told by the table. */
    return fsm_run(f, f == &h245_rate_out_fsm ? &c->rate_out.state : &c->rate_in.state, event, &s,
                   input);
}

/* ---- outgoing ---- */

static void do_ask(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_LogicalChannelRateRequest request = {.logicalChannelNumber = s->c->lcn,
                                                     .maximumBitRate = s->rate};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_logicalChannelRateRequest,
                                    .u.logicalChannelRateRequest = &request};

    (void)input;
    /* Of all channels in one count: a sequence number then names a request alone. */
    s->c->rate_out.sequence = request.sequenceNumber = ++s->e->rate_sequence;
    s->c->rate_out.deadline = h245_after(s->e, s->e->config.rate_timeout_ms);
    h245_emit_request(s->e, &m);
}

static void do_acked(void *machine, const void *input)
{
    struct step *s = machine;
    const struct h245_LogicalChannelRateAcknowledge *ack = input;

    s->c->rate_out.deadline = H245_NEVER;
    H245_CALL(s->e, on_rate_answer, s->c->lcn, s->c->direction, true, ack->maximumBitRate);
}

static void do_rejected(void *machine, const void *input)
{
    struct step *s = machine;
    const struct h245_LogicalChannelRateReject *reject = input;

    s->c->rate_out.deadline = H245_NEVER;
    H245_CALL(s->e, on_rate_answer, s->c->lcn, s->c->direction, false,
              reject->has_currentMaximumBitRate ? reject->currentMaximumBitRate : 0);
}

static void do_timeout(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_LogicalChannelRateRelease release = {0};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_logicalChannelRateRelease,
                                       .u.logicalChannelRateRelease = &release};
    /* Copied: the callback may close the channel. */
    uint16_t lcn = s->c->lcn;

    (void)input;
    h245_emit_indication(s->e, &m);
    h245_fail(s->e, H245_PROC_RATE_OUT, H245_ERROR_TIMEOUT, lcn);
}

static void do_not_supported(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->c->rate_out.deadline = H245_NEVER;
    h245_fail(s->e, H245_PROC_RATE_OUT, H245_ERROR_REFUSED, s->c->lcn);
}

static const char *const states[] = {"idle", "awaiting response"};
static const char *const events[] = {"CHANGE.request", "LogicalChannelRateAcknowledge",
                                     "LogicalChannelRateReject", "timer expires",
                                     "FunctionNotSupported"};
static const struct fsm_row rows[] = {
    {IDLE, CHANGE, AWAITING, do_ask, "send LogicalChannelRateRequest, start the timer"},
    {AWAITING, CHANGE, AWAITING, do_ask,
     "send LogicalChannelRateRequest with the next sequence number, start the timer anew"},
    {AWAITING, ACK, IDLE, do_acked, "CHANGE.confirm"},
    {AWAITING, REJECT, IDLE, do_rejected, "REJECT.indication"},
    {AWAITING, TIMER, IDLE, do_timeout, "send LogicalChannelRateRelease, ERROR.indication"},
    {AWAITING, NOT_SUPPORTED, IDLE, do_not_supported, "ERROR.indication"},
};
const struct fsm h245_rate_out_fsm = {"Logical channel rate, outgoing",
                                      "H.245 B.17",
                                      states,
                                      FSM_COUNT(states),
                                      events,
                                      FSM_COUNT(events),
                                      rows,
                                      FSM_COUNT(rows)};

/* Whose number it is does not stand in the message: the sequence number tells. */
static void receive(struct h245_engine *e, uint16_t lcn, uint8_t sequence, unsigned event,
                    const void *body)
{
    /* By both: the channel may have the number in either direction. */
    for (unsigned i = 0; i < 2 * e->config.channels_max; i++) {
        struct channel *c = &e->channels[i];

        if (c->lcn == lcn && c->rate_out.state == AWAITING && c->rate_out.sequence == sequence) {
            run(&h245_rate_out_fsm, e, c, event, 0, body);
            return;
        }
    }
    h245_unexpected(e);
}

void h245_rate_on_ack(struct h245_engine *e, const void *body)
{
    const struct h245_LogicalChannelRateAcknowledge *ack = body;

    receive(e, ack->logicalChannelNumber, ack->sequenceNumber, ACK, body);
}

void h245_rate_on_reject(struct h245_engine *e, const void *body)
{
    const struct h245_LogicalChannelRateReject *reject = body;

    receive(e, reject->logicalChannelNumber, reject->sequenceNumber, REJECT, body);
}

bool h245_rate_not_supported(struct h245_engine *e)
{
    bool any = false;

    for (unsigned i = 0; i < 2 * e->config.channels_max && !e->destroyed; i++)
        if (e->channels[i].lcn != 0)
            /* FunctionNotSupported does not say of which channel. */
            any = run(&h245_rate_out_fsm, e, &e->channels[i], NOT_SUPPORTED, 0, NULL) || any;
    return any;
}

void h245_rate_on_timer(struct h245_engine *e, struct channel *c)
{
    c->rate_out.deadline = H245_NEVER;
    e->stats.timeouts++;
    run(&h245_rate_out_fsm, e, c, TIMER, 0, NULL);
}

int h245_rate_request(struct h245_engine *e, uint16_t lcn, enum h245_direction direction,
                      uint32_t max_rate, uint64_t now)
{
    struct channel *c = h245_channel_find(e, lcn, direction);

    if (h245_is_ended(e))
        return ERR_CLOSED;
    /* Only an open channel has a rate. */
    if (c == NULL || c->state != LC_ESTABLISHED)
        return ERR_NOTFOUND;
    h245_enter(e, now);
    run(&h245_rate_out_fsm, e, c, CHANGE, max_rate, NULL);
    h245_leave(e);
    return 0;
}

/* ---- incoming ---- */

static void send_reject(struct h245_engine *e, uint16_t lcn, uint8_t sequence, uint32_t current)
{
    struct h245_LogicalChannelRateReject reject = {
        .sequenceNumber = sequence,
        .logicalChannelNumber = lcn,
        .rejectReason.kind = h245_LogicalChannelRateRejectReason_undefinedReason,
        /* 0: the current rate is not told. */
        .has_currentMaximumBitRate = current != 0,
        .currentMaximumBitRate = current};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_logicalChannelRateReject,
                                     .u.logicalChannelRateReject = &reject};

    h245_emit_response(e, &m);
}

static void do_requested(void *machine, const void *input)
{
    struct step *s = machine;
    const struct h245_LogicalChannelRateRequest *request = input;

    /* A newer request replaces an older one, which nobody will answer. */
    s->c->rate_in.sequence = request->sequenceNumber;
    s->c->rate_in.rate = request->maximumBitRate;
    /* Kept for the answer, which repeats them. */
    if (s->e->ops->on_rate_request != NULL) {
        H245_CALL(s->e, on_rate_request, s->c->lcn, s->c->direction, request->maximumBitRate);
        return;
    }
    s->c->rate_in.state = IDLE;
    h245_refused(s->e, H245_REFUSED_RATE);
    send_reject(s->e, s->c->lcn, request->sequenceNumber, 0);
}

static void do_accept(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_LogicalChannelRateAcknowledge ack = {.sequenceNumber = s->c->rate_in.sequence,
                                                     .logicalChannelNumber = s->c->lcn,
                                                     .maximumBitRate = s->c->rate_in.rate};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_logicalChannelRateAcknowledge,
                                     .u.logicalChannelRateAcknowledge = &ack};

    (void)input;
    h245_emit_response(s->e, &m);
}

static void do_refuse(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    /* The rate that goes on to hold. */
    send_reject(s->e, s->c->lcn, s->c->rate_in.sequence, s->rate);
}

static const char *const in_events[] = {"LogicalChannelRateRequest", "LogicalChannelRateRelease",
                                        "CHANGE.response", "REJECT.request"};
static const struct fsm_row in_rows[] = {
    {IDLE, IN_REQUEST, AWAITING, do_requested,
     "CHANGE.indication; no user for it: send LogicalChannelRateReject, idle"},
    {IDLE, IN_RELEASE, IDLE, NULL, "ignored: answered already"},
    {AWAITING, IN_REQUEST, AWAITING, do_requested, "CHANGE.indication, the earlier one is void"},
    {AWAITING, IN_RELEASE, IDLE, NULL, "the peer waits no longer: an answer is not sent"},
    {AWAITING, IN_ACCEPT, IDLE, do_accept, "send LogicalChannelRateAcknowledge"},
    {AWAITING, IN_REFUSE, IDLE, do_refuse, "send LogicalChannelRateReject"},
};
const struct fsm h245_rate_in_fsm = {"Logical channel rate, incoming",
                                     "H.245 B.17",
                                     states,
                                     FSM_COUNT(states),
                                     in_events,
                                     FSM_COUNT(in_events),
                                     in_rows,
                                     FSM_COUNT(in_rows)};

/* A number of the peer's own channels first: who sends changes the rate. */
void h245_rate_on_request(struct h245_engine *e, const void *body)
{
    const struct h245_LogicalChannelRateRequest *request = body;
    struct channel *c = h245_channel_find(e, request->logicalChannelNumber, H245_INCOMING);

    if (c == NULL || c->state != LC_ESTABLISHED)
        c = h245_channel_find(e, request->logicalChannelNumber, H245_OUTGOING);
    if (c != NULL && c->state == LC_ESTABLISHED) {
        /* In the direction that has such a channel. */
        run(&h245_rate_in_fsm, e, c, IN_REQUEST, 0, body);
        return;
    }
    h245_refused(e, H245_REFUSED_RATE);
    send_reject(e, request->logicalChannelNumber, request->sequenceNumber, 0);
}

void h245_rate_on_release(struct h245_engine *e, const void *body)
{
    (void)body; /* names no channel: all requests of the peer are meant */
    for (unsigned i = 0; i < 2 * e->config.channels_max; i++)
        if (e->channels[i].lcn != 0)
            /* In no other state is there anything to take back. */
            run(&h245_rate_in_fsm, e, &e->channels[i], IN_RELEASE, 0, NULL);
}

int h245_rate_answer(struct h245_engine *e, uint16_t lcn, enum h245_direction direction,
                     bool is_granted, uint32_t max_rate)
{
    struct channel *c = h245_channel_find(e, lcn, direction);
    int err = 0;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    if (c == NULL)
        return ERR_NOTFOUND;
    h245_enter(e, e->now);
    if (!run(&h245_rate_in_fsm, e, c, is_granted ? IN_ACCEPT : IN_REFUSE, max_rate, NULL))
        /* Nothing is asked, or it was withdrawn. */
        err = ERR_STATE;
    h245_leave(e);
    return err;
}
