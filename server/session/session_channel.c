/* The table of a session's logical channels: places, states, events, and what the end of a channel
 * means for the transport that it was on. Who opens them: session_incoming.c (the peer),
 * session_outgoing.c (we). */
#include "server/session/session_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"

/* ---- places ---- */

struct session_channel *session_channel_next(const struct session *s,
                                             const struct session_channel *c)
{
    for (size_t i = c != NULL ? c->place + 1 : 0; i < SESSION_CHANNELS_MAX; i++)
        if (s->channels[i] != NULL && s->channels[i]->state != CHANNEL_NONE)
            return s->channels[i];
    return NULL;
}

struct session_channel *session_channel_add(struct session *s, enum h245_direction direction)
{
    for (size_t i = 0; i < SESSION_CHANNELS_MAX; i++) {
        struct session_channel *c = s->channels[i];

        if (c == NULL)
            /* Places are made when they are needed and kept: channels come and go, pointers into
             * places stay valid. */
            c = s->channels[i] = calloc(1, sizeof(*c));
        if (c == NULL)
            return NULL;
        if (c->state != CHANNEL_NONE)
            continue;
        memset(c, 0, sizeof(*c));
        c->place = i;
        /* The serial tells a channel from its successor in the same place. */
        c->serial = ++s->next_channel;
        c->direction = direction;
        return c;
    }
    return NULL;
}

struct session_channel *session_channel_find(const struct session *s, uint16_t lcn,
                                             enum h245_direction direction)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->lcn == lcn && c->direction == direction)
            return c;
    }
    return NULL;
}

struct session_channel *session_channel_of(const struct session *s, enum h245_media kind,
                                           uint8_t index, enum h245_direction direction)
{
    struct session_channel *found = NULL;

    SESSION_EACH_CHANNEL (s, c) {
        if (c->kind != kind || c->index != index || c->direction != direction)
            continue;
        /* The living one, and of several the newest: a replacement is the channel by now. */
        if (found == NULL || found->state == CHANNEL_CLOSING ||
            (c->state != CHANNEL_CLOSING && c->serial > found->serial))
            found = c;
    }
    return found;
}

const char *session_channel_codec(const struct session_channel *c)
{
    if (c->is_data)
        return h245_data_use_to_str(c->data.use);
    return c->kind == H245_MEDIA_AUDIO ? h245_codec_to_str(c->audio.codec) : c->relayed.name;
}

bool session_has_channels(const struct session *s)
{
    return session_channel_next(s, NULL) != NULL;
}

/* ---- events ---- */

static json_t *channel_data(const struct session_channel *c)
{
    return json_pack("{s:i,s:s,s:s,s:s,s:b}", "lcn", c->lcn, "direction",
                     session_direction_to_str(c->direction), "kind", h245_media_to_str(c->kind),
                     "codec", session_channel_codec(c), "protected", c->is_protected);
}

void session_channel_is_open(struct session *s, struct session_channel *c)
{
    c->state = CHANNEL_OPEN;
    c->was_open = true;
    /* The audio is back: reopening is over. */
    if (c->direction == H245_OUTGOING && c->kind == H245_MEDIA_AUDIO)
        s->is_reopening = false;
    session_bandwidth_grown(s);
    s->env->stats.channels_opened++;
    session_stop_timer(s, SESSION_TIMER_NO_CHANNEL);
    log_info(LOG_AREA_H245, s->id, "channel opened", LOG_U("lcn", c->lcn),
             LOG_S("direction", session_direction_to_str(c->direction)),
             LOG_S("kind", h245_media_to_str(c->kind)), LOG_S("codec", session_channel_codec(c)),
             /* After the state: who is told may look. */
             LOG_B("protected", c->is_protected), LOG_ADDR("media", &c->media));
    if (session_wants_events(s))
        session_event(s, "channel.opened", channel_data(c));
    /* The others' routes may lead to it now. */
    if (s->conference != NULL)
        conference_update(s->conference);
}

void session_on_refused(struct session *s, uint16_t lcn, enum h245_olc_cause cause)
{
    struct session_channel *c = session_channel_find(s, lcn, H245_OUTGOING);

    if (c == NULL)
        return;
    c->refusal = cause;
    s->env->stats.channels_refused++;
    /* A replacement that was refused leaves the old one in place. */
    if (c->replaces == 0) /* else there is one already, on the connection that stays */
        session_lane_refused(s, c);
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "peer refused channel %u: %s", lcn,
                 h245_olc_cause_to_str(cause));
    if (session_wants_events(s))
        session_event(s, "channel.refused",
                      json_pack("{s:i,s:s}", "lcn", lcn, "cause", h245_olc_cause_to_str(cause)));
    session_on_channel_gone(s, lcn, H245_OUTGOING, H245_CLOSED_BY_PEER);
}

/* ---- end ---- */

/* Only what was open counts as closed, so that opened - closed is what is open now. */
void session_channel_forget(struct session *s, struct session_channel *c)
{
    /* Opened and closed are counted alike, or the difference would say nothing. */
    if (c->was_open)
        s->env->stats.channels_closed++;
    c->was_open = false;
    c->state = CHANNEL_NONE;
}

void session_channel_drop(struct session *s, struct session_channel *c)
{
    if (s->h245 == NULL) {
        session_channel_forget(s, c); /* a leg by SDP: nobody to be told */
    } else if (c->state == CHANNEL_PENDING) {
        /* Not answered yet: a reject is its end. */
        (void)h245_channel_reject(s->h245, c->lcn, H245_OLC_SECURITY_DENIED);
        c->state = CHANNEL_NONE;
    } else if (c->state == CHANNEL_OPEN || c->state == CHANNEL_OPENING) {
        /* The state first: what the engine calls back must find the channel on its way out. */
        c->state = CHANNEL_CLOSING;
        (void)h245_channel_close(s->h245, c->lcn, c->direction, s->now);
    }
}

static bool is_in_use(const struct session *s, const struct session_transport *t)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->transport == t)
            return true;
    }
    return false;
}

void session_on_channel_gone(struct session *s, uint16_t lcn, enum h245_direction direction,
                             enum h245_closer by)
{
    struct session_channel *c = session_channel_find(s, lcn, direction);
    struct session_channel gone;
    struct session_transport *t;

    /* The engine ends what we have forgotten already. */
    if (c == NULL)
        return;
    gone = *c; /* its place may be another's at the end of this */
    t = c->transport;
    /* Before the transport: it asks for the channels that are left. */
    session_channel_forget(s, c);
    session_bandwidth_shrunk(s);
    log_info(LOG_AREA_H245, s->id, "channel closed", LOG_U("lcn", lcn),
             LOG_S("direction", session_direction_to_str(direction)),
             LOG_S("by", by == H245_CLOSED_BY_US     ? "us"
                         : by == H245_CLOSED_BY_PEER ? "peer"
                                                     : "timeout"));
    if (session_wants_events(s))
        session_event(
            s, "channel.closed",
            json_pack("{s:i,s:s}", "lcn", lcn, "direction", session_direction_to_str(direction)));
    /* R-CLOSE: the last channel of a connection takes its security context along. */
    if (t != NULL && !is_in_use(s, t))
        session_transport_close(t);
    if (!session_has_channels(s) && session_is_alive(s) && !s->is_paused)
        session_set_timer(s, SESSION_TIMER_NO_CHANNEL,
                          s->env->settings->signalling.timers.no_channel_ms);
    if (s->conference != NULL)
        conference_update(s->conference);
    /* Something else may open now. */
    session_reopen(s);
    /* What has been open (a handshake that failed later, say) was not refused. */
    if (gone.replaces != 0 && !gone.was_open)
        session_replacement_refused(s, &gone);
}

/* ---- the session's life ---- */

void session_media_on_active(struct session *s)
{
    const struct settings_timers *t = &s->env->settings->signalling.timers;
    const struct session_channel *in = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);

    /* In a passthrough the other side must be there: it has the keys. */
    if (!session_pass_may_present(s)) {
        session_set_timer(s, SESSION_TIMER_NO_CHANNEL, SESSION_OTHER_MS);
        return;
    }
    session_set_timer(s, SESSION_TIMER_NO_CHANNEL, t->no_channel_ms);
    /* The peer was first: ours follows its codec at once. */
    if (in != NULL) {
        if (in->state == CHANNEL_OPEN)
            session_stop_timer(s, SESSION_TIMER_NO_CHANNEL);
        session_open_outgoing(s);
    } else {
        /* The peer is given a moment: two codecs for one call would need a conflict to be
         * solved. */
        session_set_timer(s, SESSION_TIMER_MIRROR, t->mirror_ms);
    }
}

void session_media_progress(struct session *s, struct session_transport *t)
{
    /* Its OPEN is not answered yet. */
    if (t->port == NULL || !t->is_open)
        return;
    /* A Setup of ours waits for its ports. */
    if (session_fast_awaits(s, t)) {
        session_dial_send_setup(s);
        return;
    }
    if (s->is_fast && !s->is_fast_open && !s->config.is_caller) {
        session_fast_opened(s, t);
        return;
    }
    /* Requests that waited for this port are answered now. */
    SESSION_EACH_CHANNEL (s, c) {
        if (c->state == CHANNEL_PENDING && c->transport == t && session_pass_may_bind(s))
            session_channel_accept(s, c);
    }
    session_try_associate(t);
    session_open_outgoing(s);
}

/* All at once: no good-byes on channels of a call that ends. */
void session_media_close(struct session *s)
{
    SESSION_EACH_CHANNEL (s, c)
        session_channel_forget(s, c);
    SESSION_EACH_TRANSPORT (s, t)
        session_transport_close(t);
}
