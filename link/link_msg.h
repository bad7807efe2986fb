/* Messages between sluiced (control) and sluice-dp (data plane).
 *
 * One fixed-size message a ring slot, both ways. Both processes run on one machine: integers are
 * in host order, addresses in network order. The layout is a contract that is checked at attach
 * (LINK_VERSION and the sizes of the structs): change anything here and raise LINK_VERSION. */
#ifndef LINK_LINK_MSG_H
#define LINK_LINK_MSG_H

#include <stdint.h>

#define LINK_VERSION       7u
#define LINK_SLOT_SIZE     2048u /* bytes of a message */
#define LINK_DTLS_MAX      1920u /* longest datagram in a message */
#define LINK_TAG_SIZE      48u   /* session or conference id with its terminating zero */
#define LINK_ROUTES_MAX    8u    /* rows of a routing table */
#define LINK_RECEIVERS_MAX 1024u /* rows of a transport's list of receivers */
#define LINK_WORKERS_MAX   32u
#define LINK_PRODUCERS_MAX 32u
#define LINK_LOCALS_MAX    16u
#define LINK_CODECS_MAX    4u    /* payload types that a member of a mix may send */
#define LINK_FILE_SIZE     96u   /* name of a file with its terminating zero, no directory */
#define LINK_PT_ANY        0xffu /* as payload type in: any; as payload type out: unchanged */

/* IP address and UDP port. family 0: unset. */
struct link_addr {
    uint8_t family; /* 4, 6 or 0 */
    uint8_t reserved;
    uint16_t port;  /* host order */
    uint8_t ip[16]; /* network order; IPv4 uses the first four bytes, the others are zero */
};

/* Names a transport for its whole life. `index` holds the worker (top 8 bits) and the place in its
 * pool; `generation` tells it from an earlier transport in the same place and is never 0. */
struct link_id {
    uint32_t index;
    uint32_t generation;
};

static inline unsigned link_id_worker(struct link_id id)
{
    return id.index >> 24;
}

/* Commands and datagrams go down, replies and events come up. Every command is answered with one
 * LINK_REPLY that carries its cookie; DTLS_TX is not answered (DTLS has its own timers). */
#define LINK_TYPE_LIST(X)                           \
    X(LINK_TRANSPORT_OPEN, 1, "transport_open")     \
    X(LINK_TRANSPORT_CLAIM, 2, "transport_claim")   \
    X(LINK_TRANSPORT_REMOTE, 3, "transport_remote") \
    X(LINK_TRANSPORT_CLOSE, 4, "transport_close")   \
    X(LINK_KEYS_SET, 5, "keys_set")                 \
    X(LINK_KEYS_CLEAR, 6, "keys_clear")             \
    X(LINK_ROUTE_SET, 7, "route_set")               \
    X(LINK_ROUTE_CLEAR, 8, "route_clear")           \
    X(LINK_DTLS_TX, 9, "dtls_tx")                   \
    X(LINK_RECEIVER_ADD, 10, "receiver_add")        \
    X(LINK_RECEIVER_REMOVE, 11, "receiver_remove")  \
    X(LINK_SOURCE_SWITCH, 12, "source_switch")      \
    X(LINK_TRANSPORT_PAIR, 13, "transport_pair")    \
    X(LINK_MIX_OPEN, 14, "mix_open")                \
    X(LINK_MIX_CLAIM, 15, "mix_claim")              \
    X(LINK_MIX_CLOSE, 16, "mix_close")              \
    X(LINK_MIX_JOIN, 17, "mix_join")                \
    X(LINK_MIX_LEAVE, 18, "mix_leave")              \
    X(LINK_MIX_PLAY, 19, "mix_play")                \
    X(LINK_MIX_PLAY_STOP, 20, "mix_play_stop")      \
    X(LINK_MIX_RECORD, 21, "mix_record")            \
    X(LINK_MIX_RECORD_STOP, 22, "mix_record_stop")  \
    X(LINK_ICE_SET, 24, "ice_set")                  \
    X(LINK_CAPTURE, 25, "capture")                  \
    X(LINK_CAPTURE_STOP, 26, "capture_stop")        \
    X(LINK_TRANSPORT_DATA, 27, "transport_data")    \
    X(LINK_REPLY, 64, "reply")                      \
    X(LINK_DTLS_RX, 65, "dtls_rx")                  \
    X(LINK_FIRST_PACKET, 66, "first_packet")        \
    X(LINK_MEDIA_TIMEOUT, 67, "media_timeout")      \
    X(LINK_REMOTE_MISMATCH, 68, "remote_mismatch")  \
    X(LINK_REMOTE_LATCHED, 69, "remote_latched")    \
    X(LINK_TRANSPORT_GONE, 70, "transport_gone")    \
    X(LINK_MIX_SPEAKER, 71, "mix_speaker")          \
    X(LINK_MIX_DIGIT, 72, "mix_digit")              \
    X(LINK_MIX_PLAYED, 73, "mix_played")            \
    X(LINK_MIX_RECORDED, 74, "mix_recorded")        \
    X(LINK_MIX_GONE, 75, "mix_gone")                \
    X(LINK_ICE_SELECTED, 76, "ice_selected")        \
    X(LINK_CAPTURED, 77, "captured")

/* The commands of one sort lie together; what lies between them and LINK_REPLY is not one. */
#define LINK_COMMAND_LAST LINK_TRANSPORT_DATA

enum link_type {
#define LINK_TYPE_ENUM(name, value, text) name = (value),
    LINK_TYPE_LIST(LINK_TYPE_ENUM)
#undef LINK_TYPE_ENUM
};

/* What a transport carries. */
#define LINK_MODE_LIST(X)                                                            \
    X(LINK_MODE_DTLS_SRTP, 1, "dtls-srtp") /* DTLS, SRTP, SRTCP, STUN on one port */ \
    X(LINK_MODE_RTP, 2, "rtp")             /* plain RTP alone: the even port */      \
    X(LINK_MODE_RTCP, 3, "rtcp")           /* plain RTCP alone: the odd port */      \
    X(LINK_MODE_PASS, 4, "pass")           /* DTLS, SRTP, SRTCP to and from another of the mode */

enum link_mode {
#define LINK_MODE_ENUM(name, value, text) name = (value),
    LINK_MODE_LIST(LINK_MODE_ENUM)
#undef LINK_MODE_ENUM
};

/* LINK_MODE_PASS (C-PASS): two peers that verify each other's certificates have the server between
 * them. Every datagram leaves on the first row's transport as it came; keys and datagrams of
 * sluiced's own are refused, so that nothing here could open or forge what passes. A row has no
 * payload types (the header is authenticated between the peers), and nothing crosses between this
 * mode and another. The source is held against the remote, DTLS is bounded by rate. */

/* Learn the remote address from the first packet that authenticates, once (H-LATCH; only with
 * LINK_MODE_DTLS_SRTP). Without it media come from the address that signalling named or are
 * dropped and counted (remote_mismatch). */
#define LINK_FLAG_LATCH 1u

/* RTCP ends here: the data plane makes its own reports on this transport, takes the peer's in and
 * passes on only what means somebody else, translated. Without it RTCP goes where the table's
 * `rtcp` says, untouched: two parties that see each other's SSRCs report to each other. */
#define LINK_FLAG_REPORTS 2u

/* IANA numbers of the DTLS-SRTP protection profiles (RFC 5764, RFC 7714). */
enum link_profile {
    LINK_PROFILE_CM_SHA1_80 = 1,
    LINK_PROFILE_CM_SHA1_32 = 2,
    LINK_PROFILE_GCM_128 = 7,
    LINK_PROFILE_GCM_256 = 8,
};

/* LINK_TRANSPORT_OPEN, sent to the worker that shall own the transport (link_port_open). The
 * reply's `transport` and `generation` name the new transport. Errors: ERR_EXISTS (port in use),
 * ERR_RANGE (port or local address out of range), ERR_LIMIT (pool empty), ERR_INVAL. */
struct link_open {
    uint8_t local;               /* index into the local addresses of the welcome */
    uint8_t mode;                /* enum link_mode */
    uint8_t producer;            /* who gets the DTLS records and events: 0 main, 1… shards */
    uint8_t dscp;                /* 0..63, for every packet sent */
    uint16_t port;               /* local UDP port, inside the welcome's range */
    uint16_t flags;              /* LINK_FLAG_… */
    struct link_addr remote;     /* may be unset: media are refused until LINK_TRANSPORT_REMOTE */
    char session[LINK_TAG_SIZE]; /* ids as text, for a sluiced that comes back */
    char conference[LINK_TAG_SIZE];
};

/* LINK_TRANSPORT_CLAIM: a sluiced that re-attached takes a transport over. */
struct link_claim {
    uint8_t producer;
};

/* LINK_KEYS_SET: sent only when the peer's certificate matched the signalled fingerprint
 * (D-VERIFY). Before it SRTP in both directions is dropped and counted. Replaces older keys. */
struct link_keys {
    uint16_t profile;    /* enum link_profile */
    uint8_t key_length;  /* 16 or 32 */
    uint8_t salt_length; /* 14 or 12 */
    uint8_t reserved[4];
    uint8_t rx_key[32];
    uint8_t rx_salt[16];
    uint8_t tx_key[32];
    uint8_t tx_salt[16];
};

/* LINK_ROUTE_SET: where the media that arrive on `transport` go. The first row that matches wins;
 * no row: dropped and counted (no_route). Replaces the whole table. */
struct link_route {
    struct link_id to;
    uint8_t pt_in;  /* 0..127 or LINK_PT_ANY */
    uint8_t pt_out; /* 0..127 or LINK_PT_ANY (unchanged) */
    uint8_t reserved[2];
};

struct link_routes {
    uint32_t count;      /* rows in use, at most LINK_ROUTES_MAX */
    struct link_id rtcp; /* where RTCP goes; generation 0: nowhere */
    struct link_route row[LINK_ROUTES_MAX];
};

/* Receivers: a transport's list of places that each get every packet that arrives on it and
 * matches their row. While the list is not empty the transport's table is not looked at for RTP.
 *
 * LINK_RECEIVER_ADD puts a row in (one with the same `to`, ssrc_in, ssrc_out and pt_in is replaced
 * and goes on as before); LINK_RECEIVER_REMOVE takes out all rows with the same `to` and ssrc_out,
 * ERR_NOTFOUND when there is none. LINK_ROUTE_CLEAR empties the list too. ERR_LIMIT: list full.
 *
 * With ssrc_out set the row is translated: the receiver sees one stream with that SSRC, whatever
 * is behind it. Sequence numbers go on without a gap and timestamps by the time that passed when
 * another source takes over; what the one before sends later is dropped (source_late). */
struct link_receiver {
    struct link_id to;
    uint32_t ssrc_in;    /* 0: any; one at a time if translated */
    uint32_t ssrc_out;   /* 0: SSRC, sequence numbers and timestamps unchanged */
    uint32_t clock_rate; /* Hz of the timestamps; 0: that of the static payload type */
    uint8_t pt_in;       /* 0..127 or LINK_PT_ANY */
    uint8_t pt_out;      /* 0..127 or LINK_PT_ANY (unchanged) */
    uint16_t flags;      /* LINK_RECEIVER_… */
};

/* The marker ends a frame, so that a switch does not set it; the new source is asked for a key
 * frame instead. Without it: audio, the marker begins a talkspurt (RFC 3551 section 4.1). */
#define LINK_RECEIVER_VIDEO 1u

/* The payload's format in the flags (0: not looked at): a row that is new takes its stream over at
 * the first packet of a key frame, or of whatever comes when the data plane has waited as long as
 * it is configured to. Until then its packets are dropped (source_waits) and the source is asked
 * for the key frame. */
#define LINK_RECEIVER_KEY(format)   ((uint16_t)((unsigned)(format) << 4))
#define LINK_RECEIVER_KEY_OF(flags) (((unsigned)(flags) >> 4) & 15u)

enum link_key {
    LINK_KEY_NONE,
    LINK_KEY_H264,      /* RFC 6184, RFC 3984 */
    LINK_KEY_H263,      /* RFC 2190 */
    LINK_KEY_H263_PLUS, /* RFC 4629 */
    LINK_KEY_H265,      /* RFC 7798, without DONL */
    LINK_KEY_COUNT,
};

/* LINK_SOURCE_SWITCH, sent to the source that comes: its packets feed the receiver from now on,
 * those of `from` (generation 0: nobody's) no more. One step when both are on one worker; ERR_RANGE
 * when not: then add and remove, in this order. With LINK_RECEIVER_KEY the rows of `from` feed the
 * receiver until the new one takes over. */
struct link_switch {
    struct link_id from;
    struct link_receiver receiver; /* ssrc_out must be set */
};

/* LINK_TRANSPORT_PAIR, sent to a plain RTP transport: `rtcp` is its RTCP transport, where its
 * reports leave and the peer's arrive. Both on one worker, or ERR_RANGE. */
struct link_pair {
    struct link_id rtcp;
};

/* LINK_ICE_SET: the transport is the one candidate of an ICE-lite agent (RFC 8445 section 2.7):
 * binding requests whose user name begins with `ufrag` and whose MESSAGE-INTEGRITY was made with
 * `password` are answered; the address that the peer nominates becomes the remote
 * (LINK_ICE_SELECTED). Again: a restart with other credentials. Not
 * with LINK_FLAG_LATCH: what a check proves needs no guess. ERR_INVAL: lengths, plain transport. */
#define LINK_UFRAG_MAX    32u
#define LINK_PASSWORD_MAX 64u

struct link_ice {
    uint8_t ufrag_length;    /* 4… */
    uint8_t password_length; /* 22… */
    uint8_t reserved[2];
    char ufrag[LINK_UFRAG_MAX];
    char password[LINK_PASSWORD_MAX];
};

/* ---- mixes: rooms whose members' audio is decoded, mixed and sent to each without their own ----
 *
 * A mix is named by a struct link_id of its own, in the messages' `transport` and `generation`; it
 * lives on one worker, and so must the transports of its members. Everything below is addressed to
 * the mix but LINK_CAPTURE(_STOP), which is about a transport. A sluiced that comes back claims
 * (link_claim) or closes mixes as it does transports; those that nobody claims go with the orphans.
 *
 *   OPEN (reply names it) → JOIN, LEAVE, PLAY, RECORD … → CLOSE */

enum link_codec {
    LINK_CODEC_NONE, /* as codec sent: nothing is */
    LINK_CODEC_PCMU,
    LINK_CODEC_PCMA,
    LINK_CODEC_G722, /* clock of its timestamps is 8 kHz, RFC 3551 4.5.2 */
    LINK_CODEC_OPUS, /* RFC 7587: clock 48 kHz */
    LINK_CODECS
};

/* LINK_MIX_OPEN, sent to the worker in the top byte of the message's `transport` with generation
 * 0. ERR_LIMIT: that worker has all the rooms it may have; ERR_INVAL; ERR_NOMEM. */
struct link_mix_open {
    uint32_t rate;        /* 8000, 16000 or 48000: what is mixed at */
    uint16_t members_max; /* 1…: further ones are refused with ERR_LIMIT */
    uint8_t loudest;      /* so many are mixed; 0 = all */
    uint8_t producer;     /* who gets its events */
    char conference[LINK_TAG_SIZE];
};

struct link_codec_row {
    uint8_t payload_type; /* 0..127 */
    uint8_t codec;        /* enum link_codec */
};

#define LINK_MEMBER_MUTED 1u /* is not heard by the others, and is no active speaker */
#define LINK_MEMBER_DEAF  2u /* is sent silence */

/* LINK_MIX_JOIN: `member`'s transport becomes a member, or changes without a click if it is one.
 * RTP of the payload types in `rx` and `event` goes to the mixer after it was authenticated and
 * counted; all else on the transport follows its table or receivers as before (video beside the
 * audio). What is mixed leaves by the same transport with SSRC `ssrc`.
 * ERR_NOTFOUND: no such transport; ERR_RANGE: on another worker; ERR_EXISTS: in another mix;
 * ERR_LIMIT: the mix is full; ERR_UNSUPPORTED: codec or ptime; ERR_INVAL, ERR_NOMEM. */
struct link_mix_member {
    struct link_id member;
    uint32_t ssrc; /* never 0 */
    struct link_codec_row rx[LINK_CODECS_MAX];
    uint8_t rx_count;
    uint8_t event;          /* payload type of telephone-events (RFC 4733), or LINK_PT_ANY: none */
    uint8_t tx_codec;       /* enum link_codec */
    uint8_t tx_type;        /* payload type */
    uint8_t ptime_ms;       /* 20, 40 or 60: audio in a packet sent */
    int8_t gain_db;         /* of what it says, -40..20 */
    uint16_t flags;         /* LINK_MEMBER_… */
    uint16_t jitter_min_ms; /* bounds of the jitter buffer, which adapts; maximum 0: 200 */
    uint16_t jitter_max_ms;
    uint16_t event_clock; /* of the durations of telephone-events, in Hz; 0: 8000 */
};

/* LINK_MIX_LEAVE; also LINK_MIX_PLAY_STOP and LINK_MIX_RECORD_STOP, where generation 0 means the
 * whole mix. ERR_NOTFOUND: no such member, or nothing is played or recorded there. Closing a
 * transport or a mix does all three by itself. */
struct link_mix_target {
    struct link_id member;
};

/* LINK_MIX_PLAY: a WAV file to one member or all (generation 0), in place of what played there.
 * LINK_MIX_RECORD: what a member says, or what all say (the full mix), into a new WAV file.
 * LINK_CAPTURE: decrypted RTP of the message's transport, both ways, into a new pcap file.
 *
 * The names have no '/', and lie in the directories that sluice-dp's configuration names:
 * ERR_UNSUPPORTED when it names none, ERR_INVAL for such a name, ERR_EXISTS when a recording runs
 * there already, ERR_NOTFOUND, ERR_LIMIT: too many files at once. All else shows later and is told
 * by the event that each accepted command ends with (LINK_MIX_PLAYED, LINK_MIX_RECORDED,
 * LINK_CAPTURED), once, with the command's cookie. */
struct link_file {
    struct link_id member;
    uint32_t max_seconds; /* RECORD, CAPTURE: ends by itself; 0 = what the configuration allows */
    uint32_t reserved;
    char name[LINK_FILE_SIZE];
};

/* The events LINK_MIX_…; `member` generation 0: none, or the whole mix. */
struct link_mix_event {
    uint64_t time_ms; /* CLOCK_MONOTONIC */
    struct link_id member;
    uint32_t duration_ms; /* DIGIT: how long the key was down; PLAYED, RECORDED: of audio */
    int32_t error;        /* PLAYED, RECORDED, CAPTURED: 0 or why it ended before its time */
    uint64_t bytes;       /* RECORDED, CAPTURED: size of the file */
    uint64_t dropped;     /* likewise: blocks or packets that the writer had no room for */
    char digit;           /* DIGIT: 0-9 * # A-D */
    char name[LINK_FILE_SIZE];
    char text[LINK_FILE_SIZE]; /* why, for people; empty when it came to its end. Of PLAYED
                                * "replaced" by another, or "stopped", without an error */
};

/* LINK_TRANSPORT_DATA: the transport's association carries data, so that DTLS is no matter of a
 * handshake alone: so many datagrams a second from the remote go up. 0: as before. */
struct link_data {
    uint32_t records_s;
};

/* LINK_DTLS_TX (peer = destination; unset = the transport's remote) and LINK_DTLS_RX (peer =
 * source: not always the signalled remote; control decides, see H-RACE). */
struct link_dtls {
    struct link_addr peer;
    uint16_t length;
    uint16_t reserved;
    uint8_t data[LINK_DTLS_MAX];
};

/* LINK_FIRST_PACKET, LINK_MEDIA_TIMEOUT, LINK_REMOTE_MISMATCH, LINK_REMOTE_LATCHED,
 * LINK_ICE_SELECTED (the remote is `source` now), LINK_TRANSPORT_GONE (closed by the data plane
 * itself: orphan timeout). */
struct link_event {
    uint64_t time_ms;  /* CLOCK_MONOTONIC of the packet, milliseconds */
    uint8_t direction; /* 0 received, 1 sent (LINK_FIRST_PACKET) */
    uint8_t reserved[3];
    uint32_t ssrc;
    struct link_addr source; /* of the packet; unset for one sent */
};

/* Statistics of one transport; all in 64-bit words so that a reader sees whole values. */
struct link_transport_stats {
    /* First line: what arrives. */
    uint64_t rtp_in, rtp_in_bytes, rtcp_in; /* accepted; bytes are RTP packets, header included */
    uint64_t first_in_ms, last_in_ms;       /* CLOCK_MONOTONIC, milliseconds; 0 = never */
    uint64_t lost;    /* expected - received by sequence number, all SSRCs (RFC 3550 A.3) */
    uint64_t jitter;  /* of ssrc_in, RTP time stamp units (RFC 3550 A.8) */
    uint64_t ssrc_in; /* of the last packet */
    /* Second line: what leaves. */
    uint64_t rtp_out, rtp_out_bytes, rtcp_out;
    uint64_t first_out_ms, last_out_ms;
    uint64_t ssrc_out;
    uint64_t dtls_in, dtls_out;
    /* Third line: what is dropped. */
    uint64_t drop_remote;    /* source is not the signalled remote */
    uint64_t drop_keys;      /* media before the keys */
    uint64_t drop_auth;      /* authentication failed */
    uint64_t drop_replay;    /* replayed or too old */
    uint64_t drop_malformed; /* not RTP/RTCP although it looked like it, unknown first byte */
    uint64_t drop_route;     /* nowhere to go */
    uint64_t drop_other;     /* streams exhausted, no neighbour, key used up, DTLS rate */
    uint64_t drop_source;    /* translated: not from the source that is followed now */
    /* Fourth line: what RTCP tells; LINK_FLAG_REPORTS. */
    uint64_t reports_in, reports_out; /* SR and RR taken in, made */
    uint64_t rtt_us;                  /* round trip, last measured; 0 = never */
    uint64_t peer_lost;               /* of what we sent, by the peer's last report on each SSRC */
    uint64_t peer_fraction;           /* likewise in 1/256 since the report before; worst SSRC */
    uint64_t peer_jitter;             /* RTP time stamp units; worst SSRC */
    uint64_t switches;                /* of sources behind what we send */
    uint64_t feedback_in;             /* PLI, FIR, NACK, REMB, transport-cc */
    /* Fifth line: member of a mix, what it says. */
    uint64_t mix_in;        /* packets given to the mixer */
    uint64_t mix_refused;   /* of those: duplicate, empty, too fast, codec error */
    uint64_t mix_late;      /* after their turn to be played */
    uint64_t mix_concealed; /* frames of 20 ms that had to be invented */
    uint64_t mix_delay_ms;  /* of the jitter buffer, now */
    uint64_t mix_talk_ms;   /* speech, in all */
    uint64_t mix_level;     /* now, -dBov: 0 loudest … 127 silence (RFC 6464) */
    uint64_t mix_digits;
    /* Sixth line: what it hears. */
    uint64_t mix_out;      /* packets that the mixer made for it */
    uint64_t mix_out_lost; /* that it did not get because there was no buffer */
    uint64_t mix_reserved[6];
};

/* Statistics of one mix. */
struct link_mix_stats {
    uint64_t members;    /* now */
    uint64_t ticks;      /* of 20 ms, mixed */
    uint64_t ticks_late; /* more than half a tick after their time */
    uint64_t ticks_lost; /* not mixed at all: the worker was away too long */
    uint64_t packets_in, packets_out;
    uint64_t speakers;       /* times that the active speaker changed */
    uint64_t record_dropped; /* blocks of 20 ms that the writer had no room for */
};

/* LINK_REPLY. */
struct link_reply {
    uint16_t command; /* enum link_type that is answered */
    uint8_t reserved[6];
    struct link_transport_stats stats; /* of a transport just closed: final */
};

struct link_msg {
    uint16_t type; /* enum link_type */
    uint16_t reserved;
    int32_t error;      /* LINK_REPLY: 0 or enum err */
    uint32_t transport; /* struct link_id */
    uint32_t generation;
    uint64_t cookie; /* sender's; comes back in the reply */
    union {
        struct link_open open;
        struct link_claim claim;
        struct link_addr remote;
        struct link_keys keys;
        struct link_routes routes;
        struct link_receiver receiver;
        struct link_switch change;
        struct link_pair pair;
        struct link_ice ice;
        struct link_mix_open mix;
        struct link_mix_member member;
        struct link_mix_target target;
        struct link_file file;
        struct link_mix_event mix_event;
        struct link_data data;
        struct link_dtls dtls;
        struct link_event event;
        struct link_reply reply;
        uint8_t fill[LINK_SLOT_SIZE - 24];
    } u;
};

_Static_assert(sizeof(struct link_addr) == 20, "link_addr has no padding");
_Static_assert(sizeof(struct link_transport_stats) == 384, "six cache lines");
_Static_assert(sizeof(struct link_mix_stats) == 64, "a cache line");
_Static_assert(sizeof(struct link_msg) == LINK_SLOT_SIZE, "a message fills its slot");

/* Texts of the numbers above; "unknown" for foreign ones. */
const char *link_type_to_str(unsigned type);
const char *link_mode_to_str(unsigned mode);
const char *link_codec_to_str(unsigned codec);

#endif
