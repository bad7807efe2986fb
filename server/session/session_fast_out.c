/* Fast connect of a call of ours (H.323 8.1.7): proposals in the Setup, and what its answers open.
 *
 * The proposals say where we receive, so that the Setup waits for a port. Where the policy has
 * DTLS, nothing is proposed in the clear: a callee that cannot do it refuses, and H.245 finds out,
 * with the capabilities of both sides on the table, whether the policy allows less. The port of a
 * refusal is given back. The first answer counts, in whichever message it stands. */
#include "server/session/session_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"

/* Lives from the port's opening to the first answer. */
struct session_proposed {
    struct session_transport *transport;
    bool is_sent;
    struct h23510_fast_proposal list[H23510_FAST_MAX];
    size_t count;
};

void session_fast_forget(struct session *s)
{
    free(s->proposed);
    s->proposed = NULL;
}

static enum media_kind kind_of(const struct session *s)
{
    return s->dtls.policy.mode == H23510_MODE_OFF ? MEDIA_PLAIN_RTP : MEDIA_DTLS_SRTP;
}

bool session_fast_prepare(struct session *s)
{
    struct session_transport *t = NULL;

    /* A proposal promises media at once: what holdconn holds back is none. */
    if (!s->dial.fast_connect || session_is_passed(s) ||
        s->dtls.policy.setup == H23510_SETUP_HOLDCONN ||
        /* Off by policy and off by security are two things: with the second nothing is proposed in
         * the clear. */
        (s->dtls.policy.mode == H23510_MODE_OFF && session_mode(s) != H23510_MODE_OFF))
        return false;
    /* Forwarded to another address: the proposals are the same, and so is the port. */
    if (s->proposed != NULL && s->proposed->transport->port != NULL)
        return !s->proposed->transport->is_open;
    session_fast_forget(s);
    /* No port: the call goes on without fast connect. */
    if (session_transport_open(s, kind_of(s), H245_MEDIA_AUDIO, 0, &t) != 0)
        return false; /* H.245 will tell whether there is really none */
    s->proposed = calloc(1, sizeof(*s->proposed));
    if (s->proposed == NULL) {
        session_transport_close(t);
        return false;
    }
    s->proposed->transport = t;
    return true;
}

bool session_fast_awaits(const struct session *s, const struct session_transport *t)
{
    return s->proposed != NULL && s->proposed->transport == t && !s->proposed->is_sent;
}

/* A proposal has to name the payload type before anything is known of the callee: codecs that have
 * one of their own. */
static size_t static_codecs(const struct session *s, struct h245_audio audio[SETTINGS_CODECS_MAX])
{
    size_t n = conference_offer(s->conference, s, audio, SETTINGS_CODECS_MAX);
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (h245_codec_payload_type(audio[i].codec) != H245_PT_DYNAMIC)
            audio[kept++] = audio[i];
    return kept;
}

int session_fast_propose(struct session *s, struct h225_octets *list, size_t *count)
{
    struct session_proposed *p = s->proposed;
    struct h245_audio audio[SETTINGS_CODECS_MAX];
    struct h23510_fast_medium medium;
    struct arena *a = &s->env->scratch;
    uint16_t lcn = 0;
    int err;

    *count = 0;
    if (p == NULL || p->transport->port == NULL || !p->transport->is_open)
        return 0;
    memset(&medium, 0, sizeof(medium));
    medium.session_id = SESSION_AUDIO_ID;
    medium.audio = audio;
    medium.audio_count = static_codecs(s, audio);
    medium.media = p->transport->local;
    if (kind_of(s) == MEDIA_PLAIN_RTP)
        medium.media_control = session_transport_control(p->transport);
    /* Of several Setups of one call, only the last one's proposals can be accepted. Setups that
     * nobody will answer any more have left their agreement. */
    h23510_reset_connection(&p->transport->dtls);
    p->count = 0;
    arena_reset(a);
    err = h245_channel_number(s->h245, &lcn);
    if (err == 0)
        err = h23510_fast_propose(&p->transport->dtls, a, &medium, &lcn, p->list, H23510_FAST_MAX,
                                  &p->count);
    /* ERR_LIMIT: more codecs than proposals; the first ones count. */
    if (err != 0 && err != ERR_LIMIT) /* what fits is proposed */
        return err;
    for (; *count < p->count; (*count)++)
        list[*count] = (struct h225_octets){p->list[*count].data, p->list[*count].len};
    p->is_sent = true;
    return 0;
}

/* ---- answers ---- */

static void refused(struct session *s)
{
    struct session_transport *t = s->proposed->transport;

    s->env->stats.fast_refused++;
    session_fast_forget(s);
    session_transport_close(t);
    /* It may be what an active session waited for. */
    session_check_active(s);
}

/* What came instead of an answer: the peer takes channels for open that we cannot use, and has no
 * H.245 to hear of it. */
static void hopeless(struct session *s, enum session_end why, const char *text)
{
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510, "answer to fast connect refused: %s", text);
    session_end(s, why, text);
}

static bool read_one(struct session *s, const struct h225_octets *o, bool *has_in, bool *has_out)
{
    struct session_proposed *p = s->proposed;
    struct h23510_fast_offer found;
    size_t index;
    /* Which proposal it answers is found by what is in it (h23510_fast_read_answer). */
    int err;

    arena_reset(&s->env->scratch);
    err = h23510_fast_read_answer(&p->transport->dtls, &s->env->scratch, o->data, o->len, p->list,
                                  p->count, &found, &index);
    if (err != 0) {
        s->env->stats.fast_undecodable += err != ERR_NOTFOUND;
        hopeless(s, SESSION_END_PROTOCOL,
                 err == ERR_NOTFOUND ? "it accepts nothing that was proposed" : err_to_str(err));
        return false;
    }
    /* A bad answer has opened channels in the peer's view: the call cannot be saved. */
    if (found.verdict != H23510_OK && found.verdict != H23510_NOT_PROTECTED) {
        s->env->stats.h235_refused++;
        s->env->stats.refused[found.verdict]++;
        hopeless(s, SESSION_END_DTLS_FAILED, h23510_verdict_to_str(found.verdict));
        return false;
    }
    /* Direction by our proposal: reverse is what comes to us. */
    *(found.is_reverse ? &s->fast_in : &s->fast_out) = found;
    *(found.is_reverse ? has_in : has_out) = true;
    return true;
}

/* Where the peer receives. With DTLS it is one port for all, so that an answer which opens only the
 * channel towards us tells it as well. */
static struct addr remote_of(const struct session *s, bool has_out, struct addr *rtcp)
{
    const struct h245_channel *out = &s->fast_out.channel, *in = &s->fast_in.channel;

    *rtcp =
        has_out && out->media_control.family != ADDR_NONE ? out->media_control : in->media_control;
    /* Without an outgoing half a plain peer has not said where it listens. */
    if (has_out)
        return out->media;
    return session_fast_is_protected(s) ? in->media_control : (struct addr){0};
}

static void open_one(struct session *s, struct session_transport *t, enum h245_direction direction,
                     const struct h23510_fast_offer *offer)
{
    struct session_channel *c =
        session_fast_channel(s, t, direction, &offer->channel, offer->channel.lcn);

    if (c == NULL) {
        session_end(s, SESSION_END_RESOURCES, err_to_str(ERR_NOMEM));
        return;
    }
    c->media = direction == H245_INCOMING ? t->local : offer->channel.media;
    c->media_control =
        direction == H245_INCOMING ? session_transport_control(t) : offer->channel.media_control;
    session_channel_is_open(s, c);
}

static void taken(struct session *s, bool has_in, bool has_out)
{
    struct session_transport *t = s->proposed->transport;
    struct addr rtp, rtcp;

    s->env->stats.fast_accepted++;
    s->is_fast = true;
    /* One direction alone: nothing contradicts it. */
    if (!has_in) /* what one says of protection holds for both */
        s->fast_in.verdict = s->fast_out.verdict;
    conference_settle(s->conference, (has_out ? &s->fast_out : &s->fast_in)->channel.audio.codec);
    /* What was agreed here holds for H.245 as well. */
    if (session_fast_is_protected(s)) {
        h23510_fast_pin(&s->dtls, &t->dtls.agreement);
        session_note_cleartext(s);
    }
    rtp = remote_of(s, has_out, &rtcp);
    t->has_remote_from_ack = has_out;
    if (rtp.family != ADDR_NONE)
        session_set_remote(t, &rtp, session_fast_is_protected(s) ? &rtp : &rtcp);
    if (has_in)
        open_one(s, t, H245_INCOMING, &s->fast_in);
    /* Opening one may have ended the session (no memory). */
    if (has_out && session_is_alive(s))
        open_one(s, t, H245_OUTGOING, &s->fast_out);
    if (session_fast_is_protected(s) && session_is_alive(s))
        session_agree(t, &t->dtls.agreement); /* D-ACTIVE */
    session_fast_forget(s);
    session_check_active(s);
}

void session_fast_on_answer(struct session *s, const struct h225_answer *answer)
{
    bool has_in = false, has_out = false;

    if (s->proposed == NULL || !s->proposed->is_sent)
        /* Only the first answer counts (H.323 8.1.7). */
        return; /* answered before, or not asked */
    if (answer->fast_start_count == 0) {
        /* Refused, or Connected without a word about it: the same. */
        if (answer->fast_connect_refused || answer->type == Q931_CONNECT)
            refused(s);
        return;
    }
    for (size_t i = 0; i < answer->fast_start_count; i++)
        if (!read_one(s, &answer->fast_start[i], &has_in, &has_out))
            return;
    /* The peer wants to receive and says nowhere. */
    if (has_out && s->fast_out.channel.media.family == ADDR_NONE)
        hopeless(s, SESSION_END_PROTOCOL, "it does not say where to send to");
    else if (has_in && has_out && s->fast_in.verdict != s->fast_out.verdict)
        hopeless(s, SESSION_END_PROTOCOL, "only one direction of it is protected");
    else
        taken(s, has_in, has_out);
}
