/* How long conferences live, and how they end. */
#include "server/conference/conference_priv.h"

#include "base/log.h"
#include "server/conference/h243.h"

const char *conference_end_to_str(enum conference_end why)
{
    static const char *const text[] = {
#define CONFERENCE_END_TEXT(name, text) [name] = (text),
        CONFERENCE_END_LIST(CONFERENCE_END_TEXT)
#undef CONFERENCE_END_TEXT
    };

    return (size_t)why < sizeof(text) / sizeof(text[0]) ? text[why] : "unknown";
}

static uint64_t end_of_idle(const struct conference *c)
{
    if (!c->is_kept || c->count > 0 || c->settings->idle_timeout_ms == 0)
        /* Kept ones alone: others end with their last session. */
        return TIMER_NEVER;
    /* From when it became empty, not from now: a look at it must not keep it alive. */
    return c->empty_since + c->settings->idle_timeout_ms;
}

static uint64_t end_of_duration(const struct conference *c)
{
    return c->settings->max_duration_ms == 0 ? TIMER_NEVER
                                             : c->began + c->settings->max_duration_ms;
}

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct conference *c = ctx;

    (void)timer;
    /* The duration before idleness: both may be over, and the reason that was configured is
     * told. */
    if (now >= end_of_duration(c)) {
        c->all->stats.ended_duration++;
        conference_finish(c, CONFERENCE_END_DURATION, SESSION_END_CONFERENCE_ENDED);
    } else if (now >= end_of_idle(c)) {
        c->all->stats.ended_idle++;
        conference_finish(c, CONFERENCE_END_IDLE, SESSION_END_CONFERENCE_ENDED);
    } else {
        /* Somebody has joined meanwhile. */
        conference_arm(c);
    }
}

void conference_life_begin(struct conference *c)
{
    timer_init(&c->timer, on_timer, c);
    conference_arm(c);
    log_info(LOG_AREA_CONFERENCE, 0, "conference begins", LOG_S("conference", c->name),
             LOG_S("kind", settings_conference_kind_to_str(c->settings->kind)));
    if (conference_is_watched(c))
        conference_event(c, NULL, "conference.created",
                         json_pack("{s:s,s:I}", "kind",
                                   settings_conference_kind_to_str(c->settings->kind),
                                   "max_sessions", (json_int_t)c->settings->max_sessions));
}

void conference_arm(struct conference *c)
{
    uint64_t idle = end_of_idle(c), duration = end_of_duration(c);
    uint64_t next = idle < duration ? idle : duration;

    if (next == TIMER_NEVER || c->is_ending)
        timer_cancel(c->all->env->timers, &c->timer);
    else
        timer_start(c->all->env->timers, &c->timer, next);
}

static void delete (struct conference *c, enum conference_end why)
{
    uint64_t lasted = conference_now(c->all) - c->began;

    log_info(LOG_AREA_CONFERENCE, 0, "conference ends", LOG_S("conference", c->name),
             LOG_S("cause", conference_end_to_str(why)), LOG_U("duration_ms", lasted),
             LOG_U("joins", c->joins));
    if (conference_is_watched(c))
        conference_event(c, NULL, "conference.deleted",
                         json_pack("{s:s,s:I,s:I}", "cause", conference_end_to_str(why),
                                   "duration_ms", (json_int_t)lasted, "joins",
                                   (json_int_t)c->joins));
    c->all->stats.deleted++;
    conference_free(c);
}

void conference_on_empty(struct conference *c)
{
    c->empty_since = conference_now(c->all);
    c->has_codec = false;
    /* The reason that began the end, not the last session's. */
    if (c->is_ending)
        delete (c, c->why);
    else if (!c->is_kept)
        delete (c, CONFERENCE_END_EMPTY);
    else
        conference_arm(c);
}

/* Sessions leave one by one, and the last takes the conference along: from here on nothing but the
 * list that was made before may be looked at. */
void conference_finish(struct conference *c, enum conference_end why, enum session_end for_sessions)
{
    /* A copy: the list changes with each close. */
    struct session *sessions[H243_MEMBERS_MAX];
    uint64_t now = conference_now(c->all);
    size_t n = 0;

    if (c->is_ending)
        return;
    /* Set first: a session that closes comes back to conference_on_empty. */
    c->is_ending = true;
    c->why = why;
    /* Cancels the timer. */
    conference_arm(c);
    CONFERENCE_EACH_MEMBER(c, m)
    sessions[n++] = m->session;
    /* With none nothing below would end it. */
    if (n == 0)
        conference_on_empty(c);
    for (size_t i = 0; i < n; i++)
        session_close(sessions[i], for_sessions, now);
}
