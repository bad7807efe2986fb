/* C-PASS in signalling: what the peers of two legs say of DTLS passes between them, by H.245 and
 * SDP in all combinations, and the server has no part in it. */
#include "fake_world.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "signalling/schema/h245.h"
#include "signalling/sdp/sdp.h"
#include "tests/suite.h"

#define FP_A                                                          \
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:" \
    "4B:65:2E:7D:46:3F:54:42:CD:54:F1"
#define FP_B                                                          \
    "5A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:" \
    "4B:65:2E:7D:46:3F:54:42:CD:54:F1"
#define FP_512                                                                                   \
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:" \
    "54:F1:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:" \
    "42:CD:54:F1"
#define HEAD  "v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n"
#define AUDIO HEAD "m=audio 40000 UDP/TLS/RTP/SAVP 8\r\na=rtcp-mux\r\n"

static struct world *w;
static struct sdp sdp;
static const char *why;

static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
}

static void settle(void)
{
    for (int i = 0; i < 4; i++) {
        world_run(w);
        world_pass(w, 1);
    }
}

static struct peer *sdp_leg(void)
{
    struct session_config config = {.is_by_sdp = true, .peer = {.family = ADDR_IP4}};
    const struct session_sdp_options options = {.mode = SESSION_SDP_PASS};
    struct peer *leg = world_callee(w);

    session_destroy(leg->session);
    config.listener = &w->settings->signalling.listeners[0];
    config.owner = leg;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &leg->session), 0);
    CU_ASSERT_EQUAL_FATAL(session_sdp_begin(leg->session, "demo", &options, &why), 0);
    return leg;
}

static void parse(const char *text)
{
    struct sdp_error error;

    CU_ASSERT_EQUAL_FATAL(sdp_parse(text, strlen(text), &sdp, &error), 0);
}

static int offer(struct peer *leg, const char *setup, const char *fp)
{
    char text[1024];
    int err;

    snprintf(text, sizeof(text), AUDIO "a=setup:%s\r\na=fingerprint:%s\r\n", setup, fp);
    parse(text);
    err = session_sdp_answer(leg->session, &sdp, &why, w->now);
    settle();
    return err;
}

static struct peer *h323_leg(enum h23510_setup setup)
{
    struct peer *p = world_peer(w);

    p->setup = setup;
    peer_call(p, "demo");
    settle();
    return p;
}

static void close_leg(struct peer *leg)
{
    session_close(leg->session, SESSION_END_OPERATOR, w->now);
    settle();
}

static void end(void)
{
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    world_destroy(w);
}

static bool passes(struct peer *a, struct peer *b)
{
    const struct media_port *p = world_port(w, a), *q = world_port(w, b);

    return p->request.kind == MEDIA_PASS && q->request.kind == MEDIA_PASS && p->routes == 1 &&
           q->routes == 1 && p->to == q && q->to == p && p->route[0].pt_in == MEDIA_PT_ANY &&
           p->route[0].pt_out == MEDIA_PT_ANY && p->associations + q->associations == 0;
}

static void c_pass_sdp_offer_meets_an_h323_endpoint(void)
{
    struct peer *leg, *p;

    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_AGAIN);
    CU_ASSERT_EQUAL(world_events(w, "session.described"), 0);
    p = h323_leg(H23510_SETUP_ACTPASS);
    CU_ASSERT_EQUAL(world_events(w, "session.described"), 1);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_ACTIVE);
    CU_ASSERT_TRUE(p->in_open && p->out_open);
    CU_ASSERT_TRUE(passes(leg, p));
    CU_ASSERT_EQUAL(p->dtls.agreement.peer_fingerprint.digest[0], 0x4a);
    /* A later offer of the same tells what the first answer did. */
    CU_ASSERT_EQUAL_FATAL(offer(leg, "actpass", "sha-256 " FP_A), 0);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.fingerprint_count, 1);
    CU_ASSERT_TRUE(fingerprint_equal(&sdp.media[0].dtls.fingerprint[0],
                                     &w->peer_id.fingerprints[FINGERPRINT_SHA256]));
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup, H23510_SETUP_ACTIVE);
    CU_ASSERT_EQUAL(p->dtls.agreement.role, H23510_ROLE_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.dtls_established, 0);
    close_leg(leg);
    CU_ASSERT_TRUE(p->is_released); /* nobody is left to talk to */
    end();
}

/* All pairs of roles, whoever is H.245's master: what one is told is the mirror of the other. */
static void c_pass_roles_are_carried(void)
{
    static const char *const setups[] = {"active", "passive", "actpass"};
    static const enum h23510_setup peers[] = {H23510_SETUP_ACTIVE, H23510_SETUP_PASSIVE,
                                              H23510_SETUP_ACTPASS};

    for (size_t i = 0; i < 9; i++) {
        struct peer *leg, *p;
        bool is_possible = i % 3 == 2 || i / 3 == 2 || i % 3 != i / 3;

        begin();
        leg = sdp_leg();
        CU_ASSERT_EQUAL(offer(leg, setups[i / 3], "sha-256 " FP_A), ERR_AGAIN);
        p = h323_leg(peers[i % 3]);
        CU_ASSERT_EQUAL(world_events(w, "session.described"), is_possible);
        if (is_possible) {
            bool is_peer_active = p->dtls.agreement.role == H23510_ROLE_ACTIVE;

            CU_ASSERT_TRUE(passes(leg, p));
            CU_ASSERT_EQUAL(offer(leg, setups[i / 3], "sha-256 " FP_A), 0);
            CU_ASSERT_EQUAL(sdp.media[0].dtls.setup,
                            is_peer_active ? H23510_SETUP_ACTIVE : H23510_SETUP_PASSIVE);
            if (i / 3 == 0)
                CU_ASSERT_FALSE(is_peer_active);
            if (i / 3 == 1)
                CU_ASSERT_TRUE(is_peer_active);
            close_leg(leg);
        } else {
            CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
            CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_DTLS_REQUIRED);
        }
        end();
    }
}

static void c_pass_h323_endpoints_meet_each_other(void)
{
    static const enum h23510_setup setups[][2] = {
        {H23510_SETUP_ACTPASS, H23510_SETUP_ACTPASS}, {H23510_SETUP_ACTIVE, H23510_SETUP_ACTPASS},
        {H23510_SETUP_ACTPASS, H23510_SETUP_ACTIVE},  {H23510_SETUP_PASSIVE, H23510_SETUP_ACTIVE},
        {H23510_SETUP_ACTIVE, H23510_SETUP_PASSIVE},
    };

    for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        struct peer *a, *b;

        begin();
        w->settings->conferences[0].passthrough = true;
        a = h323_leg(setups[i][0]);
        CU_ASSERT_TRUE(a->caps.is_empty); /* wait */
        CU_ASSERT_EQUAL(world_open_ports(w), 0);
        b = world_peer(w);
        b->setup = setups[i][1];
        peer_init_dtls(b);
        b->dtls.identity.fingerprints[FINGERPRINT_SHA256].digest[0] ^= 0xff;
        peer_call(b, "demo");
        settle();
        CU_ASSERT_TRUE(a->in_open && a->out_open && b->in_open && b->out_open);
        CU_ASSERT_TRUE(passes(a, b));
        CU_ASSERT_TRUE(fingerprint_equal(&a->dtls.agreement.peer_fingerprint,
                                         &b->dtls.identity.fingerprints[FINGERPRINT_SHA256]));
        CU_ASSERT_TRUE(fingerprint_equal(&b->dtls.agreement.peer_fingerprint,
                                         &a->dtls.identity.fingerprints[FINGERPRINT_SHA256]));
        CU_ASSERT_NOT_EQUAL(a->dtls.agreement.role, b->dtls.agreement.role);
        peer_hang_up(a);
        settle();
        CU_ASSERT_TRUE(b->is_released);
        end();
    }
}

static void c_pass_sdp_meets_sdp(void)
{
    struct peer *a, *b;

    begin();
    a = sdp_leg();
    CU_ASSERT_EQUAL(offer(a, "actpass", "sha-512 " FP_512), ERR_AGAIN);
    b = sdp_leg();
    CU_ASSERT_EQUAL_FATAL(session_sdp_offer(b->session, &sdp, &why, w->now), 0);
    settle();
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup, H23510_SETUP_ACTPASS);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.fingerprint[0].hash, FINGERPRINT_SHA512);
    CU_ASSERT_EQUAL(world_events(w, "session.described"), 0);
    parse(AUDIO "a=setup:active\r\na=fingerprint:sha-512 " FP_512 "\r\n");
    CU_ASSERT_EQUAL_FATAL(session_sdp_accept(b->session, &sdp, &why, w->now), 0);
    settle();
    CU_ASSERT_EQUAL(world_events(w, "session.described"), 1);
    CU_ASSERT_TRUE(passes(a, b));
    CU_ASSERT_EQUAL_FATAL(offer(a, "actpass", "sha-512 " FP_512), 0);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup, H23510_SETUP_ACTIVE);
    close_leg(b);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_CLOSED);
    end();
}

#define BUNDLED(video, data)                                                                     \
    HEAD "a=group:BUNDLE a v d\r\nm=audio 40000 UDP/TLS/RTP/SAVP 8\r\na=mid:a\r\na=rtcp-mux\r\n" \
         "a=setup:active\r\na=fingerprint:sha-256 " FP_A "\r\n"                                  \
         "m=video " video " UDP/TLS/RTP/SAVP 107\r\na=mid:v\r\na=rtcp-mux\r\n"                   \
         "a=rtpmap:107 H264/90000\r\na=fmtp:107 profile-level-id=42e01f\r\n"                     \
         "a=setup:active\r\na=fingerprint:sha-256 " FP_A "\r\n"                                  \
         "m=application " data " UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n"                \
         "a=sctp-port:6000\r\na=max-message-size:4096\r\n"                                       \
         "a=setup:active\r\na=fingerprint:sha-256 " FP_A "\r\n"

/* Both legs by SDP: what one has, the other is offered in the group, by the same numbers. */
static void c_pass_video_and_data_share_the_connection(void)
{
    struct session_config config = {.is_by_sdp = true, .peer = {.family = ADDR_IP4}};
    const struct session_sdp_options options = {
        .mode = SESSION_SDP_PASS, .video = true, .data = true};
    struct peer *a, *b;

    begin();
    a = sdp_leg();
    parse(BUNDLED("40000", "40000"));
    CU_ASSERT_EQUAL(session_sdp_answer(a->session, &sdp, &why, w->now), ERR_AGAIN);
    settle();
    b = world_callee(w);
    session_destroy(b->session);
    config.listener = &w->settings->signalling.listeners[0];
    config.owner = b;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &b->session), 0);
    CU_ASSERT_EQUAL_FATAL(session_sdp_begin(b->session, "demo", &options, &why), 0);
    CU_ASSERT_EQUAL_FATAL(session_sdp_offer(b->session, &sdp, &why, w->now), 0);
    CU_ASSERT_EQUAL_FATAL(sdp.media_count, 3);
    CU_ASSERT_TRUE(!sdp.media[0].is_bundle_only && sdp.media[1].is_bundle_only &&
                   sdp.media[2].is_bundle_only);
    CU_ASSERT_EQUAL(sdp.media[1].format[0].payload_type, 107);
    CU_ASSERT_EQUAL(sdp.media[2].sctp_port, 6000);
    CU_ASSERT_EQUAL(sdp.media[2].max_message_size, 4096);
    parse(HEAD
          "a=group:BUNDLE 0 1 2\r\nm=audio 40000 UDP/TLS/RTP/SAVP 8\r\na=mid:0\r\na=rtcp-mux\r\n"
          "a=setup:passive\r\na=fingerprint:sha-256 " FP_B "\r\n"
          "m=video 40000 UDP/TLS/RTP/SAVP 99\r\na=mid:1\r\na=rtcp-mux\r\n"
          "a=rtpmap:99 H264/90000\r\na=fmtp:99 profile-level-id=42e01f\r\n"
          "m=application 40000 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"
          "a=sctp-port:7000\r\n");
    CU_ASSERT_EQUAL_FATAL(session_sdp_accept(b->session, &sdp, &why, w->now), 0);
    settle();
    CU_ASSERT_EQUAL(world_events(w, "session.described"), 1);
    CU_ASSERT_EQUAL(world_open_ports(w), 2);
    CU_ASSERT_TRUE(passes(a, b));
    /* A later offer is answered as the first: by the number that the other takes video by. */
    parse(BUNDLED("40000", "40000"));
    CU_ASSERT_EQUAL_FATAL(session_sdp_answer(a->session, &sdp, &why, w->now), 0);
    CU_ASSERT_EQUAL(sdp.media[1].format[0].payload_type, 99);
    CU_ASSERT_EQUAL(sdp.media[1].port, sdp.media[0].port);
    CU_ASSERT_EQUAL(sdp.media[2].port, sdp.media[0].port);
    CU_ASSERT_EQUAL(sdp.media[2].sctp_port, 7000);
    CU_ASSERT_EQUAL(sdp.media[2].max_message_size, 65536);
    /* Video may go, and the others stay. */
    parse(BUNDLED("0", "40000"));
    CU_ASSERT_EQUAL_FATAL(session_sdp_answer(a->session, &sdp, &why, w->now), 0);
    CU_ASSERT_EQUAL(sdp.media[1].port, 0);
    CU_ASSERT_NOT_EQUAL(sdp.media[2].port, 0);
    CU_ASSERT_EQUAL(world_open_ports(w), 2);
    close_leg(b);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_CLOSED);
    end();
}

/* Another port is another DTLS connection, which an H.323 endpoint does not have. */
static void c_pass_lines_beside_the_group_are_refused(void)
{
    static const char *const offers[] = {BUNDLED("40002", "40002"), BUNDLED("40000", "40000")};
    struct peer *leg, *p;
    uint64_t refused;

    begin();
    leg = sdp_leg();
    parse(offers[0]);
    for (size_t i = 0; i < sdp.media_count; i++)
        sdp.media[i].is_bundled = false;
    CU_ASSERT_EQUAL(session_sdp_answer(leg->session, &sdp, &why, w->now), ERR_AGAIN);
    p = h323_leg(H23510_SETUP_ACTPASS);
    CU_ASSERT_EQUAL(world_events(w, "session.described"), 1);
    CU_ASSERT_TRUE(p->in_open && p->out_open);
    CU_ASSERT_EQUAL(world_open_ports(w), 2);
    /* In the group, but the H.323 endpoint has neither. */
    refused = w->env.stats.sdp_lines_refused;
    parse(offers[1]);
    CU_ASSERT_EQUAL_FATAL(session_sdp_answer(leg->session, &sdp, &why, w->now), 0);
    CU_ASSERT_NOT_EQUAL(sdp.media[0].port, 0);
    CU_ASSERT_EQUAL(sdp.media[2].port, 0);
    CU_ASSERT_TRUE(w->env.stats.sdp_lines_refused > refused);
    close_leg(leg);
    end();
}

static void c_pass_an_offer_of_ours_waits_for_the_other_side(void)
{
    struct peer *leg, *p;

    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(session_sdp_offer(leg->session, &sdp, &why, w->now), ERR_AGAIN);
    settle();
    p = h323_leg(H23510_SETUP_ACTPASS);
    CU_ASSERT_EQUAL(world_events(w, "session.described"), 1);
    CU_ASSERT_FALSE(p->out_open); /* its OLC waits for the fingerprint of who answers */
    parse(AUDIO "a=setup:passive\r\na=fingerprint:sha-256 " FP_A "\r\n");
    CU_ASSERT_EQUAL_FATAL(session_sdp_accept(leg->session, &sdp, &why, w->now), 0);
    settle();
    CU_ASSERT_TRUE(p->in_open && p->out_open);
    CU_ASSERT_TRUE(passes(leg, p));
    CU_ASSERT_EQUAL(p->dtls.agreement.peer_fingerprint.digest[0], 0x4a);
    CU_ASSERT_EQUAL(p->dtls.agreement.role, H23510_ROLE_ACTIVE);
    peer_hang_up(p);
    settle();
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_CLOSED);
    end();
}

/* A peer whose only hash is another than the other side's. */
static void tamper_hash(struct h245_TerminalCapabilitySet *tcs)
{
    for (uint32_t i = 0; i < tcs->capabilityTable.n; i++) {
        struct h245_Capability *cap = tcs->capabilityTable.v[i].capability;
        struct h245_DTLSSecurityCapability *dtls;

        if (cap == NULL || cap->kind != h245_Capability_h235SecurityCapability)
            continue;
        dtls = cap->u.h235SecurityCapability->encryptionAuthenticationAndIntegrity
                   .dtlsSecurityCapability;
        for (uint32_t k = 0; dtls != NULL && k < dtls->hashFunction.n; k++)
            dtls->hashFunction.v[k] = dtls->hashFunction.v[dtls->hashFunction.n - 1];
    }
}

static void c_pass_without_a_common_hash_both_legs_end(void)
{
    struct peer *leg, *p;

    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_AGAIN);
    p = world_peer(w);
    p->tamper_tcs = tamper_hash;
    peer_call(p, "demo");
    settle();
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
    end();
}

static void c_pass_a_peer_without_dtls_is_refused(void)
{
    struct peer *leg, *p;

    begin();
    w->settings->signalling.listeners[0].dtls = SETTINGS_DTLS_PREFERRED;
    leg = sdp_leg();
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_AGAIN);
    p = world_peer(w);
    p->mode = H23510_MODE_OFF;
    peer_call(p, "demo");
    settle();
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(w->env.stats.downgraded, 0);
    end();
}

static void c_pass_clear_and_unmuxed_offers_are_refused(void)
{
    struct peer *leg;

    begin();
    w->settings->signalling.listeners[0].dtls = SETTINGS_DTLS_PREFERRED;
    leg = sdp_leg();
    parse(HEAD "m=audio 40000 RTP/AVP 8\r\n");
    CU_ASSERT_EQUAL(session_sdp_answer(leg->session, &sdp, &why, w->now), ERR_REFUSED);
    parse(HEAD "m=audio 40000 UDP/TLS/RTP/SAVP 8\r\na=setup:active\r\na=fingerprint:sha-256 " FP_A
               "\r\n");
    CU_ASSERT_EQUAL(session_sdp_answer(leg->session, &sdp, &why, w->now), ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "rtcp-mux"));
    CU_ASSERT_EQUAL(offer(leg, "holdconn", "sha-256 " FP_A), ERR_REFUSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    close_leg(leg);
    end();
}

static void c_pass_a_running_association_keeps_its_fingerprint(void)
{
    struct peer *leg;

    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_AGAIN);
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_REFUSED); /* not answered yet */
    (void)h323_leg(H23510_SETUP_ACTPASS);
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_B), ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "fingerprint"));
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), 0);
    close_leg(leg);
    end();
}

static void c_pass_without_media_both_legs_end(void)
{
    struct peer *leg, *p;

    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_AGAIN);
    p = h323_leg(H23510_SETUP_ACTPASS);
    world_pass(w, w->settings->dtls.handshake_timeout_ms + 10);
    settle();
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_FAILED);
    CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_DTLS_FAILED);
    CU_ASSERT_TRUE(world_has_event(w, "dtls.failed"));
    end();
    /* One packet on one leg is enough. */
    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_AGAIN);
    p = h323_leg(H23510_SETUP_ACTPASS);
    world_first_packet(w, p, 0);
    CU_ASSERT_EQUAL(world_events(w, "media.passed"), 1);
    world_pass(w, w->settings->dtls.handshake_timeout_ms + 10);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_ACTIVE);
    close_leg(leg);
    end();
}

static void c_pass_nobody_waits_for_ever(void)
{
    struct peer *leg, *p;

    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(offer(leg, "actpass", "sha-256 " FP_A), ERR_AGAIN);
    world_pass(w, 180001);
    settle();
    CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_NO_ANSWER);
    w->settings->conferences[0].passthrough = true;
    p = h323_leg(H23510_SETUP_ACTPASS);
    world_pass(w, 60000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    world_pass(w, 130000);
    settle();
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    end();
}

static void c_pass_conferences_of_the_other_mode_are_refused(void)
{
    const struct session_sdp_options pass = {.mode = SESSION_SDP_PASS},
                                     terminate = {.mode = SESSION_SDP_TERMINATE};
    struct session_config config = {.is_by_sdp = true, .peer = {.family = ADDR_IP4}};
    struct session *s = NULL;
    struct peer *p;

    begin();
    p = h323_leg(H23510_SETUP_ACTPASS);
    config.listener = &w->settings->signalling.listeners[0];
    config.owner = p;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &s), 0);
    CU_ASSERT_EQUAL(session_sdp_begin(s, "demo", &pass, &why), ERR_REFUSED);
    session_destroy(s);
    peer_hang_up(p);
    settle();
    w->settings->conferences[0].passthrough = true;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &s), 0);
    CU_ASSERT_EQUAL(session_sdp_begin(s, "demo", &terminate, &why), ERR_REFUSED);
    session_destroy(s);
    end();
}

SUITE("server/session_pass", TEST(c_pass_sdp_offer_meets_an_h323_endpoint),
      TEST(c_pass_roles_are_carried), TEST(c_pass_h323_endpoints_meet_each_other),
      TEST(c_pass_sdp_meets_sdp), TEST(c_pass_video_and_data_share_the_connection),
      TEST(c_pass_lines_beside_the_group_are_refused),
      TEST(c_pass_an_offer_of_ours_waits_for_the_other_side),
      TEST(c_pass_without_a_common_hash_both_legs_end), TEST(c_pass_a_peer_without_dtls_is_refused),
      TEST(c_pass_clear_and_unmuxed_offers_are_refused),
      TEST(c_pass_a_running_association_keeps_its_fingerprint),
      TEST(c_pass_without_media_both_legs_end), TEST(c_pass_nobody_waits_for_ever),
      TEST(c_pass_conferences_of_the_other_mode_are_refused))
