/* Dial plan: which conference an alias means (configuration, `conferences`). Pure functions. */
#ifndef SERVER_DIALPLAN_H
#define SERVER_DIALPLAN_H

#include <stddef.h>

#include "base/addr.h"

struct settings;
struct settings_conference;

/* Finds the row for an alias: the equal one, else the longest that ends with "*" and fits. The name
 * of the conference is the alias as it was called: each rest of a "*" is one of its own.
 * ERR_NOTFOUND. */
int dialplan_find(const struct settings *settings, const char *alias,
                  const struct settings_conference **out);

/* Name of the conference that an alias means in its row, spelt as in the configuration. */
const char *dialplan_name(const struct settings_conference *row, const char *alias);

#define DIALPLAN_TEXT_MAX 128

/* Whom a call of ours is for: "192.0.2.7", "192.0.2.7:1721", "[2001:db8::7]:1720",
 * "anna@192.0.2.7", "anna"; "h323:" in front is allowed. */
struct dialplan_target {
    char alias[DIALPLAN_TEXT_MAX]; /* "" = whoever answers there */
    struct addr address;           /* ADDR_NONE = a gatekeeper has to know the alias */
};

/* ERR_MALFORMED: what stands behind "@", or looks like an address, is none of one host, or nothing
 * is left; ERR_RANGE: too long. */
int dialplan_parse_target(const char *text, struct dialplan_target *out);

/* What the dial plan refers to is there and makes sense. ERR_INVAL: *what names the key that does
 * not, static text. */
int dialplan_check(const struct settings *settings, const char **what);

#endif
