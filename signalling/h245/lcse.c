/* Unidirectional logical channels, H.245 C.4: one machine for each channel and direction, and the
 * actions that C.5 has in common with it. */
#include "signalling/h245/lcse.h"

/* The channel is gone before the user hears of it, so that it may open another one. */
static void gone(struct h245_lc_step *s, enum h245_direction direction, enum h245_closer by)
{
    h245_channel_remove(s->e, s->c);
    H245_CALL(s->e, on_channel_closed, s->lcn, direction, by);
}

static enum h245_procedure out_procedure(const struct h245_lc_step *s)
{
    return s->c->is_bidirectional ? H245_PROC_BLCSE_OUT : H245_PROC_LCSE_OUT;
}

/* ---- outgoing ---- */

void h245_lc_send_close(struct h245_lc_step *s, bool by_user)
{
    struct h245_CloseLogicalChannel close = {.forwardLogicalChannelNumber = s->lcn};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_closeLogicalChannel,
                                    .u.closeLogicalChannel = &close};

    close.source.kind =
        by_user ? h245_CloseLogicalChannel_source_user : h245_CloseLogicalChannel_source_lcse;
    h245_emit_request(s->e, &m);
}

void h245_lc_do_establish(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_openLogicalChannel,
                                    .u.openLogicalChannel = (void *)(uintptr_t)input};

    s->c->deadline = h245_after(s->e, s->e->config.channel_timeout_ms);
    /* Could not be encoded: nothing went out, the number is free again. */
    if (h245_emit_request(s->e, &m) != 0)
        h245_channel_remove(s->e, s->c);
}

/* A channel that was opened in place of another one ends that one: both at once is more than the
 * peer has said that it can take (H.245 B.3.1, replacementFor). */
void h245_lc_opened(struct h245_lc_step *s, const struct h245_OpenLogicalChannelAck *ack)
{
    uint16_t replaced = s->c->replaces;
    struct channel *old;

    /* Answered: what comes after is told by close or reject. */
    s->c->deadline = H245_NEVER;
    /* Done, before the callback can look. */
    s->c->replaces = 0;
    H245_CALL(s->e, on_channel_opened, s->lcn, ack);
    old = h245_channel_find(s->e, replaced, H245_OUTGOING);
    /* Found anew: the callback may have closed it. */
    if (!s->e->destroyed && old != NULL)
        h245_lcse_release(s->e, old);
}

static void do_opened(void *machine, const void *input)
{
    h245_lc_opened(machine, input);
}

void h245_lc_do_rejected(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    (void)input;
    /* First: the user may open another by the same number in the callback. */
    h245_channel_remove(s->e, s->c);
    H245_CALL(s->e, on_channel_rejected, s->lcn, s->cause);
}

void h245_lc_do_close(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    (void)input;
    s->c->deadline = h245_after(s->e, s->e->config.channel_timeout_ms);
    h245_lc_send_close(s, true);
}

void h245_lc_do_no_answer(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    enum h245_procedure procedure = out_procedure(s);

    (void)input;
    /* The peer may have opened it and its answer be lost. */
    h245_lc_send_close(s, false);
    /* First, so that the callback finds the number free. */
    h245_channel_remove(s->e, s->c);
    h245_fail(s->e, procedure, H245_ERROR_TIMEOUT, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_OUTGOING, H245_CLOSED_BY_TIMEOUT);
}

/* An answer that ends an established channel: the peer is out of step, the channel goes. */
void h245_lc_do_broken(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    enum h245_procedure procedure = out_procedure(s);

    (void)input;
    h245_channel_remove(s->e, s->c);
    h245_fail(s->e, procedure, H245_ERROR_UNEXPECTED, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_OUTGOING, H245_CLOSED_BY_PEER);
}

void h245_lc_do_close_done(void *machine, const void *input)
{
    (void)input;
    gone(machine, H245_OUTGOING, H245_CLOSED_BY_US);
}

void h245_lc_do_close_lost(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    enum h245_procedure procedure = out_procedure(s);

    (void)input;
    /* The peer's state is not known: the number will be used again all the same. */
    h245_channel_remove(s->e, s->c);
    h245_fail(s->e, procedure, H245_ERROR_TIMEOUT, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_OUTGOING, H245_CLOSED_BY_US);
}

static const char *const states[] = {"released", "awaiting establishment", "established",
                                     "awaiting release"};
static const char *const out_events[] = {
    "ESTABLISH.request",        "RELEASE.request",        "OpenLogicalChannelAck",
    "OpenLogicalChannelReject", "CloseLogicalChannelAck", "T103 expires",
};
static const struct fsm_row out_rows[] = {
    {LC_RELEASED, LC_OUT_ESTABLISH, LC_AWAITING_ESTABLISHMENT, h245_lc_do_establish,
     "send OpenLogicalChannel, start T103"},
    /* The peer's answer to what the timer has given up. */
    {LC_RELEASED, LC_OUT_REJECT, LC_RELEASED, NULL, "ignored: late"},
    {LC_RELEASED, LC_OUT_CLOSE_ACK, LC_RELEASED, NULL, "ignored: late"},
    {LC_AWAITING_ESTABLISHMENT, LC_OUT_ACK, LC_ESTABLISHED, do_opened,
     "ESTABLISH.confirm; in place of another channel: that one is released"},
    {LC_AWAITING_ESTABLISHMENT, LC_OUT_REJECT, LC_RELEASED, h245_lc_do_rejected,
     "RELEASE.indication"},
    {LC_AWAITING_ESTABLISHMENT, LC_OUT_RELEASE, LC_AWAITING_RELEASE, h245_lc_do_close,
     "send CloseLogicalChannel, start T103"},
    {LC_AWAITING_ESTABLISHMENT, LC_OUT_T103, LC_RELEASED, h245_lc_do_no_answer,
     "send CloseLogicalChannel(lcse), ERROR.indication, RELEASE.indication"},
    {LC_ESTABLISHED, LC_OUT_RELEASE, LC_AWAITING_RELEASE, h245_lc_do_close,
     "send CloseLogicalChannel, start T103"},
    {LC_ESTABLISHED, LC_OUT_REJECT, LC_RELEASED, h245_lc_do_broken,
     "ERROR.indication, RELEASE.indication"},
    {LC_ESTABLISHED, LC_OUT_CLOSE_ACK, LC_RELEASED, h245_lc_do_broken,
     "ERROR.indication, RELEASE.indication"},
    {LC_AWAITING_RELEASE, LC_OUT_CLOSE_ACK, LC_RELEASED, h245_lc_do_close_done, "RELEASE.confirm"},
    {LC_AWAITING_RELEASE, LC_OUT_REJECT, LC_RELEASED, h245_lc_do_close_done, "RELEASE.confirm"},
    /* It is closed already: the Ack came too late to open it. */
    {LC_AWAITING_RELEASE, LC_OUT_ACK, LC_AWAITING_RELEASE, NULL, "ignored: crossed with our close"},
    {LC_AWAITING_RELEASE, LC_OUT_T103, LC_RELEASED, h245_lc_do_close_lost,
     "ERROR.indication, RELEASE.confirm"},
};
const struct fsm h245_lcse_out_fsm = {"Logical channel, outgoing",
                                      "H.245 C.4",
                                      states,
                                      FSM_COUNT(states),
                                      out_events,
                                      FSM_COUNT(out_events),
                                      out_rows,
                                      FSM_COUNT(out_rows)};

/* ---- incoming ---- */

void h245_lc_send_reject(struct h245_engine *e, uint16_t lcn, enum h245_olc_cause cause)
{
    struct h245_OpenLogicalChannelReject reject = {.forwardLogicalChannelNumber = lcn};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_openLogicalChannelReject,
                                     .u.openLogicalChannelReject = &reject};

    /* The two lists are in one order: causes are counted from the first. */
    reject.cause.kind = (enum h245_OpenLogicalChannelReject_cause_kind)(
        h245_OpenLogicalChannelReject_cause_unspecified + cause);
    h245_emit_response(e, &m);
}

static void send_close_ack(struct h245_engine *e, uint16_t lcn)
{
    struct h245_CloseLogicalChannelAck ack = {.forwardLogicalChannelNumber = lcn};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_closeLogicalChannelAck,
                                     .u.closeLogicalChannelAck = &ack};

    h245_emit_response(e, &m);
}

/* Is the place in the table still that of the peer's request? Callbacks ran in between. */
static bool is_still_offered(const struct h245_lc_step *s)
{
    return !s->e->destroyed && s->c->lcn == s->lcn && s->c->direction == H245_INCOMING &&
           s->c->state == LC_AWAITING_ESTABLISHMENT;
}

void h245_lc_do_offered(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    enum h245_olc_cause cause = H245_OLC_TYPE_NOT_SUPPORTED;

    /* Without a user nothing can be accepted. */
    if (s->e->ops->on_channel_open_request != NULL)
        cause = h245_channel_judge(s->e, s->c, input);
    if (!is_still_offered(s))
        return;
    if (cause != H245_OLC_CAUSE_COUNT) {
        h245_channel_remove(s->e, s->c);
        h245_lc_send_reject(s->e, s->lcn, cause);
        return;
    }
    /* The user may answer within the callback. */
    H245_CALL(s->e, on_channel_open_request, s->lcn, input);
}

/* The peer opens a number anew: what had it before is gone (C.4.5.2). */
void h245_lc_do_reopened(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    /* A request to close the former one is void. */
    h245_clc_forget(s->c);
    /* T103 of an answer that nobody will confirm. */
    s->c->deadline = H245_NEVER;
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_INCOMING, H245_CLOSED_BY_PEER);
    if (!is_still_offered(s))
        return;
    /* Anew: another medium may come under the same number. */
    h245_channel_note(s->c, input);
    h245_lc_do_offered(machine, input);
}

void h245_lc_do_accept(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_openLogicalChannelAck,
                                     .u.openLogicalChannelAck = (void *)(uintptr_t)input};

    s->c->replaces = 0; /* closing the old one is the opener's */
    if (h245_emit_response(s->e, &m) == 0)
        return;
    /* The Ack could not be encoded: the peer must not wait for it. */
    h245_channel_remove(s->e, s->c);
    h245_lc_send_reject(s->e, s->lcn, H245_OLC_UNSPECIFIED);
}

void h245_lc_do_refuse(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    (void)input;
    h245_channel_remove(s->e, s->c);
    h245_lc_send_reject(s->e, s->lcn, s->cause);
}

void h245_lc_do_closed_by_peer(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    (void)input;
    /* Acknowledged before the user is told: what he does next comes after it on the wire. What we
     * do not know is closed for us as well. */
    send_close_ack(s->e, s->lcn);
    gone(s, H245_INCOMING, H245_CLOSED_BY_PEER);
}

static void do_close_nothing(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    (void)input;
    send_close_ack(s->e, s->lcn);
}

static const char *const in_events[] = {"OpenLogicalChannel", "CloseLogicalChannel",
                                        "ESTABLISH.response", "RELEASE.request",
                                        "OpenLogicalChannelConfirm"};
static const struct fsm_row in_rows[] = {
    {LC_RELEASED, LC_IN_OPEN, LC_AWAITING_ESTABLISHMENT, h245_lc_do_offered,
     "ESTABLISH.indication; in conflict with ours and we are master: send "
     "OpenLogicalChannelReject(masterSlaveConflict), released"},
    /* H.245 wants the acknowledgement in any state. */
    {LC_RELEASED, LC_IN_CLOSE, LC_RELEASED, do_close_nothing, "send CloseLogicalChannelAck"},
    {LC_AWAITING_ESTABLISHMENT, LC_IN_ACCEPT, LC_ESTABLISHED, h245_lc_do_accept,
     "send OpenLogicalChannelAck"},
    {LC_AWAITING_ESTABLISHMENT, LC_IN_REFUSE, LC_RELEASED, h245_lc_do_refuse,
     "send OpenLogicalChannelReject"},
    {LC_AWAITING_ESTABLISHMENT, LC_IN_CLOSE, LC_RELEASED, h245_lc_do_closed_by_peer,
     "send CloseLogicalChannelAck, RELEASE.indication"},
    {LC_AWAITING_ESTABLISHMENT, LC_IN_OPEN, LC_AWAITING_ESTABLISHMENT, h245_lc_do_reopened,
     "RELEASE.indication, ESTABLISH.indication"},
    {LC_ESTABLISHED, LC_IN_CLOSE, LC_RELEASED, h245_lc_do_closed_by_peer,
     "send CloseLogicalChannelAck, RELEASE.indication"},
    {LC_ESTABLISHED, LC_IN_OPEN, LC_AWAITING_ESTABLISHMENT, h245_lc_do_reopened,
     "RELEASE.indication, ESTABLISH.indication"},
};
const struct fsm h245_lcse_in_fsm = {"Logical channel, incoming", "H.245 C.4", states,
                                     /* The last of the states is for outgoing ones. */
                                     FSM_COUNT(states) - 1, in_events, FSM_COUNT(in_events),
                                     in_rows, FSM_COUNT(in_rows)};

const struct fsm *h245_lc_fsm(const struct channel *c, enum h245_direction direction)
{
    bool is_bidirectional = c != NULL && c->is_bidirectional;

    if (direction == H245_OUTGOING)
        return is_bidirectional ? &h245_blcse_out_fsm : &h245_lcse_out_fsm;
    return is_bidirectional ? &h245_blcse_in_fsm : &h245_lcse_in_fsm;
}
