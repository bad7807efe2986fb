/* Calls from Setup to the last release, by the book: H.323 8, H.245 C, H.235.10 8. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "server/media/link_addr.h"
#include "tests/suite.h"

static struct world *w;

static void begin(enum settings_dtls dtls)
{
    w = world_create(dtls);
}

static void end(void)
{
    world_destroy(w);
}

static struct peer *caller(void)
{
    struct peer *p = world_peer(w);

    peer_call(p, "demo");
    world_run(w);
    return p;
}

static struct peer *secured_caller(void)
{
    struct peer *p = caller();

    world_keyed(w, p);
    return p;
}

static json_t *json_of(const struct peer *p)
{
    json_t *j = session_to_json(p->session, w->now);

    CU_ASSERT_PTR_NOT_NULL_FATAL(j);
    return j;
}

static bool has_error(const struct peer *p, const char *part)
{
    json_t *j = json_of(p);
    json_t *e;
    size_t i;
    bool found = false;

    json_array_foreach (json_object_get(j, "errors"), i, e) {
        found = found || strstr(json_string_value(json_object_get(e, "text")), part) != NULL;
    }
    json_decref(j);
    return found;
}

static void first_call_opens_both_channels_on_one_port(void)
{
    struct peer *p;
    struct media_port *port;

    begin(SETTINGS_DTLS_REQUIRED);
    p = caller();
    port = world_port(w, p);
    CU_ASSERT(p->is_connected && p->in_open && p->out_open);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(port);
    CU_ASSERT_EQUAL(w->port_count, 1);
    CU_ASSERT_EQUAL(port->request.kind, MEDIA_DTLS_SRTP);
    CU_ASSERT(addr_is_equal(&p->server_media, &port->local));
    CU_ASSERT(addr_is_equal(&port->remote, &p->media));
    CU_ASSERT_EQUAL(p->in_audio.codec, H245_CODEC_PCMA);
    end();
}

/* The data plane has moved the remote (settings.media.latch): signalling's part follows it. */
static void H_LATCH_the_session_follows_what_was_learnt(void)
{
    struct link_event event = {.time_ms = 1};
    struct media_port *port;
    struct addr from;
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = caller();
    port = world_port(w, p);
    CU_ASSERT_FALSE(port->request.is_by_sdp);
    CU_ASSERT_EQUAL_FATAL(addr_parse("192.0.2.77:5678", &from), 0);
    event.source = link_of_addr(&from);
    port->callbacks->on_event(port->owner, LINK_REMOTE_LATCHED, &event);
    world_run(w);
    CU_ASSERT(world_has_event(w, "media.latched"));
    CU_ASSERT(addr_is_equal(&port->remote, &from));
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    end();
}

static void D_ONCE_two_channels_start_one_association(void)
{
    struct peer *p;

    PROVES("D-ONCE");
    begin(SETTINGS_DTLS_REQUIRED);
    p = caller();
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT(fingerprint_equal(&world_port(w, p)->fingerprint,
                                &w->peer_id.fingerprints[FINGERPRINT_SHA256]));
    end();
}

static void D_ACTIVE_role_is_the_complement_of_the_peers(void)
{
    const enum h23510_setup setup[] = {H23510_SETUP_ACTIVE, H23510_SETUP_PASSIVE};

    PROVES("D-ACTIVE");
    for (int i = 0; i < 2; i++) {
        struct peer *p;

        begin(SETTINGS_DTLS_REQUIRED);
        p = world_peer(w);
        p->setup = setup[i];
        peer_call(p, "demo");
        world_run(w);
        CU_ASSERT_TRUE_FATAL(world_port(w, p)->is_associated);
        CU_ASSERT_EQUAL(world_port(w, p)->is_active, setup[i] == H23510_SETUP_PASSIVE);
        end();
    }
}

static void relay_routes_both_ways_when_both_have_channels(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = secured_caller();
    CU_ASSERT_PTR_NULL(world_port(w, a)->to);
    b = secured_caller();
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    CU_ASSERT_EQUAL(world_port(w, a)->request.place, world_port(w, b)->request.place);
    end();
}

static void second_session_is_offered_only_the_settled_codec(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = world_peer(w);
    a->audio[0].codec = H245_CODEC_PCMU;
    a->audio_count = 1;
    peer_call(a, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(a->caps.audio_count, 2);
    b = world_peer(w);
    b->opens = false;
    peer_call(b, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(b->caps.audio_count, 1);
    CU_ASSERT_EQUAL(b->caps.audio[0].audio.codec, H245_CODEC_PCMU);
    end();
}

static void second_session_is_offered_what_the_first_can_receive(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = world_peer(w);
    a->audio[0].codec = H245_CODEC_PCMU;
    a->audio_count = 1;
    a->opens = false; /* nothing is settled yet */
    peer_call(a, "demo");
    world_run(w);
    b = world_peer(w);
    peer_call(b, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(b->caps.audio_count, 1);
    CU_ASSERT_EQUAL(b->caps.audio[0].audio.codec, H245_CODEC_PCMU);
    end();
}

static void channel_with_another_codec_is_not_available(void)
{
    struct peer *b;

    begin(SETTINGS_DTLS_REQUIRED);
    caller();
    b = world_peer(w);
    b->opens = false;
    peer_call(b, "demo");
    world_run(w);
    peer_open(b, H245_CODEC_PCMU);
    world_run(w);
    CU_ASSERT(b->was_refused);
    CU_ASSERT_EQUAL(b->refused_cause, H245_OLC_TYPE_NOT_AVAILABLE);
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    b->was_refused = false;
    peer_open(b, H245_CODEC_PCMA);
    world_run(w);
    CU_ASSERT(!b->was_refused && b->out_open);
    end();
}

static void silent_peer_gets_our_channel_after_a_time(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    p->opens = false;
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT_FALSE(p->in_open);
    world_pass(w, w->settings->signalling.timers.mirror_ms);
    CU_ASSERT_TRUE(p->in_open);
    CU_ASSERT_EQUAL(p->in_audio.codec, H245_CODEC_PCMA);
    end();
}

static void no_common_codec_ends_the_call(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_PREFERRED);
    p = world_peer(w);
    p->audio[0].codec = H245_CODEC_GSM;
    p->audio_count = 1;
    p->opens = false;
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    world_pass(w, 60000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_NO_CODEC);
    CU_ASSERT(p->is_released && p->end_session);
    end();
}

static void call_without_channels_is_ended(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    w->settings->signalling.timers.mirror_ms = 600000;
    p = world_peer(w);
    p->opens = false;
    peer_call(p, "demo");
    world_run(w);
    world_pass(w, w->settings->signalling.timers.no_channel_ms + 1);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_NO_CHANNEL);
    end();
}

static void unknown_alias_is_unreachable(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    peer_call(p, "nobody");
    world_run(w);
    CU_ASSERT(p->is_released && !p->is_connected);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_UNREACHABLE);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    end();
}

static void wildcard_alias_makes_a_conference_of_its_own(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = world_peer(w);
    peer_call(a, "room1");
    b = world_peer(w);
    peer_call(b, "room2");
    world_run(w);
    CU_ASSERT(a->in_open && b->in_open);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 2);
    end();
}

static void third_session_of_a_relay_is_told_busy(void)
{
    struct peer *c;

    begin(SETTINGS_DTLS_REQUIRED);
    caller();
    caller();
    c = caller();
    CU_ASSERT(c->is_released && !c->is_connected);
    CU_ASSERT_EQUAL(c->release.cause, Q931_CAUSE_BUSY);
    CU_ASSERT_EQUAL(session_end_reason(c->session), SESSION_END_CONFERENCE_FULL);
    end();
}

static void required_refuses_a_peer_without_dtls(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    p->mode = H23510_MODE_OFF;
    peer_call(p, "demo");
    world_run(w);
    world_pass(w, 10000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
    CU_ASSERT_EQUAL(w->port_count, 0);
    CU_ASSERT(has_error(p, "DTLS is required"));
    end();
}

static void preferred_gives_plain_rtp_to_a_peer_without_dtls(void)
{
    struct peer *p;
    struct media_port *port;
    json_t *j;

    begin(SETTINGS_DTLS_PREFERRED);
    p = world_peer(w);
    p->mode = H23510_MODE_OFF;
    peer_call(p, "demo");
    world_run(w);
    port = world_port(w, p);
    CU_ASSERT_PTR_NOT_NULL_FATAL(port);
    CU_ASSERT(p->in_open && p->out_open);
    CU_ASSERT_EQUAL(port->request.kind, MEDIA_PLAIN_RTP);
    CU_ASSERT_FALSE(port->is_associated);
    CU_ASSERT_EQUAL(port->remote.port, 6000);
    CU_ASSERT_EQUAL(port->remote_control.port, 6001);
    j = json_of(p);
    CU_ASSERT(json_is_true(json_object_get(j, "downgraded")));
    json_decref(j);
    CU_ASSERT(world_has_event(w, "session.downgraded"));
    end();
}

static void preferred_bridges_srtp_and_rtp(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_PREFERRED);
    a = secured_caller();
    b = world_peer(w);
    b->mode = H23510_MODE_OFF;
    peer_call(b, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(world_port(w, a)->request.kind, MEDIA_DTLS_SRTP);
    CU_ASSERT_EQUAL(world_port(w, b)->request.kind, MEDIA_PLAIN_RTP);
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    end();
}

static void off_never_offers_dtls(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_OFF);
    p = caller();
    CU_ASSERT(p->in_open && p->out_open);
    CU_ASSERT_EQUAL(world_port(w, p)->request.kind, MEDIA_PLAIN_RTP);
    end();
}

static void plain_channel_of_a_peer_that_can_dtls_is_denied(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_PREFERRED);
    p = world_peer(w);
    p->opens_plain = true;
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT(p->was_refused);
    CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_SECURITY_DENIED);
    end();
}

static void D_MISMATCH_closes_every_channel_and_the_port(void)
{
    struct peer *p;

    PROVES("D-MISMATCH");
    begin(SETTINGS_DTLS_REQUIRED);
    p = caller();
    world_dtls_failed(w, p, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT_EQUAL(p->closed_in, 1);
    CU_ASSERT_EQUAL(p->closed_out, 1);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    CU_ASSERT(world_has_event(w, "dtls.failed"));
    CU_ASSERT(has_error(p, "fingerprint_mismatch"));
    CU_ASSERT_EQUAL(w->env.stats.dtls_failures[DTLS_FAIL_FINGERPRINT], 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    world_pass(w, 60000);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_FAILED);
    end();
}

static void peer_may_open_again_after_a_failed_handshake(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = caller();
    world_dtls_failed(w, p, DTLS_FAIL_TIMEOUT);
    h23510_reset_connection(&p->dtls);
    peer_open(p, H245_CODEC_PCMA);
    world_run(w);
    CU_ASSERT_EQUAL(w->port_count, 2);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    world_keyed(w, p);
    world_pass(w, 60000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    end();
}

static void close_notify_of_the_peer_is_no_failure(void)
{
    struct media_port *port;
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    port = world_port(w, p);
    port->callbacks->on_peer_closed(port->owner);
    world_run(w);
    CU_ASSERT_EQUAL(w->env.stats.dtls_failed, 0);
    CU_ASSERT(world_has_event(w, "dtls.closed") && !world_has_event(w, "dtls.failed"));
    CU_ASSERT(p->closed_in == 1 && p->closed_out == 1);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    world_pass(w, 60000);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_NO_CHANNEL);
    end();
}

static void R_CLOSE_last_channel_takes_the_port_along(void)
{
    struct peer *a, *b;

    PROVES("R-CLOSE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = secured_caller();
    b = secured_caller();
    peer_close(a);
    world_run(w);
    CU_ASSERT_EQUAL(world_open_ports(w), 2); /* our channel to it is open still */
    CU_ASSERT_PTR_NULL(world_port(w, a)->to);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    CU_ASSERT_EQUAL(h245_channel_close(a->h245, a->in_lcn, H245_INCOMING, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(world_open_ports(w), 1);
    CU_ASSERT_PTR_NULL(world_port(w, b)->to);
    end();
}

static void R_CALL_hang_up_releases_everything(void)
{
    struct peer *p;

    PROVES("R-CALL");
    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    peer_hang_up(p);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    CU_ASSERT(p->end_session && p->is_released && p->h225_closed && p->h245_closed);
    CU_ASSERT_EQUAL(world_events(w, "session.closed"), 1);
    CU_ASSERT_EQUAL(w->timers.count, 0);
    CU_ASSERT_EQUAL(w->env.stats.channels_opened, 2);
    CU_ASSERT_EQUAL(w->env.stats.channels_closed, 2);
    end();
}

static void R_CALL_lost_h245_releases_everything(void)
{
    struct peer *p;

    PROVES("R-CALL");
    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    session_on_h245_lost(p->session, "connection closed by peer", w->now);
    world_run(w);
    world_pass(w, 10000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_H245_LOST);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    CU_ASSERT(p->is_released);
    end();
}

static void R_CALL_lost_signalling_releases_everything(void)
{
    struct peer *p;

    PROVES("R-CALL");
    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    session_on_h225_lost(p->session, "connection closed by peer", w->now);
    world_run(w);
    CU_ASSERT(p->end_session);
    world_pass(w, 10000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void R_CALL_operator_says_goodbye(void)
{
    struct peer *p;

    PROVES("R-CALL");
    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    session_close(p->session, SESSION_END_OPERATOR, w->now);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSING);
    world_run(w);
    CU_ASSERT(p->end_session && p->is_released);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void mute_peer_cannot_keep_a_closing_session(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    p->is_mute = true;
    session_close(p->session, SESSION_END_SHUTDOWN, w->now);
    world_run(w);
    world_pass(w, w->settings->signalling.timers.end_session_ms + 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    end();
}

static void lost_data_plane_ends_sessions_and_refuses_channels(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = secured_caller();
    b = secured_caller();
    world_lose_data_plane(w);
    CU_ASSERT_EQUAL(session_end_reason(a->session), SESSION_END_NO_DATA_PLANE);
    CU_ASSERT_EQUAL(session_end_reason(b->session), SESSION_END_NO_DATA_PLANE);
    CU_ASSERT(a->is_released && b->is_released);
    CU_ASSERT_EQUAL(a->release.reason, H225_REASON_GATEWAY_RESOURCES);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void no_media_port_rejects_the_channel(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    w->open_result = ERR_LIMIT;
    p = caller();
    CU_ASSERT(p->was_refused);
    CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_UNSPECIFIED);
    world_pass(w, 60000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    end();
}

static void no_h245_port_is_a_lack_of_resources(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    w->listen_result = ERR_LIMIT;
    p = caller();
    CU_ASSERT(p->is_released && !p->is_connected);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_RESOURCES);
    end();
}

static void channel_waits_for_a_slow_data_plane(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    w->hold_ports = true;
    p = caller();
    CU_ASSERT(!p->out_open && !p->in_open && !p->was_refused);
    w->hold_ports = false;
    world_run(w);
    CU_ASSERT(p->out_open && p->in_open);
    end();
}

static void call_that_dies_while_the_port_opens_leaves_nothing(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    w->hold_ports = true;
    p = caller();
    peer_hang_up(p);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void json_tells_the_whole_call(void)
{
    struct peer *p;
    json_t *j, *t, *a, *line;

    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    world_pass(w, 20);
    world_first_packet(w, p, 0);
    world_first_packet(w, p, 1);
    j = json_of(p);
    t = json_array_get(json_object_get(j, "transports"), 0);
    a = json_object_get(t, "association");
    line = json_object_get(j, "timeline");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "state")), "active");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "policy")), "required");
    CU_ASSERT(json_is_false(json_object_get(j, "signalling_secured")));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "channels")), 2);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "state")), "keyed");
    CU_ASSERT(json_is_true(json_object_get(a, "fingerprint_verified")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "srtp_profile")),
                           "SRTP_AEAD_AES_128_GCM");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(t, "packets_in")), 7);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(line, "first_packet_in")), 20);
    CU_ASSERT_EQUAL(json_object_size(line), 15);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(j, "h245_version")), 17);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(j, "h225_version")), 7);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(json_object_get(j, "peer"), "product")), "fake \"peer\"");
    json_decref(j);
    j = conferences_to_json(w->conferences, w->now);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_array_get(j, 0), "codec")),
                           "PCMA");
    json_decref(j);
    end();
}

static void events_tell_the_steps_in_order(void)
{
    static const char *const order[] = {"session.created", "session.connected", "session.active",
                                        "channel.opened",  "dtls.established",  "media.keyed",
                                        "session.closed"};
    struct peer *p;
    size_t at = 0;

    begin(SETTINGS_DTLS_REQUIRED);
    p = secured_caller();
    peer_hang_up(p);
    world_run(w);
    for (size_t i = 0; i < w->event_count && at < 7; i++)
        at += strcmp(w->events[i], order[at]) == 0;
    CU_ASSERT_EQUAL(at, 7);
    end();
}

static void caller_that_never_connects_h245_is_released(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    peer_call(p, "demo");
    p->is_mute = true; /* after its Setup */
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CONNECTED);
    world_pass(w, 120000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_H245_TIMEOUT);
    end();
}

static void connection_without_setup_ends(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    world_pass(w, 120000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_SETUP_TIMEOUT);
    end();
}

static void peer_that_falls_silent_in_h245_is_released(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    p->opens = false;
    peer_call(p, "demo");
    for (int i = 0; i < 3; i++)
        world_run(w);
    p->is_mute = true;
    world_pass(w, 300000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

SUITE("server/session", TEST(H_LATCH_the_session_follows_what_was_learnt),
      TEST(first_call_opens_both_channels_on_one_port),
      TEST(D_ONCE_two_channels_start_one_association),
      TEST(D_ACTIVE_role_is_the_complement_of_the_peers),
      TEST(relay_routes_both_ways_when_both_have_channels),
      TEST(second_session_is_offered_only_the_settled_codec),
      TEST(second_session_is_offered_what_the_first_can_receive),
      TEST(channel_with_another_codec_is_not_available),
      TEST(silent_peer_gets_our_channel_after_a_time), TEST(no_common_codec_ends_the_call),
      TEST(call_without_channels_is_ended), TEST(unknown_alias_is_unreachable),
      TEST(wildcard_alias_makes_a_conference_of_its_own),
      TEST(third_session_of_a_relay_is_told_busy), TEST(required_refuses_a_peer_without_dtls),
      TEST(preferred_gives_plain_rtp_to_a_peer_without_dtls), TEST(preferred_bridges_srtp_and_rtp),
      TEST(off_never_offers_dtls), TEST(plain_channel_of_a_peer_that_can_dtls_is_denied),
      TEST(D_MISMATCH_closes_every_channel_and_the_port),
      TEST(peer_may_open_again_after_a_failed_handshake),
      TEST(close_notify_of_the_peer_is_no_failure), TEST(R_CLOSE_last_channel_takes_the_port_along),
      TEST(R_CALL_hang_up_releases_everything), TEST(R_CALL_lost_h245_releases_everything),
      TEST(R_CALL_lost_signalling_releases_everything), TEST(R_CALL_operator_says_goodbye),
      TEST(mute_peer_cannot_keep_a_closing_session),
      TEST(lost_data_plane_ends_sessions_and_refuses_channels),
      TEST(no_media_port_rejects_the_channel), TEST(no_h245_port_is_a_lack_of_resources),
      TEST(channel_waits_for_a_slow_data_plane),
      TEST(call_that_dies_while_the_port_opens_leaves_nothing), TEST(json_tells_the_whole_call),
      TEST(events_tell_the_steps_in_order), TEST(caller_that_never_connects_h245_is_released),
      TEST(connection_without_setup_ends), TEST(peer_that_falls_silent_in_h245_is_released))
