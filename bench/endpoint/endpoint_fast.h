/* Fast connect of the endpoint (H.323 8.1.7), with H.235.10 where the policy says so: proposals in
 * a Setup, their choice by a callee, and what an answer opens. */
#ifndef BENCH_ENDPOINT_FAST_H
#define BENCH_ENDPOINT_FAST_H

#include <stdbool.h>
#include <stddef.h>

#include "signalling/h225/call.h"
#include "signalling/h23510/fast.h"

struct leg;

enum fast_state {
    FAST_NONE,
    FAST_OFFERED, /* the answer is awaited */
    FAST_TAKEN,   /* both channels are open */
    FAST_REFUSED  /* H.245 opens them */
};

struct fast {
    enum fast_state state;
    struct h23510_fast_proposal list[H23510_FAST_MAX];
    size_t count;
    bool has_forward, has_reverse;
};

/* Caller: binds the media and writes the proposals for a Setup. `out` (H23510_FAST_MAX) points
 * into the leg's arena until the leg builds the next message. */
int fast_offer(struct leg *l, struct h225_octets *out, size_t *count);

/* Caller: what CallProceeding, Progress, Alerting or Connect says of it. The first answer counts,
 * repetitions are ignored; a Connect without one is a refusal. */
void fast_on_answer(struct leg *l, const struct h225_answer *answer);

/* Callee: chooses of a Setup's proposals and opens both channels. True: `out` is the answer (two
 * OLCs, as long as above). */
bool fast_accept(struct leg *l, const struct h225_setup *setup, struct h225_octets out[2]);

const char *fast_state_to_str(enum fast_state state);

#endif
