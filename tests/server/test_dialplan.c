#include "server/conference/dialplan.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "settings/settings.h"
#include "tests/suite.h"

static struct settings *settings;

static int setup(void)
{
    static const char *const alias[] = {"demo", "room*", "room1*", "*"};

    settings = calloc(1, sizeof(*settings));
    if (settings == NULL)
        return 1;
    settings->conference_count = 3; /* the last one joins where a test says so */
    for (size_t i = 0; i < 4; i++)
        strcpy(settings->conferences[i].alias, alias[i]);
    return 0;
}

static int teardown(void)
{
    free(settings);
    return 0;
}

static const char *found(const char *alias)
{
    const struct settings_conference *row = NULL;

    return dialplan_find(settings, alias, &row) == 0 ? row->alias : "";
}

static void equal_alias_is_found_in_any_case(void)
{
    CU_ASSERT_STRING_EQUAL(found("demo"), "demo");
    CU_ASSERT_STRING_EQUAL(found("DEMO"), "demo");
    CU_ASSERT_STRING_EQUAL(found("demo2"), "");
    CU_ASSERT_STRING_EQUAL(found("dem"), "");
}

static void longest_wildcard_wins(void)
{
    CU_ASSERT_STRING_EQUAL(found("room7"), "room*");
    CU_ASSERT_STRING_EQUAL(found("room17"), "room1*");
    CU_ASSERT_STRING_EQUAL(found("Room1"), "room1*");
    CU_ASSERT_STRING_EQUAL(found("room"), "room*");
}

static void lone_star_takes_the_rest(void)
{
    settings->conference_count = 4;
    CU_ASSERT_STRING_EQUAL(found("anything"), "*");
    CU_ASSERT_STRING_EQUAL(found("demo"), "demo");
    settings->conference_count = 3;
}

static void impossible_aliases_are_not_found(void)
{
    char longest[SETTINGS_TEXT_MAX + 8];

    memset(longest, 'r', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest, "room", 4);
    CU_ASSERT_STRING_EQUAL(found(""), "");
    CU_ASSERT_STRING_EQUAL(found(longest), "");
}

static void check_target(const char *text, const char *alias, const char *address)
{
    struct dialplan_target t;
    char found[ADDR_TEXT_MAX];

    CU_ASSERT_EQUAL_FATAL(dialplan_parse_target(text, &t), 0);
    CU_ASSERT_STRING_EQUAL(t.alias, alias);
    CU_ASSERT_STRING_EQUAL(addr_format(&t.address, found), address);
}

static void target_is_an_address_an_alias_or_both(void)
{
    check_target("192.0.2.7", "", "192.0.2.7");
    check_target("192.0.2.7:1721", "", "192.0.2.7:1721");
    check_target("[2001:db8::7]:1721", "", "[2001:db8::7]:1721");
    check_target("2001:db8::7", "", "2001:db8::7");
    check_target("anna", "anna", "none");
    check_target("4711", "4711", "none");
    check_target("room:7b", "room:7b", "none");
    check_target("anna@192.0.2.7", "anna", "192.0.2.7");
    check_target("anna@x@[2001:db8::7]:5", "anna@x", "[2001:db8::7]:5");
    check_target("H323:anna@192.0.2.7", "anna", "192.0.2.7");
    check_target("@192.0.2.7", "", "192.0.2.7");
}

static void impossible_targets_are_refused(void)
{
    /* Addresses with a slip of the pen are no aliases, and nobody answers at those of many. */
    static const char *const no_hosts[] = {
        "198.18.0.999",    "198.18.0.3:99999", "198.18.0.3:", ":",
        "1.2.3",           "host:1720",        "[::1",        "224.0.0.1",
        "255.255.255.255", "0.0.0.0",          "[::]:1720",   "[ff02::1]:1720",
        "anna@224.0.0.1"};
    struct dialplan_target t = {.alias = "kept"};
    char longest[DIALPLAN_TEXT_MAX + 1];

    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    CU_ASSERT_EQUAL(dialplan_parse_target("", &t), ERR_MALFORMED);
    CU_ASSERT_EQUAL(dialplan_parse_target("h323:", &t), ERR_MALFORMED);
    CU_ASSERT_EQUAL(dialplan_parse_target("anna@", &t), ERR_MALFORMED);
    CU_ASSERT_EQUAL(dialplan_parse_target("anna@nowhere", &t), ERR_MALFORMED);
    for (size_t i = 0; i < sizeof(no_hosts) / sizeof(no_hosts[0]); i++)
        CU_ASSERT_EQUAL(dialplan_parse_target(no_hosts[i], &t), ERR_MALFORMED);
    CU_ASSERT_EQUAL(dialplan_parse_target(longest, &t), ERR_RANGE);
    CU_ASSERT_STRING_EQUAL(t.alias, "kept");
}

static void dial_plan_that_refers_to_nothing_is_refused(void)
{
    const char *what = "";

    CU_ASSERT_EQUAL(dialplan_check(settings, &what), 0);
    strcpy(settings->signalling.default_conference, "nothing");
    CU_ASSERT_EQUAL(dialplan_check(settings, &what), ERR_INVAL);
    CU_ASSERT_STRING_EQUAL(what, "signalling.default_conference");
    strcpy(settings->signalling.default_conference, "room7");
    CU_ASSERT_EQUAL(dialplan_check(settings, &what), 0);
    strcpy(settings->conferences[0].forward_to, "carl@");
    CU_ASSERT_EQUAL(dialplan_check(settings, &what), ERR_INVAL);
    CU_ASSERT_STRING_EQUAL(what, "conferences[].forward_to");
    settings->signalling.default_conference[0] = settings->conferences[0].forward_to[0] = '\0';
}

SUITE_SETUP("server/dialplan", setup, teardown, TEST(equal_alias_is_found_in_any_case),
            TEST(longest_wildcard_wins), TEST(lone_star_takes_the_rest),
            TEST(impossible_aliases_are_not_found), TEST(target_is_an_address_an_alias_or_both),
            TEST(impossible_targets_are_refused), TEST(dial_plan_that_refers_to_nothing_is_refused))
