/* The table of logical channels: which exist, what arrives for them, when their timers run out, and
 * what the user does with them. The machines are in lcse.c and blcse.c. */
#include "signalling/h245/lcse.h"

struct channel *h245_channel_find(const struct h245_engine *e, uint16_t lcn,
                                  enum h245_direction direction)
{
    /* 0 is H.245's own control channel. */
    if (lcn == 0)
        return NULL;
    /* Twice: both directions share the table, each with its own limit. */
    for (unsigned i = 0; i < 2 * e->config.channels_max; i++)
        if (e->channels[i].lcn == lcn && e->channels[i].direction == direction)
            return &e->channels[i];
    return NULL;
}

static struct channel fresh(uint16_t lcn, enum h245_direction direction)
{
    return (struct channel){.lcn = lcn,
                            .direction = direction,
                            .deadline = H245_NEVER,
                            .clc_deadline = H245_NEVER,
                            .rate_out.deadline = H245_NEVER};
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
            /* The last free one; its place means nothing. */
            free = c;
        else if (c->direction == direction)
            used++;
    }
    /* Both limits: the table's, and the direction's own. */
    if (free == NULL || used >= e->config.channels_max)
        return NULL;
    *free = fresh(lcn, direction);
    return free;
}

void h245_channel_remove(struct h245_engine *e, struct channel *c)
{
    /* Round trip and flow control of a channel that is gone are answered by nobody. */
    h245_loop_channel_gone(e, c->lcn, c->direction);
    h245_loop_channel_gone(e, c->reverse_lcn,
                           c->direction == H245_OUTGOING ? H245_INCOMING : H245_OUTGOING);
    *c = fresh(0, H245_OUTGOING);
}

/* The reverse half of a channel that goes both ways has a number of the other side's space: it
 * names that half in flow control and miscellaneous messages, so nothing else may have it. */
bool h245_channel_number_is_taken(const struct h245_engine *e, uint16_t lcn,
                                  enum h245_direction direction)
{
    for (unsigned i = 0; i < 2 * e->config.channels_max; i++) {
        const struct channel *c = &e->channels[i];

        /* Of the other direction it is the reverse half that has a number here. */
        if (c->lcn != 0 && (c->direction == direction ? c->lcn : c->reverse_lcn) == lcn)
            return true;
    }
    return false;
}

/* ---- what an OpenLogicalChannel says about conflicts ---- */

static uint16_t pack(unsigned kind, unsigned detail)
{
    /* One comparison for two: kind of media, and of data which. */
    return (uint16_t)(kind << 8 | detail);
}

/* Protected media is the same kind of thing as the media itself; of data, T.120 and a camera's
 * control do not stand in each other's way. */
static uint16_t kind_of(const struct h245_DataType *type)
{
    const struct h245_H235Media *media;

    if (type->kind == h245_DataType_data)
        return pack(h245_DataType_data, type->u.data->application.kind);
    if (type->kind != h245_DataType_h235Media)
        return pack(type->kind, 0);
    media = type->u.h235Media;
    switch (media->mediaType.kind) {
    case h245_H235Media_mediaType_videoData:
        return pack(h245_DataType_videoData, 0);
    case h245_H235Media_mediaType_audioData:
        return pack(h245_DataType_audioData, 0);
    case h245_H235Media_mediaType_data:
        return pack(h245_DataType_data, media->mediaType.u.data->application.kind);
    default:
        return pack(h245_DataType_h235Media, media->mediaType.kind);
    }
}

#define FORWARD_H2250 \
    h245_OpenLogicalChannel_forwardLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters

void h245_channel_note(struct channel *c, const struct h245_OpenLogicalChannel *olc)
{
    const struct h245_OpenLogicalChannel_forwardLogicalChannelParameters *forward =
        &olc->forwardLogicalChannelParameters;

    c->kind = kind_of(&forward->dataType);
    c->is_bidirectional = olc->reverseLogicalChannelParameters != NULL;
    c->replaces = forward->has_replacementFor ? forward->replacementFor : 0;
    c->session_id = 0;
    c->reverse_lcn = 0;
    if (forward->multiplexParameters.kind == FORWARD_H2250)
        /* A sessionID of more than 8 bits is no session of H.225.0's. */
        c->session_id =
            (uint8_t)forward->multiplexParameters.u.h2250LogicalChannelParameters->sessionID;
}

/* Two requests that crossed for what can be there only once: the Recommendation knows this of
 * channels that go both ways; of others only the user can say (codecs that must be the same). */
static bool is_same_thing(const struct channel *ours, const struct channel *theirs)
{
    return ours->is_bidirectional && theirs->is_bidirectional && ours->kind == theirs->kind &&
           (ours->session_id == theirs->session_id || ours->session_id == 0 ||
            theirs->session_id == 0);
}

static bool conflicts(struct h245_engine *e, const struct channel *theirs,
                      const struct h245_OpenLogicalChannel *olc)
{
    struct channel it = *theirs; /* a callback may free its place in the table */

    for (unsigned i = 0; i < 2 * e->config.channels_max && !e->destroyed; i++) {
        const struct channel *ours = &e->channels[i];
        bool is_conflict;

        /* Only what is not answered yet can be in conflict: what is open was agreed. */
        if (ours->lcn == 0 || ours->direction != H245_OUTGOING ||
            ours->state != LC_AWAITING_ESTABLISHMENT)
            continue;
        is_conflict = is_same_thing(ours, &it);
        if (e->ops->on_channel_conflict != NULL)
            is_conflict = e->ops->on_channel_conflict(e->arg, ours->lcn, olc, is_conflict);
        if (is_conflict)
            /* One is enough to be refused for. */
            return true;
    }
    return false;
}

/* The channel that is to be replaced must be open, and not be replaced by another one already. */
static bool may_replace(const struct h245_engine *e, const struct channel *c)
{
    const struct channel *old = h245_channel_find(e, c->replaces, c->direction);
    unsigned pending = 0;

    if (old == NULL || old == c || old->state != LC_ESTABLISHED)
        return false;
    for (unsigned i = 0; i < 2 * e->config.channels_max; i++) {
        const struct channel *other = &e->channels[i];

        if (other == c || other->lcn == 0 || other->direction != c->direction ||
            other->replaces == 0)
            continue;
        if (other->replaces == c->replaces)
            return false;
        /* Its old channel is still there: until it is closed two of them cost resources. */
        if (h245_channel_find(e, other->replaces, c->direction) != NULL)
            pending++;
    }
    /* A peer that replaced and never closed would fill the table otherwise. */
    return pending < e->config.replacements_max;
}

/* A request that goes both ways may name a channel of ours that its reverse half is to replace. */
static bool replaces_nothing_of_ours(const struct h245_engine *e,
                                     const struct h245_OpenLogicalChannel *olc)
{
    const struct h245_OpenLogicalChannel_reverseLogicalChannelParameters *reverse =
        olc->reverseLogicalChannelParameters;

    return reverse != NULL && reverse->has_replacementFor &&
           !h245_channel_number_is_taken(e, reverse->replacementFor, H245_OUTGOING);
}

enum h245_olc_cause h245_channel_judge(struct h245_engine *e, const struct channel *theirs,
                                       const struct h245_OpenLogicalChannel *olc)
{
    /* Nobody would hear of the third step. */
    if (theirs->is_bidirectional && e->ops->on_channel_confirmed == NULL) {
        h245_refused(e, H245_REFUSED_CHANNEL);
        return H245_OLC_UNSUITABLE_REVERSE;
    }
    /* Refused with their own cause: the peer may try without. */
    if ((theirs->replaces != 0 && !may_replace(e, theirs)) || replaces_nothing_of_ours(e, olc))
        return H245_OLC_REPLACEMENT;
    if (!conflicts(e, theirs, olc))
        return H245_OLC_CAUSE_COUNT;
    e->stats.conflicts++;
    /* The master's channel wins (C.5.1.3): it refuses the slave's, the slave takes the master's and
     * learns by a reject that its own is not wanted. Without roles nobody can decide. */
    return e->msd.is_done && e->msd.is_master ? H245_OLC_CONFLICT : H245_OLC_CAUSE_COUNT;
}

/* ---- messages ---- */

/* Runs an event of a channel that may not exist (then: released). */
static int run(struct h245_engine *e, struct channel *c, uint16_t lcn,
               enum h245_direction direction, unsigned event, enum h245_olc_cause cause,
               const void *input)
{
    struct h245_lc_step s = {e, c, lcn, cause};
    uint8_t released = LC_RELEASED;

    /* The entry's own state, or "released" for what does not exist. */
    return fsm_run(h245_lc_fsm(c, direction), c != NULL ? &c->state : &released, event, &s, input);
}

static enum h245_procedure procedure_of(const struct channel *c, enum h245_direction direction)
{
    if (c != NULL && c->is_bidirectional)
        return direction == H245_OUTGOING ? H245_PROC_BLCSE_OUT : H245_PROC_BLCSE_IN;
    return direction == H245_OUTGOING ? H245_PROC_LCSE_OUT : H245_PROC_LCSE_IN;
}

static void receive(struct h245_engine *e, uint16_t lcn, enum h245_direction direction,
                    unsigned event, enum h245_olc_cause cause, const void *body)
{
    struct channel *c = h245_channel_find(e, lcn, direction);
    enum h245_procedure procedure = procedure_of(c, direction);

    /* Unknown numbers run as "released", where late answers are not errors. */
    if (run(e, c, lcn, direction, event, cause, body))
        return;
    h245_unexpected(e);
    h245_fail(e, procedure, H245_ERROR_UNEXPECTED, lcn);
}

void h245_lcse_on_ack(struct h245_engine *e, const void *body)
{
    const struct h245_OpenLogicalChannelAck *ack = body;

    receive(e, ack->forwardLogicalChannelNumber, H245_OUTGOING, LC_OUT_ACK, 0, body);
}

void h245_lcse_on_reject(struct h245_engine *e, const void *body)
{
    const struct h245_OpenLogicalChannelReject *reject = body;
    enum h245_olc_cause cause = H245_OLC_UNKNOWN_CAUSE;

    /* Causes that are newer than our tables are told as unknown, not as the last that is known. */
    if (reject->cause.kind < h245_OpenLogicalChannelReject_cause_UNKNOWN)
        /* Both lists are in the order of the Recommendation. */
        cause = (enum h245_olc_cause)(reject->cause.kind -
                                      h245_OpenLogicalChannelReject_cause_unspecified);
    receive(e, reject->forwardLogicalChannelNumber, H245_OUTGOING, LC_OUT_REJECT, cause, body);
}

/* As a rejection without a cause: the peer has no idea of what we wanted to open. */
bool h245_lcse_not_supported(struct h245_engine *e, uint16_t lcn)
{
    struct channel *c = h245_channel_find(e, lcn, H245_OUTGOING);

    if (c == NULL || c->state != LC_AWAITING_ESTABLISHMENT)
        return false;
    /* Told first: the reject below looks like the peer's own. */
    h245_fail(e, procedure_of(c, H245_OUTGOING), H245_ERROR_REFUSED, lcn);
    /* Found anew: the callback may have closed it. */
    c = h245_channel_find(e, lcn, H245_OUTGOING);
    if (!e->destroyed && c != NULL && c->state == LC_AWAITING_ESTABLISHMENT)
        run(e, c, lcn, H245_OUTGOING, LC_OUT_REJECT, H245_OLC_UNKNOWN_CAUSE, NULL);
    return true;
}

void h245_lcse_on_close_ack(struct h245_engine *e, const void *body)
{
    const struct h245_CloseLogicalChannelAck *ack = body;

    receive(e, ack->forwardLogicalChannelNumber, H245_OUTGOING, LC_OUT_CLOSE_ACK, 0, body);
}

void h245_lcse_on_open(struct h245_engine *e, const void *body)
{
    const struct h245_OpenLogicalChannel *olc = body;
    uint16_t lcn = olc->forwardLogicalChannelNumber;
    struct channel *c = h245_channel_find(e, lcn, H245_INCOMING);

    /* A number that the peer uses as reverse half already has no second meaning. */
    if (c == NULL && !h245_channel_number_is_taken(e, lcn, H245_INCOMING)) {
        c = channel_add(e, lcn, H245_INCOMING);
        /* Noted before it is judged: conflicts are looked for by these fields. */
        if (c != NULL)
            h245_channel_note(c, olc);
    }
    if (c == NULL) {
        /* By number, as there is no entry. */
        e->stats.channels_refused++;
        h245_lc_send_reject(e, lcn, H245_OLC_UNSPECIFIED);
        return;
    }
    run(e, c, lcn, H245_INCOMING, LC_IN_OPEN, 0, body);
}

void h245_lcse_on_close(struct h245_engine *e, const void *body)
{
    const struct h245_CloseLogicalChannel *close = body;
    uint16_t lcn = close->forwardLogicalChannelNumber;

    /* Also without a channel: a close is always acknowledged. */
    run(e, h245_channel_find(e, lcn, H245_INCOMING), lcn, H245_INCOMING, LC_IN_CLOSE, 0, body);
}

void h245_lcse_on_confirm(struct h245_engine *e, const void *body)
{
    const struct h245_OpenLogicalChannelConfirm *confirm = body;

    receive(e, confirm->forwardLogicalChannelNumber, H245_INCOMING, LC_IN_CONFIRM, 0, body);
}

/* ---- the user's side ---- */

int h245_channel_number(struct h245_engine *e, uint16_t *lcn)
{
    /* Each channel takes one number of ours, so one of so many is free. */
    for (unsigned i = 0; i <= 2 * e->config.channels_max; i++) {
        uint16_t n = e->next_lcn++;

        if (e->next_lcn == 0)
            /* Over the top: 16 bits, and 0 is taken. */
            e->next_lcn = 1;
        if (n != 0 && !h245_channel_number_is_taken(e, n, H245_OUTGOING)) {
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
    if (h245_channel_number_is_taken(e, lcn, H245_OUTGOING))
        return ERR_EXISTS;
    c = channel_add(e, lcn, H245_OUTGOING);
    if (c == NULL)
        return ERR_LIMIT;
    h245_channel_note(c, olc);
    if (c->replaces != 0 && !may_replace(e, c)) {
        h245_channel_remove(e, c);
        /* What is to be replaced is not open, or being replaced. */
        return ERR_NOTFOUND;
    }
    h245_enter(e, now);
    run(e, c, lcn, H245_OUTGOING, LC_OUT_ESTABLISH, 0, olc);
    if (c->lcn != lcn) /* could not be encoded: on_failed told why */
        err = ERR_INVAL;
    h245_leave(e);
    return err;
}

/* The peer learns from the Ack by which number we mean what it will receive from us. */
static int number_reverse(struct h245_engine *e, struct channel *c,
                          struct h245_OpenLogicalChannelAck *ack)
{
    struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters *reverse =
        ack->reverseLogicalChannelParameters;
    int err = 0;

    if (!c->is_bidirectional)
        return reverse == NULL ? 0 : ERR_INVAL;
    if (reverse == NULL)
        return ERR_INVAL;
    if (reverse->reverseLogicalChannelNumber == 0)
        /* 0: the user leaves the choice to us. */
        err = h245_channel_number(e, &reverse->reverseLogicalChannelNumber);
    else if (h245_channel_number_is_taken(e, reverse->reverseLogicalChannelNumber, H245_OUTGOING))
        err = ERR_EXISTS;
    return err;
}

int h245_channel_accept(struct h245_engine *e, uint16_t lcn, struct h245_OpenLogicalChannelAck *ack,
                        uint64_t now)
{
    struct channel *c = h245_channel_find(e, lcn, H245_INCOMING);
    int err;

    if (c == NULL)
        return ERR_NOTFOUND;
    if (c->state != LC_AWAITING_ESTABLISHMENT)
        return ERR_STATE;
    err = number_reverse(e, c, ack);
    /* The message is not changed where nothing goes out. */
    if (err != 0)
        return err;
    h245_enter(e, now);
    ack->forwardLogicalChannelNumber = lcn;
    if (!run(e, c, lcn, H245_INCOMING, LC_IN_ACCEPT, 0, ack))
        err = ERR_STATE;
    /* Removed in the step: it could not be encoded. */
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
    if (!run(e, c, lcn, H245_INCOMING, LC_IN_REFUSE, cause, NULL))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}

int h245_lcse_release(struct h245_engine *e, struct channel *c)
{
    /* By the sender of the channel: it alone may close (C.4). */
    return run(e, c, c->lcn, H245_OUTGOING, LC_OUT_RELEASE, 0, NULL) ? 0 : ERR_STATE;
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
    /* Incoming ones are the peer's to close: it is asked (C.6). */
    err = direction == H245_OUTGOING ? h245_lcse_release(e, c) : h245_clc_start(e, c);
    h245_leave(e);
    return err;
}

int h245_channel_adopt(struct h245_engine *e, uint16_t lcn, enum h245_direction direction)
{
    struct channel *c;

    if (h245_channel_number_is_taken(e, lcn, direction))
        return ERR_EXISTS;
    c = channel_add(e, lcn, direction);
    if (c == NULL)
        return ERR_LIMIT;
    /* For fast start: opened by OLCs in Setup and Connect, without a step of this machine. */
    c->state = LC_ESTABLISHED;
    return 0;
}

bool h245_channel_is_open(const struct h245_engine *e, uint16_t lcn, enum h245_direction direction)
{
    const struct channel *c = h245_channel_find(e, lcn, direction);

    return c != NULL && c->state == LC_ESTABLISHED;
}

uint16_t h245_channel_reverse(const struct h245_engine *e, uint16_t lcn,
                              enum h245_direction direction)
{
    const struct channel *c = h245_channel_find(e, lcn, direction);

    return c != NULL ? c->reverse_lcn : 0;
}

/* Pending ones count as well: they have a number. */
unsigned h245_channel_count(const struct h245_engine *e, enum h245_direction direction)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 2 * e->config.channels_max; i++)
        if (e->channels[i].lcn != 0 && e->channels[i].direction == direction)
            n++;
    return n;
}

/* ---- timers ---- */

/* Each pass ends at least one timer, so the number of channels bounds it; a callback may close
 * channels or open others, which is why the table is indexed afresh. */
void h245_lcse_on_timer(struct h245_engine *e)
{
    for (unsigned i = 0; i < 2 * e->config.channels_max && !e->destroyed; i++) {
        struct channel *c = &e->channels[i];

        if (c->lcn != 0 && c->clc_deadline <= e->now)
            h245_clc_on_timer(e, c);
        if (!e->destroyed && c->lcn != 0 && c->rate_out.deadline <= e->now)
            h245_rate_on_timer(e, c);
        if (e->destroyed || c->lcn == 0 || c->deadline > e->now)
            continue;
        /* First: the step may start another. */
        c->deadline = H245_NEVER;
        e->stats.timeouts++;
        run(e, c, c->lcn, c->direction, c->direction == H245_OUTGOING ? LC_OUT_T103 : LC_IN_T103, 0,
            NULL);
    }
}

/* Three timers for each: opening or closing, request to close, flow control. */
uint64_t h245_lcse_next(const struct h245_engine *e)
{
    uint64_t next = H245_NEVER;

    for (unsigned i = 0; i < 2 * e->config.channels_max; i++) {
        const struct channel *c = &e->channels[i];

        if (c->deadline < next)
            next = c->deadline;
        if (c->clc_deadline < next)
            next = c->clc_deadline;
        if (c->rate_out.deadline < next)
            next = c->rate_out.deadline;
    }
    return next;
}
