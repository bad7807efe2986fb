/* X-RESUME: sessions of an association put into the table and taken from it. A server's are found
 * by the id in the ClientHello, a client's by the fingerprint of the peer that it is about to call:
 * the identity is what signalling says, never an address. */
#include "base/secret.h"
#include "crypto/dtls_internal.h"
#include "crypto/dtls_sessions.h"

#include <string.h>

#define KEY_SERVER 's'
#define KEY_CLIENT 'c'

/* Another set of profiles is another policy, and that wants a full handshake: the session must not
 * outlive what an operator has changed. (one bit a profile; the top bit says "a client's offer", so
 * that it never equals a server's single profile) */
static uint32_t offered_srtp(const struct dtls_assoc *a)
{
    const enum srtp_profile *ours;
    size_t n = dtls_assoc_profiles(a, &ours);
    uint32_t all = 0x80000000u;

    for (size_t i = 0; i < n; i++)
        all |= 1u << ((unsigned)ours[i] % 31);
    return all;
}

static struct dtls_session_bond bond_of(const struct dtls_assoc *a)
{
    struct dtls_session_bond bond; /* compared byte by byte: padding must not differ */

    memset(&bond, 0, sizeof(bond));
    bond.peer = a->expected;
    bond.srtp = a->role == DTLS_SERVER ? a->hello_profile : offered_srtp(a);
    return bond;
}

static size_t key_of_id(uint8_t *key, const uint8_t *id, size_t len)
{
    key[0] = KEY_SERVER;
    memcpy(key + 1, id, len);
    return len + 1;
}

static size_t key_of_peer(uint8_t *key, const struct fingerprint *peer)
{
    size_t len = fingerprint_hash_len(peer->hash);

    key[0] = KEY_CLIENT;
    key[1] = (uint8_t)peer->hash;
    memcpy(key + 2, peer->digest, len);
    return len + 2;
}

bool dtls_resume_find(struct dtls_assoc *a, const uint8_t *id, size_t id_len, uint8_t *blob,
                      size_t *len)
{
    struct dtls_sessions *sessions = a->ctx->config.sessions;
    uint8_t key[1 + WOLF_SESSION_ID_BYTES];
    struct dtls_session_bond bond = bond_of(a);

    if (sessions == NULL || id_len != WOLF_SESSION_ID_BYTES)
        return false;
    /* No fingerprint yet, or several that will do: only a certificate can tell which. Only ids of
     * our own length: nobody else has made one that we could know. */
    if (!a->has_fingerprint || a->other_count > 0 ||
        !dtls_sessions_get(sessions, a->now, key, key_of_id(key, id, id_len), &bond, blob, len)) {
        a->ctx->stats.sessions_refused++;
        return false;
    }
    memcpy(a->session_id, id, id_len);
    a->bound = bond.peer;
    a->is_session_offered = true;
    return true;
}

void dtls_resume_offer(struct dtls_assoc *a)
{
    struct dtls_sessions *sessions = a->ctx->config.sessions;
    /* a stack copy of a master secret: wiped below */
    uint8_t key[DTLS_SESSION_KEY_MAX], blob[DTLS_SESSION_BLOB_MAX];
    struct dtls_session_bond bond = bond_of(a);
    size_t len;

    if (sessions == NULL || !a->has_fingerprint || a->other_count > 0 ||
        !dtls_sessions_get(sessions, a->now, key, key_of_peer(key, &a->expected), &bond, blob,
                           &len))
        return;
    /* A blob that the library refuses is forgotten by time; the full handshake follows by
     * itself. */
    if (wolf_session_offer(a->session, blob, len) == 0) {
        a->ctx->stats.sessions_offered++;
        a->bound = bond.peer;
        a->is_session_offered = true;
    }
    secret_wipe(blob, sizeof(blob));
}

void dtls_resume_keep(struct dtls_assoc *a)
{
    struct dtls_sessions *sessions = a->ctx->config.sessions;
    uint8_t key[DTLS_SESSION_KEY_MAX], blob[DTLS_SESSION_BLOB_MAX], id[WOLF_SESSION_ID_BYTES];
    struct dtls_session_bond bond = bond_of(a);
    size_t len = sizeof(blob), key_len;

    /* The library has no session to save where it was switched off: then nothing is kept. */
    if (sessions == NULL || wolf_session_save(a->session, id, blob, &len) != 0)
        return;
    key_len =
        a->role == DTLS_SERVER ? key_of_id(key, id, sizeof(id)) : key_of_peer(key, &bond.peer);
    dtls_sessions_put(sessions, a->now, key, key_len, &bond, blob, len);
    secret_wipe(blob, sizeof(blob));
    a->ctx->stats.sessions_kept++;
}

/* So that a session that one side has got wrong does not spoil the next call as well. */
void dtls_resume_forget(struct dtls_assoc *a)
{
    /* Both ends may have lost step (a restarted peer): the next handshake is a full one. */
    uint8_t key[DTLS_SESSION_KEY_MAX];
    size_t len;

    if (a->ctx->config.sessions == NULL || !a->is_session_offered)
        return;
    len = a->role == DTLS_SERVER ? key_of_id(key, a->session_id, sizeof(a->session_id))
                                 : key_of_peer(key, &a->expected);
    dtls_sessions_forget(a->ctx->config.sessions, key, len);
}
