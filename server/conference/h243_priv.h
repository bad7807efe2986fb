/* What h243.c (chair, lists), h243_status.c (what the MC tells and asks by itself) and h243_token.c
 * (presentation) share. Not for anybody else. */
#ifndef SERVER_H243_PRIV_H
#define SERVER_H243_PRIV_H

#include "base/arena.h"
#include "base/list.h"
#include "server/conference/h243.h"
#include "signalling/schema/h245.h"

#define H243_NAME_MAX 128 /* octets of a TerminalID */

struct h243 {
    const struct h243_ops *ops;
    struct arena arena; /* for one message at a time */
    struct list members;
    bool is_multipoint;
    struct h243_member *chair;
    struct h243_member *shown; /* has shown itself to all (MCV) and may take that back */
    struct {
        struct h243_member *owner;
        struct h243_member *asking; /* wants it; `owner` is being asked to give it up */
        uint16_t channel;           /* as the one who asks names it */
        uint16_t owner_channel;     /* as the owner named it */
    } token;
    struct h243_member *by_number[H243_MEMBERS_MAX + 1];
};

struct h243_member {
    struct list link;
    struct h243 *h;
    void *user;
    struct h245_engine *engine; /* NULL: not there yet */
    uint8_t number;
    bool has_h239;
    bool is_told_alone, is_told_seen, is_told_seen_by_all; /* what it was told last */
    uint8_t told_seeing;                                   /* a number; 0: nobody */
    char own_name[H243_NAME_MAX + 1];
};

/* h243.c. Says it about another one, or (NULL) about itself; a label only where the kind has one.
 */
void h243_indicate(struct h243_member *to, enum h245_ConferenceIndication_kind kind,
                   const struct h243_member *about);
/* h243_status.c: after somebody has entered or left. */
void h243_welcome(struct h243_member *m);
void h243_tell_company(struct h243 *h);

/* h243_token.c: it learns who presents. */
void h243_token_enter(struct h243_member *m);
void h243_token_leave(struct h243_member *m);

#endif
