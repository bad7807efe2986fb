/* Names for people: types, modes, codecs, counters. All from the lists in link_msg.h, so that a new
 * value cannot go without one. */
#include <stddef.h>
#include <string.h>

#include "link/link.h"
#include "link/link_stats.h"

const char *link_type_to_str(unsigned type)
{
    switch (type) {
#define LINK_TYPE_TEXT(name, value, text) \
    case name:                            \
        return text;
        LINK_TYPE_LIST(LINK_TYPE_TEXT)
#undef LINK_TYPE_TEXT
    default:
        return "unknown";
    }
}

const char *link_mode_to_str(unsigned mode)
{
    switch (mode) {
#define LINK_MODE_TEXT(name, value, text) \
    case name:                            \
        return text;
        LINK_MODE_LIST(LINK_MODE_TEXT)
#undef LINK_MODE_TEXT
    default:
        return "unknown";
    }
}

const char *link_codec_to_str(unsigned codec)
{
    static const char *const name[LINK_CODECS] = {
        [LINK_CODEC_NONE] = "none", [LINK_CODEC_PCMU] = "PCMU", [LINK_CODEC_PCMA] = "PCMA",
        [LINK_CODEC_G722] = "G722", [LINK_CODEC_OPUS] = "opus",
    };

    return codec < LINK_CODECS ? name[codec] : "unknown";
}

static const struct {
    const char *name;
    const char *text;
} counters[LINK_COUNTERS] = {
#define LINK_COUNTER_ROW(name, number, text) [number] = {#name, text},
    LINK_COUNTER_LIST(LINK_COUNTER_ROW)
#undef LINK_COUNTER_ROW
};

const char *link_counter_name(unsigned counter)
{
    /* The array has a place for each counter that the protocol reserves; those not in use have no
     * name. */
    if (counter >= LINK_COUNTERS || counters[counter].name == NULL)
        return "unknown";
    return counters[counter].name;
}

const char *link_counter_text(unsigned counter)
{
    if (counter >= LINK_COUNTERS || counters[counter].text == NULL)
        return "unknown";
    return counters[counter].text;
}

struct link_addr link_addr_from(const struct addr *addr)
{
    struct link_addr out;

    /* memset, not an initialiser: padding travels to another process and must not carry our
     * stack. */
    memset(&out, 0, sizeof(out));
    if (addr->family == ADDR_NONE)
        return out;
    /* Scope stays behind: media addresses are never link-local. */
    out.family = addr->family;
    out.port = addr->port;
    memcpy(out.ip, addr->ip, addr_ip_size(addr));
    return out;
}

struct addr link_addr_to(const struct link_addr *addr)
{
    if (addr->family == 4)
        return addr_from_ip4(addr->ip, addr->port);
    if (addr->family == 6)
        return addr_from_ip6(addr->ip, addr->port);
    return (struct addr){0};
}
