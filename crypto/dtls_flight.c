/* The datagrams sent since the last one came in. When the handshake is over they are our last
 * flight: wolfSSL's server never sends it again by itself, and a client that lost it would hang
 * until it gives up. */
#include "base/secret.h"
#include "crypto/dtls_internal.h"

#include <stdlib.h>
#include <string.h>

#define FLIGHT_MAX (64 * 1024) /* our largest is a chain of certificates, a tenth of it */

void dtls_flight_reset(struct dtls_flight *flight)
{
    flight->len = 0;
}

void dtls_flight_add(struct dtls_flight *flight, const uint8_t *data, size_t len)
{
    size_t need = flight->len + 2 + len;

    /* More than that is never ours to repeat: the peer's own retransmission is what remains. */
    if (len > DTLS_DATAGRAM_MAX || need > FLIGHT_MAX)
        return;
    if (need > flight->room) {
        uint8_t *grown = realloc(flight->data, need);

        if (!grown)
            return; /* the peer's own retransmission is all that is lost */
        flight->data = grown;
        flight->room = need;
    }
    /* Lengths between the datagrams: they must go out cut as they were, since record numbers and
     * the path's MTU were made for that. */
    flight->data[flight->len] = (uint8_t)(len >> 8);
    flight->data[flight->len + 1] = (uint8_t)len;
    memcpy(flight->data + flight->len + 2, data, len);
    flight->len = need;
}

void dtls_flight_free(struct dtls_flight *flight)
{
    free(flight->data);
    memset(flight, 0, sizeof(*flight));
}

void dtls_flight_each(const struct dtls_flight *flight,
                      void (*each)(void *, const uint8_t *, size_t), void *user)
{
    size_t at = 0;

    while (at + 2 <= flight->len) {
        /* Same bytes, same record numbers: the peer's window against replays takes them once, and
         * they were never received, or it would not ask. */
        size_t len = (size_t)flight->data[at] << 8 | flight->data[at + 1];

        each(user, flight->data + at + 2, len);
        at += 2 + len;
    }
}
