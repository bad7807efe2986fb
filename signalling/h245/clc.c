/* Request channel close, H.245 C.6 (close logical channel entity): the receiver of a channel asks
 * its sender to close it. The asking side's state lives in the incoming channel. */
#include "signalling/h245/internal.h"

enum { IDLE, AWAITING };
enum { CLOSE, ACK, REJECT, T108, NOT_SUPPORTED };

struct step {
    struct h245_engine *e;
    struct channel *c;
};

static void do_ask(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_RequestChannelClose request = {.forwardLogicalChannelNumber = s->c->lcn};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_requestChannelClose,
                                    .u.requestChannelClose = &request};

    (void)input;
    s->c->clc_deadline = h245_after(s->e, s->e->config.close_request_timeout_ms);
    h245_emit_request(s->e, &m);
}

/* The CloseLogicalChannel that the peer now owes us ends the channel (C.4). */
static void do_acked(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->c->clc_deadline = H245_NEVER;
}

static void do_rejected(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->c->clc_deadline = H245_NEVER;
    h245_fail(s->e, H245_PROC_CLC, H245_ERROR_REFUSED, s->c->lcn);
}

static void do_timeout(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_RequestChannelCloseRelease release = {.forwardLogicalChannelNumber = s->c->lcn};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_requestChannelCloseRelease,
                                       /* T108 is short: after it nothing is owed to us, and the
                                        * peer goes on sending. */
                                       .u.requestChannelCloseRelease = &release};

    (void)input;
    s->c->clc_deadline = H245_NEVER;
    /* The peer need not answer any more. */
    h245_emit_indication(s->e, &m);
    h245_fail(s->e, H245_PROC_CLC, H245_ERROR_TIMEOUT, s->c->lcn);
}

static const char *const states[] = {"idle", "awaiting response"};
static const char *const events[] = {"CLOSE.request", "RequestChannelCloseAck",
                                     "RequestChannelCloseReject", "T108 expires",
                                     "FunctionNotSupported"};
static const struct fsm_row rows[] = {
    {IDLE, CLOSE, AWAITING, do_ask, "send RequestChannelClose, start T108"},
    {AWAITING, ACK, IDLE, do_acked, "CLOSE.confirm"},
    /* A refusal leaves the channel as it was. */
    {AWAITING, REJECT, IDLE, do_rejected, "REJECT.indication"},
    {AWAITING, T108, IDLE, do_timeout, "send Release, REJECT.indication"},
    {AWAITING, NOT_SUPPORTED, IDLE, do_rejected, "REJECT.indication"},
};
const struct fsm h245_clc_out_fsm = {"Request channel close, outgoing",
                                     "H.245 C.6",
                                     states,
                                     FSM_COUNT(states),
                                     events,
                                     FSM_COUNT(events),
                                     rows,
                                     FSM_COUNT(rows)};

static int run(struct h245_engine *e, struct channel *c, unsigned event)
{
    struct step s = {e, c};

    return c != NULL && fsm_run(&h245_clc_out_fsm, &c->clc_state, event, &s, NULL);
}

int h245_clc_start(struct h245_engine *e, struct channel *c)
{
    return run(e, c, CLOSE) ? 0 : ERR_STATE;
}

/* The channel has gone by another way; the request with it. */
void h245_clc_forget(struct channel *c)
{
    c->clc_state = IDLE;
    c->clc_deadline = H245_NEVER;
}

void h245_clc_on_timer(struct h245_engine *e, struct channel *c)
{
    e->stats.timeouts++;
    c->clc_deadline = H245_NEVER;
    run(e, c, T108);
}

void h245_clc_on_ack(struct h245_engine *e, const void *body)
{
    const struct h245_RequestChannelCloseAck *ack = body;

    if (!run(e, h245_channel_find(e, ack->forwardLogicalChannelNumber, H245_INCOMING), ACK))
        h245_unexpected(e);
}

void h245_clc_on_reject(struct h245_engine *e, const void *body)
{
    const struct h245_RequestChannelCloseReject *reject = body;

    if (!run(e, h245_channel_find(e, reject->forwardLogicalChannelNumber, H245_INCOMING), REJECT))
        h245_unexpected(e);
}

bool h245_clc_not_supported(struct h245_engine *e, uint16_t lcn)
{
    return run(e, h245_channel_find(e, lcn, H245_INCOMING), NOT_SUPPORTED) != 0;
}

static void send_ack(struct h245_engine *e, uint16_t lcn)
{
    struct h245_RequestChannelCloseAck ack = {.forwardLogicalChannelNumber = lcn};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_requestChannelCloseAck,
                                     .u.requestChannelCloseAck = &ack};

    h245_emit_response(e, &m);
}

static void send_reject(struct h245_engine *e, uint16_t lcn)
{
    struct h245_RequestChannelCloseReject reject = {
        /* H.245 has a list of causes here with one member that fits. */
        .forwardLogicalChannelNumber = lcn,
        .cause.kind = h245_RequestChannelCloseReject_cause_unspecified};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_requestChannelCloseReject,
                                     .u.requestChannelCloseReject = &reject};

    h245_emit_response(e, &m);
}

/* The user decides at once: the incoming side has no state to keep. */
void h245_clc_on_request(struct h245_engine *e, const void *body)
{
    const struct h245_RequestChannelClose *request = body;
    uint16_t lcn = request->forwardLogicalChannelNumber;
    struct channel *c;

    if (h245_channel_find(e, lcn, H245_OUTGOING) == NULL ||
        e->ops->on_channel_close_request == NULL ||
        /* Without a user that takes it the answer is no. */
        !e->ops->on_channel_close_request(e->arg, lcn) || e->destroyed) {
        send_reject(e, lcn);
        return;
    }
    send_ack(e, lcn);
    c = h245_channel_find(e, lcn, H245_OUTGOING); /* the user may have closed it already */
    if (c != NULL)
        /* C.4 sends the CloseLogicalChannel that was asked for. */
        h245_lcse_release(e, c);
}

void h245_clc_on_release(struct h245_engine *e, const void *body)
{
    (void)e; /* the request was answered when it came: nothing waits */
    (void)body;
}
