/* A session's video in a mix, for conferences (conference_video.c): one stream from it, one to it,
 * H.224 (far-end camera control) and a presentation (H.239) beside them. */
#ifndef SERVER_SESSION_VIDEO_H
#define SERVER_SESSION_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

#include "server/media/media.h"
#include "signalling/h245/relayed.h"

struct session;

#define SESSION_RATE_ANY UINT32_MAX /* 100 bit/s */

/* One direction of a lane whose packets can flow. */
struct session_flow {
    uint32_t transport; /* its number; 0: nothing flows */
    struct media_port *port;
    uint8_t payload_type;
};

/* From the peer, and to it; `medium` video, presentation or data (H.224). */
struct session_flow session_flow_in(const struct session *s, enum h245_media medium);
struct session_flow session_flow_lane(const struct session *s, enum h245_media medium,
                                      uint8_t index); /* to the peer, by any lane */
struct session_flow session_flow_out(const struct session *s, enum h245_media medium);
/* None unless our channel is of this codec: while it is changed, the other's packets stay away. */
struct session_flow session_flow_like(const struct session *s, const struct h245_relayed *codec);

/* What the peer says that it sends; NULL: nothing. */
const struct h245_relayed *session_sends(const struct session *s, enum h245_media medium);

/* Number of the channel by which it does, once that is open; 0. */
uint16_t session_source_lcn(const struct session *s, enum h245_media medium);

/* Opens and closes our channels as the conference wants them (conference_wants). */
void session_video_follow(struct session *s);
void session_present_follow(struct session *s); /* the presentation's alone, in a forward */

/* The peer shall send a whole picture; not more than `rate`. Of its video, or of what it presents.
 */
void session_ask_whole_picture(struct session *s, enum h245_media medium);
/* ... and in this mode, if it can be said (H.264). */
void session_request_video(struct session *s, const struct h245_relayed *mode, uint64_t now);
void session_limit_video(struct session *s, enum h245_media medium, uint32_t rate);

#endif
