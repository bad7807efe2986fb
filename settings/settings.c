/* The table of the configuration: every key is one row. */
#include "settings/settings.h"

#include <string.h>

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

static const struct settings_choice idle_choices[] = {
    {"poll", SETTINGS_IDLE_POLL}, {"adaptive", SETTINGS_IDLE_ADAPTIVE}, {NULL, 0}};

static const struct settings_choice srtp_engine_choices[] = {
    {"auto", SETTINGS_SRTP_ENGINE_AUTO},
    {"mb", SETTINGS_SRTP_ENGINE_MB},
    {"libsrtp", SETTINGS_SRTP_ENGINE_LIBSRTP},
    {NULL, 0}};

static const struct settings_choice dtls_choices[] = {{"required", SETTINGS_DTLS_REQUIRED},
                                                      {"preferred", SETTINGS_DTLS_PREFERRED},
                                                      {"off", SETTINGS_DTLS_OFF},
                                                      {NULL, 0}};

static const struct settings_choice start_h245_choices[] = {{"peer", SETTINGS_START_H245_PEER},
                                                            {"any", SETTINGS_START_H245_ANY},
                                                            {"never", SETTINGS_START_H245_NEVER},
                                                            {NULL, 0}};

static const struct settings_choice setup_choices[] = {{"actpass", SETTINGS_SETUP_ACTPASS},
                                                       {"active", SETTINGS_SETUP_ACTIVE},
                                                       {"passive", SETTINGS_SETUP_PASSIVE},
                                                       {"holdconn", SETTINGS_SETUP_HOLDCONN},
                                                       {NULL, 0}};

static const struct settings_choice cleartext_choices[] = {{"allow", SETTINGS_CLEARTEXT_ALLOW},
                                                           {"warn", SETTINGS_CLEARTEXT_WARN},
                                                           {"refuse", SETTINGS_CLEARTEXT_REFUSE},
                                                           {NULL, 0}};

/* SHA-1 is no choice: it is never announced unless allow_sha1 says so, and then comes last. */
static const struct settings_choice hash_choices[] = {{"sha-256", SETTINGS_HASH_SHA256},
                                                      {"sha-384", SETTINGS_HASH_SHA384},
                                                      {"sha-512", SETTINGS_HASH_SHA512},
                                                      {NULL, 0}};

static const struct settings_choice profile_choices[] = {
    {"AEAD_AES_128_GCM", SETTINGS_PROFILE_AEAD_AES_128_GCM},
    {"AEAD_AES_256_GCM", SETTINGS_PROFILE_AEAD_AES_256_GCM},
    {"AES128_CM_SHA1_80", SETTINGS_PROFILE_AES128_CM_SHA1_80},
    {"AES128_CM_SHA1_32", SETTINGS_PROFILE_AES128_CM_SHA1_32},
    {NULL, 0}};

static const struct settings_choice tls_client_choices[] = {
    {"none", SETTINGS_TLS_CLIENTS_NONE},
    {"if_sent", SETTINGS_TLS_CLIENTS_IF_SENT},
    {"required", SETTINGS_TLS_CLIENTS_REQUIRED},
    {NULL, 0}};

static const struct settings_choice tls_version_choices[] = {
    {"1.2", SETTINGS_TLS_1_2}, {"1.3", SETTINGS_TLS_1_3}, {NULL, 0}};

static const struct settings_choice tls_cipher_choices[] = {
    {"aes-128-gcm", SETTINGS_TLS_AES_128_GCM},
    {"aes-256-gcm", SETTINGS_TLS_AES_256_GCM},
    {"chacha20-poly1305", SETTINGS_TLS_CHACHA20_POLY1305},
    {NULL, 0}};

static const struct settings_choice video_choices[] = {{"h264", SETTINGS_VIDEO_H264},
                                                       {"h265", SETTINGS_VIDEO_H265},
                                                       {"h263", SETTINGS_VIDEO_H263},
                                                       {"h261", SETTINGS_VIDEO_H261},
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

static const struct settings_row ports_rows[] = {
    {"first", SETTINGS_UINT, AT(settings_ports, first), .min = 1024, .max = 65534,
     .fallback = "16384", .help = "First UDP port; even."},
    {"last", SETTINGS_UINT, AT(settings_ports, last), .min = 1025, .max = 65535,
     .fallback = "32767", .help = "Last UDP port."},
};
static const struct settings_table ports_table =
    SETTINGS_TABLE("UDP ports of media, on every address of the data plane.", ports_rows);

static const struct settings_row device_rows[] = {
    {"name", SETTINGS_TEXT, AT(settings_device, name), .min = 1, .max = 63,
     .help = "Name by which addresses refer to the device."},
    {"eal", SETTINGS_TEXT, AT(settings_device, eal), .min = 1, .max = 255,
     .help = "What DPDK calls it: a PCI address (`0000:03:00.0`) or a virtual device with its "
             "arguments (`net_af_packet0,iface=eth1`)."},
    {"queues", SETTINGS_UINT, AT(settings_device, queues), .min = 0, .max = 64, .fallback = "0",
     .help =
         "Pairs of queues; 0 = one a worker, as far as the device has them. af_packet always has "
         "one a worker."},
    {"descriptors", SETTINGS_UINT, AT(settings_device, descriptors), .min = 64, .max = 32768,
     .fallback = "1024", .help = "Descriptors of each queue (the device may round them)."},
    {"mtu", SETTINGS_UINT, AT(settings_device, mtu), .min = 576, .max = 9000, .unit = "bytes",
     .fallback = "1500", .help = "Largest IP packet."},
};
static const struct settings_table device_table =
    SETTINGS_TABLE("A network device of the data plane.", device_rows);

static const struct settings_row address_rows[] = {
    {"address", SETTINGS_PREFIX, AT(settings_address, prefix),
     .help = "Local address of media with the length of its network, IPv4 or IPv6."},
    {"gateway", SETTINGS_IP, AT(settings_address, gateway), .fallback = "\"\"",
     .help = "Next hop to other networks; \"\" = none."},
    {"device", SETTINGS_TEXT, AT(settings_address, device), .min = 0, .max = 63, .fallback = "\"\"",
     .help = "Device that has the address; may be left out when there is one."},
};
static const struct settings_table address_table =
    SETTINGS_TABLE("A local address of media.", address_rows);

static const struct settings_row neighbour_rows[] = {
    {"address", SETTINGS_IP, AT(settings_neighbour, address), .min = 1, .max = 1,
     .help = "Address of the neighbour."},
    {"mac", SETTINGS_MAC, AT(settings_neighbour, mac), .help = "Its hardware address."},
    {"device", SETTINGS_TEXT, AT(settings_neighbour, device), .min = 0, .max = 63,
     .fallback = "\"\"",
     .help = "Device that it is reached through; may be left out when there is one."},
};
static const struct settings_table neighbour_table = SETTINGS_TABLE(
    "A neighbour that is not asked for by ARP or neighbour discovery.", neighbour_rows);

static const struct settings_row recording_rows[] = {
    {"directory", SETTINGS_TEXT, AT(settings_recording, directory), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "Directory of recordings (WAV) and captures (pcap); new files have mode 0600, none is "
             "ever overwritten. \"\" = nothing is recorded."},
    {"max_seconds", SETTINGS_UINT, AT(settings_recording, max_seconds), .min = 1, .max = 86400,
     .unit = "s", .fallback = "14400", .help = "A file ends by itself after so long."},
    {"max_mb", SETTINGS_UINT, AT(settings_recording, max_mb), .min = 1, .max = 4095, .unit = "MB",
     .fallback = "1024", .help = "A file ends by itself at this size."},
    {"max_files", SETTINGS_UINT, AT(settings_recording, max_files), .min = 1, .max = 256,
     .fallback = "64", .help = "Recordings and captures at a time, a worker."},
    {"captures", SETTINGS_BOOL, AT(settings_recording, captures), .fallback = "false",
     .help = "Whether session.capture_start may write decrypted media into pcap files, for looking "
             "for faults. They show what people say."},
};
static const struct settings_table recording_table = SETTINGS_TABLE(
    "What mixes are recorded to. A thread of its own writes; what it has no room for "
    "is dropped and counted.",
    recording_rows);

static const struct settings_row data_plane_rows[] = {
    {"workers", SETTINGS_UINT, AT(settings_data_plane, workers), .min = 1, .max = SETTINGS_CPUS_MAX,
     .fallback = "1", .help = "Number of workers, not pinned to CPUs. `cpus` has precedence."},
    {"cpus", SETTINGS_UINTS, LIST(settings_data_plane, cpus, cpu_count), .min = 0,
     .max = SETTINGS_CPUS_MAX, .item_max = 1023, .fallback = "[]",
     .help = "CPUs that run a worker each. Isolated ones of the device's NUMA node are best."},
    {"idle", SETTINGS_CHOICE, AT(settings_data_plane, idle), .choices = idle_choices,
     .fallback = "\"adaptive\"",
     .help = "`poll`: workers spin and keep their CPU busy. `adaptive`: they sleep while idle."},
    {"srtp_engine", SETTINGS_CHOICE, AT(settings_data_plane, srtp_engine),
     .choices = srtp_engine_choices, .fallback = "\"auto\"",
     .help = "`mb`: intel-ipsec-mb, many packets at once. `libsrtp`: slower, on every CPU. `auto`: "
             "`mb` where it works."},
    {"memory_mb", SETTINGS_UINT, AT(settings_data_plane, memory_mb), .min = 64, .max = 1048576,
     .unit = "MB", .fallback = "512", .help = "Memory for packets and tables of the workers."},
    {"huge_pages", SETTINGS_BOOL, AT(settings_data_plane, huge_pages), .fallback = "true",
     .help = "Take the memory from huge pages, which must have been reserved."},
    {"max_transports", SETTINGS_UINT, AT(settings_data_plane, max_transports), .min = 2,
     .max = 65536, .fallback = "8192", .help = "Open transports that one worker can hold."},
    {"max_mixes", SETTINGS_UINT, AT(settings_data_plane, max_mixes), .min = 0, .max = 65536,
     .fallback = "1024", .help = "Conferences of kind `mix` that one worker can hold."},
    {"recording", SETTINGS_OBJECT, AT(settings_data_plane, recording), .table = &recording_table,
     .fallback = "{}", .help = "Recordings of mixes, captures of packets."},
    {"announcements", SETTINGS_TEXT, AT(settings_data_plane, announcements), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "Directory of the WAV files that mixes can play; \"\" = none are played."},
    {"ports", SETTINGS_OBJECT, AT(settings_data_plane, ports), .table = &ports_table,
     .fallback = "{}", .help = "UDP ports of media."},
    {"eal_args", SETTINGS_TEXTS, LIST(settings_data_plane, eal_args, eal_arg_count), .min = 0,
     .max = SETTINGS_EAL_ARGS_MAX, .fallback = "[]",
     .help = "More arguments for DPDK's EAL, for hardware that needs them."},
    {"devices", SETTINGS_OBJECTS, LIST(settings_data_plane, devices, device_count), .min = 1,
     .max = SETTINGS_DEVICES_MAX, .table = &device_table, .help = "Network devices of media."},
    {"addresses", SETTINGS_OBJECTS, LIST(settings_data_plane, addresses, address_count), .min = 1,
     .max = SETTINGS_ADDRESSES_MAX, .table = &address_table,
     .help = "Local addresses of media. The first of a family is announced by default."},
    {"neighbours", SETTINGS_OBJECTS, LIST(settings_data_plane, neighbours, neighbour_count),
     .min = 0, .max = SETTINGS_NEIGHBOURS_MAX, .table = &neighbour_table, .fallback = "[]",
     .help = "Static neighbours."},
};
static const struct settings_table data_plane_table =
    SETTINGS_TABLE("What sluice-dp works with.", data_plane_rows);

static const struct settings_row h245_ports_rows[] = {
    {"first", SETTINGS_UINT, AT(settings_ports, first), .min = 0, .max = 65535, .fallback = "0",
     .help = "First TCP port; 0 = the system chooses."},
    {"last", SETTINGS_UINT, AT(settings_ports, last), .min = 0, .max = 65535, .fallback = "0",
     .help = "Last TCP port; 0 = the system chooses."},
};
static const struct settings_table h245_ports_table =
    SETTINGS_TABLE("TCP ports of H.245 connections.", h245_ports_rows);

static const struct settings_row listener_rows[] = {
    {"name", SETTINGS_TEXT, AT(settings_listener, name), .min = 0, .max = 63, .fallback = "\"\"",
     .help = "Name for logs and the control API; \"\" = the address."},
    {"address", SETTINGS_ENDPOINT, AT(settings_listener, address), .min = 1, .max = 1,
     .help = "Where H.225.0 call signalling is accepted; port 1720 (1300 with `tls`) unless given. "
             "An unspecified address (`0.0.0.0`, `::`) means all of its family."},
    {"tls", SETTINGS_BOOL, AT(settings_listener, tls), .fallback = "false",
     .help = "Calls come by TLS, as section `tls` says. A clear call on such a port is refused, "
             "and H.245 is tunnelled or has a TLS connection of its own."},
    {"dtls", SETTINGS_CHOICE, AT(settings_listener, dtls), .choices = dtls_choices,
     .fallback = "\"required\"", .reloads = true,
     .help = "Media keyed by H.235.10: `required` refuses peers without it, `preferred` gives them "
             "plain RTP, `off` never uses it."},
    {"h245_address", SETTINGS_IP, AT(settings_listener, h245_address), .fallback = "\"\"",
     .reloads = true,
     .help = "Address of H.245 connections; \"\" = the one that the call came to."},
    {"h245_ports", SETTINGS_OBJECT, AT(settings_listener, h245_ports), .table = &h245_ports_table,
     .fallback = "{}", .help = "TCP ports of H.245 connections."},
    {"media_ip4", SETTINGS_IP, AT(settings_listener, media_ip4), .fallback = "\"\"",
     .reloads = true,
     .help = "IPv4 address of media that peers are told (behind a static NAT); \"\" = that of the "
             "data plane."},
    {"media_ip6", SETTINGS_IP, AT(settings_listener, media_ip6), .fallback = "\"\"",
     .reloads = true,
     .help = "IPv6 address of media that peers are told; \"\" = that of the data plane."},
};
static const struct settings_table listener_table =
    SETTINGS_TABLE("A place where calls come in.", listener_rows);

static const struct settings_row limits_rows[] = {
    {"max_sessions", SETTINGS_UINT, AT(settings_limits, max_sessions), .min = 1, .max = 1000000,
     .fallback = "4000", .help = "Sessions at a time; a further call is refused as congested."},
    {"max_connections", SETTINGS_UINT, AT(settings_limits, max_connections), .min = 2,
     .max = 4000000, .fallback = "10000",
     .help = "TCP connections of signalling at a time (two a session)."},
    {"max_connections_per_address", SETTINGS_UINT, AT(settings_limits, max_connections_per_address),
     .min = 0, .max = 4000000, .fallback = "0",
     .help = "The same for one address of a peer. 0 = no limit."},
    {"setups_per_second", SETTINGS_UINT, AT(settings_limits, setups_per_second), .min = 0,
     .max = 100000, .fallback = "100",
     .help = "New calls that one address of a peer may start in a second. 0 = no limit."},
    {"max_message_bytes", SETTINGS_UINT, AT(settings_limits, max_message_bytes), .min = 256,
     .max = 65531, .unit = "bytes", .fallback = "16384",
     .help = "Longest signalling message; a longer one ends its session."},
    {"decoder_depth", SETTINGS_UINT, AT(settings_limits, decoder_depth), .min = 16, .max = 200,
     .fallback = "64", .help = "Nesting of one signalling message; a deeper one is refused."},
    {"decoder_elements", SETTINGS_UINT, AT(settings_limits, decoder_elements), .min = 64,
     .max = 1000000, .fallback = "4096",
     .help = "Elements of all lists of one signalling message together."},
    {"decoder_bytes", SETTINGS_UINT, AT(settings_limits, decoder_bytes), .min = 16384,
     .max = 67108864, .unit = "bytes", .fallback = "262144",
     .help = "Memory that the values of one signalling message may take while it is handled."},
    {"max_conferences", SETTINGS_UINT, AT(settings_limits, max_conferences), .min = 1,
     .max = 100000, .fallback = "1000", .reloads = true,
     .help = "Conferences at a time; a call that would begin one more is refused (busy)."},
    {"max_channels", SETTINGS_UINT, AT(settings_limits, max_channels), .min = 1, .max = 256,
     .fallback = "16", .help = "Logical channels of one session in each direction."},
};
static const struct settings_table limits_table =
    SETTINGS_TABLE("How much peers may use.", limits_rows);

#define TIMER(member, least, most, value, text)                                              \
    {                                                                                        \
#member, SETTINGS_UINT, AT(settings_timers, member),                                 \
            .min = (least), .max = (most), .unit = "ms", .fallback = (value), .help = (text) \
    }
static const struct settings_row timers_rows[] = {
    TIMER(setup_ms, 100, 600000, "10000", "From an accepted connection to its Setup."),
    TIMER(idle_connection_ms, 100, 86400000, "300000",
          "How long a kept connection may be without a call, see `maintain_connection`."),
    TIMER(connect_ms, 100, 600000, "30000", "From Setup to Connect."),
    TIMER(tcp_connect_ms, 100, 600000, "5000",
          "Calls of the server: until the peer's signalling connection is there."),
    TIMER(call_response_ms, 100, 600000, "4000",
          "Calls of the server: from Setup to the first answer (T303)."),
    TIMER(call_proceeding_ms, 100, 600000, "60000",
          "Calls of the server: from CallProceeding to Alerting or Connect (T310)."),
    TIMER(call_alerting_ms, 100, 3600000, "180000",
          "Calls of the server: from Alerting to Connect (T301)."),
    TIMER(h245_connect_ms, 100, 600000, "15000", "From Connect to the H.245 connection."),
    TIMER(msd_ms, 100, 600000, "10000", "Master-slave determination (T106)."),
    TIMER(tcs_ms, 100, 600000, "10000", "Answer to a TerminalCapabilitySet (T101)."),
    TIMER(olc_ms, 100, 600000, "10000", "Answer to an OpenLogicalChannel (T103)."),
    TIMER(mirror_ms, 0, 600000, "1000",
          "How long the server lets the peer open its audio channel first: its own channel then "
          "uses the same codec."),
    TIMER(no_channel_ms, 100, 600000, "10000",
          "A call without any open channel is ended after this time."),
    TIMER(clc_ms, 100, 600000, "5000", "Answer to a CloseLogicalChannel (T103)."),
    TIMER(round_trip_interval_ms, 0, 3600000, "15000",
          "Between two round-trip delay requests on a quiet session. 0 = none are sent."),
    TIMER(round_trip_timeout_ms, 100, 600000, "10000",
          "Answer to a round-trip delay request (T105); without it the session ends."),
    TIMER(end_session_ms, 0, 60000, "2000", "Wait for the peer's EndSession."),
    TIMER(shutdown_ms, 0, 600000, "5000", "Time that all sessions have to end in a shutdown."),
};
#undef TIMER
static const struct settings_table timers_table =
    SETTINGS_TABLE("How long peers may take.", timers_rows);

static const struct settings_row signalling_rows[] = {
    {"listeners", SETTINGS_OBJECTS, LIST(settings_signalling, listeners, listener_count), .min = 1,
     .max = SETTINGS_LISTENERS_MAX, .table = &listener_table, .help = "Where calls come in."},
    {"tunnelling", SETTINGS_BOOL, AT(settings_signalling, tunnelling), .fallback = "true",
     .reloads = true,
     .help = "H.245 inside call signalling where the peer offers it, without a connection of its "
             "own."},
    {"fast_connect", SETTINGS_BOOL, AT(settings_signalling, fast_connect), .fallback = "true",
     .reloads = true,
     .help = "Channels opened by Setup and Connect where the peer offers it, with H.235.10 in them "
             "as `dtls` of the listener wants it; what does not fit goes on by H.245. `preferred` "
             "takes channels in the clear only from a peer that offers no others, and counts such "
             "a call as downgraded."},
    {"fast_connect_early", SETTINGS_BOOL, AT(settings_signalling, fast_connect_early),
     .fallback = "false",
     .help = "Answer fast connect in Alerting, and the call itself (Connect) when its media are "
             "keyed, so that not even the first word is lost. Without: both in Connect, at once."},
    {"h245_in_setup", SETTINGS_BOOL, AT(settings_signalling, h245_in_setup), .fallback = "false",
     .reloads = true,
     .help = "Calls of the server: name an H.245 address in Setup, so that the peer can open that "
             "connection before it answers."},
    {"default_conference", SETTINGS_TEXT, AT(settings_signalling, default_conference), .min = 0,
     .max = 127, .fallback = "\"\"", .reloads = true,
     .help = "Alias of the dial plan for callers that name nobody (a Setup without an alias and "
             "without a called number); \"\" = they are refused."},
    {"multiple_calls", SETTINGS_BOOL, AT(settings_signalling, multiple_calls), .fallback = "true",
     .reloads = true,
     .help = "Several calls at a time on one call signalling connection, for peers that can. A "
             "further Setup is otherwise refused: newConnectionNeeded."},
    {"maintain_connection", SETTINGS_BOOL, AT(settings_signalling, maintain_connection),
     .fallback = "false", .reloads = true,
     .help = "Keep call signalling connections for further calls where the peer wants it too; else "
             "each is closed with its last call."},
    {"max_forwards", SETTINGS_UINT, AT(settings_signalling, max_forwards), .min = 0, .max = 16,
     .fallback = "3", .reloads = true,
     .help = "Calls of the server: how often one call follows a peer that forwards it elsewhere. "
             "0 = never."},
    {"start_h245", SETTINGS_CHOICE, AT(settings_signalling, start_h245),
     .choices = start_h245_choices, .fallback = "\"peer\"", .reloads = true,
     .help = "A peer may ask the server to open the H.245 connection (Facility startH245): `peer` "
             "does so only to the address that the call came from, `any` to any that is named, "
             "`never` not at all."},
    {"limits", SETTINGS_OBJECT, AT(settings_signalling, limits), .table = &limits_table,
     .fallback = "{}", .reloads = true, .help = "How much peers may use."},
    {"timers", SETTINGS_OBJECT, AT(settings_signalling, timers), .table = &timers_table,
     .fallback = "{}", .reloads = true, .help = "How long peers may take."},
};
static const struct settings_table signalling_table =
    SETTINGS_TABLE("H.225.0 and H.245.", signalling_rows);

static const struct settings_row gatekeeper_rows[] = {
    {"address", SETTINGS_ENDPOINT, AT(settings_gatekeeper, address), .min = 0, .max = 1,
     .fallback = "\"\"",
     .help = "RAS address of the gatekeeper (port 1719 unless given), or a multicast group to find "
             "one in (`224.0.1.41`, port 1718 unless given); \"\" = no gatekeeper is used."},
    {"identifier", SETTINGS_TEXT, AT(settings_gatekeeper, identifier), .min = 0, .max = 63,
     .fallback = "\"\"", .help = "Take only the gatekeeper of this identifier; \"\" = any."},
    {"aliases", SETTINGS_TEXTS, LIST(settings_gatekeeper, aliases, alias_count), .min = 0,
     .max = SETTINGS_RAS_NAMES_MAX, .fallback = "[]",
     .help = "Aliases to register: numbers as dialled digits, all others as H.323 identifiers. "
             "[] = the node's name."},
    {"prefixes", SETTINGS_TEXTS, LIST(settings_gatekeeper, prefixes, prefix_count), .min = 0,
     .max = SETTINGS_RAS_NAMES_MAX, .fallback = "[]",
     .help = "Digits in front of numbers that the gatekeeper shall route here."},
    {"user", SETTINGS_TEXT, AT(settings_gatekeeper, user), .min = 0, .max = 63, .fallback = "\"\"",
     .help = "Name that goes with the password; \"\" = the first alias."},
    {"password", SETTINGS_TEXT, AT(settings_gatekeeper, password), .min = 0, .max = 63,
     .fallback = "\"\"",
     .help = "H.235.1 password: messages are signed with HMAC-SHA1-96, and unsigned ones of the "
             "gatekeeper are refused. \"\" = none."},
    {"ttl_s", SETTINGS_UINT, AT(settings_gatekeeper, ttl_s), .min = 10, .max = 86400, .unit = "s",
     .fallback = "60", .help = "How long a registration shall hold; renewed in time."},
    {"required", SETTINGS_BOOL, AT(settings_gatekeeper, required), .fallback = "true",
     .help = "While no gatekeeper can be asked, calls are refused; false: they are answered "
             "without asking. What a gatekeeper refuses is refused in either case."},
    {"local", SETTINGS_ENDPOINT, AT(settings_gatekeeper, local), .min = 0, .max = 1,
     .fallback = "\"\"",
     .help = "Address of ours that RAS goes over; \"\" = the one on the way to the gatekeeper. "
             "Needed for a multicast group where no route leads to it. Without a port the system "
             "chooses one."},
    {"discovery", SETTINGS_BOOL, AT(settings_gatekeeper, discovery), .fallback = "true",
     .help = "Begin with a GatekeeperRequest; false: with the registration, unless the gatekeeper "
             "wants to be discovered."},
    {"request_ms", SETTINGS_UINT, AT(settings_gatekeeper, request_ms), .min = 100, .max = 60000,
     .unit = "ms", .fallback = "3000", .help = "Wait for an answer before a request is repeated."},
    {"tries", SETTINGS_UINT, AT(settings_gatekeeper, tries), .min = 1, .max = 10, .fallback = "3",
     .help = "How often a request is sent before the gatekeeper counts as gone."},
    {"retry_ms", SETTINGS_UINT, AT(settings_gatekeeper, retry_ms), .min = 1000, .max = 3600000,
     .unit = "ms", .fallback = "30000",
     .help = "Pause after the gatekeeper and all its alternates have failed."},
    {"clock_skew_s", SETTINGS_UINT, AT(settings_gatekeeper, clock_skew_s), .min = 1, .max = 86400,
     .unit = "s", .fallback = "7200",
     .help = "H.235.1 messages whose time stamp is so much older or newer than ours are refused."},
    {"almost_out_percent", SETTINGS_UINT, AT(settings_gatekeeper, almost_out_percent), .min = 0,
     .max = 100, .fallback = "90",
     .help = "The gatekeeper is told almostOutOfResources from that much use of "
             "signalling.limits.max_sessions or of the media ports on. 0 = never."},
    {"available_percent", SETTINGS_UINT, AT(settings_gatekeeper, available_percent), .min = 0,
     .max = 100, .fallback = "80", .help = "Told available again when use has fallen to that."},
};
static const struct settings_table gatekeeper_table =
    SETTINGS_TABLE("The gatekeeper (RAS) that the server registers with.", gatekeeper_rows);

static const struct settings_choice stack_choices[] = {
    {"udp-dtls-sctp", SETTINGS_STACK_UDP_DTLS_SCTP},
    {"tcp-dtls-sctp", SETTINGS_STACK_TCP_DTLS_SCTP},
    {"sctp-dtls", SETTINGS_STACK_SCTP_DTLS},
    {NULL, 0},
};

static const struct settings_row data_ports_rows[] = {
    {"first", SETTINGS_UINT, AT(settings_ports, first), .min = 0, .max = 65535, .fallback = "0",
     .help = "First port; 0 = the system chooses."},
    {"last", SETTINGS_UINT, AT(settings_ports, last), .min = 0, .max = 65535, .fallback = "0",
     .help = "Last port; 0 = the system chooses."},
};
static const struct settings_table data_ports_table =
    SETTINGS_TABLE("Ports of data channels over TCP and SCTP.", data_ports_rows);

static const struct settings_row media_rows[] = {
    {"dscp", SETTINGS_UINT, AT(settings_media, dscp), .min = 0, .max = 63, .fallback = "46",
     .help = "Code point of the media packets that are sent (46 = expedited forwarding)."},
    {"dscp_video", SETTINGS_UINT, AT(settings_media, dscp_video), .min = 0, .max = 63,
     .fallback = "34",
     .help = "The same for transports of video (34 = assured forwarding 41, RFC 4594). What shares "
             "an association with audio is marked as audio."},
    {"no_media_timeout_ms", SETTINGS_UINT, AT(settings_media, no_media_timeout_ms), .min = 0,
     .max = 86400000, .unit = "ms", .fallback = "60000",
     .help = "A session from which nothing came for so long is ended. 0 = never."},
    {"key_frame_wait_ms", SETTINGS_UINT, AT(settings_media, key_frame_wait_ms), .min = 0,
     .max = 10000, .unit = "ms", .fallback = "2000",
     .help =
         "Where another source of video is to be seen, the one before is until the first packet "
         "of the new one's key frame, so long at most. 0 = switched at once."},
    {"video", SETTINGS_CHOICES, LIST(settings_media, video, video_count), .min = 0,
     .max = SETTINGS_CODECS_MAX, .choices = video_choices,
     .fallback = "[\"h264\", \"h265\", \"h263\", \"h261\"]",
     .help = "Video codecs that relays pass on and mixes switch, best first; empty = no video."},
    {"opus_identifier", SETTINGS_TEXT, AT(settings_media, opus_identifier), .min = 1, .max = 63,
     .fallback = "\"opus-codec.org\"",
     .help =
         "Identifier of Opus as a generic audio capability in H.245, which has registered none: "
         "an object identifier in dotted form, or a domain-based text. Endpoints have to be "
         "told the same."},
    {"h265_identifier", SETTINGS_TEXT, AT(settings_media, h265_identifier), .min = 1, .max = 63,
     .fallback = "\"h265.rfc7798\"",
     .help = "The same for H.265 as a generic video capability: no number for it within H.241 is "
             "taken for granted, and a wrong one could be another codec's."},
    {"pass_unknown", SETTINGS_BOOL, AT(settings_media, pass_unknown), .fallback = "true",
     .help = "Relays also pass on other video codecs and data channels over RTP (H.224, T.140) "
             "that both sessions have."},
    {"data_stacks", SETTINGS_CHOICES, LIST(settings_media, data_stacks, data_stack_count), .min = 1,
     .max = SETTINGS_STACK_COUNT, .choices = stack_choices, .fallback = "[\"udp-dtls-sctp\"]",
     .help = "Stacks of data channels that are offered and taken, best first. `udp-dtls-sctp` goes "
             "through the data plane, beside audio and video; `tcp-dtls-sctp` and `sctp-dtls` "
             "(SCTP in UDP) are sockets of sluiced at the address that the call came to, and end "
             "there."},
    {"data_ports", SETTINGS_OBJECT, AT(settings_media, data_ports), .table = &data_ports_table,
     .fallback = "{}", .help = "Ports of those sockets."},
    {"ttl", SETTINGS_UINT, AT(settings_media, ttl), .min = 1, .max = 255, .fallback = "64",
     .help = "Time to live (IPv6: hop limit) of the packets that the data plane sends."},
    {"own_rtcp", SETTINGS_BOOL, AT(settings_media, own_rtcp), .fallback = "false",
     .help =
         "`true`: RTCP of each session ends at the data plane, which reports to the peer itself "
         "and gives what it sends SSRCs, sequence numbers and timestamps of its own; the round "
         "trip is measured. `false`: the two parties of a relay see each other's."},
    {"latch", SETTINGS_BOOL, AT(settings_media, latch), .fallback = "false",
     .help =
         "`true`: SRTP from another address than the signalled one moves a transport's remote "
         "there, "
         "once, if its tag is good and it is no replay (event `media.latched`): for peers whose "
         "translated address changes in a call. The DTLS handshake comes from the signalled "
         "address "
         "all the same. Legs by SDP have ICE for it, plain RTP has nothing to authenticate by."},
    {"rtcp_interval_ms", SETTINGS_UINT, AT(settings_media, rtcp_interval_ms), .min = 0,
     .max = 600000, .unit = "ms", .fallback = "5000",
     .help = "RTCP reports of our own are sent so often on the average (RFC 3550 section 6.2). "
             "0 = none."},
};
static const struct settings_table media_table = SETTINGS_TABLE("RTP and SRTP.", media_rows);

static const struct settings_row dtls_rows[] = {
    {"certificate", SETTINGS_TEXT, AT(settings_dtls_section, certificate), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "PEM file of the certificate. With `key`, or both \"\": one is made at each start "
             "(ECDSA P-256)."},
    {"key", SETTINGS_TEXT, AT(settings_dtls_section, key), .min = 0, .max = 255, .fallback = "\"\"",
     .help = "PEM file of its private key."},
    {"hashes", SETTINGS_CHOICES, LIST(settings_dtls_section, hashes, hash_count), .min = 1,
     .max = 3, .choices = hash_choices, .fallback = "[\"sha-256\", \"sha-384\", \"sha-512\"]",
     .reloads = true, .help = "Hash functions of fingerprints, best first."},
    {"allow_sha1", SETTINGS_BOOL, AT(settings_dtls_section, allow_sha1), .fallback = "false",
     .reloads = true, .help = "Announce SHA-1 too, last, and take fingerprints made with it."},
    {"profiles", SETTINGS_CHOICES, LIST(settings_dtls_section, profiles, profile_count), .min = 1,
     .max = SETTINGS_PROFILES_MAX, .choices = profile_choices,
     .fallback = "[\"AEAD_AES_128_GCM\", \"AEAD_AES_256_GCM\", \"AES128_CM_SHA1_80\", "
                 "\"AES128_CM_SHA1_32\"]",
     .help = "SRTP protection profiles, best first."},
    {"setup", SETTINGS_CHOICE, AT(settings_dtls_section, setup), .choices = setup_choices,
     .fallback = "\"actpass\"", .reloads = true,
     .help =
         "DTLS role that is offered (RFC 4145). `holdconn` begins no DTLS, and so no media: for "
         "tests of peers."},
    {"send_extensions_type", SETTINGS_BOOL, AT(settings_dtls_section, send_extensions_type),
     .fallback = "true", .reloads = true,
     .help =
         "Send `extensionsType` in `DTLSSecurityCapability`. H.235.10 clause 7.2 demands it, but "
         "H.245 version 17 does not define it: turn it off for peers that stumble over it."},
    {"cleartext_signalling", SETTINGS_CHOICE, AT(settings_dtls_section, cleartext_signalling),
     .choices = cleartext_choices, .fallback = "\"warn\"", .reloads = true,
     .help = "Fingerprints that come over an unsecured H.245 connection: take them, take them with "
             "a warning, or refuse the channel."},
    {"handshake_timeout_ms", SETTINGS_UINT, AT(settings_dtls_section, handshake_timeout_ms),
     .min = 1000, .max = 600000, .unit = "ms", .fallback = "30000",
     .help = "Time for a whole handshake; for the passive side, also for its beginning."},
    {"retransmit_initial_ms", SETTINGS_UINT, AT(settings_dtls_section, retransmit_initial_ms),
     .min = 50, .max = 60000, .unit = "ms", .fallback = "200",
     .help = "First retransmission of a flight; each further one waits twice as long."},
    {"retransmit_max_ms", SETTINGS_UINT, AT(settings_dtls_section, retransmit_max_ms), .min = 50,
     .max = 60000, .unit = "ms", .fallback = "1600", .help = "The doubling ends here."},
    {"mtu", SETTINGS_UINT, AT(settings_dtls_section, mtu), .min = 256, .max = 9000, .unit = "bytes",
     .fallback = "1200", .help = "Longest datagram of a handshake that is sent."},
    {"park", SETTINGS_BOOL, AT(settings_dtls_section, park), .fallback = "true",
     .help = "Put the state of a quiet association away: some 20 KB less a session."},
    {"park_after_ms", SETTINGS_UINT, AT(settings_dtls_section, park_after_ms), .min = 0,
     .max = 600000, .unit = "ms", .fallback = "5000", .help = "Quiet time before parking."},
    {"shards", SETTINGS_UINT, AT(settings_dtls_section, shards), .min = 1, .max = 31,
     .fallback = "1", .help = "Threads that do handshakes, each with its share of the sessions."},
    {"resumption", SETTINGS_BOOL, AT(settings_dtls_section, resumption), .fallback = "true",
     .help = "Abbreviated handshakes with peers that return (H.235.10 clause 6, note 1), as client "
             "and as server. The fingerprint that a call signals must be the one that the session "
             "was verified by, by the same hash; otherwise the handshake is a full one."},
    {"resumption_sessions", SETTINGS_UINT, AT(settings_dtls_section, resumption_sessions), .min = 8,
     .max = 1000000, .fallback = "4096",
     .help = "DTLS sessions that are kept, sealed, for that; some 450 bytes each."},
    {"resumption_lifetime_s", SETTINGS_UINT, AT(settings_dtls_section, resumption_lifetime_s),
     .min = 10, .max = 86400, .unit = "s", .fallback = "3600",
     .help = "How long after its full handshake a session may be taken up again."},
    {"key_log", SETTINGS_TEXT, AT(settings_dtls_section, key_log), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help =
         "For a lab alone: a file that the secrets of every DTLS connection are appended to, so "
         "that tshark decrypts it (`tls.keylog_file`). Needs `control.lab_methods`; \"\" = "
         "none."},
};
static const struct settings_table dtls_table =
    SETTINGS_TABLE("DTLS of H.235.10 media.", dtls_rows);

static const struct settings_row tls_rows[] = {
    {"certificate", SETTINGS_TEXT, AT(settings_tls, certificate), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "PEM file with the certificate that peers are shown, followed by its chain. \"\": "
             "one is made at start, self-signed and random: for a lab."},
    {"key", SETTINGS_TEXT, AT(settings_tls, key), .min = 0, .max = 255, .fallback = "\"\"",
     .help = "PEM file with its private key (ECDSA, Ed25519, or RSA of 2048 bits and more)."},
    {"ca_certificates", SETTINGS_TEXT, AT(settings_tls, authorities), .min = 0, .max = 255,
     .fallback = "\"\"",
     .help = "PEM file with the authorities that peers' certificates must come from. With it, "
             "whoever the server calls by TLS must show a good one; names in it are not compared."},
    {"client_certificates", SETTINGS_CHOICE, AT(settings_tls, client_certificates),
     .choices = tls_client_choices, .fallback = "\"none\"",
     .help = "Are callers asked for a certificate: no; yes, and one that is sent must be good; "
             "yes, and there must be one."},
    {"min_version", SETTINGS_CHOICE, AT(settings_tls, min_version), .choices = tls_version_choices,
     .fallback = "\"1.2\"", .help = "Oldest version of TLS that is spoken."},
    {"ciphers", SETTINGS_CHOICES, LIST(settings_tls, ciphers, cipher_count), .min = 1,
     .max = SETTINGS_TLS_CIPHERS_MAX, .choices = tls_cipher_choices,
     .fallback = "[\"aes-128-gcm\", \"aes-256-gcm\", \"chacha20-poly1305\"]",
     .help = "What protects records, best first; the key exchange is ephemeral always."},
    {"handshake_timeout_ms", SETTINGS_UINT, AT(settings_tls, handshake_timeout_ms), .min = 100,
     .max = 600000, .unit = "ms", .fallback = "10000",
     .help = "From a connection to the end of its handshake."},
    {"clear_h245", SETTINGS_BOOL, AT(settings_tls, clear_h245), .fallback = "false",
     .help = "A call by TLS whose peer offers neither tunnelling nor TLS for H.245: `false` ends "
             "it, `true` lets H.245 run in the clear (`dtls.cleartext_signalling` then holds)."},
};
static const struct settings_table tls_table = SETTINGS_TABLE(
    "TLS of call signalling and H.245. Files are read again at SIGHUP and by `server.reload`.",
    tls_rows);

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
    {"data_plane", SETTINGS_OBJECT, AT(settings, data_plane), .table = &data_plane_table,
     .help = "What sluice-dp works with."},
    {"signalling", SETTINGS_OBJECT, AT(settings, signalling), .table = &signalling_table,
     .help = "H.225.0 and H.245."},
    {"gatekeeper", SETTINGS_OBJECT, AT(settings, gatekeeper), .table = &gatekeeper_table,
     .fallback = "{}", .help = "The gatekeeper (RAS) that the server registers with."},
    {"media", SETTINGS_OBJECT, AT(settings, media), .table = &media_table, .fallback = "{}",
     .reloads = true, .help = "RTP and SRTP."},
    {"dtls", SETTINGS_OBJECT, AT(settings, dtls), .table = &dtls_table, .fallback = "{}",
     .help = "DTLS of H.235.10 media."},
    {"tls", SETTINGS_OBJECT, AT(settings, tls), .table = &tls_table, .fallback = "{}",
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

const char *settings_dtls_to_str(enum settings_dtls value)
{
    return settings_choice_text(dtls_choices, (int)value);
}

const char *settings_setup_to_str(enum settings_setup value)
{
    return settings_choice_text(setup_choices, (int)value);
}

const char *settings_hash_to_str(enum settings_hash value)
{
    return value == SETTINGS_HASH_SHA1 ? "sha-1" : settings_choice_text(hash_choices, (int)value);
}

const char *settings_profile_to_str(enum settings_profile value)
{
    return settings_choice_text(profile_choices, (int)value);
}

const char *settings_cleartext_to_str(enum settings_cleartext value)
{
    return settings_choice_text(cleartext_choices, (int)value);
}

const char *settings_idle_to_str(enum settings_idle value)
{
    return settings_choice_text(idle_choices, (int)value);
}

const char *settings_srtp_engine_to_str(enum settings_srtp_engine value)
{
    return settings_choice_text(srtp_engine_choices, (int)value);
}
