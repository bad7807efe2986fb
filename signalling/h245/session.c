/* The end of a session, H.245 §7.11.5 and H.323 §8.5: each side says endSession once. */
#include "signalling/h245/internal.h"

enum { ACTIVE, ENDING, ENDED };
enum { END, END_SESSION, TIMER };

static void send_end(struct h245_engine *e)
{
    struct h245_EndSessionCommand end = {.kind = h245_EndSessionCommand_disconnect};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_endSessionCommand,
                                    .u.endSessionCommand = &end};

    h245_emit_command(e, &m);
}

/* We have begun the end. */
static void do_end(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    h245_stop_timers(e); /* no procedure matters any more */
    e->session.deadline = h245_after(e, e->config.end_session_timeout_ms);
    send_end(e);
}

static void do_ended(void *machine, const void *input)
{
    struct h245_engine *e = machine;

    (void)input;
    h245_stop_timers(e);
    /* Last: the user may destroy the engine here. */
    H245_CALL(e, on_end_session);
}

static void do_peer_ends(void *machine, const void *input)
{
    /* Each side says it once, whoever began (H.245 7.11.5). */
    send_end(machine);
    /* The peer has; ours is the answer. */
    do_ended(machine, input);
}

static const char *const states[] = {"active", "ending", "ended"};
static const char *const events[] = {"END.request", "EndSessionCommand", "end timer expires"};
static const struct fsm_row rows[] = {
    {ACTIVE, END, ENDING, do_end, "send EndSessionCommand, start the end timer"},
    {ACTIVE, END_SESSION, ENDED, do_peer_ends, "send EndSessionCommand, END.indication"},
    {ENDING, END_SESSION, ENDED, do_ended, "END.confirm"},
    /* A peer that does not answer must not keep the call. */
    {ENDING, TIMER, ENDED, do_ended, "END.confirm: the peer's did not come"},
};
const struct fsm h245_session_fsm = {
    "End of session", "H.245 7.11.5, H.323 8.5", states, FSM_COUNT(states),
    events,           FSM_COUNT(events),         rows,   FSM_COUNT(rows)};

void h245_session_on_end(struct h245_engine *e, const void *body)
{
    /* A second endSession says nothing new. */
    if (!fsm_run(&h245_session_fsm, &e->session.state, END_SESSION, e, body))
        h245_unexpected(e);
}

void h245_session_on_timer(struct h245_engine *e)
{
    if (e->session.deadline > e->now)
        return;
    e->session.deadline = H245_NEVER;
    e->stats.timeouts++;
    fsm_run(&h245_session_fsm, &e->session.state, TIMER, e, NULL);
}

int h245_end_session(struct h245_engine *e, uint64_t now)
{
    int err = 0;

    h245_enter(e, now);
    if (!fsm_run(&h245_session_fsm, &e->session.state, END, e, NULL))
        err = ERR_STATE;
    h245_leave(e);
    return err;
}

bool h245_is_ended(const struct h245_engine *e)
{
    /* Both: from our own endSession on nothing else is sent. */
    return e->session.state != ACTIVE;
}
