/* Calls of the server's own (issue 3: outgoing calls, overlap of H.245 start on either side): who
 * is asked, what is said, what answers lead to, and a cause of its own for each failure. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

static struct world *w;

static struct {
    int result;
    unsigned asked, disengaged;
    struct session_admission admission;
} gatekeeper;

static int on_admit(void *user, struct session *s, const struct session_admission *a)
{
    (void)user;
    (void)s;
    gatekeeper.asked++;
    gatekeeper.admission = *a;
    return gatekeeper.result;
}

static void on_disengage(void *user, struct session *s, unsigned cause)
{
    (void)user;
    (void)s;
    (void)cause;
    gatekeeper.disengaged++;
}

static struct peer *begin(void)
{
    memset(&gatekeeper, 0, sizeof(gatekeeper));
    w = world_create(SETTINGS_DTLS_REQUIRED);
    return world_callee(w);
}

static struct peer *begin_with_gatekeeper(void)
{
    struct peer *p = begin();

    w->ops.admit = on_admit;
    w->ops.disengage = on_disengage;
    return p;
}

static void admit(struct peer *p, enum session_end verdict, const char *text,
                  const struct addr *destination)
{
    struct session_admitted a = {.verdict = verdict, .text = text, .destination = *destination};

    session_on_admitted(p->session, &a, w->now);
    world_run(w);
}

static void end(void)
{
    world_destroy(w);
}

static void dial(struct peer *p)
{
    CU_ASSERT_EQUAL_FATAL(world_dial(w, p), 0);
    world_run(w);
}

static bool is_whole(const struct peer *p)
{
    return p->in_open && p->out_open && session_state(p->session) == SESSION_ACTIVE;
}

static void check_end(const struct peer *p, enum session_end why)
{
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(p->session)),
                           session_end_to_str(why));
    CU_ASSERT(p->h225_closed);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    CU_ASSERT_EQUAL(w->env.stats.ended[why], 1);
    CU_ASSERT(world_has_event(w, "session.closed"));
}

/* ---- good calls ---- */

static void setup_says_who_calls_whom(void)
{
    struct peer *p = begin();

    dial(p);
    CU_ASSERT(p->seen.came);
    CU_ASSERT_STRING_EQUAL(p->seen.alias, "bert");
    CU_ASSERT_STRING_EQUAL(p->seen.source, "4711");
    CU_ASSERT_STRING_EQUAL(p->seen.display, "Sluice");
    CU_ASSERT_EQUAL(p->seen.goal, H225_GOAL_CREATE);
    CU_ASSERT(addr_is_equal(&p->seen.destination, &p->signalling));
    CU_ASSERT_EQUAL(p->seen.source_address.port, 1720); /* the listener, not this connection */
    CU_ASSERT_EQUAL(p->seen.h245.family, ADDR_NONE);
    CU_ASSERT(addr_is_equal(&w->dialled, &p->signalling));
    end();
}

static void call_with_h245_of_its_own_becomes_whole(void)
{
    struct peer *p = begin();

    dial(p);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->connects, 1);
    CU_ASSERT_EQUAL(w->listens, 0);
    CU_ASSERT(addr_is_equal(&w->connected_to, &p->h245_at));
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT(world_has_event(w, "session.created"));
    CU_ASSERT(world_has_event(w, "session.alerting"));
    CU_ASSERT_EQUAL(world_events(w, "session.connected"), 1);
    CU_ASSERT(world_has_event(w, "session.active"));
    CU_ASSERT_EQUAL(w->env.stats.dialled, 1);
    peer_hang_up(p);
    world_run(w);
    check_end(p, SESSION_END_PEER_SESSION);
    end();
}

static void tunnelled_call_becomes_whole(void)
{
    struct peer *p = begin();

    p->tunnels = true;
    dial(p);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->connects + w->listens, 0);
    CU_ASSERT_EQUAL(h225_call_stats(p->call)->tunnel_refused, 0);
    session_close(p->session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    CU_ASSERT(p->end_session && p->is_released);
    world_pass(w, 5000);
    check_end(p, SESSION_END_OPERATOR);
    end();
}

static void callee_may_begin_h245_by_a_facility(void)
{
    struct peer *p = begin();

    p->hides_h245 = p->asks_h245 = true;
    dial(p);
    CU_ASSERT(is_whole(p));
    end();
}

static void callee_without_address_hears_ours(void)
{
    struct peer *p = begin();

    p->hides_h245 = true;
    dial(p);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(w->listens, 1);
    CU_ASSERT_EQUAL(w->connects, 0);
    end();
}

static void h245_address_that_does_not_answer_makes_us_listen(void)
{
    struct peer *p = begin();

    p->answers_calls = false; /* the connection to its address never comes up */
    dial(p);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CONNECTED);
    session_on_h245_failed(p->session, "connection refused", w->now);
    p->answers_calls = true;
    world_run(w);
    CU_ASSERT_EQUAL(w->listens, 1);
    CU_ASSERT(is_whole(p));
    end();
}

static void address_in_setup_is_told_when_configured(void)
{
    struct peer *p = begin();

    w->settings->signalling.h245_in_setup = true;
    dial(p);
    CU_ASSERT_EQUAL(p->seen.h245.port, 30000);
    CU_ASSERT(is_whole(p));
    end();
}

static void both_dtls_roles_work_for_calls_of_ours(void)
{
    for (int i = 0; i < 2; i++) {
        struct peer *p = begin();

        p->setup = i == 0 ? H23510_SETUP_ACTIVE : H23510_SETUP_PASSIVE;
        dial(p);
        CU_ASSERT(is_whole(p));
        CU_ASSERT_EQUAL(world_port(w, p)->is_active, i == 1);
        end();
    }
}

static void incoming_and_outgoing_meet_in_the_conference(void)
{
    struct peer *out = begin();
    struct peer *in = world_peer(w);

    peer_call(in, "demo");
    world_run(w);
    dial(out);
    CU_ASSERT(is_whole(out) && is_whole(in));
    world_keyed(w, out);
    world_keyed(w, in);
    CU_ASSERT_PTR_EQUAL(world_port(w, in)->to, world_port(w, out));
    CU_ASSERT_PTR_EQUAL(world_port(w, out)->to, world_port(w, in));
    end();
}

/* ---- failures ---- */

static void refused_connection_is_unreachable(void)
{
    struct peer *p = begin();

    p->is_refused_tcp = true;
    dial(p);
    check_end(p, SESSION_END_UNREACHABLE);
    CU_ASSERT_FALSE(p->seen.came);
    end();
}

static void connection_that_hangs_is_unreachable_in_time(void)
{
    struct peer *p = begin();

    p->is_unreachable = true;
    dial(p);
    world_pass(w, w->settings->signalling.timers.tcp_connect_ms - 1);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_SETUP);
    world_pass(w, 2);
    check_end(p, SESSION_END_UNREACHABLE);
    end();
}

static void each_refusal_has_its_cause(void)
{
    static const struct {
        enum callee_answer answers;
        enum session_end why;
    } rows[] = {
        {CALLEE_IS_BUSY, SESSION_END_BUSY},
        {CALLEE_REFUSES, SESSION_END_REJECTED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer *p = begin();

        p->answers = rows[i].answers;
        dial(p);
        check_end(p, rows[i].why);
        CU_ASSERT_EQUAL(world_events(w, "session.connected"), 0);
        end();
    }
}

/* T303, T310 and T301 with the configuration's values; the callee is told in each case. */
static void each_silence_has_its_timer(void)
{
    static const struct {
        enum callee_answer answers;
        enum session_end why;
    } rows[] = {
        {CALLEE_IS_SILENT, SESSION_END_NO_RESPONSE},
        {CALLEE_PROCEEDS, SESSION_END_NO_RESPONSE},
        {CALLEE_RINGS, SESSION_END_NO_ANSWER},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer *p = begin();
        const struct settings_timers *t = &w->settings->signalling.timers;
        const uint32_t wait[] = {t->call_response_ms, t->call_proceeding_ms, t->call_alerting_ms};

        p->answers = rows[i].answers;
        dial(p);
        world_pass(w, wait[i] - 1);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_SETUP);
        world_pass(w, 2);
        check_end(p, rows[i].why);
        CU_ASSERT(p->is_released && p->release.by_peer);
        end();
    }
}

static void connection_lost_while_ringing_has_its_cause(void)
{
    struct peer *p = begin();

    p->answers = CALLEE_RINGS;
    dial(p);
    session_on_h225_lost(p->session, "connection closed by peer", w->now);
    check_end(p, SESSION_END_H225_LOST);
    end();
}

static void hanging_up_before_the_connection_says_nothing(void)
{
    struct peer *p = begin();

    p->is_unreachable = true;
    dial(p);
    session_close(p->session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    check_end(p, SESSION_END_OPERATOR);
    CU_ASSERT_FALSE(p->is_released);
    end();
}

static void full_conference_is_not_called_into(void)
{
    struct peer *p = begin();
    struct peer *a = world_peer(w), *b = world_peer(w);

    peer_call(a, "demo");
    peer_call(b, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(world_dial(w, p), ERR_LIMIT);
    CU_ASSERT_EQUAL(w->dials, 0);
    end();
}

static void no_data_plane_ends_the_call(void)
{
    struct peer *p = begin();

    w->open_result = ERR_CLOSED;
    p->opens = false;
    dial(p);
    world_pass(w, 5000);
    check_end(p, SESSION_END_NO_DATA_PLANE);
    end();
}

/* ---- gatekeeper ---- */

static void gatekeeper_is_asked_before_the_connection(void)
{
    struct peer *p = begin_with_gatekeeper();
    const struct addr nowhere = {0};

    dial(p);
    CU_ASSERT_EQUAL(gatekeeper.asked, 1);
    CU_ASSERT_EQUAL(w->dials, 0);
    CU_ASSERT(gatekeeper.admission.is_outgoing);
    CU_ASSERT_EQUAL(gatekeeper.admission.destination_count, 1);
    CU_ASSERT_EQUAL(gatekeeper.admission.source_count, 1);
    CU_ASSERT(addr_is_equal(&gatekeeper.admission.peer, &p->signalling));
    admit(p, SESSION_END_NONE, NULL, &nowhere);
    CU_ASSERT(addr_is_equal(&w->dialled, &p->signalling));
    CU_ASSERT(is_whole(p));
    peer_hang_up(p);
    world_run(w);
    CU_ASSERT_EQUAL(gatekeeper.disengaged, 1);
    end();
}

static void gatekeepers_destination_is_where_setup_goes(void)
{
    const uint8_t ip[4] = {198, 51, 100, 99};
    const struct addr routed = addr_from_ip4(ip, 1720);
    struct peer *p = begin_with_gatekeeper();

    p->signalling = (struct addr){0}; /* an alias alone */
    dial(p);
    CU_ASSERT_EQUAL(gatekeeper.admission.peer.family, ADDR_NONE);
    admit(p, SESSION_END_NONE, NULL, &routed);
    CU_ASSERT(addr_is_equal(&w->dialled, &routed));
    CU_ASSERT(is_whole(p));
    end();
}

/* What the confirmation says about addresses and tokens stands in Setup (issue 3: routed answers).
 */
static void gatekeepers_answer_shapes_the_setup(void)
{
    const uint8_t ip[4] = {198, 51, 100, 99};
    struct h225_aliases to = {.count = 1, .list = {{H225_ALIAS_DIGITS, "12025550100"}}};
    struct h225_aliases from = {.count = 1, .list = {{H225_ALIAS_H323_ID, "as registered"}}};
    struct session_admitted a = {.destination = addr_from_ip4(ip, 1721),
                                 .is_routed = true,
                                 .destination_info = &to,
                                 .source_info = &from};
    struct peer *p = begin_with_gatekeeper();

    dial(p);
    session_on_admitted(p->session, &a, w->now);
    to.list[0].text = from.list[0].text = "gone"; /* valid during the call only */
    world_run(w);
    CU_ASSERT_STRING_EQUAL(p->seen.alias, "12025550100");
    CU_ASSERT_STRING_EQUAL(p->seen.source, "as registered");
    CU_ASSERT_EQUAL(p->seen.destination.family, ADDR_NONE);
    CU_ASSERT(is_whole(p));
    end();
}

static void gatekeepers_no_is_told_with_its_reason(void)
{
    const struct addr nowhere = {0};
    struct peer *p = begin_with_gatekeeper();

    dial(p);
    admit(p, SESSION_END_NOT_ADMITTED, "calledPartyNotRegistered", &nowhere);
    check_end(p, SESSION_END_NOT_ADMITTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "calledPartyNotRegistered"));
    CU_ASSERT_EQUAL(w->dials, 0);
    CU_ASSERT_EQUAL(gatekeeper.disengaged, 0);
    end();
}

static void alias_alone_needs_a_gatekeeper(void)
{
    const struct addr nowhere = {0};
    struct peer *p = begin_with_gatekeeper();

    gatekeeper.result = ERR_NOTFOUND;
    p->signalling = nowhere;
    dial(p);
    check_end(p, SESSION_END_NO_GATEKEEPER);
    end();

    p = begin_with_gatekeeper();
    gatekeeper.result = ERR_STATE; /* required, and not registered */
    dial(p);
    check_end(p, SESSION_END_NO_GATEKEEPER);
    end();

    p = begin_with_gatekeeper();
    p->signalling = nowhere;
    dial(p);
    admit(p, SESSION_END_NONE, NULL, &nowhere);
    check_end(p, SESSION_END_NO_GATEKEEPER);
    end();
}

/* ---- forwarding (issue 3: Facility callForwarded, routeCallToMC) ---- */

static struct peer *begin_forwarding(unsigned times)
{
    const uint8_t ip[4] = {198, 51, 100, 77};
    struct peer *p = begin();

    p->answers = CALLEE_FORWARDS;
    p->forwards = times;
    p->forward.reason = H225_FACILITY_FORWARDED;
    p->forward.address = addr_from_ip4(ip, 1730);
    p->forward.aliases.count = 1;
    p->forward.aliases.list[0] = (struct h225_alias){H225_ALIAS_H323_ID, "carl"};
    return p;
}

static void forwarded_call_is_made_again(void)
{
    struct peer *p = begin_forwarding(1);
    uint8_t first[H225_GUID_LEN];

    dial(p);
    memcpy(first, p->seen.call_id, sizeof(first));
    CU_ASSERT_EQUAL(w->dials, 2);
    CU_ASSERT(addr_is_equal(&w->dialled, &p->forward.address));
    CU_ASSERT_EQUAL(p->seen.setups, 2);
    CU_ASSERT_STRING_EQUAL(p->seen.alias, "carl");
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(world_events(w, "session.forwarded"), 1);
    CU_ASSERT_EQUAL(world_events(w, "session.created"), 1);
    CU_ASSERT_EQUAL(w->env.stats.forwards, 1);
    CU_ASSERT(p->is_released); /* the first one heard the end of its call */
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_DEFLECTED);
    end();
}

static void forwarding_is_followed_a_few_times_only(void)
{
    struct peer *p = begin_forwarding(100);

    dial(p);
    check_end(p, SESSION_END_REJECTED);
    CU_ASSERT_EQUAL(w->dials, 1 + w->settings->signalling.max_forwards);
    CU_ASSERT_EQUAL(w->env.stats.forwards_refused, 1);
    end();

    p = begin_forwarding(1);
    w->settings->signalling.max_forwards = 0;
    dial(p);
    check_end(p, SESSION_END_REJECTED);
    CU_ASSERT_EQUAL(w->dials, 1);
    end();
}

static void route_to_mc_joins_its_conference(void)
{
    struct peer *p = begin_forwarding(1);

    p->forward.reason = H225_FACILITY_ROUTE_TO_MC;
    p->forward.has_conference_id = true;
    memset(p->forward.conference_id, 0x5a, H225_GUID_LEN);
    dial(p);
    CU_ASSERT_EQUAL(p->seen.goal, H225_GOAL_JOIN);
    CU_ASSERT_EQUAL(p->seen.conference_id[7], 0x5a);
    CU_ASSERT(is_whole(p));
    end();
}

static void route_to_gatekeeper_keeps_the_alias(void)
{
    struct peer *p = begin_forwarding(1);

    p->forward.reason = H225_FACILITY_ROUTE_TO_GATEKEEPER;
    p->forward.aliases.count = 0;
    dial(p);
    CU_ASSERT_STRING_EQUAL(p->seen.alias, "bert");
    CU_ASSERT(addr_is_equal(&w->dialled, &p->forward.address));
    CU_ASSERT(is_whole(p));
    end();
}

static void forwarding_asks_the_gatekeeper_again(void)
{
    const struct addr nowhere = {0};
    struct peer *p = begin_forwarding(1);

    w->ops.admit = on_admit;
    w->ops.disengage = on_disengage;
    dial(p);
    admit(p, SESSION_END_NONE, NULL, &nowhere);
    CU_ASSERT_EQUAL(gatekeeper.asked, 2); /* for the new call */
    CU_ASSERT_EQUAL(gatekeeper.disengaged, 1);
    CU_ASSERT(addr_is_equal(&gatekeeper.admission.peer, &p->forward.address));
    admit(p, SESSION_END_NONE, NULL, &nowhere);
    CU_ASSERT(is_whole(p));
    end();
}

static void forward_of_a_standing_call_is_not_followed(void)
{
    struct peer *p = begin_forwarding(0);
    struct peer *in = world_peer(w);

    dial(p);
    CU_ASSERT(is_whole(p));
    CU_ASSERT_EQUAL(h225_call_facility(p->call, &p->forward, w->now), 0);
    peer_call(in, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(h225_call_facility(in->call, &p->forward, w->now), 0); /* nor a caller's */
    world_run(w);
    CU_ASSERT(is_whole(p) && is_whole(in));
    CU_ASSERT_EQUAL(w->dials, 1);
    CU_ASSERT_EQUAL(w->env.stats.forwards_refused, 2);
    end();
}

static void facility_without_a_place_to_go_changes_nothing(void)
{
    for (unsigned reason = 0; reason < H225_FACILITY_COUNT; reason++) {
        struct h225_facility f = {.reason = (enum h225_facility_reason)reason};
        struct peer *p = begin();

        p->answers = CALLEE_RINGS;
        dial(p);
        CU_ASSERT_EQUAL(h225_call_facility(p->call, &f, w->now), 0);
        world_run(w);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_SETUP);
        CU_ASSERT_EQUAL(w->dials, 1);
        CU_ASSERT_EQUAL(w->env.stats.h225_unexpected + w->env.stats.h225_undecodable, 0);
        end();
    }
}

/* ---- kept connections (issue 3: maintainConnection) ---- */

static void dead_kept_connection_is_replaced_once(void)
{
    struct peer *p = begin();

    w->keeps_connections = true;
    p->answers = CALLEE_IS_SILENT;
    dial(p);
    w->keeps_connections = false;
    p->answers = CALLEE_CONNECTS;
    session_on_h225_lost(p->session, "connection lost", w->now);
    world_run(w);
    CU_ASSERT_EQUAL(w->dials, 2);
    CU_ASSERT(is_whole(p));
    end();
}

static void kept_connection_that_has_answered_is_not_replaced(void)
{
    struct peer *p = begin();

    w->keeps_connections = true;
    p->answers = CALLEE_PROCEEDS;
    dial(p);
    session_on_h225_lost(p->session, "connection lost", w->now);
    check_end(p, SESSION_END_H225_LOST);
    CU_ASSERT_EQUAL(w->dials, 1);
    end();
}

static void fresh_connection_that_is_lost_is_not_replaced(void)
{
    struct peer *p = begin();

    p->answers = CALLEE_IS_SILENT;
    dial(p);
    session_on_h225_lost(p->session, "connection lost", w->now);
    check_end(p, SESSION_END_H225_LOST);
    CU_ASSERT_EQUAL(w->dials, 1);
    end();
}

SUITE("server/session_dial", TEST(setup_says_who_calls_whom),
      TEST(call_with_h245_of_its_own_becomes_whole), TEST(tunnelled_call_becomes_whole),
      TEST(callee_may_begin_h245_by_a_facility), TEST(callee_without_address_hears_ours),
      TEST(h245_address_that_does_not_answer_makes_us_listen),
      TEST(address_in_setup_is_told_when_configured), TEST(both_dtls_roles_work_for_calls_of_ours),
      TEST(incoming_and_outgoing_meet_in_the_conference), TEST(refused_connection_is_unreachable),
      TEST(connection_that_hangs_is_unreachable_in_time), TEST(each_refusal_has_its_cause),
      TEST(each_silence_has_its_timer), TEST(connection_lost_while_ringing_has_its_cause),
      TEST(hanging_up_before_the_connection_says_nothing), TEST(full_conference_is_not_called_into),
      TEST(no_data_plane_ends_the_call), TEST(gatekeeper_is_asked_before_the_connection),
      TEST(gatekeepers_destination_is_where_setup_goes), TEST(gatekeepers_answer_shapes_the_setup),
      TEST(gatekeepers_no_is_told_with_its_reason), TEST(alias_alone_needs_a_gatekeeper),
      TEST(forwarded_call_is_made_again), TEST(forwarding_is_followed_a_few_times_only),
      TEST(route_to_mc_joins_its_conference), TEST(route_to_gatekeeper_keeps_the_alias),
      TEST(forwarding_asks_the_gatekeeper_again), TEST(forward_of_a_standing_call_is_not_followed),
      TEST(facility_without_a_place_to_go_changes_nothing),
      TEST(dead_kept_connection_is_replaced_once),
      TEST(kept_connection_that_has_answered_is_not_replaced),
      TEST(fresh_connection_that_is_lost_is_not_replaced))
