/* Between the datagrams of a handshake and the library (H-RACE). Until keys are agreed upon every
 * record is in the clear and unauthenticated: whoever knows address and port of a peer can send in
 * its name. The library takes the first it gets for the truth and dies of the contradiction that
 * follows. Here nothing is believed before it is proven:
 *
 * - The messages of the peer's flight are collected, all versions of them (dtls_shelf.h), until a
 *   set is found that the key of its certificate has signed together with our hello's random: the
 *   peer's CertificateVerify, as seen by a server, its ServerKeyExchange, as seen by a client. Only
 *   that set goes to the library. Who did not see our hello cannot make one.
 * - Alerts in the clear end nothing. The last one is remembered, and named as the cause when the
 *   time for the handshake is over (RFC 6347 §4.1.2.7 lets us drop them).
 * - A ChangeCipherSpec says nothing that the first record after it does not say better, so that it
 *   is not waited for: the library gets one of ours when such a record is there and the set is
 * whole. Records with keys go in as they are; the library drops those whose tag is wrong.
 * - A HelloVerifyRequest must bear the record number of our ClientHello (RFC 6347 §4.2.1), which
 *   begins at a random number. From a server that does not mirror it, it is taken after a while.
 *
 * Record numbers of the peer go no further either: a forged high one cannot close the window that
 * guards against replays. Sans-I/O, one per handshake, private to crypto/. */
#ifndef CRYPTO_DTLS_GATE_H
#define CRYPTO_DTLS_GATE_H

#include "crypto/dtls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_gate;

/* A HelloVerifyRequest without our record number is taken if none with it came for so long. Longer
 * than our first retransmission takes: a server that asks for no cookie may have had no ear for the
 * first hello (UDP overtakes the signalling), and what a forged cookie begins it never hears the
 * start of. */
#define DTLS_GATE_VERIFY_MS 1000
/* What tells a repeated flight from a forged one. */
#define DTLS_GATE_MARKS 6

struct dtls_gate_marks {
    uint64_t mark[DTLS_GATE_MARKS];
    size_t count;
};

/* NULL: out of memory. `stats` must outlive it. */
struct dtls_gate *dtls_gate_create(enum dtls_role role, struct dtls_stats *stats);
void dtls_gate_destroy(struct dtls_gate *gate); /* NULL is allowed */

/* Server: the ClientHello, whole in one record, that begins the handshake. */
void dtls_gate_begin(struct dtls_gate *gate, const uint8_t *data, size_t len);

/* Each datagram that goes out, before it does. */
void dtls_gate_sent(struct dtls_gate *gate, const uint8_t *data, size_t len);

/* Client: has the server agreed to extended_master_secret (RFC 7627)? */
bool dtls_gate_has_master_secret(const struct dtls_gate *gate);

/* Server: the session is taken up again, the peer's flight has no messages in the clear. */
void dtls_gate_set_resumed(struct dtls_gate *gate);

/* What signalling has said of the peer's certificate: `first`, or one of the others by its hash.
 * Never called: not signalled yet. They must outlive the gate. */
void dtls_gate_expect(struct dtls_gate *gate, const struct fingerprint *first,
                      const struct fingerprint *others, size_t other_count);

/* A datagram from the peer's address. */
void dtls_gate_add(struct dtls_gate *gate, uint64_t now, const uint8_t *data, size_t len);

/* The next thing for the library, valid until the next call; false: nothing. */
bool dtls_gate_next(struct dtls_gate *gate, const uint8_t **data, size_t *len);

/* The library says that the handshake is whole: the next things may be data. */
void dtls_gate_done(struct dtls_gate *gate);

/* When dtls_gate_on_timer wants to be called. */
uint64_t dtls_gate_deadline(const struct dtls_gate *gate);
/* True: there may be something to take by dtls_gate_next. */
bool dtls_gate_on_timer(struct dtls_gate *gate, uint64_t now);

/* Has the peer repeated what the library has answered? Asking forgets it. */
bool dtls_gate_is_repeated(struct dtls_gate *gate);

/* Client: the server has refused the cookie that we took from somebody else. Begin anew, the
 * server knows nothing of us yet. */
bool dtls_gate_wants_restart(const struct dtls_gate *gate);

/* The cause to be named if time runs out; DTLS_FAIL_NONE: nothing was heard. */
enum dtls_failure dtls_gate_hint(const struct dtls_gate *gate, const char **text);

/* Marks of the flight that was given to the library, and whether a datagram repeats a message of
 * it. */
void dtls_gate_mark(const struct dtls_gate *gate, struct dtls_gate_marks *out);
bool dtls_gate_is_marked(const struct dtls_gate_marks *marks, const uint8_t *data, size_t len);

#endif
