/* What carries H.245: the tunnel in call signalling, a connection that the peer opens, one that it
 * asks us to open (H.323 8.2); and keys that come without any H.245. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

static struct world *w;

static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
}

static void end(void)
{
    world_destroy(w);
}

static struct peer *tunnelling_caller(void)
{
    struct peer *p = world_peer(w);

    p->tunnels = true;
    peer_call(p, "demo");
    world_run(w);
    return p;
}

/* A caller that waits to be connected to instead of connecting. */
static struct peer *waiting_caller(void)
{
    struct peer *p = world_peer(w);

    p->has_h245 = true;
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT_EQUAL_FATAL(session_state(p->session), SESSION_CONNECTED);
    return p;
}

static bool is_whole(const struct peer *p)
{
    return p->in_open && p->out_open && session_state(p->session) == SESSION_ACTIVE;
}

static void tunnelled_call_needs_no_connection_of_its_own(void)
{
    struct peer *p;
    json_t *j;

    begin();
    p = tunnelling_caller();
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->listens, 0);
    CU_ASSERT_EQUAL(p->h245_at.family, ADDR_NONE);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT_EQUAL(h225_call_stats(p->call)->tunnel_refused, 0);
    j = session_to_json(p->session, w->now);
    CU_ASSERT(json_is_true(json_object_get(j, "h245_tunnelled")));
    json_decref(j);
    end();
}

static void capabilities_ride_in_the_connect(void)
{
    struct peer *p;

    begin();
    p = tunnelling_caller();
    /* CallProceeding, Connect with both, then one Facility for each turn: far below one message a
     * PDU. The peer heard it all in the right order, or it were not whole. */
    CU_ASSERT(is_whole(p));
    CU_ASSERT(h225_call_stats(p->call)->messages_in <= 7);
    end();
}

static void h245_in_the_setup_is_answered(void)
{
    struct peer *p;

    begin();
    p = world_peer(w);
    p->tunnels = p->is_early = true;
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->listens, 0);
    end();
}

static void tunnelling_switched_off_gets_an_address(void)
{
    struct peer *p;

    begin();
    w->settings->signalling.tunnelling = false;
    p = tunnelling_caller();
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->listens, 1);
    CU_ASSERT_FALSE(h225_call_is_tunnelling(p->call));
    end();
}

static void peer_without_tunnelling_gets_an_address(void)
{
    struct peer *p;

    begin();
    p = world_peer(w);
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->listens, 1);
    end();
}

/* As h323plus does: EndSession inside ReleaseComplete, and both wanted back. */
static void end_session_in_release_complete_is_answered(void)
{
    struct peer *p;
    uint64_t before;

    begin();
    p = tunnelling_caller();
    before = h225_call_stats(p->call)->messages_in;
    h225_call_hold_h245(p->call, true);
    peer_hang_up(p);
    world_run(w);
    CU_ASSERT_EQUAL(h225_call_stats(p->call)->messages_in, before + 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_PEER_SESSION);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void end_session_in_a_facility_ends_the_call(void)
{
    struct peer *p;

    begin();
    p = tunnelling_caller();
    (void)h245_end_session(p->h245, w->now);
    world_run(w);
    CU_ASSERT(p->end_session && p->is_released && p->release.by_peer);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_NORMAL);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_PEER_SESSION);
    session_on_h225_lost(p->session, "closed", w->now);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void release_without_end_session_ends_the_call(void)
{
    struct peer *p;

    begin();
    p = tunnelling_caller();
    (void)h225_call_release(p->call, H225_REASON_NORMAL, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_PEER);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void goodbye_and_its_reason_are_one_message(void)
{
    struct peer *p;
    uint64_t before;

    begin();
    p = tunnelling_caller();
    before = h225_call_stats(p->call)->messages_in;
    session_close(p->session, SESSION_END_DTLS_FAILED, w->now);
    world_run(w);
    CU_ASSERT(p->end_session && p->is_released);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
    CU_ASSERT_EQUAL(h225_call_stats(p->call)->messages_in, before + 1);
    world_pass(w, w->settings->signalling.timers.end_session_ms + 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    end();
}

static void lost_signalling_takes_the_tunnel_along(void)
{
    struct peer *p;

    begin();
    p = tunnelling_caller();
    session_on_h225_lost(p->session, "connection closed by peer", w->now);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_H225_LOST);
    end();
}

static void mute_tunnelling_peer_is_released(void)
{
    struct peer *p;

    begin();
    p = world_peer(w);
    p->tunnels = true;
    peer_call(p, "demo");
    p->is_mute = true; /* after its Setup */
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_NEGOTIATING);
    world_pass(w, 120000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_NEGOTIATION);
    end();
}

static void tunnelled_garbage_is_counted_and_survived(void)
{
    static const uint8_t garbage[] = {0xff, 0xff, 0xff, 0x00};
    struct peer *p;

    begin();
    p = tunnelling_caller();
    CU_ASSERT_EQUAL(h225_call_send_h245(p->call, garbage, sizeof(garbage)), 0);
    world_run(w);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->env.stats.h245_undecodable, 1);
    end();
}

static void start_h245_makes_us_connect_to_the_caller(void)
{
    struct addr at;
    struct peer *p;

    begin();
    p = waiting_caller();
    at = addr_with_port(p->signalling, 5555);
    CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &at, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(w->connects, 1);
    CU_ASSERT(addr_is_equal(&w->connected_to, &at));
    session_on_h245_failed(p->session, "refused", w->now);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CONNECTED);
    peer_h245_begin(p);
    world_run(w);
    CU_ASSERT(is_whole(p));
    /* Once it is up, there is nothing more to start. */
    CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &at, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(w->connects, 1);
    end();
}

static void start_h245_sends_us_to_nobody_else(void)
{
    const uint8_t other[4] = {10, 0, 0, 1};
    struct addr at = addr_from_ip4(other, 22);
    struct peer *p;

    begin();
    p = waiting_caller();
    CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &at, w->now), 0);
    at = addr_with_port(p->signalling, 0);
    CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &at, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(w->connects, 0);
    CU_ASSERT_EQUAL(w->env.stats.h245_start_refused, 2);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CONNECTED);
    end();
}

static void start_h245_obeys_the_configuration(void)
{
    const uint8_t other[4] = {10, 0, 0, 1};
    struct addr far = addr_from_ip4(other, 5555), own;
    struct peer *p;

    begin();
    p = waiting_caller();
    w->settings->signalling.start_h245 = SETTINGS_START_H245_ANY;
    CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &far, w->now), 0);
    world_run(w);
    CU_ASSERT(addr_is_equal(&w->connected_to, &far));
    w->settings->signalling.start_h245 = SETTINGS_START_H245_NEVER;
    own = addr_with_port(p->signalling, 5555);
    CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &own, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(w->connects, 1);
    end();
}

static void start_h245_is_followed_a_few_times_only(void)
{
    struct peer *p;

    begin();
    p = waiting_caller();
    for (uint16_t port = 1; port <= 10; port++) {
        struct addr at = addr_with_port(p->signalling, port);

        CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &at, w->now), 0);
    }
    world_run(w);
    CU_ASSERT_EQUAL(w->connects, 3);
    CU_ASSERT_EQUAL(w->env.stats.h245_start_refused, 7);
    end();
}

static void keys_come_by_h245_or_without(void)
{
    struct peer *p;

    begin();
    p = tunnelling_caller();
    CU_ASSERT_EQUAL(h225_call_send_keypad(p->call, "5", w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(world_events(w, "session.user_input"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "\"5\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "\"h225\""));
    CU_ASSERT_EQUAL(h245_send_user_input(p->h245, "#"), 0);
    world_run(w);
    CU_ASSERT_EQUAL(world_events(w, "session.user_input"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "\"#\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "\"h245\""));
    CU_ASSERT_EQUAL(w->env.stats.user_inputs, 2);
    end();
}

/* As simph323 offers them (A-law): the way back to 198.18.0.1:5000, and the way here. */
static const uint8_t offer_back[] = {
    0x40, 0x00, 0x00, 0x06, 0x04, 0x01, 0x00, 0x4c, 0x20, 0x13, 0x80, 0x1e, 0x9c, 0x00,
    0x01, 0x00, 0xc6, 0x12, 0x00, 0x01, 0x13, 0x88, 0x00, 0xc6, 0x12, 0x00, 0x01, 0x13,
    0x89, 0x01, 0x0b, 0x30, 0x00, 0x80, 0xb0, 0x80, 0x01, 0x80, 0x01, 0xfc, 0x00, 0x40};
static const uint8_t offer_here[] = {
    0x00, 0x00, 0x64, 0x0c, 0x20, 0x13, 0x80, 0x18, 0x8d, 0x00, 0x01, 0x00, 0xc6, 0x12, 0x00, 0x01,
    0x13, 0x89, 0x00, 0x80, 0x0b, 0x30, 0x00, 0x80, 0xb0, 0x80, 0x01, 0x80, 0x01, 0xfc, 0x00, 0x40};
static const struct h225_octets offers[] = {{offer_back, sizeof(offer_back)},
                                            {offer_here, sizeof(offer_here)}};

static struct peer *fast_caller(enum settings_dtls dtls, bool tunnels, size_t count)
{
    struct peer *p;

    w = world_create(dtls);
    p = world_peer(w);
    p->tunnels = tunnels;
    p->fast_start = offers;
    p->fast_start_count = count;
    peer_call(p, "demo");
    return p;
}

static bool are_channels_open(const struct peer *p)
{
    return session_is_sending(p->session) && session_is_receiving(p->session);
}

static void fast_connect_opens_both_channels_without_h245(void)
{
    struct peer *p = fast_caller(SETTINGS_DTLS_PREFERRED, true, 2);
    const uint8_t ip[4] = {198, 18, 0, 1};
    struct addr rtp = addr_from_ip4(ip, 5000), rtcp = addr_from_ip4(ip, 5001);

    world_run(w);
    CU_ASSERT(p->is_connected && are_channels_open(p));
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(p->fast_answers, 2);
    CU_ASSERT_FALSE(p->fast_refused);
    CU_ASSERT_EQUAL(world_port(w, p)->request.kind, MEDIA_PLAIN_RTP);
    CU_ASSERT(addr_is_equal(&world_port(w, p)->remote, &rtp));
    CU_ASSERT(addr_is_equal(&world_port(w, p)->remote_control, &rtcp));
    CU_ASSERT_EQUAL(w->env.stats.downgraded, 1);
    world_pass(w, 30000); /* nothing is missing that a timer would miss */
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    (void)h225_call_release(p->call, H225_REASON_NORMAL, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_PEER);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void h245_may_follow_fast_connect(void)
{
    struct peer *p = fast_caller(SETTINGS_DTLS_OFF, true, 2);

    world_run(w);
    p->opens = false;
    peer_h245_begin(p);
    world_run(w);
    CU_ASSERT(p->msd_done && p->has_caps && p->caps_acked);
    CU_ASSERT(are_channels_open(p));
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.h245_unexpected, 0);
    (void)h245_end_session(p->h245, w->now);
    world_run(w);
    CU_ASSERT(p->end_session && p->is_released);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_PEER_SESSION);
    end();
}

static void required_refuses_fast_connect_and_goes_on_by_h245(void)
{
    struct peer *p = fast_caller(SETTINGS_DTLS_REQUIRED, false, 2);

    world_run(w);
    CU_ASSERT(p->fast_refused);
    CU_ASSERT_EQUAL(p->fast_answers, 0);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(world_port(w, p)->request.kind, MEDIA_DTLS_SRTP);
    end();
}

static void fast_connect_with_one_direction_is_refused(void)
{
    struct peer *p = fast_caller(SETTINGS_DTLS_OFF, false, 1);

    world_run(w);
    CU_ASSERT(p->fast_refused);
    CU_ASSERT(is_whole(p));
    end();
}

static void broken_fast_start_is_refused(void)
{
    struct h225_octets cut[2] = {{offer_back, 12}, {offer_here, 5}};
    struct peer *p;

    w = world_create(SETTINGS_DTLS_OFF);
    p = world_peer(w);
    p->fast_start = cut;
    p->fast_start_count = 2;
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT(p->fast_refused);
    CU_ASSERT(is_whole(p));
    end();
}

static void fast_connect_without_a_port_is_a_lack_of_resources(void)
{
    struct peer *p = fast_caller(SETTINGS_DTLS_OFF, false, 2);

    w->open_result = ERR_LIMIT;
    world_run(w);
    CU_ASSERT(p->is_released && !p->is_connected);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_RESOURCES);
    end();
}

static void caller_that_gives_up_before_the_port_leaves_nothing(void)
{
    struct peer *p = fast_caller(SETTINGS_DTLS_OFF, true, 2);

    w->hold_ports = true;
    world_run(w);
    CU_ASSERT_FALSE(p->is_connected);
    (void)h225_call_release(p->call, H225_REASON_NORMAL, w->now);
    world_run(w);
    w->hold_ports = false;
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

SUITE("server/session_carrier", TEST(fast_connect_opens_both_channels_without_h245),
      TEST(h245_may_follow_fast_connect), TEST(required_refuses_fast_connect_and_goes_on_by_h245),
      TEST(fast_connect_with_one_direction_is_refused), TEST(broken_fast_start_is_refused),
      TEST(fast_connect_without_a_port_is_a_lack_of_resources),
      TEST(caller_that_gives_up_before_the_port_leaves_nothing),
      TEST(tunnelled_call_needs_no_connection_of_its_own), TEST(capabilities_ride_in_the_connect),
      TEST(h245_in_the_setup_is_answered), TEST(tunnelling_switched_off_gets_an_address),
      TEST(peer_without_tunnelling_gets_an_address),
      TEST(end_session_in_release_complete_is_answered),
      TEST(end_session_in_a_facility_ends_the_call),
      TEST(release_without_end_session_ends_the_call), TEST(goodbye_and_its_reason_are_one_message),
      TEST(lost_signalling_takes_the_tunnel_along), TEST(mute_tunnelling_peer_is_released),
      TEST(tunnelled_garbage_is_counted_and_survived),
      TEST(start_h245_makes_us_connect_to_the_caller), TEST(start_h245_sends_us_to_nobody_else),
      TEST(start_h245_obeys_the_configuration), TEST(start_h245_is_followed_a_few_times_only),
      TEST(keys_come_by_h245_or_without))
