/* What passes between the two sessions of a relay: media by routes, channels by mirroring, and the
 * commands that a receiver of media gives to their sender.
 *
 * A lane is a medium and its number in the session (0: the primary one, H.245 sessionID 1, 2, 3).
 * What one session receives on a lane leaves on the same lane of the other. The primary audio is
 * opened to every peer (session_outgoing.c); the other lanes follow what the other session's peer
 * has opened. */
#include "server/session/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"
#include "server/session/session_fanout.h"
#include "server/session/session_video.h"
#include "signalling/schema/h245.h"

#define PT_COMFORT_NOISE 13 /* RFC 3551: may come between the packets of any 8 kHz codec */

static struct session *other_of(const struct session *s)
{
    /* Video lanes have the clock that RTP gives all of them. */
    return s->conference != NULL ? conference_other(s->conference, s) : NULL;
}

static bool is_flowing(const struct session_channel *c)
{
    return c != NULL && c->state == CHANNEL_OPEN && c->transport != NULL && c->transport->is_open;
}

/* ---- routes ---- */

struct rows {
    struct media_route v[MEDIA_ROUTES_MAX];
    size_t n;
    struct media_port *rest; /* of a channel whose payload type nobody has named */
    const struct session_channel *rest_in;
};

static void add_row(struct rows *rows, const struct session_channel *in, struct media_port *to,
                    int pt_in, int pt_out)
{
    if (rows->n == MEDIA_ROUTES_MAX)
        return;
    rows->v[rows->n++] = (struct media_route){
        .to = to,
        .pt_in = (uint8_t)pt_in,
        /* The same number: the payload type need not be written. */
        .pt_out = pt_out < 0 || pt_out == pt_in ? MEDIA_PT_ANY : (uint8_t)pt_out,
        .lane = (uint8_t)((unsigned)in->kind * SESSION_LANES_MAX + in->index),
        .is_video = h245_media_is_video(in->kind),
        .clock_rate = h245_media_is_video(in->kind) ? 90000 : 0,
    };
}

static void add_channel(struct rows *rows, const struct session_channel *in,
                        const struct session_channel *out)
{
    struct media_port *to = out->transport->port;

    if (in->payload_type < 0) {
        rows->rest = to;
        rows->rest_in = in;
        return;
    }
    add_row(rows, in, to, in->payload_type, out->payload_type);
    /* Comfort noise has a type of its own and belongs to the same stream. */
    if (in->kind == H245_MEDIA_AUDIO)
        add_row(rows, in, to, PT_COMFORT_NOISE, -1);
}

/* Where media to the lane go. While it moves to a new connection (A-REPLACE) there are two
 * channels: the newest whose keys are there. */
static const struct session_channel *sink_of(const struct session *to, enum h245_media kind,
                                             uint8_t index)
{
    const struct session_channel *found = NULL;

    SESSION_EACH_CHANNEL (to, c) {
        if (c->kind == kind && c->index == index && c->direction == H245_OUTGOING &&
            /* Keyed: what cannot be encrypted yet would be lost there. */
            is_flowing(c) && (!c->is_protected || c->transport->association == ASSOCIATION_KEYED) &&
            (found == NULL || c->serial > found->serial))
            found = c;
    }
    /* None is keyed: whichever there is, so that the route is ready. */
    return found != NULL ? found : session_channel_of(to, kind, index, H245_OUTGOING);
}

/* Rows by payload type: what belongs to no open channel stops here, so that closing one of several
 * channels stops its flow and no other (R-CLOSE). A session that has never had more than its audio
 * gets one row for all, whatever types its endpoint sends beside the codec's. */
static void collect(const struct session *s, const struct session_transport *t,
                    const struct session *to, struct rows *rows)
{
    SESSION_EACH_CHANNEL (s, in) {
        const struct session_channel *out;

        if (in->direction != H245_INCOMING || in->transport != t || in->is_data || !is_flowing(in))
            continue;
        if (in->kind == H245_MEDIA_AUDIO && conference_is_outdated(s->conference, in->audio.codec))
            continue; /* nobody was told of such packets */
        out = sink_of(to, in->kind, in->index);
        /* Stopped by flow control, or nowhere to send to yet. */
        if (out != NULL && out->kind == H245_MEDIA_AUDIO &&
            conference_is_outdated(s->conference, out->audio.codec))
            continue; /* its successor is on its way */
        if (!is_flowing(out) || out->is_stopped || out->transport->remote.family == ADDR_NONE)
            continue;
        if (s->has_lanes) {
            add_channel(rows, in, out);
        } else {
            rows->rest = out->transport->port;
            rows->rest_in = in;
        }
    }
    if (rows->rest != NULL)
        /* One row for all types comes last: the special ones match first. */
        add_row(rows, rows->rest_in, rows->rest, MEDIA_PT_ANY, -1);
}

/* What passes unopened cannot be told apart: all of a port goes to the other side's. It may as soon
 * as both peers have an address, for the handshake comes before the channels are open. */
static void collect_passed(const struct session_transport *t, const struct session *to,
                           struct rows *rows)
{
    /* A leg by SDP has one connection for all (session_sdp_pass.c), whichever medium came first. */
    bool is_only = to->config.is_by_sdp || t->session->config.is_by_sdp;

    SESSION_EACH_TRANSPORT (to, out) {
        bool fits = is_only || (out->medium == t->medium && out->index == t->index);

        if (out->port == NULL || !out->is_open || out->kind != MEDIA_PASS || !fits ||
            !out->agreement.is_set || !t->agreement.is_set || out->remote.family == ADDR_NONE)
            continue;
        rows->v[0] =
            (struct media_route){.to = out->port, .pt_in = MEDIA_PT_ANY, .pt_out = MEDIA_PT_ANY};
        rows->n = 1;
    }
}

void session_route(struct session *s, const struct session *to)
{
    SESSION_EACH_TRANSPORT (s, t) {
        struct rows rows = {.n = 0};

        if (t->port == NULL || !t->is_open)
            continue;
        if (to != NULL && t->kind == MEDIA_PASS)
            collect_passed(t, to, &rows);
        else if (to != NULL)
            collect(s, t, to, &rows);
        /* That nothing shall go where nothing can go any more is no failure. */
        if (s->env->media_ops->route(t->port, rows.v, rows.n) != 0 && rows.n > 0)
            session_note(s, LOG_LEVEL_ERROR, LOG_AREA_CONFERENCE, "route not set");
    }
    session_data_route(s, to);
}

/* ---- channels ---- */

static bool is_primary_audio(const struct session_channel *c)
{
    return c->kind == H245_MEDIA_AUDIO && c->index == 0;
}

_Static_assert(H245_MEDIA_COUNT *(SESSION_LANES_MAX + 1) <= 64, "a bit for each lane");

uint64_t session_lane_bit(enum h245_media kind, uint8_t index)
{
    /* The one beyond the lanes: SESSION_LANE_DATA. */
    return UINT64_C(1) << ((unsigned)kind * (SESSION_LANES_MAX + 1) + index);
}

static uint64_t lane_bit(const struct session_channel *c)
{
    return session_lane_bit(c->kind, c->index);
}

bool session_channel_is_source(const struct session_channel *in)
{
    return in != NULL && (in->state == CHANNEL_OPEN || in->state == CHANNEL_PENDING);
}

bool session_can_receive_like(const struct session *s, const struct session_channel *c)
{
    return c->kind == H245_MEDIA_AUDIO ? session_can_receive(s, c->audio.codec)
                                       : session_can_receive_relayed(s, &c->relayed);
}

bool session_channel_is_like(const struct session_channel *a, const struct session_channel *b)
{
    return a->kind == H245_MEDIA_AUDIO ? a->audio.codec == b->audio.codec
                                       : h245_relayed_is_same(&a->relayed, &b->relayed);
}

void session_open_mirrored(struct session *s)
{
    const struct session *other = other_of(s);

    if (s->conference != NULL && conference_has_mix(s->conference))
        session_video_follow(s);
    if (s->conference != NULL && conference_is_fanout(s->conference))
        session_fanout_follow(s);
    if (other == NULL || s->h245 == NULL || s->state != SESSION_ACTIVE || s->is_paused ||
        /* Not before both sides are bound (session_pass.c). */
        !s->has_peer_caps || !session_pass_may_bind(s))
        return;
    SESSION_EACH_CHANNEL (other, in) {
        if (in->direction != H245_INCOMING || is_primary_audio(in) || in->is_data ||
            !session_channel_is_source(in) ||
            session_channel_of(s, in->kind, in->index, H245_OUTGOING) != NULL ||
            (s->refused_lanes & lane_bit(in)) != 0 || !session_can_receive_like(s, in))
            continue;
        if (session_open_lane(s, in) != 0)
            /* Not asked again until something changes (forget_refusals). */
            s->refused_lanes |= lane_bit(in); /* once told is enough, until something changes */
    }
}

void session_lane_refused(struct session *s, const struct session_channel *c)
{
    s->refused_lanes |= lane_bit(c);
}

/* Ours go when the channels that they mirror are gone, or are others now. */
static void close_orphans(struct session *s, const struct session *other)
{
    SESSION_EACH_CHANNEL (s, c) {
        const struct session_channel *in;

        if (c->direction != H245_OUTGOING || is_primary_audio(c) || c->is_data ||
            c->state == CHANNEL_CLOSING)
            continue;
        in = other != NULL ? session_channel_of(other, c->kind, c->index, H245_INCOMING) : NULL;
        /* Gone, or another codec by now. */
        if (!session_channel_is_source(in) || !session_channel_is_like(in, c))
            session_channel_drop(s, c);
    }
}

static void forget_refusals(struct session *s, const struct session *other)
{
    /* Of data nobody is mirrored: who refused them is asked again when its capabilities change. */
    uint64_t there = session_lane_bit(H245_MEDIA_DATA, SESSION_LANE_DATA);

    if (other != NULL) {
        SESSION_EACH_CHANNEL (other, in) {
            if (in->direction == H245_INCOMING && session_channel_is_source(in))
                there |= lane_bit(in);
        }
    }
    /* What the other side does not send any more may be tried again. */
    s->refused_lanes &= there;
}

void session_follow(struct session *s)
{
    const struct session *other;

    session_pass_follow(s);
    other = other_of(s);
    if (s->state != SESSION_ACTIVE || s->h245 == NULL)
        return; /* a leg by SDP opens nothing of its own */
    session_refresh_capabilities(s);
    session_follow_codec(s);
    /* First, since the media may share its connection. */
    session_data_open(s);
    if (conference_has_mix(s->conference)) {
        session_video_follow(s);
        return;
    }
    if (conference_is_fanout(s->conference)) {
        session_fanout_follow(s);
        return;
    }
    forget_refusals(s, other);
    close_orphans(s, other);
    session_open_mirrored(s);
}

/* By its timer: who calls this is in the middle of another session's business. */
void session_kick(struct session *s)
{
    /* A passthrough follows before it is active: its two sides wait for each other. */
    if (s->state != SESSION_ACTIVE && !session_is_passed(s))
        return;
    session_set_timer(s, SESSION_TIMER_FOLLOW, 0);
    session_arm(s);
}

/* ---- commands ---- */

/* Channel by which the media of our channel `lcn` come into the conference, and its session. */
static const struct session_channel *source_of(const struct session *s, uint16_t lcn,
                                               struct session **other)
{
    const struct session_channel *out = session_channel_find(s, lcn, H245_OUTGOING);
    const struct session_channel *in;
    uint8_t index = out != NULL ? out->index : 0;

    *other = other_of(s);
    if (out != NULL && s->conference != NULL && conference_is_fanout(s->conference)) {
        if (out->kind == H245_MEDIA_PRESENTATION)
            return NULL; /* seen_video's */
        *other = conference_fanout_source(s->conference, s, index);
        index = 0; /* of each, the first stream of a medium is forwarded */
    }
    /* Gone, or a leg by SDP, which has no commands. */
    if (out == NULL || *other == NULL || !session_is_alive(*other) || (*other)->h245 == NULL)
        return NULL;
    in = session_channel_of(*other, out->kind, index, H245_INCOMING);
    return in != NULL && in->state == CHANNEL_OPEN ? in : NULL;
}

static void send_command(struct session *to, const struct h245_CommandMessage *command)
{
    struct h245_CommandMessage said = *command; /* the message does not know const */
    struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_command, .u.command = &said};

    if (h245_engine_send(to->h245, &pdu) == 0)
        to->env->stats.commands_passed++;
}

/* Keys of H.235's other ways end at this server; H.223 is not spoken here. */
static bool is_for_media(const struct h245_MiscellaneousCommand *command)
{
    switch (command->type.kind) {
    case h245_MiscellaneousCommand_type_UNSET:
    case h245_MiscellaneousCommand_type_UNKNOWN:
    case h245_MiscellaneousCommand_type_maxH223MUXPDUsize:
    case h245_MiscellaneousCommand_type_encryptionUpdate:
    case h245_MiscellaneousCommand_type_encryptionUpdateRequest:
    case h245_MiscellaneousCommand_type_encryptionUpdateCommand:
    case h245_MiscellaneousCommand_type_encryptionUpdateAck:
        return false;
    default:
        return true;
    }
}

/* In a mix a command about what we send is about what the peer sees just now; in a forward that is
 * so of the one lane for presentations. NULL: it is not about such pictures. */
static const struct session_channel *seen_video(const struct session *s, uint16_t lcn)
{
    /* Only the first video lane shows a speaker. */
    const struct session_channel *out = session_channel_find(s, lcn, H245_OUTGOING);
    bool is_seen =
        out != NULL && h245_media_is_video(out->kind) && out->index == 0 && s->conference != NULL;

    if (is_seen && !conference_has_mix(s->conference))
        is_seen = conference_is_fanout(s->conference) && out->kind == H245_MEDIA_PRESENTATION;
    return is_seen ? out : NULL;
}

void session_on_misc_command(struct session *s, const struct h245_MiscellaneousCommand *command)
{
    struct session *other;
    const struct session_channel *in = source_of(s, command->logicalChannelNumber, &other);
    const struct session_channel *seen = seen_video(s, command->logicalChannelNumber);
    struct h245_MiscellaneousCommand passed = *command;
    const struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                          .u.miscellaneousCommand = &passed};

    /* The switch of a mix decides whom it asks. */
    if (seen != NULL && command->type.kind == h245_MiscellaneousCommand_type_videoFastUpdatePicture)
        conference_picture_wanted(s->conference, s, seen->kind);
    if (in == NULL || !is_for_media(command))
        return;
    /* In the other peer's numbering. */
    passed.logicalChannelNumber = in->lcn;
    send_command(other, &m);
}

/* 0 stops the channel, which is no reason for the source to stop for all others. */
static uint32_t rate_of(const struct h245_FlowControlCommand *command)
{
    bool is_limit =
        command->restriction.kind == h245_FlowControlCommand_restriction_maximumBitRate &&
        command->restriction.u.maximumBitRate > 0;

    return is_limit ? command->restriction.u.maximumBitRate : SESSION_RATE_ANY;
}

void session_on_flow_control(struct session *s, const struct h245_FlowControlCommand *command)
{
    struct session *other;
    const struct session_channel *in, *seen;
    struct h245_FlowControlCommand passed = *command;
    const struct h245_CommandMessage m = {.kind = h245_CommandMessage_flowControlCommand,
                                          .u.flowControlCommand = &passed};

    /* Of a whole multiplex or of resources there is nothing in H.323 that could be meant. */
    if (command->scope.kind != h245_FlowControlCommand_scope_logicalChannelNumber)
        return;
    /* A receiver in a mix limits what the seen source may send. */
    seen = seen_video(s, command->scope.u.logicalChannelNumber);
    if (seen != NULL)
        conference_limit_video(s->conference, s, seen->kind, rate_of(command));
    in = source_of(s, command->scope.u.logicalChannelNumber, &other);
    if (in == NULL)
        return;
    passed.scope.u.logicalChannelNumber = in->lcn;
    /* What our own gatekeeper leaves for it is a limit that no receiver can lift. */
    if (in->is_rate_limited &&
        (command->restriction.kind != h245_FlowControlCommand_restriction_maximumBitRate ||
         command->restriction.u.maximumBitRate > in->rate_limit)) {
        passed.restriction.kind = h245_FlowControlCommand_restriction_maximumBitRate;
        passed.restriction.u.maximumBitRate = in->rate_limit;
    }
    send_command(other, &m);
}

/* A new receiver needs a whole picture to begin with. */
void session_ask_picture(struct session *s, const struct session_channel *out)
{
    struct session *other;
    const struct session_channel *in = source_of(s, out->lcn, &other);
    struct h245_MiscellaneousCommand update = {
        .type.kind = h245_MiscellaneousCommand_type_videoFastUpdatePicture};
    const struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                          .u.miscellaneousCommand = &update};

    /* Sound needs no picture. */
    if (in == NULL || !h245_media_is_video(out->kind))
        return;
    update.logicalChannelNumber = in->lcn;
    send_command(other, &m);
}
