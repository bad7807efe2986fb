/* Sessions with several channels: video and data beside audio, on one connection or on ports of
 * their own, in a relay of two. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
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

/* Messages, and what the sessions do about each other. */
static void settle(void)
{
    world_run(w);
    world_pass(w, 10);
}

static struct peer *caller(const char *video, bool is_protected)
{
    struct peer *p = world_peer(w);

    if (!is_protected)
        p->mode = H23510_MODE_OFF;
    if (video != NULL)
        peer_add_video(p, video);
    peer_call(p, "demo");
    settle();
    if (is_protected)
        world_keyed(w, p);
    return p;
}

static struct media_port *port_number(const struct peer *p, size_t n)
{
    for (size_t i = 0; i < w->port_count; i++)
        if (w->ports[i].session == session_id(p->session) && !w->ports[i].is_closing && n-- == 0)
            return &w->ports[i];
    return NULL;
}

static size_t ports_of(const struct peer *p)
{
    size_t n = 0;

    while (port_number(p, n) != NULL)
        n++;
    return n;
}

static const struct media_route *row_of(const struct media_port *port, uint8_t pt)
{
    for (size_t i = 0; i < port->routes; i++)
        if (port->route[i].pt_in == pt || port->route[i].pt_in == MEDIA_PT_ANY)
            return &port->route[i];
    return NULL;
}

static size_t caps_of(const struct peer *p, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < p->caps.relayed_count; i++)
        n += strcmp(p->caps.relayed[i].name, name) == 0;
    return n;
}

/* ---- capabilities ---- */

static void first_session_is_offered_the_configured_video(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = caller(NULL, true);
    CU_ASSERT_EQUAL(p->caps.relayed_count, 3);
    CU_ASSERT(caps_of(p, "H264") == 1 && caps_of(p, "H263") == 1 && caps_of(p, "H261") == 1);
    end();
}

static void video_switched_off_is_not_offered_and_not_taken(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    w->settings->media.video_count = 0;
    p = caller("H264", true);
    CU_ASSERT_EQUAL(p->caps.relayed_count, 0);
    peer_open_relayed(p, "H264");
    settle();
    CU_ASSERT(p->was_refused);
    CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_TYPE_NOT_AVAILABLE);
    end();
}

static void second_session_is_offered_the_video_of_the_first(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H263", true);
    b = caller("H264", true);
    CU_ASSERT_EQUAL(b->caps.relayed_count, 1);
    CU_ASSERT_EQUAL(caps_of(b, "H263"), 1);
    /* Octet for octet what the other said. */
    CU_ASSERT_EQUAL(memcmp(b->caps.relayed[0].octets, a->relayed[0].octets, a->relayed[0].len), 0);
    /* And the first learns what the second can receive. */
    CU_ASSERT_EQUAL(a->tcs_count, 2);
    CU_ASSERT(a->caps.relayed_count == 1 && caps_of(a, "H264") == 1);
    end();
}

static void T_SAME_every_protected_medium_has_the_same_capability(void)
{
    struct peer *p;

    PROVES("T-SAME");
    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    peer_add_video(p, "H264");
    peer_call(p, "demo");
    settle();
    /* Two audio codecs, three of video and three sorts of data, all of them protected and alike. */
    CU_ASSERT_EQUAL(p->protected_entries, 8);
    end();
}

static void what_nobody_knows_is_passed_on_when_both_have_it(void)
{
    struct h245_relayed other;
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    peer_unknown_video(&other, 2);
    a = world_peer(w);
    a->relayed[a->relayed_count++] = other;
    peer_call(a, "demo");
    b = world_peer(w);
    b->relayed[b->relayed_count++] = other;
    peer_call(b, "demo");
    settle();
    CU_ASSERT_EQUAL(caps_of(a, other.name), 1);
    peer_open_relayed(a, other.name);
    settle();
    CU_ASSERT_PTR_NOT_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    end();
}

/* ---- channels on one connection ---- */

static void A_ADD_video_joins_the_connection_of_the_audio(void)
{
    struct peer *a, *b;
    struct peer_channel *audio, *video;

    PROVES("A-ADD");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = caller("H264", true);
    peer_open_relayed(a, "H264");
    settle();
    audio = peer_channel(a, H245_MEDIA_AUDIO, H245_OUTGOING);
    video = peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING);
    CU_ASSERT_TRUE_FATAL(video != NULL && video->is_open);
    CU_ASSERT(addr_is_equal(&audio->server_media, &video->server_media));
    CU_ASSERT_EQUAL(ports_of(a), 1);
    CU_ASSERT_EQUAL(world_port(w, a)->associations, 1);
    /* And on the other side: one port, one handshake, the channel mirrored. */
    video = peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING);
    CU_ASSERT_TRUE_FATAL(video != NULL);
    CU_ASSERT_EQUAL(video->session_id, 2);
    CU_ASSERT_EQUAL(video->payload_type, 96);
    CU_ASSERT_STRING_EQUAL(video->relayed.name, "H264");
    CU_ASSERT_EQUAL(ports_of(b), 1);
    CU_ASSERT_EQUAL(world_port(w, b)->associations, 1);
    end();
}

static void routes_of_several_channels_go_by_payload_type(void)
{
    struct media_port *from, *to;
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = caller("H264", true);
    from = world_port(w, a);
    to = world_port(w, b);
    CU_ASSERT(from->routes == 1 && from->route[0].pt_in == MEDIA_PT_ANY);
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT(row_of(from, 8) != NULL && row_of(from, 8)->to == to);
    CU_ASSERT(row_of(from, 13) != NULL && row_of(from, 13)->to == to);
    CU_ASSERT(row_of(from, 96) != NULL && row_of(from, 96)->to == to);
    CU_ASSERT_PTR_NULL(row_of(from, 97));
    end();
}

static void R_CLOSE_of_one_channel_stops_its_flow_alone(void)
{
    struct peer *a, *b;
    struct media_port *from;
    uint16_t lcn;

    PROVES("R-CLOSE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = caller("H264", true);
    lcn = peer_open_relayed(a, "H264");
    settle();
    from = world_port(w, a);
    peer_close_channel(a, lcn);
    settle();
    CU_ASSERT_PTR_NULL(row_of(from, 96));
    CU_ASSERT_PTR_NOT_NULL(row_of(from, 8));
    CU_ASSERT_FALSE(from->is_closing);
    CU_ASSERT_PTR_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_EQUAL(b->closed_in, 1);
    CU_ASSERT_EQUAL(world_open_ports(w), 2);
    end();
}

static void R_CLOSE_audio_may_go_before_video(void)
{
    struct media_port *from;
    struct peer *a;

    PROVES("R-CLOSE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    caller("H264", true);
    peer_open_relayed(a, "H264");
    settle();
    from = world_port(w, a);
    peer_close(a);
    settle();
    CU_ASSERT_PTR_NULL(row_of(from, 8));
    CU_ASSERT_PTR_NOT_NULL(row_of(from, 96));
    CU_ASSERT_FALSE(from->is_closing);
    CU_ASSERT_EQUAL(world_port(w, a)->associations, 1);
    end();
}

static void R_CLOSE_last_channel_of_several_ends_the_connection(void)
{
    struct media_port *port;
    struct peer *a;
    uint16_t video;

    PROVES("R-CLOSE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    video = peer_open_relayed(a, "H264");
    settle();
    port = world_port(w, a);
    peer_ask_to_close(a, a->in_lcn);
    settle();
    peer_close(a);
    settle();
    CU_ASSERT_FALSE(port->is_closing);
    peer_close_channel(a, video);
    settle();
    CU_ASSERT_TRUE(port->is_closing);
    end();
}

static void video_opened_before_the_other_joins_is_mirrored_to_it(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT_FALSE(a->was_refused);
    b = caller("H264", true);
    CU_ASSERT_PTR_NOT_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_EQUAL(ports_of(b), 1);
    /* The sender is asked for a whole picture. */
    CU_ASSERT_EQUAL(a->fast_updates, 1);
    end();
}

static void video_that_the_other_cannot_receive_is_not_available(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = caller("H261", true);
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT(a->was_refused);
    CU_ASSERT_EQUAL(a->refused_cause, H245_OLC_TYPE_NOT_AVAILABLE);
    CU_ASSERT_PTR_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    end();
}

static void video_in_the_audio_session_is_refused(void)
{
    struct h245_channel c = {.kind = H245_MEDIA_VIDEO, .session_id = 1};
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = caller("H264", true);
    c.relayed = p->relayed[0];
    peer_open_channel(p, &c);
    settle();
    CU_ASSERT(p->was_refused);
    CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_SESSION_ID);
    end();
}

static void second_channel_of_a_session_is_refused(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = caller("H264", true);
    peer_open_relayed(p, "H264");
    settle();
    CU_ASSERT_FALSE(p->was_refused);
    peer_open_relayed(p, "H264");
    settle();
    CU_ASSERT(p->was_refused);
    end();
}

static void second_audio_gets_a_session_of_its_own(void)
{
    struct h245_channel c = {.audio = {.codec = H245_CODEC_PCMA, .frames = 20}};
    struct peer *a, *b;
    size_t channels = 0;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller(NULL, true);
    b = caller(NULL, true);
    peer_open_channel(a, &c);
    settle();
    CU_ASSERT_FALSE(a->was_refused);
    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++) {
        const struct peer_channel *have = &b->channels[i];

        channels += have->lcn != 0 && have->direction == H245_INCOMING && have->session_id > 3;
        if (a->channels[i].lcn == c.lcn && a->channels[i].direction == H245_OUTGOING)
            CU_ASSERT(a->channels[i].session_id > 3);
    }
    CU_ASSERT_EQUAL(channels, 1);
    CU_ASSERT_EQUAL(world_port(w, b)->associations, 1);
    end();
}

static void peer_with_endless_channels_is_bounded(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = caller("H264", true);
    for (unsigned i = 0; i < 40; i++) {
        struct h245_channel c = {.audio = {.codec = H245_CODEC_PCMA, .frames = 20}};

        peer_open_channel(p, &c);
        world_run(w);
        if (p->was_refused)
            break;
    }
    CU_ASSERT(p->was_refused);
    CU_ASSERT_EQUAL(ports_of(p), 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    end();
}

static void payload_type_of_an_ack_counts_for_dynamic_ones_alone(void)
{
    const struct media_route *row;
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = world_peer(w);
    peer_add_video(b, "H264");
    b->ack_payload_type = 120;
    peer_call(b, "demo");
    settle();
    peer_open_relayed(a, "H264");
    settle();
    row = row_of(world_port(w, a), 96);
    CU_ASSERT(row != NULL && row->pt_out == 120);
    row = row_of(world_port(w, a), 8);
    CU_ASSERT(row != NULL && row->pt_out == MEDIA_PT_ANY);
    end();
}

/* ---- ports of their own ---- */

static void clear_audio_and_video_have_ports_of_their_own(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_PREFERRED);
    a = caller("H261", false);
    b = caller("H261", false);
    peer_open_relayed(a, "H261");
    peer_open_relayed(b, "H261");
    settle();
    CU_ASSERT_EQUAL(ports_of(a), 2);
    CU_ASSERT_EQUAL(ports_of(b), 2);
    CU_ASSERT_EQUAL(port_number(a, 0)->remote.port, 6000);
    CU_ASSERT_EQUAL(port_number(a, 1)->remote.port, 6002);
    CU_ASSERT_EQUAL(port_number(a, 1)->remote_control.port, 6003);
    CU_ASSERT_PTR_EQUAL(row_of(port_number(a, 0), 8)->to, port_number(b, 0));
    CU_ASSERT_PTR_EQUAL(row_of(port_number(a, 1), 31)->to, port_number(b, 1));
    CU_ASSERT_PTR_EQUAL(row_of(port_number(b, 1), 31)->to, port_number(a, 1));
    CU_ASSERT_PTR_NULL(row_of(port_number(a, 1), 8));
    end();
}

static void one_protected_port_bridges_two_clear_ones(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_PREFERRED);
    a = caller("H261", true);
    b = caller("H261", false);
    peer_open_relayed(a, "H261");
    peer_open_relayed(b, "H261");
    settle();
    CU_ASSERT_EQUAL(ports_of(a), 1);
    CU_ASSERT_EQUAL(ports_of(b), 2);
    CU_ASSERT_PTR_EQUAL(row_of(port_number(a, 0), 8)->to, port_number(b, 0));
    CU_ASSERT_PTR_EQUAL(row_of(port_number(a, 0), 31)->to, port_number(b, 1));
    CU_ASSERT_PTR_EQUAL(row_of(port_number(b, 0), 8)->to, port_number(a, 0));
    CU_ASSERT_PTR_EQUAL(row_of(port_number(b, 1), 31)->to, port_number(a, 0));
    end();
}

static void clear_video_that_closes_takes_its_port_alone(void)
{
    struct peer *a;
    uint16_t lcn;

    begin(SETTINGS_DTLS_PREFERRED);
    a = caller("H261", false);
    lcn = peer_open_relayed(a, "H261");
    settle();
    CU_ASSERT_EQUAL(ports_of(a), 2);
    peer_close_channel(a, lcn);
    settle();
    CU_ASSERT_EQUAL(ports_of(a), 1);
    CU_ASSERT(a->in_open && a->out_open);
    end();
}

/* ---- commands ---- */

static void fast_update_reaches_the_sender_of_the_video(void)
{
    struct peer *a, *b;
    uint16_t lcn;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = caller("H264", true);
    lcn = peer_open_relayed(a, "H264");
    settle();
    a->fast_updates = 0;
    peer_send_fast_update(b, peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING)->lcn);
    world_run(w);
    CU_ASSERT_EQUAL(a->fast_updates, 1);
    CU_ASSERT_EQUAL(a->updated_lcn, lcn);
    /* For a channel that is none, nothing. */
    peer_send_fast_update(b, 4711);
    world_run(w);
    CU_ASSERT_EQUAL(a->fast_updates, 1);
    end();
}

static void flow_control_reaches_the_sender(void)
{
    struct peer *a, *b;
    uint16_t lcn;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = caller("H264", true);
    lcn = peer_open_relayed(a, "H264");
    settle();
    peer_send_flow_control(b, peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING)->lcn, 3840);
    world_run(w);
    CU_ASSERT_EQUAL(a->flow_lcn, lcn);
    CU_ASSERT_EQUAL(a->flow_rate, 3840);
    end();
}

/* ---- ends ---- */

static void partner_that_leaves_takes_its_video_along(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    b = caller("H264", true);
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT_PTR_NOT_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    peer_hang_up(a);
    settle();
    CU_ASSERT_PTR_NULL(peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING));
    CU_ASSERT_TRUE(b->in_open);
    CU_ASSERT_EQUAL(world_open_ports(w), 1);
    end();
}

static void lost_association_closes_all_its_channels(void)
{
    struct peer *a;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller("H264", true);
    peer_open_relayed(a, "H264");
    settle();
    world_dtls_failed(w, a, DTLS_FAIL_FINGERPRINT);
    settle();
    CU_ASSERT_EQUAL(a->closed_in, 1);
    CU_ASSERT_EQUAL(a->closed_out, 2);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

SUITE("server/session_channels", TEST(first_session_is_offered_the_configured_video),
      TEST(video_switched_off_is_not_offered_and_not_taken),
      TEST(second_session_is_offered_the_video_of_the_first),
      TEST(T_SAME_every_protected_medium_has_the_same_capability),
      TEST(what_nobody_knows_is_passed_on_when_both_have_it),
      TEST(A_ADD_video_joins_the_connection_of_the_audio),
      TEST(routes_of_several_channels_go_by_payload_type),
      TEST(R_CLOSE_of_one_channel_stops_its_flow_alone), TEST(R_CLOSE_audio_may_go_before_video),
      TEST(R_CLOSE_last_channel_of_several_ends_the_connection),
      TEST(video_opened_before_the_other_joins_is_mirrored_to_it),
      TEST(video_that_the_other_cannot_receive_is_not_available),
      TEST(video_in_the_audio_session_is_refused), TEST(second_channel_of_a_session_is_refused),
      TEST(second_audio_gets_a_session_of_its_own), TEST(peer_with_endless_channels_is_bounded),
      TEST(payload_type_of_an_ack_counts_for_dynamic_ones_alone),
      TEST(clear_audio_and_video_have_ports_of_their_own),
      TEST(one_protected_port_bridges_two_clear_ones),
      TEST(clear_video_that_closes_takes_its_port_alone),
      TEST(fast_update_reaches_the_sender_of_the_video), TEST(flow_control_reaches_the_sender),
      TEST(partner_that_leaves_takes_its_video_along),
      TEST(lost_association_closes_all_its_channels))
