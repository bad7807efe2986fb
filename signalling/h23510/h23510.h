/* H.235.10: negotiation of DTLS for the media of one session.
 *
 * Pure: no sockets, no certificates, no keys. It says what to offer in the TerminalCapabilitySet,
 * what to write into an OpenLogicalChannel and its Ack, judges what the peer wrote, and ends with
 * an agreement (our DTLS role, the peer's fingerprint) that the DTLS association is started with.
 *
 *   init → offer (our TCS) → on_peer_tcs → per channel: fill_olc, check_ack | check_olc, fill_ack
 *
 * One `struct h23510` belongs to a session; any thread, one at a time. Requirement ids (T-…, C-…)
 * are those of docs; the clauses are H.235.10's. */
#ifndef SIGNALLING_H23510_H23510_H
#define SIGNALLING_H23510_H23510_H

#include "base/addr.h"
#include "crypto/fingerprint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct h245_TerminalCapabilitySet;
struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;
struct h245_DTLSSecurityCapability;

#define H23510_USE_SRTP 14 /* IANA TLS extension number */

/* RFC 4145 §4 */
#define H23510_SETUP_LIST(X)           \
    X(H23510_SETUP_ACTIVE, "active")   \
    X(H23510_SETUP_PASSIVE, "passive") \
    X(H23510_SETUP_ACTPASS, "actpass") \
    X(H23510_SETUP_HOLDCONN, "holdconn")

enum h23510_setup {
#define H23510_SETUP_ENUM(name, token) name,
    H23510_SETUP_LIST(H23510_SETUP_ENUM)
#undef H23510_SETUP_ENUM
        H23510_SETUP_COUNT
};

/* What becomes of two sides' setup values. */
#define H23510_ROLE_LIST(X)           \
    X(H23510_ROLE_OPEN, "open")       \
    X(H23510_ROLE_ACTIVE, "active")   \
    X(H23510_ROLE_PASSIVE, "passive") \
    X(H23510_ROLE_HOLD, "hold")       \
    X(H23510_ROLE_IMPOSSIBLE, "impossible")

enum h23510_role {
#define H23510_ROLE_ENUM(name, text) name,
    H23510_ROLE_LIST(H23510_ROLE_ENUM)
#undef H23510_ROLE_ENUM
        H23510_ROLE_COUNT
};

/* RFC 4145 §5 */
enum h23510_connection {
    H23510_CONNECTION_NEW,
    H23510_CONNECTION_EXISTING,
};

/* Judgement of something that the peer sent. */
#define H23510_VERDICT_LIST(X)                                                          \
    X(H23510_OK, "ok")                                                                  \
    X(H23510_NOT_PROTECTED, "channel is not protected")                                 \
    X(H23510_NO_DTLS, "peer offers no DTLS for media")                                  \
    X(H23510_NO_HASH, "hashFunction is empty")                                          \
    X(H23510_MANY_HASHES, "more than one hashFunction beside a fingerprint")            \
    X(H23510_HASH_UNKNOWN, "hashFunction is not one that we know")                      \
    X(H23510_HASH_FORBIDDEN, "hashFunction md2 or md5 is forbidden")                    \
    X(H23510_HASH_NOT_COMMON, "hashFunction is not one that both sides offered")        \
    X(H23510_NO_COMMON_HASH, "no hashFunction in common")                               \
    X(H23510_NO_FINGERPRINT, "fingerprint is missing")                                  \
    X(H23510_BAD_FINGERPRINT, "fingerprint is malformed")                               \
    X(H23510_FINGERPRINT_LENGTH, "fingerprint's length does not fit its hash")          \
    X(H23510_BAD_SETUP, "setupInformation is not active, passive, actpass or holdconn") \
    X(H23510_BAD_CONNECTION, "connectionInformation is not new or existing")            \
    X(H23510_ROLE_CONFLICT, "setup roles of both sides exclude each other")             \
    X(H23510_ROLE_NOT_OFFERED, "setup role is not one that was offered")                \
    X(H23510_ROLE_UNDECIDED, "setup role is still open in an answer")                   \
    X(H23510_NO_CONNECTION, "existing connection asked for, but there is none")         \
    X(H23510_FINGERPRINT_CHANGED, "fingerprint changed on an existing connection")      \
    X(H23510_NO_CAPABILITY, "no DTLS capability was exchanged before")                  \
    X(H23510_RTCP_NOT_MUXED, "mediaControlChannel differs from mediaChannel")           \
    X(H23510_ADDRESS_DIFFERS, "transport differs from that of the shared connection")

enum h23510_verdict {
#define H23510_VERDICT_ENUM(name, text) name,
    H23510_VERDICT_LIST(H23510_VERDICT_ENUM)
#undef H23510_VERDICT_ENUM
        H23510_VERDICT_COUNT
};

/* How much the session insists. */
enum h23510_mode {
    H23510_MODE_OFF,       /* never offered, never accepted */
    H23510_MODE_PREFERRED, /* offered beside clear media */
    H23510_MODE_REQUIRED,  /* clear media are not offered */
};

struct h23510_policy {
    enum h23510_mode mode;
    enum fingerprint_hash hashes[FINGERPRINT_HASH_COUNT]; /* in order of preference */
    size_t hash_count;                                    /* 0: sha-256, sha-384, sha-512 */
    bool allow_sha1;                                      /* else a sha-1 in `hashes` is left out */
    enum h23510_setup setup;     /* what we offer; H23510_SETUP_ACTPASS is the usual */
    enum h23510_setup open_role; /* ACTIVE or PASSIVE: ours when both sides stay open */
    bool no_extensions_type;     /* leave the extensionsType addition out (see docs) */
};

/* Certificate's fingerprints, one for each hash that the policy may choose. */
struct h23510_identity {
    struct fingerprint fingerprints[FINGERPRINT_HASH_COUNT]; /* by enum fingerprint_hash */
};

/* One side's DTLSSecurityCapability, read. Without setupInformation it is `active`, what RFC 4145
 * §4 gives an offerer that says nothing; without connectionInformation it is `new` (§5). */
struct h23510_params {
    bool hashes[FINGERPRINT_HASH_COUNT]; /* known ones that it lists */
    unsigned hashes_listed;              /* all tokens, known or not */
    unsigned hashes_unknown;             /* ignored in a capability */
    unsigned hashes_forbidden;           /* md2, md5 */
    bool has_setup, has_connection, has_fingerprint, has_extensions;
    enum h23510_setup setup;
    enum h23510_connection connection;
    bool use_srtp; /* extensionsType lists 14 */
};

/* What both sides agreed on for one DTLS connection. */
struct h23510_agreement {
    bool is_set;
    enum h23510_role role;               /* ACTIVE: we start the handshake; PASSIVE; HOLD: nobody */
    enum fingerprint_hash local_hash;    /* of our fingerprint in OLC or Ack */
    struct fingerprint peer_fingerprint; /* what the certificate has to hash to */
    /* By SDP alone, where a side may have several certificates (RFC 8122 5.1): or to one of these,
     * by the same hash. An H.245 DTLSSecurityCapability has one fingerprint. */
    struct fingerprint peer_others[FINGERPRINT_OTHERS_MAX];
    uint8_t peer_other_count;
    enum h23510_connection connection;
    bool is_new; /* this OLC/Ack made it: start an association. false: D-ONCE, already there */
};

struct h23510_stats {
    unsigned tcs_fingerprints_ignored; /* T-NOFP */
    unsigned hashes_unknown;
    unsigned hashes_forbidden;
    unsigned refused;        /* verdicts other than OK */
    unsigned roles_disagree; /* a TCS that says another role than the connection that runs has */
};

/* Caller's storage; members are the negotiation's own business but may be read. */
struct h23510 {
    struct h23510_policy policy;
    struct h23510_identity identity;
    bool peer_known;                       /* a TCS of the peer was read */
    bool peer_offers;                      /* it has a usable dtlsSecurityCapability */
    struct h23510_params peer;             /* from its TCS */
    bool common[FINGERPRINT_HASH_COUNT];   /* intersection, C-HASH */
    enum fingerprint_hash chosen;          /* our first choice of the intersection */
    enum h23510_role tcs_role;             /* of both capabilities */
    bool olc_sent;                         /* we wrote a role into an OLC */
    bool is_tie_broken;                    /* the peer's OLC crossed it with the same role */
    enum h23510_role olc_role;             /* what we wrote */
    enum fingerprint_hash olc_hash;        /* our fingerprint's hash in it */
    enum h23510_setup offered;             /* setup of our newest TCS, policy.setup before it */
    bool proposed[FINGERPRINT_HASH_COUNT]; /* hashes of our fastStart (fast.h) */
    struct h23510_agreement agreement;
    enum h23510_verdict last_verdict;
    struct h23510_stats stats;
};

/* ERR_INVAL: no usable hash in the policy, an open_role that is neither active nor passive. */
int h23510_init(struct h23510 *n, const struct h23510_policy *policy,
                const struct h23510_identity *identity);

/* T-TCS, T-NOFP, T-SAME: adds an h235SecurityCapability entry (number 100 + n, or the next free)
 * for every audio, video and data entry n that the set can receive, all with identical values, and
 * puts them in front of the clear ones in each alternative set (H23510_MODE_REQUIRED: instead of
 * them). A connection that fast connect has made already gives the set its role (D-ONCE). Does
 * nothing with H23510_MODE_OFF. ERR_NOMEM, ERR_LIMIT. */
int h23510_offer(struct h23510 *n, struct arena *a, struct h245_TerminalCapabilitySet *tcs);

/* Pass-through (clause 8.1, note): the negotiation stands for another peer, who will be the other
 * end of the DTLS connection. What that one can do goes in the place of our policy: its hashes (as
 * far as our configuration has them, in our order) and its setup. To be called before h23510_offer;
 * the verdict is that on the peer's set, if it came already. ERR-free; `count` is at least 1. */
enum h23510_verdict h23510_stand_for(struct h23510 *n, const enum fingerprint_hash *hashes,
                                     size_t count, enum h23510_setup setup);

/* Its fingerprints: to be known before the first OLC or Ack of ours. ERR_NOTFOUND: none is by a
 * hash that both sides have. */
int h23510_stand_with(struct h23510 *n, const struct fingerprint *fingerprints, size_t count);

/* Reads the peer's set. H23510_OK: DTLS can be used; any other verdict says why it cannot (the
 * policy says what follows from that). `protects`, when not NULL, gets the numbers of the entries
 * that the peer protects, up to `protects_max`; `*protects_count` how many. */
enum h23510_verdict h23510_on_peer_tcs(struct h23510 *n,
                                       const struct h245_TerminalCapabilitySet *tcs,
                                       uint16_t *protects, size_t protects_max,
                                       size_t *protects_count);

/* Can an OLC be protected now (both capabilities known, hash and role possible)? */
bool h23510_is_usable(const struct h23510 *n);

/* RFC 4145 §4: all is agreed but the time: one side said `holdconn`. No connection is begun, and
 * no media go another way meanwhile, until a set says otherwise. */
bool h23510_is_held(const struct h23510 *n);

/* The newest set of the peer decides the role of a connection that its OLC or Ack held back. True:
 * it may begin now; the agreement tells the role. A pair that leaves it open (both actpass) does
 * not: the next OLC settles that. `newest` is the negotiation that the set was given to. */
bool h23510_release(struct h23510 *n, const struct h23510 *newest);

/* When both sides send their OLC at once and both wrote the same role (only possible when both
 * offered actpass), the side with the greater fingerprint, compared as octets, is active; each
 * side's Ack tells its final role. A side that can wait for the peer's OLC avoids this. */

/* T-OLC: turns `dataType` of the OLC into h235Media with exactly one hash, our setup
 * (concrete also when both offered actpass, C-ROLE), connection and fingerprint. ERR_STATE when
 * not usable. */
int h23510_fill_olc(struct h23510 *n, struct arena *a, struct h245_OpenLogicalChannel *olc);

/* T-ACK: adds dtlsSecurityCapability. After check_olc said OK for the OLC that it answers. */
int h23510_fill_ack(struct h23510 *n, struct arena *a, struct h245_OpenLogicalChannelAck *ack);

/* T-BAD: judges a received OLC. On OK `*agreement` is the connection that the channel is on; any
 * other verdict but NOT_PROTECTED is answered with OLCReject securityDenied and nothing changes. */
enum h23510_verdict h23510_check_olc(struct h23510 *n, const struct h245_OpenLogicalChannel *olc,
                                     struct h23510_agreement *agreement);

/* RFC 4145 §5: does a protected OLC ask for a connection of its own, or for the running one?
 * Nothing said: a new one. What the other values of the OLC make of that is the session's business:
 * identical ones join what runs (D-ONCE, A-ADD), whatever is said here. */
enum h23510_connection h23510_wanted(const struct h245_OpenLogicalChannel *olc);

/* T-BAD: judges a received Ack of an OLC that h23510_fill_olc made. */
enum h23510_verdict h23510_check_ack(struct h23510 *n, const struct h245_OpenLogicalChannelAck *ack,
                                     struct h23510_agreement *agreement);

/* M-RTCPMUX, L-SHARE: may media run over these addresses of the peer (ADDR_NONE: not given)?
 * `shared` is the peer's transport of the running connection, NULL or ADDR_NONE when there is none.
 */
enum h23510_verdict h23510_check_transport(const struct addr *media, const struct addr *control,
                                           const struct addr *shared);

/* The connection is gone (its last channel closed): the next OLC makes a new one. */
void h23510_reset_connection(struct h23510 *n);

/* C-ROLE: our role when we said `local` and the peer `peer`; the other side's is the mirror. */
enum h23510_role h23510_role_of(enum h23510_setup local, enum h23510_setup peer);

/* Reads a DTLSSecurityCapability as a capability (many hashes, no fingerprint looked at). */
enum h23510_verdict h23510_read_params(const struct h245_DTLSSecurityCapability *cap,
                                       struct h23510_params *params);

const char *h23510_setup_to_str(enum h23510_setup setup);
const char *h23510_role_to_str(enum h23510_role role);
const char *h23510_verdict_to_str(enum h23510_verdict verdict);
/* For configuration files; ERR_NOTFOUND. */
int h23510_setup_parse(const char *token, size_t len, enum h23510_setup *setup);

#endif
