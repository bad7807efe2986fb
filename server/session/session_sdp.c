/* Legs by SDP: a session whose other side is described on the control socket instead of by H.225.0
 * and H.245, so that a SIP server can bring its side of a call (H.235.10 clause 8.1, note; RFC
 * 3264, RFC 5763, RFC 8843, RFC 8839 with ICE-lite). Whose turn it is, and what the two ways of
 * keying make of a description.
 *
 * The leg has the same transports, channels and conference as any other session; what H.245 would
 * have told comes from the descriptions, all at once. In pass-through (session_pass.c) our
 * description tells of the other leg's peer, and waits until that is known. */
#include "server/session/session_sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/media/link_addr.h"
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

static void wait_for(struct session *s)
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
static void turn_around(struct session *s, const struct sdp_plan *plan, struct sdp *sdp)
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
        turn_around(s, &plan, sdp);
    return err;
}

/* ---- our offers ---- */

static int open_line(struct session *s, size_t i, enum h245_media medium, enum media_kind kind,
                     const char **why)
{
    struct sdp_line *line = &s->leg->line[i];

    line->kind = medium == H245_MEDIA_VIDEO ? SDP_KIND_VIDEO : SDP_KIND_AUDIO;
    /* Who speaks ICE is a WebRTC endpoint, which takes SAVPF alone (RFC 8834 4.2). */
    line->proto = kind == MEDIA_PLAIN_RTP ? SDP_PROTO_RTP_AVP
                  : s->leg->wants_ice     ? SDP_PROTO_DTLS_SAVPF
                                          : SDP_PROTO_DTLS_SAVP;
    line->medium = medium;
    line->direction = SDP_SENDRECV;
    snprintf(line->mid, sizeof(line->mid), "%zu", i);
    /* ICE is had with DTLS only: peers of plain RTP have neither. */
    if (session_sdp_transport(s, kind, medium, s->leg->wants_ice && kind != MEDIA_PLAIN_RTP,
                              &line->transport, why) != 0)
        return ERR_LIMIT;
    line->is_taken = true;
    s->leg->lines = i + 1;
    return 0;
}

/* The lines of the first offer; each has a port of its own, for an answerer without BUNDLE. */
static int open_lines(struct session *s, const char **why)
{
    enum media_kind kind =
        session_mode(s) == H23510_MODE_OFF ? MEDIA_PLAIN_RTP : session_secure_kind(s);
    int err = open_line(s, 0, H245_MEDIA_AUDIO, kind, why);

    /* Pass_line: one medium passes. */
    if (err == 0 && s->leg->wants_video && kind != MEDIA_PASS)
        err = open_line(s, 1, H245_MEDIA_VIDEO, kind, why);
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
    return 0;
}

static int offer_here(struct session *s, struct sdp *sdp, const char **why)
{
    int err = s->leg->lines == 0 ? open_lines(s, why) : 0;

    memset(sdp, 0, sizeof(*sdp));
    for (size_t i = 0; i < s->leg->lines && err == 0; i++)
        err = offer_line(s, i, sdp, why);
    if (err != 0)
        return err;
    session_sdp_say_ourselves(s, session_transport_live(s), sdp);
    s->leg->is_offer_out = true;
    wait_for(s);
    return 0;
}

/* ---- pass-through ---- */

/* The one medium that passes: the first audio (BUNDLE of more would need to be taken apart here).
 */
static int pass_line(const struct sdp *sdp, size_t *line, const char **why)
{
    for (size_t i = 0; i < sdp->media_count; i++) {
        if (sdp->media[i].kind != SDP_KIND_AUDIO || sdp->media[i].port == 0)
            continue;
        *line = i;
        return 0;
    }
    /* Video alone has no transport in pass-through. */
    return session_sdp_refuse(why, "no audio is offered");
}

static int judge_pass(struct session *s, const struct sdp *sdp, size_t line,
                      struct sdp_choice *choice, const char **why)
{
    const struct sdp_media *m = &sdp->media[line];
    int err = session_sdp_judge_proto(s, m, why);

    choice->medium = H245_MEDIA_AUDIO;
    choice->has_ice = session_sdp_has_ice(sdp, m);
    /* Capabilities first: the codec choice below needs to know them. */
    session_sdp_read_caps(s, sdp);
    if (err == 0 && !choice->has_ice && !session_sdp_is_reachable(m))
        err = session_sdp_refuse(why, "the medium has no address to send to");
    if (err == 0 && m->dtls.fingerprint_count == 0)
        err = session_sdp_refuse(why, "a=fingerprint is missing");
    if (err == 0 && !m->rtcp_mux)
        /* One port for both, as the datagrams pass without being looked at (RFC 5761). */
        err = session_sdp_refuse(why, "a=rtcp-mux is missing: RTCP shares the port of DTLS");
    if (err == 0 && m->dtls.has_setup && m->dtls.setup == H23510_SETUP_HOLDCONN)
        err = session_sdp_refuse(why, "a=setup:holdconn leaves nobody to begin");
    return err != 0 ? err : session_sdp_choose(s, m, choice, why);
}

/* Their description is taken: where they are, and what the other side has to be told of them. */
static int take_passed(struct session *s, const struct sdp *sdp, size_t line,
                       const struct sdp_choice *choice, const char **why)
{
    const struct sdp_media *m = &sdp->media[line];
    struct session_leg *leg = s->leg;
    struct session_transport *t = leg->line[line].transport;
    const char *objection;
    int err = 0;

    /* The other side verifies the one that it was told (A-REPLACE is theirs to ask for, by H.245).
     */
    if (t != NULL && t->agreement.is_set && !session_sdp_names(&m->dtls, &t->agreement))
        return session_sdp_refuse(why, "the fingerprint of a running association cannot change");
    leg->remote = m->dtls;
    leg->has_remote = true;
    /* Judged with their words in place, and taken back below. */
    objection = session_pass_objection(s);
    if (objection != NULL) {
        /* What ran before goes on with the earlier description. */
        leg->has_remote = leg->line[line].is_taken && t != NULL && t->agreement.is_set;
        return session_sdp_refuse(why, objection);
    }
    if (t == NULL)
        err = session_sdp_transport(s, MEDIA_PASS, H245_MEDIA_AUDIO, choice->has_ice, &t, why);
    if (err != 0)
        return err;
    /* Lines never get fewer (RFC 3264 section 8). */
    leg->lines = leg->lines > sdp->media_count ? leg->lines : sdp->media_count;
    leg->line[line].is_taken = true;
    leg->line[line].transport = t;
    leg->line[line].kind = SDP_KIND_AUDIO;
    leg->line[line].proto = m->proto;
    leg->line[line].medium = H245_MEDIA_AUDIO;
    /* The peer shown on the control socket and in logs. */
    if (m->address.family != ADDR_NONE)
        s->config.peer = m->address;
    if (choice->has_ice) {
        /* Another mark is a restart: then our credentials change, too (RFC 8445 section 9). */
        if (t->ice.ufrag[0] == '\0' || (t->ice_mark != 0 && t->ice_mark != m->ice.mark))
            err = session_sdp_ice(t);
        t->ice_mark = m->ice.mark;
        if (err == 0 && s->env->media_ops->ice(t->port, &t->ice) != 0)
            err = ERR_LIMIT;
    } else {
        /* Without ICE the description's address is the truth at once. */
        t->ice.ufrag[0] = '\0';
        session_set_remote(t, &m->address, &m->rtcp);
    }
    t->has_remote_from_ack = true;
    conference_settle(s->conference, choice->audio.codec);
    *why = "no media port";
    return err;
}

/* Both sides are known: the leg's transport has its agreement, and media may pass. */
static int begin_passing(struct session *s, const struct sdp *theirs, size_t line,
                         const struct sdp_dtls *other, enum h23510_role peer_role)
{
    const struct sdp_media *m = &theirs->media[line];
    struct session_transport *t = s->leg->line[line].transport;
    struct sdp_choice choice = {.medium = H245_MEDIA_AUDIO, .shared_with = -1};
    struct h23510_agreement agreement = {
        .is_set = true,
        /* The complement: what the other leg's peer is. */
        .role = peer_role == H23510_ROLE_ACTIVE ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE,
        .local_hash = other->fingerprint[0].hash,
        .peer_fingerprint = m->dtls.fingerprint[0],
        .is_new = true};
    const char *why;
    int err = session_sdp_choose(s, m, &choice, &why);

    if (err != 0) {
        /* Their capabilities did not change since judge_pass; the other leg's may have. */
        session_end(s, SESSION_END_NO_CODEC, why);
        return err;
    }
    s->leg->line[line].format = choice.format;
    s->leg->line[line].direction = m->direction;
    session_agree(t, &agreement);
    err = session_sdp_channels(s, t, m->direction, &choice);
    if (err != 0)
        return err;
    conference_update(s->conference);
    session_sdp_active(s, true);
    return 0;
}

/* The answer to their offer, when the other side is known; else ERR_AGAIN. */
static int answer_passed(struct session *s, struct sdp *sdp, size_t line)
{
    struct sdp_media *m = &sdp->media[line];
    struct session_transport *t = s->leg->line[line].transport;
    enum h23510_role role = H23510_ROLE_OPEN;
    struct sdp_dtls other;
    int err;

    /* The caller keeps the offer, and session_sdp_follow comes again. */
    if (!session_pass_sdp(s, &other, &role))
        return ERR_AGAIN;
    err = begin_passing(s, sdp, line, &other, role);
    if (err != 0)
        return err;
    /* All other lines are refused, and BUNDLE with them. */
    for (size_t i = 0; i < sdp->media_count; i++) {
        if (i != line)
            sdp->media[i].port = 0;
        sdp->media[i].is_bundled = i == line && sdp->media[i].is_bundled;
    }
    sdp->has_bundle = m->is_bundled;
    session_sdp_say_ourselves(s, t, sdp);
    session_sdp_say_transport(t, m);
    m->direction = sdp_mirror(m->direction);
    m->format[0] = s->leg->line[line].format;
    m->format_count = 1;
    /* Fingerprints and role of the other leg's peer: this is what pass-through is. */
    m->dtls = other;
    return 0;
}

static int offer_passed(struct session *s, struct sdp *sdp, const char **why)
{
    enum h23510_role role;
    struct sdp_dtls other;
    int err = s->leg->lines == 0 ? open_lines(s, why) : 0;

    /* Before anything can fail: the other side learns that an SDP peer is wanted. */
    s->leg->is_offer_wanted = true;
    if (err != 0)
        return err;
    wait_for(s);
    if (!session_pass_sdp(s, &other, &role)) {
        session_pass_changed(s); /* the other side may be told now that somebody will come */
        return ERR_AGAIN;
    }
    err = offer_here(s, sdp, why);
    if (err != 0)
        return err;
    s->leg->is_offer_wanted = false;
    sdp->media[0].dtls = other;
    return 0;
}

static json_t *described(const struct sdp *sdp, const char *kind)
{
    char *text = malloc(SDP_TEXT_MAX);
    json_t *data = NULL;
    size_t len;

    if (text != NULL && sdp_write(sdp, text, SDP_TEXT_MAX, &len) == 0)
        data = json_pack("{s:s,s:s#}", "type", kind, "sdp", text, len);
    free(text);
    return data != NULL ? data : json_object();
}

void session_sdp_follow(struct session *s)
{
    struct session_leg *leg = s->leg;
    struct sdp *made;
    const char *why = "";
    int err;

    /* Pending and is_offer_wanted exclude each other (check_turn). */
    if (leg->pending != NULL) {
        const char *objection = session_pass_objection(s);

        if (objection != NULL) {
            /* Both have said all, and it does not go together: waiting would not help. */
            session_end(s, SESSION_END_DTLS_REQUIRED, objection);
            return;
        }
        if (answer_passed(s, leg->pending, leg->pending_line) != 0)
            /* Stays pending: the next change of the other leg comes here again. */
            return;
        made = leg->pending;
        /* Taken out first, as a listener of the event may answer with the next turn. */
        leg->pending = NULL;
        session_event(s, "session.described", described(made, "answer"));
        free(made);
        return;
    }
    if (!leg->is_offer_wanted)
        return;
    made = calloc(1, sizeof(*made));
    err = made != NULL ? offer_passed(s, made, &why) : ERR_NOMEM;
    if (err == 0)
        session_event(s, "session.described", described(made, "offer"));
    else if (err != ERR_AGAIN) /* the timer ends the leg, should it stay so */
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_MEDIA, "no offer can be made: %s",
                     why[0] != '\0' ? why : err_to_str(err));
    free(made);
}

static int answer_or_wait(struct session *s, struct sdp *sdp, const char **why)
{
    struct sdp_choice choice = {.medium = H245_MEDIA_AUDIO};
    size_t line = 0;
    int err = pass_line(sdp, &line, why);

    if (err == 0)
        err = judge_pass(s, sdp, line, &choice, why);
    if (err == 0)
        err = take_passed(s, sdp, line, &choice, why);
    if (err != 0)
        return err;
    session_pass_changed(s);
    err = answer_passed(s, sdp, line);
    /* Only "not known yet" waits; a refusal is told at once. */
    if (err != ERR_AGAIN)
        return err;
    s->leg->pending = malloc(sizeof(*s->leg->pending));
    if (s->leg->pending == NULL)
        return ERR_NOMEM;
    *s->leg->pending = *sdp;
    s->leg->pending_line = line;
    /* A leg that is active has its timer stopped, and a re-offer must not end it. */
    if (s->state != SESSION_ACTIVE)
        wait_for(s);
    *why = "the other side is not known yet: event session.described will tell";
    return ERR_AGAIN;
}

static int accept_passed(struct session *s, struct sdp *sdp, const char **why)
{
    struct sdp_choice choice = {.medium = H245_MEDIA_AUDIO};
    enum h23510_role role = H23510_ROLE_OPEN;
    struct sdp_dtls other;
    size_t line = 0;
    int err = pass_line(sdp, &line, why);

    if (err == 0)
        err = judge_pass(s, sdp, line, &choice, why);
    if (err == 0)
        err = take_passed(s, sdp, line, &choice, why);
    if (err != 0)
        return err;
    if (!session_pass_sdp(s, &other, &role))
        return session_sdp_refuse(why, "the other side has left, or its role excludes this one");
    /* After the checks: a better answer may still come. */
    s->leg->is_offer_out = false;
    err = begin_passing(s, sdp, line, &other, role);
    session_pass_changed(s);
    return err;
}

/* ---- turns ---- */

int session_sdp_answer(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    int err;

    s->now = now;
    /* The turn first: an offer out of turn must leave no trace. */
    err = check_turn(s, false, why);
    if (err == 0)
        err = session_is_passed(s) ? answer_or_wait(s, sdp, why) : answer_here(s, sdp, why);
    return leave(s, err);
}

int session_sdp_offer(struct session *s, struct sdp *sdp, const char **why, uint64_t now)
{
    int err;

    s->now = now;
    err = check_turn(s, false, why);
    if (err == 0)
        err = session_is_passed(s) ? offer_passed(s, sdp, why) : offer_here(s, sdp, why);
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
        err = session_is_passed(s) ? accept_passed(s, sdp, why) : accept_here(s, sdp, why);
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
