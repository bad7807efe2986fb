#include "bench/endpoint/endpoint_media_io.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "bench/endpoint/endpoint_media.h"

#define FRAME_US      (AUDIO_FRAME_MS * 1000u)
#define RTCP_FRAMES   50 /* a report each second */
#define TAIL_FRAMES   10 /* sent after everything is done, so that the far side hears our last */
#define LEAD_FRAMES   5  /* that say "I hear you", before the file */
#define CATCH_UP_MAX  25 /* frames sent at once after the process was stopped for a while */
#define THIRD_FRAMES  5  /* the third address says hello this often */
#define GARBAGE_BURST 4

static bool has_fault(const struct media *m, enum endpoint_fault fault)
{
    return FAULT_IS_SET(m->options->faults, fault);
}

static void send_from(struct media_socket *s, const uint8_t *bytes, size_t len)
{
    struct sockaddr_storage sa;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
    if (!s->is_used || addr_to_sockaddr(&s->remote, &sa) == 0)
        return;
    if (uv_udp_try_send(&s->udp, &buf, 1, (struct sockaddr *)&sa) < 0)
        s->media->counters.send_errors++;
}

/* --- DTLS ---------------------------------------------------------------------------------- */

static void on_dtls_send(void *arg, const uint8_t *bytes, size_t len)
{
    struct media *m = arg;
    if (has_fault(m, FAULT_MUTE_DTLS))
        return;
    m->counters.dtls_out++;
    send_from(&m->rtp, bytes, len);
}

static void on_third_send(void *arg, const uint8_t *bytes, size_t len)
{
    struct media *m = arg;
    m->counters.faults_out++;
    send_from(&m->third, bytes, len);
}

/* Without use_srtp there are data alone (D-RECORD). */
static void install_keys(struct media *m)
{
    if (m->options->profiles[0] == '\0')
        return;
    int rc = dtls_peer_keys(m->dtls, &m->keys);
    if (rc == 0)
        rc = srtp_pair_create(&m->keys, &m->srtp);
    explicit_bzero(&m->keys, sizeof(m->keys));
    if (rc) {
        report_event(m->report, EV_DTLS_FAILED, "no SRTP keys: %s", err_to_str(rc));
        m->ops->on_failed(m->arg, "no SRTP keys from the handshake");
        return;
    }
    report_event(m->report, EV_KEYS, "%s", dtls_peer_profile(m->dtls));
    media_io_run(m);
}

static void on_dtls_timer(uv_timer_t *timer);

/* After everything that may have moved the handshake. */
static void dtls_moved(struct media *m, enum dtls_peer_state before)
{
    enum dtls_peer_state now = dtls_peer_state(m->dtls);
    int ms = dtls_peer_timeout_ms(m->dtls);
    if (ms >= 0)
        uv_timer_start(&m->dtls_timer, on_dtls_timer, (uint64_t)ms + 1, 0);
    else
        uv_timer_stop(&m->dtls_timer);
    if (now == before)
        return;
    switch (now) {
    case DTLS_ESTABLISHED:
        report_event(m->report, EV_DTLS_DONE, "%s, fingerprint %s", dtls_peer_cipher(m->dtls),
                     dtls_peer_is_verified(m->dtls) ? "verified" : "NOT verified");
        install_keys(m);
        media_io_run_data(m);
        break;
    case DTLS_CLOSED:
        report_event(m->report, EV_DTLS_CLOSED, "%s", dtls_peer_reason(m->dtls));
        break;
    case DTLS_FAILED:
        report_event(m->report, EV_DTLS_FAILED, "%s", dtls_peer_reason(m->dtls));
        m->ops->on_failed(m->arg, dtls_peer_reason(m->dtls));
        break;
    case DTLS_HANDSHAKE:
        break;
    }
}

static void on_dtls_timer(uv_timer_t *timer)
{
    struct media *m = timer->data;
    enum dtls_peer_state before = dtls_peer_state(m->dtls);
    dtls_peer_on_timer(m->dtls);
    dtls_moved(m, before);
}

/* --- data ---------------------------------------------------------------------------------- */

static void on_dtls_data(void *arg, const uint8_t *bytes, size_t len)
{
    struct media *m = arg;
    m->counters.data_in++;
    if (m->data && m->data_open)
        data_end_input(m->data, bytes, len);
}

static void on_data_packet(void *arg, const uint8_t *packet, size_t len)
{
    struct media *m = arg;
    m->counters.data_out++;
    if (m->stream ? stream_send(m->stream, packet, len) != 0
                  : m->dtls && dtls_peer_send(m->dtls, packet, len) != 0)
        m->counters.send_errors++;
}

static void on_data_up(void *arg)
{
    struct media *m = arg;
    report_event(m->report, EV_DATA_UP, "%s", "");
    m->ops->on_data_up(m->arg);
}

static void on_data_done(void *arg)
{
    struct media *m = arg;
    report_event(m->report, EV_DATA_DONE, "%s", "");
}

static void on_data_down(void *arg, const char *why)
{
    struct media *m = arg;
    report_event(m->report, EV_DATA_DOWN, "%s", why);
}

const struct data_ops media_data_ops = {on_data_packet, on_data_up, on_data_done, on_data_down};

static int send_secured(void *arg, const struct sctp_message *message)
{
    struct media *m = arg;
    m->counters.data_out++;
    return secured_send(m->secured, message);
}

static int reset_secured(void *arg, uint16_t stream)
{
    struct media *m = arg;
    return secured_reset(m->secured, stream);
}

struct dtls_peer *media_data_dtls(const struct media *m)
{
    return m->stream ? stream_dtls(m->stream) : m->secured ? secured_dtls(m->secured) : NULL;
}

void media_io_run_data(struct media *m)
{
    const struct data_pipe pipe = {send_secured, reset_secured, m};
    bool is_own = m->stream || m->secured;
    const struct dtls_peer *d = is_own ? media_data_dtls(m) : m->dtls;
    if (!m->data || !m->data_open || !d || dtls_peer_state(d) != DTLS_ESTABLISHED)
        return;
    if (m->secured)
        data_end_start_pipe(m->data, m->data_client, &pipe);
    else if (data_end_start(m->data, is_own ? m->data_client : m->dtls_client, m->data_port,
                            m->data_remote_port) != 0)
        report_fail(m->report, "%s", "SCTP cannot start");
}

static int make_peer(struct media *m, bool is_client, const char *hash, const char *fingerprint,
                     void (*on_send)(void *, const uint8_t *, size_t), struct dtls_peer **out)
{
    struct dtls_peer_config cfg = {.identity = m->identity,
                                   .no_certificate = has_fault(m, FAULT_NO_CERTIFICATE),
                                   .is_client = is_client,
                                   .profiles = m->options->profiles,
                                   .on_send = on_send,
                                   .on_data = on_dtls_data,
                                   .arg = m};
    snprintf(cfg.peer_hash, sizeof(cfg.peer_hash), "%s", hash);
    snprintf(cfg.peer_fingerprint, sizeof(cfg.peer_fingerprint), "%s", fingerprint);
    return dtls_peer_create(&cfg, out);
}

/* --- data on a transport of their own ------------------------------------------------------ */

static void on_own_moved(void *arg)
{
    struct media *m = arg;
    const struct dtls_peer *d = media_data_dtls(m);
    switch (dtls_peer_state(d)) {
    case DTLS_ESTABLISHED:
        report_event(m->report, EV_DTLS_DONE, "data: %s, fingerprint %s", dtls_peer_cipher(d),
                     dtls_peer_is_verified(d) ? "verified" : "NOT verified");
        media_io_run_data(m);
        break;
    case DTLS_CLOSED:
        report_event(m->report, EV_DTLS_CLOSED, "data: %s", dtls_peer_reason(d));
        break;
    case DTLS_FAILED:
        report_event(m->report, EV_DTLS_FAILED, "data: %s", dtls_peer_reason(d));
        m->ops->on_failed(m->arg, dtls_peer_reason(d));
        break;
    case DTLS_HANDSHAKE:
        break;
    }
}

/* When the channel is closed it is the server that closes the connection. */
static void on_own_lost(void *arg, const char *why)
{
    struct media *m = arg;
    if (m->secured && m->data)
        data_end_down(m->data, why);
    report_event(m->report, EV_DTLS_CLOSED, "data: %s", why);
    if (m->data_open && !m->is_stopped && !m->is_paused)
        m->ops->on_failed(m->arg, why);
}

static void on_secured_message(void *arg, const struct sctp_message *message)
{
    struct media *m = arg;
    m->counters.data_in++;
    if (m->data && m->data_open)
        data_end_message(m->data, message);
}

static void on_secured_reset(void *arg, uint16_t stream)
{
    struct media *m = arg;
    if (m->data)
        data_end_reset(m->data, stream);
}

static void on_secured_room(void *arg)
{
    struct media *m = arg;
    if (m->data)
        data_end_room(m->data);
}

static const struct stream_ops stream_ops = {on_own_moved, on_dtls_data, on_own_lost};
static const struct secured_ops secured_ops = {on_own_moved, on_secured_message, on_secured_reset,
                                               on_secured_room, on_own_lost};

bool media_has_data_transport(const struct media *m)
{
    return m->options->data.mode != DATA_OFF &&
           (m->options->data_stack == H245_DATA_TCP_DTLS_SCTP ||
            m->options->data_stack == H245_DATA_SCTP_DTLS);
}

bool media_is_verified(const struct media *m)
{
    const struct dtls_peer *own = media_data_dtls(m);
    bool is_own_good = own && dtls_peer_is_verified(own);
    if (m->options->data_only && media_has_data_transport(m))
        return is_own_good;
    return (m->srtp || m->options->profiles[0] == '\0') && m->dtls &&
           dtls_peer_is_verified(m->dtls) && (!media_has_data_transport(m) || is_own_good);
}

int media_bind_data(struct media *m, const struct addr *address)
{
    if (m->stream || m->secured)
        return 0;
    if (m->options->data_stack == H245_DATA_SCTP_DTLS)
        return secured_create(m->loop, address, &secured_ops, m, &m->secured);
    return stream_create(m->loop, address, &stream_ops, m, &m->stream);
}

struct addr media_data_local(const struct media *m)
{
    return m->secured ? secured_local(m->secured) : stream_local(m->stream);
}

void media_start_data(struct media *m, const struct addr *remote, bool is_client,
                      const char *peer_hash, const char *peer_fingerprint)
{
    struct dtls_peer_config cfg = {.identity = m->identity,
                                   .no_certificate = has_fault(m, FAULT_NO_CERTIFICATE),
                                   .is_client = is_client,
                                   .profiles = ""};
    snprintf(cfg.peer_hash, sizeof(cfg.peer_hash), "%s", peer_hash);
    snprintf(cfg.peer_fingerprint, sizeof(cfg.peer_fingerprint), "%s", peer_fingerprint);
    m->data_client = is_client;
    m->is_secured = true;
    report_event(m->report, EV_DTLS_START, "data: %s", is_client ? "active" : "passive");
    if (m->secured)
        data_end_tick(m->data);
    if (!has_fault(m, FAULT_MUTE_DTLS) &&
        (m->secured ? secured_start(m->secured, remote, m->data_port, m->data_remote_port, &cfg)
                    : stream_start(m->stream, remote, &cfg)) != 0)
        m->ops->on_failed(m->arg, "no connection for data");
    media_io_clock(m); /* data alone: nothing else would start it */
}

void media_start_dtls(struct media *m, bool is_client, const char *peer_hash,
                      const char *peer_fingerprint)
{
    if (m->dtls)
        return;
    m->is_secured = true;
    m->dtls_client = is_client;
    int rc = make_peer(m, is_client, peer_hash, peer_fingerprint, on_dtls_send, &m->dtls);
    if (rc) {
        m->ops->on_failed(m->arg, "OpenSSL refuses the DTLS settings");
        return;
    }
    report_event(m->report, EV_DTLS_START, "%s", is_client ? "active" : "passive");
    dtls_peer_start(m->dtls);
    dtls_moved(m, DTLS_HANDSHAKE);
}

/* A handshake of its own from an address that nobody signalled. */
static void third_hello(struct media *m)
{
    dtls_peer_destroy(m->third_dtls);
    m->third_dtls = NULL;
    if (make_peer(m, true, "sha-256", "", on_third_send, &m->third_dtls) == 0)
        dtls_peer_start(m->third_dtls);
}

/* --- receiving ----------------------------------------------------------------------------- */

static void tell_flowing(struct media *m)
{
    if (m->flowing_told)
        return;
    m->flowing_told = true;
    m->ops->on_flowing(m->arg);
}

/* What a forwarding conference sends: one stream for each other member. */
static void keep_stream(struct media *m, const struct rtp_packet *p, const int16_t *pcm,
                        size_t count)
{
    size_t i = 0;

    while (i < m->stream_count && m->streams[i].ssrc != p->ssrc)
        i++;
    if (i == MEDIA_STREAMS_MAX)
        return;
    if (i == m->stream_count) {
        m->streams[i].ssrc = p->ssrc;
        m->stream_count++;
        report_event(m->report, EV_STREAM, "ssrc %08x", (unsigned)p->ssrc);
    }
    m->streams[i].packets++;
    if (m->options->record_each)
        (void)recorder_put(&m->streams[i].recorder, p->ts, voice_units(m->rx_codec), pcm, count);
}

static void hear(struct media *m, const struct rtp_packet *p)
{
    int16_t pcm[VOICE_SPAN];
    size_t count = voice_decode(m->decoder, p->payload, p->payload_len, pcm);
    rtp_received(&m->reception, p, clock_mono_us());
    keep_stream(m, p, pcm, count);
    if (m->counters.packets_in++ == 0)
        report_event(m->report, EV_FIRST_PACKET, "ssrc %08x, payload type %u", (unsigned)p->ssrc,
                     p->pt);
    m->player.hearing = true;
    bool was_complete = m->recorder.complete;
    bool hears_us = recorder_put(&m->recorder, p->ts, voice_units(m->rx_codec), pcm, count);
    if (m->recorder.complete && !was_complete)
        report_event(m->report, EV_HEARD, "%zu samples, %s", m->recorder.expect_count,
                     m->recorder.match ? "equal" : "different");
    enum endpoint_start start = m->options->start;
    if (m->player.state == PLAYER_WAITING && m->play_samples &&
        (start == ENDPOINT_START_HEARD || (start == ENDPOINT_START_MUTUAL && hears_us)))
        m->play_asked = true;
}

static void count_refusal(struct media *m, int rc)
{
    if (rc == ERR_REPLAY)
        m->counters.replayed++;
    else
        m->counters.bad_auth++;
}

static bool take_video(struct media *m, struct video *v, const struct rtp_packet *p)
{
    enum video_taken taken = video_take(v, p, clock_mono_us());
    if (taken == VIDEO_SWITCHED)
        report_event(m->report, v == &m->video ? EV_VIDEO_SOURCE : EV_PRESENTATION, "%u %s",
                     v->from, v->from_key ? "by key frame" : "amid its pictures");
    return taken != VIDEO_NOT_OURS;
}

static bool take_camera(struct media *m, const struct rtp_packet *p)
{
    const char *direction = camera_take(&m->camera, p);
    if (direction)
        report_event(m->report, EV_CAMERA, "%s", direction);
    return direction != NULL;
}

static void take_rtp(struct media *m, uint8_t *bytes, size_t len)
{
    struct rtp_packet p;
    int rc = m->srtp ? srtp_pair_unprotect_rtp(m->srtp, bytes, &len) : 0;
    if (rc)
        count_refusal(m, rc);
    else if (rtp_parse(bytes, len, &p) != 0)
        m->counters.malformed++;
    else if (take_video(m, &m->video, &p) || take_video(m, &m->presentation, &p) ||
             take_camera(m, &p))
        return;
    else if (!m->decoder || p.pt != m->rx_type)
        m->counters.malformed++;
    else
        hear(m, &p);
}

static void take_rtcp(struct media *m, uint8_t *bytes, size_t len)
{
    int rc = m->srtp ? srtp_pair_unprotect_rtcp(m->srtp, bytes, &len) : 0;
    if (rc) {
        count_refusal(m, rc);
        return;
    }
    m->counters.rtcp_in++;
    rtcp_parse(&m->rtcp_seen, bytes, len, m->sender.ssrc, clock_wall_us());
    m->video.plis += rtcp_asks_picture(bytes, len, m->video.sender.ssrc);
    m->presentation.plis += rtcp_asks_picture(bytes, len, m->presentation.sender.ssrc);
}

static void take_dtls(struct media *m, const uint8_t *bytes, size_t len)
{
    m->counters.dtls_in++;
    if (!m->dtls)
        return; /* not agreed yet: the peer will send it again */
    enum dtls_peer_state before = dtls_peer_state(m->dtls);
    dtls_peer_input(m->dtls, bytes, len);
    dtls_moved(m, before);
}

/* RFC 7983 by the first byte, RFC 5761 between RTP and RTCP. */
static void demultiplex(struct media *m, const struct media_socket *s, uint8_t *bytes, size_t len)
{
    if (bytes[0] >= 20 && bytes[0] <= 63)
        take_dtls(m, bytes, len);
    else if (bytes[0] < 128 || bytes[0] > 191)
        m->counters.unknown_first_byte++;
    else if (m->is_secured && s == &m->rtcp)
        m->counters.plain_when_secured++;
    else if (m->is_secured && !m->srtp)
        m->counters.early++;
    else if (rtp_is_rtcp(bytes, len))
        take_rtcp(m, bytes, len);
    else
        take_rtp(m, bytes, len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct media_socket *s = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)s->media->buffer, sizeof(s->media->buffer));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *sa,
                        unsigned flags)
{
    struct media_socket *s = udp->data;
    struct media *m = s->media;
    struct addr from;
    (void)flags;
    if (n <= 0 || !sa || m->is_stopped)
        return;
    socklen_t sa_len =
        sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (s == &m->third) {
        m->counters.third_answers++;
        return;
    }
    if (addr_from_sockaddr(sa, sa_len, &from) != 0 || !addr_is_equal(&from, &s->remote)) {
        m->counters.foreign_address++;
        return;
    }
    demultiplex(m, s, (uint8_t *)buf->base, (size_t)n);
}

int media_io_listen(struct media *m)
{
    struct media_socket *all[] = {&m->rtp, &m->rtcp, &m->third, &m->video_rtp, &m->video_rtcp};
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i]->is_used && uv_udp_recv_start(&all[i]->udp, on_alloc, on_datagram) != 0)
            return ERR_IO;
    return 0;
}

/* --- sending ------------------------------------------------------------------------------- */

static bool may_send(const struct media *m)
{
    return m->tx_open && m->rtp.remote.family != ADDR_NONE && (!m->is_secured || m->srtp);
}

static void send_rtcp(struct media *m, bool bye)
{
    uint8_t out[RTCP_MAX + SRTP_PAIR_TRAILER];
    struct media_socket *s = m->is_secured ? &m->rtp : &m->rtcp;
    size_t len = rtcp_write_report(out, &m->sender, &m->reception, &m->rtcp_seen, m->cname,
                                   clock_wall_us(), bye);
    if (m->srtp && srtp_pair_protect_rtcp(m->srtp, out, &len) != 0)
        return;
    m->counters.rtcp_out++;
    send_from(s, out, len);
}

/* A key that is down takes the place of the audio, and its packets that of the audio's: they have
 * one sequence of numbers (RFC 4733 section 2.1). False: there is none. */
static bool send_key(struct media *m)
{
    uint8_t out[RTP_HEADER + KEYS_EVENT_BYTES + SRTP_PAIR_TRAILER];
    size_t len = RTP_HEADER + KEYS_EVENT_BYTES;
    struct rtp_sender *s = &m->sender;
    uint32_t frame = AUDIO_FRAME * voice_units(m->tx_codec);
    struct keys_step step;

    if (m->options->keys_by != ENDPOINT_KEYS_RTP || m->event_type == 0 ||
        !keys_step(&m->keypad, &step) || !step.has_event)
        return false;
    if (step.is_begin)
        report_event(m->report, EV_KEY, "%c", step.key);
    rtp_write_header(out, &(struct rtp_packet){.pt = m->event_type,
                                               .marker = step.is_begin,
                                               .seq = s->seq,
                                               .ts = s->ts - step.since_frames * frame,
                                               .ssrc = s->ssrc});
    memcpy(out + RTP_HEADER, step.event, KEYS_EVENT_BYTES);
    if (m->srtp && srtp_pair_protect_rtp(m->srtp, out, &len) != 0)
        m->counters.send_errors++;
    else
        send_from(&m->rtp, out, len);
    s->seq++;
    s->ts += frame;
    s->packets++;
    s->octets += KEYS_EVENT_BYTES;
    m->counters.packets_out++;
    return true;
}

/* Keys that travel by H.245: the call has the connection. */
static void tell_key(struct media *m)
{
    struct keys_step step;

    if (m->options->keys_by != ENDPOINT_KEYS_RTP && keys_step(&m->keypad, &step) && step.is_begin)
        m->ops->on_key(m->arg, step.key);
}

static void send_frame(struct media *m)
{
    uint8_t out[RTP_HEADER + VOICE_BYTES + SRTP_PAIR_TRAILER];
    int16_t pcm[AUDIO_FRAME];
    struct rtp_sender *s = &m->sender;
    struct rtp_packet p = {
        .pt = m->tx_type, .marker = s->packets == 0, .seq = s->seq, .ts = s->ts, .ssrc = s->ssrc};
    enum player_state before = m->player.state;
    rtp_write_header(out, &p);
    player_next(&m->player, pcm);
    size_t payload = voice_encode(m->encoder, pcm, out + RTP_HEADER), len = RTP_HEADER + payload;
    if (m->srtp && srtp_pair_protect_rtp(m->srtp, out, &len) != 0) {
        m->counters.send_errors++;
        return;
    }
    send_from(&m->rtp, out, len);
    if (s->packets == 0)
        report_event(m->report, EV_FIRST_SENT, "ssrc %08x", (unsigned)s->ssrc);
    s->seq++;
    s->ts += AUDIO_FRAME * voice_units(m->tx_codec);
    s->packets++;
    s->octets += payload;
    m->counters.packets_out++;
    if (before == PLAYER_PLAYING && m->player.state == PLAYER_DONE)
        report_event(m->report, EV_PLAYED, "%zu samples", m->player.count);
    tell_flowing(m);
}

static void send_video(struct media *m, struct video *v)
{
    uint8_t out[VIDEO_PACKET + SRTP_PAIR_TRAILER];
    size_t len = VIDEO_PACKET;
    if (!v->tx_open || (m->is_secured && !m->srtp) || !video_is_due(v))
        return;
    video_next(v, out);
    if (m->srtp && srtp_pair_protect_rtp(m->srtp, out, &len) != 0) {
        m->counters.send_errors++;
        return;
    }
    send_from(m->is_secured ? &m->rtp : &m->video_rtp, out, len);
}

int media_move_camera(struct media *m, const char *direction)
{
    uint8_t out[CAMERA_PACKET + SRTP_PAIR_TRAILER];
    size_t len = CAMERA_PACKET;
    int rc = m->camera.tx_open && m->srtp ? camera_next(&m->camera, direction, out) : ERR_STATE;
    if (rc == 0)
        rc = srtp_pair_protect_rtp(m->srtp, out, &len);
    if (rc == 0)
        send_from(&m->rtp, out, len);
    return rc;
}

static void send_garbage(struct media *m)
{
    uint8_t out[1500];
    for (unsigned i = 0; i < GARBAGE_BURST; i++) {
        size_t len = garbage_next(&m->garbage, out, sizeof(out));
        m->counters.faults_out++;
        send_from(&m->rtp, out, len);
    }
}

static void send_early(struct media *m)
{
    uint8_t out[RTP_HEADER + AUDIO_FRAME] = {0};
    struct rtp_packet p = {.pt = G711_PT_ALAW,
                           .seq = (uint16_t)m->counters.faults_out,
                           .ts = (uint32_t)m->counters.faults_out * AUDIO_FRAME,
                           .ssrc = ~m->sender.ssrc};
    rtp_write_header(out, &p);
    m->counters.faults_out++;
    send_from(&m->rtp, out, sizeof(out));
}

static void run_faults(struct media *m)
{
    if (has_fault(m, FAULT_GARBAGE_MEDIA))
        send_garbage(m);
    if (has_fault(m, FAULT_THIRD_ADDRESS) && m->frames % THIRD_FRAMES == 0)
        third_hello(m);
    if (has_fault(m, FAULT_EARLY_MEDIA) && !may_send(m))
        send_early(m);
}

/* Played what was to be played and heard what was to be heard, then a tail. */
static void check_done(struct media *m)
{
    bool played = !m->play_samples || m->player.state == PLAYER_DONE;
    bool heard = !m->expect_samples || m->recorder.complete;
    bool spoken = !m->data || data_end_is_done(m->data);
    bool wanted = m->play_samples || m->expect_samples || m->data;
    if (m->done_told || !wanted || !played || !heard || !spoken)
        return;
    if (m->tail_frames++ < TAIL_FRAMES)
        return;
    m->done_told = true;
    m->ops->on_done(m->arg);
}

/* The far side may start only when it is told that we hear it: a few frames of that come before our
 * file, more than one in case of loss. */
static void start_player(struct media *m)
{
    if (m->player.state != PLAYER_WAITING || !m->play_samples)
        return;
    if (m->options->start == ENDPOINT_START_NOW)
        m->play_asked = true;
    if (!m->play_asked ||
        (m->options->start == ENDPOINT_START_MUTUAL && m->lead_frames++ < LEAD_FRAMES))
        return;
    m->play_asked = false;
    report_event(m->report, EV_PLAY, "%zu samples", m->player.count);
    player_start(&m->player);
}

static void on_frame(struct media *m)
{
    run_faults(m);
    if (may_send(m)) {
        start_player(m);
        if (!send_key(m))
            send_frame(m);
        tell_key(m);
        if (m->frames % RTCP_FRAMES == RTCP_FRAMES / 2)
            send_rtcp(m, false);
    }
    send_video(m, &m->video);
    send_video(m, &m->presentation);
    m->frames++;
    m->ops->on_clock(m->arg, m->frames * AUDIO_FRAME_MS);
    check_done(m);
}

/* The next deadline is the last one plus 20 ms, whatever the loop did meanwhile: no drift. */
static void on_pace(uv_timer_t *timer)
{
    struct media *m = timer->data;
    uint64_t now = clock_mono_us();
    for (unsigned i = 0; i < CATCH_UP_MAX && m->next_frame_us <= now && !m->is_paused; i++) {
        on_frame(m);
        m->next_frame_us += FRAME_US;
    }
    if (m->next_frame_us <= now)
        m->next_frame_us = now + FRAME_US;
    if (m->is_paused)
        return;
    now = clock_mono_us();
    uint64_t left = m->next_frame_us > now ? m->next_frame_us - now : 0;
    uv_timer_start(timer, on_pace, (left + 999) / 1000, 0);
}

void media_io_run(struct media *m)
{
    if (m->rtp.remote.family != ADDR_NONE)
        media_io_clock(m);
}

void media_io_clock(struct media *m)
{
    if (m->is_running || m->is_paused)
        return;
    m->is_running = true;
    m->next_frame_us = clock_mono_us();
    uv_timer_start(&m->pace, on_pace, 0, 0);
}

void media_pause(struct media *m)
{
    if (m->is_paused)
        return;
    if (may_send(m) && m->sender.packets)
        send_rtcp(m, true);
    m->is_paused = true;
    uv_timer_stop(&m->pace);
}

void media_stop(struct media *m)
{
    if (m->is_stopped)
        return;
    media_pause(m);
    media_close_data(m); /* the SCTP association says goodbye, too */
    m->is_stopped = true;
    uv_timer_stop(&m->dtls_timer);
    if (m->dtls && dtls_peer_state(m->dtls) == DTLS_ESTABLISHED)
        dtls_peer_close(m->dtls);
    secured_close(m->secured); /* over SCTP the goodbye has to be carried, too */
}
