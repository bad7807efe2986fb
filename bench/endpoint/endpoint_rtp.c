#include "bench/endpoint/endpoint_rtp.h"

#include <string.h>

#include "base/err.h"

enum { RTCP_SR = 200, RTCP_RR = 201, RTCP_SDES = 202, RTCP_BYE = 203, RTCP_PSFB = 206 };
enum { PSFB_PLI = 1, PSFB_FIR = 4 };

#define NTP_OFFSET 2208988800u /* seconds from 1900 to 1970 */
#define JUMP_LIMIT 3000        /* RFC 3550 A.1 MAX_DROPOUT */

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

int rtp_parse(const uint8_t *b, size_t len, struct rtp_packet *out)
{
    if (len < RTP_HEADER || b[0] >> 6 != 2)
        return ERR_MALFORMED;
    size_t head = RTP_HEADER + 4u * (b[0] & 0x0f), pad = 0;
    if (b[0] & 0x10) {
        if (head + 4 > len)
            return ERR_MALFORMED;
        head += 4 + 4 * get16(b + head + 2);
    }
    if (b[0] & 0x20)
        pad = b[len - 1];
    if (head + pad > len)
        return ERR_MALFORMED;
    *out = (struct rtp_packet){.pt = b[1] & 0x7f,
                               .marker = b[1] >> 7,
                               .seq = (uint16_t)get16(b + 2),
                               .ts = get32(b + 4),
                               .ssrc = get32(b + 8),
                               .payload = b + head,
                               .payload_len = len - head - pad};
    return 0;
}

void rtp_write_header(uint8_t *b, const struct rtp_packet *p)
{
    b[0] = 0x80;
    b[1] = (uint8_t)((p->marker ? 0x80 : 0) | p->pt);
    put16(b + 2, p->seq);
    put32(b + 4, p->ts);
    put32(b + 8, p->ssrc);
}

static void reception_restart(struct rtp_reception *r, const struct rtp_packet *p)
{
    if (r->started) {
        r->restarts++;
        r->lost_before_restart = rtp_lost(r);
    }
    r->started = true;
    r->ssrc = p->ssrc;
    r->base_seq = r->max_seq = p->seq;
    r->received = 0;
    r->transit = 0;
}

void rtp_received(struct rtp_reception *r, const struct rtp_packet *p, uint64_t now_us)
{
    int delta = (int16_t)(uint16_t)(p->seq - (uint16_t)r->max_seq);
    if (!r->started || p->ssrc != r->ssrc || delta > JUMP_LIMIT || delta < -JUMP_LIMIT)
        reception_restart(r, p);
    else if (delta > 0)
        r->max_seq += (uint32_t)delta;
    else
        r->reordered++;
    r->received++;
    int64_t transit = (int64_t)(now_us / 125) - (int64_t)p->ts;
    if (r->transit) {
        int64_t d = transit - r->transit;
        d = d < 0 ? -d : d;
        r->jitter_q4 += (uint32_t)d - ((r->jitter_q4 + 8) >> 4);
    }
    r->transit = transit;
}

uint64_t rtp_lost(const struct rtp_reception *r)
{
    uint64_t expected = r->started ? (uint64_t)(r->max_seq - r->base_seq) + 1 : 0;
    uint64_t lost = expected > r->received ? expected - r->received : 0;
    return lost + r->lost_before_restart;
}

static size_t write_block(uint8_t *b, const struct rtp_reception *r, const struct rtcp_seen *seen,
                          uint64_t wall_us)
{
    uint64_t lost = rtp_lost(r);
    put32(b, r->ssrc);
    put32(b + 4, lost > 0x7fffff ? 0x7fffff : (uint32_t)lost);
    put32(b + 8, r->max_seq);
    put32(b + 12, r->jitter_q4 >> 4);
    put32(b + 16, seen->lsr);
    put32(b + 20,
          seen->lsr_wall_us ? (uint32_t)(((wall_us - seen->lsr_wall_us) << 16) / 1000000) : 0);
    return 24;
}

static size_t write_sdes(uint8_t *b, uint32_t ssrc, const char *cname)
{
    size_t n = strlen(cname) & 0x3f, len = 4 + 4 + 2 + n + 1;
    len = (len + 3) & ~(size_t)3;
    memset(b, 0, len);
    b[0] = 0x81;
    b[1] = RTCP_SDES;
    put16(b + 2, (uint32_t)(len / 4 - 1));
    put32(b + 4, ssrc);
    b[8] = 1; /* CNAME */
    b[9] = (uint8_t)n;
    memcpy(b + 10, cname, n);
    return len;
}

size_t rtcp_write_report(uint8_t out[RTCP_MAX], const struct rtp_sender *s,
                         const struct rtp_reception *r, const struct rtcp_seen *seen,
                         const char *cname, uint64_t wall_us, bool bye)
{
    size_t at = 8;
    out[0] = (uint8_t)(0x80 | (r->started ? 1 : 0));
    out[1] = s->packets ? RTCP_SR : RTCP_RR;
    put32(out + 4, s->ssrc);
    if (s->packets) {
        put32(out + 8, (uint32_t)(wall_us / 1000000) + NTP_OFFSET);
        put32(out + 12, (uint32_t)(((wall_us % 1000000) << 32) / 1000000));
        put32(out + 16, s->ts);
        put32(out + 20, (uint32_t)s->packets);
        put32(out + 24, (uint32_t)s->octets);
        at = 28;
    }
    if (r->started)
        at += write_block(out + at, r, seen, wall_us);
    put16(out + 2, (uint32_t)(at / 4 - 1));
    at += write_sdes(out + at, s->ssrc, cname);
    if (bye) {
        out[at] = 0x81;
        out[at + 1] = RTCP_BYE;
        put16(out + at + 2, 1);
        put32(out + at + 4, s->ssrc);
        at += 8;
    }
    return at;
}

/* Report blocks of one SR or RR; `head` is where the first begins. */
static void read_blocks(struct rtcp_seen *seen, const uint8_t *b, size_t len, size_t head,
                        uint32_t own_ssrc)
{
    unsigned count = b[0] & 0x1f;
    for (unsigned i = 0; i < count && head + 24 <= len; i++, head += 24)
        if (get32(b + head) == own_ssrc)
            seen->reported_lost = get32(b + head + 4) & 0xffffff;
}

void rtcp_parse(struct rtcp_seen *seen, const uint8_t *b, size_t len, uint32_t own_ssrc,
                uint64_t wall_us)
{
    seen->compounds++;
    while (len >= 4) {
        size_t n = 4 * (get16(b + 2) + 1);
        if (b[0] >> 6 != 2 || n > len)
            break;
        switch (b[1]) {
        case RTCP_SR:
            seen->sr++;
            if (n >= 28) {
                seen->lsr = get32(b + 8) << 16 | get32(b + 12) >> 16;
                seen->lsr_wall_us = wall_us;
            }
            read_blocks(seen, b, n, 28, own_ssrc);
            break;
        case RTCP_RR:
            seen->rr++;
            read_blocks(seen, b, n, 8, own_ssrc);
            break;
        case RTCP_SDES:
            seen->sdes++;
            break;
        case RTCP_BYE:
            seen->bye++;
            break;
        default:
            break;
        }
        b += n;
        len -= n;
    }
    if (len)
        seen->malformed++;
}

/* RFC 4585 6.3.1: PLI names the source as media SSRC; RFC 5104 4.3.1: FIR in its entries. */
unsigned rtcp_asks_picture(const uint8_t *b, size_t len, uint32_t ssrc)
{
    unsigned asked = 0;

    while (len >= 4) {
        size_t n = 4 * (get16(b + 2) + 1);
        unsigned format = b[0] & 0x1f;

        if (b[0] >> 6 != 2 || n > len)
            break;
        if (b[1] == RTCP_PSFB && format == PSFB_PLI && n >= 12)
            asked += get32(b + 8) == ssrc;
        for (size_t at = 12; b[1] == RTCP_PSFB && format == PSFB_FIR && at + 8 <= n; at += 8)
            asked += get32(b + at) == ssrc;
        b += n;
        len -= n;
    }
    return asked;
}

bool rtp_is_rtcp(const uint8_t *bytes, size_t len)
{
    return len >= 2 && bytes[1] >= 192 && bytes[1] <= 223;
}
