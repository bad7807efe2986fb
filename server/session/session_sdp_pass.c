/* Legs by SDP in pass-through: our description tells of the other leg's peer, and waits until that
 * is known (session_pass.c).
 *
 * One transport carries all that passes, as there is one DTLS connection between the two peers:
 * audio, and what shares its connection in a BUNDLE group. An H.323 endpoint has one connection for
 * all (L-SHARE), and what is authenticated between the peers cannot be spread over others here. So
 * a line beside the group is refused in its place, and payload types are told to both sides as the
 * describer has them: nobody can translate them. */
#include "server/session/session_sdp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"

static struct session *other_of(const struct session *s)
{
    return s->conference != NULL ? conference_other(s->conference, s) : NULL;
}

bool session_sdp_is_with_audio(const struct sdp *sdp, const struct sdp_media *m)
{
    if (!m->is_bundled || !sdp_proto_is_dtls(m->proto))
        return false;
    for (size_t i = 0; i < sdp->media_count; i++)
        if (sdp->media[i].kind == SDP_KIND_AUDIO && sdp->media[i].is_bundled &&
            sdp_proto_is_dtls(sdp->media[i].proto) && sdp->media[i].port != 0)
            return true;
    return false;
}

bool session_sdp_pass_has(struct session *s, enum h245_media medium)
{
    const struct session *other = other_of(s);
    struct sdp_media m = {.format_count = 0};

    if (other == NULL || session_peer_caps(other) == NULL)
        return false;
    if (medium == H245_MEDIA_DATA)
        return session_data_is_able(other);
    return session_sdp_say_video(s, &m) == 0;
}

/* ---- payload types ---- */

static bool pending_format(struct session *s, struct sdp_format *out)
{
    const struct sdp *sdp = s->leg->pending;

    for (size_t i = 0; sdp != NULL && i < sdp->media_count; i++) {
        struct sdp_choice choice = {.medium = H245_MEDIA_VIDEO};
        const char *why;

        if (sdp->media[i].kind == SDP_KIND_VIDEO &&
            session_sdp_is_with_audio(sdp, &sdp->media[i]) &&
            session_sdp_choose(s, &sdp->media[i], &choice, &why) == 0) {
            *out = choice.format;
            return true;
        }
    }
    return false;
}

/* The codec and the number that the SDP peer takes video by. False: not known. */
static bool video_format(struct session *s, struct sdp_format *out)
{
    for (size_t i = 0; i < s->leg->lines; i++)
        if (s->leg->line[i].is_taken && s->leg->line[i].medium == H245_MEDIA_VIDEO &&
            /* An offer of ours has no format of theirs yet. */
            s->leg->line[i].format.clock != 0) {
            *out = s->leg->line[i].format;
            return true;
        }
    return pending_format(s, out);
}

int session_sdp_pass_number(struct session *s)
{
    struct sdp_format f;

    return video_format(s, &f) ? f.payload_type : -1;
}

/* ---- what the other side says, in our description ---- */

/* By which number our peer shall send video: the one that the other side takes it by. An H.323 peer
 * is told by our OpenLogicalChannel what comes, and takes any. */
static void number_video(const struct session *s, struct sdp_media *m)
{
    struct session *other = other_of(s);
    const struct session_channel *in;
    struct sdp_format f;

    if (other == NULL)
        return;
    if (other->config.is_by_sdp) {
        if (!video_format(other, &f))
            return;
        /* One codec: a second one would have a number of which the other has not heard. */
        for (size_t i = 0; i < m->format_count; i++)
            if (strcasecmp(m->format[i].name, f.name) == 0)
                m->format[0] = m->format[i];
        m->format_count = 1;
        m->format[0].payload_type = f.payload_type;
        return;
    }
    in = session_channel_of(other, H245_MEDIA_VIDEO, 0, H245_INCOMING);
    /* Most answer with the number of the offer: then it is the one that the H.323 peer has. */
    if (!s->leg->has_remote && m->format_count == 1 && in != NULL && in->payload_type >= 96)
        m->format[0].payload_type = (uint8_t)in->payload_type;
}

static void say_data(const struct session *s, struct sdp_media *m)
{
    session_sdp_say_data(m);
    (void)session_pass_data(s, &m->sctp_port, &m->max_message_size);
}

/* Fingerprints and role of the other leg's peer: this is what pass-through is. */
static void say_other(struct session *s, const struct sdp_dtls *other, struct sdp *sdp)
{
    for (size_t i = 0; i < sdp->media_count; i++) {
        struct sdp_media *m = &sdp->media[i];

        if (m->port == 0)
            continue;
        m->dtls = *other;
        if (m->kind == SDP_KIND_APP)
            say_data(s, m);
        else if (m->kind == SDP_KIND_VIDEO && m->format_count > 0)
            number_video(s, m);
    }
}

/* ---- their description ---- */

/* The line that a call lives by: the first audio. */
static int audio_line(const struct sdp *sdp, size_t *line, const char **why)
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

static int judge(struct session *s, const struct sdp *sdp, size_t line, struct sdp_choice *choice,
                 const char **why)
{
    const struct sdp_media effective = session_sdp_effective(sdp, line), *m = &effective;
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

static int aim(struct session *s, struct session_transport *t, const struct sdp_media *m,
               bool has_ice)
{
    int err = 0;

    /* What the lines are held against when they are taken: not a new association. */
    memcpy(t->peer_tls_id, m->dtls.tls_id, sizeof(t->peer_tls_id));
    t->has_remote_from_ack = true;
    if (!has_ice) {
        /* Without ICE the description's address is the truth at once. */
        t->ice.ufrag[0] = '\0';
        session_set_remote(t, &m->address, &m->rtcp);
        return 0;
    }
    /* Another mark is a restart: then our credentials change, too (RFC 8445 section 9). */
    if (t->ice.ufrag[0] == '\0' || (t->ice_mark != 0 && t->ice_mark != m->ice.mark))
        err = session_sdp_ice(t);
    t->ice_mark = m->ice.mark;
    if (err == 0 && s->env->media_ops->ice(t->port, &t->ice) != 0)
        err = ERR_LIMIT;
    return err;
}

/* Their description is taken: where they are, and what the other side has to be told of them. */
static int take(struct session *s, const struct sdp *sdp, size_t line,
                const struct sdp_choice *choice, const char **why)
{
    const struct sdp_media effective = session_sdp_effective(sdp, line), *m = &effective;
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
    conference_settle(s->conference, choice->audio.codec);
    *why = "no media port";
    return aim(s, t, m, choice->has_ice);
}

/* ---- which lines pass ---- */

/* Why the line cannot, though it could be served if media ended here; NULL. */
static const char *objection_to(struct session *s, const struct sdp_plan *plan, size_t i,
                                size_t audio)
{
    const struct session *other = other_of(s);
    const struct sdp_choice *c = &plan->line[i], *voice = &plan->line[audio];
    bool is_with_audio = c->shared_with == (int)audio || voice->shared_with == (int)i ||
                         (c->shared_with >= 0 && c->shared_with == voice->shared_with);

    if (!is_with_audio)
        return "in pass-through a medium has to be bundled with the audio";
    if (c->medium == H245_MEDIA_DATA && (other == NULL || !session_data_is_able(other)))
        return "the other side has no data channel";
    return NULL;
}

static int plan_lines(struct session *s, const struct sdp *sdp, size_t audio,
                      const struct sdp_dtls *other, enum h23510_role peer_role,
                      struct sdp_plan *plan, const char **why)
{
    int err = session_sdp_plan(s, sdp, H23510_SETUP_ACTPASS, plan, why);

    if (err == 0 && plan->line[audio].why != NULL)
        err = session_sdp_refuse(why, plan->line[audio].why);
    for (size_t i = 0; err == 0 && i < plan->count; i++) {
        struct sdp_choice *c = &plan->line[i];

        if (c->why == NULL && i != audio) {
            c->why = objection_to(s, plan, i, audio);
            s->env->stats.sdp_lines_refused += c->why != NULL;
        }
        if (c->why != NULL && i != audio && sdp->media[i].port != 0)
            session_note(s, LOG_LEVEL_INFO, LOG_AREA_MEDIA, "line %zu of the description: %s",
                         i + 1, c->why);
        /* The complement: what the other leg's peer is, and by what it is known. */
        c->agreement.role =
            peer_role == H23510_ROLE_ACTIVE ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE;
        c->agreement.local_hash = other->fingerprint[0].hash;
    }
    /* The group's first may be refused here, and the audio then carries it alone. */
    for (size_t i = 0; err == 0 && i < plan->count; i++)
        if (plan->line[i].shared_with >= 0 && plan->line[plan->line[i].shared_with].why != NULL)
            plan->line[i].shared_with = i == audio ? -1 : (int)audio;
    return err;
}

/* Lines that come before the audio in its group carry the transport: the one that there is. */
static void hand_over(struct session *s, const struct sdp_plan *plan, size_t audio)
{
    struct sdp_line *line = &s->leg->line[audio], *first;

    if (plan->line[audio].shared_with < 0)
        return;
    first = &s->leg->line[plan->line[audio].shared_with];
    if (first->is_taken)
        return;
    first->is_taken = true;
    first->transport = line->transport;
    first->medium = plan->line[plan->line[audio].shared_with].medium;
}

/* Both sides are known: the leg's transport has its agreement, and media may pass. */
static int begin_passing(struct session *s, const struct sdp *theirs, size_t audio,
                         const struct sdp_dtls *other, enum h23510_role peer_role,
                         struct sdp_plan *plan)
{
    const char *why = "";
    int err = plan_lines(s, theirs, audio, other, peer_role, plan, &why);

    if (err != 0) {
        /* Their capabilities did not change since they were judged; the other leg's may have. */
        session_end(s, err == ERR_UNSUPPORTED ? SESSION_END_NO_CODEC : SESSION_END_NEGOTIATION,
                    why);
        return err;
    }
    hand_over(s, plan, audio);
    return session_sdp_apply(s, theirs, plan, &why);
}

/* The answer to their offer, when the other side is known; else ERR_AGAIN. */
static int answer(struct session *s, struct sdp *sdp, size_t audio)
{
    enum h23510_role role = H23510_ROLE_OPEN;
    struct sdp_dtls other;
    struct sdp_plan plan;
    int err;

    /* The caller keeps the offer, and session_sdp_follow comes again. */
    if (!session_pass_sdp(s, &other, &role))
        return ERR_AGAIN;
    err = begin_passing(s, sdp, audio, &other, role, &plan);
    if (err != 0)
        return err;
    session_sdp_turn_around(s, &plan, sdp);
    say_other(s, &other, sdp);
    return 0;
}

/* ---- ours ---- */

int session_sdp_pass_offer(struct session *s, struct sdp *sdp, const char **why)
{
    enum h23510_role role;
    struct sdp_dtls other;
    int err;

    /* Before anything can fail: the other side learns that an SDP peer is wanted. */
    s->leg->is_offer_wanted = true;
    session_sdp_wait(s);
    if (!session_pass_sdp(s, &other, &role)) {
        session_pass_changed(s); /* the other side may be told now that somebody will come */
        return ERR_AGAIN;
    }
    err = session_sdp_make_offer(s, sdp, why);
    if (err != 0)
        return err;
    s->leg->is_offer_wanted = false;
    say_other(s, &other, sdp);
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

static void follow_pending(struct session *s)
{
    struct session_leg *leg = s->leg;
    const char *objection = session_pass_objection(s);
    struct sdp *made;

    if (objection != NULL) {
        /* Both have said all, and it does not go together: waiting would not help. */
        session_end(s, SESSION_END_DTLS_REQUIRED, objection);
        return;
    }
    if (answer(s, leg->pending, leg->pending_line) != 0)
        /* Stays pending: the next change of the other leg comes here again. */
        return;
    made = leg->pending;
    /* Taken out first, as a listener of the event may answer with the next turn. */
    leg->pending = NULL;
    session_event(s, "session.described", described(made, "answer"));
    free(made);
}

void session_sdp_follow(struct session *s)
{
    struct session_leg *leg = s->leg;
    struct sdp *made;
    const char *why = "";
    int err;

    /* Pending and is_offer_wanted exclude each other (check_turn). */
    if (leg->pending != NULL)
        follow_pending(s);
    if (!session_is_alive(s) || !leg->is_offer_wanted)
        return;
    made = calloc(1, sizeof(*made));
    err = made != NULL ? session_sdp_pass_offer(s, made, &why) : ERR_NOMEM;
    if (err == 0)
        session_event(s, "session.described", described(made, "offer"));
    else if (err != ERR_AGAIN) /* the timer ends the leg, should it stay so */
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_MEDIA, "no offer can be made: %s",
                     why[0] != '\0' ? why : err_to_str(err));
    free(made);
}

/* ---- turns ---- */

/* The peer's description, judged and then kept; where its audio stands. */
static int take_description(struct session *s, struct sdp *sdp, size_t *line, const char **why)
{
    struct sdp_choice choice = {.medium = H245_MEDIA_AUDIO};
    int err = audio_line(sdp, line, why);

    if (err == 0)
        err = judge(s, sdp, *line, &choice, why);
    return err == 0 ? take(s, sdp, *line, &choice, why) : err;
}

int session_sdp_pass_answer(struct session *s, struct sdp *sdp, const char **why)
{
    size_t line = 0;
    int err = take_description(s, sdp, &line, why);

    if (err != 0)
        return err;
    session_pass_changed(s);
    err = answer(s, sdp, line);
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
        session_sdp_wait(s);
    *why = "the other side is not known yet: event session.described will tell";
    return ERR_AGAIN;
}

int session_sdp_pass_accept(struct session *s, struct sdp *sdp, const char **why)
{
    enum h23510_role role = H23510_ROLE_OPEN;
    struct sdp_dtls other;
    struct sdp_plan plan;
    size_t line = 0;
    int err = take_description(s, sdp, &line, why);

    if (err != 0)
        return err;
    if (!session_pass_sdp(s, &other, &role))
        return session_sdp_refuse(why, "the other side has left, or its role excludes this one");
    /* After the checks: a better answer may still come. */
    s->leg->is_offer_out = false;
    err = begin_passing(s, sdp, line, &other, role, &plan);
    session_pass_changed(s);
    return err;
}
