/* Maintenance loops, H.245 C.11: one machine for each loop and side. There is one command to end
 * loops, and it ends all of them. */
#include "signalling/h245/internal.h"

enum { NOT_LOOPED, AWAITING, LOOPED };
enum { LOOP, RELEASE, ACK, REJECT, T102, NOT_SUPPORTED };
enum { IN_REQUEST, IN_OFF, IN_ACCEPT, IN_REFUSE };

struct step {
    struct h245_engine *e;
    struct loop *l;
    enum h245_loop type; /* stay known when the place in the table is free again */
    uint16_t lcn;
};

static struct loop *find(struct h245_engine *e, enum h245_direction side, enum h245_loop type,
                         uint16_t lcn)
{
    for (unsigned i = 0; i < H245_LOOPS_MAX; i++) {
        struct loop *l = &e->loops[side][i];

        if (l->state != NOT_LOOPED && l->type == type && l->lcn == lcn)
            return l;
    }
    return NULL;
}

static struct loop *add(struct h245_engine *e, enum h245_direction side, enum h245_loop type,
                        uint16_t lcn)
{
    for (unsigned i = 0; i < H245_LOOPS_MAX; i++) {
        struct loop *l = &e->loops[side][i];

        if (l->state == NOT_LOOPED) {
            /* Cleared: nothing of a former loop is left. */
            *l = (struct loop){.type = type, .lcn = lcn, .deadline = H245_NEVER};
            return l;
        }
    }
    return NULL;
}

static int run(const struct fsm *f, struct h245_engine *e, struct loop *l, unsigned event)
{
    /* Without a place there is no type either; such a step changes nothing. */
    struct step s = {e, l, l != NULL ? l->type : H245_LOOP_SYSTEM, l != NULL ? l->lcn : 0};
    uint8_t none = NOT_LOOPED;

    return fsm_run(f, l != NULL ? &l->state : &none, event, &s, NULL);
}

/* ---- outgoing ---- */

static void do_ask(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_MaintenanceLoopRequest request = {0};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_maintenanceLoopRequest,
                                    .u.maintenanceLoopRequest = &request};

    (void)input;
    request.type.kind = h245_MaintenanceLoopRequest_type_systemLoop;
    if (s->type == H245_LOOP_MEDIA) {
        request.type.kind = h245_MaintenanceLoopRequest_type_mediaLoop;
        request.type.u.mediaLoop = s->lcn;
    } else if (s->type == H245_LOOP_CHANNEL) {
        request.type.kind = h245_MaintenanceLoopRequest_type_logicalChannelLoop;
        request.type.u.logicalChannelLoop = s->lcn;
    }
    s->l->deadline = h245_after(s->e, s->e->config.loop_timeout_ms);
    h245_emit_request(s->e, &m);
}

static void do_looped(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->l->deadline = H245_NEVER;
    H245_CALL(s->e, on_loop, s->type, s->lcn, true);
}

static void do_refused(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->l->deadline = H245_NEVER;
    H245_CALL(s->e, on_loop, s->type, s->lcn, false);
}

static void do_broken(void *machine, const void *input)
{
    struct step *s = machine;

    h245_fail(s->e, H245_PROC_LOOP_OUT, H245_ERROR_UNEXPECTED, s->lcn);
    do_refused(machine, input);
}

static void do_not_supported(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->l->deadline = H245_NEVER;
    h245_fail(s->e, H245_PROC_LOOP_OUT, H245_ERROR_REFUSED, s->lcn);
}

static void do_forget(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->l->deadline = H245_NEVER;
}

static void send_off(struct h245_engine *e)
{
    struct h245_MaintenanceLoopOffCommand off = {0};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_maintenanceLoopOffCommand,
                                    .u.maintenanceLoopOffCommand = &off};

    h245_emit_command(e, &m);
}

/* The peer may have made the loop and its answer be lost. The command that undoes it undoes the
 * others, too: their user is told. */
static void do_timeout(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    send_off(s->e);
    h245_fail(s->e, H245_PROC_LOOP_OUT, H245_ERROR_TIMEOUT, s->lcn);
    /* One command ends all loops. */
    for (unsigned i = 0; i < H245_LOOPS_MAX && !s->e->destroyed; i++) {
        struct loop *other = &s->e->loops[H245_OUTGOING][i];

        if (run(&h245_loop_out_fsm, s->e, other, RELEASE))
            H245_CALL(s->e, on_loop, other->type, other->lcn, false);
    }
}

static const char *const states[] = {"not looped", "awaiting response", "looped"};
static const char *const events[] = {"LOOP.request",       "RELEASE.request",
                                     "MaintenanceLoopAck", "MaintenanceLoopReject",
                                     "T102 expires",       "FunctionNotSupported"};
static const struct fsm_row rows[] = {
    {NOT_LOOPED, LOOP, AWAITING, do_ask, "send MaintenanceLoopRequest, start T102"},
    {AWAITING, ACK, LOOPED, do_looped, "LOOP.confirm"},
    {AWAITING, REJECT, NOT_LOOPED, do_refused, "RELEASE.indication"},
    {AWAITING, RELEASE, NOT_LOOPED, do_forget, "MaintenanceLoopOffCommand is sent, once for all"},
    {AWAITING, T102, NOT_LOOPED, do_timeout,
     "send MaintenanceLoopOffCommand, ERROR.indication; all other loops: RELEASE.indication"},
    {AWAITING, NOT_SUPPORTED, NOT_LOOPED, do_not_supported, "ERROR.indication"},
    {LOOPED, RELEASE, NOT_LOOPED, do_forget, "MaintenanceLoopOffCommand is sent, once for all"},
    /* The peer refuses what it has accepted: the loop is gone. */
    {LOOPED, REJECT, NOT_LOOPED, do_broken, "ERROR.indication, RELEASE.indication"},
};
const struct fsm h245_loop_out_fsm = {"Maintenance loop, outgoing",
                                      "H.245 C.11",
                                      states,
                                      FSM_COUNT(states),
                                      events,
                                      FSM_COUNT(events),
                                      rows,
                                      FSM_COUNT(rows)};

static void receive(struct h245_engine *e, unsigned event, enum h245_loop type, uint16_t lcn)
{
    if (!run(&h245_loop_out_fsm, e, find(e, H245_OUTGOING, type, lcn), event))
        h245_unexpected(e);
}

/* Ack and Reject name the loop as the request did. */
void h245_loop_on_ack(struct h245_engine *e, const void *body)
{
    const struct h245_MaintenanceLoopAck *ack = body;

    switch (ack->type.kind) {
    case h245_MaintenanceLoopAck_type_systemLoop:
        receive(e, ACK, H245_LOOP_SYSTEM, 0);
        break;
    case h245_MaintenanceLoopAck_type_mediaLoop:
        receive(e, ACK, H245_LOOP_MEDIA, ack->type.u.mediaLoop);
        break;
    case h245_MaintenanceLoopAck_type_logicalChannelLoop:
        receive(e, ACK, H245_LOOP_CHANNEL, ack->type.u.logicalChannelLoop);
        break;
    default:
        h245_unexpected(e);
        break;
    }
}

void h245_loop_on_reject(struct h245_engine *e, const void *body)
{
    const struct h245_MaintenanceLoopReject *reject = body;

    switch (reject->type.kind) {
    case h245_MaintenanceLoopReject_type_systemLoop:
        receive(e, REJECT, H245_LOOP_SYSTEM, 0);
        break;
    case h245_MaintenanceLoopReject_type_mediaLoop:
        receive(e, REJECT, H245_LOOP_MEDIA, reject->type.u.mediaLoop);
        break;
    case h245_MaintenanceLoopReject_type_logicalChannelLoop:
        receive(e, REJECT, H245_LOOP_CHANNEL, reject->type.u.logicalChannelLoop);
        break;
    default:
        h245_unexpected(e);
        break;
    }
}

/* The peer does not say which one it did not know: it knows none. */
bool h245_loop_not_supported(struct h245_engine *e)
{
    bool any = false;

    for (unsigned i = 0; i < H245_LOOPS_MAX && !e->destroyed; i++)
        /* All that are not answered yet; loops that stand have been understood. */
        any = run(&h245_loop_out_fsm, e, &e->loops[H245_OUTGOING][i], NOT_SUPPORTED) || any;
    return any;
}

void h245_loop_on_timer(struct h245_engine *e)
{
    for (unsigned i = 0; i < H245_LOOPS_MAX && !e->destroyed; i++) {
        struct loop *l = &e->loops[H245_OUTGOING][i];

        if (l->state == NOT_LOOPED || l->deadline > e->now)
            continue;
        l->deadline = H245_NEVER;
        e->stats.timeouts++;
        run(&h245_loop_out_fsm, e, l, T102);
    }
}

uint64_t h245_loop_next(const struct h245_engine *e)
{
    uint64_t next = H245_NEVER;

    for (unsigned i = 0; i < H245_LOOPS_MAX; i++) {
        const struct loop *l = &e->loops[H245_OUTGOING][i];

        if (l->state != NOT_LOOPED && l->deadline < next)
            next = l->deadline;
    }
    return next;
}

int h245_loop_request(struct h245_engine *e, enum h245_loop loop, uint16_t lcn, uint64_t now)
{
    struct loop *l;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    /* A system loop has no channel, the others are of one. */
    if ((loop == H245_LOOP_SYSTEM) != (lcn == 0))
        return ERR_INVAL;
    /* Of ours: the peer returns what we send. */
    if (lcn != 0 && !h245_channel_is_open(e, lcn, H245_OUTGOING))
        return ERR_NOTFOUND;
    /* One of a kind for each channel. */
    if (find(e, H245_OUTGOING, loop, lcn) != NULL)
        return ERR_EXISTS;
    l = add(e, H245_OUTGOING, loop, lcn);
    if (l == NULL)
        return ERR_LIMIT;
    h245_enter(e, now);
    run(&h245_loop_out_fsm, e, l, LOOP);
    h245_leave(e);
    return 0;
}

int h245_loop_off(struct h245_engine *e)
{
    bool any = false;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    /* Machines first: the command is sent once, and not for nothing. */
    for (unsigned i = 0; i < H245_LOOPS_MAX; i++)
        any = run(&h245_loop_out_fsm, e, &e->loops[H245_OUTGOING][i], RELEASE) || any;
    if (!any)
        return ERR_STATE;
    h245_enter(e, e->now);
    send_off(e);
    h245_leave(e);
    return 0;
}

/* ---- incoming ---- */

static void send_reject(struct h245_engine *e, enum h245_loop type, uint16_t lcn)
{
    struct h245_MaintenanceLoopReject reject = {
        /* The one cause that fits every reason of ours. */
        .cause.kind = h245_MaintenanceLoopReject_cause_canNotPerformLoop};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_maintenanceLoopReject,
                                     .u.maintenanceLoopReject = &reject};

    reject.type.kind = h245_MaintenanceLoopReject_type_systemLoop;
    if (type == H245_LOOP_MEDIA) {
        reject.type.kind = h245_MaintenanceLoopReject_type_mediaLoop;
        reject.type.u.mediaLoop = lcn;
    } else if (type == H245_LOOP_CHANNEL) {
        reject.type.kind = h245_MaintenanceLoopReject_type_logicalChannelLoop;
        reject.type.u.logicalChannelLoop = lcn;
    }
    h245_emit_response(e, &m);
}

static void do_accept(void *machine, const void *input)
{
    struct step *s = machine;
    struct h245_MaintenanceLoopAck ack = {0};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_maintenanceLoopAck,
                                     .u.maintenanceLoopAck = &ack};

    (void)input;
    ack.type.kind = h245_MaintenanceLoopAck_type_systemLoop;
    if (s->type == H245_LOOP_MEDIA) {
        ack.type.kind = h245_MaintenanceLoopAck_type_mediaLoop;
        ack.type.u.mediaLoop = s->lcn;
    } else if (s->type == H245_LOOP_CHANNEL) {
        ack.type.kind = h245_MaintenanceLoopAck_type_logicalChannelLoop;
        ack.type.u.logicalChannelLoop = s->lcn;
    }
    h245_emit_response(s->e, &m);
}

static void do_refuse(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    send_reject(s->e, s->type, s->lcn);
}

/* A user that knows no loops must not be left with one that waits for ever. */
static void do_requested(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    /* The user answers later by h245_loop_answer. */
    if (s->e->ops->on_loop_request != NULL) {
        H245_CALL(s->e, on_loop_request, s->type, s->lcn);
        return;
    }
    /* The row said AWAITING: no answer of a user is to come. */
    s->l->state = NOT_LOOPED;
    h245_refused(s->e, H245_REFUSED_LOOP);
    send_reject(s->e, s->type, s->lcn);
}

static void do_ended(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    H245_CALL(s->e, on_loop_ended, s->type, s->lcn);
}

/* The place stays this loop's while the user is told of the old one, unless he answers then. */
static void do_requested_again(void *machine, const void *input)
{
    struct step *s = machine;

    do_ended(machine, input);
    if (!s->e->destroyed && s->l->state == AWAITING && s->l->type == s->type && s->l->lcn == s->lcn)
        do_requested(machine, input);
}

static const char *const in_events[] = {"MaintenanceLoopRequest", "MaintenanceLoopOffCommand",
                                        "LOOP.response", "RELEASE.request"};
static const struct fsm_row in_rows[] = {
    {NOT_LOOPED, IN_REQUEST, AWAITING, do_requested,
     "LOOP.indication; no user for it: send MaintenanceLoopReject, not looped"},
    {NOT_LOOPED, IN_OFF, NOT_LOOPED, NULL, "ignored: there is none"},
    {AWAITING, IN_REQUEST, AWAITING, do_requested_again, "RELEASE.indication, LOOP.indication"},
    {AWAITING, IN_OFF, NOT_LOOPED, do_ended, "RELEASE.indication"},
    {AWAITING, IN_ACCEPT, LOOPED, do_accept, "send MaintenanceLoopAck"},
    {AWAITING, IN_REFUSE, NOT_LOOPED, do_refuse, "send MaintenanceLoopReject"},
    {LOOPED, IN_REQUEST, AWAITING, do_requested_again, "RELEASE.indication, LOOP.indication"},
    {LOOPED, IN_OFF, NOT_LOOPED, do_ended, "RELEASE.indication"},
};
const struct fsm h245_loop_in_fsm = {"Maintenance loop, incoming",
                                     "H.245 C.11",
                                     states,
                                     FSM_COUNT(states),
                                     in_events,
                                     FSM_COUNT(in_events),
                                     in_rows,
                                     FSM_COUNT(in_rows)};

static void requested(struct h245_engine *e, enum h245_loop type, uint16_t lcn)
{
    struct loop *l = find(e, H245_INCOMING, type, lcn);

    if (l == NULL &&
        /* A loop of a channel that is not there would return nothing. */
        (type == H245_LOOP_SYSTEM || h245_channel_number_is_taken(e, lcn, H245_INCOMING)))
        l = add(e, H245_INCOMING, type, lcn);
    if (l != NULL) {
        run(&h245_loop_in_fsm, e, l, IN_REQUEST);
        return;
    }
    /* no such channel, or more loops than there are places */
    h245_refused(e, H245_REFUSED_LOOP);
    send_reject(e, type, lcn);
}

void h245_loop_on_request(struct h245_engine *e, const void *body)
{
    const struct h245_MaintenanceLoopRequest *request = body;

    switch (request->type.kind) {
    case h245_MaintenanceLoopRequest_type_systemLoop:
        requested(e, H245_LOOP_SYSTEM, 0);
        break;
    case h245_MaintenanceLoopRequest_type_mediaLoop:
        requested(e, H245_LOOP_MEDIA, request->type.u.mediaLoop);
        break;
    case h245_MaintenanceLoopRequest_type_logicalChannelLoop:
        requested(e, H245_LOOP_CHANNEL, request->type.u.logicalChannelLoop);
        break;
    default: /* a loop of a later version, which our Reject could not name */
        h245_refused(e, H245_REFUSED_LOOP);
        h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
        break;
    }
}

void h245_loop_on_off(struct h245_engine *e, const void *body)
{
    (void)body;
    for (unsigned i = 0; i < H245_LOOPS_MAX && !e->destroyed; i++)
        /* All of the peer's: the command names none. */
        run(&h245_loop_in_fsm, e, &e->loops[H245_INCOMING][i], IN_OFF);
}

int h245_loop_answer(struct h245_engine *e, enum h245_loop loop, uint16_t lcn, bool is_on)
{
    struct loop *l = find(e, H245_INCOMING, loop, lcn);
    int err = 0;

    if (h245_is_ended(e))
        return ERR_CLOSED;
    if (l == NULL)
        return ERR_NOTFOUND;
    h245_enter(e, e->now);
    if (!run(&h245_loop_in_fsm, e, l, is_on ? IN_ACCEPT : IN_REFUSE))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}

/* A channel takes its loops along: both sides know that it is gone. Numbers are of two spaces: a
 * loop is made of what its requester sends. */
void h245_loop_channel_gone(struct h245_engine *e, uint16_t lcn, enum h245_direction direction)
{
    /* 0 is every system loop's number. */
    for (unsigned i = 0; i < H245_LOOPS_MAX && lcn != 0; i++)
        if (e->loops[direction][i].lcn == lcn)
            e->loops[direction][i] = (struct loop){.deadline = H245_NEVER};
}
