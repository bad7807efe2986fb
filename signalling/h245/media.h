/* Capabilities and logical channels in small structs: what a server or an endpoint really wants to
 * say in a TerminalCapabilitySet, an OpenLogicalChannel and its Ack, and how it reads a peer's.
 *
 * Builders take memory from the arena; the result lives as long as the arena's round. Readers copy
 * into the caller's struct. Pure functions, any thread. H.235.10's part is added and read by
 * signalling/h23510. */
#ifndef SIGNALLING_H245_MEDIA_H
#define SIGNALLING_H245_MEDIA_H

#include "base/addr.h"
#include "signalling/h245/data.h"
#include "signalling/h245/relayed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct h245_TerminalCapabilitySet;
struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;
struct h245_DataType;
struct h245_AudioCapability;
struct h245_TransportAddress;

/* Audio codecs: name, RFC 3551 payload type (or H245_PT_DYNAMIC), RTP clock, frame in
 * microseconds (G.711 and G.722: H.245 counts frames of 1 ms in them). */
#define H245_CODEC_LIST(X)                                    \
    X(H245_CODEC_PCMA, "PCMA", 8, 8000, 1000)                 \
    X(H245_CODEC_PCMU, "PCMU", 0, 8000, 1000)                 \
    X(H245_CODEC_G722, "G722", 9, 8000, 1000)                 \
    X(H245_CODEC_G728, "G728", 15, 8000, 2500)                \
    X(H245_CODEC_G729, "G729", 18, 8000, 10000)               \
    X(H245_CODEC_G729A, "G729A", 18, 8000, 10000)             \
    X(H245_CODEC_G729B, "G729B", 18, 8000, 10000)             \
    X(H245_CODEC_G729AB, "G729AB", 18, 8000, 10000)           \
    X(H245_CODEC_G7231, "G723", 4, 8000, 30000)               \
    X(H245_CODEC_GSM, "GSM", 3, 8000, 20000)                  \
    X(H245_CODEC_OPUS, "opus", H245_PT_DYNAMIC, 48000, 20000) \
    X(H245_CODEC_GENERIC, "generic", H245_PT_DYNAMIC, 0, 0)

#define H245_PT_DYNAMIC (-1)

enum h245_codec {
#define H245_CODEC_ENUM(name, text, pt, clock, frame_us) name,
    H245_CODEC_LIST(H245_CODEC_ENUM)
#undef H245_CODEC_ENUM
        H245_CODEC_COUNT,
    H245_CODEC_UNKNOWN = H245_CODEC_COUNT
};

struct h245_audio {
    enum h245_codec codec;
    uint16_t frames;      /* most frames a packet, as H.245 counts them: G.711 20 = 20 ms */
    char generic_oid[64]; /* H245_CODEC_GENERIC: dotted, or domain-based identifier; else "" */
};

/* Opus is a generic audio capability, but H.245 has registered no identifier for it. Ours is a
 * domain-based one; endpoints that have agreed on another (an object identifier in dotted form, or
 * a domain-based text) are met by setting that before the first message is built or read.
 * ERR_INVAL: empty, longer than 63 octets, or no IA5. Process-wide, main thread. */
#define H245_OPUS_IDENTIFIER "opus-codec.org"
int h245_set_opus_identifier(const char *identifier);

const char *h245_codec_to_str(enum h245_codec codec);
int h245_codec_from_str(const char *name, enum h245_codec *codec); /* any case; ERR_NOTFOUND */
int h245_codec_payload_type(enum h245_codec codec); /* H245_PT_DYNAMIC where none is fixed */
uint32_t h245_codec_clock(enum h245_codec codec);

/* Our capabilities. */
struct h245_caps_offer {
    const struct h245_audio *audio; /* receive capabilities in order of preference */
    size_t audio_count;
    uint8_t telephone_event_pt; /* RFC 4733 events 0-16 with this payload type; 0: not offered */
    bool user_input;            /* basicString and dtmf userInput capabilities */
    bool is_mcu;                /* mcCapability.centralizedConferenceMC */
    bool has_chair_control;     /* conferenceCapability.chairControlCapability (H.243) */
    bool has_h239;              /* generic control capability of H.239 */
    uint16_t max_jitter_ms;     /* maximumAudioDelayJitter, default 250 */
    const struct h245_relayed *relayed; /* video, then data */
    size_t relayed_count;
    const struct h245_data *data; /* over SCTP */
    size_t data_count;
};

/* Table entries 1..n are the audio codecs in the order given; then telephone events, user input,
 * video, data, and what belongs to no simultaneous set: chair control, H.239.
 * One descriptor: {audio...} {telephone event} {user input...} {video...} {data...} {data over
 * SCTP...}.
 */
int h245_build_tcs(struct arena *a, const struct h245_caps_offer *offer,
                   struct h245_TerminalCapabilitySet **tcs);

/* A set without a table: "stop sending, close your channels" (H.323 §8.4.6). */
int h245_build_empty_tcs(struct arena *a, struct h245_TerminalCapabilitySet **tcs);

#define H245_CAPS_MAX         32
#define H245_RELAYED_CAPS_MAX 12
#define H245_DATA_CAPS_MAX    12 /* uses times stacks */

struct h245_peer_audio {
    uint16_t entry; /* capabilityTableEntryNumber */
    struct h245_audio audio;
};

/* What we understand of a peer's set. */
struct h245_peer_caps {
    struct h245_peer_audio audio[H245_CAPS_MAX]; /* receive and receiveAndTransmit */
    size_t audio_count;
    size_t skipped; /* entries that we do not understand or have no room for */
    struct h245_relayed relayed[H245_RELAYED_CAPS_MAX]; /* video and data, in the peer's order */
    size_t relayed_count;
    struct h245_data data[H245_DATA_CAPS_MAX]; /* over SCTP */
    size_t data_count;
    uint8_t telephone_event_pt; /* 0: none */
    uint8_t replacements; /* maxPendingReplacementFor; 0: it knows no replacementFor */
    bool user_input;
    bool is_empty;  /* nothing in it at all: third-party pause */
    bool has_table; /* without one, what an earlier set listed still holds */
};

int h245_read_tcs(const struct h245_TerminalCapabilitySet *tcs, struct h245_peer_caps *caps);

/* The first of `local` that the peer can receive, with the smaller packet size. ERR_NOTFOUND. */
int h245_choose_audio(const struct h245_peer_caps *peer, const struct h245_audio *local,
                      size_t local_count, struct h245_audio *chosen);

/* A unidirectional channel in an OLC. */
struct h245_channel {
    uint16_t lcn;
    uint8_t session_id;   /* H.225.0 RTP session: 1 audio, 2 video, 0: master shall assign */
    enum h245_media kind; /* of what is carried; `relayed` is set unless it is audio */
    struct h245_audio audio;
    struct h245_relayed relayed;
    bool is_protected;         /* dataType h235Media */
    bool has_reverse;          /* bidirectional OLC: only read, never built here */
    bool is_null;              /* dataType nullData (reverse offers of fast start) */
    bool is_other_media;       /* neither audio nor null; see is_unknown */
    bool is_unknown;           /* ... and nothing that could be relayed either */
    struct addr media;         /* mediaChannel; ADDR_NONE: absent */
    struct addr media_control; /* mediaControlChannel */
    uint8_t payload_type;      /* dynamicRTPPayloadType 96..127; 0: absent */
    bool silence_suppression;
    bool has_port_number;
    uint16_t port_number; /* L-SHARE */
    uint16_t replaces;    /* replacementFor: only for who can take it; 0: absent */
};

/* An Ack. */
struct h245_channel_ack {
    uint16_t lcn;
    uint8_t session_id; /* 0: absent */
    struct addr media;
    struct addr media_control;
    uint8_t payload_type; /* 0: absent */
    bool flow_control_to_zero;
    bool has_port_number;
    uint16_t port_number;
};

/* Transport addresses; the reader gives ADDR_NONE for what is not unicast IP. */
int h245_build_address(struct arena *a, const struct addr *address,
                       struct h245_TransportAddress **out);
struct addr h245_read_address(const struct h245_TransportAddress *address);

/* One audio capability. ERR_UNSUPPORTED when it is none that we know. */
int h245_build_audio(struct arena *a, const struct h245_audio *audio,
                     struct h245_AudioCapability **out);
int h245_read_audio(const struct h245_AudioCapability *cap, struct h245_audio *audio);

int h245_build_olc(struct arena *a, const struct h245_channel *channel,
                   struct h245_OpenLogicalChannel **olc);
int h245_build_olc_ack(struct arena *a, const struct h245_channel_ack *ack,
                       struct h245_OpenLogicalChannelAck **out);

/* Fast connect (H.323 8.1.7): one OLC of a fastStart, in a Setup or in an answer to it. */
struct h245_fast_olc {
    struct h245_channel channel;
    bool is_reverse; /* from the callee to the caller; `media` of a proposal: where that listens */
    /* As if its sender had opened it by H.245: what the channel carries stands in the forward
     * parameters, whichever way it goes. In the arena. */
    const struct h245_OpenLogicalChannel *olc;
};

/* Errors as of h245_read_olc and of per_decode; the arena holds what was decoded. */
int h245_read_fast_olc(struct arena *a, const uint8_t *data, size_t len, struct h245_fast_olc *out);
/* Encodes what h245_build_olc made (and h23510 filled) as it stands in a fastStart: a reverse one
 * is turned round for that. `*data` lives in the arena. */
int h245_encode_fast_olc(struct arena *a, struct h245_OpenLogicalChannel *olc, bool is_reverse,
                         const uint8_t **data, size_t *len);

/* ERR_UNSUPPORTED: not an H.225.0 (h2250) channel at all; ERR_MALFORMED: a multicast or otherwise
 * unusable media address. */
int h245_read_olc(const struct h245_OpenLogicalChannel *olc, struct h245_channel *channel);
int h245_read_olc_ack(const struct h245_OpenLogicalChannelAck *ack, struct h245_channel_ack *out);

#endif
