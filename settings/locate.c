/* Finds the line of a value: jansson tells lines only for what it cannot parse.
 *
 * The text has been parsed once, so it is valid JSON; every loop is bounded by its size anyway. */
#include <stdbool.h>
#include <string.h>

#include "settings/table.h"

struct cursor {
    const char *text;
    size_t size, pos;
};

static char peek(struct cursor *c)
{
    /* strchr finds the terminating zero too, hence the second test. */
    while (c->pos < c->size && strchr(" \t\r\n", c->text[c->pos]) != NULL && c->text[c->pos] != 0)
        c->pos++;
    return c->pos < c->size ? c->text[c->pos] : '\0';
}

/* Past a string; the cursor stands on its opening quote. */
static void skip_string(struct cursor *c)
{
    /* Escapes are two characters at least; what follows \u is no quote. */
    for (c->pos++; c->pos < c->size && c->text[c->pos] != '"'; c->pos++)
        if (c->text[c->pos] == '\\')
            c->pos++;
    c->pos++;
}

/* Past any value: brackets are counted, strings jumped over. */
static void skip_value(struct cursor *c)
{
    size_t depth = 0;
    while (c->pos < c->size) {
        char ch = peek(c);
        if (ch == '"') {
            skip_string(c);
        } else if (ch == '{' || ch == '[') {
            depth++;
            c->pos++;
            continue;
        } else if (ch == '}' || ch == ']') {
            if (depth == 0)
                return;
            depth--;
            c->pos++;
        } else if (ch == ',' && depth == 0) {
            return;
        } else {
            c->pos++;
            continue;
        }
        if (depth == 0)
            return;
    }
}

static bool is_key(const struct cursor *c, size_t start, size_t end, const char *key)
{
    const char *raw = c->text + start;
    size_t len = end - start; /* with both quotes */
    /* Without escapes keys are compared as they stand; with them JSON decides. */
    if (memchr(raw, '\\', len) == NULL)
        return len == strlen(key) + 2 && memcmp(raw + 1, key, len - 2) == 0;
    json_t *string = json_loadb(raw, len, JSON_DECODE_ANY, NULL);
    bool same = string != NULL && strcmp(json_string_value(string), key) == 0;
    json_decref(string);
    return same;
}

/* Moves to the value of a member; *line_pos = where its key stands. */
static bool enter_member(struct cursor *c, const char *key, size_t *line_pos)
{
    if (peek(c) != '{')
        return false;
    c->pos++;
    while (peek(c) == '"') {
        size_t start = c->pos;
        skip_string(c);
        size_t end = c->pos < c->size ? c->pos : c->size;
        if (peek(c) != ':')
            return false;
        c->pos++;
        if (is_key(c, start, end, key)) {
            (void)peek(c);
            /* The key's place, not the value's: that is where people look. */
            *line_pos = start;
            return true;
        }
        skip_value(c);
        if (peek(c) == ',')
            c->pos++;
    }
    return false;
}

static bool enter_element(struct cursor *c, size_t index, size_t *line_pos)
{
    if (peek(c) != '[')
        return false;
    c->pos++;
    for (size_t i = 0; i < index; i++) {
        skip_value(c);
        if (peek(c) != ',')
            return false;
        c->pos++;
    }
    if (peek(c) == ']')
        return false;
    *line_pos = c->pos;
    return true;
}

int settings_locate(const char *text, size_t size, const struct settings_step *steps, size_t n)
{
    struct cursor c = {.text = text, .size = size};
    size_t found;
    int line = 1;
    (void)peek(&c);
    found = c.pos;
    for (size_t i = 0; i < n; i++) {
        bool ok = steps[i].key != NULL ? enter_member(&c, steps[i].key, &found)
                                       : enter_element(&c, steps[i].index, &found);
        if (!ok)
            /* Not found: the last that was, usually the object in which a key is missing. */
            break;
    }
    for (size_t i = 0; i < found && i < size; i++)
        line += text[i] == '\n';
    return line;
}
