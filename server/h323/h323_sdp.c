/* Legs by SDP: sessions without a signalling connection of ours. */
#include "server/h323/h323_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

static struct door *door_named(struct h323 *h, const char *name)
{
    /* No name: the first, as in the order of the configuration. */
    for (size_t i = 0; i < h->door_count; i++)
        if (name == NULL || strcmp(h->doors[i].settings->name, name) == 0)
            return &h->doors[i];
    return NULL;
}

int h323_sdp(struct h323 *h, const struct h323_sdp_request *r, struct session **out,
             const char **why)
{
    struct door *door = door_named(h, r->listener);
    /* The peer's address comes with its description; the family decides where our port is. */
    struct session_config config = {.is_by_sdp = true, .peer = {.family = r->family}};
    struct leg *leg = NULL;
    int err;

    *why = door == NULL ? "no listener of that name" : h323_admit_locally(h);
    if (*why != NULL)
        return door == NULL ? ERR_NOTFOUND : ERR_LIMIT;
    *why = "out of memory";
    err = leg_create_own(h, door, &config, r->has_dtls ? &r->dtls : NULL, &leg);
    if (err != 0)
        return err;
    err = session_sdp_begin(leg->session, r->alias, &r->options, why);
    if (err != 0) {
        leg_free(leg);
        return err;
    }
    *out = leg->session;
    return 0;
}
