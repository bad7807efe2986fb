/* Its routes: a relay, or SCTP that ends here (data_hub.c). */
/* The data channel of a session: one, both ways, SCTP in the records of a DTLS connection that the
 * other media may share (D-CHOICE, L-SHARE).
 *
 * H.235.10 8.2: the H.245 master opens it. A slave that wants one may not know its role in time, or
 * not care: its request is refused as a conflict of roles, and the master opens what was meant. */
#include "server/session/session_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/data/data_text.h"
#include "server/session/session_priv.h"
#include "signalling/schema/h245.h"

#define SESSION_DATA_ID 3     /* H.245 sessionID of the primary data session */
#define DATA_RATE       10000 /* maxBitRate of what we offer: 1 Mbit/s, in 100 bit/s */

/* Not with policy off: data channels are always protected. */
static bool is_served(const struct session *s)
{
    return (s->h245 != NULL || s->config.is_by_sdp) && s->conference != NULL &&
           session_mode(s) != H23510_MODE_OFF &&
           conference_data(s->conference) != CONFERENCE_DATA_OFF;
}

/* ---- stacks ---- */

static enum h245_data_stack stack_of(enum settings_stack stack)
{
    if (stack == SETTINGS_STACK_TCP_DTLS_SCTP)
        return H245_DATA_TCP_DTLS_SCTP;
    return stack == SETTINGS_STACK_SCTP_DTLS ? H245_DATA_SCTP_DTLS : H245_DATA_UDP_DTLS_SCTP;
}

static enum media_kind kind_of(enum h245_data_stack stack)
{
    if (stack == H245_DATA_TCP_DTLS_SCTP)
        return MEDIA_DATA_TCP;
    return stack == H245_DATA_SCTP_DTLS ? MEDIA_DATA_SCTP : MEDIA_DTLS_SRTP;
}

bool session_data_is_wire(enum media_kind kind)
{
    return kind == MEDIA_DATA_TCP || kind == MEDIA_DATA_SCTP;
}

/* What does not go through the data plane ends here: a conference that relays whatever comes has
 * only one stack. */
static bool may_use(const struct session *s, enum h245_data_stack stack)
{
    return stack == H245_DATA_UDP_DTLS_SCTP ||
           conference_data(s->conference) != CONFERENCE_DATA_RELAY;
}

/* The stacks that are served here, best first. */
static size_t served_stacks(const struct session *s, enum h245_data_stack out[SETTINGS_STACK_COUNT])
{
    const struct settings_media *media = &s->env->settings->media;
    size_t n = 0;

    for (uint32_t i = 0; i < media->data_stack_count; i++)
        if (may_use(s, stack_of(media->data_stacks[i])))
            out[n++] = stack_of(media->data_stacks[i]);
    return n;
}

static bool is_stack_served(const struct session *s, enum h245_data_stack stack)
{
    enum h245_data_stack served[SETTINGS_STACK_COUNT];
    size_t n = served_stacks(s, served), i = 0;

    while (i < n && served[i] != stack)
        i++;
    return i < n;
}

/* RFC 6083 4.1: a message is one record. */
static uint32_t message_max(enum h245_data_stack stack)
{
    return stack == H245_DATA_SCTP_DTLS ? DTLS_SCTP_RECORD_MAX : SESSION_DATA_MESSAGE_MAX;
}

size_t session_data_offer(const struct session *s, struct h245_data *offer, size_t max)
{
    static const enum h245_data_use uses[] = {H245_DATA_CHANNEL, H245_DATA_T140, H245_DATA_H224};
    enum h245_data_stack stacks[SETTINGS_STACK_COUNT];
    size_t count, n = 0;

    if (!is_served(s))
        return 0;
    count = served_stacks(s, stacks);
    for (size_t k = 0; k < count; k++) {
        /* All uses over one stack: the peer takes its pick. */
        for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]) && n < max; i++) {
            /* dataChannel names no stack: one entry is for all that stand beside it. */
            if (k > 0 && uses[i] == H245_DATA_CHANNEL)
                continue;
            offer[n++] = (struct h245_data){.use = uses[i],
                                            .stack = stacks[k],
                                            .sctp_port = H245_DATA_SCTP_PORT,
                                            .max_message_size = message_max(stacks[k]),
                                            .max_rate = DATA_RATE};
        }
    }
    return n;
}

struct session_channel *session_data_channel(const struct session *s)
{
    struct session_channel *found = NULL;

    SESSION_EACH_CHANNEL (s, c) {
        if (c->is_data && (found == NULL || found->state == CHANNEL_CLOSING))
            /* The living one, if there is one beside the one that closes. */
            found = c;
    }
    return found;
}

bool session_data_is_on(const struct session *s, const struct session_transport *t)
{
    SESSION_EACH_CHANNEL (s, c) {
        if (c->is_data && c->transport == t)
            return true;
    }
    return false;
}

/* The peer's first capability over the best stack that both have. */
static const struct h245_data *able(const struct session *s)
{
    enum h245_data_stack stacks[SETTINGS_STACK_COUNT];
    size_t count = s->has_peer_caps ? served_stacks(s, stacks) : 0;

    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < s->peer_caps.data_count; i++)
            /* What is not over DTLS and SCTP we do not serve. */
            if (s->peer_caps.data[i].stack == stacks[k])
                return &s->peer_caps.data[i];
    return NULL;
}

bool session_data_is_able(const struct session *s)
{
    return is_served(s) && able(s) != NULL;
}

bool session_data_is_all(const struct session *s)
{
    const struct session *other = s->conference != NULL ? conference_other(s->conference, s) : NULL;

    /* Another side with data alone: then this side gets data alone too. */
    return other != NULL && session_data_is_able(other) && other->peer_caps.audio_count == 0;
}

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
           is_time(s) && has_partner(s);
}

static void fill(struct session_channel *c, const struct h245_data *data,
                 struct session_transport *t, uint16_t lcn, uint8_t session_id)
{
    c->kind = H245_MEDIA_DATA;
    c->index = SESSION_LANE_DATA;
    c->is_data = true;
    c->data = *data;
    c->lcn = lcn;
    c->session_id = session_id;
    c->payload_type = -1;
    c->is_protected = true;
    c->transport = t;
}

bool session_data_is_possible(const struct session *s)
{
    return is_served(s);
}

/* RFC 8841: what H.245 has two messages for, a description says at once. */
int session_data_bind(struct session *s, struct session_transport *t, uint16_t sctp_port,
                      uint32_t max_message_size)
{
    const struct h245_data data = {.use = H245_DATA_CHANNEL,
                                   .stack = H245_DATA_UDP_DTLS_SCTP,
                                   .sctp_port = sctp_port,
                                   .max_message_size = max_message_size,
                                   .max_rate = DATA_RATE};
    struct session_channel *c = session_data_channel(s);

    /* A new offer changes what is there. */
    if (c != NULL && c->state == CHANNEL_OPEN) {
        c->transport = t;
        return 0;
    }
    c = session_channel_add(s, H245_OUTGOING);
    if (c == NULL)
        return ERR_LIMIT;
    /* The number means nothing by SDP: one that H.245 would have given. */
    fill(c, &data, t, SESSION_DATA_ID, SESSION_DATA_ID);
    session_channel_is_open(s, c);
    return 0;
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
    return (struct h245_data_channel){
        .lcn = c->lcn,
        .session_id = c->session_id,
        .data = {.use = c->data.use,
                 .stack = c->data.stack,
                 .sctp_port = H245_DATA_SCTP_PORT,
                 .max_message_size = message_max(c->data.stack),
                 .max_rate = c->data.max_rate},
        .media = c->transport->local,
        .has_port_number = true, /* L-SHARE: the same for all on the transport */
        .port_number = c->transport->local.port,
        /* L-SHARE: port number fields of all channels on a connection must be equal. */
    };
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
    const enum media_kind kind = kind_of(able(s)->stack);
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
    fill(c, able(s), t, lcn, SESSION_DATA_ID);
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
    if (c != NULL && c->direction == H245_OUTGOING && c->state != CHANNEL_CLOSING && is_served(s) &&
        !has_partner(s))
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

static void refuse_ack(struct session *s, struct session_channel *c, const char *why)
{
    session_lane_refused(s, c);
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510,
                 "acknowledgement of data channel %u refused: %s", c->lcn, why);
    session_channel_drop(s, c);
}

/* T-BAD, L-SHARE */
static enum h23510_verdict judge_ack(struct session_transport *t,
                                     const struct h245_OpenLogicalChannelAck *ack,
                                     const struct h245_data_channel *fields,
                                     struct h23510_agreement *agreement)
{
    struct session *s = t->session;
    enum h23510_verdict verdict = h23510_check_ack(&t->dtls, ack, agreement);

    if (verdict == H23510_OK &&
        /* A handshake that runs cannot move to another address. */
        ((t->association != ASSOCIATION_NONE && !addr_is_equal(&fields->media, &t->remote)) ||
         !session_transport_has_label(t, 1, fields->has_port_number, fields->port_number)))
        verdict = H23510_ADDRESS_DIFFERS;
    if (verdict != H23510_OK) {
        s->env->stats.h235_refused++;
        s->env->stats.refused[verdict]++;
    }
    return verdict;
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
    const uint32_t lane = session_lane_bit(H245_MEDIA_DATA, SESSION_LANE_DATA);
    struct session_channel *c = session_channel_find(s, lcn, H245_OUTGOING);
    struct h23510_agreement agreement = {.is_set = false};
    struct h245_data_channel fields;
    enum h23510_verdict verdict;
    struct session_transport *t;

    if (c == NULL || !c->is_data)
        return false;
    t = c->transport;
    /* Closing already, or its transport is gone. */
    if (c->state != CHANNEL_OPENING || t->port == NULL)
        return true;
    if (h245_read_data_ack(ack, &fields) != 0) {
        refuse_ack(s, c, "it names no usable address");
        return true;
    }
    verdict = judge_ack(t, ack, &fields, &agreement);
    /* Once: the second time it is an error of the peer. */
    if (verdict == H23510_ADDRESS_DIFFERS && (s->split_lanes & lane) == 0) {
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_H23510,
                     "peer has another port for data: they get a connection of their own");
        s->split_lanes |= lane;
        session_channel_drop(s, c);
        return true;
    }
    if (verdict != H23510_OK) {
        refuse_ack(s, c, h23510_verdict_to_str(verdict));
        return true;
    }
    session_transport_learn_label(t, 1, fields.has_port_number, fields.port_number);
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
    if (!is_served(s))
        session_object(o, H245_OLC_TYPE_NOT_SUPPORTED, "data channels are not served here");
    else if (!is_stack_served(s, c->data.stack))
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
             (session_data_is_wire(kind_of(c->data.stack)) || session_transport_live(s) == NULL))
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
    struct session_channel *channel = NULL;
    struct session_transport *t = NULL;

    p->kind = kind_of(c->data.stack);
    judge_protection(s, session_find_connection(s, p->kind, olc, &like, SESSION_LANE_DATA, p), o);
    /* A place before the transport: a transport without a channel would be orphaned. */
    if (o->why == NULL)
        channel = session_channel_add(s, H245_INCOMING);
    if (o->why == NULL && channel == NULL)
        session_object(o, H245_OLC_UNSPECIFIED, "too many channels");
    if (o->why == NULL)
        t = session_take_transport(s, p, &like, SESSION_LANE_DATA, o);
    if (t == NULL)
        return NULL;
    /* What was read of the security is the connection's from now on. */
    t->dtls = p->dtls;
    session_transport_learn_label(t, 0, c->has_port_number, c->port_number);
    channel->state = CHANNEL_PENDING;
    fill(channel, &c->data, t, c->lcn, c->session_id);
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
    if (err == 0)
        err = h23510_fill_ack(&t->dtls, a, ack);
    if (err == 0)
        err = h245_channel_accept(s->h245, c->lcn, ack, s->now);
    arena_reset(a);
    if (err != 0) {
        session_reject(s, c->lcn, H245_OLC_UNSPECIFIED, err_to_str(err));
        /* Rejected: the engine has forgotten it. */
        c->state = CHANNEL_NONE;
        return;
    }
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

/* ---- where its packets go ---- */

/* H.245 C.5: who answers sends when its answer was confirmed. */
static bool may_flow(const struct session_channel *c)
{
    return c != NULL && c->state == CHANNEL_OPEN && c->transport->port != NULL &&
           (c->direction == H245_OUTGOING || c->is_confirmed);
}

static enum data_use use_of(const struct session_channel *c)
{
    if (c->data.use == H245_DATA_T140)
        return DATA_USE_T140;
    return c->data.use == H245_DATA_H224 ? DATA_USE_H224 : DATA_USE_DCEP;
}

static void terminate(const struct session *s, const struct session_channel *c,
                      struct media_data *data)
{
    data->mode = MEDIA_DATA_TERMINATE;
    data->member = (struct data_member_config){
        .room = session_data_room(s->conference),
        .is_client = c->transport->agreement.role == H23510_ROLE_ACTIVE,
        .use = use_of(c),
        /* The use decides whether DCEP opens channels or one stream is the channel (H.323 annex G,
         * H.224). */
        .local_port = H245_DATA_SCTP_PORT,
        .remote_port = c->data.sctp_port,
        .peer_message_max = c->data.max_message_size,
    };
    if (c->data.stack == H245_DATA_SCTP_DTLS &&
        (c->data.max_message_size == 0 || c->data.max_message_size > DTLS_SCTP_RECORD_MAX))
        data->member.peer_message_max = DTLS_SCTP_RECORD_MAX;
}

/* Both connections first: what the first says then waits for the second, and is not lost. */
static bool is_ready(const struct session_channel *c)
{
    return c != NULL && c->transport->is_verified;
}

/* Streams are even or odd by the DTLS role (RFC 8832 section 6): two peers that both are clients
 * towards us would open the same ones towards each other. */
static bool is_relayed(const struct session *s, const struct session_channel *c,
                       const struct session_channel *other)
{
    if (session_data_is_wire(c->transport->kind) ||
        (other != NULL && session_data_is_wire(other->transport->kind)))
        return false; /* one of them has no records on a shard */
    if (conference_data(s->conference) != CONFERENCE_DATA_AUTO)
        return conference_data(s->conference) == CONFERENCE_DATA_RELAY;
    return other == NULL || !other->transport->agreement.is_set ||
           other->transport->agreement.role != c->transport->agreement.role;
}

static void lead(const struct session *s, const struct session_channel *c,
                 const struct session_channel *other, struct media_data *data)
{
    /* Into nothing by default: packets that come too early are counted. */
    data->mode = MEDIA_DATA_RELAY; /* to nobody */
    if (!may_flow(c) || !conference_data_flows(s->conference, s))
        return;
    if (is_relayed(s, c, other)) {
        if (may_flow(other))
            data->to = other->transport->port;
    } else if (c->transport->agreement.is_set && /* it says who opens which streams */
               (conference_data(s->conference) == CONFERENCE_DATA_TERMINATE ||
                (may_flow(other) && is_ready(c) && is_ready(other)))) {
        /* Automatic and not relayed: both must be ready, or the first messages would be lost. */
        terminate(s, c, data);
    }
}

void session_data_route(struct session *s, const struct session *to)
{
    const struct session_channel *other = to != NULL ? session_data_channel(to) : NULL;
    const struct session_channel *c = session_data_channel(s);

    /* No data channels in a build or test without them. */
    if (s->env->media_ops->data == NULL)
        return;
    SESSION_EACH_TRANSPORT (s, t) {
        struct media_data data = {.mode = MEDIA_DATA_NONE};

        /* Each protected transport is told, those without a channel too: a channel that ended must
         * stop flowing. */
        if (t->port == NULL || !session_transport_is_protected(t))
            continue;
        if (c != NULL && c->transport == t && c->state != CHANNEL_CLOSING && s->conference != NULL)
            lead(s, c, other, &data);
        if (s->env->media_ops->data(t->port, &data) != 0)
            session_note(s, LOG_LEVEL_ERROR, LOG_AREA_CONFERENCE, "data not routed");
    }
}

uint64_t session_data_room(const struct conference *c)
{
    return conference_number(c); /* never 0, which means "no room" to the data thread */
}

/* ---- what is said, for the control socket ---- */

/* Text where it is one, else base64. */
static void add_payload(json_t *j, const struct data_report *r)
{
    /* Valid UTF-8 decides, not the PPID: peers use both PPIDs for both. */
    json_t *text = r->shown > 0 ? json_stringn((const char *)r->data, r->shown) : NULL;
    char *base64;

    if (text != NULL) {
        json_object_set_new(j, "text", text);
        return;
    }
    base64 = data_base64(r->data, r->shown);
    if (base64 != NULL)
        json_object_set_new(j, "base64", json_string(base64));
    free(base64);
}

static void on_received(struct session *s, const struct data_report *r)
{
    json_t *j;

    if (!session_wants_events(s))
        return;
    j = json_pack("{s:i,s:o,s:I,s:b,s:I}", "stream", (int)r->stream, "label",
                  session_text_json(r->label), "ppid", (json_int_t)r->ppid, "unordered",
                  r->is_unordered, "length", (json_int_t)r->len);
    add_payload(j, r);
    /* What is shown is bounded; the length says how much there was. */
    if (r->shown < r->len)
        json_object_set_new(j, "truncated", json_true());
    session_event(s, "data.received", j);
}

static void on_channel(struct session *s, const struct data_report *r, const char *type)
{
    if (session_wants_events(s))
        session_event(s, type,
                      json_pack("{s:i,s:o,s:o}", "stream", (int)r->stream, "label",
                                session_text_json(r->label), "protocol",
                                session_text_json(r->protocol)));
}

void session_data_on_report(struct session *s, const struct data_report *r)
{
    switch (r->kind) {
    case DATA_UP:
        s->env->stats.data_up++;
        log_info(LOG_AREA_MEDIA, s->id, "SCTP association up");
        if (session_wants_events(s))
            session_event(s, "data.up", json_object());
        break;
    case DATA_DOWN:
        s->env->stats.data_down++;
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_MEDIA, "SCTP association down: %s", r->text);
        if (session_wants_events(s))
            session_event(s, "data.down", json_pack("{s:s}", "reason", r->text));
        break;
    case DATA_OPENED:
        on_channel(s, r, "data.opened");
        break;
    case DATA_CLOSED:
        on_channel(s, r, "data.closed");
        break;
    case DATA_RECEIVED:
        on_received(s, r);
        break;
    case DATA_UNSENT:
        if (session_wants_events(s))
            session_event(s, "data.unsent",
                          json_pack("{s:i,s:o,s:s}", "stream", (int)r->stream, "label",
                                    session_text_json(r->label), "reason", r->text));
        break;
    }
}

int session_data_send(struct session *s, const struct data_message *message)
{
    const struct session_channel *c = session_data_channel(s);

    if (c == NULL || c->state != CHANNEL_OPEN || c->transport->port == NULL)
        /* The hub's thread sends it; the answer comes as its report. */
        return ERR_STATE;
    return s->env->media_ops->data_send(s->env->media, c->transport->port, message);
}

bool session_data_may_send(const struct session *s)
{
    const struct session_channel *c = session_data_channel(s);

    return c != NULL && c->state == CHANNEL_OPEN && c->transport->port != NULL &&
           c->transport->is_verified && s->conference != NULL &&
           conference_data_flows(s->conference, s);
}
