/* Kind `mix`: each session has codecs of its own. */
#include "server/conference_priv.h"

static bool is_served(enum h245_codec codec)
{
    return codec == H245_CODEC_PCMA || codec == H245_CODEC_PCMU || codec == H245_CODEC_G722 ||
           codec == H245_CODEC_OPUS;
}

static void update(struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        session_route(m->session, NULL);
        session_kick(m->session);
    }
}

const struct conference_kind conference_mix = {
    .is_served = is_served,
    .update = update,
};
