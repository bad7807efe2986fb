/* Media that are passed on unread: video and data.
 *
 * A relay neither decodes nor makes them. What it has to know of a capability is whether two sides
 * mean the same codec; all its parameters are kept as the octets that a peer sent and are given to
 * the other side as they are. Pure functions, any thread; memory as in media.h. */
#ifndef SIGNALLING_H245_RELAYED_H
#define SIGNALLING_H245_RELAYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct h245_Capability;
struct h245_DataType;
struct h245_VideoCapability;
struct h245_DataApplicationCapability;

#define H245_MEDIA_LIST(X)       \
    X(H245_MEDIA_AUDIO, "audio") \
    X(H245_MEDIA_VIDEO, "video") \
    X(H245_MEDIA_DATA, "data")   \
    X(H245_MEDIA_PRESENTATION, "presentation")

enum h245_media {
#define H245_MEDIA_ENUM(name, text) name,
    H245_MEDIA_LIST(H245_MEDIA_ENUM)
#undef H245_MEDIA_ENUM
        H245_MEDIA_COUNT
};

#define H245_RELAYED_NAME 48
#define H245_RELAYED_MAX  192 /* octets of a capability; a larger one is not understood */

struct h245_relayed {
    /* Never audio. Presentation: a second video stream, H.239's extended video with that role; its
     * name, payload type and octets are those of the video capability inside. */
    enum h245_media media;
    /* "H261", "H263", "H264", "H265", "t140", "h224" …, for a generic one its dotted object
     * identifier. Two capabilities of one name can talk to each other, as far as their parameters
     * allow. */
    char name[H245_RELAYED_NAME];
    uint8_t payload_type; /* RFC 3551; 0: dynamic */
    uint16_t len;
    uint8_t octets[H245_RELAYED_MAX]; /* PER of VideoCapability or DataApplicationCapability */
};

/* ERR_UNSUPPORTED: nothing that could be relayed (H.239's extended video in another role, what
 * rides in a separate stack, what we cannot name); ERR_LIMIT: too large. */
int h245_relayed_of_video(const struct h245_VideoCapability *cap, struct h245_relayed *out);
int h245_relayed_of_data(const struct h245_DataApplicationCapability *cap,
                         struct h245_relayed *out);
/* A receive or receiveAndTransmit capability; dataType of an OLC, h235Media or not. */
int h245_relayed_of_capability(const struct h245_Capability *cap, struct h245_relayed *out);
int h245_relayed_of_type(const struct h245_DataType *type, struct h245_relayed *out);

/* And back: into a receive capability, into the dataType of an OLC. ERR_MALFORMED, ERR_NOMEM. */
int h245_relayed_to_capability(struct arena *a, const struct h245_relayed *r,
                               struct h245_Capability *cap);
int h245_relayed_to_type(struct arena *a, const struct h245_relayed *r, struct h245_DataType *type);

/* H.264 as profile and level (H.264 annex A), for those who describe it otherwise (SDP). */
#define H245_H264_LEVEL_1B 9

struct h245_h264 {
    uint8_t profile_idc;       /* 66 Baseline, 77 Main, 88 Extended, 100 High */
    bool is_constrained;       /* Constrained Baseline; H.241 has no word for it */
    uint8_t level_idc;         /* ten times the level, or H245_H264_LEVEL_1B */
    uint8_t packetization;     /* of SDP alone: 0 single NAL units */
    uint32_t max_mbps, max_fs; /* beyond the level; 0: the level's */
};

bool h245_h264_is_known(const struct h245_h264 *h); /* profile and level that H.241 can say */
/* ERR_NOTFOUND: not known; ERR_NOMEM. And back: ERR_NOTFOUND: not H.264; ERR_MALFORMED. */
int h245_relayed_h264(struct arena *a, const struct h245_h264 *h, struct h245_relayed *out);
int h245_relayed_read_h264(struct arena *a, const struct h245_relayed *r, struct h245_h264 *out);
/* From parameters of H.241; rate in 100 bit/s, 0: not said. */
struct h245_GenericParameter;
int h245_relayed_h264_of(struct h245_GenericParameter *parameters, uint32_t count, uint32_t rate,
                         struct h245_relayed *out);

/* H.265 is a generic video capability. No object identifier for it is known to us from a text that
 * could be relied upon, and one guessed within H.241's arcs might be another codec's: ours is a
 * domain-based one, with parameters of our own definition (video.h), until the configuration says
 * what the endpoints go by. ERR_INVAL: empty, longer than 63 octets, no printable ASCII, or dots
 * that are no object identifier. Process-wide, main thread, before the first message. */
#define H245_H265_IDENTIFIER "h265.rfc7798"
int h245_set_h265_identifier(const char *identifier);
struct h245_CapabilityIdentifier;
bool h245_is_h265(const struct h245_CapabilityIdentifier *id);
/* As h245_relayed_h264_of; ERR_NOMEM. */
int h245_relayed_h265_of(struct arena *a, struct h245_GenericParameter *parameters, uint32_t count,
                         uint32_t rate, struct h245_relayed *out);

/* What we offer for a codec while nobody else has said what it can receive: "H261", "H263" (up to
 * 4CIF), "H264" (H.241 baseline, level 3.1), "H265" (Main, main tier, level 3.1). ERR_NOTFOUND,
 * ERR_NOMEM. */
int h245_relayed_usual(struct arena *a, const char *name, struct h245_relayed *out);

/* Pictures: what is asked for key frames, has a clock of 90 kHz, and a bit rate that can change. */
bool h245_media_is_video(enum h245_media media);
bool h245_relayed_is_same(const struct h245_relayed *a, const struct h245_relayed *b);

const char *h245_media_to_str(enum h245_media media);

#endif
