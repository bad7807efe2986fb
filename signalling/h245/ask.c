/* Requests for which Annex C has no entity: communication mode, conference control, generic
 * messages. Each kind gets a small machine all the same, so that an answer out of place is noticed
 * and one that does not come is told. */
#include "signalling/h245/internal.h"

enum { IDLE, AWAITING };
enum { ASK, ANSWER, NOT_SUPPORTED, TIMER };

/* What a step of the machine works on: the tables know only a pointer. */
struct step {
    struct h245_engine *e;
    struct ask *a;
};

/* For errors: the user is told of the procedure, not of our sort of place. */
static enum h245_procedure procedure_of(const struct ask *a)
{
    if (a->type == ASK_CONFERENCE)
        return H245_PROC_CONFERENCE;
    return a->type == ASK_GENERIC ? H245_PROC_GENERIC : H245_PROC_COMMUNICATION_MODE;
}

/* The machines' steps have one form; the message itself is sent by the caller. */
static void do_ask(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input; /* the message goes out when its place is taken, see h245_ask */
    s->a->deadline = h245_after(s->e, s->e->config.request_timeout_ms);
}

static void do_answered(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->a->deadline = H245_NEVER;
}

static void do_not_supported(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    s->a->deadline = H245_NEVER;
    h245_fail(s->e, procedure_of(s->a), H245_ERROR_REFUSED, 0);
}

/* Success of some requests of H.243 is not answered: another member leaves, a token moves. Between
 * enter and leave callbacks may come, and the engine may be destroyed by one. */
static void do_timeout(void *machine, const void *input)
{
    struct step *s = machine;

    (void)input;
    if (!s->a->is_silent)
        h245_fail(s->e, procedure_of(s->a), H245_ERROR_TIMEOUT, 0);
    /* Annex C names no such states; they are those of C.3 and its like. */
}

static const char *const states[] = {"idle", "awaiting response"};
static const char *const events[] = {"REQUEST.request", "the response", "FunctionNotSupported",
                                     "timer expires"};
static const struct fsm_row rows[] = {
    {IDLE, ASK, AWAITING, do_ask, "send the request, start the timer"},
    {AWAITING, ANSWER, IDLE, do_answered, "REQUEST.confirm"},
    {AWAITING, NOT_SUPPORTED, IDLE, do_not_supported, "ERROR.indication"},
    {AWAITING, TIMER, IDLE, do_timeout,
     "ERROR.indication; not for dropTerminal and cancelMakeMeChair, whose success is silent"},
};
const struct fsm h245_ask_fsm = {"Conference, communication mode and generic requests, outgoing",
                                 "H.245 B.13, B.14, B.19",
                                 states,
                                 FSM_COUNT(states),
                                 events,
                                 FSM_COUNT(events),
                                 rows,
                                 FSM_COUNT(rows)};

static int run(struct h245_engine *e, struct ask *a, unsigned event)
{
    struct step s = {e, a};

    return fsm_run(&h245_ask_fsm, &a->state, event, &s, NULL);
}

static struct ask *find(struct h245_engine *e, enum ask_type type, uint64_t kind)
{
    for (unsigned i = 0; i < H245_ASKS_MAX; i++) {
        struct ask *a = &e->asks[i];

        if (a->state == AWAITING && a->type == type && a->kind == kind)
            /* By kind, too: two requests of one sort may wait, not two of the same. */
            return a;
    }
    return NULL;
}

int h245_ask(struct h245_engine *e, enum ask_type type, uint64_t kind, bool is_silent,
             struct h245_RequestMessage *m, uint64_t now)
{
    struct ask *a = find(e, type, kind);
    int err;

    /* One that may stay silent is in nobody's way: asked again it takes its own place. After
     * endSession there is nobody to ask. */
    if (h245_is_ended(e))
        return ERR_CLOSED;
    if (a != NULL && !a->is_silent)
        return ERR_STATE;
    for (unsigned i = 0; i < H245_ASKS_MAX && a == NULL; i++)
        if (e->asks[i].state == IDLE)
            a = &e->asks[i];
    /* All places wait: more requests than a peer answers in ten seconds. */
    if (a == NULL)
        return ERR_LIMIT;
    *a = (struct ask){.type = type, .kind = kind, .is_silent = is_silent, .deadline = H245_NEVER};
    h245_enter(e, now);
    run(e, a, ASK);
    err = h245_emit_request(e, m);
    if (err != 0)
        /* Not sent: no answer is to be waited for. */
        *a = (struct ask){.deadline = H245_NEVER};
    h245_leave(e);
    return err;
}

bool h245_ask_answered(struct h245_engine *e, enum ask_type type, uint64_t kind)
{
    struct ask *a = find(e, type, kind);

    if (a != NULL && run(e, a, ANSWER))
        return true;
    /* The peer answers what nobody has asked, or too late. */
    h245_unexpected(e);
    return false;
}

bool h245_ask_not_supported(struct h245_engine *e, enum ask_type type, uint64_t kind)
{
    struct ask *a = find(e, type, kind);

    return a != NULL && run(e, a, NOT_SUPPORTED) != 0;
}

void h245_ask_on_timer(struct h245_engine *e)
{
    /* The table is fixed, so that a callback may ask while it is walked. */
    for (unsigned i = 0; i < H245_ASKS_MAX && !e->destroyed; i++) {
        struct ask *a = &e->asks[i];

        if (a->state == IDLE || a->deadline > e->now)
            continue;
        a->deadline = H245_NEVER;
        /* Silence was success there: no timeout in the counters. */
        e->stats.timeouts += a->is_silent ? 0 : 1;
        run(e, a, TIMER);
    }
}

uint64_t h245_ask_next(const struct h245_engine *e)
{
    uint64_t next = H245_NEVER;

    for (unsigned i = 0; i < H245_ASKS_MAX; i++)
        if (e->asks[i].state == AWAITING && e->asks[i].deadline < next)
            next = e->asks[i].deadline;
    return next;
}
