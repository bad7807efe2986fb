/* CRC32c (RFC 9260 appendix A) by the processor's own instruction, where it has one: the library's
 * tables take a microsecond for a full packet, each way. Any thread. */
#ifndef SCTP_CRC32C_H
#define SCTP_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCTP_CHECKSUM_AT 8 /* in an SCTP packet's header of 12 octets */

/* Asked once; false: leave it to the library. */
bool crc32c_is_fast(void);

/* Only where it is fast. Of an SCTP packet of 12 octets at least, its own check sum taken for zero;
 * to be compared with, or copied to, the four octets there as they lie in memory. */
uint32_t crc32c_of_packet(const uint8_t *packet, size_t len);

#endif
