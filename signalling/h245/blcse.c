/* Bidirectional logical channels, H.245 C.5: one request opens both halves. The side that answers
 * may send only when its answer was confirmed, so it has a state and a timer more than in C.4. */
#include "signalling/h245/lcse.h"

/* ---- outgoing ---- */

/* B-LCSE sends this as third step (C.5): only now may the answering side use its half. */
static void send_confirm(struct h245_lc_step *s)
{
    struct h245_OpenLogicalChannelConfirm confirm = {.forwardLogicalChannelNumber = s->lcn};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_openLogicalChannelConfirm,
                                       .u.openLogicalChannelConfirm = &confirm};

    h245_emit_indication(s->e, &m);
}

/* An Ack without a reverse half, or with a number that the peer uses for something else, leaves
 * nothing that both sides could mean by this channel: it goes. */
static void do_inconsistent(struct h245_lc_step *s)
{
    h245_lc_send_close(s, false);
    h245_channel_remove(s->e, s->c);
    /* After the message that ends it: the user may open another channel at once. */
    h245_fail(s->e, H245_PROC_BLCSE_OUT, H245_ERROR_INCONSISTENT, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_OUTGOING, H245_CLOSED_BY_US);
}

static void do_acked(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    const struct h245_OpenLogicalChannelAck *ack = input;
    const struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters *reverse =
        ack->reverseLogicalChannelParameters;

    /* Of the other side's number space: it must not be one that the peer has opened already. */
    if (reverse == NULL ||
        h245_channel_number_is_taken(s->e, reverse->reverseLogicalChannelNumber, H245_INCOMING)) {
        do_inconsistent(s);
        return;
    }
    s->c->reverse_lcn = reverse->reverseLogicalChannelNumber;
    /* By hand, as the row leaves the state to this step (FSM_DECIDES). */
    s->c->state = LC_ESTABLISHED;
    /* Confirm before the user hears: media may leave with the callback. */
    send_confirm(s);
    h245_lc_opened(s, ack);
}

static const char *const out_states[] = {"released", "awaiting establishment", "established",
                                         "awaiting release"};
static const char *const out_events[] = {
    "ESTABLISH.request",        "RELEASE.request",        "OpenLogicalChannelAck",
    "OpenLogicalChannelReject", "CloseLogicalChannelAck", "T103 expires",
};
/* Row by row as in the SDL of C.5; what has no row is an error of the peer's. */
static const struct fsm_row out_rows[] = {
    {LC_RELEASED, LC_OUT_ESTABLISH, LC_AWAITING_ESTABLISHMENT, h245_lc_do_establish,
     "send OpenLogicalChannel, start T103"},
    /* A peer may reject what our timer has given up. */
    {LC_RELEASED, LC_OUT_REJECT, LC_RELEASED, NULL, "ignored: late"},
    {LC_RELEASED, LC_OUT_CLOSE_ACK, LC_RELEASED, NULL, "ignored: late"},
    /* The state depends on what the Ack says. */
    {LC_AWAITING_ESTABLISHMENT, LC_OUT_ACK, FSM_DECIDES, do_acked,
     "reverse number given: send OpenLogicalChannelConfirm, ESTABLISH.confirm, established; else "
     "send CloseLogicalChannel(lcse), ERROR.indication, RELEASE.indication, released"},
    {LC_AWAITING_ESTABLISHMENT, LC_OUT_REJECT, LC_RELEASED, h245_lc_do_rejected,
     "RELEASE.indication"},
    {LC_AWAITING_ESTABLISHMENT, LC_OUT_RELEASE, LC_AWAITING_RELEASE, h245_lc_do_close,
     "send CloseLogicalChannel, start T103"},
    /* The peer may have opened it: hence the close. */
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
    {LC_AWAITING_RELEASE, LC_OUT_ACK, LC_AWAITING_RELEASE, NULL, "ignored: crossed with our close"},
    /* Given up: the number is free again, and the peer has to live with it. */
    {LC_AWAITING_RELEASE, LC_OUT_T103, LC_RELEASED, h245_lc_do_close_lost,
     "ERROR.indication, RELEASE.confirm"},
};
const struct fsm h245_blcse_out_fsm = {"Bidirectional logical channel, outgoing",
                                       "H.245 C.5",
                                       out_states,
                                       FSM_COUNT(out_states),
                                       out_events,
                                       FSM_COUNT(out_events),
                                       out_rows,
                                       FSM_COUNT(out_rows)};

/* ---- incoming ---- */

static void do_accept(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;
    const struct h245_OpenLogicalChannelAck *ack = input;

    /* The number of our own half, by which flow control and miscellaneous messages name it. */
    s->c->reverse_lcn = ack->reverseLogicalChannelParameters->reverseLogicalChannelNumber;
    /* A timer more than C.4: the opener's Confirm may be lost with the opener. */
    s->c->deadline = h245_after(s->e, s->e->config.channel_timeout_ms);
    h245_lc_do_accept(machine, input);
}

static void do_confirmed(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    (void)input;
    /* Reaching it is what the callback is about: the channel may carry media both ways now. */
    s->c->deadline = H245_NEVER;
    H245_CALL(s->e, on_channel_confirmed, s->lcn);
}

/* Who answers cannot close: that is the opener's. It can only stop to count on the channel; the
 * opener's CloseLogicalChannel, if it ever comes, is acknowledged in state released. */
static void do_unconfirmed(void *machine, const void *input)
{
    struct h245_lc_step *s = machine;

    (void)input;
    h245_channel_remove(s->e, s->c);
    h245_fail(s->e, H245_PROC_BLCSE_IN, H245_ERROR_TIMEOUT, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_INCOMING, H245_CLOSED_BY_TIMEOUT);
}

static const char *const in_states[] = {"released", "awaiting establishment", "established",
                                        "awaiting confirmation"};
static const char *const in_events[] = {"OpenLogicalChannel",        "CloseLogicalChannel",
                                        "ESTABLISH.response",        "RELEASE.request",
                                        "OpenLogicalChannelConfirm", "T103 expires"};
/* A CloseLogicalChannel in state released names no channel of either sort: C.4's table has it. */
static const struct fsm_row in_rows[] = {
    {LC_RELEASED, LC_IN_OPEN, LC_AWAITING_ESTABLISHMENT, h245_lc_do_offered,
     "ESTABLISH.indication; in conflict with ours and we are master: send "
     "OpenLogicalChannelReject(masterSlaveConflict), released"},
    /* From here the channel is the peer's to confirm. */
    {LC_AWAITING_ESTABLISHMENT, LC_IN_ACCEPT, LC_AWAITING_CONFIRMATION, do_accept,
     "send OpenLogicalChannelAck, start T103"},
    {LC_AWAITING_ESTABLISHMENT, LC_IN_REFUSE, LC_RELEASED, h245_lc_do_refuse,
     "send OpenLogicalChannelReject"},
    {LC_AWAITING_ESTABLISHMENT, LC_IN_CLOSE, LC_RELEASED, h245_lc_do_closed_by_peer,
     "send CloseLogicalChannelAck, RELEASE.indication"},
    /* Without a close in between: the peer has begun anew. */
    {LC_AWAITING_ESTABLISHMENT, LC_IN_OPEN, LC_AWAITING_ESTABLISHMENT, h245_lc_do_reopened,
     "RELEASE.indication, ESTABLISH.indication"},
    {LC_AWAITING_CONFIRMATION, LC_IN_CONFIRM, LC_ESTABLISHED, do_confirmed, "ESTABLISH.confirm"},
    {LC_AWAITING_CONFIRMATION, LC_IN_CLOSE, LC_RELEASED, h245_lc_do_closed_by_peer,
     "send CloseLogicalChannelAck, RELEASE.indication"},
    {LC_AWAITING_CONFIRMATION, LC_IN_OPEN, LC_AWAITING_ESTABLISHMENT, h245_lc_do_reopened,
     "RELEASE.indication, ESTABLISH.indication"},
    /* Without the Confirm the reverse half was never allowed to send. */
    {LC_AWAITING_CONFIRMATION, LC_IN_T103, LC_RELEASED, do_unconfirmed,
     "ERROR.indication, RELEASE.indication"},
    {LC_ESTABLISHED, LC_IN_CLOSE, LC_RELEASED, h245_lc_do_closed_by_peer,
     "send CloseLogicalChannelAck, RELEASE.indication"},
    {LC_ESTABLISHED, LC_IN_OPEN, LC_AWAITING_ESTABLISHMENT, h245_lc_do_reopened,
     "RELEASE.indication, ESTABLISH.indication"},
};
const struct fsm h245_blcse_in_fsm = {"Bidirectional logical channel, incoming",
                                      "H.245 C.5",
                                      in_states,
                                      FSM_COUNT(in_states),
                                      in_events,
                                      FSM_COUNT(in_events),
                                      in_rows,
                                      FSM_COUNT(in_rows)};
