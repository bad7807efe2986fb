#include "dpdk-app/media.h"

#include "dpdk-app/wire.h"

#define RTCP_SIZE 8u

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
