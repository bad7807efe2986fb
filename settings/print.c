/* The reference and the JSON Schema, made from the same rows that check a file. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "settings/table.h"

static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) { /* "|" would end the cell */
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_row(FILE *out, const struct settings_row *row)
{
    char expected[320];
    settings_expectation(row, expected, sizeof(expected));
    fprintf(out, "| `%s` | ", row->key);
    print_cell(out, expected);
    if (row->fallback == NULL)
        fputs(" | **required** | ", out);
    else
        fprintf(out, " | `%s` | ", row->fallback);
    print_cell(out, row->help);
    fputs(row->reloads ? " *(reloads)* |\n" : " |\n", out);
}

static void print_table(FILE *out, const struct settings_table *table, const char *path)
{
    fprintf(out, "\n## %s\n\n%s\n\n| key | expected | default | meaning |\n|---|---|---|---|\n",
            path[0] != '\0' ? path : "The file", table->help);
    for (size_t i = 0; i < table->count; i++)
        print_row(out, &table->rows[i]);
    for (size_t i = 0; i < table->count; i++) {
        const struct settings_row *row = &table->rows[i];
        char deeper[160];
        if (row->table == NULL)
            continue;
        snprintf(deeper, sizeof(deeper), "%s%s%s%s", path, path[0] != '\0' ? "." : "", row->key,
                 row->type == SETTINGS_OBJECTS ? "[]" : "");
        print_table(out, row->table, deeper);
    }
}

int settings_table_print_reference(const struct settings_table *root, FILE *out)
{
    fputs(
        "# Configuration reference\n\n"
        "One JSON file for `sluiced` and `sluice-dp`. Both check the whole file at start and\n"
        "refuse it with the line and the path of every key that is wrong; nothing is "
        "half-started.\n"
        "`configs/sluice.schema.json` says the same to editors.\n\n"
        "SIGHUP and the method `server.reload` make sluiced read the file again. A key marked\n"
        "*(reloads)*, and all below it, then holds at once, for new calls where it is about\n"
        "calls; the log and the method's answer name the others that differ: they hold after a\n"
        "restart. Listeners take new policies as long as their number, order, addresses and ports\n"
        "are the same.\n\n"
        "This page is made by `sluiced --print-config-reference` from the table that checks the\n"
        "file; do not edit it.\n",
        out);
    print_table(out, root, "");
    return ferror(out) ? ERR_IO : 0;
}

static json_t *choices_schema(const struct settings_row *row)
{
    json_t *list = json_array();
    for (const struct settings_choice *c = row->choices; c->text != NULL; c++)
        /* Enums of strings; numbers of the choices are nobody's business. */
        json_array_append_new(list, json_string(c->text));
    return json_pack("{s:o}", "enum", list);
}

static json_t *list_schema(const struct settings_row *row, json_t *items, int is_unique)
{
    json_t *s = json_pack("{s:s, s:o, s:I, s:I}", "type", "array", "items", items, "minItems",
                          (json_int_t)row->min, "maxItems", (json_int_t)row->max);
    if (is_unique)
        json_object_set_new(s, "uniqueItems", json_true());
    return s;
}

static json_t *uint_schema(uint64_t min, uint64_t max)
{
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)min, "maximum",
                     (json_int_t)max);
}

static json_t *text_schema(uint64_t min, uint64_t max)
{
    return json_pack("{s:s, s:I, s:I}", "type", "string", "minLength", (json_int_t)min, "maxLength",
                     (json_int_t)max);
}

static json_t *pattern_schema(const char *pattern)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

/* What JSON Schema can say about a row; addresses are only strings to it. */
static json_t *type_schema(const struct settings_row *row)
{
    switch (row->type) {
    case SETTINGS_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case SETTINGS_UINT:
        return uint_schema(row->min, row->max);
    case SETTINGS_TEXT:
        return text_schema(row->min, row->max);
    case SETTINGS_CHOICE:
        return choices_schema(row);
    case SETTINGS_PREFIX:
        return pattern_schema("^[0-9A-Fa-f:.]+/[0-9]{1,3}$");
    case SETTINGS_MAC:
        return pattern_schema("^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$");
    case SETTINGS_MODE:
        return pattern_schema("^0?[0-7]{3}$");
    case SETTINGS_UINTS:
        return list_schema(row, uint_schema(0, row->item_max), 1);
    case SETTINGS_TEXTS:
        return list_schema(row, text_schema(1, row->size - 1), 0);
    case SETTINGS_CHOICES:
        return list_schema(row, choices_schema(row), 1);
    case SETTINGS_OBJECT:
        return settings_table_schema(row->table);
    case SETTINGS_OBJECTS:
        return list_schema(row, settings_table_schema(row->table), 0);
    default:
        return json_pack("{s:s}", "type", "string");
    }
}

json_t *settings_table_schema(const struct settings_table *table)
{
    /* A missing allocation ends in a NULL that json_pack refuses: then there is no schema. */
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < table->count; i++) {
        const struct settings_row *row = &table->rows[i];
        json_t *s = type_schema(row);
        json_object_set_new(s, "description", json_string(row->help));
        if (row->fallback != NULL)
            json_object_set_new(s, "default", json_loads(row->fallback, JSON_DECODE_ANY, NULL));
        else
            json_array_append_new(required, json_string(row->key));
        json_object_set_new(properties, row->key, s);
    }
    /* Unknown keys are refused by the schema as by us. */
    return json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0,
                     "properties", properties, "required", required);
}

int settings_print_reference(FILE *out)
{
    return settings_table_print_reference(&settings_root, out);
}

int settings_print_schema(FILE *out)
{
    json_t *schema = settings_table_schema(&settings_root);
    if (schema == NULL)
        return ERR_NOMEM;
    json_object_set_new(schema, "$schema",
                        json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(schema, "title", json_string("Configuration of Sluice"));
    int failed = json_dumpf(schema, out, JSON_INDENT(2)) != 0 || fputc('\n', out) == EOF;
    json_decref(schema);
    return failed ? ERR_IO : 0;
}
