/* The table of conferences, and who is in which. */
#include "server/conference/conference_mix.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "server/conference/dialplan.h"
#include "server/conference/h243.h"
#include "server/session/session_control.h"

#define AUDIO_FRAMES 20 /* milliseconds a packet: G.711 and G.722 count them so (H.245 B.2.2.6) */

static const struct conference_kind *const kinds[] = {
    [SETTINGS_CONFERENCE_RELAY] = &conference_relay,
    [SETTINGS_CONFERENCE_MIX] = &conference_mix,
    [SETTINGS_CONFERENCE_FORWARD] = &conference_forward,
};

/* The settings know nothing of H.245: the same names for two layers, told apart here. */
enum h245_codec conference_codec_of(enum settings_codec codec)
{
    static const enum h245_codec codecs[] = {
        [SETTINGS_CODEC_G711_ALAW] = H245_CODEC_PCMA,
        [SETTINGS_CODEC_G711_ULAW] = H245_CODEC_PCMU,
        [SETTINGS_CODEC_G722] = H245_CODEC_G722,
        [SETTINGS_CODEC_OPUS] = H245_CODEC_OPUS,
    };

    return codecs[codec];
}

/* ---- the table ---- */

int conferences_create(struct session_env *env, struct conferences **out)
{
    struct conferences *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return ERR_NOMEM;
    c->env = env;
    list_init(&c->all);
    list_init(&c->mixers);
    *out = c;
    return 0;
}

uint64_t conference_now(const struct conferences *all)
{
    return all->env->now(all->env->user);
}

void conference_free(struct conference *c)
{
    /* The kind first: its mix may still look at the table. */
    if (c->kind->end != NULL)
        c->kind->end(c);
    timer_cancel(c->all->env->timers, &c->timer);
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

        /* Only at the end of the server, when the sessions are gone: nobody is to be told. */
        LIST_FOREACH_SAFE (m, &one->members) {
            conference_pin_forget(one, LIST_ENTRY(m, struct member, link));
            free(LIST_ENTRY(m, struct member, link));
        }
        conference_free(one);
    }
    conference_mixers_free(c);
    free(c);
}

size_t conferences_count(const struct conferences *c)
{
    return c->count;
}

const struct conferences_stats *conferences_stats_of(const struct conferences *c)
{
    return &c->stats;
}

struct conference *conference_find(struct conferences *all, const char *name)
{
    struct conference *c = NULL;

    HASH_FIND_STR(all->by_name, name, c);
    return c;
}

static int planned(struct conferences *all, const char *alias,
                   const struct settings_conference **row, const char **name)
{
    int err = dialplan_find(all->env->settings, alias, row);

    if (err == 0)
        *name = dialplan_name(*row, alias);
    return err;
}

int conferences_resolve(struct conferences *all, const char *alias,
                        const struct settings_conference **row, const char **name)
{
    const struct conference *c = conference_find(all, alias);

    if (c != NULL) {
        /* What runs comes before what is planned: it may have been made with other settings
         * (conference.create). */
        *row = c->settings;
        *name = c->name;
        return 0;
    }
    return planned(all, alias, row, name);
}

int conferences_resolve_call(struct conferences *all, const char *alias,
                             const struct settings_conference **row, const char **name)
{
    const struct conference *c = conference_find(all, alias);

    /* What runs by a row of the dial plan that a reload took away is no way in for strangers. */
    if (c != NULL && !c->is_kept)
        return planned(all, alias, row, name);
    return conferences_resolve(all, alias, row, name);
}

struct conference *conference_make(struct conferences *all,
                                   const struct settings_conference *settings, const char *name)
{
    struct conference *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    /* In a relay the two sides agree with each other; nobody is told modes by us. */
    if (h243_create(&session_h243_ops, settings->kind != SETTINGS_CONFERENCE_RELAY, &c->control) !=
        0) {
        free(c);
        return NULL;
    }
    c->all = all;
    /* A copy: a reload may change the dial plan, and what runs goes on as it began. */
    c->own = *settings;
    c->settings = &c->own;
    c->kind = kinds[settings->kind];
    c->layout = settings->layout;
    strncpy(c->name, name, sizeof(c->name) - 1);
    /* One after the other over the workers: the members of a conference are on one, all conferences
     * on all. */
    c->place = all->next_place++;
    c->number = ++all->next_number;
    c->began = c->empty_since = conference_now(all);
    list_init(&c->members);
    /* The name is inside the structure: HASH_ADD_STR takes it by its address. */
    HASH_ADD_STR(all->by_name, name, c);
    list_push_back(&all->all, &c->link);
    all->count++;
    all->stats.created++;
    conference_life_begin(c);
    return c;
}

/* ---- joining ---- */

static size_t limit_of(const struct conference *c)
{
    return c->settings->max_sessions;
}

/* The door is looked at before anything is made. Whom an operator calls passes a lock. */
static int check_door(struct conferences *all, const struct conference *c, const struct session *s)
{
    if (c == NULL && all->count >= all->env->settings->signalling.limits.max_conferences) {
        all->stats.refused_limit++;
        /* ERR_AGAIN to tell it from a conference that is full: another one may still have room. */
        return ERR_AGAIN;
    }
    if (c != NULL && (c->is_ending || (c->is_locked && !session_is_caller(s)))) {
        all->stats.refused_locked++;
        return ERR_REFUSED;
    }
    if (c != NULL && c->count >= limit_of(c)) {
        all->stats.refused_full++;
        return ERR_LIMIT;
    }
    return 0;
}

enum session_end conference_refusal(int err)
{
    switch (err) {
    case ERR_LIMIT:
        return SESSION_END_CONFERENCE_FULL;
    case ERR_REFUSED:
        return SESSION_END_CONFERENCE_LOCKED;
    case ERR_AGAIN:
        return SESSION_END_CONFERENCES_FULL;
    default:
        return SESSION_END_RESOURCES;
    }
}

static void tell_joined(const struct conference *c, const struct member *m)
{
    log_info(LOG_AREA_CONFERENCE, session_id(m->session), "joined", LOG_S("conference", c->name),
             LOG_U("sessions", c->count), LOG_B("waiting", m->is_waiting));
    if (conference_is_watched(c))
        conference_event(c, m, "conference.joined",
                         json_pack("{s:i,s:I,s:b}", "number", (int)h243_number(m->seat), "sessions",
                                   (json_int_t)c->count, "waiting", m->is_waiting));
}

int conference_join(struct conferences *all, const struct settings_conference *settings,
                    const char *name, struct session *s, struct conference **out)
{
    return conference_join_near(all, settings, name, s, NULL, out);
}

int conference_join_near(struct conferences *all, const struct settings_conference *settings,
                         const char *name, struct session *s, const struct conference *beside,
                         struct conference **out)
{
    struct conference *c = conference_find(all, name);
    bool is_new = c == NULL;
    int err = check_door(all, c, s);
    struct member *m;

    if (err != 0)
        return err;
    /* Memory before the conference: a failure would leave an empty one behind. */
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    if (c == NULL)
        c = conference_make(all, settings, name);
    if (c == NULL) {
        free(m);
        return ERR_NOMEM;
    }
    if (is_new && beside != NULL) {
        c->place = beside->place;
        all->next_place--; /* places are spread over the workers in turn: this one took no turn */
    }
    m->session = s;
    m->joined = conference_now(all);
    m->seat = h243_add(c->control, s);
    if (m->seat == NULL) { /* more than H.243 can number */
        free(m);
        /* Made for this one: nobody else would ever take it away. */
        if (c->count == 0)
            conference_on_empty(c);
        return ERR_LIMIT;
    }
    list_push_back(&c->members, &m->link);
    c->count++;
    c->joins++;
    all->stats.joined++;
    /* Before the first update, which must know whether it waits. */
    conference_pin_begin(c, m);
    conference_video_begin(m);
    conference_arm(c);
    tell_joined(c, m);
    *out = c;
    return 0;
}

struct member *conference_member(const struct conference *c, const struct session *s)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (m->session == s)
            return m;
    }
    return NULL;
}

/* ---- leaving ---- */

static void take_out(struct conference *c, struct member *gone)
{
    /* First: no packet may go to a port whose session is closing. */
    session_route(gone->session, NULL);
    conference_pin_forget(c, gone);
    list_remove(&gone->link);
    c->count--;
    c->all->stats.left++;
    if (c->kind->leave != NULL)
        c->kind->leave(c, gone);
    free(gone);
    if (c->count == 0)
        /* May free the conference: nothing of it may be looked at after this. */
        conference_on_empty(c);
    else
        conference_update(c);
}

void conference_leave(struct conference *c, struct session *s)
{
    struct member *gone = conference_member(c, s);

    if (gone == NULL)
        return;
    /* While it is still a member: the event carries its number. */
    if (conference_is_watched(c))
        conference_event(c, gone, "conference.left",
                         json_pack("{s:i,s:I}", "number", (int)h243_number(gone->seat), "sessions",
                                   (json_int_t)c->count - 1));
    h243_leave(gone->seat);
    take_out(c, gone);
}

void conference_forget(struct conference *c, struct session *s)
{
    struct member *gone = conference_member(c, s);

    if (gone == NULL)
        return;
    h243_forget(gone->seat);
    take_out(c, gone);
}

/* ---- questions ---- */

struct h243_member *conference_seat(const struct conference *c, const struct session *s)
{
    const struct member *m = conference_member(c, s);

    return m != NULL ? m->seat : NULL;
}

bool conference_may_take_seat(struct conference *c, struct session *s)
{
    struct member *m = conference_member(c, s);

    if (m == NULL)
        return false;
    /* Kept for when the PIN is right: the peer asks for its seat only once. */
    m->may_take_seat = true;
    return !m->is_waiting;
}

bool conference_has_mix(const struct conference *c)
{
    return c->kind == &conference_mix;
}

bool conference_is_fanout(const struct conference *c)
{
    return c->kind == &conference_forward;
}

bool conference_ends_rtcp(const struct conference *c)
{
    /* A relay passes RTCP as it is, for what it reports is the other peer's own stream. */
    return c->kind != &conference_relay;
}

bool conference_takes_keys(const struct conference *c)
{
    /* A PIN needs them in every kind. */
    return c->kind == &conference_mix || c->settings->pin[0] != '\0';
}

const char *conference_name(const struct conference *c)
{
    return c->name;
}

enum settings_conference_kind conference_kind(const struct conference *c)
{
    return c->settings->kind;
}

uint64_t conference_number(const struct conference *c)
{
    return c->number;
}

uint32_t conference_place(const struct conference *c)
{
    return c->place;
}

int conferences_find_guid(const struct conferences *all, const uint8_t guid[H225_GUID_LEN],
                          const struct settings_conference **row, const char **name)
{
    /* Linear: it is asked once for a call that names a conference by its id. */
    LIST_FOREACH (it, &all->all) {
        const struct conference *c = LIST_ENTRY(it, struct conference, link);

        CONFERENCE_EACH_MEMBER(c, m)
        {
            if (memcmp(session_conference_guid(m->session), guid, H225_GUID_LEN) != 0)
                continue;
            *row = c->settings;
            *name = c->name;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

/* ---- what the kinds do ---- */

void conference_update(struct conference *c)
{
    bool has_channels = false;

    /* Before the kind: who is let in by it is a full member in the same turn. */
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (m->is_waiting)
            conference_pin_update(c, m);
        has_channels = has_channels || session_has_channels(m->session);
    }
    c->kind->update(c);
    conference_data_update(c);
    /* The last channel took the common codec along: the next call may choose again. */
    if (!has_channels)
        c->has_codec = c->is_changed = false;
}

bool conference_accepts(const struct conference *c, const struct session *s, enum h245_codec codec)
{
    bool is_configured = false;

    /* In the configuration, of the kind, and with the others of the conference: all three. */
    for (uint32_t i = 0; i < c->settings->codec_count; i++)
        is_configured = is_configured || conference_codec_of(c->settings->codecs[i]) == codec;
    return is_configured && c->kind->is_served(codec) &&
           (c->kind->accepts == NULL || c->kind->accepts(c, s, codec));
}

size_t conference_offer(const struct conference *c, const struct session *s,
                        struct h245_audio *offer, size_t max)
{
    size_t n = 0;

    for (uint32_t i = 0; i < c->settings->codec_count && n < max; i++) {
        enum h245_codec codec = conference_codec_of(c->settings->codecs[i]);

        if (!conference_accepts(c, s, codec))
            continue;
        memset(&offer[n], 0, sizeof(offer[n]));
        offer[n].codec = codec;
        /* Opus as a generic capability has no such count. */
        offer[n].frames = codec == H245_CODEC_OPUS ? 1 : AUDIO_FRAMES;
        n++;
    }
    return n;
}

void conference_settle(struct conference *c, enum h245_codec codec)
{
    /* In a mix each has its own. */
    if (!c->kind->is_common_codec)
        return;
    c->has_codec = true;
    c->codec = codec;
}

bool conference_codec(const struct conference *c, enum h245_codec *codec)
{
    if (c->has_codec)
        *codec = c->codec;
    return c->has_codec;
}
