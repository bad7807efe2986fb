#include "bench/endpoint/endpoint_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

const char *endpoint_event_to_str(enum endpoint_event event)
{
    static const char *const names[] = {
#define EVENT_NAME(name, text) text,
        ENDPOINT_EVENT_LIST(EVENT_NAME)
#undef EVENT_NAME
    };
    return (unsigned)event < EV_COUNT ? names[event] : "unknown";
}

void report_init(struct report *r, bool json, const char *alias)
{
    *r = (struct report){.json = json, .alias = alias, .start_us = clock_mono_us()};
}

static json_t *entry_json(const struct report *r, const struct report_entry *e)
{
    return json_pack("{s:s,s:I,s:f,s:s}", "event", endpoint_event_to_str(e->event), "at_us",
                     (json_int_t)e->at_us, "ms", (double)(e->at_us - r->start_us) / 1000.0,
                     "detail", e->detail);
}

void report_print(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (text)
        puts(text);
    fflush(stdout); /* tests wait for these lines */
    free(text);
    json_decref(object);
}

void report_event(struct report *r, enum endpoint_event event, const char *format, ...)
{
    struct report_entry spare, *e = r->count < REPORT_EVENTS_MAX ? &r->entries[r->count++] : &spare;
    va_list ap;
    *e = (struct report_entry){.event = event, .at_us = clock_mono_us()};
    va_start(ap, format);
    vsnprintf(e->detail, sizeof(e->detail), format, ap);
    va_end(ap);
    if (!r->first_us[event])
        r->first_us[event] = e->at_us;
    if (r->json) {
        json_t *line = entry_json(r, e);
        json_object_set_new(line, "alias", json_string(r->alias));
        report_print(line);
        return;
    }
    printf("%10.3f ms  %-18s %s\n", (double)(e->at_us - r->start_us) / 1000.0,
           endpoint_event_to_str(event), e->detail);
    fflush(stdout);
}

void report_fail(struct report *r, const char *format, ...)
{
    va_list ap;
    if (r->failure[0])
        return;
    va_start(ap, format);
    vsnprintf(r->failure, sizeof(r->failure), format, ap);
    va_end(ap);
}

bool report_has(const struct report *r, enum endpoint_event event)
{
    return r->first_us[event] != 0;
}

double report_span_ms(const struct report *r, enum endpoint_event from, enum endpoint_event to)
{
    if (!r->first_us[from] || !r->first_us[to])
        return -1;
    return (double)((int64_t)r->first_us[to] - (int64_t)r->first_us[from]) / 1000.0;
}

json_t *report_ladder(const struct report *r)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < r->count; i++)
        json_array_append_new(list, entry_json(r, &r->entries[i]));
    return list;
}
