#include "server/conference/dialplan.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "settings/settings.h"

/* How well a row fits: 0 not at all, else the more the better; an equal alias beats every "*". */
static size_t fit(const struct settings_conference *row, const char *alias)
{
    size_t len = strlen(row->alias);

    if (strcasecmp(row->alias, alias) == 0)
        return SETTINGS_TEXT_MAX + 1;
    if (len == 0 || row->alias[len - 1] != '*')
        return 0;
    /* By the length of what is equal: the longest prefix wins. */
    return strncasecmp(row->alias, alias, len - 1) == 0 ? len : 0;
}

int dialplan_find(const struct settings *settings, const char *alias,
                  const struct settings_conference **out)
{
    size_t best = 0;

    /* What is longer than any row can hold fits none, `*` included: names are kept in arrays of
     * this size. */
    if (alias[0] == '\0' || strlen(alias) >= SETTINGS_TEXT_MAX)
        return ERR_NOTFOUND;
    for (uint32_t i = 0; i < settings->conference_count; i++) {
        size_t n = fit(&settings->conferences[i], alias);

        /* Of two that fit equally well the first. */
        if (n > best) {
            best = n;
            *out = &settings->conferences[i];
        }
    }
    return best > 0 ? 0 : ERR_NOTFOUND;
}

const char *dialplan_name(const struct settings_conference *row, const char *alias)
{
    /* By the row's spelling where it is the row's own name: "Demo" and "demo" are one
     * conference. */
    return strcasecmp(row->alias, alias) == 0 ? row->alias : alias;
}

/* Was an address meant, though it is none? Digits with dots between them, and whatever ends in a
 * port, name no alias that a gatekeeper could know; a telephone number is digits alone. */
static bool is_meant_as_address(const char *text)
{
    size_t digits = strspn(text, "0123456789"), all = strspn(text, "0123456789.:");
    const char *port = strrchr(text, ':');

    if (text[0] == '[' || (text[all] == '\0' && text[digits] != '\0'))
        return true;
    return port != NULL && port[1 + strspn(port + 1, "0123456789")] == '\0';
}

/* One host that TCP could reach. */
static bool is_host(const struct addr *a)
{
    bool is_reserved = a->family == ADDR_IP4 && a->ip[0] >= 240; /* RFC 1112 4, RFC 919 7 */

    return !addr_is_unspecified(a) && !addr_is_multicast(a) && !is_reserved;
}

int dialplan_parse_target(const char *text, struct dialplan_target *out)
{
    const char *at, *end;
    struct dialplan_target t;

    memset(&t, 0, sizeof(t));
    if (strncasecmp(text, "h323:", 5) == 0)
        text += 5;
    /* The last one: an alias of the kind of an e-mail address has one itself. */
    at = strrchr(text, '@');
    end = at != NULL ? at : text + strlen(text);
    if ((size_t)(end - text) >= sizeof(t.alias))
        return ERR_RANGE;
    if (at != NULL && addr_parse(at + 1, &t.address) != 0)
        return ERR_MALFORMED;
    /* Without an @ an address is an address, all else an alias. */
    if (at != NULL || addr_parse(text, &t.address) != 0)
        memcpy(t.alias, text, (size_t)(end - text));
    if (t.alias[0] == '\0' && t.address.family == ADDR_NONE)
        return ERR_MALFORMED;
    if (t.address.family == ADDR_NONE ? is_meant_as_address(t.alias) : !is_host(&t.address))
        return ERR_MALFORMED;
    *out = t;
    return 0;
}

int dialplan_check(const struct settings *settings, const char **what)
{
    const char *standard = settings->signalling.default_conference;
    const struct settings_conference *row = NULL;
    struct dialplan_target target;

    if (standard[0] != '\0' && dialplan_find(settings, standard, &row) != 0) {
        *what = "signalling.default_conference";
        return ERR_INVAL;
    }
    for (uint32_t i = 0; i < settings->conference_count; i++) {
        const char *to = settings->conferences[i].forward_to;

        if (to[0] != '\0' && dialplan_parse_target(to, &target) != 0) {
            *what = "conferences[].forward_to";
            return ERR_INVAL;
        }
    }
    return 0;
}
