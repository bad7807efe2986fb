#include "bench/bench_figures.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NAME_MAX_ 200

struct list {
    json_t *figures;
    const char *section;
};

/* Nothing is added when the value is not there: a step that was skipped has no figures. */
__attribute__((format(printf, 5, 6))) static void add(struct list *list, const json_t *value,
                                                      const char *unit, bool more_is_better,
                                                      const char *format, ...)
{
    char name[NAME_MAX_];
    va_list arguments;

    if (!json_is_number(value))
        return;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    json_array_append_new(list->figures,
                          json_pack("{s:s, s:s, s:f, s:s, s:b}", "section", list->section, "name",
                                    name, "value", json_number_value(value), "unit", unit,
                                    "more_is_better", (int)more_is_better));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "?";
}

static int number(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

/* ---- a function for each kind of benchmark ---- */

static void add_relay(struct list *list, const json_t *r)
{
    const json_t *latency = json_object_get(r, "latency_us");
    const json_t *half = json_object_get(latency, "load_50");
    char work[120];

    snprintf(work, sizeof(work), "relay %s %s %d calls", text(r, "path"), text(r, "suite"),
             number(r, "calls"));
    add(list, json_object_get(r, "mpps"), "Mpps", true, "%s: highest rate", work);
    add(list, json_object_get(r, "ns_per_packet"), "ns", false, "%s: worker a packet", work);
    add(list, json_object_get(r, "ceiling_mpps"), "Mpps", true, "%s: ceiling", work);
    add(list, json_object_get(r, "crypto_only_mpps"), "Mpps", true, "%s: engine alone", work);
    add(list, json_object_get(half, "p50"), "us", false, "%s: delay p50 at 50 %%", work);
    add(list, json_object_get(half, "p99"), "us", false, "%s: delay p99 at 50 %%", work);
    add(list, json_object_get(json_object_get(latency, "load_90"), "p99"), "us", false,
        "%s: delay p99 at 90 %%", work);
}

static void add_pipeline(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        add(list, json_object_get(row, "ns_per_packet"), "ns", false,
            "pipeline %s %s %s %d calls: a packet", text(row, "path"), text(row, "suite"),
            text(row, "engine"), number(row, "calls"));
        add(list, json_object_get(row, "without_crypto_ns"), "ns", false,
            "pipeline %s %s %s %d calls: without cryptography", text(row, "path"),
            text(row, "suite"), text(row, "engine"), number(row, "calls"));
    }
}

static void add_srtp(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        add(list, json_object_get(row, "protect_ns"), "ns", false, "srtp %s %d bytes %s: protect",
            text(row, "suite"), number(row, "bytes"), text(row, "engine"));
        add(list, json_object_get(row, "unprotect_ns"), "ns", false,
            "srtp %s %d bytes %s: unprotect", text(row, "suite"), number(row, "bytes"),
            text(row, "engine"));
    }
}

static void add_demux(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        add(list, json_object_get(row, "ns_per_frame"), "ns", false, "demux %s: a frame",
            text(row, "kind"));
        add(list, json_object_get(row, "classify_ns"), "ns", false, "demux %s: to classify",
            text(row, "kind"));
    }
}

static void add_fanout(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        add(list, json_object_get(row, "ns_per_copy"), "ns", false, "fanout %s %s 1 to %d: a copy",
            text(r, "path"), text(r, "suite"), number(row, "receivers"));
        add(list, json_object_get(row, "out_mpps"), "Mpps", true, "fanout %s %s 1 to %d: sent",
            text(r, "path"), text(r, "suite"), number(row, "receivers"));
    }
}

/* Only what was measured: a prediction is no figure. */
static void add_scale(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "measured"), i, row)
        add(list, json_object_get(row, "mpps"), "Mpps", true, "scale %s %s: %d workers",
            text(r, "path"), text(r, "suite"), number(row, "workers"));
}

static void add_per(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        add(list, json_object_get(row, "decode_ns"), "ns", false, "per %s: decode",
            text(row, "message"));
        add(list, json_object_get(row, "encode_ns"), "ns", false, "per %s: encode",
            text(row, "message"));
    }
}

static void add_mix(struct list *list, const json_t *r)
{
    const json_t *delay = json_object_get(r, "delay"), *row;
    size_t i;

    json_array_foreach (json_object_get(r, "worker"), i, row)
        add(list, json_object_get(row, "ports_per_core"), "ports", true, "mix %s: ports a core",
            text(row, "case"));
    add(list, json_object_get(delay, "p99_ms"), "ms", false, "mix: delay, p99");
    add(list, json_object_get(r, "relay_p99_ratio"), "times", false,
        "mix: p99 of relayed packets beside rooms");
    json_array_foreach (json_object_get(r, "engine"), i, row)
        add(list, json_object_get(row, "ports_per_core"), "ports", true,
            "mix engine %s: ports a core", text(row, "case"));
}

static void add_data(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        int associations = number(row, "associations"), size = number(row, "size");

        add(list, json_object_get(json_object_get(row, "dtls"), "messages_s"), "messages/s", true,
            "data %d associations, %d octets: SCTP over DTLS", associations, size);
        add(list, json_object_get(row, "ratio"), "times", true,
            "data %d associations, %d octets: beside SCTP alone", associations, size);
    }
    json_array_foreach (json_object_get(r, "relay"), i, row)
        add(list, json_object_get(row, "records_s"), "records/s", true,
            "data: relay of records of %d octets", number(row, "size"));
}

static void add_data_link(struct list *list, const json_t *r)
{
    size_t i;
    const json_t *row;

    json_array_foreach (json_object_get(r, "rows"), i, row) {
        int size = number(row, "size");

        add(list, json_object_get(row, "shard_ns"), "ns", false,
            "data link %d octets: CPU of the shard a record", size);
        add(list, json_object_get(row, "worker_ns"), "ns", false,
            "data link %d octets: CPU of the worker a record", size);
    }
}

static void add_dtls(struct list *list, const json_t *r)
{
    const char *kind = number(r, "resumed") > 0 ? "resumed" : "full";

    add(list, json_object_get(r, "server_per_s"), "/s", true, "dtls %s: handshakes as the server",
        kind);
    add(list, json_object_get(r, "client_per_s"), "/s", true, "dtls %s: handshakes as the client",
        kind);
}

static void add_peers(struct list *list, const json_t *r)
{
    static const char *const columns[] = {"rtpengine", "sluice", "sluice_memif"};

    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        const json_t *column = json_object_get(r, columns[i]);

        add(list, json_object_get(column, "mpps"), "Mpps", true, "peers %s, %d calls: highest rate",
            columns[i], number(r, "calls"));
        add(list, json_object_get(column, "ns_per_packet"), "ns", false,
            "peers %s, %d calls: CPU a packet", columns[i], number(r, "calls"));
    }
}

static const struct {
    const char *benchmark;
    void (*add)(struct list *list, const json_t *r);
} kinds[] = {
    {"relay", add_relay}, {"pipeline", add_pipeline},     {"srtp", add_srtp},
    {"demux", add_demux}, {"fanout", add_fanout},         {"scale", add_scale},
    {"per", add_per},     {"peers", add_peers},           {"mix", add_mix},
    {"data", add_data},   {"data --link", add_data_link}, {"dtls", add_dtls},
};

json_t *bench_figures_make(const json_t *results)
{
    struct list list = {.figures = json_array()};
    const char *step;
    json_t *r;

    json_object_foreach ((json_t *)(uintptr_t)results, step, r) {
        list.section = text(r, "benchmark");
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (strcmp(kinds[i].benchmark, list.section) == 0)
                kinds[i].add(&list, r);
    }
    return list.figures;
}

/* ---- comparing ---- */

static const json_t *find(const json_t *figures, const char *name)
{
    size_t i;
    const json_t *figure;

    json_array_foreach (figures, i, figure)
        if (strcmp(text(figure, "name"), name) == 0)
            return figure;
    return NULL;
}

json_t *bench_figures_compare(const json_t *now, const json_t *old, double noise)
{
    json_t *out = json_array();
    size_t i;
    const json_t *figure;

    json_array_foreach (now, i, figure) {
        const json_t *before = find(old, text(figure, "name"));
        double a = json_number_value(json_object_get(before, "value"));
        double b = json_number_value(json_object_get(figure, "value")), gain;

        if (!before || !(a > 0) || !(b > 0))
            continue;
        gain = json_is_true(json_object_get(figure, "more_is_better")) ? b / a : a / b;
        json_array_append_new(out, json_pack("{s:s, s:s, s:f, s:f, s:f, s:s}", "name",
                                             text(figure, "name"), "unit", text(figure, "unit"),
                                             "old", a, "new", b, "ratio", b / a, "verdict",
                                             gain > 1 + noise         ? "better"
                                             : gain < 1 / (1 + noise) ? "worse"
                                                                      : "same"));
    }
    return out;
}

void bench_figures_print_comparison(const json_t *comparison, FILE *to)
{
    size_t i;
    const json_t *row;

    fprintf(to, "%-66s %10s %10s %7s\n", "", "old", "new", "ratio");
    json_array_foreach (comparison, i, row)
        fprintf(to, "%-66s %10.4g %10.4g %7.2f %s\n", text(row, "name"),
                json_number_value(json_object_get(row, "old")),
                json_number_value(json_object_get(row, "new")),
                json_number_value(json_object_get(row, "ratio")),
                strcmp(text(row, "verdict"), "same") == 0 ? "" : text(row, "verdict"));
}
