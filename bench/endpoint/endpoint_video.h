/* Video of the endpoint. Nobody looks at it, so it is made up: packets as an encoder would send
 * them as far as a server looks at them (the first octets tell parameter sets, key frames and
 * others), then whose packet it is and the how-manieth, and octets that follow from that: what
 * arrives is compared with it, whatever a server did to SSRC and sequence number. Sans I/O. */
#ifndef BENCH_ENDPOINT_VIDEO_H
#define BENCH_ENDPOINT_VIDEO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/endpoint/endpoint_rtp.h"

#define VIDEO_PAYLOAD 600
#define VIDEO_PACKET  (RTP_HEADER + VIDEO_PAYLOAD)

enum video_format {
    VIDEO_H261, /* RFC 4587: nothing in the first octets tells a key frame; each packet is taken for
                   one */
    VIDEO_H263, /* RFC 2190 mode A, a picture a packet */
    VIDEO_H264, /* RFC 6184: a key frame is a STAP-A of parameter sets and three FU-A, else one NAL
                 */
    VIDEO_H265, /* RFC 7798: likewise an AP of VPS, SPS and PPS, three FU of an IDR picture */
};

struct video {
    enum video_format format, rx_format; /* what is sent, and what comes */
    bool tx_open, rx_open;
    uint8_t tx_type, rx_type; /* RTP payload types; rx stays known after the channel is closed */
    bool has_rx_type;
    struct rtp_sender sender;
    unsigned fast_updates; /* videoFastUpdatePicture from the peer */
    unsigned plis;         /* the same by RTCP (RFC 4585, RFC 5104) */
    unsigned answered;     /* of both, by a key frame; the first picture is one in any case */
    uint64_t keys_out;
    uint32_t rate_limit; /* 100 bit/s, by FlowControlCommand; 0: none */
    unsigned credit;     /* octets that may be sent by now */
    unsigned part;       /* of a key frame under way; 0: none */
    unsigned since_key;  /* packets */
    struct rtp_reception reception;
    uint64_t packets_in;
    uint64_t wrong;       /* not what its source made */
    uint64_t after_close; /* came though its channel is closed */
    uint64_t keys_in;     /* key frames that began */
    uint32_t from;        /* the source that is seen: the SSRC that it sends with */
    bool has_from, from_key;
    uint64_t switches, key_switches; /* to another source; and it began with a key frame */
};

enum video_taken {
    VIDEO_NOT_OURS, /* another payload type */
    VIDEO_TAKEN,
    VIDEO_SWITCHED, /* and it is of another source than the packet before: from, from_key */
};

/* "H264" as capabilities call it; anything else that is not known is taken for H.261. */
enum video_format video_format_of(const char *name);
/* From the next packet on, which begins a key frame where that is another format. */
void video_send_as(struct video *v, enum video_format format);
/* Each 20 ms: may a packet be sent now, as far as the peer's limit goes? */
bool video_is_due(struct video *v);
/* The next RTP packet, VIDEO_PACKET octets. */
void video_next(struct video *v, uint8_t *out);
/* Is the packet video's? Then it is counted and looked at. */
enum video_taken video_take(struct video *v, const struct rtp_packet *p, uint64_t now_us);
json_t *video_report(const struct video *v);

#endif
