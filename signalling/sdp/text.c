/* Words and numbers of a description, and the names of the enumerations. */
#include <string.h>
#include <strings.h>

#include "signalling/sdp/internal.h"

struct sdp_span sdp_until(struct sdp_span *rest, char end)
{
    const char *at = memchr(rest->p, end, rest->len);
    struct sdp_span word = {rest->p, at != NULL ? (size_t)(at - rest->p) : rest->len};
    size_t taken = at != NULL ? word.len + 1 : word.len;

    rest->p += taken;
    rest->len -= taken;
    return word;
}

/* The grammar has single spaces, but implementations put two: leading ones are skipped. */
struct sdp_span sdp_word(struct sdp_span *rest)
{
    while (rest->len > 0 && *rest->p == ' ') {
        rest->p++;
        rest->len--;
    }
    return sdp_until(rest, ' ');
}

bool sdp_is(struct sdp_span span, const char *text)
{
    return span.len == strlen(text) && strncasecmp(span.p, text, span.len) == 0;
}

bool sdp_is_exactly(struct sdp_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.p, text, span.len) == 0;
}

bool sdp_number(struct sdp_span span, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (span.len == 0)
        return false;
    for (size_t i = 0; i < span.len; i++) {
        unsigned digit = (unsigned char)span.p[i] - '0';

        /* Before it is computed: no overflow is ever reached. */
        if (digit > 9 || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool sdp_copy(struct sdp_span span, char *out, size_t room)
{
    size_t len = span.len < room ? span.len : room - 1;

    memcpy(out, span.p, len);
    out[len] = '\0';
    return len == span.len;
}

static const struct {
    const char *text;
    bool is_dtls, is_rtp;
} protos[] = {
#define SDP_PROTO_ROW(name, text, dtls, rtp) {text, dtls, rtp},
    SDP_PROTO_LIST(SDP_PROTO_ROW)
#undef SDP_PROTO_ROW
};

bool sdp_proto_is_dtls(enum sdp_proto proto)
{
    return proto < SDP_PROTO_COUNT && protos[proto].is_dtls;
}

bool sdp_proto_is_rtp(enum sdp_proto proto)
{
    return proto < SDP_PROTO_COUNT && protos[proto].is_rtp;
}

const char *sdp_proto_to_str(enum sdp_proto proto)
{
    return proto < SDP_PROTO_COUNT ? protos[proto].text : "other";
}

const char *sdp_kind_to_str(enum sdp_kind kind)
{
    static const char *const text[] = {
#define SDP_KIND_TEXT(name, text) text,
        SDP_KIND_LIST(SDP_KIND_TEXT)
#undef SDP_KIND_TEXT
    };

    return kind < SDP_KIND_COUNT ? text[kind] : "other";
}

enum sdp_direction sdp_mirror(enum sdp_direction direction)
{
    return (enum sdp_direction)((direction & SDP_SENDONLY ? SDP_RECVONLY : 0) |
                                (direction & SDP_RECVONLY ? SDP_SENDONLY : 0));
}

const struct sdp_format *sdp_find_format(const struct sdp_media *media, const char *name,
                                         uint32_t clock)
{
    /* RFC 3551 section 6: types that mean something without a=rtpmap. */
    static const struct {
        uint8_t payload_type;
        const char *name;
    } fixed[] = {{0, "PCMU"}, {3, "GSM"}, {4, "G723"}, {8, "PCMA"}, {9, "G722"}, {18, "G729"}};

    for (size_t i = 0; i < media->format_count; i++) {
        const struct sdp_format *f = &media->format[i];

        /* With a=rtpmap the name decides; a number may be used for anything then. */
        if (f->clock != 0) {
            if (f->clock == clock && strcasecmp(f->name, name) == 0)
                return f;
            continue;
        }
        for (size_t k = 0; k < sizeof(fixed) / sizeof(fixed[0]); k++)
            if (fixed[k].payload_type == f->payload_type && clock == 8000 &&
                strcasecmp(fixed[k].name, name) == 0)
                return f;
    }
    return NULL;
}
