/* RTCP as bytes: walk a compound packet, read what is in it, write one (RFC 3550 section 6, RFC
 * 4585, RFC 5104). Pure functions; nothing is read beyond the lengths given. */
#ifndef DPDK_APP_RTCP_H
#define DPDK_APP_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rtcp_type {
    RTCP_SR = 200,
    RTCP_RR = 201,
    RTCP_SDES = 202,
    RTCP_BYE = 203,
    RTCP_APP = 204,
    RTCP_RTPFB = 205, /* transport layer feedback */
    RTCP_PSFB = 206,  /* payload-specific feedback */
    RTCP_XR = 207,
};

enum rtcp_format {
    RTCP_NACK = 1,          /* of RTPFB */
    RTCP_TRANSPORT_CC = 15, /* of RTPFB */
    RTCP_PLI = 1,           /* of PSFB */
    RTCP_FIR = 4,           /* of PSFB */
    RTCP_APP_LAYER = 15,    /* of PSFB: REMB */
};

#define RTCP_BLOCKS_MAX 31u
#define RTCP_CNAME_SIZE 16u

/* One packet of a compound one, its padding taken off. */
struct rtcp_packet {
    uint8_t type;        /* enum rtcp_type or another */
    uint8_t count;       /* five bits: report count, feedback format */
    const uint8_t *data; /* with its header */
    size_t length;
};

/* The packet at *at of a compound one that media_check_rtcp found sound; *at moves on. False: no
 * more. */
bool rtcp_next(const uint8_t *data, size_t length, size_t *at, struct rtcp_packet *packet);

struct rtcp_sender {
    uint32_t ssrc;
    uint64_t ntp; /* 32.32 seconds since 1900 */
    uint32_t rtp, packets, octets;
};

struct rtcp_block {
    uint32_t ssrc;
    uint8_t fraction; /* lost since the last report, 1/256 */
    int32_t lost;     /* cumulative, 24 bits with sign */
    uint32_t highest; /* extended sequence number */
    uint32_t jitter;
    uint32_t lsr, dlsr; /* middle of the last SR's NTP time; since then, 1/65536 s */
};

/* What an SR says of its sender. False: shorter than that. */
bool rtcp_read_sender(const struct rtcp_packet *packet, struct rtcp_sender *sender);
/* Report block `i` of an SR or RR; false: there are fewer, or the packet is cut short. */
bool rtcp_read_block(const struct rtcp_packet *packet, unsigned i, struct rtcp_block *block);

/* Feedback (RFC 4585 6.1): who sends it, about whose media; the control information after it. */
struct rtcp_feedback {
    uint8_t type, format;
    uint32_t sender, media;
    const uint8_t *fci;
    size_t fci_length;
};

bool rtcp_read_feedback(const struct rtcp_packet *packet, struct rtcp_feedback *feedback);

/* ---- writing ---- */

/* Packets are put behind each other; one that does not fit is left out and sets is_full. */
struct rtcp_writer {
    uint8_t *data;
    size_t room, length;
    bool is_full;
};

void rtcp_put_sr(struct rtcp_writer *w, const struct rtcp_sender *sender,
                 const struct rtcp_block *block, unsigned blocks);
void rtcp_put_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_block *block,
                 unsigned blocks);
/* One chunk with a CNAME for each SSRC, 31 at most. */
void rtcp_put_sdes(struct rtcp_writer *w, const uint32_t *ssrc, unsigned n,
                   const char cname[RTCP_CNAME_SIZE]);
void rtcp_put_bye(struct rtcp_writer *w, const uint32_t *ssrc, unsigned n);
/* fci_length: whole words. */
void rtcp_put_feedback(struct rtcp_writer *w, const struct rtcp_feedback *feedback);
/* A packet as it is, whole words. */
void rtcp_put_copy(struct rtcp_writer *w, const uint8_t *data, size_t length);

/* ---- arithmetic ---- */

#define RTCP_NTP_UNIX 2208988800u /* 1970 in NTP's seconds */

/* Microseconds since 1970 as NTP time. */
static inline uint64_t rtcp_ntp(uint64_t wall_us)
{
    uint64_t seconds = wall_us / 1000000u + RTCP_NTP_UNIX, rest = wall_us % 1000000u;

    return seconds << 32 | (rest << 32) / 1000000u;
}

/* What LSR holds of it. */
static inline uint32_t rtcp_ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}

/* Round trip in microseconds from a block that arrived when the clock showed `now` (middle of NTP
 * time), RFC 3550 6.4.1. Clocks of different speed can make it negative: 0 then. */
static inline uint32_t rtcp_round_trip(uint32_t now, uint32_t lsr, uint32_t dlsr)
{
    int32_t trip = (int32_t)(now - lsr - dlsr);

    return trip < 0 ? 0 : (uint32_t)((uint64_t)trip * 1000000u >> 16);
}

/* Sequence numbers of one NACK entry (RFC 4585 6.2.1), 17 at most; returns how many. */
unsigned rtcp_nack_expand(const uint8_t fci[4], uint16_t sequence[17]);
/* Rising sequence numbers as entries; returns bytes written, `room` at most. */
size_t rtcp_nack_pack(const uint16_t *sequence, unsigned n, uint8_t *fci, size_t room);

#endif
