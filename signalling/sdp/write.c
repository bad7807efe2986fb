/* A description as text. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "signalling/sdp/sdp.h"

struct out {
    char *text;
    size_t room, len;
    bool is_full;
};

static void put(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *out, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(out->text + out->len, out->room - out->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= out->room - out->len) {
        out->is_full = true; /* what follows is lost too: the caller gets an error, never a part */
        return;
    }
    out->len += (size_t)n;
}

static void put_address(struct out *out, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    if (a->family == ADDR_NONE)
        /* No address: as in an offer before ICE (RFC 8840). */
        put(out, "IN IP4 0.0.0.0\r\n");
    else
        put(out, "IN IP%u %s\r\n", a->family, addr_format_ip(a, text));
}

static void put_format(struct out *out, const struct sdp_format *f)
{
    if (f->clock != 0) {
        put(out, "a=rtpmap:%u %s/%" PRIu32, f->payload_type, f->name, f->clock);
        if (f->channels > 1)
            put(out, "/%u", f->channels);
        put(out, "\r\n");
    }
    if (f->fmtp[0] != '\0')
        put(out, "a=fmtp:%u %s\r\n", f->payload_type, f->fmtp);
    if (f->feedback & SDP_FEEDBACK_NACK)
        put(out, "a=rtcp-fb:%u nack\r\n", f->payload_type);
    if (f->feedback & SDP_FEEDBACK_PLI)
        put(out, "a=rtcp-fb:%u nack pli\r\n", f->payload_type);
    if (f->feedback & SDP_FEEDBACK_FIR)
        put(out, "a=rtcp-fb:%u ccm fir\r\n", f->payload_type);
}

static void put_dtls(struct out *out, const struct sdp_dtls *dtls)
{
    char text[FINGERPRINT_TEXT_MAX];

    for (size_t i = 0; i < dtls->fingerprint_count; i++)
        if (fingerprint_format(&dtls->fingerprint[i], text, sizeof(text)) == 0)
            put(out, "a=fingerprint:%s %s\r\n", fingerprint_hash_to_str(dtls->fingerprint[i].hash),
                text);
    if (dtls->has_setup)
        put(out, "a=setup:%s\r\n", h23510_setup_to_str(dtls->setup));
    if (dtls->has_connection)
        put(out, "a=connection:%s\r\n",
            dtls->connection == H23510_CONNECTION_NEW ? "new" : "existing");
    if (dtls->tls_id[0] != '\0')
        put(out, "a=tls-id:%s\r\n", dtls->tls_id);
}

/* The only candidate of a lite agent (RFC 8445 section 5.2); type preference 126, local preference
 * 65535, component 1. No candidate follows it. */
static void put_ice(struct out *out, const struct sdp_media *m)
{
    char text[ADDR_TEXT_MAX];

    put(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", m->ice.ufrag, m->ice.password);
    put(out, "a=candidate:1 1 UDP 2130706431 %s %u typ host\r\n", addr_format_ip(&m->address, text),
        m->port);
    put(out, "a=end-of-candidates\r\n");
}

static void put_rtp(struct out *out, const struct sdp_media *m)
{
    static const char *const direction[] = {"inactive", "sendonly", "recvonly", "sendrecv"};

    for (size_t i = 0; i < m->format_count; i++)
        put_format(out, &m->format[i]);
    if (m->ptime_ms != 0)
        put(out, "a=ptime:%u\r\n", m->ptime_ms);
    put(out, "a=%s\r\n", direction[m->direction & SDP_SENDRECV]);
    if (m->rtcp_mux)
        put(out, "a=rtcp-mux\r\n");
    /* Only where it is not the next one. */
    else if (m->rtcp.port != 0 && m->rtcp.port != m->port + 1)
        put(out, "a=rtcp:%u\r\n", m->rtcp.port);
}

static void put_media(struct out *out, const struct sdp_media *m)
{
    const char *proto = m->proto < SDP_PROTO_COUNT ? sdp_proto_to_str(m->proto) : m->proto_text;
    const char *kind = m->kind < SDP_KIND_OTHER ? sdp_kind_to_str(m->kind) : m->kind_text;

    /* RFC 8843 section 6: port 0, and not refused. */
    bool is_refused = m->port == 0;

    put(out, "m=%s %u %s", kind, m->is_bundle_only ? 0u : m->port, proto);
    if (m->format_count == 0)
        /* A refused line still wants a format: 0 is one. */
        put(out, " %s", m->format_text[0] != '\0' ? m->format_text : "0");
    for (size_t i = 0; i < m->format_count; i++)
        put(out, " %u", m->format[i].payload_type);
    put(out, "\r\n");
    /* A refused line has no address. */
    if (!is_refused) {
        put(out, "c=");
        put_address(out, &m->address);
    }
    if (m->mid[0] != '\0') /* also of a refused one: some match lines by it (RFC 8829 5.3.1) */
        put(out, "a=mid:%s\r\n", m->mid);
    if (is_refused)
        return;
    if (m->is_bundle_only)
        put(out, "a=bundle-only\r\n");
    if (sdp_proto_is_rtp(m->proto))
        put_rtp(out, m);
    /* Silent lines are described by the group's first. */
    if (sdp_proto_is_dtls(m->proto) && !m->is_silent)
        put_dtls(out, &m->dtls);
    if (m->ice.is_set && !m->is_silent)
        put_ice(out, m);
    if (m->sctp_port != 0)
        put(out, "a=sctp-port:%u\r\n", m->sctp_port);
    if (m->max_message_size != 0)
        put(out, "a=max-message-size:%" PRIu32 "\r\n", m->max_message_size);
}

/* What was refused is in no group (RFC 8843 section 7.3.1). */
static void put_bundle(struct out *out, const struct sdp *sdp)
{
    put(out, "a=group:BUNDLE");
    for (size_t i = 0; i < sdp->media_count; i++)
        if (sdp->media[i].is_bundled && sdp->media[i].port != 0)
            put(out, " %s", sdp->media[i].mid);
    put(out, "\r\n");
}

int sdp_write(const struct sdp *sdp, char *text, size_t room, size_t *len)
{
    struct out out = {.text = text, .room = room};

    if (room == 0)
        return ERR_LIMIT;
    put(&out, "v=0\r\no=%s %" PRIu64 " %" PRIu64 " ", sdp->user[0] != '\0' ? sdp->user : "-",
        sdp->id, sdp->version);
    put_address(&out, &sdp->origin);
    put(&out, "s=%s\r\n", sdp->name[0] != '\0' ? sdp->name : "-");
    put(&out, "c=");
    /* For who looks at no other line: the media have their own. */
    put_address(&out, &sdp->origin);
    put(&out, "t=0 0\r\n");
    if (sdp->is_ice_lite)
        put(&out, "a=ice-lite\r\n");
    if (sdp->has_bundle)
        put_bundle(&out, sdp);
    for (size_t i = 0; i < sdp->media_count; i++)
        put_media(&out, &sdp->media[i]);
    if (out.is_full)
        return ERR_LIMIT;
    *len = out.len;
    return 0;
}
