/* DTLS sessions that may be taken up again (X-RESUME, RFC 5246 §7.3): a table that all contexts of
 * a process may share, so that a returning peer is known on whichever shard its call lands.
 *
 * A resumed handshake shows no certificate. What makes it as good as a full one is the bond: the
 * fingerprint that was verified when the session was made, and what was agreed for SRTP then. Who
 * takes a session out compares both with what this call signals. Secrets are sealed under a key in
 * memory that is not dumped; a session that was not used for its lifetime is wiped when it is next
 * met, and the table is bounded: the oldest of its row gives way. Any thread. */
#ifndef CRYPTO_DTLS_SESSIONS_H
#define CRYPTO_DTLS_SESSIONS_H

#include "crypto/fingerprint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_SESSION_KEY_MAX  72
#define DTLS_SESSION_BLOB_MAX 256

struct dtls_sessions;

struct dtls_session_bond {
    struct fingerprint peer; /* that was verified */
    uint32_t srtp;           /* what was agreed or offered */
};

/* `max` sessions (rounded up to full rows). NULL: out of memory, or 0. */
struct dtls_sessions *dtls_sessions_create(size_t max, uint64_t lifetime_ms);
/* Wipes all. NULL is allowed. */
void dtls_sessions_destroy(struct dtls_sessions *sessions);

/* Seals and keeps; replaces what is under that key. Nothing is kept that is too large. */
void dtls_sessions_put(struct dtls_sessions *sessions, uint64_t now, const uint8_t *key,
                       size_t key_len, const struct dtls_session_bond *bond, const uint8_t *blob,
                       size_t len);

/* Opens what is there under that key with that very bond; blob has DTLS_SESSION_BLOB_MAX, to be
 * wiped by the caller. False: not there, too old, or another bond (it is forgotten then). */
bool dtls_sessions_get(struct dtls_sessions *sessions, uint64_t now, const uint8_t *key,
                       size_t key_len, const struct dtls_session_bond *bond, uint8_t *blob,
                       size_t *len);

/* For a session with which a handshake failed. */
void dtls_sessions_forget(struct dtls_sessions *sessions, const uint8_t *key, size_t key_len);

/* Sessions that are kept now, the aged ones that nobody has met included. */
size_t dtls_sessions_count(struct dtls_sessions *sessions);

#endif
