#include "server/session/session_mix.h"

#include "server/conference/conference.h"
#include "server/session/session_priv.h"

/* A session's part in a mix: which codecs and payload types its audio has each way, and on which
 * port. */
#define PTIME_MS 20

static enum link_codec link_codec_of(enum h245_codec codec)
{
    switch (codec) {
    case H245_CODEC_PCMA:
        return LINK_CODEC_PCMA;
    case H245_CODEC_PCMU:
        return LINK_CODEC_PCMU;
    case H245_CODEC_G722:
        return LINK_CODEC_G722;
    case H245_CODEC_OPUS:
        return LINK_CODEC_OPUS;
    default:
        return LINK_CODEC_NONE;
    }
}

static const struct session_channel *open_audio(const struct session *s,
                                                enum h245_direction direction)
{
    const struct session_channel *c = session_channel_of(s, H245_MEDIA_AUDIO, 0, direction);
    /* Everything that the data plane will use must be settled. */
    bool is_usable = c != NULL && c->state == CHANNEL_OPEN && c->transport != NULL &&
                     c->transport->is_open && c->transport->port != NULL && c->payload_type >= 0 &&
                     link_codec_of(c->audio.codec) != LINK_CODEC_NONE;

    return is_usable ? c : NULL;
}

static void say_out(const struct session_channel *out, struct media_mix_member *part)
{
    part->tx_codec = link_codec_of(out->audio.codec);
    part->tx_pt = (uint8_t)out->payload_type;
}

/* Both directions are on one transport but for the moment in which the peer moves them to another
 * (A-REPLACE): what we send follows the peer. */
uint32_t session_mix_part(const struct session *s, struct media_mix_member *part,
                          struct media_port **port)
{
    const struct session_channel *in = open_audio(s, H245_INCOMING);
    const struct session_channel *out = open_audio(s, H245_OUTGOING);
    const struct session_transport *t = in != NULL ? in->transport : NULL;

    /* It is only sent to: what it says comes later. */
    if (t == NULL && out != NULL)
        t = out->transport;
    if (t == NULL || !session_is_alive(s))
        return 0;
    part->event_pt = MEDIA_PT_ANY;
    part->ptime = PTIME_MS;
    /* Silent towards it until its channel is open. */
    part->tx_codec = LINK_CODEC_NONE;
    if (in != NULL) {
        part->rx[0].pt = (uint8_t)in->payload_type;
        part->rx[0].codec = link_codec_of(in->audio.codec);
        part->rx_count = 1;
        part->event_pt = s->event_pt != 0 ? s->event_pt : SESSION_EVENT_PT;
        /* A peer's choice counts more than our default. */
        if (part->event_pt == part->rx[0].pt) /* a peer's number for its codec, not for keys */
            part->event_pt = MEDIA_PT_ANY;
        part->event_clock = s->event_clock;
    }
    /* Stopped, or nowhere to send to: hears but is not sent to. */
    if (out != NULL && out->transport == t && !out->is_stopped && t->remote.family != ADDR_NONE)
        say_out(out, part);
    *port = t->port;
    return t->id;
}

struct media_port *session_port_of(const struct session *s, uint32_t transport)
{
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->id == transport && t->is_open)
            return t->port;
    }
    return NULL;
}

bool session_has_port(const struct session *s, const struct media_port *port)
{
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port == port)
            return true;
    }
    return false;
}

/* Comes from the data plane, outside of any call of this session's. */
void session_on_digit(struct session *s, char digit, uint32_t ms)
{
    const char text[2] = {digit, '\0'};

    s->now = s->env->now(s->env->user);
    if (!session_is_alive(s))
        return;
    session_user_input(s, text, ms, "rtp");
    session_check_closed(s);
    session_arm(s);
}
