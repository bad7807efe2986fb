/* Fast connect of calls of ours: what the Setup proposes, and what the answers of a callee open,
 * refuse or break. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "signalling/h23510/fast.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

typedef void (*spoil_fn)(struct h245_DTLSSecurityCapability *cap);

/* How the callee answers. */
static struct {
    uint8_t from; /* message that has it first; 0: Connect */
    bool is_deaf; /* says nothing of fast connect at all */
    bool is_foreign;
    bool skips_forward, skips_reverse;
    spoil_fn spoil;
    size_t offered, protected_ones;
    struct h23510_fast_choice choice;
    struct h23510_fast_offer offers[H23510_FAST_MAX];
} callee;

static struct world *w;
static struct arena memory;

static bool accepts_ulaw(void *arg, const struct h245_channel *c)
{
    (void)arg;
    return c->audio.codec == H245_CODEC_PCMU;
}

static void spoil_answer(struct h225_octets *o)
{
    struct h245_OpenLogicalChannel *olc;
    struct h245_fast_olc found;

    CU_ASSERT_EQUAL_FATAL(h245_read_fast_olc(&memory, o->data, o->len, &found), 0);
    olc = arena_copy(&memory, found.olc, sizeof(*olc));
    if (found.is_reverse)
        olc->reverseLogicalChannelParameters = NULL;
    callee.spoil(olc->forwardLogicalChannelParameters.dataType.u.h235Media
                     ->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability);
    CU_ASSERT_EQUAL(h245_encode_fast_olc(&memory, olc, found.is_reverse, &o->data, &o->len), 0);
}

static void write_answer(struct peer *p, size_t index, uint16_t lcn, struct h225_octets *o)
{
    const struct h23510_fast_offer *offer = &callee.offers[index];
    struct addr control = p->media;

    if (offer->verdict != H23510_OK)
        control.port++;
    CU_ASSERT_EQUAL_FATAL(
        h23510_fast_answer(&p->dtls, &memory, offer, lcn, &p->media, &control, &o->data, &o->len),
        0);
    if (callee.spoil != NULL)
        spoil_answer(o);
}

static void on_setup(struct peer *p, const struct h225_setup *setup)
{
    struct h225_octets out[2];
    enum h23510_verdict why;
    size_t n = 0;

    callee.offered = setup->fast_start_count;
    for (size_t i = 0; i < setup->fast_start_count; i++) {
        CU_ASSERT_EQUAL_FATAL(h23510_fast_read(&p->dtls, &memory, setup->fast_start[i].data,
                                               setup->fast_start[i].len, &callee.offers[i]),
                              0);
        callee.protected_ones += callee.offers[i].channel.is_protected;
    }
    if (callee.is_deaf || (p->answers == CALLEE_FORWARDS && p->forwards > 0))
        return;
    if (!h23510_fast_choose(&p->dtls, callee.offers, callee.offered, 1, accepts_ulaw, NULL,
                            &callee.choice, &why)) {
        h225_call_refuse_fast_connect(p->call, true);
        return;
    }
    if (callee.choice.is_protected)
        CU_ASSERT_EQUAL(h23510_fast_take(&p->dtls, &callee.offers[callee.choice.forward]), 0);
    if (callee.is_foreign)
        callee.offers[callee.choice.forward].channel.lcn = 4711;
    if (!callee.skips_reverse)
        write_answer(p, callee.choice.reverse, 55, &out[n++]);
    if (!callee.skips_forward)
        write_answer(p, callee.choice.forward, 0, &out[n++]);
    CU_ASSERT_EQUAL(h225_call_set_fast_start(p->call, out, n), 0);
    h225_call_fast_start_from(p->call, callee.from);
    p->fast_answers = n;
}

static struct peer *begin(enum settings_dtls dtls, enum h23510_mode mode, enum h23510_setup setup)
{
    struct peer *p;

    memset(&callee, 0, sizeof(callee));
    arena_init(&memory, 0, 0);
    w = world_create(dtls);
    p = world_callee(w);
    p->mode = mode;
    p->setup = setup;
    p->dials_fast = true;
    p->on_setup = on_setup;
    p->opens = true;
    peer_init_dtls(p);
    return p;
}

static void dial(struct peer *p)
{
    CU_ASSERT_EQUAL_FATAL(world_dial(w, p), 0);
    world_run(w);
}

static void end(void)
{
    world_destroy(w);
    arena_fini(&memory);
}

static bool are_channels_open(const struct peer *p)
{
    return session_is_sending(p->session) && session_is_receiving(p->session);
}

static void proposals_wait_for_the_port_and_are_taken(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);
    struct media_port *port;

    PROVES("T-OLC L-UNI D-ACTIVE");
    w->hold_ports = true;
    dial(p);
    CU_ASSERT_FALSE(p->seen.came);
    w->hold_ports = false;
    world_run(w);
    CU_ASSERT(p->seen.came && p->is_connected);
    CU_ASSERT_EQUAL(callee.offered, 4);
    CU_ASSERT_EQUAL(callee.protected_ones, 4);
    port = world_port(w, p);
    CU_ASSERT_EQUAL(w->port_count, 1);
    CU_ASSERT_EQUAL(port->request.kind, MEDIA_DTLS_SRTP);
    CU_ASSERT_EQUAL(port->associations, 1);
    CU_ASSERT_FALSE(port->is_active); /* both open, and the callee's own choice is active */
    CU_ASSERT(addr_is_equal(&port->remote, &p->media));
    CU_ASSERT(fingerprint_equal(&port->fingerprint, &w->peer_id.fingerprints[FINGERPRINT_SHA256]));
    CU_ASSERT_EQUAL(p->dtls.agreement.role, H23510_ROLE_ACTIVE);
    world_keyed(w, p);
    CU_ASSERT(are_channels_open(p));
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.fast_accepted, 1);
    CU_ASSERT_EQUAL(w->connects + w->listens, 0); /* H.245 is the peer's to begin */
    world_pass(w, 30000);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    (void)h225_call_release(p->call, H225_REASON_NORMAL, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void without_the_wish_nothing_is_proposed(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    p->dials_fast = false;
    dial(p);
    CU_ASSERT(p->seen.came);
    CU_ASSERT_EQUAL(callee.offered, 0);
    CU_ASSERT(p->in_open && p->out_open);
    end();
}

static void policy_off_proposes_media_in_the_clear(void)
{
    struct peer *p = begin(SETTINGS_DTLS_OFF, H23510_MODE_OFF, H23510_SETUP_ACTPASS);

    dial(p);
    CU_ASSERT_EQUAL(callee.offered, 4);
    CU_ASSERT_EQUAL(callee.protected_ones, 0);
    CU_ASSERT_EQUAL(world_port(w, p)->request.kind, MEDIA_PLAIN_RTP);
    CU_ASSERT_EQUAL(world_port(w, p)->remote_control.port, p->media.port + 1);
    CU_ASSERT(are_channels_open(p));
    end();
}

static void answer_counts_in_whichever_message_it_stands(void)
{
    static const uint8_t from[] = {Q931_CALL_PROCEEDING, Q931_ALERTING, Q931_CONNECT};

    PROVES("D-ONCE");
    for (size_t i = 0; i < sizeof(from); i++) {
        struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

        callee.from = from[i]; /* and again in each message behind it */
        dial(p);
        CU_ASSERT(are_channels_open(p));
        CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
        CU_ASSERT_EQUAL(w->env.stats.channels_opened, 2);
        CU_ASSERT_EQUAL(w->env.stats.fast_accepted, 1);
        end();
    }
}

static void media_are_keyed_while_it_rings(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    callee.from = Q931_CALL_PROCEEDING;
    p->answers = CALLEE_PROCEEDS;
    dial(p);
    world_keyed(w, p);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_SETUP);
    CU_ASSERT(are_channels_open(p));
    session_close(p->session, SESSION_END_OPERATOR, w->now);
    world_pass(w, w->settings->signalling.timers.end_session_ms + 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void refusals_go_on_by_h245(void)
{
    /* said, not said; the callee cannot do it, or the policies do not meet */
    for (int k = 0; k < 4; k++) {
        struct peer *p =
            begin(SETTINGS_DTLS_PREFERRED, k < 2 ? H23510_MODE_REQUIRED : H23510_MODE_OFF,
                  H23510_SETUP_ACTPASS);

        callee.is_deaf = k == 0;
        p->tunnels = k == 1 || k == 3;
        if (k == 1)
            p->setup = H23510_SETUP_HOLDCONN, peer_init_dtls(p);
        dial(p);
        CU_ASSERT_EQUAL(w->env.stats.fast_refused, 1);
        CU_ASSERT(w->ports[0].is_closed); /* the one of fast connect is given back */
        /* holdconn: H.245 opens none before it changes, in the clear neither. */
        CU_ASSERT_EQUAL(w->port_count, k == 1 ? 1 : 2);
        if (k == 1) {
            CU_ASSERT_EQUAL(w->env.stats.downgraded, 0);
            CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
        } else {
            CU_ASSERT(p->in_open && p->out_open);
            CU_ASSERT_EQUAL(world_port(w, p)->request.kind,
                            k == 0 ? MEDIA_DTLS_SRTP : MEDIA_PLAIN_RTP);
            CU_ASSERT_EQUAL(w->env.stats.downgraded, k >= 2);
        }
        end();
    }
}

static void drop_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_fingerprint = false;
}

static void stay_open(struct h245_DTLSSecurityCapability *cap)
{
    cap->setupInformation = (struct per_string){7, "actpass"};
}

static void other_hash(struct h245_DTLSSecurityCapability *cap)
{
    cap->hashFunction.v[0] = (struct per_string){7, "sha-512"};
}

/* The callee believes that its channels are open, and there is no H.245 to tell it otherwise. */
static void bad_answers_end_the_call_with_their_reason(void)
{
    static const struct {
        spoil_fn spoil;
        enum h23510_verdict verdict;
    } rows[] = {{drop_fingerprint, H23510_NO_FINGERPRINT},
                {stay_open, H23510_ROLE_UNDECIDED},
                {other_hash, H23510_HASH_NOT_COMMON}};

    PROVES("T-BAD");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer *p = begin(SETTINGS_DTLS_PREFERRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

        callee.spoil = rows[i].spoil;
        dial(p);
        CU_ASSERT(p->is_released);
        CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
        CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_FAILED);
        CU_ASSERT_EQUAL(w->env.stats.refused[rows[i].verdict], 1);
        CU_ASSERT_EQUAL(w->ports[0].associations, 0);
        CU_ASSERT_EQUAL(world_open_ports(w), 0);
        end();
    }
}

static void answer_to_nothing_that_was_proposed_ends_the_call(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    callee.is_foreign = true;
    dial(p);
    CU_ASSERT(p->is_released);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_PROTOCOL);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void accepted_subset_opens_what_there_is(void)
{
    for (int k = 0; k < 2; k++) {
        struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

        callee.skips_forward = k == 0;
        callee.skips_reverse = k == 1;
        dial(p);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
        CU_ASSERT_EQUAL(w->env.stats.channels_opened, 1);
        /* Either way DTLS knows where to go: one port for all. */
        CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
        CU_ASSERT(addr_is_equal(&world_port(w, p)->remote, &p->media));
        world_keyed(w, p);
        CU_ASSERT_EQUAL(session_is_sending(p->session), k == 0); /* the peer is */
        CU_ASSERT_EQUAL(session_is_receiving(p->session), k == 1);
        end();
    }
}

static void h245_afterwards_finds_everything_as_it_is(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    PROVES("D-ONCE");
    p->tunnels = true;
    dial(p);
    CU_ASSERT(are_channels_open(p));
    world_keyed(w, p);
    p->opens = false;
    peer_h245_begin(p);
    CU_ASSERT_EQUAL(h245_channel_adopt(p->h245, 55, H245_OUTGOING), 0);
    world_run(w);
    CU_ASSERT(p->msd_done && p->has_caps && p->caps_acked);
    CU_ASSERT_EQUAL(p->dtls.peer.setup, H23510_SETUP_PASSIVE); /* as it runs */
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT_EQUAL(w->env.stats.channels_opened, 2);
    CU_ASSERT_EQUAL(w->env.stats.h245_unexpected, 0);
    p->out_lcn = 55;
    peer_close(p);
    world_run(w);
    CU_ASSERT_EQUAL(p->closed_out, 1);
    CU_ASSERT_FALSE(session_is_sending(p->session));
    end();
}

static void mismatch_without_h245_ends_the_call(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    PROVES("D-MISMATCH");
    dial(p);
    world_dtls_failed(w, p, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT(p->is_released);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_FAILED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void no_port_means_no_proposals(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    w->open_result = ERR_LIMIT;
    CU_ASSERT_EQUAL_FATAL(world_dial(w, p), 0);
    world_run(w);
    CU_ASSERT(p->seen.came);
    CU_ASSERT_EQUAL(callee.offered, 0);
    end();
}

static void port_that_never_comes_is_given_up(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    w->hold_ports = true;
    dial(p);
    world_pass(w, 60000);
    CU_ASSERT_FALSE(p->seen.came);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    w->hold_ports = false;
    world_run(w);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void forward(struct peer *p)
{
    const uint8_t ip[4] = {198, 51, 100, 77};

    p->answers = CALLEE_FORWARDS;
    p->forwards = 1;
    p->forward.reason = H225_FACILITY_FORWARDED;
    p->forward.address = addr_from_ip4(ip, 1730);
}

static void forwarded_call_proposes_again_on_the_same_port(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    forward(p);
    dial(p);
    CU_ASSERT_EQUAL(p->seen.setups, 2);
    CU_ASSERT_EQUAL(callee.offered, 4);
    CU_ASSERT_EQUAL(w->port_count, 1);
    CU_ASSERT(are_channels_open(p));
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT_EQUAL(w->env.stats.fast_accepted, 1);
    end();
}

/* H.323 8.2: the callee tells its H.245 address before it answers. */
static void announce(struct peer *p, const struct h225_setup *setup)
{
    const uint8_t ip[4] = {198, 51, 100, 200};

    p->h245_at = addr_from_ip4(ip, 5000);
    h225_call_announce_h245(p->call, &p->h245_at);
    if (callee.from == Q931_CALL_PROCEEDING)
        on_setup(p, setup);
}

static void h245_address_before_connect_is_used_at_once(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    p->dials_fast = false;
    p->on_setup = announce;
    p->answers = CALLEE_PROCEEDS;
    dial(p);
    CU_ASSERT_EQUAL(w->connects, 1);
    CU_ASSERT(addr_is_equal(&w->connected_to, &p->h245_at));
    CU_ASSERT(p->in_open && p->out_open); /* before anybody picks up */
    CU_ASSERT_EQUAL(h225_call_connect(p->call, &p->h245_at, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(w->connects, 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    end();
}

static void h245_waits_while_fast_connect_is_not_answered(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    p->on_setup = announce;
    p->answers = CALLEE_PROCEEDS;
    dial(p);
    CU_ASSERT_EQUAL(w->connects, 0);
    h225_call_refuse_fast_connect(p->call, true);
    CU_ASSERT_EQUAL(h225_call_alerting(p->call, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(w->connects, 1); /* refused, and the address is there */
    end();
}

static void with_fast_connect_answered_h245_is_the_peers_to_begin(void)
{
    struct peer *p = begin(SETTINGS_DTLS_REQUIRED, H23510_MODE_REQUIRED, H23510_SETUP_ACTPASS);

    callee.from = Q931_CALL_PROCEEDING;
    p->on_setup = announce;
    dial(p);
    CU_ASSERT(are_channels_open(p));
    CU_ASSERT_EQUAL(w->connects, 0);
    end();
}

SUITE("server/session_fast_out", TEST(proposals_wait_for_the_port_and_are_taken),
      TEST(without_the_wish_nothing_is_proposed), TEST(policy_off_proposes_media_in_the_clear),
      TEST(answer_counts_in_whichever_message_it_stands), TEST(media_are_keyed_while_it_rings),
      TEST(refusals_go_on_by_h245), TEST(bad_answers_end_the_call_with_their_reason),
      TEST(answer_to_nothing_that_was_proposed_ends_the_call),
      TEST(accepted_subset_opens_what_there_is), TEST(h245_afterwards_finds_everything_as_it_is),
      TEST(mismatch_without_h245_ends_the_call), TEST(no_port_means_no_proposals),
      TEST(port_that_never_comes_is_given_up), TEST(h245_address_before_connect_is_used_at_once),
      TEST(forwarded_call_proposes_again_on_the_same_port),
      TEST(h245_waits_while_fast_connect_is_not_answered),
      TEST(with_fast_connect_answered_h245_is_the_peers_to_begin))
