/* Dial plan: which conference an alias means (configuration, `conferences`). Pure functions. */
#ifndef SERVER_DIALPLAN_H
#define SERVER_DIALPLAN_H

#include <stddef.h>

struct settings;
struct settings_conference;

/* Finds the row for an alias: the equal one, else the longest that ends with "*" and fits. The name
 * of the conference is the alias as it was called: each rest of a "*" is one of its own.
 * ERR_NOTFOUND. */
int dialplan_find(const struct settings *settings, const char *alias,
                  const struct settings_conference **out);

#endif
