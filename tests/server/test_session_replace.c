/* A channel of ours that shall take over from another is refused: asked again, then one by one, or
 * the old one stays; and what is said of it. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

static struct world *w;
static struct peer *a, *b;

static void settle(void)
{
    world_run(w);
    world_pass(w, 1);
    world_run(w);
}

static struct peer *enter(bool knows_replacement)
{
    struct peer *p = world_peer(w);

    p->knows_replacement = knows_replacement;
    p->follows_modes = true;
    peer_call(p, "demo");
    world_run(w);
    world_keyed(w, p);
    settle();
    return p;
}

static void begin(bool knows_replacement)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    w->settings->media.video_count = 0;
    a = enter(knows_replacement);
    b = enter(false);
}

static void end(void)
{
    for (size_t i = 0; i < w->peer_count; i++)
        if (session_state(w->peers[i].session) == SESSION_ACTIVE)
            session_close(w->peers[i].session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    world_destroy(w);
}

/* All change; `a` answers what comes as it was told. */
static void change_codec(enum h245_codec codec)
{
    struct session_refusal why;

    CU_ASSERT_EQUAL(session_request_mode(b->session, codec, &why, w->now), 0);
    settle();
}

static size_t channels_to(const struct peer *p, enum h245_codec codec)
{
    size_t n = 0;

    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        n += p->channels[i].lcn != 0 && p->channels[i].direction == H245_INCOMING &&
             p->channels[i].audio.codec == codec;
    return n;
}

static bool told(const char *then, size_t times)
{
    size_t n = 0;

    for (size_t i = 0; i < w->event_count; i++)
        n += strcmp(w->events[i], "channel.not_replaced") == 0 &&
             strstr(w->events_data[i], then) != NULL;
    return n == times;
}

static void refuse(unsigned times, enum h245_olc_cause cause)
{
    a->refuses_second = times;
    a->refuses_with = cause;
}

static void what_may_pass_is_asked_again(void)
{
    begin(false);
    refuse(1, H245_OLC_CONFLICT);
    change_codec(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->seconds, 1);
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMA), 1);
    CU_ASSERT_TRUE(told("again", 1));
    world_pass(w, 490);
    CU_ASSERT_EQUAL(a->seconds, 1);
    world_pass(w, 20);
    settle();
    CU_ASSERT_EQUAL(a->seconds, 2);
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMU), 1);
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMA), 0);
    CU_ASSERT_EQUAL(a->closed_in, 1);
    world_pass(w, 10000);
    CU_ASSERT_EQUAL(a->seconds, 2);
    end();
}

static void asked_three_times_then_the_old_one_closes_first(void)
{
    begin(false);
    refuse(100, H245_OLC_TYPE_NOT_AVAILABLE);
    change_codec(H245_CODEC_PCMU);
    for (int i = 0; i < 30; i++)
        world_pass(w, 100);
    settle();
    CU_ASSERT_EQUAL(a->seconds, 3);
    CU_ASSERT_TRUE(told("again", 2));
    CU_ASSERT_TRUE(told("reopened", 1));
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMA), 0);
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMU), 1);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(world_port(w, a)->associations, 1); /* its keys were kept meanwhile */
    end();
}

static void two_at_a_time_are_not_asked_for_again(void)
{
    begin(true);
    refuse(100, H245_OLC_REPLACEMENT);
    change_codec(H245_CODEC_PCMU);
    settle();
    CU_ASSERT_EQUAL(a->seconds, 1);
    CU_ASSERT_TRUE(told("again", 0));
    CU_ASSERT_TRUE(told("reopened", 1));
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMU), 1);
    end();
}

static void whose_codec_changes_back_is_asked_for_nothing(void)
{
    begin(false);
    refuse(1, H245_OLC_BANDWIDTH);
    change_codec(H245_CODEC_PCMU);
    change_codec(H245_CODEC_PCMA);
    world_pass(w, 5000);
    CU_ASSERT_EQUAL(a->seconds, 1);
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMA), 1);
    CU_ASSERT_EQUAL(a->closed_in, 0);
    end();
}

static const struct peer_channel *newest_to(const struct peer *p)
{
    const struct peer_channel *found = NULL;

    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        if (p->channels[i].lcn != 0 && p->channels[i].direction == H245_INCOMING &&
            (found == NULL || p->channels[i].lcn > found->lcn))
            found = &p->channels[i];
    return found;
}

static void replacement_is_named_to_who_knows_it(void)
{
    uint16_t old;

    begin(true);
    CU_ASSERT_EQUAL(newest_to(a)->replaces, 0);
    old = newest_to(a)->lcn;
    change_codec(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(newest_to(a)->replaces, old);
    CU_ASSERT_EQUAL(newest_to(a)->audio.codec, H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(newest_to(b)->replaces, 0); /* has never said that it knows */
    CU_ASSERT_EQUAL(newest_to(b)->audio.codec, H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->closed_in, 1);
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMU), 1);
    end();
}

static void after_a_peer_that_has_moved_ours_goes_by_close_and_open(void)
{
    struct h245_channel c = {.session_id = 1, .audio = {.codec = H245_CODEC_PCMA, .frames = 20}};
    struct media_port *fresh;

    begin(false);
    refuse(1, H245_OLC_SESSION_ID);
    h23510_reset_connection(&a->dtls);
    a->media.port = 7000;
    (void)peer_open_channel(a, &c);
    settle();
    fresh = world_port(w, a);
    world_keyed(w, a);
    settle();
    CU_ASSERT_TRUE(told("reopened", 1));
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMA), 1);
    CU_ASSERT_EQUAL(newest_to(a)->port_number, fresh->local.port);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, fresh);
    end();
}

static void keys_that_a_peer_will_not_renew_stay(void)
{
    struct media_port *old;
    const char *why;

    begin(false);
    old = world_port(w, a);
    refuse(100, H245_OLC_CONFLICT);
    CU_ASSERT_EQUAL(session_rekey(a->session, &why, w->now), 0);
    settle();
    for (int i = 0; i < 30; i++)
        world_pass(w, 100);
    settle();
    CU_ASSERT_EQUAL(a->seconds, 3);
    CU_ASSERT_TRUE(told("kept", 1));
    CU_ASSERT_EQUAL(channels_to(a, H245_CODEC_PCMA), 1);
    CU_ASSERT_EQUAL(a->closed_in, 0);
    CU_ASSERT_FALSE(old->is_closing);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, old);
    end();
}

SUITE("server/session_replace", TEST(what_may_pass_is_asked_again),
      TEST(asked_three_times_then_the_old_one_closes_first),
      TEST(two_at_a_time_are_not_asked_for_again),
      TEST(whose_codec_changes_back_is_asked_for_nothing),
      TEST(replacement_is_named_to_who_knows_it),
      TEST(after_a_peer_that_has_moved_ours_goes_by_close_and_open),
      TEST(keys_that_a_peer_will_not_renew_stay))
