/* State machines as tables: one row for each (state, event) pair that the Recommendation allows.
 *
 * A pair without a row is not an accident: the machine's owner counts it and answers as its
 * Recommendation says. The same tables are printed into docs/state-machines.md, so the strings
 * here are for readers. Header-only, pure, any thread. */
#ifndef SIGNALLING_FSM_H
#define SIGNALLING_FSM_H

#include <stddef.h>
#include <stdint.h>

#define FSM_DECIDES 0xff /* next state: the action sets it, see the row's text */

/* `machine` is the machine's own context, `input` the event's message or NULL. */
typedef void (*fsm_action_fn)(void *machine, const void *input);

struct fsm_row {
    uint8_t state;
    uint8_t event;
    uint8_t next;         /* set before the action runs, so that callbacks meet the new state */
    fsm_action_fn action; /* NULL: nothing to do */
    const char *text;     /* what happens, for the docs */
};

struct fsm {
    const char *name;   /* for the docs */
    const char *clause; /* of the Recommendation */
    const char *const *states;
    unsigned state_count;
    const char *const *events;
    unsigned event_count;
    const struct fsm_row *rows;
    unsigned row_count;
};

#define FSM_COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

/* The row of a pair, NULL when the table has none. */
static inline const struct fsm_row *fsm_find(const struct fsm *f, unsigned state, unsigned event)
{
    for (unsigned i = 0; i < f->row_count; i++)
        if (f->rows[i].state == state && f->rows[i].event == event)
            return &f->rows[i];
    return NULL;
}

/* Runs one event. 1: a row was there; 0: none, nothing happened. */
static inline int fsm_run(const struct fsm *f, uint8_t *state, unsigned event, void *machine,
                          const void *input)
{
    const struct fsm_row *row = fsm_find(f, *state, event);

    if (row == NULL)
        return 0;
    if (row->next != FSM_DECIDES)
        *state = row->next;
    if (row->action != NULL)
        row->action(machine, input);
    return 1;
}

#endif
