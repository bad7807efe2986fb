/* Channels that we open: ours mirror what the peer opens, in its codec. */
#include "server/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference.h"

static enum media_kind own_kind(const struct session *s)
{
    const struct session_transport *t = session_transport_live(s);

    return t != NULL ? t->kind : h23510_is_usable(&s->dtls) ? MEDIA_DTLS_SRTP : MEDIA_PLAIN_RTP;
}

/* Codec of our channel: that of the peer's, else what the conference has, else our first choice;
 * always one that the peer can receive. */
static int own_codec(const struct session *s, const struct session_channel *in,
                     struct h245_audio *audio)
{
    struct h245_audio offer[SETTINGS_CODECS_MAX];
    size_t n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);

    if (in != NULL && (in->state == CHANNEL_OPEN || in->state == CHANNEL_PENDING)) {
        for (size_t i = 0; i < n; i++) {
            if (offer[i].codec == in->audio.codec) {
                offer[0] = offer[i];
                return h245_choose_audio(&s->peer_caps, offer, 1, audio);
            }
        }
    }
    return h245_choose_audio(&s->peer_caps, offer, n, audio);
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
    c.audio = channel->audio;
    c.media_control = session_transport_control(t);
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

static int open_channel(struct session *s, struct session_transport *t,
                        const struct h245_audio *audio)
{
    struct session_channel *c = session_channel_add(s, H245_OUTGOING);
    int err;

    if (c == NULL)
        return ERR_LIMIT;
    err = h245_channel_number(s->h245, &c->lcn);
    if (err != 0)
        return err;
    c->state = CHANNEL_OPENING;
    c->kind = CHANNEL_AUDIO;
    c->audio = *audio;
    c->session_id = SESSION_AUDIO_ID;
    c->payload_type = h245_codec_payload_type(audio->codec);
    c->is_protected = session_transport_is_protected(t);
    c->transport = t;
    err = send_olc(s, t, c);
    if (err != 0)
        c->state = CHANNEL_NONE;
    return err;
}

/* May our channel be opened now, as far as the peer's is concerned? We follow a peer that opens its
 * own, and do not wait for ever for one that does not. */
static bool is_time(const struct session *s, const struct session_channel *in)
{
    if (s->h245 == NULL || s->state != SESSION_ACTIVE || s->peer_caps.is_empty ||
        session_channel_of(s, CHANNEL_AUDIO, H245_OUTGOING) != NULL)
        return false;
    if (in == NULL)
        return s->deadline[SESSION_TIMER_MIRROR] == SESSION_NEVER;
    return in->state != CHANNEL_CLOSING;
}

/* Opens our channel when all is there that it needs; asks for the port where that is missing. */
void session_open_outgoing(struct session *s)
{
    const struct session_channel *in = session_channel_of(s, CHANNEL_AUDIO, H245_INCOMING);
    struct session_transport *t = session_transport_live(s);
    struct h245_audio audio;
    int err = 0;

    if (!is_time(s, in))
        return;
    if (own_codec(s, in, &audio) != 0) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "peer cannot receive the codec");
        return;
    }
    if (t == NULL)
        err = session_transport_open(s, own_kind(s), &t);
    if (err != 0) {
        session_end(s, err == ERR_CLOSED ? SESSION_END_NO_DATA_PLANE : SESSION_END_RESOURCES,
                    "no media port");
        return;
    }
    if (!t->is_open)
        return;
    session_stop_timer(s, SESSION_TIMER_MIRROR);
    err = open_channel(s, t, &audio);
    if (err != 0) {
        session_note(s, LOG_LEVEL_ERROR, LOG_AREA_H245, "channel not opened: %s", err_to_str(err));
        return;
    }
    conference_settle(s->conference, audio.codec);
    session_step_now(s, SESSION_STEP_OLC_OUT);
}

static void refuse_ack(struct session *s, struct session_channel *c, const char *why)
{
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

    if (verdict == H23510_OK && t->association != ASSOCIATION_NONE &&
        !addr_is_equal(&fields->media, &t->remote))
        verdict = H23510_ADDRESS_DIFFERS;
    if (verdict != H23510_OK) {
        s->env->stats.h235_refused++;
        s->env->stats.refused[verdict]++;
    }
    return verdict;
}

void session_on_opened(struct session *s, uint16_t lcn,
                       const struct h245_OpenLogicalChannelAck *ack)
{
    struct session_channel *c = session_channel_find(s, lcn, H245_OUTGOING);
    struct session_transport *t = c != NULL ? c->transport : NULL;
    struct h23510_agreement agreement;
    struct h245_channel_ack fields;
    enum h23510_verdict verdict;

    if (c == NULL || c->state != CHANNEL_OPENING || t->port == NULL)
        return;
    session_step_now(s, SESSION_STEP_OLC_ACK_IN);
    memset(&fields, 0, sizeof(fields));
    memset(&agreement, 0, sizeof(agreement));
    if (h245_read_olc_ack(ack, &fields) != 0 || fields.media.family == ADDR_NONE) {
        refuse_ack(s, c, "it names no usable media address");
        return;
    }
    verdict = c->is_protected ? judge_ack(t, ack, &fields, &agreement) : H23510_OK;
    if (verdict != H23510_OK) {
        refuse_ack(s, c, h23510_verdict_to_str(verdict));
        return;
    }
    c->media = fields.media;
    c->media_control = fields.media_control;
    t->has_remote_from_ack = true;
    if (t->association == ASSOCIATION_NONE)
        session_set_remote(t, &fields.media,
                           fields.media_control.family != ADDR_NONE ? &fields.media_control
                                                                    : &t->remote_control);
    if (agreement.is_set)
        session_agree(t, &agreement);
    if (c->state == CHANNEL_OPENING)
        session_channel_is_open(s, c);
}
