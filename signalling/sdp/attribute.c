/* a= lines that mean something to a media server; all others are skipped. */
#include <string.h>

#include "base/err.h"
#include "signalling/sdp/internal.h"

static struct sdp_dtls *dtls_of(struct sdp_parser *parser)
{
    return parser->media != NULL ? &parser->media->dtls : &parser->dtls;
}

/* RFC 8122 section 5: several fingerprints, by different hashes or of different certificates. What
 * stands before the first m= is said for all of them. */
static int on_fingerprint(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_dtls *dtls = dtls_of(parser);
    struct sdp_span hash = sdp_word(&value), hex = sdp_word(&value);
    enum fingerprint_hash which;
    struct fingerprint fp;
    int err = fingerprint_hash_parse(hash.p, hash.len, &which);

    if (err == ERR_REFUSED) {
        /* Counted: why there is no usable one is told by it. */
        dtls->forbidden_hashes++;
        return 0;
    }
    if (err != 0) {
        dtls->unknown_hashes++;
        return 0;
    }
    if (fingerprint_parse(which, hex.p, hex.len, &fp) != 0)
        return sdp_refuse(parser, "a fingerprint as long as its hash, in pairs of hex digits");
    /* More than we keep: the first are enough to agree on one. */
    if (dtls->fingerprint_count < SDP_FINGERPRINTS_MAX)
        dtls->fingerprint[dtls->fingerprint_count++] = fp;
    return 0;
}

static int on_setup(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_dtls *dtls = dtls_of(parser);

    if (h23510_setup_parse(value.p, value.len, &dtls->setup) != 0)
        return sdp_refuse(parser, "active, passive, actpass or holdconn");
    dtls->has_setup = true;
    return 0;
}

static int on_connection(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_dtls *dtls = dtls_of(parser);

    if (!sdp_is(value, "new") && !sdp_is(value, "existing"))
        return sdp_refuse(parser, "new or existing");
    dtls->has_connection = true;
    dtls->connection = sdp_is(value, "new") ? H23510_CONNECTION_NEW : H23510_CONNECTION_EXISTING;
    return 0;
}

static struct sdp_format *format_of(struct sdp_media *m, uint64_t type)
{
    for (size_t i = 0; i < m->format_count; i++)
        if (m->format[i].payload_type == type)
            return &m->format[i];
    return NULL;
}

static void drop_format(struct sdp_media *m, struct sdp_format *f)
{
    size_t behind = (size_t)(m->format + m->format_count - (f + 1));

    memmove(f, f + 1, behind * sizeof(*f));
    m->format_count--;
}

/* rtpmap:96 opus/48000/2 */
static int on_rtpmap(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_span type = sdp_word(&value), map = sdp_word(&value), name = sdp_until(&map, '/'),
                    clock = sdp_until(&map, '/');
    uint64_t number, hz, channels = 1;
    struct sdp_format *f;

    if (!sdp_number(type, 127, &number) || !sdp_number(clock, UINT32_MAX, &hz) || hz == 0 ||
        name.len == 0 || (map.len > 0 && !sdp_number(map, 255, &channels)))
        return sdp_refuse(parser, "a payload type, name/clock rate[/channels]");
    f = format_of(parser->media, number);
    if (f == NULL)
        return 0; /* a type that the m= line does not list */
    if (!sdp_copy(name, f->name, sizeof(f->name))) {
        /* A second rtpmap for a type is the later one's. */
        drop_format(parser->media, f); /* a codec that nobody here knows */
        return 0;
    }
    f->clock = (uint32_t)hz;
    f->channels = (uint8_t)channels;
    return 0;
}

static int on_fmtp(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_span type = sdp_word(&value);
    struct sdp_format *f;
    uint64_t number;

    if (!sdp_number(type, 127, &number))
        return sdp_refuse(parser, "a payload type and its parameters");
    f = format_of(parser->media, number);
    /* Half a parameter list would lie about the codec: one that does not fit is left out. */
    if (f != NULL && !sdp_copy(value, f->fmtp, sizeof(f->fmtp)))
        f->fmtp[0] = '\0';
    return 0;
}

/* rtcp-fb:97 nack pli (RFC 4585 section 4.2, RFC 5104 section 7.1); `*` is every format. */
static void on_feedback(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_media *m = parser->media;
    struct sdp_span type = sdp_word(&value), what = sdp_word(&value), more = sdp_word(&value);
    bool is_all = sdp_is(type, "*");
    uint64_t number = 0;
    uint8_t bit = 0;

    if (!is_all && !sdp_number(type, 127, &number))
        return;
    /* Others (transport-cc, goog-remb) are for who knows them: bit stays 0. */
    if (sdp_is(what, "nack") && more.len == 0)
        bit = SDP_FEEDBACK_NACK;
    else if (sdp_is(what, "nack") && sdp_is(more, "pli"))
        bit = SDP_FEEDBACK_PLI;
    else if (sdp_is(what, "ccm") && sdp_is(more, "fir"))
        bit = SDP_FEEDBACK_FIR;
    for (size_t i = 0; i < m->format_count; i++)
        if (is_all || m->format[i].payload_type == number)
            m->format[i].feedback |= bit;
}

/* rtcp:53020 [IN IP4 126.16.64.4] (RFC 3605) */
static int on_rtcp(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_media *m = parser->media;
    struct sdp_span port = sdp_word(&value);
    uint64_t number;
    int err = 0;

    if (!sdp_number(port, UINT16_MAX, &number))
        return sdp_refuse(parser, "a port from 0 to 65535");
    /* Until it is said with an address: the medium's own. */
    m->rtcp = (struct addr){0};
    if (value.len > 0)
        err = sdp_connection(parser, value, &m->rtcp);
    m->rtcp.port = (uint16_t)number;
    parser->media_has_rtcp = true;
    return err;
}

static int take_number(struct sdp_parser *parser, struct sdp_span value, uint64_t max,
                       uint64_t *out)
{
    return sdp_number(value, max, out) ? 0 : sdp_refuse(parser, "a number in its range");
}

static bool set_direction(struct sdp_parser *parser, struct sdp_span name)
{
    static const struct {
        const char *text;
        enum sdp_direction value;
    } rows[] = {{"sendrecv", SDP_SENDRECV},
                {"sendonly", SDP_SENDONLY},
                {"recvonly", SDP_RECVONLY},
                {"inactive", SDP_INACTIVE}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!sdp_is(name, rows[i].text))
            continue;
        if (parser->media != NULL) {
            parser->media->direction = rows[i].value;
            parser->media_has_direction = true;
        } else {
            parser->direction = rows[i].value;
        }
        return true;
    }
    return false;
}

/* Attributes that only a medium has. */
static int media_attribute(struct sdp_parser *parser, struct sdp_span name, struct sdp_span value)
{
    struct sdp_media *m = parser->media;
    uint64_t number = 0;
    int err = 0;

    /* By length of life: the most usual first. */
    if (sdp_is(name, "rtpmap"))
        return on_rtpmap(parser, value);
    if (sdp_is(name, "fmtp"))
        return on_fmtp(parser, value);
    if (sdp_is(name, "rtcp"))
        return on_rtcp(parser, value);
    if (sdp_is(name, "rtcp-fb")) {
        on_feedback(parser, value);
        return 0;
    }
    if (sdp_is(name, "rtcp-mux"))
        m->rtcp_mux = true;
    else if (sdp_is(name, "bundle-only"))
        m->is_bundle_only = true;
    else if (sdp_is(name, "mid"))
        /* Too long to be matched: as if it were absent. */
        sdp_copy(value, m->mid, sizeof(m->mid));
    else if (sdp_is(name, "ptime")) {
        err = take_number(parser, value, 1000, &number);
        m->ptime_ms = (uint16_t)number;
    } else if (sdp_is(name, "sctp-port")) {
        err = take_number(parser, value, UINT16_MAX, &number);
        m->sctp_port = (uint16_t)number;
    } else if (sdp_is(name, "max-message-size")) {
        err = take_number(parser, value, UINT32_MAX, &number);
        m->max_message_size = (uint32_t)number;
    }
    return err;
}

/* User fragment and password only tell that there will be checks, and that they change. */
static void on_ice(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_ice *ice = parser->media != NULL ? &parser->media->ice : &parser->ice;

    ice->mark = ice->is_set ? ice->mark : 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < value.len; i++)
        ice->mark = (ice->mark ^ (uint8_t)value.p[i]) * 1099511628211u;
    ice->is_set = true;
}

int sdp_attribute(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp_span name = sdp_until(&value, ':');

    if (sdp_is(name, "fingerprint"))
        return on_fingerprint(parser, value);
    if (sdp_is(name, "setup"))
        return on_setup(parser, value);
    if (sdp_is(name, "connection"))
        return on_connection(parser, value);
    if (sdp_is(name, "tls-id")) {
        /* Too long: better none than half of one, which would be another. */
        if (!sdp_copy(value, dtls_of(parser)->tls_id, SDP_TLS_ID_MAX))
            dtls_of(parser)->tls_id[0] = '\0';
        return 0;
    }
    if (sdp_is(name, "ice-ufrag") || sdp_is(name, "ice-pwd")) {
        on_ice(parser, value);
        return 0;
    }
    if (parser->media == NULL && sdp_is(name, "group")) {
        /* The first group: one is served. */
        if (sdp_is(sdp_word(&value), "BUNDLE") && parser->bundle.len == 0)
            parser->bundle = value;
        return 0;
    }
    if (sdp_is(name, "ice-lite")) {
        parser->sdp->is_ice_lite = true;
        return 0;
    }
    /* The rest has a meaning for a medium only. */
    if (set_direction(parser, name) || parser->media == NULL)
        return 0;
    return media_attribute(parser, name, value);
}
