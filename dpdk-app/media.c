#include "dpdk-app/media.h"

#include "dpdk-app/wire.h"

#define RTP_SIZE  12u
#define RTCP_SIZE 8u

enum media_class media_classify(const uint8_t *data, size_t length)
{
    if (length == 0)
        return MEDIA_UNKNOWN;
    if (data[0] <= 3)
        return MEDIA_STUN;
    if (data[0] >= 20 && data[0] <= 63)
        return MEDIA_DTLS;
    if (data[0] < 128 || data[0] > 191 || length < 2)
        return MEDIA_UNKNOWN;
    return data[1] >= 192 && data[1] <= 223 ? MEDIA_RTCP : MEDIA_RTP;
}

bool media_read_rtp(struct packet *p)
{
    const uint8_t *data = p->data;
    uint32_t at;

    if (p->length < RTP_SIZE || data[0] >> 6 != 2)
        return false;
    at = RTP_SIZE + (data[0] & 15u) * 4;
    if (data[0] & 0x10) {
        if (p->length < at + 4)
            return false;
        at += 4 + wire_get16(data + at + 2) * 4u;
    }
    if (p->length < at)
        return false;
    p->payload_type = data[1] & 0x7f;
    p->sequence = wire_get16(data + 2);
    p->timestamp = wire_get32(data + 4);
    p->ssrc = wire_get32(data + 8);
    return true;
}

bool media_check_padding(const uint8_t *data, size_t length)
{
    size_t header;

    if (!(data[0] & 0x20))
        return true;
    header = RTP_SIZE + (data[0] & 15u) * 4;
    if (data[0] & 0x10)
        header += 4 + wire_get16(data + header + 2) * 4u;
    return data[length - 1] != 0 && header + data[length - 1] <= length;
}

bool media_read_rtcp(struct packet *p)
{
    if (p->length < RTCP_SIZE || p->data[0] >> 6 != 2)
        return false;
    p->ssrc = wire_get32(p->data + 4);
    return true;
}

bool media_check_rtcp(const uint8_t *data, size_t length)
{
    size_t at = 0;

    while (length - at >= 4) {
        size_t size = 4 * (wire_get16(data + at + 2) + (size_t)1);
        bool last = at + size == length;

        if (data[at] >> 6 != 2 || data[at + 1] < 192 || data[at + 1] > 223 || size > length - at)
            return false;
        if (data[at] & 0x20) {
            unsigned pad = data[at + size - 1];

            if (!last || pad == 0 || pad % 4 != 0 || pad > size - 4)
                return false;
        }
        at += size;
    }
    return at == length && length >= RTCP_SIZE;
}
