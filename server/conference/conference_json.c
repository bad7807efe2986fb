/* How conferences are told: in answers and in events. */
#include "server/conference/conference_priv.h"

#include "server/conference/h243.h"

bool conference_is_watched(const struct conference *c)
{
    const struct session_env *env = c->all->env;

    /* Asked before any JSON is made: most servers have nobody at the control socket. */
    return env->ops->wants_events(env->user);
}

void conference_event(const struct conference *c, const struct member *m, const char *type,
                      json_t *data)
{
    const struct session_env *env = c->all->env;

    /* Every event of a conference names it. */
    json_object_set_new(data, "conference", json_string(c->name));
    env->ops->event(env->user, m != NULL ? m->session : NULL, type, data);
}

static json_t *member_to_json(const struct member *m, uint64_t now)
{
    json_t *j = session_to_json_short(m->session, now);
    json_t *more = json_pack("{s:i,s:b,s:b,s:b,s:i}", "number", (int)h243_number(m->seat),
                             "waiting", m->is_waiting, "muted", m->is_muted, "deaf", m->is_deaf,
                             "gain_db", (int)m->gain_db);

    /* As in session.list, and what the conference knows besides: one shape for both. */
    json_object_update(j, more);
    json_decref(more);
    return j;
}

json_t *conference_to_json(const struct conference *c, uint64_t now)
{
    json_t *sessions = json_array();
    json_t *j;

    CONFERENCE_EACH_MEMBER(c, m)
    json_array_append_new(sessions, member_to_json(m, now));
    j = json_pack("{s:s,s:s,s:o,s:I,s:I,s:b,s:b,s:b,s:o}", "name", c->name, "kind",
                  settings_conference_kind_to_str(c->settings->kind), "codec",
                  c->has_codec ? json_string(h245_codec_to_str(c->codec)) : json_null(),
                  "max_sessions", (json_int_t)c->settings->max_sessions, "duration_ms",
                  (json_int_t)(now - c->began), "kept", c->is_kept, "locked", c->is_locked,
                  "has_pin", c->settings->pin[0] != '\0', "sessions", sessions);
    if (c->kind->add_json != NULL)
        c->kind->add_json(c, j);
    return j;
}

json_t *conferences_to_json(const struct conferences *c, uint64_t now)
{
    json_t *list = json_array();

    LIST_FOREACH (it, &c->all)
        json_array_append_new(list,
                              conference_to_json(LIST_ENTRY(it, struct conference, link), now));
    return list;
}
