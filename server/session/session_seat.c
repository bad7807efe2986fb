/* A session's seat in its conference: what H.243 and H.239 make of it. The rules of the conference
 * are h243.c's; here they meet a session's calls, channels and events. */
#include "server/session/session_control.h"

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "server/conference/conference.h"
#include "server/conference/h243.h"
#include "server/session/session_priv.h"
#include "signalling/h245/h239.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

#define H243_ANSWER_MAX 129 /* a TerminalID, and a zero octet */

void session_copy_octets(char *to, size_t cap, const struct per_octets *from)
{
    size_t n = from->len < cap - 1 ? from->len : cap - 1;

    memcpy(to, from->p, n);
    to[n] = '\0';
}

/* NULL: call signalling has said none. */
static const char *known_name(const struct session *s)
{
    if (s->peer_display[0] != '\0')
        return s->peer_display;
    return s->peer_alias_count > 0 && s->peer_aliases[0][0] != '\0' ? s->peer_aliases[0] : NULL;
}

static const char *name_of(void *user)
{
    const char *name = known_name(user);

    return name != NULL ? name : "terminal"; /* a terminal ID may not be empty */
}

/* The one who asks is in the middle of a message: who called us looks after its end. */
static void on_drop(void *user, bool is_self)
{
    struct session *s = user;

    if (is_self)
        session_end(s, SESSION_END_DROPPED, "the chair dropped itself");
    else
        session_close(s, SESSION_END_DROPPED, s->env->now(s->env->user));
}

static void on_touched(void *user)
{
    session_arm(user);
}

static void on_changed(void *user, const char *what, bool is_owner)
{
    struct session *s = user;

    log_info(LOG_AREA_CONFERENCE, s->id, is_owner ? "token taken" : "token given back",
             LOG_S("token", what), LOG_S("conference", s->conference_name));
    if (session_wants_events(s))
        session_event(s, "session.token",
                      json_pack("{s:s,s:b}", "token", what, "is_owner", is_owner));
}

static void on_floor(void *user)
{
    struct session *s = user;

    if (session_wants_events(s))
        session_event(s, "conference.floor", json_pack("{s:s}", "conference", s->conference_name));
}

static bool on_watch(void *user, void *source)
{
    struct session *s = user;

    return conference_watch(s->conference, s, source) == 0;
}

static bool on_broadcast(void *user, bool is_on)
{
    struct session *s = user;
    const char *why;

    return conference_set_layout(s->conference,
                                 is_on ? SETTINGS_LAYOUT_FIXED : SETTINGS_LAYOUT_VOICE,
                                 is_on ? s : NULL, &why) == 0;
}

/* Its video, as long as an operator has not chosen who is seen. */
static bool on_show(void *user, uint16_t lcn)
{
    struct session *s = user;
    const struct session_channel *c = session_channel_find(s, lcn, H245_INCOMING);
    const char *why;

    return c != NULL && c->kind == H245_MEDIA_VIDEO && c->state == CHANNEL_OPEN &&
           conference_may_show(s->conference, s) &&
           conference_set_layout(s->conference, SETTINGS_LAYOUT_FIXED, s, &why) == 0;
}

static void on_number(void *user, char digit)
{
    const char text[2] = {digit, '\0'};

    session_user_input(user, text, 0, "h245");
}

static void on_identified(void *user, enum h243_question what, const char *text, size_t len)
{
    struct session *s = user;
    const struct per_octets octets = per_octets_of(text, len);
    char copy[H243_ANSWER_MAX];

    session_copy_octets(copy, sizeof(copy), &octets);
    if (session_wants_events(s))
        session_event(s, "session.identified",
                      json_pack("{s:s,s:o}", "what", h243_question_to_str(what), "text",
                                session_text_json(copy)));
}

const struct h243_ops session_h243_ops = {
    .name = name_of,
    .drop = on_drop,
    .touched = on_touched,
    .changed = on_changed,
    .floor = on_floor,
    .watch = on_watch,
    .broadcast = on_broadcast,
    .show = on_show,
    .number = on_number,
    .identified = on_identified,
};

struct h243_member *session_seat(const struct session *s)
{
    return s->conference != NULL ? conference_seat(s->conference, s) : NULL;
}

void session_control_on_caps(struct session *s, const struct h245_TerminalCapabilitySet *tcs)
{
    struct h243_member *seat = session_seat(s);
    struct h239_caps caps;

    h239_read_tcs(tcs, &caps);
    if (seat != NULL)
        h243_set_h239(seat, caps.has_control);
}

void session_take_seat(struct session *s)
{
    struct h243_member *seat = s->h245 != NULL ? session_seat(s) : NULL;

    if (seat == NULL)
        return;
    h243_enter(seat, s->h245);
    if (known_name(s) == NULL) /* the others shall see somebody, not "terminal" */
        (void)h243_ask(seat, H243_ASK_TERMINAL_ID, s->env->now(s->env->user));
}

int session_ask(struct session *s, const char *what, uint64_t now)
{
    struct h243_member *seat = s->h245 != NULL ? session_seat(s) : NULL;

    for (int i = 0; i < H243_QUESTIONS; i++) {
        if (strcmp(h243_question_to_str((enum h243_question)i), what) != 0)
            continue;
        return seat != NULL ? h243_ask(seat, (enum h243_question)i, now) : ERR_STATE;
    }
    return ERR_UNSUPPORTED;
}

void session_control_on_ready(void *arg)
{
    struct session *s = arg;

    if (s->conference == NULL)
        return;
    if (conference_may_take_seat(s->conference, s))
        session_take_seat(s);
    else /* an endpoint with H.243 can ask its user in a better way than by keys */
        h243_ask_password(session_seat(s), s->h245, s->now);
}

void session_control_on_conference_response(void *arg,
                                            const struct h245_ConferenceResponse *response)
{
    struct h243_member *seat = session_seat(arg);
    char digits[SETTINGS_PIN_MAX * 2];

    if (response->kind != h245_ConferenceResponse_passwordResponse) {
        if (seat != NULL)
            h243_on_response(seat, response);
        return;
    }
    session_copy_octets(digits, sizeof(digits) - 1, &response->u.passwordResponse->password);
    strcat(digits, "#"); /* whole as it is: too short is wrong, not the beginning of something */
    session_on_pin(arg, digits);
    secret_wipe(digits, sizeof(digits));
}

bool session_control_on_conference_request(void *arg, const struct h245_ConferenceRequest *request)
{
    struct h243_member *seat = session_seat(arg);

    return seat != NULL && h243_on_request(seat, request);
}

bool session_control_on_conference_command(void *arg, const struct h245_ConferenceCommand *command)
{
    struct h243_member *seat = session_seat(arg);

    return seat != NULL && h243_on_command(seat, command);
}

static bool judge_generic(const struct session *s, struct h243_member *seat,
                          enum h245_generic_class class, const struct h245_GenericMessage *message)
{
    switch (class) {
    case H245_GENERIC_REQUEST:
        return h243_on_generic_request(seat, message, s->now);
    case H245_GENERIC_RESPONSE:
        return h243_on_generic_response(seat, message);
    case H245_GENERIC_COMMAND:
        return h243_on_generic_command(seat, message);
    default:
        return false;
    }
}

bool session_control_on_generic(void *arg, enum h245_generic_class class,
                                const struct h245_GenericMessage *message)
{
    struct session *s = arg;
    struct h243_member *seat = session_seat(s);
    bool is_done = seat != NULL && judge_generic(s, seat, class, message);

    /* The token may be another's now: with it goes what the others see. */
    if (is_done)
        conference_update(s->conference);
    return is_done;
}

void session_control_on_failed(struct session *s, enum h245_procedure procedure)
{
    struct h243_member *seat = session_seat(s);

    if (seat != NULL && procedure == H245_PROC_GENERIC)
        h243_on_generic_failed(seat);
}

json_t *session_terminal_json(const struct session *s)
{
    const struct h243_member *seat = s->h245 != NULL ? session_seat(s) : NULL;

    if (seat == NULL)
        return json_null();
    return json_pack(
        "{s:i,s:i,s:b,s:b,s:o}", "mcu", H243_MCU_NUMBER, "number", (int)h243_number(seat), "chair",
        h243_is_chair(seat), "presenter", h243_is_presenter(seat), "name",
        h243_own_name(seat)[0] != '\0' ? session_text_json(h243_own_name(seat)) : json_null());
}
