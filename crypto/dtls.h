/* DTLS 1.2 associations for media (RFC 6347, RFC 5764), sans-I/O: datagrams and the time go in,
 * datagrams and events come out. H.235.10 §8.3 decides who is trusted: each side's certificate
 * must hash to the fingerprint that the signalling carried; chains, names and dates say nothing.
 *
 * Order of calls:  ctx   = dtls_ctx_create(config)                  once a shard
 *                  assoc = dtls_assoc_create(ctx, options)          once a transport
 *                  dtls_assoc_set_fingerprint(assoc, now, fp)       when signalled, before or after
 *                  dtls_assoc_start(assoc, now)                     client: sends the ClientHello
 *                  dtls_assoc_input / dtls_assoc_on_timer           as things happen
 *                  dtls_assoc_close, dtls_assoc_destroy
 *
 * D-VERIFY is kept by construction: the keys leave this module only through on_established, and
 * that is called once, after the handshake is whole and the peer's certificate was equal to a
 * fingerprint that had been set. A handshake that ends before the fingerprint is known waits.
 *
 * A server holds no state for a client before that client has echoed a good cookie; until then it
 * answers a ClientHello with a HelloVerifyRequest no larger than the question.
 *
 * A context and its associations belong to one thread. Callbacks run inside the calls below on
 * that thread. They may call anything here for another association; for their own, on_send may call
 * dtls_assoc_destroy only, the others all but dtls_assoc_input and dtls_assoc_on_timer (ERR_STATE).
 * `now` is in milliseconds of any clock that does not run backwards. */
#ifndef CRYPTO_DTLS_H
#define CRYPTO_DTLS_H

#include "crypto/fingerprint.h"
#include "crypto/srtp_profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;          /* base/addr.h */
struct cert;          /* crypto/cert.h */
struct dtls_sessions; /* crypto/dtls_sessions.h */
struct dtls_ctx;
struct dtls_assoc;

/* "No timer runs". */
#define DTLS_NO_DEADLINE UINT64_MAX
/* A new secret for cookies comes so often (RFC 6347 §4.2.1: it should be changed frequently)... */
#define DTLS_COOKIE_MS 300000
/* ... and those of the one before are taken so long after it. */
#define DTLS_COOKIE_OVERLAP_MS 60000
/* Largest datagram that input takes and send makes. */
#define DTLS_DATAGRAM_MAX 16384
/* Largest record of an association that carries data: with what DTLS, UDP and IPv6 add, in the
 * protection that adds most, 1,500 octets. */
#define DTLS_RECORD_MAX 1379
/* The same over SCTP, which cuts for itself (RFC 6083 section 3.3), and the largest message that
 * may come there: one record with all that can be around it (section 4.1). */
#define DTLS_SCTP_RECORD_MAX  16384
#define DTLS_SCTP_MESSAGE_MAX (16384 + 2048 + 13)

enum dtls_role {
    DTLS_CLIENT, /* active (RFC 4145): sends the ClientHello */
    DTLS_SERVER  /* passive */
};

#define DTLS_STATE_LIST(X)                                                                   \
    X(DTLS_IDLE, "idle")               /* client: not started; server: no good cookie yet */ \
    X(DTLS_HANDSHAKE, "handshake")     /* flights are being exchanged */                     \
    X(DTLS_UNVERIFIED, "unverified")   /* handshake whole, fingerprint not signalled yet */  \
    X(DTLS_ESTABLISHED, "established") /* verified; keys are out */                          \
    X(DTLS_CLOSED, "closed")           /* close_notify sent or received */                   \
    X(DTLS_FAILED, "failed")

enum dtls_state {
#define DTLS_STATE_ENUM(name, text) name,
    DTLS_STATE_LIST(DTLS_STATE_ENUM)
#undef DTLS_STATE_ENUM
};

/* Why an association failed. The texts are names of counters and go into events. */
#define DTLS_FAILURE_LIST(X)                                                                       \
    X(DTLS_FAIL_NONE, "none")                                                                      \
    X(DTLS_FAIL_TIMEOUT, "timeout")                  /* peer did not answer in time */             \
    X(DTLS_FAIL_NO_FINGERPRINT, "no_fingerprint")    /* handshake whole, none signalled in time */ \
    X(DTLS_FAIL_FINGERPRINT, "fingerprint_mismatch") /* D-MISMATCH */                              \
    X(DTLS_FAIL_NO_CERTIFICATE, "no_certificate")    /* peer sent no certificate */                \
    X(DTLS_FAIL_NO_PROFILE, "no_common_profile")     /* no use_srtp, or nothing in common */       \
    X(DTLS_FAIL_NO_CIPHER, "no_common_cipher")                                                     \
    X(DTLS_FAIL_VERSION, "version")       /* peer does not speak DTLS 1.2 */                       \
    X(DTLS_FAIL_PEER_ALERT, "peer_alert") /* peer sent a fatal alert */                            \
    X(DTLS_FAIL_PROTOCOL, "protocol")     /* peer broke the protocol */                            \
    X(DTLS_FAIL_INTERNAL, "internal")     /* out of memory, library failure */

enum dtls_failure {
#define DTLS_FAILURE_ENUM(name, text) name,
    DTLS_FAILURE_LIST(DTLS_FAILURE_ENUM)
#undef DTLS_FAILURE_ENUM
        DTLS_FAILURE_COUNT
};

/* What a handshake produced. Valid during on_established only; copy what is needed, and wipe the
 * copies with secret_wipe. `local` is what we write with, `remote` what the peer writes with: the
 * client/server halves of RFC 5764 §4.2 are already turned the right way round for our role. */
struct dtls_established {
    enum srtp_profile profile; /* SRTP_PROFILE_NONE when use_srtp was not wanted */
    struct srtp_master local;
    struct srtp_master remote;
    const char *cipher;             /* IANA name of the cipher suite, static storage */
    const struct fingerprint *peer; /* the fingerprint that matched */
    uint32_t handshake_ms;          /* first flight to verified */
    bool is_resumed;                /* abbreviated: verified when the session was made */
};

struct dtls_callbacks {
    /* A datagram to go out to `to`. The bytes are the callee's only during the call. An alert comes
     * behind the callback that tells what it is about. */
    void (*on_send)(void *user, const struct addr *to, const uint8_t *data, size_t len);
    /* Once: handshake whole and peer verified. */
    void (*on_established)(void *user, const struct dtls_established *result);
    /* Once, instead of or after on_established: the association is dead. `text` says what was
     * seen, for the log; static or valid during the call. */
    void (*on_failed)(void *user, enum dtls_failure reason, const char *text);
    /* Once: the peer sent close_notify. Not called for our own dtls_assoc_close. */
    void (*on_closed)(void *user);
    /* One application_data record (D-RECORD). May be NULL: records are then counted, dropped. */
    void (*on_data)(void *user, const uint8_t *data, size_t len);
};

#define DTLS_RANDOM_BYTES 32
#define DTLS_SECRET_BYTES 48

struct dtls_config {
    /* For a debugger of protocols alone: called with what decrypts a connection, once its handshake
     * is whole. NULL: never. The bytes are the callee's only during the call. */
    void (*on_secret)(void *user, const uint8_t client_random[DTLS_RANDOM_BYTES],
                      const uint8_t master[DTLS_SECRET_BYTES]);
    void *secret_user;
    const struct cert *cert;                        /* ours; must outlive the context */
    enum srtp_profile profiles[SRTP_PROFILE_COUNT]; /* what we take, best first */
    uint8_t profile_count;                          /* 0: no use_srtp at all */
    /* X-RESUME: where sessions are kept for the next call; may be shared by contexts with the same
     * certificate, and must outlive them. NULL: every handshake is a full one. */
    struct dtls_sessions *sessions;
    bool allow_sha1;                /* take fingerprints made with SHA-1 */
    bool park;                      /* put the library's state away once keyed */
    uint16_t mtu;                   /* of a datagram's payload, 256..16384, bytes */
    uint32_t retransmit_initial_ms; /* first retransmission, then doubled */
    uint32_t retransmit_max_ms;     /* the doubling ends here */
    uint32_t handshake_timeout_ms;  /* from start (server: good cookie) to established */
    uint32_t park_after_ms;         /* established and quiet so long */
};

struct dtls_options {
    enum dtls_role role;
    const struct addr *remote; /* NULL for a server: learnt from the first good cookie */
    const struct fingerprint *fingerprint; /* NULL: set later */
    /* Beside it, by the same hash: the peer has several certificates and shows one of them (RFC
     * 8122 5.1). At most FINGERPRINT_OTHERS_MAX. */
    const struct fingerprint *others;
    size_t other_count;
    bool without_srtp; /* offer and take no use_srtp on this one (records only) */
    /* RFC 6083: what is below delivers each record once, in any order and of any length. No window
     * against replays (3.4), records of 2^14 octets (3.3), dtls_assoc_export. Without SRTP. */
    bool is_over_sctp;
    bool may_lack_srtp; /* D-RECORD: a peer that has no profile with us is taken all the same */
    const struct dtls_callbacks *callbacks; /* must outlive the association */
    void *user;
};

/* Counters of a context; only its thread writes them. */
#define DTLS_STAT_LIST(X)                                                                       \
    X(created)                                                                                  \
    X(established)                                                                              \
    X(failed)                                                                                   \
    X(closed)                                                                                   \
    X(datagrams_in)                                                                             \
    X(datagrams_out)                                                                            \
    X(retransmits)                                                                              \
    X(last_flight_resent)                                                                       \
    X(hello_verify_sent) /* answers to ClientHellos without a good cookie */                    \
    X(cookie_good)                                                                              \
    X(cookie_old)                                                                               \
    /* good by the secret before */ X(cookie_secrets) /* made */                                \
    X(dropped_not_dtls) /* first byte, version or length is no DTLS 1.x record */               \
    X(dropped_address)  /* from another address than the association's */                       \
    X(dropped_dead)     /* association failed or closed already */                              \
    X(dropped_hello)    /* no ClientHello where only one is taken */                            \
    X(data_in)                                                                                  \
    X(data_out)                                                                                 \
    X(data_dropped)                                                                             \
    X(parked)                                                                                   \
    X(unparked)              /* Forgeries in handshakes (dtls_gate.h). */                       \
    X(alerts_ignored)        /* in the clear, before anything was verified */                   \
    X(hellos_ignored)        /* another ClientHello while a handshake runs */                   \
    X(messages_ignored)      /* of a kind or number that has no place there */                  \
    X(messages_contradicted) /* differ from what came before for the same place */              \
    X(proofs_failed)         /* signatures that do not hold */                                  \
    X(proofs_left_out)       /* not checked, as too many were */                                \
    X(verify_unmirrored)     /* HelloVerifyRequests without our record number */                \
    X(restarts) /* client: begun anew with another cookie */ /* Resumption. */                  \
    X(without_master_secret)                                 /* established without RFC 7627 */ \
    X(handshakes_full)                                                                          \
    X(handshakes_resumed)                                                                       \
    X(sessions_kept)                                                                            \
    X(sessions_offered) /* client */                                                            \
    X(sessions_refused) /* server: asked for, but unknown, too old or of another bond */

struct dtls_stats {
#define DTLS_STAT_FIELD(name) uint64_t name;
    DTLS_STAT_LIST(DTLS_STAT_FIELD)
#undef DTLS_STAT_FIELD
    uint64_t failed_by[DTLS_FAILURE_COUNT];
};

/* Fills a configuration with defaults a carrier would take: all four profiles in our order, no
 * SHA-1, parking after 10 s, MTU 1200, 200 ms doubling to 1.6 s, handshake within 30 s. */
void dtls_config_init(struct dtls_config *config, const struct cert *cert);

/* ERR_INVAL: something in config out of range; ERR_UNSUPPORTED: profile; ERR_CRYPTO, ERR_NOMEM. */
int dtls_ctx_create(const struct dtls_config *config, struct dtls_ctx **out);

/* All associations must be destroyed before. */
void dtls_ctx_destroy(struct dtls_ctx *ctx);

/* Counters of all its associations; valid as long as the context. */
const struct dtls_stats *dtls_ctx_stats(const struct dtls_ctx *ctx);

/* Makes an association; nothing is sent yet. ERR_INVAL: client without remote, others without a
 * first, too many or by another hash; ERR_REFUSED: fingerprint made with a hash that the policy
 * does not take; ERR_NOMEM. */
int dtls_assoc_create(struct dtls_ctx *ctx, const struct dtls_options *options,
                      struct dtls_assoc **out);

/* Wipes the keys and frees. Sends nothing. NULL is allowed. */
void dtls_assoc_destroy(struct dtls_assoc *assoc);

/* Client: sends the first flight. Server: starts the wait for one (handshake_timeout_ms). Calling
 * it again does nothing (D-ONCE). ERR_STATE: failed or closed already. */
int dtls_assoc_start(struct dtls_assoc *assoc, uint64_t now);

/* What the signalling says the peer's certificate hashes to; others are void then. Setting the same
 * again is allowed; ERR_STATE: another one was verified already; ERR_REFUSED: hash not taken by the
 * policy. May call on_established or on_failed. */
int dtls_assoc_set_fingerprint(struct dtls_assoc *assoc, uint64_t now,
                               const struct fingerprint *fp);

/* Where the peer is; for a server before the handshake, when signalling tells it. ERR_STATE once
 * the handshake runs. */
int dtls_assoc_set_remote(struct dtls_assoc *assoc, const struct addr *remote);

/* One datagram that came from `from`, with one or several records. Returns 0 when it was taken;
 * ERR_MALFORMED: not DTLS; ERR_REFUSED: third address; ERR_CLOSED: association is dead. Every
 * refusal is counted. What the peer did wrong inside is told by on_failed, not here. */
int dtls_assoc_input(struct dtls_assoc *assoc, uint64_t now, const struct addr *from,
                     const uint8_t *data, size_t len);

/* When on_timer wants to be called, DTLS_NO_DEADLINE if never. Changes with every other call. */
uint64_t dtls_assoc_next_deadline(const struct dtls_assoc *assoc);
void dtls_assoc_on_timer(struct dtls_assoc *assoc, uint64_t now);

/* Records of data are this association's business from now on: it is not put away when it is quiet,
 * and its records may fill a whole packet on the path (DTLS_RECORD_MAX), as those of a relay's
 * other side do. Any time before the end. */
void dtls_assoc_carry_data(struct dtls_assoc *assoc, uint64_t now);

/* Sends one application_data record. ERR_STATE: not established; ERR_RANGE: beyond the MTU. */
int dtls_assoc_send(struct dtls_assoc *assoc, uint64_t now, const uint8_t *data, size_t len);

/* Key material by the exporter of RFC 5705, without a context; from the moment that the handshake
 * has a master secret until the first record of data. Only of an association over SCTP. ERR_STATE:
 * none yet, or no more; ERR_CRYPTO. */
int dtls_assoc_export(struct dtls_assoc *assoc, const char *label, uint8_t *out, size_t len);

/* Sends close_notify (during the handshake too) and goes to DTLS_CLOSED; no answer is waited for.
 */
void dtls_assoc_close(struct dtls_assoc *assoc, uint64_t now);

/* State; why it failed (DTLS_FAIL_NONE unless DTLS_FAILED); does it wait for the fingerprint? */
enum dtls_state dtls_assoc_state(const struct dtls_assoc *assoc);
enum dtls_failure dtls_assoc_failure(const struct dtls_assoc *assoc);
bool dtls_assoc_is_parked(const struct dtls_assoc *assoc);

const char *dtls_state_to_str(enum dtls_state state);
const char *dtls_failure_to_str(enum dtls_failure reason);

#endif
