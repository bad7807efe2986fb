/* Unidirectional logical channels, H.245 C.4: one machine for each channel and direction. */
#include "signalling/h245/internal.h"

enum { RELEASED, AWAITING_ESTABLISHMENT, ESTABLISHED, AWAITING_RELEASE };
enum { OUT_ESTABLISH, OUT_RELEASE, OUT_ACK, OUT_REJECT, OUT_CLOSE_ACK, OUT_T103 };
enum { IN_OPEN, IN_CLOSE, IN_ACCEPT, IN_REFUSE };

/* What an action works on; the channel's state is kept in it. */
struct step {
    struct h245_engine *e;
    struct channel *c;
    uint16_t lcn;
    enum h245_olc_cause cause;
};

struct channel *h245_channel_find(const struct h245_engine *e, uint16_t lcn,
                                  enum h245_direction direction)
{
    if (lcn == 0)
        return NULL;
    for (unsigned i = 0; i < 2 * e->config.channels_max; i++)
        if (e->channels[i].lcn == lcn && e->channels[i].direction == direction)
            return &e->channels[i];
    return NULL;
}

/* NULL when as many as allowed exist in this direction. */
static struct channel *channel_add(struct h245_engine *e, uint16_t lcn,
                                   enum h245_direction direction)
{
    struct channel *free = NULL;
    unsigned used = 0;

    for (unsigned i = 0; i < 2 * e->config.channels_max; i++) {
        struct channel *c = &e->channels[i];

        if (c->lcn == 0)
            free = c;
        else if (c->direction == direction)
            used++;
    }
    if (free == NULL || used >= e->config.channels_max)
        return NULL;
    *free = (struct channel){
        .lcn = lcn, .direction = direction, .deadline = H245_NEVER, .clc_deadline = H245_NEVER};
    return free;
}

static void channel_remove(struct channel *c)
{
    *c = (struct channel){.deadline = H245_NEVER, .clc_deadline = H245_NEVER};
}

/* The channel is gone before the user hears of it, so that it may open another one. */
static void gone(struct step *s, enum h245_direction direction, enum h245_closer by)
{
    channel_remove(s->c);
    H245_CALL(s->e, on_channel_closed, s->lcn, direction, by);
}

/* ---- outgoing ---- */

static void send_close(struct step *s, bool by_user)
{
    struct h245_CloseLogicalChannel close = {.forwardLogicalChannelNumber = s->lcn};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_closeLogicalChannel,
                                    .u.closeLogicalChannel = &close};

    close.source.kind =
        by_user ? h245_CloseLogicalChannel_source_user : h245_CloseLogicalChannel_source_lcse;
    h245_emit_request(s->e, &m);
}

static void do_establish(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_openLogicalChannel,
                                    .u.openLogicalChannel = (void *)(uintptr_t)input};

    s->c->deadline = h245_after(s->e, s->e->config.channel_timeout_ms);
    if (h245_emit_request(s->e, &m) != 0)
        channel_remove(s->c);
}

static void do_opened(void *machine, const void *input)
{
    struct step *s = machine;

    s->c->deadline = H245_NEVER;
    H245_CALL(s->e, on_channel_opened, s->lcn, input);
}

static void do_rejected(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    channel_remove(s->c);
    H245_CALL(s->e, on_channel_rejected, s->lcn, s->cause);
}

static void do_close(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->c->deadline = h245_after(s->e, s->e->config.channel_timeout_ms);
    send_close(s, true);
}

static void do_no_answer(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    send_close(s, false);
    channel_remove(s->c);
    h245_fail(s->e, H245_PROC_LCSE_OUT, H245_ERROR_TIMEOUT, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_OUTGOING, H245_CLOSED_BY_TIMEOUT);
}

/* An answer that ends an established channel: the peer is out of step, the channel goes. */
static void do_broken(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    channel_remove(s->c);
    h245_fail(s->e, H245_PROC_LCSE_OUT, H245_ERROR_UNEXPECTED, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_OUTGOING, H245_CLOSED_BY_PEER);
}

static void do_close_done(void *machine, const void *input)
{
    (void)input;
    gone(machine, H245_OUTGOING, H245_CLOSED_BY_US);
}

static void do_close_lost(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    channel_remove(s->c);
    h245_fail(s->e, H245_PROC_LCSE_OUT, H245_ERROR_TIMEOUT, s->lcn);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_OUTGOING, H245_CLOSED_BY_US);
}

static const char *const states[] = {"released", "awaiting establishment", "established",
                                     "awaiting release"};
static const char *const out_events[] = {
    "ESTABLISH.request",        "RELEASE.request",        "OpenLogicalChannelAck",
    "OpenLogicalChannelReject", "CloseLogicalChannelAck", "T103 expires",
};
static const struct fsm_row out_rows[] = {
    {RELEASED, OUT_ESTABLISH, AWAITING_ESTABLISHMENT, do_establish,
     "send OpenLogicalChannel, start T103"},
    {RELEASED, OUT_REJECT, RELEASED, NULL, "ignored: late"},
    {RELEASED, OUT_CLOSE_ACK, RELEASED, NULL, "ignored: late"},
    {AWAITING_ESTABLISHMENT, OUT_ACK, ESTABLISHED, do_opened, "ESTABLISH.confirm"},
    {AWAITING_ESTABLISHMENT, OUT_REJECT, RELEASED, do_rejected, "RELEASE.indication"},
    {AWAITING_ESTABLISHMENT, OUT_RELEASE, AWAITING_RELEASE, do_close,
     "send CloseLogicalChannel, start T103"},
    {AWAITING_ESTABLISHMENT, OUT_T103, RELEASED, do_no_answer,
     "send CloseLogicalChannel(lcse), ERROR.indication, RELEASE.indication"},
    {ESTABLISHED, OUT_RELEASE, AWAITING_RELEASE, do_close, "send CloseLogicalChannel, start T103"},
    {ESTABLISHED, OUT_REJECT, RELEASED, do_broken, "ERROR.indication, RELEASE.indication"},
    {ESTABLISHED, OUT_CLOSE_ACK, RELEASED, do_broken, "ERROR.indication, RELEASE.indication"},
    {AWAITING_RELEASE, OUT_CLOSE_ACK, RELEASED, do_close_done, "RELEASE.confirm"},
    {AWAITING_RELEASE, OUT_REJECT, RELEASED, do_close_done, "RELEASE.confirm"},
    {AWAITING_RELEASE, OUT_ACK, AWAITING_RELEASE, NULL, "ignored: crossed with our close"},
    {AWAITING_RELEASE, OUT_T103, RELEASED, do_close_lost, "ERROR.indication, RELEASE.confirm"},
};
const struct fsm h245_lcse_out_fsm = {"Logical channel, outgoing",
                                      "H.245 C.4",
                                      states,
                                      FSM_COUNT(states),
                                      out_events,
                                      FSM_COUNT(out_events),
                                      out_rows,
                                      FSM_COUNT(out_rows)};

/* Runs an event of a channel that may not exist (then: released). */
static int run(const struct fsm *f, struct h245_engine *e, struct channel *c, uint16_t lcn,
               unsigned event, enum h245_olc_cause cause, const void *input)
{
    struct step s = {e, c, lcn, cause};
    uint8_t released = RELEASED;

    return fsm_run(f, c != NULL ? &c->state : &released, event, &s, input);
}

static void receive_out(struct h245_engine *e, uint16_t lcn, unsigned event,
                        enum h245_olc_cause cause, const void *body)
{
    struct channel *c = h245_channel_find(e, lcn, H245_OUTGOING);

    if (run(&h245_lcse_out_fsm, e, c, lcn, event, cause, body))
        return;
    h245_unexpected(e);
    h245_fail(e, H245_PROC_LCSE_OUT, H245_ERROR_UNEXPECTED, lcn);
}

void h245_lcse_on_ack(struct h245_engine *e, const void *body)
{
    const struct h245_OpenLogicalChannelAck *ack = body;

    receive_out(e, ack->forwardLogicalChannelNumber, OUT_ACK, 0, body);
}

void h245_lcse_on_reject(struct h245_engine *e, const void *body)
{
    const struct h245_OpenLogicalChannelReject *reject = body;
    enum h245_olc_cause cause = H245_OLC_UNKNOWN_CAUSE;

    if (reject->cause.kind < h245_OpenLogicalChannelReject_cause_UNKNOWN)
        cause = (enum h245_olc_cause)(reject->cause.kind -
                                      h245_OpenLogicalChannelReject_cause_unspecified);
    receive_out(e, reject->forwardLogicalChannelNumber, OUT_REJECT, cause, body);
}

void h245_lcse_on_close_ack(struct h245_engine *e, const void *body)
{
    const struct h245_CloseLogicalChannelAck *ack = body;

    receive_out(e, ack->forwardLogicalChannelNumber, OUT_CLOSE_ACK, 0, body);
}

/* ---- incoming ---- */

static void send_reject(struct h245_engine *e, uint16_t lcn, enum h245_olc_cause cause)
{
    struct h245_OpenLogicalChannelReject reject = {.forwardLogicalChannelNumber = lcn};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_openLogicalChannelReject,
                                     .u.openLogicalChannelReject = &reject};

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

static void do_offered(void *machine, const void *input)
{
    struct step *s = machine;

    if (s->e->ops->on_channel_open_request == NULL) {
        channel_remove(s->c);
        send_reject(s->e, s->lcn, H245_OLC_TYPE_NOT_SUPPORTED);
        return;
    }
    H245_CALL(s->e, on_channel_open_request, s->lcn, input);
}

/* The peer opens a number anew: what had it before is gone (C.4.5.2). */
static void do_reopened(void *machine, const void *input)
{
    struct step *s = machine;

    h245_clc_forget(s->c);
    H245_CALL(s->e, on_channel_closed, s->lcn, H245_INCOMING, H245_CLOSED_BY_PEER);
    if (s->c->lcn == s->lcn && s->c->state == AWAITING_ESTABLISHMENT)
        do_offered(machine, input);
}

static void do_accept(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_openLogicalChannelAck,
                                     .u.openLogicalChannelAck = (void *)(uintptr_t)input};

    if (h245_emit_response(s->e, &m) == 0)
        return;
    channel_remove(s->c);
    send_reject(s->e, s->lcn, H245_OLC_UNSPECIFIED);
}

static void do_refuse(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    channel_remove(s->c);
    send_reject(s->e, s->lcn, s->cause);
}

static void do_closed_by_peer(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    send_close_ack(s->e, s->lcn);
    gone(s, H245_INCOMING, H245_CLOSED_BY_PEER);
}

static void do_close_nothing(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    send_close_ack(s->e, s->lcn);
}

static const char *const in_events[] = {"OpenLogicalChannel", "CloseLogicalChannel",
                                        "ESTABLISH.response", "RELEASE.request"};
static const struct fsm_row in_rows[] = {
    {RELEASED, IN_OPEN, AWAITING_ESTABLISHMENT, do_offered, "ESTABLISH.indication"},
    {RELEASED, IN_CLOSE, RELEASED, do_close_nothing, "send CloseLogicalChannelAck"},
    {AWAITING_ESTABLISHMENT, IN_ACCEPT, ESTABLISHED, do_accept, "send OpenLogicalChannelAck"},
    {AWAITING_ESTABLISHMENT, IN_REFUSE, RELEASED, do_refuse, "send OpenLogicalChannelReject"},
    {AWAITING_ESTABLISHMENT, IN_CLOSE, RELEASED, do_closed_by_peer,
     "send CloseLogicalChannelAck, RELEASE.indication"},
    {AWAITING_ESTABLISHMENT, IN_OPEN, AWAITING_ESTABLISHMENT, do_reopened,
     "RELEASE.indication, ESTABLISH.indication"},
    {ESTABLISHED, IN_CLOSE, RELEASED, do_closed_by_peer,
     "send CloseLogicalChannelAck, RELEASE.indication"},
    {ESTABLISHED, IN_OPEN, AWAITING_ESTABLISHMENT, do_reopened,
     "RELEASE.indication, ESTABLISH.indication"},
};
const struct fsm h245_lcse_in_fsm = {"Logical channel, incoming",
                                     "H.245 C.4",
                                     states,
                                     FSM_COUNT(states) - 1,
                                     in_events,
                                     FSM_COUNT(in_events),
                                     in_rows,
                                     FSM_COUNT(in_rows)};

void h245_lcse_on_open(struct h245_engine *e, const void *body)
{
    const struct h245_OpenLogicalChannel *olc = body;
    uint16_t lcn = olc->forwardLogicalChannelNumber;
    struct channel *c = h245_channel_find(e, lcn, H245_INCOMING);

    if (olc->reverseLogicalChannelParameters != NULL) { /* C.5 is not ours to answer yet */
        send_reject(e, lcn, H245_OLC_UNSUITABLE_REVERSE);
        e->stats.unsupported++;
        return;
    }
    if (c == NULL)
        c = channel_add(e, lcn, H245_INCOMING);
    if (c == NULL) {
        e->stats.channels_refused++;
        send_reject(e, lcn, H245_OLC_UNSPECIFIED);
        return;
    }
    run(&h245_lcse_in_fsm, e, c, lcn, IN_OPEN, 0, body);
}

void h245_lcse_on_close(struct h245_engine *e, const void *body)
{
    const struct h245_CloseLogicalChannel *close = body;
    uint16_t lcn = close->forwardLogicalChannelNumber;

    run(&h245_lcse_in_fsm, e, h245_channel_find(e, lcn, H245_INCOMING), lcn, IN_CLOSE, 0, body);
}

void h245_lcse_on_confirm(struct h245_engine *e, const void *body)
{
    (void)body; /* ends the opening of a bidirectional channel: we accept none */
    h245_unexpected(e);
}

/* ---- the user's side ---- */

int h245_channel_number(struct h245_engine *e, uint16_t *lcn)
{
    /* More numbers are tried than channels may exist, so one of them is free. */
    for (unsigned i = 0; i <= e->config.channels_max; i++) {
        uint16_t n = e->next_lcn++;

        if (e->next_lcn == 0)
            e->next_lcn = 1;
        if (n != 0 && h245_channel_find(e, n, H245_OUTGOING) == NULL) {
            *lcn = n;
            return 0;
        }
    }
    return ERR_LIMIT;
}

int h245_channel_open(struct h245_engine *e, const struct h245_OpenLogicalChannel *olc,
                      uint64_t now)
{
    uint16_t lcn = olc->forwardLogicalChannelNumber;
    struct channel *c;
    int err = 0;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    if (lcn == 0)
        return ERR_INVAL;
    if (h245_channel_find(e, lcn, H245_OUTGOING) != NULL)
        return ERR_EXISTS;
    c = channel_add(e, lcn, H245_OUTGOING);
    if (c == NULL)
        return ERR_LIMIT;
    h245_enter(e, now);
    run(&h245_lcse_out_fsm, e, c, lcn, OUT_ESTABLISH, 0, olc);
    if (c->lcn != lcn) /* could not be encoded: on_failed told why */
        err = ERR_INVAL;
    h245_leave(e);
    return err;
}

int h245_channel_accept(struct h245_engine *e, uint16_t lcn, struct h245_OpenLogicalChannelAck *ack,
                        uint64_t now)
{
    struct channel *c = h245_channel_find(e, lcn, H245_INCOMING);
    int err = 0;

    if (c == NULL)
        return ERR_NOTFOUND;
    h245_enter(e, now);
    ack->forwardLogicalChannelNumber = lcn;
    if (!run(&h245_lcse_in_fsm, e, c, lcn, IN_ACCEPT, 0, ack))
        err = ERR_STATE;
    else if (c->lcn != lcn)
        err = ERR_INVAL;
    h245_leave(e);
    return err;
}

int h245_channel_reject(struct h245_engine *e, uint16_t lcn, enum h245_olc_cause cause)
{
    struct channel *c = h245_channel_find(e, lcn, H245_INCOMING);
    int err = 0;

    if (c == NULL)
        return ERR_NOTFOUND;
    if (cause >= H245_OLC_CAUSE_COUNT)
        return ERR_INVAL;
    h245_enter(e, e->now);
    if (!run(&h245_lcse_in_fsm, e, c, lcn, IN_REFUSE, cause, NULL))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}

int h245_lcse_release(struct h245_engine *e, struct channel *c)
{
    return run(&h245_lcse_out_fsm, e, c, c->lcn, OUT_RELEASE, 0, NULL) ? 0 : ERR_STATE;
}

int h245_channel_close(struct h245_engine *e, uint16_t lcn, enum h245_direction direction,
                       uint64_t now)
{
    struct channel *c = h245_channel_find(e, lcn, direction);
    int err;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    if (c == NULL)
        return ERR_NOTFOUND;
    h245_enter(e, now);
    err = direction == H245_OUTGOING ? h245_lcse_release(e, c) : h245_clc_start(e, c);
    h245_leave(e);
    return err;
}

bool h245_channel_is_open(const struct h245_engine *e, uint16_t lcn, enum h245_direction direction)
{
    const struct channel *c = h245_channel_find(e, lcn, direction);

    return c != NULL && c->state == ESTABLISHED;
}

unsigned h245_channel_count(const struct h245_engine *e, enum h245_direction direction)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 2 * e->config.channels_max; i++)
        if (e->channels[i].lcn != 0 && e->channels[i].direction == direction)
            n++;
    return n;
}

/* Each pass ends at least one timer, so the number of channels bounds it; a callback may close
 * channels or open others, which is why the table is indexed afresh. */
void h245_lcse_on_timer(struct h245_engine *e)
{
    for (unsigned i = 0; i < 2 * e->config.channels_max && !e->destroyed; i++) {
        struct channel *c = &e->channels[i];

        if (c->lcn != 0 && c->clc_deadline <= e->now)
            h245_clc_on_timer(e, c);
        if (c->lcn == 0 || c->deadline > e->now)
            continue;
        c->deadline = H245_NEVER;
        e->stats.timeouts++;
        run(&h245_lcse_out_fsm, e, c, c->lcn, OUT_T103, 0, NULL);
    }
}

uint64_t h245_lcse_next(const struct h245_engine *e)
{
    uint64_t next = H245_NEVER;

    for (unsigned i = 0; i < 2 * e->config.channels_max; i++) {
        const struct channel *c = &e->channels[i];

        if (c->deadline < next)
            next = c->deadline;
        if (c->clc_deadline < next)
            next = c->clc_deadline;
    }
    return next;
}

int h245_channel_adopt(struct h245_engine *e, uint16_t lcn, enum h245_direction direction)
{
    struct channel *c;

    if (h245_channel_find(e, lcn, direction) != NULL)
        return ERR_EXISTS;
    c = channel_add(e, lcn, direction);
    if (c == NULL)
        return ERR_LIMIT;
    c->state = ESTABLISHED;
    return 0;
}
