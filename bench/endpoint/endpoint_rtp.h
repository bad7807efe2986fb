/* RTP and RTCP of the endpoint (RFC 3550), kept apart from the server's on purpose: what both
 * ends of a test share cannot be shown to interoperate. Sans I/O; bytes and times in, bytes out. */
#ifndef BENCH_ENDPOINT_RTP_H
#define BENCH_ENDPOINT_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER   12
#define RTCP_MAX     256
#define RTP_MAX_SIZE 1500

struct rtp_packet {
    uint8_t pt;
    bool marker;
    uint16_t seq;
    uint32_t ts, ssrc;
    const uint8_t *payload;
    size_t payload_len;
};

/* Takes a packet apart (CSRCs, extension, padding). 0 or ERR_MALFORMED. */
int rtp_parse(const uint8_t *bytes, size_t len, struct rtp_packet *out);
/* Writes the twelve bytes of a header without CSRCs. */
void rtp_write_header(uint8_t *bytes, const struct rtp_packet *p);

/* Reception of one source (RFC 3550 A.1 without probation, A.3, A.8). */
struct rtp_reception {
    bool started;
    uint32_t ssrc;
    uint32_t base_seq, max_seq; /* extended sequence numbers */
    uint64_t received;
    uint64_t reordered; /* came later than a packet with a higher number */
    uint64_t restarts;  /* the source changed its SSRC or jumped */
    uint64_t lost_before_restart;
    uint32_t jitter_q4; /* interarrival jitter in timestamp units, times 16 */
    int64_t transit;
};

void rtp_received(struct rtp_reception *r, const struct rtp_packet *p, uint64_t now_us);
/* Packets that the numbers say were sent and that did not come; never negative. */
uint64_t rtp_lost(const struct rtp_reception *r);

/* Sending side of one source. */
struct rtp_sender {
    uint32_t ssrc, ts;
    uint16_t seq;
    uint64_t packets, octets;
};

struct rtcp_seen {
    uint64_t compounds, sr, rr, sdes, bye, malformed;
    uint32_t reported_lost; /* of the last report block about us */
    uint32_t lsr;           /* middle of the NTP time of the last SR */
    uint64_t lsr_wall_us;   /* when that came, 0 = never */
};

/* A sender report (receiver report before anything was sent) with the CNAME, plus BYE if asked.
 * `wall_us` is the time since 1970, `seen` what came from the other side. Returns the length, at
 * most RTCP_MAX. */
size_t rtcp_write_report(uint8_t out[RTCP_MAX], const struct rtp_sender *s,
                         const struct rtp_reception *r, const struct rtcp_seen *seen,
                         const char *cname, uint64_t wall_us, bool bye);

/* Counts what a received compound holds; `own_ssrc` selects the report block about us. */
void rtcp_parse(struct rtcp_seen *seen, const uint8_t *bytes, size_t len, uint32_t own_ssrc,
                uint64_t wall_us);

/* How many requests for a whole picture of `ssrc` (PLI, FIR) a received compound holds. */
unsigned rtcp_asks_picture(const uint8_t *bytes, size_t len, uint32_t ssrc);

/* RFC 5761 §4: second byte 192..223 is RTCP. */
bool rtp_is_rtcp(const uint8_t *bytes, size_t len);

#endif
