/* H.235.10 inside fast connect (H.323 8.1.7): DTLS for channels that are opened by a Setup's
 * fastStart and its answer, before any capability is known.
 *
 *   caller: h23510_fast_propose → Setup … answer → h23510_fast_read_answer for each OLC of it
 *   callee: h23510_fast_read for each OLC of the Setup → h23510_fast_choose → h23510_fast_take
 *           → h23510_fast_answer
 *
 * What clause 8 of H.235.10 exchanges by TCS has to stand in the OLC itself: each proposal carries
 * one hash and the fingerprint made with it (T-OLC), the setup that its sender would take (also
 * `actpass`, as nobody has chosen yet), and `new`. Several proposals for one channel may differ in
 * hash, role, codec and protection; the callee selects, its answer is concrete. The capabilities of
 * an H.245 that follows do not change what runs (D-ONCE).
 *
 * The same `struct h23510` serves fast connect and H.245. Any thread, one at a time. */
#ifndef SIGNALLING_H23510_FAST_H
#define SIGNALLING_H23510_FAST_H

#include "signalling/h23510/h23510.h"
#include "signalling/h245/media.h"

#define H23510_FAST_MAX 32 /* OLCs of one fastStart that are looked at */

/* One OLC of a fastStart that a peer sent. */
struct h23510_fast_offer {
    struct h245_channel channel;
    bool is_reverse; /* from the callee to the caller */
    /* H23510_OK: protected, and it could be taken; H23510_NOT_PROTECTED: in the clear; any other:
     * protected, but not as H.235.10 wants it (T-BAD). */
    enum h23510_verdict verdict;
    struct h23510_agreement agreement; /* with H23510_OK: what taking it agrees on */
};

/* ---- callee ---- */

/* Reads one OLC of a Setup; `n` does not change but for its counters. Errors of
 * h245_read_fast_olc: it is passed over. */
int h23510_fast_read(struct h23510 *n, struct arena *a, const uint8_t *data, size_t len,
                     struct h23510_fast_offer *out);

/* Would this medium be taken (codec, conference)? */
typedef bool (*h23510_fast_accepts_fn)(void *arg, const struct h245_channel *channel);

/* A channel each way, by their index. */
struct h23510_fast_choice {
    size_t forward, reverse;
    bool is_protected;
};

/* The first pair of one H.225.0 session (1: audio) in the caller's order that fits: the same codec
 * and protection both ways, one connection and one transport for both (L-SHARE). Policy: REQUIRED
 * takes protected ones alone, OFF clear ones alone, PREFERRED protected ones first; clear ones
 * then, but only when nothing protected was offered: who can do DTLS gets it by H.245, or anybody
 * on the way could talk both sides out of it by spoiling proposals. False: fast connect is to be
 * refused; `*why` is the first thing that was wrong with a proposal, H23510_OK when nothing was. */
bool h23510_fast_choose(const struct h23510 *n, const struct h23510_fast_offer *offers,
                        size_t count, uint8_t session_id, h23510_fast_accepts_fn accepts, void *arg,
                        struct h23510_fast_choice *choice, enum h23510_verdict *why);

/* Agrees on the connection of a proposal that was chosen. ERR_STATE: there is another one. */
int h23510_fast_take(struct h23510 *n, const struct h23510_fast_offer *offer);

/* The OLC of the answer that accepts it. Forward: `media` and `control` are where we receive;
 * reverse: `lcn` is the number that we give our channel, and `media` is not written. `*data` lives
 * in the arena. After h23510_fast_take for a protected one. */
int h23510_fast_answer(struct h23510 *n, struct arena *a, const struct h23510_fast_offer *offer,
                       uint16_t lcn, const struct addr *media, const struct addr *control,
                       const uint8_t **data, size_t *len);

/* ---- both, where a session's connections negotiate on copies of its `struct h23510` ---- */

/* Our capabilities say from now on the role that a connection of fast connect has. */
void h23510_fast_pin(struct h23510 *session, const struct h23510_agreement *agreement);

/* A connection that is older than the peer's capabilities learns them: channels that are opened by
 * H.245 can join it then. What was agreed on it stays. */
void h23510_fast_learn(struct h23510 *connection, const struct h23510 *session);

/* ---- caller ---- */

/* One medium that we propose. */
struct h23510_fast_medium {
    uint8_t session_id;
    const struct h245_audio *audio; /* in order of preference; each gives a channel each way */
    size_t audio_count;
    struct addr media;         /* where we receive; protected: RTCP too (M-RTCPMUX) */
    struct addr media_control; /* RTCP of clear media; ADDR_NONE: those are not proposed */
    bool all_hashes;           /* a proposal for each hash of the policy, else for the first only */
};

struct h23510_fast_proposal {
    struct h245_channel channel; /* is_protected tells of the protection */
    bool is_reverse;
    enum fingerprint_hash hash;
    const uint8_t *data; /* encoded, in the arena */
    size_t len;
};

/* Appends the proposals of one medium at `*count`, protected ones in front: REQUIRED proposes
 * nothing else, OFF none of them. Our own channels are numbered from `*lcn`, which moves on.
 * ERR_LIMIT: more than `max`; ERR_NOMEM. */
int h23510_fast_propose(struct h23510 *n, struct arena *a, const struct h23510_fast_medium *medium,
                        uint16_t *lcn, struct h23510_fast_proposal *list, size_t max,
                        size_t *count);

/* Reads one OLC of an answer. 0: `*out` has it, and `*out_index` which proposal it accepts; a
 * verdict that is neither OK nor NOT_PROTECTED is T-BAD: the channel must not be used.
 * ERR_NOTFOUND: nothing that was proposed; other errors as of h245_read_fast_olc. */
int h23510_fast_read_answer(struct h23510 *n, struct arena *a, const uint8_t *data, size_t len,
                            const struct h23510_fast_proposal *list, size_t count,
                            struct h23510_fast_offer *out, size_t *out_index);

#endif
