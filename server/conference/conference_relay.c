/* Kind `relay`: two sessions, the packets of each go to the other as they are. What the one can
 * receive is what the other is offered. Kind `forward` shares the choice of codecs. */
#include "server/conference/conference_mix.h"
#include "server/session/session_data.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"

/* What passes unchanged needs a payload type that both sides know without being told; Opus has
 * none, and the two sides of a relay do not hear each other's. */
bool conference_common_is_served(enum h245_codec codec)
{
    return h245_codec_payload_type(codec) != H245_PT_DYNAMIC;
}

bool conference_common_accepts(const struct conference *c, const struct session *s,
                               enum h245_codec codec)
{
    /* Two channels of one relay have one codec, or the packets mean nothing to their receiver. */
    if (c->has_codec && c->codec != codec)
        return false;
    CONFERENCE_EACH_MEMBER(c, other)
    {
        /* A peer that has said nothing yet takes all. */
        if (other->session != s && !session_can_receive(other->session, codec))
            return false;
    }
    return true;
}

struct session *conference_other(const struct conference *c, const struct session *s)
{
    const struct member *self = conference_member(c, s);

    /* Only a relay has an "other"; elsewhere the question is put and NULL is the answer. */
    if (c->kind != &conference_relay || self == NULL || self->is_waiting)
        return NULL;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        /* A relay has two: the first that is not oneself is the one. */
        if (m != self && !m->is_waiting)
            return m->session;
    }
    return NULL;
}

static bool is_muted(const struct conference *c, const struct session *from,
                     const struct session *to)
{
    const struct member *source = conference_member(c, from);
    const struct member *receiver = to != NULL ? conference_member(c, to) : NULL;

    return source->is_muted || (receiver != NULL && receiver->is_deaf);
}

static void update(struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        struct session *other = conference_other(c, m->session);

        session_route(m->session, is_muted(c, m->session, other) ? NULL : other);
        session_data_route(m->session, other); /* who is muted may still write */
        session_kick(m->session);
    }
}

const struct conference_kind conference_relay = {
    .accepts = conference_common_accepts,
    .is_common_codec = true,
    .is_served = conference_common_is_served,
    .update = update,
};

bool conference_is_passed(const struct conference *c)
{
    return c->settings->passthrough;
}

int conference_pass(struct conference *c, const struct session *s)
{
    if (c->settings->passthrough)
        return 0;
    if (c->kind != &conference_relay)
        return ERR_REFUSED;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        /* A second one would have been promised something else. */
        if (m->session != s)
            return ERR_REFUSED; /* its media end here already */
    }
    /* In the copy: the row of the dial plan stays as it is. */
    c->own.passthrough = true;
    return 0;
}

/* ---- video and data ---- */

static const char *const video_names[] = {
    [SETTINGS_VIDEO_H264] = "H264",
    [SETTINGS_VIDEO_H265] = "H265",
    [SETTINGS_VIDEO_H263] = "H263",
    [SETTINGS_VIDEO_H261] = "H261",
};

/* H.265 is not opened before the other side has said that it knows it, and by which parameters: who
 * comes next may not, and the other codecs are what all have. */
static bool is_opened_early(const char *name)
{
    return strcmp(name, video_names[SETTINGS_VIDEO_H265]) != 0;
}

static bool is_configured(const struct settings_media *media, const struct h245_relayed *relayed)
{
    for (uint32_t i = 0; i < media->video_count; i++)
        if (relayed->media == H245_MEDIA_VIDEO &&
            strcmp(video_names[media->video[i]], relayed->name) == 0)
            return true;
    return false;
}

/* No video at all where none is configured. */
static bool may_pass(const struct settings_media *media, const struct h245_relayed *relayed)
{
    return is_configured(media, relayed) ||
           (media->pass_unknown && (relayed->media != H245_MEDIA_VIDEO || media->video_count > 0));
}

/* What the other session's peer can receive; NULL: there is none yet, or it has not said. */
static const struct h245_peer_caps *other_caps(const struct conference *c, const struct session *s)
{
    const struct session *other = conference_other(c, s);

    return other != NULL ? session_peer_caps(other) : NULL;
}

bool conference_relays(const struct conference *c, const struct session *s,
                       const struct h245_relayed *relayed)
{
    const struct settings_media *media = &session_env_of(s)->settings->media;
    const struct session *other = conference_other(c, s);

    if (conference_has_mix(c) ||
        (conference_is_fanout(c) && relayed->media == H245_MEDIA_PRESENTATION))
        return conference_video_relays(c, s, relayed);
    /* Nobody there yet: what is configured, so that the first to come has its channels early. */
    if (other_caps(c, s) == NULL)
        return is_configured(media, relayed) && is_opened_early(relayed->name);
    /* Both: what the other cannot take would arrive as noise. */
    return may_pass(media, relayed) && session_can_receive_relayed(other, relayed);
}

size_t conference_offer_relayed(const struct conference *c, const struct session *s,
                                struct h245_relayed *offer, size_t max)
{
    struct session_env *env = session_env_of(s);
    const struct settings_media *media = &env->settings->media;
    const struct h245_peer_caps *caps = other_caps(c, s);
    size_t n = 0;

    if (conference_has_mix(c))
        return conference_video_offer(c, s, offer, max);
    if (caps != NULL) {
        /* The peer's own parameters are passed on, so that both negotiate with each other and not
         * with us. */
        for (size_t i = 0; i < caps->relayed_count && n < max; i++)
            if (may_pass(media, &caps->relayed[i]))
                offer[n++] = caps->relayed[i];
        return n;
    }
    arena_reset(&env->scratch);
    /* What H.245 endpoints usually have, until somebody is there to say more. */
    for (uint32_t i = 0; i < media->video_count && n < max; i++)
        if (is_opened_early(video_names[media->video[i]]) &&
            h245_relayed_usual(&env->scratch, video_names[media->video[i]], &offer[n]) == 0)
            n++;
    arena_reset(&env->scratch);
    if (conference_is_fanout(c) && n < max && conference_present_offer(c, s, &offer[n]) == 0)
        n++;
    return n;
}
