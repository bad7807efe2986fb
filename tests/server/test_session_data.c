/* The data channel of a session: who opens it, on which connection, and where it leads. */
#include "fake_world.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

static struct world *w;

static void settle(void)
{
    world_run(w);
    world_pass(w, 10);
}

static struct peer *caller(enum h245_data_stack stack, uint8_t terminal_type)
{
    struct peer *p = world_peer(w);

    if (stack != H245_DATA_NO_STACK)
        peer_add_data(p, stack);
    p->terminal_type = terminal_type;
    peer_call(p, "demo");
    settle();
    world_keyed(w, p);
    settle();
    return p;
}

static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
}

static void end(void)
{
    world_destroy(w);
}

static const struct media_data *data_of(const struct peer *p)
{
    return &world_port(w, p)->data;
}

static void L_BIDIR_master_opens_one_channel_both_ways(void)
{
    struct peer *a, *b;

    PROVES("L-BIDIR");
    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    CU_ASSERT_EQUAL(a->caps.data_count, 3);
    CU_ASSERT_EQUAL(a->caps.data[0].stack, H245_DATA_UDP_DTLS_SCTP);
    CU_ASSERT_EQUAL(a->dc.opened, 0); /* nobody there to pass it on to */
    b = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    CU_ASSERT_EQUAL(a->dc.opened, 1);
    CU_ASSERT_EQUAL(b->dc.opened, 1);
    CU_ASSERT_EQUAL(a->dc.confirmed, 1);
    CU_ASSERT_EQUAL(a->dc.server.data.use, H245_DATA_CHANNEL);
    CU_ASSERT_EQUAL(a->dc.server.data.sctp_port, 5000);
    CU_ASSERT_EQUAL(h245_channel_count(a->h245, H245_OUTGOING), 1); /* the audio alone */
    end();
}

static void L_SHARE_data_are_on_the_connection_of_the_audio(void)
{
    struct peer *a, *b;

    PROVES("L-SHARE");
    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    b = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    CU_ASSERT_TRUE(a->dc.is_shared);
    CU_ASSERT_TRUE(addr_is_equal(&a->dc.server.media, &a->server_media));
    CU_ASSERT_TRUE(a->dc.server.has_port_number);
    CU_ASSERT_EQUAL(world_port(w, a)->associations, 1); /* D-ONCE */
    CU_ASSERT_EQUAL(world_port(w, b)->associations, 1);
    end();
}

static void data_on_another_port_of_the_peer_have_a_connection_of_their_own(void)
{
    struct media_port *port;
    struct peer *a;

    begin();
    (void)caller(H245_DATA_UDP_DTLS_SCTP, 0);
    a = world_peer(w);
    peer_add_data(a, H245_DATA_UDP_DTLS_SCTP);
    peer_call(a, "demo");
    world_run(w);
    a->ack_other_address = true;
    settle();
    port = world_port(w, a);
    CU_ASSERT_EQUAL(port->remote.port, 9998);
    settle();
    CU_ASSERT_TRUE(a->dc.lcn != 0);
    end();
}

static void each_side_leads_to_the_other_when_both_are_open(void)
{
    struct peer *a, *b;

    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    b = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    /* Both peers are DTLS clients: their streams would be the same ones. */
    CU_ASSERT_EQUAL(data_of(a)->mode, MEDIA_DATA_TERMINATE);
    CU_ASSERT_EQUAL(data_of(b)->mode, MEDIA_DATA_TERMINATE);
    CU_ASSERT_EQUAL(data_of(a)->member.room, data_of(b)->member.room);
    CU_ASSERT_EQUAL(data_of(a)->member.remote_port, 5001);
    CU_ASSERT_EQUAL(data_of(a)->member.peer_message_max, 1000);
    CU_ASSERT_FALSE(data_of(a)->member.is_client);
    end();
}

static void sides_of_different_dtls_roles_are_relayed(void)
{
    struct peer *a, *b;

    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    b = world_peer(w);
    b->setup = H23510_SETUP_PASSIVE;
    peer_add_data(b, H245_DATA_UDP_DTLS_SCTP);
    peer_call(b, "demo");
    settle();
    world_keyed(w, b);
    settle();
    CU_ASSERT_EQUAL(data_of(a)->mode, MEDIA_DATA_RELAY);
    CU_ASSERT_PTR_EQUAL(data_of(a)->to, world_port(w, b));
    CU_ASSERT_PTR_EQUAL(data_of(b)->to, world_port(w, a));
    peer_close_data(b, H245_INCOMING); /* asks us to */
    settle();
    CU_ASSERT_EQUAL(b->dc.closed, 1);
    CU_ASSERT_PTR_NULL(data_of(a)->to);
    CU_ASSERT_EQUAL(data_of(b)->mode, MEDIA_DATA_NONE);
    CU_ASSERT_FALSE(world_port(w, b)->is_closing); /* the audio has it still */
    end();
}

static void partner_that_goes_takes_the_channel_along(void)
{
    struct peer *a, *b;

    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    b = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    session_close(b->session, SESSION_END_OPERATOR, w->now);
    settle();
    CU_ASSERT_EQUAL(a->dc.closed, 1);
    CU_ASSERT_EQUAL(data_of(a)->mode, MEDIA_DATA_NONE);
    end();
}

static void L_BIDIR_slave_that_asks_is_refused_and_gets_it_from_us(void)
{
    struct peer *a, *b;

    PROVES("L-BIDIR");
    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    peer_open_data(a, true, true);
    settle();
    CU_ASSERT_EQUAL(a->dc.refused, 1);
    CU_ASSERT_EQUAL(a->dc.cause, H245_OLC_CONFLICT);
    CU_ASSERT_EQUAL(a->dc.opened, 0); /* nobody to pass it on to */
    b = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    CU_ASSERT_EQUAL(a->dc.opened, 1);
    peer_close_data(b, H245_INCOMING);
    settle();
    CU_ASSERT_EQUAL(b->dc.closed, 1);
    CU_ASSERT_EQUAL(b->dc.opened, 1); /* and is not opened again by itself, */
    peer_open_data(b, true, true);
    settle();
    CU_ASSERT_EQUAL(b->dc.refused, 1);
    CU_ASSERT_EQUAL(b->dc.opened, 2); /* but when it asks */
    end();
}

static void L_BIDIR_master_that_opens_is_answered(void)
{
    struct peer *a;

    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 240);
    CU_ASSERT_TRUE(h245_msd_is_master(a->h245));
    CU_ASSERT_EQUAL(a->dc.opened, 0); /* ours is not to begin */
    peer_open_data(a, true, true);
    settle();
    CU_ASSERT_EQUAL(a->dc.opened, 1);
    CU_ASSERT_TRUE(a->dc.is_shared);
    CU_ASSERT_TRUE(addr_is_equal(&a->dc.server.media, &a->server_media));
    CU_ASSERT_EQUAL(data_of(a)->mode, MEDIA_DATA_RELAY); /* to nobody yet */
    CU_ASSERT_PTR_NULL(data_of(a)->to);
    peer_open_data(a, true, true);
    settle();
    CU_ASSERT_EQUAL(a->dc.refused, 1);
    CU_ASSERT_EQUAL(a->dc.cause, H245_OLC_TYPE_NOT_AVAILABLE);
    end();
}

static void requests_without_protection_or_reverse_are_refused(void)
{
    struct peer *a;

    begin();
    a = caller(H245_DATA_UDP_DTLS_SCTP, 240);
    peer_open_data(a, false, true);
    settle();
    CU_ASSERT_EQUAL(a->dc.cause, H245_OLC_SECURITY_DENIED);
    peer_open_data(a, true, false);
    settle();
    CU_ASSERT_EQUAL(a->dc.cause, H245_OLC_UNSUITABLE_REVERSE);
    CU_ASSERT_EQUAL(a->dc.refused, 2);
    CU_ASSERT_EQUAL(w->env.stats.data_channels_refused, 2);
    end();
}

static void X_PROFILE_other_stacks_are_refused_and_counted(void)
{
    static const enum h245_data_stack stacks[] = {H245_DATA_TCP_DTLS_SCTP, H245_DATA_SCTP_DTLS};

    for (size_t i = 0; i < 2; i++) {
        struct peer *a;

        begin();
        a = caller(stacks[i], 240);
        peer_open_data(a, true, true);
        settle();
        CU_ASSERT_EQUAL(a->dc.refused, 1);
        CU_ASSERT_EQUAL(a->dc.cause, H245_OLC_TYPE_NOT_SUPPORTED);
        CU_ASSERT_EQUAL(w->env.stats.data_channels_refused, 1);
        CU_ASSERT_EQUAL(data_of(a)->mode, MEDIA_DATA_NONE);
        end();
        begin();
        a = caller(stacks[i], 0);
        (void)caller(stacks[i], 0);
        CU_ASSERT_EQUAL(a->dc.opened, 0);
        end();
    }
}

static void conference_without_data_offers_none(void)
{
    struct peer *a;

    begin();
    w->settings->conferences[0].data = SETTINGS_DATA_OFF;
    a = caller(H245_DATA_UDP_DTLS_SCTP, 240);
    CU_ASSERT_EQUAL(a->caps.data_count, 0);
    peer_open_data(a, true, true);
    settle();
    CU_ASSERT_EQUAL(a->dc.cause, H245_OLC_TYPE_NOT_SUPPORTED);
    end();
}

static void one_member_is_enough_where_it_ends_here(void)
{
    struct peer *a;

    begin();
    w->settings->conferences[0].data = SETTINGS_DATA_TERMINATE;
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    CU_ASSERT_EQUAL(a->dc.opened, 1);
    CU_ASSERT_EQUAL(data_of(a)->mode, MEDIA_DATA_TERMINATE);
    end();
}

static void report(struct peer *p, enum data_report_kind kind, const char *text)
{
    struct media_port *port = world_port(w, p);
    struct data_report r = {.kind = kind};

    snprintf(r.text, sizeof(r.text), "%s", text);
    port->callbacks->on_data(port->owner, &r);
}

/* Where the event stands among all; -1: nowhere. */
static int place_of(const char *type)
{
    for (size_t i = 0; i < w->event_count; i++)
        if (strcmp(w->events[i], type) == 0)
            return (int)i;
    return -1;
}

static void what_was_up_is_told_as_down_before_the_session_is_closed(void)
{
    struct peer *a;

    begin();
    w->settings->conferences[0].data = SETTINGS_DATA_TERMINATE;
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    report(a, DATA_UP, "");
    peer_hang_up(a);
    settle();
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_events(w, "data.down"), 1);
    CU_ASSERT(place_of("data.down") < place_of("session.closed"));
    CU_ASSERT_TRUE(world_said(w, "data.down", "\"connection closed\""));
    CU_ASSERT_EQUAL(w->env.stats.data_up, w->env.stats.data_down);
    end();
}

static void channel_that_closes_takes_what_was_up_along(void)
{
    struct peer *a;

    begin();
    w->settings->conferences[0].data = SETTINGS_DATA_TERMINATE;
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    report(a, DATA_UP, "");
    peer_ask_to_close(a, a->dc.lcn);
    settle();
    CU_ASSERT_EQUAL(a->dc.closed, 1);
    CU_ASSERT_TRUE(world_said(w, "data.down", "\"channel closed\""));
    peer_hang_up(a);
    settle();
    CU_ASSERT_EQUAL(world_events(w, "data.down"), 1);
    end();
}

static void association_that_ends_by_itself_is_told_once(void)
{
    struct peer *a;

    begin();
    w->settings->conferences[0].data = SETTINGS_DATA_TERMINATE;
    a = caller(H245_DATA_UDP_DTLS_SCTP, 0);
    report(a, DATA_UP, "");
    report(a, DATA_DOWN, "the peer has aborted");
    peer_hang_up(a);
    settle();
    CU_ASSERT_EQUAL(world_events(w, "data.down"), 1);
    CU_ASSERT_TRUE(world_said(w, "data.down", "\"the peer has aborted\""));
    end();
}

SUITE("server/session_data", TEST(L_BIDIR_master_opens_one_channel_both_ways),
      TEST(L_SHARE_data_are_on_the_connection_of_the_audio),
      TEST(data_on_another_port_of_the_peer_have_a_connection_of_their_own),
      TEST(each_side_leads_to_the_other_when_both_are_open),
      TEST(sides_of_different_dtls_roles_are_relayed),
      TEST(partner_that_goes_takes_the_channel_along),
      TEST(L_BIDIR_slave_that_asks_is_refused_and_gets_it_from_us),
      TEST(L_BIDIR_master_that_opens_is_answered),
      TEST(requests_without_protection_or_reverse_are_refused),
      TEST(X_PROFILE_other_stacks_are_refused_and_counted),
      TEST(conference_without_data_offers_none), TEST(one_member_is_enough_where_it_ends_here),
      TEST(what_was_up_is_told_as_down_before_the_session_is_closed),
      TEST(channel_that_closes_takes_what_was_up_along),
      TEST(association_that_ends_by_itself_is_told_once))
