/* A session whose conference has changed its codec (conference_codec.c). */
#include "server/session/session_priv.h"

#include "server/conference/conference.h"
#include "server/session/session_control.h"
#include "server/session/session_mix.h"
#include "signalling/h245/engine.h"

/* A leg by SDP would have to be offered anew, which is for who brought it; who has no H.245 of its
 * own after fast connect cannot be told. */
bool session_may_change_codec(const struct session *s)
{
    return !session_has_channels(s) ||
           (s->h245 != NULL && s->is_capable && s->state == SESSION_ACTIVE);
}

/* Another session's peer is being listened to just now: the rest is done by our own timer, but for
 * one that has no timer yet, which is that other session itself. */
void session_change_codec(struct session *s)
{
    s->is_offer_forced = true;
    s->is_codec_new = true;
    if (s->state == SESSION_ACTIVE)
        session_kick(s);
    else if (s->h245 != NULL)
        session_refresh_capabilities(s);
}

static bool is_outdated(const struct session *s, const struct session_channel *c)
{
    return c != NULL && s->conference != NULL &&
           conference_is_outdated(s->conference, c->audio.codec);
}

bool session_is_outdated(const struct session *s)
{
    return is_outdated(s, session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING));
}

/* In the place of the one before (replacementFor), which closes when the new one is open: the
 * peer's own channel is closing just now, and with its last channel a connection would lose its
 * keys (R-CLOSE). Who cannot do so is closed to and opened to again. */
static void open_anew(struct session *s, struct session_channel *out, enum h245_codec codec)
{
    struct h245_audio offer;
    struct session_channel like = *out;
    /* One that has not arrived yet is given up for the next: what it was to replace is still what
     * carries media. */
    bool is_unfinished = out->replaces != 0;
    uint16_t replaces = is_unfinished ? out->replaces : out->lcn;

    if ((is_unfinished || out->state == CHANNEL_OPEN) && session_offer_of(s, codec, &offer) &&
        h245_choose_audio(&s->peer_caps, &offer, 1, &like.audio) == 0) {
        like.payload_type = session_audio_payload_type(like.audio.codec);
        if (session_open_like(s, out->transport, &like, replaces) == 0) {
            out->replaces = 0;
            if (is_unfinished)
                session_channel_drop(s, out);
            return;
        }
    }
    s->is_reopening = true;
    session_channel_drop(s, out);
}

void session_send_codec(struct session *s, enum h245_codec codec)
{
    struct session_channel *out = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_OUTGOING);

    /* Kept for channels to come: one that closes now is opened with it. */
    s->has_wish = true;
    s->wish = codec;
    if (out != NULL && out->state != CHANNEL_CLOSING && out->audio.codec != codec)
        open_anew(s, out, codec);
}

void session_change_channel(struct session *s, struct session_channel *out)
{
    enum h245_codec codec;

    if (is_outdated(s, out) && conference_codec(s->conference, &codec))
        open_anew(s, out, codec);
    else if (s->has_wish && out->audio.codec != s->wish)
        open_anew(s, out, s->wish);
}

void session_follow_codec(struct session *s)
{
    struct session_channel *in = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);
    struct session_channel *out = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_OUTGOING);
    enum h245_codec codec;

    if (!s->is_codec_new || !conference_codec(s->conference, &codec))
        return;
    s->is_codec_new = false;
    if (is_outdated(s, in) && !s->is_mode_asked && session_ask_mode(s, codec) != 0)
        session_close_outdated(s);
    s->is_mode_asked = false;
    if (is_outdated(s, out) && out->state != CHANNEL_CLOSING)
        open_anew(s, out, codec);
}

/* It will not send another codec just for being asked; its channel is of no use to anybody then. */
void session_close_outdated(struct session *s)
{
    struct session_channel *in = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);

    if (s->h245 == NULL || !is_outdated(s, in) || in->state != CHANNEL_OPEN)
        return;
    session_note(s, LOG_LEVEL_INFO, LOG_AREA_H245,
                 "channel %u has a codec that the conference has no more: to be closed", in->lcn);
    (void)h245_channel_close(s->h245, in->lcn, H245_INCOMING, s->now);
}
