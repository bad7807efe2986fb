#include "signalling/h225/internal.h"

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
