/* DCEP: what is read is written again as it came. */
#include "sctp/dcep.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dcep_open open, back;
    uint8_t out[DCEP_OPEN_MAX];
    enum dcep_kind kind;
    size_t len;

    if (dcep_parse(data, size, &kind, &open) != 0 || kind == DCEP_ACK)
        return 0;
    len = dcep_build_open(&open, out, sizeof(out));
    /* The parameter of a reliable channel is ignored and written as 0. */
    if (len != size || (memcmp(out, data, 4) != 0) || memcmp(out + 8, data + 8, size - 8) != 0)
        abort();
    if (dcep_parse(out, len, &kind, &back) != 0 || memcmp(&open, &back, sizeof(open)) != 0)
        abort();
    return 0;
}
