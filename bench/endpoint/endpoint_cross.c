#include "bench/endpoint/endpoint_cross.h"

#include "bench/endpoint/endpoint_h245.h"

/* The side with the smaller address closes the connection that it opened. */
static bool is_ours_used(const struct leg *l)
{
    bool is_smaller = addr_compare(&l->cross_own, &l->cross_peer) < 0;
    return is_smaller == FAULT_IS_SET(l->options->faults, FAULT_STUBBORN);
}

static void use(struct leg *l, struct wire *carrier, const char *how)
{
    l->carrier = carrier;
    if (carrier == &l->wire) {
        wire_close(&l->second);
        wire_hold(&l->wire, false);
    }
    leg_begin(l, how);
}

static void on_second_open(void *arg)
{
    struct leg *l = arg;
    if (is_ours_used(l))
        use(l, &l->second, "crossed, ours is used");
    else
        use(l, &l->wire, "crossed, the peer's is used");
}

static void on_second_message(void *arg, const uint8_t *data, size_t len)
{
    struct leg *l = arg;
    if (l->carrier == &l->second)
        leg_input(l, data, len);
}

static void on_second_lost(void *arg, const char *why)
{
    struct leg *l = arg;
    if (l->carrier == &l->second)
        leg_lost(l, why);
    else if (l->carrier == NULL)
        use(l, &l->wire, "not crossed");
}

static const struct wire_ops second_ops = {on_second_open, on_second_message, on_second_lost};

static void on_accepted(void *arg)
{
    struct leg *l = arg;
    wire_hold(&l->wire, true); /* an answer on it would settle the matter */
    l->carrier = NULL;
    if (wire_connect(&l->second, l->timer.loop, &l->options->local, &l->cross_peer, l->tls,
                     &second_ops, l) != 0)
        leg_fail(l, "cannot connect to the H.245 address");
}

static void on_message(void *arg, const uint8_t *data, size_t len)
{
    struct leg *l = arg;
    if (l->carrier == &l->wire)
        leg_input(l, data, len);
}

/* The peer's is closed by it when ours is used. */
static void on_lost(void *arg, const char *why)
{
    struct leg *l = arg;
    if (l->carrier == &l->wire)
        leg_lost(l, why);
    else
        report_event(l->report, EV_CROSSED, "the peer's H.245 connection: %s", why);
}

static const struct wire_ops first_ops = {on_accepted, on_message, on_lost};

int cross_begin(struct leg *l, const struct addr *address, const struct addr *remote,
                struct addr *bound)
{
    struct addr any_port = addr_with_port(*address, 0);
    l->is_started = true;
    l->cross_peer = *remote;
    int rc =
        wire_listen(&l->listener, l->timer.loop, &any_port, l->tls, &l->wire, &first_ops, l, bound);
    l->cross_own = *bound;
    return rc;
}
