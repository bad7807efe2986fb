/* The table language of the configuration: what a row can say, and what is made from it.
 *
 * Private to settings/ and its tests. A table describes one JSON object and the C structure that it
 * is loaded into; objects and arrays of objects name the table of their members. The same rows
 * check a file, print the reference and print the JSON Schema. */
#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "settings/settings.h"

enum settings_type {
    SETTINGS_BOOL,
    SETTINGS_UINT,     /* min..max */
    SETTINGS_TEXT,     /* min..max bytes, no control characters */
    SETTINGS_CHOICE,   /* one of `choices` */
    SETTINGS_IP,       /* address without a port; min 0: "" is allowed and means none */
    SETTINGS_ENDPOINT, /* address, with or without a port */
    SETTINGS_PREFIX,   /* address/length */
    SETTINGS_MAC,      /* "02:00:5e:10:00:01" */
    SETTINGS_MODE,     /* octal text, "0660" */
    SETTINGS_UINTS,    /* min..max different numbers of 0..item_max */
    SETTINGS_TEXTS,    /* min..max texts */
    SETTINGS_CHOICES,  /* min..max different ones of `choices` */
    SETTINGS_OBJECT,   /* `table` */
    SETTINGS_OBJECTS,  /* min..max objects of `table` */
    SETTINGS_IGNORED,  /* any text, for the sake of editors */
};

struct settings_choice {
    const char *text; /* NULL ends the list */
    int value;
};

struct settings_table;

struct settings_row {
    const char *key;
    enum settings_type type;
    bool reloads;        /* it, and all below it, holds without a restart: settings_take */
    size_t offset;       /* of the member in its structure */
    size_t size;         /* of the member; of one element for lists */
    size_t count_offset; /* of the uint32_t that counts a list's elements */
    size_t capacity;     /* elements that the list has room for */
    uint64_t min, max;
    uint64_t item_max;
    const char *unit;     /* "ms", NULL = none */
    const char *fallback; /* default, as JSON; NULL = the key is required */
    const struct settings_choice *choices;
    const struct settings_table *table;
    const char *help;
};

struct settings_table {
    const char *help; /* what the object is; a heading of the reference */
    const struct settings_row *rows;
    size_t count;
};

/* Where a member lies. LIST: an array `field` counted by `counter`. */
#define SETTINGS_AT(type, field) \
    .offset = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field)
#define SETTINGS_LIST(type, field, counter)                                               \
    .offset = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field[0]), \
    .capacity = sizeof(((struct type *)0)->field) / sizeof(((struct type *)0)->field[0]), \
    .count_offset = offsetof(struct type, counter)
#define SETTINGS_TABLE(text, row_array)                                                          \
    {                                                                                            \
        .help = (text), .rows = (row_array), .count = sizeof(row_array) / sizeof((row_array)[0]) \
    }

#define SETTINGS_DEPTH_MAX 8 /* steps from the root to a value */

/* One step of a path: a member, or an element when key is NULL. */
struct settings_step {
    const char *key;
    size_t index;
};

/* A load under way: the file's text for line numbers, the path of the value in hand, the report. */
struct settings_load {
    const char *text;
    size_t size;
    struct settings_step steps[SETTINGS_DEPTH_MAX];
    size_t depth;
    struct settings_report *report;
    int err; /* ERR_NOMEM when a default could not be made */
};

/* The root table of the configuration, and the sections that have files of their own;
 * settings_conference_table is that of a row of the dial plan. */
extern const struct settings_table settings_root;
extern const struct settings_table settings_data_plane_table;
extern const struct settings_table settings_signalling_table;
extern const struct settings_table settings_gatekeeper_table;
extern const struct settings_table settings_media_table;
extern const struct settings_table settings_dtls_table;
extern const struct settings_table settings_tls_table;
extern const struct settings_table settings_conference_table;
extern const struct settings_choice settings_codec_choices[];
/* The text of the value, "unknown" where there is none. */
const char *settings_choice_text(const struct settings_choice *choices, int value);

/* What of conferences[i] reaches over several keys; also fills in what follows from others. */
void settings_check_conference(struct settings_load *load, struct settings *s, uint32_t i);

/* Checks `object` against a table and fills the structure at `out`; problems go to the report. */
void settings_check_object(struct settings_load *load, const struct settings_table *table,
                           json_t *object, void *out);

/* Adds a problem at the value in hand; settings_problem_at: at a path like "dtls.hashes[1]". */
void settings_problem(struct settings_load *load, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void settings_problem_at(struct settings_load *load, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Checks that reach over several keys; also fills in what follows from other keys. */
void settings_check_whole(struct settings_load *load, struct settings *s);

/* Line (from 1) of the value at `steps` in a valid JSON text; of the innermost value that is there
 * when the path leads nowhere. */
int settings_locate(const char *text, size_t size, const struct settings_step *steps, size_t n);

/* "integer 1..65535 (ms)": what a row expects, for problems and for the reference. Returns buf. */
char *settings_expectation(const struct settings_row *row, char *buf, size_t size);

/* The keys as Markdown; the JSON Schema, which the caller frees (NULL: no memory). ERR_IO. */
int settings_table_print_reference(const struct settings_table *root, FILE *out);
json_t *settings_table_schema(const struct settings_table *table);

#endif
