/* The profiles in use, from the one list in srtp_profile.h; its order is our order of
 * preference. */
#include "crypto/srtp_profile.h"

#include "base/err.h"

#include <string.h>
#include <strings.h>

static const struct srtp_profile_info profiles[] = {
#define PROFILE_ROW(name, id, text, key, salt, tag, ctag) {name, text, key, salt, tag, ctag},
    SRTP_PROFILE_LIST(PROFILE_ROW)
#undef PROFILE_ROW
};

const enum srtp_profile srtp_profile_preference[SRTP_PROFILE_COUNT] = {
#define PROFILE_ID(name, id, text, key, salt, tag, ctag) name,
    SRTP_PROFILE_LIST(PROFILE_ID)
#undef PROFILE_ID
};

const struct srtp_profile_info *srtp_profile_find(unsigned id)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++)
        if ((unsigned)profiles[i].id == id)
            return &profiles[i];
    return NULL;
}

const char *srtp_profile_to_str(enum srtp_profile profile)
{
    const struct srtp_profile_info *info = srtp_profile_find(profile);

    if (profile == SRTP_PROFILE_NONE)
        return "none";
    return info ? info->name : "unknown";
}

int srtp_profile_parse(const char *name, enum srtp_profile *out)
{
    /* With or without the prefix: RFC 5764 writes it, people leave it out. */
    static const char prefix[] = "SRTP_";

    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        const char *full = profiles[i].name;

        if (strcasecmp(name, full) == 0 || strcasecmp(name, full + sizeof(prefix) - 1) == 0) {
            *out = profiles[i].id;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}
