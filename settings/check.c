/* Checks JSON values against rows and stores them. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "settings/table.h"

static void format_path(const struct settings_load *load, char *buf, size_t size)
{
    size_t len = 0;
    /* The path of a key as people write it: conferences[3].pin. */
    buf[0] = '\0';
    for (size_t i = 0; i < load->depth && len < size - 1; i++) {
        const struct settings_step *s = &load->steps[i];
        int n;
        if (s->key == NULL) {
            n = snprintf(buf + len, size - len, "[%zu]", s->index);
        } else {
            /* an unknown key is the writer's text: it must not garble a terminal */
            char key[64];
            size_t used, k = log_escape(s->key, strlen(s->key), key, sizeof(key) - 1, &used);
            key[k] = '\0';
            n = snprintf(buf + len, size - len, "%s%s", i > 0 ? "." : "", key);
        }
        len += n > 0 ? (size_t)n : 0;
    }
}

static void add_problem(struct settings_load *load, const char *format, va_list args)
{
    struct settings_report *report = load->report;
    /* The first 32 problems are kept, all are counted: a file of another program would fill the
     * screen. */
    if (report->count < SETTINGS_PROBLEMS_MAX) {
        struct settings_problem *p = &report->problems[report->count];
        p->line = settings_locate(load->text, load->size, load->steps, load->depth);
        format_path(load, p->path, sizeof(p->path));
        vsnprintf(p->text, sizeof(p->text), format, args);
    }
    report->count++;
}

void settings_problem(struct settings_load *load, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_problem(load, format, args);
    va_end(args);
}

/* For what reaches over several keys: the walk is over, the path is given as text. */
void settings_problem_at(struct settings_load *load, const char *path, const char *format, ...)
{
    char copy[160];
    va_list args;
    char *save = NULL;
    snprintf(copy, sizeof(copy), "%s", path);
    load->depth = 0;
    for (char *part = strtok_r(copy, ".", &save);
         part != NULL && load->depth + 1 < SETTINGS_DEPTH_MAX; part = strtok_r(NULL, ".", &save)) {
        char *bracket = strchr(part, '[');
        if (bracket != NULL)
            *bracket = '\0';
        load->steps[load->depth++] = (struct settings_step){.key = part};
        if (bracket != NULL)
            load->steps[load->depth++] =
                (struct settings_step){.index = strtoul(bracket + 1, NULL, 10)};
    }
    va_start(args, format);
    add_problem(load, format, args);
    va_end(args);
    load->depth = 0;
}

/* Bounded by the buffer: a long list ends in the middle of a word rather than beyond it. */
static void list_choices(const struct settings_row *row, char *buf, size_t size)
{
    size_t len = strlen(buf);
    for (const struct settings_choice *c = row->choices; c->text != NULL && len < size - 1; c++) {
        int n = snprintf(buf + len, size - len, "%s\"%s\"", c == row->choices ? "" : ", ", c->text);
        len += n > 0 ? (size_t)n : 0;
    }
}

static void list_range(const struct settings_row *row, char *buf, size_t size)
{
    size_t len = strlen(buf);
    if (row->min == row->max)
        snprintf(buf + len, size - len, "%" PRIu64, row->min);
    else
        snprintf(buf + len, size - len, "%" PRIu64 "..%" PRIu64, row->min, row->max);
}

/* One phrase a type; what varies with the row is added by settings_expectation. */
static const char *const expectations[] = {
    [SETTINGS_BOOL] = "true or false",
    [SETTINGS_UINT] = "integer ",
    [SETTINGS_TEXT] = "string of printable characters, length ",
    [SETTINGS_CHOICE] = "one of ",
    [SETTINGS_IP] = "IPv4 or IPv6 address without a port",
    [SETTINGS_ENDPOINT] = ("IPv4 or IPv6 address, with or without a port (\"192.0.2.1:1720\", "
                           "\"[2001:db8::1]:1720\")"),
    [SETTINGS_PREFIX] = "IPv4 or IPv6 address with the length of its network (\"192.0.2.1/24\")",
    [SETTINGS_MAC] = "hardware address of one host (\"02:00:5e:10:00:01\")",
    [SETTINGS_MODE] = "file mode in octal (\"0660\")",
    [SETTINGS_UINTS] = "array of different integers 0..",
    [SETTINGS_TEXTS] = "array of non-empty strings, length ",
    [SETTINGS_CHOICES] = "array, without repetition, of ",
    [SETTINGS_OBJECT] = "object",
    [SETTINGS_OBJECTS] = "array of objects, length ",
    [SETTINGS_IGNORED] = "string",
};

char *settings_expectation(const struct settings_row *row, char *buf, size_t size)
{
    snprintf(buf, size, "%s", expectations[row->type]);
    size_t len = strlen(buf);
    switch (row->type) {
    case SETTINGS_UINT:
    case SETTINGS_TEXT:
    case SETTINGS_TEXTS:
    case SETTINGS_OBJECTS:
        list_range(row, buf, size);
        break;
    case SETTINGS_CHOICE:
        list_choices(row, buf, size);
        break;
    case SETTINGS_CHOICES:
        list_choices(row, buf, size);
        len = strlen(buf);
        snprintf(buf + len, size - len, ", length ");
        list_range(row, buf, size);
        break;
    case SETTINGS_UINTS:
        snprintf(buf + len, size - len, "%" PRIu64 ", length ", row->item_max);
        list_range(row, buf, size);
        break;
    case SETTINGS_IP:
        if (row->min == 0)
            snprintf(buf + len, size - len, ", or \"\" for none");
        break;
    default:
        break;
    }
    len = strlen(buf);
    if (row->unit != NULL)
        snprintf(buf + len, size - len, " (%s)", row->unit);
    return buf;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "string ";
    case JSON_INTEGER:
        return "integer ";
    case JSON_REAL:
        return "number ";
    default: /* true, false, null say what they are */
        return "";
    }
}

/* "string "abc"", "an array of 3": what stands in the file, bounded and printable. */
static void describe_found(const json_t *value, char *buf, size_t size)
{
    int n = snprintf(buf, size, "%s", type_name(value));
    size_t len = n > 0 ? (size_t)n : 0;
    if (json_is_array(value)) {
        snprintf(buf + len, size - len, " of %zu", json_array_size(value));
        return;
    }
    if (json_is_object(value))
        return;
    /* As JSON, so that quotes and escapes look as in the file. */
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (dump != NULL)
        snprintf(buf + len, size - len, "%.60s%s", dump, strlen(dump) > 60 ? "..." : "");
    free(dump);
    for (char *p = buf; *p != '\0'; p++) /* the one control character that JSON leaves as it is */
        if (*p == 0x7f)
            *p = '?';
}

static void problem_expected(struct settings_load *load, const struct settings_row *row,
                             const json_t *found)
{
    char expected[200], actual[96];
    settings_expectation(row, expected, sizeof(expected));
    describe_found(found, actual, sizeof(actual));
    settings_problem(load, "expected %s, found %s", expected, actual);
}

/* Rows tell the size of their field: one check serves fields of all widths. */
static void store_uint(void *at, size_t size, uint64_t v)
{
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;
    if (size == 1)
        memcpy(at, &v8, 1);
    else if (size == 2)
        memcpy(at, &v16, 2);
    else if (size == 4)
        memcpy(at, &v32, 4);
    else
        memcpy(at, &v, 8);
}

static bool is_printable(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static bool take_uint(const json_t *value, uint64_t min, uint64_t max, void *at, size_t size)
{
    /* Negative numbers are no "range" problem, they are another type. */
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    uint64_t v = (uint64_t)json_integer_value(value);
    if (v < min || v > max)
        return false;
    store_uint(at, size, v);
    return true;
}

static bool take_text(const json_t *value, uint64_t min, uint64_t max, void *at, size_t size)
{
    const char *text = json_string_value(value);
    if (text == NULL || !is_printable(text))
        return false;
    size_t len = strlen(text);
    /* The field's size is not the same as the longest allowed text: both hold. */
    if (len < min || len > max || len >= size)
        return false;
    memcpy(at, text, len + 1);
    return true;
}

static bool take_choice(const json_t *value, const struct settings_row *row, void *at)
{
    const char *text = json_string_value(value);
    for (const struct settings_choice *c = row->choices; text != NULL && c->text != NULL; c++) {
        if (strcmp(c->text, text) == 0) {
            store_uint(at, row->size, (uint64_t)c->value);
            return true;
        }
    }
    return false;
}

static bool take_address(const json_t *value, const struct settings_row *row, void *at)
{
    const char *text = json_string_value(value);
    struct addr a = {0};
    if (text == NULL)
        return false;
    /* Empty text where none is allowed to be: ADDR_NONE. */
    if (!(*text == '\0' && row->min == 0) && addr_parse(text, &a) != 0)
        return false;
    if (row->type == SETTINGS_IP && a.port != 0)
        return false;
    memcpy(at, &a, sizeof(a));
    return true;
}

static bool take_prefix(const json_t *value, void *at)
{
    const char *text = json_string_value(value);
    struct addr_prefix p;
    /* Without "/" it would be a host with a network of its own: nearly always a mistake. */
    if (text == NULL || strchr(text, '/') == NULL || addr_parse_prefix(text, &p) != 0)
        return false;
    memcpy(at, &p, sizeof(p));
    return true;
}

static bool take_mac(const json_t *value, void *at)
{
    const char *text = json_string_value(value);
    uint8_t mac[6];
    if (text == NULL || strlen(text) != 17)
        return false;
    for (size_t i = 0; i < 6; i++) {
        const char *p = text + 3 * i;
        if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]) ||
            (i < 5 && p[2] != ':'))
            return false;
        mac[i] = (uint8_t)strtoul(p, NULL, 16);
    }
    if ((mac[0] & 1) != 0) /* group addresses belong to no host */
        return false;
    memcpy(at, mac, sizeof(mac));
    return true;
}

static bool take_mode(const json_t *value, const struct settings_row *row, void *at)
{
    const char *text = json_string_value(value);
    uint64_t mode = 0;
    if (text == NULL || strlen(text) < 3 || strlen(text) > 4)
        return false;
    /* Octal, as chmod writes it. */
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '7')
            return false;
        mode = mode * 8 + (uint64_t)(*p - '0');
    }
    if (mode > 0777)
        return false;
    store_uint(at, row->size, mode);
    return true;
}

static bool take_element(const json_t *value, const struct settings_row *row, void *at)
{
    switch (row->type) {
    case SETTINGS_UINTS:
        return take_uint(value, 0, row->item_max, at, row->size);
    case SETTINGS_TEXTS:
        return take_text(value, 1, row->size - 1, at, row->size);
    default:
        return take_choice(value, row, at);
    }
}

/* An array of plain values. Each wrong element is a problem of its own. */
static bool take_list(struct settings_load *load, const json_t *value,
                      const struct settings_row *row, uint8_t *base)
{
    size_t n = json_array_size(value);
    uint32_t count = (uint32_t)n;
    if (!json_is_array(value) || n < row->min || n > row->max || n > row->capacity)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(value, i);
        bool ok = take_element(item, row, base + row->offset + i * row->size);
        /* Different elements: a codec named twice is a mistake. Texts may repeat. */
        for (size_t j = 0; ok && j < i && row->type != SETTINGS_TEXTS; j++)
            ok = json_equal(item, json_array_get(value, j)) == 0;
        if (ok)
            continue;
        load->steps[load->depth++] = (struct settings_step){.index = i};
        problem_expected(load, row, item);
        load->depth--;
    }
    /* The count is stored even after problems: nothing is used then. */
    memcpy(base + row->count_offset, &count, sizeof(count));
    return true;
}

static bool take_objects(struct settings_load *load, json_t *value, const struct settings_row *row,
                         uint8_t *base)
{
    size_t n = json_array_size(value);
    uint32_t count = (uint32_t)n;
    if (!json_is_array(value) || n < row->min || n > row->max || n > row->capacity)
        return false;
    for (size_t i = 0; i < n; i++) {
        json_t *item = json_array_get(value, i);
        load->steps[load->depth++] = (struct settings_step){.index = i};
        if (json_is_object(item))
            settings_check_object(load, row->table, item, base + row->offset + i * row->size);
        else
            settings_problem(load, "expected an object"); /* the path has its index */
        load->depth--;
    }
    memcpy(base + row->count_offset, &count, sizeof(count));
    return true;
}

static bool take_value(struct settings_load *load, json_t *value, const struct settings_row *row,
                       uint8_t *base)
{
    void *at = base + row->offset;
    switch (row->type) {
    case SETTINGS_BOOL:
        if (json_is_boolean(value))
            *(bool *)at = json_is_true(value);
        return json_is_boolean(value);
    case SETTINGS_UINT:
        return take_uint(value, row->min, row->max, at, row->size);
    case SETTINGS_TEXT:
        return take_text(value, row->min, row->max, at, row->size);
    case SETTINGS_CHOICE:
        return take_choice(value, row, at);
    case SETTINGS_IP:
    case SETTINGS_ENDPOINT:
        return take_address(value, row, at);
    case SETTINGS_PREFIX:
        return take_prefix(value, at);
    case SETTINGS_MAC:
        return take_mac(value, at);
    case SETTINGS_MODE:
        return take_mode(value, row, at);
    case SETTINGS_UINTS:
    case SETTINGS_TEXTS:
    case SETTINGS_CHOICES:
        return take_list(load, value, row, base);
    case SETTINGS_OBJECTS:
        return take_objects(load, value, row, base);
    case SETTINGS_OBJECT:
        if (json_is_object(value))
            settings_check_object(load, row->table, value, at);
        return json_is_object(value);
    case SETTINGS_IGNORED:
        return json_is_string(value);
    }
    return false;
}

static void check_row(struct settings_load *load, const struct settings_row *row, json_t *object,
                      uint8_t *base)
{
    json_t *value = json_object_get(object, row->key);
    json_t *fallback = NULL;
    /* A default is JSON text and passes the same checks as the file: it cannot go out of range. */
    if (value == NULL) {
        if (row->fallback == NULL) {
            char expected[200];
            settings_expectation(row, expected, sizeof(expected));
            settings_problem(load, "required key is missing: expected %s", expected);
            return;
        }
        value = fallback = json_loads(row->fallback, JSON_DECODE_ANY, NULL);
        if (value == NULL) {
            load->err = ERR_NOMEM;
            return;
        }
    }
    if (!take_value(load, value, row, base))
        problem_expected(load, row, value);
    json_decref(fallback);
}

static const struct settings_row *find_row(const struct settings_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].key, key) == 0)
            return &table->rows[i];
    return NULL;
}

static void problem_unknown(struct settings_load *load, const struct settings_table *table)
{
    char known[280] = "";
    size_t len = 0;
    for (size_t i = 0; i < table->count && len < sizeof(known) - 1; i++) {
        int n = snprintf(known + len, sizeof(known) - len, "%s%s", i > 0 ? ", " : "",
                         table->rows[i].key);
        len += n > 0 ? (size_t)n : 0;
    }
    settings_problem(load, "unknown key; known here: %s", known);
}

void settings_check_object(struct settings_load *load, const struct settings_table *table,
                           json_t *object, void *out)
{
    void *iter;
    if (load->depth + 2 > SETTINGS_DEPTH_MAX)
        return; /* no table is so deep: a test walks them all */
    /* Unknown keys first: a misspelt one is the reason why the right one is missing. */
    for (iter = json_object_iter(object); iter != NULL;
         iter = json_object_iter_next(object, iter)) {
        const char *key = json_object_iter_key(iter);
        if (find_row(table, key) != NULL)
            continue;
        load->steps[load->depth++] = (struct settings_step){.key = key};
        problem_unknown(load, table);
        load->depth--;
    }
    for (size_t i = 0; i < table->count; i++) {
        load->steps[load->depth++] = (struct settings_step){.key = table->rows[i].key};
        check_row(load, &table->rows[i], object, out);
        load->depth--;
    }
}
