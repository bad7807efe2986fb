/* What came for one place in the peer's flight: every version of that handshake message, put
 * together from its fragments (RFC 6347 §4.2.3). There is one version as long as nobody but the
 * peer sends. Where versions contradict each other, neither the first nor the last is believed: all
 * are kept, the oldest gives way, and dtls_gate.c finds out which one is signed. Private to
 * crypto/.
 */
#ifndef CRYPTO_DTLS_SHELF_H
#define CRYPTO_DTLS_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_SHELF_KEPT       4 /* versions */
#define DTLS_HANDSHAKE_HEADER 12
/* Octets of a message: a chain of certificates may be long, nothing else is. */
#define DTLS_MESSAGE_MAX     4096
#define DTLS_CERTIFICATE_MAX 16384

/* One handshake header with what follows it in the record. */
struct dtls_fragment {
    const uint8_t *body;
    uint32_t length; /* of the whole message */
    uint32_t offset, size;
    uint16_t seq;
    uint8_t type;
};

struct dtls_message {
    uint32_t length;  /* of the body */
    uint32_t missing; /* octets; 0: it is whole */
    uint16_t seq;
    uint8_t type;
    bool is_fed;       /* the library has it */
    uint64_t datagram; /* number of the last one that had a part of it */
    uint8_t *have;     /* bit map of the body */
    uint8_t data[];    /* header as of a message in one piece, body */
};

struct dtls_shelf {
    struct dtls_message *kept[DTLS_SHELF_KEPT]; /* newest first, NULL behind the last */
};

/* Takes a fragment from datagram `number`. True: it was in a message that the library has already,
 * that is, the peer repeats itself. `*contradicts` is set when it differs from what was there. */
bool dtls_shelf_add(struct dtls_shelf *shelf, const struct dtls_fragment *f, uint64_t number,
                    bool *contradicts);

/* Wiped and freed: ClientKeyExchange is no secret, but who knows what a peer puts in. */
void dtls_shelf_free(struct dtls_shelf *shelf);

static inline const uint8_t *dtls_message_body(const struct dtls_message *m)
{
    return m->data + DTLS_HANDSHAKE_HEADER;
}

#endif
