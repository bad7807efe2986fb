/* What RTP and RTCP headers say (RFC 3550), read with nothing but lengths to trust. The fast part
 * is inline in media.h. */
#include "dpdk-app/media.h"

#include "dpdk-app/wire.h"
#include "link/link_stats.h"

#define RTCP_SIZE 8u

/* RFC 3551 tables 4 and 5: static types alone tell their clock; dynamic ones need signalling. */
uint16_t media_clock(unsigned payload_type)
{
    static const uint16_t clock[] = {
        [0] = PACKET_CLOCK(8000u),   [3] = PACKET_CLOCK(8000u),   [4] = PACKET_CLOCK(8000u),
        [5] = PACKET_CLOCK(8000u),   [6] = PACKET_CLOCK(16000u),  [7] = PACKET_CLOCK(8000u),
        [8] = PACKET_CLOCK(8000u),   [9] = PACKET_CLOCK(8000u),   [10] = PACKET_CLOCK(44100u),
        [11] = PACKET_CLOCK(44100u), [12] = PACKET_CLOCK(8000u),  [13] = PACKET_CLOCK(8000u),
        [14] = PACKET_CLOCK(90000u), [15] = PACKET_CLOCK(8000u),  [16] = PACKET_CLOCK(11025u),
        [17] = PACKET_CLOCK(22050u), [18] = PACKET_CLOCK(8000u),  [25] = PACKET_CLOCK(90000u),
        [26] = PACKET_CLOCK(90000u), [28] = PACKET_CLOCK(90000u), [31] = PACKET_CLOCK(90000u),
        [32] = PACKET_CLOCK(90000u), [33] = PACKET_CLOCK(90000u), [34] = PACKET_CLOCK(90000u),
    };

    return payload_type < sizeof(clock) / sizeof(clock[0]) ? clock[payload_type] : 0;
}

/* Only asked for a packet that failed: finds the counter that names the fault. */
unsigned media_rtp_fault(const uint8_t *data, size_t length)
{
    size_t at;

    if (length < RTP_SIZE)
        return LINK_COUNTER_rtp_malformed;
    if (data[0] >> 6 != 2)
        return LINK_COUNTER_rtp_version;
    at = RTP_SIZE + (data[0] & 15u) * 4u;
    if (length < at)
        return LINK_COUNTER_rtp_csrc;
    if (data[0] & 0x10) {
        if (length < at + 4 || length < at + 4 + wire_get16(data + at + 2) * 4u)
            return LINK_COUNTER_rtp_extension;
    }
    return LINK_COUNTER_rtp_padding;
}

bool media_read_rtcp(struct packet *p)
{
    if (p->length < RTCP_SIZE || p->data[0] >> 6 != 2)
        return false;
    p->ssrc = wire_get32(p->data + 4);
    return true;
}

/* RFC 3550 §A.2 over a compound packet: each length must end where the next begins, padding only in
 * the last. Types 192 to 223 are what RFC 5761 §4 leaves to RTCP. */
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
