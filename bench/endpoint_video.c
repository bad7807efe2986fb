#include "bench/endpoint_video.h"

#include <string.h>

#define CLOCK_PER_PACKET 1800 /* 90 kHz, 20 ms */

static uint8_t octet_of(uint16_t seq, size_t i)
{
    return (uint8_t)((uint32_t)seq * 31u + (uint32_t)i * 7u + ((uint32_t)i >> 8));
}

void video_next(struct video *v, uint8_t *out)
{
    struct rtp_sender *s = &v->sender;
    const struct rtp_packet p = {
        .pt = v->tx_type, .marker = true, .seq = s->seq, .ts = s->ts, .ssrc = s->ssrc};

    rtp_write_header(out, &p);
    for (size_t i = 0; i < VIDEO_PAYLOAD; i++)
        out[RTP_HEADER + i] = octet_of(s->seq, i);
    s->seq++;
    s->ts += CLOCK_PER_PACKET;
    s->packets++;
    s->octets += VIDEO_PAYLOAD;
}

static bool is_intact(const struct rtp_packet *p)
{
    if (p->payload_len != VIDEO_PAYLOAD)
        return false;
    for (size_t i = 0; i < VIDEO_PAYLOAD; i++)
        if (p->payload[i] != octet_of(p->seq, i))
            return false;
    return true;
}

bool video_take(struct video *v, const struct rtp_packet *p, uint64_t now_us)
{
    if (!v->has_rx_type || p->pt != v->rx_type)
        return false;
    if (!v->rx_open) {
        v->after_close++;
        return true;
    }
    rtp_received(&v->reception, p, now_us);
    v->packets_in++;
    v->wrong += !is_intact(p);
    return true;
}

json_t *video_report(const struct video *v)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "packets_out", (json_int_t)v->sender.packets,
                     "packets_in", (json_int_t)v->packets_in, "wrong", (json_int_t)v->wrong, "lost",
                     (json_int_t)rtp_lost(&v->reception), "after_close", (json_int_t)v->after_close,
                     "fast_updates", (json_int_t)v->fast_updates);
}
