/* A world for session tests: sessions without sockets, a data plane that is a list, and peers that
 * speak through the same engines as the server, or lie where a test says so. Time is a number. */
#ifndef TESTS_SERVER_FAKE_WORLD_H
#define TESTS_SERVER_FAKE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "server/conference/conference.h"
#include "server/session/session.h"
#include "settings/settings.h"
#include "signalling/h245/engine.h"

#define WORLD_PEERS_MAX     18
#define WORLD_PORTS_MAX     32
#define WORLD_EVENTS_MAX    256
#define WORLD_MIXES_MAX     8
#define WORLD_FILES_MAX     8
#define WORLD_RECEIVERS_MAX 32

struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;
struct h245_DTLSSecurityCapability;
struct h245_TerminalCapabilitySet;

/* A port of the fake data plane. */
struct media_port {
    bool is_used;
    struct world *world;
    struct media_request request;
    const struct media_callbacks *callbacks;
    void *owner;
    uint64_t session; /* number in the request */
    struct addr local, remote, remote_control;
    bool is_announced; /* on_opened came */
    bool is_closing, is_closed;
    bool is_associated, is_active;
    unsigned associations; /* times that associate was called */
    struct media_ice ice;  /* as last told */
    unsigned ices;
    struct fingerprint fingerprint;
    size_t fingerprints;   /* that associate was told */
    struct media_port *to; /* of the first route; NULL: nowhere */
    struct media_route route[MEDIA_ROUTES_MAX];
    size_t routes;
    struct media_receiver receiver[WORLD_RECEIVERS_MAX]; /* by forward and switch_source */
    size_t receivers;
    struct media_data data; /* as last told */
    unsigned let_go;        /* times that it must not be held any more */
    unsigned switches;      /* times that switch_source named it as the new source */
    struct media_mix *mix;  /* that it is a member of; NULL: none */
    struct media_mix_member member;
    char capture[LINK_FILE_SIZE]; /* file; "" = none */
    bool is_capture_ending;
};

/* A mix of the fake data plane. What it plays and records ends when a test says so (world_played,
 * world_recorded), or with the mix. */
struct media_mix {
    bool is_used, is_announced, is_closing, is_closed;
    struct media_mix_request request;
    char conference[LINK_TAG_SIZE];
    const struct media_mix_callbacks *callbacks;
    void *owner;
    struct world *world;
    struct {
        struct media_port *port; /* NULL: the whole mix */
        bool is_recording;       /* else played */
        bool is_ending;
        bool is_orphan; /* its port has closed: it ends with NULL for it */
        char name[LINK_FILE_SIZE];
    } file[WORLD_FILES_MAX];
    size_t files;
    struct media_port *refused; /* told at the next step */
    unsigned plays, records;    /* since it was opened */
};

#define PEER_CHANNELS_MAX 48

/* One of a peer's channels, whoever opened it. */
struct peer_channel {
    uint16_t lcn; /* 0: free */
    enum h245_direction direction;
    enum h245_media kind;
    struct h245_audio audio;
    struct h245_relayed relayed;
    uint8_t session_id, payload_type;
    bool is_open;
    uint16_t replaces;        /* in the OLC; 0: none */
    struct addr server_media; /* outgoing: from the Ack */
    bool has_port_number;     /* in the server's OLC or Ack */
    uint16_t port_number;
};

/* What a called peer does with a Setup. */
enum callee_answer {
    CALLEE_CONNECTS,
    CALLEE_IS_BUSY,
    CALLEE_REFUSES,
    CALLEE_RINGS, /* Alerting, and no more */
    CALLEE_PROCEEDS,
    CALLEE_IS_SILENT,
    CALLEE_FORWARDS, /* to peer->forward */
};

/* What a peer gets wrong; zero = nothing. */
typedef void (*peer_tamper_fn)(struct h245_DTLSSecurityCapability *cap);
typedef void (*peer_tamper_tcs_fn)(struct h245_TerminalCapabilitySet *tcs);

struct peer {
    struct world *world;
    struct session *session;
    struct h225_call *call;
    struct h245_engine *h245;
    struct h23510 dtls;
    struct addr signalling, media, h245_at;
    enum h23510_mode mode;
    enum h23510_setup setup;
    struct h245_audio audio[4]; /* receives and sends, best first */
    size_t audio_count;
    struct h245_relayed relayed[4]; /* receives video and data of these */
    size_t relayed_count;
    bool has_data; /* the data channel that it can do */
    struct h245_data data;
    uint8_t terminal_type; /* 0: a terminal, slave to the server */
    struct {
        uint16_t lcn;                    /* of the server's, or ours; 0: none */
        struct h245_data_channel server; /* what it said in its OLC or Ack */
        unsigned opened, confirmed, refused, closed;
        enum h245_olc_cause cause;
        bool is_shared; /* with the audio: L-SHARE */
    } dc;
    bool is_nameless;        /* its Setup says no alias */
    unsigned refuses_second; /* so many audio channels beside one that is open, with this cause */
    enum h245_olc_cause refuses_with;
    bool knows_replacement;               /* says maxPendingReplacementFor */
    bool follows_modes;                   /* says yes to mode requests; the test does it */
    bool answers_nothing;                 /* takes questions of H.243, and is silent */
    bool opens;                           /* opens its channel once MSD and capabilities are done */
    bool opens_plain;                     /* ... without protection whatever was agreed */
    bool is_mute;                         /* answers nothing any more */
    bool gives_way;                       /* knows H.239: gives the token back when asked */
    const char *password;                 /* for H.243 to ask; NULL: knows no H.243 */
    bool tunnels;                         /* H.245 in call signalling; set before peer_call */
    bool is_early;                        /* ... from the Setup on */
    enum h225_goal goal;                  /* of its Setup */
    uint8_t conference_id[H225_GUID_LEN]; /* zero: 4, 5, 6 */
    bool has_h245_tls;                    /* offers TLS for H.245, or answers with it */
    const struct h225_octets *fast_start; /* offered in Setup */
    size_t fast_start_count, fast_answers;
    bool fast_refused;
    struct {
        uint8_t data[1024];
        size_t len;
    } fast_answer[4]; /* OLCs of the Connect */
    bool dials_fast;  /* the server proposes fast connect to it */
    /* A callee's own part, before it answers as `answers` says. */
    void (*on_setup)(struct peer *p, const struct h225_setup *setup);
    bool has_dtls; /* `dtls` is set up before H.245: fast connect negotiates on it */
    peer_tamper_fn tamper_olc, tamper_ack;
    peer_tamper_tcs_fn tamper_tcs;
    bool ack_other_address;

    /* Called by the server: see world_callee. */
    bool answers_calls;
    enum callee_answer answers;
    bool hides_h245; /* no address in Connect */
    bool asks_h245;  /* ... but one in a Facility behind it */
    bool is_refused_tcp, is_unreachable;
    struct h225_facility forward;
    unsigned forwards;   /* so often, then it connects */
    unsigned facilities; /* callForwarded heard as a caller */
    struct h225_facility facility;
    struct {
        bool came;
        unsigned setups;
        uint8_t conference_id[H225_GUID_LEN];
        char alias[64], source[64], display[64];
        enum h225_goal goal;
        struct addr destination, source_address, h245;
        uint8_t call_id[H225_GUID_LEN];
    } seen;

    bool is_connected, is_released, has_h245, is_master, msd_done, has_caps, caps_acked;
    struct h225_release release;
    struct h245_peer_caps caps; /* the server's */
    uint16_t in_lcn, out_lcn;   /* 0: none */
    bool in_open, out_open;
    struct h245_audio in_audio;
    struct addr server_media; /* from its Ack */
    uint8_t ack_payload_type; /* in its Acks; 0: none */
    struct addr
        video_media; /* with DTLS, too, video has a port of its own; ADDR_NONE: it has not */
    struct peer_channel channels[PEER_CHANNELS_MAX];
    size_t protected_entries; /* of the newest set, all alike: T-SAME */
    size_t tcs_count;         /* sets that came */
    bool paused;              /* by the server */
    unsigned fast_updates;    /* videoFastUpdatePicture that came, and for which channel */
    uint16_t updated_lcn;
    unsigned seconds; /* audio channels beside one that was open */
    bool was_refused;
    enum h245_olc_cause refused_cause;
    unsigned closed_in, closed_out;
    bool end_session;
    struct { /* of the small procedures of H.245 */
        uint8_t number;
        unsigned passwords, watch_answers;
        bool may_watch;
        unsigned joined, left, chair_answers, list, tokens, owners, modes, mode_requests;
        bool is_chair, has_token;
        enum h245_mode_answer mode;
        enum h245_codec audio_mode;     /* of the newest request; H245_CODEC_UNKNOWN: none */
        struct h245_relayed video_mode; /* len 0: none */
        char keys[16];
    } heard;
    uint16_t flow_lcn;             /* of the newest FlowControlCommand */
    uint32_t flow_rate;            /* in 100 bit/s; UINT32_MAX: no restriction */
    bool h245_closed, h225_closed; /* by the server */
};

struct world {
    uint64_t now;
    /* Sees each H.245 message of a connection of its own before it is delivered; may be NULL. */
    void (*tap)(struct peer *p, bool to_server, const uint8_t *data, size_t len);
    bool is_tls; /* sessions from now on have call signalling by TLS */
    struct timer_set timers;
    struct settings *settings;
    struct session_env env;
    struct session_ops ops;
    struct conferences *conferences;
    struct h23510_identity server_id, peer_id;
    struct peer peers[WORLD_PEERS_MAX];
    size_t peer_count;
    struct media_port ports[WORLD_PORTS_MAX];
    size_t port_count;
    int open_result; /* of media open */
    struct media_mix mixes[WORLD_MIXES_MAX];
    size_t mix_count;
    unsigned workers;  /* of the data plane; 0: one */
    int mix_result;    /* of on_opened of mixes */
    bool hold_ports;   /* on_opened does not come until this is cleared */
    int listen_result; /* of h245_listen */
    unsigned listens, connects, dials;
    bool keeps_connections;   /* h225_connect finds one that is there */
    struct addr connected_to; /* by the newest h245_connect */
    struct addr dialled;      /* by the newest h225_connect */
    uint32_t random;
    char events[WORLD_EVENTS_MAX][48];
    char events_data[WORLD_EVENTS_MAX][240]; /* JSON, keys sorted, cut */
    size_t event_count;
    char last_event_data[1024];
    struct packet *queue; /* messages on their way */
    size_t queue_head, queue_tail;
};

/* `dtls` is the listener's policy; conference "demo" with both G.711 variants. */
struct world *world_create(enum settings_dtls dtls);
void world_destroy(struct world *w);

/* A peer with the usual gifts: DTLS, A-law and u-law, opens its channel. */
struct peer *world_peer(struct world *w);
/* A peer to be called, with a session of the server's that is ready for session_dial. */
struct peer *world_callee(struct world *w);
/* The server calls it into "demo", as alias "bert"; the result is session_dial's. */
int world_dial(struct world *w, struct peer *p);
/* Its call to an alias begins, with goal and conferenceID as set in it; nothing is delivered before
 * world_run. */
void peer_call(struct peer *p, const char *alias);

/* Delivers messages and what the data plane has to say until nothing moves. */
void world_run(struct world *w);
/* Takes the newest message off the wire; returns its length, 0 when there is none. */
size_t world_take(struct world *w, uint8_t *data, size_t cap);
/* Lets time pass, timers included. */
void world_pass(struct world *w, uint64_t ms);

/* What the shard would report about a session's port. */
struct media_port *world_port(struct world *w, const struct peer *p);
void world_keyed(struct world *w, struct peer *p);
void world_dtls_failed(struct world *w, struct peer *p, enum dtls_failure why);
void world_first_packet(struct world *w, struct peer *p, unsigned direction);
/* An ICE check from there was nominated. */
void world_selected(struct world *w, struct peer *p, const char *from);
void world_lose_data_plane(struct world *w);

/* What the data plane would say of mixes. `port` NULL: nobody, or the whole mix. */
void world_speaker(struct media_mix *mix, struct media_port *port);
void world_digit(struct media_mix *mix, struct media_port *port, char digit);
/* An announcement or a recording ends; false when there is none there. */
bool world_played(struct media_mix *mix, struct media_port *port, int err);
bool world_recorded(struct media_mix *mix, struct media_port *port, int err);
/* Members now; the mix of a conference by its id, NULL when there is none open. */
size_t world_mix_members(const struct media_mix *mix);
struct media_mix *world_mix(struct world *w, const char *conference);

/* Octets on the wires, past the peer's engines. */
void peer_send_h225(struct peer *p, const void *data, size_t len);
void peer_send_h245(struct peer *p, const void *data, size_t len);

void peer_open(struct peer *p, enum h245_codec codec);
/* Before peer_call: fast connect negotiates on `dtls`, H.245 goes on with it. */
void peer_init_dtls(struct peer *p);
/* Any channel: lcn is filled in; media_control where it is not set. Protected when both sides can
 * and not opens_plain. Returns the number. */
uint16_t peer_open_channel(struct peer *p, struct h245_channel *c);
/* Video or data of the peer's own capability `name`, session 2 or 3. */
uint16_t peer_open_relayed(struct peer *p, const char *name);
void peer_close_channel(struct peer *p, uint16_t lcn);
/* Asks the server to close a channel of its own (H.245 C.8). */
void peer_ask_to_close(struct peer *p, uint16_t lcn);
/* A generic video codec that the server has no name for, with `levels` parameters. */
void peer_unknown_video(struct h245_relayed *out, unsigned levels);
/* The channel that is or was to be open; NULL. */
struct peer_channel *peer_channel(struct peer *p, enum h245_media kind,
                                  enum h245_direction direction);
/* A capability that it receives from peer_call on: "H261", "H263", "H264". */
/* It can do data, of this stack. Its own bidirectional OLC, whoever is master. */
void peer_add_data(struct peer *p, enum h245_data_stack stack);
void peer_open_data(struct peer *p, bool is_protected, bool has_reverse);
void peer_close_data(struct peer *p, enum h245_direction direction);

void peer_add_video(struct peer *p, const char *name);
/* Its capabilities, again or changed; count 0 of all: the empty set. */
void peer_send_capabilities(struct peer *p);
void peer_send_empty_capabilities(struct peer *p);
void peer_send_fast_update(struct peer *p, uint16_t lcn);
void peer_send_flow_control(struct peer *p, uint16_t lcn, uint32_t rate);
void peer_close(struct peer *p);
void peer_hang_up(struct peer *p);
/* The connection that it asked for with Facility(startH245) is there. */
void peer_h245_begin(struct peer *p);

bool world_has_event(const struct world *w, const char *type);
size_t world_events(const struct world *w, const char *type);
/* Is there an event of this type that has `text` in its data (compact JSON, keys sorted)? */
bool world_said(const struct world *w, const char *type, const char *text);
/* Ports not closed. */
size_t world_open_ports(const struct world *w);

#endif
