#include "bench/endpoint/endpoint_camera.h"

#include <string.h>

#include "base/err.h"

/* H.224: Q.922 address of high priority, control, to all, from anybody, client FECC, one segment;
 * H.281: START ACTION, direction, time-out. */
#define DIRECTION 10
static const uint8_t frame[CAMERA_FRAME] = {0x00, 0x71, 0x03, 0,    0, 0,
                                            0,    0x01, 0xc0, 0x01, 0, 0x0f};

static const struct {
    const char *name;
    uint8_t octet; /* H.281: pan and its sense, tilt and its sense */
} directions[] = {{"left", 0x80}, {"right", 0xc0}, {"down", 0x20}, {"up", 0x30}};

#define DIRECTIONS (sizeof(directions) / sizeof(directions[0]))

int camera_next(struct camera *c, const char *direction, uint8_t *out)
{
    struct rtp_sender *s = &c->sender;
    const struct rtp_packet p = {.pt = c->tx_type, .seq = s->seq, .ts = s->ts, .ssrc = s->ssrc};

    for (size_t i = 0; i < DIRECTIONS; i++) {
        if (strcmp(direction, directions[i].name) != 0)
            continue;
        rtp_write_header(out, &p);
        memcpy(out + RTP_HEADER, frame, sizeof(frame));
        out[RTP_HEADER + DIRECTION] = directions[i].octet;
        s->seq++;
        s->ts += 800;
        s->packets++;
        return 0;
    }
    return ERR_INVAL;
}

const char *camera_take(const struct camera *c, const struct rtp_packet *p)
{
    if (!c->has_rx_type || p->pt != c->rx_type)
        return NULL;
    if (p->payload_len == CAMERA_FRAME && memcmp(p->payload, frame, DIRECTION) == 0)
        for (size_t i = 0; i < DIRECTIONS; i++)
            if (p->payload[DIRECTION] == directions[i].octet)
                return directions[i].name;
    return "";
}
