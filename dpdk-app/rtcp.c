/* RTCP packets on the wire (RFC 3550 §6.4 to §6.6, RFC 4585 §6.1): reading with lengths checked,
 * writing into room that may be too small. No state. */
#include "dpdk-app/rtcp.h"

#include <string.h>

#include "dpdk-app/wire.h"

#define HEAD        4u
#define SENDER_SIZE 28u /* an SR before its blocks */
#define BLOCK_SIZE  24u
#define CNAME_ITEM  1u

/* at <= length always: it only moves by sizes that fit. */
bool rtcp_next(const uint8_t *data, size_t length, size_t *at, struct rtcp_packet *packet)
{
    const uint8_t *p = data + *at;
    size_t size;

    if (length - *at < HEAD)
        return false;
    size = HEAD * (wire_get16(p + 2) + (size_t)1);
    if (size > length - *at)
        return false;
    *packet = (struct rtcp_packet){.type = p[1], .count = p[0] & 31u, .data = p, .length = size};
    /* Padding counts in the packet's length and is left out of what callers see; more padding than
     * packet is nonsense and ignored. */
    if ((p[0] & 0x20) && p[size - 1] <= size - HEAD)
        packet->length -= p[size - 1];
    *at += size;
    return true;
}

bool rtcp_read_sender(const struct rtcp_packet *packet, struct rtcp_sender *sender)
{
    const uint8_t *p = packet->data;

    if (packet->type != RTCP_SR || packet->length < SENDER_SIZE)
        return false;
    *sender = (struct rtcp_sender){.ssrc = wire_get32(p + 4),
                                   .ntp = (uint64_t)wire_get32(p + 8) << 32 | wire_get32(p + 12),
                                   .rtp = wire_get32(p + 16),
                                   .packets = wire_get32(p + 20),
                                   .octets = wire_get32(p + 24)};
    return true;
}

bool rtcp_read_block(const struct rtcp_packet *packet, unsigned i, struct rtcp_block *block)
{
    size_t at = (packet->type == RTCP_SR ? SENDER_SIZE : 8u) + (size_t)i * BLOCK_SIZE;
    const uint8_t *p = packet->data + at;
    uint32_t lost;

    /* As many blocks as the header counts, if they are there. */
    if ((packet->type != RTCP_SR && packet->type != RTCP_RR) || i >= packet->count ||
        packet->length < at + BLOCK_SIZE)
        return false;
    lost = wire_get32(p + 4) & 0xffffffu;
    *block = (struct rtcp_block){.ssrc = wire_get32(p),
                                 .fraction = p[4],
                                 /* 24 bits, signed (§6.4.1): the sign bit is moved out by exclusive
                                  * or and subtraction. */
                                 .lost = (int32_t)(lost ^ 0x800000u) - 0x800000,
                                 .highest = wire_get32(p + 8),
                                 .jitter = wire_get32(p + 12),
                                 .lsr = wire_get32(p + 16),
                                 .dlsr = wire_get32(p + 20)};
    return true;
}

bool rtcp_read_feedback(const struct rtcp_packet *packet, struct rtcp_feedback *feedback)
{
    const uint8_t *p = packet->data;

    if ((packet->type != RTCP_RTPFB && packet->type != RTCP_PSFB) || packet->length < 12)
        return false;
    *feedback = (struct rtcp_feedback){.type = packet->type,
                                       .format = packet->count, /* RFC 4585 calls the field FMT */
                                       .sender = wire_get32(p + 4),
                                       .media = wire_get32(p + 8),
                                       .fci = p + 12,
                                       /* Whole words only: formats are made of them. */
                                       .fci_length = (packet->length - 12) & ~(size_t)3};
    return true;
}

/* ---- writing ---- */

/* Header of a packet of `size` bytes; NULL: no room for it. */
static uint8_t *begin(struct rtcp_writer *w, unsigned type, unsigned count, size_t size)
{
    uint8_t *p = w->data + w->length;

    if (size > w->room - w->length) {
        /* Stays set: a compound that lost a part is not sent. */
        w->is_full = true;
        return NULL;
    }
    w->length += size;
    memset(p, 0, size);
    p[0] = (uint8_t)(0x80u | count);
    p[1] = (uint8_t)type;
    wire_put16(p + 2, (uint32_t)(size / 4 - 1));
    return p;
}

static void put_blocks(uint8_t *p, const struct rtcp_block *block, unsigned n)
{
    for (unsigned i = 0; i < n; i++, p += BLOCK_SIZE) {
        int32_t lost = block[i].lost;

        /* §6.4.1: the count saturates, it does not wrap. */
        if (lost > 0x7fffff)
            lost = 0x7fffff;
        if (lost < -0x800000)
            lost = -0x800000;
        wire_put32(p, block[i].ssrc);
        wire_put32(p + 4, (uint32_t)block[i].fraction << 24 | ((uint32_t)lost & 0xffffffu));
        wire_put32(p + 8, block[i].highest);
        wire_put32(p + 12, block[i].jitter);
        wire_put32(p + 16, block[i].lsr);
        wire_put32(p + 20, block[i].dlsr);
    }
}

void rtcp_put_sr(struct rtcp_writer *w, const struct rtcp_sender *sender,
                 const struct rtcp_block *block, unsigned blocks)
{
    uint8_t *p = begin(w, RTCP_SR, blocks, SENDER_SIZE + (size_t)blocks * BLOCK_SIZE);

    if (p == NULL)
        return;
    wire_put32(p + 4, sender->ssrc);
    wire_put32(p + 8, (uint32_t)(sender->ntp >> 32));
    wire_put32(p + 12, (uint32_t)sender->ntp);
    wire_put32(p + 16, sender->rtp);
    wire_put32(p + 20, sender->packets);
    wire_put32(p + 24, sender->octets);
    put_blocks(p + SENDER_SIZE, block, blocks);
}

void rtcp_put_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_block *block,
                 unsigned blocks)
{
    uint8_t *p = begin(w, RTCP_RR, blocks, 8 + (size_t)blocks * BLOCK_SIZE);

    if (p == NULL)
        return;
    wire_put32(p + 4, ssrc);
    put_blocks(p + 8, block, blocks);
}

void rtcp_put_sdes(struct rtcp_writer *w, const uint32_t *ssrc, unsigned n,
                   const char cname[RTCP_CNAME_SIZE])
{
    /* SSRC, type, length, text, and at least one null octet up to the next word (6.5). */
    size_t chunk = (4 + 2 + RTCP_CNAME_SIZE + 1 + 3) & ~(size_t)3;
    uint8_t *p = begin(w, RTCP_SDES, n, HEAD + n * chunk);

    if (p == NULL)
        return;
    p += HEAD;
    for (unsigned i = 0; i < n; i++, p += chunk) {
        wire_put32(p, ssrc[i]);
        p[4] = CNAME_ITEM;
        p[5] = RTCP_CNAME_SIZE;
        memcpy(p + 6, cname, RTCP_CNAME_SIZE);
    }
}

void rtcp_put_bye(struct rtcp_writer *w, const uint32_t *ssrc, unsigned n)
{
    uint8_t *p = begin(w, RTCP_BYE, n, HEAD + (size_t)n * 4);

    if (p == NULL)
        return;
    for (unsigned i = 0; i < n; i++)
        wire_put32(p + HEAD + (size_t)i * 4, ssrc[i]);
}

void rtcp_put_feedback(struct rtcp_writer *w, const struct rtcp_feedback *feedback)
{
    uint8_t *p = begin(w, feedback->type, feedback->format, 12 + feedback->fci_length);

    if (p == NULL)
        return;
    wire_put32(p + 4, feedback->sender);
    wire_put32(p + 8, feedback->media);
    if (feedback->fci_length > 0)
        memcpy(p + 12, feedback->fci, feedback->fci_length);
}

void rtcp_put_copy(struct rtcp_writer *w, const uint8_t *data, size_t length)
{
    if (length > w->room - w->length) {
        w->is_full = true;
        return;
    }
    memcpy(w->data + w->length, data, length);
    w->length += length;
}

/* ---- NACK ---- */

unsigned rtcp_nack_expand(const uint8_t fci[4], uint16_t sequence[17])
{
    /* FMT 1: the first lost number and a bit for each of the sixteen behind it (RFC 4585
     * §6.2.1). */
    uint16_t first = wire_get16(fci), mask = wire_get16(fci + 2);
    unsigned n = 1;

    sequence[0] = first;
    for (unsigned bit = 0; bit < 16; bit++)
        if (mask & 1u << bit)
            sequence[n++] = (uint16_t)(first + 1 + bit);
    return n;
}

size_t rtcp_nack_pack(const uint16_t *sequence, unsigned n, uint8_t *fci, size_t room)
{
    size_t length = 0;

    for (unsigned i = 0; i < n;) {
        uint16_t first = sequence[i++], mask = 0;

        if (room - length < 4)
            break;
        /* The list comes in order but for wraps; what is not within sixteen begins an entry of its
         * own. */
        for (; i < n && (uint16_t)(sequence[i] - first - 1) < 16; i++)
            mask = (uint16_t)(mask | 1u << (uint16_t)(sequence[i] - first - 1));
        wire_put16(fci + length, first);
        wire_put16(fci + length + 2, mask);
        length += 4;
    }
    return length;
}
