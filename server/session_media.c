/* Channels of a session and what carries them: the media port and its DTLS association.
 *
 * A relay session has one audio channel each way on one transport. Ours mirrors the codec of the
 * peer's. The port is opened when the first channel needs it and closed when the last is gone
 * (R-CLOSE); the association starts when an OLC or an Ack has told fingerprint and address
 * (D-ACTIVE) and serves both directions (D-ONCE). */
#include "server/session_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/conference.h"

bool session_has_channels(const struct session *s)
{
    return s->in.state != CHANNEL_NONE || s->out.state != CHANNEL_NONE;
}

static bool is_protected(const struct session *s)
{
    return s->transport.kind == MEDIA_DTLS_SRTP;
}

/* ---- events ---- */

static json_t *channel_data(const struct session_channel *c, const char *direction)
{
    return json_pack("{s:i,s:s,s:s,s:b}", "lcn", c->lcn, "direction", direction, "codec",
                     h245_codec_to_str(c->audio.codec), "protected", c->is_protected);
}

void session_channel_is_open(struct session *s, struct session_channel *c, const char *direction)
{
    c->state = CHANNEL_OPEN;
    c->was_open = true;
    s->env->stats.channels_opened++;
    session_stop_timer(s, SESSION_TIMER_NO_CHANNEL);
    log_info(LOG_AREA_H245, s->id, "channel opened", LOG_U("lcn", c->lcn),
             LOG_S("direction", direction), LOG_S("codec", h245_codec_to_str(c->audio.codec)),
             LOG_B("protected", c->is_protected), LOG_ADDR("media", &c->media));
    if (session_wants_events(s))
        session_event(s, "channel.opened", channel_data(c, direction));
    if (s->conference != NULL)
        conference_update(s->conference);
}

/* ---- port ---- */

static void port_give_up(struct session *s)
{
    struct session_transport *t = &s->transport;

    if (t->port == NULL)
        return;
    s->env->media_ops->close(t->port);
    t->port = NULL;
    t->is_open = false;
    t->closing++;
    if (t->association == ASSOCIATION_HANDSHAKE || t->association == ASSOCIATION_VERIFIED ||
        t->association == ASSOCIATION_KEYED)
        t->association = ASSOCIATION_CLOSED;
    h23510_reset_connection(&s->dtls);
    session_stop_timer(s, SESSION_TIMER_DTLS);
    if (s->conference != NULL)
        conference_update(s->conference);
}

int session_port_need(struct session *s, enum media_kind kind)
{
    struct session_transport *t = &s->transport;
    struct media_request r;
    char id[24];
    int err;

    if (t->port != NULL)
        return t->kind == kind ? 0 : ERR_STATE;
    snprintf(id, sizeof(id), "%llu", (unsigned long long)s->id);
    memset(&r, 0, sizeof(r));
    r.kind = kind;
    r.family = s->config.peer.family;
    r.place = conference_place(s->conference);
    r.dscp = s->env->settings->media.dscp;
    r.session = id;
    r.conference = s->conference_name;
    err = s->env->media_ops->open(s->env->media, &r, &session_media_callbacks, s, &t->port);
    if (err != 0) {
        t->port = NULL;
        return err;
    }
    t->kind = kind;
    t->is_open = false;
    t->remote = (struct addr){0};
    t->remote_control = (struct addr){0};
    t->has_remote_from_ack = false;
    t->agreement.is_set = false;
    t->association = ASSOCIATION_NONE;
    t->is_verified = false;
    t->failure = DTLS_FAIL_NONE;
    return 0;
}

/* ---- association ---- */

static void try_associate(struct session *s)
{
    struct session_transport *t = &s->transport;
    int err;

    if (t->port == NULL || !is_protected(s) || t->association != ASSOCIATION_NONE ||
        !t->agreement.is_set)
        return;
    if (t->agreement.role != H23510_ROLE_ACTIVE && t->agreement.role != H23510_ROLE_PASSIVE)
        return; /* holdconn: no DTLS until that changes */
    if (t->remote.family == ADDR_NONE) {
        if (s->deadline[SESSION_TIMER_DTLS] == SESSION_NEVER)
            session_set_timer(s, SESSION_TIMER_DTLS, s->env->settings->dtls.handshake_timeout_ms);
        return;
    }
    session_stop_timer(s, SESSION_TIMER_DTLS);
    err = s->env->media_ops->associate(t->port, t->agreement.role == H23510_ROLE_ACTIVE,
                                       &t->agreement.peer_fingerprint);
    if (err != 0) {
        session_dtls_lost(s, DTLS_FAIL_INTERNAL, err_to_str(err));
        return;
    }
    t->association = ASSOCIATION_HANDSHAKE;
    log_debug(LOG_AREA_DTLS, s->id, "association begins",
              LOG_S("role", h23510_role_to_str(t->agreement.role)), LOG_ADDR("remote", &t->remote));
}

void session_set_remote(struct session *s, const struct addr *rtp, const struct addr *rtcp)
{
    struct session_transport *t = &s->transport;

    t->remote = *rtp;
    t->remote_control = *rtcp;
    if (s->env->media_ops->set_remote(t->port, rtp, rtcp) != 0)
        session_note(s, LOG_LEVEL_ERROR, LOG_AREA_LINK, "remote address not set");
    try_associate(s);
}

static void agree(struct session *s, const struct h23510_agreement *agreement)
{
    if (!s->transport.agreement.is_set)
        s->transport.agreement = *agreement;
    try_associate(s);
}

/* Every channel on the connection goes, at once (8.3 of H.235.10), and the port with them. */
void session_drop_connection(struct session *s)
{
    if (s->in.state == CHANNEL_PENDING)
        (void)h245_channel_reject(s->h245, s->in.lcn, H245_OLC_SECURITY_DENIED);
    else if (s->in.state == CHANNEL_OPEN)
        (void)h245_channel_close(s->h245, s->in.lcn, H245_INCOMING, s->now);
    if (s->out.state == CHANNEL_OPEN || s->out.state == CHANNEL_OPENING)
        (void)h245_channel_close(s->h245, s->out.lcn, H245_OUTGOING, s->now);
    if (s->in.state != CHANNEL_NONE)
        s->in.state = s->in.state == CHANNEL_PENDING ? CHANNEL_NONE : CHANNEL_CLOSING;
    if (s->out.state != CHANNEL_NONE)
        s->out.state = CHANNEL_CLOSING;
    port_give_up(s);
    if (session_is_alive(s))
        session_set_timer(s, SESSION_TIMER_NO_CHANNEL,
                          s->env->settings->signalling.timers.no_channel_ms);
}

void session_dtls_lost(struct session *s, enum dtls_failure why, const char *text)
{
    struct session_transport *t = &s->transport;

    t->association = ASSOCIATION_FAILED;
    t->failure = why;
    snprintf(t->failure_text, sizeof(t->failure_text), "%s", text != NULL ? text : "");
    s->env->stats.dtls_failed++;
    s->env->stats.dtls_failures[why]++;
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_DTLS, "DTLS failed: %s (%s)", dtls_failure_to_str(why),
                 t->failure_text);
    if (session_wants_events(s))
        session_event(
            s, "dtls.failed",
            json_pack("{s:s,s:s}", "reason", dtls_failure_to_str(why), "text", t->failure_text));
    session_drop_connection(s);
}

/* ---- incoming channels ---- */

static void reject(struct session *s, uint16_t lcn, enum h245_olc_cause cause, const char *why)
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

/* Shape of the channel, without a look at security; H245_OLC_CAUSE_COUNT: fine. */
static enum h245_olc_cause judge_shape(const struct session *s, const struct h245_channel *c,
                                       const char **why)
{
    if (c->has_reverse) {
        *why = "bidirectional channels are not for audio";
        return H245_OLC_UNSUITABLE_REVERSE;
    }
    if (c->is_other_media || c->is_null || c->audio.codec == H245_CODEC_UNKNOWN) {
        *why = "media type is not served";
        return H245_OLC_TYPE_NOT_SUPPORTED;
    }
    if (c->session_id > SESSION_AUDIO_ID) {
        *why = "audio belongs to session 1";
        return H245_OLC_SESSION_ID;
    }
    if (s->in.state != CHANNEL_NONE) {
        *why = "there is an audio channel already";
        return H245_OLC_TYPE_NOT_AVAILABLE;
    }
    if (!conference_accepts(s->conference, s, c->audio.codec)) {
        *why = "codec is not the conference's";
        return H245_OLC_TYPE_NOT_AVAILABLE;
    }
    return H245_OLC_CAUSE_COUNT;
}

/* T-BAD and the policy. NULL: fine, and *kind is set. */
static const char *judge_protection(struct session *s, const struct h245_OpenLogicalChannel *olc,
                                    struct h23510_agreement *agreement, enum media_kind *kind)
{
    enum h23510_verdict verdict;

    if (session_mode(s) == H23510_MODE_OFF) {
        verdict = h23510_check_olc(&s->dtls, olc, agreement);
        *kind = MEDIA_PLAIN_RTP;
        return verdict == H23510_NOT_PROTECTED ? NULL : "media protection is switched off here";
    }
    verdict = h23510_check_olc(&s->dtls, olc, agreement);
    if (verdict == H23510_OK) {
        *kind = MEDIA_DTLS_SRTP;
        return NULL;
    }
    *kind = MEDIA_PLAIN_RTP;
    if (verdict != H23510_NOT_PROTECTED) {
        s->env->stats.h235_refused++;
        s->env->stats.refused[verdict]++;
        return h23510_verdict_to_str(verdict);
    }
    /* Who can do DTLS does it: else anybody on the way could talk both sides out of it. */
    if (session_mode(s) == H23510_MODE_REQUIRED || h23510_is_usable(&s->dtls))
        return "media must be protected";
    return NULL;
}

static void accept_pending(struct session *s)
{
    struct arena *a = &s->env->scratch;
    struct h245_OpenLogicalChannelAck *ack = NULL;
    struct h245_channel_ack fields;
    int err;

    memset(&fields, 0, sizeof(fields));
    fields.lcn = s->in.lcn;
    fields.session_id = s->in.session_id == 0 ? SESSION_AUDIO_ID : 0;
    fields.media = s->in.media;
    fields.media_control = s->in.media_control;
    arena_reset(a);
    err = h245_build_olc_ack(a, &fields, &ack);
    if (err == 0 && s->in.is_protected)
        err = h23510_fill_ack(&s->dtls, a, ack);
    if (err == 0)
        err = h245_channel_accept(s->h245, s->in.lcn, ack, s->now);
    arena_reset(a);
    if (err != 0) {
        reject(s, s->in.lcn, H245_OLC_UNSPECIFIED, err_to_str(err));
        s->in.state = CHANNEL_NONE;
        return;
    }
    session_step_now(s, SESSION_STEP_OLC_ACK_OUT);
    session_channel_is_open(s, &s->in, "incoming");
}

/* The peer's own port stands in the OLC as that of its RTCP. With one port for all (M-RTCPMUX) it
 * is the media port as well; plain RTP has its media on the even port below, until an Ack says it.
 */
static void remote_from_olc(struct session *s, const struct h245_channel *c)
{
    struct addr rtp = c->media_control;

    if (rtp.family == ADDR_NONE || s->transport.has_remote_from_ack)
        return;
    if (!is_protected(s) && rtp.port % 2 == 1)
        rtp.port--;
    session_set_remote(s, &rtp, &c->media_control);
}

void session_media_progress(struct session *s)
{
    struct session_transport *t = &s->transport;

    if (t->port == NULL || !t->is_open)
        return;
    if (s->is_fast && s->state == SESSION_SETUP) {
        session_fast_opened(s);
        return;
    }
    if (s->in.state == CHANNEL_PENDING) {
        s->in.media = t->local;
        s->in.media_control =
            is_protected(s) ? t->local : addr_with_port(t->local, (uint16_t)(t->local.port + 1));
        accept_pending(s);
    }
    try_associate(s);
    session_open_outgoing(s);
}

void session_on_open_request(struct session *s, uint16_t lcn,
                             const struct h245_OpenLogicalChannel *olc)
{
    struct h23510_agreement agreement;
    enum h245_olc_cause cause;
    struct h245_channel c;
    enum media_kind kind = MEDIA_PLAIN_RTP;
    const char *why = "";
    int err;

    if (!session_is_alive(s)) {
        (void)h245_channel_reject(s->h245, lcn, H245_OLC_UNSPECIFIED);
        return;
    }
    session_step_now(s, SESSION_STEP_OLC_IN);
    memset(&c, 0, sizeof(c));
    memset(&agreement, 0, sizeof(agreement));
    err = h245_read_olc(olc, &c);
    if (err != 0) {
        reject(s, lcn, H245_OLC_TYPE_UNKNOWN, err_to_str(err));
        return;
    }
    cause = judge_shape(s, &c, &why);
    if (cause != H245_OLC_CAUSE_COUNT) {
        reject(s, lcn, cause, why);
        return;
    }
    why = judge_protection(s, olc, &agreement, &kind);
    if (why != NULL) {
        reject(s, lcn, H245_OLC_SECURITY_DENIED, why);
        return;
    }
    err = session_port_need(s, kind);
    if (err != 0) {
        reject(s, lcn, err == ERR_STATE ? H245_OLC_SECURITY_DENIED : H245_OLC_UNSPECIFIED,
               err == ERR_STATE ? "both directions share one kind of transport" : err_to_str(err));
        return;
    }
    memset(&s->in, 0, sizeof(s->in));
    s->in.state = CHANNEL_PENDING;
    s->in.lcn = lcn;
    s->in.audio = c.audio;
    s->in.session_id = c.session_id;
    s->in.payload_type =
        c.payload_type != 0 ? c.payload_type : h245_codec_payload_type(c.audio.codec);
    s->in.is_protected = kind == MEDIA_DTLS_SRTP;
    conference_settle(s->conference, c.audio.codec);
    remote_from_olc(s, &c);
    if (agreement.is_set)
        agree(s, &agreement);
    session_media_progress(s);
}

/* ---- outgoing channels ---- */

static enum media_kind own_kind(const struct session *s)
{
    return s->transport.port != NULL    ? s->transport.kind
           : h23510_is_usable(&s->dtls) ? MEDIA_DTLS_SRTP
                                        : MEDIA_PLAIN_RTP;
}

/* Codec of our channel: that of the peer's, else what the conference has, else our first choice;
 * always one that the peer can receive. */
static int own_codec(const struct session *s, struct h245_audio *audio)
{
    struct h245_audio offer[SETTINGS_CODECS_MAX];
    size_t n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);

    if (s->in.state == CHANNEL_OPEN || s->in.state == CHANNEL_PENDING) {
        for (size_t i = 0; i < n; i++) {
            if (offer[i].codec == s->in.audio.codec) {
                offer[0] = offer[i];
                return h245_choose_audio(&s->peer_caps, offer, 1, audio);
            }
        }
    }
    return h245_choose_audio(&s->peer_caps, offer, n, audio);
}

static int send_olc(struct session *s, const struct h245_audio *audio)
{
    struct arena *a = &s->env->scratch;
    const struct addr local = s->transport.local;
    struct h245_OpenLogicalChannel *olc = NULL;
    struct h245_channel c;
    uint16_t lcn = 0;
    int err = h245_channel_number(s->h245, &lcn);

    if (err != 0)
        return err;
    memset(&c, 0, sizeof(c));
    c.lcn = lcn;
    c.session_id = SESSION_AUDIO_ID;
    c.audio = *audio;
    c.media_control = is_protected(s) ? local : addr_with_port(local, (uint16_t)(local.port + 1));
    arena_reset(a);
    err = h245_build_olc(a, &c, &olc);
    if (err == 0 && is_protected(s))
        err = h23510_fill_olc(&s->dtls, a, olc);
    if (err == 0) {
        memset(&s->out, 0, sizeof(s->out));
        s->out.state = CHANNEL_OPENING;
        s->out.lcn = lcn;
        s->out.audio = *audio;
        s->out.session_id = SESSION_AUDIO_ID;
        s->out.payload_type = h245_codec_payload_type(audio->codec);
        s->out.is_protected = is_protected(s);
        err = h245_channel_open(s->h245, olc, s->now);
        if (err != 0)
            s->out.state = CHANNEL_NONE;
    }
    arena_reset(a);
    return err;
}

/* Opens our channel when all is there that it needs; asks for the port where that is missing. */
void session_open_outgoing(struct session *s)
{
    struct h245_audio audio;
    bool is_waiting_for_peer;
    int err;

    if (s->state != SESSION_ACTIVE || s->out.state != CHANNEL_NONE || s->peer_caps.is_empty)
        return;
    is_waiting_for_peer =
        s->in.state == CHANNEL_NONE && s->deadline[SESSION_TIMER_MIRROR] != SESSION_NEVER;
    if (is_waiting_for_peer || s->in.state == CHANNEL_CLOSING)
        return;
    if (own_codec(s, &audio) != 0) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "peer cannot receive the codec");
        return;
    }
    err = session_port_need(s, own_kind(s));
    if (err != 0) {
        session_end(s, err == ERR_CLOSED ? SESSION_END_NO_DATA_PLANE : SESSION_END_RESOURCES,
                    "no media port");
        return;
    }
    if (!s->transport.is_open)
        return;
    session_stop_timer(s, SESSION_TIMER_MIRROR);
    err = send_olc(s, &audio);
    if (err != 0) {
        session_note(s, LOG_LEVEL_ERROR, LOG_AREA_H245, "channel not opened: %s", err_to_str(err));
        return;
    }
    conference_settle(s->conference, audio.codec);
    session_step_now(s, SESSION_STEP_OLC_OUT);
}

static void refuse_ack(struct session *s, const char *why)
{
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510, "acknowledgement of channel %u refused: %s",
                 s->out.lcn, why);
    s->out.state = CHANNEL_CLOSING;
    (void)h245_channel_close(s->h245, s->out.lcn, H245_OUTGOING, s->now);
}

void session_on_opened(struct session *s, uint16_t lcn,
                       const struct h245_OpenLogicalChannelAck *ack)
{
    struct session_transport *t = &s->transport;
    struct h23510_agreement agreement;
    struct h245_channel_ack fields;
    enum h23510_verdict verdict;

    if (s->out.state != CHANNEL_OPENING || s->out.lcn != lcn || t->port == NULL)
        return;
    session_step_now(s, SESSION_STEP_OLC_ACK_IN);
    memset(&fields, 0, sizeof(fields));
    memset(&agreement, 0, sizeof(agreement));
    if (h245_read_olc_ack(ack, &fields) != 0 || fields.media.family == ADDR_NONE) {
        refuse_ack(s, "it names no usable media address");
        return;
    }
    if (s->out.is_protected) {
        verdict = h23510_check_ack(&s->dtls, ack, &agreement);
        if (verdict == H23510_OK && t->association != ASSOCIATION_NONE &&
            !addr_is_equal(&fields.media, &t->remote))
            verdict = H23510_ADDRESS_DIFFERS; /* L-SHARE */
        if (verdict != H23510_OK) {
            s->env->stats.h235_refused++;
            s->env->stats.refused[verdict]++;
            refuse_ack(s, h23510_verdict_to_str(verdict));
            return;
        }
    }
    s->out.media = fields.media;
    s->out.media_control = fields.media_control;
    t->has_remote_from_ack = true;
    if (t->association == ASSOCIATION_NONE)
        session_set_remote(s, &fields.media,
                           fields.media_control.family != ADDR_NONE ? &fields.media_control
                                                                    : &t->remote_control);
    if (agreement.is_set)
        agree(s, &agreement);
    if (s->out.state == CHANNEL_OPENING)
        session_channel_is_open(s, &s->out, "outgoing");
}

void session_on_refused(struct session *s, uint16_t lcn, enum h245_olc_cause cause)
{
    if (s->out.lcn != lcn || s->out.state == CHANNEL_NONE)
        return;
    s->env->stats.channels_refused++;
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "peer refused channel %u: %s", lcn,
                 h245_olc_cause_to_str(cause));
    if (session_wants_events(s))
        session_event(s, "channel.refused",
                      json_pack("{s:i,s:s}", "lcn", lcn, "cause", h245_olc_cause_to_str(cause)));
    session_on_channel_gone(s, lcn, H245_OUTGOING, H245_CLOSED_BY_PEER);
}

/* ---- end of channels ---- */

/* Only what was open counts as closed, so that opened - closed is what is open now. */
static void channel_forget(struct session *s, struct session_channel *c)
{
    if (c->was_open)
        s->env->stats.channels_closed++;
    c->was_open = false;
    c->state = CHANNEL_NONE;
}

void session_on_channel_gone(struct session *s, uint16_t lcn, enum h245_direction direction,
                             enum h245_closer by)
{
    struct session_channel *c = direction == H245_INCOMING ? &s->in : &s->out;
    const char *text = direction == H245_INCOMING ? "incoming" : "outgoing";

    if (c->state == CHANNEL_NONE || c->lcn != lcn)
        return;
    channel_forget(s, c);
    log_info(LOG_AREA_H245, s->id, "channel closed", LOG_U("lcn", lcn), LOG_S("direction", text),
             LOG_S("by", by == H245_CLOSED_BY_US     ? "us"
                         : by == H245_CLOSED_BY_PEER ? "peer"
                                                     : "timeout"));
    if (session_wants_events(s))
        session_event(s, "channel.closed", json_pack("{s:i,s:s}", "lcn", lcn, "direction", text));
    if (!session_has_channels(s)) {
        port_give_up(s);
        if (session_is_alive(s))
            session_set_timer(s, SESSION_TIMER_NO_CHANNEL,
                              s->env->settings->signalling.timers.no_channel_ms);
    }
    if (s->conference != NULL)
        conference_update(s->conference);
}

void session_media_on_active(struct session *s)
{
    const struct settings_timers *t = &s->env->settings->signalling.timers;

    session_set_timer(s, SESSION_TIMER_NO_CHANNEL, t->no_channel_ms);
    if (s->in.state != CHANNEL_NONE) {
        if (s->in.state == CHANNEL_OPEN)
            session_stop_timer(s, SESSION_TIMER_NO_CHANNEL);
        session_open_outgoing(s);
    } else {
        session_set_timer(s, SESSION_TIMER_MIRROR, t->mirror_ms);
    }
}

void session_media_close(struct session *s)
{
    channel_forget(s, &s->in);
    channel_forget(s, &s->out);
    port_give_up(s);
}
