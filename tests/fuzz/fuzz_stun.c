/* STUN binding requests from the network. What is read must lie within the datagram, and every
 * answer be one that a peer can read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "crypto/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct addr from = {.family = ADDR_IP6, .port = 4711, .ip = {0x20, 1}};
    uint8_t out[STUN_ANSWER_MAX];
    struct stun_request request;
    size_t len;

    if (stun_read(data, size, &request) != 0)
        return 0;
    if (request.username != NULL && (request.username < data || request.username > data + size ||
                                     request.username_length > data + size - request.username))
        abort();
    (void)stun_is_for(&request, "evtj", 4);
    (void)stun_is_authentic(data, &request, "VOkJxbRl1RmTxUk/WvJxBt", 22);
    for (unsigned i = 0; i < 3; i++) {
        len = stun_answer(&request, i == 0 ? 0 : i == 1 ? 420 : 487, &from, "password", 8, out);
        if (len > sizeof(out) || len != (size_t)(out[2] << 8 | out[3]) + STUN_HEADER)
            abort();
    }
    return 0;
}
