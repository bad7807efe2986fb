/* Where a call that comes in belongs (issue 3: Setup with and without destination alias, conference
 * identifiers and goals, callForwarded by the server). */
#include "fake_world.h"

#include <string.h>

#include "tests/suite.h"

static struct world *w;

static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
}

static void end(void)
{
    world_destroy(w);
}

static struct peer *caller(const char *alias, enum h225_goal goal, uint8_t conference_id)
{
    struct peer *p = world_peer(w);

    p->goal = goal;
    memset(p->conference_id, conference_id, sizeof(p->conference_id));
    peer_call(p, alias);
    world_run(w);
    return p;
}

static void check_in(const struct peer *p, const char *conference)
{
    json_t *j = session_to_json_short(p->session, w->now);

    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "conference")), conference);
    json_decref(j);
}

static void check_refused(const struct peer *p, enum session_end why, enum h225_reason reason)
{
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(p->session)),
                           session_end_to_str(why));
    CU_ASSERT(p->is_released && p->release.by_peer);
    CU_ASSERT_STRING_EQUAL(h225_reason_to_str(p->release.reason), h225_reason_to_str(reason));
    CU_ASSERT_EQUAL(w->env.stats.ended[why], 1);
}

static void setup_without_alias_is_for_the_default_conference(void)
{
    begin();
    strcpy(w->settings->signalling.default_conference, "ROOM9");
    check_in(caller("", H225_GOAL_CREATE, 1), "ROOM9");
    check_in(caller("demo", H225_GOAL_CREATE, 2), "demo");
    check_refused(caller("nobody", H225_GOAL_CREATE, 3), SESSION_END_UNKNOWN_ALIAS,
                  H225_REASON_UNREACHABLE); /* who names somebody means him */
    end();
}

static void setup_without_alias_is_refused_without_a_default(void)
{
    begin();
    check_refused(caller("", H225_GOAL_CREATE, 1), SESSION_END_UNKNOWN_ALIAS,
                  H225_REASON_UNREACHABLE);
    end();
}

static void join_finds_the_conference_by_its_identifier(void)
{
    struct peer *first, *second;

    begin();
    first = caller("room4", H225_GOAL_CREATE, 0x44);
    second = caller("", H225_GOAL_JOIN, 0x44);
    check_in(first, "room4");
    check_in(second, "room4");
    end();
}

static void join_without_identifier_is_content_with_the_alias(void)
{
    begin();
    check_in(caller("room4", H225_GOAL_JOIN, 0x77), "room4");
    end();
}

static void join_of_an_unknown_conference_is_refused(void)
{
    begin();
    check_refused(caller("", H225_GOAL_JOIN, 0x77), SESSION_END_UNKNOWN_CONFERENCE,
                  H225_REASON_INVALID_CID);
    end();
}

static void invite_is_answered_like_create(void)
{
    begin();
    check_in(caller("demo", H225_GOAL_INVITE, 1), "demo");
    end();
}

static void goals_that_are_not_served_are_refused_as_such(void)
{
    static const enum h225_goal goals[] = {H225_GOAL_CAPABILITIES, H225_GOAL_SUPPLEMENTARY};

    for (size_t i = 0; i < 2; i++) {
        begin();
        check_refused(caller("demo", goals[i], 1), SESSION_END_UNSUPPORTED_GOAL,
                      H225_REASON_FEATURE_NEEDED);
        end();
    }
}

static void conference_with_forward_sends_its_callers_away(void)
{
    struct peer *p;

    begin();
    strcpy(w->settings->conferences[0].forward_to, "carl@198.51.100.9");
    p = caller("demo", H225_GOAL_CREATE, 1);
    CU_ASSERT_EQUAL(p->facilities, 1);
    CU_ASSERT_EQUAL(p->facility.reason, H225_FACILITY_FORWARDED);
    CU_ASSERT_EQUAL(p->facility.address.port, 1720);
    CU_ASSERT_EQUAL(p->facility.aliases.count, 1);
    check_refused(p, SESSION_END_FORWARDED, H225_REASON_DEFLECTED);
    CU_ASSERT_EQUAL(w->env.stats.forwarded_away, 1);
    CU_ASSERT_FALSE(world_has_event(w, "session.connected"));
    end();
}

static void forward_that_makes_no_sense_is_our_fault(void)
{
    begin();
    strcpy(w->settings->conferences[0].forward_to, "carl@nowhere");
    check_refused(caller("demo", H225_GOAL_CREATE, 1), SESSION_END_RESOURCES,
                  H225_REASON_GATEWAY_RESOURCES);
    end();
}

SUITE("server/session_plan", TEST(setup_without_alias_is_for_the_default_conference),
      TEST(setup_without_alias_is_refused_without_a_default),
      TEST(join_finds_the_conference_by_its_identifier),
      TEST(join_without_identifier_is_content_with_the_alias),
      TEST(join_of_an_unknown_conference_is_refused), TEST(invite_is_answered_like_create),
      TEST(goals_that_are_not_served_are_refused_as_such),
      TEST(conference_with_forward_sends_its_callers_away),
      TEST(forward_that_makes_no_sense_is_our_fault))
