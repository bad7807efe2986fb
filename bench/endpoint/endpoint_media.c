#include "bench/endpoint/endpoint_media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"
#include "bench/endpoint/endpoint_media_io.h"
#include "bench/endpoint/endpoint_wav.h"

#define PORT_TRIES 200

static int load(const char *path, int16_t **samples, size_t *count)
{
    char why[256];
    if (!path)
        return 0;
    int rc = wav_read(path, samples, count, why, sizeof(why));
    if (rc)
        fprintf(stderr, "sluice-endpoint: %s\n", why);
    return rc;
}

int media_init(struct media *m, uv_loop_t *loop, const struct endpoint_options *options,
               const struct dtls_identity *identity, struct report *report,
               const struct media_ops *ops, void *arg)
{
    memset(m, 0, sizeof(*m));
    m->loop = loop;
    m->options = options;
    m->identity = identity;
    m->report = report;
    m->ops = ops;
    m->arg = arg;
    m->garbage.state = options->seed;
    snprintf(m->cname, sizeof(m->cname), "%.40s@endpoint", options->alias);
    struct {
        uint32_t ssrc, ts;
        uint16_t seq;
    } start;
    if (getrandom(&start, sizeof(start), 0) != (ssize_t)sizeof(start))
        return ERR_IO;
    /* In the lower half: the first packets may come before the other side has its keys, and if the
     * number wrapped in what that has to drop, no later packet would authenticate (RFC 3711
     * §3.3.1). */
    start.seq = options->sequence <= UINT16_MAX ? (uint16_t)options->sequence : start.seq & 0x7fffu;
    m->sender = (struct rtp_sender){.ssrc = start.ssrc, .ts = start.ts, .seq = start.seq};
    m->video.format = video_format_of(options->video.name);
    m->video.sender =
        (struct rtp_sender){.ssrc = ~start.ssrc, .ts = start.ts, .seq = (uint16_t)(start.seq + 1)};
    if (options->keys)
        (void)keys_press(&m->keypad, options->keys); /* the options have looked at it */
    m->video.rx_format = m->presentation.format = m->presentation.rx_format = m->video.format;
    m->presentation.sender = (struct rtp_sender){
        .ssrc = start.ssrc ^ 0x5a5a5a5au, .ts = start.ts, .seq = (uint16_t)(start.seq + 2)};
    m->camera.sender = (struct rtp_sender){
        .ssrc = start.ssrc ^ 0xa5a5a5a5u, .ts = start.ts, .seq = (uint16_t)(start.seq + 3)};
    recorder_init(&m->recorder);
    int rc = load(options->play, &m->play_samples, &m->play_count);
    if (rc == 0)
        rc = load(options->expect, &m->expect_samples, &m->expect_count);
    player_init(&m->player, m->play_samples, m->play_count);
    m->player.loop = options->loop;
    if (rc == 0 && options->data.mode != DATA_OFF)
        rc = data_end_create(loop, &options->data, &media_data_ops, m, &m->data);
    uv_timer_init(loop, &m->pace);
    uv_timer_init(loop, &m->dtls_timer);
    m->pace.data = m->dtls_timer.data = m;
    return rc;
}

static int bind_one(struct media *m, struct media_socket *s, const struct addr *address)
{
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    addr_to_sockaddr(address, &sa);
    if (uv_udp_init(m->loop, &s->udp) != 0)
        return ERR_IO;
    s->udp.data = s;
    s->media = m;
    s->is_used = true;
    if (uv_udp_bind(&s->udp, (struct sockaddr *)&sa, 0) != 0 ||
        uv_udp_getsockname(&s->udp, (struct sockaddr *)&sa, &len) != 0)
        return ERR_IO;
    return addr_from_sockaddr((struct sockaddr *)&sa, (socklen_t)len, &s->local);
}

static void on_probe_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Is the port after an even one free too? Asked with a socket that is closed again at once, as
 * libuv cannot bind one handle twice. */
static uint16_t find_pair(struct media *m, const struct addr *address)
{
    for (unsigned i = 0; i < PORT_TRIES; i++) {
        uint16_t port;
        unsigned free_ports = 0;
        if (getrandom(&port, sizeof(port), 0) != (ssize_t)sizeof(port))
            return 0;
        port = (uint16_t)(20000 + port % 20000) & 0xfffe;
        for (unsigned k = 0; k < 2; k++) {
            struct sockaddr_storage sa;
            struct addr a = addr_with_port(*address, (uint16_t)(port + k));
            uv_udp_t *probe = calloc(1, sizeof(*probe));
            if (!probe || uv_udp_init(m->loop, probe) != 0) {
                free(probe);
                return 0;
            }
            addr_to_sockaddr(&a, &sa);
            free_ports += uv_udp_bind(probe, (struct sockaddr *)&sa, 0) == 0;
            uv_close((uv_handle_t *)probe, on_probe_closed);
        }
        if (free_ports == 2)
            return port;
    }
    return 0;
}

static int bind_video(struct media *m, const struct addr *address)
{
    uint16_t port = find_pair(m, address);
    if (port == 0)
        return ERR_LIMIT;
    struct addr rtp = addr_with_port(*address, port);
    struct addr rtcp = addr_with_port(*address, (uint16_t)(port + 1));
    int rc = bind_one(m, &m->video_rtp, &rtp);
    return rc ? rc : bind_one(m, &m->video_rtcp, &rtcp);
}

int media_bind(struct media *m, const struct addr *address)
{
    uint16_t port = find_pair(m, address);
    if (port == 0)
        return ERR_LIMIT;
    struct addr rtp = addr_with_port(*address, port);
    struct addr rtcp = addr_with_port(*address, (uint16_t)(port + 1));
    int rc = bind_one(m, &m->rtp, &rtp);
    if (rc == 0)
        rc = bind_one(m, &m->rtcp, &rtcp);
    if (rc == 0 && FAULT_IS_SET(m->options->faults, FAULT_THIRD_ADDRESS)) {
        struct addr any_port = addr_with_port(*address, 0);
        rc = bind_one(m, &m->third, &any_port);
    }
    if (rc == 0 && m->options->video.len > 0)
        rc = bind_video(m, address);
    if (rc == 0)
        rc = media_io_listen(m);
    return rc;
}

void media_set_remote(struct media *m, const struct addr *rtp, const struct addr *rtcp)
{
    if (rtp->family != ADDR_NONE && rtp->port)
        m->rtp.remote = *rtp;
    if (rtcp->family != ADDR_NONE && rtcp->port)
        m->rtcp.remote = *rtcp;
    m->third.remote = m->rtp.remote;
    media_io_run(m);
}

static uint8_t payload_type_of(enum voice_codec codec, uint8_t dynamic)
{
    uint8_t fixed = voice_payload_type(codec);
    return fixed != VOICE_PT_DYNAMIC ? fixed : dynamic;
}

void media_open_tx(struct media *m, enum voice_codec codec, uint8_t payload_type)
{
    voice_encoder_destroy(m->encoder);
    m->encoder = NULL;
    if (voice_encoder_create(codec, &m->encoder) != 0) {
        report_fail(m->report, "no encoder for %s", voice_to_str(codec));
        return;
    }
    m->tx_codec = codec;
    m->tx_type = payload_type_of(codec, payload_type);
    m->tx_open = true;
    media_io_run(m);
}

void media_open_rx(struct media *m, enum voice_codec codec, uint8_t payload_type)
{
    voice_decoder_destroy(m->decoder);
    m->decoder = NULL;
    if (voice_decoder_create(codec, &m->decoder) != 0) {
        report_fail(m->report, "no decoder for %s", voice_to_str(codec));
        return;
    }
    m->rx_codec = codec;
    m->rx_type = payload_type_of(codec, payload_type);
    if (m->expect_samples && !m->recorder.expect) {
        audio_through_g711(codec == VOICE_PCMU ? LAW_MU : LAW_A, m->expect_samples,
                           m->expect_count);
        recorder_expect(&m->recorder, m->expect_samples, m->expect_count);
    }
    m->rx_open = true;
    media_io_run(m);
}

void media_play(struct media *m)
{
    m->play_asked = true;
    if (m->player.state == PLAYER_DONE)
        m->player.state = PLAYER_WAITING;
}

void media_open_data(struct media *m, uint16_t port, uint16_t remote_port)
{
    m->data_open = true;
    m->data_port = port;
    m->data_remote_port = remote_port;
    media_io_run_data(m);
}

void media_close_data(struct media *m)
{
    if (m->data)
        data_end_stop(m->data);
    m->data_open = false;
}

void media_open_video(struct media *m)
{
    report_event(m->report, EV_VIDEO_OPEN, "SSRC %u", m->video.sender.ssrc);
    m->video.tx_open = true;
}

void media_open_presentation(struct media *m)
{
    report_event(m->report, EV_PRESENTATION_OPEN, "SSRC %u", m->presentation.sender.ssrc);
    m->presentation.tx_open = true;
}

void media_close_tx(struct media *m)
{
    m->tx_open = false;
}

static void close_socket(struct media_socket *s)
{
    if (s->is_used)
        uv_close((uv_handle_t *)&s->udp, NULL);
    s->is_used = false;
}

/* At the end, when nothing comes any more. */
static void write_streams(struct media *m)
{
    char path[512];

    for (size_t i = 0; i < m->stream_count; i++) {
        const struct recorder *r = &m->streams[i].recorder;

        snprintf(path, sizeof(path), "%s-%08x.wav", m->options->record_each,
                 (unsigned)m->streams[i].ssrc);
        if (wav_write(path, r->samples, r->count) != 0)
            report_fail(m->report, "%s cannot be written", path);
    }
}

void media_close(struct media *m)
{
    if (m->is_closed)
        return;
    m->is_closed = true;
    media_stop(m);
    stream_close(m->stream);
    secured_close(m->secured);
    data_end_close(m->data);
    uv_close((uv_handle_t *)&m->pace, NULL);
    uv_close((uv_handle_t *)&m->dtls_timer, NULL);
    close_socket(&m->rtp);
    close_socket(&m->rtcp);
    close_socket(&m->third);
    close_socket(&m->video_rtp);
    close_socket(&m->video_rtcp);
    if (m->options->record &&
        wav_write(m->options->record, m->recorder.samples, m->recorder.count) != 0)
        report_fail(m->report, "%s cannot be written", m->options->record);
    if (m->options->record_each)
        write_streams(m);
}

void media_fini(struct media *m)
{
    dtls_peer_destroy(m->dtls);
    secured_destroy(m->secured);
    data_end_destroy(m->data);
    stream_destroy(m->stream);
    dtls_peer_destroy(m->third_dtls);
    srtp_pair_destroy(m->srtp);
    voice_encoder_destroy(m->encoder);
    voice_decoder_destroy(m->decoder);
    recorder_fini(&m->recorder);
    for (size_t i = 0; i < m->stream_count; i++)
        recorder_fini(&m->streams[i].recorder);
    free(m->play_samples);
    free(m->expect_samples);
    m->play_samples = m->expect_samples = NULL;
}

/* --- the report ---------------------------------------------------------------------------- */

static json_t *counters_json(const struct media *m)
{
    json_t *o = json_object();
#define COUNTER_SET(name) json_object_set_new(o, #name, json_integer((json_int_t)m->counters.name));
    MEDIA_COUNTER_LIST(COUNTER_SET)
#undef COUNTER_SET
    return o;
}

static json_t *security_json(const struct media *m)
{
    const struct dtls_peer *d = m->dtls ? m->dtls : media_data_dtls(m);
    bool up = d && (m->srtp || media_data_dtls(m));
    bool is_client = m->dtls ? m->dtls_client : m->data_client;
    return json_pack("{s:b,s:s,s:s,s:s,s:b,s:s}", "secured", m->is_secured, "role",
                     d ? (is_client ? "active" : "passive") : "none", "cipher",
                     up ? dtls_peer_cipher(d) : "none", "srtp_profile",
                     up ? dtls_peer_profile(d) : "none", "fingerprint_verified",
                     d && dtls_peer_is_verified(d), "dtls_reason", d ? dtls_peer_reason(d) : "");
}

static json_t *audio_json(const struct media *m)
{
    const struct recorder *r = &m->recorder;
    return json_pack("{s:I,s:I,s:I,s:b,s:b,s:I,s:b}", "recorded_samples", (json_int_t)r->count,
                     "gap_samples", (json_int_t)r->gap_samples, "expected_samples",
                     (json_int_t)r->expect_count, "located", r->located, "heard_all", r->complete,
                     "first_difference",
                     (json_int_t)(r->complete && !r->match ? (long long)r->first_difference : -1),
                     "played_all", m->player.state == PLAYER_DONE);
}

static json_t *rtcp_json(const struct media *m)
{
    const struct rtcp_seen *s = &m->rtcp_seen;
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "out", (json_int_t)m->counters.rtcp_out, "in",
                     (json_int_t)m->counters.rtcp_in, "sr_in", (json_int_t)s->sr, "rr_in",
                     (json_int_t)s->rr, "bye_in", (json_int_t)s->bye, "malformed",
                     (json_int_t)s->malformed, "reported_lost", (json_int_t)s->reported_lost);
}

static json_t *streams_json(const struct media *m)
{
    json_t *list = json_array();
    char ssrc[9];

    for (size_t i = 0; i < m->stream_count; i++) {
        snprintf(ssrc, sizeof(ssrc), "%08x", (unsigned)m->streams[i].ssrc);
        json_array_append_new(list, json_pack("{s:s,s:I}", "ssrc", ssrc, "packets",
                                              (json_int_t)m->streams[i].packets));
    }
    return list;
}

json_t *media_report(const struct media *m)
{
    json_t *o = security_json(m);
    json_object_set_new(o, "streams", streams_json(m));
    json_object_set_new(o, "codec", json_string(voice_to_str(m->tx_codec)));
    json_object_set_new(o, "packets_out", json_integer((json_int_t)m->counters.packets_out));
    json_object_set_new(o, "packets_in", json_integer((json_int_t)m->counters.packets_in));
    json_object_set_new(o, "lost", json_integer((json_int_t)rtp_lost(&m->reception)));
    json_object_set_new(o, "reordered", json_integer((json_int_t)m->reception.reordered));
    json_object_set_new(o, "jitter_ms", json_real((double)(m->reception.jitter_q4 >> 4) / 8.0));
    json_object_set_new(o, "audio_match", json_boolean(m->recorder.complete && m->recorder.match));
    json_object_set_new(o, "audio", audio_json(m));
    json_object_set_new(o, "rtcp", rtcp_json(m));
    json_object_set_new(o, "video", video_report(&m->video));
    json_object_set_new(o, "presentation", video_report(&m->presentation));
    json_object_set_new(o, "counters", counters_json(m));
    json_object_set_new(o, "data", m->data ? data_end_report(m->data) : json_null());
    return o;
}

json_t *media_stats(const struct media *m)
{
    json_t *o = json_pack(
        "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:f}", "event", "stats", "alias", m->options->alias, "at_us",
        (json_int_t)clock_mono_us(), "packets_out", (json_int_t)m->counters.packets_out,
        "packets_in", (json_int_t)m->counters.packets_in, "lost",
        (json_int_t)rtp_lost(&m->reception), "rtcp_in", (json_int_t)m->counters.rtcp_in,
        "jitter_ms", (double)(m->reception.jitter_q4 >> 4) / 8.0);
    json_object_set_new(o, "video", video_report(&m->video));
    json_object_set_new(o, "data", m->data ? data_end_report(m->data) : json_null());
    return o;
}
