/* A session's life: what ends it, its timers, its end on every level, and what comes in from
 * outside. Single-threaded; every entry from outside sets `now`, does its work, asks whether the
 * session is closed, and arms the one timer (session_check_closed, session_arm, in this order: a
 * closed session may be freed by its owner afterwards). */
#include "server/session/session_sdp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/conference/conference.h"

/* Refused messages that a peer may send on one call before it is taken for noise. */
#define REFUSED_MAX 200
/* From a ReleaseComplete that tells a reason to the EndSession. */
#define GOODBYE_MS 100

#define TEXT_OF(name, text, ...) [name] = (text),

const char *session_state_to_str(enum session_state state)
{
    static const char *const text[] = {SESSION_STATE_LIST(TEXT_OF)};

    return (size_t)state < sizeof(text) / sizeof(text[0]) ? text[state] : "unknown";
}

const char *session_end_to_str(enum session_end end)
{
    static const char *const text[] = {SESSION_END_LIST(TEXT_OF)};

    return (size_t)end < sizeof(text) / sizeof(text[0]) ? text[end] : "unknown";
}

const char *session_channel_state_to_str(enum channel_state state)
{
    static const char *const text[] = {CHANNEL_STATE_LIST(TEXT_OF)};

    return (size_t)state < sizeof(text) / sizeof(text[0]) ? text[state] : "unknown";
}

const char *session_direction_to_str(enum h245_direction direction)
{
    return direction == H245_INCOMING ? "incoming" : "outgoing";
}

const char *session_association_state_to_str(enum association_state state)
{
    static const char *const text[] = {ASSOCIATION_STATE_LIST(TEXT_OF)};

    return (size_t)state < sizeof(text) / sizeof(text[0]) ? text[state] : "unknown";
}

const char *session_step_to_str(enum session_step step)
{
    static const char *const text[] = {SESSION_STEP_LIST(TEXT_OF)};

    return (size_t)step < sizeof(text) / sizeof(text[0]) ? text[step] : "unknown";
}

enum h225_reason session_end_to_h225(enum session_end end)
{
    static const enum h225_reason reason[] = {
#define SESSION_END_REASON(name, text, h225) [name] = (h225),
        SESSION_END_LIST(SESSION_END_REASON)
#undef SESSION_END_REASON
    };

    return (size_t)end < sizeof(reason) / sizeof(reason[0]) ? reason[end] : H225_REASON_UNDEFINED;
}

/* ---- notes, steps, events ---- */

void session_step_at(struct session *s, enum session_step step, uint64_t at)
{
    /* The first time counts: a step that is taken twice was taken then. Never before the beginning,
     * since the Setup's octets may have been read before the session was made. */
    if (s->step[step] == 0)
        s->step[step] = at > s->began ? at : s->began;
}

void session_step_now(struct session *s, enum session_step step)
{
    session_step_at(s, step, s->now);
}

void session_note(struct session *s, enum log_level level, enum log_area area, const char *format,
                  ...)
{
    /* A ring: the last few reasons are what an operator asks for. */
    struct session_error *e = &s->errors[s->error_count % SESSION_ERRORS_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    e->at = s->now - s->began;
    s->error_count++;
    log_at(area, level, s->id, "session note", LOG_S("reason", e->text));
}

bool session_wants_events(const struct session *s)
{
    return s->env->ops->wants_events(s->env->user);
}

/* Built by callers only if somebody listens (session_wants_events): JSON for nobody would cost more
 * than the call. */
void session_event(struct session *s, const char *type, json_t *data)
{
    s->env->ops->event(s->env->user, s, type, data);
}

bool session_is_alive(const struct session *s)
{
    return s->state < SESSION_CLOSING;
}

/* ---- timers ---- */

/* Deadlines are fields, the timer of the set is one: the earliest of ours and of both engines. */
void session_set_timer(struct session *s, enum session_timer timer, uint64_t in_ms)
{
    s->deadline[timer] = s->now + in_ms;
}

void session_stop_timer(struct session *s, enum session_timer timer)
{
    s->deadline[timer] = SESSION_NEVER;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void session_arm(struct session *s)
{
    uint64_t next = SESSION_NEVER;

    if (s->state == SESSION_CLOSED) {
        timer_cancel(s->env->timers, &s->timer);
        return;
    }
    for (size_t i = 0; i < SESSION_TIMER_COUNT; i++)
        next = earlier(next, s->deadline[i]);
    if (s->call != NULL)
        next = earlier(next, h225_call_next_deadline(s->call));
    if (s->h245 != NULL)
        next = earlier(next, h245_engine_next_deadline(s->h245));
    if (next == SESSION_NEVER)
        timer_cancel(s->env->timers, &s->timer);
    else
        timer_start(s->env->timers, &s->timer, next);
}

bool session_has_common_codec(const struct session *s)
{
    struct h245_audio chosen, offer[SETTINGS_CODECS_MAX];
    size_t n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);

    return h245_choose_audio(&s->peer_caps, offer, n, &chosen) == 0;
}

static void on_no_channel(struct session *s)
{
    const struct session_transport *failed = NULL;

    SESSION_EACH_TRANSPORT (s, t) {
        /* The newest transport tells what is wrong now. */
        if (failed == NULL || t->id > failed->id)
            failed = t;
    }
    if (failed != NULL && failed->association == ASSOCIATION_FAILED)
        session_end(s, SESSION_END_DTLS_FAILED, failed->failure_text);
    /* In the order of what helps most: a failed DTLS explains all that follows it. */
    else if (!session_has_common_codec(s))
        session_end(s, SESSION_END_NO_CODEC, "no audio codec in common");
    else
        session_end(s, SESSION_END_NO_CHANNEL, "no channel was opened");
}

static void say_end_session(struct session *s);

static void on_own_timer(struct session *s, enum session_timer timer)
{
    switch (timer) {
    case SESSION_TIMER_SETUP:
        if (s->config.is_by_sdp)
            session_end(s, SESSION_END_NO_ANSWER,
                        s->leg != NULL && s->leg->is_offer_out ? "our offer was not answered"
                                                               : "the other side did not come");
        else if (s->config.is_caller)
            session_end(s, SESSION_END_UNREACHABLE, "connection not there in time");
        else
            session_end(s, SESSION_END_SETUP_TIMEOUT, "no Setup came");
        break;
    case SESSION_TIMER_H245:
        session_end(s, SESSION_END_H245_TIMEOUT, "peer did not connect for H.245");
        break;
    case SESSION_TIMER_TCS:
        session_end(s, SESSION_END_NEGOTIATION, "peer sent no capabilities");
        break;
    case SESSION_TIMER_MIRROR:
        session_open_outgoing(s);
        break;
    case SESSION_TIMER_FOLLOW:
        session_follow(s);
        break;
    case SESSION_TIMER_NO_CHANNEL:
        on_no_channel(s);
        break;
    case SESSION_TIMER_DTLS:
        session_remote_overdue(s);
        break;
    case SESSION_TIMER_BANDWIDTH:
        session_bandwidth_on_timer(s);
        break;
    case SESSION_TIMER_REPLACE:
        session_replace_on_timer(s);
        break;
    case SESSION_TIMER_GOODBYE:
        say_end_session(s);
        break;
    /* The peer has not said good-bye in time: enough was waited for. */
    case SESSION_TIMER_END:
        s->is_h245_ended = true;
        s->is_released = true;
        break;
    case SESSION_TIMER_COUNT:
        break;
    }
}

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct session *s = ctx;

    (void)timer;
    s->now = now;
    for (size_t i = 0; i < SESSION_TIMER_COUNT; i++) {
        if (s->deadline[i] > now)
            continue;
        /* Before the action, which may set it anew. */
        s->deadline[i] = SESSION_NEVER;
        on_own_timer(s, (enum session_timer)i);
    }
    /* Asked again after each step: it may have ended one of the engines. */
    if (s->call != NULL && h225_call_next_deadline(s->call) <= now)
        h225_call_on_timer(s->call, now);
    if (s->h245 != NULL && h245_engine_next_deadline(s->h245) <= now)
        h245_engine_on_timer(s->h245, now);
    session_check_closed(s);
    session_arm(s);
}

/* ---- life ---- */

int session_create(struct session_env *env, const struct session_config *config, uint64_t now,
                   struct session **out)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return ERR_NOMEM;
    s->env = env;
    s->config = *config;
    /* Numbers are never used twice: logs and events name them. */
    s->id = ++env->next_id;
    s->began = s->now = now;
    s->wall_began_us = clock_wall_us();
    /* A caller of ours has no connection yet; a leg by SDP never has one. */
    s->is_signalling_up = !config->is_caller && !config->is_by_sdp;
    timer_init(&s->timer, on_timer, s);
    for (size_t i = 0; i < SESSION_TIMER_COUNT; i++)
        s->deadline[i] = SESSION_NEVER;
    if (session_call_create(s) != 0) {
        free(s);
        return ERR_NOMEM;
    }
    env->stats.created++;
    if (!config->is_caller && !config->is_by_sdp)
        /* Who connects and says nothing occupies a connection. */
        session_set_timer(s, SESSION_TIMER_SETUP, env->settings->signalling.timers.setup_ms);
    session_arm(s);
    *out = s;
    return 0;
}

void session_destroy(struct session *s)
{
    if (s == NULL)
        return;
    timer_cancel(s->env->timers, &s->timer);
    if (s->conference != NULL)
        conference_forget(s->conference, s);
    /* Engines last: what was closed before may still have spoken through them. */
    h245_engine_destroy(s->h245);
    h225_call_destroy(s->call);
    for (size_t i = 0; i < SESSION_CHANNELS_MAX; i++)
        free(s->channels[i]);
    for (size_t i = 0; i < SESSION_TRANSPORTS_MAX; i++)
        free(s->transports[i]);
    session_dial_forget(s);
    session_fast_forget(s);
    session_sdp_forget(s);
    free(s);
}

static void say_end_session(struct session *s)
{
    /* Not up, or not to be said: there is nobody to wait for. */
    if (s->h245 == NULL || !s->is_h245_up || h245_is_ended(s->h245) ||
        h245_end_session(s->h245, s->now) != 0)
        s->is_h245_ended = true;
}

static void say_release(struct session *s)
{
    /* The engine knows whether there is a call to release. */
    if (!s->is_released && s->is_signalling_up && h225_call_state(s->call) != H225_STATE_NULL)
        (void)h225_call_release(s->call, session_end_to_h225(s->end), s->now);
    else
        s->is_released = true;
}

/* EndSession comes first (H.323 8.5). But a peer that hears it may release the call itself, and
 * then never learns what our ReleaseComplete has to say: where that is a reason, it goes first and
 * has a moment to arrive on its own connection. */
static void say_goodbye(struct session *s)
{
    bool has_reason = session_end_to_h225(s->end) != H225_REASON_NORMAL &&
                      s->end != SESSION_END_SHUTDOWN && s->is_signalling_up;

    if (s->is_tunnelled) {
        /* One message says both. Held together: EndSession travels inside the ReleaseComplete. */
        h225_call_hold_h245(s->call, true);
        say_end_session(s);
        say_release(s);
        h225_call_hold_h245(s->call, false);
    } else if (has_reason && s->is_h245_up) {
        say_release(s);
        session_set_timer(s, SESSION_TIMER_GOODBYE, GOODBYE_MS);
    } else {
        say_end_session(s);
        say_release(s);
    }
}

/* The media stop, and good-byes go out on every level at once, as endpoints do. What the peer
 * answers is awaited for end_session_ms. */
void session_end(struct session *s, enum session_end why, const char *text)
{
    uint32_t limit = s->env->settings->signalling.timers.end_session_ms;

    if (!session_is_alive(s))
        return;
    s->state = SESSION_CLOSING;
    s->end = why;
    snprintf(s->end_text, sizeof(s->end_text), "%s", text != NULL ? text : "");
    s->env->stats.ended[why]++;
    log_info(LOG_AREA_SESSION, s->id, "session ends", LOG_S("cause", session_end_to_str(why)),
             LOG_S("text", s->end_text), LOG_S("conference", s->conference_name));
    /* Nothing but the end is to be waited for. */
    for (size_t i = 0; i < SESSION_TIMER_COUNT; i++)
        s->deadline[i] = SESSION_NEVER;
    session_set_timer(s, SESSION_TIMER_END, limit);
    if (s->conference != NULL) {
        /* The other side of a relay is asked first, while it can still be reached. */
        session_pass_ending(s);
        conference_leave(s->conference, s);
        s->conference = NULL;
    }
    session_media_close(s); /* media stop first (H.323 8.5), and the close alert leaves */
    say_goodbye(s);
    if (s->is_admission_asked) { /* after the ReleaseComplete, which it may want to see */
        s->is_admission_asked = false;
        s->env->ops->disengage(s->env->user, s, h225_reason_to_cause(session_end_to_h225(why)));
    }
}

void session_close(struct session *s, enum session_end why, uint64_t now)
{
    session_refuse(s, why, NULL, now);
}

void session_refuse(struct session *s, enum session_end why, const char *text, uint64_t now)
{
    s->now = now;
    session_end(s, why, text);
    session_check_closed(s);
    session_arm(s);
}

static json_t *closed_data(const struct session *s, const struct link_transport_stats *f)
{
    return json_pack("{s:s,s:o,s:s,s:I,s:I,s:I,s:I}", "cause", session_end_to_str(s->end), "text",
                     session_text_json(s->end_text), "conference", s->conference_name,
                     "duration_ms", (json_int_t)(s->now - s->began), "packets_in",
                     (json_int_t)f->rtp_in, "packets_out", (json_int_t)f->rtp_out, "lost",
                     (json_int_t)f->lost);
}

static bool is_a_port_closing(const struct session *s)
{
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->is_closing)
            return true;
    }
    return false;
}

void session_check_closed(struct session *s)
{
    struct link_transport_stats sum;

    /* Good-byes answered on both levels and every port closed: only then may the memory go. */
    if (s->state != SESSION_CLOSING || !s->is_h245_ended || !s->is_released || is_a_port_closing(s))
        return;
    s->state = SESSION_CLOSED;
    /* No timer may find a session that its owner is about to free. */
    timer_cancel(s->env->timers, &s->timer);
    s->env->ops->h245_close(s->env->user, s);
    s->env->ops->h225_close(s->env->user, s);
    s->env->stats.closed++;
    session_stats_sum(s, &sum);
    log_info(LOG_AREA_SESSION, s->id, "session closed", LOG_S("cause", session_end_to_str(s->end)),
             LOG_U("duration_ms", s->now - s->began), LOG_U("packets_in", sum.rtp_in),
             LOG_U("packets_out", sum.rtp_out), LOG_U("lost", sum.lost));
    if (session_wants_events(s))
        session_event(s, "session.closed", closed_data(s, &sum));
    s->env->ops->closed(s->env->user, s);
}

/* ---- what comes in ---- */

static void check_noise(struct session *s)
{
    const struct h245_engine_stats *h245 = s->h245 != NULL ? h245_engine_stats(s->h245) : NULL;
    /* All that a well-behaved peer would not send. A handful is normal between different stacks. */
    uint64_t n = h225_call_stats(s->call)->undecodable + h225_call_stats(s->call)->unexpected +
                 h225_call_stats(s->call)->foreign_id + h225_call_stats(s->call)->repeated;

    if (h245 != NULL)
        n += h245->undecodable + h245->unexpected + h245->unknown + h245->channels_refused;
    if (n > REFUSED_MAX)
        session_end(s, SESSION_END_PROTOCOL, "too many messages had to be refused");
}

static void on_late_message(struct session *s, const uint8_t *message, size_t len)
{
    bool from_destination;
    uint16_t ref;
    uint8_t type = 0;

    /* A tunnel's EndSession comes inside the peer's ReleaseComplete; whatever else comes now is too
     * late. */
    if (!s->is_tunnelled || h225_call_peek(message, len, &ref, &from_destination, &type) != 0 ||
        type != Q931_RELEASE_COMPLETE)
        return;
    s->is_h245_ended = true;
    session_check_closed(s);
    session_arm(s);
}

void session_on_h225(struct session *s, const uint8_t *message, size_t len, uint64_t now)
{
    struct h225_call_stats before = *h225_call_stats(s->call);
    const struct h225_call_stats *after;
    int err;

    s->now = now;
    /* After the release nothing is expected but the peer's own ReleaseComplete, and with it the end
     * of a tunnel. */
    if (s->is_released) {
        on_late_message(s, message, len);
        return;
    }
    if (s->is_admission_asked && s->env->ops->signalling != NULL)
        s->env->ops->signalling(s->env->user, s, false, message, len);
    /* For the gatekeeper's view of the message (it may want to see all of them). */
    s->received = (struct h225_octets){message, len};
    err = h225_call_input(s->call, message, len, now);
    s->received = (struct h225_octets){NULL, 0};
    after = h225_call_stats(s->call);
    s->env->stats.h225_undecodable += after->undecodable - before.undecodable;
    s->env->stats.h225_unexpected += after->unexpected - before.unexpected;
    s->env->stats.h225_foreign_id += after->foreign_id - before.foreign_id;
    s->env->stats.h225_repeated += after->repeated - before.repeated;
    if (err != 0) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H225, "call signalling message refused: %s",
                     err_to_str(err));
        /* No call has come of it: there is nothing that could be repaired. */
        if (h225_call_state(s->call) == H225_STATE_NULL)
            session_end(s, SESSION_END_PROTOCOL, "Setup refused");
    }
    check_noise(s);
    /* A Facility may have asked for another destination. */
    session_forward_follow(s);
    session_check_closed(s);
    session_arm(s);
}

void session_on_h225_lost(struct session *s, const char *why, uint64_t now)
{
    bool was_up = s->is_signalling_up;

    s->now = now;
    /* A caller of ours whose first way failed may have another. */
    if (was_up && session_forward_retry(s)) {
        session_check_closed(s);
        session_arm(s);
        return;
    }
    s->is_signalling_up = false;
    /* A tunnel has no other carrier. */
    if (s->is_tunnelled) {
        s->is_h245_up = false;
        s->is_h245_ended = true;
    }
    if (session_is_alive(s)) {
        /* H.323 8.1: a call may outlive its signalling connection, but nothing could end it then
         * that a peer behind it would hear of; and we have one connection a call. */
        session_end(s, was_up ? SESSION_END_H225_LOST : SESSION_END_UNREACHABLE, why);
    } else if (s->deadline[SESSION_TIMER_GOODBYE] != SESSION_NEVER) {
        /* The reason is said (or lost): now the EndSession, without waiting for the rest of the
         * moment. */
        session_stop_timer(s, SESSION_TIMER_GOODBYE);
        say_end_session(s);
    }
    h225_call_lost(s->call, now);
    s->is_released = true;
    session_check_closed(s);
    session_arm(s);
}

void session_on_h245_up(struct session *s, const struct addr *peer, uint64_t now)
{
    s->now = now;
    /* A second connection (both sides connected): the first one stays (H.323 6.2.8). */
    if (!session_is_alive(s) || s->is_h245_up)
        return;
    s->is_h245_up = true;
    s->h245_peer = *peer;
    session_stop_timer(s, SESSION_TIMER_H245);
    session_h245_begin(s);
    session_check_closed(s);
    session_arm(s);
}

void session_on_h245_failed(struct session *s, const char *why, uint64_t now)
{
    s->now = now;
    /* The peer's own connection may still come: the timer ends it. */
    if (session_is_alive(s) && !s->is_h245_up)
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "H.245 connection not opened: %s", why);
    /* Callers may try to be the one who listens. */
    if (session_is_alive(s) && !s->is_h245_up && s->config.is_caller)
        session_dial_on_h245_failed(s);
    session_check_closed(s);
    session_arm(s);
}

void session_h245_input(struct session *s, const uint8_t *pdu, size_t len)
{
    struct h245_engine_stats before;
    const struct h245_engine_stats *after;
    int err;

    /* A closed session has no engine that may be asked. */
    if (s->h245 == NULL || s->state == SESSION_CLOSED)
        return;
    before = *h245_engine_stats(s->h245);
    err = h245_engine_input(s->h245, pdu, len, s->now);
    after = h245_engine_stats(s->h245);
    s->env->stats.h245_undecodable += after->undecodable - before.undecodable;
    s->env->stats.h245_unexpected += after->unexpected - before.unexpected;
    for (int i = 0; i < H245_REFUSAL_COUNT; i++)
        /* Statistics of the server are sums of what its calls saw. */
        s->env->stats.h245_refused[i] += after->refused[i] - before.refused[i];
    if (err != 0)
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "H.245 message refused: %s",
                     err_to_str(err));
    check_noise(s);
}

void session_on_h245(struct session *s, const uint8_t *pdu, size_t len, uint64_t now)
{
    s->now = now;
    session_h245_input(s, pdu, len);
    session_check_closed(s);
    /* The engine may have ended the session. */
    if (s->h245 != NULL && s->state != SESSION_CLOSED)
        session_arm(s);
}

void session_on_h245_lost(struct session *s, const char *why, uint64_t now)
{
    s->now = now;
    s->is_h245_up = false;
    s->is_h245_ended = true;
    /* H.323 8.5.2 lets a call live without H.245; nobody could close a channel any more, so it
     * ends. */
    session_end(s, SESSION_END_H245_LOST, why);
    session_check_closed(s);
    session_arm(s);
}

/* ---- questions ---- */

uint64_t session_id(const struct session *s)
{
    return s->id;
}

enum session_state session_state(const struct session *s)
{
    return s->state;
}

enum session_end session_end_reason(const struct session *s)
{
    return s->end;
}

void *session_owner(const struct session *s)
{
    return s->config.owner;
}

void session_set_owner(struct session *s, void *owner)
{
    s->config.owner = owner;
}

uint16_t session_call_ref(const struct session *s)
{
    return s->config.is_by_sdp ? 0 : h225_call_ref(s->call);
}

bool session_shares_connection(const struct session *s)
{
    return h225_call_shares_connection(s->call);
}

bool session_keeps_connection(const struct session *s)
{
    return h225_call_keeps_connection(s->call);
}

const uint8_t *session_conference_guid(const struct session *s)
{
    return s->conference_guid;
}

bool session_is_caller(const struct session *s)
{
    return s->config.is_caller;
}

bool session_is_sdp(const struct session *s)
{
    return s->config.is_by_sdp;
}

bool session_expects(const struct session *s, const struct addr *from)
{
    /* From its address, or from the one that its Setup named as source. */
    return addr_is_same_ip(from, &s->config.peer) ||
           (s->source.family != ADDR_NONE && addr_is_same_ip(from, &s->source));
}

struct session_env *session_env_of(const struct session *s)
{
    return s->env;
}
