/* A call engine with a wire that ends in a queue, everything that happened written down. */
#ifndef TESTS_H225_LEG_H
#define TESTS_H225_LEG_H

#include "base/arena.h"
#include "signalling/h225/call.h"
#include "signalling/schema/h225.h"

#define LEG_QUEUE       32
#define LEG_MESSAGE_MAX 4096

struct leg_message {
    uint8_t data[LEG_MESSAGE_MAX];
    size_t len;
};

struct leg_seen {
    int setup, proceeding, alerting, connect, start_h245, h245, keypad, facility, released;
    char destination[8][64];
    enum h225_alias_kind kind[8];
    size_t destinations, sources, fast_start;
    char source[64], display[64], product[64], digits[64];
    struct addr h245_address;
    bool tunnelling, fast_connect_refused;
    uint8_t call_id[H225_GUID_LEN], conference_id[H225_GUID_LEN];
    unsigned version;
    struct h225_release release;
    struct h225_facility last_facility; /* its texts: in alternative */
    char alternative[64];
    size_t alternatives;
    uint8_t pdu[8];
    size_t pdu_len;
};

struct leg {
    struct h225_call *call;
    struct leg_message queue[LEG_QUEUE];
    size_t queue_len;
    struct leg_seen seen;
    bool destroy_in_callback;
    bool connect_in_callback;
    struct addr listen; /* told in Connect */
    uint64_t now;
    struct arena arena;
};

void leg_init(struct leg *l, const struct h225_call_config *config, uint16_t call_ref);
void leg_fini(struct leg *l);

/* Caller dials callee's alias "demo" and the number 4711. */
int leg_dial(struct leg *l);

/* Everything queued goes over, both ways, until nothing moves. */
void leg_run(struct leg *a, struct leg *b, uint64_t now);

/* Oldest message sent, decoded into l->arena; NULL if none. `msg` may be NULL. */
struct h225_H323_UserInformation *leg_take(struct leg *l, struct q931_msg *msg);

/* Builds a Q.931 message as the peer of `l` would, and gives it in. `info` may be NULL. */
int leg_feed(struct leg *l, struct q931_msg *msg, struct h225_H323_UserInformation *info);

#endif
