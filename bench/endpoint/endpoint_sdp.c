#include "bench/endpoint/endpoint_sdp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "bench/endpoint/endpoint_h245.h"

#define HASH       "sha-256"
#define VIDEO_TYPE 97

struct text {
    char *at;
    size_t left;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->left)
        n = (int)t->left; /* full: told at the end */
    t->at += n;
    t->left -= (size_t)n;
}

static uint8_t type_of(enum voice_codec codec)
{
    uint8_t fixed = voice_payload_type(codec);

    return fixed != VOICE_PT_DYNAMIC ? fixed : LEG_DYNAMIC_TYPE;
}

/* What all lines have in common: one connection. */
struct security {
    const char *setup;
    char fingerprint[DTLS_FINGERPRINT_TEXT];
};

static void put_security(struct text *t, const struct security *s, const char *mid)
{
    put(t, "a=setup:%s\r\na=fingerprint:%s %s\r\na=mid:%s\r\n", s->setup, HASH, s->fingerprint,
        mid);
}

static void put_audio(struct text *t, const struct endpoint_options *o, uint16_t port)
{
    enum voice_codec codec;

    put(t, "m=audio %u UDP/TLS/RTP/SAVPF", port);
    for (size_t i = 0; i < o->codec_count; i++)
        if (leg_voice_of(o->codecs[i].codec, &codec))
            put(t, " %u", type_of(codec));
    put(t, "\r\n");
    for (size_t i = 0; i < o->codec_count; i++)
        if (leg_voice_of(o->codecs[i].codec, &codec) && codec == VOICE_OPUS)
            put(t, "a=rtpmap:%u opus/48000/2\r\n", type_of(codec));
        else if (leg_voice_of(o->codecs[i].codec, &codec))
            put(t, "a=rtpmap:%u %s/8000\r\n", type_of(codec), voice_to_str(codec));
    put(t, "a=rtcp-mux\r\n");
}

static void put_video(struct text *t, const struct media *m, unsigned type)
{
    put(t, "m=video %u UDP/TLS/RTP/SAVPF %u\r\n", m->rtp.local.port, type);
    put(t, "a=rtpmap:%u %s/90000\r\na=rtcp-fb:%u nack pli\r\na=rtcp-fb:%u ccm fir\r\n", type,
        m->options->video.name, type, type);
    if (m->video.format == VIDEO_H264)
        put(t, "a=fmtp:%u profile-level-id=42e01f;packetization-mode=1\r\n", type);
    if (m->video.format == VIDEO_H265)
        put(t, "a=fmtp:%u profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST\r\n", type);
    put(t, "a=rtcp-mux\r\n");
}

static void put_data(struct text *t, const struct media *m)
{
    put(t, "m=application %u UDP/DTLS/SCTP webrtc-datachannel\r\n", m->rtp.local.port);
    put(t, "a=sctp-port:%u\r\na=max-message-size:65536\r\n", m->options->data_port);
}

static int begin(struct text *t, const struct media *m, struct security *s)
{
    struct addr host = addr_with_port(m->rtp.local, 0);
    const char *family = host.family == ADDR_IP6 ? "IP6" : "IP4";
    char address[ADDR_TEXT_MAX];

    addr_format(&host, address);
    put(t, "v=0\r\no=%s 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", m->options->alias, family,
        address, family, address);
    return dtls_identity_fingerprint(m->identity, HASH, s->fingerprint);
}

int sdp_write_offer(const struct media *m, char *out, size_t size)
{
    const struct endpoint_options *o = m->options;
    struct text t = {out, size};
    struct security security = {.setup = h23510_setup_to_str(o->policy.setup)};
    int rc = begin(&t, m, &security);

    if (rc != 0)
        return rc;
    put(&t, "a=group:BUNDLE a%s%s\r\n", o->video.len > 0 ? " v" : "",
        o->data.mode != DATA_OFF ? " d" : "");
    put_audio(&t, o, m->rtp.local.port);
    put_security(&t, &security, "a");
    if (o->video.len > 0) {
        put_video(&t, m, VIDEO_TYPE);
        put_security(&t, &security, "v");
    }
    if (o->data.mode != DATA_OFF) {
        put_data(&t, m);
        put_security(&t, &security, "d");
    }
    return t.left > 0 ? 0 : ERR_LIMIT;
}

/* ---- the answer ---- */

/* What follows `name` at the beginning of a line, into `out`; false: there is no such line. */
static bool line_of(const char *sdp, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);

    for (const char *at = sdp; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, n) != 0)
            continue;
        snprintf(out, size, "%.*s", (int)strcspn(at + n, "\r\n"), at + n);
        return true;
    }
    return false;
}

/* Port and first format of a line "PORT PROTO FORMAT…"; port 0: refused. */
static bool line_media(const char *sdp, const char *name, unsigned *port, unsigned *type)
{
    char line[160];

    return line_of(sdp, name, line, sizeof(line)) && sscanf(line, "%u %*s %u", port, type) == 2 &&
           *port <= UINT16_MAX && *type < 128;
}

static const char *take_audio(struct media *m, const char *sdp, struct addr *remote)
{
    char line[160];
    unsigned port, type;

    if (!line_media(sdp, "m=audio ", &port, &type) || port == 0)
        return "no audio";
    if (!line_of(sdp, "c=IN IP4 ", line, sizeof(line)) &&
        !line_of(sdp, "c=IN IP6 ", line, sizeof(line)))
        return "no c=";
    if (addr_parse(line, remote) != 0)
        return "no address in c=";
    remote->port = (uint16_t)port;
    for (size_t i = 0; i < m->options->codec_count; i++) {
        enum voice_codec codec;

        if (!leg_voice_of(m->options->codecs[i].codec, &codec) || type_of(codec) != type)
            continue;
        media_open_rx(m, codec, (uint8_t)type);
        media_open_tx(m, codec, (uint8_t)type);
        return NULL;
    }
    return "no codec of ours";
}

/* `rx_type`: what we have said, or repeat. */
static void take_video(struct media *m, const char *sdp, uint8_t rx_type)
{
    struct video *v = &m->video;
    unsigned port, type;

    v->rx_type = rx_type;
    v->has_rx_type = v->rx_open = true;
    if (!line_media(sdp, "m=video ", &port, &type) || port == 0)
        return;
    v->tx_type = (uint8_t)type;
    media_open_video(m);
}

/* Their SCTP port, if the line of data was not refused. */
static void take_data(struct media *m, const char *sdp, bool is_offer)
{
    char line[160];
    unsigned port;

    if (m->options->data.mode == DATA_OFF || !line_of(sdp, "m=application ", line, sizeof(line)) ||
        sscanf(line, "%u", &port) != 1 || (port == 0 && !is_offer) ||
        !line_of(sdp, "a=sctp-port:", line, sizeof(line)) || sscanf(line, "%u", &port) != 1)
        return;
    media_open_data(m, m->options->data_port, (uint16_t)port);
}

/* What an offer and an answer have alike: whose certificate, where, and by which codec. */
static const char *take_common(struct media *m, const char *sdp, char setup[32], char *fingerprint,
                               size_t size, struct addr *remote)
{
    if (!line_of(sdp, "a=setup:", setup, 32))
        return "no a=setup";
    if (!line_of(sdp, "a=fingerprint:" HASH " ", fingerprint, size))
        return "no a=fingerprint by " HASH;
    return take_audio(m, sdp, remote);
}

int sdp_take_answer(struct media *m, const char *answer, const char **why)
{
    struct addr remote = {0};
    char setup[32], fingerprint[DTLS_FINGERPRINT_TEXT + 16];

    *why = take_common(m, answer, setup, fingerprint, sizeof(fingerprint), &remote);
    if (*why != NULL)
        return ERR_MALFORMED;
    if (m->options->video.len > 0)
        take_video(m, answer, VIDEO_TYPE);
    take_data(m, answer, false);
    media_set_remote(m, &remote, &remote);
    media_start_dtls(m, strcmp(setup, "passive") == 0, HASH, fingerprint);
    return 0;
}

/* ---- their offer ---- */

/* One line of theirs, answered in its place: `at` is behind its "m=". */
static void answer_line(struct text *t, const struct media *m, const struct security *security,
                        const char *at)
{
    bool is_audio = strncmp(at, "audio ", 6) == 0, is_video = strncmp(at, "video ", 6) == 0,
         is_data = strncmp(at, "application ", 12) == 0;
    char mid[32] = "", line[160];
    unsigned port, type;

    (void)line_of(at, "a=mid:", mid, sizeof(mid));
    if (is_audio) {
        put_audio(t, m->options, m->rtp.local.port);
    } else if (is_video && m->options->video.len > 0) {
        /* The numbers of the offer, as RFC 3264 6.1 would have it. */
        if (sscanf(at, "video %u %*s %u", &port, &type) == 2)
            put_video(t, m, type);
    } else if (is_data && m->options->data.mode != DATA_OFF) {
        put_data(t, m);
    } else {
        snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\r\n"), at);
        put(t, "m=%.*s 0%s\r\na=mid:%s\r\n", (int)strcspn(line, " "), line,
            strchr(strchr(line, ' ') + 1, ' '), mid);
        return;
    }
    put_security(t, security, mid);
}

static int write_answer(const struct media *m, const char *offer, const char *setup, char *out,
                        size_t size)
{
    struct text t = {out, size};
    struct security security = {.setup = setup};
    char group[160];
    int rc = begin(&t, m, &security);

    if (rc != 0)
        return rc;
    if (line_of(offer, "a=group:BUNDLE ", group, sizeof(group)))
        put(&t, "a=group:BUNDLE %s\r\n", group);
    for (const char *at = strstr(offer, "m="); at != NULL; at = strstr(at, "\nm=")) {
        at += *at == '\n' ? 3 : 2;
        answer_line(&t, m, &security, at);
    }
    return t.left > 0 ? 0 : ERR_LIMIT;
}

int sdp_take_offer(struct media *m, const char *offer, char *answer, size_t size, const char **why)
{
    struct addr remote = {0};
    char setup[32], fingerprint[DTLS_FINGERPRINT_TEXT + 16];
    unsigned port, type = VIDEO_TYPE;
    bool is_active;
    int rc;

    *why = take_common(m, offer, setup, fingerprint, sizeof(fingerprint), &remote);
    if (*why != NULL)
        return ERR_MALFORMED;
    is_active = strcmp(setup, "passive") == 0 ||
                (strcmp(setup, "actpass") == 0 && m->options->policy.setup != H23510_SETUP_PASSIVE);
    rc = write_answer(m, offer, is_active ? "active" : "passive", answer, size);
    if (rc != 0)
        return rc;
    (void)line_media(offer, "m=video ", &port, &type);
    if (m->options->video.len > 0) {
        take_video(m, offer, (uint8_t)type);
        /* bundle-only: port 0 is no refusal (RFC 8843 6) */
        if (!m->video.tx_open && strstr(offer, "m=video ") != NULL) {
            m->video.tx_type = (uint8_t)type;
            media_open_video(m);
        }
    }
    take_data(m, offer, true);
    media_set_remote(m, &remote, &remote);
    media_start_dtls(m, is_active, HASH, fingerprint);
    return 0;
}
