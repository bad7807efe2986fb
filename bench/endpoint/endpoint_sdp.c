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

static void put_security(struct text *t, const char *fingerprint, const char *mid)
{
    put(t, "a=rtcp-mux\r\na=setup:actpass\r\na=fingerprint:%s %s\r\na=mid:%s\r\n", HASH,
        fingerprint, mid);
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
}

int sdp_write_offer(const struct media *m, char *out, size_t size)
{
    const struct endpoint_options *o = m->options;
    struct text t = {out, size};
    struct addr host = addr_with_port(m->rtp.local, 0);
    const char *family = host.family == ADDR_IP6 ? "IP6" : "IP4";
    bool has_video = o->video.len > 0;
    char address[ADDR_TEXT_MAX], fingerprint[DTLS_FINGERPRINT_TEXT];
    int rc = dtls_identity_fingerprint(m->identity, HASH, fingerprint);

    if (rc != 0)
        return rc;
    addr_format(&host, address);
    put(&t, "v=0\r\no=%s 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", o->alias, family, address,
        family, address);
    put(&t, "a=group:BUNDLE a%s\r\n", has_video ? " v" : "");
    put_audio(&t, o, m->rtp.local.port);
    put_security(&t, fingerprint, "a");
    if (has_video) {
        put(&t, "m=video %u UDP/TLS/RTP/SAVPF %u\r\n", m->rtp.local.port, VIDEO_TYPE);
        put(&t, "a=rtpmap:%u %s/90000\r\na=rtcp-fb:%u nack pli\r\na=rtcp-fb:%u ccm fir\r\n",
            VIDEO_TYPE, o->video.name, VIDEO_TYPE, VIDEO_TYPE);
        if (m->video.format == VIDEO_H264)
            put(&t, "a=fmtp:%u profile-level-id=42e01f;packetization-mode=1\r\n", VIDEO_TYPE);
        if (m->video.format == VIDEO_H265)
            put(&t, "a=fmtp:%u profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST\r\n", VIDEO_TYPE);
        put_security(&t, fingerprint, "v");
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

static void take_video(struct media *m, const char *sdp)
{
    struct video *v = &m->video;
    unsigned port, type;

    v->rx_type = VIDEO_TYPE;
    v->has_rx_type = v->rx_open = true;
    if (!line_media(sdp, "m=video ", &port, &type) || port == 0)
        return;
    v->tx_type = (uint8_t)type;
    media_open_video(m);
}

int sdp_take_answer(struct media *m, const char *answer, const char **why)
{
    struct addr remote = {0};
    char setup[32], fingerprint[DTLS_FINGERPRINT_TEXT + 16];

    *why = NULL;
    if (!line_of(answer, "a=setup:", setup, sizeof(setup)))
        *why = "no a=setup";
    else if (!line_of(answer, "a=fingerprint:" HASH " ", fingerprint, sizeof(fingerprint)))
        *why = "no a=fingerprint by " HASH;
    else
        *why = take_audio(m, answer, &remote);
    if (*why != NULL)
        return ERR_MALFORMED;
    if (m->options->video.len > 0)
        take_video(m, answer);
    media_set_remote(m, &remote, &remote);
    media_start_dtls(m, strcmp(setup, "passive") == 0, HASH, fingerprint);
    return 0;
}
