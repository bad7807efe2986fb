/* Channels that the peer opens: judged by shape, by the conference and by H.235.10, acknowledged
 * when the port that they need is there. */
#include "server/session/session_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"
#include "signalling/schema/h245.h"

/* The engine is told first of all, so that the peer is not left waiting whatever else happens. */
void session_reject(struct session *s, uint16_t lcn, enum h245_olc_cause cause, const char *why)
{
    s->env->stats.channels_rejected++;
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "channel %u rejected (%s): %s", lcn,
                 h245_olc_cause_to_str(cause), why);
    (void)h245_channel_reject(s->h245, lcn, cause);
    if (session_wants_events(s))
        session_event(s, "channel.rejected",
                      json_pack("{s:i,s:s,s:s}", "lcn", lcn, "cause", h245_olc_cause_to_str(cause),
                                "reason", why));
}

void session_object(struct session_objection *o, enum h245_olc_cause cause, const char *why)
{
    o->cause = cause;
    o->why = why;
}

/* H.245 B.3: sessions 1, 2 and 3 are those of the primary audio, video and data; others (those of
 * presentations always) are dynamic, given by the master, and 0 asks it for one. */
static bool has_primary(enum h245_media kind)
{
    return kind <= H245_MEDIA_DATA;
}

static uint8_t primary_id(enum h245_media kind)
{
    return (uint8_t)(kind + 1);
}

struct lane {
    /* Lane and session: the lane is our view, the session id the peer's. */
    uint8_t index;
    uint8_t session_id;
};

static bool is_taken(const struct session *s, enum h245_media kind, uint8_t index)
{
    const struct session_channel *c = session_channel_of(s, kind, index, H245_INCOMING);

    return c != NULL;
}

/* Which lane is it? One of ours with the same session id, else the first that is free. */
static void find_lane(const struct session *s, const struct h245_channel *c, struct lane *lane)
{
    lane->session_id = c->session_id;
    lane->index = 0;
    /* The primary one of its kind: there is exactly one. */
    if (has_primary(c->kind) && c->session_id == primary_id(c->kind))
        return;
    SESSION_EACH_CHANNEL (s, have) {
        if (c->session_id != 0 && have->kind == c->kind && have->session_id == c->session_id) {
            lane->index = have->index;
            return;
        }
    }
    while (lane->index < SESSION_LANES_IN_MAX && is_taken(s, c->kind, lane->index))
        lane->index++;
    /* The master gives session ids (H.245 B.3.1); ours are beyond the three primary ones. */
    if (lane->session_id == 0)
        lane->session_id =
            lane->index == 0 && has_primary(c->kind)
                ? primary_id(c->kind)
                : (uint8_t)(SESSION_ID_FIRST + c->kind * SESSION_LANES_MAX + lane->index);
}

/* In the middle of a call an endpoint may send another codec if all others can follow. Who opens
 * its first channel with one has passed over our capabilities, or crossed with another's: it is
 * told, and can do better. */
static bool is_change(const struct session *s, const struct h245_channel *c, uint8_t index)
{
    return c->kind == H245_MEDIA_AUDIO && index == 0 && s->step[SESSION_STEP_OLC_ACK_OUT] != 0 &&
           conference_may_follow(s->conference, s, c->audio.codec);
}

static bool is_served(const struct session *s, const struct h245_channel *c, uint8_t index)
{
    if (c->kind != H245_MEDIA_AUDIO)
        return conference_relays(s->conference, s, &c->relayed);
    return conference_accepts(s->conference, s, c->audio.codec) || is_change(s, c, index);
}

static int payload_type_of(const struct h245_channel *c)
{
    if (c->payload_type != 0)
        /* Said, static, or unknown: -1. */
        return c->payload_type;
    if (c->kind == H245_MEDIA_AUDIO)
        return h245_codec_payload_type(c->audio.codec);
    return c->relayed.payload_type != 0 ? c->relayed.payload_type : H245_PT_DYNAMIC;
}

/* Rows of the data plane tell channels of one port apart by their payload types: a presentation by
 * the number of the camera's picture would be shown in its place. */
static bool is_confusable(const struct session *s, const struct h245_channel *c)
{
    SESSION_EACH_CHANNEL (s, have) {
        if (c->kind == H245_MEDIA_PRESENTATION && have->kind == H245_MEDIA_VIDEO &&
            have->direction == H245_INCOMING && have->payload_type == payload_type_of(c))
            return true;
    }
    return false;
}

/* Shape of the channel, without a look at security. */
static void judge_shape(const struct session *s, const struct h245_channel *c, struct lane *lane,
                        struct session_objection *o)
{
    bool is_audio = c->kind == H245_MEDIA_AUDIO;

    find_lane(s, c, lane);
    if (c->has_reverse)
        /* From the general to the special: the first reason is told. */
        session_object(o, H245_OLC_UNSUITABLE_REVERSE, "bidirectional channels are not for RTP");
    else if (c->is_unknown || c->is_null || (is_audio && c->audio.codec == H245_CODEC_UNKNOWN))
        session_object(o, H245_OLC_TYPE_NOT_SUPPORTED, "media type is not served");
    else if (c->session_id != 0 && c->session_id <= primary_id(H245_MEDIA_DATA) &&
             (!has_primary(c->kind) || c->session_id != primary_id(c->kind)))
        session_object(o, H245_OLC_SESSION_ID, "the session is another medium's");
    else if (lane->index >= SESSION_LANES_IN_MAX)
        session_object(o, H245_OLC_TYPE_NOT_AVAILABLE, "too many channels of its kind");
    else if (is_audio && payload_type_of(c) == H245_PT_DYNAMIC)
        session_object(o, H245_OLC_UNSPECIFIED, "the payload type is missing");
    else if (c->is_protected && is_confusable(s, c))
        session_object(o, H245_OLC_UNSPECIFIED, "the payload type is that of the other video");
    else if (!is_served(s, c, lane->index))
        session_object(o, H245_OLC_TYPE_NOT_AVAILABLE,
                       is_audio ? "codec is not the conference's" : "codec is not passed on here");
}

/* T-BAD and the policy; the verdict on what the peer wrote about DTLS is in already. */
static void judge_protection(struct session *s, enum h23510_verdict verdict,
                             struct session_objection *o)
{
    if (verdict == H23510_OK)
        return;
    /* In a passthrough there is nothing else to offer. */
    if (session_is_passed(s) && verdict == H23510_NOT_PROTECTED) {
        session_object(o, H245_OLC_SECURITY_DENIED, "only protected media can pass through");
        return;
    }
    /* Off: a protected request cannot be served, an unprotected one is fine. */
    if (session_mode(s) == H23510_MODE_OFF) {
        if (verdict != H23510_NOT_PROTECTED)
            session_object(o, H245_OLC_SECURITY_DENIED, "media protection is switched off here");
        return;
    }
    if (verdict != H23510_NOT_PROTECTED) {
        s->env->stats.h235_refused++;
        s->env->stats.refused[verdict]++;
        session_object(o, H245_OLC_SECURITY_DENIED, h23510_verdict_to_str(verdict));
    } else if (session_mode(s) == H23510_MODE_REQUIRED || h23510_is_usable(&s->dtls) ||
               h23510_is_held(&s->dtls)) {
        /* Who can do DTLS does it: else anybody on the way could talk both sides out of it. */
        session_object(o, H245_OLC_SECURITY_DENIED, "media must be protected");
    }
}

bool session_send_ack(struct session *s, struct session_channel *c, int built,
                      struct h245_OpenLogicalChannelAck *ack)
{
    struct arena *a = &s->env->scratch;
    int err = built;

    if (err == 0 && c->is_protected)
        err = h23510_fill_ack(&c->transport->dtls, a, ack);
    if (err == 0)
        err = h245_channel_accept(s->h245, c->lcn, ack, s->now);
    arena_reset(a);
    if (err == 0)
        return true;
    session_reject(s, c->lcn, H245_OLC_UNSPECIFIED, err_to_str(err));
    /* The engine has forgotten it with the reject. */
    c->state = CHANNEL_NONE;
    return false;
}

void session_channel_accept(struct session *s, struct session_channel *c)
{
    struct session_transport *t = c->transport;
    struct arena *a = &s->env->scratch;
    struct h245_OpenLogicalChannelAck *ack = NULL;
    struct h245_channel_ack fields;
    int err, number;

    if (c->is_data) {
        session_data_accept(s, c);
        return;
    }
    c->media = t->local;
    /* RTCP of plain media has the next port; with DTLS there is one for both. */
    c->media_control = session_transport_control(t);
    memset(&fields, 0, sizeof(fields));
    fields.lcn = c->lcn;
    /* Only a session id that the peer asked for is told. */
    fields.session_id = c->is_id_ours ? c->session_id : 0;
    fields.media = c->media;
    fields.media_control = c->media_control;
    fields.has_port_number = c->is_protected; /* L-SHARE: the same for all on the transport */
    fields.port_number = t->local.port;
    /* The number cannot be translated on the way: the peer is asked to send by the one that the
     * other side's peer takes it by. */
    number = session_pass_number(s, c);
    if (number != c->payload_type && number >= 0) {
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_H245,
                     "channel %u is asked for by payload type %d, not %d", c->lcn, number,
                     c->payload_type);
        fields.payload_type = (uint8_t)number;
        c->payload_type = number;
    }
    arena_reset(a);
    err = h245_build_olc_ack(a, &fields, &ack);
    if (!session_send_ack(s, c, err, ack))
        return;
    session_step_now(s, SESSION_STEP_OLC_ACK_OUT);
    session_channel_is_open(s, c);
    /* Ours may move to the connection that the peer has just opened. */
    session_move_outgoing(s, c);
}

/* The peer's own port stands in the OLC as that of its RTCP. With one port for all (M-RTCPMUX) it
 * is the media port as well; plain RTP has its media on the even port below, until an Ack says it.
 */
static void remote_from_olc(struct session_transport *t, const struct h245_channel *c)
{
    struct addr rtp = c->media_control;

    /* A channel that joins a running connection brings no new address (A-ADD). */
    if (rtp.family == ADDR_NONE || t->has_remote_from_ack || t->association != ASSOCIATION_NONE)
        return;
    /* The even port below RTCP's (RFC 3550 §11). */
    if (!session_transport_is_protected(t) && rtp.port % 2 == 1)
        rtp.port--;
    session_set_remote(t, &rtp, &c->media_control);
}

/* Would the OLC join the connection of `t` (A-ADD, D-ONCE)? */
static enum h23510_verdict try_join(struct session_transport *t,
                                    const struct h245_OpenLogicalChannel *olc,
                                    const struct h245_channel *c, struct session_place *p)
{
    enum h23510_verdict verdict;

    /* On a copy: a request that does not fit must leave no trace. */
    p->transport = t;
    p->dtls = t->dtls;
    verdict = h23510_check_olc(&p->dtls, olc, &p->agreement);
    if (verdict == H23510_OK &&
        (!session_transport_fits(t, &c->media_control) ||
         !session_transport_has_label(t, 0, c->has_port_number, c->port_number)))
        verdict = H23510_ADDRESS_DIFFERS; /* L-SHARE */
    return verdict;
}

/* The connection that a protected OLC means. One with the values of a connection that runs joins
 * it; else `existing` has a mistake in it, and `new` gets a connection of its own beside the others
 * (A-REPLACE, or media on ports of their own). */
enum h23510_verdict session_find_connection(const struct session *s, enum media_kind kind,
                                            const struct h245_OpenLogicalChannel *olc,
                                            const struct h245_channel *c, uint8_t index,
                                            struct session_place *p)
{
    /* The lane's own connection first: most OLCs mean it. */
    struct session_transport *own = session_transport_of(s, kind, c->kind, index);
    enum h23510_verdict why = own != NULL ? try_join(own, olc, c, p) : H23510_NO_CONNECTION;

    if (why == H23510_OK)
        return why;
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port != NULL && t != own && t->kind == kind && try_join(t, olc, c, p) == H23510_OK)
            return H23510_OK;
    }
    /* It says "existing" and does not fit: its mistake is the answer. */
    if (own != NULL && h23510_wanted(olc) == H23510_CONNECTION_EXISTING)
        return why;
    p->transport = NULL;
    p->dtls = s->dtls;
    return h23510_check_olc(&p->dtls, olc, &p->agreement);
}

/* The transport of the place, opened where there is none yet. */
struct session_transport *session_take_transport(struct session *s, const struct session_place *p,
                                                 const struct h245_channel *c, uint8_t index,
                                                 struct session_objection *o)
{
    struct session_transport *t = p->transport;
    enum media_kind other;
    int err;
    const char *why = session_pass_lane(s, c->kind, index, t != NULL);

    if (why != NULL) {
        session_object(o, H245_OLC_TYPE_NOT_AVAILABLE, why);
        return NULL;
    }
    /* A plain and a protected half would leave the call half in the clear. */
    if (session_transport_kind_of(s, c->kind, index, &other) && other != p->kind) {
        session_object(o, H245_OLC_SECURITY_DENIED, "both directions share one kind of transport");
        return NULL;
    }
    if (t != NULL)
        return t;
    err = session_transport_open(s, p->kind, c->kind, index, &t);
    if (err == 0)
        return t;
    session_object(o, H245_OLC_UNSPECIFIED, err_to_str(err));
    return NULL;
}

static void fill(struct session_channel *to, const struct h245_channel *c, const struct lane *lane)
{
    to->state = CHANNEL_PENDING;
    to->kind = c->kind;
    to->index = lane->index;
    to->lcn = c->lcn;
    to->audio = c->audio;
    to->relayed = c->relayed;
    to->session_id = lane->session_id;
    to->is_id_ours = c->session_id == 0;
    to->payload_type = payload_type_of(c);
}

/* A second channel on a lane is one that takes over from the first: it says so (replacementFor), or
 * it comes with a new connection (A-REPLACE). */
static void judge_taken(const struct session *s, const struct h245_OpenLogicalChannel *olc,
                        const struct h245_channel *c, const struct lane *lane,
                        const struct session_place *p, struct session_objection *o)
{
    const struct session_channel *have = session_channel_of(s, c->kind, lane->index, H245_INCOMING);
    /* Another transport is another connection: it takes over. */
    bool is_moved = p->kind != MEDIA_PLAIN_RTP && have != NULL && have->transport != p->transport;
    bool is_replaced = have != NULL && olc->forwardLogicalChannelParameters.has_replacementFor &&
                       olc->forwardLogicalChannelParameters.replacementFor == have->lcn;

    if (have != NULL && !is_moved && !is_replaced)
        session_object(o, H245_OLC_TYPE_NOT_AVAILABLE, "there is a channel of its session already");
}

static struct session_channel *admit(struct session *s, const struct h245_OpenLogicalChannel *olc,
                                     const struct h245_channel *c, const struct lane *lane,
                                     struct session_place *p, struct session_objection *o)
{
    enum h23510_verdict verdict =
        session_find_connection(s, session_secure_kind(s), olc, c, lane->index, p);
    struct session_channel *channel;
    struct session_transport *t;

    p->kind = verdict == H23510_OK ? session_secure_kind(s) : MEDIA_PLAIN_RTP;
    /* What it judged was the protected way; a plain one has its own transport. */
    if (p->kind == MEDIA_PLAIN_RTP)
        p->transport = session_transport_of(s, MEDIA_PLAIN_RTP, c->kind, lane->index);
    judge_taken(s, olc, c, lane, p, o);
    if (o->why == NULL)
        judge_protection(s, verdict, o);
    channel = o->why == NULL ? session_channel_add(s, H245_INCOMING) : NULL;
    if (o->why == NULL && channel == NULL)
        session_object(o, H245_OLC_UNSPECIFIED, "too many channels");
    t = o->why == NULL ? session_take_transport(s, p, c, lane->index, o) : NULL;
    if (t == NULL)
        return NULL;
    if (session_transport_is_protected(t)) {
        /* The agreement is the connection's from now on. */
        t->dtls = p->dtls;
        session_transport_learn_label(t, 0, c->has_port_number, c->port_number);
    }
    fill(channel, c, lane);
    /* Once true it stays: rows by payload type are needed from then on. */
    s->has_lanes = s->has_lanes || c->kind != H245_MEDIA_AUDIO || lane->index > 0;
    channel->is_protected = session_transport_is_protected(t);
    channel->transport = t;
    return channel;
}

void session_on_open_request(struct session *s, uint16_t lcn,
                             const struct h245_OpenLogicalChannel *olc)
{
    struct session_objection o = {H245_OLC_UNSPECIFIED, NULL};
    struct session_channel *channel = NULL;
    struct session_transport *t;
    struct h245_channel c;
    struct lane lane = {0, 0};
    struct session_place place;
    int err;

    /* Our good-bye is out; the peer's request crossed it. */
    if (!session_is_alive(s)) {
        (void)h245_channel_reject(s->h245, lcn, H245_OLC_UNSPECIFIED);
        return;
    }
    session_step_now(s, SESSION_STEP_OLC_IN);
    /* Another kind of channel altogether. */
    if (session_data_on_request(s, lcn, olc))
        return;
    memset(&c, 0, sizeof(c));
    memset(&place, 0, sizeof(place));
    err = h245_read_olc(olc, &c);
    if (err != 0)
        session_object(&o, H245_OLC_TYPE_UNKNOWN, err_to_str(err));
    else if (!session_pass_may_present(s))
        session_object(&o, H245_OLC_TYPE_NOT_AVAILABLE, "the other side is not there yet");
    else
        judge_shape(s, &c, &lane, &o);
    if (o.why == NULL)
        channel = admit(s, olc, &c, &lane, &place, &o);
    if (channel == NULL) {
        session_reject(s, lcn, o.cause, o.why);
        return;
    }
    t = channel->transport;
    /* What it said of its bit rate counts for the gatekeeper. */
    session_bandwidth_learn(channel, olc);
    if (c.kind == H245_MEDIA_AUDIO && lane.index == 0)
        conference_change_codec(s->conference, s, c.audio.codec);
    if (c.kind == H245_MEDIA_AUDIO)
        /* The first open audio decides the codec of a relay. */
        conference_settle(s->conference, c.audio.codec);
    remote_from_olc(t, &c);
    if (place.agreement.is_set && place.kind != MEDIA_PLAIN_RTP)
        session_agree(t, &place.agreement);
    /* The port may be there already: then it is answered now. */
    session_media_progress(s, t);
}
