/* Kinds with one codec for all, when somebody comes who cannot receive it: the others change if
 * they can, and only then; if not, the newcomer alone ends. */
#include "fake_world.h"

#include <string.h>

#include "signalling/h245/procedures.h"
#include "tests/suite.h"

static struct world *w;

static void begin(enum settings_conference_kind kind)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    w->settings->media.video_count = 0; /* what is offered of it depends on who is there */
    w->settings->conferences[0].kind = kind;
    w->settings->conferences[0].max_sessions = kind == SETTINGS_CONFERENCE_RELAY ? 2 : 5;
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

static void settle(void)
{
    world_run(w);
    world_pass(w, 1); /* others follow by their timers */
    world_run(w);
}

static struct peer *enter(struct peer *p)
{
    peer_call(p, "demo");
    world_run(w);
    if (session_state(p->session) == SESSION_ACTIVE)
        world_keyed(w, p);
    settle();
    return p;
}

/* Both laws of G.711. */
static struct peer *any_law(void)
{
    return enter(world_peer(w));
}

static struct peer *one_law(enum h245_codec codec)
{
    struct peer *p = world_peer(w);

    p->audio[0].codec = codec;
    p->audio_count = 1;
    return enter(p);
}

/* What a terminal does that has said yes. */
static void follow(struct peer *p)
{
    peer_close(p);
    settle();
    p->out_lcn = 0;
    peer_open(p, p->heard.audio_mode);
    settle();
}

static enum h245_codec codec_to(struct peer *p)
{
    const struct peer_channel *c = peer_channel(p, H245_MEDIA_AUDIO, H245_INCOMING);

    return c != NULL ? c->audio.codec : H245_CODEC_UNKNOWN;
}

static void alone_one_changes_for_who_comes(void)
{
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMA);
    a->follows_modes = true;
    b = one_law(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(a->heard.audio_mode, H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->caps.audio_count, 1); /* and told by capabilities, too */
    CU_ASSERT_EQUAL(a->caps.audio[0].audio.codec, H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMU); /* our own channel is changed already */
    CU_ASSERT_EQUAL(codec_to(b), H245_CODEC_PCMU);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    CU_ASSERT_PTR_NULL(world_port(w, a)->to); /* what a still sends is nothing for b */
    follow(a);
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    CU_ASSERT_EQUAL(b->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    end();
}

static void nothing_is_changed_for_who_can_do_with_what_there_is(void)
{
    struct peer *a;
    size_t sets;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    sets = a->tcs_count;
    (void)one_law(H245_CODEC_PCMA);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(a->tcs_count, sets);
    CU_ASSERT_EQUAL(a->closed_in, 0);
    CU_ASSERT_PTR_NOT_NULL(world_port(w, a)->to);
    end();
}

static void who_refuses_the_mode_has_its_channel_closed(void)
{
    struct peer *a;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    (void)one_law(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    settle();
    CU_ASSERT_PTR_NULL(peer_channel(a, H245_MEDIA_AUDIO, H245_OUTGOING));
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMU); /* it hears, at least */
    end();
}

static void newcomer_without_a_common_codec_ends_and_nobody_notices(void)
{
    struct peer *a, *b, *c;
    size_t sets;

    begin(SETTINGS_CONFERENCE_FORWARD);
    a = one_law(H245_CODEC_PCMA);
    b = any_law();
    sets = a->tcs_count + b->tcs_count;
    c = one_law(H245_CODEC_PCMU); /* a cannot */
    CU_ASSERT_TRUE(c->is_released);
    CU_ASSERT_EQUAL(session_end_reason(c->session), SESSION_END_NO_CODEC);
    CU_ASSERT_EQUAL(a->tcs_count + b->tcs_count, sets);
    CU_ASSERT_EQUAL(a->heard.mode_requests + b->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 1);
    CU_ASSERT_EQUAL(world_port(w, b)->receivers, 1);
    CU_ASSERT_EQUAL(a->closed_in + b->closed_in, 0);
    end();
}

static void all_of_a_forward_change_together(void)
{
    struct peer *a, *b, *c;

    begin(SETTINGS_CONFERENCE_FORWARD);
    a = any_law();
    b = any_law();
    a->follows_modes = b->follows_modes = true;
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 1);
    c = one_law(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(b->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 0); /* A-law is nobody's any more */
    follow(a);
    follow(b);
    world_pass(w, 1);
    settle();
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 2);
    CU_ASSERT_EQUAL(world_port(w, b)->receivers, 2);
    CU_ASSERT_EQUAL(world_port(w, c)->receivers, 2);
    end();
}

SUITE("server/conference_codec", TEST(alone_one_changes_for_who_comes),
      TEST(nothing_is_changed_for_who_can_do_with_what_there_is),
      TEST(who_refuses_the_mode_has_its_channel_closed),
      TEST(newcomer_without_a_common_codec_ends_and_nobody_notices),
      TEST(all_of_a_forward_change_together))
