/* The rows of `signalling` and `gatekeeper`: H.225.0, H.245 and RAS. */
#include "settings/table.h"

#define AT   SETTINGS_AT
#define LIST SETTINGS_LIST

static const struct settings_choice dtls_choices[] = {{"required", SETTINGS_DTLS_REQUIRED},
                                                      {"preferred", SETTINGS_DTLS_PREFERRED},
                                                      {"off", SETTINGS_DTLS_OFF},
                                                      {NULL, 0}};

static const struct settings_choice start_h245_choices[] = {{"peer", SETTINGS_START_H245_PEER},
                                                            {"any", SETTINGS_START_H245_ANY},
                                                            {"never", SETTINGS_START_H245_NEVER},
                                                            {NULL, 0}};

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
const struct settings_table settings_signalling_table =
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
const struct settings_table settings_gatekeeper_table =
    SETTINGS_TABLE("The gatekeeper (RAS) that the server registers with.", gatekeeper_rows);

const char *settings_dtls_to_str(enum settings_dtls value)
{
    return settings_choice_text(dtls_choices, (int)value);
}
