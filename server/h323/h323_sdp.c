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
    struct settings_listener *own;
    struct leg *leg = NULL;
    uint64_t now = clock_mono_ms();
    int err;

    *why = door == NULL ? "no listener of that name" : h323_admit_locally(h);
    if (*why != NULL)
        return door == NULL ? ERR_NOTFOUND : ERR_LIMIT;
    *why = "out of memory";
    own = malloc(sizeof(*own));
    if (own == NULL)
        return ERR_NOMEM;
    *own = *door->settings;
    if (r->has_dtls)
        own->dtls = r->dtls;
    config.listener = own;
    err = leg_create(h, door, &config, now, &leg);
    if (err != 0) {
        free(own);
        return err;
    }
    leg->own = own;
    err = session_sdp_begin(leg->session, r->alias, &r->options, why);
    if (err != 0) {
        leg_free(leg);
        return err;
    }
    *out = leg->session;
    return 0;
}
