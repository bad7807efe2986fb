#include "settings/settings.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "settings/table.h"
#include "tests/suite.h"

#define DEVICES "\"devices\": [{\"name\": \"d0\", \"eal\": \"net_null0\"}]"
#define PLANE   "\"data_plane\": {" DEVICES ", \"addresses\": [{\"address\": \"198.18.0.2/24\"}]}"
#define CALLS   "\"signalling\": {\"listeners\": [{\"address\": \"198.18.0.1\"}]}"

static struct settings s;
static struct settings_report report;

static int load(const char *text)
{
    memset(&s, 0xee, sizeof(s));
    return settings_load_text(text, strlen(text), &s, &report);
}

/* Expects one problem at this line and path whose text holds `part`. */
static void check_refused(const char *text, int line, const char *path, const char *part)
{
    int err = load(text);
    CU_ASSERT_EQUAL(err, ERR_INVAL);
    CU_ASSERT_EQUAL(report.count, 1);
    CU_ASSERT_EQUAL(report.problems[0].line, line);
    CU_ASSERT_STRING_EQUAL(report.problems[0].path, path);
    if (strstr(report.problems[0].text, part) == NULL) {
        printf("\n    %s: \"%s\" lacks \"%s\"", path, report.problems[0].text, part);
        CU_FAIL("problem text");
    }
    CU_ASSERT_EQUAL(((unsigned char *)&s)[0], 0xee); /* result untouched */
}

static void minimal_file_gets_all_defaults(void)
{
    CU_ASSERT_EQUAL_FATAL(load("{" PLANE "," CALLS "}"), 0);
    CU_ASSERT_STRING_EQUAL(s.node.name, "sluice");
    CU_ASSERT_STRING_EQUAL(s.node.version, SLUICE_VERSION);
    CU_ASSERT_EQUAL(s.node.terminal_type, 190);
    CU_ASSERT_EQUAL(s.control.mode, 0660);
    CU_ASSERT_EQUAL(s.signalling.listeners[0].address.port, 1720);
    CU_ASSERT_STRING_EQUAL(s.signalling.listeners[0].name, "198.18.0.1:1720");
    CU_ASSERT_EQUAL(s.signalling.listeners[0].dtls, SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(s.signalling.listeners[0].media_ip4.family, ADDR_NONE);
    CU_ASSERT_EQUAL(s.signalling.listeners[0].tls, false);
    CU_ASSERT_EQUAL(s.tls.cipher_count, 3);
    CU_ASSERT_EQUAL(s.tls.min_version, SETTINGS_TLS_1_2);
    CU_ASSERT_EQUAL(s.tls.handshake_timeout_ms, 10000);
    CU_ASSERT_EQUAL(s.data_plane.ports.first, 16384);
    CU_ASSERT_EQUAL(s.data_plane.ports.last, 32767);
    CU_ASSERT_EQUAL(s.data_plane.devices[0].mtu, 1500);
    CU_ASSERT_STRING_EQUAL(s.data_plane.addresses[0].device, "d0");
    CU_ASSERT(s.data_plane.huge_pages);
    CU_ASSERT_EQUAL(s.dtls.hash_count, 3);
    CU_ASSERT_EQUAL(s.dtls.hashes[0], SETTINGS_HASH_SHA256);
    CU_ASSERT_EQUAL(s.dtls.profile_count, 4);
    CU_ASSERT_EQUAL(s.dtls.profiles[0], SETTINGS_PROFILE_AEAD_AES_128_GCM);
    CU_ASSERT_EQUAL(s.dtls.profiles[3], SETTINGS_PROFILE_AES128_CM_SHA1_32);
    CU_ASSERT_EQUAL(s.dtls.cleartext_signalling, SETTINGS_CLEARTEXT_WARN);
    CU_ASSERT_EQUAL(s.log.areas[LOG_AREA_H245], (enum log_level)LOG_LEVEL_COUNT);
    CU_ASSERT_EQUAL(s.conference_count, 0);
    CU_ASSERT_EQUAL(s.codec_count, 2);
}

static void given_values_are_stored(void)
{
    CU_ASSERT_EQUAL_FATAL(
        load("{\"log\": {\"format\": \"json\", \"areas\": {\"dtls\": \"trace\"}},"
             "\"control\": {\"mode\": \"0600\", \"allow_uids\": [0, 4294967294]},"
             "\"data_plane\": {\"cpus\": [3, 1], \"workers\": 7, " DEVICES ","
             "\"addresses\": [{\"address\": \"2001:db8::2/64\", \"gateway\": \"fe80::1\"}],"
             "\"neighbours\": [{\"address\": \"2001:db8::9\", \"mac\": \"02:0a:FF:00:00:01\"}]},"
             "\"signalling\": {\"listeners\": [{\"address\": \"[::]:1730\", \"dtls\": \"off\","
             "\"media_ip4\": \"203.0.113.7\"}]},"
             "\"dtls\": {\"hashes\": [\"sha-512\"], \"setup\": \"passive\"},"
             "\"conferences\": [{\"alias\": \"x*\", \"codecs\": [\"g711-ulaw\"]}, {\"alias\": "
             "\"y\"}]}"),
        0);
    CU_ASSERT_EQUAL(s.log.format, LOG_JSON);
    CU_ASSERT_EQUAL(s.log.areas[LOG_AREA_DTLS], LOG_LEVEL_TRACE);
    CU_ASSERT_EQUAL(s.control.mode, 0600);
    CU_ASSERT_EQUAL(s.control.allow_uids[1], 4294967294u);
    CU_ASSERT_EQUAL(s.data_plane.workers, 2); /* cpus have precedence */
    CU_ASSERT_EQUAL(s.data_plane.cpus[0], 3);
    CU_ASSERT_EQUAL(s.data_plane.addresses[0].prefix.bits, 64);
    CU_ASSERT_EQUAL(s.data_plane.neighbours[0].mac[2], 0xff);
    CU_ASSERT_EQUAL(s.signalling.listeners[0].address.port, 1730);
    CU_ASSERT_EQUAL(s.signalling.listeners[0].media_ip4.ip[3], 7);
    CU_ASSERT_EQUAL(s.dtls.hash_count, 1);
    CU_ASSERT_EQUAL(s.dtls.setup, SETTINGS_SETUP_PASSIVE);
    CU_ASSERT_EQUAL(s.conferences[0].codec_count, 1);
    CU_ASSERT_EQUAL(s.conferences[1].codec_count, 2); /* the default list */
    CU_ASSERT_EQUAL(s.conferences[0].codecs[0], SETTINGS_CODEC_G711_ULAW);
}

static void each_kind_of_fault_is_told_with_path_and_line(void)
{
    check_refused("{" PLANE ",\n" CALLS ",\n \"nodes\": 1}", 3, "nodes", "unknown key; known here");
    check_refused("{" PLANE ",\n" CALLS ",\n \"node\": {\"name\":\n 7}}", 3, "node.name",
                  "expected string of printable characters, length 1..127, found integer 7");
    check_refused("{" PLANE ",\n" CALLS ",\n \"media\": {\n\"dscp\": 64}}", 4, "media.dscp",
                  "expected integer 0..63, found integer 64");
    check_refused("{" PLANE ",\n" CALLS ",\n \"media\": {\n\"dscp\": -1}}", 4, "media.dscp",
                  "found");
    check_refused("{" PLANE ",\n" CALLS ",\n \"media\": {\n\"dscp\": 1.0}}", 4, "media.dscp",
                  "found number 1.0");
    check_refused("{" PLANE ",\n\"signalling\": {}}", 2, "signalling.listeners",
                  "required key is missing: expected array of objects, length 1..16");
    check_refused("{" PLANE "}", 1, "signalling", "required key is missing");
    check_refused("{" PLANE "," CALLS ", \"dtls\":\n{\"hashes\": [\n\"sha-256\",\n\"md5\"]}}", 4,
                  "dtls.hashes[1]", "\"sha-512\"");
    check_refused("{" PLANE "," CALLS ", \"dtls\": {\"hashes\": []}}", 1, "dtls.hashes", "1..3");
    check_refused("{" PLANE "," CALLS ", \"dtls\": {\"park\": \"yes\"}}", 1, "dtls.park",
                  "expected true or false, found string \"yes\"");
    check_refused("{" PLANE "," CALLS ", \"log\": {\"areas\": {\"dtls\": \"loud\"}}}", 1,
                  "log.areas.dtls", "\"inherit\"");
    check_refused("{" PLANE "," CALLS ", \"conferences\": [\n5]}", 2, "conferences[0]",
                  "expected an object");
    check_refused("{" PLANE "," CALLS
                  ", \"conferences\": [{\"alias\": \"a\",\n\"kind\": \"star\"}]}",
                  2, "conferences[0].kind", "found string \"star\"");
    check_refused("{" PLANE "," CALLS ", \"control\": {\"mode\": \"0899\"}}", 1, "control.mode",
                  "octal");
    check_refused("{" PLANE "," CALLS ", \"node\": {\"name\": \"a\\u0007\"}}", 1, "node.name",
                  "printable");
    check_refused("[1]", 1, "", "expected an object");
}

static void writers_key_cannot_garble_the_report(void)
{
    check_refused("{" PLANE "," CALLS ",\n \"a\\u001b[31m.b\": 1}", 2, "a\\u001b[31m.b", "unknown");
    check_refused("{" PLANE "," CALLS ",\n \"node\": {\"name\": \"\\n\\u009b\"}}", 2, "node.name",
                  "found string \"\\n\\u009B\"");
    check_refused("{" PLANE "," CALLS ",\n \"node\": {\"name\": \"\x7f\"}}", 2, "node.name",
                  "found string \"?\"");
}

static void all_problems_of_a_file_are_told(void)
{
    CU_ASSERT_EQUAL(load("{\n\"node\": {\"name\": 1},\n\"link\": {\"retry_ms\": 0},\n"
                         "\"x\": 1,\n\"codecs\": [\"g729\", \"g711-alaw\", \"g711-alaw\"]}"),
                    ERR_INVAL);
    CU_ASSERT_EQUAL(report.count, 7); /* with data_plane and signalling missing */
    const char *expected[] = {"x",          "node.name", "link.retry_ms", "data_plane",
                              "signalling", "codecs[0]", "codecs[2]"};
    for (size_t i = 0; i < 7; i++)
        CU_ASSERT_STRING_EQUAL(report.problems[i].path, expected[i]);
}

static void faults_between_keys_are_told_beside_others(void)
{
    CU_ASSERT_EQUAL(load("{" PLANE "," CALLS
                         ", \"node\": {\"name\": 1}, \"link\": {\"ring_slots\": 99},"
                         "\"dtls\": {\"retransmit_max_ms\": 60, \"mtu\": 1}}"),
                    ERR_INVAL);
    CU_ASSERT_EQUAL(report.count, 3); /* not dtls.retransmit_max_ms: its section is broken */
    CU_ASSERT_STRING_EQUAL(report.problems[0].path, "node.name");
    CU_ASSERT_STRING_EQUAL(report.problems[1].path, "dtls.mtu");
    CU_ASSERT_STRING_EQUAL(report.problems[2].path, "link.ring_slots");
}

static void too_many_problems_are_counted(void)
{
    char text[8192];
    size_t len = 0;
    len += (size_t)sprintf(text, "{" PLANE "," CALLS);
    for (int i = 0; i < 100; i++)
        len += (size_t)sprintf(text + len, ", \"k%d\": 1", i);
    strcpy(text + len, "}");
    CU_ASSERT_EQUAL(load(text), ERR_INVAL);
    CU_ASSERT_EQUAL(report.count, 100);
    char *out = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&out, &size);
    settings_report_print(&report, "FILE", file);
    fclose(file);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "FILE:1: k0: unknown key"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "FILE: 36 more problems\n"));
    free(out);
}

static void tls_listener_without_a_port_is_on_1300(void)
{
    CU_ASSERT_EQUAL_FATAL(load("{" PLANE ", \"signalling\": {\"listeners\": ["
                               "{\"address\": \"198.18.0.1\", \"tls\": true},"
                               "{\"address\": \"198.18.0.1\"}]}}"),
                          0);
    CU_ASSERT_EQUAL(s.signalling.listeners[0].address.port, 1300);
    CU_ASSERT_TRUE(s.signalling.listeners[0].tls);
    CU_ASSERT_EQUAL(s.signalling.listeners[1].address.port, 1720);
}

static void keys_that_contradict_each_other_are_refused(void)
{
    check_refused("{" PLANE "," CALLS ",\n\"link\": {\"ring_slots\": 100}}", 2, "link.ring_slots",
                  "power of two");
    check_refused("{" CALLS ",\n\"data_plane\": {" DEVICES ",\n\"ports\": {\"first\": 20001},\n"
                  "\"addresses\": [{\"address\": \"198.18.0.2/24\"}]}}",
                  3, "data_plane.ports.first", "even");
    check_refused("{" CALLS ",\n\"data_plane\": {" DEVICES
                  ", \"ports\": {\"first\": 20002, \"last\":"
                  "20001}, \"addresses\": [{\"address\": \"198.18.0.2/24\"}]}}",
                  2, "data_plane.ports", "greater");
    check_refused("{" CALLS ",\n\"data_plane\": {" DEVICES
                  ", \"ports\": {\"first\": 20000, \"last\":"
                  "20002}, \"addresses\": [{\"address\": \"198.18.0.2/24\"}]}}",
                  2, "data_plane.ports", "at least 4 ports");
    check_refused("{" PLANE "," CALLS ", \"conferences\": [{\"alias\": \"Sales\"},\n"
                  "{\"alias\": \"sALES\"}]}",
                  2, "conferences[1].alias", "conferences[0]");
    check_refused("{" PLANE ", \"signalling\": {\"listeners\": [\n"
                  "{\"name\": \"a\", \"address\": \"198.18.0.1\"},\n"
                  "{\"name\": \"a\", \"address\": \"198.18.0.3\"}]}}",
                  3, "signalling.listeners[1].name", "listeners[0]");
    check_refused("{" CALLS ",\n\"data_plane\": {" DEVICES ",\n\"addresses\": [\n{\"address\": "
                  "\"198.18.0.2/24\", \"device\": \"d1\"}]}}",
                  4, "data_plane.addresses[0].device", "found \"d1\"");
    check_refused("{" CALLS ",\n\"data_plane\": {" DEVICES ",\n\"addresses\": [\n{\"address\": "
                  "\"198.18.0.2/24\", \"gateway\": \"198.18.1.1\"}]}}",
                  4, "data_plane.addresses[0].gateway", "198.18.1.1");
    check_refused("{" PLANE "," CALLS ", \"dtls\": {\"key\": \"/k\"}}", 1, "dtls.key", "both");
    check_refused("{" PLANE "," CALLS ", \"dtls\": {\"key_log\": \"/k\"}}", 1, "dtls.key_log",
                  "lab_methods");
    check_refused("{" PLANE "," CALLS ", \"tls\": {\"certificate\": \"/c\"}}", 1, "tls.certificate",
                  "both");
    check_refused("{" PLANE "," CALLS ", \"tls\": {\"client_certificates\": \"required\"}}", 1,
                  "tls.client_certificates", "ca_certificates");
    check_refused("{" PLANE "," CALLS ", \"dtls\": {\"retransmit_max_ms\": 100}}", 1,
                  "dtls.retransmit_max_ms", "200");
    check_refused("{" PLANE "," CALLS ", \"conferences\": [{\"alias\": \"a*b\"}]}", 1,
                  "conferences[0].alias", "only at the end");
    check_refused("{" PLANE "," CALLS
                  ", \"conferences\": [{\"alias\": \"a\"},\n{\"alias\": \"a\"}]}",
                  2, "conferences[1].alias", "conferences[0]");
    check_refused("{" PLANE "," CALLS
                  ", \"conferences\": [{\"alias\": \"a\", \"max_sessions\": 3}]}",
                  1, "conferences[0].max_sessions", "relay");
    check_refused("{" PLANE "," CALLS
                  ", \"conferences\": [{\"alias\": \"a\", \"codecs\": [\"opus\"]}]}",
                  1, "conferences[0].codecs", "kind mix");
    check_refused("{" PLANE "," CALLS ", \"conferences\": [{\"alias\": \"a\", \"kind\": \"mix\",\n"
                  "\"sample_rate\": 11025}]}",
                  2, "conferences[0].sample_rate", "11025");
    check_refused("{" PLANE "," CALLS ", \"conferences\": [{\"alias\": \"a\", \"kind\": "
                  "\"forward\",\n\"max_sessions\": 17}]}",
                  2, "conferences[0].max_sessions", "at most 16");
    check_refused("{" PLANE "," CALLS ", \"conferences\": [{\"alias\": \"a\", \"kind\": \"mix\", "
                  "\"max_sessions\": 1}]}",
                  1, "conferences[0].max_sessions", "at least 2");
    check_refused("{" PLANE "," CALLS ", \"conferences\": [{\"alias\": \"a\", \"pin\": \"12a\"}]}",
                  1, "conferences[0].pin", "digits");
    check_refused("{" PLANE "," CALLS
                  ", \"conferences\": [{\"alias\": \"a\", \"record\": \"members\"}]}",
                  1, "conferences[0].record", "kind mix");
    check_refused("{" PLANE "," CALLS
                  ", \"conferences\": [{\"alias\": \"a\", \"layout\": \"lecture\"}]}",
                  1, "conferences[0].layout", "kind mix");
    check_refused("{" PLANE ", \"signalling\": {\"listeners\": [{\"address\": \"::1\"},\n"
                  "{\"address\": \"[::1]:1720\"}]}}",
                  2, "signalling.listeners[1].address", "listeners[0]");
    check_refused("{" PLANE ", \"signalling\": {\"listeners\": [{\"address\": \"::1\",\n"
                  "\"media_ip6\": \"1.2.3.4\"}]}}",
                  2, "signalling.listeners[0].media_ip6", "IPv6");
    check_refused("{" PLANE "," CALLS
                  ", \"link\": {\"path\": \"/a\"}, \"control\": {\"path\": \"/a\"}}",
                  1, "link.path", "control.path");
}

static void text_that_is_no_json_is_told_with_its_line(void)
{
    CU_ASSERT_EQUAL(load("{\n\"node\": {},\n\"node\": {}}"), ERR_MALFORMED);
    CU_ASSERT_EQUAL(report.count, 1);
    CU_ASSERT_EQUAL(report.problems[0].line, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(report.problems[0].text, "duplicate"));
    CU_ASSERT_EQUAL(load("{\n\n,}"), ERR_MALFORMED);
    CU_ASSERT_EQUAL(report.problems[0].line, 3);
    CU_ASSERT_EQUAL(load(""), ERR_MALFORMED);
}

static void text_cut_at_every_byte_is_refused(void)
{
    static const char text[] = "{" PLANE ",\n" CALLS ", \"node\": {\"name\": \"\\u00e9\"}}";
    for (size_t size = 0; size + 1 < sizeof(text); size++) {
        char *copy = malloc(size + 1);
        memcpy(copy, text, size);
        CU_ASSERT_EQUAL(settings_load_text(copy, size, &s, &report), ERR_MALFORMED);
        CU_ASSERT_EQUAL(report.count, 1);
        free(copy);
    }
    CU_ASSERT_EQUAL(load(text), 0);
}

static void locator_sees_through_strings_and_escapes(void)
{
    static const char text[] =
        "{\"a\": \"}\\\"]\",\n\"b\\u0063\": [[1, \"x,\"],\n {},\n {\"d\":\n 1}]}";
    const struct settings_step steps[] = {{.key = "bc"}, {.index = 2}, {.key = "d"}};
    CU_ASSERT_EQUAL(settings_locate(text, strlen(text), steps, 1), 2);
    CU_ASSERT_EQUAL(settings_locate(text, strlen(text), steps, 2), 4);
    CU_ASSERT_EQUAL(settings_locate(text, strlen(text), steps, 3), 4);
    const struct settings_step missing[] = {{.key = "bc"}, {.index = 9}};
    CU_ASSERT_EQUAL(settings_locate(text, strlen(text), missing, 2), 2);
}

static size_t rows_seen;

/* What the checker relies on: every row of every table. */
static void check_table(const struct settings_table *table, int depth)
{
    CU_ASSERT_FATAL(depth < SETTINGS_DEPTH_MAX - 2);
    for (size_t i = 0; i < table->count; i++) {
        const struct settings_row *row = &table->rows[i];
        char expected[512];
        rows_seen++;
        CU_ASSERT(row->help != NULL && row->help[0] != '\0');
        CU_ASSERT_EQUAL(row->help[strlen(row->help) - 1], '.');
        for (size_t j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(table->rows[j].key, row->key);
        CU_ASSERT(row->min <= row->max);
        if (row->type == SETTINGS_UINT && row->size < 8)
            CU_ASSERT(row->max < UINT64_C(1) << (8 * row->size));
        if (row->type == SETTINGS_TEXT)
            CU_ASSERT(row->max < row->size);
        if (row->type == SETTINGS_IP || row->type == SETTINGS_ENDPOINT)
            CU_ASSERT_EQUAL(row->size, sizeof(struct addr));
        if (row->type == SETTINGS_PREFIX)
            CU_ASSERT_EQUAL(row->size, sizeof(struct addr_prefix));
        if (row->count_offset != 0)
            CU_ASSERT(row->max <= row->capacity);
        if (row->fallback != NULL) {
            json_t *value = json_loads(row->fallback, JSON_DECODE_ANY, NULL);
            CU_ASSERT_PTR_NOT_NULL(value);
            json_decref(value);
        }
        settings_expectation(row, expected, sizeof(expected));
        CU_ASSERT(strlen(expected) < 200); /* fits where problems are written */
        if (row->table != NULL)
            check_table(row->table, depth + (row->type == SETTINGS_OBJECTS ? 2 : 1));
    }
}

static void every_row_is_sound(void)
{
    rows_seen = 0;
    check_table(&settings_root, 1);
    CU_ASSERT(rows_seen > 100);
}

static void check_same_as_file(int (*print)(FILE *out), const char *path, const char *option)
{
    char *made = NULL, *kept = calloc(1, 1 << 20);
    size_t size = 0;
    FILE *out = open_memstream(&made, &size), *file = fopen(path, "r");
    CU_ASSERT_EQUAL(print(out), 0);
    fclose(out);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t n = fread(kept, 1, (1 << 20) - 1, file);
    fclose(file);
    if (n != size || memcmp(made, kept, size) != 0) {
        printf("\n    %s is not what the table says: sluiced %s > %s", path, option, path);
        CU_FAIL("drift");
    }
    free(made);
    free(kept);
}

static void reference_and_schema_match_the_table(void)
{
    check_same_as_file(settings_print_reference, SOURCE_ROOT "/docs/configuration.md",
                       "--print-config-reference");
    check_same_as_file(settings_print_schema, SOURCE_ROOT "/configs/sluice.schema.json",
                       "--print-config-schema");
}

static void example_files_are_good(void)
{
    CU_ASSERT_EQUAL(settings_load_file(SOURCE_ROOT "/configs/demo.json", &s, &report), 0);
    CU_ASSERT_EQUAL(settings_load_file(SOURCE_ROOT "/configs/carrier.json", &s, &report), 0);
    CU_ASSERT_EQUAL(s.data_plane.workers, 4);
    CU_ASSERT_EQUAL(s.data_plane.addresses[2].device_index, 1);
}

static void file_that_cannot_be_read_is_told(void)
{
    CU_ASSERT_EQUAL(settings_load_file("/nonexistent/x.json", &s, &report), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(report.count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(report.problems[0].text, "cannot be read: No such file"));
    CU_ASSERT_EQUAL(settings_load_file("/", &s, &report), ERR_IO);
}

static void log_section_sets_levels(void)
{
    CU_ASSERT_EQUAL_FATAL(load("{" PLANE "," CALLS ", \"log\": {\"level\": \"error\", "
                               "\"areas\": {\"h245\": \"debug\"}}}"),
                          0);
    settings_apply_log(&s.log);
    CU_ASSERT_EQUAL(log_get_level(LOG_AREA_H245), LOG_LEVEL_DEBUG);
    CU_ASSERT_EQUAL(log_get_level(LOG_AREA_H225), LOG_LEVEL_ERROR);
    log_set_level_all(LOG_LEVEL_INFO);
}

static void names_are_those_of_the_file(void)
{
    CU_ASSERT_STRING_EQUAL(settings_dtls_to_str(SETTINGS_DTLS_PREFERRED), "preferred");
    CU_ASSERT_STRING_EQUAL(settings_setup_to_str(SETTINGS_SETUP_ACTPASS), "actpass");
    CU_ASSERT_STRING_EQUAL(settings_hash_to_str(SETTINGS_HASH_SHA1), "sha-1");
    CU_ASSERT_STRING_EQUAL(settings_hash_to_str(SETTINGS_HASH_SHA384), "sha-384");
    CU_ASSERT_STRING_EQUAL(settings_profile_to_str(SETTINGS_PROFILE_AEAD_AES_256_GCM),
                           "AEAD_AES_256_GCM");
    CU_ASSERT_STRING_EQUAL(settings_cleartext_to_str(SETTINGS_CLEARTEXT_REFUSE), "refuse");
    CU_ASSERT_STRING_EQUAL(settings_conference_kind_to_str(SETTINGS_CONFERENCE_RELAY), "relay");
    CU_ASSERT_STRING_EQUAL(settings_conference_kind_to_str(SETTINGS_CONFERENCE_FORWARD), "forward");
    CU_ASSERT_STRING_EQUAL(settings_codec_to_str(SETTINGS_CODEC_OPUS), "opus");
    CU_ASSERT_STRING_EQUAL(settings_record_to_str(SETTINGS_RECORD_MEMBERS), "members");
    CU_ASSERT_STRING_EQUAL(settings_layout_to_str(SETTINGS_LAYOUT_LECTURE), "lecture");
    CU_ASSERT_STRING_EQUAL(settings_codec_to_str(SETTINGS_CODEC_G711_ULAW), "g711-ulaw");
    CU_ASSERT_STRING_EQUAL(settings_idle_to_str(SETTINGS_IDLE_POLL), "poll");
    CU_ASSERT_STRING_EQUAL(settings_srtp_engine_to_str(SETTINGS_SRTP_ENGINE_AUTO), "auto");
    CU_ASSERT_STRING_EQUAL(settings_srtp_engine_to_str(SETTINGS_SRTP_ENGINE_MB), "mb");
    CU_ASSERT_STRING_EQUAL(settings_idle_to_str((enum settings_idle)77), "unknown");
}

/* ---- what a running server takes over ---- */

static char told[2048];

static void on_difference(void *ctx, const char *path, bool is_taken)
{
    size_t at = strlen(told);

    (void)ctx;
    snprintf(told + at, sizeof(told) - at, "%s%s ", is_taken ? "+" : "-", path);
}

#define DOORS(first, second)                                                           \
    "\"signalling\": {\"tunnelling\": " first ", \"limits\": {\"max_sessions\": 9},\n" \
    "\"listeners\": [" second "]}"

/* Loads both, takes from the second; `s` is what the server then has. */
static void check_taken(const char *before, const char *after, const char *wanted)
{
    struct settings *live = calloc(1, sizeof(*live));

    CU_ASSERT_PTR_NOT_NULL_FATAL(live);
    CU_ASSERT_EQUAL_FATAL(load(before), 0);
    *live = s;
    CU_ASSERT_EQUAL_FATAL(load(after), 0);
    told[0] = '\0';
    settings_take(live, &s, on_difference, NULL);
    if (strcmp(told, wanted) != 0)
        printf("\n    told \"%s\", not \"%s\"", told, wanted);
    CU_ASSERT_STRING_EQUAL(told, wanted);
    s = *live;
    free(live);
}

static void same_file_again_differs_in_nothing(void)
{
    check_taken("{" PLANE "," CALLS "}", "{" PLANE "," CALLS "}", "");
}

static void keys_that_reload_are_taken_others_named(void)
{
    check_taken(
        "{" PLANE "," DOORS("true", "{\"address\": \"198.18.0.1\"}") "}",
        "{" PLANE "," DOORS(
            "false",
            "{\"address\": \"198.18.0.1\"}") ", \"log\": {\"level\": \"debug\", \"areas\": "
                                             "{\"dtls\": \"error\"}},"
                                             "\"dtls\": {\"setup\": \"active\", \"shards\": 3},"
                                             "\"codecs\": [\"g711-ulaw\"], \"node\": {\"name\": "
                                             "\"other\"},"
                                             "\"conferences\": [{\"alias\": \"new\"}]}",
        "-node.name +log.level +log.areas.dtls +signalling.tunnelling "
        "+dtls.setup -dtls.shards +codecs +conferences ");
    CU_ASSERT_EQUAL(s.log.level, LOG_LEVEL_DEBUG);
    CU_ASSERT_EQUAL(s.log.areas[LOG_AREA_DTLS], LOG_LEVEL_ERROR);
    CU_ASSERT_FALSE(s.signalling.tunnelling);
    CU_ASSERT_EQUAL(s.dtls.setup, SETTINGS_SETUP_ACTIVE);
    CU_ASSERT_EQUAL(s.dtls.shards, 1);
    CU_ASSERT_STRING_EQUAL(s.node.name, "sluice");
    CU_ASSERT_EQUAL(s.codec_count, 1);
    CU_ASSERT_EQUAL(s.conference_count, 1);
    CU_ASSERT_STRING_EQUAL(s.conferences[0].alias, "new");
    CU_ASSERT_EQUAL(s.conferences[0].codec_count, 1);
}

/* A policy must never land on another door: the same doors in the same order, or none of it. */
static void listeners_take_policies_while_they_are_the_same(void)
{
    static const char one[] =
        "{" PLANE "," DOORS("true", "{\"address\": \"198.18.0.1\", \"dtls\": \"required\"},"
                                    "{\"address\": \"198.18.0.3\", \"dtls\": \"off\"}") "}";

    check_taken(one,
                "{" PLANE "," DOORS("true", "{\"address\": \"198.18.0.1\", \"dtls\": "
                                            "\"preferred\"}, {\"address\": \"198.18.0.3\", "
                                            "\"dtls\": \"off\"}") "}",
                "+signalling.listeners[0].dtls ");
    CU_ASSERT_EQUAL(s.signalling.listeners[0].dtls, SETTINGS_DTLS_PREFERRED);
    check_taken(one,
                "{" PLANE "," DOORS("true", "{\"address\": \"198.18.0.3\", \"dtls\": \"off\"},"
                                            "{\"address\": \"198.18.0.1\", \"dtls\": "
                                            "\"required\"}") "}",
                "-signalling.listeners ");
    CU_ASSERT_EQUAL(s.signalling.listeners[0].dtls, SETTINGS_DTLS_REQUIRED);
    check_taken(one, "{" PLANE "," DOORS("true", "{\"address\": \"198.18.0.1\"}") "}",
                "-signalling.listeners ");
    CU_ASSERT_EQUAL(s.signalling.listener_count, 2);
}

/* Members as a conference.create has them, checked against an otherwise good file. */
static int change_row(struct settings_conference *row, const char *members)
{
    json_t *object = json_loads(members, 0, NULL);
    int err;

    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    err = settings_change_conference(&s, object, row, &report);
    json_decref(object);
    return err;
}

static void new_conference_has_the_defaults_of_the_file(void)
{
    struct settings_conference row = {0};

    CU_ASSERT_EQUAL_FATAL(load("{" PLANE "," CALLS "}"), 0);
    CU_ASSERT_EQUAL(change_row(&row, "{\"alias\": \"hall\", \"kind\": \"mix\"}"), 0);
    CU_ASSERT_STRING_EQUAL(row.alias, "hall");
    CU_ASSERT_EQUAL(row.kind, SETTINGS_CONFERENCE_MIX);
    CU_ASSERT_EQUAL(row.sample_rate, 8000);
    CU_ASSERT_EQUAL(row.loudest, 3);
    CU_ASSERT_EQUAL(row.idle_timeout_ms, 600000);
    CU_ASSERT(row.codec_count > 0);
}

static void changed_conference_keeps_what_is_not_named(void)
{
    struct settings_conference row = {0}, before;

    CU_ASSERT_EQUAL_FATAL(load("{" PLANE "," CALLS "}"), 0);
    CU_ASSERT_EQUAL(
        change_row(&row, "{\"alias\": \"hall\", \"kind\": \"mix\", \"sample_rate\": 16000}"), 0);
    CU_ASSERT_EQUAL(change_row(&row, "{\"alias\": \"hall\", \"loudest\": 5}"), 0);
    CU_ASSERT_EQUAL(row.sample_rate, 16000);
    CU_ASSERT_EQUAL(row.loudest, 5);
    before = row;
    CU_ASSERT_EQUAL(change_row(&row, "{\"alias\": \"hall\", \"sample_rate\": 11025}"), ERR_INVAL);
    CU_ASSERT_EQUAL(report.count, 1);
    CU_ASSERT_EQUAL(row.sample_rate, before.sample_rate);
}

SUITE("settings/settings", TEST(minimal_file_gets_all_defaults), TEST(given_values_are_stored),
      TEST(each_kind_of_fault_is_told_with_path_and_line),
      TEST(writers_key_cannot_garble_the_report), TEST(all_problems_of_a_file_are_told),
      TEST(faults_between_keys_are_told_beside_others), TEST(too_many_problems_are_counted),
      TEST(tls_listener_without_a_port_is_on_1300),
      TEST(keys_that_contradict_each_other_are_refused),
      TEST(text_that_is_no_json_is_told_with_its_line), TEST(text_cut_at_every_byte_is_refused),
      TEST(locator_sees_through_strings_and_escapes), TEST(every_row_is_sound),
      TEST(reference_and_schema_match_the_table), TEST(example_files_are_good),
      TEST(file_that_cannot_be_read_is_told), TEST(log_section_sets_levels),
      TEST(names_are_those_of_the_file), TEST(same_file_again_differs_in_nothing),
      TEST(keys_that_reload_are_taken_others_named),
      TEST(listeners_take_policies_while_they_are_the_same),
      TEST(new_conference_has_the_defaults_of_the_file),
      TEST(changed_conference_keeps_what_is_not_named))
