/* The configuration of Sluice: one JSON file for both processes, loaded into plain C.
 *
 * sluice-dp reads `data_plane`, `link` and `log`, sluiced all the rest too; both check the whole
 * file. Every key is one row of a table in settings/settings.c: type, range, default, unit and help
 * come from there, and so do docs/configuration.md and configs/sluice.schema.json. To add a key,
 * add its member here, its row there, and regenerate both (`sluiced --print-config-reference`,
 * `sluiced --print-config-schema`). After the load only settings_take changes it. */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/log.h"

#define SETTINGS_NAME_MAX        64 /* with the terminating zero, like all that follow */
#define SETTINGS_TEXT_MAX        128
#define SETTINGS_PATH_MAX        256
#define SETTINGS_SOCKET_MAX      108 /* sun_path */
#define SETTINGS_CPUS_MAX        32  /* workers: as many as the link serves */
#define SETTINGS_DEVICES_MAX     16
#define SETTINGS_ADDRESSES_MAX   16
#define SETTINGS_NEIGHBOURS_MAX  64
#define SETTINGS_EAL_ARGS_MAX    16
#define SETTINGS_LISTENERS_MAX   16
#define SETTINGS_CONFERENCES_MAX 256
#define SETTINGS_CODECS_MAX      8
#define SETTINGS_HASHES_MAX      4
#define SETTINGS_RAS_NAMES_MAX   100
#define SETTINGS_PROFILES_MAX    4
#define SETTINGS_IDS_MAX         32
#define SETTINGS_PIN_MAX         20

enum settings_idle {
    SETTINGS_IDLE_POLL,     /* workers spin: least latency, a whole CPU each */
    SETTINGS_IDLE_ADAPTIVE, /* workers sleep ever longer while nothing comes */
};

/* Which back end of crypto/srtp.h; the texts are the names it is asked for by. */
enum settings_srtp_engine {
    SETTINGS_SRTP_ENGINE_AUTO,
    SETTINGS_SRTP_ENGINE_MB,
    SETTINGS_SRTP_ENGINE_LIBSRTP,
};

/* Does a listener want media keyed by H.235.10? */
enum settings_dtls {
    SETTINGS_DTLS_REQUIRED,  /* a peer without it is refused */
    SETTINGS_DTLS_PREFERRED, /* a peer without it gets plain RTP */
    SETTINGS_DTLS_OFF,       /* never offered, never taken */
};

/* RFC 4145 role that is offered (H.235.10 setupInformation). */
enum settings_setup {
    SETTINGS_SETUP_ACTPASS,
    SETTINGS_SETUP_ACTIVE,
    SETTINGS_SETUP_PASSIVE,
    SETTINGS_SETUP_HOLDCONN, /* no DTLS is begun */
};

/* Fingerprints in an H.245 that is not secured itself (L-CERT). */
enum settings_cleartext {
    SETTINGS_CLEARTEXT_ALLOW,
    SETTINGS_CLEARTEXT_WARN,
    SETTINGS_CLEARTEXT_REFUSE,
};

/* Same values as enum fingerprint_hash. */
enum settings_hash {
    SETTINGS_HASH_SHA1 = 0,
    SETTINGS_HASH_SHA256 = 1,
    SETTINGS_HASH_SHA384 = 2,
    SETTINGS_HASH_SHA512 = 3,
};

/* IANA numbers, as in enum srtp_profile. */
enum settings_profile {
    SETTINGS_PROFILE_AES128_CM_SHA1_80 = 1,
    SETTINGS_PROFILE_AES128_CM_SHA1_32 = 2,
    SETTINGS_PROFILE_AEAD_AES_128_GCM = 7,
    SETTINGS_PROFILE_AEAD_AES_256_GCM = 8,
};

/* Facility(startH245) asks the server to open the H.245 connection itself: to whom may it? */
enum settings_start_h245 {
    SETTINGS_START_H245_PEER, /* to the address that the call came from */
    SETTINGS_START_H245_ANY,
    SETTINGS_START_H245_NEVER,
};

/* As enum tls_check: are callers that come by TLS asked for a certificate? */
enum settings_tls_clients {
    SETTINGS_TLS_CLIENTS_NONE,
    SETTINGS_TLS_CLIENTS_IF_SENT, /* one that is sent must be good */
    SETTINGS_TLS_CLIENTS_REQUIRED,
};

/* As enum tls_version. */
enum settings_tls_version {
    SETTINGS_TLS_1_2,
    SETTINGS_TLS_1_3,
};

/* As enum tls_cipher. */
enum settings_tls_cipher {
    SETTINGS_TLS_AES_128_GCM,
    SETTINGS_TLS_AES_256_GCM,
    SETTINGS_TLS_CHACHA20_POLY1305,
};
#define SETTINGS_TLS_CIPHERS_MAX 3

enum settings_conference_kind {
    SETTINGS_CONFERENCE_RELAY,   /* two sessions, packets pass from one to the other */
    SETTINGS_CONFERENCE_MIX,     /* each hears all others; video of one at a time */
    SETTINGS_CONFERENCE_FORWARD, /* every stream goes to every other, on its own channel */
};

/* What of a mix is recorded without being asked for. */
enum settings_record {
    SETTINGS_RECORD_OFF,
    SETTINGS_RECORD_CONFERENCE,
    SETTINGS_RECORD_MEMBERS, /* the conference, and each member */
};

/* Whose video the members of a mix see. */
enum settings_layout {
    SETTINGS_LAYOUT_VOICE,   /* who speaks */
    SETTINGS_LAYOUT_FIXED,   /* one that was named */
    SETTINGS_LAYOUT_LECTURE, /* one that was named, who sees who speaks */
};

/* Data channels of a conference's sessions. */
enum settings_data {
    SETTINGS_DATA_AUTO, /* relay where the kind is relay, and DTLS roles allow it */
    SETTINGS_DATA_RELAY,
    SETTINGS_DATA_TERMINATE,
    SETTINGS_DATA_OFF,
};

/* What is below the SCTP of a data channel, or above it. */
enum settings_stack {
    SETTINGS_STACK_UDP_DTLS_SCTP,
    SETTINGS_STACK_TCP_DTLS_SCTP,
    SETTINGS_STACK_SCTP_DTLS,
    SETTINGS_STACK_COUNT,
};

enum settings_codec {
    SETTINGS_CODEC_G711_ALAW,
    SETTINGS_CODEC_G711_ULAW,
    SETTINGS_CODEC_G722,
    SETTINGS_CODEC_OPUS,
};

/* Video codecs are only passed on. */
enum settings_video {
    SETTINGS_VIDEO_H264,
    SETTINGS_VIDEO_H265,
    SETTINGS_VIDEO_H263,
    SETTINGS_VIDEO_H261,
};

/* UDP or TCP ports, both included; 0 and 0 = whatever the system gives. */
struct settings_ports {
    uint16_t first, last;
};

struct settings_node {
    char name[SETTINGS_TEXT_MAX];
    char product[SETTINGS_NAME_MAX];
    char version[SETTINGS_NAME_MAX]; /* never empty after the load */
    uint8_t terminal_type;
    uint8_t t35_country;
    uint8_t t35_extension;
    uint16_t manufacturer;
};

struct settings_log {
    enum log_format format;
    enum log_level level;
    enum log_level areas[LOG_AREA_COUNT]; /* LOG_LEVEL_COUNT where `level` holds */
};

struct settings_control {
    char path[SETTINGS_SOCKET_MAX];
    uint32_t mode; /* of the socket's file */
    uint32_t allow_uids[SETTINGS_IDS_MAX];
    uint32_t allow_uid_count;
    uint32_t allow_gids[SETTINGS_IDS_MAX];
    uint32_t allow_gid_count;
    uint32_t max_clients;
    uint32_t max_message_bytes;
    uint32_t max_backlog_bytes;
    uint32_t requests_per_second; /* 0 = no limit */
    bool lab_methods;             /* lab.*: they tell keys */
};

struct settings_link {
    char path[SETTINGS_SOCKET_MAX];
    uint32_t mode;
    uint32_t ring_slots; /* messages, a power of two */
    uint32_t retry_ms;   /* sluiced: between attempts to attach */
    uint32_t
        orphan_timeout_ms; /* sluice-dp: transports without a sluiced are closed then; 0 = never */
    bool close_orphans;    /* sluiced: what an earlier one left is closed at attach */
};

struct settings_device {
    char name[SETTINGS_NAME_MAX];
    char eal[SETTINGS_PATH_MAX]; /* "net_af_packet0,iface=v1" or "0000:03:00.0" */
    uint16_t queues;             /* 0 = one a worker */
    uint16_t descriptors;        /* of each queue */
    uint16_t mtu;
};

struct settings_address {
    struct addr_prefix prefix; /* host address and the length of its network */
    struct addr gateway;       /* ADDR_NONE = none */
    char device[SETTINGS_NAME_MAX];
    uint32_t device_index; /* into devices[], found by the load */
};

struct settings_neighbour {
    struct addr address;
    uint8_t mac[6];
    char device[SETTINGS_NAME_MAX];
    uint32_t device_index;
};

/* Files that the data plane writes. */
struct settings_recording {
    char directory[SETTINGS_PATH_MAX]; /* "" = nothing is recorded */
    uint32_t max_seconds;              /* of one file */
    uint32_t max_mb;                   /* likewise */
    uint32_t max_files;                /* a worker, at a time */
    bool captures;                     /* pcap files of decrypted media may be asked for */
};

struct settings_data_plane {
    uint32_t workers; /* = cpu_count when cpus are given */
    uint32_t cpus[SETTINGS_CPUS_MAX];
    uint32_t cpu_count; /* 0 = workers are not pinned */
    enum settings_idle idle;
    enum settings_srtp_engine srtp_engine;
    uint32_t memory_mb;
    bool huge_pages;
    uint32_t max_transports; /* a worker */
    uint32_t max_mixes;      /* likewise */
    struct settings_recording recording;
    char announcements[SETTINGS_PATH_MAX]; /* directory; "" = none are played */
    struct settings_ports ports;
    char eal_args[SETTINGS_EAL_ARGS_MAX][SETTINGS_TEXT_MAX];
    uint32_t eal_arg_count;
    struct settings_device devices[SETTINGS_DEVICES_MAX];
    uint32_t device_count;
    struct settings_address addresses[SETTINGS_ADDRESSES_MAX];
    uint32_t address_count;
    struct settings_neighbour neighbours[SETTINGS_NEIGHBOURS_MAX];
    uint32_t neighbour_count;
};

struct settings_listener {
    char name[SETTINGS_NAME_MAX];
    struct addr address; /* H.225.0 call signalling; port 1720, or 1300, when none is given */
    bool tls;
    enum settings_dtls dtls;
    struct addr h245_address; /* ADDR_NONE = the address of the listener; port unused */
    struct settings_ports h245_ports;
    struct addr media_ip4; /* announced to peers; ADDR_NONE = that of the data plane */
    struct addr media_ip6;
};

struct settings_limits {
    uint32_t max_sessions;
    uint32_t max_connections;             /* TCP, signalling and H.245 together */
    uint32_t max_connections_per_address; /* of a peer; 0 = no limit */
    uint32_t setups_per_second;           /* new calls of one peer's address; 0 = no limit */
    uint32_t max_message_bytes;           /* of one TPKT */
    uint32_t decoder_depth;               /* one message: nesting, */
    uint32_t decoder_elements;            /* elements of its lists, */
    uint32_t decoder_bytes;               /* memory for its values */
    uint32_t max_conferences;
    uint32_t max_channels; /* logical channels of one session, a direction */
};

struct settings_timers {
    uint32_t setup_ms;           /* accepted connection to Setup */
    uint32_t idle_connection_ms; /* kept connection without a call */
    uint32_t connect_ms;
    uint32_t tcp_connect_ms;     /* calls of ours: the TCP connection */
    uint32_t call_response_ms;   /* T303: Setup to anything */
    uint32_t call_proceeding_ms; /* T310: CallProceeding to Alerting or Connect */
    uint32_t call_alerting_ms;   /* T301: Alerting to Connect */
    uint32_t h245_connect_ms;
    uint32_t msd_ms;
    uint32_t tcs_ms;
    uint32_t olc_ms;
    uint32_t mirror_ms;
    uint32_t no_channel_ms;
    uint32_t clc_ms;
    uint32_t round_trip_interval_ms; /* 0 = never ask */
    uint32_t round_trip_timeout_ms;
    uint32_t end_session_ms;
    uint32_t shutdown_ms;
};

struct settings_signalling {
    struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
    uint32_t listener_count;
    bool tunnelling; /* H.245 in call signalling where the peer offers it */
    enum settings_start_h245 start_h245;
    bool fast_connect;                          /* channels by Setup and Connect */
    bool fast_connect_early;                    /* by Alerting, and Connect with the keys */
    bool h245_in_setup;                         /* calls of ours name an H.245 address in Setup */
    uint32_t max_forwards;                      /* of one call of ours */
    char default_conference[SETTINGS_TEXT_MAX]; /* for a Setup that names nobody; "" = none */
    bool multiple_calls;                        /* on one connection at a time */
    bool maintain_connection;                   /* connections outlive their calls */
    struct settings_limits limits;
    struct settings_timers timers;
};

struct settings_media {
    uint8_t dscp;
    uint8_t dscp_video;
    uint8_t ttl;
    uint32_t no_media_timeout_ms; /* 0 = never */
    uint32_t key_frame_wait_ms;   /* 0 = sources of video are switched at once */
    bool own_rtcp;
    bool latch; /* H-LATCH: the remote may move once, by a packet that authenticates */
    uint32_t rtcp_interval_ms;                      /* 0 = no reports of our own */
    enum settings_video video[SETTINGS_CODECS_MAX]; /* best first; none = no video */
    uint32_t video_count;
    char opus_identifier[SETTINGS_NAME_MAX];
    char h265_identifier[SETTINGS_NAME_MAX];
    bool pass_unknown; /* video codecs and data that both members have, whatever they are */
    enum settings_stack data_stacks[SETTINGS_STACK_COUNT]; /* best first */
    uint32_t data_stack_count;
    struct settings_ports data_ports; /* of those that are sockets of sluiced */
};

struct settings_dtls_section {
    char certificate[SETTINGS_PATH_MAX]; /* PEM; both empty = made at start */
    char key[SETTINGS_PATH_MAX];
    enum settings_hash hashes[SETTINGS_HASHES_MAX]; /* best first; without SHA-1 */
    uint32_t hash_count;
    bool allow_sha1;
    enum settings_profile profiles[SETTINGS_PROFILES_MAX]; /* best first */
    uint32_t profile_count;
    enum settings_setup setup;
    bool send_extensions_type;
    enum settings_cleartext cleartext_signalling;
    uint32_t handshake_timeout_ms;
    uint32_t retransmit_initial_ms;
    uint32_t retransmit_max_ms;
    uint16_t mtu; /* bytes of UDP payload */
    bool park;
    uint32_t park_after_ms;
    uint32_t shards;
    bool resumption;
    uint32_t resumption_sessions;
    uint32_t resumption_lifetime_s;
    char key_log[SETTINGS_PATH_MAX]; /* empty = none */
};

struct settings_tls {
    char certificate[SETTINGS_PATH_MAX]; /* PEM, with its chain; both empty = made at start */
    char key[SETTINGS_PATH_MAX];
    char authorities[SETTINGS_PATH_MAX]; /* PEM; empty = none */
    enum settings_tls_clients client_certificates;
    enum settings_tls_version min_version;
    enum settings_tls_cipher ciphers[SETTINGS_TLS_CIPHERS_MAX]; /* best first */
    uint32_t cipher_count;
    uint32_t handshake_timeout_ms;
    bool clear_h245; /* H.245 of a call by TLS may have a connection without it */
};

struct settings_conference {
    char alias[SETTINGS_TEXT_MAX]; /* what is called; "*" at its end stands for any rest */
    enum settings_conference_kind kind;
    bool passthrough; /* of a relay: DTLS and SRTP unopened */
    uint32_t max_sessions;
    enum settings_codec
        codecs[SETTINGS_CODECS_MAX]; /* best first; the default list when not given */
    uint32_t codec_count;
    char forward_to[SETTINGS_TEXT_MAX]; /* where callers are sent instead; "" = nowhere */
    char pin[SETTINGS_PIN_MAX];         /* digits; "" = none. Never logged. */
    uint32_t pin_tries;
    uint32_t pin_timeout_ms;
    uint32_t loudest;     /* talkers that are heard; 0 = all */
    uint32_t sample_rate; /* of a mix, Hz */
    enum settings_layout layout;
    uint32_t idle_timeout_ms; /* made by control, without a session; 0 = never */
    uint32_t max_duration_ms; /* 0 = never */
    enum settings_record record;
    enum settings_data data;
};

struct settings_gatekeeper {
    struct addr address; /* ADDR_NONE = none is used; port 0 = the usual one */
    char identifier[SETTINGS_NAME_MAX];
    char aliases[SETTINGS_RAS_NAMES_MAX][SETTINGS_NAME_MAX];
    uint32_t alias_count; /* 0 = the node's name */
    char prefixes[SETTINGS_RAS_NAMES_MAX][SETTINGS_NAME_MAX];
    uint32_t prefix_count;
    char user[SETTINGS_NAME_MAX];     /* empty = the first alias */
    char password[SETTINGS_NAME_MAX]; /* empty = no authentication */
    uint32_t ttl_s;
    bool required;     /* no calls without it */
    struct addr local; /* our RAS address; ADDR_NONE = as routed, port 0 = any */
    bool discovery;
    uint32_t request_ms;
    uint32_t tries;
    uint32_t retry_ms;
    uint32_t clock_skew_s;
    uint32_t almost_out_percent; /* 0 = never told */
    uint32_t available_percent;
};

struct settings {
    struct settings_node node;
    struct settings_log log;
    struct settings_control control;
    struct settings_link link;
    struct settings_data_plane data_plane;
    struct settings_signalling signalling;
    struct settings_gatekeeper gatekeeper;
    struct settings_media media;
    struct settings_dtls_section dtls;
    struct settings_tls tls;
    enum settings_codec codecs[SETTINGS_CODECS_MAX];
    uint32_t codec_count;
    struct settings_conference conferences[SETTINGS_CONFERENCES_MAX];
    uint32_t conference_count;
};

/* What a load found wrong. Owned by the caller, any storage; the load initialises it. */
#define SETTINGS_PROBLEMS_MAX 64
struct settings_problem {
    int line;       /* in the file, from 1; 0 = the file as a whole */
    char path[160]; /* "signalling.listeners[0].dtls", "" for the file */
    char text[320]; /* what was expected and what was found, one line, printable */
};
struct settings_report {
    struct settings_problem problems[SETTINGS_PROBLEMS_MAX];
    size_t count; /* of all problems; those beyond SETTINGS_PROBLEMS_MAX are only counted */
};

/* Reads and checks a file of at most 1 MiB. On success *out is whole; otherwise it is untouched and
 * the report tells every problem of the file: ERR_NOTFOUND / ERR_IO (cannot be read), ERR_MALFORMED
 * (no JSON), ERR_INVAL (refused by the checks), ERR_NOMEM. struct settings is large (some 200 KB):
 * keep it on the heap. Any thread. */
int settings_load_file(const char *path, struct settings *out, struct settings_report *report);
int settings_load_text(const char *text, size_t size, struct settings *out,
                       struct settings_report *report);

/* Writes "FILE:LINE: PATH: TEXT" for every problem. */
void settings_report_print(const struct settings_report *report, const char *file, FILE *out);

/* Takes from a newly read configuration what can change while the server runs (its rows in the
 * table say so), in place: pointers into *live stay good. Tells every key that differs, and whether
 * it was taken; otherwise it holds after a restart. Both must come from settings_load_*. */
typedef void (*settings_on_difference_fn)(void *ctx, const char *path, bool is_taken);
void settings_take(struct settings *live, const struct settings *fresh,
                   settings_on_difference_fn told, void *ctx);

/* Changes a conference's row (as of the file, or a zeroed one) by what `object` names, under the
 * same checks; members are as in `conferences`, with an alias. ERR_INVAL: the report tells what is
 * wrong and the row is as before; ERR_NOMEM. */
int settings_change_conference(const struct settings *s, json_t *object,
                               struct settings_conference *row, struct settings_report *report);

/* Sets format and levels of base/log. */
void settings_apply_log(const struct settings_log *log);

/* The reference (Markdown) and the JSON Schema (draft 2020-12), both from the table. ERR_IO,
 * ERR_NOMEM. */
int settings_print_reference(FILE *out);
int settings_print_schema(FILE *out);

/* Names as in the file. Static storage; "unknown" for a value that no row knows. */
const char *settings_dtls_to_str(enum settings_dtls value);
const char *settings_setup_to_str(enum settings_setup value);
const char *settings_hash_to_str(enum settings_hash value);
const char *settings_profile_to_str(enum settings_profile value);
const char *settings_cleartext_to_str(enum settings_cleartext value);
const char *settings_conference_kind_to_str(enum settings_conference_kind value);
const char *settings_codec_to_str(enum settings_codec value);
const char *settings_record_to_str(enum settings_record value);
const char *settings_layout_to_str(enum settings_layout value);
const char *settings_idle_to_str(enum settings_idle value);
const char *settings_srtp_engine_to_str(enum settings_srtp_engine value);

#endif
