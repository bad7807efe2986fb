#include "server/conference.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "server/h243.h"
#include "server/session.h"
#include "server/session_control.h"
#include "settings/settings.h"

/* Two-party by definition. */
#define RELAY_SESSIONS 2
#define G711_FRAMES    20 /* milliseconds a packet */

struct member {
    struct list link;
    struct session *session;
    struct h243_member *seat;
};

struct conference {
    struct list link;
    struct conferences *all;
    struct settings_conference own; /* as it was when the conference began */
    const struct settings_conference *settings;
    char name[SETTINGS_TEXT_MAX];
    uint32_t place;
    bool has_codec;
    enum h245_codec codec;
    size_t count;
    struct list members;
    struct h243 *control;
    UT_hash_handle hh;
};

struct conferences {
    const struct media_ops *media;
    struct list all; /* in the order of their making */
    struct conference *by_name;
    size_t count;
    uint32_t next_place;
};

static enum h245_codec codec_of(enum settings_codec codec)
{
    return codec == SETTINGS_CODEC_G711_ALAW ? H245_CODEC_PCMA : H245_CODEC_PCMU;
}

int conferences_create(const struct media_ops *media, struct conferences **out)
{
    struct conferences *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return ERR_NOMEM;
    c->media = media;
    list_init(&c->all);
    *out = c;
    return 0;
}

static void conference_free(struct conference *c)
{
    HASH_DEL(c->all->by_name, c);
    c->all->count--;
    list_remove(&c->link);
    h243_destroy(c->control);
    free(c);
}

void conferences_destroy(struct conferences *c)
{
    if (c == NULL)
        return;
    LIST_FOREACH_SAFE (it, &c->all) {
        struct conference *one = LIST_ENTRY(it, struct conference, link);

        LIST_FOREACH_SAFE (m, &one->members)
            free(LIST_ENTRY(m, struct member, link));
        conference_free(one);
    }
    free(c);
}

size_t conferences_count(const struct conferences *c)
{
    return c->count;
}

static struct conference *find(struct conferences *all, const char *name)
{
    struct conference *c = NULL;

    HASH_FIND_STR(all->by_name, name, c);
    return c;
}

static struct conference *make(struct conferences *all, const struct settings_conference *settings,
                               const char *name)
{
    struct conference *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    if (h243_create(&session_h243_ops, &c->control) != 0) {
        free(c);
        return NULL;
    }
    c->all = all;
    c->own = *settings;
    c->settings = &c->own;
    strncpy(c->name, name, sizeof(c->name) - 1);
    c->place = all->next_place++;
    list_init(&c->members);
    HASH_ADD_STR(all->by_name, name, c);
    list_push_back(&all->all, &c->link);
    all->count++;
    return c;
}

static size_t limit_of(const struct conference *c)
{
    size_t max = c->settings->max_sessions;

    return c->settings->kind == SETTINGS_CONFERENCE_RELAY && max > RELAY_SESSIONS ? RELAY_SESSIONS
                                                                                  : max;
}

int conference_join(struct conferences *all, const struct settings_conference *settings,
                    const char *name, struct session *s, struct conference **out)
{
    struct conference *c = find(all, name);
    struct member *m;

    if (c != NULL && c->count >= limit_of(c))
        return ERR_LIMIT;
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    if (c == NULL)
        c = make(all, settings, name);
    if (c == NULL) {
        free(m);
        return ERR_NOMEM;
    }
    m->session = s;
    m->seat = h243_add(c->control, s);
    if (m->seat == NULL) { /* more than H.243 can number */
        free(m);
        if (c->count == 0)
            conference_free(c);
        return ERR_LIMIT;
    }
    list_push_back(&c->members, &m->link);
    c->count++;
    *out = c;
    return 0;
}

static struct member *member_of(const struct conference *c, const struct session *s)
{
    LIST_FOREACH (it, &c->members) {
        struct member *m = LIST_ENTRY(it, struct member, link);

        if (m->session == s)
            return m;
    }
    return NULL;
}

struct session *conference_other(const struct conference *c, const struct session *s)
{
    LIST_FOREACH (it, &c->members) {
        const struct member *m = LIST_ENTRY(it, struct member, link);

        if (m->session != s)
            return m->session;
    }
    return NULL;
}

void conference_update(struct conference *c)
{
    bool has_channels = false;

    LIST_FOREACH (it, &c->members) {
        struct member *m = LIST_ENTRY(it, struct member, link);

        session_route(m->session, conference_other(c, m->session));
        session_kick(m->session);
        has_channels = has_channels || session_has_channels(m->session);
    }
    if (!has_channels)
        c->has_codec = false;
}

static void take_out(struct conference *c, struct member *gone)
{
    session_route(gone->session, NULL);
    list_remove(&gone->link);
    free(gone);
    c->count--;
    if (c->count == 0)
        conference_free(c);
    else
        conference_update(c);
}

void conference_leave(struct conference *c, struct session *s)
{
    struct member *gone = member_of(c, s);

    if (gone == NULL)
        return;
    h243_leave(gone->seat);
    take_out(c, gone);
}

void conference_forget(struct conference *c, struct session *s)
{
    struct member *gone = member_of(c, s);

    if (gone == NULL)
        return;
    h243_forget(gone->seat);
    take_out(c, gone);
}

struct h243_member *conference_seat(const struct conference *c, const struct session *s)
{
    const struct member *m = member_of(c, s);

    return m != NULL ? m->seat : NULL;
}

const char *conference_name(const struct conference *c)
{
    return c->name;
}

uint32_t conference_place(const struct conference *c)
{
    return c->place;
}

bool conference_accepts(const struct conference *c, const struct session *s, enum h245_codec codec)
{
    bool is_configured = false;

    for (uint32_t i = 0; i < c->settings->codec_count; i++)
        is_configured = is_configured || codec_of(c->settings->codecs[i]) == codec;
    if (!is_configured || (c->has_codec && c->codec != codec))
        return false;
    LIST_FOREACH (it, &c->members) {
        const struct member *other = LIST_ENTRY(it, struct member, link);

        if (other->session != s && !session_can_receive(other->session, codec))
            return false;
    }
    return true;
}

size_t conference_offer(const struct conference *c, const struct session *s,
                        struct h245_audio *offer, size_t max)
{
    size_t n = 0;

    for (uint32_t i = 0; i < c->settings->codec_count && n < max; i++) {
        enum h245_codec codec = codec_of(c->settings->codecs[i]);

        if (!conference_accepts(c, s, codec))
            continue;
        memset(&offer[n], 0, sizeof(offer[n]));
        offer[n].codec = codec;
        offer[n].frames = G711_FRAMES;
        n++;
    }
    return n;
}

static const char *const video_names[] = {
    [SETTINGS_VIDEO_H264] = "H264",
    [SETTINGS_VIDEO_H263] = "H263",
    [SETTINGS_VIDEO_H261] = "H261",
};

static bool is_configured(const struct settings_media *media, const struct h245_relayed *relayed)
{
    for (uint32_t i = 0; i < media->video_count; i++)
        if (relayed->media == H245_MEDIA_VIDEO &&
            strcmp(video_names[media->video[i]], relayed->name) == 0)
            return true;
    return false;
}

/* No video at all where none is configured. */
static bool may_pass(const struct settings_media *media, const struct h245_relayed *relayed)
{
    return is_configured(media, relayed) ||
           (media->pass_unknown && (relayed->media != H245_MEDIA_VIDEO || media->video_count > 0));
}

/* What the other session's peer can receive; NULL: there is none yet, or it has not said. */
static const struct h245_peer_caps *other_caps(const struct conference *c, const struct session *s)
{
    const struct session *other = conference_other(c, s);

    return other != NULL ? session_peer_caps(other) : NULL;
}

bool conference_relays(const struct conference *c, const struct session *s,
                       const struct h245_relayed *relayed)
{
    const struct settings_media *media = &session_env_of(s)->settings->media;
    const struct session *other = conference_other(c, s);

    if (other_caps(c, s) == NULL)
        return is_configured(media, relayed);
    return may_pass(media, relayed) && session_can_receive_relayed(other, relayed);
}

size_t conference_offer_relayed(const struct conference *c, const struct session *s,
                                struct h245_relayed *offer, size_t max)
{
    struct session_env *env = session_env_of(s);
    const struct settings_media *media = &env->settings->media;
    const struct h245_peer_caps *caps = other_caps(c, s);
    size_t n = 0;

    if (caps != NULL) {
        for (size_t i = 0; i < caps->relayed_count && n < max; i++)
            if (may_pass(media, &caps->relayed[i]))
                offer[n++] = caps->relayed[i];
        return n;
    }
    arena_reset(&env->scratch);
    for (uint32_t i = 0; i < media->video_count && n < max; i++)
        if (h245_relayed_usual(&env->scratch, video_names[media->video[i]], &offer[n]) == 0)
            n++;
    arena_reset(&env->scratch);
    return n;
}

void conference_settle(struct conference *c, enum h245_codec codec)
{
    c->has_codec = true;
    c->codec = codec;
}

bool conference_codec(const struct conference *c, enum h245_codec *codec)
{
    if (c->has_codec)
        *codec = c->codec;
    return c->has_codec;
}

static json_t *conference_to_json(const struct conference *c, uint64_t now)
{
    json_t *sessions = json_array();

    LIST_FOREACH (it, &c->members) {
        const struct member *m = LIST_ENTRY(it, struct member, link);

        json_array_append_new(sessions, session_to_json_short(m->session, now));
    }
    return json_pack("{s:s,s:s,s:o,s:I,s:o}", "name", c->name, "kind",
                     settings_conference_kind_to_str(c->settings->kind), "codec",
                     c->has_codec ? json_string(h245_codec_to_str(c->codec)) : json_null(),
                     "max_sessions", (json_int_t)limit_of(c), "sessions", sessions);
}

json_t *conferences_to_json(const struct conferences *c, uint64_t now)
{
    json_t *list = json_array();

    LIST_FOREACH (it, &c->all)
        json_array_append_new(list,
                              conference_to_json(LIST_ENTRY(it, struct conference, link), now));
    return list;
}

int conferences_find_guid(const struct conferences *all, const uint8_t guid[H225_GUID_LEN],
                          const struct settings_conference **row, const char **name)
{
    LIST_FOREACH (it, &all->all) {
        const struct conference *c = LIST_ENTRY(it, struct conference, link);

        LIST_FOREACH (m, &c->members) {
            const struct session *s = LIST_ENTRY(m, struct member, link)->session;

            if (memcmp(session_conference_guid(s), guid, H225_GUID_LEN) != 0)
                continue;
            *row = c->settings;
            *name = c->name;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}
