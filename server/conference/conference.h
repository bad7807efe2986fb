/* Conferences: sessions whose media meet.
 *
 * Kind `relay`: of two, each hears the other. The packets are passed on as they are, so all
 * sessions use one codec: the first channel that is accepted settles it, and until then each set of
 * capabilities offers only what the others can receive too. Kind `forward`: the same for up to
 * sixteen, each stream on a channel of its own. Kind `mix`: each session has codecs of its own, the
 * data plane decodes and mixes, and video is that of one member at a time.
 *
 * A conference begins with its first session and ends with its last; one that an operator has made
 * (conference_create) lives until he deletes it or nobody comes. Main thread. */
#ifndef SERVER_CONFERENCE_H
#define SERVER_CONFERENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/media/media.h"
#include "server/session/session.h"
#include "settings/settings.h"
#include "signalling/h225/call.h"
#include "signalling/h245/media.h"

struct conference;
struct conferences;
struct h243_member;
struct session;
struct settings_conference;

#define CONFERENCES_STAT_LIST(X)                                             \
    X(created)                                                               \
    X(deleted)                                                               \
    X(joined)                                                                \
    X(left)                                                                  \
    X(refused_full) /* by max_sessions */                                    \
    X(refused_locked)                                                        \
    X(refused_limit) /* signalling.limits.max_conferences */                 \
    X(pin_accepted)                                                          \
    X(pin_wrong)  /* each try */                                             \
    X(pin_failed) /* sessions that ended: too many tries, or none in time */ \
    X(ended_idle)                                                            \
    X(ended_duration)

struct conferences_stats {
#define CONFERENCES_STAT_FIELD(name) uint64_t name;
    CONFERENCES_STAT_LIST(CONFERENCES_STAT_FIELD)
#undef CONFERENCES_STAT_FIELD
};

/* `env` has to be whole before the first session joins. ERR_NOMEM. */
int conferences_create(struct session_env *env, struct conferences **out);
void conferences_destroy(struct conferences *c); /* all sessions have left before */
size_t conferences_count(const struct conferences *c);
const struct conferences_stats *conferences_stats_of(const struct conferences *c);
json_t *conferences_to_json(const struct conferences *c, uint64_t now);

/* What an alias means to an operator: a conference that runs under just this name, else a row of
 * the dial plan. Row and name are good until the next call here. ERR_NOTFOUND. */
int conferences_resolve(struct conferences *all, const char *alias,
                        const struct settings_conference **row, const char **name);

/* The same for who calls in: of the conferences that run, only those that an operator made are
 * reached by their names; all others by the dial plan as it is now. */
int conferences_resolve_call(struct conferences *all, const char *alias,
                             const struct settings_conference **row, const char **name);

/* Join the conference `name`, made when it is not there. ERR_LIMIT: it is full; ERR_REFUSED: it is
 * locked, or ends just now; ERR_AGAIN: there are too many conferences; ERR_NOMEM. */
int conference_join(struct conferences *all, const struct settings_conference *settings,
                    const char *name, struct session *s, struct conference **out);

/* The same; if it has to be made, its ports and those of `beside` can meet. */
int conference_join_near(struct conferences *all, const struct settings_conference *settings,
                         const char *name, struct session *s, const struct conference *beside,
                         struct conference **out);

/* How a session ends that could not join. */
enum session_end conference_refusal(int err);

/* A running conference by the conferenceID of one of its sessions. ERR_NOTFOUND. */
int conferences_find_guid(const struct conferences *all, const uint8_t guid[H225_GUID_LEN],
                          const struct settings_conference **row, const char **name);

/* The session's media stop at once; an empty conference is freed. */
void conference_leave(struct conference *c, struct session *s);

/* The same without a word to the others: everything ends. */
void conference_forget(struct conference *c, struct session *s);

/* Its place in the conference's control: number, chair, token. NULL: not a member. */
struct h243_member *conference_seat(const struct conference *c, const struct session *s);

/* It needs no PIN, or no more. */
void conference_admit(struct conference *c, struct session *s);

/* What it is called by, and its kind; valid as long as the conference. */
const char *conference_name(const struct conference *c);
enum settings_conference_kind conference_kind(const struct conference *c);
/* Number that its ports have in common (media_request.place). */
uint32_t conference_place(const struct conference *c);
/* Its own for as long as the server runs; above 0. */
uint64_t conference_number(const struct conference *c);

/* Its H.245 is ready: may it take its seat, or does it wait for the PIN first? Then the conference
 * calls session_take_seat. */
bool conference_may_take_seat(struct conference *c, struct session *s);

/* Keys of the peer. Not taken: there is no PIN that waits. FAILED: too many wrong ones, the session
 * has to end with SESSION_END_WRONG_PIN (by the caller, who may be deep inside of it). */
enum conference_pin {
    CONFERENCE_PIN_NOT_TAKEN,
    CONFERENCE_PIN_TAKEN,
    CONFERENCE_PIN_FAILED,
};
enum conference_pin conference_on_digits(struct conference *c, struct session *s,
                                         const char *digits);

/* Is its audio mixed, each session in a codec of its own? */
bool conference_has_mix(const struct conference *c);
/* Does RTCP of its sessions end in the data plane (media_request.ends_rtcp)? */
bool conference_ends_rtcp(const struct conference *c);
/* Do keys mean anything to it, so that peers are told that they may send them? */
bool conference_takes_keys(const struct conference *c);

/* What may be offered to `s`, best first; at most `max`. */
size_t conference_offer(const struct conference *c, const struct session *s,
                        struct h245_audio *offer, size_t max);

/* May a channel of `s` use this codec? */
bool conference_accepts(const struct conference *c, const struct session *s, enum h245_codec codec);

/* The session that `s` is in a relay with; NULL: none yet. */
struct session *conference_other(const struct conference *c, const struct session *s);

/* Video and data are passed on as they are: what may be offered to `s` is what the other session's
 * peer can receive, in its own words; while there is none, what is configured. */
size_t conference_offer_relayed(const struct conference *c, const struct session *s,
                                struct h245_relayed *offer, size_t max);

/* May a channel of `s` carry this? */
bool conference_relays(const struct conference *c, const struct session *s,
                       const struct h245_relayed *relayed);

/* What becomes of the data of its sessions (conferences[].data). */
enum conference_data {
    CONFERENCE_DATA_OFF,
    CONFERENCE_DATA_RELAY, /* SCTP passes from one to the other */
    CONFERENCE_DATA_AUTO,  /* likewise where both sides' DTLS roles allow it, else it is terminated
                            */
    CONFERENCE_DATA_TERMINATE, /* SCTP ends here; messages go to all others */
};
enum conference_data conference_data(const struct conference *c);
/* May the session hear and say something: is it in, and past the PIN? */
bool conference_data_flows(const struct conference *c, const struct session *s);
/* How many of its sessions a message to all of them would go to. */
size_t conference_data_readers(const struct conference *c);
/* Do DTLS and SRTP of its two sessions pass unopened (C-PASS)? Its row says so, or the session that
 * makes it, while it is alone. ERR_REFUSED: not of kind relay, or others are there already. */
bool conference_is_passed(const struct conference *c);
int conference_pass(struct conference *c, const struct session *s);

/* Kind forward: the session whose media come by lane `slot` of `s`; NULL. */
bool conference_is_fanout(const struct conference *c);
struct session *conference_fanout_source(const struct conference *c, const struct session *s,
                                         uint8_t slot);

/* Kind mix, and of a forward the presentation: does it want a channel of ours to `s`, and as what?
 * And what it passes on then, and takes from `s`. */
bool conference_wants(const struct conference *c, const struct session *s, enum h245_media medium,
                      struct h245_relayed *as);
size_t conference_video_offer(const struct conference *c, const struct session *s,
                              struct h245_relayed *offer, size_t max);
bool conference_video_relays(const struct conference *c, const struct session *s,
                             const struct h245_relayed *relayed);
/* `s` needs a whole picture of what it sees; it takes no more than so much of it (100 bit/s).
 * `medium`: video, or what is presented. */
void conference_picture_wanted(struct conference *c, struct session *s, enum h245_media medium);
void conference_limit_video(struct conference *c, struct session *s, enum h245_media medium,
                            uint32_t rate);

/* A channel was accepted or opened: its codec is the conference's from now on. */
void conference_settle(struct conference *c, enum h245_codec codec);
bool conference_codec(const struct conference *c, enum h245_codec *codec);
/* What the session's peer can receive is known (again). Where all have one codec, and it is not
 * among that, all change to another if there is one. False: there is none. */
bool conference_agree(struct conference *c, const struct session *s);
/* Another codec is wished for. Check: may channels of `s` have it, where it is common those of all
 * others too? ERR_REFUSED with *why in words. Follow: the same for a peer's wish, of which there is
 * a limit in time, so that two who want different ones do not drive all others. Change: all follow
 * by their timers (nothing, where each has its own codec). */
int conference_check_codec(const struct conference *c, const struct session *s,
                           enum h245_codec codec, struct session_refusal *why);
bool conference_may_follow(const struct conference *c, const struct session *s,
                           enum h245_codec codec);
void conference_change_codec(struct conference *c, const struct session *by, enum h245_codec codec);
/* A channel with this codec is from before such a change: what it brings is for nobody. */
bool conference_is_outdated(const struct conference *c, enum h245_codec codec);

/* Ports, channels or associations of a session have changed: set the routes, and let the codec go
 * when no channel is left. */
void conference_update(struct conference *c);

/* ---- for an operator (conference_operate.c) ----
 *
 * ERR_STATE with *why: not with a conference of this kind, or not now. Session pointers must be
 * members: conference_of. */

struct conference *conferences_find(struct conferences *all, const char *name); /* NULL */
json_t *conference_get_json(const struct conference *c, uint64_t now);

/* One that lives without sessions. ERR_EXISTS: it runs (and is kept from now on); ERR_LIMIT. */
int conference_create(struct conferences *all, const struct settings_conference *settings,
                      const char *name, struct conference **out);
void conference_delete(struct conference *c); /* its sessions end */
void conference_lock(struct conference *c, bool is_locked);
bool conference_is_locked(const struct conference *c);

struct conference_voice {
    bool is_muted; /* nobody hears or sees it */
    bool is_deaf;  /* it hears nobody */
    int8_t gain_db;
};
/* ERR_NOTFOUND: the session is not in it. */
int conference_get_voice(const struct conference *c, const struct session *s,
                         struct conference_voice *voice);
int conference_set_voice(struct conference *c, struct session *s,
                         const struct conference_voice *voice);
/* A member wants to see just this one (H.243 VCS), NULL: whoever the layout shows. ERR_NOTFOUND: it
 * has no video, or is not there. */
int conference_watch(struct conference *c, struct session *s, struct session *source);

/* Whose video is seen: `shown` NULL for layout voice, else somebody. ERR_STATE, ERR_INVAL. */
int conference_set_layout(struct conference *c, enum settings_layout layout, struct session *shown,
                          const char **why);

/* May the session put its own picture before all? Not where an operator or the chair has chosen. */
bool conference_may_show(const struct conference *c, const struct session *s);
/* Nobody is chair any more. False: nobody was. */
bool conference_withdraw_chair(struct conference *c);

/* Of a mix that somebody is in; all with *why in words. `s` NULL: the whole conference. ERR_STATE,
 * ERR_EXISTS, ERR_NOTFOUND, ERR_INVAL. `file` NULL: named by conference and time; *used is what it
 * is, until the next call. How they end is told by events. */
int conference_record_start(struct conference *c, struct session *s, const char *file,
                            const char **used, const char **why);
int conference_record_stop(struct conference *c, struct session *s, const char **why);
int conference_announce(struct conference *c, struct session *s, const char *file,
                        const char **why);
int conference_stop_announce(struct conference *c, struct session *s, const char **why);

#endif
