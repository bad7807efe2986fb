/* Video and H.224 towards a peer in a mixed conference: one outgoing lane of each, opened, changed
 * and closed by what the conference wants this peer to see, and the two commands that a receiver
 * has for a sender: a whole picture, and less of it. */
#include "server/session/session_video.h"

#include "base/arena.h"
#include "server/conference/conference.h"
#include "server/session/session_control.h"
#include "server/session/session_priv.h"
#include "signalling/h245/video.h"
#include "signalling/schema/h245.h"

/* Of ours without a number of their own; 101 and 111 are audio's. A presentation has never the
 * static one of its codec, which may be the other video's on the same port. */
#define PT_VIDEO        97
#define PT_PRESENTATION 98
#define PT_DATA         100

static const struct session_channel *lane_of(const struct session *s, enum h245_media medium,
                                             enum h245_direction direction)
{
    return session_channel_of(s, medium, 0, direction);
}

static struct session_flow flow_of(const struct session_channel *c)
{
    struct session_flow none = {0};

    if (c == NULL || c->state != CHANNEL_OPEN || c->transport == NULL || !c->transport->is_open ||
        c->transport->port == NULL || c->payload_type < 0)
        return none;
    return (struct session_flow){c->transport->id, c->transport->port, (uint8_t)c->payload_type};
}

struct session_flow session_flow_in(const struct session *s, enum h245_media medium)
{
    return flow_of(lane_of(s, medium, H245_INCOMING));
}

struct session_flow session_flow_lane(const struct session *s, enum h245_media medium,
                                      uint8_t index)
{
    const struct session_channel *c = session_channel_of(s, medium, index, H245_OUTGOING);
    struct session_flow flow = flow_of(c);

    /* Stopped by flow control, or nowhere to send to yet: a row would only be dropped later. */
    if (flow.transport != 0 && (c->is_stopped || c->transport->remote.family == ADDR_NONE))
        flow.transport = 0;
    return flow;
}

struct session_flow session_flow_out(const struct session *s, enum h245_media medium)
{
    return session_flow_lane(s, medium, 0);
}

struct session_flow session_flow_like(const struct session *s, const struct h245_relayed *codec)
{
    const struct session_channel *c =
        codec != NULL ? lane_of(s, codec->media, H245_OUTGOING) : NULL;

    if (c == NULL || !h245_relayed_is_same(&c->relayed, codec))
        return (struct session_flow){0};
    return session_flow_out(s, codec->media);
}

const struct h245_relayed *session_sends(const struct session *s, enum h245_media medium)
{
    const struct session_channel *c = lane_of(s, medium, H245_INCOMING);

    /* One that waits for its port counts: the others' channels can be opened meanwhile. */
    return c != NULL && (c->state == CHANNEL_OPEN || c->state == CHANNEL_PENDING) ? &c->relayed
                                                                                  : NULL;
}

uint16_t session_source_lcn(const struct session *s, enum h245_media medium)
{
    const struct session_channel *c = lane_of(s, medium, H245_INCOMING);

    return c != NULL && c->state == CHANNEL_OPEN ? c->lcn : 0;
}

/* ---- channels ---- */

static void open_lane(struct session *s, const struct h245_relayed *as)
{
    struct session_channel like = {.kind = as->media, .relayed = *as};

    like.payload_type = as->payload_type;
    if (as->media == H245_MEDIA_PRESENTATION)
        like.payload_type = PT_PRESENTATION;
    else if (as->payload_type == 0)
        like.payload_type = as->media == H245_MEDIA_VIDEO ? PT_VIDEO : PT_DATA;
    /* Not tried again with each update of the conference. */
    if (session_open_lane(s, &like) != 0)
        session_lane_refused(s, &like);
}

static void follow_lane(struct session *s, enum h245_media medium)
{
    struct session_channel *out = session_channel_of(s, medium, 0, H245_OUTGOING);
    struct h245_relayed as;
    bool is_wanted = conference_wants(s->conference, s, medium, &as);

    if (out != NULL && (out->state == CHANNEL_CLOSING || out->is_data))
        return;
    /* H.245 cannot change what is in an open channel: another codec is another channel. */
    if (out != NULL && (!is_wanted || !h245_relayed_is_same(&out->relayed, &as))) {
        session_channel_drop(s, out);
        return; /* when it is gone this is called again */
    }
    if (out == NULL && is_wanted && (s->refused_lanes & session_lane_bit(medium, 0)) == 0 &&
        session_can_receive_relayed(s, &as))
        open_lane(s, &as);
}

void session_present_follow(struct session *s)
{
    if (s->state == SESSION_ACTIVE && s->h245 != NULL && !s->is_paused && s->has_peer_caps)
        follow_lane(s, H245_MEDIA_PRESENTATION);
}

void session_video_follow(struct session *s)
{
    if (s->state != SESSION_ACTIVE || s->h245 == NULL || s->is_paused || !s->has_peer_caps)
        return;
    follow_lane(s, H245_MEDIA_VIDEO);
    if (session_is_alive(s))
        follow_lane(s, H245_MEDIA_PRESENTATION);
    if (session_is_alive(s))
        follow_lane(s, H245_MEDIA_DATA);
}

/* ---- commands ---- */

static void send_command(struct session *s, struct h245_CommandMessage *command)
{
    if (s->h245 != NULL && session_is_alive(s) && h245_send_command(s->h245, command) == 0)
        session_arm(s);
}

void session_ask_whole_picture(struct session *s, enum h245_media medium)
{
    const struct session_channel *in = lane_of(s, medium, H245_INCOMING);
    struct h245_MiscellaneousCommand misc = {
        .type.kind = h245_MiscellaneousCommand_type_videoFastUpdatePicture};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                    .u.miscellaneousCommand = &misc};

    if (in == NULL || in->state != CHANNEL_OPEN)
        return;
    misc.logicalChannelNumber = in->lcn;
    send_command(s, &m);
}

/* A description names all that the peer shall send: its audio too, or it might stop that. */
void session_request_video(struct session *s, const struct h245_relayed *mode, uint64_t now)
{
    const struct session_channel *audio = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);
    struct h245_VideoMode video = {.kind = h245_VideoMode_UNSET};
    struct h245_AudioMode voice = {.kind = h245_AudioMode_UNSET};
    struct h245_ModeElement elements[2] = {
        {.type = {.kind = h245_ModeElementType_videoMode, .u.videoMode = &video}},
        {.type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &voice}}};
    struct h245_ModeDescription description = {1, elements};
    struct h245_RequestMode request = {.requestedModes = {1, &description}};
    struct arena a;

    if (s->h245 == NULL || s->state != SESSION_ACTIVE)
        return;
    arena_init(&a, 1024, 16384);
    if (audio != NULL && session_audio_mode(&a, audio->audio.codec, &voice))
        description.n = 2;
    if (h245_video_to_mode(&a, mode, &video) == 0 && h245_mode_request(s->h245, &request, now) == 0)
        session_arm(s);
    arena_fini(&a);
}

void session_limit_video(struct session *s, enum h245_media medium, uint32_t rate)
{
    const struct session_channel *in = lane_of(s, medium, H245_INCOMING);
    struct h245_FlowControlCommand flow = {
        .scope.kind = h245_FlowControlCommand_scope_logicalChannelNumber,
        .restriction.kind = h245_FlowControlCommand_restriction_noRestriction};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_flowControlCommand,
                                    .u.flowControlCommand = &flow};

    if (in == NULL || in->state != CHANNEL_OPEN)
        return;
    if (in->is_rate_limited && in->rate_limit < rate)
        rate = in->rate_limit; /* the gatekeeper's word holds against a receiver's */
    flow.scope.u.logicalChannelNumber = in->lcn;
    if (rate != SESSION_RATE_ANY) {
        flow.restriction.kind = h245_FlowControlCommand_restriction_maximumBitRate;
        flow.restriction.u.maximumBitRate = rate;
    }
    send_command(s, &m);
}
