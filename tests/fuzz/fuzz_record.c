/* The entry of DTLS over SCTP (RFC 6083): stream, order, octets of a message. */
#include "sctp/record.h"

#include <stdlib.h>

#include "sctp/sctp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sctp_message m;
    uint8_t type = 0, first = 0;
    size_t n;

    if (size < 3)
        return 0;
    m = (struct sctp_message){.stream = (uint16_t)(data[0] << 8 | data[1]),
                              .is_unordered = (data[2] & 1) != 0,
                              .data = data + 3,
                              .len = size - 3};
    n = record_first(m.data, m.len, &first);
    if (n > m.len || (n > 0 && (n <= RECORD_HEADER || first != m.data[0])))
        abort();
    if (record_of_message(&m, &type) != 0)
        return 0;
    if (n != m.len || type != first || (type != RECORD_DATA && (m.stream != 0 || m.is_unordered)))
        abort();
    return 0;
}
