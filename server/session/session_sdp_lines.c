/* The m= lines of a leg by SDP: which are taken, over which transport (RFC 8843: one for all of a
 * BUNDLE group, else one for each), and what a later offer changes about them. */
#include "server/session/session_sdp.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"

/* The numbers of the channels: there is no H.245 that could see them. Two for each medium. */
static uint16_t lcn_of(enum h245_media medium, enum h245_direction direction)
{
    /* Odd and even, so that the two directions of a medium never meet. */
    return (uint16_t)(1 + 2 * (unsigned)medium + (direction == H245_OUTGOING));
}

/* ---- what can be taken ---- */

static const struct fingerprint *best_fingerprint(const struct session *s, const struct sdp_dtls *d)
{
    const struct h23510_policy *policy = &s->dtls.policy;

    /* Our order of preference, not theirs: RFC 8122 section 5 lets an endpoint offer several, and
     * the strongest that both have is the one to verify by. */
    for (size_t i = 0; i < policy->hash_count; i++)
        for (size_t k = 0; k < d->fingerprint_count; k++)
            if (d->fingerprint[k].hash == policy->hashes[i] &&
                (policy->hashes[i] != FINGERPRINT_SHA1 || policy->allow_sha1))
                return &d->fingerprint[k];
    return NULL;
}

/* RFC 8122 5.1: by the hash that counts there may be several, of several certificates; the peer
 * shows one of them. */
static void name_others(const struct sdp_dtls *d, const struct fingerprint *first,
                        struct h23510_agreement *a)
{
    for (size_t i = 0; i < d->fingerprint_count; i++)
        if (&d->fingerprint[i] != first && d->fingerprint[i].hash == first->hash &&
            a->peer_other_count < FINGERPRINT_OTHERS_MAX)
            a->peer_others[a->peer_other_count++] = d->fingerprint[i];
}

bool session_sdp_names(const struct sdp_dtls *d, const struct h23510_agreement *a)
{
    bool is_named = false;

    for (size_t i = 0; i < d->fingerprint_count; i++) {
        const struct fingerprint *fp = &d->fingerprint[i];

        is_named = is_named || fingerprint_equal(fp, &a->peer_fingerprint);
        for (size_t k = 0; k < a->peer_other_count; k++)
            is_named = is_named || fingerprint_equal(fp, &a->peer_others[k]);
    }
    return is_named;
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
        return session_sdp_refuse(why, "a=fingerprint is missing");
    if (fp == NULL)
        return session_sdp_refuse(why, "no a=fingerprint by a hash that the policy allows");
    /* One port (RFC 5764 4.1): keys of RTCP are those of the same association. */
    if (!m->rtcp_mux && sdp_proto_is_rtp(m->proto))
        return session_sdp_refuse(why, "a=rtcp-mux is missing: RTCP shares the port of DTLS");
    if (role == H23510_ROLE_OPEN)
        /* Both said actpass, which only an offer may; the policy decides, as in H.235.10 for
         * "open". */
        role = s->dtls.policy.open_role == H23510_SETUP_PASSIVE ? H23510_ROLE_PASSIVE
                                                                : H23510_ROLE_ACTIVE;
    if (role == H23510_ROLE_IMPOSSIBLE)
        return session_sdp_refuse(why, "a=setup roles of both sides exclude each other");
    /* RFC 4145 4.1: holdconn keeps the association from being set up for now. */
    if (role != H23510_ROLE_ACTIVE && role != H23510_ROLE_PASSIVE)
        return session_sdp_refuse(why, "a=setup:holdconn leaves nobody to begin");
    *agreement = (struct h23510_agreement){.is_set = true,
                                           .role = role,
                                           .local_hash = fp->hash,
                                           .peer_fingerprint = *fp,
                                           .is_new = true};
    name_others(&m->dtls, fp, agreement);
    return 0;
}

/* RFC 8841: SCTP in DTLS records, by RFC 8261. */
static int judge_data(struct session *s, const struct sdp_media *m, enum h23510_setup ours,
                      struct sdp_choice *c, const char **why)
{
    if (m->proto != SDP_PROTO_DTLS_SCTP || strcmp(m->format_text, "webrtc-datachannel") != 0)
        return session_sdp_refuse(why, "medium is not served");
    if (!session_data_is_possible(s))
        return session_sdp_refuse(why, "data channels are not served in this conference");
    if (!c->has_ice && !session_sdp_is_reachable(m))
        return session_sdp_refuse(why, "the medium has no address to send to");
    return agree(s, m, ours, &c->agreement, why);
}

static int judge(struct session *s, const struct sdp *sdp, const struct sdp_media *m,
                 enum h23510_setup ours, struct sdp_choice *c, const char **why)
{
    int err;

    c->has_ice = session_sdp_has_ice(sdp, m);
    if (m->kind == SDP_KIND_APP)
        return judge_data(s, m, ours, c, why);
    err = session_sdp_judge_proto(s, m, why);
    if (err == 0 && !c->has_ice && !session_sdp_is_reachable(m))
        err = session_sdp_refuse(why, "the medium has no address to send to");
    if (err == 0 && sdp_proto_is_dtls(m->proto))
        err = agree(s, m, ours, &c->agreement, why);
    if (err == 0)
        err = session_sdp_choose(s, m, c, why);
    return err;
}

static bool is_bundleable(const struct sdp_media *m)
{
    /* RFC 8843 section 9.3 wants RTCP on RTP's port; plain RTP has it beside, here. */
    return m->is_bundled && sdp_proto_is_dtls(m->proto);
}

/* Lines of one group share the transport of the first that is taken. */
static void find_shared(const struct sdp *sdp, struct sdp_plan *plan)
{
    /* -1: no line of the group is taken yet. */
    int tagged = -1;

    for (size_t i = 0; i < sdp->media_count; i++) {
        struct sdp_choice *c = &plan->line[i];

        c->shared_with = -1;
        /* A refused line cannot carry the group. */
        if (c->why != NULL || !is_bundleable(&sdp->media[i]))
            continue;
        if (tagged >= 0)
            c->shared_with = tagged;
        else if (sdp->media[i].port != 0)
            tagged = (int)i;
        /* Nothing to be bundled with, or the group's own line is the one without a port. */
        if (tagged < 0 || (sdp->media[i].port == 0 && c->shared_with < 0))
            c->why = "bundle-only, and nothing to be bundled with";
    }
}

/* A line of a group has its transport from the first, and may be silent about it. */
struct sdp_media session_sdp_effective(const struct sdp *sdp, size_t i)
{
    /* A copy: the offer itself stays as it was, for it becomes the answer. */
    struct sdp_media m = sdp->media[i];

    /* Lines before it only: the group's transport is the first's. */
    for (size_t k = 0; k < i && is_bundleable(&m); k++) {
        const struct sdp_media *first = &sdp->media[k];

        if (!is_bundleable(first) || first->port == 0)
            continue;
        /* A bundle-only line repeats nothing that the first says. */
        if (m.dtls.fingerprint_count == 0 || m.port == 0 || m.is_bundle_only)
            m.dtls = first->dtls;
        m.rtcp_mux = m.rtcp_mux || first->rtcp_mux;
        /* ICE and address are the transport's, always of the first. */
        m.ice = first->ice;
        m.address = first->address;
        m.rtcp = first->rtcp;
        m.port = first->port;
        /* One group is served. */
        break;
    }
    return m;
}

int session_sdp_plan(struct session *s, const struct sdp *sdp, enum h23510_setup ours,
                     struct sdp_plan *plan, const char **why)
{
    bool has[SDP_KIND_COUNT] = {false};
    const char *audio = "no audio is offered";
    const struct sdp_choice *voice = NULL;
    int audio_err = ERR_REFUSED;

    memset(plan, 0, sizeof(*plan));
    plan->count = sdp->media_count;
    /* Before the judging, which asks the conference what it takes of these capabilities. */
    session_sdp_read_caps(s, sdp);
    for (size_t i = 0; i < sdp->media_count; i++) {
        struct sdp_media m = session_sdp_effective(sdp, i);
        struct sdp_choice *c = &plan->line[i];
        int err = ERR_REFUSED;

        c->medium = m.kind == SDP_KIND_VIDEO ? H245_MEDIA_VIDEO
                    : m.kind == SDP_KIND_APP ? H245_MEDIA_DATA
                                             : H245_MEDIA_AUDIO;
        /* Port 0 means refused, but for bundle-only, where it means "in the group". */
        if (sdp->media[i].port == 0 && !(sdp->media[i].is_bundle_only && sdp->media[i].is_bundled))
            c->why = "not wanted";
        else if (m.kind == SDP_KIND_OTHER)
            c->why = "medium is not served";
        /* The second of a kind would need the second lane of a mix. */
        else if (has[m.kind])
            c->why = "one medium of each kind is served";
        else if ((err = judge(s, sdp, &m, ours, c, &c->why)) == 0)
            has[m.kind] = true;
        if (m.kind == SDP_KIND_AUDIO && c->why == NULL)
            voice = c;
        /* Audio's refusal is the one worth telling: without audio the whole is refused. */
        if (m.kind == SDP_KIND_AUDIO && c->why != NULL && !has[SDP_KIND_AUDIO] &&
            sdp->media[i].port != 0) {
            audio = c->why;
            audio_err = err;
        }
        if (c->why != NULL && sdp->media[i].port != 0)
            s->env->stats.sdp_lines_refused++;
    }
    /* After judging: a line that is refused may not be the group's. */
    find_shared(sdp, plan);
    /* A session lives by its audio, which may have been found to have no transport only now. */
    if (voice != NULL && voice->why == NULL)
        return 0;
    *why = voice != NULL ? "audio is bundle-only, and nothing to be bundled with" : audio;
    return voice != NULL ? ERR_REFUSED : audio_err;
}

/* ---- transports ---- */

int session_sdp_ice(struct session_transport *t)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    /* RFC 8445 5.3: 24 bits of ufrag and 128 of password at least; 48 and 144 are had here. */
    uint8_t raw[8 + 24];

    if (getentropy(raw, sizeof(raw)) != 0)
        return ERR_CRYPTO;
    for (size_t i = 0; i < 8; i++)
        /* 64 characters: the low six bits, so that none is likelier than another. */
        t->ice.ufrag[i] = chars[raw[i] % 64];
    for (size_t i = 0; i < 24; i++)
        t->ice.password[i] = chars[raw[8 + i] % 64];
    t->ice.ufrag[8] = t->ice.password[24] = '\0';
    return 0;
}

int session_sdp_transport(struct session *s, enum media_kind kind, enum h245_media medium,
                          bool has_ice, struct session_transport **out, const char **why)
{
    /* Data have a lane of their own, never that of the first medium. */
    int err = session_transport_open(s, kind, medium,
                                     medium == H245_MEDIA_DATA ? SESSION_LANE_DATA : 0, out);

    *why = "no media port";
    if (err != 0)
        return err;
    (*out)->local = session_announced(s, s->env->media_ops->local((*out)->port));
    return has_ice ? session_sdp_ice(*out) : 0;
}

/* May what runs go on for this line? A new certificate, association (RFC 8842 section 4) or,
 * without ICE, address begins another connection; plain RTP just goes elsewhere. */
static bool is_same_connection(const struct session_transport *t, const struct sdp_media *m,
                               const struct sdp_choice *c, const char *tls_id)
{
    /* Plain RTP has nothing to keep but the port. */
    if (!c->agreement.is_set || !t->agreement.is_set)
        return t->kind == MEDIA_PLAIN_RTP;
    /* Where both have one it decides against (RFC 8842). */
    if (tls_id[0] != '\0' && m->dtls.tls_id[0] != '\0' && strcmp(tls_id, m->dtls.tls_id) != 0)
        return false;
    /* Any of the fingerprints: the describer may list its hashes in another order each time. */
    return session_sdp_names(&m->dtls, &t->agreement) &&
           /* With ICE the address may change under the association; without, it is what the
            * association is bound to. */
           (c->has_ice || t->remote.family == ADDR_NONE || addr_is_equal(&t->remote, &m->address));
}

static void move_channels(struct session *s, struct session_transport *from,
                          struct session_transport *to, enum h245_media medium)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->transport != from || c->kind != medium)
            continue;
        c->transport = to;
        /* What is protected is a word of the transport's, and the move may change it. */
        c->is_protected = session_transport_is_protected(to);
    }
}

static void close_unused(struct session *s)
{
    SESSION_EACH_TRANSPORT (s, t) {
        /* Closed already: nothing to do. */
        bool is_used = t->port == NULL;

        for (size_t i = 0; i < s->leg->lines; i++)
            /* The lines are what keeps a transport of a leg alive; channels come and go with
             * hold. */
            is_used = is_used || (s->leg->line[i].is_taken && s->leg->line[i].transport == t);
        if (!is_used)
            session_transport_close(t);
    }
}

/* The transport of line `i`: the group's, the one that it has, or a new one. */
static int line_transport(struct session *s, const struct sdp_media *m, const struct sdp_choice *c,
                          size_t i, struct session_transport **out, const char **why)
{
    enum media_kind kind = c->agreement.is_set ? session_secure_kind(s) : MEDIA_PLAIN_RTP;
    struct sdp_line *line = &s->leg->line[i];
    struct session_transport *t = line->is_taken ? line->transport : NULL;

    /* The group's first has it, and that line comes before this one. */
    if (c->shared_with >= 0) {
        *out = s->leg->line[c->shared_with].transport;
        return 0;
    }
    *out = t;
    if (t != NULL && t->port != NULL && t->kind == kind &&
        /* A new association is a new transport: the old one's datagrams would be taken for its
         * own. */
        (!t->agreement.is_set || is_same_connection(t, m, c, t->peer_tls_id)))
        return 0;
    /* The old one is closed by close_unused, after the channels have moved. */
    return session_sdp_transport(s, kind, c->medium, c->has_ice, out, why);
}

/* What their description says about the transport of one line. */
static void tell_transport(struct session *s, struct session_transport *t,
                           const struct sdp_media *m, const struct sdp_choice *c)
{
    memcpy(t->peer_tls_id, m->dtls.tls_id, sizeof(t->peer_tls_id));
    if (c->has_ice) {
        /* Other credentials are a restart (RFC 8445 section 9), with other ones of ours. */
        if ((t->ice.ufrag[0] == '\0' || (t->ice_mark != 0 && t->ice_mark != m->ice.mark)) &&
            session_sdp_ice(t) != 0)
            session_note(s, LOG_LEVEL_ERROR, LOG_AREA_MEDIA, "no random ICE credentials");
        /* The mark is known already: nothing to tell the data plane again. */
        if (t->ice_mark != m->ice.mark && s->env->media_ops->ice(t->port, &t->ice) != 0)
            session_note(s, LOG_LEVEL_ERROR, LOG_AREA_LINK, "ICE credentials not set");
        t->ice_mark = m->ice.mark;
    } else {
        /* No ICE any more: credentials of before are void, and checks are not answered. */
        t->ice.ufrag[0] = '\0';
        if (!addr_is_equal(&t->remote, &m->address) || !addr_is_equal(&t->remote_control, &m->rtcp))
            session_set_remote(t, &m->address, &m->rtcp);
    }
    t->has_remote_from_ack = true;
    if (c->agreement.is_set)
        session_agree(t, &c->agreement);
}

/* ---- channels ---- */

static int add_channel(struct session *s, struct session_transport *t,
                       enum h245_direction direction, const struct sdp_choice *choice)
{
    struct session_channel *c = session_channel_add(s, direction);

    if (c == NULL)
        return ERR_LIMIT;
    c->kind = choice->medium;
    c->lcn = lcn_of(choice->medium, direction);
    c->audio = choice->audio;
    c->relayed = choice->relayed;
    /* As H.245 numbers its first sessions; whoever looks at channels sees both kinds of leg
     * alike. */
    c->session_id = (uint8_t)(choice->medium + 1);
    c->payload_type = choice->format.payload_type;
    c->is_protected = session_transport_is_protected(t);
    c->transport = t;
    /* Each direction has the address of the side that receives. */
    c->media = direction == H245_INCOMING ? t->local : t->remote;
    c->media_control =
        direction == H245_INCOMING ? session_transport_control(t) : t->remote_control;
    s->has_lanes = s->has_lanes || c->kind != H245_MEDIA_AUDIO;
    /* There is no Ack to wait for. */
    session_channel_is_open(s, c);
    return 0;
}

/* A later description may have other addresses, and in a mix another codec. */
static void renew(struct session_channel *c, const struct session_transport *t,
                  const struct sdp_choice *choice)
{
    c->audio = choice->audio;
    c->relayed = choice->relayed;
    c->payload_type = choice->format.payload_type;
    /* Only what is sent to is theirs to say; incoming stays on our port. */
    if (c->direction != H245_OUTGOING)
        return;
    c->media = t->remote;
    c->media_control = t->remote_control;
}

int session_sdp_channels(struct session *s, struct session_transport *t, enum sdp_direction theirs,
                         const struct sdp_choice *choice)
{
    static const struct {
        enum sdp_direction bit;
        enum h245_direction direction;
        /* What they send is what comes in, and the reverse. */
    } row[] = {{SDP_SENDONLY, H245_INCOMING}, {SDP_RECVONLY, H245_OUTGOING}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct session_channel *c = session_channel_of(s, choice->medium, 0, row[i].direction);
        int err = 0;

        if ((theirs & row[i].bit) != 0 && c == NULL)
            err = add_channel(s, t, row[i].direction, choice);
        else if ((theirs & row[i].bit) == 0 && c != NULL)
            session_channel_forget(s, c); /* on hold: the association stays */
        else if (c != NULL)
            renew(c, t, choice);
        if (err != 0)
            return err;
    }
    return 0;
}

static void drop_lane(struct session *s, enum h245_media medium)
{
    struct session_channel *data = session_data_channel(s);

    /* The data channel has no direction: both ways in one. */
    if (medium == H245_MEDIA_DATA) {
        if (data != NULL)
            session_channel_forget(s, data);
        return;
    }
    /* In both directions: the line is refused, not on hold. */
    for (unsigned d = 0; d < 2; d++) {
        struct session_channel *c =
            session_channel_of(s, medium, 0, d == 0 ? H245_INCOMING : H245_OUTGOING);

        if (c != NULL)
            session_channel_forget(s, c);
    }
}

/* ---- all of it ---- */

static void remember(struct sdp_line *line, const struct sdp_media *m, const struct sdp_choice *c)
{
    /* What the next offer of ours repeats: a description may not change what it does not mean to
     * (RFC 3264 section 8). */
    line->kind = m->kind;
    line->proto = m->proto;
    memcpy(line->kind_text, m->kind_text, sizeof(line->kind_text));
    memcpy(line->proto_text, m->proto_text, sizeof(line->proto_text));
    memcpy(line->format_text, m->format_text, sizeof(line->format_text));
    memcpy(line->mid, m->mid, sizeof(line->mid));
    line->medium = c->medium;
    line->format = c->format;
    line->is_bundled = m->is_bundled;
    line->direction = m->direction;
}

static int apply_line(struct session *s, const struct sdp *theirs, const struct sdp_plan *plan,
                      size_t i, const char **why)
{
    const struct sdp_choice *c = &plan->line[i];
    struct sdp_line *line = &s->leg->line[i];
    /* The transport's words are the group's; the direction is the line's own. */
    struct sdp_media m = session_sdp_effective(theirs, i);
    /* `before` outlives the change: its channels have to move, and only then may it be closed. */
    struct session_transport *t = NULL, *before = line->is_taken ? line->transport : NULL;
    int err = 0;

    if (c->why == NULL)
        err = line_transport(s, &m, c, i, &t, why);
    if (err != 0)
        return err;
    /* The lane first, while its transport still exists. */
    if (line->is_taken && c->why != NULL)
        drop_lane(s, line->medium);
    remember(line, &theirs->media[i], c);
    line->is_taken = c->why == NULL;
    line->transport = t;
    if (t == NULL)
        return 0;
    /* Before close_unused: the port of what they leave is given up there. */
    if (before != NULL && before != t)
        move_channels(s, before, t, c->medium);
    /* The first of a group tells for all of it. */
    if (c->shared_with < 0)
        tell_transport(s, t, &m, c);
    if (c->medium == H245_MEDIA_AUDIO) {
        s->config.peer = m.address.family != ADDR_NONE ? m.address : s->config.peer;
        s->event_pt = c->has_event ? c->event_pt : 0;
        s->event_clock = c->has_event ? c->event_clock : 0;
        conference_settle(s->conference, c->audio.codec);
    }
    /* SCTP begins at once: there is no H.245 OpenLogicalChannel for data here. */
    if (c->medium == H245_MEDIA_DATA)
        return session_data_bind(s, t, m.sctp_port != 0 ? m.sctp_port : H245_DATA_SCTP_PORT,
                                 m.max_message_size);
    return session_sdp_channels(s, t, theirs->media[i].direction, c);
}

int session_sdp_apply(struct session *s, const struct sdp *theirs, const struct sdp_plan *plan,
                      const char **why)
{
    bool is_protected = false;
    int err = 0;

    /* Lines never get fewer: a later offer repeats all of them. */
    if (s->leg->lines < plan->count)
        s->leg->lines = plan->count;
    for (size_t i = 0; i < plan->count && err == 0; i++) {
        err = apply_line(s, theirs, plan, i, why);
        is_protected = is_protected || plan->line[i].agreement.is_set;
    }
    if (err != 0)
        return err;
    /* After all lines: a transport that one line left may be what another now has. */
    close_unused(s);
    conference_update(s->conference);
    session_sdp_active(s, is_protected);
    return 0;
}

void session_sdp_active(struct session *s, bool is_protected)
{
    /* A re-offer finds the leg active; counters and the step count a session once. */
    if (s->state == SESSION_ACTIVE)
        return;
    session_stop_timer(s, SESSION_TIMER_SETUP);
    s->state = SESSION_ACTIVE;
    s->env->stats.connected++;
    s->env->stats.active++;
    session_step_now(s, SESSION_STEP_CONNECT);
    if (session_wants_events(s))
        session_event(s, "session.active", json_pack("{s:n,s:b}", "role", "dtls", is_protected));
}
