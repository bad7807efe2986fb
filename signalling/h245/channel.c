/* OpenLogicalChannel and its Ack: built and read, transport addresses included. */
#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/media.h"
#include "signalling/schema/h245.h"

#include <string.h>

/* The generated names of nested types are longer than a line. */
#define FORWARD_H2250 \
    h245_OpenLogicalChannel_forwardLogicalChannelParameters_multiplexParameters_h2250LogicalChannelParameters
#define ACK_H2250 \
    h245_OpenLogicalChannelAck_forwardMultiplexAckParameters_h2250LogicalChannelAckParameters

/* The two families have a structure each in ASN.1, equal but for the length. */
static int build_unicast(struct arena *a, const struct addr *address,
                         struct h245_UnicastAddress *unicast)
{
    /* Network order in the octets, host order in the port (ASN.1 INTEGER). */
    if (address->family == ADDR_IP4) {
        struct h245_UnicastAddress_iPAddress *ip = arena_zalloc(a, sizeof(*ip));

        if (ip == NULL)
            return ERR_NOMEM;
        memcpy(ip->network, address->ip, sizeof(ip->network));
        ip->tsapIdentifier = address->port;
        unicast->kind = h245_UnicastAddress_iPAddress;
        unicast->u.iPAddress = ip;
        return 0;
    }
    if (address->family == ADDR_IP6) {
        struct h245_UnicastAddress_iP6Address *ip = arena_zalloc(a, sizeof(*ip));

        if (ip == NULL)
            return ERR_NOMEM;
        memcpy(ip->network, address->ip, sizeof(ip->network));
        ip->tsapIdentifier = address->port;
        unicast->kind = h245_UnicastAddress_iP6Address;
        unicast->u.iP6Address = ip;
        return 0;
    }
    /* Without an address there is nothing to encode: the field is left out by the caller. */
    return ERR_INVAL;
}

int h245_build_address(struct arena *a, const struct addr *address,
                       struct h245_TransportAddress **out)
{
    struct h245_TransportAddress *transport = arena_zalloc(a, sizeof(*transport));
    struct h245_UnicastAddress *unicast = arena_zalloc(a, sizeof(*unicast));
    /* Kind and body come together: half an address is never seen. */
    int err;

    if (transport == NULL || unicast == NULL)
        return ERR_NOMEM;
    err = build_unicast(a, address, unicast);
    if (err != 0)
        return err;
    transport->kind = h245_TransportAddress_unicastAddress;
    transport->u.unicastAddress = unicast;
    *out = transport;
    return 0;
}

struct addr h245_read_address(const struct h245_TransportAddress *address)
{
    const struct h245_UnicastAddress *unicast;

    /* Multicast is decentralized conferencing, which H.235.10 leaves aside. */
    if (address == NULL || address->kind != h245_TransportAddress_unicastAddress)
        return (struct addr){0};
    unicast = address->u.unicastAddress;
    if (unicast->kind == h245_UnicastAddress_iPAddress)
        return addr_from_ip4(unicast->u.iPAddress->network, unicast->u.iPAddress->tsapIdentifier);
    if (unicast->kind == h245_UnicastAddress_iP6Address)
        return addr_from_ip6(unicast->u.iP6Address->network, unicast->u.iP6Address->tsapIdentifier);
    return (struct addr){0};
}

/* ADDR_NONE stays absent. */
static int build_optional(struct arena *a, const struct addr *address,
                          struct h245_TransportAddress **out)
{
    return address->family == ADDR_NONE ? 0 : h245_build_address(a, address, out);
}

/* Present, but nothing that media can be sent to. */
static bool is_unusable(const struct h245_TransportAddress *address)
{
    /* An absent one has family NONE as well: hence the pointer's test below. */
    struct addr a = h245_read_address(address);

    /* Absent is fine (the other side is to say); present and unusable is not. */
    return address != NULL && (a.family == ADDR_NONE || addr_is_multicast(&a));
}

static int build_h2250(struct arena *a, const struct h245_channel *channel,
                       struct h245_OpenLogicalChannel *olc)
{
    struct h245_H2250LogicalChannelParameters *p = arena_zalloc(a, sizeof(*p));
    int err;

    if (p == NULL)
        return ERR_NOMEM;
    olc->forwardLogicalChannelParameters.multiplexParameters.kind = FORWARD_H2250;
    olc->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters = p;
    /* H.245 and H.323 number audio, video and data 1, 2, 3; others are given by the master. */
    p->sessionID = channel->session_id;
    /* Has_... of these and the next: present and false, as H.323 wants to see them said. */
    p->has_mediaGuaranteedDelivery = true;
    p->has_mediaControlGuaranteedDelivery = true;
    p->has_silenceSuppression = true;
    p->silenceSuppression = channel->silence_suppression;
    /* 0: of a codec with a number of its own nothing is said. */
    p->has_dynamicRTPPayloadType = channel->payload_type != 0;
    p->dynamicRTPPayloadType = channel->payload_type;
    err = build_optional(a, &channel->media, &p->mediaChannel);
    if (err == 0)
        err = build_optional(a, &channel->media_control, &p->mediaControlChannel);
    return err;
}

static int build_data_type(struct arena *a, const struct h245_channel *channel,
                           struct h245_DataType *type)
{
    /* What is relayed is opened by the very data type that the other side told. */
    if (channel->kind != H245_MEDIA_AUDIO)
        return h245_relayed_to_type(a, &channel->relayed, type);
    type->kind = h245_DataType_audioData;
    return h245_build_audio(a, &channel->audio, &type->u.audioData);
}

int h245_build_olc(struct arena *a, const struct h245_channel *channel,
                   struct h245_OpenLogicalChannel **out)
{
    struct h245_OpenLogicalChannel *olc = arena_zalloc(a, sizeof(*olc));
    int err;

    if (olc == NULL)
        return ERR_NOMEM;
    olc->forwardLogicalChannelNumber = channel->lcn;
    /* L-SHARE: one port for several channels is told by this label. */
    olc->forwardLogicalChannelParameters.has_portNumber = channel->has_port_number;
    olc->forwardLogicalChannelParameters.portNumber = channel->port_number;
    olc->forwardLogicalChannelParameters.has_replacementFor = channel->replaces != 0;
    olc->forwardLogicalChannelParameters.replacementFor = channel->replaces;
    err = build_data_type(a, channel, &olc->forwardLogicalChannelParameters.dataType);
    if (err == 0)
        err = build_h2250(a, channel, olc);
    if (err == 0)
        *out = olc;
    return err;
}

int h245_build_olc_ack(struct arena *a, const struct h245_channel_ack *ack,
                       struct h245_OpenLogicalChannelAck **out)
{
    struct h245_OpenLogicalChannelAck *m = arena_zalloc(a, sizeof(*m));
    struct h245_OpenLogicalChannelAck_forwardMultiplexAckParameters *multiplex =
        arena_zalloc(a, sizeof(*multiplex));
    struct h245_H2250LogicalChannelAckParameters *p = arena_zalloc(a, sizeof(*p));
    int err;

    if (m == NULL || multiplex == NULL || p == NULL)
        return ERR_NOMEM;
    m->forwardLogicalChannelNumber = ack->lcn;
    m->forwardMultiplexAckParameters = multiplex;
    multiplex->kind = ACK_H2250;
    multiplex->u.h2250LogicalChannelAckParameters = p;
    /* 0: none was chosen by us; the opener's holds. */
    p->has_sessionID = ack->session_id != 0;
    p->sessionID = ack->session_id;
    p->has_dynamicRTPPayloadType = ack->payload_type != 0;
    p->dynamicRTPPayloadType = ack->payload_type;
    p->has_flowControlToZero = true;
    p->flowControlToZero = ack->flow_control_to_zero;
    /* The answer repeats the label of the port that it gives. */
    p->has_portNumber = ack->has_port_number;
    p->portNumber = ack->port_number;
    err = build_optional(a, &ack->media, &p->mediaChannel);
    if (err == 0)
        err = build_optional(a, &ack->media_control, &p->mediaControlChannel);
    if (err == 0)
        *out = m;
    return err;
}

static void read_data_type(const struct h245_DataType *type, struct h245_channel *channel)
{
    const struct h245_AudioCapability *audio = NULL;

    /* Until it is known: no codec has this number. */
    channel->audio.codec = H245_CODEC_UNKNOWN;
    channel->is_null = type->kind == h245_DataType_nullData;
    channel->is_protected = type->kind == h245_DataType_h235Media;
    if (type->kind == h245_DataType_audioData)
        audio = type->u.audioData;
    /* h235Media wraps the type that it protects (H.245: H.235 encryption of media). */
    else if (channel->is_protected &&
             type->u.h235Media->mediaType.kind == h245_H235Media_mediaType_audioData)
        audio = type->u.h235Media->mediaType.u.audioData;
    /* Video, data and what is unknown: the relay decides by the name alone. */
    channel->is_other_media = audio == NULL && !channel->is_null;
    if (audio != NULL && h245_read_audio(audio, &channel->audio) != 0)
        channel->audio.codec = H245_CODEC_UNKNOWN;
    if (!channel->is_other_media)
        return;
    if (h245_relayed_of_type(type, &channel->relayed) == 0)
        channel->kind = channel->relayed.media;
    else
        channel->is_unknown = true;
}

int h245_read_olc(const struct h245_OpenLogicalChannel *olc, struct h245_channel *channel)
{
    const struct h245_H2250LogicalChannelParameters *p;
    struct h245_channel found = {0};

    /* H.223, V.75 and the like: no packets. */
    if (olc->forwardLogicalChannelParameters.multiplexParameters.kind != FORWARD_H2250)
        return ERR_UNSUPPORTED;
    p = olc->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters;
    if (is_unusable(p->mediaChannel) || is_unusable(p->mediaControlChannel))
        return ERR_MALFORMED;
    found.lcn = olc->forwardLogicalChannelNumber;
    /* Both ways: the machine of C.5 has it. */
    found.has_reverse = olc->reverseLogicalChannelParameters != NULL;
    found.has_port_number = olc->forwardLogicalChannelParameters.has_portNumber;
    found.port_number = olc->forwardLogicalChannelParameters.portNumber;
    if (olc->forwardLogicalChannelParameters.has_replacementFor)
        found.replaces = olc->forwardLogicalChannelParameters.replacementFor;
    found.session_id = p->sessionID;
    found.media = h245_read_address(p->mediaChannel);
    found.media_control = h245_read_address(p->mediaControlChannel);
    found.silence_suppression = p->has_silenceSuppression && p->silenceSuppression;
    found.payload_type = p->has_dynamicRTPPayloadType ? p->dynamicRTPPayloadType : 0;
    /* The address first: a channel without a usable one is not worth to be looked at. */
    read_data_type(&olc->forwardLogicalChannelParameters.dataType, &found);
    *channel = found;
    return 0;
}

int h245_read_olc_ack(const struct h245_OpenLogicalChannelAck *ack, struct h245_channel_ack *out)
{
    const struct h245_H2250LogicalChannelAckParameters *p;

    /* The reverse parameters of bidirectional channels have their own reader (data.c). An Ack
     * without multiplex parameters names no address. */
    if (ack->forwardMultiplexAckParameters == NULL ||
        ack->forwardMultiplexAckParameters->kind != ACK_H2250)
        return ERR_UNSUPPORTED;
    p = ack->forwardMultiplexAckParameters->u.h2250LogicalChannelAckParameters;
    if (is_unusable(p->mediaChannel) || is_unusable(p->mediaControlChannel))
        return ERR_MALFORMED;
    *out = (struct h245_channel_ack){
        .lcn = ack->forwardLogicalChannelNumber,
        .session_id = p->has_sessionID ? p->sessionID : 0,
        .media = h245_read_address(p->mediaChannel),
        .media_control = h245_read_address(p->mediaControlChannel),
        .payload_type = p->has_dynamicRTPPayloadType ? p->dynamicRTPPayloadType : 0,
        .flow_control_to_zero = p->has_flowControlToZero && p->flowControlToZero,
        .has_port_number = p->has_portNumber,
        .port_number = p->portNumber,
    };
    return 0;
}
