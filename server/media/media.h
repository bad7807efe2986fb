/* Media ports: a session's place on the data plane, and the DTLS association that keys it.
 *
 * A port is one transport of sluice-dp (mode DTLS-SRTP or pass), or a pair of them (plain RTP and
 * RTCP on an even port and the next). The session sees only this interface; the real one
 * (media_link.c) speaks to the data plane and to the shards, tests bring their own.
 *
 *   open → on_opened → set_remote, associate → on_established, on_keyed → close → on_closed
 *
 * The local address is known from open on. close may come at any time; on_closed follows once, and
 * no other callback after it. Callbacks never come from inside the operations. Main thread. */
#ifndef SERVER_MEDIA_H
#define SERVER_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "crypto/dtls.h"
#include "link/link_msg.h"
#include "server/data/data_hub.h"

struct media_port;

enum media_kind {
    MEDIA_DTLS_SRTP,
    MEDIA_PLAIN_RTP,
    MEDIA_PASS, /* DTLS and SRTP of two peers, unopened: no association, no keys (C-PASS) */
    /* Data channels alone, not through the data plane (server/media/wires.h): they are terminated.
     */
    MEDIA_DATA_TCP,  /* tcp-dtls-sctp: the port is a TCP port */
    MEDIA_DATA_SCTP, /* sctp-dtls */
};

struct media_request {
    enum media_kind kind;
    uint8_t family;    /* enum addr_family of the peer */
    struct addr local; /* MEDIA_DATA_…: of ours, where the socket is bound; its port is not used */
    uint32_t place;    /* ports with the same number live on one worker while it has room */
    uint8_t dscp;
    bool is_lab;         /* report the keys: lab transports only */
    bool ends_rtcp;      /* RTCP ends in the data plane whatever media.own_rtcp says: needed where
                          * media do not simply cross (mixes, `forward`) */
    bool is_by_sdp;      /* its remote is moved by ICE, not by settings.media.latch */
    const char *session; /* ids as text, for a sluiced that comes back */
    const char *conference;
};

/* What the peer's ICE checks are made with; texts. */
struct media_ice {
    char ufrag[16];
    char password[32];
};

#define MEDIA_ROUTES_MAX LINK_ROUTES_MAX
#define MEDIA_PT_ANY     LINK_PT_ANY

struct media_route {
    struct media_port *to;
    uint8_t pt_in;  /* MEDIA_PT_ANY: all that no row before it took */
    uint8_t pt_out; /* MEDIA_PT_ANY: as it came */
    uint8_t lane;   /* rows of one lane are one stream to the receiver */
    bool is_video;
    uint32_t clock_rate; /* Hz, 0: as the payload type says */
};

/* A row of a port's list of receivers (media_ops.forward): packets of payload type `pt_in` go to
 * `to` as one stream of its own SSRC, sequence numbers and timestamps. */
struct media_receiver {
    struct media_port *to;
    uint8_t pt_in;  /* MEDIA_PT_ANY: all */
    uint8_t pt_out; /* MEDIA_PT_ANY: as it came */
    /* Names the stream that `to` sees, 0..MEDIA_LANE_MAX: rows of one lane to one port are one
     * stream, whoever is behind it, also after media_ops.switch_source. Kind `forward` gives each
     * source a lane of its own; video that is switched has always the same. Lanes are common to
     * this and to struct media_route. */
    uint8_t lane;
    bool is_video;       /* a new source is asked for a key frame (PLI) and the marker left alone */
    uint32_t clock_rate; /* Hz, 0: as the payload type says */
    enum link_key key;   /* a new source is seen from its key frame on, the one before until then */
};

#define MEDIA_LANE_MAX 254u
#define MEDIA_LANE_MIX 255u /* what a port hears of its mix */

/* How a recording or a capture ended. */
struct media_file_end {
    const char *file; /* as it was asked for */
    uint64_t bytes;   /* of the file */
    uint32_t ms;      /* of audio; 0 for a capture */
    uint64_t dropped; /* blocks of 20 ms, or packets, that the writer had no room for */
    int err;          /* 0: stopped, or at its limit; else why it ended before its time */
    const char *why;  /* text of that; "" when err is 0 */
};

/* What becomes of the records of a port's data channel. */
enum media_data_mode {
    MEDIA_DATA_NONE,      /* there is no channel */
    MEDIA_DATA_TERMINATE, /* SCTP ends here, see data_hub.h */
    MEDIA_DATA_RELAY, /* SCTP goes unchanged to the association of another port, which does as much
                       */
};

struct media_data {
    enum media_data_mode mode;
    const struct media_port *to;      /* RELAY; NULL: not there yet */
    struct data_member_config member; /* TERMINATE; id and shard are the port's business */
};

struct media_established {
    enum srtp_profile profile;
    const char *cipher;
    const struct fingerprint *peer;
    uint32_t handshake_ms;
    bool is_resumed;                          /* X-RESUME: an abbreviated handshake */
    const struct srtp_master *local, *remote; /* lab transports; else NULL */
};

struct media_callbacks {
    void (*on_opened)(void *owner, int err); /* err != 0: close it */
    void (*on_established)(void *owner, const struct media_established *e);
    void (*on_keyed)(void *owner);
    /* The association is dead; the port is not: close it. */
    void (*on_failed)(void *owner, enum dtls_failure why, const char *text);
    void (*on_peer_closed)(void *owner);
    void (*on_data)(void *owner, const struct data_report *report); /* may be NULL */
    void (*on_stranger)(void *owner, const struct addr *from, uint64_t count);
    void (*on_event)(void *owner, unsigned link_type, const struct link_event *event);
    /* The data plane went away, or closed the transport by itself; close the port. */
    void (*on_gone)(void *owner, const char *why);
    /* After close; `final` may be all zero. The port is freed afterwards. */
    void (*on_closed)(void *owner, const struct link_transport_stats *final);
    /* A capture has ended, by stop_capture, its limit, a full disk, a refusal of the data plane or
     * the port's close: once for each that returned 0, before on_closed. May be NULL. */
    void (*on_captured)(void *owner, const struct media_file_end *end);
};

/* ---- mixes ----
 *
 * A mix is a room of the data plane: it decodes what its members say, mixes the loudest of them,
 * and sends to each what the others say. Members are open ports; they must have been opened with
 * the same `place` as the mix. Only the audio of the payload types in a member's `rx` (and its
 * telephone-events) goes to the mixer; all else that arrives on the port follows `route` or
 * `forward` as ever.
 *
 *   mix_open → on_opened → mix_join, mix_leave, mix_play, mix_record … → mix_close → on_closed
 *
 * Commands may come before on_opened: they are kept and sent then. What the data plane refuses is
 * told by on_refused, of files by their end; nothing of the mix changes by that. A port that closes
 * leaves by itself. Callbacks never come from inside the operations. Main thread. */
struct media_mix;

struct media_mix_request {
    uint32_t place;         /* as media_request.place: the worker */
    const char *conference; /* id as text, for a sluiced that comes back */
    uint32_t rate;        /* 8000, 16000 or 48000 Hz: the best that any member can hear is enough */
    unsigned members_max; /* 1..1024 */
    unsigned loudest;     /* so many are mixed; 0 = all */
};

struct media_mix_member {
    struct {
        uint8_t pt;
        enum link_codec codec;
    } rx[LINK_CODECS_MAX]; /* what the member may send, as negotiated for its channel to us */
    unsigned rx_count;     /* 0: it only listens */
    uint8_t event_pt;      /* telephone-event from it; MEDIA_PT_ANY: none */
    uint16_t event_clock;  /* of its durations, in Hz; 0: 8000 */
    uint8_t tx_pt;
    enum link_codec tx_codec;              /* LINK_CODEC_NONE: it is sent nothing */
    uint8_t ptime;                         /* ms of audio in a packet to it: 20, 40, 60; 0: 20 */
    int8_t gain_db;                        /* of what it says, -40..20 */
    bool is_muted;                         /* the others do not hear it */
    bool is_deaf;                          /* it is sent silence */
    uint16_t jitter_min_ms, jitter_max_ms; /* bounds; it adapts. Maximum 0: 200 */
};

struct media_mix_callbacks {
    /* err ERR_LIMIT: the worker has all the rooms of data_plane.max_mixes. err != 0: close it. */
    void (*on_opened)(void *owner, int err);
    /* Active speaker, with hysteresis; NULL: nobody since long, or it left. */
    void (*on_speaker)(void *owner, struct media_port *port);
    /* A telephone-event has ended (or lasted for 5 s): 0-9 * # A-D, once per key. */
    void (*on_digit)(void *owner, struct media_port *port, char digit, uint32_t ms);
    /* An announcement has ended: by itself, by mix_stop_play or another mix_play, or because the
     * file is missing or no WAV file (err, text). Port NULL: it was for all, or for a port that has
     * closed meanwhile: the file's name tells which. */
    void (*on_played)(void *owner, struct media_port *port, const char *file, int err,
                      const char *why);
    /* A recording has ended; once for each mix_record that returned 0, also when the data plane
     * refuses it (err). Port NULL: the whole mix, or a port that has closed meanwhile: the file's
     * name tells which. */
    void (*on_recorded)(void *owner, struct media_port *port, const struct media_file_end *end);
    /* LINK_MIX_JOIN was refused: ERR_LIMIT (mix full), ERR_UNSUPPORTED (codec, ptime), ERR_EXISTS
     * (in another mix), ERR_RANGE (port on another worker), ERR_NOTFOUND (port closed meanwhile).
     * Files that are refused end: on_played, on_recorded. */
    void (*on_refused)(void *owner, struct media_port *port, enum link_type what, int err);
    /* The data plane went away, or closed the mix by itself; close it. */
    void (*on_gone)(void *owner, const char *why);
    /* After mix_close, when its recordings have been told (3 s at most); freed afterwards. */
    void (*on_closed)(void *owner);
};

struct media_ops {
    /* ERR_CLOSED: no data plane; ERR_LIMIT: no port free; ERR_NOTFOUND: no address of the family;
     * ERR_NOMEM. */
    int (*open)(void *media, const struct media_request *request,
                const struct media_callbacks *callbacks, void *owner, struct media_port **out);
    /* Address of the port; media_control of a plain one is the port above. */
    struct addr (*local)(const struct media_port *port);
    /* Where the peer's media come from and go to. `rtcp` is used by plain ports alone. */
    int (*set_remote)(struct media_port *port, const struct addr *rtp, const struct addr *rtcp);
    /* Ports of SCTP, of a MEDIA_DATA_SCTP; before associate. ERR_INVAL. */
    int (*sctp_ports)(struct media_port *port, uint16_t local, uint16_t remote);
    /* Start DTLS, once (D-ONCE): ERR_EXISTS when done before. set_remote comes first. The peer's
     * certificate has one of `count` fingerprints, all by one hash (RFC 8122 5.1); a port for data
     * alone takes the first. ERR_LIMIT: more than 1 + FINGERPRINT_OTHERS_MAX, or none. */
    int (*associate)(struct media_port *port, bool is_active, const struct fingerprint *peer,
                     size_t count);
    /* Answer ICE's checks with these credentials, for ports that are not plain; on_event says
     * LINK_ICE_SELECTED, with the address that is the remote from then on. Again: a restart. */
    int (*ice)(struct media_port *port, const struct media_ice *ice);
    /* Where the media that arrive on `from` go: by the first row that fits, in the place of the
     * rows of before; no row: nowhere. RTCP goes to the port of the first row. ERR_STATE: a port is
     * not open; ERR_LIMIT: more than MEDIA_ROUTES_MAX. */
    int (*route)(struct media_port *from, const struct media_route *rows, size_t count);
    /* The same for many receivers: every packet goes to all rows that fit it. In place of the rows
     * of before; those that stay the same are not touched, so that their streams go on without a
     * key frame being asked for. Also in place of `route`, and the reverse: a port has one of the
     * two. RTCP is not passed on: open the ports with `ends_rtcp`. ERR_STATE: a port is not open;
     * ERR_LIMIT: more than LINK_RECEIVERS_MAX; ERR_INVAL: lane; ERR_NOMEM. */
    int (*forward)(struct media_port *from, const struct media_receiver *rows, size_t count);
    /* The stream that `row` names (to, lane) comes from `from` now, no more from `before` (NULL or
     * closed: from nobody): one step, without a gap in the receiver's numbers, and `from` is asked
     * for a key frame if it is video, until which, with row->key, `before` is seen. As forward()
     * with the row taken from one and put to the other, and both remember it so: what forward() was
     * told last of other rows stays. */
    int (*switch_source)(struct media_port *from, struct media_port *before,
                         const struct media_receiver *row);
    /* `from`, which a switch_source() has named as `before`, must not be seen until the key frame
     * of its successor, but no more from now on. ERR_STATE. */
    int (*let_go)(struct media_port *from, const struct media_receiver *row);
    /* What becomes of its records of data, from now on; again: a change. Before associate where
     * that is possible: a peer without SRTP is only taken where data are expected. ERR_INVAL: not a
     * port with DTLS. */
    int (*data)(struct media_port *port, const struct media_data *data);
    /* A message on a terminated channel: to this port's peer, or (NULL) to a room. It has taken
     * over the octets when it returns 0. ERR_STATE: nothing is terminated there now; ERR_AGAIN. */
    int (*data_send)(void *media, const struct media_port *port,
                     const struct data_message *message);
    /* Counters now. ERR_CLOSED, ERR_NOTFOUND. */
    int (*stats)(struct media_port *port, struct link_transport_stats *stats);
    /* May the port join a mix of this `place`: are both on one worker? */
    bool (*is_near)(const struct media_port *port, uint32_t place);
    void (*close)(struct media_port *port);

    /* Decrypted RTP and RTCP of a port, both ways, into a new pcap file of the data plane's
     * directory for recordings, mode 0600; for fault-finding, with the operator's explicit wish.
     * `seconds` 0: as long as the configuration allows. Ends with on_captured. ERR_STATE,
     * ERR_INVAL (a name with '/' or too long), ERR_EXISTS. Later refusals come by on_captured. */
    int (*capture)(struct media_port *port, const char *file, uint32_t seconds);
    int (*stop_capture)(struct media_port *port);

    /* ERR_CLOSED: no data plane, ERR_INVAL, ERR_NOMEM. */
    int (*mix_open)(void *media, const struct media_mix_request *request,
                    const struct media_mix_callbacks *callbacks, void *owner,
                    struct media_mix **out);
    /* Join; again: change what is said here, without a click. ERR_STATE: the port is not open, or
     * the mix is closing; ERR_EXISTS: in another mix; ERR_INVAL; ERR_NOMEM. */
    int (*mix_join)(struct media_mix *mix, struct media_port *port,
                    const struct media_mix_member *member);
    /* ERR_NOTFOUND: no member. */
    int (*mix_leave)(struct media_mix *mix, struct media_port *port);
    /* A WAV file of the data plane's directory for announcements, to one member or to all (port
     * NULL), in place of what plays there. ERR_INVAL: the name; ERR_NOTFOUND; ERR_STATE. */
    int (*mix_play)(struct media_mix *mix, struct media_port *port, const char *file);
    int (*mix_stop_play)(struct media_mix *mix, struct media_port *port);
    /* What a member says, or what all say (port NULL), into a new WAV file of the data plane's
     * directory for recordings, mode 0600; `seconds` as for capture. ERR_EXISTS: records already.
     */
    int (*mix_record)(struct media_mix *mix, struct media_port *port, const char *file,
                      uint32_t seconds);
    int (*mix_stop_record)(struct media_mix *mix, struct media_port *port);
    /* Counters now; those of a member are in the port's stats (mix_…). ERR_CLOSED, ERR_NOTFOUND. */
    int (*mix_stats)(struct media_mix *mix, struct link_mix_stats *stats);
    void (*mix_close)(struct media_mix *mix);
};

#endif
