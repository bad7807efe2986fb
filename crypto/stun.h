/* STUN as ICE's connectivity checks need it (RFC 8489, RFC 8445 section 7.3): binding requests
 * read, verified with a short-term password, answered.
 *
 * Pure functions on the caller's bytes, any thread; no allocation, so that the packet path may call
 * them. Lengths are checked once, by stun_read; what it refuses is nobody's request. */
#ifndef CRYPTO_STUN_H
#define CRYPTO_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define STUN_HEADER      20u
#define STUN_TRANSACTION 12u
#define STUN_ANSWER_MAX  128u /* the longest that stun_answer writes */

/* Errors that a controlled agent gives (RFC 8489 section 14.8, RFC 8445 section 7.3.1.1). */
#define STUN_BAD_ATTRIBUTE 420u
#define STUN_ROLE_CONFLICT 487u

struct stun_request {
    uint8_t transaction[STUN_TRANSACTION];
    const uint8_t *username; /* into the datagram; NULL: none */
    uint16_t username_length;
    uint16_t integrity_at; /* offset of the MESSAGE-INTEGRITY attribute; 0: none */
    bool has_fingerprint, has_priority, use_candidate;
    bool is_controlling, is_controlled; /* what the sender says that it is */
    uint32_t priority;
    uint16_t unknown; /* the first attribute that must be understood and is not; 0: none */
};

/* One datagram as a binding request. ERR_MALFORMED: no STUN message, lengths that do not add up, a
 * wrong FINGERPRINT; ERR_UNSUPPORTED: another method or class (indications keep a path open and
 * want no answer). Attributes behind MESSAGE-INTEGRITY but FINGERPRINT are ignored: nobody vouches
 * for them. */
int stun_read(const uint8_t *data, size_t len, struct stun_request *out);

/* Was it made with this password? Constant time in the hash. */
bool stun_is_authentic(const uint8_t *data, const struct stun_request *request,
                       const void *password, size_t password_len);

/* Is the user name "ufrag:…"? */
bool stun_is_for(const struct stun_request *request, const char *ufrag, size_t ufrag_len);

/* The success response with the address that the request came from, or with `error` not 0 the error
 * response; both with MESSAGE-INTEGRITY and FINGERPRINT. Returns the length. */
size_t stun_answer(const struct stun_request *request, unsigned error, const struct addr *from,
                   const void *password, size_t password_len, uint8_t out[STUN_ANSWER_MAX]);

#endif
