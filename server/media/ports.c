#include "server/media/ports.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"

/* Numbers of media ports, given out in a ring, so that one that was just
 * given back is the last to be used again. */
struct port_slot {
    bool used;
    uint64_t free_at; /* milliseconds; given out again from then on */
};

struct ports {
    uint16_t first;
    unsigned step;
    uint32_t rest_ms;
    size_t n;
    size_t next; /* where the next search begins */
    size_t in_use;
    struct port_slot slot[];
};

int ports_create(uint16_t first, uint16_t last, unsigned step, uint32_t rest_ms, struct ports **out)
{
    size_t n;
    struct ports *p;

    if (step != 1 && step != 2)
        return ERR_INVAL;
    /* RTP on the even, RTCP on the next (RFC 3550 11). */
    if (step == 2 && first % 2 != 0)
        first++;
    /* At least one pair must fit. */
    if (last < first || (unsigned)last - first + 1u < step)
        return ERR_RANGE;
    n = ((size_t)last - first + 1) / step;
    /* Once for all: no port can be wanted and not be had for lack of memory. */
    p = calloc(1, sizeof(*p) + n * sizeof(p->slot[0]));
    if (p == NULL)
        return ERR_NOMEM;
    p->first = first;
    p->step = step;
    p->rest_ms = rest_ms;
    p->n = n;
    *out = p;
    return 0;
}

void ports_destroy(struct ports *p)
{
    free(p);
}

int ports_take(struct ports *p, uint64_t now, uint16_t *port)
{
    for (size_t i = 0; i < p->n; i++) {
        /* From behind the last one, so that a port rests even when its time to rest is short. */
        size_t at = (p->next + i) % p->n;

        /* At rest: late packets of the former peer would be the next session's. */
        if (p->slot[at].used || p->slot[at].free_at > now)
            continue;
        p->slot[at].used = true;
        p->in_use++;
        p->next = (at + 1) % p->n;
        *port = (uint16_t)(p->first + at * p->step);
        return 0;
    }
    return ERR_LIMIT;
}

static int slot_of(const struct ports *p, uint16_t port, size_t *at)
{
    size_t i;

    if (port < p->first || (port - p->first) % (int)p->step != 0)
        return ERR_RANGE;
    i = (size_t)(port - p->first) / p->step;
    if (i >= p->n)
        return ERR_RANGE;
    *at = i;
    return 0;
}

/* Ports that the data plane still has after a restart of ours: they are not to be given out
 * twice. */
int ports_claim(struct ports *p, uint16_t port)
{
    size_t at = 0;

    if (slot_of(p, port, &at) != 0)
        return ERR_RANGE;
    if (p->slot[at].used)
        return ERR_EXISTS;
    p->slot[at].used = true;
    p->in_use++;
    return 0;
}

void ports_release(struct ports *p, uint16_t port, uint64_t now)
{
    size_t at = 0;

    if (slot_of(p, port, &at) != 0 || !p->slot[at].used)
        /* Twice released, or never taken: no harm, as orphans are released by whoever finds
         * them. */
        return;
    p->slot[at].used = false;
    p->slot[at].free_at = now + p->rest_ms;
    p->in_use--;
}

size_t ports_in_use(const struct ports *p)
{
    return p->in_use;
}

size_t ports_capacity(const struct ports *p)
{
    return p->n;
}
