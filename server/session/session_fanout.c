/* Channels of a forwarding conference: lane n of each member carries what the member in seat n
 * sends. Its own seat stays empty, so that nobody sees himself. */
#include "server/session/session_fanout.h"

#include "server/conference/conference.h"
#include "server/session/session_priv.h"
#include "server/session/session_video.h"

/* Our channel on lane `slot` carries what the member in that slot sends on its first lane. */
static void follow_lane(struct session *s, enum h245_media medium, uint8_t slot)
{
    /* NULL: the seat is empty, or its own. */
    const struct session *from = conference_fanout_source(s->conference, s, slot);
    const struct session_channel *in =
        from != NULL ? session_channel_of(from, medium, 0, H245_INCOMING) : NULL;
    struct session_channel *out = session_channel_of(s, medium, slot, H245_OUTGOING);
    struct session_channel like;

    /* What brings no media is as good as an empty seat. */
    if (!session_channel_is_source(in))
        in = NULL;
    /* On its way out: this is called again when it is gone. */
    if (out != NULL && (out->state == CHANNEL_CLOSING || out->is_data))
        return;
    if (out != NULL && (in == NULL || !session_channel_is_like(in, out))) {
        session_channel_drop(s, out);
        return; /* this is called again when it is gone */
    }
    if (out != NULL || in == NULL || !session_can_receive_like(s, in) ||
        (s->refused_lanes & session_lane_bit(medium, slot)) != 0)
        return;
    /* Like the source's, but on the lane of its seat. */
    like = *in;
    like.index = slot;
    if (session_open_lane(s, &like) != 0)
        session_lane_refused(s, &like);
}

void session_fanout_follow(struct session *s)
{
    if (s->state != SESSION_ACTIVE || s->h245 == NULL || s->is_paused || !s->has_peer_caps)
        return;
    /* A step may end the session: asked before each next one. */
    for (uint8_t slot = 0; slot < SESSION_LANES_MAX && session_is_alive(s); slot++) {
        if (slot > 0) /* the primary audio is opened to every peer */
            follow_lane(s, H245_MEDIA_AUDIO, slot);
        follow_lane(s, H245_MEDIA_VIDEO, slot);
    }
    if (session_is_alive(s))
        session_present_follow(s);
}
