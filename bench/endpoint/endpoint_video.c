#include "bench/endpoint/endpoint_video.h"

#include <string.h>

#define CLOCK_PER_PACKET 1800u /* 90 kHz, 20 ms */
#define KEY_EVERY        500   /* packets: 10 s, for who joins and cannot ask */
#define KEY_PARTS        4u    /* H.264, H.265: parameter sets, three packets of the picture */
#define HEAD_MAX         80
#define TAG              6 /* SSRC of the source, number of the packet */

/* What the first octets of a packet say. */
enum part { PART_KEY, PART_KEY_PICTURE, PART_KEY_GOES_ON, PART_OTHER };

struct head {
    enum video_format format;
    enum part part;
    bool is_end; /* of a picture */
    uint8_t length;
    uint8_t octets[HEAD_MAX];
};

/* Aggregated parameter sets (SPS of baseline level 3, PPS) with an SEI of user data behind, whose
 * size is the rest; FU-A of a slice of an IDR: start, middle, end; a slice of another picture. */
#define SEI_SIZE (VIDEO_PAYLOAD - 15)
/* The same of H.265: VPS, SPS (Main, main tier, level 3.1, 1280 x 720), PPS, a prefix SEI; the
 * slice of an IDR_W_RADL in FUs; TRAIL_R. */
#define HEVC_SEI_SIZE (VIDEO_PAYLOAD - 68)
static const struct head heads[] = {
    {VIDEO_H264,
     PART_KEY,
     false,
     16,
     {0x78, 0, 4, 0x67, 0x42, 0xc0, 0x1e, 0, 4, 0x68, 0xce, 0x3c, 0x80, SEI_SIZE >> 8,
      SEI_SIZE & 0xff, 0x06}},
    {VIDEO_H264, PART_KEY_PICTURE, false, 2, {0x7c, 0x85}},
    {VIDEO_H264, PART_KEY_GOES_ON, false, 2, {0x7c, 0x05}},
    {VIDEO_H264, PART_KEY_GOES_ON, true, 2, {0x7c, 0x45}},
    {VIDEO_H264, PART_OTHER, true, 1, {0x61}},
    /* It would give each octet a line. */
    /* clang-format off */
    {VIDEO_H265,
     PART_KEY,
     false,
     72,
     {0x60, 0x01,
      0, 23, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
      0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0xac, 0x09,
      0, 29, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
      0x00, 0x03, 0x00, 0x5d, 0xa0, 0x02, 0x80, 0x80, 0x2d, 0x16, 0x5a, 0xe4, 0x93, 0x08, 0x20,
      0, 6, 0x44, 0x01, 0xc0, 0x71, 0x80, 0x12,
      HEVC_SEI_SIZE >> 8, HEVC_SEI_SIZE & 0xff, 0x4e, 0x01}},
    /* clang-format on */
    {VIDEO_H265, PART_KEY_PICTURE, false, 3, {0x62, 0x01, 0x93}},
    {VIDEO_H265, PART_KEY_GOES_ON, false, 3, {0x62, 0x01, 0x13}},
    {VIDEO_H265, PART_KEY_GOES_ON, true, 3, {0x62, 0x01, 0x53}},
    {VIDEO_H265, PART_OTHER, true, 2, {0x02, 0x01}},
    /* The header with its bit I, then the start code and the beginning of the picture's header */
    {VIDEO_H263, PART_KEY, true, 8, {0x00, 0x40, 0, 0, 0x00, 0x00, 0x80, 0x02}},
    {VIDEO_H263, PART_OTHER, true, 8, {0x00, 0x50, 0, 0, 0x00, 0x00, 0x80, 0x02}},
    {VIDEO_H261, PART_KEY, true, 4, {0x02, 0, 0, 0}},
};

enum video_format video_format_of(const char *name)
{
    return strcmp(name, "H264") == 0   ? VIDEO_H264
           : strcmp(name, "H265") == 0 ? VIDEO_H265
           : strcmp(name, "H263") == 0 ? VIDEO_H263
                                       : VIDEO_H261;
}

void video_send_as(struct video *v, enum video_format format)
{
    if (v->format == format)
        return;
    v->format = format;
    v->part = 0;
    v->since_key = KEY_EVERY; /* a decoder begins with a whole picture */
}

static void put_tag(uint8_t *out, uint32_t source, uint16_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(source >> (24 - 8 * i));
    out[4] = (uint8_t)(number >> 8);
    out[5] = (uint8_t)number;
}

static uint8_t octet_of(uint16_t number, size_t i)
{
    return (uint8_t)((uint32_t)number * 31u + (uint32_t)i * 7u + ((uint32_t)i >> 8));
}

/* ---- sending ---- */

static const struct head *first_head(enum video_format format, bool is_key)
{
    const struct head *h = heads;

    while (h->format != format || (is_key && h->part != PART_KEY) ||
           (!is_key && h->part != PART_OTHER && format != VIDEO_H261))
        h++;
    return h;
}

static const struct head *next_head(struct video *v)
{
    bool is_key = v->sender.packets == 0 || v->answered != v->fast_updates + v->plis ||
                  v->since_key >= KEY_EVERY;
    const struct head *h;

    if (v->part > 0) { /* a key frame is sent whole, whatever is asked for meanwhile */
        h = first_head(v->format, true) + v->part;
        v->part = (v->part + 1) % KEY_PARTS;
        return h;
    }
    h = first_head(v->format, is_key);
    if (is_key) {
        v->answered = v->fast_updates + v->plis;
        v->since_key = 0;
        v->keys_out++;
        v->part = v->format == VIDEO_H264 || v->format == VIDEO_H265 ? 1 : 0;
    }
    return h;
}

/* The limit is on what is in the packets (H.245 B.15, H.225.0). Saved-up time is worth no more than
 * one packet. */
bool video_is_due(struct video *v)
{
    if (v->rate_limit == 0)
        return true;
    v->credit += v->rate_limit * 100u / 8u / 50u;
    if (v->credit < VIDEO_PAYLOAD)
        return false;
    v->credit =
        v->credit - VIDEO_PAYLOAD < VIDEO_PAYLOAD ? v->credit - VIDEO_PAYLOAD : VIDEO_PAYLOAD;
    return true;
}

void video_next(struct video *v, uint8_t *out)
{
    struct rtp_sender *s = &v->sender;
    const struct head *h = next_head(v);
    const struct rtp_packet p = {
        .pt = v->tx_type, .marker = h->is_end, .seq = s->seq, .ts = s->ts, .ssrc = s->ssrc};

    rtp_write_header(out, &p);
    out += RTP_HEADER;
    memcpy(out, h->octets, h->length);
    put_tag(out + h->length, s->ssrc, s->seq);
    for (size_t i = h->length + TAG; i < VIDEO_PAYLOAD; i++)
        out[i] = octet_of(s->seq, i);
    s->seq++;
    if (h->is_end) /* packets of one picture have one timestamp */
        s->ts += CLOCK_PER_PACKET * (h->part == PART_KEY_GOES_ON ? KEY_PARTS : 1u);
    v->since_key++;
    s->packets++;
    s->octets += VIDEO_PAYLOAD;
}

/* ---- receiving ---- */

static const struct head *find_head(const struct video *v, const struct rtp_packet *p)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (heads[i].format == v->rx_format && p->payload_len == VIDEO_PAYLOAD &&
            memcmp(p->payload, heads[i].octets, heads[i].length) == 0)
            return &heads[i];
    return NULL;
}

static bool is_intact(const struct rtp_packet *p, const struct head *h)
{
    const uint8_t *tag = p->payload + h->length;
    uint16_t number = (uint16_t)(tag[4] << 8 | tag[5]);

    for (size_t i = h->length + TAG; i < VIDEO_PAYLOAD; i++)
        if (p->payload[i] != octet_of(number, i))
            return false;
    return p->marker == h->is_end;
}

static bool follow_source(struct video *v, const uint8_t *tag, bool is_key)
{
    uint32_t from = 0;

    for (unsigned i = 0; i < 4; i++)
        from = from << 8 | tag[i];
    if (v->has_from && v->from == from)
        return false;
    /* The very first is no switch: its key frame may have come before our keys were there. */
    v->switches += v->has_from;
    v->key_switches += v->has_from && is_key;
    v->from = from;
    v->from_key = is_key;
    v->has_from = true;
    return true;
}

enum video_taken video_take(struct video *v, const struct rtp_packet *p, uint64_t now_us)
{
    const struct head *h;

    if (!v->has_rx_type || p->pt != v->rx_type)
        return VIDEO_NOT_OURS;
    if (!v->rx_open) {
        v->after_close++;
        return VIDEO_TAKEN;
    }
    rtp_received(&v->reception, p, now_us);
    v->packets_in++;
    h = find_head(v, p);
    if (h == NULL || !is_intact(p, h)) {
        v->wrong++;
        return VIDEO_TAKEN;
    }
    v->keys_in += h->part == PART_KEY;
    /* Who comes in between the parameter sets and their picture may have them from elsewhere. */
    return follow_source(v, p->payload + h->length,
                         h->part == PART_KEY || h->part == PART_KEY_PICTURE)
               ? VIDEO_SWITCHED
               : VIDEO_TAKEN;
}

json_t *video_report(const struct video *v)
{
    json_t *o = json_object();
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"ssrc", v->sender.ssrc},
                {"packets_out", v->sender.packets},
                {"key_frames_out", v->keys_out},
                {"fast_updates", v->fast_updates},
                {"plis", v->plis},
                {"rate_limit", v->rate_limit},
                {"packets_in", v->packets_in},
                {"wrong", v->wrong},
                {"lost", rtp_lost(&v->reception)},
                {"after_close", v->after_close},
                {"key_frames_in", v->keys_in},
                {"source_switches", v->switches},
                {"switches_by_key_frame", v->key_switches}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
    return o;
}
