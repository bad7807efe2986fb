/* Kind forward: every stream to every other session on a channel of its own. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

static struct world *w;
static struct settings_conference *row;

static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    row = &w->settings->conferences[0]; /* "demo" */
    row->kind = SETTINGS_CONFERENCE_FORWARD;
    row->max_sessions = 5;
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
    world_keyed(w, p);
    settle();
    return p;
}

static struct peer *caller(void)
{
    return enter(world_peer(w));
}

/* Channels of the server's to this peer that are open. */
static size_t channels_to(const struct peer *p, enum h245_media kind)
{
    size_t n = 0;

    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        n += p->channels[i].lcn != 0 && p->channels[i].direction == H245_INCOMING &&
             p->channels[i].kind == kind && p->channels[i].is_open;
    return n;
}

/* Streams from one peer to another. */
static size_t streams(const struct peer *from, const struct peer *to)
{
    const struct media_port *port = world_port(w, from);
    size_t n = 0;

    for (size_t i = 0; i < port->receivers; i++)
        n += port->receiver[i].to == world_port(w, to);
    return n;
}

static void each_gets_every_other_on_a_channel_of_its_own(void)
{
    struct peer *p[4];

    begin();
    for (size_t i = 0; i < 4; i++)
        p[i] = caller();
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(channels_to(p[i], H245_MEDIA_AUDIO), 3);
        CU_ASSERT_EQUAL(world_port(w, p[i])->receivers, 3);
        CU_ASSERT_TRUE(world_port(w, p[i])->request.ends_rtcp);
        for (size_t k = 0; k < 4; k++)
            CU_ASSERT_EQUAL(streams(p[i], p[k]), i != k);
    }
    end();
}

static void streams_to_one_receiver_do_not_share_a_lane(void)
{
    struct peer *a, *b, *c;
    const struct media_receiver *x, *y;

    begin();
    a = caller();
    b = caller();
    c = caller();
    CU_ASSERT_EQUAL_FATAL(streams(b, a), 1);
    CU_ASSERT_EQUAL_FATAL(streams(c, a), 1);
    x = &world_port(w, b)->receiver[world_port(w, b)->receiver[0].to != world_port(w, a)];
    y = &world_port(w, c)->receiver[world_port(w, c)->receiver[0].to != world_port(w, a)];
    CU_ASSERT_NOT_EQUAL(x->lane, y->lane);
    end();
}

static void who_leaves_takes_its_channels_along_and_no_others(void)
{
    struct peer *a, *b, *c;
    unsigned closed;

    begin();
    a = caller();
    b = caller();
    c = caller();
    closed = a->closed_in;
    peer_hang_up(b);
    settle();
    /* Its primary channel stays for whoever comes next; that of c is where it was. */
    CU_ASSERT_EQUAL(channels_to(a, H245_MEDIA_AUDIO), 2);
    CU_ASSERT_EQUAL(a->closed_in, closed);
    CU_ASSERT_EQUAL(channels_to(c, H245_MEDIA_AUDIO), 1);
    CU_ASSERT_EQUAL(c->closed_in, 1);
    CU_ASSERT_EQUAL(streams(c, a), 1);
    CU_ASSERT_EQUAL(streams(a, c), 1);
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 1);
    end();
}

static void video_is_forwarded_to_whom_can_receive_it(void)
{
    struct peer *p[3];

    begin();
    for (size_t i = 0; i < 3; i++) {
        p[i] = world_peer(w);
        if (i < 2)
            peer_add_video(p[i], "H264");
        enter(p[i]);
    }
    (void)peer_open_relayed(p[0], "H264");
    settle();
    CU_ASSERT_EQUAL(channels_to(p[1], H245_MEDIA_VIDEO), 1);
    CU_ASSERT_EQUAL(channels_to(p[2], H245_MEDIA_VIDEO), 0);
    CU_ASSERT_EQUAL(streams(p[0], p[1]), 2);
    CU_ASSERT_EQUAL(streams(p[0], p[2]), 1);
    CU_ASSERT_EQUAL(p[0]->fast_updates, 1); /* the new receiver begins with a whole picture */
    peer_close_channel(p[0], peer_channel(p[0], H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    settle();
    CU_ASSERT_EQUAL(channels_to(p[1], H245_MEDIA_VIDEO), 0);
    CU_ASSERT_EQUAL(streams(p[0], p[1]), 1);
    end();
}

static void muted_and_deaf_sessions_are_left_out(void)
{
    struct conference_voice mute = {.is_muted = true}, deaf = {.is_deaf = true};
    struct conference *c;
    struct peer *a, *b, *d;

    begin();
    a = caller();
    b = caller();
    d = caller();
    c = conferences_find(w->conferences, "demo");
    CU_ASSERT_EQUAL(conference_set_voice(c, a->session, &mute), 0);
    CU_ASSERT_EQUAL(conference_set_voice(c, b->session, &deaf), 0);
    CU_ASSERT_EQUAL(streams(a, d), 0);
    CU_ASSERT_EQUAL(streams(d, b), 0);
    CU_ASSERT_EQUAL(streams(d, a), 1);
    CU_ASSERT_EQUAL(streams(b, a), 1);
    end();
}

/* ---- a full one ---- */

#define FULL 16

/* Session ids of the server's channels to this peer: each once, and those beyond the primary ones
 * in the range that the master gives (H.245 B.3.1). */
static void check_session_ids(const struct peer *p)
{
    bool is_seen[256] = {false};

    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++) {
        const struct peer_channel *c = &p->channels[i];

        if (c->lcn == 0 || c->direction != H245_INCOMING)
            continue;
        CU_ASSERT_FALSE(is_seen[c->session_id]);
        is_seen[c->session_id] = true;
        CU_ASSERT_TRUE(c->session_id > 3 || c->session_id == 1 + c->kind);
    }
}

static size_t lanes_used(const struct peer *to)
{
    bool is_used[256] = {false};
    size_t n = 0;

    for (size_t k = 0; k < w->peer_count; k++) {
        const struct media_port *port = world_port(w, &w->peers[k]);

        for (size_t i = 0; port != NULL && i < port->receivers; i++) {
            if (port->receiver[i].to != world_port(w, to))
                continue;
            n += !is_used[port->receiver[i].lane];
            is_used[port->receiver[i].lane] = true;
        }
    }
    return n;
}

static void sixteen_hear_and_see_each_other(void)
{
    struct peer *p[FULL], *late;

    begin();
    row->max_sessions = FULL;
    for (size_t i = 0; i < FULL; i++) {
        p[i] = world_peer(w);
        peer_add_video(p[i], "H264");
        enter(p[i]);
        (void)peer_open_relayed(p[i], "H264");
        settle();
    }
    for (size_t i = 0; i < FULL; i++) {
        CU_ASSERT_EQUAL(channels_to(p[i], H245_MEDIA_AUDIO), FULL - 1);
        CU_ASSERT_EQUAL(channels_to(p[i], H245_MEDIA_VIDEO), FULL - 1);
        CU_ASSERT_EQUAL(world_port(w, p[i])->receivers, 2 * (FULL - 1));
        CU_ASSERT_EQUAL(lanes_used(p[i]), 2 * (FULL - 1));
        check_session_ids(p[i]);
        for (size_t k = 0; k < FULL; k++)
            CU_ASSERT_EQUAL(streams(p[i], p[k]), i != k ? 2 : 0);
    }
    late = world_peer(w);
    peer_call(late, "demo");
    world_run(w);
    CU_ASSERT_NOT_EQUAL(session_state(late->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(world_port(w, p[0])->receivers, 2 * (FULL - 1));
    /* Who goes makes room for one; nobody else's channels are touched. */
    peer_hang_up(p[7]);
    settle();
    CU_ASSERT_EQUAL(world_port(w, p[0])->receivers, 2 * (FULL - 2));
    late = caller();
    CU_ASSERT_EQUAL(streams(late, p[0]), 1);
    CU_ASSERT_EQUAL(streams(p[15], late), 1);
    CU_ASSERT_EQUAL(channels_to(p[0], H245_MEDIA_AUDIO), FULL - 1);
    end();
}

SUITE("server/conference_forward", TEST(sixteen_hear_and_see_each_other),
      TEST(each_gets_every_other_on_a_channel_of_its_own),
      TEST(streams_to_one_receiver_do_not_share_a_lane),
      TEST(who_leaves_takes_its_channels_along_and_no_others),
      TEST(video_is_forwarded_to_whom_can_receive_it), TEST(muted_and_deaf_sessions_are_left_out))
