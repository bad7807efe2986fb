/* Legs by SDP: a session whose other side is described on the control socket instead of by H.225.0
 * and H.245, so that a SIP server can bring its side of a call (H.235.10 clause 8.1, note; RFC
 * 3264, RFC 5763). One audio medium; everything else that is offered is refused with port 0.
 *
 * The leg has the same transports, channels and conference as any other session; what H.245 would
 * have told comes from the descriptions, all at once. */
#include "server/session_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/conference.h"
#include "signalling/sdp/sdp.h"

/* Whoever answers our offer may let a telephone ring first (as T301 of Q.931). */
#define ANSWER_MS 180000u
/* The numbers of the two channels: there is no H.245 that could see them. */
#define LCN_IN  1
#define LCN_OUT 2

static int refuse(const char **why, const char *text)
{
    *why = text;
    return ERR_REFUSED;
}

/* ---- one side's audio ---- */

/* The medium that the call is about: the first audio that is not refused already. */
static struct sdp_media *audio_of(struct sdp *sdp)
{
    for (size_t i = 0; i < sdp->media_count; i++)
        if (sdp->media[i].kind == SDP_KIND_AUDIO && sdp->media[i].port != 0)
            return &sdp->media[i];
    return NULL;
}

static enum h245_codec codec_named(const char *name)
{
    enum h245_codec codec;

    return h245_codec_from_str(name, &codec) == 0 ? codec : H245_CODEC_UNKNOWN;
}

/* What the describer can receive, in the form that conferences ask for. */
static void read_codecs(struct session *s, const struct sdp_media *m)
{
    struct h245_peer_caps *caps = &s->peer_caps;

    memset(caps, 0, sizeof(*caps));
    for (enum h245_codec c = 0; c < H245_CODEC_COUNT && caps->audio_count < H245_CAPS_MAX; c++) {
        const char *name = h245_codec_to_str(c);

        if (codec_named(name) != c || sdp_find_format(m, name, h245_codec_clock(c)) == NULL)
            continue;
        caps->audio[caps->audio_count].entry = (uint16_t)(caps->audio_count + 1);
        caps->audio[caps->audio_count].audio.codec = c;
        caps->audio[caps->audio_count++].audio.frames = 20;
    }
    s->has_peer_caps = true;
}

/* Payload types cross a relay as they are, so that only codecs whose number the describer keeps to
 * the well-known one can meet an H.323 side that uses it. */
static bool keeps_number(const struct sdp_media *m, enum h245_codec codec)
{
    const struct sdp_format *f =
        sdp_find_format(m, h245_codec_to_str(codec), h245_codec_clock(codec));

    return f != NULL && f->payload_type == h245_codec_payload_type(codec);
}

static int choose_codec(struct session *s, const struct sdp_media *m, struct h245_audio *audio)
{
    struct h245_audio offer[SETTINGS_CODECS_MAX];
    size_t n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);

    for (size_t i = 0; i < n; i++) {
        if (!keeps_number(m, offer[i].codec))
            continue;
        *audio = offer[i];
        return 0;
    }
    return ERR_NOTFOUND;
}

static bool is_reachable(const struct sdp_media *m)
{
    /* Port 9 and no address: the other side waits for ICE to tell it ours (RFC 8840). */
    return m->address.family != ADDR_NONE && !addr_is_unspecified(&m->address) &&
           !addr_is_multicast(&m->address) && m->port != 9;
}

/* ---- protection ---- */

static const struct fingerprint *best_fingerprint(const struct session *s, const struct sdp_dtls *d)
{
    const struct h23510_policy *policy = &s->dtls.policy;

    for (size_t i = 0; i < policy->hash_count; i++)
        for (size_t k = 0; k < d->fingerprint_count; k++)
            if (d->fingerprint[k].hash == policy->hashes[i] &&
                (policy->hashes[i] != FINGERPRINT_SHA1 || policy->allow_sha1))
                return &d->fingerprint[k];
    return NULL;
}

/* What the describer wrote about DTLS against what we say or said (`ours`). */
static int agree(const struct session *s, const struct sdp_media *m, enum h23510_setup ours,
                 struct h23510_agreement *agreement, const char **why)
{
    const struct fingerprint *fp = best_fingerprint(s, &m->dtls);
    /* RFC 4145 section 4: who says nothing is active. */
    enum h23510_setup theirs = m->dtls.has_setup ? m->dtls.setup : H23510_SETUP_ACTIVE;
    enum h23510_role role = h23510_role_of(ours, theirs);

    if (m->dtls.fingerprint_count == 0)
        return refuse(why, "a=fingerprint is missing");
    if (fp == NULL)
        return refuse(why, "no a=fingerprint by a hash that the policy allows");
    if (!m->rtcp_mux)
        return refuse(why, "a=rtcp-mux is missing: RTCP shares the port of DTLS");
    if (role == H23510_ROLE_OPEN)
        role = s->dtls.policy.open_role == H23510_SETUP_PASSIVE ? H23510_ROLE_PASSIVE
                                                                : H23510_ROLE_ACTIVE;
    if (role == H23510_ROLE_IMPOSSIBLE)
        return refuse(why, "a=setup roles of both sides exclude each other");
    *agreement = (struct h23510_agreement){.is_set = true,
                                           .role = role,
                                           .local_hash = fp->hash,
                                           .peer_fingerprint = *fp,
                                           .is_new = true};
    return 0;
}

static void say_dtls(const struct session *s, struct sdp_media *m, enum fingerprint_hash hash,
                     enum h23510_setup setup)
{
    memset(&m->dtls, 0, sizeof(m->dtls));
    m->dtls.fingerprint[0] = s->env->identity->fingerprints[hash];
    m->dtls.fingerprint_count = 1;
    m->dtls.has_setup = m->dtls.has_connection = true;
    m->dtls.setup = setup;
    m->dtls.connection = H23510_CONNECTION_NEW;
}

/* May media of this protocol be used under the listener's policy? */
static int judge_proto(const struct session *s, enum sdp_proto proto, const char **why)
{
    if (!sdp_proto_is_rtp(proto))
        return refuse(why, "audio's protocol is not one that is served");
    if (!sdp_proto_is_dtls(proto) && session_mode(s) == H23510_MODE_REQUIRED)
        return refuse(why, "media must be protected: UDP/TLS/RTP/SAVP or SAVPF");
    if (sdp_proto_is_dtls(proto) && session_mode(s) == H23510_MODE_OFF)
        return refuse(why, "media protection is switched off here");
    return 0;
}

/* ---- our own description ---- */

static void say_ourselves(struct session *s, const struct session_transport *t, struct sdp *sdp)
{
    snprintf(sdp->user, sizeof(sdp->user), "-");
    snprintf(sdp->name, sizeof(sdp->name), "-");
    sdp->id = s->id;
    sdp->version = ++s->sdp.version;
    sdp->origin = addr_with_port(t->local, 0);
    sdp->is_ice_lite = false;
}

static void say_transport(const struct session_transport *t, struct sdp_media *m)
{
    m->port = t->local.port;
    m->address = t->local;
    m->rtcp_mux = session_transport_is_protected(t);
    m->rtcp = session_transport_control(t);
    m->is_bundle_only = m->has_ice = false;
}

static void say_codec(const struct h245_audio *audio, struct sdp_media *m)
{
    struct sdp_format *f = &m->format[m->format_count++];

    memset(f, 0, sizeof(*f));
    f->payload_type = (uint8_t)h245_codec_payload_type(audio->codec);
    f->clock = h245_codec_clock(audio->codec);
    f->channels = 1;
    snprintf(f->name, sizeof(f->name), "%s", h245_codec_to_str(audio->codec));
}

/* ---- channels ---- */

static int add_channel(struct session *s, struct session_transport *t,
                       enum h245_direction direction, const struct h245_audio *audio)
{
    struct session_channel *c = session_channel_add(s, direction);

    if (c == NULL)
        return ERR_LIMIT;
    c->kind = H245_MEDIA_AUDIO;
    c->lcn = direction == H245_INCOMING ? LCN_IN : LCN_OUT;
    c->audio = *audio;
    c->session_id = SESSION_AUDIO_ID;
    c->payload_type = h245_codec_payload_type(audio->codec);
    c->is_protected = session_transport_is_protected(t);
    c->transport = t;
    c->media = direction == H245_INCOMING ? t->local : t->remote;
    c->media_control =
        direction == H245_INCOMING ? session_transport_control(t) : t->remote_control;
    session_channel_is_open(s, c);
    return 0;
}

/* Channels as the describer's direction has them: SDP_SENDONLY of theirs is our incoming one. */
static int set_channels(struct session *s, struct session_transport *t, enum sdp_direction theirs,
                        const struct h245_audio *audio)
{
    static const struct {
        enum sdp_direction bit;
        enum h245_direction direction;
    } row[] = {{SDP_SENDONLY, H245_INCOMING}, {SDP_RECVONLY, H245_OUTGOING}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct session_channel *c = session_channel_of(s, H245_MEDIA_AUDIO, 0, row[i].direction);
        int err = 0;

        if ((theirs & row[i].bit) != 0 && c == NULL)
            err = add_channel(s, t, row[i].direction, audio);
        else if ((theirs & row[i].bit) == 0 && c != NULL)
            session_channel_forget(s, c); /* on hold: the association stays */
        if (err != 0)
            return err;
    }
    conference_update(s->conference);
    return 0;
}

/* Both descriptions are known: media may flow. */
static int begin(struct session *s, struct session_transport *t, const struct sdp_media *theirs,
                 const struct h23510_agreement *agreement, const struct h245_audio *audio)
{
    int err;

    s->config.peer = theirs->address;
    session_set_remote(t, &theirs->address, &theirs->rtcp);
    t->has_remote_from_ack = true;
    if (agreement->is_set)
        session_agree(t, agreement);
    conference_settle(s->conference, audio->codec);
    err = set_channels(s, t, theirs->direction, audio);
    if (err != 0 || s->state == SESSION_ACTIVE)
        return err;
    session_stop_timer(s, SESSION_TIMER_SETUP);
    s->state = SESSION_ACTIVE;
    s->env->stats.connected++;
    s->env->stats.active++;
    session_step_now(s, SESSION_STEP_CONNECT);
    if (session_wants_events(s))
        session_event(s, "session.active",
                      json_pack("{s:n,s:b}", "role", "dtls", session_transport_is_protected(t)));
    return 0;
}

/* The first (and only) transport of the leg, of this kind. */
static int need_transport(struct session *s, enum media_kind kind, struct session_transport **out,
                          const char **why)
{
    int err = 0;

    *out = session_transport_live(s);
    if (*out != NULL && (*out)->kind != kind)
        return refuse(why, "the protocol of a running leg cannot change");
    if (*out == NULL)
        err = session_transport_open(s, kind, H245_MEDIA_AUDIO, 0, out);
    if (err != 0) {
        *why = "no media port";
        return err;
    }
    (*out)->local = session_announced(s, s->env->media_ops->local((*out)->port));
    return 0;
}

/* ---- offers of the other side ---- */

/* Later offers may put the call on hold and take it back; they run on what is there. */
static int check_running(const struct session_transport *t, const struct sdp_media *m,
                         const char **why)
{
    const struct fingerprint *fp = &t->agreement.peer_fingerprint;

    if (t->remote.family != ADDR_NONE && !addr_is_equal(&t->remote, &m->address))
        return refuse(why, "the address of a running leg cannot change");
    if (!t->agreement.is_set)
        return 0;
    for (size_t i = 0; i < m->dtls.fingerprint_count; i++)
        if (fingerprint_equal(&m->dtls.fingerprint[i], fp))
            return 0;
    return refuse(why, "the fingerprint of a running association cannot change");
}

/* An offer of ours is out and not answered: RFC 3264 section 4 forbids a second one. */
static int check_turn(const struct session *s, bool is_answer, const char **why)
{
    if (!session_is_alive(s))
        return refuse(why, "the session is ending");
    if (!s->config.is_by_sdp)
        return refuse(why, "the session is no leg by SDP");
    if (s->sdp.is_offer_out != is_answer)
        return refuse(why, is_answer ? "there is no offer to be answered"
                                     : "our own offer is not answered yet");
    return 0;
}

static int judge_offer(struct session *s, const struct sdp_media *m,
                       struct h23510_agreement *agreement, struct h245_audio *audio,
                       const char **why)
{
    int err;

    if (m == NULL)
        return refuse(why, "no audio is offered");
    err = judge_proto(s, m->proto, why);
    if (err == 0 && !is_reachable(m))
        err = refuse(why, "audio has no address to send to (ICE is not served)");
    if (err == 0 && sdp_proto_is_dtls(m->proto))
        err = agree(s, m, s->dtls.policy.setup, agreement, why);
    if (err != 0)
        return err;
    if (agreement->is_set && agreement->role != H23510_ROLE_ACTIVE &&
        agreement->role != H23510_ROLE_PASSIVE)
        return refuse(why, "a=setup:holdconn leaves nobody to begin");
    read_codecs(s, m);
    return choose_codec(s, m, audio) == 0 ? 0 : refuse(why, "no audio codec in common");
}

/* The offer becomes the answer in place: RFC 3264 section 6 wants every medium, in order. */
static void turn_around(struct session *s, const struct session_transport *t,
                        const struct h245_audio *audio, struct sdp_media *chosen, struct sdp *sdp)
{
    for (size_t i = 0; i < sdp->media_count; i++)
        if (&sdp->media[i] != chosen)
            sdp->media[i].port = 0;
    say_ourselves(s, t, sdp);
    say_transport(t, chosen);
    chosen->direction = sdp_mirror(chosen->direction);
    chosen->format_count = 0;
    say_codec(audio, chosen);
    if (session_transport_is_protected(t))
        say_dtls(s, chosen, t->agreement.local_hash,
                 t->agreement.role == H23510_ROLE_ACTIVE ? H23510_SETUP_ACTIVE
                                                         : H23510_SETUP_PASSIVE);
}

int session_sdp_answer(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    struct h23510_agreement agreement = {0};
    struct sdp_media *m = audio_of(sdp);
    struct session_transport *t;
    struct h245_audio audio;
    int err;

    s->now = now;
    err = check_turn(s, false, why);
    if (err == 0)
        err = judge_offer(s, m, &agreement, &audio, why);
    if (err == 0)
        err = need_transport(s, agreement.is_set ? MEDIA_DTLS_SRTP : MEDIA_PLAIN_RTP, &t, why);
    if (err == 0)
        err = check_running(t, m, why);
    if (err == 0)
        err = begin(s, t, m, &agreement, &audio);
    if (err == 0)
        turn_around(s, t, &audio, m, sdp);
    session_check_closed(s);
    session_arm(s);
    return err;
}

/* ---- offers of ours ---- */

int session_sdp_offer(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    struct sdp_media *m = &sdp->media[0];
    enum media_kind kind = session_mode(s) == H23510_MODE_OFF ? MEDIA_PLAIN_RTP : MEDIA_DTLS_SRTP;
    struct h245_audio offer[SETTINGS_CODECS_MAX];
    struct session_transport *t;
    size_t n;
    int err;

    s->now = now;
    err = check_turn(s, false, why);
    n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);
    if (err == 0 && n == 0)
        err = refuse(why, "the conference has no audio codec to offer");
    if (err == 0)
        err = need_transport(s, kind, &t, why);
    if (err != 0)
        return err;
    memset(sdp, 0, sizeof(*sdp));
    say_ourselves(s, t, sdp);
    sdp->media_count = 1;
    m->kind = SDP_KIND_AUDIO;
    m->proto = kind == MEDIA_DTLS_SRTP ? SDP_PROTO_DTLS_SAVP : SDP_PROTO_RTP_AVP;
    m->direction = SDP_SENDRECV;
    m->ptime_ms = 20;
    say_transport(t, m);
    for (size_t i = 0; i < n; i++)
        say_codec(&offer[i], m);
    if (kind == MEDIA_DTLS_SRTP)
        say_dtls(s, m, s->dtls.policy.hashes[0], s->dtls.policy.setup);
    s->sdp.is_offer_out = true;
    session_set_timer(s, SESSION_TIMER_SETUP, ANSWER_MS);
    session_arm(s);
    return 0;
}

int session_sdp_accept(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    struct h23510_agreement agreement = {0};
    struct sdp_media *m = audio_of(sdp);
    struct session_transport *t = session_transport_live(s);
    struct h245_audio audio;
    int err;

    s->now = now;
    err = check_turn(s, true, why);
    if (err == 0)
        err = judge_offer(s, m, &agreement, &audio, why);
    if (err == 0 && (t == NULL || (t->kind == MEDIA_DTLS_SRTP) != agreement.is_set))
        err = refuse(why, "the answer has another protocol than the offer");
    if (err == 0)
        err = check_running(t, m, why);
    if (err != 0)
        return err; /* a better answer may still come */
    s->sdp.is_offer_out = false;
    err = begin(s, t, m, &agreement, &audio);
    session_check_closed(s);
    session_arm(s);
    return err;
}

/* ---- life ---- */

static json_t *created_data(const struct session *s)
{
    return json_pack("{s:n,s:s,s:s,s:s}", "peer", "alias", s->alias, "conference",
                     s->conference_name, "listener", s->config.listener->name);
}

int session_sdp_begin(struct session *s, const char *alias, const char **why)
{
    const struct settings_conference *row = NULL;
    const char *name = NULL;
    int err;

    s->is_released = true; /* nobody is to be told of the end but by events */
    s->is_h245_ended = true;
    snprintf(s->alias, sizeof(s->alias), "%s", alias);
    if (conferences_resolve(s->env->conferences, alias, &row, &name) != 0) {
        *why = "no conference for this alias";
        return ERR_NOTFOUND;
    }
    snprintf(s->conference_name, sizeof(s->conference_name), "%s", name);
    err = conference_join(s->env->conferences, row, s->conference_name, s, &s->conference);
    if (err != 0) {
        *why = err == ERR_NOMEM ? err_to_str(err) : session_end_to_str(conference_refusal(err));
        return err;
    }
    err = session_policy_init(s);
    if (err != 0) {
        *why = err_to_str(err);
        return err;
    }
    session_step_now(s, SESSION_STEP_SETUP);
    if (session_wants_events(s))
        session_event(s, "session.created", created_data(s));
    return 0;
}
