/* What members of a mix are told about pictures (H.243): whose they get, whether theirs is seen;
 * and who may put its own before all. */
#include "server/conference/conference_mix.h"

#include "base/log.h"
#include "server/conference/h243.h"
#include "server/session/session_video.h"

static bool is_seeing(const struct member *m)
{
    return m->sees != NULL && session_flow_out(m->session, H245_MEDIA_VIDEO).transport != 0 &&
           session_flow_in(m->sees->session, H245_MEDIA_VIDEO).transport != 0;
}

/* Somebody sends video, and it can take none of it; that it hears and is heard is not touched. */
static void tell_excluded(const struct conference *c, struct member *m)
{
    const struct h245_peer_caps *caps = session_peer_caps(m->session);
    bool has_video = false, is_there = false;

    for (size_t i = 0; caps != NULL && i < caps->relayed_count; i++)
        has_video = has_video || caps->relayed[i].media == H245_MEDIA_VIDEO;
    if (m->sees == NULL && has_video && !m->is_waiting && !m->is_deaf) {
        CONFERENCE_EACH_MEMBER(c, other)
        is_there = is_there || conference_video_is_source(other, m);
    }
    if (m->is_excluded == is_there)
        return;
    m->is_excluded = is_there;
    if (!is_there)
        return;
    log_info(LOG_AREA_CONFERENCE, session_id(m->session), "no video in common",
             LOG_S("conference", c->name));
    if (conference_is_watched(c))
        conference_event(c, m, "conference.video",
                         json_pack("{s:n,s:s}", "source", "reason", "no_common_codec"));
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
        tell_excluded(c, m);
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
