/* Who is attacked: the attacker reads the signalling, which is in the clear, and knows where the
 * media will be before the first datagram of theirs is sent. */
#ifndef ATTACK_TARGET_H
#define ATTACK_TARGET_H

#include "tests/e2e/attacks/attack_frame.h"

#define TARGETS_MAX 4096u

struct target {
    struct end peer;    /* what the signalling names */
    uint16_t port;      /* the server's */
    uint64_t seen_ms;   /* when both were known */
    uint64_t record_ms; /* 0: no DTLS from the peer yet */
    uint64_t media_ms;  /* 0: no SRTP yet */
    unsigned turn;
};

struct targets {
    uint32_t media_ip;
    uint16_t port_first, port_last;
    struct target all[TARGETS_MAX]; /* newest last, a ring by `count` */
    size_t count;                   /* ever */
};

/* A segment of signalling. Returns the target that is now known, NULL if none new is. */
struct target *target_of_segment(struct targets *targets, const struct seen *seen, uint64_t now);

/* The newest target of that pair; NULL: unknown. */
struct target *target_find(struct targets *targets, struct end peer, uint16_t port);

struct target *target_add(struct targets *targets, struct end peer, uint16_t port, uint64_t now);

#endif
