/* Reads the file, runs the table over it, then what reaches over several keys. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "settings/table.h"

#define FILE_BYTES_MAX (1024 * 1024)
#define PORTS_MIN      4u

static void check_ports(struct settings_load *load, const char *path,
                        const struct settings_ports *ports)
{
    if (ports->first > ports->last)
        settings_problem_at(load, path, "first (%u) is greater than last (%u)", ports->first,
                            ports->last);
}

/* Index of a device by its name; the only device when the name is left out. */
static void find_device(struct settings_load *load, const struct settings_data_plane *dp,
                        /* The only device needs no name. */
                        const char *path, char name[SETTINGS_NAME_MAX], uint32_t *index)
{
    if (name[0] == '\0' && dp->device_count == 1)
        memcpy(name, dp->devices[0].name, SETTINGS_NAME_MAX);
    for (uint32_t i = 0; i < dp->device_count; i++) {
        if (strcmp(dp->devices[i].name, name) == 0) {
            *index = i;
            return;
        }
    }
    settings_problem_at(load, path, "expected the name of one of data_plane.devices, found \"%s\"",
                        name);
}

static void check_local_address(struct settings_load *load, struct settings_data_plane *dp,
                                uint32_t i)
{
    struct settings_address *a = &dp->addresses[i];
    char path[64], text[ADDR_TEXT_MAX];
    snprintf(path, sizeof(path), "data_plane.addresses[%u].address", i);
    if (addr_is_unspecified(&a->prefix.addr) || addr_is_multicast(&a->prefix.addr))
        settings_problem_at(load, path, "expected the address of one host, found %s",
                            addr_format_ip(&a->prefix.addr, text));
    for (uint32_t j = 0; j < i; j++)
        if (addr_is_same_ip(&dp->addresses[j].prefix.addr, &a->prefix.addr))
            settings_problem_at(load, path, "the same address as addresses[%u]", j);
    snprintf(path, sizeof(path), "data_plane.addresses[%u].device", i);
    find_device(load, dp, path, a->device, &a->device_index);
    if (a->gateway.family == ADDR_NONE)
        return;
    snprintf(path, sizeof(path), "data_plane.addresses[%u].gateway", i);
    /* an IPv6 router is often named by its link-local address (fe80::/10) */
    bool is_link_local = a->gateway.family == ADDR_IP6 && a->gateway.ip[0] == 0xfe &&
                         (a->gateway.ip[1] & 0xc0) == 0x80;
    if (a->gateway.family != a->prefix.addr.family ||
        (!is_link_local && !addr_is_in_prefix(&a->gateway, &a->prefix)))
        settings_problem_at(load, path, "expected an address within the network, found %s",
                            addr_format_ip(&a->gateway, text));
}

static void check_data_plane(struct settings_load *load, struct settings_data_plane *dp)
{
    char path[64];
    /* cpus tells their number too. */
    if (dp->cpu_count > 0)
        dp->workers = dp->cpu_count;
    check_ports(load, "data_plane.ports", &dp->ports);
    if (dp->ports.first % 2 != 0)
        settings_problem_at(load, "data_plane.ports.first",
                            "expected an even port (RTP without DTLS uses pairs), found %u",
                            dp->ports.first);
    if (dp->ports.first <= dp->ports.last &&
        (unsigned)(dp->ports.last - dp->ports.first) < PORTS_MIN - 1)
        settings_problem_at(
            load, "data_plane.ports",
            "expected at least %u ports (a pair for each of two sessions), found %u", PORTS_MIN,
            dp->ports.last - dp->ports.first + 1u);
    for (uint32_t i = 0; i < dp->device_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(dp->devices[i].name, dp->devices[j].name) != 0)
                continue;
            snprintf(path, sizeof(path), "data_plane.devices[%u].name", i);
            settings_problem_at(load, path, "the same name as devices[%u]", j);
        }
    }
    for (uint32_t i = 0; i < dp->address_count; i++)
        check_local_address(load, dp, i);
    for (uint32_t i = 0; i < dp->neighbour_count; i++) {
        snprintf(path, sizeof(path), "data_plane.neighbours[%u].device", i);
        find_device(load, dp, path, dp->neighbours[i].device, &dp->neighbours[i].device_index);
    }
}

static void check_family(struct settings_load *load, uint32_t i, const char *key,
                         const struct addr *a, enum addr_family family)
{
    char path[64], text[ADDR_TEXT_MAX];
    if (a->family == ADDR_NONE || a->family == family)
        return;
    snprintf(path, sizeof(path), "signalling.listeners[%u].%s", i, key);
    settings_problem_at(load, path, "expected an IPv%d address, found %s", (int)family,
                        addr_format_ip(a, text));
}

static void check_listener(struct settings_load *load, struct settings_signalling *s, uint32_t i)
{
    struct settings_listener *l = &s->listeners[i];
    char path[64];
    /* Listeners without a port have the one that belongs to their protocol. */
    if (l->address.port == 0)
        l->address.port = l->tls ? 1300 : 1720; /* H.225.0: IANA h323hostcallsc, h323hostcall */
    /* Two sockets on one address would fail at bind, with a worse message. */
    for (uint32_t j = 0; j < i; j++) {
        if (!addr_is_equal(&l->address, &s->listeners[j].address))
            continue;
        snprintf(path, sizeof(path), "signalling.listeners[%u].address", i);
        settings_problem_at(load, path, "the same address and port as listeners[%u]", j);
    }
    for (uint32_t j = 0; j < i; j++) {
        if (l->name[0] == '\0' || strcmp(l->name, s->listeners[j].name) != 0)
            continue;
        snprintf(path, sizeof(path), "signalling.listeners[%u].name", i);
        settings_problem_at(load, path, "the same name as listeners[%u]", j);
    }
    snprintf(path, sizeof(path), "signalling.listeners[%u].h245_ports", i);
    check_ports(load, path, &l->h245_ports);
    /* 0 to 0: the system chooses. */
    if (l->h245_ports.first == 0 && l->h245_ports.last != 0)
        settings_problem_at(load, path, "expected first and last both 0, or none of them");
    check_family(load, i, "h245_address", &l->h245_address, (enum addr_family)l->address.family);
    check_family(load, i, "media_ip4", &l->media_ip4, ADDR_IP4);
    check_family(load, i, "media_ip6", &l->media_ip6, ADDR_IP6);
    /* Its address names it in logs and events. */
    if (l->name[0] == '\0') {
        char text[ADDR_TEXT_MAX];
        snprintf(l->name, sizeof(l->name), "%.63s", addr_format(&l->address, text));
    }
}

static void check_dtls(struct settings_load *load, const struct settings_dtls_section *d)
{
    if ((d->certificate[0] == '\0') != (d->key[0] == '\0'))
        settings_problem_at(load, d->key[0] == '\0' ? "dtls.certificate" : "dtls.key",
                            "expected both dtls.certificate and dtls.key, or none of them");
    /* A back-off that falls is no back-off. */
    if (d->retransmit_max_ms < d->retransmit_initial_ms)
        settings_problem_at(load, "dtls.retransmit_max_ms",
                            "expected at least retransmit_initial_ms (%u), found %u",
                            d->retransmit_initial_ms, d->retransmit_max_ms);
    if (d->handshake_timeout_ms <= d->retransmit_initial_ms)
        settings_problem_at(load, "dtls.handshake_timeout_ms",
                            "expected more than retransmit_initial_ms (%u), found %u",
                            d->retransmit_initial_ms, d->handshake_timeout_ms);
}

static void check_tls(struct settings_load *load, const struct settings_tls *t)
{
    if ((t->certificate[0] == '\0') != (t->key[0] == '\0'))
        settings_problem_at(load, t->key[0] == '\0' ? "tls.certificate" : "tls.key",
                            "expected both tls.certificate and tls.key, or none of them");
    /* Checking without authorities would refuse everybody. */
    if (t->client_certificates != SETTINGS_TLS_CLIENTS_NONE && t->authorities[0] == '\0')
        settings_problem_at(load, "tls.client_certificates",
                            "expected \"none\" as long as tls.ca_certificates names no file");
}

/* No problem in a section so far? Values that were refused are missing from the structure: to
 * compare them with others would only make up more problems. */
static bool is_clean(const struct settings_load *load, const char *section)
{
    const struct settings_report *report = load->report;
    size_t len = strlen(section);
    for (size_t i = 0; i < report->count && i < SETTINGS_PROBLEMS_MAX; i++) {
        const char *path = report->problems[i].path;
        if (strncmp(path, section, len) == 0 &&
            (path[len] == '\0' || path[len] == '.' || path[len] == '['))
            return false;
    }
    /* More problems than are kept: one of them may be of this section. */
    return report->count <= SETTINGS_PROBLEMS_MAX;
}

static void check_gatekeeper(struct settings_load *load, const struct settings_gatekeeper *g)
{
    char path[64];

    if (g->local.family != ADDR_NONE && g->address.family != ADDR_NONE &&
        g->local.family != g->address.family)
        settings_problem_at(load, "gatekeeper.local",
                            "expected an address of the family of gatekeeper.address");
    if (g->almost_out_percent > 0 && g->available_percent >= g->almost_out_percent)
        settings_problem_at(load, "gatekeeper.available_percent",
                            "expected less than almost_out_percent (%u), found %u",
                            g->almost_out_percent, g->available_percent);
    for (uint32_t i = 0; i < g->prefix_count; i++) {
        if (g->prefixes[i][strspn(g->prefixes[i], "0123456789#*,")] == '\0')
            continue;
        snprintf(path, sizeof(path), "gatekeeper.prefixes[%u]", i);
        settings_problem_at(load, path, "expected dialled digits (0-9 # * ,), found \"%s\"",
                            g->prefixes[i]);
    }
}

void settings_check_whole(struct settings_load *load, struct settings *s)
{
    if (s->node.version[0] == '\0')
        snprintf(s->node.version, sizeof(s->node.version), "%s", SLUICE_VERSION);
    if (is_clean(load, "link") && strcmp(s->control.path, s->link.path) == 0)
        settings_problem_at(load, "link.path", "the same as control.path");
    if (is_clean(load, "link") && (s->link.ring_slots & (s->link.ring_slots - 1)) != 0)
        settings_problem_at(load, "link.ring_slots", "expected a power of two, found %u",
                            s->link.ring_slots);
    /* Sections with problems are left alone, see is_clean. */
    if (is_clean(load, "data_plane"))
        check_data_plane(load, &s->data_plane);
    if (is_clean(load, "signalling"))
        for (uint32_t i = 0; i < s->signalling.listener_count; i++)
            check_listener(load, &s->signalling, i);
    if (is_clean(load, "media")) {
        check_ports(load, "media.data_ports", &s->media.data_ports);
        if (s->media.data_ports.first == 0 && s->media.data_ports.last != 0)
            settings_problem_at(load, "media.data_ports",
                                "expected first and last both 0, or none of them");
    }
    if (is_clean(load, "dtls"))
        check_dtls(load, &s->dtls);
    /* Key logs are for labs: two switches, so that one slip tells nothing. */
    if (is_clean(load, "dtls") && s->dtls.key_log[0] != '\0' && !s->control.lab_methods)
        settings_problem_at(load, "dtls.key_log",
                            "expected \"\" unless control.lab_methods is true: it tells secrets");
    if (is_clean(load, "tls"))
        check_tls(load, &s->tls);
    if (is_clean(load, "gatekeeper"))
        check_gatekeeper(load, &s->gatekeeper);
    if (is_clean(load, "conferences"))
        for (uint32_t i = 0; i < s->conference_count; i++)
            settings_check_conference(load, s, i);
}

/* What jansson could not parse: its own line and words. */
static int refuse_json(struct settings_report *report, const json_error_t *error)
{
    struct settings_problem *p = &report->problems[0];
    size_t used, len;
    p->line = error->line > 0 ? error->line : 0;
    p->path[0] = '\0';
    int n = snprintf(p->text, sizeof(p->text), "not valid JSON: column %d: ", error->column);
    len = n > 0 ? (size_t)n : 0;
    len += log_escape(error->text, strlen(error->text), p->text + len, sizeof(p->text) - 1 - len,
                      &used);
    p->text[len] = '\0';
    report->count = 1;
    return ERR_MALFORMED;
}

int settings_load_text(const char *text, size_t size, struct settings *out,
                       struct settings_report *report)
{
    /* Line numbers come from the text itself (locate.c): jansson forgets them. */
    struct settings_load load = {.text = text, .size = size, .report = report};
    json_error_t error;
    memset(report, 0, sizeof(*report));
    /* Into a structure of its own: the caller's is touched only by a file without a problem. */
    struct settings *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    /* Duplicates: of two lines with one key one would silently win. */
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        free(s);
        return refuse_json(report, &error);
    }
    if (json_is_object(root))
        settings_check_object(&load, &settings_root, root, s);
    else
        settings_problem(&load, "expected an object");
    if (load.err == 0 && json_is_object(root))
        settings_check_whole(&load, s);
    json_decref(root);
    if (load.err == 0 && report->count != 0)
        load.err = ERR_INVAL;
    if (load.err == 0)
        memcpy(out, s, sizeof(*s));
    free(s);
    return load.err;
}

/* Whole file into a buffer of FILE_BYTES_MAX + 1; *size tells how much. */
static int read_file(const char *path, char *buf, size_t *size)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    /* One octet more than allowed, to see that there is more. */
    *size = fread(buf, 1, FILE_BYTES_MAX + 1, file);
    int failed = ferror(file);
    fclose(file);
    if (failed)
        return ERR_IO;
    errno = EFBIG; /* for the message: errno is not set by a large file */
    return *size > FILE_BYTES_MAX ? ERR_LIMIT : 0;
}

int settings_load_file(const char *path, struct settings *out, struct settings_report *report)
{
    size_t size = 0;
    memset(report, 0, sizeof(*report));
    char *buf = malloc(FILE_BYTES_MAX + 1);
    if (buf == NULL)
        return ERR_NOMEM;
    int err = read_file(path, buf, &size);
    if (err == 0) {
        err = settings_load_text(buf, size, out, report);
    } else {
        snprintf(report->problems[0].text, sizeof(report->problems[0].text), "cannot be read: %s",
                 strerror(errno));
        report->count = 1;
        err = err == ERR_LIMIT ? ERR_IO : err;
    }
    free(buf);
    return err;
}

void settings_report_print(const struct settings_report *report, const char *file, FILE *out)
{
    for (size_t i = 0; i < report->count && i < SETTINGS_PROBLEMS_MAX; i++) {
        const struct settings_problem *p = &report->problems[i];
        fprintf(out, "%s:", file);
        if (p->line > 0)
            fprintf(out, "%d:", p->line);
        fprintf(out, " %s%s%s\n", p->path, p->path[0] != '\0' ? ": " : "", p->text);
    }
    if (report->count > SETTINGS_PROBLEMS_MAX)
        fprintf(out, "%s: %zu more problems\n", file, report->count - SETTINGS_PROBLEMS_MAX);
}

void settings_apply_log(const struct settings_log *log)
{
    log_set_format(log->format);
    log_set_level_all(log->level);
    for (int area = 0; area < LOG_AREA_COUNT; area++)
        if (log->areas[area] < LOG_LEVEL_COUNT)
            log_set_level((enum log_area)area, log->areas[area]);
}
