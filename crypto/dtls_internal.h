/* Parts of a DTLS context and an association. Private to crypto/. */
#ifndef CRYPTO_DTLS_INTERNAL_H
#define CRYPTO_DTLS_INTERNAL_H

#include "base/addr.h"
#include "crypto/dtls.h"
#include "crypto/dtls_gate.h"
#include "crypto/dtls_join.h"
#include "crypto/dtls_record.h"
#include "crypto/dtls_seal.h"
#include "crypto/dtls_shelf.h"
#include "crypto/wolf.h"

/* Both halves of the largest key and salt. */
#define DTLS_MATERIAL_MAX (2 * (SRTP_MASTER_KEY_MAX + SRTP_MASTER_SALT_MAX))
/* A last flight is answered again at most this often, and this often in all. */
#define DTLS_RESEND_INTERVAL_MS 100
#define DTLS_RESEND_MAX         32
/* A client begins anew at most so often because its cookie was refused. */
#define DTLS_RESTART_MAX 8
/* Taking the state out again costs 30 µs; a forged record must not make us do it at line rate. */
#define DTLS_UNPARK_INTERVAL_MS 100

/* A record with a ClientHello. */
#define DTLS_HELLO_MAX (DTLS_RECORD_HEADER + DTLS_HANDSHAKE_HEADER + DTLS_JOIN_MAX)

/* The longest alert: two octets under a CBC suite with its IV, MAC and padding are some 100. */
#define DTLS_ALERT_MAX 128

/* An alert that waits until the call that made it returns: what it is about is told here first.
 * The peer may act upon it in the same moment, and hang up by the signalling; who hears of that
 * before he hears of the failure takes it for an ordinary end. */
struct dtls_held_alert {
    struct dtls_assoc *of; /* NULL: none is held */
    size_t len;
    uint8_t data[DTLS_ALERT_MAX];
};

struct dtls_ctx {
    struct dtls_config config;
    struct wolf_ctx *wolf[2];      /* by enum dtls_role */
    struct wolf_session *listener; /* answers ClientHellos without a good cookie; may be NULL */
    uint8_t *secrets;      /* of cookies, old cookies, sealing; in memory that is not dumped */
    uint64_t hello_number; /* of the next record for the listener */
    uint8_t hello[DTLS_HELLO_MAX]; /* that record */
    uint64_t cookie_since;         /* of the secret in use; 0: not asked for yet */
    bool has_old_cookie;           /* the secret before is of use still */
    struct dtls_held_alert held;
    struct dtls_stats stats;
};

#define DTLS_SECRETS_BYTES (2 * WOLF_COOKIE_SECRET_BYTES + WOLF_SEAL_KEY_BYTES)

/* Datagrams of one flight in one block, each behind its length. */
struct dtls_flight {
    uint8_t *data;
    size_t len;
    size_t room;
};

/* Kept from the end of the handshake until the peer is verified. */
struct dtls_result {
    enum srtp_profile profile;
    uint8_t material[DTLS_MATERIAL_MAX];
    struct fingerprint peer[FINGERPRINT_HASH_COUNT];
};

struct dtls_assoc {
    struct dtls_ctx *ctx;
    const struct dtls_callbacks *callbacks;
    void *user;
    struct addr remote;
    struct wolf_session *session; /* NULL: none yet, parked, or dead */
    struct dtls_seal *seal;       /* takes the session's place where there are data */
    struct dtls_result *result;   /* between handshake and verification */
    struct dtls_join *join;       /* server: of a ClientHello in fragments; NULL: none came */
    uint8_t *parked;              /* sealed state of the session */
    struct dtls_flight flight;    /* what was sent since the last datagram came */
    struct dtls_gate *gate;       /* while the handshake runs */
    struct dtls_gate_marks marks; /* of the peer's last messages in the clear */
    const uint8_t *hello;         /* server: the ClientHello that is being handled */
    size_t hello_len;
    uint64_t hello_shift;    /* from the number of its record to the client's */
    uint64_t hello_number;   /* its record's, as the client wrote it */
    uint16_t hello_version;  /* that it names */
    uint64_t hello_base;     /* and as the library got it */
    uint64_t answered_below; /* server: above the record numbers of all that we answered so far */
    const char *cipher;
    struct fingerprint expected;
    struct fingerprint others[FINGERPRINT_OTHERS_MAX]; /* that will do, too; void once verified */
    struct fingerprint bound;                          /* of the session that is to be taken up */
    uint64_t now;                                      /* of the call that runs */
    uint64_t started_at;                               /* first flight */
    uint64_t retransmit_at; /* DTLS_NO_DEADLINE when not running, as the next two */
    uint64_t fail_at;
    uint64_t park_at;
    uint64_t resend_next; /* earliest time of the next re-sending of the last flight */
    uint64_t unpark_next;
    uint32_t retransmit_ms;
    uint16_t parked_len;
    uint16_t resends;
    uint16_t restarts;
    uint16_t depth; /* calls that are in this association now */
    uint8_t role;   /* enum dtls_role */
    uint8_t state;  /* enum dtls_state */
    uint8_t failure;
    uint8_t hello_profile; /* server: what we chose from the ClientHello that is being handled */
    bool has_remote;
    bool has_fingerprint;
    uint8_t other_count;
    bool without_srtp;
    bool is_over_sctp;
    bool may_lack_srtp;
    bool has_data;           /* dtls_assoc_carry_data */
    bool is_library_sealing; /* the library keeps the records: dtls_seal.h cannot do them */
    bool is_hello_good;      /* the listener took the cookie */
    bool is_session_offered; /* one that was kept is to be taken up */
    bool is_resumed;
    bool has_master_secret;                    /* extended_master_secret is agreed (RFC 7627) */
    uint8_t session_id[WOLF_SESSION_ID_BYTES]; /* server: of that one */
    bool is_probing;   /* an old cookie is being tried: what the library sends is dropped */
    bool is_sending;   /* inside on_send, that is inside the library */
    bool drop_session; /* freed when depth is 0 again, as the library may be in it */
    bool is_destroyed; /* freed when depth is 0 again */
};

/* dtls_assoc.c: the fingerprint that `seen` is one of; NULL. */
const struct fingerprint *dtls_find_expected(const struct dtls_assoc *a,
                                             const struct fingerprint *seen);

/* dtls_flight.c: the cache of the last flight. */
void dtls_flight_reset(struct dtls_flight *flight);
void dtls_flight_add(struct dtls_flight *flight, const uint8_t *data, size_t len);
void dtls_flight_free(struct dtls_flight *flight);
/* Hands each datagram out. */
void dtls_flight_each(const struct dtls_flight *flight,
                      void (*each)(void *, const uint8_t *, size_t), void *user);

/* dtls_ctx.c */
/* Makes a new secret when it is time. */
void dtls_ctx_age_cookies(struct dtls_ctx *ctx, uint64_t now);
const uint8_t *dtls_ctx_cookie_secret(const struct dtls_ctx *ctx);
/* NULL: none that is of use. */
const uint8_t *dtls_ctx_old_cookie_secret(const struct dtls_ctx *ctx);
const uint8_t *dtls_ctx_seal_key(const struct dtls_ctx *ctx);
/* Does the policy take a fingerprint made with this hash? */
bool dtls_ctx_takes_hash(const struct dtls_ctx *ctx, enum fingerprint_hash hash);
/* Profiles of an association, n = 0 for one without SRTP. */
size_t dtls_assoc_profiles(const struct dtls_assoc *assoc, const enum srtp_profile **out);

/* dtls_handshake.c: what the library calls back, and the first flights. */
extern const struct wolf_callbacks dtls_wolf_callbacks;
int dtls_client_begin(struct dtls_assoc *assoc);
/* A datagram of the handshake. */
void dtls_handshake_input(struct dtls_assoc *assoc, const uint8_t *data, size_t len);
/* Gives the library what the gate lets through. */
void dtls_handshake_feed(struct dtls_assoc *assoc);
/* The time for the handshake is over. */
void dtls_handshake_expire(struct dtls_assoc *assoc);
void dtls_server_hello(struct dtls_assoc *assoc, const struct addr *from, const uint8_t *data,
                       size_t len);
/* Acts upon what the library made of a datagram. */
void dtls_handle_result(struct dtls_assoc *assoc, enum wolf_result result);
/* The peer has sent close_notify. */
void dtls_handle_close(struct dtls_assoc *assoc);
/* A record of data has been opened. D-VERIFY is kept here. */
void dtls_hand_out(struct dtls_assoc *assoc, const uint8_t *data, size_t len);
/* Compares and, if equal, gives the keys out. */
void dtls_verify(struct dtls_assoc *assoc);

/* dtls_assoc.c */
/* Around whatever may call back: what dies in between is freed by the last leave. */
void dtls_assoc_enter(struct dtls_assoc *assoc, uint64_t now);
void dtls_assoc_leave(struct dtls_assoc *assoc);
void dtls_assoc_fail(struct dtls_assoc *assoc, enum dtls_failure reason, const char *text);
void dtls_assoc_emit(void *user, const uint8_t *data, size_t len);
void dtls_assoc_arm_retransmit(struct dtls_assoc *assoc);

/* dtls_data.c: records of an association that carries data. */
/* Established, with a session: from now on. */
void dtls_ready_for_data(struct dtls_assoc *assoc);
/* Before each use of an association from outside (not from a callback of the library): the session
 * gives its keys to a seal as soon as there are data, and goes. */
void dtls_take_over(struct dtls_assoc *assoc);
/* A datagram of records for the seal. */
void dtls_open_records(struct dtls_assoc *assoc, const uint8_t *data, size_t len);
int dtls_seal_and_send(struct dtls_assoc *assoc, uint8_t type, const uint8_t *data, size_t len);
/* close_notify, by whatever the association has. */
void dtls_say_goodbye(struct dtls_assoc *assoc);

/* dtls_resume.c */
/* Server: the session with this id, if it may be taken up in this call. */
bool dtls_resume_find(struct dtls_assoc *assoc, const uint8_t *id, size_t id_len, uint8_t *blob,
                      size_t *len);
/* Client, before its hello: offers the session with this peer, if there is one. */
void dtls_resume_offer(struct dtls_assoc *assoc);
/* After a full handshake with a verified peer. */
void dtls_resume_keep(struct dtls_assoc *assoc);
/* After a handshake that failed. */
void dtls_resume_forget(struct dtls_assoc *assoc);

/* dtls_park.c */
void dtls_park(struct dtls_assoc *assoc);
int dtls_unpark(struct dtls_assoc *assoc);

#endif
