/* Control of one conference: terminal numbers and names, the chair (H.243 on H.245), and the
 * presentation token (H.239).
 *
 * Knows H.245 engines and nothing of sessions, so that it runs in a test without them. A member has
 * a number from the time it joins, and is shown to the others while its H.245 is up. Functions that
 * return bool are what the engine's callbacks of the same name return. Main thread. */
#ifndef SERVER_H243_H
#define SERVER_H243_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h243;
struct h243_member;
struct h245_engine;
struct h245_ConferenceCommand;
struct h245_ConferenceIndication;
struct h245_ConferenceRequest;
struct h245_ConferenceResponse;
struct h245_GenericMessage;

#define H243_MCU_NUMBER  1 /* M of all labels: there is one MC */
#define H243_MEMBERS_MAX 192

/* What the MC may ask a terminal for (H.230 TCI, TCS3). */
#define H243_QUESTION_LIST(X)              \
    X(H243_ASK_TERMINAL_ID, "terminal_id") \
    X(H243_ASK_CONFERENCE_ID, "conference_id")

enum h243_question {
#define H243_QUESTION_ENUM(name, text) name,
    H243_QUESTION_LIST(H243_QUESTION_ENUM)
#undef H243_QUESTION_ENUM
        H243_QUESTIONS
};

/* None of these may remove a member before it returns, but `drop`. */
struct h243_ops {
    /* What the others may call it (terminalID) while it has not said so itself; never empty. */
    const char *(*name)(void *user);
    /* The chair wants it to leave. `self`: it is the one that is asking just now. */
    void (*drop)(void *user, bool is_self);
    /* Something was sent to it: its timers may have changed. */
    void (*touched)(void *user);
    /* Became the chair, or the owner of the presentation token; or is it no longer. */
    void (*changed)(void *user, const char *what, bool is_owner);
    /* The rest may be NULL: not done here. Wants to speak. */
    void (*floor)(void *user);
    /* Wants to see `source` (VCS), NULL: whoever the conference shows. False: cannot. */
    bool (*watch)(void *user, void *source);
    /* The chair wants all to see it (VCB), or (is_on false) whoever speaks. False: cannot. */
    bool (*broadcast)(void *user, bool is_on);
    /* It wants all to see what it sends by this channel (MCV). False: cannot, or somebody else has
     * chosen what is seen. */
    bool (*show)(void *user, uint16_t lcn);
    /* A key, as H.230's SBE number. */
    void (*number)(void *user, char digit);
    /* It has answered h243_ask; `len` octets of any kind. */
    void (*identified)(void *user, enum h243_question what, const char *text, size_t len);
};

/* ERR_NOMEM. `ops` stays. `is_multipoint`: members are told that they are in a multipoint
 * conference, that they shall follow the MC's mode requests, and whether they are alone in it; a
 * call of two that only happens to have a server between them is not one. */
int h243_create(const struct h243_ops *ops, bool is_multipoint, struct h243 **out);
void h243_destroy(struct h243 *h); /* members too; tells nobody. NULL is fine. */

/* NULL: no number is free, or no memory. The lowest free number is taken. */
struct h243_member *h243_add(struct h243 *h, void *user);
/* Its H.245 is ready: it learns its number, the others that it is there. */
void h243_enter(struct h243_member *m, struct h245_engine *engine);
/* The MC asks for the conference's password (TCS1) before it lets the member in: the answer is the
 * engine's on_conference_response. */
void h243_ask_password(struct h243_member *m, struct h245_engine *engine, uint64_t now);
/* Can be sent H.239's messages; from its capabilities. */
void h243_set_h239(struct h243_member *m, bool has_h239);
/* Gone: the others learn it, what it owned is free. The member is freed. */
void h243_leave(struct h243_member *m);

/* The same without a word to anybody: all engines are being taken down. */
void h243_forget(struct h243_member *m);

/* ---- what the MC says of its own accord (h243_status.c) ---- */

/* enterH243TerminalID, enterH243ConferenceID; ops.identified tells the answer, which may never
 * come. ERR_STATE: it has not entered, or is asked just now. */
int h243_ask(struct h243_member *m, enum h243_question what, uint64_t now);
/* The chair is one no more (withdrawChairToken). False: there is none. */
bool h243_withdraw_chair(struct h243 *h);
/* Whose picture it gets (VIN), NULL: nobody's any more; and of how many of all others its own is
 * seen (MIV). Said only when that has changed. */
void h243_tell_seeing(struct h243_member *m, const struct h243_member *source);
void h243_tell_seen(struct h243_member *m, unsigned viewers, unsigned others);
/* What all see was chosen by somebody else: who has shown itself has nothing to take back. */
void h243_forget_show(struct h243 *h);

const char *h243_question_to_str(enum h243_question what);
/* What it calls itself (terminalIDResponse); "" : it has not said. */
const char *h243_own_name(const struct h243_member *m);

uint8_t h243_number(const struct h243_member *m);
bool h243_is_chair(const struct h243_member *m);
bool h243_is_presenter(const struct h243_member *m);

bool h243_on_request(struct h243_member *m, const struct h245_ConferenceRequest *request);
void h243_on_response(struct h243_member *m, const struct h245_ConferenceResponse *response);
bool h243_on_command(struct h243_member *m, const struct h245_ConferenceCommand *command);
void h243_on_indication(struct h243_member *m, const struct h245_ConferenceIndication *indication);
bool h243_on_generic_request(struct h243_member *m, const struct h245_GenericMessage *message,
                             uint64_t now);
bool h243_on_generic_response(struct h243_member *m, const struct h245_GenericMessage *message);
bool h243_on_generic_command(struct h243_member *m, const struct h245_GenericMessage *message);
/* A generic request that was sent to it is not answered, or not understood. */
void h243_on_generic_failed(struct h243_member *m);

#endif
