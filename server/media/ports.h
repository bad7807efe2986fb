/* Pool of local port numbers: which are free, which are in use, which rest.
 *
 * The pool gives out pairs (even port P, and P + 1 with it: RTP and RTCP of RFC 3550, 11) or
 * single ports (H.245 listeners). A port that comes back rests for a while before it is given out
 * again, so that late packets of an old call do not hit a new one. Search goes on where the last
 * one stopped; the work is bounded by the size of the range. One thread. */
#ifndef SERVER_PORTS_H
#define SERVER_PORTS_H

#include <stddef.h>
#include <stdint.h>

struct ports;

/* `first`..`last` inclusive. `step` 2: pairs that begin at even numbers; 1: single ports.
 * `rest_ms`: how long a released port is kept back. ERR_RANGE for an empty range. */
int ports_create(uint16_t first, uint16_t last, unsigned step, uint32_t rest_ms,
                 struct ports **out);

/* NULL is allowed. */
void ports_destroy(struct ports *p);

/* Take a port (the even one of a pair). ERR_LIMIT when all are in use or rest. */
int ports_take(struct ports *p, uint64_t now, uint16_t *port);

/* Mark a given port as in use (a data plane that still runs it). ERR_RANGE when it is not of this
 * pool, ERR_EXISTS when it is taken. */
int ports_claim(struct ports *p, uint16_t port);

/* Give a port back; one that is not in use is ignored. */
void ports_release(struct ports *p, uint16_t port, uint64_t now);

/* How many are in use (resting ones are not). */
size_t ports_in_use(const struct ports *p);

/* How many the range holds. */
size_t ports_capacity(const struct ports *p);

#endif
