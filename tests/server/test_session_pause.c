/* Capabilities that change in a call: the third-party pause of H.323 8.4.6, and sets that allow
 * less than the one before. */
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

static void settle(void)
{
    world_run(w);
    world_pass(w, 10);
}

static struct peer *caller(void)
{
    struct peer *p = world_peer(w);

    peer_add_video(p, "H264");
    peer_call(p, "demo");
    settle();
    world_keyed(w, p);
    return p;
}

static bool is_paused(const struct peer *p)
{
    json_t *j = session_to_json(p->session, w->now);
    bool paused = json_is_true(json_object_get(j, "paused"));

    json_decref(j);
    return paused;
}

static void pause_call(struct peer *p)
{
    peer_send_empty_capabilities(p);
    settle();
}

static void resume_call(struct peer *p)
{
    peer_send_capabilities(p);
    settle();
}

static void empty_set_closes_ours_and_stops_what_is_sent(void)
{
    struct peer *a, *b;

    begin();
    a = caller();
    b = caller();
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT_PTR_NOT_NULL(world_port(w, a)->to);
    pause_call(b);
    CU_ASSERT(is_paused(b) && !is_paused(a));
    CU_ASSERT_FALSE(b->in_open);
    CU_ASSERT_PTR_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_EQUAL(world_port(w, a)->routes, 0);
    /* What the peer has open is its own to close, and still goes to the other. */
    CU_ASSERT_TRUE(b->out_open);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    CU_ASSERT_EQUAL(world_events(w, "session.paused"), 1);
    end();
}

static void paused_call_opens_nothing_and_does_not_end(void)
{
    struct peer *a, *b;

    begin();
    a = caller();
    b = caller();
    pause_call(b);
    peer_close(b);
    settle();
    CU_ASSERT_TRUE(world_port(w, b)->is_closing); /* no channel, no context (R-CLOSE) */
    peer_open_relayed(a, "H264");
    settle();
    world_pass(w, 300000);
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    CU_ASSERT_FALSE(b->in_open);
    CU_ASSERT_PTR_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    end();
}

static void next_set_opens_everything_again_on_the_same_connection(void)
{
    struct peer *a, *b;

    begin();
    a = caller();
    b = caller();
    peer_open_relayed(a, "H264");
    settle();
    pause_call(b);
    resume_call(b);
    CU_ASSERT_FALSE(is_paused(b));
    CU_ASSERT_TRUE(b->in_open);
    CU_ASSERT_PTR_NOT_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    CU_ASSERT_EQUAL(world_port(w, b)->associations, 1);
    CU_ASSERT_EQUAL(w->port_count, 2);
    CU_ASSERT_EQUAL(world_events(w, "session.resumed"), 1);
    end();
}

static void call_led_elsewhere_begins_with_a_new_connection(void)
{
    struct peer *a, *b;

    begin();
    a = caller();
    b = caller();
    pause_call(b);
    peer_close(b);
    settle();
    /* Another endpoint, with another address, roles and certificate. */
    h23510_reset_connection(&b->dtls);
    b->media.port = 7000;
    resume_call(b);
    peer_open(b, H245_CODEC_PCMA);
    settle();
    CU_ASSERT(b->in_open && b->out_open);
    CU_ASSERT_EQUAL(world_port(w, b)->remote.port, 7000);
    CU_ASSERT_EQUAL(world_port(w, b)->associations, 1);
    world_keyed(w, b);
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    end();
}

static void resumed_peer_that_opens_nothing_gets_ours(void)
{
    struct peer *p;

    begin();
    p = caller();
    pause_call(p);
    p->opens = false;
    peer_close(p);
    settle();
    h23510_reset_connection(&p->dtls);
    resume_call(p);
    CU_ASSERT_FALSE(p->in_open);
    world_pass(w, w->settings->signalling.timers.mirror_ms + 10);
    CU_ASSERT_TRUE(p->in_open);
    end();
}

static void pause_said_twice_is_one(void)
{
    struct peer *p;

    begin();
    p = caller();
    pause_call(p);
    pause_call(p);
    CU_ASSERT_EQUAL(world_events(w, "session.paused"), 1);
    CU_ASSERT_EQUAL(p->closed_in, 1);
    end();
}

static void set_without_the_codec_closes_the_channel(void)
{
    struct peer *p;

    begin();
    p = caller();
    caller();
    CU_ASSERT_TRUE(p->in_open);
    p->audio[0].codec = H245_CODEC_PCMU;
    p->audio_count = 1;
    resume_call(p);
    CU_ASSERT_FALSE(p->in_open);
    CU_ASSERT_EQUAL(p->closed_in, 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    end();
}

static void set_without_video_closes_the_video_alone(void)
{
    struct peer *a, *b;

    begin();
    a = caller();
    b = caller();
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT_PTR_NOT_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    b->relayed_count = 0;
    resume_call(b);
    CU_ASSERT_PTR_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_TRUE(b->in_open);
    /* The sender learns of it. */
    CU_ASSERT_EQUAL(a->caps.relayed_count, 0);
    b->relayed_count = 1;
    resume_call(b);
    settle();
    CU_ASSERT_PTR_NOT_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_EQUAL(a->caps.relayed_count, 1);
    end();
}

static void same_set_again_changes_nothing(void)
{
    struct peer *a, *b;
    size_t sets;

    begin();
    a = caller();
    b = caller();
    peer_open_relayed(a, "H264");
    settle();
    sets = a->tcs_count;
    resume_call(b);
    CU_ASSERT_EQUAL(b->closed_in, 0);
    CU_ASSERT_EQUAL(a->tcs_count, sets);
    CU_ASSERT_EQUAL(world_events(w, "session.resumed"), 0);
    end();
}

SUITE("server/session_pause", TEST(empty_set_closes_ours_and_stops_what_is_sent),
      TEST(paused_call_opens_nothing_and_does_not_end),
      TEST(next_set_opens_everything_again_on_the_same_connection),
      TEST(call_led_elsewhere_begins_with_a_new_connection),
      TEST(resumed_peer_that_opens_nothing_gets_ours), TEST(pause_said_twice_is_one),
      TEST(set_without_the_codec_closes_the_channel),
      TEST(set_without_video_closes_the_video_alone), TEST(same_set_again_changes_nothing))
