/* One codec for all, where packets pass as they are: chosen again when somebody comes who cannot
 * receive the one that is settled, and all the others can do with another one; or when somebody
 * wishes for another. Otherwise nobody's channel is touched: the newcomer ends, the wish is
 * refused, and either knows why. */
#include "server/conference/conference_priv.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "server/session/session_mix.h"

/* Peers may change the codec of all so often. Two that insist on different ones would have
 * everybody open channels for ever. */
#define PEERS_CHANGE_MS 5000

/* NULL: it can. */
static const char *obstacle(const struct session *s, enum h245_codec codec)
{
    if (!session_can_receive(s, codec))
        return "cannot receive it";
    return session_may_change_codec(s) ? NULL : "cannot change its channels (SDP, or no H.245)";
}

static bool suits_all(const struct conference *c, enum h245_codec codec)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (obstacle(m->session, codec) != NULL)
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

static void change(struct conference *c, const struct session *by, enum h245_codec codec)
{
    log_info(LOG_AREA_CONFERENCE, session_id(by), "another codec for all",
             LOG_S("conference", c->name), LOG_S("from", h245_codec_to_str(c->codec)),
             LOG_S("to", h245_codec_to_str(codec)));
    if (conference_is_watched(c))
        conference_event(c, conference_member(c, by), "conference.codec",
                         json_pack("{s:s,s:s}", "from", h245_codec_to_str(c->codec), "to",
                                   h245_codec_to_str(codec)));
    c->codec = codec;
    c->is_changed = true;
    c->codec_changed = conference_now(c->all);
    CONFERENCE_EACH_MEMBER(c, m)
    session_change_codec(m->session);
}

bool conference_agree(struct conference *c, const struct session *s)
{
    enum h245_codec codec;

    if (!c->kind->is_common_codec || !c->has_codec || c->settings->passthrough ||
        session_can_receive(s, c->codec))
        return true;
    if (!find_codec(c, &codec))
        return false;
    change(c, s, codec);
    return true;
}

bool conference_is_outdated(const struct conference *c, enum h245_codec codec)
{
    return c->is_changed && c->has_codec && c->codec != codec;
}

/* ---- wishes ---- */

static bool is_of_all(const struct conference *c, enum h245_codec codec)
{
    return c->kind->is_common_codec && c->has_codec && c->codec != codec;
}

static bool is_configured(const struct conference *c, enum h245_codec codec)
{
    for (uint32_t i = 0; i < c->settings->codec_count; i++)
        if (conference_codec_of(c->settings->codecs[i]) == codec)
            return c->kind->is_served(codec);
    return false;
}

/* Refused before anything is sent: half a conference in another codec would hear noise, and a peer
 * that had followed would have its new channel rejected. */
int conference_check_codec(const struct conference *c, const struct session *s,
                           enum h245_codec codec, struct session_refusal *why)
{
    const char *name = h245_codec_to_str(codec);

    if (!is_configured(c, codec)) {
        snprintf(why->text, sizeof(why->text), "codec: the conference has no %s", name);
        return ERR_REFUSED;
    }
    if (!is_of_all(c, codec)) {
        snprintf(why->text, sizeof(why->text), "codec: the others cannot receive %s", name);
        return conference_accepts(c, s, codec) ? 0 : ERR_REFUSED;
    }
    if (c->settings->passthrough) {
        snprintf(why->text, sizeof(why->text), "media pass through: the codec is the peers' own");
        return ERR_REFUSED;
    }
    CONFERENCE_EACH_MEMBER(c, m)
    {
        const char *what = obstacle(m->session, codec);

        if (what == NULL)
            continue;
        snprintf(why->text, sizeof(why->text), "codec: %s would be for all, and session %llu %s",
                 name, (unsigned long long)session_id(m->session), what);
        return ERR_REFUSED;
    }
    return 0;
}

bool conference_may_follow(const struct conference *c, const struct session *s,
                           enum h245_codec codec)
{
    bool is_early =
        c->codec_changed != 0 && conference_now(c->all) < c->codec_changed + PEERS_CHANGE_MS;
    struct session_refusal why;

    return (!is_of_all(c, codec) || !is_early) && conference_check_codec(c, s, codec, &why) == 0;
}

void conference_change_codec(struct conference *c, const struct session *by, enum h245_codec codec)
{
    if (is_of_all(c, codec))
        change(c, by, codec);
}
