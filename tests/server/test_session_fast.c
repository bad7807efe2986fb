/* Fast connect with H.235.10 in it, callee's side: what is chosen, when the association begins, and
 * what an H.245 that follows finds. (Media in the clear: test_session_carrier.c.) */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "signalling/h23510/fast.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

static struct world *w;
static struct arena memory;
static struct h23510_fast_proposal list[H23510_FAST_MAX];
static struct h225_octets octets[H23510_FAST_MAX];
static size_t count;
static const struct h225_octets *extra; /* one more OLC in the Setup */

typedef void (*spoil_fn)(struct h245_DTLSSecurityCapability *cap);

static void respell(struct h225_octets *o, spoil_fn spoil)
{
    struct h245_OpenLogicalChannel *olc;
    struct h245_fast_olc found;

    CU_ASSERT_EQUAL_FATAL(h245_read_fast_olc(&memory, o->data, o->len, &found), 0);
    if (!found.channel.is_protected)
        return;
    olc = arena_copy(&memory, found.olc, sizeof(*olc));
    if (found.is_reverse)
        olc->reverseLogicalChannelParameters = NULL;
    spoil(olc->forwardLogicalChannelParameters.dataType.u.h235Media
              ->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability);
    CU_ASSERT_EQUAL(h245_encode_fast_olc(&memory, olc, found.is_reverse, &o->data, &o->len), 0);
}

static struct peer *caller(enum settings_dtls dtls, enum h23510_mode mode, enum h23510_setup setup)
{
    struct peer *p;

    arena_init(&memory, 0, 0);
    extra = NULL;
    w = world_create(dtls);
    p = world_peer(w);
    p->mode = mode;
    p->setup = setup;
    peer_init_dtls(p);
    return p;
}

static void call(struct peer *p, spoil_fn spoil)
{
    struct addr rtcp = addr_with_port(p->media, (uint16_t)(p->media.port + 1));
    const struct h23510_fast_medium medium = {.session_id = 1,
                                              .audio = p->audio,
                                              .audio_count = p->audio_count,
                                              .media = p->media,
                                              .media_control = rtcp};
    uint16_t lcn = 101;

    count = 0;
    CU_ASSERT_EQUAL_FATAL(
        h23510_fast_propose(&p->dtls, &memory, &medium, &lcn, list, H23510_FAST_MAX, &count), 0);
    for (size_t i = 0; i < count; i++) {
        octets[i] = (struct h225_octets){list[i].data, list[i].len};
        if (spoil != NULL)
            respell(&octets[i], spoil);
    }
    p->fast_start = octets;
    p->fast_start_count = count;
    if (extra != NULL)
        octets[p->fast_start_count++] = *extra;
    peer_call(p, "demo");
    world_run(w);
}

static void end(void)
{
    world_destroy(w);
    arena_fini(&memory);
}

/* What the peer makes of the Connect; its engine, if there is one, gets the channels. */
static enum h23510_verdict read_answers(struct peer *p)
{
    enum h23510_verdict worst = H23510_OK;

    CU_ASSERT_EQUAL(p->fast_answers, 2);
    for (size_t i = 0; i < p->fast_answers; i++) {
        struct h23510_fast_offer found;
        size_t which = 0;

        CU_ASSERT_EQUAL_FATAL(h23510_fast_read_answer(&p->dtls, &memory, p->fast_answer[i].data,
                                                      p->fast_answer[i].len, list, count, &found,
                                                      &which),
                              0);
        if (found.verdict != H23510_OK)
            worst = found.verdict;
        if (found.is_reverse)
            p->in_lcn = found.channel.lcn;
        else
            p->server_media = found.channel.media;
        if (!found.is_reverse)
            p->out_lcn = found.channel.lcn;
    }
    return worst;
}

static void begin_h245(struct peer *p)
{
    p->opens = false;
    peer_h245_begin(p);
    CU_ASSERT_EQUAL(h245_channel_adopt(p->h245, p->out_lcn, H245_OUTGOING), 0);
    CU_ASSERT_EQUAL(h245_channel_adopt(p->h245, p->in_lcn, H245_INCOMING), 0);
    world_run(w);
}

static bool are_channels_open(const struct peer *p)
{
    return session_is_sending(p->session) && session_is_receiving(p->session);
}

static void protected_proposals_are_taken_and_dtls_begins(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);
    struct media_port *port;
    json_t *j;

    PROVES("T-OLC T-ACK L-SHARE D-ACTIVE M-RTCPMUX");
    call(p, NULL);
    CU_ASSERT(p->is_connected && !p->fast_refused);
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
    port = world_port(w, p);
    CU_ASSERT_EQUAL(port->request.kind, MEDIA_DTLS_SRTP);
    CU_ASSERT_EQUAL(port->associations, 1);
    CU_ASSERT_FALSE(port->is_active); /* both said actpass: the server waits */
    CU_ASSERT(addr_is_equal(&port->remote, &p->media));
    CU_ASSERT(addr_is_equal(&port->remote_control, &p->media));
    CU_ASSERT(addr_is_equal(&p->server_media, &port->local));
    CU_ASSERT(fingerprint_equal(&port->fingerprint, &w->peer_id.fingerprints[FINGERPRINT_SHA256]));
    CU_ASSERT_EQUAL(p->dtls.agreement.role, H23510_ROLE_ACTIVE);
    CU_ASSERT(fingerprint_equal(&p->dtls.agreement.peer_fingerprint,
                                &w->server_id.fingerprints[FINGERPRINT_SHA256]));
    world_keyed(w, p);
    CU_ASSERT(are_channels_open(p));
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.fast_accepted, 1);
    CU_ASSERT_EQUAL(w->env.stats.downgraded, 0);
    j = session_to_json(p->session, w->now);
    CU_ASSERT(json_is_true(json_object_get(j, "fast_connect")));
    json_decref(j);
    world_pass(w, 30000); /* no timer misses H.245 */
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    (void)h225_call_release(p->call, H225_REASON_NORMAL, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void roles_of_the_proposals_are_complemented(void)
{
    static const enum h23510_setup setups[] = {H23510_SETUP_ACTIVE, H23510_SETUP_PASSIVE};

    PROVES("C-ROLE D-ACTIVE");
    for (size_t i = 0; i < 2; i++) {
        struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, setups[i]);

        call(p, NULL);
        CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
        CU_ASSERT_EQUAL(world_port(w, p)->is_active, setups[i] == H23510_SETUP_PASSIVE);
        CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
        end();
    }
}

static void policy_chooses_among_the_proposals(void)
{
    static const struct {
        enum settings_dtls listener;
        enum h23510_mode peer;
        bool taken;
        enum media_kind kind;
    } rows[] = {
        {SETTINGS_DTLS_REQUIRED, H23510_MODE_PREFERRED, true, MEDIA_DTLS_SRTP},
        {SETTINGS_DTLS_PREFERRED, H23510_MODE_PREFERRED, true, MEDIA_DTLS_SRTP},
        {SETTINGS_DTLS_PREFERRED, H23510_MODE_OFF, true, MEDIA_PLAIN_RTP},
        {SETTINGS_DTLS_OFF, H23510_MODE_PREFERRED, true, MEDIA_PLAIN_RTP},
        {SETTINGS_DTLS_OFF, H23510_MODE_REQUIRED, false, MEDIA_PLAIN_RTP},
        {SETTINGS_DTLS_REQUIRED, H23510_MODE_OFF, false, MEDIA_PLAIN_RTP},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer *p = caller(rows[i].listener, rows[i].peer, H23510_SETUP_ACTPASS);

        call(p, NULL);
        CU_ASSERT_EQUAL(p->fast_refused, !rows[i].taken);
        CU_ASSERT_EQUAL(w->env.stats.fast_accepted, rows[i].taken);
        CU_ASSERT_EQUAL(w->env.stats.fast_refused, !rows[i].taken);
        if (rows[i].taken) {
            CU_ASSERT_EQUAL(world_port(w, p)->request.kind, rows[i].kind);
            CU_ASSERT_EQUAL(w->env.stats.downgraded, rows[i].listener == SETTINGS_DTLS_PREFERRED &&
                                                         rows[i].kind == MEDIA_PLAIN_RTP);
        }
        CU_ASSERT_EQUAL(w->env.stats.h235_refused, 0); /* nobody did anything wrong */
        end();
    }
}

static void drop_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_fingerprint = false;
}

static void say_existing(struct h245_DTLSSecurityCapability *cap)
{
    cap->connectionInformation = (struct per_string){8, "existing"};
}

static void say_md5(struct h245_DTLSSecurityCapability *cap)
{
    cap->hashFunction.v[0] = (struct per_string){3, "md5"};
}

/* The proposals are bad, the peer's H.245 is not: it opens there what it did not get here. */
static void bad_proposals_are_counted_and_h245_goes_on(void)
{
    static const struct {
        spoil_fn spoil;
        enum h23510_verdict verdict;
    } rows[] = {{drop_fingerprint, H23510_NO_FINGERPRINT},
                {say_existing, H23510_NO_CONNECTION},
                {say_md5, H23510_HASH_FORBIDDEN}};

    PROVES("T-BAD");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer *p =
            caller(SETTINGS_DTLS_PREFERRED, H23510_MODE_PREFERRED, H23510_SETUP_ACTPASS);

        call(p, rows[i].spoil);
        CU_ASSERT(p->fast_refused);
        CU_ASSERT_EQUAL(p->fast_answers, 0);
        CU_ASSERT_EQUAL(w->env.stats.refused[rows[i].verdict], 4);
        CU_ASSERT_EQUAL(w->env.stats.h235_refused, 4);
        CU_ASSERT(p->in_open && p->out_open);
        CU_ASSERT_EQUAL(world_port(w, p)->request.kind, MEDIA_DTLS_SRTP);
        CU_ASSERT_EQUAL(w->env.stats.downgraded, 0);
        end();
    }
}

static void required_with_nothing_to_sign_by_refuses(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_PREFERRED, H23510_SETUP_ACTPASS);

    PROVES("L-CERT");
    w->settings->dtls.cleartext_signalling = SETTINGS_CLEARTEXT_REFUSE;
    call(p, NULL);
    CU_ASSERT(p->fast_refused);
    CU_ASSERT_EQUAL(p->fast_answers, 0);
    end();
}

static void h245_afterwards_finds_everything_as_it_is(void)
{
    for (int tunnels = 0; tunnels < 2; tunnels++) {
        struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

        PROVES("D-ONCE");
        p->tunnels = tunnels == 1;
        call(p, NULL);
        CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
        world_keyed(w, p);
        begin_h245(p);
        CU_ASSERT(p->msd_done && p->has_caps && p->caps_acked);
        /* both sides say the role that they have, and it is the one that runs */
        CU_ASSERT_EQUAL(p->dtls.peer.setup, H23510_SETUP_PASSIVE);
        CU_ASSERT_EQUAL(p->dtls.stats.roles_disagree, 0);
        CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
        CU_ASSERT_EQUAL(w->port_count, 1);
        CU_ASSERT(are_channels_open(p));
        CU_ASSERT_EQUAL(w->env.stats.h245_unexpected, 0);
        CU_ASSERT_EQUAL(w->env.stats.channels_opened, 2);
        world_pass(w, 30000);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
        peer_close(p); /* adopted channels close as others do */
        world_run(w);
        CU_ASSERT_EQUAL(p->closed_out, 1);
        CU_ASSERT_FALSE(session_is_sending(p->session));
        end();
    }
}

/* Audio by fast connect, video by the H.245 that follows: it joins the connection that runs. */
static void video_by_h245_joins_the_connection(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    PROVES("A-ADD D-ONCE L-SHARE");
    peer_add_video(p, "H264");
    p->tunnels = true;
    call(p, NULL);
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
    world_keyed(w, p);
    begin_h245(p);
    peer_open_relayed(p, "H264");
    world_run(w);
    world_pass(w, 10);
    CU_ASSERT_FALSE(p->was_refused);
    CU_ASSERT_EQUAL(w->env.stats.channels_opened, 3);
    CU_ASSERT_EQUAL(w->port_count, 1);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT(are_channels_open(p));
    end();
}

/* A medium that is proposed and not taken is no reason to refuse the other one. */
static void video_proposals_do_not_stand_in_the_way_of_audio(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);
    struct h245_channel video = {.lcn = 109, .session_id = 2, .kind = H245_MEDIA_COUNT};
    struct h245_OpenLogicalChannel *olc = NULL;

    peer_add_video(p, "H264");
    video.relayed = p->relayed[0];
    video.kind = video.relayed.media;
    video.media_control = p->media;
    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&memory, &video, &olc), 0);
    CU_ASSERT_EQUAL_FATAL(
        h245_encode_fast_olc(&memory, olc, false, &octets[10].data, &octets[10].len), 0);
    extra = &octets[10];
    call(p, NULL);
    CU_ASSERT_EQUAL(p->fast_start_count, 5);
    CU_ASSERT_FALSE(p->fast_refused);
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
    CU_ASSERT_EQUAL(w->env.stats.h235_refused, 0);
    end();
}

/* The answer rides in Alerting, and the call is answered when its media are keyed. */
static void early_answer_connects_with_the_keys(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    PROVES("D-ACTIVE");
    w->settings->signalling.fast_connect_early = true;
    call(p, NULL);
    CU_ASSERT_FALSE(p->is_connected);
    CU_ASSERT_EQUAL(h225_call_state(p->call), H225_STATE_DELIVERED);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_SETUP);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    world_keyed(w, p);
    CU_ASSERT(p->is_connected && are_channels_open(p));
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK); /* Connect repeats it */
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.connected, 1);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    end();
}

static void early_answer_without_keys_ends_the_call(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    w->settings->signalling.fast_connect_early = true;
    call(p, NULL);
    world_dtls_failed(w, p, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT(p->is_released && !p->is_connected);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_FAILED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void early_answer_is_for_protected_media(void)
{
    struct peer *p = caller(SETTINGS_DTLS_OFF, H23510_MODE_OFF, H23510_SETUP_ACTPASS);

    w->settings->signalling.fast_connect_early = true;
    call(p, NULL);
    CU_ASSERT(p->is_connected && are_channels_open(p));
    end();
}

static void capabilities_beside_the_setup_are_answered_with_the_role_that_runs(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    p->tunnels = p->is_early = true;
    p->opens = false;
    call(p, NULL);
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
    CU_ASSERT(p->msd_done && p->has_caps && p->caps_acked);
    CU_ASSERT_EQUAL(p->dtls.peer.setup, H23510_SETUP_PASSIVE);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT(are_channels_open(p));
    end();
}

static void capabilities_without_dtls_do_not_end_what_is_protected(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    p->tunnels = true;
    call(p, NULL);
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
    world_keyed(w, p);
    p->dtls.policy.mode = H23510_MODE_OFF; /* its set says nothing of DTLS */
    begin_h245(p);
    CU_ASSERT(p->caps_acked);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT(are_channels_open(p));
    CU_ASSERT_EQUAL(w->env.stats.downgraded, 0);
    end();
}

static void mismatch_without_h245_ends_the_call(void)
{
    struct peer *p = caller(SETTINGS_DTLS_PREFERRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    PROVES("D-MISMATCH");
    call(p, NULL);
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
    world_dtls_failed(w, p, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT(p->is_released);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_FAILED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    CU_ASSERT(world_has_event(w, "dtls.failed"));
    end();
}

static void mismatch_with_h245_closes_the_channels(void)
{
    struct peer *p = caller(SETTINGS_DTLS_PREFERRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    PROVES("D-MISMATCH");
    p->tunnels = true;
    call(p, NULL);
    CU_ASSERT_EQUAL(read_answers(p), H23510_OK);
    begin_h245(p);
    world_dtls_failed(w, p, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT_EQUAL(p->closed_in, 1);
    CU_ASSERT_EQUAL(p->closed_out, 1);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    world_pass(w, w->settings->signalling.timers.no_channel_ms + 1);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_FAILED);
    end();
}

static void caller_that_gives_up_before_the_port_leaves_nothing(void)
{
    struct peer *p = caller(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    w->hold_ports = true;
    call(p, NULL);
    CU_ASSERT_FALSE(p->is_connected);
    (void)h225_call_release(p->call, H225_REASON_NORMAL, w->now);
    world_run(w);
    w->hold_ports = false;
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

SUITE("server/session_fast", TEST(protected_proposals_are_taken_and_dtls_begins),
      TEST(roles_of_the_proposals_are_complemented), TEST(policy_chooses_among_the_proposals),
      TEST(bad_proposals_are_counted_and_h245_goes_on),
      TEST(required_with_nothing_to_sign_by_refuses),
      TEST(h245_afterwards_finds_everything_as_it_is), TEST(video_by_h245_joins_the_connection),
      TEST(video_proposals_do_not_stand_in_the_way_of_audio),
      TEST(early_answer_connects_with_the_keys), TEST(early_answer_without_keys_ends_the_call),
      TEST(early_answer_is_for_protected_media),
      TEST(capabilities_beside_the_setup_are_answered_with_the_role_that_runs),
      TEST(capabilities_without_dtls_do_not_end_what_is_protected),
      TEST(mismatch_without_h245_ends_the_call), TEST(mismatch_with_h245_closes_the_channels),
      TEST(caller_that_gives_up_before_the_port_leaves_nothing))
