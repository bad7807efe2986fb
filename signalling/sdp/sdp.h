/* Session descriptions (RFC 8866) for media keyed by DTLS: what a SIP server hands over so that its
 * side of a call meets H.323's (H.235.10 clause 8.1, note; RFC 5763, RFC 4145, RFC 4572/8122).
 *
 * One struct holds what a media server needs of a description; the rest is skipped, as RFC 8866
 * demands of unknown attributes. Text that breaks the grammar of what is read is refused with the
 * line and what was expected there. Pure functions on the caller's storage, any thread. */
#ifndef SIGNALLING_SDP_SDP_H
#define SIGNALLING_SDP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "crypto/fingerprint.h"
#include "signalling/h23510/h23510.h"

#define SDP_TEXT_MAX         16384 /* octets of a description; longer ones are refused */
#define SDP_MEDIA_MAX        8
#define SDP_FORMATS_MAX      32
#define SDP_FINGERPRINTS_MAX 8
#define SDP_NAME_MAX         32
#define SDP_FMTP_MAX         192
#define SDP_MID_MAX          24
#define SDP_TLS_ID_MAX       72 /* 20 to 255 characters are allowed; longer ones are not echoed */
#define SDP_UFRAG_MAX        32
#define SDP_PASSWORD_MAX     48

#define SDP_KIND_LIST(X)           \
    X(SDP_KIND_AUDIO, "audio")     \
    X(SDP_KIND_VIDEO, "video")     \
    X(SDP_KIND_APP, "application") \
    X(SDP_KIND_OTHER, "other")

enum sdp_kind {
#define SDP_KIND_ENUM(name, text) name,
    SDP_KIND_LIST(SDP_KIND_ENUM)
#undef SDP_KIND_ENUM
        SDP_KIND_COUNT
};

/* Transport protocols of the m= line: text, whether DTLS keys or carries it, whether it is RTP. */
#define SDP_PROTO_LIST(X)                                    \
    X(SDP_PROTO_RTP_AVP, "RTP/AVP", false, true)             \
    X(SDP_PROTO_RTP_AVPF, "RTP/AVPF", false, true)           \
    X(SDP_PROTO_DTLS_SAVP, "UDP/TLS/RTP/SAVP", true, true)   \
    X(SDP_PROTO_DTLS_SAVPF, "UDP/TLS/RTP/SAVPF", true, true) \
    X(SDP_PROTO_DTLS_SCTP, "UDP/DTLS/SCTP", true, false)     \
    X(SDP_PROTO_TCP_DTLS_SCTP, "TCP/DTLS/SCTP", true, false)

enum sdp_proto {
#define SDP_PROTO_ENUM(name, text, dtls, rtp) name,
    SDP_PROTO_LIST(SDP_PROTO_ENUM)
#undef SDP_PROTO_ENUM
        SDP_PROTO_COUNT,
    SDP_PROTO_OTHER = SDP_PROTO_COUNT /* kept as text only */
};

/* Bits: may the describer send, receive. */
enum sdp_direction {
    SDP_INACTIVE = 0,
    SDP_SENDONLY = 1,
    SDP_RECVONLY = 2,
    SDP_SENDRECV = 3,
};

struct sdp_format {
    uint8_t payload_type;
    char name[SDP_NAME_MAX]; /* of a=rtpmap; "" when a static type has none */
    uint32_t clock;          /* Hz; 0: no rtpmap */
    uint8_t channels;        /* 1 unless rtpmap says otherwise */
    uint8_t feedback;        /* enum sdp_feedback */
    char fmtp[SDP_FMTP_MAX];
};

/* DTLS's part, as it holds for one medium: session-level values are copied into each medium that
 * has none of its own (RFC 8122 §5, RFC 4145 §4). */
struct sdp_dtls {
    struct fingerprint fingerprint[SDP_FINGERPRINTS_MAX];
    size_t fingerprint_count;
    unsigned unknown_hashes;   /* fingerprints by a hash that we do not know: ignored */
    unsigned forbidden_hashes; /* md2, md5 */
    bool has_setup, has_connection;
    enum h23510_setup setup;
    enum h23510_connection connection;
    char tls_id[SDP_TLS_ID_MAX]; /* RFC 8842 section 5; "": none */
};

/* ICE (RFC 8839), as it holds for one medium. Of the peer's checks we need to know only that they
 * will come, and when it restarts: a lite agent sends none. */
struct sdp_ice {
    bool is_set;
    uint64_t mark; /* read: of user fragment and password; another one is a restart */
    char ufrag[SDP_UFRAG_MAX], password[SDP_PASSWORD_MAX]; /* written: ours */
};

/* a=rtcp-fb (RFC 4585) that matters where key frames are asked for. */
enum sdp_feedback {
    SDP_FEEDBACK_NACK = 1,
    SDP_FEEDBACK_PLI = 2,
    SDP_FEEDBACK_FIR = 4,
};

struct sdp_media {
    enum sdp_kind kind;
    enum sdp_proto proto;
    char proto_text[SDP_NAME_MAX];
    char kind_text[SDP_NAME_MAX];
    uint16_t port;       /* 0: refused, or not wanted */
    struct addr address; /* of RTP, with the port; family ADDR_NONE: a name, or not given */
    struct addr rtcp;    /* a=rtcp or the port above; the same as address with rtcp_mux */
    bool rtcp_mux;
    bool is_bundle_only;
    enum sdp_direction direction;
    struct sdp_format format[SDP_FORMATS_MAX];
    size_t format_count;
    char format_text[SDP_NAME_MAX]; /* first format of a medium that is not RTP */
    struct sdp_dtls dtls;
    uint16_t sctp_port;
    uint32_t max_message_size; /* 0: not given */
    uint16_t ptime_ms;         /* 0: not given */
    char mid[SDP_MID_MAX];
    bool is_bundled; /* in the (first) BUNDLE group, RFC 8843 */
    /* Written: a medium that shares the transport of the first of its group, which alone tells
     * about it (RFC 8843 section 7.1.3). */
    bool is_silent;
    struct sdp_ice ice;
};

struct sdp {
    char user[SDP_NAME_MAX]; /* o= */
    uint64_t id, version;
    char name[SDP_NAME_MAX]; /* s= */
    struct addr origin;      /* ADDR_NONE: a name */
    bool is_ice_lite;
    bool has_bundle; /* a group of the media that say is_bundled, the first of them first */
    struct sdp_media media[SDP_MEDIA_MAX];
    size_t media_count;
};

/* Where and why a description was refused. */
struct sdp_error {
    unsigned line;      /* from 1 */
    const char *wanted; /* what was expected there; static text */
};

/* Reads `len` octets; lines end with CRLF or LF. ERR_LIMIT: longer than SDP_TEXT_MAX, or more media
 * than we have room for; ERR_MALFORMED with `*error` filled. Formats beyond the room are left out.
 */
int sdp_parse(const char *text, size_t len, struct sdp *out, struct sdp_error *error);

/* Writes a description with CRLF line ends; the origin's address stands in o= and, for each medium,
 * its own in c=. Media that are refused (port 0) are written with their kind, protocol and formats
 * as RFC 3264 §6 demands. `*len` does not count the terminating zero. ERR_LIMIT: no room. */
int sdp_write(const struct sdp *sdp, char *text, size_t room, size_t *len);

/* The format of this name and clock (any case), or of this static payload type without a name. */
const struct sdp_format *sdp_find_format(const struct sdp_media *media, const char *name,
                                         uint32_t clock);

/* Is its media protected by DTLS; is it RTP? */
bool sdp_proto_is_dtls(enum sdp_proto proto);
bool sdp_proto_is_rtp(enum sdp_proto proto);
const char *sdp_kind_to_str(enum sdp_kind kind);
const char *sdp_proto_to_str(enum sdp_proto proto);

/* What the answerer of an offered direction says at most (RFC 3264 §6.1): its mirror. */
enum sdp_direction sdp_mirror(enum sdp_direction direction);

#endif
