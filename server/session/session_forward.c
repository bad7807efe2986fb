/* Calls that are sent elsewhere: a peer that we called names another address in a Facility, and is
 * followed so often as the configuration allows; a conference whose row says `forward_to` sends its
 * callers away in the same manner. */
#include "server/session/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/dialplan.h"

/* ---- as the caller ---- */

static bool is_elsewhere(const struct h225_facility *f)
{
    return (f->reason == H225_FACILITY_FORWARDED || f->reason == H225_FACILITY_ROUTE_TO_MC ||
            f->reason == H225_FACILITY_ROUTE_TO_GATEKEEPER) &&
           /* An address or an alias: one of them must say where. */
           (f->address.family != ADDR_NONE || f->aliases.count > 0);
}

void session_on_facility(struct session *s, const struct h225_facility *f)
{
    struct session_forward *to = &s->dial.forward;

    if (!is_elsewhere(f)) {
        log_debug(LOG_AREA_H225, s->id, "facility without consequence",
                  LOG_S("reason", h225_facility_to_str(f->reason)));
        return;
    }
    /* Who is called does not choose whom the caller shall talk to; and a call that stands, or has
     * begun to, is not torn down for one that may fail. */
    if (!s->config.is_caller || s->dial.is_connected || s->is_h245_up || s->is_fast) {
        s->env->stats.forwards_refused++;
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H225, "%s is not followed here",
                     h225_facility_to_str(f->reason));
        return;
    }
    /* Followed by session_forward_follow, when the call is not on the stack any more. */
    to->is_set = true;
    to->reason = f->reason;
    to->address = f->address;
    /* routeCallToMC: the conference that runs there has an identifier. */
    to->has_conference_id = f->has_conference_id && f->reason == H225_FACILITY_ROUTE_TO_MC;
    memcpy(to->conference_id, f->conference_id, sizeof(to->conference_id));
    /* routeCallToGatekeeper: the same callee, by another way. */
    session_copy_text(to->alias, sizeof(to->alias),
                      f->aliases.count > 0                             ? f->aliases.list[0].text
                      : f->reason == H225_FACILITY_ROUTE_TO_GATEKEEPER ? s->alias
                                                                       : "");
}

static void tell(struct session *s, const struct session_forward *to)
{
    char address[ADDR_TEXT_MAX];

    log_info(LOG_AREA_SESSION, s->id, "call forwarded",
             LOG_S("reason", h225_facility_to_str(to->reason)), LOG_ADDR("address", &to->address),
             LOG_S("alias", to->alias), LOG_U("times", s->dial.forwards));
    if (session_wants_events(s))
        session_event(s, "session.forwarded",
                      json_pack("{s:s,s:s,s:o,s:I}", "reason", h225_facility_to_str(to->reason),
                                "address", addr_format(&to->address, address), "alias",
                                session_text_json(to->alias), "times",
                                (json_int_t)s->dial.forwards));
}

/* The old call is over for everybody: its peer, the gatekeeper, the connection. */
static void leave_call(struct session *s)
{
    /* The release's callback would end the session. */
    s->dial.is_moving = true; /* what comes of the release is not the session's end */
    if (s->is_signalling_up && !s->is_released)
        (void)h225_call_release(s->call, H225_REASON_DEFLECTED, s->now);
    s->dial.is_moving = false;
    if (s->is_admission_asked) {
        s->is_admission_asked = false;
        /* The gatekeeper counts calls: this one is over. */
        s->env->ops->disengage(s->env->user, s, h225_reason_to_cause(H225_REASON_DEFLECTED));
    }
    s->env->ops->h245_close(s->env->user, s);
    s->env->ops->h225_close(s->env->user, s);
    /* As a session that has not called yet. */
    s->is_signalling_up = s->is_released = false;
}

void session_forward_follow(struct session *s)
{
    struct session_forward to = s->dial.forward;

    if (!to.is_set || !session_is_alive(s))
        return;
    s->dial.forward.is_set = false;
    /* Two switches that forward to each other: bounded, counted. */
    if (s->dial.forwards >= s->env->settings->signalling.max_forwards) {
        s->env->stats.forwards_refused++;
        session_end(s, SESSION_END_REJECTED, "forwarded more often than is allowed");
        return;
    }
    s->dial.forwards++;
    s->env->stats.forwards++;
    tell(s, &to);
    leave_call(s);
    session_copy_text(s->alias, sizeof(s->alias), to.alias);
    s->dial.address = to.address;
    /* Joining a conference needs its own identifier (H.323 8.4.3.5). */
    if (to.has_conference_id) {
        memcpy(s->conference_guid, to.conference_id, sizeof(s->conference_guid));
        s->dial.goal = H225_GOAL_JOIN;
    }
    if (session_dial_again(s) != 0)
        session_end(s, SESSION_END_RESOURCES, "call not made");
}

/* The peer may close a kept connection at the moment that our Setup leaves: that is nobody's fault,
 * and not the end of the call. Only when nothing at all was heard, and only once. */
bool session_forward_retry(struct session *s)
{
    if (!s->config.is_caller || !s->dial.is_reused || !session_is_alive(s) || s->is_h245_up ||
        /* INITIATED: Setup has left and nothing has come back. */
        h225_call_state(s->call) != H225_STATE_INITIATED)
        return false;
    session_note(s, LOG_LEVEL_INFO, LOG_AREA_H225, "kept connection was dead: calling again");
    s->is_signalling_up = false;
    leave_call(s);
    if (session_dial_again(s) != 0)
        session_end(s, SESSION_END_RESOURCES, "call not made");
    return true;
}

/* ---- as the callee ---- */

void session_forward_caller(struct session *s, const struct settings_conference *row)
{
    struct dialplan_target target;
    struct h225_facility f;
    /* Checked with the configuration; a conference made at run time may have another. */
    int err = dialplan_parse_target(row->forward_to, &target);

    memset(&f, 0, sizeof(f));
    f.reason = H225_FACILITY_FORWARDED;
    if (err == 0) {
        f.address = target.address;
        if (f.address.family != ADDR_NONE && f.address.port == 0)
            f.address.port = SESSION_SIGNALLING_PORT;
        if (target.alias[0] != '\0')
            f.aliases.list[f.aliases.count++] = h225_alias_from_text(target.alias);
        err = h225_call_facility(s->call, &f, s->now);
    }
    if (err != 0) {
        session_end(s, SESSION_END_RESOURCES, err_to_str(err));
        return;
    }
    s->env->stats.forwarded_away++;
    /* The Facility is on its way before the ReleaseComplete; who follows it has left by then, and
     * who does not must not hold a session here. */
    session_end(s, SESSION_END_FORWARDED, row->forward_to);
}

/* H.323 8.1.6: the callee learns from its gatekeeper (ARJ routeCallToGatekeeper) that the call has
 * to come by it. */
void session_forward_to_gatekeeper(struct session *s, const struct addr *gatekeeper)
{
    /* The caller's own gatekeeper will be asked by it. */
    struct h225_facility f;
    char text[ADDR_TEXT_MAX];

    memset(&f, 0, sizeof(f));
    f.reason = H225_FACILITY_ROUTE_TO_GATEKEEPER;
    f.address = *gatekeeper;
    if (h225_call_facility(s->call, &f, s->now) != 0) {
        session_end(s, SESSION_END_NOT_ADMITTED, "routeCallToGatekeeper");
        return;
    }
    s->env->stats.forwarded_away++;
    session_end(s, SESSION_END_FORWARDED, addr_format(gatekeeper, text));
}
