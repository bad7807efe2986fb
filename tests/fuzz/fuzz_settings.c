/* The configuration loader: whatever the file holds, the report is printable and points into the
 * file, and a file that is taken fits the structures. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)   \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static void check_line(const char *text, size_t room)
{
    MUST(memchr(text, '\0', room) != NULL);
    for (; *text != '\0'; text++)
        MUST((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_report(const struct settings_report *report, const uint8_t *data, size_t size)
{
    int lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    MUST(report->count > 0);
    for (size_t i = 0; i < report->count && i < SETTINGS_PROBLEMS_MAX; i++) {
        MUST(report->problems[i].line >= 0 && report->problems[i].line <= lines);
        MUST(report->problems[i].text[0] != '\0');
        check_line(report->problems[i].text, sizeof(report->problems[i].text));
        check_line(report->problems[i].path, sizeof(report->problems[i].path));
    }
}

static void check_settings(const struct settings *s)
{
    MUST(s->data_plane.device_count >= 1 && s->data_plane.device_count <= SETTINGS_DEVICES_MAX);
    MUST(s->data_plane.address_count >= 1 && s->data_plane.address_count <= SETTINGS_ADDRESSES_MAX);
    for (uint32_t i = 0; i < s->data_plane.address_count; i++)
        MUST(s->data_plane.addresses[i].device_index < s->data_plane.device_count);
    MUST(s->data_plane.workers >= 1 && s->data_plane.workers <= SETTINGS_CPUS_MAX);
    MUST(s->data_plane.ports.first <= s->data_plane.ports.last);
    MUST(s->signalling.listener_count >= 1);
    for (uint32_t i = 0; i < s->signalling.listener_count; i++)
        MUST(s->signalling.listeners[i].address.port != 0);
    for (uint32_t i = 0; i < s->conference_count; i++)
        MUST(s->conferences[i].codec_count >= 1);
    MUST((s->link.ring_slots & (s->link.ring_slots - 1)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct settings s;
    static struct settings_report report;
    if (settings_load_text((const char *)data, size, &s, &report) == 0)
        check_settings(&s);
    else
        check_report(&report, data, size);
    return 0;
}
