/* Legs by SDP (C-PASS, mode `terminate`): what an offer and an answer do to a session, and that
 * nothing is done by one that is refused. */
#include "fake_world.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "signalling/sdp/sdp.h"
#include "tests/suite.h"

#define FP_A                                                          \
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:" \
    "4B:65:2E:7D:46:3F:54:42:CD:54:F1"
#define FP_B                                                          \
    "5A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:" \
    "4B:65:2E:7D:46:3F:54:42:CD:54:F1"
#define HEAD  "v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n"
#define AUDIO HEAD "m=audio 40000 UDP/TLS/RTP/SAVP 8\r\na=rtcp-mux\r\n"
#define OFFER AUDIO "a=setup:actpass\r\na=fingerprint:sha-256 " FP_A "\r\n"

static struct world *w;
static struct peer *leg;
static struct sdp sdp;
static const char *why;

static void parse(const char *text)
{
    struct sdp_error error;

    CU_ASSERT_EQUAL_FATAL(sdp_parse(text, strlen(text), &sdp, &error), 0);
}

/* A peer of the fake world without H.323: its session is one by SDP. */
static void begin_in(enum settings_dtls dtls, enum settings_conference_kind kind)
{
    static const enum settings_codec codecs[] = {SETTINGS_CODEC_OPUS, SETTINGS_CODEC_G722,
                                                 SETTINGS_CODEC_G711_ALAW};
    struct settings_conference *row;

    struct session_config config = {.is_by_sdp = true, .peer = {.family = ADDR_IP4}};
    const struct session_sdp_options options = {.mode = SESSION_SDP_ANY};

    w = world_create(dtls);
    row = &w->settings->conferences[0];
    if (kind == SETTINGS_CONFERENCE_MIX) {
        row->kind = kind;
        row->max_sessions = 8;
        row->sample_rate = 16000;
        row->codec_count = sizeof(codecs) / sizeof(codecs[0]);
        memcpy(row->codecs, codecs, sizeof(codecs));
    }
    leg = world_callee(w);
    session_destroy(leg->session);
    config.listener = &w->settings->signalling.listeners[0];
    config.owner = leg;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &leg->session), 0);
    CU_ASSERT_EQUAL_FATAL(session_sdp_begin(leg->session, "demo", &options, &why), 0);
}

static void begin(enum settings_dtls dtls)
{
    begin_in(dtls, SETTINGS_CONFERENCE_RELAY);
}

static void end(void)
{
    session_close(leg->session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    world_destroy(w);
}

static int offer(const char *text)
{
    int err;

    parse(text);
    err = session_sdp_answer(leg->session, &sdp, &why, w->now);
    world_run(w);
    return err;
}

static struct media_port *port(void)
{
    for (size_t i = 0; i < w->port_count; i++)
        if (w->ports[i].is_used && !w->ports[i].is_closing &&
            w->ports[i].session == session_id(leg->session))
            return &w->ports[i];
    return NULL;
}

static void an_offer_is_answered_with_the_complement(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(sdp.media_count, 1);
    CU_ASSERT_TRUE(sdp.media[0].rtcp_mux);
    CU_ASSERT_EQUAL(sdp.media[0].port, port()->local.port);
    CU_ASSERT_EQUAL(sdp.media[0].format_count, 1);
    CU_ASSERT_EQUAL(sdp.media[0].format[0].payload_type, 8);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup, H23510_SETUP_PASSIVE);
    CU_ASSERT_TRUE(fingerprint_equal(&sdp.media[0].dtls.fingerprint[0],
                                     &w->server_id.fingerprints[FINGERPRINT_SHA256]));
    CU_ASSERT_EQUAL(port()->associations, 1);
    CU_ASSERT_FALSE(port()->is_active);
    CU_ASSERT_EQUAL(port()->fingerprint.digest[0], 0x4a);
    CU_ASSERT_EQUAL(port()->remote.port, 40000);
    end();
}

static void a_passive_offerer_makes_us_active(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(AUDIO "a=setup:passive\r\na=fingerprint:sha-256 " FP_A "\r\n"), 0);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup, H23510_SETUP_ACTIVE);
    CU_ASSERT_TRUE(port()->is_active);
    end();
}

static void other_media_are_refused_in_their_place(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(HEAD "m=video 50000 UDP/TLS/RTP/SAVP 97\r\n"
                                     "m=audio 40000 UDP/TLS/RTP/SAVP 0 8\r\na=rtcp-mux\r\n"
                                     "a=setup:active\r\na=fingerprint:sha-256 " FP_A "\r\n"
                                     "m=audio 40002 RTP/AVP 0\r\n"),
                          0);
    CU_ASSERT_EQUAL(sdp.media_count, 3);
    CU_ASSERT_EQUAL(sdp.media[0].port, 0);
    CU_ASSERT_NOT_EQUAL(sdp.media[1].port, 0);
    CU_ASSERT_EQUAL(sdp.media[2].port, 0);
    end();
}

static void hold_closes_a_direction_and_no_association(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    CU_ASSERT_TRUE(session_is_receiving(leg->session) && session_is_sending(leg->session));
    CU_ASSERT_EQUAL_FATAL(offer(OFFER "a=sendonly\r\n"), 0);
    CU_ASSERT_EQUAL(sdp.media[0].direction, SDP_RECVONLY);
    CU_ASSERT_TRUE(session_is_sending(leg->session));
    CU_ASSERT_FALSE(session_is_receiving(leg->session));
    CU_ASSERT_EQUAL_FATAL(offer(OFFER "a=inactive\r\n"), 0);
    CU_ASSERT_FALSE(session_is_sending(leg->session));
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    CU_ASSERT_TRUE(session_is_receiving(leg->session) && session_is_sending(leg->session));
    CU_ASSERT_EQUAL(port()->associations, 1);
    end();
}

static size_t open_ports(void)
{
    size_t n = 0;

    for (size_t i = 0; i < w->port_count; i++)
        n += w->ports[i].is_used && !w->ports[i].is_closing &&
             w->ports[i].session == session_id(leg->session);
    return n;
}

/* RFC 8842 section 4: another address or certificate is another association, beside which the old
 * one does not live on. */
static void another_address_or_certificate_begins_anew(void)
{
    uint16_t first;

    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    first = sdp.media[0].port;
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    CU_ASSERT_EQUAL(sdp.media[0].port, first);
    CU_ASSERT_EQUAL_FATAL(offer(AUDIO "a=setup:actpass\r\na=fingerprint:sha-256 " FP_B "\r\n"), 0);
    CU_ASSERT_NOT_EQUAL(sdp.media[0].port, first);
    CU_ASSERT_EQUAL(open_ports(), 1);
    CU_ASSERT_EQUAL(port()->fingerprint.digest[0], 0x5a);
    CU_ASSERT_EQUAL(port()->local.port, sdp.media[0].port);
    first = sdp.media[0].port;
    CU_ASSERT_EQUAL_FATAL(offer(HEAD "m=audio 40002 UDP/TLS/RTP/SAVP 8\r\na=rtcp-mux\r\n"
                                     "a=setup:actpass\r\na=fingerprint:sha-256 " FP_B "\r\n"),
                          0);
    CU_ASSERT_NOT_EQUAL(sdp.media[0].port, first);
    CU_ASSERT_EQUAL(open_ports(), 1);
    CU_ASSERT_EQUAL(port()->remote.port, 40002);
    CU_ASSERT_TRUE(session_is_receiving(leg->session) && session_is_sending(leg->session));
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_ACTIVE);
    end();
}

/* RFC 8122 5.1: of several by the strongest hash that we take any will do; the data plane's DTLS is
 * told of all of them, and of none by another hash. */
static void several_certificates_are_all_expected(void)
{
    static const char first[] = AUDIO
        "a=setup:active\r\na=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:"
        "19:E5:7C:AB\r\na=fingerprint:sha-256 " FP_A "\r\na=fingerprint:sha-256 " FP_B "\r\n";
    static const char turned[] = AUDIO "a=setup:active\r\na=fingerprint:sha-256 " FP_B
                                       "\r\na=fingerprint:sha-256 " FP_A "\r\n";
    struct fingerprint verified;
    struct media_port *p;

    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(first), 0);
    p = port();
    CU_ASSERT_EQUAL(p->fingerprints, 2);
    CU_ASSERT_EQUAL(p->fingerprint.digest[0], 0x4a);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.fingerprint[0].hash, FINGERPRINT_SHA256);
    /* In another order it is the same peer. */
    CU_ASSERT_EQUAL_FATAL(offer(turned), 0);
    CU_ASSERT_PTR_EQUAL(port(), p);
    /* It has shown the second; one that then names the first alone is another. */
    verified = p->fingerprint;
    verified.digest[0] = 0x5a;
    p->fingerprint = verified;
    world_keyed(w, leg);
    CU_ASSERT_EQUAL_FATAL(offer(AUDIO "a=setup:active\r\na=fingerprint:sha-256 " FP_B "\r\n"), 0);
    CU_ASSERT_PTR_EQUAL(port(), p);
    CU_ASSERT_EQUAL_FATAL(offer(AUDIO "a=setup:active\r\na=fingerprint:sha-256 " FP_A "\r\n"), 0);
    CU_ASSERT_PTR_NOT_EQUAL(port(), p);
    end();
}

static void plain_rtp_just_goes_elsewhere(void)
{
    uint16_t first;

    begin(SETTINGS_DTLS_PREFERRED);
    CU_ASSERT_EQUAL_FATAL(offer(HEAD "m=audio 40000 RTP/AVP 8\r\n"), 0);
    first = sdp.media[0].port;
    CU_ASSERT_EQUAL_FATAL(
        offer(HEAD "m=audio 40010 RTP/AVP 8\r\na=rtcp:40020 IN IP4 192.0.2.51\r\n"), 0);
    CU_ASSERT_EQUAL(sdp.media[0].port, first);
    CU_ASSERT_EQUAL(port()->remote.port, 40010);
    CU_ASSERT_EQUAL(port()->remote_control.port, 40020);
    CU_ASSERT_FALSE(sdp.media[0].rtcp_mux);
    end();
}

#define DTLS "a=rtcp-mux\r\na=setup:actpass\r\na=fingerprint:sha-256 " FP_A "\r\n"
#define VIDEO                                                                         \
    " UDP/TLS/RTP/SAVPF 97 98\r\na=rtpmap:97 VP8/90000\r\na=rtpmap:98 H264/90000\r\n" \
    "a=fmtp:98 profile-level-id=42e01f;packetization-mode=0\r\na=rtcp-fb:98 nack pli\r\n"

static void audio_and_video_in_a_bundle_share_a_port(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(
        offer("v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n"
              "a=group:BUNDLE a v\r\nm=audio 40000 UDP/TLS/RTP/SAVPF 8\r\na=mid:a\r\n" DTLS
              "m=video 40002" VIDEO "a=mid:v\r\n" DTLS),
        0);
    CU_ASSERT_TRUE(sdp.has_bundle && sdp.media[0].is_bundled && sdp.media[1].is_bundled);
    CU_ASSERT_EQUAL(sdp.media[0].port, sdp.media[1].port);
    CU_ASSERT_FALSE(sdp.media[0].is_silent);
    CU_ASSERT_TRUE(sdp.media[1].is_silent);
    CU_ASSERT_EQUAL(sdp.media[1].format_count, 1);
    CU_ASSERT_EQUAL(sdp.media[1].format[0].payload_type, 98);
    CU_ASSERT_EQUAL(sdp.media[1].format[0].feedback, SDP_FEEDBACK_PLI);
    CU_ASSERT_EQUAL(open_ports(), 1);
    CU_ASSERT_EQUAL(port()->associations, 1);
    end();
}

static void without_a_bundle_each_has_its_own(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(
        offer(HEAD "m=audio 40000 UDP/TLS/RTP/SAVPF 8\r\n" DTLS "m=video 40002" VIDEO DTLS), 0);
    CU_ASSERT_FALSE(sdp.has_bundle);
    CU_ASSERT_NOT_EQUAL(sdp.media[0].port, sdp.media[1].port);
    CU_ASSERT_EQUAL(open_ports(), 2);
    /* The picture goes again: its port with it. */
    CU_ASSERT_EQUAL_FATAL(
        offer(HEAD "m=audio 40000 UDP/TLS/RTP/SAVPF 8\r\n" DTLS "m=video 0" VIDEO), 0);
    CU_ASSERT_EQUAL(sdp.media[1].port, 0);
    CU_ASSERT_EQUAL(open_ports(), 1);
    /* And comes back. */
    CU_ASSERT_EQUAL_FATAL(
        offer(HEAD "m=audio 40000 UDP/TLS/RTP/SAVPF 8\r\n" DTLS "m=video 40002" VIDEO DTLS), 0);
    CU_ASSERT_NOT_EQUAL(sdp.media[1].port, 0);
    CU_ASSERT_EQUAL(open_ports(), 2);
    end();
}

#define DATA                                                                       \
    "m=application 40002 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5001\r\n" \
    "a=max-message-size:1000\r\na=setup:actpass\r\na=fingerprint:sha-256 " FP_A "\r\n"

static void other_applications_are_answered_with_port_0(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER "m=application 40002 TCP/DTLS/SCTP webrtc-datachannel\r\n"),
                          0);
    CU_ASSERT_EQUAL(sdp.media_count, 2);
    CU_ASSERT_EQUAL(sdp.media[1].port, 0);
    CU_ASSERT_STRING_EQUAL(sdp.media[1].format_text, "webrtc-datachannel");
    CU_ASSERT_EQUAL(w->env.stats.sdp_lines_refused, 1);
    end();
}

static void data_channels_are_bound(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER DATA), 0);
    CU_ASSERT_NOT_EQUAL(sdp.media[1].port, 0);
    CU_ASSERT_NOT_EQUAL(sdp.media[1].port, sdp.media[0].port);
    CU_ASSERT_EQUAL(sdp.media[1].sctp_port, 5000);
    CU_ASSERT_EQUAL(sdp.media[1].max_message_size, 65536);
    CU_ASSERT_EQUAL(sdp.media[1].dtls.setup, H23510_SETUP_PASSIVE);
    CU_ASSERT_FALSE(sdp.media[1].rtcp_mux);
    CU_ASSERT_EQUAL(open_ports(), 2);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"), 0);
    CU_ASSERT_EQUAL(sdp.media[1].port, 0);
    CU_ASSERT_EQUAL(open_ports(), 1);
    end();
}

static void video_meets_an_h323_endpoint(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(
        offer(HEAD "m=audio 40000 UDP/TLS/RTP/SAVPF 8\r\n" DTLS "m=video 40002" VIDEO DTLS), 0);
    p = world_peer(w);
    peer_add_video(p, "H264");
    peer_call(p, "demo");
    world_run(w);
    world_pass(w, 10);
    CU_ASSERT_EQUAL(p->caps.relayed_count, 1);
    CU_ASSERT_STRING_EQUAL(p->caps.relayed[0].name, "H264");
    peer_open_relayed(p, "H264");
    world_run(w);
    world_pass(w, 10);
    CU_ASSERT_PTR_NOT_NULL(peer_channel(p, H245_MEDIA_VIDEO, H245_INCOMING));
    /* The peer's 96 arrives as the 98 that SDP wants. */
    CU_ASSERT_TRUE(world_port(w, p)->routes >= 2);
    for (size_t i = 0; i < world_port(w, p)->routes; i++) {
        const struct media_route *r = &world_port(w, p)->route[i];

        if (r->is_video) {
            CU_ASSERT_EQUAL(r->pt_in, 96);
            CU_ASSERT_EQUAL(r->pt_out, 98);
        }
    }
    peer_hang_up(p);
    world_run(w);
    end();
}

/* RFC 6184 section 8.2.2: the answer says what the H.323 endpoint can decode (Baseline, level 3.1),
 * not what was offered; formats of another profile are not for it. */
static void video_is_answered_as_the_other_side_decodes_it(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    peer_add_video(p, "H264");
    peer_call(p, "demo");
    world_run(w);
    world_pass(w, 10);
    CU_ASSERT_EQUAL_FATAL(
        offer(HEAD "m=audio 40000 UDP/TLS/RTP/SAVPF 8\r\n" DTLS
                   "m=video 40002 UDP/TLS/RTP/SAVPF 96 97 98\r\na=rtpmap:96 H264/90000\r\n"
                   "a=fmtp:96 profile-level-id=640028;packetization-mode=0\r\n"
                   "a=rtpmap:97 H264/90000\r\n"
                   "a=fmtp:97 level-asymmetry-allowed=1;packetization-mode=1;"
                   "profile-level-id=42e02a;max-fs=8704\r\n" DTLS),
        0);
    CU_ASSERT_EQUAL(sdp.media[1].format[0].payload_type, 97);
    CU_ASSERT_STRING_EQUAL(sdp.media[1].format[0].fmtp,
                           "profile-level-id=42e01f;packetization-mode=1");
    /* High alone: no picture, and the voice stays. */
    CU_ASSERT_EQUAL_FATAL(offer(HEAD
                                "m=audio 40000 UDP/TLS/RTP/SAVPF 8\r\n" DTLS
                                "m=video 40002 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"
                                "a=fmtp:96 profile-level-id=640028;packetization-mode=0\r\n" DTLS),
                          0);
    CU_ASSERT_EQUAL(sdp.media[1].port, 0);
    peer_hang_up(p);
    world_run(w);
    end();
}

#define ICE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"

static void ice_tells_where_the_peer_is(void)
{
    const char *text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
                       "m=audio 9 UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 0.0.0.0\r\n" DTLS;
    char with[1024], restart[1024];

    snprintf(with, sizeof(with), "%s%s", text, ICE);
    snprintf(restart, sizeof(restart), "%sa=ice-ufrag:efgh\r\na=ice-pwd:%s", text,
             "0123456789012345678901\r\n");
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(offer(text), ERR_REFUSED); /* neither address nor ICE */
    CU_ASSERT_EQUAL_FATAL(offer(with), 0);
    CU_ASSERT_TRUE(sdp.is_ice_lite && sdp.media[0].ice.is_set);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].ice.ufrag, port()->ice.ufrag);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].ice.password, port()->ice.password);
    CU_ASSERT_EQUAL(port()->associations, 0);
    CU_ASSERT_EQUAL(port()->remote.family, ADDR_NONE);
    world_selected(w, leg, "192.0.2.77:5678");
    CU_ASSERT_EQUAL(port()->associations, 1);
    CU_ASSERT_EQUAL(port()->remote.port, 5678);
    CU_ASSERT_EQUAL_FATAL(offer(with), 0); /* the same checks, the same credentials */
    CU_ASSERT_EQUAL(port()->ices, 1);
    CU_ASSERT_EQUAL_FATAL(offer(restart), 0);
    CU_ASSERT_EQUAL(port()->ices, 2);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].ice.ufrag, port()->ice.ufrag);
    CU_ASSERT_EQUAL(port()->associations, 1);
    CU_ASSERT_EQUAL(port()->remote.port, 5678);
    end();
}

static void a_lite_peer_is_where_it_says(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer("v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\n"
                                "t=0 0\r\na=ice-lite\r\n" ICE
                                "m=audio 40000 UDP/TLS/RTP/SAVPF 8\r\n" DTLS),
                          0);
    CU_ASSERT_FALSE(sdp.media[0].ice.is_set);
    CU_ASSERT_EQUAL(port()->ices, 0);
    CU_ASSERT_EQUAL(port()->remote.port, 40000);
    CU_ASSERT_EQUAL(port()->associations, 1);
    end();
}

static void our_offer_waits_for_its_answer(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(session_sdp_offer(leg->session, &sdp, &why, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(sdp.media[0].format_count, 2);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup, H23510_SETUP_ACTPASS);
    CU_ASSERT_EQUAL(port()->associations, 0);
    CU_ASSERT_EQUAL(offer(OFFER), ERR_REFUSED);
    parse(OFFER);
    sdp.media[0].dtls.setup = H23510_SETUP_ACTIVE;
    CU_ASSERT_EQUAL_FATAL(session_sdp_accept(leg->session, &sdp, &why, w->now), 0);
    CU_ASSERT_EQUAL(port()->associations, 1);
    CU_ASSERT_FALSE(port()->is_active);
    CU_ASSERT_EQUAL(session_sdp_accept(leg->session, &sdp, &why, w->now), ERR_REFUSED);
    end();
}

static void an_offer_that_nobody_answers_ends_the_leg(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(session_sdp_offer(leg->session, &sdp, &why, w->now), 0);
    world_run(w);
    world_pass(w, 180001);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_NO_ANSWER);
    end();
}

static void a_failed_handshake_ends_the_leg_at_once(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    world_dtls_failed(w, leg, DTLS_FAIL_FINGERPRINT);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_DTLS_FAILED);
    end();
}

static void clear_media_need_a_policy_that_has_them(void)
{
    const char *plain = HEAD "m=audio 40000 RTP/AVP 8\r\n";

    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(offer(plain), ERR_REFUSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
    begin(SETTINGS_DTLS_PREFERRED);
    CU_ASSERT_EQUAL_FATAL(offer(plain), 0);
    CU_ASSERT_EQUAL(port()->request.kind, MEDIA_PLAIN_RTP);
    CU_ASSERT_EQUAL(port()->remote_control.port, 40001);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.fingerprint_count, 0);
    end();
    begin(SETTINGS_DTLS_OFF);
    CU_ASSERT_EQUAL(offer(OFFER), ERR_REFUSED);
    end();
}

/* The other member speaks H.323: each has the other's port as its route. */
static void meets_an_h323_endpoint(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    world_keyed(w, leg);
    p = world_peer(w);
    peer_call(p, "demo");
    world_run(w);
    world_keyed(w, p);
    CU_ASSERT_TRUE(p->in_open && p->out_open);
    CU_ASSERT_EQUAL(p->in_audio.codec, H245_CODEC_PCMA); /* what the leg has */
    CU_ASSERT_PTR_EQUAL(port()->to, world_port(w, p));
    CU_ASSERT_PTR_EQUAL(world_port(w, p)->to, port());
    CU_ASSERT_EQUAL_FATAL(offer(OFFER "a=sendonly\r\n"), 0);
    CU_ASSERT_PTR_NULL(world_port(w, p)->to); /* nothing goes to who holds */
    peer_hang_up(p);
    world_run(w);
    end();
}

#define WEB                                                                                  \
    HEAD "m=audio 40000 UDP/TLS/RTP/SAVPF 96 0 8 97 126\r\na=rtcp-mux\r\n"                   \
         "a=setup:actpass\r\na=fingerprint:sha-256 " FP_A "\r\na=rtpmap:96 opus/48000/2\r\n" \
         "a=rtpmap:97 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n"

static void a_mix_takes_dynamic_codecs_and_keys_by_the_offers_numbers(void)
{
    begin_in(SETTINGS_DTLS_REQUIRED, SETTINGS_CONFERENCE_MIX);
    CU_ASSERT_EQUAL_FATAL(offer(WEB), 0);
    CU_ASSERT_EQUAL_FATAL(sdp.media[0].format_count, 2);
    CU_ASSERT_EQUAL(sdp.media[0].format[0].payload_type, 96);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].format[0].name, "opus");
    CU_ASSERT_EQUAL(sdp.media[0].format[0].channels, 2);
    CU_ASSERT_EQUAL(sdp.media[0].format[1].payload_type, 126);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].format[1].name, "telephone-event");
    end();
}

/* With nothing but the clock of Opus the keys are taken by it, unless the codec has another. */
static void keys_by_the_clock_of_opus_alone_are_taken_beside_it(void)
{
    static const char only_48000[] =
        HEAD "m=audio 40000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\n"
             "a=rtpmap:97 telephone-event/48000\r\n";
    static const char beside_pcma[] =
        HEAD "m=audio 40000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/48000\r\n";

    begin_in(SETTINGS_DTLS_OFF, SETTINGS_CONFERENCE_MIX);
    CU_ASSERT_EQUAL_FATAL(offer(only_48000), 0);
    world_run(w);
    CU_ASSERT_EQUAL_FATAL(sdp.media[0].format_count, 2);
    CU_ASSERT_EQUAL(sdp.media[0].format[1].payload_type, 97);
    CU_ASSERT_EQUAL(sdp.media[0].format[1].clock, 48000);
    CU_ASSERT_EQUAL(port()->member.event_pt, 97);
    CU_ASSERT_EQUAL(port()->member.event_clock, 48000);
    CU_ASSERT_EQUAL_FATAL(offer(beside_pcma), 0);
    world_run(w);
    CU_ASSERT_EQUAL_FATAL(sdp.media[0].format_count, 1);
    CU_ASSERT_EQUAL(sdp.media[0].format[0].payload_type, 8);
    end();
}

/* The other side of a relay has its own numbers, and its own way of keys. */
static void a_relay_takes_neither(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(WEB), 0);
    CU_ASSERT_EQUAL_FATAL(sdp.media[0].format_count, 1);
    CU_ASSERT_EQUAL(sdp.media[0].format[0].payload_type, 8);
    end();
}

static void our_offer_to_a_mix_has_all_codecs_and_keys(void)
{
    begin_in(SETTINGS_DTLS_REQUIRED, SETTINGS_CONFERENCE_MIX);
    CU_ASSERT_EQUAL_FATAL(session_sdp_offer(leg->session, &sdp, &why, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL_FATAL(sdp.media[0].format_count, 4);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].format[0].name, "opus");
    CU_ASSERT(sdp.media[0].format[0].payload_type >= 96 &&
              sdp.media[0].format[0].payload_type <= 127);
    CU_ASSERT_EQUAL(sdp.media[0].format[0].channels, 2);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].format[3].name, "telephone-event");
    parse(WEB);
    sdp.media[0].dtls.setup = H23510_SETUP_ACTIVE;
    CU_ASSERT_EQUAL(session_sdp_accept(leg->session, &sdp, &why, w->now), 0);
    end();
}

SUITE("server/session_sdp", TEST(a_mix_takes_dynamic_codecs_and_keys_by_the_offers_numbers),
      TEST(keys_by_the_clock_of_opus_alone_are_taken_beside_it), TEST(a_relay_takes_neither),
      TEST(our_offer_to_a_mix_has_all_codecs_and_keys),
      TEST(an_offer_is_answered_with_the_complement), TEST(a_passive_offerer_makes_us_active),
      TEST(other_media_are_refused_in_their_place),
      TEST(hold_closes_a_direction_and_no_association),
      TEST(another_address_or_certificate_begins_anew), TEST(several_certificates_are_all_expected),
      TEST(plain_rtp_just_goes_elsewhere), TEST(audio_and_video_in_a_bundle_share_a_port),
      TEST(without_a_bundle_each_has_its_own), TEST(other_applications_are_answered_with_port_0),
      TEST(data_channels_are_bound), TEST(video_meets_an_h323_endpoint),
      TEST(video_is_answered_as_the_other_side_decodes_it), TEST(ice_tells_where_the_peer_is),
      TEST(a_lite_peer_is_where_it_says), TEST(our_offer_waits_for_its_answer),
      TEST(an_offer_that_nobody_answers_ends_the_leg),
      TEST(a_failed_handshake_ends_the_leg_at_once), TEST(clear_media_need_a_policy_that_has_them),
      TEST(meets_an_h323_endpoint))
