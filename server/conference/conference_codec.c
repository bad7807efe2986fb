/* One codec for all, where packets pass as they are: chosen again when somebody comes who cannot
 * receive the one that is settled, and all the others can do with another one. Otherwise nobody's
 * channel is touched: the newcomer ends, and knows why. */
#include "server/conference/conference_priv.h"

#include "base/log.h"
#include "server/session/session_mix.h"

static bool suits_all(const struct conference *c, enum h245_codec codec)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (!session_can_receive(m->session, codec) || !session_may_change_codec(m->session))
            return false;
    }
    return c->kind->is_served(codec);
}

static bool find_codec(const struct conference *c, enum h245_codec *codec)
{
    for (uint32_t i = 0; i < c->settings->codec_count; i++) {
        *codec = conference_codec_of(c->settings->codecs[i]);
        if (suits_all(c, *codec))
            return true;
    }
    return false;
}

bool conference_agree(struct conference *c, const struct session *s)
{
    enum h245_codec codec;

    if (!c->kind->is_common_codec || !c->has_codec || c->settings->passthrough ||
        session_can_receive(s, c->codec))
        return true;
    if (!find_codec(c, &codec))
        return false;
    log_info(LOG_AREA_CONFERENCE, session_id(s), "another codec for all",
             LOG_S("conference", c->name), LOG_S("from", h245_codec_to_str(c->codec)),
             LOG_S("to", h245_codec_to_str(codec)));
    c->codec = codec;
    c->is_changed = true;
    CONFERENCE_EACH_MEMBER(c, m)
    session_change_codec(m->session);
    return true;
}

bool conference_is_outdated(const struct conference *c, enum h245_codec codec)
{
    return c->is_changed && c->has_codec && c->codec != codec;
}
