/* The data channel of a session: one, both ways, SCTP in the records of a DTLS connection that the
 * other media may share (D-CHOICE, L-SHARE). Here: what is served and offered, and which channel it
 * is. How it comes by H.245 is in session_data_open.c, what goes through it in
 * session_data_route.c. */
#include "server/session/session_data.h"

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_priv.h"

#define DATA_RATE 10000 /* maxBitRate of what we offer: 1 Mbit/s, in 100 bit/s */

/* Not with policy off: data channels are always protected. */
bool session_data_is_possible(const struct session *s)
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

enum media_kind session_data_kind(const struct session *s, enum h245_data_stack stack)
{
    if (stack == H245_DATA_TCP_DTLS_SCTP)
        return MEDIA_DATA_TCP;
    return stack == H245_DATA_SCTP_DTLS ? MEDIA_DATA_SCTP : session_secure_kind(s);
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

bool session_data_has_stack(const struct session *s, enum h245_data_stack stack)
{
    enum h245_data_stack served[SETTINGS_STACK_COUNT];
    size_t n = served_stacks(s, served), i = 0;

    while (i < n && served[i] != stack)
        i++;
    return i < n;
}

/* RFC 6083 4.1: a message is one record. */
uint32_t session_data_message_max(enum h245_data_stack stack)
{
    return stack == H245_DATA_SCTP_DTLS ? DTLS_SCTP_RECORD_MAX : SESSION_DATA_MESSAGE_MAX;
}

size_t session_data_offer(const struct session *s, struct h245_data *offer, size_t max)
{
    static const enum h245_data_use uses[] = {H245_DATA_CHANNEL, H245_DATA_T140, H245_DATA_H224};
    enum h245_data_stack stacks[SETTINGS_STACK_COUNT];
    uint16_t sctp_port = H245_DATA_SCTP_PORT;
    uint32_t max_message_size = SESSION_DATA_MESSAGE_MAX;
    size_t count, n = 0;

    if (!session_data_is_possible(s) ||
        session_pass_lane(s, H245_MEDIA_DATA, SESSION_LANE_DATA, true) != NULL)
        return 0;
    (void)session_pass_data(s, &sctp_port, &max_message_size);
    count = served_stacks(s, stacks);
    for (size_t k = 0; k < count; k++) {
        /* All uses over one stack: the peer takes its pick. */
        for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]) && n < max; i++) {
            /* dataChannel names no stack: one entry is for all that stand beside it. */
            if (k > 0 && uses[i] == H245_DATA_CHANNEL)
                continue;
            offer[n++] = (struct h245_data){.use = uses[i],
                                            .stack = stacks[k],
                                            .sctp_port = sctp_port,
                                            .max_message_size = max_message_size,
                                            .max_rate = DATA_RATE};
            if (!session_is_passed(s))
                offer[n - 1].max_message_size = session_data_message_max(stacks[k]);
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
const struct h245_data *session_data_common(const struct session *s)
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
    return session_data_is_possible(s) && session_data_common(s) != NULL;
}

bool session_data_is_all(const struct session *s)
{
    const struct session *other = s->conference != NULL ? conference_other(s->conference, s) : NULL;

    /* Another side with data alone: then this side gets data alone too. */
    return other != NULL && session_data_is_able(other) && other->peer_caps.audio_count == 0;
}

void session_data_fill(struct session_channel *c, const struct h245_data *data,
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
    session_data_fill(c, &data, t, SESSION_DATA_ID, SESSION_DATA_ID);
    session_channel_is_open(s, c);
    return 0;
}
