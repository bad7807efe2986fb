/* H.235.10 8.1 and 8.3: who begins the handshake, for all pairs of `setup` that both sides can
 * offer, both directions of a call, both H.245 roles, and whoever opens the first channel. */
#include <stdio.h>
#include <string.h>

#include "signalling/per/per.h"
#include "tests/conformance/calls.h"
#include "tests/suite.h"

static struct world *w;

enum outcome {
    ACTIVE,  /* the server begins the handshake */
    PASSIVE, /* it waits for one */
    OPEN,    /* the first OLC decides */
    HELD,    /* no DTLS until a set says otherwise */
    CLASH,   /* impossible */
};

/* RFC 4145 §4.1, as H.235.10 8.1 uses it: [server offers][peer offers]. */
static const enum outcome outcomes[H23510_SETUP_COUNT][H23510_SETUP_COUNT] = {
    [H23510_SETUP_ACTIVE] = {[H23510_SETUP_ACTIVE] = CLASH,
                             [H23510_SETUP_PASSIVE] = ACTIVE,
                             [H23510_SETUP_ACTPASS] = ACTIVE,
                             [H23510_SETUP_HOLDCONN] = HELD},
    [H23510_SETUP_PASSIVE] = {[H23510_SETUP_ACTIVE] = PASSIVE,
                              [H23510_SETUP_PASSIVE] = CLASH,
                              [H23510_SETUP_ACTPASS] = PASSIVE,
                              [H23510_SETUP_HOLDCONN] = HELD},
    [H23510_SETUP_ACTPASS] = {[H23510_SETUP_ACTIVE] = PASSIVE,
                              [H23510_SETUP_PASSIVE] = ACTIVE,
                              [H23510_SETUP_ACTPASS] = OPEN,
                              [H23510_SETUP_HOLDCONN] = HELD},
    [H23510_SETUP_HOLDCONN] = {[H23510_SETUP_ACTIVE] = HELD,
                               [H23510_SETUP_PASSIVE] = HELD,
                               [H23510_SETUP_ACTPASS] = HELD,
                               [H23510_SETUP_HOLDCONN] = HELD},
};

static const enum settings_setup configured[H23510_SETUP_COUNT] = {
    [H23510_SETUP_ACTIVE] = SETTINGS_SETUP_ACTIVE,
    [H23510_SETUP_PASSIVE] = SETTINGS_SETUP_PASSIVE,
    [H23510_SETUP_ACTPASS] = SETTINGS_SETUP_ACTPASS,
    [H23510_SETUP_HOLDCONN] = SETTINGS_SETUP_HOLDCONN,
};

struct pair {
    const struct side *side;
    enum h23510_setup ours, theirs;
};

static const char *pair_text(const struct pair *pair)
{
    char more[48];

    snprintf(more, sizeof(more), "setup=%s/%s", h23510_setup_to_str(pair->ours),
             h23510_setup_to_str(pair->theirs));
    return side_text(pair->side, more);
}

static struct peer *start(const struct pair *pair, enum settings_dtls policy, bool peer_opens)
{
    struct peer *p;

    w = calls_begin(pair->side, policy);
    w->settings->dtls.setup = configured[pair->ours];
    p = calls_peer(w, pair->side);
    p->setup = pair->theirs;
    p->opens = peer_opens;
    calls_try(w, pair->side, p);
    return p;
}

static const char *role_in(const struct h245_DTLSSecurityCapability *cap)
{
    static char text[16];

    CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
    snprintf(text, sizeof(text), "%.*s", (int)cap->setupInformation.len, cap->setupInformation.p);
    return text;
}

/* T-OLC, T-ACK: what stands in the first OLC and in its Ack is concrete and complementary, and what
 * the server does is what it has written. */
static void check_wire(const struct peer *p, bool peer_opens, bool is_active)
{
    const char *ours = is_active ? "active" : "passive", *theirs = is_active ? "passive" : "active";

    CU_ASSERT_STRING_EQUAL(role_in(olc_dtls(wire_olc(p, !peer_opens, 0))),
                           peer_opens ? theirs : ours);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wire_ack(p, peer_opens, 0));
    CU_ASSERT_STRING_EQUAL(role_in(wire_ack(p, peer_opens, 0)->dtlsSecurityCapability),
                           peer_opens ? ours : theirs);
}

static void check_runs(const struct pair *pair, struct peer *p, bool peer_opens)
{
    enum outcome want = outcomes[pair->ours][pair->theirs];
    const struct media_port *port = world_port(w, p);
    /* Left open, the OLC's sender decides: the peer would be active, we wait (open_role). */
    bool is_active = want == ACTIVE;

    CU_ASSERT_PTR_NOT_NULL_FATAL(port);
    CU_ASSERT(port->is_associated && port->associations == 1);
    CU_ASSERT_EQUAL(port->is_active, is_active);
    CU_ASSERT_EQUAL(p->dtls.agreement.role, is_active ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE);
    check_wire(p, peer_opens, is_active);
    CU_ASSERT(p->in_open && (p->out_open || !peer_opens));
}

/* It lives, without media, until it has none for too long. */
static void check_held(struct peer *p)
{
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    for (size_t i = 0; i < w->port_count; i++)
        CU_ASSERT_EQUAL(w->ports[i].associations, 0);
    CU_ASSERT_PTR_NULL(wire_olc(p, true, 0)); /* in the clear neither */
    CU_ASSERT_FALSE(world_has_event(w, "session.downgraded"));
}

static void check_clash(struct peer *p)
{
    world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT(errors_say(p, "setup roles of both sides exclude each other"));
    CU_ASSERT_EQUAL(w->port_count, 0);
}

static void check_pair(const struct pair *pair, bool peer_opens)
{
    enum outcome want = outcomes[pair->ours][pair->theirs];
    struct peer *p = start(pair, SETTINGS_DTLS_REQUIRED, peer_opens);

    CU_ASSERT_EQUAL(p->is_master, !pair->side->is_master);
    if (!peer_opens && session_state(p->session) == SESSION_ACTIVE) {
        CU_ASSERT_EQUAL(world_open_ports(w), 0); /* nothing before there is a channel */
        world_pass(w, w->settings->signalling.timers.mirror_ms);
    }
    if (want == HELD) {
        check_held(p);
    } else if (want == CLASH) {
        check_clash(p);
    } else {
        check_runs(pair, p, peer_opens);
    }
    calls_end(w);
}

#define EACH_PAIR(pair)                                                          \
    for (size_t i = 0; i < SIDES * 16; i++)                                      \
        for (struct pair pair = {&sides[i / 16], (enum h23510_setup)(i / 4 % 4), \
                                 (enum h23510_setup)(i % 4)};                    \
             pair.side != NULL; pair.side = NULL)

static void every_pair_of_setups_ends_as_tabulated(void)
{
    EACH_PAIR(pair)
    {
        check_pair(&pair, true);
        check_pair(&pair, false);
        PROVES_FOR("C-ROLE", pair_text(&pair));
        PROVES_FOR("P-SETUP", side_text(pair.side, ""));
    }
}

/* D-ACTIVE: at once, within the same millisecond as the message that completes the agreement; the
 * port that waits gives up by its own timer and takes its channels along. */
static void active_side_begins_at_once_and_passive_side_gives_up(void)
{
    EACH_PAIR(pair)
    {
        enum outcome want = outcomes[pair.ours][pair.theirs];
        struct peer *p;

        w = calls_begin(pair.side, SETTINGS_DTLS_REQUIRED);
        w->settings->dtls.setup = configured[pair.ours];
        p = calls_peer(w, pair.side);
        p->setup = pair.theirs;
        if (pair.side->is_out) {
            CU_ASSERT_EQUAL(world_dial(w, p), 0);
        } else {
            peer_call(p, "demo");
        }
        world_run(w); /* no time passes */
        if (want == HELD || want == CLASH) {
            CU_ASSERT(world_port(w, p) == NULL || world_port(w, p)->associations == 0);
        } else {
            CU_ASSERT_TRUE_FATAL(world_port(w, p)->is_associated);
            CU_ASSERT_EQUAL(world_port(w, p)->is_active, want == ACTIVE);
            world_dtls_failed(w, p, DTLS_FAIL_TIMEOUT);
            calls_settle(w);
            CU_ASSERT(!p->in_open && !p->out_open && world_port(w, p)->is_closed);
            CU_ASSERT(world_has_event(w, "dtls.failed"));
        }
        calls_end(w);
        PROVES_FOR("D-ACTIVE", pair_text(&pair));
    }
}

/* C-ROLE: a holdconn that the peer takes back lets the handshake begin, on a channel that was
 * opened meanwhile and for one that was not. */
static void holdconn_taken_back_lets_it_begin(void)
{
    for (size_t i = 0; i < SIDES * 4; i++) {
        const struct pair pair = {&sides[i / 4], H23510_SETUP_ACTPASS, H23510_SETUP_HOLDCONN};
        enum h23510_setup later = i % 2 ? H23510_SETUP_ACTIVE : H23510_SETUP_PASSIVE;
        bool has_channel = i % 4 >= 2;
        struct peer *p = start(&pair, SETTINGS_DTLS_PREFERRED, false);

        if (has_channel) {
            struct h245_channel c = {.session_id = 1, .audio = p->audio[0]};

            p->dtls.tcs_role = H23510_ROLE_ACTIVE; /* fill_olc wants something usable */
            p->dtls.agreement = (struct h23510_agreement){
                .is_set = true,
                .role = H23510_ROLE_HOLD,
                .local_hash = FINGERPRINT_SHA256,
                .peer_fingerprint = w->server_id.fingerprints[FINGERPRINT_SHA256]};
            p->out_lcn = peer_open_channel(p, &c);
            calls_settle(w);
            CU_ASSERT_TRUE(p->out_open);
        }
        check_held(p);
        p->dtls.policy.setup = later;
        if (has_channel)
            p->dtls.agreement.role =
                later == H23510_SETUP_ACTIVE ? H23510_ROLE_ACTIVE : H23510_ROLE_PASSIVE;
        peer_send_capabilities(p);
        calls_settle(w);
        world_pass(w, w->settings->signalling.timers.mirror_ms);
        CU_ASSERT_PTR_NOT_NULL_FATAL(world_port(w, p));
        CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
        CU_ASSERT_EQUAL(world_port(w, p)->is_active, later == H23510_SETUP_PASSIVE);
        CU_ASSERT_TRUE(p->in_open);
        calls_end(w);
        PROVES_FOR("C-ROLE D-ACTIVE", pair_text(&pair));
    }
}

/* ... and one that stays takes the call along in time. */
static void holdconn_for_ever_ends_the_call(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        const struct pair pair = {&sides[i], H23510_SETUP_ACTPASS, H23510_SETUP_HOLDCONN};
        struct peer *p = start(&pair, SETTINGS_DTLS_REQUIRED, true);

        check_held(p);
        world_pass(w, w->settings->signalling.timers.no_channel_ms +
                          w->settings->signalling.timers.end_session_ms + 10);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
        CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_NO_CHANNEL);
        calls_end(w);
        PROVES_FOR("D-ACTIVE", pair_text(&pair));
    }
}

/* Both sides send their OLC before they have seen the other's, both offered actpass: whatever each
 * wrote, they end as complements, the same way whoever is master. */
static void crossing_channels_agree(void)
{
    bool first = false;

    for (size_t i = 0; i < SIDES; i++) {
        const struct pair pair = {&sides[i], H23510_SETUP_ACTPASS, H23510_SETUP_ACTPASS};
        struct peer *p = start(&pair, SETTINGS_DTLS_REQUIRED, false);
        const struct media_port *port;

        /* The server's goes out at the timer; the peer's is under way then. */
        p->dtls.policy.open_role = H23510_SETUP_PASSIVE;
        peer_open(p, H245_CODEC_PCMA);
        w->now += w->settings->signalling.timers.mirror_ms;
        timer_set_run(&w->timers, w->now);
        calls_settle(w);
        port = world_port(w, p);
        CU_ASSERT_PTR_NOT_NULL_FATAL(port);
        CU_ASSERT(p->in_open && p->out_open && port->associations == 1);
        CU_ASSERT_EQUAL(p->dtls.agreement.role,
                        port->is_active ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE);
        if (i == 0)
            first = port->is_active;
        CU_ASSERT_EQUAL(port->is_active, first);
        calls_end(w);
        PROVES_FOR("C-ROLE D-ACTIVE", pair_text(&pair));
        PROVES_FOR("D-ONCE L-SHARE", side_text(&sides[i], ""));
    }
}

SUITE("conformance/roles", TEST(every_pair_of_setups_ends_as_tabulated),
      TEST(active_side_begins_at_once_and_passive_side_gives_up),
      TEST(holdconn_taken_back_lets_it_begin), TEST(holdconn_for_ever_ends_the_call),
      TEST(crossing_channels_agree))
