/* What the receivers of pictures want of their source: whole ones, and no more than they can take.
 * Of video (whom a member sees) and of what is presented (H.239) alike. */
#include "server/conference/conference_mix.h"

#include "server/session/session_video.h"

/* A source is asked for a whole picture at most so often: each costs as much as a second of video.
 */
#define PICTURE_MS 1000

/* Whose pictures `m` receives by a medium. */
static struct member *source_of(const struct conference *c, const struct member *m,
                                enum h245_media medium)
{
    return medium == H245_MEDIA_VIDEO ? m->sees : conference_presented_to(c, m);
}

static struct member_pictures *pictures_of(struct member *m, enum h245_media medium)
{
    return medium == H245_MEDIA_VIDEO ? &m->video : &m->presented;
}

void conference_ask_picture(struct conference *c, struct member_pictures *p)
{
    uint64_t now = conference_now(c->all);

    if (now < p->asked + PICTURE_MS && p->asked != 0) {
        /* Those who ask meanwhile are all served by one picture a little later. */
        if (!timer_is_running(&p->timer))
            timer_start(c->all->env->timers, &p->timer, p->asked + PICTURE_MS);
        return;
    }
    p->asked = now;
    session_ask_whole_picture(p->member->session, p->medium);
}

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct member_pictures *p = ctx;

    (void)timer;
    (void)now;
    conference_ask_picture(p->member->conference, p);
}

void conference_picture_wanted(struct conference *c, struct session *s, enum h245_media medium)
{
    const struct member *m = conference_member(c, s);
    struct member *source = m != NULL ? source_of(c, m, medium) : NULL;

    if (source != NULL)
        conference_ask_picture(c, pictures_of(source, medium));
}

/* A source sends no more than the slowest of those who see it can take; who sees nothing of it has
 * no say. */
static void update_rate(struct conference *c, struct member_pictures *p)
{
    uint32_t rate = SESSION_RATE_ANY;
    uint16_t lcn = session_source_lcn(p->member->session, p->medium);

    /* A limit is a channel's: another one, in its place or in the moment of a change beside it,
     * begins without; one that waits for its port cannot be told yet. */
    if (lcn != p->lcn) {
        p->lcn = lcn;
        p->limit = SESSION_RATE_ANY;
    }
    if (lcn == 0)
        return;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        const struct member_pictures *takes = pictures_of(m, p->medium);

        uint32_t able;

        if (source_of(c, m, p->medium) != p->member)
            continue;
        able = conference_video_rate(p->member, m, p->medium);
        rate = takes->rate < rate ? takes->rate : rate;
        rate = able < rate ? able : rate;
    }
    if (rate == p->limit)
        return;
    p->limit = rate;
    session_limit_video(p->member->session, p->medium, rate);
}

void conference_update_rates(struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        update_rate(c, &m->video);
        update_rate(c, &m->presented);
    }
}

void conference_limit_video(struct conference *c, struct session *s, enum h245_media medium,
                            uint32_t rate)
{
    struct member *m = conference_member(c, s);

    if (m == NULL || pictures_of(m, medium)->rate == rate)
        return;
    pictures_of(m, medium)->rate = rate;
    conference_update_rates(c);
}

static void begin(struct member *m, enum h245_media medium)
{
    struct member_pictures *p = pictures_of(m, medium);

    p->member = m;
    p->medium = medium;
    p->rate = p->limit = SESSION_RATE_ANY;
    timer_init(&p->timer, on_timer, p);
}

void conference_pictures_begin(struct member *m)
{
    begin(m, H245_MEDIA_VIDEO);
    begin(m, H245_MEDIA_PRESENTATION);
}

void conference_pictures_leave(struct conference *c, struct member *gone)
{
    timer_cancel(c->all->env->timers, &gone->video.timer);
    timer_cancel(c->all->env->timers, &gone->presented.timer);
}
