/* The other end of ICE's checks: requests of every shape, answers read. */
#ifndef TESTS_CRYPTO_STUN_PEER_H
#define TESTS_CRYPTO_STUN_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct stun_peer_check {
    const char *username, *password;
    uint32_t priority;
    bool use_candidate, is_controlled, no_integrity, no_priority;
    uint16_t attribute;  /* an empty one of this type besides; 0: none */
    uint8_t transaction; /* first octet of the id, the others are 7 */
};

/* A binding request; its length (at most 256). */
size_t stun_peer_request(const struct stun_peer_check *check, uint8_t out[256]);

/* An answer: 0 = success with *mapped, else the error code; -1: it is none, its transaction is not
 * `transaction`, or integrity or fingerprint are wrong. */
int stun_peer_answer(const uint8_t *data, size_t len, const char *password, uint8_t transaction,
                     struct addr *mapped);

#endif
