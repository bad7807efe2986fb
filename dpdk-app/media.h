/* RTP and RTCP as bytes: what a datagram is by its first bytes, and whether its lengths hold.
 * Pure functions. */
#ifndef DPDK_APP_MEDIA_H
#define DPDK_APP_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpdk-app/packet.h"

enum media_class {
    MEDIA_STUN,
    MEDIA_DTLS,
    MEDIA_RTP,
    MEDIA_RTCP,
    MEDIA_UNKNOWN,
};

/* RFC 7983 section 7 by the first byte; RTP and RTCP by the second (RFC 5761 section 4: RTCP's
 * packet types 192–223 are no RTP payload types with or without marker). */
enum media_class media_classify(const uint8_t *data, size_t length);

/* RTP header, CSRC list and extension inside the packet (all in the clear in SRTP too). Sets ssrc,
 * sequence, timestamp, payload_type. */
bool media_read_rtp(struct packet *p);

/* Padding of a plain packet: its count is within the payload (RFC 3550 section 5.1). */
bool media_check_padding(const uint8_t *data, size_t length);

/* First header of RTCP, which SRTCP leaves in the clear. Sets ssrc of the sender. */
bool media_read_rtcp(struct packet *p);

/* A whole plain compound packet: version 2 throughout, lengths that add up, padding only on the
 * last (RFC 3550 A.2). Reduced-size packets (RFC 5506) may begin with any type. */
bool media_check_rtcp(const uint8_t *data, size_t length);

#endif
