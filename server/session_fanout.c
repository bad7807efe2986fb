#include "server/session_fanout.h"

#include "server/conference.h"
#include "server/session_priv.h"

static bool is_source(const struct session_channel *in)
{
    return in != NULL && (in->state == CHANNEL_OPEN || in->state == CHANNEL_PENDING);
}

static bool is_same_codec(const struct session_channel *a, const struct session_channel *b)
{
    return a->kind == H245_MEDIA_AUDIO ? a->audio.codec == b->audio.codec
                                       : h245_relayed_is_same(&a->relayed, &b->relayed);
}

static bool can_receive(const struct session *s, const struct session_channel *in)
{
    return in->kind == H245_MEDIA_AUDIO ? session_can_receive(s, in->audio.codec)
                                        : session_can_receive_relayed(s, &in->relayed);
}

/* Our channel on lane `slot` carries what the member in that slot sends on its first lane. */
static void follow_lane(struct session *s, enum h245_media medium, uint8_t slot)
{
    const struct session *from = conference_fanout_source(s->conference, s, slot);
    const struct session_channel *in =
        from != NULL ? session_channel_of(from, medium, 0, H245_INCOMING) : NULL;
    struct session_channel *out = session_channel_of(s, medium, slot, H245_OUTGOING);
    struct session_channel like;

    if (out != NULL && (out->state == CHANNEL_CLOSING || out->is_data))
        return;
    if (out != NULL && (!is_source(in) || !is_same_codec(in, out))) {
        session_channel_drop(s, out);
        return; /* this is called again when it is gone */
    }
    if (out != NULL || !is_source(in) || !can_receive(s, in) ||
        (s->refused_lanes & session_lane_bit(medium, slot)) != 0)
        return;
    like = *in;
    like.index = slot;
    if (session_open_lane(s, &like) != 0)
        session_lane_refused(s, &like);
}

void session_fanout_follow(struct session *s)
{
    if (s->state != SESSION_ACTIVE || s->h245 == NULL || s->is_paused || !s->has_peer_caps)
        return;
    for (uint8_t slot = 0; slot < SESSION_LANES_MAX && session_is_alive(s); slot++) {
        if (slot > 0) /* the primary audio is opened to every peer */
            follow_lane(s, H245_MEDIA_AUDIO, slot);
        follow_lane(s, H245_MEDIA_VIDEO, slot);
    }
}
