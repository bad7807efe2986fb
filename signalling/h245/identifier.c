/* Identifiers of generic capabilities: object identifiers in dots, domain-based texts. */
#include "signalling/h245/identifier.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

#define ARCS_MAX 16

static bool is_dotted(const char *text)
{
    return text[strspn(text, "0123456789.")] == '\0';
}

/* How many arcs there are; a negative error: dots that are no object identifier. */
static int read_arcs(const char *text, uint32_t arcs[ARCS_MAX])
{
    for (int n = 0; n < ARCS_MAX; text++) {
        char *end;
        unsigned long arc;

        /* strtoul takes signs and blanks, but is_dotted has looked at each character before. */
        errno = 0;
        arc = strtoul(text, &end, 10);
        if (end == text || errno != 0 || arc > UINT32_MAX)
            return ERR_INVAL;
        arcs[n++] = (uint32_t)arc;
        if (*end == '\0')
            return n >= 2 && arcs[0] <= 2 ? n : ERR_INVAL; /* X.680: ITU-T, ISO, both */
        text = end;
    }
    /* More arcs than any identifier in use. */
    return ERR_RANGE;
}

int h245_identifier_set(char out[H245_IDENTIFIER_MAX], const char *text)
{
    size_t len = strlen(text);
    uint32_t arcs[ARCS_MAX];

    if (len == 0 || len >= H245_IDENTIFIER_MAX)
        return ERR_INVAL;
    for (size_t i = 0; i < len; i++)
        /* Printable ASCII: an object identifier in dots, or a domain name; ASN.1 would not take
         * more. */
        if (text[i] < ' ' || text[i] > '~')
            return ERR_INVAL;
    /* Each capability set is to be built with it: better known now than with the first call. */
    if (is_dotted(text) && read_arcs(text, arcs) < 0)
        return ERR_INVAL;
    memcpy(out, text, len + 1);
    return 0;
}

static int oid_to_text(const struct per_oid *oid, char *text, size_t cap)
{
    size_t at = 0;

    for (uint32_t i = 0; i < oid->n; i++) {
        int n = snprintf(text + at, cap - at, i == 0 ? "%u" : ".%u", oid->arc[i]);

        /* Longer than what we keep: not one that we know. */
        if (n < 0 || (size_t)n >= cap - at)
            return ERR_UNSUPPORTED;
        at += (size_t)n;
    }
    return at == 0 ? ERR_UNSUPPORTED : 0;
}

int h245_identifier_read(const struct h245_CapabilityIdentifier *id, char *text, size_t cap)
{
    if (id->kind == h245_CapabilityIdentifier_standard)
        return oid_to_text(&id->u.standard, text, cap);
    /* Longer than ours cannot be equal. */
    if (id->kind != h245_CapabilityIdentifier_domainBased || id->u.domainBased.len >= cap)
        return ERR_UNSUPPORTED;
    memcpy(text, id->u.domainBased.p, id->u.domainBased.len);
    text[id->u.domainBased.len] = '\0';
    return 0;
}

int h245_identifier_build(struct arena *a, const char *text, struct h245_CapabilityIdentifier *id)
{
    if (is_dotted(text)) {
        uint32_t arcs[ARCS_MAX];
        int n = read_arcs(text, arcs);

        if (n < 0)
            return n;
        id->kind = h245_CapabilityIdentifier_standard;
        id->u.standard.n = (uint32_t)n;
        id->u.standard.arc = arena_copy(a, arcs, (size_t)n * sizeof(arcs[0]));
        return id->u.standard.arc == NULL ? ERR_NOMEM : 0;
    }
    id->kind = h245_CapabilityIdentifier_domainBased;
    id->u.domainBased = (struct per_string){(uint32_t)strlen(text), arena_strdup(a, text)};
    return id->u.domainBased.p == NULL ? ERR_NOMEM : 0;
}
