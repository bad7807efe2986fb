/* Presentations in a mix (H.239): token, channel, who sees it. */
#include "tests/suite.h"

#include <string.h>

#include "base/arena.h"
#include "fake_world.h"
#include "server/conference/conference.h"
#include "signalling/h245/h239.h"
#include "signalling/h245/video.h"
#include "signalling/schema/h245.h"

#define TYPE      98
#define LEVEL_2   43
#define LEVEL_3_1 71

static struct world *w;

static void begin(void)
{
    struct settings_conference *row;

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

static struct h245_relayed h264(uint16_t level, uint32_t bit_rate)
{
    const struct h245_video_set set = {
        .codec = H245_VIDEO_H264, .profiles = 64, .level = level, .bit_rate = bit_rate};
    struct h245_relayed r;
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_video_set_build(&a, &set, &r), 0);
    arena_fini(&a);
    r.media = H245_MEDIA_PRESENTATION;
    return r;
}

/* With a camera that is on; it can receive a presentation (NULL: the usual one) and gives way to
 * others. */
static struct peer *viewer_of(const struct h245_relayed *presented)
{
    struct peer *p = world_peer(w);

    peer_add_video(p, "H264");
    p->relayed[1] = presented != NULL ? *presented : p->relayed[0];
    p->relayed[1].media = H245_MEDIA_PRESENTATION;
    p->relayed_count = 2;
    p->gives_way = true;
    enter(p);
    world_pass(w, 1);
    {
        struct h245_channel c = {.kind = H245_MEDIA_VIDEO,
                                 .session_id = 2,
                                 .relayed = p->relayed[0],
                                 .payload_type = 96};

        peer_open_channel(p, &c);
    }
    world_run(w);
    world_pass(w, 1);
    return p;
}

static struct peer *viewer(void)
{
    return viewer_of(NULL);
}

static void say(struct peer *p, enum h239_kind kind)
{
    const struct h239_message m = {.kind = kind};
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h239_send(p->h245, &a, &m, w->now), 0);
    arena_fini(&a);
    world_run(w);
    world_pass(w, 1);
}

static uint16_t open_presentation(struct peer *p, uint8_t type)
{
    struct h245_channel c = {
        .kind = H245_MEDIA_PRESENTATION, .relayed = p->relayed[1], .payload_type = type};
    uint16_t lcn = peer_open_channel(p, &c);

    world_run(w);
    world_pass(w, 1);
    return lcn;
}

static void present(struct peer *p)
{
    say(p, H239_TOKEN_REQUEST);
    CU_ASSERT_TRUE(p->heard.has_token);
    (void)open_presentation(p, TYPE);
}

/* Is `from`'s presentation sent to `to`? */
static const struct media_receiver *row(const struct peer *from, const struct peer *to)
{
    const struct media_port *port = world_port(w, from);

    for (size_t i = 0; i < port->receivers; i++)
        if (port->receiver[i].to == world_port(w, to) && port->receiver[i].pt_in == TYPE)
            return &port->receiver[i];
    return NULL;
}

static bool is_shown(const struct peer *from, const struct peer *to)
{
    return row(from, to) != NULL;
}

static struct peer_channel *shown_to(struct peer *p)
{
    return peer_channel(p, H245_MEDIA_PRESENTATION, H245_INCOMING);
}

/* ---- tests ---- */

static void a_presentation_is_seen_beside_the_video(void)
{
    struct peer *a, *b, *c;
    unsigned before;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    before = a->fast_updates;
    present(a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shown_to(b));
    CU_ASSERT_PTR_NOT_NULL_FATAL(shown_to(c));
    CU_ASSERT_PTR_NULL(shown_to(a));
    CU_ASSERT(shown_to(b)->session_id == 0 ||
              shown_to(b)->session_id > 3); /* none of the primary */
    CU_ASSERT_TRUE_FATAL(is_shown(a, b) && is_shown(a, c));
    CU_ASSERT_NOT_EQUAL(row(a, b)->lane, 1); /* the video's */
    CU_ASSERT_EQUAL(row(a, b)->pt_out, shown_to(b)->payload_type);
    CU_ASSERT_NOT_EQUAL(shown_to(b)->payload_type,
                        peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING)->payload_type);
    CU_ASSERT_EQUAL(row(a, b)->key, LINK_KEY_H264);
    CU_ASSERT_TRUE(row(a, b)->is_video);
    CU_ASSERT_EQUAL(a->fast_updates, before + 1);
    CU_ASSERT_EQUAL(a->updated_lcn, peer_channel(a, H245_MEDIA_PRESENTATION, H245_OUTGOING)->lcn);
    CU_ASSERT_EQUAL(world_events(w, "conference.presentation"), 1);
    end();
}

static void without_the_token_nothing_is_shown(void)
{
    struct peer *a, *b;
    uint16_t lcn;

    begin();
    a = viewer();
    b = viewer();
    lcn = open_presentation(a, TYPE);
    CU_ASSERT_FALSE(is_shown(a, b));
    CU_ASSERT_PTR_NULL(shown_to(b));
    say(a, H239_TOKEN_REQUEST);
    CU_ASSERT_TRUE(is_shown(a, b));
    say(a, H239_TOKEN_RELEASE);
    CU_ASSERT_FALSE(is_shown(a, b));
    CU_ASSERT_PTR_NULL(shown_to(b)); /* the channel went with it */
    say(a, H239_TOKEN_REQUEST);
    CU_ASSERT_TRUE(is_shown(a, b));
    peer_close_channel(a, lcn);
    world_run(w);
    world_pass(w, 1);
    CU_ASSERT_FALSE(is_shown(a, b));
    CU_ASSERT_PTR_NULL(shown_to(b));
    end();
}

static void who_gives_way_is_followed(void)
{
    struct peer *a, *b, *c;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    present(a);
    present(b); /* a is asked, and says yes */
    CU_ASSERT_TRUE(is_shown(b, a) && is_shown(b, c));
    CU_ASSERT_FALSE(is_shown(a, b) || is_shown(a, c));
    CU_ASSERT_PTR_NULL(shown_to(b));
    CU_ASSERT_PTR_NOT_NULL(shown_to(a));
    b->gives_way = false; /* does not know the request: keeps it */
    say(c, H239_TOKEN_REQUEST);
    CU_ASSERT_FALSE(c->heard.has_token);
    CU_ASSERT_TRUE(is_shown(b, c));
    end();
}

static void who_leaves_presents_no_more(void)
{
    struct peer *a, *b, *late;

    begin();
    a = viewer();
    b = viewer();
    present(a);
    late = viewer();
    CU_ASSERT_EQUAL(late->heard.owners, 0); /* its set does not name H.239's messages */
    CU_ASSERT_TRUE(is_shown(a, late));
    peer_hang_up(a);
    world_run(w);
    world_pass(w, 1);
    CU_ASSERT_PTR_NULL(shown_to(b));
    CU_ASSERT_PTR_NULL(shown_to(late));
    CU_ASSERT_EQUAL(world_events(w, "conference.presentation"), 2); /* his, and nobody's */
    present(b);
    CU_ASSERT_TRUE(is_shown(b, late));
    end();
}

static void muted_presenter_is_not_seen(void)
{
    struct conference_voice voice = {.is_muted = true};
    struct conference *demo;
    struct peer *a, *b;

    begin();
    a = viewer();
    b = viewer();
    present(a);
    demo = conferences_find(w->conferences, "demo");
    CU_ASSERT_EQUAL(conference_set_voice(demo, a->session, &voice), 0);
    world_run(w);
    CU_ASSERT_FALSE(is_shown(a, b));
    voice.is_muted = false;
    CU_ASSERT_EQUAL(conference_set_voice(demo, a->session, &voice), 0);
    world_run(w);
    CU_ASSERT_TRUE(is_shown(a, b));
    end();
}

static void who_cannot_receive_one_is_left_alone(void)
{
    struct peer *a, *b, *plain;

    begin();
    a = viewer();
    plain = world_peer(w);
    peer_add_video(plain, "H264");
    enter(plain);
    world_pass(w, 1);
    CU_ASSERT_EQUAL(a->caps.relayed_count, 1); /* nobody could see it: it is not offered */
    open_presentation(a, TYPE);
    CU_ASSERT_TRUE(a->was_refused);
    b = viewer();
    CU_ASSERT_EQUAL(a->caps.relayed_count, 2);
    CU_ASSERT_EQUAL(a->caps.relayed[1].media, H245_MEDIA_PRESENTATION);
    present(a);
    CU_ASSERT_TRUE(is_shown(a, b));
    CU_ASSERT_FALSE(is_shown(a, plain));
    CU_ASSERT_PTR_NULL(shown_to(plain));
    end();
}

static void the_number_of_the_other_video_is_refused(void)
{
    struct peer *a;

    begin();
    a = viewer();
    (void)viewer();
    say(a, H239_TOKEN_REQUEST);
    open_presentation(a, 96);
    CU_ASSERT_TRUE(a->was_refused);
    CU_ASSERT_EQUAL(world_events(w, "conference.presentation"), 0);
    end();
}

static void receivers_ask_for_pictures_and_rates_of_it(void)
{
    struct peer *a, *b, *c;
    unsigned before;
    uint16_t lcn;

    begin();
    a = viewer();
    b = viewer();
    c = viewer();
    present(a);
    lcn = peer_channel(a, H245_MEDIA_PRESENTATION, H245_OUTGOING)->lcn;
    world_pass(w, 5000);
    before = a->fast_updates;
    peer_send_fast_update(b, shown_to(b)->lcn);
    peer_send_fast_update(c, shown_to(c)->lcn);
    world_run(w);
    CU_ASSERT_EQUAL(a->fast_updates, before + 1);
    CU_ASSERT_EQUAL(a->updated_lcn, lcn);
    world_pass(w, 1100);
    CU_ASSERT_EQUAL(a->fast_updates, before + 2); /* one more for the second */
    peer_send_flow_control(b, shown_to(b)->lcn, 2560);
    world_run(w);
    CU_ASSERT_EQUAL(a->flow_rate, 2560);
    CU_ASSERT_EQUAL(a->flow_lcn, lcn);
    peer_send_flow_control(c, shown_to(c)->lcn, 1280);
    world_run(w);
    CU_ASSERT_EQUAL(a->flow_rate, 1280);
    peer_hang_up(c);
    world_run(w);
    CU_ASSERT_EQUAL(a->flow_rate, 2560);
    end();
}

/* Both sides of a relay have what H.239 needs: the channel is mirrored like any other. */
static void a_relay_passes_it_on(void)
{
    struct peer *a, *b;

    begin();
    w->settings->conferences[0].kind = SETTINGS_CONFERENCE_RELAY;
    a = viewer();
    b = viewer();
    say(a, H239_TOKEN_REQUEST);
    CU_ASSERT_TRUE(a->heard.has_token);
    open_presentation(a, TYPE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shown_to(b));
    CU_ASSERT_EQUAL(shown_to(b)->payload_type, TYPE);
    CU_ASSERT(shown_to(b)->session_id == 0 || shown_to(b)->session_id > 3);
    end();
}

static void who_cannot_take_its_level_is_left_out_and_told(void)
{
    const struct h245_relayed low = h264(LEVEL_2, 0);
    struct peer *a, *b, *c;
    uint16_t lcn;

    begin();
    a = viewer();
    b = viewer();
    c = viewer_of(&low);
    say(a, H239_TOKEN_REQUEST);
    lcn = open_presentation(a, TYPE); /* at level 3.1 */
    CU_ASSERT_TRUE(is_shown(a, b));
    CU_ASSERT_FALSE(is_shown(a, c));
    CU_ASSERT_PTR_NULL(shown_to(c));
    CU_ASSERT_EQUAL(world_events(w, "conference.presentation"), 2);
    CU_ASSERT_TRUE(world_said(w, "conference.presentation", "\"reason\":\"no_common_codec\""));
    peer_close_channel(a, lcn);
    world_run(w);
    world_pass(w, 1);
    a->relayed[1] = low; /* as our capabilities have told it */
    (void)open_presentation(a, TYPE);
    CU_ASSERT_TRUE(is_shown(a, b) && is_shown(a, c));
    CU_ASSERT_PTR_NOT_NULL(shown_to(c));
    end();
}

static void its_rate_is_no_higher_than_who_sees_it_can_take(void)
{
    const struct h245_relayed slow = h264(LEVEL_3_1, 3840);
    struct peer *a, *b;
    uint16_t lcn;

    begin();
    a = viewer();
    (void)viewer();
    present(a);
    lcn = peer_channel(a, H245_MEDIA_PRESENTATION, H245_OUTGOING)->lcn;
    b = viewer_of(&slow);
    CU_ASSERT_TRUE(is_shown(a, b));
    CU_ASSERT_EQUAL(a->flow_rate, 3840);
    CU_ASSERT_EQUAL(a->flow_lcn, lcn);
    peer_hang_up(b);
    world_run(w);
    world_pass(w, 1);
    CU_ASSERT_EQUAL(a->flow_rate, UINT32_MAX);
    CU_ASSERT_EQUAL(a->flow_lcn, lcn);
    end();
}

static void a_forward_has_a_lane_for_it(void)
{
    struct peer *a, *b, *c;
    unsigned before;
    uint16_t lcn;

    begin();
    w->settings->conferences[0].kind = SETTINGS_CONFERENCE_FORWARD;
    w->settings->conferences[0].max_sessions = 5;
    a = viewer();
    b = viewer();
    c = viewer();
    world_pass(w, 10);
    world_run(w);
    before = a->fast_updates;
    present(a);
    lcn = peer_channel(a, H245_MEDIA_PRESENTATION, H245_OUTGOING)->lcn;
    CU_ASSERT_PTR_NOT_NULL_FATAL(shown_to(b));
    CU_ASSERT_PTR_NOT_NULL_FATAL(shown_to(c));
    CU_ASSERT_PTR_NULL(shown_to(a));
    CU_ASSERT_TRUE_FATAL(is_shown(a, b) && is_shown(a, c));
    CU_ASSERT_EQUAL(row(a, b)->pt_out, shown_to(b)->payload_type);
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 6); /* audio, video and this, to each of two */
    for (size_t i = 0; i < world_port(w, a)->receivers; i++)
        for (size_t k = 0; k < i; k++)
            CU_ASSERT(world_port(w, a)->receiver[i].to != world_port(w, a)->receiver[k].to ||
                      world_port(w, a)->receiver[i].lane != world_port(w, a)->receiver[k].lane);
    CU_ASSERT_TRUE(a->fast_updates > before);
    CU_ASSERT_EQUAL(a->updated_lcn, lcn);
    peer_send_flow_control(b, shown_to(b)->lcn, 2560);
    world_run(w);
    CU_ASSERT_EQUAL(a->flow_rate, 2560);
    CU_ASSERT_EQUAL(a->flow_lcn, lcn);
    present(c); /* a gives way */
    CU_ASSERT_TRUE(is_shown(c, a) && is_shown(c, b));
    CU_ASSERT_FALSE(is_shown(a, b));
    peer_hang_up(c);
    world_run(w);
    world_pass(w, 1);
    CU_ASSERT_PTR_NULL(shown_to(b));
    end();
}

SUITE("server/conference_present", TEST(a_presentation_is_seen_beside_the_video),
      TEST(without_the_token_nothing_is_shown), TEST(who_gives_way_is_followed),
      TEST(who_leaves_presents_no_more), TEST(muted_presenter_is_not_seen),
      TEST(who_cannot_receive_one_is_left_alone), TEST(the_number_of_the_other_video_is_refused),
      TEST(receivers_ask_for_pictures_and_rates_of_it), TEST(a_relay_passes_it_on),
      TEST(who_cannot_take_its_level_is_left_out_and_told),
      TEST(its_rate_is_no_higher_than_who_sees_it_can_take), TEST(a_forward_has_a_lane_for_it))
