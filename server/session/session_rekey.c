/* A new DTLS connection beside the one that runs (A-REPLACE: H.235.10 7.2, RFC 4145 §5): begun by
 * the peer, whom we follow, or by us. Make before break: our channels on the old one carry media
 * until the new one has its keys, so that nothing is lost, and a handshake that fails costs
 * nothing. */
#include "server/session/session_priv.h"

#include "base/err.h"
#include "server/conference/conference.h"

void session_move_outgoing(struct session *s, const struct session_channel *in)
{
    struct session_channel *out = session_channel_of(s, in->kind, in->index, H245_OUTGOING);
    struct session_channel like;
    bool is_unfinished;
    int err;

    /* Ids grow: a peer's channel on an older connection is one that it has not moved yet. */
    if (s->is_paused || out == NULL || out->state != CHANNEL_OPEN || !in->is_protected ||
        !out->is_protected || in->transport->id <= out->transport->id)
        return;
    like = *out;
    /* It moves on before it has arrived: the stop in between is given up, so that a peer that never
     * comes to rest is no more than two channels to us. */
    is_unfinished = out->replaces != 0;
    /* Replaces names the channel that carries media now, never one that has not arrived. */
    err = session_open_like(s, in->transport, &like, is_unfinished ? out->replaces : out->lcn);
    if (err != 0) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "channel %u stays on the old connection: %s",
                     like.lcn, err_to_str(err));
    } else if (is_unfinished) {
        out->replaces = 0;
        session_channel_drop(s, out);
    }
}

void session_finish_move(struct session *s, struct session_channel *c)
{
    struct session_channel *old;

    /* Without DTLS there is nothing to wait for: it is moved as soon as it is acknowledged. */
    if (c->replaces == 0 || c->state != CHANNEL_OPEN ||
        (c->is_protected && c->transport->association != ASSOCIATION_KEYED))
        return;
    old = session_channel_find(s, c->replaces, H245_OUTGOING);
    c->replaces = 0;
    if (old != NULL)
        session_channel_drop(s, old);
}

void session_finish_moves(struct session_transport *t)
{
    SESSION_EACH_CHANNEL (t->session, c) {
        if (c->direction == H245_OUTGOING && c->transport == t)
            session_finish_move(t->session, c);
    }
}

/* ---- begun by us ---- */

static bool has_outgoing(const struct session *s, const struct session_transport *t)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->direction == H245_OUTGOING && c->state == CHANNEL_OPEN && c->transport == t)
            return true;
    }
    return false;
}

static bool is_replaceable(const struct session *s, const struct session_transport *t)
{
    return t->port != NULL && session_transport_is_protected(t) &&
           /* What is not keyed yet is in its handshake already; what has no channel of ours has
            * nothing to be renewed. */
           t->association == ASSOCIATION_KEYED && has_outgoing(s, t);
}

/* One after the other: while a handshake is under way nobody could say which connection is meant.
 */
static const char *objection(const struct session *s)
{
    const char *why = "no connection that is keyed has a channel of ours";

    if (s->h245 == NULL || s->state != SESSION_ACTIVE)
        return "session is not active, or has no H.245";
    if (s->is_paused)
        return "session is paused";
    if (session_is_passed(s))
        /* The two peers' keys: what we cannot compute we cannot renew. */
        return "media pass through: the connection is the peers'";
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port != NULL && session_transport_is_protected(t) &&
            t->association != ASSOCIATION_KEYED)
            return "a handshake is under way";
        if (is_replaceable(s, t))
            why = NULL;
    }
    return why;
}

static int open_beside(struct session *s, const struct session_transport *old)
{
    struct session_transport *t = NULL;
    uint32_t id = old->id;
    int err = session_transport_open(s, MEDIA_DTLS_SRTP, old->medium, old->index, &t);

    if (err != 0)
        return err;
    /* Read when the port is open; until then media stay where they are. */
    t->replaces = id;
    s->env->stats.rekeys++;
    log_info(LOG_AREA_H23510, s->id, "connection is to be replaced", LOG_U("old", id),
             LOG_U("new", t->id));
    return 0;
}

int session_rekey(struct session *s, const char **why, uint64_t now)
{
    /* Transports opened in the loop below have greater ids: the list grows while it is walked. */
    uint32_t newest = s->next_transport;
    int err = 0;

    s->now = now;
    *why = objection(s);
    if (*why != NULL)
        return ERR_STATE;
    SESSION_EACH_TRANSPORT (s, t) {
        /* Those that this loop opens are newer. */
        if (err == 0 && t->id <= newest && is_replaceable(s, t))
            err = open_beside(s, t);
    }
    session_arm(s);
    if (err != 0)
        *why = err_to_str(err);
    return err;
}

static struct session_transport *replaced_by(const struct session_transport *t)
{
    SESSION_EACH_TRANSPORT (t->session, old) {
        /* Closed meanwhile: the call ended that medium, and nothing needs to be replaced. */
        if (old->id == t->replaces && old->port != NULL)
            return old;
    }
    return NULL;
}

/* Each OLC says connectionInformation=new, as its negotiation has no connection yet. */
void session_rekey_opened(struct session_transport *t)
{
    struct session *s = t->session;
    const struct session_transport *old = t->replaces != 0 ? replaced_by(t) : NULL;
    unsigned opened = 0;
    int err = 0;

    if (t->replaces == 0 || t->port == NULL)
        return;
    t->replaces = 0;
    SESSION_EACH_CHANNEL (s, c) {
        struct session_channel like = *c;

        if (old == NULL || c->direction != H245_OUTGOING || c->state != CHANNEL_OPEN ||
            c->transport != old || err != 0)
            continue;
        err = session_open_like(s, t, &like, c->lcn);
        /* One of several may have failed; the connection stays for those that could. */
        opened += err == 0;
    }
    if (err != 0)
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "channels stay on the old connection: %s",
                     err_to_str(err));
    /* An association without a channel would have a handshake that no peer expects. */
    if (opened == 0)
        session_transport_close(t); /* the call went on without it meanwhile */
}

bool session_rekey_failed(struct session_transport *t, int err)
{
    if (t->replaces == 0)
        return false;
    t->replaces = 0;
    session_note(t->session, LOG_LEVEL_WARN, LOG_AREA_MEDIA, "connection is not replaced: %s",
                 err_to_str(err));
    session_transport_close(t);
    return true;
}
