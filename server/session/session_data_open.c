/* The data channel by H.245: opened by us as master, taken from the peer as slave.
 *
 * H.235.10 8.2: the H.245 master opens it. A slave that wants one may not know its role in time, or
 * not care: its request is refused as a conflict of roles, and the master opens what was meant. */
#include "server/session/session_data.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_priv.h"
#include "signalling/schema/h245.h"

/* ---- ours, as master ---- */

/* A relay without a second side that can do it has nowhere to pass it on to. */
static bool has_partner(const struct session *s)
{
    const struct session *other = conference_other(s->conference, s);

    return conference_data(s->conference) == CONFERENCE_DATA_TERMINATE ||
           (other != NULL && session_data_is_able(other));
}

/* The audio first: it then settles the connection that is shared. */
static bool is_time(const struct session *s)
{
    /* With audio on its way the shared connection is not settled yet. */
    const struct session_channel *audio = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_OUTGOING);

    return audio != NULL ? audio->state == CHANNEL_OPEN
                         /* No audio (data alone): when the time for the peer's own channel has
                          * passed. */
                         : s->deadline[SESSION_TIMER_MIRROR] == SESSION_NEVER;
}

static bool may_open(const struct session *s)
{
    /* All conditions in one place: asked again after every change. */
    return s->state == SESSION_ACTIVE && !s->is_paused && session_data_is_able(s) &&
           h245_msd_is_done(s->h245) && h245_msd_is_master(s->h245) && h23510_is_usable(&s->dtls) &&
           session_data_channel(s) == NULL &&
           (s->refused_lanes & session_lane_bit(H245_MEDIA_DATA, SESSION_LANE_DATA)) == 0 &&
           is_time(s) && has_partner(s) && session_pass_may_bind(s);
}

/* SCTP below DTLS begins with the connection, not behind it: its ports have to be known by then. */
static void tell_ports(const struct session_transport *t, const struct session_channel *c)
{
    if (t->kind == MEDIA_DATA_SCTP)
        (void)t->session->env->media_ops->sctp_ports(t->port, H245_DATA_SCTP_PORT,
                                                     c->data.sctp_port);
}

/* What we say of our side, in OLC and Ack. */
static struct h245_data_channel ours(const struct session_channel *c)
{
    struct h245_data_channel fields = {
        .lcn = c->lcn,
        .session_id = c->session_id,
        .data = {.use = c->data.use,
                 .stack = c->data.stack,
                 .sctp_port = H245_DATA_SCTP_PORT,
                 .max_message_size = session_data_message_max(c->data.stack),
                 .max_rate = c->data.max_rate},
        .media = c->transport->local,
        .has_port_number = true, /* L-SHARE: the same for all on the transport */
        .port_number = c->transport->local.port,
        /* L-SHARE: port number fields of all channels on a connection must be equal. */
    };

    /* SCTP is between the peers: what the other one says of it. */
    (void)session_pass_data(c->transport->session, &fields.data.sctp_port,
                            &fields.data.max_message_size);
    return fields;
}

static int send_olc(struct session *s, const struct session_channel *c)
{
    const struct h245_data_channel fields = ours(c);
    struct arena *a = &s->env->scratch;
    struct h245_OpenLogicalChannel *olc = NULL;
    int err;

    /* The arena is the server's, for one message at a time. */
    arena_reset(a);
    err = h245_build_data_olc(a, &fields, &olc);
    if (err == 0)
        err = h23510_fill_olc(&c->transport->dtls, a, olc);
    if (err == 0) {
        /* After all fields are in: sealing orders extensions. */
        h245_data_seal_olc(olc);
        err = h245_channel_open(s->h245, olc, s->now);
    }
    arena_reset(a);
    return err;
}

/* NULL and 0: the port is not there yet, session_media_progress comes back. */
static int need_transport(struct session *s, struct session_transport **out)
{
    const enum media_kind kind = session_data_kind(s, session_data_common(s)->stack);
    struct session_transport *t = session_transport_of(s, kind, H245_MEDIA_DATA, SESSION_LANE_DATA);
    int err = 0;

    /* Shared where the peer's DTLS is shared, else one of its own. */
    if (t == NULL)
        err = session_transport_open(s, kind, H245_MEDIA_DATA, SESSION_LANE_DATA, &t);
    *out = err == 0 && t->is_open ? t : NULL;
    return err;
}

static int open_channel(struct session *s, struct session_transport *t)
{
    struct session_channel *c;
    uint16_t lcn = 0;
    int err = h245_channel_number(s->h245, &lcn);

    c = err == 0 ? session_channel_add(s, H245_OUTGOING) : NULL;
    if (c == NULL)
        return err != 0 ? err : ERR_LIMIT;
    c->state = CHANNEL_OPENING;
    session_data_fill(c, session_data_common(s), t, lcn, SESSION_DATA_ID);
    err = send_olc(s, c);
    if (err != 0)
        c->state = CHANNEL_NONE;
    return err;
}

/* What is open towards a peer for a relay without another side leads nowhere. */
static void close_orphan(struct session *s)
{
    struct session_channel *c = session_data_channel(s);

    /* The engine's close, since it was opened by us. */
    if (c != NULL && c->direction == H245_OUTGOING && c->state != CHANNEL_CLOSING &&
        session_data_is_possible(s) && !has_partner(s))
        session_channel_drop(s, c);
}

void session_data_open(struct session *s)
{
    struct session_transport *t = NULL;
    int err;

    close_orphan(s);
    if (!may_open(s))
        return;
    err = need_transport(s, &t);
    if (err == 0 && t == NULL)
        return;
    if (err == 0)
        err = open_channel(s, t);
    if (err == 0)
        return;
    /* Not again until capabilities or roles change: an error that repeats is a storm. */
    s->refused_lanes |= session_lane_bit(H245_MEDIA_DATA, SESSION_LANE_DATA);
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "data channel not opened: %s", err_to_str(err));
}

static void is_open(struct session *s, struct session_channel *c)
{
    /* Two ways in one: the reverse half has a number of its own. */
    c->reverse_lcn = h245_channel_reverse(s->h245, c->lcn, c->direction);
    session_channel_is_open(s, c);
}

bool session_data_on_opened(struct session *s, uint16_t lcn,
                            const struct h245_OpenLogicalChannelAck *ack)
{
    struct session_channel *c = session_channel_find(s, lcn, H245_OUTGOING);
    struct h23510_agreement agreement = {.is_set = false};
    struct h245_data_channel fields;
    struct h245_channel_ack said;
    struct session_transport *t;

    if (c == NULL || !c->is_data)
        return false;
    t = c->transport;
    /* Closing already, or its transport is gone. */
    if (c->state != CHANNEL_OPENING || t->port == NULL)
        return true;
    if (h245_read_data_ack(ack, &fields) != 0) {
        session_refuse_ack(s, c, "it names no usable address");
        return true;
    }
    said = (struct h245_channel_ack){.media = fields.media,
                                     .has_port_number = fields.has_port_number,
                                     .port_number = fields.port_number};
    if (!session_take_ack(c, ack, &said, &agreement))
        return true;
    c->media = c->media_control = fields.media;
    /* What the Ack says holds, what it leaves out stays as offered. */
    if (fields.data.stack != H245_DATA_NO_STACK) {
        c->data.sctp_port = fields.data.sctp_port;
        c->data.max_message_size = fields.data.max_message_size;
    }
    tell_ports(t, c);
    is_open(s, c); /* before the handshake: it has to know that data are expected */
    t->has_remote_from_ack = true;
    /* The first who names an address wins; others were compared with it. */
    if (t->association == ASSOCIATION_NONE)
        session_set_remote(t, &fields.media, &fields.media);
    if (agreement.is_set)
        session_agree(t, &agreement);
    return true;
}

/* ---- the peer's, as slave ---- */

static void judge_shape(const struct session *s, const struct h245_data_channel *c,
                        struct session_objection *o)
{
    /* In the order in which a peer can do something about it. */
    if (!session_data_is_possible(s))
        session_object(o, H245_OLC_TYPE_NOT_SUPPORTED, "data channels are not served here");
    else if (!session_data_has_stack(s, c->data.stack))
        session_object(o, H245_OLC_TYPE_NOT_SUPPORTED, "this stack below SCTP is not served");
    else if (!c->has_reverse)
        session_object(o, H245_OLC_UNSUITABLE_REVERSE, "a data channel goes both ways");
    /* H.235.10 8.2: the master opens. The slave's request tells us that it wants one. */
    else if (!h245_msd_is_done(s->h245) || h245_msd_is_master(s->h245))
        session_object(o, H245_OLC_CONFLICT, "the master opens data channels");
    /* Sessions 1 and 2 are audio and video (H.245 C.1.1). */
    else if (c->session_id == 0 || c->session_id < SESSION_DATA_ID)
        session_object(o, H245_OLC_SESSION_ID, "the session is another medium's");
    else if (session_data_channel(s) != NULL && session_data_channel(s)->state != CHANNEL_CLOSING)
        session_object(o, H245_OLC_TYPE_NOT_AVAILABLE, "there is a data channel already");
    /* Without an address in the request there must be a connection that it can mean. */
    else if (c->media.family == ADDR_NONE &&
             (session_data_is_wire(session_data_kind(s, c->data.stack)) ||
              session_transport_live(s) == NULL))
        session_object(o, H245_OLC_UNSUITABLE_REVERSE, "no address in the reverse half");
}

static void judge_protection(struct session *s, enum h23510_verdict verdict,
                             struct session_objection *o)
{
    if (verdict == H23510_OK)
        return;
    s->env->stats.h235_refused++;
    s->env->stats.refused[verdict]++;
    session_object(o, H245_OLC_SECURITY_DENIED,
                   verdict == H23510_NOT_PROTECTED ? "data must be protected"
                                                   : h23510_verdict_to_str(verdict));
}

static struct session_channel *admit(struct session *s, const struct h245_OpenLogicalChannel *olc,
                                     const struct h245_data_channel *c, struct session_place *p,
                                     struct session_objection *o)
{
    const struct h245_channel like = {.kind = H245_MEDIA_DATA,
                                      .media_control = c->media,
                                      .has_port_number = c->has_port_number,
                                      .port_number = c->port_number};
    struct session_channel *channel;
    struct session_transport *t;

    p->kind = session_data_kind(s, c->data.stack);
    judge_protection(s, session_find_connection(s, p->kind, olc, &like, SESSION_LANE_DATA, p), o);
    if (o->why != NULL)
        return NULL;
    /* A place before the transport: a transport without a channel would be orphaned. */
    channel = session_channel_add(s, H245_INCOMING);
    if (channel == NULL) {
        session_object(o, H245_OLC_UNSPECIFIED, "too many channels");
        return NULL;
    }
    t = session_take_transport(s, p, &like, SESSION_LANE_DATA, o);
    if (t == NULL)
        return NULL;
    /* What was read of the security is the connection's from now on. */
    t->dtls = p->dtls;
    session_transport_learn_label(t, 0, c->has_port_number, c->port_number);
    channel->state = CHANNEL_PENDING;
    session_data_fill(channel, &c->data, t, c->lcn, c->session_id);
    return channel;
}

bool session_data_on_request(struct session *s, uint16_t lcn,
                             const struct h245_OpenLogicalChannel *olc)
{
    struct session_objection o = {H245_OLC_UNSPECIFIED, NULL};
    struct session_channel *channel = NULL;
    struct session_transport *t;
    struct session_place place;
    struct h245_data_channel c;
    int err = h245_read_data_olc(olc, &c);

    /* No data channel at all: another file's request. */
    if (err == ERR_UNSUPPORTED)
        return false;
    memset(&place, 0, sizeof(place));
    if (err != 0)
        session_object(&o, H245_OLC_TYPE_UNKNOWN, err_to_str(err));
    else
        judge_shape(s, &c, &o);
    if (o.why == NULL)
        channel = admit(s, olc, &c, &place, &o);
    if (channel == NULL) {
        s->env->stats.data_channels_refused++;
        session_reject(s, lcn, o.cause, o.why);
        if (o.cause == H245_OLC_CONFLICT) {
            /* Its wish, in the direction that is allowed. */
            s->refused_lanes &= ~session_lane_bit(H245_MEDIA_DATA, SESSION_LANE_DATA);
            session_data_open(s); /* what was meant, from the right side */
        }
        return true;
    }
    t = channel->transport;
    tell_ports(t, channel);
    /* Where its packets go is decided before the first can come. */
    session_data_route(s, s->conference != NULL ? conference_other(s->conference, s) : NULL);
    /* As slave we take the address of the request, unless an Ack of the peer said otherwise. */
    if (c.media.family != ADDR_NONE && !t->has_remote_from_ack &&
        t->association == ASSOCIATION_NONE)
        session_set_remote(t, &c.media, &c.media);
    if (place.agreement.is_set)
        session_agree(t, &place.agreement);
    session_media_progress(s, t);
    return true;
}

void session_data_accept(struct session *s, struct session_channel *c)
{
    struct session_transport *t = c->transport;
    struct arena *a = &s->env->scratch;
    struct h245_OpenLogicalChannelAck *ack = NULL;
    const struct h245_data_channel fields = ours(c);
    int err;

    /* Our answer names the shared port. */
    c->media = c->media_control = t->local;
    arena_reset(a);
    err = h245_build_data_ack(a, &fields, &ack);
    if (session_send_ack(s, c, err, ack))
        is_open(s, c);
}

void session_data_on_confirmed(void *arg, uint16_t lcn)
{
    struct session *s = arg;
    struct session_channel *c = session_channel_find(s, lcn, H245_INCOMING);

    if (c == NULL || !c->is_data)
        return;
    /* Only now the peer knows our address (H.245 C.5): routes may lead to it. */
    c->is_confirmed = true;
    if (s->conference != NULL)
        conference_update(s->conference);
}

/* Who does not want it any more says so by a request of its own when it does again. */
void session_data_on_close_request(struct session *s, uint16_t lcn)
{
    const struct session_channel *c = session_channel_find(s, lcn, H245_OUTGOING);

    /* The peer asks us to close: opening it again at once would be an argument. */
    if (c != NULL && c->is_data)
        session_lane_refused(s, c);
}

bool session_data_conflicts(const struct session *s, const struct session_channel *ours_is,
                            const struct h245_OpenLogicalChannel *theirs)
{
    struct h245_data_channel c;

    (void)s;
    /* Two requests for the same thing crossed: the master's stands. */
    return ours_is->is_data && h245_read_data_olc(theirs, &c) == 0;
}
