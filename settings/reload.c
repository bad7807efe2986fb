/* What of a newly read configuration can be taken over while the server runs: the rows that say so
 * in the table, and all below them. */
#include <stdbool.h>
#include <string.h>

#include "settings/table.h"

#define PATH_MAX_BYTES 160

struct taking {
    settings_on_difference_fn told;
    void *ctx;
    bool is_dry; /* only look */
    bool needs_restart;
};

static void tell(struct taking *t, const char *path, bool is_taken)
{
    if (!is_taken)
        t->needs_restart = true;
    /* Told in the second pass only: the dry one asks what would be. */
    if (!t->is_dry)
        t->told(t->ctx, path, is_taken);
}

static void take_table(struct taking *t, const struct settings_table *table, uint8_t *live,
                       const uint8_t *fresh, bool reloads, const char *path);

static uint32_t count_of(const struct settings_row *row, const uint8_t *base)
{
    uint32_t n;

    memcpy(&n, base + row->count_offset, sizeof(n));
    return n;
}

/* Elements are told apart by their place alone: unless what cannot change is the same in all of
 * them, one might be given what is meant for another. */
static void take_elements(struct taking *t, const struct settings_row *row, uint8_t *live,
                          const uint8_t *fresh, const char *path)
{
    struct taking look = {.is_dry = true};
    uint32_t n = count_of(row, live);
    char deeper[PATH_MAX_BYTES];

    look.needs_restart = n != count_of(row, fresh);
    /* Dry: nothing of the list is touched before all of it is known to fit. */
    for (uint32_t i = 0; i < n && !look.needs_restart; i++)
        take_table(&look, row->table, live + row->offset + i * row->size,
                   fresh + row->offset + i * row->size, false, path);
    if (look.needs_restart) {
        tell(t, path, false);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        snprintf(deeper, sizeof(deeper), "%.100s[%u]", path, i);
        take_table(t, row->table, live + row->offset + i * row->size,
                   fresh + row->offset + i * row->size, false, deeper);
    }
}

static void take_row(struct taking *t, const struct settings_row *row, uint8_t *live,
                     const uint8_t *fresh, bool reloads, const char *path)
{
    bool is_list = row->capacity != 0;
    size_t size = is_list ? row->size * row->capacity : row->size;

    if (row->type == SETTINGS_OBJECT) {
        take_table(t, row->table, live + row->offset, fresh + row->offset, reloads, path);
        return;
    }
    if (row->type == SETTINGS_OBJECTS && !reloads) {
        take_elements(t, row, live, fresh, path);
        return;
    }
    /* Compared as memory: rows have no padding in between, each field is one row. */
    if (memcmp(live + row->offset, fresh + row->offset, size) == 0 &&
        (!is_list || count_of(row, live) == count_of(row, fresh)))
        return;
    if (reloads && !t->is_dry) {
        memcpy(live + row->offset, fresh + row->offset, size);
        if (is_list)
            memcpy(live + row->count_offset, fresh + row->count_offset, sizeof(uint32_t));
    }
    tell(t, path, reloads);
}

static void take_table(struct taking *t, const struct settings_table *table, uint8_t *live,
                       const uint8_t *fresh, bool reloads, const char *path)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct settings_row *row = &table->rows[i];
        char deeper[PATH_MAX_BYTES];

        /* Comments have no field. */
        if (row->type == SETTINGS_IGNORED)
            continue;
        snprintf(deeper, sizeof(deeper), "%.100s%s%.50s", path, path[0] != '\0' ? "." : "",
                 row->key);
        take_row(t, row, live, fresh, reloads || row->reloads, deeper);
    }
}

void settings_take(struct settings *live, const struct settings *fresh,
                   settings_on_difference_fn told, void *ctx)
{
    struct taking t = {.told = told, .ctx = ctx};

    take_table(&t, &settings_root, (uint8_t *)live, (const uint8_t *)fresh, false, "");
}
