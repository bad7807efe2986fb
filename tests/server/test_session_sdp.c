/* Legs by SDP (C-PASS, mode `terminate`): what an offer and an answer do to a session, and that
 * nothing is done by one that is refused. */
#include "fake_world.h"

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
static void begin(enum settings_dtls dtls)
{
    struct session_config config = {.is_by_sdp = true, .peer = {.family = ADDR_IP4}};

    w = world_create(dtls);
    leg = world_callee(w);
    session_destroy(leg->session);
    config.listener = &w->settings->signalling.listeners[0];
    config.owner = leg;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &leg->session), 0);
    CU_ASSERT_EQUAL_FATAL(session_sdp_begin(leg->session, "demo", &why), 0);
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
        if (w->ports[i].is_used && !w->ports[i].is_closed &&
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

static void a_running_leg_keeps_address_and_fingerprint(void)
{
    begin(SETTINGS_DTLS_REQUIRED);
    CU_ASSERT_EQUAL_FATAL(offer(OFFER), 0);
    CU_ASSERT_EQUAL(offer(AUDIO "a=setup:actpass\r\na=fingerprint:sha-256 " FP_B "\r\n"),
                    ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "fingerprint"));
    CU_ASSERT_EQUAL(offer(HEAD "m=audio 40002 UDP/TLS/RTP/SAVP 8\r\na=rtcp-mux\r\n"
                               "a=setup:actpass\r\na=fingerprint:sha-256 " FP_A "\r\n"),
                    ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "address"));
    CU_ASSERT_EQUAL(port()->fingerprint.digest[0], 0x4a);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_ACTIVE);
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

SUITE("server/session_sdp", TEST(an_offer_is_answered_with_the_complement),
      TEST(a_passive_offerer_makes_us_active), TEST(other_media_are_refused_in_their_place),
      TEST(hold_closes_a_direction_and_no_association),
      TEST(a_running_leg_keeps_address_and_fingerprint), TEST(our_offer_waits_for_its_answer),
      TEST(an_offer_that_nobody_answers_ends_the_leg),
      TEST(a_failed_handshake_ends_the_leg_at_once), TEST(clear_media_need_a_policy_that_has_them),
      TEST(meets_an_h323_endpoint))
