/* A session changes its conference: the call, its channels and its keys stay. */
#include "server/session/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_control.h"

/* Channels that are open now have to make sense there, too, and their ports have to be where the
 * other conference's mix is: a port does not change its worker. NULL: all is well. */
static const char *judge(const struct session *s, const struct conference *to)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->kind == H245_MEDIA_AUDIO && !conference_accepts(to, s, c->audio.codec))
            return "its codec is not one of that conference";
    }
    SESSION_EACH_TRANSPORT (s, t) {
        /* Members of a mix must be on its worker. */
        if (t->port != NULL && !s->env->media_ops->is_near(t->port, conference_place(to)))
            return "that conference is on another worker of the data plane";
    }
    return NULL;
}

static void settle(struct session *s)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->kind == H245_MEDIA_AUDIO && c->index == 0)
            conference_settle(s->conference, c->audio.codec);
    }
}

/* As at the beginning: PIN, then the seat. */
static void sit_down(struct session *s)
{
    bool is_ready = s->h245 != NULL && h245_msd_is_done(s->h245) && s->is_capable;

    conference_admit(s->conference, s);
    if (is_ready && conference_may_take_seat(s->conference, s))
        session_take_seat(s);
}

int session_move(struct session *s, const struct settings_conference *row, const char *name,
                 const char **why, uint64_t now)
{
    struct conference *from = s->conference, *to = NULL;
    int err;

    s->now = now;
    *why = "expected an active session";
    if (s->state != SESSION_ACTIVE || from == NULL)
        return ERR_STATE;
    *why = "it is there already";
    if (strcmp(name, s->conference_name) == 0)
        return ERR_EXISTS;
    /* RTCP of a relay is the other session's, that of a mix ends here: ports were opened for one.
     */
    *why = "expected a conference of the same kind";
    if (row->kind != conference_kind(from))
        return ERR_STATE;
    *why = "media that pass through have their other end there";
    if (row->passthrough || conference_is_passed(from))
        return ERR_STATE;
    /* Near the old one, where its ports are. */
    err = conference_join_near(s->env->conferences, row, name, s, from, &to);
    if (err != 0) {
        *why = session_end_to_str(conference_refusal(err));
        return err;
    }
    *why = judge(s, to);
    if (*why != NULL) {
        conference_leave(to, s);
        return ERR_UNSUPPORTED;
    }
    /* Only now: refused moves leave the session where it was. */
    conference_leave(from, s);
    s->conference = to;
    session_copy_text(s->conference_name, sizeof(s->conference_name), name);
    log_info(LOG_AREA_SESSION, s->id, "moved", LOG_S("conference", s->conference_name));
    settle(s);
    sit_down(s);
    /* Routes and mixes change for the others there. */
    conference_update(to);
    session_arm(s);
    return 0;
}
