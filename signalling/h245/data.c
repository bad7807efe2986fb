/* Data channels over SCTP: capabilities, OLC and Ack. */
#include "signalling/h245/data.h"

#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/media.h"
#include "signalling/schema/h245.h"

/* The generated names of nested types are longer than a line. */
#define FORWARD_H2250 \
    h245_OpenLogicalChannel_forwardLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters
#define REVERSE_H2250 \
    h245_OpenLogicalChannel_reverseLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters
#define ACK_H2250 \
    h245_OpenLogicalChannelAck_forwardMultiplexAckParameters_h2250LogicalChannelAckParameters
#define ACK_REVERSE_H2250 \
    h245_OpenLogicalChannelAck_reverseLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters

const char *h245_data_stack_to_str(enum h245_data_stack stack)
{
    static const char *const text[] = {
#define STACK_TEXT(name, words) [name] = (words),
        H245_DATA_STACK_LIST(STACK_TEXT)
#undef STACK_TEXT
    };

    return (size_t)stack < sizeof(text) / sizeof(text[0]) ? text[stack] : "unknown";
}

const char *h245_data_use_to_str(enum h245_data_use use)
{
    static const char *const text[] = {
#define USE_TEXT(name, words) [name] = (words),
        H245_DATA_USE_LIST(USE_TEXT)
#undef USE_TEXT
    };

    return use < H245_DATA_USE_COUNT ? text[use] : "unknown";
}

/* ---- the stack ---- */

static struct h245_SctpParam *sctp_of(struct arena *a, const struct h245_data *data)
{
    struct h245_SctpParam *p = arena_zalloc(a, sizeof(*p));

    if (p == NULL)
        return NULL;
    /* Always said: an absent port would mean the default of RFC 8841, which is ours, too, but not
     * each peer's. */
    p->has_sctpPort = true;
    p->sctpPort = data->sctp_port;
    p->has_maxMessageSize = data->max_message_size != 0;
    p->maxMessageSize = data->max_message_size;
    return p;
}

static int build_stack(struct arena *a, const struct h245_data *data,
                       struct h245_MediaChannelCapability *channel)
{
    struct h245_MediaTransportType *type = arena_zalloc(a, sizeof(*type));
    struct h245_SctpParam *sctp = sctp_of(a, data);

    if (type == NULL || sctp == NULL)
        return ERR_NOMEM;
    channel->mediaTransport = type;
    /* The plain kind has one parameter, the others a list: ASN.1 grew. */
    if (data->stack == H245_DATA_SCTP_DTLS) {
        type->kind = h245_MediaTransportType_sctp_dtls;
        type->u.sctp_dtls = sctp;
    } else if (data->stack == H245_DATA_TCP_DTLS_SCTP) {
        type->kind = h245_MediaTransportType_tcp_dtls_sctp;
        type->u.tcp_dtls_sctp = (struct h245_SctpParam_list){1, sctp};
    } else {
        type->kind = h245_MediaTransportType_udp_dtls_sctp;
        type->u.udp_dtls_sctp = (struct h245_SctpParam_list){1, sctp};
    }
    return 0;
}

static bool has_stack(const struct h245_data *data, size_t count, enum h245_data_stack stack)
{
    size_t i = 0;

    while (i < count && data[i].stack != stack)
        i++;
    return i < count;
}

/* An element for each stack, in the order of the entries. */
static int build_transports(struct arena *a, const struct h245_data *data, size_t count,
                            struct h245_TransportCapability **out)
{
    struct h245_TransportCapability *t = arena_zalloc(a, sizeof(*t));
    struct h245_MediaChannelCapability *channels = arena_zalloc(a, count * sizeof(*channels));
    uint32_t n = 0;
    int err = 0;

    if (t == NULL || channels == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count && err == 0; i++)
        /* Entries may share a stack; the list has each once. */
        if (!has_stack(data, i, data[i].stack))
            err = build_stack(a, &data[i], &channels[n++]);
    t->has_mediaChannelCapabilities = true;
    t->mediaChannelCapabilities.n = n;
    t->mediaChannelCapabilities.v = channels;
    if (err == 0)
        *out = t;
    return err;
}

static int build_transport(struct arena *a, const struct h245_data *data,
                           struct h245_TransportCapability **out)
{
    return build_transports(a, data, 1, out);
}

static int build_protocol(struct arena *a, const struct h245_data *data,
                          struct h245_DataProtocolCapability **out)
{
    struct h245_DataProtocolCapability *p = arena_zalloc(a, sizeof(*p));
    struct h245_SctpParam *sctp = sctp_of(a, data);

    if (p == NULL || sctp == NULL)
        return ERR_NOMEM;
    /* The same three cases as in build_stack, of another type. */
    if (data->stack == H245_DATA_SCTP_DTLS) {
        p->kind = h245_DataProtocolCapability_sctp_dtls;
        p->u.sctp_dtls = sctp;
    } else if (data->stack == H245_DATA_TCP_DTLS_SCTP) {
        p->kind = h245_DataProtocolCapability_tcp_dtls_sctp;
        p->u.tcp_dtls_sctp = (struct h245_SctpParam_list){1, sctp};
    } else {
        p->kind = h245_DataProtocolCapability_udp_dtls_sctp;
        p->u.udp_dtls_sctp = (struct h245_SctpParam_list){1, sctp};
    }
    *out = p;
    return 0;
}

static void learn(struct h245_data *out, enum h245_data_stack stack,
                  const struct h245_SctpParam *sctp)
{
    out->stack = stack;
    if (sctp == NULL)
        return;
    /* 0 is no port of SCTP: what was there before stays. */
    if (sctp->has_sctpPort && sctp->sctpPort != 0)
        out->sctp_port = sctp->sctpPort;
    if (sctp->has_maxMessageSize && sctp->maxMessageSize > 0)
        out->max_message_size =
            /* An INTEGER without a bound in ASN.1. */
            sctp->maxMessageSize > UINT32_MAX ? UINT32_MAX : (uint32_t)sctp->maxMessageSize;
}

/* Endpoints give lists of one; more would be other associations. */
static const struct h245_SctpParam *first(const struct h245_SctpParam_list *list)
{
    return list->n > 0 ? &list->v[0] : NULL;
}

static void read_protocol(const struct h245_DataProtocolCapability *p, struct h245_data *out)
{
    switch (p->kind) {
    case h245_DataProtocolCapability_udp_dtls_sctp:
        learn(out, H245_DATA_UDP_DTLS_SCTP, first(&p->u.udp_dtls_sctp));
        break;
    case h245_DataProtocolCapability_tcp_dtls_sctp:
        learn(out, H245_DATA_TCP_DTLS_SCTP, first(&p->u.tcp_dtls_sctp));
        break;
    case h245_DataProtocolCapability_sctp_dtls:
        learn(out, H245_DATA_SCTP_DTLS, p->u.sctp_dtls);
        break;
    case h245_DataProtocolCapability_sctp:
        learn(out, H245_DATA_SCTP, p->u.sctp);
        break;
    /* Protocols without SCTP (HDLC, TCP): no data channel. */
    default:
        break;
    }
}

static void read_stack(const struct h245_MediaTransportType *type, struct h245_data *out)
{
    if (type == NULL)
        return;
    if (type->kind == h245_MediaTransportType_udp_dtls_sctp)
        learn(out, H245_DATA_UDP_DTLS_SCTP, first(&type->u.udp_dtls_sctp));
    else if (type->kind == h245_MediaTransportType_tcp_dtls_sctp)
        learn(out, H245_DATA_TCP_DTLS_SCTP, first(&type->u.tcp_dtls_sctp));
    else if (type->kind == h245_MediaTransportType_sctp_dtls)
        learn(out, H245_DATA_SCTP_DTLS, type->u.sctp_dtls);
    else if (type->kind == h245_MediaTransportType_sctp)
        learn(out, H245_DATA_SCTP, type->u.sctp);
}

/* The first of a list that SCTP is part of. */
static void read_transport(const struct h245_TransportCapability *t, struct h245_data *out)
{
    if (t == NULL || !t->has_mediaChannelCapabilities)
        return;
    for (uint32_t i = 0; i < t->mediaChannelCapabilities.n; i++) {
        struct h245_data found = *out;

        found.stack = H245_DATA_NO_STACK;
        read_stack(t->mediaChannelCapabilities.v[i].mediaTransport, &found);
        /* Stacks that are none for data (RTP and the like) are passed over. */
        if (found.stack == H245_DATA_NO_STACK)
            continue;
        *out = found;
        return;
    }
}

/* For relayed.c: what is SCTP is not its business. */
bool h245_data_is_sctp(const struct h245_DataProtocolCapability *protocol)
{
    struct h245_data data = {.stack = H245_DATA_NO_STACK};

    read_protocol(protocol, &data);
    return data.stack != H245_DATA_NO_STACK;
}

/* ---- capabilities ---- */

/* A channel whose streams are opened by RFC 8832. */
static int build_profile(struct arena *a, struct h245_DataChannel_list *out)
{
    struct h245_DataChannel *channel = arena_zalloc(a, sizeof(*channel));
    struct h245_DataChannelProfile *profile = arena_zalloc(a, sizeof(*profile));

    if (channel == NULL || profile == NULL)
        return ERR_NOMEM;
    /* The only way that we open streams; SDP-like descriptions of them have no place in our
     * calls. */
    profile->establishmentType.kind = h245_DataChannelProfile_establishmentType_dcep;
    channel->has_dataChannelProfile = true;
    channel->dataChannelProfile = (struct h245_DataChannelProfile_list){1, profile};
    *out = (struct h245_DataChannel_list){1, channel};
    return 0;
}

static int build_application(struct arena *a, const struct h245_data *data,
                             struct h245_DataApplicationCapability **out)
{
    struct h245_DataApplicationCapability *cap = arena_zalloc(a, sizeof(*cap));
    int err;

    /* Without a bit rate the entry would be malformed. */
    if (cap == NULL)
        return ERR_NOMEM;
    cap->maxBitRate = data->max_rate;
    if (data->use == H245_DATA_T140) {
        cap->application.kind = h245_DataApplicationCapability_application_t140;
        err = build_protocol(a, data, &cap->application.u.t140);
    } else if (data->use == H245_DATA_H224) {
        cap->application.kind = h245_DataApplicationCapability_application_h224;
        err = build_protocol(a, data, &cap->application.u.h224);
    } else {
        cap->application.kind = h245_DataApplicationCapability_application_dataChannel;
        err = build_profile(a, &cap->application.u.dataChannel);
    }
    if (err == 0)
        *out = cap;
    return err;
}

int h245_data_to_capability(struct arena *a, const struct h245_data *data,
                            struct h245_Capability *cap)
{
    /* Both ways: a data channel is bidirectional by nature. */
    cap->kind = h245_Capability_receiveAndTransmitDataApplicationCapability;
    return build_application(a, data, &cap->u.receiveAndTransmitDataApplicationCapability);
}

int h245_data_to_multiplex(struct arena *a, const struct h245_data *data, size_t count,
                           struct h245_H2250Capability *to)
{
    return build_transports(a, data, count, &to->transportCapability);
}

/* As many as the set names, in its order. */
size_t h245_data_stacks_of(const struct h245_H2250Capability *h2250,
                           enum h245_data_stack out[H245_DATA_STACKS_MAX])
{
    const struct h245_TransportCapability *t = h2250->transportCapability;
    size_t n = 0;

    if (t == NULL || !t->has_mediaChannelCapabilities)
        return 0;
    for (uint32_t i = 0; i < t->mediaChannelCapabilities.n && n < H245_DATA_STACKS_MAX; i++) {
        struct h245_data data = {.stack = H245_DATA_NO_STACK};

        read_stack(t->mediaChannelCapabilities.v[i].mediaTransport, &data);
        /* With those that we cannot serve: what is chosen is the user's decision. */
        if (data.stack != H245_DATA_NO_STACK)
            out[n++] = data.stack;
    }
    return n;
}

static int read_application(const struct h245_DataApplicationCapability *cap,
                            enum h245_data_stack general, struct h245_data *out)
{
    /* What nobody names is by default (RFC 8841). */
    struct h245_data found = {
        .stack = H245_DATA_NO_STACK, .sctp_port = H245_DATA_SCTP_PORT, .max_rate = cap->maxBitRate};

    switch (cap->application.kind) {
    case h245_DataApplicationCapability_application_dataChannel:
        found.use = H245_DATA_CHANNEL;
        /* dataChannel names no stack of its own. */
        found.stack = general;
        break;
    case h245_DataApplicationCapability_application_t140:
        found.use = H245_DATA_T140;
        read_protocol(cap->application.u.t140, &found);
        break;
    case h245_DataApplicationCapability_application_h224:
        found.use = H245_DATA_H224;
        read_protocol(cap->application.u.h224, &found);
        break;
    default:
        /* T.120 and the like. */
        return ERR_UNSUPPORTED;
    }
    /* Data without SCTP is relayed, or not served: another module's. */
    if (found.stack == H245_DATA_NO_STACK)
        return ERR_UNSUPPORTED;
    *out = found;
    return 0;
}

int h245_data_of_capability(const struct h245_Capability *cap, enum h245_data_stack general,
                            struct h245_data *out)
{
    switch (cap->kind) {
    case h245_Capability_receiveDataApplicationCapability:
        return read_application(cap->u.receiveDataApplicationCapability, general, out);
    case h245_Capability_receiveAndTransmitDataApplicationCapability:
        return read_application(cap->u.receiveAndTransmitDataApplicationCapability, general, out);
    default:
        return ERR_UNSUPPORTED;
    }
}

/* ---- OLC ---- */

static int build_h2250(struct arena *a, const struct h245_data_channel *c, bool has_address,
                       struct h245_H2250LogicalChannelParameters **out)
{
    struct h245_H2250LogicalChannelParameters *p = arena_zalloc(a, sizeof(*p));
    int err = 0;

    if (p == NULL)
        return ERR_NOMEM;
    p->sessionID = c->session_id;
    /* The forward half has none: who opens says in the reverse half where it receives. */
    if (has_address)
        err = h245_build_address(a, &c->media, &p->mediaChannel);
    if (err == 0)
        err = build_transport(a, &c->data, &p->transportCapability);
    if (err == 0)
        *out = p;
    return err;
}

/* The half towards us: here is our address. */
static int build_reverse(struct arena *a, const struct h245_data_channel *c,
                         struct h245_OpenLogicalChannel *olc)
{
    struct h245_OpenLogicalChannel_reverseLogicalChannelParameters *reverse =
        arena_zalloc(a, sizeof(*reverse));
    struct h245_OpenLogicalChannel_reverseLogicalChannelParameters_multiplexParameters *m =
        arena_zalloc(a, sizeof(*m));

    if (reverse == NULL || m == NULL)
        return ERR_NOMEM;
    olc->reverseLogicalChannelParameters = reverse;
    reverse->multiplexParameters = m;
    m->kind = REVERSE_H2250;
    return build_h2250(a, c, true, &m->u.h2250LogicalChannelParameters);
}

int h245_build_data_olc(struct arena *a, const struct h245_data_channel *c,
                        struct h245_OpenLogicalChannel **out)
{
    struct h245_OpenLogicalChannel *olc = arena_zalloc(a, sizeof(*olc));
    struct h245_OpenLogicalChannel_forwardLogicalChannelParameters *forward;
    int err;

    if (olc == NULL)
        return ERR_NOMEM;
    forward = &olc->forwardLogicalChannelParameters;
    /* The label of the port, as for RTP channels (L-SHARE). */
    olc->forwardLogicalChannelNumber = c->lcn;
    forward->has_portNumber = c->has_port_number;
    forward->portNumber = c->port_number;
    forward->dataType.kind = h245_DataType_data;
    err = build_application(a, &c->data, &forward->dataType.u.data);
    forward->multiplexParameters.kind = FORWARD_H2250;
    if (err == 0)
        err =
            build_h2250(a, c, false, &forward->multiplexParameters.u.h2250LogicalChannelParameters);
    if (err == 0)
        err = build_reverse(a, c, olc);
    /* The reverse half carries the same data (both halves are one association). */
    h245_data_seal_olc(olc);
    if (err == 0)
        *out = olc;
    return err;
}

void h245_data_seal_olc(struct h245_OpenLogicalChannel *olc)
{
    if (olc->reverseLogicalChannelParameters != NULL)
        olc->reverseLogicalChannelParameters->dataType =
            olc->forwardLogicalChannelParameters.dataType;
}

static int build_ack_reverse(struct arena *a, const struct h245_data_channel *c,
                             struct h245_OpenLogicalChannelAck *ack)
{
    struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters *reverse =
        arena_zalloc(a, sizeof(*reverse));
    struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters_multiplexParameters *m =
        arena_zalloc(a, sizeof(*m));

    if (reverse == NULL || m == NULL)
        return ERR_NOMEM;
    /* The Ack names our port in both places: peers look in either. */
    ack->reverseLogicalChannelParameters = reverse;
    reverse->has_portNumber = c->has_port_number;
    reverse->portNumber = c->port_number;
    reverse->multiplexParameters = m;
    m->kind = ACK_REVERSE_H2250;
    return build_h2250(a, c, true, &m->u.h2250LogicalChannelParameters);
}

int h245_build_data_ack(struct arena *a, const struct h245_data_channel *c,
                        struct h245_OpenLogicalChannelAck **out)
{
    /* As for any channel, and the reverse half behind it. */
    const struct h245_channel_ack fields = {.lcn = c->lcn,
                                            .session_id = c->session_id,
                                            .media = c->media,
                                            .has_port_number = c->has_port_number,
                                            .port_number = c->port_number};
    struct h245_OpenLogicalChannelAck *ack = NULL;
    /* The forward half is that of any channel. */
    int err = h245_build_olc_ack(a, &fields, &ack);

    if (err == 0)
        err = build_ack_reverse(a, c, ack);
    if (err == 0)
        *out = ack;
    return err;
}

static const struct h245_DataApplicationCapability *
application_of(const struct h245_OpenLogicalChannel *olc)
{
    const struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;

    if (type->kind == h245_DataType_data)
        return type->u.data;
    /* H.235.10 wraps data as it does audio. */
    if (type->kind == h245_DataType_h235Media &&
        type->u.h235Media->mediaType.kind == h245_H235Media_mediaType_data)
        return type->u.h235Media->mediaType.u.data;
    return NULL;
}

/* Absent is none; ERR_MALFORMED: there, but nothing that a datagram can be sent to. */
static int read_address(const struct h245_TransportAddress *address, struct addr *out)
{
    struct addr found = h245_read_address(address);

    if (address == NULL)
        return 0;
    /* Port 0 is no place for DTLS. */
    if (found.family == ADDR_NONE || found.port == 0 || addr_is_multicast(&found))
        return ERR_MALFORMED;
    *out = found;
    return 0;
}

/* The address of who sends it is that of the reverse half; some write the forward half instead. */
static int read_addresses(const struct h245_OpenLogicalChannel *olc,
                          const struct h245_H2250LogicalChannelParameters *forward,
                          struct h245_data_channel *out)
{
    const struct h245_OpenLogicalChannel_reverseLogicalChannelParameters *reverse =
        olc->reverseLogicalChannelParameters;
    /* In growing order of weight: the last that is there holds. */
    int err = read_address(forward->mediaControlChannel, &out->media);

    if (err == 0)
        err = read_address(forward->mediaChannel, &out->media);
    if (err == 0 && reverse != NULL && reverse->multiplexParameters != NULL &&
        reverse->multiplexParameters->kind == REVERSE_H2250)
        err = read_address(
            reverse->multiplexParameters->u.h2250LogicalChannelParameters->mediaChannel,
            &out->media);
    return err;
}

int h245_read_data_olc(const struct h245_OpenLogicalChannel *olc, struct h245_data_channel *out)
{
    const struct h245_OpenLogicalChannel_forwardLogicalChannelParameters *forward =
        &olc->forwardLogicalChannelParameters;
    const struct h245_DataApplicationCapability *application = application_of(olc);
    const struct h245_H2250LogicalChannelParameters *p;
    struct h245_data_channel found = {.lcn = olc->forwardLogicalChannelNumber};
    struct h245_data transport = {.stack = H245_DATA_NO_STACK, .sctp_port = H245_DATA_SCTP_PORT};
    int err;

    /* Another application, or another network. */
    if (application == NULL || forward->multiplexParameters.kind != FORWARD_H2250)
        return ERR_UNSUPPORTED;
    p = forward->multiplexParameters.u.h2250LogicalChannelParameters;
    read_transport(p->transportCapability, &transport);
    err = read_application(application, transport.stack, &found.data);
    if (err != 0)
        return err;
    /* What the transport says of the association is said again in the protocol, or there alone. */
    if (transport.stack != H245_DATA_NO_STACK) {
        found.data.stack = transport.stack;
        found.data.sctp_port = transport.sctp_port;
        if (transport.max_message_size != 0)
            found.data.max_message_size = transport.max_message_size;
    }
    found.session_id = p->sessionID;
    found.has_port_number = forward->has_portNumber;
    found.port_number = forward->portNumber;
    found.has_reverse = olc->reverseLogicalChannelParameters != NULL;
    err = read_addresses(olc, p, &found);
    if (err == 0)
        *out = found;
    return err;
}

int h245_read_data_ack(const struct h245_OpenLogicalChannelAck *ack, struct h245_data_channel *out)
{
    const struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters *reverse =
        ack->reverseLogicalChannelParameters;
    struct h245_data_channel found = {
        .data = {.stack = H245_DATA_NO_STACK, .sctp_port = H245_DATA_SCTP_PORT}};
    struct h245_channel_ack fields;
    int err = h245_read_olc_ack(ack, &fields);

    if (err != 0)
        return err;
    found.lcn = fields.lcn;
    found.session_id = fields.session_id;
    found.media = fields.media;
    found.has_port_number = fields.has_port_number;
    found.port_number = fields.port_number;
    /* Bidirectional ones without it are refused by the machine (blcse.c). */
    found.has_reverse = reverse != NULL;
    if (reverse != NULL && reverse->multiplexParameters != NULL &&
        reverse->multiplexParameters->kind == ACK_REVERSE_H2250) {
        const struct h245_H2250LogicalChannelParameters *p =
            reverse->multiplexParameters->u.h2250LogicalChannelParameters;

        /* What the answerer says of its SCTP. */
        read_transport(p->transportCapability, &found.data);
        /* As in the OLC, some endpoints write it in the other half. */
        if (found.media.family == ADDR_NONE)
            err = read_address(p->mediaChannel, &found.media);
    }
    if (err == 0 && found.media.family == ADDR_NONE)
        /* Nowhere to send to. */
        err = ERR_MALFORMED;
    if (err == 0)
        *out = found;
    return err;
}
