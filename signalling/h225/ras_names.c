/* The names that the gatekeeper shall know us by: aliases, and prefixes of numbers. When there are
 * more than one message should carry, the registration tells the first of them and additive ones
 * the rest (H.225.0 §7.9.1, additiveRegistration); a gatekeeper that knows no such thing gets all
 * in one message, as many as a datagram holds. */
#include "signalling/h225/ras_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_known(const struct ras *ras, const struct h225_alias *alias, bool is_prefix)
{
    for (size_t i = 0; i < ras->name_count; i++)
        if (ras->names[i].is_prefix == is_prefix && ras->names[i].alias.kind == alias->kind &&
            strcmp(ras->names[i].alias.text, alias->text) == 0)
            return true;
    return false;
}

/* Kept for the life of the engine: a registration tells them anew each time. */
static int add(struct ras *ras, struct h225_alias alias, bool is_prefix)
{
    struct ras_name *name = &ras->names[ras->name_count];

    /* Told twice is told once. */
    if (is_known(ras, &alias, is_prefix))
        return 0;
    if (ras->name_count == RAS_NAMES_MAX)
        return ERR_LIMIT;
    name->alias.kind = alias.kind;
    name->alias.text = arena_strdup(&ras->own, alias.text);
    name->is_prefix = is_prefix;
    if (name->alias.text == NULL)
        return ERR_NOMEM;
    ras->name_count++;
    return 0;
}

/* Before anything is copied: what is copied for a request that fails stays in the arena. */
static int check(const struct ras *ras, const struct h225_alias *aliases, size_t alias_count,
                 const char *const *prefixes, size_t prefix_count)
{
    size_t fresh = 0;

    for (size_t i = 0; i < alias_count; i++) {
        if (aliases[i].text == NULL || aliases[i].text[0] == '\0')
            return ERR_INVAL;
        fresh += !is_known(ras, &aliases[i], false);
    }
    for (size_t i = 0; i < prefix_count; i++) {
        if (prefixes[i] == NULL || prefixes[i][0] == '\0')
            return ERR_INVAL;
        fresh += !is_known(ras, &(struct h225_alias){H225_ALIAS_DIGITS, prefixes[i]}, true);
    }
    return fresh > RAS_NAMES_MAX - ras->name_count ? ERR_LIMIT : 0;
}

/* All of them or none, but for memory. */
int ras_names_add(struct ras *ras, const struct h225_alias *aliases, size_t alias_count,
                  const char *const *prefixes, size_t prefix_count)
{
    int err = check(ras, aliases, alias_count, prefixes, prefix_count);

    for (size_t i = 0; i < alias_count && err == 0; i++)
        err = add(ras, aliases[i], false);
    for (size_t i = 0; i < prefix_count && err == 0; i++)
        err = add(ras, (struct h225_alias){H225_ALIAS_DIGITS, prefixes[i]}, true);
    return err;
}

/* Which names a message of this purpose carries. */
struct ras_range ras_names_of(const struct ras *ras, enum ras_purpose purpose)
{
    struct ras_range r = {0, ras->name_count};

    if (purpose == RAS_KEEP_ALIVE)
        r.to = 0;
    if (purpose == RAS_ADDITIVE)
        r.from = ras->names_told;
    /* A datagram holds no more with certainty. */
    if (!ras->is_all_at_once && r.to > r.from + RAS_NAMES_A_MESSAGE)
        r.to = r.from + RAS_NAMES_A_MESSAGE;
    return r;
}

static size_t count(const struct ras *ras, struct ras_range range, bool is_prefix)
{
    size_t n = 0;

    for (size_t i = range.from; i < range.to; i++)
        n += ras->names[i].is_prefix == is_prefix;
    return n;
}

static int build_alias(struct ras *ras, const struct h225_alias *alias,
                       struct h225_AliasAddress *out)
{
    struct h225_AliasAddress_list one = {0};
    bool present = false;
    int err = h225_build_aliases(&ras->out, alias, 1, &present, &one);

    if (err == 0)
        *out = one.v[0];
    return err;
}

int ras_names_build_aliases(struct ras *ras, struct ras_range range, bool *present,
                            struct h225_AliasAddress_list *out)
{
    size_t n = count(ras, range, false);
    int err = 0;

    *present = n > 0;
    if (n == 0)
        return 0;
    out->v = arena_array(&ras->out, n, sizeof(*out->v));
    if (out->v == NULL)
        return ERR_NOMEM;
    for (size_t i = range.from; i < range.to && err == 0; i++)
        if (!ras->names[i].is_prefix)
            err = build_alias(ras, &ras->names[i].alias, &out->v[out->n++]);
    return err;
}

/* Prefixes stand in the endpoint's type, not among its aliases. */
int ras_names_build_prefixes(struct ras *ras, struct ras_range range,
                             struct h225_SupportedPrefix_list *out)
{
    size_t n = count(ras, range, true);
    int err = 0;

    /* + 1: an empty list, too, has an address. */
    out->v = arena_array(&ras->out, n + 1, sizeof(*out->v));
    if (out->v == NULL)
        return ERR_NOMEM;
    for (size_t i = range.from; i < range.to && err == 0; i++)
        if (ras->names[i].is_prefix)
            err = build_alias(ras, &ras->names[i].alias, &out->v[out->n++].prefix);
    return err;
}

static int tell(struct ras *ras, enum ras_purpose purpose)
{
    /* Up to where, so that the answer tells how far the gatekeeper knows. */
    struct ras_pending what = {.purpose = purpose, .names_to = ras_names_of(ras, purpose).to};
    struct h225_RasMessage m;
    int err = ras_build_rrq(ras, &m, purpose);

    if (err == 0)
        err = ras_send_request(ras, &m, &what);
    ras->is_telling = err == 0;
    return err;
}

int ras_names_tell(struct ras *ras)
{
    int err;

    if (ras->state != RAS_STATE_REGISTERED || ras->is_telling || ras->is_names_refused ||
        ras->names_told >= ras->name_count)
        return 0;
    if (ras->takes_additive)
        return tell(ras, RAS_ADDITIVE);
    /* Everything again, the names that it knows too; what does not fit stays untold (and the user
     * sees how many in ras_registration). */
    ras->is_all_at_once = true;
    err = tell(ras, RAS_FULL);
    ras->is_names_refused = err != 0;
    return err;
}

void ras_names_forget(struct ras *ras)
{
    ras->names_told = ras->names_refused = 0;
    ras->is_telling = ras->is_all_at_once = ras->is_names_refused = false;
}
