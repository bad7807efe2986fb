/* The gate's inside, for its two files: dtls_gate.c decides what is true, dtls_gate_feed.c gives it
 * to the library. */
#ifndef CRYPTO_DTLS_GATE_PRIV_H
#define CRYPTO_DTLS_GATE_PRIV_H

#include "crypto/dtls_gate.h"
#include "crypto/dtls_record.h"
#include "crypto/dtls_shelf.h"

#define HELLO_VERIFY       3
#define RANDOM_BYTES       32
#define SESSION_ID_MAX     32
#define VERSION_DTLS_12    0xfefd
#define FLIGHT_MAX         5    /* ServerHello to ServerHelloDone */
#define FEED_MAX           1000 /* octets of a message that the library gets at a time */
#define HELD_MAX           8    /* records with keys that came too early */
#define HELD_BYTES         512  /* a Finished record has 61 octets, a first DCEP packet more */
#define COOKIE_MESSAGE_MAX (2 + 1 + 255) /* version, length, cookie: RFC 6347 §4.2.1 */

_Static_assert(HELD_BYTES <= FEED_MAX, "a held record goes out by the same buffer");

struct dtls_gate {
    enum dtls_role role;
    struct dtls_stats *stats;
    const struct fingerprint *expected, *others; /* the association's; NULL: not signalled yet */
    size_t other_count;
    struct dtls_shelf shelf[FLIGHT_MAX]; /* in the order of the flight */
    uint64_t datagrams;
    uint64_t looked;    /* as of this datagram all combinations have been tried */
    uint16_t first_seq; /* of the peer's flight */

    /* What we, and as a server the client's hello, have said so far: messages in one piece. */
    uint8_t *said;
    size_t said_len;
    uint16_t said_seq;     /* of the next message that we send */
    uint32_t said_missing; /* octets of the one that is being sent in fragments */
    size_t hello_len;      /* server: of the client's hello at the beginning of it */

    /* Client: of our ClientHello. */
    uint8_t random[RANDOM_BYTES];
    uint8_t session_id[SESSION_ID_MAX];
    uint8_t session_id_len;
    uint64_t hello_first, hello_last; /* record numbers */

    /* HelloVerifyRequest: one to be fed, one that may be if no better comes. */
    uint8_t verify[COOKIE_MESSAGE_MAX], unmirrored[COOKIE_MESSAGE_MAX];
    size_t verify_len, unmirrored_len;
    uint64_t unmirrored_at; /* DTLS_NO_DEADLINE: none */
    bool is_verify_due, is_verified, wants_restart;

    struct dtls_message *flight[FLIGHT_MAX]; /* proven */
    size_t flight_count, flight_at;
    uint32_t flight_offset;
    bool is_finishing; /* only records with keys are wanted */
    bool is_ccs_fed;
    struct {
        uint16_t len;
        uint8_t data[HELD_BYTES];
    } held[HELD_MAX];
    size_t held_count; /* oldest first */
    bool is_done;      /* the handshake: data may follow */
    uint64_t record;   /* number of the next that we make up */

    double proofs; /* that may be made now */
    uint64_t proofs_at;
    bool is_repeated;
    enum dtls_failure hint;
    char hint_text[64];
    /* What dtls_gate_next gave out last. */
    uint8_t out[DTLS_RECORD_HEADER + DTLS_HANDSHAKE_HEADER + FEED_MAX];
};

/* A record with keys waits until the library can read it. */
void dtls_gate_hold(struct dtls_gate *g, const uint8_t *record, size_t len);

#endif
