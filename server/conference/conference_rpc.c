/* Methods conference.* of the control socket. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/conference/dialplan.h"
#include "server/server.h"

/* ---- what requests name ---- */

/* NULL: it was answered that there is none. */
static struct conference *conference_of(struct server *s, const json_t *params,
                                        struct rpc_reply *reply)
{
    const char *name = rpc_param_string(params, "conference", "");
    struct conference *c = conferences_find(s->conferences, name);

    if (c == NULL)
        rpc_reply_error(reply, ERR_NOTFOUND,
                        "conference: expected one that runs (conference.list), found \"%s\"", name);
    return c;
}

/* The session that `session` names, which has to be in the conference; NULL: it was answered. */
static struct session *member_of(struct server *s, const struct conference *c, const json_t *params,
                                 struct rpc_reply *reply)
{
    uint64_t id = rpc_param_uint(params, "session", 0);
    struct session *session = h323_find(s->h323, id);
    struct conference_voice voice;

    /* Being in it is the only thing that is asked; its voice is not wanted. */
    if (session != NULL && conference_get_voice(c, session, &voice) == 0)
        return session;
    rpc_reply_error(reply, ERR_NOTFOUND,
                    "session: expected one of conference \"%s\", found %llu, which %s",
                    conference_name(c), (unsigned long long)id,
                    session == NULL ? "does not exist" : "is not in it");
    return NULL;
}

static void reply_conference(const struct conference *c, struct rpc_reply *reply)
{
    rpc_reply_result(reply, conference_get_json(c, clock_mono_ms()));
}

/* ---- listing ---- */

static void method_list(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct server *s = ctx;

    (void)peer;
    (void)params;
    rpc_reply_result(reply, json_pack("{s:o}", "conferences",
                                      conferences_to_json(s->conferences, clock_mono_ms())));
}

static void method_get(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const struct conference *c = conference_of(ctx, params, reply);

    (void)peer;
    if (c != NULL)
        reply_conference(c, reply);
}

/* ---- beginning and end ---- */

/* What a new conference begins with: the row of another alias, of its own name, or nothing. */
static int base_row(struct server *s, const json_t *params, const char *name,
                    struct settings_conference *row, struct rpc_reply *reply)
{
    const char *like = rpc_param_string(params, "like", NULL);
    const struct settings_conference *found = NULL;

    if (dialplan_find(s->settings, like != NULL ? like : name, &found) == 0) {
        *row = *found;
        return 0;
    }
    if (like != NULL) {
        rpc_reply_error(reply, ERR_NOTFOUND, "like: the dial plan knows no \"%s\"", like);
        return ERR_NOTFOUND;
    }
    memset(row, 0, sizeof(*row));
    return 0;
}

static void reply_problems(const struct settings_report *report, int err, struct rpc_reply *reply)
{
    const struct settings_problem *p = &report->problems[0];

    if (report->count == 0)
        rpc_reply_error(reply, err, "%s", err_to_str(err));
    else
        rpc_reply_error(reply, err, "%s: %s", p->path, p->text);
}

/* The row with what the request says about it. Members of the request that are no settings are
 * taken out; the alias is the name. */
static int make_row(struct server *s, const json_t *params, const char *name,
                    struct settings_conference *row, struct rpc_reply *reply)
{
    struct settings_report *report = calloc(1, sizeof(*report));
    /* A copy: params belong to the caller. */
    json_t *object = json_copy((json_t *)(uintptr_t)params);
    bool is_new;
    int err = report != NULL && object != NULL ? base_row(s, params, name, row, reply) : ERR_NOMEM;

    if (err == 0) {
        is_new = row->alias[0] == '\0';
        json_object_del(object, "conference");
        json_object_del(object, "like");
        json_object_set_new(object, "alias", json_string(name));
        /* Who begins a conference by hand wants to put several together. */
        if (is_new && json_object_get(object, "kind") == NULL)
            json_object_set_new(object, "kind", json_string("mix"));
        /* By the rules of the configuration's own table: no second place knows ranges. */
        err = settings_change_conference(s->settings, object, row, report);
        if (err != 0)
            reply_problems(report, err, reply);
    }
    json_decref(object);
    free(report);
    return err;
}

static void method_create(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct server *s = ctx;
    const char *name = rpc_param_string(params, "conference", "");
    struct settings_conference row;
    struct conference *c = NULL;
    int err;

    (void)peer;
    /* A star in a row's alias stands for many names; a conference has one. */
    if (strchr(name, '*') != NULL) {
        rpc_reply_error(reply, ERR_INVAL, "conference: expected a name without \"*\"");
        return;
    }
    if (make_row(s, params, name, &row, reply) != 0)
        return;
    err = conference_create(s->conferences, &row, name, &c);
    if (err == ERR_EXISTS)
        rpc_reply_error(reply, err, "conference: \"%s\" runs already", name);
    else if (err == ERR_LIMIT)
        rpc_reply_error(reply, err, "signalling.limits.max_conferences (%u) are there already",
                        s->settings->signalling.limits.max_conferences);
    else if (err != 0)
        rpc_reply_error(reply, err, "%s", err_to_str(err));
    else
        reply_conference(c, reply);
}

static void method_delete(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct conference *c = conference_of(ctx, params, reply);
    json_t *result;

    (void)peer;
    if (c == NULL)
        return;
    /* Made first: the conference is gone after the delete. */
    result = json_pack("{s:s}", "conference", conference_name(c));
    conference_delete(c);
    rpc_reply_result(reply, result);
}

/* ---- the door ---- */

static void lock(struct server *s, const json_t *params, bool is_locked, struct rpc_reply *reply)
{
    struct conference *c = conference_of(s, params, reply);

    if (c == NULL)
        return;
    if (conference_is_locked(c) == is_locked) {
        rpc_reply_error(reply, ERR_STATE, "conference \"%s\" is %s already", conference_name(c),
                        is_locked ? "locked" : "unlocked");
        return;
    }
    conference_lock(c, is_locked);
    rpc_reply_result(reply,
                     json_pack("{s:s,s:b}", "conference", conference_name(c), "locked", is_locked));
}

static void method_lock(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)peer;
    lock(ctx, params, true, reply);
}

static void method_unlock(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)peer;
    lock(ctx, params, false, reply);
}

static void method_withdraw_chair(void *ctx, void *peer, const json_t *params,
                                  struct rpc_reply *reply)
{
    struct conference *c = conference_of(ctx, params, reply);

    (void)peer;
    if (c == NULL)
        return;
    if (!conference_withdraw_chair(c))
        rpc_reply_error(reply, ERR_STATE, "conference: nobody is its chair");
    else
        rpc_reply_result(reply, json_pack("{s:s}", "conference", conference_name(c)));
}

static void method_kick(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct conference *c = conference_of(ctx, params, reply);
    struct session *session = c != NULL ? member_of(ctx, c, params, reply) : NULL;

    (void)peer;
    if (session == NULL)
        return;
    /* With its own cause: the peer's display tells it from a hang-up. */
    session_close(session, SESSION_END_KICKED, clock_mono_ms());
    rpc_reply_result(reply, json_pack("{s:I,s:s}", "session", (json_int_t)session_id(session),
                                      "state", session_state_to_str(session_state(session))));
}

static void method_move(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct server *s = ctx;
    struct conference *c = conference_of(s, params, reply);
    struct session *session = c != NULL ? member_of(s, c, params, reply) : NULL;
    const char *to = rpc_param_string(params, "to", "");
    const struct settings_conference *row = NULL;
    const char *name = NULL, *why = "";
    int err;

    (void)peer;
    if (session == NULL)
        return;
    /* "*" stands for many names: no conference begins with it as its own. */
    if (conferences_resolve(s->conferences, to, &row, &name) != 0 ||
        (conferences_find(s->conferences, name) == NULL && strchr(name, '*') != NULL)) {
        rpc_reply_error(reply, ERR_NOTFOUND,
                        "to: expected one that runs, or an alias of the dial plan, found \"%s\"",
                        to);
        return;
    }
    err = session_move(session, row, name, &why, clock_mono_ms());
    if (err != 0)
        rpc_reply_error(reply, err, "to: %s", why);
    else
        rpc_reply_result(reply, json_pack("{s:I,s:s}", "session", (json_int_t)session_id(session),
                                          "conference", name));
}

/* ---- voices ---- */

enum voice_change {
    VOICE_MUTE,
    VOICE_UNMUTE,
    VOICE_DEAFEN,
    VOICE_UNDEAFEN,
    VOICE_GAIN,
};

static void change_voice(struct server *s, const json_t *params, enum voice_change change,
                         struct rpc_reply *reply)
{
    struct conference *c = conference_of(s, params, reply);
    struct session *session = c != NULL ? member_of(s, c, params, reply) : NULL;
    struct conference_voice voice;

    if (session == NULL || conference_get_voice(c, session, &voice) != 0)
        return;
    if (change == VOICE_GAIN && !conference_has_mix(c)) { /* packets pass as they are */
        rpc_reply_error(reply, ERR_STATE, "conference \"%s\": expected a conference of kind mix",
                        conference_name(c));
        return;
    }
    if (change == VOICE_MUTE || change == VOICE_UNMUTE)
        voice.is_muted = change == VOICE_MUTE;
    else if (change == VOICE_GAIN)
        voice.gain_db = (int8_t)rpc_param_int(params, "gain_db", 0);
    else
        voice.is_deaf = change == VOICE_DEAFEN;
    /* It is in the conference: asked a moment ago. */
    (void)conference_set_voice(c, session, &voice);
    rpc_reply_result(reply,
                     json_pack("{s:s,s:I,s:b,s:b,s:i}", "conference", conference_name(c), "session",
                               (json_int_t)session_id(session), "muted", voice.is_muted, "deaf",
                               voice.is_deaf, "gain_db", (int)voice.gain_db));
}

#define VOICE_METHOD(name, change)                                                         \
    static void name(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply) \
    {                                                                                      \
        (void)peer;                                                                        \
        change_voice(ctx, params, (change), reply);                                        \
    }
VOICE_METHOD(method_mute, VOICE_MUTE)
VOICE_METHOD(method_unmute, VOICE_UNMUTE)
VOICE_METHOD(method_deafen, VOICE_DEAFEN)
VOICE_METHOD(method_undeafen, VOICE_UNDEAFEN)
VOICE_METHOD(method_gain, VOICE_GAIN)

/* ---- video ---- */

/* The session of a request that may be about the whole conference. False: it was answered. */
static bool read_session(struct server *s, const struct conference *c, const json_t *params,
                         struct session **session, struct rpc_reply *reply)
{
    *session = NULL;
    /* Absent means the whole conference; 0 would be a session that does not exist. */
    if (json_object_get(params, "session") == NULL)
        return true;
    *session = member_of(s, c, params, reply);
    return *session != NULL;
}

static bool read_layout(const char *text, enum settings_layout *out)
{
    static const enum settings_layout all[] = {SETTINGS_LAYOUT_VOICE, SETTINGS_LAYOUT_FIXED,
                                               SETTINGS_LAYOUT_LECTURE};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(settings_layout_to_str(all[i]), text) == 0) {
            *out = all[i];
            return true;
        }
    return false;
}

static void method_layout(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct conference *c = conference_of(ctx, params, reply);
    const char *text = rpc_param_string(params, "layout", "");
    struct session *session = NULL;
    enum settings_layout layout;
    const char *why = "";
    int err;

    (void)peer;
    if (c == NULL)
        return;
    if (!read_layout(text, &layout)) {
        rpc_reply_error(reply, ERR_INVAL, "layout: expected voice, fixed or lecture, found \"%s\"",
                        text);
        return;
    }
    if (!read_session(ctx, c, params, &session, reply))
        return;
    err = conference_set_layout(c, layout, session, &why);
    if (err != 0)
        rpc_reply_error(reply, err, "%s", why);
    else
        reply_conference(c, reply);
}

/* ---- recordings and announcements ---- */

static void reply_about(const struct conference *c, const struct session *session, const char *file,
                        int err, const char *why, struct rpc_reply *reply)
{
    json_t *j;

    if (err != 0) {
        rpc_reply_error(reply, err, "conference \"%s\": %s", conference_name(c), why);
        return;
    }
    j = json_pack("{s:s,s:o}", "conference", conference_name(c), "session",
                  session != NULL ? json_integer((json_int_t)session_id(session)) : json_null());
    if (file != NULL)
        json_object_set_new(j, "file", json_string(file));
    rpc_reply_result(reply, j);
}

/* What a request is about: a conference, or one session of it. */
struct part {
    struct conference *c;
    struct session *session; /* NULL: all of it */
};

/* False: it was answered. */
static bool read_part(struct server *s, const json_t *params, struct part *p,
                      struct rpc_reply *reply)
{
    p->c = conference_of(s, params, reply);
    return p->c != NULL && read_session(s, p->c, params, &p->session, reply);
}

static void method_announce(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const char *file = rpc_param_string(params, "file", ""), *why = "";
    struct part p;
    int err;

    (void)peer;
    if (!read_part(ctx, params, &p, reply))
        return;
    err = conference_announce(p.c, p.session, file, &why);
    reply_about(p.c, p.session, file, err, why, reply);
}

static void method_record_start(void *ctx, void *peer, const json_t *params,
                                struct rpc_reply *reply)
{
    const char *file = rpc_param_string(params, "file", NULL), *used = NULL, *why = "";
    struct part p;
    int err;

    (void)peer;
    if (!read_part(ctx, params, &p, reply))
        return;
    err = conference_record_start(p.c, p.session, file, &used, &why);
    reply_about(p.c, p.session, used, err, why, reply);
}

static void stop_part(struct server *s, const json_t *params,
                      int (*stop)(struct conference *c, struct session *session, const char **why),
                      struct rpc_reply *reply)
{
    const char *why = "";
    struct part p;
    int err;

    if (!read_part(s, params, &p, reply))
        return;
    err = stop(p.c, p.session, &why);
    reply_about(p.c, p.session, NULL, err, why, reply);
}

static void method_stop_announce(void *ctx, void *peer, const json_t *params,
                                 struct rpc_reply *reply)
{
    (void)peer;
    stop_part(ctx, params, conference_stop_announce, reply);
}

static void method_record_stop(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)peer;
    stop_part(ctx, params, conference_record_stop, reply);
}

/* ---- tables ---- */

#define CONFERENCE_PARAM                                   \
    {                                                      \
        "conference", RPC_STRING, true, 1, 127, "its name" \
    }
#define SESSION_PARAM                                            \
    {                                                            \
        "session", RPC_UINT, true, 1, 0, "id of a session in it" \
    }

static const struct rpc_param conference_params[] = {CONFERENCE_PARAM};
static const struct rpc_param member_params[] = {CONFERENCE_PARAM, SESSION_PARAM};
static const struct rpc_param move_params[] = {
    CONFERENCE_PARAM,
    SESSION_PARAM,
    {"to", RPC_STRING, true, 1, 127, "conference that it goes to, as it would be called"},
};
static const struct rpc_param gain_params[] = {
    CONFERENCE_PARAM,
    SESSION_PARAM,
    {"gain_db", RPC_INT, true, 40, 20, "of what it says"},
};
#define ONE_PARAM                                                                          \
    {                                                                                      \
        "session", RPC_UINT, false, 1, 0, "only this one's; default: the whole conference" \
    }
static const struct rpc_param part_params[] = {CONFERENCE_PARAM, ONE_PARAM};
static const struct rpc_param layout_params[] = {
    CONFERENCE_PARAM,
    {"layout", RPC_STRING, true, 1, 16, "voice, fixed or lecture"},
    {"session", RPC_UINT, false, 1, 0, "who is seen (fixed), who lectures (lecture)"},
};
static const struct rpc_param announce_params[] = {
    CONFERENCE_PARAM,
    {"file", RPC_STRING, true, 1, 95, "WAV file of the data plane's directory for announcements"},
    {"session", RPC_UINT, false, 1, 0, "who hears it; default: all"},
};
static const struct rpc_param record_params[] = {
    CONFERENCE_PARAM,
    ONE_PARAM,
    {"file", RPC_STRING, false, 1, 95,
     "in the data plane's directory for recordings; default: conference, time and session"},
};
static const struct rpc_param create_params[] = {
    {"conference", RPC_STRING, true, 1, 127, "its name: what is to be called, too"},
    {"like", RPC_STRING, false, 1, 127,
     "alias whose row of the dial plan holds where nothing else is said; default: that of the "
     "name, else the defaults of `conferences` with kind mix"},
    {"kind", RPC_STRING, false, 1, 16, "relay, mix or forward"},
    {"max_sessions", RPC_UINT, false, 0, 192, "as in `conferences`, like all that follow"},
    {"codecs", RPC_STRINGS, false, 0, 8, ""},
    {"pin", RPC_STRING, false, 0, 16, ""},
    {"pin_tries", RPC_UINT, false, 1, 10, ""},
    {"pin_timeout_ms", RPC_UINT, false, 1000, 600000, ""},
    {"loudest", RPC_UINT, false, 0, 16, ""},
    {"sample_rate", RPC_UINT, false, 8000, 48000, ""},
    {"layout", RPC_STRING, false, 1, 16, ""},
    {"idle_timeout_ms", RPC_UINT, false, 0, 604800000, ""},
    {"max_duration_ms", RPC_UINT, false, 0, 604800000, ""},
    {"record", RPC_STRING, false, 1, 16, ""},
};

#define PARAMS(list) (list), sizeof(list) / sizeof((list)[0])
static const struct rpc_method methods[] = {
    {"conference.list", "conferences and their sessions", NULL, 0, method_list},
    {"conference.get", "one of them", PARAMS(conference_params), method_get},
    {"conference.create",
     "begin one that lives without sessions, until conference.delete, idle_timeout_ms or "
     "max_duration_ms",
     PARAMS(create_params), method_create},
    {"conference.delete", "end it, and its sessions", PARAMS(conference_params), method_delete},
    {"conference.lock", "nobody joins any more but whom the server calls",
     PARAMS(conference_params), method_lock},
    {"conference.unlock", "open it again", PARAMS(conference_params), method_unlock},
    {"conference.kick", "end a session of it", PARAMS(member_params), method_kick},
    {"conference.withdraw_chair", "take the chair's token (H.243) from who has it",
     PARAMS(conference_params), method_withdraw_chair},
    {"conference.move", "take a session to another conference of the same kind; it needs no PIN",
     PARAMS(move_params), method_move},
    {"conference.mute", "nobody hears or sees the session", PARAMS(member_params), method_mute},
    {"conference.unmute", "take that back", PARAMS(member_params), method_unmute},
    {"conference.deafen", "the session hears nobody", PARAMS(member_params), method_deafen},
    {"conference.undeafen", "take that back", PARAMS(member_params), method_undeafen},
    {"conference.gain", "make a session of a mix louder or softer", PARAMS(gain_params),
     method_gain},
    {"conference.layout", "whose video the sessions of a mix see", PARAMS(layout_params),
     method_layout},
    {"conference.announce", "play a WAV file in a mix; conference.announcement tells its end",
     PARAMS(announce_params), method_announce},
    {"conference.stop_announce", "stop it", PARAMS(part_params), method_stop_announce},
    {"conference.record_start",
     "record a mix, or what one session says; conference.recording tells the end",
     PARAMS(record_params), method_record_start},
    {"conference.record_stop", "stop it", PARAMS(part_params), method_record_stop},
};

int server_conference_register(struct server *s)
{
    return rpc_register(control_rpc(s->control), methods, sizeof(methods) / sizeof(methods[0]), s);
}
