/* Video of the endpoint. Nobody looks at it, so it is made up: the payload of each packet follows
 * from its sequence number, and what arrives is compared with that. Sans I/O. */
#ifndef BENCH_ENDPOINT_VIDEO_H
#define BENCH_ENDPOINT_VIDEO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/endpoint_rtp.h"

#define VIDEO_PAYLOAD 600
#define VIDEO_PACKET  (RTP_HEADER + VIDEO_PAYLOAD)

struct video {
    bool tx_open, rx_open;
    uint8_t tx_type, rx_type; /* RTP payload types; rx stays known after the channel is closed */
    bool has_rx_type;
    struct rtp_sender sender;
    struct rtp_reception reception;
    uint64_t packets_in;
    uint64_t wrong;        /* payload differs from what its number says */
    uint64_t after_close;  /* came though its channel is closed */
    unsigned fast_updates; /* videoFastUpdatePicture from the peer */
};

/* The next RTP packet, VIDEO_PACKET octets. */
void video_next(struct video *v, uint8_t *out);
/* Is the packet video's? Then it is counted and looked at. */
bool video_take(struct video *v, const struct rtp_packet *p, uint64_t now_us);
json_t *video_report(const struct video *v);

#endif
