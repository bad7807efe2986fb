/* A TCP stream in pieces: TPKT reassembly, then Q.931 of every packet. The first octet says how
 * large the pieces are. What was decoded must encode, and decode to the same again. */
#include "signalling/h225/q931.h"
#include "signalling/h225/tpkt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_packet(const uint8_t *data, size_t len)
{
    struct q931_msg msg, again;
    struct q931_bytes numbers[3];
    char digits[32];
    uint8_t *out;
    size_t out_len = 0;

    if (q931_decode(data, len, &msg) != 0)
        return;
    q931_cause_of(&msg);
    numbers[0] = msg.called;
    numbers[1] = msg.calling;
    numbers[2] = msg.connected;
    for (int i = 0; i < 3; i++)
        if (q931_number_of(numbers[i], digits, sizeof(digits)) == 0 &&
            strlen(digits) >= sizeof(digits))
            abort();
    out = malloc(len + 16);
    if (out == NULL)
        return;
    if (q931_encode(&msg, out, len + 16, &out_len) != 0 || q931_decode(out, out_len, &again) != 0)
        abort();
    if (again.type != msg.type || again.call_ref != msg.call_ref ||
        again.user_user.len != msg.user_user.len || again.display.len != msg.display.len)
        abort();
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tpkt t;
    size_t step = size > 0 && data[0] != 0 ? data[0] : 1;

    tpkt_init(&t, 8192);
    for (size_t at = 1; at < size;) {
        size_t piece = size - at < step ? size - at : step, used = 0;
        struct tpkt_packet packet;

        if (tpkt_push(&t, data + at, piece, &used, &packet) != 0)
            break;
        if (used > piece || packet.len > 8192 || (packet.data == NULL && used != piece))
            abort();
        if (packet.data != NULL)
            check_packet(packet.data, packet.len);
        at += used;
    }
    tpkt_fini(&t);
    return 0;
}
