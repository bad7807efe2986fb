/* The video channels of a leg (of what its camera sees and of what it presents, H.239), and what
 * the options want opened and closed at which time. */
#include "bench/endpoint/endpoint_h245.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "signalling/schema/h245.h"

#define SESSION_VIDEO     2
#define SESSION_SECOND    33 /* what we give as master; as slave we ask for one */
#define VIDEO_TYPE        96 /* of codecs without a payload type of their own */
#define PRESENTATION_TYPE 98

static bool wants_video(const struct leg *l)
{
    return l->options->video.len > 0;
}

bool leg_has_video(const struct leg *l, const struct h245_relayed *codec)
{
    return h245_relayed_is_same(codec, &l->options->video) ||
           (l->options->video_second.len > 0 &&
            h245_relayed_is_same(codec, &l->options->video_second));
}

/* A codec of ours as the peer says that it can receive it; NULL: it cannot. */
static const struct h245_relayed *receivable(const struct leg *l, const struct h245_relayed *ours)
{
    for (size_t i = 0; i < l->peer_caps.relayed_count; i++)
        if (h245_relayed_is_same(&l->peer_caps.relayed[i], ours))
            return &l->peer_caps.relayed[i];
    return NULL;
}

/* Whose channel is it? NULL: neither's. */
static struct leg_video *lane_of(struct leg *l, uint16_t lcn, enum h245_direction direction)
{
    struct leg_video *lanes[] = {&l->video, &l->presentation};

    for (size_t i = 0; i < 2; i++)
        if (lcn != 0 && lcn == (direction == H245_INCOMING ? lanes[i]->in_lcn : lanes[i]->lcn))
            return lanes[i];
    return NULL;
}

static struct video *stream_of(const struct leg *l, const struct leg_video *lane)
{
    return lane == &l->video ? &l->media->video : &l->media->presentation;
}

static const char *name_of(const struct leg *l, const struct leg_video *lane)
{
    return lane == &l->video ? "video" : "presentation";
}

/* With H.235.10 video shares the port of the audio, else it has ports of its own. */
static const struct media_socket *rtp_of(const struct leg *l, bool is_protected)
{
    return is_protected ? &l->media->rtp : &l->media->video_rtp;
}

static struct addr control_of(const struct leg *l, bool is_protected)
{
    return is_protected ? l->media->rtp.local : l->media->video_rtcp.local;
}

static int send_olc(struct leg *l, struct leg_video *lane, const struct h245_relayed *codec)
{
    bool is_video = lane == &l->video;
    bool protect = l->options->policy.mode != H23510_MODE_OFF && h23510_is_usable(&l->security);
    struct h245_OpenLogicalChannel *olc;
    struct h245_channel c = {.kind = codec->media,
                             .session_id = is_video                        ? SESSION_VIDEO
                                           : h245_msd_is_master(l->engine) ? SESSION_SECOND
                                                                           : 0,
                             .relayed = *codec,
                             .payload_type = !is_video                  ? PRESENTATION_TYPE
                                             : codec->payload_type == 0 ? VIDEO_TYPE
                                                                        : 0,
                             .media_control = control_of(l, protect)};
    int rc = h245_channel_number(l->engine, &lane->lcn);

    c.lcn = lane->lcn;
    arena_reset(&l->arena);
    if (rc == 0)
        rc = h245_build_olc(&l->arena, &c, &olc);
    if (rc == 0 && protect)
        rc = h23510_fill_olc(&l->security, &l->arena, olc);
    if (rc == 0)
        rc = h245_channel_open(l->engine, olc, clock_mono_ms());
    video_send_as(stream_of(l, lane), video_format_of(codec->name));
    stream_of(l, lane)->tx_type = c.payload_type != 0 ? c.payload_type : codec->payload_type;
    return rc;
}

void leg_video_open(struct leg *l)
{
    const struct h245_relayed *codec;
    int rc;

    if (!wants_video(l) || l->video.is_asked)
        return;
    codec = receivable(l, &l->options->video);
    if (codec == NULL && l->options->video_second.len > 0)
        codec = receivable(l, &l->options->video_second);
    if (codec == NULL)
        return; /* as long as there is nobody who could receive it */
    l->video.is_asked = true;
    report_event(l->report, EV_OLC_OUT, "video %s", codec->name);
    rc = send_olc(l, &l->video, codec);
    if (rc)
        report_event(l->report, EV_PROTOCOL, "no video channel: %s", err_to_str(rc));
}

int leg_presentation_open(struct leg *l)
{
    const struct h245_relayed *codec = receivable(l, &l->presented);

    if (codec == NULL || !l->media->is_secured)
        return ERR_UNSUPPORTED;
    if (l->presentation.lcn != 0)
        return 0;
    report_event(l->report, EV_OLC_OUT, "presentation %s", codec->name);
    return send_olc(l, &l->presentation, codec);
}

void leg_presentation_close(struct leg *l)
{
    l->media->presentation.tx_open = false;
    if (l->presentation.lcn != 0)
        (void)h245_channel_close(l->engine, l->presentation.lcn, H245_OUTGOING, clock_mono_ms());
}

bool leg_video_opened(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct h23510_agreement agreement = {0};
    struct leg_video *lane = lane_of(l, lcn, H245_OUTGOING);
    struct h245_channel_ack read;
    char text[ADDR_TEXT_MAX];

    if (lane == NULL)
        return false;
    if (h245_read_olc_ack(ack, &read) != 0 || read.media.family == ADDR_NONE) {
        leg_fail(l, "Ack of video without a usable media address");
        return true;
    }
    report_event(l->report, EV_OLC_ACKED, "%s channel %u, media at %s", name_of(l, lane), lcn,
                 addr_format(&read.media, text));
    if (ack->dtlsSecurityCapability == NULL) {
        l->media->video_rtp.remote = read.media;
        l->media->video_rtcp.remote = read.media_control;
    } else if (h23510_check_ack(&l->security, ack, &agreement) != H23510_OK) {
        leg_fail(l, "Ack of video with other values than the connection's");
        return true;
    } else if (l->media->rtp.remote.family == ADDR_NONE) {
        media_set_remote(l->media, &read.media, &read.media); /* video came before the audio */
    } else if (!addr_is_equal(&read.media, &l->media->rtp.remote)) {
        leg_fail(l, "video's connection is at another address"); /* L-SHARE */
        return true;
    }
    leg_follow_agreement(l, &agreement);
    /* The receiver may want it by another number, as whoever is behind it has said. */
    if (read.payload_type != 0)
        stream_of(l, lane)->tx_type = read.payload_type;
    if (lane == &l->video)
        media_open_video(l->media);
    else
        media_open_presentation(l->media);
    return true;
}

bool leg_video_rejected(struct leg *l, uint16_t lcn, enum h245_olc_cause cause)
{
    struct leg_video *lane = lane_of(l, lcn, H245_OUTGOING);

    if (lane == NULL)
        return false;
    report_event(l->report, EV_OLC_REJECTED, "%s: %s", name_of(l, lane),
                 h245_olc_cause_to_str(cause));
    if (lane == &l->presentation)
        lane->lcn = 0; /* may be asked for again */
    return true;
}

static int accept_video(struct leg *l, const struct leg_video *lane, uint16_t lcn,
                        uint8_t session_id, bool is_protected)
{
    struct h245_OpenLogicalChannelAck *ack;
    struct h245_channel_ack build = {.lcn = lcn,
                                     .session_id = lane == &l->video ? SESSION_VIDEO
                                                   : session_id == 0 ? SESSION_SECOND
                                                                     : 0,
                                     .media = rtp_of(l, is_protected)->local,
                                     .media_control = control_of(l, is_protected)};
    int rc;

    arena_reset(&l->arena);
    rc = h245_build_olc_ack(&l->arena, &build, &ack);
    if (rc == 0 && is_protected)
        rc = h23510_fill_ack(&l->security, &l->arena, ack);
    return rc ? rc : h245_channel_accept(l->engine, lcn, ack, clock_mono_ms());
}

bool leg_video_requested(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct h23510_agreement agreement = {0};
    struct h245_channel c;
    struct leg_video *lane;
    struct video *v;
    int rc;

    if (!wants_video(l) || h245_read_olc(olc, &c) != 0)
        return false;
    if (c.kind == H245_MEDIA_VIDEO && leg_has_video(l, &c.relayed))
        lane = &l->video;
    else if (l->options->h239 && c.is_protected && h245_relayed_is_same(&c.relayed, &l->presented))
        lane = &l->presentation;
    else
        return false;
    v = stream_of(l, lane);
    report_event(l->report, EV_OLC_IN, "%s %s", name_of(l, lane), c.relayed.name);
    if (c.is_protected && h23510_check_olc(&l->security, olc, &agreement) != H23510_OK) {
        h245_channel_reject(l->engine, lcn, H245_OLC_SECURITY_DENIED);
        return true;
    }
    rc = leg_bind_media(l);
    if (rc == 0)
        rc = accept_video(l, lane, lcn, c.session_id, agreement.is_set);
    if (rc) {
        leg_fail(l, err_to_str(rc));
        return true;
    }
    lane->in_lcn = lcn;
    v->rx_type = c.payload_type != 0 ? c.payload_type : c.relayed.payload_type;
    v->rx_format = video_format_of(c.relayed.name);
    v->has_rx_type = v->rx_open = true;
    if (!agreement.is_set) {
        struct addr rtp = addr_with_port(c.media_control, c.media_control.port & 0xfffeu);

        if (l->media->video_rtp.remote.family == ADDR_NONE)
            l->media->video_rtp.remote = rtp;
        l->media->video_rtcp.remote = c.media_control;
    }
    leg_follow_agreement(l, &agreement);
    return true;
}

bool leg_video_closed(struct leg *l, uint16_t lcn, enum h245_direction direction)
{
    struct leg_video *lane = lane_of(l, lcn, direction);

    if (lane == NULL)
        return false;
    report_event(l->report, EV_CHANNEL_CLOSED, "%s %s channel %u",
                 direction == H245_INCOMING ? "peer's" : "our", name_of(l, lane), lcn);
    if (direction == H245_INCOMING)
        stream_of(l, lane)->rx_open = false;
    else
        stream_of(l, lane)->tx_open = false;
    if (lane == &l->presentation && direction == H245_OUTGOING)
        lane->lcn = 0;
    if (lane == &l->video && direction == H245_OUTGOING && l->mode.is_video_new && !l->is_ending) {
        l->mode.is_video_new = false;
        report_event(l->report, EV_OLC_OUT, "video %s in the mode asked for", l->mode.video.name);
        (void)send_olc(l, lane, &l->mode.video);
    }
    return true;
}

void leg_on_misc_command(struct leg *l, const struct h245_MiscellaneousCommand *command)
{
    const struct leg_video *lane = lane_of(l, command->logicalChannelNumber, H245_OUTGOING);

    if (command->type.kind == h245_MiscellaneousCommand_type_videoFastUpdatePicture && lane != NULL)
        stream_of(l, lane)->fast_updates++;
}

/* ---- bit rates ---- */

void leg_on_flow_control(void *arg, const struct h245_FlowControlCommand *command)
{
    struct leg *l = arg;
    bool is_limit = command->restriction.kind == h245_FlowControlCommand_restriction_maximumBitRate;
    const struct leg_video *lane =
        command->scope.kind == h245_FlowControlCommand_scope_logicalChannelNumber
            ? lane_of(l, command->scope.u.logicalChannelNumber, H245_OUTGOING)
            : NULL;

    if (lane == NULL)
        return;
    stream_of(l, lane)->rate_limit = is_limit ? command->restriction.u.maximumBitRate : 0;
    report_event(l->report, EV_RATE, "%s, %u", name_of(l, lane), stream_of(l, lane)->rate_limit);
}

int leg_limit_video(struct leg *l, uint32_t rate)
{
    struct h245_FlowControlCommand flow = {
        .scope = {h245_FlowControlCommand_scope_logicalChannelNumber,
                  .u.logicalChannelNumber = l->video.in_lcn},
        .restriction.kind = h245_FlowControlCommand_restriction_noRestriction};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_flowControlCommand,
                                    .u.flowControlCommand = &flow};

    if (l->video.in_lcn == 0 || l->is_ending)
        return ERR_STATE;
    if (rate != 0) {
        flow.restriction.kind = h245_FlowControlCommand_restriction_maximumBitRate;
        flow.restriction.u.maximumBitRate = rate;
    }
    return h245_send_command(l->engine, &m);
}

static bool is_due(unsigned at_ms, unsigned now_ms)
{
    return at_ms != 0 && now_ms >= at_ms;
}

void leg_on_clock(struct leg *l, unsigned ms)
{
    const struct endpoint_options *o = l->options;

    if (l->is_ending || l->is_ended || !l->engine)
        return;
    if (ms >= o->video_from_ms && l->channel_asked)
        leg_video_open(l);
    if (l->media->video.tx_open)
        leg_camera_open(l);
    if (l->media->video.tx_open && is_due(o->video_until_ms, ms)) {
        l->media->video.tx_open = false;
        (void)h245_channel_close(l->engine, l->video.lcn, H245_OUTGOING, clock_mono_ms());
    }
    if (!l->is_audio_closed && l->lcn != 0 && is_due(o->audio_until_ms, ms)) {
        l->is_audio_closed = true;
        (void)h245_channel_close(l->engine, l->lcn, H245_OUTGOING, clock_mono_ms());
    }
}
