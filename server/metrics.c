#include "server/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"

#define LABEL_BYTES_MAX 48

struct cell {
    char value[LABEL_BYTES_MAX]; /* of the label; "" for a family without one */
    metrics_cell count;
};

struct metrics_family {
    struct list link;
    struct metrics *metrics;
    const char *name, *label, *help;
    metrics_gauge_fn gauge; /* NULL = counters */
    void *gauge_ctx;
    struct cell *cells[METRICS_LABELS_MAX];
    size_t cell_count;
    struct cell other; /* the only cell of a family without label */
};

struct metrics {
    struct list families; /* in the order of their making */
    pthread_mutex_t lock; /* families, their cells and names; not the counts */
};

int metrics_create(struct metrics **out)
{
    struct metrics *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    list_init(&m->families);
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return 0;
}

void metrics_destroy(struct metrics *m)
{
    struct list *link;
    if (m == NULL)
        return;
    while ((link = list_pop_front(&m->families)) != NULL) {
        struct metrics_family *f = LIST_ENTRY(link, struct metrics_family, link);
        for (size_t i = 0; i < f->cell_count; i++)
            free(f->cells[i]);
        free(f);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static struct metrics_family *find_family(struct metrics *m, const char *name)
{
    LIST_FOREACH (it, &m->families) {
        struct metrics_family *f = LIST_ENTRY(it, struct metrics_family, link);
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

static struct metrics_family *add_family(struct metrics *m, const char *name, const char *label,
                                         const char *help)
{
    struct metrics_family *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->metrics = m;
    f->name = name;
    f->label = label;
    f->help = help;
    list_push_back(&m->families, &f->link);
    return f;
}

struct metrics_family *metrics_family(struct metrics *m, const char *name, const char *label,
                                      const char *help)
{
    pthread_mutex_lock(&m->lock);
    struct metrics_family *f = find_family(m, name);
    if (f == NULL)
        f = add_family(m, name, label, help);
    pthread_mutex_unlock(&m->lock);
    return f;
}

static struct cell *find_cell(const struct metrics_family *f, const char *value)
{
    for (size_t i = 0; i < f->cell_count; i++)
        if (strncmp(f->cells[i]->value, value, LABEL_BYTES_MAX - 1) == 0)
            return f->cells[i];
    return NULL;
}

static struct cell *add_cell(struct metrics_family *f, const char *value)
{
    if (f->cell_count == METRICS_LABELS_MAX)
        return NULL;
    struct cell *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    strncpy(c->value, value, LABEL_BYTES_MAX - 1);
    f->cells[f->cell_count++] = c;
    return c;
}

metrics_cell *metrics_cell_of(struct metrics_family *f, const char *value)
{
    if (value == NULL || f->label == NULL)
        return &f->other.count;
    pthread_mutex_lock(&f->metrics->lock);
    struct cell *c = find_cell(f, value);
    if (c == NULL)
        c = add_cell(f, value);
    pthread_mutex_unlock(&f->metrics->lock);
    return c != NULL ? &c->count : &f->other.count;
}

void metrics_count(struct metrics_family *f, const char *value)
{
    metrics_add(metrics_cell_of(f, value), 1);
}

int metrics_gauge(struct metrics *m, const char *name, const char *help, metrics_gauge_fn fn,
                  void *ctx)
{
    int err = 0;
    pthread_mutex_lock(&m->lock);
    if (find_family(m, name) != NULL) {
        err = ERR_EXISTS;
    } else {
        struct metrics_family *f = add_family(m, name, NULL, help);
        if (f != NULL) {
            f->gauge = fn;
            f->gauge_ctx = ctx;
        } else {
            err = ERR_NOMEM;
        }
    }
    pthread_mutex_unlock(&m->lock);
    return err;
}

static json_t *family_to_json(const struct metrics_family *f)
{
    if (f->gauge != NULL)
        return json_integer(f->gauge(f->gauge_ctx));
    if (f->label == NULL)
        return json_integer((json_int_t)atomic_load(&f->other.count));
    json_t *object = json_object();
    for (size_t i = 0; i < f->cell_count; i++)
        json_object_set_new(object, f->cells[i]->value,
                            json_integer((json_int_t)atomic_load(&f->cells[i]->count)));
    if (atomic_load(&f->other.count) != 0)
        json_object_set_new(object, "other",
                            json_integer((json_int_t)atomic_load(&f->other.count)));
    return object;
}

json_t *metrics_to_json(struct metrics *m)
{
    json_t *object = json_object();
    pthread_mutex_lock(&m->lock);
    LIST_FOREACH (it, &m->families) {
        const struct metrics_family *f = LIST_ENTRY(it, struct metrics_family, link);
        json_object_set_new(object, f->name, family_to_json(f));
    }
    pthread_mutex_unlock(&m->lock);
    return object;
}

static int64_t family_value(const struct metrics_family *f, const char *value)
{
    if (f->gauge != NULL)
        return f->gauge(f->gauge_ctx);
    if (value != NULL) {
        const struct cell *c = find_cell(f, value);
        return c != NULL ? (int64_t)atomic_load(&c->count) : 0;
    }
    uint64_t sum = atomic_load(&f->other.count);
    for (size_t i = 0; i < f->cell_count; i++)
        sum += atomic_load(&f->cells[i]->count);
    return (int64_t)sum;
}

int64_t metrics_value(struct metrics *m, const char *name, const char *label_value)
{
    pthread_mutex_lock(&m->lock);
    const struct metrics_family *f = find_family(m, name);
    int64_t value = f != NULL ? family_value(f, label_value) : 0;
    pthread_mutex_unlock(&m->lock);
    return value;
}
