/* What the files of this folder share. Not for anybody else. */
#ifndef SIGNALLING_H23510_INTERNAL_H
#define SIGNALLING_H23510_INTERNAL_H

#include "base/arena.h"
#include "base/err.h"
#include "signalling/h23510/h23510.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

/* What stands beside a fingerprint: one hash, one setup, one connection. */
struct h23510_binding {
    struct fingerprint fingerprint;
    bool has_setup;
    enum h23510_setup setup;
    enum h23510_connection connection;
};

/* P-HASH, P-SETUP, P-CONN: the tokens of a capability, without a judgement on the whole. */
enum h23510_verdict h23510_read_hashes(const struct h245_DTLSSecurityCapability *cap,
                                       struct h23510_params *params);

/* T-OLC, T-ACK: exactly one hash out of `common`, a fingerprint that fits it. */
enum h23510_verdict h23510_read_binding(const struct h245_DTLSSecurityCapability *cap,
                                        const bool *common, struct h23510_binding *binding);

/* Our side: the hashes that the policy offers in order, or one with its fingerprint. */
struct h245_DTLSSecurityCapability *h23510_build_offer(const struct h23510 *n, struct arena *a);
struct h245_DTLSSecurityCapability *h23510_build_binding(const struct h23510 *n, struct arena *a,
                                                         enum fingerprint_hash hash,
                                                         enum h23510_role role,
                                                         enum h23510_connection connection);

/* The same with the role that we offer instead of one that is decided: for a fastStart. */
struct h245_DTLSSecurityCapability *h23510_build_proposal(const struct h23510 *n, struct arena *a,
                                                          enum fingerprint_hash hash);

/* The media that the dataType names, inside h235Media from now on. ERR_STATE: it names none. */
int h23510_wrap(struct h245_DataType *type, struct h245_H235Media *media);

/* D-ONCE: the same fingerprint on a running connection joins it; without one it is begun, our own
 * fingerprint made with `hash`. The role was judged by the caller. */
enum h23510_verdict h23510_agree(struct h23510 *n, const struct h23510_binding *b,
                                 enum h23510_role role, enum fingerprint_hash hash,
                                 struct h23510_agreement *agreement);

/* ACTIVE ↔ PASSIVE, HOLD stays. */
enum h23510_role h23510_mirror(enum h23510_role role);

/* Remembers and counts a verdict, and returns it. */
enum h23510_verdict h23510_conclude(struct h23510 *n, enum h23510_verdict verdict);

const char *h23510_connection_to_str(enum h23510_connection connection);

#endif
