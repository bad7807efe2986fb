/* Bandwidth of a session as H.225.0 counts it: what its channels carry, both directions together,
 * without headers, in units of 100 bit/s. A gatekeeper that was asked for the call is told when it
 * grows and when it has become less (BandwidthRequest), and may set a limit at any time: video then
 * gets what audio leaves (H.245 FlowControlCommand); when that is nothing the call ends. */
#include "server/session/session_priv.h"

#include "signalling/schema/h245.h"

/* Between the end of a channel and the BandwidthRequest for less: a channel that is replaced, or a
 * peer that pauses to change its capabilities, needs the same again at once. */
#define SETTLE_MS 2000

/* Bit rates of the payload as H.225.0 counts them; compressed ones by their codec, unknown ones by
 * the largest. */
static const uint16_t codec_rates[H245_CODEC_COUNT] = {
    [H245_CODEC_PCMA] = 640, [H245_CODEC_PCMU] = 640,    [H245_CODEC_G722] = 640,
    [H245_CODEC_G728] = 160, [H245_CODEC_G729] = 80,     [H245_CODEC_G729A] = 80,
    [H245_CODEC_G729B] = 80, [H245_CODEC_G729AB] = 80,   [H245_CODEC_G7231] = 64,
    [H245_CODEC_GSM] = 132,  [H245_CODEC_GENERIC] = 640, [H245_CODEC_OPUS] = 640,
};

static uint32_t video_rate(const struct h245_VideoCapability *v)
{
    switch (v->kind) {
    case h245_VideoCapability_h261VideoCapability:
        return v->u.h261VideoCapability->maxBitRate;
    /* H.262 is counted in units of 400 bit/s there. */
    case h245_VideoCapability_h262VideoCapability: /* in units of 400 bit/s */
        return v->u.h262VideoCapability->has_videoBitRate
                   ? v->u.h262VideoCapability->videoBitRate * 4
                   : 0;
    case h245_VideoCapability_h263VideoCapability:
        return v->u.h263VideoCapability->maxBitRate;
    case h245_VideoCapability_genericVideoCapability: /* H.264 and all later ones */
        return v->u.genericVideoCapability->maxBitRate;
    case h245_VideoCapability_extendedVideoCapability:
        return v->u.extendedVideoCapability->videoCapability.n > 0
                   ? video_rate(&v->u.extendedVideoCapability->videoCapability.v[0])
                   : 0;
    default:
        return 0;
    }
}

void session_bandwidth_learn(struct session_channel *c, const struct h245_OpenLogicalChannel *olc)
{
    const struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;

    if (type->kind == h245_DataType_videoData)
        c->rate = video_rate(type->u.videoData);
    else if (type->kind == h245_DataType_h235Media &&
             type->u.h235Media->mediaType.kind == h245_H235Media_mediaType_videoData)
        c->rate = video_rate(type->u.h235Media->mediaType.u.videoData);
}

static uint32_t rate_of(const struct session_channel *c)
{
    /* What the channel said itself, else what its codec needs. */
    uint32_t rate = c->rate;

    if (rate == 0 && c->kind == H245_MEDIA_AUDIO && c->audio.codec < H245_CODEC_COUNT)
        rate = codec_rates[c->audio.codec];
    return c->is_rate_limited && c->rate_limit < rate ? c->rate_limit : rate;
}

/* Closing ones carry nothing any more; opening ones soon will. */
static bool counts(const struct session_channel *c)
{
    return c->state == CHANNEL_OPEN || c->state == CHANNEL_OPENING || c->state == CHANNEL_PENDING;
}

/* Of all channels, or of those that can be made to carry less. */
static uint32_t sum(const struct session *s, bool only_flexible)
{
    uint64_t total = 0;

    /* Only video can be told to become smaller. */
    SESSION_EACH_CHANNEL (s, c) {
        if (counts(c) && (!only_flexible || h245_media_is_video(c->kind)))
            total += rate_of(c);
    }
    return total > UINT32_MAX ? UINT32_MAX : (uint32_t)total;
}

uint32_t session_bandwidth(const struct session *s)
{
    return sum(s, false);
}

static void tell(struct session *s, uint32_t wanted)
{
    /* The same number again is no request. */
    if (!s->is_admission_asked || s->env->ops->bandwidth == NULL || wanted == s->bandwidth.asked)
        return;
    s->bandwidth.asked = wanted;
    s->bandwidth.is_asking = true;
    s->env->ops->bandwidth(s->env->user, s, wanted);
}

/* ---- more, and less ---- */

void session_bandwidth_grown(struct session *s)
{
    uint32_t wanted = session_bandwidth(s);

    /* More is asked for at once: the channel waits for it. */
    if (session_is_alive(s) && wanted > s->bandwidth.asked)
        tell(s, wanted);
}

/* Less is asked for after a while (SETTLE_MS). */
void session_bandwidth_shrunk(struct session *s)
{
    if (session_is_alive(s) && s->is_admission_asked && session_bandwidth(s) < s->bandwidth.asked &&
        s->deadline[SESSION_TIMER_BANDWIDTH] == SESSION_NEVER)
        session_set_timer(s, SESSION_TIMER_BANDWIDTH, SETTLE_MS);
}

/* ---- a limit ---- */

/* To the sender of an incoming channel (H.245 7.11.3: maximumBitRate in units of 100 bit/s). */
static void command_rate(struct session *s, const struct session_channel *c)
{
    struct h245_FlowControlCommand flow = {
        .scope = {.kind = h245_FlowControlCommand_scope_logicalChannelNumber},
        .restriction = {.kind = h245_FlowControlCommand_restriction_noRestriction}};
    struct h245_CommandMessage command = {.kind = h245_CommandMessage_flowControlCommand};
    struct h245_MultimediaSystemControlMessage m = {
        .kind = h245_MultimediaSystemControlMessage_command};

    /* In the peer's numbering: the channel is its own. */
    flow.scope.u.logicalChannelNumber = c->lcn;
    if (c->is_rate_limited) {
        flow.restriction.kind = h245_FlowControlCommand_restriction_maximumBitRate;
        flow.restriction.u.maximumBitRate = c->rate_limit;
    }
    command.u.flowControlCommand = &flow;
    m.u.command = &command;
    (void)h245_engine_send(s->h245, &m);
}

static void restrict_channel(struct session *s, struct session_channel *c, uint32_t limit)
{
    if (c->is_rate_limited && c->rate_limit == limit)
        /* A repeated command would make encoders hesitate. */
        return;
    c->is_rate_limited = true;
    c->rate_limit = limit;
    command_rate(s, c);
}

static void lift_restrictions(struct session *s)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (!c->is_rate_limited)
            continue;
        c->is_rate_limited = false;
        command_rate(s, c);
    }
}

/* Each channel its part of the room. What we send is another peer's picture, which this peer's
 * gatekeeper cannot make smaller: such a channel is closed. */
static void share_out(struct session *s, uint32_t room, uint32_t flexible)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (!h245_media_is_video(c->kind) || !counts(c) || flexible == 0)
            continue;
        /* A channel that is there by our own choice goes; the other members keep their picture. */
        if (c->direction == H245_OUTGOING)
            session_channel_drop(s, c);
        else
            restrict_channel(s, c, (uint32_t)((uint64_t)rate_of(c) * room / flexible));
    }
}

static void enforce(struct session *s)
{
    uint32_t all = session_bandwidth(s), flexible = sum(s, true);
    uint32_t fixed = all - flexible, limit = s->bandwidth.limit;

    /* While more is asked for nothing is taken away: the channel that needs it has just opened. */
    if (!s->bandwidth.has_limit || s->bandwidth.is_asking || all <= limit)
        return;
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H225,
                 "gatekeeper allows %u of the %u (100 bit/s) that the channels need", limit, all);
    if (session_wants_events(s))
        session_event(
            s, "session.bandwidth",
            json_pack("{s:I,s:I}", "allowed", (json_int_t)limit, "needed", (json_int_t)all));
    /* Audio cannot be made smaller: the call is over. */
    if (fixed > limit)
        session_end(s, SESSION_END_NO_BANDWIDTH, "the gatekeeper allows less than audio needs");
    else
        share_out(s, limit - fixed, flexible);
}

/* Comes from within the gatekeeper's engine, which has an answer to send before the session may
 * end: what follows from it waits for the timer. */
void session_on_bandwidth(struct session *s, uint32_t allowed, uint64_t now)
{
    s->now = now;
    if (!session_is_alive(s))
        return;
    /* Raised: the restrictions of before may be lifted. */
    s->bandwidth.is_raised = allowed > s->bandwidth.limit;
    s->bandwidth.has_limit = true;
    s->bandwidth.limit = allowed;
    s->bandwidth.is_asking = false;
    if (allowed < s->bandwidth.asked)
        s->bandwidth.asked = allowed; /* it knows already */
    /* Through the timer: we are inside the gatekeeper's engine. */
    session_set_timer(s, SESSION_TIMER_BANDWIDTH, 0);
    session_arm(s);
}

void session_bandwidth_on_timer(struct session *s)
{
    if (s->bandwidth.is_raised) {
        s->bandwidth.is_raised = false;
        lift_restrictions(s);
    }
    enforce(s);
    if (session_is_alive(s) && session_bandwidth(s) < s->bandwidth.asked)
        tell(s, session_bandwidth(s));
}
