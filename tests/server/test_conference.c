/* Conferences as rooms: who may come in, who is heard, how they end. The door (PIN, lock, limits),
 * the life (idle, too old, deleted), and kind mix on a fake data plane. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "signalling/h245/procedures.h"
#include "tests/suite.h"

static struct world *w;
static struct settings_conference *row;

static void begin(enum settings_conference_kind kind)
{
    w = world_create(SETTINGS_DTLS_PREFERRED);
    row = &w->settings->conferences[0]; /* "demo" */
    row->kind = kind;
    row->max_sessions = kind == SETTINGS_CONFERENCE_RELAY ? 2 : 10;
}

static void end(void)
{
    world_destroy(w);
}

static struct peer *enter(struct peer *p)
{
    peer_call(p, "demo");
    world_run(w);
    if (p->session != NULL && session_state(p->session) == SESSION_ACTIVE)
        world_keyed(w, p);
    world_run(w);
    return p;
}

static struct peer *caller(void)
{
    return enter(world_peer(w));
}

static void press(struct peer *p, const char *keys)
{
    CU_ASSERT_EQUAL(h245_send_user_input(p->h245, keys), 0);
    world_run(w);
}

static struct conference *demo(void)
{
    struct conference *c = conferences_find(w->conferences, "demo");

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

static const struct conferences_stats *stats(void)
{
    return conferences_stats_of(w->conferences);
}

static void check_ended(const struct peer *p, enum session_end why)
{
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(p->session)),
                           session_end_to_str(why));
    CU_ASSERT_TRUE(p->is_released);
}

static bool is_active(const struct peer *p)
{
    return session_state(p->session) == SESSION_ACTIVE;
}

/* ---- the door ---- */

static void pin_right_lets_in_and_before_it_nothing_flows(void)
{
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_RELAY);
    strcpy(row->pin, "1234");
    a = caller();
    b = caller();
    CU_ASSERT_PTR_NULL(world_port(w, a)->to);
    CU_ASSERT_EQUAL(a->heard.number, 0); /* no terminal of the conference yet */
    press(a, "1234");
    CU_ASSERT_PTR_NULL(world_port(w, a)->to); /* b has still to say it */
    CU_ASSERT_NOT_EQUAL(a->heard.number, 0);
    press(b, "12");
    press(b, "34#");
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    CU_ASSERT_EQUAL(a->heard.joined, 1);
    CU_ASSERT_EQUAL(stats()->pin_accepted, 2);
    CU_ASSERT_EQUAL(stats()->pin_wrong, 0);
    CU_ASSERT_EQUAL(world_events(w, "session.user_input"), 0); /* nobody else's business */
    press(b, "5");
    CU_ASSERT_EQUAL(world_events(w, "session.user_input"), 1);
    end();
}

static void pin_wrong_too_often_ends_the_session(void)
{
    struct peer *a;

    begin(SETTINGS_CONFERENCE_RELAY);
    strcpy(row->pin, "1234");
    row->pin_tries = 2;
    a = caller();
    press(a, "99*1235");
    CU_ASSERT_TRUE(is_active(a));
    press(a, "12#");
    check_ended(a, SESSION_END_WRONG_PIN);
    CU_ASSERT_EQUAL(stats()->pin_wrong, 2);
    CU_ASSERT_EQUAL(stats()->pin_failed, 1);
    CU_ASSERT_EQUAL(stats()->pin_accepted, 0);
    CU_ASSERT_EQUAL(world_events(w, "conference.pin"), 3); /* asked, wrong, failed */
    end();
}

static void pin_that_does_not_come_in_time_ends_the_session(void)
{
    struct peer *a;

    begin(SETTINGS_CONFERENCE_RELAY);
    strcpy(row->pin, "7");
    row->pin_timeout_ms = 5000;
    a = caller();
    world_pass(w, 4900);
    CU_ASSERT_TRUE(is_active(a));
    world_pass(w, 200);
    check_ended(a, SESSION_END_WRONG_PIN);
    CU_ASSERT_EQUAL(stats()->pin_failed, 1);
    end();
}

static void pin_is_not_asked_of_whom_the_server_calls(void)
{
    struct peer *a;

    begin(SETTINGS_CONFERENCE_RELAY);
    strcpy(row->pin, "1234");
    a = world_callee(w);
    CU_ASSERT_EQUAL(world_dial(w, a), 0);
    world_run(w);
    CU_ASSERT_NOT_EQUAL(a->heard.number, 0);
    CU_ASSERT_EQUAL(world_events(w, "conference.pin"), 0);
    end();
}

static void locked_conference_refuses_callers_and_takes_called_ones(void)
{
    struct peer *a, *b, *c;

    begin(SETTINGS_CONFERENCE_MIX);
    a = caller();
    conference_lock(demo(), true);
    CU_ASSERT_TRUE(world_has_event(w, "conference.locked"));
    b = caller();
    check_ended(b, SESSION_END_CONFERENCE_LOCKED);
    CU_ASSERT_EQUAL(b->release.reason, H225_REASON_NO_PERMISSION);
    CU_ASSERT_EQUAL(stats()->refused_locked, 1);
    c = world_callee(w);
    CU_ASSERT_EQUAL(world_dial(w, c), 0);
    world_run(w);
    CU_ASSERT_TRUE(is_active(c));
    CU_ASSERT_TRUE(is_active(a));
    end();
}

static void full_conference_and_too_many_of_them_are_refused(void)
{
    struct peer *a, *b, *c;

    begin(SETTINGS_CONFERENCE_MIX);
    row->max_sessions = 1;
    w->settings->signalling.limits.max_conferences = 1;
    a = caller();
    b = caller();
    check_ended(b, SESSION_END_CONFERENCE_FULL);
    CU_ASSERT_EQUAL(stats()->refused_full, 1);
    c = world_peer(w);
    peer_call(c, "ROOM9");
    world_run(w);
    check_ended(c, SESSION_END_CONFERENCES_FULL);
    CU_ASSERT_EQUAL(stats()->refused_limit, 1);
    CU_ASSERT_TRUE(is_active(a));
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 1);
    end();
}

/* ---- life ---- */

static void created_conference_lives_without_sessions_until_idle(void)
{
    struct conference *c = NULL;
    struct peer *a;

    begin(SETTINGS_CONFERENCE_MIX);
    row->idle_timeout_ms = 60000;
    CU_ASSERT_EQUAL(conference_create(w->conferences, row, "demo", &c), 0);
    CU_ASSERT_EQUAL(conference_create(w->conferences, row, "demo", &c), ERR_EXISTS);
    world_pass(w, 30000);
    a = caller();
    world_pass(w, 90000); /* somebody is there: it is not idle */
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 1);
    peer_hang_up(a);
    world_run(w);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 1);
    world_pass(w, 59000);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 1);
    world_pass(w, 2000);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    CU_ASSERT_EQUAL(stats()->ended_idle, 1);
    CU_ASSERT_TRUE(world_has_event(w, "conference.deleted"));
    end();
}

static void conference_that_is_old_enough_ends_with_its_sessions(void)
{
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_RELAY);
    row->max_duration_ms = 3000;
    a = caller();
    b = caller();
    world_pass(w, 2900);
    CU_ASSERT_TRUE(is_active(a) && is_active(b));
    world_pass(w, 200);
    check_ended(a, SESSION_END_CONFERENCE_ENDED);
    check_ended(b, SESSION_END_CONFERENCE_ENDED);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    CU_ASSERT_EQUAL(stats()->ended_duration, 1);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void deleted_conference_ends_its_sessions_and_its_name_is_free(void)
{
    struct peer *a, *b, *again;

    begin(SETTINGS_CONFERENCE_MIX);
    a = caller();
    b = caller();
    conference_delete(demo());
    world_run(w);
    check_ended(a, SESSION_END_CONFERENCE_ENDED);
    check_ended(b, SESSION_END_CONFERENCE_ENDED);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    again = caller();
    CU_ASSERT_TRUE(is_active(again));
    end();
}

static void created_conference_of_no_row_is_found_by_its_name(void)
{
    struct settings_conference own;
    struct conference *c = NULL;
    struct peer *a;

    begin(SETTINGS_CONFERENCE_RELAY);
    own = *row;
    own.kind = SETTINGS_CONFERENCE_MIX;
    own.max_sessions = 3;
    CU_ASSERT_EQUAL(conference_create(w->conferences, &own, "board", &c), 0);
    a = world_peer(w);
    peer_call(a, "board");
    world_run(w);
    CU_ASSERT_TRUE(is_active(a));
    conference_delete(c);
    world_run(w);
    end();
}

static void reloaded_plan_closes_the_way_to_what_still_runs_by_the_old_one(void)
{
    struct peer *a, *late;

    begin(SETTINGS_CONFERENCE_MIX);
    a = caller();
    CU_ASSERT_TRUE(is_active(a));
    snprintf(row->alias, sizeof(row->alias), "tomorrow");
    late = caller();
    check_ended(late, SESSION_END_UNKNOWN_ALIAS);
    CU_ASSERT_TRUE(is_active(a));
    CU_ASSERT_PTR_NOT_NULL(demo()); /* to an operator it is there by its name */
    end();
}

SUITE("server/conference", TEST(pin_right_lets_in_and_before_it_nothing_flows),
      TEST(pin_wrong_too_often_ends_the_session),
      TEST(pin_that_does_not_come_in_time_ends_the_session),
      TEST(pin_is_not_asked_of_whom_the_server_calls),
      TEST(locked_conference_refuses_callers_and_takes_called_ones),
      TEST(full_conference_and_too_many_of_them_are_refused),
      TEST(created_conference_lives_without_sessions_until_idle),
      TEST(conference_that_is_old_enough_ends_with_its_sessions),
      TEST(deleted_conference_ends_its_sessions_and_its_name_is_free),
      TEST(created_conference_of_no_row_is_found_by_its_name),
      TEST(reloaded_plan_closes_the_way_to_what_still_runs_by_the_old_one))
