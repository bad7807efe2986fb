/* Setup roles (RFC 4145 §4.1 as H.235.10 §8.1 uses them), and the names of things. */
#include "signalling/h23510/internal.h"

#include <string.h>
#include <strings.h>

#define R(name) H23510_ROLE_##name
#define P(name) H23510_SETUP_##name

/* [ours][theirs]: what we become. The peer reads the same table with the indexes swapped and
 * finds the mirror image, whoever is master in H.245's sense. */
static const enum h23510_role roles[H23510_SETUP_COUNT][H23510_SETUP_COUNT] = {
    /* Each table row is one of ours. */
    [P(ACTIVE)] = {[P(ACTIVE)] = R(IMPOSSIBLE),
                   [P(PASSIVE)] = R(ACTIVE),
                   [P(ACTPASS)] = R(ACTIVE),
                   [P(HOLDCONN)] = R(HOLD)},
    [P(PASSIVE)] = {[P(ACTIVE)] = R(PASSIVE),
                    [P(PASSIVE)] = R(IMPOSSIBLE),
                    [P(ACTPASS)] = R(PASSIVE),
                    [P(HOLDCONN)] = R(HOLD)},
    [P(ACTPASS)] = {[P(ACTIVE)] = R(PASSIVE),
                    [P(PASSIVE)] = R(ACTIVE),
                    [P(ACTPASS)] = R(OPEN),
                    [P(HOLDCONN)] = R(HOLD)},
    [P(HOLDCONN)] = {[P(ACTIVE)] = R(HOLD),
                     [P(PASSIVE)] = R(HOLD),
                     [P(ACTPASS)] = R(HOLD),
                     [P(HOLDCONN)] = R(HOLD)},
};

enum h23510_role h23510_role_of(enum h23510_setup local, enum h23510_setup peer)
{
    /* Of a later version, or memory gone wrong: never a role. */
    if (local >= H23510_SETUP_COUNT || peer >= H23510_SETUP_COUNT)
        return H23510_ROLE_IMPOSSIBLE;
    return roles[local][peer];
}

enum h23510_role h23510_mirror(enum h23510_role role)
{
    if (role == H23510_ROLE_ACTIVE)
        return H23510_ROLE_PASSIVE;
    return role == H23510_ROLE_PASSIVE ? H23510_ROLE_ACTIVE : role;
}

static const char *const setup_text[] = {
#define SETUP_TEXT(name, token) [name] = token,
    H23510_SETUP_LIST(SETUP_TEXT)
#undef SETUP_TEXT
};

const char *h23510_setup_to_str(enum h23510_setup setup)
{
    return setup < H23510_SETUP_COUNT ? setup_text[setup] : "unknown";
}

int h23510_setup_parse(const char *token, size_t len, enum h23510_setup *setup)
{
    for (unsigned i = 0; i < H23510_SETUP_COUNT; i++) {
        if (strlen(setup_text[i]) == len && strncasecmp(setup_text[i], token, len) == 0) {
            *setup = (enum h23510_setup)i;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

const char *h23510_role_to_str(enum h23510_role role)
{
    static const char *const text[] = {
#define ROLE_TEXT(name, words) [name] = words,
        H23510_ROLE_LIST(ROLE_TEXT)
#undef ROLE_TEXT
    };

    return role < H23510_ROLE_COUNT ? text[role] : "unknown";
}

const char *h23510_verdict_to_str(enum h23510_verdict verdict)
{
    static const char *const text[] = {
#define VERDICT_TEXT(name, words) [name] = words,
        H23510_VERDICT_LIST(VERDICT_TEXT)
#undef VERDICT_TEXT
    };

    return verdict < H23510_VERDICT_COUNT ? text[verdict] : "unknown verdict";
}

const char *h23510_connection_to_str(enum h23510_connection connection)
{
    return connection == H23510_CONNECTION_NEW ? "new" : "existing";
}
