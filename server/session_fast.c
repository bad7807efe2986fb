/* Fast connect (H.323 8.1.7): the channels of a call stand in its Setup and its Connect.
 *
 * Only for media in the clear, where the policy has them: H.235.10 needs capabilities first, so
 * that a listener that requires it answers fastConnectRefused and goes on by H.245. H.245 is not
 * begun by us afterwards, as with the endpoints in the field; when the peer begins it, it is
 * answered. */
#include "server/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference.h"

/* Offers that are looked at. */
#define OFFERS_MAX 32

struct offer {
    struct h245_channel channel;
    bool is_reverse;
};

static size_t read_offers(struct session *s, const struct h225_setup *setup, struct offer *offers)
{
    size_t n = 0;

    for (size_t i = 0; i < setup->fast_start_count && i < OFFERS_MAX; i++) {
        const struct h225_octets *o = &setup->fast_start[i];

        arena_reset(&s->env->scratch);
        memset(&offers[n], 0, sizeof(offers[n]));
        if (h245_read_fast_offer(&s->env->scratch, o->data, o->len, &offers[n].channel,
                                 &offers[n].is_reverse) == 0)
            n++;
    }
    arena_reset(&s->env->scratch);
    return n;
}

static bool is_plain_audio(const struct session *s, const struct h245_channel *c)
{
    return !c->is_null && !c->is_other_media && !c->is_protected && !c->has_reverse &&
           c->session_id == SESSION_AUDIO_ID && c->audio.codec != H245_CODEC_UNKNOWN &&
           conference_accepts(s->conference, s, c->audio.codec);
}

/* The first codec that is offered in both directions, in the caller's order. */
static bool choose(struct session *s, const struct offer *offers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (offers[i].is_reverse || !is_plain_audio(s, &offers[i].channel))
            continue;
        for (size_t j = 0; j < n; j++) {
            const struct h245_channel *back = &offers[j].channel;

            if (!offers[j].is_reverse || !is_plain_audio(s, back) ||
                back->audio.codec != offers[i].channel.audio.codec ||
                back->media.family == ADDR_NONE)
                continue;
            s->fast_in = offers[i].channel;
            s->fast_out = *back;
            return true;
        }
    }
    return false;
}

/* Who offers a protected channel can do more than RTP in the clear: by H.245 it gets that. */
static bool has_protected(const struct offer *offers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (offers[i].channel.is_protected)
            return true;
    return false;
}

bool session_fast_choose(struct session *s, const struct h225_setup *setup)
{
    struct offer offers[OFFERS_MAX];
    size_t n;

    if (setup->fast_start_count == 0 || !s->env->settings->signalling.fast_connect ||
        s->config.listener->dtls == SETTINGS_DTLS_REQUIRED)
        return false;
    n = read_offers(s, setup, offers);
    s->is_fast = !has_protected(offers, n) && choose(s, offers, n);
    return s->is_fast;
}

int session_fast_begin(struct session *s)
{
    struct session_transport *t = NULL;
    int err = session_transport_open(s, MEDIA_PLAIN_RTP, &t);

    if (err == 0)
        conference_settle(s->conference, s->fast_in.audio.codec);
    return err;
}

static struct session_channel *add(struct session *s, struct session_transport *t,
                                   enum h245_direction direction, const struct h245_channel *offer,
                                   uint16_t lcn)
{
    struct session_channel *c = session_channel_add(s, direction);

    if (c == NULL)
        return NULL;
    (void)h245_channel_adopt(s->h245, lcn, direction);
    c->state = CHANNEL_PENDING;
    c->kind = CHANNEL_AUDIO;
    c->transport = t;
    c->lcn = lcn;
    c->audio = offer->audio;
    c->session_id = SESSION_AUDIO_ID;
    c->payload_type = offer->payload_type != 0 ? offer->payload_type
                                               : h245_codec_payload_type(offer->audio.codec);
    return c;
}

/* Both OLCs of the Connect: ours without, the peer's with the address where media are wanted. */
static int answer(struct session *s, const struct session_transport *t, uint16_t lcn)
{
    struct arena *a = &s->env->scratch;
    struct h245_channel in = s->fast_in, out = s->fast_out;
    struct h225_octets olc[2];
    int err;

    in.media = t->local;
    in.media_control = session_transport_control(t);
    out.media = (struct addr){0};
    out.media_control = in.media_control;
    out.lcn = lcn;
    arena_reset(a);
    err = h245_build_fast_answer(a, &out, true, &olc[0].data, &olc[0].len);
    if (err == 0)
        err = h245_build_fast_answer(a, &in, false, &olc[1].data, &olc[1].len);
    if (err == 0)
        err = h225_call_set_fast_start(s->call, olc, 2);
    arena_reset(a);
    return err;
}

static void open_channels(struct session *s, struct session_transport *t, uint16_t lcn)
{
    const struct addr *rtcp = s->fast_out.media_control.family != ADDR_NONE
                                  ? &s->fast_out.media_control
                                  : &t->remote_control;
    struct session_channel *in = add(s, t, H245_INCOMING, &s->fast_in, s->fast_in.lcn);
    struct session_channel *out = add(s, t, H245_OUTGOING, &s->fast_out, lcn);

    if (in == NULL || out == NULL) {
        session_end(s, SESSION_END_RESOURCES, err_to_str(ERR_NOMEM));
        return;
    }
    in->media = t->local;
    in->media_control = session_transport_control(t);
    out->media = s->fast_out.media;
    out->media_control = *rtcp;
    t->has_remote_from_ack = true;
    session_set_remote(t, &s->fast_out.media, rtcp);
    session_channel_is_open(s, in);
    session_channel_is_open(s, out);
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
    if (session_mode(s) == H23510_MODE_PREFERRED)
        session_downgrade(s, "fast connect without H.235.10");
    session_connect(s);
    if (!session_is_alive(s))
        return;
    open_channels(s, t, lcn);
}
