/* RTP and RTCP as bytes: what a datagram is by its first bytes, and whether its lengths hold.
 * Pure functions. */
#ifndef DPDK_APP_MEDIA_H
#define DPDK_APP_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpdk-app/packet.h"
#include "dpdk-app/wire.h"

#define RTP_SIZE 12u

enum media_class {
    MEDIA_STUN,
    MEDIA_DTLS,
    MEDIA_RTP,
    MEDIA_RTCP,
    MEDIA_UNKNOWN,
};

/* RFC 7983 section 7 by the first byte; RTP and RTCP by the second (RFC 5761 section 4: RTCP's
 * packet types 192–223 are no RTP payload types with or without marker). */
static inline enum media_class media_classify(const uint8_t *data, size_t length)
{
    if (length == 0)
        return MEDIA_UNKNOWN;
    if (data[0] <= 3)
        return MEDIA_STUN;
    if (data[0] >= 20 && data[0] <= 63)
        return MEDIA_DTLS;
    if (data[0] < 128 || data[0] > 191 || length < 2)
        return MEDIA_UNKNOWN;
    return data[1] >= 192 && data[1] <= 223 ? MEDIA_RTCP : MEDIA_RTP;
}

/* RTP header, CSRC list and extension inside the packet (all in the clear in SRTP too). Sets ssrc,
 * sequence, timestamp, payload_type. */
static inline bool media_read_rtp(struct packet *p)
{
    const uint8_t *data = p->data;
    uint32_t at;

    if (p->length < RTP_SIZE || data[0] >> 6 != 2)
        return false;
    at = RTP_SIZE + (data[0] & 15u) * 4;
    if (data[0] & 0x10) {
        if (p->length < at + 4)
            return false;
        at += 4 + wire_get16(data + at + 2) * 4u;
    }
    if (p->length < at)
        return false;
    p->payload_type = data[1] & 0x7f;
    p->sequence = wire_get16(data + 2);
    p->timestamp = wire_get32(data + 4);
    p->ssrc = wire_get32(data + 8);
    return true;
}

/* Bytes of an RTP header that media_read_rtp found whole. */
static inline unsigned media_header_size(const uint8_t *data)
{
    unsigned size = RTP_SIZE + (data[0] & 15u) * 4;

    return data[0] & 0x10 ? size + 4 + wire_get16(data + size + 2) * 4u : size;
}

/* Another payload type; the marker stays. */
static inline void media_set_type(struct packet *p, uint8_t payload_type)
{
    uint16_t before, after;

    memcpy(&before, p->data, 2);
    p->data[1] = (uint8_t)((p->data[1] & 0x80) | payload_type);
    memcpy(&after, p->data, 2);
    p->sum = wire_replace(p->sum, before, after);
}

/* Clock rate of a static payload type (RFC 3551 section 6) as PACKET_CLOCK; 0: dynamic, the rate
 * is signalling's business. */
uint16_t media_clock(unsigned payload_type);

/* Why media_read_rtp or media_check_padding refused it: an enum link_counter. */
unsigned media_rtp_fault(const uint8_t *data, size_t length);

/* Padding of a plain packet: its count is within the payload (RFC 3550 section 5.1). */
static inline bool media_check_padding(const uint8_t *data, size_t length)
{
    if (!(data[0] & 0x20))
        return true;
    return data[length - 1] != 0 && media_header_size(data) + data[length - 1] <= length;
}

/* First header of RTCP, which SRTCP leaves in the clear. Sets ssrc of the sender. */
bool media_read_rtcp(struct packet *p);

/* A whole plain compound packet: version 2 throughout, lengths that add up, padding only on the
 * last (RFC 3550 A.2). Reduced-size packets (RFC 5506) may begin with any type. */
bool media_check_rtcp(const uint8_t *data, size_t length);

#endif
