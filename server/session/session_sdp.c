/* Legs by SDP: a session whose other side is described on the control socket instead of by H.225.0
 * and H.245, so that a SIP server can bring its side of a call (H.235.10 clause 8.1, note; RFC
 * 3264, RFC 5763, RFC 8843, RFC 8839 with ICE-lite). Whose turn it is, and what the two ways of
 * keying make of a description.
 *
 * The leg has the same transports, channels and conference as any other session; what H.245 would
 * have told comes from the descriptions, all at once. What
 * pass-through makes of them is in session_sdp_pass.c. */
#include "server/session/session_sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/media/link_addr.h"
#include "server/session/session_data.h"
#include "server/session/session_mix.h"

/* An offer of ours is out and not answered: RFC 3264 section 4 forbids a second one. */
static int check_turn(const struct session *s, bool is_answer, const char **why)
{
    if (!session_is_alive(s))
        return session_sdp_refuse(why, "the session is ending");
    if (!s->config.is_by_sdp)
        return session_sdp_refuse(why, "the session is no leg by SDP");
    /* In pass-through the answer waits for the other leg; a second offer would have no answer. */
    if (s->leg->pending != NULL)
        return session_sdp_refuse(why, "their offer is not answered yet");
    /* An answer needs our offer to be out, an offer that it is not. */
    if (s->leg->is_offer_out != is_answer)
        return session_sdp_refuse(why, is_answer ? "there is no offer to be answered"
                                                 : "our own offer is not answered yet");
    return 0;
}

static int leave(struct session *s, int err)
{
    session_check_closed(s);
    session_arm(s);
    return err;
}

void session_sdp_wait(struct session *s)
{
    /* The peer's SIP server decides how long it rings; nobody waits for an answer for ever. */
    session_set_timer(s, SESSION_TIMER_SETUP, SESSION_OTHER_MS);
}

/* ---- our answers ---- */

static void say_own_dtls(struct session *s, const struct session_transport *t, struct sdp_media *m)
{
    char tls_id[SDP_TLS_ID_MAX] = "";

    /* RFC 8842 section 5.3: who was told one tells one; ours names the association by its number.
     */
    if (m->dtls.tls_id[0] != '\0')
        snprintf(tls_id, sizeof(tls_id), "sluice-%016llx-%08x", (unsigned long long)s->id, t->id);
    /* As agreed, not as configured: a=setup of an answer is the role itself (RFC 4145 4.1). */
    session_sdp_say_dtls(s, m, t->agreement.local_hash,
                         t->agreement.role == H23510_ROLE_ACTIVE ? H23510_SETUP_ACTIVE
                                                                 : H23510_SETUP_PASSIVE);
    memcpy(m->dtls.tls_id, tls_id, sizeof(tls_id));
}

/* One line of the answer, made of that of the offer. */
static void answer_line(struct session *s, const struct sdp_plan *plan, size_t i, struct sdp *sdp)
{
    const struct sdp_choice *c = &plan->line[i];
    const struct session_transport *t = s->leg->line[i].transport;
    struct sdp_media *m = &sdp->media[i];
    uint8_t feedback = c->format.feedback;

    /* A refused line keeps its place with port 0 (RFC 3264 section 6). */
    if (c->why != NULL) {
        m->port = 0;
        m->is_bundled = false;
        return;
    }
    session_sdp_say_transport(t, m);
    /* BUNDLE: address and ICE are said by the group's first line, the others are silent about
     * them. */
    m->is_silent = c->shared_with >= 0;
    m->is_bundled = m->is_bundled && session_transport_is_protected(t);
    m->direction = sdp_mirror(m->direction);
    /* The one format that was chosen: an answer with several would leave the peer free to
     * switch. */
    m->format[0] = c->format;
    m->format[0].feedback = feedback;
    m->format_count = 1;
    if (c->has_event)
        session_sdp_say_event(c->event_pt, c->event_clock, m);
    if (c->medium == H245_MEDIA_DATA)
        session_sdp_say_data(m);
    if (session_transport_is_protected(t))
        say_own_dtls(s, t, m);
}

/* The offer becomes the answer in place: RFC 3264 section 6 wants every medium, in order. */
void session_sdp_turn_around(struct session *s, const struct sdp_plan *plan, struct sdp *sdp)
{
    const struct session_transport *first = NULL;

    for (size_t i = 0; i < plan->count && first == NULL; i++)
        /* The first that is taken has the address for o= and the session's ICE. */
        first = plan->line[i].why == NULL ? s->leg->line[i].transport : NULL;
    /* What is left of the group: refused lines and plain RTP are in none. */
    sdp->has_bundle = false;
    for (size_t i = 0; i < plan->count; i++) {
        answer_line(s, plan, i, sdp);
        sdp->has_bundle = sdp->has_bundle || sdp->media[i].is_bundled;
    }
    session_sdp_say_ourselves(s, first, sdp);
}

static int answer_here(struct session *s, struct sdp *sdp, const char **why)
{
    struct sdp_plan plan;
    /* The plan changes nothing, so that a refused offer leaves the call as it was. */
    int err = session_sdp_plan(s, sdp, s->dtls.policy.setup, &plan, why);

    if (err == 0)
        err = session_sdp_apply(s, sdp, &plan, why);
    if (err == 0)
        session_sdp_turn_around(s, &plan, sdp);
    return err;
}

/* ---- our offers ---- */

/* `shared`: the transport of the line before, which this one can only be on; else NULL. */
static int open_line(struct session *s, enum h245_media medium, enum media_kind kind,
                     struct session_transport *shared, const char **why)
{
    size_t i = s->leg->lines;
    struct sdp_line *line = &s->leg->line[i];

    line->kind = medium == H245_MEDIA_VIDEO  ? SDP_KIND_VIDEO
                 : medium == H245_MEDIA_DATA ? SDP_KIND_APP
                                             : SDP_KIND_AUDIO;
    /* Who speaks ICE is a WebRTC endpoint, which takes SAVPF alone (RFC 8834 4.2). */
    line->proto = medium == H245_MEDIA_DATA ? SDP_PROTO_DTLS_SCTP
                  : kind == MEDIA_PLAIN_RTP ? SDP_PROTO_RTP_AVP
                  : s->leg->wants_ice       ? SDP_PROTO_DTLS_SAVPF
                                            : SDP_PROTO_DTLS_SAVP;
    line->medium = medium;
    line->direction = SDP_SENDRECV;
    snprintf(line->mid, sizeof(line->mid), "%zu", i);
    /* ICE is had with DTLS only: peers of plain RTP have neither. */
    line->transport = shared;
    if (shared == NULL &&
        session_sdp_transport(s, kind, medium, s->leg->wants_ice && kind != MEDIA_PLAIN_RTP,
                              &line->transport, why) != 0)
        return ERR_LIMIT;
    line->is_taken = true;
    s->leg->lines = i + 1;
    return 0;
}

/* The lines of the first offer; each has a port of its own, for an answerer without BUNDLE. In
 * pass-through there is one connection for all, or none (session_sdp_pass.c). */
static int open_lines(struct session *s, const char **why)
{
    enum media_kind kind =
        session_mode(s) == H23510_MODE_OFF ? MEDIA_PLAIN_RTP : session_secure_kind(s);
    bool is_passed = kind == MEDIA_PASS;
    int err = open_line(s, H245_MEDIA_AUDIO, kind, NULL, why);
    struct session_transport *shared = is_passed ? s->leg->line[0].transport : NULL;

    if (err == 0 && s->leg->wants_video &&
        (!is_passed || session_sdp_pass_has(s, H245_MEDIA_VIDEO)))
        err = open_line(s, H245_MEDIA_VIDEO, kind, shared, why);
    if (err == 0 && s->leg->wants_data && kind != MEDIA_PLAIN_RTP && session_data_is_possible(s) &&
        (!is_passed || session_sdp_pass_has(s, H245_MEDIA_DATA)))
        err = open_line(s, H245_MEDIA_DATA, kind, shared, why);
    return err;
}

static int offer_formats(struct session *s, const struct sdp_line *line, struct sdp_media *m,
                         const char **why)
{
    struct h245_audio offer[SETTINGS_CODECS_MAX];
    size_t n;

    if (line->medium == H245_MEDIA_DATA) {
        session_sdp_say_data(m);
        return 0;
    }
    if (line->medium == H245_MEDIA_VIDEO)
        return session_sdp_say_video(s, m) == 0
                   ? 0
                   : session_sdp_refuse(why, "the conference has no H.264 to offer");
    n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);
    for (size_t i = 0; i < n; i++)
        session_sdp_say_codec(&offer[i], m);
    /* Keys only where a mix ends them; a relay passes what the peers agreed. */
    if (n > 0 && conference_has_mix(s->conference))
        session_sdp_say_event(SESSION_EVENT_PT, SESSION_SDP_EVENT_CLOCK, m);
    /* As H.225.0 and RFC 3551 4.2 have it by default. */
    m->ptime_ms = 20;
    return n > 0 ? 0 : session_sdp_refuse(why, "the conference has no audio codec to offer");
}

/* What runs is offered as it is, setup and all: only an answer could change it (RFC 5763 5). */
static void offer_dtls(struct session *s, const struct sdp_line *line, struct sdp_media *m)
{
    const struct h23510_agreement *a = &line->transport->agreement;

    if (a->is_set)
        session_sdp_say_dtls(s, m, a->local_hash, H23510_SETUP_ACTPASS);
    else
        session_sdp_say_dtls(s, m, s->dtls.policy.hashes[0], s->dtls.policy.setup);
    if (a->is_set)
        m->dtls.connection = H23510_CONNECTION_EXISTING;
}

static int offer_line(struct session *s, size_t i, struct sdp *sdp, const char **why)
{
    const struct sdp_line *line = &s->leg->line[i];
    struct sdp_media *m = &sdp->media[sdp->media_count++];
    int err;

    memset(m, 0, sizeof(*m));
    m->kind = line->kind;
    m->proto = line->proto;
    memcpy(m->kind_text, line->kind_text, sizeof(m->kind_text));
    memcpy(m->proto_text, line->proto_text, sizeof(m->proto_text));
    memcpy(m->format_text, line->format_text, sizeof(m->format_text));
    memcpy(m->mid, line->mid, sizeof(m->mid));
    /* Both ways at first: hold is a later offer's. */
    m->direction = SDP_SENDRECV;
    if (!line->is_taken) /* refused once: its place stays */
        return 0;
    err = offer_formats(s, line, m, why);
    if (err != 0)
        return err;
    session_sdp_say_transport(line->transport, m);
    m->rtcp_mux = m->rtcp_mux && line->medium != H245_MEDIA_DATA;
    if (session_transport_is_protected(line->transport)) {
        offer_dtls(s, line, m);
        /* Alone it would be a group of one, and some endpoints reject that. */
        m->is_bundled = s->leg->lines > 1;
        sdp->has_bundle = sdp->has_bundle || m->is_bundled;
    }
    /* The same transport as a line before: that one says address and ICE. */
    for (size_t k = 0; k < i; k++)
        m->is_silent = m->is_silent || s->leg->line[k].transport == line->transport;
    /* Not agreed yet, and to be had in the group alone (RFC 8843 6): port 0 until the answer. */
    m->is_bundle_only = m->is_silent && !line->transport->agreement.is_set;
    return 0;
}

int session_sdp_make_offer(struct session *s, struct sdp *sdp, const char **why)
{
    int err = s->leg->lines == 0 ? open_lines(s, why) : 0;

    memset(sdp, 0, sizeof(*sdp));
    for (size_t i = 0; i < s->leg->lines && err == 0; i++)
        err = offer_line(s, i, sdp, why);
    if (err != 0)
        return err;
    session_sdp_say_ourselves(s, session_transport_live(s), sdp);
    s->leg->is_offer_out = true;
    session_sdp_wait(s);
    return 0;
}

/* ---- turns ---- */

int session_sdp_answer(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    int err;

    s->now = now;
    /* The turn first: an offer out of turn must leave no trace. */
    err = check_turn(s, false, why);
    if (err == 0)
        err =
            session_is_passed(s) ? session_sdp_pass_answer(s, sdp, why) : answer_here(s, sdp, why);
    return leave(s, err);
}

int session_sdp_offer(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    int err;

    s->now = now;
    err = check_turn(s, false, why);
    if (err == 0)
        err = session_is_passed(s) ? session_sdp_pass_offer(s, sdp, why)
                                   : session_sdp_make_offer(s, sdp, why);
    return leave(s, err);
}

/* An answer has the lines of its offer (RFC 3264 section 6), */
static int check_lines(const struct session *s, const struct sdp *sdp, const char **why)
{
    /* The count and the kinds, as lines are matched by place and not by mid (RFC 3264 section
     * 6). */
    bool is_same = sdp->media_count == s->leg->lines;

    for (size_t i = 0; is_same && i < sdp->media_count; i++)
        is_same = sdp->media[i].kind == s->leg->line[i].kind;
    return is_same ? 0 : session_sdp_refuse(why, "the answer has other media than the offer");
}

/* ... of the protocols that were offered. */
static int check_protocols(const struct session *s, const struct sdp_plan *plan, const char **why)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct sdp_line *line = &s->leg->line[i];

        if (plan->line[i].why == NULL &&
            (!line->is_taken ||
             /* DTLS offered and plain RTP answered, or the reverse: it would be a downgrade without
              * a word. */
             plan->line[i].agreement.is_set != session_transport_is_protected(line->transport)))
            return session_sdp_refuse(why, "the answer has another protocol than the offer");
    }
    return 0;
}

static int accept_here(struct session *s, struct sdp *sdp, const char **why)
{
    struct sdp_plan plan;
    int err = session_sdp_plan(s, sdp, s->dtls.policy.setup, &plan, why);

    if (err == 0)
        err = check_protocols(s, &plan, why);
    if (err != 0)
        return err; /* a better answer may still come */
    /* An answer is final only here: apply changes transports and channels. */
    s->leg->is_offer_out = false;
    return session_sdp_apply(s, sdp, &plan, why);
}

int session_sdp_accept(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    int err;

    s->now = now;
    err = check_turn(s, true, why);
    if (err == 0)
        err = check_lines(s, sdp, why);
    if (err == 0)
        /* Pass-through checks for itself which line it takes. */
        err =
            session_is_passed(s) ? session_sdp_pass_accept(s, sdp, why) : accept_here(s, sdp, why);
    return leave(s, err);
}

/* ---- life ---- */

void session_sdp_selected(struct session_transport *t, const struct link_event *event)
{
    /* An answer may have taken ICE away while the check was on its way. */
    if (t->ice.ufrag[0] != '\0' && t->port != NULL)
        session_follow_remote(t, event, "media.selected", "ICE has selected the peer's address");
}

static json_t *created_data(const struct session *s)
{
    return json_pack("{s:n,s:s,s:s,s:s}", "peer", "alias", s->alias, "conference",
                     s->conference_name, "listener", s->config.listener->name);
}

int session_sdp_begin(struct session *s, const char *alias, const struct session_sdp_options *o,
                      const char **why)
{
    const struct settings_conference *row = NULL;
    const char *name = NULL;
    int err;

    s->is_released = true; /* nobody is to be told of the end but by events */
    s->is_h245_ended = true;
    s->leg = calloc(1, sizeof(*s->leg));
    if (s->leg == NULL) {
        *why = "out of memory";
        return ERR_NOMEM;
    }
    /* For offers of ours; a peer that offers says itself whether it speaks ICE. */
    s->leg->wants_ice = o->ice;
    s->leg->wants_video = o->video;
    s->leg->wants_data = o->data;
    snprintf(s->alias, sizeof(s->alias), "%s", alias);
    if (conferences_resolve(s->env->conferences, alias, &row, &name) != 0) {
        *why = "no conference for this alias";
        return ERR_NOTFOUND;
    }
    session_copy_text(s->conference_name, sizeof(s->conference_name), name);
    err = conference_join(s->env->conferences, row, s->conference_name, s, &s->conference);
    if (err != 0) {
        *why = session_end_to_str(conference_refusal(err));
        return err;
    }
    /* The mode is the conference's and not the leg's: whoever came first has settled it. */
    if (o->mode == SESSION_SDP_PASS && conference_pass(s->conference, s) != 0)
        return session_sdp_refuse(why, "media of this conference end at the server");
    if (o->mode == SESSION_SDP_TERMINATE && session_is_passed(s))
        return session_sdp_refuse(why, "media of this conference pass through");
    /* Certificates and hash policy of this listener. */
    err = session_policy_init(s);
    if (err != 0) {
        *why = err_to_str(err);
        return err;
    }
    /* Pass-through is by DTLS alone, and would have nothing to pass. */
    if (session_is_passed(s) && session_mode(s) == H23510_MODE_OFF)
        return session_sdp_refuse(why, "media protection is switched off here");
    session_step_now(s, SESSION_STEP_SETUP);
    if (session_wants_events(s))
        session_event(s, "session.created", created_data(s));
    return 0;
}

void session_sdp_forget(struct session *s)
{
    if (s->leg != NULL)
        free(s->leg->pending);
    free(s->leg);
    s->leg = NULL;
}
