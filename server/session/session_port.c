/* What a session's media port says, and what a conference asks of the session. The only entrances
 * of the data plane and the shards: each sets the time, and looks at its end whether the session is
 * over. */
#include "server/session/session_sdp.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/media/link_addr.h"
#include "server/session/session_data.h"

/* What the listener wants to be announced instead of the data plane's own address (NAT). */
struct addr session_announced(const struct session *s, struct addr local)
{
    const struct settings_listener *l = s->config.listener;
    const struct addr *other = local.family == ADDR_IP4 ? &l->media_ip4 : &l->media_ip6;

    /* The port is the data plane's own: the NAT is expected to map it one to one. */
    return other->family == ADDR_NONE ? local : addr_with_port(*other, local.port);
}

/* ---- what the port says ---- */

static void leave(struct session *s)
{
    session_check_closed(s);
    session_arm(s);
}

static struct session *enter(const struct session_transport *t)
{
    struct session *s = t->session;

    /* All of an event is at one time; the session's steps compare it with their deadlines. */
    s->now = s->env->now(s->env->user);
    return s;
}

static void on_port_opened(void *owner, int err)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    /* Make before break: the call goes on over the old one. */
    if (err != 0 && session_rekey_failed(t, err)) {
        /* the connection that it was to replace goes on */
    } else if (err != 0) {
        session_end(s, err == ERR_CLOSED ? SESSION_END_NO_DATA_PLANE : SESSION_END_RESOURCES,
                    err_to_str(err));
    } else {
        t->is_open = true;
        t->local = s->env->media_ops->local(t->port);
        if (!session_data_is_wire(t->kind))
            /* The address that is told, not the one that is bound: OLC and SDP are written from
             * here. */
            t->local = session_announced(s, t->local);
        /* What waited for the port: acknowledgements first, then a rekey's own OLCs. */
        session_media_progress(s, t);
        session_rekey_opened(t);
        if (s->conference != NULL)
            conference_update(s->conference);
    }
    leave(s);
}

/* Other channels than data's, which need no SRTP. */
static bool has_media(const struct session *s, const struct session_transport *t)
{
    SESSION_EACH_CHANNEL (s, c) {
        /* Data ride on DTLS itself (RFC 8261), so the SRTP profile does not matter to them. */
        if (c->transport == t && !c->is_data)
            return true;
    }
    return false;
}

static void on_established(void *owner, const struct media_established *e)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);
    char fp[FINGERPRINT_TEXT_MAX] = "";

    t->association = ASSOCIATION_VERIFIED;
    /* The certificate was compared with the signalled fingerprint where the handshake ran. */
    t->is_verified = true;
    t->profile = e->profile;
    t->handshake_ms = e->handshake_ms;
    t->is_resumed = e->is_resumed;
    t->peer_fingerprint = *e->peer;
    /* Of several certificates the peer has shown this one: a later description that does not name
     * it is of another association. */
    t->agreement.peer_fingerprint = *e->peer;
    t->agreement.peer_other_count = 0;
    snprintf(t->cipher, sizeof(t->cipher), "%s", e->cipher);
    s->env->stats.dtls_established++;
    session_step_now(s, SESSION_STEP_DTLS);
    (void)fingerprint_format(e->peer, fp, sizeof(fp));
    /* RFC 5764 4.1.2: without use_srtp there are no media keys to derive. */
    if (e->profile == SRTP_PROFILE_NONE && has_media(s, t)) {
        session_dtls_lost(t, DTLS_FAIL_NO_PROFILE, "peer chose no SRTP profile");
        leave(s);
        return;
    }
    log_info(LOG_AREA_DTLS, s->id, "association established",
             LOG_S("role", h23510_role_to_str(t->agreement.role)), LOG_S("cipher", t->cipher),
             LOG_S("profile", srtp_profile_to_str(e->profile)), LOG_S("peer", fp),
             LOG_U("handshake_ms", e->handshake_ms), LOG_B("resumed", e->is_resumed));
    if (session_wants_events(s))
        session_event(s, "dtls.established",
                      json_pack("{s:s,s:s,s:s,s:s,s:I,s:b}", "role",
                                h23510_role_to_str(t->agreement.role), "cipher", t->cipher,
                                "srtp_profile", srtp_profile_to_str(e->profile), "fingerprint", fp,
                                "handshake_ms", (json_int_t)e->handshake_ms, "resumed",
                                e->is_resumed));
    /* A mix may begin with data while the audio has no keys yet. */
    if (s->conference != NULL && session_data_is_on(s, t))
        conference_update(s->conference); /* data need no keys of SRTP */
    leave(s);
}

static void on_keyed(void *owner)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    /* The data plane has the keys and says so: VERIFIED alone would lose what comes first. */
    t->association = ASSOCIATION_KEYED;
    session_step_now(s, SESSION_STEP_KEYS);
    if (session_wants_events(s))
        session_event(s, "media.keyed", json_object());
    /* Fast start may have said Connect too early for media; channels that moved are closed behind
     * the new keys. */
    session_fast_keyed(s);
    session_finish_moves(t);
    if (s->conference != NULL)
        conference_update(s->conference);
    leave(s);
}

static void on_failed(void *owner, enum dtls_failure why, const char *text)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    session_dtls_lost(t, why, text);
    leave(s);
}

/* No failure: a peer that hangs up may close its association before we hear of the rest. */
static void on_peer_closed(void *owner)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    log_info(LOG_AREA_DTLS, s->id, "association closed by the peer");
    if (session_wants_events(s))
        session_event(s, "dtls.closed", json_object());
    session_drop_connection(t);
    /* After the drop: on_opened and the conference must not take it for one that runs. */
    t->association = ASSOCIATION_CLOSED;
    leave(s);
}

static void on_data(void *owner, const struct data_report *report)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    session_data_on_report(t, report);
    leave(s);
}

static void on_stranger(void *owner, const struct addr *from, uint64_t count)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    s->env->stats.dtls_strangers += count - t->strangers;
    /* The counter is of the transport, the statistics of the server: the difference is what is
     * new. */
    t->strangers = count;
    log_warn(LOG_AREA_DTLS, s->id, "DTLS from a third address dropped", LOG_ADDR("from", from),
             LOG_U("count", count));
}

/* A session lives by its audio: a camera that is switched off ends no call. */
static void on_silence(const struct session_transport *t)
{
    struct session *s = t->session;
    const struct session_channel *audio = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);

    /* Who is on hold sends nothing, and data have nothing to do with RTP. Before we look at whose
     * transport it is: a hold is no silence, by H.245 as by SDP. */
    if (s->is_paused || (audio == NULL && session_data_is_on(s, t)) ||
        (s->config.is_by_sdp && audio == NULL))
        return;
    /* NULL: no audio was ever opened on an active session, whose only sign of life was this. */
    if (audio == NULL || audio->transport == t)
        session_end(s, SESSION_END_NO_MEDIA, "no media came in time");
    else
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_MEDIA, "no media on transport %u in time", t->id);
}

void session_follow_remote(struct session_transport *t, const struct link_event *event,
                           const char *name, const char *text)
{
    struct addr from = addr_of_link(&event->source);
    struct session *s = t->session;
    char written[ADDR_TEXT_MAX];

    log_info(LOG_AREA_MEDIA, s->id, text, LOG_ADDR("remote", &from));
    if (session_wants_events(s))
        session_event(s, name,
                      json_pack("{s:I,s:s}", "transport", (json_int_t)t->id, "remote",
                                addr_format(&from, written)));
    /* RTP and RTCP share the address: what can move is keyed by DTLS. */
    session_set_remote(t, &from, &from);
    SESSION_EACH_CHANNEL (s, c) {
        if (c->transport == t && c->direction == H245_OUTGOING)
            c->media = c->media_control = from;
    }
    if (s->conference != NULL)
        conference_update(s->conference);
}

static void on_event(void *owner, unsigned type, const struct link_event *event)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);
    bool is_out = event->direction != 0;

    if (type == LINK_FIRST_PACKET) {
        session_step_at(s, is_out ? SESSION_STEP_FIRST_OUT : SESSION_STEP_FIRST_IN, event->time_ms);
        /* The first SRTP packet is the only proof of keys that pass-through has. */
        session_pass_media(s);
        if (session_wants_events(s))
            session_event(s, "media.first_packet",
                          json_pack("{s:s,s:I}", "direction", is_out ? "out" : "in", "ssrc",
                                    (json_int_t)event->ssrc));
    } else if (type == LINK_MEDIA_TIMEOUT) {
        on_silence(t);
    } else if (type == LINK_ICE_SELECTED) {
        /* ICE-lite: the peer's nominated pair says where to send (RFC 8445 7.3.1.5). */
        session_sdp_selected(t, event);
    } else if (type == LINK_REMOTE_LATCHED && t->port != NULL) {
        session_follow_remote(t, event, "media.latched",
                              "the peer's address was learnt from a packet that authenticates");
    } else if (type == LINK_REMOTE_MISMATCH) {
        /* Told and not followed: an address is changed by signalling, so that nobody can draw media
         * to himself. */
        log_warn(LOG_AREA_MEDIA, s->id, "media from another address than the signalled one");
    }
    leave(s);
}

static void on_gone(void *owner, const char *why)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    session_end(s, SESSION_END_NO_DATA_PLANE, why);
    leave(s);
}

static void on_closed(void *owner, const struct link_transport_stats *final)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    /* The last counters outlive the port, for the event of the session's end. */
    t->final = *final;
    t->has_final = true;
    /* A session is freed when no port of its is closing any more: the data plane's answers name
     * it. */
    t->is_closing = false;
    leave(s);
}

static void on_captured(void *owner, const struct media_file_end *end)
{
    struct session_transport *t = owner;
    struct session *s = enter(t);

    session_on_captured(t, end);
    leave(s);
}

const struct media_callbacks session_media_callbacks = {
    .on_opened = on_port_opened,
    .on_established = on_established,
    .on_keyed = on_keyed,
    .on_failed = on_failed,
    .on_peer_closed = on_peer_closed,
    .on_stranger = on_stranger,
    .on_data = on_data,
    .on_event = on_event,
    .on_gone = on_gone,
    .on_closed = on_closed,
    .on_captured = on_captured,
};

/* ---- for the conference ---- */

bool session_can_receive(const struct session *s, enum h245_codec codec)
{
    /* A peer that has said nothing yet may take anything; the OLC will show. */
    if (!s->has_peer_caps)
        return true;
    for (size_t i = 0; i < s->peer_caps.audio_count; i++)
        if (s->peer_caps.audio[i].audio.codec == codec)
            return true;
    return false;
}

bool session_can_receive_relayed(const struct session *s, const struct h245_relayed *relayed)
{
    if (!s->has_peer_caps)
        return true;
    for (size_t i = 0; i < s->peer_caps.relayed_count; i++)
        if (h245_relayed_is_same(&s->peer_caps.relayed[i], relayed))
            return true;
    return false;
}

const struct h245_peer_caps *session_peer_caps(const struct session *s)
{
    return s->has_peer_caps ? &s->peer_caps : NULL;
}

static const struct session_channel *open_audio(const struct session *s,
                                                enum h245_direction direction)
{
    const struct session_channel *c = session_channel_of(s, H245_MEDIA_AUDIO, 0, direction);

    /* Open, and the port is there: a conference counts only who can send at once. */
    return c != NULL && c->state == CHANNEL_OPEN && c->transport->is_open ? c : NULL;
}

bool session_is_sending(const struct session *s)
{
    return open_audio(s, H245_INCOMING) != NULL;
}

bool session_is_receiving(const struct session *s)
{
    const struct session_channel *c = open_audio(s, H245_OUTGOING);

    return c != NULL && c->transport->remote.family != ADDR_NONE;
}
