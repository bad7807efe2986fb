/* What members of a mix are told about pictures (H.243): whose they get, whether theirs is seen;
 * and who may put its own before all. */
#include "server/conference_mix.h"

#include "server/h243.h"
#include "server/session_video.h"

static bool is_seeing(const struct member *m)
{
    return m->sees != NULL && session_flow_out(m->session, H245_MEDIA_VIDEO).transport != 0 &&
           session_flow_in(m->sees->session, H245_MEDIA_VIDEO).transport != 0;
}

/* By what flows, not by what is meant to: a camera's light shall not lie. */
void conference_show_tell(struct conference *c)
{
    unsigned viewers[H243_MEMBERS_MAX + 1] = {0};
    unsigned here = 0;

    CONFERENCE_EACH_MEMBER(c, m)
    {
        here += !m->is_waiting;
        if (is_seeing(m))
            viewers[h243_number(m->sees->seat)]++;
    }
    CONFERENCE_EACH_MEMBER(c, m)
    {
        h243_tell_seeing(m->seat, is_seeing(m) ? m->sees->seat : NULL);
        h243_tell_seen(m->seat, viewers[h243_number(m->seat)], here - 1);
    }
}

bool conference_may_show(const struct conference *c, const struct session *s)
{
    return conference_has_mix(c) &&
           (c->layout == SETTINGS_LAYOUT_VOICE || c->shown == NULL || c->shown->session == s);
}

bool conference_withdraw_chair(struct conference *c)
{
    return h243_withdraw_chair(c->control);
}
