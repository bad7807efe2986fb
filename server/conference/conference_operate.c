/* What an operator may do with conferences. */
#include "server/conference/conference_priv.h"

#include "base/err.h"
#include "base/log.h"

struct conference *conferences_find(struct conferences *all, const char *name)
{
    return conference_find(all, name);
}

json_t *conference_get_json(const struct conference *c, uint64_t now)
{
    return conference_to_json(c, now);
}

int conference_create(struct conferences *all, const struct settings_conference *settings,
                      const char *name, struct conference **out)
{
    struct conference *c = conference_find(all, name);

    if (c != NULL)
        return ERR_EXISTS;
    /* The same limit as for calls: an operator is not to fill what callers need. */
    if (all->count >= all->env->settings->signalling.limits.max_conferences)
        return ERR_LIMIT;
    c = conference_make(all, settings, name);
    if (c == NULL)
        return ERR_NOMEM;
    c->is_kept = true;
    /* Its idle time begins now. */
    conference_arm(c);
    *out = c;
    return 0;
}

void conference_delete(struct conference *c)
{
    conference_finish(c, CONFERENCE_END_OPERATOR, SESSION_END_CONFERENCE_ENDED);
}

void conference_lock(struct conference *c, bool is_locked)
{
    if (c->is_locked == is_locked)
        return;
    c->is_locked = is_locked;
    log_info(LOG_AREA_CONFERENCE, 0, is_locked ? "conference locked" : "conference unlocked",
             LOG_S("conference", c->name));
    if (conference_is_watched(c))
        conference_event(c, NULL, "conference.locked", json_pack("{s:b}", "locked", is_locked));
}

bool conference_is_locked(const struct conference *c)
{
    return c->is_locked;
}

int conference_get_voice(const struct conference *c, const struct session *s,
                         struct conference_voice *voice)
{
    const struct member *m = conference_member(c, s);

    if (m == NULL)
        return ERR_NOTFOUND;
    *voice = (struct conference_voice){m->is_muted, m->is_deaf, m->gain_db};
    return 0;
}

int conference_set_voice(struct conference *c, struct session *s,
                         const struct conference_voice *voice)
{
    struct member *m = conference_member(c, s);

    if (m == NULL)
        return ERR_NOTFOUND;
    if (m->is_muted == voice->is_muted && m->is_deaf == voice->is_deaf &&
        m->gain_db == voice->gain_db)
        return 0;
    m->is_muted = voice->is_muted;
    m->is_deaf = voice->is_deaf;
    m->gain_db = voice->gain_db;
    log_info(LOG_AREA_CONFERENCE, session_id(s), "voice set", LOG_S("conference", c->name),
             LOG_B("muted", m->is_muted), LOG_B("deaf", m->is_deaf), LOG_I("gain_db", m->gain_db));
    if (conference_is_watched(c))
        conference_event(c, m, "conference.muted",
                         json_pack("{s:b,s:b,s:i}", "muted", m->is_muted, "deaf", m->is_deaf,
                                   "gain_db", (int)m->gain_db));
    /* The kind tells the data plane. */
    conference_update(c);
    return 0;
}
