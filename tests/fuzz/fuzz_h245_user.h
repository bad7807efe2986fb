/* A user of an H.245 engine who does what octets tell him, for the fuzz target: answers by his
 * mood, acts at any time, leaves in the middle of a callback, and checks what he is told. */
#ifndef TESTS_FUZZ_FUZZ_H245_USER_H
#define TESTS_FUZZ_FUZZ_H245_USER_H

#include "base/arena.h"
#include "signalling/h23510/h23510.h"
#include "signalling/h245/engine.h"

#define USER_CHANNELS_MAX 4
#define USER_QUEUE        32
#define USER_PDU_MAX      4096

struct user {
    struct h245_engine *engine; /* NULL: he has left */
    struct h23510 n;
    struct arena arena;
    uint64_t now;
    uint32_t random;
    uint8_t mood;
    uint64_t sent;
    bool keeps; /* what is sent goes into the queue, for the other engine */
    struct {
        uint8_t data[USER_PDU_MAX];
        size_t len;
    } queue[USER_QUEUE];
    size_t queued;
};

void user_init(struct user *u, uint32_t random);
void user_fini(struct user *u);

/* One of 16 plain actions (8 to 15; below: nothing) or of 16 more. */
void user_act(struct user *u, unsigned what, const uint8_t *data, size_t len);
void user_act_more(struct user *u, unsigned what, const uint8_t *data, size_t len);

#endif
