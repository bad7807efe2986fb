/* Channels that we open: ours mirror what the peer opens, in its codec. */
#include "server/session/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"
#include "server/session/session_mix.h"

#define PT_DYNAMIC_FIRST 96 /* RFC 3551 */

/* The lane's transport, opened where there is none; NULL and 0: it is not ready yet. */
static int need_transport(struct session *s, enum h245_media medium, uint8_t index,
                          struct session_transport **out)
{
    enum media_kind kind = h23510_is_usable(&s->dtls) ? session_secure_kind(s) : MEDIA_PLAIN_RTP;
    struct session_transport *t;
    int err = 0;

    /* The other direction's kind, if there is one: both share it. */
    (void)session_transport_kind_of(s, medium, index, &kind);
    t = session_transport_of(s, kind, medium, index);
    if (t == NULL)
        err = session_transport_open(s, kind, medium, index, &t);
    *out = err == 0 && t->is_open ? t : NULL;
    return err;
}

bool session_offer_of(const struct session *s, enum h245_codec codec, struct h245_audio *one)
{
    struct h245_audio offer[SETTINGS_CODECS_MAX];
    size_t n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);

    for (size_t i = 0; i < n; i++)
        if (offer[i].codec == codec) {
            *one = offer[i];
            return true;
        }
    return false;
}

int session_audio_payload_type(enum h245_codec codec)
{
    int payload_type = h245_codec_payload_type(codec);

    return payload_type != H245_PT_DYNAMIC ? payload_type : SESSION_OPUS_PT;
}

/* Codec of our channel: what the peer has asked for, else that of its own channel, else what the
 * conference has, else our first choice; always one that the peer can receive. */
static int own_codec(const struct session *s, const struct session_channel *in,
                     struct h245_audio *audio)
{
    struct h245_audio offer[SETTINGS_CODECS_MAX], one;
    bool is_followed = in != NULL && (in->state == CHANNEL_OPEN || in->state == CHANNEL_PENDING);

    if (s->has_wish && session_offer_of(s, s->wish, &one) &&
        h245_choose_audio(&s->peer_caps, &one, 1, audio) == 0)
        return 0;
    /* One codec both ways. */
    if (is_followed && session_offer_of(s, in->audio.codec, &one))
        return h245_choose_audio(&s->peer_caps, &one, 1, audio);
    return h245_choose_audio(&s->peer_caps, offer,
                             conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX), audio);
}

/* Said to who has said that it can take it (H.245, maxPendingReplacementFor), and where nothing but
 * the codec changes: the old channel ends with the Ack then, while one on another connection has to
 * go on until the new one has its keys. */
static uint16_t replaced_by_name(const struct session *s, const struct session_channel *c)
{
    const struct session_channel *old = session_channel_find(s, c->replaces, H245_OUTGOING);

    return old != NULL && s->peer_caps.replacements > 0 && old->state == CHANNEL_OPEN &&
                   old->transport == c->transport
               ? c->replaces
               : 0;
}

static int send_olc(struct session *s, struct session_transport *t, struct session_channel *channel)
{
    struct arena *a = &s->env->scratch;
    struct h245_OpenLogicalChannel *olc = NULL;
    struct h245_channel c;
    int err;

    memset(&c, 0, sizeof(c));
    c.lcn = channel->lcn;
    c.session_id = channel->session_id;
    c.kind = channel->kind;
    c.audio = channel->audio;
    c.relayed = channel->relayed;
    /* Static types say themselves. */
    if (channel->payload_type >= PT_DYNAMIC_FIRST)
        c.payload_type = (uint8_t)channel->payload_type;
    c.media_control = session_transport_control(t);
    c.has_port_number = channel->is_protected; /* L-SHARE: the same for all on the transport */
    c.port_number = t->local.port;
    c.replaces = replaced_by_name(s, channel);
    arena_reset(a);
    err = h245_build_olc(a, &c, &olc);
    if (err == 0 && channel->is_protected)
        err = h23510_fill_olc(&t->dtls, a, olc);
    if (err == 0)
        session_bandwidth_learn(channel, olc);
    if (err == 0)
        err = h245_channel_open(s->h245, olc, s->now);
    arena_reset(a);
    return err;
}

int session_open_like(struct session *s, struct session_transport *t,
                      const struct session_channel *like, uint16_t replaces)
{
    struct session_channel *c = session_channel_add(s, H245_OUTGOING);
    /* The state is CHANNEL_NONE yet, so that the entry is free again should the number not be
     * had. */
    uint16_t lcn = 0;
    int err;

    if (c == NULL)
        return ERR_LIMIT;
    err = h245_channel_number(s->h245, &lcn);
    if (err != 0)
        return err;
    c->state = CHANNEL_OPENING;
    c->lcn = lcn;
    c->kind = like->kind;
    c->index = like->index;
    c->audio = like->audio;
    c->relayed = like->relayed;
    c->rate = like->rate;
    c->session_id = like->session_id;
    c->replaces = replaces;
    c->refusal = H245_OLC_UNKNOWN_CAUSE;
    c->payload_type = like->payload_type;
    c->is_protected = session_transport_is_protected(t);
    c->transport = t;
    s->has_lanes = s->has_lanes || c->kind != H245_MEDIA_AUDIO || c->index > 0;
    err = send_olc(s, t, c);
    /* Nothing was sent: the number is spent, but no Ack can come for it. */
    if (err != 0)
        c->state = CHANNEL_NONE;
    return err;
}

/* A dynamic session is the one that the peer has opened or the master gives: we give one when that
 * is us, and else ask for one. */
static uint8_t session_id_of(const struct session *s, enum h245_media kind, uint8_t index)
{
    const struct session_channel *in = session_channel_of(s, kind, index, H245_INCOMING);

    if (index == 0 && kind != H245_MEDIA_PRESENTATION)
        /* H.245 fixes 1 to 3 for the first of each medium (sessionID of
         * H2250LogicalChannelParameters). */
        return (uint8_t)(kind + 1);
    if (in != NULL)
        return in->session_id;
    return h245_msd_is_master(s->h245)
               ? (uint8_t)(SESSION_ID_FIRST + kind * SESSION_LANES_MAX + index)
               : 0;
}

int session_open_lane(struct session *s, const struct session_channel *in)
{
    struct session_channel like = *in;
    struct session_transport *t = NULL;
    int err = need_transport(s, in->kind, in->index, &t);

    /* The port is asked for and not there yet: on_opened comes back to us. */
    if (err == 0 && t == NULL)
        return 0;
    like.session_id = session_id_of(s, in->kind, in->index);
    if (err == 0)
        err = session_open_like(s, t, &like, 0);
    if (err != 0)
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "%s channel not opened: %s",
                     h245_media_to_str(in->kind), err_to_str(err));
    return err;
}

/* May our channel be opened now, as far as the peer's is concerned? We follow a peer that opens its
 * own, and do not wait for ever for one that does not. */
static bool is_time(const struct session *s, const struct session_channel *in)
{
    if (session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_OUTGOING) != NULL)
        return false;
    if (in == NULL)
        /* No channel of the peer's: we open ours when the time to follow has passed. */
        return s->deadline[SESSION_TIMER_MIRROR] == SESSION_NEVER;
    /* One that closes gives no codec to follow; the peer's next one will. */
    return in->state != CHANNEL_CLOSING;
}

/* Our primary audio, when all is there that it needs; asks for the port where that is missing. */
static void open_audio(struct session *s)
{
    const struct session_channel *in = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);
    struct session_channel like = {.kind = H245_MEDIA_AUDIO, .session_id = SESSION_AUDIO_ID};
    struct session_transport *t = NULL;
    int err;

    if (!is_time(s, in))
        return;
    if (own_codec(s, in, &like.audio) != 0) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "peer cannot receive the codec");
        return;
    }
    err = need_transport(s, H245_MEDIA_AUDIO, 0, &t);
    if (err != 0) {
        /* Without a media port there is no call at all, unlike a lane that is refused. */
        session_end(s, err == ERR_CLOSED ? SESSION_END_NO_DATA_PLANE : SESSION_END_RESOURCES,
                    "no media port");
        return;
    }
    if (t == NULL)
        return;
    session_stop_timer(s, SESSION_TIMER_MIRROR);
    like.payload_type = session_audio_payload_type(like.audio.codec);
    err = session_open_like(s, t, &like, 0);
    if (err != 0) {
        session_note(s, LOG_LEVEL_ERROR, LOG_AREA_H245, "channel not opened: %s", err_to_str(err));
        return;
    }
    /* The conference learns the codec by the first channel, so that whoever joins later is offered
     * it. */
    conference_settle(s->conference, like.audio.codec);
    session_step_now(s, SESSION_STEP_OLC_OUT);
}

void session_open_outgoing(struct session *s)
{
    /* The same conditions for all of them: on hold (empty set) nothing is opened, a held
     * negotiation has no fingerprint to give yet, and a passed leg waits for the other's. */
    if (s->h245 == NULL || s->state != SESSION_ACTIVE || s->is_paused || h23510_is_held(&s->dtls) ||
        !session_pass_may_bind(s))
        return;
    open_audio(s);
    /* Open_audio may have ended the session for want of a port. */
    if (session_is_alive(s))
        session_open_mirrored(s);
    if (session_is_alive(s))
        session_data_open(s);
}

/* Once told is enough: what was answered wrongly is not asked for again. */
void session_refuse_ack(struct session *s, struct session_channel *c, const char *why)
{
    /* The lane, and not the number: the same OLC would get the same answer. */
    session_lane_refused(s, c);
    c->refusal = H245_OLC_SECURITY_DENIED; /* ours: a replacement is not tried again */
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510, "acknowledgement of channel %u refused: %s",
                 c->lcn, why);
    session_channel_drop(s, c);
}

/* T-BAD, L-SHARE */
static enum h23510_verdict judge_ack(struct session_transport *t,
                                     const struct h245_OpenLogicalChannelAck *ack,
                                     const struct h245_channel_ack *fields,
                                     struct h23510_agreement *agreement)
{
    struct session *s = t->session;
    enum h23510_verdict verdict = h23510_check_ack(&t->dtls, ack, agreement);

    if (verdict == H23510_OK &&
        /* One association has one address: an Ack that names another would send half of the media
         * past the keys (L-SHARE). */
        ((t->association != ASSOCIATION_NONE && !addr_is_equal(&fields->media, &t->remote)) ||
         !session_transport_has_label(t, 1, fields->has_port_number, fields->port_number)))
        verdict = H23510_ADDRESS_DIFFERS;
    if (verdict != H23510_OK) {
        s->env->stats.h235_refused++;
        s->env->stats.refused[verdict]++;
    }
    return verdict;
}

/* An endpoint may have a port for each medium with DTLS, too, and first says so when it answers.
 * The lane gets a connection of its own then, asked for anew, if it was the first try to share. */
static bool is_splittable(const struct session *s, const struct session_channel *c)
{
    return (c->kind != H245_MEDIA_AUDIO || c->index > 0) &&
           (s->split_lanes & session_lane_bit(c->kind, c->index)) == 0 &&
           session_pass_lane(s, c->kind, c->index, false) == NULL;
}

static void split(struct session *s, struct session_channel *c)
{
    session_note(s, LOG_LEVEL_INFO, LOG_AREA_H23510,
                 "peer has another port for channel %u: it gets a connection of its own", c->lcn);
    s->split_lanes |= session_lane_bit(c->kind, c->index);
    session_channel_drop(s, c);
}

bool session_take_ack(struct session_channel *c, const struct h245_OpenLogicalChannelAck *ack,
                      const struct h245_channel_ack *said, struct h23510_agreement *agreement)
{
    struct session_transport *t = c->transport;
    enum h23510_verdict verdict = c->is_protected ? judge_ack(t, ack, said, agreement) : H23510_OK;

    /* Only this verdict can be cured by another connection, and once; the rest are contradictions
     * of what H.235.10 wants. */
    if (verdict == H23510_ADDRESS_DIFFERS && is_splittable(t->session, c))
        split(t->session, c);
    else if (verdict != H23510_OK)
        session_refuse_ack(t->session, c, h23510_verdict_to_str(verdict));
    else
        session_transport_learn_label(t, 1, said->has_port_number, said->port_number);
    return verdict == H23510_OK;
}

void session_on_opened(struct session *s, uint16_t lcn,
                       const struct h245_OpenLogicalChannelAck *ack)
{
    struct session_channel *c = session_channel_find(s, lcn, H245_OUTGOING);
    struct session_transport *t = c != NULL ? c->transport : NULL;
    struct h23510_agreement agreement;
    struct h245_channel_ack fields;

    if (c == NULL || session_data_on_opened(s, lcn, ack) || c->state != CHANNEL_OPENING ||
        t->port == NULL)
        return;
    session_step_now(s, SESSION_STEP_OLC_ACK_IN);
    memset(&fields, 0, sizeof(fields));
    memset(&agreement, 0, sizeof(agreement));
    /* No address is no place to send to. */
    if (h245_read_olc_ack(ack, &fields) != 0 || fields.media.family == ADDR_NONE) {
        session_refuse_ack(s, c, "it names no usable media address");
        return;
    }
    if (!session_take_ack(c, ack, &fields, &agreement))
        return;
    c->media = fields.media;
    c->media_control = fields.media_control;
    /* Named by the peer itself: what its OLCs' RTCP addresses let us guess is over. */
    t->has_remote_from_ack = true;
    /* Fixed while DTLS runs: another address comes with a connection of its own (A-REPLACE). */
    if (t->association == ASSOCIATION_NONE)
        session_set_remote(t, &fields.media,
                           fields.media_control.family != ADDR_NONE ? &fields.media_control
                                                                    : &t->remote_control);
    if (agreement.is_set)
        session_agree(t, &agreement);
    /* A receiver may choose the number of what has none of its own, no other. RFC 3551: a static
     * number means its codec; a peer that answers with another there is not followed. */
    if (fields.payload_type != 0 && (c->payload_type < 0 || c->payload_type >= PT_DYNAMIC_FIRST))
        c->payload_type = fields.payload_type;
    /* The master's number, where we as slave asked with 0. */
    if (c->session_id == 0)
        c->session_id = fields.session_id;
    /* What is said above (another leg, a refused lane) may have dropped it. */
    if (c->state == CHANNEL_OPENING) {
        session_channel_is_open(s, c);
        session_finish_move(s, c);
        session_ask_picture(s, c);
    }
}
