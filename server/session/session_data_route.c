/* What goes through the data channel: to the other side of a relay or to SCTP that ends here
 * (data_hub.c), and what the control socket is told and sends of it. */
#include "server/session/session_data.h"

#include <stdlib.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/data/data_text.h"
#include "server/session/session_priv.h"

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
        if (t->port == NULL || !session_transport_is_protected(t) || t->kind == MEDIA_PASS)
            continue; /* unopened, they go with all else */
        if (c != NULL && c->transport == t && c->state != CHANNEL_CLOSING && s->conference != NULL)
            lead(s, c, other, &data);
        if (data.mode != MEDIA_DATA_TERMINATE)
            session_data_lost(t, "channel closed");
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

static void tell_down(struct session_transport *t, const char *why)
{
    struct session *s = t->session;

    t->is_data_up = false;
    s->env->stats.data_down++;
    if (session_wants_events(s))
        session_event(s, "data.down", json_pack("{s:s}", "reason", why));
}

void session_data_lost(struct session_transport *t, const char *why)
{
    if (!t->is_data_up)
        return;
    log_info(LOG_AREA_MEDIA, t->session->id, "SCTP association over", LOG_S("reason", why));
    tell_down(t, why);
}

void session_data_on_report(struct session_transport *t, const struct data_report *r)
{
    struct session *s = t->session;

    switch (r->kind) {
    case DATA_UP:
        /* With other ports of SCTP the hub begins it anew, and has nothing to say of the old one.
         */
        session_data_lost(t, "begun anew");
        t->is_data_up = true;
        s->env->stats.data_up++;
        log_info(LOG_AREA_MEDIA, s->id, "SCTP association up");
        if (session_wants_events(s))
            session_event(s, "data.up", json_object());
        break;
    case DATA_DOWN:
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_MEDIA, "SCTP association down: %s", r->text);
        tell_down(t, r->text);
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

    if (c == NULL || c->state != CHANNEL_OPEN || c->transport->port == NULL ||
        c->transport->kind == MEDIA_PASS)
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
