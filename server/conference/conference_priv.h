/* Inside of conferences: shared by the conference_*.c files alone.
 *
 * conference.c is the table and who is in; conference_life.c timers and ends; conference_pin.c the
 * digits in front of the door; conference_record.c recordings and announcements;
 * conference_relay.c, conference_mix.c and conference_forward.c what the kinds do differently
 * (struct conference_kind); conference_operate.c what an operator may do; conference_json.c how it
 * all is told. */
#ifndef SERVER_CONFERENCE_PRIV_H
#define SERVER_CONFERENCE_PRIV_H

#include <uthash.h>

#include "base/list.h"
#include "base/timer.h"
#include "server/conference/conference.h"
#include "server/session/session.h"
#include "settings/settings.h"
#include "signalling/h245/video.h"

#define CONFERENCE_SLOTS 15

/* Pictures of one medium of a member: what their receivers have asked of it, and it of others. */
struct member_pictures {
    struct member *member;
    enum h245_media medium;
    uint32_t rate;  /* it takes no more, in 100 bit/s; SESSION_RATE_ANY */
    uint32_t limit; /* it was told to send no more, */
    uint16_t lcn;   /* by this channel; 0: none is open */
    uint64_t asked; /* ms; 0: never */
    struct timer timer;
};

struct member {
    struct list link;
    struct conference *conference;
    struct session *session;
    struct h243_member *seat;
    uint64_t joined; /* ms */
    /* The PIN is awaited: it hears, sees and is told nothing of the others, nor they of it. */
    bool is_waiting;
    bool may_take_seat; /* its H.245 is ready; the seat is taken when it waits no more */
    unsigned pin_failures;
    char digits[SETTINGS_PIN_MAX];
    size_t digit_count;
    struct timer pin_timer;
    bool is_muted; /* the others do not hear it, nor see it */
    bool is_deaf;
    int8_t gain_db;
    struct member *slot[CONFERENCE_SLOTS]; /* kind forward: who comes by which lane; NULL: free */
    /* In a mix: */
    uint32_t mix_transport; /* number of the session's transport that is in it; 0: none */
    struct media_mix_member mix_part;
    bool was_recorded; /* the policy about recordings has been asked */
    /* Its video in a mix, see conference_video.c: */
    struct member *sees;      /* whose; NULL: nobody's */
    struct member *held;      /* whom it saw before, until the key frame of `sees` */
    uint64_t held_until;      /* ms: then it sees `sees` for certain */
    struct member *wants;     /* whom it has asked for itself (H.243 VCS) */
    uint32_t video_transport; /* our channel to it was on, when last looked at; 0: not open */
    uint32_t presentation_transport;         /* the same of that for presentations */
    struct member_pictures video, presented; /* presented: by H.239 */
    struct h245_video_set
        asked_mode;          /* video that it was asked to lower its own to; level 0: none */
    bool is_told;            /* ... not asked: that is what our capabilities say */
    struct timer mode_timer; /* runs while it may be changing its channel for that … */
    enum h245_video_codec mode_codec; /* … to this codec */
    bool is_excluded;                 /* there is video, but none that it can take */
    bool is_left_out;                 /* the same of what is presented */
};

/* Why a conference ended, in events. */
#define CONFERENCE_END_LIST(X)                 \
    X(CONFERENCE_END_EMPTY, "empty")           \
    X(CONFERENCE_END_OPERATOR, "operator")     \
    X(CONFERENCE_END_IDLE, "idle")             \
    X(CONFERENCE_END_DURATION, "max_duration") \
    X(CONFERENCE_END_NO_MIX, "no_mix")

enum conference_end {
#define CONFERENCE_END_ENUM(name, text) name,
    CONFERENCE_END_LIST(CONFERENCE_END_ENUM)
#undef CONFERENCE_END_ENUM
};

/* What one kind does in its own way. NULL: nothing. */
struct conference_kind {
    /* May a channel of `s` have this codec, beside that it is configured? */
    bool (*accepts)(const struct conference *c, const struct session *s, enum h245_codec codec);
    /* Is one codec common to all, so that the first channel settles it? */
    bool is_common_codec;
    bool (*is_served)(enum h245_codec codec);
    /* Set what flows: something of a member has changed. */
    void (*update)(struct conference *c);
    /* The member goes, and is in the list no more. */
    void (*leave)(struct conference *c, struct member *m);
    void (*end)(struct conference *c);
    void (*add_json)(const struct conference *c, json_t *j);
};
/* Where packets pass unchanged (conference_relay.c). */
bool conference_common_is_served(enum h245_codec codec);
bool conference_common_accepts(const struct conference *c, const struct session *s,
                               enum h245_codec codec);
extern const struct conference_kind conference_relay, conference_mix, conference_forward;

struct conference {
    struct list link;
    struct conferences *all;
    struct settings_conference own; /* as it was when the conference began */
    const struct settings_conference *settings;
    const struct conference_kind *kind;
    char name[SETTINGS_TEXT_MAX];
    uint64_t number; /* never used twice: names its room of data */
    uint32_t place;  /* worker; that of another conference where a session moved here from it */
    bool is_kept;    /* made by an operator: lives without sessions */
    bool is_locked;  /* nobody joins but whom the server calls */
    bool is_ending;  /* its sessions are being closed, */
    enum conference_end why; /* because of this */
    bool has_codec;
    bool is_changed; /* ... and is not the first: channels of the one before may be open */
    enum h245_codec codec;
    uint64_t codec_changed; /* ms; 0: never */
    size_t count, joins;
    uint64_t began, empty_since; /* ms */
    struct list members;
    struct h243 *control;
    struct timer timer;  /* idle, or too old */
    struct mixer *mixer; /* of a mix while it is open; NULL */
    enum settings_layout layout;
    struct member *presenting; /* whose presentation the others see (H.239); NULL: nobody's */
    struct member *shown;      /* layouts fixed and lecture; NULL: it has left, as if by voice */
    UT_hash_handle hh;
};

struct conferences {
    struct session_env *env;
    struct list all; /* in the order of their making */
    struct conference *by_name;
    size_t count;
    uint32_t next_place;
    uint64_t next_number;
    struct list mixers; /* also those whose conference is gone */
    struct conferences_stats stats;
};

#define CONFERENCE_EACH_MEMBER(c, m)     \
    LIST_FOREACH (m##_it, &(c)->members) \
        for (struct member *m = LIST_ENTRY(m##_it, struct member, link); (m) != NULL; (m) = NULL)

/* conference.c */
struct conference *conference_find(struct conferences *all, const char *name);
struct conference *conference_make(struct conferences *all,
                                   const struct settings_conference *settings, const char *name);
void conference_free(struct conference *c); /* nobody is in it */
struct member *conference_member(const struct conference *c, const struct session *s);
uint64_t conference_now(const struct conferences *all);
enum h245_codec conference_codec_of(enum settings_codec codec);

/* conference_life.c: it is there. Which timer runs, after every change. Ends it: all sessions close
 * with `why`, the conference is freed with the last of them, or at once when there is none. */
void conference_life_begin(struct conference *c);
void conference_arm(struct conference *c);
void conference_finish(struct conference *c, enum conference_end why,
                       enum session_end for_sessions);
void conference_on_empty(struct conference *c);
const char *conference_end_to_str(enum conference_end why);

/* conference_mix.c: those whose last word has not come; the data plane's side is being torn down.
 */
void conference_mixers_free(struct conferences *all);

/* conference_data.c: what a kind without a relay does with data. */
void conference_data_update(struct conference *c);

/* conference_pin.c */
void conference_pin_begin(struct conference *c, struct member *m);
void conference_pin_forget(struct conference *c, struct member *m);
void conference_pin_update(struct conference *c, struct member *m);

/* conference_json.c. Events take over `data`, which gets the conference's name; of a member, or
 * (NULL) of nobody. Not built when nobody listens: conference_is_watched. */
bool conference_is_watched(const struct conference *c);
void conference_event(const struct conference *c, const struct member *m, const char *type,
                      json_t *data);
json_t *conference_to_json(const struct conference *c, uint64_t now);

#endif
