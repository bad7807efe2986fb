/* The table of the configuration: every key is one row. Here the root, and what is about the
 * programs themselves; the other sections are in files of their names. */
#include "settings/settings.h"

#include "settings/table.h"

#define AT   SETTINGS_AT
#define LIST SETTINGS_LIST

static const struct settings_choice format_choices[] = {
    {"text", LOG_TEXT}, {"json", LOG_JSON}, {NULL, 0}};

static const struct settings_choice level_choices[] = {
#define CHOICE(name, text) {text, name},
    LOG_LEVEL_LIST(CHOICE)
#undef CHOICE
        {NULL, 0}};

static const struct settings_choice area_level_choices[] = {{"inherit", LOG_LEVEL_COUNT},
#define CHOICE(name, text) {text, name},
                                                            LOG_LEVEL_LIST(CHOICE)
#undef CHOICE
                                                                {NULL, 0}};

static const struct settings_row node_rows[] = {
    {"name", SETTINGS_TEXT, AT(settings_node, name), .min = 1, .max = 127, .fallback = "\"sluice\"",
     .help = "Name of this server: the display of its messages, and in `server.info`."},
    {"product", SETTINGS_TEXT, AT(settings_node, product), .min = 1, .max = 63,
     .fallback = "\"Sluice\"", .help = "Product identifier that peers are told (H.225.0 vendor)."},
    {"version", SETTINGS_TEXT, AT(settings_node, version), .min = 0, .max = 63, .fallback = "\"\"",
     .help = "Version identifier that peers are told; \"\" = the version of the program."},
    {"terminal_type", SETTINGS_UINT, AT(settings_node, terminal_type), .min = 1, .max = 255,
     .fallback = "190",
     .help =
         "H.245 terminal type for the master-slave determination (H.323 table 1): 190 is an MCU "
         "with data, audio and video, 60 a gateway, 50 a terminal. The larger one is master."},
    {"t35_country", SETTINGS_UINT, AT(settings_node, t35_country), .min = 0, .max = 255,
     .fallback = "0", .help = "T.35 country code of the vendor identifier."},
    {"t35_extension", SETTINGS_UINT, AT(settings_node, t35_extension), .min = 0, .max = 255,
     .fallback = "0", .help = "T.35 extension of the vendor identifier."},
    {"manufacturer", SETTINGS_UINT, AT(settings_node, manufacturer), .min = 0, .max = 65535,
     .fallback = "0", .help = "Manufacturer code of the vendor identifier."},
};
static const struct settings_table node_table =
    SETTINGS_TABLE("How the server introduces itself.", node_rows);

static const struct settings_row area_rows[] = {
#define AREA(id, text)              \
    {text,                          \
     SETTINGS_CHOICE,               \
     AT(settings_log, areas[id]),   \
     .choices = area_level_choices, \
     .fallback = "\"inherit\"",     \
     .help = "Level of the area `" text "`; `inherit` = `log.level`."},
    LOG_AREA_LIST(AREA)
#undef AREA
};
static const struct settings_table area_table =
    SETTINGS_TABLE("Levels of single areas.", area_rows);

static const struct settings_row log_rows[] = {
    {"format", SETTINGS_CHOICE, AT(settings_log, format), .choices = format_choices,
     .fallback = "\"text\"", .help = "A line of text, or one JSON object a line."},
    {"level", SETTINGS_CHOICE, AT(settings_log, level), .choices = level_choices,
     .fallback = "\"info\"", .help = "Least level that is written, to standard error."},
    /* the rows of the areas lie in struct settings_log itself, hence offset 0 */
    {"areas", SETTINGS_OBJECT, .offset = 0, .size = sizeof(struct settings_log),
     .table = &area_table, .fallback = "{}", .help = "Levels of single areas."},
};
static const struct settings_table log_table = SETTINGS_TABLE(
    "Log lines. `log.set` of the control socket changes levels while the server runs.", log_rows);

static const struct settings_row control_rows[] = {
    {"path", SETTINGS_TEXT, AT(settings_control, path), .min = 1, .max = 107,
     .fallback = "\"/run/sluice/control.sock\"", .help = "Unix socket of the control API."},
    {"mode", SETTINGS_MODE, AT(settings_control, mode), .fallback = "\"0660\"",
     .help = "File mode of the socket: who may write to it may connect."},
    {"allow_uids", SETTINGS_UINTS, LIST(settings_control, allow_uids, allow_uid_count), .min = 0,
     .max = SETTINGS_IDS_MAX, .item_max = UINT32_MAX - 1, .fallback = "[]",
     .help =
         "Users that may connect. With this and `allow_gids` empty the file mode alone decides; "
         "root and the server's own user always may."},
    {"allow_gids", SETTINGS_UINTS, LIST(settings_control, allow_gids, allow_gid_count), .min = 0,
     .max = SETTINGS_IDS_MAX, .item_max = UINT32_MAX - 1, .fallback = "[]",
     .help = "Groups whose members may connect."},
    {"max_clients", SETTINGS_UINT, AT(settings_control, max_clients), .min = 1, .max = 4096,
     .fallback = "64", .help = "Connections at a time; one more is closed at once."},
    {"max_message_bytes", SETTINGS_UINT, AT(settings_control, max_message_bytes), .min = 1024,
     .max = 16777216, .unit = "bytes", .fallback = "131072",
     .help = "Longest line of a request. A longer one is answered with an error and skipped."},
    {"max_backlog_bytes", SETTINGS_UINT, AT(settings_control, max_backlog_bytes), .min = 16384,
     .max = 1073741824, .unit = "bytes", .fallback = "4194304",
     .help = "Answers and events that may wait for a client that does not read. Beyond it the "
             "client's requests wait, and its events are dropped and counted (`events.lost`)."},
    {"requests_per_second", SETTINGS_UINT, AT(settings_control, requests_per_second), .min = 0,
     .max = 1000000, .fallback = "2000",
     .help = "Requests of one connection that are handled in a second; more wait. 0 = no limit."},
    {"lab_methods", SETTINGS_BOOL, AT(settings_control, lab_methods), .fallback = "false",
     .help = "For a lab alone: methods `lab.*`, which open DTLS transports without a call and tell "
             "their keying material. Whoever may connect can then use the server's ports."},
};
static const struct settings_table control_table =
    SETTINGS_TABLE("The control socket: JSON-RPC 2.0, one object a line.", control_rows);

static const struct settings_row link_rows[] = {
    {"path", SETTINGS_TEXT, AT(settings_link, path), .min = 1, .max = 107,
     .fallback = "\"/run/sluice/link.sock\"",
     .help = "Unix socket where sluice-dp listens for sluiced."},
    {"mode", SETTINGS_MODE, AT(settings_link, mode), .fallback = "\"0600\"",
     .help = "File mode of the socket. Keys pass through it: the server's user only."},
    {"ring_slots", SETTINGS_UINT, AT(settings_link, ring_slots), .min = 16, .max = 65536,
     .unit = "messages", .fallback = "256",
     .help = "Size of each ring between a shard and a worker, a power of two."},
    {"retry_ms", SETTINGS_UINT, AT(settings_link, retry_ms), .min = 10, .max = 60000, .unit = "ms",
     .fallback = "500", .help = "Time between two attempts of sluiced to attach."},
    {"orphan_timeout_ms", SETTINGS_UINT, AT(settings_link, orphan_timeout_ms), .min = 0,
     .max = 86400000, .unit = "ms", .fallback = "300000",
     .help = "How long media keep flowing while no sluiced is attached. 0 = for ever."},
    {"close_orphans", SETTINGS_BOOL, AT(settings_link, close_orphans), .fallback = "true",
     .help = "A sluiced that attaches closes the transports that an earlier one has left. `false`: "
             "they stay until `orphan_timeout_ms` is over."},
};
static const struct settings_table link_table =
    SETTINGS_TABLE("The door between the two processes.", link_rows);

static const struct settings_row root_rows[] = {
    {"$schema", SETTINGS_IGNORED, .fallback = "\"\"",
     .help = "Where editors find the JSON Schema of this file. Not used."},
    {"node", SETTINGS_OBJECT, AT(settings, node), .table = &node_table, .fallback = "{}",
     .help = "How the server introduces itself."},
    {"log", SETTINGS_OBJECT, AT(settings, log), .table = &log_table, .fallback = "{}",
     .reloads = true, .help = "Log lines."},
    {"control", SETTINGS_OBJECT, AT(settings, control), .table = &control_table, .fallback = "{}",
     .help = "The control socket."},
    {"link", SETTINGS_OBJECT, AT(settings, link), .table = &link_table, .fallback = "{}",
     .help = "The door between the two processes."},
    {"data_plane", SETTINGS_OBJECT, AT(settings, data_plane), .table = &settings_data_plane_table,
     .help = "What sluice-dp works with."},
    {"signalling", SETTINGS_OBJECT, AT(settings, signalling), .table = &settings_signalling_table,
     .help = "H.225.0 and H.245."},
    {"gatekeeper", SETTINGS_OBJECT, AT(settings, gatekeeper), .table = &settings_gatekeeper_table,
     .fallback = "{}", .help = "The gatekeeper (RAS) that the server registers with."},
    {"media", SETTINGS_OBJECT, AT(settings, media), .table = &settings_media_table,
     .fallback = "{}", .reloads = true, .help = "RTP and SRTP."},
    {"dtls", SETTINGS_OBJECT, AT(settings, dtls), .table = &settings_dtls_table, .fallback = "{}",
     .help = "DTLS of H.235.10 media."},
    {"tls", SETTINGS_OBJECT, AT(settings, tls), .table = &settings_tls_table, .fallback = "{}",
     .reloads = true, .help = "TLS of call signalling and H.245."},
    {"codecs", SETTINGS_CHOICES, LIST(settings, codecs, codec_count), .min = 1,
     .max = SETTINGS_CODECS_MAX, .choices = settings_codec_choices,
     .fallback = "[\"g711-alaw\", \"g711-ulaw\"]", .reloads = true,
     .help = "Codecs of conferences that do not name theirs, best first."},
    {"conferences", SETTINGS_OBJECTS, LIST(settings, conferences, conference_count), .min = 0,
     .max = SETTINGS_CONFERENCES_MAX, .table = &settings_conference_table, .fallback = "[]",
     .reloads = true, .help = "What can be called. A call to anything else is refused."},
};
const struct settings_table settings_root = SETTINGS_TABLE("The whole file.", root_rows);

const char *settings_choice_text(const struct settings_choice *choices, int value)
{
    for (; choices->text != NULL; choices++)
        if (choices->value == value)
            return choices->text;
    return "unknown";
}
