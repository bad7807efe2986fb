/* C-PASS (H.235.10 8.1 note): DTLS passes unopened between an H.323 leg and one by SDP that verify
 * each other; who begins the handshake has nothing to do with who calls or who is H.245 master. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "signalling/sdp/sdp.h"
#include "tests/conformance/calls.h"
#include "tests/suite.h"

static struct world *w;
static struct sdp sdp;
static const char *why;

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

static void settle(void)
{
    for (int i = 0; i < 4; i++) {
        world_run(w);
        world_pass(w, 1);
    }
}

/* The SIP side's description; its certificate is made of `octet`s. */
static int offer(struct peer *leg, const char *setup, unsigned octet)
{
    char text[1024];
    struct sdp_error error;
    int n = snprintf(text, sizeof(text),
                     "v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n"
                     "m=audio 40000 UDP/TLS/RTP/SAVP 8\r\na=rtcp-mux\r\na=setup:%s\r\n"
                     "a=fingerprint:sha-256 ",
                     setup);
    int err;

    for (int i = 0; i < 32; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%02X", i ? ":" : "", octet);
    n += snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
    CU_ASSERT_EQUAL_FATAL(sdp_parse(text, (size_t)n, &sdp, &error), 0);
    err = session_sdp_answer(leg->session, &sdp, &why, w->now);
    settle();
    return err;
}

static bool is_unopened(const struct media_port *a, const struct media_port *b)
{
    return a->request.kind == MEDIA_PASS && b->request.kind == MEDIA_PASS && a->to == b &&
           b->to == a && a->associations + b->associations == 0;
}

/* What each side is told is the other's: fingerprint, hash, role. */
static void check_carried(struct peer *leg, struct peer *p, const char *setup)
{
    bool is_peer_active = p->dtls.agreement.role == H23510_ROLE_ACTIVE;

    CU_ASSERT_TRUE_FATAL(p->in_open && p->out_open);
    CU_ASSERT_TRUE(is_unopened(world_port(w, leg), world_port(w, p)));
    CU_ASSERT_EQUAL(p->dtls.agreement.peer_fingerprint.hash, FINGERPRINT_SHA256);
    CU_ASSERT_EQUAL(p->dtls.agreement.peer_fingerprint.digest[0], 0xA7);
    CU_ASSERT_EQUAL(p->dtls.agreement.peer_fingerprint.digest[31], 0xA7);
    /* The same offer again is answered with what was carried to it. */
    CU_ASSERT_EQUAL_FATAL(offer(leg, setup, 0xA7), 0);
    CU_ASSERT(fingerprint_equal(&sdp.media[0].dtls.fingerprint[0],
                                &w->peer_id.fingerprints[FINGERPRINT_SHA256]));
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup,
                    is_peer_active ? H23510_SETUP_ACTIVE : H23510_SETUP_PASSIVE);
    CU_ASSERT_EQUAL(w->env.stats.dtls_established, 0);
}

static void fingerprints_and_roles_pass_between_h245_and_sdp(void)
{
    static const char *const setups[] = {"active", "passive", "actpass"};
    static const enum h23510_setup peers[] = {H23510_SETUP_ACTIVE, H23510_SETUP_PASSIVE,
                                              H23510_SETUP_ACTPASS};

    for (size_t i = 0; i < SIDES * 9; i++) {
        const struct side *side = &sides[i / 9];
        size_t ours = i % 9 / 3, theirs = i % 3;
        bool is_possible = ours == 2 || theirs == 2 || ours != theirs;
        struct peer *leg, *p;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        leg = sdp_leg();
        CU_ASSERT_EQUAL(offer(leg, setups[ours], 0xA7), ERR_AGAIN);
        p = calls_peer(w, side);
        p->setup = peers[theirs];
        calls_try(w, side, p);
        settle();
        CU_ASSERT_EQUAL(p->is_master, !side->is_master);
        if (is_possible) {
            check_carried(leg, p, setups[ours]);
        } else {
            CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
            CU_ASSERT_EQUAL(session_end_reason(leg->session), SESSION_END_DTLS_REQUIRED);
        }
        session_close(leg->session, SESSION_END_OPERATOR, w->now);
        settle();
        world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
        CU_ASSERT_TRUE(p->is_released); /* nobody is left to talk to */
        calls_end(w);
        if (is_possible)
            PROVES_FOR("C-PASS", side_text(side, ""));
    }
}

SUITE("conformance/pass", TEST(fingerprints_and_roles_pass_between_h245_and_sdp))
