/* SRTP engine: protects and unprotects bursts of RTP and RTCP (RFC 3711, RFC 7714).
 *
 * Order of calls:  engine = srtp_engine_create("libsrtp", limits)      once a worker
 *                  key    = srtp_key_create(engine, master)            once a direction of an
 * association stream = srtp_stream_create(key, dir, ssrc)         once an SSRC of that direction
 *                  srtp_protect_burst / srtp_unprotect_burst           per burst
 *                  srtp_stream_destroy, srtp_key_destroy, srtp_engine_destroy   in this order
 *
 * A key holds the key schedule, so that many streams of one association share it; a stream holds
 * what RFC 3711 §3.2.1 keeps per SSRC: roll-over counter, replay windows, SRTCP index. A stream
 * serves the RTP and the RTCP of its SSRC.
 *
 * An engine and all that hangs on it belongs to one thread (a worker). The burst functions take
 * no lock, log nothing and never fail as a whole: each job gets its own status. */
#ifndef CRYPTO_SRTP_H
#define CRYPTO_SRTP_H

#include "crypto/srtp_profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct srtp_engine;
struct srtp_key;
struct srtp_stream;

/* Outcome of one job; the texts are names of counters. */
#define SRTP_STATUS_LIST(X)                                                                       \
    X(SRTP_OK, "ok")                                                                              \
    X(SRTP_AUTH_FAIL, "auth_fail")     /* tag does not match: forged or wrong key */              \
    X(SRTP_REPLAY, "replay")           /* index seen already (RFC 3711 §3.3.2) */                \
    X(SRTP_TOO_OLD, "too_old")         /* index below the replay window */                        \
    X(SRTP_MALFORMED, "malformed")     /* not a whole RTP/RTCP header, or shorter than the tag */ \
    X(SRTP_KEY_EXPIRED, "key_expired") /* 2^48 RTP or 2^31 RTCP packets: needs a new key */       \
    X(SRTP_NO_ROOM, "no_room")         /* dst_cap below what the result needs */                  \
    X(SRTP_WRONG_SSRC, "wrong_ssrc")   /* the packet's SSRC is not the stream's */                \
    X(SRTP_FAILED, "failed")           /* the cryptographic library reports anything else */

enum srtp_status {
#define SRTP_STATUS_ENUM(name, text) name,
    SRTP_STATUS_LIST(SRTP_STATUS_ENUM)
#undef SRTP_STATUS_ENUM
        SRTP_STATUS_COUNT
};

enum srtp_dir {
    SRTP_OUTBOUND, /* protect: the key is what we write with (dtls_keys.local) */
    SRTP_INBOUND   /* unprotect: the key is what the peer writes with (dtls_keys.remote) */
};

/* Pool sizes of an engine, 1 key and 2 streams at least: creating beyond them gives ERR_LIMIT. */
struct srtp_limits {
    uint32_t keys;
    uint32_t streams;
};

/* One packet of a burst.
 *
 * Protect: the packet is hdr (hdr_len bytes) followed by src (len bytes); with hdr NULL, src is
 * the whole packet. The result goes to dst. So one decrypted payload feeds n protections, each
 * with its own RTP header, without being copied first. hdr may be dst itself (the header is
 * already in place), src may be dst or dst + hdr_len (in place); any other overlap is forbidden.
 * Unprotect: src (len bytes) is the whole packet, hdr is ignored, dst may be src.
 * src is left as it was unless it lies inside dst. */
struct srtp_job {
    struct srtp_stream *stream;
    const uint8_t *hdr; /* or NULL */
    const uint8_t *src;
    uint8_t *dst;
    uint16_t hdr_len;
    uint16_t len;     /* of src, bytes */
    uint16_t dst_cap; /* room at dst: protect needs len + hdr_len + SRTP_*_OVERHEAD_MAX at most */
    uint16_t out_len; /* result: bytes at dst, 0 unless SRTP_OK */
    bool is_rtcp;
    uint8_t status; /* result: enum srtp_status; dst is undefined unless SRTP_OK */
};

/* Makes an engine by its back end's name ("libsrtp"; "mb" where it is built in; "auto": the fastest
 * that works here) after running the back end's self-test against the RFC 3711 and RFC 7714
 * vectors. "mb" measures for some milliseconds which of the CPU's instruction sets is fastest for
 * each suite; SLUICE_SRTP_PATH in the environment (sse, sse-noshani, avx, avx2, avx512) pins one.
 * ERR_NOTFOUND: no such back end; ERR_UNSUPPORTED: this CPU cannot run it (a log line says why);
 * ERR_CRYPTO: self-test failed; ERR_INVAL, ERR_NOMEM. */
int srtp_engine_create(const char *name, const struct srtp_limits *limits,
                       struct srtp_engine **out);

/* Frees the engine; every key and stream must be gone already (ERR_STATE and no change if not). */
int srtp_engine_destroy(struct srtp_engine *engine);

/* Name of the back end. */
const char *srtp_engine_name(const struct srtp_engine *engine);

/* How it computes, for logs and reports: the instruction sets chosen for each suite; "" if the back
 * end has no choice. Valid as long as the engine. */
const char *srtp_engine_describe(const struct srtp_engine *engine);

/* Schedules one direction's master key; `master` is copied and may be wiped afterwards.
 * ERR_UNSUPPORTED: profile; ERR_LIMIT: pool full; ERR_NOMEM. */
int srtp_key_create(struct srtp_engine *engine, const struct srtp_master *master,
                    struct srtp_key **out);

/* Wipes and frees. Streams keep the key alive: the last of them frees it if destroyed later. */
void srtp_key_destroy(struct srtp_key *key);

/* Profile of a key. */
enum srtp_profile srtp_key_profile(const struct srtp_key *key);

/* Bytes that protecting an RTP (or RTCP) packet adds under this key. */
unsigned srtp_key_overhead(const struct srtp_key *key, bool is_rtcp);

/* Makes the context of one SSRC (host order), roll-over counter 0. For an inbound SSRC that is not
 * known yet the caller makes the stream, tries the packet, and destroys it if that fails; it must
 * bound how many it makes. ERR_LIMIT, ERR_NOMEM, ERR_CRYPTO. */
int srtp_stream_create(struct srtp_key *key, enum srtp_dir dir, uint32_t ssrc,
                       struct srtp_stream **out);
void srtp_stream_destroy(struct srtp_stream *stream);

/* Roll-over counter as it stands (RFC 3711 §3.3.1), and setting it when joining late or taking a
 * stream over. Setting also forgets the replay window. ERR_CRYPTO. */
int srtp_stream_get_roc(const struct srtp_stream *stream, uint32_t *out);
int srtp_stream_set_roc(struct srtp_stream *stream, uint32_t roc);

/* Runs n jobs in order and returns how many ended SRTP_OK. The jobs of one stream keep their
 * order; a failing one touches nobody else. All streams must be of `engine` and of the direction
 * that fits the call (a job that is not ends SRTP_FAILED). */
size_t srtp_protect_burst(struct srtp_engine *engine, struct srtp_job *jobs, size_t n);
size_t srtp_unprotect_burst(struct srtp_engine *engine, struct srtp_job *jobs, size_t n);

/* Counter name of a status, "unknown" for a foreign value. */
const char *srtp_status_to_str(enum srtp_status status);

#endif
