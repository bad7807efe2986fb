/* Shows answers to people: aligned tables. Whatever a peer may have chosen is escaped. */
#include "server/control/sluicectl.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define COLUMNS_MAX 32
#define CELL_MAX    160
#define DEPTH_MAX   4

/* Columns that a character takes; good enough for what names are made of. */
static size_t text_width(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        /* Continuation octets of UTF-8 take no column. */
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* A value as one printable line. */
static void format_value(const json_t *v, char *buf, size_t size)
{
    size_t used, len = 0;
    char *dump = NULL;
    const char *text = "-";
    if (json_is_string(v))
        text = json_string_value(v);
    else if (v != NULL && !json_is_null(v))
        /* ASCII: what a terminal would take for a control sequence is an escape in it. */
        text = dump = json_dumps(v, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (text == NULL)
        text = "?";
    if (dump != NULL) /* JSON of its own is printable, and its quotes want no more escapes */
        snprintf(buf, size, "%s", text);
    else
        buf[len = log_escape(text, strlen(text), buf, size - 1, &used)] = '\0';
    free(dump);
    for (char *p = buf; *p != '\0'; p++) /* the one control character that JSON leaves as it is */
        if (*p == 0x7f)
            *p = '?';
}

struct table {
    const char *columns[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    size_t count;
};

static void add_columns(struct table *t, json_t *row)
{
    for (void *it = json_object_iter(row); it != NULL; it = json_object_iter_next(row, it)) {
        const char *key = json_object_iter_key(it);
        size_t i = 0;
        while (i < t->count && strcmp(t->columns[i], key) != 0)
            i++;
        /* More than these would be no table. */
        if (i == t->count && t->count < COLUMNS_MAX) {
            t->columns[t->count] = key;
            t->widths[t->count++] = text_width(key);
        }
    }
}

static void print_padded(FILE *out, const char *text, size_t width, int is_last)
{
    fputs(text, out);
    for (size_t n = text_width(text); !is_last && n < width + 2; n++)
        fputc(' ', out);
    if (is_last)
        fputc('\n', out);
}

/* An array of objects: a line each, columns from all of them. */
static void print_rows(FILE *out, const json_t *rows)
{
    struct table t = {0};
    char cell[CELL_MAX];
    /* First all columns and their widths, then the lines: rows need not have the same members. */
    for (size_t r = 0; r < json_array_size(rows); r++)
        add_columns(&t, json_array_get(rows, r));
    for (size_t r = 0; r < json_array_size(rows); r++) {
        for (size_t i = 0; i < t.count; i++) {
            format_value(json_object_get(json_array_get(rows, r), t.columns[i]), cell,
                         sizeof(cell));
            size_t width = text_width(cell);
            if (width > t.widths[i])
                t.widths[i] = width;
        }
    }
    for (size_t i = 0; i < t.count; i++)
        print_padded(out, t.columns[i], t.widths[i], i + 1 == t.count);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        for (size_t i = 0; i < t.count; i++) {
            format_value(json_object_get(json_array_get(rows, r), t.columns[i]), cell,
                         sizeof(cell));
            print_padded(out, cell, t.widths[i], i + 1 == t.count);
        }
    }
    if (json_array_size(rows) == 0)
        fputs("(none)\n", out);
}

static int is_rows(const json_t *v)
{
    return json_is_array(v) && (json_array_size(v) == 0 || json_is_object(json_array_get(v, 0)));
}

/* Width of the left column: all names of an object, nested ones as "a.b". */
static size_t name_width(json_t *object, size_t prefix, int depth)
{
    size_t most = 0;
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        json_t *v = json_object_iter_value(it);
        size_t width = prefix + text_width(json_object_iter_key(it));
        if (is_rows(v))
            continue;
        if (json_is_object(v) && depth < DEPTH_MAX && json_object_size(v) > 0)
            width = name_width(v, width + 1, depth + 1);
        most = width > most ? width : most;
    }
    return most;
}

static void print_members(FILE *out, json_t *object, const char *prefix, size_t width, int depth)
{
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        json_t *v = json_object_iter_value(it);
        char name[CELL_MAX], cell[CELL_MAX * 4];
        snprintf(name, sizeof(name), "%s%s", prefix, json_object_iter_key(it));
        if (is_rows(v))
            continue;
        /* As deep as counters go; what is deeper is shown as JSON. */
        if (json_is_object(v) && depth < DEPTH_MAX && json_object_size(v) > 0) {
            strncat(name, ".", sizeof(name) - strlen(name) - 1);
            print_members(out, v, name, width, depth + 1);
            continue;
        }
        format_value(v, cell, sizeof(cell));
        print_padded(out, name, width, 0);
        fprintf(out, "%s\n", cell);
    }
}

/* Arrays of objects within an object come after its plain members, with their name above. */
static void print_object(FILE *out, json_t *object)
{
    int is_only = json_object_size(object) == 1;
    print_members(out, object, "", name_width(object, 0, 0), 0);
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        if (!is_rows(json_object_iter_value(it)))
            continue;
        if (!is_only)
            fprintf(out, "\n%s:\n", json_object_iter_key(it));
        print_rows(out, json_object_iter_value(it));
    }
}

void sluicectl_print(FILE *out, json_t *result)
{
    char cell[CELL_MAX * 4];
    if (json_is_object(result)) {
        print_object(out, result);
    } else if (is_rows(result)) {
        print_rows(out, result);
    } else {
        format_value(result, cell, sizeof(cell));
        fprintf(out, "%s\n", cell);
    }
}

/* time, type, session, then data as name=value */
void sluicectl_print_event(FILE *out, json_t *event)
{
    char cell[CELL_MAX];
    json_t *data = json_object_get(event, "data");
    format_value(json_object_get(event, "time"), cell, sizeof(cell));
    fprintf(out, "%s  ", cell);
    format_value(json_object_get(event, "type"), cell, sizeof(cell));
    fprintf(out, "%-24s", cell);
    if (json_object_get(event, "session") != NULL)
        fprintf(out, "  session=%" JSON_INTEGER_FORMAT,
                json_integer_value(json_object_get(event, "session")));
    for (void *it = json_object_iter(data); it != NULL; it = json_object_iter_next(data, it)) {
        format_value(json_object_iter_value(it), cell, sizeof(cell));
        fprintf(out, "  %s=%s", json_object_iter_key(it), cell);
    }
    fputc('\n', out);
}
