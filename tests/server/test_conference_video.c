/* Video of a mix: one codec that all can take, who sees whom under each layout, whole pictures,
 * bit rates, and far-end camera control. */
#include "fake_world.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "server/session/session_mix.h"
#include "server/session/session_video.h"
#include "signalling/h245/procedures.h"
#include "signalling/h245/video.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

static struct world *w;
static struct settings_conference *row;

static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    row = &w->settings->conferences[0]; /* "demo" */
    row->kind = SETTINGS_CONFERENCE_MIX;
    row->max_sessions = 10;
    row->sample_rate = 8000;
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

static struct peer *enter(struct peer *p)
{
    peer_call(p, "demo");
    world_run(w);
    world_keyed(w, p);
    world_run(w);
    return p;
}

/* With a camera that is on. */
static struct peer *viewer(void)
{
    struct peer *p = world_peer(w);

    peer_add_video(p, "H264");
    enter(p);
    (void)peer_open_relayed(p, "H264");
    world_run(w);
    world_pass(w, 1);
    return p;
}

static struct conference *demo(void)
{
    return conferences_find(w->conferences, "demo");
}

static struct media_mix *mix(void)
{
    return world_mix(w, "demo");
}

/* Does `from`'s video go to `to`? And to how many others at all? */
static bool sees(const struct peer *to, const struct peer *from)
{
    const struct media_port *port = world_port(w, from);

    for (size_t i = 0; i < port->receivers; i++)
        if (port->receiver[i].to == world_port(w, to) && port->receiver[i].is_video)
            return true;
    return false;
}

static size_t viewers_of(const struct peer *p)
{
    size_t n = 0;

    for (size_t i = 0; i < w->peer_count; i++)
        n += &w->peers[i] != p && world_port(w, &w->peers[i]) != NULL && sees(&w->peers[i], p);
    return n;
}

static void speak(const struct peer *p)
{
    world_speaker(mix(), world_port(w, p));
    world_run(w);
}

/* ---- key frames ---- */

static void source_is_handed_over_on_a_key_frame(void)
{
    struct peer *a, *b, *c;
    const struct media_port *from;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    speak(b);
    speak(c);
    from = world_port(w, c);
    CU_ASSERT_EQUAL(from->receivers, 2);
    for (size_t i = 0; i < from->receivers; i++)
        CU_ASSERT_EQUAL(from->receiver[i].key, LINK_KEY_H264);
    CU_ASSERT_EQUAL(world_port(w, a)->let_go + world_port(w, b)->let_go, 0);
    end();
}

/* Until c's key frame came a would have gone on seeing b, who does not want to be seen any more. */
static void muted_source_is_not_seen_until_the_key_frame(void)
{
    struct conference_voice voice = {.is_muted = true};
    struct peer *b;

    begin();
    (void)viewer();
    b = viewer();
    speak(b);
    speak(viewer());
    w->now += w->settings->media.key_frame_wait_ms - 1;
    CU_ASSERT_EQUAL(conference_set_voice(demo(), b->session, &voice), 0);
    world_run(w);
    CU_ASSERT_EQUAL(world_port(w, b)->let_go, 1);
    voice.is_muted = false;
    CU_ASSERT_EQUAL(conference_set_voice(demo(), b->session, &voice), 0);
    voice.is_muted = true;
    CU_ASSERT_EQUAL(conference_set_voice(demo(), b->session, &voice), 0);
    world_run(w);
    CU_ASSERT_EQUAL(world_port(w, b)->let_go, 1); /* once is enough */
    end();
}

static void source_of_long_ago_need_not_be_let_go(void)
{
    struct conference_voice voice = {.is_muted = true};
    struct peer *b;

    begin();
    (void)viewer();
    b = viewer();
    speak(b);
    speak(viewer());
    w->now += w->settings->media.key_frame_wait_ms;
    CU_ASSERT_EQUAL(conference_set_voice(demo(), b->session, &voice), 0);
    world_run(w);
    CU_ASSERT_EQUAL(world_port(w, b)->let_go, 0);
    end();
}

/* ---- who sees whom ---- */

static void speaker_is_seen_by_all_and_sees_who_spoke_before(void)
{
    struct peer *a, *b, *c;

    begin();
    a = viewer();
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 0);
    b = viewer();
    c = viewer();
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a)); /* nobody has spoken: whoever was first */
    speak(c);
    CU_ASSERT_TRUE(sees(a, c) && sees(b, c));
    CU_ASSERT_FALSE(sees(c, c));
    CU_ASSERT_EQUAL(viewers_of(c), 2);
    speak(a);
    CU_ASSERT_TRUE(sees(b, a) && sees(c, a));
    CU_ASSERT_TRUE(sees(a, c)); /* who spoke before it */
    CU_ASSERT_EQUAL(viewers_of(b), 0);
    CU_ASSERT(world_events(w, "conference.video") >= 5);
    end();
}

static void receiver_has_one_stream_over_all_switches(void)
{
    struct peer *a, *b, *c;
    const struct media_receiver *r;
    uint8_t lane, pt;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    speak(b);
    r = &world_port(w, b)->receiver[0];
    CU_ASSERT_PTR_EQUAL_FATAL(r->to, world_port(w, a));
    lane = r->lane;
    pt = r->pt_out;
    CU_ASSERT_EQUAL(r->clock_rate, 90000);
    speak(c);
    CU_ASSERT(world_port(w, c)->switches >= 2); /* in one step, for both that see it now */
    for (size_t i = 0; i < world_port(w, c)->receivers; i++) {
        r = &world_port(w, c)->receiver[i];
        CU_ASSERT_EQUAL(r->lane, lane);
        if (r->to == world_port(w, a))
            CU_ASSERT_EQUAL(r->pt_out, pt);
    }
    end();
}

static void layouts_fixed_and_lecture_show_who_was_named(void)
{
    struct peer *a, *b, *c;
    const char *why = "";

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    speak(b);
    CU_ASSERT_EQUAL(conference_set_layout(demo(), SETTINGS_LAYOUT_FIXED, NULL, &why), ERR_INVAL);
    CU_ASSERT_EQUAL(conference_set_layout(demo(), SETTINGS_LAYOUT_LECTURE, a->session, &why), 0);
    CU_ASSERT_TRUE(sees(b, a) && sees(c, a) && sees(a, b)); /* the lecturer sees who speaks */
    speak(c);
    CU_ASSERT_TRUE(sees(b, a) && sees(c, a) && sees(a, c));
    CU_ASSERT_EQUAL(conference_set_layout(demo(), SETTINGS_LAYOUT_VOICE, NULL, &why), 0);
    CU_ASSERT_TRUE(sees(a, c) && sees(b, c));
    CU_ASSERT_EQUAL(world_events(w, "conference.layout"), 2);
    end();
}

static void ask(struct peer *p, enum h245_ConferenceRequest_kind kind, const struct peer *about)
{
    struct h245_TerminalLabel label = {1, about->heard.number};
    struct h245_ConferenceRequest request = {.kind = kind, .u.sendThisSource = &label};

    CU_ASSERT_EQUAL(h245_conference_request(p->h245, &request, w->now), 0);
    world_run(w);
}

static void member_may_choose_whom_it_sees_and_the_chair_for_all(void)
{
    struct peer *a, *b, *c, *plain;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    plain = enter(world_peer(w));
    speak(b);
    ask(a, h245_ConferenceRequest_sendThisSource, c); /* VCS */
    CU_ASSERT_TRUE(a->heard.may_watch);
    CU_ASSERT_TRUE(sees(a, c) && sees(c, b));
    ask(b, h245_ConferenceRequest_sendThisSource, plain);
    CU_ASSERT_EQUAL(b->heard.watch_answers, 1);
    CU_ASSERT_FALSE(b->heard.may_watch);                       /* has no video */
    ask(c, h245_ConferenceRequest_makeTerminalBroadcaster, c); /* is no chair */
    CU_ASSERT_EQUAL(world_events(w, "conference.layout"), 0);
    ask(c, h245_ConferenceRequest_makeMeChair, c);
    ask(c, h245_ConferenceRequest_makeTerminalBroadcaster, a); /* VCB */
    CU_ASSERT_EQUAL(world_events(w, "conference.layout"), 1);
    CU_ASSERT_TRUE(sees(b, a) && sees(c, a));
    CU_ASSERT_TRUE(sees(a, c)); /* its own wish stands */
    end();
}

static void who_leaves_is_seen_no_more(void)
{
    struct peer *a, *b, *c;
    const char *why = "";

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    CU_ASSERT_EQUAL(conference_set_layout(demo(), SETTINGS_LAYOUT_FIXED, c->session, &why), 0);
    speak(c);
    CU_ASSERT_TRUE(sees(a, c) && sees(b, c));
    peer_hang_up(c);
    world_run(w);
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a));
    end();
}

static void muted_session_is_not_seen(void)
{
    struct peer *a, *b, *c;
    struct conference_voice voice = {.is_muted = true};

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    speak(c);
    CU_ASSERT_EQUAL(conference_set_voice(demo(), c->session, &voice), 0);
    world_run(w);
    CU_ASSERT_EQUAL(viewers_of(c), 0);
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a));
    end();
}

/* ---- pictures ---- */

static void source_is_asked_for_whole_pictures_not_too_often(void)
{
    struct peer *a, *b, *c;
    unsigned before;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    world_pass(w, 5000);
    before = c->fast_updates;
    speak(c);
    CU_ASSERT_EQUAL(c->fast_updates, before + 1);
    CU_ASSERT_EQUAL(c->updated_lcn, peer_channel(c, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    for (int i = 0; i < 10; i++) {
        peer_send_fast_update(a, peer_channel(a, H245_MEDIA_VIDEO, H245_INCOMING)->lcn);
        peer_send_fast_update(b, peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING)->lcn);
        world_run(w);
    }
    CU_ASSERT_EQUAL(c->fast_updates, before + 1);
    world_pass(w, 1100);
    CU_ASSERT_EQUAL(c->fast_updates, before + 2); /* one for all of them */
    world_pass(w, 5000);
    CU_ASSERT_EQUAL(c->fast_updates, before + 2);
    end();
}

/* ---- codecs and rates ---- */

static void set_level(struct peer *p, uint16_t level, uint8_t profiles)
{
    const struct h245_video_set h264 = {.profiles = profiles, .level = level, .bit_rate = 3840};
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_video_set_build(&a, &h264, &p->relayed[p->relayed_count++]), 0);
    arena_fini(&a);
}

static struct h245_video_set told(const struct peer *p)
{
    struct h245_video_set h264 = {0};
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(p->caps.relayed_count, 1);
    CU_ASSERT_EQUAL(h245_video_set_read(&a, &p->caps.relayed[0], &h264), 0);
    arena_fini(&a);
    return h264;
}

static void everybody_is_told_what_all_others_can_take(void)
{
    struct peer *a, *low;
    size_t sets;

    begin();
    a = viewer();
    (void)viewer();
    CU_ASSERT_EQUAL(told(a).level, 71);
    sets = a->tcs_count;
    low = world_peer(w);
    set_level(low, 43, 64 | 8); /* level 2, baseline and high */
    enter(low);
    world_pass(w, 1);
    CU_ASSERT_EQUAL(told(a).level, 43);
    CU_ASSERT_EQUAL(told(a).profiles, 64);
    CU_ASSERT_EQUAL(told(a).bit_rate, 3840);
    CU_ASSERT_EQUAL(told(low).level, 71); /* the others can take that */
    CU_ASSERT_EQUAL(a->tcs_count, sets + 1);
    sets = a->tcs_count;
    (void)viewer(); /* takes as much: nobody is told anything anew */
    CU_ASSERT_EQUAL(a->tcs_count, sets);
    end();
}

static void source_obeys_the_slowest_that_sees_it(void)
{
    struct peer *a, *b, *c;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    speak(c);
    peer_send_flow_control(a, peer_channel(a, H245_MEDIA_VIDEO, H245_INCOMING)->lcn, 2560);
    world_run(w);
    CU_ASSERT_EQUAL(c->flow_rate, 2560);
    CU_ASSERT_EQUAL(c->flow_lcn, peer_channel(c, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    peer_send_flow_control(b, peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING)->lcn, 320);
    world_run(w);
    CU_ASSERT_EQUAL(c->flow_rate, 320);
    CU_ASSERT_TRUE(sees(a, c) && sees(b, c)); /* less than G.711 needs is enough for pictures */
    peer_hang_up(b);
    world_run(w);
    CU_ASSERT_EQUAL(c->flow_rate, 2560);
    speak(a); /* a sees c no less, but c is not the slow one's source for b any more */
    CU_ASSERT_EQUAL(a->flow_rate, 0); /* nobody that sees it has a limit: it was told nothing */
    end();
}

static void session_without_video_hears_and_is_not_disturbed(void)
{
    struct peer *a, *b, *plain;

    begin();
    a = viewer();
    plain = enter(world_peer(w));
    b = viewer();
    CU_ASSERT_TRUE(sees(a, b) && sees(b, a));
    CU_ASSERT_PTR_NULL(peer_channel(plain, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_EQUAL(world_mix_members(mix()), 3);
    end();
}

/* ---- camera ---- */

static void add_h224(struct peer *p)
{
    struct h245_relayed *r = &p->relayed[p->relayed_count++];

    *r = (struct h245_relayed){.media = H245_MEDIA_DATA, .name = "h224"};
    {
        struct h245_DataApplicationCapability cap = {.maxBitRate = 64};
        static struct h245_DataProtocolCapability protocol = {
            .kind = h245_DataProtocolCapability_hdlcFrameTunnelling};

        cap.application.kind = h245_DataApplicationCapability_application_h224;
        cap.application.u.h224 = &protocol;
        CU_ASSERT_EQUAL(h245_relayed_of_data(&cap, r), 0);
    }
}

static void camera_control_goes_to_whom_one_sees(void)
{
    struct peer *p[3];
    const struct media_port *from;
    bool is_there = false;

    begin();
    for (size_t i = 0; i < 3; i++) {
        p[i] = world_peer(w);
        peer_add_video(p[i], "H264");
        add_h224(p[i]);
        enter(p[i]);
        (void)peer_open_relayed(p[i], "H264");
        world_run(w);
        world_pass(w, 1);
    }
    for (size_t i = 0; i < 3; i++) {
        struct h245_channel c = {.kind = H245_MEDIA_DATA,
                                 .session_id = 3,
                                 .relayed = p[i]->relayed[1],
                                 .payload_type = 99};

        peer_open_channel(p[i], &c);
        world_run(w);
        world_pass(w, 1);
    }
    speak(p[2]);
    from = world_port(w, p[0]);
    for (size_t i = 0; i < from->receivers; i++)
        is_there = is_there || (from->receiver[i].to == world_port(w, p[2]) &&
                                from->receiver[i].pt_in == 99 && !from->receiver[i].is_video);
    CU_ASSERT_TRUE(is_there);
    for (size_t i = 0; i < from->receivers; i++)
        CU_ASSERT_FALSE(from->receiver[i].to == world_port(w, p[1]) &&
                        from->receiver[i].pt_in == 99);
    end();
}

SUITE("server/conference_video", TEST(source_is_handed_over_on_a_key_frame),
      TEST(muted_source_is_not_seen_until_the_key_frame),
      TEST(source_of_long_ago_need_not_be_let_go),
      TEST(speaker_is_seen_by_all_and_sees_who_spoke_before),
      TEST(receiver_has_one_stream_over_all_switches),
      TEST(layouts_fixed_and_lecture_show_who_was_named),
      TEST(member_may_choose_whom_it_sees_and_the_chair_for_all), TEST(who_leaves_is_seen_no_more),
      TEST(muted_session_is_not_seen), TEST(source_is_asked_for_whole_pictures_not_too_often),
      TEST(everybody_is_told_what_all_others_can_take), TEST(source_obeys_the_slowest_that_sees_it),
      TEST(session_without_video_hears_and_is_not_disturbed),
      TEST(camera_control_goes_to_whom_one_sees))
