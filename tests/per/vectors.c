#include "tests/per/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *vectors_hex(const char *hex, size_t *len)
{
    size_t n = hex ? strlen(hex) / 2 : 0;
    uint8_t *p = malloc(n ? n : 1);

    for (size_t i = 0; p != NULL && i < n; i++) {
        unsigned v;

        if (sscanf(hex + 2 * i, "%2x", &v) != 1) {
            free(p);
            return NULL;
        }
        p[i] = (uint8_t)v;
    }
    *len = n;
    return hex ? p : NULL;
}

unsigned vectors_each_in(const char *path, vectors_on_line_fn on_line, void *user)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    unsigned number = 0;

    if (f == NULL)
        return 0;
    while (getline(&text, &room, f) > 0) {
        json_t *line = json_loads(text, 0, NULL);
        size_t len;
        uint8_t *octets = vectors_hex(json_string_value(json_object_get(line, "hex")), &len);

        number++;
        if (octets != NULL)
            on_line(user, path, number, line, octets, len);
        free(octets);
        json_decref(line);
    }
    free(text);
    fclose(f);
    return number;
}

unsigned vectors_each(const char *name, vectors_on_line_fn on_line, void *user)
{
    static const char *const dirs[] = {VECTORS_IN_TREE, VECTORS_BESIDE};
    unsigned n = 0;

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        char path[1024];

        snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
        n += vectors_each_in(path, on_line, user);
    }
    return n;
}
