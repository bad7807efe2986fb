/* The gatekeepers that we know: the configured one, and those that it (or the one in use) named as
 * alternates (H.225.0 §7.2.6 of H.323, AlternateGK, AltGKInfo). The configured one comes first, the
 * others in order of their priority, 0 before 127. Each is tried once on the way from one
 * registration to the next. */
#include "signalling/h225/ras_internal.h"

#include <string.h>

/* By the address that it was listed with: the one that it answered from may be another. */
static unsigned find(const struct ras *ras, const struct addr *listed)
{
    for (unsigned i = 0; i < ras->gatekeeper_count; i++)
        if (addr_is_equal(&ras->gatekeepers[i].address, listed))
            return i;
    return RAS_NO_GATEKEEPER;
}

/* One more gatekeeper, sorted in; those that we could not use are left out without a word. */
static void add(struct ras *ras, const struct h225_AlternateGK *from,
                const struct ras_gatekeeper *before, unsigned before_count)
{
    struct ras_gatekeeper g = {.address = h225_read_address(&from->rasAddress),
                               .need_register = from->needToRegister,
                               .priority = from->priority};
    unsigned at = ras->gatekeeper_count;

    /* Nobody may send us to a group or to itself again. One more than alternates: the configured
     * one. */
    if (g.address.family == ADDR_NONE || g.address.port == 0 || at > RAS_ALTERNATES_MAX ||
        addr_is_multicast(&g.address) || addr_is_unspecified(&g.address) ||
        find(ras, &g.address) != RAS_NO_GATEKEEPER)
        return;
    ras_id_set(&g.id, from->has_gatekeeperIdentifier, &from->gatekeeperIdentifier);
    /* From 1: the configured one keeps its own mark. */
    for (unsigned i = 1; i < before_count; i++)
        if (addr_is_equal(&before[i].address, &g.address))
            g.is_tried = before[i].is_tried;
    /* Stable: of equal priority the first that was named comes first. */
    for (; at > 1 && ras->gatekeepers[at - 1].priority > g.priority; at--)
        ras->gatekeepers[at] = ras->gatekeepers[at - 1];
    ras->gatekeepers[at] = g;
    ras->gatekeeper_count++;
}

/* A list replaces the one before. What was tried stays tried, or two gatekeepers that name each
 * other would keep us running between them. */
void ras_learn_alternates(struct ras *ras, const struct h225_AlternateGK_list *list,
                          const struct h225_AlternateGK *assigned)
{
    struct ras_gatekeeper before[1 + RAS_ALTERNATES_MAX];
    unsigned before_count = ras->gatekeeper_count, current = ras->current;

    memcpy(before, ras->gatekeepers, sizeof(before));
    ras->gatekeeper_count = 1;
    if (assigned != NULL) /* where the gatekeeper wants us to be, before all priorities */
        add(ras, assigned, before, before_count);
    for (uint32_t i = 0; list != NULL && i < list->n; i++)
        add(ras, &list->v[i], before, before_count);
    /* It may have left the list: then it is no one's. */
    if (current != RAS_NO_GATEKEEPER)
        ras->current = find(ras, &before[current].address);
}

/* Empty for one that was only named by its address: any answer from there will do. */
const struct ras_id *ras_wanted_id(const struct ras *ras)
{
    static const struct ras_id any;

    return ras->current != RAS_NO_GATEKEEPER ? &ras->gatekeepers[ras->current].id : &any;
}

/* From here on all requests go to it. */
void ras_turn_to(struct ras *ras, unsigned which)
{
    ras->current = which;
    ras->gatekeepers[which].is_tried = true;
    ras->address = ras->gatekeepers[which].address;
    ras->gatekeeper_id = ras->gatekeepers[which].id;
}

void ras_try_all(struct ras *ras)
{
    for (unsigned i = 0; i < ras->gatekeeper_count; i++)
        /* The one in use has just been tried. */
        ras->gatekeepers[i].is_tried = i == ras->current;
}

unsigned ras_next_gatekeeper(const struct ras *ras)
{
    for (unsigned i = 0; i < ras->gatekeeper_count; i++)
        if (!ras->gatekeepers[i].is_tried)
            return i;
    return RAS_NO_GATEKEEPER;
}

unsigned ras_next_without_registration(const struct ras *ras)
{
    /* Registration costs two round trips; who needs none takes over at once. */
    for (unsigned i = 1; i < ras->gatekeeper_count; i++)
        if (!ras->gatekeepers[i].is_tried && !ras->gatekeepers[i].need_register)
            return i;
    return RAS_NO_GATEKEEPER;
}
