#include "signalling/h225/internal.h"

#include <string.h>
#include <strings.h>

const char *h225_state_to_str(enum h225_state state)
{
    static const char *const text[] = {
#define STATE_TEXT(name, number, words) [name] = words,
        H225_STATE_LIST(STATE_TEXT)
#undef STATE_TEXT
    };

    return state < H225_STATE_COUNT ? text[state] : "unknown state";
}

unsigned h225_state_to_q931(enum h225_state state)
{
    /* Q.931's numbers, as Status has them. */
    static const uint8_t numbers[] = {
#define STATE_NUMBER(name, number, words) [name] = (number),
        H225_STATE_LIST(STATE_NUMBER)
#undef STATE_NUMBER
    };

    return state < H225_STATE_COUNT ? numbers[state] : 0;
}

const char *h225_alias_kind_to_str(enum h225_alias_kind kind)
{
    static const char *const text[] = {
#define ALIAS_TEXT(name, words) [name] = words,
        H225_ALIAS_LIST(ALIAS_TEXT)
#undef ALIAS_TEXT
    };

    return kind < H225_ALIAS_COUNT ? text[kind] : "unknown";
}

const char *h225_goal_to_str(enum h225_goal goal)
{
    static const char *const text[] = {
#define GOAL_TEXT(name, words) [name] = words,
        H225_GOAL_LIST(GOAL_TEXT)
#undef GOAL_TEXT
    };

    return goal < H225_GOAL_COUNT ? text[goal] : "unknown";
}

static const enum h225_Setup_UUIE_conferenceGoal_kind goals[H225_GOAL_COUNT] = {
    [H225_GOAL_CREATE] = h225_Setup_UUIE_conferenceGoal_create,
    [H225_GOAL_JOIN] = h225_Setup_UUIE_conferenceGoal_join,
    [H225_GOAL_INVITE] = h225_Setup_UUIE_conferenceGoal_invite,
    [H225_GOAL_CAPABILITIES] = h225_Setup_UUIE_conferenceGoal_capability_negotiation,
    [H225_GOAL_SUPPLEMENTARY] = h225_Setup_UUIE_conferenceGoal_callIndependentSupplementaryService,
};

/* A goal of a later version is taken for the plainest one. */
enum h225_goal h225_goal_from_asn1(enum h225_Setup_UUIE_conferenceGoal_kind kind)
{
    for (unsigned i = 0; i < H225_GOAL_COUNT; i++)
        if (goals[i] == kind)
            return (enum h225_goal)i;
    return H225_GOAL_CREATE;
}

enum h225_Setup_UUIE_conferenceGoal_kind h225_goal_to_asn1(enum h225_goal goal)
{
    return goals[goal < H225_GOAL_COUNT ? goal : H225_GOAL_CREATE];
}

struct h225_alias h225_alias_from_text(const char *text)
{
    /* Digits first: "123" is a number to H.323, whatever else it may be. */
    if (text[strspn(text, "0123456789*#,")] == '\0')
        return (struct h225_alias){H225_ALIAS_DIGITS, text};
    if (strncasecmp(text, "h323:", 5) == 0)
        return (struct h225_alias){H225_ALIAS_URL, text};
    return (struct h225_alias){H225_ALIAS_H323_ID, text};
}
