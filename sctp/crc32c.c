#include "sctp/crc32c.h"

#include <string.h>

#if defined(__x86_64__)

#include <nmmintrin.h>

bool crc32c_is_fast(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint64_t go_on(uint64_t crc, const uint8_t *p, size_t len)
{
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    for (; len > 0; len--, p++)
        crc = _mm_crc32_u8((uint32_t)crc, *p);
    return crc;
}

/* The lowest octet of the number is the first on the wire (appendix A), as x86 has it in memory. */
uint32_t crc32c_of_packet(const uint8_t *packet, size_t len)
{
    const uint8_t none[4] = {0};
    uint64_t crc = go_on(UINT32_MAX, packet, SCTP_CHECKSUM_AT);

    crc = go_on(crc, none, sizeof(none));
    crc = go_on(crc, packet + SCTP_CHECKSUM_AT + 4, len - SCTP_CHECKSUM_AT - 4);
    return ~(uint32_t)crc;
}

#else

bool crc32c_is_fast(void)
{
    return false;
}

uint32_t crc32c_of_packet(const uint8_t *packet, size_t len)
{
    (void)packet;
    (void)len;
    return 0;
}

#endif
