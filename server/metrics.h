/* Named counters, readable by the control socket.
 *
 * A family has a name, a help line and at most one label ("reason"); each label value has a cell, a
 * 64-bit counter. Names follow the Prometheus rules ([a-z_][a-z0-9_]*), so that they can be exposed
 * there unchanged. Families and cells live as long as the registry. Counting is one relaxed atomic
 * addition, any thread. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics;
struct metrics_family;
typedef _Atomic uint64_t metrics_cell;

#define METRICS_LABELS_MAX 128 /* cells of one family; label values beyond count as "other" */

int metrics_create(struct metrics **out); /* ERR_NOMEM */
void metrics_destroy(struct metrics *metrics);

/* Makes a family, or finds the one of this name. `label` NULL = a single counter. All texts must
 * live as long as the registry. NULL when out of memory. Any thread. */
struct metrics_family *metrics_family(struct metrics *metrics, const char *name, const char *label,
                                      const char *help);

/* The cell of a label value (copied; NULL for a family without label). Never NULL: when there is no
 * room it is the family's cell "other". Keep the pointer where it matters. Any thread. */
metrics_cell *metrics_cell_of(struct metrics_family *family, const char *value);

static inline void metrics_add(metrics_cell *cell, uint64_t n)
{
    atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

/* metrics_cell_of and metrics_add in one: for paths that are not hot. */
void metrics_count(struct metrics_family *family, const char *value);

/* A value that is asked for when somebody reads: sessions now, ports free. Called on the thread
 * that reads (the main thread), under the registry's lock: it must not
 * call this module. ERR_NOMEM, ERR_EXISTS. */
typedef int64_t (*metrics_gauge_fn)(void *ctx);
int metrics_gauge(struct metrics *metrics, const char *name, const char *help, metrics_gauge_fn fn,
                  void *ctx);

/* {"signalling_rejects": {"tpkt_length": 3}, "sessions": 2}; new reference, NULL when out of
 * memory. Cells that are 0 are in it too. */
json_t *metrics_to_json(struct metrics *metrics);

/* Sum of a family's cells, or a gauge's value; 0 for an unknown name. For tests and for "drained?".
 */
int64_t metrics_value(struct metrics *metrics, const char *name, const char *label_value);

#endif
