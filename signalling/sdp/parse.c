/* The lines of a description: order, o=, c=, m=; attributes are attribute.c's. */
#include <string.h>

#include "base/err.h"
#include "signalling/sdp/internal.h"

int sdp_refuse(struct sdp_parser *parser, const char *wanted)
{
    *parser->error = (struct sdp_error){parser->line, wanted};
    return ERR_MALFORMED;
}

int sdp_connection(struct sdp_parser *parser, struct sdp_span value, struct addr *out)
{
    struct sdp_span net = sdp_word(&value), type = sdp_word(&value), host = sdp_word(&value);
    char text[ADDR_TEXT_MAX];
    struct addr addr;

    if (!sdp_is(net, "IN") || !(sdp_is(type, "IP4") || sdp_is(type, "IP6")) || host.len == 0)
        return sdp_refuse(parser, "IN IP4 or IN IP6 and an address");
    host = sdp_until(&host, '/'); /* the scope of a multicast address */
    *out = (struct addr){0};
    /* A name is allowed by the grammar; nothing here blocks to resolve it. */
    if (!sdp_copy(host, text, sizeof(text)) || addr_parse(text, &addr) != 0)
        return 0;
    if (addr.port != 0 || addr.family != (sdp_is(type, "IP4") ? ADDR_IP4 : ADDR_IP6))
        return sdp_refuse(parser, "an address of the family that is named before it");
    *out = addr;
    return 0;
}

static int origin(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp *sdp = parser->sdp;
    struct sdp_span user = sdp_word(&value), id = sdp_word(&value), version = sdp_word(&value);

    sdp_copy(user, sdp->user, sizeof(sdp->user));
    /* Larger than 64 bits happens (an NTP time stamp with a suffix); it is only ever echoed. */
    if (!sdp_number(id, UINT64_MAX, &sdp->id) || !sdp_number(version, UINT64_MAX, &sdp->version))
        return sdp_refuse(parser, "o= user, session number, version, address");
    return sdp_connection(parser, value, &sdp->origin);
}

/* ---- media ---- */

/* What the whole description says holds for a medium that is silent about it. */
static void finish_media(struct sdp_parser *parser)
{
    struct sdp_media *m = parser->media;

    if (m == NULL)
        return;
    /* The address is the session's, the port always the medium's own. */
    if (!parser->media_has_address)
        m->address = parser->address;
    /* RFC 8122 section 5: a medium with fingerprints of its own has no others, whether we know its
     * hashes or not. */
    if (m->dtls.fingerprint_count + m->dtls.unknown_hashes + m->dtls.forbidden_hashes == 0) {
        memcpy(m->dtls.fingerprint, parser->dtls.fingerprint, sizeof(m->dtls.fingerprint));
        m->dtls.fingerprint_count = parser->dtls.fingerprint_count;
        m->dtls.unknown_hashes = parser->dtls.unknown_hashes;
        m->dtls.forbidden_hashes = parser->dtls.forbidden_hashes;
    }
    if (!m->dtls.has_setup && parser->dtls.has_setup) {
        m->dtls.has_setup = true;
        m->dtls.setup = parser->dtls.setup;
    }
    if (!m->dtls.has_connection && parser->dtls.has_connection) {
        m->dtls.has_connection = true;
        m->dtls.connection = parser->dtls.connection;
    }
    if (!parser->media_has_direction)
        m->direction = parser->direction;
    if (m->dtls.tls_id[0] == '\0')
        memcpy(m->dtls.tls_id, parser->dtls.tls_id, sizeof(m->dtls.tls_id));
    if (!m->ice.is_set)
        m->ice = parser->ice;
    if (m->address.family != ADDR_NONE)
        m->address.port = m->port;
    if (m->rtcp_mux) {
        m->rtcp = m->address;
    } else if (!parser->media_has_rtcp) {
        m->rtcp = m->address;
        /* RTCP on the next port (RFC 3550 11); of the last there is none. */
        m->rtcp.port = (uint16_t)(m->port + (m->port != 0 && m->port != UINT16_MAX));
    } else if (m->rtcp.family == ADDR_NONE) {
        m->rtcp = addr_with_port(m->address, m->rtcp.port); /* a=rtcp:port alone */
    }
}

/* a=group:BUNDLE stands before the media that it names. */
static void mark_bundle(struct sdp_parser *parser)
{
    struct sdp_span rest = parser->bundle;

    while (rest.len > 0) {
        struct sdp_span mid = sdp_word(&rest);

        for (size_t i = 0; i < parser->sdp->media_count; i++) {
            struct sdp_media *m = &parser->sdp->media[i];

            /* mids are compared exactly (RFC 5888: tokens are case-sensitive). */
            if (m->mid[0] != '\0' && sdp_is_exactly(mid, m->mid))
                m->is_bundled = parser->sdp->has_bundle = true;
        }
    }
}

static int formats(struct sdp_parser *parser, struct sdp_media *m, struct sdp_span list)
{
    bool is_rtp = sdp_proto_is_rtp(m->proto);
    unsigned seen = 0;

    while (list.len > 0) {
        struct sdp_span word = sdp_word(&list);
        uint64_t type;

        if (word.len == 0)
            continue;
        if (seen++ == 0)
            sdp_copy(word, m->format_text, sizeof(m->format_text));
        /* Formats of data are words, kept as text. */
        if (!is_rtp)
            continue;
        if (!sdp_number(word, 127, &type))
            return sdp_refuse(parser, "payload types from 0 to 127");
        /* More than we keep: later ones are the less preferred. */
        if (m->format_count < SDP_FORMATS_MAX)
            m->format[m->format_count++] =
                (struct sdp_format){.payload_type = (uint8_t)type, .channels = 1};
    }
    return seen > 0 ? 0 : sdp_refuse(parser, "a format behind the protocol");
}

static enum sdp_kind kind_of(struct sdp_span word)
{
    for (unsigned k = 0; k < SDP_KIND_OTHER; k++)
        if (sdp_is(word, sdp_kind_to_str((enum sdp_kind)k)))
            return (enum sdp_kind)k;
    return SDP_KIND_OTHER;
}

static enum sdp_proto proto_of(struct sdp_span word)
{
    for (unsigned k = 0; k < SDP_PROTO_COUNT; k++)
        if (sdp_is(word, sdp_proto_to_str((enum sdp_proto)k)))
            return (enum sdp_proto)k;
    return SDP_PROTO_OTHER;
}

static int media(struct sdp_parser *parser, struct sdp_span value)
{
    struct sdp *sdp = parser->sdp;
    struct sdp_span kind = sdp_word(&value), port = sdp_word(&value), proto = sdp_word(&value);
    struct sdp_media *m;
    uint64_t number;

    /* The former medium has heard all of its attributes. */
    finish_media(parser);
    parser->media = NULL;
    if (sdp->media_count == SDP_MEDIA_MAX)
        return ERR_LIMIT; /* an answer must answer each of them */
    m = &sdp->media[sdp->media_count];
    port = sdp_until(&port, '/'); /* a count of ports: layered streams, which we do not know */
    if (kind.len == 0 || proto.len == 0 || !sdp_number(port, UINT16_MAX, &number))
        return sdp_refuse(parser, "m= medium, port from 0 to 65535, protocol, formats");
    m->kind = kind_of(kind);
    m->proto = proto_of(proto);
    if (!sdp_copy(kind, m->kind_text, sizeof(m->kind_text)) ||
        !sdp_copy(proto, m->proto_text, sizeof(m->proto_text)))
        return sdp_refuse(parser, "a medium and a protocol of fewer than 32 characters");
    m->port = (uint16_t)number;
    m->direction = SDP_SENDRECV;
    sdp->media_count++;
    parser->media = m;
    parser->media_has_direction = parser->media_has_rtcp = parser->media_has_address = false;
    return formats(parser, m, value);
}

/* ---- lines ---- */

static int connection_line(struct sdp_parser *parser, struct sdp_span value)
{
    struct addr addr;
    int err = sdp_connection(parser, value, &addr);

    if (err != 0)
        return err;
    if (parser->media == NULL) {
        parser->address = addr;
    } else {
        parser->media->address = addr;
        parser->media_has_address = true;
    }
    return 0;
}

static int one_line(struct sdp_parser *parser, struct sdp_span line)
{
    struct sdp_span value = {line.p + 2, line.len - 2};

    switch (line.p[0]) {
    case 'o':
        return parser->media == NULL ? origin(parser, value) : 0;
    case 's':
        sdp_copy(value, parser->sdp->name, sizeof(parser->sdp->name));
        return 0;
    case 'c':
        return connection_line(parser, value);
    case 'm':
        return media(parser, value);
    case 'a':
        return sdp_attribute(parser, value);
    case 'v':
        return parser->line == 1 && sdp_is(value, "0") ? 0 : sdp_refuse(parser, "v=0 once");
    default:
        return 0; /* i=, u=, b=, t= and what later standards add */
    }
}

static int all_lines(struct sdp_parser *parser, struct sdp_span text)
{
    while (text.len > 0) {
        struct sdp_span line = sdp_until(&text, '\n');
        int err;

        parser->line++;
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0 && text.len == 0)
            break; /* an empty last line does no harm */
        if (line.len < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z')
            return sdp_refuse(parser, "a letter, =, a value");
        if (parser->line == 1 && line.p[0] != 'v')
            return sdp_refuse(parser, "v=0 as the first line");
        err = one_line(parser, line);
        if (err != 0)
            return err;
    }
    return parser->line > 0 ? 0 : sdp_refuse(parser, "v=0 as the first line");
}

int sdp_parse(const char *text, size_t len, struct sdp *out, struct sdp_error *error)
{
    struct sdp_parser parser = {.sdp = out, .error = error, .direction = SDP_SENDRECV};
    int err;

    *error = (struct sdp_error){0, ""};
    memset(out, 0, sizeof(*out));
    /* First: nothing below looks at more. */
    if (len > SDP_TEXT_MAX)
        return ERR_LIMIT;
    /* Zero octets would cut the copies that are made of words. */
    if (memchr(text, '\0', len) != NULL) {
        error->wanted = "text without zero bytes";
        return ERR_MALFORMED;
    }
    err = all_lines(&parser, (struct sdp_span){text, len});
    if (err == 0) {
        finish_media(&parser);
        mark_bundle(&parser);
    }
    return err;
}
