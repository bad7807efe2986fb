/* One side of an H.235.10 negotiation: policy, made-up fingerprints, messages that go through the
 * PER codec on their way, as between real endpoints. */
#ifndef TESTS_H23510_SIDE_H
#define TESTS_H23510_SIDE_H

#include "base/arena.h"
#include "signalling/h23510/h23510.h"
#include "signalling/h245/media.h"
#include "signalling/schema/h245.h"

struct side {
    struct h23510 n;
    struct arena arena;
    struct h23510_policy policy;
};

/* `seed` makes the fingerprints; policy NULL: preferred, actpass, active when open. */
void side_init(struct side *s, const struct h23510_policy *policy, uint8_t seed);
void side_fini(struct side *s);

/* A set with PCMA and PCMU and what the policy adds. */
struct h245_TerminalCapabilitySet *side_tcs(struct side *s);

/* Gives `from`'s set to `to` through the wire. */
enum h23510_verdict side_exchange(struct side *from, struct side *to);

/* The OLC and Ack of a side (filled), NULL when it cannot. Wire copies in `to`'s arena. */
struct h245_OpenLogicalChannel *side_olc(struct side *from, struct side *to);
struct h245_OpenLogicalChannelAck *side_ack(struct side *from, struct side *to);

/* The DTLSSecurityCapability of a protected OLC. */
struct h245_DTLSSecurityCapability *side_dtls(struct h245_OpenLogicalChannel *olc);

/* "open-to-close" of one OLC: from sends, to judges and answers, from judges. */
struct side_result {
    enum h23510_verdict olc, ack;
    struct h23510_agreement answerer, offerer;
};
struct side_result side_open(struct side *from, struct side *to);

#endif
