/* Which DTLS connection a channel is on (H.235.10 8.2 to 8.5): shared, added to, replaced,
 * released; whichever side opens. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"
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

/* Its ports that are not closing, in the order of their opening. */
static struct media_port *port_of(const struct peer *p, size_t n)
{
    for (size_t i = 0; i < w->port_count; i++)
        if (w->ports[i].session == session_id(p->session) && !w->ports[i].is_closing && n-- == 0)
            return &w->ports[i];
    return NULL;
}

static size_t ports_of(const struct peer *p)
{
    size_t n = 0;

    while (port_of(p, n) != NULL)
        n++;
    return n;
}

static size_t open_channels(const struct peer *p, enum h245_direction direction)
{
    size_t n = 0;

    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        n += p->channels[i].lcn != 0 && p->channels[i].direction == direction &&
             p->channels[i].is_open;
    return n;
}

static void says_existing(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_connectionInformation = true;
    cap->connectionInformation = per_string_of("existing");
}

/* The next OLC of the peer is about another connection, at another port. */
static void peer_moves(struct peer *p, uint16_t port)
{
    h23510_reset_connection(&p->dtls);
    p->media.port = port;
}

static uint16_t open_audio(struct peer *p)
{
    struct h245_channel c = {.session_id = 1, .audio = {.codec = H245_CODEC_PCMA, .frames = 20}};

    return peer_open_channel(p, &c);
}

/* ---- one connection ---- */

static void L_SHARE_all_channels_name_one_port_and_one_label(void)
{
    struct peer *a, *b;
    uint16_t port;

    PROVES("L-SHARE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    b = caller();
    peer_open_relayed(a, "H264");
    peer_open_relayed(b, "H264");
    settle();
    port = world_port(w, a)->local.port;
    CU_ASSERT(open_channels(a, H245_INCOMING) == 2 && open_channels(a, H245_OUTGOING) == 2);
    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++) {
        const struct peer_channel *c = &a->channels[i];

        if (c->lcn == 0)
            continue;
        CU_ASSERT(c->has_port_number && c->port_number == port);
        if (c->direction == H245_OUTGOING)
            CU_ASSERT_EQUAL(c->server_media.port, port);
    }
    CU_ASSERT_EQUAL(ports_of(a), 1);
    end();
}

static void D_ONCE_neither_side_starts_a_second_handshake(void)
{
    struct peer *a, *b;

    PROVES("D-ONCE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    b = caller();
    for (int round = 0; round < 3; round++) {
        uint16_t mine = peer_open_relayed(a, "H264");
        uint16_t other;

        settle();
        other = peer_open_relayed(b, "H264");
        settle();
        peer_close_channel(a, mine);
        settle();
        peer_close_channel(b, other);
        settle();
    }
    CU_ASSERT_EQUAL(w->port_count, 2);
    CU_ASSERT(world_port(w, a)->associations == 1 && world_port(w, b)->associations == 1);
    CU_ASSERT(open_channels(a, H245_INCOMING) == 1 && open_channels(b, H245_INCOMING) == 1);
    end();
}

static void A_ADD_existing_joins_what_runs(void)
{
    struct peer *a;

    PROVES("A-ADD");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    a->tamper_olc = says_existing;
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT_FALSE(a->was_refused);
    CU_ASSERT_EQUAL(ports_of(a), 1);
    CU_ASSERT_EQUAL(world_port(w, a)->associations, 1);
    end();
}

static void A_ADD_a_first_label_joins_what_runs(void)
{
    struct h245_channel c = {.kind = H245_MEDIA_VIDEO, .session_id = 2, .payload_type = 96};
    struct peer *a;

    PROVES("A-ADD");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    c.relayed = a->relayed[0];
    c.media_control = a->media;
    c.has_port_number = true;
    c.port_number = 9;
    peer_open_channel(a, &c);
    settle();
    CU_ASSERT_FALSE(a->was_refused);
    CU_ASSERT_EQUAL(ports_of(a), 1);
    end();
}

static void existing_without_a_connection_is_denied(void)
{
    struct peer *p;

    begin(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    p->tamper_olc = says_existing;
    peer_call(p, "demo");
    settle();
    CU_ASSERT(p->was_refused);
    CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_SECURITY_DENIED);
    CU_ASSERT_EQUAL(w->env.stats.refused[H23510_NO_CONNECTION], 1);
    end();
}

static void L_SHARE_existing_at_another_address_is_denied(void)
{
    struct peer *a;

    PROVES("L-SHARE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    a->tamper_olc = says_existing;
    a->video_media = addr_with_port(a->media, 7000);
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT(a->was_refused);
    CU_ASSERT_EQUAL(a->refused_cause, H245_OLC_SECURITY_DENIED);
    CU_ASSERT_EQUAL(w->env.stats.refused[H23510_ADDRESS_DIFFERS], 1);
    CU_ASSERT_EQUAL(ports_of(a), 1);
    end();
}

static void L_SHARE_existing_with_another_label_is_denied(void)
{
    struct h245_channel c = {.kind = H245_MEDIA_VIDEO, .session_id = 2, .payload_type = 96};
    struct h245_channel first = {.session_id = 1, .has_port_number = true, .port_number = 1};
    struct peer *a;

    PROVES("L-SHARE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = world_peer(w);
    a->opens = false;
    peer_add_video(a, "H264");
    peer_call(a, "demo");
    settle();
    first.audio = a->audio[0];
    peer_open_channel(a, &first);
    settle();
    a->tamper_olc = says_existing;
    c.relayed = a->relayed[0];
    c.has_port_number = true;
    c.port_number = 2;
    peer_open_channel(a, &c);
    settle();
    CU_ASSERT(a->was_refused);
    CU_ASSERT_EQUAL(w->env.stats.refused[H23510_ADDRESS_DIFFERS], 1);
    end();
}

/* ---- several connections ---- */

static void A_REPLACE_new_connection_takes_over(void)
{
    struct media_port *old, *fresh;
    struct peer *a, *b;
    uint16_t first;

    PROVES("A-REPLACE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    b = caller();
    old = world_port(w, a);
    first = a->out_lcn;
    peer_moves(a, 7000);
    open_audio(a);
    settle();
    fresh = world_port(w, a);
    CU_ASSERT_FALSE(a->was_refused);
    CU_ASSERT_EQUAL(ports_of(a), 2);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(fresh, old);
    CU_ASSERT(fresh->associations == 1 && old->associations == 1);
    CU_ASSERT_EQUAL(fresh->remote.port, 7000);
    /* Ours moves as well, and the old one is closed when the new one can carry media. */
    CU_ASSERT_EQUAL(open_channels(a, H245_INCOMING), 2);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, old);
    world_keyed(w, a);
    settle();
    CU_ASSERT_EQUAL(open_channels(a, H245_INCOMING), 1);
    CU_ASSERT_EQUAL(a->closed_in, 1);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, fresh);
    CU_ASSERT_PTR_EQUAL(fresh->to, world_port(w, b));
    CU_ASSERT_FALSE(old->is_closing);
    peer_close_channel(a, first);
    settle();
    CU_ASSERT_TRUE(old->is_closing);
    CU_ASSERT_FALSE(fresh->is_closing);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    end();
}

static void A_REPLACE_old_connection_lives_with_its_other_channels(void)
{
    struct media_port *old;
    struct peer *a;
    uint16_t audio, video;

    PROVES("A-REPLACE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    audio = a->out_lcn;
    video = peer_open_relayed(a, "H264");
    settle();
    old = world_port(w, a);
    peer_moves(a, 7000);
    open_audio(a);
    settle();
    world_keyed(w, a);
    settle();
    peer_close_channel(a, audio);
    settle();
    CU_ASSERT_FALSE(old->is_closing);
    peer_close_channel(a, video);
    settle();
    CU_ASSERT_TRUE(old->is_closing);
    CU_ASSERT_EQUAL(ports_of(a), 1);
    end();
}

static void A_REPLACE_another_certificate_is_another_connection(void)
{
    struct peer *a;

    PROVES("A-REPLACE");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    h23510_reset_connection(&a->dtls);
    a->dtls.identity.fingerprints[FINGERPRINT_SHA256].digest[0] ^= 1;
    open_audio(a);
    settle();
    CU_ASSERT_FALSE(a->was_refused);
    CU_ASSERT_EQUAL(ports_of(a), 2);
    CU_ASSERT(fingerprint_equal(&world_port(w, a)->fingerprint,
                                &a->dtls.identity.fingerprints[FINGERPRINT_SHA256]));
    end();
}

static void second_audio_on_the_same_connection_is_refused(void)
{
    struct peer *a;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    open_audio(a);
    settle();
    CU_ASSERT(a->was_refused);
    CU_ASSERT_EQUAL(a->refused_cause, H245_OLC_TYPE_NOT_AVAILABLE);
    end();
}

static void D_MISMATCH_closes_the_channels_of_its_connection_alone(void)
{
    struct media_port *audio;
    struct peer *a;

    PROVES("D-MISMATCH");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    caller();
    audio = world_port(w, a);
    a->video_media = addr_with_port(a->media, 7000);
    h23510_reset_connection(&a->dtls);
    peer_open_relayed(a, "H264");
    settle();
    CU_ASSERT_EQUAL(ports_of(a), 2);
    world_dtls_failed(w, a, DTLS_FAIL_FINGERPRINT);
    settle();
    CU_ASSERT_EQUAL(ports_of(a), 1);
    CU_ASSERT_FALSE(audio->is_closing);
    CU_ASSERT(a->in_open && a->out_open);
    CU_ASSERT_PTR_NULL(peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING));
    world_pass(w, 120000);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    end();
}

static void media_with_ports_of_their_own_have_connections_of_their_own(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    b = caller();
    a->video_media = addr_with_port(a->media, 7000);
    h23510_reset_connection(&a->dtls);
    peer_open_relayed(a, "H264");
    settle();
    peer_open_relayed(b, "H264");
    settle();
    CU_ASSERT_EQUAL_FATAL(ports_of(a), 2);
    CU_ASSERT_EQUAL(port_of(a, 1)->remote.port, 7000);
    CU_ASSERT_EQUAL(port_of(a, 1)->associations, 1);
    /* Ours to it is where its own is. */
    CU_ASSERT_EQUAL(peer_channel(a, H245_MEDIA_VIDEO, H245_INCOMING)->port_number,
                    port_of(a, 1)->local.port);
    CU_ASSERT_EQUAL(ports_of(b), 1);
    end();
}

static void peer_that_acks_video_at_another_port_gets_a_second_connection(void)
{
    struct peer *a, *b;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    b = caller();
    b->video_media = addr_with_port(b->media, 7000);
    peer_open_relayed(a, "H264");
    settle();
    settle();
    CU_ASSERT_EQUAL_FATAL(ports_of(b), 2);
    CU_ASSERT_EQUAL(open_channels(b, H245_INCOMING), 2);
    CU_ASSERT_EQUAL(port_of(b, 1)->remote.port, 7000);
    CU_ASSERT_EQUAL(port_of(b, 1)->associations, 1);
    CU_ASSERT_EQUAL(port_of(b, 0)->associations, 1);
    end();
}

static void H_H245_endless_new_connections_are_bounded(void)
{
    struct peer *a;

    PROVES_FOR("H-H245", "part=channels");
    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    for (uint16_t i = 0; i < 20 && !a->was_refused; i++) {
        peer_moves(a, (uint16_t)(7000 + 2 * i));
        open_audio(a);
        settle();
    }
    CU_ASSERT(a->was_refused);
    CU_ASSERT(ports_of(a) <= 8);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    peer_hang_up(a);
    settle();
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void json_names_every_transport_and_the_one_of_each_channel(void)
{
    json_t *j, *t, *c;
    struct peer *a;
    size_t i;

    begin(SETTINGS_DTLS_REQUIRED);
    a = caller();
    peer_moves(a, 7000);
    open_audio(a);
    settle();
    j = session_to_json(a->session, w->now);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "transports")), 2);
    json_array_foreach (json_object_get(j, "transports"), i, t) {
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(t, "id")), i + 1);
        CU_ASSERT_STRING_EQUAL(
            json_string_value(json_object_get(json_object_get(t, "association"), "state")),
            i == 0 ? "keyed" : "handshake");
    }
    json_array_foreach (json_object_get(j, "channels"), i, c) {
        json_int_t transport = json_integer_value(json_object_get(c, "transport"));

        CU_ASSERT(transport == 1 || transport == 2);
    }
    json_decref(j);
    end();
}

SUITE("server/session_connections", TEST(L_SHARE_all_channels_name_one_port_and_one_label),
      TEST(D_ONCE_neither_side_starts_a_second_handshake), TEST(A_ADD_existing_joins_what_runs),
      TEST(A_ADD_a_first_label_joins_what_runs), TEST(existing_without_a_connection_is_denied),
      TEST(L_SHARE_existing_at_another_address_is_denied),
      TEST(L_SHARE_existing_with_another_label_is_denied),
      TEST(A_REPLACE_new_connection_takes_over),
      TEST(A_REPLACE_old_connection_lives_with_its_other_channels),
      TEST(A_REPLACE_another_certificate_is_another_connection),
      TEST(second_audio_on_the_same_connection_is_refused),
      TEST(D_MISMATCH_closes_the_channels_of_its_connection_alone),
      TEST(media_with_ports_of_their_own_have_connections_of_their_own),
      TEST(peer_that_acks_video_at_another_port_gets_a_second_connection),
      TEST(H_H245_endless_new_connections_are_bounded),
      TEST(json_names_every_transport_and_the_one_of_each_channel))
