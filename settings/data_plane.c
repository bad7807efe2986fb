/* The rows of `data_plane`: what sluice-dp works with, from devices to files. */
#include "settings/table.h"

#define AT   SETTINGS_AT
#define LIST SETTINGS_LIST

static const struct settings_choice idle_choices[] = {
    {"poll", SETTINGS_IDLE_POLL}, {"adaptive", SETTINGS_IDLE_ADAPTIVE}, {NULL, 0}};

static const struct settings_choice srtp_engine_choices[] = {
    {"auto", SETTINGS_SRTP_ENGINE_AUTO},
    {"mb", SETTINGS_SRTP_ENGINE_MB},
    {"libsrtp", SETTINGS_SRTP_ENGINE_LIBSRTP},
    {NULL, 0}};

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
const struct settings_table settings_data_plane_table =
    SETTINGS_TABLE("What sluice-dp works with.", data_plane_rows);

const char *settings_idle_to_str(enum settings_idle value)
{
    return settings_choice_text(idle_choices, (int)value);
}

const char *settings_srtp_engine_to_str(enum settings_srtp_engine value)
{
    return settings_choice_text(srtp_engine_choices, (int)value);
}
