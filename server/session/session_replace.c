/* A channel of ours that was to take over from another one, and was refused (or not answered): by a
 * peer that cannot just now, or that cannot have two channels of one session at a time, which
 * H.245's replacementFor would ask of it.
 *
 * What may pass is asked again, twice at most and later each time. After that the old channel is
 * closed and another opened in its place without replacementFor: a gap, instead of a channel that
 * carries what nobody wants. Where the old one is as good as before (keys that we wanted to renew,
 * a wish of the peer's that it does not stand by) it stays. */
#include "server/session/session_priv.h"

#include "server/conference/conference.h"
#include "server/session/session_mix.h"

#define TRIES_MAX 2
#define PAUSE_MS  500 /* doubled each time */

enum verdict {
    VERDICT_LATER,  /* the cause may pass */
    VERDICT_SINGLY, /* not two at a time: one by one may do */
    VERDICT_NEVER,
};

static enum verdict judge(enum h245_olc_cause cause)
{
    switch (cause) {
    case H245_OLC_UNSPECIFIED:
    case H245_OLC_TYPE_NOT_AVAILABLE: /* "at present", says H.245 */
    case H245_OLC_BANDWIDTH:          /* the old channel holds it until the peer has noticed */
    case H245_OLC_CONFLICT:
    case H245_OLC_WAIT_MODE:
    case H245_OLC_UNKNOWN_CAUSE: /* or no answer at all */
        return VERDICT_LATER;
    case H245_OLC_SESSION_ID:
    case H245_OLC_REPLACEMENT:
        return VERDICT_SINGLY;
    default:
        return VERDICT_NEVER;
    }
}

/* Asked before the channel is forgotten: why was it opened? */
static enum session_replacement reason_of(const struct session *s,
                                          const struct session_channel *fresh,
                                          const struct session_channel *old)
{
    const struct session_channel *in;

    if (fresh->transport == old->transport)
        return SESSION_REPLACES_CODEC;
    in = session_channel_of(s, fresh->kind, fresh->index, H245_INCOMING);
    return in != NULL && in->transport == fresh->transport ? SESSION_REPLACES_AFTER_PEER
                                                           : SESSION_REPLACES_KEYS;
}

static void tell(struct session *s, const struct session_channel *old, enum h245_olc_cause cause,
                 const char *then)
{
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "channel %u is not replaced (%s): %s", old->lcn,
                 h245_olc_cause_to_str(cause), then);
    if (session_wants_events(s))
        session_event(s, "channel.not_replaced",
                      json_pack("{s:i,s:s,s:s,s:i}", "lcn", (int)old->lcn, "cause",
                                h245_olc_cause_to_str(cause), "then", then, "tries",
                                (int)old->replace_tries));
}

/* Without replacementFor: the old one first. Another lane than the primary audio is opened by what
 * follows the conference when the old channel is gone. */
static void reopen(struct session *s, struct session_channel *old)
{
    if (old->kind == H245_MEDIA_AUDIO && old->index == 0)
        s->is_reopening = true;
    session_channel_drop(s, old);
}

static void give_up(struct session *s, struct session_channel *old, enum h245_olc_cause cause)
{
    bool is_possible = judge(cause) != VERDICT_NEVER;
    bool is_useless =
        conference_is_outdated(s->conference, old->audio.codec) && old->kind == H245_MEDIA_AUDIO;

    if (is_useless || (is_possible && old->replace_why != SESSION_REPLACES_KEYS)) {
        tell(s, old, cause, "reopened");
        reopen(s, old);
        return;
    }
    tell(s, old, cause, "kept");
    /* In a mix the codec was the peer's own wish: it was not meant so. */
    if (old->replace_why == SESSION_REPLACES_CODEC)
        s->has_wish = false;
    old->replace_tries = 0;
}

void session_replacement_refused(struct session *s, const struct session_channel *fresh)
{
    struct session_channel *old = session_channel_find(s, fresh->replaces, H245_OUTGOING);
    enum h245_olc_cause cause = fresh->refusal;

    if (old == NULL || old->state != CHANNEL_OPEN || !session_is_alive(s) || s->is_paused ||
        s->conference == NULL)
        return;
    old->replace_why = reason_of(s, fresh, old);
    if (judge(cause) != VERDICT_LATER || old->replace_tries == TRIES_MAX) {
        give_up(s, old, cause);
        return;
    }
    old->replace_at = s->now + (PAUSE_MS << old->replace_tries);
    old->replace_tries++;
    tell(s, old, cause, "again");
    session_replace_arm(s);
}

/* ---- once more ---- */

void session_replace_arm(struct session *s)
{
    uint64_t next = SESSION_NEVER;

    SESSION_EACH_CHANNEL (s, c) {
        if (c->replace_at != 0 && c->replace_at < next)
            next = c->replace_at;
    }
    if (next == SESSION_NEVER)
        session_stop_timer(s, SESSION_TIMER_REPLACE);
    else
        session_set_timer(s, SESSION_TIMER_REPLACE, next > s->now ? next - s->now : 0);
}

/* Something else has begun to replace it meanwhile. */
static bool is_being_replaced(const struct session *s, const struct session_channel *old)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->direction == H245_OUTGOING && c->replaces == old->lcn && c->state != CHANNEL_CLOSING)
            return true;
    }
    return false;
}

static void try_again(struct session *s, struct session_channel *old)
{
    const struct session_channel *in;
    const char *why;

    switch (old->replace_why) {
    case SESSION_REPLACES_CODEC:
        session_change_channel(s, old);
        break;
    case SESSION_REPLACES_AFTER_PEER:
        in = session_channel_of(s, old->kind, old->index, H245_INCOMING);
        if (in != NULL)
            session_move_outgoing(s, in);
        break;
    case SESSION_REPLACES_KEYS:
        /* All connections that can be renewed: those that were are young, but that costs nothing;
         * what is in the way now is told to nobody, since nobody waits. */
        (void)session_rekey(s, &why, s->now);
        break;
    }
}

void session_replace_on_timer(struct session *s)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->replace_at == 0 || c->replace_at > s->now)
            continue;
        c->replace_at = 0;
        if (c->state == CHANNEL_OPEN && !s->is_paused && s->conference != NULL &&
            !is_being_replaced(s, c))
            try_again(s, c);
    }
    if (session_is_alive(s))
        session_replace_arm(s);
}
