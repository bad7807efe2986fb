/* Far-end camera control: H.281 in H.224 frames, each in an RTP packet (RFC 4573). Sans I/O. */
#ifndef BENCH_ENDPOINT_CAMERA_H
#define BENCH_ENDPOINT_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/endpoint/endpoint_rtp.h"

#define CAMERA_FRAME  12 /* octets of a frame with one action */
#define CAMERA_PACKET (RTP_HEADER + CAMERA_FRAME)

struct camera {
    bool tx_open, has_rx_type;
    uint8_t tx_type, rx_type; /* RTP payload types */
    struct rtp_sender sender;
};

/* START ACTION of a direction ("left", "right", "up", "down"), CAMERA_PACKET octets. ERR_INVAL. */
int camera_next(struct camera *c, const char *direction, uint8_t *out);
/* NULL: another payload type. "" is no action that we know. */
const char *camera_take(const struct camera *c, const struct rtp_packet *p);

#endif
