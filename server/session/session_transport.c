/* Transports of a session: a media port each, and the DTLS association that runs on it.
 *
 * A port is opened when the first channel needs it and closed when its last channel is gone
 * (R-CLOSE); the association starts when an OLC or an Ack has told fingerprint and address
 * (D-ACTIVE) and serves every channel on the transport in both directions (D-ONCE). */
#include "server/session/session_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"

struct session_transport *session_transport_next(const struct session *s,
                                                 const struct session_transport *t)
{
    /* By place: a transport keeps its place for life, so that it may close while the list is
     * walked. */
    for (size_t i = t != NULL ? t->place + 1 : 0; i < SESSION_TRANSPORTS_MAX; i++)
        if (s->transports[i] != NULL)
            return s->transports[i];
    return NULL;
}

struct session_transport *session_transport_live(const struct session *s)
{
    struct session_transport *newest = NULL;

    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port != NULL && (newest == NULL || t->id > newest->id))
            newest = t;
    }
    return newest;
}

/* A peer with nothing but data need not negotiate SRTP: its connection is for nothing else then. */
static bool takes(const struct session_transport *t, enum h245_media medium, uint8_t index)
{
    bool is_data = medium == H245_MEDIA_DATA && index == SESSION_LANE_DATA;

    return is_data || !t->is_verified || t->profile != SRTP_PROFILE_NONE;
}

static const struct session_channel *channel_on_lane(const struct session *s,
                                                     enum h245_media medium, uint8_t index)
{
    const struct session_channel *found = NULL;

    SESSION_EACH_CHANNEL (s, c) {
        if (c->kind == medium && c->index == index && c->state != CHANNEL_CLOSING &&
            c->transport != NULL && c->transport->port != NULL &&
            /* A peer that moves a lane has two channels on it for a while: the younger one
             * counts. */
            (found == NULL || c->serial > found->serial))
            found = c;
    }
    return found;
}

bool session_transport_kind_of(const struct session *s, enum h245_media medium, uint8_t index,
                               enum media_kind *kind)
{
    const struct session_channel *c = channel_on_lane(s, medium, index);

    if (c != NULL)
        *kind = c->transport->kind;
    return c != NULL;
}

struct session_transport *session_transport_of(const struct session *s, enum media_kind kind,
                                               enum h245_media medium, uint8_t index)
{
    const struct session_channel *c = channel_on_lane(s, medium, index);
    struct session_transport *newest = NULL;

    if (c != NULL && c->transport->kind == kind)
        return c->transport;
    SESSION_EACH_TRANSPORT (s, t) {
        /* With DTLS one connection serves all (L-SHARE), unless the peer has shown that it has a
         * port for each medium; in plain RTP each session has its own. */
        bool is_shared =
            kind != MEDIA_PLAIN_RTP && (s->split_lanes & session_lane_bit(medium, index)) == 0;
        bool fits = is_shared || (t->medium == medium && t->index == index);

        if (t->port != NULL && t->kind == kind && fits && takes(t, medium, index) &&
            (newest == NULL || t->id > newest->id))
            newest = t;
    }
    return newest;
}

bool session_transport_is_protected(const struct session_transport *t)
{
    return t->kind != MEDIA_PLAIN_RTP;
}

struct addr session_transport_control(const struct session_transport *t)
{
    return session_transport_is_protected(t)
               ? t->local /* M-RTCPMUX */
               : addr_with_port(t->local, (uint16_t)(t->local.port + 1));
}

bool session_transport_fits(const struct session_transport *t, const struct addr *at)
{
    return at->family == ADDR_NONE || t->remote.family == ADDR_NONE ||
           addr_is_equal(at, &t->remote);
}

bool session_transport_has_label(const struct session_transport *t, unsigned in_ack, bool has_label,
                                 uint16_t label)
{
    return !has_label || !t->has_label[in_ack] || t->label[in_ack] == label;
}

void session_transport_learn_label(struct session_transport *t, unsigned in_ack, bool has_label,
                                   /* The first word holds: another label is another connection. */
                                   uint16_t label)
{
    if (!has_label || t->has_label[in_ack])
        return;
    t->has_label[in_ack] = true;
    t->label[in_ack] = label;
}

/* ---- counters ---- */

static void add(struct link_transport_stats *sum, const struct link_transport_stats *one)
{
    sum->rtp_in += one->rtp_in;
    sum->rtp_in_bytes += one->rtp_in_bytes;
    sum->rtp_out += one->rtp_out;
    sum->rtp_out_bytes += one->rtp_out_bytes;
    sum->lost += one->lost;
}

void session_transport_stats(const struct session_transport *t, struct link_transport_stats *out)
{
    memset(out, 0, sizeof(*out));
    if (t->port == NULL || t->session->env->media_ops->stats(t->port, out) != 0)
        /* A port that is closed has its last word in `final`. */
        *out = t->final;
}

void session_stats_sum(const struct session *s, struct link_transport_stats *sum)
{
    struct link_transport_stats one;

    /* Those whose places others have taken are counted in `gone`. */
    *sum = s->gone;
    SESSION_EACH_TRANSPORT (s, t) {
        session_transport_stats(t, &one);
        add(sum, &one);
    }
}

/* ---- port ---- */

void session_transport_close(struct session_transport *t)
{
    struct session *s = t->session;

    if (t->port == NULL)
        return;
    session_data_lost(t, "connection closed");
    s->env->media_ops->close(t->port);
    t->port = NULL;
    t->is_open = false;
    /* Keeps the place, and the session, until the data plane has answered: its callback names the
     * transport. */
    t->is_closing = true;
    t->remote_deadline = SESSION_NEVER;
    /* A handshake that failed keeps its state, for the control socket to show. */
    if (t->association == ASSOCIATION_HANDSHAKE || t->association == ASSOCIATION_VERIFIED ||
        t->association == ASSOCIATION_KEYED)
        t->association = ASSOCIATION_CLOSED;
    if (s->conference != NULL)
        conference_update(s->conference);
}

/* A place never used, else that of the transport that is gone for the longest time. */
static struct session_transport *take_place(struct session *s, enum media_kind kind)
{
    struct session_transport *oldest = NULL;
    /* With DTLS the lanes share one; more are the peer's doing, which is bounded (H-H245). */
    bool is_wide =
        kind == MEDIA_PLAIN_RTP && s->conference != NULL && conference_is_fanout(s->conference);
    size_t max = is_wide ? SESSION_TRANSPORTS_MAX : SESSION_TRANSPORTS_USUAL;

    for (size_t i = 0; i < max; i++) {
        struct session_transport *t = s->transports[i];

        if (t == NULL) {
            t = s->transports[i] = calloc(1, sizeof(*t));
            if (t != NULL)
                t->place = i;
            return t;
        }
        if (t->port == NULL && !t->is_closing && (oldest == NULL || t->id < oldest->id))
            oldest = t;
    }
    return oldest;
}

static int open_port(struct session *s, enum media_kind kind, struct session_transport *t)
{
    struct media_request r;
    char id[24];

    snprintf(id, sizeof(id), "%llu", (unsigned long long)s->id);
    memset(&r, 0, sizeof(r));
    /* The signalling's family, by which the peer is known to be reachable. */
    r.kind = kind;
    r.is_by_sdp = s->config.is_by_sdp;
    r.family = s->config.peer.family;
    /* The conference's worker: media between workers cost a ring. */
    r.place = conference_place(s->conference);
    r.dscp = h245_media_is_video(t->medium) ? s->env->settings->media.dscp_video
                                            : s->env->settings->media.dscp;
    r.session = id;
    r.conference = s->conference_name;
    r.ends_rtcp = conference_ends_rtcp(s->conference);
    r.local = s->config.local; /* where the peer knows us by: its firewall does, too */
    return s->env->media_ops->open(s->env->media, &r, &session_media_callbacks, t, &t->port);
}

int session_transport_open(struct session *s, enum media_kind kind, enum h245_media medium,
                           uint8_t index, struct session_transport **out)
{
    struct session_transport *t = take_place(s, kind);
    size_t place;
    int err;

    if (t == NULL)
        return ERR_LIMIT;
    /* What the former transport of this place has counted is not to be lost. */
    add(&s->gone, &t->final);
    place = t->place;
    memset(t, 0, sizeof(*t));
    t->session = s;
    t->place = place;
    /* Never used twice in a session: whoever remembers an id cannot meet another connection by
     * it. */
    t->id = ++s->next_transport;
    t->kind = kind;
    t->medium = medium;
    t->index = index;
    t->remote_deadline = SESSION_NEVER;
    /* Begins with what the capabilities have settled, and goes its own way from there
     * (A-REPLACE). */
    t->dtls = s->dtls;
    err = open_port(s, kind, t);
    if (err != 0) {
        t->port = NULL;
        return err;
    }
    *out = t;
    return 0;
}

/* ---- association ---- */

static bool may_associate(const struct session_transport *t)
{
    return t->port != NULL && (t->kind == MEDIA_DTLS_SRTP || session_data_is_wire(t->kind)) &&
           t->association == ASSOCIATION_NONE && t->agreement.is_set &&
           /* holdconn: no DTLS until that changes */
           (t->agreement.role == H23510_ROLE_ACTIVE || t->agreement.role == H23510_ROLE_PASSIVE);
}

static void await_remote(struct session_transport *t)
{
    struct session *s = t->session;

    /* The first wait counts: a peer that signals again gets no more time. */
    if (t->remote_deadline != SESSION_NEVER)
        return;
    t->remote_deadline = s->now + s->env->settings->dtls.handshake_timeout_ms;
    /* One timer for all: it fires for the first, and looks at them all. */
    if (s->deadline[SESSION_TIMER_DTLS] > t->remote_deadline)
        s->deadline[SESSION_TIMER_DTLS] = t->remote_deadline;
}

static void overdue(struct session_transport *t)
{
    struct session *s = t->session;
    const struct session *other = conference_other(s->conference, s);

    if (t->remote.family == ADDR_NONE || t->kind != MEDIA_PASS)
        session_dtls_lost(t, DTLS_FAIL_TIMEOUT, "peer's media address never became known");
    /* While nobody sends, on hold, there is no handshake to be missed either. */
    else if (session_is_sending(s) || (other != NULL && session_is_sending(other)))
        session_dtls_lost(t, DTLS_FAIL_TIMEOUT, "no protected media passed in time");
    else
        t->remote_deadline = SESSION_NEVER; /* on hold: nobody sends */
}

void session_remote_overdue(struct session *s)
{
    uint64_t next = SESSION_NEVER;

    SESSION_EACH_TRANSPORT (s, t) {
        if (t->remote_deadline <= s->now)
            overdue(t);
        else if (t->remote_deadline < next)
            next = t->remote_deadline;
    }
    /* One that has ended has the end's timer alone. */
    if (session_is_alive(s))
        s->deadline[SESSION_TIMER_DTLS] = next;
}

void session_try_associate(struct session_transport *t)
{
    struct fingerprint peers[1 + FINGERPRINT_OTHERS_MAX];
    struct session *s = t->session;
    int err;

    if (!may_associate(t))
        return;
    /* DTLS is aimed before it begins, in both roles: a handshake is only had with the signalled
     * address. */
    if (t->remote.family == ADDR_NONE) {
        await_remote(t);
        return;
    }
    t->remote_deadline = SESSION_NEVER;
    /* Passive or active, the worker is told now whom to expect. */
    peers[0] = t->agreement.peer_fingerprint;
    memcpy(peers + 1, t->agreement.peer_others, sizeof(t->agreement.peer_others));
    err = s->env->media_ops->associate(t->port, t->agreement.role == H23510_ROLE_ACTIVE, peers,
                                       1 + (size_t)t->agreement.peer_other_count);
    if (err != 0) {
        session_dtls_lost(t, DTLS_FAIL_INTERNAL, err_to_str(err));
        return;
    }
    t->association = ASSOCIATION_HANDSHAKE;
    log_debug(LOG_AREA_DTLS, s->id, "association begins", LOG_U("transport", t->id),
              LOG_S("role", h23510_role_to_str(t->agreement.role)), LOG_ADDR("remote", &t->remote));
}

void session_set_remote(struct session_transport *t, const struct addr *rtp,
                        const struct addr *rtcp)
{
    t->remote = *rtp;
    t->remote_control = *rtcp;
    if (t->session->env->media_ops->set_remote(t->port, rtp, rtcp) != 0)
        session_note(t->session, LOG_LEVEL_ERROR, LOG_AREA_LINK, "remote address not set");
    session_try_associate(t);
    session_pass_watch(t);
    session_pass_changed(t->session);
}

void session_agree(struct session_transport *t, const struct h23510_agreement *agreement)
{
    /* The first agreement holds: the identity of a running connection does not change
     * (A-REPLACE). */
    if (!t->agreement.is_set)
        t->agreement = *agreement;
    session_try_associate(t);
    session_pass_watch(t);
    session_pass_changed(t->session);
}

void session_drop_connection(struct session_transport *t)
{
    struct session *s = t->session;

    /* Channels first: they must not point to a closed transport. */
    SESSION_EACH_CHANNEL (s, c) {
        if (c->transport == t)
            session_channel_drop(s, c);
    }
    session_transport_close(t);
    /* A leg by SDP has nothing else that could go on. */
    if (s->config.is_by_sdp || session_is_passed(s))
        session_end(s, t->failure != DTLS_FAIL_NONE ? SESSION_END_DTLS_FAILED : SESSION_END_PEER,
                    t->failure_text);
    /* A pause has closed all of it on purpose, and its end opens it again. */
    else if (session_is_alive(s) && !s->is_paused && session_transport_live(s) == NULL)
        session_set_timer(s, SESSION_TIMER_NO_CHANNEL,
                          s->env->settings->signalling.timers.no_channel_ms);
}

void session_dtls_lost(struct session_transport *t, enum dtls_failure why, const char *text)
{
    struct session *s = t->session;

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
    /* After the failure is noted, by which the reason of an end is chosen. */
    session_drop_connection(t);
    session_fast_lost(s, t->failure_text);
}
