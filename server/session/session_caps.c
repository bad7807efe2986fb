/* Capabilities of the peer that change in a call: the empty set that pauses it (H.323 8.4.6), the
 * set that ends the pause, one that allows less or more than before, and one that lets a DTLS begin
 * that holdconn held back (RFC 4145 §4). */
#include "server/session/session_priv.h"

#include "server/conference/conference.h"
#include "server/session/session_data.h"

static void tell(struct session *s, const char *type)
{
    log_info(LOG_AREA_SESSION, s->id, type, LOG_S("conference", s->conference_name));
    if (session_wants_events(s))
        session_event(s, type, json_object());
}

/* Somebody between us and the peer wants to lead the call elsewhere: nothing is sent to it from now
 * on, and our channels close. What the peer itself has open is its own to close. Such a call is not
 * over for having no channel, however long it takes; who is dead does not answer round trips. */
void session_pause(struct session *s)
{
    /* An empty set may be repeated; pausing twice is pausing once. */
    if (s->is_paused)
        return;
    s->is_paused = true;
    s->is_reopening = false;
    s->has_wish = false; /* another endpoint may be there afterwards */
    session_stop_timer(s, SESSION_TIMER_NO_CHANNEL);
    session_stop_timer(s, SESSION_TIMER_MIRROR);
    SESSION_EACH_CHANNEL (s, c) {
        /* Only ours: the peer's channels are the peer's to close (H.323 8.4.6). */
        if (c->direction == H245_OUTGOING)
            session_channel_drop(s, c);
    }
    if (s->conference != NULL)
        /* The others hear that it has gone quiet. */
        conference_update(s->conference);
    tell(s, "session.paused");
}

static bool is_receivable(const struct session *s, const struct session_channel *c)
{
    if (c->is_data)
        /* Data need the whole of DTLS; media their codec. */
        return session_data_is_able(s);
    return session_can_receive_like(s, c);
}

/* Our channels that the peer cannot receive any more go; others may come for them. */
static void close_unreceivable(struct session *s)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->direction != H245_OUTGOING || c->state == CHANNEL_CLOSING || is_receivable(s, c))
            continue;
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_H245, "peer cannot receive channel %u any more",
                     c->lcn);
        session_channel_drop(s, c);
        /* Set once for all: the mirror opens what there is now. */
        s->is_reopening = true;
    }
}

/* After a pause all begins anew: the other end of the line may be another endpoint by now, which
 * determines roles and opens its channels as in a fresh call. */
static void resume(struct session *s)
{
    s->is_paused = false;
    s->is_reopening = true;
    tell(s, "session.resumed");
    /* As at the beginning of a call, with the roles of now. */
    if (s->state == SESSION_ACTIVE)
        session_media_on_active(s);
}

void session_release(struct session *s)
{
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port == NULL || !h23510_release(&t->dtls, &s->dtls))
            continue;
        /* The role is decided now: the handshake that waited may begin. */
        t->agreement.role = t->dtls.agreement.role;
        session_try_associate(t);
    }
    if (s->state == SESSION_ACTIVE)
        session_media_on_active(s);
}

void session_on_capabilities(struct session *s)
{
    /* Lanes that were refused may be possible with other capabilities. */
    s->refused_lanes = 0;
    close_unreceivable(s);
    if (s->is_paused)
        resume(s);
    /* For who is in the call already nobody is made to change: its channel has been closed above.
     */
    if (s->conference != NULL && !session_has_channels(s) && s->peer_caps.audio_count > 0 &&
        !conference_agree(s->conference, s)) {
        session_end(s, SESSION_END_NO_CODEC, "no codec that the others can receive as well");
        return;
    }
    if (s->conference != NULL)
        conference_update(s->conference); /* what the others can be offered may change */
}

void session_reopen(struct session *s)
{
    /* Called when a channel has gone: reopening waits for all of them. */
    if (!s->is_reopening || s->state != SESSION_ACTIVE)
        return;
    session_open_outgoing(s);
    if (session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_OUTGOING) != NULL)
        s->is_reopening = false;
}
