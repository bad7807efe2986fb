/* What h243.c (chair, lists) and h243_token.c (presentation) share. Not for anybody else. */
#ifndef SERVER_H243_PRIV_H
#define SERVER_H243_PRIV_H

#include "base/arena.h"
#include "base/list.h"
#include "server/h243.h"

struct h243 {
    const struct h243_ops *ops;
    struct arena arena; /* for one message at a time */
    struct list members;
    struct h243_member *chair;
    struct {
        struct h243_member *owner;
        struct h243_member *asking; /* wants it; `owner` is being asked to give it up */
        uint16_t channel;           /* as the one who asks names it */
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
};

void h243_token_leave(struct h243_member *m);

#endif
