/* Video of a mix when somebody comes who can take less, or something else: who is asked to change,
 * who is shown what meanwhile, and who is not disturbed. */
#include "fake_world.h"

#include <string.h>

#include "base/arena.h"
#include "server/session/session_mix.h"
#include "server/session/session_video.h"
#include "signalling/h245/procedures.h"
#include "signalling/h245/video.h"
#include "tests/suite.h"

#define LEVEL_2   43
#define LEVEL_3_1 71

static struct world *w;

static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    w->settings->conferences[0].kind = SETTINGS_CONFERENCE_MIX;
    w->settings->conferences[0].max_sessions = 10;
    w->settings->conferences[0].sample_rate = 8000;
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

static void enter(struct peer *p)
{
    peer_call(p, "demo");
    world_run(w);
    world_keyed(w, p);
    world_run(w);
}

static void switch_on(struct peer *p, const char *name)
{
    (void)peer_open_relayed(p, name);
    world_run(w);
    world_pass(w, 1);
}

/* With a camera, or eyes alone. */
static struct peer *viewer(bool has_camera)
{
    struct peer *p = world_peer(w);

    peer_add_video(p, "H264");
    enter(p);
    if (has_camera)
        switch_on(p, "H264");
    world_pass(w, 1);
    return p;
}

static struct h245_relayed h264(uint16_t level, uint32_t bit_rate)
{
    const struct h245_video_set set = {.profiles = 64, .level = level, .bit_rate = bit_rate};
    struct h245_relayed r;
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_video_set_build(&a, &set, &r), 0);
    arena_fini(&a);
    return r;
}

static struct peer *limited_viewer(uint16_t level, uint32_t bit_rate)
{
    struct peer *p = world_peer(w);

    p->relayed[p->relayed_count++] = h264(level, bit_rate);
    enter(p);
    world_pass(w, 1);
    return p;
}

static bool sees(const struct peer *to, const struct peer *from)
{
    const struct media_port *port = world_port(w, from);

    for (size_t i = 0; i < port->receivers; i++)
        if (port->receiver[i].to == world_port(w, to) && port->receiver[i].is_video)
            return true;
    return false;
}

static unsigned level_asked(const struct peer *p)
{
    struct h245_video_set set = {0};
    struct arena a;

    arena_init(&a, 4096, 0);
    if (p->heard.video_mode.len > 0)
        CU_ASSERT_EQUAL(h245_video_set_read(&a, &p->heard.video_mode, &set), 0);
    arena_fini(&a);
    return set.level;
}

/* What a terminal does that has said yes: this channel goes, one in the mode comes. */
static void follow(struct peer *p, uint64_t pause_ms)
{
    struct h245_channel c = {.kind = H245_MEDIA_VIDEO,
                             .session_id = 2,
                             .relayed = p->heard.video_mode,
                             .payload_type = 99};

    peer_close_channel(p, peer_channel(p, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    world_run(w);
    world_pass(w, pause_ms);
    peer_open_channel(p, &c);
    world_run(w);
    world_pass(w, 1);
}

static uint16_t lcn_to(struct peer *p)
{
    const struct peer_channel *c = peer_channel(p, H245_MEDIA_VIDEO, H245_INCOMING);

    return c != NULL ? c->lcn : 0;
}

static void sources_are_asked_for_less_when_somebody_comes_who_can_take_less(void)
{
    struct peer *a, *b, *low;
    size_t sets;
    uint16_t to_b;

    begin();
    a = viewer(true);
    b = viewer(true);
    a->follows_modes = true;
    CU_ASSERT_EQUAL(a->heard.mode_requests + b->heard.mode_requests, 0);
    sets = a->tcs_count;
    to_b = lcn_to(b);
    low = limited_viewer(LEVEL_2, 0);
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a)); /* not disturbed by that */
    CU_ASSERT_FALSE(sees(low, a) || sees(low, b));
    CU_ASSERT_EQUAL(a->tcs_count, sets + 1);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(level_asked(a), LEVEL_2);
    CU_ASSERT_EQUAL(a->heard.audio_mode, H245_CODEC_PCMA); /* what it sends beside, named too */
    CU_ASSERT_EQUAL(b->heard.mode_requests, 1);
    follow(a, 100);
    CU_ASSERT_TRUE(sees(low, a) && sees(b, a));
    CU_ASSERT_EQUAL(lcn_to(b), to_b); /* its own channel has not been touched */
    world_speaker(world_mix(w, "demo"), world_port(w, b));
    world_run(w);
    CU_ASSERT_TRUE(sees(a, b));
    CU_ASSERT_TRUE(sees(low, a)); /* b has refused: this one goes on seeing what it can take */
    CU_ASSERT_EQUAL(b->heard.mode_requests, 1); /* and is not asked once more */
    end();
}

static void who_followed_is_asked_for_more_when_it_is_needed_no_more(void)
{
    struct peer *a, *b, *low;

    begin();
    a = viewer(true);
    b = viewer(true);
    a->follows_modes = true;
    low = limited_viewer(LEVEL_2, 0);
    follow(a, 0);
    CU_ASSERT_TRUE(sees(low, a));
    peer_hang_up(low);
    world_run(w);
    world_pass(w, 1);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 2);
    CU_ASSERT_EQUAL(level_asked(a), LEVEL_3_1);
    CU_ASSERT_EQUAL(b->heard.mode_requests, 1); /* it never sent less */
    (void)limited_viewer(LEVEL_2, 0);
    CU_ASSERT_EQUAL(b->heard.mode_requests, 2); /* somebody else asks: perhaps it can now */
    end();
}

/* The one source changes its channel: whoever sees it keeps its own, for a while. */
static void viewers_keep_their_channels_while_the_source_changes(void)
{
    struct peer *a, *v;
    uint16_t lcn;

    begin();
    a = viewer(true);
    v = viewer(false);
    a->follows_modes = true;
    lcn = lcn_to(v);
    CU_ASSERT_NOT_EQUAL_FATAL(lcn, 0);
    (void)limited_viewer(LEVEL_2, 0);
    follow(a, 2000);
    CU_ASSERT_EQUAL(lcn_to(v), lcn);
    CU_ASSERT_TRUE(sees(v, a));
    peer_close_channel(a, peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    world_run(w);
    world_pass(w, 6000); /* nothing comes for it: now it is over */
    CU_ASSERT_EQUAL(lcn_to(v), 0);
    end();
}

static void rate_is_no_higher_than_who_sees_it_can_take(void)
{
    struct peer *a, *slow;

    begin();
    a = viewer(true);
    CU_ASSERT_EQUAL(a->flow_rate, 0);
    slow = limited_viewer(LEVEL_3_1, 3840);
    CU_ASSERT_TRUE(sees(slow, a));
    CU_ASSERT_EQUAL(a->heard.mode_requests, 0); /* no other mode is needed */
    CU_ASSERT_EQUAL(a->flow_rate, 3840);
    CU_ASSERT_EQUAL(a->flow_lcn, peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    peer_send_flow_control(slow, lcn_to(slow), 1280);
    world_run(w);
    CU_ASSERT_EQUAL(a->flow_rate, 1280);
    peer_hang_up(slow);
    world_run(w);
    CU_ASSERT_EQUAL(a->flow_rate, UINT32_MAX);
    end();
}

static void who_has_no_codec_in_common_hears_and_is_told_why_it_sees_nothing(void)
{
    struct peer *a, *b, *other;
    size_t sets, events;

    begin();
    a = viewer(true);
    b = viewer(true);
    sets = a->tcs_count;
    events = world_events(w, "conference.video");
    other = world_peer(w);
    peer_add_video(other, "H263");
    enter(other);
    world_pass(w, 1);
    CU_ASSERT_EQUAL(world_mix_members(world_mix(w, "demo")), 3); /* it hears */
    CU_ASSERT_EQUAL(lcn_to(other), 0);
    CU_ASSERT_EQUAL(world_events(w, "conference.video"), events + 1); /* with the reason */
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a));
    CU_ASSERT_EQUAL(a->tcs_count, sets);
    CU_ASSERT_EQUAL(a->heard.mode_requests + b->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(session_state(other->session), SESSION_ACTIVE);
    end();
}

/* ---- H.265 ---- */

static struct peer *viewer_of(const char *codec, const char *second, bool has_camera)
{
    struct peer *p = world_peer(w);

    peer_add_video(p, codec);
    if (second != NULL)
        peer_add_video(p, second);
    enter(p);
    if (has_camera)
        switch_on(p, codec);
    world_pass(w, 1);
    return p;
}

static enum link_key key_to(const struct peer *to, const struct peer *from)
{
    const struct media_port *port = world_port(w, from);

    for (size_t i = 0; i < port->receivers; i++)
        if (port->receiver[i].to == world_port(w, to) && port->receiver[i].is_video)
            return port->receiver[i].key;
    return LINK_KEY_NONE;
}

static void h265_is_switched_on_its_key_frames_and_asked_for_them(void)
{
    struct peer *a, *b, *c;

    begin();
    a = viewer_of("H265", NULL, true);
    b = viewer_of("H265", NULL, true);
    c = viewer_of("H265", NULL, true);
    CU_ASSERT_EQUAL_FATAL(a->caps.relayed_count, 1);
    CU_ASSERT_STRING_EQUAL(a->caps.relayed[0].name, "H265");
    world_pass(w, 5000);
    c->fast_updates = 0;
    world_speaker(world_mix(w, "demo"), world_port(w, c));
    world_run(w);
    CU_ASSERT_TRUE(sees(a, c) && sees(b, c));
    CU_ASSERT_EQUAL(key_to(a, c), LINK_KEY_H265);
    CU_ASSERT_EQUAL(key_to(b, c), LINK_KEY_H265);
    CU_ASSERT_EQUAL(c->fast_updates, 1);
    end();
}

static struct h245_relayed h265(uint16_t level, uint8_t profiles)
{
    const struct h245_video_set set = {
        .codec = H245_VIDEO_H265, .profiles = profiles, .level = level, .bit_rate = 8000};
    struct h245_relayed r;
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_video_set_build(&a, &set, &r), 0);
    arena_fini(&a);
    return r;
}

static void sources_of_h265_are_asked_for_a_level_that_all_can_take(void)
{
    struct peer *a, *b, *low;

    begin();
    a = viewer_of("H265", NULL, true);
    b = viewer_of("H265", NULL, true);
    low = world_peer(w);
    low->relayed[low->relayed_count++] = h265(63, H245_H265_MAIN); /* level 2.1 */
    enter(low);
    world_pass(w, 1);
    CU_ASSERT_EQUAL(level_asked(a), 63);
    CU_ASSERT_EQUAL(level_asked(b), 63);
    CU_ASSERT_FALSE(sees(low, a) || sees(low, b));
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a));
    follow(a, 50);
    CU_ASSERT_TRUE(sees(low, a));
    CU_ASSERT_TRUE(sees(b, a)); /* by the channel that it has */
    end();
}

/* The first had no reason to prefer the codec that is now the only one which anybody can see. */
static void who_has_both_codecs_is_asked_for_the_one_that_the_others_have(void)
{
    struct peer *both, *b, *c;

    begin();
    both = viewer_of("H264", "H265", true);
    CU_ASSERT_EQUAL(both->heard.mode_requests, 0);
    b = viewer_of("H265", NULL, true);
    CU_ASSERT_EQUAL(both->heard.mode_requests, 1);
    CU_ASSERT_STRING_EQUAL(both->heard.video_mode.name, "H265");
    CU_ASSERT_TRUE(sees(both, b)); /* it takes both */
    CU_ASSERT_FALSE(sees(b, both));
    follow(both, 50);
    CU_ASSERT_TRUE(sees(b, both));
    CU_ASSERT_EQUAL(key_to(b, both), LINK_KEY_H265);
    c = viewer_of("H265", NULL, true);
    CU_ASSERT_TRUE(sees(c, both) || sees(c, b));
    CU_ASSERT_EQUAL(both->heard.mode_requests, 1);
    end();
}

/* One channel to each has one codec: who speaks in another is not put into it. */
static void who_speaks_in_another_codec_is_not_shown_in_this_ones_channel(void)
{
    struct peer *both, *b, *old;

    begin();
    both = viewer_of("H265", "H264", true);
    b = viewer_of("H265", NULL, true);
    old = viewer_of("H264", NULL, true);
    CU_ASSERT_TRUE(sees(both, b));
    world_speaker(world_mix(w, "demo"), world_port(w, old));
    world_run(w);
    world_pass(w, 100);
    CU_ASSERT_TRUE(sees(both, b));
    CU_ASSERT_FALSE(sees(both, old) || sees(b, old));
    peer_hang_up(b); /* now there is nobody else: the channel becomes one of H.264 */
    world_run(w);
    world_pass(w, 100);
    CU_ASSERT_TRUE(sees(both, old));
    CU_ASSERT_EQUAL(key_to(both, old), LINK_KEY_H264);
    CU_ASSERT_STRING_EQUAL(peer_channel(both, H245_MEDIA_VIDEO, H245_INCOMING)->relayed.name,
                           "H264");
    end();
}

static void who_has_h264_alone_among_h265_hears_and_is_told_why(void)
{
    struct peer *a, *b, *old;
    size_t events;

    begin();
    a = viewer_of("H265", NULL, true);
    b = viewer_of("H265", "H264", true);
    events = world_events(w, "conference.video");
    old = viewer_of("H264", NULL, false);
    CU_ASSERT_EQUAL(world_mix_members(world_mix(w, "demo")), 3);
    CU_ASSERT_EQUAL(lcn_to(old), 0);
    CU_ASSERT_EQUAL(world_events(w, "conference.video"), events + 1); /* no_common_codec */
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a));
    CU_ASSERT_EQUAL(a->heard.mode_requests + b->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(session_state(old->session), SESSION_ACTIVE);
    end();
}

/* A terminal that keeps to what it is told: its camera begins as our capabilities allow, it does
 * what it is asked for. */
static struct peer *obedient(void)
{
    struct peer *p = world_peer(w);
    struct h245_channel c = {.kind = H245_MEDIA_VIDEO, .session_id = 2, .payload_type = 99};

    peer_add_video(p, "H264");
    p->follows_modes = true;
    enter(p);
    world_pass(w, 1);
    for (size_t i = 0; i < p->caps.relayed_count; i++)
        if (strcmp(p->caps.relayed[i].name, "H264") == 0)
            c.relayed = p->caps.relayed[i];
    CU_ASSERT_TRUE_FATAL(c.relayed.len > 0);
    peer_open_channel(p, &c);
    world_run(w);
    world_pass(w, 1);
    return p;
}

static struct h245_video_set sent_by(struct peer *p)
{
    const struct peer_channel *c = peer_channel(p, H245_MEDIA_VIDEO, H245_OUTGOING);
    struct h245_video_set set = {0};
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_video_set_read(&a, &c->relayed, &set), 0);
    arena_fini(&a);
    return set;
}

/* May it send so much: by its channel, and by the last word of flow control about it? */
static bool is_within(struct peer *p, uint32_t rate)
{
    const struct peer_channel *c = peer_channel(p, H245_MEDIA_VIDEO, H245_OUTGOING);
    uint32_t own = sent_by(p).bit_rate;

    return (own != 0 && own <= rate) || (p->flow_lcn == c->lcn && p->flow_rate <= rate);
}

static void obey(struct peer *p, unsigned *done)
{
    if (p->heard.mode_requests == *done)
        return;
    *done = p->heard.mode_requests;
    follow(p, 10);
}

/* Two cameras and one that can take less, which comes first, second or last, and goes again. */
static void one_that_can_take_less(unsigned position, uint16_t level, uint32_t rate)
{
    struct peer *p[3] = {NULL}, *low;
    unsigned done[3] = {0};
    struct h245_video_set full;

    begin();
    for (unsigned i = 0; i < 3; i++)
        p[i] = i == position ? limited_viewer(level, rate) : obedient();
    low = p[position];
    for (unsigned i = 0; i < 3; i++)
        if (p[i] != low)
            obey(p[i], &done[i]);
    for (unsigned i = 0; i < 3; i++)
        if (p[i] != low) {
            CU_ASSERT(sent_by(p[i]).level <= level);
            CU_ASSERT(!sees(low, p[i]) || is_within(p[i], rate));
            world_speaker(world_mix(w, "demo"), world_port(w, p[i]));
            world_run(w);
            CU_ASSERT(sees(low, p[i]));
            CU_ASSERT(is_within(p[i], rate));
        }
    peer_hang_up(low);
    world_run(w);
    world_pass(w, 1);
    for (unsigned i = 0; i < 3; i++)
        if (p[i] != low)
            obey(p[i], &done[i]);
    for (unsigned i = 0; i < 3; i++)
        if (p[i] != low) {
            full = sent_by(p[i]);
            CU_ASSERT_EQUAL(full.level, LEVEL_3_1); /* as much as before there was anybody */
            CU_ASSERT_FALSE(is_within(p[i], rate));
            CU_ASSERT_EQUAL(p[i]->heard.mode_requests, done[i]); /* and that is all */
        }
    end();
}

static void who_can_take_less_is_seen_to_in_any_order(void)
{
    for (unsigned position = 0; position < 3; position++) {
        one_that_can_take_less(position, LEVEL_2, 3840); /* less in both */
        one_that_can_take_less(position, LEVEL_3_1, 3840);
    }
}

/* What was told of a channel is not known of the one in its place. */
static void limit_is_told_again_of_a_new_channel(void)
{
    struct peer *a;

    begin();
    a = viewer(true);
    (void)limited_viewer(LEVEL_3_1, 3840);
    CU_ASSERT_EQUAL(a->flow_rate, 3840);
    a->flow_rate = 0;
    peer_close_channel(a, peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    switch_on(a, "H264");
    CU_ASSERT_EQUAL(a->flow_rate, 3840);
    CU_ASSERT_EQUAL(a->flow_lcn, peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    end();
}

SUITE("server/conference_modes", TEST(who_can_take_less_is_seen_to_in_any_order),
      TEST(limit_is_told_again_of_a_new_channel),
      TEST(sources_are_asked_for_less_when_somebody_comes_who_can_take_less),
      TEST(who_followed_is_asked_for_more_when_it_is_needed_no_more),
      TEST(viewers_keep_their_channels_while_the_source_changes),
      TEST(rate_is_no_higher_than_who_sees_it_can_take),
      TEST(who_has_no_codec_in_common_hears_and_is_told_why_it_sees_nothing),
      TEST(h265_is_switched_on_its_key_frames_and_asked_for_them),
      TEST(sources_of_h265_are_asked_for_a_level_that_all_can_take),
      TEST(who_has_both_codecs_is_asked_for_the_one_that_the_others_have),
      TEST(who_speaks_in_another_codec_is_not_shown_in_this_ones_channel),
      TEST(who_has_h264_alone_among_h265_hears_and_is_told_why))
