/* Types by their names, for the tool and for tests; and small helpers that make strings of C's. */
#include "signalling/per/per.h"
#include "signalling/per/type.h"
#include "signalling/schema/h225.h"
#include "signalling/schema/h235.h"
#include "signalling/schema/h245.h"

#include <string.h>

/* Names of two modules may be equal: the first that has it wins, or the one that is named. */
static const struct per_module *const modules[] = {&h245_module, &h225_module, &h235_module};

static const struct per_type *find_in(const struct per_module *m, const char *name)
{
    for (unsigned i = 0; i < m->n; i++)
        if (strcmp(m->types[i].name, name) == 0)
            return m->types[i].type;
    return NULL;
}

static bool is_module(const struct per_module *m, const char *name, size_t len)
{
    return (strlen(m->title) == len && memcmp(m->title, name, len) == 0) ||
           (strlen(m->prefix) == len && memcmp(m->prefix, name, len) == 0);
}

const struct per_type *per_find(const char *name)
{
    const char *colon = strchr(name, ':');

    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        const struct per_type *t;

        if (colon != NULL && !is_module(modules[i], name, (size_t)(colon - name)))
            continue;
        t = find_in(modules[i], colon != NULL ? colon + 1 : name);
        if (t != NULL)
            return t;
    }
    return NULL;
}

const char *per_type_name(const struct per_type *t)
{
    return t->name;
}

size_t per_type_size(const struct per_type *t)
{
    return t->size;
}

bool per_oid_equal(struct per_oid a, struct per_oid b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.arc, b.arc, a.n * sizeof(*a.arc)) == 0);
}

struct per_string per_string_of(const char *text)
{
    /* Not written through: the structs have one type for both ways. */
    return (struct per_string){strlen(text), (char *)(uintptr_t)text};
}

struct per_octets per_octets_of(const void *p, size_t len)
{
    return (struct per_octets){len, (uint8_t *)(uintptr_t)p};
}
