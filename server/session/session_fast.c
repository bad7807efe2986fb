/* Fast connect (H.323 8.1.7) of a call that comes in: its channels stand in its Setup and in our
 * Connect. (Calls of ours: session_fast_out.c.)
 *
 * Protected ones where the proposals have H.235.10 in them (signalling/h23510/fast.h), clear ones
 * where the policy has those; what cannot be taken is answered fastConnectRefused and goes on by
 * H.245. H.245 is not begun by us afterwards, as with the endpoints in the field; when the peer
 * begins it, it is answered, and finds the channels and the association as they are. */
#include "server/session/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"

static void count_bad(struct session *s, enum h23510_verdict verdict)
{
    /* No protection is a way to speak, not a mistake. */
    if (verdict == H23510_OK || verdict == H23510_NOT_PROTECTED)
        return;
    s->env->stats.h235_refused++;
    s->env->stats.refused[verdict]++;
}

static size_t read_offers(struct session *s, const struct h225_setup *setup,
                          struct h23510_fast_offer *offers)
{
    size_t n = 0;

    for (size_t i = 0; i < setup->fast_start_count && i < H23510_FAST_MAX; i++) {
        const struct h225_octets *o = &setup->fast_start[i];

        /* Each proposal alone in the arena: a Setup may carry dozens. */
        arena_reset(&s->env->scratch);
        if (h23510_fast_read(&s->dtls, &s->env->scratch, o->data, o->len, &offers[n]) != 0) {
            s->env->stats.fast_undecodable++;
            continue;
        }
        /* Where DTLS is switched off, a protected proposal is not a bad one. */
        if (s->dtls.policy.mode != H23510_MODE_OFF)
            count_bad(s, offers[n].verdict);
        n++;
    }
    arena_reset(&s->env->scratch);
    return n;
}

static bool accepts(void *arg, const struct h245_channel *c)
{
    /* The payload type must be one that both know without a word (RFC 3551). */
    const struct session *s = arg;

    return !c->is_other_media && c->audio.codec != H245_CODEC_UNKNOWN &&
           h245_codec_payload_type(c->audio.codec) != H245_PT_DYNAMIC &&
           conference_accepts(s->conference, s, c->audio.codec);
}

/* Protection that is required but cannot be had (L-CERT) is not had by fast connect either. */
static bool is_possible(const struct session *s, const struct h225_setup *setup)
{
    /* What passes through waits for the other side, by H.245. */
    return setup->fast_start_count > 0 && !session_is_passed(s) &&
           s->env->settings->signalling.fast_connect &&
           (s->dtls.policy.mode != H23510_MODE_OFF || session_mode(s) == H23510_MODE_OFF);
}

bool session_fast_choose(struct session *s, const struct h225_setup *setup)
{
    struct h23510_fast_offer offers[H23510_FAST_MAX];
    struct h23510_fast_choice choice;
    enum h23510_verdict why = H23510_OK;
    size_t n;

    if (!is_possible(s, setup))
        return false;
    /* All proposals first: the choice is among them. */
    n = read_offers(s, setup, offers);
    if (!h23510_fast_choose(&s->dtls, offers, n, SESSION_AUDIO_ID, accepts, s, &choice, &why)) {
        s->env->stats.fast_refused++;
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_H225, "fast connect refused: %s",
                     why != H23510_OK ? h23510_verdict_to_str(why) : "no proposal fits");
        return false;
    }
    s->env->stats.fast_accepted++;
    /* Forward is what the peer sends, reverse what it wants to receive. */
    s->fast_in = offers[choice.forward];
    s->fast_out = offers[choice.reverse];
    s->is_fast = true;
    /* Capabilities that ride beside the Setup are answered before the port is there. */
    if (choice.is_protected)
        h23510_fast_pin(&s->dtls, &s->fast_in.agreement);
    return true;
}

static bool is_protected(const struct session *s)
{
    return s->fast_in.verdict == H23510_OK;
}

int session_fast_begin(struct session *s)
{
    struct session_transport *t = NULL;
    /* The Connect names the port: it waits for it. */
    int err = session_transport_open(s, is_protected(s) ? MEDIA_DTLS_SRTP : MEDIA_PLAIN_RTP,
                                     H245_MEDIA_AUDIO, 0, &t);

    if (err == 0 && is_protected(s))
        err = h23510_fast_take(&t->dtls, &s->fast_in);
    /* From now on others of the conference are offered this codec. */
    if (err == 0)
        conference_settle(s->conference, s->fast_in.channel.audio.codec);
    return err;
}

struct session_channel *session_fast_channel(struct session *s, struct session_transport *t,
                                             enum h245_direction direction,
                                             const struct h245_channel *offer, uint16_t lcn)
{
    struct session_channel *c = session_channel_add(s, direction);

    if (c == NULL)
        return NULL;
    /* The engine takes the number as one of its open channels: by it the channel can be closed
     * later. */
    (void)h245_channel_adopt(s->h245, lcn, direction);
    c->state = CHANNEL_PENDING;
    c->kind = H245_MEDIA_AUDIO;
    c->transport = t;
    c->is_protected = session_transport_is_protected(t);
    c->lcn = lcn;
    c->audio = offer->audio;
    /* H.323 8.1.7: without a dynamic number it is the static one */
    c->session_id = SESSION_AUDIO_ID;
    c->payload_type = offer->payload_type != 0 ? offer->payload_type
                                               : h245_codec_payload_type(offer->audio.codec);
    return c;
}

/* Both OLCs of the Connect: ours without, the peer's with the address where media are wanted. */
static int answer(struct session *s, struct session_transport *t, uint16_t lcn)
{
    const struct addr control = session_transport_control(t);
    struct arena *a = &s->env->scratch;
    struct h225_octets olc[2];
    int err;

    arena_reset(a);
    /* Ours first: the order of the answer is that of the proposals' directions. */
    err = h23510_fast_answer(&t->dtls, a, &s->fast_out, lcn, &t->local, &control, &olc[0].data,
                             &olc[0].len);
    if (err == 0)
        err = h23510_fast_answer(&t->dtls, a, &s->fast_in, 0, &t->local, &control, &olc[1].data,
                                 &olc[1].len);
    if (err == 0)
        err = h225_call_set_fast_start(s->call, olc, 2);
    arena_reset(a);
    return err;
}

static void open_channels(struct session *s, struct session_transport *t, uint16_t lcn)
{
    const struct h245_channel *to = &s->fast_out.channel;
    /* One port for all with DTLS (M-RTCPMUX), whether the proposal says it twice or once. */
    const struct addr *rtcp = is_protected(s)                         ? &to->media
                              : to->media_control.family != ADDR_NONE ? &to->media_control
                                                                      : &t->remote_control;
    struct session_channel *in =
        session_fast_channel(s, t, H245_INCOMING, &s->fast_in.channel, s->fast_in.channel.lcn);
    struct session_channel *out = session_fast_channel(s, t, H245_OUTGOING, to, lcn);

    /* The channels are in the Connect already: without memory for them the call cannot go on. */
    if (in == NULL || out == NULL) {
        session_end(s, SESSION_END_RESOURCES, err_to_str(ERR_NOMEM));
        return;
    }
    in->media = t->local;
    in->media_control = session_transport_control(t);
    out->media = to->media;
    out->media_control = *rtcp;
    /* The Connect is our Ack; what comes later does not move the address. */
    t->has_remote_from_ack = true;
    session_set_remote(t, &to->media, rtcp);
    session_channel_is_open(s, in);
    session_channel_is_open(s, out);
    if (is_protected(s))
        session_agree(t, &t->dtls.agreement); /* D-ACTIVE: the answer is on its way */
}

void session_fast_opened(struct session *s, struct session_transport *t)
{
    uint16_t lcn = 0;
    int err = h245_channel_number(s->h245, &lcn);

    if (err == 0)
        err = answer(s, t, lcn);
    if (err != 0) {
        session_end(s, SESSION_END_RESOURCES, err_to_str(err));
        return;
    }
    /* Protected under signalling in the clear: said once a session. */
    if (is_protected(s))
        session_note_cleartext(s);
    /* The peer offered clear media only, and policy allows it. */
    else if (session_mode(s) == H23510_MODE_PREFERRED)
        session_downgrade(s, "fast connect without H.235.10");
    s->is_fast_open = true;
    if (is_protected(s) && s->env->settings->signalling.fast_connect_early) {
        /* DTLS runs while it rings; session_fast_keyed answers, a failure ends the call. */
        h225_call_fast_start_from(s->call, Q931_ALERTING);
        (void)h225_call_alerting(s->call, s->now);
    } else {
        session_connect(s);
    }
    if (session_is_alive(s)) /* the engine may have ended the call in it */
        open_channels(s, t, lcn);
}

void session_fast_keyed(struct session *s)
{
    /* A second DTLS (A-REPLACE) finds the call connected. */
    if (s->is_fast_open && s->state == SESSION_SETUP && session_is_alive(s))
        session_connect(s);
}

/* A connection of fast connect that fails has no H.245 that its channels could be closed by (D-
 * MISMATCH): the call itself is what there is to close. */
void session_fast_lost(struct session *s, const char *text)
{
    if (s->is_fast && !s->is_h245_up)
        session_end(s, SESSION_END_DTLS_FAILED, text);
}

void session_fast_learn(struct session *s)
{
    SESSION_EACH_TRANSPORT (s, t) {
        /* Associations made before its capabilities came learn from them. */
        if (t->port != NULL && t->agreement.is_set && !t->dtls.peer_known)
            h23510_fast_learn(&t->dtls, &s->dtls);
    }
}

bool session_fast_is_protected(const struct session *s)
{
    return s->is_fast && is_protected(s);
}
