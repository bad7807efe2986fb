/* Channels of a room: opened by RFC 8832 or by the first message of a stream, and what is said on
 * them. */
#include "server/data/data_hub_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static bool is_reliable(const struct dcep_open *open)
{
    return !open->has_retransmits && !open->has_lifetime;
}

/* The stream of the channel on a member; DATA_STREAMS: none. */
static uint16_t stream_of(const struct data_member *m, const struct data_channel *channel)
{
    uint16_t i = 0;

    while (i < DATA_STREAMS && m->stream[i].channel != channel)
        i++;
    return i;
}

/* RFC 8832 section 6: even ones by the DTLS client. Stream 0 of DTLS over SCTP is its handshake's
 * (RFC 6083 4.4). */
static uint16_t free_stream(const struct data_member *m)
{
    uint16_t i = m->config.is_client ? m->config.has_pipe ? 2 : 0 : 1;

    while (i < DATA_STREAMS && m->stream[i].state != STREAM_FREE)
        i = (uint16_t)(i + 2);
    return i < DATA_STREAMS ? i : DATA_STREAMS;
}

/* ---- life of a channel ---- */

static struct data_channel *add_channel(struct data_hub *hub, struct data_room *room,
                                        uint64_t opener, const struct dcep_open *open)
{
    struct data_channel *c;

    if (room->channel_count >= hub->config.channels)
        return NULL;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->room = room;
    c->opener = opener;
    c->open = *open;
    list_push_back(&room->channels, &c->link);
    room->channel_count++;
    hub->stats.channels++;
    return c;
}

static void reset(struct data_member *m, uint16_t stream)
{
    struct data_stream *s = &m->stream[stream];

    s->channel = NULL;
    s->state = STREAM_CLOSING;
    s->is_reset_due = m->is_up && data_member_reset(m, stream) == ERR_AGAIN;
}

/* Off all members that still have it. */
static void remove_channel(struct data_hub *hub, struct data_channel *c)
{
    DATA_EACH_MEMBER(c->room, m)
    {
        uint16_t stream = stream_of(m, c);

        if (stream == DATA_STREAMS)
            continue;
        data_report(m, DATA_CLOSED, c, stream, NULL, NULL);
        if (c->is_implicit)
            m->stream[stream] = (struct data_stream){.state = STREAM_FREE};
        else
            reset(m, stream);
    }
    list_remove(&c->link);
    c->room->channel_count--;
    hub->stats.channels--;
    free(c);
}

void data_channel_forget_all(struct data_room *room)
{
    LIST_FOREACH_SAFE (it, &room->channels) {
        list_remove(it);
        free(LIST_ENTRY(it, struct data_channel, link));
    }
}

void data_channel_retry_resets(struct data_member *m)
{
    for (uint16_t i = 0; i < DATA_STREAMS; i++) {
        struct data_stream *s = &m->stream[i];

        if (s->is_reset_due)
            s->is_reset_due = data_member_reset(m, i) == ERR_AGAIN;
    }
}

/* ---- opening ---- */

/* Gives the channel a stream on a member that has not opened it. */
static void open_to(struct data_member *m, struct data_channel *c)
{
    uint8_t out[DCEP_OPEN_MAX];
    struct sctp_message message = {.ppid = DCEP_PPID, .data = out};
    uint16_t stream = c->is_implicit ? c->stream : free_stream(m);

    if (m->is_over || stream >= DATA_STREAMS || m->stream[stream].state != STREAM_FREE ||
        stream_of(m, c) != DATA_STREAMS)
        return;
    m->stream[stream] = (struct data_stream){.state = STREAM_OPEN, .channel = c};
    if (c->is_implicit)
        return;
    m->stream[stream].state = STREAM_OPENING;
    message.stream = stream;
    message.len = dcep_build_open(&c->open, out, sizeof(out));
    if (data_member_send(m, &message, true) != 0)
        m->stream[stream] = (struct data_stream){.state = STREAM_FREE};
}

static void open_to_others(const struct data_member *from, struct data_channel *c)
{
    DATA_EACH_MEMBER(c->room, m)
    {
        if (m != from && (m->config.use == DATA_USE_DCEP) != c->is_implicit)
            /* A room may have members of both sorts: channels that are opened by message, and
             * streams that are one as they come. */
            open_to(m, c);
    }
}

static void refuse_open(struct data_member *m, uint16_t stream)
{
    m->hub->stats.refused_open++;
    if (stream < DATA_STREAMS && m->stream[stream].state == STREAM_FREE)
        /* Reset is the only way to say no (RFC 8832 5.1 has no negative answer). */
        reset(m, stream);
}

static void on_open(struct data_member *m, uint16_t stream, const struct dcep_open *open)
{
    uint8_t out[4];
    const struct sctp_message ack = {
        .stream = stream, .ppid = DCEP_PPID, .data = out, .len = dcep_build_ack(out, sizeof(out))};
    struct data_channel *c;

    /* Stacks in the field mix up who has the even streams (RFC 8832 section 6); a free one that we
     * have not begun to open ourselves does no harm. */
    if (stream >= DATA_STREAMS || m->stream[stream].state != STREAM_FREE) {
        refuse_open(m, stream);
        return;
    }
    c = add_channel(m->hub, m->room, m->config.id, open);
    if (c == NULL) {
        refuse_open(m, stream);
        return;
    }
    m->stream[stream] = (struct data_stream){.state = STREAM_OPEN, .channel = c};
    m->hub->stats.opened++;
    /* Must arrive: the peer may wait with its messages until it does. */
    (void)data_member_send(m, &ack, true);
    data_report(m, DATA_OPENED, c, stream, NULL, NULL);
    open_to_others(m, c);
}

static void on_dcep(struct data_member *m, const struct sctp_message *message)
{
    struct dcep_open open;
    enum dcep_kind kind;

    if (dcep_parse(message->data, message->len, &kind, &open) != 0)
        refuse_open(m, message->stream);
    else if (kind == DCEP_OPEN)
        on_open(m, message->stream, &open);
    /* The answer to our own OPEN; one for a stream that is not opening means nothing. */
    else if (message->stream < DATA_STREAMS && m->stream[message->stream].state == STREAM_OPENING)
        m->stream[message->stream].state = STREAM_OPEN;
}

/* Of T.140 and H.224 a stream is a channel as it comes. */
static struct data_channel *implicit_channel(struct data_member *m, uint16_t stream)
{
    struct dcep_open open = {.is_unordered = false};
    struct data_channel *c;

    /* With DCEP a message without an OPEN has no channel; it is counted and dropped. */
    if (m->config.use == DATA_USE_DCEP || stream >= DATA_STREAMS ||
        m->stream[stream].state != STREAM_FREE)
        return NULL;
    snprintf(open.label, sizeof(open.label), "%s",
             m->config.use == DATA_USE_T140 ? "t140" : "h224");
    c = add_channel(m->hub, m->room, m->config.id, &open);
    if (c == NULL)
        return NULL;
    c->is_implicit = true;
    c->stream = stream;
    m->stream[stream] = (struct data_stream){.state = STREAM_OPEN, .channel = c};
    m->hub->stats.opened++;
    data_report(m, DATA_OPENED, c, stream, NULL, NULL);
    open_to_others(m, c);
    return c;
}

/* ---- messages ---- */

static void send_to(struct data_member *m, const struct data_channel *c, struct sctp_message copy)
{
    bool must_arrive = is_reliable(&c->open);
    int err;

    copy.stream = stream_of(m, c);
    /* It has refused the channel, or has no stream left: the others go on. */
    if (copy.stream == DATA_STREAMS)
        return;
    copy.has_retransmits = c->open.has_retransmits;
    copy.retransmits = c->open.retransmits;
    copy.lifetime_ms = c->open.has_lifetime ? c->open.lifetime_ms : 0;
    if (m->stream[copy.stream].state == STREAM_OPENING)
        copy.is_unordered = false; /* not before the message that opens it */
    err = data_member_send(m, &copy, must_arrive);
    if (err == 0)
        m->hub->stats.delivered++;
    else
        m->hub->stats.dropped++;
}

void data_channel_on_message(struct data_member *m, const struct sctp_message *message)
{
    struct data_hub *hub = m->hub;
    struct data_channel *c;

    if (message->ppid == DCEP_PPID && m->config.use == DATA_USE_DCEP) {
        on_dcep(m, message);
        return;
    }
    c = message->stream < DATA_STREAMS ? m->stream[message->stream].channel : NULL;
    /* Before the first message of a stream nothing tells of it. */
    if (c == NULL)
        c = implicit_channel(m, message->stream);
    if (c == NULL) {
        hub->stats.unopened++;
        return;
    }
    /* Looked at only when somebody has asked: the copy would be made for nobody. */
    if (hub->is_watched)
        data_report(m, DATA_RECEIVED, c, message->stream, message, NULL);
    DATA_EACH_MEMBER(m->room, other)
    {
        if (other != m)
            send_to(other, c, *message);
    }
}

/* RFC 8831 6.7: the peer ends its half, we end ours. The opener's word is for all. */
void data_channel_on_reset(struct data_member *m, uint16_t stream)
{
    struct data_stream *s = stream < DATA_STREAMS ? &m->stream[stream] : NULL;
    struct data_channel *c;

    if (s == NULL || s->state == STREAM_FREE)
        return;
    c = s->channel;
    if (s->state != STREAM_CLOSING)
        reset(m, stream);
    /* One of ours that is still due goes out though the stream is free again. */
    *s = (struct data_stream){.state = STREAM_FREE, .is_reset_due = s->is_reset_due};
    if (c == NULL)
        return;
    data_report(m, DATA_CLOSED, c, stream, NULL, NULL);
    /* Another's end is its own leaving; the channel lives while the opener does. */
    if (c->opener == m->config.id)
        remove_channel(m->hub, c);
}

void data_channel_on_join(struct data_member *m)
{
    LIST_FOREACH (it, &m->room->channels) {
        struct data_channel *c = LIST_ENTRY(it, struct data_channel, link);

        if ((m->config.use == DATA_USE_DCEP) != c->is_implicit)
            open_to(m, c);
    }
}

void data_channel_on_part(struct data_member *m)
{
    LIST_FOREACH_SAFE (it, &m->room->channels) {
        struct data_channel *c = LIST_ENTRY(it, struct data_channel, link);
        uint16_t stream = stream_of(m, c);

        if (c->opener == m->config.id) {
            remove_channel(m->hub, c);
            continue;
        }
        if (stream == DATA_STREAMS)
            continue;
        data_report(m, DATA_CLOSED, c, stream, NULL, NULL);
        if (c->is_implicit)
            m->stream[stream] = (struct data_stream){.state = STREAM_FREE};
        else
            reset(m, stream);
    }
}

void data_channel_on_leave(struct data_member *m)
{
    /* The streams of an association end with it: no reset is to be sent. */
    memset(m->stream, 0, sizeof(m->stream));
    LIST_FOREACH_SAFE (it, &m->room->channels) {
        struct data_channel *c = LIST_ENTRY(it, struct data_channel, link);

        if (c->opener == m->config.id)
            remove_channel(m->hub, c);
    }
}

/* ---- the control socket ---- */

static struct data_channel *find_label(const struct data_room *room, const char *label)
{
    LIST_FOREACH (it, &room->channels) {
        struct data_channel *c = LIST_ENTRY(it, struct data_channel, link);

        if (strcmp(c->open.label, label) == 0)
            return c;
    }
    return NULL;
}

/* NULL: there is none, and no room for one. */
static struct data_channel *take_label(struct data_hub *hub, struct data_room *room,
                                       const struct data_message *message)
{
    struct data_channel *c = find_label(room, message->label);
    struct dcep_open open = {.is_unordered = message->is_unordered,
                             .has_retransmits = message->has_retransmits,
                             .retransmits = message->retransmits,
                             .has_lifetime = message->lifetime_ms != 0,
                             .lifetime_ms = message->lifetime_ms};

    if (c != NULL)
        return c;
    snprintf(open.label, sizeof(open.label), "%s", message->label);
    /* 0: nobody's, so that no member's leaving closes it. */
    c = add_channel(hub, room, 0, &open);
    if (c != NULL)
        open_to_others(NULL, c);
    return c;
}

/* The one who asked was told that the message waits: now it hears that it did not go. */
static void tell_unsent(const struct data_member *m, const struct data_message *message,
                        const char *why)
{
    struct data_channel about = {.room = m->room}; /* one that there is not, for its label */

    snprintf(about.open.label, sizeof(about.open.label), "%s", message->label);
    m->hub->stats.not_sent++;
    data_report(m, DATA_UNSENT, &about, message->has_stream ? message->stream : DATA_STREAMS, NULL,
                why);
}

static const char *why_unsent(int err)
{
    switch (err) {
    case ERR_AGAIN:
        return "the peer reads too slowly: too much waits for it";
    case ERR_RANGE:
        return "longer than the peer takes";
    case ERR_CLOSED:
        return "the association is over";
    default:
        return err_to_str(err);
    }
}

static void send_one(struct data_member *m, const struct data_message *message)
{
    struct data_hub *hub = m->hub;
    int err;
    struct sctp_message out = {.stream = message->stream,
                               .ppid = message->ppid,
                               .is_unordered = message->is_unordered,
                               .has_retransmits = message->has_retransmits,
                               .retransmits = message->retransmits,
                               .lifetime_ms = message->lifetime_ms,
                               .data = message->data,
                               .len = message->len};

    if (!message->has_stream) {
        const struct data_channel *c = take_label(hub, m->room, message);

        if (c == NULL) {
            tell_unsent(m, message, "no channel has this label, and no more can be opened");
            return;
        }
        out.stream = stream_of(m, c);
        /* As in send_to. */
        if (out.stream == DATA_STREAMS) {
            tell_unsent(m, message, "the channel is not open to this session");
            return;
        }
        if (m->stream[out.stream].state == STREAM_OPENING)
            out.is_unordered = false;
    }
    err = data_member_send(m, &out, false);
    if (err == 0)
        hub->stats.sent++;
    else
        tell_unsent(m, message, why_unsent(err));
}

void data_channel_send(struct data_hub *hub, const struct data_message *message)
{
    struct data_room *room = NULL;
    struct data_member *m;

    if (message->room == 0) {
        m = data_member_find(hub, message->member);
        if (m != NULL)
            send_one(m, message);
        else
            hub->stats.not_sent++;
        return;
    }
    HASH_FIND(hh, hub->rooms, &message->room, sizeof(message->room), room);
    if (room == NULL) {
        hub->stats.not_sent++;
        return;
    }
    DATA_EACH_MEMBER(room, each)
    {
        send_one(each, message);
    }
}
