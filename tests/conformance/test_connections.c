/* H.235.10 7.2, 8.2 to 8.5: which connection a channel is on, one for many, added to, replaced,
 * torn down; for both directions of a call and both H.245 roles. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "signalling/per/per.h"
#include "tests/conformance/calls.h"
#include "tests/suite.h"

static struct world *w;

static struct peer *make(const struct side *side)
{
    struct peer *p = calls_peer(w, side);

    peer_add_video(p, "H264");
    peer_add_video(p, "H263");
    calls_start(w, side, p);
    world_keyed(w, p);
    calls_settle(w);
    return p;
}

static size_t ports_of(const struct peer *p)
{
    size_t n = 0;

    for (size_t i = 0; i < w->port_count; i++)
        n += w->ports[i].session == session_id(p->session) && !w->ports[i].is_closing;
    return n;
}

static size_t channels_of(const struct peer *p, enum h245_direction direction)
{
    size_t n = 0;

    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        n += p->channels[i].lcn != 0 && p->channels[i].direction == direction &&
             p->channels[i].is_open;
    return n;
}

static uint16_t open_audio(struct peer *p)
{
    struct h245_channel c = {.session_id = 1, .audio = {.codec = H245_CODEC_PCMA, .frames = 20}};

    return peer_open_channel(p, &c);
}

/* ---- P-TWO ---- */

/* Two members of one conference: the server ends the DTLS of each, with a port, an association and
 * a fingerprint of its own, and joins what comes out. */
static void every_member_has_a_connection_of_its_own(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct media_port *one, *two;
        struct peer *a, *b;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        a = make(&sides[i]);
        b = calls_peer(w, &sides[i]);
        peer_init_dtls(b);
        b->dtls.identity.fingerprints[FINGERPRINT_SHA256].digest[0] ^= 0xff;
        calls_start(w, &sides[i], b);
        world_keyed(w, b);
        one = world_port(w, a);
        two = world_port(w, b);
        CU_ASSERT_PTR_NOT_EQUAL_FATAL(one, two);
        CU_ASSERT(one->associations == 1 && two->associations == 1);
        CU_ASSERT_FALSE(addr_is_equal(&one->local, &two->local));
        CU_ASSERT_FALSE(fingerprint_equal(&one->fingerprint, &two->fingerprint));
        CU_ASSERT(one->to == two && two->to == one);
        /* The end of one is not the end of the other. */
        calls_hang_up(w, a);
        CU_ASSERT(one->is_closed && !two->is_closing && two->to == NULL);
        calls_end(w);
        PROVES_FOR("P-TWO", side_text(&sides[i], ""));
    }
}

/* ---- channels come and go ---- */

static uint32_t dice(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % n;
}

/* What a random step leaves true: one port, one association, one address and one label for all. */
static void check_shared(const struct peer *p)
{
    const struct media_port *port = world_port(w, p);

    CU_ASSERT_EQUAL(ports_of(p), 1);
    CU_ASSERT_EQUAL(port->associations, 1);
    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++) {
        const struct peer_channel *c = &p->channels[i];

        if (c->lcn == 0 || !c->is_open)
            continue;
        CU_ASSERT(c->has_port_number && c->port_number == port->local.port);
        if (c->direction == H245_OUTGOING)
            CU_ASSERT(addr_is_equal(&c->server_media, &port->local));
    }
}

/* One step of one side: it opens or closes audio or video of its own. The server opens and closes
 * what mirrors the other peer's, so that both sides of each call do both, in any order; messages
 * cross, as nothing is delivered between two steps now and then. */
static void step(struct peer *p, uint64_t *seed)
{
    enum h245_media kind = dice(seed, 2) ? H245_MEDIA_VIDEO : H245_MEDIA_AUDIO;
    struct peer_channel *mine = peer_channel(p, kind, H245_OUTGOING);

    /* The call keeps one channel, else the connection would go with the last (R-CLOSE). */
    if (mine != NULL && mine->is_open && channels_of(p, H245_OUTGOING) > 1) {
        peer_close_channel(p, mine->lcn);
        mine->is_open = false; /* on its way */
    } else if (mine == NULL && kind == H245_MEDIA_VIDEO)
        peer_open_relayed(p, dice(seed, 2) ? "H264" : "H263");
    else if (mine == NULL)
        p->out_lcn = open_audio(p);
    if (dice(seed, 3) != 0)
        calls_settle(w);
}

static void check_acks(const struct peer *p, bool from_server)
{
    const struct h245_OpenLogicalChannelAck *first = wire_ack(p, from_server, 0);

    for (size_t n = 1; first != NULL && wire_ack(p, from_server, n) != NULL; n++) {
        const struct h245_DTLSSecurityCapability *one = first->dtlsSecurityCapability;
        const struct h245_DTLSSecurityCapability *cap =
            wire_ack(p, from_server, n)->dtlsSecurityCapability;

        CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
        CU_ASSERT(cap->fingerprint.len == one->fingerprint.len &&
                  memcmp(cap->fingerprint.p, one->fingerprint.p, one->fingerprint.len) == 0);
        CU_ASSERT(cap->setupInformation.len == one->setupInformation.len &&
                  memcmp(cap->setupInformation.p, one->setupInformation.p,
                         one->setupInformation.len) == 0);
    }
}

#define RUNS  40 /* of each side */
#define STEPS 30

static void channels_in_any_order_share_one_handshake(void)
{
    size_t acks = 0;

    for (size_t i = 0; i < SIDES; i++) {
        for (uint64_t run = 0; run < RUNS; run++) {
            uint64_t seed = run * SIDES + i + 1;
            struct peer *a, *b;

            w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
            a = make(&sides[i]);
            b = make(&sides[i]);
            for (unsigned n = 0; n < STEPS; n++) {
                step(dice(&seed, 2) ? a : b, &seed);
                check_shared(a);
                check_shared(b);
            }
            calls_settle(w);
            world_pass(w, 1000);
            check_acks(a, true);
            check_acks(b, true);
            while (wire_ack(a, true, acks) != NULL)
                acks++;
            CU_ASSERT_EQUAL(w->port_count, 2);
            CU_ASSERT_EQUAL(w->env.stats.dtls_established, 2);
            CU_ASSERT_EQUAL(w->env.stats.channels_opened - w->env.stats.channels_closed,
                            channels_of(a, H245_INCOMING) + channels_of(a, H245_OUTGOING) +
                                channels_of(b, H245_INCOMING) + channels_of(b, H245_OUTGOING));
            /* What one sends and the other can take arrives there. */
            CU_ASSERT_EQUAL(peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING) != NULL,
                            peer_channel(b, H245_MEDIA_VIDEO, H245_INCOMING) != NULL);
            CU_ASSERT_EQUAL(peer_channel(b, H245_MEDIA_VIDEO, H245_OUTGOING) != NULL,
                            peer_channel(a, H245_MEDIA_VIDEO, H245_INCOMING) != NULL);
            calls_end(w);
        }
        PROVES_FOR("D-ONCE A-ADD L-SHARE T-SAME", side_text(&sides[i], ""));
    }
    CU_ASSERT(acks > 5); /* the steps did open channels */
}

static void says_existing(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_connectionInformation = true;
    string_set(&cap->connectionInformation, "existing");
}

/* P-CONN: `existing` joins what runs; where nothing runs it is a mistake. */
static void existing_joins_what_runs_and_only_that(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = make(&sides[i]);
        p->tamper_olc = says_existing;
        peer_open_relayed(p, "H264");
        calls_settle(w);
        CU_ASSERT_FALSE(p->was_refused);
        check_shared(p);
        calls_end(w);

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, &sides[i]);
        p->tamper_olc = says_existing;
        calls_start(w, &sides[i], p);
        CU_ASSERT(p->was_refused && p->refused_cause == H245_OLC_SECURITY_DENIED);
        calls_end(w);
        PROVES_FOR("P-CONN A-ADD", side_text(&sides[i], ""));
    }
}

/* ---- D-VERIFY, D-MISMATCH at the session ---- */

/* Nothing is routed to or from a port whose certificate was not seen. */
static void mismatch_closes_every_channel_at_once(void)
{
    for (size_t i = 0; i < SIDES * 2; i++) {
        const struct side *side = &sides[i / 2];
        bool is_client = i % 2;
        struct peer *a, *b;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        b = make(side);
        a = calls_peer(w, side);
        a->setup = is_client ? H23510_SETUP_PASSIVE : H23510_SETUP_ACTIVE;
        peer_add_video(a, "H264");
        calls_start(w, side, a);
        peer_open_relayed(a, "H264");
        calls_settle(w);
        CU_ASSERT_EQUAL(world_port(w, a)->is_active, is_client);
        CU_ASSERT(channels_of(a, H245_OUTGOING) == 2);
        world_dtls_failed(w, a, DTLS_FAIL_FINGERPRINT);
        CU_ASSERT(channels_of(a, H245_OUTGOING) + channels_of(a, H245_INCOMING) == 0);
        CU_ASSERT_PTR_NOT_NULL(wire_close(a, true, 0)); /* ours; for its own a request */
        CU_ASSERT(world_port(w, a)->is_closed);
        CU_ASSERT(world_has_event(w, "dtls.failed"));
        CU_ASSERT(errors_say(a, "fingerprint_mismatch"));
        CU_ASSERT_EQUAL(w->env.stats.dtls_failures[DTLS_FAIL_FINGERPRINT], 1);
        CU_ASSERT(session_state(b->session) == SESSION_ACTIVE && b->in_open);
        CU_ASSERT_PTR_NULL(world_port(w, b)->to);
        calls_end(w);
        PROVES_FOR("D-MISMATCH", side_text(side, is_client ? "dtls=client" : "dtls=server"));
    }
}

/* ---- A-REPLACE ---- */

static void says_new(const struct h245_DTLSSecurityCapability *cap)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
    CU_ASSERT(cap->has_connectionInformation && string_is(&cap->connectionInformation, "new"));
}

/* The peer's own negotiation forgets, its media are on another port from now on. */
static void peer_moves(struct peer *p)
{
    h23510_reset_connection(&p->dtls);
    p->media.port = (uint16_t)(p->media.port + 100);
}

static void peer_replaces_its_connection(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct media_port *old, *fresh;
        struct peer *a, *b;
        uint16_t first;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        a = make(&sides[i]);
        b = make(&sides[i]);
        old = world_port(w, a);
        first = a->out_lcn;
        peer_moves(a);
        a->out_lcn = open_audio(a);
        calls_settle(w);
        fresh = world_port(w, a);
        CU_ASSERT_PTR_NOT_EQUAL_FATAL(fresh, old);
        CU_ASSERT(fresh->associations == 1 && old->associations == 1);
        /* Until the new keys are there media go over the old ones. */
        CU_ASSERT(world_port(w, b)->to == old && !old->is_closing);
        CU_ASSERT_EQUAL(channels_of(a, H245_INCOMING), 2);
        world_keyed(w, a);
        calls_settle(w);
        CU_ASSERT(world_port(w, b)->to == fresh && fresh->to == world_port(w, b));
        CU_ASSERT_EQUAL(channels_of(a, H245_INCOMING), 1); /* ours has followed */
        CU_ASSERT_FALSE(old->is_closing);
        peer_close_channel(a, first);
        calls_settle(w);
        CU_ASSERT(old->is_closed && !fresh->is_closing);
        CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
        calls_end(w);
        PROVES_FOR("A-REPLACE P-CONN", side_text(&sides[i], ""));
    }
}

static size_t olcs_of(const struct peer *p)
{
    size_t n = 0;

    while (wire_olc(p, true, n) != NULL)
        n++;
    return n;
}

static void we_replace_our_connection(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct media_port *old, *fresh;
        const char *why = NULL;
        struct peer *a, *b;
        uint16_t first;
        size_t before;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        a = make(&sides[i]);
        b = make(&sides[i]);
        peer_open_relayed(b, "H264"); /* so that two channels of ours are on it */
        calls_settle(w);
        CU_ASSERT_EQUAL(channels_of(a, H245_INCOMING), 2);
        old = world_port(w, a);
        first = a->out_lcn;
        before = olcs_of(a);
        peer_moves(a);
        CU_ASSERT_EQUAL(session_rekey(a->session, &why, w->now), 0);
        CU_ASSERT_EQUAL(session_rekey(a->session, &why, w->now), ERR_STATE); /* one at a time */
        CU_ASSERT_PTR_NOT_NULL(why);
        calls_settle(w);
        fresh = world_port(w, a);
        CU_ASSERT_PTR_NOT_EQUAL_FATAL(fresh, old);
        CU_ASSERT_EQUAL(olcs_of(a), before + 2);
        says_new(olc_dtls(wire_olc(a, true, before)));
        says_new(olc_dtls(wire_olc(a, true, before + 1)));
        CU_ASSERT(fresh->associations == 1 && old->associations == 1);
        CU_ASSERT(world_port(w, b)->to == old); /* make before break */
        CU_ASSERT_EQUAL(channels_of(a, H245_INCOMING), 4);
        world_keyed(w, a);
        calls_settle(w);
        CU_ASSERT(world_port(w, b)->to == fresh);
        CU_ASSERT_EQUAL(channels_of(a, H245_INCOMING), 2);
        CU_ASSERT_FALSE(old->is_closing); /* the peer's channel is on it still */
        CU_ASSERT(old->to == world_port(w, b));
        a->out_lcn = open_audio(a); /* it follows */
        calls_settle(w);
        CU_ASSERT_EQUAL(ports_of(a), 2);
        peer_close_channel(a, first);
        calls_settle(w);
        CU_ASSERT(old->is_closed && !fresh->is_closing && fresh->to == world_port(w, b));
        CU_ASSERT_EQUAL(w->env.stats.rekeys, 1);
        calls_end(w);
        PROVES_FOR("A-REPLACE P-CONN", side_text(&sides[i], ""));
    }
}

static void refuse_all(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_fingerprint = false;
}

/* Whatever goes wrong with the new one costs nothing of the old one. */
static void replacement_that_fails_leaves_the_old_connection(void)
{
    for (size_t i = 0; i < SIDES * 3; i++) {
        const struct side *side = &sides[i / 3];
        struct media_port *old;
        const char *why = NULL;
        struct peer *a, *b;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        a = make(side);
        b = make(side);
        old = world_port(w, a);
        peer_moves(a);
        if (i % 3 == 0)
            w->open_result = ERR_LIMIT; /* no port is free */
        if (i % 3 == 1)
            a->tamper_ack = refuse_all;
        CU_ASSERT_EQUAL(session_rekey(a->session, &why, w->now), i % 3 == 0 ? ERR_LIMIT : 0);
        calls_settle(w);
        if (i % 3 == 2)
            world_dtls_failed(w, a, DTLS_FAIL_TIMEOUT);
        calls_settle(w);
        CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
        CU_ASSERT_EQUAL(ports_of(a), 1);
        CU_ASSERT(!old->is_closing && world_port(w, b)->to == old && old->to == world_port(w, b));
        CU_ASSERT_EQUAL(channels_of(a, H245_INCOMING), 1);
        world_pass(w, 60000);
        CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
        w->open_result = 0;
        a->tamper_ack = NULL;
        CU_ASSERT_EQUAL(session_rekey(a->session, &why, w->now), 0); /* and again */
        calls_settle(w);
        world_keyed(w, a);
        calls_settle(w);
        CU_ASSERT(world_port(w, b)->to != old);
        calls_end(w);
        PROVES_FOR("A-REPLACE", side_text(side, ""));
    }
}

static void nothing_to_replace_is_told(void)
{
    const char *why = NULL;
    struct peer *p;

    w = calls_begin(&sides[0], SETTINGS_DTLS_REQUIRED);
    p = calls_make(w, &sides[0]);
    CU_ASSERT_EQUAL(session_rekey(p->session, &why, w->now), ERR_STATE); /* no keys yet */
    CU_ASSERT_STRING_EQUAL(why, "a handshake is under way");
    world_keyed(w, p);
    peer_send_empty_capabilities(p);
    calls_settle(w);
    CU_ASSERT_EQUAL(session_rekey(p->session, &why, w->now), ERR_STATE);
    CU_ASSERT_STRING_EQUAL(why, "session is paused");
    calls_end(w);
    w = calls_begin(&sides[0], SETTINGS_DTLS_OFF);
    p = calls_make(w, &sides[0]);
    CU_ASSERT_EQUAL(session_rekey(p->session, &why, w->now), ERR_STATE);
    CU_ASSERT_STRING_EQUAL(why, "no connection that is keyed has a channel of ours");
    calls_end(w);
}

/* ---- R-CLOSE, R-CALL ---- */

static bool routes_to(const struct media_port *from, const struct media_port *to, bool is_video)
{
    for (size_t i = 0; i < from->routes; i++)
        if (from->route[i].to == to && from->route[i].is_video == is_video)
            return true;
    return false;
}

static void one_of_several_stops_its_own_flow(void)
{
    for (size_t i = 0; i < SIDES * 2; i++) {
        const struct side *side = &sides[i / 2];
        bool closes_video = i % 2;
        struct media_port *from, *to;
        struct peer *a, *b;
        uint16_t audio, video;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        a = make(side);
        b = make(side);
        audio = a->out_lcn;
        video = peer_open_relayed(a, "H264");
        calls_settle(w);
        from = world_port(w, a);
        to = world_port(w, b);
        CU_ASSERT(routes_to(from, to, true) && routes_to(from, to, false));
        peer_close_channel(a, closes_video ? video : audio);
        calls_settle(w);
        CU_ASSERT_EQUAL(routes_to(from, to, true), !closes_video);
        CU_ASSERT_EQUAL(routes_to(from, to, false), closes_video);
        CU_ASSERT(!from->is_closing && from->associations == 1);
        CU_ASSERT(routes_to(to, from, false)); /* the other way is another channel */
        /* The rest of what is on it, either side's: the last takes the connection along. */
        peer_close_channel(a, closes_video ? audio : video);
        calls_settle(w);
        CU_ASSERT_FALSE(from->is_closing); /* ours to it */
        peer_ask_to_close(a, peer_channel(a, H245_MEDIA_AUDIO, H245_INCOMING)->lcn);
        calls_settle(w);
        CU_ASSERT(from->is_closing && from->is_closed);
        CU_ASSERT_PTR_NULL(to->to);
        calls_end(w);
        PROVES_FOR("R-CLOSE", side_text(side, "part=one"));
        PROVES_FOR("R-CLOSE", side_text(side, "part=last"));
    }
}

enum call_end { BY_PEER, H245_LOST, H225_LOST, OPERATOR, CALL_ENDS };

static const char *const end_parts[CALL_ENDS] = {"part=peer", "part=h245-lost", "part=h225-lost",
                                                 "part=operator"};

static void end_call(struct peer *p, enum call_end how)
{
    if (how == BY_PEER)
        peer_hang_up(p);
    else if (how == H245_LOST)
        session_on_h245_lost(p->session, "connection reset", w->now);
    else if (how == H225_LOST)
        session_on_h225_lost(p->session, "connection reset", w->now);
    else
        session_close(p->session, SESSION_END_OPERATOR, w->now);
    calls_settle(w);
    world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
}

static void every_end_of_a_call_releases_everything(void)
{
    for (size_t i = 0; i < SIDES * CALL_ENDS; i++) {
        const struct side *side = &sides[i / CALL_ENDS];
        enum call_end how = (enum call_end)(i % CALL_ENDS);
        struct peer *a, *b;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        a = make(side);
        b = make(side);
        peer_open_relayed(a, "H264");
        peer_open_relayed(b, "H264");
        calls_settle(w);
        end_call(a, how);
        CU_ASSERT_EQUAL(session_state(a->session), SESSION_CLOSED);
        CU_ASSERT(world_port(w, a)->is_closed && ports_of(a) == 0);
        CU_ASSERT(session_state(b->session) == SESSION_ACTIVE && world_port(w, b)->to == NULL);
        end_call(b, how);
        CU_ASSERT_EQUAL(world_open_ports(w), 0);
        CU_ASSERT_EQUAL(w->env.stats.channels_opened, w->env.stats.channels_closed);
        CU_ASSERT_EQUAL(w->env.stats.created, w->env.stats.closed);
        calls_end(w); /* no timer, no conference: world_destroy */
        PROVES_FOR("R-CALL", side_text(side, end_parts[how]));
    }
}

SUITE("conformance/connections", TEST(every_member_has_a_connection_of_its_own),
      TEST(channels_in_any_order_share_one_handshake), TEST(existing_joins_what_runs_and_only_that),
      TEST(mismatch_closes_every_channel_at_once), TEST(peer_replaces_its_connection),
      TEST(we_replace_our_connection), TEST(replacement_that_fails_leaves_the_old_connection),
      TEST(nothing_to_replace_is_told), TEST(one_of_several_stops_its_own_flow),
      TEST(every_end_of_a_call_releases_everything))
